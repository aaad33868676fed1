//! A member of a classic group: joining, the share of partitions, heartbeats, commits, leaving.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use crate::client::{Cluster, Outgoing, Tag, error_of, is_moved_coordinator};
use crate::model::{BrokerId, ErrorCode, Offset, PartitionIndex, TopicPartition};
use crate::protocol::messages::consumer_protocol_assignment;
use crate::protocol::messages::join_group_request::JoinGroupRequestProtocol;
use crate::protocol::messages::leave_group_request::MemberIdentity;
use crate::protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use crate::protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use crate::protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use crate::protocol::messages::{
    ConsumerProtocolAssignment, ConsumerProtocolSubscription, FindCoordinatorRequest,
    HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, OffsetCommitRequest,
    OffsetCommitResponse, OffsetFetchRequest, OffsetFetchResponse, SyncGroupRequest,
    SyncGroupResponse,
};
use crate::protocol::{AnyRequest, AnyResponse, decode_versioned, encode_versioned};
use crate::stdx::Instant;

use super::assign_ranges;

const PROTOCOL_TYPE: &str = "consumer";
const PROTOCOL: &str = "range";

/// The version of what members tell each other: the oldest, which every member reads.
const CONSUMER_PROTOCOL_VERSION: i16 = 0;

/// How a member behaves.
#[derive(Clone, Debug)]
pub struct MembershipSettings {
    /// The group.
    pub group: String,
    /// The topics that it wants to read.
    pub topics: Vec<String>,
    /// After this silence the coordinator takes it for dead.
    pub session_timeout_ms: i32,
    /// How long it may take to join again when the group rebalances.
    pub rebalance_timeout_ms: i32,
    /// How often it says that it lives.
    pub heartbeat_interval: Duration,
    /// How long to wait before asking again.
    pub retry_backoff: Duration,
}

impl MembershipSettings {
    /// Kafka's defaults for a member of `group`.
    #[must_use]
    pub fn new(group: &str, topics: &[String]) -> Self {
        Self {
            group: group.to_owned(),
            topics: topics.to_vec(),
            session_timeout_ms: 45_000,
            rebalance_timeout_ms: 300_000,
            heartbeat_interval: Duration::from_secs(3),
            retry_backoff: Duration::from_millis(100),
        }
    }
}

/// What a member must know.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum GroupEvent {
    /// The group rebalances: its partitions may go to others. Positions can still be committed
    /// until the member has joined again.
    Revoked,
    /// These partitions are its own, with the offsets that the group has committed.
    Assigned(BTreeMap<TopicPartition, Option<Offset>>),
    /// Positions were committed, or why not.
    Committed(Result<(), ErrorCode>),
    /// The group cannot be joined.
    Failed(ErrorCode),
    /// It has left.
    Left,
}

/// A member of a group: send what [`Self::next_request`] gives out, pass answers to
/// [`Self::on_answer`], act on [`Self::drain_events`]. One request is on its way at a time.
///
/// The cluster must be told of all of [`Self::topics`], since this member may be the one that
/// shares them out; it waits until it was.
#[derive(Debug)]
pub struct Membership {
    settings: MembershipSettings,
    coordinator: Option<BrokerId>,
    member_id: String,
    generation: i32,
    state: State,
    in_flight: Option<Tag>,
    next_tag: u64,
    /// Nothing is sent before.
    wait_until: Option<Instant>,
    next_heartbeat: Instant,
    to_commit: Option<BTreeMap<TopicPartition, Offset>>,
    is_leaving: bool,
    /// Every topic that a member of the group wants, once this one shares them out.
    topics: BTreeSet<String>,
    events: VecDeque<GroupEvent>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum State {
    Joining,
    /// To share out the partitions: the topics of each member, of none if another one shares.
    Syncing(BTreeMap<String, Vec<String>>),
    /// Has its partitions and asks for the group's offsets in them.
    Fetching(Vec<TopicPartition>),
    Stable,
    Ended,
}

impl Membership {
    /// A member that has not joined yet.
    #[must_use]
    pub fn new(settings: MembershipSettings) -> Self {
        let topics = settings.topics.iter().cloned().collect();
        Self {
            settings,
            coordinator: None,
            member_id: String::new(),
            generation: -1,
            state: State::Joining,
            in_flight: None,
            next_tag: 0,
            wait_until: None,
            next_heartbeat: Instant::default(),
            to_commit: None,
            is_leaving: false,
            topics,
            events: VecDeque::new(),
        }
    }

    /// The topics that the cluster must know.
    #[must_use]
    pub const fn topics(&self) -> &BTreeSet<String> {
        &self.topics
    }

    /// What happened since the last time.
    pub fn drain_events(&mut self) -> Vec<GroupEvent> {
        self.events.drain(..).collect()
    }

    /// Commits positions: for each partition the offset of the next record to read. An earlier
    /// commit that was not sent yet is replaced where it names the same partitions.
    pub fn commit(&mut self, offsets: BTreeMap<TopicPartition, Offset>) {
        if !offsets.is_empty() {
            self.to_commit.get_or_insert_default().extend(offsets);
        }
    }

    /// Leaves the group after what is to be committed was, so that others take over at once.
    pub const fn leave(&mut self) {
        self.is_leaving = true;
    }

    /// When it has something to do though nothing is answered.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.in_flight.is_some() || self.state == State::Ended {
            return None;
        }
        Some(match (&self.state, self.wait_until) {
            (_, Some(at)) => at,
            (State::Stable, None) => self.next_heartbeat,
            _ => Instant::default(),
        })
    }

    /// The next request to send, if one is due.
    pub fn next_request(&mut self, now: Instant, cluster: &Cluster) -> Option<Outgoing> {
        if self.in_flight.is_some()
            || self.state == State::Ended
            || self.wait_until.is_some_and(|at| at > now)
        {
            return None;
        }
        self.wait_until = None;
        if self.is_leaving && self.member_id.is_empty() {
            self.end(GroupEvent::Left);
            return None;
        }
        let Some(coordinator) = self.coordinator else {
            return Some(self.outgoing(None, find_coordinator(&self.settings.group)));
        };
        let request = self.due_request(now, cluster)?;
        Some(self.outgoing(Some(coordinator), request))
    }

    fn due_request(&self, now: Instant, cluster: &Cluster) -> Option<AnyRequest> {
        if let Some(offsets) = &self.to_commit
            && self.generation >= 0
        {
            return Some(self.offset_commit(offsets));
        }
        if self.is_leaving {
            return Some(self.leave_group());
        }
        match &self.state {
            State::Joining => Some(self.join_group()),
            State::Syncing(wanted) => Some(self.sync_group(self.share_out(wanted, cluster)?)),
            State::Fetching(partitions) => Some(self.offset_fetch(partitions)),
            State::Stable if self.next_heartbeat <= now => Some(self.heartbeat()),
            State::Stable | State::Ended => None,
        }
    }

    /// Each member's share; `None` while the cluster was not told of a topic.
    fn share_out(
        &self,
        wanted: &BTreeMap<String, Vec<String>>,
        cluster: &Cluster,
    ) -> Option<Vec<SyncGroupRequestAssignment>> {
        let mut counts = BTreeMap::new();
        for name in wanted.values().flatten() {
            match cluster.topic(name) {
                Some(topic) => {
                    let count = PartitionIndex::try_from(topic.partitions.len()).ok()?;
                    counts.insert(name.clone(), count);
                }
                // One that does not exist has no partitions to share.
                None => drop(cluster.topic_error(name)?),
            }
        }
        let shares = assign_ranges(wanted, &counts).into_iter();
        let shares = shares.map(|(member_id, partitions)| SyncGroupRequestAssignment {
            member_id,
            assignment: encode_assignment(&partitions),
            ..SyncGroupRequestAssignment::default()
        });
        Some(shares.collect())
    }

    fn outgoing(&mut self, broker: Option<BrokerId>, request: AnyRequest) -> Outgoing {
        self.next_tag += 1;
        let tag = Tag(self.next_tag);
        self.in_flight = Some(tag);
        Outgoing {
            broker,
            request,
            tag: Some(tag),
        }
    }

    /// The answer to a request of this member; `None` if its connection was lost or gave no answer
    /// in time.
    pub fn on_answer(&mut self, now: Instant, tag: Tag, answer: Option<&AnyResponse>) {
        if self.in_flight != Some(tag) {
            return;
        }
        self.in_flight = None;
        let result = match answer {
            Some(AnyResponse::FindCoordinator(answer)) => {
                match answer
                    .coordinators
                    .first()
                    .map(|found| (found, error_of(found.error_code)))
                {
                    Some((found, Ok(()))) => {
                        self.coordinator = Some(found.node_id);
                        Ok(())
                    }
                    Some((_, Err(error))) => Err(error),
                    None => Err(ErrorCode::CoordinatorNotAvailable),
                }
            }
            Some(AnyResponse::JoinGroup(answer)) => self.on_joined(answer),
            Some(AnyResponse::SyncGroup(answer)) => self.on_synced(now, answer),
            Some(AnyResponse::OffsetFetch(answer)) => self.on_offsets(now, answer),
            Some(AnyResponse::Heartbeat(answer)) => {
                self.next_heartbeat = now + self.settings.heartbeat_interval;
                error_of(answer.error_code)
            }
            Some(AnyResponse::OffsetCommit(answer)) => self.on_committed(answer),
            Some(AnyResponse::LeaveGroup(_)) => {
                self.end(GroupEvent::Left);
                Ok(())
            }
            _ => Err(ErrorCode::NotCoordinator),
        };
        if let Err(error) = result {
            self.on_error(now, error);
        }
    }

    fn on_joined(&mut self, answer: &JoinGroupResponse) -> Result<(), ErrorCode> {
        let result = error_of(answer.error_code);
        if result == Err(ErrorCode::MemberIdRequired) {
            // The id comes with the refusal, to be used at once (KIP-394).
            self.member_id.clone_from(&answer.member_id);
            return Ok(());
        }
        result?;
        self.member_id.clone_from(&answer.member_id);
        self.generation = answer.generation_id;
        let mut wanted = BTreeMap::new();
        if answer.leader == answer.member_id {
            for member in &answer.members {
                wanted.insert(member.member_id.clone(), topics_of(&member.metadata)?);
            }
            self.topics.extend(wanted.values().flatten().cloned());
        }
        self.state = State::Syncing(wanted);
        Ok(())
    }

    fn on_synced(&mut self, now: Instant, answer: &SyncGroupResponse) -> Result<(), ErrorCode> {
        error_of(answer.error_code)?;
        let partitions = decode_assignment(&answer.assignment)?;
        self.next_heartbeat = now + self.settings.heartbeat_interval;
        if partitions.is_empty() {
            self.state = State::Stable;
            self.events.push_back(GroupEvent::Assigned(BTreeMap::new()));
        } else {
            self.state = State::Fetching(partitions);
        }
        Ok(())
    }

    fn on_offsets(&mut self, now: Instant, answer: &OffsetFetchResponse) -> Result<(), ErrorCode> {
        let State::Fetching(partitions) = &self.state else {
            return Ok(());
        };
        let group = answer.groups.first().ok_or(ErrorCode::UnknownServerError)?;
        error_of(group.error_code)?;
        let mut assigned: BTreeMap<TopicPartition, Option<Offset>> = partitions
            .iter()
            .map(|partition| (partition.clone(), None))
            .collect();
        for topic in &group.topics {
            for found in &topic.partitions {
                error_of(found.error_code)?;
                let partition = TopicPartition {
                    topic: topic.name.as_str().into(),
                    partition: found.partition_index,
                };
                if let Some(offset) = assigned.get_mut(&partition) {
                    *offset = (found.committed_offset >= 0).then_some(found.committed_offset);
                }
            }
        }
        self.state = State::Stable;
        self.next_heartbeat = now + self.settings.heartbeat_interval;
        self.events.push_back(GroupEvent::Assigned(assigned));
        Ok(())
    }

    fn on_committed(&mut self, answer: &OffsetCommitResponse) -> Result<(), ErrorCode> {
        let partitions = answer.topics.iter().flat_map(|topic| &topic.partitions);
        let failure = partitions
            .filter_map(|one| error_of(one.error_code).err())
            .next();
        match failure {
            Some(error) if error.is_retriable() && error != ErrorCode::UnknownTopicOrPartition => {
                Err(error)
            }
            Some(error) => {
                self.to_commit = None;
                self.events.push_back(GroupEvent::Committed(Err(error)));
                Err(error)
            }
            None => {
                self.to_commit = None;
                self.events.push_back(GroupEvent::Committed(Ok(())));
                Ok(())
            }
        }
    }

    fn on_error(&mut self, now: Instant, error: ErrorCode) {
        match error {
            ErrorCode::RebalanceInProgress => self.rejoin(),
            ErrorCode::IllegalGeneration | ErrorCode::UnknownMemberId => {
                if error == ErrorCode::UnknownMemberId {
                    self.member_id.clear();
                }
                self.generation = -1;
                self.to_commit = None;
                self.rejoin();
            }
            // It was told as the outcome of the commit, and the membership goes on.
            ErrorCode::UnknownTopicOrPartition
            | ErrorCode::OffsetMetadataTooLarge
            | ErrorCode::InvalidCommitOffsetSize
            | ErrorCode::TopicAuthorizationFailed
                if self.state == State::Stable => {}
            _ if error.is_retriable() || is_moved_coordinator(error) => {
                if error != ErrorCode::CoordinatorLoadInProgress {
                    self.coordinator = None;
                }
                self.wait_until = Some(now + self.settings.retry_backoff);
            }
            _ => self.end(GroupEvent::Failed(error)),
        }
    }

    fn rejoin(&mut self) {
        if self.state == State::Stable {
            self.events.push_back(GroupEvent::Revoked);
        }
        self.state = State::Joining;
    }

    fn end(&mut self, event: GroupEvent) {
        self.state = State::Ended;
        self.events.push_back(event);
    }

    fn join_group(&self) -> AnyRequest {
        let subscription = ConsumerProtocolSubscription {
            topics: self.settings.topics.clone(),
            ..ConsumerProtocolSubscription::default()
        };
        let metadata = encode_versioned(&subscription, CONSUMER_PROTOCOL_VERSION);
        JoinGroupRequest {
            group_id: self.settings.group.clone(),
            session_timeout_ms: self.settings.session_timeout_ms,
            rebalance_timeout_ms: self.settings.rebalance_timeout_ms,
            member_id: self.member_id.clone(),
            protocol_type: PROTOCOL_TYPE.to_owned(),
            protocols: vec![JoinGroupRequestProtocol {
                name: PROTOCOL.to_owned(),
                metadata: metadata.expect("topic names are short"),
                ..JoinGroupRequestProtocol::default()
            }],
            ..JoinGroupRequest::default()
        }
        .into()
    }

    fn sync_group(&self, assignments: Vec<SyncGroupRequestAssignment>) -> AnyRequest {
        SyncGroupRequest {
            group_id: self.settings.group.clone(),
            generation_id: self.generation,
            member_id: self.member_id.clone(),
            protocol_type: Some(PROTOCOL_TYPE.to_owned()),
            protocol_name: Some(PROTOCOL.to_owned()),
            assignments,
            ..SyncGroupRequest::default()
        }
        .into()
    }

    fn heartbeat(&self) -> AnyRequest {
        HeartbeatRequest {
            group_id: self.settings.group.clone(),
            generation_id: self.generation,
            member_id: self.member_id.clone(),
            ..HeartbeatRequest::default()
        }
        .into()
    }

    fn leave_group(&self) -> AnyRequest {
        let member = MemberIdentity {
            member_id: self.member_id.clone(),
            ..MemberIdentity::default()
        };
        LeaveGroupRequest {
            group_id: self.settings.group.clone(),
            members: vec![member],
            ..LeaveGroupRequest::default()
        }
        .into()
    }

    /// Topics are named, not identified: a group may know topics that are gone.
    fn offset_commit(&self, offsets: &BTreeMap<TopicPartition, Offset>) -> AnyRequest {
        let mut topics: Vec<OffsetCommitRequestTopic> = Vec::new();
        for (partition, offset) in offsets {
            let name: &str = &partition.topic;
            if topics.last().is_none_or(|topic| topic.name != name) {
                topics.push(OffsetCommitRequestTopic {
                    name: name.to_owned(),
                    ..OffsetCommitRequestTopic::default()
                });
            }
            let topic = topics.last_mut().expect("the topic is there");
            topic.partitions.push(OffsetCommitRequestPartition {
                partition_index: partition.partition,
                committed_offset: *offset,
                committed_metadata: Some(String::new()),
                ..OffsetCommitRequestPartition::default()
            });
        }
        OffsetCommitRequest {
            group_id: self.settings.group.clone(),
            generation_id_or_member_epoch: self.generation,
            member_id: self.member_id.clone(),
            topics,
            ..OffsetCommitRequest::default()
        }
        .into()
    }

    fn offset_fetch(&self, partitions: &[TopicPartition]) -> AnyRequest {
        let mut topics: BTreeMap<&str, Vec<PartitionIndex>> = BTreeMap::new();
        for partition in partitions {
            topics
                .entry(&partition.topic)
                .or_default()
                .push(partition.partition);
        }
        let topics = topics
            .into_iter()
            .map(|(name, partition_indexes)| OffsetFetchRequestTopics {
                name: name.to_owned(),
                partition_indexes,
                ..OffsetFetchRequestTopics::default()
            });
        OffsetFetchRequest {
            groups: vec![OffsetFetchRequestGroup {
                group_id: self.settings.group.clone(),
                topics: Some(topics.collect()),
                ..OffsetFetchRequestGroup::default()
            }],
            ..OffsetFetchRequest::default()
        }
        .into()
    }
}

fn find_coordinator(group: &str) -> AnyRequest {
    FindCoordinatorRequest {
        coordinator_keys: vec![group.to_owned()],
        ..FindCoordinatorRequest::default()
    }
    .into()
}

/// What members say of themselves comes from other clients: it may be anything.
fn topics_of(metadata: &Bytes) -> Result<Vec<String>, ErrorCode> {
    let subscription: Result<ConsumerProtocolSubscription, _> = decode_versioned(metadata.clone());
    Ok(subscription
        .map_err(|_| ErrorCode::InconsistentGroupProtocol)?
        .topics)
}

fn encode_assignment(partitions: &[TopicPartition]) -> Bytes {
    let mut topics: BTreeMap<&str, Vec<PartitionIndex>> = BTreeMap::new();
    for partition in partitions {
        topics
            .entry(&partition.topic)
            .or_default()
            .push(partition.partition);
    }
    let topics = topics.into_iter().map(|(topic, partitions)| {
        consumer_protocol_assignment::TopicPartition {
            topic: topic.to_owned(),
            partitions,
        }
    });
    let assignment = ConsumerProtocolAssignment {
        assigned_partitions: topics.collect(),
        ..ConsumerProtocolAssignment::default()
    };
    let encoded = encode_versioned(&assignment, CONSUMER_PROTOCOL_VERSION);
    encoded.expect("topic names are short")
}

fn decode_assignment(assignment: &Bytes) -> Result<Vec<TopicPartition>, ErrorCode> {
    if assignment.is_empty() {
        return Ok(Vec::new());
    }
    let decoded: Result<ConsumerProtocolAssignment, _> = decode_versioned(assignment.clone());
    let assignment = decoded.map_err(|_| ErrorCode::InconsistentGroupProtocol)?;
    let mut partitions = Vec::new();
    for topic in assignment.assigned_partitions {
        let name: std::sync::Arc<str> = topic.topic.as_str().into();
        partitions.extend(
            topic
                .partitions
                .into_iter()
                .map(|partition| TopicPartition {
                    topic: name.clone(),
                    partition,
                }),
        );
    }
    Ok(partitions)
}
