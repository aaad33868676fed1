//! `forebay cluster`: who is there, how it goes, and the work on brokers: maintenance, replicas
//! that go elsewhere, the end of a broker.

mod describe;
mod quorum;
mod status;

use clap::Subcommand;

use super::arguments::ConnectionArguments;
use super::failure::Failure;
use super::output::Output;

/// What to do with the cluster.
#[derive(Debug, Subcommand)]
pub enum ClusterCommand {
    Describe(describe::Describe),
    Status(status::Status),
}

impl ClusterCommand {
    pub const fn connection(&self) -> &ConnectionArguments {
        match self {
            Self::Describe(command) => &command.connection,
            Self::Status(command) => &command.connection,
        }
    }
}

pub fn run(command: &ClusterCommand, output: &mut Output) -> Result<(), Failure> {
    match command {
        ClusterCommand::Describe(command) => describe::run(command, output),
        ClusterCommand::Status(command) => status::run(command, output),
    }
}
