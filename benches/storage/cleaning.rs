//! What those who produce notice of retention and of compaction.

use crate::load::{Paced, create_topic};
use crate::pair::{Run, settle};
use crate::table::{Goal, Row};

/// Both look for work all the time.
const SETTINGS: [(&str, &str); 4] = [
    // The records of the load claim to be from 1970.
    ("log.retention.ms", "-1"),
    ("log.retention.check.interval.ms", "500"),
    ("log.cleaner.backoff.ms", "500"),
    ("log.segment.delete.delay.ms", "1000"),
];

/// The logs, each with one partition. With 16 MB/s a segment of 8 MiB is full twice a second: so
/// often the boundary of retention is crossed, and there is something to compact.
const LOGS: [(&str, &[(&str, &str)]); 3] = [
    ("idle", &[]),
    (
        "deleting",
        &[
            ("segment.bytes", "8388608"),
            ("retention.bytes", "16777216"),
            ("file.delete.delay.ms", "1000"),
        ],
    ),
    (
        "compacting",
        &[
            ("segment.bytes", "8388608"),
            ("cleanup.policy", "compact"),
            ("min.cleanable.dirty.ratio", "0.01"),
            ("file.delete.delay.ms", "1000"),
        ],
    ),
];

const RAISED_MAX: f64 = 2.0;

pub fn measure(run: &Run) -> Vec<Row> {
    let mut rows = LOGS.map(|(name, _)| {
        let figure = format!("16 KiB, 1000/s, p99, {name} log");
        Row::new(&figure, "us", Goal::Nothing)
    });
    let producers = LOGS.map(|(topic, _)| Paced {
        topic,
        requests_per_second: 1000,
        records_per_batch: 16,
        record_bytes: 1000,
    });
    let brokers = run.start(&SETTINGS);
    for one in &brokers {
        for ((topic, configs), producer) in LOGS.iter().zip(&producers) {
            create_topic(&one.server, topic, 1, configs);
            producer.run(&one.server, run.duration);
        }
    }
    for _ in 0..run.rounds {
        for one in &brokers {
            for ((topic, _), (producer, row)) in LOGS.iter().zip(producers.iter().zip(&mut rows)) {
                let latency = producer.run(&one.server, run.duration);
                run.tell(
                    &one.name(),
                    &format!(
                        "{topic}: p50 {:.0} us, p99 {:.0} us",
                        latency.p50_us, latency.p99_us
                    ),
                );
                row.of(one.kind).push(latency.p99_us);
                settle();
            }
        }
    }
    let goal = Goal::AtMost(RAISED_MAX);
    let [idle, deleting, compacting] = rows;
    let by_deleting = Row::ratio("  by that of the idle log", goal, &deleting, &idle);
    let by_compacting = Row::ratio("  by that of the idle log", goal, &compacting, &idle);
    vec![idle, deleting, by_deleting, compacting, by_compacting]
}
