//! Many producers of small records, to few partitions and to many.

use crate::load::{Crowd, create_topic};
use crate::pair::{Kind, Run, Running, settle};
use crate::table::{Goal, Row};

/// Partitions of each of the topics that have many together: Kafka makes less than ten thousand
/// by one request.
const PARTITIONS_PER_TOPIC: i32 = 1000;
const MANY: i32 = 10_000;
const FEW: i32 = 10;
const PRODUCERS: usize = 200;

/// Nothing is deleted: the records of the load claim to be from 1970.
const SETTINGS: [(&str, &str); 1] = [("log.retention.ms", "-1")];

/// How much 10,000 partitions that nobody uses may take of the memory.
const IDLE_MEGABYTES_MAX: f64 = 1073.7;

pub fn measure(run: &Run) -> Vec<Row> {
    let few = vec![("few".to_owned(), FEW)];
    let many: Vec<_> = (0..MANY / PARTITIONS_PER_TOPIC)
        .map(|number| (format!("many-{number}"), PARTITIONS_PER_TOPIC))
        .collect();
    let mut idle = Row::new(
        "10,000 idle partitions",
        "MB",
        Goal::AtMost(IDLE_MEGABYTES_MAX),
    );
    let brokers = run.start(&SETTINGS);
    for one in &brokers {
        for (topic, partitions) in few.iter().chain(&many) {
            create_topic(&one.server, topic, *partitions, &[]);
        }
        let megabytes = one.server.resident_bytes() / 1e6;
        run.tell(
            &one.name(),
            &format!("10,000 partitions, {megabytes:.0} MB"),
        );
        idle.of(one.kind).push(megabytes);
    }
    let new = |topics| Crowd {
        producers: PRODUCERS,
        topics,
        record_bytes: 100,
    };
    let (few, many) = (new(&few), new(&many));
    let mut of_few = Row::new("200 producers, 100 B, 10 partitions", "k/s", Goal::Nothing);
    let mut of_many = Row::new(
        "200 producers, 100 B, 10,000 partitions",
        "k/s",
        Goal::TimesKafka(5.0),
    );
    let mut cpu = Row::new("  CPU time of the broker for a record", "us", Goal::Nothing);
    let mut busy = Row::new("  of the machine's CPU time", "%", Goal::Nothing);
    let window = |one: &Running, crowd: &Crowd, name: &str| {
        let measured = crowd.run(&one.server, run.duration);
        let thousands = measured.megabytes_per_second * 1e3 / crowd.batch_bytes() as f64;
        let us = measured.cpu_seconds_per_gigabyte * crowd.batch_bytes() as f64 / 1e3;
        run.tell(
            &one.name(),
            &format!("{name}: {thousands:.1} k/s, {us:.1} us of CPU time for each"),
        );
        settle();
        (thousands, us, measured.busy * 100.0)
    };
    for one in &brokers {
        // What compiles its code as it runs needs longer to get warm.
        for _ in 0..if one.kind == Kind::Kafka { 2 } else { 1 } {
            window(one, &few, "10 partitions, warming up");
            window(one, &many, "10,000 partitions, warming up");
        }
    }
    for _ in 0..run.rounds {
        for one in &brokers {
            of_few
                .of(one.kind)
                .push(window(one, &few, "10 partitions").0);
            let (thousands, us, percent) = window(one, &many, "10,000 partitions");
            of_many.of(one.kind).push(thousands);
            cpu.of(one.kind).push(us);
            busy.of(one.kind).push(percent);
        }
    }
    let ratio = Row::ratio(
        "  against 10 partitions",
        Goal::AtLeast(0.8),
        &of_many,
        &of_few,
    );
    vec![idle, of_few, of_many, ratio, cpu, busy]
}
