//! `forebay topic delete`.

use clap::Args;

use crate::admin::Failure;
use crate::admin::arguments::ConnectionArguments;
use crate::admin::deletion::Deletions;
use crate::admin::output::Output;
use crate::admin::session::{Session, answer};
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
    let mut deletions = Deletions::begin("topic", &command.names, command.yes, output)?;
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
    for topic in &deleted.responses {
        let name = topic.name.as_deref().unwrap_or_default();
        deletions.tell(name, topic.error_code, topic.error_message.as_deref())?;
    }
    deletions.finish()
}
