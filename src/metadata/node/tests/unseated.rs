//! A node that loses the leadership of the quorum, and states that begin anew.

use super::*;
use crate::metadata::{ConfigKind, ConfigResource};
use crate::protocol::messages::VoteRequest;
use crate::protocol::messages::vote_request::{PartitionData, TopicData};
use crate::quorum::{QuorumCall, QuorumRequest, decode_snapshot};

/// Somebody stands for an epoch that is far ahead.
fn vote_in(epoch: LeaderEpoch) -> QuorumCall {
    QuorumCall::Vote(VoteRequest {
        topics: vec![TopicData {
            topic_name: "__cluster_metadata".to_owned(),
            partitions: vec![PartitionData {
                replica_epoch: epoch,
                replica_id: 7,
                ..PartitionData::default()
            }],
            ..TopicData::default()
        }],
        ..VoteRequest::default()
    })
}

impl World {
    /// True while the node decides for the cluster.
    fn is_controller(&self) -> bool {
        matches!(self.node.phase, Phase::Active)
    }

    fn on_vote_in(&mut self, epoch: LeaderEpoch) {
        let now = self.now();
        let request = QuorumRequest {
            call: vote_in(epoch),
            version: 2,
            listener: "CONTROLLER".to_owned(),
            received_at: now.instant,
        };
        let is_taken = self.node.on_quorum_request(now, QuorumToken(0), &request);
        assert!(is_taken);
    }
}

#[test]
fn who_waits_for_a_leader_that_is_none_any_more_is_told_so_and_what_it_knows_is_what_is_committed()
{
    let mut world = World::start(Disk::default(), 1);
    assert!(world.create("before"));
    let epoch = world.node.leader_epoch() + 5;
    let now = world.now();
    world
        .node
        .on_request(now, RequestToken(1), &create("waiting"));
    // That it is there already is as little known as that it is made.
    world
        .node
        .on_request(now, RequestToken(2), &create("waiting"));
    world.on_vote_in(epoch);
    assert!(world.node.working.image.topic("waiting").is_some());
    let now = world.now();
    world.node.flush(now, &mut world.outbox);
    assert!(world.node.working.image.topic("waiting").is_none());
    assert!(world.node.working.image.topic("before").is_some());
    world.run();
    let refused = |answer: Option<ControllerResponse>| match answer {
        Some(ControllerResponse::CreateTopics(response)) => {
            response.topics[0].error_code == ErrorCode::NotController.code()
        }
        _ => false,
    };
    for _ in 0..2 {
        let answer = world.answers.pop().map(|(_, response)| response);
        assert!(refused(answer));
    }
    assert!(!world.is_controller());
    assert!(refused(world.ask(&create("refused"))));
    assert_eq!(world.node.leader_epoch(), epoch);
    // Nobody else is there: it stands for election when it has waited.
    for _ in 0..3 {
        world.time_ms += 1_000;
        world.run();
    }
    assert!(world.is_controller());
    assert!(world.node.leader_epoch() > epoch);
    assert!(world.create("after"));
    let names = |world: &World| {
        let names = world.image.topic_ids.keys();
        names.map(ToString::to_string).collect::<Vec<_>>()
    };
    // What was appended is in the log, whoever was told of it.
    assert_eq!(names(&world), ["after", "before", "waiting"]);
    assert_eq!(world.halted, None);
    world.disk.crash();
    let world = World::start(world.disk, 2);
    assert_eq!(names(&world), ["after", "before", "waiting"]);
}

#[test]
fn a_state_that_begins_anew_is_the_snapshots_and_its_delta_leads_to_it() {
    let mut world = World::start(Disk::default(), 1);
    for name in ["goes", "stays", "changes"] {
        assert!(world.create(name));
    }
    let shown = Arc::clone(&world.image);
    world.ask(&delete("goes"));
    assert!(world.create("comes"));
    world.ask(&ControllerRequest::IncrementalAlterConfigs(
        IncrementalAlterConfigsRequest {
            resources: vec![AlterConfigsResource {
                resource_type: 2,
                resource_name: "changes".to_owned(),
                configs: vec![AlterableConfig {
                    name: "retention.ms".to_owned(),
                    value: Some("1234".to_owned()),
                    ..AlterableConfig::default()
                }],
                ..AlterConfigsResource::default()
            }],
            ..IncrementalAlterConfigsRequest::default()
        },
    ));
    let after = Arc::clone(&world.image);
    let id = SnapshotId {
        end_offset: after.end_offset,
        epoch: after.epoch,
    };
    let values = after.to_record_values();
    let file = encode_snapshot(id.epoch, 0, after.timestamp_ms, None, values);
    let contents = decode_snapshot(&file).unwrap();
    let mut working = WorkingImage::of(&shown);
    working.begin_anew(Some(&shown), id, &contents).unwrap();
    let Publication { image, delta } = working.publication();
    assert_eq!(image, *after);
    let id_of = |image: &MetadataImage, name: &str| image.topic(name).unwrap().id;
    let comes = id_of(&after, "comes");
    let removed: Vec<Uuid> = delta.topics_removed.keys().copied().collect();
    assert_eq!(removed, [id_of(&shown, "goes")]);
    assert_eq!(delta.topics_created, [comes].into());
    let partitions = [(comes, 0), (comes, 1), (comes, 2)];
    assert_eq!(delta.partitions_changed, partitions.into());
    let of_topic = |name| ConfigResource::new(ConfigKind::Topic, name);
    let changed = [of_topic("changes"), of_topic("comes")];
    assert_eq!(delta.configs_changed, changed.into());
    assert!(delta.brokers_changed.is_empty());
    assert!(!delta.features_changed && !delta.acls_changed);
    assert!(MetadataDelta::between(&after, &after).is_empty());
}
