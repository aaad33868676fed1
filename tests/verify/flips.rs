//! One bit changed in each byte of each kind of file.

use std::fs;

use serde_json::Value;

use crate::directory::{Directory, faults};

/// Bytes of a batch's header.
const HEADER_BYTES: usize = 61;

/// With one bit changed in each of these bytes, there is a fault, and it is told of `files`.
#[track_caller]
fn is_told(directory: &Directory, name: &str, bytes: impl Iterator<Item = usize>, files: &[&str]) {
    let before = directory.read(name);
    for byte in bytes {
        // Each bit of a byte has its turn.
        let bit = (byte * 5 + 1) % 8;
        directory.flip(name, byte, bit);
        let told = directory.verify(&[]);
        let found = faults(&told, directory);
        assert!(
            !found.is_empty(),
            "bit {bit} of byte {byte} of {name} is not told"
        );
        for (file, fault) in &found {
            let is_expected = file == name || files.contains(&file.as_str());
            assert!(is_expected, "byte {byte} of {name} is told as {fault}");
        }
        assert_eq!(found.len(), 1, "byte {byte} of {name}: {found:?}");
        directory.flip(name, byte, bit);
    }
    assert_eq!(directory.read(name), before);
}

/// The same for all bytes of the file.
#[track_caller]
fn all_is_told(directory: &Directory, name: &str, files: &[&str]) {
    let length = directory.read(name).len();
    assert!(length > 0, "{name} is empty");
    is_told(directory, name, 0..length, files);
}

#[test]
fn a_stopped_directory_is_sound() {
    let directory = Directory::stopped();
    let told = directory.verify(&[]);
    assert_eq!(told["faults"], Value::Array(vec![]));
    assert_eq!(told["notes"], Value::Array(vec![]));
    assert_eq!(told["partitions"], 4, "{told}");
    let output = directory.run(&[]);
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(text.starts_with("sound: "), "{text}");
    assert!(text.ends_with(" of 4 partitions\n"), "{text}");
    assert_eq!(output.stderr, b"");
}

#[test]
fn a_checkpoint_may_name_a_partition_that_is_on_its_way_to_the_directory() {
    let directory = Directory::stopped();
    let name = "recovery-point-offset-checkpoint";
    let checkpoint = String::from_utf8(directory.read(name)).expect("text");
    let mut lines: Vec<String> = checkpoint.lines().map(str::to_owned).collect();
    lines[1] = (lines.len() - 1).to_string();
    lines.push("moving 0 5".to_owned());
    fs::write(directory.file(name), lines.join("\n") + "\n").expect("it is ours");
    let told = directory.verify(&[]);
    assert_eq!(faults(&told, &directory).len(), 1, "{told}");
    let future = "moving-0.000102030405060708090a0b0c0d0e0f-future";
    fs::create_dir(directory.file(future)).expect("it is ours");
    let told = directory.verify(&[]);
    assert_eq!(told["faults"], Value::Array(vec![]));
}

#[test]
fn one_bit_in_a_batch_is_told() {
    let directory = Directory::stopped();
    let logs = directory.files("plain-0", ".log");
    assert_eq!(logs.len(), 3, "{logs:?}");
    for log in [&logs[0], &logs[2]] {
        let file = directory.read(log);
        let length = i32::from_be_bytes(file[8..12].try_into().expect("four bytes"));
        let second = 12 + usize::try_from(length).expect("a length");
        is_told(&directory, log, 0..HEADER_BYTES, &[]);
        is_told(&directory, log, second..second + HEADER_BYTES, &[]);
        is_told(&directory, log, (0..file.len()).step_by(97), &[]);
    }
    let offsets = directory.files("__consumer_offsets-0", ".log");
    all_is_told(&directory, &offsets[0], &[]);
    let metadata = directory.files("__cluster_metadata-0", ".log");
    let length = directory.read(&metadata[0]).len();
    let election = "__cluster_metadata-0/quorum-state";
    is_told(
        &directory,
        &metadata[0],
        (0..length).step_by(13),
        &[election],
    );
}

#[test]
fn one_bit_in_a_file_beside_the_records_is_told() {
    let directory = Directory::stopped();
    for end in [".index", ".timeindex", ".snapshot"] {
        let files = directory.files("plain-0", end);
        assert!(files.len() >= 3, "{files:?}");
        all_is_told(&directory, &files[0], &[]);
        all_is_told(&directory, files.last().expect("some"), &[]);
    }
    let logs = directory.files("plain-0", ".log");
    let logs: Vec<&str> = logs.iter().map(String::as_str).collect();
    all_is_told(&directory, "plain-0/leader-epoch-checkpoint", &logs);
    all_is_told(&directory, "plain-0/partition.metadata", &[]);
    all_is_told(&directory, "empty-0/leader-epoch-checkpoint", &[]);
}

#[test]
fn one_bit_in_a_file_of_the_directory_is_told() {
    let directory = Directory::stopped();
    for name in [
        "meta.properties",
        "bootstrap.checkpoint",
        ".kafka_cleanshutdown",
    ] {
        all_is_told(&directory, name, &[]);
    }
    for name in [
        "recovery-point-offset-checkpoint",
        "replication-offset-checkpoint",
        "log-start-offset-checkpoint",
    ] {
        all_is_told(&directory, name, &["plain-0/leader-epoch-checkpoint"]);
    }
    // Any offset in a log is as good as another for where cleaning begins.
    let cleaned = "cleaner-offset-checkpoint";
    let length = directory.read(cleaned).len();
    is_told(&directory, cleaned, 0..length - 2, &[]);
    all_is_told(&directory, "__cluster_metadata-0/quorum-state", &[]);
    let snapshots = directory.files("__cluster_metadata-0", ".checkpoint");
    all_is_told(&directory, &snapshots[0], &[]);
}

#[test]
fn one_bit_in_a_journal_is_told() {
    let directory = Directory::killed();
    let told = directory.verify(&[]);
    let notes = told["notes"].to_string();
    assert!(
        notes.contains("25 records of 1 partition are only in the journal"),
        "{notes}"
    );
    assert_eq!(told["sound"], true, "{told}");
    let journals = directory.files("", "-1");
    let journal = journals
        .iter()
        .find(|name| name.starts_with("forebay-journal-"));
    let journal = journal.expect("the journal is there");
    let file = directory.read(journal);
    let is_header = |block: usize| file[block..].starts_with(b"forebayj");
    for block in [0, 4096].into_iter().filter(|block| is_header(*block)) {
        is_told(&directory, journal, block..block + 80, &[]);
    }
    // The first entry and the last: table, part, batch, what fills the block.
    let entries: Vec<usize> = (8192..file.len())
        .step_by(4096)
        .filter(|block| file[*block..].starts_with(&0x314A_4246_u32.to_le_bytes()))
        .collect();
    assert!(entries.len() >= 5, "{entries:?}");
    for entry in [entries[0], *entries.last().expect("some")] {
        is_told(&directory, journal, entry..entry + 32 + 24 + 61, &[]);
        is_told(&directory, journal, (entry..entry + 4096).step_by(211), &[]);
    }
}

#[test]
fn a_directory_in_use_is_refused() {
    let directory = Directory::stopped();
    let script = "import fcntl,sys\nf=open(sys.argv[1],'w')\nfcntl.lockf(f,fcntl.LOCK_EX)\n\
        print('locked',flush=True)\nsys.stdin.read()\n";
    let spawned = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(directory.file(".lock"))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn();
    let Ok(mut other) = spawned else {
        println!("not run: a_directory_in_use_is_refused needs python3");
        return;
    };
    let mut line = String::new();
    let said = other.stdout.take().expect("it is piped");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(said), &mut line).expect("a line");
    let output = directory.run(&["--repair"]);
    drop(other.stdin.take());
    other.wait().expect("it ends");
    let text = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("in use by another broker"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}
