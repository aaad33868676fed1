//! Which offset a timestamp is found at, as coarse as the offset index.

use bytes::{BufMut, Bytes, BytesMut};

use crate::model::{Offset, TimestampMs};

use super::chunked_list::ChunkedList;
use super::offset_index::relative_offset;

/// Bytes of an entry in Kafka's file: the timestamp, 8, and the offset relative to the base, 4.
pub(crate) const ENTRY_BYTES: usize = 12;

/// A timestamp, and the last offset of the first batch that reached it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct TimestampOffset {
    pub(super) timestamp: TimestampMs,
    pub(super) offset: Offset,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Entry {
    timestamp: TimestampMs,
    relative_offset: u32,
}

/// The largest timestamp of a segment at some of its offsets.
#[derive(Clone, Debug, Default)]
pub(crate) struct TimeIndex {
    entries: ChunkedList<Entry>,
}

impl TimeIndex {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Note that no timestamp up to `relative_offset` is larger than `timestamp`, unless an entry
    /// says so already. Kafka keeps entries only for timestamps that rise from zero.
    pub(super) fn push(&mut self, timestamp: TimestampMs, relative_offset: u32) {
        let entry = Entry {
            timestamp,
            relative_offset,
        };
        match self.entries.last() {
            Some(last) if timestamp <= last.timestamp => {}
            None if timestamp < 0 => {}
            Some(_) | None => self.entries.push(entry),
        }
    }

    /// The last entry.
    pub(super) fn last(&self, base_offset: Offset) -> Option<TimestampOffset> {
        let entry = self.entries.last()?;
        Some(entry.at(base_offset))
    }

    /// The last entry up to `relative_offset`: the timestamp, and its offset.
    pub(super) fn last_until(&self, relative_offset: u32) -> Option<(TimestampMs, u32)> {
        let behind = self
            .entries
            .partition_point(|entry| entry.relative_offset <= relative_offset);
        let entry = self.entries.entry(behind.checked_sub(1)?)?;
        Some((entry.timestamp, entry.relative_offset))
    }

    /// Where to begin to look for the first record at or after `timestamp`. `None` is the front of
    /// the segment.
    pub(super) fn entry_before(
        &self,
        timestamp: TimestampMs,
        base_offset: Offset,
    ) -> Option<TimestampOffset> {
        let behind = self
            .entries
            .partition_point(|entry| entry.timestamp <= timestamp);
        let entry = self.entries.entry(behind.checked_sub(1)?)?;
        Some(entry.at(base_offset))
    }

    /// Kafka's `.timeindex` file; `largest` is its last entry.
    pub(super) fn encode(&self, base_offset: Offset, largest: Option<TimestampOffset>) -> Bytes {
        let mut whole = Self::clone(self);
        if let Some(largest) = largest
            && let Some(relative) = relative_offset(largest.offset, base_offset)
        {
            whole.push(largest.timestamp, relative);
        }
        let mut file = BytesMut::with_capacity(whole.len() * ENTRY_BYTES);
        for entry in whole.entries.iter() {
            file.put_i64(entry.timestamp);
            file.put_u32(entry.relative_offset);
        }
        file.freeze()
    }

    /// The index in `file`; `None` if it is not a sound one. Zeros at the end are what Kafka
    /// preallocated and never wrote.
    pub(super) fn decode(file: &[u8]) -> Option<Self> {
        Self::decode_or_place(file).ok()
    }

    /// The same, or else the byte at which what is at fault begins.
    pub(crate) fn decode_or_place(file: &[u8]) -> Result<Self, usize> {
        let (whole, rest) = file.as_chunks::<ENTRY_BYTES>();
        if !rest.is_empty() {
            return Err(file.len() - rest.len());
        }
        let mut index = Self::default();
        for (number, bytes) in whole.iter().enumerate() {
            if index.len() > 0 && *bytes == [0; ENTRY_BYTES] {
                break;
            }
            let [a, b, c, d, e, f, g, h, offset @ ..] = *bytes;
            let entry = Entry {
                timestamp: i64::from_be_bytes([a, b, c, d, e, f, g, h]),
                relative_offset: u32::from_be_bytes(offset),
            };
            let rises = index.entries.last().is_none_or(|last| {
                last.timestamp < entry.timestamp && last.relative_offset <= entry.relative_offset
            });
            if !rises || entry.timestamp < 0 || i32::try_from(entry.relative_offset).is_err() {
                return Err(number * ENTRY_BYTES);
            }
            index.entries.push(entry);
        }
        Ok(index)
    }

    /// The entries: a timestamp, and the last offset, relative to the base, of the first batch that
    /// reached it.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (TimestampMs, u32)> {
        let entries = self.entries.iter();
        entries.map(|entry| (entry.timestamp, entry.relative_offset))
    }
}

impl Entry {
    fn at(self, base_offset: Offset) -> TimestampOffset {
        TimestampOffset {
            timestamp: self.timestamp,
            offset: base_offset + i64::from(self.relative_offset),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index() -> TimeIndex {
        let mut index = TimeIndex::default();
        index.push(-1, 0);
        index.push(100, 4);
        index.push(100, 8);
        index.push(90, 12);
        index.push(200, 16);
        index
    }

    #[test]
    fn only_timestamps_that_rise_have_entries() {
        let index = index();
        assert_eq!(index.len(), 2);
        let found: Vec<_> = [99, 100, 199, 200, 300]
            .map(|timestamp| {
                index
                    .entry_before(timestamp, 1000)
                    .map_or(1000, |entry| entry.offset)
            })
            .to_vec();
        assert_eq!(found, [1000, 1004, 1004, 1016, 1016]);
    }

    #[test]
    fn the_file_is_kafkas_and_ends_with_the_largest_timestamp() {
        let largest = TimestampOffset {
            timestamp: 300,
            offset: 1020,
        };
        let file = index().encode(1000, Some(largest));
        assert_eq!(file.len(), 36);
        assert_eq!(file[24..], [0, 0, 0, 0, 0, 0, 1, 44, 0, 0, 0, 20]);
        let read = TimeIndex::decode(&file).unwrap();
        assert_eq!(read.last(1000), Some(largest));
        assert_eq!(read.encode(1000, None), file);
        assert!(TimeIndex::decode(&file[1..]).is_none());
        assert!(TimeIndex::decode(&[file.slice(12..), file.slice(..12)].concat()).is_none());
    }
}
