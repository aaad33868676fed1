//! Folders that an earlier life of the broker left.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use forebay::model::ErrorCode;
use forebay::protocol::AnyResponse;
use forebay::protocol::messages::create_topics_request::CreatableTopic;
use forebay::protocol::messages::delete_topics_request::DeleteTopicState;
use forebay::protocol::messages::{
    CreateTopicsRequest, DeleteTopicsRequest, DescribeLogDirsRequest,
};

use crate::broker::{Broker, Client, end_of};

/// How long a folder may stay behind its time.
const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn the_folder_of_a_deleted_partition_has_its_delay_anew_after_a_start() {
    let broker = Broker::start_with("leftovers", &["log.segment.delete.delay.ms=5000"]);
    let folder = broker
        .dir()
        .join("gone-0.00112233445566778899aabbccddeeff00-delete");
    fs::create_dir(&folder).expect("target/ can be written");
    let broker = broker.restart();
    assert!(folder.exists(), "it is removed without delay");
    let started = Instant::now();
    while folder.exists() {
        assert!(started.elapsed() < LIMIT, "it is not removed");
        thread::sleep(Duration::from_millis(100));
    }
    drop(broker);
}

#[test]
fn a_metadata_log_with_a_directory_for_itself_is_in_none_of_the_log_directories() {
    let apart = Path::new(env!("CARGO_TARGET_TMPDIR")).join("binary-metadata");
    drop(fs::remove_dir_all(&apart));
    let setting = format!("metadata.log.dir={}", apart.display());
    let broker = Broker::start_with("apart", &[&setting]);
    Client::connect(broker.kafka, "test").create("flow");
    let broker = broker.restart();
    let mut client = Client::connect(broker.kafka, "test");
    let all_directories = DescribeLogDirsRequest {
        topics: None,
        ..Default::default()
    };
    let described = client.ask(all_directories);
    let AnyResponse::DescribeLogDirs(described) = described else {
        panic!("another answer: {described:?}");
    };
    let told: Vec<_> = described
        .results
        .iter()
        .map(|one| one.log_dir.as_str())
        .collect();
    let data = fs::canonicalize(broker.dir()).expect("it is there");
    assert_eq!(told, [data.to_str().expect("a plain name")]);
    let topics = described.results[0].topics.iter();
    let names: Vec<_> = topics.map(|topic| topic.name.as_str()).collect();
    assert_eq!(names, ["flow"]);
    assert!(apart.join("__cluster_metadata-0").exists());
    assert!(!broker.dir().join("__cluster_metadata-0").exists());
    drop(broker);
    drop(fs::remove_dir_all(&apart));
}

/// The code of an attempt to create `topic` with one partition.
fn create(client: &mut Client, topic: &str) -> i16 {
    let topic = CreatableTopic {
        name: topic.to_owned(),
        num_partitions: 1,
        replication_factor: 1,
        ..Default::default()
    };
    let created = client.ask(CreateTopicsRequest {
        topics: vec![topic],
        timeout_ms: 10_000,
        ..Default::default()
    });
    let AnyResponse::CreateTopics(created) = created else {
        panic!("another answer: {created:?}");
    };
    created.topics[0].error_code
}

/// The code of an attempt to delete `topic`.
fn delete(client: &mut Client, topic: &str) -> i16 {
    let topic = DeleteTopicState {
        name: Some(topic.to_owned()),
        ..Default::default()
    };
    let deleted = client.ask(DeleteTopicsRequest {
        topics: vec![topic],
        timeout_ms: 10_000,
        ..Default::default()
    });
    let AnyResponse::DeleteTopics(deleted) = deleted else {
        panic!("another answer: {deleted:?}");
    };
    deleted.responses[0].error_code
}

fn is_answered_with(response: &AnyResponse, code: ErrorCode) -> bool {
    matches!(response, AnyResponse::ListOffsets(ends)
        if ends.topics[0].partitions[0].error_code == code.code())
}

/// Lets nobody rename a folder, or lets everybody again; false where this user may not.
fn hold(folder: &Path, is_held: bool) -> bool {
    let flag = if is_held { "+i" } else { "-i" };
    let mut command = Command::new("chattr");
    let status = command.arg(flag).arg(folder).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

#[test]
fn a_topic_has_the_name_of_a_deleted_one_once_the_disk_can_rename_its_folder() {
    let broker = Broker::start_with("held", &["log.segment.delete.delay.ms=0"]);
    let mut client = Client::connect(broker.kafka, "test");
    client.create("flow");
    let folder = broker.dir().join("flow-0");
    if !hold(&folder, true) {
        println!("not run: a folder that cannot be renamed needs chattr, and the right to use it");
        return;
    }
    assert_eq!(delete(&mut client, "flow"), 0);
    assert_eq!(create(&mut client, "flow"), 0);
    let refused = ErrorCode::KafkaStorageError;
    client.ask_until(end_of("flow"), |answer| is_answered_with(answer, refused));
    assert!(hold(&folder, false));
    let served = ErrorCode::None;
    client.ask_until(end_of("flow"), |answer| is_answered_with(answer, served));
    let log = broker.log();
    assert_eq!(log.matches("keeps its name").count(), 1, "{log}");
}
