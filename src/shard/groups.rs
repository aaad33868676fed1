//! The consumer groups of this shard: one coordinator for each partition of `__consumer_offsets`
//! that is placed here. The coordinators decide; this carries their records to the log and back.

use std::collections::{BTreeMap, BTreeSet};

use crate::coordinator::group::{
    GroupCoordinator, GroupRequest, GroupSettings, Output, ReplayedRecord, RequestContext,
    RequestToken, Write, WriteToken,
};
use crate::log::validation::DECOMPRESSED_BYTES_MAX;
use crate::log::{AppendOrigin, FetchedRecords, ReadPlan, ReadRequest, ended_transaction};
use crate::metadata::{CONSUMER_OFFSETS, MetadataImage};
use crate::metrics::TopicMetrics;
use crate::model::{ErrorCode, Offset, PartitionIndex, TopicIdPartition, Uuid};
use crate::protocol::record_batch::{Batches, RecordBatch, RecordBatchBuilder};
use crate::stdx::{Instant, Now, Random};

use super::ShardSettings;
use super::appending::append_to;
use super::core::Shard;
use super::partition::{Asker, Partition, PartitionState, ReadPurpose};
use super::task::{AppendTask, Reply};
use super::waiting::{Acknowledge, Acks, WaitingAppend};

/// How much of the offsets topic is read at a time, as in Kafka (`offsets.load.buffer.size`).
const LOAD_BYTES_MAX: usize = 5 << 20;

/// The groups of one partition.
#[derive(Debug)]
struct Host {
    coordinator: GroupCoordinator,
    slot: u32,
    /// When the coordinator has something to do, as it is in [`Groups::deadlines`].
    deadline: Instant,
}

/// The consumer groups of this shard.
#[derive(Debug)]
pub struct Groups {
    settings: GroupSettings,
    random: Random,
    hosts: BTreeMap<PartitionIndex, Host>,
    /// When each coordinator has something to do, the first one in front: the runtime asks for it
    /// in every turn.
    deadlines: BTreeSet<(Instant, PartitionIndex)>,
    offsets_topic: Option<Uuid>,
    next_token: u64,
    askers: BTreeMap<RequestToken, Asker>,
}

impl Groups {
    /// None.
    pub fn new(settings: &mut ShardSettings) -> Self {
        Self {
            settings: GroupSettings::new(&settings.config),
            random: settings.random.fork(),
            hosts: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            offsets_topic: None,
            next_token: 0,
            askers: BTreeMap::new(),
        }
    }

    /// True for a partition of the offsets topic.
    pub fn is_host(&self, partition: TopicIdPartition) -> bool {
        self.offsets_topic == Some(partition.topic_id)
    }

    /// When the first coordinator has something to do.
    pub fn next_deadline(&self) -> Instant {
        let first = self.deadlines.first();
        first.map_or(Instant::MAX, |(deadline, _)| *deadline)
    }

    fn insert(&mut self, index: PartitionIndex, coordinator: GroupCoordinator, slot: u32) {
        self.remove(index);
        let deadline = coordinator.next_deadline();
        self.deadlines.insert((deadline, index));
        let host = Host {
            coordinator,
            slot,
            deadline,
        };
        self.hosts.insert(index, host);
    }

    fn remove(&mut self, index: PartitionIndex) -> Option<Host> {
        let host = self.hosts.remove(&index)?;
        self.deadlines.remove(&(host.deadline, index));
        Some(host)
    }

    /// A coordinator has acted.
    fn note_deadline(&mut self, index: PartitionIndex) {
        if let Some(host) = self.hosts.get_mut(&index) {
            let deadline = host.coordinator.next_deadline();
            let before = std::mem::replace(&mut host.deadline, deadline);
            if deadline != before {
                self.deadlines.remove(&(before, index));
                self.deadlines.insert((deadline, index));
            }
        }
    }

    /// The coordinators of this shard.
    pub fn coordinators(&self) -> impl Iterator<Item = &GroupCoordinator> {
        self.hosts.values().map(|host| &host.coordinator)
    }

    /// The image changed.
    pub fn on_metadata(&mut self, image: &MetadataImage) {
        self.offsets_topic = image.topic(CONSUMER_OFFSETS).map(|topic| topic.id);
    }
}

impl Shard {
    /// A partition of the offsets topic is open: load its groups.
    pub(super) fn load_groups(&mut self, now: Now, slot: u32) {
        let partition = self
            .partitions
            .at(slot)
            .expect("the partition was just opened");
        let (index, start) = (partition.index(), partition.log.log_start_offset());
        let random = self.groups.random.fork();
        let coordinator = GroupCoordinator::new(self.groups.settings.clone(), random);
        self.groups.insert(index, coordinator, slot);
        self.load_groups_from(now, slot, start);
    }

    fn load_groups_from(&mut self, now: Now, slot: u32, offset: Offset) {
        let bytes_max = LOAD_BYTES_MAX;
        let mut offset = offset;
        loop {
            let partition = self
                .partitions
                .touch(slot)
                .expect("the partition is loading");
            let end = partition.log.log_end_offset();
            if offset >= end {
                return self.on_groups_loaded(now, partition_index(self, slot));
            }
            let request = ReadRequest {
                offset,
                bytes_max,
                upper: end,
                at_least_one: true,
            };
            match partition.log.plan_read(request) {
                Ok(ReadPlan::Ready(records)) => match self.replay_groups(slot, &records) {
                    Some(next) if next > offset => offset = next,
                    _ => return,
                },
                Ok(ReadPlan::Disk(read)) => {
                    let read = partition.log.start_read(read);
                    partition.reads.insert(read, ReadPurpose::GroupLoad);
                    return;
                }
                Err(error) => {
                    tracing::error!(partition = slot, %error, "the groups cannot be loaded");
                    return;
                }
            }
        }
    }

    pub(super) fn on_group_log_read(
        &mut self,
        now: Now,
        slot: u32,
        result: Result<FetchedRecords, ErrorCode>,
    ) {
        match result {
            Ok(records) => {
                if let Some(next) = self.replay_groups(slot, &records) {
                    self.load_groups_from(now, slot, next);
                }
            }
            Err(error) => tracing::error!(partition = slot, %error, "the groups cannot be loaded"),
        }
    }

    /// Replay what was read; the offset to go on at, or `None` if the records are not sound. The
    /// coordinator then stays loading: answering from half of the truth would lose offsets.
    fn replay_groups(&mut self, slot: u32, records: &FetchedRecords) -> Option<Offset> {
        let index = partition_index(self, slot);
        let host = self.groups.hosts.get_mut(&index)?;
        let mut batches = Batches::new(records.slices.concat().into());
        loop {
            match batches.next_whole() {
                Ok(Some(batch)) if batch.is_control() => {
                    if let Some((producer_id, is_committed)) = ended_transaction(&batch) {
                        let coordinator = &mut host.coordinator;
                        coordinator.replay_transaction_end(producer_id, is_committed);
                    }
                }
                Ok(Some(batch)) => {
                    if let Err(error) = replay_batch(&mut host.coordinator, &batch) {
                        tracing::error!(
                            partition = index,
                            "a batch of offsets is damaged: {error}"
                        );
                        return None;
                    }
                }
                Ok(None) => return Some(records.next_offset),
                Err(error) => {
                    tracing::error!(partition = index, %error, "a batch of offsets is damaged");
                    return None;
                }
            }
        }
    }

    fn on_groups_loaded(&mut self, now: Now, index: PartitionIndex) {
        self.with_coordinator(now, index, |coordinator, _, output| {
            coordinator.on_loaded(now, output);
        });
    }

    /// Serve a request about the groups of partition `index`.
    pub(super) fn on_group_task(
        &mut self,
        now: Now,
        asker: Asker,
        index: PartitionIndex,
        context: RequestContext,
        request: GroupRequest,
    ) {
        if !self.groups.hosts.contains_key(&index) {
            let is_opening = self.groups.offsets_topic.is_some_and(|topic_id| {
                let id = TopicIdPartition {
                    topic_id,
                    partition: index,
                };
                let registration = self.image.partition(topic_id, index);
                let leader = registration.and_then(|registration| registration.leader);
                let leads = leader == Some(self.settings.config.node_id);
                leads
                    && self.partitions.find(id).is_some_and(|partition| {
                        !matches!(
                            partition.state,
                            PartitionState::Failed | PartitionState::Barred
                        )
                    })
            });
            let error = if is_opening {
                ErrorCode::CoordinatorLoadInProgress
            } else {
                ErrorCode::NotCoordinator
            };
            let response = request.error_response(context.api_version, error);
            return self.reply(asker, Reply::Group(Box::new(response)));
        }
        self.groups.next_token += 1;
        let token = RequestToken(self.groups.next_token);
        self.groups.askers.insert(token, asker);
        self.with_coordinator(now, index, |coordinator, image, output| {
            coordinator.on_request(now, token, &context, request, image, output);
        });
    }

    pub(super) fn on_groups_deadline(&mut self, now: Now) {
        let deadlines = self.groups.deadlines.iter();
        let due: Vec<PartitionIndex> = deadlines
            .take_while(|(deadline, _)| *deadline <= now.instant)
            .map(|(_, index)| *index)
            .collect();
        for index in due {
            self.with_coordinator(now, index, |coordinator, _, output| {
                coordinator.on_deadline(now, output);
            });
        }
    }

    pub(super) fn on_group_written(&mut self, now: Now, index: PartitionIndex, token: WriteToken) {
        self.with_coordinator(now, index, |coordinator, _, output| {
            coordinator.on_written(now, token, output);
        });
    }

    pub(super) fn on_group_write_failed(
        &mut self,
        now: Now,
        index: PartitionIndex,
        token: WriteToken,
        error: ErrorCode,
    ) {
        self.with_coordinator(now, index, |coordinator, _, output| {
            coordinator.on_write_failed(now, token, error, output);
        });
    }

    /// A partition is being deleted; if it kept groups, they go with it, and whoever waits is told.
    pub(super) fn unload_groups(&mut self, slot: u32) {
        let is_host = |(_, host): &(&PartitionIndex, &Host)| host.slot == slot;
        let Some((index, _)) = self.groups.hosts.iter().find(is_host) else {
            return;
        };
        let index = *index;
        let host = self.groups.remove(index).expect("the host was just found");
        let mut output = Output::default();
        host.coordinator.on_unloaded(&mut output);
        for (token, response) in output.answers {
            let asker = self
                .groups
                .askers
                .remove(&token)
                .expect("a request is answered once");
            self.reply(asker, Reply::Group(Box::new(response)));
        }
    }

    /// Topics are gone, and with them the offsets that groups committed for them.
    pub(super) fn on_topics_removed(&mut self, now: Now, topics: &[(Uuid, &str)]) {
        let indices: Vec<PartitionIndex> = self.groups.hosts.keys().copied().collect();
        for index in indices {
            self.with_coordinator(now, index, |coordinator, _, output| {
                coordinator.on_topics_deleted(now, topics, output);
            });
        }
    }

    /// Let a coordinator act, then send its answers and append its records.
    fn with_coordinator(
        &mut self,
        now: Now,
        index: PartitionIndex,
        act: impl FnOnce(&mut GroupCoordinator, &MetadataImage, &mut Output),
    ) {
        let mut output = Output::default();
        let Some(host) = self.groups.hosts.get_mut(&index) else {
            return;
        };
        act(&mut host.coordinator, &self.image, &mut output);
        // A write that cannot be appended is a new input to the coordinator, which may answer or
        // write again.
        loop {
            for (token, response) in output.answers.drain(..) {
                let asker = self
                    .groups
                    .askers
                    .remove(&token)
                    .expect("a request is answered once");
                self.reply(asker, Reply::Group(Box::new(response)));
            }
            let mut failed = Vec::new();
            for write in output.writes.drain(..) {
                let token = write.token;
                if let Err(error) = self.append_group_records(now, index, write) {
                    failed.push((token, error));
                }
            }
            if failed.is_empty() {
                return self.groups.note_deadline(index);
            }
            let host = self
                .groups
                .hosts
                .get_mut(&index)
                .expect("the coordinator just acted");
            for (token, error) in failed {
                host.coordinator
                    .on_write_failed(now, token, error, &mut output);
            }
        }
    }

    fn append_group_records(
        &mut self,
        now: Now,
        index: PartitionIndex,
        write: Write,
    ) -> Result<(), ErrorCode> {
        let slot = self
            .groups
            .hosts
            .get(&index)
            .ok_or(ErrorCode::NotCoordinator)?
            .slot;
        let partition = self
            .partitions
            .touch(slot)
            .ok_or(ErrorCode::NotCoordinator)?;
        if partition.log.lacks_space() {
            return Err(ErrorCode::KafkaStorageError);
        }
        let codec = self.configs.broker().offsets_topic_compression;
        let mut builder = RecordBatchBuilder::new().compression(codec, None);
        for record in &write.records {
            builder.append(
                write.timestamp_ms,
                Some(&record.key),
                record.value.as_deref(),
                &[],
            );
        }
        let batch = builder.finish();
        if batch.size_bytes() > partition.log.config().max_message_bytes as usize {
            return Err(ErrorCode::MessageTooLarge);
        }
        let epoch = partition.role.epoch();
        let appended = partition
            .log
            .append(now, vec![batch], epoch, AppendOrigin::Coordinator)?;
        let then = Acknowledge::Coordinator(write.token);
        let waiting = WaitingAppend {
            last_offset: appended.last_offset,
            deadline: Instant::MAX,
            then,
        };
        partition.waiting_appends.push(Acks::InSync, waiting);
        Ok(())
    }
}

/// Append to a partition that may be one of the offsets topic: what ends a transaction there makes
/// the offsets count that are part of it, or not. A coordinator that is being loaded would miss it.
pub(super) fn append_beside_groups(
    now: Now,
    (partition, groups): (&mut Partition, &mut Groups),
    asker: Asker,
    task: AppendTask,
    limits: (bool, &mut TopicMetrics),
) -> Option<Reply> {
    let ended = match task.origin {
        AppendOrigin::Marker { .. } if groups.is_host(task.partition) => {
            ended_transaction(&task.batch.batch)
        }
        _ => None,
    };
    let Some((producer_id, is_committed)) = ended else {
        return append_to(now, partition, asker, task, limits);
    };
    let host = groups.hosts.get_mut(&partition.index());
    let Some(host) = host.filter(|host| host.coordinator.is_loaded()) else {
        return Some(Reply::Appended(Err(ErrorCode::NotLeaderOrFollower.into())));
    };
    let reply = append_to(now, partition, asker, task, limits);
    if !matches!(reply, Some(Reply::Appended(Err(_)))) {
        let coordinator = &mut host.coordinator;
        coordinator.replay_transaction_end(producer_id, is_committed);
    }
    reply
}

fn replay_batch(coordinator: &mut GroupCoordinator, batch: &RecordBatch) -> Result<(), String> {
    let records = batch
        .records(DECOMPRESSED_BYTES_MAX)
        .map_err(|error| error.to_string())?;
    for record in records.iter() {
        let record = record.map_err(|error| error.to_string())?;
        let share = |part: &[u8]| records.share(part);
        let replayed = ReplayedRecord {
            key: record.key.map(share).unwrap_or_default(),
            value: record.value.map(share),
            offset: batch.base_offset() + i64::from(record.offset_delta),
            transaction: batch.producer_id().filter(|_| batch.is_transactional()),
        };
        coordinator
            .replay(replayed)
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn partition_index(shard: &Shard, slot: u32) -> PartitionIndex {
    shard
        .partitions
        .at(slot)
        .expect("the partition is loading")
        .index()
}
