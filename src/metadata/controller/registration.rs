//! What a node says of itself when it starts, and when it stops.

use std::collections::BTreeMap;

use crate::log::partition_folder;
use crate::model::{BrokerId, Offset, PartitionIndex, Uuid};
use crate::protocol::messages::{
    AbortTransactionRecord, BeginTransactionRecord, BrokerRegistrationChangeRecord,
    EndTransactionRecord, FeatureLevelRecord, MetadataRecord, PartitionChangeRecord,
};

use super::super::features::supported_features;
use super::super::image::{
    BrokerRegistration, ControllerRegistration, DIRECTORY_UNASSIGNED, Endpoint, MetadataImage,
    PartitionRegistration, TopicImage, register_broker_record, register_controller_record,
};
use super::super::record::METADATA_VERSION_MAX;
use super::Controller;

/// What the node registers with.
#[derive(Clone, Debug)]
pub(crate) struct NodeIdentity {
    /// The addresses that clients are told.
    pub broker_endpoints: Vec<Endpoint>,
    /// The addresses of the controller's listeners.
    pub controller_endpoints: Vec<Endpoint>,
    /// The broker's rack.
    pub rack: Option<String>,
    /// The ids of the log directories.
    pub directories: Vec<Uuid>,
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

    /// The record that undoes what an earlier leader began and did not end.
    pub(crate) fn abort_record() -> MetadataRecord {
        AbortTransactionRecord {
            reason: Some("the controller that began it is gone".to_owned()),
            ..AbortTransactionRecord::default()
        }
        .into()
    }

    /// The records with which the node joins: it registers, its fence is lifted, and it leads
    /// every partition that it may lead, in a new epoch.
    ///
    /// The epochs are raised even where the node led before: what it appended in the old epoch and
    /// lost with its memory must not be told apart by offset alone. `next_offset` is the offset of
    /// the first record, from which the broker's epoch is made.
    pub(crate) fn start_records(
        &mut self,
        image: &MetadataImage,
        identity: &NodeIdentity,
        next_offset: Offset,
    ) -> Vec<MetadataRecord> {
        let metadata_version = image.metadata_version().unwrap_or(METADATA_VERSION_MAX);
        let controller = ControllerRegistration {
            id: self.node_id,
            incarnation_id: self.draw_id(),
            endpoints: identity.controller_endpoints.clone(),
            features: supported_features(),
        };
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
            cordoned_directories: Vec::new(),
        };
        let unfence = BrokerRegistrationChangeRecord {
            broker_id: self.node_id,
            broker_epoch: epoch,
            fenced: -1,
            ..BrokerRegistrationChangeRecord::default()
        };
        let mut records = vec![
            register_controller_record(&controller),
            register_broker_record(&broker, metadata_version),
            unfence.into(),
        ];
        let directories = &identity.directories;
        self.placement.begin(image, self.node_id, directories);
        for (topic, index, partition) in each_partition(image) {
            let folder = || partition_folder(&topic.name, index);
            if let Some(mut change) = self.start_change(identity, partition, folder) {
                change.topic_id = topic.id;
                change.partition_id = index;
                records.push(change.into());
            }
        }
        records
    }

    /// What becomes of a partition when this node starts.
    fn start_change(
        &mut self,
        identity: &NodeIdentity,
        partition: &PartitionRegistration,
        folder: impl Fn() -> String,
    ) -> Option<PartitionChangeRecord> {
        let node_id = self.node_id;
        let directory = partition.directory_of(node_id)?;
        if identity.directories.contains(&directory) {
            return elect(partition, node_id);
        }
        if !directory.is_zero() && directory != DIRECTORY_UNASSIGNED {
            // Its directory is gone, and it would begin anew, empty: nobody leads it.
            return (partition.leader == Some(node_id)).then(|| PartitionChangeRecord {
                leader: -1,
                ..PartitionChangeRecord::default()
            });
        }
        let found = identity.folders.get(&folder()).copied();
        let chosen = found.or_else(|| self.placement.choose())?;
        let mut change = elect(partition, node_id).unwrap_or_default();
        let replicas = partition.replicas.iter().zip(&partition.directories);
        let directories = replicas
            .map(|(broker, directory)| {
                if *broker == node_id {
                    chosen
                } else {
                    *directory
                }
            })
            .collect();
        change.directories = Some(directories);
        Some(change)
    }

    /// The records that tell of a log directory that failed, while those `online` go on: nobody
    /// leads its partitions. The in-sync set stays: what is there was committed.
    pub(crate) fn failure_records(
        &mut self,
        image: &MetadataImage,
        failed: Uuid,
        online: Vec<Uuid>,
    ) -> Vec<MetadataRecord> {
        let Some(broker) = image.brokers.get(&self.node_id) else {
            return Vec::new();
        };
        self.placement.forget(failed);
        let change = BrokerRegistrationChangeRecord {
            broker_id: self.node_id,
            broker_epoch: broker.epoch,
            log_dirs: online,
            ..BrokerRegistrationChangeRecord::default()
        };
        let hit = each_partition(image).filter(|(_, _, partition)| {
            partition.leader == Some(self.node_id)
                && partition.directory_of(self.node_id) == Some(failed)
        });
        let leaderless = hit.map(|(topic, index, _)| {
            MetadataRecord::from(PartitionChangeRecord {
                topic_id: topic.id,
                partition_id: index,
                leader: -1,
                ..PartitionChangeRecord::default()
            })
        });
        std::iter::once(change.into()).chain(leaderless).collect()
    }

    /// The records with which the node leaves: it leads nothing any more and is fenced.
    pub(crate) fn stop_records(&self, image: &MetadataImage) -> Vec<MetadataRecord> {
        let Some(broker) = image.brokers.get(&self.node_id) else {
            return Vec::new();
        };
        let change = |fenced, in_controlled_shutdown| {
            MetadataRecord::from(BrokerRegistrationChangeRecord {
                broker_id: self.node_id,
                broker_epoch: broker.epoch,
                fenced,
                in_controlled_shutdown,
                ..BrokerRegistrationChangeRecord::default()
            })
        };
        let mut records = vec![change(0, 1)];
        records.extend(
            each_partition(image)
                .filter(|(_, _, partition)| partition.leader == Some(self.node_id))
                .map(|(topic, index, _)| {
                    MetadataRecord::from(PartitionChangeRecord {
                        topic_id: topic.id,
                        partition_id: index,
                        leader: -1,
                        ..PartitionChangeRecord::default()
                    })
                }),
        );
        records.push(change(1, 0));
        records
    }
}

fn each_partition(
    image: &MetadataImage,
) -> impl Iterator<Item = (&TopicImage, PartitionIndex, &PartitionRegistration)> {
    image.topics.values().flat_map(|topic| {
        let partitions = topic.partitions.iter();
        partitions.map(|(index, partition)| (topic.as_ref(), *index, partition.as_ref()))
    })
}

/// The change that makes `node` the leader of a partition; `None` if it may not lead it without
/// losing records, or somebody else does.
fn elect(partition: &PartitionRegistration, node: BrokerId) -> Option<PartitionChangeRecord> {
    if partition.leader.is_some_and(|leader| leader != node) {
        return None;
    }
    let mut change = PartitionChangeRecord {
        leader: node,
        ..PartitionChangeRecord::default()
    };
    if partition.isr.contains(&node) {
        return Some(change);
    }
    if !partition.isr.is_empty() || !partition.eligible_leader_replicas.contains(&node) {
        return None;
    }
    // The in-sync set is this replica alone again, so nobody else is eligible any more (KIP-966).
    change.isr = Some(vec![node]);
    change.eligible_leader_replicas = Some(Vec::new());
    change.last_known_elr = Some(Vec::new());
    Some(change)
}
