//! The log directories, and that of the metadata log.

use super::*;

#[test]
fn a_directory_with_a_log_that_was_not_closed_is_not_marked_as_clean() {
    let mut world = World::start(Disk::default(), 1);
    world.node.leave_unmarked([DirectoryIndex(1)].into());
    let world = world.close();
    assert!(world.is_closed);
    let world = World::start(world.disk, 2);
    let clean: Vec<bool> = world
        .opened
        .iter()
        .map(|directory| directory.is_clean)
        .collect();
    assert_eq!(clean, [true, false]);
}

#[test]
fn a_clean_stop_leaves_marks_and_the_next_start_takes_them() {
    let mut world = World::start(Disk::default(), 1);
    assert!(world.opened.iter().all(|directory| !directory.is_clean));
    assert!(world.create("t"));
    let epoch = partition_of(&world.image, "t").leader_epoch;
    let world = world.close();
    assert!(world.is_closed);
    let mark = path(1, ".kafka_cleanshutdown");
    let expected = format!(
        "{{\"version\":0,\"brokerEpoch\":{}}}",
        world.node.broker_epoch().unwrap()
    );
    assert_eq!(world.disk.file(&mark), Some(expected.as_bytes()));
    let world = World::start(world.disk, 2);
    assert!(world.opened.iter().all(|directory| directory.is_clean));
    assert_eq!(world.disk.file(&mark), None);
    let partition = partition_of(&world.image, "t");
    assert_eq!(
        (partition.leader, partition.leader_epoch),
        (Some(1), epoch + 2)
    );
}

#[test]
fn a_metadata_log_with_a_directory_for_itself_lies_there_and_is_no_log_directory() {
    let start = |disk, seed| {
        let mut settings = settings(2, seed, small_log());
        settings.metadata_directory = DirectoryIndex(2);
        World::new(disk, settings, None)
    };
    let mut world = start(Disk::default(), 1);
    assert!(world.create("t"));
    let ids: Vec<Uuid> = world.opened.iter().map(|directory| directory.id).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(world.image.brokers.get(&1).unwrap().directories, ids);
    let world = world.close();
    assert!(world.is_closed);
    let holds = |directory, name: &str| world.disk.file(&path(directory, name)).is_some();
    let mark = ".kafka_cleanshutdown";
    for directory in 0..3 {
        assert!(holds(directory, "meta.properties"));
        assert!(holds(directory, "bootstrap.checkpoint"));
        let is_own = directory == 2;
        assert_eq!(
            holds(directory, "__cluster_metadata-0/quorum-state"),
            is_own
        );
        assert_eq!(holds(directory, mark), !is_own);
    }
    // Apache Kafka knows no mark there: one that lies there says nothing of what came after it.
    let mut disk = world.disk;
    disk.set_file(&path(2, mark), Some(b"{}"));
    let log = path(2, "__cluster_metadata-0/00000000000000000000.log");
    let torn = [disk.file(&log).unwrap(), b"a torn batch"].concat();
    disk.set_file(&log, Some(&torn));
    let world = start(disk, 2);
    assert_eq!(world.halted, None);
    assert!(world.image.topic("t").is_some());
    assert_eq!(world.disk.file(&path(2, mark)), None);
    let clean: Vec<bool> = world.opened.iter().map(|one| one.is_clean).collect();
    assert_eq!(clean, [true, true]);
}
