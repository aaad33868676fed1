//! What stays of a segment: its file, and how it takes the segment's place.

use bytes::Bytes;

use crate::log::file_names::{CLEANED, FileKind};
use crate::log::partition_log::{Log, LogFailure, Pending};
use crate::log::segment::{Segment, SegmentFile};
use crate::log::storage::{
    Durability, FileId, IO_BLOCK_BYTES, StorageFailure, StorageOutbox, StoragePath, StorageRequest,
};
use crate::model::Offset;
use crate::protocol::record_batch::RecordBatch;
use crate::stdx::Now;

use super::CleaningEnd;
use super::run::{Phase, Run, Step};

/// How much is gathered before it is written.
const WRITE_BYTES: usize = 1 << 20;

/// By how much the file grows; it is cut to its size in the end.
const ALLOCATION_BYTES: u64 = 8 << 20;

/// How far the cleaned segment has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// It is being written.
    Writing,
    Synced,
    Cut,
    TimeIndexWritten,
    OffsetIndexWritten,
    /// Nobody reads the old one any more, nor will before the new one is there.
    Alone,
    /// From here on the files are those of a segment that is not sealed.
    OldIndexRemoved,
    LogRenamed,
    TimeIndexRenamed,
    OffsetIndexRenamed,
}

/// The cleaned segment.
#[derive(Debug)]
pub(super) struct Output {
    /// None once it is closed.
    file: Option<FileId>,
    allocated: u64,
    /// How much of the file is written: whole blocks.
    written: u64,
    /// What follows.
    buffer: Vec<u8>,
    segment: Segment,
    stage: Stage,
}

impl Output {
    /// True once the files on the disk are being changed for good.
    pub(super) const fn is_replacing(&self) -> bool {
        matches!(
            self.stage,
            Stage::OldIndexRemoved
                | Stage::LogRenamed
                | Stage::TimeIndexRenamed
                | Stage::OffsetIndexRenamed
        )
    }

    pub(super) fn push(&mut self, batch: &RecordBatch, index_interval_bytes: u32) {
        self.segment.on_batch(batch, index_interval_bytes);
        batch.append_to(&mut self.buffer);
    }
}

impl Run {
    /// True if the run has a file open and could end now.
    pub(super) fn can_give_up_its_file(&self) -> bool {
        let output = self.output.as_ref();
        !self.is_waiting && output.is_some_and(|output| output.file.is_some())
    }

    /// The run ends with the next step, `failure` being the reason.
    pub(super) fn fail(&mut self, failure: CleaningEnd) {
        self.is_waiting = false;
        self.failure = Some(failure);
    }
}

impl Log {
    fn cleaned_path(&self, base_offset: Offset, kind: FileKind) -> StoragePath {
        let path = self.file_path(base_offset, kind);
        StoragePath::new(path.directory, &format!("{}{CLEANED}", path.relative))
    }

    fn submit_step(&mut self, run: &mut Run, outbox: &mut StorageOutbox, request: StorageRequest) {
        run.is_waiting = true;
        self.submit(outbox, Pending::CleaningStep(run.number), request);
    }

    /// Ask for the file of the cleaned segment; false if no more files may be open.
    pub(super) fn open_output(
        &mut self,
        run: &mut Run,
        now: Now,
        outbox: &mut StorageOutbox,
    ) -> bool {
        let Some(file) = outbox.new_file() else {
            self.is_short_of_files = true;
            return false;
        };
        self.open_files.count += 1;
        run.is_changed = false;
        run.output = Some(Output {
            file: Some(file),
            allocated: 0,
            written: 0,
            buffer: Vec::new(),
            segment: Segment::new(run.segment, now.wall_ms),
            stage: Stage::Writing,
        });
        let path = self.cleaned_path(run.segment, FileKind::Log);
        let create = true;
        self.submit_step(run, outbox, StorageRequest::Open { file, path, create });
        true
    }

    /// Write what was gathered if it is enough, or `all` of it; true if the disk has to do
    /// something for that.
    pub(super) fn write_output(
        &mut self,
        run: &mut Run,
        now: Now,
        all: bool,
        outbox: &mut StorageOutbox,
    ) -> bool {
        let output = run.output.as_mut().expect("a segment is rewritten into it");
        let block = usize::try_from(IO_BLOCK_BYTES).expect("a block fits into memory");
        let length = match output.buffer.len() {
            length if all => length,
            length if length < WRITE_BYTES => 0,
            length => length - length % block,
        };
        if length == 0 {
            return false;
        }
        let file = output.file.expect("the file is open while it is written");
        let end = output.written + length.next_multiple_of(block) as u64;
        if output.allocated < end {
            let length = match end {
                end if end < ALLOCATION_BYTES => end,
                end => end.next_multiple_of(ALLOCATION_BYTES),
            };
            output.allocated = length;
            self.submit_step(run, outbox, StorageRequest::Allocate { file, length });
            return true;
        }
        let rest = output.buffer.split_off(length);
        let slices = vec![Bytes::from(std::mem::replace(&mut output.buffer, rest))];
        let position = output.written;
        output.written = end;
        let request = StorageRequest::Write {
            file,
            position,
            slices,
            durability: Durability::Later,
        };
        run.charge(now, length as u64);
        self.submit_step(run, outbox, request);
        true
    }

    /// All of the segment was looked at: the next step towards replacing it.
    pub(super) fn step_replacing(
        &mut self,
        run: &mut Run,
        index: usize,
        now: Now,
        outbox: &mut StorageOutbox,
    ) -> Step {
        let output = run
            .output
            .as_mut()
            .expect("a segment was rewritten into it");
        let is_empty = output.segment.length == 0;
        if output.stage == Stage::Writing && !run.is_changed {
            return self.leave_segment(run, index, outbox);
        }
        if output.stage == Stage::Writing && is_empty && index > 0 {
            return self.drop_segment(run, index, now, outbox);
        }
        if output.stage == Stage::Writing && self.write_output(run, now, true, outbox) {
            return Step::Wait;
        }
        self.take_stage(run, index, outbox)
    }

    fn take_stage(&mut self, run: &mut Run, index: usize, outbox: &mut StorageOutbox) -> Step {
        let base_offset = run.segment;
        let output = run
            .output
            .as_mut()
            .expect("a segment was rewritten into it");
        let length = output.segment.length;
        let open_file = || output.file.expect("the file is open until it is whole");
        let path = |kind| self.file_path(base_offset, kind);
        let cleaned = |kind| self.cleaned_path(base_offset, kind);
        let rename = |kind| StorageRequest::Rename {
            from: cleaned(kind),
            to: path(kind),
        };
        let (stage, request) = match output.stage {
            Stage::Writing => (Stage::Synced, StorageRequest::Sync { file: open_file() }),
            Stage::Synced => {
                let file = open_file();
                (Stage::Cut, StorageRequest::Truncate { file, length })
            }
            Stage::Cut => {
                let contents = output.segment.encode_time_index();
                let path = cleaned(FileKind::TimeIndex);
                let request = StorageRequest::ReplaceFile { path, contents };
                (Stage::TimeIndexWritten, request)
            }
            Stage::TimeIndexWritten => {
                let contents = output.segment.encode_offset_index();
                let path = cleaned(FileKind::OffsetIndex);
                let request = StorageRequest::ReplaceFile { path, contents };
                (Stage::OffsetIndexWritten, request)
            }
            Stage::OffsetIndexWritten => {
                if !self.part_from_readers(index) {
                    return Step::Wait;
                }
                output.stage = Stage::Alone;
                self.close_segment_file(index, outbox);
                self.close_output(run, outbox);
                return Step::Next;
            }
            Stage::Alone => {
                let path = path(FileKind::OffsetIndex);
                (Stage::OldIndexRemoved, StorageRequest::Remove { path })
            }
            Stage::OldIndexRemoved => (Stage::LogRenamed, rename(FileKind::Log)),
            Stage::LogRenamed => (Stage::TimeIndexRenamed, rename(FileKind::TimeIndex)),
            Stage::TimeIndexRenamed => (Stage::OffsetIndexRenamed, rename(FileKind::OffsetIndex)),
            Stage::OffsetIndexRenamed => return self.take_place(run, index),
        };
        output.stage = stage;
        self.submit_step(run, outbox, request);
        Step::Wait
    }

    /// No read of the segment begins any more; true if none is under way.
    fn part_from_readers(&mut self, index: usize) -> bool {
        let segment = &mut self.segments[index];
        segment.is_being_replaced = true;
        segment.reads_in_flight == 0 && !matches!(segment.file, SegmentFile::Opening(_))
    }

    /// The files are those of the cleaned segment: so is what is known of it.
    fn take_place(&mut self, run: &mut Run, index: usize) -> Step {
        let cleaned = run.output.take().expect("a segment was rewritten into it");
        let old = &mut self.segments[index];
        run.bytes_before += old.length;
        run.bytes_after += cleaned.segment.length;
        *old = Segment {
            created_ms: old.created_ms,
            modified_ms: old.modified_ms,
            last_used: old.last_used,
            has_transaction_index: old.has_transaction_index,
            writer: None,
            ..cleaned.segment
        };
        self.cache.drop_before(self.segment_end(index));
        self.forget_places(run.segment);
        self.go_to_next(run, index)
    }

    /// All of the segment stays.
    fn leave_segment(&mut self, run: &mut Run, index: usize, outbox: &mut StorageOutbox) -> Step {
        self.drop_output(run, outbox);
        self.close_read_through(index, outbox);
        let length = self.segments[index].length;
        run.bytes_before += length;
        run.bytes_after += length;
        self.go_to_next(run, index)
    }

    /// Nothing of the segment stays. The first one would stay, to say where the log begins.
    fn drop_segment(
        &mut self,
        run: &mut Run,
        index: usize,
        now: Now,
        outbox: &mut StorageOutbox,
    ) -> Step {
        if !self.part_from_readers(index) || self.deletion_in_flight {
            return Step::Wait;
        }
        self.drop_output(run, outbox);
        run.bytes_before += self.segments[index].length;
        self.cache.drop_before(self.segment_end(index));
        self.delete_segment(index, now, outbox);
        self.forget_places(run.segment);
        self.go_to_next(run, index - 1)
    }

    /// Go on with the segment behind the one at `index`.
    fn go_to_next(&self, run: &mut Run, index: usize) -> Step {
        run.phase = Phase::Rewriting;
        match self.segments.get(index + 1) {
            Some(next) if next.base_offset < run.end && next.writer.is_none() => {
                run.go_to(next.base_offset);
                Step::Next
            }
            _ => Step::End(CleaningEnd::Cleaned {
                first_dirty_offset: run.end,
                bytes_before: run.bytes_before,
                bytes_after: run.bytes_after,
            }),
        }
    }

    /// What the run `number` asked for was done.
    pub(in crate::log) fn on_cleaning_step(&mut self, number: u64) {
        let run = self.cleaner.run.as_deref_mut();
        if let Some(run) = run.filter(|run| run.number == number) {
            run.is_waiting = false;
        }
    }

    /// True if `pending` is a step of the run that is under way, which may still end and leave the
    /// segment as it is; what has begun to replace it is brought to its end.
    pub(in crate::log) fn may_stop_cleaning(&self, pending: Pending) -> bool {
        let run = self.cleaner.run.as_deref();
        let Some(run) = run.filter(|run| pending == Pending::CleaningStep(run.number)) else {
            return false;
        };
        !run.output.as_ref().is_some_and(Output::is_replacing)
    }

    /// A step of the run could not be done. Without room the segment stays as it is.
    pub(in crate::log) fn stop_cleaning(&mut self, failure: StorageFailure) {
        match self.cleaner.run.as_deref_mut() {
            Some(run) if failure.is_lack_of_space() => run.fail(CleaningEnd::Stopped),
            _ => self.fail(LogFailure::Storage(failure)),
        }
    }

    /// Close the file of the cleaned segment, if it is open.
    pub(super) fn close_output(&mut self, run: &mut Run, outbox: &mut StorageOutbox) {
        let file = run.output.as_mut().and_then(|output| output.file.take());
        if let Some(file) = file {
            self.close_file(file, outbox);
        }
    }

    /// Give up the cleaned segment, and what is on the disk of it.
    pub(super) fn drop_output(&mut self, run: &mut Run, outbox: &mut StorageOutbox) {
        self.close_output(run, outbox);
        if let Some(segment) = self.segment_mut(run.segment) {
            segment.is_being_replaced = false;
        }
        let Some(output) = run.output.take() else {
            return;
        };
        let written = match output.stage {
            Stage::Writing | Stage::Synced | Stage::Cut => 1,
            Stage::TimeIndexWritten => 2,
            _ => 3,
        };
        let kinds = [FileKind::Log, FileKind::TimeIndex, FileKind::OffsetIndex];
        for kind in kinds.into_iter().take(written) {
            let path = self.cleaned_path(run.segment, kind);
            self.submit(outbox, Pending::Other, StorageRequest::Remove { path });
        }
    }
}
