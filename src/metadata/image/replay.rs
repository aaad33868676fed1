//! From records to the next image.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::model::Uuid;
use crate::protocol::messages::{
    BrokerRegistrationChangeRecord, ConfigRecord, MetadataRecord, PartitionChangeRecord,
    PartitionRecord, RegisterBrokerRecord, RegisterControllerRecord, TopicRecord,
    register_broker_record, register_controller_record,
};

use super::super::delta::MetadataDelta;
use super::{
    BrokerRegistration, ConfigKind, ConfigResource, ControllerRegistration, Endpoint,
    MetadataImage, NO_LEADER_CHANGE, PartitionRegistration, SupportedFeature, TopicImage,
};
use crate::stdx::SharedMap;

/// Why a record does not fit the image: the log is damaged, or written by something else.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReplayError(pub(super) String);

impl fmt::Display for ReplayError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl MetadataImage {
    /// Take in one record; `value` are its bytes. What it changes is noted in `delta`.
    ///
    /// # Errors
    /// If the record speaks of something that does not exist.
    pub(crate) fn replay_record(
        &mut self,
        record: &MetadataRecord,
        value: &Bytes,
        delta: &mut MetadataDelta,
    ) -> Result<(), ReplayError> {
        match record {
            MetadataRecord::Topic(record) => self.replay_topic(record, delta),
            MetadataRecord::Partition(record) => self.replay_partition(record, delta),
            MetadataRecord::PartitionChange(record) => self.replay_partition_change(record, delta),
            MetadataRecord::RemoveTopic(record) => self.replay_remove_topic(record.topic_id, delta),
            MetadataRecord::Config(record) => {
                self.replay_config(record, value, delta);
                Ok(())
            }
            MetadataRecord::FeatureLevel(record) => {
                let features = Arc::make_mut(&mut self.features);
                if record.feature_level == 0 {
                    features.remove(&record.name);
                } else {
                    features.insert(record.name.clone(), record.feature_level);
                }
                delta.features_changed = true;
                Ok(())
            }
            MetadataRecord::ProducerIds(record) => {
                self.next_producer_id = record.next_producer_id;
                delta.producer_ids_changed = true;
                Ok(())
            }
            MetadataRecord::ClearElr(record) => self.replay_clear_elr(&record.topic_name, delta),
            MetadataRecord::RegisterController(record) => {
                self.controllers
                    .insert(record.controller_id, Arc::new(controller_of(record)));
                Ok(())
            }
            MetadataRecord::UnregisterController(record) => {
                self.controllers.remove(&record.controller_id);
                Ok(())
            }
            MetadataRecord::RegisterBroker(_)
            | MetadataRecord::UnregisterBroker(_)
            | MetadataRecord::BrokerRegistrationChange(_)
            | MetadataRecord::FenceBroker(_)
            | MetadataRecord::UnfenceBroker(_) => self.replay_broker(record, delta),
            MetadataRecord::AccessControlEntry(record) => self.replay_acl(record, delta),
            MetadataRecord::RemoveAccessControlEntry(record) => {
                self.replay_remove_acl(record.id, delta)
            }
            MetadataRecord::NoOp(_)
            | MetadataRecord::BeginTransaction(_)
            | MetadataRecord::EndTransaction(_)
            | MetadataRecord::AbortTransaction(_) => Ok(()),
            MetadataRecord::DelegationToken(_)
            | MetadataRecord::RemoveDelegationToken(_)
            | MetadataRecord::UserScramCredential(_)
            | MetadataRecord::RemoveUserScramCredential(_)
            | MetadataRecord::ClientQuota(_)
            | MetadataRecord::ZkMigrationState(_) => {
                Arc::make_mut(&mut self.kept_records).push(value.clone());
                Ok(())
            }
        }
    }

    fn replay_topic(
        &mut self,
        record: &TopicRecord,
        delta: &mut MetadataDelta,
    ) -> Result<(), ReplayError> {
        let TopicRecord { name, topic_id, .. } = record;
        if self.topic_ids.contains_key(name.as_str()) || self.topics.contains_key(topic_id) {
            return Err(ReplayError(format!(
                "topic {name} with id {topic_id} exists already"
            )));
        }
        let topic = TopicImage {
            name: Arc::from(name.as_str()),
            id: *topic_id,
            partitions: SharedMap::default(),
        };
        self.topic_ids.insert(Arc::clone(&topic.name), *topic_id);
        self.topics.insert(*topic_id, Arc::new(topic));
        delta.topics_created.insert(*topic_id);
        Ok(())
    }

    fn topic_mut(&mut self, topic_id: Uuid) -> Result<&mut TopicImage, ReplayError> {
        self.topics
            .get_mut(&topic_id)
            .map(Arc::make_mut)
            .ok_or_else(|| ReplayError(format!("there is no topic with id {topic_id}")))
    }

    fn replay_partition(
        &mut self,
        record: &PartitionRecord,
        delta: &mut MetadataDelta,
    ) -> Result<(), ReplayError> {
        let topic = self.topic_mut(record.topic_id)?;
        let partition = Arc::new(partition_of(record));
        topic.partitions.insert(record.partition_id, partition);
        delta
            .partitions_changed
            .insert((record.topic_id, record.partition_id));
        Ok(())
    }

    fn replay_partition_change(
        &mut self,
        record: &PartitionChangeRecord,
        delta: &mut MetadataDelta,
    ) -> Result<(), ReplayError> {
        let topic = self.topic_mut(record.topic_id)?;
        let Some(partition) = topic.partitions.get_mut(&record.partition_id) else {
            return Err(ReplayError(format!(
                "topic {} has no partition {}",
                topic.name, record.partition_id
            )));
        };
        change_partition(Arc::make_mut(partition), record);
        delta
            .partitions_changed
            .insert((record.topic_id, record.partition_id));
        Ok(())
    }

    fn replay_remove_topic(
        &mut self,
        topic_id: Uuid,
        delta: &mut MetadataDelta,
    ) -> Result<(), ReplayError> {
        let Some(topic) = self.topics.remove(&topic_id) else {
            return Err(ReplayError(format!("there is no topic with id {topic_id}")));
        };
        self.topic_ids.remove(topic.name.as_ref());
        let resource = ConfigResource {
            kind: ConfigKind::Topic,
            name: Arc::clone(&topic.name),
        };
        self.configs.remove(&resource);
        delta.configs_changed.remove(&resource);
        for partition in topic.partitions.keys() {
            delta.partitions_changed.remove(&(topic_id, *partition));
        }
        if !delta.topics_created.remove(&topic_id) {
            delta.topics_removed.insert(topic_id, topic);
        }
        Ok(())
    }

    fn replay_clear_elr(
        &mut self,
        topic_name: &str,
        delta: &mut MetadataDelta,
    ) -> Result<(), ReplayError> {
        let topic_ids: Vec<Uuid> = if topic_name.is_empty() {
            self.topics.keys().copied().collect()
        } else {
            let id = self.topic_ids.get(topic_name);
            let missing = || ReplayError(format!("there is no topic called {topic_name}"));
            vec![*id.ok_or_else(missing)?]
        };
        for topic_id in topic_ids {
            let topic = self.topic_mut(topic_id)?;
            let with_elr = |(index, partition): (&i32, &Arc<PartitionRegistration>)| {
                let has_elr = !partition.eligible_leader_replicas.is_empty()
                    || !partition.last_known_elr.is_empty();
                has_elr.then_some(*index)
            };
            let indexes: Vec<_> = topic.partitions.iter().filter_map(with_elr).collect();
            for index in indexes {
                if let Some(partition) = topic.partitions.get_mut(&index) {
                    let partition = Arc::make_mut(partition);
                    partition.eligible_leader_replicas.clear();
                    partition.last_known_elr.clear();
                    partition.partition_epoch = partition.partition_epoch.saturating_add(1);
                }
                delta.partitions_changed.insert((topic_id, index));
            }
        }
        Ok(())
    }

    fn replay_config(&mut self, record: &ConfigRecord, raw: &Bytes, delta: &mut MetadataDelta) {
        let Some(kind) = ConfigKind::from_code(record.resource_type) else {
            Arc::make_mut(&mut self.kept_records).push(raw.clone());
            return;
        };
        let resource = ConfigResource::new(kind, &record.resource_name);
        if let Some(value) = &record.value {
            if !self.configs.contains_key(&resource) {
                self.configs.insert(resource.clone(), Arc::default());
            }
            if let Some(values) = self.configs.get_mut(&resource) {
                Arc::make_mut(values).insert(record.name.clone(), value.clone());
            }
        } else if let Some(values) = self.configs.get_mut(&resource) {
            let values = Arc::make_mut(values);
            values.remove(&record.name);
            if values.is_empty() {
                self.configs.remove(&resource);
            }
        }
        delta.configs_changed.insert(resource);
    }

    fn replay_broker(
        &mut self,
        record: &MetadataRecord,
        delta: &mut MetadataDelta,
    ) -> Result<(), ReplayError> {
        let id = match record {
            MetadataRecord::RegisterBroker(record) => {
                let registration = Arc::new(broker_of(record));
                self.brokers.insert(record.broker_id, registration);
                record.broker_id
            }
            MetadataRecord::UnregisterBroker(record) => {
                self.brokers.remove(&record.broker_id);
                record.broker_id
            }
            MetadataRecord::FenceBroker(record) => {
                self.broker_mut(record.id)?.fenced = true;
                record.id
            }
            MetadataRecord::UnfenceBroker(record) => {
                self.broker_mut(record.id)?.fenced = false;
                record.id
            }
            MetadataRecord::BrokerRegistrationChange(record) => {
                change_broker(self.broker_mut(record.broker_id)?, record);
                record.broker_id
            }
            _ => return Ok(()),
        };
        delta.brokers_changed.insert(id);
        Ok(())
    }

    fn broker_mut(&mut self, id: i32) -> Result<&mut BrokerRegistration, ReplayError> {
        self.brokers
            .get_mut(&id)
            .map(Arc::make_mut)
            .ok_or_else(|| ReplayError(format!("broker {id} is not registered")))
    }
}

fn partition_of(record: &PartitionRecord) -> PartitionRegistration {
    let mut directories = record.directories.clone();
    directories.resize(record.replicas.len(), Uuid::ZERO);
    PartitionRegistration {
        replicas: record.replicas.clone(),
        directories,
        isr: record.isr.clone(),
        removing_replicas: record.removing_replicas.clone(),
        adding_replicas: record.adding_replicas.clone(),
        eligible_leader_replicas: record.eligible_leader_replicas.clone().unwrap_or_default(),
        last_known_elr: record.last_known_elr.clone().unwrap_or_default(),
        leader: (record.leader >= 0).then_some(record.leader),
        leader_recovering: record.leader_recovery_state == 1,
        leader_epoch: record.leader_epoch,
        partition_epoch: record.partition_epoch,
    }
}

/// Take in a change of a partition.
pub(crate) fn change_partition(
    partition: &mut PartitionRegistration,
    record: &PartitionChangeRecord,
) {
    let changes = [
        (&mut partition.isr, &record.isr),
        (&mut partition.replicas, &record.replicas),
        (&mut partition.removing_replicas, &record.removing_replicas),
        (&mut partition.adding_replicas, &record.adding_replicas),
        (
            &mut partition.eligible_leader_replicas,
            &record.eligible_leader_replicas,
        ),
        (&mut partition.last_known_elr, &record.last_known_elr),
    ];
    for (field, change) in changes {
        if let Some(change) = change {
            field.clone_from(change);
        }
    }
    if let Some(directories) = &record.directories {
        partition.directories.clone_from(directories);
    }
    partition
        .directories
        .resize(partition.replicas.len(), Uuid::ZERO);
    if record.leader != NO_LEADER_CHANGE {
        partition.leader = (record.leader >= 0).then_some(record.leader);
        partition.leader_epoch = partition.leader_epoch.saturating_add(1);
    }
    if record.leader_recovery_state >= 0 {
        partition.leader_recovering = record.leader_recovery_state == 1;
    }
    partition.partition_epoch = partition.partition_epoch.saturating_add(1);
}

fn broker_of(record: &RegisterBrokerRecord) -> BrokerRegistration {
    let endpoint = |endpoint: &register_broker_record::BrokerEndpoint| Endpoint {
        listener: endpoint.name.clone(),
        host: endpoint.host.clone(),
        port: endpoint.port,
        security_protocol: endpoint.security_protocol,
    };
    let feature = |feature: &register_broker_record::BrokerFeature| SupportedFeature {
        name: feature.name.clone(),
        min_level: feature.min_supported_version,
        max_level: feature.max_supported_version,
    };
    BrokerRegistration {
        id: record.broker_id,
        epoch: record.broker_epoch,
        incarnation_id: record.incarnation_id,
        endpoints: record.end_points.iter().map(endpoint).collect(),
        features: record.features.iter().map(feature).collect(),
        rack: record.rack.clone(),
        fenced: record.fenced,
        in_controlled_shutdown: record.in_controlled_shutdown,
        directories: record.log_dirs.clone(),
        cordoned_directories: record.cordoned_log_dirs.clone().unwrap_or_default(),
    }
}

fn change_broker(broker: &mut BrokerRegistration, record: &BrokerRegistrationChangeRecord) {
    match record.fenced {
        1 => broker.fenced = true,
        -1 => broker.fenced = false,
        _ => {}
    }
    if record.in_controlled_shutdown == 1 {
        broker.in_controlled_shutdown = true;
    }
    if !record.log_dirs.is_empty() {
        broker.directories.clone_from(&record.log_dirs);
    }
    if let Some(cordoned) = &record.cordoned_log_dirs {
        broker.cordoned_directories.clone_from(cordoned);
    }
}

fn controller_of(record: &RegisterControllerRecord) -> ControllerRegistration {
    let endpoint = |endpoint: &register_controller_record::ControllerEndpoint| Endpoint {
        listener: endpoint.name.clone(),
        host: endpoint.host.clone(),
        port: endpoint.port,
        security_protocol: endpoint.security_protocol,
    };
    let feature = |feature: &register_controller_record::ControllerFeature| SupportedFeature {
        name: feature.name.clone(),
        min_level: feature.min_supported_version,
        max_level: feature.max_supported_version,
    };
    ControllerRegistration {
        id: record.controller_id,
        incarnation_id: record.incarnation_id,
        endpoints: record.end_points.iter().map(endpoint).collect(),
        features: record.features.iter().map(feature).collect(),
    }
}
