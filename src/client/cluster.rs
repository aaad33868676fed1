//! What a client believes of the cluster: who the brokers are and who leads which partition.

use std::collections::BTreeMap;

use crate::model::{BrokerId, ErrorCode, LeaderEpoch, PartitionIndex, Uuid};
use crate::protocol::messages::metadata_request::MetadataRequestTopic;
use crate::protocol::messages::metadata_response::{
    MetadataResponsePartition, MetadataResponseTopic,
};
use crate::protocol::messages::{MetadataRequest, MetadataResponse};

/// A broker that clients can connect to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Broker {
    /// Its id.
    pub id: BrokerId,
    /// The host of the listener on which we asked.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Its rack, if it has one.
    pub rack: Option<String>,
}

/// What is known of a partition.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Partition {
    /// Who leads it; `None` while nobody does.
    pub leader: Option<BrokerId>,
    /// The epoch of the leader, from brokers that tell.
    pub leader_epoch: Option<LeaderEpoch>,
    /// Who has a replica, the preferred leader first.
    pub replicas: Vec<BrokerId>,
    /// Which of them are in sync.
    pub in_sync: Vec<BrokerId>,
    /// Which of them cannot serve.
    pub offline: Vec<BrokerId>,
}

/// What is known of a topic.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Topic {
    /// Its id; zero from brokers that do not tell.
    pub id: Uuid,
    /// True for the broker's own topics.
    pub is_internal: bool,
    /// Its partitions.
    pub partitions: BTreeMap<PartitionIndex, Partition>,
}

/// The cluster as the last Metadata responses told it.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// The cluster's id.
    pub id: Option<String>,
    /// Who takes requests for the controller.
    pub controller: Option<BrokerId>,
    /// The brokers, by id.
    pub brokers: BTreeMap<BrokerId, Broker>,
    topics: BTreeMap<String, Result<Topic, ErrorCode>>,
    names: BTreeMap<Uuid, String>,
}

impl Cluster {
    /// A cluster of which nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The request that asks for `topics`, or for all where there is no list.
    #[must_use]
    pub fn metadata_request(topics: Option<&[&str]>, may_create: bool) -> MetadataRequest {
        let topics = topics.map(|names| {
            let topic = |name: &&str| MetadataRequestTopic {
                name: Some((*name).to_owned()),
                ..MetadataRequestTopic::default()
            };
            names.iter().map(topic).collect()
        });
        MetadataRequest {
            topics,
            allow_auto_topic_creation: may_create,
            ..MetadataRequest::default()
        }
    }

    /// Takes in a response: it replaces what was known of brokers and of the topics in it.
    pub fn on_metadata(&mut self, response: &MetadataResponse) {
        self.id.clone_from(&response.cluster_id);
        self.controller = broker_id(response.controller_id);
        self.brokers = response
            .brokers
            .iter()
            .filter_map(|broker| {
                let broker = Broker {
                    id: broker.node_id,
                    host: broker.host.clone(),
                    port: u16::try_from(broker.port).ok()?,
                    rack: broker.rack.clone(),
                };
                Some((broker.id, broker))
            })
            .collect();
        for topic in &response.topics {
            if let Some(name) = &topic.name {
                self.on_topic(name, topic);
            }
        }
    }

    fn on_topic(&mut self, name: &str, topic: &MetadataResponseTopic) {
        if let Some(Ok(before)) = self.topics.get(name) {
            self.names.remove(&before.id);
        }
        let known = error_of(topic.error_code).map(|()| Topic {
            id: topic.topic_id,
            is_internal: topic.is_internal,
            partitions: topic
                .partitions
                .iter()
                .map(|partition| (partition.partition_index, partition_of(partition)))
                .collect(),
        });
        if let Ok(topic) = &known
            && !topic.id.is_zero()
        {
            self.names.insert(topic.id, name.to_owned());
        }
        self.topics.insert(name.to_owned(), known);
    }

    /// All topics of which something is known, by name; the error where the broker told one.
    pub fn topics(&self) -> impl Iterator<Item = (&str, Result<&Topic, ErrorCode>)> {
        let topics = self.topics.iter();
        topics.map(|(name, topic)| (name.as_str(), topic.as_ref().map_err(|error| *error)))
    }

    /// The topic, if the broker told of it.
    #[must_use]
    pub fn topic(&self, name: &str) -> Option<&Topic> {
        self.topics.get(name)?.as_ref().ok()
    }

    /// Why the broker told nothing of the topic; `None` if it did or was not asked.
    #[must_use]
    pub fn topic_error(&self, name: &str) -> Option<ErrorCode> {
        self.topics.get(name)?.as_ref().err().copied()
    }

    /// The name of the topic with this id, which newer responses have instead of the name.
    #[must_use]
    pub fn topic_name(&self, id: Uuid) -> Option<&str> {
        self.names.get(&id).map(String::as_str)
    }

    /// The topic's id, zero if it is not known.
    #[must_use]
    pub fn topic_id(&self, name: &str) -> Uuid {
        self.topic(name).map_or(Uuid::ZERO, |topic| topic.id)
    }

    /// Who leads the partition, of those that can be connected to.
    #[must_use]
    pub fn leader(&self, topic: &str, partition: PartitionIndex) -> Option<BrokerId> {
        let leader = self.topic(topic)?.partitions.get(&partition)?.leader?;
        self.brokers.contains_key(&leader).then_some(leader)
    }

    /// The epoch of the partition's leader, to be sent where a broker may know better.
    #[must_use]
    pub fn leader_epoch(&self, topic: &str, partition: PartitionIndex) -> Option<LeaderEpoch> {
        self.topic(topic)?.partitions.get(&partition)?.leader_epoch
    }
}

fn partition_of(partition: &MetadataResponsePartition) -> Partition {
    Partition {
        leader: broker_id(partition.leader_id),
        leader_epoch: (partition.leader_epoch >= 0).then_some(partition.leader_epoch),
        replicas: partition.replica_nodes.clone(),
        in_sync: partition.isr_nodes.clone(),
        offline: partition.offline_replicas.clone(),
    }
}

fn broker_id(id: i32) -> Option<BrokerId> {
    (id >= 0).then_some(id)
}

/// The error of a code in a response. One that we do not know is unknown to us, as to Kafka's
/// clients.
///
/// # Errors
/// The error, for every code but zero.
pub fn error_of(code: i16) -> Result<(), ErrorCode> {
    match ErrorCode::from_code(code) {
        Some(ErrorCode::None) => Ok(()),
        Some(error) => Err(error),
        None => Err(ErrorCode::UnknownServerError),
    }
}

/// True if the error says that what we believe of the cluster is out of date: ask for Metadata
/// before trying again.
#[must_use]
pub const fn is_stale(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::UnknownTopicOrPartition
            | ErrorCode::LeaderNotAvailable
            | ErrorCode::NotLeaderOrFollower
            | ErrorCode::ReplicaNotAvailable
            | ErrorCode::ListenerNotFound
            | ErrorCode::FencedLeaderEpoch
            | ErrorCode::UnknownLeaderEpoch
            | ErrorCode::KafkaStorageError
            | ErrorCode::UnknownTopicId
            | ErrorCode::InconsistentTopicId
    )
}

/// True if the error says that the group's coordinator is not, or not yet, where we asked.
#[must_use]
pub const fn is_moved_coordinator(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::NotCoordinator
            | ErrorCode::CoordinatorNotAvailable
            | ErrorCode::CoordinatorLoadInProgress
    )
}
