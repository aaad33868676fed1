//! Giving up the end of a log, or all of it: what a follower does whose leader has something else.
//!
//! A log is truncated while it is opened, since that is how the end of a log is found in any case:
//! segments behind the new end go, the newest first, the last one that stays is read up to there
//! and cut, and what is known of producers and epochs is what the records that are left tell. So a
//! crash on the way leaves a log that is longer than it was to become, and the owner truncates it
//! again.
//!
//! Before anything goes, a note is left in the folder: checkpoints that were written earlier may
//! say that the log reached further, which would be taken for a loss. It says how far they may be
//! believed, and stays until a clean stop has written them anew.

use bytes::Bytes;

use crate::model::Offset;

use super::aborted::AbortedTransactions;
use super::checkpoint::{decode_lines, encode_lines};
use super::file_names::{FileKind, TRUNCATION};
use super::leader_epochs::LeaderEpochs;
use super::partition_log::{Log, OpenMode, Pending, State};
use super::recovery::{Asked, Recovery};
use super::storage::{StorageOutbox, StorageOutcome, StorageRequest};

/// What is left of a log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Truncation {
    /// What lies below this offset.
    Below(Offset),
    /// Nothing: it begins anew at this offset.
    AnewAt(Offset),
}

impl Truncation {
    /// True if a batch that ends before `next_offset` does not stay.
    pub(super) const fn takes(self, next_offset: Offset) -> bool {
        match self {
            Self::Below(offset) => next_offset > offset,
            Self::AnewAt(_) => true,
        }
    }

    /// How far what was noted of the log before may be believed.
    const fn believed_to(self) -> Offset {
        match self {
            Self::Below(offset) => offset,
            Self::AnewAt(_) => 0,
        }
    }
}

impl Log {
    /// Before a log is opened that was closed: give up what lies at `offset` and behind it. It then
    /// ends there, or before the batch that this offset is in. Nothing of it may be in a journal
    /// that a start after a crash would read, or what was given up would come back.
    ///
    /// # Panics
    /// If the log is new, or has begun to open.
    pub fn truncate(&mut self, offset: Offset) {
        self.plan_truncation(Truncation::Below(offset));
    }

    /// Before a log is opened that was closed: give up all of it, and begin anew at `offset`, where
    /// the log of the leader starts. The same holds as of [`Log::truncate`].
    ///
    /// # Panics
    /// If the log is new, or has begun to open.
    pub fn start_anew(&mut self, offset: Offset) {
        self.plan_truncation(Truncation::AnewAt(offset));
    }

    fn plan_truncation(&mut self, truncation: Truncation) {
        assert!(
            self.has_inherited_nothing(),
            "what a journal has of a log would come back"
        );
        let State::Opening(recovery) = &mut self.state else {
            panic!("a log is truncated before it is opened");
        };
        let OpenMode::Existing { is_clean, .. } = &mut recovery.mode else {
            panic!("a new log has nothing to give up");
        };
        // The files end elsewhere than a clean stop left them.
        *is_clean = false;
        recovery.truncation = Some(truncation);
    }

    /// Ask for the note of an earlier truncation, if there is one.
    pub(super) fn ask_for_truncation(
        &mut self,
        recovery: &mut Recovery,
        outbox: &mut StorageOutbox,
    ) {
        if !recovery.has_entry(TRUNCATION) {
            return;
        }
        let path = self.identity.folder.join(TRUNCATION);
        if recovery.is_clean() {
            // The stop wrote all checkpoints anew.
            self.submit(outbox, Pending::Other, StorageRequest::Remove { path });
        } else {
            let request = StorageRequest::ReadFile { path };
            self.ask(recovery, Asked::Truncation, request, outbox);
        }
    }

    /// Know how far checkpoints may be believed, and have it noted before anything is given up.
    pub(super) fn note_truncation(&mut self, recovery: &mut Recovery, outbox: &mut StorageOutbox) {
        let noted = match recovery.answers.remove(&Asked::Truncation) {
            Some(StorageOutcome::Data(file)) => Some(decode(&file)),
            _ => None,
        };
        let planned = recovery.truncation.map(Truncation::believed_to);
        let Some(believed_to) = noted.into_iter().chain(planned).min() else {
            return;
        };
        if planned.is_some() && noted != Some(believed_to) {
            let request = StorageRequest::ReplaceFile {
                path: self.identity.folder.join(TRUNCATION),
                contents: encode(believed_to),
            };
            self.ask(recovery, Asked::Change, request, outbox);
        }
        let OpenMode::Existing {
            log_start_offset,
            recovery_point,
            ..
        } = &mut recovery.mode
        else {
            return;
        };
        *recovery_point = recovery_point.filter(|point| *point <= believed_to);
        *log_start_offset = log_start_offset.map(|start| start.min(believed_to));
        let point = self.resume_points.inherited.take();
        self.resume_points.inherited = point.filter(|(_, point)| point.end_offset <= believed_to);
    }

    /// Give up the snapshots of producers that are not to stay, then the newest segment that is
    /// not, of those that were found. False if there is none any more: one after the other, so that
    /// a crash leaves no hole.
    pub(super) fn drop_truncated(
        &mut self,
        recovery: &mut Recovery,
        outbox: &mut StorageOutbox,
    ) -> bool {
        let from = match recovery.truncation {
            None => return false,
            Some(Truncation::Below(offset)) => offset,
            Some(Truncation::AnewAt(_)) => 0,
        };
        let newer: Vec<Offset> = self.snapshots.range(from + 1..).copied().collect();
        if !newer.is_empty() {
            // Before any records: one that stays without them would be taken for a loss of them.
            for offset in newer {
                self.snapshots.remove(&offset);
                let path = self.file_path(offset, FileKind::Snapshot);
                let request = StorageRequest::Remove { path };
                self.ask(recovery, Asked::Change, request, outbox);
            }
            return true;
        }
        let Some((&base_offset, _)) = recovery.found.range(from..).next_back() else {
            return false;
        };
        recovery.found.remove(&base_offset);
        for kind in [
            FileKind::Log,
            FileKind::OffsetIndex,
            FileKind::TimeIndex,
            FileKind::TransactionIndex,
        ] {
            let path = self.file_path(base_offset, kind);
            let request = StorageRequest::Remove { path };
            match kind {
                FileKind::Log => self.ask(recovery, Asked::Change, request, outbox),
                _ => drop(self.submit(outbox, Pending::Other, request)),
            }
        }
        true
    }

    /// What `file` of the segment at `base_offset` tells of aborted transactions that stay; the
    /// file is written anew if it tells of others.
    pub(super) fn cut_aborted(
        &mut self,
        recovery: &mut Recovery,
        (base_offset, file): (Offset, Bytes),
        outbox: &mut StorageOutbox,
    ) -> Bytes {
        let Some(Truncation::Below(offset)) = recovery.truncation else {
            return file;
        };
        let kept = file.slice(..AbortedTransactions::bytes_before(&file, offset));
        if kept.len() < file.len() {
            let request = StorageRequest::ReplaceFile {
                path: self.file_path(base_offset, FileKind::TransactionIndex),
                contents: kept.clone(),
            };
            self.ask(recovery, Asked::Change, request, outbox);
        }
        kept
    }

    /// The segments that stay are known: where the log begins if none does.
    pub(super) fn begin_truncated(&mut self, recovery: &Recovery) {
        let Some(truncation) = recovery.truncation else {
            return;
        };
        let start = match truncation {
            Truncation::Below(offset) => offset,
            Truncation::AnewAt(offset) => {
                self.epochs = LeaderEpochs::default();
                self.epochs_are_dirty = true;
                offset
            }
        };
        if recovery.found.is_empty() {
            self.log_start_offset = start;
            self.want_last_segment();
        }
    }
}

/// The note: a checkpoint of one line, how far what was noted before may be believed.
fn encode(believed_to: Offset) -> Bytes {
    encode_lines(1, std::iter::once(believed_to.to_string()))
}

/// What `note` says. One that cannot be read says that nothing may be believed: then a loss could
/// go unnoticed, but nothing that is there is given up.
fn decode(note: &[u8]) -> Offset {
    let mut believed_to = None;
    let read = decode_lines(note, "an offset", |line| {
        believed_to = Some(line.parse().ok().filter(|offset| *offset >= 0)?);
        Some(())
    });
    read.ok().and(believed_to).unwrap_or(0)
}
