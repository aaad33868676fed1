//! DescribeCluster: the brokers, in the form of the admin clients (KIP-700).

use crate::model::ErrorCode;
use crate::protocol::messages::describe_cluster_response::DescribeClusterBroker;
use crate::protocol::messages::{DescribeClusterRequest, DescribeClusterResponse};
use crate::security::NOT_ASKED;
use crate::shard::request::RequestContext;

use super::{Parts, Plan};

/// Endpoints of brokers, and the only kind there is on a listener for clients.
const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;

/// Answer from the image.
pub fn plan(context: &RequestContext, request: &DescribeClusterRequest, parts: &Parts<'_>) -> Plan {
    // Version 0 has no kinds.
    if context.version >= 1 && request.endpoint_type != BROKERS {
        let error = match request.endpoint_type {
            CONTROLLERS => ErrorCode::MismatchedEndpointType,
            _ => ErrorCode::UnsupportedEndpointType,
        };
        return Plan::answer(DescribeClusterResponse {
            error_code: error.code(),
            error_message: Some(
                "this listener is one of a broker: ask it for the endpoints of brokers".to_owned(),
            ),
            controller_id: -1,
            cluster_authorized_operations: NOT_ASKED,
            ..Default::default()
        });
    }
    let listener = parts.listener_name(context);
    let brokers = parts.image.brokers.values().filter(|broker| {
        !broker.fenced || (context.version >= 2 && request.include_fenced_brokers)
    });
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
    Plan::answer(DescribeClusterResponse {
        cluster_id: parts.image.cluster_id.to_string(),
        controller_id: parts.config().node_id,
        endpoint_type: BROKERS,
        brokers: described.collect(),
        cluster_authorized_operations: if request.include_cluster_authorized_operations {
            parts.access(context).cluster_operations()
        } else {
            NOT_ASKED
        },
        ..Default::default()
    })
}
