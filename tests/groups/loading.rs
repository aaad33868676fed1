//! What a coordinator finds in its partition, and what it says before it has read it.

use std::sync::Arc;

use bytes::Bytes;

use forebay::config::BrokerConfig;
use forebay::coordinator::group::{
    CoordinatorRecord, GroupCoordinator, GroupRequest, GroupResponse, GroupSettings, Output,
    ReplayedRecord, RequestContext, RequestToken, partition_for,
};
use forebay::metadata::MetadataImage;
use forebay::model::{ErrorCode, Uuid};
use forebay::protocol::messages::group_metadata_value::MemberMetadata;
use forebay::protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use forebay::protocol::messages::{
    ConsumerGroupCurrentMemberAssignmentKey, ConsumerGroupMemberMetadataKey,
    ConsumerGroupMetadataKey, ConsumerGroupTargetAssignmentMemberKey, DeleteGroupsRequest,
    DescribeGroupsRequest, GroupMetadataKey, GroupMetadataValue, HeartbeatRequest,
    JoinGroupRequest, ListGroupsRequest, OffsetCommitKey, OffsetCommitRequest, OffsetCommitValue,
    OffsetDeleteRequest, ShareGroupMetadataKey, StreamsGroupTopologyKey,
};
use forebay::protocol::{RecordContent, encode_record_key, encode_versioned};
use forebay::stdx::{Now, Random};

fn coordinator() -> GroupCoordinator {
    let settings = GroupSettings::new(&BrokerConfig::default());
    GroupCoordinator::new(settings, Random::from_seed(3))
}

fn replay(coordinator: &mut GroupCoordinator, offset: i64, key: &impl RecordContent, value: Bytes) {
    let record = ReplayedRecord {
        key: encode_record_key(key).unwrap(),
        value: (!value.is_empty()).then_some(value),
        offset,
        transaction: None,
    };
    coordinator.replay(record).unwrap();
}

fn load(coordinator: &mut GroupCoordinator) {
    coordinator.on_loaded(Now::default(), &mut Output::default());
    coordinator.check();
}

/// Ask; gives the answer, if it came at once, and the keys of what was written.
fn ask(
    coordinator: &mut GroupCoordinator,
    api_version: i16,
    request: GroupRequest,
) -> (Option<GroupResponse>, Vec<Bytes>) {
    let context = RequestContext {
        client_id: Arc::from("client"),
        client_address: "10.0.0.1".parse().unwrap(),
        api_version,
    };
    let mut output = Output::default();
    let image = MetadataImage::default();
    let now = Now::default();
    coordinator.on_request(now, RequestToken(1), &context, request, &image, &mut output);
    coordinator.check();
    let records = output.writes.into_iter().flat_map(|write| write.records);
    let answer = output.answers.pop().map(|(_, response)| response);
    (answer, records.map(|record| record.key).collect())
}

fn join(group: &str) -> GroupRequest {
    GroupRequest::JoinGroup(JoinGroupRequest {
        group_id: group.to_owned(),
        session_timeout_ms: 10_000,
        protocol_type: "consumer".to_owned(),
        protocols: vec![Default::default()],
        ..Default::default()
    })
}

fn fetch(group: &str, require_stable: bool) -> GroupRequest {
    GroupRequest::OffsetFetch {
        group: OffsetFetchRequestGroup {
            group_id: group.to_owned(),
            topics: Some(vec![OffsetFetchRequestTopics {
                name: "t".to_owned(),
                partition_indexes: vec![0],
                ..Default::default()
            }]),
            ..Default::default()
        },
        require_stable,
    }
}

fn fetched(coordinator: &mut GroupCoordinator, require_stable: bool) -> (i64, i16) {
    match ask(coordinator, 9, fetch("g", require_stable)).0 {
        Some(GroupResponse::OffsetFetch(response)) => {
            let partition = &response.topics[0].partitions[0];
            (partition.committed_offset, partition.error_code)
        }
        other => panic!("not fetched: {other:?}"),
    }
}

fn offset_key(group: &str) -> OffsetCommitKey {
    OffsetCommitKey {
        group: group.to_owned(),
        topic: "t".to_owned(),
        partition: 0,
    }
}

fn offset_value(offset: i64, version: i16) -> Bytes {
    let value = OffsetCommitValue {
        offset,
        ..Default::default()
    };
    encode_versioned(&value, version).unwrap()
}

#[test]
fn while_groups_load_only_heartbeats_are_well() {
    let mut loading = coordinator();
    let requests = [
        join("g"),
        fetch("g", false),
        GroupRequest::OffsetCommit(OffsetCommitRequest::default()),
        GroupRequest::OffsetDelete(OffsetDeleteRequest::default()),
        GroupRequest::ListGroups(ListGroupsRequest::default()),
        GroupRequest::DescribeGroups(DescribeGroupsRequest::default()),
        GroupRequest::DeleteGroups(DeleteGroupsRequest::default()),
        GroupRequest::Heartbeat(HeartbeatRequest::default()),
    ];
    for request in requests {
        let error = match request {
            GroupRequest::Heartbeat(_) => ErrorCode::None,
            _ => ErrorCode::CoordinatorLoadInProgress,
        };
        let expected = request.error_response(2, error);
        assert_eq!(ask(&mut loading, 2, request), (Some(expected), vec![]));
    }
    load(&mut loading);
    let (_, written) = ask(&mut loading, 9, join("g"));
    assert_eq!(written.len(), 1, "a loaded coordinator serves");
}

#[test]
fn offsets_of_a_transaction_count_when_it_is_committed() {
    for is_committed in [false, true] {
        let mut coordinator = coordinator();
        replay(&mut coordinator, 0, &offset_key("g"), offset_value(5, 3));
        let pending = ReplayedRecord {
            key: encode_record_key(&offset_key("g")).unwrap(),
            value: Some(offset_value(6, 3)),
            offset: 1,
            transaction: Some(77),
        };
        coordinator.replay(pending).unwrap();
        coordinator.replay_transaction_end(78, true);
        let mut open = coordinator;
        load(&mut open);
        let unstable = ErrorCode::UnstableOffsetCommit.code();
        assert_eq!(fetched(&mut open, true), (-1, unstable));
        assert_eq!(fetched(&mut open, false), (5, 0));
        open.replay_transaction_end(77, is_committed);
        let expected = if is_committed { 6 } else { 5 };
        assert_eq!(fetched(&mut open, true), (expected, 0));
    }
}

#[test]
fn an_offset_committed_after_the_transactions_own_outlives_its_end() {
    let mut coordinator = coordinator();
    let pending = ReplayedRecord {
        key: encode_record_key(&offset_key("g")).unwrap(),
        value: Some(offset_value(6, 3)),
        offset: 0,
        transaction: Some(77),
    };
    coordinator.replay(pending).unwrap();
    replay(&mut coordinator, 1, &offset_key("g"), offset_value(5, 3));
    coordinator.replay_transaction_end(77, true);
    load(&mut coordinator);
    assert_eq!(fetched(&mut coordinator, true), (5, 0));
}

#[test]
fn records_of_every_version_are_read() {
    for version in 0..=4 {
        let mut coordinator = coordinator();
        replay(
            &mut coordinator,
            0,
            &offset_key("g"),
            offset_value(5, version),
        );
        let member = MemberMetadata {
            member_id: "m".to_owned(),
            session_timeout: 10_000,
            ..Default::default()
        };
        let group = GroupMetadataValue {
            protocol_type: "consumer".to_owned(),
            generation: 3,
            protocol: Some("range".to_owned()),
            leader: Some("m".to_owned()),
            members: vec![member],
            ..Default::default()
        };
        let key = GroupMetadataKey {
            group: "g".to_owned(),
        };
        let value = encode_versioned(&group, version).unwrap();
        replay(&mut coordinator, 1, &key, value);
        load(&mut coordinator);
        assert_eq!(fetched(&mut coordinator, false), (5, 0));
        let heartbeat = GroupRequest::Heartbeat(HeartbeatRequest {
            group_id: "g".to_owned(),
            generation_id: 3,
            member_id: "m".to_owned(),
            ..Default::default()
        });
        let well = heartbeat.error_response(4, ErrorCode::None);
        assert_eq!(ask(&mut coordinator, 4, heartbeat).0, Some(well));
    }
}

#[test]
fn a_topic_deleted_while_groups_load_takes_its_offsets_with_it() {
    let mut coordinator = coordinator();
    replay(&mut coordinator, 0, &offset_key("g"), offset_value(5, 3));
    let mut output = Output::default();
    let id = Uuid::from_bytes([1; 16]);
    coordinator.on_topics_deleted(Now::default(), &[(id, "t")], &mut output);
    assert!(output.writes.is_empty(), "the log is being read");
    coordinator.on_loaded(Now::default(), &mut output);
    let write = output.writes.pop().unwrap();
    let key = encode_record_key(&offset_key("g")).unwrap();
    assert_eq!(write.records, [CoordinatorRecord { key, value: None }]);
    coordinator.on_written(Now::default(), write.token, &mut output);
    assert_eq!(fetched(&mut coordinator, false), (-1, 0));
}

fn listed(coordinator: &mut GroupCoordinator) -> Vec<(String, String, String)> {
    let request = GroupRequest::ListGroups(ListGroupsRequest::default());
    match ask(coordinator, 5, request).0 {
        Some(GroupResponse::ListGroups(response)) => response
            .groups
            .into_iter()
            .map(|group| (group.group_id, group.group_type, group.group_state))
            .collect(),
        other => panic!("not listed: {other:?}"),
    }
}

fn row(id: &str, kind: &str, state: &str) -> (String, String, String) {
    (id.to_owned(), kind.to_owned(), state.to_owned())
}

#[test]
fn groups_of_other_protocols_are_kept_listed_and_deleted_whole() {
    let mut coordinator = coordinator();
    let some = Bytes::from_static(b"\0\0 whatever Kafka wrote");
    let group_id = || "c".to_owned();
    let group = ConsumerGroupMetadataKey {
        group_id: group_id(),
    };
    let member = ConsumerGroupMemberMetadataKey {
        group_id: group_id(),
        member_id: "m".to_owned(),
    };
    let share = ShareGroupMetadataKey {
        group_id: "s".to_owned(),
    };
    let streams = StreamsGroupTopologyKey {
        group_id: "z".to_owned(),
    };
    replay(&mut coordinator, 0, &group, some.clone());
    replay(&mut coordinator, 1, &member, some.clone());
    replay(&mut coordinator, 2, &share, some.clone());
    replay(&mut coordinator, 3, &streams, some.clone());
    replay(&mut coordinator, 4, &streams, Bytes::new());
    replay(&mut coordinator, 5, &offset_key("c"), offset_value(9, 4));
    let unknown = ReplayedRecord {
        key: Bytes::from_static(b"\x7f\0future"),
        value: Some(some),
        offset: 6,
        transaction: None,
    };
    coordinator.replay(unknown).unwrap();
    load(&mut coordinator);
    let rows = [row("c", "consumer", "Empty"), row("s", "share", "Empty")];
    assert_eq!(listed(&mut coordinator), rows);
    let delete = |name: &str| {
        GroupRequest::DeleteGroups(DeleteGroupsRequest {
            groups_names: vec![name.to_owned()],
            ..Default::default()
        })
    };
    let (answer, written) = ask(&mut coordinator, 2, delete("s"));
    assert_eq!(answer, None, "the answer waits for the tombstone");
    assert_eq!(written, [encode_record_key(&share).unwrap()]);
}

#[test]
fn a_classic_member_takes_over_a_group_with_its_offsets_whoever_was_in_it() {
    let mut coordinator = coordinator();
    let group = ConsumerGroupMetadataKey {
        group_id: "g".to_owned(),
    };
    let member = ConsumerGroupMemberMetadataKey {
        group_id: "g".to_owned(),
        member_id: "m".to_owned(),
    };
    let assignment = ConsumerGroupCurrentMemberAssignmentKey {
        group_id: "g".to_owned(),
        member_id: "m".to_owned(),
    };
    let target = ConsumerGroupTargetAssignmentMemberKey {
        group_id: "g".to_owned(),
        member_id: "m".to_owned(),
    };
    let some = Bytes::from_static(b"\0\0");
    replay(&mut coordinator, 0, &group, some.clone());
    replay(&mut coordinator, 1, &offset_key("g"), offset_value(9, 4));
    replay(&mut coordinator, 2, &member, some.clone());
    replay(&mut coordinator, 3, &target, some.clone());
    replay(&mut coordinator, 4, &assignment, some);
    load(&mut coordinator);
    let (_, written) = ask(&mut coordinator, 9, join("g"));
    let classic = GroupMetadataKey {
        group: "g".to_owned(),
    };
    // Apache Kafka loads no group that goes before its members do.
    let expected = [
        encode_record_key(&assignment).unwrap(),
        encode_record_key(&target).unwrap(),
        encode_record_key(&member).unwrap(),
        encode_record_key(&group).unwrap(),
        encode_record_key(&classic).unwrap(),
    ];
    assert_eq!(written, expected);
    assert_eq!(listed(&mut coordinator), [row("g", "classic", "Empty")]);
    assert_eq!(fetched(&mut coordinator, false), (9, 0));
}

#[test]
fn the_later_record_says_which_protocol_a_group_follows() {
    let mut coordinator = coordinator();
    let other = ConsumerGroupMetadataKey {
        group_id: "g".to_owned(),
    };
    let classic = GroupMetadataKey {
        group: "g".to_owned(),
    };
    let value = GroupMetadataValue {
        protocol_type: "consumer".to_owned(),
        protocol: Some("range".to_owned()),
        members: vec![MemberMetadata {
            member_id: "m".to_owned(),
            session_timeout: 10_000,
            ..Default::default()
        }],
        ..Default::default()
    };
    replay(&mut coordinator, 0, &other, Bytes::from_static(b"\0\0"));
    let value = encode_versioned(&value, 3).unwrap();
    replay(&mut coordinator, 1, &classic, value);
    load(&mut coordinator);
    assert_eq!(listed(&mut coordinator), [row("g", "classic", "Stable")]);
}

#[test]
fn static_members_without_time_to_rebalance_do_not_hold_up_the_coordinator() {
    let mut coordinator = coordinator();
    let member = |id: &str, session_timeout| MemberMetadata {
        member_id: id.to_owned(),
        group_instance_id: Some(id.to_owned()),
        session_timeout,
        rebalance_timeout: 0,
        ..Default::default()
    };
    let group = GroupMetadataKey {
        group: "g".to_owned(),
    };
    let value = GroupMetadataValue {
        protocol_type: "consumer".to_owned(),
        protocol: Some("range".to_owned()),
        members: vec![member("a", 10_000), member("b", 50)],
        ..Default::default()
    };
    let value = encode_versioned(&value, 3).unwrap();
    replay(&mut coordinator, 0, &group, value);
    load(&mut coordinator);
    // The first is given up, and the second has yet to come back.
    let now = Now {
        instant: coordinator.next_deadline(),
        ..Now::default()
    };
    coordinator.on_deadline(now, &mut Output::default());
    coordinator.check();
    assert!(coordinator.next_deadline() > now.instant);
    let rows = [row("g", "classic", "PreparingRebalance")];
    assert_eq!(listed(&mut coordinator), rows);
}

#[test]
fn a_record_that_is_none_is_an_error_and_changes_nothing() {
    let member = MemberMetadata {
        member_id: "m".to_owned(),
        ..Default::default()
    };
    let twice = GroupMetadataValue {
        protocol: Some("range".to_owned()),
        members: vec![member.clone(), member],
        ..Default::default()
    };
    let group = encode_record_key(&GroupMetadataKey {
        group: "g".to_owned(),
    });
    let group = group.unwrap();
    let offset = encode_record_key(&offset_key("g")).unwrap();
    let bad = [
        (Bytes::new(), None),
        (Bytes::from_static(b"\0\x01\0\x09"), None),
        (offset.clone(), Some(Bytes::from_static(b"\0\x03\0"))),
        (
            offset,
            Some(Bytes::from_static(b"\0\x63\0\0\0\0\0\0\0\0\0\0")),
        ),
        (group.clone(), Some(Bytes::from_static(b"\0\x03"))),
        (group, Some(encode_versioned(&twice, 3).unwrap())),
    ];
    let mut coordinator = coordinator();
    for (key, value) in bad {
        let record = ReplayedRecord {
            key,
            value,
            offset: 0,
            transaction: None,
        };
        assert!(coordinator.replay(record.clone()).is_err(), "{record:?}");
    }
    load(&mut coordinator);
    assert_eq!(listed(&mut coordinator), []);
}

#[test]
fn the_partition_of_a_group_is_where_kafka_looks() {
    assert_eq!(partition_for("group1", 50), 40);
    assert_eq!(partition_for("my-group", 50), 12);
}
