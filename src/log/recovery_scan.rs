//! Reading segments batch by batch when a log is opened.

use bytes::Bytes;

use crate::model::Offset;
use crate::protocol::record_batch::{BatchHeader, Batches, RecordBatch};
use crate::stdx::Now;

use super::file_names::FileKind;
use super::offset_index::{OffsetIndex, relative_offset};
use super::partition_log::{Log, LogFailure, OpenMode, Pending};
use super::recovery::{Asked, Recovery};
use super::reindexing::begins_with;
use super::scan::check_order;
use super::segment::{Index, Largest, Segment, SegmentFile, Writer};
use super::snapshot::encode_snapshot;
use super::storage::{FileId, IO_BLOCK_BYTES, StorageOutbox, StorageOutcome, StorageRequest};
use super::time_index::TimeIndex;
use super::write::block_start;

/// How much of a segment is read and looked at in one step, unless one batch is larger.
pub(super) const STEP_BYTES: u64 = 1 << 20;

/// The first step where little is expected: most logs had nothing appended since a point was kept
/// of them, and what was reserved for them is not to be read.
pub(super) const RESUMED_STEP_BYTES: u64 = 64 << 10;

/// A segment that is read from `position` to its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scan {
    pub(super) segment: Offset,
    pub(super) position: u64,
    /// How much is read at once, more than [`STEP_BYTES`] for a larger batch.
    pub(super) step_bytes: u64,
    pub(super) has_begun: bool,
    /// True if the indexes are made; otherwise only the producers are of interest.
    pub(super) rebuilds: bool,
    /// True if the files are what a sealed segment has.
    pub(super) is_sealed_on_disk: bool,
    /// The length of the file, which may be more than that of its records.
    pub(super) file_length: u64,
}

/// How far the scans of a log have come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ScanProgress {
    UnderWay,
    /// The file is not the one of which the resume point tells, or the index.
    Doubtful,
    Done,
}

/// How a piece of a segment ended.
enum PieceEnd {
    /// More of the segment follows.
    ReadOn,
    /// The file ends with the last batch.
    Exact,
    /// What follows is no whole batch.
    NoBatch(String),
    /// What follows is given up.
    Truncated,
    /// The batch with which reading goes on is not there.
    NotResumed,
}

impl Log {
    /// Take a step of the scans.
    pub(super) fn advance_scan(
        &mut self,
        recovery: &mut Recovery,
        outbox: &mut StorageOutbox,
    ) -> Result<ScanProgress, LogFailure> {
        let Some(&scan) = recovery.scans.front() else {
            return Ok(ScanProgress::Done);
        };
        let index = self
            .segment_index(scan.segment)
            .expect("what is scanned was listed");
        self.note_opened(recovery, index);
        if !scan.has_begun {
            self.begin_scan(recovery, index, outbox);
        }
        if scan.position == scan.file_length {
            self.end_scan(recovery, index, &PieceEnd::Exact)?;
            self.close_scanned(index, outbox);
            return Ok(ScanProgress::UnderWay);
        }
        match self.segments[index].file {
            SegmentFile::Open(file) => {
                if let Some(StorageOutcome::Data(data)) = recovery.answers.remove(&Asked::Piece) {
                    self.on_first_block(recovery, index);
                    let end = self.scan_piece(recovery, index, &data);
                    if matches!(end, PieceEnd::NotResumed) {
                        return Ok(ScanProgress::Doubtful);
                    }
                    if !matches!(end, PieceEnd::ReadOn) {
                        self.end_scan(recovery, index, &end)?;
                        self.close_scanned(index, outbox);
                    }
                } else {
                    self.read_piece(recovery, file, outbox);
                }
            }
            SegmentFile::Closed => self.open_for_recovery(recovery, index, outbox),
            SegmentFile::Opening(_) => unreachable!("recovery waits for what it asked"),
        }
        Ok(ScanProgress::UnderWay)
    }

    fn open_for_recovery(
        &mut self,
        recovery: &mut Recovery,
        index: usize,
        outbox: &mut StorageOutbox,
    ) {
        let Some(file) = outbox.new_file() else {
            self.is_short_of_files = true;
            return;
        };
        self.open_files.count += 1;
        let segment = &mut self.segments[index];
        segment.file = SegmentFile::Opening(file);
        let path = self.file_path(self.segments[index].base_offset, FileKind::Log);
        let create = false;
        let request = StorageRequest::Open { file, path, create };
        self.ask(recovery, Asked::FileOpened, request, outbox);
    }

    fn note_opened(&mut self, recovery: &mut Recovery, index: usize) {
        if recovery.answers.remove(&Asked::FileOpened).is_some()
            && let SegmentFile::Opening(file) = self.segments[index].file
        {
            self.segments[index].file = SegmentFile::Open(file);
        }
    }

    /// A log that is being opened has one file at most: if it held one while it waited for room
    /// for another, many of them could wait for each other.
    fn close_scanned(&mut self, index: usize, outbox: &mut StorageOutbox) {
        if index + 1 < self.segments.len() {
            self.close_segment_file(index, outbox);
        }
    }

    fn begin_scan(&mut self, recovery: &mut Recovery, index: usize, outbox: &mut StorageOutbox) {
        let scan = recovery.scans.front_mut().expect("a scan begins");
        scan.has_begun = true;
        let scan = *scan;
        recovery.next_offset = scan.segment;
        if !scan.rebuilds {
            return;
        }
        self.forget_aborted(recovery, &scan, index);
        let segment = &mut self.segments[index];
        segment.length = scan.position;
        segment.bytes_since_index_entry = 0;
        if scan.position == 0 {
            segment.largest = Largest::Known(None);
            segment.offset_index = Index::Loaded(OffsetIndex::default());
            segment.time_index = Index::Loaded(TimeIndex::default());
        }
        let has_stale_index = recovery
            .found
            .get(&scan.segment)
            .is_some_and(|found| found.has_offset_index && !scan.is_sealed_on_disk);
        if has_stale_index {
            let path = self.file_path(scan.segment, FileKind::OffsetIndex);
            self.ask(
                recovery,
                Asked::Change,
                StorageRequest::Remove { path },
                outbox,
            );
        }
    }

    fn read_piece(&mut self, recovery: &mut Recovery, file: FileId, outbox: &mut StorageOutbox) {
        let scan = *recovery.scans.front().expect("a scan is under way");
        let position = block_start(scan.position);
        let end = scan.file_length.min(scan.position + scan.step_bytes);
        let request = StorageRequest::Read {
            file,
            position,
            length: end.next_multiple_of(IO_BLOCK_BYTES) - position,
        };
        self.ask(recovery, Asked::Piece, request, outbox);
        let is_known = scan.position == 0 || self.first_timestamp_of(scan.segment).is_some();
        if scan.rebuilds && !is_known {
            let request = StorageRequest::Read {
                file,
                position: 0,
                length: IO_BLOCK_BYTES,
            };
            self.ask(recovery, Asked::FirstBlock, request, outbox);
        }
    }

    fn first_timestamp_of(&mut self, segment: Offset) -> Option<i64> {
        self.segment_mut(segment)?.first_timestamp
    }

    /// The first batch says since when the segment is open.
    fn on_first_block(&mut self, recovery: &mut Recovery, index: usize) {
        if let Some(StorageOutcome::Data(data)) = recovery.answers.remove(&Asked::FirstBlock)
            && let Ok(header) = BatchHeader::decode(&data)
            && header.max_timestamp >= 0
        {
            self.segments[index].first_timestamp = Some(header.max_timestamp);
        }
    }

    /// Take in the batches of a piece that was read.
    fn scan_piece(&mut self, recovery: &mut Recovery, index: usize, data: &Bytes) -> PieceEnd {
        let scan = *recovery.scans.front().expect("a scan is under way");
        let start = block_start(scan.position);
        let known = data.len() as u64;
        let known = known.min(scan.file_length - start);
        let skipped = scan.position - start;
        if known <= skipped {
            return PieceEnd::NoBatch("the file is shorter than it was listed".to_owned());
        }
        let range = to_usize(skipped)..to_usize(known);
        let piece = data.slice(range);
        if scan.rebuilds
            && let Some(said_offset) = recovery.said_offset.take()
            && !begins_with(&piece, said_offset)
        {
            return PieceEnd::NotResumed;
        }
        let mut batches = Batches::new(piece);
        let resumed = recovery.resume.as_ref().filter(|point| {
            point.segment == scan.segment && point.last_batch.position == scan.position
        });
        let mut expected = resumed.map(|point| point.last_batch);
        let (end, position) = loop {
            let position = batches.position();
            let batch = match batches.next_whole() {
                Ok(Some(batch)) => batch,
                Ok(None) => break (self.piece_end(recovery, &batches, start + known), position),
                Err(error) => break (PieceEnd::NoBatch(error.to_string()), position),
            };
            let is_other = expected.is_some_and(|expected| {
                batch.base_offset() != expected.base_offset || batch.header().crc != expected.crc
            });
            if is_other {
                break (PieceEnd::NotResumed, position);
            }
            let is_truncated = recovery
                .truncation
                .is_some_and(|truncation| truncation.takes(batch.next_offset()));
            if is_truncated && scan.rebuilds {
                break (PieceEnd::Truncated, position);
            }
            if let Err(reason) = self.take_batch(recovery, index, &batch) {
                break (PieceEnd::NoBatch(reason), position);
            }
            expected = None;
        };
        if expected.is_some() && matches!(end, PieceEnd::NoBatch(_)) {
            return PieceEnd::NotResumed;
        }
        let scan = recovery.scans.front_mut().expect("a scan is under way");
        scan.position += position as u64;
        end
    }

    /// What it means that the bytes that were read end before another whole batch.
    fn piece_end(&self, recovery: &mut Recovery, batches: &Batches, read_end: u64) -> PieceEnd {
        let scan = recovery.scans.front_mut().expect("a scan is under way");
        let position = read_end - batches.remaining() as u64;
        let size = match batches.next_size() {
            Ok(Some(size)) => size as u64,
            Ok(None) | Err(_) => batches.remaining() as u64 + 1,
        };
        if position == scan.file_length {
            PieceEnd::Exact
        } else if position + size > scan.file_length {
            PieceEnd::NoBatch("the file ends inside a batch".to_owned())
        } else {
            scan.step_bytes = (2 * scan.step_bytes).min(STEP_BYTES).max(size);
            PieceEnd::ReadOn
        }
    }

    fn take_batch(
        &mut self,
        recovery: &mut Recovery,
        index: usize,
        batch: &RecordBatch,
    ) -> Result<(), String> {
        let base_offset = self.segments[index].base_offset;
        batch.verify_crc().map_err(|error| error.to_string())?;
        check_order(batch).map_err(|error| error.to_string())?;
        if batch.base_offset() < recovery.next_offset
            || relative_offset(batch.last_offset(), base_offset).is_none()
        {
            let (found, expected) = (batch.base_offset(), recovery.next_offset);
            return Err(format!(
                "offset {found} stands where {expected} is expected"
            ));
        }
        let scan = recovery.scans.front().expect("a scan is under way");
        if scan.rebuilds {
            let interval = self.config.index_interval_bytes;
            self.segments[index].on_batch(batch, interval);
            // One that is known began earlier than a scan of the end of a log sees.
            let known = self.epochs.epoch_of(batch.base_offset());
            if let Some(epoch) = batch.leader_epoch().filter(|epoch| known != Some(*epoch)) {
                self.on_leader_epoch(epoch, batch.base_offset());
            }
        }
        if batch.base_offset() >= recovery.replay_from
            && let Some(ended) = self.producers.replay(batch)
        {
            self.note_transaction(ended);
        }
        recovery.next_offset = batch.next_offset();
        Ok(())
    }

    /// The end of the records of a segment was found.
    fn end_scan(
        &mut self,
        recovery: &mut Recovery,
        index: usize,
        end: &PieceEnd,
    ) -> Result<(), LogFailure> {
        let scan = recovery.scans.pop_front().expect("a scan is under way");
        let reason = match end {
            PieceEnd::NoBatch(reason) => reason.as_str(),
            PieceEnd::Exact | PieceEnd::ReadOn | PieceEnd::NotResumed | PieceEnd::Truncated => {
                "the records end early"
            }
        };
        let next_offset = recovery.next_offset;
        let damaged = |log: &Self, segment, offset, position| {
            LogFailure::Damaged(log.damage(segment, offset, position, reason))
        };
        let is_exact = matches!(end, PieceEnd::Exact);
        if !is_exact && (recovery.is_clean() || !scan.rebuilds) {
            return Err(damaged(self, scan.segment, next_offset, scan.position));
        }
        if let Some((segment, offset)) = recovery.gap
            && scan.position > 0
        {
            let position = self
                .segment_mut(segment)
                .map_or(0, |segment| segment.length);
            return Err(damaged(self, segment, offset, position));
        }
        if !scan.rebuilds {
            return Ok(());
        }
        let expected = self.segments.get(index + 1).map(|next| next.base_offset);
        let may_have_gaps = self.config.cleanup_policy.compact;
        match expected {
            Some(expected) if next_offset > expected => {
                return Err(damaged(self, scan.segment, expected, scan.position));
            }
            Some(expected)
                if next_offset < expected
                    && recovery.gap.is_none()
                    && !(may_have_gaps && is_exact) =>
            {
                recovery.gap = Some((scan.segment, next_offset));
            }
            _ => {}
        }
        let mut writer = Writer::of_file(scan.position, scan.is_sealed_on_disk);
        writer.allocated = scan.file_length;
        if let Some(expected) = expected
            && recovery.replay_from <= expected
        {
            writer.snapshot = Some((expected, encode_snapshot(&self.producers)));
        }
        self.segments[index].writer = Some(Box::new(writer));
        self.unsealed.push(scan.segment);
        Ok(())
    }

    /// All that is to be read was read: the log knows its ends.
    pub(super) fn finish_recovery(
        &mut self,
        recovery: &mut Recovery,
        now: Now,
        outbox: &mut StorageOutbox,
    ) -> Result<(), LogFailure> {
        if let Some((segment, next_offset)) = recovery.gap {
            recovery.next_offset = next_offset;
            self.drop_segments_behind(segment, outbox);
        }
        if self.segments.is_empty() {
            let base_offset = self.first_offset_without_segments();
            recovery.next_offset = base_offset;
            self.segments
                .push_back(Segment::new(base_offset, now.wall_ms));
            self.unsealed.push(base_offset);
        }
        let end = recovery.next_offset;
        let reached = self.plan_replay(end)?;
        self.check_end(recovery, reached)?;
        self.log_end_offset = end;
        self.written_end_offset = end;
        self.durable_end_offset = end;
        let first = self.segments.front().map_or(0, |first| first.base_offset);
        self.log_start_offset = self.log_start_offset.max(first);
        self.epochs_differ_at_end |= self.epochs.cut_back(end);
        if self.epochs.latest().is_some() {
            self.epochs_are_dirty |= self.epochs.cut_front(self.log_start_offset);
        }
        self.remove_stray_snapshots(outbox);
        Ok(())
    }

    /// With what the journal had, the log must reach as far as it is known to have reached.
    fn check_end(&self, recovery: &Recovery, end: Offset) -> Result<(), LogFailure> {
        let OpenMode::Existing { recovery_point, .. } = recovery.mode else {
            unreachable!("a new log has nothing to recover")
        };
        let required = recovery_point
            .unwrap_or(0)
            .max(self.log_start_offset)
            .max(recovery.replay_from)
            .max(recovery.reached);
        if end >= required {
            return Ok(());
        }
        let last = self.segments.back().expect("a log has a segment");
        let reason = format!("the log ends here, but it reached offset {required}");
        let damage = self.damage(last.base_offset, end, last.length, &reason);
        Err(LogFailure::Damaged(damage))
    }

    /// What lies behind the end of the log may look like records once others are in front of it:
    /// it is cut off. True when there is nothing more to ask for.
    pub(super) fn advance_cut(
        &mut self,
        recovery: &mut Recovery,
        outbox: &mut StorageOutbox,
    ) -> bool {
        let index = self.segments.len() - 1;
        self.note_opened(recovery, index);
        let last = &mut self.segments[index];
        let Some(writer) = last.writer.as_deref_mut() else {
            return true;
        };
        if writer.allocated <= writer.written_end {
            return true;
        }
        match last.file {
            SegmentFile::Open(file) => {
                writer.allocated = writer.written_end;
                let length = writer.written_end;
                let request = StorageRequest::Truncate { file, length };
                self.ask(recovery, Asked::Change, request, outbox);
                true
            }
            SegmentFile::Closed => {
                self.open_for_recovery(recovery, index, outbox);
                false
            }
            SegmentFile::Opening(_) => unreachable!("recovery waits for what it asked"),
        }
    }

    /// The segments behind `segment` hold no records: they were made just before a crash.
    fn drop_segments_behind(&mut self, segment: Offset, outbox: &mut StorageOutbox) {
        while let Some(last) = self.segments.back()
            && last.base_offset > segment
            && let Some(last) = self.segments.pop_back()
        {
            self.unsealed
                .retain(|base_offset| *base_offset != last.base_offset);
            if let Some(file) = last.open_file() {
                self.close_file(file, outbox);
            }
            for kind in [FileKind::Log, FileKind::OffsetIndex, FileKind::TimeIndex] {
                let path = self.file_path(last.base_offset, kind);
                self.submit(outbox, Pending::Other, StorageRequest::Remove { path });
            }
        }
        if let Some(last) = self.segments.back_mut()
            && let Some(writer) = &mut last.writer
        {
            writer.snapshot = None;
        }
    }

    /// Snapshots stand at the base of each segment; of others, only the newest is of use.
    fn remove_stray_snapshots(&mut self, outbox: &mut StorageOutbox) {
        let end = self.log_end_offset;
        let newest = self.snapshots.range(..=end).next_back().copied();
        let strays: Vec<Offset> = self
            .snapshots
            .iter()
            .copied()
            .filter(|offset| self.segment_index(*offset).is_none() && Some(*offset) != newest)
            .collect();
        for offset in strays {
            self.remove_snapshot(offset, outbox);
        }
    }
}

fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).expect("what is in memory has a size")
}
