//! From an image to the records of a snapshot: replayed into an empty image they give it again.

use std::sync::Arc;

use bytes::Bytes;

use crate::protocol::messages::{
    ConfigRecord, FeatureLevelRecord, MetadataRecord, PartitionRecord, ProducerIdsRecord,
    RegisterBrokerRecord, RegisterControllerRecord, TopicRecord, register_broker_record,
    register_controller_record,
};

use super::super::features::METADATA_VERSION;
use super::super::record::{CORDONED_DIRECTORIES_SINCE, encode_record};
use super::{
    BrokerRegistration, ControllerRegistration, Endpoint, MetadataImage, PartitionRegistration,
    SupportedFeature, TopicImage, access_control_entry_record,
};

impl MetadataImage {
    /// The level of `metadata.version`; `None` before the first records.
    #[must_use]
    pub fn metadata_version(&self) -> Option<i16> {
        self.features.get(METADATA_VERSION).copied()
    }

    /// The values of the records that make up this image, in the order in which Kafka writes them.
    pub(crate) fn to_record_values(&self) -> impl Iterator<Item = Bytes> {
        let version = self.metadata_version().unwrap_or(0);
        let head = self.feature_records();
        let brokers = self
            .brokers
            .values()
            .map(move |broker| register_broker_record(broker, version));
        let controllers = self
            .controllers
            .values()
            .map(|controller| register_controller_record(controller));
        let topics = self.topics.values().flat_map(topic_records);
        let configs = self.configs.iter().flat_map(|(resource, values)| {
            values.iter().map(|(name, value)| {
                MetadataRecord::from(ConfigRecord {
                    resource_type: resource.kind.code(),
                    resource_name: resource.name.to_string(),
                    name: name.clone(),
                    value: Some(value.clone()),
                    ..ConfigRecord::default()
                })
            })
        });
        let producer_ids = (self.next_producer_id > 0).then(|| {
            MetadataRecord::from(ProducerIdsRecord {
                broker_id: -1,
                broker_epoch: -1,
                next_producer_id: self.next_producer_id,
                ..ProducerIdsRecord::default()
            })
        });
        let acls = self
            .acls
            .iter()
            .map(|(id, acl)| access_control_entry_record(*id, acl));
        head.chain(brokers)
            .chain(controllers)
            .chain(topics)
            .chain(configs)
            .chain(producer_ids)
            .chain(acls)
            .map(move |record| encode_record(&record, version))
            .chain(self.kept_records.iter().cloned())
    }

    /// The metadata version stands first: it says how to read the rest.
    fn feature_records(&self) -> impl Iterator<Item = MetadataRecord> {
        let (first, rest): (Vec<_>, Vec<_>) = self
            .features
            .iter()
            .partition(|(name, _)| name.as_str() == METADATA_VERSION);
        first.into_iter().chain(rest).map(|(name, level)| {
            MetadataRecord::from(FeatureLevelRecord {
                name: name.clone(),
                feature_level: *level,
                ..FeatureLevelRecord::default()
            })
        })
    }
}

fn topic_records(topic: &Arc<TopicImage>) -> impl Iterator<Item = MetadataRecord> {
    let head = MetadataRecord::from(TopicRecord {
        name: topic.name.to_string(),
        topic_id: topic.id,
        ..TopicRecord::default()
    });
    let partitions = topic.partitions.iter().map(|(index, partition)| {
        let mut record = partition_record(partition);
        record.partition_id = *index;
        record.topic_id = topic.id;
        MetadataRecord::from(record)
    });
    std::iter::once(head).chain(partitions)
}

/// The record of a partition, but for its topic and index.
pub(crate) fn partition_record(partition: &PartitionRegistration) -> PartitionRecord {
    let some_unless_empty = |list: &Vec<i32>| (!list.is_empty()).then(|| list.clone());
    PartitionRecord {
        replicas: partition.replicas.clone(),
        isr: partition.isr.clone(),
        removing_replicas: partition.removing_replicas.clone(),
        adding_replicas: partition.adding_replicas.clone(),
        leader: partition.leader.unwrap_or(-1),
        leader_recovery_state: i8::from(partition.leader_recovering),
        leader_epoch: partition.leader_epoch,
        partition_epoch: partition.partition_epoch,
        directories: partition.directories.clone(),
        eligible_leader_replicas: some_unless_empty(&partition.eligible_leader_replicas),
        last_known_elr: some_unless_empty(&partition.last_known_elr),
        ..PartitionRecord::default()
    }
}

/// The record of a broker's registration.
pub(crate) fn register_broker_record(
    broker: &BrokerRegistration,
    metadata_version: i16,
) -> MetadataRecord {
    let endpoint = |endpoint: &Endpoint| register_broker_record::BrokerEndpoint {
        name: endpoint.listener.clone(),
        host: endpoint.host.clone(),
        port: endpoint.port,
        security_protocol: endpoint.security_protocol,
        ..register_broker_record::BrokerEndpoint::default()
    };
    let feature = |feature: &SupportedFeature| register_broker_record::BrokerFeature {
        name: feature.name.clone(),
        min_supported_version: feature.min_level,
        max_supported_version: feature.max_level,
        ..register_broker_record::BrokerFeature::default()
    };
    MetadataRecord::from(RegisterBrokerRecord {
        broker_id: broker.id,
        incarnation_id: broker.incarnation_id,
        broker_epoch: broker.epoch,
        end_points: broker.endpoints.iter().map(endpoint).collect(),
        features: broker.features.iter().map(feature).collect(),
        rack: broker.rack.clone(),
        fenced: broker.fenced,
        in_controlled_shutdown: broker.in_controlled_shutdown,
        log_dirs: broker.directories.clone(),
        cordoned_log_dirs: (metadata_version >= CORDONED_DIRECTORIES_SINCE)
            .then(|| broker.cordoned_directories.clone()),
        ..RegisterBrokerRecord::default()
    })
}

/// The record of a controller's registration.
pub(crate) fn register_controller_record(controller: &ControllerRegistration) -> MetadataRecord {
    let endpoint = |endpoint: &Endpoint| register_controller_record::ControllerEndpoint {
        name: endpoint.listener.clone(),
        host: endpoint.host.clone(),
        port: endpoint.port,
        security_protocol: endpoint.security_protocol,
        ..register_controller_record::ControllerEndpoint::default()
    };
    let feature = |feature: &SupportedFeature| register_controller_record::ControllerFeature {
        name: feature.name.clone(),
        min_supported_version: feature.min_level,
        max_supported_version: feature.max_level,
        ..register_controller_record::ControllerFeature::default()
    };
    MetadataRecord::from(RegisterControllerRecord {
        controller_id: controller.id,
        incarnation_id: controller.incarnation_id,
        end_points: controller.endpoints.iter().map(endpoint).collect(),
        features: controller.features.iter().map(feature).collect(),
        ..RegisterControllerRecord::default()
    })
}
