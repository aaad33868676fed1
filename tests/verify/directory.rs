//! Directories to be verified: what a broker left at a clean stop, or when it was killed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use forebay::protocol::AnyResponse;
use forebay::protocol::compression::Compression;
use forebay::protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use forebay::protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use forebay::protocol::messages::{CreateTopicsRequest, DeleteRecordsRequest};
use forebay::protocol::record_batch::RecordBatchBuilder;
use serde_json::Value;

use crate::broker::{Broker, Client, produce, produced_code};

const HOUR_MS: i64 = 3_600_000;

/// Where the log of `plain` begins: inside of its first segment.
pub const PLAIN_START: i64 = 8;

/// How many records were produced to `plain`.
pub const PLAIN_END: i64 = 60;

/// A copy of a broker's directory, which goes with the value.
pub struct Directory {
    pub path: PathBuf,
}

impl Directory {
    fn copy_of(original: &Path) -> Self {
        static COPIES: AtomicU32 = AtomicU32::new(0);
        let number = COPIES.fetch_add(1, Ordering::Relaxed);
        let name = format!("verify-copy-{}-{number}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        drop(fs::remove_dir_all(&path));
        let copied = Command::new("cp")
            .arg("-a")
            .args([original, &path])
            .status();
        assert!(copied.expect("cp is there").success());
        Self { path }
    }

    /// What a clean stop left: segments of all compressions by idempotent producers, of which the
    /// first records were deleted, a compacted topic, an empty one, and a group's offsets.
    pub fn stopped() -> Self {
        static STOPPED: OnceLock<PathBuf> = OnceLock::new();
        Self::copy_of(STOPPED.get_or_init(|| {
            let settings = ["log.cleaner.backoff.ms=10", "log.segment.delete.delay.ms=1"];
            let broker = Broker::start_with("verified", &settings);
            fill(&broker);
            broker.stop()
        }))
    }

    /// What was left by a broker that was killed when a few records were in its journal only.
    pub fn killed() -> Self {
        static KILLED: OnceLock<PathBuf> = OnceLock::new();
        Self::copy_of(KILLED.get_or_init(|| {
            let broker = Broker::start_with("killed", &[]);
            let mut client = Client::connect(broker.kafka, "test");
            client.create("small");
            for number in 0..5 {
                append(&mut client, "small", batch(number, 0, Compression::None));
            }
            broker.kill()
        }))
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The files of the folder `folder` whose names end with `end`, in their order.
    pub fn files(&self, folder: &str, end: &str) -> Vec<String> {
        let entries = fs::read_dir(self.file(folder)).expect("the folder is there");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        let names = names.map(|name| name.into_string().expect("names are text"));
        let mut names: Vec<String> = names.filter(|name| name.ends_with(end)).collect();
        names.sort();
        let join = |name: String| match folder {
            "" => name,
            folder => format!("{folder}/{name}"),
        };
        names.into_iter().map(join).collect()
    }

    /// Change one bit.
    pub fn flip(&self, name: &str, byte: usize, bit: usize) {
        let mut file = self.read(name);
        file[byte] ^= 1 << bit;
        fs::write(self.file(name), file).expect("target/ can be written");
    }

    /// Run `forebay verify` with these arguments.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_forebay"));
        command.args(["verify", "--data-dir"]).arg(&self.path);
        command
            .args(arguments)
            .output()
            .expect("the binary can be started")
    }

    /// What it tells a program, and that its exit status says the same.
    #[track_caller]
    pub fn verify(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[&["--json"], arguments].concat());
        let told = String::from_utf8_lossy(&output.stdout);
        let told: Value =
            serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {output:?}"));
        let status = i32::from(told["sound"] != true);
        assert_eq!(output.status.code(), Some(status), "{told}");
        told
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            drop(fs::remove_dir_all(&self.path));
        }
    }
}

/// The faults, each with the name of its file within the directory.
pub fn faults(told: &Value, directory: &Directory) -> Vec<(String, Value)> {
    let faults = told["faults"].as_array().expect("a list of faults");
    let root = directory
        .path
        .canonicalize()
        .expect("the directory is there");
    let name = |fault: &Value| {
        let file = Path::new(fault["file"].as_str().expect("a file"));
        let name = file
            .strip_prefix(&directory.path)
            .or_else(|_| file.strip_prefix(&root));
        name.expect("it is in the directory").display().to_string()
    };
    faults
        .iter()
        .map(|fault| (name(fault), fault.clone()))
        .collect()
}

fn create(client: &mut Client, name: &str, configs: &[(&str, &str)]) {
    let configs = configs.iter().map(|(name, value)| CreatableTopicConfig {
        name: (*name).to_owned(),
        value: Some((*value).to_owned()),
        ..Default::default()
    });
    let topic = CreatableTopic {
        name: name.to_owned(),
        num_partitions: 1,
        replication_factor: 1,
        configs: configs.collect(),
        ..Default::default()
    };
    let created = client.ask(CreateTopicsRequest {
        topics: vec![topic],
        timeout_ms: 10_000,
        ..Default::default()
    });
    assert!(
        matches!(&created, AnyResponse::CreateTopics(created)
            if created.topics[0].error_code == 0),
        "{created:?}"
    );
}

/// Batch `number` of a producer: five records with a time of `hours`.
fn batch(number: i32, hours: i64, compression: Compression) -> RecordBatchBuilder {
    let mut builder = RecordBatchBuilder::new()
        .compression(compression, None)
        .producer(7, 0, Some(number * 5));
    for record in 0..5 {
        let value = format!("value {number} {record} {}", "x".repeat(100));
        let timestamp = 1_700_000_000_000 + hours * HOUR_MS + i64::from(number);
        builder.append(timestamp, Some(b"key"), Some(value.as_bytes()), &[]);
    }
    builder
}

fn append(client: &mut Client, topic: &str, batch: RecordBatchBuilder) {
    let request = produce(topic, batch.finish().to_bytes());
    client.ask_until(request, |response| produced_code(response) == 0);
}

fn fill(broker: &Broker) {
    let mut client = Client::connect(broker.kafka, "test");
    let plain = [
        ("segment.ms", "1000"),
        ("index.interval.bytes", "100"),
        ("retention.ms", "-1"),
    ];
    create(&mut client, "plain", &plain);
    let compressions = [
        Compression::None,
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ];
    for (number, compression) in (0..12).zip(compressions.into_iter().cycle()) {
        // A segment for every hour.
        append(
            &mut client,
            "plain",
            batch(number, i64::from(number / 4), compression),
        );
    }
    let partition = DeleteRecordsPartition {
        offset: PLAIN_START,
        ..Default::default()
    };
    let delete = DeleteRecordsRequest {
        topics: vec![DeleteRecordsTopic {
            name: "plain".to_owned(),
            partitions: vec![partition],
            ..Default::default()
        }],
        timeout_ms: 10_000,
        ..Default::default()
    };
    client.ask_until(delete, |response| {
        matches!(response, AnyResponse::DeleteRecords(deleted)
            if deleted.topics[0].partitions[0].error_code == 0)
    });
    create(&mut client, "empty", &[]);
    create(
        &mut client,
        "compacted",
        &[("cleanup.policy", "compact"), ("segment.ms", "1000")],
    );
    for hours in 0..6 {
        let mut builder = RecordBatchBuilder::new();
        let timestamp = 1_700_000_000_000 + hours * HOUR_MS;
        builder.append(timestamp, Some(b"key"), Some(&[b'v'; 1000]), &[]);
        append(&mut client, "compacted", builder);
    }
    let segments = "forebay_log_segments{topic=\"compacted\",partition=\"0\"} ";
    let is_compacted = (0..1000).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        let text = broker.told("/metrics");
        let count = text.lines().find_map(|line| line.strip_prefix(segments));
        let folder = fs::read_dir(broker.dir().join("compacted-0")).expect("a folder");
        let names = folder.flatten().map(|entry| entry.file_name());
        let mut names = names.map(|name| name.to_string_lossy().into_owned());
        count.and_then(|count| count.parse::<u32>().ok()) <= Some(3)
            && !names.any(|name| name.ends_with(".deleted"))
    });
    assert!(is_compacted, "{}", broker.log());
    client.commit("group", "plain", 30);
}
