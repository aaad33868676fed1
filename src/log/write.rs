//! Bringing appended batches to their segments, at once or after the journal made them durable, and
//! segments into the form that they keep.
//!
//! A segment's file grows by one write at a time: the partial block at its end, kept in memory, is
//! written again together with everything that was appended since. A segment is sealed when the
//! next one is begun or the log is closed: the file is cut to its exact size, then time index,
//! aborted transactions and producer snapshot are written, and last the offset index, whose
//! presence says that the rest is there. No segment is written to before all of the one before it
//! is durable, so what is durable has no holes.

use bytes::{BufMut, Bytes, BytesMut};

use crate::model::Offset;
use crate::stdx::Now;

use super::file_names::{FileKind, LEADER_EPOCHS};
use super::partition_log::{Damage, Log, LogFailure, Pending, State};
use super::segment::{Segment, SegmentFile, Writer, WriterWait};
use super::storage::{
    Durability, IO_BLOCK_BYTES, StorageOutbox, StorageOutcome, StoragePath, StorageRequest,
};

/// The most that one write carries, unless one batch is larger.
const WRITE_BYTES_MAX: u64 = 4 << 20;

/// A file is reserved in steps that double, so that ten thousand small partitions take little and
/// a busy one seldom asks.
const ALLOCATION_STEP_BYTES_MIN: u64 = 64 << 10;
const ALLOCATION_STEP_BYTES_MAX: u64 = 64 << 20;

/// The end marker: what `kafka-dump-log` and Kafka's recovery take for the end of the records. It
/// is the front of a batch that claims to be larger than any file: base offset, a length of
/// `i32::MAX`, a word of ones, magic 2. Zeros in its place are reported as corruption.
pub(crate) const END_MARKER_BYTES: usize = 17;

/// What a segment's writer has to do next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    /// Something under way must end first; later segments wait too.
    Blocked,
    /// All of it is durable. Later segments may be written.
    Drained,
    /// Nothing remains to be done, ever.
    Sealed,
    Open,
    RemoveIndex,
    ReadTail,
    Allocate(u64),
    Write,
    Cut,
    WriteFiles,
    Seal,
    /// Cut, files and index in one, durable later.
    SealAtOnce,
}

impl Log {
    /// Send on its way what this turn brought: appended batches, started reads, due removals. Call
    /// it at the end of every turn in which anything else of this log was called.
    pub fn flush(&mut self, now: Now, outbox: &mut StorageOutbox) {
        self.is_short_of_files = false;
        match self.state {
            State::Open | State::Closing(_) if self.is_moving_folder() => {
                self.ask_for_space_again(now, outbox);
                return self.advance_folder_move(outbox);
            }
            State::Open | State::Closing(_) => {}
            State::Deleting { .. } => return self.advance_deletion(now, outbox),
            State::Opening(_) => {
                self.ask_for_space_again(now, outbox);
                self.advance_recovery(now, outbox);
                return self.note_space_found();
            }
            State::Failed | State::Closed => return self.close_files(outbox),
            State::Deleted => return,
        }
        self.flush_epochs(outbox);
        self.ask_for_space_again(now, outbox);
        if matches!(self.state, State::Open) {
            self.begin_due_sync(now);
            self.offer();
        }
        loop {
            self.flush_segments(outbox);
            let unsealed_count = self.unsealed.len();
            self.advance_following(outbox);
            // Reads wait while a segment is replaced, and go on once it is.
            self.advance_cleaning(now, outbox);
            self.advance_reindexing(now, outbox);
            // It may want timestamps to be read, too.
            self.advance_retention(now, outbox);
            self.advance_reads(now, outbox);
            let has_rolled = self.unsealed.len() > unsealed_count;
            if !self.reindexing.take_news() && !has_rolled {
                break;
            }
        }
        self.remove_due(now, outbox);
        self.note_space_found();
        if matches!(self.state, State::Closing(_)) {
            self.advance_close(outbox);
        }
    }

    pub(super) fn flush_epochs(&mut self, outbox: &mut StorageOutbox) {
        self.note_epoch_has_records();
        // What a crash may lose must not be all that the file speaks of.
        let is_start_safe = self.log_start_offset <= self.durable_end_offset;
        if self.epochs_are_dirty && !self.epochs_in_flight && is_start_safe {
            self.epochs_are_dirty = false;
            self.epochs_differ_at_end = false;
            self.has_epochs_file = true;
            self.epochs_in_flight = true;
            let request = StorageRequest::ReplaceFile {
                path: self.identity.folder.join(LEADER_EPOCHS),
                contents: self.epochs.encode(),
            };
            self.submit(outbox, Pending::EpochsWritten, request);
        }
    }

    fn flush_segments(&mut self, outbox: &mut StorageOutbox) {
        let mut place = 0;
        while let Some(&base_offset) = self.unsealed.get(place) {
            let index = self
                .segment_index(base_offset)
                .expect("an unsealed segment is there");
            let step = self.next_step(index);
            match step {
                Step::Blocked => break,
                Step::Drained => place += 1,
                Step::Sealed => {
                    self.segments[index].writer = None;
                    self.unsealed.remove(place);
                    if matches!(self.state, State::Closing(_)) {
                        self.close_segment_file(index, outbox);
                    }
                }
                Step::Open if self.open_segment_file(index, outbox) => {}
                // Too many files are open. What lies behind it may be what keeps one of them.
                Step::Open if self.is_durable(index) => place += 1,
                Step::Open => break,
                step => self.take_step(index, step, outbox),
            }
        }
    }

    fn is_durable(&self, index: usize) -> bool {
        let segment = &self.segments[index];
        let written_end = segment.writer.as_deref().map(|writer| writer.written_end);
        written_end.is_none_or(|written_end| written_end == segment.length)
    }

    fn next_step(&self, index: usize) -> Step {
        let segment = &self.segments[index];
        let writer = segment
            .writer
            .as_deref()
            .expect("an unsealed segment has a writer");
        match writer.wait {
            WriterWait::Nothing => {}
            WriterWait::Cut | WriterWait::Files(_) | WriterWait::Seal => return Step::Drained,
            WriterWait::Recycling
            | WriterWait::IndexRemoval
            | WriterWait::Tail
            | WriterWait::Write { .. } => return Step::Blocked,
        }
        if writer.written_end < segment.length {
            if !self.wants_write(index) {
                return Step::Drained;
            }
            return self.next_write_step(segment, writer);
        }
        let is_active = index + 1 == self.segments.len();
        if is_active && !matches!(self.state, State::Closing(_)) {
            return Step::Drained;
        }
        if writer.is_sealed_on_disk || !writer.exists {
            return match segment.file {
                SegmentFile::Opening(_) => Step::Drained,
                SegmentFile::Closed | SegmentFile::Open(_) => Step::Sealed,
            };
        }
        match (writer.sealed_steps, segment.file) {
            (0, SegmentFile::Closed) => Step::Open,
            (0, SegmentFile::Open(_)) if !writer.is_allocating => {
                self.first_sealing_step(is_active)
            }
            (0, _) => Step::Drained,
            (1, _) => Step::WriteFiles,
            // What the epochs' file lacks could not be found again in a sealed segment.
            (2, _) if self.epochs_are_dirty || self.epochs_in_flight => Step::Drained,
            (2, _) => Step::Seal,
            _ => Step::Sealed,
        }
    }

    /// After a crash the active segment is scanned in any case, so it matters only at the end that
    /// it was sealed; what the others look like is relied upon.
    const fn first_sealing_step(&self, is_active: bool) -> Step {
        match self.state {
            State::Closing(Durability::Later) if is_active => {
                if self.epochs_are_dirty || self.epochs_in_flight {
                    return Step::Drained;
                }
                Step::SealAtOnce
            }
            _ => Step::Cut,
        }
    }

    fn next_write_step(&self, segment: &Segment, writer: &Writer) -> Step {
        match segment.file {
            SegmentFile::Closed if self.space.is_waiting() => return Step::Blocked,
            SegmentFile::Closed => return Step::Open,
            SegmentFile::Opening(_) => return Step::Blocked,
            SegmentFile::Open(_) => {}
        }
        if writer.is_sealed_on_disk {
            return Step::RemoveIndex;
        }
        if writer.tail.is_none() {
            return Step::ReadTail;
        }
        let needed = needed_bytes(segment);
        match writer.allocated {
            allocated if allocated >= needed => Step::Write,
            _ if writer.is_allocating || self.space.is_waiting() => Step::Blocked,
            _ => Step::Allocate(needed),
        }
    }

    fn take_step(&mut self, index: usize, step: Step, outbox: &mut StorageOutbox) {
        match step {
            Step::RemoveIndex => self.remove_seal(index, outbox),
            Step::ReadTail => self.read_tail(index, outbox),
            Step::Allocate(needed) => self.allocate(index, needed, outbox),
            Step::Write => self.write(index, outbox),
            Step::Cut => self.cut(index, outbox),
            Step::WriteFiles => self.write_files(index, outbox),
            Step::Seal => self.seal(index, outbox),
            Step::SealAtOnce => self.seal_at_once(index, outbox),
            Step::Open | Step::Blocked | Step::Drained | Step::Sealed => {
                unreachable!("these are taken elsewhere")
            }
        }
    }

    /// Ask for the file of the segment at `index`, which must not be open; false if no more files
    /// may be open.
    pub(super) fn open_segment_file(&mut self, index: usize, outbox: &mut StorageOutbox) -> bool {
        let writer = self.segments[index].writer.as_deref();
        if writer.is_some_and(|writer| !writer.exists) && self.recycle(index, outbox) {
            return true;
        }
        let Some(file) = outbox.new_file() else {
            self.is_short_of_files = true;
            return false;
        };
        self.open_files.count += 1;
        let path = self.file_path(self.segments[index].base_offset, FileKind::Log);
        let segment = &mut self.segments[index];
        assert!(segment.file == SegmentFile::Closed, "a file is opened once");
        segment.file = SegmentFile::Opening(file);
        let (base_offset, mut create) = (segment.base_offset, false);
        if let Some(writer) = &mut segment.writer {
            create = !writer.exists;
            writer.exists = true;
        }
        let request = StorageRequest::Open { file, path, create };
        self.submit(outbox, Pending::SegmentOpened(base_offset), request);
        true
    }

    pub(super) fn file_path(&self, base_offset: Offset, kind: FileKind) -> StoragePath {
        self.identity.folder.join(&kind.name(base_offset))
    }

    fn writer_mut(&mut self, index: usize) -> &mut Writer {
        self.segments[index]
            .writer
            .as_deref_mut()
            .expect("an unsealed segment has a writer")
    }

    fn remove_seal(&mut self, index: usize, outbox: &mut StorageOutbox) {
        let base_offset = self.segments[index].base_offset;
        self.writer_mut(index).wait = WriterWait::IndexRemoval;
        let path = self.file_path(base_offset, FileKind::OffsetIndex);
        let request = StorageRequest::Remove { path };
        self.submit(outbox, Pending::IndexRemoved(base_offset), request);
    }

    fn read_tail(&mut self, index: usize, outbox: &mut StorageOutbox) {
        let segment = &self.segments[index];
        let (base_offset, file) = (segment.base_offset, segment.open_file());
        let writer = self.writer_mut(index);
        let position = block_start(writer.written_end);
        if position == writer.written_end {
            writer.tail = Some(Bytes::new());
            return;
        }
        writer.wait = WriterWait::Tail;
        let request = StorageRequest::Read {
            file: file.expect("the file was opened before"),
            position,
            length: IO_BLOCK_BYTES,
        };
        self.submit(outbox, Pending::TailRead(base_offset), request);
    }

    pub(super) fn allocate(&mut self, index: usize, needed: u64, outbox: &mut StorageOutbox) {
        let limit = u64::from(self.config.segment_bytes).next_multiple_of(IO_BLOCK_BYTES);
        let segment = &self.segments[index];
        let (base_offset, file) = (segment.base_offset, segment.open_file());
        let writer = self.writer_mut(index);
        let allocated = writer.allocated.next_multiple_of(IO_BLOCK_BYTES);
        let length = (allocated + allocation_step(allocated))
            .min(limit)
            .max(needed);
        writer.is_allocating = true;
        let file = file.expect("the file was opened before");
        let request = StorageRequest::Allocate { file, length };
        self.submit(outbox, Pending::Allocated(base_offset, length), request);
    }

    fn write(&mut self, index: usize, outbox: &mut StorageOutbox) {
        let segment = &self.segments[index];
        let (base_offset, file) = (segment.base_offset, segment.open_file());
        let written_end = self.writer_mut(index).written_end;
        let (batches, end, end_offset) = self
            .cache
            .unwritten(base_offset, written_end, WRITE_BYTES_MAX)
            .expect("what is not durable is in memory");
        self.note_write_begun(end - written_end, end_offset);
        let writer = self.writer_mut(index);
        let old_tail = writer.tail.clone().expect("the tail was read before");
        let mut slices = Vec::with_capacity(batches.len() + 2);
        if !old_tail.is_empty() {
            slices.push(old_tail);
        }
        slices.extend(batches);
        let tail = last_bytes(&slices, end % IO_BLOCK_BYTES);
        slices.push(end_marker(end_offset));
        writer.wait = WriterWait::Write {
            end,
            end_offset,
            tail,
        };
        let is_nearly_full = writer.allocated - end < allocation_step(writer.allocated) / 4;
        let may_allocate = is_nearly_full && !writer.is_allocating;
        let request = StorageRequest::Write {
            file: file.expect("the file was opened before"),
            position: block_start(written_end),
            slices,
            durability: Durability::Synced,
        };
        self.submit(outbox, Pending::Written(base_offset), request);
        // Ahead of need, so that the next write does not wait for it.
        let limit = u64::from(self.config.segment_bytes).next_multiple_of(IO_BLOCK_BYTES);
        if may_allocate && self.writer_mut(index).allocated < limit {
            self.allocate(index, 0, outbox);
        }
    }

    fn cut(&mut self, index: usize, outbox: &mut StorageOutbox) {
        let segment = &self.segments[index];
        let (base_offset, length) = (segment.base_offset, segment.length);
        let file = segment.open_file().expect("the file was opened before");
        self.writer_mut(index).wait = WriterWait::Cut;
        let request = StorageRequest::Truncate { file, length };
        self.submit(outbox, Pending::Cut(base_offset), request);
    }

    fn write_files(&mut self, index: usize, outbox: &mut StorageOutbox) {
        let base_offset = self.segments[index].base_offset;
        let files = self.files_beside(index);
        self.writer_mut(index).wait = WriterWait::Files(files.len());
        for (path, contents) in files {
            let request = StorageRequest::ReplaceFile { path, contents };
            self.submit(outbox, Pending::SegmentFile(base_offset), request);
        }
    }

    /// The time index of a segment, its aborted transactions, and the producers' snapshot at its
    /// end.
    fn files_beside(&mut self, index: usize) -> Vec<(StoragePath, Bytes)> {
        let end = self.segment_end(index);
        let segment = &mut self.segments[index];
        let base_offset = segment.base_offset;
        let aborted = self.aborted.encode(base_offset, end);
        // One that is there may tell of transactions that a crash has taken back.
        let has_aborted = segment.has_transaction_index || !aborted.is_empty();
        segment.has_transaction_index = has_aborted;
        let time_index = segment.encode_time_index();
        let mut files = vec![(self.file_path(base_offset, FileKind::TimeIndex), time_index)];
        if has_aborted {
            let path = self.file_path(base_offset, FileKind::TransactionIndex);
            files.push((path, aborted));
        }
        if let Some((offset, snapshot)) = self.writer_mut(index).snapshot.take() {
            files.push((self.file_path(offset, FileKind::Snapshot), snapshot));
            self.snapshots.insert(offset);
        }
        files
    }

    fn offset_index_of(&self, index: usize) -> (StoragePath, Bytes) {
        let segment = &self.segments[index];
        let path = self.file_path(segment.base_offset, FileKind::OffsetIndex);
        (path, segment.encode_offset_index())
    }

    fn seal(&mut self, index: usize, outbox: &mut StorageOutbox) {
        let base_offset = self.segments[index].base_offset;
        let (path, contents) = self.offset_index_of(index);
        self.writer_mut(index).wait = WriterWait::Seal;
        let request = StorageRequest::ReplaceFile { path, contents };
        self.submit(outbox, Pending::Sealed(base_offset), request);
    }

    fn seal_at_once(&mut self, index: usize, outbox: &mut StorageOutbox) {
        let segment = &self.segments[index];
        let (base_offset, length) = (segment.base_offset, segment.length);
        let file = segment.open_file().expect("the file was opened before");
        let mut beside = self.files_beside(index);
        beside.push(self.offset_index_of(index));
        self.writer_mut(index).wait = WriterWait::Seal;
        let request = StorageRequest::Seal {
            file,
            length,
            beside,
        };
        self.submit(outbox, Pending::Sealed(base_offset), request);
    }

    /// Something that concerns one segment, or the log as a whole, was done.
    pub(super) fn on_outcome(&mut self, now: Now, pending: Pending, outcome: StorageOutcome) {
        match pending {
            Pending::Recycled(at, length) => self.on_recycled(at, length),
            Pending::SegmentOpened(at) => self.on_segment_opened(now, at),
            Pending::TailRead(at) => self.on_tail_read(at, &outcome),
            Pending::Written(at) => self.on_written(now, at),
            Pending::Allocated(at, length) => {
                if let Some(writer) = self.writer_at(at) {
                    writer.allocated = writer.allocated.max(length);
                    writer.is_allocating = false;
                }
            }
            Pending::IndexRemoved(at) => {
                if let Some(writer) = self.writer_at(at) {
                    writer.is_sealed_on_disk = false;
                    writer.wait = WriterWait::Nothing;
                }
            }
            Pending::Cut(at) => self.on_sealing_step(at, 1),
            Pending::SegmentFile(at) => match self.writer_at(at).map(|writer| &mut writer.wait) {
                Some(WriterWait::Files(count)) if *count > 1 => *count -= 1,
                _ => self.on_sealing_step(at, 2),
            },
            Pending::Sealed(at) => self.on_sealing_step(at, 3),
            Pending::OffsetIndexRead(at) => self.on_offset_index(at, &outcome),
            Pending::TimeIndexRead(at) => self.on_time_index(at, &outcome),
            Pending::EpochsWritten => self.epochs_in_flight = false,
            Pending::CleaningStep(run) => self.on_cleaning_step(run),
            Pending::LogRenamed => self.deletion_in_flight = false,
            Pending::SnapshotWritten => self.on_snapshot_written(),
            Pending::FolderRenamed => self.on_folder_renamed(),
            Pending::FolderMoved => self.on_folder_moved(),
            Pending::FileClosed | Pending::IndexWritten(_) | Pending::Other => {}
            Pending::Recovery
            | Pending::DataRead(..)
            | Pending::ReadAhead(..)
            | Pending::CleaningRead(..)
            | Pending::ReindexingRead(_) => {
                unreachable!("these go to where their failure is judged")
            }
        }
    }

    pub(super) fn writer_at(&mut self, base_offset: Offset) -> Option<&mut Writer> {
        self.segment_mut(base_offset)?.writer.as_deref_mut()
    }

    fn on_segment_opened(&mut self, now: Now, base_offset: Offset) {
        if let Some(segment) = self.segment_mut(base_offset)
            && let SegmentFile::Opening(file) = segment.file
        {
            segment.file = SegmentFile::Open(file);
            segment.last_used = now.instant;
        }
    }

    fn on_tail_read(&mut self, base_offset: Offset, outcome: &StorageOutcome) {
        let Some(writer) = self.writer_at(base_offset) else {
            return;
        };
        let length = usize::try_from(writer.written_end % IO_BLOCK_BYTES).unwrap_or_default();
        let position = block_start(writer.written_end);
        if let StorageOutcome::Data(data) = outcome
            && data.len() >= length
        {
            writer.tail = Some(Bytes::copy_from_slice(&data[..length]));
            writer.wait = WriterWait::Nothing;
        } else {
            let damage = self.damage(base_offset, base_offset, position, "the file is too short");
            self.fail(LogFailure::Damaged(damage));
        }
    }

    fn on_written(&mut self, now: Now, base_offset: Offset) {
        let segment = self
            .segment_mut(base_offset)
            .expect("a segment that is written to stays");
        segment.last_used = now.instant;
        let writer = segment
            .writer
            .as_deref_mut()
            .expect("a segment that is written to has a writer");
        let wait = std::mem::replace(&mut writer.wait, WriterWait::Nothing);
        let WriterWait::Write {
            end,
            end_offset,
            tail,
        } = wait
        else {
            unreachable!("a write was under way")
        };
        let bytes = end - writer.written_end;
        writer.written_end = end;
        writer.tail = Some(tail);
        self.note_written(bytes, end_offset);
    }

    fn on_sealing_step(&mut self, base_offset: Offset, steps: u8) {
        if let Some(segment) = self.segment_mut(base_offset)
            && let Some(writer) = &mut segment.writer
        {
            writer.wait = WriterWait::Nothing;
            writer.sealed_steps = steps;
            writer.is_sealed_on_disk = steps == 3;
            if steps == 1 {
                writer.allocated = segment.length;
            }
        }
    }

    pub(super) fn damage(
        &self,
        segment: Offset,
        offset: Offset,
        position: u64,
        reason: &str,
    ) -> Damage {
        Damage {
            partition: self.identity.to_string(),
            offset,
            path: self.file_path(segment, FileKind::Log),
            position,
            reason: reason.to_owned(),
        }
    }
}

/// How long the file must be for all that was appended.
pub(super) fn needed_bytes(segment: &Segment) -> u64 {
    (segment.length + END_MARKER_BYTES as u64).next_multiple_of(IO_BLOCK_BYTES)
}

/// By how much a file of `allocated` bytes grows.
fn allocation_step(allocated: u64) -> u64 {
    allocated.clamp(ALLOCATION_STEP_BYTES_MIN, ALLOCATION_STEP_BYTES_MAX)
}

/// Where the block that holds `position` begins.
pub(super) const fn block_start(position: u64) -> u64 {
    position - position % IO_BLOCK_BYTES
}

/// The end marker behind the record before `next_offset`.
pub(crate) fn end_marker(next_offset: Offset) -> Bytes {
    let mut marker = BytesMut::with_capacity(END_MARKER_BYTES);
    marker.put_i64(next_offset);
    marker.put_i32(i32::MAX);
    marker.put_i32(-1);
    marker.put_i8(2);
    marker.freeze()
}

/// The last `count` bytes of `slices`, copied.
fn last_bytes(slices: &[Bytes], count: u64) -> Bytes {
    let count = usize::try_from(count).expect("a block fits into memory");
    let mut remaining = count;
    let mut parts = Vec::new();
    for slice in slices.iter().rev() {
        let taken = remaining.min(slice.len());
        parts.push(&slice[slice.len() - taken..]);
        remaining -= taken;
        if remaining == 0 {
            break;
        }
    }
    assert!(remaining == 0, "a partial block is part of what is written");
    let mut bytes = BytesMut::with_capacity(count);
    for part in parts.into_iter().rev() {
        bytes.put_slice(part);
    }
    bytes.freeze()
}
