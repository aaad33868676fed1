//! The place of the load generator, which will speak Kafka's protocol only.
//!
//! There is none yet. `benches/` measures the shape of the broker, Kafka's own
//! `kafka-producer-perf-test` its throughput.
