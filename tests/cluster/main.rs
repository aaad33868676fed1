//! Clusters of several nodes: brokers and controllers of Forebay and of Apache Kafka.

mod addresses;
mod combined;
mod controllers;
mod cordoned;
mod dying;
mod dynamic;
mod features;
#[path = "../load/history.rs"]
mod history;
mod joining;
#[path = "../fuzz/targets/memory_disk.rs"]
mod memory_disk;
mod migration;
mod misuse;
mod operating;
mod replicating;
mod rolling;
#[path = "../support/mod.rs"]
mod support;
mod standing_by;
mod tools;
mod transactions;
mod voters;
#[path = "../load/workload.rs"]
mod workload;

use std::thread;
use std::time::{Duration, Instant};

use support::{Broker, Kind, Output, needs};

/// How long a broker may take to join, or to leave.
const LIMIT: Duration = Duration::from_secs(60);

/// The lines of `kafka-topics --describe` about partitions, without the ids of topics.
fn partitions(asked: &Broker, topic: &str) -> Vec<String> {
    let described = asked.tool(
        "org.apache.kafka.tools.TopicCommand",
        &["--describe", "--topic", topic],
    );
    let output = described.run().succeeded();
    let lines = output.stdout.lines().skip(1);
    lines
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words[4..words.len().min(10)].join(" ")
        })
        .collect()
}

/// Makes a topic with these replicas, as `kafka-topics` takes them.
fn create_on(asked: &Broker, topic: &str, replicas: &str) {
    let args = [
        "--create",
        "--topic",
        topic,
        "--replica-assignment",
        replicas,
    ];
    let tool = asked.tool("org.apache.kafka.tools.TopicCommand", &args);
    tool.run().succeeded();
}

/// The lines that a person reads of what a tool printed, as `shown`: without the places in its
/// code, what it logs by the way, and the time.
fn read_lines(output: &Output, shown: impl Fn(&str) -> String) -> String {
    let is_read =
        |line: &&str| !line.is_empty() && !line.starts_with('\t') && !line.starts_with("[20");
    let lines = output.stdout.lines().chain(output.stderr.lines());
    let lines = lines.filter(is_read).map(|line| {
        let is_dated = line.starts_with("20") && line.contains('T');
        let line = match line.split_once(' ').filter(|_| is_dated) {
            Some((_, line)) => line,
            None => line,
        };
        format!("{}\n", shown(line).trim_end())
    });
    lines.collect()
}

/// `kafka-cluster list-endpoints`: the number and the state of each broker.
fn states(asked: &Broker) -> Vec<(String, String)> {
    let listed = asked.tool_first(
        "org.apache.kafka.tools.ClusterTool",
        "list-endpoints",
        &["--include-fenced-brokers"],
    );
    let output = listed.run().succeeded();
    let lines = output.stdout.lines().skip(1);
    let states = lines.filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        Some((words.first()?.to_string(), words.get(4)?.to_string()))
    });
    // Kafka's brokers tell of them in an order of their own.
    let mut states: Vec<(String, String)> = states.collect();
    states.sort();
    states
}

#[track_caller]
fn await_states(asked: &Broker, awaited: &[(&str, &str)]) {
    let started = Instant::now();
    loop {
        let told = states(asked);
        let told: Vec<_> = told.iter().map(|(id, state)| (&**id, &**state)).collect();
        if told == awaited {
            return;
        }
        assert!(started.elapsed() < LIMIT, "{told:?} instead of {awaited:?}");
        thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_broker_of_kafka_joins_forebays_controller_holds_partitions_and_leaves() {
    let lab = needs!(Java);
    let forebay = Broker::start(&lab, Kind::Forebay, &[]);
    let mut kafka = Broker::joining(&forebay, Kind::Kafka, 2);
    await_states(&forebay, &[("1", "unfenced"), ("2", "unfenced")]);

    let topics = "org.apache.kafka.tools.TopicCommand";
    let create = |args: &[&str]| {
        let args = [&["--create", "--topic"], args].concat();
        forebay.tool(topics, &args).run().succeeded();
    };
    create(&["chosen", "--replica-assignment", "2"]);
    let led_by_kafka = "Leader: 2 Replicas: 2 Isr: 2";
    assert_eq!(partitions(&forebay, "chosen"), [led_by_kafka]);
    create(&["spread", "--partitions", "4", "--replication-factor", "1"]);
    let spread = partitions(&forebay, "spread");
    let on_kafka = spread.iter().filter(|line| *line == led_by_kafka);
    assert_eq!(on_kafka.count(), 2, "{spread:?}");

    let passed_on = kafka.tool(topics, &["--create", "--topic", "passed-on"]);
    passed_on.run().succeeded();
    assert_eq!(partitions(&forebay, "passed-on").len(), 1);

    let producer = "org.apache.kafka.tools.ConsoleProducer";
    let produce = forebay.tool(producer, &["--topic", "chosen"]);
    produce.input("one\ntwo\n").run().succeeded();
    let offsets = kafka.tool(
        "org.apache.kafka.tools.GetOffsetShell",
        &["--topic", "chosen"],
    );
    assert_eq!(offsets.run().succeeded().stdout.trim(), "chosen:0:2");

    kafka.stop();
    await_states(&forebay, &[("1", "unfenced"), ("2", "fenced")]);
    let leaderless = "Leader: none Replicas: 2 Isr: 2";
    assert_eq!(partitions(&forebay, "chosen"), [leaderless]);
    kafka.resume();
    await_states(&forebay, &[("1", "unfenced"), ("2", "unfenced")]);
    assert_eq!(partitions(&forebay, "chosen"), [led_by_kafka]);

    kafka.kill();
    await_states(&forebay, &[("1", "unfenced"), ("2", "fenced")]);
    let forget = forebay.tool_first(
        "org.apache.kafka.tools.ClusterTool",
        "unregister",
        &["--id", "2"],
    );
    forget.run().succeeded();
    await_states(&forebay, &[("1", "unfenced")]);
}
