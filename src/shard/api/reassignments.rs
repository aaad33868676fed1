//! AlterPartitionReassignments and ListPartitionReassignments (KIP-455).

use crate::metadata::{ControllerRequest, TopicImage};
use crate::model::{ErrorCode, PartitionIndex};
use crate::protocol::messages::alter_partition_reassignments_response::{
    ReassignablePartitionResponse, ReassignableTopicResponse,
};
use crate::protocol::messages::list_partition_reassignments_response::{
    OngoingPartitionReassignment, OngoingTopicReassignment,
};
use crate::protocol::messages::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse,
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse,
};
use crate::security::{Operation, refusal_text};
use crate::shard::request::RequestContext;

use super::{Parts, Plan, forward};

const REFUSED: ErrorCode = ErrorCode::ClusterAuthorizationFailed;

/// Ask the controller.
pub fn plan_alter(
    context: &RequestContext,
    request: AlterPartitionReassignmentsRequest,
    parts: &Parts<'_>,
) -> Plan {
    if !parts.access(context).allows_cluster(Operation::Alter) {
        return Plan::answer(refused(request));
    }
    forward::plan(
        ControllerRequest::AlterPartitionReassignments(request),
        None,
    )
}

/// Tell what is on its way to other brokers.
pub fn plan_list(
    context: &RequestContext,
    request: &ListPartitionReassignmentsRequest,
    parts: &Parts<'_>,
) -> Plan {
    let mut response = ListPartitionReassignmentsResponse {
        error_message: None,
        ..Default::default()
    };
    if !parts.access(context).allows_cluster(Operation::Describe) {
        response.error_code = REFUSED.code();
        response.error_message = Some(refusal_text(REFUSED).to_owned());
        return Plan::answer(response);
    }
    let told = match &request.topics {
        None => {
            let topics = parts.image.topics.values();
            topics
                .map(|topic| ongoing(topic, topic.partitions.keys()))
                .collect()
        }
        Some(wanted) => {
            let found = wanted.iter().filter_map(|wanted| {
                let topic = parts.image.topic(&wanted.name)?;
                Some(ongoing(topic, wanted.partition_indexes.iter()))
            });
            found.collect::<Vec<_>>()
        }
    };
    response.topics = told;
    response.topics.retain(|topic| !topic.partitions.is_empty());
    Plan::answer(response)
}

fn ongoing<'a>(
    topic: &TopicImage,
    indexes: impl Iterator<Item = &'a PartitionIndex>,
) -> OngoingTopicReassignment {
    let partitions = indexes.filter_map(|index| {
        let partition = topic.partitions.get(index)?;
        let told = || OngoingPartitionReassignment {
            partition_index: *index,
            replicas: partition.replicas.clone(),
            adding_replicas: partition.adding_replicas.clone(),
            removing_replicas: partition.removing_replicas.clone(),
            ..Default::default()
        };
        partition.is_reassigned().then(told)
    });
    OngoingTopicReassignment {
        name: topic.name.to_string(),
        partitions: partitions.collect(),
        ..Default::default()
    }
}

/// The answer to a client that may not move anything: all of it is refused, and each part.
fn refused(request: AlterPartitionReassignmentsRequest) -> AlterPartitionReassignmentsResponse {
    let text = || Some(refusal_text(REFUSED).to_owned());
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.into_iter();
        let partitions = partitions.map(|partition| ReassignablePartitionResponse {
            partition_index: partition.partition_index,
            error_code: REFUSED.code(),
            error_message: text(),
            ..Default::default()
        });
        ReassignableTopicResponse {
            name: topic.name,
            partitions: partitions.collect(),
            ..Default::default()
        }
    });
    AlterPartitionReassignmentsResponse {
        allow_replication_factor_change: request.allow_replication_factor_change,
        error_code: REFUSED.code(),
        error_message: text(),
        responses: topics.collect(),
        ..Default::default()
    }
}
