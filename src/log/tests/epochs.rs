//! The file that says where leader epochs begin.

use super::*;

const FILE: &str = "topic-0/leader-epoch-checkpoint";

/// Small enough for an index entry with every batch.
fn dense_index() -> TopicConfig {
    TopicConfig {
        index_interval_bytes: 0,
        ..TopicConfig::default()
    }
}

fn append(world: &mut World, epoch: i32) {
    let batches = vec![batch(2, 10)];
    let appended = world
        .log
        .append(world.now, batches, epoch, AppendOrigin::Client);
    appended.unwrap();
    world.settle();
}

#[test]
fn an_epoch_without_records_does_not_move_the_start_of_the_one_before() {
    let mut world = World::create(dense_index());
    for _ in 0..3 {
        append(&mut world, 1);
    }
    world.close();
    // As Kafka writes it when a leader begins.
    let file = b"0\n2\n1 0\n2 6\n".to_vec();
    world.disk.files.insert(FILE.to_owned(), file);
    world.reopen(CLEAN);
    assert_eq!(world.log.epoch_of(0), Some(1));
    assert_eq!(world.log.epoch_of(5), Some(1));
    assert_eq!(world.log.log_end_offset(), 6);
}
