//! Finding an offset by timestamp: the time index says about where, the records say exactly.

use crate::model::{ErrorCode, Offset, TimestampMs};
use crate::protocol::record_batch::{Batches, RecordBatch};

use super::cache::{FetchedRecords, ReadRequest};
use super::file_names::FileKind;
use super::partition_log::{FoundOffset, Log, LogProgress, Pending, ReadId};
use super::read::Purpose;
use super::reindexing::shows;
use super::segment::{Index, Largest, Times};
use super::storage::{StorageOutbox, StorageOutcome, StorageRequest};
use super::time_index::{TimeIndex, TimestampOffset};
use super::validation::DECOMPRESSED_BYTES_MAX;

/// How much is read at a time. The index is nearly always within one batch of the answer.
const LOOKUP_BYTES_MAX: usize = 64 << 10;

/// What a search is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Lookup {
    /// The first record with this timestamp or a later one.
    AtOrAfter(TimestampMs),
    /// The first record with the largest timestamp of all (KIP-734).
    Largest,
}

impl Log {
    /// Search for a timestamp; [`LogProgress::LookupFinished`] follows, in the next
    /// [`Log::flush`] if what is needed is in memory.
    pub fn start_lookup(&mut self, lookup: Lookup) -> ReadId {
        self.reads.next_id += 1;
        let id = ReadId(self.reads.next_id);
        self.lookups.push((id, lookup));
        id
    }

    /// Move every search forward that does not wait for a read.
    pub(super) fn advance_lookups(&mut self, outbox: &mut StorageOutbox) {
        for (id, lookup) in std::mem::take(&mut self.lookups) {
            let start = match lookup {
                Lookup::AtOrAfter(timestamp) => self.lookup_start(timestamp, outbox),
                Lookup::Largest => self.largest_start(outbox),
            };
            match start {
                Start::IndexIsLoading => self.lookups.push((id, lookup)),
                Start::Nowhere => self.finish_lookup(id, Ok(None)),
                Start::At(offset, timestamp, entry) => {
                    let offset = offset.max(self.log_start_offset);
                    self.read_for_lookup(id, offset, timestamp, entry);
                }
            }
        }
    }

    fn lookup_start(&mut self, timestamp: TimestampMs, outbox: &mut StorageOutbox) -> Start {
        for index in 0..self.segments.len() {
            if self.segment_end(index) <= self.log_start_offset && index + 1 < self.segments.len() {
                continue;
            }
            match self.largest_of(index, outbox) {
                Largest::Unknown => return Start::IndexIsLoading,
                Largest::Known(Some(largest)) if largest.timestamp >= timestamp => {}
                Largest::Known(_) => continue,
            }
            let segment = &self.segments[index];
            let base_offset = segment.base_offset;
            let Index::Loaded(loaded) = &segment.time_index else {
                self.load_time_index(index, outbox);
                return Start::IndexIsLoading;
            };
            let entry = loaded.entry_before(timestamp, base_offset);
            let offset = entry.map_or(base_offset, |entry| entry.offset);
            let is_read = offset >= self.log_start_offset;
            let entry = entry.filter(|_| is_read).map(|entry| (base_offset, entry));
            return Start::At(offset, timestamp, entry);
        }
        Start::Nowhere
    }

    fn largest_start(&mut self, outbox: &mut StorageOutbox) -> Start {
        let mut found: Option<TimestampOffset> = None;
        for index in 0..self.segments.len() {
            match self.largest_of(index, outbox) {
                Largest::Unknown => return Start::IndexIsLoading,
                Largest::Known(Some(largest))
                    if found.is_none_or(|found| largest.timestamp > found.timestamp) =>
                {
                    found = Some(largest);
                }
                Largest::Known(_) => {}
            }
        }
        found.map_or(Start::Nowhere, |found| {
            Start::At(found.offset, found.timestamp, None)
        })
    }

    /// The largest timestamp of the segment at `index`, once it is known to be right: until then
    /// what is needed for that is asked for.
    pub(super) fn largest_of(&mut self, index: usize, outbox: &mut StorageOutbox) -> Largest {
        if self.segments[index].largest == Largest::Unknown {
            self.load_time_index(index, outbox);
            return Largest::Unknown;
        }
        if !self.are_times_proven(index) {
            return Largest::Unknown;
        }
        self.segments[index].largest
    }

    /// Ask for the time index of the segment at `index`, unless it is asked for already or about to
    /// be another.
    pub(super) fn load_time_index(&mut self, index: usize, outbox: &mut StorageOutbox) {
        let segment = &mut self.segments[index];
        if matches!(segment.time_index, Index::OnDisk) && !segment.is_being_replaced {
            segment.time_index = Index::Loading;
            let base_offset = segment.base_offset;
            let path = self.file_path(base_offset, FileKind::TimeIndex);
            let request = StorageRequest::ReadFile { path };
            self.submit(outbox, Pending::TimeIndexRead(base_offset), request);
        }
    }

    /// A time index that is missing or wrong is made anew, as is one without an entry: only a
    /// segment whose records have no timestamps has such a one.
    pub(super) fn on_time_index(&mut self, base_offset: Offset, outcome: &StorageOutcome) {
        let Some(segment) = self.segment_mut(base_offset) else {
            return;
        };
        let loaded = match outcome {
            StorageOutcome::Data(file) => TimeIndex::decode(file),
            _ => None,
        };
        let last = loaded.as_ref().and_then(|index| index.last(base_offset));
        let is_lost = loaded.is_none() || last.is_none() && segment.length > 0;
        segment.time_index = Index::Loaded(loaded.unwrap_or_default());
        if let Some(last) = last
            && segment.largest != Largest::Known(Some(last))
        {
            segment.times = Times::Unproven(last);
        }
        if !segment.is_reindexed {
            segment.largest = Largest::Known(last);
        }
        if is_lost && !segment.is_reindexed {
            self.doubt_indexes(base_offset);
        }
    }

    fn read_for_lookup(
        &mut self,
        id: ReadId,
        offset: Offset,
        timestamp: TimestampMs,
        entry: Option<(Offset, TimestampOffset)>,
    ) {
        if offset >= self.log_end_offset {
            return self.finish_lookup(id, Ok(None));
        }
        let request = ReadRequest {
            offset,
            bytes_max: LOOKUP_BYTES_MAX,
            upper: self.log_end_offset,
            at_least_one: true,
        };
        self.start(id, request, Purpose::Lookup(timestamp, entry));
    }

    /// The records that a search for `timestamp` asked for are here.
    pub(super) fn on_lookup_read(
        &mut self,
        id: ReadId,
        timestamp: TimestampMs,
        entry: Option<(Offset, TimestampOffset)>,
        result: Result<FetchedRecords, ErrorCode>,
    ) {
        let records = match result {
            Ok(records) => records,
            Err(error) => return self.finish_lookup(id, Err(error)),
        };
        if let Some((base_offset, entry)) = entry
            && !shows(&records, entry)
        {
            self.doubt_indexes(base_offset);
            return self.lookups.push((id, Lookup::AtOrAfter(timestamp)));
        }
        match find_in(&records, timestamp, self.log_start_offset) {
            Ok(None) if records.length_bytes > 0 => {
                self.read_for_lookup(id, records.next_offset, timestamp, None);
            }
            found => self.finish_lookup(id, found),
        }
    }

    fn finish_lookup(&mut self, read: ReadId, result: Result<Option<FoundOffset>, ErrorCode>) {
        let progress = LogProgress::LookupFinished { read, result };
        self.progress.push_back(progress);
    }

    pub(super) fn fail_lookups(&mut self, error: ErrorCode) {
        for (id, _) in std::mem::take(&mut self.lookups) {
            self.finish_lookup(id, Err(error));
        }
    }
}

/// Where a search begins to read.
enum Start {
    IndexIsLoading,
    Nowhere,
    /// At this offset, for this timestamp; what of the segment's time index leads there.
    At(Offset, TimestampMs, Option<(Offset, TimestampOffset)>),
}

/// The first record of `records` at or behind `log_start_offset` with `timestamp` or a later one.
fn find_in(
    records: &FetchedRecords,
    timestamp: TimestampMs,
    log_start_offset: Offset,
) -> Result<Option<FoundOffset>, ErrorCode> {
    for batch in Batches::new(records.joined()) {
        let batch = batch.map_err(|_| ErrorCode::CorruptMessage)?;
        if batch
            .max_timestamp()
            .is_some_and(|largest| largest >= timestamp)
            && let Some(found) = find_in_batch(&batch, timestamp, log_start_offset)?
        {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn find_in_batch(
    batch: &RecordBatch,
    timestamp: TimestampMs,
    log_start_offset: Offset,
) -> Result<Option<FoundOffset>, ErrorCode> {
    let corrupt = |_| ErrorCode::CorruptMessage;
    let records = batch.records(DECOMPRESSED_BYTES_MAX).map_err(corrupt)?;
    for record in &records {
        let record = record.map_err(corrupt)?;
        if record.timestamp >= timestamp && record.offset >= log_start_offset {
            return Ok(Some(FoundOffset {
                offset: record.offset,
                timestamp: record.timestamp,
                leader_epoch: batch.leader_epoch(),
            }));
        }
    }
    Ok(None)
}
