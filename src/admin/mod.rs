//! The operator's command line: topics, records, groups and the cluster, over Kafka's protocol.
//!
//! Owns: the subcommands' arguments ([`Command`]), their connections, what they print.
//! Promises: everything asked of a broker is asked in Kafka's protocol, so every command works
//! against Apache Kafka too; `--json` output is stable; exit status 0 for success, 1 for a
//! failure, 2 for arguments that make no sense.
//! Knows nothing of: the broker of this package: no shard, no file of its data directory.
//! Lives in: one process per command, one thread that decides, threads that read.
//! Start at [`run`].

mod arguments;
mod asked;
mod clock;
mod cluster;
mod confirm;
mod consume;
mod deletion;
mod failure;
mod group;
mod input;
mod layout;
mod meaning;
mod network;
mod output;
mod produce;
mod progress;
mod session;
mod signals;
mod table;
mod topic;

pub use arguments::Command;
pub(crate) use arguments::{ConnectionArguments, Setting};
pub(crate) use failure::{Failure, explain};
pub(crate) use output::Output;
pub(crate) use progress::Progress;
pub(crate) use session::{Session, answer};
pub(crate) use table::counted;

use std::process::ExitCode;

/// Runs one command to its end.
#[must_use]
pub fn run(command: &Command) -> ExitCode {
    let mut output = Output::new(command.connection().json);
    let result = match command {
        Command::Topic(command) => topic::run(command, &mut output),
        Command::Produce(command) => produce::run(command, &mut output),
        Command::Consume(command) => consume::run(command, &mut output),
        Command::Group(command) => group::run(command, &mut output),
        Command::Cluster(command) => cluster::run(command, &mut output),
    };
    match result.and_then(|()| output.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
