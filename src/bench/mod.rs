//! The load generator: what a broker of Kafka's protocol can do, and how long it takes.
//!
//! Owns: `forebay bench`: its arguments, producers and consumers of its own, the measurement, what
//! is told of it.
//! Promises: a record that is due by a schedule has its latency counted from then, whatever the
//! broker did meanwhile; every batch has a valid checksum, and with idempotence its number; topics
//! that were made are removed, also after Ctrl-C; what failed is counted by its error.
//! Knows nothing of: the inside of a broker. Everything is asked in Kafka's protocol, so that it
//! measures Apache Kafka and others alike.
//! Lives in: one process per command. A few threads share the clients; each waits for all of its
//! sockets and for the next moment at which something is due (`worker.rs`).
//! Start at [`run`], then `run.rs`, `producer.rs` and `template.rs`, which is why a client takes
//! little of the CPU that the broker beside it could use.

mod amounts;
mod arguments;
mod commands;
mod consumer;
mod figures;
mod hgrm;
mod keys;
mod link;
mod live;
mod plot;
mod processes;
mod producer;
mod report;
mod run;
mod schedule;
mod sink;
mod tally;
mod template;
mod topics;
mod wait;
mod worker;
mod workloads;

pub use arguments::BenchArguments;
pub use commands::run;
