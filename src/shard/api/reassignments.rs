//! AlterPartitionReassignments and ListPartitionReassignments (KIP-455).

use crate::metadata::ControllerRequest;
use crate::model::ErrorCode;
use crate::protocol::messages::alter_partition_reassignments_response::{
    ReassignablePartitionResponse, ReassignableTopicResponse,
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

/// Nothing is on its way to other brokers.
pub fn plan_list(
    context: &RequestContext,
    _request: &ListPartitionReassignmentsRequest,
    parts: &Parts<'_>,
) -> Plan {
    let mut response = ListPartitionReassignmentsResponse {
        error_message: None,
        ..Default::default()
    };
    if !parts.access(context).allows_cluster(Operation::Describe) {
        response.error_code = REFUSED.code();
        response.error_message = Some(refusal_text(REFUSED).to_owned());
    }
    Plan::answer(response)
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
