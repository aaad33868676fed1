//! What a shard counts while it works: requests and where their time went, the disk, its turns.
//!
//! All events of a turn have the time of its beginning, and what is done for them is sent on its
//! way at its end. So the work on a request lasts from the one to the other.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::connection::SlotNumber;
use crate::log::storage::{StorageOutcome, StorageRequest, StorageResult, Ticket};
use crate::metrics::{MetricId, RequestTimes, ShardMetrics};
use crate::protocol::ApiKey;
use crate::stdx::{HashMap, Instant, Now, new_map};

use super::ConnectionId;
use super::core::Shard;
use super::request::RequestContext;
use super::task::RequestId;

/// The length field before every frame.
const LENGTH_BYTES: usize = 4;

/// What is known of a request in work.
#[derive(Clone, Copy, Debug)]
pub struct Metered {
    request_bytes: usize,
    queue: Duration,
    /// The end of the turn in which the work on it began; `None` during that turn.
    pub local_end: Option<Instant>,
}

impl Metered {
    /// A request whose frame has `frame_bytes` and that waited for `queue`.
    pub const fn new(frame_bytes: usize, queue: Duration) -> Self {
        Self {
            request_bytes: LENGTH_BYTES + frame_bytes,
            queue,
            local_end: None,
        }
    }
}

impl RequestContext {
    /// The request is answered with this many bytes.
    pub fn answered(&self, now: Instant, response_bytes: usize) -> AnsweredRequest {
        let local_end = self.metered.local_end.unwrap_or(now);
        AnsweredRequest {
            key: self.key,
            version: self.version,
            request_bytes: self.metered.request_bytes,
            response_bytes,
            unsent_bytes: response_bytes,
            started_at: self.received_at,
            answered_at: now,
            times: RequestTimes {
                queue: self.metered.queue,
                local: local_end - self.received_at,
                remote: now - local_end,
                send: Duration::ZERO,
            },
        }
    }
}

/// A request whose answer is on its way to the network.
#[derive(Debug)]
pub struct AnsweredRequest {
    key: ApiKey,
    version: i16,
    request_bytes: usize,
    response_bytes: usize,
    unsent_bytes: usize,
    started_at: Instant,
    answered_at: Instant,
    /// All but the last.
    times: RequestTimes,
}

impl AnsweredRequest {
    /// The answer has left.
    pub fn record(&self, now: Instant, metrics: &mut ShardMetrics) {
        let times = RequestTimes {
            send: now - self.answered_at,
            ..self.times
        };
        metrics.record_request(
            self.key,
            self.version,
            self.request_bytes as u64,
            self.response_bytes as u64,
            &times,
        );
    }
}

/// The answers of one connection that have not left for the network: no more than the connection
/// may hold unsent.
#[derive(Debug, Default)]
pub struct SentAnswers {
    by_slot: BTreeMap<SlotNumber, AnsweredRequest>,
}

impl SentAnswers {
    /// The answer of `slot` waits for its turn and for the network.
    pub fn push(&mut self, slot: SlotNumber, answered: AnsweredRequest) {
        self.by_slot.insert(slot, answered);
    }

    /// `length` more bytes have left. Answers leave in the order of their slots.
    pub fn on_sent(&mut self, now: Instant, length: usize, metrics: &mut ShardMetrics) {
        let mut left = length;
        while let Some(mut entry) = self.by_slot.first_entry() {
            let answered = entry.get_mut();
            if answered.unsent_bytes > left {
                answered.unsent_bytes -= left;
                return;
            }
            left -= answered.unsent_bytes;
            answered.record(now, metrics);
            entry.remove();
        }
    }

    /// The turn in which the request of `slot` began and was answered has ended.
    fn settle(&mut self, now: Instant, slot: SlotNumber) {
        if let Some(answered) = self.by_slot.get_mut(&slot) {
            answered.times.local = now - answered.started_at;
            answered.answered_at = now;
        }
    }
}

/// What a request that began in this turn has come to.
#[derive(Clone, Copy, Debug)]
pub enum Started {
    /// It waits for replies.
    Request(RequestId),
    /// It is answered.
    Answer(ConnectionId, SlotNumber),
}

/// What a shard counts while it works.
#[derive(Debug)]
pub struct Meter {
    /// The counters.
    pub metrics: ShardMetrics,
    /// The requests that began in this turn.
    pub started: Vec<Started>,
    /// Since when the disk works on what.
    storage: HashMap<Ticket, (Instant, StorageKind)>,
    turn_events: u64,
}

#[derive(Clone, Copy, Debug)]
enum StorageKind {
    Read,
    Write { bytes: u64 },
    Sync,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            metrics: ShardMetrics::default(),
            started: Vec::new(),
            storage: new_map(),
            turn_events: 0,
        }
    }
}

impl Meter {
    /// The shard reacts to something.
    pub const fn on_event(&mut self) {
        self.turn_events += 1;
    }

    /// A turn is over.
    pub fn on_turn_ended(&mut self) {
        let events = std::mem::take(&mut self.turn_events);
        self.metrics.add(MetricId::Events, events);
        self.metrics.add(MetricId::Turns, 1);
    }

    /// The disk is asked for something.
    pub fn on_storage_asked(&mut self, now: Now, ticket: Ticket, request: &StorageRequest) {
        let kind = match request {
            StorageRequest::Read { .. } => StorageKind::Read,
            StorageRequest::Write { slices, .. } => StorageKind::Write {
                bytes: slices.iter().map(|slice| slice.len() as u64).sum(),
            },
            StorageRequest::Sync { .. } => StorageKind::Sync,
            _ => return,
        };
        self.storage.insert(ticket, (now.instant, kind));
    }

    /// The disk has done something, or failed to.
    pub fn on_storage(&mut self, now: Now, ticket: Ticket, result: &StorageResult) {
        let asked = self.storage.remove(&ticket);
        let Ok(outcome) = result else {
            return self.metrics.add(MetricId::StorageFailures, 1);
        };
        let Some((asked_at, kind)) = asked else {
            return;
        };
        let elapsed = now.instant - asked_at;
        match kind {
            StorageKind::Read => {
                self.metrics.add(MetricId::StorageReads, 1);
                if let StorageOutcome::Data(bytes) = outcome {
                    let bytes = bytes.len() as u64;
                    self.metrics.add(MetricId::StorageReadBytes, bytes);
                }
            }
            StorageKind::Write { bytes } => {
                self.metrics.add(MetricId::StorageWrites, 1);
                self.metrics.add(MetricId::StorageWrittenBytes, bytes);
                self.metrics.record(MetricId::StorageWriteSeconds, elapsed);
            }
            StorageKind::Sync => self.metrics.record(MetricId::StorageSyncSeconds, elapsed),
        }
    }
}

impl Shard {
    /// The turn ends: so does the work on the requests that began in it, until replies come.
    pub(super) fn settle_started(&mut self, now: Now) {
        let mut started = std::mem::take(&mut self.meter.started);
        for started in started.drain(..) {
            match started {
                Started::Request(id) => {
                    if let Some(request) = self.requests.find(id) {
                        request.context.metered.local_end = Some(now.instant);
                    }
                }
                Started::Answer(connection, slot) => {
                    if let Some(peer) = self.connections.find(connection) {
                        peer.sent.settle(now.instant, slot);
                    }
                }
            }
        }
        self.meter.started = started;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Scrape, encode_exposition};

    const fn answered(response_bytes: usize) -> AnsweredRequest {
        AnsweredRequest {
            key: ApiKey::Fetch,
            version: 17,
            request_bytes: 10,
            response_bytes,
            unsent_bytes: response_bytes,
            started_at: Instant::from_nanos(0),
            answered_at: Instant::from_nanos(0),
            times: RequestTimes {
                queue: Duration::ZERO,
                local: Duration::ZERO,
                remote: Duration::ZERO,
                send: Duration::ZERO,
            },
        }
    }

    fn told(metrics: &ShardMetrics) -> String {
        encode_exposition(&Scrape {
            shards: std::slice::from_ref(metrics),
            earlier: &[],
            listener_names: &[],
        })
    }

    #[test]
    fn a_request_counts_when_the_last_byte_of_its_answer_has_left() {
        let (mut sent, mut metrics) = (SentAnswers::default(), ShardMetrics::default());
        sent.push(SlotNumber(1), answered(50));
        sent.push(SlotNumber(0), answered(100));
        let second = Instant::from_nanos(1_000_000_000);
        sent.on_sent(second, 99, &mut metrics);
        assert!(!told(&metrics).contains("forebay_requests_total{"));
        sent.on_sent(second, 2, &mut metrics);
        let text = told(&metrics);
        assert!(text.contains("forebay_response_bytes_total{api=\"Fetch\"} 100\n"));
        assert!(text.contains("forebay_request_send_seconds_sum{api=\"Fetch\"} 1\n"));
        sent.on_sent(second, 49, &mut metrics);
        let text = told(&metrics);
        assert!(text.contains("forebay_requests_total{api=\"Fetch\",version=\"17\"} 2\n"));
        assert!(sent.by_slot.is_empty());
    }

    #[test]
    fn work_that_ends_with_its_turn_is_local() {
        let (mut sent, mut metrics) = (SentAnswers::default(), ShardMetrics::default());
        sent.push(SlotNumber(0), answered(5));
        sent.settle(Instant::from_nanos(2_000_000_000), SlotNumber(0));
        sent.on_sent(Instant::from_nanos(3_000_000_000), 5, &mut metrics);
        let text = told(&metrics);
        for line in ["local_seconds_sum", "send_seconds_sum"] {
            let line = format!("forebay_request_{line}{{api=\"Fetch\"}}");
            let found = text.lines().find(|found| found.starts_with(&line));
            let value = if line.contains("local") { "2" } else { "1" };
            assert_eq!(found, Some(format!("{line} {value}").as_str()));
        }
    }
}
