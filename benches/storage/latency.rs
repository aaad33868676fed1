//! One partition, one connection, one request in flight: what a synced acknowledgement takes.

use crate::device::Device;
use crate::load::{Load, Work};
use crate::pair::{Run, settle};
use crate::table::{Goal, Row};

const LOAD: Load = Load {
    work: Work::Produce,
    connections: 1,
    partitions_per_connection: 1,
    in_flight: 1,
    records_per_batch: 1,
    record_bytes: 1024,
};

/// What a broker may add to a write of the device.
const ADDED_US: f64 = 100.0;

pub fn measure(run: &Run) -> Vec<Row> {
    let mut p50 = Row::new("1 KiB, one in flight, p50", "us", Goal::DeviceAnd(ADDED_US));
    let mut p99 = Row::new("1 KiB, one in flight, p99", "us", Goal::Nothing);
    let brokers = run.start(&[]);
    for one in &brokers {
        LOAD.run(&one.server, run.duration);
    }
    let device = Device::new(&run.folder);
    for _ in 0..run.rounds {
        settle();
        let limit = device.small_write();
        run.tell("device", &format!("{:.0} us", limit.p50_us));
        p50.device.push(limit.p50_us);
        for one in &brokers {
            let measured = LOAD.run(&one.server, run.duration);
            run.tell(&one.name(), &format!("{:.0} us", measured.p50_us));
            p50.of(one.kind).push(measured.p50_us);
            p99.of(one.kind).push(measured.p99_us);
            settle();
        }
    }
    vec![p50, p99]
}
