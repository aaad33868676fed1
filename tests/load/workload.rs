//! Real clients that produce while something happens to their broker, and what must be there then.
#![allow(dead_code, reason = "each test binary uses its own part of it")]

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

/// How clients are started.
#[derive(Clone, Copy)]
pub struct Clients<'a> {
    pub lab: &'a Lab,
    /// `bootstrap.servers`
    pub server: &'a str,
    /// What they are told by their environment.
    pub environment: &'a [(&'a str, &'a str)],
    /// The network namespace in which they run; this process's if there is none.
    pub namespace: Option<&'a str>,
}

impl<'a> Clients<'a> {
    /// Clients of `server` that are told nothing else.
    pub const fn new(lab: &'a Lab, server: &'a str) -> Self {
        Self {
            lab,
            server,
            environment: &[],
            namespace: None,
        }
    }

    fn prepare(&self, program: Program) -> Program {
        let environment = self.environment.iter();
        let program = environment.fold(program, |program, (name, value)| program.env(name, value));
        match self.namespace {
            Some(namespace) => program.in_namespace(namespace),
            None => program,
        }
    }
}

/// A time in which some partition acknowledged nothing, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pause {
    pub began_ms: u64,
    pub length_ms: u64,
}

/// What became of a load.
pub struct Finished {
    pub acknowledged: Vec<Record>,
    /// Those that librdkafka met, of a tenth of a second and longer.
    pub pauses: Vec<Pause>,
}

impl Load {
    /// Begins to produce, small and large records from several producers; all of them wait for the
    /// acknowledgement of every replica and send again what was not acknowledged. Returns when each
    /// client has got one.
    pub fn start(lab: &Lab, broker: &Broker, seed: u64) -> Self {
        Self::of(Clients::new(lab, &broker.bootstrap()), seed)
    }

    /// The same with clients as they are told.
    pub fn of(clients: Clients<'_>, seed: u64) -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("load-{number}"));
        drop(fs::remove_dir_all(&folder));
        fs::create_dir_all(&folder).expect("target/ can be written");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/load/Acknowledged.java");
        let programs = [
            clients
                .lab
                .python("load/acknowledged.py", CLIENT_SECONDS_MAX),
            clients.lab.java(source, CLIENT_SECONDS_MAX),
        ];
        let programs = programs.map(|program| clients.prepare(program));
        let (server, seed) = (clients.server, seed.to_string());
        let path = |name: &str| folder.join(name).display().to_string();
        let start = |(number, program): (usize, Program)| {
            let (begun, end) = (path(&begun(number)), path(END));
            let args = ["produce", server, TOPIC, PARTITIONS, &begun, &end, &seed];
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
        self.finish_telling().acknowledged
    }

    /// The same with the pauses that they met.
    #[track_caller]
    pub fn finish_telling(self) -> Finished {
        File::create(self.folder.join(END)).expect("target/ can be written");
        let (mut acknowledged, mut pauses) = (Vec::new(), Vec::new());
        for client in self.clients {
            let output = client.join().expect("a client's thread ends").succeeded();
            for line in output.stderr.lines() {
                match pause_of(line) {
                    Some(pause) => pauses.push(pause),
                    None => tell(&format!("{line}\n")),
                }
            }
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
        Finished {
            acknowledged,
            pauses,
        }
    }
}

/// What a line `pause BEGAN LENGTH` tells.
fn pause_of(line: &str) -> Option<Pause> {
    let (began, length) = line.strip_prefix("pause ")?.split_once(' ')?;
    Some(Pause {
        began_ms: began.parse().ok()?,
        length_ms: length.parse().ok()?,
    })
}

/// All that a reader finds.
#[track_caller]
pub fn read(lab: &Lab, broker: &Broker) -> Vec<Record> {
    read_for(Clients::new(lab, &broker.bootstrap()))
}

#[track_caller]
fn read_for(clients: Clients<'_>) -> Vec<Record> {
    let reader = clients
        .lab
        .python("load/acknowledged.py", CLIENT_SECONDS_MAX);
    let reader = clients.prepare(reader);
    let args = ["read", clients.server, TOPIC];
    records(&reader.args(args).run().succeeded().stdout)
}

/// Asserts that a reader finds what was acknowledged: all of it, in order, once.
#[track_caller]
pub fn assert_is_kept(lab: &Lab, broker: &Broker, acknowledged: &[Record]) {
    assert_is_kept_for(Clients::new(lab, &broker.bootstrap()), acknowledged);
}

/// The same with a reader as it is told.
#[track_caller]
pub fn assert_is_kept_for(clients: Clients<'_>, acknowledged: &[Record]) {
    let found = read_for(clients);
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

pub fn number_from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().expect("a number"))
}

#[track_caller]
fn records(lines: &str) -> Vec<Record> {
    let parse = |line| Record::parse(line).unwrap_or_else(|| panic!("{line} is no record"));
    lines.lines().map(parse).collect()
}
