//! What can be wrong with a batch.

use std::fmt;

use crate::protocol::compression::CompressionError;

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
    /// The size of a record is a number that does not end.
    EndlessSize,
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
            Self::EndlessSize => formatter.write_str("the size of a record does not end"),
            Self::Records(reason) => formatter.write_str(reason),
        }
    }
}

impl From<CompressionError> for BatchError {
    fn from(error: CompressionError) -> Self {
        Self::Compression(error)
    }
}
