//! The files of a partition as a crash, a failing disk or somebody else may have left them.

use std::sync::Arc;

use bytes::Bytes;
use forebay::config::TopicConfig;
use forebay::log::checkpoint::decode_offsets;
use forebay::log::storage::{DirectoryIndex, Durability, StorageOutbox, StorageOwner, StoragePath};
use forebay::log::{AppendOrigin, Log, LogIdentity, LogProgress, OpenMode, ReadPlan, ReadRequest};
use forebay::model::Uuid;
use forebay::protocol::record_batch::{
    BatchHeader, Batches, HEADER_BYTES, LOG_OVERHEAD_BYTES, RecordBatchBuilder,
};
use forebay::quorum::decode_snapshot;
use forebay::stdx::{Instant, Now, Random};

use super::memory_disk::MemoryDisk;

const NOW: Now = Now {
    instant: Instant::from_nanos(0),
    wall_ms: 1_700_000_000_000,
};

/// The files of a folder that an input may fill, by its first byte.
const FILES: [&str; 5] = [
    "leader-epoch-checkpoint",
    "00000000000000000000.snapshot",
    "00000000000000000000.index",
    "00000000000000000000.timeindex",
    "00000000000000000005.log",
];

/// `bytes` says how the log is opened, how long the segment is, then come the segment and one more
/// file.
pub fn check(bytes: &[u8]) {
    let Some((&[plan, high, low], rest)) = bytes.split_first_chunk() else {
        return;
    };
    // Small files of the directory itself have decoders of their own.
    drop(decode_offsets(rest));
    drop(decode_snapshot(&Bytes::copy_from_slice(rest)));

    let length = usize::from(u16::from_be_bytes([high, low])).min(rest.len());
    let (segment, other) = rest.split_at(length);
    let mut segment = segment.to_vec();
    if plan & 1 == 1 {
        mend_checksums(&mut segment);
    }
    let mut partition = Partition::new(segment);
    if let Some(name) = FILES.get(usize::from(plan >> 4)) {
        let path = format!("t-0/{name}");
        partition.disk.files.insert(path, other.to_vec());
    }
    let is_clean = plan & 2 == 2;
    let is_open = partition.open(OpenMode::Existing {
        is_clean,
        log_start_offset: (plan & 4 == 4).then_some(1),
        recovery_point: (plan & 8 == 8).then_some(0),
    });
    if is_open {
        partition.check();
    }
}

/// Give each batch the checksum of its bytes: no chance finds one.
fn mend_checksums(segment: &mut [u8]) {
    let mut position = 0;
    while let Ok(header) = BatchHeader::decode(&segment[position..]) {
        let size = usize::try_from(header.batch_length)
            .ok()
            .map(|length| LOG_OVERHEAD_BYTES + length);
        let Some(end) = size
            .filter(|size| *size >= HEADER_BYTES)
            .map(|size| position + size)
        else {
            return;
        };
        let Some(body) = segment.get(position + HEADER_BYTES..end) else {
            return;
        };
        let mut mended = header;
        mended.crc = header.compute_crc(body);
        segment[position..position + HEADER_BYTES].copy_from_slice(&mended.encode());
        position = end;
    }
}

struct Partition {
    disk: MemoryDisk,
    log: Log,
    outbox: StorageOutbox,
}

fn log_of(mode: OpenMode) -> Log {
    let identity = LogIdentity {
        topic: Arc::from("t"),
        topic_id: Uuid::from_bytes([7; 16]),
        partition: 0,
        folder: StoragePath::new(DirectoryIndex(0), "t-0"),
        owner: StorageOwner::default(),
    };
    let config = Arc::new(TopicConfig::default());
    Log::open(identity, config, mode, Random::from_seed(1))
}

impl Partition {
    fn new(segment: Vec<u8>) -> Self {
        let mut disk = MemoryDisk::default();
        disk.folders.insert("t-0".to_owned());
        let id = Uuid::from_bytes([7; 16]);
        let metadata = format!("version: 0\ntopic_id: {id}");
        disk.files
            .insert("t-0/partition.metadata".to_owned(), metadata.into());
        disk.files
            .insert("t-0/00000000000000000000.log".to_owned(), segment);
        Self {
            disk,
            log: log_of(OpenMode::Create),
            outbox: StorageOutbox::default(),
        }
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
            let result = self.disk.perform(request);
            self.log.on_storage(NOW, ticket.sequence, result);
        }
    }

    fn open(&mut self, mode: OpenMode) -> bool {
        self.log = log_of(mode);
        let told = self.settle();
        assert!(
            matches!(
                told.last(),
                Some(LogProgress::Opened | LogProgress::Failed(_))
            ),
            "an opening ends: {told:?}"
        );
        told.contains(&LogProgress::Opened)
    }

    /// A log that opened can be read from its start to its end, continued, closed, opened again.
    fn check(&mut self) {
        let (start, end) = (self.log.log_start_offset(), self.log.log_end_offset());
        assert!(start <= end, "{start} and {end}");
        assert_eq!(self.log.durable_end_offset(), end);
        let is_sound = self.read_all(start, end);
        let mut builder = RecordBatchBuilder::new();
        builder.append(NOW.wall_ms, None, Some(b"next"), &[]);
        let batches = vec![builder.finish()];
        let Ok(appended) = self.log.append(NOW, batches, 9, AppendOrigin::Client) else {
            return;
        };
        assert_eq!(appended.first_offset, end);
        if self
            .settle()
            .iter()
            .any(|told| matches!(told, LogProgress::Failed(_)))
        {
            return;
        }
        assert_eq!(self.log.durable_end_offset(), appended.last_offset + 1);
        self.log.close(Durability::Synced);
        let told = self.settle();
        assert_eq!(told.last(), Some(&LogProgress::Closed));
        let is_open = self.open(OpenMode::Existing {
            is_clean: true,
            log_start_offset: Some(start),
            recovery_point: Some(appended.last_offset + 1),
        });
        assert!(is_open || !is_sound, "what was closed opens again");
        if is_open {
            assert_eq!(self.log.log_end_offset(), appended.last_offset + 1);
        }
    }

    /// False if the log found damage in what it had taken for sound without a look.
    fn read_all(&mut self, mut offset: i64, end: i64) -> bool {
        while offset < end {
            let request = ReadRequest {
                offset,
                bytes_max: 1 << 16,
                upper: i64::MAX,
                at_least_one: true,
            };
            let records = match self.log.plan_read(request).expect("the offset is within") {
                ReadPlan::Ready(records) => records,
                ReadPlan::Disk(read) => {
                    self.log.start_read(read);
                    let found = self.settle().into_iter().find_map(|told| match told {
                        LogProgress::ReadFinished { result, .. } => Some(result),
                        _ => None,
                    });
                    let Ok(records) = found.expect("a read ends") else {
                        return false;
                    };
                    records
                }
            };
            assert!(records.next_offset > offset, "a read goes on");
            for batch in Batches::new(records.slices.concat().into()) {
                let batch = batch.expect("only whole batches are read");
                batch.verify_crc().expect("only sound batches are read");
            }
            offset = records.next_offset;
        }
        true
    }
}
