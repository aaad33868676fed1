//! What the metadata of a node is told at the start.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{BrokerConfig, BrokerSettings, CONTROLLER_PORT, Listener, SecurityProtocol};
use crate::log::storage::{DirectoryIndex, StorageOwner, StoragePath};
use crate::model::Uuid;
use crate::quorum::{Membership, QuorumSettings, QuorumTimeouts, Voter, VoterEndpoint};
use crate::stdx::{Random, duration_of_ms};

use super::super::image::Endpoint;

/// What the node is told.
#[derive(Clone, Debug)]
pub struct NodeSettings {
    /// What was set for the broker.
    pub settings: BrokerSettings,
    /// The same, resolved, with the ports that are really listened on.
    pub config: BrokerConfig,
    /// Which directory holds the metadata log: one of `log.dirs`, or the one behind them.
    pub metadata_directory: DirectoryIndex,
    /// The id that a new cluster gets; `None` draws one.
    pub cluster_id: Option<String>,
    /// How the metadata log is kept.
    pub log: MetadataLogSettings,
    /// How the node takes part in the metadata quorum.
    pub membership: Membership,
    /// Whom the completions of small files are for.
    pub files_owner: StorageOwner,
    /// Whom the completions of the metadata log are for.
    pub log_owner: StorageOwner,
    /// New ids come from here.
    pub random: Random,
}

/// How the metadata log is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MetadataLogSettings {
    /// `metadata.log.segment.bytes`
    pub segment_bytes: u32,
    /// `metadata.log.segment.ms`
    pub segment_ms: i64,
    /// `metadata.log.max.record.bytes.between.snapshots`
    pub snapshot_bytes: u64,
    /// `metadata.log.max.snapshot.interval.ms`; `None` for never.
    pub snapshot_interval: Option<Duration>,
    /// `metadata.max.retention.bytes`; `None` for no limit.
    pub retention_bytes: Option<u64>,
    /// `metadata.max.retention.ms`; `None` for no limit.
    pub retention_ms: Option<u64>,
}

impl MetadataLogSettings {
    /// The settings in `config`.
    #[must_use]
    pub fn new(config: &BrokerConfig) -> Self {
        let interval_ms = u64::try_from(config.metadata_log_max_snapshot_interval_ms);
        Self {
            segment_bytes: config.metadata_log_segment_bytes,
            segment_ms: config.metadata_log_segment_ms,
            snapshot_bytes: config.metadata_log_max_record_bytes_between_snapshots,
            snapshot_interval: interval_ms
                .ok()
                .filter(|interval| *interval > 0)
                .map(Duration::from_millis),
            retention_bytes: config.metadata_max_retention_bytes,
            retention_ms: config.metadata_max_retention_ms,
        }
    }
}

/// How a node with these settings takes part in the metadata quorum.
#[must_use]
pub fn membership_of(config: &BrokerConfig) -> Membership {
    let listener = config.controller_listener_names.first();
    let voters = config.quorum.voters.iter().map(|voter| Voter {
        id: voter.id,
        directory_id: Uuid::ZERO,
        endpoints: vec![VoterEndpoint {
            listener: listener.cloned().unwrap_or_default(),
            host: voter.address.host.clone(),
            port: voter.address.port,
        }],
    });
    Membership {
        votes: config.roles.controller,
        bootstrap: config.quorum.first_asked().cloned().collect(),
        static_voters: config.quorum.are_several().then(|| voters.collect()),
        stays_alone: config.roles.broker && !config.may_be_one_of_several(),
        joins: config.controller_quorum_auto_join_enable,
        timeouts: QuorumTimeouts {
            election: duration_of_ms(config.controller_quorum_election_timeout_ms),
            fetch: duration_of_ms(config.controller_quorum_fetch_timeout_ms),
            request: duration_of_ms(config.controller_quorum_request_timeout_ms),
            retry: duration_of_ms(config.controller_quorum_retry_backoff_ms),
        },
    }
}

impl NodeSettings {
    /// The quorum's settings, with the id of the directory that holds it.
    pub(super) fn quorum(
        &self,
        cluster_id: Arc<str>,
        directory_id: Uuid,
        is_clean: bool,
    ) -> QuorumSettings {
        QuorumSettings {
            node_id: self.config.node_id,
            cluster_id,
            directory_id,
            directory: StoragePath::new(self.metadata_directory, ""),
            endpoints: self.voter_endpoints(),
            listener: self.controller_listener(),
            membership: self.membership.clone(),
            files_owner: self.files_owner,
            log_owner: self.log_owner,
            is_clean,
            segment_bytes: self.log.segment_bytes,
            segment_ms: self.log.segment_ms,
            retention_bytes: self.log.retention_bytes,
            retention_ms: self.log.retention_ms,
        }
    }

    /// The name of the directory that holds the metadata log, for people.
    pub(super) fn metadata_directory_name(&self) -> &str {
        self.directory_name(usize::from(self.metadata_directory.0))
    }

    /// How many directories are used: `log.dirs`, and the metadata log's if it has its own.
    pub(super) fn directories_count(&self) -> usize {
        let with_metadata = usize::from(self.metadata_directory.0) + 1;
        self.config.log_dirs.len().max(with_metadata)
    }

    /// True for one of `log.dirs`, false for a directory that the metadata log has for itself.
    pub(super) fn is_log_directory(&self, index: usize) -> bool {
        index < self.config.log_dirs.len()
    }

    /// The name of a directory, for people.
    pub(super) fn directory_name(&self, index: usize) -> &str {
        let log_dir = self.config.log_dirs.get(index);
        log_dir.unwrap_or(&self.config.metadata_log_dir)
    }

    /// The addresses that clients are told.
    pub(super) fn broker_endpoints(&self) -> Vec<Endpoint> {
        let listeners = self.config.listeners.iter();
        listeners
            .filter(|listener| !listener.is_controller)
            .filter_map(endpoint_of)
            .collect()
    }

    /// The addresses of the controller's listeners. A voter has at least one: where none is
    /// configured, since nobody else is in the quorum, it is the one that Kafka ships.
    pub(super) fn controller_endpoints(&self) -> Vec<Endpoint> {
        let listeners = self.config.listeners.iter();
        let configured: Vec<Endpoint> = listeners
            .filter(|listener| listener.is_controller)
            .filter_map(endpoint_of)
            .collect();
        if !configured.is_empty() {
            return configured;
        }
        vec![Endpoint {
            listener: self.controller_listener(),
            host: "localhost".to_owned(),
            port: CONTROLLER_PORT,
            security_protocol: 0,
        }]
    }

    /// The listener by which the nodes of the quorum reach each other.
    fn controller_listener(&self) -> String {
        let name = self.config.controller_listener_names.first();
        name.map_or_else(|| "CONTROLLER".to_owned(), Clone::clone)
    }

    /// Where this node is reached as a voter, which it is not everywhere.
    pub(super) fn voter_endpoints(&self) -> Vec<VoterEndpoint> {
        if !self.membership.votes {
            return Vec::new();
        }
        let endpoints = self.controller_endpoints().into_iter();
        endpoints
            .map(|endpoint| VoterEndpoint {
                listener: endpoint.listener,
                host: endpoint.host,
                port: endpoint.port,
            })
            .collect()
    }
}

fn endpoint_of(listener: &Listener) -> Option<Endpoint> {
    let (host, port) = listener.advertised.clone()?;
    Some(Endpoint {
        listener: listener.name.clone(),
        host,
        port,
        security_protocol: match listener.security_protocol {
            SecurityProtocol::Plaintext => 0,
            SecurityProtocol::Ssl => 1,
            SecurityProtocol::SaslPlaintext => 2,
            SecurityProtocol::SaslSsl => 3,
        },
    })
}
