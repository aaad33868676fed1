//! What a start after a crash has to read.

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

/// Wait until a shard has written a checkpoint.
fn await_checkpoint(broker: &Broker) {
    let is_checkpoint =
        |name: &str| name.starts_with("forebay-checkpoint-") && !name.ends_with(".tmp");
    for _ in 0..3000 {
        let entries = std::fs::read_dir(broker.dir()).expect("the directory is there");
        let mut names = entries.map(|entry| entry.expect("an entry").file_name());
        if names.any(|name| name.to_str().is_some_and(is_checkpoint)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("no checkpoint was written");
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
