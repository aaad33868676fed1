//! Records on their way into the logs of this shard: who waits for them, and who is told that they
//! are safe, or that they are not.

use std::collections::VecDeque;

use crate::log::AppendOrigin;
use crate::log::validation::Refusal;
use crate::metrics::TopicMetrics;
use crate::model::ErrorCode;
use crate::stdx::Now;

use super::Effects;
use super::core::Shard;
use super::owning::refusal;
use super::partition::{Acknowledge, Asker, Partition, PartitionState, WaitingAppend};
use super::room;
use super::task::{AppendTask, AppendedReply, RefusedAppend, Reply};

impl Shard {
    /// What the log of a partition has is as safe as its topic asks up to some offset: consumers
    /// may see it, producers are told.
    pub(super) fn advance_high_watermark(&mut self, now: Now, slot: u32) {
        let Some(partition) = self.partitions.at_mut(slot) else {
            return;
        };
        let end = partition.safe_end_offset(self.deferring.is_full());
        let log_end = partition.log.log_end_offset();
        if !partition.has_opened || !partition.leader.on_log(now.instant, log_end, end) {
            return;
        }
        let partition = self.partitions.touch(slot);
        let partition = partition.expect("the slot was just found");
        let high_watermark = partition.leader.high_watermark();
        let mut acknowledged = Vec::new();
        while let Some(waiting) = partition.waiting_appends.front()
            && waiting.last_offset < high_watermark
        {
            acknowledged.extend(
                partition
                    .waiting_appends
                    .pop_front()
                    .map(|waiting| waiting.then),
            );
        }
        let (index, is_offsets) = (partition.index(), self.groups.is_host(partition.id));
        self.fetches
            .wake(std::mem::take(&mut partition.waiting_fetches));
        for then in acknowledged {
            match then {
                Acknowledge::Producer(asker, reply) => {
                    self.reply(asker, Reply::Appended(Ok(reply)));
                }
                Acknowledge::Coordinator(token) => {
                    assert!(is_offsets, "coordinators write to their own partition");
                    self.on_group_written(now, index, token);
                }
            }
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
        let waiting = std::mem::take(&mut partition.waiting_appends);
        let (producers, coordinators): (VecDeque<_>, VecDeque<_>) = waiting
            .into_iter()
            .partition(|append| matches!(append.then, Acknowledge::Producer(..)));
        partition.waiting_appends = coordinators;
        let queued = std::mem::take(&mut partition.queued_tasks);
        if partition.state.is_coming() {
            self.on_partition_settled(slot, effects);
        }
        for (asker, task) in queued {
            self.reply(asker, refusal(&task, ErrorCode::KafkaStorageError));
        }
        for append in producers {
            if let Acknowledge::Producer(asker, _) = append.then {
                self.meter.metrics.topic_mut(&topic).produce_failures += 1;
                self.reply(
                    asker,
                    Reply::Appended(Err(ErrorCode::KafkaStorageError.into())),
                );
            }
        }
    }

    /// Nothing can be appended or read any more: everyone who waits is told.
    pub(super) fn on_log_failed(&mut self, now: Now, slot: u32, effects: &mut Effects) {
        self.spare_journal_of(slot);
        self.interrupt_move(slot);
        let partition = self
            .partitions
            .touch(slot)
            .expect("the log belongs to a partition");
        partition.state = PartitionState::Failed;
        let (index, topic) = (partition.index(), partition.topic.clone());
        let waiting = std::mem::take(&mut partition.waiting_appends);
        let queued = std::mem::take(&mut partition.queued_tasks);
        self.fetches
            .wake(std::mem::take(&mut partition.waiting_fetches));
        for append in waiting {
            match append.then {
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
    let epoch = partition.leader.epoch();
    metrics.produce_requests += 1;
    if partition.log.lacks_space() {
        metrics.produce_failures += 1;
        return Some(Reply::Appended(Err(ErrorCode::KafkaStorageError.into())));
    }
    if is_full {
        metrics.produce_failures += 1;
        return Some(Reply::Appended(Err(room::REFUSAL.into())));
    }
    let batches = vec![task.batch.batch];
    let appended = match partition
        .log
        .append(now, batches, epoch, AppendOrigin::Client)
    {
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
    // Also under acks=0, which is not answered: the request counts for the memory that it holds
    // until its records are written.
    if appended.last_offset < partition.leader.high_watermark() {
        return Some(Reply::Appended(Ok(reply)));
    }
    let waiting = WaitingAppend {
        last_offset: appended.last_offset,
        then: Acknowledge::Producer(asker, reply),
    };
    // A batch that was sent twice waits for the offset it got the first time, which may lie below
    // those of later batches.
    let place = partition
        .waiting_appends
        .partition_point(|other| other.last_offset <= waiting.last_offset);
    partition.waiting_appends.insert(place, waiting);
    None
}
