//! The other side of the wire: what a Kafka client knows and decides, without its sockets.
//!
//! Owns: one connection's frames and versions ([`Connection`]), what a client believes of the
//! cluster ([`Cluster`]), the choice of partitions ([`Partitioner`]), records on their way to
//! brokers ([`producer`]) and from them ([`consumer`]), a node's links to others ([`Peers`]).
//! Promises: every answer is matched to its request; bytes from a broker are never trusted: what
//! is wrong with them is a [`ConnectionError`].
//! Knows nothing of: sockets, clocks, threads: bytes, time and randomness are passed in.
//! Lives in: one driver each, `admin`'s command line, a simulated workload, or a shard.
//! Start at [`Connection`].

mod cluster;
mod connection;
pub mod consumer;
mod outgoing;
mod partitioner;
mod peers;
pub mod producer;

#[cfg(test)]
mod tests;

pub use cluster::{Broker, Cluster, Partition, Topic, error_of, is_moved_coordinator, is_stale};
pub use connection::{Connection, ConnectionError, RequestId, Response};
pub use outgoing::{Outgoing, Tag};
pub use partitioner::{Partitioner, murmur2};
pub use peers::{
    AskFailure, AskToken, Dial, DialFailure, Lane, LinkId, PeerId, Peers, PeersSettings,
};
