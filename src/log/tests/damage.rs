use std::collections::BTreeMap;

use super::*;
use crate::protocol::record_batch::Batches;

/// A stopped log of several segments, and the body of each of its batches by offset.
fn stopped() -> (World, BTreeMap<Offset, Bytes>) {
    let config = TopicConfig {
        segment_bytes: 8_000,
        index_interval_bytes: 500,
        ..TopicConfig::default()
    };
    let mut world = World::create(config);
    let mut bodies = BTreeMap::new();
    for number in 0..40 {
        let sequence = i32::try_from(number / 4 * 2).unwrap();
        let mut builder = RecordBatchBuilder::new().producer(number % 4, 0, Some(sequence));
        builder.append(number * 10, None, Some(&vec![b'v'; 400]), &[]);
        builder.append(number * 10, None, Some(number.to_string().as_bytes()), &[]);
        let batch = builder.finish();
        bodies.insert(number * 2, batch.body().clone());
        world.store(batch);
    }
    world.close();
    (world, bodies)
}

fn damage_a_file(world: &mut World) {
    let names: Vec<String> = world.disk.files.keys().cloned().collect();
    let mut below = |bound: usize| usize::try_from(world.random.below(bound as u64)).unwrap();
    let name = &names[below(names.len())];
    let (kind, value) = (below(4), u8::try_from(below(256)).unwrap());
    let length = world.disk.files[name].len();
    let at = below(length.max(1));
    let Some(file) = world
        .disk
        .files
        .get_mut(name)
        .filter(|file| !file.is_empty())
    else {
        return;
    };
    match kind {
        0 => file.truncate(at),
        1 => file.extend_from_slice(&[value; 30]),
        2 => {
            world.disk.files.remove(name);
        }
        _ => file[at] = value,
    }
}

/// Read all that can be read; every batch must be one that was written.
fn read_what_is_left(world: &mut World, bodies: &BTreeMap<Offset, Bytes>) {
    let mut offset = world.log.log_start_offset();
    while offset < world.log.log_end_offset() {
        let Ok(records) = world.read(request(offset, 3_000)) else {
            offset += 1;
            continue;
        };
        for batch in Batches::new(records.slices.concat().into()) {
            let batch = batch.unwrap();
            batch.verify_crc().unwrap();
            assert_eq!(Some(batch.body()), bodies.get(&batch.base_offset()));
        }
        assert!(records.next_offset > offset);
        offset = records.next_offset;
    }
}

#[test]
fn no_damage_to_a_file_makes_a_log_serve_what_was_not_written() {
    let (mut refused, mut opened) = (0, 0);
    for seed in 0..400 {
        let (mut world, bodies) = stopped();
        world.random = Random::from_seed(seed);
        for _ in 0..=seed % 2 {
            damage_a_file(&mut world);
        }
        let mode = if seed % 3 == 0 { CRASHED } else { CLEAN };
        world.open(mode);
        if !world.log.is_open() {
            assert!(matches!(
                world.take_progress().as_slice(),
                [LogProgress::Failed(_)]
            ));
            refused += 1;
            continue;
        }
        opened += 1;
        read_what_is_left(&mut world, &bodies);
        let id = world.log.start_lookup(Lookup::AtOrAfter(100));
        world.settle();
        assert!(
            world.progress.iter().any(
                |told| matches!(told, LogProgress::LookupFinished { read, .. } if *read == id)
            )
        );
        if world.log.is_open() {
            world.append(batch(1, 10)).unwrap();
            world.settle();
        }
    }
    assert!(refused > 20 && opened > 100, "{refused} {opened}");
}
