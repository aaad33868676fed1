//! Reading: from memory at once, from the disk when it has answered.
//!
//! A read of the disk takes a window of a segment file, larger than what was asked for if the
//! reader goes through the log in order; what it does not need yet is kept for its next read.
//! Reads stop at the last block of a file that is being written to: that block is in memory.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use crate::model::{ErrorCode, Offset, TimestampMs};
use crate::stdx::Now;

use super::cache::{FetchedRecords, ReadRequest};
use super::file_names::FileKind;
use super::offset_index::{OffsetIndex, relative_offset};
use super::partition_log::{Log, LogProgress, Pending, ReadId, State};
use super::read_ahead::Ahead;
use super::reindexing::{UNINDEXED_BYTES_MAX, begins_with};
use super::scan::{Cut, CutEnd, Unsound, cut};
use super::segment::{Index, Segment, SegmentFile};
use super::storage::{
    IO_BLOCK_BYTES, StorageOutbox, StorageOutcome, StorageRequest, StorageResult,
};
use super::time_index::TimestampOffset;
use super::write::block_start;

/// The most that one read of the disk brings, unless one batch is larger: with what lies before it
/// in its first block 1 MiB, which a device reads at once and for which memory is recycled. More
/// would make the writes of others wait longer, and bring no more in all: the next read goes on
/// while this one's records leave.
pub(super) const WINDOW_BYTES_MAX: u64 = (1 << 20) - IO_BLOCK_BYTES;

/// Where a read finds what it asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum ReadPlan {
    /// In memory: here it is.
    Ready(FetchedRecords),
    /// On the disk: give it to [`Log::start_read`].
    Disk(DiskRead),
}

/// A read that needs the disk.
#[derive(Clone, Debug, PartialEq)]
pub struct DiskRead {
    request: ReadRequest,
}

/// Who waits for a read.
#[derive(Debug)]
pub(super) enum Purpose {
    /// The caller of [`Log::start_read`].
    Fetch,
    /// A search for this timestamp or a later one, that begins where this entry of the segment's
    /// time index says.
    Lookup(TimestampMs, Option<(Offset, TimestampOffset)>),
    /// The comparison of this entry of the segment's time index with its batch.
    Proof(Offset, TimestampOffset),
}

/// A place in a segment file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Place {
    pub(super) segment: Offset,
    pub(super) position: u64,
}

#[derive(Debug)]
pub(super) struct PendingRead {
    request: ReadRequest,
    purpose: Purpose,
    /// Where to read on; `None` until an index has said where to begin.
    place: Option<Place>,
    /// The last offset of the batch there, if an index has said so and nobody has looked.
    said_offset: Option<Offset>,
    /// How much to read.
    window_bytes: u64,
    /// True while the disk works for it.
    pub(super) in_flight: bool,
}

impl Log {
    /// Where the records that `request` asks for are, and the records if they are in memory.
    ///
    /// # Errors
    /// [`ErrorCode::OffsetOutOfRange`] if the log has no such offset; a storage error if it is not
    /// open.
    pub fn plan_read(&mut self, request: ReadRequest) -> Result<ReadPlan, ErrorCode> {
        match self.state {
            State::Open => {}
            State::Failed => return Err(ErrorCode::KafkaStorageError),
            _ => return Err(ErrorCode::NotLeaderOrFollower),
        }
        if !(self.log_start_offset..=self.log_end_offset).contains(&request.offset) {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        if request.offset >= request.upper.min(self.log_end_offset) {
            return Ok(ReadPlan::Ready(FetchedRecords::none(request.offset)));
        }
        if let Some(records) = self.cache.read(&request) {
            return Ok(ReadPlan::Ready(records));
        }
        if let Some(records) = self.read_stream(&request) {
            return records.map(ReadPlan::Ready);
        }
        Ok(ReadPlan::Disk(DiskRead { request }))
    }

    /// Read from the disk what a plan found to be there; [`LogProgress::ReadFinished`] follows.
    pub fn start_read(&mut self, read: DiskRead) -> ReadId {
        self.reads.next_id += 1;
        let id = ReadId(self.reads.next_id);
        self.start(id, read.request, Purpose::Fetch);
        id
    }

    pub(super) fn start(&mut self, id: ReadId, request: ReadRequest, purpose: Purpose) {
        let stream = self.reads.stream_at(request.offset);
        let window_bytes = stream.map_or(request.bytes_max as u64, |index| {
            self.reads.streams[index].window_bytes
        });
        let read = PendingRead {
            request,
            purpose,
            place: None,
            said_offset: None,
            window_bytes: window_bytes.min(WINDOW_BYTES_MAX),
            in_flight: false,
        };
        self.reads.pending.insert(id, read);
    }

    /// No reader of the disk goes beyond what the segments have.
    pub(super) fn bounded(&self, request: &ReadRequest) -> ReadRequest {
        ReadRequest {
            upper: request.upper.min(self.written_end_offset),
            ..*request
        }
    }

    /// The offsets of the segment that is read at `place`.
    pub(super) fn offsets_of(&self, place: Place) -> Range<Offset> {
        let index = self.segment_index(place.segment);
        let end = index.map_or(self.log_end_offset, |index| self.segment_end(index));
        place.segment..end
    }

    pub(super) fn report_unsound(&mut self, place: Place, unsound: &Unsound) -> ErrorCode {
        let position = place.position + unsound.position as u64;
        let reason = unsound.error.to_string();
        let damage = self.damage(place.segment, unsound.offset, position, &reason);
        self.progress.push_back(LogProgress::Damaged(damage));
        ErrorCode::CorruptMessage
    }

    /// Move every read forward that does not wait for the disk.
    pub(super) fn advance_reads(&mut self, now: Now, outbox: &mut StorageOutbox) {
        self.advance_lookups(outbox);
        self.start_read_ahead(now, outbox);
        let mut waiting = self.reads.idle_after(None);
        while let Some(id) = waiting {
            self.advance_read(now, id, outbox);
            waiting = self.reads.idle_after(Some(id));
        }
        // What was in memory may have been what a search waits for.
        if std::mem::take(&mut self.reads.has_proof) {
            self.advance_reads(now, outbox);
        }
    }

    fn advance_read(&mut self, now: Now, id: ReadId, outbox: &mut StorageOutbox) {
        // A search goes on with another read under the same id.
        let mut tried = None;
        while let Some(read) = self.reads.pending.get(&id)
            && !read.in_flight
            && tried != Some(read.request.offset)
        {
            let (request, place) = (read.request, read.place);
            tried = Some(request.offset);
            if place.is_none_or(|place| self.segment_index(place.segment).is_none()) {
                self.advance_unplaced(id, &request, outbox);
            }
            self.advance_placed(now, id, outbox);
        }
    }

    fn advance_placed(&mut self, now: Now, id: ReadId, outbox: &mut StorageOutbox) {
        // Each round either ends the read, moves it on in the log, or waits for the disk.
        while let Some(read) = self.reads.pending.get(&id)
            && let Some(place) = read.place
        {
            let window_bytes = read.window_bytes;
            let Some(index) = self.segment_index(place.segment) else {
                return self.finish_read(id, Err(ErrorCode::OffsetOutOfRange));
            };
            match self.read_window(now, index, place.position, window_bytes, outbox) {
                Window::FileIsOpening => return,
                Window::InMemory(data) => self.on_window(id, place, &data),
                Window::Disk(request) => {
                    self.segments[index].reads_in_flight += 1;
                    if let Some(read) = self.reads.pending.get_mut(&id) {
                        read.in_flight = true;
                    }
                    self.submit(outbox, Pending::DataRead(id, place.segment), request);
                    return;
                }
            }
        }
    }

    /// Serve from memory a read that does not know yet where to read, or find out where.
    fn advance_unplaced(&mut self, id: ReadId, request: &ReadRequest, outbox: &mut StorageOutbox) {
        if request.offset < self.log_start_offset {
            return self.finish_read(id, Err(ErrorCode::OffsetOutOfRange));
        }
        if let Some(index) = self.reads.stream_at(request.offset)
            && self.reads.streams[index].ahead == Ahead::InFlight
        {
            return;
        }
        if let Some(records) = self.cache.read(request) {
            return self.finish_read(id, Ok(records));
        }
        if let Some(result) = self.read_stream(request) {
            return self.finish_read(id, result);
        }
        if let Some((place, said_offset)) = self.place_of(request.offset, outbox)
            && let Some(read) = self.reads.pending.get_mut(&id)
        {
            read.place = Some(place);
            read.said_offset = said_offset;
        }
    }

    /// Where to begin to look for `offset`, and the last offset of the batch there if an index says
    /// it; `None` while the index is being read.
    fn place_of(
        &mut self,
        offset: Offset,
        outbox: &mut StorageOutbox,
    ) -> Option<(Place, Option<Offset>)> {
        if let Some(index) = self.reads.stream_at(offset) {
            // The end of a segment that was deleted is the front of the next one.
            let place = self.reads.streams[index].place();
            if self.segment_index(place.segment).is_some() {
                return Some((place, None));
            }
        }
        let index = self.segment_of(offset)?;
        let segment = &self.segments[index];
        let base_offset = segment.base_offset;
        let relative = relative_offset(offset, base_offset).unwrap_or(u32::MAX);
        match &segment.offset_index {
            Index::Loaded(loaded) => {
                let entry = loaded.entry_before(relative);
                let place = Place {
                    segment: base_offset,
                    position: entry.map_or(0, |(_, position)| u64::from(position)),
                };
                let said = entry.map(|(relative, _)| base_offset + i64::from(relative));
                Some((place, said))
            }
            Index::Loading => None,
            Index::OnDisk if segment.is_being_replaced => None,
            Index::OnDisk => {
                self.load_offset_index(index, outbox);
                None
            }
        }
    }

    fn load_offset_index(&mut self, index: usize, outbox: &mut StorageOutbox) {
        let base_offset = self.segments[index].base_offset;
        self.segments[index].offset_index = Index::Loading;
        let path = self.file_path(base_offset, FileKind::OffsetIndex);
        let request = StorageRequest::ReadFile { path };
        self.submit(outbox, Pending::OffsetIndexRead(base_offset), request);
    }

    /// An index that is missing or wrong is taken for an empty one until it is made anew: the
    /// search then begins at the front of the segment.
    pub(super) fn on_offset_index(&mut self, base_offset: Offset, outcome: &StorageOutcome) {
        let Some(segment) = self.segment_mut(base_offset) else {
            return;
        };
        let loaded = match outcome {
            StorageOutcome::Data(file) => OffsetIndex::decode(file, segment.length),
            _ => None,
        };
        let loaded = loaded.filter(|index| {
            index.len() > 0 || segment.length <= UNINDEXED_BYTES_MAX || segment.is_reindexed
        });
        let is_lost = loaded.is_none();
        segment.offset_index = Index::Loaded(loaded.unwrap_or_default());
        if is_lost {
            self.doubt_indexes(base_offset);
        }
    }

    /// How to get `window_bytes` of the segment at `index` from `position` on.
    pub(super) fn read_window(
        &mut self,
        now: Now,
        index: usize,
        position: u64,
        window_bytes: u64,
        outbox: &mut StorageOutbox,
    ) -> Window {
        let segment = &mut self.segments[index];
        if segment.is_being_replaced {
            return Window::FileIsOpening;
        }
        let end = disk_end(segment);
        if position >= end {
            return Window::InMemory(tail_from(segment, position));
        }
        segment.last_used = now.instant;
        let file = match segment.file {
            SegmentFile::Open(file) => file,
            SegmentFile::Opening(_) => return Window::FileIsOpening,
            SegmentFile::Closed => {
                self.open_segment_file(index, outbox);
                return Window::FileIsOpening;
            }
        };
        let start = block_start(position);
        let wanted = position.saturating_add(window_bytes.max(IO_BLOCK_BYTES));
        let length = end.min(wanted).next_multiple_of(IO_BLOCK_BYTES) - start;
        Window::Disk(StorageRequest::Read {
            file,
            position: start,
            length,
        })
    }

    /// The bytes of a segment from `place` on that a read of the disk brought, those after them
    /// that are in memory included; `None` if the segment is gone.
    pub(super) fn window_data(&mut self, place: Place, data: &Bytes) -> Option<Bytes> {
        let segment = self.segment_mut(place.segment)?;
        let start = block_start(place.position);
        let known_end = known_end(segment);
        let length = data.len() as u64;
        // What lies behind the records in their last block is not theirs.
        let length = length.min(known_end.saturating_sub(start));
        let skipped = (place.position - start).min(length);
        let found = data.slice(to_usize(skipped)..to_usize(length));
        if start + length != disk_end(segment) || start + length == known_end {
            return Some(found);
        }
        let tail = tail_from(segment, start + length);
        let mut joined = BytesMut::with_capacity(found.len() + tail.len());
        joined.extend_from_slice(&found);
        joined.extend_from_slice(&tail);
        Some(joined.freeze())
    }

    pub(super) fn on_data_read(&mut self, now: Now, id: ReadId, result: StorageResult) {
        let Some(read) = self.reads.pending.get_mut(&id) else {
            return;
        };
        read.in_flight = false;
        let place = read.place.expect("a read knows where it reads");
        if let Some(segment) = self.segment_mut(place.segment) {
            segment.last_used = now.instant;
        }
        match result {
            Ok(StorageOutcome::Data(data)) => match self.window_data(place, &data) {
                Some(data) => self.on_window(id, place, &data),
                None => self.finish_read(id, Err(ErrorCode::OffsetOutOfRange)),
            },
            Ok(_) => unreachable!("a read brings data"),
            Err(failure) => {
                self.progress.push_back(LogProgress::ReadFailed(failure));
                self.finish_read(id, Err(ErrorCode::KafkaStorageError));
            }
        }
    }

    /// A read has `data`, which begins at `place` with a batch.
    fn on_window(&mut self, id: ReadId, place: Place, data: &Bytes) {
        let Some(read) = self.reads.pending.get(&id) else {
            return;
        };
        if let Some(said_offset) = read.said_offset
            && !begins_with(data, said_offset)
        {
            self.doubt_indexes(place.segment);
            return self.go_to_front(id, place.segment);
        }
        let Some(read) = self.reads.pending.get_mut(&id) else {
            return;
        };
        read.said_offset = None;
        let (request, window_bytes) = (read.request, read.window_bytes);
        let is_proof = matches!(read.purpose, Purpose::Proof(..));
        let request = self.bounded(&request);
        let found = match cut(data, &request, &self.offsets_of(place)) {
            Ok(found) => found,
            Err(unsound) => {
                let error = self.report_unsound(place, &unsound);
                return self.finish_read(id, Err(error));
            }
        };
        if found.records.is_empty() && found.end != CutEnd::Enough {
            return self.read_on(id, place, data.len(), &found);
        }
        let is_first = self.reads.stream_at(request.offset).is_none();
        let behind = Place {
            segment: place.segment,
            position: place.position + found.passed as u64,
        };
        if !is_proof {
            self.remember_stream(&found, behind, data, is_first, window_bytes, request.offset);
        }
        let mut records = FetchedRecords::none(request.offset);
        if !found.records.is_empty() {
            records.push(found.records, found.next_offset);
        }
        self.finish_read(id, Ok(records));
    }

    /// Look for what was asked for without an index.
    fn go_to_front(&mut self, id: ReadId, segment: Offset) {
        if let Some(read) = self.reads.pending.get_mut(&id) {
            read.place = Some(Place {
                segment,
                position: 0,
            });
            read.said_offset = None;
        }
    }

    /// Nothing of what was asked for is in the window that was read: take the next one.
    fn read_on(&mut self, id: ReadId, place: Place, window_length: usize, found: &Cut) {
        let CutEnd::BytesEnd { batch_bytes } = found.end else {
            unreachable!("a reader that has enough does not read on")
        };
        let Some(index) = self.segment_index(place.segment) else {
            return self.finish_read(id, Err(ErrorCode::OffsetOutOfRange));
        };
        let end = known_end(&self.segments[index]);
        let position = place.position + found.passed as u64;
        let wanted = batch_bytes.map_or(IO_BLOCK_BYTES, |bytes| bytes as u64);
        let is_all_read = place.position + window_length as u64 == end;
        let next = if position == end {
            // Compaction left nothing of the offset in this segment.
            let next = self.segments.get(index + 1);
            next.map(|next| (next.base_offset, 0))
        } else {
            let is_whole = !is_all_read && batch_bytes.is_none_or(|_| position + wanted <= end);
            is_whole.then_some((place.segment, position))
        };
        let Some(read) = self.reads.pending.get_mut(&id) else {
            return;
        };
        if let Some((segment, position)) = next {
            read.window_bytes = read.window_bytes.max(wanted);
            read.place = Some(Place { segment, position });
        } else {
            let offset = read.request.offset;
            let reason = "the file ends before or inside the batch";
            let damage = self.damage(place.segment, offset, position, reason);
            self.progress.push_back(LogProgress::Damaged(damage));
            self.finish_read(id, Err(ErrorCode::CorruptMessage));
        }
    }

    fn finish_read(&mut self, id: ReadId, result: Result<FetchedRecords, ErrorCode>) {
        let Some(read) = self.reads.pending.remove(&id) else {
            return;
        };
        match read.purpose {
            Purpose::Fetch => {
                let progress = LogProgress::ReadFinished { read: id, result };
                self.progress.push_back(progress);
            }
            Purpose::Lookup(timestamp, entry) => {
                self.on_lookup_read(id, timestamp, entry, result);
            }
            Purpose::Proof(segment, entry) => self.on_proof(segment, entry, &result),
        }
    }

    /// The segment has other contents now: what was known of places in it is wrong.
    pub(super) fn forget_places(&mut self, segment: Offset) {
        for read in self.reads.pending.values_mut() {
            read.place = read.place.filter(|place| place.segment != segment);
        }
        self.reads.forget_streams(segment);
    }

    /// End every read with `error`.
    pub(super) fn fail_reads(&mut self, error: ErrorCode) {
        let ids: Vec<ReadId> = self.reads.pending.keys().copied().collect();
        for id in ids {
            self.finish_read(id, Err(error));
        }
        self.fail_lookups(error);
        self.reads.streams.clear();
    }
}

/// How to get a piece of a segment.
pub(super) enum Window {
    FileIsOpening,
    InMemory(Bytes),
    Disk(StorageRequest),
}

/// Where the records of a segment end that are on the disk.
fn known_end(segment: &Segment) -> u64 {
    let writer = segment.writer.as_deref();
    writer.map_or(segment.length, |writer| writer.written_end)
}

/// Where reads of a segment's file stop: before the block that is being written, if it is known.
fn disk_end(segment: &Segment) -> u64 {
    match segment.writer.as_deref() {
        None => segment.length,
        Some(writer) if writer.tail.is_some() => block_start(writer.written_end),
        Some(writer) => writer.written_end,
    }
}

/// The bytes of the last, partial block from `position` on.
fn tail_from(segment: &Segment, position: u64) -> Bytes {
    let Some(writer) = segment.writer.as_deref() else {
        return Bytes::new();
    };
    let skipped = position.saturating_sub(block_start(writer.written_end));
    match &writer.tail {
        Some(tail) if to_usize(skipped) < tail.len() => tail.slice(to_usize(skipped)..),
        _ => Bytes::new(),
    }
}

fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).expect("what is in memory has a size")
}
