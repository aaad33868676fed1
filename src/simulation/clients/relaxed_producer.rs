//! A client of a topic that acknowledges from memory: it makes the topic, writes to it, switches it
//! to synced acknowledgements and back, and finds out after each life of the broker what is left.

use std::time::Duration;

use crate::model::{ErrorCode, Uuid};
use crate::protocol::compression::Compression;
use crate::protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use crate::protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use crate::protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use crate::protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use crate::protocol::messages::{
    CreateTopicsRequest, FetchRequest, FetchResponse, IncrementalAlterConfigsRequest,
    ListOffsetsResponse, MetadataResponse, ProduceRequest, ProduceResponse,
};
use crate::protocol::{AnyRequest, AnyResponse, Records};
use crate::simulation::clock::SimulatedTime;
use crate::simulation::oracle::{FLUSH_SLACK, FlushBounds, PartitionName, Rule};
use crate::stdx::Random;

use super::consumer::{LATEST, Position, list_offsets};
use super::records::RecordRange;
use super::{Behaviour, Link, metadata_of, topic_in};

/// The topic.
const TOPIC: &str = "relaxed";

/// The number of the records' producer, which no other has.
const PRODUCER: u32 = 2_000_000;

/// Bytes of an answer.
const FETCH_BYTES_MAX: i32 = 1 << 20;

const RESOURCE_TOPIC: i8 = 2;
const DURABILITY: &str = "forebay.durability";

/// What such a client is to do.
#[derive(Clone, Copy, Debug)]
pub struct RelaxedPlan {
    bounds: FlushBounds,
    /// False if the topic is made without them all the same.
    sets_bounds: bool,
    records: u32,
    in_flight_max: usize,
    value_bytes_max: u64,
}

impl RelaxedPlan {
    /// Some plan.
    #[must_use]
    pub fn from_random(random: &mut Random, sets_bounds: bool) -> Self {
        let mut pick = |values: &[i64]| {
            let place = random.below(values.len() as u64);
            values[usize::try_from(place).expect("a small number")]
        };
        Self {
            bounds: FlushBounds {
                messages: pick(&[1, 2, 10, 40, i64::MAX]),
                ms: pick(&[0, 20, 500]),
            },
            sets_bounds,
            records: u32::try_from(pick(&[50, 200])).expect("small"),
            in_flight_max: usize::try_from(pick(&[1, 3])).expect("small"),
            value_bytes_max: pick(&[100, 100, 30_000]).unsigned_abs(),
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    Create,
    /// The topic's id, and whether it is there.
    Look,
    /// Where the log ends in this life.
    AskEnd,
    /// What it holds up to there.
    Read {
        end: i64,
    },
    Write,
    Switch,
}

/// The client.
#[derive(Debug)]
pub struct RelaxedProducer {
    plan: RelaxedPlan,
    partition: PartitionName,
    topic_id: Option<Uuid>,
    step: Step,
    /// The life of the broker that is asked, and of which it is known what it began with.
    asked_life: u64,
    known_life: Option<u64>,
    position: Position,
    next_number: u32,
    /// Sent on this connection, and not answered; each with whether its topic was synced.
    sent: Vec<(RecordRange, bool)>,
    /// True if the last switch to synced acknowledgements was answered on this connection, and
    /// none back was asked for.
    is_synced: bool,
    last_acknowledged: SimulatedTime,
    is_rested: bool,
    is_connected: bool,
}

impl RelaxedProducer {
    /// A client that did nothing yet.
    #[must_use]
    pub fn new(plan: RelaxedPlan) -> Self {
        let partition = (TOPIC.to_owned(), 0);
        Self {
            plan,
            position: Position::at_start(partition.clone()),
            partition,
            topic_id: None,
            step: Step::Create,
            asked_life: 0,
            known_life: None,
            next_number: 0,
            sent: Vec::new(),
            is_synced: false,
            last_acknowledged: SimulatedTime::default(),
            is_rested: false,
            is_connected: false,
        }
    }

    fn is_written(&self) -> bool {
        self.next_number >= self.plan.records && self.sent.is_empty()
    }

    fn advance(&mut self, link: &mut Link<'_>) {
        if !self.is_connected || link.session.wants_to_leave() || self.is_rested {
            return;
        }
        let is_busy = link.session.unanswered_count() > 0;
        match self.step {
            Step::Write => self.write(link),
            _ if is_busy => {}
            Step::Create => link.send(self.creation(), 2, 7),
            Step::Look => link.send(metadata_of(TOPIC), 10, 13),
            Step::AskEnd => {
                self.asked_life = link.oracle.lives_ended();
                link.send(list_offsets(TOPIC, &[0], LATEST), 1, 11);
            }
            Step::Read { .. } => link.send(self.fetch(), 12, 12),
            Step::Switch => self.switch(link),
        }
    }

    fn creation(&self) -> CreateTopicsRequest {
        let bounds = self.plan.bounds;
        let mut configs = vec![(DURABILITY, "relaxed".to_owned())];
        if self.plan.sets_bounds {
            configs.push(("flush.messages", bounds.messages.to_string()));
            configs.push(("flush.ms", bounds.ms.to_string()));
        }
        let setting = |(name, value): (&str, String)| CreatableTopicConfig {
            name: name.to_owned(),
            value: Some(value),
            ..Default::default()
        };
        CreateTopicsRequest {
            topics: vec![CreatableTopic {
                name: TOPIC.to_owned(),
                num_partitions: 1,
                replication_factor: 1,
                configs: configs.into_iter().map(setting).collect(),
                ..Default::default()
            }],
            timeout_ms: 30_000,
            ..Default::default()
        }
    }

    fn fetch(&self) -> FetchRequest {
        FetchRequest {
            min_bytes: 1,
            max_wait_ms: 10,
            max_bytes: FETCH_BYTES_MAX,
            topics: vec![FetchTopic {
                topic: TOPIC.to_owned(),
                topic_id: self.topic_id.expect("it was learned before"),
                partitions: vec![FetchPartition {
                    fetch_offset: self.position.offset.unwrap_or(0),
                    partition_max_bytes: FETCH_BYTES_MAX,
                    ..Default::default()
                }],
                ..Default::default()
            }],
            ..Default::default()
        }
    }

    fn switch(&mut self, link: &mut Link<'_>) {
        let value = if self.is_synced { "relaxed" } else { "synced" };
        self.is_synced = false;
        let request = IncrementalAlterConfigsRequest {
            resources: vec![AlterConfigsResource {
                resource_type: RESOURCE_TOPIC,
                resource_name: TOPIC.to_owned(),
                configs: vec![AlterableConfig {
                    name: DURABILITY.to_owned(),
                    value: Some(value.to_owned()),
                    ..Default::default()
                }],
                ..Default::default()
            }],
            ..Default::default()
        };
        link.send(request, 0, 1);
    }

    fn write(&mut self, link: &mut Link<'_>) {
        if self.is_written() {
            return self.rest(link);
        }
        while link.session.unanswered_count() < self.plan.in_flight_max
            && self.next_number < self.plan.records
        {
            if link.random.chance(1, 12) {
                if link.session.unanswered_count() == 0 {
                    self.step = Step::Switch;
                    self.advance(link);
                }
                return;
            }
            self.send_some(link);
            if link.random.chance(1, 3) {
                return link.wake_within(Duration::from_millis(30));
            }
        }
    }

    fn send_some(&mut self, link: &mut Link<'_>) {
        let left = u64::from(self.plan.records - self.next_number);
        let range = RecordRange {
            producer: PRODUCER,
            first: self.next_number,
            count: 1 + u32::try_from(link.random.below(left.min(6))).expect("few"),
            value_bytes_max: self.plan.value_bytes_max,
        };
        self.next_number += range.count;
        self.sent.push((range, self.is_synced));
        let now_ms = link.now.wall_ms();
        let batch = range.batch(
            &self.partition,
            None,
            Compression::None,
            now_ms,
            link.oracle,
        );
        let request = ProduceRequest {
            acks: if link.random.chance(1, 2) { 1 } else { -1 },
            timeout_ms: 30_000,
            topic_data: vec![TopicProduceData {
                name: TOPIC.to_owned(),
                topic_id: self.topic_id.expect("it was learned before"),
                partition_data: vec![PartitionProduceData {
                    index: 0,
                    records: Some(Records::from(batch)),
                    ..Default::default()
                }],
                ..Default::default()
            }],
            ..Default::default()
        };
        link.send(request, 7, 13);
    }

    /// Everything is acknowledged: by the end of the rest it has to be synced.
    fn rest(&mut self, link: &mut Link<'_>) {
        let flush_ms = self.plan.bounds.ms.unsigned_abs();
        let longest = Duration::from_millis(flush_ms) + FLUSH_SLACK;
        let until = self.last_acknowledged.plus(longest);
        if link.now > until {
            self.is_rested = true;
        } else {
            link.session.wake_at(until.plus_nanos(1));
        }
    }

    fn on_end(&mut self, link: &mut Link<'_>, response: &ListOffsetsResponse) {
        let part = response.topics.first();
        let part = part.and_then(|topic| topic.partitions.first());
        let Some(part) = part.filter(|part| part.error_code == 0) else {
            return link.session.leave();
        };
        // The answer of a life that has ended meanwhile says nothing of the next.
        if self.asked_life != link.oracle.lives_ended() {
            return link.session.leave();
        }
        link.oracle.on_end(&self.partition, part.offset);
        self.known_life = Some(self.asked_life);
        self.position = Position::at_start(self.partition.clone());
        self.position.on_start(link, 0);
        self.step = Step::Read { end: part.offset };
        self.go_on_reading(link, part.offset);
    }

    fn go_on_reading(&mut self, link: &mut Link<'_>, end: i64) {
        if self.position.offset.is_some_and(|offset| offset >= end) {
            self.step = Step::Write;
        }
        self.advance(link);
    }

    fn on_fetched(&mut self, link: &mut Link<'_>, response: &FetchResponse) {
        let part = response.responses.first();
        let part = part.and_then(|topic| topic.partitions.first());
        match (part.filter(|part| part.error_code == 0), self.step) {
            (Some(part), Step::Read { end }) => {
                self.position.on_fetched(link, part);
                self.go_on_reading(link, end);
            }
            _ => link.session.leave(),
        }
    }

    fn on_produced(&mut self, link: &mut Link<'_>, response: &ProduceResponse) {
        let (range, was_synced) = self.sent.remove(0);
        let part = response.responses.first();
        let part = part.and_then(|topic| topic.partition_responses.first());
        let Some(part) = part.filter(|part| part.error_code == 0) else {
            return link.session.leave();
        };
        let (partition, base_offset) = (&self.partition, part.base_offset);
        link.oracle
            .on_acknowledged(partition, base_offset, range.names());
        let end = base_offset + i64::from(range.count);
        link.oracle
            .on_relaxed_acknowledged(partition, end, link.now, was_synced);
        self.last_acknowledged = link.now;
        self.advance(link);
    }

    fn on_metadata(&mut self, link: &mut Link<'_>, response: &MetadataResponse) {
        match topic_in(response, TOPIC) {
            Some((id, _)) => {
                self.topic_id = Some(id);
                self.step = match self.known_life == Some(link.oracle.lives_ended()) {
                    true => Step::Write,
                    false => Step::AskEnd,
                };
                self.advance(link);
            }
            None => link.wake_within(Duration::from_millis(50)),
        }
    }

    fn on_created(&mut self, link: &mut Link<'_>, code: i16) {
        match ErrorCode::from_code(code) {
            Some(ErrorCode::None | ErrorCode::TopicAlreadyExists) => {
                link.oracle.on_relaxed(&self.partition, self.plan.bounds);
                self.step = Step::Look;
                self.advance(link);
            }
            Some(
                ErrorCode::NotController
                | ErrorCode::CoordinatorNotAvailable
                | ErrorCode::RequestTimedOut,
            ) => link.wake_within(Duration::from_millis(50)),
            error => {
                let what = format!("{TOPIC} is not made: {error:?}");
                link.oracle.violate(Rule::NoWrongRefusal, what);
            }
        }
    }
}

impl Behaviour for RelaxedProducer {
    fn on_connected(&mut self, link: &mut Link<'_>) {
        self.is_connected = true;
        self.is_synced = false;
        self.sent.clear();
        if self.step != Step::Create {
            self.step = Step::Look;
        }
        self.advance(link);
    }

    fn on_answer(&mut self, link: &mut Link<'_>, request: AnyRequest, response: AnyResponse) {
        match response {
            AnyResponse::CreateTopics(response) => {
                let code = response.topics.first().map_or(0, |topic| topic.error_code);
                self.on_created(link, code);
            }
            AnyResponse::Metadata(response) => self.on_metadata(link, &response),
            AnyResponse::ListOffsets(response) => self.on_end(link, &response),
            AnyResponse::Fetch(response) => self.on_fetched(link, &response),
            AnyResponse::Produce(response) => self.on_produced(link, &response),
            AnyResponse::IncrementalAlterConfigs(response) => {
                let AnyRequest::IncrementalAlterConfigs(request) = request else {
                    unreachable!("the answer is to a request of its kind")
                };
                let setting = &request.resources[0].configs[0];
                let is_done = response.responses.iter().all(|one| one.error_code == 0);
                self.is_synced = is_done && setting.value.as_deref() == Some("synced");
                self.step = Step::Write;
                self.advance(link);
            }
            other => unreachable!("{request:?} is not answered by {other:?}"),
        }
    }

    fn on_disconnected(&mut self, _link: &mut Link<'_>) {
        self.is_connected = false;
        self.sent.clear();
    }

    fn on_wake(&mut self, link: &mut Link<'_>) {
        self.advance(link);
    }

    fn is_finished(&self) -> bool {
        self.is_rested
    }
}
