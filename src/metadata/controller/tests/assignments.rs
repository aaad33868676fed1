//! Where replicas lie: in which directory, as their broker tells.

use super::*;
use crate::protocol::messages::assign_replicas_to_dirs_request::{
    DirectoryData, PartitionData, TopicData,
};
use crate::protocol::messages::{AssignReplicasToDirsRequest, PartitionChangeRecord};

impl Cluster {
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
