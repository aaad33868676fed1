//! What the transactions of a log mean to its readers (KIP-98): how far committed records reach,
//! and which of them do not count.
//!
//! The leader and its followers learn both from the batches, in their order. A transaction that has
//! ended holds readers back until the marker of its end is below the high watermark, as an open one
//! does: what a failover may take back is not told.

use std::collections::BTreeMap;

use crate::model::Offset;

use super::aborted::AbortedTransaction;
use super::partition_log::Log;
use super::producer_state::EndedTransaction;

/// The transactions that have ended, as far as the markers may not be below the high watermark:
/// the offset of the marker by where the transaction began.
pub(super) type Unsettled = BTreeMap<Offset, Offset>;

impl Log {
    /// How far readers of committed records may read: up to the oldest transaction that is open
    /// below `high_watermark`, or that ended behind it.
    #[must_use]
    pub fn last_stable_offset(&self, high_watermark: Offset) -> Offset {
        let is_unsettled = |(_, last): &(&Offset, &Offset)| **last >= high_watermark;
        let unsettled = self.unsettled.iter().find(is_unsettled);
        let unsettled = unsettled.map(|(first, _)| *first);
        let open = self.first_open_transaction();
        let first = open.into_iter().chain(unsettled).min();
        first.map_or(high_watermark, |first| first.min(high_watermark))
    }

    /// What lies below `high_watermark` is there to stay.
    pub fn settle_transactions(&mut self, high_watermark: Offset) {
        self.unsettled.retain(|_, last| *last >= high_watermark);
    }

    /// The aborted transactions with a part in the records from `offset` up to `upper`.
    #[must_use]
    pub fn aborted_between(&self, offset: Offset, upper: Offset) -> Vec<AbortedTransaction> {
        self.aborted.between(offset, upper)
    }

    /// The marker of the end was appended.
    pub(super) fn on_transaction_ended(&mut self, ended: EndedTransaction) {
        self.unsettled.insert(ended.first_offset, ended.last_offset);
        self.note_transaction(ended);
    }

    /// The marker of the end is in the log.
    pub(super) fn note_transaction(&mut self, ended: EndedTransaction) {
        if !ended.is_committed {
            self.aborted.note(AbortedTransaction {
                producer_id: ended.producer_id,
                first_offset: ended.first_offset,
                last_offset: ended.last_offset,
                last_stable_offset: ended.last_stable_offset,
            });
        }
    }
}
