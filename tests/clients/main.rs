//! Real clients and tools against Forebay, with Apache Kafka as the judge.

#[path = "../support/mod.rs"]
mod support;

mod judge;
