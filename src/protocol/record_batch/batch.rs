//! One batch: a header that can be stamped, and a body that is never copied.

use bytes::Bytes;

use crate::model::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, TimestampMs};
use crate::protocol::compression::Compression;

use super::header::{BatchHeader, HEADER_BYTES, LOG_OVERHEAD_BYTES, TimestampType};
use super::{BatchError, NO_TIMESTAMP, RecordSet};

/// A v2 record batch in two parts: its header, decoded, and its records as they were received.
///
/// Base offset and leader epoch lie outside the checksum, so stamping them changes a few bytes of
/// the header and nothing else; the body stays a slice of the receive buffer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RecordBatch {
    header: BatchHeader,
    body: Bytes,
}

impl RecordBatch {
    /// The batch of `header` and `body`.
    ///
    /// # Panics
    /// If the header's length is not that of the body.
    #[must_use]
    pub fn new(header: BatchHeader, body: Bytes) -> Self {
        assert!(
            batch_length(body.len()) == Some(header.batch_length),
            "a batch's header counts the bytes of its body"
        );
        Self { header, body }
    }

    /// The only batch in `bytes`, which nothing may follow.
    ///
    /// # Errors
    /// If the bytes are not exactly one batch. The checksum is not looked at.
    pub fn decode(bytes: &Bytes) -> Result<Self, BatchError> {
        let header = BatchHeader::decode(bytes)?;
        let body = bytes.slice(HEADER_BYTES..);
        match batch_length(body.len()) {
            Some(length) if length == header.batch_length => Ok(Self { header, body }),
            Some(length) if length < header.batch_length => Err(BatchError::Truncated),
            _ => Err(BatchError::Length(header.batch_length)),
        }
    }

    /// The header as it is now.
    #[must_use]
    pub const fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// The records as they are on the wire, compressed or not.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// The offset of the first record.
    #[must_use]
    pub const fn base_offset(&self) -> Offset {
        self.header.base_offset
    }

    /// The offset of the last record, or what it was before compaction.
    #[must_use]
    pub const fn last_offset(&self) -> Offset {
        // Wraps instead of overflowing: nothing protects a base offset that is read from a disk.
        self.header
            .base_offset
            .wrapping_add(self.header.last_offset_delta as i64)
    }

    /// The offset of whatever follows the batch.
    #[must_use]
    pub const fn next_offset(&self) -> Offset {
        self.last_offset().wrapping_add(1)
    }

    /// The epoch of the leader that appended the batch; `None` if none has.
    #[must_use]
    pub fn leader_epoch(&self) -> Option<LeaderEpoch> {
        (self.header.partition_leader_epoch >= 0).then_some(self.header.partition_leader_epoch)
    }

    /// The size of header and body.
    #[must_use]
    pub const fn size_bytes(&self) -> usize {
        HEADER_BYTES + self.body.len()
    }

    /// How many records the header claims; never negative.
    #[must_use]
    pub fn records_count(&self) -> u32 {
        u32::try_from(self.header.records_count).unwrap_or(0)
    }

    /// The largest timestamp of a record; `None` if no record has one.
    #[must_use]
    pub fn max_timestamp(&self) -> Option<TimestampMs> {
        (self.header.max_timestamp != NO_TIMESTAMP).then_some(self.header.max_timestamp)
    }

    /// Who set the timestamps.
    #[must_use]
    pub const fn timestamp_type(&self) -> TimestampType {
        self.header.attributes.timestamp_type()
    }

    /// How the records are compressed; `None` for an id that nobody defined.
    #[must_use]
    pub const fn compression(&self) -> Option<Compression> {
        self.header.attributes.compression()
    }

    /// True if the records belong to a transaction.
    #[must_use]
    pub const fn is_transactional(&self) -> bool {
        self.header.attributes.is_transactional()
    }

    /// True if the records are marks and not data.
    #[must_use]
    pub const fn is_control(&self) -> bool {
        self.header.attributes.is_control()
    }

    /// The idempotent producer; `None` for one that is not.
    #[must_use]
    pub fn producer_id(&self) -> Option<ProducerId> {
        (self.header.producer_id >= 0).then_some(self.header.producer_id)
    }

    /// The producer's incarnation, meaningful only beside a producer id.
    #[must_use]
    pub const fn producer_epoch(&self) -> ProducerEpoch {
        self.header.producer_epoch
    }

    /// The sequence number of the first record; `None` where there is none, as in markers.
    #[must_use]
    pub fn base_sequence(&self) -> Option<i32> {
        (self.header.base_sequence >= 0).then_some(self.header.base_sequence)
    }

    /// The sequence number of the last record, which starts again at zero after `i32::MAX`.
    #[must_use]
    pub fn last_sequence(&self) -> Option<i32> {
        let last = self.header.last_offset_delta;
        self.base_sequence()
            .map(|base| sequence_after(base, last.max(0)))
    }

    /// The time from which the batch's tombstones may go; `None` if compaction set none (KIP-534).
    #[must_use]
    pub fn delete_horizon(&self) -> Option<TimestampMs> {
        self.header
            .attributes
            .has_delete_horizon()
            .then_some(self.header.base_timestamp)
    }

    /// Give the records their place in the log.
    pub const fn stamp(&mut self, base_offset: Offset, leader_epoch: LeaderEpoch) {
        self.header.base_offset = base_offset;
        self.header.partition_leader_epoch = leader_epoch;
    }

    /// Set who set the timestamps and the largest of them. Where this changes anything, the
    /// checksum is made anew over the whole batch.
    pub fn stamp_timestamp(&mut self, timestamp_type: TimestampType, max_timestamp: TimestampMs) {
        let attributes = self.header.attributes.with_timestamp_type(timestamp_type);
        if attributes == self.header.attributes && max_timestamp == self.header.max_timestamp {
            return;
        }
        self.header.attributes = attributes;
        self.header.max_timestamp = max_timestamp;
        self.header.crc = self.header.compute_crc(&self.body);
    }

    /// The same records with another body and compression, and a new checksum.
    ///
    /// # Errors
    /// [`BatchError::Length`] if the new body is larger than a batch can be.
    pub fn with_body(&self, compression: Compression, body: Bytes) -> Result<Self, BatchError> {
        let mut header = self.header;
        header.batch_length = batch_length(body.len()).ok_or(BatchError::Length(i32::MAX))?;
        header.attributes = header.attributes.with_compression(compression);
        header.crc = header.compute_crc(&body);
        Ok(Self { header, body })
    }

    /// Compare the checksum with the bytes.
    ///
    /// # Errors
    /// [`BatchError::Crc`] if they do not match.
    pub fn verify_crc(&self) -> Result<(), BatchError> {
        let (stored, computed) = (self.header.crc, self.header.compute_crc(&self.body));
        if stored == computed {
            Ok(())
        } else {
            Err(BatchError::Crc { stored, computed })
        }
    }

    /// The records, decompressed to at most `decompressed_bytes_max`.
    ///
    /// # Errors
    /// If the compression is unknown or its stream is broken or too large.
    pub fn records(&self, decompressed_bytes_max: usize) -> Result<RecordSet, BatchError> {
        RecordSet::of(self, decompressed_bytes_max)
    }

    /// The batch as two slices, the body uncopied.
    #[must_use]
    pub fn slices(&self) -> [Bytes; 2] {
        [
            Bytes::copy_from_slice(&self.header.encode()),
            self.body.clone(),
        ]
    }

    /// The batch as one slice; everything is copied.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut bytes = Vec::with_capacity(self.size_bytes());
        self.append_to(&mut bytes);
        Bytes::from(bytes)
    }

    /// Append the batch's bytes to `output`.
    pub fn append_to(&self, output: &mut Vec<u8>) {
        output.extend_from_slice(&self.header.encode());
        output.extend_from_slice(&self.body);
    }
}

/// The sequence number `count` after `sequence`: after `i32::MAX` comes zero.
///
/// # Panics
/// If a number is negative.
#[must_use]
pub fn sequence_after(sequence: i32, count: i32) -> i32 {
    assert!(
        sequence >= 0 && count >= 0,
        "sequence numbers count from zero"
    );
    let sum = i64::from(sequence) + i64::from(count);
    i32::try_from(sum % (i64::from(i32::MAX) + 1)).expect("the remainder is below 2^31")
}

/// The batch length that goes with a body of `body_bytes`; `None` if no batch can hold it.
pub(super) fn batch_length(body_bytes: usize) -> Option<i32> {
    i32::try_from(HEADER_BYTES - LOG_OVERHEAD_BYTES + body_bytes).ok()
}
