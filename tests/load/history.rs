//! Whether what a reader found goes together with what producers were told. Pure.

use std::collections::BTreeMap;

/// A record of a producer that numbers what it sends to a partition, from small to large.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    pub partition: i32,
    /// `None` where a producer was told that its record is there, but not where.
    pub offset: Option<i64>,
    pub producer: String,
    pub number: u64,
}

impl Record {
    /// A record of a line `PARTITION OFFSET PRODUCER NUMBER`, with `-` for an unknown offset.
    pub fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(' ');
        let partition = fields.next()?.parse().ok()?;
        let offset = match fields.next()? {
            "-" => None,
            offset => Some(offset.parse().ok()?),
        };
        let producer = fields.next()?.to_owned();
        let number = fields.next()?.parse().ok()?;
        fields.next().is_none().then_some(Self {
            partition,
            offset,
            producer,
            number,
        })
    }

    fn name(&self) -> (i32, &str, u64) {
        (self.partition, &self.producer, self.number)
    }
}

/// What does not go together.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fault {
    /// It was acknowledged and is not there.
    Lost(Record),
    /// It is not where it was acknowledged.
    Moved {
        record: Record,
        found_at: Option<i64>,
    },
    /// It is there a second time.
    Repeated(Record),
    /// It stands behind a later one of its producer.
    Reordered { record: Record, later: u64 },
    /// A reader of the partition did not meet every offset, one after the other.
    Gap { record: Record, expected: i64 },
}

/// The faults of `found`, which is all that a reader met, in the order in which it did.
/// `acknowledged` is what producers were told, in any order; records beside these may be there.
pub fn faults(acknowledged: &[Record], found: &[Record]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut places = BTreeMap::new();
    let mut next_offsets = BTreeMap::new();
    let mut last_numbers = BTreeMap::new();
    for record in found {
        let expected = next_offsets.entry(record.partition).or_insert(0);
        if record.offset != Some(*expected) {
            let record = record.clone();
            let expected = *expected;
            faults.push(Fault::Gap { record, expected });
        }
        *expected = record.offset.unwrap_or(*expected) + 1;
        if places.insert(record.name(), record.offset).is_some() {
            faults.push(Fault::Repeated(record.clone()));
            continue;
        }
        let last = last_numbers
            .entry((record.partition, &record.producer))
            .or_insert(record.number);
        if record.number < *last {
            let (record, later) = (record.clone(), *last);
            faults.push(Fault::Reordered { record, later });
        }
        *last = record.number.max(*last);
    }
    for record in acknowledged {
        match places.get(&record.name()) {
            None => faults.push(Fault::Lost(record.clone())),
            Some(place) if record.offset.is_some() && *place != record.offset => {
                let (record, found_at) = (record.clone(), *place);
                faults.push(Fault::Moved { record, found_at });
            }
            Some(_) => {}
        }
    }
    faults
}

fn records(lines: &[&str]) -> Vec<Record> {
    let parse = |line: &&str| Record::parse(line).expect("the line of a test");
    lines.iter().map(parse).collect()
}

#[track_caller]
fn assert_faults(acknowledged: &[&str], found: &[&str], expected: &[Fault]) {
    assert_eq!(faults(&records(acknowledged), &records(found)), expected);
}

fn record(line: &str) -> Record {
    records(&[line]).remove(0)
}

#[test]
fn a_history_with_all_in_its_place_has_no_fault() {
    let found = ["0 0 a 0", "1 0 b 0", "0 1 b 0", "0 2 a 1", "1 1 b 1"];
    assert_faults(&found, &found, &[]);
}

#[test]
fn a_record_that_was_not_acknowledged_may_be_there_or_not() {
    assert_faults(&["0 0 a 0"], &["0 0 a 0", "0 1 a 2"], &[]);
}

#[test]
fn a_record_that_was_acknowledged_without_its_offset_may_be_anywhere_in_its_order() {
    assert_faults(&["0 - a 0"], &["0 0 b 0", "0 1 a 0"], &[]);
}

#[test]
fn an_acknowledged_record_that_is_nowhere_is_lost() {
    let lost = Fault::Lost(record("0 1 a 1"));
    assert_faults(&["0 0 a 0", "0 1 a 1"], &["0 0 a 0"], &[lost]);
}

#[test]
fn an_acknowledged_record_in_another_partition_is_lost() {
    let lost = Fault::Lost(record("0 0 a 0"));
    assert_faults(&["0 0 a 0"], &["1 0 a 0"], &[lost]);
}

#[test]
fn an_acknowledged_record_at_another_offset_has_moved() {
    let moved = Fault::Moved {
        record: record("0 1 a 0"),
        found_at: Some(0),
    };
    assert_faults(&["0 1 a 0"], &["0 0 a 0", "0 1 a 1"], &[moved]);
}

#[test]
fn a_record_that_is_there_twice_is_repeated() {
    let repeated = Fault::Repeated(record("0 2 a 0"));
    assert_faults(&[], &["0 0 a 0", "0 1 a 1", "0 2 a 0"], &[repeated]);
}

#[test]
fn a_record_behind_a_later_one_of_its_producer_is_reordered() {
    let reordered = Fault::Reordered {
        record: record("0 1 a 0"),
        later: 1,
    };
    assert_faults(&[], &["0 0 a 1", "0 1 a 0", "0 2 b 0"], &[reordered]);
}

#[test]
fn an_offset_that_no_record_has_is_a_gap() {
    let at_the_start = Fault::Gap {
        record: record("0 1 a 0"),
        expected: 0,
    };
    let later = Fault::Gap {
        record: record("0 3 a 1"),
        expected: 2,
    };
    assert_faults(&[], &["0 1 a 0", "0 3 a 1"], &[at_the_start, later]);
}
