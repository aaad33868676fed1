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

/// A reader that goes through the log in order.
#[derive(Debug)]
pub(super) struct Stream {
    id: u64,
    pub(super) next_offset: Offset,
    /// Where `data` begins in the file; the next batch is at its front.
    pub(super) place: Place,
    data: Bytes,
    pub(super) window_bytes: u64,
    pub(super) ahead: Ahead,
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
        self.streams.iter().map(|stream| stream.data.len()).sum()
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
        if self.reads.streams[index].data.is_empty() {
            return None;
        }
        let mut stream = self.reads.streams.remove(index)?;
        let request = self.bounded(request);
        let offsets = self.offsets_of(stream.place);
        let found = match cut(&stream.data, &request, &offsets) {
            Ok(found) => found,
            Err(unsound) => {
                let place = stream.place;
                return Some(Err(self.report_unsound(place, &unsound)));
            }
        };
        let _ = stream.data.split_to(found.passed);
        stream.place.position += found.passed as u64;
        let is_answer = !found.records.is_empty() || found.end == CutEnd::Enough;
        stream.next_offset = found.next_offset;
        if !has_whole_batch(&stream.data) {
            stream.data = Bytes::new();
            stream.ahead = Ahead::Wanted;
        }
        let mut records = FetchedRecords::none(request.offset);
        if !found.records.is_empty() {
            records.push(found.records, found.next_offset);
        }
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
        let mut rest = data.slice(found.passed..);
        if !has_whole_batch(&rest) {
            rest = Bytes::new();
        }
        let ahead = match (is_first, rest.is_empty()) {
            // Whether it goes on in order is not known yet.
            (true, _) | (false, false) => Ahead::Nothing,
            (false, true) => Ahead::Wanted,
        };
        let window_bytes = if is_first {
            window_bytes
        } else {
            (window_bytes * 2).min(WINDOW_BYTES_MAX)
        };
        self.reads.streams.push_back(Stream {
            id: self.reads.next_id,
            next_offset: found.next_offset,
            place,
            data: rest,
            window_bytes,
            ahead,
        });
    }

    pub(super) fn start_read_ahead(&mut self, now: Now, outbox: &mut StorageOutbox) {
        for at in 0..self.reads.streams.len() {
            if self.reads.streams[at].ahead != Ahead::Wanted {
                continue;
            }
            let stream = &self.reads.streams[at];
            let (id, mut place, window_bytes) = (stream.id, stream.place, stream.window_bytes);
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
                self.reads.streams[at].place = place;
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
        if let Some(stream) = self.reads.streams.iter_mut().find(|stream| stream.id == id) {
            stream.ahead = Ahead::Nothing;
            stream.data = data.filter(has_whole_batch).unwrap_or_default();
        }
    }
}

fn has_whole_batch(data: &Bytes) -> bool {
    let mut batches = Batches::new(data.clone());
    // What is no batch is kept too: reading it reports the damage.
    !matches!(batches.next_whole(), Ok(None))
}
