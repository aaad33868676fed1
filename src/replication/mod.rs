//! The roles of a replica: what a leader knows of its partition beyond its own log.
//!
//! Owns: the leader epoch and the high watermark, and what makes a record safe enough for it.
//! Promises: the high watermark never goes back within a leader epoch, and nothing above what is
//! safe is below it: synced, or where the topic asks for no more, in memory.
//! Knows nothing of: the log's files, clients, other partitions.
//! Lives on: the shard that owns the partition.

mod leader;
mod safety;

pub use leader::Leader;
pub use safety::Safety;
