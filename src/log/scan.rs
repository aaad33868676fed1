//! Looking at bytes that come from a segment file, and trusting none of them.

use std::ops::Range;

use bytes::Bytes;

use crate::model::Offset;
use crate::protocol::record_batch::{BatchError, BatchHeader, Batches, RecordBatch};

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

/// The batches of `piece` that `request` asks for, their checksums compared. All of them belong to
/// a segment with the offsets `segment`.
///
/// The checksum does not cover the base offset, since the leader sets it: that it is right is seen
/// by the order of the batches only. Compaction leaves gaps, so those are no fault.
pub(super) fn cut(
    piece: &Bytes,
    request: &ReadRequest,
    segment: &Range<Offset>,
) -> Result<Cut, Unsound> {
    let mut batches = Batches::new(piece.clone());
    let (mut start, mut next_offset, mut least) = (0, request.offset, segment.start);
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
        check_order(&batch).map_err(unsound)?;
        if batch.base_offset() < least || batch.next_offset() > segment.end {
            return Err(unsound(BatchError::Records("the offsets are not in order")));
        }
        least = batch.next_offset();
        if least <= request.offset {
            start = batches.position();
            continue;
        }
        let has_room = batches.position() - start <= request.bytes_max
            || (before == start && request.at_least_one);
        if least > request.upper || !has_room {
            return Ok(done(CutEnd::Enough));
        }
        batch.verify_crc().map_err(unsound)?;
        next_offset = least;
    }
}

/// The next batch that is whole, its checksum compared.
pub(super) fn next_sound(batches: &mut Batches) -> Result<Option<RecordBatch>, BatchError> {
    let Some(batch) = batches.next_whole()? else {
        return Ok(None);
    };
    check_order(&batch)?;
    batch.verify_crc()?;
    Ok(Some(batch))
}

/// Whether the offsets in the header of `batch` are those of any batch.
pub(super) fn check_order(batch: &RecordBatch) -> Result<(), BatchError> {
    check_header_order(batch.header())
}

/// The same of a header alone.
pub(crate) fn check_header_order(header: &BatchHeader) -> Result<(), BatchError> {
    let delta = header.last_offset_delta;
    let next = header.base_offset.checked_add(i64::from(delta) + 1);
    if delta < 0 || header.base_offset < 0 || next.is_none() {
        return Err(BatchError::Records("the offsets are impossible"));
    }
    Ok(())
}
