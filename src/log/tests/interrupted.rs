//! What a crash leaves of a replacement of segments, by Apache Kafka or here, and what a start
//! makes of it.

use super::*;
use crate::config::CleanupPolicy;
use crate::log::LogFailure;
use crate::protocol::record_batch::Batches;

fn compacted() -> TopicConfig {
    TopicConfig {
        cleanup_policy: CleanupPolicy {
            delete: false,
            compact: true,
        },
        ..TopicConfig::default()
    }
}

/// Ten segments and more, one record in each batch.
fn filled() -> World {
    let config = TopicConfig {
        segment_bytes: 500,
        index_interval_bytes: 0,
        ..compacted()
    };
    let mut world = World::create(config);
    for _ in 0..40 {
        world.store(batch(1, 50));
    }
    world.close();
    world
}

fn file(base_offset: Offset, suffix: &str) -> String {
    format!("topic-0/{base_offset:020}{suffix}")
}

/// The base offsets of the segments.
fn bases(world: &World) -> Vec<Offset> {
    let names = world.disk.names("topic-0").into_iter();
    names
        .filter_map(|name| name.strip_suffix(".log")?.parse().ok())
        .collect()
}

/// What compaction makes of the first `count` segments: every second record, and no index.
fn merged(world: &World, count: usize) -> Vec<u8> {
    let mut kept = Vec::new();
    for base_offset in &bases(world)[..count] {
        let log = world.disk.files[&file(*base_offset, ".log")].clone();
        for batch in Batches::new(log.into()).map(Result::unwrap) {
            if batch.base_offset() % 2 == 1 {
                kept.extend(batch.to_bytes());
            }
        }
    }
    kept
}

fn put(world: &mut World, name: String, contents: &[u8]) {
    world.disk.files.insert(name, contents.to_vec());
}

fn offsets(world: &mut World) -> Vec<Offset> {
    let start = world.log.log_start_offset();
    let bytes = world.read_all(start, 1000);
    let batches = Batches::new(bytes.into()).map(Result::unwrap);
    batches.map(|batch| batch.base_offset()).collect()
}

fn has_only_segments(world: &World) -> bool {
    let names = world.disk.names("topic-0");
    !names
        .iter()
        .any(|name| name.ends_with(".swap") || name.ends_with(".cleaned"))
}

#[test]
fn a_replacement_that_took_place_is_brought_to_its_end_whatever_else_goes_wrong() {
    for mode in [CLEAN, CRASHED] {
        for steps in 0..80 {
            let mut world = filled();
            let (before, swap) = (bases(&world), merged(&world, 3));
            put(&mut world, file(0, ".log.swap"), &swap);
            put(&mut world, file(0, ".timeindex.swap"), &[]);
            put(&mut world, file(0, ".index.swap"), &[]);
            // Of the next run.
            put(
                &mut world,
                file(before[5], ".log.cleaned"),
                b"not yet whole",
            );
            let config = Arc::new(world.config.clone());
            world.log = Log::open(identity(), config, mode, world.random.fork());
            world.flush();
            for _ in 0..steps {
                world.step();
            }
            world.crash();
            world.reopen(mode);
            let third_end = before[3];
            let kept = (0..40).filter(|offset| *offset >= third_end || offset % 2 == 1);
            assert_eq!(offsets(&mut world), kept.collect::<Vec<_>>());
            assert_eq!(bases(&world)[..2], [0, third_end]);
            assert!(has_only_segments(&world));
        }
    }
}

#[test]
fn a_replacement_that_had_not_taken_place_is_undone() {
    let mut world = filled();
    let (before, swap) = (bases(&world), merged(&world, 3));
    put(&mut world, file(0, ".log.swap"), &swap);
    put(&mut world, file(0, ".index.cleaned"), &[]);
    world.reopen(CRASHED);
    assert_eq!(offsets(&mut world), (0..40).collect::<Vec<_>>());
    assert_eq!(bases(&world), before);
    assert!(has_only_segments(&world));
}

#[test]
fn a_split_that_is_not_complete_is_undone_and_a_complete_one_stays() {
    for is_complete in [true, false] {
        let mut world = filled();
        let (before, swap) = (bases(&world), merged(&world, 3));
        // The second half is called `.swap` first. All batches have one size.
        let half = swap.len() / 2;
        let middle = Batches::new(swap[half..].to_vec().into()).next().unwrap();
        let middle = middle.unwrap().base_offset();
        put(&mut world, file(middle, ".log.swap"), &swap[half..]);
        let suffix = if is_complete {
            ".log.swap"
        } else {
            ".log.cleaned"
        };
        put(&mut world, file(0, suffix), &swap[..half]);
        world.reopen(CRASHED);
        assert!(has_only_segments(&world));
        if is_complete {
            assert_eq!(bases(&world)[..3], [0, middle, before[3]]);
            assert!(offsets(&mut world).starts_with(&[1, 3, 5]));
        } else {
            assert_eq!(bases(&world), before);
            assert_eq!(offsets(&mut world), (0..40).collect::<Vec<_>>());
        }
    }
}

#[test]
fn nothing_goes_for_a_replacement_that_is_damaged() {
    let mut world = filled();
    let mut swap = merged(&world, 3);
    let last = swap.len() - 1;
    swap[last] ^= 1;
    put(&mut world, file(0, ".log.swap"), &swap);
    let before = world.disk.files.clone();
    world.open(CRASHED);
    let progress = world.take_progress();
    let [LogProgress::Failed(LogFailure::Damaged(damage))] = &progress[..] else {
        panic!("the damage is told, not {progress:?}");
    };
    assert!(damage.path.relative.ends_with(".log.swap"), "{damage}");
    assert_eq!(world.disk.files, before);
    world.log.close(Durability::Synced);
    world.settle();
    assert_eq!(world.disk.open_files(), 0);
}

#[test]
fn a_replacement_larger_than_a_step_is_read_to_its_end() {
    let config = TopicConfig {
        segment_bytes: 3 << 20,
        ..compacted()
    };
    let mut world = World::create(config);
    for value_bytes in [700_000, 700_000, 2_500_000, 10, 2_500_000, 10] {
        world.store(batch(1, value_bytes));
    }
    world.close();
    let names = bases(&world);
    assert_eq!(names, [0, 2, 4]);
    let first = world.disk.files[&file(0, ".log")].clone();
    let second = world.disk.files[&file(2, ".log")].clone();
    put(&mut world, file(0, ".log.swap"), &[first, second].concat());
    world.reopen(CRASHED);
    assert_eq!(bases(&world), [0, 4]);
    assert_eq!(offsets(&mut world), (0..6).collect::<Vec<_>>());
}
