//! Other nodes that follow the metadata log: what they are told, when, and why not.

use std::time::Duration;

use super::*;
use crate::model::Offset;
use crate::protocol::messages::describe_quorum_request::{
    PartitionData as AskedPartition, TopicData as AskedTopic,
};
use crate::protocol::messages::fetch_request::{FetchPartition, FetchTopic, ReplicaState};
use crate::protocol::messages::fetch_response::PartitionData;
use crate::protocol::messages::fetch_snapshot_request::{
    PartitionSnapshot, SnapshotId as WireSnapshotId, TopicSnapshot,
};
use crate::protocol::messages::{
    DescribeQuorumRequest, DescribeQuorumResponse, FetchRequest, FetchResponse,
    FetchSnapshotRequest, FetchSnapshotResponse,
};
use crate::protocol::record_batch::{Batches, RecordBatch};
use crate::protocol::{Message, Writer};
use crate::quorum::{QuorumCall, QuorumRequest, QuorumResponse, RecordBlock, decode_snapshot};

const OBSERVER: i32 = 9;

impl World {
    fn call(&mut self, version: i16, call: QuorumCall) -> Option<QuorumResponse> {
        let now = self.now();
        let request = QuorumRequest {
            call,
            version,
            listener: "CONTROLLER".to_owned(),
            received_at: now.instant,
        };
        let token = QuorumToken(self.quorum_answers.len() as u64);
        assert!(self.node.on_quorum_request(now, token, &request));
        self.run();
        self.quorum_answers.pop()
    }

    fn fetch(&mut self, request: FetchRequest) -> Option<FetchResponse> {
        match self.call(18, QuorumCall::Fetch(request))? {
            QuorumResponse::Fetch(response) => Some(response),
            other => panic!("{other:?}"),
        }
    }

    /// What is answered of the partition, at once.
    fn fetched(&mut self, request: FetchRequest) -> PartitionData {
        let response = self.fetch(request).expect("it is answered at once");
        assert_eq!(response.error_code, 0);
        response.responses[0].partitions[0].clone()
    }

    fn fetch_snapshot(&mut self, request: FetchSnapshotRequest) -> FetchSnapshotResponse {
        match self.call(1, QuorumCall::FetchSnapshot(request)) {
            Some(QuorumResponse::FetchSnapshot(response)) => response,
            other => panic!("{other:?}"),
        }
    }

    fn describe(&mut self, topic: &str, version: i16) -> DescribeQuorumResponse {
        let request = DescribeQuorumRequest {
            topics: vec![AskedTopic {
                topic_name: topic.to_owned(),
                partitions: vec![AskedPartition::default()],
                ..AskedTopic::default()
            }],
            ..DescribeQuorumRequest::default()
        };
        match self.call(version, QuorumCall::DescribeQuorum(request)) {
            Some(QuorumResponse::DescribeQuorum(response)) => response,
            other => panic!("{other:?}"),
        }
    }

    /// What an observer that begins with nothing has when it has caught up, and how often it was
    /// sent to a snapshot.
    fn observe(&mut self) -> (MetadataImage, usize) {
        let mut copy = WorkingImage::default();
        let (mut offset, mut epoch, mut snapshots) = (0, 0, 0);
        loop {
            let leader_epoch = self.node.leader_epoch();
            let data = self.fetched(fetch(leader_epoch, offset, epoch));
            assert_eq!(data.error_code, 0);
            if data.snapshot_id.epoch >= 0 {
                let id = SnapshotId {
                    end_offset: data.snapshot_id.end_offset,
                    epoch: data.snapshot_id.epoch,
                };
                copy = WorkingImage::default();
                let file = self.download(id);
                let contents = decode_snapshot(&file).unwrap();
                copy.replay_snapshot(id, &contents).unwrap();
                (offset, epoch) = (id.end_offset, id.epoch);
                snapshots += 1;
                continue;
            }
            let records = data.records.unwrap_or_default().to_bytes();
            if records.is_empty() {
                assert_eq!(data.high_watermark, offset);
                copy.image.cluster_id = Arc::clone(&self.image.cluster_id);
                copy.image.kraft_version = self.image.kraft_version;
                return (copy.image, snapshots);
            }
            for batch in Batches::new(records) {
                let batch = batch.unwrap();
                (offset, epoch) = (batch.next_offset(), batch.leader_epoch().unwrap());
                copy.replay_block(&block_of(&batch)).unwrap();
            }
        }
    }

    fn download(&mut self, id: SnapshotId) -> Bytes {
        let mut file = Vec::new();
        loop {
            let epoch = self.node.leader_epoch();
            let position = i64::try_from(file.len()).unwrap();
            let response = self.fetch_snapshot(fetch_snapshot(epoch, id, position, 100));
            let part = &response.topics[0].partitions[0];
            assert_eq!(part.error_code, 0);
            let bytes = part.unaligned_records.to_bytes();
            assert!(bytes.len() <= 100);
            file.extend_from_slice(&bytes);
            if file.len() as i64 == part.size {
                return Bytes::from(file);
            }
        }
    }
}

fn block_of(batch: &RecordBatch) -> RecordBlock {
    let records = batch.records(1 << 20).unwrap();
    let values = records.iter().map(|record| record.unwrap().value);
    let values = values.map(|value| Bytes::copy_from_slice(value.unwrap_or_default()));
    RecordBlock {
        end_offset: batch.next_offset(),
        epoch: batch.leader_epoch().unwrap(),
        timestamp_ms: batch.max_timestamp().unwrap(),
        values: values.filter(|_| !batch.is_control()).collect(),
        size_bytes: batch.size_bytes() as u64,
    }
}

fn fetch(leader_epoch: i32, offset: Offset, last_fetched_epoch: i32) -> FetchRequest {
    FetchRequest {
        replica_state: ReplicaState {
            replica_id: OBSERVER,
            ..ReplicaState::default()
        },
        topics: vec![FetchTopic {
            topic_id: Uuid::METADATA_TOPIC,
            partitions: vec![FetchPartition {
                current_leader_epoch: leader_epoch,
                fetch_offset: offset,
                last_fetched_epoch,
                ..FetchPartition::default()
            }],
            ..FetchTopic::default()
        }],
        ..FetchRequest::default()
    }
}

fn fetch_snapshot(
    epoch: i32,
    id: SnapshotId,
    position: i64,
    max_bytes: i32,
) -> FetchSnapshotRequest {
    FetchSnapshotRequest {
        replica_id: OBSERVER,
        max_bytes,
        topics: vec![TopicSnapshot {
            name: "__cluster_metadata".to_owned(),
            partitions: vec![PartitionSnapshot {
                current_leader_epoch: epoch,
                snapshot_id: WireSnapshotId {
                    end_offset: id.end_offset,
                    epoch: id.epoch,
                    ..WireSnapshotId::default()
                },
                position,
                ..PartitionSnapshot::default()
            }],
            ..TopicSnapshot::default()
        }],
        ..FetchSnapshotRequest::default()
    }
}

/// A node that keeps its whole log.
fn with_whole_log() -> World {
    let startup = ServeArguments::default().resolve(None, "host").unwrap();
    let log = MetadataLogSettings::new(&startup.config);
    World::new(Disk::default(), settings(2, 1, log), None)
}

#[test]
fn an_observer_that_fetches_the_log_has_the_same_image() {
    let mut world = with_whole_log();
    for name in ["a", "b", "c"] {
        assert!(world.create(name));
    }
    assert_eq!(world.observe(), (world.image.as_ref().clone(), 0));
}

#[test]
fn an_observer_is_sent_to_a_snapshot_when_the_records_are_gone() {
    let mut world = World::start(Disk::default(), 1);
    for number in 0..60 {
        assert!(world.create(&format!("topic-{number}")));
    }
    let (image, snapshots) = world.observe();
    assert_eq!(image, *world.image);
    assert_eq!(snapshots, 1);
}

#[test]
fn a_fetch_at_the_end_is_answered_when_there_is_something_new() {
    let mut world = with_whole_log();
    let (epoch, end) = (world.node.leader_epoch(), world.image.end_offset);
    let mut request = fetch(epoch, end, epoch);
    request.max_wait_ms = 500;
    assert!(world.fetch(request.clone()).is_none());
    assert!(world.create("a"));
    let Some(QuorumResponse::Fetch(answer)) = world.quorum_answers.pop() else {
        panic!("there is a new record");
    };
    let data = &answer.responses[0].partitions[0];
    assert!(!data.records.as_ref().unwrap().is_empty());
    assert_eq!(
        data.high_watermark, end,
        "it is told before it is committed"
    );

    let end = world.image.end_offset;
    request.topics[0].partitions[0].fetch_offset = end;
    request.topics[0].partitions[0].high_watermark = end - 1;
    let at_once = world
        .fetch(request.clone())
        .expect("the high watermark is new");
    assert_eq!(at_once.responses[0].partitions[0].high_watermark, end);

    request.topics[0].partitions[0].high_watermark = end;
    assert!(world.fetch(request).is_none());
    let now = world.now();
    assert!(world.node.next_deadline() > now.instant);
    assert!(world.node.next_deadline() <= now.instant + Duration::from_millis(500));
    world.time_ms += 500;
    world.run();
    assert_eq!(world.quorum_answers.len(), 1, "it has waited long enough");
}

#[test]
fn a_waiting_fetch_is_answered_when_the_node_stops() {
    let mut world = with_whole_log();
    let (epoch, end) = (world.node.leader_epoch(), world.image.end_offset);
    let mut request = fetch(epoch, end, epoch);
    request.max_wait_ms = i32::MAX;
    assert!(world.fetch(request).is_none());
    let world = world.close();
    assert_eq!(world.quorum_answers.len(), 1);
    assert!(world.is_closed);
}

#[test]
fn who_has_another_log_is_told_where_it_may_agree() {
    let mut world = with_whole_log().close();
    world.node = MetadataNode::new(settings(2, 2, MetadataLogSettings::new(&config())));
    let now = world.now();
    world.node.start(now, &mut world.outbox);
    world.run();
    let (epoch, end) = (world.node.leader_epoch(), world.image.end_offset);
    assert_eq!(epoch, 2);
    let diverging = |data: PartitionData| {
        let end = data.diverging_epoch;
        assert_eq!(data.error_code, 0);
        assert!(data.records.unwrap().is_empty());
        (end.epoch, end.end_offset)
    };
    let data = world.fetched(fetch(epoch, end + 100, epoch));
    assert_eq!(diverging(data), (2, end));
    let data = world.fetched(fetch(epoch, end, 1));
    let (agreed, first_end) = diverging(data);
    assert_eq!(agreed, 1);
    assert!((1..end).contains(&first_end));
    let data = world.fetched(fetch(epoch, first_end, 1));
    assert_eq!(data.diverging_epoch.epoch, -1, "so far it agrees");
    assert!(!data.records.unwrap().is_empty());
}

#[test]
fn a_fetch_that_makes_no_sense_is_refused_as_kafka_does() {
    let mut world = with_whole_log();
    let epoch = world.node.leader_epoch();
    let code = |world: &mut World, change: &dyn Fn(&mut FetchRequest)| {
        let mut request = fetch(epoch, 0, 0);
        change(&mut request);
        let response = world.fetch(request).expect("it is answered at once");
        match response.responses.first() {
            None => ErrorCode::from_code(response.error_code).unwrap(),
            Some(topic) => {
                let data = &topic.partitions[0];
                assert_eq!(response.error_code, 0);
                assert_eq!(data.high_watermark, -1);
                assert_eq!(data.current_leader.leader_id, 1);
                assert_eq!(data.current_leader.leader_epoch, epoch);
                let endpoint = &response.node_endpoints[0];
                assert_eq!((endpoint.node_id, endpoint.port), (1, 9093));
                ErrorCode::from_code(data.error_code).unwrap()
            }
        }
    };
    let invalid = ErrorCode::InvalidRequest;
    let mut refused = |error, change: &dyn Fn(&mut FetchPartition)| {
        let of_partition =
            |request: &mut FetchRequest| change(&mut request.topics[0].partitions[0]);
        assert_eq!(code(&mut world, &of_partition), error);
    };
    refused(ErrorCode::FencedLeaderEpoch, &|one| {
        one.current_leader_epoch -= 1;
    });
    refused(ErrorCode::UnknownLeaderEpoch, &|one| {
        one.current_leader_epoch += 1;
    });
    refused(invalid, &|one| one.current_leader_epoch = -1);
    refused(invalid, &|one| one.fetch_offset = -1);
    refused(invalid, &|one| one.last_fetched_epoch = -1);
    refused(invalid, &|one| one.last_fetched_epoch = epoch + 1);
    refused(invalid, &|one| one.partition = 1);
    assert_eq!(code(&mut world, &|all| all.max_wait_ms = -1), invalid);
    assert_eq!(code(&mut world, &|all| all.topics.clear()), invalid);
    let other = ErrorCode::InconsistentClusterId;
    let of_other = |all: &mut FetchRequest| all.cluster_id = Some("other".to_owned());
    assert_eq!(code(&mut world, &of_other), other);
    let own = |all: &mut FetchRequest| all.replica_state.replica_id = 1;
    assert_eq!(code(&mut world, &own), ErrorCode::UnknownServerError);
}

#[test]
fn a_part_of_a_snapshot_that_does_not_exist_is_refused() {
    let mut world = World::start(Disk::default(), 1);
    for number in 0..60 {
        assert!(world.create(&format!("topic-{number}")));
    }
    let epoch = world.node.leader_epoch();
    let data = world.fetched(fetch(epoch, 1, epoch));
    let id = SnapshotId {
        end_offset: data.snapshot_id.end_offset,
        epoch: data.snapshot_id.epoch,
    };
    let gone = SnapshotId {
        end_offset: id.end_offset + 1,
        ..id
    };
    let size = i64::try_from(world.download(id).len()).unwrap();
    for (request, error) in [
        (
            fetch_snapshot(epoch, gone, 0, 100),
            ErrorCode::SnapshotNotFound,
        ),
        (
            fetch_snapshot(epoch, id, -1, 100),
            ErrorCode::PositionOutOfRange,
        ),
        (
            fetch_snapshot(epoch, id, size, 100),
            ErrorCode::PositionOutOfRange,
        ),
        (
            fetch_snapshot(epoch - 1, id, 0, 100),
            ErrorCode::FencedLeaderEpoch,
        ),
        (
            fetch_snapshot(epoch + 1, id, 0, 100),
            ErrorCode::UnknownLeaderEpoch,
        ),
    ] {
        let response = world.fetch_snapshot(request);
        let part = &response.topics[0].partitions[0];
        assert_eq!(part.error_code, error.code(), "{error}");
        assert_eq!(part.current_leader.leader_id, 1);
        assert_eq!(response.node_endpoints[0].node_id, 1);
    }
    let mut elsewhere = fetch_snapshot(epoch, id, 0, 100);
    elsewhere.cluster_id = Some("other".to_owned());
    let response = world.fetch_snapshot(elsewhere);
    let error = ErrorCode::InconsistentClusterId;
    assert_eq!(response.error_code, error.code());
}

#[test]
fn the_quorum_tells_of_its_voter_and_of_those_who_follow() {
    let mut world = with_whole_log();
    let (epoch, end) = (world.node.leader_epoch(), world.image.end_offset);
    let mut request = fetch(epoch, end, epoch);
    request.topics[0].partitions[0].replica_directory_id = Uuid::METADATA_TOPIC;
    world.fetched(request);
    world.fetched(fetch(epoch, 1, epoch));
    let response = world.describe("__cluster_metadata", 2);
    let partition = &response.topics[0].partitions[0];
    assert_eq!((response.error_code, partition.error_code), (0, 0));
    assert_eq!((partition.leader_id, partition.leader_epoch), (1, epoch));
    assert_eq!(partition.high_watermark, end);
    let [voter] = partition.current_voters.as_slice() else {
        panic!("{:?}", partition.current_voters);
    };
    assert_eq!((voter.replica_id, voter.log_end_offset), (1, end));
    assert_eq!(voter.replica_directory_id, world.opened[0].id);
    let told: Vec<(Uuid, Offset, bool)> = partition
        .observers
        .iter()
        .map(|one| {
            let is_caught_up = one.last_caught_up_timestamp > 0;
            (one.replica_directory_id, one.log_end_offset, is_caught_up)
        })
        .collect();
    let expected = [(Uuid::ZERO, 1, false), (Uuid::METADATA_TOPIC, end, true)];
    assert_eq!(told, expected);
    let listener = &response.nodes[0].listeners[0];
    assert_eq!((&*listener.name, listener.port), ("CONTROLLER", 9093));

    for version in [0, 1] {
        let response = world.describe("__cluster_metadata", version);
        let mut writer = Writer::new();
        response.encode(&mut writer, version).unwrap();
    }

    let response = world.describe("topic", 2);
    let error = ErrorCode::UnknownTopicOrPartition;
    assert_eq!(response.topics[0].partitions[0].error_code, error.code());
}

fn config() -> BrokerConfig {
    let startup = ServeArguments::default().resolve(None, "host").unwrap();
    startup.config
}
