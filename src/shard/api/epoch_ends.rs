//! OffsetForLeaderEpoch: where an epoch ends, by which a client finds that its log was cut
//! (KIP-101, KIP-320).

use crate::model::{ErrorCode, LeaderEpoch, Offset};
use crate::protocol::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderTopicResult,
};
use crate::protocol::messages::{OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};
use crate::shard::task::{Task, TaskIndex};

use super::{Gather, Parts, Places, Plan, Tasks};

/// The answers of the partitions so far.
#[derive(Debug, Default)]
pub struct EpochEndsGather {
    response: OffsetForLeaderEpochResponse,
    places: Places,
}

/// Ask every partition's owner.
pub fn plan(request: OffsetForLeaderEpochRequest, parts: &Parts<'_>) -> Plan {
    let mut gather = EpochEndsGather::default();
    let mut tasks = Tasks::default();
    for topic in request.topics {
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
            match parts.leading_partition(&answers.topic, partition.partition) {
                Ok(id) => {
                    let place = (gather.response.topics.len(), answers.partitions.len());
                    let current = partition.current_leader_epoch;
                    let task = Task::EpochEnd {
                        partition: id,
                        leader_epoch: (current >= 0).then_some(current),
                        epoch: partition.leader_epoch,
                    };
                    tasks.push(parts.owner_of(id), gather.places.add(place), task);
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
        gather: Box::new(Gather::EpochEnds(gather)),
    }
}

impl EpochEndsGather {
    /// A partition answered.
    pub fn on_reply(
        &mut self,
        index: TaskIndex,
        result: Result<Option<(LeaderEpoch, Offset)>, ErrorCode>,
    ) {
        let (topic, partition) = self.places.at(index);
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

    /// Every partition answered.
    pub fn finish(self) -> Plan {
        Plan::answer(self.response)
    }
}
