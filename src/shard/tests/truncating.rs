//! A partition that gives up the end of its log, or all of it, with crashes at any time.

use super::*;
use crate::log::storage::DirectoryIndex;
use crate::shard::task::OffsetTarget;
use crate::shard::truncating::Cut;

/// The leader again, after this broker has followed another.
const LED_AGAIN: Registered<'static> = Registered {
    leader_epoch: 5,
    partition_epoch: 7,
    isr: &[1],
    ..LED
};

impl Bench {
    /// A follower with so many records, of which only its journal knows.
    fn follower_of(records: usize) -> Self {
        let mut bench = Self::new(LED, &[]);
        for _ in 0..records {
            bench.produce(Acks::Leader);
        }
        bench.register(FOLLOWED);
        assert_eq!(
            bench.log().durable_end_offset(),
            bench.log().log_end_offset()
        );
        assert_eq!(bench.log().written_end_offset(), 0);
        bench
    }

    fn begin_truncation(&mut self, cut: Cut) {
        let slot = self.shard.partitions.slot_of(self.id).unwrap();
        assert!(self.shard.begin_truncation(slot, cut));
    }

    fn truncate(&mut self, cut: Cut) {
        self.begin_truncation(cut);
        self.settle();
        assert_eq!(self.state(), PartitionState::Open);
    }

    fn bounds(&self) -> (Offset, Offset) {
        let log = self.log();
        (log.log_start_offset(), log.log_end_offset())
    }

    /// All that the log has, as its leader.
    fn read_all(&mut self) -> Vec<u8> {
        let start = self.log().log_start_offset();
        let request = self.fetch(REPLICA, start, [Some(5), None]);
        let found = self.fetched(request).map(|found| found.records);
        found.unwrap_or_default().concat()
    }
}

#[test]
fn what_a_follower_gives_up_is_gone_and_it_goes_on_there() {
    let mut bench = Bench::follower_of(6);
    bench.truncate(Cut::From(4));
    assert_eq!(bench.bounds(), (0, 4));
    bench.truncate(Cut::AllAndBeginAt(9));
    assert_eq!(bench.bounds(), (9, 9));
    bench.truncate(Cut::AllAndBeginAt(2));
    assert_eq!(bench.bounds(), (2, 2));
    bench.register(LED_AGAIN);
    let request = bench.produce(Acks::InSync);
    assert_eq!(bench.produced(request), Some(Ok(2)));
}

#[test]
fn who_comes_meanwhile_waits_and_who_waited_for_records_is_sent_away() {
    let mut bench = Bench::follower_of(3);
    let consumer = bench.fetch(CONSUMER, 0, [None; 2]);
    assert!(bench.fetched(consumer).is_none(), "nothing is committed");
    bench.is_disk_slow = true;
    bench.begin_truncation(Cut::From(2));
    bench.settle();
    let refused = ErrorCode::NotLeaderOrFollower;
    assert_eq!(bench.fetched(consumer).unwrap().error, refused);
    let asked = bench.ask(Task::ListOffset {
        partition: bench.id,
        leader_epoch: None,
        target: OffsetTarget::LogEnd,
    });
    assert!(bench.reply(asked).is_none());
    // Who leads by then answers.
    bench.register(LED_AGAIN);
    assert!(bench.reply(asked).is_none());
    bench.sync();
    match bench.reply(asked) {
        Some(Reply::Offset(Ok(Some(found)))) => assert_eq!(found.offset, 2),
        reply => panic!("{reply:?} is no offset"),
    }
}

#[test]
fn a_crash_at_any_step_leaves_the_log_as_it_was_or_less_and_what_is_gone_stays_gone() {
    let mut before = Bench::follower_of(6);
    before.register(LED_AGAIN);
    let before = before.read_all();
    let mut ends = std::collections::BTreeSet::new();
    for steps in 0..100 {
        let mut bench = Bench::follower_of(6);
        bench.begin_truncation(Cut::From(3));
        let is_over = (0..steps).any(|_| !bench.step());
        let was_open = bench.state() == PartitionState::Open;
        bench.crash(LED_AGAIN);
        assert_eq!(bench.state(), PartitionState::Open, "after {steps} steps");
        let (start, end) = bench.bounds();
        assert_eq!(start, 0, "after {steps} steps");
        assert!((3..=6).contains(&end), "after {steps} steps: {end}");
        assert!(end == 3 || !was_open, "after {steps} steps it came back");
        ends.insert(end);
        let found = bench.read_all();
        assert_eq!(found, before[..found.len()], "after {steps} steps");
        let request = bench.produce(Acks::InSync);
        assert_eq!(bench.produced(request), Some(Ok(end)));
        if is_over {
            assert!(ends.contains(&3) && ends.contains(&6));
            return;
        }
    }
    panic!("a truncation ends");
}

#[test]
fn nothing_is_given_up_while_a_journal_of_the_last_life_could_bring_it_back() {
    let mut bench = Bench::follower_of(6);
    let inherited = bench.journals();
    bench.crash(FOLLOWED);
    assert_eq!(bench.bounds(), (0, 6));
    bench.begin_truncation(Cut::From(3));
    bench.settle();
    assert_eq!(bench.state(), PartitionState::Truncating);
    bench.remove_journals(&inherited);
    assert_eq!(
        (bench.state(), bench.bounds()),
        (PartitionState::Open, (0, 3))
    );
    bench.crash(LED_AGAIN);
    assert_eq!(bench.bounds(), (0, 3));
}

#[test]
fn a_topic_that_is_deleted_meanwhile_is_gone_and_a_stop_does_not_wait_for_more() {
    for steps in 0..20 {
        let mut bench = Bench::follower_of(6);
        bench.begin_truncation(Cut::From(3));
        for _ in 0..steps {
            bench.step();
        }
        bench.register(Registered {
            replicas: &[2, 3],
            ..FOLLOWED
        });
        assert!(
            bench.shard.partitions.find(bench.id).is_none(),
            "after {steps} steps"
        );
        let mut bench = Bench::follower_of(6);
        bench.begin_truncation(Cut::From(3));
        for _ in 0..steps {
            bench.step();
        }
        bench
            .shard
            .on_event(bench.now, Event::Stopping, &mut bench.effects);
        bench.settle();
        let is_told = |message: &Message| matches!(message, Message::Checkpoints { .. });
        assert!(bench.posted.iter().any(is_told), "after {steps} steps");
        assert!(bench.journals().is_empty());
    }
}

#[test]
fn a_move_goes_on_if_it_has_nothing_of_what_is_given_up_and_else_begins_anew() {
    for (cut, is_kept) in [(3, true), (1, false)] {
        let mut bench = Bench::new(LED, &[("log.dirs", "/one,/two")]);
        for _ in 0..4 {
            bench.produce(Acks::Leader);
        }
        bench.fetch(REPLICA, 2, [Some(3), Some(3)]);
        bench.register(FOLLOWED);
        bench.ask(Task::MoveReplica {
            partition: bench.id,
            directory: DirectoryIndex(1),
        });
        let future = |bench: &Bench| {
            let partition = bench.shard.partitions.find(bench.id).unwrap();
            let log = &partition.future.as_deref().unwrap().log;
            (log.identity().folder.clone(), log.log_end_offset())
        };
        let (folder, copied) = future(&bench);
        assert_eq!(copied, 2, "what is committed");
        bench.truncate(Cut::From(cut));
        let (folder_now, copied) = future(&bench);
        assert_eq!(copied, cut.min(2));
        assert_eq!(folder_now == folder, is_kept);
    }
}
