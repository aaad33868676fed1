//! A connection and a cluster fed with a broker's bytes, byte by byte where it matters.

use bytes::Bytes;

use crate::model::{ErrorCode, Uuid};
use crate::protocol::messages::api_versions_response::ApiVersion;
use crate::protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use crate::protocol::messages::produce_request::TopicProduceData;
use crate::protocol::messages::{
    ApiVersionsResponse, FindCoordinatorRequest, ListGroupsRequest, ListGroupsResponse,
    MetadataRequest, MetadataResponse, ProduceRequest,
};
use crate::protocol::{
    AnyRequest, AnyResponse, ApiKey, Message, Writer, decode_request_header, encode_response_header,
};

use super::{Cluster, Connection, ConnectionError, is_stale};

/// A frame that answers request `correlation_id`.
pub fn answer(correlation_id: i32, version: i16, body: &AnyResponse) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.start_frame();
    encode_response_header(&mut writer, body.key(), version, correlation_id).unwrap();
    body.encode(&mut writer, version).unwrap();
    writer.finish_frame().unwrap();
    writer.into_bytes().to_vec()
}

/// What is sent first, cut into its parts: API, version, correlation id.
fn first_sent(connection: &mut Connection) -> (ApiKey, i16, i32) {
    let frame = connection.drain_output().concat();
    let (key, header, _) = decode_request_header(Bytes::from(frame).slice(4..)).unwrap();
    (key, header.request_api_version, header.correlation_id)
}

pub fn versions(apis: &[(ApiKey, i16, i16)]) -> AnyResponse {
    let api = |(key, min_version, max_version): &(ApiKey, i16, i16)| ApiVersion {
        api_key: key.code(),
        min_version: *min_version,
        max_version: *max_version,
        ..ApiVersion::default()
    };
    AnyResponse::ApiVersions(ApiVersionsResponse {
        api_keys: apis.iter().map(api).collect(),
        ..ApiVersionsResponse::default()
    })
}

/// A connection whose broker speaks `apis`.
fn ready(apis: &[(ApiKey, i16, i16)]) -> Connection {
    let mut connection = Connection::new("test");
    let (_, version, id) = first_sent(&mut connection);
    connection.on_received(&answer(id, version, &versions(apis)));
    assert_eq!(connection.next_response(), Ok(None));
    assert!(connection.is_ready());
    connection
}

#[test]
fn a_request_goes_out_in_the_highest_version_that_both_know() {
    let connection = ready(&[(ApiKey::ListGroups, 0, 4), (ApiKey::Metadata, 0, 99)]);
    let list = AnyRequest::ListGroups(ListGroupsRequest::default());
    assert_eq!(connection.version_for(&list), Ok(4));
    let metadata = AnyRequest::Metadata(MetadataRequest::default());
    assert_eq!(
        connection.version_for(&metadata),
        Ok(MetadataRequest::VERSIONS.1)
    );
}

#[test]
fn a_broker_without_a_usable_version_is_named_as_such() {
    let mut connection = ready(&[(ApiKey::FindCoordinator, 0, 3)]);
    let find = AnyRequest::FindCoordinator(FindCoordinatorRequest::default());
    let error = connection.send(&find).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("FindCoordinator in versions 0 to 3, but 4 to")
    );
    let list = AnyRequest::ListGroups(ListGroupsRequest::default());
    let error = connection.send(&list).unwrap_err();
    assert_eq!(error.to_string(), "the broker does not offer ListGroups");
    assert!(connection.drain_output().is_empty(), "nothing is sent");
}

#[test]
fn topics_without_a_known_id_are_named_in_an_older_version() {
    let connection = ready(&[(ApiKey::Produce, 0, 13)]);
    let produce = |topic_id| {
        let topic = TopicProduceData {
            name: "t".to_owned(),
            topic_id,
            ..TopicProduceData::default()
        };
        AnyRequest::Produce(ProduceRequest {
            topic_data: vec![topic],
            ..ProduceRequest::default()
        })
    };
    assert_eq!(connection.version_for(&produce(Uuid::ZERO)), Ok(12));
    assert_eq!(
        connection.version_for(&produce(Uuid::from_bytes([1; 16]))),
        Ok(13)
    );
}

#[test]
fn a_broker_that_does_not_know_our_first_version_is_asked_again_in_its_own() {
    let mut connection = Connection::new("test");
    let (_, version, id) = first_sent(&mut connection);
    let AnyResponse::ApiVersions(mut refusal) = versions(&[(ApiKey::ApiVersions, 0, 2)]) else {
        unreachable!("made as such");
    };
    refusal.error_code = ErrorCode::UnsupportedVersion.code();
    connection.on_received(&answer(id, 0, &AnyResponse::ApiVersions(refusal)));
    assert_eq!(connection.next_response(), Ok(None));
    assert!(!connection.is_ready());
    let (key, again, id) = first_sent(&mut connection);
    assert_eq!((key, again), (ApiKey::ApiVersions, 2));
    assert!(version > 2);
    let known = versions(&[(ApiKey::ListGroups, 0, 1)]);
    connection.on_received(&answer(id, 2, &known));
    assert_eq!(connection.next_response(), Ok(None));
    assert!(connection.is_ready());
}

#[test]
fn answers_are_matched_whatever_way_their_bytes_are_cut() {
    let mut connection = ready(&[(ApiKey::ListGroups, 0, 4)]);
    let list = AnyRequest::ListGroups(ListGroupsRequest::default());
    let first = connection.send(&list).unwrap();
    let second = connection.send(&list).unwrap();
    assert_eq!(connection.in_flight_count(), 2);
    let body = AnyResponse::ListGroups(ListGroupsResponse::default());
    let mut bytes = answer(1, 4, &body);
    bytes.extend(answer(2, 4, &body));
    let mut answered = Vec::new();
    for byte in bytes {
        connection.on_received(&[byte]);
        answered.extend(
            connection
                .next_response()
                .unwrap()
                .map(|response| response.id),
        );
    }
    assert_eq!(answered, [first, second]);
    assert_eq!(connection.in_flight_count(), 0);
}

#[test]
fn answers_out_of_order_unasked_or_too_long_end_the_connection() {
    let list = AnyRequest::ListGroups(ListGroupsRequest::default());
    let body = AnyResponse::ListGroups(ListGroupsResponse::default());
    let mut connection = ready(&[(ApiKey::ListGroups, 0, 4)]);
    connection.on_received(&answer(1, 4, &body));
    assert_eq!(connection.next_response(), Err(ConnectionError::Unasked));

    let mut connection = ready(&[(ApiKey::ListGroups, 0, 4)]);
    connection.send(&list).unwrap();
    connection.on_received(&answer(7, 4, &body));
    let error = ConnectionError::Correlation {
        expected: 1,
        found: 7,
    };
    assert_eq!(connection.next_response(), Err(error));

    let mut connection = ready(&[(ApiKey::ListGroups, 0, 4)]);
    connection.send(&list).unwrap();
    let mut bytes = answer(1, 4, &body);
    bytes.push(0);
    bytes[3] += 1;
    connection.on_received(&bytes);
    let error = connection.next_response().unwrap_err();
    assert!(
        matches!(error, ConnectionError::Malformed { .. }),
        "{error}"
    );
}

#[test]
fn what_is_no_broker_is_told_by_how_it_answers() {
    let mut connection = Connection::new("test");
    connection.on_received(b"HTTP/1.1 400 Bad Request\r\n");
    let error = connection.next_response().unwrap_err();
    let expected = "it is no Kafka broker: its answer begins with \"HTTP\"";
    assert_eq!(error.to_string(), expected);
    let mut connection = Connection::new("test");
    connection.on_received(b"\x15\x03\x03\x00\x02\x02\x46");
    let error = connection.next_response().unwrap_err();
    assert!(
        error.to_string().ends_with("begins with 15 03 03 00"),
        "{error}"
    );
}

#[test]
fn a_produce_that_asks_for_no_answer_waits_for_none() {
    let mut connection = ready(&[(ApiKey::Produce, 0, 13)]);
    let produce = AnyRequest::Produce(ProduceRequest::default());
    connection.send(&produce).unwrap();
    assert_eq!(connection.in_flight_count(), 0);
}

fn metadata(leader: i32, id: Uuid, error: ErrorCode) -> MetadataResponse {
    let partition = MetadataResponsePartition {
        leader_id: leader,
        leader_epoch: 3,
        ..MetadataResponsePartition::default()
    };
    let topic = MetadataResponseTopic {
        name: Some("t".to_owned()),
        topic_id: id,
        error_code: error.code(),
        partitions: vec![partition],
        ..MetadataResponseTopic::default()
    };
    let broker = MetadataResponseBroker {
        node_id: 1,
        port: 9092,
        ..MetadataResponseBroker::default()
    };
    MetadataResponse {
        brokers: vec![broker],
        topics: vec![topic],
        ..MetadataResponse::default()
    }
}

#[test]
fn a_leader_is_known_only_if_its_broker_is() {
    let mut cluster = Cluster::new();
    let id = Uuid::from_bytes([7; 16]);
    cluster.on_metadata(&metadata(1, id, ErrorCode::None));
    assert_eq!(cluster.leader("t", 0), Some(1));
    assert_eq!(cluster.leader_epoch("t", 0), Some(3));
    assert_eq!(cluster.topic_name(id), Some("t"));
    assert_eq!(cluster.leader("t", 1), None);
    cluster.on_metadata(&metadata(2, id, ErrorCode::None));
    assert_eq!(cluster.leader("t", 0), None, "broker 2 is not in the list");
    cluster.on_metadata(&metadata(-1, id, ErrorCode::None));
    assert_eq!(cluster.leader("t", 0), None);
}

#[test]
fn a_topic_that_was_deleted_or_made_anew_loses_its_old_id() {
    let mut cluster = Cluster::new();
    let (old, new) = (Uuid::from_bytes([7; 16]), Uuid::from_bytes([8; 16]));
    cluster.on_metadata(&metadata(1, old, ErrorCode::None));
    cluster.on_metadata(&metadata(1, new, ErrorCode::None));
    assert_eq!(cluster.topic_name(old), None);
    assert_eq!(cluster.topic_name(new), Some("t"));
    cluster.on_metadata(&metadata(1, Uuid::ZERO, ErrorCode::UnknownTopicOrPartition));
    assert_eq!(cluster.topic_name(new), None);
    assert_eq!(
        cluster.topic_error("t"),
        Some(ErrorCode::UnknownTopicOrPartition)
    );
    assert!(is_stale(ErrorCode::UnknownTopicOrPartition));
}
