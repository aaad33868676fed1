//! Partitions with several replicas, whose brokers die under load: what was acknowledged is there,
//! in order, once, and all replicas have the same batches.

use std::thread;
use std::time::{Duration, Instant};

use forebay::stdx::Random;

use crate::support::{Broker, Kind, Lab, needs};
use crate::workload::{Load, SETTINGS, TOPIC, assert_is_kept, pause, randomness, rounds};
use crate::{LIMIT, await_states, partitions};

const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";
const DUMP: &str = "org.apache.kafka.tools.DumpLogSegments";

/// Of the topic that the clients produce to.
const PARTITIONS: usize = 6;

/// Brokers are noticed to be dead soon, so that a round is short.
pub const SOON: [(&str, &str); 2] = [
    ("broker.heartbeat.interval.ms", "500"),
    ("broker.session.timeout.ms", "3000"),
];

/// The log is longer than one segment, and its first one stays.
pub fn settings() -> Vec<(&'static str, &'static str)> {
    [&SETTINGS[..], &SOON[..]].concat()
}

fn joined(controller: &Broker, kind: Kind, node_id: u32) -> Broker {
    let mut broker = Broker::prepared_to_join(controller, kind, node_id);
    broker.set(&settings());
    broker.resume();
    broker
}

/// Waits until every replica of the topic is in sync.
#[track_caller]
pub fn await_in_sync(asked: &Broker, replicas: usize) {
    let started = Instant::now();
    loop {
        let told = partitions(asked, TOPIC);
        let in_sync = |line: &String| {
            let isr = line.split("Isr: ").nth(1).unwrap_or_default();
            isr.split(' ').next().unwrap_or_default().split(',').count()
        };
        if told.len() == PARTITIONS && told.iter().all(|line| in_sync(line) == replicas) {
            return;
        }
        assert!(started.elapsed() < LIMIT, "not all are in sync: {told:?}");
        thread::sleep(Duration::from_millis(200));
    }
}

/// What `kafka-dump-log` prints of the files of a stopped broker's partition that end so.
pub fn dumped(lab: &Lab, broker: &Broker, partition: usize, ending: &str) -> String {
    let folder = broker.data().join(format!("{TOPIC}-{partition}"));
    let entries = std::fs::read_dir(&folder).expect("the broker has the partition");
    let paths = entries.map(|entry| entry.expect("the folder can be read").path());
    let files = paths.filter(|path| path.extension().is_some_and(|end| end == ending));
    let mut files: Vec<String> = files.map(|path| path.display().to_string()).collect();
    if files.is_empty() {
        return String::new();
    }
    files.sort();
    let dump = lab.java(DUMP, 60).args(["--files", &files.join(",")]);
    dump.run().succeeded().stdout
}

/// The batches of a partition that a stopped broker has, as `kafka-dump-log` tells them, but for
/// where in which file they are.
fn batches(lab: &Lab, broker: &Broker, partition: usize) -> Vec<String> {
    let dump = dumped(lab, broker, partition, "log");
    let lines = dump.lines().filter(|line| line.starts_with("baseOffset:"));
    let without_place = |line: &str| {
        let (before, after) = line.split_once(" position: ").expect("it has a position");
        let (_, after) = after.split_once(' ').expect("more follows");
        format!("{before} {after}")
    };
    lines.map(without_place).collect()
}

/// Asserts that the stopped brokers have the same batches.
#[track_caller]
pub fn assert_equal_replicas(lab: &Lab, brokers: &[&Broker]) {
    for partition in 0..PARTITIONS {
        let first = batches(lab, brokers[0], partition);
        assert!(!first.is_empty(), "nothing is in partition {partition}");
        for other in &brokers[1..] {
            let found = batches(lab, other, partition);
            let differ = first.iter().zip(&found).find(|(one, two)| one != two);
            assert!(differ.is_none(), "partition {partition}: {differ:?}");
            assert_eq!(first.len(), found.len(), "partition {partition}");
        }
    }
}

pub fn create(asked: &Broker, replicas: &str, in_sync_min: &str) {
    let in_sync_min = format!("min.insync.replicas={in_sync_min}");
    let partitions = PARTITIONS.to_string();
    let create = asked.tool(
        TOPICS,
        &[
            "--create",
            "--topic",
            TOPIC,
            "--partitions",
            &partitions,
            "--replication-factor",
            replicas,
            "--config",
            &in_sync_min,
        ],
    );
    create.run().succeeded();
}

/// Kills one of `brokers` after the other, and lets each come back when others lead in its place.
fn kill_in_turns(
    (controller, replicas): (&Broker, usize),
    brokers: &mut [Broker],
    rounds: u64,
    random: &mut Random,
) {
    let count = brokers.len();
    for _ in 0..rounds {
        for number in 0..count {
            pause(random, 200..2_000);
            brokers[number].kill();
            let states = |fenced: Option<usize>| {
                let brokers = (0..count).map(|one| {
                    let state = if fenced == Some(one) {
                        "fenced"
                    } else {
                        "unfenced"
                    };
                    ((one + 2).to_string(), state)
                });
                let first = ("1".to_owned(), "unfenced");
                std::iter::once(first).chain(brokers).collect::<Vec<_>>()
            };
            let await_all = |states: &[(String, &str)]| {
                let states: Vec<_> = states.iter().map(|(id, state)| (&**id, *state)).collect();
                await_states(controller, &states);
            };
            await_all(&states(Some(number)));
            brokers[number].resume();
            await_all(&states(None));
            await_in_sync(controller, replicas);
        }
    }
}

/// Brokers of `kinds` join `controller` and die under load, one after the other. Every replica is
/// to have what was acknowledged, of which fewer than `in_sync_min` in sync take nothing.
#[track_caller]
fn nothing_acknowledged_is_lost(
    lab: &Lab,
    mut controller: Broker,
    kinds: &[Kind],
    in_sync_min: &str,
) {
    let (seed, mut random) = randomness();
    let mut brokers: Vec<Broker> = (2..)
        .zip(kinds)
        .map(|(id, kind)| joined(&controller, *kind, id))
        .collect();
    let replicas = 1 + brokers.len();
    create(&controller, &replicas.to_string(), in_sync_min);
    let load = Load::start(lab, &controller, seed);
    kill_in_turns(
        (&controller, replicas),
        &mut brokers,
        rounds(2),
        &mut random,
    );
    let acknowledged = load.finish();
    await_in_sync(&controller, replicas);
    assert_is_kept(lab, &controller, &acknowledged);
    for broker in &mut brokers {
        broker.stop();
    }
    controller.stop();
    let all: Vec<&Broker> = std::iter::once(&controller).chain(&brokers).collect();
    assert_equal_replicas(lab, &all);
}

#[test]
fn leaders_of_three_replicas_die_and_nothing_acknowledged_is_lost() {
    let lab = needs!(Python, Java);
    let controller = Broker::start(&lab, Kind::Forebay, &settings());
    nothing_acknowledged_is_lost(&lab, controller, &[Kind::Forebay; 2], "2");
}

#[test]
fn replicas_of_apache_kafka_and_of_forebay_are_equal_though_the_latter_dies() {
    let lab = needs!(Python, Java);
    let controller = Broker::start_for_forebay(&lab, &settings());
    nothing_acknowledged_is_lost(&lab, controller, &[Kind::Forebay], "1");
}

#[test]
fn replicas_of_forebay_and_of_apache_kafka_are_equal_though_the_latter_dies() {
    let lab = needs!(Python, Java);
    let controller = Broker::start(&lab, Kind::Forebay, &settings());
    nothing_acknowledged_is_lost(&lab, controller, &[Kind::Kafka], "1");
}

#[test]
fn a_group_goes_on_where_it_was_when_its_coordinator_dies() {
    let lab = needs!(Java);
    let controller = Broker::controller_alone(&lab);
    let mut brokers = [2, 3, 4].map(|id| {
        let mut broker = Broker::prepared_to_join(&controller, Kind::Forebay, id);
        broker.set(&SOON);
        broker.set(&[("offsets.topic.replication.factor", "3")]);
        broker.resume();
        broker
    });
    let create = |asked: &Broker| {
        let args = ["--create", "--topic", "read", "--replication-factor", "3"];
        asked.tool(TOPICS, &args).run().succeeded();
    };
    create(&brokers[0]);
    let produce = |asked: &Broker, lines: &str| {
        let class = "org.apache.kafka.tools.ConsoleProducer";
        let produce = asked.tool(class, &["--topic", "read"]);
        produce.input(lines).run().succeeded();
    };
    let consume = |asked: &Broker, count: &str| {
        let class = "org.apache.kafka.tools.consumer.ConsoleConsumer";
        let args = ["--topic", "read", "--group", "readers", "--from-beginning"];
        let consume = asked.tool(class, &args).args(["--max-messages", count]);
        consume.run().succeeded().stdout
    };
    produce(&brokers[0], "one\ntwo\n");
    assert_eq!(consume(&brokers[1], "2"), "one\ntwo\n");
    let described = brokers[0].tool(
        "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
        &["--describe", "--group", "readers", "--state"],
    );
    let state = described.run().succeeded().stdout;
    let coordinator = (2..=4).find(|id| state.contains(&format!("({id})")));
    let coordinator = coordinator.unwrap_or_else(|| panic!("nobody coordinates: {state}")) - 2;
    brokers[coordinator].kill();
    let asked = &brokers[(coordinator + 1) % 3];
    produce(asked, "three\n");
    assert_eq!(
        consume(asked, "1"),
        "three\n",
        "what was committed is known"
    );
}
