//! Produce: validate where the connection is, append where the partition is.

use crate::log::AppendOrigin;
use crate::log::validation::{
    Origin, ProduceRules, Refusal, ValidatedBatch, peek_attributes, validate,
};
use crate::metadata::TRANSACTION_STATE;
use crate::metrics::MetricId;
use crate::model::{ErrorCode, PartitionIndex, TopicIdPartition, Uuid};
use crate::protocol::Records;
use crate::protocol::messages::produce_request::TopicProduceData;
use crate::protocol::messages::produce_response::{
    BatchIndexAndErrorMessage, LeaderIdAndEpoch, NodeEndpoint, PartitionProduceResponse,
    TopicProduceResponse,
};
use crate::protocol::messages::{ProduceRequest, ProduceResponse};
use crate::security::{Access, Operation, ResourceType};
use crate::shard::request::RequestContext;
use crate::shard::task::{
    AppendTask, AppendedReply, ListedOffset, OffsetTarget, RefusedAppend, Task, TaskIndex,
};
use crate::shard::waiting::Acks;
use crate::stdx::{duration_of_ms, new_map, new_set};

use super::leaders::Leaders;
use super::{Gather, Parts, Places, Plan, Tasks};

/// The client that administers the broker may write to internal topics, nobody else.
const ADMIN_CLIENT_ID: &str = "__admin_client";

/// Every replica in sync.
const ACKS_ALL: i16 = -1;

/// Since this version a client that asked the wrong broker is told who leads (KIP-951).
const VERSION_WITH_LEADERS: i16 = 10;

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
    let access = parts.access(context);
    let refusal_of_all = refuse_all(access, &request);
    let acks = match request.acks {
        ACKS_ALL => Acks::InSync,
        _ => Acks::Leader,
    };
    let timeout = duration_of_ms(request.timeout_ms);
    let mut tasks = Tasks::default();
    for topic in without_repeats(request.topic_data) {
        let mut answers = TopicProduceResponse {
            name: topic.name,
            topic_id: topic.topic_id,
            ..Default::default()
        };
        let named = (answers.topic_id, &*answers.name);
        let is_refused = parts.refuses_topic(access, Operation::Write, named);
        for partition in topic.partition_data {
            let place = (
                gather.response.responses.len(),
                answers.partition_responses.len(),
            );
            let named = (answers.topic_id, &*answers.name, partition.index);
            let payload = partition.records.unwrap_or_default();
            let checked = match &refusal_of_all {
                Some(refusal) => Err((None, refusal.clone())),
                None if is_refused => Err((None, refusal(ErrorCode::TopicAuthorizationFailed))),
                None => check(context, request.acks, named, &payload, parts),
            };
            let mut answer = unanswered(partition.index);
            let asked = match checked {
                Ok((id, batch)) => {
                    let decompressed_bytes = batch.decompressed_bytes as u64;
                    parts
                        .metrics
                        .add(MetricId::DecompressedBytes, decompressed_bytes);
                    let task = AppendTask {
                        partition: id,
                        batch,
                        origin: AppendOrigin::Client,
                        acks,
                        deadline: context.received_at + timeout,
                    };
                    Some((id, Task::Append(Box::new(task))))
                }
                Err((id, refusal)) => {
                    let asks_start = refusal.tells_log_start;
                    refuse(&mut answer, refusal);
                    if let Some(metrics) = parts.topic_metrics(named.0, named.1) {
                        metrics.produce_requests += 1;
                        metrics.produce_failures += 1;
                    }
                    id.filter(|_| asks_start).map(|id| (id, ask_start(id)))
                }
            };
            if let Some((id, task)) = asked {
                tasks.push(parts.owner_of(id), gather.places.add(place), task);
            }
            answers.partition_responses.push(answer);
        }
        gather.response.responses.push(answers);
    }
    if tasks.is_empty() {
        return gather.finish(context, parts);
    }
    Plan::Tasks {
        tasks,
        gather: Box::new(Gather::Produce(gather)),
    }
}

/// The refusal of the request as a whole: Kafka looks for a transactional batch at the front of
/// every payload before it looks at any partition.
fn refuse_all(access: Access<'_>, request: &ProduceRequest) -> Option<Refusal> {
    let partitions = request
        .topic_data
        .iter()
        .flat_map(|topic| &topic.partition_data);
    for payload in partitions.filter_map(|partition| partition.records.as_ref()) {
        match peek_attributes(&payload.to_bytes()) {
            Ok(Some(attributes)) if attributes.is_transactional() => {
                let kind = ResourceType::TransactionalId;
                let may_write = request
                    .transactional_id
                    .as_ref()
                    .is_some_and(|id| access.allows(Operation::Write, kind, id));
                let error = ErrorCode::TransactionalIdAuthorizationFailed;
                return (!may_write).then(|| refusal(error));
            }
            Ok(_) => {}
            Err(refusal) => return Some(refusal),
        }
    }
    None
}

/// The topics of a request, each once, with each partition once: of one that is named twice Kafka
/// appends and answers the last alone. A topic without partitions is not answered.
fn without_repeats(topics: Vec<TopicProduceData>) -> Vec<TopicProduceData> {
    // The usual case of a producer that keeps up costs nothing.
    if let [only] = topics.as_slice()
        && only.partition_data.len() == 1
    {
        return topics;
    }
    let mut places = new_map::<(Uuid, String), usize>();
    let mut kept: Vec<TopicProduceData> = Vec::with_capacity(topics.len());
    for mut topic in topics {
        let key = (topic.topic_id, topic.name.clone());
        match places.get(&key) {
            Some(place) => kept[*place]
                .partition_data
                .append(&mut topic.partition_data),
            None => {
                places.insert(key, kept.len());
                kept.push(topic);
            }
        }
    }
    for topic in &mut kept {
        let mut seen = new_set();
        topic.partition_data.reverse();
        topic
            .partition_data
            .retain(|partition| seen.insert(partition.index));
        topic.partition_data.reverse();
    }
    kept.retain(|topic| !topic.partition_data.is_empty());
    kept
}

/// Where the log starts: told with a refusal of what Kafka would have tried to append.
const fn ask_start(partition: TopicIdPartition) -> Task {
    Task::ListOffset {
        partition,
        leader_epoch: None,
        target: OffsetTarget::Earliest,
    }
}

impl ProduceGather {
    /// A partition answered.
    pub fn on_reply(&mut self, index: TaskIndex, result: Result<AppendedReply, RefusedAppend>) {
        let answer = self.answer(index);
        match result {
            Ok(appended) => {
                answer.error_code = ErrorCode::None.code();
                answer.base_offset = appended.base_offset;
                answer.log_append_time_ms = appended.append_time.unwrap_or(-1);
                answer.log_start_offset = appended.log_start_offset;
            }
            Err(refused) => {
                answer.error_code = refused.error.code();
                answer.log_start_offset = refused.log_start_offset.unwrap_or(-1);
            }
        }
    }

    /// The owner of a partition to which nothing is appended told where its log starts.
    pub fn on_log_start(
        &mut self,
        index: TaskIndex,
        result: Result<Option<ListedOffset>, ErrorCode>,
    ) {
        if let Ok(Some(start)) = result {
            self.answer(index).log_start_offset = start.offset;
        }
    }

    fn answer(&mut self, index: TaskIndex) -> &mut PartitionProduceResponse {
        let (topic, partition) = self.places.at(index);
        &mut self.response.responses[topic].partition_responses[partition]
    }

    /// Every partition answered.
    pub fn finish(mut self, context: &RequestContext, parts: &Parts<'_>) -> Plan {
        if self.is_answered {
            if context.version >= VERSION_WITH_LEADERS {
                tell_leaders(&mut self.response, context, parts);
            }
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

/// Tell a client that asked the wrong broker who leads, and where (KIP-951).
fn tell_leaders(response: &mut ProduceResponse, context: &RequestContext, parts: &Parts<'_>) {
    let mut leaders = Leaders::new(parts.image, parts.listener_name(context));
    for topic in &mut response.responses {
        for answer in &mut topic.partition_responses {
            if answer.error_code == ErrorCode::NotLeaderOrFollower.code() {
                let found = parts.topic(topic.topic_id, &topic.name);
                let partition = found.and_then(|found| found.partitions.get(&answer.index));
                let (leader_id, leader_epoch) = leaders.name(partition.map(AsRef::as_ref));
                answer.current_leader = LeaderIdAndEpoch {
                    leader_id,
                    leader_epoch,
                    ..Default::default()
                };
            }
        }
    }
    let nodes = leaders.into_nodes().map(|node| NodeEndpoint {
        node_id: node.id,
        host: node.host,
        port: node.port,
        rack: node.rack,
        ..Default::default()
    });
    response.node_endpoints = nodes.collect();
}

/// The answer of a partition before anything is known.
fn unanswered(index: i32) -> PartitionProduceResponse {
    PartitionProduceResponse {
        index,
        base_offset: -1,
        log_append_time_ms: -1,
        log_start_offset: -1,
        ..Default::default()
    }
}

fn refuse(answer: &mut PartitionProduceResponse, refusal: Refusal) {
    tracing::debug!(reason = &*refusal.reason, "a batch was refused");
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

fn refusal(error: ErrorCode) -> Refusal {
    Refusal {
        error,
        message: None,
        reason: error.name().into(),
        record_errors: Vec::new(),
        tells_log_start: false,
    }
}

/// The batch to append and where to, or why not, with the partition if there is one.
fn check(
    context: &RequestContext,
    acks: i16,
    named: (Uuid, &str, PartitionIndex),
    payload: &Records,
    parts: &mut Parts<'_>,
) -> Result<(TopicIdPartition, ValidatedBatch), (Option<TopicIdPartition>, Refusal)> {
    let (id, rules) = check_partition(context, acks, named, parts)?;
    match validate_payload(context, &rules, payload, parts) {
        Ok(batch) => Ok((id, batch)),
        Err(refusal) => Err((Some(id), refusal)),
    }
}

/// Whether the client may append to this partition, and by which rules.
fn check_partition(
    context: &RequestContext,
    acks: i16,
    (topic_id, topic_name, index): (Uuid, &str, PartitionIndex),
    parts: &mut Parts<'_>,
) -> Result<(TopicIdPartition, ProduceRules), (Option<TopicIdPartition>, Refusal)> {
    let refused = |error| (None, refusal(error));
    let unknown = if context.version >= 13 {
        ErrorCode::UnknownTopicId
    } else {
        ErrorCode::UnknownTopicOrPartition
    };
    let topic = parts
        .topic(topic_id, topic_name)
        .ok_or_else(|| refused(unknown))?
        .clone();
    let (id, registration) = parts
        .partition(&topic, index)
        .ok_or_else(|| refused(ErrorCode::UnknownTopicOrPartition))?;
    if !(-1..=1).contains(&acks) {
        return Err(refused(ErrorCode::InvalidRequiredAcks));
    }
    if crate::metadata::is_internal_topic(&topic.name)
        && context.client_id.as_deref() != Some(ADMIN_CLIENT_ID)
    {
        return Err(refused(ErrorCode::InvalidTopicException));
    }
    parts.check_leading(registration).map_err(refused)?;
    let config = parts.configs.topic(parts.image, &topic.name);
    // A topic cannot ask for more in-sync replicas than it has replicas.
    let in_sync_min = registration
        .replicas
        .len()
        .min(config.min_insync_replicas as usize);
    if acks == ACKS_ALL && registration.isr.len() < in_sync_min {
        let refusal = Refusal {
            tells_log_start: true,
            ..refusal(ErrorCode::NotEnoughReplicas)
        };
        return Err((Some(id), refusal));
    }
    let rules = ProduceRules {
        decompressed_bytes_max: parts.decompressed_bytes_max,
        ..ProduceRules::of_topic(&config)
    };
    Ok((id, rules))
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
    // Where nobody coordinates transactions there is none that it could be part of.
    let is_coordinated = parts.image.topic(TRANSACTION_STATE).is_some();
    if batch.batch.is_transactional() && !is_coordinated {
        return Err(refusal(ErrorCode::InvalidTxnState));
    }
    Ok(batch)
}
