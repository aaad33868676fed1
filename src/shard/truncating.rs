//! Partitions that give up the end of their log, or all of it, since their leader has something
//! else.
//!
//! A log is truncated by being closed and opened again, in the place that it has. Before that the
//! segments get all of it, the journal lets go of all that it has, and the journals of the last
//! life are gone, if they have anything of it: nothing of what is given up may come back after a
//! crash. That it was there before a checkpoint does not say either, since the log notes how far
//! those may be believed. So a crash leaves the log as it was, or less of it, and never a hole.
//! Meanwhile tasks wait, and nobody reads.

use std::collections::BTreeSet;

use crate::log::storage::{DirectoryIndex, Durability};
use crate::log::{Log, OpenMode};
use crate::model::Offset;

use super::core::{Phase, Shard};
use super::future::MovePhase;
use super::partition::{Partition, PartitionState, ReadPurpose};

/// What a log gives up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cut {
    /// What lies at this offset and behind it.
    From(Offset),
    /// All of it: it begins anew at this offset.
    AllAndBeginAt(Offset),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// The segments get all of the log.
    WritingBack,
    /// The journal lets go of its entries, up to this one.
    PassingJournal(u64),
    Closing,
    Opening,
}

/// A truncation that is under way.
#[derive(Debug)]
pub struct Truncation {
    cut: Cut,
    stage: Stage,
    /// Where the replica was to move, and has to begin with that anew.
    moves_to: Option<DirectoryIndex>,
}

/// The truncations of this shard.
#[derive(Debug, Default)]
pub struct Truncations {
    /// The places of the partitions.
    slots: BTreeSet<u32>,
}

impl Shard {
    /// Begin to truncate the log of the partition in `slot`, which is open and follows. False if
    /// that must be tried later: it is about to be at home in another log directory.
    pub(super) fn begin_truncation(&mut self, slot: u32, cut: Cut) -> bool {
        let partition = self.partitions.touch(slot);
        let partition = partition.expect("the slot was just found");
        assert!(
            partition.state == PartitionState::Open,
            "only who is open knows what to give up"
        );
        let mut moves_to = None;
        if let Some(future) = partition.future.as_deref() {
            if future.is_mirror() {
                return false;
            }
            let is_common = match cut {
                Cut::From(offset) => future.log.log_end_offset() <= offset,
                Cut::AllAndBeginAt(_) => false,
            };
            if future.phase == MovePhase::Copying && !is_common {
                moves_to = Some(future.directory);
            }
        }
        if moves_to.is_some() {
            self.end_move(slot, true);
        }
        let partition = self.partitions.touch(slot).expect("it was just there");
        tracing::info!(
            "{} has what its leader has not: {cut:?}, of {} to {}",
            partition.log.identity(),
            partition.log.log_start_offset(),
            partition.log.log_end_offset()
        );
        partition.state = PartitionState::Truncating;
        partition.truncation = Some(Box::new(Truncation {
            cut,
            stage: Stage::WritingBack,
            moves_to,
        }));
        partition.log.use_journal(0);
        partition.log.write_back();
        let owner = partition.log.identity().owner;
        self.journals.withdraw(partition.directory, owner);
        self.fetches.wake(partition.take_waiting_fetches());
        self.truncations.slots.insert(slot);
        true
    }

    /// Go on with the truncations that can. True if that led to more to do in this turn.
    pub(super) fn advance_truncations(&mut self) -> bool {
        let mut has_advanced = false;
        for slot in self.truncations.slots.clone() {
            has_advanced |= self.advance_truncation(slot);
        }
        has_advanced
    }

    fn advance_truncation(&mut self, slot: u32) -> bool {
        let partition = self.partitions.at_mut(slot);
        let truncation = partition.and_then(|partition| {
            let stage = partition.truncation.as_deref()?.stage;
            Some((partition, stage))
        });
        let Some((partition, stage)) = truncation else {
            self.truncations.slots.remove(&slot);
            return false;
        };
        if self.phase == Phase::Stopping {
            return false;
        }
        let next = match stage {
            Stage::WritingBack if partition.is_written_back() => {
                Stage::PassingJournal(self.journals.pass_all(partition.directory))
            }
            Stage::PassingJournal(last)
                if self
                    .journals
                    .has_passed(partition.id, partition.directory, last) =>
            {
                // What was closed later would be of use only to a clean stop.
                partition.log.close(Durability::Synced);
                Stage::Closing
            }
            _ => return false,
        };
        if let Some(truncation) = partition.truncation.as_deref_mut() {
            truncation.stage = next;
        }
        self.partitions.touch(slot);
        true
    }

    /// The log of a partition is closed: by a stop, or to be truncated.
    pub(super) fn on_log_closed(&mut self, slot: u32) {
        let random = self.settings.random.fork();
        let partition = self.partitions.touch(slot);
        let partition = partition.expect("the log belongs to a partition");
        let truncation = partition.truncation.as_deref_mut();
        let is_going_on = self.phase != Phase::Stopping;
        let Some(truncation) = truncation.filter(|_| is_going_on) else {
            partition.state = PartitionState::Closed;
            return;
        };
        truncation.stage = Stage::Opening;
        let cut = truncation.cut;
        let before = &partition.log;
        let mode = OpenMode::Existing {
            is_clean: true,
            log_start_offset: Some(before.log_start_offset()),
            recovery_point: None,
        };
        let (identity, config) = (before.identity().clone(), before.config().clone());
        let mut log = Log::open(identity, config, mode, random);
        log.inherit_first_dirty_offset(before.first_dirty_offset());
        match cut {
            Cut::From(offset) => log.truncate(offset),
            Cut::AllAndBeginAt(offset) => log.start_anew(offset),
        }
        log.count_from(partition.next_count());
        log.use_journal(self.journals.journalled_bytes_max(partition.directory));
        partition.log = log;
        partition.state = PartitionState::Opening;
    }

    /// The log of the partition in `slot` is open. If it was truncated: below which offset it has
    /// what is committed.
    pub(super) fn end_truncation(&mut self, slot: u32) -> Option<Offset> {
        self.truncations.slots.remove(&slot);
        let partition = self.partitions.at_mut(slot)?;
        let truncation = partition.truncation.take()?;
        let high_watermark = partition.role.high_watermark();
        // The points of the checkpoint lie behind the end, and are of no use any more.
        self.resuming.hurry(partition.directory);
        if let Some(directory) = truncation.moves_to
            && !self.is_offline(directory)
        {
            self.begin_move(slot, directory, None);
        }
        Some(high_watermark)
    }
}

impl Partition {
    /// True if the segments have all of the log, and nothing reads it for a move.
    fn is_written_back(&self) -> bool {
        let mut reads = self.reads.values();
        self.log.written_end_offset() >= self.log.log_end_offset()
            && !reads.any(|purpose| matches!(purpose, ReadPurpose::Move))
    }
}
