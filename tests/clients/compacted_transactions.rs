//! Compaction of the same segments by Apache Kafka and by Forebay: of transactions that committed
//! and that aborted, of tombstones, of producers that went and of those that go on, the same stays.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Broker, Kind, Lab, Program, assert_equal, needs};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/Compacted.java");
const DUMP: &str = "org.apache.kafka.tools.DumpLogSegments";
const TOPIC: &str = "compacted";
const PARTITIONS: usize = 2;

/// All look for logs to compact all the time.
const SETTINGS: [(&str, &str); 2] = [
    ("log.cleaner.backoff.ms", "100"),
    ("transaction.state.log.num.partitions", "1"),
];

/// How long a broker may take to compact a few megabytes.
const PATIENCE: Duration = Duration::from_secs(60);

/// What each of the commands of `Compacted.java` printed.
fn java(lab: &Lab, commands: &[String]) -> Vec<String> {
    let told = lab.java(SOURCE, 120).args(commands).run().succeeded();
    let told: Vec<String> = told.stdout.split("==\n").map(str::to_owned).collect();
    told[..commands.len()].to_vec()
}

fn tell(broker: &Broker) -> String {
    format!("tell={}", broker.bootstrap())
}

fn import(broker: &Broker) {
    let data = broker.data().display().to_string();
    let import = Program::new(env!("CARGO_BIN_EXE_forebay"), 60);
    let import = import.args(["import", "--data-dir", &data]);
    import.run().succeeded();
}

/// The lines of the checkpoint of what is compacted that are about the topic.
fn compacted_to(broker: &Broker) -> Vec<String> {
    let path = broker.data().join("cleaner-offset-checkpoint");
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().filter(|line| line.starts_with(TOPIC));
    let mut lines: Vec<String> = lines.map(str::to_owned).collect();
    lines.sort();
    lines
}

/// Waits until the broker has compacted each partition of the topic, in this life.
fn await_compacted(broker: &Broker, before: &[String]) {
    let started = Instant::now();
    let is_done = || match broker.kind {
        Kind::Kafka => {
            let now = compacted_to(broker);
            now.len() == PARTITIONS && now.iter().all(|line| !before.contains(line))
        }
        // It writes the checkpoint when it stops.
        Kind::Forebay => {
            let told = broker.log();
            let runs = told
                .lines()
                .filter(|line| line.contains("compacted up to offset"));
            runs.filter(|line| line.contains(TOPIC)).count() == PARTITIONS
        }
    };
    while !is_done() {
        let told = broker.log();
        assert!(started.elapsed() < PATIENCE, "nothing is compacted: {told}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// The files of a partition of a stopped broker that end so, in order.
fn files(broker: &Broker, partition: usize, ending: &str) -> Vec<PathBuf> {
    let folder = broker.data().join(format!("{TOPIC}-{partition}"));
    let entries = fs::read_dir(folder).expect("the partition has a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|end| end == ending))
        .collect();
    files.sort();
    files
}

/// A batch, a record or an aborted transaction, as `kafka-dump-log` tells it.
type Line = Vec<(String, String)>;

fn words(line: &str) -> Line {
    let words: Vec<&str> = line
        .split_whitespace()
        .filter(|word| *word != "|")
        .collect();
    let pairs = words.chunks(2);
    pairs
        .map(|pair| (pair[0].to_owned(), pair.get(1).unwrap_or(&"").to_string()))
        .collect()
}

fn word<'a>(line: &'a Line, name: &str) -> &'a str {
    let found = line.iter().find(|(known, _)| known == name);
    found.map_or("", |(_, value)| value)
}

/// What is in the partitions of a stopped broker, whichever files it is in: the batches with their
/// records, then the aborted transactions of the indexes.
fn dumped(lab: &Lab, broker: &Broker) -> Vec<Line> {
    let mut all = Vec::new();
    for partition in 0..PARTITIONS {
        all.extend(files(broker, partition, "log"));
        all.extend(files(broker, partition, "txnindex"));
    }
    let names: Vec<String> = all.iter().map(|path| path.display().to_string()).collect();
    let dump = lab.java(DUMP, 60);
    let dump = dump.args(["--deep-iteration", "--print-data-log", "--files"]);
    let dump = dump.args([names.join(",")]).run().succeeded();
    for complaint in ["invalid bytes", "isvalid: false", "Exception"] {
        assert!(!dump.stdout.contains(complaint), "{}", dump.stdout);
    }
    let told = ["baseOffset:", "|", "version:"];
    let lines = dump.stdout.lines();
    let lines = lines.filter(|line| told.iter().any(|start| line.starts_with(start)));
    lines.map(words).collect()
}

fn checksums(lines: &[Line]) -> BTreeSet<String> {
    let batches = lines.iter().filter(|line| !word(line, "crc:").is_empty());
    batches.map(|line| word(line, "crc:").to_owned()).collect()
}

/// The text that must be the same of both. Left out are the place in a file; of delete horizons how
/// late they are, since each broker sets them by its clock; and the bytes of what was written anew
/// with such a horizon, or compressed anew, which each library does in its own way. What was not
/// written anew has the same bytes.
fn comparable(lines: &[Line], untouched: &BTreeSet<String>) -> String {
    let mut text = String::new();
    for line in lines {
        let horizon = word(line, "deleteHorizonMs:");
        let is_own = (horizon.contains('[') || word(line, "compresscodec:") != "none")
            && !untouched.contains(word(line, "crc:"));
        for (name, value) in line {
            match name.as_str() {
                "position:" => continue,
                "size:" | "crc:" if is_own => continue,
                "deleteHorizonMs:" if horizon.contains('[') => text.push_str("deleteHorizonMs"),
                _ => text.push_str(&format!("{name} {value}")),
            }
            text.push(' ');
        }
        text.push('\n');
    }
    text
}

/// What readers of committed records find, but for tombstones, which may go.
fn committed(told: &str) -> String {
    let lines = told
        .lines()
        .filter(|line| line.starts_with("read_committed"));
    let lines = lines.filter(|line| !line.contains(" null at "));
    lines.map(|line| format!("{line}\n")).collect()
}

/// How many lines say all of this.
fn count(lines: &[Line], said: &[(&str, &str)]) -> usize {
    let says = |line: &&Line| said.iter().all(|(name, value)| word(line, name) == *value);
    lines.iter().filter(says).count()
}

/// The topic may be compacted from now on.
fn let_compact(broker: &Broker) {
    let name = "min.cleanable.dirty.ratio";
    let often = json!({ "Name": name, "ConfigOperation": 0, "Value": "0.01" });
    let topic = json!({ "ResourceType": 2, "ResourceName": TOPIC, "Configs": [often] });
    let asked = json!({ "Resources": [topic] });
    let answer = broker.connect().ask("IncrementalAlterConfigs", 1, &asked);
    let answer = answer.expect("an answer");
    assert_eq!(answer["Responses"][0]["ErrorCode"], 0, "{answer}");
}

/// Asserts that what Apache Kafka and Forebay left of what was there is the same, and tells of each
/// kind of loss that there was one.
fn assert_equal_rest(original: &[Line], by_kafka: &[Line], by_forebay: &[Line]) {
    let untouched = checksums(original);
    assert_equal(
        &comparable(by_kafka, &untouched),
        &comparable(by_forebay, &untouched),
    );
    let had_horizon = |line: &&Line| word(line, "deleteHorizonMs:").contains('[');
    let markers = |lines: &[Line]| -> BTreeSet<String> {
        let lines = lines.iter().filter(had_horizon);
        let markers = lines.filter(|line| word(line, "isControl:") == "true");
        markers
            .map(|line| word(line, "baseOffset:").to_owned())
            .collect()
    };
    let (before, after) = (markers(original), markers(by_forebay));
    assert!(before.difference(&after).count() > 0, "markers went");
    assert!(after.difference(&before).count() > 0, "markers got a time");
    let tombstones = |lines: &[Line]| count(lines, &[("valueSize:", "-1")]);
    assert!(tombstones(by_forebay) > 0, "tombstones wait for their time");
    assert!(tombstones(by_forebay) < tombstones(original));
    let empty = [("count:", "0"), ("isControl:", "false")];
    assert!(count(by_forebay, &empty) > 0, "sequences stay");
    let aborted = |lines: &[Line]| count(lines, &[("version:", "0")]);
    assert!(aborted(by_forebay) > 0 && aborted(by_forebay) < aborted(original));
    let batches = |lines: &[Line]| checksums(lines).len();
    println!(
        "{} batches became {}, {} of them as they were",
        batches(original),
        batches(by_forebay),
        untouched.intersection(&checksums(by_forebay)).count()
    );
}

#[test]
fn of_transactions_the_same_stays_as_with_apache_kafka_and_each_goes_on_with_the_others_result() {
    let lab = needs!(Java);
    let mut kafka = Broker::start(&lab, Kind::Kafka, &SETTINGS);
    let server = kafka.bootstrap();
    // What comes first was compacted many times, what comes later never.
    let fill = [
        format!("create={server}"),
        format!("fill={server},1,0"),
        format!("rest={server}"),
        format!("fill={server},2,1"),
        tell(&kafka),
    ];
    let before = java(&lab, &fill).pop().expect("the last one tells");
    kafka.stop();
    let original = dumped(&lab, &kafka);
    let compacted_before = compacted_to(&kafka);
    let mut forebay = Broker::on_copy_of(&kafka, Kind::Forebay);
    forebay.set(&SETTINGS);
    import(&forebay);
    for broker in [&mut kafka, &mut forebay] {
        broker.resume();
        let_compact(broker);
        await_compacted(broker, &compacted_before);
    }
    let views = java(&lab, &[tell(&kafka), tell(&forebay)]);
    assert_equal(&views[0], &views[1]);
    assert_equal(&committed(&before), &committed(&views[0]));
    kafka.stop();
    forebay.stop();
    assert_eq!(compacted_to(&kafka), compacted_to(&forebay));
    let (by_kafka, by_forebay) = (dumped(&lab, &kafka), dumped(&lab, &forebay));
    assert_equal_rest(&original, &by_kafka, &by_forebay);

    kafka.hand_to(Kind::Forebay);
    import(&kafka);
    forebay.hand_to(Kind::Kafka);
    for broker in [&mut kafka, &mut forebay] {
        broker.resume();
    }
    for view in java(&lab, &[tell(&kafka), tell(&forebay)]) {
        assert_equal(&views[0], &view);
    }
    let log = forebay.log();
    let odd = |line: &&str| line.contains("Recovering") || line.contains("ERROR");
    let odd: Vec<&str> = log.lines().filter(odd).collect();
    assert!(odd.is_empty(), "{odd:?}");
}
