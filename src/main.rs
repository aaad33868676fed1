//! The `forebay` program: parse the arguments, choose the subcommand.

#[path = "main/serve.rs"]
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use forebay::config::ServeArguments;

/// A Kafka-wire-compatible message broker: one thread per core on io_uring; acknowledged means on
/// disk.
#[derive(Debug, Parser)]
#[command(name = "forebay", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a broker
    Serve(ServeArguments),
    #[command(flatten)]
    Admin(forebay::admin::Command),
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Admin(command) => forebay::admin::run(&command),
    }
}
