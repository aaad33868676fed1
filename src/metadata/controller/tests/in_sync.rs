//! `AlterPartition`: what a leader may say of who is in sync with it.

use super::brokers::after;
use super::*;
use crate::protocol::messages::alter_partition_request::{BrokerState, PartitionData, TopicData};
use crate::protocol::messages::alter_partition_response;
use crate::protocol::messages::{AlterPartitionRequest, AlterPartitionResponse};

impl Cluster {
    fn epoch_of(&self, broker: BrokerId) -> i64 {
        self.image
            .brokers
            .get(&broker)
            .map_or(-1, |broker| broker.epoch)
    }

    /// The leader `leader` tells that these are in sync, with what else `edit` says.
    pub(super) fn tell(
        &mut self,
        (leader, isr): (BrokerId, &[BrokerId]),
        edit: impl FnOnce(&mut PartitionData),
    ) -> alter_partition_response::PartitionData {
        let partition = self.partition();
        let state = |broker: &BrokerId| BrokerState {
            broker_id: *broker,
            broker_epoch: self.epoch_of(*broker),
            ..BrokerState::default()
        };
        let mut told = PartitionData {
            leader_epoch: partition.leader_epoch,
            partition_epoch: partition.partition_epoch,
            new_isr_with_epochs: isr.iter().map(state).collect(),
            ..PartitionData::default()
        };
        edit(&mut told);
        let topic_id = self.image.topic("t").unwrap().id;
        let mut response = self.tell_controller(leader, self.epoch_of(leader), (topic_id, told));
        response.topics.remove(0).partitions.remove(0)
    }

    fn tell_controller(
        &mut self,
        leader: BrokerId,
        broker_epoch: i64,
        (topic_id, told): (Uuid, PartitionData),
    ) -> AlterPartitionResponse {
        let request = AlterPartitionRequest {
            broker_id: leader,
            broker_epoch,
            topics: vec![TopicData {
                topic_id,
                partitions: vec![told],
                ..TopicData::default()
            }],
            ..AlterPartitionRequest::default()
        };
        let (_, view) = self.deciding();
        let decision = Controller::alter_partition(view, &request, 3);
        self.replay(&decision.records);
        decision.response
    }
}

#[test]
fn a_set_that_grows_or_shrinks_raises_the_partition_epoch_alone() {
    let mut cluster = Cluster::of_brokers(3);
    cluster.topic_on(&[1, 2, 3], &[]);
    let told = cluster.tell((1, &[1, 3]), |_| {});
    assert_eq!(
        (told.error_code, told.leader_id, told.leader_epoch),
        (0, 1, 0)
    );
    assert_eq!((told.isr, told.partition_epoch), (vec![1, 3], 1));
    assert_eq!(cluster.told(), (Some(1), 0, vec![1, 3], 1));
    let told = cluster.tell((1, &[1, 3, 2]), |_| {});
    assert_eq!((told.error_code, told.partition_epoch), (0, 2));
    let told = cluster.tell((1, &[1, 3, 2]), |_| {});
    assert_eq!((told.error_code, told.partition_epoch), (0, 2), "no change");
}

#[test]
fn what_a_leader_cannot_say_is_refused_with_kafkas_code() {
    type Edit = fn(&mut PartitionData);
    let nothing: Edit = |_| {};
    let cases: [(ErrorCode, BrokerId, &[BrokerId], Edit); 13] = [
        (ErrorCode::UnknownTopicOrPartition, 1, &[1], |told| {
            told.partition_index = 9
        }),
        (ErrorCode::NotController, 1, &[1], |told| {
            told.leader_epoch += 1
        }),
        (ErrorCode::NotController, 1, &[1], |told| {
            told.partition_epoch += 1
        }),
        (ErrorCode::FencedLeaderEpoch, 1, &[1], |told| {
            told.leader_epoch -= 1
        }),
        (ErrorCode::InvalidUpdateVersion, 1, &[1], |told| {
            told.partition_epoch -= 1
        }),
        (ErrorCode::InvalidRequest, 2, &[2], nothing),
        (ErrorCode::InvalidRequest, 1, &[2, 3], nothing),
        (ErrorCode::InvalidRequest, 1, &[], nothing),
        (ErrorCode::InvalidRequest, 1, &[1, 1], nothing),
        (ErrorCode::InvalidRequest, 1, &[1, 4], nothing),
        (ErrorCode::InvalidRequest, 1, &[1], |told| {
            told.leader_recovery_state = 1
        }),
        (ErrorCode::InvalidRequest, 1, &[1], |told| {
            told.leader_recovery_state = 7
        }),
        (ErrorCode::IneligibleReplica, 1, &[1, 2], |told| {
            told.new_isr_with_epochs[1].broker_epoch -= 1;
        }),
    ];
    let mut cluster = Cluster::of_brokers(4);
    cluster.topic_on(&[1, 2, 3], &[]);
    // Epochs of which there are earlier ones.
    cluster.change(|change| change.leader = 1);
    let before = cluster.told();
    for (code, leader, isr, edit) in cases {
        let told = cluster.tell((leader, isr), edit);
        assert_eq!(told.error_code, code.code(), "{leader} tells {isr:?}");
        assert_eq!(cluster.told(), before);
    }
    let topic_id = cluster.image.topic("t").unwrap().id;
    let (nobody, told) = (Uuid::from_bytes([77; 16]), PartitionData::default());
    let epoch = cluster.epoch_of(1);
    let unknown = cluster.tell_controller(1, epoch, (nobody, told.clone()));
    let code = unknown.topics[0].partitions[0].error_code;
    assert_eq!(code, ErrorCode::UnknownTopicId.code());
    let stale = cluster.tell_controller(1, epoch + 1, (topic_id, told));
    assert_eq!(stale.error_code, ErrorCode::StaleBrokerEpoch.code());
    assert!(stale.topics.is_empty());
}

#[test]
fn a_replica_whose_broker_is_fenced_or_stops_is_not_in_sync() {
    let mut cluster = Cluster::of_brokers(3);
    cluster.topic_on(&[1, 2, 3], &[]);
    cluster.beat(2, after(1), |beat| beat.want_fence = true);
    let any = |told: &mut PartitionData| told.new_isr_with_epochs[1].broker_epoch = -1;
    let ineligible = ErrorCode::IneligibleReplica.code();
    assert_eq!(cluster.tell((1, &[1, 2]), any).error_code, ineligible);
    cluster.beat(2, after(1), |_| {});
    assert_eq!(cluster.tell((1, &[1, 2]), any).error_code, 0);
}

#[test]
fn a_leader_that_may_lack_records_says_when_it_has_recovered() {
    let mut cluster = Cluster::of_brokers(2);
    cluster.topic_on(&[1, 2], &[]);
    cluster.change(|change| {
        (change.leader, change.isr) = (1, Some(vec![1]));
        change.leader_recovery_state = 1;
    });
    let recovering = |told: &mut PartitionData| told.leader_recovery_state = 1;
    let told = cluster.tell((1, &[1, 2]), recovering);
    assert_eq!(told.error_code, ErrorCode::InvalidRequest.code());
    let told = cluster.tell((1, &[1, 2]), |_| {});
    assert_eq!((told.error_code, told.leader_recovery_state), (0, 0));
    assert!(!cluster.partition().leader_recovering);
}
