//! One consumer: fetches one after the other from each broker, as Kafka's clients do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::admin::Failure;
use crate::client::error_of;
use crate::model::{ErrorCode, Offset};
use crate::protocol::messages::FetchRequest;
use crate::protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use crate::protocol::messages::fetch_response::{FetchResponse, PartitionData};
use crate::protocol::record_batch::Batches;
use crate::protocol::{AnyResponse, Records};

use super::link::Link;
use super::schedule::Nanoseconds;
use super::tally::{Tally, Window};
use super::template::stamp_of;
use super::topics::Topics;

/// What a batch may be when it is decompressed.
const DECOMPRESSED_BYTES_MAX: usize = 256 << 20;

/// What all consumers of a run share.
#[derive(Debug)]
pub struct ConsumePlan {
    pub topics: Arc<Topics>,
    pub window: Window,
    /// How many share the partitions.
    pub consumers_per_group: usize,
    /// Where to begin, by place.
    pub starts: Vec<Offset>,
    /// Begin again at the end of a partition.
    pub rewinds: bool,
    pub bytes_max: i32,
    pub partition_bytes_max: i32,
    pub bytes_min: i32,
    pub wait_ms_max: i32,
    pub checks_crcs: bool,
    /// Records of this run say when they were due.
    pub stamp: Option<u64>,
    pub client_id: String,
    pub timeout: Duration,
    /// Records that count and are still to be read, of all consumers.
    pub left: Option<AtomicI64>,
    /// Partitions that were not read to their end, of all groups.
    pub behind: Option<AtomicUsize>,
    /// Records that were read.
    pub consumed: AtomicU64,
}

/// One consumer.
pub struct Consumer {
    plan: Arc<ConsumePlan>,
    links: Vec<ConsumerLink>,
    /// Of the places that this one reads: every so-many-th.
    positions: Vec<Position>,
    has_ended: bool,
}

struct ConsumerLink {
    link: Link,
    /// Of the positions, whose leader this is.
    positions: Vec<usize>,
    /// Which of them was first in the last fetch: another one is in the next, so that answers cut
    /// off by their size starve none.
    rotation: usize,
    asked_at: Option<Nanoseconds>,
}

struct Position {
    place: usize,
    start: Offset,
    next: Offset,
    /// It was at the end of its partition once.
    has_caught_up: bool,
}

/// What one answer brought.
#[derive(Default)]
struct Brought {
    records: u64,
    bytes: u64,
}

impl Consumer {
    /// Connects the consumer of this number, counted over all groups.
    pub fn open(plan: &Arc<ConsumePlan>, number: usize) -> Result<Self, Failure> {
        let first = number % plan.consumers_per_group;
        let mut links: Vec<ConsumerLink> = Vec::new();
        let mut link_of = BTreeMap::new();
        let mut positions = Vec::new();
        let places = plan.topics.places.iter().enumerate();
        for (place, of) in places.skip(first).step_by(plan.consumers_per_group) {
            let link = match link_of.get(&of.leader) {
                Some(link) => *link,
                None => {
                    let (host, port) = &plan.topics.brokers[&of.leader];
                    let link = Link::open(host, *port, &plan.client_id, plan.timeout)?;
                    link.let_go()?;
                    links.push(ConsumerLink {
                        link,
                        positions: Vec::new(),
                        rotation: 0,
                        asked_at: None,
                    });
                    link_of.insert(of.leader, links.len() - 1);
                    links.len() - 1
                }
            };
            links[link].positions.push(positions.len());
            let start = plan.starts[place];
            positions.push(Position {
                place,
                start,
                next: start,
                has_caught_up: false,
            });
        }
        Ok(Self {
            plan: Arc::clone(plan),
            links,
            positions,
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

    /// Ask for no more.
    pub fn end(&mut self) {
        self.has_ended = true;
    }

    /// True once nothing more is asked. Nobody needs the answers to come.
    pub const fn is_done(&self) -> bool {
        self.has_ended
    }

    /// Do what can be done now.
    pub fn advance(&mut self, now: Nanoseconds, tally: &mut Tally) -> Result<(), Failure> {
        for link in 0..self.links.len() {
            if self.links[link].link.is_ready {
                self.receive(link, now, tally)?;
            }
            if self.has_ended || self.links[link].asked_at.is_some() {
                continue;
            }
            let request = self.fetch_request(link);
            let link = &mut self.links[link];
            link.asked_at = Some(now);
            link.rotation += 1;
            link.link.send(&request.into())?;
        }
        Ok(())
    }

    fn receive(&mut self, link: usize, now: Nanoseconds, tally: &mut Tally) -> Result<(), Failure> {
        self.links[link].link.flush()?;
        while self.links[link].link.receive()? {
            while let Some(answer) = self.links[link].link.next_answer()? {
                let AnyResponse::Fetch(answer) = answer else {
                    unreachable!("nothing else was asked");
                };
                let asked_at = self.links[link].asked_at.take();
                let asked_at = asked_at.expect("the link matches answers to requests");
                let brought = self.on_answer(&answer, now, tally)?;
                tally.fetched(now, asked_at, brought.records, brought.bytes);
                self.count(now, brought.records);
            }
        }
        Ok(())
    }

    fn count(&mut self, now: Nanoseconds, records: u64) {
        self.plan.consumed.fetch_add(records, Ordering::Relaxed);
        if let Some(left) = &self.plan.left
            && now >= self.plan.window.start
        {
            let records = i64::try_from(records).unwrap_or(i64::MAX);
            if left.fetch_sub(records, Ordering::Relaxed) <= records {
                self.has_ended = true;
            }
        }
    }

    fn on_answer(
        &mut self,
        answer: &FetchResponse,
        now: Nanoseconds,
        tally: &mut Tally,
    ) -> Result<Brought, Failure> {
        error_of(answer.error_code)
            .map_err(|error| Failure::refused("the broker refuses to be read", error, None))?;
        let mut brought = Brought::default();
        for topic in &answer.responses {
            let Some(index) = self.plan.topics.index_of(&topic.topic, topic.topic_id) else {
                continue;
            };
            for partition in &topic.partitions {
                self.on_partition(index, partition, now, tally, &mut brought)?;
            }
        }
        Ok(brought)
    }

    fn on_partition(
        &mut self,
        topic: usize,
        partition: &PartitionData,
        now: Nanoseconds,
        tally: &mut Tally,
        brought: &mut Brought,
    ) -> Result<(), Failure> {
        let topics = &self.plan.topics;
        let is_this = |position: &&mut Position| {
            let place = &topics.places[position.place];
            place.topic == topic && place.partition == partition.partition_index
        };
        let place = usize::try_from(partition.partition_index).unwrap_or(usize::MAX);
        let place = place
            .saturating_mul(topics.names.len())
            .saturating_add(topic);
        let position = self
            .positions
            .get_mut(place / self.plan.consumers_per_group);
        let Some(position) = position.filter(is_this) else {
            return Ok(());
        };
        match error_of(partition.error_code) {
            Ok(()) => {}
            // Retention has removed what was to be read.
            Err(ErrorCode::OffsetOutOfRange) if partition.log_start_offset > position.next => {
                position.start = partition.log_start_offset;
                position.next = position.start;
                return Ok(());
            }
            Err(error) => {
                let name = &topics.names[topic].name;
                let action = format!("cannot read {name}-{}", partition.partition_index);
                return Err(Failure::refused(&action, error, None));
            }
        }
        if let Some(records) = &partition.records {
            read(&self.plan, records, position, now, tally, brought)?;
        }
        let is_at_end = position.next >= partition.high_watermark;
        if is_at_end
            && !std::mem::replace(&mut position.has_caught_up, is_at_end)
            && let Some(behind) = &self.plan.behind
        {
            behind.fetch_sub(1, Ordering::Relaxed);
        }
        if self.plan.rewinds && is_at_end && position.next > position.start {
            position.next = position.start;
        }
        Ok(())
    }

    fn fetch_request(&self, link: usize) -> FetchRequest {
        let link = &self.links[link];
        let mut by_topic: Vec<(usize, Vec<FetchPartition>)> = Vec::new();
        let mut slots: BTreeMap<usize, usize> = BTreeMap::new();
        let count = link.positions.len();
        let rotated = (0..count).map(|index| link.positions[(index + link.rotation) % count]);
        for index in rotated {
            let position = &self.positions[index];
            let place = &self.plan.topics.places[position.place];
            let partition = FetchPartition {
                partition: place.partition,
                current_leader_epoch: -1,
                fetch_offset: position.next,
                last_fetched_epoch: -1,
                log_start_offset: -1,
                partition_max_bytes: self.plan.partition_bytes_max,
                ..FetchPartition::default()
            };
            let slot = *slots.entry(place.topic).or_insert_with(|| {
                by_topic.push((place.topic, Vec::new()));
                by_topic.len() - 1
            });
            by_topic[slot].1.push(partition);
        }
        let topics = by_topic.into_iter().map(|(topic, partitions)| {
            let topic = &self.plan.topics.names[topic];
            FetchTopic {
                topic: topic.name.clone(),
                topic_id: topic.id,
                partitions,
                ..FetchTopic::default()
            }
        });
        FetchRequest {
            replica_id: -1,
            max_wait_ms: self.plan.wait_ms_max,
            min_bytes: self.plan.bytes_min,
            max_bytes: self.plan.bytes_max,
            // Without a session: every fetch names all it wants.
            session_epoch: -1,
            topics: topics.collect(),
            ..FetchRequest::default()
        }
    }
}

/// Count the whole batches of an answer, and move on behind them.
fn read(
    plan: &ConsumePlan,
    records: &Records,
    position: &mut Position,
    now: Nanoseconds,
    tally: &mut Tally,
    brought: &mut Brought,
) -> Result<(), Failure> {
    let broken = |error: &dyn std::fmt::Display| {
        let place = &plan.topics.places[position.place];
        let name = &plan.topics.names[place.topic].name;
        Failure::Failed(format!(
            "{name}-{}: broken records: {error}",
            place.partition
        ))
    };
    let mut batches = Batches::new(records.to_bytes());
    let mut next = position.next;
    // The last one may be cut off.
    while let Some(batch) = batches.next_whole().map_err(|error| broken(&error))? {
        if plan.checks_crcs {
            batch.verify_crc().map_err(|error| broken(&error))?;
        }
        if batch.next_offset() <= next {
            continue;
        }
        next = batch.next_offset();
        brought.records += u64::from(batch.records_count());
        brought.bytes += batch.size_bytes() as u64;
        if let Some(run) = plan.stamp {
            let records = batch.records(DECOMPRESSED_BYTES_MAX);
            for record in &records.map_err(|error| broken(&error))? {
                let record = record.map_err(|error| broken(&error))?;
                if let Some(due) = record.value.and_then(|value| stamp_of(value, run)) {
                    tally.reached(now, due);
                }
            }
        }
    }
    position.next = next;
    Ok(())
}
