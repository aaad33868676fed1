//! Where replicas lie: in which directory, as their broker tells, and on which brokers.

use super::*;
use crate::protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use crate::protocol::messages::assign_replicas_to_dirs_request::{
    DirectoryData, PartitionData, TopicData,
};
use crate::protocol::messages::{
    AlterPartitionReassignmentsRequest, AssignReplicasToDirsRequest, PartitionChangeRecord,
};

impl Cluster {
    fn view(&self) -> View<'_> {
        View {
            image: &self.image,
            settings: &self.startup.settings,
            config: &self.startup.config,
        }
    }

    /// What is answered for a partition that is said to lie in a directory; the records are taken.
    fn assign(&mut self, topic_id: Uuid, partition: i32, to: Uuid, epoch: i64) -> (i16, i16) {
        let request = AssignReplicasToDirsRequest {
            broker_id: 1,
            broker_epoch: epoch,
            directories: vec![DirectoryData {
                id: to,
                topics: vec![TopicData {
                    topic_id,
                    partitions: vec![PartitionData {
                        partition_index: partition,
                        ..PartitionData::default()
                    }],
                    ..TopicData::default()
                }],
                ..DirectoryData::default()
            }],
            ..AssignReplicasToDirsRequest::default()
        };
        let view = View {
            image: &self.image,
            settings: &self.startup.settings,
            config: &self.startup.config,
        };
        let decision = self.controller.assign_replicas_to_dirs(view, &request);
        self.replay(&decision.records);
        let told = decision.response.directories.first();
        let partition = told.map(|told| told.topics[0].partitions[0].error_code);
        (decision.response.error_code, partition.unwrap_or(-1))
    }

    fn reassign(&self, topic: &str, partition: i32, replicas: Option<Vec<i32>>) -> (i16, String) {
        let request = AlterPartitionReassignmentsRequest {
            topics: vec![ReassignableTopic {
                name: topic.to_owned(),
                partitions: vec![ReassignablePartition {
                    partition_index: partition,
                    replicas,
                    ..ReassignablePartition::default()
                }],
                ..ReassignableTopic::default()
            }],
            ..AlterPartitionReassignmentsRequest::default()
        };
        let view = self.view();
        let response = self
            .controller
            .alter_partition_reassignments(view, &request);
        let told = &response.responses[0].partitions[0];
        (
            told.error_code,
            told.error_message.clone().unwrap_or_default(),
        )
    }
}

#[test]
fn a_broker_tells_where_its_replicas_lie_and_leads_as_before() {
    let mut cluster = Cluster::with_topics();
    let epoch = cluster.image.brokers.get(&1).unwrap().epoch;
    let topic = cluster.image.topic("p1").unwrap().id;
    let before = cluster.image.partition(topic, 0).unwrap().clone();
    let other = if before.directories[0] == directory(1) {
        directory(2)
    } else {
        directory(1)
    };
    assert_eq!(cluster.assign(topic, 0, other, epoch), (0, 0));
    let after = cluster.image.partition(topic, 0).unwrap().clone();
    assert_eq!(after.directories, [other]);
    assert_eq!(after.leader, Some(1));
    assert_eq!(after.leader_epoch, before.leader_epoch);
    assert_eq!(after.partition_epoch, before.partition_epoch + 1);
    assert_eq!(cluster.assign(topic, 0, other, epoch), (0, 0));
    let again = cluster.image.partition(topic, 0).unwrap();
    assert_eq!(again.partition_epoch, after.partition_epoch, "no record");
}

#[test]
fn a_replica_that_nobody_leads_is_led_again_where_its_directory_is_online() {
    let mut cluster = Cluster::with_topics();
    let epoch = cluster.image.brokers.get(&1).unwrap().epoch;
    let topic = cluster.image.topic("p1").unwrap().id;
    let before = cluster.image.partition(topic, 0).unwrap().clone();
    let leaderless = PartitionChangeRecord {
        topic_id: topic,
        partition_id: 0,
        leader: -1,
        ..PartitionChangeRecord::default()
    };
    cluster.replay(&[leaderless.into()]);
    assert_eq!(cluster.assign(topic, 0, directory(9), epoch), (0, 0));
    assert_eq!(cluster.image.partition(topic, 0).unwrap().leader, None);
    assert_eq!(cluster.assign(topic, 0, directory(2), epoch), (0, 0));
    let after = cluster.image.partition(topic, 0).unwrap();
    assert_eq!(after.leader, Some(1));
    assert!(after.leader_epoch > before.leader_epoch);
}

#[test]
fn what_is_told_of_replicas_that_are_not_there_is_refused() {
    let mut cluster = Cluster::with_topics();
    let epoch = cluster.image.brokers.get(&1).unwrap().epoch;
    let topic = cluster.image.topic("p1").unwrap().id;
    let to = directory(2);
    let (stale, unknown_id) = (
        ErrorCode::StaleBrokerEpoch.code(),
        ErrorCode::UnknownTopicId.code(),
    );
    assert_eq!(cluster.assign(topic, 0, to, epoch + 1), (stale, -1));
    let nobody = Uuid::from_bytes([77; 16]);
    assert_eq!(cluster.assign(nobody, 0, to, epoch), (0, unknown_id));
    let unknown = ErrorCode::UnknownTopicOrPartition.code();
    assert_eq!(cluster.assign(topic, 9, to, epoch), (0, unknown));
}

#[test]
fn a_partition_that_stays_on_its_brokers_is_reassigned_at_once_and_others_are_refused() {
    let cluster = Cluster::with_topics();
    assert_eq!(cluster.reassign("p1", 0, Some(vec![1])), (0, String::new()));
    let (code, text) = cluster.reassign("p1", 0, Some(vec![7]));
    assert_eq!(code, ErrorCode::InvalidReplicaAssignment.code());
    assert_eq!(
        text,
        "The manual partition assignment includes broker 7, but no such broker is registered."
    );
    let (code, text) = cluster.reassign("p1", 9, Some(vec![1]));
    assert_eq!(code, ErrorCode::UnknownTopicOrPartition.code());
    assert_eq!(text, "Unable to find partition p1:9.");
    let (code, _) = cluster.reassign("p1", 0, None);
    assert_eq!(code, ErrorCode::NoReassignmentInProgress.code());
}
