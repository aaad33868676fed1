//! The log of one replica of one partition.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use crate::config::TopicConfig;
use crate::model::{ErrorCode, LeaderEpoch, Offset, PartitionIndex, TimestampMs, Uuid};
use crate::stdx::{Instant, Now, Random};

use super::aborted::AbortedTransactions;
use super::cache::{Cache, FetchedRecords};
use super::cleaning::{Cleaner, CleaningEnd};
use super::deferral::Deferral;
use super::following::Following;
use super::journalled::Journalled;
use super::leader_epochs::{EpochEnd, EpochStart, LeaderEpochs};
use super::lookup::Lookup;
use super::predecessor::Predecessor;
use super::producer_state::{ActiveProducer, ProducerStates};
use super::read_ahead::Reads;
use super::recovery::Recovery;
use super::recycling::Recycling;
use super::reindexing::Reindexing;
use super::resume_point::ResumePoints;
use super::segment::Segment;
use super::space::Space;
use super::storage::{
    Durability, StorageFailure, StorageOutbox, StorageOwner, StoragePath, StorageRequest,
    StorageResult, Ticket,
};
use super::transactions::Unsettled;

/// Which partition a log is of, and where it lies.
#[derive(Clone, Debug)]
pub struct LogIdentity {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The topic's id, which the folder must have too.
    pub topic_id: Uuid,
    /// The partition's number.
    pub partition: PartitionIndex,
    /// The partition's folder.
    pub folder: StoragePath,
    /// Whom completions are for.
    pub owner: StorageOwner,
}

impl fmt::Display for LogIdentity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.topic, self.partition)
    }
}

/// What a log finds when it is opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OpenMode {
    /// Nothing: the partition is new on this broker.
    Create,
    /// A folder that was written to before.
    Existing {
        /// True after a clean stop: the end of the log is then where the files end. Otherwise
        /// what was not sealed is scanned, and cut behind the last batch that is whole.
        is_clean: bool,
        /// From `log-start-offset-checkpoint`.
        log_start_offset: Option<Offset>,
        /// From `recovery-point-offset-checkpoint`: below it everything is on the disk, so that a
        /// log which ends earlier has lost something. Segments that reach beyond are scanned.
        recovery_point: Option<Offset>,
    },
}

/// A batch on the disk that is not what was written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Damage {
    /// The partition.
    pub partition: String,
    /// The first offset that cannot be read.
    pub offset: Offset,
    /// The file.
    pub path: StoragePath,
    /// Where in the file, in bytes.
    pub position: u64,
    /// What is wrong there.
    pub reason: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} is damaged from offset {} on, {} at byte {}: {}",
            self.partition, self.offset, self.path, self.position, self.reason
        )
    }
}

/// Why a log cannot be used any more.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LogFailure {
    /// The disk failed.
    Storage(StorageFailure),
    /// Something that was durable is gone or changed.
    Damaged(Damage),
    /// The folder is not what it should be; the text says how.
    Unusable(String),
    /// The folder is of another topic; the text says of which. Nothing was changed in it.
    Foreign(String),
}

impl fmt::Display for LogFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Storage(failure) => failure.fmt(formatter),
            Self::Damaged(damage) => damage.fmt(formatter),
            Self::Unusable(reason) | Self::Foreign(reason) => formatter.write_str(reason),
        }
    }
}

/// A read from the disk that was started.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ReadId(pub(super) u64);

/// The first record at or after a timestamp.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FoundOffset {
    /// The record's offset.
    pub offset: Offset,
    /// Its timestamp.
    pub timestamp: TimestampMs,
    /// The epoch of the leader that appended it.
    pub leader_epoch: Option<LeaderEpoch>,
}

/// Something that happened to a log, for its owner to act upon.
#[derive(Clone, Debug, PartialEq)]
pub enum LogProgress {
    /// It is open: appends and reads are served.
    Opened,
    /// Everything below this offset is on the disk.
    DurableAdvanced { durable_end_offset: Offset },
    /// A read that was started has ended.
    ReadFinished {
        read: ReadId,
        result: Result<FetchedRecords, ErrorCode>,
    },
    /// A search for a timestamp has ended.
    LookupFinished {
        read: ReadId,
        result: Result<Option<FoundOffset>, ErrorCode>,
    },
    /// The folder has the name that [`Log::move_folder`] told.
    FolderMoved,
    /// Retention deleted records: the log begins here now.
    LogStartAdvanced { log_start_offset: Offset },
    /// A run of compaction has ended.
    CleaningEnded(CleaningEnd),
    /// The disk has no room for more: what was appended and is not durable waits, as does the
    /// opening of the log, and the owner appends nothing until [`LogProgress::SpaceFound`]. Reads
    /// go on.
    SpaceLacking(StorageFailure),
    /// There is room again.
    SpaceFound,
    /// A read came upon this. The log goes on serving what is sound.
    Damaged(Damage),
    /// What an index says is not what the segment holds, whose file this is: its indexes are made
    /// anew.
    IndexesDoubted(StoragePath),
    /// A read failed in the disk. The log goes on serving what it can read.
    ReadFailed(StorageFailure),
    /// Nothing can be appended or read any more.
    Failed(LogFailure),
    /// Everything is as a clean stop leaves it, and no file is open. It is on the disk, too, or
    /// will be with [`StorageRequest::SyncAll`], as [`Log::close`] was told.
    Closed,
    /// The folder cannot be renamed. It is tried again until it can: [`LogProgress::Deleted`]
    /// follows then.
    DeletionPutOff(StorageFailure),
    /// The folder has this name now. Who holds the log drops it, and removes the folder when
    /// `file.delete.delay.ms` have passed.
    Deleted { folder: StoragePath },
}

/// Where a log is in its life.
#[derive(Debug)]
pub(super) enum State {
    Opening(Box<Recovery>),
    Open,
    Closing(Durability),
    Closed,
    Deleting { to: StoragePath, is_renamed: bool },
    Deleted,
    Failed,
}

/// How many files a log has.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct OpenFiles {
    /// Those that are open, being opened or being closed.
    pub count: usize,
    /// Those of them that are being closed.
    pub closing: usize,
}

/// What a ticket was drawn for. Segments are named by their base offsets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Pending {
    Recovery,
    /// With this length.
    Recycled(Offset, u64),
    SegmentOpened(Offset),
    IndexRemoved(Offset),
    TailRead(Offset),
    Allocated(Offset, u64),
    Written(Offset),
    Cut(Offset),
    SegmentFile(Offset),
    Sealed(Offset),
    OffsetIndexRead(Offset),
    TimeIndexRead(Offset),
    DataRead(ReadId, Offset),
    ReadAhead(u64, Offset),
    /// Of the run with this number.
    CleaningRead(u64, Offset),
    CleaningStep(u64),
    ReindexingRead(Offset),
    IndexWritten(Offset),
    EpochsWritten,
    SnapshotWritten,
    LogRenamed,
    FolderRenamed,
    FolderMoved,
    FileClosed,
    /// Only its failure matters.
    Other,
}

/// The log of one replica of one partition.
///
/// It asks for work on the disk only in [`Log::flush`] and [`Log::close_unused_files`];
/// every other method changes memory. So the owner calls `flush` at the
/// end of each turn in which it called anything else, and everything of one turn becomes one
/// write, or what [`Log::take_offer`] then has for the journal. Completions come in by
/// [`Log::on_storage`] and [`Log::on_journalled`]; what that or a flush leads to comes out of
/// [`Log::next_progress`].
#[derive(Debug)]
pub struct Log {
    pub(super) identity: LogIdentity,
    pub(super) config: Arc<TopicConfig>,
    pub(super) state: State,
    /// In the order of their offsets; the last one is appended to.
    pub(super) segments: VecDeque<Segment>,
    /// The base offsets of the segments that have a writer; the last one is appended to.
    pub(super) unsealed: Vec<Offset>,
    pub(super) log_start_offset: Offset,
    pub(super) log_end_offset: Offset,
    pub(super) durable_end_offset: Offset,
    /// Everything below is in the segments; what lies behind it is in memory.
    pub(super) written_end_offset: Offset,
    pub(super) journalled: Journalled,
    pub(super) deferral: Deferral,
    pub(super) resume_points: ResumePoints,
    pub(super) predecessor: Predecessor,
    pub(super) epochs: LeaderEpochs,
    /// The file of the epochs is to be written.
    pub(super) epochs_are_dirty: bool,
    /// The file differs only in what begins at the end of the log. An opening cuts that off again,
    /// so it need not be written before there are records.
    pub(super) epochs_differ_at_end: bool,
    pub(super) has_epochs_file: bool,
    /// The file is being written.
    pub(super) epochs_in_flight: bool,
    pub(super) producers: ProducerStates,
    pub(super) aborted: AbortedTransactions,
    pub(super) unsettled: Unsettled,
    pub(super) cache: Cache,
    pub(super) reads: Reads,
    /// Searches that wait for a time index.
    pub(super) lookups: Vec<(ReadId, Lookup)>,
    pub(super) pending: BTreeMap<u64, Pending>,
    pub(super) next_sequence: u64,
    /// The files that were asked for and of whose end the disk has not told.
    pub(super) open_files: OpenFiles,
    /// True if the last flush could not open a file, since no other may be open.
    pub(super) is_short_of_files: bool,
    pub(super) progress: VecDeque<LogProgress>,
    /// The offsets at which there is a snapshot of the producers.
    pub(super) snapshots: BTreeSet<Offset>,
    /// Files that were deleted by name.
    pub(super) recycling: Recycling,
    /// Retention that waits for a time index: the high watermark to apply it with.
    pub(super) retention_high_watermark: Option<Offset>,
    /// True while the file of a deleted segment is being renamed.
    pub(super) deletion_in_flight: bool,
    pub(super) cleaner: Cleaner,
    pub(super) reindexing: Reindexing,
    /// What it has yet to do as a copy of another replica.
    pub(super) following: Following,
    /// What takes room on the disk, and what found none there.
    pub(super) space: Space,
    /// Off `segment.ms` for the active segment.
    pub(super) roll_jitter_ms: i64,
    pub(super) random: Random,
}

impl Log {
    /// A log to be opened, which begins with [`Log::flush`]: [`LogProgress::Opened`] or
    /// [`LogProgress::Failed`] follows.
    /// `random` spreads the rolls by time of logs that were begun together.
    #[must_use]
    pub fn open(
        identity: LogIdentity,
        config: Arc<TopicConfig>,
        mode: OpenMode,
        random: Random,
    ) -> Self {
        Self {
            identity,
            config,
            state: State::Opening(Box::new(Recovery::new(mode))),
            segments: VecDeque::new(),
            unsealed: Vec::new(),
            log_start_offset: 0,
            log_end_offset: 0,
            durable_end_offset: 0,
            written_end_offset: 0,
            journalled: Journalled::default(),
            deferral: Deferral::default(),
            resume_points: ResumePoints::default(),
            predecessor: Predecessor::default(),
            epochs: LeaderEpochs::default(),
            epochs_are_dirty: false,
            epochs_differ_at_end: false,
            has_epochs_file: false,
            epochs_in_flight: false,
            producers: ProducerStates::default(),
            aborted: AbortedTransactions::default(),
            unsettled: Unsettled::default(),
            cache: Cache::default(),
            reads: Reads::default(),
            lookups: Vec::new(),
            pending: BTreeMap::new(),
            next_sequence: 0,
            open_files: OpenFiles::default(),
            is_short_of_files: false,
            progress: VecDeque::new(),
            snapshots: BTreeSet::new(),
            recycling: Recycling::default(),
            retention_high_watermark: None,
            deletion_in_flight: false,
            cleaner: Cleaner::default(),
            reindexing: Reindexing::default(),
            following: Following::default(),
            space: Space::default(),
            roll_jitter_ms: 0,
            random,
        }
    }

    /// Which partition this is.
    #[must_use]
    pub const fn identity(&self) -> &LogIdentity {
        &self.identity
    }

    /// The settings it obeys.
    #[must_use]
    pub const fn config(&self) -> &Arc<TopicConfig> {
        &self.config
    }

    /// Obey other settings from now on.
    pub fn change_config(&mut self, config: Arc<TopicConfig>) {
        self.config = config;
    }

    /// True while appends and reads are served.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// The first offset that can be read.
    #[must_use]
    pub const fn log_start_offset(&self) -> Offset {
        self.log_start_offset
    }

    /// The offset of the next record.
    #[must_use]
    pub const fn log_end_offset(&self) -> Offset {
        self.log_end_offset
    }

    /// Everything below this offset is on the disk.
    #[must_use]
    pub const fn durable_end_offset(&self) -> Offset {
        self.durable_end_offset
    }

    /// Bytes of records, as `DescribeLogDirs` tells them.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.length).sum()
    }

    /// How many segments there are.
    #[must_use]
    pub fn segments_count(&self) -> usize {
        self.segments.len()
    }

    /// The latest leader epoch and where it began.
    #[must_use]
    pub fn latest_epoch(&self) -> Option<EpochStart> {
        self.epochs.latest()
    }

    /// The epoch of the leader that appended the record at `offset`.
    #[must_use]
    pub fn epoch_of(&self, offset: Offset) -> Option<LeaderEpoch> {
        self.epochs.epoch_of(offset)
    }

    /// Where the records of `epoch` end (KIP-279); `None` if it is newer than all that is known.
    #[must_use]
    pub fn end_offset_for_epoch(&self, epoch: LeaderEpoch) -> Option<EpochEnd> {
        self.epochs.end_of(epoch, self.log_end_offset)
    }

    /// A leader begins its `epoch`: its records come from `start_offset` on.
    pub fn on_leader_epoch(&mut self, epoch: LeaderEpoch, start_offset: Offset) {
        self.note_epoch_has_records();
        let is_at_end = self.is_open() && start_offset == self.log_end_offset;
        if self.epochs.assign(epoch, start_offset) {
            let may_wait = is_at_end && self.has_epochs_file;
            self.epochs_differ_at_end |= may_wait;
            self.epochs_are_dirty |= !may_wait;
        }
    }

    /// What begins no longer at the end of the log is to be written.
    pub(super) fn note_epoch_has_records(&mut self) {
        let latest = self.epochs.latest();
        if latest.is_some_and(|latest| latest.start_offset < self.log_end_offset) {
            self.epochs_are_dirty |= std::mem::take(&mut self.epochs_differ_at_end);
        }
    }

    /// The producers that are remembered, by id.
    #[must_use]
    pub fn active_producers(&self) -> Vec<ActiveProducer> {
        self.producers.active()
    }

    /// Forget the producers that were silent for `expiration_ms` (`producer.id.expiration.ms`).
    pub fn expire_producers(&mut self, now: Now, expiration_ms: i64) {
        self.producers.expire(now.wall_ms, expiration_ms);
    }

    /// Where the oldest open transaction begins.
    #[must_use]
    pub fn first_open_transaction(&self) -> Option<Offset> {
        self.producers.first_open_transaction()
    }

    /// Memory that recent records and read-ahead take.
    #[must_use]
    pub fn cached_bytes(&self) -> usize {
        self.cache.charged_bytes() + self.reads.held_bytes()
    }

    /// Let go of the oldest records in memory until at most `bytes_max` remain. What the segments
    /// do not have yet stays.
    pub fn trim_cache(&mut self, bytes_max: usize) {
        let recent = self.cache.charged_bytes();
        self.reads.trim(bytes_max.saturating_sub(recent));
        let ahead = self.reads.held_bytes();
        self.cache
            .trim(bytes_max.saturating_sub(ahead), self.written_end_offset);
    }

    /// How many files it has.
    #[must_use]
    pub const fn open_files(&self) -> OpenFiles {
        self.open_files
    }

    /// True if it goes on only with a file that [`Log::flush`] could not open, since the outbox
    /// allows no more: call that again when there is room.
    #[must_use]
    pub const fn is_short_of_files(&self) -> bool {
        self.is_short_of_files
    }

    /// When [`Log::flush`] has to be called at the latest: for files that are to be removed, and
    /// for what the disk could not do.
    #[must_use]
    pub fn next_deadline(&self) -> Instant {
        let removals = &self.recycling.removals;
        let removal = removals.front().map(|(when, _)| *when);
        let deadlines = [removal, self.space.retry_at()];
        let first = deadlines.into_iter().flatten().min();
        first.unwrap_or(Instant::MAX)
    }

    /// The oldest thing that happened and was not asked for yet.
    pub fn next_progress(&mut self) -> Option<LogProgress> {
        self.progress.pop_front()
    }

    /// The request with this `sequence` in its ticket has ended.
    pub fn on_storage(&mut self, now: Now, sequence: u64, result: StorageResult) {
        let pending = self
            .pending
            .remove(&sequence)
            .expect("a request completes once, and only what was asked for");
        if pending == Pending::FileClosed {
            self.open_files.count -= 1;
            self.open_files.closing -= 1;
        }
        // Also when nobody waits for the read any more.
        if let Pending::DataRead(_, at)
        | Pending::ReadAhead(_, at)
        | Pending::CleaningRead(_, at)
        | Pending::ReindexingRead(at)
        | Pending::IndexWritten(at) = pending
            && let Some(segment) = self.segment_mut(at)
        {
            segment.reads_in_flight -= 1;
        }
        let again = self.space.note_ended(sequence);
        let result = match (result, again) {
            (Err(failure), Some(request))
                if self.may_postpone(pending, &failure) && !self.may_stop_cleaning(pending) =>
            {
                return self.postpone(now, sequence, (pending, request), failure);
            }
            (result, _) => result,
        };
        match (&self.state, pending) {
            (State::Failed | State::Closed | State::Deleted, _) => {}
            (_, Pending::DataRead(read, _)) => self.on_data_read(now, read, result),
            (_, Pending::ReadAhead(stream, _)) => self.on_read_ahead(stream, result),
            (_, Pending::CleaningRead(run, _)) => self.on_cleaning_read(run, result),
            (_, Pending::ReindexingRead(at)) => self.on_reindexing_read(at, result),
            (_, Pending::Recovery) => self.on_recovery_step(sequence, result),
            // What is deleted need not be sound: only its name matters.
            (State::Deleting { .. }, pending) => match result {
                Ok(outcome) => self.on_outcome(now, pending, outcome),
                // There is no folder: it was still to be made, or somebody has removed it.
                Err(_) if pending == Pending::FolderRenamed => self.on_folder_renamed(),
                Err(_) => {}
            },
            (_, pending) => match result {
                Ok(outcome) => self.on_outcome(now, pending, outcome),
                Err(failure) if self.may_stop_cleaning(pending) => self.stop_cleaning(failure),
                // It is in memory as it should be, and is doubted again after the next start.
                Err(failure)
                    if matches!(pending, Pending::IndexWritten(_))
                        && failure.is_lack_of_space() => {}
                Err(failure) => self.fail(LogFailure::Storage(failure)),
            },
        }
    }

    /// Ask for `request`, to be told of its end as `pending`.
    pub(super) fn submit(
        &mut self,
        outbox: &mut StorageOutbox,
        pending: Pending,
        request: StorageRequest,
    ) -> u64 {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        self.submit_as(sequence, outbox, pending, request);
        sequence
    }

    /// Ask for `request` with this `sequence`, which nothing under way has.
    pub(super) fn submit_as(
        &mut self,
        sequence: u64,
        outbox: &mut StorageOutbox,
        pending: Pending,
        request: StorageRequest,
    ) {
        self.pending.insert(sequence, pending);
        self.space.note_asked(sequence, &request);
        let ticket = Ticket {
            owner: self.identity.owner,
            sequence,
        };
        outbox.submit(ticket, request);
    }

    /// The disk is not to be trusted with this log any more: nothing is tried again.
    pub(super) fn fail(&mut self, failure: LogFailure) {
        self.abandon();
        self.progress.push_back(LogProgress::Failed(failure));
    }

    /// The disk under it is given up: nothing more is asked of it, and nothing appended or read.
    pub fn abandon(&mut self) {
        self.state = State::Failed;
        self.space.forget_refused();
        self.fail_reads(ErrorCode::KafkaStorageError);
    }

    /// The segment whose base offset is `base_offset`; `None` if it was deleted meanwhile.
    pub(super) fn segment_mut(&mut self, base_offset: Offset) -> Option<&mut Segment> {
        let index = self.segment_index(base_offset)?;
        self.segments.get_mut(index)
    }

    pub(super) fn segment_index(&self, base_offset: Offset) -> Option<usize> {
        self.segments
            .binary_search_by_key(&base_offset, |segment| segment.base_offset)
            .ok()
    }

    /// The index of the segment that holds `offset`, or would.
    pub(super) fn segment_of(&self, offset: Offset) -> Option<usize> {
        self.segments
            .partition_point(|segment| segment.base_offset <= offset)
            .checked_sub(1)
    }

    /// The offset behind the segment at `index`.
    pub(super) fn segment_end(&self, index: usize) -> Offset {
        self.segments
            .get(index + 1)
            .map_or(self.log_end_offset, |next| next.base_offset)
    }
}
