//! The runtime with real sockets, files and threads, driving small cores instead of a shard.

#![expect(clippy::unwrap_used, reason = "in a test a failure is a panic")]

mod cores;
mod dialing;
mod disk;
mod disk_core;
mod sockets;
