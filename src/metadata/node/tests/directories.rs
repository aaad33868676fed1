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

/// A cluster with four topics, two in each of two directories; those of the second.
fn world_with_topics() -> (World, [&'static str; 2]) {
    let mut world = World::start(Disk::default(), 1);
    let topics = ["a", "b", "c", "d"];
    assert!(topics.iter().all(|topic| world.create(topic)));
    let second = world.opened[1].id;
    let image = &world.image;
    let is_there = |topic: &&str| partition_of(image, topic).directories == [second];
    let there: Vec<&str> = topics.into_iter().filter(is_there).collect();
    (world, there.try_into().expect("they are spread evenly"))
}

#[test]
fn nobody_leads_what_lies_in_a_directory_that_is_given_up_until_it_is_back() {
    let (mut world, hit) = world_with_topics();
    let now = world.now();
    world.node.give_up(now, DirectoryIndex(1));
    world.run();
    let first = world.opened[0].id;
    let leaders = |world: &World| {
        ["a", "b", "c", "d"].map(|topic| {
            let partition = partition_of(&world.image, topic);
            assert_eq!(partition.isr, [1], "what is there was committed");
            let offline = world.image.offline_replicas(&partition, "PLAINTEXT");
            (hit.contains(&topic), partition.leader, offline)
        })
    };
    let lost = |is_hit| {
        if is_hit {
            (None, vec![1])
        } else {
            (Some(1), Vec::new())
        }
    };
    for (is_hit, leader, offline) in leaders(&world) {
        assert_eq!((leader, offline), lost(is_hit));
    }
    assert_eq!(world.image.brokers.get(&1).unwrap().directories, [first]);
    // New topics go to the other directory, however few are in the one that is gone.
    for topic in ["e", "f", "g"] {
        assert!(world.create(topic));
        assert_eq!(partition_of(&world.image, topic).directories, [first]);
    }
    let mut disk = world.close().disk;
    disk.unreadable = Some(1);
    let world = World::start(disk, 2);
    assert_eq!(world.halted, None);
    let offline: Vec<bool> = world.opened.iter().map(|one| one.is_offline).collect();
    assert_eq!(offline, [false, true]);
    for (is_hit, leader, offline) in leaders(&world) {
        assert_eq!((leader, offline), lost(is_hit));
    }
    let mut disk = world.close().disk;
    disk.unreadable = None;
    let world = World::start(disk, 3);
    for (_, leader, offline) in leaders(&world) {
        assert_eq!((leader, offline), (Some(1), Vec::new()));
    }
}

#[test]
fn a_directory_that_cannot_be_read_at_the_start_is_left_out_unless_the_metadata_is_there() {
    let (world, hit) = world_with_topics();
    let mut disk = world.close().disk;
    disk.unreadable = Some(1);
    let world = World::start(disk.clone(), 2);
    assert_eq!(world.halted, None);
    assert_eq!(partition_of(&world.image, hit[0]).leader, None);
    disk.unreadable = Some(0);
    let world = World::start(disk, 2);
    assert!(
        matches!(world.halted, Some(HaltCause::StorageFailed(_))),
        "{:?}",
        world.halted
    );
}
