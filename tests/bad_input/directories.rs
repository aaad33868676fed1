//! A broker of two log directories on disks of their own, one of which fails.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use forebay::model::ErrorCode;
use forebay::protocol::messages::describe_log_dirs_response::DescribeLogDirsResult;
use forebay::protocol::messages::metadata_request::MetadataRequestTopic;
use forebay::protocol::messages::metadata_response::MetadataResponsePartition;
use forebay::protocol::messages::{DescribeLogDirsRequest, MetadataRequest};
use forebay::protocol::{AnyRequest, AnyResponse};

use super::client::{Client, LIMIT, await_topic};
use super::volume::Volume;
use crate::support::{Broker, Kind, needs, not_run};

const TOPICS: [&str; 4] = ["one", "two", "three", "four"];

/// What clients are told of the only partition of a topic.
#[track_caller]
fn described(client: &mut Client, topic: &str) -> MetadataResponsePartition {
    let request = AnyRequest::Metadata(MetadataRequest {
        topics: Some(vec![MetadataRequestTopic {
            name: Some(topic.to_owned()),
            ..MetadataRequestTopic::default()
        }]),
        ..MetadataRequest::default()
    });
    match client.ask(9, &request) {
        Ok(AnyResponse::Metadata(mut answer)) => answer.topics.remove(0).partitions.swap_remove(0),
        other => panic!("{other:?}"),
    }
}

/// Waits until clients are told that nobody leads the partition: its shard knows of the failure
/// before the controller has written it down.
#[track_caller]
fn await_no_leader(client: &mut Client, topic: &str) -> MetadataResponsePartition {
    let started = Instant::now();
    loop {
        let partition = described(client, topic);
        if partition.leader_id == -1 {
            return partition;
        }
        assert!(started.elapsed() < LIMIT, "{partition:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// What is told of the log directory at `path`.
#[track_caller]
fn directory(client: &mut Client, path: &str) -> DescribeLogDirsResult {
    let request = AnyRequest::DescribeLogDirs(DescribeLogDirsRequest {
        topics: None,
        ..DescribeLogDirsRequest::default()
    });
    match client.ask(4, &request) {
        Ok(AnyResponse::DescribeLogDirs(answer)) => {
            let mut results = answer.results.into_iter();
            let found = results.find(|result| result.log_dir == path);
            found.expect("every directory is described")
        }
        other => panic!("{other:?}"),
    }
}

/// How many records there are.
#[track_caller]
fn records_count(client: &mut Client, topic: &str) -> usize {
    let (mut offset, mut count) = (0, 0);
    loop {
        let (code, records) = client.fetch(topic, offset).expect("an answer");
        assert_eq!(code, 0, "{topic} at {offset}");
        let Some((last, _)) = records.last() else {
            return count;
        };
        count += records.len();
        offset = last + 1;
    }
}

#[test]
fn a_log_directory_that_fails_takes_its_partitions_offline_and_no_others() {
    let lab = needs!();
    let volumes = (Volume::new("first", 32), Volume::new("second", 32));
    let (Some(first), Some(second)) = volumes else {
        return not_run("bad_input::directories", "mounting a file needs root");
    };
    let path = |volume: &Volume| volume.path().join("data").display().to_string();
    let (good, bad) = (path(&first), path(&second));
    let both = format!("{good},{bad}");
    let mut broker = Broker::start(&lab, Kind::Forebay, &[("log.dirs", &both)]);
    let mut client = Client::connect(broker.port);
    for topic in TOPICS {
        await_topic(&mut client, topic);
    }
    let is_hit = |topic: &&&str| Path::new(&bad).join(format!("{topic}-0")).is_dir();
    let (hit, spared): (Vec<&str>, Vec<&str>) = TOPICS.iter().partition(is_hit);
    assert_eq!(hit.len(), 2, "{hit:?}");

    second.remount("abort");
    client.produce_until(hit[0], ErrorCode::KafkaStorageError);
    for topic in &hit {
        client.produce_until(topic, ErrorCode::KafkaStorageError);
        let (code, _) = client.fetch(topic, 0).expect("an answer");
        assert_eq!(code, ErrorCode::KafkaStorageError.code());
        let partition = await_no_leader(&mut client, topic);
        assert_eq!(partition.offline_replicas, [1], "{partition:?}");
        let error = ErrorCode::LeaderNotAvailable.code();
        assert_eq!(partition.error_code, error, "{partition:?}");
    }
    let result = directory(&mut client, &bad);
    let error = ErrorCode::KafkaStorageError.code();
    assert_eq!((result.error_code, result.topics.len()), (error, 0));
    assert_eq!((result.total_bytes, result.usable_bytes), (-1, -1));
    let result = directory(&mut client, &good);
    assert_eq!((result.error_code, result.topics.len()), (0, 2));
    for topic in &spared {
        client.produce_until(topic, ErrorCode::None);
        assert!(described(&mut client, topic).offline_replicas.is_empty());
    }
    await_topic(&mut client, "five");
    assert!(Path::new(&good).join("five-0").is_dir());

    // A start with the failed disk is as before.
    drop(client);
    broker.stop();
    broker.resume();
    let mut client = Client::connect(broker.port);
    for topic in &hit {
        client.produce_until(topic, ErrorCode::KafkaStorageError);
        assert_eq!(described(&mut client, topic).offline_replicas, [1]);
    }
    assert_eq!(directory(&mut client, &bad).error_code, error);
    let kept: Vec<usize> = (spared.iter().chain(&["five"]))
        .map(|topic| records_count(&mut client, topic))
        .collect();
    assert!(kept.iter().all(|count| *count > 0), "{kept:?}");

    // The disk is back: so is all that was acknowledged there.
    drop(client);
    broker.stop();
    second.mount_again();
    broker.resume();
    let mut client = Client::connect(broker.port);
    for topic in &hit {
        assert!(records_count(&mut client, topic) > 0, "{topic} is empty");
        client.produce_until(topic, ErrorCode::None);
        assert_eq!(described(&mut client, topic).leader_id, 1);
    }
    assert_eq!(directory(&mut client, &bad).error_code, 0);
    let log = broker.log();
    assert!(!log.contains("panicked"), "{log}");
    assert_eq!(
        log.matches("is offline until the next start").count(),
        2,
        "{log}"
    );
}
