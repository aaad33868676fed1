//! A producer of a cluster: writes to one partition with `acks=all`, finds its leader anew whenever
//! it is refused, and sends again what was not acknowledged.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::{BrokerId, ErrorCode, ProducerEpoch, ProducerId, Uuid};
use crate::protocol::compression::Compression;
use crate::protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use crate::protocol::messages::{ProduceRequest, ProduceResponse};
use crate::protocol::{AnyRequest, AnyResponse, Records};
use crate::simulation::oracle::{PartitionName, Rule};
use crate::stdx::Random;

use super::records::{RecordRange, Sequence};
use super::{Behaviour, Link, metadata_of_made, partition_in, producer_id_wanted};

/// How long a leader may wait for the replicas in sync before it says that they are late.
const PRODUCE_TIMEOUT_MS: i32 = 1_500;

/// What a writer is to do.
#[derive(Clone, Debug)]
pub struct WriterPlan {
    number: u32,
    partition: PartitionName,
    /// What it waits for: -1 for all, as long as there is no bug.
    acks: i16,
    records: u32,
    is_idempotent: bool,
    in_flight_max: usize,
    batch_records_max: u32,
    value_bytes_max: u64,
    /// The longest pause between two requests, in milliseconds.
    pause_ms: u64,
}

impl WriterPlan {
    /// Some plan for the producer `number` of the world.
    #[must_use]
    pub fn from_random(
        random: &mut Random,
        number: u32,
        partition: PartitionName,
        acks: i16,
    ) -> Self {
        Self {
            number,
            partition,
            acks,
            records: 150 + u32::try_from(random.below(300)).expect("small"),
            is_idempotent: random.chance(2, 3),
            in_flight_max: 1 + usize::try_from(random.below(5)).expect("small"),
            batch_records_max: 1 + u32::try_from(random.below(8)).expect("small"),
            value_bytes_max: if random.chance(1, 4) { 20_000 } else { 300 },
            pause_ms: 1 + random.below(100),
        }
    }
}

#[derive(Debug)]
struct Batch {
    range: RecordRange,
    first_sequence: i32,
    timestamp: i64,
    is_sent: bool,
    /// How often brokers had been started when it was sent first.
    first_sent_in: Option<u64>,
}

/// A producer of a cluster.
#[derive(Debug)]
pub struct Writer {
    plan: WriterPlan,
    /// The topic's id and who leads, once that was told on this connection.
    target: Option<(Uuid, BrokerId)>,
    id: Option<(ProducerId, ProducerEpoch)>,
    next_number: u32,
    next_sequence: i32,
    batches: VecDeque<Batch>,
    /// Batches that have to be acknowledged before there may be several in flight. A broker that
    /// refuses one takes the next, if it knows nothing of the producer: so Java's client, too,
    /// begins with one batch and sends again one by one.
    alone: usize,
    is_connected: bool,
}

impl Writer {
    /// A producer that did nothing yet.
    #[must_use]
    pub const fn new(plan: WriterPlan) -> Self {
        Self {
            plan,
            target: None,
            id: None,
            next_number: 0,
            next_sequence: 0,
            batches: VecDeque::new(),
            alone: 1,
            is_connected: false,
        }
    }

    fn advance(&mut self, link: &mut Link<'_>) {
        if !self.is_connected || link.session.wants_to_leave() || self.is_finished() {
            return;
        }
        let is_idle = link.session.unanswered_count() == 0;
        let Some((topic_id, leader)) = self.target else {
            if is_idle {
                link.send(metadata_of_made(&self.plan.partition.0), 10, 13);
            }
            return;
        };
        if leader != link.node {
            return link.session.leave();
        }
        if self.plan.is_idempotent && self.id.is_none() {
            if is_idle {
                link.send(producer_id_wanted(), 0, 5);
            }
            return;
        }
        let in_flight_max = match self.alone {
            0 => self.plan.in_flight_max,
            _ => 1,
        };
        while link.session.unanswered_count() < in_flight_max {
            if !self.send_one(link, topic_id) {
                return;
            }
            if link.random.chance(1, 3) {
                return link.wake_within(Duration::from_millis(self.plan.pause_ms));
            }
        }
    }

    /// Send one batch. False if there is none.
    fn send_one(&mut self, link: &mut Link<'_>, topic_id: Uuid) -> bool {
        let unsent = self.batches.iter().position(|batch| !batch.is_sent);
        let Some(place) = unsent.or_else(|| self.make_batch(link)) else {
            return false;
        };
        let batch = &mut self.batches[place];
        batch.is_sent = true;
        batch.first_sent_in.get_or_insert(link.starts);
        let sequence = self.id.map(|(id, epoch)| Sequence {
            id,
            epoch,
            first: batch.first_sequence,
        });
        let (partition, at) = (&self.plan.partition, batch.timestamp);
        let bytes = batch
            .range
            .batch(partition, sequence, Compression::None, at, link.oracle);
        let request = ProduceRequest {
            acks: self.plan.acks,
            timeout_ms: PRODUCE_TIMEOUT_MS,
            topic_data: vec![TopicProduceData {
                name: partition.0.clone(),
                topic_id,
                partition_data: vec![PartitionProduceData {
                    index: partition.1,
                    records: Some(Records::from(bytes)),
                    ..Default::default()
                }],
                ..Default::default()
            }],
            ..Default::default()
        };
        link.send(request, 3, 13);
        true
    }

    fn make_batch(&mut self, link: &mut Link<'_>) -> Option<usize> {
        let left = self.plan.records - self.next_number;
        let most = u64::from(self.plan.batch_records_max.min(left));
        if most == 0 {
            return None;
        }
        let count = 1 + u32::try_from(link.random.below(most)).expect("few");
        self.batches.push_back(Batch {
            range: RecordRange {
                producer: self.plan.number,
                first: self.next_number,
                count,
                value_bytes_max: self.plan.value_bytes_max,
            },
            first_sequence: self.next_sequence,
            timestamp: link.now.wall_ms(),
            is_sent: false,
            first_sent_in: None,
        });
        self.next_number += count;
        self.next_sequence += i32::try_from(count).expect("few");
        Some(self.batches.len() - 1)
    }

    fn on_produced(&mut self, link: &mut Link<'_>, response: &ProduceResponse) {
        let topic = response.responses.first();
        let part = topic.and_then(|topic| topic.partition_responses.first());
        let error = part.map(|part| (ErrorCode::from_code(part.error_code), part.base_offset));
        let front = self.batches.front();
        let may_be_forgotten = front
            .and_then(|batch| batch.first_sent_in)
            .is_some_and(|sent_in| sent_in < link.starts);
        match error {
            Some((Some(ErrorCode::None), base_offset)) => {
                let batch = self.batches.pop_front();
                let batch = batch.expect("what was sent is kept until it is acknowledged");
                self.alone = self.alone.saturating_sub(1);
                let (partition, names) = (&self.plan.partition, batch.range.names());
                link.oracle.on_acknowledged(partition, base_offset, names);
                self.advance(link);
            }
            // After a start a producer is known by its last batch alone, as in Apache Kafka.
            Some((Some(ErrorCode::OutOfOrderSequenceNumber | ErrorCode::UnknownProducerId), _))
                if may_be_forgotten =>
            {
                self.begin_anew(link);
                link.session.leave();
            }
            Some((
                Some(
                    ErrorCode::NotLeaderOrFollower
                    | ErrorCode::LeaderNotAvailable
                    | ErrorCode::NotEnoughReplicas
                    | ErrorCode::NotEnoughReplicasAfterAppend
                    | ErrorCode::RequestTimedOut
                    | ErrorCode::UnknownTopicOrPartition
                    | ErrorCode::UnknownTopicId
                    | ErrorCode::KafkaStorageError,
                ),
                _,
            )) => link.session.leave(),
            refused => {
                let what = format!("{:?}: {refused:?} for {front:?}", self.plan);
                link.oracle.violate(Rule::NoWrongRefusal, what);
            }
        }
    }

    /// Get another id; what was sent may then be there twice.
    fn begin_anew(&mut self, link: &mut Link<'_>) {
        self.id = None;
        self.next_sequence = 0;
        for batch in &mut self.batches {
            if batch.first_sent_in.is_some() {
                for name in batch.range.names() {
                    link.oracle.on_repeated(&self.plan.partition, name);
                }
            }
            batch.first_sequence = self.next_sequence;
            self.next_sequence += i32::try_from(batch.range.count).expect("few");
        }
    }
}

impl Behaviour for Writer {
    fn on_connected(&mut self, link: &mut Link<'_>) {
        self.is_connected = true;
        self.target = None;
        if self.plan.is_idempotent {
            link.oracle.on_idempotent(self.plan.number);
        }
        for batch in &mut self.batches {
            batch.is_sent = false;
        }
        let sent = self
            .batches
            .iter()
            .filter(|batch| batch.first_sent_in.is_some());
        self.alone = self.alone.max(sent.count());
        self.advance(link);
    }

    fn on_answer(&mut self, link: &mut Link<'_>, request: AnyRequest, response: AnyResponse) {
        match response {
            AnyResponse::Metadata(response) => {
                link.oracle.on_cluster_id(response.cluster_id.as_deref());
                let found = partition_in(&response, &self.plan.partition);
                self.target = found.map(|(id, leader, _)| (id, leader));
                match self.target {
                    Some(_) => self.advance(link),
                    // Another node may know more.
                    None if link.random.chance(1, 4) => link.session.leave(),
                    None => link.wake_within(Duration::from_millis(100)),
                }
            }
            AnyResponse::InitProducerId(response) => {
                match ErrorCode::from_code(response.error_code) {
                    Some(ErrorCode::None) => {
                        link.oracle.on_producer_id(response.producer_id);
                        self.id = Some((response.producer_id, response.producer_epoch));
                        self.advance(link);
                    }
                    Some(
                        ErrorCode::CoordinatorLoadInProgress
                        | ErrorCode::CoordinatorNotAvailable
                        | ErrorCode::NotController
                        | ErrorCode::RequestTimedOut,
                    ) => link.wake_within(Duration::from_millis(100)),
                    error => {
                        let what = format!("no producer id: {error:?}");
                        link.oracle.violate(Rule::NoWrongRefusal, what);
                    }
                }
            }
            AnyResponse::Produce(response) => self.on_produced(link, &response),
            other => unreachable!("{request:?} is not answered by {other:?}"),
        }
    }

    fn on_disconnected(&mut self, _link: &mut Link<'_>) {
        self.is_connected = false;
    }

    fn on_wake(&mut self, link: &mut Link<'_>) {
        self.advance(link);
    }

    /// The leader, where the last connection told of one.
    fn wanted_node(&self) -> Option<BrokerId> {
        self.target.map(|(_, leader)| leader)
    }

    fn is_finished(&self) -> bool {
        self.next_number == self.plan.records && self.batches.is_empty()
    }

    fn progress(&self) -> String {
        let (done, open) = (self.next_number, self.batches.len());
        let front = self.batches.front();
        format!(
            "{:?} {:?}: {done} ({open} open from {front:?})",
            self.plan, self.target
        )
    }
}
