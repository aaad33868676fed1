//! An administrator: creates and deletes topics, deletes records.

use std::time::Duration;

use crate::model::ErrorCode;
use crate::protocol::compression::Compression;
use crate::protocol::messages::create_topics_request::CreatableTopic;
use crate::protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use crate::protocol::messages::delete_topics_request::DeleteTopicState;
use crate::protocol::messages::metadata_request::MetadataRequestTopic;
use crate::protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use crate::protocol::messages::{
    CreateTopicsRequest, DeleteRecordsRequest, DeleteTopicsRequest, MetadataRequest,
    ProduceRequest, ProduceResponse,
};
use crate::protocol::{AnyRequest, AnyResponse, Records};
use crate::simulation::oracle::Rule;

use super::consumer::{LATEST, list_offsets};
use super::records::RecordRange;
use super::{Behaviour, Link};

/// The number of the records' producer, which no other has.
const PRODUCER: u32 = 1_000_000;

/// How long another shard may take to learn of a change.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    Create,
    Look { exists: bool },
    Produce,
    Delete,
    AskEnd,
    DeleteRecords { before: i64 },
}

/// An administrator.
#[derive(Debug)]
pub struct Administrator {
    /// The topic whose records it deletes.
    topic: String,
    /// The topics that it creates have this in front of their names.
    prefix: String,
    rounds_left: u32,
    /// The number in the topic's name.
    round: u32,
    /// True if a topic that was deleted is created again.
    reuses_names: bool,
    is_kept: bool,
    has_looked: bool,
    /// Records produced so far.
    produced: u32,
    sent: Option<RecordRange>,
    step: Step,
    /// True if the step was asked for before, and its answer did not come.
    was_attempted: bool,
    is_connected: bool,
}

impl Administrator {
    /// An administrator with so many rounds to go.
    #[must_use]
    pub const fn new(topic: String, prefix: String, rounds: u32, reuses_names: bool) -> Self {
        Self {
            topic,
            prefix,
            rounds_left: rounds,
            round: 0,
            reuses_names,
            is_kept: false,
            has_looked: false,
            produced: 0,
            sent: None,
            step: Step::Create,
            was_attempted: false,
            is_connected: false,
        }
    }

    fn name(&self) -> String {
        format!("{}-{}", self.prefix, self.round)
    }

    fn advance(&mut self, link: &mut Link<'_>) {
        let is_busy = link.session.unanswered_count() > 0;
        if !self.is_connected || is_busy || link.session.wants_to_leave() || self.is_finished() {
            return;
        }
        let name = self.name();
        match self.step {
            Step::Create => {
                link.oracle.on_topic_changing(&name);
                let request = CreateTopicsRequest {
                    topics: vec![CreatableTopic {
                        name,
                        num_partitions: 1 + i32::try_from(link.random.below(4)).expect("small"),
                        replication_factor: 1,
                        ..Default::default()
                    }],
                    timeout_ms: 30_000,
                    ..Default::default()
                };
                link.send(request, 2, 7);
            }
            Step::Look { .. } => {
                let request = MetadataRequest {
                    topics: Some(vec![MetadataRequestTopic {
                        name: Some(name),
                        ..Default::default()
                    }]),
                    allow_auto_topic_creation: false,
                    ..Default::default()
                };
                link.send(request, 4, 13);
            }
            Step::Delete => {
                link.oracle.on_topic_changing(&name);
                let request = DeleteTopicsRequest {
                    topics: vec![DeleteTopicState {
                        name: Some(name.clone()),
                        ..Default::default()
                    }],
                    topic_names: vec![name],
                    timeout_ms: 30_000,
                    ..Default::default()
                };
                if link.random.chance(1, 2) {
                    let request = DeleteTopicsRequest {
                        topics: Vec::new(),
                        ..request
                    };
                    link.send(request, 1, 5);
                } else {
                    let request = DeleteTopicsRequest {
                        topic_names: Vec::new(),
                        ..request
                    };
                    link.send(request, 6, 6);
                }
            }
            Step::Produce => self.produce(link, name),
            Step::AskEnd => link.send(list_offsets(&self.topic, &[0], LATEST), 1, 11),
            Step::DeleteRecords { before } => {
                link.oracle
                    .on_delete_records(&(self.topic.clone(), 0), before);
                let request = DeleteRecordsRequest {
                    topics: vec![DeleteRecordsTopic {
                        name: self.topic.clone(),
                        partitions: vec![DeleteRecordsPartition {
                            partition_index: 0,
                            offset: before,
                            ..Default::default()
                        }],
                        ..Default::default()
                    }],
                    timeout_ms: 30_000,
                    ..Default::default()
                };
                link.send(request, 0, 2);
            }
        }
    }

    /// A few records for the new topic, which those of an older one of its name must not become.
    fn produce(&mut self, link: &mut Link<'_>, name: String) {
        let range = RecordRange {
            producer: PRODUCER,
            first: self.produced,
            count: 1 + u32::try_from(link.random.below(5)).expect("small"),
            value_bytes_max: 1000,
        };
        self.produced += range.count;
        self.sent = Some(range);
        let partition = (name.clone(), 0);
        let now_ms = link.now.wall_ms();
        let batch = range.batch(&partition, None, Compression::None, now_ms, link.oracle);
        let request = ProduceRequest {
            acks: -1,
            timeout_ms: 30_000,
            topic_data: vec![TopicProduceData {
                name,
                partition_data: vec![PartitionProduceData {
                    index: 0,
                    records: Some(Records::from(batch)),
                    ..Default::default()
                }],
                ..Default::default()
            }],
            ..Default::default()
        };
        link.send(request, 3, 12);
    }

    fn on_produced(&mut self, link: &mut Link<'_>, response: &ProduceResponse) {
        let topic = response.responses.first();
        let part = topic.and_then(|topic| topic.partition_responses.first());
        match (part.filter(|part| part.error_code == 0), self.sent) {
            (Some(part), Some(range)) => {
                let partition = (self.name(), 0);
                link.oracle
                    .on_acknowledged(&partition, part.base_offset, range.names());
                let is_deleted = link.random.chance(2, 3);
                self.go_on(
                    link,
                    if is_deleted {
                        Step::Delete
                    } else {
                        Step::AskEnd
                    },
                );
            }
            // The partition is not open yet, or its disk failed.
            _ => link.session.leave(),
        }
    }

    fn go_on(&mut self, link: &mut Link<'_>, step: Step) {
        if step == Step::Create {
            self.rounds_left -= 1;
            self.round += u32::from(self.is_kept || !self.reuses_names);
        }
        self.step = step;
        self.was_attempted = false;
        self.has_looked = false;
        link.wake_within(Duration::from_millis(150));
    }

    /// A change of topics was answered with `code`; `already` says that there was nothing to do.
    fn on_changed(&mut self, link: &mut Link<'_>, code: i16, already: ErrorCode, exists: bool) {
        let name = self.name();
        match ErrorCode::from_code(code) {
            Some(ErrorCode::None) => {}
            // The attempt before was successful.
            Some(error) if error == already && self.was_attempted => {}
            Some(
                ErrorCode::NotController
                | ErrorCode::CoordinatorNotAvailable
                | ErrorCode::RequestTimedOut,
            ) => return link.wake_within(Duration::from_millis(50)),
            error => {
                let what = format!("{:?} of {name}: {error:?}", self.step);
                link.oracle.violate(Rule::TopicsAreKept, what);
            }
        }
        link.oracle.on_topic_changed(&name, exists, false);
        self.is_kept = exists;
        self.go_on(link, Step::Look { exists });
    }
}

impl Behaviour for Administrator {
    fn on_connected(&mut self, link: &mut Link<'_>) {
        self.is_connected = true;
        self.advance(link);
    }

    fn on_answer(&mut self, link: &mut Link<'_>, request: AnyRequest, response: AnyResponse) {
        match response {
            AnyResponse::CreateTopics(response) => {
                let code = response.topics.first().map_or(0, |topic| topic.error_code);
                self.on_changed(link, code, ErrorCode::TopicAlreadyExists, true);
            }
            AnyResponse::DeleteTopics(response) => {
                let code = response
                    .responses
                    .first()
                    .map_or(0, |topic| topic.error_code);
                self.on_changed(link, code, ErrorCode::UnknownTopicOrPartition, false);
            }
            AnyResponse::Metadata(response) => {
                let Step::Look { exists } = self.step else {
                    unreachable!("only a look asks for metadata")
                };
                let code = response.topics.first().map_or(0, |topic| topic.error_code);
                let unknown = ErrorCode::UnknownTopicOrPartition as i16;
                if (code == unknown) == exists {
                    // Another shard may learn of a change a little later.
                    self.look_again(link, exists);
                } else if exists {
                    self.go_on(link, Step::Produce);
                } else {
                    self.go_on(link, Step::AskEnd);
                }
            }
            AnyResponse::Produce(response) => self.on_produced(link, &response),
            AnyResponse::ListOffsets(response) => {
                let part = response
                    .topics
                    .first()
                    .and_then(|topic| topic.partitions.first());
                match part.filter(|part| part.error_code == 0) {
                    Some(part) if part.offset > 0 && link.random.chance(1, 3) => {
                        let before = i64::try_from(link.random.below(part.offset.unsigned_abs()));
                        let before = before.expect("it is below an offset");
                        self.go_on(link, Step::DeleteRecords { before });
                    }
                    _ => self.go_on(link, Step::Create),
                }
            }
            AnyResponse::DeleteRecords(_) => self.go_on(link, Step::Create),
            other => unreachable!("{request:?} is not answered by {other:?}"),
        }
    }

    fn on_disconnected(&mut self, _link: &mut Link<'_>) {
        self.is_connected = false;
        self.was_attempted = true;
    }

    fn on_wake(&mut self, link: &mut Link<'_>) {
        self.advance(link);
    }

    fn is_finished(&self) -> bool {
        self.rounds_left == 0
    }
}

impl Administrator {
    fn look_again(&mut self, link: &mut Link<'_>, exists: bool) {
        if std::mem::replace(&mut self.has_looked, true) {
            let name = self.name();
            link.oracle.on_topic(&name, !exists);
            return self.go_on(link, Step::AskEnd);
        }
        link.session.wake_at(link.now.plus(LOOK_AGAIN_AFTER));
    }
}
