//! ListOffsets: where logs start and end, and which offset a time has (KIP-79).

use crate::model::{ErrorCode, TopicIdPartition};
use crate::protocol::messages::list_offsets_request::ListOffsetsPartition;
use crate::protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use crate::protocol::messages::{ListOffsetsRequest, ListOffsetsResponse};
use crate::shard::request::RequestContext;
use crate::shard::task::{ListedOffset, OffsetTarget, Task, TaskIndex};
use crate::stdx::new_set;

use super::{Gather, Parts, Places, Plan, Tasks};

const READ_COMMITTED: i8 = 1;

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
/// Since version 7 (KIP-734).
const MAX_TIMESTAMP: i64 = -3;
/// Since version 8 (KIP-405).
const EARLIEST_LOCAL: i64 = -4;
/// Since version 9 (KIP-1005).
const LATEST_TIERED: i64 = -5;
/// Since version 11 (KIP-1023).
const EARLIEST_PENDING_UPLOAD: i64 = -6;

/// The answers of the partitions so far.
#[derive(Debug)]
pub struct ListOffsetsGather {
    response: ListOffsetsResponse,
    places: Places,
    /// Since version 4 (KIP-320): an older answer has no place for the epoch.
    tells_epochs: bool,
}

/// Ask every partition's owner.
pub fn plan(context: &RequestContext, request: ListOffsetsRequest, parts: &Parts<'_>) -> Plan {
    let mut gather = ListOffsetsGather {
        response: ListOffsetsResponse::default(),
        places: Places::default(),
        tells_epochs: context.version >= 4,
    };
    let mut tasks = Tasks::default();
    let is_committed_only = request.isolation_level == READ_COMMITTED;
    for topic in request.topics {
        let mut seen = new_set();
        let mut answers = ListOffsetsTopicResponse {
            name: topic.name,
            ..Default::default()
        };
        let repeated: Vec<i32> = topic
            .partitions
            .iter()
            .map(|partition| partition.partition_index)
            .filter(|index| !seen.insert(*index))
            .collect();
        for partition in topic.partitions {
            let index = partition.partition_index;
            let is_repeated = repeated.contains(&index);
            let mut answer = refused(index, ErrorCode::None);
            let target = target_of(context.version, partition.timestamp, is_committed_only);
            match check(&answers.name, &partition, is_repeated, parts).and_then(|id| {
                target
                    .map(|target| (id, target))
                    .ok_or(ErrorCode::UnsupportedVersion)
            }) {
                Ok((id, target)) => {
                    let place = (gather.response.topics.len(), answers.partitions.len());
                    let task_index = gather.places.add(place);
                    let epoch = partition.current_leader_epoch;
                    let leader_epoch = (epoch >= 0).then_some(epoch);
                    let task = Task::ListOffset {
                        partition: id,
                        leader_epoch,
                        target,
                    };
                    tasks.push(parts.owner_of(id), task_index, task);
                }
                Err(error) => answer = refused(index, error),
            }
            answers.partitions.push(answer);
        }
        gather.response.topics.push(answers);
    }
    if tasks.is_empty() {
        return gather.finish();
    }
    Plan::Tasks {
        tasks,
        gather: Box::new(Gather::ListOffsets(gather)),
    }
}

impl ListOffsetsGather {
    /// A partition answered.
    pub fn on_reply(&mut self, index: TaskIndex, result: Result<Option<ListedOffset>, ErrorCode>) {
        let (topic, partition) = self.places.at(index);
        let answer = &mut self.response.topics[topic].partitions[partition];
        match result {
            Ok(Some(found)) => {
                answer.offset = found.offset;
                answer.timestamp = found.timestamp.unwrap_or(-1);
                if self.tells_epochs {
                    answer.leader_epoch = found.leader_epoch.unwrap_or(-1);
                }
            }
            Ok(None) => {}
            Err(error) => answer.error_code = error.code(),
        }
    }

    /// Every partition answered.
    pub fn finish(self) -> Plan {
        Plan::answer(self.response)
    }
}

fn refused(partition_index: i32, error: ErrorCode) -> ListOffsetsPartitionResponse {
    ListOffsetsPartitionResponse {
        partition_index,
        error_code: error.code(),
        timestamp: -1,
        offset: -1,
        leader_epoch: -1,
        ..Default::default()
    }
}

fn check(
    topic_name: &str,
    partition: &ListOffsetsPartition,
    is_repeated: bool,
    parts: &Parts<'_>,
) -> Result<TopicIdPartition, ErrorCode> {
    if is_repeated {
        return Err(ErrorCode::InvalidRequest);
    }
    let topic = parts
        .image
        .topic(topic_name)
        .ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let (id, registration) = parts
        .partition(topic, partition.partition_index)
        .ok_or(ErrorCode::UnknownTopicOrPartition)?;
    if registration.leader != Some(parts.config().node_id) {
        return Err(ErrorCode::NotLeaderOrFollower);
    }
    Ok(id)
}

/// What a timestamp asks for; `None` if the version does not know it yet.
fn target_of(version: i16, timestamp: i64, is_committed_only: bool) -> Option<OffsetTarget> {
    match timestamp {
        LATEST => Some(OffsetTarget::Latest { is_committed_only }),
        EARLIEST => Some(OffsetTarget::Earliest),
        MAX_TIMESTAMP => (version >= 7).then_some(OffsetTarget::MaxTimestamp),
        EARLIEST_LOCAL => (version >= 8).then_some(OffsetTarget::Earliest),
        LATEST_TIERED => (version >= 9).then_some(OffsetTarget::LatestTiered),
        EARLIEST_PENDING_UPLOAD => (version >= 11).then_some(OffsetTarget::LatestTiered),
        timestamp if timestamp >= 0 => Some(OffsetTarget::Timestamp(timestamp)),
        _ => None,
    }
}
