//! How much three brokers take when each record is on all of them before it is acknowledged.
//!
//! Three nodes that are brokers and controllers, six partitions with three replicas, two led by
//! each broker; three connections, each to a broker for the partitions that it leads, with
//! batches of 64 KiB of 1 KiB records, acknowledged by all replicas. Forebay acknowledges what is
//! synced on the replicas in sync; Apache Kafka, with the settings it is shipped with, what is in
//! their memory. The device's limit stands beside it: what fio writes and syncs, of which each
//! record takes three parts.
//!
//! `cargo bench --bench replication` measures, with `-- --rounds=N --seconds=N --in-flight=8,32
//! --brokers=forebay` if wanted. Any other way of running it only says how it is run.

#[path = "../load/brokers.rs"]
mod brokers;
#[path = "../load/cluster.rs"]
mod cluster;
#[path = "../load/device.rs"]
mod device;
#[path = "../load/mod.rs"]
mod load;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use brokers::Kind;
use cluster::{Cluster, Shape, TOPIC};
use device::Device;
use load::server::beside_this_program;
use load::{Load, Measured, Work, median};
use support::{Lab, Tool};

/// The disk keeps what a load of minutes leaves three times.
const SETTINGS: [(&str, &str); 6] = [
    // As much as Kafka's heap, which a start script limits; else three brokers would take pages
    // from the machine for minutes. Apache Kafka does not know it.
    ("forebay.memory.bytes", "1GiB"),
    // The records of the load claim to be from 1970.
    ("log.retention.ms", "-1"),
    ("log.retention.bytes", "268435456"),
    ("log.segment.bytes", "134217728"),
    ("log.retention.check.interval.ms", "1000"),
    ("log.segment.delete.delay.ms", "1000"),
];

/// Windows after which brokers are taken for warm in any case: three share two cores here.
const WARM_WINDOWS_MAX: usize = 12;

/// What a cluster came to with so many requests in flight.
#[derive(Clone, Copy)]
struct Row {
    measured: Measured,
    /// Bytes that went to the device for each that was produced.
    written: f64,
    resident_megabytes: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("`cargo bench --bench replication` measures three brokers of both kinds");
        return;
    }
    let option = |name: &str, default: &str| {
        load::option(&arguments, name).unwrap_or_else(|| default.to_owned())
    };
    let number = |text: &str| text.parse::<usize>().expect("a number");
    let rounds = number(&option("--rounds=", "3"));
    let duration = Duration::from_secs(number(&option("--seconds=", "5")) as u64);
    let in_flight = option("--in-flight=", "4,8,16,32");
    let brokers = option("--brokers=", "kafka,forebay");
    if let Err(reason) = device::is_ready() {
        eprintln!("{reason}");
        std::process::exit(1);
    }
    let lab = Lab::open("replication", &[Tool::Java]).expect("Java and Apache Kafka are here");
    let folder = beside_this_program("replication");

    let mut rows = BTreeMap::<(Kind, usize), Vec<Row>>::new();
    let mut device = Vec::new();
    for round in 1..=rounds {
        let limits = Device::new(&folder.with_extension("device"));
        limits.new_write();
        device.push(limits.written_write().megabytes_per_second);
        drop(limits);
        for kind in [Kind::Kafka, Kind::Forebay] {
            if !brokers.contains(&format!("{kind:?}").to_lowercase()) {
                continue;
            }
            let cluster = Cluster::start(kind, Shape::Combined, &lab, &folder, &SETTINGS);
            load(1).await_partitions(&cluster, TOPIC);
            warm_up(kind, &cluster, duration);
            for in_flight in in_flight.split(',').map(number) {
                let row = measure(&cluster, in_flight, duration);
                let rate = row.measured.megabytes_per_second;
                eprintln!("{kind:?}, round {round}, {in_flight} in flight: {rate:.0} MB/s");
                rows.entry((kind, in_flight)).or_default().push(row);
            }
        }
    }
    print(&rows, median(device));
}

fn load(in_flight: usize) -> Load {
    Load {
        work: Work::Produce,
        connections: 3,
        partitions_per_connection: 2,
        in_flight,
        records_per_batch: 63,
        record_bytes: 1024,
    }
}

/// Put the load on the brokers until they come to rest.
fn warm_up(kind: Kind, cluster: &Cluster, window: Duration) {
    load::warm_up(WARM_WINDOWS_MAX, || {
        let one = load(8).run_on(cluster, TOPIC, window);
        eprintln!("{kind:?}, warming up: {:.0} MB/s", one.megabytes_per_second);
        one.megabytes_per_second
    });
}

fn measure(cluster: &Cluster, in_flight: usize, duration: Duration) -> Row {
    let before = cluster.written_bytes();
    let measured = load(in_flight).run_on(cluster, TOPIC, duration);
    let written = (cluster.written_bytes() - before) as f64;
    // The quarter before the measured time wrote, too.
    let produced = measured.megabytes_per_second * 1e6 * duration.as_secs_f64() * 1.25;
    Row {
        measured,
        written: written / produced,
        resident_megabytes: cluster.resident_bytes() / 1e6,
    }
}

fn print(rows: &BTreeMap<(Kind, usize), Vec<Row>>, device: f64) {
    println!(
        "| broker | in flight | MB/s | CPU s/GB | p50 us | p99 us | CPUs busy | written | MB |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    let mut best = BTreeMap::<Kind, (f64, f64)>::new();
    for ((kind, in_flight), rows) in rows {
        let of = |value: fn(&Row) -> f64| median(rows.iter().map(value).collect());
        let rate = of(|row| row.measured.megabytes_per_second);
        let cpu = of(|row| row.measured.cpu_seconds_per_gigabyte);
        println!(
            "| {kind:?} | {in_flight} | {rate:.0} | {cpu:.2} | {:.0} | {:.0} | {:.2} | {:.2} \
             | {:.0} |",
            of(|row| row.measured.p50_us),
            of(|row| row.measured.p99_us),
            of(|row| row.measured.busy),
            of(|row| row.written),
            of(|row| row.resident_megabytes),
        );
        let best = best.entry(*kind).or_insert((rate, cpu));
        if rate > best.0 {
            *best = (rate, cpu);
        }
    }
    println!(
        "\nThe device takes {device:.0} MB/s of synced blocks of 64 KiB, so {:.0} MB/s of records \
         that are written three times.",
        device / 3.0
    );
    if let (Some(ours), Some(theirs)) = (best.get(&Kind::Forebay), best.get(&Kind::Kafka)) {
        println!(
            "Each at its knee: {:.1} times Kafka's throughput, {:.2} of its CPU time per byte, \
             {:.2} of the device's limit.",
            ours.0 / theirs.0,
            ours.1 / theirs.1,
            ours.0 / (device / 3.0)
        );
    }
}
