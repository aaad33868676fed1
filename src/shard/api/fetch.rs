//! Fetch: read where the partitions are, wait where there is nothing yet, answer with slices.

use std::sync::Arc;

use crate::metrics::MetricId;
use crate::model::{ErrorCode, TopicIdPartition, Uuid};
use crate::protocol::Records;
use crate::protocol::messages::fetch_request::FetchPartition;
use crate::protocol::messages::fetch_response::{
    AbortedTransaction, EpochEndOffset, FetchableTopicResponse, LeaderIdAndEpoch, NodeEndpoint,
    PartitionData,
};
use crate::protocol::messages::{FetchRequest, FetchResponse};
use crate::security::{Access, Operation};
use crate::shard::fetches::trim_parts;
use crate::shard::request::RequestContext;
use crate::shard::task::{FetchPart, FetchTask, FetchedPart, Reader, Task};
use crate::stdx::duration_of_ms;

use super::fetch_session::{FetchKey, SessionUse, Wanted};
use super::leaders::Leaders;
use super::{Gather, Parts, Plan, Tasks};

const READ_UNCOMMITTED: i8 = 0;
const READ_COMMITTED: i8 = 1;

/// Since this version every client knows the error of a disk (KIP-112).
const VERSION_WITH_STORAGE_ERROR: i16 = 6;
/// Since this version consumers tell their rack, and may ask followers (KIP-392).
const VERSION_WITH_RACK: i16 = 11;
/// Since this version followers tell the registration of their broker (KIP-903).
const VERSION_WITH_REPLICA_STATE: i16 = 15;
/// Since this version topics are named by id (KIP-516).
const VERSION_WITH_IDS: i16 = 13;
/// Since this version a client that asked the wrong broker is told who leads (KIP-951).
const VERSION_WITH_LEADERS: i16 = 16;

/// What the partitions brought so far.
#[derive(Debug)]
pub struct FetchGather {
    session: SessionUse,
    wanted: Vec<Wanted>,
    found: Vec<Option<FetchedPart>>,
    bytes_min: usize,
    bytes_max: usize,
    is_committed_only: bool,
    /// Kafka does not tell followers the addresses of leaders, which they know.
    is_of_follower: bool,
    /// The shards that still wait were told to answer.
    is_hurried: bool,
}

/// Ask every partition's owner.
pub fn plan(context: &RequestContext, request: FetchRequest, parts: &mut Parts<'_>) -> Plan {
    let started = parts
        .sessions
        .start(parts.now.instant, context.version, &request);
    let (session, wanted) = match started {
        Ok(started) => started,
        Err(error) => {
            return Plan::answer(FetchResponse {
                error_code: error.code(),
                ..Default::default()
            });
        }
    };
    let is_committed_only = request.isolation_level == READ_COMMITTED;
    let reader = reader_of(context.version, &request);
    let is_of_follower = matches!(reader, Reader::Replica { .. });
    let rack = rack_of(reader, &request, parts);
    let bytes_max = size(request.max_bytes).min(parts.config().fetch_max_bytes as usize);
    let mut gather = FetchGather {
        session,
        found: wanted.iter().map(|_| None).collect(),
        wanted,
        bytes_min: size(request.min_bytes).min(bytes_max),
        bytes_max,
        is_committed_only,
        is_of_follower,
        is_hurried: false,
    };
    let mut by_owner = std::collections::BTreeMap::<_, Vec<FetchPart>>::new();
    let mut readers = Readers::new(parts.access(context), is_of_follower);
    for (place, wanted) in (0_u32..).zip(&gather.wanted) {
        let checked = if readers.refuse(&wanted.key, parts) {
            Err(ErrorCode::TopicAuthorizationFailed)
        } else {
            readable_partition(context, wanted, reader, parts)
        };
        match checked {
            Ok(partition) => {
                let owned = by_owner.entry(parts.owner_of(partition)).or_default();
                owned.push(part_of(place, partition, wanted));
            }
            Err(error) => {
                gather.found[place as usize] = Some(FetchedPart::refused(place, error));
                // An error is told at once.
                gather.bytes_min = 0;
            }
        }
    }
    if by_owner.is_empty() {
        return gather.finish(context, parts);
    }
    if ![READ_UNCOMMITTED, READ_COMMITTED].contains(&request.isolation_level) {
        // Kafka has no code of its own for this.
        return refuse_all(context, &request, ErrorCode::UnknownServerError);
    }
    // If all shards together have enough, one of them has at least its share. So no shard needs
    // to know of the others: the first that reaches its share answers, and hurries the rest.
    let share = gather.bytes_min.div_ceil(by_owner.len());
    let wait = duration_of_ms(request.max_wait_ms);
    let mut tasks = Tasks::default();
    for (shard, owned) in by_owner {
        let fetch = FetchTask {
            parts: owned,
            bytes_min: share,
            bytes_max,
            deadline: context.received_at + wait,
            is_committed_only,
            reader,
            rack: rack.clone(),
        };
        tasks.push(shard, 0, Task::Fetch(Box::new(fetch)));
    }
    Plan::Tasks {
        tasks,
        gather: Box::new(Gather::Fetch(gather)),
    }
}

impl FetchGather {
    /// A shard answered.
    pub fn on_reply(&mut self, parts: Vec<FetchedPart>) {
        for part in parts {
            let place = part.place as usize;
            self.found[place] = Some(part);
        }
    }

    /// True, once, after the first shard answered: it would wait if it had nothing.
    pub fn has_enough(&mut self) -> bool {
        !std::mem::replace(&mut self.is_hurried, true)
    }

    /// Every shard answered.
    pub fn finish(mut self, context: &RequestContext, parts: &mut Parts<'_>) -> Plan {
        trim_parts(self.found.iter_mut().flatten(), self.bytes_max);
        let mut responses: Vec<FetchableTopicResponse> = Vec::new();
        for (wanted, part) in self.wanted.iter().zip(self.found) {
            let part = part.expect("every partition was answered for");
            let bytes = part.records_bytes() as u64;
            let (to_consumer, to_follower) = match self.is_of_follower {
                true => (0, bytes),
                false => (bytes, 0),
            };
            parts
                .metrics
                .add(MetricId::ReplicationBytesOut, to_follower);
            if let Some(metrics) = parts.topic_metrics(wanted.key.topic_id, &wanted.key.topic) {
                metrics.fetch_requests += 1;
                metrics.fetch_failures += u64::from(part.error.is_error());
                metrics.bytes_out += to_consumer;
            }
            if !parts.sessions.must_tell(self.session, &wanted.key, &part) {
                continue;
            }
            let data = described(wanted.key.partition, part, self.is_committed_only);
            match responses.last_mut() {
                Some(last)
                    if last.topic_id == wanted.key.topic_id && last.topic == wanted.key.topic =>
                {
                    last.partitions.push(data);
                }
                _ => responses.push(FetchableTopicResponse {
                    topic: wanted.key.topic.clone(),
                    topic_id: wanted.key.topic_id,
                    partitions: vec![data],
                    ..Default::default()
                }),
            }
        }
        let mut response = FetchResponse {
            session_id: self.session.id(),
            responses,
            ..Default::default()
        };
        if context.version >= VERSION_WITH_LEADERS {
            tell_leaders(&mut response, context, self.is_of_follower, parts);
        }
        if context.version < VERSION_WITH_STORAGE_ERROR {
            hide_storage_errors(&mut response);
        }
        Plan::answer(response)
    }
}

/// The rack of a consumer that may be sent to a follower there: the broker is told to do so, and is
/// not in that rack itself.
fn rack_of(reader: Reader, request: &FetchRequest, parts: &Parts<'_>) -> Option<Arc<str>> {
    let may_follow = Reader::Consumer {
        may_ask_followers: true,
    };
    let config = parts.config();
    let is_elsewhere =
        !request.rack_id.is_empty() && config.broker_rack.as_deref() != Some(&*request.rack_id);
    (config.is_replica_selector_rack_aware && reader == may_follow && is_elsewhere)
        .then(|| Arc::from(request.rack_id.as_str()))
}

/// Clients of old versions may not know the error of a disk, and would give up.
fn hide_storage_errors(response: &mut FetchResponse) {
    let topics = response.responses.iter_mut();
    for data in topics.flat_map(|topic| &mut topic.partitions) {
        if data.error_code == ErrorCode::KafkaStorageError.code() {
            data.error_code = ErrorCode::NotLeaderOrFollower.code();
        }
    }
}

/// Tell a client that asked the wrong broker who leads, and where (KIP-951).
fn tell_leaders(
    response: &mut FetchResponse,
    context: &RequestContext,
    is_of_follower: bool,
    parts: &Parts<'_>,
) {
    let mut leaders = Leaders::new(parts.image, parts.listener_name(context));
    for topic in &mut response.responses {
        for data in &mut topic.partitions {
            if must_tell_leader(data.error_code) {
                let found = parts.topic(topic.topic_id, &topic.topic);
                let partition = found.and_then(|found| found.partitions.get(&data.partition_index));
                let (leader_id, leader_epoch) = leaders.name(partition.map(AsRef::as_ref));
                data.current_leader = LeaderIdAndEpoch {
                    leader_id,
                    leader_epoch,
                    ..Default::default()
                };
            }
        }
    }
    if is_of_follower {
        // Followers know the addresses.
        return;
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

/// Who may read what of one request. The partitions of a topic mostly stand together, so one
/// decision serves all of them.
struct Readers<'a> {
    access: Access<'a>,
    is_of_follower: bool,
    last: Option<(Uuid, String, bool)>,
}

impl<'a> Readers<'a> {
    const fn new(access: Access<'a>, is_of_follower: bool) -> Self {
        Self {
            access,
            is_of_follower,
            last: None,
        }
    }

    /// True if the client may not read the topic of `key`.
    fn refuse(&mut self, key: &FetchKey, parts: &Parts<'_>) -> bool {
        if !self.access.is_controlled() {
            return false;
        }
        match &self.last {
            Some((id, name, is_refused)) if *id == key.topic_id && *name == key.topic => {
                return *is_refused;
            }
            _ => {}
        }
        let is_refused = if self.is_of_follower {
            !self.access.allows_cluster(Operation::ClusterAction)
        } else {
            let named = (key.topic_id, &*key.topic);
            parts.refuses_topic(self.access, Operation::Read, named)
        };
        self.last = Some((key.topic_id, key.topic.clone(), is_refused));
        is_refused
    }
}

fn size(bytes: i32) -> usize {
    usize::try_from(bytes).unwrap_or(0)
}

/// What is asked of the owner of a partition.
fn part_of(place: u32, partition: TopicIdPartition, wanted: &Wanted) -> FetchPart {
    FetchPart {
        place,
        partition,
        offset: wanted.fetch_offset,
        bytes_max: size(wanted.partition_max_bytes),
        leader_epoch: known(wanted.current_leader_epoch),
        last_fetched_epoch: known(wanted.last_fetched_epoch),
        log_start_offset: wanted.log_start_offset,
    }
}

/// True for the errors of a client that is wrong about the leader.
fn must_tell_leader(error_code: i16) -> bool {
    [ErrorCode::NotLeaderOrFollower, ErrorCode::FencedLeaderEpoch]
        .map(ErrorCode::code)
        .contains(&error_code)
}

/// An epoch of the wire, where -1 stands for none.
fn known(epoch: i32) -> Option<i32> {
    (epoch >= 0).then_some(epoch)
}

/// Who fetches, by the request.
fn reader_of(version: i16, request: &FetchRequest) -> Reader {
    let (id, epoch) = match version < VERSION_WITH_REPLICA_STATE {
        true => (request.replica_id, -1),
        false => (
            request.replica_state.replica_id,
            request.replica_state.replica_epoch,
        ),
    };
    match id >= 0 {
        true => Reader::Replica {
            id,
            broker_epoch: (epoch >= 0).then_some(epoch),
        },
        false => Reader::Consumer {
            may_ask_followers: version >= VERSION_WITH_RACK,
        },
    }
}

fn readable_partition(
    context: &RequestContext,
    wanted: &Wanted,
    reader: Reader,
    parts: &Parts<'_>,
) -> Result<TopicIdPartition, ErrorCode> {
    let key = &wanted.key;
    let unknown = if context.version < VERSION_WITH_IDS {
        ErrorCode::UnknownTopicOrPartition
    } else {
        ErrorCode::UnknownTopicId
    };
    let topic = parts.topic(key.topic_id, &key.topic).ok_or(unknown)?;
    let (id, registration) = parts
        .partition(topic, key.partition)
        .ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let may_follow = matches!(
        reader,
        Reader::Consumer {
            may_ask_followers: true
        }
    );
    let follows =
        registration.leader.is_some() && registration.replicas.contains(&parts.config().node_id);
    if !(may_follow && follows) {
        parts.check_leading(registration)?;
    }
    if wanted.partition_max_bytes < 0 {
        // Kafka has no code of its own for this.
        return Err(ErrorCode::UnknownServerError);
    }
    Ok(id)
}

/// The answer to a request that makes no sense: clients that know topics by id read the error of
/// the whole, older ones those of the partitions.
fn refuse_all(context: &RequestContext, request: &FetchRequest, error: ErrorCode) -> Plan {
    let refused = |partition: &FetchPartition| {
        let part = FetchedPart::refused(0, error);
        PartitionData {
            aborted_transactions: Some(Vec::new()),
            ..described(partition.partition, part, false)
        }
    };
    let topics = request.topics.iter().map(|topic| FetchableTopicResponse {
        topic: topic.topic.clone(),
        partitions: topic.partitions.iter().map(refused).collect(),
        ..Default::default()
    });
    Plan::answer(FetchResponse {
        error_code: error.code(),
        session_id: request.session_id,
        responses: topics
            .filter(|_| context.version < VERSION_WITH_IDS)
            .collect(),
        ..Default::default()
    })
}

fn described(partition_index: i32, part: FetchedPart, is_committed_only: bool) -> PartitionData {
    // Kafka says so of what it does not look for, and not of what it cannot read.
    let has_aborted_list = match part.error {
        ErrorCode::None => is_committed_only,
        error => matches!(
            error,
            ErrorCode::UnknownTopicId
                | ErrorCode::UnknownTopicOrPartition
                | ErrorCode::TopicAuthorizationFailed
        ),
    };
    let aborted = part.aborted.iter().map(|one| AbortedTransaction {
        producer_id: one.producer_id,
        first_offset: one.first_offset,
        ..AbortedTransaction::default()
    });
    let aborted = aborted.collect();
    PartitionData {
        partition_index,
        error_code: part.error.code(),
        high_watermark: part.high_watermark.unwrap_or(-1),
        last_stable_offset: part.last_stable_offset.unwrap_or(-1),
        log_start_offset: part.log_start_offset.unwrap_or(-1),
        diverging_epoch: part.diverging.map_or_else(
            EpochEndOffset::default,
            |(epoch, end_offset)| EpochEndOffset {
                epoch,
                end_offset,
                ..Default::default()
            },
        ),
        aborted_transactions: has_aborted_list.then_some(aborted),
        preferred_read_replica: part.preferred_replica.unwrap_or(-1),
        records: Some(Records::new(part.records)),
        ..Default::default()
    }
}
