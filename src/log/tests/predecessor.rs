//! What a log makes of journals and checkpoints that an earlier replica of its name has left.

use super::*;
use crate::log::{JournalPlace, JournalledBatches};

const NOTE: &str = "forebay-predecessor";

const fn at(epoch: u64, entry: u64) -> JournalPlace {
    JournalPlace { epoch, entry }
}

/// A journal that has a batch of ten records at each of these places, which follow one another.
fn journal(places: &[JournalPlace]) -> Vec<JournalledBatches> {
    let mut log = World::create(TopicConfig::default());
    let mut parts = Vec::new();
    for place in places {
        let from = log.log.log_end_offset();
        log.store(batch(10, 100));
        let batches = log.read_all(from, 100_000);
        parts.push(JournalledBatches {
            place: *place,
            batches: batches.into(),
        });
    }
    parts
}

impl World {
    /// Have the log opened where a journal has come so far and has so much of it.
    fn begin(
        &mut self,
        mode: OpenMode,
        now: JournalPlace,
        has_predecessor: bool,
        inherited: &[JournalledBatches],
    ) {
        let config = Arc::new(self.config.clone());
        self.log = Log::open(identity(), config, mode, self.random.fork());
        self.log.begin_at(now, has_predecessor);
        self.log.inherit_journal(inherited.to_vec());
        self.progress.clear();
        self.settle();
    }

    fn note(&self) -> Option<String> {
        let folder = identity().folder.relative.to_string();
        let file = self.disk.files.get(&format!("{folder}/{NOTE}"))?;
        let text = String::from_utf8(file.clone()).unwrap();
        Some(text.lines().last().unwrap().to_owned())
    }

    fn expect_opened(&mut self, end: Offset) {
        let progress = self.take_progress();
        assert!(progress.contains(&LogProgress::Opened), "{progress:?}");
        assert_eq!(self.log.log_end_offset(), end);
    }

    /// A log that was made when the journal of epoch 4 had come to entry 7.
    fn followed() -> Self {
        let mut world = Self::unopened(TopicConfig::default(), OpenMode::Create, 1);
        world.begin(OpenMode::Create, at(4, 7), true, &[]);
        world.expect_opened(0);
        assert_eq!(world.note().as_deref(), Some("4 7"));
        world.crash();
        world
    }
}

#[test]
fn what_a_journal_has_up_to_the_noted_place_is_not_this_logs() {
    for (places, end, has_disowned) in [
        (&[at(3, 9), at(4, 7)][..], 0, true),
        (&[at(4, 8), at(4, 9)], 20, false),
        (&[at(5, 1)], 10, false),
        (&[], 0, false),
    ] {
        let mut world = World::followed();
        let inherited = journal(places);
        world.begin(CRASHED, at(6, 0), false, &inherited);
        world.expect_opened(end);
        assert_eq!(world.log.has_disowned_journal(), has_disowned, "{places:?}");
        // The next start has the same journals to judge.
        assert_eq!(world.note().as_deref(), Some("4 7"));
    }
}

#[test]
fn entries_behind_those_of_an_earlier_replica_go_on_where_the_segments_end() {
    let mut world = World::followed();
    let mut inherited = journal(&[at(4, 6), at(4, 8)]);
    // Both replicas began at offset zero.
    inherited[1].batches = inherited[0].batches.clone();
    world.begin(CRASHED, at(5, 0), false, &inherited);
    world.expect_opened(10);
    assert!(!world.log.has_disowned_journal());
}

#[test]
fn a_checkpoint_that_may_be_older_than_the_log_is_not_believed_and_a_later_one_is() {
    let mut other = World::create(TopicConfig::default());
    other.store(batch(10, 100));
    other.log.take_resume_point();
    assert!(other.keep_resume_point());
    let point = other.resume_point.unwrap();
    for (epoch, is_believed) in [(3, false), (4, false), (5, true)] {
        let mut world = World::followed();
        let config = Arc::new(world.config.clone());
        world.log = Log::open(identity(), config, CRASHED, world.random.fork());
        world.log.begin_at(at(6, 0), false);
        assert!(world.log.inherit_resume_point(epoch, &point));
        world.progress.clear();
        world.settle();
        let progress = world.take_progress();
        let has_failed = matches!(progress[..], [LogProgress::Failed(LogFailure::Damaged(_))]);
        assert_eq!(has_failed, is_believed, "{epoch}: {progress:?}");
    }
}

#[test]
fn where_epochs_begin_anew_the_note_says_nothing_of_what_comes() {
    for (now, noted) in [(at(2, 0), "2 0"), (at(4, 0), "4 0"), (at(5, 0), "4 7")] {
        let mut world = World::followed();
        world.begin(CRASHED, now, false, &[]);
        world.expect_opened(0);
        assert_eq!(world.note().as_deref(), Some(noted));
        // What is journalled in this life is there in the next.
        let next = journal(&[at(now.epoch, 1)]);
        world.crash();
        world.begin(CRASHED, at(now.epoch + 1, 0), false, &next);
        world.expect_opened(10);
    }
}

#[test]
fn two_clean_stops_later_there_is_no_note() {
    let mut world = World::followed();
    for (now, noted) in [(at(5, 0), None), (at(1, 0), Some("1 0"))] {
        let mut world = World::followed();
        world.begin(CLEAN, now, false, &[]);
        assert_eq!(world.note().as_deref(), noted);
        world.expect_opened(0);
    }
    for _ in 0..2 {
        world.begin(CLEAN, at(1, 0), false, &[]);
        world.expect_opened(0);
        world.close();
    }
    assert_eq!(world.note(), None);
}

#[test]
fn a_folder_that_says_not_yet_whose_it_is_has_nothing_in_any_journal() {
    let folder = identity().folder.relative.to_string();
    for has_note in [false, true] {
        let mut world = World::followed();
        world
            .disk
            .files
            .remove(&format!("{folder}/partition.metadata"));
        if !has_note {
            world.disk.files.remove(&format!("{folder}/{NOTE}"));
        }
        let inherited = journal(&[at(4, 6), at(4, 9)]);
        world.begin(CRASHED, at(5, 0), false, &inherited);
        world.expect_opened(0);
        assert!(world.log.has_disowned_journal());
        assert_eq!(world.note().as_deref(), Some("5 0"));
        world.crash();
        world.begin(CRASHED, at(6, 0), false, &inherited);
        world.expect_opened(0);
    }
}

#[test]
fn at_each_step_of_its_making_a_crash_leaves_a_log_without_what_was_before() {
    let inherited = journal(&[at(4, 6)]);
    let mut has_ended = false;
    for steps in 0..10 {
        let mut world = World::unopened(TopicConfig::default(), OpenMode::Create, steps);
        world.log.begin_at(at(4, 7), true);
        world.flush();
        has_ended |= (0..steps).any(|_| !world.step());
        world.crash();
        let folder = identity().folder.relative.to_string();
        let mode = match world.disk.has_folder(&folder) {
            true => CRASHED,
            false => OpenMode::Create,
        };
        let has_folder = mode == CRASHED;
        let parts = if has_folder { &inherited[..] } else { &[] };
        world.begin(mode, at(5, 0), !has_folder, parts);
        world.expect_opened(0);
        world.crash();
        world.begin(CRASHED, at(6, 0), false, &inherited);
        world.expect_opened(0);
    }
    assert!(has_ended);
}

#[test]
fn a_note_that_cannot_be_read_keeps_the_log_from_being_opened() {
    let folder = identity().folder.relative.to_string();
    let mut world = World::followed();
    let note = world
        .disk
        .files
        .get_mut(&format!("{folder}/{NOTE}"))
        .unwrap();
    note.truncate(3);
    world.begin(CRASHED, at(5, 0), false, &[]);
    let progress = world.take_progress();
    assert!(
        matches!(progress[..], [LogProgress::Failed(LogFailure::Unusable(_))]),
        "{progress:?}"
    );
}
