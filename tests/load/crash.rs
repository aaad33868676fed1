//! The broker dies or is stopped while clients work.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::thread;
use std::time::Duration;

use crate::support::{Broker, Kind, Lab, needs};

/// `PARTITION OFFSET VALUE` lines as a map; an offset with two values is a failure.
#[track_caller]
fn records(lines: &str) -> BTreeMap<(i32, i64), String> {
    let mut records = BTreeMap::new();
    for line in lines.lines() {
        let mut fields = line.split(' ');
        let mut field = || fields.next().expect("three fields");
        let partition = field().parse().expect("a partition");
        let offset = field().parse().expect("an offset");
        let value = field().to_owned();
        let former = records.insert((partition, offset), value.clone());
        assert!(
            former.as_ref().is_none_or(|former| *former == value),
            "{line} was {former:?}"
        );
    }
    records
}

/// Everything acknowledged while `disturb` ran is there afterwards, once and in order.
#[track_caller]
fn nothing_acknowledged_is_lost(lab: &Lab, broker: &mut Broker, disturb: fn(&mut Broker)) {
    let (lab_too, server) = (lab.clone(), broker.bootstrap());
    let producer = thread::spawn(move || {
        let args = ["produce", &server, "acknowledged", "12"];
        lab_too.python("load/acknowledged.py", 240).args(args).run()
    });
    disturb(broker);
    let sent = producer
        .join()
        .expect("the producer's thread ends")
        .succeeded();
    let sent = records(&sent.stdout);
    let args = ["read", &broker.bootstrap(), "acknowledged"];
    let found = lab
        .python("load/acknowledged.py", 120)
        .args(args)
        .run()
        .succeeded();
    let found = records(&found.stdout);
    assert!(
        sent.len() > 100,
        "only {} records were acknowledged",
        sent.len()
    );
    let lost: Vec<_> = sent
        .iter()
        .filter(|(place, value)| found.get(place) != Some(value))
        .collect();
    assert!(
        lost.is_empty(),
        "{} acknowledged records are lost: {:?}",
        lost.len(),
        &lost[..5.min(lost.len())]
    );
    let mut values: Vec<_> = found.values().collect();
    values.sort();
    let count = values.len();
    values.dedup();
    assert_eq!(
        values.len(),
        count,
        "an idempotent producer's records are there twice"
    );
    for partition in 0..3 {
        let offsets = found
            .keys()
            .filter(|place| place.0 == partition)
            .map(|place| place.1);
        assert!(offsets.eq(0..found.keys().filter(|place| place.0 == partition).count() as i64));
    }
}

#[test]
fn a_broker_killed_three_times_under_load_loses_nothing_it_acknowledged() {
    let lab = needs!(Python);
    let mut broker = Broker::start(&lab, Kind::Forebay, &[("num.partitions", "3")]);
    nothing_acknowledged_is_lost(&lab, &mut broker, |broker| {
        for _ in 0..3 {
            thread::sleep(Duration::from_secs(3));
            broker.kill();
            broker.resume();
        }
    });
}

#[test]
fn a_broker_stopped_and_started_under_load_loses_nothing_it_acknowledged() {
    let lab = needs!(Python);
    let mut broker = Broker::start(&lab, Kind::Forebay, &[("num.partitions", "3")]);
    nothing_acknowledged_is_lost(&lab, &mut broker, |broker| {
        thread::sleep(Duration::from_secs(4));
        let took = broker.stop();
        let line = format!("stopped by SIGTERM under load in {} ms\n", took.as_millis());
        std::io::stderr()
            .write_all(line.as_bytes())
            .expect("stderr takes a line");
        broker.resume();
    });
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
    let data = broker.data().to_path_buf();
    let journals = || {
        let names = fs::read_dir(&data).expect("the data directory is there");
        let names = names.flatten().map(|entry| entry.file_name().into_string());
        let journals = names
            .flatten()
            .filter(|name| name.starts_with("forebay-journal"));
        journals.collect::<Vec<_>>()
    };
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
