//! Forebay against Apache Kafka: the same load on the same machine, one after the other.
//!
//! Both brokers take batches of 64 KiB of records of 1 KiB with `acks=all` into four partitions
//! over two connections; Forebay answers when they are on the disk, Kafka when they are in the
//! page cache. How many requests are under way grows until each broker is at its own knee. Then
//! both hand out records that are in memory, 1 MiB at a time. Last, two hundred connections send
//! single records of 100 bytes to a thousand partitions, one request at a time each. The rounds
//! are interleaved; the tables show medians, and the ratios of the best to the best.
//!
//! `cargo bench --bench compare` measures, with `-- --rounds=N --seconds=N --in-flight=8,16
//! --brokers=forebay --loads=small` if wanted. Apache Kafka comes from Maven as for the tests, with
//! the heap and the collector that its start script gives it. Any other way of running it only says
//! how it is run.

#[path = "../load/brokers.rs"]
mod brokers;
#[path = "../load/mod.rs"]
mod load;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use brokers::{Broker, Kind};
use load::server::{Server, beside_this_program};
use load::{Load, Measured, Work, median};
use support::{Lab, Tool};

/// Both brokers delete what is old, so that a long load fits on the disk and meets the disk: what
/// Kafka leaves in the page cache is written back sooner or later, by the same machine.
const RETENTION: [(&str, &str); 4] = [
    // The records of the load claim to be from 1970.
    ("log.retention.ms", "-1"),
    ("log.retention.bytes", "1073741824"),
    ("log.retention.check.interval.ms", "1000"),
    ("log.segment.delete.delay.ms", "1000"),
];

/// Windows after which a broker is taken for warm in any case.
const WARM_WINDOWS_MAX: usize = 10;

/// What is asked of the brokers.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Asked {
    Produce,
    Fetch,
    Small,
}

/// What a broker is before anyone asks it for anything.
struct Idle {
    start_ms: f64,
    resident_megabytes: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("`cargo bench --bench compare` compares Forebay with Apache Kafka");
        return;
    }
    let option = |name: &str, default: &str| {
        load::option(&arguments, name).unwrap_or_else(|| default.to_owned())
    };
    let number = |text: &str| text.parse::<usize>().expect("a number");
    let rounds = number(&option("--rounds=", "3"));
    let duration = Duration::from_secs(number(&option("--seconds=", "5")) as u64);
    let in_flight: Vec<usize> = option("--in-flight=", "8,16,32,64")
        .split(',')
        .map(number)
        .collect();
    let brokers = option("--brokers=", "kafka,forebay");
    let loads = option("--loads=", "produce,fetch,small");
    let is_in = |list: &str, name: String| {
        let mut names = list.split(',');
        names.any(|wanted| wanted == name.to_lowercase())
    };
    let lab = Lab::open("compare", &[Tool::Java]).expect("Java and Apache Kafka are here");
    let folder = beside_this_program("compare");

    let mut idle = BTreeMap::<Kind, Vec<Idle>>::new();
    let mut measured = BTreeMap::<(Asked, Kind, usize), Vec<Measured>>::new();
    for _ in 0..rounds {
        for kind in [Kind::Kafka, Kind::Forebay] {
            if !is_in(&brokers, format!("{kind:?}")) {
                continue;
            }
            let (server, before) = start(kind, &lab, &folder);
            idle.entry(kind).or_default().push(before);
            for asked in [Asked::Produce, Asked::Fetch, Asked::Small] {
                if !is_in(&loads, format!("{asked:?}")) {
                    continue;
                }
                let in_flight = match asked {
                    Asked::Small => &[1],
                    _ => &*in_flight,
                };
                warm_up(kind, load(asked, in_flight[0]), &server, duration);
                for &in_flight in in_flight {
                    let one = load(asked, in_flight).run(&server, duration);
                    tell(kind, &format!("{asked:?} with {in_flight} in flight"), one);
                    let key = (asked, kind, in_flight);
                    measured.entry(key).or_default().push(one);
                }
            }
        }
    }
    print(&idle, &measured);
}

fn load(asked: Asked, in_flight: usize) -> Load {
    let large = Load {
        work: Work::Produce,
        connections: 2,
        partitions_per_connection: 2,
        in_flight,
        records_per_batch: 63,
        record_bytes: 1024,
    };
    match asked {
        Asked::Produce => large,
        Asked::Fetch => Load {
            work: Work::Fetch,
            ..large
        },
        Asked::Small => Load {
            connections: 200,
            partitions_per_connection: 5,
            records_per_batch: 1,
            record_bytes: 100,
            ..large
        },
    }
}

/// Put the load on a broker until it comes to rest.
fn warm_up(kind: Kind, load: Load, server: &Server, window: Duration) {
    load::warm_up(WARM_WINDOWS_MAX, || {
        let one = load.run(server, window);
        tell(kind, &format!("{:?}, warming up", load.work), one);
        one.megabytes_per_second
    });
}

/// A line of progress.
fn tell(kind: Kind, what: &str, one: Measured) {
    eprintln!(
        "{kind:?}: {what}: {:.0} MB/s, {:.3} CPU-s/GB",
        one.megabytes_per_second, one.cpu_seconds_per_gigabyte
    );
}

/// Start a broker on a formatted directory, and look at it while it has nothing to do.
fn start(kind: Kind, lab: &Lab, folder: &Path) -> (Server, Idle) {
    let mut broker = Broker::format(kind, lab, folder, &RETENTION);
    let started = Instant::now();
    let server = broker.start();
    let start_ms = started.elapsed().as_secs_f64() * 1e3;
    std::thread::sleep(Duration::from_secs(3));
    let resident_megabytes = server.resident_bytes() / 1e6;
    let idle = Idle {
        start_ms,
        resident_megabytes,
    };
    (server, idle)
}

fn print(
    idle: &BTreeMap<Kind, Vec<Idle>>,
    measured: &BTreeMap<(Asked, Kind, usize), Vec<Measured>>,
) {
    println!(
        "{:<8} {:<8} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "load", "broker", "in flight", "MB/s", "CPU-s/GB", "p50 us", "p99 us"
    );
    let mut best = BTreeMap::<(Asked, Kind), (f64, f64)>::new();
    for ((asked, kind, in_flight), measured) in measured {
        let of = |value: fn(&Measured) -> f64| median(measured.iter().map(value).collect());
        let throughput = of(|one| one.megabytes_per_second);
        let cpu = of(|one| one.cpu_seconds_per_gigabyte);
        println!(
            "{:<8} {:<8} {in_flight:>9} {throughput:>9.1} {cpu:>9.3} {:>9.0} {:>9.0}",
            format!("{asked:?}"),
            format!("{kind:?}"),
            of(|one| one.p50_us),
            of(|one| one.p99_us),
        );
        let best = best.entry((*asked, *kind)).or_insert((throughput, cpu));
        if throughput > best.0 {
            *best = (throughput, cpu);
        }
    }
    println!("\n{:<8} {:>9} {:>9}", "broker", "start ms", "idle MB");
    for (kind, idle) in idle {
        let of = |value: fn(&Idle) -> f64| median(idle.iter().map(value).collect());
        println!(
            "{:<8} {:>9.0} {:>9.0}",
            format!("{kind:?}"),
            of(|one| one.start_ms),
            of(|one| one.resident_megabytes),
        );
    }
    println!();
    for asked in [Asked::Produce, Asked::Fetch, Asked::Small] {
        let of = |kind| best.get(&(asked, kind));
        if let (Some(ours), Some(theirs)) = (of(Kind::Forebay), of(Kind::Kafka)) {
            println!(
                "{asked:?}, each broker at its knee: {:.1} times Kafka's throughput, \
                 {:.2} of its CPU time per byte",
                ours.0 / theirs.0,
                ours.1 / theirs.1
            );
        }
    }
}
