//! DeleteRecords: move the start of logs up (KIP-107).

use crate::metadata::is_internal_topic;
use crate::model::{ErrorCode, Offset, PartitionIndex, TopicIdPartition};
use crate::protocol::messages::delete_records_response::{
    DeleteRecordsPartitionResult, DeleteRecordsTopicResult,
};
use crate::protocol::messages::{DeleteRecordsRequest, DeleteRecordsResponse};
use crate::security::Operation;
use crate::shard::request::RequestContext;
use crate::shard::task::{Task, TaskIndex};
use crate::stdx::duration_of_ms;

use super::by_partition::{Asked, PartitionGather};
use super::{Gather, Parts, Plan};

/// In place of an offset: everything that consumers can see.
const HIGH_WATERMARK: Offset = -1;

/// Ask every partition's owner.
pub fn plan(
    context: &RequestContext,
    request: DeleteRecordsRequest,
    parts: &mut Parts<'_>,
) -> Plan {
    let (mut response, mut asked) = (DeleteRecordsResponse::default(), Vec::new());
    let access = parts.access(context);
    let timeout = duration_of_ms(request.timeout_ms);
    for topic in request.topics {
        let is_refused = !access.allows_topic(Operation::Delete, &topic.name);
        let mut results = DeleteRecordsTopicResult {
            name: topic.name,
            ..DeleteRecordsTopicResult::default()
        };
        for partition in topic.partitions {
            let index = partition.partition_index;
            let mut result = DeleteRecordsPartitionResult {
                partition_index: index,
                low_watermark: -1,
                ..Default::default()
            };
            let checked = if is_refused {
                Err(ErrorCode::TopicAuthorizationFailed)
            } else {
                check(&results.name, index, partition.offset, parts)
            };
            match checked {
                Ok(id) => asked.push(Asked {
                    place: (response.topics.len(), results.partitions.len()),
                    partition: id,
                    task: Task::DeleteRecords {
                        partition: id,
                        before: (partition.offset >= 0).then_some(partition.offset),
                        deadline: context.received_at + timeout,
                    },
                }),
                Err(error) => result.error_code = error.code(),
            }
            results.partitions.push(result);
        }
        response.topics.push(results);
    }
    PartitionGather::plan(response, asked, parts, Gather::DeleteRecords)
}

/// Whether records of the partition may be deleted before `offset`.
fn check(
    topic_name: &str,
    index: PartitionIndex,
    offset: Offset,
    parts: &mut Parts<'_>,
) -> Result<TopicIdPartition, ErrorCode> {
    let id = parts.leading_partition(topic_name, index)?;
    if is_internal_topic(topic_name) {
        return Err(ErrorCode::InvalidTopicException);
    }
    let topic = parts.image.topic(topic_name);
    let name = topic
        .expect("a partition of it was just found")
        .name
        .clone();
    let policy = parts.configs.topic(parts.image, &name).cleanup_policy;
    // The newest record of each key is to stay, unless the topic deletes old ones as well.
    if policy.compact && !policy.delete {
        return Err(ErrorCode::PolicyViolation);
    }
    if offset < HIGH_WATERMARK {
        return Err(ErrorCode::OffsetOutOfRange);
    }
    Ok(id)
}

impl PartitionGather<DeleteRecordsResponse> {
    /// A partition answered.
    pub fn on_reply(&mut self, index: TaskIndex, result: Result<Offset, ErrorCode>) {
        let (topic, partition) = self.place(index);
        let answer = &mut self.response.topics[topic].partitions[partition];
        match result {
            Ok(log_start_offset) => answer.low_watermark = log_start_offset,
            Err(error) => answer.error_code = error.code(),
        }
    }
}
