//! DeleteRecords: move the start of logs up (KIP-107).

use crate::model::{ErrorCode, Offset};
use crate::protocol::messages::delete_records_response::{
    DeleteRecordsPartitionResult, DeleteRecordsTopicResult,
};
use crate::protocol::messages::{DeleteRecordsRequest, DeleteRecordsResponse};
use crate::shard::task::{Task, TaskIndex};

use super::{Gather, Parts, Places, Plan, Tasks};

/// In place of an offset: everything that consumers can see.
const HIGH_WATERMARK: Offset = -1;

/// The answers of the partitions so far.
#[derive(Debug, Default)]
pub struct DeleteRecordsGather {
    response: DeleteRecordsResponse,
    places: Places,
}

/// Ask every partition's owner.
pub fn plan(request: DeleteRecordsRequest, parts: &Parts<'_>) -> Plan {
    let mut gather = DeleteRecordsGather::default();
    let mut tasks = Tasks::default();
    for topic in request.topics {
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
            match parts.leading_partition(&results.name, index) {
                Ok(id) if partition.offset >= HIGH_WATERMARK => {
                    let place = (gather.response.topics.len(), results.partitions.len());
                    let before = (partition.offset >= 0).then_some(partition.offset);
                    let task = Task::DeleteRecords {
                        partition: id,
                        before,
                    };
                    tasks.push(parts.owner_of(id), gather.places.add(place), task);
                }
                Ok(_) => result.error_code = ErrorCode::OffsetOutOfRange.code(),
                Err(error) => result.error_code = error.code(),
            }
            results.partitions.push(result);
        }
        gather.response.topics.push(results);
    }
    if tasks.is_empty() {
        return gather.finish();
    }
    Plan::Tasks {
        tasks,
        gather: Box::new(Gather::DeleteRecords(gather)),
    }
}

impl DeleteRecordsGather {
    /// A partition answered.
    pub fn on_reply(&mut self, index: TaskIndex, result: Result<Offset, ErrorCode>) {
        let (topic, partition) = self.places.at(index);
        let answer = &mut self.response.topics[topic].partitions[partition];
        match result {
            Ok(log_start_offset) => answer.low_watermark = log_start_offset,
            Err(error) => answer.error_code = error.code(),
        }
    }

    /// Every partition answered.
    pub fn finish(self) -> Plan {
        Plan::answer(self.response)
    }
}
