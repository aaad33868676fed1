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
use crate::shard::task::{DirectoryCondition, PartitionSize, Task};

use super::{Gather, Parts, Plan, Tasks};

/// In place of a size that the disk does not tell (KIP-827).
const UNKNOWN_BYTES: i64 = -1;

/// The sizes so far.
#[derive(Debug, Default)]
pub struct LogDirsGather {
    sizes: Vec<PartitionSize>,
    conditions: Vec<DirectoryCondition>,
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
    pub fn on_directories(&mut self, conditions: Vec<DirectoryCondition>) {
        self.conditions = conditions;
    }

    /// Every shard answered.
    pub fn finish(self, parts: &Parts<'_>) -> Plan {
        let directories = parts.config().log_dirs.iter();
        let results = (0_u16..).zip(directories).map(|(directory, path)| {
            let mut topics = BTreeMap::<&str, BTreeMap<i32, &PartitionSize>>::new();
            for size in self.sizes.iter().filter(|size| size.directory == directory) {
                let partitions = topics.entry(&size.topic).or_default();
                partitions.insert(size.partition.partition, size);
            }
            let mut result = DescribeLogDirsResult {
                error_code: ErrorCode::None.code(),
                log_dir: path.clone(),
                total_bytes: UNKNOWN_BYTES,
                usable_bytes: UNKNOWN_BYTES,
                ..Default::default()
            };
            match self.conditions.get(usize::from(directory)) {
                Some(DirectoryCondition::Offline) => {
                    result.error_code = ErrorCode::KafkaStorageError.code();
                    return result;
                }
                Some(DirectoryCondition::Room(room)) => {
                    result.total_bytes = bytes(room.total_bytes);
                    result.usable_bytes = bytes(room.usable_bytes);
                }
                Some(DirectoryCondition::Unknown) | None => {}
            }
            result.is_cordoned = parts.is_cordoned(path);
            result.topics = topics.into_iter().map(described).collect();
            result
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

fn described((name, partitions): (&str, BTreeMap<i32, &PartitionSize>)) -> DescribeLogDirsTopic {
    let partitions =
        partitions
            .into_iter()
            .map(|(partition_index, size)| DescribeLogDirsPartition {
                partition_index,
                partition_size: bytes(size.size_bytes),
                offset_lag: size.future_lag.unwrap_or(0),
                is_future_key: size.future_lag.is_some(),
                ..Default::default()
            });
    DescribeLogDirsTopic {
        name: name.to_owned(),
        partitions: partitions.collect(),
        ..Default::default()
    }
}
