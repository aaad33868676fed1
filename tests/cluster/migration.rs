//! A cluster of Apache Kafka becomes one of Forebay, broker by broker and controller by controller,
//! while clients produce and consume: the steps of `docs/cluster.md`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::dynamic::{Asked, add, await_voters, directory, remove};
use crate::replicating::{SOON, assert_equal_replicas, await_in_sync, create};
use crate::support::{Broker, Kind, Lab, needs};
use crate::workload::{Clients, Load, SETTINGS, TOPIC, assert_is_kept, randomness, tell};
use crate::{LIMIT, await_states, partitions};

const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";
const REASSIGN: &str = "org.apache.kafka.tools.reassign.ReassignPartitionsCommand";
const CLUSTER: &str = "org.apache.kafka.tools.ClusterTool";
const CONSUMER: &str = "org.apache.kafka.tools.consumer.ConsoleConsumer";
const GROUPS: &str = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";

/// The old brokers, and the new ones.
const KAFKA: [u32; 2] = [11, 12];
const FOREBAY: [u32; 2] = [21, 22];

/// The topics that there are, each with how many partitions it has.
const MOVED: [(&str, usize); 3] = [(TOPIC, 6), ("kept", 1), ("__consumer_offsets", 3)];

/// A broker that finds the controllers of both kinds.
fn prepared(controllers: &[Broker], kind: Kind, id: u32) -> Broker {
    let broker = Broker::prepared_to_join(&controllers[0], kind, id);
    let servers = controllers.iter();
    let servers = servers.map(|one| format!("127.0.0.1:{}", one.controller));
    let servers = servers.collect::<Vec<_>>().join(",");
    broker.set(&SETTINGS);
    broker.set(&SOON);
    broker.set(&[
        ("controller.quorum.bootstrap.servers", &servers),
        ("offsets.topic.num.partitions", "3"),
        ("offsets.topic.replication.factor", "2"),
    ]);
    broker
}

/// Has every partition lie on the new brokers alone, and waits until it does.
#[track_caller]
fn move_to_forebay(asked: &Broker) {
    let [one, other] = FOREBAY;
    let moved = MOVED.iter().flat_map(|(topic, count)| {
        (0..*count).map(move |index| {
            let replicas = match index % 2 {
                0 => [one, other],
                _ => [other, one],
            };
            json!({ "topic": topic, "partition": index, "replicas": replicas })
        })
    });
    let moved: Vec<Value> = moved.collect();
    let file = asked.data().with_extension("json");
    let text = json!({ "version": 1, "partitions": moved }).to_string();
    fs::write(&file, text).expect("target/ can be written");
    let file = file.display().to_string();
    let reassign = |what: &str| {
        let args = ["--reassignment-json-file", &file, what];
        asked.tool(REASSIGN, &args).run().succeeded().stdout
    };
    let begun = reassign("--execute");
    assert!(begun.contains("Successfully started"), "{begun}");
    let started = Instant::now();
    loop {
        let told = reassign("--verify");
        if !told.contains("is still in progress") {
            return;
        }
        assert!(started.elapsed() < LIMIT, "{told}");
        thread::sleep(Duration::from_millis(500));
    }
}

/// Where the group stands in each partition.
fn offsets(asked: &Broker, group: &str) -> BTreeMap<String, String> {
    let describe = asked.tool(GROUPS, &["--describe", "--group", group]);
    let told = describe.run().succeeded().stdout;
    let lines = told.lines().filter(|line| line.starts_with(group));
    lines
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            (format!("{}-{}", words[1], words[2]), words[3].to_owned())
        })
        .collect()
}

fn consume(asked: &Broker, count: &str) -> String {
    let args = ["--topic", "kept", "--group", "readers", "--from-beginning"];
    let consume = asked.tool(CONSUMER, &args).args(["--max-messages", count]);
    consume.run().succeeded().stdout
}

fn produce(asked: &Broker, lines: &str) {
    let class = "org.apache.kafka.tools.ConsoleProducer";
    let produce = asked.tool(class, &["--topic", "kept"]);
    produce.input(lines).run().succeeded();
}

/// A member of a group that reads on through all of it.
fn read_on(lab: &Lab, server: &str, end: &Path) -> thread::JoinHandle<crate::support::Output> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/load/Consumed.java");
    let end = end.display().to_string();
    let member = lab.java(source, 600).args([server, TOPIC, &end]);
    thread::spawn(move || member.run())
}

#[test]
fn a_cluster_of_apache_kafka_becomes_one_of_forebay_under_load() {
    let lab = needs!(Python, Java);
    let (seed, _) = randomness();
    let mut controllers = Broker::unformatted_controllers(&lab, &[Kind::Kafka, Kind::Forebay]);
    controllers[0].format_quorum(&["--standalone"]);
    controllers[0].launch();
    await_voters(Asked::Controller(&controllers[0]), &[1]);
    let mut old = KAFKA.map(|id| prepared(&controllers, Kind::Kafka, id));
    old.iter_mut().for_each(Broker::resume);
    create(&old[0], "2", "1");
    let kept = ["--create", "--topic", "kept", "--replication-factor", "2"];
    old[0].tool(TOPICS, &kept).run().succeeded();
    produce(&old[0], "one\ntwo\n");
    assert_eq!(consume(&old[0], "2"), "one\ntwo\n");
    let stood = offsets(&old[0], "readers");
    assert_eq!(stood.get("kept-0").map(String::as_str), Some("2"));

    let mut new = FOREBAY.map(|id| prepared(&controllers, Kind::Forebay, id));
    let all = old.iter().chain(&new).map(Broker::bootstrap);
    let server = all.collect::<Vec<_>>().join(",");
    let load = Load::of(Clients::new(&lab, &server), seed);
    let end = old[0].data().with_extension("end");
    drop(fs::remove_file(&end));
    let member = read_on(&lab, &server, &end);

    new.iter_mut().for_each(Broker::resume);
    let joined = ["11", "12", "21", "22"].map(|id| (id, "unfenced"));
    await_states(&old[0], &joined);
    move_to_forebay(&old[0]);
    for broker in &mut old {
        broker.stop();
    }
    let states = [("11", "fenced"), ("12", "fenced"), ("21", "unfenced")];
    let states = [&states[..], &[("22", "unfenced")]].concat();
    await_states(&new[0], &states);
    for id in KAFKA {
        let id = id.to_string();
        let forget = new[0].tool_first(CLUSTER, "unregister", &["--id", &id]);
        forget.run().succeeded();
    }
    await_states(&new[0], &[("21", "unfenced"), ("22", "unfenced")]);

    controllers[1].format_quorum(&["--no-initial-controllers"]);
    controllers[1].launch();
    add(Asked::Broker(&new[0]), &controllers[1]);
    let (_, voters) = await_voters(Asked::Broker(&new[0]), &[1, 2]);
    remove(Asked::Broker(&new[0]), 1, directory(&voters, 1));
    await_voters(Asked::Controller(&controllers[1]), &[2]);
    controllers[0].stop();
    let late = ["--create", "--topic", "late", "--replication-factor", "2"];
    new[1].tool(TOPICS, &late).run().succeeded();
    assert_eq!(partitions(&new[0], "late").len(), 1);

    assert_eq!(offsets(&new[1], "readers"), stood);
    produce(&new[0], "three\n");
    assert_eq!(consume(&new[1], "1"), "three\n", "the group goes on");
    thread::sleep(Duration::from_secs(1));
    let acknowledged = load.finish();
    fs::write(&end, "").expect("target/ can be written");
    let member = member.join().expect("the member's thread ends");
    tell(&member.succeeded().stderr);
    await_in_sync(&new[0], 2);
    assert_is_kept(&lab, &new[0], &acknowledged);
    for broker in &mut new {
        broker.stop();
    }
    assert_equal_replicas(&lab, &[&new[0], &new[1]]);
}
