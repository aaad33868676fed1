//! `forebay consume`: records of a topic to standard output.

mod print;
mod run;

use clap::{Args, ValueEnum};

use crate::model::{Offset, PartitionIndex, TimestampMs};

use super::arguments::ConnectionArguments;

pub use run::run;

/// Read the records of a topic, from now on unless told otherwise, until Ctrl-C.
///
/// With --group the partitions are shared with the other members of the group, reading goes on
/// where the group has committed, and what was printed is committed every few seconds and at the
/// end.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  forebay consume orders                                what is written from now on
  forebay consume orders --from-beginning --to-end      all that is there, then end
  forebay consume orders --group billing --max-records 100
  forebay consume orders --partition 3 --offset 1200 --max-records 1
  forebay consume orders --from-beginning --print key,offset,value
  forebay consume orders --from-beginning --json | jq .value

Output:
  plain  one line a record: its value, or the fields of --print separated by tabs
  json   one object a line: topic, partition, offset, timestamp, key, value, headers;
         bytes that are no UTF-8 become {\"base64\": \"...\"}")]
pub struct Consume {
    /// The topic
    topic: String,

    /// Begin with the first record, where the group has not committed
    #[arg(long)]
    from_beginning: bool,

    /// Begin at this offset of the one --partition that is given
    #[arg(
        long,
        value_name = "N",
        requires = "partition",
        conflicts_with = "from_beginning",
        value_parser = clap::value_parser!(i64).range(0..)
    )]
    offset: Option<Offset>,

    /// Begin with the first record that is not older, in milliseconds since 1970
    #[arg(long, value_name = "MS", conflicts_with_all = ["from_beginning", "offset", "group"])]
    timestamp: Option<TimestampMs>,

    /// Read this partition only; may be given several times
    #[arg(
        long,
        short,
        value_name = "P",
        conflicts_with = "group",
        value_parser = clap::value_parser!(i32).range(0..)
    )]
    partition: Vec<PartitionIndex>,

    /// Read as a member of this group
    #[arg(long, short)]
    group: Option<String>,

    /// End after so many records
    #[arg(long, short = 'n', value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_records: Option<u64>,

    /// End when no record has come for so long
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..))]
    timeout: Option<u64>,

    /// End at the end of the topic
    #[arg(long)]
    to_end: bool,

    /// How records are printed; --json is the same as --format json
    #[arg(long, value_enum, default_value_t = Format::Plain)]
    format: Format,

    /// What is printed of a record in plain format
    #[arg(
        long,
        value_name = "FIELD,...",
        value_enum,
        value_delimiter = ',',
        default_value = "value"
    )]
    print: Vec<Field>,

    #[command(flatten)]
    pub connection: ConnectionArguments,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Format {
    Plain,
    Json,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Field {
    Key,
    Value,
    Offset,
    Partition,
    Timestamp,
    Headers,
}
