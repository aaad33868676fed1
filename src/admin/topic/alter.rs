//! `forebay topic alter`.

use clap::Args;
use serde_json::json;

use crate::admin::Failure;
use crate::admin::arguments::{ConnectionArguments, Setting};
use crate::admin::output::Output;
use crate::admin::session::{Session, answer};
use crate::admin::table::counted;
use crate::client::error_of;
use crate::protocol::messages::create_partitions_request::CreatePartitionsTopic;
use crate::protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use crate::protocol::messages::{CreatePartitionsRequest, IncrementalAlterConfigsRequest};

use super::describe::RESOURCE_TOPIC;

/// What to do with a setting, in Kafka's numbers.
const OPERATION_SET: i8 = 0;
const OPERATION_DELETE: i8 = 1;

/// Change a topic's settings, or give it more partitions.
///
/// The number of partitions can only grow, and records with a key go to other partitions from
/// then on than records with the same key did before.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  forebay topic alter orders --partitions 24
  forebay topic alter orders --set retention.ms=3600000 --set cleanup.policy=compact
  forebay topic alter orders --delete-config retention.ms")]
pub struct Alter {
    /// The topic
    name: String,

    /// The new number of partitions
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    partitions: Option<i32>,

    /// A setting of the topic; may be given several times
    #[arg(long, short, value_name = "NAME=VALUE")]
    set: Vec<Setting>,

    /// A setting that shall be the broker's again; may be given several times
    #[arg(long, short, value_name = "NAME")]
    delete_config: Vec<String>,

    /// Only ask whether the change would be accepted
    #[arg(long)]
    validate_only: bool,

    #[command(flatten)]
    pub connection: ConnectionArguments,
}

pub fn run(command: &Alter, output: &mut Output) -> Result<(), Failure> {
    let changes_settings = !command.set.is_empty() || !command.delete_config.is_empty();
    if command.partitions.is_none() && !changes_settings {
        let text = "nothing to change: give --partitions, --set or --delete-config";
        return Err(Failure::Usage(text.to_owned()));
    }
    let mut session = Session::open(&command.connection)?;
    let action = format!("cannot change topic {:?}", command.name);
    if changes_settings {
        let request = IncrementalAlterConfigsRequest {
            resources: vec![AlterConfigsResource {
                resource_type: RESOURCE_TOPIC,
                resource_name: command.name.clone(),
                configs: operations(command),
                ..AlterConfigsResource::default()
            }],
            validate_only: command.validate_only,
            ..IncrementalAlterConfigsRequest::default()
        };
        let altered = answer!(IncrementalAlterConfigs, session.ask_any(request)?);
        for resource in &altered.responses {
            error_of(resource.error_code).map_err(|error| {
                Failure::refused(&action, error, resource.error_message.as_deref())
            })?;
        }
    }
    if let Some(count) = command.partitions {
        let request = CreatePartitionsRequest {
            topics: vec![CreatePartitionsTopic {
                name: command.name.clone(),
                count,
                assignments: None,
                ..CreatePartitionsTopic::default()
            }],
            timeout_ms: session.timeout_ms(),
            validate_only: command.validate_only,
            ..CreatePartitionsRequest::default()
        };
        let grown = answer!(CreatePartitions, session.ask_any(request)?);
        for topic in &grown.results {
            error_of(topic.error_code).map_err(|error| {
                Failure::refused(&action, error, topic.error_message.as_deref())
            })?;
        }
    }
    tell(command, output)
}

fn operations(command: &Alter) -> Vec<AlterableConfig> {
    let set = command.set.iter().map(|setting| AlterableConfig {
        name: setting.name.clone(),
        config_operation: OPERATION_SET,
        value: Some(setting.value.clone()),
        ..AlterableConfig::default()
    });
    let delete = command.delete_config.iter().map(|name| AlterableConfig {
        name: name.clone(),
        config_operation: OPERATION_DELETE,
        value: None,
        ..AlterableConfig::default()
    });
    set.chain(delete).collect()
}

fn tell(command: &Alter, output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        let set = command
            .set
            .iter()
            .map(|setting| (setting.name.clone(), setting.value.clone()));
        return output.document(&json!({
            "topic": command.name,
            "changed": !command.validate_only,
            "partitions": command.partitions,
            "set": set.collect::<std::collections::BTreeMap<_, _>>(),
            "deleted": command.delete_config,
        }));
    }
    let mut changes: Vec<String> = Vec::new();
    let partitions = command
        .partitions
        .and_then(|count| usize::try_from(count).ok());
    changes.extend(partitions.map(|count| counted(count, "partition")));
    changes.extend(
        command
            .set
            .iter()
            .map(|one| format!("{}={}", one.name, one.value)),
    );
    changes.extend(
        command
            .delete_config
            .iter()
            .map(|name| format!("{name} as the broker has it")),
    );
    let verb = if command.validate_only {
        "could have"
    } else {
        "now has"
    };
    output.line(&format!(
        "topic {} {verb} {}",
        command.name,
        changes.join(", ")
    ))
}
