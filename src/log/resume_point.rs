//! From where a start after a crash reads a log, and what it would know had it read all before.
//!
//! Without one, whatever is not sealed is read from its beginning. A point is taken at the end of
//! the log as it is, and is good once everything before it is in the segments: what comes later
//! does not make it wrong, since nothing below is ever written again. Reading goes on with the last
//! batch before the point, which must be the one that was there: else somebody has changed the
//! files since, and the point is not used.
//!
//! Of the indexes it keeps an entry in [`COARSE_BYTES`]. A search then begins further back in a
//! segment that was appended to when the broker crashed, and only there, until it is sealed and its
//! indexes are made anew.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::model::{Offset, TimestampMs};

use super::aborted::AbortedTransaction;
use super::offset_index::OffsetIndex;
use super::partition_log::{Log, State};
use super::producer_state::{ProducerBatch, ProducerEntry, ProducerStates};
use super::segment::{Index, Largest, Segment};
use super::time_index::{TimeIndex, TimestampOffset};

/// How far apart the entries of the indexes are that are kept. A full segment of 1 GiB has 24 KiB
/// of them; a search reads this much in a millisecond.
const COARSE_BYTES: u32 = 1 << 20;

/// What stands for "none" where nothing is below it.
const NONE: i64 = i64::MIN;

/// A batch at the end of a segment, to be known again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct LastBatch {
    /// Where in the file it begins.
    pub(super) position: u64,
    pub(super) base_offset: Offset,
    pub(super) crc: u32,
}

/// What is known of a log at a point of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ResumePoint {
    /// The segment that was appended to. All before it are sealed.
    pub(super) segment: Offset,
    /// The last batch before the point: reading goes on with it.
    pub(super) last_batch: LastBatch,
    /// The point: the offset behind that batch.
    pub(super) end_offset: Offset,
    /// Of the segment.
    pub(super) first_timestamp: Option<TimestampMs>,
    /// Of the segment, up to the point.
    pub(super) largest: Option<TimestampOffset>,
    pub(super) coarse: Vec<CoarseEntry>,
    pub(super) producers: ProducerStates,
    /// The transactions that were aborted in the segment, up to the point.
    pub(super) aborted: Vec<AbortedTransaction>,
}

/// An entry of each of the two indexes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct CoarseEntry {
    relative_offset: u32,
    position: u32,
    /// The largest timestamp up to there, and its offset.
    time: Option<(TimestampMs, u32)>,
}

/// What has become of a point that was to be taken.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TakenPoint {
    /// The segments do not have everything below it yet.
    Waiting,
    /// It is good, to be kept as it is.
    Good(Bytes),
    /// None was taken: what is not sealed has no records, or the log cannot be used.
    Nothing,
}

/// The points of a log.
#[derive(Debug, Default)]
pub(super) struct ResumePoints {
    /// Taken, and good once the segments have what is below: segment, end, and the whole.
    taken: Option<(Offset, Offset, Bytes)>,
    /// What was kept of the broker's last life, with the epoch of the checkpoint.
    pub(super) inherited: Option<(u64, ResumePoint)>,
}

impl Log {
    /// Before the log is opened after a crash: what [`Log::taken_resume_point`] said last, and of
    /// which epoch the checkpoint is that has it. False if it is not that; then it is not used.
    pub fn inherit_resume_point(&mut self, epoch: u64, point: &Bytes) -> bool {
        self.resume_points.inherited = ResumePoint::decode(point).map(|point| (epoch, point));
        self.resume_points.inherited.is_some()
    }

    /// Take a point at the end of the log as it is now; [`Log::taken_resume_point`] has it.
    pub fn take_resume_point(&mut self) {
        let last = self.segments.back().filter(|_| self.is_open());
        let taken = last.and_then(|last| {
            let (start, end) = (last.base_offset, self.log_end_offset);
            let aborted = self.aborted.ended_in(start, end);
            let point = encode(last, end, &self.producers, aborted)?;
            Some((start, end, point))
        });
        self.resume_points.taken = taken;
    }

    /// What has become of the point that was taken last. What is good or will not be is told once.
    pub fn taken_resume_point(&mut self) -> TakenPoint {
        let is_usable = matches!(self.state, State::Open | State::Closing(_));
        let Some((segment, end_offset, _)) = self.resume_points.taken.as_ref() else {
            return TakenPoint::Nothing;
        };
        let are_others_sealed = self.unsealed.first().is_none_or(|first| first >= segment);
        let are_epochs_written = !self.epochs_are_dirty && !self.epochs_in_flight;
        let is_good =
            self.written_end_offset >= *end_offset && are_others_sealed && are_epochs_written;
        if is_usable && !is_good {
            return TakenPoint::Waiting;
        }
        let taken = self.resume_points.taken.take();
        let good = taken.filter(|_| is_usable);
        good.map_or(TakenPoint::Nothing, |(_, _, point)| TakenPoint::Good(point))
    }
}

/// How far the log reached when the point was taken; `None` if it is no point.
pub(crate) fn end_of_resume_point(point: &Bytes) -> Option<Offset> {
    ResumePoint::decode(point).map(|point| point.end_offset)
}

impl ResumePoint {
    /// Put in what is known of its segment in front of the last batch.
    pub(super) fn restore(&self, segment: &mut Segment) {
        let mut offset_index = OffsetIndex::default();
        let mut time_index = TimeIndex::default();
        for entry in &self.coarse {
            offset_index.push(entry.relative_offset, entry.position);
            if let Some((timestamp, relative_offset)) = entry.time {
                time_index.push(timestamp, relative_offset);
            }
        }
        segment.first_timestamp = self.first_timestamp;
        segment.largest = Largest::Known(self.largest);
        segment.offset_index = Index::Loaded(offset_index);
        segment.time_index = Index::Loaded(time_index);
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let point = Self::read(&mut rest)?;
        let is_sound = (0..=point.last_batch.base_offset).contains(&point.segment)
            && point.last_batch.base_offset < point.end_offset
            && point.coarse.is_sorted_by(|one, next| {
                one.relative_offset < next.relative_offset && one.position < next.position
            })
            && point
                .coarse
                .last()
                .is_none_or(|last| u64::from(last.position) <= point.last_batch.position);
        is_sound.then_some(point)
    }

    fn read(rest: &mut &[u8]) -> Option<Self> {
        let segment = rest.try_get_i64_le().ok()?;
        let last_batch = LastBatch {
            position: rest.try_get_u64_le().ok()?,
            base_offset: rest.try_get_i64_le().ok()?,
            crc: rest.try_get_u32_le().ok()?,
        };
        let end_offset = rest.try_get_i64_le().ok()?;
        let first_timestamp = rest.try_get_i64_le().ok()?;
        let largest = TimestampOffset {
            timestamp: rest.try_get_i64_le().ok()?,
            offset: rest.try_get_i64_le().ok()?,
        };
        let mut coarse = Vec::new();
        for _ in 0..rest.try_get_u32_le().ok()? {
            coarse.push(CoarseEntry::read(rest)?);
        }
        let mut producers = ProducerStates::default();
        for _ in 0..rest.try_get_u32_le().ok()? {
            let (producer_id, entry) = read_producer(rest)?;
            producers.restore(producer_id, entry);
        }
        // To the end: earlier releases, whose logs had no transactions, wrote nothing here.
        let mut aborted = Vec::new();
        while !rest.is_empty() {
            aborted.push(AbortedTransaction {
                producer_id: rest.try_get_i64_le().ok()?,
                first_offset: rest.try_get_i64_le().ok()?,
                last_offset: rest.try_get_i64_le().ok()?,
                last_stable_offset: rest.try_get_i64_le().ok()?,
            });
        }
        Some(Self {
            segment,
            last_batch,
            end_offset,
            first_timestamp: (first_timestamp != NONE).then_some(first_timestamp),
            largest: (largest.timestamp != NONE).then_some(largest),
            coarse,
            producers,
            aborted,
        })
    }
}

/// A point at the end of `segment`; `None` if it has no records.
fn encode(
    segment: &Segment,
    end_offset: Offset,
    producers: &ProducerStates,
    aborted: &[AbortedTransaction],
) -> Option<Bytes> {
    let last_batch = segment.last_batch?;
    let Largest::Known(largest) = segment.largest else {
        unreachable!("a segment that is appended to knows its timestamps")
    };
    let mut point = BytesMut::new();
    point.put_i64_le(segment.base_offset);
    point.put_u64_le(last_batch.position);
    point.put_i64_le(last_batch.base_offset);
    point.put_u32_le(last_batch.crc);
    point.put_i64_le(end_offset);
    point.put_i64_le(segment.first_timestamp.unwrap_or(NONE));
    point.put_i64_le(largest.map_or(NONE, |largest| largest.timestamp));
    point.put_i64_le(largest.map_or(0, |largest| largest.offset));
    let coarse = coarse_entries(segment, last_batch.position);
    point.put_u32_le(u32::try_from(coarse.len()).expect("a segment is smaller than 4 GiB"));
    for entry in coarse {
        let (timestamp, timestamp_offset) = entry.time.unwrap_or((NONE, 0));
        point.put_u32_le(entry.relative_offset);
        point.put_u32_le(entry.position);
        point.put_i64_le(timestamp);
        point.put_u32_le(timestamp_offset);
    }
    point.put_u32_le(u32::try_from(producers.len()).expect("the number of producers is bounded"));
    for (producer_id, entry) in producers.iter() {
        put_producer(&mut point, producer_id, entry);
    }
    for one in aborted {
        point.put_i64_le(one.producer_id);
        point.put_i64_le(one.first_offset);
        point.put_i64_le(one.last_offset);
        point.put_i64_le(one.last_stable_offset);
    }
    Some(point.freeze())
}

/// Entries of the indexes of `segment` for batches that begin before `end`.
fn coarse_entries(segment: &Segment, end: u64) -> Vec<CoarseEntry> {
    let (Some(offsets), Some(times)) = (segment.offset_index.loaded(), segment.time_index.loaded())
    else {
        unreachable!("a segment that is appended to has its indexes")
    };
    let mut coarse = Vec::new();
    let mut least = COARSE_BYTES;
    while let Some((relative_offset, position)) = offsets.first_from(least)
        && u64::from(position) < end
    {
        coarse.push(CoarseEntry {
            relative_offset,
            position,
            time: times.last_until(relative_offset),
        });
        least = position.saturating_add(COARSE_BYTES);
    }
    coarse
}

impl CoarseEntry {
    fn read(rest: &mut &[u8]) -> Option<Self> {
        let relative_offset = rest.try_get_u32_le().ok()?;
        let position = rest.try_get_u32_le().ok()?;
        let timestamp = rest.try_get_i64_le().ok()?;
        let timestamp_offset = rest.try_get_u32_le().ok()?;
        Some(Self {
            relative_offset,
            position,
            time: (timestamp != NONE).then_some((timestamp, timestamp_offset)),
        })
    }
}

fn put_producer(point: &mut BytesMut, producer_id: i64, entry: &ProducerEntry) {
    point.put_i64_le(producer_id);
    point.put_i16_le(entry.epoch);
    point.put_i64_le(entry.coordinator_epoch.map_or(NONE, i64::from));
    point.put_i64_le(entry.last_timestamp);
    point.put_i64_le(entry.transaction_start.unwrap_or(NONE));
    point.put_u8(u8::try_from(entry.batches.len()).expect("five batches are kept"));
    for batch in &entry.batches {
        point.put_i32_le(batch.last_sequence);
        point.put_i64_le(batch.last_offset);
        point.put_i32_le(batch.offset_delta);
        point.put_i64_le(batch.timestamp);
    }
}

fn read_producer(rest: &mut &[u8]) -> Option<(i64, ProducerEntry)> {
    let producer_id = rest.try_get_i64_le().ok()?;
    let epoch = rest.try_get_i16_le().ok()?;
    let coordinator_epoch = rest.try_get_i64_le().ok()?;
    let last_timestamp = rest.try_get_i64_le().ok()?;
    let transaction_start = rest.try_get_i64_le().ok()?;
    let mut entry = ProducerEntry {
        epoch,
        coordinator_epoch: i32::try_from(coordinator_epoch).ok(),
        last_timestamp,
        transaction_start: (transaction_start != NONE).then_some(transaction_start),
        ..ProducerEntry::default()
    };
    for _ in 0..rest.try_get_u8().ok()? {
        entry.batches.push_back(ProducerBatch {
            last_sequence: rest.try_get_i32_le().ok()?,
            last_offset: rest.try_get_i64_le().ok()?,
            offset_delta: rest.try_get_i32_le().ok()?,
            timestamp: rest.try_get_i64_le().ok()?,
        });
    }
    Some((producer_id, entry))
}
