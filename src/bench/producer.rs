//! One producer: records into batches, batches into requests, when they are due or as they go.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::admin::{Failure, answer};
use crate::client::{error_of, murmur2};
use crate::model::{ErrorCode, ProducerEpoch, ProducerId};
use crate::protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use crate::protocol::messages::{InitProducerIdRequest, ProduceRequest, ProduceResponse};
use crate::protocol::record_batch::sequence_after;
use crate::protocol::{AnyResponse, Records};
use crate::runtime::wall_ms;
use crate::stdx::Random;

use super::keys::{KeyChoice, bytes_of};
use super::link::Link;
use super::schedule::{Nanoseconds, Schedule};
use super::tally::{Tally, Window};
use super::template::{BatchContent, Template};
use super::topics::Topics;

/// Records of one producer that were due and have not gone out: what Kafka's `buffer.memory` is by
/// default. Those that come later wait in the schedule, and are as late.
const UNSENT_BYTES_MAX: usize = 32 << 20;

/// Batches of one request, as Kafka's `max.request.size` is by default.
const REQUEST_BYTES_MAX: usize = 1 << 20;

/// Batches made in one go before others have their turn.
const BATCHES_PER_TURN: usize = 64;

/// What all producers of a run share.
#[derive(Debug)]
pub struct ProducePlan {
    pub topics: Arc<Topics>,
    pub window: Window,
    pub template: Template,
    pub keys: KeyChoice,
    /// Records a second of all of them; as fast as possible without.
    pub rate: Option<u64>,
    pub producers: u64,
    /// Records that count, of all of them.
    pub records_max: Option<u64>,
    pub acks: i16,
    pub is_idempotent: bool,
    pub linger: Nanoseconds,
    pub batch_bytes: usize,
    pub in_flight_max: usize,
    /// Records say when they were due, with this number of the run.
    pub stamp: Option<u64>,
    pub client_id: String,
    pub timeout: Duration,
    /// Records that were acknowledged.
    pub acknowledged: AtomicU64,
}

/// One producer.
pub struct Producer {
    plan: Arc<ProducePlan>,
    schedule: Option<Schedule>,
    /// The number of the next record.
    next: u64,
    /// Records that count and may still be made.
    left: Option<u64>,
    random: Random,
    identity: Option<(ProducerId, ProducerEpoch)>,
    links: Vec<ProducerLink>,
    partitions: Vec<Partition>,
    /// Where records without a key go, and how many bytes have gone there.
    sticky: (usize, usize),
    /// Open batches by when they have waited long enough, the first of all first.
    lingering: VecDeque<Lingering>,
    unsent_bytes: usize,
    has_ended: bool,
}

struct ProducerLink {
    link: Link,
    /// Partitions with a batch that may go, each once.
    ready: VecDeque<usize>,
    in_flight: VecDeque<Vec<Sent>>,
}

struct Partition {
    link: usize,
    open: Batch,
    /// Counts open batches.
    serial: u64,
    /// The open batch has waited long enough.
    is_due: bool,
    full: VecDeque<Batch>,
    is_ready: bool,
    sequence: i32,
}

#[derive(Default)]
struct Batch {
    count: usize,
    keys: Vec<u32>,
    /// When each record was due; none if all were made at once.
    dues: Vec<Nanoseconds>,
    made_at: Nanoseconds,
}

struct Sent {
    partition: usize,
    batch: Batch,
}

struct Lingering {
    until: Nanoseconds,
    partition: usize,
    serial: u64,
}

impl Producer {
    /// Connects the producer of this number to all brokers that lead.
    pub fn open(plan: &Arc<ProducePlan>, number: u64) -> Result<Self, Failure> {
        let mut links: Vec<ProducerLink> = Vec::new();
        let mut link_of = BTreeMap::new();
        let mut partitions = Vec::with_capacity(plan.topics.places.len());
        for place in &plan.topics.places {
            let link = match link_of.get(&place.leader) {
                Some(link) => *link,
                None => {
                    let (host, port) = &plan.topics.brokers[&place.leader];
                    let link = Link::open(host, *port, &plan.client_id, plan.timeout)?;
                    links.push(ProducerLink {
                        link,
                        ready: VecDeque::new(),
                        in_flight: VecDeque::new(),
                    });
                    link_of.insert(place.leader, links.len() - 1);
                    links.len() - 1
                }
            };
            partitions.push(Partition {
                link,
                open: Batch::default(),
                serial: 0,
                is_due: false,
                full: VecDeque::new(),
                is_ready: false,
                sequence: 0,
            });
        }
        let identity = match plan.is_idempotent {
            true => Some(ask_identity(&mut links[0].link)?),
            false => None,
        };
        for link in &links {
            link.link.let_go()?;
        }
        let share =
            |records: u64| records / plan.producers + u64::from(number < records % plan.producers);
        let first = number as usize * partitions.len() / plan.producers as usize;
        Ok(Self {
            plan: Arc::clone(plan),
            schedule: plan
                .rate
                .map(|rate| Schedule::new(rate, plan.producers, number)),
            next: 0,
            left: plan.records_max.map(share),
            random: Random::from_seed(number),
            identity,
            links,
            partitions,
            sticky: (first, 0),
            lingering: VecDeque::new(),
            unsent_bytes: 0,
            has_ended: false,
        })
    }

    pub fn links(&mut self) -> impl Iterator<Item = &mut Link> {
        self.links.iter_mut().map(|link| &mut link.link)
    }

    /// The link of this number, counted as in [`Self::links`].
    pub fn link(&mut self, number: usize) -> &mut Link {
        &mut self.links[number].link
    }

    /// Make no more records; those that were made go out.
    pub fn end(&mut self) {
        self.has_ended = true;
    }

    /// True once every record is answered for.
    pub fn is_done(&self) -> bool {
        let is_idle = |link: &ProducerLink| link.in_flight.is_empty() && link.ready.is_empty();
        self.has_ended && self.unsent_bytes == 0 && self.links.iter().all(is_idle)
    }

    /// Do what can be done now.
    pub fn advance(&mut self, now: Nanoseconds, tally: &mut Tally) -> Result<(), Failure> {
        for link in 0..self.links.len() {
            if self.links[link].link.is_ready {
                self.receive(link, now, tally)?;
            }
        }
        self.end_if_due(now);
        match self.schedule {
            Some(schedule) => self.make_what_is_due(schedule, now),
            None => self.make_what_may_go(now, tally)?,
        }
        self.end_if_due(now);
        self.expire(now);
        self.send(now, tally)
    }

    /// When there is something to do though no socket changes.
    pub fn next_due(&self, now: Nanoseconds) -> Nanoseconds {
        let lingering = self.lingering.front();
        let lingering = lingering.map_or(u64::MAX, |batch| batch.until);
        let has_room = self.unsent_bytes < UNSENT_BYTES_MAX;
        let record = match self.schedule {
            _ if self.has_ended || !has_room => u64::MAX,
            Some(schedule) => schedule.due(self.next),
            None if self.may_make() => now,
            None => u64::MAX,
        };
        lingering.min(record)
    }

    fn end_if_due(&mut self, now: Nanoseconds) {
        // What was due before the end is sent, however late.
        let is_over = match self.schedule {
            Some(schedule) => schedule.due(self.next) >= self.plan.window.end,
            None => now >= self.plan.window.end,
        };
        if is_over || self.left == Some(0) {
            self.has_ended = true;
        }
    }

    fn receive(&mut self, link: usize, now: Nanoseconds, tally: &mut Tally) -> Result<(), Failure> {
        self.links[link].link.flush()?;
        self.settle_unasked(link, now, tally);
        while self.links[link].link.receive()? {
            while let Some(answer) = self.links[link].link.next_answer()? {
                let AnyResponse::Produce(answer) = answer else {
                    unreachable!("nothing else was asked");
                };
                let sent = self.links[link].in_flight.pop_front();
                let sent = sent.expect("the link matches answers to requests");
                self.on_answer(&answer, sent, now, tally);
            }
        }
        Ok(())
    }

    /// With acks=0 a record counts as delivered when the kernel has it.
    fn settle_unasked(&mut self, link: usize, now: Nanoseconds, tally: &mut Tally) {
        let link = &mut self.links[link];
        if self.plan.acks != 0 || !link.link.is_flushed() {
            return;
        }
        for sent in std::mem::take(&mut link.in_flight) {
            tally.produced_one_request();
            for sent in sent {
                acknowledge(&self.plan, &sent.batch, now, tally);
            }
        }
    }

    fn on_answer(
        &self,
        answer: &ProduceResponse,
        sent: Vec<Sent>,
        now: Nanoseconds,
        tally: &mut Tally,
    ) {
        tally.produced_one_request();
        let mut refused: BTreeMap<(Option<usize>, i32), ErrorCode> = BTreeMap::new();
        for topic in &answer.responses {
            for partition in &topic.partition_responses {
                if let Err(error) = error_of(partition.error_code) {
                    let index = self.plan.topics.index_of(&topic.name, topic.topic_id);
                    refused.insert((index, partition.index), error);
                }
            }
        }
        for Sent { partition, batch } in sent {
            let place = &self.plan.topics.places[partition];
            match refused.get(&(Some(place.topic), place.partition)) {
                None => acknowledge(&self.plan, &batch, now, tally),
                Some(error) => tally.failed(error.name(), batch.count),
            }
        }
    }

    fn make_what_is_due(&mut self, schedule: Schedule, now: Nanoseconds) {
        while !self.has_ended && self.unsent_bytes < UNSENT_BYTES_MAX {
            let due = schedule.due(self.next);
            if due > now {
                return;
            }
            self.make_record(due);
            self.end_if_due(now);
        }
    }

    /// As fast as possible: as long as a request may go out and there is none, make a batch.
    fn make_what_may_go(&mut self, now: Nanoseconds, tally: &mut Tally) -> Result<(), Failure> {
        for _ in 0..BATCHES_PER_TURN {
            if !self.may_make() {
                return Ok(());
            }
            if matches!(self.plan.keys, KeyChoice::None) {
                self.make_batch(now);
            } else {
                let before = self.unsent_bytes;
                while self.unsent_bytes - before < self.plan.batch_bytes && self.left != Some(0) {
                    self.make_record(now);
                    if self.links.iter().any(|link| !link.ready.is_empty()) {
                        break;
                    }
                }
                self.expire(now);
            }
            self.send(now, tally)?;
        }
        Ok(())
    }

    fn may_make(&self) -> bool {
        let waits = |link: &ProducerLink| link.ready.is_empty() && self.has_room(link);
        !self.has_ended
            && self.left != Some(0)
            && self.unsent_bytes < UNSENT_BYTES_MAX
            && self.links.iter().any(waits)
    }

    fn has_room(&self, link: &ProducerLink) -> bool {
        match self.plan.acks {
            0 => link.link.is_flushed(),
            _ => link.in_flight.len() < self.plan.in_flight_max,
        }
    }

    /// A full batch without keys, at once.
    fn make_batch(&mut self, now: Nanoseconds) {
        let most = self.plan.template.records_max();
        let count = self.take_left(now, most);
        let dues = match self.plan.stamp {
            Some(_) => vec![now; count],
            None => Vec::new(),
        };
        let (place, _) = self.sticky;
        self.sticky.0 = (place + 1) % self.partitions.len();
        self.unsent_bytes += self.plan.template.batch_bytes(count);
        self.partitions[place].full.push_back(Batch {
            count,
            keys: Vec::new(),
            dues,
            made_at: now,
        });
        self.make_ready(place);
    }

    /// Counts up to `most` records against what may still be made.
    fn take_left(&mut self, at: Nanoseconds, most: usize) -> usize {
        let Some(left) = &mut self.left else {
            return most;
        };
        if at < self.plan.window.start {
            return most;
        }
        let count = most.min(usize::try_from(*left).unwrap_or(usize::MAX));
        *left -= count as u64;
        count
    }

    fn make_record(&mut self, due: Nanoseconds) {
        self.take_left(due, 1);
        let key = self.plan.keys.draw(&mut self.random);
        let place = self.place_of(key);
        self.next += 1;
        let template = &self.plan.template;
        let partition = &mut self.partitions[place];
        let open = &mut partition.open;
        if open.count == 0 {
            partition.serial += 1;
            open.made_at = due;
            self.lingering.push_back(Lingering {
                until: due.saturating_add(self.plan.linger),
                partition: place,
                serial: partition.serial,
            });
        }
        let before = match open.count {
            0 => 0,
            count => template.batch_bytes(count),
        };
        open.count += 1;
        open.dues.push(due);
        open.keys.extend(key);
        let bytes = template.batch_bytes(open.count) - before;
        self.unsent_bytes += bytes;
        if key.is_none() {
            self.sticky.1 += bytes;
            if self.sticky.1 >= self.plan.batch_bytes {
                self.sticky = ((place + 1) % self.partitions.len(), 0);
            }
        }
        let partition = &mut self.partitions[place];
        if partition.open.count == template.records_max() {
            let full = std::mem::take(&mut partition.open);
            partition.is_due = false;
            partition.full.push_back(full);
            self.make_ready(place);
        }
    }

    /// As Kafka's clients choose: by the key within a topic, or without one the same partition
    /// until it has had about a batch (KIP-794).
    fn place_of(&self, key: Option<u32>) -> usize {
        let Some(key) = key else { return self.sticky.0 };
        let topics = self.plan.topics.names.len();
        let partitions = self.partitions.len() / topics;
        let hash = (murmur2(&bytes_of(key)) & i32::MAX) as usize;
        (hash % partitions) * topics + self.next as usize % topics
    }

    fn make_ready(&mut self, place: usize) {
        let partition = &mut self.partitions[place];
        if !partition.is_ready {
            partition.is_ready = true;
            self.links[partition.link].ready.push_back(place);
        }
    }

    /// Batches that have waited long enough may go, and all of them at the end.
    fn expire(&mut self, now: Nanoseconds) {
        while let Some(first) = self.lingering.front() {
            let (place, serial) = (first.partition, first.serial);
            let partition = &mut self.partitions[place];
            let is_open = partition.serial == serial && partition.open.count > 0;
            if is_open && first.until > now && !self.has_ended {
                return;
            }
            self.lingering.pop_front();
            if is_open {
                partition.is_due = true;
                self.make_ready(place);
            }
        }
    }

    fn send(&mut self, now: Nanoseconds, tally: &mut Tally) -> Result<(), Failure> {
        for link in 0..self.links.len() {
            while !self.links[link].ready.is_empty() && self.has_room(&self.links[link]) {
                let (request, sent) = self.gather(link);
                let request = request.into();
                self.links[link].in_flight.push_back(sent);
                self.links[link].link.send(&request)?;
                self.settle_unasked(link, now, tally);
            }
        }
        Ok(())
    }

    /// The next request of a link: a batch of each partition that is ready.
    fn gather(&mut self, link: usize) -> (ProduceRequest, Vec<Sent>) {
        let mut by_topic: BTreeMap<usize, Vec<PartitionProduceData>> = BTreeMap::new();
        let (mut sent, mut size) = (Vec::new(), 0);
        for _ in 0..self.links[link].ready.len() {
            let Some(place) = self.links[link].ready.pop_front() else {
                break;
            };
            let batch = self.take_batch(link, place);
            let bytes = self.plan.template.batch_bytes(batch.count);
            size += bytes;
            self.unsent_bytes -= bytes;
            let slices = self.encode(place, &batch);
            let of = &self.plan.topics.places[place];
            by_topic
                .entry(of.topic)
                .or_default()
                .push(PartitionProduceData {
                    index: of.partition,
                    records: Some(Records::new(slices.to_vec())),
                    ..PartitionProduceData::default()
                });
            sent.push(Sent {
                partition: place,
                batch,
            });
            if size >= REQUEST_BYTES_MAX {
                break;
            }
        }
        let topic_data = by_topic.into_iter().map(|(topic, partition_data)| {
            let topic = &self.plan.topics.names[topic];
            TopicProduceData {
                name: topic.name.clone(),
                topic_id: topic.id,
                partition_data,
                ..TopicProduceData::default()
            }
        });
        let request = ProduceRequest {
            acks: self.plan.acks,
            timeout_ms: i32::try_from(self.plan.timeout.as_millis()).unwrap_or(i32::MAX),
            topic_data: topic_data.collect(),
            ..ProduceRequest::default()
        };
        (request, sent)
    }

    fn take_batch(&mut self, link: usize, place: usize) -> Batch {
        let partition = &mut self.partitions[place];
        let batch = match partition.full.pop_front() {
            Some(full) => full,
            None => {
                partition.is_due = false;
                std::mem::take(&mut partition.open)
            }
        };
        assert!(batch.count > 0, "a partition that is ready has a batch");
        partition.is_ready = !partition.full.is_empty() || partition.is_due;
        if partition.is_ready {
            self.links[link].ready.push_back(place);
        }
        batch
    }

    fn encode(&mut self, place: usize, batch: &Batch) -> [bytes::Bytes; 2] {
        let partition = &mut self.partitions[place];
        let producer = self.identity.map(|(id, epoch)| {
            let first = partition.sequence;
            let count = i32::try_from(batch.count).expect("a batch has few records");
            partition.sequence = sequence_after(first, count);
            (id, epoch, first)
        });
        self.plan.template.batch(&BatchContent {
            count: batch.count,
            keys: &batch.keys,
            stamps: self.plan.stamp.map(|run| (run, batch.dues.as_slice())),
            timestamp_ms: wall_ms(),
            producer,
        })
    }
}

fn acknowledge(plan: &ProducePlan, batch: &Batch, now: Nanoseconds, tally: &mut Tally) {
    let bytes = plan.template.payload_bytes(batch.count);
    tally.acknowledged(now, batch.count, bytes, batch.made_at, &batch.dues);
    plan.acknowledged
        .fetch_add(batch.count as u64, Ordering::Relaxed);
}

fn ask_identity(link: &mut Link) -> Result<(ProducerId, ProducerEpoch), Failure> {
    let request = InitProducerIdRequest {
        transactional_id: None,
        // Means nothing without a transaction; it is what Kafka's own client says.
        transaction_timeout_ms: i32::MAX,
        producer_id: -1,
        producer_epoch: -1,
        ..InitProducerIdRequest::default()
    };
    // A broker that has just started may not have ids to give yet.
    for _ in 0..IDENTITY_ATTEMPTS {
        let given = answer!(InitProducerId, link.ask(&request.clone().into())?);
        match error_of(given.error_code) {
            Ok(()) => return Ok((given.producer_id, given.producer_epoch)),
            Err(error) if error.is_retriable() => std::thread::sleep(IDENTITY_PAUSE),
            Err(error) => {
                return Err(Failure::refused("cannot get a producer id", error, None));
            }
        }
    }
    Err(link.broken("it gives no producer id"))
}

/// Five seconds together.
const IDENTITY_ATTEMPTS: u32 = 100;
const IDENTITY_PAUSE: Duration = Duration::from_millis(50);
