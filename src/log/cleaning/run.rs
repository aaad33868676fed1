//! One run: the keys of the dirty part first, then one segment after the other.

use std::time::Duration;

use bytes::Bytes;

use crate::log::partition_log::{Log, LogProgress, Pending, State};
use crate::log::read::{Place, Window};
use crate::log::scan::next_sound;
use crate::log::storage::{StorageOutbox, StorageOutcome, StorageRequest, StorageResult};
use crate::log::validation::DECOMPRESSED_BYTES_MAX;
use crate::model::Offset;
use crate::protocol::record_batch::{BatchError, Batches};
use crate::stdx::{Instant, Now, Random};

use super::filter::{Fate, Kept, Rules, filter};
use super::offset_map::OffsetMap;
use super::rewrite::Output;
use super::transactions::Transactions;
use super::{CleaningEnd, CleaningLimits};

/// What is read and worked on at a time, unless one batch is larger: a turn has other work to do.
const WINDOW_BYTES: u64 = 256 << 10;

/// What a run does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    /// Notes the keys of the dirty part.
    Mapping,
    /// Copies what stays of segments that are to be one.
    Rewriting,
    /// All of them were looked at: what stays takes their place.
    Replacing,
    /// Segments go of which nothing stays.
    Dropping,
}

/// A run of compaction over one log.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) number: u64,
    limits: CleaningLimits,
    map: OffsetMap,
    /// Those that the batches up to here belong to.
    pub(super) transactions: Transactions,
    pub(super) phase: Phase,
    /// The segment at work.
    pub(super) segment: Offset,
    /// Where to read on in it.
    position: u64,
    /// The least offset that the batch there can have.
    least_offset: Offset,
    window_bytes: u64,
    /// What was read, and is worked on next.
    piece: Option<Bytes>,
    /// The end of what is mapped, or may be.
    pub(super) end: Offset,
    /// The end of what might be cleaned when the run began.
    cleanable_end: Offset,
    /// How the run is to end, once the disk has failed under it.
    pub(super) failure: Option<CleaningEnd>,
    /// True while the disk works for the run.
    pub(super) is_waiting: bool,
    /// How many changes of the disk it waits for.
    pub(super) steps_left: usize,
    /// Not before this time, to stay within the limit.
    pub(super) resume_at: Option<Instant>,
    pub(super) output: Option<Output>,
    /// True if what is written is not what was read for it.
    pub(super) is_changed: bool,
    /// The size of the segments that are whole in the output.
    pub(super) merged_bytes: u64,
    /// The first of the segments that go.
    pub(super) dropped_from: Offset,
    pub(super) bytes_before: u64,
    pub(super) bytes_after: u64,
}

/// A file does not hold what it should.
struct Unsound {
    position: u64,
    error: BatchError,
}

impl Run {
    pub(super) fn new(
        number: u64,
        limits: CleaningLimits,
        segment: Offset,
        end: Offset,
        random: &mut Random,
    ) -> Self {
        Self {
            number,
            limits,
            map: OffsetMap::new(limits.map_bytes_max, random),
            transactions: Transactions::default(),
            phase: Phase::Mapping,
            segment,
            position: 0,
            least_offset: segment,
            window_bytes: WINDOW_BYTES,
            piece: None,
            end,
            cleanable_end: end,
            failure: None,
            is_waiting: false,
            steps_left: 0,
            resume_at: None,
            output: None,
            is_changed: false,
            merged_bytes: 0,
            dropped_from: 0,
            bytes_before: 0,
            bytes_after: 0,
        }
    }

    pub(super) fn go_to(&mut self, segment: Offset) {
        self.segment = segment;
        self.position = 0;
        self.least_offset = segment;
        self.window_bytes = WINDOW_BYTES;
        self.piece = None;
    }

    /// The first segment at work: what is written may come from several.
    pub(super) fn first_at_work(&self) -> Offset {
        match (&self.output, self.phase) {
            (Some(output), _) => output.base_offset(),
            (None, Phase::Dropping) => self.dropped_from,
            (None, _) => self.segment,
        }
    }

    /// `bytes` were read or written: wait as long as the limit demands.
    pub(super) fn charge(&mut self, now: Now, bytes: u64) {
        let seconds = bytes as f64 / self.limits.bytes_per_second_max.max(1.0);
        let pause = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        self.resume_at = (!pause.is_zero()).then(|| now.instant + pause);
    }
}

impl Log {
    /// Take steps until the run waits or has ended.
    pub(super) fn step_run(
        &mut self,
        run: &mut Run,
        now: Now,
        outbox: &mut StorageOutbox,
    ) -> Option<CleaningEnd> {
        loop {
            // Also to end: what is under way may make a file that is to be removed then.
            if run.is_waiting {
                return None;
            }
            if let Some(end) = run.failure.take() {
                return Some(end);
            }
            // What is being replaced is brought to its end, also when the log is being closed.
            let is_replacing = run.output.as_ref().is_some_and(Output::is_replacing);
            if !matches!(self.state, State::Open) && !is_replacing {
                return Some(CleaningEnd::Stopped);
            }
            if run.resume_at.is_some_and(|at| at > now.instant) && !is_replacing {
                return None;
            }
            run.resume_at = None;
            let Some(index) = self.segment_index(run.segment) else {
                // Retention took it.
                return Some(CleaningEnd::Stopped);
            };
            let step = match run.phase {
                Phase::Mapping => self.step_mapping(run, index, now, outbox),
                Phase::Rewriting => self.step_rewriting(run, index, now, outbox),
                Phase::Replacing => self.step_replacing(run, index, now, outbox),
                Phase::Dropping => self.step_dropping(run, index, now, outbox),
            };
            match step {
                Step::Next => {}
                Step::Wait => return None,
                Step::End(end) => return Some(end),
            }
        }
    }

    fn step_mapping(
        &mut self,
        run: &mut Run,
        index: usize,
        now: Now,
        outbox: &mut StorageOutbox,
    ) -> Step {
        if let Some(piece) = run.piece.take() {
            let mapped = map_piece(run, &piece, self.first_dirty_offset());
            return match mapped {
                Ok(Mapped::GoesOn) => Step::Next,
                Ok(Mapped::IsFull) => self.begin_rewriting(run),
                Err(unsound) => self.on_unsound(run, unsound),
            };
        }
        if run.position < self.segments[index].length {
            return self.read_dirty(run, index, now, outbox);
        }
        self.close_read_through(index, outbox);
        if self.segment_end(index) >= run.end {
            return self.begin_rewriting(run);
        }
        run.go_to(self.segments[index + 1].base_offset);
        Step::Next
    }

    /// The run needs the file of the segment at `index` no more: it holds one at a time.
    pub(super) fn close_read_through(&mut self, index: usize, outbox: &mut StorageOutbox) {
        if self.segments[index].reads_in_flight == 0 {
            self.close_segment_file(index, outbox);
        }
    }

    fn begin_rewriting(&self, run: &mut Run) -> Step {
        run.phase = Phase::Rewriting;
        run.transactions = Transactions::default();
        match self.segments.front() {
            Some(first) => {
                run.go_to(first.base_offset);
                Step::Next
            }
            None => Step::End(CleaningEnd::NothingToDo),
        }
    }

    fn step_rewriting(
        &mut self,
        run: &mut Run,
        index: usize,
        now: Now,
        outbox: &mut StorageOutbox,
    ) -> Step {
        if run.output.is_none() && !self.open_output(run, now, outbox) {
            return Step::Wait;
        }
        if run.is_waiting {
            return Step::Wait;
        }
        if let Some(piece) = run.piece.take() {
            return match self.rewrite_piece(run, &piece, now) {
                Ok(()) => Step::Next,
                Err(unsound) => self.on_unsound(run, unsound),
            };
        }
        if self.write_output(run, now, false, outbox) {
            return Step::Wait;
        }
        if run.position < self.segments[index].length {
            return self.read_dirty(run, index, now, outbox);
        }
        if self.joins_output(run, index) {
            self.close_read_through(index, outbox);
            run.merged_bytes += self.segments[index].length;
            run.go_to(self.segments[index + 1].base_offset);
        } else {
            run.phase = Phase::Replacing;
        }
        Step::Next
    }

    fn rewrite_piece(&self, run: &mut Run, piece: &Bytes, now: Now) -> Result<(), Unsound> {
        let start = run.position;
        let index = self.segment_index(run.segment);
        let segment_end = index.map_or(self.log_end_offset, |index| self.segment_end(index));
        let mut batches = Batches::new(piece.clone());
        loop {
            let position = start + batches.position() as u64;
            let unsound = |error| Unsound { position, error };
            let Some(batch) = next_sound(&mut batches).map_err(unsound)? else {
                return end_piece(run, &batches, position);
            };
            if batch.base_offset() < run.least_offset || batch.next_offset() > segment_end {
                let error = BatchError::Records("the offsets are not in order");
                return Err(unsound(error));
            }
            run.least_offset = batch.next_offset();
            let rules = Rules {
                map: &run.map,
                wall_ms: now.wall_ms,
                delete_retention_ms: self.config.delete_retention_ms,
            };
            let fate = Fate {
                keeps_header: self.producers.end_with(&batch)
                    || batch.next_offset() == run.cleanable_end,
                is_void: run.transactions.are_void(&batch),
            };
            let kept = filter(&batch, fate, &rules).map_err(unsound)?;
            run.is_changed |= kept != Kept::Whole;
            let output = run.output.as_mut().expect("a segment is rewritten into it");
            match kept {
                Kept::Whole => output.push(&batch, self.config.index_interval_bytes),
                Kept::Part(part) => output.push(&part, self.config.index_interval_bytes),
                Kept::Nothing => {}
            }
        }
    }

    fn read_dirty(
        &mut self,
        run: &mut Run,
        index: usize,
        now: Now,
        outbox: &mut StorageOutbox,
    ) -> Step {
        if run.position == 0 {
            let (start, end) = (run.segment, self.segment_end(index));
            run.transactions.expect(self.aborted.between(start, end));
        }
        match self.read_window(now, index, run.position, run.window_bytes, outbox) {
            Window::FileIsOpening => Step::Wait,
            Window::InMemory(_) => unreachable!("a sealed segment lies on the disk"),
            Window::Disk(request) => {
                if let StorageRequest::Read { length, .. } = &request {
                    run.charge(now, *length);
                }
                self.segments[index].reads_in_flight += 1;
                run.is_waiting = true;
                let pending = Pending::CleaningRead(run.number, run.segment);
                self.submit(outbox, pending, request);
                Step::Wait
            }
        }
    }

    /// A read of the run `number` has ended.
    pub(in crate::log) fn on_cleaning_read(&mut self, number: u64, result: StorageResult) {
        let Some(mut run) = self.cleaner.run.take_if(|run| run.number == number) else {
            return;
        };
        run.is_waiting = false;
        let place = Place {
            segment: run.segment,
            position: run.position,
        };
        match result {
            Ok(StorageOutcome::Data(data)) => run.piece = self.window_data(place, &data),
            Ok(_) => unreachable!("a read brings data"),
            Err(failure) => {
                run.fail(CleaningEnd::Uncleanable(failure.to_string()));
                self.progress.push_back(LogProgress::ReadFailed(failure));
            }
        }
        self.cleaner.run = Some(run);
    }

    fn on_unsound(&mut self, run: &Run, unsound: Unsound) -> Step {
        let reason = unsound.error.to_string();
        let damage = self.damage(run.segment, run.segment, unsound.position, &reason);
        let text = damage.to_string();
        self.progress.push_back(LogProgress::Damaged(damage));
        Step::End(CleaningEnd::Uncleanable(text))
    }
}

/// What follows a step.
#[derive(Debug)]
pub(super) enum Step {
    Next,
    Wait,
    End(CleaningEnd),
}

enum Mapped {
    GoesOn,
    IsFull,
}

fn map_piece(run: &mut Run, piece: &Bytes, first_dirty: Offset) -> Result<Mapped, Unsound> {
    let start = run.position;
    let mut batches = Batches::new(piece.clone());
    loop {
        let position = start + batches.position() as u64;
        let unsound = |error| Unsound { position, error };
        let Some(batch) = next_sound(&mut batches).map_err(unsound)? else {
            end_piece(run, &batches, position)?;
            return Ok(Mapped::GoesOn);
        };
        let is_void = run.transactions.are_void(&batch);
        if is_void || batch.is_control() || batch.next_offset() <= first_dirty {
            continue;
        }
        let count = usize::try_from(batch.records_count()).unwrap_or(usize::MAX);
        if !run.map.has_room(count) {
            run.end = batch.base_offset();
            return Ok(Mapped::IsFull);
        }
        let records = batch.records(DECOMPRESSED_BYTES_MAX).map_err(unsound)?;
        for record in &records {
            let record = record.map_err(unsound)?;
            if let Some(key) = record.key {
                run.map.put(key, record.offset);
            }
        }
    }
}

/// All whole batches of a piece were worked on: the next one begins at `position`.
fn end_piece(run: &mut Run, batches: &Batches, position: u64) -> Result<(), Unsound> {
    let unsound = |error| Unsound { position, error };
    let size = batches.next_size().map_err(unsound)?.unwrap_or_default() as u64;
    if position == run.position && size <= run.window_bytes {
        return Err(unsound(BatchError::Truncated));
    }
    run.position = position;
    run.window_bytes = WINDOW_BYTES.max(size);
    Ok(())
}
