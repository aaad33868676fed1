//! The newest offset of every key of the part that is to be cleaned.

use siphasher::sip128::SipHasher13;

use crate::model::Offset;
use crate::stdx::{HashMap, Random, new_map};

/// Memory that a key takes: a hash, an offset and the table's own, which doubles when it grows.
const ENTRY_BYTES: usize = 64;

/// The map is made of so many tables that growing one never asks for a large piece of memory.
const TABLES: usize = 256;

/// From keys to the offset of the last record that has them.
///
/// Keys are known by 128 bits of a keyed hash that nobody outside can predict: two keys of one log
/// that share it would lose a record, which is expected once in 10^26 logs of a million keys.
#[derive(Debug)]
pub(super) struct OffsetMap {
    tables: Vec<HashMap<(u64, u64), Offset>>,
    hasher: SipHasher13,
    len: usize,
    len_max: usize,
}

impl OffsetMap {
    /// An empty map of about `bytes_max` bytes at most.
    pub(super) fn new(bytes_max: usize, random: &mut Random) -> Self {
        Self {
            tables: (0..TABLES).map(|_| new_map()).collect(),
            hasher: SipHasher13::new_with_keys(random.next_u64(), random.next_u64()),
            len: 0,
            len_max: bytes_max / ENTRY_BYTES,
        }
    }

    /// True if `count` further keys fit. Those of one batch always do, so that every run comes
    /// further.
    pub(super) const fn has_room(&self, count: usize) -> bool {
        self.len == 0 || self.len + count <= self.len_max
    }

    /// The record at `offset`, which is behind all before it, has `key`.
    pub(super) fn put(&mut self, key: &[u8], offset: Offset) {
        let (table, hash) = self.place(key);
        let is_new = self.tables[table].insert(hash, offset).is_none();
        self.len += usize::from(is_new);
    }

    /// The last offset of `key`.
    pub(super) fn latest(&self, key: &[u8]) -> Option<Offset> {
        let (table, hash) = self.place(key);
        self.tables[table].get(&hash).copied()
    }

    fn place(&self, key: &[u8]) -> (usize, (u64, u64)) {
        let hash = self.hasher.hash(key);
        let [table, ..] = hash.h1.to_be_bytes();
        (usize::from(table), (hash.h1, hash.h2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_offset_of_a_key_is_kept_and_room_is_bounded() {
        let mut map = OffsetMap::new(3 * ENTRY_BYTES, &mut Random::from_seed(1));
        assert!(map.has_room(1000), "an empty map takes any batch");
        map.put(b"a", 1);
        map.put(b"b", 2);
        map.put(b"a", 3);
        assert_eq!(map.latest(b"a"), Some(3));
        assert_eq!(map.latest(b"b"), Some(2));
        assert_eq!(map.latest(b"c"), None);
        assert!(map.has_room(1));
        assert!(!map.has_room(2));
    }
}
