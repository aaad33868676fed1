//! How long a broker takes to serve again after `kill -9`.
//!
//! A topic gets 10 GB in a thousand partitions, in batches of 64 KiB that are all acknowledged, and
//! the broker is killed at once. Measured is from the start of the new process until every
//! partition has given its last record and taken another one. Forebay and Apache Kafka, one after
//! the other on the same disk.
//!
//! `cargo bench --bench restart` measures, with `-- --gigabytes=10 --partitions=1000
//! --brokers=forebay` if wanted. Any other way of running it only says how it is run.

#[path = "../load/brokers.rs"]
mod brokers;
#[path = "../load/mod.rs"]
mod load;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::time::Instant;

use brokers::{Broker, Kind};
use load::Filled;
use load::server::beside_this_program;
use support::{Lab, Tool};

/// Nothing is deleted: the records of the load claim to be from 1970.
const SETTINGS: [(&str, &str); 1] = [("log.retention.ms", "-1")];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("`cargo bench --bench restart` measures the start after a crash");
        return;
    }
    let option = |name: &str, default: &str| {
        load::option(&arguments, name).unwrap_or_else(|| default.to_owned())
    };
    let gigabytes: u64 = option("--gigabytes=", "10").parse().expect("a number");
    let partitions: i32 = option("--partitions=", "1000").parse().expect("a number");
    let brokers = option("--brokers=", "kafka,forebay");
    let lab = Lab::open("restart", &[Tool::Java]).expect("Java and Apache Kafka are here");
    let folder = beside_this_program("restart");
    println!("{gigabytes} GB in {partitions} partitions, after kill -9:");
    for kind in [Kind::Forebay, Kind::Kafka] {
        let name = format!("{kind:?}");
        if !brokers
            .split(',')
            .any(|broker| broker == name.to_lowercase())
        {
            continue;
        }
        let mut broker = Broker::format(kind, &lab, &folder, &SETTINGS);
        let (mut filled, mut killed) = (None, None);
        let server = broker.start_and_kill(|server| {
            eprintln!("{name}: producing");
            filled = Some(Filled::fill(server, partitions, gigabytes * 1_000_000_000));
            killed = Some(Instant::now());
        });
        let (filled, killed) = (
            filled.expect("it was filled"),
            killed.expect("it was killed"),
        );
        server.await_listening();
        let listening = killed.elapsed();
        filled.await_all(&server);
        println!(
            "{name:<8} listens after {:.2} s, every partition serves after {:.2} s",
            listening.as_secs_f64(),
            killed.elapsed().as_secs_f64()
        );
    }
}
