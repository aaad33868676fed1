//! What std lacks, for a core that must be a pure function of its inputs.
//!
//! Owns: time as a value ([`Instant`], [`Now`]), maps with a fixed hasher ([`HashMap`]), a seeded
//! generator ([`Random`]), a sorted map whose copies are cheap ([`SharedMap`]), memory blocks that
//! are recycled instead of freed ([`buffer`]).
//! Promises: the same inputs give the same outputs, iteration order included.
//! Knows nothing of: Kafka.

pub mod buffer;
mod collections;
mod random;
mod shared_map;
mod time;

pub use collections::{HashMap, HashSet, hash_map, new_map, new_set};
pub use random::Random;
pub use shared_map::SharedMap;
pub use time::{Instant, Now, duration_of_ms};
