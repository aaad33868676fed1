//! The runtime with real sockets, files and threads, driving small cores instead of a shard.

mod cores;
mod disk;
mod disk_core;
mod sockets;
