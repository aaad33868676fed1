use super::*;
use crate::config::CleanupPolicy;
use crate::log::{ActiveProducer, EpochEnd, LogFailure, deleted_folder};

const FIRST_LOG: &str = "topic-0/00000000000000000000.log";

fn small_segments() -> TopicConfig {
    TopicConfig {
        segment_bytes: 10_000,
        index_interval_bytes: 1000,
        ..TopicConfig::default()
    }
}

#[test]
fn a_new_partition_has_a_folder_with_its_topic_id() {
    let mut world = World::create(TopicConfig::default());
    assert_eq!(world.disk.names("topic-0"), ["partition.metadata"]);
    assert_eq!(
        world.disk.files["topic-0/partition.metadata"],
        b"version: 0\ntopic_id: aMGSQPawRRSkMeZNL0Xbgg"
    );
    world.close();
    world.reopen(CLEAN);
    assert_eq!(world.log.log_end_offset(), 0);
}

/// A log that was closed with three segments.
fn closed(durability: Durability) -> World {
    let mut world = World::create(small_segments());
    for _ in 0..11 {
        world.append(batch(1, 1800)).unwrap();
    }
    world.append(numbered(7, 0, 1)).unwrap();
    world.settle();
    world.disk.performed.clear();
    world.log.close(durability);
    world.settle();
    assert_eq!(world.take_progress().last(), Some(&LogProgress::Closed));
    world
}

#[test]
fn a_stop_that_is_synced_for_all_logs_at_once_asks_for_one_change_of_each() {
    let (together, alone) = (closed(Durability::Later), closed(Durability::Synced));
    assert_eq!(together.disk.files, alone.disk.files);
    let asked: Vec<_> = together.disk.performed.into_iter().collect();
    assert_eq!(asked, [("close", 3), ("seal", 1)]);
}

#[test]
fn a_clean_stop_leaves_kafkas_files() {
    let world = closed(Durability::Synced);
    assert_eq!(
        world.disk.names("topic-0"),
        [
            "00000000000000000000.index",
            "00000000000000000000.log",
            "00000000000000000000.timeindex",
            "00000000000000000005.index",
            "00000000000000000005.log",
            "00000000000000000005.snapshot",
            "00000000000000000005.timeindex",
            "00000000000000000010.index",
            "00000000000000000010.log",
            "00000000000000000010.snapshot",
            "00000000000000000010.timeindex",
            "00000000000000000012.snapshot",
            "leader-epoch-checkpoint",
            "partition.metadata",
        ]
    );
    let size = batch(1, 1800).size_bytes();
    let mut expected = Vec::new();
    for offset in 0..5 {
        expected.extend(stamped(&batch(1, 1800), offset));
    }
    assert_eq!(world.disk.files[FIRST_LOG], expected);
    let index = &world.disk.files["topic-0/00000000000000000000.index"];
    let entries: Vec<u32> = index
        .chunks(4)
        .map(|number| u32::from_be_bytes(number.try_into().unwrap()))
        .collect();
    let position = |count: usize| u32::try_from(count * size).unwrap();
    let expected = [
        1,
        position(1),
        2,
        position(2),
        3,
        position(3),
        4,
        position(4),
    ];
    assert_eq!(entries, expected);
    assert_eq!(
        world.disk.files["topic-0/leader-epoch-checkpoint"],
        b"0\n1\n0 0\n"
    );
}

#[test]
fn a_log_goes_on_after_a_clean_stop() {
    let mut world = World::create(small_segments());
    let mut expected = Vec::new();
    for round in 0..6 {
        for number in 0..7 {
            let batch = numbered(7, round * 21 + number * 3, 3);
            expected.extend(stamped(&batch, world.log.log_end_offset()));
            world.append(batch).unwrap();
            let filler = batch_at(i64::from(round * 100 + number), 1, 900);
            expected.extend(stamped(&filler, world.log.log_end_offset()));
            world.append(filler).unwrap();
        }
        let producers = world.log.active_producers();
        world.close();
        let reads = world.disk.count("read");
        world.reopen(CLEAN);
        assert!(world.disk.count("read") - reads <= 2, "no log is scanned");
        assert_eq!(world.log.active_producers(), producers);
        assert_eq!(world.log.log_end_offset(), i64::from(round + 1) * 28);
        assert_eq!(world.log.durable_end_offset(), world.log.log_end_offset());
        assert!(
            world
                .append(numbered(7, round * 21 + 18, 3))
                .unwrap()
                .is_duplicate
        );
    }
    assert_eq!(world.read_all(0, 3000), expected);
}

#[test]
fn opening_and_closing_again_writes_nothing() {
    let mut world = World::create(small_segments());
    world.store(batch(1, 100));
    world.close();
    let before = world.disk.files.clone();
    world.reopen(CLEAN);
    let replaced = world.disk.count("replace file");
    world.close();
    assert_eq!(world.disk.count("replace file"), replaced);
    assert_eq!(world.disk.files, before);
}

#[test]
fn a_crash_takes_only_what_was_not_durable() {
    let mut world = World::create(small_segments());
    for number in 0..20 {
        world.store(numbered(7, number, 1));
    }
    world.append(numbered(7, 20, 1)).unwrap();
    let old = world.disk.files.clone();
    world.crash();
    assert_eq!(world.disk.files, old, "nothing was under way");
    world.reopen(CRASHED);
    assert_eq!(world.log.log_end_offset(), 20);
    let expected: Vec<u8> = (0..20)
        .flat_map(|number| stamped(&numbered(7, number, 1), i64::from(number)))
        .collect();
    assert_eq!(
        world.disk.files[FIRST_LOG], expected,
        "cut to what is whole"
    );
    assert_eq!(world.read_all(0, 10_000), expected);
    assert!(world.append(numbered(7, 15, 1)).unwrap().is_duplicate);
    assert_eq!(world.store(numbered(7, 20, 1)).first_offset, 20);
}

#[test]
fn records_behind_a_torn_batch_never_come_back() {
    let mut world = World::create(TopicConfig::default());
    world.store(batch(1, 100));
    let torn = world.append(batch(1, 5000)).unwrap();
    let behind = world.append(batch(1, 300)).unwrap();
    assert_eq!((torn.first_offset, behind.first_offset), (1, 2));
    world.settle();
    // The device wrote the end of that write, but not its middle.
    let bytes = world.disk.files.get_mut(FIRST_LOG).unwrap();
    bytes[1024..2048].fill(0);
    world.crash();
    world.reopen(CRASHED);
    assert_eq!(world.log.log_end_offset(), 1);
    // A batch as long as the torn one would lead to the one behind it.
    world.store(batch(1, 5000));
    world.crash();
    world.reopen(CRASHED);
    assert_eq!(world.log.log_end_offset(), 2);
}

#[test]
fn a_stale_index_does_not_pass_for_a_seal() {
    let mut world = World::create(small_segments());
    world.store(batch(1, 1500));
    world.close();
    world.reopen(CLEAN);
    for _ in 0..5 {
        world.append(batch(1, 1500)).unwrap();
    }
    world.append(batch(1, 1500)).unwrap();
    // The first segment is written and not yet sealed when the power goes.
    world.flush();
    while world.log.durable_end_offset() < 6 && world.step() {}
    world.disk.crash(&mut Random::from_seed(3));
    world.outbox = StorageOutbox::default();
    world.reopen(CRASHED);
    assert!(world.log.log_end_offset() >= 6);
    world.settle();
    assert_eq!(
        world.read_all(0, 100_000).len() as u64,
        world.log.size_bytes()
    );
}

#[test]
fn a_sealed_segment_that_lost_records_is_damage_and_not_the_end() {
    let mut world = World::create(small_segments());
    for _ in 0..12 {
        world.store(batch(1, 1800));
    }
    world.crash();
    world
        .disk
        .files
        .remove("topic-0/00000000000000000005.index");
    let file = world
        .disk
        .files
        .get_mut("topic-0/00000000000000000005.log")
        .unwrap();
    file[4000] ^= 1;
    world.open(CRASHED);
    let progress = world.take_progress();
    let [LogProgress::Failed(LogFailure::Damaged(damage))] = progress.as_slice() else {
        panic!("{progress:?}");
    };
    assert_eq!(damage.path.to_string(), "topic-0/00000000000000000005.log");
    assert_eq!(damage.offset, 7);
}

#[test]
fn a_log_that_lost_its_end_is_not_opened() {
    let mut world = World::create(small_segments());
    for _ in 0..3 {
        world.store(batch(1, 100));
    }
    world.close();
    let whole = world.disk.files[FIRST_LOG].clone();
    world
        .disk
        .files
        .get_mut(FIRST_LOG)
        .unwrap()
        .truncate(whole.len() - 1);
    world.open(OpenMode::Existing {
        is_clean: false,
        log_start_offset: None,
        recovery_point: Some(3),
    });
    assert!(matches!(
        world.take_progress().as_slice(),
        [LogProgress::Failed(LogFailure::Damaged(damage))] if damage.offset == 2
    ));
    world.open(CLEAN);
    assert!(matches!(
        world.take_progress().as_slice(),
        [LogProgress::Failed(LogFailure::Damaged(_))]
    ));
}

#[test]
fn a_folder_of_another_topic_is_told_and_left_as_it_is() {
    let mut world = World::create(TopicConfig::default());
    world.store(batch(1, 10));
    world.close();
    let metadata = world
        .disk
        .files
        .get_mut("topic-0/partition.metadata")
        .unwrap();
    *metadata = b"version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ".to_vec();
    for (mode, told) in [
        (CLEAN, "it is of topic id AAAAAAAAAAAAAAAAAAAAAQ"),
        (CRASHED, "it does not say of which topic id it is"),
    ] {
        let before = world.disk.files.clone();
        world.open(mode);
        assert!(matches!(
            world.take_progress().as_slice(),
            [LogProgress::Failed(LogFailure::Foreign(reason))]
                if reason.contains(told)
        ));
        assert_eq!(world.disk.files, before);
        world.disk.files.remove("topic-0/partition.metadata");
    }
}

#[test]
fn a_folder_that_a_crash_left_without_its_topic_id_is_taken_if_it_holds_no_records() {
    let mut world = World::create(TopicConfig::default());
    world.close();
    let metadata = world.disk.files.remove("topic-0/partition.metadata");
    world.reopen(CRASHED);
    assert_eq!(
        world.disk.files.get("topic-0/partition.metadata"),
        metadata.as_ref()
    );
}

#[test]
fn missing_indexes_are_made_again() {
    let mut world = World::create(small_segments());
    for number in 0..12 {
        world.store(batch_at(1000 + number, 1, 1800));
    }
    world.close();
    let before = world.disk.files.clone();
    for name in [
        "00000000000000000005.index",
        "00000000000000000010.timeindex",
    ] {
        world.disk.files.remove(&format!("topic-0/{name}"));
    }
    world.reopen(CLEAN);
    world.settle();
    world.close();
    assert_eq!(world.disk.files, before);
}

#[test]
fn files_that_a_crash_left_over_are_removed() {
    let mut world = World::create(small_segments());
    world.store(batch(1, 100));
    world.close();
    for name in [
        "00000000000000000000.log.deleted",
        "00000000000000000009.index",
        "00000000000000000000.log.cleaned",
    ] {
        world
            .disk
            .files
            .insert(format!("topic-0/{name}"), vec![1, 2, 3]);
    }
    world.reopen(CLEAN);
    world.settle();
    let names = world.disk.names("topic-0");
    assert!(
        names.iter().all(|name| !name.contains("deleted")
            && !name.contains("cleaned")
            && name != "00000000000000000009.index"),
        "{names:?}"
    );
}

#[test]
fn a_segment_is_rolled_by_time() {
    let config = TopicConfig {
        segment_ms: 1000,
        ..TopicConfig::default()
    };
    let mut world = World::create(config);
    for (timestamp, segments) in [(5000, 1), (6000, 1), (6001, 2), (6002, 2), (7500, 3)] {
        world.store(batch_at(timestamp, 1, 10));
        assert_eq!(world.log.segments_count(), segments, "{timestamp}");
    }
}

#[test]
fn the_age_of_a_segment_survives_a_restart() {
    let config = TopicConfig {
        segment_ms: 1000,
        index_interval_bytes: 100,
        ..TopicConfig::default()
    };
    let mut world = World::create(config);
    for value_bytes in [10, 200, 200, 9000] {
        world.store(batch_at(5000, 1, value_bytes));
        world.close();
        world.reopen(CLEAN);
    }
    world.store(batch_at(6000, 1, 10));
    assert_eq!(world.log.segments_count(), 1);
    world.store(batch_at(6001, 1, 10));
    assert_eq!(world.log.segments_count(), 2);
}

#[test]
fn a_partition_is_deleted_while_it_is_being_opened() {
    let mut world = World::create(small_segments());
    world.store(batch(1, 1800));
    world.crash();
    for steps in 0..6 {
        world.log = Log::open(
            identity(),
            Arc::new(small_segments()),
            CRASHED,
            world.random.fork(),
        );
        world.flush();
        for _ in 0..steps {
            world.step();
        }
        world.log.delete([7; 16]);
        world.settle();
        assert!(matches!(
            world.take_progress().last(),
            Some(LogProgress::Deleted { .. })
        ));
        assert_eq!(world.disk.open_files(), 0);
        let (from, to) = (deleted_folder("topic", 0, [7; 16]), "topic-0");
        world.disk.rename(&from, to);
    }
}

#[test]
fn a_segment_is_rolled_when_its_index_is_full() {
    let config = TopicConfig {
        segment_index_bytes: 24,
        index_interval_bytes: 0,
        ..TopicConfig::default()
    };
    let mut world = World::create(config);
    for number in 0..8 {
        world.store(batch_at(number, 1, 10));
    }
    assert!(world.log.segments_count() >= 3);
    world.close();
    for name in world.disk.names("topic-0") {
        if name.ends_with("index") {
            assert!(
                world.disk.files[&format!("topic-0/{name}")].len() <= 24,
                "{name}"
            );
        }
    }
    world.reopen(CLEAN);
    assert_eq!(world.log.log_end_offset(), 8);
}

#[test]
fn idle_files_are_closed_and_opened_again() {
    let mut world = World::create(small_segments());
    let mut expected = Vec::new();
    for _ in 0..4 {
        for _ in 0..3 {
            expected.extend(stamped(&batch(1, 1800), world.log.log_end_offset()));
            world.store(batch(1, 1800));
        }
        assert!(world.log.open_files().count > 0);
        world.wait(Duration::from_secs(61));
        let idle = Duration::from_secs(60);
        world
            .log
            .close_unused_files(world.now, idle, &mut world.outbox);
        world.settle();
        assert_eq!(world.log.open_files().count, 0);
        assert_eq!(world.disk.open_files(), 0);
        world.log.trim_cache(0);
        assert_eq!(world.read_all(0, 5000), expected);
    }
}

#[test]
fn a_read_that_nobody_waits_for_any_more_does_not_keep_its_file() {
    let mut world = World::create(small_segments());
    world.files_max = Some(1);
    for _ in 0..9 {
        world.store(batch(1, 1800));
    }
    world.log.trim_cache(0);
    let Ok(ReadPlan::Disk(read)) = world.log.plan_read(request(0, 5000)) else {
        panic!("what is not in memory is read from the disk");
    };
    world.log.start_read(read);
    world.flush();
    let opened = world.disk.count("open");
    while world.disk.count("open") == opened {
        assert!(world.step(), "the first segment is opened");
    }
    // The read is under way, and the last segment has yet to be opened to be closed cleanly.
    world.close();
}

#[test]
fn old_segments_go_by_their_largest_timestamp() {
    let config = TopicConfig {
        retention_ms: Some(1000),
        file_delete_delay_ms: 60_000,
        ..small_segments()
    };
    let mut world = World::create(config);
    // Offsets 0-4, 5-9, 10-11; the second one holds the newest record.
    for number in 0..12 {
        let timestamp = if number == 7 {
            1_000_000
        } else {
            998_000 + number
        };
        world.store(batch_at(timestamp, 1, 1800));
    }
    world.close();
    world.reopen(CLEAN);
    world.log.apply_retention(3);
    world.settle();
    assert_eq!(
        world.log.log_start_offset(),
        0,
        "not below the high watermark"
    );
    world.log.apply_retention(12);
    world.settle();
    assert_eq!(
        world.take_progress(),
        [LogProgress::LogStartAdvanced {
            log_start_offset: 5
        }]
    );
    assert_eq!(world.read(request(4, 10)), Err(ErrorCode::OffsetOutOfRange));
    let deleted = || "topic-0/00000000000000000000.log.deleted".to_owned();
    assert!(world.disk.files.contains_key(&deleted()));
    assert!(!world.disk.files.contains_key(FIRST_LOG));
    world.wait(Duration::from_secs(59));
    world.settle();
    assert!(world.disk.files.contains_key(&deleted()));
    world.wait(Duration::from_secs(1));
    assert!(world.log.next_deadline() <= world.now.instant);
    world.settle();
    assert!(
        world
            .disk
            .names("topic-0")
            .iter()
            .all(|name| !name.contains("deleted"))
    );
    // Now everything is too old, the active segment included.
    world.log.apply_retention(12);
    world.settle();
    assert_eq!(world.log.log_start_offset(), 12);
    assert_eq!(world.log.segments_count(), 1);
    assert_eq!(world.store(batch(1, 10)).first_offset, 12);
    world.close();
    world.reopen(CLEAN);
    assert_eq!(world.log.log_start_offset(), 12);
    assert_eq!(world.log.log_end_offset(), 13);
}

#[test]
fn segments_go_when_there_is_too_much() {
    let config = TopicConfig {
        retention_bytes: Some(15_000),
        ..small_segments()
    };
    let mut world = World::create(config);
    for _ in 0..17 {
        world.store(batch(1, 1800));
    }
    world.log.apply_retention(17);
    world.settle();
    assert_eq!(
        world.log.log_start_offset(),
        5,
        "what remains is not below the limit"
    );
    world.config.cleanup_policy = CleanupPolicy {
        delete: false,
        compact: true,
    };
    world.config.retention_bytes = Some(0);
    world.log.change_config(Arc::new(world.config.clone()));
    world.log.apply_retention(17);
    world.settle();
    assert_eq!(world.log.log_start_offset(), 5);
}

#[test]
fn segments_below_the_log_start_go() {
    let mut world = World::create(small_segments());
    for _ in 0..17 {
        world.store(batch(1, 1800));
    }
    assert_eq!(world.log.delete_records(12, 17), Ok(12));
    world.log.apply_retention(17);
    world.settle();
    assert_eq!(world.log.segments_count(), 2);
    assert_eq!(world.log.log_start_offset(), 12);
    world.crash();
    world.reopen(OpenMode::Existing {
        is_clean: false,
        log_start_offset: Some(12),
        recovery_point: None,
    });
    assert_eq!(world.log.log_start_offset(), 12);
    assert_eq!(world.read(request(12, 10)).unwrap().next_offset, 13);
}

#[test]
fn leader_epochs_survive() {
    let mut world = World::create(small_segments());
    for epoch in [3, 5] {
        let appended = world
            .log
            .append(world.now, vec![batch(2, 10)], epoch, AppendOrigin::Client)
            .unwrap();
        assert_eq!(world.log.epoch_of(appended.last_offset), Some(epoch));
        world.settle();
    }
    world.log.on_leader_epoch(6, 4);
    world.settle();
    let expected = Some(EpochEnd {
        epoch: 3,
        end_offset: 2,
    });
    assert_eq!(world.log.end_offset_for_epoch(4), expected);
    world.disk.files.remove("topic-0/leader-epoch-checkpoint");
    world.crash();
    world.reopen(CRASHED);
    assert_eq!(
        world.log.end_offset_for_epoch(4),
        expected,
        "from the batches"
    );
    world.settle();
    world.close();
    assert_eq!(
        world.disk.files["topic-0/leader-epoch-checkpoint"],
        b"0\n2\n3 0\n5 2\n"
    );
}

#[test]
fn producers_survive_a_crash_from_the_last_snapshot_on() {
    let mut world = World::create(small_segments());
    world.store(numbered(1, 0, 4));
    for _ in 0..7 {
        world.store(batch(1, 1800));
    }
    world.store(numbered(2, 5, 2));
    world.crash();
    world.reopen(CRASHED);
    let producers: Vec<(i64, Option<i32>)> = world
        .log
        .active_producers()
        .iter()
        .map(
            |ActiveProducer {
                 producer_id,
                 last_sequence,
                 ..
             }| (*producer_id, *last_sequence),
        )
        .collect();
    assert_eq!(producers, [(1, Some(3)), (2, Some(6))]);
    assert!(world.append(numbered(1, 0, 4)).unwrap().is_duplicate);
    world.close();
    // Without its snapshots the log is read from the front.
    world
        .disk
        .files
        .retain(|name, _| !name.ends_with(".snapshot"));
    world.crash();
    world.reopen(CRASHED);
    assert_eq!(world.log.active_producers().len(), 2);
}
