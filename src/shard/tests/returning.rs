//! A replica that leaves a broker and comes back to it, with crashes at any time.

use super::*;

/// Other brokers have the replicas.
const ELSEWHERE: Registered<'static> = Registered {
    replicas: &[2, 3],
    isr: &[2, 3],
    ..LED
};

/// The replica is back, and leads.
const BACK: Registered<'static> = Registered {
    leader_epoch: 5,
    partition_epoch: 8,
    isr: &[1],
    ..LED
};

/// So many records has the replica that leaves; only the journal has them.
const RECORDS: i64 = 6;

impl Bench {
    fn about_to_leave() -> Self {
        let mut bench = Self::new(LED, &[]);
        for _ in 0..RECORDS {
            bench.produce(Acks::Leader);
        }
        assert_eq!(bench.log().durable_end_offset(), RECORDS);
        assert_eq!(bench.log().written_end_offset(), 0);
        bench
    }

    fn come_back(&mut self) {
        self.register(BACK);
        self.tell(Message::ClaimsAnswered(vec![(self.id, true)]));
    }

    fn has_left_and_come_back() -> Self {
        let mut bench = Self::about_to_leave();
        bench.register(ELSEWHERE);
        assert!(bench.shard.partitions.find(bench.id).is_none());
        bench.come_back();
        bench
    }

    /// The partition is open, and has these records, each of the epoch in which it is back.
    fn check(&mut self, end: i64, what: &str) {
        assert_eq!(self.state(), PartitionState::Open, "{what}");
        let log = self.log();
        let bounds = (log.log_start_offset(), log.log_end_offset());
        assert_eq!(bounds, (0, end), "{what}");
        let epochs: Vec<_> = (0..end).map(|offset| log.epoch_of(offset)).collect();
        assert!(epochs.iter().all(|epoch| *epoch == Some(5)), "{what}");
    }

    fn produce_records(&mut self, from: i64, to: i64) {
        for offset in from..to {
            let request = self.produce(Acks::Leader);
            assert_eq!(self.produced(request), Some(Ok(offset)));
        }
    }

    fn is_told_that_journals_are_of_no_use(&self) -> bool {
        let is_that = |message: &Message| matches!(message, Message::JournalsWrittenBack);
        self.posted.iter().any(is_that)
    }
}

#[test]
fn a_replica_that_came_back_has_nothing_of_the_one_before_also_after_a_crash() {
    for records in [0, 1, RECORDS, RECORDS + 2] {
        let mut bench = Bench::has_left_and_come_back();
        bench.check(0, "back");
        bench.produce_records(0, records);
        bench.crash(BACK);
        bench.check(records, "after a crash");
        assert!(bench.is_told_that_journals_are_of_no_use());
        bench.produce_records(records, records + 2);
        bench.crash(BACK);
        bench.check(records + 2, "after another crash");
    }
}

#[test]
fn a_replica_that_comes_back_with_a_start_has_nothing_of_the_one_before() {
    let mut bench = Bench::about_to_leave();
    bench.register(ELSEWHERE);
    for life in 0..3 {
        bench.crash(BACK);
        bench.check(life, "after a crash");
        assert!(bench.is_told_that_journals_are_of_no_use());
        bench.produce_records(life, life + 1);
    }
}

#[test]
fn a_replica_that_comes_back_in_the_next_life_has_nothing_of_the_one_before() {
    let mut bench = Bench::about_to_leave();
    bench.register(ELSEWHERE);
    bench.crash(ELSEWHERE);
    bench.come_back();
    bench.check(0, "while the journals of the last life are there");
    bench.produce_records(0, 1);
    bench.crash(BACK);
    bench.check(1, "after another crash");
}

#[test]
fn a_crash_at_any_step_of_a_return_leaves_a_replica_of_its_own() {
    let mut has_ended = false;
    for steps in 0..20 {
        let mut bench = Bench::about_to_leave();
        bench.register(ELSEWHERE);
        bench.is_disk_slow = true;
        bench.come_back();
        has_ended |= (0..steps).any(|_| !bench.step());
        bench.crash(BACK);
        let what = format!("after {steps} steps");
        bench.check(0, &what);
        bench.produce_records(0, 1);
        bench.crash(BACK);
        bench.check(1, &what);
    }
    assert!(has_ended, "a return ends");
}

#[test]
fn a_crash_at_any_step_of_a_departure_leaves_the_replica_as_it_was_or_nothing_of_it() {
    let mut ends = std::collections::BTreeSet::new();
    for steps in 0..20 {
        let mut bench = Bench::about_to_leave();
        bench.is_disk_slow = true;
        bench.register(ELSEWHERE);
        for _ in 0..steps {
            bench.step();
        }
        bench.crash(BACK);
        assert_eq!(bench.state(), PartitionState::Open, "after {steps} steps");
        let end = bench.log().log_end_offset();
        ends.insert(end);
        bench.produce_records(end, end + 1);
        bench.crash(BACK);
        assert_eq!(bench.state(), PartitionState::Open, "after {steps} steps");
        assert_eq!(bench.log().log_end_offset(), end + 1, "after {steps} steps");
    }
    assert_eq!(ends, [0, RECORDS].into_iter().collect());
}

#[test]
fn what_the_replica_before_has_yet_to_journal_is_not_journalled_any_more() {
    for seed in 0..20 {
        let mut bench = Bench::about_to_leave();
        bench.random = Random::from_seed(seed);
        bench.is_disk_slow = true;
        // One is on its way to the journal, the next one waits.
        bench.produce(Acks::Leader);
        bench.produce(Acks::Leader);
        bench.register(ELSEWHERE);
        bench.register(BACK);
        bench.sync();
        bench.tell(Message::ClaimsAnswered(vec![(bench.id, true)]));
        bench.crash(BACK);
        bench.check(0, &format!("seed {seed}"));
    }
}

#[test]
fn a_replica_that_leaves_and_comes_back_before_the_broker_serves_begins_anew() {
    let mut bench = Bench::about_to_leave();
    bench.begin_crash();
    bench.start_until_opened(LED);
    assert_eq!(bench.log().log_end_offset(), RECORDS);
    bench.register(ELSEWHERE);
    bench.come_back();
    bench.check(0, "before it serves");
    bench.tell(Message::Serve);
    bench.produce_records(0, 1);
    bench.crash(BACK);
    bench.check(1, "after another crash");
}

#[test]
fn what_a_checkpoint_says_of_the_replica_before_is_not_missed() {
    let mut bench = Bench::about_to_leave();
    bench.crash(LED);
    let checkpoints = bench.disk.files.keys();
    let mut checkpoints = checkpoints.filter(|name| super::super::resuming::is_checkpoint(name));
    assert!(checkpoints.next().is_some(), "a start writes one");
    assert_eq!(bench.log().written_end_offset(), RECORDS);
    bench.register(ELSEWHERE);
    bench.come_back();
    bench.produce_records(0, 1);
    bench.crash(BACK);
    bench.check(1, "after a crash");
}

#[test]
fn a_replica_of_a_new_topic_says_nothing_of_another() {
    let bench = Bench::about_to_leave();
    let mut names = bench.disk.files.keys();
    assert!(!names.any(|name| name.ends_with("forebay-predecessor")));
    let bench = Bench::has_left_and_come_back();
    let mut names = bench.disk.files.keys();
    assert!(names.any(|name| name.ends_with("forebay-predecessor")));
}
