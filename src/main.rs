//! The `forebay` program: parse the arguments, choose the subcommand.

#[path = "main/directories.rs"]
mod directories;
#[path = "main/format.rs"]
mod format;
#[path = "main/import.rs"]
mod import;
#[path = "main/serve.rs"]
mod serve;
#[path = "main/settings.rs"]
mod settings;
#[path = "main/verify.rs"]
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use forebay::bench::BenchArguments;
use forebay::config::ServeArguments;
use forebay::format::FormatArguments;
use forebay::import::ImportArguments;
use forebay::verify::VerifyArguments;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A message broker that speaks Apache Kafka's protocol, and the tools to work with one.
///
/// Every Kafka client and tool works with it unmodified. It runs one thread per core on io_uring,
/// and a record is acknowledged when it is on the disk. The commands other than `serve`, `format`,
/// `verify` and `import` are clients: they speak Kafka's protocol only, so they work against Apache
/// Kafka, too.
#[derive(Debug, Parser)]
#[command(
    name = "forebay",
    version,
    after_help = "\
Examples:
  forebay serve                                     a broker on 127.0.0.1:9092
  forebay serve --config server.properties          the same with a file of Kafka's
  forebay topic create orders --partitions 4
  echo hello | forebay produce orders
  forebay consume orders --from-beginning
  forebay group describe billing --json
  forebay cluster status                            how a cluster goes
  forebay verify                                    what a broker that does not run has on the disk
  forebay import --config server.properties         take over a stopped Apache Kafka's data
  forebay bench produce --throughput 50000          how fast a broker is, of Kafka's or this one

`forebay COMMAND --help` explains a command. docs/command-line.md tells of the commands and their
JSON, docs/bench.md of `forebay bench`, docs/settings.md of every setting, docs/metrics.md of what
a broker tells about itself."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a broker, by default on 127.0.0.1:9092 with its data in ./forebay-data
    Serve(ServeArguments),
    Format(FormatArguments),
    /// Print an id that nobody else has, for a cluster or a directory of --initial-controllers
    RandomUuid,
    Verify(VerifyArguments),
    Import(ImportArguments),
    Bench(BenchArguments),
    #[command(flatten)]
    Admin(forebay::admin::Command),
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Format(arguments) => format::run(&arguments),
        Command::RandomUuid => format::random_uuid(),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Bench(arguments) => forebay::bench::run(&arguments),
        Command::Admin(command) => forebay::admin::run(&command),
    }
}
