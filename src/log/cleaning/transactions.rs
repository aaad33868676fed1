//! The transactions that a run comes by (KIP-98): whose records do not count, since they were
//! aborted, and which markers nobody needs any more.
//!
//! A marker is needed as long as a batch of its transaction is there, also one without records.
//! Once none is, it gets a delete horizon as a tombstone does (KIP-534), so that who reads the log
//! meanwhile sees the end of what it has begun to read, and goes when that has passed. What
//! `.txnindex` tells of an aborted transaction is kept exactly as long as its marker is needed: a
//! reader that was told of one and came by no marker would pass over all that the producer wrote
//! since.

use std::collections::{BTreeMap, BTreeSet};

use crate::log::aborted::AbortedTransaction;
use crate::log::producer_state::ended_transaction;
use crate::model::{Offset, ProducerId};
use crate::protocol::record_batch::RecordBatch;

/// The transactions of the batches that were come by so far, which are asked about in their order.
#[derive(Debug, Default)]
pub(super) struct Transactions {
    /// The aborted ones that begin behind the last batch, by where.
    coming: BTreeMap<Offset, AbortedTransaction>,
    /// Those that have begun and not ended, and whether a batch of theirs is there.
    aborted: BTreeMap<ProducerId, (AbortedTransaction, bool)>,
    /// The producers with a batch of a transaction that has not ended, and was not aborted.
    committed: BTreeSet<ProducerId>,
    /// The aborted ones whose markers are needed.
    kept: Vec<AbortedTransaction>,
}

impl Transactions {
    /// The next segment has a part of these transactions, which were aborted.
    pub(super) fn expect(&mut self, aborted: Vec<AbortedTransaction>) {
        for one in aborted {
            self.coming.insert(one.first_offset, one);
        }
    }

    /// True if the records of the next batch do not count: those of an aborted transaction, and the
    /// marker of one of which nothing is there.
    pub(super) fn are_void(&mut self, batch: &RecordBatch) -> bool {
        self.begin_up_to(batch.last_offset());
        let Some(producer_id) = batch.producer_id() else {
            return false;
        };
        if batch.is_control() {
            return self.is_void_marker(batch);
        }
        if !batch.is_transactional() {
            return false;
        }
        match self.aborted.get_mut(&producer_id) {
            Some((_, is_there)) => {
                *is_there = true;
                true
            }
            None => {
                self.committed.insert(producer_id);
                false
            }
        }
    }

    fn is_void_marker(&mut self, batch: &RecordBatch) -> bool {
        match ended_transaction(batch) {
            Some((producer_id, true)) => !self.committed.remove(&producer_id),
            Some((producer_id, false)) => match self.aborted.remove(&producer_id) {
                Some((aborted, true)) => {
                    self.kept.push(aborted);
                    false
                }
                Some((_, false)) | None => true,
            },
            // What was in it is gone already; others are no markers.
            None => batch.records_count() == 0,
        }
    }

    fn begin_up_to(&mut self, offset: Offset) {
        while let Some(entry) = self.coming.first_entry()
            && *entry.key() <= offset
        {
            let one = entry.remove();
            // A transaction is told of in each segment that has a part of it.
            self.aborted.entry(one.producer_id).or_insert((one, false));
        }
    }

    /// The aborted transactions whose markers are needed, of those that ended since this was asked
    /// last, in the order of their ends.
    pub(super) fn take_kept(&mut self) -> Vec<AbortedTransaction> {
        std::mem::take(&mut self.kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::record_batch::{ControlType, EndTransactionMarker, RecordBatchBuilder};

    fn aborted(
        producer_id: ProducerId,
        first_offset: Offset,
        last_offset: Offset,
    ) -> AbortedTransaction {
        AbortedTransaction {
            producer_id,
            first_offset,
            last_offset,
            last_stable_offset: last_offset + 1,
        }
    }

    fn records(producer_id: ProducerId, offset: Offset) -> RecordBatch {
        let mut builder = RecordBatchBuilder::new()
            .place(offset, 0)
            .producer(producer_id, 0, Some(0))
            .transactional();
        builder.append(1000, Some(b"k"), Some(b"v"), &[]);
        builder.finish()
    }

    fn marker(producer_id: ProducerId, offset: Offset, end: ControlType) -> RecordBatch {
        let mut builder = RecordBatchBuilder::new()
            .place(offset, 0)
            .producer(producer_id, 0, None)
            .transactional()
            .control();
        let value = EndTransactionMarker {
            coordinator_epoch: 1,
        };
        builder.append_control(1000, end, &value.encode());
        builder.finish()
    }

    #[test]
    fn records_of_an_aborted_transaction_are_void_and_those_of_a_committed_one_are_not() {
        let mut transactions = Transactions::default();
        transactions.expect(vec![aborted(7, 10, 13)]);
        assert!(!transactions.are_void(&records(7, 5)));
        assert!(!transactions.are_void(&marker(7, 6, ControlType::Commit)));
        assert!(transactions.are_void(&records(7, 10)));
        assert!(!transactions.are_void(&records(8, 11)));
        // Its next segment tells of it, too.
        transactions.expect(vec![aborted(7, 10, 13)]);
        assert!(transactions.are_void(&records(7, 12)));
        assert!(!transactions.are_void(&marker(7, 13, ControlType::Abort)));
        assert!(!transactions.are_void(&records(7, 14)));
        assert_eq!(transactions.take_kept(), [aborted(7, 10, 13)]);
        assert_eq!(transactions.take_kept(), []);
    }

    #[test]
    fn a_marker_is_void_once_no_batch_of_its_transaction_is_there() {
        let mut transactions = Transactions::default();
        transactions.expect(vec![aborted(7, 10, 13), aborted(8, 11, 14)]);
        assert!(transactions.are_void(&marker(9, 12, ControlType::Commit)));
        assert!(transactions.are_void(&marker(7, 13, ControlType::Abort)));
        assert!(transactions.are_void(&marker(8, 14, ControlType::Abort)));
        assert!(!transactions.are_void(&records(7, 15)));
        assert!(!transactions.are_void(&marker(7, 16, ControlType::Commit)));
        assert!(transactions.are_void(&marker(7, 17, ControlType::Commit)));
        assert_eq!(transactions.take_kept(), []);
    }

    #[test]
    fn what_is_no_transaction_is_not_void() {
        let mut transactions = Transactions::default();
        transactions.expect(vec![aborted(7, 0, 13)]);
        let mut builder = RecordBatchBuilder::new()
            .place(3, 0)
            .producer(7, 0, Some(0));
        builder.append(1000, Some(b"k"), Some(b"v"), &[]);
        assert!(!transactions.are_void(&builder.finish()));
        let mut builder = RecordBatchBuilder::new().place(4, 0);
        builder.append(1000, Some(b"k"), Some(b"v"), &[]);
        assert!(!transactions.are_void(&builder.finish()));
        let empty = marker(7, 5, ControlType::Commit)
            .retaining(&[], None)
            .unwrap();
        assert!(transactions.are_void(&empty));
    }
}
