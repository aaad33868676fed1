//! DescribeProducers: who writes to a partition (KIP-664).

use crate::log::ActiveProducer;
use crate::model::ErrorCode;
use crate::protocol::messages::describe_producers_response::{
    PartitionResponse, ProducerState, TopicResponse,
};
use crate::protocol::messages::{DescribeProducersRequest, DescribeProducersResponse};
use crate::security::{Operation, refusal_text};
use crate::shard::request::RequestContext;
use crate::shard::task::{Task, TaskIndex};

use super::by_partition::{Asked, PartitionGather};
use super::{Gather, Parts, Plan};

/// Ask every partition's owner.
pub fn plan(
    context: &RequestContext,
    request: DescribeProducersRequest,
    parts: &Parts<'_>,
) -> Plan {
    let (mut response, mut asked) = (DescribeProducersResponse::default(), Vec::new());
    let access = parts.access(context);
    for topic in request.topics {
        let is_refused = !access.allows_topic(Operation::Read, &topic.name);
        let mut answers = TopicResponse {
            name: topic.name,
            ..TopicResponse::default()
        };
        for partition_index in topic.partition_indexes {
            let mut answer = PartitionResponse {
                partition_index,
                ..Default::default()
            };
            let found = if is_refused {
                Err(ErrorCode::TopicAuthorizationFailed)
            } else {
                parts.leading_partition(&answers.name, partition_index)
            };
            match found {
                Ok(partition) => asked.push(Asked {
                    place: (response.topics.len(), answers.partitions.len()),
                    partition,
                    task: Task::DescribeProducers { partition },
                }),
                Err(error) => {
                    answer.error_code = error.code();
                    // Kafka has words for a topic that is not there, and none for a partition.
                    if is_refused {
                        answer.error_message = Some(refusal_text(error).to_owned());
                    } else if parts.image.topic(&answers.name).is_none() {
                        answer.error_message = Some("there is no such topic".to_owned());
                    }
                }
            }
            answers.partitions.push(answer);
        }
        response.topics.push(answers);
    }
    PartitionGather::plan(response, asked, parts, Gather::DescribeProducers)
}

impl PartitionGather<DescribeProducersResponse> {
    /// A partition answered.
    pub fn on_reply(&mut self, index: TaskIndex, result: Result<Vec<ActiveProducer>, ErrorCode>) {
        let (topic, partition) = self.place(index);
        let answer = &mut self.response.topics[topic].partitions[partition];
        match result {
            Ok(producers) => {
                answer.active_producers = producers.into_iter().map(described).collect();
            }
            Err(error) => answer.error_code = error.code(),
        }
    }
}

fn described(producer: ActiveProducer) -> ProducerState {
    ProducerState {
        producer_id: producer.producer_id,
        producer_epoch: i32::from(producer.producer_epoch),
        last_sequence: producer.last_sequence.unwrap_or(-1),
        last_timestamp: producer.last_timestamp.unwrap_or(-1),
        coordinator_epoch: producer.coordinator_epoch.unwrap_or(-1),
        current_txn_start_offset: producer.current_transaction_start_offset.unwrap_or(-1),
        ..Default::default()
    }
}
