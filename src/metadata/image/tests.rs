//! Records to images and back.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::delta::MetadataDelta;
use super::super::features::METADATA_VERSION;
use super::super::record::{decode_record, encode_record};
use super::*;
use crate::protocol::messages::{
    BrokerRegistrationChangeRecord, ClientQuotaRecord, ConfigRecord, FeatureLevelRecord,
    MetadataRecord, PartitionChangeRecord, ProducerIdsRecord, RemoveAccessControlEntryRecord,
    RemoveTopicRecord, TopicRecord, UnregisterBrokerRecord,
};
use crate::security::{Acl, Operation, PatternType, Permission, ResourceType};

/// Something that happens to a cluster; what does not fit its state is left out.
#[derive(Clone, Debug)]
enum Step {
    CreateTopic {
        topic: u8,
        partitions: u8,
    },
    RemoveTopic(u8),
    ChangePartition {
        topic: u8,
        partition: u8,
        isr: Vec<i32>,
        leader: i32,
    },
    MoveReplicas {
        topic: u8,
        partition: u8,
        replicas: Vec<i32>,
    },
    SetConfig {
        kind: i8,
        name: u8,
        key: u8,
        value: Option<u8>,
    },
    Register {
        broker: u8,
        fenced: bool,
    },
    ChangeBroker {
        broker: u8,
        fenced: i8,
        directories: u8,
    },
    Unregister(u8),
    Feature {
        name: u8,
        level: i16,
    },
    ProducerIds(u32),
    Quota(u8),
    AddAcl(u8),
    RemoveAcl(u8),
}

fn any_step() -> impl Strategy<Value = Step> {
    let brokers = || prop::collection::vec(0..4_i32, 1..4);
    prop_oneof![
        3 => (0..6_u8, 0..5_u8)
            .prop_map(|(topic, partitions)| Step::CreateTopic { topic, partitions }),
        1 => (0..6_u8).prop_map(Step::RemoveTopic),
        3 => (0..6_u8, 0..5_u8, brokers(), -2..4_i32).prop_map(
            |(topic, partition, isr, leader)| Step::ChangePartition {
                topic, partition, isr, leader
            }
        ),
        1 => (0..6_u8, 0..5_u8, brokers()).prop_map(|(topic, partition, replicas)| {
            Step::MoveReplicas { topic, partition, replicas }
        }),
        3 => (prop::sample::select(vec![2_i8, 4, 32, 77]), 0..4_u8, 0..3_u8, any::<Option<u8>>())
            .prop_map(|(kind, name, key, value)| Step::SetConfig { kind, name, key, value }),
        1 => (0..3_u8, any::<bool>()).prop_map(|(broker, fenced)| Step::Register {
            broker, fenced
        }),
        1 => (0..3_u8, -1..2_i8, 0..3_u8).prop_map(|(broker, fenced, directories)| {
            Step::ChangeBroker { broker, fenced, directories }
        }),
        1 => (0..3_u8).prop_map(Step::Unregister),
        1 => (0..3_u8, 0..3_i16).prop_map(|(name, level)| Step::Feature { name, level }),
        1 => (1..9_u32).prop_map(Step::ProducerIds),
        1 => (0..9_u8).prop_map(Step::Quota),
        2 => (0..9_u8).prop_map(Step::AddAcl),
        1 => (0..9_u8).prop_map(Step::RemoveAcl),
    ]
}

fn id(of: u8, generation: usize) -> Uuid {
    let mut bytes = [7; 16];
    bytes[0] = of;
    bytes[8..].copy_from_slice(&(generation as u64).to_be_bytes());
    Uuid::from_bytes(bytes)
}

/// The records of a step; `generation` makes ids that were never used.
fn records(image: &MetadataImage, step: Step, generation: usize) -> Vec<MetadataRecord> {
    let topic_of = |topic: u8| image.topic(&format!("topic-{topic}")).cloned();
    match step {
        Step::CreateTopic { topic, partitions } => {
            if topic_of(topic).is_some() {
                return Vec::new();
            }
            topic_records(topic, partitions, id(topic, generation))
        }
        Step::RemoveTopic(topic) => topic_of(topic)
            .map(|topic| {
                RemoveTopicRecord {
                    topic_id: topic.id,
                    ..RemoveTopicRecord::default()
                }
                .into()
            })
            .into_iter()
            .collect(),
        Step::ChangePartition {
            topic,
            partition,
            isr,
            leader,
        } => {
            let change = PartitionChangeRecord {
                isr: Some(isr),
                leader,
                ..PartitionChangeRecord::default()
            };
            partition_change(topic_of(topic), partition, change)
        }
        Step::MoveReplicas {
            topic,
            partition,
            replicas,
        } => {
            let change = PartitionChangeRecord {
                directories: Some(replicas.iter().map(|_| id(102, 1)).collect()),
                replicas: Some(replicas),
                last_known_elr: Some(vec![3]),
                ..PartitionChangeRecord::default()
            };
            partition_change(topic_of(topic), partition, change)
        }
        Step::SetConfig {
            kind,
            name,
            key,
            value,
        } => {
            let name = format!("topic-{name}");
            if kind == 2 && !image.topic_ids.contains_key(name.as_str()) {
                return Vec::new();
            }
            vec![
                ConfigRecord {
                    resource_type: kind,
                    resource_name: name,
                    name: format!("key-{key}"),
                    value: value.map(|value| value.to_string()),
                    ..ConfigRecord::default()
                }
                .into(),
            ]
        }
        step => node_records(image, step, generation),
    }
}

fn topic_records(topic: u8, partitions: u8, topic_id: Uuid) -> Vec<MetadataRecord> {
    let name = format!("topic-{topic}");
    let mut records = vec![
        TopicRecord {
            name,
            topic_id,
            ..TopicRecord::default()
        }
        .into(),
    ];
    for partition in 0..partitions {
        let mut record = partition_record(&PartitionRegistration {
            replicas: vec![1, 2],
            directories: vec![id(100, 1), id(101, 1)],
            isr: vec![1],
            eligible_leader_replicas: vec![2; usize::from(partition % 2)],
            leader: Some(1),
            leader_recovering: partition == 3,
            ..PartitionRegistration::default()
        });
        record.topic_id = topic_id;
        record.partition_id = i32::from(partition);
        records.push(record.into());
    }
    records
}

fn partition_change(
    topic: Option<Arc<TopicImage>>,
    partition: u8,
    change: PartitionChangeRecord,
) -> Vec<MetadataRecord> {
    let partition_id = i32::from(partition);
    let found = topic.filter(|topic| topic.partitions.contains_key(&partition_id));
    let change = found.map(|topic| PartitionChangeRecord {
        topic_id: topic.id,
        partition_id,
        ..change
    });
    change.map(MetadataRecord::from).into_iter().collect()
}

fn node_records(image: &MetadataImage, step: Step, generation: usize) -> Vec<MetadataRecord> {
    let record = match step {
        Step::Register { broker, fenced } => {
            let registration = BrokerRegistration {
                id: i32::from(broker),
                epoch: 9,
                incarnation_id: id(broker, generation),
                endpoints: Vec::new(),
                features: Vec::new(),
                rack: fenced.then(|| "rack".to_owned()),
                fenced,
                in_controlled_shutdown: !fenced,
                directories: vec![id(100, 1)],
                cordoned_directories: Vec::new(),
            };
            register_broker_record(&registration, 30)
        }
        Step::ChangeBroker {
            broker,
            fenced,
            directories,
        } => {
            if !image.brokers.contains_key(&i32::from(broker)) {
                return Vec::new();
            }
            BrokerRegistrationChangeRecord {
                broker_id: i32::from(broker),
                broker_epoch: 9,
                fenced,
                log_dirs: (0..directories).map(|number| id(number, 2)).collect(),
                ..BrokerRegistrationChangeRecord::default()
            }
            .into()
        }
        Step::Unregister(broker) => UnregisterBrokerRecord {
            broker_id: i32::from(broker),
            broker_epoch: 9,
            ..UnregisterBrokerRecord::default()
        }
        .into(),
        Step::Feature { name, level } => FeatureLevelRecord {
            name: format!("feature-{name}"),
            feature_level: level,
            ..FeatureLevelRecord::default()
        }
        .into(),
        Step::ProducerIds(blocks) => ProducerIdsRecord {
            broker_id: 1,
            next_producer_id: i64::from(blocks) * 1000,
            ..ProducerIdsRecord::default()
        }
        .into(),
        Step::Quota(value) => ClientQuotaRecord {
            key: "consumer_byte_rate".to_owned(),
            value: f64::from(value),
            ..ClientQuotaRecord::default()
        }
        .into(),
        Step::AddAcl(number) => {
            if has_acl(image, acl_id(number)) {
                return Vec::new();
            }
            acl_record(acl_id(number), number)
        }
        Step::RemoveAcl(number) => {
            if !has_acl(image, acl_id(number)) {
                return Vec::new();
            }
            RemoveAccessControlEntryRecord {
                id: acl_id(number),
                ..RemoveAccessControlEntryRecord::default()
            }
            .into()
        }
        _ => unreachable!("a step of topics"),
    };
    vec![record]
}

fn acl_id(number: u8) -> Uuid {
    id(number, 1)
}

fn has_acl(image: &MetadataImage, id: Uuid) -> bool {
    image.acls.iter().any(|(other, _)| *other == id)
}

/// Several of them are about one topic, and two say the same.
fn acl_record(id: Uuid, number: u8) -> MetadataRecord {
    let acl = Acl {
        resource_type: ResourceType::Topic,
        pattern_type: match number % 2 {
            0 => PatternType::Literal,
            _ => PatternType::Prefixed,
        },
        resource_name: format!("topic-{}", number % 3),
        principal: format!("User:{}", number % 6),
        host: "*".to_owned(),
        operation: Operation::Read,
        permission: Permission::Allow,
    };
    access_control_entry_record(id, &acl)
}

fn started() -> MetadataImage {
    let mut image = MetadataImage::default();
    let version = FeatureLevelRecord {
        name: METADATA_VERSION.to_owned(),
        feature_level: 30,
        ..FeatureLevelRecord::default()
    };
    replay(&mut image, &version.into(), &mut MetadataDelta::default());
    image
}

fn replay(image: &mut MetadataImage, record: &MetadataRecord, delta: &mut MetadataDelta) {
    let value = encode_record(record, 30);
    let decoded = decode_record(&value).unwrap();
    assert_eq!(&decoded, record, "a record survives its encoding");
    image.replay_record(&decoded, &value, delta).unwrap();
}

/// Every partition with its registration.
fn partitions(
    image: &MetadataImage,
) -> std::collections::BTreeMap<(Uuid, i32), Arc<PartitionRegistration>> {
    let mut all = std::collections::BTreeMap::new();
    for (id, topic) in image.topics.iter() {
        for (index, partition) in topic.partitions.iter() {
            all.insert((*id, *index), Arc::clone(partition));
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn the_records_of_an_image_make_the_image_again(
        steps in prop::collection::vec(any_step(), 0..80),
    ) {
        let mut image = started();
        for (generation, step) in steps.into_iter().enumerate() {
            for record in records(&image, step, generation) {
                replay(&mut image, &record, &mut MetadataDelta::default());
            }
        }
        let mut again = MetadataImage::default();
        for value in image.to_record_values() {
            let record = decode_record(&value).unwrap();
            again.replay_record(&record, &value, &mut MetadataDelta::default()).unwrap();
        }
        prop_assert_eq!(again, image);
    }

    #[test]
    fn a_delta_tells_exactly_what_differs(
        before in prop::collection::vec(any_step(), 0..60),
        after in prop::collection::vec(any_step(), 0..20),
    ) {
        let mut image = started();
        let mut generation = 0;
        for step in before {
            generation += 1;
            for record in records(&image, step, generation) {
                replay(&mut image, &record, &mut MetadataDelta::default());
            }
        }
        let old = image.clone();
        let mut delta = MetadataDelta::default();
        for step in after {
            generation += 1;
            for record in records(&image, step, generation) {
                replay(&mut image, &record, &mut delta);
            }
        }
        let (had, has) = (partitions(&old), partitions(&image));
        let is_new = |id: &&Uuid| !old.topics.contains_key(*id);
        let created: BTreeSet<Uuid> = image.topics.keys().filter(is_new).copied().collect();
        prop_assert_eq!(&delta.topics_created, &created);
        let is_gone = |id: &&Uuid| !image.topics.contains_key(*id);
        let removed: Vec<Uuid> = old.topics.keys().filter(is_gone).copied().collect();
        prop_assert!(delta.topics_removed.keys().eq(&removed));
        for (at, partition) in &has {
            if had.get(at) != Some(partition) {
                prop_assert!(delta.partitions_changed.contains(at), "{:?}", at);
            }
        }
        for at in &delta.partitions_changed {
            prop_assert!(has.contains_key(at), "{:?} is gone", at);
        }
        for (resource, values) in image.configs.iter() {
            let is_told = delta.configs_changed.contains(resource);
            prop_assert!(is_told || old.configs.get(resource) == Some(values));
        }
        for (broker, registration) in image.brokers.iter() {
            let is_told = delta.brokers_changed.contains(broker);
            prop_assert!(is_told || old.brokers.get(broker) == Some(registration));
        }
        prop_assert!(delta.features_changed || old.features == image.features);
        prop_assert!(delta.acls_changed || old.acls == image.acls);
    }
}

#[test]
fn a_record_of_something_that_does_not_exist_is_refused() {
    let mut image = started();
    let topic_id = id(1, 1);
    let unknown: [MetadataRecord; 5] = [
        RemoveTopicRecord {
            topic_id,
            ..RemoveTopicRecord::default()
        }
        .into(),
        PartitionChangeRecord {
            topic_id,
            ..PartitionChangeRecord::default()
        }
        .into(),
        BrokerRegistrationChangeRecord::default().into(),
        RemoveAccessControlEntryRecord::default().into(),
        partition_record(&PartitionRegistration::default()).into(),
    ];
    for record in unknown {
        let value = encode_record(&record, 30);
        let replayed = image.replay_record(&record, &value, &mut MetadataDelta::default());
        assert!(replayed.is_err(), "{record:?}");
    }
    let topic: MetadataRecord = TopicRecord {
        name: "t".to_owned(),
        topic_id,
        ..TopicRecord::default()
    }
    .into();
    replay(&mut image, &topic, &mut MetadataDelta::default());
    let value = encode_record(&topic, 30);
    let again = image.replay_record(&topic, &value, &mut MetadataDelta::default());
    assert!(again.is_err(), "a topic is created once");
    let acl = acl_record(acl_id(1), 1);
    replay(&mut image, &acl, &mut MetadataDelta::default());
    let value = encode_record(&acl, 30);
    let again = image.replay_record(&acl, &value, &mut MetadataDelta::default());
    assert!(again.is_err(), "an entry is created once");
}

#[test]
fn bytes_that_are_no_record_are_refused() {
    let whole = encode_record(
        &TopicRecord {
            name: "topic".to_owned(),
            topic_id: id(1, 1),
            ..TopicRecord::default()
        }
        .into(),
        30,
    );
    for cut in 0..whole.len() {
        assert!(decode_record(&whole.slice(..cut)).is_err(), "cut at {cut}");
    }
    let longer = Bytes::from([whole.as_ref(), b"\0"].concat());
    let frame = Bytes::from_static(b"\x02\x02\x00");
    let unknown_type = Bytes::from_static(b"\x01\x7f\x00");
    let unknown_version = Bytes::from_static(b"\x01\x02\x63");
    for bytes in [longer, frame, unknown_type, unknown_version] {
        assert!(decode_record(&bytes).is_err(), "{bytes:?}");
    }
}
