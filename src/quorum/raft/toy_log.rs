//! The log of a node in the model: a list of entries, and what of it a crash would leave.

use crate::model::{LeaderEpoch, Offset};
use crate::quorum::snapshot::SnapshotId;

use super::{LogEnd, LogView};

/// Some of the nodes: a bit for each.
pub(super) type NodeSet = u8;

/// A record: the epoch of its leader, and something that makes it different from all others.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct Entry {
    pub epoch: LeaderEpoch,
    pub value: u8,
    /// Who votes from here on, if it says so.
    pub voters: Option<NodeSet>,
}

impl Entry {
    /// What begins an epoch.
    pub(super) fn leader_change(epoch: LeaderEpoch) -> Self {
        let value = 100 + u8::try_from(epoch).unwrap();
        let voters = None;
        Self {
            epoch,
            value,
            voters,
        }
    }
}

/// A log, and what of it a crash would leave.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Journal {
    pub entries: Vec<Entry>,
    pub synced: Vec<Entry>,
    /// A bug: it says that all is synced.
    pub claims_all: bool,
}

impl Journal {
    /// Who votes, as the entries that say so name them, the last first, and where those end.
    pub(super) fn voters(&self) -> impl Iterator<Item = (NodeSet, Offset)> {
        let entries = self.entries.iter().enumerate().rev();
        entries.filter_map(|(place, entry)| Some((entry.voters?, offset_of(place + 1))))
    }
}

fn offset_of(place: usize) -> Offset {
    Offset::try_from(place).unwrap()
}

pub(super) fn place_of(offset: Offset) -> usize {
    usize::try_from(offset).unwrap()
}

impl LogView for Journal {
    fn end(&self) -> LogEnd {
        LogEnd {
            epoch: self.entries.last().map_or(0, |entry| entry.epoch),
            offset: offset_of(self.entries.len()),
        }
    }

    fn synced_end_offset(&self) -> Offset {
        if self.claims_all {
            return self.end().offset;
        }
        let both = self.entries.iter().zip(&self.synced);
        offset_of(both.take_while(|(one, other)| one == other).count())
    }

    fn end_of_epoch(&self, epoch: LeaderEpoch) -> LogEnd {
        let end = self.entries.partition_point(|entry| entry.epoch <= epoch);
        LogEnd {
            epoch: end
                .checked_sub(1)
                .map_or(0, |last| self.entries[last].epoch),
            offset: offset_of(end),
        }
    }

    fn snapshot_for(&self, _end: LogEnd) -> Option<SnapshotId> {
        None
    }
}
