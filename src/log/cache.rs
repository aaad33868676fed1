//! The newest records of a log, in memory: what waits for the disk, and what readers mostly want.
//!
//! Large batches stay slices of the buffer they were received in. Small ones are copied one after
//! the other into dense blocks, so that a batch of 100 bytes does not keep a receive buffer alive;
//! a run of them is one slice, for the reader as for the disk.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::model::Offset;
use crate::protocol::record_batch::{BatchHeader, LOG_OVERHEAD_BYTES, RecordBatch};

/// Batches below this size are copied. A receive buffer is 256 KiB or more, so a larger batch
/// pins at most sixteen times its size.
const DENSE_BATCH_BYTES_MAX: usize = 16 << 10;

/// A log that is seldom written to begins with blocks of this size, and they double.
const DENSE_BLOCK_BYTES_MIN: usize = 1 << 10;
const DENSE_BLOCK_BYTES_MAX: usize = 64 << 10;

/// Whole record batches, in the order of their offsets, for a reader.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FetchedRecords {
    /// The bytes: batches one after the other, cut anywhere into slices.
    pub slices: Vec<Bytes>,
    /// The sum of the slices' lengths.
    pub length_bytes: usize,
    /// Where the reader goes on: behind the last batch, or what it asked for if there is none.
    pub next_offset: Offset,
}

/// What a reader wants.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ReadRequest {
    /// The first offset: the batch that holds it is returned whole.
    pub offset: Offset,
    /// The most bytes to return.
    pub bytes_max: usize,
    /// Batches that reach this offset are not for this reader: the high watermark, the last stable
    /// offset, or the log end.
    pub upper: Offset,
    /// The first batch comes even if it is larger than `bytes_max` (KIP-74).
    pub at_least_one: bool,
}

impl FetchedRecords {
    pub(super) const fn none(offset: Offset) -> Self {
        Self {
            slices: Vec::new(),
            length_bytes: 0,
            next_offset: offset,
        }
    }

    /// The bytes in one piece, copied if there are several.
    pub(crate) fn joined(&self) -> Bytes {
        match self.slices.as_slice() {
            [one] => one.clone(),
            slices => slices.concat().into(),
        }
    }

    pub(super) fn push(&mut self, slice: Bytes, next_offset: Offset) {
        self.length_bytes += slice.len();
        self.next_offset = next_offset;
        self.slices.push(slice);
    }
}

/// A run of batches in one segment.
#[derive(Clone, Debug)]
struct Chunk {
    segment: Offset,
    position: u64,
    base_offset: Offset,
    next_offset: Offset,
    contents: Contents,
}

#[derive(Clone, Debug)]
enum Contents {
    /// Small batches, one after the other.
    Dense(Bytes),
    /// One large batch: its stamped header, and its body where it was received.
    Large([Bytes; 2]),
}

impl Chunk {
    fn length(&self) -> usize {
        match &self.contents {
            Contents::Dense(bytes) => bytes.len(),
            Contents::Large([header, body]) => header.len() + body.len(),
        }
    }

    fn charge(&self) -> usize {
        self.length() + size_of::<Self>()
    }

    fn end_position(&self) -> u64 {
        self.position + self.length() as u64
    }

    /// Put all of it behind `slices`.
    fn push_slices(&self, slices: &mut Vec<Bytes>) {
        match &self.contents {
            Contents::Dense(bytes) => slices.push(bytes.clone()),
            Contents::Large(parts) => slices.extend_from_slice(parts),
        }
    }

    /// Move the batches that `request` asks for into `records`; false when it has enough.
    fn read_into(&self, request: &ReadRequest, records: &mut FetchedRecords) -> bool {
        let room = |records: &FetchedRecords, size: usize| {
            let is_first = records.length_bytes == 0;
            records.length_bytes + size <= request.bytes_max || (is_first && request.at_least_one)
        };
        let bytes = match &self.contents {
            Contents::Large(parts) => {
                if self.next_offset > request.upper || !room(records, self.length()) {
                    return false;
                }
                for part in parts {
                    records.push(part.clone(), self.next_offset);
                }
                return true;
            }
            Contents::Dense(bytes) => bytes,
        };
        let is_whole = self.base_offset >= request.offset && self.next_offset <= request.upper;
        if is_whole && records.length_bytes + bytes.len() <= request.bytes_max {
            records.push(bytes.clone(), self.next_offset);
            return true;
        }
        let (mut start, mut position, mut taken_next) = (0, 0, None);
        let mut has_more = true;
        while position < bytes.len() {
            let (size, next_offset) = span_at(bytes, position);
            if next_offset <= request.offset {
                start = position + size;
            } else {
                let taken = position - start;
                let fits = records.length_bytes + taken + size <= request.bytes_max
                    || (records.length_bytes + taken == 0 && request.at_least_one);
                if next_offset > request.upper || !fits {
                    has_more = false;
                    break;
                }
                taken_next = Some(next_offset);
            }
            position += size;
        }
        if let Some(next_offset) = taken_next {
            records.push(bytes.slice(start..position), next_offset);
        }
        has_more
    }
}

/// Size and next offset of the batch at `position` of bytes that were made here.
fn span_at(bytes: &[u8], position: usize) -> (usize, Offset) {
    let header = BatchHeader::decode(&bytes[position..]).expect("dense blocks hold whole batches");
    let length = usize::try_from(header.batch_length).expect("a batch has a length");
    let next_offset = header.base_offset + i64::from(header.last_offset_delta) + 1;
    (LOG_OVERHEAD_BYTES + length, next_offset)
}

/// The newest batches of one log, without gaps up to its end.
#[derive(Debug, Default)]
pub(super) struct Cache {
    chunks: VecDeque<Chunk>,
    /// The last chunk, while small batches can still be put behind it, and its bytes.
    open: Option<(Chunk, BytesMut)>,
    /// What remains of the dense block that was begun last.
    spare: BytesMut,
    block_bytes: usize,
    charged_bytes: usize,
}

impl Cache {
    /// Take in a stamped batch that comes to lie at `position` of `segment`.
    pub(super) fn push(&mut self, segment: Offset, position: u64, batch: &RecordBatch) {
        let chunk = |contents| Chunk {
            segment,
            position,
            base_offset: batch.base_offset(),
            next_offset: batch.next_offset(),
            contents,
        };
        let size = batch.size_bytes();
        if size >= DENSE_BATCH_BYTES_MAX {
            self.seal_open();
            self.push_chunk(chunk(Contents::Large(batch.slices())));
            return;
        }
        let fits = self.open.as_ref().is_some_and(|(open, bytes)| {
            open.segment == segment && bytes.capacity() - bytes.len() >= size
        });
        if !fits {
            self.seal_open();
            if self.spare.capacity() < size {
                self.block_bytes =
                    (self.block_bytes * 2).clamp(DENSE_BLOCK_BYTES_MIN, DENSE_BLOCK_BYTES_MAX);
                self.spare = BytesMut::with_capacity(self.block_bytes.max(size));
            }
            let contents = Contents::Dense(Bytes::new());
            self.open = Some((chunk(contents), std::mem::take(&mut self.spare)));
        }
        if let Some((open, bytes)) = &mut self.open {
            bytes.extend_from_slice(&batch.header().encode());
            bytes.extend_from_slice(batch.body());
            open.next_offset = batch.next_offset();
        }
    }

    /// Make what was pushed visible to the methods below.
    pub(super) fn seal_open(&mut self) {
        if let Some((mut chunk, mut bytes)) = self.open.take() {
            chunk.contents = Contents::Dense(bytes.split().freeze());
            self.spare = bytes;
            self.push_chunk(chunk);
        }
    }

    fn push_chunk(&mut self, chunk: Chunk) {
        self.charged_bytes += chunk.charge();
        self.chunks.push_back(chunk);
    }

    /// The first offset that is here.
    pub(super) fn first_offset(&self) -> Option<Offset> {
        let chunk = self.chunks.front();
        let open = self.open.as_ref().map(|(chunk, _)| chunk);
        Some(chunk.or(open)?.base_offset)
    }

    /// The batches that `request` asks for; `None` if they begin before what is here.
    pub(super) fn read(&mut self, request: &ReadRequest) -> Option<FetchedRecords> {
        self.seal_open();
        let first = self
            .chunks
            .partition_point(|chunk| chunk.next_offset <= request.offset);
        if first == 0 && self.first_offset()? > request.offset {
            return None;
        }
        let mut records = FetchedRecords::none(request.offset);
        for chunk in self.chunks.range(first..) {
            if !chunk.read_into(request, &mut records) {
                break;
            }
        }
        Some(records)
    }

    /// The chunks of `segment` from `position` on, at most `bytes_max` unless the first is larger:
    /// their slices, and the position and offset behind them.
    pub(super) fn unwritten(
        &mut self,
        segment: Offset,
        position: u64,
        bytes_max: u64,
    ) -> Option<(Vec<Bytes>, u64, Offset)> {
        self.seal_open();
        let first = self
            .chunks
            .partition_point(|chunk| (chunk.segment, chunk.position) < (segment, position));
        let mut slices = Vec::new();
        let mut end = None;
        for chunk in self.chunks.range(first..) {
            if chunk.segment != segment
                || (end.is_some() && chunk.end_position() - position > bytes_max)
            {
                break;
            }
            assert!(
                chunk.position == end.map_or(position, |(end, _)| end),
                "what is written next follows what was written last"
            );
            chunk.push_slices(&mut slices);
            end = Some((chunk.end_position(), chunk.next_offset));
        }
        let (end_position, end_offset) = end?;
        Some((slices, end_position, end_offset))
    }

    /// Every batch from `offset` on, up to which batches were pushed when [`Cache::seal_open`] was
    /// called.
    pub(super) fn slices_from(&mut self, offset: Offset) -> Vec<Bytes> {
        self.seal_open();
        let first = self
            .chunks
            .partition_point(|chunk| chunk.base_offset < offset);
        let before = first.checked_sub(1).and_then(|last| self.chunks.get(last));
        assert!(
            before.is_none_or(|before| before.next_offset <= offset),
            "no chunk holds batches from both sides of an offer's end"
        );
        let mut slices = Vec::new();
        for chunk in self.chunks.range(first..) {
            chunk.push_slices(&mut slices);
        }
        slices
    }

    /// The memory that is held: records, and what is left of the dense block.
    pub(super) fn charged_bytes(&self) -> usize {
        let open = self.open.as_ref().map_or(0, |(_, bytes)| bytes.capacity());
        self.charged_bytes + open + self.spare.capacity()
    }

    /// Let go of the oldest batches until at most `bytes_max` are charged, but of none that is not
    /// below `written_end_offset`: the segments do not have it yet.
    pub(super) fn trim(&mut self, bytes_max: usize, written_end_offset: Offset) {
        while self.charged_bytes() > bytes_max
            && let Some(oldest) = self.chunks.front()
            && oldest.next_offset <= written_end_offset
        {
            self.charged_bytes -= oldest.charge();
            self.chunks.pop_front();
        }
        if self.chunks.is_empty() && self.open.is_none() {
            // What is left of the block must not keep all of it alive.
            self.spare = BytesMut::new();
            self.chunks.shrink_to_fit();
        }
    }

    /// Let go of what lies below `offset`: on the disk it is something else now.
    pub(super) fn drop_before(&mut self, offset: Offset) {
        while let Some(oldest) = self
            .chunks
            .pop_front_if(|chunk| chunk.next_offset <= offset)
        {
            self.charged_bytes -= oldest.charge();
        }
    }

    /// True if a chunk is here that begins at `position` of `segment`.
    pub(super) fn has(&self, segment: Offset, position: u64) -> bool {
        let open = self.open.as_ref().map(|(open, _)| open);
        let mut all = self.chunks.iter().chain(open);
        all.any(|chunk| (chunk.segment, chunk.position) == (segment, position))
    }

    pub(super) fn check_invariants(&self, log_end_offset: Offset) {
        let charged: usize = self.chunks.iter().map(Chunk::charge).sum();
        assert_eq!(charged, self.charged_bytes, "the cache knows its size");
        let open = self.open.iter().map(|(chunk, _)| chunk);
        let all: Vec<_> = self.chunks.iter().chain(open).collect();
        for pair in all.windows(2) {
            assert!(
                pair[0].next_offset <= pair[1].base_offset,
                "cached batches rise"
            );
        }
        assert!(
            all.last()
                .is_none_or(|last| last.next_offset == log_end_offset),
            "the cache reaches the end of the log"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::record_batch::RecordBatchBuilder;

    fn batch(at: Offset, records: usize, value_bytes: usize) -> RecordBatch {
        let mut builder = RecordBatchBuilder::new().place(at, 0);
        for _ in 0..records {
            builder.append(1, None, Some(&vec![7; value_bytes]), &[]);
        }
        builder.finish()
    }

    /// Offsets 0-2, 3-5, 6-8 dense, 9-11 large, 12-14 dense.
    fn cache() -> (Cache, Vec<RecordBatch>) {
        let (mut cache, mut position) = (Cache::default(), 0);
        let batches: Vec<_> = [10, 10, 10, 20_000, 10]
            .iter()
            .enumerate()
            .map(|(index, size)| batch(Offset::try_from(index).unwrap() * 3, 3, *size))
            .collect();
        for batch in &batches {
            cache.push(0, position, batch);
            position += batch.size_bytes() as u64;
        }
        cache.check_invariants(15);
        (cache, batches)
    }

    fn read(
        cache: &mut Cache,
        offset: Offset,
        bytes_max: usize,
        upper: Offset,
    ) -> (Offset, Vec<u8>) {
        let request = ReadRequest {
            offset,
            bytes_max,
            upper,
            at_least_one: true,
        };
        let records = cache.read(&request).unwrap();
        let bytes = records.slices.concat();
        assert_eq!(bytes.len(), records.length_bytes);
        (records.next_offset, bytes)
    }

    fn bytes_of(batches: &[RecordBatch]) -> Vec<u8> {
        batches.iter().flat_map(RecordBatch::to_bytes).collect()
    }

    #[test]
    fn a_read_returns_whole_batches_from_the_one_that_holds_the_offset() {
        let (mut cache, batches) = cache();
        assert_eq!(
            read(&mut cache, 0, usize::MAX, 15),
            (15, bytes_of(&batches))
        );
        assert_eq!(
            read(&mut cache, 4, usize::MAX, 15),
            (15, bytes_of(&batches[1..]))
        );
        assert_eq!(
            read(&mut cache, 14, usize::MAX, 15),
            (15, bytes_of(&batches[4..]))
        );
        assert_eq!(read(&mut cache, 15, usize::MAX, 15), (15, Vec::new()));
    }

    #[test]
    fn a_read_stops_at_its_bound() {
        let (mut cache, batches) = cache();
        assert_eq!(
            read(&mut cache, 4, usize::MAX, 9),
            (9, bytes_of(&batches[1..3]))
        );
        assert_eq!(
            read(&mut cache, 4, usize::MAX, 8),
            (6, bytes_of(&batches[1..2]))
        );
        assert_eq!(read(&mut cache, 4, usize::MAX, 5), (4, Vec::new()));
        assert_eq!(read(&mut cache, 9, usize::MAX, 11), (9, Vec::new()));
    }

    #[test]
    fn a_read_stops_at_its_size_but_brings_the_first_batch() {
        let (mut cache, batches) = cache();
        let size = batches[0].size_bytes();
        assert_eq!(
            read(&mut cache, 3, 2 * size, 15),
            (9, bytes_of(&batches[1..3]))
        );
        assert_eq!(
            read(&mut cache, 3, 2 * size - 1, 15),
            (6, bytes_of(&batches[1..2]))
        );
        assert_eq!(read(&mut cache, 3, 1, 15), (6, bytes_of(&batches[1..2])));
        assert_eq!(read(&mut cache, 9, 1, 15), (12, bytes_of(&batches[3..4])));
        let request = ReadRequest {
            offset: 9,
            bytes_max: 1,
            upper: 15,
            at_least_one: false,
        };
        assert_eq!(cache.read(&request), Some(FetchedRecords::none(9)));
    }

    #[test]
    fn small_batches_are_one_slice_and_large_ones_are_not_copied() {
        let (mut cache, batches) = cache();
        let (slices, end, next_offset) = cache.unwritten(0, 0, u64::MAX).unwrap();
        assert_eq!(slices.len(), 4);
        assert_eq!(slices[2].as_ptr(), batches[3].body().as_ptr());
        assert_eq!(slices.concat(), bytes_of(&batches));
        assert_eq!((end, next_offset), (slices.concat().len() as u64, 15));
    }

    #[test]
    fn only_what_the_disk_has_is_let_go() {
        let (mut cache, batches) = cache();
        cache.seal_open();
        cache.trim(0, 9);
        assert_eq!(cache.first_offset(), Some(9));
        assert!(
            cache
                .read(&ReadRequest {
                    offset: 8,
                    bytes_max: 1,
                    upper: 15,
                    at_least_one: true
                })
                .is_none()
        );
        cache.trim(0, 15);
        assert_eq!(cache.first_offset(), None);
        assert_eq!(cache.charged_bytes(), 0);
        cache.push(0, 1000, &batches[0]);
        assert_eq!(cache.first_offset(), Some(0));
    }
}
