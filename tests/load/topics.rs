//! A thousand topics of ten partitions.

use serde_json::{Value, json};

use crate::support::{Broker, Kind, needs};

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

#[test]
fn a_thousand_topics_of_ten_partitions_are_created_in_parts_listed_and_written_to() {
    let lab = needs!(Java);
    let [kafka, forebay] = Kind::BOTH.map(|kind| Broker::start(&lab, kind, &[]));
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
    client.wait_at_most(std::time::Duration::from_secs(120));
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
    let batch = json!({ "$batch": { "values": ["a record"] } });
    for number in 0..1000 {
        let partitions: Vec<Value> = (0..10)
            .map(|index| json!({ "Index": index, "Records": batch }))
            .collect();
        let topic = json!({ "Name": format!("many-{number}"), "PartitionData": partitions });
        let body = json!({ "Acks": -1, "TimeoutMs": 30000, "TopicData": [topic] });
        let answer = client.ask("Produce", 9, &body).expect("an answer");
        for partition in answer["Responses"][0]["PartitionResponses"]
            .as_array()
            .expect("a list")
        {
            let outcome = (
                partition["ErrorCode"].as_i64(),
                partition["BaseOffset"].as_i64(),
            );
            assert_eq!(outcome, (Some(0), Some(0)), "many-{number}: {partition}");
        }
    }
}
