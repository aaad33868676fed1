//! Whether the index of aborted transactions of a segment tells of all that ended in it.

use std::collections::BTreeMap;
use std::fs::File;

use crate::log::ended_transaction;
use crate::model::{Offset, ProducerId};
use crate::protocol::record_batch::BatchHeader;

use super::metadata::read_batch;

/// What the batches of a partition tell of transactions, as far as these begin in it: of one that
/// began in what was deleted, only the files know.
#[derive(Debug, Default)]
pub struct TransactionWalk {
    /// Who has a transaction open.
    open: BTreeMap<ProducerId, Offset>,
    /// Those that were aborted in the segment: whose, and where the marker is.
    aborted: Vec<(ProducerId, Offset)>,
}

impl TransactionWalk {
    /// The next batch of `file`, which is sound.
    pub fn on_batch(&mut self, file: &File, header: &BatchHeader, position: u64) {
        if !header.attributes.is_transactional() {
            return;
        }
        let (producer_id, offset) = (header.producer_id, header.base_offset);
        if !header.attributes.is_control() {
            self.open.entry(producer_id).or_insert(offset);
            return;
        }
        let batch = read_batch(file, header, position).ok();
        let ended = batch.as_ref().and_then(ended_transaction);
        let began = self.open.remove(&producer_id);
        if began.is_some() && ended.is_some_and(|(_, is_committed)| !is_committed) {
            self.aborted.push((producer_id, offset));
        }
    }

    /// The segment ends: those that were aborted in it.
    pub fn take_aborted(&mut self) -> Vec<(ProducerId, Offset)> {
        std::mem::take(&mut self.aborted)
    }
}
