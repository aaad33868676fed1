use std::collections::BTreeMap;

use super::*;

const BATCHES: i64 = 24;

/// A stopped log of several segments, whose records have a timestamp each.
fn stopped() -> World {
    let config = TopicConfig {
        segment_bytes: 4_000,
        index_interval_bytes: 500,
        retention_ms: None,
        ..TopicConfig::default()
    };
    let mut world = World::create(config);
    for number in 0..BATCHES {
        world.store(batch_at(1_000 + number * 10, 2, 150));
    }
    world.close();
    world
}

fn is_index(name: &str) -> bool {
    name.ends_with(".index") || name.ends_with(".timeindex")
}

fn indexes(world: &World) -> BTreeMap<String, Vec<u8>> {
    let files = world.disk.files.iter();
    let indexes = files.filter(|(name, _)| is_index(name));
    indexes
        .map(|(name, file)| (name.clone(), file.clone()))
        .collect()
}

/// Every batch is found by each of its offsets, and by its timestamp.
#[track_caller]
fn assert_found(world: &mut World) {
    for number in 0..BATCHES {
        for offset in [number * 2, number * 2 + 1] {
            let found = world.read(request(offset, 1)).unwrap();
            assert_eq!(found.next_offset, number * 2 + 2, "at {offset}");
        }
        let timestamp = 1_000 + number * 10;
        for asked in [timestamp - 9, timestamp] {
            let found = world.lookup(Lookup::AtOrAfter(asked));
            let found = found.map(|found| (found.offset, found.timestamp));
            assert_eq!(found, Some((number * 2, timestamp)), "at {asked}");
        }
    }
    assert_eq!(
        world.lookup(Lookup::AtOrAfter(1_000 + BATCHES * 10)),
        None,
        "behind all"
    );
    let largest = world.lookup(Lookup::Largest).map(|found| found.offset);
    assert_eq!(largest, Some((BATCHES - 1) * 2));
}

#[test]
fn a_bit_that_flips_in_an_index_hides_no_record_and_is_mended() {
    let sound = indexes(&stopped());
    let mut doubted = 0;
    for (name, file) in &sound {
        for at in 0..file.len() {
            let mut world = stopped();
            let damaged = world.disk.files.get_mut(name).unwrap();
            damaged[at] ^= 1 << (at % 8);
            world.reopen(CLEAN);
            assert_found(&mut world);
            let is_doubted = |told: &LogProgress| matches!(told, LogProgress::IndexesDoubted(_));
            let was_doubted = world.take_progress().iter().any(is_doubted);
            doubted += usize::from(was_doubted);
            world.close();
            if was_doubted {
                assert_eq!(world.disk.files[name], *file, "{name} at {at}");
            }
        }
    }
    assert!(doubted > 100, "{doubted}");
}

#[test]
fn indexes_that_are_lost_are_made_anew() {
    let sound = indexes(&stopped());
    for change in [
        |world: &mut World| world.disk.files.retain(|name, _| !is_index(name)),
        |world: &mut World| {
            let files = world.disk.files.iter_mut();
            let times = files.filter(|(name, _)| name.ends_with(".timeindex"));
            times.for_each(|(_, file)| file.clear());
        },
    ] {
        let mut world = stopped();
        change(&mut world);
        world.reopen(CLEAN);
        assert_found(&mut world);
        world.settle();
        world.close();
        assert_eq!(indexes(&world), sound);
    }
}

#[test]
fn retention_does_not_believe_a_timestamp_that_no_batch_has() {
    let mut world = stopped();
    let name = indexes(&world)
        .into_keys()
        .find(|name| name.ends_with(".timeindex"));
    let file = world.disk.files.get_mut(&name.unwrap()).unwrap();
    // The largest timestamp of the first segment is now the smallest there is.
    let last = file.len() - 12;
    file.truncate(12);
    assert!(last > 0);
    file[..8].copy_from_slice(&0_i64.to_be_bytes());
    world.config.retention_ms = Some(1_000_000 - 900);
    world.reopen(CLEAN);
    world.log.apply_retention(world.log.log_end_offset());
    world.settle();
    assert_eq!(world.log.log_start_offset(), 0);
    assert_found(&mut world);
}

/// The first segment's file; what is left of its index is no index.
fn lose_an_index(world: &mut World) -> &mut Vec<u8> {
    let mut files = world.disk.files.iter_mut();
    let (_, index) = files.find(|(name, _)| name.ends_with(".index")).unwrap();
    index.truncate(5);
    let (_, segment) = files.find(|(name, _)| name.ends_with(".log")).unwrap();
    segment
}

#[test]
fn damage_behind_a_lost_index_is_told_and_what_is_sound_is_found() {
    let mut world = stopped();
    let segment = lose_an_index(&mut world);
    let size = batch_at(1_000, 2, 150).size_bytes();
    segment[3 * size + 100] ^= 1;
    world.reopen(CLEAN);
    assert!(world.read(request(4, 1)).is_ok());
    assert_eq!(world.read(request(6, 1)), Err(ErrorCode::CorruptMessage));
    let is_told = |told: &LogProgress| matches!(told, LogProgress::Damaged(_));
    assert!(world.take_progress().iter().any(is_told));
    let found = world.lookup(Lookup::AtOrAfter(1_000 + (BATCHES - 1) * 10));
    assert_eq!(found.map(|found| found.offset), Some((BATCHES - 1) * 2));
}

#[test]
fn a_batch_with_an_offset_of_before_ends_what_can_be_indexed() {
    let mut world = stopped();
    let segment = lose_an_index(&mut world);
    let size = batch_at(1_000, 2, 150).size_bytes();
    // No checksum covers the base offset: that of the fifth batch was 8.
    segment[4 * size + 7] = 0;
    world.reopen(CLEAN);
    assert!(world.read(request(4, 1)).is_ok());
    let told = world.take_progress();
    let damage = told.iter().find_map(|told| match told {
        LogProgress::Damaged(damage) => Some(damage.position),
        _ => None,
    });
    assert_eq!(damage, Some(4 * size as u64));
    assert_eq!(world.read(request(8, 1)), Err(ErrorCode::CorruptMessage));
    assert!(world.read(request(20, 1)).is_ok());
}
