//! What the controller is asked for a client, and its answer put together with what was refused
//! without asking it.

use crate::metadata::{ControllerRequest, ControllerResponse};
use crate::model::{ErrorCode, Uuid};
use crate::protocol::ApiKey;
use crate::protocol::messages::{
    AllocateProducerIdsResponse, AlterPartitionResponse, AssignReplicasToDirsResponse,
    BrokerHeartbeatResponse, BrokerRegistrationResponse, ControllerRegistrationResponse,
    DescribeQuorumResponse, EnvelopeResponse, UnregisterBrokerResponse,
};
use crate::shard::request::RequestContext;
use crate::stdx::{HashMap, new_map};

use super::{ControllerGather, Gather, Parts, Plan, topics};

/// Ask the controller, and pass its answer on with what was `refused` already.
pub fn plan(request: ControllerRequest, refused: Option<ControllerResponse>) -> Plan {
    let gather = ControllerGather::passing_on(refused);
    Plan::controller(request, Gather::Controller(gather))
}

/// How often each is named: what is named twice the controller refuses, whoever asks.
pub fn counts_of<T: Eq + std::hash::Hash>(named: impl Iterator<Item = T>) -> HashMap<T, usize> {
    let mut counts = new_map();
    for one in named {
        *counts.entry(one).or_insert(0) += 1;
    }
    counts
}

/// The controller's answer, as the client's.
pub fn controller_answered(
    context: &RequestContext,
    mut response: ControllerResponse,
    refused: Option<Box<ControllerResponse>>,
    parts: &Parts<'_>,
) -> Plan {
    if let Some(refused) = refused {
        add(&mut response, *refused);
    }
    match response {
        ControllerResponse::CreateTopics(mut response) => {
            topics::hide_settings(parts.access(context), &mut response);
            Plan::answer(response)
        }
        ControllerResponse::DeleteTopics(response) => Plan::answer(response),
        ControllerResponse::CreatePartitions(response) => Plan::answer(response),
        ControllerResponse::AlterConfigs(response) => Plan::answer(response),
        ControllerResponse::IncrementalAlterConfigs(response) => Plan::answer(response),
        ControllerResponse::CreateAcls(response) => Plan::answer(response),
        ControllerResponse::DeleteAcls(response) => Plan::answer(response),
        ControllerResponse::AlterPartitionReassignments(response) => Plan::answer(response),
        ControllerResponse::AssignReplicasToDirs(response) => Plan::answer(response),
        ControllerResponse::AllocateProducerIds(response) => Plan::answer(response),
        ControllerResponse::RegisterBroker(response) => Plan::answer(response),
        ControllerResponse::BrokerHeartbeat(response) => Plan::answer(response),
        ControllerResponse::UnregisterBroker(response) => Plan::answer(response),
        ControllerResponse::RegisterController(response) => Plan::answer(response),
        ControllerResponse::AlterPartition(response) => Plan::answer(response),
        ControllerResponse::UpdateFeatures(response) => Plan::answer(response),
        ControllerResponse::ElectLeaders(response) => Plan::answer(response),
        ControllerResponse::DescribeQuorum(response) => {
            Plan::answer(described(response, context.version))
        }
        ControllerResponse::AddRaftVoter(response) => Plan::answer(response),
        ControllerResponse::RemoveRaftVoter(response) => Plan::answer(response),
        ControllerResponse::AutoCreate(_) => unreachable!("no client asks for these"),
        ControllerResponse::Unavailable(error) => unavailable(context, error),
    }
}

/// The controller does not answer. Who asks in a node's name is told by which error, and goes on to
/// look for the controller. The others know, when the connection ends, that they have to look.
fn unavailable(context: &RequestContext, error: ErrorCode) -> Plan {
    let error_code = error.code();
    macro_rules! refused {
        ($response:ident) => {
            Plan::answer($response {
                error_code,
                ..Default::default()
            })
        };
    }
    match context.key {
        _ if context.envelope.is_some() => refused!(EnvelopeResponse),
        ApiKey::BrokerRegistration => refused!(BrokerRegistrationResponse),
        ApiKey::BrokerHeartbeat => refused!(BrokerHeartbeatResponse),
        ApiKey::AlterPartition => refused!(AlterPartitionResponse),
        ApiKey::AllocateProducerIds => refused!(AllocateProducerIdsResponse),
        ApiKey::AssignReplicasToDirs => refused!(AssignReplicasToDirsResponse),
        ApiKey::ControllerRegistration => refused!(ControllerRegistrationResponse),
        ApiKey::UnregisterBroker => refused!(UnregisterBrokerResponse),
        _ => Plan::Close(format!("the controller does not answer: {error}")),
    }
}

/// What the leader of the quorum told this broker in the newest version, for a client that asked in
/// this one: before the second there is no place for addresses and directories (KIP-853).
fn described(mut response: DescribeQuorumResponse, version: i16) -> DescribeQuorumResponse {
    if version < 2 {
        response.nodes.clear();
        let topics = response.topics.iter_mut();
        for partition in topics.flat_map(|topic| &mut topic.partitions) {
            let voters = partition.current_voters.iter_mut();
            for replica in voters.chain(&mut partition.observers) {
                replica.replica_directory_id = Uuid::ZERO;
            }
        }
    }
    response
}

/// Put what was refused into the controller's answer.
fn add(response: &mut ControllerResponse, refused: ControllerResponse) {
    use ControllerResponse::*;
    match (response, refused) {
        (CreateTopics(response), CreateTopics(refused)) => response.topics.extend(refused.topics),
        (DeleteTopics(response), DeleteTopics(refused)) => {
            response.responses.extend(refused.responses);
        }
        (CreatePartitions(response), CreatePartitions(refused)) => {
            response.results.extend(refused.results);
        }
        (AlterConfigs(response), AlterConfigs(refused)) => {
            response.responses.extend(refused.responses);
        }
        (IncrementalAlterConfigs(response), IncrementalAlterConfigs(refused)) => {
            response.responses.extend(refused.responses);
        }
        // What is to be told of each feature, if all have their levels.
        (UpdateFeatures(response), UpdateFeatures(done)) if response.error_code == 0 => {
            response.results = done.results;
        }
        (UpdateFeatures(_), UpdateFeatures(_)) | (Unavailable(_), _) => {}
        (response, refused) => unreachable!("{refused:?} is no part of {response:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::messages::describe_quorum_response::{
        Node, PartitionData, ReplicaState, TopicData,
    };
    use crate::protocol::{AnyResponse, Writer};

    #[test]
    fn what_the_leader_tells_of_the_quorum_can_be_said_in_every_version() {
        let voter = ReplicaState {
            replica_id: 1,
            replica_directory_id: Uuid::from_bytes([1; 16]),
            ..Default::default()
        };
        let partition = PartitionData {
            leader_id: 1,
            current_voters: vec![voter.clone()],
            observers: vec![voter],
            ..Default::default()
        };
        let told = DescribeQuorumResponse {
            topics: vec![TopicData {
                partitions: vec![partition],
                ..Default::default()
            }],
            nodes: vec![Node::default()],
            ..Default::default()
        };
        for version in 0..=2 {
            let response = described(told.clone(), version);
            assert_eq!(response == told, version == 2);
            assert_eq!(response.topics[0].partitions[0].leader_id, 1);
            let said = AnyResponse::from(response).encode(&mut Writer::new(), version);
            assert_eq!(said, Ok(()), "{version}");
        }
    }
}
