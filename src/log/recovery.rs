//! Opening a log: what is in its folder, and which of it has to be read.
//!
//! After a clean stop the files say where the log ends: only what lies behind the last index entry
//! is read. Otherwise every segment that is not sealed is scanned, batch by batch; the segments
//! end behind the last whole batch, and the file is cut there, since what lies behind may look
//! like records later. What only the journal has of the log is then appended to them. A segment is
//! written to only when all before it is durable, so a fault before the last one is damage, and
//! not the end of the log.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;

use crate::model::Offset;
use crate::stdx::Now;

use super::checkpoint::{decode_partition_metadata, encode_partition_metadata};
use super::cleaning::Interrupted;
use super::file_names::{CLEANED, DELETED, FileKind, LEADER_EPOCHS, PARTITION_METADATA, SWAP};
use super::leader_epochs::LeaderEpochs;
use super::offset_index::OffsetIndex;
use super::partition_log::{Log, LogFailure, LogProgress, OpenMode, Pending, State};
use super::producer_state::ProducerStates;
use super::recovery_scan::{RESUMED_STEP_BYTES, STEP_BYTES, Scan, ScanProgress};
use super::resume_point::ResumePoint;
use super::segment::{Index, Largest, Segment, Times};
use super::snapshot::decode_snapshot;
use super::storage::{FolderEntry, StorageOutbox, StorageOutcome, StorageRequest, StorageResult};
use super::time_index::TimeIndex;
use super::truncation::Truncation;

/// What was found of one segment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FoundFiles {
    pub(super) length: u64,
    pub(super) modified_ms: i64,
    has_log: bool,
    pub(super) has_offset_index: bool,
    offset_index_length: u64,
    has_time_index: bool,
    pub(super) has_transaction_index: bool,
}

impl FoundFiles {
    /// The offset index is written last when a segment is sealed.
    pub(super) const fn is_sealed(&self) -> bool {
        self.has_offset_index && self.has_time_index
    }
}

/// What recovery asked the disk for.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Asked {
    Metadata,
    Epochs,
    Entries,
    Truncation,
    Predecessor,
    Snapshot,
    /// Of the segment with this base offset.
    TransactionIndex(Offset),
    OffsetIndex,
    TimeIndex,
    FirstBlock,
    FileOpened,
    Piece,
    /// Something that brings nothing back.
    Change,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    Begin,
    FolderIsMade,
    FolderIsNoted,
    Listed,
    NotesAreRead,
    NotesAreWritten,
    Swapping,
    Sorting,
    Dropping,
    AbortedAreRead,
    SnapshotIsRead,
    IndexesAreRead,
    Scanning,
    Cutting,
    Finishing,
}

/// How far the opening of a log has come.
#[derive(Debug)]
pub(super) struct Recovery {
    pub(super) mode: OpenMode,
    stage: Stage,
    asked: BTreeMap<u64, Asked>,
    pub(super) answers: BTreeMap<Asked, StorageOutcome>,
    /// The folder does not say yet whose it is: the log never was open.
    pub(super) lacks_metadata: bool,
    /// What is to be given up.
    pub(super) truncation: Option<Truncation>,
    /// What is left of a compaction.
    interrupted: Option<Interrupted>,
    pub(super) found: BTreeMap<Offset, FoundFiles>,
    /// What need not be read, unless the files turn out to be others.
    pub(super) resume: Option<ResumePoint>,
    /// What the index of the last segment says of the batch where its scan begins.
    pub(super) said_offset: Option<Offset>,
    /// True once that was not so: the segment is then read from its beginning.
    doubts_index: bool,
    /// The first segment whose index of aborted transactions cannot be read.
    pub(super) doubts_aborted: Option<Offset>,
    /// The log reached this offset, as a point says that need not be of use otherwise.
    pub(super) reached: Offset,
    /// The snapshots that may be used, the newest last.
    candidates: Vec<Offset>,
    pub(super) scans: VecDeque<Scan>,
    /// Where the producers' state was taken: batches from here on are replayed.
    pub(super) replay_from: Offset,
    /// The least offset that the next batch can have.
    pub(super) next_offset: Offset,
    /// The segment that ends before the one behind it begins, and where it ends.
    pub(super) gap: Option<(Offset, Offset)>,
}

impl Recovery {
    pub(super) const fn new(mode: OpenMode) -> Self {
        Self {
            mode,
            stage: Stage::Begin,
            asked: BTreeMap::new(),
            answers: BTreeMap::new(),
            lacks_metadata: false,
            truncation: None,
            interrupted: None,
            found: BTreeMap::new(),
            resume: None,
            said_offset: None,
            doubts_index: false,
            doubts_aborted: None,
            reached: 0,
            candidates: Vec::new(),
            scans: VecDeque::new(),
            replay_from: 0,
            next_offset: 0,
            gap: None,
        }
    }

    /// True if the segment in which `point` lies has to be read.
    fn has_use_for(&self, point: &ResumePoint) -> bool {
        let is_last = self.found.keys().next_back() == Some(&point.segment);
        self.found.get(&point.segment).is_some_and(|found| {
            (is_last || !found.is_sealed()) && found.length > point.last_batch.position
        })
    }

    /// True if there is a file or folder of this name in the log's folder, which was listed.
    pub(super) fn has_entry(&self, name: &str) -> bool {
        match self.answers.get(&Asked::Entries) {
            Some(StorageOutcome::Entries(entries)) => {
                entries.iter().any(|entry| entry.name == name)
            }
            _ => false,
        }
    }

    pub(super) const fn is_clean(&self) -> bool {
        match self.mode {
            OpenMode::Create => true,
            OpenMode::Existing { is_clean, .. } => is_clean,
        }
    }
}

/// True if there is a segment in the folder, or what was to take the place of one.
fn has_records(recovery: &Recovery) -> bool {
    let Some(StorageOutcome::Entries(entries)) = recovery.answers.get(&Asked::Entries) else {
        return false;
    };
    let names = entries.iter().map(|entry| entry.name.as_str());
    let mut kinds =
        names.filter_map(|name| FileKind::parse(name.strip_suffix(SWAP).unwrap_or(name)));
    kinds.any(|(_, kind)| kind == FileKind::Log)
}

impl Log {
    pub(super) fn on_recovery_step(&mut self, sequence: u64, result: StorageResult) {
        let State::Opening(recovery) = &mut self.state else {
            return;
        };
        let asked = recovery
            .asked
            .remove(&sequence)
            .expect("recovery asked for this");
        match result {
            Ok(outcome) => {
                recovery.answers.insert(asked, outcome);
            }
            Err(failure) => self.fail(LogFailure::Storage(failure)),
        }
    }

    /// Take the next step of opening, if the disk has answered all that was asked.
    pub(super) fn advance_recovery(&mut self, now: Now, outbox: &mut StorageOutbox) {
        let State::Opening(mut recovery) = std::mem::replace(&mut self.state, State::Open) else {
            unreachable!("a log recovers while it is being opened")
        };
        while recovery.asked.is_empty() && !self.is_short_of_files {
            match self.recover(&mut recovery, now, outbox) {
                Ok(Stage::Finishing) if recovery.stage == Stage::Finishing => {
                    self.replay_journal(now);
                    self.judge_first_dirty_offset();
                    self.progress.push_back(LogProgress::Opened);
                    return;
                }
                Ok(stage) => recovery.stage = stage,
                Err(failure) => return self.fail(failure),
            }
        }
        self.state = State::Opening(recovery);
    }

    pub(super) fn ask(
        &mut self,
        recovery: &mut Recovery,
        asked: Asked,
        request: StorageRequest,
        outbox: &mut StorageOutbox,
    ) {
        let sequence = self.submit(outbox, Pending::Recovery, request);
        recovery.asked.insert(sequence, asked);
    }

    fn recover(
        &mut self,
        recovery: &mut Recovery,
        now: Now,
        outbox: &mut StorageOutbox,
    ) -> Result<Stage, LogFailure> {
        match recovery.stage {
            Stage::Begin => Ok(self.begin_recovery(recovery, outbox)),
            Stage::FolderIsMade => {
                self.note_predecessor(recovery, outbox);
                Ok(Stage::FolderIsNoted)
            }
            Stage::FolderIsNoted => {
                self.write_metadata(recovery, outbox);
                self.segments.push_back(Segment::new(0, now.wall_ms));
                self.unsealed.push(0);
                Ok(Stage::Finishing)
            }
            Stage::Listed => {
                self.check_identity(recovery)?;
                recovery.interrupted = match recovery.answers.get(&Asked::Entries) {
                    Some(StorageOutcome::Entries(entries)) => Interrupted::find(entries),
                    _ => None,
                };
                self.ask_for_truncation(recovery, outbox);
                self.ask_for_predecessor(recovery, outbox);
                Ok(Stage::NotesAreRead)
            }
            Stage::NotesAreRead => {
                self.note_truncation(recovery, outbox);
                self.judge_predecessor(recovery, outbox)?;
                Ok(Stage::NotesAreWritten)
            }
            Stage::NotesAreWritten => {
                if recovery.lacks_metadata {
                    self.write_metadata(recovery, outbox);
                }
                Ok(Stage::Swapping)
            }
            Stage::Swapping => self.advance_swap(recovery, outbox),
            Stage::Sorting => {
                self.on_listed(recovery, outbox)?;
                Ok(Stage::Dropping)
            }
            Stage::Dropping => {
                if self.drop_truncated(recovery, outbox) {
                    return Ok(Stage::Dropping);
                }
                self.on_sorted(recovery, now);
                self.ask_for_aborted(recovery, outbox);
                Ok(Stage::AbortedAreRead)
            }
            Stage::AbortedAreRead => {
                self.take_in_aborted(recovery, outbox);
                self.choose_snapshots(recovery);
                self.ask_for_snapshot(recovery, outbox);
                Ok(Stage::SnapshotIsRead)
            }
            Stage::SnapshotIsRead => Ok(self.on_snapshot(recovery, outbox)),
            Stage::IndexesAreRead => {
                self.plan_scans(recovery);
                Ok(Stage::Scanning)
            }
            Stage::Scanning => match self.advance_scan(recovery, outbox)? {
                ScanProgress::UnderWay => Ok(Stage::Scanning),
                ScanProgress::Doubtful => {
                    self.read_all_again(recovery, outbox);
                    Ok(Stage::SnapshotIsRead)
                }
                ScanProgress::Done => {
                    self.finish_recovery(recovery, now, outbox)?;
                    Ok(Stage::Cutting)
                }
            },
            Stage::Cutting => {
                let is_cut = self.advance_cut(recovery, outbox);
                Ok(if is_cut {
                    Stage::Finishing
                } else {
                    Stage::Cutting
                })
            }
            Stage::Finishing => Ok(Stage::Finishing),
        }
    }

    fn begin_recovery(&mut self, recovery: &mut Recovery, outbox: &mut StorageOutbox) -> Stage {
        let folder = self.identity.folder.clone();
        if recovery.mode == OpenMode::Create {
            let request = StorageRequest::CreateFolder { path: folder };
            self.ask(recovery, Asked::Change, request, outbox);
            return Stage::FolderIsMade;
        }
        let metadata = folder.join(PARTITION_METADATA);
        let epochs = folder.join(LEADER_EPOCHS);
        for (asked, request) in [
            (Asked::Metadata, StorageRequest::ReadFile { path: metadata }),
            (Asked::Epochs, StorageRequest::ReadFile { path: epochs }),
            (Asked::Entries, StorageRequest::List { path: folder }),
        ] {
            self.ask(recovery, asked, request, outbox);
        }
        Stage::Listed
    }

    fn write_metadata(&mut self, recovery: &mut Recovery, outbox: &mut StorageOutbox) {
        let request = StorageRequest::ReplaceFile {
            path: self.identity.folder.join(PARTITION_METADATA),
            contents: encode_partition_metadata(self.identity.topic_id),
        };
        self.ask(recovery, Asked::Change, request, outbox);
    }

    pub(super) fn unusable(&self, reason: &str) -> LogFailure {
        let folder = &self.identity.folder;
        LogFailure::Unusable(format!("{} in folder {folder}: {reason}", self.identity))
    }

    fn foreign(&self, reason: &str) -> LogFailure {
        let folder = &self.identity.folder;
        LogFailure::Foreign(format!("{} in folder {folder}: {reason}", self.identity))
    }

    /// See whose folder it is.
    fn check_identity(&mut self, recovery: &mut Recovery) -> Result<(), LogFailure> {
        match recovery.answers.remove(&Asked::Metadata) {
            Some(StorageOutcome::Data(file)) => match decode_partition_metadata(&file) {
                Some(id) if id == self.identity.topic_id => {}
                Some(id) => {
                    let expected = self.identity.topic_id;
                    let reason = format!("it is of topic id {id}, not {expected}");
                    return Err(self.foreign(&reason));
                }
                None => return Err(self.unusable("partition.metadata cannot be read")),
            },
            // Nothing is written into a folder that does not say whose it is, so one that holds
            // records is not ours. One without comes from a crash between the folder and its file.
            _ if has_records(recovery) => {
                return Err(self.foreign("it does not say of which topic id it is"));
            }
            _ => recovery.lacks_metadata = true,
        }
        if let Some(StorageOutcome::Data(file)) = recovery.answers.remove(&Asked::Epochs) {
            self.epochs = LeaderEpochs::decode(&file)
                .map_err(|error| self.unusable(&format!("in {LEADER_EPOCHS}, {error}")))?;
            self.has_epochs_file = true;
        }
        Ok(())
    }

    /// Take the next step towards the end of a compaction that was interrupted, if one was.
    fn advance_swap(
        &mut self,
        recovery: &mut Recovery,
        outbox: &mut StorageOutbox,
    ) -> Result<Stage, LogFailure> {
        let Some(mut interrupted) = recovery.interrupted.take() else {
            return Ok(Stage::Sorting);
        };
        if self.finish_interrupted(recovery, &mut interrupted, outbox)? {
            let path = self.identity.folder.clone();
            self.ask(
                recovery,
                Asked::Entries,
                StorageRequest::List { path },
                outbox,
            );
        } else {
            recovery.interrupted = Some(interrupted);
        }
        Ok(Stage::Swapping)
    }

    fn on_listed(
        &mut self,
        recovery: &mut Recovery,
        outbox: &mut StorageOutbox,
    ) -> Result<(), LogFailure> {
        let entries = match recovery.answers.remove(&Asked::Entries) {
            Some(StorageOutcome::Entries(entries)) => entries,
            _ => return Err(self.unusable("the folder is missing")),
        };
        self.sort_entries(recovery, &entries, outbox);
        Ok(())
    }

    /// The segments that there are, and stay, are known.
    fn on_sorted(&mut self, recovery: &mut Recovery, now: Now) {
        let log_start_offset = match recovery.mode {
            OpenMode::Create => None,
            OpenMode::Existing {
                log_start_offset, ..
            } => log_start_offset,
        };
        self.log_start_offset = log_start_offset.unwrap_or(0);
        self.begin_truncated(recovery);
        for (base_offset, found) in &recovery.found {
            let mut segment = Segment::sealed(*base_offset, found.length, found.modified_ms);
            segment.has_transaction_index = found.has_transaction_index;
            segment.last_used = now.instant;
            self.segments.push_back(segment);
        }
        if let Some((_, point)) = self.resume_points.inherited.take()
            && !recovery.is_clean()
        {
            recovery.reached = point.end_offset;
            recovery.resume = Some(point).filter(|point| recovery.has_use_for(point));
        }
    }

    fn choose_snapshots(&self, recovery: &mut Recovery) {
        // A snapshot of a log's end is good as long as the log still ends there; one at the base of
        // a segment was taken when all before it was durable.
        let newest = match recovery.found.last_key_value() {
            Some((base_offset, _)) if !recovery.is_clean() => *base_offset,
            Some(_) | None => Offset::MAX,
        };
        if !recovery.is_clean() {
            let reached = self.snapshots.range(..=newest).next_back();
            recovery.reached = recovery.reached.max(reached.copied().unwrap_or(0));
        }
        // The markers of a segment tell what was aborted only to who knows what was open before it.
        let newest = newest.min(recovery.aborted_known_to());
        recovery.candidates = match recovery.resume {
            Some(_) => Vec::new(),
            None => self.snapshots.range(..=newest).copied().collect(),
        };
    }

    /// The files are not those of which the resume point tells, or the index: begin as without it.
    pub(super) fn read_all_again(&mut self, recovery: &mut Recovery, outbox: &mut StorageOutbox) {
        recovery.resume = None;
        recovery.doubts_index = true;
        recovery.scans.clear();
        recovery.replay_from = 0;
        self.producers = ProducerStates::default();
        self.unsealed.clear();
        self.choose_snapshots(recovery);
        self.ask_for_snapshot(recovery, outbox);
    }

    /// Tell the files of segments from each other, and remove what a crash left over.
    fn sort_entries(
        &mut self,
        recovery: &mut Recovery,
        entries: &[FolderEntry],
        outbox: &mut StorageOutbox,
    ) {
        let mut leftovers = BTreeSet::new();
        for entry in entries.iter().filter(|entry| !entry.is_folder) {
            let name = entry.name.as_str();
            if name.ends_with(DELETED) || name.ends_with(CLEANED) {
                leftovers.insert(name.to_owned());
            }
            let Some((base_offset, kind)) = FileKind::parse(name) else {
                continue;
            };
            if kind == FileKind::Snapshot {
                self.snapshots.insert(base_offset);
                continue;
            }
            let found = recovery.found.entry(base_offset).or_default();
            match kind {
                FileKind::Log => {
                    found.has_log = true;
                    found.length = entry.length;
                    found.modified_ms = entry.modified_ms;
                }
                FileKind::OffsetIndex => {
                    found.has_offset_index = true;
                    found.offset_index_length = entry.length;
                }
                FileKind::TimeIndex => found.has_time_index = true,
                FileKind::TransactionIndex => found.has_transaction_index = true,
                FileKind::Snapshot => {}
            }
        }
        for (base_offset, found) in &recovery.found {
            if !found.has_log {
                for (kind, exists) in [
                    (FileKind::OffsetIndex, found.has_offset_index),
                    (FileKind::TimeIndex, found.has_time_index),
                    (FileKind::TransactionIndex, found.has_transaction_index),
                ] {
                    leftovers.extend(exists.then(|| kind.name(*base_offset)));
                }
            }
        }
        recovery.found.retain(|_, found| found.has_log);
        for name in leftovers {
            let path = self.identity.folder.join(&name);
            self.submit(outbox, Pending::Other, StorageRequest::Remove { path });
        }
    }

    fn ask_for_snapshot(&mut self, recovery: &mut Recovery, outbox: &mut StorageOutbox) {
        if let Some(offset) = recovery.candidates.last() {
            let path = self.file_path(*offset, FileKind::Snapshot);
            let request = StorageRequest::ReadFile { path };
            self.ask(recovery, Asked::Snapshot, request, outbox);
        }
    }

    /// Take the newest snapshot that can be read, then ask for the indexes of the last segment.
    fn on_snapshot(&mut self, recovery: &mut Recovery, outbox: &mut StorageOutbox) -> Stage {
        if let Some(offset) = recovery.candidates.pop() {
            let producers = match recovery.answers.remove(&Asked::Snapshot) {
                Some(StorageOutcome::Data(file)) => decode_snapshot(&file),
                _ => None,
            };
            if let Some(producers) = producers {
                self.producers = producers;
                recovery.replay_from = offset;
            } else {
                self.remove_snapshot(offset, outbox);
                self.ask_for_snapshot(recovery, outbox);
                return Stage::SnapshotIsRead;
            }
        } else if let Some(point) = &recovery.resume {
            self.producers = point.producers.clone();
            for aborted in &point.aborted {
                self.aborted.note(*aborted);
            }
            recovery.replay_from = point.end_offset;
        }
        if let Some((&base_offset, &found)) = recovery.found.last_key_value()
            && recovery.is_clean()
            && found.is_sealed()
            && found.length > 0
        {
            for (asked, kind) in [
                (Asked::OffsetIndex, FileKind::OffsetIndex),
                (Asked::TimeIndex, FileKind::TimeIndex),
            ] {
                if kind == FileKind::OffsetIndex && found.offset_index_length == 0 {
                    // As with a few records: with ten thousand such logs it shows.
                    let empty = StorageOutcome::Data(Bytes::new());
                    recovery.answers.insert(asked, empty);
                    continue;
                }
                let path = self.file_path(base_offset, kind);
                let request = StorageRequest::ReadFile { path };
                self.ask(recovery, asked, request, outbox);
            }
        }
        Stage::IndexesAreRead
    }

    pub(super) fn remove_snapshot(&mut self, offset: Offset, outbox: &mut StorageOutbox) {
        self.snapshots.remove(&offset);
        let path = self.file_path(offset, FileKind::Snapshot);
        self.submit(outbox, Pending::Other, StorageRequest::Remove { path });
    }

    /// Decide which segments are read, and from where: those of which the disk does not have all,
    /// and those whose producers are in no snapshot.
    fn plan_scans(&mut self, recovery: &mut Recovery) {
        let last = recovery.found.keys().next_back().copied();
        let tail_position = self.load_last_indexes(recovery);
        let has_snapshot = recovery.replay_from > 0 || self.producers.len() > 0;
        let replays_producers = recovery.replays_markers() || has_snapshot;
        let ends = recovery.found.keys().skip(1).copied();
        let ends: Vec<Offset> = ends.chain([Offset::MAX]).collect();
        for ((base_offset, found), end) in recovery.found.iter().zip(ends) {
            let is_last = Some(*base_offset) == last;
            let is_whole_on_disk = found.is_sealed() && (!is_last || tail_position.is_some());
            let rebuilds = is_last || !is_whole_on_disk;
            if !(rebuilds || replays_producers && end > recovery.replay_from) {
                continue;
            }
            let mut position = tail_position.filter(|_| is_last).unwrap_or(0);
            let mut step_bytes = STEP_BYTES;
            if let Some(point) = &recovery.resume
                && point.segment == *base_offset
                && let Some(index) = self.segment_index(*base_offset)
            {
                point.restore(&mut self.segments[index]);
                self.reindexing.note_coarse(*base_offset);
                position = point.last_batch.position;
                step_bytes = RESUMED_STEP_BYTES;
            }
            recovery.scans.push_back(Scan {
                segment: *base_offset,
                position,
                step_bytes,
                has_begun: false,
                rebuilds,
                is_sealed_on_disk: is_whole_on_disk,
                file_length: found.length,
            });
        }
    }

    /// Put in the indexes of the last segment, if they can be used: then only what lies behind
    /// their last entry is read. Returns where that is.
    fn load_last_indexes(&mut self, recovery: &mut Recovery) -> Option<u64> {
        let offset_index = match recovery.answers.remove(&Asked::OffsetIndex) {
            Some(StorageOutcome::Data(file)) => Some(file),
            _ => None,
        };
        let time_index = match recovery.answers.remove(&Asked::TimeIndex) {
            Some(StorageOutcome::Data(file)) => Some(file),
            _ => None,
        };
        let (_, found) = recovery.found.last_key_value()?;
        let segment = self.segments.back_mut()?;
        if found.length == 0 && found.is_sealed() && recovery.is_clean() {
            return Some(0);
        }
        if recovery.doubts_index {
            return None;
        }
        let offset_index = OffsetIndex::decode(&offset_index?, segment.length)?;
        let time_index = TimeIndex::decode(&time_index?)?;
        let position = offset_index.last_position().map_or(0, u64::from);
        let last_entry = offset_index.last_offset(segment.base_offset);
        // Producers who wrote before the last entry must be in the snapshot.
        if last_entry.is_some_and(|offset| recovery.replay_from < offset) {
            return None;
        }
        let last = time_index.last(segment.base_offset);
        // Only records without timestamps leave it so.
        if last.is_none() && segment.length > 0 {
            return None;
        }
        segment.largest = Largest::Known(last);
        segment.times = last.map_or(Times::Proven, Times::Unproven);
        segment.offset_index = Index::Loaded(offset_index);
        segment.time_index = Index::Loaded(time_index);
        recovery.said_offset = last_entry;
        Some(position)
    }
}
