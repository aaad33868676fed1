//! The broker on a real machine: one thread per shard, driven by `io_uring` through glommio.
//!
//! Owns: executors, the turn loop, sockets, files, timers, the mailboxes between shards, signals.
//! Promises: a shard is stepped by one thread only; every storage request completes exactly once;
//! bytes of a connection and messages of a shard arrive in order.
//! Knows nothing of: Kafka. It carries bytes, files and messages.
//! Lives on: every shard. Start at [`serve`], then `turn.rs`.

#![expect(
    unsafe_code,
    reason = "system calls that no crate in use wraps; each says why it is sound"
)]

mod broker;
mod clock;
mod core;
mod descriptors;
mod directories;
mod disk;
mod failure;
mod host;
mod mailbox;
mod network;
mod plain_disk;
mod recent;
#[cfg(test)]
mod scratch;
mod signals;
mod step;
mod sync_probe;
mod turn;

pub use self::core::Core;
pub use broker::{ServePlan, Serving, serve};
pub use clock::wall_ms;
pub use directories::{DirectoryLock, lock_existing};
pub use failure::StartFailure;
pub use network::{ListenerPlan, SocketOptions};
pub use plain_disk::PlainDisk;
