//! Syncs that come later than records are as safe as their topic asks.
//!
//! Whoever owns a log may let it defer. What is appended then lies in memory until a large write is
//! due: when so many records as `flush.messages` are not synced, when the oldest of them is as old
//! as `flush.ms`, or at one of the bounds below. Nothing of it goes to a journal, where it would
//! only be written once more. Since segments are written in the order of offsets, a crash leaves
//! the front of what was appended, without gaps.
//!
//! A log that begins to defer writes what it has not written yet first; one that ends offers it to
//! the journal, or writes it, with the next flush. So in either case the journal holds what is
//! durable behind the segments, as ever.

use std::time::Duration;

use crate::model::Offset;
use crate::stdx::{Instant, Now};

use super::partition_log::{Log, State};

/// How long after an append its sync begins at the latest. So long a record may lie in a journal,
/// too, where tools that read segments do not see it; longer ones would lose more and not write
/// less: a partition that is written to at all often has a large write together by then.
const UNSYNCED_AGE_MAX: Duration = Duration::from_secs(5);

/// With this much to be written, a segment is written to without being asked: the size of writes
/// with which a device comes near what it can do (2.3 GB/s against 1.6 with a quarter of it).
pub(super) const UNSYNCED_BYTES_MAX: u64 = 1 << 20;

/// Whether a log defers its syncs, and since when one is owed.
#[derive(Debug, Default)]
pub(super) struct Deferral {
    is_on: bool,
    /// When the oldest record was appended that no write is asked for.
    waiting_since: Option<Instant>,
}

impl Deferral {
    pub(super) const fn is_on(&self) -> bool {
        self.is_on
    }

    /// A record was appended.
    pub(super) fn note_appended(&mut self, now: Now) {
        if self.is_on {
            self.waiting_since.get_or_insert(now.instant);
        }
    }

    /// A write of all that was appended is asked for.
    pub(super) const fn note_asked(&mut self) {
        self.waiting_since = None;
    }
}

impl Log {
    /// Whether records may wait for their sync in memory. To be said anew whenever the settings
    /// were changed: with `flush.messages` at 1 none waits.
    pub fn defer_syncs(&mut self, may_defer: bool) {
        let is_on = may_defer && self.config.flush_messages > 1;
        if is_on && !self.deferral.is_on && self.written_end_offset < self.log_end_offset {
            self.write_back();
        }
        self.deferral.is_on = is_on;
    }

    /// Everything below this offset is durable, or may wait for its sync.
    #[must_use]
    pub fn safe_end_offset(&self) -> Offset {
        let may_wait = self.deferral.is_on
            && self.is_open()
            && !self.lacks_space()
            && self.unsynced_records() < self.config.flush_messages;
        match may_wait {
            true => self.log_end_offset,
            false => self.durable_end_offset,
        }
    }

    /// How many records are not durable.
    const fn unsynced_records(&self) -> i64 {
        self.log_end_offset - self.durable_end_offset
    }

    /// The bytes of records that wait in memory for their sync.
    #[must_use]
    pub fn deferred_bytes(&self) -> u64 {
        let is_waiting = self.deferral.is_on && matches!(self.state, State::Open);
        if is_waiting {
            self.unwritten_bytes()
        } else {
            0
        }
    }

    /// When [`Log::flush`] has to be called for a sync at the latest.
    #[must_use]
    pub fn sync_due(&self) -> Option<Instant> {
        let since = self.deferral.waiting_since.filter(|_| self.is_open())?;
        let flush_ms = u64::try_from(self.config.flush_ms).unwrap_or(0);
        Some(since + UNSYNCED_AGE_MAX.min(Duration::from_millis(flush_ms)))
    }

    /// There is little memory left: what waits for its sync is written with the next flush.
    pub fn hurry_sync(&mut self) {
        if self.deferred_bytes() > 0 {
            self.write_back();
        }
    }

    /// Have written what may wait no longer.
    pub(super) fn begin_due_sync(&mut self, now: Now) {
        let is_late = self.sync_due().is_some_and(|due| due <= now.instant);
        let are_many = self.deferral.is_on && self.unsynced_records() >= self.config.flush_messages;
        if is_late || are_many {
            self.write_back();
        }
    }
}
