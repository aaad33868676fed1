//! Files of deleted segments that become those of new ones.
//!
//! The blocks of such a file are there and were written before, so that a synced write changes
//! nothing but them: the file system has no blocks to find, to mark as written and to note in its
//! own journal first, and none to free for what is deleted.
//!
//! What the file held stays in it behind the new records. It is told from them by its offsets,
//! which are all below the segment's base: only files of the same log are used again, and only
//! those that retention has deleted.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::Offset;
use crate::stdx::{Instant, Now};

use super::file_names::FileKind;
use super::partition_log::{Log, Pending};
use super::segment::{SegmentFile, WriterWait};
use super::storage::{IO_BLOCK_BYTES, StorageOutbox, StoragePath, StorageRequest};

/// A file that is shorter has no whole block to offer.
const RECYCLED_BYTES_MIN: u64 = IO_BLOCK_BYTES;

/// A log that has begun a segment within this time will soon begin another.
const BUSY_TIME: Duration = Duration::from_mins(1);

/// A file of a deleted segment, under its name for deleted ones.
#[derive(Clone, Debug)]
pub(super) struct Deleted {
    pub(super) path: StoragePath,
    /// Bytes of a file of records; zero of others, which are of no use.
    pub(super) length: u64,
}

/// The files that wait for their removal or for another use.
#[derive(Debug, Default)]
pub(super) struct Recycling {
    /// Not to be removed before their time, `file.delete.delay.ms` after the deletion.
    pub(super) removals: VecDeque<(Instant, Deleted)>,
    /// Those whose time has come, and which are kept since the log will need them.
    spares: VecDeque<Deleted>,
    /// How many segments were begun since retention was applied last, and in the time before that.
    rolls: usize,
    earlier_rolls: usize,
    rolled_at: Option<Instant>,
}

impl Recycling {
    /// A segment was begun.
    pub(super) const fn note_roll(&mut self, now: Now) {
        self.rolls += 1;
        self.rolled_at = Some(now.instant);
    }

    /// Retention is applied: from one time to the next it deletes as many segments as are begun.
    pub(super) const fn note_retention(&mut self) {
        self.earlier_rolls = self.rolls;
        self.rolls = 0;
    }

    /// How many files are kept beyond their time: what was deleted at once is needed one by one,
    /// and what is begun seldom is begun again.
    fn spares_max(&self, now: Now) -> usize {
        let is_busy = self
            .rolled_at
            .is_some_and(|rolled_at| now.instant < rolled_at + BUSY_TIME);
        if is_busy {
            self.rolls.max(self.earlier_rolls).max(1)
        } else {
            0
        }
    }

    fn take(&mut self) -> Option<Deleted> {
        self.spares.pop_front().or_else(|| {
            let is_usable = |(_, file): &(Instant, Deleted)| file.length >= RECYCLED_BYTES_MIN;
            let place = self.removals.iter().position(is_usable)?;
            self.removals.remove(place).map(|(_, file)| file)
        })
    }
}

impl Log {
    /// Remove what was deleted long enough ago and will not be used again.
    pub(super) fn remove_due(&mut self, now: Now, outbox: &mut StorageOutbox) {
        let spares_max = match self.space.is_lacking() {
            true => 0,
            false => self.recycling.spares_max(now),
        };
        while let Some((when, _)) = self.recycling.removals.front()
            && *when <= now.instant
            && let Some((_, file)) = self.recycling.removals.pop_front()
        {
            if file.length >= RECYCLED_BYTES_MIN {
                self.recycling.spares.push_back(file);
            } else {
                self.remove_deleted(file, outbox);
            }
        }
        while self.recycling.spares.len() > spares_max
            && let Some(file) = self.recycling.spares.pop_back()
        {
            self.remove_deleted(file, outbox);
        }
    }

    fn remove_deleted(&mut self, file: Deleted, outbox: &mut StorageOutbox) {
        let path = file.path;
        self.submit(outbox, Pending::Other, StorageRequest::Remove { path });
    }

    /// Give the file of a deleted segment the name of the one at `index`, which has none yet; false
    /// if there is no such file.
    pub(super) fn recycle(&mut self, index: usize, outbox: &mut StorageOutbox) -> bool {
        // Its name may still be that of the segment that it was.
        if self.deletion_in_flight {
            return false;
        }
        let Some(file) = self.recycling.take() else {
            return false;
        };
        let base_offset = self.segments[index].base_offset;
        let to = self.file_path(base_offset, FileKind::Log);
        let writer = self
            .writer_at(base_offset)
            .expect("a segment without a file has a writer");
        writer.wait = WriterWait::Recycling;
        let request = StorageRequest::Rename {
            from: file.path,
            to,
        };
        let pending = Pending::Recycled(base_offset, file.length);
        self.submit(outbox, pending, request);
        true
    }

    pub(super) fn on_recycled(&mut self, base_offset: Offset, length: u64) {
        if let Some(segment) = self.segment_mut(base_offset)
            && let Some(writer) = &mut segment.writer
        {
            assert!(
                segment.file == SegmentFile::Closed && !writer.exists,
                "nobody has opened a file that was being renamed"
            );
            writer.exists = true;
            writer.wait = WriterWait::Nothing;
            writer.allocated = length - length % IO_BLOCK_BYTES;
        }
    }
}
