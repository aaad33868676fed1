//! `forebay cluster describe`.

use clap::Args;
use serde_json::{Value, json};

use crate::admin::Failure;
use crate::admin::arguments::ConnectionArguments;
use crate::admin::layout::reading::ENDPOINT_BROKERS;
use crate::admin::output::Output;
use crate::admin::session::{Session, answer};
use crate::admin::table::Table;
use crate::client::error_of;
use crate::protocol::messages::DescribeClusterRequest;
use crate::protocol::messages::api_versions_response::ApiVersionsResponse;
use crate::protocol::messages::describe_cluster_response::DescribeClusterResponse;

/// Show the cluster's id, its controller, its brokers and the features it has finalized.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  forebay cluster describe
  forebay cluster describe --bootstrap-server kafka-1:9092,kafka-2:9092
  forebay cluster describe --json | jq '.brokers[].host'")]
pub struct Describe {
    #[command(flatten)]
    pub connection: ConnectionArguments,
}

pub fn run(command: &Describe, output: &mut Output) -> Result<(), Failure> {
    let mut session = Session::open(&command.connection)?;
    let request = DescribeClusterRequest {
        endpoint_type: ENDPOINT_BROKERS,
        ..DescribeClusterRequest::default()
    };
    let cluster = answer!(DescribeCluster, session.ask_any(request)?);
    error_of(cluster.error_code).map_err(|error| {
        let message = cluster.error_message.as_deref();
        Failure::refused("cannot describe the cluster", error, message)
    })?;
    let handshake = session.first_connection().handshake();
    if output.is_json() {
        return output.document(&document(&cluster, handshake));
    }
    tell(&cluster, handshake, output)
}

fn tell(
    cluster: &DescribeClusterResponse,
    handshake: &ApiVersionsResponse,
    output: &mut Output,
) -> Result<(), Failure> {
    output.line(&format!("cluster     {}", cluster.cluster_id))?;
    let controller = match cluster.controller_id {
        -1 => "none at the moment".to_owned(),
        id => format!("reached through broker {id}"),
    };
    output.line(&format!("controller  {controller}"))?;
    let mut brokers = Table::new(&["BROKER", "HOST", "PORT", "RACK"]);
    for broker in &cluster.brokers {
        brokers.row(vec![
            broker.broker_id.to_string(),
            broker.host.clone(),
            broker.port.to_string(),
            broker.rack.clone().unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    output.line("")?;
    brokers
        .lines("")
        .iter()
        .try_for_each(|line| output.line(line))?;
    if handshake.supported_features.is_empty() {
        return Ok(());
    }
    let mut features = Table::new(&["FEATURE", "LEVEL", "SUPPORTED"]);
    for feature in &handshake.supported_features {
        let level = finalized_level(handshake, &feature.name);
        features.row(vec![
            feature.name.clone(),
            level.map_or("0".to_owned(), |level| level.to_string()),
            format!("{} to {}", feature.min_version, feature.max_version),
        ]);
    }
    output.line("")?;
    features
        .lines("")
        .iter()
        .try_for_each(|line| output.line(line))
}

fn finalized_level(handshake: &ApiVersionsResponse, name: &str) -> Option<i16> {
    let mut finalized = handshake.finalized_features.iter();
    Some(
        finalized
            .find(|feature| feature.name == name)?
            .max_version_level,
    )
}

fn document(cluster: &DescribeClusterResponse, handshake: &ApiVersionsResponse) -> Value {
    let brokers: Vec<Value> = cluster
        .brokers
        .iter()
        .map(|broker| {
            json!({
                "broker": broker.broker_id,
                "host": broker.host,
                "port": broker.port,
                "rack": broker.rack,
            })
        })
        .collect();
    let features: Vec<Value> = handshake
        .supported_features
        .iter()
        .map(|feature| {
            json!({
                "feature": feature.name,
                "level": finalized_level(handshake, &feature.name).unwrap_or(0),
                "supported_min": feature.min_version,
                "supported_max": feature.max_version,
            })
        })
        .collect();
    json!({
        "cluster_id": cluster.cluster_id,
        "controller": (cluster.controller_id >= 0).then_some(cluster.controller_id),
        "brokers": brokers,
        "features": features,
    })
}
