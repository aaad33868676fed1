//! Making a batch, record by record.

use bytes::Bytes;

use crate::model::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, TimestampMs};
use crate::protocol::compression::Compression;

use super::batch::batch_length;
use super::header::{Attributes, BatchHeader, HEADER_BYTES, TimestampType};
use super::varint::{put_varint, put_varlong, varlong_bytes};
use super::{ControlType, NO_LEADER_EPOCH, NO_TIMESTAMP, RecordBatch};

/// Makes a batch of records with dense offsets.
///
/// ```
/// use forebay::protocol::record_batch::RecordBatchBuilder;
/// let mut builder = RecordBatchBuilder::new();
/// builder.append(1_700_000_000_000, Some(b"key"), Some(b"value"), &[]);
/// let batch = builder.finish();
/// assert_eq!(batch.records_count(), 1);
/// ```
#[derive(Clone, Debug)]
pub struct RecordBatchBuilder {
    header: BatchHeader,
    compression: Compression,
    level: Option<i32>,
    body: Vec<u8>,
}

impl Default for RecordBatchBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl RecordBatchBuilder {
    /// An empty batch at offset zero: uncompressed, of no producer and no leader.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            header: BatchHeader {
                base_offset: 0,
                batch_length: 0,
                partition_leader_epoch: NO_LEADER_EPOCH,
                crc: 0,
                attributes: Attributes(0),
                last_offset_delta: -1,
                base_timestamp: NO_TIMESTAMP,
                max_timestamp: NO_TIMESTAMP,
                producer_id: -1,
                producer_epoch: -1,
                base_sequence: -1,
                records_count: 0,
            },
            compression: Compression::None,
            level: None,
            body: Vec::new(),
        }
    }

    /// Compress the records when the batch is finished; `level` as in [`Compression::compress`].
    #[must_use]
    pub const fn compression(mut self, compression: Compression, level: Option<i32>) -> Self {
        self.compression = compression;
        self.level = level;
        self
    }

    /// The place in the log, if it is known already.
    #[must_use]
    pub const fn place(mut self, base_offset: Offset, leader_epoch: LeaderEpoch) -> Self {
        self.header.base_offset = base_offset;
        self.header.partition_leader_epoch = leader_epoch;
        self
    }

    /// The idempotent producer; markers of a transaction have no sequence.
    #[must_use]
    pub const fn producer(
        mut self,
        id: ProducerId,
        epoch: ProducerEpoch,
        base_sequence: Option<i32>,
    ) -> Self {
        self.header.producer_id = id;
        self.header.producer_epoch = epoch;
        self.header.base_sequence = match base_sequence {
            Some(sequence) => sequence,
            None => -1,
        };
        self
    }

    /// Make the records part of a transaction.
    #[must_use]
    pub const fn transactional(mut self) -> Self {
        self.header.attributes = self.header.attributes.with_transactional();
        self
    }

    /// Make the batch a control batch.
    #[must_use]
    pub const fn control(mut self) -> Self {
        self.header.attributes = self.header.attributes.with_control();
        self
    }

    /// How many records were appended.
    #[must_use]
    pub fn records_count(&self) -> u32 {
        u32::try_from(self.header.records_count).expect("the count starts at zero and grows")
    }

    /// The batch's size so far, before compression.
    #[must_use]
    pub const fn size_bytes(&self) -> usize {
        HEADER_BYTES + self.body.len()
    }

    /// Append a record with the next offset. Headers are pairs of key and value.
    ///
    /// # Panics
    /// If the batch grows beyond 2 GiB: who appends looks at [`Self::size_bytes`].
    pub fn append(
        &mut self,
        timestamp: TimestampMs,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&[u8], Option<&[u8]>)],
    ) {
        if self.header.records_count == 0 {
            self.header.base_timestamp = timestamp;
        }
        let offset_delta = self.header.records_count;
        let record = NewRecord {
            timestamp_delta: timestamp.wrapping_sub(self.header.base_timestamp),
            offset_delta,
            key,
            value,
            headers: headers.iter().copied(),
        };
        put_record(record, &mut self.body);
        self.header.max_timestamp = self.header.max_timestamp.max(timestamp);
        self.header.last_offset_delta = offset_delta;
        self.header.records_count += 1;
    }

    /// Append a record of a control batch.
    pub fn append_control(&mut self, timestamp: TimestampMs, kind: ControlType, value: &[u8]) {
        assert!(
            self.header.attributes.is_control(),
            "control records lie in control batches"
        );
        self.append(timestamp, Some(&kind.encode_key()), Some(value), &[]);
    }

    /// The finished batch.
    ///
    /// # Panics
    /// If nothing was appended: only compaction leaves empty batches.
    #[must_use]
    pub fn finish(self) -> RecordBatch {
        self.finish_with(TimestampType::CreateTime, None)
    }

    /// The finished batch, of which every record happened at `log_append_time`.
    #[must_use]
    pub fn finish_at(self, log_append_time: TimestampMs) -> RecordBatch {
        self.finish_with(TimestampType::LogAppendTime, Some(log_append_time))
    }

    fn finish_with(
        self,
        timestamp_type: TimestampType,
        log_append_time: Option<TimestampMs>,
    ) -> RecordBatch {
        assert!(
            self.header.records_count > 0,
            "a batch holds at least one record"
        );
        let body = match self.compression {
            Compression::None => Bytes::from(self.body),
            compression => Bytes::from(compression.compress(self.level, &self.body)),
        };
        let mut header = self.header;
        header.attributes = header
            .attributes
            .with_compression(self.compression)
            .with_timestamp_type(timestamp_type);
        header.max_timestamp = log_append_time.unwrap_or(header.max_timestamp);
        header.batch_length = batch_length(body.len()).expect("a batch stays below 2 GiB");
        header.crc = header.compute_crc(&body);
        RecordBatch::new(header, body)
    }
}

/// A record that is to be encoded; deltas are relative to its batch.
pub(super) struct NewRecord<'a, H> {
    pub(super) timestamp_delta: i64,
    pub(super) offset_delta: i32,
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: Option<&'a [u8]>,
    pub(super) headers: H,
}

/// Append `record` to the body of a batch.
///
/// # Panics
/// If the batch grows beyond 2 GiB.
pub(super) fn put_record<'a, H>(record: NewRecord<'a, H>, body: &mut Vec<u8>)
where
    H: ExactSizeIterator<Item = (&'a [u8], Option<&'a [u8]>)> + Clone,
{
    let headers_count = length_of(record.headers.len());
    let size = 1
        + varlong_bytes(record.timestamp_delta)
        + varlong_bytes(i64::from(record.offset_delta))
        + nullable_size(record.key)
        + nullable_size(record.value)
        + varlong_bytes(i64::from(headers_count))
        + record
            .headers
            .clone()
            .map(|(key, value)| nullable_size(Some(key)) + nullable_size(value))
            .sum::<usize>();
    assert!(
        batch_length(body.len() + size + 5).is_some(),
        "a batch stays below 2 GiB"
    );
    put_varint(length_of(size), body);
    let start = body.len();
    body.push(0);
    put_varlong(record.timestamp_delta, body);
    put_varint(record.offset_delta, body);
    put_nullable(record.key, body);
    put_nullable(record.value, body);
    put_varint(headers_count, body);
    for (key, value) in record.headers {
        put_nullable(Some(key), body);
        put_nullable(value, body);
    }
    assert!(body.len() - start == size, "a record is as long as it says");
}

fn length_of(length: usize) -> i32 {
    i32::try_from(length).expect("a batch stays below 2 GiB")
}

fn nullable_size(bytes: Option<&[u8]>) -> usize {
    bytes.map_or(1, |bytes| {
        varlong_bytes(i64::from(length_of(bytes.len()))) + bytes.len()
    })
}

fn put_nullable(bytes: Option<&[u8]>, output: &mut Vec<u8>) {
    match bytes {
        None => put_varint(-1, output),
        Some(bytes) => {
            put_varint(length_of(bytes.len()), output);
            output.extend_from_slice(bytes);
        }
    }
}
