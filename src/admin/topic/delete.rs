//! `forebay topic delete`.

use clap::Args;
use serde_json::{Value, json};

use crate::admin::Failure;
use crate::admin::arguments::ConnectionArguments;
use crate::admin::confirm::confirm;
use crate::admin::failure::explain;
use crate::admin::output::Output;
use crate::admin::session::{Session, answer};
use crate::admin::table::counted;
use crate::client::error_of;
use crate::protocol::messages::DeleteTopicsRequest;
use crate::protocol::messages::delete_topics_request::DeleteTopicState;

/// Delete topics with all their records. They cannot be had back.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  forebay topic delete orders
  forebay topic delete orders orders-retry --yes")]
pub struct Delete {
    /// The topics
    #[arg(required = true)]
    names: Vec<String>,

    /// Do not ask; needed where there is no terminal to ask on
    #[arg(long, short)]
    yes: bool,

    #[command(flatten)]
    pub connection: ConnectionArguments,
}

pub fn run(command: &Delete, output: &mut Output) -> Result<(), Failure> {
    let mut session = Session::open(&command.connection)?;
    let what = counted(command.names.len(), "topic");
    confirm(
        command.yes,
        &format!("delete {what} ({})", command.names.join(", ")),
    )?;
    let topic = |name: &String| DeleteTopicState {
        name: Some(name.clone()),
        ..DeleteTopicState::default()
    };
    let request = DeleteTopicsRequest {
        topics: command.names.iter().map(topic).collect(),
        timeout_ms: session.timeout_ms(),
        ..DeleteTopicsRequest::default()
    };
    let deleted = answer!(DeleteTopics, session.ask_any(request)?);
    let mut documents = Vec::new();
    let mut has_failed = false;
    for topic in &deleted.responses {
        let name = topic.name.as_deref().unwrap_or_default();
        match error_of(topic.error_code) {
            Ok(()) if output.is_json() => {
                documents.push(json!({ "topic": name, "deleted": true }));
            }
            Ok(()) => output.line(&format!("topic {name} deleted"))?,
            Err(error) => {
                has_failed = true;
                documents.push(json!({
                    "topic": name, "deleted": false, "error": error.name(),
                }));
                let reason = explain(error, topic.error_message.as_deref());
                eprintln!("forebay: cannot delete topic {name:?}: {reason}");
            }
        }
    }
    if output.is_json() {
        output.document(&Value::Array(documents))?;
    }
    if has_failed {
        Err(Failure::Told)
    } else {
        Ok(())
    }
}
