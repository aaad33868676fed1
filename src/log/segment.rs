//! One segment: a run of offsets, its file, its indexes, and what has yet to reach the disk.

use bytes::Bytes;

use crate::model::{Offset, TimestampMs};
use crate::protocol::record_batch::RecordBatch;
use crate::stdx::Instant;

use super::offset_index::{OffsetIndex, relative_offset};
use super::resume_point::LastBatch;
use super::storage::FileId;
use super::time_index::{TimeIndex, TimestampOffset};

/// Whether a segment's file is open.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum SegmentFile {
    Closed,
    Opening(FileId),
    Open(FileId),
}

/// An index that may be on the disk only.
#[derive(Clone, Debug)]
pub(super) enum Index<T> {
    OnDisk,
    Loading,
    Loaded(T),
}

impl<T> Index<T> {
    pub(super) const fn loaded(&self) -> Option<&T> {
        match self {
            Self::Loaded(index) => Some(index),
            Self::OnDisk | Self::Loading => None,
        }
    }
}

/// The largest timestamp of a segment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Largest {
    /// The time index, which says it, is not loaded.
    Unknown,
    /// This, or no record has a timestamp.
    Known(Option<TimestampOffset>),
}

/// Whether the largest timestamp is that of the batch that the time index names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Times {
    /// It is, or was found in the batches themselves.
    Proven,
    /// This is what a file says.
    Unproven(TimestampOffset),
    /// The batch is being read.
    BeingProven,
}

/// What a writer waits for.
#[derive(Clone, Debug)]
pub(super) enum WriterWait {
    Nothing,
    /// The name of a file that was another segment's.
    Recycling,
    /// Removal of index files that are about to become wrong.
    IndexRemoval,
    /// The partial block at the end of what is on the disk.
    Tail,
    /// A write; with it, the file ends at `end`, its last partial block is `tail`, and everything
    /// below `end_offset` is durable.
    Write {
        end: u64,
        end_offset: Offset,
        tail: Bytes,
    },
    /// The cut to the exact size.
    Cut,
    /// This many files beside the segment.
    Files(usize),
    /// The offset index, whose presence says that the segment is sealed.
    Seal,
}

/// How a segment's file grows. A segment has one until it is sealed.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    /// False until the file has been made.
    pub(super) exists: bool,
    /// True while the disk has just what a sealed segment has: nothing was appended since.
    pub(super) is_sealed_on_disk: bool,
    /// How much of the file is durable.
    pub(super) written_end: u64,
    /// The bytes of the partial block before `written_end`; `None` if they must be read first.
    pub(super) tail: Option<Bytes>,
    /// The length of the file; what lies behind the records is reserved.
    pub(super) allocated: u64,
    pub(super) is_allocating: bool,
    pub(super) wait: WriterWait,
    /// How far sealing has come: cut, files, index.
    pub(super) sealed_steps: u8,
    /// The producers' state behind the segment, kept from when it was rolled.
    pub(super) snapshot: Option<(Offset, Bytes)>,
}

impl Writer {
    /// Of a segment that has no file yet.
    pub(super) const fn of_new_file() -> Self {
        Self {
            exists: false,
            is_sealed_on_disk: false,
            written_end: 0,
            tail: Some(Bytes::new()),
            allocated: 0,
            is_allocating: false,
            wait: WriterWait::Nothing,
            sealed_steps: 0,
            snapshot: None,
        }
    }

    /// Of a segment whose file holds just `length` bytes of records.
    pub(super) const fn of_file(length: u64, is_sealed_on_disk: bool) -> Self {
        Self {
            exists: true,
            is_sealed_on_disk,
            written_end: length,
            tail: None,
            allocated: length,
            is_allocating: false,
            wait: WriterWait::Nothing,
            sealed_steps: 0,
            snapshot: None,
        }
    }
}

/// A run of offsets and its file.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) base_offset: Offset,
    /// Bytes of records, those included that are not on the disk yet.
    pub(super) length: u64,
    /// When the segment was begun, for a roll by time where records have no timestamps.
    pub(super) created_ms: i64,
    /// When it was last appended to.
    pub(super) modified_ms: i64,
    /// The largest timestamp of the first batch.
    pub(super) first_timestamp: Option<TimestampMs>,
    pub(super) largest: Largest,
    pub(super) offset_index: Index<OffsetIndex>,
    pub(super) time_index: Index<TimeIndex>,
    pub(super) times: Times,
    /// True once an index was found to be wrong, until both are made anew.
    pub(super) is_doubtful: bool,
    /// True if both were made anew.
    pub(super) is_reindexed: bool,
    pub(super) bytes_since_index_entry: u64,
    /// The batch at its end, if it was appended to or read up to there.
    pub(super) last_batch: Option<LastBatch>,
    pub(super) file: SegmentFile,
    /// True if there is an index of aborted transactions beside it.
    pub(super) has_transaction_index: bool,
    pub(super) reads_in_flight: u32,
    /// True while a cleaned segment takes its place: reads wait for that one.
    pub(super) is_being_replaced: bool,
    pub(super) last_used: Instant,
    pub(super) writer: Option<Box<Writer>>,
}

impl Segment {
    pub(super) fn new(base_offset: Offset, now_ms: i64) -> Self {
        Self {
            base_offset,
            length: 0,
            created_ms: now_ms,
            modified_ms: now_ms,
            first_timestamp: None,
            largest: Largest::Known(None),
            offset_index: Index::Loaded(OffsetIndex::default()),
            time_index: Index::Loaded(TimeIndex::default()),
            times: Times::Proven,
            is_doubtful: false,
            is_reindexed: false,
            bytes_since_index_entry: 0,
            last_batch: None,
            file: SegmentFile::Closed,
            has_transaction_index: false,
            reads_in_flight: 0,
            is_being_replaced: false,
            last_used: Instant::default(),
            writer: Some(Box::new(Writer::of_new_file())),
        }
    }

    /// A segment that is whole on the disk and not looked into.
    pub(super) fn sealed(base_offset: Offset, length: u64, modified_ms: i64) -> Self {
        Self {
            length,
            largest: Largest::Unknown,
            offset_index: Index::OnDisk,
            time_index: Index::OnDisk,
            writer: None,
            ..Self::new(base_offset, modified_ms)
        }
    }

    /// Note a batch that was put at the end.
    pub(super) fn on_batch(&mut self, batch: &RecordBatch, index_interval_bytes: u32) {
        if self.length == 0 {
            self.first_timestamp = batch.max_timestamp();
        }
        if let Some(timestamp) = batch.max_timestamp()
            && let Largest::Known(largest) = &mut self.largest
            && largest.is_none_or(|largest| timestamp > largest.timestamp)
        {
            *largest = Some(TimestampOffset {
                timestamp,
                offset: batch.last_offset(),
            });
        }
        if self.bytes_since_index_entry > u64::from(index_interval_bytes) {
            self.push_index_entries(batch.last_offset());
            self.bytes_since_index_entry = 0;
        }
        self.last_batch = Some(LastBatch {
            position: self.length,
            base_offset: batch.base_offset(),
            crc: batch.header().crc,
        });
        self.length += batch.size_bytes() as u64;
        self.bytes_since_index_entry += batch.size_bytes() as u64;
    }

    fn push_index_entries(&mut self, last_offset: Offset) {
        let relative = relative_offset(last_offset, self.base_offset);
        if let Index::Loaded(index) = &mut self.offset_index
            && let (Some(relative), Ok(position)) = (relative, u32::try_from(self.length))
        {
            index.push(relative, position);
        }
        if let Index::Loaded(index) = &mut self.time_index
            && let Largest::Known(Some(largest)) = self.largest
            && let Some(relative) = relative_offset(largest.offset, self.base_offset)
        {
            index.push(largest.timestamp, relative);
        }
    }

    /// Kafka's `.timeindex` file of a segment that was written here.
    pub(super) fn encode_time_index(&self) -> Bytes {
        let Largest::Known(largest) = self.largest else {
            unreachable!("a segment that is written knows its timestamps")
        };
        let index = self.time_index.loaded();
        let index = index.expect("a segment that is written has indexes");
        index.encode(self.base_offset, largest)
    }

    /// Kafka's `.index` file of a segment that was written here.
    pub(super) fn encode_offset_index(&self) -> Bytes {
        let index = self.offset_index.loaded();
        let index = index.expect("a segment that is written has indexes");
        index.encode()
    }

    pub(super) const fn open_file(&self) -> Option<FileId> {
        match self.file {
            SegmentFile::Open(file) => Some(file),
            SegmentFile::Closed | SegmentFile::Opening(_) => None,
        }
    }

    /// The largest timestamp, as retention sees it: a segment without any counts from its last
    /// append. `None` if the time index must be asked.
    pub(super) fn retention_timestamp(&self) -> Option<TimestampMs> {
        match self.largest {
            Largest::Unknown => None,
            Largest::Known(largest) => {
                Some(largest.map_or(self.modified_ms, |largest| largest.timestamp))
            }
        }
    }
}
