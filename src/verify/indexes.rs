//! Whether the entries of indexes say what the batches of their segment say, in one walk through
//! both.

use crate::log::{OFFSET_ENTRY_BYTES, OffsetIndex, TIME_ENTRY_BYTES, TimeIndex};
use crate::model::{Offset, TimestampMs};
use crate::protocol::record_batch::BatchHeader;

/// What is wrong with an index, and at which byte of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IndexFault {
    pub byte: u64,
    pub what: String,
}

/// The entries of an index, one after the other, up to the first that is wrong.
struct Entries<T> {
    all: Vec<T>,
    entry_bytes: usize,
    next: usize,
    fault: Option<IndexFault>,
}

impl<T: Copy> Entries<T> {
    /// What was decoded of `file`, or from which byte on it is out of order.
    fn new(file: &[u8], decoded: Result<Vec<T>, usize>, entry_bytes: usize) -> Self {
        let (all, fault) = match decoded {
            Ok(all) => (all, None),
            Err(byte) => (
                Vec::new(),
                Some(out_of_order(byte, file.len(), entry_bytes)),
            ),
        };
        let behind = all.len() * entry_bytes;
        Self {
            fault: fault.or_else(|| not_zero_behind(file, behind)),
            all,
            entry_bytes,
            next: 0,
        }
    }

    fn next(&self) -> Option<T> {
        self.left().first().copied()
    }

    fn left(&self) -> &[T] {
        &self.all[self.next..]
    }

    /// The next entry is wrong. Those behind it are not looked at.
    fn fail(&mut self, what: String) {
        let byte = (self.next * self.entry_bytes) as u64;
        self.all.clear();
        self.next = 0;
        self.fault.get_or_insert(IndexFault { byte, what });
    }
}

/// The `.index` of a segment: each entry has the last offset of the batch at its position.
pub struct OffsetWalk {
    base_offset: Offset,
    entries: Entries<(u32, u32)>,
}

impl OffsetWalk {
    /// A walk along the index in `file`, of a segment of `segment_bytes`.
    pub fn new(file: &[u8], base_offset: Offset, segment_bytes: u64) -> Self {
        let decoded = OffsetIndex::decode_or_place(file, segment_bytes);
        let decoded = decoded.map(|index| index.entries().collect());
        Self {
            base_offset,
            entries: Entries::new(file, decoded, OFFSET_ENTRY_BYTES),
        }
    }

    /// The batch with this header stands at `position`.
    pub fn on_batch(&mut self, position: u64, last_offset: Offset) {
        let Some((relative, at)) = self.entries.next() else {
            return;
        };
        if u64::from(at) > position {
            return;
        }
        let said = self.base_offset + i64::from(relative);
        if u64::from(at) == position && said == last_offset {
            self.entries.next += 1;
            return;
        }
        let what = if u64::from(at) == position {
            format!(
                "the entry has offset {said} at byte {at} of the segment, where the batch ends \
                 with offset {last_offset}"
            )
        } else {
            format!(
                "the entry has offset {said} at byte {at} of the segment, where no batch begins"
            )
        };
        self.entries.fail(what);
    }

    /// What lies below `position` could not be read, so the entries for it are not judged.
    pub fn skip_to(&mut self, position: u64) {
        let left = self.entries.left().iter();
        let passed = left.take_while(|(_, at)| u64::from(*at) < position);
        self.entries.next += passed.count();
    }

    /// The segment ends at `position`.
    pub fn finish(mut self, position: u64) -> Option<IndexFault> {
        if let Some((relative, at)) = self.entries.next() {
            let said = self.base_offset + i64::from(relative);
            let what = format!(
                "the entry has offset {said} at byte {at} of the segment, whose batches end at \
                 byte {position}"
            );
            self.entries.fail(what);
        }
        self.entries.fault
    }
}

/// The `.timeindex` of a segment: each entry has a timestamp, and the last offset of the first
/// batch that reached it.
pub struct TimeWalk {
    base_offset: Offset,
    entries: Entries<(TimestampMs, u32)>,
    largest: TimestampMs,
}

impl TimeWalk {
    /// A walk along the index in `file`.
    pub fn new(file: &[u8], base_offset: Offset) -> Self {
        let decoded = TimeIndex::decode_or_place(file);
        let decoded = decoded.map(|index| index.entries().collect());
        Self {
            base_offset,
            entries: Entries::new(file, decoded, TIME_ENTRY_BYTES),
            largest: -1,
        }
    }

    /// The next batch has this header.
    pub fn on_batch(&mut self, header: &BatchHeader, last_offset: Offset) {
        let rises = header.max_timestamp > self.largest;
        self.largest = self.largest.max(header.max_timestamp);
        let Some((timestamp, relative)) = self.entries.next() else {
            return;
        };
        let said = self.base_offset + i64::from(relative);
        if said > last_offset {
            return;
        }
        if said == last_offset && rises && timestamp == header.max_timestamp {
            self.entries.next += 1;
            return;
        }
        self.entries.fail(format!(
            "the entry has timestamp {timestamp} at offset {said}, which no batch there is the \
             first to reach"
        ));
    }

    /// The offsets below `offset` could not be read, so the entries for them are not judged.
    pub fn skip_to(&mut self, offset: Offset) {
        let base_offset = self.base_offset;
        let is_passed = |(_, relative): &&(_, u32)| base_offset + i64::from(*relative) < offset;
        let left = self.entries.left();
        let passed = left.iter().take_while(is_passed).count();
        if let Some((timestamp, _)) = left[..passed].last() {
            self.largest = self.largest.max(*timestamp);
        }
        self.entries.next += passed;
    }

    /// The segment ends.
    pub fn finish(mut self) -> Option<IndexFault> {
        if let Some((timestamp, relative)) = self.entries.next() {
            let said = self.base_offset + i64::from(relative);
            self.entries.fail(format!(
                "the entry has timestamp {timestamp} at offset {said}, which the segment does not \
                 have"
            ));
        }
        self.entries.fault
    }
}

fn out_of_order(byte: usize, length: usize, entry_bytes: usize) -> IndexFault {
    let what = if length - byte < entry_bytes {
        "the file ends inside an entry"
    } else {
        "the entry does not rise above the one before, or lies behind the segment"
    };
    IndexFault {
        byte: byte as u64,
        what: what.to_owned(),
    }
}

/// Kafka fills up an index with zeros while it uses it.
fn not_zero_behind(file: &[u8], entries_bytes: usize) -> Option<IndexFault> {
    let found = file[entries_bytes..].iter().position(|byte| *byte != 0)?;
    Some(IndexFault {
        byte: (entries_bytes + found) as u64,
        what: "something follows an entry of zeros".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::record_batch::RecordBatchBuilder;

    /// Three batches of 100 bytes each with their last offsets and largest timestamps.
    const BATCHES: [(u64, Offset, TimestampMs); 3] = [(0, 1009, 5), (100, 1019, 9), (200, 1029, 7)];

    fn walk_offsets(file: &[u8]) -> Option<u64> {
        let mut walk = OffsetWalk::new(file, 1000, 300);
        for (position, last_offset, _) in BATCHES {
            walk.on_batch(position, last_offset);
        }
        walk.finish(300).map(|fault| fault.byte)
    }

    fn walk_times(file: &[u8]) -> Option<u64> {
        let mut walk = TimeWalk::new(file, 1000);
        for (_, last_offset, timestamp) in BATCHES {
            let mut builder = RecordBatchBuilder::new();
            builder.append(timestamp, None, None, &[]);
            walk.on_batch(builder.finish().header(), last_offset);
        }
        walk.finish().map(|fault| fault.byte)
    }

    fn offset_entries(entries: &[(u32, u32)]) -> Vec<u8> {
        let bytes = |(a, b): &(u32, u32)| [a.to_be_bytes(), b.to_be_bytes()].concat();
        entries.iter().flat_map(bytes).collect()
    }

    fn time_entries(entries: &[(i64, u32)]) -> Vec<u8> {
        let bytes = |(a, b): &(i64, u32)| [&a.to_be_bytes()[..], &b.to_be_bytes()].concat();
        entries.iter().flat_map(bytes).collect()
    }

    #[test]
    fn one_bit_anywhere_in_an_offset_index_is_found() {
        let sound = offset_entries(&[(19, 100), (29, 200)]);
        assert_eq!(walk_offsets(&sound), None);
        for bit in 0..sound.len() * 8 {
            let mut file = sound.clone();
            file[bit / 8] ^= 1 << (bit % 8);
            assert!(walk_offsets(&file).is_some(), "bit {bit}");
        }
        assert_eq!(walk_offsets(&sound[..15]), Some(8), "cut");
    }

    #[test]
    fn one_bit_anywhere_in_a_time_index_is_found() {
        let sound = time_entries(&[(5, 9), (9, 19)]);
        assert_eq!(walk_times(&sound), None);
        for bit in 0..sound.len() * 8 {
            let mut file = sound.clone();
            file[bit / 8] ^= 1 << (bit % 8);
            assert!(walk_times(&file).is_some(), "bit {bit}");
        }
    }

    #[test]
    fn zeros_that_kafka_never_wrote_to_are_no_entries() {
        let mut file = offset_entries(&[(19, 100)]);
        file.resize(64, 0);
        assert_eq!(walk_offsets(&file), None);
        file[50] = 1;
        assert_eq!(walk_offsets(&file), Some(50));
    }
}
