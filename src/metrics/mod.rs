//! What a shard counts and measures, and how it is told to those who ask.
//!
//! Owns: the table of metrics, a shard's counters ([`ShardMetrics`]), Prometheus' text format.
//! Promises: bumping is a plain addition; every metric of the table is told, and nothing else; the
//! number of series is bounded, and what is left out is said.
//! Knows nothing of: who bumps, clocks, HTTP. Times come in as durations.
//! Lives on: every shard; copies of all shards meet where they are told, in
//! [`encode_exposition`]. Start at [`ShardMetrics`].

mod exposition;
mod histogram;
mod sample;
mod shard_metrics;
pub mod table;

pub use exposition::{Scrape, encode_exposition};
pub use histogram::Histogram;
pub use shard_metrics::{
    DirectoryState, GroupOffset, ListenerMetrics, ParkedOperation, PartitionState, QuorumState,
    RequestTimes, ShardMetrics, TopicMetrics,
};
pub use table::MetricId;

#[cfg(test)]
mod tests;
