//! Replicas move between log directories: under the Java client's load, and by Kafka's tool.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Broker, Kind, Lab, assert_equal, needs};
use crate::transcript::Transcript;

const MOVES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/Moves.java");

/// A broker with two log directories, and these.
fn broker_on_two(lab: &Lab, kind: Kind, name: &str) -> (Broker, [PathBuf; 2]) {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{kind:?}"));
    drop(fs::remove_dir_all(&root));
    let directories = ["one", "two"].map(|name| root.join(name));
    for directory in &directories {
        fs::create_dir_all(directory).expect("target/ can be written");
    }
    let log_dirs = directories.clone().map(|path| path.display().to_string());
    let settings = [
        ("log.dirs", log_dirs.join(",")),
        ("log.segment.bytes", "1048576".to_owned()),
        ("log.segment.delete.delay.ms", "0".to_owned()),
    ];
    let settings: Vec<(&str, &str)> = settings
        .iter()
        .map(|(key, value)| (*key, value.as_str()))
        .collect();
    (Broker::start(lab, kind, &settings), directories)
}

/// The folders of a topic, in both directories.
fn folders_of(directories: &[PathBuf; 2], topic: &str) -> Vec<String> {
    let mut found = Vec::new();
    for directory in directories {
        for entry in fs::read_dir(directory).expect("the directory is there") {
            let name = entry.expect("it can be read").file_name();
            let name = name.to_string_lossy().into_owned();
            if name.starts_with(&format!("{topic}-")) {
                found.push(name);
            }
        }
    }
    found
}

/// What `find` gives once it is not `None` any more.
#[track_caller]
fn eventually<T>(find: impl Fn() -> Option<T>) -> T {
    for _ in 0..600 {
        if let Some(found) = find() {
            return found;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("it did not happen in a minute");
}

#[test]
fn a_replica_moves_while_it_is_written_to_and_no_record_is_lost_or_late_or_twice() {
    let lab = needs!(Java);
    let (mut broker, directories) = broker_on_two(&lab, Kind::Forebay, "under-load");
    let paths = directories
        .each_ref()
        .map(|path| path.display().to_string());
    let told = lab
        .java(MOVES, 180)
        .args([&broker.bootstrap(), "moved", "1", "6", &paths[0], &paths[1]])
        .run()
        .succeeded()
        .stdout;
    for number in 0..6 {
        let line = format!("move {number}: done, the producer went on\n");
        assert!(told.contains(&line), "{told}");
    }
    assert!(told.contains("failure: null\n"), "{told}");
    assert!(told.contains("every record once and in order"), "{told}");
    let is_alone = || (folders_of(&directories, "moved") == ["moved-0"]).then_some(());
    eventually(is_alone);
    let before = fs::metadata(directories[0].join("moved-0")).is_ok();
    broker.kill();
    broker.resume();
    assert_eq!(folders_of(&directories, "moved"), ["moved-0"]);
    assert_eq!(fs::metadata(directories[0].join("moved-0")).is_ok(), before);
    assert!(!broker.log().contains("ERROR"), "{}", broker.log());
}

#[test]
fn kafka_reassign_partitions_moves_between_directories_and_tells_the_same() {
    let lab = needs!(Java);
    let [kafka, forebay] = Kind::BOTH.map(|kind| {
        let (broker, directories) = broker_on_two(&lab, kind, "by-tool");
        let mut session = Transcript::new(&broker);
        let create = ["--create", "--topic", "tool.moved", "--partitions", "2"];
        session.run("TopicCommand", &create);
        let there = |path: &PathBuf| path.join("tool.moved-0").exists();
        let from = eventually(|| directories.iter().position(there));
        let to = directories[1 - from].display().to_string();
        let plan = |topic: &str, replicas: &str, directory: &str| {
            let path = directories[0].join("plan.json");
            let text = format!(
                "{{\"version\":1,\"partitions\":[{{\"topic\":\"{topic}\",\"partition\":0,\
                 \"replicas\":[{replicas}],\"log_dirs\":[\"{directory}\"]}}]}}"
            );
            fs::write(&path, text).expect("the directory can be written");
            path.display().to_string()
        };
        let tool = "reassign.ReassignPartitionsCommand";
        let hide = |line: &str| {
            let line = line.replace(&to, "TO");
            Some(line.replace(&directories[from].display().to_string(), "FROM"))
        };
        let path = plan("tool.moved", "1", &to);
        let execute = ["--execute", "--reassignment-json-file", &path];
        session.run_and(tool, &execute, hide);
        eventually(|| there(&directories[1 - from]).then_some(()));
        eventually(|| (!there(&directories[from])).then_some(()));
        let verify = ["--verify", "--reassignment-json-file", &path];
        session.run_and(tool, &verify, hide);
        session.run(tool, &["--list"]);
        for (topic, replicas) in [("tool.moved", "7"), ("tool.nowhere", "1")] {
            let path = plan(topic, replicas, "any");
            let execute = ["--execute", "--reassignment-json-file", &path];
            session.run_and(tool, &execute, hide);
        }
        let text = session.finish();
        let root = directories[0].parent().expect("it is in a folder");
        text.replace(&root.display().to_string(), "ROOT")
    });
    println!("{kafka}");
    assert_equal(&kafka, &forebay);
}
