use super::*;
use crate::log::LogFailure;

#[test]
fn what_is_appended_is_readable_at_once_and_durable_when_the_disk_says_so() {
    let mut world = World::create(TopicConfig::default());
    let appended = world.append(batch(3, 10)).unwrap();
    assert_eq!((appended.first_offset, appended.last_offset), (0, 2));
    assert_eq!(world.log.durable_end_offset(), 0);
    let records = world.read(request(0, 1000)).unwrap();
    assert_eq!(records.slices.concat(), stamped(&batch(3, 10), 0));
    assert!(world.take_progress().is_empty());
    world.settle();
    assert_eq!(
        world.take_progress(),
        [LogProgress::DurableAdvanced {
            durable_end_offset: 3
        }]
    );
}

#[test]
fn the_appends_of_a_turn_are_one_write() {
    let mut world = World::create(TopicConfig::default());
    for _ in 0..100 {
        world.append(batch(1, 10)).unwrap();
    }
    world.settle();
    assert_eq!(world.disk.count("write"), 1);
    world.append(batch(1, 10)).unwrap();
    world.flush();
    for _ in 0..100 {
        world.append(batch(1, 10)).unwrap();
    }
    world.settle();
    assert_eq!(
        world.disk.count("write"),
        3,
        "those that gather are one too"
    );
    assert_eq!(world.log.durable_end_offset(), 201);
}

#[test]
fn old_records_come_from_the_disk() {
    let mut world = World::create(TopicConfig::default());
    let mut expected = Vec::new();
    for number in 0..200 {
        let batch = batch(2, 100 + number);
        expected.extend(stamped(&batch, i64::try_from(number).unwrap() * 2));
        world.store(batch);
    }
    world.log.trim_cache(0);
    assert_eq!(world.log.cached_bytes(), 0);
    for bytes_max in [1, 1000, 10_000, 1_000_000] {
        assert_eq!(world.read_all(0, bytes_max), expected, "{bytes_max}");
        world.log.trim_cache(0);
    }
    let inside = world.read(request(7, 1)).unwrap();
    assert_eq!(inside.slices.concat(), stamped(&batch(2, 103), 6));
    let bounded = ReadRequest {
        upper: 9,
        ..request(7, 10_000)
    };
    assert_eq!(world.read(bounded).unwrap().next_offset, 8);
}

#[test]
fn a_reader_in_order_finds_in_memory_all_but_its_first_two_reads() {
    for segment_bytes in [TopicConfig::default().segment_bytes, 100_000] {
        let mut world = World::create(TopicConfig {
            segment_bytes,
            ..TopicConfig::default()
        });
        for _ in 0..1000 {
            world.append(batch(1, 1000)).unwrap();
        }
        world.settle();
        world.log.trim_cache(0);
        let (mut offset, mut from_disk, mut held_bytes) = (0, Vec::new(), 0);
        while offset < 1000 {
            let records = match world.log.plan_read(request(offset, 20_000)).unwrap() {
                ReadPlan::Ready(records) => records,
                ReadPlan::Disk(read) => {
                    from_disk.push(offset);
                    world.read_disk(read).unwrap()
                }
            };
            let whole = records.slices.concat();
            assert!(whole.len() <= 20_000, "{} bytes at {offset}", whole.len());
            offset = records.next_offset;
            world.settle();
            held_bytes = held_bytes.max(world.log.cached_bytes());
        }
        assert!(from_disk.len() <= 2, "{from_disk:?}");
        assert!(held_bytes > 20_000, "{held_bytes}");
    }
}

#[test]
fn offsets_outside_the_log_are_refused() {
    let mut world = World::create(TopicConfig::default());
    world.store(batch(5, 10));
    world.log.delete_records(2, 5).unwrap();
    for offset in [-1, 1, 6] {
        assert_eq!(
            world.read(request(offset, 1000)),
            Err(ErrorCode::OffsetOutOfRange)
        );
    }
    assert_eq!(world.read(request(5, 1000)), Ok(FetchedRecords::none(5)));
    assert_eq!(world.read(request(2, 1000)).unwrap().next_offset, 5);
    assert_eq!(
        world.log.delete_records(6, 5),
        Err(ErrorCode::OffsetOutOfRange)
    );
}

#[test]
fn a_repeated_batch_is_answered_with_its_first_offsets() {
    let mut world = World::create(TopicConfig::default());
    world.store(batch(4, 10));
    let first = world.store(numbered(7, 0, 3));
    let again = world.append(numbered(7, 0, 3)).unwrap();
    assert!(again.is_duplicate);
    assert_eq!(again.first_offset, first.first_offset);
    assert_eq!(again.last_offset, first.last_offset);
    assert_eq!(again.append_time, Some(1_000_000));
    assert_eq!(world.log.log_end_offset(), 7);
    assert_eq!(
        world.append(numbered(7, 4, 1)),
        Err(ErrorCode::OutOfOrderSequenceNumber)
    );
}

#[test]
fn a_batch_larger_than_a_segment_is_refused() {
    let config = TopicConfig {
        segment_bytes: 1000,
        ..TopicConfig::default()
    };
    let mut world = World::create(config);
    assert_eq!(
        world.append(batch(1, 1000)),
        Err(ErrorCode::RecordListTooLarge)
    );
    assert_eq!(world.log.log_end_offset(), 0);
}

#[test]
fn damage_is_reported_and_never_served() {
    let mut world = World::create(TopicConfig::default());
    for _ in 0..10 {
        world.store(batch(1, 5000));
    }
    world.log.trim_cache(0);
    let file = world
        .disk
        .files
        .get_mut("topic-0/00000000000000000000.log")
        .unwrap();
    file[22_000] ^= 1;
    let sound = world.read(request(0, 8000)).unwrap();
    assert_eq!(sound.next_offset, 1);
    assert_eq!(world.read(request(4, 8000)), Err(ErrorCode::CorruptMessage));
    let Some(LogProgress::Damaged(damage)) = world.take_progress().pop() else {
        panic!("the damage is told");
    };
    assert_eq!(damage.offset, 4);
    assert_eq!(damage.partition, "topic-0");
    assert_eq!(damage.path.to_string(), "topic-0/00000000000000000000.log");
    assert_eq!(damage.position, 4 * batch(1, 5000).size_bytes() as u64);
    assert_eq!(world.read(request(5, 8000)).unwrap().next_offset, 6);
}

#[test]
fn an_offset_that_changed_on_the_disk_is_damage_though_no_checksum_covers_it() {
    for changed in [0, 1, 3, 4, 9, 20] {
        let mut world = World::create(TopicConfig::default());
        for _ in 0..10 {
            world.store(batch(1, 5000));
        }
        world.log.trim_cache(0);
        let position = 2 * batch(1, 5000).size_bytes();
        let file = world
            .disk
            .files
            .get_mut("topic-0/00000000000000000000.log")
            .unwrap();
        file[position + 7] = changed;
        assert_eq!(
            world.read(request(0, 100_000)),
            Err(ErrorCode::CorruptMessage),
            "offset {changed} instead of 2"
        );
    }
}

#[test]
fn after_a_failed_write_nothing_is_appended_or_read() {
    for operation in ["open", "allocate", "write"] {
        let mut world = World::create(TopicConfig::default());
        world.append(batch(1, 10)).unwrap();
        world.disk.fails = Some(operation);
        world.settle();
        let progress = world.take_progress();
        assert!(
            matches!(
                progress.as_slice(),
                [LogProgress::Failed(LogFailure::Storage(failure))] if failure.errno == 5
            ),
            "{progress:?}"
        );
        assert_eq!(
            world.append(batch(1, 10)),
            Err(ErrorCode::KafkaStorageError)
        );
        assert_eq!(
            world.read(request(0, 10)),
            Err(ErrorCode::KafkaStorageError)
        );
        assert_eq!(world.disk.count(operation), 1, "nothing is tried again");
        assert_eq!(world.disk.open_files(), 0);
        assert_eq!(world.log.open_files().count, 0);
    }
}

#[test]
fn a_failed_read_fails_alone() {
    let mut world = World::create(TopicConfig::default());
    world.store(batch(1, 10));
    world.store(batch(1, 5000));
    world.log.trim_cache(0);
    world.disk.fails = Some("read");
    assert_eq!(
        world.read(request(0, 10)),
        Err(ErrorCode::KafkaStorageError)
    );
    assert!(matches!(
        world.take_progress().as_slice(),
        [LogProgress::ReadFailed(_)]
    ));
    assert_eq!(world.read(request(0, 10)).unwrap().next_offset, 1);
}

#[test]
fn a_timestamp_is_found_where_the_records_are() {
    let config = TopicConfig {
        segment_bytes: 20_000,
        index_interval_bytes: 500,
        ..TopicConfig::default()
    };
    let mut world = World::create(config);
    let timestamps: Vec<i64> = (0..200).map(|n| 10_000 + n * 10 - (n % 7) * 25).collect();
    for timestamp in &timestamps {
        world.store(batch_at(*timestamp, 2, 150));
    }
    world.log.trim_cache(0);
    world.wait(Duration::from_secs(60));
    for round in 0..2 {
        for probe in (9_800..12_100).step_by(37) {
            let expected = timestamps.iter().position(|timestamp| *timestamp >= probe);
            let found = world.lookup(Lookup::AtOrAfter(probe));
            assert_eq!(
                found.map(|found| found.offset),
                expected.map(|index| i64::try_from(index).unwrap() * 2),
                "{probe} in round {round}"
            );
        }
        let largest = timestamps.iter().max().unwrap();
        let at = timestamps
            .iter()
            .position(|timestamp| timestamp == largest)
            .unwrap();
        let found = world.lookup(Lookup::Largest).unwrap();
        assert_eq!(found.offset, i64::try_from(at).unwrap() * 2);
        assert_eq!(found.timestamp, *largest);
        assert_eq!(found.leader_epoch, Some(0));
        world.close();
        world.reopen(CLEAN);
    }
    world.log.delete_records(101, 400).unwrap();
    assert_eq!(world.lookup(Lookup::AtOrAfter(0)).unwrap().offset, 101);
}

#[test]
fn an_empty_log_has_no_timestamps() {
    let mut world = World::create(TopicConfig::default());
    assert_eq!(world.lookup(Lookup::AtOrAfter(0)), None);
    assert_eq!(world.lookup(Lookup::Largest), None);
}
