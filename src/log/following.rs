//! Being a copy of another replica, and taking its place: on another disk of this broker, or, for
//! a follower, on another broker.
//!
//! What comes has its offsets, epochs and sequences already, so it is appended as it is. Where
//! compaction or retention left nothing on the other replica, this one goes on behind that. What a
//! replica knows beyond its records, since those that told it are gone, is inherited last.

use bytes::Bytes;

use crate::model::Offset;
use crate::protocol::record_batch::{BatchError, Batches};
use crate::stdx::Now;

use super::file_names::FileKind;
use super::partition_log::{Log, LogProgress, Pending, State};
use super::producer_state::AppendOrigin;
use super::scan::check_order;
use super::snapshot::encode_snapshot;
use super::storage::{StorageOutbox, StoragePath, StorageRequest};

/// What a copy has yet to do on the disk beyond its records.
#[derive(Debug, Default)]
pub(super) struct Following {
    /// The producers' state at this offset, where the last segment begins.
    snapshot: Option<(Offset, Bytes)>,
    is_snapshot_in_flight: bool,
    /// True if the last segment is to have a file, though it has no records: its name tells, after
    /// a crash, where the log ends.
    wants_last_segment: bool,
    /// The name that the folder is to get.
    folder: Option<StoragePath>,
    is_folder_in_flight: bool,
}

impl Log {
    /// Before the log is opened: its requests to the disk and its reads are counted from here on,
    /// so that they are told from those of another log of the same owner.
    pub const fn count_from(&mut self, first: u64) {
        self.next_sequence = first;
        self.reads.next_id = first;
    }

    /// True if the request with this `sequence` in its ticket is this log's, and under way.
    #[must_use]
    pub fn has_asked(&self, sequence: u64) -> bool {
        self.pending.contains_key(&sequence)
    }

    /// True if nothing is under way and no file is open.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.open_files.count == 0
    }

    /// True while reads or searches are under way.
    #[must_use]
    pub fn is_reading(&self) -> bool {
        !self.reads.pending.is_empty() || !self.lookups.is_empty()
    }

    /// Append what another replica has: whole batches, one after the other, that keep their
    /// offsets and epochs. Those that are here already are passed over.
    ///
    /// # Errors
    /// What is wrong with the first batch that is not sound; those before it are appended.
    pub fn append_replicated(&mut self, now: Now, records: Bytes) -> Result<(), BatchError> {
        let mut batches = Batches::new(records);
        while batches.remaining() > 0 {
            let batch = batches.next_whole()?.ok_or(BatchError::Truncated)?;
            check_order(&batch)?;
            if batch.next_offset() <= self.log_end_offset {
                continue;
            }
            if batch.base_offset() < self.log_end_offset {
                return Err(BatchError::Records("the offsets are not in order"));
            }
            batch.verify_crc()?;
            let epoch = batch.leader_epoch().unwrap_or_default();
            let appended = self.append(now, vec![batch], epoch, AppendOrigin::Replication);
            if appended.is_err() {
                return Err(BatchError::Records("the log is not open"));
            }
        }
        Ok(())
    }

    /// Go on at `offset`, since the other replica has nothing between the end of this log and
    /// there. A log without records begins there.
    ///
    /// # Panics
    /// If the log is not open, not all of it is on the disk, or it reaches further.
    pub fn continue_at(&mut self, now: Now, offset: Offset) {
        assert!(
            self.is_open()
                && self.written_end_offset == self.log_end_offset
                && offset >= self.log_end_offset,
            "a log goes on behind what it has on the disk"
        );
        if offset == self.log_end_offset {
            return;
        }
        let is_empty = self.segments.iter().all(|segment| segment.length == 0);
        self.cache.seal_open();
        self.cache.drop_before(offset);
        self.roll(now, offset);
        self.log_end_offset = offset;
        self.durable_end_offset = offset;
        self.skip_written(offset);
        self.following.wants_last_segment = true;
        if is_empty {
            self.move_log_start(offset);
        }
    }

    /// Know what `other` knows beyond its records: it has the same log, of which this one is a
    /// copy. [`Log::is_inheritance_kept`] tells when it is on the disk.
    ///
    /// # Panics
    /// If the logs do not end at the same offset.
    pub fn inherit_knowledge(&mut self, now: Now, other: &Self) {
        assert_eq!(
            self.log_end_offset, other.log_end_offset,
            "a copy inherits when it is whole"
        );
        if self.epochs != other.epochs {
            self.epochs = other.epochs.clone();
            self.epochs_are_dirty = true;
        }
        if self.producers == other.producers {
            return;
        }
        // A snapshot is good at the base of a segment only, where all before it is durable.
        self.producers = other.producers.clone();
        let end = self.log_end_offset;
        if self.segments.back().is_some_and(|last| last.length > 0) {
            self.roll(now, end);
        } else {
            self.following.snapshot = Some((end, encode_snapshot(&self.producers)));
        }
        self.following.wants_last_segment = true;
    }

    /// True if a crash would leave what was inherited, and everything that was appended before.
    #[must_use]
    pub fn is_inheritance_kept(&self) -> bool {
        let following = &self.following;
        self.is_open()
            && self.unsealed.len() <= 1
            && !self.epochs_are_dirty
            && !self.epochs_in_flight
            && following.snapshot.is_none()
            && !following.is_snapshot_in_flight
            && !following.wants_last_segment
    }

    /// Give the folder another name in the same log directory: [`LogProgress::FolderMoved`]
    /// follows. Nothing else is asked of the disk meanwhile, since it would be asked for files by
    /// their old names.
    pub fn move_folder(&mut self, to: StoragePath) {
        self.following.folder = Some(to);
    }

    pub(super) const fn is_moving_folder(&self) -> bool {
        self.following.folder.is_some()
    }

    /// Have a file for the last segment, though it has no records.
    pub(super) const fn want_last_segment(&mut self) {
        self.following.wants_last_segment = true;
    }

    pub(super) fn advance_folder_move(&mut self, outbox: &mut StorageOutbox) {
        let is_free = self.pending.is_empty() && !self.following.is_folder_in_flight;
        if let Some(to) = self.following.folder.clone().filter(|_| is_free) {
            self.following.is_folder_in_flight = true;
            let from = self.identity.folder.clone();
            let request = StorageRequest::Rename { from, to };
            self.submit(outbox, Pending::FolderMoved, request);
        }
    }

    pub(super) fn on_folder_moved(&mut self) {
        self.following.is_folder_in_flight = false;
        if let Some(to) = self.following.folder.take() {
            self.identity.folder = to;
            if matches!(self.state, State::Open) {
                self.progress.push_back(LogProgress::FolderMoved);
            }
        }
    }

    /// True if the folder may have another name than the log knows it by.
    pub(super) const fn has_other_name(&self) -> bool {
        self.following.folder.is_some()
    }

    /// A folder that is deleted after it could not get another name may have either of them: of two
    /// tries in turn each takes the other one.
    pub(super) fn by_its_other_name(&mut self, request: StorageRequest) -> StorageRequest {
        match (&self.state, request, self.following.folder.take()) {
            (State::Deleting { .. }, StorageRequest::Rename { from, to }, Some(other)) => {
                self.following.folder = Some(from);
                StorageRequest::Rename { from: other, to }
            }
            (_, request, folder) => {
                self.following.folder = folder;
                request
            }
        }
    }

    pub(super) const fn on_snapshot_written(&mut self) {
        self.following.is_snapshot_in_flight = false;
    }

    /// Have on the disk what was inherited.
    pub(super) fn advance_following(&mut self, outbox: &mut StorageOutbox) {
        if let Some((offset, contents)) = self.following.snapshot.take() {
            self.following.is_snapshot_in_flight = true;
            self.snapshots.insert(offset);
            let path = self.file_path(offset, FileKind::Snapshot);
            let request = StorageRequest::ReplaceFile { path, contents };
            self.submit(outbox, Pending::SnapshotWritten, request);
        }
        // Before all of the others are on the disk it would look like a hole behind them.
        if self.following.wants_last_segment && self.written_end_offset == self.log_end_offset {
            let last = self.segments.len() - 1;
            self.following.wants_last_segment = !self.is_made(last, outbox);
        }
    }
}
