//! Records on their way into the logs of this shard: who waits for them, and who is told that they
//! are safe, or that they are not.

use crate::log::validation::Refusal;
use crate::metrics::TopicMetrics;
use crate::model::{ErrorCode, Offset, PartitionIndex};
use crate::replication::{Leader, ReplicaLog, Role};
use crate::stdx::{Instant, Now};

use super::Effects;
use super::core::Shard;
use super::owning::refusal;
use super::partition::{Asker, Partition, PartitionState};
use super::room;
use super::task::{AppendTask, AppendedReply, RefusedAppend, Reply};
use super::waiting::{Acknowledge, Acks, WaitingAppend};

impl Shard {
    /// What the log of a partition has is as safe as its topic asks up to some offset: consumers
    /// may see it, producers are told.
    pub(super) fn advance_high_watermark(&mut self, now: Now, slot: u32) {
        let Some(partition) = self.partitions.at_mut(slot) else {
            return;
        };
        if !partition.has_opened {
            return;
        }
        let is_synced_only = self.deferring.is_full();
        let safe_end = partition.follow_log(now, is_synced_only);
        let high_watermark = partition.role.high_watermark();
        partition.log.settle_transactions(high_watermark);
        let leader = partition.role.leader();
        let is_under_min = leader.is_some_and(Leader::is_under_in_sync_min);
        let safe = partition.waiting_appends.take_safe(safe_end);
        let committed = partition.waiting_appends.take_committed(high_watermark);
        let late = partition.waiting_appends.take_late(now.instant, safe_end);
        let ends = (high_watermark, partition.log.log_end_offset());
        let before = std::mem::replace(&mut partition.woken_at, ends);
        if before.0 != ends.0 {
            let woken = std::mem::take(&mut partition.waiting_fetches);
            self.fetches.wake(woken);
        }
        if before.1 != ends.1 {
            let woken = std::mem::take(&mut partition.waiting_replicas);
            self.fetches.wake(woken);
        }
        let index = partition.index();
        for then in safe {
            self.acknowledge(now, index, then, Ok(()));
        }
        let result = match is_under_min {
            true => Err(ErrorCode::NotEnoughReplicasAfterAppend),
            false => Ok(()),
        };
        for then in committed {
            self.acknowledge(now, index, then, result);
        }
        for then in late {
            self.acknowledge(now, index, then, Err(ErrorCode::RequestTimedOut));
        }
    }

    fn acknowledge(
        &mut self,
        now: Now,
        index: PartitionIndex,
        then: Acknowledge,
        result: Result<(), ErrorCode>,
    ) {
        match (then, result) {
            (Acknowledge::Producer(asker, reply), Ok(())) => {
                self.reply(asker, Reply::Appended(Ok(reply)));
            }
            (Acknowledge::Producer(asker, _), Err(error)) => {
                self.reply(asker, Reply::Appended(Err(error.into())));
            }
            // What is committed stays so, whoever leaves the in-sync set.
            (Acknowledge::Coordinator(token), _) => self.on_group_written(now, index, token),
        }
    }

    /// The disk is full. Producers are told at once, so that they can go elsewhere or try again; if
    /// their records are written later after all, that is as after any error that invites a retry.
    /// What a coordinator has appended holds in its memory, so that waits for room. For a partition
    /// that cannot be opened without room nobody waits.
    pub(super) fn on_space_lacking(&mut self, slot: u32, effects: &mut Effects) {
        self.housekeeping.note_space(slot, false);
        let partition = self
            .partitions
            .touch(slot)
            .expect("the log belongs to a partition");
        let topic = partition.topic.clone();
        let producers = partition.waiting_appends.take_producers();
        let queued = std::mem::take(&mut partition.queued_tasks);
        if partition.state.is_coming() {
            self.on_partition_settled(slot, effects);
        }
        for (asker, task) in queued {
            self.reply(asker, refusal(&task, ErrorCode::KafkaStorageError));
        }
        for asker in producers {
            self.meter.metrics.topic_mut(&topic).produce_failures += 1;
            let error = ErrorCode::KafkaStorageError;
            self.reply(asker, Reply::Appended(Err(error.into())));
        }
    }

    /// Nothing can be appended or read any more: everyone who waits is told.
    pub(super) fn on_log_failed(&mut self, now: Now, slot: u32, effects: &mut Effects) {
        self.spare_journal_of(slot);
        self.interrupt_move(slot);
        self.refuse_deletions(slot, ErrorCode::KafkaStorageError);
        let partition = self
            .partitions
            .touch(slot)
            .expect("the log belongs to a partition");
        partition.state = PartitionState::Failed;
        partition.truncation = None;
        let (index, topic) = (partition.index(), partition.topic.clone());
        let waiting = partition.waiting_appends.take_all();
        let queued = std::mem::take(&mut partition.queued_tasks);
        self.fetches.wake(partition.take_waiting_fetches());
        for then in waiting {
            match then {
                Acknowledge::Producer(asker, _) => {
                    self.meter.metrics.topic_mut(&topic).produce_failures += 1;
                    self.reply(
                        asker,
                        Reply::Appended(Err(ErrorCode::KafkaStorageError.into())),
                    );
                }
                Acknowledge::Coordinator(token) => {
                    self.on_group_write_failed(now, index, token, ErrorCode::KafkaStorageError);
                }
            }
        }
        for (asker, task) in queued {
            self.reply(asker, refusal(&task, ErrorCode::KafkaStorageError));
        }
        self.on_partition_settled(slot, effects);
    }
}

/// Append for a producer; the reply, unless it waits until the records are safe.
pub fn append_to(
    now: Now,
    partition: &mut Partition,
    asker: Asker,
    task: AppendTask,
    (is_full, metrics): (bool, &mut TopicMetrics),
) -> Option<Reply> {
    let append_time = task.batch.log_append_time;
    let (bytes, records) = (task.batch.batch.size_bytes(), task.batch.records_count);
    metrics.produce_requests += 1;
    let leader = match partition.role.leader() {
        None => Err(ErrorCode::NotLeaderOrFollower.into()),
        Some(leader) if task.acks == Acks::InSync && leader.is_under_in_sync_min() => {
            Err(RefusedAppend {
                error: ErrorCode::NotEnoughReplicas,
                log_start_offset: Some(partition.log.log_start_offset()),
            })
        }
        Some(leader) => Ok(leader),
    };
    let epoch = match leader {
        Ok(leader) => leader.epoch(),
        Err(refused) => {
            metrics.produce_failures += 1;
            return Some(Reply::Appended(Err(refused)));
        }
    };
    if partition.log.lacks_space() {
        metrics.produce_failures += 1;
        return Some(Reply::Appended(Err(ErrorCode::KafkaStorageError.into())));
    }
    if is_full {
        metrics.produce_failures += 1;
        return Some(Reply::Appended(Err(room::REFUSAL.into())));
    }
    let batches = vec![task.batch.batch];
    let appended = match partition.log.append(now, batches, epoch, task.origin) {
        Ok(appended) => appended,
        Err(error) => {
            metrics.produce_failures += 1;
            let start = partition.log.log_start_offset();
            return Some(Reply::Appended(Err(RefusedAppend {
                error,
                log_start_offset: Refusal::log_start_is_told_with(error).then_some(start),
            })));
        }
    };
    metrics.bytes_in += bytes as u64;
    metrics.records_in += u64::from(records);
    let reply = AppendedReply {
        base_offset: appended.first_offset,
        append_time: appended.append_time.or(append_time),
        log_start_offset: appended.log_start_offset,
    };
    let safe_end = partition.safe_end_offset(false);
    let reached = match task.acks {
        Acks::Leader => safe_end,
        Acks::InSync => partition.role.high_watermark(),
    };
    if appended.last_offset < reached {
        return Some(Reply::Appended(Ok(reply)));
    }
    let has_followers = partition.role.leader().is_some_and(Leader::has_followers);
    let waiting = WaitingAppend {
        last_offset: appended.last_offset,
        deadline: match has_followers {
            true => task.deadline,
            // For its own disk alone nobody sets a time.
            false => Instant::MAX,
        },
        then: Acknowledge::Producer(asker, reply),
    };
    partition.waiting_appends.push(task.acks, waiting);
    None
}

impl Partition {
    /// The log has changed: the leader, or the follower, takes note. Up to where it is safe.
    fn follow_log(&mut self, now: Now, is_synced_only: bool) -> Offset {
        let safe_end = self.safe_end_offset(is_synced_only);
        let log = ReplicaLog {
            safe_end_offset: safe_end,
            ..self.replica_log()
        };
        match &mut self.role {
            Role::Leader(leader) => {
                leader.on_log(now.instant, log.end_offset, safe_end);
            }
            Role::Follower(follower) => {
                let start = follower.on_appended(&log);
                let high_watermark = follower.high_watermark();
                if let Some(start) = start {
                    // The high watermark is not below it, so that it cannot be refused.
                    let _ = self.log.delete_records(start, high_watermark);
                }
            }
        }
        safe_end
    }
}
