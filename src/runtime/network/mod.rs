//! Sockets: listeners, the acceptor, the connections of a shard, and those that it dials.
//!
//! Owns: descriptors, the bytes that wait to be sent, who is readable and writable.
//! Promises: bytes leave in the order in which they were given; a connection ends exactly once.
//! Knows nothing of: what the bytes mean.

mod acceptor;
mod admission;
mod connections;
mod dialing;
mod listener;
mod names;
mod outgoing;
mod poller;
mod table;

pub(super) use acceptor::{Accepted, Acceptor};
pub(super) use admission::{Admission, WakeShard};
pub(super) use connections::Connections;
pub(super) use dialing::{DeliverResolved, Resolved};
pub(super) use listener::{Listener, open_listener};
pub use listener::{ListenerPlan, SocketOptions};
pub(super) use names::resolve_names;
