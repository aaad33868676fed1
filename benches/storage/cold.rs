//! A topic that is on the disk and nowhere else: how fast it is read, and what that does to those
//! who produce meanwhile.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::device::Device;
use crate::load::{Filled, Latency, Paced, create_topic};
use crate::pair::{Kind, Run, Running, settle};
use crate::table::{Goal, Row};

const PARTITIONS: i32 = 4;

/// A consumer has one fetch under way, so as many blocks of the device.
const CONSUMERS: [i32; 2] = [1, 4];

const PART_OF_DEVICE: f64 = 0.7;

/// How much a reader of old data may raise the latency of those who produce.
const RAISED_MAX: f64 = 1.5;

/// Nothing is deleted: the records of the load claim to be from 1970.
const SETTINGS: [(&str, &str); 1] = [("log.retention.ms", "-1")];

const PRODUCER: Paced = Paced {
    topic: "fresh",
    requests_per_second: 1000,
    records_per_batch: 1,
    record_bytes: 1024,
};

pub fn measure(run: &Run) -> Vec<Row> {
    let mut reads = CONSUMERS.map(|consumers| {
        let figure = format!("cold read of {} GB, {consumers} consumers", run.gigabytes);
        let throughput = Row::new(&figure, "MB/s", Goal::PartOfDevice(PART_OF_DEVICE));
        let cpu = Row::new("  CPU time of the broker for a GB", "s", Goal::Nothing);
        (throughput, cpu)
    });
    let mut alone = Row::new("1 KiB, 1000/s, p99", "us", Goal::Nothing);
    let mut beside = Row::new("  beside a reader of old data", "us", Goal::Nothing);
    let mut brokers = run.start(&SETTINGS);
    let filled: Vec<_> = brokers
        .iter()
        .map(|one| {
            run.tell(&one.name(), "producing");
            create_topic(&one.server, PRODUCER.topic, 1, &[]);
            let filled = Filled::fill(&one.server, PARTITIONS, run.gigabytes * 1_000_000_000);
            settle();
            filled
        })
        .collect();
    let device = Device::new(&run.folder);
    for _ in 0..run.rounds {
        for (consumers, (throughput, _)) in CONSUMERS.iter().zip(&mut reads) {
            let limit = device.read(*consumers).megabytes_per_second;
            run.tell("device", &format!("{consumers} at a time: {limit:.0} MB/s"));
            throughput.device.push(limit);
        }
        for (one, filled) in brokers.iter_mut().zip(&filled) {
            for (consumers, (throughput, cpu)) in CONSUMERS.iter().zip(&mut reads) {
                evict(one);
                let reading = filled.read(&one.server, *consumers, run.duration);
                let megabytes = reading.megabytes_per_second;
                run.tell(
                    &one.name(),
                    &format!("{consumers} consumers: {megabytes:.0} MB/s"),
                );
                throughput.of(one.kind).push(megabytes);
                cpu.of(one.kind).push(reading.cpu_seconds_per_gigabyte);
            }
            evict(one);
            let quiet = PRODUCER.run(&one.server, run.duration);
            let disturbed = beside_a_reader(run, one, filled);
            run.tell(
                &one.name(),
                &format!(
                    "p99 {:.0} us, with a reader {:.0} us",
                    quiet.p99_us, disturbed.p99_us
                ),
            );
            alone.of(one.kind).push(quiet.p99_us);
            beside.of(one.kind).push(disturbed.p99_us);
        }
    }
    let raised = Row::ratio(
        "  by that of the producer alone",
        Goal::AtMost(RAISED_MAX),
        &beside,
        &alone,
    );
    let reads = reads
        .into_iter()
        .flat_map(|(throughput, cpu)| [throughput, cpu]);
    reads.chain([alone, beside, raised]).collect()
}

fn beside_a_reader(run: &Run, one: &Running, filled: &Filled) -> Latency {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| filled.read_until(&one.server, 1, &is_over));
        let latency = PRODUCER.run(&one.server, run.duration);
        if reader.is_finished() {
            run.tell(
                &one.name(),
                "the reader was done before the producer: more --gigabytes",
            );
        }
        is_over.store(true, Ordering::Relaxed);
        reader.join().expect("a consumer does not fail");
        latency
    })
}

/// Leave a broker nothing of its records in memory.
fn evict(one: &mut Running) {
    if one.kind == Kind::Kafka {
        settle();
        evict_files(&one.folder);
    } else {
        // Its cache is its own.
        one.broker.restart(&mut one.server);
    }
}

/// Have the page cache let go of every file below `folder`.
fn evict_files(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            evict_files(&path);
        } else if path.extension().is_some_and(|extension| extension == "log") {
            let input = format!("if={}", path.display());
            let mut command = Command::new("dd");
            command.args([&*input, "iflag=nocache", "count=0", "status=none"]);
            let status = command.status().expect("dd is there");
            assert!(status.success(), "a log can be evicted");
        }
    }
}
