//! `forebay group list`.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::{Value, json};

use crate::admin::Failure;
use crate::admin::arguments::ConnectionArguments;
use crate::admin::output::Output;
use crate::admin::session::{Session, answer};
use crate::admin::table::Table;
use crate::client::error_of;
use crate::model::{BrokerId, ErrorCode};
use crate::protocol::AnyResponse;
use crate::protocol::messages::ListGroupsRequest;
use crate::protocol::messages::list_groups_response::ListedGroup;

/// List groups with their states.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  forebay group list
  forebay group list --json | jq -r '.[] | select(.state == \"Empty\") | .group'")]
pub struct List {
    #[command(flatten)]
    pub connection: ConnectionArguments,
}

pub fn run(command: &List, output: &mut Output) -> Result<(), Failure> {
    let mut session = Session::open(&command.connection)?;
    let brokers: Vec<BrokerId> = session.cluster().brokers.keys().copied().collect();
    let mut groups: BTreeMap<String, (BrokerId, ListedGroup)> = BTreeMap::new();
    for broker in brokers {
        let request = ListGroupsRequest::default();
        let listed = session.ask_until_settled(Some(broker), request, error_in)?;
        let listed = answer!(ListGroups, listed);
        error_of(listed.error_code).map_err(|error| {
            Failure::refused(&format!("broker {broker} lists no groups"), error, None)
        })?;
        for group in listed.groups {
            groups.insert(group.group_id.clone(), (broker, group));
        }
    }
    if output.is_json() {
        let document = |(broker, group): &(BrokerId, ListedGroup)| {
            json!({
                "group": group.group_id,
                "state": group.group_state,
                "type": group.group_type,
                "protocol": group.protocol_type,
                "coordinator": broker,
            })
        };
        return output.document(&groups.values().map(document).collect::<Value>());
    }
    let mut table = Table::new(&["GROUP", "STATE", "TYPE", "PROTOCOL", "COORDINATOR"]);
    for (name, (broker, group)) in groups {
        table.row(vec![
            name,
            or_dash(&group.group_state),
            or_dash(&group.group_type),
            or_dash(&group.protocol_type),
            broker.to_string(),
        ]);
    }
    table
        .lines("")
        .iter()
        .try_for_each(|line| output.line(line))
}

fn or_dash(text: &str) -> String {
    if text.is_empty() {
        "-".to_owned()
    } else {
        text.to_owned()
    }
}

fn error_in(answer: &AnyResponse) -> Option<ErrorCode> {
    match answer {
        AnyResponse::ListGroups(answer) => error_of(answer.error_code).err(),
        _ => None,
    }
}
