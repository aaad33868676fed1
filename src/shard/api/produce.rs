//! Produce: validate where the connection is, append where the partition is.

use crate::log::validation::{Origin, ProduceRules, Refusal, ValidatedBatch, validate};
use crate::model::{ErrorCode, TopicIdPartition};
use crate::protocol::Records;
use crate::protocol::messages::produce_response::{
    BatchIndexAndErrorMessage, PartitionProduceResponse, TopicProduceResponse,
};
use crate::protocol::messages::{ProduceRequest, ProduceResponse};
use crate::shard::request::RequestContext;
use crate::shard::task::{AppendTask, AppendedReply, Task, TaskIndex};

use super::{Gather, Parts, Places, Plan, Tasks};

/// The client that administers the broker may write to internal topics, nobody else.
const ADMIN_CLIENT_ID: &str = "__admin_client";

/// The answers of the partitions so far.
#[derive(Debug)]
pub struct ProduceGather {
    response: ProduceResponse,
    /// Where in the response the reply of each task belongs: topic and partition.
    places: Places,
    is_answered: bool,
}

/// Validate every batch and send it to its partition.
pub fn plan(context: &RequestContext, request: ProduceRequest, parts: &mut Parts<'_>) -> Plan {
    let is_answered = request.acks != 0;
    let mut gather = ProduceGather {
        response: ProduceResponse::default(),
        places: Places::default(),
        is_answered,
    };
    let mut tasks = Tasks::default();
    for topic in request.topic_data {
        let mut answers = TopicProduceResponse {
            name: topic.name,
            topic_id: topic.topic_id,
            ..Default::default()
        };
        for partition in topic.partition_data {
            let named = (answers.topic_id, &*answers.name);
            let checked = check(context, request.acks, named, partition.index, parts).and_then(
                |(id, rules)| {
                    let payload = partition.records.unwrap_or_default();
                    let batch = validate_payload(context, &rules, &payload, parts)?;
                    Ok((id, batch))
                },
            );
            let mut answer = refused(partition.index);
            match checked {
                Ok((id, batch)) => {
                    let place = (
                        gather.response.responses.len(),
                        answers.partition_responses.len(),
                    );
                    let index = gather.places.add(place);
                    let task = AppendTask {
                        partition: id,
                        batch,
                        waits_for_disk: is_answered,
                    };
                    tasks.push(parts.owner_of(id), index, Task::Append(Box::new(task)));
                }
                Err(refusal) => {
                    tracing::debug!(reason = &*refusal.reason, "a batch was refused");
                    let named = (answers.topic_id, &*answers.name);
                    if let Some(metrics) = parts.topic_metrics(named.0, named.1) {
                        metrics.produce_requests += 1;
                        metrics.produce_failures += 1;
                    }
                    answer.error_code = refusal.error.code();
                    answer.error_message = refusal.message;
                    answer.record_errors = refusal
                        .record_errors
                        .into_iter()
                        .map(|error| BatchIndexAndErrorMessage {
                            batch_index: error.batch_index,
                            batch_index_error_message: Some(error.message.into_owned()),
                            ..Default::default()
                        })
                        .collect();
                }
            }
            answers.partition_responses.push(answer);
        }
        gather.response.responses.push(answers);
    }
    if tasks.is_empty() {
        return gather.finish();
    }
    Plan::Tasks {
        tasks,
        gather: Box::new(Gather::Produce(gather)),
    }
}

impl ProduceGather {
    /// A partition answered.
    pub fn on_reply(&mut self, index: TaskIndex, result: Result<AppendedReply, ErrorCode>) {
        let (topic, partition) = self.places.at(index);
        let answer = &mut self.response.responses[topic].partition_responses[partition];
        match result {
            Ok(appended) => {
                answer.error_code = ErrorCode::None.code();
                answer.base_offset = appended.base_offset;
                answer.log_append_time_ms = appended.append_time.unwrap_or(-1);
                answer.log_start_offset = appended.log_start_offset;
            }
            Err(error) => answer.error_code = error.code(),
        }
    }

    /// Every partition answered.
    pub fn finish(self) -> Plan {
        if self.is_answered {
            return Plan::answer(self.response);
        }
        // Nobody is told of an error under acks=0, so the producer learns of it by losing its
        // connection and then asks for metadata.
        let errors = self
            .response
            .responses
            .iter()
            .flat_map(|topic| &topic.partition_responses);
        let error = errors
            .map(|answer| answer.error_code)
            .find(|code| *code != 0);
        match error.and_then(ErrorCode::from_code) {
            Some(error) => Plan::Close(format!("a produce request with acks=0 failed: {error}")),
            None => Plan::NoAnswer,
        }
    }
}

fn refused(index: i32) -> PartitionProduceResponse {
    PartitionProduceResponse {
        index,
        base_offset: -1,
        log_append_time_ms: -1,
        log_start_offset: -1,
        ..Default::default()
    }
}

fn refusal(error: ErrorCode) -> Refusal {
    Refusal {
        error,
        message: None,
        reason: error.name().into(),
        record_errors: Vec::new(),
    }
}

/// Whether the client may append to this partition, and by which rules.
fn check(
    context: &RequestContext,
    acks: i16,
    (topic_id, topic_name): (crate::model::Uuid, &str),
    index: i32,
    parts: &mut Parts<'_>,
) -> Result<(TopicIdPartition, ProduceRules), Refusal> {
    if !(-1..=1).contains(&acks) {
        return Err(refusal(ErrorCode::InvalidRequiredAcks));
    }
    let unknown = if context.version >= 13 {
        ErrorCode::UnknownTopicId
    } else {
        ErrorCode::UnknownTopicOrPartition
    };
    let topic = parts
        .topic(topic_id, topic_name)
        .ok_or_else(|| refusal(unknown))?
        .clone();
    let (id, registration) = parts
        .partition(&topic, index)
        .ok_or_else(|| refusal(ErrorCode::UnknownTopicOrPartition))?;
    if crate::metadata::is_internal_topic(&topic.name)
        && context.client_id.as_deref() != Some(ADMIN_CLIENT_ID)
    {
        return Err(refusal(ErrorCode::InvalidTopicException));
    }
    if registration.leader != Some(parts.config().node_id) {
        return Err(refusal(ErrorCode::NotLeaderOrFollower));
    }
    let config = parts.configs.topic(parts.image, &topic.name);
    // A topic cannot ask for more in-sync replicas than it has replicas.
    let in_sync_min = registration
        .replicas
        .len()
        .min(config.min_insync_replicas as usize);
    if acks == -1 && registration.isr.len() < in_sync_min {
        return Err(refusal(ErrorCode::NotEnoughReplicas));
    }
    Ok((id, ProduceRules::of_topic(&config)))
}

fn validate_payload(
    context: &RequestContext,
    rules: &ProduceRules,
    payload: &Records,
    parts: &Parts<'_>,
) -> Result<ValidatedBatch, Refusal> {
    let origin = Origin::Client {
        produce_version: context.version,
    };
    let batch = validate(&payload.to_bytes(), rules, origin, parts.now.wall_ms)?;
    if batch.batch.is_transactional() {
        return Err(refusal(ErrorCode::InvalidTxnState));
    }
    Ok(batch)
}
