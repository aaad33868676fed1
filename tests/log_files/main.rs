//! A log's files against Apache Kafka: its tools read ours, we read and continue its, it reads and
//! continues what we continued.

#[path = "../support/mod.rs"]
mod support;

mod disk;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use forebay::config::TopicConfig;
use forebay::log::checkpoint::decode_partition_metadata;
use forebay::log::storage::{DirectoryIndex, Durability, StorageOutbox, StorageOwner, StoragePath};
use forebay::log::{AppendOrigin, Log, LogIdentity, LogProgress, OpenMode, ReadPlan, ReadRequest};
use forebay::model::{Offset, Uuid};
use forebay::protocol::compression::Compression;
use forebay::protocol::record_batch::{Batches, RecordBatch, RecordBatchBuilder};
use forebay::stdx::{Instant, Now, Random};

use disk::Disk;
use support::{Broker, Kind, Lab, needs};

const NOW: Now = Now {
    instant: Instant::from_nanos(0),
    wall_ms: 1_700_000_000_000,
};

const CLEAN: OpenMode = OpenMode::Existing {
    is_clean: true,
    log_start_offset: None,
    recovery_point: None,
};

/// A partition on real files.
struct Partition {
    disk: Disk,
    log: Log,
    outbox: StorageOutbox,
}

impl Partition {
    fn open(
        root: PathBuf,
        folder: &str,
        topic_id: Uuid,
        config: TopicConfig,
        mode: OpenMode,
    ) -> Self {
        let identity = LogIdentity {
            topic: Arc::from("t"),
            topic_id,
            partition: 0,
            folder: StoragePath::new(DirectoryIndex(0), folder),
            owner: StorageOwner::default(),
        };
        let log = Log::open(identity, Arc::new(config), mode, Random::from_seed(1));
        let mut partition = Self {
            disk: Disk::new(root),
            log,
            outbox: StorageOutbox::default(),
        };
        assert_eq!(partition.settle(), [LogProgress::Opened]);
        partition
    }

    fn settle(&mut self) -> Vec<LogProgress> {
        let mut told = Vec::new();
        loop {
            self.log.flush(NOW, &mut self.outbox);
            while let Some(progress) = self.log.next_progress() {
                told.push(progress);
            }
            let Some((ticket, request)) = self.outbox.next_request() else {
                return told;
            };
            let outcome = self.disk.perform(request);
            self.log.on_storage(NOW, ticket.sequence, Ok(outcome));
        }
    }

    fn append(&mut self, batch: RecordBatch) {
        let appended = self.log.append(NOW, vec![batch], 0, AppendOrigin::Client);
        let appended = appended.expect("it is appended");
        self.settle();
        assert!(self.log.durable_end_offset() > appended.last_offset);
    }

    fn close(mut self) {
        self.log.close(Durability::Synced);
        assert_eq!(self.settle().last(), Some(&LogProgress::Closed));
    }

    /// The values of all records.
    fn values(&mut self) -> Vec<String> {
        self.log.trim_cache(0);
        let (mut offset, mut values) = (self.log.log_start_offset(), Vec::new());
        while offset < self.log.log_end_offset() {
            let request = ReadRequest {
                offset,
                bytes_max: 100_000,
                upper: Offset::MAX,
                at_least_one: true,
            };
            let records = match self.log.plan_read(request).expect("it is there") {
                ReadPlan::Ready(records) => records,
                ReadPlan::Disk(read) => {
                    self.log.start_read(read);
                    match self.settle().pop() {
                        Some(LogProgress::ReadFinished { result, .. }) => result.expect("sound"),
                        other => panic!("{other:?}"),
                    }
                }
            };
            for batch in Batches::new(records.slices.concat().into()) {
                let records = batch.expect("a batch").records(1 << 20).expect("records");
                for record in &records {
                    let value = record.expect("a record").value.expect("a value").to_vec();
                    values.push(String::from_utf8(value).expect("text"));
                }
            }
            offset = records.next_offset;
        }
        values
    }
}

/// Segments of a few batches, so that there are several of them.
fn small_segments() -> TopicConfig {
    TopicConfig {
        segment_bytes: 20_000,
        index_interval_bytes: 1000,
        ..TopicConfig::default()
    }
}

fn batch(number: i32) -> RecordBatch {
    let compression = match number % 5 {
        0 => Compression::None,
        1 => Compression::Gzip,
        2 => Compression::Snappy,
        3 => Compression::Lz4,
        _ => Compression::Zstd,
    };
    let mut builder = RecordBatchBuilder::new()
        .compression(compression, None)
        .producer(100 + i64::from(number % 3), 0, Some(number / 3 * 10));
    for record in 0..10 {
        let value = format!("value {number} {record} {}", "x".repeat(50));
        let timestamp = NOW.wall_ms + i64::from(number * 10 - number % 7 * 25);
        builder.append(timestamp, Some(b"key"), Some(value.as_bytes()), &[]);
    }
    builder.finish()
}

fn topic_id() -> Uuid {
    Uuid::parse("aMGSQPawRRSkMeZNL0Xbgg").expect("an id")
}

fn files_of(folder: &Path, end: &str) -> Vec<String> {
    let mut files: Vec<String> = fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").path().display().to_string())
        .filter(|name| name.ends_with(end))
        .collect();
    files.sort();
    files
}

fn dump(lab: &Lab, files: &[String], args: &[&str]) -> String {
    let output = lab
        .java("org.apache.kafka.tools.DumpLogSegments", 60)
        .args(args)
        .args(["--files", &files.join(",")])
        .run()
        .succeeded();
    format!("{}{}", output.stdout, output.stderr)
}

#[test]
fn kafka_dump_log_reads_every_file_of_a_stopped_partition() {
    let lab = needs!(Java);
    let root = tempfile::tempdir().expect("a directory");
    let at = root.path().to_owned();
    let mut partition = Partition::open(
        at.clone(),
        "t-0",
        topic_id(),
        small_segments(),
        OpenMode::Create,
    );
    for number in 0..300 {
        partition.append(batch(number));
    }
    assert!(partition.log.segments_count() > 2);
    partition.close();
    let folder = at.join("t-0");
    let logs = dump(
        &lab,
        &files_of(&folder, ".log"),
        &["--deep-iteration", "--print-data-log"],
    );
    assert_eq!(logs.matches(" payload: value ").count(), 3000);
    assert_eq!(logs.matches("isvalid: true").count(), 300);
    assert!(logs.contains("| offset: 2999 "), "{logs}");
    for complaint in [
        "invalid bytes",
        "isvalid: false",
        "non-consecutive",
        "Exception",
    ] {
        assert!(!logs.contains(complaint), "{complaint}");
    }
    for kind in [".index", ".timeindex"] {
        let files = files_of(&folder, kind);
        let indexes = dump(&lab, &files, &[]).to_lowercase();
        for complaint in [
            "mismatch",
            "not found",
            "out of order",
            "corrupt",
            "exception",
        ] {
            assert!(!indexes.contains(complaint), "{indexes}");
        }
        assert!(indexes.matches("offset: ").count() > 20, "{indexes}");
    }
    let snapshots = dump(&lab, &files_of(&folder, "3000.snapshot"), &[]);
    for id in 100..103 {
        let expected = format!("producerId: {id} producerEpoch: 0 ");
        assert!(snapshots.contains(&expected), "{snapshots}");
    }
    assert_eq!(
        snapshots.matches("lastSequence: 999").count(),
        3,
        "{snapshots}"
    );
}

#[test]
fn kafka_dump_log_finds_the_end_of_a_partition_that_is_being_written() {
    let lab = needs!(Java);
    let root = tempfile::tempdir().expect("a directory");
    let at = root.path().to_owned();
    let mut partition = Partition::open(
        at.clone(),
        "t-0",
        topic_id(),
        small_segments(),
        OpenMode::Create,
    );
    for number in 0..5 {
        partition.append(batch(number));
    }
    let logs = dump(
        &lab,
        &files_of(&at.join("t-0"), ".log"),
        &["--deep-iteration"],
    );
    assert_eq!(logs.matches("isvalid: true").count(), 5, "{logs}");
    assert!(logs.contains("invalid bytes at the end"), "{logs}");
    assert!(!logs.contains("Exception"), "{logs}");
}

#[test]
fn a_partition_goes_on_under_kafka_and_under_us_in_turn() {
    let lab = needs!(Java);
    let settings = [("log.segment.bytes", "1048576")];
    let mut broker = Broker::start(&lab, Kind::Kafka, &settings);
    let bootstrap = broker.bootstrap();
    let create = ["--create", "--topic", "t", "--partitions", "1"];
    broker
        .tool("org.apache.kafka.tools.TopicCommand", &create)
        .run()
        .succeeded();
    let produce = |broker: &Broker, from: u32| {
        let lines: String = (from..from + 2000)
            .map(|number| format!("value {number} {}\n", "y".repeat(900)))
            .collect();
        broker
            .tool("org.apache.kafka.tools.ConsoleProducer", &["--topic", "t"])
            .input(&lines)
            .run()
            .succeeded();
    };
    produce(&broker, 0);
    broker.stop();

    let metadata = fs::read(broker.data().join("t-0/partition.metadata")).expect("Kafka's file");
    let id = decode_partition_metadata(&metadata).expect("a topic id");
    let config = TopicConfig {
        segment_bytes: 1_048_576,
        ..TopicConfig::default()
    };
    let mut partition = Partition::open(broker.data(), "t-0", id, config, CLEAN);
    assert_eq!(partition.log.log_end_offset(), 2000);
    assert_eq!(partition.log.active_producers().len(), 1);
    for number in 0..300 {
        partition.append(batch(number));
    }
    let values = partition.values();
    assert_eq!(values.len(), 5000);
    assert!(values[1999].starts_with("value 1999 y"), "{}", values[1999]);
    partition.close();

    broker.resume();
    produce(&broker, 2000);
    let consumed = broker
        .tool(
            "org.apache.kafka.tools.consumer.ConsoleConsumer",
            &["--topic", "t", "--from-beginning", "--max-messages", "7000"],
        )
        .run()
        .succeeded();
    let lines: Vec<&str> = consumed.stdout.lines().collect();
    assert_eq!(lines.len(), 7000, "from {bootstrap}");
    assert_eq!(lines[..5000], values);
    assert!(lines[6999].starts_with("value 3999 y"));
    broker.stop();
    assert!(!broker.log().contains("Recovering"), "{}", broker.log());
}
