//! What is known of the cluster at one offset of the metadata log.

mod cluster;
mod configs;
mod topics;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{BrokerId, LeaderEpoch, Offset, PartitionIndex, ProducerId, TimestampMs, Uuid};

use super::shared_map::SharedMap;

pub use cluster::{BrokerRegistration, ControllerRegistration, Endpoint, SupportedFeature};
pub use configs::{ConfigKind, ConfigResource};
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
    /// The levels of the finalized features.
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
}

impl MetadataImage {
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

    /// The settings that were changed for `resource`.
    #[must_use]
    pub fn config(&self, resource: &ConfigResource) -> Option<&Arc<BTreeMap<String, String>>> {
        self.configs.get(resource)
    }
}
