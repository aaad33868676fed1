//! DescribeLogDirs: how many bytes each partition takes in which log directory (KIP-113).

use std::collections::BTreeMap;

use crate::model::{ErrorCode, ShardId, TopicIdPartition};
use crate::protocol::messages::describe_log_dirs_response::{
    DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use crate::protocol::messages::{DescribeLogDirsRequest, DescribeLogDirsResponse};
use crate::security::Operation;
use crate::shard::placement::place;
use crate::shard::request::RequestContext;
use crate::shard::task::{DirectoryRoom, PartitionSize, Task};

use super::{Gather, Parts, Plan, Tasks};

/// In place of a size that the disk does not tell (KIP-827).
const UNKNOWN_BYTES: i64 = -1;

/// The sizes so far.
#[derive(Debug, Default)]
pub struct LogDirsGather {
    sizes: Vec<PartitionSize>,
    room: Vec<Option<DirectoryRoom>>,
}

/// Ask every shard for the partitions that it has, and the disk for the room there is.
pub fn plan(context: &RequestContext, request: DescribeLogDirsRequest, parts: &Parts<'_>) -> Plan {
    if !parts.access(context).allows_cluster(Operation::Describe) {
        return Plan::answer(DescribeLogDirsResponse {
            error_code: ErrorCode::ClusterAuthorizationFailed.code(),
            ..Default::default()
        });
    }
    let wanted: Option<Vec<TopicIdPartition>> = request.topics.map(|topics| {
        let known = topics
            .iter()
            .filter_map(|topic| Some((parts.image.topic(&topic.topic)?, topic)));
        known
            .flat_map(|(image, topic)| topic.partitions.iter().map(|index| place(image.id, *index)))
            .collect()
    });
    let mut tasks = Tasks::default();
    for shard in (0..parts.shards_count).map(ShardId) {
        tasks.push(
            shard,
            0,
            Task::DescribeSizes {
                partitions: wanted.clone(),
            },
        );
    }
    // Every shard sees the same directories.
    tasks.push(parts.shard, 0, Task::DescribeRoom);
    Plan::Tasks {
        tasks,
        gather: Box::new(Gather::LogDirs(LogDirsGather::default())),
    }
}

impl LogDirsGather {
    /// A shard answered.
    pub fn on_reply(&mut self, sizes: Vec<PartitionSize>) {
        self.sizes.extend(sizes);
    }

    /// The disk answered.
    pub fn on_room(&mut self, room: Vec<Option<DirectoryRoom>>) {
        self.room = room;
    }

    /// Every shard answered.
    pub fn finish(self, parts: &Parts<'_>) -> Plan {
        let directories = parts.config().log_dirs.iter();
        let results = (0_u16..).zip(directories).map(|(directory, path)| {
            let mut topics = BTreeMap::<&str, BTreeMap<i32, u64>>::new();
            for size in self.sizes.iter().filter(|size| size.directory == directory) {
                let partitions = topics.entry(&size.topic).or_default();
                partitions.insert(size.partition.partition, size.size_bytes);
            }
            let room = self.room.get(usize::from(directory)).copied().flatten();
            DescribeLogDirsResult {
                error_code: ErrorCode::None.code(),
                log_dir: path.clone(),
                topics: topics.into_iter().map(described).collect(),
                total_bytes: room.map_or(UNKNOWN_BYTES, |room| bytes(room.total_bytes)),
                usable_bytes: room.map_or(UNKNOWN_BYTES, |room| bytes(room.usable_bytes)),
                ..Default::default()
            }
        });
        Plan::answer(DescribeLogDirsResponse {
            results: results.collect(),
            ..Default::default()
        })
    }
}

fn bytes(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn described((name, partitions): (&str, BTreeMap<i32, u64>)) -> DescribeLogDirsTopic {
    let partitions =
        partitions
            .into_iter()
            .map(|(partition_index, size)| DescribeLogDirsPartition {
                partition_index,
                partition_size: bytes(size),
                offset_lag: 0,
                is_future_key: false,
                ..Default::default()
            });
    DescribeLogDirsTopic {
        name: name.to_owned(),
        partitions: partitions.collect(),
        ..Default::default()
    }
}
