//! Where in a segment file an offset is found, about every `index.interval.bytes`.

use bytes::{BufMut, Bytes, BytesMut};

use crate::model::Offset;

use super::chunked_list::ChunkedList;

/// Bytes of an entry in Kafka's file: the offset relative to the base, the position, 4 each.
pub(crate) const ENTRY_BYTES: usize = 8;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Entry {
    relative_offset: u32,
    position: u32,
}

/// An entry for some batches of a segment: the batch's last offset and where the batch begins.
#[derive(Clone, Debug, Default)]
pub(crate) struct OffsetIndex {
    entries: ChunkedList<Entry>,
}

impl OffsetIndex {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Note that the batch which ends with `relative_offset` begins at `position`.
    pub(super) fn push(&mut self, relative_offset: u32, position: u32) {
        let entry = Entry {
            relative_offset,
            position,
        };
        assert!(
            self.entries.last().is_none_or(|last| {
                last.relative_offset < relative_offset && last.position < position
            }),
            "index entries rise in offset and position"
        );
        self.entries.push(entry);
    }

    /// Where to begin to look for `relative_offset`: the last offset of a batch that ends at or
    /// before it, and where it begins. `None` is the front of the segment.
    pub(super) fn entry_before(&self, relative_offset: u32) -> Option<(u32, u32)> {
        let behind = self
            .entries
            .partition_point(|entry| entry.relative_offset <= relative_offset);
        let entry = self.entries.entry(behind.checked_sub(1)?)?;
        Some((entry.relative_offset, entry.position))
    }

    /// The first entry of a batch that begins at or behind `position`: its last offset, and where
    /// it begins.
    pub(super) fn first_from(&self, position: u32) -> Option<(u32, u32)> {
        let before = self
            .entries
            .partition_point(|entry| entry.position < position);
        let entry = self.entries.entry(before)?;
        Some((entry.relative_offset, entry.position))
    }

    /// Where the last batch that has an entry begins.
    pub(super) fn last_position(&self) -> Option<u32> {
        self.entries.last().map(|entry| entry.position)
    }

    /// The last offset of that batch.
    pub(super) fn last_offset(&self, base_offset: Offset) -> Option<Offset> {
        let last = self.entries.last()?;
        Some(base_offset + i64::from(last.relative_offset))
    }

    /// Kafka's `.index` file.
    pub(super) fn encode(&self) -> Bytes {
        let mut file = BytesMut::with_capacity(self.len() * ENTRY_BYTES);
        for entry in self.entries.iter() {
            file.put_u32(entry.relative_offset);
            file.put_u32(entry.position);
        }
        file.freeze()
    }

    /// The index of a segment of `segment_bytes`; `None` if the file is not a sound index of it.
    /// Zeros at the end are what Kafka preallocated and never wrote.
    pub(super) fn decode(file: &[u8], segment_bytes: u64) -> Option<Self> {
        Self::decode_or_place(file, segment_bytes).ok()
    }

    /// The same, or else the byte at which what is at fault begins.
    pub(crate) fn decode_or_place(file: &[u8], segment_bytes: u64) -> Result<Self, usize> {
        let (whole, rest) = file.as_chunks::<ENTRY_BYTES>();
        if !rest.is_empty() {
            return Err(file.len() - rest.len());
        }
        let mut index = Self::default();
        for (number, bytes) in whole.iter().enumerate() {
            // The first batch of a segment never has an entry.
            if *bytes == [0; ENTRY_BYTES] {
                break;
            }
            let [a, b, c, d, e, f, g, h] = *bytes;
            let entry = Entry {
                relative_offset: u32::from_be_bytes([a, b, c, d]),
                position: u32::from_be_bytes([e, f, g, h]),
            };
            let rises = index.entries.last().is_none_or(|last| {
                last.relative_offset < entry.relative_offset && last.position < entry.position
            });
            let fits = u64::from(entry.position) < segment_bytes
                && i32::try_from(entry.relative_offset).is_ok();
            if !(rises && fits) {
                return Err(number * ENTRY_BYTES);
            }
            index.entries.push(entry);
        }
        Ok(index)
    }

    /// The entries: the last offset of a batch, relative to the base, and where the batch begins.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (u32, u32)> {
        let entries = self.entries.iter();
        entries.map(|entry| (entry.relative_offset, entry.position))
    }
}

/// `offset` relative to a segment's base; `None` if a segment's index cannot hold it.
pub(super) fn relative_offset(offset: Offset, base_offset: Offset) -> Option<u32> {
    let relative = i32::try_from(offset.checked_sub(base_offset)?).ok()?;
    u32::try_from(relative).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index() -> OffsetIndex {
        let mut index = OffsetIndex::default();
        index.push(9, 4200);
        index.push(25, 9000);
        index
    }

    #[test]
    fn a_search_begins_at_or_before_the_offset() {
        let index = index();
        let found: Vec<_> = [0, 8, 9, 24, 25, 99]
            .map(|offset| index.entry_before(offset).map_or(0, |entry| entry.1))
            .to_vec();
        assert_eq!(found, [0, 0, 4200, 4200, 9000, 9000]);
    }

    #[test]
    fn the_file_is_kafkas() {
        let file = index().encode();
        assert_eq!(
            file.as_ref(),
            [0, 0, 0, 9, 0, 0, 16, 104, 0, 0, 0, 25, 0, 0, 35, 40]
        );
        let read = OffsetIndex::decode(&file, 10_000).unwrap();
        assert_eq!(read.encode(), file);
        let mut preallocated = file.to_vec();
        preallocated.resize(4096, 0);
        assert_eq!(
            OffsetIndex::decode(&preallocated, 10_000).unwrap().encode(),
            file
        );
    }

    #[test]
    fn a_file_that_is_no_index_of_the_segment_is_refused() {
        let file = index().encode();
        assert!(OffsetIndex::decode(&file, 9000).is_none(), "behind the end");
        assert!(OffsetIndex::decode(&file[..15], 10_000).is_none(), "cut");
        let mut falling = file[8..].to_vec();
        falling.extend_from_slice(&file[..8]);
        assert!(OffsetIndex::decode(&falling, 10_000).is_none(), "falling");
    }
}
