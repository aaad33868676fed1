//! What `forebay bench` understands.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::admin::{ConnectionArguments, Setting};
use crate::protocol::compression::Compression;

use super::amounts::{Keys, Sizes, Throughput, duration, large_size, positive_duration, size};

/// Measure a broker of Kafka's protocol: Forebay, Apache Kafka or another
///
/// Each kind of work is a command with its own options. docs/bench.md explains what is measured,
/// and how.
#[derive(Args, Debug)]
#[command(arg_required_else_help = true)]
pub struct BenchArguments {
    /// Name the workloads there are, and the command that each of them is
    #[arg(long)]
    pub list_workloads: bool,

    #[command(subcommand)]
    pub command: Option<BenchCommand>,
}

/// The kinds of work.
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    Produce(ProduceBench),
    Consume(ConsumeBench),
    /// Measure how long records take from when they are due until a consumer has them
    ///
    /// Consumers wait for records while producers make them, by default 10,000 a second.
    #[command(after_help = END_TO_END_EXAMPLES)]
    EndToEnd(BothBench),
    /// Produce and consume at once, as fast as possible
    ///
    /// The same as end-to-end but for the rate: latencies are those of full pipes.
    #[command(after_help = MIXED_EXAMPLES)]
    Mixed(BothBench),
    Drain(DrainBench),
    Workload(WorkloadBench),
}

const END_TO_END_EXAMPLES: &str = "\
Examples:
  forebay bench end-to-end
  forebay bench end-to-end --throughput 200000 --producers 4 --consumers 4 --partitions 100
  forebay bench end-to-end --linger-ms 0 --throughput 1000 --record-size 100";

const MIXED_EXAMPLES: &str = "\
Examples:
  forebay bench mixed --producers 4 --consumers 4
  forebay bench mixed --groups 3 --record-size 100 --batch-bytes 64KiB";

/// What producers and consumers do at once.
#[derive(Args, Debug)]
#[command(args_override_self = true)]
pub struct BothBench {
    #[command(flatten)]
    pub producers: ProducerArguments,
    #[command(flatten)]
    pub consumers: ConsumerArguments,
    #[command(flatten)]
    pub topics: TopicArguments,
    #[command(flatten)]
    pub run: RunArguments,
    #[command(flatten)]
    pub connection: ConnectionArguments,
}

/// Consume what has piled up while producers go on, until nothing is behind.
///
/// Without --topic the bench makes one and fills it first; then consumers begin at its beginning,
/// and producers make records, by default 10,000 a second. It ends when every partition was read to
/// its end by every group, or after --duration. There is no warm-up.
#[derive(Args, Debug)]
#[command(
    args_override_self = true,
    after_help = "\
Examples:
  forebay bench drain
  forebay bench drain --fill 20GB --consumers 4 --throughput 50000 --duration 5m"
)]
pub struct DrainBench {
    /// What a topic that is made for the bench is filled with before
    #[arg(
        long,
        value_name = "BYTES",
        default_value = "1GB",
        value_parser = large_size,
        conflicts_with = "topic"
    )]
    pub fill: u64,

    #[command(flatten)]
    pub both: BothBench,
}

/// Run a workload that has a name; `forebay bench --list-workloads` tells which there are
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  forebay bench workload single-record
  forebay bench workload omb-1-topic-16-partitions-1kb -b broker1:9092 --replication-factor 3
  forebay bench workload linkedin-2014-one-producer --duration 1m --json")]
pub struct WorkloadBench {
    /// Its name
    pub name: String,

    /// Options of the command that it is, which take the place of its own
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub options: Vec<String>,
}

/// A workload's words, understood.
#[derive(Debug, Parser)]
#[command(name = "forebay bench", no_binary_name = true)]
pub struct WorkloadWords {
    #[command(subcommand)]
    pub command: BenchCommand,
}

/// Produce, as fast as possible or at a fixed rate.
///
/// With --throughput every record is due at a moment of its own, and its latency counts from then,
/// however long the broker kept it from going out.
#[derive(Args, Debug)]
#[command(args_override_self = true)]
#[command(after_help = "\
Examples:
  forebay bench produce                                  10 s as fast as possible, 1 KiB records
  forebay bench produce --throughput 50000 --record-size 100 --keys zipf --partitions 100
  forebay bench produce --producers 200 --linger-ms 0 --batch-bytes 1 --in-flight 1
  forebay bench produce --topic orders --num-records 1000000 --record-size 1000 --throughput -1
  forebay bench produce --pid $(pgrep -f kafka.Kafka) --json
  forebay bench produce --throughput 50000 --html result.html
  forebay bench produce --null-sink                      what this client can do at most")]
pub struct ProduceBench {
    /// Measure against a broker inside of this program that does nothing: the client's own limit
    #[arg(long, conflicts_with = "topic")]
    pub null_sink: bool,

    #[command(flatten)]
    pub producers: ProducerArguments,
    #[command(flatten)]
    pub topics: TopicArguments,
    #[command(flatten)]
    pub run: RunArguments,
    #[command(flatten)]
    pub connection: ConnectionArguments,
}

/// Consume as fast as possible what is in a topic.
///
/// Without --topic the bench makes one and fills it first. At its end each partition is read from
/// its beginning again, until the time is over. The bench deals out the partitions itself: it
/// joins no consumer group and commits nothing.
#[derive(Args, Debug)]
#[command(args_override_self = true)]
#[command(after_help = "\
Examples:
  forebay bench consume                                  1 GB made for it, read for 10 s
  forebay bench consume --consumers 4 --groups 20        fan-out: each group reads all
  forebay bench consume --topic orders --num-records 1000000
  forebay bench consume --fill 10GB --record-size 100 --compression lz4")]
pub struct ConsumeBench {
    /// Measure against a broker inside of this program that does nothing: the client's own limit
    #[arg(long, conflicts_with = "topic")]
    pub null_sink: bool,

    /// What a topic that is made for the bench is filled with
    #[arg(
        long,
        value_name = "BYTES",
        default_value = "1GB",
        value_parser = large_size,
        conflicts_with = "topic"
    )]
    pub fill: u64,

    /// The size of the records that it is filled with, or a range such as 100..2KiB
    #[arg(long, value_name = "BYTES", default_value = "1KiB")]
    pub record_size: Sizes,

    /// How the batches are compressed that it is filled with
    #[arg(long, value_enum, default_value_t = CompressionName::None)]
    pub compression: CompressionName,

    /// The size of the batches that it is filled with
    #[arg(long, value_name = "BYTES", default_value = "64KiB", value_parser = size)]
    pub batch_bytes: usize,

    #[command(flatten)]
    pub consumers: ConsumerArguments,
    #[command(flatten)]
    pub topics: TopicArguments,
    #[command(flatten)]
    pub run: RunArguments,
    #[command(flatten)]
    pub connection: ConnectionArguments,
}

/// What producers do.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Producers")]
pub struct ProducerArguments {
    /// How many producers there are, each with connections of its own
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = count())]
    pub producers: u32,

    /// The size of a record's value, or a range such as 100..2KiB
    #[arg(long, value_name = "BYTES", default_value = "1KiB")]
    pub record_size: Sizes,

    /// Records a second of all producers together; -1 for as fast as possible, the default of
    /// produce and mixed
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub throughput: Option<Throughput>,

    /// Which keys records have: none, uniform, zipf or zipf:EXPONENT
    #[arg(long, value_name = "KEYS", default_value = "none")]
    pub keys: Keys,

    /// How many keys there are
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1_000_000,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub key_count: u32,

    /// Who must have stored a record: all in-sync replicas, the leader, or nobody
    #[arg(long, value_enum, default_value_t = AcksName::All, allow_hyphen_values = true)]
    pub acks: AcksName,

    /// Number batches so that none is stored twice; by default where --acks and --in-flight allow
    #[arg(long, value_name = "BOOL")]
    pub idempotent: Option<bool>,

    /// How batches are compressed
    #[arg(long, value_enum, default_value_t = CompressionName::None)]
    pub compression: CompressionName,

    /// How long a batch waits for more records, in milliseconds (linger.ms)
    #[arg(
        long,
        value_name = "MS",
        default_value_t = 5,
        value_parser = clap::value_parser!(u64).range(0..=60_000)
    )]
    pub linger_ms: u64,

    /// A batch is sent when it has this size, before compression (batch.size)
    #[arg(long, value_name = "BYTES", default_value = "16KiB", value_parser = size)]
    pub batch_bytes: usize,

    /// Requests of a connection that are not answered (max.in.flight.requests.per.connection)
    #[arg(
        long,
        value_name = "N",
        default_value_t = 5,
        value_parser = clap::value_parser!(u32).range(1..=1000)
    )]
    pub in_flight: u32,
}

/// What consumers do.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Consumers")]
pub struct ConsumerArguments {
    /// How many consumers each group has, each with connections of its own
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = count())]
    pub consumers: u32,

    /// How many groups there are: each reads everything
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = count())]
    pub groups: u32,

    /// What one answer brings at most (fetch.max.bytes)
    #[arg(long, value_name = "BYTES", default_value = "50MiB", value_parser = size)]
    pub fetch_bytes: usize,

    /// What one answer brings of a partition at most (max.partition.fetch.bytes)
    #[arg(long, value_name = "BYTES", default_value = "1MiB", value_parser = size)]
    pub partition_fetch_bytes: usize,

    /// What a broker waits for before it answers (fetch.min.bytes)
    #[arg(long, value_name = "BYTES", default_value = "1", value_parser = size)]
    pub fetch_min_bytes: usize,

    /// How long it waits for that, in milliseconds (fetch.max.wait.ms)
    #[arg(
        long,
        value_name = "MS",
        default_value_t = 500,
        value_parser = clap::value_parser!(u32).range(0..=60_000)
    )]
    pub fetch_wait_ms: u32,

    /// Believe the records that come, without a look at their checksums
    #[arg(long)]
    pub no_check_crcs: bool,
}

/// Where records go.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Topics")]
pub struct TopicArguments {
    /// A topic to use as it is, instead of ones made for the bench and removed after it
    #[arg(long, value_name = "NAME", conflicts_with_all = [
        "topics", "partitions", "replication_factor", "config", "keep_topics"
    ])]
    pub topic: Option<String>,

    /// How many topics are made
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..=100_000)
    )]
    pub topics: u32,

    /// How many partitions each of them has
    #[arg(
        long,
        value_name = "N",
        default_value_t = 4,
        value_parser = clap::value_parser!(i32).range(1..=100_000)
    )]
    pub partitions: i32,

    /// How many brokers have a copy of each partition; the broker's default is -1
    #[arg(
        long,
        value_name = "N",
        default_value_t = -1,
        allow_hyphen_values = true,
        value_parser = clap::value_parser!(i16).range(-1..)
    )]
    pub replication_factor: i16,

    /// A setting of the topics that are made; may be given several times
    #[arg(long, value_name = "NAME=VALUE")]
    pub config: Vec<Setting>,

    /// Leave the topics that were made
    #[arg(long)]
    pub keep_topics: bool,
}

/// How long, how often, and what is told of it.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Run")]
pub struct RunArguments {
    /// How long is measured, behind the warm-up: 500ms, 30s, 5m; by default 10s
    #[arg(long, value_name = "TIME", value_parser = positive_duration)]
    pub duration: Option<Duration>,

    /// End after so many records of all clients together instead
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "duration",
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub num_records: Option<u64>,

    /// How long the work goes on before it counts
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration)]
    pub warm_up: Duration,

    /// Measure so often, one run after the other on the same topics
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..=1000)
    )]
    pub repeat: u32,

    /// Threads that the clients share; by default one for each core, and no more than clients
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub threads: Option<u32>,

    /// A process on this machine whose CPU time, memory and writes are told; several for a cluster
    #[arg(long, value_name = "PID", value_delimiter = ',')]
    pub pid: Vec<u32>,

    /// A disk of this machine whose writes are told, by its name in /proc/diskstats
    #[arg(long, value_name = "NAME")]
    pub device: Option<String>,

    /// Write the latencies as the percentile text that plotters of HdrHistogram read (.hgrm)
    #[arg(long, value_name = "FILE")]
    pub hdr: Option<PathBuf>,

    /// Write the result as a page with plots, which needs nothing but a browser
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,

    /// Tell requests and batches, too
    #[arg(long)]
    pub print_metrics: bool,

    /// No line each second
    #[arg(long, short)]
    pub quiet: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum CompressionName {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

impl From<CompressionName> for Compression {
    fn from(name: CompressionName) -> Self {
        match name {
            CompressionName::None => Self::None,
            CompressionName::Gzip => Self::Gzip,
            CompressionName::Snappy => Self::Snappy,
            CompressionName::Lz4 => Self::Lz4,
            CompressionName::Zstd => Self::Zstd,
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum AcksName {
    /// Every replica that is in sync
    #[value(alias = "-1")]
    All,
    /// The leader alone
    #[value(name = "1")]
    Leader,
    /// Nobody: losses go unnoticed
    #[value(name = "0")]
    Nobody,
}

impl AcksName {
    pub const fn on_the_wire(self) -> i16 {
        match self {
            Self::All => -1,
            Self::Leader => 1,
            Self::Nobody => 0,
        }
    }
}

/// Clients have a connection for each broker, and so have threads that look after them.
fn count() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=100_000)
}
