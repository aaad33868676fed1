//! Compaction as it is seen from outside: whether it happens, and what the metrics tell of it.

use std::time::Duration;

use forebay::protocol::AnyResponse;
use forebay::protocol::messages::CreateTopicsRequest;
use forebay::protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use forebay::protocol::record_batch::RecordBatchBuilder;

use crate::broker::{Broker, Client, produce, produced_code};

/// How often something that comes about by itself is looked for.
const TRIES: u32 = 500;

const HOUR_MS: i64 = 3_600_000;

fn create(client: &mut Client) {
    let configs = [("cleanup.policy", "compact"), ("segment.ms", "1000")];
    let configs = configs.map(|(name, value)| CreatableTopicConfig {
        name: name.to_owned(),
        value: Some(value.to_owned()),
        ..Default::default()
    });
    let topic = CreatableTopic {
        name: "flow".to_owned(),
        num_partitions: 1,
        replication_factor: 1,
        configs: configs.to_vec(),
        ..Default::default()
    };
    let create = CreateTopicsRequest {
        topics: vec![topic],
        timeout_ms: 10_000,
        ..Default::default()
    };
    let created = client.ask(create);
    assert!(
        matches!(&created, AnyResponse::CreateTopics(created)
            if created.topics[0].error_code == 0),
        "{created:?}"
    );
}

/// Each record is hours younger than the one before, so each has a segment of its own.
fn produce_values(client: &mut Client, values: i64) {
    for hours in 0..values {
        let mut batch = RecordBatchBuilder::new();
        let timestamp = 1_700_000_000_000 + hours * HOUR_MS;
        batch.append(timestamp, Some(b"key"), Some(&[b'v'; 1000]), &[]);
        let request = produce("flow", batch.finish().to_bytes());
        client.ask_until(request, |response| produced_code(response) == 0);
    }
}

fn value_of(broker: &Broker, name: &str) -> u64 {
    let text = broker.told("/metrics");
    let prefix = format!("{name} ");
    let value = text.lines().find_map(|line| line.strip_prefix(&prefix));
    let value = value.unwrap_or_else(|| panic!("{name} is missing in\n{text}"));
    value.parse().expect("a whole number")
}

#[test]
fn metrics_tell_what_a_run_of_compaction_has_left() {
    let broker = Broker::start_with("compaction", &["log.cleaner.backoff.ms=10"]);
    let mut client = Client::connect(broker.kafka, "test");
    create(&mut client);
    produce_values(&mut client, 10);
    // A run may begin before all segments are there: the last one is awaited.
    let is_compacted = (0..TRIES).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        let segments = "forebay_log_segments{topic=\"flow\",partition=\"0\"}";
        value_of(&broker, segments) <= 3
    });
    assert!(is_compacted, "{}", broker.log());
    assert!(value_of(&broker, "forebay_compaction_runs_total") > 0);
    let read = value_of(&broker, "forebay_compaction_read_bytes_total");
    let kept = value_of(&broker, "forebay_compaction_kept_bytes_total");
    assert!(read > 8000 && kept < read, "{kept} of {read}");
    assert!(value_of(&broker, "kafka_log_logcleaner_cleaner_recopy_percent") < 100);
    assert_eq!(
        value_of(
            &broker,
            "kafka_log_logcleanermanager_uncleanable_partitions_count"
        ),
        0
    );
    assert!(broker.log().contains("compacted up to offset"));
}

#[test]
fn without_the_cleaner_nothing_is_compacted() {
    let settings = ["log.cleaner.backoff.ms=1", "log.cleaner.enable=false"];
    let broker = Broker::start_with("no-compaction", &settings);
    let mut client = Client::connect(broker.kafka, "test");
    create(&mut client);
    produce_values(&mut client, 10);
    let segments = "forebay_log_segments{topic=\"flow\",partition=\"0\"}";
    for _ in 0..20 {
        assert_eq!(value_of(&broker, segments), 10);
        assert_eq!(value_of(&broker, "forebay_compaction_runs_total"), 0);
    }
}
