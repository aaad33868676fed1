//! Giving up what the log has and the leader has not: the end of the log, or all of it.
//!
//! The log is closed, and cut while it is opened again. Nothing below what was told to be committed
//! is ever given up: a leader that wants that is wrong, or this node's disk is.

use bytes::Bytes;

use crate::log::storage::Durability;
use crate::log::{Log, OpenMode};
use crate::model::Offset;

use super::core::{Phase, Quorum};
use super::event::{QuorumEvent, QuorumFailure};
use super::raft::LogEnd;
use super::snapshot::{SnapshotContents, SnapshotId};

/// What stays of the log.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cut {
    /// What lies below.
    Below(Offset),
    /// Nothing: it begins here.
    AnewAt(Offset),
}

/// Where the state begins anew, if it does.
type Beginning = Option<(SnapshotId, Box<SnapshotContents>)>;

/// How far it has come.
#[derive(Debug)]
pub(super) enum Rewriting {
    /// A snapshot of the leader is being written: its file, until that was asked for.
    Storing(SnapshotId, Bytes, Box<SnapshotContents>),
    /// The log is being closed.
    Closing(Cut, Beginning),
    /// It is being opened again.
    Opening(Cut, Beginning),
}

impl Quorum {
    /// True while the log is closed, or about to be.
    pub(super) const fn is_rewriting_log(&self) -> bool {
        matches!(
            self.rewriting,
            Some(Rewriting::Closing(..) | Rewriting::Opening(..))
        )
    }

    /// True if the log that was closed is to be opened again.
    pub(super) const fn is_reopening(&self) -> bool {
        matches!(self.rewriting, Some(Rewriting::Closing(..)))
            && matches!(self.phase, Phase::Running | Phase::OpeningLog)
    }

    /// Everything below is committed, as this node told or could tell.
    pub(super) fn committed_here(&self) -> Offset {
        let snapshot = self.snapshots.keys().next_back();
        let snapshot = snapshot.map_or(0, |id| id.end_offset);
        self.high_watermark.max(self.telling.told()).max(snapshot)
    }

    /// The leader has something else from the end of `agreed` on.
    pub(super) fn give_up_behind(&mut self, agreed: LogEnd) {
        let offset = agreed.offset;
        let end_offset = self.next_offset();
        if offset < self.committed_here() {
            let leader = self.leader_id().unwrap_or(-1);
            let text = format!(
                "the metadata log in {} is committed up to offset {}, but node {leader}, which \
                 leads epoch {}, has another from offset {offset} on: one of both has lost what \
                 it had acknowledged",
                self.folder,
                self.committed_here(),
                self.epoch()
            );
            return self.fail(QuorumFailure::Unusable(text));
        }
        if offset >= end_offset {
            // There is nothing to give up: the answer makes no sense.
            return self.put_off_fetching();
        }
        tracing::info!("the metadata log is cut from offset {end_offset} to {offset}");
        self.rewrite_log(Cut::Below(offset), None);
    }

    /// While the node starts: the log that was opened is to begin at `offset`.
    pub(super) fn begin_log_at(&mut self, offset: Offset) {
        self.rewrite_log(Cut::AnewAt(offset), None);
    }

    pub(super) fn rewrite_log(&mut self, cut: Cut, beginning: Beginning) {
        self.rewriting = Some(Rewriting::Closing(cut, beginning));
        self.telling.interrupt();
        if let Some(log) = &mut self.log {
            log.close(Durability::Synced);
        }
    }

    /// The log is closed: open it again, without what it gives up.
    pub(super) fn reopen_log(&mut self) {
        let Some(Rewriting::Closing(cut, beginning)) = self.rewriting.take() else {
            return;
        };
        let start_offset = self.log.as_ref().map(Log::log_start_offset);
        let mode = |log_start_offset| OpenMode::Existing {
            is_clean: true,
            log_start_offset,
            recovery_point: None,
        };
        let log = match cut {
            Cut::Below(offset) => {
                let mut log = self.make_log(mode(start_offset));
                log.truncate(offset);
                log
            }
            Cut::AnewAt(offset) => {
                let mut log = self.make_log(mode(None));
                log.start_anew(offset);
                log
            }
        };
        self.log = Some(log);
        self.rewriting = Some(Rewriting::Opening(cut, beginning));
    }

    /// The log is open again.
    pub(super) fn on_log_rewritten(&mut self) {
        let Some(Rewriting::Opening(cut, beginning)) = self.rewriting.take() else {
            return;
        };
        if matches!(self.phase, Phase::OpeningLog) {
            return self.on_log_opened();
        }
        let end_offset = self.next_offset();
        let is_right = match cut {
            Cut::Below(offset) => (self.committed_here()..=offset).contains(&end_offset),
            Cut::AnewAt(offset) => end_offset == offset,
        };
        if !is_right {
            let text = format!(
                "the metadata log in {} was to be cut ({cut:?}) and ends at offset {end_offset}",
                self.folder
            );
            return self.fail(QuorumFailure::Unusable(text));
        }
        match beginning {
            Some((id, contents)) => {
                self.voters.begin_at(id.end_offset, contents.voters.clone());
                self.loaded = Some(id);
                self.telling.begin_at(id.end_offset);
                self.high_watermark = self.high_watermark.max(id.end_offset);
                let contents = *contents;
                self.events
                    .push_back(QuorumEvent::Snapshot { id, contents });
            }
            None => self.voters.truncate(end_offset),
        }
        self.adopt_voters();
        self.tell(|raft, log| raft.on_log_synced(log));
    }
}
