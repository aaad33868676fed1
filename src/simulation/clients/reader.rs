//! A consumer of a cluster: reads one partition from its start, now from the leader, now from a
//! follower, and looks at every record.

use std::time::Duration;

use crate::model::{BrokerId, ErrorCode, Uuid};
use crate::protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use crate::protocol::messages::{FetchRequest, FetchResponse, MetadataResponse};
use crate::protocol::{AnyRequest, AnyResponse};
use crate::simulation::oracle::{PartitionName, Rule};

use super::consumer::Position;
use super::{Behaviour, Link, metadata_of_made, partition_in};

/// Since this version followers serve consumers (KIP-392).
pub const VERSION_OF_FOLLOWERS: i16 = 11;

/// Bytes of an answer.
const FETCH_BYTES_MAX: i32 = 1 << 20;

/// The request of a consumer for what is at `position`.
#[must_use]
pub fn fetch(topic_id: Uuid, position: &Position, max_wait_ms: i32) -> FetchRequest {
    let (topic, partition) = position.partition.clone();
    FetchRequest {
        max_wait_ms,
        min_bytes: 1,
        max_bytes: FETCH_BYTES_MAX,
        topics: vec![FetchTopic {
            topic,
            topic_id,
            partitions: vec![FetchPartition {
                partition,
                fetch_offset: position.offset.unwrap_or(0),
                partition_max_bytes: FETCH_BYTES_MAX,
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// A consumer of a cluster.
#[derive(Debug)]
pub struct Reader {
    position: Position,
    topic_id: Option<Uuid>,
    /// Where it reads.
    replica: Option<BrokerId>,
    leads: bool,
    is_connected: bool,
}

impl Reader {
    /// A consumer that read nothing yet.
    #[must_use]
    pub const fn new(partition: PartitionName) -> Self {
        Self {
            position: Position::of_replicas(partition),
            topic_id: None,
            replica: None,
            leads: false,
            is_connected: false,
        }
    }

    fn advance(&mut self, link: &mut Link<'_>) {
        let is_busy = link.session.unanswered_count() > 0;
        if !self.is_connected || is_busy || link.session.wants_to_leave() {
            return;
        }
        let (Some(id), Some(replica)) = (self.topic_id, self.replica) else {
            return link.send(metadata_of_made(&self.position.partition.0), 10, 13);
        };
        if replica != link.node {
            return link.session.leave();
        }
        let max_wait_ms = i32::try_from(link.random.below(300)).expect("small");
        let floor = if self.leads { 4 } else { VERSION_OF_FOLLOWERS };
        link.send(fetch(id, &self.position, max_wait_ms), floor, 18);
    }

    fn on_metadata(&mut self, link: &mut Link<'_>, response: &MetadataResponse) {
        let Some((id, leader, replicas)) = partition_in(response, &self.position.partition) else {
            match link.random.chance(1, 4) {
                true => link.session.leave(),
                false => link.wake_within(Duration::from_millis(100)),
            }
            return;
        };
        let place = usize::try_from(link.random.below(2 * replicas.len() as u64)).expect("few");
        let chosen = replicas.get(place).copied().unwrap_or(leader);
        self.topic_id = Some(id);
        self.replica = Some(chosen);
        self.leads = chosen == leader;
        self.advance(link);
    }

    fn on_fetched(&mut self, link: &mut Link<'_>, response: &FetchResponse) {
        let topic = response.responses.first();
        let part = topic.and_then(|topic| topic.partitions.first());
        let code = part.map_or(response.error_code, |part| part.error_code);
        match (ErrorCode::from_code(code), part) {
            (Some(ErrorCode::None), Some(part)) => {
                self.position.on_fetched(link, part);
                // It may be that another replica is to be preferred, and now and then one is.
                if link.random.chance(1, 20) {
                    return link.session.leave();
                }
                link.wake_within(Duration::from_millis(60));
            }
            // A replica that knows less than the one before is not asked again at once.
            (
                Some(
                    ErrorCode::NotLeaderOrFollower
                    | ErrorCode::OffsetOutOfRange
                    | ErrorCode::OffsetNotAvailable
                    | ErrorCode::UnknownTopicOrPartition
                    | ErrorCode::UnknownTopicId
                    | ErrorCode::KafkaStorageError,
                ),
                _,
            ) => link.session.leave(),
            (error, _) => {
                let what = format!("fetching {:?}: {error:?}", self.position.partition);
                link.oracle.violate(Rule::NoWrongRefusal, what);
            }
        }
    }
}

impl Behaviour for Reader {
    fn on_connected(&mut self, link: &mut Link<'_>) {
        self.is_connected = true;
        // Where it wanted to be connected, it reads; elsewhere it asks who is there to read from.
        if self.replica.is_some_and(|replica| replica != link.node) {
            self.replica = None;
        }
        self.advance(link);
    }

    fn on_answer(&mut self, link: &mut Link<'_>, request: AnyRequest, response: AnyResponse) {
        match response {
            AnyResponse::Metadata(response) => self.on_metadata(link, &response),
            AnyResponse::Fetch(response) => self.on_fetched(link, &response),
            other => unreachable!("{request:?} is not answered by {other:?}"),
        }
        if link.session.wants_to_leave() {
            self.replica = self.replica.filter(|replica| *replica != link.node);
        }
    }

    fn on_disconnected(&mut self, _link: &mut Link<'_>) {
        self.is_connected = false;
    }

    fn on_wake(&mut self, link: &mut Link<'_>) {
        self.advance(link);
    }

    fn wanted_node(&self) -> Option<BrokerId> {
        self.replica
    }

    /// It has no end of its own: in the end all replicas are read.
    fn is_finished(&self) -> bool {
        true
    }
}
