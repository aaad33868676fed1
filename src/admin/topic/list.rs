//! `forebay topic list`.

use clap::Args;
use serde_json::{Value, json};

use crate::admin::Failure;
use crate::admin::arguments::ConnectionArguments;
use crate::admin::output::Output;
use crate::admin::session::Session;
use crate::client::Topic;

/// List the names of all topics, one on a line.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  forebay topic list
  forebay topic list --internal
  forebay topic list --json | jq '.[] | select(.partitions > 100) | .topic'")]
pub struct List {
    /// List the brokers' own topics too, such as __consumer_offsets
    #[arg(long)]
    internal: bool,

    #[command(flatten)]
    pub connection: ConnectionArguments,
}

pub fn run(command: &List, output: &mut Output) -> Result<(), Failure> {
    let mut session = Session::open(&command.connection)?;
    session.refresh(None, false)?;
    let topics = session.cluster().topics();
    let topics = topics.filter_map(|(name, topic)| Some((name, topic.ok()?)));
    let topics = topics.filter(|(_, topic)| command.internal || !topic.is_internal);
    if output.is_json() {
        return output.document(&topics.map(document).collect());
    }
    for (name, _) in topics {
        output.line(name)?;
    }
    Ok(())
}

fn document((name, topic): (&str, &Topic)) -> Value {
    let replicas = topic
        .partitions
        .values()
        .map(|partition| partition.replicas.len());
    json!({
        "topic": name,
        "topic_id": (!topic.id.is_zero()).then(|| topic.id.to_string()),
        "internal": topic.is_internal,
        "partitions": topic.partitions.len(),
        "replication_factor": replicas.max().unwrap_or(0),
    })
}
