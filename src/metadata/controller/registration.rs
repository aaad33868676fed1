//! What a node says of itself when it starts, and when it stops.

use std::collections::{BTreeMap, BTreeSet};

use crate::log::partition_folder;
use crate::model::{Offset, PartitionIndex, Uuid};
use crate::protocol::messages::{
    AbortTransactionRecord, BeginTransactionRecord, BrokerRegistrationChangeRecord,
    EndTransactionRecord, FeatureLevelRecord, MetadataRecord, PartitionChangeRecord,
};

use super::super::features::{ELIGIBLE_REPLICAS_VERSION, supported_features};
use super::super::image::{
    BrokerRegistration, ControllerRegistration, DIRECTORY_UNASSIGNED, Endpoint, MetadataImage,
    PartitionRegistration, TopicImage, register_broker_record, register_controller_record,
};
use super::super::record::METADATA_VERSION_MAX;
use super::elections::{ElectionRules, placed};
use super::partition_change::PartitionChange;
use super::update_features::eligible_replicas_records;
use super::{Controller, View};

/// What the node registers with.
#[derive(Clone, Debug)]
pub(crate) struct NodeIdentity {
    /// True if it is a broker that the controller registers.
    pub is_broker: bool,
    /// The addresses that clients are told.
    pub broker_endpoints: Vec<Endpoint>,
    /// The addresses of the controller's listeners.
    pub controller_endpoints: Vec<Endpoint>,
    /// Names this life of the controller.
    pub controller_incarnation: Uuid,
    /// The broker's rack.
    pub rack: Option<String>,
    /// The ids of the log directories.
    pub directories: Vec<Uuid>,
    /// Those of them that take no new partitions.
    pub cordoned: Vec<Uuid>,
    /// Where each partition's folder was found, by its name: a broker that stopped early may not
    /// have told which directory it had chosen.
    pub folders: BTreeMap<String, Uuid>,
}

impl Controller {
    /// The first records of a cluster, all or none: the levels of its features.
    pub(crate) fn bootstrap_records(features: &[(String, i16)]) -> Vec<MetadataRecord> {
        let begin = BeginTransactionRecord {
            name: Some("Bootstrap records".to_owned()),
            ..BeginTransactionRecord::default()
        };
        let mut records = vec![begin.into()];
        for (name, level) in features {
            records.push(
                FeatureLevelRecord {
                    name: name.clone(),
                    feature_level: *level,
                    ..FeatureLevelRecord::default()
                }
                .into(),
            );
        }
        records.push(EndTransactionRecord::default().into());
        records
    }

    /// The same with what the features need of the settings.
    pub(crate) fn founding_records(
        view: View<'_>,
        features: &[(String, i16)],
    ) -> Vec<MetadataRecord> {
        let mut records = Self::bootstrap_records(features);
        let is_eligible = |one: &(String, i16)| one.0 == ELIGIBLE_REPLICAS_VERSION && one.1 > 0;
        if features.iter().any(is_eligible) {
            let end = records.pop();
            records.extend(eligible_replicas_records(view));
            records.extend(end);
        }
        records
    }

    /// The record that undoes what an earlier leader began and did not end.
    pub(crate) fn abort_record() -> MetadataRecord {
        AbortTransactionRecord {
            reason: Some("the controller that began it is gone".to_owned()),
            ..AbortTransactionRecord::default()
        }
        .into()
    }

    /// The records with which the node joins: it registers, and if its broker stays with it the
    /// fence of that is lifted, and it leads every partition that it may lead, in a new epoch.
    ///
    /// The epochs are raised even where the node led before: what it appended in the old epoch and
    /// lost with its memory must not be told apart by offset alone. Where others are in sync too,
    /// one of them leads. `next_offset` is the offset of the first record, from which the broker's
    /// epoch is made.
    pub(crate) fn start_records(
        &mut self,
        view: View<'_>,
        identity: &NodeIdentity,
        next_offset: Offset,
    ) -> Vec<MetadataRecord> {
        let image = view.image;
        let metadata_version = image.metadata_version().unwrap_or(METADATA_VERSION_MAX);
        let controller = ControllerRegistration {
            id: self.node_id,
            incarnation_id: identity.controller_incarnation,
            endpoints: identity.controller_endpoints.clone(),
            features: supported_features(),
        };
        if !identity.is_broker {
            return vec![register_controller_record(&controller)];
        }
        let epoch = next_offset.saturating_add(1);
        let broker = BrokerRegistration {
            id: self.node_id,
            epoch,
            incarnation_id: self.draw_id(),
            endpoints: identity.broker_endpoints.clone(),
            features: supported_features(),
            rack: identity.rack.clone(),
            fenced: true,
            in_controlled_shutdown: false,
            directories: identity.directories.clone(),
            cordoned_directories: match image.has_cordoned_directories() {
                true => identity.cordoned.clone(),
                false => Vec::new(),
            },
        };
        let mut records = vec![
            register_controller_record(&controller),
            register_broker_record(&broker, metadata_version),
            broker_change(&broker, |change| change.fenced = -1),
        ];
        let directories = &identity.directories;
        self.placement.begin(image, self.node_id, directories);
        for topic in image.topics.values() {
            let mut rules = None;
            for (index, partition) in topic.partitions.iter() {
                let rules = || *rules.get_or_insert_with(|| ElectionRules::of(view, topic));
                let folder = || partition_folder(&topic.name, *index);
                let change = self.start_change(view, identity, partition, (rules, folder));
                records.extend(change.map(|change| placed(change, topic, *index)));
            }
        }
        records
    }

    /// What becomes of a partition when this node starts.
    fn start_change(
        &mut self,
        view: View<'_>,
        identity: &NodeIdentity,
        partition: &PartitionRegistration,
        (rules, folder): (impl FnOnce() -> ElectionRules, impl FnOnce() -> String),
    ) -> Option<PartitionChangeRecord> {
        let own = self.node_id;
        let directory = partition.directory_of(own)?;
        let is_chosen = !directory.is_zero() && directory != DIRECTORY_UNASSIGNED;
        let rules = rules();
        let mut change = PartitionChange::of(partition, rules.min_isr).elect(rules.election());
        // Where its directory is gone the replica would begin anew, empty.
        let is_gone = is_chosen && !identity.directories.contains(&directory);
        if !is_chosen {
            let found = identity.folders.get(&folder()).copied();
            change = change.directory(own, found.or_else(|| self.placement.choose())?);
        }
        let is_in_sync = partition.isr.contains(&own);
        let is_alone = is_in_sync && partition.isr.len() == 1;
        if is_in_sync && (is_gone || !is_alone) {
            let isr = partition.isr.iter().copied();
            let change = change.isr(isr.filter(|broker| *broker != own).collect());
            return change.record(&|broker| broker != own && view.may_lead(partition, broker));
        }
        let leader = partition.leader;
        let may_lead = |broker| {
            let is_ready = broker == own && !is_gone;
            is_ready || leader == Some(broker) || view.may_lead(partition, broker)
        };
        let record = change.record(&may_lead);
        if leader != Some(own) {
            return record;
        }
        let mut record = record.unwrap_or_default();
        record.leader = own;
        Some(record)
    }

    /// The records that tell of a log directory that failed, while those `online` go on: its
    /// replicas lead nothing. One that is in sync alone stays so: what is there was committed.
    pub(crate) fn failure_records(
        &mut self,
        view: View<'_>,
        failed: Uuid,
        online: Vec<Uuid>,
    ) -> Vec<MetadataRecord> {
        let Some(broker) = view.image.brokers.get(&self.node_id) else {
            return Vec::new();
        };
        self.placement.forget(failed);
        let mut records = vec![broker_change(broker, |change| change.log_dirs = online)];
        records.extend(Self::directory_records(view, self.node_id, &[failed]));
        records
    }

    /// The record of which directories of this node's broker take no new partitions; `None` if that
    /// is known, or is told by the broker itself.
    pub(crate) fn cordon_own(&self, view: View<'_>, told: &[Uuid]) -> Option<MetadataRecord> {
        let broker = view.image.brokers.get(&self.staying?)?;
        cordon_record(view.image, broker, told)
    }

    /// The records with which the node leaves: it leads nothing any more and is fenced. One whose
    /// broker joined by itself has left by itself.
    pub(crate) fn stop_records(&self, view: View<'_>) -> Vec<MetadataRecord> {
        let staying = self.staying.and_then(|id| view.image.brokers.get(&id));
        let Some(broker) = staying else {
            return Vec::new();
        };
        let mut records = vec![broker_change(broker, |change| {
            change.in_controlled_shutdown = 1;
        })];
        records.extend(Self::removal_records(view, self.node_id));
        records.push(broker_change(broker, |change| change.fenced = 1));
        records
    }
}

/// The record by which these directories of a broker are the cordoned ones (KIP-1066); `None` if
/// they are.
pub(super) fn cordon_record(
    image: &MetadataImage,
    broker: &BrokerRegistration,
    told: &[Uuid],
) -> Option<MetadataRecord> {
    let as_set = |directories: &[Uuid]| directories.iter().copied().collect::<BTreeSet<_>>();
    let is_changed = as_set(told) != as_set(&broker.cordoned_directories);
    (image.has_cordoned_directories() && is_changed).then(|| {
        broker_change(broker, |record| {
            record.cordoned_log_dirs = Some(told.to_vec());
        })
    })
}

/// The record of a change of a broker's registration.
pub(super) fn broker_change(
    broker: &BrokerRegistration,
    change: impl FnOnce(&mut BrokerRegistrationChangeRecord),
) -> MetadataRecord {
    let mut record = BrokerRegistrationChangeRecord {
        broker_id: broker.id,
        broker_epoch: broker.epoch,
        ..BrokerRegistrationChangeRecord::default()
    };
    change(&mut record);
    record.into()
}

/// The partitions of all topics.
pub(super) fn each_partition(
    image: &MetadataImage,
) -> impl Iterator<Item = (&TopicImage, PartitionIndex, &PartitionRegistration)> {
    image.topics.values().flat_map(|topic| {
        let partitions = topic.partitions.iter();
        partitions.map(|(index, partition)| (topic.as_ref(), *index, partition.as_ref()))
    })
}
