//! The 61 bytes at the front of a batch.

use crate::model::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, TimestampMs};
use crate::protocol::compression::Compression;

use super::BatchError;

/// The size of a batch without its records.
pub const HEADER_BYTES: usize = 61;

/// Base offset and batch length: what [`BatchHeader::batch_length`] does not count.
pub const LOG_OVERHEAD_BYTES: usize = 12;

/// The bytes needed to learn a batch's size and format.
pub const PREFIX_BYTES: usize = 17;

/// The only format that is written since Kafka 4 (KIP-724).
pub const MAGIC_V2: i8 = 2;

/// The epoch of a batch that no leader has stamped yet.
pub const NO_LEADER_EPOCH: i32 = -1;

/// The timestamp of a record that has none.
pub const NO_TIMESTAMP: i64 = -1;

/// The least length that any format can have, a record of format 0 without contents. Kafka takes
/// a smaller one for garbage before it looks at the format.
pub(super) const LENGTH_MIN: i32 = 14;

/// Where the part that the checksum covers begins. Base offset, leader epoch and the checksum
/// itself lie before it, so a leader stamps the first two without touching the third.
pub(super) const CRC_COVERS_FROM: usize = 21;

/// Who says when a record happened.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum TimestampType {
    /// The producer, per record.
    #[default]
    CreateTime,
    /// The leader, per batch: every record has the batch's largest timestamp.
    LogAppendTime,
}

/// The 16 bits of a batch's attributes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Attributes(pub i16);

impl Attributes {
    const COMPRESSION: i16 = 0b111;
    const LOG_APPEND_TIME: i16 = 1 << 3;
    const TRANSACTIONAL: i16 = 1 << 4;
    const CONTROL: i16 = 1 << 5;
    const DELETE_HORIZON: i16 = 1 << 6;

    /// The id in the compression's place, whether or not it is one of a [`Compression`].
    #[must_use]
    pub const fn compression_id(self) -> u8 {
        (self.0 & Self::COMPRESSION) as u8
    }

    /// How the records are compressed; `None` for an id that nobody defined.
    #[must_use]
    pub const fn compression(self) -> Option<Compression> {
        Compression::from_id(self.compression_id())
    }

    /// Who set the timestamps.
    #[must_use]
    pub const fn timestamp_type(self) -> TimestampType {
        if self.0 & Self::LOG_APPEND_TIME == 0 {
            TimestampType::CreateTime
        } else {
            TimestampType::LogAppendTime
        }
    }

    /// True if the records belong to a transaction.
    #[must_use]
    pub const fn is_transactional(self) -> bool {
        self.0 & Self::TRANSACTIONAL != 0
    }

    /// True if the records are Kafka's own marks and not data.
    #[must_use]
    pub const fn is_control(self) -> bool {
        self.0 & Self::CONTROL != 0
    }

    /// True if the base timestamp is the time from which tombstones may go (KIP-534).
    #[must_use]
    pub const fn has_delete_horizon(self) -> bool {
        self.0 & Self::DELETE_HORIZON != 0
    }

    /// The same with another compression.
    #[must_use]
    pub const fn with_compression(self, compression: Compression) -> Self {
        Self((self.0 & !Self::COMPRESSION) | compression.id() as i16)
    }

    /// The same with another origin of the timestamps.
    #[must_use]
    pub const fn with_timestamp_type(self, timestamp_type: TimestampType) -> Self {
        match timestamp_type {
            TimestampType::CreateTime => Self(self.0 & !Self::LOG_APPEND_TIME),
            TimestampType::LogAppendTime => Self(self.0 | Self::LOG_APPEND_TIME),
        }
    }

    /// The same as part of a transaction.
    #[must_use]
    pub const fn with_transactional(self) -> Self {
        Self(self.0 | Self::TRANSACTIONAL)
    }

    /// The same with or without a delete horizon in the place of the base timestamp.
    #[must_use]
    pub const fn with_delete_horizon(self, has_delete_horizon: bool) -> Self {
        if has_delete_horizon {
            Self(self.0 | Self::DELETE_HORIZON)
        } else {
            Self(self.0 & !Self::DELETE_HORIZON)
        }
    }

    /// The same as a control batch.
    #[must_use]
    pub const fn with_control(self) -> Self {
        Self(self.0 | Self::CONTROL)
    }
}

/// A batch's header as it is on the wire, where -1 stands for "none"; [`super::RecordBatch`] has
/// the same facts without sentinels.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BatchHeader {
    /// The offset of the first record, set by the leader.
    pub base_offset: Offset,
    /// The bytes that follow this field.
    pub batch_length: i32,
    /// The epoch of the leader that appended the batch, set by it.
    pub partition_leader_epoch: LeaderEpoch,
    /// CRC-32C of everything from the attributes on.
    pub crc: u32,
    /// Compression, origin of timestamps, transactional, control.
    pub attributes: Attributes,
    /// The last offset minus the base offset, kept when compaction removes records.
    pub last_offset_delta: i32,
    /// What the records' timestamps are relative to.
    pub base_timestamp: TimestampMs,
    /// The largest timestamp, or -1.
    pub max_timestamp: TimestampMs,
    /// The producer, or -1.
    pub producer_id: ProducerId,
    /// The producer's incarnation, or -1.
    pub producer_epoch: ProducerEpoch,
    /// The sequence number of the first record, or -1.
    pub base_sequence: i32,
    /// How many records there are.
    pub records_count: i32,
}

impl BatchHeader {
    /// The header at the front of `bytes`, of which only the format is judged.
    ///
    /// # Errors
    /// If there are fewer than [`HEADER_BYTES`], or the batch has another format than v2.
    pub fn decode(bytes: &[u8]) -> Result<Self, BatchError> {
        let header = bytes
            .first_chunk::<HEADER_BYTES>()
            .ok_or(BatchError::Truncated)?;
        let magic = header[16].cast_signed();
        if magic != MAGIC_V2 {
            return Err(BatchError::Magic(magic));
        }
        Ok(Self {
            base_offset: i64::from_be_bytes(part(header, 0)),
            batch_length: i32::from_be_bytes(part(header, 8)),
            partition_leader_epoch: i32::from_be_bytes(part(header, 12)),
            crc: u32::from_be_bytes(part(header, 17)),
            attributes: Attributes(i16::from_be_bytes(part(header, 21))),
            last_offset_delta: i32::from_be_bytes(part(header, 23)),
            base_timestamp: i64::from_be_bytes(part(header, 27)),
            max_timestamp: i64::from_be_bytes(part(header, 35)),
            producer_id: i64::from_be_bytes(part(header, 43)),
            producer_epoch: i16::from_be_bytes(part(header, 51)),
            base_sequence: i32::from_be_bytes(part(header, 53)),
            records_count: i32::from_be_bytes(part(header, 57)),
        })
    }

    /// The header's bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&self.base_offset.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.batch_length.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.partition_leader_epoch.to_be_bytes());
        bytes[16] = MAGIC_V2.cast_unsigned();
        bytes[17..21].copy_from_slice(&self.crc.to_be_bytes());
        bytes[21..23].copy_from_slice(&self.attributes.0.to_be_bytes());
        bytes[23..27].copy_from_slice(&self.last_offset_delta.to_be_bytes());
        bytes[27..35].copy_from_slice(&self.base_timestamp.to_be_bytes());
        bytes[35..43].copy_from_slice(&self.max_timestamp.to_be_bytes());
        bytes[43..51].copy_from_slice(&self.producer_id.to_be_bytes());
        bytes[51..53].copy_from_slice(&self.producer_epoch.to_be_bytes());
        bytes[53..57].copy_from_slice(&self.base_sequence.to_be_bytes());
        bytes[57..].copy_from_slice(&self.records_count.to_be_bytes());
        bytes
    }

    /// The checksum over this header and `body`.
    #[must_use]
    pub fn compute_crc(&self, body: &[u8]) -> u32 {
        crc32c::crc32c_append(self.begin_crc(), body)
    }

    /// The checksum over this header, which the body is appended to.
    #[must_use]
    pub fn begin_crc(&self) -> u32 {
        crc32c::crc32c(&self.encode()[CRC_COVERS_FROM..])
    }
}

/// `N` bytes from `at`, which lie within the header by construction.
fn part<const N: usize>(header: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    std::array::from_fn(|index| header[at + index])
}
