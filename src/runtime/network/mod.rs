//! Sockets: listeners, the acceptor, and the connections of a shard.
//!
//! Owns: descriptors, the bytes that wait to be sent, who is readable and writable.
//! Promises: bytes leave in the order in which they were given; a connection ends exactly once.
//! Knows nothing of: what the bytes mean.

mod acceptor;
mod admission;
mod connections;
mod listener;
mod names;
mod outgoing;
mod poller;

pub(super) use acceptor::{Accepted, Acceptor};
pub(super) use admission::{Admission, WakeShard};
pub(super) use connections::Connections;
pub(super) use listener::{Listener, open_listener};
pub use listener::{ListenerPlan, SocketOptions};
pub(super) use names::resolve_names;
