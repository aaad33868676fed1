//! What this shard does as the owner of partitions: tasks in, replies out.

use crate::log::storage::DirectoryIndex;
use crate::log::{
    FetchedRecords, FoundOffset, Log, LogFailure, LogProgress, Lookup, ReadId, ReadPlan,
    ReadRequest,
};
use crate::model::{ErrorCode, LeaderEpoch, Offset, TopicIdPartition};
use crate::stdx::Now;

use super::Effects;
use super::appending::append_to;
use super::core::Shard;
use super::fetches::{Fetch, FetchKey, trim_parts};
use super::partition::{Asker, Partition, PartitionState, ReadPurpose};
use super::task::{FetchPart, FetchedPart, ListedOffset, OffsetTarget, PartitionSize, Reply, Task};

/// Tasks that may wait for the image to reach what their sender knew. A sender is ahead for one
/// message's time only.
const AHEAD_OF_IMAGE_MAX: usize = 4096;

impl Shard {
    /// Do a task now, or when the image here knows what its sender knew.
    pub(super) fn take_task(
        &mut self,
        now: Now,
        asker: Asker,
        image_end_offset: Offset,
        task: Task,
    ) {
        let is_ahead = image_end_offset > self.image.end_offset;
        if is_ahead && self.ahead_of_image.len() < AHEAD_OF_IMAGE_MAX {
            self.ahead_of_image
                .push_back((asker, image_end_offset, task));
        } else {
            self.perform(now, asker, task);
        }
    }

    pub(super) fn perform(&mut self, now: Now, asker: Asker, task: Task) {
        match task {
            Task::Fetch(fetch) => {
                let key = self.fetches.open(asker, *fetch);
                self.fetches.wake([key]);
            }
            Task::DescribeSizes { partitions } => {
                let sizes = self.describe_sizes(partitions.as_deref());
                self.reply(asker, Reply::Sizes(sizes));
            }
            Task::DescribeRoom => self.room.ask(asker),
            Task::CollectMetrics => {
                let metrics = Box::new(self.collect_metrics(now));
                self.reply(asker, Reply::Metrics(metrics));
            }
            Task::Controller(request) => {
                self.note_log_levels(&request);
                let controller = self
                    .controller
                    .as_mut()
                    .expect("controller tasks go to shard 0");
                controller.on_request(now, asker, &request);
            }
            Task::Quorum(request) => {
                let controller = self.controller.as_mut();
                let controller = controller.expect("tasks of the quorum go to shard 0");
                if !controller.on_quorum_request(now, asker, &request) {
                    self.reply(asker, Reply::Quorum(None));
                }
            }
            Task::Group {
                partition,
                context,
                request,
            } => {
                self.on_group_task(now, asker, partition, context, *request);
            }
            Task::Append(_)
            | Task::ListOffset { .. }
            | Task::EpochEnd { .. }
            | Task::DeleteRecords { .. }
            | Task::MoveReplica { .. }
            | Task::DescribeProducers { .. } => self.perform_on_partition(now, asker, task),
        }
    }

    fn perform_on_partition(&mut self, now: Now, asker: Asker, task: Task) {
        let id = partition_of(&task);
        let Some(slot) = self.partitions.slot_of(id) else {
            // The sender's image had the partition; it is gone since, or has yet to be opened.
            return self.reply(asker, refusal(&task, ErrorCode::NotLeaderOrFollower));
        };
        let partition = self
            .partitions
            .touch(slot)
            .expect("the slot was just found");
        if partition.may_queue() {
            return partition.queued_tasks.push((asker, task));
        }
        if let Err(error) = partition.check_open() {
            return self.reply(asker, refusal(&task, error));
        }
        let reply = match task {
            Task::Append(append) => {
                let metrics = self.meter.metrics.topic_mut(&partition.topic);
                let is_full = self.room.is_full(partition.directory);
                append_to(now, partition, asker, *append, (is_full, metrics))
            }
            Task::ListOffset {
                leader_epoch,
                target,
                ..
            } => find_offset(partition, asker, leader_epoch, target),
            Task::EpochEnd {
                leader_epoch,
                epoch,
                ..
            } => Some(Reply::EpochEnd(epoch_end(partition, leader_epoch, epoch))),
            Task::DeleteRecords { before, .. } => {
                Some(Reply::DeletedRecords(delete_records(partition, before)))
            }
            Task::DescribeProducers { .. } => {
                Some(Reply::Producers(Ok(partition.log.active_producers())))
            }
            Task::MoveReplica { directory, .. } => {
                Some(Reply::Moved(self.move_replica(slot, directory)))
            }
            Task::Fetch(_)
            | Task::DescribeSizes { .. }
            | Task::DescribeRoom
            | Task::CollectMetrics
            | Task::Controller(_)
            | Task::Quorum(_)
            | Task::Group { .. } => unreachable!("these are not about one partition"),
        };
        if let Some(reply) = reply {
            self.reply(asker, reply);
        }
    }

    fn describe_sizes(&self, wanted: Option<&[TopicIdPartition]>) -> Vec<PartitionSize> {
        match wanted {
            None => self
                .partitions
                .iter()
                .flat_map(|(_, partition)| sizes_of(partition))
                .collect(),
            Some(ids) => ids
                .iter()
                .filter_map(|id| self.partitions.find(*id))
                .flat_map(sizes_of)
                .collect(),
        }
    }

    /// Act on everything that happened to a log.
    pub(super) fn on_log_progress(&mut self, now: Now, slot: u32, effects: &mut Effects) {
        while let Some(progress) = self
            .partitions
            .at_mut(slot)
            .and_then(|partition| partition.log.next_progress())
        {
            match progress {
                LogProgress::Opened => self.on_log_opened(now, slot, effects),
                LogProgress::DurableAdvanced { .. } => self.advance_high_watermark(now, slot),
                LogProgress::ReadFinished { read, result } => {
                    self.on_read_finished(now, slot, read, result, effects);
                }
                LogProgress::LookupFinished { read, result } => {
                    self.on_lookup_finished(slot, read, result);
                }
                LogProgress::LogStartAdvanced { .. } | LogProgress::FolderMoved => {}
                LogProgress::CleaningEnded(end) => self.on_cleaning_ended(now, slot, &end),
                LogProgress::SpaceLacking(failure) => {
                    tracing::error!("{}", self.place_of(slot, "takes no records", &failure));
                    self.on_space_lacking(slot, effects);
                }
                LogProgress::SpaceFound => {
                    self.housekeeping.note_space(slot, true);
                    tracing::info!(
                        "{}",
                        self.place_of(slot, "takes records again", &"there is room")
                    );
                }
                LogProgress::Damaged(damage) => tracing::error!("{damage}"),
                LogProgress::IndexesDoubted(path) => tracing::warn!(
                    "an index of {path} does not say what it holds: its indexes are made anew"
                ),
                LogProgress::ReadFailed(failure) => tracing::error!("{failure}"),
                LogProgress::Failed(LogFailure::Foreign(reason)) => {
                    tracing::warn!("{reason}");
                    self.reclaim_folder(slot);
                }
                LogProgress::Failed(failure) => {
                    tracing::error!("the partition is offline: {failure}");
                    self.report_log_failure(slot, &failure, effects);
                    self.on_log_failed(now, slot, effects);
                }
                LogProgress::Closed => {
                    let partition = self.partitions.at_mut(slot);
                    partition.expect("the log belongs to a partition").state =
                        PartitionState::Closed;
                }
                LogProgress::DeletionPutOff(failure) => self.put_deletion_off(slot, &failure),
                LogProgress::Deleted { folder } => self.on_log_deleted(now, slot, folder),
            }
        }
        self.on_other_logs(now, slot, effects);
    }

    pub(super) fn place_of(&self, slot: u32, what: &str, why: &dyn std::fmt::Display) -> String {
        let partition = self.partitions.at(slot);
        let partition = partition.expect("the log belongs to a partition");
        format!("{}-{} {what}: {why}", partition.topic, partition.index())
    }

    /// Read for a fetch; answer it if that gave enough, else leave it waiting.
    pub(super) fn advance_fetch(&mut self, now: Now, key: FetchKey) {
        let Some(fetch) = self.fetches.find(key) else {
            return;
        };
        if fetch.pending_reads > 0 {
            return;
        }
        let parts = fetch.task.parts.clone();
        let (mut bytes_left, is_committed_only) =
            (fetch.task.bytes_max, fetch.task.is_committed_only);
        let (mut found, mut pending_reads) = (Vec::with_capacity(parts.len()), 0);
        for (place, part) in parts.iter().enumerate() {
            let is_first = bytes_left == fetch_bytes_max(&mut self.fetches, key);
            match self.read_part(key, place, part, bytes_left, is_first, is_committed_only) {
                Some(result) => {
                    bytes_left = bytes_left.saturating_sub(result.records_bytes());
                    found.push(Some(result));
                }
                None => {
                    pending_reads += 1;
                    found.push(None);
                }
            }
        }
        let fetch = self
            .fetches
            .find(key)
            .expect("the fetch was not closed meanwhile");
        fetch.found = found;
        fetch.pending_reads = pending_reads;
        if pending_reads == 0 {
            self.conclude_fetch(now, key);
        }
    }

    /// What the partition of `part` has for a fetch, or `None` if it is being read from the disk.
    fn read_part(
        &mut self,
        key: FetchKey,
        place: usize,
        part: &FetchPart,
        bytes_left: usize,
        is_first: bool,
        is_committed_only: bool,
    ) -> Option<FetchedPart> {
        let Some(slot) = self.partitions.slot_of(part.partition) else {
            return Some(FetchedPart::refused(
                part.place,
                ErrorCode::NotLeaderOrFollower,
            ));
        };
        let partition = self
            .partitions
            .touch(slot)
            .expect("the slot was just found");
        let mut result = match view_of(partition, part) {
            Ok(view) => view,
            Err(error) => return Some(FetchedPart::refused(part.place, error)),
        };
        if result.diverging.is_some() || (bytes_left == 0 && !is_first) {
            return Some(result);
        }
        let upper = if is_committed_only {
            result.last_stable_offset
        } else {
            result.high_watermark
        };
        let request = ReadRequest {
            offset: part.offset,
            bytes_max: part.bytes_max.min(bytes_left),
            upper: upper.expect("the view of an open partition has its bounds"),
            at_least_one: is_first,
        };
        match partition.log.plan_read(request) {
            Ok(ReadPlan::Ready(records)) => {
                let (from, to) = (part.offset, records.next_offset);
                result.aborted = partition.log.aborted_between(from, to);
                result.records = records.slices;
                Some(result)
            }
            Ok(ReadPlan::Disk(read)) => {
                let read = partition.log.start_read(read);
                partition.reads.insert(read, ReadPurpose::Fetch(key, place));
                None
            }
            Err(error) => Some(FetchedPart::refused(part.place, error)),
        }
    }

    pub(super) fn on_read_finished(
        &mut self,
        now: Now,
        slot: u32,
        read: ReadId,
        result: Result<FetchedRecords, ErrorCode>,
        effects: &mut Effects,
    ) {
        let partition = self
            .partitions
            .touch(slot)
            .expect("the log belongs to a partition");
        match partition.reads.remove(&read) {
            Some(ReadPurpose::Fetch(key, place)) => {
                let Some(fetch) = self.fetches.find(key) else {
                    return;
                };
                let part = &fetch.task.parts[place];
                let found = match (result, view_of(partition, part)) {
                    (Ok(records), Ok(view)) => FetchedPart {
                        aborted: (partition.log).aborted_between(part.offset, records.next_offset),
                        records: records.slices,
                        ..view
                    },
                    (Err(error), _) | (_, Err(error)) => FetchedPart::refused(part.place, error),
                };
                fetch.found[place] = Some(found);
                fetch.pending_reads -= 1;
                if fetch.pending_reads == 0 {
                    self.conclude_fetch(now, key);
                }
            }
            Some(ReadPurpose::GroupLoad) => self.on_group_log_read(now, slot, result),
            Some(ReadPurpose::Move) => self.on_move_read(now, slot, read, result, effects),
            Some(ReadPurpose::Lookup(_)) | None => {
                unreachable!("a read ends once, as what it was begun")
            }
        }
    }

    pub(super) fn on_lookup_finished(
        &mut self,
        slot: u32,
        read: ReadId,
        result: Result<Option<FoundOffset>, ErrorCode>,
    ) {
        let partition = self
            .partitions
            .touch(slot)
            .expect("the log belongs to a partition");
        match partition.reads.remove(&read) {
            Some(ReadPurpose::Lookup(asker)) => {
                let listed = result.map(|found| {
                    found.map(|found| ListedOffset {
                        offset: found.offset,
                        timestamp: Some(found.timestamp),
                        leader_epoch: found.leader_epoch,
                    })
                });
                self.reply(asker, Reply::Offset(listed));
            }
            _ => unreachable!("a search ends once, as what it was begun"),
        }
    }

    /// All parts of a fetch were read: answer it, or let it wait for more.
    fn conclude_fetch(&mut self, now: Now, key: FetchKey) {
        let fetch = self.fetches.find(key).expect("the fetch is open");
        if is_enough(fetch, now) {
            let fetch = self.fetches.close(key).expect("the fetch is open");
            let mut found: Vec<FetchedPart> = fetch.found.into_iter().flatten().collect();
            trim_parts(found.iter_mut(), fetch.task.bytes_max);
            self.reply(fetch.asker, Reply::Fetched(found));
            return;
        }
        for place in &mut fetch.found {
            *place = None;
        }
        let ids: Vec<TopicIdPartition> =
            fetch.task.parts.iter().map(|part| part.partition).collect();
        for id in ids {
            if let Some(slot) = self.partitions.slot_of(id) {
                let partition = self
                    .partitions
                    .touch(slot)
                    .expect("the slot was just found");
                partition.waiting_fetches.insert(key);
            }
        }
    }
}

/// The size of a partition, and that of its future replica if it has one.
fn sizes_of(partition: &Partition) -> impl Iterator<Item = PartitionSize> {
    let size = |log: &Log, directory: DirectoryIndex| PartitionSize {
        partition: partition.id,
        topic: partition.topic.clone(),
        directory: directory.0,
        size_bytes: log.size_bytes(),
        future_lag: None,
    };
    let current = size(&partition.log, partition.directory);
    let future = partition.future.as_deref().map(|future| {
        let lag = partition.log.log_end_offset() - future.log.log_end_offset();
        PartitionSize {
            future_lag: Some(lag.max(0)),
            ..size(&future.log, future.directory)
        }
    });
    std::iter::once(current).chain(future)
}

fn fetch_bytes_max(fetches: &mut super::fetches::Fetches, key: FetchKey) -> usize {
    fetches.find(key).map_or(0, |fetch| fetch.task.bytes_max)
}

fn is_enough(fetch: &Fetch, now: Now) -> bool {
    let found = || fetch.found.iter().flatten();
    fetch.is_hurried
        || fetch.task.deadline <= now.instant
        || found().any(|part| part.error.is_error() || part.diverging.is_some())
        || found().map(FetchedPart::records_bytes).sum::<usize>() >= fetch.task.bytes_min
}

/// The bounds of a partition as a fetch sees them, without records.
fn view_of(partition: &Partition, part: &FetchPart) -> Result<FetchedPart, ErrorCode> {
    let (log, leader) = (&partition.log, &partition.leader);
    partition.check_open()?;
    leader.check_epoch(part.leader_epoch)?;
    let high_watermark = leader.high_watermark();
    let last_stable_offset = log
        .first_open_transaction()
        .map_or(high_watermark, |first| first.min(high_watermark));
    let diverging = match part.last_fetched_epoch {
        None => None,
        Some(epoch) => {
            // An epoch that nobody here knows cannot be compared with.
            let (found, end) = end_of_epoch(partition, epoch).ok_or(ErrorCode::OffsetOutOfRange)?;
            (found < epoch || end < part.offset).then_some((found, end))
        }
    };
    let is_within = (log.log_start_offset()..=log.log_end_offset()).contains(&part.offset);
    if diverging.is_none() && !is_within {
        return Err(ErrorCode::OffsetOutOfRange);
    }
    Ok(FetchedPart {
        place: part.place,
        error: ErrorCode::None,
        high_watermark: Some(high_watermark),
        last_stable_offset: Some(last_stable_offset),
        log_start_offset: Some(log.log_start_offset()),
        diverging,
        records: Vec::new(),
        aborted: Vec::new(),
    })
}

fn find_offset(
    partition: &mut Partition,
    asker: Asker,
    leader_epoch: Option<LeaderEpoch>,
    target: OffsetTarget,
) -> Option<Reply> {
    let log = &mut partition.log;
    if let Err(error) = partition.leader.check_epoch(leader_epoch) {
        return Some(Reply::Offset(Err(error)));
    }
    let high_watermark = partition.leader.high_watermark();
    let bare = |offset: Offset, leader_epoch: Option<LeaderEpoch>| {
        Some(Reply::Offset(Ok(Some(ListedOffset {
            offset,
            timestamp: None,
            leader_epoch,
        }))))
    };
    let lookup = match target {
        OffsetTarget::Earliest => {
            let start = log.log_start_offset();
            return bare(
                start,
                log.epoch_of(start).or(Some(partition.leader.epoch())),
            );
        }
        OffsetTarget::Latest { is_committed_only } => {
            let stable = log.first_open_transaction().filter(|_| is_committed_only);
            let end = stable.map_or(high_watermark, |first| first.min(high_watermark));
            return bare(end, Some(partition.leader.epoch()));
        }
        OffsetTarget::LatestTiered => return Some(Reply::Offset(Ok(None))),
        OffsetTarget::MaxTimestamp => Lookup::Largest,
        OffsetTarget::Timestamp(timestamp) => Lookup::AtOrAfter(timestamp),
    };
    let read = log.start_lookup(lookup);
    partition.reads.insert(read, ReadPurpose::Lookup(asker));
    None
}

fn epoch_end(
    partition: &Partition,
    leader_epoch: Option<LeaderEpoch>,
    epoch: LeaderEpoch,
) -> Result<Option<(LeaderEpoch, Offset)>, ErrorCode> {
    partition.leader.check_epoch(leader_epoch)?;
    Ok(end_of_epoch(partition, epoch))
}

/// The largest epoch not above `epoch`, and where it ends; `None` for an epoch to come, and for a
/// number that is none.
fn end_of_epoch(partition: &Partition, epoch: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
    // The leader's own epoch ends where its log ends, also before its first record.
    if epoch == partition.leader.epoch() {
        return Some((epoch, partition.log.log_end_offset()));
    }
    if epoch < 0 {
        return None;
    }
    let end = partition.log.end_offset_for_epoch(epoch)?;
    Some((end.epoch, end.end_offset))
}

fn delete_records(partition: &mut Partition, before: Option<Offset>) -> Result<Offset, ErrorCode> {
    let high_watermark = partition.leader.high_watermark();
    partition
        .log
        .delete_records(before.unwrap_or(high_watermark), high_watermark)
}

fn partition_of(task: &Task) -> TopicIdPartition {
    match task {
        Task::Append(append) => append.partition,
        Task::ListOffset { partition, .. }
        | Task::EpochEnd { partition, .. }
        | Task::DeleteRecords { partition, .. }
        | Task::MoveReplica { partition, .. }
        | Task::DescribeProducers { partition } => *partition,
        Task::Fetch(_)
        | Task::DescribeSizes { .. }
        | Task::DescribeRoom
        | Task::CollectMetrics
        | Task::Controller(_)
        | Task::Quorum(_)
        | Task::Group { .. } => {
            unreachable!("these are not about one partition")
        }
    }
}

/// The reply that tells why a task about one partition was not done.
pub(super) fn refusal(task: &Task, error: ErrorCode) -> Reply {
    match task {
        Task::Append(_) => Reply::Appended(Err(error.into())),
        Task::ListOffset { .. } => Reply::Offset(Err(error)),
        Task::EpochEnd { .. } => Reply::EpochEnd(Err(error)),
        Task::DeleteRecords { .. } => Reply::DeletedRecords(Err(error)),
        Task::DescribeProducers { .. } => Reply::Producers(Err(error)),
        Task::MoveReplica { .. } => Reply::Moved(Err(error)),
        Task::Fetch(_)
        | Task::DescribeSizes { .. }
        | Task::DescribeRoom
        | Task::CollectMetrics
        | Task::Controller(_)
        | Task::Quorum(_)
        | Task::Group { .. } => {
            unreachable!("these are not about one partition")
        }
    }
}
