//! When a record is safe enough to be acknowledged and shown.

use crate::config::DurabilityMode;

/// What makes a record safe on a replica.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Safety {
    /// It is synced.
    Synced,
    /// It is in memory; the sync may come later.
    InMemory,
}

impl Safety {
    /// What makes a record of a topic of this `durability` safe on each of `in_sync_replicas`. The
    /// high watermark is the end of what is safe on all of them.
    #[must_use]
    pub const fn of(durability: DurabilityMode, in_sync_replicas: usize) -> Self {
        match durability {
            DurabilityMode::Synced => Self::Synced,
            // No other replica has it in memory.
            DurabilityMode::Replicated if in_sync_replicas < 2 => Self::Synced,
            DurabilityMode::Replicated | DurabilityMode::Relaxed => Self::InMemory,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_safe_where_the_topic_says_so_or_another_replica_has_it_too() {
        for (durability, alone, with_others) in [
            (DurabilityMode::Synced, Safety::Synced, Safety::Synced),
            (DurabilityMode::Replicated, Safety::Synced, Safety::InMemory),
            (DurabilityMode::Relaxed, Safety::InMemory, Safety::InMemory),
        ] {
            assert_eq!(Safety::of(durability, 1), alone);
            assert_eq!(Safety::of(durability, 2), with_others);
            assert_eq!(Safety::of(durability, 3), with_others);
        }
    }
}
