//! The four compressions of record batches, as Kafka's clients write and read them.
//!
//! Owns: [`Compression`] (ids, names, level ranges), compressing and decompressing of whole
//! buffers, the xerial framing of snappy.
//! Promises: output is bounded by what the caller allows, memory grows only with bytes that were
//! really produced, broken input is an error and never a panic.
//! Knows nothing of: records, batches, settings.
//! Start at [`Compression::decompress`].

mod codec;
mod kind;
mod snappy;

#[cfg(test)]
mod tests;

pub use kind::{Compression, CompressionError};
