//! The quorum of one: from the files of the metadata log to a leader that appends to it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use crate::config::{CleanupPolicy, TopicConfig};
use crate::log::storage::{
    Durability, StorageFailure, StorageOutbox, StorageOutcome, StorageOwner, StoragePath,
    StorageRequest, StorageResult, Ticket,
};
use crate::log::{AppendOrigin, Log, LogFailure, LogIdentity, LogProgress, OpenMode};
use crate::model::{BrokerId, ErrorCode, LeaderEpoch, Offset, TimestampMs, Uuid};
use crate::protocol::record_batch::RecordBatchBuilder;
use crate::stdx::{Instant, Now, Random};

use super::control::{KRAFT_VERSION, Voter, VoterEndpoint};
use super::downloads::Downloads;
use super::kept_snapshots::SnapshotFile;
use super::replay::Replay;
use super::replicas::Replicas;
use super::request::{QuorumCall, QuorumRequest, QuorumResponse, QuorumToken};
use super::serving::WaitingFetch;
use super::snapshot::{SnapshotContents, SnapshotId};
use super::state::{self, ElectionState};

/// The only partition of the topic whose log this is.
pub(super) const TOPIC: &str = "__cluster_metadata";

/// The metadata log's folder in its log directory.
pub const METADATA_FOLDER: &str = "__cluster_metadata-0";

/// The most bytes of a batch: Kafka's `internal.metadata.max.batch.size.in.bytes`, which is also
/// the smallest `metadata.log.segment.bytes`. A batch is read as a whole by who replays it.
const BATCH_BYTES_MAX: usize = 8 << 20;

/// What the quorum is told at the start.
#[derive(Clone, Debug)]
pub struct QuorumSettings {
    /// This node.
    pub node_id: BrokerId,
    /// The cluster's id: requests of nodes of another cluster are refused.
    pub cluster_id: Arc<str>,
    /// The id of the log directory that holds the metadata log.
    pub directory_id: Uuid,
    /// That log directory.
    pub directory: StoragePath,
    /// Where this node's controller listeners are reached.
    pub endpoints: Vec<VoterEndpoint>,
    /// Whom the completions of small files are for.
    pub files_owner: StorageOwner,
    /// Whom the completions of the log are for.
    pub log_owner: StorageOwner,
    /// True if the node stopped cleanly.
    pub is_clean: bool,
    /// `metadata.log.segment.bytes`
    pub segment_bytes: u32,
    /// `metadata.log.segment.ms`
    pub segment_ms: i64,
    /// `metadata.max.retention.bytes`: older snapshots go when log and snapshots exceed it.
    pub retention_bytes: Option<u64>,
    /// `metadata.max.retention.ms`: snapshots older than it go, but for the newest.
    pub retention_ms: Option<u64>,
}

/// The settings of the metadata log, which nothing is deleted from but what snapshots hold.
pub(crate) fn metadata_log_config(segment_bytes: u32, segment_ms: i64) -> TopicConfig {
    TopicConfig {
        cleanup_policy: CleanupPolicy {
            delete: false,
            compact: false,
        },
        retention_bytes: None,
        retention_ms: None,
        segment_bytes,
        segment_ms,
        max_message_bytes: segment_bytes,
        ..TopicConfig::default()
    }
}

/// Records of one batch, in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordBlock {
    /// The offset behind the last of them.
    pub end_offset: Offset,
    /// The epoch of the leader that appended them.
    pub epoch: LeaderEpoch,
    /// When they were appended.
    pub timestamp_ms: TimestampMs,
    /// Their values.
    pub values: Vec<Bytes>,
    /// The bytes that they take in the log.
    pub size_bytes: u64,
}

/// Records that take more room than can be committed at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BatchTooLarge {
    /// What they take.
    pub size_bytes: usize,
    /// What one batch may take.
    pub bytes_max: usize,
}

/// Why the quorum cannot go on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum QuorumFailure {
    /// The disk failed.
    Storage(StorageFailure),
    /// What is on the disk cannot be used; the text says what, and where.
    Unusable(String),
}

/// Something that happened in the quorum.
#[derive(Clone, Debug, PartialEq)]
pub enum QuorumEvent {
    /// The state begins with this snapshot. At most once, before all records.
    Snapshot {
        id: SnapshotId,
        contents: SnapshotContents,
    },
    /// Committed records of earlier epochs, to be replayed.
    Records(RecordBlock),
    /// That was all of them, and nothing was changed yet: [`Quorum::elect`] goes on.
    Loaded,
    /// This node leads the new epoch and may append; its first record will be at this offset.
    Elected {
        epoch: LeaderEpoch,
        next_offset: Offset,
    },
    /// Every record below this offset is committed.
    Committed { end_offset: Offset },
    /// The answer to a request.
    Answer {
        token: QuorumToken,
        response: Box<QuorumResponse>,
    },
    /// The snapshot is on the disk.
    SnapshotWritten { id: SnapshotId },
    /// The disk has no room for the snapshot that was to be written.
    SnapshotLacksSpace(StorageFailure),
    /// Nothing more can be done.
    Failed(QuorumFailure),
    /// All files are as a clean stop leaves them.
    Closed,
}

#[derive(Debug)]
pub(super) enum Phase {
    New,
    /// Learning what the folder holds.
    Listing,
    ReadingState,
    /// Reading the newest snapshot, or the next older one if it is not whole.
    ReadingSnapshot,
    OpeningLog,
    Replaying(Replay),
    Loaded,
    Electing,
    Leading,
    Closing,
    /// The log is closed; a snapshot may still be on its way.
    LogClosed,
    Closed,
    Failed,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Pending {
    FolderMade,
    Listed,
    StateRead,
    SnapshotRead(SnapshotId),
    StateWritten,
    SnapshotWritten(SnapshotId, u64),
    SnapshotRemoved,
    /// A snapshot that is downloaded by other nodes.
    DownloadRead(SnapshotId),
}

/// The quorum of one.
#[derive(Debug)]
pub struct Quorum {
    pub(super) settings: QuorumSettings,
    pub(super) phase: Phase,
    pub(super) random: Random,
    pub(super) folder: StoragePath,
    pub(super) log: Option<Log>,
    pub(super) state: Option<ElectionState>,
    pub(super) epoch: LeaderEpoch,
    pub(super) snapshots: BTreeMap<SnapshotId, SnapshotFile>,
    /// The snapshot that the state begins with.
    pub(super) loaded: Option<SnapshotId>,
    pub(super) voters: Option<Vec<Voter>>,
    /// False while the voters are known from the format only: the first leader appends them.
    pub(super) voters_in_log: bool,
    pub(super) is_writing_snapshot: bool,
    /// Every record below is committed; -1 before that is known.
    pub(super) high_watermark: Offset,
    pub(super) replicas: Replicas,
    pub(super) waiting_fetches: Vec<WaitingFetch>,
    pub(super) downloads: Downloads,
    /// True once records of this life are on the disk.
    pub(super) has_committed: bool,
    pub(super) pending: BTreeMap<u64, Pending>,
    pub(super) next_sequence: u64,
    pub(super) events: VecDeque<QuorumEvent>,
}

impl Quorum {
    /// The quorum of the node in `settings`, which did nothing yet.
    #[must_use]
    pub fn new(settings: QuorumSettings, random: Random) -> Self {
        let folder = settings.directory.join(METADATA_FOLDER);
        Self {
            settings,
            phase: Phase::New,
            random,
            folder,
            log: None,
            state: None,
            epoch: 0,
            snapshots: BTreeMap::new(),
            loaded: None,
            voters: None,
            voters_in_log: false,
            is_writing_snapshot: false,
            high_watermark: -1,
            replicas: Replicas::default(),
            waiting_fetches: Vec::new(),
            downloads: Downloads::default(),
            has_committed: false,
            pending: BTreeMap::new(),
            next_sequence: 0,
            events: VecDeque::new(),
        }
    }

    /// Begin: read what is there. [`QuorumEvent::Loaded`] follows in the end.
    pub fn start(&mut self, outbox: &mut StorageOutbox) {
        let path = self.folder.clone();
        self.phase = Phase::Listing;
        self.submit(
            outbox,
            Pending::FolderMade,
            StorageRequest::CreateFolder { path },
        );
    }

    /// The oldest event that was not asked for yet.
    pub fn next_event(&mut self) -> Option<QuorumEvent> {
        self.events.pop_front()
    }

    /// The epoch that this node leads, or the last one that it knows.
    #[must_use]
    pub const fn epoch(&self) -> LeaderEpoch {
        self.epoch
    }

    /// The version of the quorum's protocol: with voters in the log it is the newer one.
    #[must_use]
    pub const fn kraft_version(&self) -> i16 {
        if self.voters.is_some() {
            KRAFT_VERSION
        } else {
            0
        }
    }

    /// Who votes.
    #[must_use]
    pub fn voters(&self) -> Option<&[Voter]> {
        self.voters.as_deref()
    }

    /// The offset of the next record.
    #[must_use]
    pub fn next_offset(&self) -> Offset {
        self.log.as_ref().map_or(0, Log::log_end_offset)
    }

    /// When [`Quorum::flush`] has to be called at the latest.
    #[must_use]
    pub fn next_deadline(&self) -> Instant {
        let log = self.log.as_ref().map_or(Instant::MAX, Log::next_deadline);
        log.min(self.fetches_deadline())
            .min(self.downloads.next_deadline())
    }

    /// Serve a request: [`QuorumEvent::Answer`] with this `token` follows, maybe much later.
    pub fn on_request(&mut self, now: Now, token: QuorumToken, request: &QuorumRequest) {
        match &request.call {
            QuorumCall::Fetch(fetch) => self.on_fetch(now, token, request, fetch),
            QuorumCall::FetchSnapshot(fetch) => self.on_fetch_snapshot(token, request, fetch),
            QuorumCall::DescribeQuorum(describe) => {
                self.on_describe(now, token, request.version, describe);
            }
        }
    }

    /// True while a snapshot is being written; another one is not begun then.
    #[must_use]
    pub const fn is_writing_snapshot(&self) -> bool {
        self.is_writing_snapshot
    }

    /// Append `values` as one batch, which is committed as a whole or not at all; the offset
    /// behind it, and its size.
    ///
    /// # Errors
    /// If they do not fit into one batch; nothing is appended then.
    ///
    /// # Panics
    /// If this node does not lead, or there is nothing to append.
    pub fn append(&mut self, now: Now, values: &[Bytes]) -> Result<(Offset, u64), BatchTooLarge> {
        assert!(
            matches!(self.phase, Phase::Leading),
            "only the leader appends to the metadata log"
        );
        let segment_bytes = usize::try_from(self.settings.segment_bytes).unwrap_or(usize::MAX);
        let bytes_max = BATCH_BYTES_MAX.min(segment_bytes);
        let mut builder = RecordBatchBuilder::new();
        for value in values {
            builder.append(now.wall_ms, None, Some(value), &[]);
        }
        let size_bytes = builder.size_bytes();
        if size_bytes > bytes_max {
            return Err(BatchTooLarge {
                size_bytes,
                bytes_max,
            });
        }
        Ok(self.append_batch(now, builder))
    }

    pub(super) fn append_batch(&mut self, now: Now, builder: RecordBatchBuilder) -> (Offset, u64) {
        let batch = builder.finish();
        let size_bytes = batch.size_bytes() as u64;
        let log = self.log.as_mut().expect("a leader has its log open");
        match log.append(now, vec![batch], self.epoch, AppendOrigin::Coordinator) {
            Ok(appended) => (appended.last_offset + 1, size_bytes),
            // The log failed a moment ago and says why when it is asked for its progress. What was
            // to be appended is never committed, so its offset does not matter.
            Err(ErrorCode::KafkaStorageError) => (Offset::MAX, 0),
            Err(error) => unreachable!("an open log takes a batch that fits into it: {error}"),
        }
    }

    /// Send on its way what this turn brought. To be called at the end of every turn.
    pub fn flush(&mut self, now: Now, outbox: &mut StorageOutbox) {
        loop {
            if let Some(log) = &mut self.log {
                log.flush(now, outbox);
            }
            // What the log did may have started another read of it.
            if !self.drain_log() {
                break;
            }
        }
        self.advance_fetches(now);
        self.advance_downloads(now, outbox);
        if let Some(log) = &mut self.log {
            // The fetches may have started reads.
            log.flush(now, outbox);
        }
    }

    /// Stop: [`QuorumEvent::Closed`] follows when everything is on the disk.
    pub fn close(&mut self) {
        match &mut self.log {
            Some(log) if !matches!(self.phase, Phase::Failed) => {
                self.phase = Phase::Closing;
                log.close(Durability::Synced);
            }
            _ => {
                self.phase = Phase::Closed;
                self.events.push_back(QuorumEvent::Closed);
            }
        }
    }

    /// A request of the log has ended.
    pub fn on_log_storage(&mut self, now: Now, sequence: u64, result: StorageResult) {
        if let Some(log) = &mut self.log {
            log.on_storage(now, sequence, result);
        }
    }

    /// A request concerning a small file has ended.
    pub fn on_file_storage(
        &mut self,
        now: Now,
        sequence: u64,
        result: StorageResult,
        outbox: &mut StorageOutbox,
    ) {
        let pending = self
            .pending
            .remove(&sequence)
            .expect("a request completes once, and only what was asked for");
        if matches!(self.phase, Phase::Failed) {
            return;
        }
        let step = match result {
            Ok(outcome) => self.on_file_outcome(now, pending, outcome, outbox),
            Err(failure)
                if matches!(pending, Pending::SnapshotWritten(..))
                    && failure.is_lack_of_space() =>
            {
                // The log still has what would be in it.
                self.is_writing_snapshot = false;
                let event = QuorumEvent::SnapshotLacksSpace(failure);
                self.events.push_back(event);
                Ok(())
            }
            Err(failure) => Err(QuorumFailure::Storage(failure)),
        };
        if let Err(failure) = step {
            self.fail(failure);
        }
        self.finish_close();
    }

    fn finish_close(&mut self) {
        if matches!(self.phase, Phase::LogClosed) && self.pending.is_empty() {
            self.phase = Phase::Closed;
            self.events.push_back(QuorumEvent::Closed);
        }
    }

    fn on_file_outcome(
        &mut self,
        now: Now,
        pending: Pending,
        outcome: StorageOutcome,
        outbox: &mut StorageOutbox,
    ) -> Result<(), QuorumFailure> {
        match (pending, outcome) {
            (Pending::FolderMade, _) => {
                let path = self.folder.clone();
                self.submit(outbox, Pending::Listed, StorageRequest::List { path });
            }
            (Pending::Listed, StorageOutcome::Entries(entries)) => {
                for entry in entries {
                    if let Some(id) = SnapshotId::parse(&entry.name) {
                        let file = SnapshotFile {
                            size_bytes: entry.length,
                            written_ms: entry.modified_ms,
                        };
                        self.snapshots.insert(id, file);
                    }
                }
                self.phase = Phase::ReadingState;
                let path = self.folder.join(state::FILE_NAME);
                self.submit(
                    outbox,
                    Pending::StateRead,
                    StorageRequest::ReadFile { path },
                );
            }
            (Pending::StateRead, StorageOutcome::Data(file)) => {
                let read = ElectionState::decode(&file).map_err(|reason| {
                    let path = self.folder.join(state::FILE_NAME);
                    QuorumFailure::Unusable(format!("{path} {reason}"))
                })?;
                self.state = Some(read);
                self.read_snapshot(outbox, self.snapshots.keys().next_back().copied());
            }
            (Pending::StateRead, StorageOutcome::Missing) => {
                self.read_snapshot(outbox, self.snapshots.keys().next_back().copied());
            }
            (Pending::SnapshotRead(id), StorageOutcome::Data(file)) => {
                self.on_snapshot_read(id, &file, outbox);
            }
            (Pending::StateWritten, _) => self.lead(now),
            (Pending::SnapshotWritten(id, size_bytes), _) => {
                self.on_snapshot_written(now, id, size_bytes, outbox);
            }
            (Pending::SnapshotRemoved, _) => {}
            (Pending::DownloadRead(id), StorageOutcome::Data(file)) => {
                self.on_download_read(now, id, Some(file), outbox);
            }
            (Pending::DownloadRead(id), StorageOutcome::Missing) => {
                self.on_download_read(now, id, None, outbox);
            }
            (pending, outcome) => {
                return Err(QuorumFailure::Unusable(format!(
                    "{} changed while it was read: {pending:?} ended with {outcome:?}",
                    self.folder
                )));
            }
        }
        Ok(())
    }

    pub(super) fn open_log(&mut self) {
        self.phase = Phase::OpeningLog;
        let identity = LogIdentity {
            topic: Arc::from(TOPIC),
            topic_id: Uuid::METADATA_TOPIC,
            partition: 0,
            folder: self.folder.clone(),
            owner: self.settings.log_owner,
        };
        let config = metadata_log_config(self.settings.segment_bytes, self.settings.segment_ms);
        let mode = OpenMode::Existing {
            is_clean: self.settings.is_clean,
            log_start_offset: None,
            recovery_point: None,
        };
        let random = self.random.fork();
        self.log = Some(Log::open(identity, Arc::new(config), mode, random));
    }

    /// Act on what happened to the log; false if nothing had.
    fn drain_log(&mut self) -> bool {
        let mut has_progress = false;
        while let Some(progress) = self.log.as_mut().and_then(Log::next_progress) {
            has_progress = true;
            match progress {
                LogProgress::Opened => self.on_log_opened(),
                LogProgress::ReadFinished { read, result } => {
                    if self.on_fetch_read(read, &result) {
                        continue;
                    }
                    if let Phase::Replaying(replay) = &mut self.phase {
                        replay.on_read(read, result.map_err(ErrorCode::name));
                    }
                }
                // A broker that could not write its first records would wait for room unseen.
                LogProgress::SpaceLacking(failure) if !self.has_committed => {
                    self.fail(QuorumFailure::Storage(failure));
                }
                LogProgress::SpaceLacking(failure) => {
                    tracing::error!("metadata cannot be changed: {failure}");
                }
                LogProgress::SpaceFound => tracing::info!("metadata can be changed again"),
                LogProgress::DurableAdvanced { durable_end_offset } => {
                    self.has_committed = true;
                    if matches!(self.phase, Phase::Leading | Phase::Closing) {
                        self.high_watermark = durable_end_offset;
                        self.events.push_back(QuorumEvent::Committed {
                            end_offset: durable_end_offset,
                        });
                    }
                }
                LogProgress::Closed => {
                    self.phase = Phase::LogClosed;
                    self.finish_close();
                }
                LogProgress::Failed(LogFailure::Storage(failure))
                | LogProgress::ReadFailed(failure) => self.fail(QuorumFailure::Storage(failure)),
                LogProgress::Failed(failure) => {
                    self.fail(QuorumFailure::Unusable(failure.to_string()));
                }
                LogProgress::Damaged(damage) => {
                    self.fail(QuorumFailure::Unusable(damage.to_string()));
                }
                LogProgress::LookupFinished { .. }
                | LogProgress::LogStartAdvanced { .. }
                | LogProgress::FolderMoved
                | LogProgress::CleaningEnded(_)
                | LogProgress::IndexesDoubted(_)
                | LogProgress::DeletionPutOff(_)
                | LogProgress::Deleted { .. } => {}
            }
        }
        self.advance_replay();
        has_progress
    }

    fn on_log_opened(&mut self) {
        let log = self.log.as_ref().expect("the log that opened");
        let (start, end) = (log.log_start_offset(), log.log_end_offset());
        let from = self.loaded.map_or(0, |id| id.end_offset);
        let reason = if start > from {
            format!("begins at offset {start}, but no snapshot holds the records before")
        } else if end < from {
            format!("ends at offset {end}, before its snapshot at {from}")
        } else {
            self.phase = Phase::Replaying(Replay::new(from, end));
            return;
        };
        self.fail(QuorumFailure::Unusable(format!(
            "the metadata log in {} {reason}: records are missing",
            self.folder
        )));
    }

    /// Give out what was read, and read on.
    fn advance_replay(&mut self) {
        let (Phase::Replaying(replay), Some(log)) = (&mut self.phase, &mut self.log) else {
            return;
        };
        match replay.advance(log, &mut self.events) {
            Ok(found) => {
                if let Some(voters) = found.voters {
                    self.voters = Some(voters);
                    self.voters_in_log = true;
                }
            }
            Err(reason) => {
                let text = format!("the metadata log in {} {reason}", self.folder);
                self.fail(QuorumFailure::Unusable(text));
            }
        }
        self.finish_replay();
    }

    pub(super) fn submit(
        &mut self,
        outbox: &mut StorageOutbox,
        pending: Pending,
        request: StorageRequest,
    ) {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        self.pending.insert(sequence, pending);
        let ticket = Ticket {
            owner: self.settings.files_owner,
            sequence,
        };
        outbox.submit(ticket, request);
    }

    pub(super) fn fail(&mut self, failure: QuorumFailure) {
        if matches!(self.phase, Phase::Failed) {
            return;
        }
        self.phase = Phase::Failed;
        self.events.push_back(QuorumEvent::Failed(failure));
    }
}
