//! What the controller is asked, and what it answers.

use crate::model::{ErrorCode, Uuid};
use crate::protocol::messages::{
    AddRaftVoterRequest, AddRaftVoterResponse, AllocateProducerIdsRequest,
    AllocateProducerIdsResponse, AlterConfigsRequest, AlterConfigsResponse,
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, AlterPartitionRequest,
    AlterPartitionResponse, AssignReplicasToDirsRequest, AssignReplicasToDirsResponse,
    BrokerHeartbeatRequest, BrokerHeartbeatResponse, BrokerRegistrationRequest,
    BrokerRegistrationResponse, ControllerRegistrationRequest, ControllerRegistrationResponse,
    CreateAclsRequest, CreateAclsResponse, CreatePartitionsRequest, CreatePartitionsResponse,
    CreateTopicsRequest, CreateTopicsResponse, DeleteAclsRequest, DeleteAclsResponse,
    DeleteTopicsRequest, DeleteTopicsResponse, DescribeQuorumRequest, DescribeQuorumResponse,
    ElectLeadersRequest, ElectLeadersResponse, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse, RemoveRaftVoterRequest, RemoveRaftVoterResponse,
    UnregisterBrokerRequest, UnregisterBrokerResponse, UpdateFeaturesRequest,
    UpdateFeaturesResponse,
};
use crate::quorum::QuorumCall;

use super::super::controller::Refusal;

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
    /// A block of producer ids for a broker.
    AllocateProducerIds(AllocateProducerIdsRequest),
    /// Another broker comes; the version says what it can tell.
    RegisterBroker {
        request: BrokerRegistrationRequest,
        version: i16,
    },
    /// Another broker tells that it lives, and what it wants.
    BrokerHeartbeat(BrokerHeartbeatRequest),
    /// A broker is to be forgotten.
    UnregisterBroker(UnregisterBrokerRequest),
    /// A leader tells who is in sync with it; the version says in which field.
    AlterPartition {
        request: AlterPartitionRequest,
        version: i16,
    },
    /// Other leaders are wanted.
    ElectLeaders(ElectLeadersRequest),
    /// Other levels of features are wanted.
    UpdateFeatures(UpdateFeaturesRequest),
    /// Another controller comes.
    RegisterController(ControllerRegistrationRequest),
    /// Who leads the metadata quorum, votes and follows: asked of another node only.
    DescribeQuorum(DescribeQuorumRequest),
    /// A node gets a vote in the metadata quorum: asked of another node only.
    AddRaftVoter(AddRaftVoterRequest),
    /// A node loses its vote in the metadata quorum: asked of another node only.
    RemoveRaftVoter(RemoveRaftVoterRequest),
    /// Create those of these topics that do not exist, as somebody wants to use them.
    AutoCreate { topics: Vec<String> },
}

impl ControllerRequest {
    /// What the quorum of the controller's node is asked, if it answers that, and not the
    /// controller.
    pub(super) fn of_quorum(&self) -> Option<QuorumCall> {
        match self {
            Self::DescribeQuorum(request) => Some(QuorumCall::DescribeQuorum(request.clone())),
            Self::AddRaftVoter(request) => Some(QuorumCall::AddRaftVoter(request.clone())),
            Self::RemoveRaftVoter(request) => Some(QuorumCall::RemoveRaftVoter(request.clone())),
            _ => None,
        }
    }
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
    AllocateProducerIds(AllocateProducerIdsResponse),
    /// To [`ControllerRequest::RegisterBroker`].
    RegisterBroker(BrokerRegistrationResponse),
    /// To [`ControllerRequest::BrokerHeartbeat`].
    BrokerHeartbeat(BrokerHeartbeatResponse),
    /// To [`ControllerRequest::UnregisterBroker`].
    UnregisterBroker(UnregisterBrokerResponse),
    /// To [`ControllerRequest::AlterPartition`].
    AlterPartition(AlterPartitionResponse),
    /// To [`ControllerRequest::ElectLeaders`].
    ElectLeaders(ElectLeadersResponse),
    /// To [`ControllerRequest::UpdateFeatures`].
    UpdateFeatures(UpdateFeaturesResponse),
    /// To [`ControllerRequest::RegisterController`].
    RegisterController(ControllerRegistrationResponse),
    /// To [`ControllerRequest::DescribeQuorum`].
    DescribeQuorum(DescribeQuorumResponse),
    /// To [`ControllerRequest::AddRaftVoter`].
    AddRaftVoter(AddRaftVoterResponse),
    /// To [`ControllerRequest::RemoveRaftVoter`].
    RemoveRaftVoter(RemoveRaftVoterResponse),
    /// To [`ControllerRequest::AutoCreate`]: the id of each topic, in the order of the request.
    AutoCreate(Vec<Result<Uuid, Refusal>>),
    /// To any request: the controller does not work, now or any more.
    Unavailable(ErrorCode),
}
