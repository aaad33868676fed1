//! `AlterPartition`: a leader tells which replicas are in sync with it (KIP-497, KIP-841, KIP-903).

use std::collections::BTreeSet;

use crate::model::{BrokerId, ErrorCode, PartitionIndex};
use crate::protocol::messages::alter_partition_request::{self, BrokerState};
use crate::protocol::messages::alter_partition_response::{PartitionData, TopicData};
use crate::protocol::messages::{AlterPartitionRequest, AlterPartitionResponse, MetadataRecord};

use super::super::image::{NO_LEADER_CHANGE, PartitionRegistration, TopicImage, change_partition};
use super::elections::{ElectionRules, placed};
use super::partition_change::PartitionChange;
use super::{Controller, Decision, View, brokers};

/// Since this version a leader names the epoch of each broker that is in sync.
const BROKER_EPOCHS_SINCE: i16 = 3;

/// In the place of a broker's epoch: any will do.
const ANY_EPOCH: i64 = -1;

impl Controller {
    /// Decide on the in-sync sets that a leader tells of.
    pub(crate) fn alter_partition(
        view: View<'_>,
        request: &AlterPartitionRequest,
        version: i16,
    ) -> Decision<AlterPartitionResponse> {
        let mut decision = Decision::refused(AlterPartitionResponse::default());
        if request.topics.is_empty() {
            return decision;
        }
        let leader = request.broker_id;
        if let Err(refusal) = brokers::check_epoch(view.image, leader, request.broker_epoch) {
            decision.response.error_code = refusal.code.code();
            return decision;
        }
        for told in &request.topics {
            let topic = view.image.topics.get(&told.topic_id);
            let rules = topic.map(|topic| ElectionRules::of(view, topic));
            let mut answers = TopicData {
                topic_id: told.topic_id,
                ..TopicData::default()
            };
            for partition in &told.partitions {
                let wish = Wish::of(partition, version);
                let decided = match topic.zip(rules) {
                    None => Err(ErrorCode::UnknownTopicId),
                    Some((topic, rules)) => decide(view, topic, rules, (leader, &wish)),
                };
                let (record, answer) = match decided {
                    Ok(decided) => decided,
                    Err(error) => (None, refused(error)),
                };
                decision.records.extend(record);
                answers.partitions.push(PartitionData {
                    partition_index: partition.partition_index,
                    ..answer
                });
            }
            decision.response.topics.push(answers);
        }
        decision
    }
}

/// What a leader wants of one partition, whatever the version it says it in.
struct Wish {
    index: PartitionIndex,
    leader_epoch: i32,
    partition_epoch: i32,
    recovery_state: i8,
    /// Who is in sync, and the epoch in which the leader knows it.
    isr: Vec<(BrokerId, i64)>,
}

impl Wish {
    fn of(told: &alter_partition_request::PartitionData, version: i16) -> Self {
        let with_epochs = |broker: &BrokerState| (broker.broker_id, broker.broker_epoch);
        let isr = if version >= BROKER_EPOCHS_SINCE {
            told.new_isr_with_epochs.iter().map(with_epochs).collect()
        } else {
            let isr = told.new_isr.iter();
            isr.map(|broker| (*broker, ANY_EPOCH)).collect()
        };
        Self {
            index: told.partition_index,
            leader_epoch: told.leader_epoch,
            partition_epoch: told.partition_epoch,
            recovery_state: told.leader_recovery_state,
            isr,
        }
    }

    fn brokers(&self) -> impl Iterator<Item = BrokerId> {
        self.isr.iter().map(|(broker, _)| *broker)
    }
}

/// The record of the change, if there is one, and what the leader is told.
fn decide(
    view: View<'_>,
    topic: &TopicImage,
    rules: ElectionRules,
    (leader, wish): (BrokerId, &Wish),
) -> Result<(Option<MetadataRecord>, PartitionData), ErrorCode> {
    let partition = topic.partitions.get(&wish.index);
    let partition = partition.ok_or(ErrorCode::UnknownTopicOrPartition)?;
    check(view, partition, (leader, wish))?;
    let record = PartitionChange::of(partition, rules.min_isr)
        .elect(rules.election())
        .isr(wish.brokers().collect())
        .recovering(wish.recovery_state == 1)
        .record(&|broker| view.may_lead(partition, broker));
    let mut after = PartitionRegistration::clone(partition);
    let mut answer = PartitionData::default();
    if let Some(record) = &record {
        change_partition(&mut after, record);
        if record.leader != NO_LEADER_CHANGE && record.leader != leader {
            // The change has ended a reassignment, and with it the leadership of the one that told.
            answer.error_code = ErrorCode::NewLeaderElected.code();
            let record = record.clone();
            return Ok((Some(placed(record, topic, wish.index)), answer));
        }
    }
    answer.leader_id = after.leader.unwrap_or(-1);
    answer.leader_epoch = after.leader_epoch;
    answer.isr = after.isr;
    answer.leader_recovery_state = i8::from(after.leader_recovering);
    answer.partition_epoch = after.partition_epoch;
    let record = record.map(|record| placed(record, topic, wish.index));
    Ok((record, answer))
}

fn check(
    view: View<'_>,
    partition: &PartitionRegistration,
    (leader, wish): (BrokerId, &Wish),
) -> Result<(), ErrorCode> {
    // Who knows later epochs than the controller has asked one that is not active any more.
    if wish.leader_epoch > partition.leader_epoch
        || wish.partition_epoch > partition.partition_epoch
    {
        return Err(ErrorCode::NotController);
    }
    if wish.leader_epoch < partition.leader_epoch {
        return Err(ErrorCode::FencedLeaderEpoch);
    }
    if partition.leader != Some(leader) {
        return Err(ErrorCode::InvalidRequest);
    }
    if wish.partition_epoch < partition.partition_epoch {
        return Err(ErrorCode::InvalidUpdateVersion);
    }
    let distinct: BTreeSet<_> = wish.brokers().collect();
    let is_sound = distinct.len() == wish.isr.len()
        && distinct.contains(&leader)
        && distinct
            .iter()
            .all(|broker| partition.replicas.contains(broker));
    // Until it has recovered, a leader that may lack records has nobody in sync with it, and one
    // that has cannot lose what it has.
    let is_recovering = wish.recovery_state == 1;
    let may_be_recovering = partition.leader_recovering && wish.isr.len() == 1;
    let is_known = matches!(wish.recovery_state, 0 | 1);
    if !is_sound || !is_known || (is_recovering && !may_be_recovering) {
        return Err(ErrorCode::InvalidRequest);
    }
    let is_eligible = |(broker, epoch): &(BrokerId, i64)| {
        let registration = view.image.brokers.get(broker);
        let is_same = registration.is_some_and(|known| known.epoch == *epoch);
        view.is_active(*broker) && (is_same || *epoch == ANY_EPOCH)
    };
    if !wish.isr.iter().all(is_eligible) {
        return Err(ErrorCode::IneligibleReplica);
    }
    Ok(())
}

fn refused(error: ErrorCode) -> PartitionData {
    PartitionData {
        error_code: error.code(),
        ..PartitionData::default()
    }
}
