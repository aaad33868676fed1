//! OffsetForLeaderEpoch: where an epoch ends, by which a client finds that its log was cut
//! (KIP-101, KIP-320).

use crate::model::{ErrorCode, LeaderEpoch, Offset};
use crate::protocol::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderTopicResult,
};
use crate::protocol::messages::{OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};
use crate::security::Operation;
use crate::shard::request::RequestContext;
use crate::shard::task::{Task, TaskIndex};

use super::by_partition::{Asked, PartitionGather};
use super::{Gather, Parts, Plan};

/// Ask every partition's owner.
pub fn plan(
    context: &RequestContext,
    request: OffsetForLeaderEpochRequest,
    parts: &Parts<'_>,
) -> Plan {
    let (mut response, mut asked) = (OffsetForLeaderEpochResponse::default(), Vec::new());
    let access = parts.access(context);
    let is_broker = access.would_allow_cluster(Operation::ClusterAction);
    for topic in request.topics {
        let is_refused = !is_broker && !access.allows_topic(Operation::Describe, &topic.topic);
        let mut answers = OffsetForLeaderTopicResult {
            topic: topic.topic,
            ..Default::default()
        };
        for partition in topic.partitions {
            let mut answer = EpochEndOffset {
                partition: partition.partition,
                leader_epoch: -1,
                end_offset: -1,
                ..Default::default()
            };
            let current = partition.current_leader_epoch;
            let found = if is_refused {
                Err(ErrorCode::TopicAuthorizationFailed)
            } else {
                parts.leading_partition(&answers.topic, partition.partition)
            };
            match found {
                Ok(id) => asked.push(Asked {
                    place: (response.topics.len(), answers.partitions.len()),
                    partition: id,
                    task: Task::EpochEnd {
                        partition: id,
                        leader_epoch: (current >= 0).then_some(current),
                        epoch: partition.leader_epoch,
                    },
                }),
                Err(error) => answer.error_code = error.code(),
            }
            answers.partitions.push(answer);
        }
        response.topics.push(answers);
    }
    PartitionGather::plan(response, asked, parts, Gather::EpochEnds)
}

impl PartitionGather<OffsetForLeaderEpochResponse> {
    /// A partition answered.
    pub fn on_reply(
        &mut self,
        index: TaskIndex,
        result: Result<Option<(LeaderEpoch, Offset)>, ErrorCode>,
    ) {
        let (topic, partition) = self.place(index);
        let answer = &mut self.response.topics[topic].partitions[partition];
        match result {
            Ok(Some((epoch, end_offset))) => {
                answer.leader_epoch = epoch;
                answer.end_offset = end_offset;
            }
            Ok(None) => {}
            Err(error) => answer.error_code = error.code(),
        }
    }
}
