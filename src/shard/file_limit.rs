//! How many segment files this shard has open. Partitions are more than a process may have files,
//! so a log that needs one may have to wait until others have closed theirs.
//!
//! Nobody waits for ever: a log holds a file while something is under way on it, and never while it
//! waits for another.

use std::collections::VecDeque;
use std::time::Duration;

use crate::log::OpenFiles;
use crate::stdx::Now;

use super::core::Shard;
use super::partition::Partition;
use super::{Effects, ShardSettings};

/// Files that were used more recently than this are closed only if no others can be.
const RECENT_USE: Duration = Duration::from_secs(1);

/// Of the files that a shard may have, one in this many is closed at once when there is no room: so
/// the search for those that are not in use is made seldom.
const CLOSED_AT_ONCE_DIVISOR: usize = 16;

/// The segment files of all partitions of a shard.
#[derive(Debug)]
pub struct FileLimit {
    files_max: usize,
    /// Of all logs together.
    files: OpenFiles,
    /// Where the search for files to close goes on.
    next_slot: u32,
    /// The places of the partitions whose logs wait for room, each once.
    waiting: VecDeque<u32>,
}

impl FileLimit {
    /// No file is open.
    pub const fn new(settings: &ShardSettings) -> Self {
        Self {
            files_max: settings.open_files_max,
            files: OpenFiles {
                count: 0,
                closing: 0,
            },
            next_slot: 0,
            waiting: VecDeque::new(),
        }
    }

    /// How many files may be open.
    pub const fn files_max(&self) -> usize {
        self.files_max
    }

    /// How many files are open, being opened or being closed.
    pub const fn files_count(&self) -> usize {
        self.files.count
    }

    /// How many more files may be opened now.
    pub const fn left(&self) -> usize {
        self.files_max.saturating_sub(self.files.count)
    }

    /// Count the files of the partition anew: it may have closed some.
    pub fn count(&mut self, partition: &mut Partition) {
        let now = partition.count_open_files();
        let before = std::mem::replace(&mut partition.open_files, now);
        self.files.count = self.files.count + now.count - before.count;
        self.files.closing = self.files.closing + now.closing - before.closing;
    }

    /// The same of the partition in `slot`, and let it wait if it is short of them.
    pub fn note(&mut self, slot: u32, partition: &mut Partition) {
        self.count(partition);
        if partition.is_short_of_files() && !partition.waits_for_files {
            partition.waits_for_files = true;
            self.waiting.push_back(slot);
        }
    }

    /// A partition is gone, and its files with it.
    pub const fn forget(&mut self, files: OpenFiles) {
        self.files.count -= files.count;
        self.files.closing -= files.closing;
    }
}

impl Shard {
    /// Let the logs go on that wait for files, if there is room; make room if there is none.
    pub(super) fn advance_file_limit(&mut self, now: Now, effects: &mut Effects) {
        for _ in 0..self.file_limit.left() {
            let Some(slot) = self.file_limit.waiting.pop_front() else {
                return;
            };
            if let Some(partition) = self.partitions.touch(slot) {
                partition.waits_for_files = false;
            }
        }
        if !self.file_limit.waiting.is_empty() && self.file_limit.files.closing == 0 {
            let at_once = self.file_limit.files_max / CLOSED_AT_ONCE_DIVISOR;
            let wanted = self.file_limit.waiting.len().min(at_once).max(1);
            let closed = self.close_unused_files(now, RECENT_USE, wanted, effects);
            if closed == 0 {
                self.close_unused_files(now, Duration::ZERO, wanted, effects);
            }
        }
    }

    /// Close about `wanted` files that were not used for `idle`, going round the partitions.
    /// Returns how many.
    fn close_unused_files(
        &mut self,
        now: Now,
        idle: Duration,
        wanted: usize,
        effects: &mut Effects,
    ) -> usize {
        let mut closed = 0;
        for _ in 0..self.partitions.len() {
            if closed >= wanted {
                break;
            }
            let start = self.file_limit.next_slot;
            let next = self
                .partitions
                .next_slot(start)
                .or_else(|| self.partitions.next_slot(0));
            let Some(slot) = next else { break };
            self.file_limit.next_slot = slot + 1;
            let partition = self
                .partitions
                .at_mut(slot)
                .expect("the slot was just found");
            if partition.open_files.count > 0 {
                closed += partition.close_unused_files(now, idle, &mut effects.storage);
                self.file_limit.note(slot, partition);
            }
        }
        closed
    }
}
