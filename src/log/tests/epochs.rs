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
fn an_epoch_is_written_down_with_its_first_records() {
    let mut world = World::create(dense_index());
    world.log.on_leader_epoch(0, 0);
    world.settle();
    assert_eq!(world.disk.files[FILE], b"0\n1\n0 0\n", "as Kafka begins it");
    append(&mut world, 0);
    for epoch in 1..4 {
        world.close();
        world.reopen(CLEAN);
        let written = world.disk.count("replace file");
        world.log.on_leader_epoch(epoch, 2);
        world.settle();
        assert_eq!(world.disk.count("replace file"), written);
        let epoch_now = world.log.latest_epoch().map(|latest| latest.epoch);
        assert_eq!(epoch_now, Some(epoch));
    }
    append(&mut world, 3);
    assert_eq!(world.disk.files[FILE], b"0\n2\n0 0\n3 2\n");
}

#[test]
fn an_epoch_with_records_is_written_down_when_another_follows_at_once() {
    let mut world = World::create(dense_index());
    append(&mut world, 0);
    world.close();
    world.reopen(CLEAN);
    let batches = vec![batch(2, 10)];
    let origin = AppendOrigin::Client;
    world.log.append(world.now, batches, 3, origin).unwrap();
    world.log.on_leader_epoch(4, 4);
    world.settle();
    let file = String::from_utf8(world.disk.files[FILE].clone()).unwrap();
    assert!(file.contains("\n3 2\n"), "{file}");
}

#[test]
fn an_epoch_that_was_not_written_down_is_known_again_from_its_records() {
    for mode in [CLEAN, CRASHED] {
        let mut world = World::create(dense_index());
        append(&mut world, 0);
        world.close();
        world.reopen(CLEAN);
        world.log.on_leader_epoch(3, 2);
        append(&mut world, 3);
        if mode == CLEAN {
            world.close();
        } else {
            world
                .disk
                .files
                .insert(FILE.to_owned(), b"0\n1\n0 0\n".to_vec());
            world.crash();
        }
        world.reopen(mode);
        assert_eq!(world.log.epoch_of(1), Some(0));
        assert_eq!(world.log.epoch_of(2), Some(3));
    }
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
