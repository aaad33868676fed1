//! A broker with little memory, under every kind of load.

use crate::load::{Crowd, Filled, Load, Work, create_topic};
use crate::pair::{Kind, Run};
use crate::table::{Goal, Row};

/// One shard with as much memory as a small container has.
const SETTINGS: [(&str, &str); 3] = [
    ("forebay.memory.bytes", "268435456"),
    ("forebay.shards", "1"),
    ("log.retention.ms", "-1"),
];
const MEGABYTES_MAX: f64 = 268.5;

const LARGE: Load = Load {
    work: Work::Produce,
    connections: 2,
    partitions_per_connection: 2,
    in_flight: 32,
    records_per_batch: 63,
    record_bytes: 1024,
};

pub fn measure(run: &Run) -> Vec<Row> {
    let figure = "256 MiB, one shard, under load: most resident";
    let mut row = Row::new(figure, "MB", Goal::AtMost(MEGABYTES_MAX));
    let one = run.start_one(Kind::Forebay, &SETTINGS);
    let server = &one.server;
    let tell = |what: &str| {
        let megabytes = server.resident_bytes_max() / 1e6;
        run.tell(
            &one.name(),
            &format!("{what}: at most {megabytes:.0} MB resident"),
        );
        megabytes
    };
    tell("at rest");
    LARGE.run(server, run.duration);
    tell("after batches of 64 KiB");
    let fetch = Load {
        work: Work::Fetch,
        ..LARGE
    };
    fetch.run(server, run.duration);
    tell("after fetches");
    let filled = Filled::fill(server, 4, 1_000_000_000);
    filled.read(server, 4, run.duration);
    tell("after reading a GB from the disk");
    let topics = [("small".to_owned(), 1000)];
    create_topic(server, &topics[0].0, topics[0].1, &[]);
    let crowd = Crowd {
        producers: 200,
        topics: &topics,
        record_bytes: 100,
    };
    crowd.run(server, run.duration);
    row.forebay
        .push(tell("after 200 producers of small records"));
    vec![row]
}
