//! `forebay group`: consumer groups, their members and how far they are.

mod delete;
mod describe;
mod list;
mod offsets;

use clap::Subcommand;

use super::arguments::ConnectionArguments;
use super::failure::Failure;
use super::output::Output;

/// What to do with groups.
#[derive(Debug, Subcommand)]
pub enum GroupCommand {
    List(list::List),
    Describe(describe::Describe),
    Delete(delete::Delete),
}

impl GroupCommand {
    pub const fn connection(&self) -> &ConnectionArguments {
        match self {
            Self::List(command) => &command.connection,
            Self::Describe(command) => &command.connection,
            Self::Delete(command) => &command.connection,
        }
    }
}

pub fn run(command: &GroupCommand, output: &mut Output) -> Result<(), Failure> {
    match command {
        GroupCommand::List(command) => list::run(command, output),
        GroupCommand::Describe(command) => describe::run(command, output),
        GroupCommand::Delete(command) => delete::run(command, output),
    }
}
