//! The operator's commands on a cluster of three brokers, of Forebay and of Apache Kafka: after
//! each of them Apache Kafka's own tools tell the same.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Broker, Kind, Output, Program, needs};
use crate::{LIMIT, await_states, create_on, partitions};

const REASSIGN: &str = "org.apache.kafka.tools.reassign.ReassignPartitionsCommand";
const CONFIGS: &str = "kafka.admin.ConfigCommand";

/// Brokers are noticed to be dead soon, and nobody but the commands elects leaders.
const SETTINGS: [(&str, &str); 3] = [
    ("broker.heartbeat.interval.ms", "500"),
    ("broker.session.timeout.ms", "3000"),
    ("auto.leader.rebalance.enable", "false"),
];

/// What `kafka-reassign-partitions --list` says when there is nothing to say.
const NONE: &str = "No partition reassignments found.";

/// A reassignment that is only asked for.
const THROTTLED: [&str; 4] = ["--execute", "--no-wait", "--throttle", "1000000"];

fn joined(first: &Broker, node_id: u32) -> Broker {
    let mut broker = Broker::prepared_to_join(first, first.kind, node_id);
    broker.set(&SETTINGS);
    broker.resume();
    broker
}

fn forebay(asked: &Broker, args: &[&str]) -> Output {
    let server = ["--bootstrap-server".to_owned(), asked.bootstrap()];
    Program::new(Path::new(env!("CARGO_BIN_EXE_forebay")), 120)
        .args(args)
        .args(server)
        .run()
}

/// What a command prints for programs, and its exit status.
#[track_caller]
fn json(asked: &Broker, args: &[&str]) -> (Value, Option<i32>) {
    let output = forebay(asked, &[args, &["--json"]].concat());
    let document = serde_json::from_str(&output.stdout);
    let document = document.unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (document, output.status)
}

/// The one line of a command that was refused.
#[track_caller]
fn refused(asked: &Broker, args: &[&str]) -> String {
    let output = forebay(asked, args);
    assert_eq!(output.status, Some(1), "{output:?}");
    assert_eq!(output.stdout, "", "{output:?}");
    assert_eq!(output.stderr.lines().count(), 1, "{output:?}");
    output.stderr.trim_end().to_owned()
}

/// `kafka-reassign-partitions --list`.
fn reassignments(asked: &Broker) -> String {
    let listed = asked.tool(REASSIGN, &["--list"]).run().succeeded();
    listed.stdout.trim().to_owned()
}

/// The leader, the replicas and those in sync of each partition, by `kafka-topics`.
fn told(asked: &Broker, topic: &str) -> Vec<(i32, Vec<i32>)> {
    let lines = partitions(asked, topic);
    let numbers = |text: &str| -> Vec<i32> {
        let numbers = text.split(',').map(|number| number.parse());
        numbers.collect::<Result<_, _>>().unwrap_or_default()
    };
    let read = |line: &String| {
        let words: Vec<&str> = line.split_whitespace().collect();
        (words[1].parse().unwrap_or(-1), numbers(words[3]))
    };
    lines.iter().map(read).collect()
}

fn count_of(id: i32, all: &[(i32, Vec<i32>)]) -> (usize, usize) {
    let leads = all.iter().filter(|(leader, _)| *leader == id).count();
    let holds = all.iter().filter(|(_, replicas)| replicas.contains(&id));
    (leads, holds.count())
}

/// Everything that `kafka-configs` tells of settings that topics and brokers were given while they
/// ran, and that is about throttles or cordons.
fn left_settings(asked: &Broker) -> Vec<String> {
    let mut left = Vec::new();
    for kind in ["topics", "brokers"] {
        let described = asked.tool(CONFIGS, &["--describe", "--entity-type", kind]);
        let output = described.run().succeeded();
        let lines = output.stdout.lines();
        let lines = lines.filter(|line| line.contains("throttled") || line.contains("cordoned"));
        left.extend(lines.map(str::to_owned));
    }
    left
}

#[track_caller]
fn await_healthy(asked: &Broker) {
    let started = Instant::now();
    loop {
        let (status, _) = json(asked, &["cluster", "status"]);
        if status["state"] == "healthy" {
            return;
        }
        assert!(started.elapsed() < LIMIT, "{status}");
        thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_cluster_of_forebay_is_operated() {
    operate(Kind::Forebay);
}

#[test]
fn a_cluster_of_apache_kafka_is_operated_by_the_same_commands() {
    operate(Kind::Kafka);
}

fn operate(kind: Kind) {
    let lab = needs!(Java);
    let first = Broker::start(&lab, kind, &SETTINGS);
    let second = joined(&first, 2);
    let mut third = joined(&first, 3);
    await_states(
        &first,
        &[("1", "unfenced"), ("2", "unfenced"), ("3", "unfenced")],
    );
    create_on(&first, "pairs", "3:1,3:2,1:2,2:3,3:1,2:1");
    create_on(&first, "triple", "3:1:2");
    create_on(&first, "lone", "3");
    await_healthy(&first);

    shows_its_status(&first);
    drains_and_rejoins(&first, &second);
    refuses_what_makes_no_sense(&first);
    reassigns(&first, &mut third);
    decommissions(&first, &mut third);
    let fourth = joined(&first, 4);
    await_states(
        &first,
        &[("1", "unfenced"), ("2", "unfenced"), ("4", "unfenced")],
    );
    balances(&first);
    drop((second, fourth));
}

fn shows_its_status(first: &Broker) {
    let (status, exit) = json(first, &["cluster", "status"]);
    assert_eq!(exit, Some(0), "{status}");
    assert_eq!(status["quorum"]["leader"], 1);
    assert_eq!(status["quorum"]["voters"][0]["lag"], 0);
    assert_eq!(
        status["quorum"]["observers"].as_array().map(Vec::len),
        Some(2)
    );
    assert_eq!(status["partitions"]["total"], 8);
    let brokers = status["brokers"].as_array().expect("a list");
    let told: Vec<_> = brokers
        .iter()
        .map(|one| {
            (
                &one["broker"],
                &one["leaders"],
                &one["replicas"],
                &one["state"],
            )
        })
        .map(|one| format!("{} {} {} {}", one.0, one.1, one.2, one.3))
        .collect();
    assert_eq!(told, ["1 1 5 \"ok\"", "2 2 5 \"ok\"", "3 5 6 \"ok\""]);
    let text = forebay(first, &["cluster", "status"]).succeeded().stdout;
    assert!(
        text.contains("  healthy\n") && text.contains("8 partitions, every"),
        "{text}"
    );
}

fn drains_and_rejoins(first: &Broker, second: &Broker) {
    let (drained, exit) = json(first, &["cluster", "drain", "3"]);
    assert_eq!(exit, Some(1), "lone has no other replica: {drained}");
    assert_eq!(
        drained["without_other_replica"],
        serde_json::json!(["lone-0"])
    );
    assert_eq!(drained["not_moved"], serde_json::json!([]));
    let pairs = told(first, "pairs");
    assert_eq!(count_of(3, &pairs), (0, 4), "{pairs:?}");
    for (leader, replicas) in pairs.iter().chain(&told(first, "triple")) {
        assert_eq!(leader, &replicas[0]);
        assert!(
            !replicas.contains(&3) || replicas.last() == Some(&3),
            "{replicas:?}"
        );
    }
    assert_eq!(reassignments(second), NONE);
    if first.kind == Kind::Kafka {
        assert_eq!(drained["cordoned"], true);
    }
    if drained["cordoned"] == true {
        let create = ["topic", "create", "new", "--partitions", "6"];
        forebay(first, &create).succeeded();
        assert_eq!(count_of(3, &told(first, "new")), (0, 0));
        forebay(first, &["topic", "delete", "new", "--yes"]).succeeded();
    }

    let (back, exit) = json(first, &["cluster", "rejoin", "3"]);
    assert_eq!(exit, Some(0), "{back}");
    assert_eq!(back["was_cordoned"], drained["cordoned"]);
    let all = [
        told(first, "pairs"),
        told(first, "triple"),
        told(first, "lone"),
    ]
    .concat();
    let leads = [1, 2, 3].map(|id| count_of(id, &all).0);
    assert_eq!(leads.iter().sum::<usize>(), 8);
    assert!(
        leads.iter().all(|count| (2..=3).contains(count)),
        "{leads:?}"
    );
    assert_eq!(left_settings(first), [""; 0]);
}

fn refuses_what_makes_no_sense(first: &Broker) {
    let before = [
        told(first, "pairs"),
        told(first, "triple"),
        told(first, "lone"),
    ];
    for command in ["drain", "rejoin", "decommission", "unregister"] {
        let line = refused(first, &["cluster", command, "9"]);
        assert_eq!(line, "forebay: there is no broker 9: there are 1,2,3");
    }
    let line = refused(first, &["cluster", "decommission", "3"]);
    let reason = "triple-0 has 3 replicas, and without broker 3 only 2 brokers could hold one";
    assert_eq!(
        line,
        format!("forebay: cannot decommission broker 3: {reason}")
    );
    let line = refused(first, &["cluster", "unregister", "3"]);
    assert!(
        line.contains("`forebay cluster decommission 3` moves them"),
        "{line}"
    );
    let line = refused(
        first,
        &[
            "topic",
            "reassign",
            "triple",
            "--brokers",
            "1,2",
            "--execute",
        ],
    );
    assert_eq!(
        line,
        "forebay: triple-0 has 3 replicas, more than 2 brokers"
    );
    let line = refused(
        first,
        &["topic", "reassign", "lone", "--brokers", "1,7", "--execute"],
    );
    assert_eq!(line, "forebay: there is no broker 7: there are 1,2,3");
    let line = refused(
        first,
        &["topic", "reassign", "none", "--brokers", "1", "--execute"],
    );
    assert_eq!(line, "forebay: there is no topic \"none\"");
    assert_eq!(
        [
            told(first, "pairs"),
            told(first, "triple"),
            told(first, "lone")
        ],
        before
    );
    assert_eq!(left_settings(first), [""; 0]);
}

fn reassigns(first: &Broker, third: &mut Broker) {
    let input: String = (0..1000).map(|number| format!("{number}\n")).collect();
    let server = ["--bootstrap-server".to_owned(), first.bootstrap()];
    let produce = Program::new(Path::new(env!("CARGO_BIN_EXE_forebay")), 60);
    let produce = produce.args(["produce", "lone"]).args(server).input(&input);
    produce.run().succeeded();

    let args = ["topic", "reassign", "lone", "--brokers", "1"];
    let (plan, _) = json(first, &args);
    assert_eq!(plan["copies"], 1);
    assert_eq!(
        told(first, "lone"),
        [(3, vec![3])],
        "a plan changes nothing"
    );
    forebay(first, &[&args[..], &["--execute"]].concat()).succeeded();
    assert_eq!(told(first, "lone"), [(1, vec![1])]);
    let consume = ["consume", "lone", "--to-end"];
    assert_eq!(forebay(first, &consume).succeeded().stdout, input);

    let file = first.data().with_file_name("plan.json");
    let entry = r#"{"topic":"lone","partition":0,"replicas":[3],"log_dirs":["any"]}"#;
    std::fs::write(&file, format!("{{\"version\":1,\"partitions\":[{entry}]}}"))
        .expect("target/ can be written");
    let path = file.display().to_string();
    tells_and_takes_back_what_is_on_its_way(first, third, &path);
    ends_what_was_asked_for(first, third, &path);
}

/// Onto a broker that is down a reassignment has no end, so its middle can be looked at.
fn tells_and_takes_back_what_is_on_its_way(first: &Broker, third: &mut Broker, path: &str) {
    third.stop();
    await_states(
        first,
        &[("1", "unfenced"), ("2", "unfenced"), ("3", "fenced")],
    );
    let (status, exit) = json(first, &["cluster", "status"]);
    assert_eq!(
        (&status["state"], exit),
        (&"degraded".into(), Some(0)),
        "{status}"
    );
    assert_eq!(status["brokers"][2]["state"], "fenced");
    let with = |args: &[&'static str]| [&["topic", "reassign", "--file", path], args].concat();
    forebay(first, &with(&THROTTLED)).succeeded();
    let listed = reassignments(first);
    assert!(
        listed.contains("lone-0: replicas: 3,1. adding: 3. removing: 1."),
        "{listed}"
    );
    let throttle = left_settings(first);
    let has = |text: &str| throttle.iter().any(|line| line.contains(text));
    for set in [
        "leader.replication.throttled.replicas=0:1",
        "follower.replication.throttled.replicas=0:3",
        "leader.replication.throttled.rate=1000000",
        "follower.replication.throttled.rate=1000000",
    ] {
        assert!(has(set), "{set}: {throttle:?}");
    }
    let (verified, exit) = json(first, &with(&["--verify"]));
    assert_eq!((&verified[0]["state"], exit), (&"moving".into(), Some(1)));
    assert_eq!(
        left_settings(first),
        throttle,
        "it is needed as long as it moves"
    );
    let (cancelled, _) = json(first, &["topic", "reassign", "lone", "--cancel"]);
    assert_eq!(cancelled["cancelled"], serde_json::json!(["lone-0"]));
    assert_eq!(reassignments(first), NONE);
    assert_eq!(left_settings(first), [""; 0]);
    assert_eq!(told(first, "lone"), [(1, vec![1])]);
}

/// What was asked for without waiting goes on by itself, and ends when the broker is there.
fn ends_what_was_asked_for(first: &Broker, third: &mut Broker, path: &str) {
    let with = |args: &[&'static str]| [&["topic", "reassign", "--file", path], args].concat();
    forebay(first, &with(&THROTTLED)).succeeded();
    third.resume();
    let verify = ["--verify", "--reassignment-json-file", path];
    let started = Instant::now();
    while json(first, &with(&["--verify"])).1 != Some(0) {
        assert!(started.elapsed() < LIMIT, "{}", reassignments(first));
        thread::sleep(Duration::from_millis(200));
    }
    let verified = first.tool(REASSIGN, &verify).run().succeeded().stdout;
    assert!(verified.contains("lone-0 is completed"), "{verified}");
    assert_eq!(left_settings(first), [""; 0]);
    assert_eq!(told(first, "lone"), [(3, vec![3])]);

    let (elected, exit) = json(first, &["topic", "elect-leaders"]);
    assert_eq!(exit, Some(0), "{elected}");
    for topic in ["pairs", "triple", "lone"] {
        for (leader, replicas) in told(first, topic) {
            assert_eq!(leader, replicas[0], "{topic}");
        }
    }
}

fn decommissions(first: &Broker, third: &mut Broker) {
    await_healthy(first);
    forebay(first, &["topic", "delete", "triple", "--yes"]).succeeded();
    let before = told(first, "pairs");
    let (plan, _) = json(first, &["cluster", "decommission", "3", "--plan"]);
    assert_eq!(plan["copies"], 5, "{plan}");
    assert_eq!(told(first, "pairs"), before);
    let throttle = ["--throttle", "50000000"];
    let args = [&["cluster", "decommission", "3"], &throttle[..]].concat();
    let text = forebay(first, &args).succeeded().stdout;
    assert!(
        text.contains("last step: stop it, then: forebay cluster unregister 3"),
        "{text}"
    );
    let after = told(first, "pairs");
    assert_eq!(count_of(3, &after), (0, 0), "{after:?}");
    assert_eq!(
        after.iter().map(|(_, replicas)| replicas.len()).max(),
        Some(2)
    );
    assert_eq!(count_of(3, &told(first, "lone")), (0, 0));
    assert_eq!(reassignments(first), NONE);
    let left = left_settings(first);
    assert!(
        left.iter().all(|line| line.contains("cordoned")),
        "{left:?}"
    );
    let consume = ["consume", "lone", "--to-end"];
    assert_eq!(
        forebay(first, &consume).succeeded().stdout.lines().count(),
        1000
    );

    let line = refused(first, &["cluster", "unregister", "3"]);
    assert_eq!(
        line,
        "forebay: cannot unregister broker 3: it is alive: stop it first"
    );
    third.stop();
    await_states(
        first,
        &[("1", "unfenced"), ("2", "unfenced"), ("3", "fenced")],
    );
    forebay(first, &["cluster", "unregister", "3"]).succeeded();
    await_states(first, &[("1", "unfenced"), ("2", "unfenced")]);
}

fn balances(first: &Broker) {
    let before = told(first, "pairs");
    let (plan, _) = json(first, &["cluster", "balance"]);
    assert!(plan["copies"].as_u64() > Some(0), "{plan}");
    assert_eq!(told(first, "pairs"), before, "a plan changes nothing");
    forebay(first, &["cluster", "balance", "--execute"]).succeeded();
    let all = [told(first, "pairs"), told(first, "lone")].concat();
    let holds = [1, 2, 4].map(|id| count_of(id, &all).1);
    assert!(
        holds.iter().all(|count| (3..=6).contains(count)),
        "{holds:?}"
    );
    assert_eq!(holds.iter().sum::<usize>(), 13, "no replica is lost");
    assert_eq!(reassignments(first), NONE);
    let again = forebay(first, &["cluster", "balance", "--execute"]).succeeded();
    assert!(again.stdout.contains("nothing to move"), "{again:?}");
    await_healthy(first);
}

#[test]
fn the_only_broker_is_not_drained() {
    let lab = needs!();
    let alone = Broker::start(&lab, Kind::Forebay, &[]);
    let line = refused(&alone, &["cluster", "drain", "1"]);
    assert_eq!(
        line,
        "forebay: cannot drain broker 1: no other broker is alive to lead"
    );
    forebay(&alone, &["topic", "create", "t"]).succeeded();
    let line = refused(&alone, &["cluster", "decommission", "1"]);
    let reason = "t-0 has 1 replica, and without broker 1 only 0 brokers could hold one";
    assert_eq!(
        line,
        format!("forebay: cannot decommission broker 1: {reason}")
    );
}
