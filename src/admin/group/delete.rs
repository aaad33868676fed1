//! `forebay group delete`.

use clap::Args;

use crate::admin::Failure;
use crate::admin::arguments::ConnectionArguments;
use crate::admin::deletion::Deletions;
use crate::admin::output::Output;
use crate::admin::session::{Session, answer};
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
    let mut deletions = Deletions::begin("group", &command.names, command.yes, output)?;
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
        deletions.tell(name, group.error_code, group.error_message.as_deref())?;
    }
    deletions.finish()
}

fn error_in(answer: &AnyResponse) -> Option<ErrorCode> {
    match answer {
        AnyResponse::DeleteGroups(answer) => error_of(answer.results.first()?.error_code).err(),
        _ => None,
    }
}
