//! The machine's requests and answers as Kafka's messages.

use bytes::Bytes;

use crate::model::{BrokerId, ErrorCode, NodeAddress, Offset, Uuid};
use crate::protocol::AnyRequest;
use crate::protocol::messages::{
    BeginQuorumEpochRequest, BeginQuorumEpochResponse, EndQuorumEpochRequest,
    EndQuorumEpochResponse, FetchRequest, FetchResponse, FetchSnapshotRequest,
    FetchSnapshotResponse, VoteRequest, VoteResponse, begin_quorum_epoch_request as begin_request,
    begin_quorum_epoch_response as begin_response, end_quorum_epoch_request as end_request,
    end_quorum_epoch_response as end_response, fetch_request, fetch_snapshot_request, vote_request,
    vote_response,
};

use super::control::VoterEndpoint;
use super::raft::{
    EpochAnswer, FetchAnswer, FetchAsk, FetchFound, LogEnd, Refusal, Request, VoteAnswer, VoteAsk,
};
use super::request::ReplicaKey;
use super::settings::TOPIC;
use super::snapshot::SnapshotId;

/// How long a fetch waits at the leader for something new, as in Kafka.
const FETCH_WAIT_MS: i32 = 500;

/// The most bytes that are asked for at once: what a batch may have.
const FETCH_BYTES_MAX: i32 = 8 << 20;

/// Where nodes are reached, as an answer tells of the leader.
pub(super) type ToldAddresses = Vec<(BrokerId, NodeAddress)>;

/// What every request of this node says of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sender<'a> {
    pub cluster_id: &'a str,
    pub me: ReplicaKey,
    pub endpoints: &'a [VoterEndpoint],
}

impl Sender<'_> {
    /// The message of `request`.
    pub(super) fn encode(self, request: &Request) -> AnyRequest {
        match request {
            Request::Vote(ask) => self.vote(ask).into(),
            Request::BeginEpoch {
                leader,
                epoch,
                voter,
            } => self.begin_epoch(*leader, *epoch, *voter).into(),
            Request::EndEpoch {
                leader,
                epoch,
                successors,
            } => self.end_epoch(*leader, *epoch, successors).into(),
            Request::Fetch(ask) => self.fetch(ask).into(),
        }
    }

    fn vote(self, ask: &VoteAsk) -> VoteRequest {
        let partition = vote_request::PartitionData {
            partition_index: 0,
            replica_epoch: ask.epoch,
            replica_id: ask.candidate.id,
            replica_directory_id: ask.candidate.directory_id,
            voter_directory_id: ask.voter.map_or(Uuid::ZERO, |voter| voter.directory_id),
            last_offset_epoch: ask.end.epoch,
            last_offset: ask.end.offset,
            pre_vote: ask.is_pre_vote,
            ..Default::default()
        };
        VoteRequest {
            cluster_id: Some(self.cluster_id.to_owned()),
            voter_id: ask.voter.map_or(-1, |voter| voter.id),
            topics: vec![vote_request::TopicData {
                topic_name: TOPIC.to_owned(),
                partitions: vec![partition],
                ..Default::default()
            }],
            ..Default::default()
        }
    }

    fn begin_epoch(
        self,
        leader_id: BrokerId,
        leader_epoch: i32,
        voter: ReplicaKey,
    ) -> BeginQuorumEpochRequest {
        let endpoint = |endpoint: &VoterEndpoint| begin_request::LeaderEndpoint {
            name: endpoint.listener.clone(),
            host: endpoint.host.clone(),
            port: endpoint.port,
            ..Default::default()
        };
        BeginQuorumEpochRequest {
            cluster_id: Some(self.cluster_id.to_owned()),
            voter_id: voter.id,
            topics: vec![begin_request::TopicData {
                topic_name: TOPIC.to_owned(),
                partitions: vec![begin_request::PartitionData {
                    partition_index: 0,
                    voter_directory_id: voter.directory_id,
                    leader_id,
                    leader_epoch,
                    ..Default::default()
                }],
                ..Default::default()
            }],
            leader_endpoints: self.endpoints.iter().map(endpoint).collect(),
            ..Default::default()
        }
    }

    fn end_epoch(
        self,
        leader_id: BrokerId,
        leader_epoch: i32,
        successors: &[ReplicaKey],
    ) -> EndQuorumEpochRequest {
        let endpoint = |endpoint: &VoterEndpoint| end_request::LeaderEndpoint {
            name: endpoint.listener.clone(),
            host: endpoint.host.clone(),
            port: endpoint.port,
            ..Default::default()
        };
        let candidate = |key: &ReplicaKey| end_request::ReplicaInfo {
            candidate_id: key.id,
            candidate_directory_id: key.directory_id,
            ..Default::default()
        };
        EndQuorumEpochRequest {
            cluster_id: Some(self.cluster_id.to_owned()),
            topics: vec![end_request::TopicData {
                topic_name: TOPIC.to_owned(),
                partitions: vec![end_request::PartitionData {
                    partition_index: 0,
                    leader_id,
                    leader_epoch,
                    preferred_successors: successors.iter().map(|key| key.id).collect(),
                    preferred_candidates: successors.iter().map(candidate).collect(),
                    ..Default::default()
                }],
                ..Default::default()
            }],
            leader_endpoints: self.endpoints.iter().map(endpoint).collect(),
            ..Default::default()
        }
    }

    fn fetch(self, ask: &FetchAsk) -> FetchRequest {
        let replica_id = ask.replica.map_or(-1, |replica| replica.id);
        FetchRequest {
            cluster_id: Some(self.cluster_id.to_owned()),
            replica_state: fetch_request::ReplicaState {
                replica_id,
                ..Default::default()
            },
            max_wait_ms: FETCH_WAIT_MS,
            max_bytes: FETCH_BYTES_MAX,
            topics: vec![fetch_request::FetchTopic {
                topic_id: Uuid::METADATA_TOPIC,
                partitions: vec![fetch_request::FetchPartition {
                    partition: 0,
                    current_leader_epoch: ask.epoch,
                    fetch_offset: ask.end.offset,
                    last_fetched_epoch: ask.end.epoch,
                    replica_directory_id: self.me.directory_id,
                    high_watermark: ask.high_watermark.unwrap_or(-1),
                    ..Default::default()
                }],
                ..Default::default()
            }],
            ..Default::default()
        }
    }

    /// The request for what lies at `position` of the snapshot `id`.
    pub(super) fn fetch_snapshot(
        self,
        epoch: i32,
        id: SnapshotId,
        position: i64,
    ) -> FetchSnapshotRequest {
        FetchSnapshotRequest {
            cluster_id: Some(self.cluster_id.to_owned()),
            replica_id: self.me.id,
            max_bytes: FETCH_BYTES_MAX,
            topics: vec![fetch_snapshot_request::TopicSnapshot {
                name: TOPIC.to_owned(),
                partitions: vec![fetch_snapshot_request::PartitionSnapshot {
                    partition: 0,
                    current_leader_epoch: epoch,
                    snapshot_id: fetch_snapshot_request::SnapshotId {
                        end_offset: id.end_offset,
                        epoch: id.epoch,
                        ..Default::default()
                    },
                    position,
                    replica_directory_id: self.me.directory_id,
                    ..Default::default()
                }],
                ..Default::default()
            }],
            ..Default::default()
        }
    }
}

/// Kafka's code for a refusal.
pub(super) const fn code_of(refusal: Refusal) -> ErrorCode {
    match refusal {
        Refusal::FencedEpoch => ErrorCode::FencedLeaderEpoch,
        Refusal::UnknownEpoch => ErrorCode::UnknownLeaderEpoch,
        Refusal::NotLeader => ErrorCode::NotLeaderOrFollower,
        Refusal::InvalidVoterKey => ErrorCode::InvalidVoterKey,
        Refusal::Invalid => ErrorCode::InvalidRequest,
        // A node that has this one's number. Kafka has no code of its own for it.
        Refusal::IsMyself => ErrorCode::UnknownServerError,
    }
}

fn refusal_of(code: i16) -> Option<Refusal> {
    match ErrorCode::from_code(code) {
        Some(ErrorCode::None) => None,
        Some(ErrorCode::FencedLeaderEpoch) => Some(Refusal::FencedEpoch),
        Some(ErrorCode::UnknownLeaderEpoch) => Some(Refusal::UnknownEpoch),
        Some(ErrorCode::NotLeaderOrFollower) => Some(Refusal::NotLeader),
        Some(ErrorCode::InvalidVoterKey) => Some(Refusal::InvalidVoterKey),
        _ => Some(Refusal::Invalid),
    }
}

fn node_id(id: BrokerId) -> Option<BrokerId> {
    (id >= 0).then_some(id)
}

fn offset(offset: Offset) -> Option<Offset> {
    (offset >= 0).then_some(offset)
}

fn known(code: i16, leader_id: BrokerId, epoch: i32) -> EpochAnswer {
    EpochAnswer {
        refusal: refusal_of(code),
        epoch,
        leader: node_id(leader_id),
    }
}

macro_rules! told_addresses {
    ($response:expr) => {{
        let nodes = $response.node_endpoints.iter();
        let told = nodes.filter_map(|node| {
            let port = u16::try_from(node.port).ok()?;
            let host = node.host.clone();
            Some((node.node_id, NodeAddress { host, port }))
        });
        told.collect::<ToldAddresses>()
    }};
}

/// The one partition of a message, if that is what it has.
macro_rules! only_partition {
    ($topics:expr) => {
        match $topics {
            [topic] => match topic.partitions.as_slice() {
                [partition] => Some((topic, partition)),
                _ => None,
            },
            _ => None,
        }
    };
}

/// What a fetch brought.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fetched {
    pub answer: FetchAnswer,
    pub records: Bytes,
    pub told: ToldAddresses,
}

/// What is in the answer to a fetch.
///
/// # Errors
/// A line that says why there is nothing.
pub(super) fn decode_fetch(response: &FetchResponse) -> Result<Fetched, String> {
    check_top(response.error_code)?;
    let Some((_, data)) = only_partition!(response.responses.as_slice()) else {
        return Err("it is not about one partition".to_owned());
    };
    let leader = &data.current_leader;
    let known = known(data.error_code, leader.leader_id, leader.leader_epoch);
    let records = match (&data.records, known.refusal) {
        (Some(records), None) => records.to_bytes(),
        _ => Bytes::new(),
    };
    let diverging = &data.diverging_epoch;
    let snapshot = &data.snapshot_id;
    let found = if known.refusal.is_some() {
        FetchFound::Nothing
    } else if diverging.epoch >= 0 && diverging.end_offset >= 0 {
        FetchFound::Diverging(LogEnd {
            epoch: diverging.epoch,
            offset: diverging.end_offset,
        })
    } else if snapshot.epoch >= 0 && snapshot.end_offset >= 0 {
        FetchFound::Snapshot(SnapshotId {
            end_offset: snapshot.end_offset,
            epoch: snapshot.epoch,
        })
    } else if records.is_empty() {
        FetchFound::Nothing
    } else {
        FetchFound::Records
    };
    Ok(Fetched {
        answer: FetchAnswer {
            known,
            found,
            high_watermark: offset(data.high_watermark),
        },
        records,
        told: told_addresses!(response),
    })
}

fn check_top(code: i16) -> Result<(), String> {
    match ErrorCode::from_code(code) {
        Some(ErrorCode::None) => Ok(()),
        Some(error) => Err(format!("it was refused with {}", error.name())),
        None => Err(format!("it was refused with the unknown code {code}")),
    }
}

/// What is in the answer to a question for a vote.
///
/// # Errors
/// A line that says why there is nothing.
pub(super) fn decode_vote(response: &VoteResponse) -> Result<(VoteAnswer, ToldAddresses), String> {
    check_top(response.error_code)?;
    let Some((_, data)) = only_partition!(response.topics.as_slice()) else {
        return Err("it is not about one partition".to_owned());
    };
    let answer = VoteAnswer {
        known: known(data.error_code, data.leader_id, data.leader_epoch),
        is_granted: data.vote_granted,
    };
    Ok((answer, told_addresses!(response)))
}

/// What tells that an epoch begins and what tells that it ends are answered alike.
macro_rules! decode_epoch_answer {
    ($response:expr) => {{
        check_top($response.error_code)?;
        let Some((_, data)) = only_partition!($response.topics.as_slice()) else {
            return Err("it is not about one partition".to_owned());
        };
        let answer = known(data.error_code, data.leader_id, data.leader_epoch);
        Ok((answer, told_addresses!($response)))
    }};
}

/// What is in the answer of a voter that was told who leads.
///
/// # Errors
/// A line that says why there is nothing.
pub(super) fn decode_begin_epoch(
    response: &BeginQuorumEpochResponse,
) -> Result<(EpochAnswer, ToldAddresses), String> {
    decode_epoch_answer!(response)
}

/// What is in the answer of a voter that was told that this node leads no more.
///
/// # Errors
/// A line that says why there is nothing.
pub(super) fn decode_end_epoch(
    response: &EndQuorumEpochResponse,
) -> Result<(EpochAnswer, ToldAddresses), String> {
    decode_epoch_answer!(response)
}

/// The question for a vote in `request`.
///
/// # Errors
/// [`ErrorCode::InvalidRequest`] if it is not about the metadata log.
pub(super) fn vote_asked(request: &VoteRequest) -> Result<VoteAsk, ErrorCode> {
    let asked = only_partition!(request.topics.as_slice());
    let asked = asked.filter(|(topic, one)| topic.topic_name == TOPIC && one.partition_index == 0);
    let (_, partition) = asked.ok_or(ErrorCode::InvalidRequest)?;
    Ok(VoteAsk {
        candidate: ReplicaKey {
            id: partition.replica_id,
            directory_id: partition.replica_directory_id,
        },
        epoch: partition.replica_epoch,
        end: LogEnd {
            epoch: partition.last_offset_epoch,
            offset: partition.last_offset,
        },
        is_pre_vote: partition.pre_vote,
        voter: node_id(request.voter_id).map(|id| ReplicaKey {
            id,
            directory_id: partition.voter_directory_id,
        }),
    })
}

/// True if the numbers of a question for a vote do not contradict each other.
pub(super) const fn is_sensible(ask: &VoteAsk) -> bool {
    // A vote is for an epoch that is to begin.
    let is_of_earlier = ask.is_pre_vote || ask.end.epoch < ask.epoch;
    ask.candidate.id >= 0 && ask.end.epoch >= 0 && ask.end.offset >= 0 && is_of_earlier
}

/// Who leads, as a node tells by itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct EpochAsked {
    pub leader: BrokerId,
    pub epoch: i32,
    /// Who is told; `None` if the asker does not say.
    pub voter: Option<ReplicaKey>,
    /// Who may follow, the best first.
    pub successors: Vec<ReplicaKey>,
    /// Where the leader listens.
    pub endpoints: Vec<VoterEndpoint>,
}

/// What `request` tells.
///
/// # Errors
/// [`ErrorCode::InvalidRequest`] if it is not about the metadata log.
pub(super) fn begin_asked(request: &BeginQuorumEpochRequest) -> Result<EpochAsked, ErrorCode> {
    let asked = only_partition!(request.topics.as_slice());
    let asked = asked.filter(|(topic, one)| topic.topic_name == TOPIC && one.partition_index == 0);
    let (_, partition) = asked.ok_or(ErrorCode::InvalidRequest)?;
    let endpoint =
        |one: &begin_request::LeaderEndpoint| VoterEndpoint::at(&one.name, &one.host, one.port);
    Ok(EpochAsked {
        leader: partition.leader_id,
        epoch: partition.leader_epoch,
        voter: node_id(request.voter_id).map(|id| ReplicaKey {
            id,
            directory_id: partition.voter_directory_id,
        }),
        successors: Vec::new(),
        endpoints: request.leader_endpoints.iter().map(endpoint).collect(),
    })
}

/// What `request` tells.
///
/// # Errors
/// [`ErrorCode::InvalidRequest`] if it is not about the metadata log.
pub(super) fn end_asked(request: &EndQuorumEpochRequest) -> Result<EpochAsked, ErrorCode> {
    let asked = only_partition!(request.topics.as_slice());
    let asked = asked.filter(|(topic, one)| topic.topic_name == TOPIC && one.partition_index == 0);
    let (_, partition) = asked.ok_or(ErrorCode::InvalidRequest)?;
    let candidates = partition.preferred_candidates.iter();
    let mut successors: Vec<ReplicaKey> = candidates
        .map(|candidate| ReplicaKey {
            id: candidate.candidate_id,
            directory_id: candidate.candidate_directory_id,
        })
        .collect();
    if successors.is_empty() {
        let ids = partition.preferred_successors.iter();
        successors.extend(ids.map(|id| ReplicaKey {
            id: *id,
            directory_id: Uuid::ZERO,
        }));
    }
    Ok(EpochAsked {
        leader: partition.leader_id,
        epoch: partition.leader_epoch,
        voter: None,
        successors,
        endpoints: Vec::new(),
    })
}

fn code(answer: &EpochAnswer) -> i16 {
    let refusal = answer.refusal.map(code_of);
    refusal.unwrap_or(ErrorCode::None).code()
}

/// The leader and its address, where that is told.
pub(super) type LeaderAddress<'a> = Option<(BrokerId, &'a VoterEndpoint)>;

macro_rules! node_endpoints {
    ($module:ident, $leader:expr) => {
        $leader
            .map(|(node_id, endpoint)| $module::NodeEndpoint {
                node_id,
                host: endpoint.host.clone(),
                port: endpoint.port,
                ..Default::default()
            })
            .into_iter()
            .collect()
    };
}

/// The message of a vote, given or not.
pub(super) fn encode_vote(answer: &VoteAnswer, leader: LeaderAddress<'_>) -> VoteResponse {
    VoteResponse {
        topics: vec![vote_response::TopicData {
            topic_name: TOPIC.to_owned(),
            partitions: vec![vote_response::PartitionData {
                partition_index: 0,
                error_code: code(&answer.known),
                leader_id: answer.known.leader.unwrap_or(-1),
                leader_epoch: answer.known.epoch,
                vote_granted: answer.is_granted,
                ..Default::default()
            }],
            ..Default::default()
        }],
        node_endpoints: node_endpoints!(vote_response, leader),
        ..Default::default()
    }
}

/// The message that answers the begin of an epoch, or its end.
macro_rules! epoch_answer {
    ($response:ident, $module:ident, $answer:expr, $leader:expr) => {
        $response {
            topics: vec![$module::TopicData {
                topic_name: TOPIC.to_owned(),
                partitions: vec![$module::PartitionData {
                    partition_index: 0,
                    error_code: code($answer),
                    leader_id: $answer.leader.unwrap_or(-1),
                    leader_epoch: $answer.epoch,
                    ..Default::default()
                }],
                ..Default::default()
            }],
            node_endpoints: node_endpoints!($module, $leader),
            ..Default::default()
        }
    };
}

/// The message to a node that said that it leads.
pub(super) fn encode_begin_epoch(
    answer: &EpochAnswer,
    leader: LeaderAddress<'_>,
) -> BeginQuorumEpochResponse {
    epoch_answer!(BeginQuorumEpochResponse, begin_response, answer, leader)
}

/// The message to a node that said that it leads no more.
pub(super) fn encode_end_epoch(
    answer: &EpochAnswer,
    leader: LeaderAddress<'_>,
) -> EndQuorumEpochResponse {
    epoch_answer!(EndQuorumEpochResponse, end_response, answer, leader)
}

/// A part of a snapshot.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Part {
    pub id: SnapshotId,
    /// Where it lies.
    pub position: i64,
    /// The size of all.
    pub size: i64,
    pub bytes: Bytes,
}

/// What is in the answer to a request for a part of a snapshot.
///
/// # Errors
/// A line that says why there is nothing.
pub(super) fn decode_part(response: &FetchSnapshotResponse) -> Result<Part, String> {
    check_top(response.error_code)?;
    let Some((_, part)) = only_partition!(response.topics.as_slice()) else {
        return Err("it is not about one partition".to_owned());
    };
    check_top(part.error_code)?;
    Ok(Part {
        id: SnapshotId {
            end_offset: part.snapshot_id.end_offset,
            epoch: part.snapshot_id.epoch,
        },
        position: part.position,
        size: part.size,
        bytes: part.unaligned_records.to_bytes(),
    })
}
