//! A sorted map whose copies share what did not change.
//!
//! For state that is published whole after every change, though it may have a hundred thousand
//! entries: a copy of a [`SharedMap`] copies nothing, and a change to it copies one chunk and the
//! list of chunks.

use std::fmt;
use std::sync::Arc;

/// Entries of a full chunk. A change copies up to this many entries and one pointer for each
/// chunk, so the cheapest size is about the root of the number of entries: here of 65,536.
const CHUNK_ENTRIES_MAX: usize = 256;

type Chunk<K, V> = Arc<Vec<(K, V)>>;

/// A sorted map, cheap to clone.
#[derive(Clone)]
pub struct SharedMap<K, V> {
    /// Sorted, none of them empty.
    chunks: Arc<Vec<Chunk<K, V>>>,
    length: usize,
}

impl<K, V> Default for SharedMap<K, V> {
    fn default() -> Self {
        Self {
            chunks: Arc::default(),
            length: 0,
        }
    }
}

impl<K: Ord + Clone, V: Clone> SharedMap<K, V> {
    /// How many entries there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.length
    }

    /// True if there is no entry.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The value at `key`.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: std::borrow::Borrow<Q>,
    {
        let chunk = self.chunks.get(self.chunk_of(key)?)?;
        let index = chunk
            .binary_search_by(|(candidate, _)| candidate.borrow().cmp(key))
            .ok()?;
        chunk.get(index).map(|(_, value)| value)
    }

    /// True if there is a value at `key`.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: std::borrow::Borrow<Q>,
    {
        self.get(key).is_some()
    }

    /// The value at `key`, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: std::borrow::Borrow<Q>,
    {
        let position = self.chunk_of(key)?;
        let index = self.chunks[position]
            .binary_search_by(|(candidate, _)| candidate.borrow().cmp(key))
            .ok()?;
        let chunk = Arc::make_mut(&mut Arc::make_mut(&mut self.chunks)[position]);
        chunk.get_mut(index).map(|(_, value)| value)
    }

    /// Put `value` at `key`; the value that was there before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let Some(position) = self.chunk_of(&key) else {
            Arc::make_mut(&mut self.chunks).insert(0, Arc::new(vec![(key, value)]));
            self.length += 1;
            return None;
        };
        let chunks = Arc::make_mut(&mut self.chunks);
        let chunk = Arc::make_mut(&mut chunks[position]);
        match chunk.binary_search_by(|(candidate, _)| candidate.cmp(&key)) {
            Ok(index) => Some(std::mem::replace(&mut chunk[index].1, value)),
            Err(index) => {
                chunk.insert(index, (key, value));
                self.length += 1;
                if chunk.len() > CHUNK_ENTRIES_MAX {
                    // Keys mostly arrive in order: a full left half stays full.
                    let at = if index + 1 == chunk.len() {
                        CHUNK_ENTRIES_MAX
                    } else {
                        CHUNK_ENTRIES_MAX / 2
                    };
                    let tail = chunk.split_off(at);
                    chunks.insert(position + 1, Arc::new(tail));
                }
                None
            }
        }
    }

    /// Take the value at `key` out.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: std::borrow::Borrow<Q>,
    {
        let position = self.chunk_of(key)?;
        let index = self.chunks[position]
            .binary_search_by(|(candidate, _)| candidate.borrow().cmp(key))
            .ok()?;
        let chunks = Arc::make_mut(&mut self.chunks);
        let chunk = Arc::make_mut(&mut chunks[position]);
        let (_, value) = chunk.remove(index);
        if chunk.is_empty() {
            chunks.remove(position);
        }
        self.length -= 1;
        Some(value)
    }

    /// The entries in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.chunks
            .iter()
            .flat_map(|chunk| chunk.iter().map(|(key, value)| (key, value)))
    }

    /// The keys in their order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// The values in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// The entries whose keys are `key` or greater, in order.
    pub fn iter_from<'a, Q: Ord + ?Sized>(
        &'a self,
        key: &'a Q,
    ) -> impl Iterator<Item = (&'a K, &'a V)>
    where
        K: std::borrow::Borrow<Q>,
    {
        self.chunks[self.chunk_of(key).unwrap_or(0)..]
            .iter()
            .flat_map(|chunk| chunk.iter().map(|(key, value)| (key, value)))
            .skip_while(move |(candidate, _)| (*candidate).borrow() < key)
    }

    /// The entry with the greatest key that is not greater than `key`.
    pub fn last_up_to<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: std::borrow::Borrow<Q>,
    {
        let chunk = self.chunks.get(self.chunk_of(key)?)?;
        let after = chunk.partition_point(|(candidate, _)| candidate.borrow() <= key);
        let (found, value) = chunk.get(after.checked_sub(1)?)?;
        Some((found, value))
    }

    /// The chunk that holds `key` or would take it; `None` if there is no chunk.
    fn chunk_of<Q: Ord + ?Sized>(&self, key: &Q) -> Option<usize>
    where
        K: std::borrow::Borrow<Q>,
    {
        if self.chunks.is_empty() {
            return None;
        }
        let after = self.chunks.partition_point(|chunk| {
            chunk
                .first()
                .is_some_and(|(first, _)| first.borrow() <= key)
        });
        Some(after.saturating_sub(1))
    }
}

impl<K: Ord + Clone + PartialEq, V: Clone + PartialEq> PartialEq for SharedMap<K, V> {
    /// Equal entries, however they are cut into chunks.
    fn eq(&self, other: &Self) -> bool {
        self.length == other.length && self.iter().eq(other.iter())
    }
}

impl<K: Ord + Clone + Eq, V: Clone + Eq> Eq for SharedMap<K, V> {}

impl<K: Ord + Clone + fmt::Debug, V: Clone + fmt::Debug> fmt::Debug for SharedMap<K, V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_copy_keeps_what_it_had_when_the_original_changes() {
        let mut map = SharedMap::default();
        for key in 0..1000 {
            map.insert(key, key);
        }
        let copy = map.clone();
        map.insert(500, -1);
        map.remove(&501);
        assert_eq!((copy.get(&500), copy.get(&501)), (Some(&500), Some(&501)));
        assert_eq!((map.get(&500), map.get(&501)), (Some(&-1), None));
        let shared = copy
            .chunks
            .iter()
            .filter(|chunk| map.chunks.iter().any(|other| Arc::ptr_eq(chunk, other)))
            .count();
        assert_eq!(shared, copy.chunks.len() - 1, "one chunk was copied");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn it_holds_what_a_sorted_map_holds(
            changes in prop::collection::vec(
                (0_u16..900, prop::option::weighted(0.7, 0_u8..)),
                0..1200,
            ),
            from in 0_u16..900,
        ) {
            let (mut map, mut model) = (SharedMap::default(), BTreeMap::new());
            for (key, value) in changes {
                match value {
                    Some(value) => {
                        prop_assert_eq!(map.insert(key, value), model.insert(key, value));
                    }
                    None => prop_assert_eq!(map.remove(&key), model.remove(&key)),
                }
            }
            prop_assert_eq!(map.len(), model.len());
            prop_assert!(map.iter().eq(model.iter()));
            prop_assert!(map.iter_from(&from).eq(model.range(from..)));
            prop_assert_eq!(map.last_up_to(&from), model.range(..=from).next_back());
            for key in 0..900 {
                prop_assert_eq!(map.get(&key), model.get(&key));
            }
        }
    }
}
