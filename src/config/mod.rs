//! Every setting of the broker and of its topics, typed and resolved.
//!
//! Owns: what Kafka's settings are called, mean, allow and default to; what Forebay adds.
//! Promises: a setting is obeyed, or it is named as one that is not.
//! Knows nothing of: files, flags of the process, who reads a setting.
//! Start at [`BrokerConfig`] and [`TopicConfig`].

mod broker;
mod topic;

pub use broker::{BrokerConfig, Listener, SecurityProtocol};
pub use topic::{CleanupPolicy, CompressionType, TimestampType, TopicConfig};
