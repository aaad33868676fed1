//! The tables: what Kafka 4.3 knows of its settings, and what Forebay does with each.
//!
//! Owns: names, types, defaults and limits, as constants; nothing else is a source of them.
//! Promises: every setting of Kafka 4.3 is listed, sorted by name.

pub mod broker;
pub mod group;
pub mod topic;
