//! DescribeProducers: who writes to a partition (KIP-664).

use crate::log::ActiveProducer;
use crate::model::ErrorCode;
use crate::protocol::messages::describe_producers_response::{
    PartitionResponse, ProducerState, TopicResponse,
};
use crate::protocol::messages::{DescribeProducersRequest, DescribeProducersResponse};
use crate::shard::task::{Task, TaskIndex};

use super::{Gather, Parts, Places, Plan, Tasks};

/// The answers of the partitions so far.
#[derive(Debug, Default)]
pub struct DescribeProducersGather {
    response: DescribeProducersResponse,
    places: Places,
}

/// Ask every partition's owner.
pub fn plan(request: DescribeProducersRequest, parts: &Parts<'_>) -> Plan {
    let mut gather = DescribeProducersGather::default();
    let mut tasks = Tasks::default();
    for topic in request.topics {
        let mut answers = TopicResponse {
            name: topic.name,
            ..TopicResponse::default()
        };
        for partition_index in topic.partition_indexes {
            let mut answer = PartitionResponse {
                partition_index,
                ..Default::default()
            };
            match parts.leading_partition(&answers.name, partition_index) {
                Ok(partition) => {
                    let place = (gather.response.topics.len(), answers.partitions.len());
                    let task = Task::DescribeProducers { partition };
                    tasks.push(parts.owner_of(partition), gather.places.add(place), task);
                }
                Err(error) => answer.error_code = error.code(),
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
        gather: Box::new(Gather::DescribeProducers(gather)),
    }
}

impl DescribeProducersGather {
    /// A partition answered.
    pub fn on_reply(&mut self, index: TaskIndex, result: Result<Vec<ActiveProducer>, ErrorCode>) {
        let (topic, partition) = self.places.at(index);
        let answer = &mut self.response.topics[topic].partitions[partition];
        match result {
            Ok(producers) => {
                answer.active_producers = producers.into_iter().map(described).collect();
            }
            Err(error) => answer.error_code = error.code(),
        }
    }

    /// Every partition answered.
    pub fn finish(self) -> Plan {
        Plan::answer(self.response)
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
