//! A thousand topics of ten partitions.

use std::io::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::wire::Connection;
use crate::support::{Broker, Kind, needs};

/// How long a stop with a record in each of ten thousand partitions may take, on a machine that
/// does other things too.
const STOP_DURATION_MAX: Duration = Duration::from_secs(15);

fn creation(numbers: std::ops::Range<u32>) -> Value {
    let topics: Vec<Value> = numbers
        .map(|number| {
            json!({ "Name": format!("many-{number}"), "NumPartitions": 10, "ReplicationFactor": 1 })
        })
        .collect();
    json!({ "Topics": topics, "timeoutMs": 60000 })
}

fn errors(answer: &Value) -> Vec<i64> {
    let topics = answer["Topics"].as_array().expect("a list of topics");
    topics
        .iter()
        .map(|topic| topic["ErrorCode"].as_i64().expect("a code"))
        .collect()
}

const NOT_LEADER_OR_FOLLOWER: i64 = 6;

/// Produces a record to each partition.
#[track_caller]
fn write_everywhere(client: &mut Connection) {
    let batch = json!({ "$batch": { "values": ["a record"] } });
    for number in 0..1000 {
        let mut missing: Vec<i64> = (0..10).collect();
        // A partition is there a moment after its topic, so that clients try again.
        while !missing.is_empty() {
            let partitions: Vec<Value> = missing
                .iter()
                .map(|index| json!({ "Index": index, "Records": batch }))
                .collect();
            let topic = json!({ "Name": format!("many-{number}"), "PartitionData": partitions });
            let body = json!({ "Acks": -1, "TimeoutMs": 30000, "TopicData": [topic] });
            let answer = client.ask("Produce", 9, &body).expect("an answer");
            missing.clear();
            for partition in answer["Responses"][0]["PartitionResponses"]
                .as_array()
                .expect("a list")
            {
                let outcome = (
                    partition["ErrorCode"].as_i64(),
                    partition["BaseOffset"].as_i64(),
                );
                if outcome.0 == Some(NOT_LEADER_OR_FOLLOWER) {
                    missing.extend(partition["Index"].as_i64());
                } else {
                    assert_eq!(outcome, (Some(0), Some(0)), "many-{number}: {partition}");
                }
            }
        }
    }
}

#[test]
fn a_thousand_topics_of_ten_partitions_are_created_in_parts_written_to_and_there_after_a_stop() {
    let lab = needs!(Java);
    let [kafka, mut forebay] = Kind::BOTH.map(|kind| Broker::start(&lab, kind, &[]));
    let all = creation(0..1000);
    let [judged, ours] = [&kafka, &forebay].map(|broker| {
        broker
            .connect()
            .ask("CreateTopics", 7, &all)
            .expect("an answer")
    });
    assert_eq!(
        errors(&judged),
        errors(&ours),
        "one request for all of them"
    );
    drop(kafka);
    let mut client = forebay.connect();
    client.wait_at_most(Duration::from_secs(120));
    for part in 0..10 {
        let part = creation(part * 100..(part + 1) * 100);
        let answer = client.ask("CreateTopics", 7, &part).expect("an answer");
        assert_eq!(errors(&answer), [0; 100]);
    }
    let listed = client
        .ask("Metadata", 8, &json!({ "Topics": null }))
        .expect("an answer");
    let topics = listed["Topics"].as_array().expect("a list of topics");
    assert_eq!(topics.len(), 1000);
    let partitions = topics
        .iter()
        .map(|topic| topic["Partitions"].as_array().map_or(0, Vec::len));
    assert!(partitions.eq([10; 1000]));
    write_everywhere(&mut client);
    drop(client);
    let stopped = forebay.stop();
    let started = Instant::now();
    forebay.resume();
    let line = format!(
        "10000 partitions: stopped in {} ms, started in {} ms\n",
        stopped.as_millis(),
        started.elapsed().as_millis()
    );
    std::io::stderr()
        .write_all(line.as_bytes())
        .expect("stderr takes a line");
    let log = forebay.log();
    assert!(!log.contains("offline"), "{log}");
    assert!(stopped < STOP_DURATION_MAX, "the stop took {stopped:?}");
    let last = json!({ "Topics": [{ "Name": "many-999", "Partitions": [{ "PartitionIndex": 9,
        "Timestamp": -1, "CurrentLeaderEpoch": -1 }] }], "ReplicaId": -1 });
    let answer = forebay
        .connect()
        .ask("ListOffsets", 4, &last)
        .expect("an answer");
    assert_eq!(
        answer["Topics"][0]["Partitions"][0]["Offset"], 1,
        "{answer}"
    );
}
