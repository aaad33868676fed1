//! Which log directory a new replica goes to.

use std::collections::BTreeMap;

use crate::model::{BrokerId, Uuid};

use super::super::image::{MetadataImage, TopicImage};

/// How many replicas each log directory of this broker holds. A new one goes to the emptiest, as
/// Kafka's brokers choose.
#[derive(Clone, Debug, Default)]
pub(super) struct Placement {
    replicas: BTreeMap<Uuid, u64>,
}

impl Placement {
    /// The placement of the replicas of `broker` in `image` over its `directories`.
    pub(super) fn of(image: &MetadataImage, broker: BrokerId, directories: &[Uuid]) -> Self {
        let mut placement = Self {
            replicas: directories
                .iter()
                .map(|directory| (*directory, 0))
                .collect(),
        };
        for topic in image.topics.values() {
            placement.count(topic, broker, 1);
        }
        placement
    }

    /// The directory for the next replica; `None` if the broker has none.
    pub(super) fn choose(&mut self) -> Option<Uuid> {
        let (directory, replicas) = self
            .replicas
            .iter_mut()
            .min_by_key(|(_, replicas)| **replicas)?;
        *replicas += 1;
        Some(*directory)
    }

    /// Forget the replicas of a topic that is deleted.
    pub(super) fn on_topic_removed(&mut self, topic: &TopicImage, broker: BrokerId) {
        self.count(topic, broker, -1);
    }

    fn count(&mut self, topic: &TopicImage, broker: BrokerId, sign: i64) {
        for partition in topic.partitions.values() {
            let directory = partition.directory_of(broker);
            if let Some(replicas) = directory.and_then(|id| self.replicas.get_mut(&id)) {
                *replicas = replicas.saturating_add_signed(sign);
            }
        }
    }
}
