//! What the shape of the broker costs: the pure shard against a handler written straight down.
//!
//! Three servers do the same work for the same load: `straight` (a task per connection on glommio
//! that reads, decodes, checks, writes and answers), `pure` (the same work behind the events and
//! effects of the runtime) and `forebay` (the real broker, which does much more). They run one
//! after the other, interleaved over several rounds; the table shows medians.
//!
//! `cargo bench --bench shape` measures, with `-- --rounds=N` and `--servers=straight,pure` if
//! wanted. Any other way of running it, a test run above all, only shows that it works.

#[path = "../load/mod.rs"]
mod load;
mod pure;
mod straight;
mod work;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use load::server::{Server, free_address, make_empty};
use load::{Load, Measured, Work, median};

/// Batches of 64 KiB, two connections, eight in flight on each.
const THROUGHPUT: Load = Load {
    work: Work::Produce,
    connections: 2,
    partitions_per_connection: 1,
    in_flight: 8,
    records_per_batch: 63,
    record_bytes: 1024,
};

/// Batches of one record of 100 bytes, one connection, one in flight.
const LATENCY: Load = Load {
    connections: 1,
    in_flight: 1,
    records_per_batch: 1,
    record_bytes: 100,
    ..THROUGHPUT
};

/// Records that are in memory, two connections, one in flight on each.
const FETCH: Load = Load {
    work: Work::Fetch,
    in_flight: 1,
    ..THROUGHPUT
};

const LOADS: [(&str, Load); 3] = [
    ("throughput", THROUGHPUT),
    ("latency", LATENCY),
    ("fetch", FETCH),
];

/// Which server.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Kind {
    Straight,
    Pure,
    Forebay,
}

/// A server, and what it is to do for whom.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Case {
    load: (&'static str, Load),
    synced: bool,
    shards: u16,
    kind: Kind,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [role, kind, rest @ ..] = arguments.as_slice()
        && role == "server"
    {
        return match kind.as_str() {
            "straight" => straight::serve(&work::Options::parse(rest)),
            _ => pure::serve(&work::Options::parse(rest)),
        };
    }
    let option = |name: &str| load::option(&arguments, name);
    let is_measuring = arguments.iter().any(|argument| argument == "--bench");
    let rounds = option("--rounds=").map_or(5, |count| count.parse().expect("a number"));
    let servers = option("--servers=").unwrap_or_else(|| "straight,pure,forebay".to_owned());
    let is_wanted = |case: &Case| {
        let name = format!("{:?}", case.kind).to_lowercase();
        servers.split(',').any(|wanted| wanted == name)
    };
    // Next to this program, on the disk of the build: a folder in memory would prove nothing.
    let program = std::env::current_exe().expect("a program has a path");
    let folder = program.parent().expect("it lies in a folder").join("shape");
    if is_measuring {
        let wanted: Vec<_> = cases().into_iter().filter(is_wanted).collect();
        print(&measure(&wanted, rounds, Duration::from_secs(2), &folder));
    } else {
        let quick: Vec<_> = cases().into_iter().filter(is_quick).collect();
        measure(&quick, 1, Duration::from_millis(50), &folder);
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for shards in [1, 2] {
        for load in LOADS {
            for synced in [false, true] {
                // What is fetched comes from memory: how it was written makes no difference.
                if load.1 == FETCH && !synced {
                    continue;
                }
                for kind in [Kind::Straight, Kind::Pure, Kind::Forebay] {
                    // The broker has no unsynced writes.
                    if kind == Kind::Forebay && !synced {
                        continue;
                    }
                    cases.push(Case {
                        load,
                        synced,
                        shards,
                        kind,
                    });
                }
            }
        }
    }
    cases
}

fn is_quick(case: &Case) -> bool {
    case.shards == 1 && case.kind != Kind::Forebay
}

fn measure(
    cases: &[Case],
    rounds: usize,
    duration: Duration,
    folder: &Path,
) -> BTreeMap<Case, Vec<Measured>> {
    let mut results = BTreeMap::<Case, Vec<Measured>>::new();
    for _ in 0..rounds {
        for case in cases {
            let measured = case.load.1.run(&start(*case, folder), duration);
            results.entry(*case).or_default().push(measured);
        }
    }
    results
}

/// Start the server of `case` on an empty folder, and wait for the line with its addresses.
fn start(case: Case, folder: &Path) -> Server {
    make_empty(folder);
    let mut command = match case.kind {
        Kind::Straight => own("straight", case.synced),
        Kind::Pure => own("pure", case.synced),
        Kind::Forebay => {
            let mut command = Command::new(env!("CARGO_BIN_EXE_forebay"));
            command.args(["serve", "--listen", &free_address().to_string()]);
            command
        }
    };
    command.arg("--data-dir").arg(folder);
    command.args(["--shards", &case.shards.to_string()]);
    command.stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut process = command.spawn().expect("the server starts");
    let mut lines = BufReader::new(process.stdout.take().expect("it is piped")).lines();
    let line = lines.next().expect("it says when it is ready");
    let addresses = addresses_in(&line.expect("its output is text"));
    assert!(!addresses.is_empty(), "a server names its addresses");
    let mut server = Server::new(process, PathBuf::from(folder), addresses);
    server.has_topics = case.kind == Kind::Forebay;
    server
}

fn own(name: &str, is_synced: bool) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a program has a path"));
    let synced = if is_synced { "yes" } else { "no" };
    command.args(["server", name, "--synced", synced]);
    command
}

/// Every address that stands in `line`.
fn addresses_in(line: &str) -> Vec<SocketAddr> {
    let is_outside = |c: char| !(c.is_ascii_digit() || c == '.' || c == ':');
    line.split(is_outside)
        .filter_map(|word| word.parse().ok())
        .collect()
}

fn print(results: &BTreeMap<Case, Vec<Measured>>) {
    println!(
        "{:<11} {:<8} {:>6} {:<9} {:>9} {:>9} {:>9} {:>9}",
        "load", "sync", "shards", "server", "MB/s", "CPU-s/GB", "p50 us", "p99 us"
    );
    for (case, measured) in results {
        let of = |value: fn(&Measured) -> f64| median(measured.iter().map(value).collect());
        println!(
            "{:<11} {:<8} {:>6} {:<9} {:>9.1} {:>9.3} {:>9.0} {:>9.0}",
            case.load.0,
            if case.synced { "synced" } else { "unsynced" },
            case.shards,
            format!("{:?}", case.kind),
            of(|one| one.megabytes_per_second),
            of(|one| one.cpu_seconds_per_gigabyte),
            of(|one| one.p50_us),
            of(|one| one.p99_us),
        );
    }
}
