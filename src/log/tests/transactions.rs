//! Transactions of a log: what readers of committed records see, and what is left of that on the
//! disk.

use std::collections::BTreeMap;

use super::*;
use crate::log::AbortedTransaction;
use crate::protocol::record_batch::{Batches, ControlType, EndTransactionMarker};

/// A segment takes about ten batches.
fn small_segments() -> TopicConfig {
    TopicConfig {
        segment_bytes: 1000,
        ..TopicConfig::default()
    }
}

/// One record of a transaction.
fn part(producer: i64, sequence: i32) -> RecordBatch {
    let builder = RecordBatchBuilder::new().producer(producer, 0, Some(sequence));
    let mut builder = builder.transactional();
    builder.append(1_000_000, None, Some(b"value"), &[]);
    builder.finish()
}

/// The end of a transaction of `producer`.
pub fn end(producer: i64, kind: ControlType) -> RecordBatch {
    let builder = RecordBatchBuilder::new().producer(producer, 0, None);
    let mut builder = builder.transactional().control();
    let value = EndTransactionMarker {
        coordinator_epoch: 0,
    };
    builder.append_control(1_000_000, kind, &value.encode());
    builder.finish()
}

/// The aborted transactions that `batches` tell of, by nothing but their definition.
pub fn aborted_in(batches: impl Iterator<Item = RecordBatch>) -> Vec<AbortedTransaction> {
    let (mut open, mut aborted) = (BTreeMap::new(), Vec::new());
    for batch in batches.filter(RecordBatch::is_transactional) {
        let (producer_id, last_offset) = (batch.producer_id().unwrap(), batch.base_offset());
        if !batch.is_control() {
            open.entry(producer_id).or_insert(last_offset);
            continue;
        }
        let records = batch.records(1000).unwrap();
        let key = records.iter().next().unwrap().unwrap().key.unwrap();
        let Some(first_offset) = open.remove(&producer_id) else {
            continue;
        };
        if ControlType::decode_key(key) == Some(ControlType::Abort) {
            aborted.push(AbortedTransaction {
                producer_id,
                first_offset,
                last_offset,
                last_stable_offset: open.values().min().copied().unwrap_or(last_offset + 1),
            });
        }
    }
    aborted
}

impl World {
    pub fn end_transaction(&mut self, producer: i64, kind: ControlType) -> Offset {
        let origin = AppendOrigin::Marker { bumps_epoch: false };
        let batches = vec![end(producer, kind)];
        let appended = self.log.append(self.now, batches, 0, origin).unwrap();
        self.log.check();
        appended.first_offset
    }

    fn aborted(&self) -> Vec<AbortedTransaction> {
        self.log.aborted_between(0, Offset::MAX)
    }

    /// A log of many small segments with transactions that overlap.
    fn with_transactions() -> Self {
        let mut world = Self::create(small_segments());
        for round in 0..40 {
            let producer = i64::from(round % 3);
            world.append(part(producer, 2 * (round / 3))).unwrap();
            world.append(numbered(9, round, 1)).unwrap();
            world.append(part(producer, 2 * (round / 3) + 1)).unwrap();
            let ends = i64::from((round + 1) % 3);
            let kind = match round % 4 {
                0 => ControlType::Commit,
                _ => ControlType::Abort,
            };
            if round > 2 {
                world.end_transaction(ends, kind);
            }
            world.settle();
        }
        world.take_progress();
        world
    }

    /// What the log says was aborted is what its records tell.
    #[track_caller]
    fn assert_aborted_are_true(&mut self, at: &str) {
        let records = Bytes::from(self.read_all(0, 100_000));
        let mut batches = Batches::new(records);
        let batches = std::iter::from_fn(|| batches.next_whole().unwrap());
        assert_eq!(self.aborted(), aborted_in(batches), "{at}");
    }

    fn transaction_files(&self) -> Vec<String> {
        let names = self.disk.names("topic-0").into_iter();
        names.filter(|name| name.ends_with(".txnindex")).collect()
    }
}

#[test]
fn readers_of_committed_records_stop_at_the_oldest_transaction_that_may_not_have_ended() {
    let mut world = World::create(TopicConfig::default());
    world.append(numbered(9, 0, 2)).unwrap();
    assert_eq!(world.log.last_stable_offset(2), 2);
    world.append(part(7, 0)).unwrap();
    world.append(part(8, 0)).unwrap();
    assert_eq!(world.log.last_stable_offset(1), 1, "the watermark is first");
    assert_eq!(world.log.last_stable_offset(4), 2);
    let marker = world.end_transaction(7, ControlType::Commit);
    assert_eq!(marker, 4);
    assert_eq!(
        world.log.last_stable_offset(4),
        2,
        "the end may be taken back"
    );
    assert_eq!(world.log.last_stable_offset(5), 3, "the other one is open");
    world.log.settle_transactions(5);
    world.end_transaction(8, ControlType::Abort);
    assert_eq!(world.log.last_stable_offset(5), 3);
    assert_eq!(world.log.last_stable_offset(6), 6);
    let aborted = AbortedTransaction {
        producer_id: 8,
        first_offset: 3,
        last_offset: 5,
        last_stable_offset: 6,
    };
    assert_eq!(world.aborted(), [aborted]);
}

#[test]
fn a_marker_of_a_producer_that_wrote_nothing_aborts_nothing() {
    let mut world = World::create(TopicConfig::default());
    world.end_transaction(7, ControlType::Abort);
    assert_eq!(world.log.last_stable_offset(1), 1);
    assert_eq!(world.aborted(), []);
    world.close();
    assert!(world.transaction_files().is_empty());
}

#[test]
fn each_segment_with_aborted_transactions_has_kafkas_index_of_them() {
    let mut world = World::create(TopicConfig::default());
    world.append(part(7, 0)).unwrap();
    world.append(part(8, 0)).unwrap();
    world.end_transaction(8, ControlType::Abort);
    world.end_transaction(7, ControlType::Abort);
    world.close();
    let name = "00000000000000000000.txnindex";
    assert_eq!(world.transaction_files(), [name]);
    // Version, producer, first and last offset, last stable offset.
    let entry = |numbers: [i64; 4]| {
        let numbers = numbers.iter().flat_map(|number| number.to_be_bytes());
        [0, 0].into_iter().chain(numbers).collect::<Vec<u8>>()
    };
    let expected = [entry([8, 1, 2, 0]), entry([7, 0, 3, 4])].concat();
    assert_eq!(world.disk.files[&format!("topic-0/{name}")], expected);
}

#[test]
fn what_was_aborted_is_known_after_every_stop_and_crash() {
    let mut world = World::with_transactions();
    assert!(world.aborted().len() > 20, "{}", world.aborted().len());
    world.assert_aborted_are_true("at first");
    for round in 0..4 {
        world.close();
        assert!(world.transaction_files().len() > 5);
        world.reopen(CLEAN);
        world.assert_aborted_are_true("after a stop");
        world.append(part(50 + round, 0)).unwrap();
        world.end_transaction(50 + round, ControlType::Abort);
        world.settle();
        world.take_progress();
        world.crash();
        world.reopen(CRASHED);
        world.assert_aborted_are_true("after a crash");
    }
}

#[test]
fn what_was_aborted_before_a_resume_point_is_known_after_a_crash() {
    let mut world = World::create(TopicConfig::default());
    world.append(part(7, 0)).unwrap();
    world.end_transaction(7, ControlType::Abort);
    world.append(part(8, 0)).unwrap();
    world.store(numbered(9, 0, 1));
    world.log.take_resume_point();
    assert!(world.keep_resume_point());
    world.end_transaction(8, ControlType::Abort);
    world.settle();
    world.crash();
    world.reopen(CRASHED);
    assert_eq!(world.aborted().len(), 2);
    world.assert_aborted_are_true("after a crash");
}

#[test]
fn an_index_of_aborted_transactions_that_cannot_be_read_is_made_anew() {
    let mut world = World::with_transactions();
    let expected = world.aborted();
    for mode in [CLEAN, CRASHED] {
        for place in [0, 1, usize::MAX] {
            world.close();
            let files = world.transaction_files();
            let name = &files[place.min(files.len() - 1)];
            let path = format!("topic-0/{name}");
            let sound = world.disk.files[&path].clone();
            world.disk.files.insert(path.clone(), sound[1..].to_vec());
            world.open(mode);
            let doubted = StoragePath::new(DirectoryIndex(0), &path);
            let told = [LogProgress::IndexesDoubted(doubted), LogProgress::Opened];
            assert_eq!(world.take_progress(), told);
            assert_eq!(world.aborted(), expected, "{path}");
            world.close();
            assert_eq!(world.disk.files[&path], sound, "{path}");
            world.reopen(CLEAN);
        }
    }
}

#[test]
fn what_is_given_up_was_not_aborted() {
    let whole = World::with_transactions().aborted();
    for to in [0, 3, 40, 41, 42, 43, 90, 140] {
        let mut world = World::with_transactions();
        world.close();
        let config = Arc::new(world.config.clone());
        world.log = Log::open(identity(), config, CLEAN, world.random.fork());
        world.log.truncate(to);
        world.progress.clear();
        world.settle();
        assert_eq!(world.take_progress(), [LogProgress::Opened]);
        let kept = whole.iter().filter(|one| one.last_offset < to).copied();
        let kept: Vec<AbortedTransaction> = kept.collect();
        assert_eq!(world.aborted(), kept, "to {to}");
        world.close();
        world.reopen(CLEAN);
        assert_eq!(world.aborted(), kept, "to {to}, opened again");
    }
}

#[test]
fn a_copy_of_a_log_knows_what_was_aborted() {
    let mut leader = World::with_transactions();
    let mut follower = World::create(small_segments());
    let records = leader.read_all(0, 100_000);
    let now = follower.now;
    follower.log.append_replicated(now, records.into()).unwrap();
    follower.settle();
    assert_eq!(follower.aborted(), leader.aborted());
    let end = leader.log.log_end_offset();
    let stable = leader.log.last_stable_offset(end);
    assert!(stable < end, "transactions are open");
    assert_eq!(follower.log.last_stable_offset(end), stable);
    leader.close();
    follower.close();
    for name in leader.transaction_files() {
        let path = format!("topic-0/{name}");
        assert_eq!(
            follower.disk.files[&path], leader.disk.files[&path],
            "{name}"
        );
    }
}
