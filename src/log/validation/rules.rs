//! What is asked of a batch, and what is known of one that passed.

use crate::config::{self, CompressionType, TopicConfig};
use crate::model::TimestampMs;
use crate::protocol::compression::Compression;
use crate::protocol::record_batch::{RecordBatch, TimestampType};

/// The most bytes that the records of one batch may have when decompressed; a shard with little
/// memory takes less from a client ([`ProduceRules::decompressed_bytes_max`]).
///
/// Kafka has no such bound. Ours is what a client may send at once (`socket.request.max.bytes`,
/// 100 MiB): whoever could not have sent the records uncompressed in any way has no claim that
/// compressing them makes room. A client is told that the batch is too large, and then splits it.
pub const DECOMPRESSED_BYTES_MAX: usize = 100 << 20;

/// Who appends; it decides how much is trusted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// A client, with the version of its Produce request.
    Client { produce_version: i16 },
    /// A coordinator of this broker: markers of transactions, offsets, group states.
    Coordinator,
    /// The partition's leader, which validated and stamped already.
    Replication,
}

/// What a topic's settings ask of a batch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ProduceRules {
    /// `max.message.bytes`.
    pub message_bytes_max: usize,
    /// `segment.bytes`: no batch may exceed a segment.
    pub segment_bytes: usize,
    /// `message.timestamp.type`.
    pub timestamp_type: TimestampType,
    /// `message.timestamp.before.max.ms`.
    pub timestamp_before_ms_max: i64,
    /// `message.timestamp.after.max.ms`.
    pub timestamp_after_ms_max: i64,
    /// `compression.type`; `None` is `producer`: as it came.
    pub compression: Option<Compression>,
    /// `compression.<compression>.level`; `None` for its default.
    pub compression_level: Option<i32>,
    /// True if `cleanup.policy` contains `compact`.
    pub is_compacted: bool,
    /// What the records may have when decompressed, at most [`DECOMPRESSED_BYTES_MAX`].
    pub decompressed_bytes_max: usize,
}

impl ProduceRules {
    /// What these settings of a topic ask.
    #[must_use]
    pub fn of_topic(topic: &TopicConfig) -> Self {
        let (compression, compression_level) = match topic.compression_type {
            CompressionType::Producer => (None, None),
            CompressionType::Uncompressed => (Some(Compression::None), None),
            CompressionType::Gzip => (Some(Compression::Gzip), Some(topic.compression_gzip_level)),
            CompressionType::Snappy => (Some(Compression::Snappy), None),
            CompressionType::Lz4 => (Some(Compression::Lz4), Some(topic.compression_lz4_level)),
            CompressionType::Zstd => (Some(Compression::Zstd), Some(topic.compression_zstd_level)),
        };
        Self {
            message_bytes_max: usize::try_from(topic.max_message_bytes).unwrap_or(0),
            segment_bytes: usize::try_from(topic.segment_bytes).unwrap_or(0),
            timestamp_type: match topic.message_timestamp_type {
                config::TimestampType::CreateTime => TimestampType::CreateTime,
                config::TimestampType::LogAppendTime => TimestampType::LogAppendTime,
            },
            timestamp_before_ms_max: topic.message_timestamp_before_max_ms,
            timestamp_after_ms_max: topic.message_timestamp_after_max_ms,
            compression,
            compression_level,
            is_compacted: topic.cleanup_policy.compact,
            decompressed_bytes_max: DECOMPRESSED_BYTES_MAX,
        }
    }
}

/// A batch that may be appended, and what was learnt on the way.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ValidatedBatch {
    /// The batch to append, at offset zero until it is stamped.
    pub batch: RecordBatch,
    /// The bytes of its records as they were decompressed; zero where they were not.
    pub decompressed_bytes: usize,
    /// How many records it has, at least one unless it was replicated.
    pub records_count: u32,
    /// The largest timestamp; `None` if no record has one.
    pub max_timestamp: Option<TimestampMs>,
    /// The first record with that timestamp, relative to the batch's base offset; `None` for a
    /// replicated batch, whose records are not looked at.
    pub max_timestamp_offset_delta: Option<i32>,
    /// The time that the leader gave the records, for the Produce response.
    pub log_append_time: Option<TimestampMs>,
}
