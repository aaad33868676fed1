//! Telling what is committed, while this node does not lead.

use crate::log::{FetchedRecords, ReadId};
use crate::model::Offset;

use super::core::{Phase, Quorum};
use super::event::QuorumFailure;
use super::replay::Replay;

/// How far the log was told, and the walk that tells more of it.
#[derive(Debug, Default)]
pub(super) struct Telling {
    told: Offset,
    walk: Option<Replay>,
}

impl Telling {
    /// Everything below was told.
    pub(super) const fn told(&self) -> Offset {
        self.told
    }

    /// Everything below `offset` was told, and what lies behind was not.
    pub(super) fn begin_at(&mut self, offset: Offset) {
        self.told = offset;
        self.walk = None;
    }

    /// The log is closed: what is being read of it never comes.
    pub(super) fn interrupt(&mut self) {
        self.walk = None;
    }

    /// A read of the log has ended.
    pub(super) fn on_read(&mut self, read: ReadId, result: Result<FetchedRecords, &'static str>) {
        if let Some(walk) = &mut self.walk {
            walk.on_read(read, result);
        }
    }
}

impl Quorum {
    /// The state is as the committed records below `offset` make it: tell those behind it, also
    /// those that were told before, or that this node appended as a leader.
    ///
    /// # Panics
    /// If this node leads.
    pub fn tell_from(&mut self, offset: Offset) {
        assert!(!self.is_seated(), "a leader knows what it has appended");
        self.telling.begin_at(offset);
    }

    /// Tell what was committed and not told; true if something was, or is being read for it.
    pub(super) fn advance_telling(&mut self) -> bool {
        if !matches!(self.phase, Phase::Running) || self.is_seated() || self.is_rewriting_log() {
            return false;
        }
        let Some(log) = &mut self.log else {
            return false;
        };
        let until = self.high_watermark.min(log.log_end_offset());
        let before = self.telling.told;
        if before >= until {
            return false;
        }
        let start_offset = log.log_start_offset();
        if before < start_offset {
            // The state is older than what the log has left, which no snapshot allows.
            let text = format!(
                "the metadata log in {} begins at offset {start_offset}, but the state that goes \
                 on with it ends at {before}",
                self.folder
            );
            self.fail(QuorumFailure::Unusable(text));
            return false;
        }
        let walk = self.telling.walk.take();
        let mut walk = walk.unwrap_or_else(|| Replay::new(before, until, true));
        let was_waiting = walk.is_waiting();
        walk.extend(until);
        if let Err(reason) = walk.advance(log, &|_| true, &mut self.events) {
            let text = format!("the metadata log in {} {reason}", self.folder);
            self.fail(QuorumFailure::Unusable(text));
            return false;
        }
        self.telling.told = walk.told();
        let has_begun_reading = !was_waiting && walk.is_waiting();
        if !walk.is_finished() {
            self.telling.walk = Some(walk);
        }
        self.telling.told > before || has_begun_reading
    }
}
