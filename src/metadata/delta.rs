//! What distinguishes an image from the one published before it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{BrokerId, PartitionIndex, Uuid};

use super::image::{ConfigKind, ConfigResource, MetadataImage, TopicImage};

/// What changed between two published images, so that a reader works in the size of the change.
///
/// A topic that was deleted and created again under its name is in both lists, with two ids. One
/// that came and went between two images is in none. The first image's delta tells all of it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct MetadataDelta {
    /// The deleted topics as they last were.
    pub topics_removed: BTreeMap<Uuid, Arc<TopicImage>>,
    /// The topics that the image before did not have.
    pub topics_created: BTreeSet<Uuid>,
    /// The partitions that are new or whose registration changed, of topics that still exist.
    pub partitions_changed: BTreeSet<(Uuid, PartitionIndex)>,
    /// The resources whose settings changed. A deleted topic's settings go with it, untold.
    pub configs_changed: BTreeSet<ConfigResource>,
    /// The brokers that registered, changed or went.
    pub brokers_changed: BTreeSet<BrokerId>,
    /// True if a finalized feature changed.
    pub features_changed: bool,
    /// True if an access control entry came or went.
    pub acls_changed: bool,
    /// True if a block of producer ids was given away.
    pub producer_ids_changed: bool,
}

impl MetadataDelta {
    /// What distinguishes `after` from `before`, where nobody saw the records between them.
    #[must_use]
    pub fn between(before: &MetadataImage, after: &MetadataImage) -> Self {
        let mut delta = Self {
            features_changed: before.features != after.features
                || before.kraft_version != after.kraft_version,
            acls_changed: before.acls != after.acls,
            producer_ids_changed: before.next_producer_id != after.next_producer_id,
            ..Self::default()
        };
        for (id, topic) in before.topics.iter() {
            if !after.topics.contains_key(id) {
                delta.topics_removed.insert(*id, Arc::clone(topic));
            }
        }
        for (id, topic) in after.topics.iter() {
            let known = before.topics.get(id);
            if known.is_none() {
                delta.topics_created.insert(*id);
            }
            for (index, partition) in topic.partitions.iter() {
                if known.and_then(|known| known.partitions.get(index)) != Some(partition) {
                    delta.partitions_changed.insert((*id, *index));
                }
            }
        }
        let gone = before.brokers.keys();
        let gone = gone.filter(|id| !after.brokers.contains_key(*id)).copied();
        delta.brokers_changed.extend(gone);
        let brokers = after.brokers.iter();
        let changed = brokers.filter(|(id, broker)| before.brokers.get(*id) != Some(*broker));
        delta.brokers_changed.extend(changed.map(|(id, _)| *id));
        delta.note_configs(before, after);
        delta
    }

    fn note_configs(&mut self, before: &MetadataImage, after: &MetadataImage) {
        let is_of_removed = |resource: &ConfigResource| {
            let mut removed = self.topics_removed.values();
            resource.kind == ConfigKind::Topic
                && after.topic(&resource.name).is_none()
                && removed.any(|topic| *topic.name == *resource.name)
        };
        let gone = before.configs.keys();
        let gone = gone.filter(|resource| !after.configs.contains_key(*resource));
        let gone = gone.filter(|resource| !is_of_removed(resource));
        let mut changed: BTreeSet<ConfigResource> = gone.cloned().collect();
        let set = after.configs.iter();
        let set = set.filter(|(resource, values)| before.configs.get(*resource) != Some(*values));
        changed.extend(set.map(|(resource, _)| resource.clone()));
        self.configs_changed.extend(changed);
    }

    /// True if nothing changed that the image shows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
