//! A log on a disk in memory: every step of its life, in any order of completions.

mod cleaning;
mod compacted_transactions;
mod damage;
mod deferral;
mod deletion;
pub(crate) mod disk;
mod epochs;
mod files;
mod following;
mod full_disk;
mod interrupted;
mod journalled;
mod predecessor;
mod random_life;
mod recycling;
mod reindexing;
mod resume_point;
mod serving;
mod transactions;
mod truncation;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::storage::{DirectoryIndex, Durability, StorageOutbox, StorageOwner, StoragePath};
use super::{
    AppendOrigin, Appended, DiskRead, FetchedRecords, FoundOffset, Log, LogFailure, LogIdentity,
    LogProgress, Lookup, OpenMode, ReadPlan, ReadRequest, TakenPoint,
};
use crate::config::TopicConfig;
use crate::model::{ErrorCode, Offset, Uuid};
use crate::protocol::record_batch::{RecordBatch, RecordBatchBuilder};
use crate::stdx::{Instant, Now, Random};
use disk::Disk;

const CLEAN: OpenMode = OpenMode::Existing {
    is_clean: true,
    log_start_offset: None,
    recovery_point: None,
};

const CRASHED: OpenMode = OpenMode::Existing {
    is_clean: false,
    log_start_offset: None,
    recovery_point: None,
};

/// A log, its disk, and what it told.
struct World {
    disk: Disk,
    log: Log,
    now: Now,
    random: Random,
    outbox: StorageOutbox,
    progress: Vec<LogProgress>,
    config: TopicConfig,
    /// How many files may be open at once.
    files_max: Option<usize>,
    /// What a checkpoint has kept of the log.
    resume_point: Option<Bytes>,
}

impl World {
    fn create(config: TopicConfig) -> Self {
        let mut world = Self::unopened(config, OpenMode::Create, 1);
        world.settle();
        assert_eq!(world.take_progress(), [LogProgress::Opened]);
        world
    }

    fn unopened(config: TopicConfig, mode: OpenMode, seed: u64) -> Self {
        let mut random = Random::from_seed(seed);
        Self {
            disk: Disk::default(),
            log: Log::open(identity(), Arc::new(config.clone()), mode, random.fork()),
            now: Now {
                instant: Instant::from_nanos(0),
                wall_ms: 1_000_000,
            },
            random,
            outbox: StorageOutbox::default(),
            progress: Vec::new(),
            config,
            files_max: None,
            resume_point: None,
        }
    }

    fn wait(&mut self, duration: Duration) {
        self.now.instant = self.now.instant + duration;
        self.now.wall_ms += i64::try_from(duration.as_millis()).unwrap();
    }

    /// The end of a turn.
    fn flush(&mut self) {
        let open = self.log.open_files();
        self.outbox
            .allow_files(self.files_max.map(|max| max - open.count));
        self.log.flush(self.now, &mut self.outbox);
        if self.log.is_short_of_files() && open.closing == 0 {
            self.log
                .close_unused_files(self.now, Duration::ZERO, &mut self.outbox);
        }
        self.disk.take(&mut self.outbox);
        assert!(
            self.files_max
                .is_none_or(|max| self.disk.open_files() <= max)
        );
        self.collect();
        self.log.check();
    }

    fn collect(&mut self) {
        while let Some(progress) = self.log.next_progress() {
            self.progress.push(progress);
        }
    }

    /// One completion, and the end of its turn; false if nothing was under way.
    fn step(&mut self) -> bool {
        let Some((ticket, result)) = self.disk.complete(&mut self.random) else {
            return false;
        };
        self.log.on_storage(self.now, ticket.sequence, result);
        self.flush();
        true
    }

    /// Until the disk has nothing more to do.
    fn settle(&mut self) {
        self.flush();
        while self.step() {}
    }

    fn take_progress(&mut self) -> Vec<LogProgress> {
        std::mem::take(&mut self.progress)
    }

    fn open(&mut self, mode: OpenMode) {
        let config = Arc::new(self.config.clone());
        self.log = Log::open(identity(), config, mode, self.random.fork());
        if let Some(point) = &self.resume_point {
            assert!(self.log.inherit_resume_point(1, point));
        }
        self.progress.clear();
        self.settle();
    }

    fn reopen(&mut self, mode: OpenMode) {
        self.open(mode);
        assert_eq!(self.take_progress(), [LogProgress::Opened]);
    }

    fn close(&mut self) {
        self.log.close(Durability::Synced);
        self.settle();
        assert_eq!(self.take_progress().last(), Some(&LogProgress::Closed));
        assert_eq!(self.disk.open_files(), 0);
    }

    fn crash(&mut self) {
        self.disk.crash(&mut self.random);
        self.outbox = StorageOutbox::default();
    }

    /// Keep the resume point that was taken last, if it is good.
    fn keep_resume_point(&mut self) -> bool {
        let taken = self.log.taken_resume_point();
        let TakenPoint::Good(point) = taken else {
            return false;
        };
        self.resume_point = Some(point);
        true
    }

    fn append(&mut self, batch: RecordBatch) -> Result<Appended, ErrorCode> {
        let appended = self
            .log
            .append(self.now, vec![batch], 0, AppendOrigin::Client);
        self.log.check();
        appended
    }

    /// Append and wait until it is on the disk.
    fn store(&mut self, batch: RecordBatch) -> Appended {
        let appended = self.append(batch).unwrap();
        self.settle();
        assert!(self.log.durable_end_offset() > appended.last_offset);
        self.take_progress();
        appended
    }

    fn read(&mut self, request: ReadRequest) -> Result<FetchedRecords, ErrorCode> {
        match self.log.plan_read(request)? {
            ReadPlan::Ready(records) => Ok(records),
            ReadPlan::Disk(read) => self.read_disk(read),
        }
    }

    fn read_disk(&mut self, read: DiskRead) -> Result<FetchedRecords, ErrorCode> {
        let id = self.log.start_read(read);
        self.settle();
        let found = self.progress.iter().position(
            |progress| matches!(progress, LogProgress::ReadFinished { read, .. } if *read == id),
        );
        match self.progress.remove(found.expect("a read ends")) {
            LogProgress::ReadFinished { result, .. } => result,
            _ => unreachable!(),
        }
    }

    fn lookup(&mut self, lookup: Lookup) -> Option<FoundOffset> {
        let id = self.log.start_lookup(lookup);
        self.settle();
        let found = self.progress.iter().position(
            |progress| matches!(progress, LogProgress::LookupFinished { read, .. } if *read == id),
        );
        match self.progress.remove(found.expect("a search ends")) {
            LogProgress::LookupFinished { result, .. } => result.unwrap(),
            _ => unreachable!(),
        }
    }

    /// Everything from `offset` on, read piece by piece.
    fn read_all(&mut self, mut offset: Offset, bytes_max: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while offset < self.log.log_end_offset() {
            let records = self.read(request(offset, bytes_max)).unwrap();
            assert!(records.next_offset > offset, "a read brings something");
            all.extend(records.slices.concat());
            offset = records.next_offset;
        }
        all
    }
}

fn identity() -> LogIdentity {
    LogIdentity {
        topic: Arc::from("topic"),
        topic_id: Uuid::parse("aMGSQPawRRSkMeZNL0Xbgg").unwrap(),
        partition: 0,
        folder: StoragePath::new(DirectoryIndex(0), "topic-0"),
        owner: StorageOwner::default(),
    }
}

fn request(offset: Offset, bytes_max: usize) -> ReadRequest {
    ReadRequest {
        offset,
        bytes_max,
        upper: Offset::MAX,
        at_least_one: true,
    }
}

/// A batch whose records all carry `timestamp`.
fn batch_at(timestamp: i64, records: usize, value_bytes: usize) -> RecordBatch {
    let mut builder = RecordBatchBuilder::new();
    for _ in 0..records {
        builder.append(timestamp, None, Some(&vec![b'v'; value_bytes]), &[]);
    }
    builder.finish()
}

fn batch(records: usize, value_bytes: usize) -> RecordBatch {
    batch_at(1_000_000, records, value_bytes)
}

fn numbered(producer: i64, sequence: i32, records: usize) -> RecordBatch {
    let mut builder = RecordBatchBuilder::new().producer(producer, 0, Some(sequence));
    for _ in 0..records {
        builder.append(1_000_000, None, Some(b"value"), &[]);
    }
    builder.finish()
}

/// The bytes of `batch` as they lie in the log.
fn stamped(batch: &RecordBatch, at: Offset) -> Bytes {
    let mut batch = batch.clone();
    batch.stamp(at, 0);
    batch.to_bytes()
}
