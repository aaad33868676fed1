//! Hash maps whose iteration order depends on their contents alone.

#![expect(
    clippy::disallowed_types,
    reason = "the place where the fixed hasher is put in"
)]

use std::collections::hash_map::DefaultHasher;
use std::hash::BuildHasherDefault;

pub use std::collections::hash_map;

type FixedHasher = BuildHasherDefault<DefaultHasher>;

/// A hash map without a random seed, so that a replay iterates in the same order.
pub type HashMap<K, V> = std::collections::HashMap<K, V, FixedHasher>;

/// A hash set without a random seed, so that a replay iterates in the same order.
pub type HashSet<K> = std::collections::HashSet<K, FixedHasher>;

/// An empty map. `HashMap::new` exists only for std's random hasher.
#[must_use]
pub fn new_map<K, V>() -> HashMap<K, V> {
    HashMap::default()
}

/// An empty set. `HashSet::new` exists only for std's random hasher.
#[must_use]
pub fn new_set<K>() -> HashSet<K> {
    HashSet::default()
}
