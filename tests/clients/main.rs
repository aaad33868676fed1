//! Real clients and tools against Forebay, with Apache Kafka as the judge.

#[path = "../support/mod.rs"]
mod support;

mod access;
mod bench;
mod command_line;
mod compacted_transactions;
mod compaction;
mod connection_limits;
mod console_tools;
mod first_steps;
mod judge;
mod listeners;
mod move_replicas;
mod restart;
mod transcript;
