//! What the quorum tells of itself: who leads, who votes, who follows, and how far each is.

use std::collections::BTreeSet;

use crate::log::Log;
use crate::model::{BrokerId, ErrorCode, Uuid};
use crate::protocol::messages::describe_cluster_response::DescribeClusterBroker;
use crate::protocol::messages::describe_quorum_response::{
    Listener, Node, PartitionData, ReplicaState, TopicData,
};
use crate::protocol::messages::{
    DescribeClusterResponse, DescribeQuorumRequest, DescribeQuorumResponse,
};
use crate::stdx::Now;

use super::control::{Voter, VoterEndpoint};
use super::core::{Phase, Quorum};
use super::raft::Role;
use super::replicas::Progress;
use super::request::{QuorumToken, ReplicaKey};
use super::settings::TOPIC;

/// Since this version addresses and directories are told (KIP-853). Older ones have no place for
/// them.
const VERSION_WITH_NODES: i16 = 2;

/// The kind of nodes that listeners of controllers tell of.
const CONTROLLERS: i8 = 2;

impl Quorum {
    /// The node that leads the epoch, once that is known.
    #[must_use]
    pub fn leader_id(&self) -> Option<BrokerId> {
        let raft = self.raft.as_ref();
        let raft = raft.filter(|_| matches!(self.phase, Phase::Running))?;
        // What is not on the disk yet is not told.
        raft.leader()
            .filter(|leader| *leader != self.settings.node_id || self.seat.is_some())
    }

    /// The leader, and its address on the listener of this name.
    pub(super) fn leader_endpoint(&self, listener: &str) -> Option<(BrokerId, &VoterEndpoint)> {
        let id = self.leader_id()?;
        let found = self.voter_endpoints(id).iter();
        let mut found = found.filter(|one| one.listener == listener);
        Some((id, found.next()?))
    }

    fn voter_endpoints(&self, id: BrokerId) -> &[VoterEndpoint] {
        let voters = self.known_voters();
        match voters.iter().find(|voter| voter.id == id) {
            Some(voter) => &voter.endpoints,
            None if id == self.settings.node_id => &self.settings.endpoints,
            None => &[],
        }
    }

    /// Where the leader `id` is reached: what it was last told to be stands first.
    pub(super) fn endpoints_of(&self, id: BrokerId) -> Vec<VoterEndpoint> {
        let told = self.told_address(id).map(|address| VoterEndpoint {
            listener: self.settings.listener.clone(),
            host: address.host.clone(),
            port: address.port,
        });
        let listener = &self.settings.listener;
        let is_listed = told.is_some();
        let mut endpoints: Vec<VoterEndpoint> = told.into_iter().collect();
        let others = self.voter_endpoints(id).iter();
        endpoints.extend(
            others
                .filter(|one| !is_listed || one.listener != *listener)
                .cloned(),
        );
        endpoints.sort_by_key(|one| one.listener != *listener);
        endpoints
    }

    /// What this node is in the quorum, in Kafka's words.
    #[must_use]
    pub fn standing(&self) -> &'static str {
        let Some(raft) = &self.raft else {
            return "unattached";
        };
        match raft.role() {
            Role::Leader(_) => "leader",
            Role::Resigned => "resigned",
            Role::Candidate(_) => "candidate",
            Role::Prospective(_) => "prospective",
            _ if !raft.is_voter() => "observer",
            Role::Follower { .. } => "follower",
            Role::Unattached => "unattached",
        }
    }

    /// The numbers of those who vote.
    #[must_use]
    pub fn voter_ids(&self) -> Vec<BrokerId> {
        let voters = self.described_voters();
        voters.iter().map(|voter| voter.id).collect()
    }

    /// Who votes, also where neither the log nor the settings say it: this node.
    pub(super) fn described_voters(&self) -> Vec<Voter> {
        match self.known_voters() {
            [] => vec![Voter {
                id: self.settings.node_id,
                directory_id: Uuid::ZERO,
                endpoints: self.settings.endpoints.clone(),
            }],
            known => known.to_vec(),
        }
    }

    /// The voters, by their addresses on `listener`, and which of them leads.
    ///
    /// While that is not known this is an error, other than in Apache Kafka, whose answer names no
    /// leader then: its admin client takes that for an answer, and asks anew only when its metadata
    /// expire, after minutes. After an error it asks again, or tells its user.
    pub(super) fn on_describe_cluster(&mut self, token: QuorumToken, listener: &str) {
        let voters = match self.is_alone() {
            true => self.described_voters(),
            false => self.known_voters().to_vec(),
        };
        let brokers = voters.into_iter().filter_map(|voter| {
            let mut endpoints = voter.endpoints.into_iter();
            let endpoint = endpoints.find(|endpoint| endpoint.listener == listener)?;
            Some(DescribeClusterBroker {
                broker_id: voter.id,
                host: endpoint.host,
                port: i32::from(endpoint.port),
                ..Default::default()
            })
        });
        let leader = self.leader_id();
        let error = match leader {
            Some(_) => ErrorCode::None,
            None => ErrorCode::LeaderNotAvailable,
        };
        let reason = "nobody is known to lead the metadata quorum";
        let response = DescribeClusterResponse {
            error_code: error.code(),
            error_message: leader.is_none().then(|| reason.to_owned()),
            cluster_id: self.settings.cluster_id.to_string(),
            controller_id: leader.unwrap_or(-1),
            endpoint_type: CONTROLLERS,
            brokers: brokers.collect(),
            ..Default::default()
        };
        self.answer(token, response);
    }

    pub(super) fn on_describe(
        &mut self,
        now: Now,
        token: QuorumToken,
        version: i16,
        request: &DescribeQuorumRequest,
    ) {
        let is_metadata = match request.topics.as_slice() {
            [topic] => {
                let is_first = |partitions: &[i32]| partitions == [0];
                let partitions: Vec<i32> = topic
                    .partitions
                    .iter()
                    .map(|partition| partition.partition_index)
                    .collect();
                topic.topic_name == TOPIC && is_first(&partitions)
            }
            _ => false,
        };
        if !is_metadata {
            let response = refused(request, ErrorCode::UnknownTopicOrPartition);
            return self.answer(token, response);
        }
        if self.check_leading(self.epoch()).is_err() {
            let response = refused(request, ErrorCode::NotLeaderOrFollower);
            return self.answer(token, response);
        }
        let response = self.describe(now, version);
        self.answer(token, response);
    }

    fn describe(&self, now: Now, version: i16) -> DescribeQuorumResponse {
        let voters = self.described_voters();
        let voting: BTreeSet<ReplicaKey> = voters.iter().map(key_of).collect();
        let of_voter = |key: &ReplicaKey| self.state_of_voter(now, *key);
        let observers = self.replicas.recent(now.instant);
        let observers = observers.filter(|(key, _)| !voting.iter().any(|voter| is(*voter, *key)));
        // A leader without a vote leads until that is committed.
        let me = self.me();
        let leaves = !voting.iter().any(|voter| is(*voter, me));
        let own = leaves.then(|| self.state_of_voter(now, me));
        let mut partition = PartitionData {
            leader_id: self.settings.node_id,
            leader_epoch: self.epoch(),
            high_watermark: self.high_watermark,
            current_voters: voting.iter().map(of_voter).collect(),
            observers: own
                .into_iter()
                .chain(observers.map(|(key, progress)| state_of(key, Some(progress))))
                .collect(),
            ..Default::default()
        };
        let listener = |endpoint: &VoterEndpoint| Listener {
            name: endpoint.listener.clone(),
            host: endpoint.host.clone(),
            port: endpoint.port,
            ..Default::default()
        };
        if version < VERSION_WITH_NODES {
            let voters = partition.current_voters.iter_mut();
            for replica in voters.chain(&mut partition.observers) {
                replica.replica_directory_id = Uuid::ZERO;
            }
        }
        let named = voters.iter().filter(|_| version >= VERSION_WITH_NODES);
        let nodes = named.map(|voter| Node {
            node_id: voter.id,
            listeners: voter.endpoints.iter().map(listener).collect(),
            ..Default::default()
        });
        DescribeQuorumResponse {
            topics: vec![TopicData {
                topic_name: TOPIC.to_owned(),
                partitions: vec![partition],
                ..Default::default()
            }],
            nodes: nodes.collect(),
            ..Default::default()
        }
    }

    fn state_of_voter(&self, now: Now, key: ReplicaKey) -> ReplicaState {
        if key.id != self.settings.node_id {
            let latest = self.replicas.latest(|replica| is(key, replica));
            return state_of(key, latest.map(|(_, progress)| progress));
        }
        ReplicaState {
            replica_id: key.id,
            replica_directory_id: key.directory_id,
            log_end_offset: self.log.as_ref().map_or(0, Log::log_end_offset),
            last_fetch_timestamp: now.wall_ms,
            last_caught_up_timestamp: now.wall_ms,
            ..Default::default()
        }
    }
}

/// True if `replica` is the voter. One that the settings name has no directory, though it tells its
/// own when it fetches.
fn is(voter: ReplicaKey, replica: ReplicaKey) -> bool {
    voter == replica || (voter.id == replica.id && voter.directory_id.is_zero())
}

fn key_of(voter: &Voter) -> ReplicaKey {
    ReplicaKey {
        id: voter.id,
        directory_id: voter.directory_id,
    }
}

fn state_of(key: ReplicaKey, progress: Option<&Progress>) -> ReplicaState {
    let caught_up = progress.and_then(|progress| progress.last_caught_up_ms);
    ReplicaState {
        replica_id: key.id,
        replica_directory_id: key.directory_id,
        log_end_offset: progress.map_or(-1, |progress| progress.end_offset),
        last_fetch_timestamp: progress.map_or(-1, |progress| progress.last_fetch_ms),
        last_caught_up_timestamp: caught_up.unwrap_or(-1),
        ..Default::default()
    }
}

/// The same error for all that was asked for.
fn refused(request: &DescribeQuorumRequest, error: ErrorCode) -> DescribeQuorumResponse {
    let message = match error {
        ErrorCode::UnknownTopicOrPartition => "This server does not host this topic-partition.",
        _ => "This node does not lead the metadata quorum: ask the one that does.",
    };
    let topics = request.topics.iter().map(|topic| TopicData {
        topic_name: topic.topic_name.clone(),
        partitions: topic
            .partitions
            .iter()
            .map(|partition| PartitionData {
                partition_index: partition.partition_index,
                error_code: error.code(),
                error_message: Some(message.to_owned()),
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    });
    DescribeQuorumResponse {
        topics: topics.collect(),
        ..Default::default()
    }
}
