//! How many bytes the broker writes to the device for each byte that is produced, and at what cost.
//!
//! Small appends are written twice, to the journal and to their segments, each in whole blocks. How
//! much that comes to depends on how many bytes a turn brings, and how many a partition.
//! `--what=` chooses among three measurements:
//!
//! - `goals`: two loads for which there is a goal.
//! - `curve`: one request at a time, so that each is a turn of known size, with batches of several
//!   sizes to a thousand partitions; drawn to the file that `--svg=` names.
//! - `batches`: throughput, CPU time and amplification for batches of several sizes to several
//!   numbers of partitions, to choose the threshold between journal and segments by.
//!
//! What is counted as written is what the kernel counts for the process (`write_bytes` in
//! `/proc/PID/io`), until everything is written back. `cargo bench --bench amplification`
//! measures, with `-- --what=goals,curve --seconds=5 --settled-ms=6000` if wanted. Any other way of
//! running it only says how it is run.

#[path = "../load/brokers.rs"]
mod brokers;
mod curve;
#[path = "../load/mod.rs"]
mod load;
mod produce;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::time::Duration;

use brokers::{Broker, Kind};
use curve::{Curve, Point};
use load::server::beside_this_program;
use produce::{Produced, Producers};
use support::Lab;

/// Nothing is deleted: the records of the load claim to be from 1970.
const SETTINGS: [(&str, &str); 1] = [("log.retention.ms", "-1")];

/// Bytes of a record's key and frame beside its value, about.
const RECORD_OVERHEAD_BYTES: usize = 24;
/// Bytes of a batch beside its records.
const BATCH_OVERHEAD_BYTES: usize = 61;

const KIB: usize = 1024;

/// What is the same for all measurements.
struct Bench {
    lab: Lab,
    folder: PathBuf,
    duration: Duration,
    /// How long it takes until nothing waits to be written back.
    settled: Duration,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("`cargo bench --bench amplification` counts what is written for what is produced");
        return;
    }
    let option = |name: &str, default: &str| {
        load::option(&arguments, name).unwrap_or_else(|| default.to_owned())
    };
    let number = |text: &str| text.parse::<u64>().expect("a number");
    let bench = Bench {
        lab: Lab::open("amplification", &[]).expect("it needs no tools"),
        folder: beside_this_program("amplification"),
        duration: Duration::from_secs(number(&option("--seconds=", "5"))),
        // Beyond the age at which the journal has records written back.
        settled: Duration::from_millis(number(&option("--settled-ms=", "6000"))),
    };
    for what in option("--what=", "goals,curve,batches").split(',') {
        match what {
            "goals" => bench.goals(),
            "curve" => bench.curve(Path::new(&option("--svg=", "target/amplification.svg"))),
            "batches" => bench.batches(),
            other => panic!("{other} is none of goals, curve and batches"),
        }
    }
}

/// Batches of about `batch_bytes`, of records of at most a KiB.
fn batches_of(batch_bytes: usize) -> Producers {
    let records_per_batch = batch_bytes.div_ceil(KIB);
    let records_bytes = batch_bytes.saturating_sub(BATCH_OVERHEAD_BYTES);
    let record_bytes = records_bytes / records_per_batch;
    Producers {
        connections: 1,
        in_flight: 1,
        partitions: 1000,
        batches_per_request: 1,
        records_per_batch,
        value_bytes: record_bytes.saturating_sub(RECORD_OVERHEAD_BYTES),
    }
}

impl Bench {
    /// Puts a load on a broker of so many shards that has seen nothing else.
    fn measure(&self, shards: &str, producers: Producers) -> Produced {
        let settings = [&SETTINGS[..], &[("forebay.shards", shards)]].concat();
        let mut broker = Broker::format(Kind::Forebay, &self.lab, &self.folder, &settings);
        let server = broker.start();
        producers.run(&server, self.duration, self.settled)
    }

    fn goals(&self) {
        println!("load                                         B per B   goal      MB/s  CPU-s/GB");
        let tell = |name: &str, goal: f64, producers: Producers| {
            let produced = self.measure("2", producers);
            println!(
                "{name:<43} {:>8.2} {goal:>6.1} {:>9.1} {:>9.2}",
                produced.amplification(),
                produced.megabytes_per_second(),
                produced.cpu_seconds_per_gigabyte()
            );
        };
        let large = Producers {
            connections: 2,
            in_flight: 16,
            partitions: 4,
            ..batches_of(64 * KIB)
        };
        tell("64 KiB batches to 4 partitions", 1.3, large);
        for partitions in [12, 100, 1000] {
            let small = Producers {
                connections: 200,
                partitions,
                records_per_batch: 1,
                value_bytes: 100,
                ..large
            };
            for in_flight in [1, 5] {
                let name = format!("200 producers, {in_flight} in flight, {partitions} partitions");
                tell(&name, 2.5, Producers { in_flight, ..small });
            }
        }
    }

    fn curve(&self, path: &Path) {
        println!("batch bytes  bytes per turn   B per B      MB/s");
        let mut curves = Vec::new();
        for batch_bytes in [200, KIB, 4 * KIB, 16 * KIB, 64 * KIB] {
            let mut points = Vec::new();
            for batches_per_request in [1, 4, 16, 64, 256, 1000] {
                let producers = Producers {
                    batches_per_request,
                    ..batches_of(batch_bytes)
                };
                let turn_bytes = producers.batch_bytes() * batches_per_request;
                // A larger request is received in several turns.
                if turn_bytes > 512 * KIB && batches_per_request > 1 {
                    break;
                }
                let produced = self.measure("1", producers);
                println!(
                    "{:>11} {turn_bytes:>15} {:>9.2} {:>9.1}",
                    producers.batch_bytes(),
                    produced.amplification(),
                    produced.megabytes_per_second()
                );
                points.push(Point {
                    turn_bytes,
                    amplification: produced.amplification(),
                });
            }
            curves.push(Curve {
                batch_bytes,
                points,
            });
        }
        std::fs::write(path, curve::draw(&curves)).expect("the picture can be written");
        println!("drawn to {}", path.display());
    }

    fn batches(&self) {
        println!("batch KiB  partitions      MB/s  CPU-s/GB   B per B");
        for kib in [1, 4, 16, 32, 64, 128, 256] {
            for (partitions, connections) in [(1, 1), (4, 2), (100, 4), (1000, 8)] {
                let producers = Producers {
                    connections,
                    in_flight: 16,
                    partitions,
                    ..batches_of(kib * KIB)
                };
                let produced = self.measure("2", producers);
                println!(
                    "{kib:>9} {partitions:>11} {:>9.1} {:>9.2} {:>9.2}",
                    produced.megabytes_per_second(),
                    produced.cpu_seconds_per_gigabyte(),
                    produced.amplification()
                );
            }
        }
    }
}
