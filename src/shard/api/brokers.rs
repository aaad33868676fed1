//! What brokers and controllers ask of the active controller: BrokerRegistration, BrokerHeartbeat,
//! AlterPartition, AllocateProducerIds, AssignReplicasToDirs, ControllerRegistration (KIP-631);
//! and of operators UnregisterBroker, ElectLeaders and UpdateFeatures.
//!
//! Each is passed on as it came: the controller decides.

use crate::metadata::{ControllerRequest, ControllerResponse, Refusal, refuse_elections};
use crate::model::ErrorCode;
use crate::protocol::AnyResponse;
use crate::protocol::messages::update_features_request::FeatureUpdateKey;
use crate::protocol::messages::update_features_response::UpdatableFeatureResult;
use crate::protocol::messages::{
    AllocateProducerIdsRequest, AllocateProducerIdsResponse, AlterPartitionRequest,
    AlterPartitionResponse, AssignReplicasToDirsRequest, AssignReplicasToDirsResponse,
    BrokerHeartbeatRequest, BrokerHeartbeatResponse, BrokerRegistrationRequest,
    BrokerRegistrationResponse, ControllerRegistrationRequest, ControllerRegistrationResponse,
    ElectLeadersRequest, UnregisterBrokerRequest, UnregisterBrokerResponse, UpdateFeaturesRequest,
    UpdateFeaturesResponse,
};
use crate::security::{Operation, refusal_text};
use crate::shard::request::RequestContext;

use super::{Parts, Plan, forward};

const REFUSED: ErrorCode = ErrorCode::ClusterAuthorizationFailed;

/// Ask the controller, if the client may do this with the cluster; else answer `refused`.
fn ask(
    (context, parts): (&RequestContext, &Parts<'_>),
    operation: Operation,
    request: ControllerRequest,
    refused: impl Into<AnyResponse>,
) -> Plan {
    if parts.access(context).allows_cluster(operation) {
        forward::plan(request, None)
    } else {
        Plan::answer(refused)
    }
}

fn refused_text() -> Option<String> {
    Some(refusal_text(REFUSED).to_owned())
}

/// A broker comes.
pub fn plan_register(
    context: &RequestContext,
    request: BrokerRegistrationRequest,
    parts: &Parts<'_>,
) -> Plan {
    let version = context.version;
    let request = ControllerRequest::RegisterBroker { request, version };
    let refused = BrokerRegistrationResponse {
        error_code: REFUSED.code(),
        ..Default::default()
    };
    ask((context, parts), Operation::ClusterAction, request, refused)
}

/// A broker lives.
pub fn plan_heartbeat(
    context: &RequestContext,
    request: BrokerHeartbeatRequest,
    parts: &Parts<'_>,
) -> Plan {
    let request = ControllerRequest::BrokerHeartbeat(request);
    let refused = BrokerHeartbeatResponse {
        error_code: REFUSED.code(),
        ..Default::default()
    };
    ask((context, parts), Operation::ClusterAction, request, refused)
}

/// A broker will not come back.
pub fn plan_unregister(
    context: &RequestContext,
    request: UnregisterBrokerRequest,
    parts: &Parts<'_>,
) -> Plan {
    let request = ControllerRequest::UnregisterBroker(request);
    let refused = UnregisterBrokerResponse {
        error_code: REFUSED.code(),
        error_message: refused_text(),
        ..Default::default()
    };
    ask((context, parts), Operation::Alter, request, refused)
}

/// A leader's in-sync set changes.
pub fn plan_alter_partition(
    context: &RequestContext,
    request: AlterPartitionRequest,
    parts: &Parts<'_>,
) -> Plan {
    let version = context.version;
    let request = ControllerRequest::AlterPartition { request, version };
    let refused = AlterPartitionResponse {
        error_code: REFUSED.code(),
        ..Default::default()
    };
    ask((context, parts), Operation::ClusterAction, request, refused)
}

/// A broker has given out its producer ids.
pub fn plan_allocate(
    context: &RequestContext,
    request: AllocateProducerIdsRequest,
    parts: &Parts<'_>,
) -> Plan {
    let request = ControllerRequest::AllocateProducerIds(request);
    let refused = AllocateProducerIdsResponse {
        error_code: REFUSED.code(),
        ..Default::default()
    };
    ask((context, parts), Operation::ClusterAction, request, refused)
}

/// A broker tells in which log directories its replicas lie.
pub fn plan_assign(
    context: &RequestContext,
    request: AssignReplicasToDirsRequest,
    parts: &Parts<'_>,
) -> Plan {
    let request = ControllerRequest::AssignReplicasToDirs(request);
    let refused = AssignReplicasToDirsResponse {
        error_code: REFUSED.code(),
        ..Default::default()
    };
    ask((context, parts), Operation::ClusterAction, request, refused)
}

/// A controller comes.
pub fn plan_register_controller(
    context: &RequestContext,
    request: ControllerRegistrationRequest,
    parts: &Parts<'_>,
) -> Plan {
    let request = ControllerRequest::RegisterController(request);
    let refused = ControllerRegistrationResponse {
        error_code: REFUSED.code(),
        error_message: refused_text(),
        ..Default::default()
    };
    ask((context, parts), Operation::ClusterAction, request, refused)
}

/// Somebody wants other leaders.
pub fn plan_elect(
    context: &RequestContext,
    request: ElectLeadersRequest,
    parts: &Parts<'_>,
) -> Plan {
    let refusal = Refusal::new(REFUSED, refusal_text(REFUSED));
    let refused = refuse_elections(&request, &refusal);
    let request = ControllerRequest::ElectLeaders(request);
    ask((context, parts), Operation::Alter, request, refused)
}

/// Somebody wants other levels of features. What became of each is told only up to version 1, and
/// is the same for all.
pub fn plan_update_features(
    context: &RequestContext,
    request: UpdateFeaturesRequest,
    parts: &Parts<'_>,
) -> Plan {
    if !parts.access(context).allows_cluster(Operation::Alter) {
        return Plan::answer(UpdateFeaturesResponse {
            error_code: REFUSED.code(),
            error_message: refused_text(),
            ..Default::default()
        });
    }
    let result = |update: &FeatureUpdateKey| UpdatableFeatureResult {
        feature: update.feature.clone(),
        error_message: Some(ErrorCode::None.name().to_owned()),
        ..Default::default()
    };
    let done = ControllerResponse::UpdateFeatures(UpdateFeaturesResponse {
        results: request.feature_updates.iter().map(result).collect(),
        ..Default::default()
    });
    forward::plan(ControllerRequest::UpdateFeatures(request), Some(done))
}
