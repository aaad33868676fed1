//! A member of a consumer group that commits offsets and looks whether they are kept.

use std::time::Duration;

use bytes::Bytes;

use crate::model::{BrokerId, ErrorCode, Offset};
use crate::protocol::messages::join_group_request::JoinGroupRequestProtocol;
use crate::protocol::messages::leave_group_request::MemberIdentity;
use crate::protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use crate::protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use crate::protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use crate::protocol::messages::{
    FindCoordinatorRequest, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse,
    LeaveGroupRequest, MetadataResponse, OffsetCommitRequest, OffsetFetchRequest,
    OffsetFetchResponse, SyncGroupRequest,
};
use crate::protocol::{AnyRequest, AnyResponse};
use crate::simulation::oracle::{PartitionName, Rule};
use crate::simulation::reached::Reached;

use super::{Behaviour, Link, metadata_of, topic_in};

/// How a client belongs to its group.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Membership {
    /// A member of the classic protocol.
    Member,
    /// It only commits, outside of any generation.
    Alone,
    /// It only asks what is committed, once all others are done.
    Auditor,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    FindTopic,
    FindCoordinator,
    Join,
    Sync,
    Commit,
    Fetch,
    Heartbeat,
    Leave,
    Done,
}

impl Step {
    const fn is_asked_of_coordinator(self) -> bool {
        !matches!(self, Self::FindTopic | Self::FindCoordinator | Self::Done)
    }
}

/// A member of a group.
#[derive(Debug)]
pub struct Committer {
    group: String,
    membership: Membership,
    /// The partition whose offsets it alone commits.
    partition: PartitionName,
    commits_left: u32,
    next_offset: Offset,
    step: Step,
    member_id: String,
    generation: i32,
    /// The ids of all members, if this one leads.
    followers: Vec<String>,
    /// The node of the group, as it was told last.
    coordinator: Option<BrokerId>,
    /// Who acknowledged the newest commit. Another node may believe for a while that it is the
    /// group's, and know less.
    acknowledged_by: Option<BrokerId>,
    /// True where nodes learn of topics at different times.
    is_in_cluster: bool,
    is_connected: bool,
}

impl Committer {
    /// A client that commits offsets of `partition`, so many times.
    #[must_use]
    pub const fn new(
        group: String,
        membership: Membership,
        partition: PartitionName,
        commits: u32,
    ) -> Self {
        Self {
            group,
            membership,
            partition,
            commits_left: commits,
            next_offset: 1,
            step: Step::FindTopic,
            member_id: String::new(),
            generation: -1,
            followers: Vec::new(),
            coordinator: None,
            acknowledged_by: None,
            is_in_cluster: false,
            is_connected: false,
        }
    }

    /// The same client where several nodes are: a coordinator may not have heard yet of a topic
    /// that another node has told of. Apache Kafka's consumers then commit again, too.
    #[must_use]
    pub fn in_cluster(self) -> Self {
        Self {
            is_in_cluster: true,
            ..self
        }
    }

    fn advance(&mut self, link: &mut Link<'_>) {
        let is_busy = link.session.unanswered_count() > 0;
        if !self.is_connected || is_busy || link.session.wants_to_leave() {
            return;
        }
        if self.step.is_asked_of_coordinator() && self.coordinator != Some(link.node) {
            return link.session.leave();
        }
        match self.step {
            Step::FindTopic => link.send(metadata_of(&self.partition.0), 10, 13),
            Step::FindCoordinator => {
                if link.random.chance(1, 2) {
                    let request = FindCoordinatorRequest {
                        key: self.group.clone(),
                        ..Default::default()
                    };
                    link.send(request, 0, 3);
                } else {
                    let request = FindCoordinatorRequest {
                        coordinator_keys: vec![self.group.clone()],
                        ..Default::default()
                    };
                    link.send(request, 4, 6);
                }
            }
            Step::Join => self.join(link),
            Step::Sync => self.sync(link),
            Step::Commit => self.commit(link),
            Step::Fetch => self.fetch(link),
            Step::Heartbeat => {
                let request = HeartbeatRequest {
                    group_id: self.group.clone(),
                    generation_id: self.generation,
                    member_id: self.member_id.clone(),
                    ..Default::default()
                };
                link.send(request, 0, 4);
            }
            Step::Leave => self.leave(link),
            Step::Done => {}
        }
    }

    fn join(&self, link: &mut Link<'_>) {
        let request = JoinGroupRequest {
            group_id: self.group.clone(),
            session_timeout_ms: 10_000,
            rebalance_timeout_ms: 5_000,
            member_id: self.member_id.clone(),
            protocol_type: "consumer".to_owned(),
            protocols: vec![JoinGroupRequestProtocol {
                name: "range".to_owned(),
                metadata: Bytes::from_static(b"\0\0\0\0\0\0\xff\xff\xff\xff"),
                ..Default::default()
            }],
            ..Default::default()
        };
        link.send(request, 1, 9);
    }

    fn sync(&self, link: &mut Link<'_>) {
        let assignments = self
            .followers
            .iter()
            .map(|member| SyncGroupRequestAssignment {
                member_id: member.clone(),
                assignment: Bytes::from_static(b"\0\0\0\0\0\0\xff\xff\xff\xff"),
                ..Default::default()
            });
        let request = SyncGroupRequest {
            group_id: self.group.clone(),
            generation_id: self.generation,
            member_id: self.member_id.clone(),
            protocol_type: Some("consumer".to_owned()),
            protocol_name: Some("range".to_owned()),
            assignments: assignments.collect(),
            ..Default::default()
        };
        link.send(request, 0, 5);
    }

    fn commit(&mut self, link: &mut Link<'_>) {
        let offset = self.next_offset;
        self.next_offset += 1 + i64::try_from(link.random.below(10)).expect("small");
        link.oracle
            .on_commit_attempted(&self.group, &self.partition, offset);
        let is_member = self.membership == Membership::Member;
        let request = OffsetCommitRequest {
            group_id: self.group.clone(),
            generation_id_or_member_epoch: if is_member { self.generation } else { -1 },
            member_id: if is_member {
                self.member_id.clone()
            } else {
                String::new()
            },
            topics: vec![OffsetCommitRequestTopic {
                name: self.partition.0.clone(),
                partitions: vec![OffsetCommitRequestPartition {
                    partition_index: self.partition.1,
                    committed_offset: offset,
                    committed_metadata: Some(format!("at {offset}")),
                    ..Default::default()
                }],
                ..Default::default()
            }],
            ..Default::default()
        };
        link.send(request, 2, 9);
    }

    fn fetch(&self, link: &mut Link<'_>) {
        let (topic, partition) = self.partition.clone();
        if link.random.chance(1, 2) {
            let request = OffsetFetchRequest {
                group_id: self.group.clone(),
                topics: Some(vec![OffsetFetchRequestTopic {
                    name: topic,
                    partition_indexes: vec![partition],
                    ..Default::default()
                }]),
                ..Default::default()
            };
            link.send(request, 1, 6);
        } else {
            let request = OffsetFetchRequest {
                groups: vec![OffsetFetchRequestGroup {
                    group_id: self.group.clone(),
                    topics: Some(vec![OffsetFetchRequestTopics {
                        name: topic,
                        partition_indexes: vec![partition],
                        ..Default::default()
                    }]),
                    ..Default::default()
                }],
                ..Default::default()
            };
            link.send(request, 8, 9);
        }
    }

    fn leave(&self, link: &mut Link<'_>) {
        let (group_id, member_id) = (self.group.clone(), self.member_id.clone());
        if link.random.chance(1, 2) {
            let request = LeaveGroupRequest {
                group_id,
                member_id,
                ..Default::default()
            };
            link.send(request, 0, 2);
        } else {
            let request = LeaveGroupRequest {
                group_id,
                members: vec![MemberIdentity {
                    member_id,
                    ..Default::default()
                }],
                ..Default::default()
            };
            link.send(request, 3, 5);
        }
    }

    fn go_on(&mut self, link: &mut Link<'_>, step: Step) {
        self.step = step;
        link.wake_within(Duration::from_millis(40));
    }

    fn go_on_working(&mut self, link: &mut Link<'_>) {
        if self.membership == Membership::Auditor {
            let has_asked = self.step == Step::Fetch;
            return self.go_on(link, if has_asked { Step::Done } else { Step::Fetch });
        }
        let step = match link.random.below(6) {
            0 if self.membership == Membership::Member => Step::Heartbeat,
            1 | 2 => Step::Fetch,
            _ if self.commits_left == 0 => Step::Leave,
            _ => Step::Commit,
        };
        let is_over = step == Step::Leave && self.membership == Membership::Alone;
        self.go_on(link, if is_over { Step::Done } else { step });
    }

    /// The group answered with an error: what a member does then.
    fn on_error(&mut self, link: &mut Link<'_>, code: i16) {
        let step = match ErrorCode::from_code(code) {
            Some(ErrorCode::UnknownTopicOrPartition) if self.is_in_cluster => {
                Step::FindCoordinator
            }
            Some(
                ErrorCode::CoordinatorLoadInProgress
                | ErrorCode::CoordinatorNotAvailable
                | ErrorCode::NotCoordinator
                | ErrorCode::RequestTimedOut
                // Where the group's own partition was not open yet, or failed.
                | ErrorCode::NotLeaderOrFollower
                | ErrorCode::UnknownServerError
                | ErrorCode::KafkaStorageError,
            ) => Step::FindCoordinator,
            Some(ErrorCode::UnknownMemberId) => {
                self.member_id.clear();
                Step::Join
            }
            Some(
                ErrorCode::IllegalGeneration
                | ErrorCode::RebalanceInProgress
                | ErrorCode::MemberIdRequired,
            ) => Step::Join,
            error => {
                let rule = match error {
                    Some(ErrorCode::UnknownTopicOrPartition) => Rule::TopicsAreKept,
                    _ => Rule::NoWrongRefusal,
                };
                let what = format!("{:?} of group {}: {error:?}", self.step, self.group);
                link.oracle.violate(rule, what);
                Step::Join
            }
        };
        let is_member = self.membership == Membership::Member;
        let step = match step {
            Step::Join if !is_member => Step::FindCoordinator,
            step => step,
        };
        self.step = step;
        link.wake_within(Duration::from_millis(100));
    }

    fn on_topic(&mut self, link: &mut Link<'_>, response: &MetadataResponse) {
        if topic_in(response, &self.partition.0).is_some() {
            self.step = Step::FindCoordinator;
        }
        link.wake_within(Duration::from_millis(50));
    }

    fn on_joined(&mut self, link: &mut Link<'_>, response: JoinGroupResponse) {
        if !response.member_id.is_empty() {
            self.member_id = response.member_id;
        }
        if response.error_code != 0 {
            return self.on_error(link, response.error_code);
        }
        self.generation = response.generation_id;
        let is_leader = response.leader == self.member_id;
        let members = response.members.into_iter().filter(|_| is_leader);
        self.followers = members.map(|member| member.member_id).collect();
        self.step = Step::Sync;
        self.advance(link);
    }

    fn on_offsets(&mut self, link: &mut Link<'_>, response: &OffsetFetchResponse) {
        let code = response
            .groups
            .first()
            .map_or(response.error_code, |group| group.error_code);
        let new = response
            .groups
            .iter()
            .flat_map(|group| &group.topics)
            .flat_map(|topic| &topic.partitions)
            .map(|part| (part.error_code, part.committed_offset));
        let old = response
            .topics
            .iter()
            .flat_map(|topic| &topic.partitions)
            .map(|part| (part.error_code, part.committed_offset));
        for (part_code, offset) in new.chain(old) {
            let code = if code == 0 { part_code } else { code };
            if code != 0 {
                return self.on_error(link, code);
            }
            let offset = (offset >= 0).then_some(offset);
            let knows_newest =
                self.membership == Membership::Auditor || self.acknowledged_by == Some(link.node);
            link.oracle
                .on_commit_read(&self.group, &self.partition, offset, knows_newest);
        }
        if code != 0 {
            return self.on_error(link, code);
        }
        self.go_on_working(link);
    }

    fn on_committed(&mut self, link: &mut Link<'_>, request: &AnyRequest, code: i16) {
        let AnyRequest::OffsetCommit(request) = request else {
            unreachable!("the answer is to a request of its kind")
        };
        if code != 0 {
            return self.on_error(link, code);
        }
        let offset = request.topics[0].partitions[0].committed_offset;
        link.oracle
            .on_committed(&self.group, &self.partition, offset);
        let before = self.acknowledged_by.replace(link.node);
        if before.is_some_and(|before| before != link.node) {
            link.oracle.note(Reached::GroupMoved);
        }
        self.commits_left = self.commits_left.saturating_sub(1);
        self.go_on_working(link);
    }
}

impl Behaviour for Committer {
    fn on_connected(&mut self, link: &mut Link<'_>) {
        self.is_connected = true;
        // Where the coordinator is not there, others may know of another.
        if self.step.is_asked_of_coordinator() && self.coordinator != Some(link.node) {
            self.step = Step::FindCoordinator;
        }
        self.advance(link);
    }

    fn on_answer(&mut self, link: &mut Link<'_>, request: AnyRequest, response: AnyResponse) {
        match response {
            AnyResponse::Metadata(response) => self.on_topic(link, &response),
            AnyResponse::FindCoordinator(response) => {
                let first = response.coordinators.first();
                let node = first.map_or(response.node_id, |one| one.node_id);
                self.coordinator = Some(node).filter(|node| *node >= 0);
                match first.map_or(response.error_code, |one| one.error_code) {
                    0 if self.membership == Membership::Member => self.go_on(link, Step::Join),
                    0 => self.go_on_working(link),
                    code => self.on_error(link, code),
                }
            }
            AnyResponse::JoinGroup(response) => self.on_joined(link, response),
            AnyResponse::SyncGroup(response) => match response.error_code {
                0 => self.go_on_working(link),
                code => self.on_error(link, code),
            },
            AnyResponse::OffsetCommit(response) => {
                let topic = response.topics.first();
                let part = topic.and_then(|topic| topic.partitions.first());
                let code = part.map_or(-1, |part| part.error_code);
                self.on_committed(link, &request, code);
            }
            AnyResponse::OffsetFetch(response) => self.on_offsets(link, &response),
            AnyResponse::Heartbeat(response) => match response.error_code {
                0 => self.go_on_working(link),
                code => self.on_error(link, code),
            },
            AnyResponse::LeaveGroup(_) => self.step = Step::Done,
            other => unreachable!("{request:?} is not answered by {other:?}"),
        }
    }

    fn on_disconnected(&mut self, _link: &mut Link<'_>) {
        self.is_connected = false;
    }

    fn on_wake(&mut self, link: &mut Link<'_>) {
        self.advance(link);
    }

    fn wanted_node(&self) -> Option<BrokerId> {
        self.coordinator
    }

    fn is_finished(&self) -> bool {
        self.step == Step::Done
    }
}
