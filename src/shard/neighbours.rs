//! What the operator is told where replicas of Apache Kafka are in sync beside those of Forebay: a
//! record counts as there on such a replica when it is in the page cache, so that `acks=all`
//! promises less than in a cluster of Forebay alone.

use std::collections::BTreeSet;

use crate::config::DurabilityMode;
use crate::metadata::{MetadataDelta, is_forebay};
use crate::model::{BrokerId, ShardId, Uuid};

use super::core::Shard;

/// Of more topics than this nothing is told: the log is read by people.
const TOPICS_MAX: usize = 100;

/// The topics of which it was told, once in the life of the broker.
#[derive(Debug, Default)]
pub struct Neighbours {
    told: BTreeSet<Uuid>,
}

impl Shard {
    /// The image has changed: look at what this broker leads, on one shard for all.
    pub(super) fn tell_of_neighbours(&mut self, delta: &MetadataDelta) {
        let brokers = &self.image.brokers;
        let is_other = |id: &BrokerId| brokers.get(id).is_some_and(|broker| !is_forebay(broker));
        if self.settings.id != ShardId(0) || !brokers.keys().any(is_other) {
            return;
        }
        let node = self.settings.config.node_id;
        let told = &mut self.neighbours.told;
        for (topic_id, partition) in &delta.partitions_changed {
            if told.len() >= TOPICS_MAX || told.contains(topic_id) {
                continue;
            }
            let registration = self.image.partition(*topic_id, *partition);
            let led = registration.filter(|registration| registration.leader == Some(node));
            let has_others = led.is_some_and(|led| led.isr.iter().any(is_other));
            let Some(topic) = self.image.topics.get(topic_id).filter(|_| has_others) else {
                continue;
            };
            let config = self.configs.topic(&self.image, &topic.name);
            let is_synced = config.forebay_durability == DurabilityMode::Synced;
            if is_synced && config.flush_messages > 1 {
                told.insert(*topic_id);
                tracing::warn!(
                    topic = &*topic.name,
                    "brokers of Apache Kafka are in sync for partitions that are led here: what \
                     acks=all acknowledges is synced on replicas of Forebay only, unless the topic \
                     sets flush.messages=1"
                );
            }
        }
    }
}
