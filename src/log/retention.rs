//! What goes: whole segments that are too old, too much, or below the log start.

use std::time::Duration;

use crate::model::{ErrorCode, Offset};
use crate::stdx::Now;

use super::file_names::{DELETED, FileKind};
use super::partition_log::{Log, LogProgress, Pending, State};
use super::recycling::Deleted;
use super::segment::{Largest, Segment, SegmentFile, WriterWait};
use super::storage::{StorageOutbox, StoragePath, StorageRequest};

/// Whether the oldest segment goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Verdict {
    Keep,
    Delete,
    /// Its time index must be asked, or the disk works on it.
    Wait,
}

impl Log {
    /// Move the log start up to `before_offset`: what lies below is not read any more. The segments
    /// below it go when retention is applied. Returns the log start.
    ///
    /// # Errors
    /// [`ErrorCode::OffsetOutOfRange`] if the offset is behind `high_watermark`.
    pub fn delete_records(
        &mut self,
        before_offset: Offset,
        high_watermark: Offset,
    ) -> Result<Offset, ErrorCode> {
        match self.state {
            State::Open => {}
            State::Failed => return Err(ErrorCode::KafkaStorageError),
            _ => return Err(ErrorCode::NotLeaderOrFollower),
        }
        if before_offset > high_watermark.min(self.log_end_offset) || before_offset < 0 {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        self.move_log_start(before_offset);
        if self.log_start_offset > self.durable_end_offset {
            self.write_back();
        }
        Ok(self.log_start_offset)
    }

    pub(super) fn move_log_start(&mut self, offset: Offset) {
        if offset > self.log_start_offset {
            self.log_start_offset = offset;
            self.epochs_are_dirty |= self.epochs.cut_front(offset);
        }
    }

    /// Delete the segments that `retention.ms`, `retention.bytes` or the log start do not cover any
    /// more, the oldest first. Only what is below the high watermark goes. Deletions happen in
    /// [`Log::flush`] and are told by [`LogProgress::LogStartAdvanced`].
    pub fn apply_retention(&mut self, high_watermark: Offset) {
        self.retention_high_watermark = Some(high_watermark);
        self.recycling.note_retention();
    }

    pub(super) fn advance_retention(&mut self, now: Now, outbox: &mut StorageOutbox) {
        let Some(high_watermark) = self.retention_high_watermark else {
            return;
        };
        if !matches!(self.state, State::Open) {
            self.retention_high_watermark = None;
            return;
        }
        let old_start = self.log_start_offset;
        let verdict = loop {
            match self.judge_oldest(now, high_watermark, outbox) {
                Verdict::Delete => self.delete_oldest(now, outbox),
                verdict => break verdict,
            }
        };
        if verdict == Verdict::Keep {
            self.retention_high_watermark = None;
        }
        if self.log_start_offset > old_start {
            self.progress.push_back(LogProgress::LogStartAdvanced {
                log_start_offset: self.log_start_offset,
            });
        }
    }

    fn judge_oldest(
        &mut self,
        now: Now,
        high_watermark: Offset,
        outbox: &mut StorageOutbox,
    ) -> Verdict {
        let end = self.segment_end(0);
        let Some(oldest) = self.segments.front() else {
            return Verdict::Keep;
        };
        let oldest_length = oldest.length;
        let is_active = self.segments.len() == 1;
        // One after the other, so that a crash leaves no hole between segments.
        if self.deletion_in_flight {
            return Verdict::Wait;
        }
        if end > high_watermark || (is_active && oldest_length == 0) {
            return Verdict::Keep;
        }
        let is_below_start = !is_active && end <= self.log_start_offset;
        let is_too_much = self.config.cleanup_policy.delete
            && self.config.retention_bytes.is_some_and(|bytes_max| {
                let excess = i128::from(self.size_bytes()) - i128::from(bytes_max);
                bytes_max >= 0 && excess >= i128::from(oldest_length)
            });
        let is_too_old = match (self.config.cleanup_policy.delete, self.config.retention_ms) {
            (true, Some(retention_ms)) => {
                let is_known = self.largest_of(0, outbox) != Largest::Unknown;
                let newest = self.segments[0].retention_timestamp();
                let newest = newest.filter(|_| is_known);
                newest.map(|newest| now.wall_ms.saturating_sub(newest) > retention_ms)
            }
            _ => Some(false),
        };
        if is_too_old.is_none() && !is_below_start && !is_too_much {
            return Verdict::Wait;
        }
        if !(is_below_start || is_too_much || is_too_old == Some(true)) {
            return Verdict::Keep;
        }
        if is_active {
            // The active segment goes only when a new one takes its place, and is sealed first.
            let end = self.log_end_offset;
            self.roll(now, end);
        }
        let is_free =
            is_idle(&self.segments[0]) && !self.cleaner.holds(self.segments[0].base_offset);
        if is_free && self.is_made(1, outbox) {
            Verdict::Delete
        } else {
            Verdict::Wait
        }
    }

    /// Whether the segment at `index` has a file, which is made if it has none. Only the names of
    /// its segments tell, after a crash, from where on a log may give offsets.
    pub(super) fn is_made(&mut self, index: usize, outbox: &mut StorageOutbox) -> bool {
        let segment = &self.segments[index];
        match (&segment.writer, segment.file) {
            (Some(_), SegmentFile::Opening(_)) => false,
            (Some(writer), SegmentFile::Closed) if !writer.exists => {
                let is_asked = matches!(writer.wait, WriterWait::Recycling);
                if !is_asked && !self.space.is_waiting() {
                    self.open_segment_file(index, outbox);
                }
                false
            }
            _ => true,
        }
    }

    fn delete_oldest(&mut self, now: Now, outbox: &mut StorageOutbox) {
        self.delete_segment(0, now, outbox);
        let start = self
            .segments
            .front()
            .map_or(self.log_end_offset, |first| first.base_offset);
        self.aborted.forget(0, start);
        self.move_log_start(start);
    }

    /// Let go of the sealed segment at `index`, and give its files the names of deleted ones.
    pub(super) fn delete_segment(&mut self, index: usize, now: Now, outbox: &mut StorageOutbox) {
        let Some(segment) = self.segments.remove(index) else {
            return;
        };
        if let SegmentFile::Open(file) = segment.file {
            self.close_file(file, outbox);
        }
        let kinds = [
            FileKind::Log,
            FileKind::OffsetIndex,
            FileKind::TimeIndex,
            FileKind::Snapshot,
            FileKind::TransactionIndex,
        ];
        for kind in kinds {
            let path = self.file_path(segment.base_offset, kind);
            if self.has_file(&segment, kind) {
                let (pending, length) = match kind {
                    FileKind::Log => (Pending::LogRenamed, segment.length),
                    _ => (Pending::Other, 0),
                };
                self.delete_file(now, (path, length), pending, outbox);
            }
        }
        self.deletion_in_flight = true;
    }

    /// Whether a sealed segment has a file of this kind beside it.
    fn has_file(&self, segment: &Segment, kind: FileKind) -> bool {
        match kind {
            FileKind::Log | FileKind::OffsetIndex | FileKind::TimeIndex => true,
            FileKind::Snapshot => self.snapshots.contains(&segment.base_offset),
            FileKind::TransactionIndex => segment.has_transaction_index,
        }
    }

    /// Give `path` the name of a deleted file, under which it waits for its removal: who reads it
    /// still may.
    fn delete_file(
        &mut self,
        now: Now,
        (path, length): (StoragePath, u64),
        pending: Pending,
        outbox: &mut StorageOutbox,
    ) {
        let to = StoragePath::new(path.directory, &format!("{}{DELETED}", path.relative));
        let delay_ms = u64::try_from(self.config.file_delete_delay_ms).unwrap_or_default();
        let when = now.instant + Duration::from_millis(delay_ms);
        let file = Deleted {
            path: to.clone(),
            length,
        };
        self.recycling.removals.push_back((when, file));
        self.submit(outbox, pending, StorageRequest::Rename { from: path, to });
    }
}

/// True if the disk does nothing for the segment, and its files have the form that they keep.
fn is_idle(segment: &Segment) -> bool {
    segment.writer.is_none()
        && segment.reads_in_flight == 0
        && !matches!(segment.file, SegmentFile::Opening(_))
}
