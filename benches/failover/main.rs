//! How long a producer waits when a node of its cluster dies, stands still or hands over.
//!
//! Three brokers, six partitions with three replicas each, and Apache Kafka's own Java producer,
//! all with the settings that they are shipped with: idempotent, acknowledged by all replicas. It
//! sends a record each millisecond. A pause is the time in which a partition acknowledged nothing;
//! of each fault the longest is told, over all partitions, then the median and the longest of all
//! rounds. Forebay and Apache Kafka, one after the other on the same machine.
//!
//! `cargo bench --bench failover` measures, with `-- --rounds=3 --brokers=forebay,kafka
//! --shapes=apart,combined` if wanted: with controllers of their own, and with nodes that are both.
//! Any other way of running it only says how it is run.

#[path = "../load/brokers.rs"]
mod brokers;
#[path = "../load/cluster.rs"]
mod cluster;
#[path = "../load/mod.rs"]
mod load;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use brokers::Kind;
use cluster::{Cluster, PARTITIONS, Shape, TOPIC};
use load::server::beside_this_program;
use support::{Lab, Tool};

/// Longer than the session of a broker, after which the last of them is missed, and than what
/// follows until all partitions are led again.
const WATCHED: Duration = Duration::from_secs(15);

/// A node that stands still goes on after this: longer than the producer waits for an answer, by
/// `request.timeout.ms` half a minute, though others lead by then.
const STANDS_STILL: Duration = Duration::from_secs(45);

/// What happens to a cluster.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Fault {
    KillBroker,
    KillController,
    KillBoth,
    StandStill,
    Stop,
    Elect,
}

impl Fault {
    fn of(shape: Shape) -> &'static [Self] {
        match shape {
            Shape::Apart => &[
                Self::KillBroker,
                Self::KillController,
                Self::StandStill,
                Self::Stop,
                Self::Elect,
            ],
            Shape::Combined => &[Self::KillBoth, Self::StandStill, Self::Stop, Self::Elect],
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::KillBroker => "kill -9 of a broker",
            Self::KillController => "kill -9 of the controller",
            Self::KillBoth => "kill -9 of broker and controller",
            Self::StandStill => "SIGSTOP of a broker",
            Self::Stop => "SIGTERM of a broker",
            Self::Elect => "preferred leaders elected",
        }
    }
}

/// The producer, and the pauses that it has told of: when each began and how long it was, in
/// milliseconds.
struct Producer {
    process: Child,
    told: Arc<Mutex<Vec<(f64, f64)>>>,
}

impl Producer {
    fn start(lab: &Lab, servers: &str) -> Self {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/failover/Pauses.java");
        let mut command = Command::new("java");
        command.args(["-Xmx256m", &lab.logging(), "-cp", &lab.class_path(), source]);
        command.args([servers, TOPIC, &PARTITIONS.to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.stderr(Stdio::null()).spawn().expect("java starts");
        let output = process.stdout.take().expect("it is piped");
        let mut lines = BufReader::new(output).lines();
        while lines.next().expect("it goes on").expect("it is text") != "ready" {}
        let told = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&told);
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                match pause_of(&line) {
                    Some(pause) => notes.lock().expect("no panic").push(pause),
                    None => eprintln!("the producer says: {line}"),
                }
            }
        });
        Self { process, told }
    }

    /// The longest pause that was not over at `since_ms`.
    fn longest(&self, since_ms: f64) -> f64 {
        let told = self.told.lock().expect("no panic");
        let told = told
            .iter()
            .filter(|(began, length)| began + length >= since_ms);
        told.map(|(_, length)| *length).fold(0.0, f64::max)
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn pause_of(line: &str) -> Option<(f64, f64)> {
    let mut fields = line.split(' ').skip(1);
    let began = fields.next()?.parse().ok()?;
    Some((began, fields.next()?.parse().ok()?))
}

fn now_ms() -> f64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.expect("it is later than 1970").as_secs_f64() * 1e3
}

/// The longest pause that `fault` makes.
fn pause_by(fault: Fault, cluster: &mut Cluster, producer: &Producer) -> f64 {
    let (leader, controller) = (cluster.leader(), cluster.controller());
    // Of nodes that are both, the one is to die that decides as well as leads.
    let victim = match fault {
        Fault::KillController | Fault::KillBoth => controller,
        _ => leader,
    };
    let began = now_ms();
    match fault {
        Fault::KillBroker | Fault::KillController | Fault::KillBoth => {
            cluster.node(victim).kill();
            thread::sleep(WATCHED);
        }
        Fault::StandStill => {
            cluster.node(victim).signal("-STOP");
            thread::sleep(STANDS_STILL);
            cluster.node(victim).signal("-CONT");
            thread::sleep(WATCHED / 3);
        }
        Fault::Stop => {
            cluster.node(victim).stop();
            thread::sleep(WATCHED / 3);
        }
        Fault::Elect => {
            cluster.elect_preferred();
            thread::sleep(WATCHED / 3);
        }
    }
    let longest = producer.longest(began);
    if !matches!(fault, Fault::StandStill | Fault::Elect) {
        cluster.node(victim).start();
    }
    cluster.await_whole();
    longest
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("`cargo bench --bench failover` measures the pauses of a producer");
        return;
    }
    let option = |name: &str, default: &str| {
        load::option(&arguments, name).unwrap_or_else(|| default.to_owned())
    };
    let rounds: usize = option("--rounds=", "3").parse().expect("a number");
    let (brokers, shapes) = (
        option("--brokers=", "forebay,kafka"),
        option("--shapes=", "apart"),
    );
    let names = |list: &str, name: String| list.split(',').any(|one| one == name.to_lowercase());
    let lab = Lab::open("failover", &[Tool::Java]).expect("Java and Apache Kafka are here");
    let folder = beside_this_program("failover");
    let mut table = BTreeMap::<_, Vec<f64>>::new();
    for shape in [Shape::Apart, Shape::Combined] {
        for kind in [Kind::Forebay, Kind::Kafka] {
            let (kind_name, shape_name) = (format!("{kind:?}"), format!("{shape:?}"));
            if !names(&brokers, kind_name) || !names(&shapes, shape_name) {
                continue;
            }
            let mut cluster = Cluster::start(kind, shape, &lab, &folder, &[]);
            let producer = Producer::start(&lab, &cluster.servers());
            // Until the producer is warm.
            thread::sleep(WATCHED / 3);
            for round in 1..=rounds {
                for fault in Fault::of(shape) {
                    let pause = pause_by(*fault, &mut cluster, &producer);
                    let name = fault.name();
                    eprintln!("{kind:?}, {shape:?}, round {round}, {name}: {pause:.0} ms");
                    let key = (format!("{shape:?}"), *fault, kind);
                    table.entry(key).or_default().push(pause);
                }
            }
        }
    }
    println!("| nodes | what happens | broker | median ms | longest ms |");
    println!("| --- | --- | --- | --- | --- |");
    for ((shape, fault, kind), mut pauses) in table {
        pauses.sort_by(f64::total_cmp);
        let (median, longest) = (pauses[pauses.len() / 2], pauses[pauses.len() - 1]);
        let (shape, fault) = (shape.to_lowercase(), fault.name());
        println!("| {shape} | {fault} | {kind:?} | {median:.0} | {longest:.0} |");
    }
}
