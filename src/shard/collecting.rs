//! What a shard tells of itself when it is asked for its metrics: what it has counted, and how
//! many there are now of what it has.

use crate::metadata::{MetadataDelta, MetadataImage};
use crate::metrics::{
    GroupOffset, MetricId, ParkedOperation, PartitionState, QuorumState, ShardMetrics,
};
use crate::model::TopicPartition;
use crate::stdx::Now;

use super::controller::ControllerHost;
use super::core::Shard;
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
        metrics.set(MetricId::PeerConnections, self.peers.links_count() as u64);
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
        let (mut under_min, mut at_min, mut reassigning) = (0, 0, 0);
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
                reassigning += u64::from(led.is_reassigned());
                if let Some(leader) = partition.role.leader() {
                    under_min += u64::from(leader.is_under_in_sync_min());
                    at_min += u64::from(leader.is_at_in_sync_min());
                }
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
        metrics.set(MetricId::ReassigningPartitions, reassigning);
        metrics.set(MetricId::UnderMinIsr, under_min);
        metrics.set(MetricId::AtMinIsr, at_min);
        metrics.set(MetricId::ReplicaLagMax, u64::try_from(lag_max).unwrap_or(0));
        metrics.set_partitions(states);
    }

    /// Count the elections that `delta` tells of, before its image is the one that is worked by.
    pub(super) fn count_elections(&mut self, image: &MetadataImage, delta: &MetadataDelta) {
        let (mut all, mut unclean, mut eligible) = (0, 0, 0);
        for (topic_id, index) in &delta.partitions_changed {
            let before = self.image.partition(*topic_id, *index);
            let after = image.partition(*topic_id, *index);
            let Some((before, after)) = before.zip(after) else {
                continue;
            };
            if let Some(leader) = after.leader
                && after.leader != before.leader
            {
                all += 1;
                unclean += u64::from(after.leader_recovering && !before.leader_recovering);
                eligible += u64::from(before.eligible_leader_replicas.contains(&leader));
            }
        }
        self.meter.metrics.add(MetricId::LeaderElections, all);
        self.meter.metrics.add(MetricId::UncleanElections, unclean);
        self.meter
            .metrics
            .add(MetricId::EligibleElections, eligible);
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

    /// What the shard of the metadata knows of the cluster.
    fn collect_cluster(&self, metrics: &mut ShardMetrics) {
        let topics = self.image.topics.values();
        let (mut topics_count, mut partitions_count) = (0, 0);
        let (mut leaderless_count, mut unpreferred_count) = (0, 0);
        for topic in topics {
            topics_count += 1;
            partitions_count += topic.partitions.len() as u64;
            for partition in topic.partitions.values() {
                let first = partition.replicas.first().copied();
                leaderless_count += u64::from(partition.leader.is_none());
                unpreferred_count += u64::from(partition.leader != first);
            }
        }
        let brokers = self.image.brokers.values();
        let fenced_count = brokers.filter(|broker| broker.fenced).count() as u64;
        let brokers_count = self.image.brokers.values().count() as u64;
        metrics.set(MetricId::ClusterTopics, topics_count);
        metrics.set(MetricId::ClusterPartitions, partitions_count);
        metrics.set(MetricId::LeaderlessPartitions, leaderless_count);
        metrics.set(MetricId::UnpreferredLeaders, unpreferred_count);
        metrics.set(MetricId::FencedBrokers, fenced_count);
        metrics.set(MetricId::ActiveBrokers, brokers_count - fenced_count);
        let applied = self.image.end_offset - 1;
        metrics.set(
            MetricId::MetadataOffset,
            u64::try_from(applied).unwrap_or(0),
        );
        let Some(node) = self.controller.as_ref().map(ControllerHost::node) else {
            return;
        };
        metrics.set(MetricId::ActiveControllers, u64::from(node.is_controller()));
        let Some(quorum) = node.quorum() else {
            return;
        };
        let lag = quorum.high_watermark() - self.image.end_offset;
        metrics.set(MetricId::MetadataLag, u64::try_from(lag).unwrap_or(0));
        metrics.set_quorum(QuorumState {
            leader: quorum.leader_id(),
            epoch: quorum.epoch(),
            high_watermark: quorum.high_watermark(),
            log_end_offset: quorum.next_offset(),
            log_end_epoch: quorum.log_end_epoch(),
            vote: quorum.vote(),
            voters: quorum.voter_ids().len(),
            leader_changes: quorum.leader_changes(),
            standing: quorum.standing(),
        });
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
        lag: partition.role.leader().is_none().then(|| partition.lag()),
    }
}
