//! Sockets: listeners, the acceptor, and the connections of a shard.
//!
//! Owns: descriptors, the bytes that wait to be sent, who is readable and writable.
//! Promises: bytes leave in the order in which they were given; a connection ends exactly once.
//! Knows nothing of: what the bytes mean.

mod listener;

pub use listener::ListenerPlan;
pub(super) use listener::{Listener, open_listener};
