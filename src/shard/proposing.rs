//! Shard 0's part of changes of in-sync sets: what leaders propose becomes a request to the
//! controller, and its answer what became of each proposal.

use std::collections::BTreeMap;

use crate::metadata::ControllerResponse;
use crate::model::{BrokerId, ErrorCode, PartitionIndex, Uuid};
use crate::protocol::messages::AlterPartitionRequest;
use crate::protocol::messages::alter_partition_request::{BrokerState, PartitionData, TopicData};
use crate::protocol::messages::alter_partition_response;
use crate::replication::IsrOutcome;

use super::message::{DecidedIsr, ProposedIsr};

/// The version in which the request is meant: each member with the registration of its broker.
pub const VERSION: i16 = 3;

/// In the place of a registration that is not known: the controller takes any.
const ANY_EPOCH: i64 = -1;

/// What this broker, in its registration of `broker_epoch`, asks the controller for.
pub fn alter_partition_request(
    broker_id: BrokerId,
    broker_epoch: i64,
    proposed: &[ProposedIsr],
) -> AlterPartitionRequest {
    let mut topics: BTreeMap<Uuid, Vec<PartitionData>> = BTreeMap::new();
    for one in proposed {
        let members = one.proposal.isr.iter().map(|(id, epoch)| BrokerState {
            broker_id: *id,
            broker_epoch: match *id == broker_id {
                true => broker_epoch,
                false => epoch.unwrap_or(ANY_EPOCH),
            },
            ..BrokerState::default()
        });
        let partition = PartitionData {
            partition_index: one.partition.partition,
            leader_epoch: one.proposal.leader_epoch,
            new_isr_with_epochs: members.collect(),
            partition_epoch: one.proposal.partition_epoch,
            ..PartitionData::default()
        };
        topics
            .entry(one.partition.topic_id)
            .or_default()
            .push(partition);
    }
    let topics = topics.into_iter().map(|(topic_id, partitions)| TopicData {
        topic_id,
        partitions,
        ..TopicData::default()
    });
    AlterPartitionRequest {
        broker_id,
        broker_epoch,
        topics: topics.collect(),
        ..AlterPartitionRequest::default()
    }
}

/// What became of the proposals that the controller answered so.
pub fn decided_by(proposed: Vec<ProposedIsr>, response: &ControllerResponse) -> Vec<DecidedIsr> {
    let answers = match response {
        ControllerResponse::AlterPartition(response)
            if response.error_code == ErrorCode::None.code() =>
        {
            answers_of(&response.topics)
        }
        // The controller, or this broker's registration, is about to be another.
        _ => BTreeMap::new(),
    };
    let outcome = |one: &ProposedIsr| {
        let answer = answers.get(&(one.partition.topic_id, one.partition.partition));
        let Some(answer) = answer else {
            return IsrOutcome::Unanswered;
        };
        match ErrorCode::from_code(answer.error_code) {
            Some(ErrorCode::None) => IsrOutcome::Accepted {
                leader_epoch: answer.leader_epoch,
                partition_epoch: answer.partition_epoch,
                isr: answer.isr.clone(),
            },
            Some(error) => IsrOutcome::Refused(error),
            None => IsrOutcome::Unanswered,
        }
    };
    let decided = proposed.into_iter().map(|one| DecidedIsr {
        outcome: outcome(&one),
        partition: one.partition,
        leader_epoch: one.proposal.leader_epoch,
        number: one.proposal.number,
        is_expansion: one.proposal.is_expansion,
    });
    decided.collect()
}

fn answers_of(
    topics: &[alter_partition_response::TopicData],
) -> BTreeMap<(Uuid, PartitionIndex), &alter_partition_response::PartitionData> {
    let partitions = topics.iter().flat_map(|topic| {
        let id = topic.topic_id;
        topic
            .partitions
            .iter()
            .map(move |one| ((id, one.partition_index), one))
    });
    partitions.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::messages::AlterPartitionResponse;
    use crate::replication::{IsrProposal, ProposalNumber};
    use crate::shard::placement::place;

    fn proposed(partition: PartitionIndex) -> ProposedIsr {
        ProposedIsr {
            partition: place(Uuid::from_bytes([9; 16]), partition),
            proposal: IsrProposal {
                number: ProposalNumber(4),
                leader_epoch: 3,
                partition_epoch: 7,
                isr: vec![(1, None), (2, Some(22)), (3, None)],
                is_expansion: true,
            },
        }
    }

    #[test]
    fn the_proposals_of_a_turn_are_one_request_with_the_registration_of_each_broker() {
        let request = alter_partition_request(1, 11, &[proposed(0), proposed(2)]);
        assert_eq!((request.broker_id, request.broker_epoch), (1, 11));
        let [topic] = &request.topics[..] else {
            panic!("they are of one topic: {request:?}");
        };
        let indexes = topic.partitions.iter().map(|one| one.partition_index);
        assert_eq!(indexes.collect::<Vec<_>>(), [0, 2]);
        let partition = &topic.partitions[0];
        assert_eq!((partition.leader_epoch, partition.partition_epoch), (3, 7));
        let members = partition.new_isr_with_epochs.iter();
        let members: Vec<_> = members
            .map(|one| (one.broker_id, one.broker_epoch))
            .collect();
        assert_eq!(members, [(1, 11), (2, 22), (3, -1)]);
    }

    #[test]
    fn every_proposal_is_told_what_became_of_it() {
        let answer = |partition_index, error: ErrorCode| alter_partition_response::PartitionData {
            partition_index,
            error_code: error.code(),
            leader_epoch: 3,
            partition_epoch: 8,
            isr: vec![1, 2],
            ..Default::default()
        };
        let mut response = AlterPartitionResponse {
            topics: vec![alter_partition_response::TopicData {
                topic_id: Uuid::from_bytes([9; 16]),
                partitions: vec![
                    answer(0, ErrorCode::None),
                    answer(1, ErrorCode::IneligibleReplica),
                ],
                ..Default::default()
            }],
            ..AlterPartitionResponse::default()
        };
        let outcomes = |response: AlterPartitionResponse| {
            let proposed = (0..3).map(proposed).collect();
            let decided = decided_by(proposed, &ControllerResponse::AlterPartition(response));
            decided
                .into_iter()
                .map(|one| one.outcome)
                .collect::<Vec<_>>()
        };
        let accepted = IsrOutcome::Accepted {
            leader_epoch: 3,
            partition_epoch: 8,
            isr: vec![1, 2],
        };
        let refused = IsrOutcome::Refused(ErrorCode::IneligibleReplica);
        let unanswered = IsrOutcome::Unanswered;
        assert_eq!(
            outcomes(response.clone()),
            [accepted, refused, unanswered.clone()]
        );
        response.error_code = ErrorCode::StaleBrokerEpoch.code();
        assert_eq!(outcomes(response), vec![unanswered; 3]);
    }
}
