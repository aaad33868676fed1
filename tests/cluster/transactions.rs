//! Transactions whose coordinator is a broker of Apache Kafka, in partitions that brokers of either
//! kind lead and follow: readers of committed records see these and no others, whoever dies.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::replicating::{SOON, assert_equal_replicas, await_in_sync, create, dumped};
use crate::support::{Broker, Kind, Lab, Output, Program, needs};
use crate::workload::{SETTINGS, TOPIC, pause, randomness, rounds, tell};
use crate::{LIMIT, await_states, partitions};

const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";
const SOURCE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/cluster/Transactions.java"
);
const TRANSACTIONS: &str = "org.apache.kafka.tools.TransactionsCommand";

/// As many as the topic of the other loads has.
const PARTITIONS: &str = "6";

/// More than any of these tests takes.
const SECONDS_MAX: u32 = 600;

/// As many partitions as the topic of the coordinator gets here.
const COORDINATOR: (&str, &str) = ("transaction.state.log.num.partitions", "1");

fn settings() -> Vec<(&'static str, &'static str)> {
    let back_soon = ("leader.imbalance.check.interval.seconds", "2");
    [&SETTINGS[..], &SOON[..], &[back_soon, COORDINATOR]].concat()
}

/// Transactional producers at work.
struct Load {
    folder: PathBuf,
    client: JoinHandle<Output>,
}

impl Load {
    fn start(lab: &Lab, broker: &Broker, seed: u64) -> Self {
        let name = format!("transactions-{}", broker.port);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        drop(fs::remove_dir_all(&folder));
        fs::create_dir_all(&folder).expect("target/ can be written");
        let path = |name: &str| folder.join(name).display().to_string();
        let (begun, end, seed) = (path("begun"), path("end"), seed.to_string());
        let server = broker.bootstrap();
        let args = ["produce", &server, TOPIC, PARTITIONS, &begun, &end, &seed];
        let program = lab.java(SOURCE, SECONDS_MAX).args(args);
        let client = thread::spawn(move || program.run());
        while !client.is_finished() && !folder.join("begun").exists() {
            thread::sleep(Duration::from_millis(10));
        }
        Self { folder, client }
    }

    /// The records that were committed.
    #[track_caller]
    fn finish(self) -> BTreeSet<String> {
        fs::write(self.folder.join("end"), "").expect("target/ can be written");
        let output = self.client.join().expect("a client's thread ends");
        let output = output.succeeded();
        tell(&output.stderr);
        drop(fs::remove_dir_all(&self.folder));
        lines(&output.stdout)
    }
}

fn lines(text: &str) -> BTreeSet<String> {
    text.lines().map(str::to_owned).collect()
}

fn read(lab: &Lab, broker: &Broker, level: &str) -> BTreeSet<String> {
    let args = ["read", &broker.bootstrap(), TOPIC, PARTITIONS, level];
    let output = lab.java(SOURCE, 120).args(args).run().succeeded();
    let found = lines(&output.stdout);
    assert_eq!(
        found.len(),
        output.stdout.lines().count(),
        "each is found once"
    );
    found
}

/// Asserts that readers find what was committed, and nothing else.
#[track_caller]
fn assert_committed_alone(lab: &Lab, broker: &Broker, committed: &BTreeSet<String>) {
    let differs = |reader: &str, found: &BTreeSet<String>| {
        let lost: Vec<_> = committed.difference(found).take(5).collect();
        let false_ones: Vec<_> = found.difference(committed).take(5).collect();
        assert!(
            lost.is_empty() && false_ones.is_empty(),
            "{reader} missed {lost:?} and found {false_ones:?}"
        );
    };
    differs("Java", &read(lab, broker, "read_committed"));
    let reader = lab.python("load/acknowledged.py", 120);
    let reader = reader.args(["read", &broker.bootstrap(), TOPIC]);
    differs("librdkafka", &lines(&reader.run().succeeded().stdout));
    let all = read(lab, broker, "read_uncommitted");
    let aborted = all.difference(committed).count();
    tell(&format!(
        "{} committed, {aborted} aborted\n",
        committed.len()
    ));
    assert!(committed.is_subset(&all) && aborted > 0);
}

/// The aborted transactions of a partition that a stopped broker has, as `kafka-dump-log` tells
/// them. The last stable offset of an entry is left out: a follower of Apache Kafka that gets
/// several batches at once counts transactions as open that begin behind the one that has ended.
fn aborted(lab: &Lab, broker: &Broker, partition: usize) -> Vec<String> {
    let dump = dumped(lab, broker, partition, "txnindex");
    let entries = dump.lines();
    let entries = entries.filter_map(|line| line.split_once(" lastStableOffset: "));
    entries.map(|(entry, _)| entry.to_owned()).collect()
}

/// Asserts that the stopped brokers have the same batches and the same aborted transactions.
#[track_caller]
fn assert_equal_transactions(lab: &Lab, brokers: &[&Broker]) {
    assert_equal_replicas(lab, brokers);
    let mut count = 0;
    for partition in 0..PARTITIONS.parse().expect("a number") {
        let first = aborted(lab, brokers[0], partition);
        count += first.len();
        for other in &brokers[1..] {
            assert_eq!(
                aborted(lab, other, partition),
                first,
                "partition {partition}"
            );
        }
    }
    tell(&format!("{count} aborted transactions in the indexes\n"));
    assert!(count > 0);
}

/// The topic of the coordinator, on the one broker that coordinates.
fn coordinate_on(asked: &Broker, broker: &str) {
    let create = [
        "--create",
        "--topic",
        "__transaction_state",
        "--replica-assignment",
        broker,
        "--config",
        "cleanup.policy=compact",
    ];
    asked.tool(TOPICS, &create).run().succeeded();
}

/// Waits until each broker leads what it leads first.
#[track_caller]
fn await_first_leaders(asked: &Broker) {
    let started = Instant::now();
    let leads_first = |line: &String| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words[3].split(',').next() == Some(words[1])
    };
    loop {
        let told = partitions(asked, TOPIC);
        if told.iter().all(leads_first) {
            return;
        }
        assert!(started.elapsed() < LIMIT, "{told:?}");
        thread::sleep(Duration::from_millis(200));
    }
}

/// Transactions in a cluster of `first`, which is never killed, and brokers 2 and 3 of `kinds`,
/// which are in turns as long as `dies` says so of them; each comes back to lead again.
#[track_caller]
fn only_the_committed_is_seen(lab: &Lab, mut first: Broker, kinds: [Kind; 2], dies: [bool; 2]) {
    let (seed, mut random) = randomness();
    let mut brokers = [(2, kinds[0]), (3, kinds[1])].map(|(id, kind)| {
        let mut broker = Broker::prepared_to_join(&first, kind, id);
        broker.set(&settings());
        broker.resume();
        broker
    });
    let all_live = [("1", "unfenced"), ("2", "unfenced"), ("3", "unfenced")];
    await_states(&first, &all_live);
    let coordinator = match first.kind {
        Kind::Kafka => "1",
        Kind::Forebay => "3",
    };
    coordinate_on(&first, coordinator);
    create(&first, "3", "2");
    let load = Load::start(lab, &first, seed);
    for _ in 0..rounds(2) {
        for number in (0..2).filter(|number| dies[*number]) {
            pause(&mut random, 500..2_000);
            brokers[number].kill();
            let mut states = all_live;
            states[number + 1].1 = "fenced";
            await_states(&first, &states);
            pause(&mut random, 500..2_000);
            brokers[number].resume();
            await_states(&first, &all_live);
            await_in_sync(&first, 3);
            await_first_leaders(&first);
        }
    }
    pause(&mut random, 500..1_000);
    let committed = load.finish();
    await_in_sync(&first, 3);
    for asked in [&first, &brokers[0], &brokers[1]] {
        assert_committed_alone(lab, asked, &committed);
    }
    let told = brokers[0].log();
    let of_topic = |line: &&str| line.contains("acks=all acknowledges") && line.contains(TOPIC);
    let lines = told.lines().filter(of_topic).count() as u64;
    assert!(
        (1..=1 + rounds(2)).contains(&lines),
        "once in each life: {told}"
    );
    for broker in &mut brokers {
        broker.stop();
    }
    first.stop();
    assert_equal_transactions(lab, &[&first, &brokers[0], &brokers[1]]);
}

#[test]
fn transactions_of_an_apache_kafka_cluster_outlive_brokers_of_both_kinds() {
    let lab = needs!(Python, Java);
    let kafka = Broker::start_for_forebay(&lab, &settings());
    let kinds = [Kind::Forebay, Kind::Kafka];
    only_the_committed_is_seen(&lab, kafka, kinds, [true, true]);
}

#[test]
fn transactions_that_apache_kafka_coordinates_outlive_brokers_of_a_forebay_cluster() {
    let lab = needs!(Python, Java);
    let forebay = Broker::start(&lab, Kind::Forebay, &settings());
    let kinds = [Kind::Forebay, Kind::Kafka];
    only_the_committed_is_seen(&lab, forebay, kinds, [true, false]);
}

#[test]
fn kafkas_tool_describes_a_transaction_that_was_left_and_aborts_it() {
    let lab = needs!(Java);
    let kafka = Broker::start_for_forebay(&lab, &[COORDINATOR]);
    let forebay = Broker::joining(&kafka, Kind::Forebay, 2);
    await_states(&kafka, &[("1", "unfenced"), ("2", "unfenced")]);
    coordinate_on(&kafka, "1");
    let create = ["--create", "--topic", TOPIC, "--replica-assignment", "2"];
    kafka.tool(TOPICS, &create).run().succeeded();
    let leave = ["leave", &forebay.bootstrap(), TOPIC, "left"];
    let left = lab.java(SOURCE, 60).args(leave).run().succeeded();
    assert_eq!(left.stdout.trim(), "0");
    let ask = |command: &str, args: &[&str]| {
        let tool = forebay.tool(TRANSACTIONS, &[command]).args(args);
        tool.run().succeeded().stdout
    };
    let place = ["--topic", TOPIC, "--partition", "0"];
    let producers = ask("describe-producers", &place);
    let line = producers.lines().nth(1).expect("there is a producer");
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words.last(), Some(&"0"), "it began there: {producers}");
    let one = ["read", &forebay.bootstrap(), TOPIC, "1"];
    let read = |level| {
        lab.java(SOURCE, 60)
            .args(one)
            .args([level])
            .run()
            .succeeded()
    };
    assert_eq!(read("read_committed").stdout, "");
    assert_eq!(read("read_uncommitted").stdout, "0 0 left 0\n");
    ask("abort", &[&place[..], &["--start-offset", "0"]].concat());
    let producers = ask("describe-producers", &place);
    assert!(producers.contains("None"), "nothing is open: {producers}");
    let produce = forebay.tool(
        "org.apache.kafka.tools.ConsoleProducer",
        &["--topic", TOPIC],
    );
    produce.input("after 1\n").run().succeeded();
    assert_eq!(read("read_committed").stdout, "0 2 after 1\n");

    // An index that is lost is missed, and made anew from the records.
    let mut forebay = forebay;
    forebay.stop();
    let index = format!("{TOPIC}-0/00000000000000000000.txnindex");
    let index = forebay.data().join(index);
    let before = fs::read(&index).expect("there is an index");
    fs::remove_file(&index).expect("it can be removed");
    let data = forebay.data().display().to_string();
    let verify = |more: &[&str]| {
        let forebay = Program::new(env!("CARGO_BIN_EXE_forebay"), 60);
        forebay
            .args(["verify", "--data-dir", &data])
            .args(more)
            .run()
    };
    let found = verify(&[]);
    let told = format!("{}{}", found.stdout, found.stderr);
    assert_eq!(found.status, Some(1), "{told}");
    assert!(told.contains("it does not tell of what producer"), "{told}");
    verify(&["--repair"]);
    assert_eq!(fs::read(&index).expect("it is there again"), before);
    assert_eq!(verify(&[]).status, Some(0));
}
