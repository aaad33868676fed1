//! A log whose small appends are durable in a journal first.

use super::*;
use crate::log::{JournalPlace, JournalledBatches};

pub(super) const OFFER_BYTES_MAX: u64 = 4_000;

/// A log and what a journal has taken of it: all that was offered, or what is durable of that.
pub(super) struct Journalled {
    pub(super) world: World,
    pub(super) offered: Vec<(Offset, Bytes)>,
    pub(super) journal: Vec<Bytes>,
}

impl Journalled {
    pub(super) fn new(config: TopicConfig, seed: u64) -> Self {
        let mut journalled = Self {
            world: World::unopened(config, OpenMode::Create, seed),
            offered: Vec::new(),
            journal: Vec::new(),
        };
        journalled.world.log.use_journal(OFFER_BYTES_MAX);
        journalled.world.settle();
        journalled.world.take_progress();
        journalled
    }

    /// The end of a turn.
    pub(super) fn flush(&mut self) {
        self.world.flush();
        if let Some(offer) = self.world.log.take_offer() {
            let bytes = Bytes::from(offer.slices.concat());
            self.offered.push((offer.end_offset, bytes));
        }
    }

    pub(super) fn append(&mut self, batch: RecordBatch) -> Appended {
        let appended = self.world.append(batch).unwrap();
        self.flush();
        appended
    }

    pub(super) fn settle(&mut self) {
        self.flush();
        while self.world.step() {
            self.flush();
        }
    }

    /// The journal makes the oldest offer durable.
    pub(super) fn journal(&mut self) -> bool {
        if self.offered.is_empty() {
            return false;
        }
        let (end_offset, bytes) = self.offered.remove(0);
        self.journal.push(bytes);
        self.world.log.on_journalled(end_offset);
        self.world.collect();
        self.world.log.check();
        true
    }

    /// The power goes; the log is opened with what the journal has.
    pub(super) fn crash(&mut self, mode: OpenMode) {
        self.world.crash();
        self.offered.clear();
        self.open(mode);
        assert_eq!(self.world.take_progress(), [LogProgress::Opened]);
    }

    fn open(&mut self, mode: OpenMode) {
        let config = Arc::new(self.world.config.clone());
        let random = self.world.random.fork();
        self.world.log = Log::open(identity(), config, mode, random);
        self.world.progress.clear();
        self.world.log.use_journal(OFFER_BYTES_MAX);
        let journal = self.journal.iter().cloned();
        let parts = (1..)
            .zip(journal)
            .map(|(entry, batches)| JournalledBatches {
                place: JournalPlace { epoch: 1, entry },
                batches,
            });
        self.world.log.inherit_journal(parts.collect());
        // Until it is open: what it writes then is up to the test.
        self.flush();
        while self.world.progress.is_empty() && self.world.step() {}
    }

    pub(super) fn ends(&self) -> (Offset, Offset) {
        let log = &self.world.log;
        (log.written_end_offset(), log.durable_end_offset())
    }
}

fn small_segments() -> TopicConfig {
    TopicConfig {
        segment_bytes: 20_000,
        retention_ms: None,
        ..TopicConfig::default()
    }
}

#[test]
fn a_small_append_is_durable_with_the_journal_and_is_written_back_when_asked() {
    let mut one = Journalled::new(TopicConfig::default(), 1);
    one.append(batch(3, 100));
    one.settle();
    assert_eq!(one.ends(), (0, 0));
    assert!(one.journal());
    assert_eq!(one.ends(), (0, 3));
    assert_eq!(one.world.disk.count("write"), 0);
    one.world.log.write_back();
    one.settle();
    assert_eq!(one.ends(), (3, 3));
}

#[test]
fn many_small_appends_are_written_back_in_one_large_write() {
    let mut one = Journalled::new(TopicConfig::default(), 1);
    while one.world.log.size_bytes() < 256 << 10 {
        one.append(batch(3, 1000));
        assert!(one.journal());
    }
    one.settle();
    assert_eq!(one.world.disk.count("write"), 1);
    assert_eq!(one.ends().0, one.world.log.log_end_offset());
}

#[test]
fn a_large_append_takes_what_is_before_it_along_to_the_segment() {
    let mut one = Journalled::new(TopicConfig::default(), 1);
    one.append(batch(1, 10_000));
    one.settle();
    assert_eq!(one.ends(), (1, 1));
    one.append(batch(1, 100));
    one.append(batch(1, 10_000));
    one.append(batch(1, 100));
    // What is behind it could be durable before it, and so is not offered yet.
    assert_eq!(one.offered.len(), 1);
    one.settle();
    assert_eq!(one.offered.len(), 2);
    assert_eq!(one.ends(), (3, 3));
    assert!(one.journal() && one.journal());
    assert_eq!(one.ends(), (3, 4));
}

#[test]
fn after_a_crash_the_log_goes_on_with_what_the_journal_has() {
    let mut one = Journalled::new(TopicConfig::default(), 1);
    let batches = [numbered(7, 0, 2), numbered(7, 2, 3), numbered(7, 5, 1)];
    for batch in batches.clone() {
        one.append(batch);
    }
    assert!(one.journal() && one.journal());
    one.crash(CRASHED);
    assert_eq!(one.ends(), (0, 5));
    let found = one.world.log.active_producers();
    assert_eq!(found[0].last_sequence, Some(4));
    one.settle();
    assert_eq!(one.ends(), (5, 5), "it is written back without being asked");
    let expected = [stamped(&batches[0], 0), stamped(&batches[1], 2)].concat();
    assert_eq!(one.world.read_all(0, 10_000), expected);
    // Once more, with the same journal: what the segments have is not appended again.
    one.crash(CRASHED);
    assert_eq!(one.ends(), (5, 5));
    assert_eq!(one.world.read_all(0, 10_000), expected);
}

#[test]
fn a_journal_that_goes_on_behind_the_end_of_the_log_is_damage() {
    let mut one = Journalled::new(TopicConfig::default(), 1);
    for _ in 0..3 {
        one.append(batch(1, 100));
    }
    while one.journal() {}
    one.journal.remove(1);
    one.world.crash();
    one.open(CRASHED);
    let [LogProgress::Failed(LogFailure::Damaged(damage))] = &*one.world.take_progress() else {
        panic!("the log must not open");
    };
    assert_eq!(damage.offset, 1);
    assert_eq!(damage.reason, "the journal goes on at offset 2");
}

#[test]
fn a_log_without_segments_begins_with_the_batch_of_its_start() {
    let mut one = Journalled::new(TopicConfig::default(), 1);
    one.append(batch(3, 100));
    one.append(batch(3, 100));
    while one.journal() {}
    assert_eq!(one.world.log.delete_records(4, 6), Ok(4));
    one.crash(OpenMode::Existing {
        is_clean: false,
        log_start_offset: Some(4),
        recovery_point: None,
    });
    assert_eq!(one.world.log.log_start_offset(), 4);
    assert_eq!(one.ends(), (3, 6));
}

#[test]
fn a_log_whose_old_segments_are_deleted_goes_on_where_it_was_though_only_the_journal_has_more() {
    for records_behind in [0, 3] {
        let config = TopicConfig {
            retention_ms: Some(1_000),
            ..TopicConfig::default()
        };
        let mut one = Journalled::new(config, 1);
        one.append(batch(3, 10_000));
        one.settle();
        one.world.wait(Duration::from_secs(60));
        one.world.log.apply_retention(3);
        // The roll is seen by the flush behind the one that it happens in.
        one.settle();
        one.settle();
        assert_eq!(one.world.log.log_start_offset(), 3);
        if records_behind > 0 {
            let now_ms = one.world.now.wall_ms;
            one.append(batch_at(now_ms, records_behind, 10));
            assert!(one.journal());
        }
        // The file that says where the log starts was not written meanwhile.
        one.crash(CRASHED);
        let end = 3 + i64::try_from(records_behind).unwrap();
        assert_eq!(one.world.log.log_start_offset(), 3);
        assert_eq!(one.world.log.log_end_offset(), end);
    }
}

#[test]
fn without_its_journal_a_log_writes_what_was_offered_and_goes_on() {
    let mut one = Journalled::new(TopicConfig::default(), 1);
    one.append(batch(1, 100));
    assert!(one.journal());
    one.append(batch(1, 100));
    one.world.log.use_journal(0);
    one.offered.clear();
    one.settle();
    assert_eq!(one.ends(), (2, 2));
    one.append(batch(1, 100));
    one.settle();
    assert_eq!(one.ends(), (3, 3));
    one.world.log.use_journal(OFFER_BYTES_MAX);
    one.append(batch(1, 100));
    assert!(one.journal());
    assert_eq!(one.ends(), (3, 4));
}

#[test]
fn what_the_segments_lack_stays_in_memory() {
    let mut one = Journalled::new(TopicConfig::default(), 1);
    let first = batch(1, 100);
    one.append(first.clone());
    assert!(one.journal());
    one.world.log.trim_cache(0);
    assert_eq!(one.world.read_all(0, 10_000), stamped(&first, 0));
    one.world.log.write_back();
    one.settle();
    one.world.log.trim_cache(0);
    assert_eq!(one.world.log.cached_bytes(), 0);
    assert_eq!(one.world.read_all(0, 10_000), stamped(&first, 0));
}

#[test]
fn whatever_happens_a_crash_leaves_what_was_durable_in_segments_or_journal() {
    let (mut crashes, mut replays) = (0, 0);
    for seed in 0..150 {
        let mut one = Journalled::new(small_segments(), seed);
        let mut batches: Vec<(Offset, Bytes)> = Vec::new();
        for _ in 0..300 {
            match one.world.random.below(20) {
                0..8 => {
                    let value_bytes = match one.world.random.below(8) {
                        0 => 6_000,
                        _ => 30,
                    };
                    let batch = batch(2, value_bytes);
                    let appended = one.world.append(batch.clone()).unwrap();
                    let bytes = stamped(&batch, appended.first_offset);
                    batches.push((appended.last_offset + 1, bytes));
                }
                8..11 => one.flush(),
                11..15 => {
                    one.journal();
                }
                15..18 => {
                    one.world.step();
                    one.flush();
                }
                18 => {
                    one.world.log.write_back();
                    one.flush();
                }
                _ if one.world.random.chance(1, 4) => {
                    crashes += 1;
                    let (_, durable) = one.ends();
                    one.crash(CRASHED);
                    let (written, end) = one.ends();
                    assert!(
                        end >= durable,
                        "seed {seed}: {durable} was durable, {end} is left"
                    );
                    replays += usize::from(end > written);
                    batches.retain(|(next, _)| *next <= end);
                    assert_eq!(batches.last().map_or(0, |(next, _)| *next), end);
                    // The journal stays until all of it was written back.
                    if one.world.random.chance(1, 2) {
                        one.settle();
                        one.journal.clear();
                    }
                }
                _ => {}
            }
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
    assert!(replays > 50, "{replays} replays");
}

#[test]
fn what_lies_behind_a_gap_goes_to_the_segment_so_that_a_journal_never_begins_behind_one() {
    for seed in 0..50 {
        let mut one = Journalled::new(TopicConfig::default(), seed);
        let mut all = Vec::new();
        for at in [0, 3, 10, 13, 20, 23, 26] {
            let bytes = stamped(&batch(3, 100), at);
            let log = &mut one.world.log;
            log.append_replicated(one.world.now, bytes.clone()).unwrap();
            all.push(bytes);
            one.flush();
            if one.world.random.chance(1, 2) {
                one.settle();
            }
            while one.world.random.chance(3, 4) && one.journal() {
                one.flush();
            }
        }
        let (_, durable) = one.ends();
        one.crash(CRASHED);
        let (_, end) = one.ends();
        assert!(
            end >= durable,
            "seed {seed}: {durable} was durable, {end} is left"
        );
        let found = one.world.read_all(0, 50_000);
        assert_eq!(found, all.concat()[..found.len()], "seed {seed}");
        one.settle();
        one.world.close();
    }
}
