//! `forebay cluster`: who is there, how it goes, and the work on brokers: maintenance, replicas
//! that go elsewhere, the end of a broker.

mod balance;
mod decommission;
mod describe;
mod drain;
mod quorum;
mod status;
mod unregister;

use clap::Subcommand;

use super::arguments::ConnectionArguments;
use super::failure::Failure;
use super::layout::Layout;
use super::output::Output;
use super::table::list;
use crate::model::BrokerId;

/// What to do with the cluster.
#[derive(Debug, Subcommand)]
pub enum ClusterCommand {
    Describe(describe::Describe),
    Status(status::Status),
    Drain(drain::Drain),
    Rejoin(drain::Rejoin),
    Decommission(decommission::Decommission),
    Unregister(unregister::Unregister),
    Balance(balance::Balance),
}

impl ClusterCommand {
    pub const fn connection(&self) -> &ConnectionArguments {
        match self {
            Self::Describe(command) => &command.connection,
            Self::Status(command) => &command.connection,
            Self::Drain(command) => &command.connection,
            Self::Rejoin(command) => &command.connection,
            Self::Decommission(command) => &command.connection,
            Self::Unregister(command) => &command.connection,
            Self::Balance(command) => &command.connection,
        }
    }
}

pub fn run(command: &ClusterCommand, output: &mut Output) -> Result<(), Failure> {
    match command {
        ClusterCommand::Describe(command) => describe::run(command, output),
        ClusterCommand::Status(command) => status::run(command, output),
        ClusterCommand::Drain(command) => drain::drain(command, output),
        ClusterCommand::Rejoin(command) => drain::rejoin(command, output),
        ClusterCommand::Decommission(command) => decommission::run(command, output),
        ClusterCommand::Unregister(command) => unregister::run(command, output),
        ClusterCommand::Balance(command) => balance::run(command, output),
    }
}

/// The broker has to be registered, or to hold a replica.
fn known_broker(layout: &Layout, broker: BrokerId) -> Result<(), Failure> {
    if layout.brokers.contains_key(&broker) {
        return Ok(());
    }
    let known: Vec<BrokerId> = layout.brokers.keys().copied().collect();
    let text = format!("there is no broker {broker}: there are {}", list(&known));
    Err(Failure::Failed(text))
}
