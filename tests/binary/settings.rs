//! Settings whose effect is seen from outside.

use std::io::Read;
use std::time::Duration;

use forebay::protocol::AnyResponse;
use forebay::protocol::compression::Compression;
use forebay::protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use forebay::protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use forebay::protocol::messages::{FetchRequest, IncrementalAlterConfigsRequest};
use forebay::protocol::record_batch::Batches;

use crate::broker::{Broker, Client, connect, produce, produced_code};

/// How often something that comes about by itself is looked for.
const TRIES: u32 = 500;

const BROKER: i8 = 4;
const BROKER_LOGGER: i8 = 8;

/// The code that an attempt to produce garbage got.
fn produce_garbage(client: &mut Client) -> i16 {
    let produced = client.ask(produce("flow", vec![0; 100].into()));
    produced_code(&produced)
}

/// The code that setting `name` of this broker, or of its loggers, to `value` got.
fn set(client: &mut Client, kind: i8, name: &str, value: &str) -> i16 {
    let altered = client.ask(IncrementalAlterConfigsRequest {
        resources: vec![AlterConfigsResource {
            resource_type: kind,
            resource_name: "1".to_owned(),
            configs: vec![AlterableConfig {
                name: name.to_owned(),
                value: Some(value.to_owned()),
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    });
    let AnyResponse::IncrementalAlterConfigs(altered) = altered else {
        panic!("another answer: {altered:?}");
    };
    altered.responses[0].error_code
}

#[test]
fn a_logger_whose_level_is_changed_writes_more_from_then_on() {
    let broker = Broker::start("levels");
    let mut client = Client::connect(broker.kafka, "test");
    client.create("flow");
    assert_ne!(produce_garbage(&mut client), 0);
    assert!(!broker.log().contains("a batch was refused"));
    assert_eq!(set(&mut client, BROKER_LOGGER, "forebay.shard", "DEBUG"), 0);
    assert_ne!(produce_garbage(&mut client), 0);
    assert!(
        broker.log().contains("a batch was refused"),
        "{}",
        broker.log()
    );
}

#[test]
fn offsets_are_compressed_as_the_settings_say() {
    let broker = Broker::start_with("codec", &["offsets.topic.compression.codec=1"]);
    let mut client = Client::connect(broker.kafka, "test");
    client.create("flow");
    client.commit("readers", "flow", 1);
    let partition = FetchPartition {
        partition_max_bytes: 1 << 20,
        ..Default::default()
    };
    let fetched = client.ask(FetchRequest {
        max_bytes: 1 << 20,
        session_epoch: -1,
        topics: vec![FetchTopic {
            topic: "__consumer_offsets".to_owned(),
            partitions: vec![partition],
            ..Default::default()
        }],
        ..Default::default()
    });
    let AnyResponse::Fetch(fetched) = fetched else {
        panic!("another answer: {fetched:?}");
    };
    let records = fetched.responses[0].partitions[0].records.clone();
    let batches = Batches::new(records.expect("there are records").to_bytes());
    let codecs: Vec<_> = batches
        .map(|batch| batch.expect("a sound batch").compression())
        .collect();
    assert_eq!(codecs, [Some(Compression::Gzip)]);
}

#[test]
fn snapshots_of_the_metadata_come_as_often_as_the_settings_say() {
    let often = "metadata.log.max.record.bytes.between.snapshots=1";
    let broker = Broker::start_with("snapshots", &[often]);
    let mut client = Client::connect(broker.kafka, "test");
    client.create("flow");
    let folder = broker.dir().join("__cluster_metadata-0");
    let count = || {
        let entries = std::fs::read_dir(&folder).expect("the metadata log is there");
        let names = entries.map(|entry| entry.expect("it is readable").file_name());
        names
            .filter(|name| name.to_string_lossy().ends_with(".checkpoint"))
            .count()
    };
    // Beside the one that formatting the directory leaves.
    for _ in 0..TRIES {
        if count() > 1 {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("no snapshot was written");
}

#[test]
fn a_limit_of_connections_that_is_set_at_run_time_holds_for_those_who_come_later() {
    let broker = Broker::start("limits");
    let mut client = Client::connect(broker.kafka, "test");
    assert_eq!(set(&mut client, BROKER, "max.connections.per.ip", "1"), 0);
    let mut refused = connect(broker.kafka);
    let count = refused.read(&mut [0]).expect("a refusal is an end");
    assert_eq!(count, 0, "there is one connection already");
    assert_eq!(set(&mut client, BROKER, "max.connections.per.ip", "9"), 0);
    Client::connect(broker.kafka, "test").create("flow");
}

#[test]
fn a_limit_of_connections_may_name_a_host() {
    let broker = Broker::start_with("names", &["max.connections.per.ip.overrides=localhost:1"]);
    let mut client = Client::connect(broker.kafka, "test");
    let is_refused = || {
        connect(broker.kafka)
            .read(&mut [0])
            .is_ok_and(|count| count == 0)
    };
    assert!(is_refused(), "there is one connection already");
    let name = "max.connections.per.ip.overrides";
    // One that is not known changes nothing; it is looked up while the broker serves.
    assert_eq!(set(&mut client, BROKER, name, "no-such-host.invalid:9"), 0);
    for _ in 0..TRIES {
        if broker.log().contains("cannot be resolved") {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(
        broker.log().contains("cannot be resolved"),
        "{}",
        broker.log()
    );
    assert!(is_refused(), "the limit of before holds");
    assert_eq!(set(&mut client, BROKER, name, "localhost:2"), 0);
    for _ in 0..TRIES {
        let mut second = connect(broker.kafka);
        let limit = Some(Duration::from_millis(50));
        second.set_read_timeout(limit).expect("a limit");
        // Who is let in is told nothing unasked.
        if second.read(&mut [0]).is_err() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the new limit is not obeyed");
}
