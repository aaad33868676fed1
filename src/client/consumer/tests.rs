//! A consumer and a member of a group against answers written by hand.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use crate::client::{Cluster, Outgoing};
use crate::model::{ErrorCode, TopicPartition};
use crate::protocol::compression::Compression;
use crate::protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use crate::protocol::messages::find_coordinator_response::Coordinator;
use crate::protocol::messages::join_group_response::JoinGroupResponseMember;
use crate::protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use crate::protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use crate::protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartitions, OffsetFetchResponseTopics,
};
use crate::protocol::messages::{
    FetchResponse, FindCoordinatorResponse, HeartbeatResponse, JoinGroupResponse,
    LeaveGroupResponse, ListOffsetsResponse, MetadataResponse, OffsetFetchResponse,
    SyncGroupResponse,
};
use crate::protocol::record_batch::{BatchError, RecordBatch, RecordBatchBuilder};
use crate::protocol::{AnyRequest, AnyResponse, Records};
use crate::stdx::Instant;

use super::{
    FetchFailureReason, FetchSettings, Fetcher, GroupEvent, Membership, MembershipSettings, Start,
    assign_ranges,
};

fn at(ms: u64) -> Instant {
    Instant::from_nanos(ms * 1_000_000)
}

fn cluster(partitions: i32) -> Cluster {
    let partition = |partition_index| MetadataResponsePartition {
        partition_index,
        leader_id: 1,
        ..MetadataResponsePartition::default()
    };
    let mut cluster = Cluster::new();
    cluster.on_metadata(&MetadataResponse {
        brokers: vec![MetadataResponseBroker {
            node_id: 1,
            port: 9092,
            ..MetadataResponseBroker::default()
        }],
        topics: vec![MetadataResponseTopic {
            name: Some("t".to_owned()),
            partitions: (0..partitions).map(partition).collect(),
            ..MetadataResponseTopic::default()
        }],
        ..MetadataResponse::default()
    });
    cluster
}

fn partition(partition: i32) -> TopicPartition {
    TopicPartition {
        topic: "t".into(),
        partition,
    }
}

fn batch(base_offset: i64, values: &[&str]) -> RecordBatch {
    let mut builder = RecordBatchBuilder::new()
        .compression(Compression::Gzip, None)
        .place(base_offset, 0);
    for value in values {
        builder.append(0, None, Some(value.as_bytes()), &[]);
    }
    builder.finish()
}

fn fetched(bytes: Vec<u8>, error: ErrorCode) -> AnyResponse {
    AnyResponse::Fetch(FetchResponse {
        responses: vec![FetchableTopicResponse {
            topic: "t".to_owned(),
            partitions: vec![PartitionData {
                error_code: error.code(),
                high_watermark: 20,
                records: Some(Records::from(Bytes::from(bytes))),
                ..PartitionData::default()
            }],
            ..FetchableTopicResponse::default()
        }],
        ..FetchResponse::default()
    })
}

fn values(fetcher: &mut Fetcher) -> Vec<(i64, String)> {
    let mut values = Vec::new();
    while let Some(fetched) = fetcher.drain_fetched() {
        values.extend(fetched.records.iter().map(|record| {
            let value = record.value.as_deref().unwrap_or_default();
            (record.offset, String::from_utf8_lossy(value).into_owned())
        }));
    }
    values
}

fn fetch_offset(outgoing: &Outgoing) -> i64 {
    let AnyRequest::Fetch(request) = &outgoing.request else {
        panic!("not a Fetch: {:?}", outgoing.request);
    };
    request.topics[0].partitions[0].fetch_offset
}

/// A fetcher at offset 5 of partition 0, which has asked.
fn fetching(settings: FetchSettings) -> (Fetcher, Cluster, Outgoing) {
    let cluster = cluster(1);
    let mut fetcher = Fetcher::new(settings);
    fetcher.assign(partition(0), Start::Offset(5));
    let asked = fetcher.next_request(at(1), &cluster).unwrap();
    assert_eq!(fetch_offset(&asked), 5);
    assert!(
        fetcher.next_request(at(1), &cluster).is_none(),
        "one request a leader"
    );
    (fetcher, cluster, asked)
}

#[test]
fn records_before_the_position_and_the_cut_end_of_an_answer_are_left_out() {
    let (mut fetcher, cluster, asked) = fetching(FetchSettings::default());
    let mut bytes = batch(3, &["a", "b", "c", "d"]).to_bytes().to_vec();
    bytes.extend(batch(7, &["e"]).to_bytes());
    let cut = batch(8, &["f"]).to_bytes();
    bytes.extend(&cut[..cut.len() - 1]);
    let answer = fetched(bytes, ErrorCode::None);
    fetcher.on_answer(at(2), asked.tag.unwrap(), Some(&answer), &cluster);
    assert_eq!(
        fetcher.position(&partition(0)),
        Some(5),
        "nothing was drained yet"
    );
    let expected = [(5, "c"), (6, "d"), (7, "e")].map(|(at, text)| (at, text.to_owned()));
    assert_eq!(values(&mut fetcher), expected);
    assert_eq!(fetcher.position(&partition(0)), Some(8));
    assert_eq!(fetcher.end(&partition(0)), Some(20));
    assert_eq!(
        fetch_offset(&fetcher.next_request(at(2), &cluster).unwrap()),
        8
    );
}

#[test]
fn a_batch_with_a_wrong_checksum_is_a_failure_and_what_precedes_it_is_read() {
    let (mut fetcher, cluster, asked) = fetching(FetchSettings::default());
    let mut bytes = batch(5, &["a"]).to_bytes().to_vec();
    bytes.extend(batch(6, &["b"]).to_bytes());
    *bytes.last_mut().unwrap() ^= 1;
    let answer = fetched(bytes, ErrorCode::None);
    fetcher.on_answer(at(2), asked.tag.unwrap(), Some(&answer), &cluster);
    assert_eq!(values(&mut fetcher), [(5, "a".to_owned())]);
    let failures = fetcher.drain_failures();
    assert_eq!(failures[0].offset, Some(6));
    assert!(matches!(
        failures[0].reason,
        FetchFailureReason::Broken(BatchError::Crc { .. })
    ));
    assert!(fetcher.next_request(at(9999), &cluster).is_none());
}

#[test]
fn a_position_out_of_the_log_is_sought_anew_only_where_that_is_wanted() {
    let (mut fetcher, cluster, asked) = fetching(FetchSettings::default());
    let answer = fetched(Vec::new(), ErrorCode::OffsetOutOfRange);
    fetcher.on_answer(at(2), asked.tag.unwrap(), Some(&answer), &cluster);
    let reason = FetchFailureReason::Refused(ErrorCode::OffsetOutOfRange);
    assert_eq!(fetcher.drain_failures()[0].reason, reason);

    let settings = FetchSettings {
        reset: Some(Start::Earliest),
        ..FetchSettings::default()
    };
    let (mut fetcher, cluster, asked) = fetching(settings);
    fetcher.on_answer(at(2), asked.tag.unwrap(), Some(&answer), &cluster);
    let asked = fetcher.next_request(at(2), &cluster).unwrap();
    let AnyRequest::ListOffsets(request) = &asked.request else {
        panic!("not a ListOffsets: {:?}", asked.request);
    };
    assert_eq!(request.topics[0].partitions[0].timestamp, -2);
    let found = ListOffsetsPartitionResponse {
        offset: 11,
        ..ListOffsetsPartitionResponse::default()
    };
    let answer = AnyResponse::ListOffsets(ListOffsetsResponse {
        topics: vec![ListOffsetsTopicResponse {
            name: "t".to_owned(),
            partitions: vec![found],
            ..ListOffsetsTopicResponse::default()
        }],
        ..ListOffsetsResponse::default()
    });
    fetcher.on_answer(at(3), asked.tag.unwrap(), Some(&answer), &cluster);
    assert_eq!(
        fetch_offset(&fetcher.next_request(at(3), &cluster).unwrap()),
        11
    );
}

#[test]
fn a_leader_that_moved_is_asked_again_after_metadata_and_a_pause() {
    let (mut fetcher, cluster, asked) = fetching(FetchSettings::default());
    let answer = fetched(Vec::new(), ErrorCode::NotLeaderOrFollower);
    fetcher.on_answer(at(2), asked.tag.unwrap(), Some(&answer), &cluster);
    assert!(fetcher.take_stale());
    assert!(!fetcher.take_stale());
    assert!(fetcher.next_request(at(2), &cluster).is_none());
    assert_eq!(fetcher.next_deadline(), Some(at(102)));
    assert_eq!(
        fetch_offset(&fetcher.next_request(at(102), &cluster).unwrap()),
        5
    );
}

#[test]
fn an_answer_to_an_older_assignment_is_of_no_use() {
    let (mut fetcher, cluster, asked) = fetching(FetchSettings::default());
    fetcher.assign(partition(0), Start::Offset(9));
    let answer = fetched(batch(5, &["a"]).to_bytes().to_vec(), ErrorCode::None);
    fetcher.on_answer(at(2), asked.tag.unwrap(), Some(&answer), &cluster);
    assert!(!fetcher.has_fetched());
    assert_eq!(
        fetch_offset(&fetcher.next_request(at(2), &cluster).unwrap()),
        9
    );
}

#[test]
fn ranges_are_consecutive_and_the_first_members_get_one_more() {
    let wanted = |members: &[(&str, &[&str])]| -> BTreeMap<String, Vec<String>> {
        let topics = |topics: &[&str]| topics.iter().map(|name| (*name).to_owned()).collect();
        members
            .iter()
            .map(|(member, of)| ((*member).to_owned(), topics(of)))
            .collect()
    };
    let wanted = wanted(&[("a", &["t"]), ("b", &["t", "u"]), ("c", &["t"])]);
    let counts = BTreeMap::from([("t".to_owned(), 7), ("u".to_owned(), 1)]);
    let assigned = assign_ranges(&wanted, &counts);
    let shown = |member: &str| -> Vec<String> {
        assigned[member].iter().map(ToString::to_string).collect()
    };
    assert_eq!(shown("a"), ["t-0", "t-1", "t-2"]);
    assert_eq!(shown("b"), ["t-3", "t-4", "u-0"]);
    assert_eq!(shown("c"), ["t-5", "t-6"]);
}

fn answer(membership: &mut Membership, now: Instant, cluster: &Cluster, answer: AnyResponse) {
    let asked = membership.next_request(now, cluster).unwrap();
    assert_eq!(asked.request.key(), answer.key());
    membership.on_answer(now, asked.tag.unwrap(), Some(&answer));
}

fn joined(
    error: ErrorCode,
    generation_id: i32,
    members: &[&JoinGroupResponseMember],
) -> AnyResponse {
    AnyResponse::JoinGroup(JoinGroupResponse {
        error_code: error.code(),
        generation_id,
        member_id: "me".to_owned(),
        leader: "me".to_owned(),
        members: members.iter().map(|member| (*member).clone()).collect(),
        ..JoinGroupResponse::default()
    })
}

/// A member that leads its group and has both partitions, with offset 4 committed in the first.
fn member(cluster: &Cluster) -> Membership {
    let settings = MembershipSettings::new("g", &["t".to_owned()]);
    let mut membership = Membership::new(settings);
    let coordinator = Coordinator {
        node_id: 1,
        ..Coordinator::default()
    };
    let found = FindCoordinatorResponse {
        coordinators: vec![coordinator],
        ..FindCoordinatorResponse::default()
    };
    answer(
        &mut membership,
        at(1),
        cluster,
        AnyResponse::FindCoordinator(found),
    );
    let required = joined(ErrorCode::MemberIdRequired, -1, &[]);
    answer(&mut membership, at(1), cluster, required);
    let asked = membership.next_request(at(1), cluster).unwrap();
    let AnyRequest::JoinGroup(join) = &asked.request else {
        panic!("not a JoinGroup: {:?}", asked.request);
    };
    assert_eq!(
        join.member_id, "me",
        "the id of the refusal is used at once"
    );
    let me = JoinGroupResponseMember {
        member_id: "me".to_owned(),
        metadata: join.protocols[0].metadata.clone(),
        ..JoinGroupResponseMember::default()
    };
    let response = joined(ErrorCode::None, 1, &[&me]);
    membership.on_answer(at(1), asked.tag.unwrap(), Some(&response));
    let asked = membership.next_request(at(1), cluster).unwrap();
    let AnyRequest::SyncGroup(sync) = &asked.request else {
        panic!("not a SyncGroup: {:?}", asked.request);
    };
    let assignment = sync.assignments[0].assignment.clone();
    let response = AnyResponse::SyncGroup(SyncGroupResponse {
        assignment,
        ..SyncGroupResponse::default()
    });
    membership.on_answer(at(1), asked.tag.unwrap(), Some(&response));
    let offset = |partition_index, committed_offset| OffsetFetchResponsePartitions {
        partition_index,
        committed_offset,
        ..OffsetFetchResponsePartitions::default()
    };
    let group = OffsetFetchResponseGroup {
        topics: vec![OffsetFetchResponseTopics {
            name: "t".to_owned(),
            partitions: vec![offset(0, 4), offset(1, -1)],
            ..OffsetFetchResponseTopics::default()
        }],
        ..OffsetFetchResponseGroup::default()
    };
    let response = OffsetFetchResponse {
        groups: vec![group],
        ..OffsetFetchResponse::default()
    };
    answer(
        &mut membership,
        at(1),
        cluster,
        AnyResponse::OffsetFetch(response),
    );
    membership
}

#[test]
fn a_member_that_leads_shares_out_and_learns_the_committed_offsets() {
    let cluster = cluster(2);
    let mut membership = member(&cluster);
    let assigned = BTreeMap::from([(partition(0), Some(4)), (partition(1), None)]);
    assert_eq!(membership.drain_events(), [GroupEvent::Assigned(assigned)]);
    assert!(membership.next_request(at(2), &cluster).is_none());
    assert_eq!(
        membership.next_deadline(),
        Some(at(1) + Duration::from_secs(3))
    );
}

#[test]
fn a_rebalance_is_told_what_was_read_is_committed_and_the_group_joined_again() {
    let cluster = cluster(2);
    let mut membership = member(&cluster);
    membership.drain_events();
    let rebalance = HeartbeatResponse {
        error_code: ErrorCode::RebalanceInProgress.code(),
        ..HeartbeatResponse::default()
    };
    answer(
        &mut membership,
        at(3001),
        &cluster,
        AnyResponse::Heartbeat(rebalance),
    );
    assert_eq!(membership.drain_events(), [GroupEvent::Revoked]);
    membership.commit(BTreeMap::from([(partition(0), 9)]));
    answer(
        &mut membership,
        at(3001),
        &cluster,
        AnyResponse::OffsetCommit(Default::default()),
    );
    assert_eq!(membership.drain_events(), [GroupEvent::Committed(Ok(()))]);
    let again = membership.next_request(at(3001), &cluster).unwrap();
    assert!(matches!(again.request, AnyRequest::JoinGroup(join) if join.member_id == "me"));
}

#[test]
fn a_member_that_the_group_forgot_joins_as_a_new_one_without_committing() {
    let cluster = cluster(2);
    let mut membership = member(&cluster);
    membership.commit(BTreeMap::from([(partition(0), 9)]));
    let asked = membership.next_request(at(2), &cluster).unwrap();
    assert!(matches!(asked.request, AnyRequest::OffsetCommit(_)));
    membership.on_answer(at(2), asked.tag.unwrap(), None);
    assert!(
        membership.next_request(at(2), &cluster).is_none(),
        "not before the backoff"
    );
    let coordinator = Coordinator {
        node_id: 1,
        ..Coordinator::default()
    };
    let found = FindCoordinatorResponse {
        coordinators: vec![coordinator],
        ..FindCoordinatorResponse::default()
    };
    answer(
        &mut membership,
        at(102),
        &cluster,
        AnyResponse::FindCoordinator(found),
    );
    let asked = membership.next_request(at(102), &cluster).unwrap();
    let mut refused = crate::protocol::messages::OffsetCommitResponse::default();
    refused.topics.push(Default::default());
    refused.topics[0].partitions.push(Default::default());
    refused.topics[0].partitions[0].error_code = ErrorCode::UnknownMemberId.code();
    membership.on_answer(
        at(102),
        asked.tag.unwrap(),
        Some(&AnyResponse::OffsetCommit(refused)),
    );
    let again = membership.next_request(at(102), &cluster).unwrap();
    assert!(matches!(again.request, AnyRequest::JoinGroup(join) if join.member_id.is_empty()));
}

#[test]
fn who_leaves_commits_first() {
    let cluster = cluster(2);
    let mut membership = member(&cluster);
    membership.drain_events();
    membership.commit(BTreeMap::from([(partition(1), 1)]));
    membership.leave();
    answer(
        &mut membership,
        at(2),
        &cluster,
        AnyResponse::OffsetCommit(Default::default()),
    );
    let left = AnyResponse::LeaveGroup(LeaveGroupResponse::default());
    answer(&mut membership, at(2), &cluster, left);
    let events = [GroupEvent::Committed(Ok(())), GroupEvent::Left];
    assert_eq!(membership.drain_events(), events);
    assert!(membership.next_request(at(9), &cluster).is_none());
}
