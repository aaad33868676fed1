//! What the controller is asked, and what it answers.

use crate::model::{ErrorCode, Uuid};
use crate::protocol::messages::{
    AlterConfigsRequest, AlterConfigsResponse, AlterPartitionReassignmentsRequest,
    AlterPartitionReassignmentsResponse, AssignReplicasToDirsRequest, AssignReplicasToDirsResponse,
    CreateAclsRequest, CreateAclsResponse, CreatePartitionsRequest, CreatePartitionsResponse,
    CreateTopicsRequest, CreateTopicsResponse, DeleteAclsRequest, DeleteAclsResponse,
    DeleteTopicsRequest, DeleteTopicsResponse, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
};

use super::super::controller::{ProducerIdBlock, Refusal};

/// What the controller is asked.
#[derive(Clone, Debug)]
pub enum ControllerRequest {
    /// Create topics.
    CreateTopics(CreateTopicsRequest),
    /// Delete topics; the version says what a client understands.
    DeleteTopics {
        request: DeleteTopicsRequest,
        version: i16,
    },
    /// Add partitions.
    CreatePartitions(CreatePartitionsRequest),
    /// Replace settings.
    AlterConfigs(AlterConfigsRequest),
    /// Change settings.
    IncrementalAlterConfigs(IncrementalAlterConfigsRequest),
    /// Create access control entries.
    CreateAcls(CreateAclsRequest),
    /// Delete access control entries.
    DeleteAcls(DeleteAclsRequest),
    /// Note in which log directories a broker has its replicas.
    AssignReplicasToDirs(AssignReplicasToDirsRequest),
    /// Move partitions to other brokers.
    AlterPartitionReassignments(AlterPartitionReassignmentsRequest),
    /// A block of producer ids for this broker.
    AllocateProducerIds,
    /// Create those of these topics that do not exist, as somebody wants to use them.
    AutoCreate { topics: Vec<String> },
}

/// What the controller answers.
#[derive(Clone, Debug)]
pub enum ControllerResponse {
    /// To [`ControllerRequest::CreateTopics`].
    CreateTopics(CreateTopicsResponse),
    /// To [`ControllerRequest::DeleteTopics`].
    DeleteTopics(DeleteTopicsResponse),
    /// To [`ControllerRequest::CreatePartitions`].
    CreatePartitions(CreatePartitionsResponse),
    /// To [`ControllerRequest::AlterConfigs`].
    AlterConfigs(AlterConfigsResponse),
    /// To [`ControllerRequest::IncrementalAlterConfigs`].
    IncrementalAlterConfigs(IncrementalAlterConfigsResponse),
    /// To [`ControllerRequest::CreateAcls`].
    CreateAcls(CreateAclsResponse),
    /// To [`ControllerRequest::DeleteAcls`].
    DeleteAcls(DeleteAclsResponse),
    /// To [`ControllerRequest::AssignReplicasToDirs`].
    AssignReplicasToDirs(AssignReplicasToDirsResponse),
    /// To [`ControllerRequest::AlterPartitionReassignments`].
    AlterPartitionReassignments(AlterPartitionReassignmentsResponse),
    /// To [`ControllerRequest::AllocateProducerIds`].
    AllocateProducerIds(Result<ProducerIdBlock, Refusal>),
    /// To [`ControllerRequest::AutoCreate`]: the id of each topic, in the order of the request.
    AutoCreate(Vec<Result<Uuid, Refusal>>),
    /// To any request: the controller does not work, now or any more.
    Unavailable(ErrorCode),
}
