//! A copy of a log: it takes what the other has as it is, knows what the other knows, and a crash
//! at any time leaves it so.

use super::*;
use crate::log::EpochStart;
use crate::log::storage::StoragePath;

/// A segment takes about five batches of ten records.
fn small_segments() -> TopicConfig {
    TopicConfig {
        segment_bytes: 2000,
        ..TopicConfig::default()
    }
}

/// All that `from` has from `offset` on, as one slice.
fn records_of(from: &mut World, offset: Offset) -> Bytes {
    Bytes::from(from.read_all(offset, 700))
}

impl World {
    fn copy_all(&mut self, from: &mut Self) {
        let end = self.log.log_end_offset();
        let records = records_of(from, end);
        self.log.append_replicated(self.now, records).unwrap();
        self.settle();
    }

    fn inherit(&mut self, from: &Self) {
        self.log.inherit_knowledge(self.now, &from.log);
        self.settle();
        assert!(self.log.is_inheritance_kept());
    }
}

#[test]
fn a_copy_keeps_offsets_epochs_and_producers() {
    let mut leader = World::create(small_segments());
    leader.log.on_leader_epoch(3, 0);
    for sequence in 0..20 {
        let batch = numbered(7, sequence * 10, 10);
        leader
            .log
            .append(leader.now, vec![batch], 3, AppendOrigin::Client)
            .unwrap();
    }
    leader.settle();
    let mut copy = World::create(small_segments());
    copy.copy_all(&mut leader);
    assert_eq!(copy.log.log_end_offset(), 200);
    assert_eq!(copy.log.durable_end_offset(), 200);
    assert_eq!(copy.read_all(0, 700), leader.read_all(0, 700));
    assert_eq!(copy.log.epoch_of(5), Some(3));
    let again = numbered(7, 190, 10);
    let appended = copy
        .log
        .append(copy.now, vec![again], 3, AppendOrigin::Client)
        .unwrap();
    assert!(appended.is_duplicate, "the producer is known");
}

#[test]
fn what_a_copy_has_already_is_passed_over_and_what_is_not_sound_is_refused() {
    let mut leader = World::create(small_segments());
    for _ in 0..6 {
        leader.store(batch(10, 10));
    }
    let records = records_of(&mut leader, 0);
    let mut copy = World::create(small_segments());
    copy.log
        .append_replicated(copy.now, records.clone())
        .unwrap();
    copy.log
        .append_replicated(copy.now, records.clone())
        .unwrap();
    copy.settle();
    assert_eq!(copy.log.log_end_offset(), 60);
    let mut damaged = records.to_vec();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    let mut other = World::create(small_segments());
    let refused = other
        .log
        .append_replicated(other.now, Bytes::from(damaged))
        .is_err();
    assert!(refused);
    assert_eq!(other.log.log_end_offset(), 50, "those before it are sound");
    let cut = records.slice(..records.len() - 1);
    assert!(other.log.append_replicated(other.now, cut).is_err());
}

#[test]
fn a_copy_begins_where_the_other_log_begins_and_keeps_that_after_a_crash() {
    let mut leader = World::create(small_segments());
    for _ in 0..6 {
        leader.store(batch(10, 10));
    }
    let mut copy = World::create(small_segments());
    copy.log.continue_at(copy.now, 30);
    assert_eq!(copy.log.log_start_offset(), 30);
    let records = records_of(&mut leader, 30);
    copy.log.append_replicated(copy.now, records).unwrap();
    copy.settle();
    copy.crash();
    copy.reopen(CRASHED);
    assert_eq!(copy.log.log_start_offset(), 30);
    assert_eq!(copy.log.log_end_offset(), 60);
    assert_eq!(copy.read_all(30, 700), leader.read_all(30, 700));
}

#[test]
fn an_empty_copy_gives_no_offset_anew_after_a_crash() {
    for seed in 1..20 {
        let mut copy = World::unopened(small_segments(), OpenMode::Create, seed);
        copy.settle();
        copy.log.continue_at(copy.now, 500);
        copy.settle();
        assert!(copy.log.is_inheritance_kept());
        copy.crash();
        copy.reopen(CRASHED);
        assert_eq!(copy.log.log_start_offset(), 500);
        assert_eq!(copy.log.log_end_offset(), 500);
        assert_eq!(copy.store(batch(1, 10)).first_offset, 500);
    }
}

#[test]
fn a_copy_goes_on_behind_a_gap() {
    let mut leader = World::create(small_segments());
    for _ in 0..3 {
        leader.store(batch(10, 10));
    }
    let mut copy = World::create(small_segments());
    copy.copy_all(&mut leader);
    copy.log.continue_at(copy.now, 100);
    let mut behind = batch(5, 10);
    behind.stamp(120, 0);
    let behind = behind.to_bytes();
    copy.log
        .append_replicated(copy.now, behind.clone())
        .unwrap();
    copy.settle();
    assert_eq!(copy.log.log_start_offset(), 0);
    assert_eq!(copy.log.log_end_offset(), 125);
    let found = copy.read(request(30, 10_000)).unwrap();
    assert_eq!(found.slices.concat(), behind);
}

#[test]
fn a_copy_inherits_what_no_record_tells_any_more_and_keeps_it_after_a_crash() {
    for (seed, appends) in (1..40).flat_map(|seed| [(seed, 0), (seed, 1), (seed, 8)]) {
        let mut leader = World::create(small_segments());
        leader.log.on_leader_epoch(2, 0);
        leader.store(numbered(7, 0, 3));
        leader.log.on_leader_epoch(4, 3);
        for _ in 0..8 {
            let now = leader.now;
            let batch = batch(10, 10);
            leader
                .log
                .append(now, vec![batch], 4, AppendOrigin::Client)
                .unwrap();
        }
        leader.settle();
        let end = leader.log.log_end_offset();
        let start = if appends == 0 { end } else { 43 };
        leader.log.delete_records(start, end).unwrap();
        leader.log.on_leader_epoch(6, end);
        let mut copy = World::unopened(small_segments(), OpenMode::Create, seed);
        copy.settle();
        copy.log.continue_at(copy.now, start);
        if start < end {
            copy.copy_all(&mut leader);
        }
        assert!(
            copy.log.active_producers().is_empty(),
            "nothing tells of it"
        );
        copy.inherit(&leader);
        copy.crash();
        copy.reopen(CRASHED);
        assert_eq!(copy.log.log_end_offset(), end);
        assert_eq!(copy.log.active_producers(), leader.log.active_producers());
        let latest = EpochStart {
            epoch: 4,
            start_offset: start,
        };
        let kept = copy.log.latest_epoch();
        assert!(kept.is_none_or(|kept| kept == latest || kept.epoch == 6));
        copy.log.on_leader_epoch(7, end);
        let next = numbered(7, 3, 2);
        let appended = copy.append(next).unwrap();
        assert_eq!(appended.first_offset, end);
        for _ in 0..appends {
            copy.store(batch(10, 10));
        }
    }
}

#[test]
fn a_folder_gets_another_name_while_records_come() {
    for seed in 1..40 {
        let mut world = World::unopened(small_segments(), OpenMode::Create, seed);
        world.settle();
        for _ in 0..12 {
            world.append(batch(10, 10)).unwrap();
            world.flush();
        }
        let to = StoragePath::new(DirectoryIndex(0), "other-0");
        world.log.move_folder(to.clone());
        for _ in 0..12 {
            world.append(batch(10, 10)).unwrap();
            world.flush();
            world.step();
        }
        world.settle();
        assert!(world.progress.contains(&LogProgress::FolderMoved));
        assert_eq!(world.log.identity().folder, to);
        assert_eq!(world.log.durable_end_offset(), 240);
        let names: Vec<&String> = world.disk.files.keys().collect();
        assert!(
            names.iter().all(|name| name.starts_with("other-0/")),
            "{names:?}"
        );
        world.close();
        world.log = Log::open(
            LogIdentity {
                folder: to,
                ..identity()
            },
            Arc::new(world.config.clone()),
            CLEAN,
            world.random.fork(),
        );
        world.settle();
        assert_eq!(world.log.log_end_offset(), 240);
    }
}

#[test]
fn requests_and_reads_of_logs_that_count_from_elsewhere_are_told_apart() {
    let mut world = World::unopened(small_segments(), OpenMode::Create, 1);
    world.log.count_from(1 << 40);
    world.flush();
    assert!(world.log.has_asked(1 << 40));
    assert!(!world.log.has_asked(0));
    world.settle();
    assert!(!world.log.has_asked(1 << 40));
    world.store(batch(3, 10));
    world.log.trim_cache(0);
    let ReadPlan::Disk(read) = world.log.plan_read(request(0, 100)).unwrap() else {
        panic!("it is not in memory");
    };
    assert!(!world.log.is_reading());
    assert!(world.log.start_read(read) > crate::log::ReadId(1 << 40));
    assert!(world.log.is_reading());
    world.settle();
    assert!(!world.log.is_reading());
}

#[test]
fn a_folder_is_deleted_by_whichever_name_it_has_after_it_could_not_get_another() {
    for happened in [false, true] {
        let mut world = World::create(small_segments());
        world.store(batch(1, 10));
        let to = StoragePath::new(DirectoryIndex(0), "other-0");
        world.log.move_folder(to.clone());
        world.disk.fails = Some("rename");
        world.settle();
        assert!(matches!(
            world.take_progress().last(),
            Some(LogProgress::Failed(_))
        ));
        if happened {
            // It fails by its old name, under which nothing is found.
            world.disk.rename("topic-0", "other-0");
            world.disk.fails = Some("rename");
        }
        world.log.delete([7; 16]);
        world.settle();
        world.wait(Duration::from_secs(2));
        world.settle();
        let deleted = |progress: &LogProgress| matches!(progress, LogProgress::Deleted { .. });
        assert!(world.progress.iter().any(deleted), "{:?}", world.progress);
        let mut names = world.disk.files.keys();
        assert!(names.all(|name| name.contains("-delete/")));
    }
}
