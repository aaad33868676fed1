//! What a log knows of its idempotent and transactional producers (KIP-98, KIP-360).
//!
//! A producer may have five requests in flight, so the last five batches are kept: one that comes
//! again is answered with the offsets it has already, one that leaves a gap is refused.

use std::collections::{BTreeMap, VecDeque};

use crate::model::{ErrorCode, Offset, ProducerEpoch, ProducerId, TimestampMs};
use crate::protocol::record_batch::{
    ControlType, EndTransactionMarker, NO_TIMESTAMP, RecordBatch, sequence_after,
};

/// Kafka's clients keep at most this many requests in flight when they are idempotent.
const BATCHES_MAX: usize = 5;

/// Producers that one partition remembers. Kafka has no bound but time, so clients that ask for a
/// new id for each record exhaust its memory; at about 150 bytes each this is 15 MB.
const PRODUCERS_MAX: usize = 100_000;

/// Who made the batches of an append; it decides what is checked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AppendOrigin {
    /// A client: epochs and sequences are checked.
    Client,
    /// A coordinator of this broker: epochs are checked.
    Coordinator,
    /// The coordinator of a transaction, which ends it: epochs are checked, its own too. With
    /// `bumps_epoch` the marker is to have a later epoch than the records (KIP-890).
    Marker { bumps_epoch: bool },
    /// The partition's leader, which checked: offsets and epochs are taken as they are.
    Replication,
}

/// A batch of a producer, as far as it is needed to know it again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct ProducerBatch {
    pub(super) last_sequence: i32,
    pub(super) last_offset: Offset,
    /// The last offset, or sequence, minus the first one.
    pub(super) offset_delta: i32,
    pub(super) timestamp: TimestampMs,
}

impl ProducerBatch {
    const fn first_offset(self) -> Offset {
        self.last_offset - self.offset_delta as i64
    }

    /// Sequences start again at zero after `i32::MAX`.
    const fn first_sequence(self) -> i32 {
        if self.last_sequence >= self.offset_delta {
            self.last_sequence - self.offset_delta
        } else {
            i32::MAX - (self.offset_delta - self.last_sequence) + 1
        }
    }
}

/// What is known of one producer.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct ProducerEntry {
    pub(super) epoch: ProducerEpoch,
    /// Of the coordinator that wrote the last marker.
    pub(super) coordinator_epoch: Option<i32>,
    pub(super) last_timestamp: TimestampMs,
    /// Where the transaction that is open now begins.
    pub(super) transaction_start: Option<Offset>,
    /// The last batches, oldest first.
    pub(super) batches: VecDeque<ProducerBatch>,
}

/// A producer of a partition, for `DescribeProducers`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ActiveProducer {
    /// The producer's id.
    pub producer_id: ProducerId,
    /// Its incarnation.
    pub producer_epoch: ProducerEpoch,
    /// The sequence number of its last record.
    pub last_sequence: Option<i32>,
    /// When it last wrote.
    pub last_timestamp: Option<TimestampMs>,
    /// Of the coordinator that wrote its last marker.
    pub coordinator_epoch: Option<i32>,
    /// Where its open transaction begins.
    pub current_transaction_start_offset: Option<Offset>,
}

/// What the producers' state says to a batch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ProducerCheck {
    /// It is new, or nobody counts.
    Append,
    /// It is in the log already, here.
    Duplicate {
        first_offset: Offset,
        last_offset: Offset,
        timestamp: TimestampMs,
    },
}

/// A transaction that had records here, and ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct EndedTransaction {
    pub(super) producer_id: ProducerId,
    pub(super) is_committed: bool,
    pub(super) first_offset: Offset,
    /// The marker.
    pub(super) last_offset: Offset,
    /// Where the oldest transaction begins that is still open, or the offset behind the marker.
    pub(super) last_stable_offset: Offset,
}

/// The producers of one log.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct ProducerStates {
    entries: BTreeMap<ProducerId, ProducerEntry>,
    /// The open transactions by where they begin.
    transactions: BTreeMap<Offset, ProducerId>,
}

impl ProducerStates {
    /// Whether `batch` may be appended.
    ///
    /// # Errors
    /// Kafka's code, by which the producer decides whether it can go on.
    pub(super) fn check(
        &self,
        batch: &RecordBatch,
        origin: AppendOrigin,
    ) -> Result<ProducerCheck, ErrorCode> {
        let Some(producer_id) = batch.producer_id() else {
            return Ok(ProducerCheck::Append);
        };
        let entry = self.entries.get(&producer_id);
        if origin == AppendOrigin::Client
            && let Some(found) = entry.and_then(|entry| entry.duplicate_of(batch))
        {
            return Ok(ProducerCheck::Duplicate {
                first_offset: found.first_offset(),
                last_offset: found.last_offset,
                timestamp: found.timestamp,
            });
        }
        // What the leader accepted, a follower does not judge.
        if let Some(entry) = entry
            && origin != AppendOrigin::Replication
        {
            entry.check_epoch(batch, origin)?;
            if batch.is_control() {
                entry.check_coordinator(batch)?;
            } else {
                if origin == AppendOrigin::Client {
                    entry.check_sequence(batch)?;
                }
                if entry.transaction_start.is_some() && !batch.is_transactional() {
                    return Err(ErrorCode::InvalidTxnState);
                }
            }
        }
        Ok(ProducerCheck::Append)
    }

    /// Take note of `batch`, which is in the log at the offset it is stamped with. Returns the
    /// transaction that it ended, if it did; a marker where the producer wrote nothing ends none.
    pub(super) fn replay(&mut self, batch: &RecordBatch) -> Option<EndedTransaction> {
        let producer_id = batch.producer_id()?;
        if self.entries.len() >= PRODUCERS_MAX && !self.entries.contains_key(&producer_id) {
            self.forget_oldest();
        }
        let entry = self.entries.entry(producer_id).or_insert(ProducerEntry {
            epoch: batch.producer_epoch(),
            last_timestamp: NO_TIMESTAMP,
            ..ProducerEntry::default()
        });
        if entry.epoch != batch.producer_epoch() {
            entry.epoch = batch.producer_epoch();
            entry.batches.clear();
        }
        entry.last_timestamp = batch.max_timestamp().unwrap_or(NO_TIMESTAMP);
        if batch.is_control() {
            let (end, marker) = transaction_end(batch)?;
            entry.coordinator_epoch = Some(marker.coordinator_epoch);
            let first_offset = entry.transaction_start.take()?;
            self.transactions.remove(&first_offset);
            let stable = self.first_open_transaction();
            return Some(EndedTransaction {
                producer_id,
                is_committed: end == ControlType::Commit,
                first_offset,
                last_offset: batch.base_offset(),
                last_stable_offset: stable.unwrap_or_else(|| batch.next_offset()),
            });
        }
        if batch.is_transactional() && entry.transaction_start.is_none() {
            entry.transaction_start = Some(batch.base_offset());
            self.transactions.insert(batch.base_offset(), producer_id);
        }
        if let Some(last_sequence) = batch.last_sequence() {
            if entry.batches.len() == BATCHES_MAX {
                entry.batches.pop_front();
            }
            entry.batches.push_back(ProducerBatch {
                last_sequence,
                last_offset: batch.last_offset(),
                offset_delta: batch.header().last_offset_delta,
                timestamp: batch.max_timestamp().unwrap_or(NO_TIMESTAMP),
            });
        }
        None
    }

    /// Put in what a snapshot says of a producer.
    pub(super) fn restore(&mut self, producer_id: ProducerId, entry: ProducerEntry) {
        if let Some(start) = entry.transaction_start {
            self.transactions.insert(start, producer_id);
        }
        self.entries.insert(producer_id, entry);
    }

    /// Forget the producers that have not written for `expiration_ms` and have nothing open.
    pub(super) fn expire(&mut self, wall_ms: i64, expiration_ms: i64) {
        self.entries.retain(|_, entry| {
            entry.transaction_start.is_some()
                || wall_ms.saturating_sub(entry.last_timestamp) < expiration_ms
        });
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (ProducerId, &ProducerEntry)> {
        self.entries.iter().map(|(id, entry)| (*id, entry))
    }

    /// True if `batch` is the one by which its producer is known: its last records, or a marker if
    /// it wrote none in its epoch.
    pub(super) fn end_with(&self, batch: &RecordBatch) -> bool {
        let entry = batch.producer_id().and_then(|id| self.entries.get(&id));
        entry.is_some_and(|entry| match entry.batches.back() {
            Some(last) => last.last_offset == batch.last_offset(),
            None => batch.is_control() && batch.producer_epoch() == entry.epoch,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Where the oldest open transaction begins.
    pub(super) fn first_open_transaction(&self) -> Option<Offset> {
        self.transactions.keys().next().copied()
    }

    pub(super) fn active(&self) -> Vec<ActiveProducer> {
        self.iter()
            .map(|(producer_id, entry)| ActiveProducer {
                producer_id,
                producer_epoch: entry.epoch,
                last_sequence: entry.batches.back().map(|batch| batch.last_sequence),
                last_timestamp: (entry.last_timestamp >= 0).then_some(entry.last_timestamp),
                coordinator_epoch: entry.coordinator_epoch,
                current_transaction_start_offset: entry.transaction_start,
            })
            .collect()
    }

    pub(super) fn check_invariants(&self, log_end_offset: Offset) {
        let open = self
            .iter()
            .filter(|(_, entry)| entry.transaction_start.is_some());
        assert_eq!(
            open.count(),
            self.transactions.len(),
            "every open transaction is found by its start"
        );
        for (producer_id, entry) in self.iter() {
            assert!(entry.batches.len() <= BATCHES_MAX, "five batches are kept");
            assert!(
                entry
                    .batches
                    .iter()
                    .all(|batch| batch.last_offset < log_end_offset),
                "producer {producer_id} has batches behind the end of the log"
            );
        }
    }

    /// Make room by forgetting the sixteenth part that has been silent for longest.
    fn forget_oldest(&mut self) {
        let mut silent: Vec<_> = self
            .iter()
            .filter(|(_, entry)| entry.transaction_start.is_none())
            .map(|(id, entry)| (entry.last_timestamp, id))
            .collect();
        silent.sort_unstable();
        for (_, id) in silent.into_iter().take(PRODUCERS_MAX / 16) {
            self.entries.remove(&id);
        }
    }
}

impl ProducerEntry {
    fn duplicate_of(&self, batch: &RecordBatch) -> Option<ProducerBatch> {
        if batch.is_control() || batch.producer_epoch() != self.epoch {
            return None;
        }
        let first = batch.base_sequence()?;
        let last = batch.last_sequence()?;
        self.batches
            .iter()
            .find(|known| known.first_sequence() == first && known.last_sequence == last)
            .copied()
    }

    fn check_epoch(&self, batch: &RecordBatch, origin: AppendOrigin) -> Result<(), ErrorCode> {
        let epoch = batch.producer_epoch();
        // A marker that comes again has the epoch that the first one brought.
        let is_of_records = epoch == self.epoch && self.transaction_start.is_some();
        let is_late = match origin {
            AppendOrigin::Marker { bumps_epoch: true } => epoch < self.epoch || is_of_records,
            _ => epoch < self.epoch,
        };
        if is_late {
            return Err(ErrorCode::InvalidProducerEpoch);
        }
        Ok(())
    }

    fn check_sequence(&self, batch: &RecordBatch) -> Result<(), ErrorCode> {
        let Some(first) = batch.base_sequence() else {
            return Err(ErrorCode::OutOfOrderSequenceNumber);
        };
        let expected = if batch.producer_epoch() == self.epoch {
            self.batches
                .back()
                .map_or(0, |last| sequence_after(last.last_sequence, 1))
        } else {
            // A new incarnation begins anew.
            0
        };
        if first == expected {
            Ok(())
        } else {
            Err(ErrorCode::OutOfOrderSequenceNumber)
        }
    }

    /// A marker of a coordinator that has been replaced comes too late.
    fn check_coordinator(&self, batch: &RecordBatch) -> Result<(), ErrorCode> {
        let marker = end_marker(batch);
        let is_stale = marker.is_some_and(|marker| {
            self.coordinator_epoch
                .is_some_and(|known| marker.coordinator_epoch < known)
        });
        if is_stale {
            Err(ErrorCode::TransactionCoordinatorFenced)
        } else {
            Ok(())
        }
    }
}

/// The marker that ends a transaction, if the control batch is one.
fn end_marker(batch: &RecordBatch) -> Option<EndTransactionMarker> {
    Some(transaction_end(batch)?.1)
}

/// Whether `batch` ends a transaction: with which type, and by whom.
fn transaction_end(batch: &RecordBatch) -> Option<(ControlType, EndTransactionMarker)> {
    // Control batches are a few bytes and not compressed.
    let records = batch.records(batch.body().len()).ok()?;
    let record = records.iter().next()?.ok()?;
    match ControlType::decode_key(record.key?)? {
        end @ (ControlType::Abort | ControlType::Commit) => {
            Some((end, EndTransactionMarker::decode(record.value?)?))
        }
        _ => None,
    }
}

/// Whose transaction the control batch ends, and whether it is committed; `None` if it ends none.
pub(crate) fn ended_transaction(batch: &RecordBatch) -> Option<(ProducerId, bool)> {
    let (end, _) = transaction_end(batch)?;
    Some((batch.producer_id()?, end == ControlType::Commit))
}

#[cfg(test)]
#[path = "producer_state_tests.rs"]
mod tests;
