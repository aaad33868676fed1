//! Cutting bytes into batches: a produce payload, a fetched range, a piece of a segment file.

use bytes::Bytes;

use super::header::{
    BatchHeader, HEADER_BYTES, LENGTH_MIN, LOG_OVERHEAD_BYTES, MAGIC_V2, PREFIX_BYTES,
};
use super::{BatchError, RecordBatch};

/// Cuts bytes into batches without copying them. Checksums are not looked at.
///
/// As an iterator it yields every batch, then one error if bytes remain that are none, then ends.
/// Who scans a log calls [`Batches::next_whole`], for which a batch cut off by the end of the
/// bytes is no error: [`Batches::position`] says where to read on.
#[derive(Clone, Debug)]
pub struct Batches {
    bytes: Bytes,
    position: usize,
    has_failed: bool,
}

impl Batches {
    /// The batches in `bytes`.
    #[must_use]
    pub const fn new(bytes: Bytes) -> Self {
        Self {
            bytes,
            position: 0,
            has_failed: false,
        }
    }

    /// How many bytes the batches so far took: where the next one starts.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }

    /// The bytes from there on.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.position
    }

    /// The size of the batch at the position, once enough of it is there to tell.
    ///
    /// # Errors
    /// If no batch starts there.
    pub fn next_size(&self) -> Result<Option<usize>, BatchError> {
        let rest = &self.bytes[self.position..];
        let Some(prefix) = rest.first_chunk::<LOG_OVERHEAD_BYTES>() else {
            return Ok(None);
        };
        let [.., a, b, c, d] = *prefix;
        let length = i32::from_be_bytes([a, b, c, d]);
        if length < LENGTH_MIN {
            return Err(BatchError::Length(length));
        }
        let Some(magic) = rest.get(PREFIX_BYTES - 1) else {
            return Ok(None);
        };
        let size = LOG_OVERHEAD_BYTES
            + usize::try_from(length).expect("a length above the least is not negative");
        match magic.cast_signed() {
            MAGIC_V2 if size < HEADER_BYTES => Err(BatchError::Length(length)),
            MAGIC_V2 => Ok(Some(size)),
            other => Err(BatchError::Magic(other)),
        }
    }

    /// The next batch, or `None` where the bytes end, also if they end inside a batch.
    ///
    /// # Errors
    /// If no batch starts at the position, which then stays there.
    pub fn next_whole(&mut self) -> Result<Option<RecordBatch>, BatchError> {
        let Some(size) = self.next_size()? else {
            return Ok(None);
        };
        if size > self.remaining() {
            return Ok(None);
        }
        let start = self.position;
        let header = BatchHeader::decode(&self.bytes[start..])?;
        let body = self.bytes.slice(start + HEADER_BYTES..start + size);
        self.position += size;
        Ok(Some(RecordBatch::new(header, body)))
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_failed {
            return None;
        }
        let item = match self.next_whole() {
            Ok(Some(batch)) => return Some(Ok(batch)),
            Ok(None) if self.remaining() == 0 => return None,
            Ok(None) => Err(BatchError::Truncated),
            Err(error) => Err(error),
        };
        self.has_failed = true;
        Some(item)
    }
}
