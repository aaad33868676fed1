//! A log that gives up its end, or all of it, and what a crash leaves of that.

use super::*;
use crate::log::EpochStart;

/// A segment takes about five batches of ten records.
fn small_segments() -> TopicConfig {
    TopicConfig {
        segment_bytes: 2000,
        ..TopicConfig::default()
    }
}

/// After a crash, with a checkpoint that says that the log reached `recovery_point`.
fn crashed_at(recovery_point: Offset) -> OpenMode {
    OpenMode::Existing {
        is_clean: false,
        log_start_offset: None,
        recovery_point: Some(recovery_point),
    }
}

impl World {
    /// A log of `batches` batches of ten records, in one epoch for each five of them.
    fn with_batches(batches: i32) -> Self {
        let mut world = Self::create(small_segments());
        for number in 0..batches {
            let epoch = number / 5;
            world.log.on_leader_epoch(epoch, world.log.log_end_offset());
            let batch = numbered(7, number * 10, 10);
            world
                .log
                .append(world.now, vec![batch], epoch, AppendOrigin::Client)
                .unwrap();
            world.settle();
        }
        world.take_progress();
        world
    }

    /// Close the log and begin to open it again, so that it is truncated by what `plan` says.
    fn begin_truncation(&mut self, plan: impl FnOnce(&mut Log)) {
        self.close();
        let config = Arc::new(self.config.clone());
        self.log = Log::open(identity(), config, CLEAN, self.random.fork());
        plan(&mut self.log);
        self.progress.clear();
    }

    fn truncate(&mut self, offset: Offset) {
        self.begin_truncation(|log| log.truncate(offset));
        self.settle();
        assert_eq!(self.take_progress(), [LogProgress::Opened]);
    }
}

#[test]
fn what_is_given_up_is_gone_and_the_log_goes_on_there() {
    for to in (0..=300).step_by(10) {
        let mut world = World::with_batches(30);
        let before = world.read_all(0, 700);
        world.truncate(to);
        let log = &world.log;
        assert_eq!((log.log_start_offset(), log.log_end_offset()), (0, to));
        assert_eq!(log.durable_end_offset(), to);
        let kept = world.read_all(0, 700);
        assert_eq!(kept, before[..kept.len()], "to {to}");
        let latest = world.log.latest_epoch().map(|latest| latest.epoch);
        let expected = (to > 0).then(|| i32::try_from((to - 1) / 50).unwrap());
        assert_eq!(latest, expected, "to {to}");
        let sequence = i32::try_from(to).unwrap();
        let next = numbered(7, sequence, 10);
        let appended = world.append(next).unwrap();
        assert!(!appended.is_duplicate, "to {to}: the producer goes on, too");
        assert_eq!(appended.first_offset, to);
        world.settle();
    }
}

#[test]
fn a_batch_is_given_up_as_a_whole() {
    let mut world = World::with_batches(7);
    world.truncate(35);
    assert_eq!(world.log.log_end_offset(), 30);
}

#[test]
fn a_crash_on_the_way_leaves_a_log_that_can_be_truncated_again() {
    for steps in 0..60 {
        let mut world = World::with_batches(30);
        let before = world.read_all(0, 700);
        world.begin_truncation(|log| log.truncate(80));
        world.flush();
        let is_over = (0..steps).any(|_| !world.step());
        world.crash();
        world.reopen(crashed_at(300));
        let end = world.log.log_end_offset();
        assert!((80..=300).contains(&end), "after {steps} steps: {end}");
        let found = world.read_all(0, 700);
        assert_eq!(found, before[..found.len()], "after {steps} steps");
        world.truncate(80);
        assert_eq!(world.log.log_end_offset(), 80);
        let kept = world.read_all(0, 700);
        assert_eq!(kept, before[..kept.len()], "after {steps} steps");
        if is_over {
            return;
        }
    }
    panic!("a truncation ends");
}

#[test]
fn what_came_after_a_truncation_is_there_after_a_crash_though_checkpoints_are_older() {
    let mut world = World::with_batches(30);
    world.log.take_resume_point();
    assert!(world.keep_resume_point());
    world.truncate(80);
    world.log.on_leader_epoch(9, 80);
    for number in 8..12 {
        let batch = numbered(8, (number - 8) * 10, 10);
        world
            .log
            .append(world.now, vec![batch], 9, AppendOrigin::Client)
            .unwrap();
        world.settle();
    }
    let before = world.read_all(0, 700);
    world.crash();
    world.reopen(crashed_at(300));
    assert_eq!(world.log.log_end_offset(), 120);
    assert_eq!(world.read_all(0, 700), before);
    let latest = EpochStart {
        epoch: 9,
        start_offset: 80,
    };
    assert_eq!(world.log.latest_epoch(), Some(latest));
}

#[test]
fn a_loss_below_a_truncation_is_still_noticed() {
    let mut world = World::with_batches(30);
    world.truncate(80);
    world.crash();
    let segments = world.disk.files.iter_mut();
    let (_, last) = segments
        .filter(|(name, _)| name.ends_with(".log"))
        .last()
        .unwrap();
    last.truncate(10);
    world.open(crashed_at(70));
    let progress = world.take_progress();
    assert!(
        matches!(progress[..], [LogProgress::Failed(LogFailure::Damaged(_))]),
        "{progress:?}"
    );
}

#[test]
fn after_a_clean_stop_checkpoints_are_believed_again() {
    let mut world = World::with_batches(30);
    world.truncate(80);
    world.close();
    world.reopen(CLEAN);
    let mut names = world.disk.files.keys();
    assert!(!names.any(|name| name.ends_with("forebay-truncation")));
    world.crash();
    world.open(crashed_at(90));
    let progress = world.take_progress();
    assert!(
        matches!(progress[..], [LogProgress::Failed(LogFailure::Damaged(_))]),
        "{progress:?}"
    );
}

#[test]
fn a_log_that_begins_anew_has_nothing_of_what_it_had_also_after_a_crash() {
    for start in [20, 70, 1000] {
        let mut world = World::with_batches(12);
        world.begin_truncation(|log| log.start_anew(start));
        world.settle();
        assert_eq!(world.take_progress(), [LogProgress::Opened]);
        let ends = |log: &Log| (log.log_start_offset(), log.log_end_offset());
        assert_eq!(ends(&world.log), (start, start));
        assert_eq!(world.log.latest_epoch(), None);
        assert!(world.log.active_producers().is_empty());
        world.crash();
        world.reopen(crashed_at(120));
        assert_eq!(ends(&world.log), (start, start));
        assert_eq!(world.store(batch(1, 10)).first_offset, start);
    }
}

#[test]
fn nothing_tells_of_records_any_more_when_they_go() {
    let mut world = World::with_batches(30);
    world.begin_truncation(|log| log.start_anew(500));
    let is_of = |kind: &str, name: &String| name.ends_with(kind);
    let folder = &identity().folder;
    let names = |world: &World| world.disk.names(&folder.relative);
    let segments = names(&world)
        .iter()
        .filter(|name| is_of(".log", name))
        .count();
    assert!(names(&world).iter().any(|name| is_of(".snapshot", name)));
    while world.step() {
        let left = names(&world);
        let are_all_there = left.iter().filter(|name| is_of(".log", name)).count() == segments;
        let are_told_of = left.iter().any(|name| is_of(".snapshot", name));
        assert!(are_all_there || !are_told_of, "{left:?}");
        if left.iter().all(|name| !is_of(".log", name)) {
            return;
        }
    }
}
