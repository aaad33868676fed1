//! Large batches one behind the other, to segments that are new and to those that are used again.

use crate::device::Device;
use crate::load::{Load, Measured, Work, create_topic, delete_topic};
use crate::pair::{Kind, Run, settle};
use crate::sink;
use crate::table::{Goal, Row};

/// Two files of the device, eight blocks at a time in each.
const LOAD: Load = Load {
    work: Work::Produce,
    connections: 2,
    partitions_per_connection: 1,
    in_flight: 8,
    records_per_batch: 63,
    record_bytes: 1024,
};

/// What is deleted goes soon, so that a round does not end with a full disk.
const SETTINGS: [(&str, &str); 4] = [
    // The records of the load claim to be from 1970.
    ("log.retention.ms", "-1"),
    ("log.retention.check.interval.ms", "1000"),
    ("log.segment.delete.delay.ms", "1000"),
    ("log.segment.bytes", "268435456"),
];

/// A log that is cut behind as fast as it grows in front.
const DELETING: [(&str, &str); 2] = [
    ("retention.bytes", "536870912"),
    ("file.delete.delay.ms", "1000"),
];

/// Windows until the first segments of a log were deleted and are used again.
const WARM_UP_WINDOWS: usize = 2;

const PART_OF_DEVICE: f64 = 0.7;

struct Rows {
    throughput: Row,
    cpu: Row,
    busy: Row,
}

impl Rows {
    fn new(what: &str) -> Self {
        let figure = format!("64 KiB, 2 x 8 in flight, {what}");
        Self {
            throughput: Row::new(&figure, "MB/s", Goal::PartOfDevice(PART_OF_DEVICE)),
            cpu: Row::new("  CPU time of the broker for a GB", "s", Goal::Nothing),
            busy: Row::new("  of the machine's CPU time", "%", Goal::Nothing),
        }
    }

    fn push(&mut self, kind: Kind, measured: &Measured) {
        self.throughput.of(kind).push(measured.megabytes_per_second);
        self.cpu.of(kind).push(measured.cpu_seconds_per_gigabyte);
        self.busy.of(kind).push(measured.busy * 100.0);
    }
}

pub fn measure(run: &Run) -> Vec<Row> {
    let (mut fresh, mut again) = (Rows::new("new segments"), Rows::new("used again"));
    let mut network = Row::new("  the client and the network alone", "MB/s", Goal::Nothing);
    let brokers = run.start(&SETTINGS);
    for one in &brokers {
        create_topic(&one.server, "again", LOAD.connections, &DELETING);
        for _ in 0..WARM_UP_WINDOWS {
            LOAD.run_on(&one.server, "again", run.duration);
        }
        settle();
    }
    let device = Device::new(&run.folder);
    for round in 0..run.rounds {
        let limits = [device.new_write(), device.written_write()];
        let [new, written] = limits.map(|limit| limit.megabytes_per_second);
        fresh.throughput.device.push(new);
        again.throughput.device.push(written);
        let alone = LOAD.run(&sink::start(&run.folder), run.duration);
        network.device.push(alone.megabytes_per_second);
        run.tell(
            "device",
            &format!(
                "new {new:.0} MB/s, written before {written:.0} MB/s; network alone {:.0} MB/s",
                alone.megabytes_per_second
            ),
        );
        for one in &brokers {
            let topic = format!("new-{round}");
            create_topic(&one.server, &topic, LOAD.connections, &[]);
            for (topic, rows) in [(&*topic, &mut fresh), ("again", &mut again)] {
                let measured = LOAD.run_on(&one.server, topic, run.duration);
                let throughput = measured.megabytes_per_second;
                run.tell(&one.name(), &format!("{topic}: {throughput:.0} MB/s"));
                rows.push(one.kind, &measured);
                if topic != "again" {
                    delete_topic(&one.server, topic);
                }
                settle();
            }
        }
    }
    let Rows {
        throughput,
        cpu,
        busy,
    } = again;
    vec![
        fresh.throughput,
        fresh.cpu,
        fresh.busy,
        throughput,
        cpu,
        busy,
        network,
    ]
}
