//! The broker dies or is stopped while clients work.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::workload::{Load, SETTINGS, TOPIC, assert_is_kept, pause, randomness, rounds, tell};
use crate::support::{Broker, Kind, needs};

/// As often is the broker killed under load.
const KILLS: u64 = 50;

/// Files of the data directory whose names begin and end so, with their folders before them.
fn files(data: &Path, prefix: &str, suffix: &str) -> Vec<String> {
    let entries = fs::read_dir(data).expect("the data directory is there");
    let folders = entries.flatten().map(|entry| entry.path());
    let files = folders.flat_map(|path| match fs::read_dir(&path) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
        Err(_) => vec![path],
    });
    let relative = files.filter_map(|path| Some(path.strip_prefix(data).ok()?.to_owned()));
    let names = relative.map(|path| path.display().to_string());
    names
        .filter(|name| name.starts_with(prefix) && name.ends_with(suffix))
        .collect()
}

#[test]
fn what_was_acknowledged_is_there_once_and_in_order_after_fifty_kills_under_load() {
    let lab = needs!(Python, Java);
    let (seed, mut random) = randomness();
    let mut broker = Broker::start(&lab, Kind::Forebay, &SETTINGS);
    let load = Load::start(&lab, &broker, seed);
    let mut kills_with_a_journal = 0;
    for _ in 0..rounds(KILLS) {
        pause(&mut random, 50..1200);
        broker.kill();
        kills_with_a_journal +=
            usize::from(!files(&broker.data(), "forebay-journal", "").is_empty());
        // Some die while they start.
        while random.chance(1, 4) {
            broker.launch();
            pause(&mut random, 1..250);
            broker.kill();
        }
        broker.resume();
    }
    let acknowledged = load.finish();
    assert_is_kept(&lab, &broker, &acknowledged);
    // The kills met all ways of a record to the disk.
    let segments = files(&broker.data(), TOPIC, ".log").len();
    tell(&format!(
        "{kills_with_a_journal} kills with a journal, {segments} segments\n"
    ));
    assert!(kills_with_a_journal > 0, "no kill met a journal");
    assert!(segments > 10, "{segments} segments: hardly one was rolled");
}

#[test]
fn what_was_acknowledged_is_there_once_and_in_order_after_a_stop_under_load() {
    let lab = needs!(Python, Java);
    let (seed, mut random) = randomness();
    let mut broker = Broker::start(&lab, Kind::Forebay, &SETTINGS);
    let load = Load::start(&lab, &broker, seed);
    pause(&mut random, 1000..3000);
    let took = broker.stop();
    tell(&format!(
        "stopped by SIGTERM under load in {} ms\n",
        took.as_millis()
    ));
    broker.resume();
    let acknowledged = load.finish();
    assert_is_kept(&lab, &broker, &acknowledged);
}

#[test]
fn what_only_the_journal_has_at_a_kill_is_served_and_a_clean_stop_leaves_no_journal() {
    let lab = needs!(Java);
    let mut broker = Broker::start(&lab, Kind::Forebay, &[("forebay.shards", "2")]);
    let topic = serde_json::json!({ "timeoutMs": 10000, "Topics": [
        { "Name": "topic", "NumPartitions": 1, "ReplicationFactor": 1 } ]});
    let mut client = broker.connect();
    client.ask("CreateTopics", 4, &topic).expect("an answer");
    let records = serde_json::json!({ "Index": 0, "Records": { "$batch": { "values": ["one"] } } });
    let produce = serde_json::json!({ "Acks": -1, "TimeoutMs": 30000, "TopicData": [
        { "Name": "topic", "PartitionData": [records] } ]});
    let produced = client.ask("Produce", 9, &produce).expect("an answer");
    let partition = &produced["Responses"][0]["PartitionResponses"][0];
    assert_eq!(partition["ErrorCode"], 0, "{produced}");
    broker.kill();
    let segment = broker.data().join("topic-0/00000000000000000000.log");
    assert!(!segment.exists(), "the record was written back already");

    broker.resume();
    let produced = broker.connect().ask("Produce", 9, &produce);
    let produced = produced.expect("an answer");
    let partition = &produced["Responses"][0]["PartitionResponses"][0];
    assert_eq!(partition["BaseOffset"], 1, "{produced}");
    let data = broker.data();
    let journals = || files(&data, "forebay-journal", "");
    let is_first = |name: &String| name.ends_with("-1");
    for _ in 0..300 {
        if !journals().iter().any(is_first) {
            break;
        }
        thread::sleep(Duration::from_millis(100));
    }
    assert!(
        !journals().iter().any(is_first),
        "the first life's: {:?}",
        journals()
    );
    assert!(segment.exists());
    broker.stop();
    assert_eq!(journals(), Vec::<String>::new());
}

#[test]
fn a_topic_deleted_just_before_a_kill_stays_deleted() {
    let lab = needs!(Java);
    let mut broker = Broker::start(
        &lab,
        Kind::Forebay,
        &[("log.segment.delete.delay.ms", "100")],
    );
    let mut client = broker.connect();
    let topics = serde_json::json!({ "timeoutMs": 10000, "Topics": [
        { "Name": "gone", "NumPartitions": 4, "ReplicationFactor": 1 },
        { "Name": "stays", "NumPartitions": 4, "ReplicationFactor": 1 },
    ]});
    let created = client.ask("CreateTopics", 4, &topics).expect("an answer");
    assert_eq!(
        (
            &created["Topics"][0]["ErrorCode"],
            &created["Topics"][1]["ErrorCode"]
        ),
        (&serde_json::json!(0), &serde_json::json!(0),)
    );
    let gone = serde_json::json!({ "TopicNames": ["gone"], "TimeoutMs": 10000 });
    let deleted = client.ask("DeleteTopics", 4, &gone).expect("an answer");
    assert_eq!(deleted["Responses"][0]["ErrorCode"], 0, "{deleted}");
    broker.kill();
    broker.resume();
    let both = serde_json::json!({ "AllowAutoTopicCreation": false,
        "Topics": [{ "Name": "gone" }, { "Name": "stays" }] });
    let answer = broker
        .connect()
        .ask("Metadata", 8, &both)
        .expect("an answer");
    let errors: BTreeMap<_, _> = answer["Topics"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|topic| (topic["Name"].as_str(), topic["ErrorCode"].as_i64()))
        .collect();
    assert_eq!(
        errors,
        BTreeMap::from([(Some("gone"), Some(3)), (Some("stays"), Some(0))])
    );
    // What is renamed to be deleted goes by and by; Kafka keeps a replica it no longer knows aside.
    let left = || {
        let names = fs::read_dir(broker.data())
            .expect("the data directory is there")
            .flatten();
        let names = names.map(|name| name.file_name().to_string_lossy().into_owned());
        names
            .filter(|name| name.starts_with("gone") && !name.ends_with("-stray"))
            .count()
    };
    for _ in 0..300 {
        if left() == 0 {
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
    panic!("{} directories of the deleted topic are left", left());
}
