//! Looking at bytes that come from a segment file, and trusting none of them.

use bytes::Bytes;

use crate::model::Offset;
use crate::protocol::record_batch::{BatchError, Batches, RecordBatch};

use super::cache::ReadRequest;

/// Whole batches in a piece of a segment file.
#[derive(Debug)]
pub(super) struct Cut {
    /// The batches that were asked for.
    pub(super) records: Bytes,
    /// The offset behind them; what was asked for if there are none.
    pub(super) next_offset: Offset,
    /// How many bytes of the piece were passed: what was asked for, and batches before it.
    pub(super) passed: usize,
    /// Why it ended there.
    pub(super) end: CutEnd,
}

/// Why no further batch was taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum CutEnd {
    /// The reader has what it may have.
    Enough,
    /// The bytes end. The next batch has this size, if enough of it is there to tell.
    BytesEnd { batch_bytes: Option<usize> },
}

/// A place in a piece of a segment file where no sound batch begins.
#[derive(Debug)]
pub(super) struct Unsound {
    /// How many bytes before it are sound.
    pub(super) position: usize,
    /// The offset that was expected there, at least.
    pub(super) offset: Offset,
    pub(super) error: BatchError,
}

/// The batches of `piece` that `request` asks for, their checksums compared.
pub(super) fn cut(piece: &Bytes, request: &ReadRequest) -> Result<Cut, Unsound> {
    let mut batches = Batches::new(piece.clone());
    let (mut start, mut next_offset) = (0, request.offset);
    loop {
        let before = batches.position();
        let unsound = |error| Unsound {
            position: before,
            offset: next_offset,
            error,
        };
        let done = |end| Cut {
            records: piece.slice(start..before),
            next_offset,
            passed: before,
            end,
        };
        let Some(batch) = batches.next_whole().map_err(unsound)? else {
            let batch_bytes = batches.next_size().map_err(unsound)?;
            return Ok(done(CutEnd::BytesEnd { batch_bytes }));
        };
        if batch.next_offset() <= request.offset && start == before {
            start = batches.position();
            continue;
        }
        let has_room = batches.position() - start <= request.bytes_max
            || (before == start && request.at_least_one);
        if batch.next_offset() > request.upper || !has_room {
            return Ok(done(CutEnd::Enough));
        }
        check_batch(&batch, next_offset).map_err(unsound)?;
        next_offset = batch.next_offset();
    }
}

/// Whether `batch` is whole and continues a log at `next_offset`, which lies before its end.
fn check_batch(batch: &RecordBatch, next_offset: Offset) -> Result<(), BatchError> {
    batch.verify_crc()?;
    check_order(batch)?;
    if batch.next_offset() <= next_offset {
        return Err(BatchError::Records("the offsets fall"));
    }
    Ok(())
}

/// Whether the offsets in the header of `batch` are those of any batch.
pub(super) fn check_order(batch: &RecordBatch) -> Result<(), BatchError> {
    let delta = batch.header().last_offset_delta;
    let fits = batch.base_offset().checked_add(i64::from(delta)).is_some();
    if delta < 0 || batch.base_offset() < 0 || !fits {
        return Err(BatchError::Records("the offsets are impossible"));
    }
    Ok(())
}
