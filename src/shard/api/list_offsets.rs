//! ListOffsets: where logs start and end, and which offset a time has (KIP-79).

use crate::model::{ErrorCode, PartitionIndex, TopicIdPartition};
use crate::protocol::messages::list_offsets_request::ListOffsetsPartition;
use crate::protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use crate::protocol::messages::{ListOffsetsRequest, ListOffsetsResponse};
use crate::security::Operation;
use crate::shard::request::RequestContext;
use crate::shard::task::{ListedOffset, OffsetTarget, Task, TaskIndex};
use crate::stdx::new_map;

use super::by_partition::{Asked, PartitionGather};
use super::{Gather, Parts, Plan};

const READ_UNCOMMITTED: i8 = 0;
const READ_COMMITTED: i8 = 1;

/// An older answer has no place for the epoch of a leader (KIP-320).
const VERSION_WITH_EPOCHS: i16 = 4;

/// Older clients do not know the error of a leader whose high watermark lags (KIP-207).
const VERSION_WITH_LAG: i16 = 5;

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

/// Ask every partition's owner.
pub fn plan(context: &RequestContext, request: ListOffsetsRequest, parts: &Parts<'_>) -> Plan {
    let (mut response, mut asked) = (ListOffsetsResponse::default(), Vec::new());
    let access = parts.access(context);
    for topic in request.topics {
        let is_refused = !access.allows_topic(Operation::Describe, &topic.name);
        let mut answers = ListOffsetsTopicResponse {
            name: topic.name,
            ..Default::default()
        };
        for partition in without_repeats(topic.partitions) {
            let (index, checked) = match partition {
                Named::Once(ListOffsetsPartition {
                    partition_index, ..
                })
                | Named::Repeatedly(partition_index)
                    if is_refused =>
                {
                    (partition_index, Err(ErrorCode::TopicAuthorizationFailed))
                }
                Named::Once(partition) => {
                    let asked = (context.version, request.isolation_level, request.replica_id);
                    let checked = check(asked, &answers.name, &partition, parts);
                    (partition.partition_index, checked)
                }
                Named::Repeatedly(index) => (index, Err(ErrorCode::InvalidRequest)),
            };
            let mut answer = ListOffsetsPartitionResponse {
                partition_index: index,
                timestamp: -1,
                offset: -1,
                leader_epoch: -1,
                ..Default::default()
            };
            match checked {
                Ok((id, task)) => asked.push(Asked {
                    place: (response.topics.len(), answers.partitions.len()),
                    partition: id,
                    task,
                }),
                Err(error) => answer.error_code = error.code(),
            }
            answers.partitions.push(answer);
        }
        response.topics.push(answers);
    }
    PartitionGather::plan(response, asked, parts, Gather::ListOffsets)
}

impl PartitionGather<ListOffsetsResponse> {
    /// A partition answered.
    pub fn on_reply(&mut self, index: TaskIndex, result: Result<Option<ListedOffset>, ErrorCode>) {
        let (topic, partition) = self.place(index);
        let answer = &mut self.response.topics[topic].partitions[partition];
        match result {
            Ok(Some(found)) => {
                answer.offset = found.offset;
                answer.timestamp = found.timestamp.unwrap_or(-1);
                answer.leader_epoch = found.leader_epoch.unwrap_or(-1);
            }
            Ok(None) => {}
            Err(error) => answer.error_code = error.code(),
        }
    }

    /// Every partition answered a request of this version.
    pub fn finish_in(mut self, version: i16) -> Plan {
        if version < VERSION_WITH_LAG {
            let partitions = self.response.topics.iter_mut();
            for answer in partitions.flat_map(|topic| &mut topic.partitions) {
                if answer.error_code == ErrorCode::OffsetNotAvailable.code() {
                    answer.error_code = ErrorCode::LeaderNotAvailable.code();
                }
            }
        }
        if version < VERSION_WITH_EPOCHS {
            let partitions = self.response.topics.iter_mut();
            for answer in partitions.flat_map(|topic| &mut topic.partitions) {
                answer.leader_epoch = -1;
            }
        }
        self.finish()
    }
}

/// A partition as a request names it.
enum Named {
    Once(ListOffsetsPartition),
    Repeatedly(PartitionIndex),
}

/// The partitions of a topic, each once: one that is named repeatedly is refused once.
fn without_repeats(partitions: Vec<ListOffsetsPartition>) -> Vec<Named> {
    let mut places = new_map();
    let mut named: Vec<Named> = Vec::with_capacity(partitions.len());
    for partition in partitions {
        let index = partition.partition_index;
        match places.get(&index) {
            Some(place) => named[*place] = Named::Repeatedly(index),
            None => {
                places.insert(index, named.len());
                named.push(Named::Once(partition));
            }
        }
    }
    named
}

/// The partition and what its owner is asked.
fn check(
    (version, isolation_level, replica_id): (i16, i8, i32),
    topic_name: &str,
    partition: &ListOffsetsPartition,
    parts: &Parts<'_>,
) -> Result<(TopicIdPartition, Task), ErrorCode> {
    let is_committed_only = match isolation_level {
        READ_UNCOMMITTED => false,
        READ_COMMITTED => true,
        // Kafka has no code of its own for this.
        _ => return Err(ErrorCode::UnknownServerError),
    };
    let id = parts.leading_partition(topic_name, partition.partition_index)?;
    let target = match partition.timestamp {
        LATEST if replica_id >= 0 => Some(OffsetTarget::LogEnd),
        timestamp => target_of(version, timestamp, is_committed_only),
    };
    let epoch = partition.current_leader_epoch;
    let task = Task::ListOffset {
        partition: id,
        leader_epoch: (epoch >= 0).then_some(epoch),
        target: target.ok_or(ErrorCode::UnsupportedVersion)?,
    };
    Ok((id, task))
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
