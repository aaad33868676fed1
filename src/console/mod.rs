//! The broker's HTTP side, for monitors and for people: metrics and health.
//!
//! Owns: the bytes of a connection that are not yet a whole request, the routes, what is answered.
//! Promises: a client that sends nonsense, too much or nothing costs a bounded amount of memory and
//! gets the status that says so; one request of a connection is in work at a time.
//! Knows nothing of: shards, partitions, sockets, where the metrics come from.
//! Lives on: the shard that the connection was handed to. Start at [`HttpConnection::next_step`].

mod answer;
mod connection;
mod request;

pub use answer::{Answer, Health};
pub use connection::{HttpConnection, HttpStep};
pub use request::ConsoleRequest;

#[cfg(test)]
mod tests;
