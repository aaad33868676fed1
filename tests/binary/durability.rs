//! What is left of acknowledged records, by how durable their topic was to be.

use forebay::protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use forebay::protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use forebay::protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use forebay::protocol::messages::{
    CreateTopicsRequest, FetchRequest, IncrementalAlterConfigsRequest,
};
use forebay::protocol::record_batch::{Batches, RecordBatchBuilder};
use forebay::protocol::{AnyRequest, AnyResponse};

use crate::broker::{Broker, Client, produce, produced_code};

/// Records that a test appends, one with each request.
const RECORDS: usize = 50;

const RESOURCE_TOPIC: i8 = 2;
const INVALID_CONFIG: i16 = 40;

fn create(client: &mut Client, topic: &str, settings: &[(&str, &str)]) {
    let setting = |(name, value): &(&str, &str)| CreatableTopicConfig {
        name: (*name).to_owned(),
        value: Some((*value).to_owned()),
        ..Default::default()
    };
    let request = CreateTopicsRequest {
        topics: vec![CreatableTopic {
            name: topic.to_owned(),
            num_partitions: 1,
            replication_factor: 1,
            configs: settings.iter().map(setting).collect(),
            ..Default::default()
        }],
        timeout_ms: 10_000,
        ..Default::default()
    };
    let AnyResponse::CreateTopics(created) = client.ask(request) else {
        panic!("another answer");
    };
    assert_eq!(created.topics[0].error_code, 0, "{created:?}");
    client.create(topic);
}

/// Sets how durable the topic is to be; the code and the message of the answer.
fn alter(client: &mut Client, topic: &str, durability: &str) -> (i16, Option<String>) {
    let request = IncrementalAlterConfigsRequest {
        resources: vec![AlterConfigsResource {
            resource_type: RESOURCE_TOPIC,
            resource_name: topic.to_owned(),
            configs: vec![AlterableConfig {
                name: "forebay.durability".to_owned(),
                value: Some(durability.to_owned()),
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    };
    let AnyResponse::IncrementalAlterConfigs(mut altered) = client.ask(request) else {
        panic!("another answer");
    };
    let answer = altered.responses.remove(0);
    (answer.error_code, answer.error_message)
}

/// Append the numbers from `first` on.
fn append(client: &mut Client, topic: &str, first: usize) {
    for number in first..first + RECORDS {
        let mut batch = RecordBatchBuilder::new();
        let value = number.to_string();
        batch.append(1_700_000_000_000, None, Some(value.as_bytes()), &[]);
        let request = produce(topic, batch.finish().to_bytes());
        client.ask_until(request, |response| produced_code(response) == 0);
    }
}

fn fetch(topic: &str, fetch_offset: i64) -> AnyRequest {
    let partition = FetchPartition {
        fetch_offset,
        partition_max_bytes: 1 << 20,
        ..Default::default()
    };
    let request = FetchRequest {
        max_bytes: 1 << 20,
        session_epoch: -1,
        topics: vec![FetchTopic {
            topic: topic.to_owned(),
            partitions: vec![partition],
            ..Default::default()
        }],
        ..Default::default()
    };
    request.into()
}

/// The numbers that the topic holds, from the first offset to the last.
fn held(client: &mut Client, topic: &str) -> Vec<usize> {
    let (end, mut numbers) = (client.end_of(topic), Vec::new());
    while numbers.len() < usize::try_from(end).expect("an offset") {
        let AnyResponse::Fetch(fetched) = client.ask(fetch(topic, numbers.len() as i64)) else {
            panic!("another answer");
        };
        let part = &fetched.responses[0].partitions[0];
        assert_eq!(part.error_code, 0);
        let records = part.records.as_ref().expect("there are more");
        let mut batches = Batches::new(records.to_bytes());
        while let Some(batch) = batches.next_whole().expect("a sound batch") {
            for record in &batch.records(1 << 20).expect("sound records") {
                let record = record.expect("a sound record");
                assert_eq!(record.offset, numbers.len() as i64, "no offset is left out");
                let value = std::str::from_utf8(record.value.expect("a value"));
                numbers.push(value.expect("digits").parse().expect("a number"));
            }
        }
    }
    numbers
}

fn unsynced(broker: &Broker) -> u64 {
    let text = broker.told("/metrics");
    let lines = text.lines();
    let of_shards = lines.filter_map(|line| line.strip_prefix("forebay_unsynced_records{"));
    let values = of_shards.map(|rest| rest.rsplit(' ').next().expect("a value"));
    values
        .map(|value| value.parse::<u64>().expect("a number"))
        .sum()
}

fn await_sync(broker: &Broker) {
    for _ in 0..3000 {
        if unsynced(broker) == 0 {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("it was never synced");
}

const RELAXED: (&str, &str) = ("forebay.durability", "relaxed");

fn all(count: usize) -> Vec<usize> {
    (0..count).collect()
}

#[test]
fn a_kill_leaves_the_front_of_a_relaxed_topic_and_all_of_a_synced_one_beside_it() {
    let broker = Broker::start("relaxed-kill");
    let mut client = Client::connect(broker.kafka, "test");
    create(&mut client, "relaxed", &[RELAXED]);
    create(
        &mut client,
        "every-ten",
        &[RELAXED, ("flush.messages", "10")],
    );
    create(&mut client, "each", &[RELAXED, ("flush.messages", "1")]);
    create(
        &mut client,
        "alone",
        &[("forebay.durability", "replicated")],
    );
    create(&mut client, "synced", &[]);
    let topics = ["relaxed", "every-ten", "each", "alone", "synced"];
    for topic in topics {
        append(&mut client, topic, 0);
    }
    let broker = broker.restart();
    let mut client = Client::connect(broker.kafka, "test");
    let counts = topics.map(|topic| {
        let found = held(&mut client, topic);
        assert_eq!(found, all(found.len()), "{topic}");
        found.len()
    });
    assert!(counts[0] <= RECORDS, "{counts:?}");
    assert!((RECORDS - 9..=RECORDS).contains(&counts[1]), "{counts:?}");
    assert_eq!(counts[2..], [RECORDS; 3], "{counts:?}");
    // What comes next takes the offsets that were lost.
    append(&mut client, "relaxed", counts[0]);
    assert_eq!(held(&mut client, "relaxed"), all(counts[0] + RECORDS));
}

#[test]
fn a_clean_stop_leaves_all_of_a_relaxed_topic() {
    let broker = Broker::start("relaxed-stop");
    let mut client = Client::connect(broker.kafka, "test");
    create(&mut client, "relaxed", &[RELAXED]);
    append(&mut client, "relaxed", 0);
    assert_eq!(held(&mut client, "relaxed"), all(RECORDS));
    let broker = Broker::start_at(broker.stop());
    let mut client = Client::connect(broker.kafka, "test");
    assert_eq!(held(&mut client, "relaxed"), all(RECORDS));
}

#[test]
fn the_metrics_tell_what_is_not_synced_until_flush_ms_has_it_synced() {
    let broker = Broker::start("relaxed-metrics");
    let mut client = Client::connect(broker.kafka, "test");
    create(&mut client, "relaxed", &[RELAXED, ("flush.ms", "1000")]);
    append(&mut client, "relaxed", 0);
    let mut count = RECORDS;
    while unsynced(&broker) == 0 {
        append(&mut client, "relaxed", count);
        count += RECORDS;
    }
    await_sync(&broker);
    let broker = broker.restart();
    let mut client = Client::connect(broker.kafka, "test");
    assert_eq!(held(&mut client, "relaxed"), all(count));
}

#[test]
fn durability_is_changed_while_the_broker_runs() {
    let broker = Broker::start_with("relaxed-altered", &["forebay.durability=relaxed"]);
    let mut client = Client::connect(broker.kafka, "test");
    create(&mut client, "altered", &[]);
    append(&mut client, "altered", 0);
    let refused = alter(&mut client, "altered", "fsync");
    let message = "Invalid value fsync for configuration forebay.durability: String must be one \
                   of: synced, replicated, relaxed";
    assert_eq!(refused, (INVALID_CONFIG, Some(message.to_owned())));
    for durability in ["synced", "relaxed", "synced"] {
        assert_eq!(alter(&mut client, "altered", durability).0, 0);
        let first = usize::try_from(client.end_of("altered")).expect("an offset");
        append(&mut client, "altered", first);
    }
    let broker = broker.restart();
    let mut client = Client::connect(broker.kafka, "test");
    assert_eq!(held(&mut client, "altered"), all(4 * RECORDS));
}
