//! What `--repair` mends, and what it leaves as it is.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::broker::{Broker, Client};
use crate::directory::{Directory, PLAIN_END, faults};

/// The contents of all files that a repair makes from records alone.
fn files_from_records(directory: &Directory) -> Vec<(String, Vec<u8>)> {
    let ends = [
        ".log",
        ".index",
        ".timeindex",
        ".snapshot",
        "-checkpoint",
        ".metadata",
    ];
    let folders = [
        "plain-0",
        "compacted-0",
        "empty-0",
        "__consumer_offsets-0",
        "",
    ];
    let names = folders.iter().flat_map(|folder| {
        ends.iter()
            .flat_map(move |end| directory.files(folder, end))
    });
    names
        .map(|name| (name.clone(), directory.read(&name)))
        .collect()
}

#[track_caller]
fn is_mended(directory: &Directory) {
    let told = directory.verify(&["--repair"]);
    assert_eq!(told["faults"], Value::Array(vec![]), "{told}");
    assert_ne!(told["repairs"], Value::Array(vec![]), "{told}");
    let told = directory.verify(&[]);
    assert_eq!(told["faults"], Value::Array(vec![]), "{told}");
    assert_eq!(told["notes"], Value::Array(vec![]), "{told}");
}

#[test]
fn each_file_that_follows_from_the_records_is_made_as_it_was() {
    let directory = Directory::stopped();
    let before = files_from_records(&directory);
    let mut damaged: Vec<String> = [".index", ".timeindex", ".snapshot"]
        .iter()
        .flat_map(|end| directory.files("plain-0", end))
        .collect();
    damaged.extend(
        [
            "plain-0/leader-epoch-checkpoint",
            "plain-0/partition.metadata",
            "recovery-point-offset-checkpoint",
            "replication-offset-checkpoint",
            "log-start-offset-checkpoint",
            ".kafka_cleanshutdown",
            "meta.properties",
            "bootstrap.checkpoint",
            "__cluster_metadata-0/quorum-state",
        ]
        .map(str::to_owned),
    );
    for name in &damaged {
        let middle = directory.read(name).len() / 2;
        directory.flip(name, middle, 2);
        assert_eq!(directory.verify(&[])["sound"], false, "{name}");
        is_mended(&directory);
        assert_eq!(files_from_records(&directory), before, "{name}");
    }
    for name in &damaged {
        let middle = directory.read(name).len() / 2;
        directory.flip(name, middle, 2);
    }
    is_mended(&directory);
    assert_eq!(files_from_records(&directory), before, "all at once");
}

#[test]
fn indexes_that_are_missing_are_made() {
    let directory = Directory::stopped();
    let before = files_from_records(&directory);
    for end in [".index", ".timeindex"] {
        for name in directory.files("plain-0", end) {
            fs::remove_file(directory.file(&name)).expect("it is there");
        }
    }
    let told = directory.verify(&[]);
    assert_eq!(faults(&told, &directory).len(), 6, "{told}");
    is_mended(&directory);
    assert_eq!(files_from_records(&directory), before);
}

#[test]
fn a_damaged_batch_is_told_and_left_as_it_is() {
    let directory = Directory::stopped();
    let logs = directory.files("plain-0", ".log");
    for log in &logs {
        directory.flip(log, 70, 3);
        let before = directory.read(log);
        let told = directory.verify(&["--repair"]);
        let found = faults(&told, &directory);
        assert_eq!(found.len(), 1, "{told}");
        assert_eq!(&found[0].0, log);
        assert_eq!(found[0].1["repairable"], false);
        assert_eq!(directory.read(log), before);
        directory.flip(log, 70, 3);
    }
    assert_eq!(directory.verify(&[])["sound"], true);
    assert!(directory.file(".kafka_cleanshutdown").exists());
}

#[test]
fn a_mended_index_beside_a_damaged_batch_leaves_the_directory_as_it_was_stopped() {
    let directory = Directory::stopped();
    let log = &directory.files("plain-0", ".log")[0];
    directory.flip(log, 70, 3);
    let index = &directory.files("compacted-0", ".timeindex")[0];
    directory.flip(index, 0, 3);
    let told = directory.verify(&["--repair"]);
    let found = faults(&told, &directory);
    assert_eq!(found.len(), 1, "{told}");
    assert_eq!(&found[0].0, log);
    assert!(directory.file(".kafka_cleanshutdown").exists());
    directory.flip(log, 70, 3);
    assert_eq!(directory.verify(&[])["sound"], true);
}

#[test]
fn what_only_the_journal_has_is_in_the_segments_afterwards() {
    let directory = Directory::killed();
    is_mended(&directory);
    assert_eq!(directory.files("", "-1"), [""; 0], "the journal is gone");
    assert!(directory.file(".kafka_cleanshutdown").exists());
    let log = directory.read("small-0/00000000000000000000.log");
    let text = String::from_utf8_lossy(&log);
    assert_eq!(text.matches("value ").count(), 25);
    let told = directory.verify(&["--repair"]);
    assert_eq!(
        told["repairs"],
        Value::Array(vec![]),
        "nothing is left to do"
    );
}

#[test]
fn a_journal_that_is_damaged_is_not_drained() {
    let directory = Directory::killed();
    let journals = directory.files("", "-1");
    let journal = journals
        .iter()
        .find(|name| name.starts_with("forebay-journal-"));
    let journal = journal.expect("the journal is there");
    directory.flip(journal, 8192 + 100, 0);
    let before = directory.read(journal);
    let told = directory.verify(&["--repair"]);
    assert_eq!(faults(&told, &directory).len(), 1, "{told}");
    assert_eq!(&directory.read(journal), &before);
    assert!(!directory.file(".kafka_cleanshutdown").exists());
    directory.flip(journal, 8192 + 100, 0);
    is_mended(&directory);
}

#[test]
fn a_metadata_log_in_a_directory_of_its_own_is_verified_and_repaired_too() {
    let metadata = Path::new(env!("CARGO_TARGET_TMPDIR")).join("verify-metadata");
    drop(fs::remove_dir_all(&metadata));
    let setting = format!("metadata.log.dir={}", metadata.display());
    let broker = Broker::start_with("verified-apart", &[&setting]);
    Client::connect(broker.kafka, "test").create("topic");
    let data = broker.kill();
    let config = metadata.with_extension("properties");
    let text = format!(
        "node.id=1\nprocess.roles=broker,controller\ncontroller.listener.names=CONTROLLER\n\
         listeners=PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0\nlog.dirs={}\n{setting}\n",
        data.display()
    );
    fs::write(&config, text).expect("target/ can be written");
    let verify = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_forebay"));
        command.args(["verify", "--config"]).arg(&config);
        let output = command.args(arguments).output().expect("it is started");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    };
    let (status, told) = verify(&[]);
    assert_eq!(status, Some(0), "{told}");
    let state = metadata.join("__cluster_metadata-0/quorum-state");
    fs::write(&state, "{}").expect("it is there");
    let (status, told) = verify(&["--repair"]);
    assert_eq!(status, Some(0), "{told}");
    let (status, told) = verify(&[]);
    assert_eq!(status, Some(0), "{told}");
    assert!(told.starts_with("sound: "), "{told}");
    assert!(data.join(".kafka_cleanshutdown").exists());
    assert!(!metadata.join(".kafka_cleanshutdown").exists());
    for path in [&data, &metadata] {
        fs::remove_dir_all(path).expect("it is there");
    }
}

#[test]
fn the_broker_serves_a_repaired_directory() {
    let directory = Directory::stopped();
    for end in [".index", ".timeindex", ".snapshot"] {
        for name in directory.files("plain-0", end) {
            directory.flip(&name, 5, 0);
        }
    }
    is_mended(&directory);
    let path = directory.path.with_extension("served");
    fs::rename(&directory.path, &path).expect("it has a name");
    let broker = Broker::start_at(path);
    let mut client = Client::connect(broker.kafka, "test");
    assert_eq!(client.end_of("plain"), PLAIN_END);
    assert!(!broker.log().contains("ERROR"), "{}", broker.log());
}
