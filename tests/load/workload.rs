//! Real clients that produce while something happens to their broker, and what must be there then.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use forebay::stdx::Random;

use super::history::{Record, faults};
use crate::support::{Broker, Lab, Output, Program};

/// Where the clients produce to.
pub const TOPIC: &str = "acknowledged";

const PARTITIONS: &str = "6";

/// What a broker needs to be told for the clients, and so that segments are rolled all the time.
pub const SETTINGS: [(&str, &str); 2] = [
    ("num.partitions", PARTITIONS),
    ("log.segment.bytes", "1048576"),
];

/// More than any of these tests takes.
const CLIENT_SECONDS_MAX: u32 = 600;

/// Fewer could mean that the clients hardly did anything.
const ACKNOWLEDGED_MIN: usize = 100;

/// The file at which clients end.
const END: &str = "end";

/// The file that says that a client has begun.
fn begun(client: usize) -> String {
    format!("begun-{client}")
}

/// librdkafka and the Java client at work.
pub struct Load {
    folder: PathBuf,
    clients: Vec<JoinHandle<Output>>,
}

impl Load {
    /// Begins to produce, small and large records from several producers; all of them wait for the
    /// acknowledgement of every replica and send again what was not acknowledged. Returns when each
    /// client has got one.
    pub fn start(lab: &Lab, broker: &Broker, seed: u64) -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("load-{number}"));
        drop(fs::remove_dir_all(&folder));
        fs::create_dir_all(&folder).expect("target/ can be written");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/load/Acknowledged.java");
        let programs = [
            lab.python("load/acknowledged.py", CLIENT_SECONDS_MAX),
            lab.java(source, CLIENT_SECONDS_MAX),
        ];
        let (server, seed) = (broker.bootstrap(), seed.to_string());
        let path = |name: &str| folder.join(name).display().to_string();
        let start = |(number, program): (usize, Program)| {
            let (begun, end) = (path(&begun(number)), path(END));
            let args = ["produce", &server, TOPIC, PARTITIONS, &begun, &end, &seed];
            let program = program.args(args);
            thread::spawn(move || program.run())
        };
        let clients: Vec<_> = programs.into_iter().enumerate().map(start).collect();
        let has_begun = |number, client: &JoinHandle<Output>| {
            client.is_finished() || folder.join(begun(number)).exists()
        };
        while !(clients.iter().enumerate()).all(|(number, client)| has_begun(number, client)) {
            thread::sleep(Duration::from_millis(10));
        }
        Self { folder, clients }
    }

    /// Lets the clients finish what they have sent; the records that were acknowledged to them.
    #[track_caller]
    pub fn finish(self) -> Vec<Record> {
        File::create(self.folder.join(END)).expect("target/ can be written");
        let mut acknowledged = Vec::new();
        for client in self.clients {
            let output = client.join().expect("a client's thread ends").succeeded();
            tell(&output.stderr);
            let of_client = records(&output.stdout);
            let count = of_client.len();
            assert!(
                count > ACKNOWLEDGED_MIN,
                "{} got {count} records acknowledged",
                output.shown
            );
            acknowledged.extend(of_client);
        }
        drop(fs::remove_dir_all(&self.folder));
        acknowledged
    }
}

/// All that a reader finds.
#[track_caller]
pub fn read(lab: &Lab, broker: &Broker) -> Vec<Record> {
    let reader = lab.python("load/acknowledged.py", CLIENT_SECONDS_MAX);
    let args = ["read", &broker.bootstrap(), TOPIC];
    records(&reader.args(args).run().succeeded().stdout)
}

/// Asserts that a reader finds what was acknowledged: all of it, in order, once.
#[track_caller]
pub fn assert_is_kept(lab: &Lab, broker: &Broker, acknowledged: &[Record]) {
    let found = read(lab, broker);
    let faults = faults(acknowledged, &found);
    tell(&format!(
        "{} records acknowledged, {} found\n",
        acknowledged.len(),
        found.len()
    ));
    assert!(
        faults.is_empty(),
        "{} faults, the first of them: {:#?}",
        faults.len(),
        &faults[..faults.len().min(5)]
    );
}

/// Randomness of a test with its seed, which is told; `FOREBAY_SEED` gives another run the same.
pub fn randomness() -> (u64, Random) {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.map_or(0, |since| since.subsec_nanos());
    let seed = number_from_environment("FOREBAY_SEED").unwrap_or(u64::from(now));
    tell(&format!("FOREBAY_SEED={seed}\n"));
    (seed, Random::from_seed(seed))
}

/// How many times something happens to a broker; `FOREBAY_ROUNDS` asks for fewer, or for more.
pub fn rounds(default: u64) -> u64 {
    number_from_environment("FOREBAY_ROUNDS").unwrap_or(default)
}

/// Waits for a random time.
pub fn pause(random: &mut Random, milliseconds: std::ops::Range<u64>) {
    let most = milliseconds.end - milliseconds.start;
    thread::sleep(Duration::from_millis(
        milliseconds.start + random.below(most),
    ));
}

/// Says something past the capture of test output, for who reads the log.
pub fn tell(text: &str) {
    io::stderr()
        .write_all(text.as_bytes())
        .expect("stderr takes a line");
}

fn number_from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().expect("a number"))
}

#[track_caller]
fn records(lines: &str) -> Vec<Record> {
    let parse = |line| Record::parse(line).unwrap_or_else(|| panic!("{line} is no record"));
    lines.lines().map(parse).collect()
}
