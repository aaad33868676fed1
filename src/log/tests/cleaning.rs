//! Compaction: what stays, what goes, and what a crash, a full disk or a reader sees of it.

use std::collections::BTreeMap;

use super::*;
use crate::config::CleanupPolicy;
use crate::log::{CleaningEnd, CleaningLimits};
use crate::protocol::record_batch::Batches;

const LIMITS: CleaningLimits = CleaningLimits {
    map_bytes_max: 1 << 20,
    bytes_per_second_max: f64::MAX,
};

pub fn compacted() -> TopicConfig {
    TopicConfig {
        cleanup_policy: CleanupPolicy {
            delete: false,
            compact: true,
        },
        segment_bytes: 1000,
        index_interval_bytes: 200,
        min_cleanable_dirty_ratio: 0.0,
        ..TopicConfig::default()
    }
}

fn keyed(records: &[(&str, Option<&str>)]) -> RecordBatch {
    let mut builder = RecordBatchBuilder::new();
    for (key, value) in records {
        let value = value.map(str::as_bytes);
        builder.append(1_000_000, Some(key.as_bytes()), value, &[]);
    }
    builder.finish()
}

/// Key, value and offset of every record.
type Records = Vec<(String, Option<String>, Offset)>;

fn records_in(bytes: Vec<u8>) -> Records {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut found = Vec::new();
    for batch in Batches::new(bytes.into()) {
        let batch = batch.unwrap();
        batch.verify_crc().unwrap();
        let records = batch.records(1 << 20).unwrap();
        for record in records.iter().map(Result::unwrap) {
            let value = record.value.map(text);
            found.push((text(record.key.unwrap()), value, record.offset));
        }
    }
    found
}

fn latest(records: &Records) -> BTreeMap<String, (Option<String>, Offset)> {
    let entries = records.iter().cloned();
    entries
        .map(|(key, value, offset)| (key, (value, offset)))
        .collect()
}

impl World {
    pub fn start_cleaning(&mut self) {
        let high_watermark = self.log.durable_end_offset();
        self.log.start_cleaning(high_watermark, LIMITS);
    }

    fn cleaning_need(&self, high_watermark: Offset) -> Option<f64> {
        self.log.dirtiness(self.now, high_watermark)?.need
    }

    pub fn clean(&mut self) -> CleaningEnd {
        self.start_cleaning();
        self.settle();
        let ends = self.take_progress().into_iter();
        let mut ends = ends.filter_map(|progress| match progress {
            LogProgress::CleaningEnded(end) => Some(end),
            _ => None,
        });
        ends.next().expect("a run ends")
    }

    /// Start on what a clean stop left, everything below `first_dirty` being clean.
    fn reopen_dirty_from(&mut self, first_dirty: Offset) {
        let config = Arc::new(self.config.clone());
        self.log = Log::open(identity(), config, CLEAN, self.random.fork());
        self.log.inherit_first_dirty_offset(first_dirty);
        self.settle();
        assert_eq!(self.take_progress(), [LogProgress::Opened]);
    }

    fn records(&mut self) -> Records {
        if self.random.chance(1, 2) {
            self.log.trim_cache(0);
        }
        let start = self.log.log_start_offset();
        records_in(self.read_all(start, 500))
    }

    /// Twenty records for each of five keys, in segments of a few batches.
    fn with_five_keys(config: TopicConfig) -> Self {
        let mut world = Self::create(config);
        for round in 0..20 {
            for key in ["a", "b", "c", "d", "e"] {
                world.store(keyed(&[(key, Some(&round.to_string()))]));
            }
        }
        world
    }
}

#[test]
fn of_each_key_only_the_last_record_below_the_active_segment_stays_at_its_offset() {
    let mut world = World::with_five_keys(compacted());
    let (before, segments) = (world.records(), world.log.segments_count());
    let end = world.clean();
    let CleaningEnd::Cleaned {
        first_dirty_offset,
        bytes_before,
        bytes_after,
    } = end
    else {
        panic!("the log was cleaned, not {end:?}");
    };
    assert!(bytes_after < bytes_before / 5);
    assert!(world.log.segments_count() < segments);
    let expected: Records = before
        .iter()
        .filter(|(key, _, offset)| {
            let is_last = |(other, _, at): &&(String, _, Offset)| {
                other == key && *at < first_dirty_offset && at > offset
            };
            *offset >= first_dirty_offset || !before.iter().any(|record| is_last(&record))
        })
        .cloned()
        .collect();
    assert_eq!(world.records(), expected);
    assert_eq!(world.log.log_end_offset(), 100);
    assert_eq!(world.log.log_start_offset(), 0);
    assert_eq!(world.clean(), CleaningEnd::NothingToDo);
    for mode in [CRASHED, CLEAN] {
        match mode {
            CRASHED => world.crash(),
            _ => world.close(),
        }
        world.reopen(mode);
        assert_eq!(world.records(), expected);
        assert_eq!(world.log.log_end_offset(), 100);
    }
}

#[test]
fn what_a_run_noted_is_taken_over_by_the_next_start() {
    let mut world = World::with_five_keys(compacted());
    world.clean();
    let first_dirty = world.log.first_dirty_offset();
    assert!(first_dirty > 50);
    world.close();
    world.reopen_dirty_from(first_dirty);
    assert_eq!(world.log.first_dirty_offset(), first_dirty);
    assert_eq!(world.cleaning_need(100), None);
}

#[test]
fn what_was_noted_of_a_longer_log_is_not_believed_also_when_this_one_has_grown() {
    let mut world = World::with_five_keys(compacted());
    let before = world.records();
    world.close();
    world.reopen_dirty_from(101);
    world.store(keyed(&[("f", Some("1"))]));
    world.store(keyed(&[("f", Some("2"))]));
    assert!(world.cleaning_need(102).is_some());
    assert!(matches!(world.clean(), CleaningEnd::Cleaned { .. }));
    assert!(world.records().len() < before.len() / 2);
    assert_eq!(latest(&world.records()).len(), 6);
}

#[test]
fn nothing_is_cleaned_at_or_behind_the_high_watermark() {
    let mut world = World::with_five_keys(compacted());
    let before = world.records();
    world.log.start_cleaning(5, LIMITS);
    world.settle();
    assert_eq!(world.records(), before);
}

#[test]
fn records_younger_than_the_least_lag_stay() {
    let config = TopicConfig {
        min_compaction_lag_ms: 60_000,
        ..compacted()
    };
    let mut world = World::with_five_keys(config);
    world.close();
    world.reopen(CLEAN);
    assert_eq!(world.clean(), CleaningEnd::NothingToDo);
    world.wait(Duration::from_secs(61));
    assert!(matches!(world.clean(), CleaningEnd::Cleaned { .. }));
}

#[test]
fn a_log_is_cleaned_when_it_is_dirty_enough_or_for_too_long() {
    let config = TopicConfig {
        min_cleanable_dirty_ratio: 0.5,
        max_compaction_lag_ms: 60_000,
        ..compacted()
    };
    let mut world = World::create(config);
    let add = |world: &mut World, count| {
        for _ in 0..count {
            let key = world.log.log_end_offset().to_string();
            world.store(keyed(&[(&key, Some(&"v".repeat(300)))]));
        }
    };
    add(&mut world, 13);
    assert!(world.cleaning_need(13).is_some());
    world.clean();
    assert_eq!(world.cleaning_need(13), None);
    add(&mut world, 3);
    let high_watermark = world.log.log_end_offset();
    assert_eq!(world.cleaning_need(high_watermark), None);
    world.wait(Duration::from_secs(61));
    assert!(
        world
            .cleaning_need(high_watermark)
            .is_some_and(|need| need > 1.0)
    );
}

#[test]
fn a_map_without_room_for_all_keys_cleans_what_it_has_and_goes_on_in_the_next_run() {
    let mut world = World::with_five_keys(compacted());
    let expected = latest(&world.records());
    let limits = CleaningLimits {
        map_bytes_max: 3 * 64,
        ..LIMITS
    };
    let mut reached = 0;
    while world.cleaning_need(100).is_some() {
        world.log.start_cleaning(100, limits);
        world.settle();
        assert!(
            world.log.first_dirty_offset() > reached,
            "each run comes further"
        );
        reached = world.log.first_dirty_offset();
        assert_eq!(latest(&world.records()), expected);
    }
    assert!(world.records().len() < 100);
}

#[test]
fn a_tombstone_goes_when_its_time_has_passed() {
    let mut world = World::create(compacted());
    world.store(keyed(&[("a", Some("1"))]));
    world.store(keyed(&[("a", None)]));
    let fill = |world: &mut World| {
        for _ in 0..4 {
            let value = "v".repeat(300);
            world.store(keyed(&[("fill", Some(&value))]));
        }
    };
    fill(&mut world);
    world.clean();
    let tombstone = ("a".to_owned(), None, 1);
    assert_eq!(world.records()[0], tombstone);
    let delay_ms = u64::try_from(world.config.delete_retention_ms).unwrap();
    world.wait(Duration::from_millis(delay_ms));
    fill(&mut world);
    world.clean();
    assert!(!world.records().contains(&tombstone));
}

#[test]
fn the_last_batch_of_what_may_be_cleaned_tells_how_far_that_reaches() {
    let mut world = World::create(compacted());
    let large = |key: &str| keyed(&[(key, Some(&"v".repeat(800)))]);
    let at = |offset, batch: &RecordBatch| stamped(batch, offset);
    // As a follower gets it whose leader compacted it long ago.
    let young = keyed(&[("a", None)]);
    let records = young.records(100).unwrap();
    let records: Vec<_> = records.iter().map(Result::unwrap).collect();
    let horizon = Some(world.now.wall_ms - 1);
    let tombstone = young.retaining(&records, horizon).unwrap();
    let records = [at(0, &large("b")), at(1, &tombstone), at(2, &large("c"))];
    for records in records {
        world.log.append_replicated(world.now, records).unwrap();
        world.settle();
    }
    assert_eq!(world.log.segments_count(), 2);
    assert!(matches!(world.clean(), CleaningEnd::Cleaned { .. }));
    let counts = |world: &mut World| -> Vec<(Offset, u32)> {
        world.log.trim_cache(0);
        let batches = Batches::new(world.read_all(0, 5000).into());
        let batches = batches.map(Result::unwrap);
        batches
            .map(|batch| (batch.last_offset(), batch.records_count()))
            .collect()
    };
    assert_eq!(counts(&mut world), [(0, 1), (1, 0), (2, 1)]);
    world.store(large("d"));
    assert!(matches!(world.clean(), CleaningEnd::Cleaned { .. }));
    assert_eq!(counts(&mut world), [(0, 1), (2, 1), (3, 1)]);
}

#[test]
fn a_producer_is_known_by_its_last_batch_though_all_records_of_that_are_gone() {
    let mut world = World::create(compacted());
    let from_producer = |sequence| {
        let mut builder = RecordBatchBuilder::new().producer(7, 0, Some(sequence));
        builder.append(1_000_000, Some(b"a"), Some(b"1"), &[]);
        builder.finish()
    };
    world.store(from_producer(0));
    world.store(from_producer(1));
    for _ in 0..8 {
        world.store(keyed(&[("a", Some(&"v".repeat(300)))]));
    }
    assert!(matches!(world.clean(), CleaningEnd::Cleaned { .. }));
    world.crash();
    for name in world.disk.names("topic-0") {
        if name.ends_with(".snapshot") {
            world.disk.files.remove(&format!("topic-0/{name}"));
        }
    }
    world.reopen(CRASHED);
    let duplicate = world.append(from_producer(1)).unwrap();
    assert!(duplicate.is_duplicate);
    assert_eq!(duplicate.last_offset, 1);
}

#[test]
fn a_full_disk_stops_the_run_and_the_next_one_succeeds() {
    let mut world = World::with_five_keys(compacted());
    let before = world.records();
    world.disk.is_full = true;
    assert_eq!(world.clean(), CleaningEnd::Stopped);
    assert_eq!(latest(&world.records()), latest(&before));
    assert!(
        world
            .disk
            .names("topic-0")
            .iter()
            .all(|name| !name.ends_with(".cleaned"))
    );
    world.disk.is_full = false;
    assert!(matches!(world.clean(), CleaningEnd::Cleaned { .. }));
    assert_eq!(latest(&world.records()), latest(&before));
}

#[test]
fn a_run_that_finds_no_file_to_open_gives_its_own_back() {
    let mut world = World::with_five_keys(compacted());
    let expected = latest(&world.records());
    world.close();
    world.reopen(CLEAN);
    world.files_max = Some(1);
    assert_eq!(world.clean(), CleaningEnd::Stopped);
    world.store(keyed(&[("f", Some("1"))]));
    // The one that is written, the one that is read, and the one that is appended to.
    world.files_max = Some(3);
    let end = world.clean();
    assert!(matches!(end, CleaningEnd::Cleaned { .. }), "{end:?}");
    let mut found = latest(&world.records());
    found.remove("f");
    assert_eq!(found, expected);
}

#[test]
fn a_damaged_segment_is_reported_and_the_log_is_left_as_it_is() {
    let mut world = World::with_five_keys(compacted());
    let name = "topic-0/00000000000000000000.log";
    let byte = &mut world.disk.files.get_mut(name).unwrap()[100];
    *byte ^= 1;
    let files = world.disk.files.clone();
    world.start_cleaning();
    world.settle();
    let progress = world.take_progress();
    assert!(
        progress
            .iter()
            .any(|one| matches!(one, LogProgress::Damaged(_)))
    );
    assert!(
        progress
            .iter()
            .any(|one| { matches!(one, LogProgress::CleaningEnded(CleaningEnd::Uncleanable(_))) })
    );
    assert_eq!(world.disk.files, files);
    assert_eq!(world.cleaning_need(100), None);
    let left_bytes = world.log.uncleanable_bytes(world.now, 100);
    assert!(left_bytes.is_some_and(|bytes| bytes > 1000));
}

#[test]
fn a_segment_with_offsets_of_another_is_reported_and_left_as_it_is() {
    // The first batch claims an offset of the next segment, or the second one that of the first.
    for (batch, offset) in [(0, 90_u8), (1, 0)] {
        let mut world = World::with_five_keys(compacted());
        let name = "topic-0/00000000000000000000.log";
        let file = world.disk.files.get_mut(name).unwrap();
        let position = batch * keyed(&[("a", Some("0"))]).size_bytes();
        file[position + 7] = offset;
        let files = world.disk.files.clone();
        world.start_cleaning();
        world.settle();
        let progress = world.take_progress();
        let is_end =
            |one: &_| matches!(one, LogProgress::CleaningEnded(CleaningEnd::Uncleanable(_)));
        assert!(progress.iter().any(is_end), "{progress:?}");
        assert_eq!(world.disk.files, files);
    }
}

#[test]
fn a_log_with_transactions_is_not_cleaned() {
    let mut world = World::create(compacted());
    for sequence in 0..10 {
        let builder = RecordBatchBuilder::new().producer(7, 0, Some(sequence));
        let mut builder = builder.transactional();
        builder.append(1_000_000, Some(b"a"), Some(&[b'v'; 300]), &[]);
        world
            .log
            .append(world.now, vec![builder.finish()], 0, AppendOrigin::Client)
            .unwrap();
        world.settle();
    }
    world.take_progress();
    assert_eq!(
        world.clean(),
        CleaningEnd::NothingToDo,
        "a transaction is open"
    );
}

#[test]
fn a_log_that_is_closed_or_deleted_while_it_is_cleaned_leaves_nothing_behind() {
    for steps in 0..60 {
        for deletes in [false, true] {
            let mut world = World::with_five_keys(compacted());
            let expected = latest(&world.records());
            world.start_cleaning();
            world.flush();
            for _ in 0..steps {
                world.step();
            }
            if deletes {
                world.log.delete([7; 16]);
                world.settle();
                assert_eq!(world.disk.open_files(), 0);
                continue;
            }
            world.close();
            let names = world.disk.names("topic-0");
            assert!(
                names.iter().all(|name| !name.ends_with(".cleaned")),
                "{names:?}"
            );
            world.reopen(CLEAN);
            assert_eq!(latest(&world.records()), expected);
        }
    }
}

#[test]
fn segments_that_have_become_small_are_merged_up_to_the_size_of_one() {
    let mut world = World::create(compacted());
    let mut expected = Records::new();
    for round in 0..40 {
        // Of each segment a few records stay.
        let own = format!("own {round}");
        for (key, value) in [
            ("a", "v".repeat(150)),
            ("b", "v".repeat(150)),
            (&own, own.clone()),
        ] {
            let stored = world.store(keyed(&[(key, Some(&value))]));
            expected.retain(|(other, ..)| other != key);
            expected.push((key.to_owned(), Some(value), stored.last_offset));
        }
    }
    let before = world.log.segments_count();
    world.clean();
    assert_eq!(world.log.segments_count(), before, "each was a whole one");
    world.store(keyed(&[("c", Some(&"v".repeat(900)))]));
    world.store(keyed(&[("c", Some(&"v".repeat(900)))]));
    let CleaningEnd::Cleaned { bytes_after, .. } = world.clean() else {
        panic!("there is something dirty");
    };
    let mut sizes: Vec<usize> = world.disk.files.iter().filter_map(size_of_log).collect();
    // The active one is as long as what is reserved for it.
    sizes.pop();
    let least = usize::try_from(bytes_after / 1000).unwrap();
    assert!((least..least * 2 + 2).contains(&sizes.len()), "{sizes:?}");
    assert!(sizes.iter().all(|size| *size <= 1000), "{sizes:?}");
    world.log.check();
    for mode in [CRASHED, CLEAN] {
        let found = latest(&world.records());
        let found: Vec<_> = found.into_iter().filter(|(key, _)| key != "c").collect();
        let expected: Vec<_> = latest(&expected).into_iter().collect();
        assert_eq!(found, expected);
        match mode {
            CRASHED => world.crash(),
            _ => world.close(),
        }
        world.reopen(mode);
    }
}

fn size_of_log((name, bytes): (&String, &Vec<u8>)) -> Option<usize> {
    name.ends_with(".log").then_some(bytes.len())
}

#[test]
fn a_merged_segment_has_no_more_offsets_than_its_indexes_can_tell() {
    let mut world = World::create(compacted());
    for (number, key) in (0_i64..).zip(["a", "b", "c", "d"]) {
        let mut builder = RecordBatchBuilder::new().place(number * 3_000_000_000, 0);
        builder.append(1_000_000, Some(key.as_bytes()), Some(b"1"), &[]);
        let batches = vec![builder.finish()];
        let appended = world
            .log
            .append(world.now, batches, 0, AppendOrigin::Replication);
        appended.unwrap();
        world.settle();
    }
    world.take_progress();
    assert!(matches!(world.clean(), CleaningEnd::Cleaned { .. }));
    assert_eq!(world.log.segments_count(), 4);
}

#[test]
fn a_crash_while_segments_are_merged_leaves_all_that_was_there_or_all_that_is_to_be() {
    let begin = || {
        let mut world = World::with_five_keys(compacted());
        // From now on all that is sealed fits into one segment.
        world.config.segment_bytes = 100_000;
        world.log.change_config(Arc::new(world.config.clone()));
        world.log.trim_cache(0);
        let start = world.log.log_start_offset();
        let before = records_in(world.read_all(start, 500));
        world.start_cleaning();
        world.flush();
        (world, before)
    };
    let (mut world, before) = begin();
    world.settle();
    let after = world.records();
    assert_eq!(world.log.segments_count(), 2);
    assert!(after.len() < before.len());
    let (mut as_before, mut as_after) = (0, 0);
    for steps in 0.. {
        let (mut world, _) = begin();
        if !(0..steps).all(|_| world.step()) {
            break;
        }
        world.crash();
        world.reopen(CRASHED);
        match world.records() {
            found if found == before => as_before += 1,
            found if found == after => as_after += 1,
            found => panic!("neither after {steps} steps: {found:?}"),
        }
        world.close();
        let names = world.disk.names("topic-0");
        let is_left = |name: &String| name.ends_with(".swap") || name.ends_with(".cleaned");
        assert!(!names.iter().any(is_left), "{names:?}");
    }
    assert!(as_before > 20 && as_after > 5, "{as_before}, {as_after}");
}

/// A life in which runs, appends, reads, crashes and clean stops come in any order.
fn live(seed: u64) {
    let mut config = compacted();
    config.segment_bytes = 600;
    // Every batch but the first has an entry, so an index of another file misleads.
    config.index_interval_bytes = 0;
    let mut world = World::unopened(config, OpenMode::Create, seed);
    world.settle();
    world.take_progress();
    let mut written: Records = Vec::new();
    for _ in 0..150 {
        match world.random.below(20) {
            0..10 => {
                let key = world.random.below(6).to_string();
                let value = world
                    .random
                    .chance(4, 5)
                    .then(|| world.random.below(1000).to_string());
                let offset = world.log.log_end_offset();
                world.append(keyed(&[(&key, value.as_deref())])).unwrap();
                written.push((key, value, offset));
            }
            10..12 => world.start_cleaning(),
            12..16 => {
                world.flush();
                for _ in 0..world.random.below(30) {
                    world.step();
                }
            }
            16 | 17 => {
                let found = world.records();
                assert!(
                    found.iter().all(|record| written.contains(record)),
                    "seed {seed}"
                );
                world.take_progress();
            }
            18 => {
                world.close();
                world.reopen(CLEAN);
            }
            _ => {
                let durable = world.log.durable_end_offset();
                world.crash();
                world.reopen(CRASHED);
                let end = world.log.log_end_offset();
                assert!(end >= durable, "seed {seed}: what was durable stays");
                written.retain(|(_, _, offset)| *offset < end);
            }
        }
    }
    world.settle();
    let found = world.records();
    let (found, expected) = (latest(&found), latest(&written));
    for (key, last) in &expected {
        assert_eq!(found.get(key), Some(last), "seed {seed}: key {key}");
    }
    assert_eq!(found.len(), expected.len(), "seed {seed}");
}

#[test]
fn whatever_happens_the_last_record_of_every_key_is_there() {
    for seed in 0..300 {
        live(seed);
    }
}
