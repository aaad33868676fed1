//! CreateTopics, DeleteTopics, CreatePartitions: the controller decides, its answer is passed on.

use crate::metadata::{ControllerRequest, ControllerResponse};
use crate::protocol::messages::{
    CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest,
};
use crate::shard::request::RequestContext;

use super::{ControllerGather, Gather, Plan};

/// Ask the controller, and pass its answer on.
pub fn forward(request: ControllerRequest) -> Plan {
    let gather = ControllerGather {
        response: None,
        again: None,
    };
    Plan::controller(request, Gather::Controller(gather))
}

/// Create topics.
pub fn plan_create(request: CreateTopicsRequest) -> Plan {
    forward(ControllerRequest::CreateTopics(request))
}

/// Delete topics.
pub fn plan_delete(context: &RequestContext, request: DeleteTopicsRequest) -> Plan {
    forward(ControllerRequest::DeleteTopics {
        request,
        version: context.version,
    })
}

/// Add partitions.
pub fn plan_create_partitions(request: CreatePartitionsRequest) -> Plan {
    forward(ControllerRequest::CreatePartitions(request))
}

/// The controller's answer, as the client's.
pub fn controller_answered(response: ControllerResponse) -> Plan {
    match response {
        ControllerResponse::CreateTopics(response) => Plan::answer(response),
        ControllerResponse::DeleteTopics(response) => Plan::answer(response),
        ControllerResponse::CreatePartitions(response) => Plan::answer(response),
        ControllerResponse::AlterConfigs(response) => Plan::answer(response),
        ControllerResponse::IncrementalAlterConfigs(response) => Plan::answer(response),
        ControllerResponse::AllocateProducerIds(_) | ControllerResponse::AutoCreate(_) => {
            unreachable!("no client asks for these")
        }
        ControllerResponse::Unavailable(error) => {
            Plan::Close(format!("the controller does not answer: {error}"))
        }
    }
}
