//! What the quorum is told at the start.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{CleanupPolicy, TopicConfig};
use crate::log::storage::{StorageOwner, StoragePath};
use crate::model::{BrokerId, NodeAddress, Uuid};

use super::control::{Voter, VoterEndpoint};
use super::raft::Timeouts;

/// The only partition of the topic whose log this is.
pub(super) const TOPIC: &str = "__cluster_metadata";

/// The metadata log's folder in its log directory.
pub const METADATA_FOLDER: &str = "__cluster_metadata-0";

/// What the quorum is told at the start.
#[derive(Clone, Debug)]
pub struct QuorumSettings {
    /// This node.
    pub node_id: BrokerId,
    /// The cluster's id: requests of nodes of another cluster are refused.
    pub cluster_id: Arc<str>,
    /// The id of the log directory that holds the metadata log.
    pub directory_id: Uuid,
    /// That log directory.
    pub directory: StoragePath,
    /// Where this node's controller listeners are reached.
    pub endpoints: Vec<VoterEndpoint>,
    /// The listener by which other nodes are reached: the first of `controller.listener.names`.
    pub listener: String,
    /// How this node takes part.
    pub membership: Membership,
    /// Whom the completions of small files are for.
    pub files_owner: StorageOwner,
    /// Whom the completions of the log are for.
    pub log_owner: StorageOwner,
    /// True if the node stopped cleanly.
    pub is_clean: bool,
    /// `metadata.log.segment.bytes`
    pub segment_bytes: u32,
    /// `metadata.log.segment.ms`
    pub segment_ms: i64,
    /// `metadata.max.retention.bytes`: older snapshots go when log and snapshots exceed it.
    pub retention_bytes: Option<u64>,
    /// `metadata.max.retention.ms`: snapshots older than it go, but for the newest.
    pub retention_ms: Option<u64>,
}

/// How a node takes part in the quorum.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Membership {
    /// False for a node that only follows (`process.roles=broker`).
    pub votes: bool,
    /// Whom to ask who leads, where that is not known: `controller.quorum.bootstrap.servers`, or
    /// the addresses in `controller.quorum.voters`.
    pub bootstrap: Vec<NodeAddress>,
    /// The voters of `controller.quorum.voters`, where the log does not tell of any
    /// (`kraft.version` 0). They have no directories.
    pub static_voters: Option<Vec<Voter>>,
    /// True for a broker whose settings tell of no other controller, and which cannot do its work
    /// when another one leads: as the only voter it gives no vote to others.
    pub stays_alone: bool,
    /// `controller.quorum.auto.join.enable`: it asks for a vote by itself.
    pub joins: bool,
    /// How long things may take.
    pub timeouts: QuorumTimeouts,
}

impl Default for Membership {
    /// The only voter.
    fn default() -> Self {
        Self {
            votes: true,
            bootstrap: Vec::new(),
            static_voters: None,
            stays_alone: false,
            joins: false,
            timeouts: QuorumTimeouts::default(),
        }
    }
}

/// How long things may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct QuorumTimeouts {
    /// `controller.quorum.election.timeout.ms`
    pub election: Duration,
    /// `controller.quorum.fetch.timeout.ms`
    pub fetch: Duration,
    /// `controller.quorum.request.timeout.ms`
    pub request: Duration,
    /// `controller.quorum.retry.backoff.ms`
    pub retry: Duration,
}

impl Default for QuorumTimeouts {
    /// Kafka's.
    fn default() -> Self {
        Self {
            election: Duration::from_secs(1),
            fetch: Duration::from_secs(2),
            request: Duration::from_secs(2),
            retry: Duration::from_millis(20),
        }
    }
}

impl QuorumTimeouts {
    pub(super) const fn of_machine(self) -> Timeouts {
        Timeouts {
            election: self.election,
            fetch: self.fetch,
            retry: self.retry,
        }
    }
}

/// The settings of the metadata log, which nothing is deleted from but what snapshots hold.
pub(crate) fn metadata_log_config(segment_bytes: u32, segment_ms: i64) -> TopicConfig {
    TopicConfig {
        cleanup_policy: CleanupPolicy {
            delete: false,
            compact: false,
        },
        retention_bytes: None,
        retention_ms: None,
        segment_bytes,
        segment_ms,
        max_message_bytes: segment_bytes,
        ..TopicConfig::default()
    }
}
