//! A producer: plain or idempotent, with several requests in flight, sending again after every loss
//! of its connection what was not acknowledged.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::{ErrorCode, ProducerEpoch, ProducerId, Uuid};
use crate::protocol::compression::Compression;
use crate::protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use crate::protocol::messages::{MetadataResponse, ProduceRequest, ProduceResponse};
use crate::protocol::{AnyRequest, AnyResponse, Records};
use crate::simulation::oracle::{PartitionName, Rule};
use crate::stdx::Random;

use super::records::{RecordRange, Sequence};
use super::{Behaviour, Link, metadata_of, producer_id_wanted, topic_in};

/// What a producer is to do.
#[derive(Clone, Debug)]
pub struct ProducerPlan {
    /// Its number in the world.
    pub number: u32,
    /// The topic.
    pub topic: String,
    /// Records for each partition.
    pub records_per_partition: u32,
    /// True for an idempotent producer.
    pub is_idempotent: bool,
    /// What it waits for: 0, 1 or -1 for all.
    pub acks: i16,
    /// Requests in flight.
    pub in_flight_max: usize,
    /// Records of a batch.
    pub batch_records_max: u32,
    /// Bytes of a value.
    pub value_bytes_max: u64,
}

impl ProducerPlan {
    /// Some plan for the producer `number`.
    #[must_use]
    pub fn from_random(random: &mut Random, number: u32, topic: &str) -> Self {
        let is_idempotent = random.chance(2, 3);
        let large = random.chance(1, 4);
        Self {
            number,
            topic: topic.to_owned(),
            records_per_partition: 40 + u32::try_from(random.below(120)).expect("small"),
            is_idempotent,
            acks: match random.below(6) {
                _ if is_idempotent => -1,
                0 => 0,
                1 | 2 => 1,
                _ => -1,
            },
            in_flight_max: 1 + usize::try_from(random.below(5)).expect("small"),
            batch_records_max: 1 + u32::try_from(random.below(20)).expect("small"),
            value_bytes_max: if large { 20_000 } else { 300 },
        }
    }
}

#[derive(Debug)]
struct Batch {
    range: RecordRange,
    first_sequence: i32,
    compression: Compression,
    timestamp: i64,
    is_sent: bool,
    /// The broker's life in which it was sent first.
    first_sent_in: Option<u64>,
}

#[derive(Debug)]
struct Queue {
    partition: PartitionName,
    next_number: u32,
    next_sequence: i32,
    batches: VecDeque<Batch>,
}

/// A producer.
#[derive(Debug)]
pub struct Producer {
    plan: ProducerPlan,
    topic_id: Option<Uuid>,
    id: Option<(ProducerId, ProducerEpoch)>,
    queues: Vec<Queue>,
    is_connected: bool,
}

impl Producer {
    /// A producer that did nothing yet.
    #[must_use]
    pub const fn new(plan: ProducerPlan) -> Self {
        Self {
            plan,
            topic_id: None,
            id: None,
            queues: Vec::new(),
            is_connected: false,
        }
    }

    fn advance(&mut self, link: &mut Link<'_>) {
        if !self.is_connected || link.session.wants_to_leave() {
            return;
        }
        if self.topic_id.is_none() {
            if link.session.unanswered_count() == 0 {
                link.send(metadata_of(&self.plan.topic), 10, 13);
            }
            return;
        }
        if self.plan.is_idempotent && self.id.is_none() {
            if link.session.unanswered_count() == 0 {
                link.send(producer_id_wanted(), 0, 5);
            }
            return;
        }
        while link.session.unanswered_count() < self.plan.in_flight_max && self.send_some(link) {
            // A pause now and then, so that not all is one burst.
            if link.random.chance(1, 4) {
                link.wake_within(Duration::from_millis(20));
                return;
            }
        }
    }

    /// Send one request with a batch for each of some partitions. False if there is none.
    fn send_some(&mut self, link: &mut Link<'_>) -> bool {
        let wants_all = link.random.chance(1, 3);
        let start = usize::try_from(link.random.below(self.queues.len() as u64)).expect("few");
        let mut partition_data = Vec::new();
        for place in 0..self.queues.len() {
            let place = (start + place) % self.queues.len();
            if !partition_data.is_empty() && !wants_all {
                break;
            }
            if let Some(data) = self.next_data(place, link) {
                partition_data.push(data);
            }
        }
        if partition_data.is_empty() {
            return false;
        }
        let request = ProduceRequest {
            acks: self.plan.acks,
            timeout_ms: 30_000,
            topic_data: vec![TopicProduceData {
                name: self.plan.topic.clone(),
                topic_id: self.topic_id.expect("it was learned before"),
                partition_data,
                ..Default::default()
            }],
            ..Default::default()
        };
        // Zstandard needs version 7.
        link.send(request, 7, 13);
        true
    }

    fn next_data(&mut self, place: usize, link: &mut Link<'_>) -> Option<PartitionProduceData> {
        let plan = &self.plan;
        let queue = &mut self.queues[place];
        let index = match queue.batches.iter().position(|batch| !batch.is_sent) {
            Some(index) => index,
            None if queue.next_number < plan.records_per_partition => {
                let left = plan.records_per_partition - queue.next_number;
                let most = u64::from(plan.batch_records_max.min(left));
                let count = 1 + u32::try_from(link.random.below(most)).expect("few");
                let kind = usize::try_from(link.random.below(8)).expect("few");
                queue.batches.push_back(Batch {
                    range: RecordRange {
                        producer: plan.number,
                        first: queue.next_number,
                        count,
                        value_bytes_max: plan.value_bytes_max,
                    },
                    first_sequence: queue.next_sequence,
                    compression: Compression::ALL.get(kind).copied().unwrap_or_default(),
                    timestamp: link.now.wall_ms(),
                    is_sent: false,
                    first_sent_in: None,
                });
                queue.next_number += count;
                queue.next_sequence += i32::try_from(count).expect("few");
                queue.batches.len() - 1
            }
            None => return None,
        };
        let batch = &mut queue.batches[index];
        batch.is_sent = true;
        batch.first_sent_in.get_or_insert(link.starts);
        let sequence = self.id.map(|(id, epoch)| Sequence {
            id,
            epoch,
            first: batch.first_sequence,
        });
        let bytes = batch.range.batch(
            &queue.partition,
            sequence,
            batch.compression,
            batch.timestamp,
            link.oracle,
        );
        if plan.acks == 0 {
            queue.batches.remove(index);
        }
        Some(PartitionProduceData {
            index: queue.partition.1,
            records: Some(Records::from(bytes)),
            ..Default::default()
        })
    }

    fn on_metadata(&mut self, link: &mut Link<'_>, response: &MetadataResponse) {
        link.oracle.on_cluster_id(response.cluster_id.as_deref());
        let Some((id, count)) = topic_in(response, &self.plan.topic) else {
            return link.wake_within(Duration::from_millis(50));
        };
        self.topic_id = Some(id);
        if self.queues.is_empty() {
            let queue = |partition| Queue {
                partition: (self.plan.topic.clone(), partition),
                next_number: 0,
                next_sequence: 0,
                batches: VecDeque::new(),
            };
            self.queues = (0..count).map(queue).collect();
        }
        self.advance(link);
    }

    fn on_produced(&mut self, link: &mut Link<'_>, response: ProduceResponse) {
        let parts = response
            .responses
            .into_iter()
            .flat_map(|topic| topic.partition_responses);
        for part in parts {
            let place = usize::try_from(part.index).unwrap_or(usize::MAX);
            let may_be_forgotten = self.may_be_forgotten(place, link.starts);
            let Some(queue) = self.queues.get_mut(place) else {
                let what = format!("an answer about partition {}", part.index);
                return link.oracle.violate(Rule::AnswersInOrder, what);
            };
            match ErrorCode::from_code(part.error_code) {
                Some(ErrorCode::None) => {
                    let batch = queue.batches.pop_front();
                    let batch = batch.expect("what was sent is kept until it is acknowledged");
                    if part.base_offset >= 0 {
                        link.oracle.on_acknowledged(
                            &queue.partition,
                            part.base_offset,
                            batch.range.names(),
                        );
                    }
                }
                Some(ErrorCode::OutOfOrderSequenceNumber | ErrorCode::UnknownProducerId)
                    if may_be_forgotten =>
                {
                    self.begin_anew(link);
                    return link.session.leave();
                }
                Some(
                    ErrorCode::NotLeaderOrFollower
                    | ErrorCode::KafkaStorageError
                    | ErrorCode::NotEnoughReplicas
                    | ErrorCode::UnknownTopicOrPartition
                    | ErrorCode::UnknownTopicId,
                ) => return link.session.leave(),
                error => {
                    let partition = &queue.partition;
                    let what = format!(
                        "{partition:?} of producer {}: {error:?} for {:?}",
                        self.plan.number,
                        queue.batches.front()
                    );
                    link.oracle.violate(Rule::NoWrongRefusal, what);
                    return link.session.leave();
                }
            }
        }
        self.advance(link);
    }

    /// A snapshot of producers holds the last batch of each, as Kafka's does: after a start of the
    /// broker an older one that was in flight is not known as sent before.
    fn may_be_forgotten(&self, place: usize, starts: u64) -> bool {
        let front = self
            .queues
            .get(place)
            .and_then(|queue| queue.batches.front());
        front.is_some_and(|batch| batch.first_sent_in.is_some_and(|sent_in| sent_in < starts))
    }

    /// Get another id; what was sent may then be there twice.
    fn begin_anew(&mut self, link: &mut Link<'_>) {
        self.id = None;
        for queue in &mut self.queues {
            let mut next_sequence = 0;
            for batch in &mut queue.batches {
                if batch.first_sent_in.is_some() {
                    for name in batch.range.names() {
                        link.oracle.on_repeated(&queue.partition, name);
                    }
                }
                batch.first_sequence = next_sequence;
                next_sequence += i32::try_from(batch.range.count).expect("few");
            }
            queue.next_sequence = next_sequence;
        }
    }
}

impl Behaviour for Producer {
    fn on_connected(&mut self, link: &mut Link<'_>) {
        self.is_connected = true;
        if self.plan.is_idempotent {
            link.oracle.on_idempotent(self.plan.number);
        }
        for batch in self.queues.iter_mut().flat_map(|queue| &mut queue.batches) {
            batch.is_sent = false;
        }
        self.advance(link);
    }

    fn on_answer(&mut self, link: &mut Link<'_>, request: AnyRequest, response: AnyResponse) {
        match response {
            AnyResponse::Metadata(response) => self.on_metadata(link, &response),
            AnyResponse::InitProducerId(response) => {
                match ErrorCode::from_code(response.error_code) {
                    Some(ErrorCode::None) => {
                        link.oracle.on_producer_id(response.producer_id);
                        self.id = Some((response.producer_id, response.producer_epoch));
                        self.advance(link);
                    }
                    Some(ErrorCode::CoordinatorLoadInProgress) => {
                        link.wake_within(Duration::from_millis(50));
                    }
                    error => {
                        let what = format!("no producer id: {error:?}");
                        link.oracle.violate(Rule::NoWrongRefusal, what);
                    }
                }
            }
            AnyResponse::Produce(response) => self.on_produced(link, response),
            other => unreachable!("{request:?} is not answered by {other:?}"),
        }
    }

    fn on_disconnected(&mut self, _link: &mut Link<'_>) {
        self.is_connected = false;
    }

    fn on_wake(&mut self, link: &mut Link<'_>) {
        self.advance(link);
    }

    fn is_finished(&self) -> bool {
        let is_done = |queue: &Queue| {
            queue.batches.is_empty() && queue.next_number == self.plan.records_per_partition
        };
        !self.queues.is_empty() && self.queues.iter().all(is_done)
    }

    fn progress(&self) -> String {
        let done = |queue: &Queue| {
            let (all, open) = (queue.next_number, queue.batches.len());
            format!("{}: {all} ({open} open)", queue.partition.1)
        };
        let queues: Vec<String> = self.queues.iter().map(done).collect();
        format!("{:?} {:?} {}", self.plan, self.id, queues.join(", "))
    }
}
