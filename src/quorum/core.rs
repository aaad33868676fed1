//! From the files of the metadata log to a node that leads, follows or observes its quorum.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use crate::log::storage::{
    Durability, StorageOutbox, StorageOutcome, StoragePath, StorageRequest, StorageResult, Ticket,
};
use crate::log::{AppendOrigin, Log, LogFailure, LogIdentity, LogProgress, OpenMode};
use crate::model::{BrokerId, ErrorCode, LeaderEpoch, Offset, Uuid};
use crate::protocol::record_batch::RecordBatchBuilder;
use crate::stdx::{Instant, Now, Random};

use super::asking::Asks;
use super::changing::Changes;
use super::control::{KRAFT_VERSION, Voter};
use super::downloads::Downloads;
use super::election::is_only;
use super::enrolling::Enrolling;
use super::event::{BatchTooLarge, QuorumEvent, QuorumFailure};
use super::kept_snapshots::SnapshotFile;
use super::machine::{Input, Seat, Step, ToldLeader};
use super::raft::{LogView, Raft, Timers};
use super::replay::Replay;
use super::replicas::Replicas;
use super::request::{QuorumCall, QuorumRequest, QuorumToken};
use super::rewriting::Rewriting;
use super::serving::WaitingFetch;
use super::settings::{METADATA_FOLDER, QuorumSettings, TOPIC, metadata_log_config};
use super::snapshot::SnapshotId;
use super::snapshot_fetching::Download;
use super::state::{self, ElectionState};
use super::telling::Telling;
use super::timing::Elections;
use super::view::LogAndSnapshots;
use super::voters::VoterSets;

/// The most bytes of a batch: Kafka's `internal.metadata.max.batch.size.in.bytes`, which is also
/// the smallest `metadata.log.segment.bytes`. A batch is read as a whole by who replays it.
const BATCH_BYTES_MAX: usize = 8 << 20;

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
    /// The state machine works.
    Running,
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
    /// A snapshot that was downloaded from the leader.
    SnapshotStored(SnapshotId, u64),
}

/// This node's part in the quorum.
///
/// The machine is told of one thing after the other, and of nothing while what it has decided is on
/// its way to the disk: so nobody hears of a vote or an epoch that a crash could take back.
#[derive(Debug)]
pub struct Quorum {
    pub(super) settings: QuorumSettings,
    pub(super) phase: Phase,
    pub(super) random: Random,
    pub(super) folder: StoragePath,
    pub(super) log: Option<Log>,
    pub(super) state: Option<ElectionState>,
    /// Decides, from [`Quorum::begin`] on.
    pub(super) raft: Option<Raft>,
    pub(super) timers: Timers,
    /// What the machine was not told of yet.
    pub(super) inputs: VecDeque<Input>,
    /// What it has decided and was not done yet.
    pub(super) steps: VecDeque<Step>,
    /// True while `quorum-state` is being written.
    pub(super) is_persisting: bool,
    /// True if it is to be closed when the log is open again.
    is_close_wanted: bool,
    /// What is done with the log in the place of appending to it.
    pub(super) rewriting: Option<Rewriting>,
    pub(super) asks: Asks,
    /// The snapshot of the leader that is on its way.
    pub(super) download: Option<Download>,
    /// What this node is as a leader.
    pub(super) seat: Option<Seat>,
    pub(super) told_leader: ToldLeader,
    pub(super) elections: Elections,
    pub(super) telling: Telling,
    pub(super) snapshots: BTreeMap<SnapshotId, SnapshotFile>,
    /// The snapshot that the state begins with.
    pub(super) loaded: Option<SnapshotId>,
    pub(super) voters: VoterSets,
    /// What of it is being changed.
    pub(super) changes: Changes,
    pub(super) enrolling: Enrolling,
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
    pub fn new(settings: QuorumSettings, mut random: Random) -> Self {
        let folder = settings.directory.join(METADATA_FOLDER);
        let timeouts = settings.membership.timeouts.of_machine();
        let timers = Timers::new(timeouts, random.fork());
        Self {
            settings,
            phase: Phase::New,
            random,
            folder,
            log: None,
            state: None,
            raft: None,
            timers,
            inputs: VecDeque::new(),
            steps: VecDeque::new(),
            is_persisting: false,
            is_close_wanted: false,
            rewriting: None,
            asks: Asks::default(),
            download: None,
            seat: None,
            told_leader: None,
            elections: Elections::default(),
            telling: Telling::default(),
            snapshots: BTreeMap::new(),
            loaded: None,
            voters: VoterSets::default(),
            changes: Changes::default(),
            enrolling: Enrolling::default(),
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
    pub fn epoch(&self) -> LeaderEpoch {
        self.raft.as_ref().map_or(0, Raft::epoch)
    }

    /// The version of the quorum's protocol: with voters in the log it is the newer one.
    #[must_use]
    pub fn kraft_version(&self) -> i16 {
        if self.voters.latest().is_some() {
            KRAFT_VERSION
        } else {
            0
        }
    }

    /// Every record below this offset is committed; -1 before that is known.
    #[must_use]
    pub const fn high_watermark(&self) -> Offset {
        self.high_watermark
    }

    /// The offset of the next record.
    #[must_use]
    pub fn next_offset(&self) -> Offset {
        self.log.as_ref().map_or(0, Log::log_end_offset)
    }

    /// The epoch of the last record here.
    #[must_use]
    pub fn log_end_epoch(&self) -> LeaderEpoch {
        let log = self.log.as_ref();
        let snapshots = &self.snapshots;
        log.map_or(0, |log| LogAndSnapshots { log, snapshots }.end().epoch)
    }

    /// Whom this node has voted for in the epoch; itself while it leads.
    #[must_use]
    pub fn vote(&self) -> Option<BrokerId> {
        self.raft.as_ref().and_then(Raft::voted_for)
    }

    /// When [`Quorum::flush`] has to be called at the latest.
    #[must_use]
    pub fn next_deadline(&self) -> Instant {
        let log = self.log.as_ref().map_or(Instant::MAX, Log::next_deadline);
        let machine = match self.phase {
            Phase::Running if !self.is_busy() => {
                let timers = self.timers.next_deadline();
                timers.min(self.enrolling.next_deadline())
            }
            _ => Instant::MAX,
        };
        log.min(self.fetches_deadline())
            .min(self.downloads.next_deadline())
            .min(self.changes.next_deadline())
            .min(machine)
    }

    /// Serve a request: [`QuorumEvent::Answer`] with this `token` follows, maybe much later.
    /// [`Quorum::flush`] is to be called in the same turn.
    pub fn on_request(&mut self, now: Now, token: QuorumToken, request: &QuorumRequest) {
        match &request.call {
            QuorumCall::Fetch(_)
            | QuorumCall::Vote(_)
            | QuorumCall::BeginQuorumEpoch(_)
            | QuorumCall::EndQuorumEpoch(_)
            | QuorumCall::AddRaftVoter(_)
            | QuorumCall::RemoveRaftVoter(_)
            | QuorumCall::UpdateRaftVoter(_) => match self.phase {
                Phase::Running => {
                    let request = Box::new(request.clone());
                    self.inputs.push_back(Input::Request(token, request));
                }
                _ => self.refuse_unready(now, token, request),
            },
            QuorumCall::FetchSnapshot(fetch) => self.on_fetch_snapshot(token, request, fetch),
            QuorumCall::DescribeQuorum(describe) => {
                self.on_describe(now, token, request.version, describe);
            }
            QuorumCall::DescribeCluster(_) => self.on_describe_cluster(token, &request.listener),
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
            self.is_seated(),
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
        let epoch = self.epoch();
        let log = self.log.as_mut().expect("a leader has its log open");
        match log.append(now, vec![batch], epoch, AppendOrigin::Coordinator) {
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
            // What the log did may have started another read of it, or let the machine go on.
            let has_progress = self.drain_log(now, outbox);
            if !self.drive(now, outbox) && !has_progress {
                break;
            }
        }
        self.expire_change(now);
        self.advance_enrolling(now);
        self.advance_fetches(now);
        self.advance_downloads(now, outbox);
        if let Some(log) = &mut self.log {
            // The fetches may have started reads.
            log.flush(now, outbox);
        }
    }

    /// Stop: [`QuorumEvent::Closed`] follows when everything is on the disk. A leader that others
    /// can follow tells them that it goes.
    pub fn close(&mut self, now: Now) {
        if self.is_rewriting_log() && matches!(self.phase, Phase::Running) {
            // What a clean stop leaves is relied upon.
            self.is_close_wanted = true;
            return;
        }
        self.resign();
        self.refuse_change(ErrorCode::NotLeaderOrFollower);
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
        for input in std::mem::take(&mut self.inputs) {
            if let Input::Request(token, request) = input {
                self.refuse_unready(now, token, &request);
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
            Err(failure)
                if matches!(pending, Pending::SnapshotStored(..)) && failure.is_lack_of_space() =>
            {
                tracing::error!("a snapshot of the metadata cannot be kept: {failure}");
                self.rewriting = None;
                self.put_off_fetching();
                Ok(())
            }
            Err(failure) => Err(QuorumFailure::Storage(failure)),
        };
        if let Err(failure) = step {
            self.fail(failure);
        }
        self.drive(now, outbox);
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
            (Pending::StateWritten, _) => self.is_persisting = false,
            (Pending::SnapshotStored(id, size_bytes), _) => {
                self.on_snapshot_stored(now, id, size_bytes, outbox);
            }
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
        let mode = OpenMode::Existing {
            is_clean: self.settings.is_clean,
            log_start_offset: None,
            recovery_point: None,
        };
        self.log = Some(self.make_log(mode));
    }

    pub(super) fn make_log(&mut self, mode: OpenMode) -> Log {
        let identity = LogIdentity {
            topic: Arc::from(TOPIC),
            topic_id: Uuid::METADATA_TOPIC,
            partition: 0,
            folder: self.folder.clone(),
            owner: self.settings.log_owner,
        };
        let config = metadata_log_config(self.settings.segment_bytes, self.settings.segment_ms);
        let random = self.random.fork();
        Log::open(identity, Arc::new(config), mode, random)
    }

    /// Act on what happened to the log; false if nothing had.
    fn drain_log(&mut self, now: Now, outbox: &mut StorageOutbox) -> bool {
        let mut has_progress = false;
        while let Some(progress) = self.log.as_mut().and_then(Log::next_progress) {
            has_progress = true;
            match progress {
                LogProgress::Opened if self.rewriting.is_some() => {
                    self.on_log_rewritten();
                    if std::mem::take(&mut self.is_close_wanted) {
                        self.close(now);
                    }
                }
                LogProgress::Opened => self.on_log_opened(),
                LogProgress::ReadFinished { read, result } => {
                    if self.on_fetch_read(read, &result) {
                        continue;
                    }
                    let result = result.map_err(ErrorCode::name);
                    match &mut self.phase {
                        Phase::Replaying(replay) => replay.on_read(read, result),
                        _ => self.telling.on_read(read, result),
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
                LogProgress::DurableAdvanced { .. } => {
                    self.has_committed = true;
                    self.inputs.push_back(Input::LogSynced);
                    self.drive(now, outbox);
                }
                LogProgress::Closed if self.is_reopening() => self.reopen_log(),
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

    pub(super) fn on_log_opened(&mut self) {
        let log = self.log.as_ref().expect("the log that opened");
        let (start, end) = (log.log_start_offset(), log.log_end_offset());
        let from = self.loaded.map_or(0, |id| id.end_offset);
        let tells = self.may_be_alone();
        let reason = if start > from {
            format!("begins at offset {start}, but no snapshot holds the records before")
        } else if end < from && tells {
            format!("ends at offset {end}, before its snapshot at {from}")
        } else if end < from {
            // A crash came between the snapshot of the leader and the log that begins behind it.
            return self.begin_log_at(from);
        } else {
            let replay = Replay::new(from, end, tells);
            self.phase = Phase::Replaying(replay);
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
        let is_me = |voters: &[Voter]| is_only(voters, &self.settings);
        match replay.advance(log, &is_me, &mut self.events) {
            Ok(found) => {
                for (offset, voters) in found.voters {
                    self.voters.note(offset, voters);
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
