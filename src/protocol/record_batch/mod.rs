//! Record batches, format v2: what producers send, what lies on disk, what consumers read.
//!
//! Owns: the header ([`BatchHeader`]), a batch as header and body ([`RecordBatch`]), cutting bytes
//! into batches ([`Batches`]), reading records ([`Records`]), making batches
//! ([`RecordBatchBuilder`]), the records of control batches.
//! Promises: a batch that is received is never copied to be stamped, only its header is; nothing
//! here panics on bytes from network or disk; records are read without an allocation each.
//! Knows nothing of: partitions, producers' state, whether a batch may be appended
//! (`log::validation` knows).
//! Start at [`RecordBatch`].

mod batch;
mod batches;
mod builder;
mod control;
mod header;
mod record;
mod varint;

#[cfg(test)]
mod tests;

use std::fmt;

use super::compression::CompressionError;

pub use batch::{RecordBatch, sequence_after};
pub use batches::Batches;
pub use builder::RecordBatchBuilder;
pub use control::{ControlType, EndTransactionMarker};
pub use header::{
    Attributes, BatchHeader, HEADER_BYTES, LOG_OVERHEAD_BYTES, MAGIC_V2, PREFIX_BYTES,
    TimestampType,
};
pub use record::{Record, RecordHeader, RecordHeaders, RecordIterator, Records};

/// The epoch of a batch that no leader has stamped yet.
pub const NO_LEADER_EPOCH: i32 = -1;

/// The timestamp of a record that has none.
pub const NO_TIMESTAMP: i64 = -1;

/// What is wrong with bytes that should be record batches.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BatchError {
    /// The bytes end inside a batch.
    Truncated,
    /// The batch claims a length that no batch has.
    Length(i32),
    /// The batch is in this other format; 0 and 1 existed before Kafka 0.11.
    Magic(i8),
    /// The checksum does not match.
    Crc { stored: u32, computed: u32 },
    /// Nobody defined the compression of this id.
    CompressionId(u8),
    /// The records cannot be decompressed.
    Compression(CompressionError),
    /// The records are not what the header says, or not records; the text says how.
    Records(&'static str),
}

impl fmt::Display for BatchError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => formatter.write_str("the bytes end inside a batch"),
            Self::Length(length) => write!(formatter, "no batch has a length of {length}"),
            Self::Magic(magic) => write!(formatter, "the batch has format {magic}, not 2"),
            Self::Crc { stored, computed } => write!(
                formatter,
                "the batch has checksum {stored:08x} but its bytes have {computed:08x}"
            ),
            Self::CompressionId(id) => write!(formatter, "there is no compression {id}"),
            Self::Compression(error) => error.fmt(formatter),
            Self::Records(reason) => formatter.write_str(reason),
        }
    }
}

impl From<CompressionError> for BatchError {
    fn from(error: CompressionError) -> Self {
        Self::Compression(error)
    }
}
