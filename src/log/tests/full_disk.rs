//! A disk that has no room for a while.

use std::time::Duration;

use super::*;
use crate::log::LogFailure;

/// Less than one batch fits into what a file reserves first.
const LARGE_BYTES: usize = 200_000;

fn lacks_space(progress: &LogProgress) -> bool {
    matches!(progress, LogProgress::SpaceLacking(failure) if failure.errno == 28)
}

/// A log with one record on its disk, and one for which the disk has no room.
fn world_without_room() -> World {
    let mut world = World::create(TopicConfig::default());
    world.store(batch(1, 10));
    world.disk.is_full = true;
    world.append(batch(1, LARGE_BYTES)).unwrap();
    world.settle();
    let progress = world.take_progress();
    assert!(
        matches!(&progress[..], [one] if lacks_space(one)),
        "{progress:?}"
    );
    world
}

#[test]
fn what_finds_no_room_waits_for_it_and_reads_go_on() {
    let mut world = world_without_room();
    assert!(world.log.lacks_space());
    assert_eq!(world.log.durable_end_offset(), 1);
    let first = world.read(request(0, 100)).unwrap();
    assert_eq!(first.next_offset, 1);
    // It asks once a second, and says no second time that it lacks room.
    let asked = world.disk.count("allocate");
    world.settle();
    assert_eq!(world.disk.count("allocate"), asked);
    assert_eq!(
        world.log.next_deadline(),
        world.now.instant + Duration::from_secs(1)
    );
    world.wait(Duration::from_secs(1));
    world.settle();
    assert_eq!(world.disk.count("allocate"), asked + 1);
    assert_eq!(world.take_progress(), []);

    world.disk.is_full = false;
    world.wait(Duration::from_secs(1));
    world.settle();
    assert!(!world.log.lacks_space());
    let durable_end_offset = 2;
    let expected = [
        LogProgress::DurableAdvanced { durable_end_offset },
        LogProgress::SpaceFound,
    ];
    assert_eq!(world.take_progress(), expected);
}

#[test]
fn a_log_that_is_closed_on_a_full_disk_ends_with_what_is_durable() {
    let mut world = world_without_room();
    world.log.close(Durability::Synced);
    world.settle();
    let progress = world.take_progress();
    let [LogProgress::Failed(LogFailure::Storage(failure))] = &progress[..] else {
        panic!("{progress:?}");
    };
    assert!(failure.is_lack_of_space());
    world.disk.is_full = false;
    world.reopen(CRASHED);
    assert_eq!(world.log.log_end_offset(), 1);
}

#[test]
fn a_disk_that_fails_in_another_way_is_not_asked_again() {
    let mut world = World::create(TopicConfig::default());
    world.store(batch(1, 10));
    world.disk.fails = Some("allocate");
    world.append(batch(1, LARGE_BYTES)).unwrap();
    world.settle();
    let progress = world.take_progress();
    assert!(
        matches!(&progress[..], [LogProgress::Failed(_)]),
        "{progress:?}"
    );
}

/// A log whose segments hold one of these batches each.
fn small_segments() -> TopicConfig {
    TopicConfig {
        segment_bytes: 6_000,
        ..TopicConfig::default()
    }
}

#[test]
fn a_roll_that_finds_no_room_is_finished_when_there_is_some() {
    for operation in ["open", "allocate", "replace file"] {
        let mut world = World::create(small_segments());
        world.store(batch(1, 5_000));
        world.disk.is_full_for = Some(operation);
        world.append(batch(1, 5_000)).unwrap();
        world.settle();
        let told = world.take_progress();
        let lacks = told.iter().filter(|progress| lacks_space(progress)).count();
        assert_eq!(lacks, 1, "{operation}: {told:?}");
        assert!(
            world.log.is_open() && world.log.lacks_space(),
            "{operation}"
        );
        let first = world.read(request(0, 100)).unwrap();
        assert_eq!(first.next_offset, 1, "{operation}: reads go on");
        world.wait(Duration::from_secs(1));
        world.settle();
        let told = world.take_progress();
        let is_said = |one: &LogProgress| lacks_space(one) || *one == LogProgress::SpaceFound;
        assert!(!told.iter().any(is_said), "{operation}: {told:?}");

        world.disk.is_full_for = None;
        world.wait(Duration::from_secs(1));
        world.settle();
        assert!(world.take_progress().contains(&LogProgress::SpaceFound));
        assert_eq!(world.log.durable_end_offset(), 2, "{operation}");
        world.store(batch(1, 5_000));
        world.close();
        world.reopen(CLEAN);
        assert_eq!(world.log.log_end_offset(), 3, "{operation}");
        assert_eq!(world.log.segments_count(), 3, "{operation}");
    }
}

#[test]
fn a_log_for_which_there_is_no_room_is_made_when_there_is() {
    for operation in ["create folder", "replace file"] {
        let mut world = World::unopened(TopicConfig::default(), OpenMode::Create, 1);
        world.disk.is_full_for = Some(operation);
        world.settle();
        let told = world.take_progress();
        assert!(matches!(&told[..], [one] if lacks_space(one)), "{told:?}");
        assert_eq!(
            world.log.next_deadline(),
            world.now.instant + Duration::from_secs(1)
        );
        world.disk.is_full_for = None;
        world.wait(Duration::from_secs(1));
        world.settle();
        let told = world.take_progress();
        assert_eq!(told, [LogProgress::Opened, LogProgress::SpaceFound]);
        world.store(batch(1, 10));
        world.crash();
        world.reopen(CRASHED);
        assert_eq!(world.log.log_end_offset(), 1);
    }
}

#[test]
fn retention_that_finds_no_room_for_a_longer_name_deletes_when_there_is() {
    let mut world = World::create(small_segments());
    for _ in 0..3 {
        world.store(batch(1, 5_000));
    }
    world.disk.is_full_for = Some("rename");
    world.log.delete_records(2, 3).unwrap();
    world.log.apply_retention(3);
    world.settle();
    assert!(world.take_progress().iter().any(lacks_space));
    world.disk.is_full_for = None;
    world.wait(Duration::from_secs(1));
    world.settle();
    assert_eq!(world.log.segments_count(), 1);
    world.close();
    world.reopen(CLEAN);
    assert_eq!(world.log.log_end_offset(), 3);
}

#[test]
fn a_log_that_is_deleted_while_it_waits_for_room_is_gone_at_once() {
    let mut world = World::create(small_segments());
    world.store(batch(1, 5_000));
    world.disk.is_full_for = Some("open");
    world.append(batch(1, 5_000)).unwrap();
    world.settle();
    assert!(world.log.lacks_space());
    world.take_progress();
    world.log.delete([1; 16]);
    world.settle();
    let told = world.take_progress();
    assert!(
        matches!(&told[..], [LogProgress::Deleted { .. }]),
        "{told:?}"
    );
    assert_eq!(world.disk.open_files(), 0);
}

#[test]
fn a_log_that_is_closed_while_it_waits_asks_once_more_at_once() {
    let mut world = World::create(small_segments());
    world.store(batch(1, 5_000));
    world.disk.is_full = true;
    world.append(batch(1, 5_000)).unwrap();
    world.settle();
    assert!(world.log.lacks_space());
    world.disk.is_full = false;
    world.close();
    world.reopen(CLEAN);
    assert_eq!(world.log.log_end_offset(), 2);
}
