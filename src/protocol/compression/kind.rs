//! The compressions by id and name, and what can go wrong.

use std::fmt;
use std::ops::RangeInclusive;

use bytes::Bytes;

use super::{codec, snappy};

/// How the records of a batch are compressed: the lowest three bits of its attributes.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum Compression {
    #[default]
    None = 0,
    Gzip = 1,
    Snappy = 2,
    Lz4 = 3,
    /// Since KIP-110: a client must speak Produce 7 and Fetch 10 to see it.
    Zstd = 4,
}

impl Compression {
    /// Every compression, by id.
    pub const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    /// The compression of this id; `None` for the ids 5 to 7, which nobody defined.
    #[must_use]
    pub const fn from_id(id: u8) -> Option<Self> {
        match id {
            0 => Some(Self::None),
            1 => Some(Self::Gzip),
            2 => Some(Self::Snappy),
            3 => Some(Self::Lz4),
            4 => Some(Self::Zstd),
            _ => None,
        }
    }

    /// The id in a batch's attributes.
    #[must_use]
    pub const fn id(self) -> u8 {
        self as u8
    }

    /// The name in settings and tools.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }

    /// The compression of this name. `compression.type` also knows `producer` and `uncompressed`,
    /// which are no compressions: its reader deals with them.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|compression| compression.name() == name)
    }

    /// What `compression.<name>.level` may be; `None` where there is no such setting.
    #[must_use]
    pub const fn levels(self) -> Option<RangeInclusive<i32>> {
        match self {
            Self::None | Self::Snappy => None,
            // -1 means "the codec's default"; 0, which stores only, is not allowed by Kafka.
            Self::Gzip => Some(-1..=9),
            Self::Lz4 => Some(1..=17),
            Self::Zstd => Some(-131_072..=22),
        }
    }

    /// The default of `compression.<name>.level`.
    #[must_use]
    pub const fn level_default(self) -> Option<i32> {
        match self {
            Self::None | Self::Snappy => None,
            Self::Gzip => Some(-1),
            Self::Lz4 => Some(9),
            Self::Zstd => Some(3),
        }
    }

    /// `input`, compressed. `level` is the setting's value or `None` for its default; one out of
    /// [`Compression::levels`] is moved to the nearest in range. The level of lz4 has no effect:
    /// our encoder knows one, which is Kafka's 1 in speed and size.
    #[must_use]
    pub fn compress(self, level: Option<i32>, input: &[u8]) -> Vec<u8> {
        let level = match (level.or(self.level_default()), self.levels()) {
            (Some(level), Some(range)) => level.clamp(*range.start(), *range.end()),
            _ => 0,
        };
        match self {
            Self::None => input.to_vec(),
            Self::Gzip => codec::compress_gzip(level, input),
            Self::Snappy => snappy::compress(input),
            Self::Lz4 => codec::compress_lz4(input),
            Self::Zstd => codec::compress_zstd(level, input),
        }
    }

    /// What was compressed into `input`. Uncompressed input is returned as it is, uncopied.
    ///
    /// # Errors
    /// If the input is not a whole and valid stream of this compression, or holds more than
    /// `bytes_max` bytes.
    pub fn decompress(self, input: &Bytes, bytes_max: usize) -> Result<Bytes, CompressionError> {
        let output = match self {
            Self::None if input.len() <= bytes_max => return Ok(input.clone()),
            Self::None => return Err(CompressionError::TooLarge { bytes_max }),
            Self::Gzip => codec::decompress_gzip(input, bytes_max)?,
            Self::Snappy => snappy::decompress(input, bytes_max)?,
            Self::Lz4 => codec::decompress_lz4(input, bytes_max)?,
            Self::Zstd => codec::decompress_zstd(input, bytes_max)?,
        };
        assert!(
            output.len() <= bytes_max,
            "a codec stays within the bytes it was allowed"
        );
        Ok(Bytes::from(output))
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Why bytes could not be decompressed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CompressionError {
    /// The stream holds more than the caller allows.
    TooLarge { bytes_max: usize },
    /// The stream ends early.
    Truncated,
    /// The stream is not one of its compression.
    Corrupt,
}

impl fmt::Display for CompressionError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { bytes_max } => {
                write!(formatter, "more than {bytes_max} bytes when decompressed")
            }
            Self::Truncated => formatter.write_str("the compressed stream ends early"),
            Self::Corrupt => formatter.write_str("the compressed stream is broken"),
        }
    }
}
