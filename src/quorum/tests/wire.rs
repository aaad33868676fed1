//! What the machine says, in every version of the messages.

use super::*;
use crate::model::ErrorCode;
use crate::protocol::Message;
use crate::quorum::raft::{
    EpochAnswer, FetchAsk, FetchFound, LogEnd, Refusal, Request, VoteAnswer, VoteAsk,
};
use crate::quorum::wire::{self, Sender};

fn key(id: BrokerId) -> ReplicaKey {
    ReplicaKey {
        id,
        directory_id: directory(id, 1),
    }
}

fn without_directory(key: ReplicaKey) -> ReplicaKey {
    ReplicaKey {
        directory_id: Uuid::ZERO,
        ..key
    }
}

/// What arrives of a message.
fn sent<M: Message>(message: &M, version: i16) -> M {
    let mut writer = Writer::new();
    message.encode(&mut writer, version).unwrap();
    M::decode(&mut Reader::new(writer.into_bytes()), version).unwrap()
}

fn encode(request: &Request) -> AnyRequest {
    let endpoints = [endpoint(1)];
    let sender = Sender {
        cluster_id: CLUSTER,
        me: key(1),
        endpoints: &endpoints,
    };
    sender.encode(request)
}

#[test]
fn a_question_for_a_vote_arrives_as_it_was_asked() {
    let asked = |is_pre_vote| VoteAsk {
        candidate: key(1),
        epoch: 7,
        end: LogEnd {
            epoch: 5,
            offset: 44,
        },
        is_pre_vote,
        voter: Some(key(2)),
    };
    for (version, is_pre_vote) in [(0, false), (1, false), (2, false), (2, true)] {
        let ask = asked(is_pre_vote);
        let AnyRequest::Vote(request) = encode(&Request::Vote(ask)) else {
            panic!("it is something else");
        };
        let arrived = sent(&request, version);
        assert_eq!(arrived.cluster_id.as_deref(), Some(CLUSTER));
        let taken = wire::vote_asked(&arrived).unwrap();
        if version == 0 {
            let expected = VoteAsk {
                candidate: without_directory(key(1)),
                voter: None,
                ..ask
            };
            assert_eq!(taken, expected);
        } else {
            assert_eq!(taken, ask);
        }
    }
    let AnyRequest::Vote(request) = encode(&Request::Vote(asked(false))) else {
        panic!("it is something else");
    };
    let partition = &request.topics[0].partitions[0];
    assert_eq!((request.voter_id, partition.replica_id), (2, 1));
    assert_eq!(
        (partition.replica_epoch, partition.last_offset_epoch),
        (7, 5)
    );
    assert_eq!(partition.last_offset, 44);
    assert_eq!(partition.voter_directory_id, directory(2, 1));
}

#[test]
fn a_leader_that_begins_or_ends_is_known_by_all_that_it_says() {
    let begin = Request::BeginEpoch {
        leader: 1,
        epoch: 7,
        voter: key(2),
    };
    let AnyRequest::BeginQuorumEpoch(request) = encode(&begin) else {
        panic!("it is something else");
    };
    for version in [0, 1] {
        let begun = wire::begin_asked(&sent(&request, version)).unwrap();
        assert_eq!((begun.leader, begun.epoch), (1, 7));
        if version == 1 {
            assert_eq!(begun.voter, Some(key(2)));
            assert_eq!(begun.endpoints, [endpoint(1)]);
        } else {
            assert_eq!(begun.voter, None);
        }
    }
    let end = Request::EndEpoch {
        leader: 1,
        epoch: 7,
        successors: vec![key(3), key(2)],
    };
    let AnyRequest::EndQuorumEpoch(request) = encode(&end) else {
        panic!("it is something else");
    };
    for version in [0, 1] {
        let ended = wire::end_asked(&sent(&request, version)).unwrap();
        assert_eq!((ended.leader, ended.epoch), (1, 7));
        let mut successors = vec![key(3), key(2)];
        if version == 0 {
            successors = successors.into_iter().map(without_directory).collect();
        }
        assert_eq!(ended.successors, successors);
    }
}

#[test]
fn a_fetch_says_who_asks_and_what_it_has() {
    let ask = FetchAsk {
        replica: Some(key(1)),
        epoch: 7,
        end: LogEnd {
            epoch: 5,
            offset: 44,
        },
        high_watermark: Some(40),
    };
    let AnyRequest::Fetch(request) = encode(&Request::Fetch(ask)) else {
        panic!("it is something else");
    };
    for version in [17, 18] {
        let arrived = sent(&request, version);
        assert_eq!(arrived.cluster_id.as_deref(), Some(CLUSTER));
        assert_eq!(arrived.replica_state.replica_id, 1);
        let partition = &arrived.topics[0].partitions[0];
        assert_eq!(arrived.topics[0].topic_id, Uuid::METADATA_TOPIC);
        assert_eq!(partition.replica_directory_id, directory(1, 1));
        assert_eq!(
            (partition.current_leader_epoch, partition.fetch_offset),
            (7, 44)
        );
        assert_eq!(partition.last_fetched_epoch, 5);
        let high_watermark = if version == 18 { 40 } else { i64::MAX };
        assert_eq!(partition.high_watermark, high_watermark);
    }
}

#[test]
fn an_answer_tells_the_refusal_the_epoch_and_the_leader() {
    let leader = endpoint(3);
    let told = |version: i16| (version > 0).then_some((3, &leader));
    let addresses = |version: i16| match version {
        0 => Vec::new(),
        _ => vec![(3, address(3))],
    };
    for (refusal, code) in [
        (None, ErrorCode::None),
        (Some(Refusal::FencedEpoch), ErrorCode::FencedLeaderEpoch),
        (Some(Refusal::UnknownEpoch), ErrorCode::UnknownLeaderEpoch),
        (Some(Refusal::NotLeader), ErrorCode::NotLeaderOrFollower),
        (Some(Refusal::InvalidVoterKey), ErrorCode::InvalidVoterKey),
        (Some(Refusal::Invalid), ErrorCode::InvalidRequest),
    ] {
        let known = EpochAnswer {
            refusal,
            epoch: 7,
            leader: Some(3),
        };
        for version in [0, 1] {
            let answer = VoteAnswer {
                known,
                is_granted: refusal.is_none(),
            };
            let vote = sent(&wire::encode_vote(&answer, told(version)), version);
            assert_eq!(vote.topics[0].partitions[0].error_code, code.code());
            let taken = wire::decode_vote(&vote).unwrap();
            assert_eq!(taken, (answer, addresses(version)));
            let begun = sent(&wire::encode_begin_epoch(&known, told(version)), version);
            let taken = wire::decode_begin_epoch(&begun).unwrap();
            assert_eq!(taken, (known, addresses(version)));
            let ended = sent(&wire::encode_end_epoch(&known, told(version)), version);
            let taken = wire::decode_end_epoch(&ended).unwrap();
            assert_eq!(taken, (known, addresses(version)));
        }
    }
}

#[test]
fn an_answer_to_a_fetch_that_makes_no_sense_is_no_answer() {
    use crate::protocol::messages::FetchResponse;
    use crate::protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};

    let refused = FetchResponse {
        error_code: ErrorCode::InconsistentClusterId.code(),
        ..FetchResponse::default()
    };
    let reason = wire::decode_fetch(&refused).unwrap_err();
    assert!(reason.contains("INCONSISTENT_CLUSTER_ID"), "{reason}");
    assert!(wire::decode_fetch(&FetchResponse::default()).is_err());
    let partition = PartitionData::default();
    let response = FetchResponse {
        responses: vec![FetchableTopicResponse {
            partitions: vec![partition],
            ..FetchableTopicResponse::default()
        }],
        ..FetchResponse::default()
    };
    let fetched = wire::decode_fetch(&response).unwrap();
    assert_eq!(fetched.answer.found, FetchFound::Nothing);
    assert_eq!(fetched.answer.known.leader, None);
}
