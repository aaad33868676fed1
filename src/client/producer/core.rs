//! What a producer holds, and what it asks for next.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::client::{Cluster, Outgoing, Tag};
use crate::model::{BrokerId, ProducerEpoch, ProducerId, TopicPartition};
use crate::protocol::Records;
use crate::protocol::compression::Compression;
use crate::protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use crate::protocol::messages::{InitProducerIdRequest, ProduceRequest};
use crate::stdx::Instant;

use super::batch::{Batch, Queue, State};
use super::{Delivery, DeliveryFailure, OutgoingRecord};

/// A broker remembers this many batches of a producer, to know them when they come again.
const IN_FLIGHT_PER_PARTITION_MAX: usize = 5;

/// How a producer works.
#[derive(Clone, Debug)]
pub struct ProducerSettings {
    /// Who must have stored a batch before it is acknowledged: -1 all in sync, 1 the leader, 0
    /// nobody, and then there is no answer.
    pub acks: i16,
    /// Number the batches so that one that is sent twice is stored once. Needs acks -1.
    pub is_idempotent: bool,
    /// How long a batch waits for more records.
    pub linger: Duration,
    /// A batch is closed before it grows beyond, uncompressed; one record may still be larger.
    pub batch_bytes_max: usize,
    /// Batches of one request.
    pub request_bytes_max: usize,
    /// Records that are not acknowledged.
    pub buffer_bytes_max: usize,
    /// Requests to one broker without an answer.
    pub in_flight_per_broker_max: usize,
    /// How the batches are compressed.
    pub compression: Compression,
    /// How long the broker may wait for its replicas.
    pub request_timeout_ms: i32,
    /// How long to wait before sending again.
    pub retry_backoff: Duration,
    /// After this a batch has failed.
    pub delivery_timeout: Duration,
}

impl Default for ProducerSettings {
    fn default() -> Self {
        Self {
            acks: -1,
            is_idempotent: true,
            linger: Duration::from_millis(5),
            batch_bytes_max: 16 << 10,
            request_bytes_max: 1 << 20,
            buffer_bytes_max: 32 << 20,
            in_flight_per_broker_max: 5,
            compression: Compression::None,
            request_timeout_ms: 30_000,
            retry_backoff: Duration::from_millis(100),
            delivery_timeout: Duration::from_secs(120),
        }
    }
}

/// The producer holds as much as it may: let it send, then append again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BufferFull;

/// A producer: records in by [`Self::append`], requests out by [`Self::next_request`], answers in
/// by [`Self::on_answer`], deliveries out by [`Self::drain_deliveries`].
///
/// Requests to one broker must go over one connection, in the order in which they are given out.
#[derive(Debug)]
pub struct Producer {
    pub(super) settings: ProducerSettings,
    pub(super) identity: Identity,
    pub(super) queues: BTreeMap<TopicPartition, Queue>,
    pub(super) in_flight: BTreeMap<Tag, InFlight>,
    pub(super) stale: bool,
    pub(super) retry_identity_at: Option<Instant>,
    buffered_bytes: usize,
    deliveries: VecDeque<Delivery>,
    next_tag: u64,
    next_serial: u64,
    is_flushing: bool,
}

/// Whose sequence numbers the batches carry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Identity {
    /// Batches are not numbered.
    NotWanted,
    /// To be asked for.
    Unknown,
    Asked,
    Known(ProducerId, ProducerEpoch),
    /// Of no more use: a new one is asked for once nothing is in flight.
    Spent,
}

/// A request without an answer.
#[derive(Clone, Debug)]
pub(super) struct InFlight {
    pub broker: Option<BrokerId>,
    /// The batches in it; none when it asks for an identity.
    pub batches: Vec<(TopicPartition, u64)>,
}

impl Producer {
    /// A producer without records.
    ///
    /// # Panics
    /// If it is to be idempotent without `acks` of all: a leader alone can forget.
    #[must_use]
    pub fn new(settings: ProducerSettings) -> Self {
        assert!(
            !settings.is_idempotent || settings.acks == -1,
            "idempotence needs the acknowledgement of all in-sync replicas"
        );
        let identity = if settings.is_idempotent {
            Identity::Unknown
        } else {
            Identity::NotWanted
        };
        Self {
            settings,
            identity,
            queues: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            stale: false,
            retry_identity_at: None,
            buffered_bytes: 0,
            deliveries: VecDeque::new(),
            next_tag: 0,
            next_serial: 0,
            is_flushing: false,
        }
    }

    /// Takes a record for a partition.
    ///
    /// # Errors
    /// [`BufferFull`] if the record must wait until others are delivered.
    pub fn append(
        &mut self,
        now: Instant,
        partition: &TopicPartition,
        record: &OutgoingRecord<'_>,
    ) -> Result<(), BufferFull> {
        let size = record.size_bytes_max();
        // One record is always taken, however large: it could never be sent otherwise.
        if self.buffered_bytes > 0 && self.buffered_bytes + size > self.settings.buffer_bytes_max {
            return Err(BufferFull);
        }
        if !self.queues.contains_key(partition) {
            self.queues.insert(partition.clone(), Queue::default());
        }
        let queue = self
            .queues
            .get_mut(partition)
            .expect("it has just been put in");
        let batch_bytes_max = self.settings.batch_bytes_max;
        let fits = |batch: &Batch| batch.is_open() && batch.size_bytes + size <= batch_bytes_max;
        let opens = !queue.batches.back().is_some_and(fits);
        if opens {
            let batch = Batch::open(self.next_serial, now, self.settings.compression);
            self.next_serial += 1;
            self.buffered_bytes += batch.size_bytes;
            queue.batches.push_back(batch);
        }
        let batch = queue.batches.back_mut().expect("there is an open batch");
        let before = batch.size_bytes;
        batch.append(record);
        self.buffered_bytes += batch.size_bytes - before;
        Ok(())
    }

    /// Lets no batch wait for more records, until everything is delivered.
    pub const fn flush(&mut self) {
        self.is_flushing = true;
    }

    /// True if every record is settled and its delivery drained.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.deliveries.is_empty() && self.queues.values().all(|queue| queue.batches.is_empty())
    }

    /// The bytes of records that are not settled.
    #[must_use]
    pub const fn buffered_bytes(&self) -> usize {
        self.buffered_bytes
    }

    /// What became of batches since the last time.
    pub fn drain_deliveries(&mut self) -> Vec<Delivery> {
        self.deliveries.drain(..).collect()
    }

    /// True, once, if what the cluster said of leaders is out of date: ask it for Metadata.
    pub const fn take_stale(&mut self) -> bool {
        std::mem::replace(&mut self.stale, false)
    }

    /// The topics that it has records for.
    #[must_use]
    pub fn topics(&self) -> BTreeSet<&str> {
        let busy = self
            .queues
            .iter()
            .filter(|(_, queue)| !queue.batches.is_empty());
        busy.map(|(partition, _)| partition.topic.as_ref())
            .collect()
    }

    /// When it has something to do though nothing is answered.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let ProducerSettings {
            linger,
            delivery_timeout,
            ..
        } = self.settings;
        let queues = self.queues.values();
        queues
            .filter_map(|queue| queue.next_deadline(linger, delivery_timeout))
            .min()
    }

    /// The next request to send, until there is none.
    pub fn next_request(&mut self, now: Instant, cluster: &Cluster) -> Option<Outgoing> {
        self.expire(now);
        if self.identity == Identity::Spent && self.in_flight.is_empty() {
            self.queues.values_mut().for_each(Queue::renew);
            self.identity = Identity::Unknown;
            self.settle();
        }
        match self.identity {
            Identity::Spent | Identity::Asked => None,
            Identity::Unknown => self.ask_identity(now),
            Identity::NotWanted => self.next_produce(now, cluster, None),
            Identity::Known(id, epoch) => self.next_produce(now, cluster, Some((id, epoch))),
        }
    }

    fn ask_identity(&mut self, now: Instant) -> Option<Outgoing> {
        let has_records = self.queues.values().any(|queue| !queue.batches.is_empty());
        if !has_records || self.retry_identity_at.is_some_and(|at| at > now) {
            return None;
        }
        self.identity = Identity::Asked;
        let request = InitProducerIdRequest {
            transactional_id: None,
            // Means nothing without a transaction; it is what Kafka's own client says.
            transaction_timeout_ms: i32::MAX,
            producer_id: -1,
            producer_epoch: -1,
            ..InitProducerIdRequest::default()
        };
        let tag = self.next_tag();
        self.in_flight.insert(
            tag,
            InFlight {
                broker: None,
                batches: Vec::new(),
            },
        );
        Some(Outgoing {
            broker: None,
            request: request.into(),
            tag: Some(tag),
        })
    }

    fn next_produce(
        &mut self,
        now: Instant,
        cluster: &Cluster,
        producer: Option<(ProducerId, ProducerEpoch)>,
    ) -> Option<Outgoing> {
        let mut chosen: Option<BrokerId> = None;
        let mut batches = Vec::new();
        let mut topics: BTreeMap<&TopicPartition, Records> = BTreeMap::new();
        let mut size = 0;
        for (partition, queue) in &mut self.queues {
            let in_flight_max = match producer {
                Some(_) if queue.is_known => IN_FLIGHT_PER_PARTITION_MAX,
                // Unnumbered batches keep their order only one at a time.
                _ => 1,
            };
            let linger = self.settings.linger;
            let ready = queue.next_ready(now, linger, self.is_flushing, in_flight_max);
            let Some(index) = ready else { continue };
            let Some(leader) = cluster.leader(&partition.topic, partition.partition) else {
                self.stale = true;
                queue.retry_at = Some(now + self.settings.retry_backoff);
                continue;
            };
            let is_busy = is_busy(
                &self.in_flight,
                leader,
                self.settings.in_flight_per_broker_max,
            );
            if is_busy || chosen.is_some_and(|chosen| chosen != leader) {
                continue;
            }
            if !batches.is_empty()
                && size + queue.batches[index].size_bytes > self.settings.request_bytes_max
            {
                continue;
            }
            chosen = Some(leader);
            if producer.is_some() {
                queue.number(index);
            }
            let batch = &mut queue.batches[index];
            size += batch.size_bytes;
            topics.insert(
                partition,
                Records::new(batch.seal(producer).slices().to_vec()),
            );
            batch.state = State::InFlight;
            batches.push((partition.clone(), batch.serial));
        }
        let broker = chosen?;
        let request = produce_request(&self.settings, cluster, topics);
        let tag = self.next_tag();
        if self.settings.acks == 0 {
            self.settle_unasked(&batches);
            return Some(Outgoing {
                broker: Some(broker),
                request: request.into(),
                tag: None,
            });
        }
        self.in_flight.insert(
            tag,
            InFlight {
                broker: Some(broker),
                batches,
            },
        );
        Some(Outgoing {
            broker: Some(broker),
            request: request.into(),
            tag: Some(tag),
        })
    }

    /// With acks=0 a batch is settled when it is sent.
    fn settle_unasked(&mut self, batches: &[(TopicPartition, u64)]) {
        for (partition, serial) in batches {
            let queue = self.queues.get_mut(partition);
            if let Some(batch) = queue.and_then(|queue| queue.by_serial(*serial)) {
                batch.state = State::Settled(Ok(None));
            }
        }
        self.settle();
    }

    fn expire(&mut self, now: Instant) {
        let timeout = self.settings.delivery_timeout;
        let mut has_expired = false;
        for queue in self.queues.values_mut() {
            // In order: one behind an unsettled one waits, though it may be as old.
            for batch in &mut queue.batches {
                if batch.state != State::Waiting || batch.opened_at + timeout > now {
                    break;
                }
                if batch.sequence.is_some() && self.identity != Identity::NotWanted {
                    self.identity = Identity::Spent;
                }
                batch.state = State::Settled(Err(DeliveryFailure::TimedOut));
                has_expired = true;
            }
        }
        if has_expired {
            self.settle();
        }
    }

    /// Tells of the batches at the front of their queues that are settled.
    pub(super) fn settle(&mut self) {
        for (partition, queue) in &mut self.queues {
            while let Some(front) = queue.batches.front()
                && let State::Settled(result) = &front.state
            {
                self.deliveries.push_back(Delivery {
                    partition: partition.clone(),
                    records_count: front.records_count(),
                    result: result.clone(),
                });
                self.buffered_bytes -= front.size_bytes;
                queue.batches.pop_front();
            }
        }
        if self.queues.values().all(|queue| queue.batches.is_empty()) {
            self.is_flushing = false;
        }
    }

    fn next_tag(&mut self) -> Tag {
        let tag = Tag(self.next_tag);
        self.next_tag += 1;
        tag
    }
}

fn is_busy(in_flight: &BTreeMap<Tag, InFlight>, broker: BrokerId, max: usize) -> bool {
    in_flight
        .values()
        .filter(|request| request.broker == Some(broker))
        .count()
        >= max
}

fn produce_request(
    settings: &ProducerSettings,
    cluster: &Cluster,
    partitions: BTreeMap<&TopicPartition, Records>,
) -> ProduceRequest {
    let mut topics: Vec<TopicProduceData> = Vec::new();
    for (partition, records) in partitions {
        let name: &str = &partition.topic;
        if topics.last().is_none_or(|topic| topic.name != name) {
            topics.push(TopicProduceData {
                name: name.to_owned(),
                topic_id: cluster.topic_id(name),
                ..TopicProduceData::default()
            });
        }
        let topic = topics.last_mut().expect("the topic is there");
        topic.partition_data.push(PartitionProduceData {
            index: partition.partition,
            records: Some(records),
            ..PartitionProduceData::default()
        });
    }
    ProduceRequest {
        transactional_id: None,
        acks: settings.acks,
        timeout_ms: settings.request_timeout_ms,
        topic_data: topics,
        ..ProduceRequest::default()
    }
}
