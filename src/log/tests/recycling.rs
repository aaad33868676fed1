//! New segments in the files of deleted ones.

use super::*;

fn config() -> TopicConfig {
    TopicConfig {
        segment_bytes: 20_000,
        retention_bytes: Some(0),
        ..TopicConfig::default()
    }
}

/// Append one batch a segment, and have retention delete all but the last.
fn fill(world: &mut World, segments: usize) {
    for _ in 0..segments {
        world.store(batch(1, 15_000));
    }
    world.log.apply_retention(world.log.log_end_offset() - 1);
    world.settle();
    world.take_progress();
}

/// The files of records, and those that wait for their removal.
fn files(world: &World) -> (usize, usize) {
    let names = world.disk.names("topic-0");
    let count = |end: &str| names.iter().filter(|name| name.ends_with(end)).count();
    (count(".log"), count(".log.deleted"))
}

#[test]
fn a_new_segment_takes_the_file_of_one_that_retention_has_deleted() {
    let mut world = World::create(config());
    fill(&mut world, 3);
    assert_eq!(files(&world), (1, 2));
    let last = batch_at(2_000_000, 1, 15_000);
    world.store(batch(1, 15_000));
    world.store(last.clone());
    assert_eq!(files(&world), (3, 0));
    let file = &world.disk.files["topic-0/00000000000000000003.log"];
    assert!(file.len() > 15_000);
    world.log.trim_cache(0);
    assert_eq!(world.read_all(4, 100_000), stamped(&last, 4));
}

#[test]
fn a_crash_does_not_bring_back_what_the_file_of_a_segment_held_before() {
    for seed in 0..200 {
        let mut world = World::unopened(config(), OpenMode::Create, seed);
        world.settle();
        fill(&mut world, 3);
        let written = world.log.durable_end_offset();
        world.append(batch(1, 15_000)).unwrap();
        world.append(batch(1, 100)).unwrap();
        world.flush();
        for _ in 0..world.random.below(20) {
            world.step();
        }
        let durable = world.log.durable_end_offset();
        world.take_progress();
        world.crash();
        world.reopen(CRASHED);
        let end = world.log.log_end_offset();
        assert!((durable..=written + 2).contains(&end), "seed {seed}");
        let mut expected = Vec::new();
        for (offset, length) in (0..).zip([15_000, 15_000, 15_000, 15_000, 100]) {
            if (world.log.log_start_offset()..end).contains(&offset) {
                expected.extend(stamped(&batch(1, length), offset));
            }
        }
        let start = world.log.log_start_offset();
        assert_eq!(world.read_all(start, 100_000), expected, "seed {seed}");
    }
}

#[test]
fn a_busy_log_keeps_as_many_files_as_it_needs_until_retention_comes_again() {
    let mut world = World::create(config());
    fill(&mut world, 5);
    assert_eq!(files(&world), (1, 4));
    // Their time has come, but the log has begun as many since retention came last.
    world.wait(Duration::from_secs(59));
    world.store(batch(1, 15_000));
    world.wait(Duration::from_secs(2));
    world.settle();
    assert_eq!(files(&world), (2, 3));
    world.wait(Duration::from_mins(2));
    world.settle();
    assert_eq!(files(&world), (2, 0), "an idle log keeps none");
}

#[test]
fn a_full_disk_gets_the_files_that_are_kept() {
    let mut world = World::create(config());
    fill(&mut world, 5);
    world.wait(Duration::from_secs(59));
    world.store(batch(1, 15_000));
    world.wait(Duration::from_secs(2));
    world.settle();
    assert_eq!(files(&world), (2, 3));
    world.disk.is_full = true;
    world.append(batch(1, 15_000)).unwrap();
    world.settle();
    world.append(batch(1, 15_000)).unwrap();
    world.settle();
    assert!(world.log.lacks_space());
    assert_eq!(files(&world).1, 1, "that which is to be the next segment's");
    world.disk.is_full = false;
    world.wait(Duration::from_secs(1));
    world.settle();
    assert_eq!(world.log.durable_end_offset(), world.log.log_end_offset());
}
