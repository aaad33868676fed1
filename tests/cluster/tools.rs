//! The tools that move replicas and leaders between brokers, on the same steps with three brokers
//! of either kind.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Broker, Kind, Lab, Output, assert_equal, needs};
use crate::{LIMIT, await_states, create_on, read_lines};

const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";
const CONFIGS: &str = "kafka.admin.ConfigCommand";
const REASSIGN: &str = "org.apache.kafka.tools.reassign.ReassignPartitionsCommand";
const ELECT: &str = "org.apache.kafka.tools.LeaderElectionCommand";
const CLUSTER: &str = "org.apache.kafka.tools.ClusterTool";
const VERIFICATION: &str = "org.apache.kafka.tools.ReplicaVerificationTool";
const PRODUCER: &str = "org.apache.kafka.tools.ConsoleProducer";
const PERFORMANCE: &str = "org.apache.kafka.tools.ProducerPerformance";

/// What is moved, and how fast: at least ten seconds of it, in answers of 1 MiB at most.
const MOVED_RECORDS: &str = "3000";
const RECORD_BYTES: &str = "1000";
const SLOW: &str = "100000";

/// A node that is the controller, too, and two brokers.
struct Cluster {
    nodes: [Broker; 3],
    json: PathBuf,
}

impl Cluster {
    fn start(lab: &Lab, kind: Kind) -> Self {
        let first = match kind {
            Kind::Kafka => Broker::start_for_forebay(lab, &[]),
            Kind::Forebay => Broker::start(lab, kind, &[]),
        };
        let second = Broker::joining(&first, kind, 2);
        let third = Broker::joining(&first, kind, 3);
        await_states(&first, &["1", "2", "3"].map(|id| (id, "unfenced")));
        let json = first.data().with_extension("json");
        Self {
            nodes: [first, second, third],
            json,
        }
    }

    /// All that a person reads, without what differs from cluster to cluster.
    fn said(&self, args: &[&str], output: &Output) -> String {
        let lines = read_lines(output, str::to_owned);
        let text = format!("$ {}\n{lines}exit {:?}\n", args.join(" "), output.status);
        let text = text.replace(&self.json.display().to_string(), "FILE");
        let nodes = self.nodes.iter().zip(["DATA-1", "DATA-2", "DATA-3"]);
        nodes.fold(text, |text, (node, name)| {
            let data = node.data().display().to_string();
            let text = text.replace(&format!("\"{data}\""), name);
            text.replace(&node.bootstrap(), "SERVER")
        })
    }

    fn tool(&self, class: &str, args: &[&str]) -> String {
        // The last broker is asked: it has the controller do what only that can.
        let output = self.nodes[1].tool(class, args).run();
        self.said(args, &output)
    }

    /// `kafka-reassign-partitions` with this assignment of the partitions of `t`.
    fn reassign(&self, replicas: &[&[i32]], more: &[&str]) -> String {
        let partitions = replicas.iter().enumerate().map(
            |(index, replicas)| json!({ "topic": "t", "partition": index, "replicas": replicas }),
        );
        let partitions: Vec<Value> = partitions.collect();
        let json = json!({ "version": 1, "partitions": partitions });
        std::fs::write(&self.json, json.to_string()).expect("target/ can be written");
        let name = self.json.display().to_string();
        self.tool(
            REASSIGN,
            &[&["--reassignment-json-file", &name], more].concat(),
        )
    }

    /// The same until nothing is under way any more.
    fn verify(&self, replicas: &[&[i32]]) -> String {
        let started = Instant::now();
        loop {
            let said = self.reassign(replicas, &["--verify"]);
            if !said.contains("is still in progress") {
                return said;
            }
            assert!(started.elapsed() < LIMIT, "{said}");
            thread::sleep(Duration::from_millis(500));
        }
    }

    /// What is throttled, and how much.
    fn throttles(&self) -> String {
        let of = |kind: &str, name: &str| {
            let args = ["--describe", "--entity-type", kind, "--entity-name", name];
            let told = self.nodes[0].tool(CONFIGS, &args).run().succeeded().stdout;
            // In the order of their names: each tool has its own.
            let mut lines: Vec<&str> = told.lines().map(str::trim).collect();
            lines[1..].sort_unstable();
            lines.join("\n") + "\n"
        };
        [of("topics", "t"), of("brokers", "1"), of("brokers", "3")].concat()
    }

    /// Leader and replicas of each partition, and how many are in sync, once that is so many.
    fn described(&self) -> String {
        let started = Instant::now();
        loop {
            let told = crate::partitions(&self.nodes[0], "t");
            // Those in sync have no order.
            let lines = told.iter().filter_map(|line| {
                let (line, isr) = line.split_once(" Isr: ")?;
                (isr.split(',').count() == 2).then(|| format!("{line}\n"))
            });
            let lines: Vec<String> = lines.collect();
            if lines.len() == told.len() {
                return lines.concat();
            }
            assert!(started.elapsed() < LIMIT, "{told:?}");
            thread::sleep(Duration::from_millis(200));
        }
    }
}

/// What `kafka-replica-verification` tells of three replicas of each of two partitions.
fn verification(lab: &Lab, kind: Kind) -> String {
    let cluster = Cluster::start(lab, kind);
    for (topic, replicas) in [("even", "1:2:3"), ("odd", "3:2:1")] {
        create_on(&cluster.nodes[0], topic, replicas);
        let produce = cluster.nodes[0].tool(PRODUCER, &["--topic", topic]);
        produce.input("one\ntwo\nthree\n").run().succeeded();
    }
    // It goes on until it is ended, here by the time that a tool has.
    let server = cluster.nodes[0].bootstrap();
    let args = ["--broker-list", &server, "--report-interval-ms", "1000"];
    let output = lab.java(VERIFICATION, 15).args(args).run();
    let lags = output.stdout.lines().filter_map(|line| {
        let (_, lag) = line.split_once(": ")?;
        lag.split_once(" for partition ").map(|(lag, _)| lag)
    });
    let lags: Vec<&str> = lags.collect();
    assert!(lags.len() > 1, "{}{}", output.stdout, output.stderr);
    let others = output
        .stdout
        .lines()
        .filter(|line| !line.contains("max lag"));
    let others: Vec<&str> = others.collect();
    format!(
        "{}\n{} lines of another kind\n",
        lags[lags.len() - 1],
        others.len()
    )
}

#[test]
fn the_tool_that_compares_replicas_finds_them_equal_beside_kafkas() {
    let lab = needs!(Java);
    let [kafka, forebay] = Kind::BOTH.map(|kind| verification(&lab, kind));
    assert!(kafka.contains("max lag is 0"), "{kafka}");
    assert_equal(&kafka, &forebay);
}

fn session(mut cluster: Cluster) -> String {
    let mut text = cluster.tool(
        TOPICS,
        &[
            "--create",
            "--topic",
            "t",
            "--replica-assignment",
            "1:2,2:1",
        ],
    );
    let server = format!("bootstrap.servers={}", cluster.nodes[0].bootstrap());
    let load = [
        "--topic",
        "t",
        "--num-records",
        MOVED_RECORDS,
        "--record-size",
        RECORD_BYTES,
        "--throughput",
        "-1",
        "--producer-props",
        &server,
    ];
    let produce = cluster.nodes[0].tool_alone(PERFORMANCE, &load);
    produce.run().succeeded();

    let back: [&[i32]; 2] = [&[1, 2], &[2, 1]];
    let away: [&[i32]; 2] = [&[3, 2], &[2, 3]];
    text += &cluster.reassign(&away, &["--execute", "--throttle", SLOW]);
    text += &cluster.throttles();
    text += &cluster.tool(REASSIGN, &["--list"]);
    // Without a throttle this would have ended long ago.
    thread::sleep(Duration::from_secs(2));
    text += &cluster.tool(REASSIGN, &["--list"]);
    text += &cluster.reassign(&away, &["--execute", "--throttle", SLOW]);
    text += &cluster.reassign(&away, &["--cancel"]);
    text += &cluster.throttles();
    text += &cluster.described();
    text += &cluster.tool(REASSIGN, &["--list"]);
    text += &cluster.reassign(&away, &["--cancel"]);

    let fast = "100000000";
    text += &cluster.reassign(&away, &["--execute", "--throttle", fast]);
    text += &cluster.verify(&away);
    text += &cluster.throttles();
    text += &cluster.described();
    text += &cluster.reassign(&back, &["--execute"]);
    text += &cluster.verify(&back);
    let preferred = [
        "--election-type",
        "preferred",
        "--topic",
        "t",
        "--partition",
        "0",
    ];
    text += &cluster.tool(ELECT, &preferred);
    text += &cluster.tool(ELECT, &preferred);
    let all = ["--election-type", "preferred", "--all-topic-partitions"];
    text += &cluster.tool(ELECT, &all);
    text += &cluster.described();

    cluster.nodes[2].kill();
    await_states(
        &cluster.nodes[0],
        &[("1", "unfenced"), ("2", "unfenced"), ("3", "fenced")],
    );
    for id in ["3", "9"] {
        let forget = cluster.nodes[0].tool_first(CLUSTER, "unregister", &["--id", id]);
        text += &cluster.said(&["unregister", id], &forget.run());
    }
    text
}

#[test]
fn replicas_and_leaders_are_moved_by_the_same_commands_in_the_same_words() {
    let lab = needs!(Java);
    let [kafka, forebay] = Kind::BOTH.map(|kind| session(Cluster::start(&lab, kind)));
    assert_equal(&kafka, &forebay);
}
