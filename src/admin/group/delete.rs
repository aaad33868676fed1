//! `forebay group delete`.

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
use crate::model::ErrorCode;
use crate::protocol::AnyResponse;
use crate::protocol::messages::DeleteGroupsRequest;

/// Delete groups that have no members, with the offsets that they have committed.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  forebay group delete billing
  forebay group delete billing audit --yes")]
pub struct Delete {
    /// The groups
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
    let what = counted(command.names.len(), "group");
    confirm(
        command.yes,
        &format!("delete {what} ({})", command.names.join(", ")),
    )?;
    let mut documents = Vec::new();
    let mut has_failed = false;
    for name in &command.names {
        let coordinator = session.coordinator(name)?;
        let request = DeleteGroupsRequest {
            groups_names: vec![name.clone()],
            ..DeleteGroupsRequest::default()
        };
        let deleted = session.ask_until_settled(Some(coordinator), request, error_in)?;
        let deleted = answer!(DeleteGroups, deleted);
        let Some(group) = deleted.results.first() else {
            return Err(Failure::Failed(
                "the broker answered for no group".to_owned(),
            ));
        };
        match error_of(group.error_code) {
            Ok(()) if output.is_json() => {
                documents.push(json!({ "group": name, "deleted": true }));
            }
            Ok(()) => output.line(&format!("group {name} deleted"))?,
            Err(error) => {
                has_failed = true;
                documents.push(json!({
                    "group": name, "deleted": false, "error": error.name(),
                }));
                let reason = explain(error, group.error_message.as_deref());
                eprintln!("forebay: cannot delete group {name:?}: {reason}");
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

fn error_in(answer: &AnyResponse) -> Option<ErrorCode> {
    match answer {
        AnyResponse::DeleteGroups(answer) => error_of(answer.results.first()?.error_code).err(),
        _ => None,
    }
}
