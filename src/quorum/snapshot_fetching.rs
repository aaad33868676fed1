//! Downloading a snapshot of the leader: part by part, and kept when it is whole.

use bytes::Bytes;

use crate::log::storage::{StorageOutbox, StorageRequest};
use crate::model::{BrokerId, LeaderEpoch};
use crate::stdx::Now;

use super::core::{Pending, Quorum};
use super::kept_snapshots::SnapshotFile;
use super::raft::Timer;
use super::rewriting::{Cut, Rewriting};
use super::snapshot::{SnapshotId, decode_snapshot};
use super::wire::Part;

/// The largest snapshot that is taken: it lies in memory until it is whole. One of a million
/// partitions has some 200 MB.
const SNAPSHOT_BYTES_MAX: i64 = 2 << 30;

/// A snapshot on its way.
#[derive(Debug)]
pub(super) struct Download {
    pub id: SnapshotId,
    pub leader: BrokerId,
    pub epoch: LeaderEpoch,
    bytes: Vec<u8>,
}

impl Download {
    /// What comes next.
    pub(super) fn position(&self) -> i64 {
        i64::try_from(self.bytes.len()).unwrap_or(i64::MAX)
    }
}

impl Quorum {
    /// The leader has no more what this node lacks but in the snapshot `id`.
    pub(super) fn begin_download(&mut self, id: SnapshotId) {
        if id.end_offset <= self.committed_here() {
            tracing::warn!("the leader offers {id}, which is older than what is here");
            return self.put_off_fetching();
        }
        let raft = self.raft.as_ref();
        let Some((leader, epoch)) = raft.and_then(|raft| Some((raft.leader()?, raft.epoch())))
        else {
            return self.put_off_fetching();
        };
        self.download = Some(Download {
            id,
            leader,
            epoch,
            bytes: Vec::new(),
        });
        if !self.ask_for_part() {
            self.abandon_download();
        }
    }

    /// Begin again with a fetch, which tells what to download.
    pub(super) fn abandon_download(&mut self) {
        self.download = None;
        self.put_off_fetching();
    }

    /// Nothing came of what was fetched: fetch again in a while.
    pub(super) fn put_off_fetching(&mut self) {
        self.tell(|raft, _| raft.on_not_written());
    }

    /// A part has come.
    ///
    /// # Errors
    /// A line that says why it is of no use.
    pub(super) fn on_part(&mut self, now: Now, part: Part) -> Result<(), String> {
        let Some(mut download) = self.download.take() else {
            return Ok(());
        };
        if !self.is_following(download.leader, download.epoch) {
            // Whoever leads now has another.
            self.put_off_fetching();
            return Ok(());
        }
        let is_next = part.id == download.id && part.position == download.position();
        let end = part.position.saturating_add(part.bytes.len() as i64);
        if !is_next || part.bytes.is_empty() || end > part.size || part.size > SNAPSHOT_BYTES_MAX {
            return Err(format!(
                "a part of {} at {} of {} bytes has {} bytes from {} on",
                download.id,
                download.position(),
                part.size,
                part.bytes.len(),
                part.position
            ));
        }
        download.bytes.extend_from_slice(&part.bytes);
        // The leader is there, though it is not fetched from.
        self.timers.start(now.instant, Timer::Fetch);
        if end < part.size {
            self.download = Some(download);
            if !self.ask_for_part() {
                self.abandon_download();
            }
            return Ok(());
        }
        let file = Bytes::from(download.bytes);
        let contents = decode_snapshot(&file)
            .map_err(|reason| format!("{} is not whole: {reason}", download.id))?;
        self.rewriting = Some(Rewriting::Storing(download.id, file, Box::new(contents)));
        Ok(())
    }

    /// Write the snapshot that was downloaded. What lies on the disk under its name is whole, also
    /// after a crash.
    pub(super) fn store_download(&mut self, outbox: &mut StorageOutbox) {
        let Some(Rewriting::Storing(id, file, _)) = &mut self.rewriting else {
            return;
        };
        let (id, file) = (*id, std::mem::take(file));
        if file.is_empty() {
            return;
        }
        let pending = Pending::SnapshotStored(id, file.len() as u64);
        let request = StorageRequest::ReplaceFile {
            path: self.folder.join(&id.file_name()),
            contents: file,
        };
        self.submit(outbox, pending, request);
    }

    /// The snapshot is on the disk: what the log has before it is of no use any more, nor are the
    /// snapshots of that.
    pub(super) fn on_snapshot_stored(
        &mut self,
        now: Now,
        id: SnapshotId,
        size_bytes: u64,
        outbox: &mut StorageOutbox,
    ) {
        let Some(Rewriting::Storing(_, _, contents)) = self.rewriting.take() else {
            return;
        };
        for older in std::mem::take(&mut self.snapshots).into_keys() {
            if older != id {
                let path = self.folder.join(&older.file_name());
                let request = StorageRequest::Remove { path };
                self.submit(outbox, Pending::SnapshotRemoved, request);
            }
        }
        let file = SnapshotFile {
            size_bytes,
            written_ms: now.wall_ms,
        };
        self.snapshots.insert(id, file);
        self.rewrite_log(Cut::AnewAt(id.end_offset), Some((id, contents)));
    }
}
