//! Folders that an earlier life of the broker left.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use forebay::protocol::AnyResponse;
use forebay::protocol::messages::DescribeLogDirsRequest;

use crate::broker::{Broker, Client};

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
