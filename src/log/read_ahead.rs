//! Read-ahead: what the disk brought too much, and what a reader will want next.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

use bytes::Bytes;

use crate::model::{ErrorCode, Offset};
use crate::protocol::record_batch::Batches;
use crate::stdx::Now;

use super::cache::{FetchedRecords, ReadRequest};
use super::partition_log::{Log, Pending, ReadId};
use super::read::{PendingRead, Place, WINDOW_BYTES_MAX, Window};
use super::scan::{Cut, CutEnd, cut};
use super::storage::{StorageOutbox, StorageOutcome, StorageResult};

/// Readers that go through a log in order and are remembered. More of them than this share the
/// disk without read-ahead.
const STREAMS_MAX: usize = 8;

/// Batches that the disk brought and nobody has asked for yet.
#[derive(Debug)]
struct Piece {
    /// Where `data` begins in the file, with a batch.
    place: Place,
    /// Whole batches; also what follows them if that is not sound, since whoever reads it is to be
    /// told.
    data: Bytes,
    /// True if the batch behind `data` can be read next.
    goes_on: bool,
}

impl Piece {
    fn of(place: Place, mut data: Bytes) -> Self {
        let mut batches = Batches::new(data.clone());
        let goes_on = loop {
            match batches.next_whole() {
                Ok(Some(_)) => {}
                Ok(None) => break true,
                Err(_) => break false,
            }
        };
        if goes_on {
            data.truncate(batches.position());
        }
        Self {
            place,
            data,
            goes_on,
        }
    }

    fn end(&self) -> Place {
        Place {
            segment: self.place.segment,
            position: self.place.position + self.data.len() as u64,
        }
    }
}

/// A reader that goes through the log in order.
#[derive(Debug)]
pub(super) struct Stream {
    id: u64,
    pub(super) next_offset: Offset,
    /// What the reader is to have next, if the disk has brought it. While the reader takes this,
    /// the disk brings what is `behind` it.
    front: Piece,
    behind: Option<Piece>,
    pub(super) window_bytes: u64,
    pub(super) ahead: Ahead,
}

impl Stream {
    /// Where what the reader is to have next begins.
    pub(super) const fn place(&self) -> Place {
        self.front.place
    }

    fn held_bytes(&self) -> usize {
        let behind = self.behind.as_ref().map_or(0, |piece| piece.data.len());
        self.front.data.len() + behind
    }

    /// Go on to what is behind a front of which nothing is left.
    fn advance(&mut self) {
        if self.front.data.is_empty()
            && let Some(behind) = self.behind.take()
        {
            self.front = behind;
        }
        if self.behind.is_none() && self.front.goes_on && self.ahead == Ahead::Nothing {
            self.ahead = Ahead::Wanted;
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ahead {
    Nothing,
    Wanted,
    InFlight,
}

/// The reads of a log that the disk works for, and what it brought too much.
#[derive(Debug, Default)]
pub(super) struct Reads {
    pub(super) next_id: u64,
    pub(super) pending: BTreeMap<ReadId, PendingRead>,
    /// The one used last is at the back.
    pub(super) streams: VecDeque<Stream>,
    /// Where each read-ahead under way reads.
    ahead_places: BTreeMap<u64, Place>,
    /// True if a proof of timestamps has ended, for which searches may wait.
    pub(super) has_proof: bool,
}

impl Reads {
    pub(super) fn held_bytes(&self) -> usize {
        self.streams.iter().map(Stream::held_bytes).sum()
    }

    /// Let go of what was read ahead until at most `bytes_max` remain.
    pub(super) fn trim(&mut self, bytes_max: usize) {
        while self.held_bytes() > bytes_max && self.streams.pop_front().is_some() {}
    }

    /// The first read behind `id` that the disk does not work for.
    pub(super) fn idle_after(&self, id: Option<ReadId>) -> Option<ReadId> {
        let from = id.map_or(Bound::Unbounded, Bound::Excluded);
        self.pending
            .range((from, Bound::Unbounded))
            .find(|(_, read)| !read.in_flight)
            .map(|(id, _)| *id)
    }

    /// Let go of every stream that has to do with the segment that begins at `segment`.
    pub(super) fn forget_streams(&mut self, segment: Offset) {
        let Self {
            streams,
            ahead_places,
            ..
        } = self;
        streams.retain(|stream| {
            let behind = stream.behind.as_ref().map(|piece| piece.place);
            let places = [
                Some(stream.place()),
                behind,
                ahead_places.get(&stream.id).copied(),
            ];
            !places
                .into_iter()
                .flatten()
                .any(|place| place.segment == segment)
        });
    }

    pub(super) fn stream_at(&mut self, offset: Offset) -> Option<usize> {
        self.streams
            .iter()
            .position(|stream| stream.next_offset == offset)
    }
}

impl Log {
    /// What was read ahead for whoever reads on at this offset; `None` if nothing was.
    pub(super) fn read_stream(
        &mut self,
        request: &ReadRequest,
    ) -> Option<Result<FetchedRecords, ErrorCode>> {
        let index = self.reads.stream_at(request.offset)?;
        if self.reads.streams[index].front.data.is_empty() {
            return None;
        }
        let mut stream = self.reads.streams.remove(index)?;
        let mut request = self.bounded(request);
        let mut records = FetchedRecords::none(request.offset);
        let end = loop {
            let front = &mut stream.front;
            let offsets = self.offsets_of(front.place);
            let found = match cut(&front.data, &request, &offsets) {
                Ok(found) => found,
                // Whoever reads on will meet it again.
                Err(_) if records.length_bytes > 0 => break CutEnd::Enough,
                Err(unsound) => {
                    let place = front.place;
                    return Some(Err(self.report_unsound(place, &unsound)));
                }
            };
            let _ = front.data.split_to(found.passed);
            front.place.position += found.passed as u64;
            (request.offset, stream.next_offset) = (found.next_offset, found.next_offset);
            if !found.records.is_empty() {
                request.bytes_max = request.bytes_max.saturating_sub(found.records.len());
                request.at_least_one = false;
                records.push(found.records, found.next_offset);
            }
            stream.advance();
            if found.end == CutEnd::Enough || stream.front.data.is_empty() {
                break found.end;
            }
        };
        let is_answer = records.length_bytes > 0 || end == CutEnd::Enough;
        self.reads.streams.push_back(stream);
        is_answer.then_some(Ok(records))
    }

    /// Keep what was read beyond the answer for whoever reads on behind it.
    pub(super) fn remember_stream(
        &mut self,
        found: &Cut,
        place: Place,
        data: &Bytes,
        is_first: bool,
        window_bytes: u64,
        offset: Offset,
    ) {
        if let Some(index) = self.reads.stream_at(offset) {
            self.reads.streams.remove(index);
        }
        if found.records.is_empty() {
            return;
        }
        if self.reads.streams.len() == STREAMS_MAX {
            self.reads.streams.pop_front();
        }
        self.reads.next_id += 1;
        let mut stream = Stream {
            id: self.reads.next_id,
            next_offset: found.next_offset,
            front: Piece::of(place, data.slice(found.passed..)),
            behind: None,
            window_bytes,
            ahead: Ahead::Nothing,
        };
        // Whether the first read is followed by others in order is not known yet.
        if !is_first {
            stream.window_bytes = (window_bytes * 2).min(WINDOW_BYTES_MAX);
            stream.advance();
        }
        self.reads.streams.push_back(stream);
    }

    pub(super) fn start_read_ahead(&mut self, now: Now, outbox: &mut StorageOutbox) {
        for at in 0..self.reads.streams.len() {
            if self.reads.streams[at].ahead != Ahead::Wanted {
                continue;
            }
            let stream = &self.reads.streams[at];
            let (id, mut place) = (stream.id, stream.front.end());
            let window_bytes = stream.window_bytes;
            let Some(mut index) = self.segment_index(place.segment) else {
                self.reads.streams[at].ahead = Ahead::Nothing;
                continue;
            };
            if place.position == self.segments[index].length && index + 1 < self.segments.len() {
                index += 1;
                place = Place {
                    segment: self.segments[index].base_offset,
                    position: 0,
                };
            }
            let is_cached = self
                .cache
                .first_offset()
                .is_some_and(|first| first <= self.reads.streams[at].next_offset);
            if is_cached {
                self.reads.streams[at].ahead = Ahead::Nothing;
                continue;
            }
            match self.read_window(now, index, place.position, window_bytes, outbox) {
                Window::FileIsOpening => {}
                Window::InMemory(_) => self.reads.streams[at].ahead = Ahead::Nothing,
                Window::Disk(request) => {
                    self.reads.streams[at].ahead = Ahead::InFlight;
                    self.segments[index].reads_in_flight += 1;
                    self.reads.ahead_places.insert(id, place);
                    self.submit(outbox, Pending::ReadAhead(id, place.segment), request);
                }
            }
        }
    }

    pub(super) fn on_read_ahead(&mut self, id: u64, result: StorageResult) {
        let place = self
            .reads
            .ahead_places
            .remove(&id)
            .expect("a read-ahead has a place");
        let data = match result {
            Ok(StorageOutcome::Data(data)) => self.window_data(place, &data),
            // Whoever reads on will meet the failure, and be told.
            _ => None,
        };
        let stream = self.reads.streams.iter_mut().find(|stream| stream.id == id);
        let Some(stream) = stream else {
            return;
        };
        stream.ahead = Ahead::Nothing;
        let piece = data.map(|data| Piece::of(place, data));
        if let Some(piece) = piece.filter(|piece| !piece.data.is_empty()) {
            stream.window_bytes = (stream.window_bytes * 2).min(WINDOW_BYTES_MAX);
            stream.behind = Some(piece);
            stream.advance();
        }
    }
}
