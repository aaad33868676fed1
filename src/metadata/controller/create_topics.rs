//! `CreateTopics`, and the creation of topics that somebody merely asks for.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::BrokerConfig;
use crate::model::{BrokerId, ErrorCode, PartitionIndex, Uuid};
use crate::protocol::messages::create_topics_request::CreatableTopic;
use crate::protocol::messages::create_topics_response::CreatableTopicResult;
use crate::protocol::messages::{
    ConfigRecord, CreateTopicsRequest, CreateTopicsResponse, MetadataRecord, TopicRecord,
};

use super::super::image::{
    ConfigKind, DIRECTORY_UNASSIGNED, PartitionRegistration, partition_record,
};
use super::alter_configs::{check_topic_config, describe_new_topic};
use super::internal_topics::automatic_topic;
use super::striping::{Stripes, UsableBroker};
use super::topic_name::{CLUSTER_METADATA, can_collide, check_topic_name, collision_key};
use super::{Controller, Decision, RECORDS_MAX, Refusal, View};

/// The most partitions that one request may ask for, as in Kafka.
const PARTITIONS_MAX: i64 = 10_000;

/// A topic that passed every check.
struct NewTopic {
    id: Uuid,
    records: Vec<MetadataRecord>,
    partitions: usize,
    replication: usize,
}

impl Controller {
    /// Decide on a request to create topics.
    pub fn create_topics(
        &mut self,
        view: View<'_>,
        request: &CreateTopicsRequest,
    ) -> Decision<CreateTopicsResponse> {
        let mut counts = BTreeMap::new();
        for topic in &request.topics {
            *counts.entry(topic.name.as_str()).or_insert(0) += 1;
        }
        let mut decision = Decision {
            records: Vec::new(),
            response: CreateTopicsResponse::default(),
        };
        let effective = |topic: &&CreatableTopic| {
            counts.get(topic.name.as_str()) == Some(&1) && topic.name != CLUSTER_METADATA
        };
        let asked = request.topics.iter().filter(effective);
        let excess = (asked
            .map(|topic| partitions_asked(topic, view.config))
            .sum::<i64>()
            > PARTITIONS_MAX)
            .then_some("Excessively large number of partitions per request.");
        let mut created = Vec::new();
        let mut records = 0;
        if excess.is_none() {
            let collisions = Collisions::of(view, request);
            for topic in request.topics.iter().filter(effective) {
                let new = self.create_topic(view, topic, &collisions);
                records += new.as_ref().map_or(0, |new| new.records.len());
                created.push(new);
            }
        }
        let excess = excess.or((records > RECORDS_MAX)
            .then_some("Unable to perform excessively large batch operation."));
        let mut created = created.into_iter();
        let mut answered = BTreeSet::new();
        for topic in &request.topics {
            let result = if topic.name == CLUSTER_METADATA {
                Err(Refusal::new(
                    ErrorCode::InvalidRequest,
                    format!("Creation of internal topic {CLUSTER_METADATA} is prohibited."),
                ))
            } else if counts.get(topic.name.as_str()) != Some(&1) {
                Err(Refusal::new(
                    ErrorCode::InvalidRequest,
                    "Duplicate topic name.",
                ))
            } else if let Some(excess) = excess {
                Err(Refusal::new(ErrorCode::PolicyViolation, excess))
            } else {
                created.next().expect("every other topic was decided on")
            };
            if answered.insert(topic.name.as_str()) {
                let answer = answer(view, topic, &result);
                decision.response.topics.push(answer);
            }
            if let Ok(new) = result
                && !request.validate_only
            {
                decision.records.extend(new.records);
            }
        }
        decision
    }

    /// Decide on the creation of a topic that somebody asked for and that is not there. A topic
    /// that came to be in the meantime is answered with its id.
    ///
    /// # Errors
    /// As a request to create it.
    pub fn create_missing_topic(
        &mut self,
        view: View<'_>,
        name: &str,
    ) -> Decision<Result<Uuid, Refusal>> {
        if let Some(id) = view.image.topic_ids.get(name) {
            return Decision {
                records: Vec::new(),
                response: Ok(*id),
            };
        }
        let topic = automatic_topic(name, view.config);
        let request = CreateTopicsRequest {
            topics: vec![topic],
            ..CreateTopicsRequest::default()
        };
        let decision = self.create_topics(view, &request);
        let answer = decision.response.topics.into_iter().next();
        let answer = answer.expect("one topic was asked for");
        let code = ErrorCode::from_code(answer.error_code).unwrap_or(ErrorCode::UnknownServerError);
        Decision {
            records: decision.records,
            response: if code == ErrorCode::None {
                Ok(answer.topic_id)
            } else {
                Err(Refusal {
                    code,
                    message: answer.error_message,
                })
            },
        }
    }

    fn create_topic(
        &mut self,
        view: View<'_>,
        topic: &CreatableTopic,
        collisions: &Collisions,
    ) -> Result<NewTopic, Refusal> {
        let name = &topic.name;
        check_topic_name(name)?;
        if view.image.topic_ids.contains_key(name.as_str()) {
            return Err(Refusal::new(
                ErrorCode::TopicAlreadyExists,
                format!("Topic '{name}' already exists."),
            ));
        }
        if let Some(other) = collisions.of_name(name) {
            return Err(Refusal::new(
                ErrorCode::InvalidTopicException,
                format!("Topic '{name}' collides with existing topic: {other}"),
            ));
        }
        let configs = topic_configs(topic)?;
        check_topic_config(&configs)?;
        let (partitions, replication) = if topic.assignments.is_empty() {
            numbers(topic, view.config)?
        } else {
            self.check_assignments(view, topic)?
        };
        let id = self.draw_id();
        let mut records = vec![
            TopicRecord {
                name: name.clone(),
                topic_id: id,
                ..TopicRecord::default()
            }
            .into(),
        ];
        for (config, value) in configs {
            records.push(
                ConfigRecord {
                    resource_type: ConfigKind::Topic.code(),
                    resource_name: name.clone(),
                    name: config.to_owned(),
                    value: Some(value.to_owned()),
                    ..ConfigRecord::default()
                }
                .into(),
            );
        }
        let mut assigned: BTreeMap<i32, Vec<BrokerId>> = topic
            .assignments
            .iter()
            .map(|assignment| (assignment.partition_index, assignment.broker_ids.clone()))
            .collect();
        let is_manual = !assigned.is_empty();
        if !is_manual {
            let placed = self.place(view, partitions, replication);
            let placed = placed.map_err(|refusal| unable(replication, refusal))?;
            assigned = (0..).zip(placed).collect();
        }
        for (index, replicas) in assigned {
            let record = self.new_partition(view, (id, index), &replicas);
            records.push(record.ok_or_else(|| match is_manual {
                true => all_stopped(index),
                false => none_runs(replication),
            })?);
        }
        Ok(NewTopic {
            id,
            records,
            partitions,
            replication,
        })
    }

    /// The number of partitions and of replicas that the client's own assignment makes.
    fn check_assignments(
        &self,
        view: View<'_>,
        topic: &CreatableTopic,
    ) -> Result<(usize, usize), Refusal> {
        let unset = |what: &str| {
            Refusal::new(
                ErrorCode::InvalidRequest,
                format!(
                    "A manual partition assignment was specified, but {what} was not set to -1."
                ),
            )
        };
        if topic.replication_factor != -1 {
            return Err(unset("replication factor"));
        }
        if topic.num_partitions != -1 {
            return Err(unset("numPartitions"));
        }
        let mut replication = None;
        let mut indexes = BTreeSet::new();
        for assignment in &topic.assignments {
            if !indexes.insert(assignment.partition_index) {
                return Err(Refusal::new(
                    ErrorCode::InvalidReplicaAssignment,
                    format!(
                        "Found multiple manual partition assignments for partition {}",
                        assignment.partition_index
                    ),
                ));
            }
            self.check_assignment(view, &assignment.broker_ids, replication)?;
            replication = Some(assignment.broker_ids.len());
        }
        if !indexes
            .iter()
            .copied()
            .eq(0..PartitionIndex::try_from(indexes.len()).unwrap_or(0))
        {
            return Err(Refusal::new(
                ErrorCode::InvalidReplicaAssignment,
                "partitions should be a consecutive 0-based integer sequence",
            ));
        }
        Ok((indexes.len(), replication.unwrap_or(0)))
    }

    /// Check the replicas that a client wants for a partition.
    pub(super) fn check_assignment(
        &self,
        view: View<'_>,
        brokers: &[BrokerId],
        replication: Option<usize>,
    ) -> Result<(), Refusal> {
        let refuse = |fault: String| {
            Err(Refusal::new(
                ErrorCode::InvalidReplicaAssignment,
                format!("The manual partition assignment includes {fault}."),
            ))
        };
        if brokers.is_empty() {
            return refuse("an empty replica list".to_owned());
        }
        let mut sorted = brokers.to_vec();
        sorted.sort_unstable();
        let mut previous = None;
        for broker in sorted {
            if !view.image.brokers.contains_key(&broker) {
                return refuse(format!("broker {broker}, but no such broker is registered"));
            }
            if previous == Some(broker) {
                return refuse(format!("the broker {broker} more than once"));
            }
            previous = Some(broker);
        }
        match replication {
            Some(replication) if replication != brokers.len() => refuse(format!(
                "a partition with {} replica(s), but this is not consistent with previous \
                 partitions, which have {replication} replica(s)",
                brokers.len()
            )),
            _ => Ok(()),
        }
    }

    /// The brokers of so many new partitions.
    pub(super) fn place(
        &mut self,
        view: View<'_>,
        count: usize,
        replication: usize,
    ) -> Result<Vec<Vec<BrokerId>>, Refusal> {
        let brokers = view.image.brokers.values();
        let usable =
            brokers.filter(|one| one.has_uncordoned() && !self.sessions.is_stopping(one.id));
        let usable = usable.map(|broker| UsableBroker {
            id: broker.id,
            rack: broker.rack.as_deref(),
            fenced: broker.fenced,
        });
        let mut stripes = Stripes::new(usable, &mut self.random);
        stripes.check(replication)?;
        let placed = (0..count).map(|_| stripes.place(replication, &mut self.random));
        Ok(placed.collect())
    }

    /// The record of a new partition on these brokers, of which only those are in sync that run;
    /// `None` if none does.
    pub(super) fn new_partition(
        &mut self,
        view: View<'_>,
        (topic_id, index): (Uuid, PartitionIndex),
        replicas: &[BrokerId],
    ) -> Option<MetadataRecord> {
        let active = replicas.iter().copied();
        let isr: Vec<BrokerId> = active.filter(|broker| view.is_active(*broker)).collect();
        let leader = isr.first().copied()?;
        let directories = replicas.iter();
        let directories = directories
            .map(|broker| self.directory_for(view, *broker))
            .collect();
        let mut record = partition_record(&PartitionRegistration {
            replicas: replicas.to_vec(),
            directories,
            isr,
            leader: Some(leader),
            ..PartitionRegistration::default()
        });
        record.partition_id = index;
        record.topic_id = topic_id;
        Some(record.into())
    }

    /// The directory for a new replica on `broker`; another broker that has several chooses itself.
    pub(super) fn directory_for(&mut self, view: View<'_>, broker: BrokerId) -> Uuid {
        if self.staying == Some(broker) {
            return self.placement.choose().unwrap_or(DIRECTORY_UNASSIGNED);
        }
        let registration = view.image.brokers.get(&broker);
        match registration.map(|broker| broker.directories.as_slice()) {
            Some([directory]) => *directory,
            Some([]) => Uuid::ZERO,
            _ => DIRECTORY_UNASSIGNED,
        }
    }
}

/// Why the partitions of a topic cannot be placed, for the one who asked for the topic.
fn unable(replication: usize, refusal: Refusal) -> Refusal {
    let reason = refusal.message.unwrap_or_default();
    Refusal::new(
        refusal.code,
        format!("Unable to replicate the partition {replication} time(s): {reason}"),
    )
}

/// The refusal of a partition whose brokers, which a client chose, do not run.
pub(super) fn all_stopped(index: PartitionIndex) -> Refusal {
    Refusal::new(
        ErrorCode::InvalidReplicaAssignment,
        format!(
            "All brokers specified in the manual partition assignment for partition {index} are \
             fenced or in controlled shutdown."
        ),
    )
}

/// The refusal of a partition whose brokers, which were chosen here, do not run.
pub(super) fn none_runs(replication: usize) -> Refusal {
    Refusal::new(
        ErrorCode::InvalidReplicationFactor,
        format!(
            "Unable to replicate the partition {replication} time(s): All brokers are currently \
             fenced or in controlled shutdown."
        ),
    )
}

/// How many partitions a request means, for the bound on all of them together.
fn partitions_asked(topic: &CreatableTopic, config: &BrokerConfig) -> i64 {
    if !topic.assignments.is_empty() {
        i64::try_from(topic.assignments.len()).unwrap_or(i64::MAX)
    } else if topic.num_partitions == -1 {
        i64::from(config.num_partitions)
    } else {
        i64::from(topic.num_partitions)
    }
}

/// The number of partitions and of replicas of a topic without an assignment.
fn numbers(topic: &CreatableTopic, config: &BrokerConfig) -> Result<(usize, usize), Refusal> {
    let replication = match topic.replication_factor {
        -1 => usize::from(config.default_replication_factor),
        factor => match usize::try_from(factor) {
            Ok(factor) if factor > 0 => factor,
            _ => {
                return Err(Refusal::new(
                    ErrorCode::InvalidReplicationFactor,
                    "Replication factor must be larger than 0, or -1 to use the default value.",
                ));
            }
        },
    };
    let partitions = match topic.num_partitions {
        -1 => usize::try_from(config.num_partitions).unwrap_or(usize::MAX),
        count => match usize::try_from(count) {
            Ok(count) if count > 0 => count,
            _ => {
                return Err(Refusal::new(
                    ErrorCode::InvalidPartitions,
                    "Number of partitions was set to an invalid non-positive value.",
                ));
            }
        },
    };
    Ok((partitions, replication))
}

/// The settings of a topic that is to be; of a name that stands twice the last value counts.
fn topic_configs(topic: &CreatableTopic) -> Result<BTreeMap<&str, &str>, Refusal> {
    let mut configs = BTreeMap::new();
    let mut nulls = Vec::new();
    for config in &topic.configs {
        match &config.value {
            Some(value) => {
                configs.insert(config.name.as_str(), value.as_str());
            }
            None => nulls.push(config.name.as_str()),
        }
    }
    if nulls.is_empty() {
        return Ok(configs);
    }
    Err(Refusal::new(
        ErrorCode::InvalidConfig,
        format!(
            "Null value not supported for topic configs: {}",
            nulls.join(",")
        ),
    ))
}

fn answer(
    view: View<'_>,
    topic: &CreatableTopic,
    result: &Result<NewTopic, Refusal>,
) -> CreatableTopicResult {
    let mut answer = CreatableTopicResult {
        name: topic.name.clone(),
        num_partitions: -1,
        replication_factor: -1,
        error_message: None,
        configs: Some(Vec::new()),
        ..CreatableTopicResult::default()
    };
    match result {
        Ok(new) => {
            answer.topic_id = new.id;
            answer.num_partitions = i32::try_from(new.partitions).unwrap_or(i32::MAX);
            answer.replication_factor = i16::try_from(new.replication).unwrap_or(i16::MAX);
            answer.configs = Some(describe_new_topic(view, topic));
        }
        Err(refusal) => {
            answer.error_code = refusal.code as i16;
            answer.error_message.clone_from(&refusal.message);
        }
    }
    answer
}

/// The existing topics whose names look like those of the new ones in metrics.
struct Collisions(BTreeMap<String, String>);

impl Collisions {
    /// Among the existing topics only: two new topics of one request may collide, as in Kafka.
    fn of(view: View<'_>, request: &CreateTopicsRequest) -> Self {
        let wanted: BTreeSet<String> = request
            .topics
            .iter()
            .filter(|topic| can_collide(&topic.name))
            .map(|topic| collision_key(&topic.name))
            .collect();
        let mut found = BTreeMap::new();
        if !wanted.is_empty() {
            for name in view.image.topic_ids.keys().filter(|name| can_collide(name)) {
                let key = collision_key(name);
                if wanted.contains(&key) {
                    found.entry(key).or_insert_with(|| name.to_string());
                }
            }
        }
        Self(found)
    }

    fn of_name(&self, name: &str) -> Option<&str> {
        if !can_collide(name) {
            return None;
        }
        self.0.get(&collision_key(name)).map(String::as_str)
    }
}
