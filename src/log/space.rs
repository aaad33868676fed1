//! A disk without room: what it could not do waits, and is asked for again until it can.
//!
//! A request that takes room changes nothing when there is none, or something that asking again
//! does anew as a whole. So such a request is for its log only a slow one: nothing else of the log
//! knows of the lack but the owner, who is told and appends nothing meanwhile. Writes are not among
//! them, since they lie below what was reserved. What waits holds no open file, which another may
//! need to read.
//!
//! In the same way the folder of a deleted partition waits for a disk that cannot rename it, for
//! whatever reason: nothing of the partition is lost with it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::Offset;
use crate::stdx::{Instant, Now};

use super::partition_log::{Log, LogProgress, Pending, State};
use super::segment::SegmentFile;
use super::storage::{StorageFailure, StorageOutbox, StorageRequest};
use super::write::needed_bytes;

/// How soon a disk is asked again for what it could not do: a request a second and log costs
/// nothing, and who waits for a disk that works again does not notice more.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// What a log has asked for that takes room.
#[derive(Debug, Default)]
pub(super) struct Space {
    /// The requests under way, by the sequence in their tickets.
    asked: BTreeMap<u64, StorageRequest>,
    /// Those that found no room, in the order of their sequences.
    refused: BTreeMap<u64, (Pending, StorageRequest)>,
    /// When they are made again, while the disk has no room.
    retry_at: Option<Instant>,
}

impl Space {
    /// True while the disk has no room.
    pub(super) const fn is_lacking(&self) -> bool {
        self.retry_at.is_some()
    }

    /// True while something waits until it is asked for again.
    pub(super) fn is_waiting(&self) -> bool {
        !self.refused.is_empty()
    }

    /// When the disk is asked again, if it has no room.
    pub(super) const fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }

    /// A request is on its way.
    pub(super) fn note_asked(&mut self, sequence: u64, request: &StorageRequest) {
        if may_be_refused(request) {
            self.asked.insert(sequence, request.clone());
        }
    }

    /// A request has ended; it is given back if it can be made again.
    pub(super) fn note_ended(&mut self, sequence: u64) -> Option<StorageRequest> {
        self.asked.remove(&sequence)
    }

    /// Nothing of what found no room is wanted any more.
    pub(super) fn forget_refused(&mut self) {
        self.refused.clear();
        self.retry_at = None;
    }

    /// What found no room is to be asked for with the next flush.
    pub(super) fn hurry(&mut self) {
        if self.is_lacking() {
            self.retry_at = Some(Instant::default());
        }
    }
}

impl Log {
    /// Whether the disk has no room for more records, or cannot rename the folder of a log that is
    /// being deleted.
    #[must_use]
    pub const fn lacks_space(&self) -> bool {
        self.space.is_lacking()
    }

    /// The disk had no room for `request`: it is made again later.
    pub(super) fn postpone(
        &mut self,
        now: Now,
        sequence: u64,
        (pending, request): (Pending, StorageRequest),
        failure: StorageFailure,
    ) {
        if let Pending::Allocated(at, _) = pending
            && let Some(writer) = self.writer_at(at)
        {
            writer.is_allocating = false;
        }
        let request = self.by_its_other_name(request);
        self.space.refused.insert(sequence, (pending, request));
        let retry_at = now.instant + RETRY_INTERVAL;
        if self.space.retry_at.replace(retry_at).is_none() {
            self.progress.push_back(match self.state {
                State::Deleting { .. } => LogProgress::DeletionPutOff(failure),
                _ => LogProgress::SpaceLacking(failure),
            });
        }
    }

    /// True if the request of `pending`, which ended as `failure`, is to be made again.
    pub(super) fn may_postpone(&self, pending: Pending, failure: &StorageFailure) -> bool {
        match self.state {
            State::Opening(_) | State::Open => {
                failure.is_lack_of_space() && !matches!(pending, Pending::IndexWritten(_))
            }
            State::Deleting { .. } => {
                let is_gone = failure.is_absence() && !self.has_other_name();
                pending == Pending::FolderRenamed && !is_gone
            }
            _ => false,
        }
    }

    /// Ask a full disk again, if it is time.
    pub(super) fn ask_for_space_again(&mut self, now: Now, outbox: &mut StorageOutbox) {
        let Some(retry_at) = self.space.retry_at else {
            return;
        };
        self.close_files_not_made(outbox);
        if retry_at > now.instant {
            return;
        }
        self.space.retry_at = Some(now.instant + RETRY_INTERVAL);
        for (sequence, (pending, request)) in std::mem::take(&mut self.space.refused) {
            match pending {
                // It is opened with the next step of its segment.
                Pending::SegmentOpened(_) => {}
                Pending::Allocated(at, _) => self.allocate_again(at, outbox),
                pending => self.submit_as(sequence, outbox, pending, request),
            }
        }
    }

    /// Say that there is room when the disk has done all that it could not.
    pub(super) fn note_space_found(&mut self) {
        let is_done = self.space.refused.is_empty() && self.space.asked.is_empty();
        if self.lacks_space() && is_done && !self.is_short_of_files {
            self.space.retry_at = None;
            self.progress.push_back(LogProgress::SpaceFound);
        }
    }

    /// Give back the files that could not be made: others may be waiting for one to read.
    fn close_files_not_made(&mut self, outbox: &mut StorageOutbox) {
        let refused = self.space.refused.values();
        let not_made: Vec<Offset> = refused
            .filter_map(|(pending, _)| match pending {
                Pending::SegmentOpened(at) => Some(*at),
                _ => None,
            })
            .collect();
        for base_offset in not_made {
            if let Some(segment) = self.segment_mut(base_offset)
                && let SegmentFile::Opening(file) = segment.file
            {
                segment.file = SegmentFile::Closed;
                if let Some(writer) = &mut segment.writer {
                    writer.exists = false;
                }
                self.close_file(file, outbox);
            }
        }
    }

    /// A file that was closed meanwhile is made longer by the next write to it.
    fn allocate_again(&mut self, base_offset: Offset, outbox: &mut StorageOutbox) {
        let Some(index) = self.segment_index(base_offset) else {
            return;
        };
        let is_appended_to = index + 1 == self.segments.len() && matches!(self.state, State::Open);
        let segment = &self.segments[index];
        let Some(writer) = segment.writer.as_deref() else {
            return;
        };
        let is_wanted = is_appended_to || writer.written_end < segment.length;
        if is_wanted && !writer.is_allocating && segment.open_file().is_some() {
            self.allocate(index, needed_bytes(segment), outbox);
        }
    }
}

/// True for a request that may find no room and can be made again. A removal takes room where a
/// file system copies what it changes; a seal is the last of a log that closes and waits for
/// nothing.
const fn may_be_refused(request: &StorageRequest) -> bool {
    match request {
        StorageRequest::Remove { .. } => true,
        StorageRequest::Seal { .. } => false,
        request => request.takes_room(),
    }
}
