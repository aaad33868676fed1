//! `forebay topic create`.

use clap::Args;
use serde_json::json;

use crate::admin::Failure;
use crate::admin::arguments::{ConnectionArguments, Setting};
use crate::admin::output::Output;
use crate::admin::session::{Session, answer};
use crate::admin::table::counted;
use crate::client::error_of;
use crate::model::ErrorCode;
use crate::protocol::AnyResponse;
use crate::protocol::messages::CreateTopicsRequest;
use crate::protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use crate::protocol::messages::create_topics_response::CreatableTopicResult;

/// On the wire: the broker's default.
const BROKERS_DEFAULT: i16 = -1;

/// Create a topic.
///
/// Without --partitions and --replication-factor the broker's num.partitions and
/// default.replication.factor apply.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  forebay topic create orders
  forebay topic create orders --partitions 12 --config retention.ms=86400000
  forebay topic create orders --if-not-exists
  forebay topic create orders --partitions 12 --validate-only")]
pub struct Create {
    /// The topic's name: letters, digits, '.', '_' and '-'
    name: String,

    /// How many partitions
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    partitions: Option<i32>,

    /// How many brokers have a copy of each partition
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(i16).range(1..))]
    replication_factor: Option<i16>,

    /// A setting of the topic; may be given several times
    #[arg(long, short, value_name = "NAME=VALUE")]
    config: Vec<Setting>,

    /// Succeed without a change if the topic exists already
    #[arg(long)]
    if_not_exists: bool,

    /// Only ask whether the topic could be created
    #[arg(long)]
    validate_only: bool,

    #[command(flatten)]
    pub connection: ConnectionArguments,
}

pub fn run(command: &Create, output: &mut Output) -> Result<(), Failure> {
    let mut session = Session::open(&command.connection)?;
    let request = CreateTopicsRequest {
        topics: vec![CreatableTopic {
            name: command.name.clone(),
            num_partitions: command.partitions.unwrap_or(i32::from(BROKERS_DEFAULT)),
            replication_factor: command.replication_factor.unwrap_or(BROKERS_DEFAULT),
            configs: command.config.iter().map(setting).collect(),
            ..CreatableTopic::default()
        }],
        timeout_ms: session.timeout_ms(),
        validate_only: command.validate_only,
        ..CreateTopicsRequest::default()
    };
    let created = session.ask_until_settled(None, request, first_error)?;
    let created = answer!(CreateTopics, created);
    let Some(created) = created.topics.first() else {
        return Err(Failure::Failed(
            "the broker answered for no topic".to_owned(),
        ));
    };
    match error_of(created.error_code) {
        Ok(()) => tell(command, created, output),
        Err(ErrorCode::TopicAlreadyExists) if command.if_not_exists => {
            if output.is_json() {
                return output.document(&json!({ "topic": command.name, "created": false }));
            }
            output.line(&format!("topic {} exists already", command.name))
        }
        Err(error) => {
            let action = format!("cannot create topic {:?}", command.name);
            Err(Failure::refused(
                &action,
                error,
                created.error_message.as_deref(),
            ))
        }
    }
}

fn tell(
    command: &Create,
    created: &CreatableTopicResult,
    output: &mut Output,
) -> Result<(), Failure> {
    // Brokers before CreateTopics 5 do not tell what they made of the defaults.
    let partitions = usize::try_from(created.num_partitions).ok();
    let replicas = usize::try_from(created.replication_factor).ok();
    if output.is_json() {
        return output.document(&json!({
            "topic": command.name,
            "topic_id": (!created.topic_id.is_zero()).then(|| created.topic_id.to_string()),
            "created": !command.validate_only,
            "partitions": partitions,
            "replication_factor": replicas,
        }));
    }
    let shape = match (partitions, replicas) {
        (Some(partitions), Some(replicas)) => {
            let partitions = counted(partitions, "partition");
            format!(" with {partitions}, replication factor {replicas}")
        }
        _ => String::new(),
    };
    let verb = if command.validate_only {
        "could be created"
    } else {
        "created"
    };
    output.line(&format!("topic {} {verb}{shape}", command.name))
}

fn setting(setting: &Setting) -> CreatableTopicConfig {
    CreatableTopicConfig {
        name: setting.name.clone(),
        value: Some(setting.value.clone()),
        ..CreatableTopicConfig::default()
    }
}

fn first_error(answer: &AnyResponse) -> Option<ErrorCode> {
    match answer {
        AnyResponse::CreateTopics(answer) => error_of(answer.topics.first()?.error_code).err(),
        _ => None,
    }
}
