//! Every batch of one segment: its checksum, its place, its leader's epoch; and the indexes beside.

use std::io;

use bytes::Bytes;

use crate::log::{END_MARKER_BYTES, LeaderEpochs, check_header_order, end_marker};
use crate::model::{LeaderEpoch, Offset};
use crate::protocol::record_batch::{
    BatchError, BatchHeader, Batches, HEADER_BYTES, LOG_OVERHEAD_BYTES, PREFIX_BYTES,
};

use super::indexes::{IndexFault, OffsetWalk, TimeWalk};
use super::window::{WINDOW_BYTES, Window};

/// How much of a batch is looked at in one step.
const CRC_STEP_BYTES: usize = 64 << 10;

/// What is known of a segment before it is read.
pub struct Expected<'a> {
    pub base_offset: Offset,
    /// The length of the file.
    pub length: u64,
    /// True if every offset has a record: nothing was compacted.
    pub is_dense: bool,
    /// Where the next segment begins.
    pub next_base_offset: Option<Offset>,
    /// True if the file ends with its last batch. Otherwise room may be reserved behind it.
    pub ends_exactly: bool,
    /// What `leader-epoch-checkpoint` says; `None` if that is not to be compared.
    pub epochs: Option<&'a LeaderEpochs>,
    /// True if a leader's epoch may be too new for that file.
    pub may_have_newer_epochs: bool,
    /// The newest epoch that there was a leader in, if that is known.
    pub leader_epoch: Option<LeaderEpoch>,
}

/// What the records of a file end with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Tail {
    /// The end of the file, or room that was reserved.
    Sound,
    /// Something that is no whole batch, and nothing whole behind it.
    NoBatch(String),
}

/// What was found in a segment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SegmentFacts {
    /// The offset behind the last batch.
    pub next_offset: Offset,
    /// Where the file has its end behind the last batch.
    pub end: u64,
    pub batches: u64,
    pub tail: Tail,
    /// True if a batch is not what was written.
    pub is_damaged: bool,
}

/// Something in or beside a segment that is not as it was written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SegmentFault {
    /// In the segment: at this byte, where this offset is, or is expected.
    Batch {
        byte: u64,
        offset: Offset,
        what: String,
    },
    /// The batches from this one on and `leader-epoch-checkpoint` contradict each other.
    LeaderEpoch {
        byte: u64,
        offset: Offset,
        what: String,
        /// True if it is the batches that are wrong.
        is_of_batches: bool,
    },
    OffsetIndex(IndexFault),
    TimeIndex(IndexFault),
}

/// What follows the check of a segment.
pub trait Follow {
    /// A batch is sound.
    fn on_batch(&mut self, header: &BatchHeader, position: u64);
    /// Something is not.
    fn on_fault(&mut self, fault: SegmentFault);
    /// So many bytes more were looked at.
    fn on_progress(&mut self, bytes: u64);
}

/// Where no sound batch is.
struct Unsound {
    reason: String,
    /// What the batch says of its size.
    size: Option<u64>,
}

/// Batches one after the other whose epochs are not what the file says.
struct EpochRun {
    byte: u64,
    first: Offset,
    last: Offset,
    found: Option<LeaderEpoch>,
    said: Option<LeaderEpoch>,
    /// What the batch before them has.
    before: Option<LeaderEpoch>,
}

/// The check of one segment.
pub struct SegmentCheck<'a> {
    expected: Expected<'a>,
    window: Window<'a>,
    offset_walk: Option<OffsetWalk>,
    time_walk: Option<TimeWalk>,
    facts: SegmentFacts,
    /// Where the next batch may begin besides [`SegmentFacts::next_offset`], after one whose own
    /// offset may be wrong.
    other_next_offset: Option<Offset>,
    /// False behind something that could not be read: any offset may follow.
    knows_next_offset: bool,
    epoch_run: Option<EpochRun>,
    epoch_before: Option<LeaderEpoch>,
}

impl<'a> SegmentCheck<'a> {
    /// The check of the segment in `window`, with the indexes that are to be checked too.
    pub fn new(
        expected: Expected<'a>,
        window: Window<'a>,
        offset_walk: Option<OffsetWalk>,
        time_walk: Option<TimeWalk>,
    ) -> Self {
        Self {
            facts: SegmentFacts {
                next_offset: expected.base_offset,
                end: 0,
                batches: 0,
                tail: Tail::Sound,
                is_damaged: false,
            },
            expected,
            window,
            offset_walk,
            time_walk,
            other_next_offset: None,
            knows_next_offset: true,
            epoch_run: None,
            epoch_before: None,
        }
    }

    /// Read it all.
    pub fn run(mut self, follow: &mut dyn Follow) -> io::Result<SegmentFacts> {
        while self.facts.end < self.expected.length {
            let position = self.facts.end;
            match self.look(position)? {
                Ok(header) => {
                    self.take(&header, follow);
                    follow.on_progress(self.facts.end - position);
                }
                Err(unsound) => {
                    if !self.expected.ends_exactly && self.is_reserved(position)? {
                        break;
                    }
                    let goes_on = self.pass_over(&unsound, follow)?;
                    follow.on_progress(self.facts.end - position);
                    if !goes_on {
                        break;
                    }
                }
            }
        }
        self.end_epoch_run(None, follow);
        self.end_walks(follow);
        Ok(self.facts)
    }

    /// Tell what the walks along the indexes have found. Behind damage they find nothing more:
    /// which of the two is wrong would be a guess.
    fn end_walks(&mut self, follow: &mut dyn Follow) {
        if self.facts.is_damaged {
            if let Some(walk) = &mut self.offset_walk {
                walk.skip_to(self.expected.length);
            }
            if let Some(walk) = &mut self.time_walk {
                walk.skip_to(Offset::MAX);
            }
        }
        let end = self.facts.end;
        let offset_fault = self.offset_walk.take().and_then(|walk| walk.finish(end));
        let time_fault = self.time_walk.take().and_then(TimeWalk::finish);
        let offset_fault = offset_fault.map(SegmentFault::OffsetIndex);
        let time_fault = time_fault.map(SegmentFault::TimeIndex);
        for fault in [offset_fault, time_fault].into_iter().flatten() {
            follow.on_fault(fault);
        }
    }

    /// The sound batch at `position`.
    fn look(&mut self, position: u64) -> io::Result<Result<BatchHeader, Unsound>> {
        let unsound = |reason: String, size| Ok(Err(Unsound { reason, size }));
        let front = Bytes::copy_from_slice(self.window.at(position, HEADER_BYTES)?);
        let size = match Batches::new(front.clone()).next_size() {
            Ok(Some(size)) => size as u64,
            Ok(None) => return unsound(BatchError::Truncated.to_string(), None),
            Err(error) => return unsound(error.to_string(), None),
        };
        if size > self.expected.length.saturating_sub(position) {
            return unsound("the file ends inside the batch".to_owned(), None);
        }
        let header = match BatchHeader::decode(&front) {
            Ok(header) => header,
            Err(error) => return unsound(error.to_string(), Some(size)),
        };
        let mut computed = header.begin_crc();
        let mut at = position + HEADER_BYTES as u64;
        while at < position + size {
            let step = usize::try_from(position + size - at).unwrap_or(usize::MAX);
            let piece = self.window.at(at, step.min(CRC_STEP_BYTES))?;
            if piece.is_empty() {
                return unsound("the file became shorter".to_owned(), None);
            }
            computed = crc32c::crc32c_append(computed, piece);
            at += piece.len() as u64;
        }
        if computed != header.crc {
            let stored = header.crc;
            let error = BatchError::Crc { stored, computed };
            return unsound(error.to_string(), Some(size));
        }
        match check_header_order(&header) {
            Ok(()) => Ok(Ok(header)),
            Err(error) => unsound(error.to_string(), Some(size)),
        }
    }

    /// A batch whose checksum is right stands at the end of what was read.
    fn take(&mut self, header: &BatchHeader, follow: &mut dyn Follow) {
        let position = self.facts.end;
        let base = header.base_offset;
        let last_offset = base + i64::from(header.last_offset_delta);
        if let Some(what) = self.misplacement(base, last_offset) {
            self.facts.is_damaged = true;
            self.end_walks(follow);
            let offset = self.facts.next_offset;
            follow.on_fault(SegmentFault::Batch {
                byte: position,
                offset,
                what,
            });
            let count = i64::from(header.last_offset_delta) + 1;
            self.other_next_offset = self.expected.is_dense.then_some(offset + count);
        } else {
            self.other_next_offset = None;
            self.note_epoch(header, last_offset, follow);
            follow.on_batch(header, position);
        }
        self.knows_next_offset = true;
        self.facts.next_offset = last_offset + 1;
        self.facts.batches += 1;
        if let Some(walk) = &mut self.offset_walk {
            walk.on_batch(position, last_offset);
        }
        if let Some(walk) = &mut self.time_walk {
            walk.on_batch(header, last_offset);
        }
        let length = u64::from(header.batch_length.unsigned_abs());
        self.facts.end = position + LOG_OVERHEAD_BYTES as u64 + length;
    }

    /// Why a batch with these offsets cannot stand here; the checksum does not cover where it is.
    fn misplacement(&self, base: Offset, last_offset: Offset) -> Option<String> {
        let next = self.facts.next_offset;
        let is_next = base == next || self.other_next_offset == Some(base);
        let is_behind = self
            .expected
            .next_base_offset
            .is_some_and(|upper| last_offset >= upper);
        let is_far = i32::try_from(last_offset - self.expected.base_offset).is_err();
        if is_behind || is_far {
            return Some(format!("offset {base} does not belong into this segment"));
        }
        if !self.knows_next_offset || is_next || (!self.expected.is_dense && base > next) {
            return None;
        }
        Some(format!("offset {base} stands where {next} is expected"))
    }

    fn note_epoch(&mut self, header: &BatchHeader, last_offset: Offset, follow: &mut dyn Follow) {
        let epoch = header.partition_leader_epoch;
        let found = (epoch >= 0).then_some(epoch);
        let Some(epochs) = self.expected.epochs else {
            return;
        };
        let mut said = epochs.epoch_of(header.base_offset);
        if let Some(first) = epochs.first()
            && header.base_offset < first.start_offset
        {
            // Below the start of the log, where the list of epochs is cut off, any that rises to
            // the first of them will do.
            let rises = (self.epoch_before.max(Some(0))..=Some(first.epoch)).contains(&found);
            said = if rises { found } else { Some(first.epoch) };
        }
        let latest = epochs.latest();
        let is_newer = self.expected.may_have_newer_epochs
            && latest.is_none_or(|latest| {
                found > Some(latest.epoch) && header.base_offset >= latest.start_offset
            });
        let before = std::mem::replace(&mut self.epoch_before, found);
        if found == said || is_newer {
            self.end_epoch_run(found, follow);
            return;
        }
        match &mut self.epoch_run {
            Some(run) if run.found == found && run.said == said => run.last = last_offset,
            _ => {
                self.end_epoch_run(found, follow);
                self.epoch_run = Some(EpochRun {
                    byte: self.facts.end,
                    first: header.base_offset,
                    last: last_offset,
                    found,
                    said,
                    before,
                });
            }
        }
    }

    /// The batch behind those of the run, if there is one, has the epoch `after`. Epochs never fall
    /// within a log: where they do, it is the batches that are wrong. So it is where they have an
    /// epoch that is not in the file, and their neighbours the one that is. Else it is the file.
    fn end_epoch_run(&mut self, after: Option<LeaderEpoch>, follow: &mut dyn Follow) {
        let Some(run) = self.epoch_run.take() else {
            return;
        };
        let shown = |epoch: Option<LeaderEpoch>| {
            epoch.map_or_else(|| "no epoch".to_owned(), |epoch| format!("epoch {epoch}"))
        };
        let listed = self.expected.epochs;
        let is_listed = run
            .found
            .is_some_and(|found| listed.is_none_or(|all| all.has(found)));
        let is_said_beside = run.said.is_some() && [run.before, after].contains(&run.said);
        let is_of_batches = run.found.is_none()
            || (!is_listed && is_said_beside)
            || run.found < run.before
            || (after.is_some() && run.found > after)
            || (self.expected.leader_epoch.is_some() && run.found > self.expected.leader_epoch);
        let what = format!(
            "offsets {} to {} have {} in their batches and {} in leader-epoch-checkpoint",
            run.first,
            run.last,
            shown(run.found),
            shown(run.said)
        );
        self.facts.is_damaged |= is_of_batches;
        follow.on_fault(SegmentFault::LeaderEpoch {
            byte: run.byte,
            offset: run.first,
            what,
            is_of_batches,
        });
    }

    /// True if the mark of the end is at `position`.
    fn is_marked_end(&mut self, position: u64) -> io::Result<bool> {
        let marker = end_marker(self.facts.next_offset);
        let front = self.window.at(position, END_MARKER_BYTES)?;
        Ok(front == marker.as_ref())
    }

    /// True if nothing but reserved room lies from `position` on, behind the mark of the end.
    fn is_reserved(&mut self, position: u64) -> io::Result<bool> {
        let mut at = position;
        if self.is_marked_end(position)? {
            at += END_MARKER_BYTES as u64;
        }
        while at < self.expected.length {
            let piece = self.window.at(at, WINDOW_BYTES)?;
            if piece.iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
            if piece.is_empty() {
                break;
            }
            at += piece.len() as u64;
        }
        Ok(true)
    }

    /// Go on behind what is no batch, if there is another; false if there is none.
    fn pass_over(&mut self, unsound: &Unsound, follow: &mut dyn Follow) -> io::Result<bool> {
        let position = self.facts.end;
        let found = self.find_batch(unsound)?;
        let offset = self.facts.next_offset;
        let Some(next) = found else {
            if !self.expected.ends_exactly && self.is_marked_end(position)? {
                // What another segment had in this file lies behind the mark.
                return Ok(false);
            }
            if !self.expected.ends_exactly {
                self.facts.tail = Tail::NoBatch(unsound.reason.clone());
                return Ok(false);
            }
            let rest = self.expected.length - position;
            self.facts.is_damaged = true;
            follow.on_fault(SegmentFault::Batch {
                byte: position,
                offset,
                what: format!("{}; {rest} bytes from there are unreadable", unsound.reason),
            });
            return Ok(false);
        };
        self.facts.is_damaged = true;
        follow.on_fault(SegmentFault::Batch {
            byte: position,
            offset,
            what: unsound.reason.clone(),
        });
        if let Some(walk) = &mut self.offset_walk {
            walk.skip_to(next);
        }
        self.facts.end = next;
        self.knows_next_offset = false;
        self.other_next_offset = None;
        if next == self.expected.length {
            return Ok(false);
        }
        if let Ok(header) = self.look(next)?
            && let Some(walk) = &mut self.time_walk
        {
            walk.skip_to(header.base_offset);
        }
        Ok(true)
    }

    /// Where the next whole batch begins behind one that is not: where that one says that it ends,
    /// or wherever one is found. The end of the file, if the unsound one ends there.
    fn find_batch(&mut self, unsound: &Unsound) -> io::Result<Option<u64>> {
        let position = self.facts.end;
        let length = self.expected.length;
        if let Some(size) = unsound.size {
            let end = position + size;
            if (end == length && self.expected.ends_exactly) || self.is_later_batch(end)? {
                return Ok(Some(end));
            }
        }
        let mut at = position + 1;
        while at + (PREFIX_BYTES as u64) <= length {
            let piece = self.window.at(at, WINDOW_BYTES)?;
            let last = piece.len().saturating_sub(PREFIX_BYTES - 1);
            // The format's number, at its place behind length and epoch.
            let found = (0..last).find(|start| {
                piece[start + PREFIX_BYTES - 1] == 2
                    && piece[start + 8] < 0x80
                    && piece[*start] == 0
            });
            match found {
                Some(start) => {
                    let candidate = at + start as u64;
                    if self.is_later_batch(candidate)? {
                        return Ok(Some(candidate));
                    }
                    at = candidate + 1;
                }
                None if last == 0 => break,
                None => at += last as u64,
            }
        }
        Ok(None)
    }

    fn is_later_batch(&mut self, position: u64) -> io::Result<bool> {
        if position >= self.expected.length {
            return Ok(false);
        }
        let next = self.facts.next_offset;
        let upper = self.expected.next_base_offset;
        let upper = upper.unwrap_or(self.expected.base_offset + i64::from(i32::MAX));
        let found = self.look(position)?;
        Ok(found.is_ok_and(|header| (next..upper).contains(&header.base_offset)))
    }
}
