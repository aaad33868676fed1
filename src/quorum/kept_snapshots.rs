//! The snapshots on the disk: read at the start, written, and removed when they are old.

use bytes::Bytes;

use crate::log::Log;
use crate::log::storage::{StorageOutbox, StorageRequest};
use crate::model::TimestampMs;
use crate::stdx::Now;

use super::core::{Pending, Phase, Quorum};
use super::event::QuorumEvent;
use super::snapshot::{SnapshotId, decode_snapshot};

/// A snapshot on the disk.
#[derive(Clone, Copy, Debug)]
pub(super) struct SnapshotFile {
    pub size_bytes: u64,
    pub written_ms: TimestampMs,
}

impl Quorum {
    /// Write a snapshot of the state at `id`; `file` was made by [`super::encode_snapshot`].
    pub fn write_snapshot(&mut self, id: SnapshotId, file: Bytes, outbox: &mut StorageOutbox) {
        assert!(
            !self.is_writing_snapshot,
            "one snapshot is written at a time"
        );
        self.is_writing_snapshot = true;
        let request = StorageRequest::ReplaceFile {
            path: self.folder.join(&id.file_name()),
            contents: file.clone(),
        };
        self.submit(
            outbox,
            Pending::SnapshotWritten(id, file.len() as u64),
            request,
        );
    }

    pub(super) fn read_snapshot(&mut self, outbox: &mut StorageOutbox, id: Option<SnapshotId>) {
        let Some(id) = id else {
            self.open_log();
            return;
        };
        self.phase = Phase::ReadingSnapshot;
        let path = self.folder.join(&id.file_name());
        self.submit(
            outbox,
            Pending::SnapshotRead(id),
            StorageRequest::ReadFile { path },
        );
    }

    /// A snapshot that is not whole is passed over: the log still has the records since the older
    /// one, or it says itself that they are missing.
    pub(super) fn on_snapshot_read(
        &mut self,
        id: SnapshotId,
        file: &Bytes,
        outbox: &mut StorageOutbox,
    ) {
        match decode_snapshot(file) {
            Ok(contents) => {
                self.voters.begin_at(id.end_offset, contents.voters.clone());
                self.loaded = Some(id);
                self.events
                    .push_back(QuorumEvent::Snapshot { id, contents });
                self.open_log();
            }
            Err(_) => {
                self.snapshots.remove(&id);
                let older = self.snapshots.range(..id).next_back().map(|(id, _)| *id);
                self.read_snapshot(outbox, older);
            }
        }
    }

    pub(super) fn on_snapshot_written(
        &mut self,
        now: Now,
        id: SnapshotId,
        size_bytes: u64,
        outbox: &mut StorageOutbox,
    ) {
        self.is_writing_snapshot = false;
        let file = SnapshotFile {
            size_bytes,
            written_ms: now.wall_ms,
        };
        self.snapshots.insert(id, file);
        self.events.push_back(QuorumEvent::SnapshotWritten { id });
        let log_start = self.log.as_ref().map_or(0, Log::log_start_offset);
        if id.end_offset < log_start {
            // A later one of the leader has come meanwhile, and the log begins behind that.
            self.snapshots.remove(&id);
            let path = self.folder.join(&id.file_name());
            let request = StorageRequest::Remove { path };
            self.submit(outbox, Pending::SnapshotRemoved, request);
        }
        self.remove_old_snapshots(now, outbox);
    }

    /// Old snapshots go when they are too old or all takes too much room, as in Kafka; with them
    /// the log before the oldest one that stays.
    fn remove_old_snapshots(&mut self, now: Now, outbox: &mut StorageOutbox) {
        while self.snapshots.len() > 1 {
            let snapshots = self.snapshots.values();
            let snapshot_bytes: u64 = snapshots.map(|file| file.size_bytes).sum();
            let log_bytes = self.log.as_ref().map_or(0, Log::size_bytes);
            let Some((id, file)) = self.snapshots.first_key_value() else {
                break;
            };
            let age_ms = now.wall_ms.saturating_sub(file.written_ms);
            let exceeds =
                |amount: u64, limit: Option<u64>| limit.is_some_and(|limit| amount > limit);
            let is_old = exceeds(age_ms.max(0).cast_unsigned(), self.settings.retention_ms);
            if !is_old && !exceeds(snapshot_bytes + log_bytes, self.settings.retention_bytes) {
                break;
            }
            let id = *id;
            self.snapshots.remove(&id);
            let path = self.folder.join(&id.file_name());
            self.submit(
                outbox,
                Pending::SnapshotRemoved,
                StorageRequest::Remove { path },
            );
            if let (Some((oldest, _)), Some(log)) =
                (self.snapshots.first_key_value(), &mut self.log)
            {
                let end_offset = oldest.end_offset;
                // A log that failed a moment ago says so by itself.
                if log.delete_records(end_offset, end_offset).is_ok() {
                    log.apply_retention(end_offset);
                }
            }
        }
    }
}
