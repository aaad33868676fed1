//! Partitions on their way to other brokers.

use super::brokers::after;
use super::*;
use crate::protocol::messages::AlterPartitionReassignmentsRequest;
use crate::protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};

impl Cluster {
    /// Code and message of the answer to a wish for the brokers of a partition.
    fn reassign(
        &mut self,
        (topic, partition): (&str, i32),
        replicas: Option<&[BrokerId]>,
    ) -> (i16, String) {
        self.reassign_with(true, (topic, partition), replicas)
    }

    fn reassign_with(
        &mut self,
        may_resize: bool,
        (topic, partition): (&str, i32),
        replicas: Option<&[BrokerId]>,
    ) -> (i16, String) {
        let request = AlterPartitionReassignmentsRequest {
            allow_replication_factor_change: may_resize,
            topics: vec![ReassignableTopic {
                name: topic.to_owned(),
                partitions: vec![ReassignablePartition {
                    partition_index: partition,
                    replicas: replicas.map(<[BrokerId]>::to_vec),
                    ..ReassignablePartition::default()
                }],
                ..ReassignableTopic::default()
            }],
            ..AlterPartitionReassignmentsRequest::default()
        };
        let (controller, view) = self.deciding();
        let decision = controller.alter_partition_reassignments(view, &request);
        self.replay(&decision.records);
        let told = &decision.response.responses[0].partitions[0];
        let message = told.error_message.clone().unwrap_or_default();
        (told.error_code, message)
    }

    /// Replicas, those that come, and those that go.
    fn places(&self) -> [Vec<BrokerId>; 3] {
        let partition = self.partition();
        [
            partition.replicas,
            partition.adding_replicas,
            partition.removing_replicas,
        ]
    }
}

const DONE: (i16, String) = (0, String::new());

#[test]
fn a_partition_has_moved_when_all_that_come_are_in_sync() {
    let mut cluster = Cluster::of_brokers(4);
    cluster.topic_on(&[1, 2], &[]);
    assert_eq!(cluster.reassign(("t", 0), Some(&[3, 4])), DONE);
    assert_eq!(cluster.places(), [vec![3, 4, 1, 2], vec![3, 4], vec![1, 2]]);
    assert_eq!(cluster.told(), (Some(1), 0, vec![1, 2], 1));
    let own = cluster.partition().directories[2];
    assert_eq!(
        cluster.partition().directories,
        [directory(30), directory(40), own, directory(20)]
    );
    assert_eq!(cluster.tell((1, &[1, 2, 3]), |_| {}).error_code, 0);
    assert_eq!(cluster.places()[1], [3, 4]);
    let told = cluster.tell((1, &[1, 2, 3, 4]), |_| {});
    assert_eq!(told.error_code, ErrorCode::NewLeaderElected.code());
    assert_eq!(cluster.places(), [vec![3, 4], vec![], vec![]]);
    assert_eq!(cluster.told(), (Some(3), 1, vec![3, 4], 3));
    assert_eq!(
        cluster.partition().directories,
        [directory(30), directory(40)]
    );
}

#[test]
fn a_leader_that_stays_leads_on_in_a_new_epoch_when_others_are_gone() {
    let mut cluster = Cluster::of_brokers(3);
    cluster.topic_on(&[1, 2], &[]);
    assert_eq!(cluster.reassign(("t", 0), Some(&[1, 3])), DONE);
    let told = cluster.tell((1, &[1, 2, 3]), |_| {});
    assert_eq!((told.error_code, told.leader_epoch), (0, 1));
    assert_eq!(cluster.places(), [vec![1, 3], vec![], vec![]]);
    assert_eq!(cluster.told(), (Some(1), 1, vec![1, 3], 2));
}

#[test]
fn fewer_replicas_are_taken_at_once_while_those_that_stay_are_in_sync() {
    let mut cluster = Cluster::of_brokers(3);
    cluster.topic_on(&[1, 2, 3], &[]);
    assert_eq!(cluster.reassign(("t", 0), Some(&[2])), DONE);
    assert_eq!(cluster.told(), (Some(2), 1, vec![2], 1));
    assert_eq!(cluster.places(), [vec![2], vec![], vec![]]);
}

#[test]
fn fewer_replicas_wait_for_those_that_stay() {
    let mut cluster = Cluster::of_brokers(3);
    cluster.topic_on(&[1, 2, 3], &[]);
    cluster.tell((1, &[1, 3]), |_| {});
    assert_eq!(cluster.reassign(("t", 0), Some(&[1, 2])), DONE);
    assert_eq!(cluster.places(), [vec![1, 2, 3], vec![], vec![3]]);
    cluster.tell((1, &[1, 3, 2]), |_| {});
    assert_eq!(cluster.places(), [vec![1, 2], vec![], vec![]]);
}

#[test]
fn a_wish_that_changes_keeps_who_still_comes_and_drops_who_does_not() {
    let mut cluster = Cluster::of_brokers(4);
    cluster.topic_on(&[1], &[]);
    cluster.reassign(("t", 0), Some(&[2, 3]));
    assert_eq!(cluster.reassign(("t", 0), Some(&[3, 4])), DONE);
    assert_eq!(cluster.places(), [vec![3, 4, 1, 2], vec![3, 4], vec![1, 2]]);
    cluster.tell((1, &[1, 4]), |_| {});
    assert_eq!(cluster.places()[1], [3, 4], "3 is not in sync");
    assert_eq!(cluster.reassign(("t", 0), Some(&[1])), DONE);
    assert_eq!(cluster.places(), [vec![1], vec![], vec![]]);
}

#[test]
fn a_cancelled_move_leaves_the_partition_where_it_was() {
    let mut cluster = Cluster::of_brokers(3);
    cluster.topic_on(&[1, 2], &[]);
    let none = (ErrorCode::NoReassignmentInProgress.code(), String::new());
    assert_eq!(cluster.reassign(("t", 0), None), none);
    cluster.reassign(("t", 0), Some(&[3, 2]));
    assert_eq!(cluster.places(), [vec![3, 2, 1], vec![3], vec![1]]);
    assert_eq!(cluster.reassign(("t", 0), None), DONE);
    assert_eq!(cluster.places(), [vec![2, 1], vec![], vec![]]);
    assert_eq!(cluster.told(), (Some(1), 1, vec![1, 2], 2));
}

#[test]
fn a_move_is_not_cancelled_when_only_those_that_come_are_in_sync() {
    let mut cluster = Cluster::of_brokers(3);
    cluster.topic_on(&[1, 2], &[]);
    cluster.reassign(("t", 0), Some(&[3, 2, 1]));
    cluster.change(|change| {
        change.adding_replicas = Some(vec![3]);
        (change.leader, change.isr) = (3, Some(vec![3]));
    });
    let text = "Unable to revert partition assignment for t:0 because it would require an unclean \
                leader election.";
    let refused = (ErrorCode::InvalidReplicaAssignment.code(), text.to_owned());
    assert_eq!(cluster.reassign(("t", 0), None), refused);
}

#[test]
fn wishes_that_cannot_be_are_refused_in_kafkas_words() {
    let mut cluster = Cluster::of_brokers(3);
    cluster.topic_on(&[1, 2], &[]);
    let includes = "The manual partition assignment includes";
    let assignment = ErrorCode::InvalidReplicaAssignment;
    let unknown = ErrorCode::UnknownTopicOrPartition;
    let cases: [(&str, i32, &[BrokerId], ErrorCode, String); 5] = [
        (
            "t",
            0,
            &[7],
            assignment,
            format!("{includes} broker 7, but no such broker is registered."),
        ),
        (
            "t",
            0,
            &[],
            assignment,
            format!("{includes} an empty replica list."),
        ),
        (
            "t",
            0,
            &[1, 1],
            assignment,
            format!("{includes} the broker 1 more than once."),
        ),
        (
            "t",
            9,
            &[1],
            unknown,
            "Unable to find partition t:9.".to_owned(),
        ),
        (
            "u",
            0,
            &[1],
            unknown,
            "Unable to find a topic named u.".to_owned(),
        ),
    ];
    for (topic, index, replicas, code, text) in cases {
        let told = cluster.reassign((topic, index), Some(replicas));
        assert_eq!(told, (code.code(), text));
    }
    let refused = cluster.reassign_with(false, ("t", 0), Some(&[1]));
    let text = "The replication factor is changed from 2 to 1".to_owned();
    assert_eq!(refused, (ErrorCode::InvalidReplicationFactor.code(), text));
    assert_eq!(cluster.reassign_with(false, ("t", 0), Some(&[2, 1])), DONE);
}

#[test]
fn who_is_named_gets_a_replica_though_its_directories_are_cordoned() {
    let mut cluster = Cluster::of_brokers(3);
    cluster.topic_on(&[1, 2], &[]);
    cluster.beat(3, after(1), |beat| {
        beat.cordoned_log_dirs = Some(vec![directory(30)]);
    });
    assert_eq!(cluster.reassign(("t", 0), Some(&[1, 3])), DONE);
    let mut chosen = assigned(-1, -1, &[(0, &[3])]);
    chosen.name = "chosen".to_owned();
    assert_eq!(cluster.create(&[chosen]), [(0, None)]);
}
