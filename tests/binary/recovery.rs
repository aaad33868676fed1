//! What a start after a crash has to read.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use forebay::protocol::record_batch::RecordBatchBuilder;

use crate::broker::{Broker, Client, produce, produced_code};

const BATCHES: usize = 40;
const BATCH_BYTES: u64 = 960_000;

/// Append batches of [`BATCH_BYTES`].
fn append(client: &mut Client, count: usize) {
    for _ in 0..count {
        let mut batch = RecordBatchBuilder::new();
        batch.append(
            1_700_000_000_000,
            None,
            Some(&[b'v'; BATCH_BYTES as usize]),
            &[],
        );
        let request = produce("flow", batch.finish().to_bytes());
        client.ask_until(request, |response| produced_code(response) == 0);
    }
}

fn checkpoints(dir: &Path) -> Vec<PathBuf> {
    let is_checkpoint = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with("forebay-checkpoint-") && !name.ends_with(".tmp"))
    };
    let entries = std::fs::read_dir(dir).expect("the directory is there");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(is_checkpoint).collect()
}

/// Wait until a shard has written a checkpoint.
fn await_checkpoint(broker: &Broker) {
    for _ in 0..3000 {
        if !checkpoints(broker.dir()).is_empty() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("no checkpoint was written");
}

/// Have the checkpoints look as if a newer Forebay had written them.
fn make_newer(dir: &Path) {
    let paths = checkpoints(dir);
    assert!(!paths.is_empty(), "a clean stop leaves them");
    for path in paths {
        let mut file = std::fs::read(&path).expect("a checkpoint");
        file.truncate(file.len() - 4);
        file[8] = 9;
        file.extend(crc32c::crc32c(&file).to_le_bytes());
        std::fs::write(path, file).expect("it can be written");
    }
}

#[test]
fn a_start_after_a_kill_reads_what_was_appended_since_the_last_checkpoint() {
    let broker = Broker::start("recovery");
    let mut client = Client::connect(broker.kafka, "test");
    client.create("flow");
    append(&mut client, BATCHES);

    let broker = broker.restart();
    let all = BATCHES as u64 * BATCH_BYTES;
    assert!(
        broker.read_bytes() > all,
        "without a checkpoint it reads everything"
    );
    await_checkpoint(&broker);
    append(&mut Client::connect(broker.kafka, "test"), 2);

    let broker = broker.restart();
    let read = broker.read_bytes();
    assert!(read < all / 4, "{read} bytes were read, of {all}");
    append(&mut Client::connect(broker.kafka, "test"), 1);
}

#[test]
fn a_checkpoint_of_a_newer_broker_stops_a_start_after_a_crash_but_not_after_a_clean_stop() {
    let broker = Broker::start("newer");
    let mut client = Client::connect(broker.kafka, "test");
    client.create("flow");
    append(&mut client, 1);
    let broker = broker.restart();
    await_checkpoint(&broker);
    let dir = broker.stop();
    make_newer(&dir);
    let broker = Broker::start_at(dir);
    append(&mut Client::connect(broker.kafka, "test"), 1);

    let dir = broker.kill();
    make_newer(&dir);
    let again = Command::new(env!("CARGO_BIN_EXE_forebay"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(&dir)
        .output()
        .expect("the binary can be started");
    let told = String::from_utf8_lossy(&again.stderr);
    assert_eq!(again.status.code(), Some(3), "{told}");
    assert!(told.contains("its format has version 9"), "{told}");
    drop(std::fs::remove_dir_all(dir));
}
