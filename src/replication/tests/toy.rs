//! A log that is a list: what replicas in the worlds of [`super::world`] have.

use crate::log::{EpochEnd, EpochStart};
use crate::model::{LeaderEpoch, Offset};
use crate::stdx::Random;

/// A record, told apart from all others.
pub type Record = (LeaderEpoch, u64);

/// A log.
#[derive(Clone, Debug, Default)]
pub struct ToyLog {
    pub start: Offset,
    records: Vec<Record>,
    pub synced: Offset,
    epochs: Vec<EpochStart>,
}

fn place(offset: Offset) -> usize {
    usize::try_from(offset).expect("offsets count from zero")
}

impl ToyLog {
    pub fn end(&self) -> Offset {
        self.start + Offset::try_from(self.records.len()).expect("worlds are small")
    }

    pub fn at(&self, offset: Offset) -> Option<Record> {
        let behind_start = offset
            .checked_sub(self.start)
            .filter(|behind| *behind >= 0)?;
        self.records.get(place(behind_start)).copied()
    }

    pub fn from(&self, offset: Offset, count: usize) -> Vec<Record> {
        let skipped = self.records.iter().skip(place(offset - self.start));
        skipped.take(count).copied().collect()
    }

    pub fn push(&mut self, record: Record) {
        self.begin_epoch(record.0);
        self.records.push(record);
    }

    pub fn begin_epoch(&mut self, epoch: LeaderEpoch) {
        if self.latest_epoch() != Some(epoch) {
            let start_offset = self.end();
            self.epochs.retain(|one| one.start_offset < start_offset);
            self.epochs.push(EpochStart {
                epoch,
                start_offset,
            });
        }
    }

    pub fn latest_epoch(&self) -> Option<LeaderEpoch> {
        self.epochs.last().map(|one| one.epoch)
    }

    pub fn end_of(&self, epoch: LeaderEpoch) -> Option<EpochEnd> {
        if self.latest_epoch()? == epoch {
            let end_offset = self.end();
            return Some(EpochEnd { epoch, end_offset });
        }
        let higher = self.epochs.partition_point(|one| one.epoch <= epoch);
        let end_offset = self.epochs.get(higher)?.start_offset;
        let floor = higher.checked_sub(1).map(|place| self.epochs[place].epoch);
        Some(EpochEnd {
            epoch: floor.unwrap_or(epoch),
            end_offset,
        })
    }

    pub fn truncate(&mut self, to: Offset) {
        self.records.truncate(place(to - self.start));
        self.epochs.retain(|one| one.start_offset < to);
        self.synced = self.synced.min(to);
    }

    pub fn begin_anew(&mut self, at: Offset) {
        *self = Self {
            start: at,
            synced: at,
            ..Self::default()
        };
    }

    pub fn cut_front(&mut self, to: Offset) {
        let to = to.min(self.end()).max(self.start);
        self.records.drain(..place(to - self.start));
        self.start = to;
        let covered = self.epochs.partition_point(|one| one.start_offset <= to);
        if let Some(last) = covered.checked_sub(1) {
            self.epochs.drain(..last);
            self.epochs[0].start_offset = to;
        }
    }

    /// What is not synced may be lost, from some offset on.
    pub fn crash(&mut self, random: &mut Random) {
        let unsynced = (self.end() - self.synced).unsigned_abs();
        let kept = self.synced + random.below(unsynced + 1).cast_signed();
        self.truncate(kept);
        self.synced = kept;
    }
}
