//! A replica on its way into another log directory of the same broker (KIP-113).
//!
//! The future replica is filled from the current one, a slice at a time, with what is below the
//! high watermark: so it never holds what a crash may take from the other. Once it has all of it,
//! whatever is appended goes to both, and nothing is acknowledged before it is on both disks. Only
//! then its folder gets the partition's name and the cluster's metadata say where the replica lies:
//! whichever of the two a crash leaves to be the replica, it has everything that was acknowledged.
//!
//! This is what one partition knows of that; [`super::moving`] is the shard's part.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use crate::log::storage::{DirectoryIndex, StorageOutbox};
use crate::log::{FetchedRecords, Log, LogProgress, OpenFiles, ReadId, ReadPlan, ReadRequest};
use crate::model::{ErrorCode, Offset};
use crate::protocol::record_batch::Batches;
use crate::stdx::{Instant, Now};

use super::partition::{Partition, ReadPurpose};
use super::waiting::Acknowledge;

/// What is copied at a time, unless one batch is larger: a turn has other work to do.
const SLICE_BYTES: usize = 256 << 10;

/// Logs of one partition count their requests and reads from this far apart.
const COUNTS_OF_A_LOG: u64 = 1 << 40;

/// How far a move has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MovePhase {
    /// The future log is being opened.
    Opening,
    /// It is filled.
    Copying,
    /// Everything goes to both, from here on.
    Mirroring,
    /// Its folder gets the partition's name.
    Renaming,
    /// The controller was asked to note where the replica lies.
    Committing,
    /// It is being closed by a clean stop, to go on with the next start.
    Closing,
    /// It is closed.
    Closed,
}

/// Whether the folder's name in the other directory is this partition's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FolderClaim {
    /// Nobody was asked.
    None,
    /// Shard 0 was asked.
    Asked,
    /// It is.
    Granted,
}

/// What a step of a move led to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum MoveStep {
    /// It goes on by itself.
    GoesOn,
    /// The future replica has all that is below the high watermark.
    CaughtUp,
    /// What it has is of no use any more: it must begin anew.
    Outrun,
    /// It cannot go on, for this reason.
    Impossible(String),
}

/// The replica that is to take the place of the current one.
#[derive(Debug)]
pub struct FutureReplica {
    /// Where it lies.
    pub directory: DirectoryIndex,
    /// Its log.
    pub log: Log,
    /// How far it has come.
    pub phase: MovePhase,
    /// Whether its folder may get the partition's name.
    pub claim: FolderClaim,
    /// Not before this the next slice is read.
    pub resume_at: Instant,
    /// True if a stop came before it was open, or after its disk failed.
    pub was_closed_early: bool,
    /// Up to where the current log was compacted when the move began.
    first_dirty_offset: Offset,
    reading: Option<ReadId>,
}

impl FutureReplica {
    /// A replica that is about to be opened.
    pub const fn new(directory: DirectoryIndex, log: Log, first_dirty_offset: Offset) -> Self {
        Self {
            directory,
            log,
            phase: MovePhase::Opening,
            claim: FolderClaim::None,
            resume_at: Instant::from_nanos(0),
            was_closed_early: false,
            first_dirty_offset,
            reading: None,
        }
    }

    /// True while nothing is acknowledged that it does not have.
    pub const fn is_mirror(&self) -> bool {
        matches!(
            self.phase,
            MovePhase::Mirroring | MovePhase::Renaming | MovePhase::Committing
        )
    }

    /// True if what it has can be the front of `current`, as after a stop; if not, it is of no use.
    pub fn agrees_with(&self, current: &Log, high_watermark: Offset) -> bool {
        let log = &self.log;
        if log.size_bytes() == 0 {
            return true;
        }
        let is_within = log.log_end_offset() <= high_watermark
            && log.log_end_offset() >= current.log_start_offset()
            && log.log_start_offset() <= current.log_start_offset();
        let Some(latest) = log.latest_epoch() else {
            return is_within;
        };
        let end = current.end_offset_for_epoch(latest.epoch);
        is_within
            && end.is_some_and(|end| {
                end.epoch == latest.epoch && end.end_offset >= log.log_end_offset()
            })
    }

    /// Begin where the current log does. False if what is here ends before that.
    fn follow_start(&mut self, current: &Log) -> bool {
        let start = current.log_start_offset();
        if start <= self.log.log_start_offset() || self.log.size_bytes() == 0 {
            return true;
        }
        self.log.delete_records(start, start).is_ok()
    }

    fn copy(
        &mut self,
        now: Now,
        current: &mut Log,
        high_watermark: Offset,
        reads: &mut BTreeMap<ReadId, ReadPurpose>,
        bytes_per_second: u64,
    ) -> MoveStep {
        let is_waiting = self.reading.is_some()
            || current.is_cleaning()
            || self.log.written_end_offset() < self.log.log_end_offset()
            || self.log.lacks_space()
            || now.instant < self.resume_at;
        if is_waiting {
            return MoveStep::GoesOn;
        }
        if !self.follow_start(current) {
            return MoveStep::Outrun;
        }
        let end = self.log.log_end_offset();
        let from = end.max(current.log_start_offset());
        if from >= high_watermark {
            self.log.continue_at(now, from);
            return MoveStep::CaughtUp;
        }
        let request = ReadRequest {
            offset: from,
            bytes_max: SLICE_BYTES,
            upper: high_watermark,
            at_least_one: true,
        };
        match current.plan_read(request) {
            Ok(ReadPlan::Ready(records)) => self.take(now, current, &records, bytes_per_second),
            Ok(ReadPlan::Disk(read)) => {
                let read = current.start_read(read);
                reads.insert(read, ReadPurpose::Move);
                self.reading = Some(read);
                MoveStep::GoesOn
            }
            Err(error) => MoveStep::Impossible(format!("it cannot be read: {error}")),
        }
    }

    /// Append a slice of the current log.
    fn take(
        &mut self,
        now: Now,
        current: &Log,
        records: &FetchedRecords,
        bytes_per_second: u64,
    ) -> MoveStep {
        if records.length_bytes == 0 {
            return MoveStep::Impossible(format!(
                "nothing was found at offset {}",
                records.next_offset
            ));
        }
        let seconds = records.length_bytes as f64 / bytes_per_second.max(1) as f64;
        let pause = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        self.resume_at = now.instant + pause;
        let bytes = gathered(records);
        let first = Batches::new(bytes.clone()).next_whole();
        if let Ok(Some(first)) = &first
            && self.log.size_bytes() == 0
            && first.base_offset() > self.log.log_end_offset()
        {
            self.log.continue_at(now, first.base_offset());
        }
        match self.log.append_replicated(now, bytes) {
            Ok(()) if self.follow_start(current) => MoveStep::GoesOn,
            Ok(()) => MoveStep::Outrun,
            Err(error) => MoveStep::Impossible(format!("what was read is not sound: {error}")),
        }
    }

    /// Append what was appended to the current log and is still in memory there.
    fn mirror(&mut self, now: Now, current: &mut Log) -> MoveStep {
        while self.log.log_end_offset() < current.log_end_offset() && current.is_open() {
            let request = ReadRequest {
                offset: self.log.log_end_offset(),
                bytes_max: SLICE_BYTES,
                upper: Offset::MAX,
                at_least_one: true,
            };
            let records = match current.plan_read(request) {
                Ok(ReadPlan::Ready(records)) => records,
                Ok(ReadPlan::Disk(_)) => {
                    return MoveStep::Impossible("what is new is not in memory".to_owned());
                }
                Err(error) => return MoveStep::Impossible(format!("it cannot be read: {error}")),
            };
            match self.take(now, current, &records, u64::MAX) {
                MoveStep::GoesOn => {}
                step => return step,
            }
        }
        if self.follow_start(current) {
            MoveStep::GoesOn
        } else {
            MoveStep::Outrun
        }
    }
}

/// One piece of memory with the batches of `records`, of which any may lie in several slices.
fn gathered(records: &FetchedRecords) -> Bytes {
    if let [slice] = &records.slices[..] {
        return slice.clone();
    }
    let mut bytes = BytesMut::with_capacity(records.length_bytes);
    for slice in &records.slices {
        bytes.extend_from_slice(slice);
    }
    bytes.freeze()
}

/// A log that is not the partition's any more: its folder goes when nobody reads there.
#[derive(Debug)]
pub struct LeavingReplica {
    /// The log.
    pub log: Log,
    /// Where it lies.
    pub directory: DirectoryIndex,
    /// Part of the name that the folder gets; `None` if it keeps its name.
    pub unique: Option<[u8; 16]>,
    /// True if a folder that keeps its name is removed: nobody knows whether there is one.
    pub is_removed: bool,
    /// The directory of the move that holds two names of folders until this one is gone.
    pub ends_move_to: Option<DirectoryIndex>,
}

impl LeavingReplica {
    /// True if it has no part left to do, or its disk fails to do it.
    fn is_over(&self) -> bool {
        self.log.lacks_space()
    }
}

/// Which log of a partition is meant, beside the current one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OtherLog {
    /// That of the future replica.
    Future,
    /// That of the leaving replica with this position.
    Leaving(usize),
}

impl Partition {
    /// A number from which the next log of this partition counts.
    pub const fn next_count(&mut self) -> u64 {
        self.logs_count += 1;
        self.logs_count * COUNTS_OF_A_LOG
    }

    /// Everything below is as safe as the topic asks. A future replica never defers its syncs: what
    /// the replica moves to is on the disk there. With `is_synced` nothing else counts.
    pub fn safe_end_offset(&self, is_synced: bool) -> Offset {
        let current = match is_synced {
            true => self.log.durable_end_offset(),
            false => self.log.safe_end_offset(),
        };
        let mirror = self.future.as_deref().filter(|future| future.is_mirror());
        mirror.map_or(current, |mirror| {
            current.min(mirror.log.durable_end_offset())
        })
    }

    /// Take the move one step further. To be called before the logs are flushed.
    pub fn step_move(&mut self, now: Now, bytes_per_second: u64) -> MoveStep {
        let Some(future) = self.future.as_deref_mut() else {
            return MoveStep::GoesOn;
        };
        let high_watermark = self.role.high_watermark();
        match future.phase {
            MovePhase::Copying => future.copy(
                now,
                &mut self.log,
                high_watermark,
                &mut self.reads,
                bytes_per_second,
            ),
            _ if future.is_mirror() && future.log.is_open() => future.mirror(now, &mut self.log),
            _ => MoveStep::GoesOn,
        }
    }

    /// The future replica has caught up and may have its folder: it gets everything from now on.
    pub fn begin_mirroring(&mut self, now: Now) -> MoveStep {
        let Some(future) = self.future.as_deref_mut() else {
            return MoveStep::GoesOn;
        };
        let step = future.mirror(now, &mut self.log);
        if step == MoveStep::GoesOn && future.log.log_end_offset() == self.log.log_end_offset() {
            future.log.inherit_knowledge(now, &self.log);
            future.phase = MovePhase::Mirroring;
        }
        step
    }

    /// A slice was read for the future replica, if it is still the one that it was read for.
    pub fn on_move_read(
        &mut self,
        now: Now,
        read: ReadId,
        result: Result<FetchedRecords, ErrorCode>,
        bytes_per_second: u64,
    ) -> MoveStep {
        let found = self.future.as_deref_mut();
        let Some(future) = found.filter(|future| future.reading == Some(read)) else {
            return MoveStep::GoesOn;
        };
        future.reading = None;
        if future.phase != MovePhase::Copying {
            return MoveStep::GoesOn;
        }
        match result {
            Ok(records) => future.take(now, &self.log, &records, bytes_per_second),
            // Retention took it: the next step begins behind it.
            Err(ErrorCode::OffsetOutOfRange) => MoveStep::GoesOn,
            Err(error) => MoveStep::Impossible(format!("it cannot be read: {error}")),
        }
    }

    /// The future replica takes the place of the current one, which leaves. `unique` becomes part
    /// of the name of its folder. Returns the appends that wait and that it does not have, which
    /// can be only if it could not be told of them.
    pub fn promote_future(&mut self, unique: [u8; 16]) -> Vec<Acknowledge> {
        let Some(future) = self.future.take() else {
            return Vec::new();
        };
        let end = future.log.log_end_offset();
        let lost = self.waiting_appends.take_behind(end);
        let old = std::mem::replace(&mut self.log, future.log);
        let from = std::mem::replace(&mut self.directory, future.directory);
        self.log
            .inherit_first_dirty_offset(future.first_dirty_offset);
        self.leaving.push(LeavingReplica {
            log: old,
            directory: from,
            unique: Some(unique),
            is_removed: false,
            ends_move_to: Some(future.directory),
        });
        lost
    }

    /// The move is over without an end: the future replica goes, with its folder if there is a
    /// `unique` for its name.
    pub fn drop_future(&mut self, unique: Option<[u8; 16]>) -> Option<DirectoryIndex> {
        let mut future = self.future.take()?;
        let is_removed = unique.is_some() && future.phase == MovePhase::Opening;
        let unique = unique.filter(|_| !is_removed);
        if unique.is_none() {
            future.log.abandon();
        }
        let has_claim = future.claim != FolderClaim::None;
        self.leaving.push(LeavingReplica {
            log: future.log,
            directory: future.directory,
            unique,
            is_removed,
            ends_move_to: has_claim.then_some(future.directory),
        });
        Some(future.directory)
    }

    /// Flush the logs beside the current one.
    pub fn flush_others(&mut self, now: Now, outbox: &mut StorageOutbox) {
        if let Some(future) = self.future.as_deref_mut() {
            future.log.flush(now, outbox);
            future.log.trim_cache(0);
        }
        for leaving in &mut self.leaving {
            if let Some(unique) = leaving.unique.filter(|_| !leaving.log.is_reading()) {
                leaving.log.delete(unique);
            }
            leaving.log.flush(now, outbox);
        }
    }

    /// The log that has asked for the request with this `sequence`.
    pub fn log_that_asked(&mut self, sequence: u64) -> Option<&mut Log> {
        if self.log.has_asked(sequence) {
            return Some(&mut self.log);
        }
        let future = self.future.as_deref_mut().map(|future| &mut future.log);
        let leaving = self.leaving.iter_mut().map(|leaving| &mut leaving.log);
        future
            .into_iter()
            .chain(leaving)
            .find(|log| log.has_asked(sequence))
    }

    /// The oldest thing that happened to a log beside the current one.
    pub fn next_other_progress(&mut self) -> Option<(OtherLog, LogProgress)> {
        if let Some(future) = self.future.as_deref_mut()
            && let Some(progress) = future.log.next_progress()
        {
            return Some((OtherLog::Future, progress));
        }
        let mut leaving = self.leaving.iter_mut().enumerate();
        leaving.find_map(|(place, leaving)| {
            let progress = leaving.log.next_progress()?;
            Some((OtherLog::Leaving(place), progress))
        })
    }

    /// What the journal of a directory was offered up to `end_offset` is durable there. That of
    /// another directory is not to be relied upon any more.
    pub fn on_journalled(&mut self, directory: usize, end_offset: Offset) {
        if usize::from(self.directory.0) == directory {
            self.log.on_journalled(end_offset);
        }
    }

    fn all_logs(&self) -> impl Iterator<Item = &Log> {
        let future = self.future.as_deref().map(|future| &future.log);
        let leaving = self.leaving.iter().map(|leaving| &leaving.log);
        std::iter::once(&self.log).chain(future).chain(leaving)
    }

    /// How many files its logs have.
    pub fn count_open_files(&self) -> OpenFiles {
        let mut sum = OpenFiles::default();
        for files in self.all_logs().map(Log::open_files) {
            sum.count += files.count;
            sum.closing += files.closing;
        }
        sum
    }

    /// True if a log goes on only with a file that could not be opened.
    pub fn is_short_of_files(&self) -> bool {
        self.all_logs().any(Log::is_short_of_files)
    }

    /// True if the disk has no room for one of its logs, or cannot rename the folder of one.
    pub fn waits_for_disk(&self) -> bool {
        self.all_logs().any(Log::lacks_space)
    }

    /// When the disk is asked again.
    pub fn next_deadline(&self) -> Instant {
        let waiting = self.all_logs().filter(|log| log.lacks_space());
        waiting
            .map(Log::next_deadline)
            .min()
            .unwrap_or(Instant::MAX)
    }

    /// Memory that the records of its logs take.
    pub fn count_cached_bytes(&self) -> usize {
        self.all_logs().map(Log::cached_bytes).sum()
    }

    /// Close the files of its logs that were not used for `idle`; how many.
    pub fn close_unused_files(
        &mut self,
        now: Now,
        idle: Duration,
        outbox: &mut StorageOutbox,
    ) -> usize {
        let of_future = self
            .future
            .as_deref_mut()
            .map_or(0, |future| future.log.close_unused_files(now, idle, outbox));
        of_future + self.log.close_unused_files(now, idle, outbox)
    }

    /// True if a clean stop need not wait for the logs beside the current one.
    pub fn are_others_over(&self) -> bool {
        let future = self.future.as_deref();
        future.is_none_or(|future| future.phase == MovePhase::Closed)
            && self.leaving.iter().all(LeavingReplica::is_over)
    }
}
