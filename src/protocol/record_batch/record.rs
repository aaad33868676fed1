//! Reading the records of a batch, one after the other, borrowing from its body.

use bytes::Bytes;

use crate::model::{Offset, TimestampMs};

use super::header::TimestampType;
use super::varint::{Reader, VARINT_BYTES_MAX};
use super::{BatchError, RecordBatch};

/// One record, borrowed from the body of its batch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Record<'a> {
    /// The record's place in its partition.
    pub offset: Offset,
    /// The same, relative to the batch's base offset, as it is on the wire.
    pub offset_delta: i32,
    /// When it happened, in milliseconds since the Unix epoch, or -1 for unknown.
    pub timestamp: TimestampMs,
    /// What records are compacted and partitioned by.
    pub key: Option<&'a [u8]>,
    /// The contents; without them the record is a tombstone.
    pub value: Option<&'a [u8]>,
    /// The headers, read when asked for.
    pub headers: RecordHeaders<'a>,
}

/// A named value beside a record's contents.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RecordHeader<'a> {
    /// The name, UTF-8 by agreement but not by force.
    pub key: &'a [u8],
    /// The value.
    pub value: Option<&'a [u8]>,
}

/// The headers of a record, in their order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RecordHeaders<'a> {
    count: usize,
    bytes: &'a [u8],
}

impl<'a> RecordHeaders<'a> {
    /// How many headers there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// True if there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The headers.
    pub fn iter(&self) -> impl Iterator<Item = RecordHeader<'a>> + use<'a> {
        let mut reader = Reader::new(self.bytes);
        // They were walked when the record was read, so each of them is there.
        (0..self.count).map_while(move |_| decode_header(&mut reader).ok())
    }
}

/// The records of one batch, decompressed.
#[derive(Clone, Debug)]
pub struct RecordSet {
    body: Bytes,
    base_offset: Offset,
    base_timestamp: TimestampMs,
    /// What every record's timestamp is, if the leader set it.
    log_append_time: Option<TimestampMs>,
    count: i32,
}

impl RecordSet {
    pub(super) fn of(
        batch: &RecordBatch,
        decompressed_bytes_max: usize,
    ) -> Result<Self, BatchError> {
        let header = batch.header();
        let compression = header
            .attributes
            .compression()
            .ok_or(BatchError::CompressionId(
                header.attributes.compression_id(),
            ))?;
        let log_append_time = match header.attributes.timestamp_type() {
            TimestampType::CreateTime => None,
            TimestampType::LogAppendTime => Some(header.max_timestamp),
        };
        Ok(Self {
            body: compression.decompress(batch.body(), decompressed_bytes_max)?,
            base_offset: header.base_offset,
            base_timestamp: header.base_timestamp,
            log_append_time,
            count: header.records_count,
        })
    }

    /// The records' bytes, decompressed.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// The records. The iterator ends after the first error; it is an error too if the bytes hold
    /// more or fewer records than the header says.
    #[must_use]
    pub fn iter(&self) -> RecordIterator<'_> {
        RecordIterator {
            records: self,
            reader: Reader::new(&self.body),
            next_index: 0,
            has_ended: false,
        }
    }

    /// A key or value of these records as a slice that shares the body's memory and keeps it.
    #[must_use]
    pub fn share(&self, part: &[u8]) -> Bytes {
        self.body.slice_ref(part)
    }
}

impl<'a> IntoIterator for &'a RecordSet {
    type Item = Result<Record<'a>, BatchError>;
    type IntoIter = RecordIterator<'a>;

    fn into_iter(self) -> RecordIterator<'a> {
        self.iter()
    }
}

/// Reads one record after the other.
#[derive(Clone, Debug)]
pub struct RecordIterator<'a> {
    records: &'a RecordSet,
    reader: Reader<'a>,
    next_index: i32,
    has_ended: bool,
}

impl<'a> RecordIterator<'a> {
    fn decode_next(&mut self) -> Result<Option<Record<'a>>, BatchError> {
        let records = self.records;
        if records.count < 0 {
            return Err(BatchError::Records("the count of records is negative"));
        }
        if self.next_index == records.count {
            return match self.reader.remaining() {
                0 => Ok(None),
                _ => Err(BatchError::Records("bytes follow the last record")),
            };
        }
        self.next_index += 1;
        let fields = decode_record(&mut self.reader)?;
        Ok(Some(Record {
            // Deltas are the producer's: what overflows wraps, as in Java.
            offset: records
                .base_offset
                .wrapping_add(i64::from(fields.offset_delta)),
            offset_delta: fields.offset_delta,
            timestamp: records
                .log_append_time
                .unwrap_or_else(|| records.base_timestamp.wrapping_add(fields.timestamp_delta)),
            key: fields.key,
            value: fields.value,
            headers: fields.headers,
        }))
    }
}

impl<'a> Iterator for RecordIterator<'a> {
    type Item = Result<Record<'a>, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let item = self.decode_next().transpose();
        self.has_ended = !matches!(item, Some(Ok(_)));
        item
    }
}

/// A record's fields as they are on the wire.
struct RecordFields<'a> {
    timestamp_delta: i64,
    offset_delta: i32,
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
    headers: RecordHeaders<'a>,
}

const ENDS_EARLY: BatchError = BatchError::Records("a record ends early");

fn decode_record<'a>(batch: &mut Reader<'a>) -> Result<RecordFields<'a>, BatchError> {
    let is_cut_off = batch.remaining() < VARINT_BYTES_MAX;
    let size = batch.varint().ok_or(if is_cut_off {
        ENDS_EARLY
    } else {
        BatchError::EndlessSize
    })?;
    let size = usize::try_from(size)
        .map_err(|_| BatchError::Records("the size of a record is negative"))?;
    let mut record = Reader::new(batch.take(size).ok_or(ENDS_EARLY)?);
    // The attributes of a record mean nothing yet.
    record.byte().ok_or(ENDS_EARLY)?;
    let timestamp_delta = record.varlong().ok_or(ENDS_EARLY)?;
    let offset_delta = record.varint().ok_or(ENDS_EARLY)?;
    let key = record.nullable_bytes().ok_or(ENDS_EARLY)?;
    let value = record.nullable_bytes().ok_or(ENDS_EARLY)?;
    let count = record.varint().ok_or(ENDS_EARLY)?;
    let count = usize::try_from(count)
        .map_err(|_| BatchError::Records("the count of headers is negative"))?;
    let headers = RecordHeaders {
        count,
        bytes: record.rest(),
    };
    // Ends at the first header that is not there, so a claimed count costs nothing.
    for _ in 0..count {
        decode_header(&mut record)?;
    }
    if record.remaining() > 0 {
        return Err(BatchError::Records("a record is longer than its fields"));
    }
    Ok(RecordFields {
        timestamp_delta,
        offset_delta,
        key,
        value,
        headers,
    })
}

fn decode_header<'a>(record: &mut Reader<'a>) -> Result<RecordHeader<'a>, BatchError> {
    Ok(RecordHeader {
        key: record
            .nullable_bytes()
            .ok_or(ENDS_EARLY)?
            .ok_or(BatchError::Records("a header has no key"))?,
        value: record.nullable_bytes().ok_or(ENDS_EARLY)?,
    })
}
