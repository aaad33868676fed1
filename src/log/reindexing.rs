//! Indexes that do not say what their segment holds, and making them anew while the log serves.
//!
//! Nobody checks a whole index before it is used: that would read the segment. An entry proves
//! itself where it is used instead, since the batch that it leads to must be the one that it tells
//! of. One that is not makes its segment doubtful: reads begin at its front, what needs its
//! timestamps waits, and both indexes are made from its batches and written again.
//!
//! So are those of a segment of which a start after a crash kept an entry here and there, once it
//! is sealed.

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::model::{ErrorCode, Offset};
use crate::protocol::record_batch::{BatchError, BatchHeader, Batches};
use crate::stdx::Now;

use super::cache::{FetchedRecords, ReadRequest};
use super::file_names::FileKind;
use super::offset_index::OffsetIndex;
use super::partition_log::{Log, LogProgress, Pending, ReadId, State};
use super::read::{Place, Purpose, Window};
use super::scan::{Unsound, next_sound};
use super::segment::{Index, Largest, Segment, Times};
use super::storage::{StorageOutbox, StorageOutcome, StorageRequest, StorageResult};
use super::time_index::TimestampOffset;

/// How much is read at a time: as much as compaction reads, so that others wait no longer.
const WINDOW_BYTES: u64 = 256 << 10;

/// A segment of more bytes whose index is empty has lost it: the largest batch that a topic takes
/// by default is an eighth of it, and every batch that begins behind the first 4 KiB has an entry.
pub(super) const UNINDEXED_BYTES_MAX: u64 = 8 << 20;

/// The segments whose indexes are to be made anew.
#[derive(Debug, Default)]
pub(super) struct Reindexing {
    wanted: BTreeSet<Offset>,
    run: Option<Run>,
    /// True if one became doubtful since it was last looked.
    has_news: bool,
}

/// The indexes of one segment on their way.
#[derive(Debug)]
struct Run {
    /// What was found of the segment so far, up to its length.
    found: Segment,
    /// The least offset that the next batch can have.
    next_offset: Offset,
    window_bytes: u64,
    piece: Option<Bytes>,
    is_waiting: bool,
    /// True if the segment cannot be read further.
    is_cut_short: bool,
}

impl Reindexing {
    /// The indexes of the segment have few entries.
    pub(super) fn note_coarse(&mut self, base_offset: Offset) {
        self.wanted.insert(base_offset);
    }

    /// True if something became doubtful since this was last asked.
    pub(super) const fn take_news(&mut self) -> bool {
        std::mem::replace(&mut self.has_news, false)
    }
}

impl Log {
    /// An index of the segment does not say what it holds.
    pub(super) fn doubt_indexes(&mut self, base_offset: Offset) {
        let path = self.file_path(base_offset, FileKind::Log);
        let Some(segment) = self.segment_mut(base_offset) else {
            return;
        };
        if !std::mem::replace(&mut segment.is_doubtful, true) {
            segment.offset_index = Index::Loaded(OffsetIndex::default());
            self.reindexing.wanted.insert(base_offset);
            self.reindexing.has_news = true;
            self.progress.push_back(LogProgress::IndexesDoubted(path));
        }
    }

    /// Compare the largest timestamp that the time index of the segment at `index` tells with the
    /// batch that it names, unless that was done. True if it is right.
    pub(super) fn are_times_proven(&mut self, index: usize) -> bool {
        let segment = &mut self.segments[index];
        let base_offset = segment.base_offset;
        let last = match segment.times {
            Times::Proven => return !segment.is_doubtful,
            Times::BeingProven => return false,
            Times::Unproven(last) => last,
        };
        // Of what is below the start nobody asks any more.
        if last.offset < self.log_start_offset {
            segment.times = Times::Proven;
            return !segment.is_doubtful;
        }
        segment.times = Times::BeingProven;
        if last.offset >= self.segment_end(index) {
            self.segments[index].times = Times::Proven;
            self.doubt_indexes(base_offset);
            return false;
        }
        self.reads.next_id += 1;
        let request = ReadRequest {
            offset: last.offset,
            bytes_max: 1,
            upper: self.log_end_offset,
            at_least_one: true,
        };
        let purpose = Purpose::Proof(base_offset, last);
        self.start(ReadId(self.reads.next_id), request, purpose);
        false
    }

    /// The batch is here that shows whether a segment's largest timestamp is `last`. One that
    /// cannot be read shows nothing, and is reported by itself.
    pub(super) fn on_proof(
        &mut self,
        base_offset: Offset,
        last: TimestampOffset,
        result: &Result<FetchedRecords, ErrorCode>,
    ) {
        let is_refuted = result.as_ref().is_ok_and(|records| !shows(records, last));
        if let Some(segment) = self.segment_mut(base_offset) {
            segment.times = Times::Proven;
        }
        if is_refuted {
            self.doubt_indexes(base_offset);
        }
        self.reads.has_proof = true;
    }

    /// Go on with the indexes that are to be made anew, until that waits for the disk.
    pub(super) fn advance_reindexing(&mut self, now: Now, outbox: &mut StorageOutbox) {
        if !matches!(self.state, State::Open) {
            return;
        }
        while let Some(mut run) = self.reindexing.run.take().or_else(|| self.next_run(now)) {
            if run.is_waiting {
                self.reindexing.run = Some(run);
                return;
            }
            let index = self.segment_index(run.found.base_offset);
            let Some(index) = index else {
                continue;
            };
            if self.segments[index].is_being_replaced {
                // What takes its place has indexes of its own, if that comes about.
                self.reindexing.wanted.insert(run.found.base_offset);
                continue;
            }
            if let Some(piece) = run.piece.take()
                && let Err(unsound) = self.take_in(&mut run, index, &piece)
            {
                let place = run.place();
                self.report_unsound(place, &unsound);
                run.is_cut_short = true;
            }
            if run.is_cut_short || run.found.length >= self.segments[index].length {
                self.finish_reindexing(run, index, outbox);
                continue;
            }
            let position = run.found.length;
            match self.read_window(now, index, position, run.window_bytes, outbox) {
                Window::FileIsOpening => {}
                Window::InMemory(_) => unreachable!("a sealed segment lies on the disk"),
                Window::Disk(request) => {
                    run.is_waiting = true;
                    self.segments[index].reads_in_flight += 1;
                    let pending = Pending::ReindexingRead(run.found.base_offset);
                    self.submit(outbox, pending, request);
                }
            }
            self.reindexing.run = Some(run);
            return;
        }
    }

    /// The next segment, if one is sealed. One that is appended to and doubtful is sealed first.
    fn next_run(&mut self, now: Now) -> Option<Run> {
        let mut from = Offset::MIN;
        while let Some(base_offset) = self.reindexing.wanted.range(from..).next().copied() {
            from = base_offset + 1;
            let Some(index) = self.segment_index(base_offset) else {
                self.reindexing.wanted.remove(&base_offset);
                continue;
            };
            let segment = &self.segments[index];
            if segment.is_being_replaced {
                continue;
            }
            if segment.writer.is_none() {
                self.reindexing.wanted.remove(&base_offset);
                return Some(Run {
                    found: Segment::new(base_offset, segment.modified_ms),
                    next_offset: base_offset,
                    window_bytes: WINDOW_BYTES,
                    piece: None,
                    is_waiting: false,
                    is_cut_short: false,
                });
            }
            if segment.is_doubtful && index + 1 == self.segments.len() {
                self.roll(now, self.log_end_offset);
            }
        }
        None
    }

    fn take_in(&self, run: &mut Run, index: usize, piece: &Bytes) -> Result<(), Unsound> {
        let start = run.found.length;
        let end = self.segment_end(index);
        let mut batches = Batches::new(piece.clone());
        loop {
            let next_offset = run.next_offset;
            // What was found ends where it lies.
            let unsound = |error| Unsound {
                position: 0,
                offset: next_offset,
                error,
            };
            let Some(batch) = next_sound(&mut batches).map_err(unsound)? else {
                let size = batches.next_size().map_err(unsound)?.unwrap_or_default() as u64;
                if run.found.length == start && size <= run.window_bytes {
                    return Err(unsound(BatchError::Truncated));
                }
                run.window_bytes = WINDOW_BYTES.max(size);
                return Ok(());
            };
            if batch.base_offset() < next_offset || batch.next_offset() > end {
                return Err(unsound(BatchError::Records("the offsets are not in order")));
            }
            run.next_offset = batch.next_offset();
            run.found.on_batch(&batch, self.config.index_interval_bytes);
        }
    }

    /// A read of the segment at `base_offset` has ended.
    pub(super) fn on_reindexing_read(&mut self, base_offset: Offset, result: StorageResult) {
        let run = &mut self.reindexing.run;
        let Some(mut run) = run.take_if(|run| run.found.base_offset == base_offset) else {
            return;
        };
        run.is_waiting = false;
        match result {
            Ok(StorageOutcome::Data(data)) => run.piece = self.window_data(run.place(), &data),
            Ok(_) => unreachable!("a read brings data"),
            Err(failure) => {
                run.is_cut_short = true;
                self.progress.push_back(LogProgress::ReadFailed(failure));
            }
        }
        self.reindexing.run = Some(run);
    }

    /// What was found takes the place of what was there. Of a segment that cannot be read as a
    /// whole nothing is written: the next who looks is to doubt it again.
    fn finish_reindexing(&mut self, run: Run, index: usize, outbox: &mut StorageOutbox) {
        let Run {
            found,
            is_cut_short,
            ..
        } = run;
        if !is_cut_short {
            let base_offset = found.base_offset;
            let offset_index = self.file_path(base_offset, FileKind::OffsetIndex);
            let time_index = self.file_path(base_offset, FileKind::TimeIndex);
            for (path, contents) in [
                (offset_index, found.encode_offset_index()),
                (time_index, found.encode_time_index()),
            ] {
                // Nothing takes the segment's place, or its names, before that is done.
                self.segments[index].reads_in_flight += 1;
                let request = StorageRequest::ReplaceFile { path, contents };
                self.submit(outbox, Pending::IndexWritten(base_offset), request);
            }
        }
        let segment = &mut self.segments[index];
        let is_larger = match (segment.largest, found.largest) {
            (Largest::Known(Some(said)), Largest::Known(Some(found))) => {
                found.timestamp >= said.timestamp
            }
            _ => true,
        };
        if !is_cut_short || is_larger {
            segment.largest = found.largest;
        }
        segment.offset_index = found.offset_index;
        segment.time_index = found.time_index;
        segment.times = Times::Proven;
        segment.is_doubtful = false;
        segment.is_reindexed = true;
    }
}

impl Run {
    fn place(&self) -> Place {
        Place {
            segment: self.found.base_offset,
            position: self.found.length,
        }
    }
}

/// Whether `data`, which begins where an index says that there is `said_offset`, begins with a
/// batch that nothing of this offset or behind it can precede. Of several batches that a follower
/// of Apache Kafka's got at once it is the first, and the offset is the last one's.
pub(super) fn begins_with(data: &Bytes, said_offset: Offset) -> bool {
    BatchHeader::decode(data).is_ok_and(|header| {
        let last_offset = header
            .base_offset
            .checked_add(i64::from(header.last_offset_delta));
        header.last_offset_delta >= 0
            && last_offset.is_some_and(|last_offset| last_offset <= said_offset)
    })
}

/// Whether the first batch of `records` is the one with this timestamp at this offset.
pub(super) fn shows(records: &FetchedRecords, entry: TimestampOffset) -> bool {
    let bytes = records.joined();
    let batch = Batches::new(bytes).next_whole();
    batch.is_ok_and(|batch| {
        batch.is_some_and(|batch| {
            (batch.base_offset()..=batch.last_offset()).contains(&entry.offset)
                && batch.max_timestamp() == Some(entry.timestamp)
        })
    })
}
