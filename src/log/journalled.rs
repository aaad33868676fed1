//! What of a log is durable in the journal and not yet in its segments.
//!
//! A small append costs a write of its own if it goes to its segment. So it is offered to the
//! journal, where one write takes what all logs of a shard have offered, and reaches the segment
//! later, with others, in one large write. A log knows nothing more of the journal than that: it
//! offers what was appended, is told when that is durable, and writes it back when asked.
//!
//! What the segments hold is always a prefix of the log that is synced; what was acknowledged
//! behind it is in the journal. Appends that are too large for an offer take the records before
//! them along to the segment.

use bytes::Bytes;

use crate::model::Offset;
use crate::protocol::record_batch::{Batches, RecordBatch};
use crate::stdx::Now;

use super::deferral::UNSYNCED_BYTES_MAX;
use super::partition_log::{Log, LogFailure, LogProgress, State};
use super::predecessor::JournalledBatches;

/// With this much to be written back, a segment is written to without being asked: a write of this
/// size costs the device no more per byte than a larger one.
const WRITE_BACK_BYTES: u64 = 256 << 10;

/// Whole batches, to be made durable in the journal.
#[derive(Clone, Debug)]
pub struct JournalOffer {
    /// The offset behind the last of them.
    pub end_offset: Offset,
    /// Their bytes, to be read one after the other.
    pub slices: Vec<Bytes>,
}

/// How far appended records have come.
#[derive(Debug, Default)]
pub(super) struct Journalled {
    /// The most bytes of an offer; zero while there is no journal.
    offer_bytes_max: u64,
    /// Everything below was offered, or is being written to the segments without.
    offered_end_offset: Offset,
    /// Everything below is or was being written to the segments without having been offered: what
    /// lies behind it is not offered before it is durable, so that what is durable has no holes.
    direct_end_offset: Offset,
    /// Where the log goes on behind the newest gap in its offsets. A journal that went on behind a
    /// gap would look like one that has lost something: so it is offered nothing that has one.
    gap_end_offset: Offset,
    /// The segments are to have everything below.
    write_back_to: Offset,
    /// Bytes since the log was opened: appended, offered, written.
    appended_bytes: u64,
    offered_bytes: u64,
    written_bytes: u64,
    /// Of those appended, what the owner has counted.
    counted_bytes: u64,
    offer: Option<JournalOffer>,
    /// What the journal of the broker's last life had of this log, in the order of its entries.
    pub(super) inherited: Vec<JournalledBatches>,
    /// What of it the segments lack.
    replay: Vec<RecordBatch>,
}

impl Log {
    /// Offer what is appended from now on to a journal, as long as one flush brings at most
    /// `offer_bytes_max` bytes. With zero there is no journal any more: what was offered and not
    /// told to be durable goes to the segments.
    pub fn use_journal(&mut self, offer_bytes_max: u64) {
        let journalled = &mut self.journalled;
        journalled.offer_bytes_max = offer_bytes_max;
        if offer_bytes_max == 0 {
            journalled.offer = None;
            journalled.offered_end_offset = self.written_end_offset;
            journalled.offered_bytes = journalled.written_bytes;
            // It was offered to be durable at once.
            if self.deferral.is_on() && self.written_end_offset < self.log_end_offset {
                self.write_back();
            }
        }
    }

    /// Before the log is opened: what the journal has of it, in the order in which it was offered.
    /// What the segments lack of it is appended to them, and is durable as long as the journal is
    /// kept, which is until [`Log::written_end_offset`] has passed it.
    pub fn inherit_journal(&mut self, parts: Vec<JournalledBatches>) {
        self.journalled.inherited = parts;
    }

    /// True if no journal has anything of it.
    pub(super) const fn has_inherited_nothing(&self) -> bool {
        self.journalled.inherited.is_empty()
    }

    /// What the last flush has to offer; [`Log::on_journalled`] tells that it is durable.
    pub fn take_offer(&mut self) -> Option<JournalOffer> {
        self.journalled.offer.take()
    }

    /// What was offered up to `end_offset` is durable in the journal.
    pub fn on_journalled(&mut self, end_offset: Offset) {
        if matches!(self.state, State::Open | State::Closing(_)) {
            self.advance_durable(end_offset);
        }
    }

    /// Everything below this offset is in the segments, synced.
    #[must_use]
    pub const fn written_end_offset(&self) -> Offset {
        self.written_end_offset
    }

    /// Have the segments get everything that was appended so far, which begins with the next flush.
    pub const fn write_back(&mut self) {
        self.journalled.write_back_to = self.log_end_offset;
        self.deferral.note_asked();
    }

    /// How many bytes were appended since this was asked last.
    pub const fn take_appended_bytes(&mut self) -> u64 {
        let journalled = &mut self.journalled;
        let bytes = journalled.appended_bytes - journalled.counted_bytes;
        journalled.counted_bytes = journalled.appended_bytes;
        bytes
    }

    /// What is appended next begins at `offset`.
    pub(super) const fn note_gap(&mut self, offset: Offset) {
        if offset > self.log_end_offset {
            self.journalled.gap_end_offset = offset;
        }
    }

    pub(super) const fn note_appended(&mut self, bytes: u64) {
        self.journalled.appended_bytes += bytes;
    }

    /// How many bytes the segments do not have.
    pub(super) const fn unwritten_bytes(&self) -> u64 {
        self.journalled.appended_bytes - self.journalled.written_bytes
    }

    /// A write to the segments has begun that ends at `end_offset`, with `bytes` of records.
    pub(super) const fn note_write_begun(&mut self, bytes: u64, end_offset: Offset) {
        let journalled = &mut self.journalled;
        if end_offset > journalled.offered_end_offset {
            journalled.offered_end_offset = end_offset;
            journalled.offered_bytes = journalled.written_bytes + bytes;
            journalled.direct_end_offset = end_offset;
        }
        if end_offset == self.log_end_offset {
            self.deferral.note_asked();
        }
    }

    /// There is nothing between what is written and `offset`.
    pub(super) fn skip_written(&mut self, offset: Offset) {
        self.written_end_offset = offset;
        let offered = &mut self.journalled.offered_end_offset;
        *offered = (*offered).max(offset);
    }

    /// The write that ends at `end_offset` has ended.
    pub(super) fn note_written(&mut self, bytes: u64, end_offset: Offset) {
        assert!(
            end_offset > self.written_end_offset,
            "every write brings records"
        );
        let journalled = &mut self.journalled;
        journalled.written_bytes += bytes;
        journalled.offered_end_offset = journalled.offered_end_offset.max(end_offset);
        journalled.offered_bytes = journalled.offered_bytes.max(journalled.written_bytes);
        self.written_end_offset = end_offset;
        self.advance_durable(end_offset);
    }

    fn advance_durable(&mut self, end_offset: Offset) {
        if end_offset > self.durable_end_offset {
            self.durable_end_offset = end_offset;
            self.progress.push_back(LogProgress::DurableAdvanced {
                durable_end_offset: end_offset,
            });
        }
    }

    /// Offer what was appended since the last flush, if it is small.
    pub(super) fn offer(&mut self) {
        let journalled = &self.journalled;
        let bytes = journalled.appended_bytes - journalled.offered_bytes;
        let may_offer = !self.deferral.is_on()
            && journalled.direct_end_offset <= self.durable_end_offset
            && journalled.gap_end_offset <= journalled.offered_end_offset
            && journalled.offer.is_none()
            && (1..=journalled.offer_bytes_max).contains(&bytes);
        if !may_offer {
            return;
        }
        let slices = self.cache.slices_from(journalled.offered_end_offset);
        let end_offset = self.log_end_offset;
        let journalled = &mut self.journalled;
        journalled.offered_bytes = journalled.appended_bytes;
        journalled.offered_end_offset = end_offset;
        journalled.offer = Some(JournalOffer { end_offset, slices });
    }

    /// Whether what the segment at `index` lacks is to be written to it now.
    pub(super) fn wants_write(&self, index: usize) -> bool {
        let is_appended_to = index + 1 == self.segments.len() && matches!(self.state, State::Open);
        let journalled = &self.journalled;
        let (may_wait, bytes_max) = match self.deferral.is_on() {
            true => (true, UNSYNCED_BYTES_MAX),
            false => (
                journalled.offered_end_offset >= self.log_end_offset,
                WRITE_BACK_BYTES,
            ),
        };
        !is_appended_to
            || !may_wait
            || journalled.write_back_to > self.written_end_offset
            || self.unwritten_bytes() >= bytes_max
    }

    /// Where a log without segments begins: with the batch of the log start, if the journal has it,
    /// since nothing of the segment that it lay in was written.
    pub(super) fn first_offset_without_segments(&self) -> Offset {
        let start = self.log_start_offset;
        for part in &self.journalled.inherited {
            let mut batches = Batches::new(part.batches.clone());
            while let Ok(Some(batch)) = batches.next_whole() {
                if (batch.base_offset()..batch.next_offset()).contains(&start) {
                    return batch.base_offset();
                }
            }
        }
        start
    }

    /// The segments hold what is below `end`: find out what the journal has behind it. Returns
    /// where the log ends with that.
    pub(super) fn plan_replay(&mut self, end: Offset) -> Result<Offset, LogFailure> {
        let mut reached = end;
        for part in std::mem::take(&mut self.journalled.inherited) {
            let mut batches = Batches::new(part.batches);
            while batches.remaining() > 0 {
                let batch = match batches.next_whole() {
                    Ok(Some(batch)) => batch,
                    Ok(None) => return Err(self.unusable_journal("a batch in it ends early")),
                    Err(error) => return Err(self.unusable_journal(&error.to_string())),
                };
                if batch.next_offset() <= reached {
                    continue;
                }
                if batch.base_offset() != reached {
                    let first = batch.base_offset();
                    let (segment, position) = self.segments.back().map_or((0, 0), |last| {
                        let writer = last.writer.as_deref();
                        let written = writer.map_or(last.length, |writer| writer.written_end);
                        (last.base_offset, written)
                    });
                    let reason = format!("the journal goes on at offset {first}");
                    let damage = self.damage(segment, reached, position, &reason);
                    return Err(LogFailure::Damaged(damage));
                }
                batch
                    .verify_crc()
                    .map_err(|error| self.unusable_journal(&error.to_string()))?;
                reached = batch.next_offset();
                self.journalled.replay.push(batch);
            }
        }
        Ok(reached)
    }

    /// Append what the journal has behind the segments.
    pub(super) fn replay_journal(&mut self, now: Now) {
        for batch in std::mem::take(&mut self.journalled.replay) {
            self.append_batch(now, &batch);
        }
        self.cache.seal_open();
        if self.epochs.latest().is_some() {
            self.epochs_are_dirty |= self.epochs.cut_front(self.log_start_offset);
        }
        self.durable_end_offset = self.log_end_offset;
        self.journalled.offered_end_offset = self.log_end_offset;
        self.journalled.offered_bytes = self.journalled.appended_bytes;
        self.write_back();
    }

    fn unusable_journal(&self, reason: &str) -> LogFailure {
        self.unusable(&format!("what the journal has of it is damaged: {reason}"))
    }
}
