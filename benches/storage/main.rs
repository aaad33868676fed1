//! What the storage is good for: each figure beside Apache Kafka's and the device's own limit.
//!
//! The brokers run at the same time on the same disk and are measured in turn, round by round,
//! with `fio` between them doing what the figure does with the same block, depth and sync and by
//! direct IO. The table shows medians with the least and the greatest. Forebay answers a producer
//! when the records are on the disk, Kafka when they are in the page cache, which is written back
//! before it is anyone else's turn.
//!
//! | name | what |
//! | --- | --- |
//! | `latency` | 1 partition, 1 connection, 1 request in flight, a record of 1 KiB |
//! | `partitions` | 200 producers of keyed records of 100 bytes, to 10 and to 10,000 partitions |
//! | `sequential` | batches of 64 KiB to two partitions, on new segments and on those used again |
//! | `cold` | a topic of 10 GB from the disk, alone and beside a producer |
//! | `cleaning` | a producer to a log that is deleted from, or compacted |
//! | `memory` | a broker that may have 256 MiB and one shard, under load |
//!
//! `cargo bench --bench storage` measures, with `-- --rounds=3 --seconds=3 --only=latency,cold
//! --brokers=forebay --json` if wanted. `--other=PATH` measures another build of Forebay in the
//! same rounds, to see what a change is good for. Any other way of running it only says how it is
//! run. Apache Kafka comes from Maven as for the tests; `fio` must be installed.

#[path = "../load/brokers.rs"]
mod brokers;
mod cleaning;
mod cold;
#[path = "../load/device.rs"]
mod device;
mod latency;
#[path = "../load/mod.rs"]
mod load;
mod memory;
mod partitions;
mod pair;
mod sequential;
mod sink;
#[path = "../../tests/support/mod.rs"]
mod support;
mod table;

use std::time::Duration;

use load::server::beside_this_program;
use pair::Run;
use support::{Lab, Tool};
use table::Row;

/// A figure, or several that share their brokers.
type Figure = fn(&Run) -> Vec<Row>;

const FIGURES: [(&str, Figure); 6] = [
    ("latency", latency::measure),
    ("partitions", partitions::measure),
    ("sequential", sequential::measure),
    ("cold", cold::measure),
    ("cleaning", cleaning::measure),
    ("memory", memory::measure),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [role, address] = arguments.as_slice()
        && role == "sink"
    {
        return sink::serve(address);
    }
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("`cargo bench --bench storage` measures the storage beside Apache Kafka's");
        return;
    }
    let option = |name: &str| load::option(&arguments, name);
    let number = |name: &str, default: u64| {
        option(name).map_or(default, |text| text.parse().expect("a number"))
    };
    let only = option("--only=");
    let is_wanted = |name: &str| {
        let mut names = only.iter().flat_map(|names| names.split(','));
        only.is_none() || names.any(|wanted| wanted == name)
    };
    if let Err(reason) = device::is_ready() {
        eprintln!("{reason}");
        std::process::exit(1);
    }
    let run = Run {
        lab: Lab::open("storage", &[Tool::Java]).expect("Java and Apache Kafka are here"),
        folder: beside_this_program("storage"),
        rounds: number("--rounds=", 3),
        duration: Duration::from_secs(number("--seconds=", 3)),
        gigabytes: number("--gigabytes=", 10),
        brokers: option("--brokers=").unwrap_or_else(|| "forebay,kafka".to_owned()),
        other: option("--other=").map(Into::into),
    };
    let mut rows = Vec::new();
    for (name, measure) in FIGURES {
        if is_wanted(name) {
            eprintln!("{name}:");
            rows.extend(measure(&run));
        }
    }
    if arguments.iter().any(|argument| argument == "--json") {
        println!("{}", table::json(&rows));
    } else {
        table::print(&rows);
    }
}
