//! Appending: the producers' rules, the place in the log, the roll.

use crate::model::{ErrorCode, LeaderEpoch, Offset, TimestampMs};
use crate::protocol::record_batch::{RecordBatch, TimestampType};
use crate::stdx::Now;

use super::offset_index::relative_offset;
use super::partition_log::{Log, State};
use super::producer_state::{AppendOrigin, ProducerCheck};
use super::segment::{Segment, SegmentFile, WriterWait};
use super::snapshot::encode_snapshot;
use super::{offset_index, time_index};

/// Where an append came to lie.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Appended {
    /// The offset of the first record.
    pub first_offset: Offset,
    /// The offset of the last record: the append may be acknowledged once
    /// [`Log::safe_end_offset`] is behind it.
    pub last_offset: Offset,
    /// The time that the Produce response tells: the broker's if it set the timestamps, the
    /// batch's if it was in the log already.
    pub append_time: Option<TimestampMs>,
    /// Where the log begins.
    pub log_start_offset: Offset,
    /// True if the batch was in the log already, which is for the producer like an append.
    pub is_duplicate: bool,
}

impl Log {
    /// Append validated batches. They are in memory and readable at once, durable when
    /// [`Log::durable_end_offset`] says so.
    ///
    /// Batches of a leader get the next offsets and `leader_epoch`; those that are replicated keep
    /// what they have, and must not lie below the log end.
    ///
    /// # Errors
    /// What the producer is to be told; nothing is appended then.
    ///
    /// # Panics
    /// If there are no batches, or replicated ones lie below the log end: the caller checks.
    pub fn append(
        &mut self,
        now: Now,
        mut batches: Vec<RecordBatch>,
        leader_epoch: LeaderEpoch,
        origin: AppendOrigin,
    ) -> Result<Appended, ErrorCode> {
        match self.state {
            State::Open => {}
            State::Failed => return Err(ErrorCode::KafkaStorageError),
            _ => return Err(ErrorCode::NotLeaderOrFollower),
        }
        let bytes: u64 = batches.iter().map(|batch| batch.size_bytes() as u64).sum();
        if bytes > u64::from(self.config.segment_bytes) && origin != AppendOrigin::Replication {
            return Err(ErrorCode::RecordListTooLarge);
        }
        if let Some(duplicate) = self.check_producers(&batches, origin)? {
            return Ok(duplicate);
        }
        if origin != AppendOrigin::Replication {
            let mut next_offset = self.log_end_offset;
            for batch in &mut batches {
                batch.stamp(next_offset, leader_epoch);
                next_offset = batch.next_offset();
            }
        }
        let first_offset = batches
            .first()
            .expect("an append has batches")
            .base_offset();
        assert!(
            first_offset >= self.log_end_offset,
            "replicated batches continue the log"
        );
        for batch in &batches {
            self.append_batch(now, batch);
        }
        let last = batches.last().expect("an append has batches");
        Ok(Appended {
            first_offset,
            last_offset: last.last_offset(),
            append_time: (last.timestamp_type() == TimestampType::LogAppendTime)
                .then(|| last.max_timestamp())
                .flatten(),
            log_start_offset: self.log_start_offset,
            is_duplicate: false,
        })
    }

    fn check_producers(
        &self,
        batches: &[RecordBatch],
        origin: AppendOrigin,
    ) -> Result<Option<Appended>, ErrorCode> {
        // The state that a second batch must follow is known only after the first: Kafka's
        // clients send one batch for a partition, and the protocol demands it.
        if origin == AppendOrigin::Client
            && batches.len() > 1
            && batches.iter().any(|batch| batch.producer_id().is_some())
        {
            return Err(ErrorCode::InvalidRecord);
        }
        for batch in batches {
            match self.producers.check(batch, origin)? {
                ProducerCheck::Append => {}
                ProducerCheck::Duplicate {
                    first_offset,
                    last_offset,
                    timestamp,
                } => {
                    return Ok(Some(Appended {
                        first_offset,
                        last_offset,
                        append_time: (timestamp >= 0).then_some(timestamp),
                        log_start_offset: self.log_start_offset,
                        is_duplicate: true,
                    }));
                }
            }
        }
        Ok(None)
    }

    pub(super) fn append_batch(&mut self, now: Now, batch: &RecordBatch) {
        if self.must_roll(now, batch) {
            self.roll(now, batch.base_offset());
        }
        self.note_gap(batch.base_offset());
        if let Some(epoch) = batch.leader_epoch() {
            self.on_leader_epoch(epoch, batch.base_offset());
        }
        let interval = self.config.index_interval_bytes;
        let segment = self.segments.back_mut().expect("an open log has a segment");
        self.cache.push(segment.base_offset, segment.length, batch);
        segment.modified_ms = now.wall_ms;
        segment.on_batch(batch, interval);
        self.note_appended(batch.size_bytes() as u64);
        self.deferral.note_appended(now);
        if let Some(ended) = self.producers.replay(batch) {
            self.on_transaction_ended(ended);
        }
        self.log_end_offset = batch.next_offset();
    }

    fn must_roll(&self, now: Now, batch: &RecordBatch) -> bool {
        let segment = self.segments.back().expect("an open log has a segment");
        if relative_offset(batch.last_offset(), segment.base_offset).is_none() {
            return true;
        }
        if segment.length == 0 {
            return false;
        }
        let config = &self.config;
        let waited_ms = match (segment.first_timestamp, batch.max_timestamp()) {
            (Some(first), Some(timestamp)) => timestamp.saturating_sub(first),
            _ => now.wall_ms.saturating_sub(segment.created_ms),
        };
        // Only a sealed segment can be compacted.
        let segment_ms = match config.cleanup_policy.compact {
            true => config.segment_ms.min(config.max_compaction_lag_ms),
            false => config.segment_ms,
        };
        let index_bytes = config.segment_index_bytes as usize;
        // Kafka keeps the last place of a time index for the entry made at the roll.
        let indexes_are_full = segment
            .offset_index
            .loaded()
            .is_none_or(|index| index.len() >= index_bytes / offset_index::ENTRY_BYTES)
            || segment
                .time_index
                .loaded()
                .is_none_or(|index| index.len() + 1 >= index_bytes / time_index::ENTRY_BYTES);
        segment.length + batch.size_bytes() as u64 > u64::from(config.segment_bytes)
            || waited_ms > segment_ms.saturating_sub(self.roll_jitter_ms)
            || indexes_are_full
    }

    /// Begin a new segment at `base_offset`. The one before it is sealed when all of it is on the
    /// disk.
    pub(super) fn roll(&mut self, now: Now, base_offset: Offset) {
        if let Some(last) = self.segments.back_mut()
            && let Some(writer) = &mut last.writer
        {
            let is_known = writer.exists
                || last.file != SegmentFile::Closed
                || matches!(writer.wait, WriterWait::Recycling);
            if last.length == 0 && !is_known {
                // Nobody ever saw it.
                self.unsealed.pop();
                self.segments.pop_back();
            } else {
                writer.snapshot = Some((base_offset, encode_snapshot(&self.producers)));
            }
        }
        self.segments
            .push_back(Segment::new(base_offset, now.wall_ms));
        self.unsealed.push(base_offset);
        self.recycling.note_roll(now);
        let jitter_ms = self.config.segment_jitter_ms.min(self.config.segment_ms);
        self.roll_jitter_ms = u64::try_from(jitter_ms)
            .ok()
            .filter(|jitter_ms| *jitter_ms > 0)
            .and_then(|jitter_ms| i64::try_from(self.random.below(jitter_ms)).ok())
            .unwrap_or(0);
    }
}
