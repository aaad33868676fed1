//! What is known of the cluster at one offset of the metadata log.

mod acls;
mod cluster;
mod configs;
mod records;
mod replay;
mod topics;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::model::{
    BrokerId, ErrorCode, LeaderEpoch, Offset, PartitionIndex, ProducerId, TimestampMs, Uuid,
};

use super::features::{ELIGIBLE_REPLICAS_VERSION, IMPLEMENTED_FEATURES, KRAFT_VERSION};
use super::record::CORDONED_DIRECTORIES_SINCE;
use crate::security::AclSet;
use crate::stdx::SharedMap;

pub(crate) use acls::access_control_entry_record;
pub use cluster::{BrokerRegistration, ControllerRegistration, Endpoint, SupportedFeature};
pub use configs::{ConfigKind, ConfigResource};
pub(crate) use records::{partition_record, register_broker_record, register_controller_record};
pub(crate) use replay::change_partition;
pub(crate) use topics::NO_LEADER_CHANGE;
pub(crate) use topics::{DIRECTORY_UNASSIGNED, is_directory_chosen};
pub use topics::{PartitionRegistration, TopicImage};

/// What is known of the cluster. It never changes; a copy shares its parts with the original.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct MetadataImage {
    /// The offset after the last record that is in the image.
    pub end_offset: Offset,
    /// The epoch of that record.
    pub epoch: LeaderEpoch,
    /// The time of that record.
    pub timestamp_ms: TimestampMs,
    /// The cluster's id.
    pub cluster_id: Arc<str>,
    /// The version of the quorum's protocol, a feature that no metadata record tells.
    pub kraft_version: i16,
    /// The levels of the other finalized features.
    pub features: Arc<BTreeMap<String, i16>>,
    /// The registered brokers.
    pub brokers: SharedMap<BrokerId, Arc<BrokerRegistration>>,
    /// The registered controllers.
    pub controllers: SharedMap<BrokerId, Arc<ControllerRegistration>>,
    /// The topics.
    pub topics: SharedMap<Uuid, Arc<TopicImage>>,
    /// The ids of the topics.
    pub topic_ids: SharedMap<Arc<str>, Uuid>,
    /// The settings that were changed, by resource.
    pub configs: SharedMap<ConfigResource, Arc<BTreeMap<String, String>>>,
    /// The first producer id that no broker was given.
    pub next_producer_id: ProducerId,
    /// Who may do what, where an authorizer asks.
    pub acls: Arc<AclSet>,
    /// Records of what is not served (quotas, credentials, tokens), in their order, so that a
    /// snapshot does not lose them.
    pub(crate) kept_records: Arc<Vec<Bytes>>,
}

impl MetadataImage {
    /// The finalized features that are implemented, and their levels, for `ApiVersions`. A cluster
    /// that Kafka wrote may have more of them; clients must not act on those.
    #[must_use]
    pub fn finalized_features(&self) -> Vec<(&'static str, i16)> {
        let level = |name: &str| match name {
            KRAFT_VERSION => Some(self.kraft_version).filter(|level| *level > 0),
            _ => self.features.get(name).copied(),
        };
        let implemented = IMPLEMENTED_FEATURES.iter();
        implemented
            .filter_map(|feature| Some((feature.name, level(feature.name)?)))
            .collect()
    }

    /// True if replicas that have left the in-sync set may lead without loss (KIP-966).
    #[must_use]
    pub(crate) fn has_eligible_replicas(&self) -> bool {
        let level = self.features.get(ELIGIBLE_REPLICAS_VERSION);
        level.is_some_and(|level| *level > 0)
    }

    /// True if log directories can be cordoned (KIP-1066).
    #[must_use]
    pub(crate) fn has_cordoned_directories(&self) -> bool {
        let version = self.metadata_version();
        version.is_some_and(|version| version >= CORDONED_DIRECTORIES_SINCE)
    }

    /// The epoch of the finalized features: the offset of the last record (KIP-584).
    #[must_use]
    pub const fn features_epoch(&self) -> i64 {
        self.end_offset - 1
    }

    /// The topic called `name`.
    #[must_use]
    pub fn topic(&self, name: &str) -> Option<&Arc<TopicImage>> {
        self.topics.get(self.topic_ids.get(name)?)
    }

    /// A partition of the topic with this id.
    #[must_use]
    pub fn partition(
        &self,
        topic_id: Uuid,
        partition: PartitionIndex,
    ) -> Option<&Arc<PartitionRegistration>> {
        self.topics.get(&topic_id)?.partitions.get(&partition)
    }

    /// Who leads the partition, for a client of the listener called `listener`.
    ///
    /// # Errors
    /// `LEADER_NOT_AVAILABLE` if nobody does, and `LISTENER_NOT_FOUND` if the client could not
    /// reach the leader.
    pub fn leader_at(
        &self,
        partition: &PartitionRegistration,
        listener: &str,
    ) -> Result<BrokerId, ErrorCode> {
        let leader = partition.leader.and_then(|id| self.brokers.get(&id));
        let leader = leader.ok_or(ErrorCode::LeaderNotAvailable)?;
        let endpoint = leader.endpoint(listener);
        endpoint
            .map(|_| leader.id)
            .ok_or(ErrorCode::ListenerNotFound)
    }

    /// True if a client of the listener called `listener` could be sent to the broker.
    #[must_use]
    pub fn is_reachable(&self, broker: BrokerId, listener: &str) -> bool {
        let registered = self.brokers.get(&broker).filter(|broker| !broker.fenced);
        registered.is_some_and(|broker| broker.endpoint(listener).is_some())
    }

    /// True if `broker` runs and the log directory of its replica works.
    #[must_use]
    pub fn is_replica_online(&self, broker: BrokerId, partition: &PartitionRegistration) -> bool {
        let directory = partition.directory_of(broker);
        let registered = self.brokers.get(&broker).filter(|broker| !broker.fenced);
        registered.is_some_and(|broker| directory.is_none_or(|id| broker.has_online(id)))
    }

    /// The brokers whose replicas of the partition a client of the listener called `listener`
    /// cannot use.
    #[must_use]
    pub fn offline_replicas(
        &self,
        partition: &PartitionRegistration,
        listener: &str,
    ) -> Vec<BrokerId> {
        let is_online = |broker| {
            self.is_replica_online(broker, partition) && self.is_reachable(broker, listener)
        };
        let replicas = partition.replicas.iter().copied();
        replicas.filter(|broker| !is_online(*broker)).collect()
    }

    /// The settings that were changed for `resource`.
    #[must_use]
    pub fn config(&self, resource: &ConfigResource) -> Option<&Arc<BTreeMap<String, String>>> {
        self.configs.get(resource)
    }
}
