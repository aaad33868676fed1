//! One replica of one partition: its records, its files, what it knows of its producers.
//!
//! Owns: segments, offset and time indexes, leader epochs, producer state, retention, recovery.
//! Promises: an offset is given once and without gaps; nothing is reported durable before the
//! disk said so; nothing durable is cut off.
//! Knows nothing of: replication, clients, other partitions, the way storage is reached. It asks
//! for work on the disk through [`storage`] and is told of the result.
//! Lives on: the shard that owns the partition.

pub mod storage;
pub mod validation;
