//! `forebay topic describe`.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::{Value, json};

use crate::admin::Failure;
use crate::admin::arguments::ConnectionArguments;
use crate::admin::failure::explain;
use crate::admin::output::Output;
use crate::admin::session::{Session, answer};
use crate::admin::table::{Table, counted, list};
use crate::client::{Cluster, Partition, Topic, error_of};
use crate::model::{ErrorCode, PartitionIndex};
use crate::protocol::messages::DescribeConfigsRequest;
use crate::protocol::messages::describe_configs_request::DescribeConfigsResource;

/// The kind of resource that a topic is in requests about settings.
pub const RESOURCE_TOPIC: i8 = 2;

/// Where a value comes from that was set for this topic.
const SOURCE_TOPIC: i8 = 1;

/// Topics in one question about settings, so that an answer stays small.
const TOPICS_PER_REQUEST: usize = 200;

/// Show partitions, leaders, replicas and the settings that were set for a topic.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  forebay topic describe orders
  forebay topic describe                     every topic but the brokers' own
  forebay topic describe --under-replicated
  forebay topic describe orders --json | jq '.[0].partitions[].leader'")]
pub struct Describe {
    /// The topics; all but the brokers' own if none is named
    names: Vec<String>,

    /// Describe the brokers' own topics too, such as __consumer_offsets
    #[arg(long)]
    internal: bool,

    /// Only partitions with a replica that is not in sync
    #[arg(long)]
    under_replicated: bool,

    #[command(flatten)]
    pub connection: ConnectionArguments,
}

type Settings = BTreeMap<String, Option<String>>;

pub fn run(command: &Describe, output: &mut Output) -> Result<(), Failure> {
    let mut session = Session::open(&command.connection)?;
    let names: Vec<&str> = command.names.iter().map(String::as_str).collect();
    session.refresh((!names.is_empty()).then_some(&names), false)?;
    let chosen = chosen(command, session.cluster());
    let unknown: Vec<(String, ErrorCode)> = command
        .names
        .iter()
        .filter_map(|name| Some((name.clone(), session.cluster().topic_error(name)?)))
        .collect();
    let mut settings = settings_of(&mut session, &chosen)?;
    let mut documents = Vec::new();
    for (index, name) in chosen.iter().enumerate() {
        let topic = session
            .cluster()
            .topic(name)
            .expect("a chosen topic is known");
        let shown = shown_partitions(command, topic);
        if command.under_replicated && shown.is_empty() {
            continue;
        }
        let settings = settings.remove(name).unwrap_or_default();
        if output.is_json() {
            documents.push(document(name, topic, &shown, &settings));
        } else {
            if index > 0 && !command.under_replicated {
                output.line("")?;
            }
            tell(name, topic, &shown, &settings, output)?;
        }
    }
    if output.is_json() {
        documents.extend(
            unknown
                .iter()
                .map(|(name, error)| json!({ "topic": name, "error": error.name() })),
        );
        output.document(&Value::Array(documents))?;
    }
    for (name, error) in &unknown {
        output.flush()?;
        eprintln!("forebay: topic {name:?}: {}", explain(*error, None));
    }
    if unknown.is_empty() {
        Ok(())
    } else {
        Err(Failure::Told)
    }
}

fn chosen(command: &Describe, cluster: &Cluster) -> Vec<String> {
    let known = cluster
        .topics()
        .filter_map(|(name, topic)| Some((name, topic.ok()?)));
    let is_chosen = |name: &str, topic: &Topic| {
        if command.names.is_empty() {
            command.internal || !topic.is_internal
        } else {
            command.names.iter().any(|wanted| wanted == name)
        }
    };
    let chosen = known.filter(|(name, topic)| is_chosen(name, topic));
    chosen.map(|(name, _)| name.to_owned()).collect()
}

fn shown_partitions<'a>(
    command: &Describe,
    topic: &'a Topic,
) -> Vec<(PartitionIndex, &'a Partition)> {
    let partitions = topic
        .partitions
        .iter()
        .map(|(index, partition)| (*index, partition));
    let is_shown = |partition: &Partition| {
        !command.under_replicated || partition.in_sync.len() < partition.replicas.len()
    };
    partitions
        .filter(|(_, partition)| is_shown(partition))
        .collect()
}

/// The settings that were set for each topic itself.
fn settings_of(
    session: &mut Session,
    names: &[String],
) -> Result<BTreeMap<String, Settings>, Failure> {
    let mut settings = BTreeMap::new();
    for names in names.chunks(TOPICS_PER_REQUEST) {
        let resource = |name: &String| DescribeConfigsResource {
            resource_type: RESOURCE_TOPIC,
            resource_name: name.clone(),
            configuration_keys: None,
            ..DescribeConfigsResource::default()
        };
        let request = DescribeConfigsRequest {
            resources: names.iter().map(resource).collect(),
            ..DescribeConfigsRequest::default()
        };
        let described = answer!(DescribeConfigs, session.ask_any(request)?);
        for topic in described.results {
            // A topic may go between two questions: it has no settings then.
            if error_of(topic.error_code).is_err() {
                continue;
            }
            let set = topic.configs.into_iter();
            let set = set.filter(|setting| setting.config_source == SOURCE_TOPIC);
            let set = set.map(|setting| (setting.name, setting.value)).collect();
            settings.insert(topic.resource_name, set);
        }
    }
    Ok(settings)
}

fn tell(
    name: &str,
    topic: &Topic,
    partitions: &[(PartitionIndex, &Partition)],
    settings: &Settings,
    output: &mut Output,
) -> Result<(), Failure> {
    let replicas = topic
        .partitions
        .values()
        .map(|partition| partition.replicas.len());
    let replicas = replicas.max().unwrap_or(0);
    output.line(&format!(
        "topic {name}  {}, replication factor {replicas}{}",
        counted(topic.partitions.len(), "partition"),
        if topic.is_internal { ", internal" } else { "" },
    ))?;
    if !topic.id.is_zero() {
        output.line(&format!("  id      {}", topic.id))?;
    }
    let mut heading = "config";
    for (name, value) in settings {
        let value = value.as_deref().unwrap_or("(hidden)");
        output.line(&format!("  {heading:<6}  {name}={value}"))?;
        heading = "";
    }
    let mut table = Table::new(&[
        "PARTITION",
        "LEADER",
        "EPOCH",
        "REPLICAS",
        "IN SYNC",
        "STATE",
    ]);
    for (index, partition) in partitions {
        let or_dash = |value: Option<i32>| value.map_or("-".to_owned(), |value| value.to_string());
        table.row(vec![
            index.to_string(),
            or_dash(partition.leader),
            or_dash(partition.leader_epoch),
            list(&partition.replicas),
            list(&partition.in_sync),
            state_of(partition).to_owned(),
        ]);
    }
    table
        .lines("  ")
        .iter()
        .try_for_each(|line| output.line(line))
}

fn state_of(partition: &Partition) -> &'static str {
    if partition.leader.is_none() {
        "no leader"
    } else if partition.in_sync.len() < partition.replicas.len() {
        "under-replicated"
    } else {
        "ok"
    }
}

fn document(
    name: &str,
    topic: &Topic,
    partitions: &[(PartitionIndex, &Partition)],
    settings: &Settings,
) -> Value {
    let partitions: Vec<Value> = partitions
        .iter()
        .map(|(index, partition)| {
            json!({
                "partition": index,
                "leader": partition.leader,
                "leader_epoch": partition.leader_epoch,
                "replicas": partition.replicas,
                "in_sync": partition.in_sync,
                "offline": partition.offline,
            })
        })
        .collect();
    json!({
        "topic": name,
        "topic_id": (!topic.id.is_zero()).then(|| topic.id.to_string()),
        "internal": topic.is_internal,
        "configs": settings,
        "partitions": partitions,
    })
}
