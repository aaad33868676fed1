//! An earlier replica of the same partition in the same log directory: what journals and
//! checkpoints have of it is not this log's.
//!
//! They name a log by its partition. A replica that was taken away and comes back has the name of
//! the one before, of which they may still have something: a start after a crash would take that
//! for a part of the new one, or miss what only the earlier one had. So a log that is made where
//! that may be so has a note in its folder, [`PREDECESSOR`], before it has anything else: how far
//! the directory's journal had come. What is said up to there is of the earlier one. Of a
//! checkpoint only the epoch is known, so none of the same life of the broker is believed.
//!
//! Journals and checkpoints are counted by the files that there are. Once all are gone the epochs
//! begin anew, so a start sees to it that no note says more than what there is by then.

use bytes::Bytes;

use super::checkpoint::{decode_lines, encode_lines};
use super::file_names::PREDECESSOR;
use super::partition_log::{Log, LogFailure, Pending};
use super::recovery::{Asked, Recovery};
use super::storage::{StorageOutbox, StorageOutcome, StorageRequest};

/// A place in the journals of a log directory. Of one partition all entries of an epoch are in one
/// journal, since it lies on one shard.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct JournalPlace {
    /// Larger in every life of the broker that finds journals or checkpoints of another.
    pub epoch: u64,
    /// The number of the entry; zero stands before the first.
    pub entry: u64,
}

/// What a journal has of a log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct JournalledBatches {
    /// Where.
    pub place: JournalPlace,
    /// Whole batches.
    pub batches: Bytes,
}

/// What a log is to know of earlier replicas.
#[derive(Debug, Default)]
pub(super) struct Predecessor {
    /// How far the directory's journal has come; `None` if the log was open before in this life.
    now: Option<JournalPlace>,
    /// True if what is said up to there is of another replica.
    is_followed: bool,
    /// True if there was something in a journal, all of it of another replica.
    has_disowned: bool,
}

impl Log {
    /// Before the log is opened for the first time in a life of the broker: how far the journal of
    /// its directory has come. With `has_predecessor` what is said of the partition up to there is
    /// of another replica.
    pub const fn begin_at(&mut self, now: JournalPlace, has_predecessor: bool) {
        self.predecessor.now = Some(now);
        self.predecessor.is_followed = has_predecessor;
    }

    /// True if journals had something of the partition, and nothing of it is this log's.
    #[must_use]
    pub const fn has_disowned_journal(&self) -> bool {
        self.predecessor.has_disowned
    }

    /// Have it noted in the folder that was just made if there was another replica before.
    pub(super) fn note_predecessor(&mut self, recovery: &mut Recovery, outbox: &mut StorageOutbox) {
        if let Some(now) = self
            .predecessor
            .now
            .filter(|_| self.predecessor.is_followed)
        {
            self.write_predecessor(now, recovery, outbox);
        }
    }

    fn write_predecessor(
        &mut self,
        place: JournalPlace,
        recovery: &mut Recovery,
        outbox: &mut StorageOutbox,
    ) {
        let request = StorageRequest::ReplaceFile {
            path: self.identity.folder.join(PREDECESSOR),
            contents: encode(place),
        };
        self.ask(recovery, Asked::Change, request, outbox);
    }

    /// Ask for the note, if there is one.
    pub(super) fn ask_for_predecessor(
        &mut self,
        recovery: &mut Recovery,
        outbox: &mut StorageOutbox,
    ) {
        let path = self.identity.folder.join(PREDECESSOR);
        if recovery.has_entry(PREDECESSOR) {
            let request = StorageRequest::ReadFile { path };
            self.ask(recovery, Asked::Predecessor, request, outbox);
        }
    }

    /// Let go of what was inherited and is of an earlier replica, and see to it that this is known
    /// to the next start.
    pub(super) fn judge_predecessor(
        &mut self,
        recovery: &mut Recovery,
        outbox: &mut StorageOutbox,
    ) -> Result<(), LogFailure> {
        let noted = match recovery.answers.remove(&Asked::Predecessor) {
            Some(StorageOutcome::Data(file)) => {
                let noted = decode_predecessor(&file);
                Some(noted.ok_or_else(|| self.unusable("its note of an earlier replica is none"))?)
            }
            _ => None,
        };
        let had_journal = !self.has_inherited_nothing();
        let had_point = self.resume_points.inherited.is_some();
        // A log that was open once has said in its folder whose it is.
        let is_new = recovery.lacks_metadata;
        self.disown(|place| is_new || noted.is_some_and(|noted| place <= noted));
        self.predecessor.has_disowned = had_journal && self.has_inherited_nothing();
        let Some(now) = self.predecessor.now else {
            return Ok(());
        };
        let is_followed = self.predecessor.is_followed || (is_new && (had_journal || had_point));
        if is_followed || noted.is_some_and(|noted| noted > now) {
            self.write_predecessor(now, recovery, outbox);
        } else if noted.is_some() && recovery.is_clean() && !had_journal {
            // The stop has left nothing that could be taken for this log's.
            let path = self.identity.folder.join(PREDECESSOR);
            self.submit(outbox, Pending::Other, StorageRequest::Remove { path });
        }
        Ok(())
    }

    /// Let go of what was inherited from such places.
    fn disown(&mut self, is_of_another: impl Fn(JournalPlace) -> bool) {
        let inherited = &mut self.journalled.inherited;
        inherited.retain(|part| !is_of_another(part.place));
        let point = self.resume_points.inherited.take();
        // Of its epoch any entry may have been the last before it.
        let first = |epoch| JournalPlace { epoch, entry: 0 };
        self.resume_points.inherited = point.filter(|(epoch, _)| !is_of_another(first(*epoch)));
    }
}

/// The note: a checkpoint of one line, the place.
fn encode(place: JournalPlace) -> Bytes {
    encode_lines(
        1,
        std::iter::once(format!("{} {}", place.epoch, place.entry)),
    )
}

/// What the note in a folder says; `None` if it is none.
pub(crate) fn decode_predecessor(note: &[u8]) -> Option<JournalPlace> {
    let mut place = None;
    decode_lines(note, "an epoch and an entry", |line| {
        let (epoch, entry) = line.split_once(' ')?;
        place = Some(JournalPlace {
            epoch: epoch.parse().ok()?,
            entry: entry.parse().ok()?,
        });
        Some(())
    })
    .ok()?;
    place
}
