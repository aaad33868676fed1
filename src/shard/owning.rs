//! What this shard does as the owner of partitions: tasks in, replies out.

use crate::log::storage::DirectoryIndex;
use crate::log::{FoundOffset, Log, LogFailure, LogProgress, Lookup, ReadId};
use crate::model::{ErrorCode, LeaderEpoch, Offset, TopicIdPartition};
use crate::replication::Leader;
use crate::stdx::Now;

use super::Effects;
use super::core::Shard;
use super::groups::append_beside_groups;
use super::partition::{Asker, Partition, ReadPurpose};
use super::task::{ListedOffset, OffsetTarget, PartitionSize, Reply, Task};

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
            Task::OwnController(request) => {
                self.note_log_levels(&request);
                let controller = self.controller.as_mut();
                let controller = controller.expect("controller tasks go to shard 0");
                controller.on_controller_request(now, asker, &request);
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
                let place = (partition, &mut self.groups);
                append_beside_groups(now, place, asker, *append, (is_full, metrics))
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
            Task::DeleteRecords {
                before, deadline, ..
            } => self.delete_records(slot, asker, before, deadline),
            Task::DescribeProducers { .. } => {
                let producers = leader_of(partition, None);
                let producers = producers.map(|_| partition.log.active_producers());
                Some(Reply::Producers(producers))
            }
            Task::MoveReplica { directory, .. } => {
                Some(Reply::Moved(self.move_replica(slot, directory)))
            }
            Task::Fetch(_)
            | Task::DescribeSizes { .. }
            | Task::DescribeRoom
            | Task::CollectMetrics
            | Task::Controller(_)
            | Task::OwnController(_)
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
                LogProgress::Closed => self.on_log_closed(slot),
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

/// The leader of the partition, if it is here and has the epoch that the client believes in.
pub fn leader_of(partition: &Partition, epoch: Option<LeaderEpoch>) -> Result<&Leader, ErrorCode> {
    partition.role.check_epoch(epoch)?;
    let leader = partition.role.leader();
    leader.ok_or(ErrorCode::NotLeaderOrFollower)
}

fn find_offset(
    partition: &mut Partition,
    asker: Asker,
    leader_epoch: Option<LeaderEpoch>,
    target: OffsetTarget,
) -> Option<Reply> {
    let leader = match leader_of(partition, leader_epoch) {
        Ok(leader) => leader,
        Err(error) => return Some(Reply::Offset(Err(error))),
    };
    let (high_watermark, epoch) = (leader.high_watermark(), leader.epoch());
    // What the leader before had acknowledged may lie behind it.
    let is_lagging = high_watermark < leader.start_offset();
    let log = &mut partition.log;
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
            return bare(start, log.epoch_of(start).or(Some(epoch)));
        }
        OffsetTarget::LogEnd => return bare(log.log_end_offset(), Some(epoch)),
        OffsetTarget::Latest { .. } if is_lagging => {
            return Some(Reply::Offset(Err(ErrorCode::OffsetNotAvailable)));
        }
        OffsetTarget::Latest { is_committed_only } => {
            let end = match is_committed_only {
                true => log.last_stable_offset(high_watermark),
                false => high_watermark,
            };
            return bare(end, Some(epoch));
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
    leader_of(partition, leader_epoch)?;
    Ok(end_of_epoch(partition, epoch))
}

/// The largest epoch not above `epoch`, and where it ends; `None` for an epoch to come, and for a
/// number that is none.
pub fn end_of_epoch(partition: &Partition, epoch: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
    // The leader's own epoch ends where its log ends, also before its first record.
    if partition
        .role
        .leader()
        .is_some_and(|leader| leader.epoch() == epoch)
    {
        return Some((epoch, partition.log.log_end_offset()));
    }
    if epoch < 0 {
        return None;
    }
    let end = partition.log.end_offset_for_epoch(epoch)?;
    Some((end.epoch, end.end_offset))
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
        | Task::OwnController(_)
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
        | Task::OwnController(_)
        | Task::Quorum(_)
        | Task::Group { .. } => {
            unreachable!("these are not about one partition")
        }
    }
}
