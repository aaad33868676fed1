//! Compaction: of each key only the last record stays (`cleanup.policy=compact`).
//!
//! Owns: what was cleaned already (Kafka's `cleaner-offset-checkpoint`), which records go, the run
//! that takes them out.
//! Promises: offsets never change; the last record of a key is never lost; nothing is touched that
//! is not sealed and below the high watermark; a crash at any moment leaves each segment as it was
//! or cleaned, and those that are merged all as they were or all cleaned. Each piece of work is one
//! small read, so that a turn stays short.
//! Knows nothing of: other partitions, and when it is this one's turn.
//!
//! A run first goes through the dirty part, from where the last run ended to what may not be
//! cleaned yet, and notes the last offset of every key (`offset_map`). Then it goes through every
//! segment below the end of what it noted (`filter`): what stays of one, or of neighbours that were
//! small enough to be one, is written beside them with its indexes, and takes their place by
//! changes of names (`rewrite`) that a start undoes or brings to their end (`interrupted`). A
//! segment of which nothing is left goes.
//!
//! Records of aborted transactions go wherever a run comes by them, and markers once they are all
//! that is left of their transactions (`transactions`); nothing is touched from the last stable
//! offset on.

mod filter;
mod interrupted;
mod offset_map;
mod rewrite;
mod run;
mod transactions;

use crate::model::Offset;
use crate::stdx::{Instant, Now};

use super::partition_log::{Log, LogProgress, Pending, State};
use super::segment::Largest;
use super::storage::{FileId, StorageOutbox};
use run::Run;

pub(super) use interrupted::Interrupted;

/// What a run may take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CleaningLimits {
    /// Memory for the offsets of keys, in bytes (`log.cleaner.dedupe.buffer.size`).
    pub map_bytes_max: usize,
    /// Reading and writing together (`log.cleaner.io.max.bytes.per.second`).
    pub bytes_per_second_max: f64,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum CleaningEnd {
    /// The log is clean up to `first_dirty_offset`.
    Cleaned {
        /// Where the next run begins.
        first_dirty_offset: Offset,
        /// The size of the segments that were rewritten.
        bytes_before: u64,
        /// What is left of them.
        bytes_after: u64,
    },
    /// There is nothing that may be cleaned now.
    NothingToDo,
    /// It was broken off, and may be tried again.
    Stopped,
    /// The log is not cleaned until it is opened again, for this reason.
    Uncleanable(String),
}

/// How much of a log that may be cleaned is dirty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dirtiness {
    /// The dirty part, from 0 to 1.
    pub ratio: f64,
    /// How urgent a run is, if there is reason enough for one: the dirty part above
    /// `min.cleanable.dirty.ratio`, or, which counts as more than 1, records that are dirty for
    /// longer than `max.compaction.lag.ms`.
    pub need: Option<f64>,
}

/// What a log knows of its own cleaning.
#[derive(Debug, Default)]
pub(super) struct Cleaner {
    /// Everything below was cleaned once.
    first_dirty_offset: Offset,
    /// A run that is to begin when the time indexes that it asks are there.
    asked: Option<Asked>,
    run: Option<Box<Run>>,
    runs_count: u64,
    is_uncleanable: bool,
    /// At the start, what an interrupted run has left is read through this.
    swap_file: Option<FileId>,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    high_watermark: Offset,
    limits: CleaningLimits,
}

impl Cleaner {
    /// True if a run works on the segment.
    pub(super) fn holds(&self, base_offset: Offset) -> bool {
        let run = self.run.as_deref();
        run.is_some_and(|run| run.first_at_work() <= base_offset && base_offset <= run.segment)
    }

    /// True if a run is under way.
    pub(super) const fn is_running(&self) -> bool {
        self.run.is_some()
    }
}

/// The sizes that decide whether a log is cleaned.
#[derive(Clone, Copy, Debug, Default)]
struct Extent {
    clean_bytes: u64,
    dirty_bytes: u64,
    /// When the oldest dirty segment was begun.
    oldest_dirty_ms: Option<i64>,
}

impl Log {
    /// From here on the log was never cleaned.
    #[must_use]
    pub const fn first_dirty_offset(&self) -> Offset {
        self.cleaner.first_dirty_offset
    }

    /// Take over where the last run ended, before the log is opened. What lies behind the end of
    /// the log is then not believed: it was said of another log than this one.
    pub const fn inherit_first_dirty_offset(&mut self, offset: Offset) {
        self.cleaner.first_dirty_offset = offset;
    }

    /// The log knows its end: what was inherited is believed from now on, or not.
    pub(super) const fn judge_first_dirty_offset(&mut self) {
        if self.cleaner.first_dirty_offset > self.log_end_offset {
            self.cleaner.first_dirty_offset = 0;
        }
    }

    /// How dirty the log is; `None` if it is not one that may be cleaned now.
    #[must_use]
    pub fn dirtiness(&self, now: Now, high_watermark: Offset) -> Option<Dirtiness> {
        let may_be_cleaned = self.config.cleanup_policy.compact
            && matches!(self.state, State::Open)
            && !self.cleaner.is_uncleanable
            && !self.is_cleaning();
        if !may_be_cleaned {
            return None;
        }
        let extent = self.extent(self.cleanable_segments(now, high_watermark));
        if extent.dirty_bytes == 0 {
            return None;
        }
        let is_overdue = extent.oldest_dirty_ms.is_some_and(|oldest_ms| {
            now.wall_ms.saturating_sub(oldest_ms) > self.config.max_compaction_lag_ms
        });
        let all_bytes = extent.clean_bytes + extent.dirty_bytes;
        let ratio = extent.dirty_bytes as f64 / all_bytes as f64;
        let need = match ratio {
            ratio if is_overdue => Some(1.0 + ratio),
            ratio => (ratio > self.config.min_cleanable_dirty_ratio).then_some(ratio),
        };
        Some(Dirtiness { ratio, need })
    }

    /// Of a log that cannot be cleaned, the bytes that a run would go through for their keys.
    #[must_use]
    pub fn uncleanable_bytes(&self, now: Now, high_watermark: Offset) -> Option<u64> {
        let extent = || self.extent(self.cleanable_segments(now, high_watermark));
        self.cleaner.is_uncleanable.then(|| extent().dirty_bytes)
    }

    /// Begin a run at the next [`Log::flush`]; [`LogProgress::CleaningEnded`] follows, unless the
    /// log ends before. Only what is below `high_watermark` is cleaned.
    pub const fn start_cleaning(&mut self, high_watermark: Offset, limits: CleaningLimits) {
        self.cleaner.asked = Some(Asked {
            high_watermark,
            limits,
        });
    }

    /// When [`Log::flush`] has to be called for a run that was slowed down; [`Instant::MAX`] for
    /// never.
    #[must_use]
    pub fn cleaning_deadline(&self) -> Instant {
        let run = self.cleaner.run.as_deref().filter(|run| !run.is_waiting);
        run.and_then(|run| run.resume_at).unwrap_or(Instant::MAX)
    }

    /// True from [`Log::start_cleaning`] until the run has ended.
    #[must_use]
    pub const fn is_cleaning(&self) -> bool {
        self.cleaner.asked.is_some() || self.cleaner.run.is_some()
    }

    /// How many segments from the first on may be cleaned: those that are sealed, below the high
    /// watermark and any transaction that is not settled, and older than `min.compaction.lag.ms`.
    fn cleanable_segments(&self, now: Now, high_watermark: Offset) -> usize {
        let end = self.last_stable_offset(high_watermark);
        let last = self.segments.len().saturating_sub(1);
        (0..last)
            .take_while(|index| {
                let segment = &self.segments[*index];
                segment.writer.is_none()
                    && self.segment_end(*index) <= end
                    && !self.is_too_young(now, *index)
            })
            .count()
    }

    fn is_too_young(&self, now: Now, index: usize) -> bool {
        let least_ms = self.config.min_compaction_lag_ms;
        if least_ms == 0 {
            return false;
        }
        let segment = &self.segments[index];
        let newest_ms = segment.retention_timestamp().unwrap_or(segment.modified_ms);
        now.wall_ms.saturating_sub(newest_ms) < least_ms
    }

    /// The first segment that has something dirty, or will have.
    fn first_dirty_segment(&self) -> usize {
        self.segment_of(self.first_dirty_offset()).unwrap_or(0)
    }

    fn extent(&self, cleanable: usize) -> Extent {
        let first_dirty = self.first_dirty_segment();
        let mut extent = Extent::default();
        for (index, segment) in self.segments.iter().take(cleanable).enumerate() {
            if index < first_dirty {
                extent.clean_bytes += segment.length;
                continue;
            }
            extent.dirty_bytes += segment.length;
            // After a start only the last write is known, which is later than the first.
            let begun_ms = segment.first_timestamp.unwrap_or(segment.modified_ms);
            let oldest_ms = extent.oldest_dirty_ms.get_or_insert(begun_ms);
            *oldest_ms = begun_ms.min(*oldest_ms);
        }
        extent
    }

    /// Take the run on until it waits for the disk.
    pub(super) fn advance_cleaning(&mut self, now: Now, outbox: &mut StorageOutbox) {
        if let Some(asked) = self.cleaner.asked {
            self.begin_cleaning(now, asked, outbox);
        }
        let Some(mut run) = self.cleaner.run.take() else {
            return;
        };
        let end = self.step_run(&mut run, now, outbox);
        match end {
            // The file that is being written may be the very one that is missing.
            None if self.lacks_files() && run.can_give_up_its_file() => {
                self.end_cleaning(&mut run, CleaningEnd::Stopped, outbox);
            }
            None => self.cleaner.run = Some(run),
            Some(end) => self.end_cleaning(&mut run, end, outbox),
        }
    }

    /// True if a file is wanted that may not be opened, and none is about to be closed.
    const fn lacks_files(&self) -> bool {
        self.is_short_of_files && self.open_files.closing == 0
    }

    fn begin_cleaning(&mut self, now: Now, asked: Asked, outbox: &mut StorageOutbox) {
        let is_open = matches!(self.state, State::Open);
        if is_open && self.config.min_compaction_lag_ms > 0 {
            let unknown = |index: &usize| {
                let segment = &self.segments[*index];
                segment.writer.is_none() && segment.largest == Largest::Unknown
            };
            if let Some(index) = (0..self.segments.len()).find(unknown) {
                return self.load_time_index(index, outbox);
            }
        }
        // A file that an earlier run or a crash left over may not be gone yet.
        let is_removing = self
            .pending
            .values()
            .any(|pending| *pending == Pending::Other);
        if is_open && (is_removing || self.lacks_space()) {
            return;
        }
        self.cleaner.asked = None;
        let cleanable = self.cleanable_segments(now, asked.high_watermark);
        let first_dirty = self.first_dirty_segment();
        let may_begin = is_open && !self.cleaner.is_uncleanable && self.cleaner.run.is_none();
        if !may_begin || first_dirty >= cleanable {
            let end = CleaningEnd::NothingToDo;
            return self.progress.push_back(LogProgress::CleaningEnded(end));
        }
        self.cleaner.runs_count += 1;
        let run = Run::new(
            self.cleaner.runs_count,
            asked.limits,
            self.segments[first_dirty].base_offset,
            self.segment_end(cleanable - 1),
            &mut self.random,
        );
        self.cleaner.run = Some(Box::new(run));
    }

    fn end_cleaning(&mut self, run: &mut Run, end: CleaningEnd, outbox: &mut StorageOutbox) {
        self.drop_output(run, outbox);
        match &end {
            CleaningEnd::Cleaned {
                first_dirty_offset, ..
            } => self.cleaner.first_dirty_offset = *first_dirty_offset,
            CleaningEnd::Uncleanable(_) => self.cleaner.is_uncleanable = true,
            CleaningEnd::NothingToDo | CleaningEnd::Stopped => {}
        }
        self.progress.push_back(LogProgress::CleaningEnded(end));
    }

    /// The log has failed: nothing of a run goes on, and its file is closed.
    pub(super) fn forget_cleaning(&mut self, outbox: &mut StorageOutbox) {
        self.close_swap_file(outbox);
        self.cleaner.asked = None;
        if let Some(mut run) = self.cleaner.run.take() {
            self.close_output(&mut run, outbox);
        }
    }
}
