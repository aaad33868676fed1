//! Folders that an earlier life of the broker left.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::broker::Broker;

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
