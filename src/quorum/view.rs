//! What the state machine sees of the log, together with its snapshots.

use std::collections::BTreeMap;

use crate::log::Log;
use crate::model::{LeaderEpoch, Offset};

use super::kept_snapshots::SnapshotFile;
use super::raft::{LogEnd, LogView};
use super::snapshot::SnapshotId;

/// An open log and the snapshots beside it.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogAndSnapshots<'a> {
    pub log: &'a Log,
    pub snapshots: &'a BTreeMap<SnapshotId, SnapshotFile>,
}

impl LogView for LogAndSnapshots<'_> {
    fn end(&self) -> LogEnd {
        let offset = self.log.log_end_offset();
        let epoch = self.log.latest_epoch().map_or_else(
            || {
                // Nothing is in the log but what the snapshot says that it begins behind.
                let below = self.snapshots.keys().filter(|id| id.end_offset <= offset);
                below.map(|id| id.epoch).max().unwrap_or(0)
            },
            |latest| latest.epoch,
        );
        LogEnd { epoch, offset }
    }

    fn synced_end_offset(&self) -> Offset {
        self.log.durable_end_offset()
    }

    fn end_of_epoch(&self, epoch: LeaderEpoch) -> LogEnd {
        // Where the log begins is no place to look: a start finds records again that were given up,
        // of which no epoch is known any more.
        if let Some(oldest) = self.snapshots.keys().next()
            && oldest.epoch == epoch
            && self
                .log
                .epoch_of(oldest.end_offset)
                .is_none_or(|first| first > epoch)
        {
            // Nothing is left of it but what the snapshot says.
            return LogEnd {
                epoch,
                offset: oldest.end_offset,
            };
        }
        match self.log.end_offset_for_epoch(epoch) {
            Some(end) => LogEnd {
                epoch: end.epoch,
                offset: end.end_offset,
            },
            None => self.end(),
        }
    }

    fn snapshot_for(&self, end: LogEnd) -> Option<SnapshotId> {
        let start_offset = self.log.log_start_offset();
        if start_offset == 0 && end == LogEnd::default() {
            return None;
        }
        let (oldest, _) = self.snapshots.first_key_value()?;
        let (newest, _) = self.snapshots.last_key_value()?;
        let is_other = end.offset == start_offset && end.offset != 0 && end.epoch != oldest.epoch;
        let is_gone = end.offset < start_offset || is_other || end.epoch < oldest.epoch;
        is_gone.then_some(*newest)
    }
}
