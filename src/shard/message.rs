//! What shards tell each other. Owned data and shared immutable images only.

/// A message from one shard to another.
#[derive(Debug)]
pub enum Message {
    /// A shard has opened all partitions placed on it.
    PartitionsOpened,
}
