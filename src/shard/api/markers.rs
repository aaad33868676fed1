//! WriteTxnMarkers: the coordinator of a transaction ends it where it has records (KIP-98).
//!
//! Who coordinates is a broker of the cluster, or an operator who ends by hand what nobody else
//! does (KIP-664). The markers are appended as if they had been produced with `acks=all`; a marker
//! of a coordinator or a producer that was replaced is refused where the partition is.

use crate::log::AppendOrigin;
use crate::log::validation::ValidatedBatch;
use crate::model::{ErrorCode, PartitionIndex, TopicIdPartition};
use crate::protocol::messages::write_txn_markers_request::WritableTxnMarker;
use crate::protocol::messages::write_txn_markers_response::{
    WritableTxnMarkerPartitionResult, WritableTxnMarkerResult, WritableTxnMarkerTopicResult,
};
use crate::protocol::messages::{WriteTxnMarkersRequest, WriteTxnMarkersResponse};
use crate::protocol::record_batch::{
    ControlType, EndTransactionMarker, RecordBatch, RecordBatchBuilder,
};
use crate::security::Operation;
use crate::shard::request::RequestContext;
use crate::shard::task::{AppendTask, AppendedReply, RefusedAppend, Task, TaskIndex};
use crate::shard::waiting::Acks;
use crate::stdx::duration_of_ms;

use super::{Gather, Parts, Plan, Tasks};

/// From this version of the transactions' protocol on every transaction has an epoch of the
/// producer of its own (KIP-890).
const VERSION_WITH_EPOCHS: i8 = 2;

/// The answers of the partitions so far.
#[derive(Debug)]
pub struct MarkersGather {
    response: WriteTxnMarkersResponse,
    /// Where in the response the reply of each task belongs: marker, topic and partition.
    places: Vec<(usize, usize, usize)>,
}

/// Send every marker to the partitions of its transaction.
pub fn plan(context: &RequestContext, request: WriteTxnMarkersRequest, parts: &Parts<'_>) -> Plan {
    let access = parts.access(context);
    let is_allowed = access.would_allow_cluster(Operation::Alter)
        || access.allows_cluster(Operation::ClusterAction);
    let (mut tasks, mut places) = (Tasks::default(), Vec::new());
    let mut response = WriteTxnMarkersResponse::default();
    let timeout = duration_of_ms(parts.config().request_timeout_ms);
    for marker in request.markers {
        let batch = batch_of(&marker, parts.now.wall_ms);
        let bumps_epoch = marker.transaction_version >= VERSION_WITH_EPOCHS;
        let mut result = WritableTxnMarkerResult {
            producer_id: marker.producer_id,
            ..Default::default()
        };
        for topic in marker.topics {
            let mut answers = WritableTxnMarkerTopicResult {
                name: topic.name,
                ..Default::default()
            };
            for partition_index in topic.partition_indexes {
                let checked = match is_allowed {
                    true => check(&answers.name, partition_index, parts),
                    false => Err(ErrorCode::ClusterAuthorizationFailed),
                };
                let mut answer = WritableTxnMarkerPartitionResult {
                    partition_index,
                    ..Default::default()
                };
                match checked {
                    Ok(partition) => {
                        let index = TaskIndex::try_from(places.len());
                        let index = index.expect("a u32 counts a request's partitions");
                        let task = AppendTask {
                            partition,
                            batch: batch.clone(),
                            origin: AppendOrigin::Marker { bumps_epoch },
                            acks: Acks::InSync,
                            deadline: context.received_at + timeout,
                        };
                        let task = Task::Append(Box::new(task));
                        tasks.push(parts.owner_of(partition), index, task);
                        let (marker, topic) = (response.markers.len(), result.topics.len());
                        places.push((marker, topic, answers.partitions.len()));
                    }
                    Err(error) => answer.error_code = error.code(),
                }
                answers.partitions.push(answer);
            }
            if !answers.partitions.is_empty() {
                result.topics.push(answers);
            }
        }
        // Where nothing is named nothing is answered.
        if !result.topics.is_empty() {
            response.markers.push(result);
        }
    }
    if tasks.is_empty() {
        return Plan::answer(response);
    }
    let gather = MarkersGather { response, places };
    Plan::Tasks {
        tasks,
        gather: Box::new(Gather::Markers(gather)),
    }
}

/// The partition, if this broker leads it. One without a replica here is not known to it.
fn check(
    topic_name: &str,
    index: PartitionIndex,
    parts: &Parts<'_>,
) -> Result<TopicIdPartition, ErrorCode> {
    let topic = parts.image.topic(topic_name);
    let found = topic.and_then(|topic| parts.partition(topic, index));
    let here = parts.config().node_id;
    let found = found.filter(|(_, registration)| registration.replicas.contains(&here));
    let (partition, registration) = found.ok_or(ErrorCode::UnknownTopicOrPartition)?;
    parts.check_leading(registration)?;
    Ok(partition)
}

/// The control batch that ends the transaction.
fn batch_of(marker: &WritableTxnMarker, now_ms: i64) -> ValidatedBatch {
    let end = match marker.transaction_result {
        true => ControlType::Commit,
        false => ControlType::Abort,
    };
    let value = EndTransactionMarker {
        coordinator_epoch: marker.coordinator_epoch,
    };
    let mut builder = RecordBatchBuilder::new()
        .producer(marker.producer_id, marker.producer_epoch, None)
        .transactional()
        .control();
    builder.append_control(now_ms, end, &value.encode());
    let batch: RecordBatch = builder.finish();
    ValidatedBatch {
        batch,
        decompressed_bytes: 0,
        records_count: 1,
        max_timestamp: Some(now_ms),
        max_timestamp_offset_delta: Some(0),
        log_append_time: None,
    }
}

impl MarkersGather {
    /// A partition answered.
    pub fn on_reply(&mut self, index: TaskIndex, result: Result<AppendedReply, RefusedAppend>) {
        let (marker, topic, partition) = self.places[index as usize];
        if let Err(refused) = result {
            let topic = &mut self.response.markers[marker].topics[topic];
            topic.partitions[partition].error_code = refused.error.code();
        }
    }

    /// Every partition answered.
    pub fn finish(self) -> Plan {
        Plan::answer(self.response)
    }
}
