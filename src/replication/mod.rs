//! The roles of a replica: what a leader knows of its partition beyond its own log.
//!
//! Owns: the leader epoch and the high watermark.
//! Promises: the high watermark never goes back within a leader epoch, and nothing above what is
//! on the disk is below it.
//! Knows nothing of: the log's files, clients, other partitions.
//! Lives on: the shard that owns the partition.

mod leader;

pub use leader::Leader;
