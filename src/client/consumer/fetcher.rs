//! Positions in partitions, and the records from there on.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use crate::client::{Cluster, Outgoing, Tag, error_of, is_stale};
use crate::model::{BrokerId, ErrorCode, Offset, TimestampMs, TopicPartition};
use crate::protocol::AnyResponse;
use crate::protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use crate::protocol::messages::fetch_response::{FetchResponse, PartitionData};
use crate::protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use crate::protocol::messages::{FetchRequest, ListOffsetsRequest};
use crate::protocol::record_batch::{BatchError, Batches, RecordBatch};
use crate::stdx::Instant;

/// The timestamps that ask for the ends of a log.
const LATEST: TimestampMs = -1;
const EARLIEST: TimestampMs = -2;

/// In a request: a consumer, and no replica.
const CONSUMER: i32 = -1;

/// In a request: no session is wanted, every fetch names all it wants.
const SESSION_EPOCH_NONE: i32 = -1;

/// Where to begin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Start {
    /// At the first record there is.
    Earliest,
    /// With the next record that is written.
    Latest,
    /// With the first record that is not older.
    Timestamp(TimestampMs),
    /// At this offset.
    Offset(Offset),
}

/// How a consumer fetches.
#[derive(Clone, Debug)]
pub struct FetchSettings {
    /// How long a broker waits for records.
    pub wait_ms_max: i32,
    /// What a broker waits for.
    pub bytes_min: i32,
    /// What one answer brings at most, but for a first batch that is larger.
    pub bytes_max: i32,
    /// The same for one partition.
    pub partition_bytes_max: i32,
    /// What a batch may be when it is decompressed.
    pub batch_bytes_max: usize,
    /// Where to go on if a position is out of the log; `None` makes it a failure.
    pub reset: Option<Start>,
    /// How long to wait before asking again.
    pub retry_backoff: Duration,
}

impl Default for FetchSettings {
    fn default() -> Self {
        Self {
            wait_ms_max: 500,
            bytes_min: 1,
            bytes_max: 50 << 20,
            partition_bytes_max: 1 << 20,
            batch_bytes_max: 256 << 20,
            reset: None,
            retry_backoff: Duration::from_millis(100),
        }
    }
}

/// A record that was read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConsumedRecord {
    /// Its offset.
    pub offset: Offset,
    /// When it happened or was appended.
    pub timestamp: TimestampMs,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value.
    pub value: Option<Bytes>,
    /// Its headers: pairs of key and value.
    pub headers: Vec<(Bytes, Option<Bytes>)>,
}

/// Records of one partition, in order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fetched {
    /// Whose.
    pub partition: TopicPartition,
    /// The records.
    pub records: Vec<ConsumedRecord>,
}

/// A partition from which nothing can be read any more.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FetchFailure {
    /// Which.
    pub partition: TopicPartition,
    /// The offset that was asked for.
    pub offset: Option<Offset>,
    /// Why.
    pub reason: FetchFailureReason,
}

/// Why nothing can be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FetchFailureReason {
    /// The broker refused.
    Refused(ErrorCode),
    /// What it sent are no records.
    Broken(BatchError),
}

/// A consumer's positions: [`Self::assign`] partitions, send what [`Self::next_request`] gives
/// out, pass answers to [`Self::on_answer`], take records by [`Self::drain_fetched`].
#[derive(Debug)]
pub struct Fetcher {
    settings: FetchSettings,
    positions: BTreeMap<TopicPartition, Position>,
    in_flight: BTreeMap<Tag, InFlight>,
    fetched: VecDeque<Fetched>,
    failures: Vec<FetchFailure>,
    stale: bool,
    next_tag: u64,
    /// Which partition was first in the last fetch: another one is in the next, so that answers
    /// cut off by their size starve none.
    rotation: usize,
}

#[derive(Clone, Debug)]
struct Position {
    next: Next,
    end: Option<Offset>,
    retry_at: Option<Instant>,
    /// Counts assignments: an answer to an older one is of no use.
    assigned: u64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Next {
    /// To be found out.
    Sought(TimestampMs),
    At(Offset),
}

#[derive(Clone, Debug)]
struct InFlight {
    broker: BrokerId,
    /// What was asked for, by partition, with the number of its assignment.
    partitions: BTreeMap<TopicPartition, (u64, Next)>,
}

impl Fetcher {
    /// A consumer without partitions.
    #[must_use]
    pub fn new(settings: FetchSettings) -> Self {
        Self {
            settings,
            positions: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            fetched: VecDeque::new(),
            failures: Vec::new(),
            stale: false,
            next_tag: 0,
            rotation: 0,
        }
    }

    /// Reads `partition` from `start` on, whatever it did before.
    pub fn assign(&mut self, partition: TopicPartition, start: Start) {
        self.next_tag += 1;
        let position = Position {
            next: next_of(start),
            end: None,
            retry_at: None,
            assigned: self.next_tag,
        };
        self.fetched
            .retain(|fetched| fetched.partition != partition);
        self.positions.insert(partition, position);
    }

    /// Reads `partition` no more.
    pub fn unassign(&mut self, partition: &TopicPartition) {
        self.positions.remove(partition);
        self.fetched
            .retain(|fetched| fetched.partition != *partition);
    }

    /// The partitions that are read.
    pub fn partitions(&self) -> impl Iterator<Item = &TopicPartition> {
        self.positions.keys()
    }

    /// The offset after the last record that was drained or skipped; `None` while it is sought.
    #[must_use]
    pub fn position(&self, partition: &TopicPartition) -> Option<Offset> {
        let waiting = self
            .fetched
            .iter()
            .find(|fetched| fetched.partition == *partition);
        if let Some(first) = waiting.and_then(|fetched| fetched.records.first()) {
            return Some(first.offset);
        }
        match self.positions.get(partition)?.next {
            Next::At(offset) => Some(offset),
            Next::Sought(_) => None,
        }
    }

    /// The end of the partition as of the last answer: what is before it can be read.
    #[must_use]
    pub fn end(&self, partition: &TopicPartition) -> Option<Offset> {
        self.positions.get(partition)?.end
    }

    /// The next records of any partition.
    pub fn drain_fetched(&mut self) -> Option<Fetched> {
        self.fetched.pop_front()
    }

    /// True if records wait to be drained.
    #[must_use]
    pub fn has_fetched(&self) -> bool {
        !self.fetched.is_empty()
    }

    /// What went wrong since the last time; these partitions are not read any more.
    pub fn drain_failures(&mut self) -> Vec<FetchFailure> {
        std::mem::take(&mut self.failures)
    }

    /// True, once, if what the cluster said of leaders is out of date: ask it for Metadata.
    pub const fn take_stale(&mut self) -> bool {
        std::mem::replace(&mut self.stale, false)
    }

    /// When it has something to do though nothing is answered.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.positions
            .values()
            .filter_map(|position| position.retry_at)
            .min()
    }

    /// The next request to send, until there is none: one at a time for each leader.
    pub fn next_request(&mut self, now: Instant, cluster: &Cluster) -> Option<Outgoing> {
        let mut busy: BTreeSet<BrokerId> = self
            .in_flight
            .values()
            .map(|request| request.broker)
            .collect();
        let mut wanted: BTreeMap<TopicPartition, (u64, Next)> = BTreeMap::new();
        let mut chosen: Option<(BrokerId, bool)> = None;
        for (partition, position) in &mut self.positions {
            if position.retry_at.is_some_and(|at| at > now) {
                continue;
            }
            let Some(leader) = cluster.leader(&partition.topic, partition.partition) else {
                self.stale = true;
                position.retry_at = Some(now + self.settings.retry_backoff);
                continue;
            };
            let is_sought = matches!(position.next, Next::Sought(_));
            if busy.contains(&leader) || chosen.is_some_and(|chosen| chosen != (leader, is_sought))
            {
                continue;
            }
            position.retry_at = None;
            chosen = Some((leader, is_sought));
            wanted.insert(partition.clone(), (position.assigned, position.next));
        }
        let (broker, is_sought) = chosen?;
        busy.insert(broker);
        let request = if is_sought {
            list_offsets(&wanted, cluster).into()
        } else {
            self.rotation = self.rotation.wrapping_add(1);
            fetch(&self.settings, &wanted, cluster, self.rotation).into()
        };
        self.next_tag += 1;
        let tag = Tag(self.next_tag);
        self.in_flight.insert(
            tag,
            InFlight {
                broker,
                partitions: wanted,
            },
        );
        Some(Outgoing {
            broker: Some(broker),
            request,
            tag: Some(tag),
        })
    }

    /// The answer to a request of this consumer; `None` if its connection was lost or gave no
    /// answer in time.
    pub fn on_answer(
        &mut self,
        now: Instant,
        tag: Tag,
        answer: Option<&AnyResponse>,
        cluster: &Cluster,
    ) {
        let Some(mut request) = self.in_flight.remove(&tag) else {
            return;
        };
        // What was assigned anew meanwhile is no concern of this answer.
        let positions = &self.positions;
        request.partitions.retain(|partition, (assigned, _)| {
            positions
                .get(partition)
                .is_some_and(|position| position.assigned == *assigned)
        });
        match answer {
            Some(AnyResponse::Fetch(answer)) => self.on_fetch(now, &request, answer, cluster),
            Some(AnyResponse::ListOffsets(answer)) => {
                for topic in &answer.topics {
                    for found in &topic.partitions {
                        let partition = TopicPartition {
                            topic: topic.name.as_str().into(),
                            partition: found.partition_index,
                        };
                        if request.partitions.contains_key(&partition) {
                            let offset = error_of(found.error_code).map(|()| found.offset);
                            self.on_sought(now, &partition, offset);
                        }
                    }
                }
            }
            _ => {
                self.stale = true;
                for partition in request.partitions.keys() {
                    self.retry(now, partition);
                }
            }
        }
    }

    fn on_sought(
        &mut self,
        now: Instant,
        partition: &TopicPartition,
        offset: Result<Offset, ErrorCode>,
    ) {
        let Some(position) = self.positions.get_mut(partition) else {
            return;
        };
        match offset {
            // No record is as young as the timestamp: what is written next is.
            Ok(-1) => position.next = Next::Sought(LATEST),
            Ok(offset) => position.next = Next::At(offset),
            Err(error) => self.on_error(now, partition, error),
        }
    }

    fn on_fetch(
        &mut self,
        now: Instant,
        request: &InFlight,
        answer: &FetchResponse,
        cluster: &Cluster,
    ) {
        if let Err(error) = error_of(answer.error_code) {
            for partition in request.partitions.keys() {
                self.on_error(now, partition, error);
            }
            return;
        }
        for topic in &answer.responses {
            let name = if topic.topic_id.is_zero() {
                Some(topic.topic.as_str())
            } else {
                cluster.topic_name(topic.topic_id)
            };
            let Some(name) = name else { continue };
            for data in &topic.partitions {
                let partition = TopicPartition {
                    topic: name.into(),
                    partition: data.partition_index,
                };
                if let Some((_, Next::At(offset))) = request.partitions.get(&partition) {
                    self.on_data(now, &partition, *offset, data);
                }
            }
        }
    }

    fn on_data(
        &mut self,
        now: Instant,
        partition: &TopicPartition,
        offset: Offset,
        data: &PartitionData,
    ) {
        if let Err(error) = error_of(data.error_code) {
            self.on_error(now, partition, error);
            return;
        }
        let Some(position) = self.positions.get_mut(partition) else {
            return;
        };
        position.end = (data.high_watermark >= 0).then_some(data.high_watermark);
        let Some(bytes) = data.records.as_ref().filter(|records| !records.is_empty()) else {
            return;
        };
        let read = read_records(bytes.to_bytes(), offset, self.settings.batch_bytes_max);
        position.next = Next::At(read.next_offset);
        if !read.records.is_empty() {
            let partition = partition.clone();
            self.fetched.push_back(Fetched {
                partition,
                records: read.records,
            });
        }
        if let Some(error) = read.error {
            self.fail(
                partition,
                Some(read.next_offset),
                FetchFailureReason::Broken(error),
            );
        }
    }

    fn on_error(&mut self, now: Instant, partition: &TopicPartition, error: ErrorCode) {
        self.stale |= is_stale(error);
        let Some(position) = self.positions.get_mut(partition) else {
            return;
        };
        let offset = match position.next {
            Next::At(offset) => Some(offset),
            Next::Sought(_) => None,
        };
        match (error, self.settings.reset) {
            (ErrorCode::OffsetOutOfRange, Some(start)) => position.next = next_of(start),
            _ if error.is_retriable() || is_stale(error) => self.retry(now, partition),
            _ => self.fail(partition, offset, FetchFailureReason::Refused(error)),
        }
    }

    fn retry(&mut self, now: Instant, partition: &TopicPartition) {
        if let Some(position) = self.positions.get_mut(partition) {
            position.retry_at = Some(now + self.settings.retry_backoff);
        }
    }

    fn fail(
        &mut self,
        partition: &TopicPartition,
        offset: Option<Offset>,
        reason: FetchFailureReason,
    ) {
        self.positions.remove(partition);
        self.failures.push(FetchFailure {
            partition: partition.clone(),
            offset,
            reason,
        });
    }
}

const fn next_of(start: Start) -> Next {
    match start {
        Start::Earliest => Next::Sought(EARLIEST),
        Start::Latest => Next::Sought(LATEST),
        Start::Timestamp(timestamp) => Next::Sought(timestamp),
        Start::Offset(offset) => Next::At(offset),
    }
}

struct Read {
    records: Vec<ConsumedRecord>,
    next_offset: Offset,
    error: Option<BatchError>,
}

/// The records in `bytes` from `offset` on. What is before a broken batch is read all the same.
fn read_records(bytes: Bytes, offset: Offset, batch_bytes_max: usize) -> Read {
    let mut read = Read {
        records: Vec::new(),
        next_offset: offset,
        error: None,
    };
    let mut batches = Batches::new(bytes);
    loop {
        // An answer may end inside a batch: the rest comes with the next one.
        let batch = match batches.next_whole() {
            Ok(Some(batch)) => batch,
            Ok(None) => return read,
            Err(error) => {
                read.error = Some(error);
                return read;
            }
        };
        if let Err(error) = read_batch(&batch, batch_bytes_max, &mut read) {
            read.error = Some(error);
            return read;
        }
    }
}

fn read_batch(
    batch: &RecordBatch,
    batch_bytes_max: usize,
    read: &mut Read,
) -> Result<(), BatchError> {
    batch.verify_crc()?;
    let next_offset = batch.next_offset().max(read.next_offset);
    if !batch.is_control() {
        let set = batch.records(batch_bytes_max)?;
        for record in &set {
            let record = record?;
            // A batch comes whole though the position is inside it.
            if record.offset < read.next_offset {
                continue;
            }
            let headers = record.headers.iter();
            read.records.push(ConsumedRecord {
                offset: record.offset,
                timestamp: record.timestamp,
                key: record.key.map(|key| set.share(key)),
                value: record.value.map(|value| set.share(value)),
                headers: headers
                    .map(|header| {
                        (
                            set.share(header.key),
                            header.value.map(|value| set.share(value)),
                        )
                    })
                    .collect(),
            });
        }
    }
    read.next_offset = next_offset;
    Ok(())
}

fn list_offsets(
    wanted: &BTreeMap<TopicPartition, (u64, Next)>,
    cluster: &Cluster,
) -> ListOffsetsRequest {
    let mut topics: Vec<ListOffsetsTopic> = Vec::new();
    for (partition, (_, next)) in wanted {
        let Next::Sought(timestamp) = *next else {
            continue;
        };
        let name: &str = &partition.topic;
        if topics.last().is_none_or(|topic| topic.name != name) {
            topics.push(ListOffsetsTopic {
                name: name.to_owned(),
                ..ListOffsetsTopic::default()
            });
        }
        let epoch = cluster.leader_epoch(name, partition.partition);
        let topic = topics.last_mut().expect("the topic is there");
        topic.partitions.push(ListOffsetsPartition {
            partition_index: partition.partition,
            current_leader_epoch: epoch.unwrap_or(-1),
            timestamp,
            ..ListOffsetsPartition::default()
        });
    }
    ListOffsetsRequest {
        replica_id: CONSUMER,
        topics,
        ..ListOffsetsRequest::default()
    }
}

fn fetch(
    settings: &FetchSettings,
    wanted: &BTreeMap<TopicPartition, (u64, Next)>,
    cluster: &Cluster,
    rotation: usize,
) -> FetchRequest {
    let mut topics: Vec<FetchTopic> = Vec::new();
    let first = rotation % wanted.len().max(1);
    for (partition, (_, next)) in wanted.iter().skip(first).chain(wanted.iter().take(first)) {
        let Next::At(offset) = *next else { continue };
        let name: &str = &partition.topic;
        if topics.last().is_none_or(|topic| topic.topic != name) {
            topics.push(FetchTopic {
                topic: name.to_owned(),
                topic_id: cluster.topic_id(name),
                ..FetchTopic::default()
            });
        }
        let epoch = cluster.leader_epoch(name, partition.partition);
        let topic = topics.last_mut().expect("the topic is there");
        topic.partitions.push(FetchPartition {
            partition: partition.partition,
            current_leader_epoch: epoch.unwrap_or(-1),
            fetch_offset: offset,
            partition_max_bytes: settings.partition_bytes_max,
            ..FetchPartition::default()
        });
    }
    FetchRequest {
        max_wait_ms: settings.wait_ms_max,
        min_bytes: settings.bytes_min,
        max_bytes: settings.bytes_max,
        session_epoch: SESSION_EPOCH_NONE,
        topics,
        ..FetchRequest::default()
    }
}
