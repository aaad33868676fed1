//! The answer to a request that nothing is done for, in the form of its API: whoever asks finds the
//! error where it looks for one.

use crate::model::{BrokerId, ErrorCode};
use crate::protocol::messages::alter_partition_reassignments_response::{
    ReassignablePartitionResponse, ReassignableTopicResponse,
};
use crate::protocol::messages::create_acls_response::AclCreationResult;
use crate::protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use crate::protocol::messages::create_topics_response::CreatableTopicResult;
use crate::protocol::messages::delete_acls_response::DeleteAclsFilterResult;
use crate::protocol::messages::delete_topics_response::DeletableTopicResult;
use crate::protocol::messages::{
    AddRaftVoterResponse, AllocateProducerIdsResponse, AlterConfigsRequest, AlterConfigsResponse,
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse,
    AlterPartitionResponse, AssignReplicasToDirsResponse, BrokerHeartbeatResponse,
    BrokerRegistrationResponse, ControllerRegistrationResponse, CreateAclsRequest,
    CreateAclsResponse, CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest,
    CreateTopicsResponse, DeleteAclsRequest, DeleteAclsResponse, DeleteTopicsRequest,
    DeleteTopicsResponse, DescribeQuorumResponse, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse, RemoveRaftVoterResponse, UnregisterBrokerResponse,
    UpdateFeaturesResponse, alter_configs_response, incremental_alter_configs_response,
};

use super::super::controller::{Refusal, refuse_elections};
use super::{ControllerRequest, ControllerResponse};

/// Why a node that does not lead decides nothing: it names the one that does, as Apache Kafka's do.
pub(super) fn not_controller(leader: Option<BrokerId>) -> Refusal {
    let message = match leader {
        Some(id) => format!("The active controller appears to be node {id}."),
        None => "No controller appears to be active.".to_owned(),
    };
    Refusal::new(ErrorCode::NotController, message)
}

impl ControllerRequest {
    /// The answer to this if all of it is refused.
    pub(super) fn refused(&self, refusal: &Refusal) -> ControllerResponse {
        use ControllerResponse as Response;
        let error_code = refusal.code.code();
        let error_message = refusal.message.clone();
        macro_rules! refused {
            ($response:ident) => {
                $response {
                    error_code,
                    ..$response::default()
                }
            };
            ($response:ident, with its reason) => {
                $response {
                    error_code,
                    error_message,
                    ..$response::default()
                }
            };
        }
        match self {
            Self::CreateTopics(request) => Response::CreateTopics(topics(request, refusal)),
            Self::DeleteTopics { request, .. } => {
                Response::DeleteTopics(deleted_topics(request, refusal))
            }
            Self::CreatePartitions(request) => {
                Response::CreatePartitions(partitions(request, refusal))
            }
            Self::AlterConfigs(request) => Response::AlterConfigs(configs(request, refusal)),
            Self::IncrementalAlterConfigs(request) => {
                Response::IncrementalAlterConfigs(changed_configs(request, refusal))
            }
            Self::CreateAcls(request) => Response::CreateAcls(acls(request, refusal)),
            Self::DeleteAcls(request) => Response::DeleteAcls(deleted_acls(request, refusal)),
            Self::AssignReplicasToDirs(_) => {
                Response::AssignReplicasToDirs(refused!(AssignReplicasToDirsResponse))
            }
            Self::AlterPartitionReassignments(request) => {
                Response::AlterPartitionReassignments(reassignments(request, refusal))
            }
            Self::AllocateProducerIds(_) => {
                Response::AllocateProducerIds(refused!(AllocateProducerIdsResponse))
            }
            Self::RegisterBroker { .. } => {
                Response::RegisterBroker(refused!(BrokerRegistrationResponse))
            }
            Self::BrokerHeartbeat(_) => {
                Response::BrokerHeartbeat(refused!(BrokerHeartbeatResponse))
            }
            Self::UnregisterBroker(_) => {
                Response::UnregisterBroker(refused!(UnregisterBrokerResponse, with its reason))
            }
            Self::AlterPartition { .. } => {
                Response::AlterPartition(refused!(AlterPartitionResponse))
            }
            Self::ElectLeaders(request) => {
                Response::ElectLeaders(refuse_elections(request, refusal))
            }
            Self::UpdateFeatures(_) => {
                Response::UpdateFeatures(refused!(UpdateFeaturesResponse, with its reason))
            }
            Self::RegisterController(_) => Response::RegisterController(refused!(
                ControllerRegistrationResponse,
                with its reason
            )),
            Self::DescribeQuorum(_) => {
                Response::DescribeQuorum(refused!(DescribeQuorumResponse, with its reason))
            }
            Self::AddRaftVoter(_) => {
                Response::AddRaftVoter(refused!(AddRaftVoterResponse, with its reason))
            }
            Self::RemoveRaftVoter(_) => {
                Response::RemoveRaftVoter(refused!(RemoveRaftVoterResponse, with its reason))
            }
            Self::AutoCreate { topics } => {
                Response::AutoCreate(vec![Err(refusal.clone()); topics.len()])
            }
        }
    }
}

fn topics(request: &CreateTopicsRequest, refusal: &Refusal) -> CreateTopicsResponse {
    let topics = request.topics.iter().map(|topic| CreatableTopicResult {
        name: topic.name.clone(),
        error_code: refusal.code.code(),
        error_message: refusal.message.clone(),
        ..CreatableTopicResult::default()
    });
    CreateTopicsResponse {
        topics: topics.collect(),
        ..CreateTopicsResponse::default()
    }
}

fn deleted_topics(request: &DeleteTopicsRequest, refusal: &Refusal) -> DeleteTopicsResponse {
    let named = request.topic_names.iter().map(|name| (Some(name), None));
    let listed = request.topics.iter();
    let listed = listed.map(|topic| (topic.name.as_ref(), Some(topic.topic_id)));
    let results = named.chain(listed).map(|(name, id)| DeletableTopicResult {
        name: name.cloned(),
        topic_id: id.unwrap_or_default(),
        error_code: refusal.code.code(),
        ..DeletableTopicResult::default()
    });
    DeleteTopicsResponse {
        responses: results.collect(),
        ..DeleteTopicsResponse::default()
    }
}

fn partitions(request: &CreatePartitionsRequest, refusal: &Refusal) -> CreatePartitionsResponse {
    let topics = request.topics.iter();
    let results = topics.map(|topic| CreatePartitionsTopicResult {
        name: topic.name.clone(),
        error_code: refusal.code.code(),
        error_message: refusal.message.clone(),
        ..CreatePartitionsTopicResult::default()
    });
    CreatePartitionsResponse {
        results: results.collect(),
        ..CreatePartitionsResponse::default()
    }
}

fn configs(request: &AlterConfigsRequest, refusal: &Refusal) -> AlterConfigsResponse {
    use alter_configs_response::AlterConfigsResourceResponse;
    let resources = request.resources.iter();
    let responses = resources.map(|resource| AlterConfigsResourceResponse {
        resource_type: resource.resource_type,
        resource_name: resource.resource_name.clone(),
        error_code: refusal.code.code(),
        error_message: refusal.message.clone(),
        ..AlterConfigsResourceResponse::default()
    });
    AlterConfigsResponse {
        responses: responses.collect(),
        ..AlterConfigsResponse::default()
    }
}

fn changed_configs(
    request: &IncrementalAlterConfigsRequest,
    refusal: &Refusal,
) -> IncrementalAlterConfigsResponse {
    use incremental_alter_configs_response::AlterConfigsResourceResponse;
    let resources = request.resources.iter();
    let responses = resources.map(|resource| AlterConfigsResourceResponse {
        resource_type: resource.resource_type,
        resource_name: resource.resource_name.clone(),
        error_code: refusal.code.code(),
        error_message: refusal.message.clone(),
        ..AlterConfigsResourceResponse::default()
    });
    IncrementalAlterConfigsResponse {
        responses: responses.collect(),
        ..IncrementalAlterConfigsResponse::default()
    }
}

fn acls(request: &CreateAclsRequest, refusal: &Refusal) -> CreateAclsResponse {
    let result = AclCreationResult {
        error_code: refusal.code.code(),
        error_message: refusal.message.clone(),
        ..AclCreationResult::default()
    };
    CreateAclsResponse {
        results: vec![result; request.creations.len()],
        ..CreateAclsResponse::default()
    }
}

fn deleted_acls(request: &DeleteAclsRequest, refusal: &Refusal) -> DeleteAclsResponse {
    let result = DeleteAclsFilterResult {
        error_code: refusal.code.code(),
        error_message: refusal.message.clone(),
        ..DeleteAclsFilterResult::default()
    };
    DeleteAclsResponse {
        filter_results: vec![result; request.filters.len()],
        ..DeleteAclsResponse::default()
    }
}

fn reassignments(
    request: &AlterPartitionReassignmentsRequest,
    refusal: &Refusal,
) -> AlterPartitionReassignmentsResponse {
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter();
        let partitions = partitions.map(|one| ReassignablePartitionResponse {
            partition_index: one.partition_index,
            error_code: refusal.code.code(),
            error_message: refusal.message.clone(),
            ..ReassignablePartitionResponse::default()
        });
        ReassignableTopicResponse {
            name: topic.name.clone(),
            partitions: partitions.collect(),
            ..ReassignableTopicResponse::default()
        }
    });
    AlterPartitionReassignmentsResponse {
        error_code: refusal.code.code(),
        error_message: refusal.message.clone(),
        responses: topics.collect(),
        ..AlterPartitionReassignmentsResponse::default()
    }
}
