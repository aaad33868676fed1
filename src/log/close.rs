//! The end of a log's use: a clean stop, or deletion. And of a file's: when it has been idle.

use std::time::Duration;

use crate::model::ErrorCode;
use crate::stdx::Now;

use super::file_names::deleted_folder;
use super::partition_log::{Log, LogProgress, Pending, State};
use super::segment::{Index, SegmentFile, WriterWait};
use super::snapshot::encode_snapshot;
use super::storage::{Durability, FileId, StorageOutbox, StoragePath, StorageRequest};

impl Log {
    /// Stop cleanly: what was appended is written, the files get the form that Kafka leaves them
    /// in, then [`LogProgress::Closed`] follows. Nothing more is appended or read.
    ///
    /// With [`Durability::Later`] records are on the disk then, but not the form of the files: who
    /// closes ten thousand logs secures it for all of them by one [`StorageRequest::SyncAll`],
    /// before the directory is marked as clean. Without the mark nothing relies on it.
    ///
    /// A log that is not open has nothing to write: it is closed at once.
    pub fn close(&mut self, durability: Durability) {
        match self.state {
            State::Open => {}
            State::Opening(_) | State::Failed => {
                self.space.forget_refused();
                self.state = State::Closed;
                self.progress.push_back(LogProgress::Closed);
                return;
            }
            State::Closing(_) | State::Closed | State::Deleting { .. } | State::Deleted => return,
        }
        self.state = State::Closing(durability);
        // A full disk is asked once more, at once; without room the log ends here.
        self.space.hurry();
        self.fail_reads(ErrorCode::NotLeaderOrFollower);
        let end = self.log_end_offset;
        let snapshot = encode_snapshot(&self.producers);
        if let Some(last) = self.segments.back_mut()
            && let Some(writer) = &mut last.writer
        {
            writer.snapshot = Some((end, snapshot));
        }
    }

    pub(super) fn advance_close(&mut self, outbox: &mut StorageOutbox) {
        if !self.unsealed.is_empty()
            || self.epochs_are_dirty
            || self.epochs_in_flight
            || self.cleaner.is_running()
        {
            return;
        }
        self.close_files(outbox);
        if self.pending.is_empty() {
            self.state = State::Closed;
            self.progress.push_back(LogProgress::Closed);
        }
    }

    pub(super) fn close_files(&mut self, outbox: &mut StorageOutbox) {
        self.forget_cleaning(outbox);
        if self.pending.is_empty() {
            // Who asked for a file may not have lived to note that it is open, or that it failed.
            for segment in &mut self.segments {
                if let SegmentFile::Opening(file) = segment.file {
                    segment.file = SegmentFile::Open(file);
                }
            }
        }
        for index in 0..self.segments.len() {
            self.close_segment_file(index, outbox);
        }
    }

    /// Close the file of the segment at `index`, if it is open; true if it was.
    pub(super) fn close_segment_file(&mut self, index: usize, outbox: &mut StorageOutbox) -> bool {
        let segment = &mut self.segments[index];
        let SegmentFile::Open(file) = segment.file else {
            return false;
        };
        segment.file = SegmentFile::Closed;
        self.close_file(file, outbox);
        true
    }

    pub(super) fn close_file(&mut self, file: FileId, outbox: &mut StorageOutbox) {
        self.open_files.closing += 1;
        self.submit(outbox, Pending::FileClosed, StorageRequest::Close { file });
    }

    /// Delete the partition: its folder gets Kafka's name for one that waits for removal, told
    /// apart by `unique` from others of the topic's name. [`LogProgress::Deleted`] follows, if need
    /// be after [`LogProgress::DeletionPutOff`].
    pub fn delete(&mut self, unique: [u8; 16]) {
        if matches!(self.state, State::Deleting { .. } | State::Deleted) {
            return;
        }
        let identity = &self.identity;
        let name = deleted_folder(&identity.topic, identity.partition, unique);
        let to = StoragePath::new(identity.folder.directory, &name);
        self.fail_reads(ErrorCode::UnknownTopicOrPartition);
        self.space.forget_refused();
        self.state = State::Deleting {
            to,
            is_renamed: false,
        };
    }

    /// The folder is renamed when nothing is under way in it, since what is would make files under
    /// its old name.
    pub(super) fn advance_deletion(&mut self, now: Now, outbox: &mut StorageOutbox) {
        self.forget_cleaning(outbox);
        if !self.pending.is_empty() {
            return;
        }
        let State::Deleting { to, is_renamed } = &self.state else {
            return;
        };
        let to = to.clone();
        if !is_renamed && self.space.is_lacking() {
            // It may take long until the disk can, and others need the files.
            self.close_files(outbox);
            return self.ask_for_space_again(now, outbox);
        }
        if !is_renamed {
            let from = self.identity.folder.clone();
            self.submit(
                outbox,
                Pending::FolderRenamed,
                StorageRequest::Rename { from, to },
            );
            return;
        }
        self.close_files(outbox);
        if self.pending.is_empty() {
            self.state = State::Deleted;
            self.progress.push_back(LogProgress::Deleted { folder: to });
        }
    }

    pub(super) fn on_folder_renamed(&mut self) {
        if let State::Deleting { is_renamed, .. } = &mut self.state {
            *is_renamed = true;
        }
        self.space.forget_refused();
    }

    /// Close the files that nothing is under way on and that were not used for `idle`, and let go
    /// of their indexes: a broker has more partitions than a process may have files. They are
    /// opened again when needed. Returns how many are being closed by that.
    pub fn close_unused_files(
        &mut self,
        now: Now,
        idle: Duration,
        outbox: &mut StorageOutbox,
    ) -> usize {
        let mut closed = 0;
        if !matches!(self.state, State::Open | State::Closing(_)) {
            return closed;
        }
        let waits_for_room = self.space.is_waiting();
        for index in 0..self.segments.len() {
            let wants_write = self.wants_write(index) && !waits_for_room;
            let segment = &mut self.segments[index];
            let is_idle = now.instant.saturating_since(segment.last_used) >= idle;
            if segment.reads_in_flight > 0 || !is_idle {
                continue;
            }
            if let Some(writer) = &mut segment.writer {
                let is_busy = (writer.written_end < segment.length && wants_write)
                    || writer.is_allocating
                    || !matches!(
                        writer.wait,
                        WriterWait::Nothing | WriterWait::Files(_) | WriterWait::Seal
                    );
                if is_busy {
                    continue;
                }
                writer.tail = None;
            } else if !segment.is_doubtful {
                if let Index::Loaded(_) = segment.offset_index {
                    segment.offset_index = Index::OnDisk;
                }
                if let Index::Loaded(_) = segment.time_index {
                    segment.time_index = Index::OnDisk;
                }
            }
            closed += usize::from(self.close_segment_file(index, outbox));
        }
        closed
    }
}
