//! What distinguishes an image from the one published before it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{BrokerId, PartitionIndex, Uuid};

use super::image::{ConfigResource, TopicImage};

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
    /// True if nothing changed that the image shows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
