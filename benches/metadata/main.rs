//! How a cluster of many partitions starts, and how long nobody decides when its controller dies.
//!
//! Three nodes, and fifty thousand partitions in topics of a thousand. Measured are the time until
//! all of them are made and led, the memory of each node then, the time from `kill -9` of the
//! controller until another one has decided something (a topic of one partition is made), and the
//! time until all are led again after all nodes were stopped and started. Forebay and Apache Kafka,
//! one after the other on the same machine.
//!
//! `cargo bench --bench metadata` measures, with `-- --partitions=50000 --replicas=1 --rounds=3
//! --brokers=forebay,kafka --shapes=combined,apart --json` if wanted. Any other way of running it
//! only says how it is run.

#[path = "../load/brokers.rs"]
mod brokers;
#[path = "../load/cluster.rs"]
mod cluster;
#[path = "../load/mod.rs"]
mod load;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::thread;
use std::time::{Duration, Instant};

use brokers::Kind;
use cluster::{Cluster, Node, Shape};
use forebay::protocol::messages::{
    CreateTopicsRequest, CreateTopicsResponse, MetadataRequest, MetadataResponse,
    create_topics_request,
};
use load::server::beside_this_program;
use serde_json::json;
use support::{Lab, Tool};

/// A request may make ten thousand records, as in Kafka; a topic of this size is far from that.
const PARTITIONS_PER_TOPIC: i32 = 1_000;

/// Nobody may decide for so long when a controller has died.
const GOAL_SECONDS: f64 = 1.0;

/// Between two looks at what a cluster has come to.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// What cannot be seen by then never will be.
const LIMIT: Duration = Duration::from_secs(1_200);

/// What is asked for.
struct Run {
    partitions: i32,
    replicas: i16,
    rounds: usize,
}

/// One figure of one cluster.
struct Row {
    what: &'static str,
    unit: &'static str,
    rounds: Vec<f64>,
}

impl Row {
    const fn new(what: &'static str, unit: &'static str) -> Self {
        Self {
            what,
            unit,
            rounds: Vec::new(),
        }
    }

    fn median(&self) -> f64 {
        let mut sorted = self.rounds.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }

    fn longest(&self) -> f64 {
        self.rounds.iter().copied().fold(f64::NAN, f64::max)
    }
}

/// Waits until `look` finds something; the seconds since `started`.
fn seconds_until<T>(started: Instant, what: &str, mut look: impl FnMut() -> Option<T>) -> f64 {
    while look().is_none() {
        assert!(started.elapsed() < LIMIT, "no sign of {what}");
        thread::sleep(LOOK_AGAIN);
    }
    started.elapsed().as_secs_f64()
}

/// Has a topic made: `Some` if it is there.
fn create(cluster: &Cluster, name: &str, partitions: i32, replicas: i16) -> Option<()> {
    let topic = create_topics_request::CreatableTopic {
        name: name.to_owned(),
        num_partitions: partitions,
        replication_factor: replicas,
        ..Default::default()
    };
    let request = CreateTopicsRequest {
        timeout_ms: 30_000,
        topics: vec![topic],
        ..Default::default()
    };
    let response: CreateTopicsResponse = cluster.ask(&request, 4)?;
    // It may have come into being though its answer did not come.
    let code = response.topics.first()?.error_code;
    [0, 36].contains(&code).then_some(())
}

/// How many partitions have a leader, as a broker tells.
fn led(cluster: &Cluster) -> Option<usize> {
    let request = MetadataRequest {
        topics: None,
        ..Default::default()
    };
    let response: MetadataResponse = cluster.ask(&request, 4)?;
    let partitions = response.topics.iter().flat_map(|topic| &topic.partitions);
    Some(
        partitions
            .filter(|partition| partition.leader_id >= 0)
            .count(),
    )
}

fn until_led(cluster: &Cluster, started: Instant, count: usize) -> f64 {
    seconds_until(started, "leaders", || {
        led(cluster).filter(|led| *led >= count)
    })
}

fn measure(run: &Run, mut cluster: Cluster) -> Vec<Row> {
    let mut rows = [
        Row::new("partitions made and led", "s"),
        Row::new("memory of a node, the largest", "MB"),
        Row::new("kill -9 of the controller until the next one decides", "s"),
        Row::new("start of all nodes until all is led", "s"),
    ];
    let [made, memory, failover, start] = &mut rows;
    cluster.controller();
    let began = Instant::now();
    let mut left = run.partitions;
    let mut count = 0;
    while left > 0 {
        let size = left.min(PARTITIONS_PER_TOPIC);
        let name = format!("topic-{count}");
        seconds_until(Instant::now(), "a topic", || {
            create(&cluster, &name, size, run.replicas)
        });
        (left, count) = (left - size, count + 1);
        if count % 10 == 0 {
            eprintln!("  {} partitions made", run.partitions - left);
        }
    }
    let mut expected = usize::try_from(run.partitions).expect("it is positive");
    made.rounds.push(until_led(&cluster, began, expected));
    for round in 1..=run.rounds {
        let resident = cluster.nodes.iter().filter_map(Node::resident_bytes);
        memory.rounds.push(resident.fold(0.0, f64::max) / 1e6);
        let controller = cluster.controller();
        let killed = Instant::now();
        cluster.node(controller).kill();
        let name = format!("after-{round}");
        failover
            .rounds
            .push(seconds_until(killed, "a decision", || {
                create(&cluster, &name, 1, 1)
            }));
        expected += 1;
        cluster.node(controller).start();
        until_led(&cluster, Instant::now(), expected);
        cluster.nodes.iter_mut().for_each(Node::stop);
        let started = Instant::now();
        cluster.nodes.iter_mut().for_each(Node::start);
        start.rounds.push(until_led(&cluster, started, expected));
        let last = |row: &Row| row.rounds.last().copied().unwrap_or(f64::NAN);
        eprintln!(
            "  round {round}: failover {:.2} s, start {:.1} s, {:.0} MB",
            last(failover),
            last(start),
            last(memory)
        );
    }
    rows.into()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("`cargo bench --bench metadata` measures a cluster of many partitions");
        return;
    }
    let option = |name: &str, default: &str| {
        load::option(&arguments, name).unwrap_or_else(|| default.to_owned())
    };
    let run = Run {
        partitions: option("--partitions=", "50000").parse().expect("a number"),
        replicas: option("--replicas=", "1").parse().expect("a number"),
        rounds: option("--rounds=", "3").parse().expect("a number"),
    };
    let is_json = arguments.iter().any(|argument| argument == "--json");
    let (kinds, shapes) = (
        option("--brokers=", "forebay,kafka"),
        option("--shapes=", "combined"),
    );
    let names = |list: &str, name: &str| list.split(',').any(|one| one == name.to_lowercase());
    let lab = Lab::open("metadata", &[Tool::Java]).expect("Java and Apache Kafka are here");
    let folder = beside_this_program("metadata");
    let mut told = Vec::new();
    for shape in [Shape::Combined, Shape::Apart] {
        for kind in [Kind::Forebay, Kind::Kafka] {
            let (kind_name, shape_name) = (format!("{kind:?}"), format!("{shape:?}"));
            if !names(&kinds, &kind_name) || !names(&shapes, &shape_name) {
                continue;
            }
            eprintln!("{kind_name}, {shape_name}, {} partitions:", run.partitions);
            let cluster = Cluster::start_empty((kind, shape), &lab, &folder, &[]);
            let rows = measure(&run, cluster);
            told.extend(
                rows.into_iter()
                    .map(|row| (shape_name.clone(), kind_name.clone(), row)),
            );
        }
    }
    if is_json {
        let rows = told.iter().map(|(shape, kind, row)| {
            json!({
                "nodes": shape, "broker": kind, "figure": row.what, "unit": row.unit,
                "partitions": run.partitions, "median": row.median(), "rounds": row.rounds,
            })
        });
        println!("{}", serde_json::Value::Array(rows.collect()));
        return;
    }
    println!("| nodes | broker | what | median | longest | unit |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for (shape, kind, row) in &told {
        let (what, unit) = (row.what, row.unit);
        let (median, longest) = (row.median(), row.longest());
        println!("| {shape} | {kind} | {what} | {median:.2} | {longest:.2} | {unit} |");
    }
    println!("\nThe goal is a controller that decides within {GOAL_SECONDS} s.");
}
