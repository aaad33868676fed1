//! What stays of segments: the files of the cleaned one, and how it takes their place.
//!
//! The names that the files go through are those by which `interrupted` knows how far it came.

use std::ops::RangeInclusive;

use bytes::Bytes;

use crate::log::aborted::AbortedTransactions;
use crate::log::file_names::{CLEANED, FileKind, SWAP};
use crate::log::offset_index::{self, relative_offset};
use crate::log::partition_log::{Log, LogFailure, Pending};
use crate::log::segment::{Index, Segment, SegmentFile};
use crate::log::storage::{
    Durability, FileId, IO_BLOCK_BYTES, StorageFailure, StorageOutbox, StoragePath, StorageRequest,
};
use crate::log::time_index;
use crate::model::Offset;
use crate::protocol::record_batch::{HEADER_BYTES, RecordBatch};
use crate::stdx::Now;

use super::CleaningEnd;
use super::run::{Phase, Run, Step};

/// How much is gathered before it is written.
const WRITE_BYTES: usize = 1 << 20;

/// By how much the file grows; it is cut to its size in the end.
const ALLOCATION_BYTES: u64 = 8 << 20;

/// The files of a cleaned segment, in the order in which their names change: a start that finds the
/// records under their last name takes over what is left, and else removes what has it already.
const KINDS: [FileKind; 3] = [FileKind::Log, FileKind::TimeIndex, FileKind::OffsetIndex];

/// The same where transactions were aborted whose markers are in it.
const KINDS_WITH_TRANSACTIONS: [FileKind; 4] = [
    FileKind::Log,
    FileKind::TransactionIndex,
    FileKind::TimeIndex,
    FileKind::OffsetIndex,
];

/// How far the cleaned segment has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// It is being written.
    Writing,
    Synced,
    Cut,
    TransactionsWritten,
    TimeIndexWritten,
    OffsetIndexWritten,
    /// Nobody reads the old ones any more, nor will before the new one is there.
    Alone,
    /// So many of its files are called `.swap`. With the last one it is the truth, and the old ones
    /// go.
    Swap(usize),
    /// So many of its files have the names of a segment.
    Named(usize),
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
    /// The offset behind the last batch.
    next_offset: Offset,
    /// The aborted transactions whose markers are in it.
    aborted: AbortedTransactions,
    stage: Stage,
    /// The files of the segments that it covers besides the first.
    covered: Vec<StoragePath>,
}

impl Output {
    /// True once the files on the disk are being changed for good.
    pub(super) const fn is_replacing(&self) -> bool {
        matches!(self.stage, Stage::Swap(_) | Stage::Named(_))
    }

    /// Where the first of the segments begins that it takes the place of.
    pub(super) const fn base_offset(&self) -> Offset {
        self.segment.base_offset
    }

    pub(super) fn push(&mut self, batch: &RecordBatch, index_interval_bytes: u32) {
        self.segment.on_batch(batch, index_interval_bytes);
        self.next_offset = batch.next_offset();
        batch.append_to(&mut self.buffer);
    }

    fn has_aborted(&self) -> bool {
        !self.aborted.ended_in(0, Offset::MAX).is_empty()
    }

    fn kinds(&self) -> &'static [FileKind] {
        match self.has_aborted() {
            true => &KINDS_WITH_TRANSACTIONS,
            false => &KINDS,
        }
    }

    /// How many entries its indexes have, at most.
    fn index_entries(&self) -> (usize, usize) {
        let loaded = |count: Option<usize>| count.unwrap_or(usize::MAX);
        let offsets = self.segment.offset_index.loaded();
        let times = self.segment.time_index.loaded();
        (
            loaded(offsets.map(offset_index::OffsetIndex::len)),
            loaded(times.map(time_index::TimeIndex::len)),
        )
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
        self.steps_left = 0;
        self.failure = Some(failure);
    }
}

impl Log {
    fn cleaned_path(&self, base_offset: Offset, kind: FileKind) -> StoragePath {
        self.suffixed_path(base_offset, kind, CLEANED)
    }

    fn suffixed_path(&self, base_offset: Offset, kind: FileKind, suffix: &str) -> StoragePath {
        let path = self.file_path(base_offset, kind);
        StoragePath::new(path.directory, &format!("{}{suffix}", path.relative))
    }

    fn submit_step(&mut self, run: &mut Run, outbox: &mut StorageOutbox, request: StorageRequest) {
        run.is_waiting = true;
        run.steps_left += 1;
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
        run.merged_bytes = 0;
        run.output = Some(Output {
            file: Some(file),
            allocated: 0,
            written: 0,
            buffer: Vec::new(),
            segment: Segment::new(run.segment, now.wall_ms),
            next_offset: run.segment,
            aborted: AbortedTransactions::default(),
            stage: Stage::Writing,
            covered: Vec::new(),
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

    /// True if the segment behind the one at `index` may lie in one file with what is being
    /// written, as Kafka decides it: by the sizes that the segments had before, since what was
    /// cleaned once shrinks little. The file, its indexes and its offsets stay within their bounds.
    pub(super) fn joins_output(&self, run: &Run, index: usize) -> bool {
        let output = run.output.as_ref().expect("a segment is being rewritten");
        let Some(next) = self.segments.get(index + 1) else {
            return false;
        };
        let last_offset = self.segment_end(index + 1) - 1;
        let bytes = run.merged_bytes + self.segments[index].length + next.length;
        // An entry stands for more than this.
        let interval = (u64::from(self.config.index_interval_bytes) + 1).max(HEADER_BYTES as u64);
        let entries = usize::try_from(next.length / interval).unwrap_or(usize::MAX);
        let (offsets, times) = output.index_entries();
        let index_bytes = self.config.segment_index_bytes as usize;
        let has_room = |count: usize, entry_bytes: usize| {
            let count = count.saturating_add(entries).saturating_add(1);
            count <= index_bytes / entry_bytes
        };
        next.base_offset < run.end
            && next.writer.is_none()
            && bytes <= u64::from(self.config.segment_bytes)
            && relative_offset(last_offset, output.base_offset()).is_some()
            && has_room(offsets, offset_index::ENTRY_BYTES)
            && has_room(times, time_index::ENTRY_BYTES)
    }

    /// All of the segments was looked at that are to be one: the next step towards replacing them.
    /// The last of them is the one at `last`.
    pub(super) fn step_replacing(
        &mut self,
        run: &mut Run,
        last: usize,
        now: Now,
        outbox: &mut StorageOutbox,
    ) -> Step {
        let kept = run.transactions.take_kept();
        let output = run
            .output
            .as_mut()
            .expect("segments were rewritten into it");
        for aborted in kept {
            output.aborted.note(aborted);
        }
        let (start, end) = (output.base_offset(), self.segment_end(last));
        run.is_changed |= self.aborted.ended_in(start, end) != output.aborted.ended_in(start, end);
        let is_empty = output.segment.length == 0;
        let is_writing = output.stage == Stage::Writing;
        let first = self
            .segment_index(output.base_offset())
            .expect("a segment at work stays");
        if is_writing && first == last && !run.is_changed {
            return self.leave_segment(run, last, outbox);
        }
        if is_writing && is_empty && first > 0 {
            run.dropped_from = output.base_offset();
            self.drop_output(run, outbox);
            run.phase = Phase::Dropping;
            return Step::Next;
        }
        if is_writing && self.write_output(run, now, true, outbox) {
            return Step::Wait;
        }
        self.take_stage(run, first..=last, outbox)
    }

    fn take_stage(
        &mut self,
        run: &mut Run,
        range: RangeInclusive<usize>,
        outbox: &mut StorageOutbox,
    ) -> Step {
        let output = run
            .output
            .as_mut()
            .expect("segments were rewritten into it");
        let base_offset = output.base_offset();
        let length = output.segment.length;
        let open_file = || output.file.expect("the file is open until it is whole");
        let cleaned = |kind| self.cleaned_path(base_offset, kind);
        let swap = |kind| self.suffixed_path(base_offset, kind, SWAP);
        let kinds = output.kinds();
        let (stage, request) = match output.stage {
            Stage::Writing => (Stage::Synced, StorageRequest::Sync { file: open_file() }),
            Stage::Synced => {
                let file = open_file();
                (Stage::Cut, StorageRequest::Truncate { file, length })
            }
            Stage::Cut if output.has_aborted() => {
                let contents = output.aborted.encode(base_offset, output.next_offset);
                let path = cleaned(FileKind::TransactionIndex);
                let request = StorageRequest::ReplaceFile { path, contents };
                (Stage::TransactionsWritten, request)
            }
            Stage::Cut | Stage::TransactionsWritten => {
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
            Stage::OffsetIndexWritten => return self.be_alone(run, range, outbox),
            Stage::Alone | Stage::Swap(0) => (Stage::Swap(1), renamed(cleaned, swap, kinds[0])),
            Stage::Swap(count) if count < kinds.len() => {
                (Stage::Swap(count + 1), renamed(cleaned, swap, kinds[count]))
            }
            Stage::Swap(_) if !output.covered.is_empty() => {
                for path in std::mem::take(&mut output.covered) {
                    self.submit_step(run, outbox, StorageRequest::Remove { path });
                }
                return Step::Wait;
            }
            Stage::Swap(_) => {
                let path = |kind| self.file_path(base_offset, kind);
                (Stage::Named(1), renamed(swap, path, kinds[0]))
            }
            Stage::Named(count) if count < kinds.len() => {
                let path = |kind| self.file_path(base_offset, kind);
                (Stage::Named(count + 1), renamed(swap, path, kinds[count]))
            }
            Stage::Named(_) => return self.take_place(run, range),
        };
        output.stage = stage;
        self.submit_step(run, outbox, request);
        Step::Wait
    }

    /// Wait until nobody reads the segments that are replaced, and close their files.
    fn be_alone(
        &mut self,
        run: &mut Run,
        range: RangeInclusive<usize>,
        outbox: &mut StorageOutbox,
    ) -> Step {
        // A segment that was dropped may hold what a tombstone deletes that goes now.
        if !self.part_from_readers(range.clone()) || self.deletion_in_flight {
            return Step::Wait;
        }
        self.close_output(run, outbox);
        let output = run
            .output
            .as_mut()
            .expect("segments were rewritten into it");
        output.stage = Stage::Alone;
        let next_offset = output.next_offset;
        let has_aborted = output.has_aborted();
        for index in range.clone() {
            self.close_segment_file(index, outbox);
        }
        let mut covered = Vec::new();
        let first = &self.segments[*range.start()];
        if first.has_transaction_index && !has_aborted {
            covered.push(self.file_path(first.base_offset, FileKind::TransactionIndex));
        }
        for index in range.skip(1) {
            let segment = &self.segments[index];
            let base_offset = segment.base_offset;
            if base_offset < next_offset {
                let kinds: &[FileKind] = match segment.has_transaction_index {
                    true => &KINDS_WITH_TRANSACTIONS,
                    false => &KINDS,
                };
                let paths = kinds.iter().map(|kind| self.file_path(base_offset, *kind));
                covered.extend(paths);
                if self.snapshots.remove(&base_offset) {
                    covered.push(self.file_path(base_offset, FileKind::Snapshot));
                }
            }
        }
        if let Some(output) = &mut run.output {
            output.covered = covered;
        }
        Step::Next
    }

    /// No read of the segments begins any more; true if none is under way.
    fn part_from_readers(&mut self, range: RangeInclusive<usize>) -> bool {
        range.fold(true, |is_alone, index| {
            let segment = &mut self.segments[index];
            segment.is_being_replaced = true;
            is_alone
                && segment.reads_in_flight == 0
                && !matches!(segment.file, SegmentFile::Opening(_))
                && !matches!(segment.offset_index, Index::Loading)
                && !matches!(segment.time_index, Index::Loading)
        })
    }

    /// The files are those of the cleaned segment: so is what is known of it. What stands behind it
    /// in the `range` has nothing that stays.
    fn take_place(&mut self, run: &mut Run, range: RangeInclusive<usize>) -> Step {
        let cleaned = run.output.take().expect("segments were rewritten into it");
        let (first, last) = range.into_inner();
        let base_offset = cleaned.base_offset();
        let is_covered = |segment: &&Segment| {
            segment.base_offset == base_offset || segment.base_offset < cleaned.next_offset
        };
        let covered = self.segments.range(first..=last).take_while(is_covered);
        let end = first + covered.count();
        let (mut modified_ms, mut last_used) = (0, self.segments[first].last_used);
        for index in first..end {
            let old = &self.segments[index];
            run.bytes_before += old.length;
            modified_ms = modified_ms.max(old.modified_ms);
            last_used = last_used.max(old.last_used);
            let gone = old.base_offset;
            self.forget_places(gone);
        }
        run.bytes_after += cleaned.segment.length;
        let covered_end = self.segment_end(end - 1);
        self.cache.drop_before(covered_end);
        self.aborted.forget(base_offset, covered_end);
        for aborted in cleaned.aborted.ended_in(0, Offset::MAX) {
            self.aborted.note(*aborted);
        }
        let has_transaction_index = cleaned.has_aborted();
        self.segments.drain(first + 1..end);
        let old = &mut self.segments[first];
        *old = Segment {
            created_ms: old.created_ms,
            modified_ms,
            last_used,
            has_transaction_index,
            writer: None,
            ..cleaned.segment
        };
        if end > last {
            return self.go_to_next(run, first);
        }
        run.dropped_from = self.segments[first + 1].base_offset;
        run.phase = Phase::Dropping;
        Step::Next
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

    /// Nothing of the segments up to the one at `last` stays: they go one after the other, the
    /// oldest first, since a later one may hold the tombstone of what an older one holds. The first
    /// of a log is never among them, which says where the log begins.
    pub(super) fn step_dropping(
        &mut self,
        run: &mut Run,
        last: usize,
        now: Now,
        outbox: &mut StorageOutbox,
    ) -> Step {
        let index = self
            .segments
            .partition_point(|segment| segment.base_offset < run.dropped_from);
        if index == 0 {
            // Retention took all before it meanwhile.
            return Step::End(CleaningEnd::Stopped);
        }
        if !self.part_from_readers(index..=index) || self.deletion_in_flight {
            return Step::Wait;
        }
        run.bytes_before += self.segments[index].length;
        self.cache.drop_before(self.segment_end(index));
        let base_offset = self.segments[index].base_offset;
        self.aborted.forget(base_offset, self.segment_end(index));
        self.delete_segment(index, now, outbox);
        self.forget_places(base_offset);
        if index == last {
            return self.go_to_next(run, index - 1);
        }
        Step::Next
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
            run.steps_left -= 1;
            run.is_waiting = run.steps_left > 0;
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
        for segment in &mut self.segments {
            segment.is_being_replaced = false;
        }
        let Some(output) = run.output.take() else {
            return;
        };
        let written = match output.stage {
            Stage::Writing | Stage::Synced | Stage::Cut => 1,
            Stage::TransactionsWritten => 2,
            Stage::TimeIndexWritten => output.kinds().len() - 1,
            _ => output.kinds().len(),
        };
        for kind in output.kinds().iter().take(written) {
            let path = self.cleaned_path(output.base_offset(), *kind);
            self.submit(outbox, Pending::Other, StorageRequest::Remove { path });
        }
    }
}

/// The file of this kind gets another name.
fn renamed(
    from: impl Fn(FileKind) -> StoragePath,
    to: impl Fn(FileKind) -> StoragePath,
    kind: FileKind,
) -> StorageRequest {
    StorageRequest::Rename {
        from: from(kind),
        to: to(kind),
    }
}
