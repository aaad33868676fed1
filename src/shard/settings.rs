//! What a shard is told once, at its start.

use std::sync::Arc;

use crate::config::{BrokerConfig, BrokerSettings, LogLevels};
use crate::model::ShardId;
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
    /// How many segment files this shard's partitions may have open at once, at least one.
    pub open_files_max: usize,
    /// What is spoken on each listener, by `ListenerIndex`.
    pub listeners: Vec<ListenerKind>,
}

/// What is spoken on a listener.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ListenerKind {
    /// Kafka's protocol, on the listener of this name.
    Kafka(String),
    /// HTTP: metrics and health.
    Http,
}
