//! DescribeLogDirs: how many bytes each partition takes in which log directory (KIP-113).

use std::collections::BTreeMap;

use crate::model::{ErrorCode, ShardId, TopicIdPartition};
use crate::protocol::messages::describe_log_dirs_response::{
    DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use crate::protocol::messages::{DescribeLogDirsRequest, DescribeLogDirsResponse};
use crate::shard::placement::place;
use crate::shard::task::{PartitionSize, Task};

use super::{Gather, Parts, Plan, Tasks};

/// The sizes so far.
#[derive(Debug, Default)]
pub struct LogDirsGather {
    sizes: Vec<PartitionSize>,
}

/// Ask every shard for the partitions that it has.
pub fn plan(request: DescribeLogDirsRequest, parts: &Parts<'_>) -> Plan {
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

    /// Every shard answered.
    pub fn finish(self, parts: &Parts<'_>) -> Plan {
        let directories = parts.config().log_dirs.iter();
        let results = (0_u16..).zip(directories).map(|(directory, path)| {
            let mut topics = BTreeMap::<&str, BTreeMap<i32, u64>>::new();
            for size in self.sizes.iter().filter(|size| size.directory == directory) {
                let partitions = topics.entry(&size.topic).or_default();
                partitions.insert(size.partition.partition, size.size_bytes);
            }
            DescribeLogDirsResult {
                error_code: ErrorCode::None.code(),
                log_dir: path.clone(),
                topics: topics.into_iter().map(described).collect(),
                ..Default::default()
            }
        });
        Plan::answer(DescribeLogDirsResponse {
            results: results.collect(),
            ..Default::default()
        })
    }
}

fn described((name, partitions): (&str, BTreeMap<i32, u64>)) -> DescribeLogDirsTopic {
    let partitions =
        partitions
            .into_iter()
            .map(|(partition_index, size)| DescribeLogDirsPartition {
                partition_index,
                partition_size: i64::try_from(size).unwrap_or(i64::MAX),
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
