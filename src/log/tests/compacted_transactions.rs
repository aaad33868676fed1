//! Compaction of logs with transactions: what readers of committed records see of it.

use std::collections::{BTreeMap, BTreeSet};

use super::cleaning::compacted;
use super::*;
use crate::log::producer_state::ended_transaction;
use crate::log::{AbortedTransaction, CleaningEnd};
use crate::protocol::record_batch::{Batches, ControlType};

/// How long markers and tombstones stay once they are of no use.
const DELETE_RETENTION: Duration = Duration::from_secs(10);

const PRODUCERS: u64 = 3;

/// What was appended.
#[derive(Clone, Debug)]
enum Event {
    Record(i64, String, String),
    End(i64, ControlType),
}

/// By key, the value and offset of its last record.
type View = BTreeMap<String, (String, Offset)>;

fn config() -> TopicConfig {
    TopicConfig {
        delete_retention_ms: i64::try_from(DELETE_RETENTION.as_millis()).unwrap(),
        segment_bytes: 600,
        ..compacted()
    }
}

/// A log, and all that was appended to it.
struct Committed {
    world: World,
    events: Vec<(Offset, Event)>,
}

impl Committed {
    fn new(seed: u64) -> Self {
        let mut world = World::unopened(config(), OpenMode::Create, seed);
        world.settle();
        world.take_progress();
        Self {
            world,
            events: Vec::new(),
        }
    }

    fn write(&mut self, producer: i64, key: &str) {
        let is_own =
            |event: &&(Offset, Event)| matches!(&event.1, Event::Record(by, ..) if *by == producer);
        let sequence = i32::try_from(self.events.iter().filter(is_own).count()).unwrap();
        let mut builder = RecordBatchBuilder::new()
            .producer(producer, 0, Some(sequence))
            .transactional();
        let value = format!("{producer}-{sequence}");
        builder.append(1_000_000, Some(key.as_bytes()), Some(value.as_bytes()), &[]);
        let offset = self.world.log.log_end_offset();
        self.world.append(builder.finish()).unwrap();
        let event = Event::Record(producer, key.to_owned(), value);
        self.events.push((offset, event));
    }

    fn end(&mut self, producer: i64, kind: ControlType) {
        let offset = self.world.end_transaction(producer, kind);
        self.events.push((offset, Event::End(producer, kind)));
    }

    fn open_producers(&self) -> BTreeSet<i64> {
        let mut open = BTreeSet::new();
        for (_, event) in &self.events {
            match event {
                Event::Record(producer, ..) => open.insert(*producer),
                Event::End(producer, _) => open.remove(producer),
            };
        }
        open
    }

    fn end_all(&mut self, kind: ControlType) {
        for producer in self.open_producers() {
            self.end(producer, kind);
        }
        self.world.settle();
    }

    fn roll(&mut self) {
        for _ in 0..8 {
            self.write(100, "rolls");
        }
        self.end(100, ControlType::Commit);
        self.world.settle();
    }

    /// What is committed, by all that was appended.
    fn expected(&self) -> View {
        let (mut open, mut view) = (BTreeMap::<i64, Vec<_>>::new(), View::new());
        for (offset, event) in &self.events {
            match event {
                Event::Record(producer, key, value) => {
                    let record = (key.clone(), (value.clone(), *offset));
                    open.entry(*producer).or_default().push(record);
                }
                Event::End(producer, kind) => {
                    let written = open.remove(producer).unwrap_or_default();
                    if *kind == ControlType::Commit {
                        for (key, last) in written {
                            let known = view.entry(key).or_insert_with(|| last.clone());
                            if known.1 < last.1 {
                                *known = last;
                            }
                        }
                    }
                }
            }
        }
        view
    }

    fn batches(&mut self) -> Vec<RecordBatch> {
        self.world.log.trim_cache(0);
        let start = self.world.log.log_start_offset();
        let records = Bytes::from(self.world.read_all(start, 500));
        Batches::new(records).map(Result::unwrap).collect()
    }

    /// What a consumer makes of a log that it reads from the start, as Apache Kafka's does.
    fn consumed(&mut self) -> View {
        let start = self.world.log.log_start_offset();
        let mut aborted = self.world.log.aborted_between(start, Offset::MAX);
        aborted.sort_by_key(|one| std::cmp::Reverse(one.first_offset));
        let (mut passed_over, mut view) = (BTreeSet::new(), View::new());
        for batch in self.batches() {
            batch.verify_crc().unwrap();
            while let Some(one) = aborted.pop_if(|one| one.first_offset <= batch.last_offset()) {
                passed_over.insert(one.producer_id);
            }
            let producer = batch.producer_id().unwrap();
            if batch.is_control() {
                if let Some((producer, false)) = ended_transaction(&batch) {
                    passed_over.remove(&producer);
                }
                continue;
            }
            if passed_over.contains(&producer) {
                continue;
            }
            let records = batch.records(1000).unwrap();
            for record in records.iter().map(Result::unwrap) {
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                let key = text(record.key.unwrap());
                view.insert(key, (text(record.value.unwrap()), record.offset));
            }
        }
        view
    }

    fn clean(&mut self) {
        let end = self.world.clean();
        assert!(matches!(end, CleaningEnd::Cleaned { .. }), "{end:?}");
    }

    fn markers(&mut self, kind: ControlType) -> usize {
        let is_that = |batch: &&RecordBatch| {
            ended_transaction(batch)
                .is_some_and(|(_, commits)| commits == (kind == ControlType::Commit))
        };
        self.batches().iter().filter(is_that).count()
    }

    fn aborted(&self) -> Vec<AbortedTransaction> {
        self.world.log.aborted_between(0, Offset::MAX)
    }

    fn transaction_files(&self) -> Vec<String> {
        let names = self.world.disk.names("topic-0").into_iter();
        names
            .filter(|name| name.contains(".txnindex") && !name.ends_with(".deleted"))
            .collect()
    }
}

#[test]
fn aborted_records_go_and_those_before_them_stay() {
    let mut log = Committed::new(1);
    log.write(0, "a");
    log.write(0, "b");
    log.end(0, ControlType::Commit);
    log.write(1, "a");
    log.end(1, ControlType::Abort);
    log.roll();
    let expected = log.expected();
    assert_eq!(expected["a"].1, 0);
    log.clean();
    let values: Vec<Offset> = log
        .batches()
        .iter()
        .filter(|one| !one.is_control() && one.records_count() > 0)
        .map(RecordBatch::base_offset)
        .collect();
    assert!(
        values.starts_with(&[0, 1]) && !values.contains(&3),
        "{values:?}"
    );
    assert_eq!(log.consumed(), expected);
}

#[test]
fn a_marker_goes_once_nothing_is_left_of_its_transaction_and_its_time_has_passed() {
    let mut log = Committed::new(1);
    log.write(0, "a");
    log.write(1, "a");
    log.end(1, ControlType::Abort);
    log.end(0, ControlType::Commit);
    for _ in 0..2 {
        // Others tell of the producers' sequences.
        for producer in [0, 1] {
            log.write(producer, "a");
            log.end(producer, ControlType::Commit);
        }
        log.roll();
    }
    log.clean();
    assert_eq!(log.markers(ControlType::Abort), 1);
    assert_eq!(log.aborted().len(), 1, "its records were there until now");
    assert_eq!(log.transaction_files().len(), 1);
    log.roll();
    log.clean();
    assert_eq!(log.markers(ControlType::Abort), 1, "it has a horizon now");
    assert_eq!((log.aborted(), log.transaction_files()), (vec![], vec![]));
    let commits = log.markers(ControlType::Commit);
    log.world.wait(DELETE_RETENTION);
    log.roll();
    log.clean();
    assert_eq!(log.markers(ControlType::Abort), 0);
    assert!(log.markers(ControlType::Commit) < commits);
    assert_eq!(log.consumed(), log.expected());
}

#[test]
fn nothing_is_cleaned_from_an_open_transaction_on() {
    let mut log = Committed::new(1);
    log.write(0, "a");
    log.write(0, "a");
    log.end(0, ControlType::Commit);
    log.write(1, "open");
    for _ in 0..3 {
        log.roll();
    }
    let before = log.batches();
    let end = log.world.clean();
    assert_eq!(end, CleaningEnd::NothingToDo);
    assert_eq!(log.batches(), before);
    log.end(1, ControlType::Abort);
    log.world.settle();
    log.clean();
    assert_eq!(log.consumed(), log.expected());
}

/// A life in which transactions, runs, reads, crashes and clean stops come in any order.
fn live(seed: u64) -> usize {
    let mut log = Committed::new(seed);
    let mut cleaned = 0;
    for _ in 0..200 {
        match log.world.random.below(24) {
            0..11 => {
                let producer = i64::try_from(log.world.random.below(PRODUCERS)).unwrap();
                let key = log.world.random.below(6).to_string();
                log.write(producer, &key);
            }
            11..16 => {
                let kind = match log.world.random.chance(1, 2) {
                    true => ControlType::Commit,
                    false => ControlType::Abort,
                };
                let open: Vec<i64> = log.open_producers().into_iter().collect();
                if !open.is_empty() {
                    let one = log.world.random.below(open.len() as u64);
                    log.end(open[usize::try_from(one).unwrap()], kind);
                }
            }
            16 | 17 => log.world.start_cleaning(),
            18..21 => {
                log.world.flush();
                for _ in 0..log.world.random.below(40) {
                    log.world.step();
                }
            }
            21 => {
                log.end_all(ControlType::Commit);
                assert_eq!(log.consumed(), log.expected(), "seed {seed}");
                log.world.wait(DELETE_RETENTION / 3);
                for progress in log.world.take_progress() {
                    if let LogProgress::CleaningEnded(end) = progress {
                        assert!(!matches!(end, CleaningEnd::Uncleanable(_)), "{end:?}");
                        cleaned += usize::from(matches!(end, CleaningEnd::Cleaned { .. }));
                    }
                }
            }
            22 => {
                log.world.close();
                log.world.reopen(CLEAN);
            }
            _ => {
                log.world.crash();
                log.world.reopen(CRASHED);
                let end = log.world.log.log_end_offset();
                log.events.retain(|(offset, _)| *offset < end);
            }
        }
    }
    log.world.settle();
    log.end_all(ControlType::Abort);
    assert_eq!(log.consumed(), log.expected(), "seed {seed}");
    log.world.crash();
    log.world.reopen(CRASHED);
    assert_eq!(log.consumed(), log.expected(), "seed {seed}");
    cleaned
}

#[test]
fn whatever_happens_readers_of_committed_records_see_the_last_of_every_key() {
    let cleaned: usize = (0..200).map(live).sum();
    assert!(cleaned > 200, "{cleaned} runs");
}
