//! Kafka's nouns as types, shared by every module that speaks of them.
//!
//! Owns: [`Uuid`], [`TopicPartition`], the identifiers, [`NodeAddress`], [`ErrorCode`].
//! Promises: no sentinel inside; a `-1` of the wire is an `Option` here.
//! Knows nothing of: the wire, the disk.

mod error_code;
mod ids;
mod node_address;
mod uuid;

pub use error_code::ErrorCode;
pub use ids::{
    BrokerId, LeaderEpoch, Offset, PartitionIndex, ProducerEpoch, ProducerId, ShardId, TimestampMs,
    TopicIdPartition, TopicPartition,
};
pub use node_address::NodeAddress;
pub use uuid::Uuid;
