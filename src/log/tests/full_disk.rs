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
        LogProgress::SpaceFound,
        LogProgress::DurableAdvanced { durable_end_offset },
    ];
    assert_eq!(world.take_progress(), expected);
}

#[test]
fn a_log_that_is_closed_on_a_full_disk_ends_with_what_is_durable() {
    let mut world = world_without_room();
    world.log.close();
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
