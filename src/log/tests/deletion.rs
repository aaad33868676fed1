//! A log that is deleted.

use std::time::Duration;

use super::*;
use crate::log::deleted_folder;

fn small_segments() -> TopicConfig {
    TopicConfig {
        segment_bytes: 10_000,
        ..TopicConfig::default()
    }
}

#[test]
fn a_deleted_partition_keeps_its_files_under_another_name() {
    let mut world = World::create(small_segments());
    for _ in 0..7 {
        world.append(batch(1, 1800)).unwrap();
    }
    world.flush();
    world.log.delete([0xab; 16]);
    world.settle();
    let name = format!("topic-0.{}-delete", "ab".repeat(16));
    assert_eq!(
        world.take_progress().last(),
        Some(&LogProgress::Deleted {
            folder: StoragePath::new(DirectoryIndex(0), &name)
        })
    );
    assert!(world.disk.names("topic-0").is_empty());
    assert!(!world.disk.names(&name).is_empty());
    assert_eq!(world.disk.open_files(), 0);
    assert_eq!(
        world.append(batch(1, 10)),
        Err(ErrorCode::NotLeaderOrFollower)
    );
}

#[test]
fn a_folder_that_cannot_be_renamed_is_tried_again_until_it_can() {
    let mut world = World::create(small_segments());
    world.store(batch(3, 1800));
    world.disk.fails = Some("rename");
    world.log.delete([0xab; 16]);
    world.settle();
    let told = world.take_progress();
    assert!(
        matches!(&told[..], [LogProgress::DeletionPutOff(failure)] if failure.errno == 5),
        "{told:?}"
    );
    assert_eq!(world.disk.open_files(), 0, "others may need them meanwhile");
    assert_eq!(world.disk.count("rename"), 1);
    let due = world.log.next_deadline();
    world.disk.fails = Some("rename");
    world.wait(due.saturating_since(world.now.instant));
    world.settle();
    assert_eq!(world.disk.count("rename"), 2);
    assert_eq!(world.take_progress(), [], "that is told once");
    world.wait(Duration::from_secs(1));
    world.settle();
    let folder = deleted_folder("topic", 0, [0xab; 16]);
    assert_eq!(
        world.take_progress(),
        [LogProgress::Deleted {
            folder: StoragePath::new(DirectoryIndex(0), &folder)
        }]
    );
    assert!(!world.disk.names(&folder).is_empty());
}

#[test]
fn a_folder_that_is_not_there_is_as_good_as_renamed() {
    let mut world = World::create(small_segments());
    world.disk.rename("topic-0", "elsewhere");
    world.log.delete([0xab; 16]);
    world.settle();
    assert!(matches!(
        world.take_progress()[..],
        [LogProgress::Deleted { .. }]
    ));
    assert_eq!(world.disk.count("rename"), 1);
}

#[test]
fn what_fails_while_a_log_is_deleted_does_not_keep_its_name() {
    for operation in ["open", "allocate", "write", "close"] {
        let mut world = World::create(small_segments());
        world.append(batch(3, 1800)).unwrap();
        world.flush();
        world.disk.fails = Some(operation);
        world.log.delete([0xab; 16]);
        world.settle();
        let told = world.take_progress();
        assert!(
            matches!(told.last(), Some(LogProgress::Deleted { .. })),
            "{operation}: {told:?}"
        );
    }
}
