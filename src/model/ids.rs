//! Identifiers and positions.

use std::fmt;
use std::sync::Arc;

use super::Uuid;

/// The position of a record in its partition, counted in records from zero.
pub type Offset = i64;

/// How often the leadership of a partition has changed.
pub type LeaderEpoch = i32;

/// A partition's number within its topic, from zero.
pub type PartitionIndex = i32;

/// A node's number in the cluster.
pub type BrokerId = i32;

/// The number that a producer's sequence numbers belong to (KIP-98).
pub type ProducerId = i64;

/// The incarnation of a producer id; an older one is fenced.
pub type ProducerEpoch = i16;

/// Milliseconds since the Unix epoch.
pub type TimestampMs = i64;

/// One core's number within its broker, from zero.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ShardId(pub u16);

impl fmt::Display for ShardId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// A partition by the name of its topic.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The partition's number.
    pub partition: PartitionIndex,
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.topic, self.partition)
    }
}

/// A partition by the id of its topic, which a topic created again under its name does not share.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TopicIdPartition {
    /// The topic's id.
    pub topic_id: Uuid,
    /// The partition's number.
    pub partition: PartitionIndex,
}
