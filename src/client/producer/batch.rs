//! The batches of one partition, in the order in which they must be stored.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::{Offset, ProducerEpoch, ProducerId, TimestampMs};
use crate::protocol::compression::Compression;
use crate::protocol::record_batch::{RecordBatch, RecordBatchBuilder, sequence_after};
use crate::stdx::Instant;

use super::DeliveryFailure;

/// A record to be produced.
#[derive(Clone, Copy, Debug, Default)]
pub struct OutgoingRecord<'a> {
    /// When it happened.
    pub timestamp: TimestampMs,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value.
    pub value: Option<&'a [u8]>,
    /// Its headers: pairs of key and value.
    pub headers: &'a [(&'a [u8], Option<&'a [u8]>)],
}

/// More than any record needs beside its key, value and headers.
const RECORD_OVERHEAD_BYTES: usize = 64;

impl OutgoingRecord<'_> {
    /// No encoding of the record is larger.
    pub fn size_bytes_max(&self) -> usize {
        let headers = self.headers.iter();
        let headers = headers.map(|(key, value)| 10 + key.len() + value.map_or(0, <[u8]>::len));
        RECORD_OVERHEAD_BYTES
            + self.key.map_or(0, <[u8]>::len)
            + self.value.map_or(0, <[u8]>::len)
            + headers.sum::<usize>()
    }
}

/// Where a batch stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum State {
    /// To be sent, for the first time or again.
    Waiting,
    /// In a request without an answer.
    InFlight,
    /// Settled; it leaves the queue when all before it have.
    Settled(Result<Option<Offset>, DeliveryFailure>),
}

/// Records that are stored together or not at all.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    /// Names the batch in requests, also after others have left the queue.
    pub serial: u64,
    pub state: State,
    pub opened_at: Instant,
    pub size_bytes: usize,
    /// Set when the batch is sent for the first time, and kept: by it the broker knows a batch
    /// that it has stored already.
    pub sequence: Option<i32>,
    /// True if a request with it was left without an answer that says it is not stored.
    pub is_maybe_stored: bool,
    /// True if a batch before it failed while it was in flight: its sequence leaves a gap.
    pub needs_sequence: bool,
    contents: Contents,
}

#[derive(Clone, Debug)]
enum Contents {
    Open(RecordBatchBuilder),
    Closed(RecordBatch),
}

impl Batch {
    pub fn open(serial: u64, now: Instant, compression: Compression) -> Self {
        let builder = RecordBatchBuilder::new().compression(compression, None);
        Self {
            serial,
            state: State::Waiting,
            opened_at: now,
            size_bytes: builder.size_bytes(),
            sequence: None,
            is_maybe_stored: false,
            needs_sequence: false,
            contents: Contents::Open(builder),
        }
    }

    pub fn records_count(&self) -> u32 {
        match &self.contents {
            Contents::Open(builder) => builder.records_count(),
            Contents::Closed(batch) => batch.records_count(),
        }
    }

    pub const fn is_open(&self) -> bool {
        matches!(self.contents, Contents::Open(_))
    }

    /// Adds a record to a batch that is open.
    pub fn append(&mut self, record: &OutgoingRecord<'_>) {
        let Contents::Open(builder) = &mut self.contents else {
            unreachable!("records are appended to open batches");
        };
        builder.append(record.timestamp, record.key, record.value, record.headers);
        self.size_bytes = builder.size_bytes();
    }

    /// The batch as `producer` sends it; from now on it is closed.
    pub fn seal(&mut self, producer: Option<(ProducerId, ProducerEpoch)>) -> RecordBatch {
        if let Contents::Open(builder) = &mut self.contents {
            let builder = std::mem::take(builder);
            self.contents = Contents::Closed(builder.finish());
        }
        let Contents::Closed(batch) = &self.contents else {
            unreachable!("it has just been closed");
        };
        let Some((id, epoch)) = producer else {
            return batch.clone();
        };
        let mut header = *batch.header();
        header.producer_id = id;
        header.producer_epoch = epoch;
        header.base_sequence = self
            .sequence
            .expect("a batch is numbered before it is sent");
        header.crc = header.compute_crc(batch.body());
        RecordBatch::new(header, batch.body().clone())
    }
}

/// The batches of one partition.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    pub batches: VecDeque<Batch>,
    /// The sequence number of the next record that was never sent.
    next_sequence: i32,
    /// No batch is sent before, after one had to wait.
    pub retry_at: Option<Instant>,
    /// True once the broker has stored a batch of this producer id. Before, it takes any first
    /// sequence number for the first, so only one batch may be on its way.
    pub is_known: bool,
}

impl Queue {
    /// The index of the batch to send next, if there is one that may go now.
    pub fn next_ready(
        &self,
        now: Instant,
        linger: Duration,
        is_flushing: bool,
        in_flight_max: usize,
    ) -> Option<usize> {
        if self.retry_at.is_some_and(|at| at > now) {
            return None;
        }
        let index = self
            .batches
            .iter()
            .position(|batch| batch.state == State::Waiting)?;
        // One that comes back waits until those behind it have come back too: in order again.
        let behind = self.batches.iter().skip(index);
        if behind.clone().any(|batch| batch.state == State::InFlight) {
            return None;
        }
        if self.in_flight_count() >= in_flight_max {
            return None;
        }
        let batch = &self.batches[index];
        let is_ready = !batch.is_open()
            || is_flushing
            || index + 1 < self.batches.len()
            || batch.opened_at + linger <= now;
        is_ready.then_some(index)
    }

    pub fn in_flight_count(&self) -> usize {
        let batches = self.batches.iter();
        batches
            .filter(|batch| batch.state == State::InFlight)
            .count()
    }

    /// When this queue will have something to do by itself.
    pub fn next_deadline(&self, linger: Duration, delivery_timeout: Duration) -> Option<Instant> {
        let waiting = self
            .batches
            .iter()
            .find(|batch| batch.state == State::Waiting)?;
        let expires = waiting.opened_at + delivery_timeout;
        let ready = if waiting.is_open() && self.batches.len() == 1 {
            waiting.opened_at + linger
        } else {
            Instant::default()
        };
        let retry = self.retry_at.unwrap_or_default();
        Some(ready.max(retry).min(expires))
    }

    /// Numbers the records of the batch at `index`, unless it has been sent before.
    pub fn number(&mut self, index: usize) {
        let batch = &mut self.batches[index];
        if batch.sequence.is_none() {
            batch.sequence = Some(self.next_sequence);
            let count = i32::try_from(batch.records_count()).unwrap_or(i32::MAX);
            self.next_sequence = sequence_after(self.next_sequence, count);
        }
    }

    pub fn by_serial(&mut self, serial: u64) -> Option<&mut Batch> {
        self.batches.iter_mut().find(|batch| batch.serial == serial)
    }

    /// True if no batch before that of `serial` is unsettled.
    pub fn is_first_unsettled(&self, serial: u64) -> bool {
        let mut unsettled = self
            .batches
            .iter()
            .filter(|batch| !matches!(batch.state, State::Settled(_)));
        unsettled.next().is_some_and(|batch| batch.serial == serial)
    }

    /// The batch of `serial` is known not to be stored: what follows takes its numbers.
    pub fn close_gap(&mut self, serial: u64) {
        let Some(place) = self.batches.iter().position(|batch| batch.serial == serial) else {
            return;
        };
        let Some(sequence) = self.batches[place].sequence else {
            return;
        };
        if self.batches[place].needs_sequence {
            // The gap before it is closed already.
            return;
        }
        self.next_sequence = sequence;
        for batch in self.batches.iter_mut().skip(place + 1) {
            if batch.state == State::InFlight {
                batch.needs_sequence = true;
            } else {
                batch.sequence = None;
            }
        }
    }

    /// A new producer id begins: nothing is in flight, and what may be stored must not be sent
    /// under another name.
    pub fn renew(&mut self) {
        self.next_sequence = 0;
        self.is_known = false;
        for batch in &mut self.batches {
            batch.sequence = None;
            batch.needs_sequence = false;
            if batch.state == State::Waiting && batch.is_maybe_stored {
                batch.state = State::Settled(Err(DeliveryFailure::Unknown));
            }
        }
    }
}
