//! When a snapshot of the metadata is due.

use std::time::Duration;

use crate::log::storage::StorageFailure;
use crate::stdx::{Instant, Now};

use super::settings::MetadataLogSettings;

/// How soon a snapshot for which the disk had no room is made anew.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// What has happened since the last snapshot.
#[derive(Debug, Default)]
pub(super) struct SnapshotSchedule {
    /// Bytes of records since then, and when the first of them came.
    bytes: u64,
    since: Option<Instant>,
    /// When to make the snapshot anew for which the disk had no room.
    retry_at: Option<Instant>,
}

impl SnapshotSchedule {
    /// Records of this many bytes came.
    pub(super) fn note_records(&mut self, now: Now, size_bytes: u64) {
        self.bytes += size_bytes;
        self.since.get_or_insert(now.instant);
    }

    /// When a snapshot is due if no more records come.
    pub(super) fn next_deadline(&self, settings: &MetadataLogSettings) -> Instant {
        let by_age = self.since.zip(settings.snapshot_interval);
        let by_age = by_age.map(|(since, interval)| since + interval);
        self.retry_at.or(by_age).unwrap_or(Instant::MAX)
    }

    /// True if a snapshot is to be made now.
    pub(super) fn is_due(&self, now: Now, settings: &MetadataLogSettings) -> bool {
        let is_late = self.next_deadline(settings) <= now.instant;
        let is_large = self.since.is_some() && self.bytes >= settings.snapshot_bytes;
        is_late || (is_large && self.retry_at.is_none())
    }

    /// A snapshot of all that there is was begun.
    pub(super) fn on_begun(&mut self, now: Now) {
        self.bytes = 0;
        self.since = None;
        self.retry_at = self.retry_at.map(|_| now.instant + RETRY_INTERVAL);
    }

    /// The snapshot is on the disk.
    pub(super) fn on_written(&mut self) {
        if self.retry_at.take().is_some() {
            tracing::info!("the snapshot of the metadata that was put off is written");
        }
    }

    /// The disk has no room for the snapshot: another is made later, and of a later state.
    pub(super) fn on_space_lacking(&mut self, now: Now, failure: &StorageFailure) {
        let retry_at = now.instant + RETRY_INTERVAL;
        if self.retry_at.replace(retry_at).is_none() {
            tracing::error!("a snapshot of the metadata is put off: {failure}");
        }
    }
}
