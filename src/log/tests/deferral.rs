//! A log that may defer its syncs: what is safe in memory, when it is written all the same, and
//! what a crash leaves.

use super::journalled::{Journalled, OFFER_BYTES_MAX};
use super::*;

const MEBIBYTE: u64 = 1 << 20;

fn deferring(config: TopicConfig, seed: u64) -> Journalled {
    let mut one = Journalled::new(config, seed);
    one.world.log.defer_syncs(true);
    one
}

/// What is safe, and what is durable.
fn ends(one: &Journalled) -> (Offset, Offset) {
    let log = &one.world.log;
    (log.safe_end_offset(), log.durable_end_offset())
}

fn flushed_after(flush_messages: i64) -> TopicConfig {
    TopicConfig {
        flush_messages,
        ..TopicConfig::default()
    }
}

#[test]
fn a_deferred_append_is_safe_in_memory_and_goes_to_no_journal() {
    let mut one = deferring(TopicConfig::default(), 1);
    one.append(batch(3, 100));
    one.append(batch(1, 10_000));
    one.settle();
    assert_eq!(ends(&one), (4, 0));
    assert_eq!((one.offered.len(), one.world.disk.count("write")), (0, 0));
    assert!(one.world.log.deferred_bytes() > 10_000);
    one.world.log.trim_cache(0);
    assert_eq!(
        one.world.read(request(0, 100_000)).unwrap().next_offset,
        4,
        "what is not written stays in memory"
    );
}

#[test]
fn without_permission_nothing_is_safe_before_it_is_durable() {
    let mut one = Journalled::new(flushed_after(100), 1);
    one.append(batch(3, 100));
    assert_eq!(ends(&one), (0, 0));
    assert_eq!(one.world.log.sync_due(), None);
    assert!(one.journal());
    assert_eq!(ends(&one), (3, 3));
}

#[test]
fn the_append_with_which_flush_messages_are_not_synced_waits_for_the_sync() {
    let mut one = deferring(flushed_after(6), 1);
    one.append(batch(5, 100));
    assert_eq!(ends(&one), (5, 0));
    one.append(batch(1, 100));
    assert_eq!(ends(&one), (0, 0));
    one.append(batch(1, 100));
    assert_eq!(ends(&one), (0, 0), "nor is what comes behind it safe");
    one.settle();
    assert_eq!(ends(&one), (7, 7));
    one.append(batch(5, 100));
    assert_eq!(ends(&one), (12, 7));
}

#[test]
fn with_flush_messages_at_one_an_append_is_durable_before_it_is_safe() {
    let mut one = deferring(flushed_after(1), 1);
    one.append(batch(1, 100));
    assert_eq!(ends(&one), (0, 0));
    assert!(one.journal(), "as where nothing is deferred");
    assert_eq!(ends(&one), (1, 1));
}

#[test]
fn a_sync_begins_flush_ms_after_the_append_and_after_five_seconds_in_any_case() {
    for (flush_ms, due_ms) in [(0, 0), (200, 200), (i64::MAX, 5_000)] {
        let config = TopicConfig {
            flush_ms,
            ..TopicConfig::default()
        };
        let mut one = deferring(config, 1);
        assert_eq!(one.world.log.sync_due(), None);
        let due = one.world.now.instant + Duration::from_millis(due_ms);
        for _ in 0..2 {
            one.world.append(batch(1, 100)).unwrap();
            assert_eq!(one.world.log.sync_due(), Some(due));
        }
        if due_ms > 0 {
            one.world.wait(Duration::from_millis(due_ms - 1));
            one.append(batch(1, 100));
            one.settle();
            assert_eq!(ends(&one), (3, 0), "{flush_ms}");
            assert_eq!(one.world.log.sync_due(), Some(due));
            one.world.wait(Duration::from_millis(1));
        }
        one.flush();
        assert_eq!(one.world.log.sync_due(), None, "it is on its way");
        one.settle();
        let end = one.world.log.log_end_offset();
        assert_eq!(ends(&one), (end, end), "{flush_ms}");
    }
}

#[test]
fn what_comes_while_a_sync_is_under_way_has_a_time_of_its_own() {
    let mut one = deferring(TopicConfig::default(), 1);
    one.append(batch(1, 100));
    one.world.log.hurry_sync();
    one.settle();
    one.append(batch(1, 100));
    one.world.wait(Duration::from_secs(5));
    one.flush();
    one.append(batch(1, 100));
    let due = one.world.now.instant + Duration::from_secs(5);
    assert_eq!(one.world.log.sync_due(), Some(due));
    one.settle();
    assert_eq!(ends(&one), (3, 2));
}

#[test]
fn a_mebibyte_is_written_without_being_asked_in_one_write() {
    let mut one = deferring(TopicConfig::default(), 1);
    while one.world.log.size_bytes() < MEBIBYTE {
        assert_eq!(one.world.disk.count("write"), 0);
        one.append(batch(1, 30_000));
        one.settle();
    }
    assert_eq!(one.world.disk.count("write"), 1);
    let end = one.world.log.log_end_offset();
    assert_eq!(ends(&one), (end, end));
    assert_eq!(one.world.log.deferred_bytes(), 0);
}

#[test]
fn with_little_memory_left_what_is_deferred_is_written() {
    let mut one = deferring(TopicConfig::default(), 1);
    one.append(batch(1, 100));
    one.settle();
    one.world.log.hurry_sync();
    one.settle();
    assert_eq!(ends(&one), (1, 1));
}

#[test]
fn a_log_that_begins_to_defer_first_writes_what_was_to_be_durable_at_once() {
    let mut one = Journalled::new(TopicConfig::default(), 1);
    one.append(batch(1, 100));
    assert!(one.journal());
    one.append(batch(1, 100));
    one.world.log.defer_syncs(true);
    one.append(batch(1, 100));
    one.settle();
    assert_eq!(one.ends(), (3, 3));
    one.append(batch(1, 100));
    one.settle();
    assert_eq!(one.ends(), (3, 3), "from then on it defers");
    // What the journal has is behind what the segments have: it adds nothing.
    one.crash(CRASHED);
    assert_eq!(one.ends(), (3, 3));
}

#[test]
fn a_log_that_defers_no_more_offers_or_writes_what_it_has() {
    for (value_bytes, journalled) in [(100, 1), (10_000, 0)] {
        let mut one = deferring(TopicConfig::default(), 1);
        one.append(batch(1, value_bytes));
        one.settle();
        one.world.log.defer_syncs(false);
        assert_eq!(ends(&one), (0, 0));
        one.settle();
        assert_eq!(one.offered.len(), journalled);
        while one.journal() {}
        assert_eq!(ends(&one), (1, 1));
        one.append(batch(1, 100));
        while one.journal() {}
        assert_eq!(ends(&one), (2, 2));
        one.crash(CRASHED);
        assert_eq!(one.world.log.log_end_offset(), 2, "the journal has no gap");
    }
}

#[test]
fn a_journal_that_fails_under_a_log_that_defers_leaves_nothing_unwritten() {
    let mut one = Journalled::new(TopicConfig::default(), 1);
    one.append(batch(1, 100));
    one.world.log.defer_syncs(true);
    one.settle();
    one.append(batch(1, 100));
    one.world.log.use_journal(0);
    one.settle();
    assert_eq!(one.ends(), (2, 2));
}

#[test]
fn a_clean_stop_writes_what_was_deferred() {
    let mut one = deferring(TopicConfig::default(), 1);
    one.append(batch(2, 100));
    one.world.close();
    one.world.reopen(CLEAN);
    assert_eq!(one.world.log.log_end_offset(), 2);
}

#[test]
fn a_start_that_is_moved_among_deferred_records_outlives_no_crash_that_loses_them() {
    let mut one = deferring(TopicConfig::default(), 1);
    one.append(batch(2, 100));
    one.world.log.hurry_sync();
    one.settle();
    one.append(batch(3, 100));
    one.settle();
    assert_eq!(one.world.log.delete_records(4, 5), Ok(4));
    // The write is asked for; the file of the epochs waits for it.
    let files = one.world.disk.count("replace file");
    one.flush();
    one.world.crash();
    assert_eq!(one.world.disk.count("replace file"), files);
    one.world.reopen(CRASHED);
    assert!(one.world.log.log_end_offset() >= 2);
    assert_eq!(one.world.log.log_start_offset(), 0);
    assert_eq!(one.world.log.epoch_of(0), Some(0));
}

#[test]
fn on_a_full_disk_nothing_more_is_safe_in_memory() {
    let mut one = deferring(TopicConfig::default(), 1);
    one.world.disk.is_full = true;
    one.append(batch(1, 100));
    one.world.log.hurry_sync();
    one.settle();
    assert!(one.world.log.lacks_space());
    assert_eq!(ends(&one), (0, 0));
    one.world.disk.is_full = false;
    one.world.wait(Duration::from_secs(1));
    one.settle();
    assert_eq!(ends(&one), (1, 1));
}

#[test]
fn whatever_happens_a_crash_leaves_the_front_of_what_was_safe_up_to_the_last_flush() {
    let (mut crashes, mut losses, mut kept) = (0, 0, 0);
    for seed in 0..150 {
        let config = TopicConfig {
            segment_bytes: 20_000,
            retention_ms: None,
            flush_messages: 12,
            flush_ms: 50,
            ..TopicConfig::default()
        };
        let mut one = deferring(config, seed);
        let mut batches: Vec<(Offset, Bytes)> = Vec::new();
        let (mut safe, mut defers) = (0, true);
        for _ in 0..300 {
            match one.world.random.below(20) {
                0..7 => {
                    let value_bytes = match one.world.random.below(8) {
                        0 => 2 * OFFER_BYTES_MAX,
                        _ => 30,
                    };
                    let batch = batch(2, usize::try_from(value_bytes).unwrap());
                    let appended = one.world.append(batch.clone()).unwrap();
                    let bytes = stamped(&batch, appended.first_offset);
                    batches.push((appended.last_offset + 1, bytes));
                }
                7..10 => one.flush(),
                10..13 => {
                    one.journal();
                }
                13..16 => {
                    one.world.step();
                    one.flush();
                }
                16 => one.world.wait(Duration::from_millis(20)),
                17 => {
                    defers = !defers;
                    one.world.log.defer_syncs(defers);
                }
                18 => one.world.log.write_back(),
                _ if one.world.random.chance(1, 4) => {
                    crashes += 1;
                    let (_, durable) = one.ends();
                    one.crash(CRASHED);
                    let end = one.world.log.log_end_offset();
                    assert!(
                        end >= durable && end > safe - 12,
                        "seed {seed}: {durable} was durable and {safe} safe, {end} is left"
                    );
                    losses += usize::from(end < safe);
                    kept += usize::from(end >= safe && safe > durable);
                    batches.retain(|(next, _)| *next <= end);
                    assert_eq!(batches.last().map_or(0, |(next, _)| *next), end);
                    one.settle();
                    one.journal.clear();
                    safe = end;
                    one.world.log.defer_syncs(defers);
                }
                _ => {}
            }
            safe = safe.max(one.world.log.safe_end_offset());
        }
        one.settle();
        while one.journal() {
            one.settle();
        }
        one.world.close();
        let all: Vec<u8> = batches.into_iter().flat_map(|(_, bytes)| bytes).collect();
        one.world.reopen(CLEAN);
        assert_eq!(one.world.read_all(0, 50_000), all, "seed {seed}");
    }
    assert!(crashes > 100, "{crashes} crashes");
    assert!(losses > 20 && kept > 5, "{losses} losses, {kept} kept");
}
