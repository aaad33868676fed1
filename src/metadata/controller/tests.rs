//! What Kafka 4.3.1 answered to the same requests, refusal by refusal.

mod acls;
mod alterations;
mod assignments;
mod brokers;
mod elections;
mod eligible;
mod features;
mod in_sync;
mod reassignments;
mod starts;
mod suspicions;

use super::*;
use crate::config::{ServeArguments, Startup};
use crate::metadata::delta::MetadataDelta;
use crate::metadata::image::{ConfigKind, ConfigResource};
use crate::metadata::record::encode_record;
use crate::protocol::messages::create_partitions_request::{
    CreatePartitionsAssignment, CreatePartitionsTopic,
};
use crate::protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use crate::protocol::messages::delete_topics_request::DeleteTopicState;
use crate::protocol::messages::{
    AlterConfigsRequest, CreatePartitionsRequest, CreateTopicsRequest, CreateTopicsResponse,
    DeleteTopicsRequest, IncrementalAlterConfigsRequest, alter_configs_request,
    incremental_alter_configs_request,
};

/// A controller and the image that its records make.
struct Cluster {
    controller: Controller,
    image: MetadataImage,
    startup: Startup,
}

impl Cluster {
    fn new() -> Self {
        let mut cluster = Self {
            controller: Controller::new(1, Random::from_seed(1)),
            image: MetadataImage::default(),
            startup: ServeArguments::default().resolve(None, "host").unwrap(),
        };
        let features = [("metadata.version".to_owned(), 30)];
        cluster.replay(&Controller::bootstrap_records(&features));
        let identity = identity();
        cluster.start(&identity, 5);
        cluster
    }

    /// Who decides, and on what.
    fn deciding(&mut self) -> (&mut Controller, View<'_>) {
        let view = View {
            image: &self.image,
            settings: &self.startup.settings,
            config: &self.startup.config,
        };
        (&mut self.controller, view)
    }

    /// The node of the controller joins, its first record at this offset.
    fn start(&mut self, identity: &NodeIdentity, next_offset: i64) {
        let (controller, view) = self.deciding();
        let records = controller.start_records(view, identity, next_offset);
        self.replay(&records);
    }

    fn stop(&mut self) {
        let (controller, view) = self.deciding();
        let records = controller.stop_records(view);
        self.replay(&records);
    }

    fn replay(&mut self, records: &[MetadataRecord]) {
        for record in records {
            let value = encode_record(record, 30);
            let mut delta = MetadataDelta::default();
            self.image
                .replay_record(record, &value, &mut delta)
                .unwrap();
        }
    }

    fn with_topics() -> Self {
        let mut cluster = Self::new();
        let made = [topic("p1", 2, 1), topic("c.d", 1, 1)];
        assert_eq!(cluster.create(&made), [0, 0].map(|code| (code, None)));
        cluster
    }

    fn decide(&mut self, topics: &[CreatableTopic]) -> Decision<CreateTopicsResponse> {
        let view = View {
            image: &self.image,
            settings: &self.startup.settings,
            config: &self.startup.config,
        };
        let request = CreateTopicsRequest {
            topics: topics.to_vec(),
            ..CreateTopicsRequest::default()
        };
        self.controller.create_topics(view, &request)
    }

    /// Create topics for good; code and message of each answer.
    fn create(&mut self, topics: &[CreatableTopic]) -> Vec<(i16, Option<String>)> {
        let decision = self.decide(topics);
        self.replay(&decision.records);
        let answers = decision.response.topics.into_iter();
        answers
            .map(|answer| (answer.error_code, answer.error_message))
            .collect()
    }

    fn refusal(&mut self, topic: CreatableTopic) -> (i16, String) {
        let (code, message) = self.create(&[topic]).remove(0);
        (code, message.unwrap_or_default())
    }

    fn add(&mut self, topic: CreatePartitionsTopic) -> (i16, Option<String>, usize) {
        let view = View {
            image: &self.image,
            settings: &self.startup.settings,
            config: &self.startup.config,
        };
        let request = CreatePartitionsRequest {
            topics: vec![topic],
            ..CreatePartitionsRequest::default()
        };
        let mut decision = self.controller.create_partitions(view, &request);
        let answer = decision.response.results.remove(0);
        self.replay(&decision.records);
        (
            answer.error_code,
            answer.error_message,
            decision.records.len(),
        )
    }

    fn delete(&mut self, topics: &[(Option<&str>, Uuid)]) -> Vec<(i16, Option<String>)> {
        let view = View {
            image: &self.image,
            settings: &self.startup.settings,
            config: &self.startup.config,
        };
        let wish = |(name, topic_id): &(Option<&str>, Uuid)| DeleteTopicState {
            name: name.map(str::to_owned),
            topic_id: *topic_id,
            ..DeleteTopicState::default()
        };
        let request = DeleteTopicsRequest {
            topics: topics.iter().map(wish).collect(),
            ..DeleteTopicsRequest::default()
        };
        let decision = self.controller.delete_topics(view, &request, 6);
        self.replay(&decision.records);
        let answers = decision.response.responses.into_iter();
        answers
            .map(|answer| (answer.error_code, answer.error_message))
            .collect()
    }

    /// Change one setting; code, message, and the records' values.
    fn alter(
        &mut self,
        kind: i8,
        resource: &str,
        (name, operation, value): (&str, i8, Option<&str>),
    ) -> (i16, Option<String>, Vec<Option<String>>) {
        let view = View {
            image: &self.image,
            settings: &self.startup.settings,
            config: &self.startup.config,
        };
        let wish = incremental_alter_configs_request::AlterConfigsResource {
            resource_type: kind,
            resource_name: resource.to_owned(),
            configs: vec![incremental_alter_configs_request::AlterableConfig {
                name: name.to_owned(),
                config_operation: operation,
                value: value.map(str::to_owned),
                ..Default::default()
            }],
            ..Default::default()
        };
        let request = IncrementalAlterConfigsRequest {
            resources: vec![wish],
            ..IncrementalAlterConfigsRequest::default()
        };
        let mut decision = self.controller.incremental_alter_configs(view, &request);
        self.replay(&decision.records);
        let answer = decision.response.responses.remove(0);
        let values = decision.records.into_iter();
        let values = values.filter_map(|record| match record {
            MetadataRecord::Config(record) => Some(record.value),
            MetadataRecord::ClearElr(_) => None,
            other => panic!("{other:?}"),
        });
        (answer.error_code, answer.error_message, values.collect())
    }
}

fn directory(number: u8) -> Uuid {
    Uuid::from_bytes([number; 16])
}

/// A node of two log directories, and nothing in them.
fn identity() -> NodeIdentity {
    NodeIdentity {
        is_broker: true,
        broker_endpoints: Vec::new(),
        controller_endpoints: Vec::new(),
        controller_incarnation: directory(9),
        rack: None,
        directories: vec![directory(1), directory(2)],
        cordoned: Vec::new(),
        folders: std::collections::BTreeMap::new(),
    }
}

fn topic(name: &str, partitions: i32, replication: i16) -> CreatableTopic {
    CreatableTopic {
        name: name.to_owned(),
        num_partitions: partitions,
        replication_factor: replication,
        ..CreatableTopic::default()
    }
}

fn assigned(partitions: i32, replication: i16, brokers: &[(i32, &[i32])]) -> CreatableTopic {
    let mut topic = topic("new", partitions, replication);
    let assignments = brokers.iter();
    topic.assignments = assignments
        .map(|(index, brokers)| CreatableReplicaAssignment {
            partition_index: *index,
            broker_ids: brokers.to_vec(),
            ..CreatableReplicaAssignment::default()
        })
        .collect();
    topic
}

fn configured(configs: &[(&str, Option<&str>)]) -> CreatableTopic {
    let mut topic = topic("new", 1, 1);
    let configs = configs.iter();
    topic.configs = configs
        .map(|(name, value)| CreatableTopicConfig {
            name: (*name).to_owned(),
            value: value.map(str::to_owned),
            ..CreatableTopicConfig::default()
        })
        .collect();
    topic
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn a_topic_that_cannot_be_is_refused_in_kafkas_words() {
    let long = "x".repeat(250);
    let too_long = format!(
        "Topic name is invalid: the length of '{long}' is longer than the max allowed length 249"
    );
    let letters =
        "contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'";
    let two = "Unable to replicate the partition 2 time(s): The target replication factor of 2 \
               cannot be reached because only 1 broker(s) are registered or some brokers have all \
               their log directories cordoned.";
    let factor = "Replication factor must be larger than 0, or -1 to use the default value.";
    let count = "Number of partitions was set to an invalid non-positive value.";
    let manual = "A manual partition assignment was specified, but";
    let includes = "The manual partition assignment includes";
    let sequence = "partitions should be a consecutive 0-based integer sequence";
    let excess = "Excessively large number of partitions per request.";
    let batch = "Unable to perform excessively large batch operation.";
    let cases = [
        (
            topic("", 1, 1),
            17,
            "Topic name is invalid: the empty string is not allowed",
        ),
        (
            topic(".", 1, 1),
            17,
            "Topic name is invalid: '.' is not allowed",
        ),
        (
            topic("..", 1, 1),
            17,
            "Topic name is invalid: '..' is not allowed",
        ),
        (
            topic("a/b", 1, 1),
            17,
            &format!("Topic name is invalid: 'a/b' {letters}"),
        ),
        (
            topic("ü", 1, 1),
            17,
            &format!("Topic name is invalid: 'ü' {letters}"),
        ),
        (topic(&long, 1, 1), 17, &too_long),
        (
            topic("__cluster_metadata", 1, 1),
            42,
            "Creation of internal topic __cluster_metadata is prohibited.",
        ),
        (topic("p1", 0, 1), 36, "Topic 'p1' already exists."),
        (
            topic("c_d", 1, 1),
            17,
            "Topic 'c_d' collides with existing topic: c.d",
        ),
        (topic("new", 0, 1), 37, count),
        (topic("new", -2, 1), 37, count),
        (topic("new", 0, 0), 38, factor),
        (topic("new", 1, -2), 38, factor),
        (topic("new", 1, 2), 38, two),
        (
            assigned(-1, 1, &[(0, &[1])]),
            42,
            &format!("{manual} replication factor was not set to -1."),
        ),
        (
            assigned(1, -1, &[(0, &[1])]),
            42,
            &format!("{manual} numPartitions was not set to -1."),
        ),
        (assigned(-1, -1, &[(0, &[1]), (2, &[1])]), 39, sequence),
        (assigned(-1, -1, &[(-1, &[1])]), 39, sequence),
        (
            assigned(-1, -1, &[(0, &[7])]),
            39,
            &format!("{includes} broker 7, but no such broker is registered."),
        ),
        (
            assigned(-1, -1, &[(0, &[1, 1])]),
            39,
            &format!("{includes} the broker 1 more than once."),
        ),
        (
            assigned(-1, -1, &[(0, &[])]),
            39,
            &format!("{includes} an empty replica list."),
        ),
        (
            configured(&[("no.such", Some("5"))]),
            40,
            "Unknown topic config name: no.such",
        ),
        (
            configured(&[("retention.ms", None), ("segment.bytes", None)]),
            40,
            "Null value not supported for topic configs: retention.ms,segment.bytes",
        ),
        (
            configured(&[("retention.ms", Some("abc"))]),
            40,
            "Invalid value abc for configuration retention.ms: Not a number of type LONG",
        ),
        (topic("new", 10_001, 1), 44, excess),
        (topic("new", i32::MAX, 1), 44, excess),
        (topic("new", 10_000, 1), 44, batch),
    ];
    let mut cluster = Cluster::with_topics();
    let before = cluster.image.clone();
    for (topic, code, message) in cases {
        let name = topic.name.clone();
        assert_eq!(cluster.refusal(topic), (code, message.to_owned()), "{name}");
    }
    assert_eq!(cluster.image, before, "a refusal leaves no record");
}

#[test]
fn a_topic_that_can_be_has_what_was_asked_for() {
    let mut cluster = Cluster::new();
    let mut wish = configured(&[("retention.ms", Some("5")), ("retention.ms", Some("6"))]);
    wish.num_partitions = 4;
    let decision = cluster.decide(&[wish]);
    let answer = &decision.response.topics[0];
    assert_eq!((answer.num_partitions, answer.replication_factor), (4, 1));
    let configs = answer.configs.as_ref().unwrap();
    let retention = configs.iter().find(|config| config.name == "retention.ms");
    let retention = retention.unwrap();
    assert_eq!(
        (retention.value.as_deref(), retention.config_source),
        (Some("6"), 1)
    );
    cluster.replay(&decision.records);
    let topic = cluster.image.topic("new").unwrap();
    assert_eq!(topic.id, answer.topic_id);
    let directories = topic.partitions.values().map(|partition| {
        assert_eq!(
            (partition.leader, partition.isr.as_slice()),
            (Some(1), &[1][..])
        );
        partition.directories[0]
    });
    let places: Vec<Uuid> = directories.collect();
    let (one, two) = (directory(1), directory(2));
    assert_eq!(
        places,
        [one, two, one, two],
        "the emptiest directory is next"
    );
    let resource = ConfigResource::new(ConfigKind::Topic, "new");
    let config = cluster.image.config(&resource).unwrap();
    assert_eq!(config.get("retention.ms").map(String::as_str), Some("6"));
}

#[test]
fn defaults_and_assignments_are_obeyed() {
    let mut cluster = Cluster::new();
    let answers = cluster.create(&[topic("default", -1, -1)]);
    assert_eq!(answers, [(0, None)]);
    assert_eq!(cluster.image.topic("default").unwrap().partitions.len(), 1);
    let answers = cluster.create(&[assigned(-1, -1, &[(1, &[1]), (0, &[1])])]);
    assert_eq!(answers, [(0, None)]);
    assert_eq!(cluster.image.topic("new").unwrap().partitions.len(), 2);
}

#[test]
fn only_validating_answers_the_same_and_leaves_no_record() {
    let mut cluster = Cluster::new();
    let view = View {
        image: &cluster.image,
        settings: &cluster.startup.settings,
        config: &cluster.startup.config,
    };
    let request = CreateTopicsRequest {
        topics: vec![topic("new", 3, 1), topic("a/b", 1, 1)],
        validate_only: true,
        ..CreateTopicsRequest::default()
    };
    let decision = cluster.controller.create_topics(view, &request);
    assert!(decision.records.is_empty());
    let answers = decision.response.topics;
    assert_eq!((answers[0].error_code, answers[0].num_partitions), (0, 3));
    assert_eq!(answers[1].error_code, 17);
}

#[test]
fn topics_of_one_request_may_collide_but_not_repeat() {
    let mut cluster = Cluster::new();
    let wishes = [
        topic("twice", 1, 1),
        topic("twice", 1, 1),
        topic("e.f", 1, 1),
        topic("e_f", 1, 1),
    ];
    let duplicate = Some("Duplicate topic name.".to_owned());
    assert_eq!(
        cluster.create(&wishes),
        [(42, duplicate), (0, None), (0, None)]
    );
    assert!(cluster.image.topic("twice").is_none());
}

#[test]
fn a_request_for_too_many_partitions_is_refused_as_a_whole() {
    let mut cluster = Cluster::new();
    let wishes: Vec<_> = (0..1000).map(|n| topic(&format!("t{n}"), 10, 1)).collect();
    let batch = "Unable to perform excessively large batch operation.".to_owned();
    for answer in cluster.create(&wishes) {
        assert_eq!(answer, (44, Some(batch.clone())));
    }
    let excess = "Excessively large number of partitions per request.".to_owned();
    let wishes = [topic("a", 9000, 1), topic("b", 1001, 1), topic("", 1, 1)];
    for answer in cluster.create(&wishes) {
        assert_eq!(answer, (44, Some(excess.clone())));
    }
    assert!(cluster.image.topics.is_empty());
    assert_eq!(cluster.create(&[topic("a", 9999, 1)]), [(0, None)]);
}

#[test]
fn a_topic_created_again_has_another_id_and_none_of_the_old_settings() {
    let mut cluster = Cluster::new();
    cluster.create(&[configured(&[("retention.ms", Some("5"))])]);
    let old = cluster.image.topic("new").unwrap().id;
    assert_eq!(cluster.delete(&[(Some("new"), Uuid::ZERO)]), [(0, None)]);
    cluster.create(&[topic("new", 1, 1)]);
    assert_ne!(cluster.image.topic("new").unwrap().id, old);
    let resource = ConfigResource::new(ConfigKind::Topic, "new");
    assert_eq!(cluster.image.config(&resource), None);
    let unknown = "This server does not host this topic ID.".to_owned();
    assert_eq!(cluster.delete(&[(None, old)]), [(100, Some(unknown))]);
}

#[test]
fn producer_ids_are_given_in_blocks_that_never_meet() {
    let mut cluster = Cluster::new();
    let mut request = AllocateProducerIdsRequest {
        broker_id: 1,
        broker_epoch: cluster.image.brokers.get(&1).unwrap().epoch,
        ..AllocateProducerIdsRequest::default()
    };
    let mut next = 0;
    for _ in 0..3 {
        let decision = Controller::allocate_producer_ids(&cluster.image, &request);
        let block = decision.response;
        assert_eq!((block.error_code, block.producer_id_len), (0, 1000));
        assert_eq!(block.producer_id_start, next);
        next += 1000;
        cluster.replay(&decision.records);
    }
    cluster.image.next_producer_id = i64::MAX - 5;
    let decision = Controller::allocate_producer_ids(&cluster.image, &request);
    assert_eq!(
        (decision.response.error_code, decision.records.len()),
        (-1, 0)
    );
    request.broker_epoch += 1;
    let decision = Controller::allocate_producer_ids(&cluster.image, &request);
    let stale = ErrorCode::StaleBrokerEpoch.code();
    assert_eq!(
        (decision.response.error_code, decision.records.len()),
        (stale, 0)
    );
}

#[test]
fn a_topic_that_is_missing_is_made_as_its_kind_wants_it() {
    let mut cluster = Cluster::with_topics();
    let make = |cluster: &mut Cluster, name: &str| {
        let view = View {
            image: &cluster.image,
            settings: &cluster.startup.settings,
            config: &cluster.startup.config,
        };
        let decision = cluster.controller.create_missing_topic(view, name);
        cluster.replay(&decision.records);
        decision.response
    };
    let id = cluster.image.topic("p1").unwrap().id;
    assert_eq!(make(&mut cluster, "p1"), Ok(id), "it is there already");
    let made = make(&mut cluster, "auto").unwrap();
    assert_eq!(cluster.image.topic("auto").unwrap().id, made);
    let collision = make(&mut cluster, "c_d").unwrap_err();
    assert_eq!(collision.code, ErrorCode::InvalidTopicException);
    make(&mut cluster, CONSUMER_OFFSETS).unwrap();
    let offsets = cluster.image.topic(CONSUMER_OFFSETS).unwrap();
    assert_eq!(offsets.partitions.len(), 50);
    let resource = ConfigResource::new(ConfigKind::Topic, CONSUMER_OFFSETS);
    let config = cluster.image.config(&resource).unwrap();
    assert_eq!(
        config.get("cleanup.policy").map(String::as_str),
        Some("compact")
    );
}
