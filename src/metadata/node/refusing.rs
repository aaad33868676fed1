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
    AddRaftVoterResponse, AllocateProducerIdsResponse, AlterConfigsResponse,
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse,
    AlterPartitionResponse, AssignReplicasToDirsResponse, BrokerHeartbeatResponse,
    BrokerRegistrationResponse, ControllerRegistrationResponse, CreateAclsRequest,
    CreateAclsResponse, CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest,
    CreateTopicsResponse, DeleteAclsRequest, DeleteAclsResponse, DeleteTopicsRequest,
    DeleteTopicsResponse, DescribeQuorumResponse, IncrementalAlterConfigsResponse,
    RemoveRaftVoterResponse, UnregisterBrokerResponse, UpdateFeaturesResponse,
    alter_configs_response, incremental_alter_configs_response,
};

use super::super::controller::{Refusal, refuse_elections};
use super::{ControllerRequest, ControllerResponse};

/// An answer, or a part of one, that is a refusal, with these fields besides; its reason is told
/// where there is room for it.
macro_rules! refused {
    ($refusal:ident, $answer:ident { $($field:ident: $value:expr),* $(,)? }) => {
        $answer {
            error_code: $refusal.code.code(),
            $($field: $value,)*
            ..$answer::default()
        }
    };
    ($refusal:ident, with its reason, $answer:ident { $($field:ident: $value:expr),* $(,)? }) => {
        refused!($refusal, $answer {
            error_message: $refusal.message.clone(),
            $($field: $value),*
        })
    };
}

/// The answer about each of the resources whose settings were to change: the two APIs for that
/// differ in the names of their types only.
macro_rules! refused_resources {
    ($request:ident, $refusal:ident, $response:ident, $module:ident) => {{
        use $module::AlterConfigsResourceResponse;
        let resources = $request.resources.iter();
        let responses = resources.map(|resource| {
            refused!($refusal, with its reason, AlterConfigsResourceResponse {
                resource_type: resource.resource_type,
                resource_name: resource.resource_name.clone(),
            })
        });
        $response {
            responses: responses.collect(),
            ..$response::default()
        }
    }};
}

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
        match self {
            Self::CreateTopics(request) => Response::CreateTopics(topics(request, refusal)),
            Self::DeleteTopics { request, .. } => {
                Response::DeleteTopics(deleted_topics(request, refusal))
            }
            Self::CreatePartitions(request) => {
                Response::CreatePartitions(partitions(request, refusal))
            }
            Self::AlterConfigs(request) => Response::AlterConfigs(refused_resources!(
                request,
                refusal,
                AlterConfigsResponse,
                alter_configs_response
            )),
            Self::IncrementalAlterConfigs(request) => {
                Response::IncrementalAlterConfigs(refused_resources!(
                    request,
                    refusal,
                    IncrementalAlterConfigsResponse,
                    incremental_alter_configs_response
                ))
            }
            Self::CreateAcls(request) => Response::CreateAcls(acls(request, refusal)),
            Self::DeleteAcls(request) => Response::DeleteAcls(deleted_acls(request, refusal)),
            Self::AssignReplicasToDirs(_) => {
                Response::AssignReplicasToDirs(refused!(refusal, AssignReplicasToDirsResponse {}))
            }
            Self::AlterPartitionReassignments(request) => {
                Response::AlterPartitionReassignments(reassignments(request, refusal))
            }
            Self::AllocateProducerIds(_) => {
                Response::AllocateProducerIds(refused!(refusal, AllocateProducerIdsResponse {}))
            }
            Self::RegisterBroker { .. } => {
                Response::RegisterBroker(refused!(refusal, BrokerRegistrationResponse {}))
            }
            Self::BrokerHeartbeat(_) => {
                Response::BrokerHeartbeat(refused!(refusal, BrokerHeartbeatResponse {}))
            }
            Self::UnregisterBroker(_) => Response::UnregisterBroker(
                refused!(refusal, with its reason, UnregisterBrokerResponse {}),
            ),
            Self::AlterPartition { .. } => {
                Response::AlterPartition(refused!(refusal, AlterPartitionResponse {}))
            }
            Self::ElectLeaders(request) => {
                Response::ElectLeaders(refuse_elections(request, refusal))
            }
            Self::UpdateFeatures(_) => Response::UpdateFeatures(
                refused!(refusal, with its reason, UpdateFeaturesResponse {}),
            ),
            Self::RegisterController(_) => Response::RegisterController(
                refused!(refusal, with its reason, ControllerRegistrationResponse {}),
            ),
            Self::DescribeQuorum(_) => Response::DescribeQuorum(
                refused!(refusal, with its reason, DescribeQuorumResponse {}),
            ),
            Self::AddRaftVoter(_) => {
                Response::AddRaftVoter(refused!(refusal, with its reason, AddRaftVoterResponse {}))
            }
            Self::RemoveRaftVoter(_) => Response::RemoveRaftVoter(
                refused!(refusal, with its reason, RemoveRaftVoterResponse {}),
            ),
            Self::AutoCreate { topics } => {
                Response::AutoCreate(vec![Err(refusal.clone()); topics.len()])
            }
        }
    }
}

fn topics(request: &CreateTopicsRequest, refusal: &Refusal) -> CreateTopicsResponse {
    let topics = request.topics.iter().map(|topic| {
        refused!(refusal, with its reason, CreatableTopicResult {
            name: topic.name.clone(),
        })
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
    let results = named.chain(listed).map(|(name, id)| {
        refused!(
            refusal,
            DeletableTopicResult {
                name: name.cloned(),
                topic_id: id.unwrap_or_default(),
            }
        )
    });
    DeleteTopicsResponse {
        responses: results.collect(),
        ..DeleteTopicsResponse::default()
    }
}

fn partitions(request: &CreatePartitionsRequest, refusal: &Refusal) -> CreatePartitionsResponse {
    let topics = request.topics.iter();
    let results = topics.map(|topic| {
        refused!(refusal, with its reason, CreatePartitionsTopicResult {
            name: topic.name.clone(),
        })
    });
    CreatePartitionsResponse {
        results: results.collect(),
        ..CreatePartitionsResponse::default()
    }
}

fn acls(request: &CreateAclsRequest, refusal: &Refusal) -> CreateAclsResponse {
    let result = refused!(refusal, with its reason, AclCreationResult {});
    CreateAclsResponse {
        results: vec![result; request.creations.len()],
        ..CreateAclsResponse::default()
    }
}

fn deleted_acls(request: &DeleteAclsRequest, refusal: &Refusal) -> DeleteAclsResponse {
    let result = refused!(refusal, with its reason, DeleteAclsFilterResult {});
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
        let partitions = partitions.map(|one| {
            refused!(refusal, with its reason, ReassignablePartitionResponse {
                partition_index: one.partition_index,
            })
        });
        ReassignableTopicResponse {
            name: topic.name.clone(),
            partitions: partitions.collect(),
            ..ReassignableTopicResponse::default()
        }
    });
    refused!(refusal, with its reason, AlterPartitionReassignmentsResponse {
        responses: topics.collect(),
    })
}
