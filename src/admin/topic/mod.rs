//! `forebay topic`: topics from creation to deletion.

mod alter;
mod create;
mod delete;
mod describe;
mod elect_leaders;
mod list;
mod plan_file;
mod reassign;

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
    Reassign(reassign::Reassign),
    ElectLeaders(elect_leaders::ElectLeaders),
}

impl TopicCommand {
    pub const fn connection(&self) -> &ConnectionArguments {
        match self {
            Self::Create(command) => &command.connection,
            Self::List(command) => &command.connection,
            Self::Describe(command) => &command.connection,
            Self::Alter(command) => &command.connection,
            Self::Delete(command) => &command.connection,
            Self::Reassign(command) => &command.connection,
            Self::ElectLeaders(command) => &command.connection,
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
        TopicCommand::Reassign(command) => reassign::run(command, output),
        TopicCommand::ElectLeaders(command) => elect_leaders::run(command, output),
    }
}
