//! What a shard is told once, at its start.

use std::sync::Arc;

use crate::config::{BrokerConfig, BrokerSettings, LogLevels, SyncMethod};
use crate::log::validation::DECOMPRESSED_BYTES_MAX;
use crate::model::ShardId;
use crate::protocol::ApiKey;
use crate::stdx::Random;

/// Size of the blocks that connections receive into.
pub const RECEIVE_BLOCK_BYTES: usize = 256 << 10;

/// What a shard is told once, at its start.
#[derive(Clone, Debug)]
pub struct ShardSettings {
    /// This shard.
    pub id: ShardId,
    /// How many shards the broker has.
    pub shards_count: u16,
    /// The broker's settings as they were at the start.
    pub config: Arc<BrokerConfig>,
    /// The same, with where each comes from.
    pub settings: BrokerSettings,
    /// How much each part of the broker writes to the log.
    pub log_levels: Arc<LogLevels>,
    /// The only source of randomness.
    pub random: Random,
    /// Memory for this shard's caches and buffers, in bytes.
    pub memory_bytes: u64,
    /// How long each of this shard's journals becomes, in bytes, at most.
    pub journal_bytes_max: u64,
    /// How many bytes are appended in a log directory between two checkpoints, at least.
    pub checkpoint_every_bytes: u64,
    /// How many segment files this shard's partitions may have open at once, at least one.
    pub open_files_max: usize,
    /// How writes are synced in each log directory, by `DirectoryIndex`, if that is known.
    pub sync_methods: Vec<Option<SyncMethod>>,
    /// What is spoken on each listener, by `ListenerIndex`.
    pub listeners: Vec<ListenerKind>,
}

/// The part of a shard's memory in which it decompresses a batch, one at a time.
const DECOMPRESSION_MEMORY_DIVISOR: u64 = 4;

/// The part of a shard's memory that caches of recent records may take, together with the part
/// in which a batch is decompressed.
const CACHE_MEMORY_DIVISOR: u64 = 2;

/// Batches up to the default of `max.message.bytes` are taken however little memory there is.
const DECOMPRESSED_BYTES_MIN: usize = 1 << 20;

impl ShardSettings {
    /// How many bytes the records of a client's batch may have when decompressed.
    #[must_use]
    pub fn decompressed_bytes_max(&self) -> usize {
        let part = usize::try_from(self.memory_bytes / DECOMPRESSION_MEMORY_DIVISOR);
        part.unwrap_or(usize::MAX)
            .clamp(DECOMPRESSED_BYTES_MIN, DECOMPRESSED_BYTES_MAX)
    }

    /// How many bytes the caches of recent records may take: what they could have beside is where
    /// batches are decompressed.
    #[must_use]
    pub fn cache_bytes_max(&self) -> usize {
        let both = self.memory_bytes / CACHE_MEMORY_DIVISOR;
        let part = self.memory_bytes / DECOMPRESSION_MEMORY_DIVISOR;
        let decompression = part.min(self.decompressed_bytes_max() as u64);
        usize::try_from(both - decompression).unwrap_or(usize::MAX)
    }
}

/// What is spoken on a listener.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ListenerKind {
    /// Kafka's protocol, for clients and other brokers, on the listener of this name.
    Kafka(String),
    /// Kafka's protocol, for whoever asks the controller, on the listener of this name.
    Controller(String),
    /// HTTP: metrics and health.
    Http,
}

impl ListenerKind {
    /// The versions of an API that are served here; `None` if it is not.
    #[must_use]
    pub const fn served_versions(&self, key: ApiKey) -> Option<(i16, i16)> {
        match self {
            Self::Kafka(_) => key.served_versions(),
            Self::Controller(_) => key.controller_versions(),
            Self::Http => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ServeArguments, Startup};

    #[test]
    fn batches_are_decompressed_in_memory_that_the_caches_leave() {
        let Startup {
            settings, config, ..
        } = ServeArguments::default().resolve(None, "host").unwrap();
        let mut shard = ShardSettings {
            id: ShardId(0),
            shards_count: 1,
            config: Arc::new(config),
            settings,
            log_levels: Arc::default(),
            random: Random::from_seed(1),
            memory_bytes: 0,
            journal_bytes_max: 1 << 20,
            checkpoint_every_bytes: 1 << 20,
            open_files_max: 1,
            sync_methods: Vec::new(),
            listeners: Vec::new(),
        };
        let mut parts_of = |memory_bytes: u64| {
            shard.memory_bytes = memory_bytes;
            (shard.decompressed_bytes_max(), shard.cache_bytes_max())
        };
        assert_eq!(parts_of(64 << 20), (16 << 20, 16 << 20));
        assert_eq!(parts_of(4 << 30), (100 << 20, 1948 << 20));
        // A batch of the usual size is always taken.
        assert_eq!(parts_of(1 << 20), (1 << 20, 256 << 10));
    }
}
