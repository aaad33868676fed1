//! Knowing again, when a log is opened, which transactions were aborted.
//!
//! The file of a sealed segment is believed. One that cannot be read is made anew from the records,
//! as is that of a segment that is not sealed: then also the producers are followed from before
//! that segment on, since a marker says who ended a transaction and not where it began.

use crate::model::Offset;

use super::file_names::FileKind;
use super::partition_log::{Log, LogProgress};
use super::recovery::{Asked, FoundFiles, Recovery};
use super::recovery_scan::Scan;
use super::storage::{StorageOutbox, StorageOutcome, StorageRequest};

impl Recovery {
    /// Up to where the files tell of all transactions that were aborted.
    pub(super) fn aborted_known_to(&self) -> Offset {
        let is_unsealed = |(_, found): &(&Offset, &FoundFiles)| !found.is_sealed();
        let unsealed = self.found.iter().find(is_unsealed);
        let unsealed = unsealed.filter(|_| self.replays_markers());
        unsealed.map_or(Offset::MAX, |(base_offset, _)| *base_offset)
    }

    /// True if records are read for what they tell of transactions.
    pub(super) const fn replays_markers(&self) -> bool {
        !self.is_clean() || self.doubts_aborted.is_some()
    }

    /// True if `scan` finds every transaction that was aborted in its segment.
    fn finds_aborted(&self, scan: &Scan) -> bool {
        scan.rebuilds
            && scan.position == 0
            && scan.segment >= self.replay_from
            && self.replays_markers()
    }
}

impl Log {
    pub(super) fn ask_for_aborted(&mut self, recovery: &mut Recovery, outbox: &mut StorageOutbox) {
        let found = recovery.found.iter();
        let indexed = found.filter(|(_, found)| found.has_transaction_index);
        let bases: Vec<Offset> = indexed.map(|(base_offset, _)| *base_offset).collect();
        for base_offset in bases {
            let path = self.file_path(base_offset, FileKind::TransactionIndex);
            let request = StorageRequest::ReadFile { path };
            let asked = Asked::TransactionIndex(base_offset);
            self.ask(recovery, asked, request, outbox);
        }
    }

    /// Without a part of an index, aborted records would be served as committed ones: a segment
    /// whose file has something else than entries counts as not sealed.
    pub(super) fn take_in_aborted(&mut self, recovery: &mut Recovery, outbox: &mut StorageOutbox) {
        let bases: Vec<Offset> = recovery.found.keys().copied().collect();
        for base_offset in bases {
            let asked = Asked::TransactionIndex(base_offset);
            let Some(StorageOutcome::Data(file)) = recovery.answers.remove(&asked) else {
                continue;
            };
            let file = self.cut_aborted(recovery, (base_offset, file), outbox);
            if self.aborted.push_file(base_offset, &file).is_err() {
                recovery.doubts_aborted.get_or_insert(base_offset);
                if let Some(found) = recovery.found.get_mut(&base_offset) {
                    found.has_offset_index = false;
                }
                let path = self.file_path(base_offset, FileKind::TransactionIndex);
                self.progress.push_back(LogProgress::IndexesDoubted(path));
            }
        }
    }

    /// Before `scan`: its records tell of all again, also of what its file does not know or knows
    /// wrongly.
    pub(super) fn forget_aborted(&mut self, recovery: &Recovery, scan: &Scan, index: usize) {
        if recovery.finds_aborted(scan) {
            let end = self.segments.get(index + 1).map(|next| next.base_offset);
            let end = end.unwrap_or(Offset::MAX);
            self.aborted.forget(scan.segment, end);
        }
    }
}
