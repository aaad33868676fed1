//! Which shard owns a partition: a pure function, so that every shard gives the same answer.

use crate::model::{PartitionIndex, ShardId, TopicIdPartition, Uuid};

/// The shard that owns `partition` on a broker of `shards_count` shards.
///
/// The partitions of a topic follow one another round the shards, so that a topic's load spreads
/// evenly; topics begin at different shards, so that topics of one partition do too. Files know
/// nothing of it: a restart with another count only places anew.
#[must_use]
pub fn shard_of(partition: TopicIdPartition, shards_count: u16) -> ShardId {
    let start = first_shard(&partition.topic_id);
    let index = u64::from(partition.partition.unsigned_abs());
    let shard = (start + index) % u64::from(shards_count.max(1));
    ShardId(u16::try_from(shard).expect("the remainder is below a u16"))
}

fn first_shard(topic_id: &Uuid) -> u64 {
    let [a, b, c, d, ..] = *topic_id.as_bytes();
    u64::from(u32::from_be_bytes([a, b, c, d]))
}

/// The partition `partition` of the topic `topic_id`.
#[must_use]
pub const fn place(topic_id: Uuid, partition: PartitionIndex) -> TopicIdPartition {
    TopicIdPartition {
        topic_id,
        partition,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_partitions_of_a_topic_spread_evenly() {
        let topic_id = Uuid::from_bytes([9; 16]);
        let mut counts = [0; 3];
        for partition in 0..30 {
            counts[usize::from(shard_of(place(topic_id, partition), 3).0)] += 1;
        }
        assert_eq!(counts, [10, 10, 10]);
    }
}
