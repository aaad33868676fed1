//! `forebay topic`: topics from creation to deletion.

mod alter;
mod create;
mod delete;
mod describe;
mod list;

use clap::Subcommand;

use super::arguments::ConnectionArguments;
use super::failure::Failure;
use super::output::Output;

/// What to do with topics.
#[derive(Debug, Subcommand)]
pub enum TopicCommand {
    Create(create::Create),
    List(list::List),
    Describe(describe::Describe),
    Alter(alter::Alter),
    Delete(delete::Delete),
}

impl TopicCommand {
    pub const fn connection(&self) -> &ConnectionArguments {
        match self {
            Self::Create(command) => &command.connection,
            Self::List(command) => &command.connection,
            Self::Describe(command) => &command.connection,
            Self::Alter(command) => &command.connection,
            Self::Delete(command) => &command.connection,
        }
    }
}

pub fn run(command: &TopicCommand, output: &mut Output) -> Result<(), Failure> {
    match command {
        TopicCommand::Create(command) => create::run(command, output),
        TopicCommand::List(command) => list::run(command, output),
        TopicCommand::Describe(command) => describe::run(command, output),
        TopicCommand::Alter(command) => alter::run(command, output),
        TopicCommand::Delete(command) => delete::run(command, output),
    }
}
