//! One handler for each API: what a request needs of which shard, and what the replies make.
//!
//! Owns: nothing. A handler turns a request into a [`Plan`]; if that has tasks, its [`Gather`]
//! takes the replies and then makes the next plan, which mostly is the answer.
//! Promises: the error codes are Apache Kafka's; a handler does not know another.
//! Knows nothing of: bytes, the order of answers, where a task is done.
//! Lives on: the shard of the connection. Start at [`plan`].

mod acls;
pub mod api_versions;
mod brokers;
mod by_partition;
mod cluster;
mod configs;
mod coordinator;
mod delete_records;
mod describe_producers;
pub mod envelope;
mod epoch_ends;
pub mod errors;
mod fetch;
mod fetch_session;
mod forward;
mod group_topics;
mod leaders;
mod list_offsets;
mod log_dirs;
mod markers;
mod metadata;
mod move_replicas;
mod produce;
mod producer_ids;
mod quorum;
mod reassignments;
mod topic_partitions;
mod topics;

use std::sync::Arc;

use crate::config::BrokerConfig;
use crate::metadata::{
    ControllerRequest, ControllerResponse, MetadataImage, OpenDirectory, PartitionRegistration,
    TopicImage,
};
use crate::metrics::{ShardMetrics, TopicMetrics};
use crate::model::{ErrorCode, PartitionIndex, ShardId, TopicIdPartition, Uuid};
use crate::protocol::messages::{
    AlterReplicaLogDirsResponse, DeleteRecordsResponse, DescribeProducersResponse,
    ListOffsetsResponse, OffsetForLeaderEpochResponse,
};
use crate::protocol::{AnyRequest, AnyResponse};
use crate::security::{Access, Authorizer, Operation};
use crate::stdx::Now;

use super::configs::Configs;
use super::placement::{place, shard_of};
use super::request::RequestContext;
use super::settings::ListenerKind;
use super::task::{Reply, Task, TaskIndex};

use by_partition::PartitionGather;

pub use fetch_session::FetchSessions;
pub use producer_ids::ProducerIds;

/// What a handler may use of its shard.
#[derive(Debug)]
pub struct Parts<'a> {
    /// The time.
    pub now: Now,
    /// This shard.
    pub shard: ShardId,
    /// How many shards there are.
    pub shards_count: u16,
    /// The cluster.
    pub image: &'a Arc<MetadataImage>,
    /// The settings.
    pub configs: &'a mut Configs,
    /// The log directories, in the order of the settings.
    pub directories: &'a [OpenDirectory],
    /// What is spoken on each listener.
    pub listeners: &'a [ListenerKind],
    /// The fetch sessions of this shard.
    pub sessions: &'a mut FetchSessions,
    /// The producer ids that this shard may give out.
    pub producer_ids: &'a mut ProducerIds,
    /// How many bytes the records of a client's batch may have when decompressed.
    pub decompressed_bytes_max: usize,
    /// Who decides what clients may do, beside the image.
    pub authorizer: Option<&'a Authorizer>,
    /// What this shard counts.
    pub metrics: &'a mut ShardMetrics,
}

impl<'a> Parts<'a> {
    /// What the client of a request may do.
    #[must_use]
    pub fn access<'c>(&self, context: &'c RequestContext) -> Access<'c>
    where
        'a: 'c,
    {
        let (authorizer, image) = (self.authorizer, self.image);
        Access::new(authorizer, &image.acls, &context.client)
    }

    /// True if the client may not do this with the topic, which is named by its id or by its name.
    /// An id that no topic has is not refused: it tells nothing.
    #[must_use]
    pub fn refuses_topic(
        &self,
        access: Access<'_>,
        operation: Operation,
        (id, name): (Uuid, &str),
    ) -> bool {
        if !access.is_controlled() {
            return false;
        }
        if id.is_zero() {
            return !access.allows_topic(operation, name);
        }
        let topic = self.image.topics.get(&id);
        topic.is_some_and(|topic| !access.allows_topic(operation, &topic.name))
    }

    /// What is counted of a topic; `None` if there is no such topic: clients may name any.
    pub fn topic_metrics(&mut self, id: Uuid, name: &str) -> Option<&mut TopicMetrics> {
        let topic = self.topic(id, name)?.clone();
        Some(self.metrics.topic_mut(&topic.name))
    }

    /// The broker's settings.
    #[must_use]
    pub fn config(&self) -> &BrokerConfig {
        self.configs.broker()
    }

    /// The name of the listener that the client connected to.
    #[must_use]
    pub fn listener_name(&self, context: &RequestContext) -> &str {
        match self.listeners.get(usize::from(context.listener.0)) {
            Some(ListenerKind::Kafka(name) | ListenerKind::Controller(name)) => name,
            Some(ListenerKind::Http) | None => "",
        }
    }

    /// True if the client connected to a listener of the controller.
    #[must_use]
    pub fn is_of_controller(&self, context: &RequestContext) -> bool {
        let kind = self.listeners.get(usize::from(context.listener.0));
        matches!(kind, Some(ListenerKind::Controller(_)))
    }

    /// True if this log directory takes no new partitions (KIP-1066).
    #[must_use]
    pub fn is_cordoned(&self, path: &str) -> bool {
        let mut cordoned = self.config().cordoned_log_dirs.iter();
        self.image.has_cordoned_directories() && cordoned.any(|cordoned| cordoned == path)
    }

    /// The shard that owns a partition.
    #[must_use]
    pub fn owner_of(&self, partition: TopicIdPartition) -> ShardId {
        shard_of(partition, self.shards_count)
    }

    /// The topic by id, if the client named one, else by name.
    #[must_use]
    pub fn topic(&self, id: Uuid, name: &str) -> Option<&Arc<TopicImage>> {
        if id.is_zero() {
            self.image.topic(name)
        } else {
            self.image.topics.get(&id)
        }
    }

    /// The partition `index` of the topic `name`, if this broker leads it.
    ///
    /// # Errors
    /// The code for the client.
    pub fn leading_partition(
        &self,
        name: &str,
        index: PartitionIndex,
    ) -> Result<TopicIdPartition, ErrorCode> {
        let topic = self
            .image
            .topic(name)
            .ok_or(ErrorCode::UnknownTopicOrPartition)?;
        let (id, registration) = self
            .partition(topic, index)
            .ok_or(ErrorCode::UnknownTopicOrPartition)?;
        self.check_leading(registration)?;
        Ok(id)
    }

    /// Whether this broker leads the partition.
    ///
    /// # Errors
    /// The code for the client: that of the disk where nobody leads the partition since the log
    /// directory of its replica here is offline.
    pub fn check_leading(&self, registration: &PartitionRegistration) -> Result<(), ErrorCode> {
        let node_id = self.config().node_id;
        match registration.leader {
            Some(leader) if leader == node_id => Ok(()),
            None if registration.replicas.contains(&node_id)
                && !self.image.is_replica_online(node_id, registration) =>
            {
                Err(ErrorCode::KafkaStorageError)
            }
            _ => Err(ErrorCode::NotLeaderOrFollower),
        }
    }

    /// A partition of a topic.
    #[must_use]
    pub fn partition<'t>(
        &self,
        topic: &'t TopicImage,
        index: PartitionIndex,
    ) -> Option<(TopicIdPartition, &'t Arc<PartitionRegistration>)> {
        let registration = topic.partitions.get(&index)?;
        Some((place(topic.id, index), registration))
    }
}

/// What is to be done for a request.
#[derive(Debug)]
pub enum Plan {
    /// Answer.
    Answer(Box<AnyResponse>),
    /// The client does not expect an answer (acks=0).
    NoAnswer,
    /// Close the connection, for this reason.
    Close(String),
    /// Have these tasks done, then ask `gather` again.
    Tasks { tasks: Tasks, gather: Box<Gather> },
}

impl Plan {
    /// Answer with `response`.
    #[must_use]
    pub fn answer(response: impl Into<AnyResponse>) -> Self {
        Self::Answer(Box::new(response.into()))
    }

    /// Ask the controller one thing.
    #[must_use]
    pub fn controller(request: ControllerRequest, gather: Gather) -> Self {
        let mut tasks = Tasks::default();
        tasks.push(ShardId(0), 0, Task::Controller(Box::new(request)));
        Self::Tasks {
            tasks,
            gather: Box::new(gather),
        }
    }
}

/// The tasks of a request, by the shard that does them.
#[derive(Debug, Default)]
pub struct Tasks {
    by_shard: std::collections::BTreeMap<ShardId, Vec<(TaskIndex, Task)>>,
}

impl Tasks {
    /// One more task, whose reply comes with `index`.
    pub fn push(&mut self, shard: ShardId, index: TaskIndex, task: Task) {
        self.by_shard.entry(shard).or_default().push((index, task));
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.by_shard.values().map(Vec::len).sum()
    }

    /// The bytes of the batches to append.
    #[must_use]
    pub fn batch_bytes(&self) -> usize {
        let tasks = self.by_shard.values().flatten();
        tasks
            .map(|(_, task)| match task {
                Task::Append(append) => append.batch.batch.size_bytes(),
                _ => 0,
            })
            .sum()
    }

    /// Ask the controller of this node in the place of the active one.
    fn ask_own_controller(&mut self) {
        for (_, task) in self.by_shard.values_mut().flatten() {
            if let Task::Controller(request) = task {
                *task = Task::OwnController(request.clone());
            }
        }
    }

    /// True if nothing has to be asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_shard.is_empty()
    }
}

impl IntoIterator for Tasks {
    type Item = (ShardId, Vec<(TaskIndex, Task)>);
    type IntoIter = std::collections::btree_map::IntoIter<ShardId, Vec<(TaskIndex, Task)>>;

    fn into_iter(self) -> Self::IntoIter {
        self.by_shard.into_iter()
    }
}

/// Where in a response the reply of each task belongs: which topic, which partition of it.
#[derive(Debug, Default)]
pub struct Places(Vec<(usize, usize)>);

impl Places {
    /// The next task's reply belongs to `place`.
    ///
    /// # Panics
    /// If there are more than a u32 counts, which no request's size allows.
    pub fn add(&mut self, place: (usize, usize)) -> TaskIndex {
        let index = TaskIndex::try_from(self.0.len()).expect("a u32 counts a request's partitions");
        self.0.push(place);
        index
    }

    /// Where the reply of the task `index` belongs.
    #[must_use]
    pub fn at(&self, index: TaskIndex) -> (usize, usize) {
        self.0[index as usize]
    }
}

/// What came for a request so far.
#[derive(Debug)]
pub enum Gather {
    /// Produce.
    Produce(produce::ProduceGather),
    /// Fetch.
    Fetch(fetch::FetchGather),
    /// ListOffsets.
    ListOffsets(PartitionGather<ListOffsetsResponse>),
    /// OffsetForLeaderEpoch.
    EpochEnds(PartitionGather<OffsetForLeaderEpochResponse>),
    /// DeleteRecords.
    DeleteRecords(PartitionGather<DeleteRecordsResponse>),
    /// DescribeProducers.
    DescribeProducers(PartitionGather<DescribeProducersResponse>),
    /// AlterReplicaLogDirs.
    MoveReplicas(PartitionGather<AlterReplicaLogDirsResponse>),
    /// DescribeLogDirs.
    LogDirs(log_dirs::LogDirsGather),
    /// One answer of the controller, and what to make of it.
    Controller(ControllerGather),
    /// One answer of the metadata quorum.
    Quorum(quorum::QuorumGather),
    /// WriteTxnMarkers.
    Markers(markers::MarkersGather),
    /// The requests about groups.
    Group(coordinator::GroupGather),
}

/// One answer of the controller, and what to make of it.
#[derive(Debug)]
pub struct ControllerGather {
    /// The answer.
    pub response: Option<Box<ControllerResponse>>,
    /// The request to be planned again, now that the controller has done its part; `None` passes
    /// the controller's answer on.
    pub again: Option<Box<AnyRequest>>,
    /// What the client may not have and the controller was not asked, as a part of its answer.
    pub refused: Option<Box<ControllerResponse>>,
}

impl ControllerGather {
    /// Plan `request` again when the controller has done its part.
    #[must_use]
    pub fn again(request: AnyRequest) -> Self {
        Self {
            response: None,
            again: Some(Box::new(request)),
            refused: None,
        }
    }

    /// Pass the controller's answer on, with what was refused without it.
    #[must_use]
    pub fn passing_on(refused: Option<ControllerResponse>) -> Self {
        Self {
            response: None,
            again: None,
            refused: refused.map(Box::new),
        }
    }
}

impl Gather {
    /// A task brought `reply`.
    ///
    /// # Panics
    /// If the reply does not belong to the task.
    pub fn on_reply(&mut self, index: TaskIndex, reply: Reply) {
        match (self, reply) {
            (Self::Produce(gather), Reply::Appended(result)) => gather.on_reply(index, result),
            (Self::Produce(gather), Reply::Offset(result)) => gather.on_log_start(index, result),
            (Self::Markers(gather), Reply::Appended(result)) => gather.on_reply(index, result),
            (Self::Fetch(gather), Reply::Fetched(parts)) => gather.on_reply(parts),
            (Self::ListOffsets(gather), Reply::Offset(result)) => gather.on_reply(index, result),
            (Self::EpochEnds(gather), Reply::EpochEnd(result)) => gather.on_reply(index, result),
            (Self::DeleteRecords(gather), Reply::DeletedRecords(result)) => {
                gather.on_reply(index, result);
            }
            (Self::DescribeProducers(gather), Reply::Producers(result)) => {
                gather.on_reply(index, result);
            }
            (Self::MoveReplicas(gather), Reply::Moved(result)) => gather.on_reply(index, result),
            (Self::LogDirs(gather), Reply::Sizes(sizes)) => gather.on_reply(sizes),
            (Self::LogDirs(gather), Reply::Directories(found)) => gather.on_directories(found),
            (Self::Controller(gather), Reply::Controller(response)) => {
                gather.response = Some(response);
            }
            (Self::Quorum(gather), Reply::Quorum(response)) => gather.on_reply(response),
            (Self::Group(gather), Reply::Group(response)) => gather.on_reply(index, *response),
            (gather, reply) => unreachable!("{reply:?} is no reply for {gather:?}"),
        }
    }

    /// True, once, when what came is enough and the shards that still wait for data should answer.
    pub fn has_enough(&mut self) -> bool {
        match self {
            Self::Fetch(gather) => gather.has_enough(),
            _ => false,
        }
    }

    /// Every reply has come: what is to be done next.
    #[must_use]
    pub fn finish(self, context: &RequestContext, parts: &mut Parts<'_>) -> Plan {
        match self {
            Self::Produce(gather) => gather.finish(context, parts),
            Self::Markers(gather) => gather.finish(),
            Self::Fetch(gather) => gather.finish(context, parts),
            Self::ListOffsets(gather) => gather.finish_in(context.version),
            Self::EpochEnds(gather) => gather.finish(),
            Self::DeleteRecords(gather) => gather.finish(),
            Self::DescribeProducers(gather) => gather.finish(),
            Self::MoveReplicas(gather) => gather.finish(),
            Self::LogDirs(gather) => gather.finish(parts),
            Self::Controller(gather) => controller_answered(context, gather, parts),
            Self::Quorum(gather) => gather.finish(),
            Self::Group(gather) => gather.finish(context, parts),
        }
    }
}

fn controller_answered(
    context: &RequestContext,
    gather: ControllerGather,
    parts: &mut Parts<'_>,
) -> Plan {
    let response = *gather.response.expect("the one reply has come");
    match (response, gather.again) {
        (ControllerResponse::AllocateProducerIds(block), Some(request)) => {
            producer_ids::on_block(parts, &block);
            plan_again(context, *request, parts)
        }
        (_, Some(request)) => plan_again(context, *request, parts),
        (response, None) => forward::controller_answered(context, response, gather.refused, parts),
    }
}

/// What is to be done for `request`.
#[must_use]
pub fn plan(context: &RequestContext, request: AnyRequest, parts: &mut Parts<'_>) -> Plan {
    let mut plan = plan_request(context, request, Attempt::First, parts);
    if let Plan::Tasks { tasks, .. } = &mut plan
        && parts.is_of_controller(context)
    {
        // Who comes by this listener looks for the active controller, and goes on to look for it.
        tasks.ask_own_controller();
    }
    plan
}

fn plan_again(context: &RequestContext, request: AnyRequest, parts: &mut Parts<'_>) -> Plan {
    plan_request(context, request, Attempt::AfterController, parts)
}

/// Whether the controller was asked for what the request lacked: it is asked once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Attempt {
    /// Not yet.
    First,
    /// It answered; what is still lacking is not to be had.
    AfterController,
}

fn plan_request(
    context: &RequestContext,
    request: AnyRequest,
    attempt: Attempt,
    parts: &mut Parts<'_>,
) -> Plan {
    match request {
        AnyRequest::ApiVersions(request) => api_versions::plan(context, &request, parts),
        AnyRequest::Metadata(request) => metadata::plan(context, request, attempt, parts),
        AnyRequest::Produce(request) => produce::plan(context, request, parts),
        AnyRequest::Fetch(request) if parts.is_of_controller(context) => {
            quorum::plan_fetch(context, request, parts)
        }
        AnyRequest::Fetch(request) => fetch::plan(context, request, parts),
        AnyRequest::FetchSnapshot(request) => quorum::plan_fetch_snapshot(context, request, parts),
        AnyRequest::Vote(request) => quorum::plan_vote(context, request, parts),
        AnyRequest::BeginQuorumEpoch(request) => quorum::plan_begin_epoch(context, request, parts),
        AnyRequest::EndQuorumEpoch(request) => quorum::plan_end_epoch(context, request, parts),
        AnyRequest::DescribeQuorum(request) => quorum::plan_describe(context, request, parts),
        AnyRequest::AddRaftVoter(request) => quorum::plan_add_voter(context, request, parts),
        AnyRequest::RemoveRaftVoter(request) => quorum::plan_remove_voter(context, request, parts),
        AnyRequest::UpdateRaftVoter(request) => quorum::plan_update_voter(context, request, parts),
        AnyRequest::ListOffsets(request) => list_offsets::plan(context, request, parts),
        AnyRequest::FindCoordinator(request) => {
            coordinator::plan_find(context, request, attempt, parts)
        }
        AnyRequest::InitProducerId(request) => producer_ids::plan(context, request, attempt, parts),
        AnyRequest::CreateTopics(request) => topics::plan_create(context, request, parts),
        AnyRequest::DeleteTopics(request) => topics::plan_delete(context, request, parts),
        AnyRequest::CreatePartitions(request) => {
            topics::plan_create_partitions(context, request, parts)
        }
        AnyRequest::DescribeCluster(request) => cluster::plan(context, request, parts),
        AnyRequest::DescribeTopicPartitions(request) => {
            topic_partitions::plan(context, &request, parts)
        }
        AnyRequest::DescribeConfigs(request) => configs::plan_describe(context, &request, parts),
        AnyRequest::ListConfigResources(request) => configs::plan_list(context, &request, parts),
        AnyRequest::AlterConfigs(request) => configs::plan_alter(context, request, parts),
        AnyRequest::IncrementalAlterConfigs(request) => {
            configs::plan_alter_incrementally(context, request, parts)
        }
        AnyRequest::OffsetForLeaderEpoch(request) => epoch_ends::plan(context, request, parts),
        AnyRequest::WriteTxnMarkers(request) => markers::plan(context, request, parts),
        AnyRequest::DeleteRecords(request) => delete_records::plan(context, request, parts),
        AnyRequest::DescribeProducers(request) => describe_producers::plan(context, request, parts),
        AnyRequest::AlterReplicaLogDirs(request) => move_replicas::plan(context, request, parts),
        AnyRequest::AlterPartitionReassignments(request) => {
            reassignments::plan_alter(context, request, parts)
        }
        AnyRequest::ListPartitionReassignments(request) => {
            reassignments::plan_list(context, &request, parts)
        }
        AnyRequest::BrokerRegistration(request) => brokers::plan_register(context, request, parts),
        AnyRequest::BrokerHeartbeat(request) => brokers::plan_heartbeat(context, request, parts),
        AnyRequest::UnregisterBroker(request) => brokers::plan_unregister(context, request, parts),
        AnyRequest::AlterPartition(request) => {
            brokers::plan_alter_partition(context, request, parts)
        }
        AnyRequest::ElectLeaders(request) => brokers::plan_elect(context, request, parts),
        AnyRequest::UpdateFeatures(request) => {
            brokers::plan_update_features(context, request, parts)
        }
        AnyRequest::AllocateProducerIds(request) => brokers::plan_allocate(context, request, parts),
        AnyRequest::AssignReplicasToDirs(request) => brokers::plan_assign(context, request, parts),
        AnyRequest::ControllerRegistration(request) => {
            brokers::plan_register_controller(context, request, parts)
        }
        AnyRequest::DescribeLogDirs(request) => log_dirs::plan(context, request, parts),
        AnyRequest::DescribeAcls(request) => acls::plan_describe(context, &request, parts),
        AnyRequest::CreateAcls(request) => acls::plan_create(context, request, parts),
        AnyRequest::DeleteAcls(request) => acls::plan_delete(context, request, parts),
        request => coordinator::plan_group(context, request, parts),
    }
}
