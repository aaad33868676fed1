//! What a shard asks other nodes, as the effects and events of its connections.

use bytes::Bytes;

use crate::client::{AskFailure, DialFailure, Lane, PeerId};
use crate::model::NodeAddress;
use crate::protocol::messages::api_versions_response::ApiVersion;
use crate::protocol::messages::{ApiVersionsResponse, ListGroupsRequest, ListGroupsResponse};
use crate::protocol::{
    AnyRequest, AnyResponse, ApiKey, Writer, decode_request_header, encode_response_header,
};
use crate::shard::{ConnectionId, DisconnectReason, Effect, Event, PeerAsker};

use super::{Bench, Duration, Registered};

const SECOND: Duration = Duration::from_secs(1);

fn bench() -> Bench {
    let registered = Registered {
        leader: 1,
        leader_epoch: 1,
        partition_epoch: 1,
        isr: &[1],
        replicas: &[1],
    };
    Bench::new(registered, &[("connections.max.idle.ms", "60000")])
}

fn ask(bench: &mut Bench, number: u64) {
    ask_only(bench, number);
    bench.settle();
}

fn ask_only(bench: &mut Bench, number: u64) {
    let to = PeerId {
        address: NodeAddress {
            host: "node-2".to_owned(),
            port: 9092,
        },
        lane: Lane::Controller,
    };
    let request = AnyRequest::ListGroups(ListGroupsRequest::default());
    let asker = PeerAsker::Test(number);
    bench.shard.ask_peer(bench.now, asker, to, request, SECOND);
}

/// The connection that the shard wants, and where to.
fn dial(bench: &mut Bench) -> (ConnectionId, String) {
    match bench.network.remove(0) {
        Effect::Dial {
            connection,
            address,
            timeout,
        } => {
            assert!(timeout >= 8 * SECOND, "{timeout:?}");
            (connection, address.to_string())
        }
        other => panic!("{other:?} is no dial"),
    }
}

fn happens(bench: &mut Bench, event: Event) {
    bench.shard.on_event(bench.now, event, &mut bench.effects);
    bench.settle();
}

/// The request that was sent: its API, version and number.
fn sent(bench: &mut Bench) -> (ConnectionId, ApiKey, i16, i32) {
    match bench.network.remove(0) {
        Effect::Send { connection, slices } => {
            let frame = Bytes::from(slices.concat()).slice(4..);
            let (key, header, _) = decode_request_header(frame).unwrap();
            let (version, id) = (header.request_api_version, header.correlation_id);
            (connection, key, version, id)
        }
        other => panic!("{other:?} sends nothing"),
    }
}

fn answers(bench: &mut Bench, body: &AnyResponse) {
    let (connection, key, version, id) = sent(bench);
    assert_eq!(key, body.key());
    let mut writer = Writer::new();
    writer.start_frame();
    encode_response_header(&mut writer, key, version, id).unwrap();
    body.encode(&mut writer, version).unwrap();
    writer.finish_frame().unwrap();
    for piece in writer.into_bytes().chunks(7) {
        let memory = bench.shard.receive_buffer(connection).unwrap();
        memory[..piece.len()].copy_from_slice(piece);
        let length = piece.len();
        happens(bench, Event::Received { connection, length });
    }
}

fn versions() -> AnyResponse {
    let api = ApiVersion {
        api_key: ApiKey::ListGroups.code(),
        min_version: 0,
        max_version: 5,
        ..ApiVersion::default()
    };
    AnyResponse::ApiVersions(ApiVersionsResponse {
        api_keys: vec![api],
        ..ApiVersionsResponse::default()
    })
}

#[test]
fn an_answer_of_another_node_comes_to_who_asked() {
    let mut bench = bench();
    ask(&mut bench, 7);
    let (connection, address) = dial(&mut bench);
    assert_eq!(address, "node-2:9092");
    assert!(connection.dialed_number().is_some());
    let result = Ok(());
    happens(&mut bench, Event::Dialed { connection, result });
    answers(&mut bench, &versions());
    let groups = AnyResponse::ListGroups(ListGroupsResponse::default());
    answers(&mut bench, &groups);
    assert_eq!(bench.shard.told(), [(7, Ok(groups))]);
    let length = 100;
    happens(&mut bench, Event::Sent { connection, length });
    // It is closed once nobody has used it for long.
    bench.wait(59 * SECOND);
    assert!(bench.network.is_empty());
    bench.wait(SECOND);
    match bench.network[..] {
        [
            Effect::Disconnect {
                connection: one, ..
            },
        ] => assert_eq!(one, connection),
        ref other => panic!("{other:?} does not close it"),
    }
    assert!(bench.shard.receive_buffer(connection).is_none());
    let reason = DisconnectReason::ByShard;
    happens(&mut bench, Event::Disconnected { connection, reason });
}

#[test]
fn an_outcome_that_nobody_was_told_of_wakes_the_shard_at_once() {
    let mut bench = bench();
    ask(&mut bench, 1);
    let (connection, _) = dial(&mut bench);
    let result = Ok(());
    happens(&mut bench, Event::Dialed { connection, result });
    let none = AnyResponse::ApiVersions(ApiVersionsResponse::default());
    answers(&mut bench, &none);
    let told = bench.shard.told();
    assert!(
        matches!(told[..], [(1, Err(AskFailure::Unsupported(_)))]),
        "{told:?}"
    );
    // What is asked from now on cannot even be sent.
    assert!(bench.shard.next_deadline() > bench.now.instant);
    ask_only(&mut bench, 2);
    assert!(bench.shard.told().is_empty());
    assert!(bench.shard.next_deadline() <= bench.now.instant);
    bench.wait(Duration::ZERO);
    assert_eq!(bench.shard.told().len(), 1);
    assert!(bench.shard.next_deadline() > bench.now.instant);
}

#[test]
fn a_node_that_is_not_reached_fails_who_asked_and_is_dialed_anew_under_another_number() {
    let mut bench = bench();
    ask(&mut bench, 1);
    let (connection, _) = dial(&mut bench);
    let failure = DialFailure::NoDescriptor;
    let result = Err(failure.clone());
    happens(&mut bench, Event::Dialed { connection, result });
    let expected = (1, Err(AskFailure::Refused(failure)));
    assert_eq!(bench.shard.told(), [expected]);
    ask(&mut bench, 2);
    assert!(bench.network.is_empty(), "it is too early");
    assert!(bench.shard.next_deadline() <= bench.now.instant + SECOND / 10);
    bench.wait(SECOND / 10);
    let (again, _) = dial(&mut bench);
    assert_ne!(again, connection);
    // The time of a request ends whether or not somebody answers.
    bench.wait(SECOND);
    assert_eq!(bench.shard.told(), [(2, Err(AskFailure::TimedOut))]);
}
