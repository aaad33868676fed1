//! What a shard tells of itself when it is asked for its metrics: what it has counted, and how
//! many there are now of what it has.

use crate::metrics::{GroupOffset, MetricId, ParkedOperation, PartitionState, ShardMetrics};
use crate::model::TopicPartition;
use crate::stdx::Now;

use super::core::{Phase, Shard};
use super::partition::{Partition, PartitionState as State};

impl Shard {
    /// A copy of what this shard has counted, with its gauges as they are now.
    pub(super) fn collect_metrics(&self, now: Now) -> ShardMetrics {
        let mut metrics = self.meter.metrics.clone();
        let parked: usize = self
            .partitions
            .iter()
            .map(|(_, partition)| partition.waiting_appends.len())
            .sum();
        metrics.set_parked(ParkedOperation::Produce, parked as u64);
        metrics.set_parked(ParkedOperation::Fetch, self.fetches.len() as u64);
        metrics.set(MetricId::RequestsInWork, self.requests.len() as u64);
        let in_work_bytes = self.connections.in_work_bytes() as u64;
        metrics.set(MetricId::RequestsInWorkBytes, in_work_bytes);
        let waiting_bytes = self.connections.waiting_bytes() as u64;
        metrics.set(MetricId::RequestsWaitingBytes, waiting_bytes);
        let cached_bytes = self.housekeeping.cached_bytes();
        metrics.set(MetricId::CachedBytes, cached_bytes as u64);
        self.collect_unsynced(&mut metrics);
        let files = &self.file_limit;
        metrics.set(MetricId::OpenFiles, files.files_count() as u64);
        metrics.set(MetricId::OpenFilesMax, files.files_max() as u64);
        self.journals.collect(&mut metrics);
        self.collect_partitions(&mut metrics);
        self.collect_cleaning(now, &mut metrics);
        self.collect_groups(&mut metrics);
        if self.controller.is_some() {
            self.collect_cluster(&mut metrics);
            let directories = self.directory_states();
            let offline = directories.iter().filter(|state| state.is_offline);
            metrics.set(MetricId::OfflineDirectories, offline.count() as u64);
            metrics.set_directories(directories);
        }
        metrics
    }

    fn collect_partitions(&self, metrics: &mut ShardMetrics) {
        let node = self.settings.config.node_id;
        let (mut leaders, mut offline, mut under_replicated) = (0, 0, 0);
        let (mut states, mut lag_max) = (Vec::new(), 0);
        for (_, partition) in self.partitions.iter() {
            let registration = self
                .image
                .partition(partition.id.topic_id, partition.id.partition);
            let led = registration.filter(|found| found.leader == Some(node));
            if partition.state == State::Failed {
                offline += 1;
            }
            if let (State::Open, Some(led)) = (partition.state, led) {
                leaders += 1;
                under_replicated += u64::from(led.isr.len() < led.replicas.len());
            }
            if partition.state == State::Open {
                states.push(state_of(partition));
                lag_max = lag_max.max(partition.lag());
            }
        }
        metrics.set(MetricId::Partitions, self.partitions.len() as u64);
        metrics.set(MetricId::Leaders, leaders);
        metrics.set(MetricId::OfflineReplicas, offline);
        metrics.set(MetricId::UnderReplicated, under_replicated);
        metrics.set(MetricId::ReplicaLagMax, u64::try_from(lag_max).unwrap_or(0));
        metrics.set_partitions(states);
    }

    fn collect_unsynced(&self, metrics: &mut ShardMetrics) {
        let open = self.partitions.iter().map(|(_, partition)| partition);
        let open = open.filter(|partition| partition.state == State::Open);
        let (mut records, mut bytes) = (0, 0);
        for partition in open {
            let acknowledged = partition.role.high_watermark();
            let unsynced = acknowledged - partition.log.durable_end_offset();
            records += u64::try_from(unsynced).unwrap_or(0);
            bytes += partition.log.deferred_bytes();
        }
        metrics.set(MetricId::UnsyncedRecords, records);
        metrics.set(MetricId::UnsyncedBytes, bytes);
    }

    fn collect_groups(&self, metrics: &mut ShardMetrics) {
        let (mut groups, mut offsets) = (0, Vec::new());
        for coordinator in self.groups.coordinators() {
            groups += coordinator.groups_count() as u64;
            let committed = coordinator.committed_offsets();
            offsets.extend(
                committed.map(|(group, topic, partition, committed_offset)| GroupOffset {
                    group: group.clone(),
                    partition: TopicPartition {
                        topic: topic.clone(),
                        partition,
                    },
                    committed_offset,
                }),
            );
        }
        metrics.set(MetricId::Groups, groups);
        metrics.set_group_offsets(offsets);
    }

    /// What the shard of the controller knows of the cluster.
    fn collect_cluster(&self, metrics: &mut ShardMetrics) {
        let topics = self.image.topics.iter();
        let (mut topics_count, mut partitions_count, mut leaderless_count) = (0, 0, 0);
        for (_, topic) in topics {
            topics_count += 1;
            partitions_count += topic.partitions.len() as u64;
            let partitions = topic.partitions.iter();
            leaderless_count += partitions
                .filter(|(_, found)| found.leader.is_none())
                .count();
        }
        // The only node of the quorum is its controller as soon as the cluster's image is there.
        let is_active = self.phase != Phase::Starting;
        metrics.set(MetricId::ActiveControllers, u64::from(is_active));
        metrics.set(MetricId::ClusterTopics, topics_count);
        metrics.set(MetricId::ClusterPartitions, partitions_count);
        metrics.set(MetricId::LeaderlessPartitions, leaderless_count as u64);
    }
}

fn state_of(partition: &Partition) -> PartitionState {
    PartitionState {
        partition: TopicPartition {
            topic: partition.topic.clone(),
            partition: partition.index(),
        },
        size_bytes: partition.log.size_bytes(),
        segments: partition.log.segments_count() as u64,
        log_start_offset: partition.log.log_start_offset(),
        log_end_offset: partition.log.log_end_offset(),
        high_watermark: partition.role.high_watermark(),
    }
}
