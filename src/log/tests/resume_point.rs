//! A start after a crash that need not read what lies before a point of the log.

use super::*;

/// A log with `count` batches of about a hundred kilobytes, a second apart, in one segment.
fn large_log(count: i64) -> World {
    let mut world = World::create(TopicConfig::default());
    for number in 0..count {
        store_large(&mut world, number);
    }
    world
}

fn store_large(world: &mut World, number: i64) {
    world.store(batch_at(1_000_000 + number * 1000, 10, 10_000));
}

/// The power goes, and the log is opened again; returns how much of its segments was read.
fn crash(world: &mut World) -> usize {
    world.crash();
    let before = world.disk.read_bytes;
    world.reopen(CRASHED);
    world.disk.read_bytes - before
}

#[test]
fn what_lies_before_a_resume_point_is_not_read_at_a_start_after_a_crash() {
    let mut world = large_log(60);
    assert!(crash(&mut world) > 6_000_000, "without a point all is read");
    world.log.take_resume_point();
    assert!(world.keep_resume_point());
    world.store(numbered(7, 0, 3));
    let read = crash(&mut world);
    assert!(read < 400_000, "{read} bytes were read");
    assert_eq!(world.log.log_end_offset(), 603);
    world.store(numbered(7, 3, 1));
}

#[test]
fn records_before_a_resume_point_are_found_by_offset_and_by_time() {
    let mut world = large_log(60);
    world.log.take_resume_point();
    assert!(world.keep_resume_point());
    let read = crash(&mut world);
    assert!(read < 400_000, "{read} bytes were read");
    for number in 0..60 {
        let offset = number * 10;
        let records = world.read(request(offset + 3, 1)).unwrap();
        let first = RecordBatch::decode(&Bytes::from(records.slices.concat())).unwrap();
        assert_eq!(first.base_offset(), offset);
        let timestamp = 1_000_000 + number * 1000;
        let found = world.lookup(Lookup::AtOrAfter(timestamp - 500)).unwrap();
        assert_eq!((found.offset, found.timestamp), (offset, timestamp));
    }
    let found = world.lookup(Lookup::Largest).unwrap();
    assert_eq!(found.timestamp, 1_000_000 + 59 * 1000);
}

#[test]
fn a_resume_point_brings_back_five_batches_of_each_producer() {
    let mut world = World::create(TopicConfig::default());
    for sequence in 0..8 {
        world.store(numbered(7, sequence, 1));
    }
    world.log.take_resume_point();
    assert!(world.keep_resume_point());
    crash(&mut world);
    for sequence in 3..8 {
        let again = world.append(numbered(7, sequence, 1)).unwrap();
        assert!(again.is_duplicate, "sequence {sequence}");
        assert_eq!(again.first_offset, i64::from(sequence));
    }
    assert!(!world.append(numbered(7, 8, 1)).unwrap().is_duplicate);
}

#[test]
fn a_resume_point_is_good_once_segments_have_what_is_below() {
    let mut world = World::create(TopicConfig::default());
    world.log.take_resume_point();
    assert_eq!(
        world.log.taken_resume_point(),
        TakenPoint::Nothing,
        "no records"
    );
    world.append(batch(1, 100)).unwrap();
    world.log.take_resume_point();
    assert_eq!(world.log.taken_resume_point(), TakenPoint::Waiting);
    world.flush();
    assert_eq!(world.log.taken_resume_point(), TakenPoint::Waiting);
    world.settle();
    assert!(world.keep_resume_point());
    assert_eq!(
        world.log.taken_resume_point(),
        TakenPoint::Nothing,
        "it is told once"
    );
}

/// Let the disk work in some order until the point that was taken is good.
fn settle_point(world: &mut World) {
    world.flush();
    while world.log.taken_resume_point() == TakenPoint::Waiting {
        assert!(world.step(), "a point becomes good");
    }
}

#[test]
fn a_resume_point_waits_until_all_segments_before_it_are_sealed() {
    for seed in 0..30 {
        let config = TopicConfig {
            segment_bytes: 2_000,
            ..TopicConfig::default()
        };
        let mut world = World::unopened(config, OpenMode::Create, seed);
        world.settle();
        for _ in 0..3 {
            world.append(batch(1, 900)).unwrap();
        }
        world.log.take_resume_point();
        settle_point(&mut world);
        let names = world.disk.names("topic-0");
        let index = "00000000000000000000.index".to_owned();
        assert!(names.contains(&index), "seed {seed}: {names:?}");
    }
}

#[test]
fn a_resume_point_waits_until_the_leader_epochs_before_it_are_written() {
    for seed in 0..30 {
        let mut world = World::unopened(TopicConfig::default(), OpenMode::Create, seed);
        world.settle();
        world.store(batch(1, 100));
        world.log.on_leader_epoch(7, 1);
        let appended = world
            .log
            .append(world.now, vec![batch(1, 100)], 7, AppendOrigin::Client);
        assert_eq!(appended.unwrap().first_offset, 1);
        world.log.take_resume_point();
        settle_point(&mut world);
        let file = &world.disk.files["topic-0/leader-epoch-checkpoint"];
        assert_eq!(file, b"0\n2\n0 0\n7 1\n", "seed {seed}");
    }
}

#[test]
fn a_resume_point_of_other_files_is_not_used() {
    let mut world = large_log(30);
    world.log.take_resume_point();
    assert!(world.keep_resume_point());
    let point = world.resume_point.take();
    // Somebody else has written the partition: batches of other sizes, or others of the same.
    for value_bytes in [9_000, 10_000] {
        let mut other = World::create(TopicConfig::default());
        for _ in 0..50 {
            other.store(batch_at(2_000_000, 10, value_bytes));
        }
        let all = other.read_all(0, 200_000);
        other.resume_point.clone_from(&point);
        assert!(crash(&mut other) > 4_000_000, "all of it is read");
        assert_eq!(other.log.log_end_offset(), 500);
        assert_eq!(other.read_all(0, 200_000), all);
    }
}

#[test]
fn a_log_that_ends_before_its_resume_point_is_damaged() {
    let mut world = large_log(5);
    world.log.take_resume_point();
    assert!(world.keep_resume_point());
    world.crash();
    let file = world.disk.files.get_mut("topic-0/00000000000000000000.log");
    // A bit of the last batch before the point.
    file.unwrap()[4 * 100_400] ^= 1;
    world.open(CRASHED);
    let progress = world.take_progress();
    assert!(
        matches!(&progress[..], [LogProgress::Failed(LogFailure::Damaged(damage))]
            if damage.offset == 40 && damage.reason.contains("it reached offset 50")),
        "{progress:?}"
    );
}

#[test]
fn a_resume_point_in_a_segment_that_was_sealed_since_is_not_used() {
    let config = TopicConfig {
        segment_bytes: 5_000,
        ..TopicConfig::default()
    };
    let mut world = World::create(config);
    world.store(numbered(7, 0, 1));
    world.log.take_resume_point();
    assert!(world.keep_resume_point());
    for sequence in 1..10 {
        world.store(numbered(7, sequence, 1));
        world.store(batch(1, 1_900));
    }
    crash(&mut world);
    assert_eq!(world.log.log_end_offset(), 19);
    assert!(world.append(numbered(7, 9, 1)).unwrap().is_duplicate);
}

#[test]
fn the_indexes_of_a_resumed_segment_are_whole_again_once_it_is_sealed() {
    let indexes_of_first = |crashes: bool| {
        let mut world = World::create(TopicConfig {
            segment_bytes: 7_000_000,
            ..TopicConfig::default()
        });
        for number in 0..80 {
            store_large(&mut world, number);
            if crashes && number == 40 {
                world.log.take_resume_point();
                assert!(world.keep_resume_point());
                let read = crash(&mut world);
                assert!(read < 400_000, "{read} bytes were read");
            }
        }
        world.settle();
        let files = world.disk.files.iter();
        let mut indexes = files.filter(|(name, _)| name.ends_with("00000.index"));
        indexes.next().map(|(_, file)| file.clone())
    };
    let whole = indexes_of_first(false).expect("the first segment is sealed");
    assert!(whole.len() > 60 * 8);
    assert_eq!(indexes_of_first(true), Some(whole));
}
