//! DescribeCluster: the brokers, in the form of the admin clients (KIP-700).

use crate::model::ErrorCode;
use crate::protocol::messages::describe_cluster_response::DescribeClusterBroker;
use crate::protocol::messages::{DescribeClusterRequest, DescribeClusterResponse};
use crate::security::NOT_ASKED;
use crate::shard::request::RequestContext;

use super::{Parts, Plan, quorum};

/// Endpoints of brokers, the only kind there is on a listener for clients.
const BROKERS: i8 = 1;
/// Endpoints of controllers, the only kind there is on their listeners.
const CONTROLLERS: i8 = 2;

/// Answer from the image.
pub fn plan(context: &RequestContext, request: DescribeClusterRequest, parts: &Parts<'_>) -> Plan {
    let (served, whose) = if parts.is_of_controller(context) {
        (CONTROLLERS, "controller")
    } else {
        (BROKERS, "broker")
    };
    // Version 0 has no kinds.
    if context.version >= 1 && request.endpoint_type != served {
        let error = match request.endpoint_type {
            BROKERS | CONTROLLERS => ErrorCode::MismatchedEndpointType,
            _ => ErrorCode::UnsupportedEndpointType,
        };
        return Plan::answer(DescribeClusterResponse {
            error_code: error.code(),
            error_message: Some(format!(
                "this listener is one of a {whose}: ask it for the endpoints of {whose}s"
            )),
            controller_id: -1,
            cluster_authorized_operations: NOT_ASKED,
            ..Default::default()
        });
    }
    let operations = match request.include_cluster_authorized_operations {
        true => parts.access(context).cluster_operations(),
        false => NOT_ASKED,
    };
    if served == CONTROLLERS {
        // Who leads the quorum is asked for changes, and who votes may lead it.
        return quorum::plan_describe_cluster(context, request, operations, parts);
    }
    let listener = parts.listener_name(context);
    let with_fenced = context.version >= 2 && request.include_fenced_brokers;
    Plan::answer(DescribeClusterResponse {
        cluster_id: parts.image.cluster_id.to_string(),
        controller_id: parts.config().node_id,
        endpoint_type: BROKERS,
        brokers: brokers(listener, with_fenced, parts),
        cluster_authorized_operations: operations,
        ..Default::default()
    })
}

fn brokers(listener: &str, with_fenced: bool, parts: &Parts<'_>) -> Vec<DescribeClusterBroker> {
    let brokers = parts.image.brokers.values();
    let brokers = brokers.filter(|broker| !broker.fenced || with_fenced);
    let described = brokers.filter_map(|broker| {
        let endpoint = broker.endpoint(listener)?;
        Some(DescribeClusterBroker {
            broker_id: broker.id,
            host: endpoint.host.clone(),
            port: i32::from(endpoint.port),
            rack: broker.rack.clone(),
            is_fenced: broker.fenced,
            ..Default::default()
        })
    });
    described.collect()
}
