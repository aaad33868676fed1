//! The topics of a bench: made for it and removed after it, or those that are there.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::admin::{ConnectionArguments, Failure, Session, answer, explain};
use crate::client::error_of;
use crate::model::{BrokerId, ErrorCode, Offset, PartitionIndex, TimestampMs, Uuid};
use crate::protocol::AnyResponse;
use crate::protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use crate::protocol::messages::delete_topics_request::DeleteTopicState;
use crate::protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use crate::protocol::messages::{CreateTopicsRequest, DeleteTopicsRequest, ListOffsetsRequest};

use super::arguments::TopicArguments;
use super::link::Link;

/// How long to wait before asking again what a broker does not know yet.
const RETRY_AFTER: Duration = Duration::from_millis(20);

/// How long a broker that makes topics by itself may take until one has a leader. That of others
/// stays unknown.
const CREATION_PATIENCE: Duration = Duration::from_secs(5);

/// The timestamps that ask for the ends of a log.
pub const LATEST: TimestampMs = -1;
pub const EARLIEST: TimestampMs = -2;

/// A partition of a bench's topics, and who leads it.
#[derive(Clone, Debug)]
pub struct Place {
    /// Of [`Topics::names`].
    pub topic: usize,
    pub partition: PartitionIndex,
    pub leader: BrokerId,
}

/// A topic as requests name it.
#[derive(Clone, Debug)]
pub struct TopicName {
    pub name: String,
    /// Zero from brokers that do not tell.
    pub id: Uuid,
}

/// Where the records of a bench go.
#[derive(Clone, Debug)]
pub struct Topics {
    pub names: Vec<TopicName>,
    /// The partitions of all topics, the first of each before the second of each.
    pub places: Vec<Place>,
    pub brokers: BTreeMap<BrokerId, (String, u16)>,
    /// They were made for this bench.
    is_own: bool,
}

impl Topics {
    /// The topics that `arguments` ask for, once all their partitions can be used.
    pub fn prepare(
        session: &mut Session,
        connection: &ConnectionArguments,
        arguments: &TopicArguments,
        run: u64,
    ) -> Result<Self, Failure> {
        let (names, is_own) = match &arguments.topic {
            Some(name) => (vec![name.clone()], false),
            None => (create(session, arguments, run)?, true),
        };
        let prepared = Self::await_leaders(session, &names, is_own).and_then(|topics| {
            topics.list_offsets(connection, EARLIEST)?;
            Ok(topics)
        });
        if prepared.is_err() && is_own {
            // What failed counts; what is left over is named in its message or harmless.
            drop(delete(session, &names));
        }
        prepared
    }

    fn await_leaders(
        session: &mut Session,
        names: &[String],
        is_own: bool,
    ) -> Result<Self, Failure> {
        let patience = if is_own {
            session.timeout()
        } else {
            CREATION_PATIENCE
        };
        let deadline = Instant::now() + patience;
        let asked: Vec<&str> = names.iter().map(String::as_str).collect();
        loop {
            // As Kafka's own tools do: a broker may make topics by itself.
            session.refresh(Some(&asked), !is_own)?;
            match led_by(session, names) {
                Ok(places) => {
                    let cluster = session.cluster();
                    let name = |name: &String| TopicName {
                        name: name.clone(),
                        id: cluster.topic_id(name),
                    };
                    let brokers = cluster.brokers.values();
                    return Ok(Self {
                        names: names.iter().map(name).collect(),
                        places,
                        brokers: brokers
                            .map(|broker| (broker.id, (broker.host.clone(), broker.port)))
                            .collect(),
                        is_own,
                    });
                }
                Err((name, error)) if !error.is_retriable() || Instant::now() >= deadline => {
                    let action = format!("cannot use topic {name:?}");
                    return Err(Failure::refused(&action, error, None));
                }
                Err(_) => std::thread::sleep(RETRY_AFTER),
            }
        }
    }

    /// The offset of every place at this end of its log, asked until all leaders serve: a moment
    /// after its making a partition may not be there yet.
    pub fn list_offsets(
        &self,
        connection: &ConnectionArguments,
        timestamp: TimestampMs,
    ) -> Result<Vec<Offset>, Failure> {
        let timeout = Duration::from_millis(connection.request_timeout_ms);
        let deadline = Instant::now() + timeout;
        let mut offsets = vec![0; self.places.len()];
        for (broker, (host, port)) in &self.brokers {
            let of_broker = |place: &&Place| place.leader == *broker;
            if !self.places.iter().any(|place| of_broker(&place)) {
                continue;
            }
            let mut link = Link::open(host, *port, &connection.client_id, timeout)?;
            let request = self.offsets_request(*broker, timestamp);
            loop {
                let found = answer!(ListOffsets, link.ask(&request.clone().into())?);
                let mut failure = None;
                for topic in &found.topics {
                    let index = self.names.iter().position(|known| known.name == topic.name);
                    for partition in &topic.partitions {
                        let is_this = |place: &Place| {
                            Some(place.topic) == index
                                && place.partition == partition.partition_index
                        };
                        let Some(place) = self.places.iter().position(is_this) else {
                            continue;
                        };
                        match error_of(partition.error_code) {
                            Ok(()) => offsets[place] = partition.offset,
                            Err(error) => failure = Some((topic.name.clone(), error)),
                        }
                    }
                }
                match failure {
                    None => break,
                    Some((_, error)) if error.is_retriable() && Instant::now() < deadline => {
                        std::thread::sleep(RETRY_AFTER);
                    }
                    Some((name, error)) => {
                        let action = format!("cannot use topic {name:?}");
                        return Err(Failure::refused(&action, error, None));
                    }
                }
            }
        }
        Ok(offsets)
    }

    fn offsets_request(&self, broker: BrokerId, timestamp: TimestampMs) -> ListOffsetsRequest {
        let topics = self.names.iter().enumerate().map(|(index, topic)| {
            let own = self
                .places
                .iter()
                .filter(|place| place.topic == index && place.leader == broker);
            ListOffsetsTopic {
                name: topic.name.clone(),
                partitions: own
                    .map(|place| ListOffsetsPartition {
                        partition_index: place.partition,
                        current_leader_epoch: -1,
                        timestamp,
                        ..ListOffsetsPartition::default()
                    })
                    .collect(),
                ..ListOffsetsTopic::default()
            }
        });
        ListOffsetsRequest {
            replica_id: -1,
            topics: topics
                .filter(|topic| !topic.partitions.is_empty())
                .collect(),
            ..ListOffsetsRequest::default()
        }
    }

    /// Which of the topics this is, by its name or where an answer has none by its id.
    pub fn index_of(&self, name: &str, id: Uuid) -> Option<usize> {
        let mut names = self.names.iter();
        if name.is_empty() {
            names.position(|topic| topic.id == id)
        } else {
            names.position(|topic| topic.name == name)
        }
    }

    /// What a person is told of them.
    pub fn described(&self) -> String {
        match self.names.as_slice() {
            [only] => format!("topic {}", only.name),
            [first, ..] => format!("{} topics, {} the first", self.names.len(), first.name),
            [] => String::new(),
        }
    }

    /// Remove what was made for this bench.
    pub fn remove(&self, session: &mut Session) -> Result<(), Failure> {
        if !self.is_own {
            return Ok(());
        }
        let names: Vec<String> = self.names.iter().map(|topic| topic.name.clone()).collect();
        delete(session, &names)
    }
}

/// The partitions in the order of their numbers, or the first topic that is not led, and why.
fn led_by(session: &Session, names: &[String]) -> Result<Vec<Place>, (String, ErrorCode)> {
    let cluster = session.cluster();
    let mut places = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let Some(topic) = cluster
            .topic(name)
            .filter(|topic| !topic.partitions.is_empty())
        else {
            let error = cluster.topic_error(name);
            return Err((name.clone(), error.unwrap_or(ErrorCode::LeaderNotAvailable)));
        };
        for partition in topic.partitions.keys() {
            let Some(leader) = cluster.leader(name, *partition) else {
                return Err((name.clone(), ErrorCode::LeaderNotAvailable));
            };
            places.push(Place {
                topic: index,
                partition: *partition,
                leader,
            });
        }
    }
    places.sort_by_key(|place| (place.partition, place.topic));
    Ok(places)
}

fn create(
    session: &mut Session,
    arguments: &TopicArguments,
    run: u64,
) -> Result<Vec<String>, Failure> {
    let names: Vec<String> = (0..arguments.topics)
        .map(|number| format!("forebay-bench-{run:016x}-{number}"))
        .collect();
    let configs = arguments.config.iter().map(|setting| CreatableTopicConfig {
        name: setting.name.clone(),
        value: Some(setting.value.clone()),
        ..CreatableTopicConfig::default()
    });
    let configs: Vec<CreatableTopicConfig> = configs.collect();
    let topic = |name: &String| CreatableTopic {
        name: name.clone(),
        num_partitions: arguments.partitions,
        replication_factor: arguments.replication_factor,
        configs: configs.clone(),
        ..CreatableTopic::default()
    };
    let request = CreateTopicsRequest {
        topics: names.iter().map(topic).collect(),
        timeout_ms: session.timeout_ms(),
        ..CreateTopicsRequest::default()
    };
    let created = session.ask_until_settled(None, request, |answer| match answer {
        AnyResponse::CreateTopics(created) => {
            let topics = created.topics.iter();
            topics
                .filter_map(|topic| error_of(topic.error_code).err())
                .next()
        }
        _ => None,
    })?;
    let created = answer!(CreateTopics, created);
    for topic in &created.topics {
        if let Err(error) = error_of(topic.error_code) {
            // Of several topics some may be there.
            drop(delete(session, &names));
            let action = format!("cannot create topic {:?}", topic.name);
            let message = topic.error_message.as_deref();
            return Err(Failure::refused(&action, error, message));
        }
    }
    Ok(names)
}

fn delete(session: &mut Session, names: &[String]) -> Result<(), Failure> {
    let topic = |name: &String| DeleteTopicState {
        name: Some(name.clone()),
        ..DeleteTopicState::default()
    };
    let request = DeleteTopicsRequest {
        topics: names.iter().map(topic).collect(),
        timeout_ms: session.timeout_ms(),
        ..DeleteTopicsRequest::default()
    };
    let deleted = answer!(DeleteTopics, session.ask_any(request)?);
    for topic in &deleted.responses {
        if let Err(error) = error_of(topic.error_code) {
            let name = topic.name.as_deref().unwrap_or_default();
            let reason = explain(error, topic.error_message.as_deref());
            let text = format!("topic {name:?} made for the bench is left over: {reason}");
            return Err(Failure::Failed(text));
        }
    }
    Ok(())
}
