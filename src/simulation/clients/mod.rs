//! Clients of a world. They speak Kafka's bytes, keep Kafka's rules, and tell the oracle what they
//! were told.

mod administrator;
mod auditor;
mod committer;
mod consumer;
mod inspector;
mod mover;
mod producer;
mod reader;
mod records;
mod relaxed_producer;
mod session;
mod steward;
mod writer;

use std::time::Duration;

use crate::model::{BrokerId, Uuid};
use crate::protocol::messages::metadata_request::MetadataRequestTopic;
use crate::protocol::messages::{InitProducerIdRequest, MetadataRequest, MetadataResponse};
use crate::protocol::{AnyRequest, AnyResponse};
use crate::stdx::Random;

use super::clock::SimulatedTime;
use super::oracle::{Oracle, PartitionName};

pub use administrator::Administrator;
pub use auditor::Auditor;
pub use committer::{Committer, Membership};
pub use consumer::Consumer;
pub use inspector::Inspector;
pub use mover::Mover;
pub use producer::{Producer, ProducerPlan};
pub use reader::Reader;
pub use relaxed_producer::{RelaxedPlan, RelaxedProducer};
pub use session::{Session, SessionFailure};
pub use steward::Steward;
pub use writer::{Writer, WriterPlan};

/// A client's way of acting.
pub trait Behaviour: std::fmt::Debug {
    /// The connection is there.
    fn on_connected(&mut self, link: &mut Link<'_>);

    /// The oldest request that was not answered has its answer.
    fn on_answer(&mut self, link: &mut Link<'_>, request: AnyRequest, response: AnyResponse);

    /// The connection is gone, and with it all answers that had not come.
    fn on_disconnected(&mut self, link: &mut Link<'_>);

    /// The time has come that was asked for last.
    fn on_wake(&mut self, link: &mut Link<'_>);

    /// The node to connect to next, if it matters and that node is there.
    fn wanted_node(&self) -> Option<BrokerId> {
        None
    }

    /// True when all that was to be done is done.
    fn is_finished(&self) -> bool;

    /// Where it stands, for whoever looks for the reason of a standstill.
    fn progress(&self) -> String {
        format!("{self:?}")
    }
}

/// What a client has at hand while it acts.
#[derive(Debug)]
pub struct Link<'a> {
    /// The node at the other end.
    pub node: BrokerId,
    /// The time.
    pub now: SimulatedTime,
    /// How often the broker was started.
    pub starts: u64,
    /// The stream of the workload.
    pub random: &'a mut Random,
    /// Who is told.
    pub oracle: &'a mut Oracle,
    /// The connection.
    pub session: &'a mut Session,
}

impl Link<'_> {
    /// Send a request in one of the versions that are served, from `floor` on and up to `ceiling`.
    pub fn send(&mut self, request: impl Into<AnyRequest>, floor: i16, ceiling: i16) {
        let count = u64::from((ceiling - floor).unsigned_abs()) + 1;
        let chosen = i16::try_from(self.random.below(count)).expect("versions are few");
        self.session.send(request.into(), floor + chosen);
    }

    /// Be woken after a random time up to `most`.
    pub fn wake_within(&mut self, most: Duration) {
        let most = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        let nanos = self.random.below(most.max(1));
        self.session.wake_at(self.now.plus_nanos(nanos));
    }
}

/// A request for the id of an idempotent producer.
fn producer_id_wanted() -> InitProducerIdRequest {
    InitProducerIdRequest {
        transactional_id: None,
        transaction_timeout_ms: 60_000,
        ..Default::default()
    }
}

/// A request for the topic `name`, which is made if it does not exist.
fn metadata_of(name: &str) -> MetadataRequest {
    MetadataRequest {
        topics: Some(vec![MetadataRequestTopic {
            name: Some(name.to_owned()),
            ..Default::default()
        }]),
        ..Default::default()
    }
}

/// A request for the topic `name`, where only an administrator makes topics.
fn metadata_of_made(name: &str) -> MetadataRequest {
    MetadataRequest {
        allow_auto_topic_creation: false,
        ..metadata_of(name)
    }
}

/// The id of the topic, and the leader and the replicas of one of its partitions, if the answer
/// has them.
fn partition_in(
    response: &MetadataResponse,
    (name, partition): &PartitionName,
) -> Option<(Uuid, BrokerId, Vec<BrokerId>)> {
    let mut topics = response.topics.iter();
    let topic = topics.find(|topic| topic.name.as_ref() == Some(name) && topic.error_code == 0)?;
    let mut partitions = topic.partitions.iter();
    let found = partitions.find(|found| found.partition_index == *partition)?;
    let leader = Some(found.leader_id).filter(|leader| *leader >= 0)?;
    Some((topic.topic_id, leader, found.replica_nodes.clone()))
}

/// The id and the number of partitions of `name`, if the answer has them.
fn topic_in(response: &MetadataResponse, name: &str) -> Option<(crate::model::Uuid, i32)> {
    let topic = response
        .topics
        .iter()
        .find(|topic| topic.name.as_deref() == Some(name))?;
    let count = i32::try_from(topic.partitions.len()).ok()?;
    (topic.error_code == 0 && count > 0).then_some((topic.topic_id, count))
}
