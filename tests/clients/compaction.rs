//! Compaction beside Apache Kafka's: the same records go, the same stay, at the same offsets.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::support::{Broker, Kind, Lab, assert_equal, needs};

const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";
const PRODUCER: &str = "org.apache.kafka.tools.ConsoleProducer";
const CONSUMER: &str = "org.apache.kafka.tools.consumer.ConsoleConsumer";
const DUMP: &str = "org.apache.kafka.tools.DumpLogSegments";

/// Both look for logs to compact all the time.
const SETTINGS: [(&str, &str); 1] = [("log.cleaner.backoff.ms", "100")];

/// Rounds of records as the console producer takes them; `-` stands for no value.
const ROUNDS: [&str; 5] = [
    "a:1\nb:1\nc:1\nd:1\n",
    "a:2\nb:2\nonly here:1\n",
    "a:3\nc:-\ne:1\n",
    "b:3\nd:-\nf:1\n",
    "active:1\n",
];

/// How long a broker may take to compact a few hundred bytes.
const PATIENCE: Duration = Duration::from_secs(60);

fn produce_rounds(broker: &Broker, topic: &str) {
    let create = [
        "--create",
        "--topic",
        topic,
        "--config",
        "cleanup.policy=compact",
        "--config",
        "segment.ms=100",
        "--config",
        "min.cleanable.dirty.ratio=0.01",
    ];
    broker.tool(TOPICS, &create).run().succeeded();
    for round in ROUNDS {
        // A console producer takes longer to start than a segment lasts.
        let args = [
            "--topic",
            topic,
            "--property",
            "parse.key=true",
            "--property",
            "key.separator=:",
            "--property",
            "null.marker=-",
        ];
        broker.tool(PRODUCER, &args).input(round).run().succeeded();
    }
}

fn consumed(broker: &Broker, topic: &str) -> String {
    let args = [
        "--topic",
        topic,
        "--partition",
        "0",
        "--offset",
        "earliest",
        "--timeout-ms",
        "5000",
        "--property",
        "print.offset=true",
        "--property",
        "print.key=true",
    ];
    broker.tool(CONSUMER, &args).run().stdout
}

/// What is there once the broker has compacted all that it may.
fn compacted(broker: &Broker, topic: &str) -> String {
    let started = Instant::now();
    loop {
        let found = consumed(broker, topic);
        // The records of the first round that others supersede are the first to go.
        if !found.contains("\ta\t1\n") && !found.contains("\td\t1\n") {
            return found;
        }
        assert!(
            started.elapsed() < PATIENCE,
            "nothing is compacted: {found}"
        );
    }
}

/// The files of the segments of a topic's partition, sorted.
fn segments(broker: &Broker, topic: &str) -> Vec<PathBuf> {
    let folder = broker.data().join(format!("{topic}-0"));
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the partition has a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .collect();
    files.sort();
    files
}

/// Wait until the segments are as few as they become: one that is compacted and the active one.
fn await_merged(broker: &Broker, topic: &str) {
    let started = Instant::now();
    while segments(broker, topic).len() > 2 {
        assert!(
            started.elapsed() < PATIENCE,
            "nothing is merged: {:?}",
            segments(broker, topic)
        );
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn dumped(lab: &Lab, broker: &Broker, topic: &str) -> String {
    let files = segments(broker, topic);
    let files: Vec<String> = files
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let output = lab
        .java(DUMP, 60)
        .args(["--deep-iteration", "--print-data-log", "--files"])
        .args([files.join(",")])
        .run();
    output.succeeded().stdout
}

#[test]
fn the_records_that_apache_kafka_keeps_are_kept_and_it_goes_on_with_what_we_left() {
    let lab = needs!(Java);
    let kafka = Broker::start(&lab, Kind::Kafka, &SETTINGS);
    let mut forebay = Broker::start(&lab, Kind::Forebay, &SETTINGS);
    let mut seen = Vec::new();
    for broker in [&kafka, &forebay] {
        produce_rounds(broker, "compacted");
        compacted(broker, "compacted");
        await_merged(broker, "compacted");
        seen.push(consumed(broker, "compacted"));
    }
    assert_equal(&seen[0], &seen[1]);
    assert!(seen[1].contains("\tonly here\t1\n"), "{}", seen[1]);
    forebay.stop();
    let dump = dumped(&lab, &forebay, "compacted");
    assert!(dump.contains("deleteHorizonMs: OptionalLong["), "{dump}");
    for complaint in ["invalid bytes", "isvalid: false", "Exception"] {
        assert!(!dump.contains(complaint), "{dump}");
    }
    let mut copy = Broker::on_copy_of(&forebay, Kind::Kafka);
    copy.resume();
    assert_equal(&seen[1], &consumed(&copy, "compacted"));
    forebay.resume();
    assert_equal(&seen[1], &consumed(&forebay, "compacted"));
}

/// The batches that a dump tells, without the names of files.
fn batches(dump: &str) -> String {
    let lines = dump
        .lines()
        .filter(|line| line.starts_with("baseOffset:") || line.starts_with('|'));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_compaction_of_apache_kafka_that_a_crash_interrupted_ends_as_with_apache_kafka() {
    let lab = needs!(Java);
    let settings = [("log.cleaner.enable", "false")];
    let mut forebay = Broker::start(&lab, Kind::Forebay, &settings);
    produce_rounds(&forebay, "crashed");
    forebay.stop();
    let files = segments(&forebay, "crashed");
    assert!(files.len() >= ROUNDS.len(), "{files:?}");
    // The first and the third segment are to be one; of the second nothing stays. The fourth was
    // not finished.
    let read = |index: usize| fs::read(&files[index]).expect("a segment");
    let swap = [read(0), read(2)].concat();
    let beside = |index: usize, extension| files[index].with_extension(extension);
    fs::write(beside(0, "log.swap"), swap).expect("it is written");
    for extension in ["index.swap", "timeindex.swap"] {
        fs::write(beside(0, extension), []).expect("it is written");
    }
    fs::write(beside(3, "log.cleaned"), "half of it").expect("it is written");
    let mut kafka = Broker::on_copy_of(&forebay, Kind::Kafka);
    let mut seen = Vec::new();
    for broker in [&mut kafka, &mut forebay] {
        broker.resume();
        seen.push(consumed(broker, "crashed"));
        broker.stop();
        let names = segments(broker, "crashed").into_iter();
        let names: Vec<_> = names
            .map(|path| path.file_name().expect("a name").to_owned())
            .collect();
        seen.push(format!("{names:?}"));
        seen.push(batches(&dumped(&lab, broker, "crashed")));
    }
    let (kafka, forebay) = seen.split_at(3);
    assert!(!forebay[0].contains("only here"), "{}", forebay[0]);
    for (kafka, forebay) in kafka.iter().zip(forebay) {
        assert_equal(kafka, forebay);
    }
}
