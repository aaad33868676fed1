//! AlterReplicaLogDirs: have replicas lie in other log directories (KIP-113).

use std::collections::BTreeMap;

use crate::log::storage::DirectoryIndex;
use crate::model::{ErrorCode, PartitionIndex, TopicIdPartition};
use crate::protocol::messages::alter_replica_log_dirs_response::{
    AlterReplicaLogDirPartitionResult, AlterReplicaLogDirTopicResult,
};
use crate::protocol::messages::{AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse};
use crate::security::Operation;
use crate::shard::request::RequestContext;
use crate::shard::task::{Task, TaskIndex};

use super::by_partition::{Asked, PartitionGather};
use super::{Gather, Parts, Plan};

/// Ask the owner of every partition.
pub fn plan(
    context: &RequestContext,
    request: AlterReplicaLogDirsRequest,
    parts: &Parts<'_>,
) -> Plan {
    let is_refused = !parts.access(context).allows_cluster(Operation::Alter);
    // Of a partition that is named twice the last directory counts.
    let mut wanted: BTreeMap<String, BTreeMap<PartitionIndex, String>> = BTreeMap::new();
    for directory in request.dirs {
        for topic in directory.topics {
            let partitions = wanted.entry(topic.name).or_default();
            let named = topic.partitions.into_iter();
            partitions.extend(named.map(|index| (index, directory.path.clone())));
        }
    }
    let (mut response, mut asked) = (AlterReplicaLogDirsResponse::default(), Vec::new());
    for (topic_name, partitions) in wanted {
        let mut results = AlterReplicaLogDirTopicResult {
            topic_name,
            ..Default::default()
        };
        for (index, path) in partitions {
            let mut result = AlterReplicaLogDirPartitionResult {
                partition_index: index,
                ..Default::default()
            };
            let checked = if is_refused {
                Err(ErrorCode::ClusterAuthorizationFailed)
            } else {
                check(&results.topic_name, index, &path, parts)
            };
            match checked {
                Ok((partition, directory)) => asked.push(Asked {
                    place: (response.results.len(), results.partitions.len()),
                    partition,
                    task: Task::MoveReplica {
                        partition,
                        directory,
                    },
                }),
                Err(error) => result.error_code = error.code(),
            }
            results.partitions.push(result);
        }
        response.results.push(results);
    }
    PartitionGather::plan(response, asked, parts, Gather::MoveReplicas)
}

/// Which directory is meant, and which partition.
fn check(
    topic: &str,
    index: PartitionIndex,
    path: &str,
    parts: &Parts<'_>,
) -> Result<(TopicIdPartition, DirectoryIndex), ErrorCode> {
    // As it is written in the settings, as Kafka demands.
    let mut directories = parts.config().log_dirs.iter();
    let place = directories.position(|directory| directory == path);
    let place = place.ok_or(ErrorCode::LogDirNotFound)?;
    if parts
        .directories
        .get(place)
        .is_some_and(|found| found.is_offline)
    {
        return Err(ErrorCode::KafkaStorageError);
    }
    if parts.is_cordoned(path) {
        return Err(ErrorCode::InvalidReplicaAssignment);
    }
    let topic = parts.image.topic(topic);
    let found = topic.and_then(|topic| parts.partition(topic, index));
    let (id, registration) = found.ok_or(ErrorCode::UnknownTopicOrPartition)?;
    if !registration.replicas.contains(&parts.config().node_id) {
        return Err(ErrorCode::NotLeaderOrFollower);
    }
    let place = u16::try_from(place).expect("log directories are few");
    Ok((id, DirectoryIndex(place)))
}

impl PartitionGather<AlterReplicaLogDirsResponse> {
    /// A partition answered.
    pub fn on_reply(&mut self, index: TaskIndex, result: Result<(), ErrorCode>) {
        let (topic, partition) = self.place(index);
        if let Err(error) = result {
            self.response.results[topic].partitions[partition].error_code = error.code();
        }
    }
}
