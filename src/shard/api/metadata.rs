//! Metadata: brokers, topics, leaders; and the topics that come to be by being asked for.

use crate::metadata::ControllerRequest;
use crate::metadata::{
    MetadataImage, PartitionRegistration, TopicImage, check_topic_name, is_internal_topic,
};
use crate::model::{BrokerId, ErrorCode, PartitionIndex, Uuid};
use crate::protocol::AnyRequest;
use crate::protocol::messages::metadata_request::MetadataRequestTopic;
use crate::protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use crate::protocol::messages::{MetadataRequest, MetadataResponse};
use crate::security::{Access, AuthorizedOperations, NOT_ASKED, Operation, ResourceType};
use crate::shard::request::RequestContext;

use crate::stdx::new_set;

use super::{Attempt, ControllerGather, Gather, Parts, Plan};

/// Since this version a topic may be named by its id.
const VERSION_WITH_IDS: i16 = 12;

/// Since this version a client understands that a leader has no address on its listener.
const LISTENERS_SINCE: i16 = 6;

/// Answer from the image, after the controller made the topics that are missing, if it may.
pub fn plan(
    context: &RequestContext,
    request: MetadataRequest,
    attempt: Attempt,
    parts: &Parts<'_>,
) -> Plan {
    if let Some(error) = refusal(context, &request) {
        return Plan::answer(refused(&request, error));
    }
    let mut missing = missing_topics(context, &request, parts);
    missing.retain(|name| may_create(parts.access(context), name));
    if attempt == Attempt::First && !missing.is_empty() {
        let create = ControllerRequest::AutoCreate { topics: missing };
        let gather = ControllerGather::again(AnyRequest::Metadata(request));
        return Plan::controller(create, Gather::Controller(gather));
    }
    Plan::answer(response(context, &request, parts))
}

/// Why nothing can be answered: ids came with version 10, but count since version 12 only.
fn refusal(context: &RequestContext, request: &MetadataRequest) -> Option<ErrorCode> {
    let topics = || request.topics.iter().flatten();
    let is_nameless = |topic: &MetadataRequestTopic| topic.name.is_none();
    if context.version < VERSION_WITH_IDS {
        let is_bad = |topic| is_nameless(topic) || !topic.topic_id.is_zero();
        return topics().any(is_bad).then_some(ErrorCode::InvalidRequest);
    }
    // What has neither id nor name Kafka has no code for.
    let is_by_name = topics().all(|topic| topic.topic_id.is_zero());
    (is_by_name && topics().any(is_nameless)).then_some(ErrorCode::UnknownServerError)
}

/// The answer to a request that is refused as a whole.
fn refused(request: &MetadataRequest, error: ErrorCode) -> MetadataResponse {
    let topics = request.topics.iter().flatten();
    MetadataResponse {
        error_code: error.code(),
        controller_id: -1,
        cluster_authorized_operations: NOT_ASKED,
        topics: topics
            .map(|topic| MetadataResponseTopic {
                error_code: error.code(),
                name: Some(topic.name.clone().unwrap_or_default()),
                topic_id: topic.topic_id,
                topic_authorized_operations: NOT_ASKED,
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    }
}

/// True if asking for topics makes them.
fn makes_topics(context: &RequestContext, request: &MetadataRequest, parts: &Parts<'_>) -> bool {
    // Versions before 4 cannot forbid it.
    let is_asked = context.version < 4 || request.allow_auto_topic_creation;
    is_asked && parts.config().auto_create_topics_enable
}

/// True if the client may make the topic.
fn may_create(access: Access<'_>, name: &str) -> bool {
    !access.is_controlled()
        || access.would_allow_cluster(Operation::Create)
        || access.allows_topic(Operation::Create, name)
}

/// The topics that the client may see, that are not there, and that asking for makes.
fn missing_topics(
    context: &RequestContext,
    request: &MetadataRequest,
    parts: &Parts<'_>,
) -> Vec<String> {
    if !makes_topics(context, request, parts) {
        return Vec::new();
    }
    let access = parts.access(context);
    wanted_topics(request)
        .into_iter()
        .filter_map(|wanted| match wanted {
            Wanted::Name(name) => Some(name),
            Wanted::Id(_) => None,
        })
        .filter(|name| access.would_allow(Operation::Describe, ResourceType::Topic, name))
        .filter(|name| parts.image.topic(name).is_none() && check_topic_name(name).is_ok())
        .map(str::to_owned)
        .collect()
}

fn response(
    context: &RequestContext,
    request: &MetadataRequest,
    parts: &Parts<'_>,
) -> MetadataResponse {
    let is_all = match &request.topics {
        None => true,
        // Version 0 had no other way to say it.
        Some(topics) => context.version == 0 && topics.is_empty(),
    };
    let access = parts.access(context);
    let listener = parts.listener_name(context);
    let place = (parts.image.as_ref(), listener, context.version);
    let topics = if is_all {
        let topics = parts.image.topics.values();
        let may_see = |name| access.would_allow(Operation::Describe, ResourceType::Topic, name);
        let seen = topics.filter(|topic| may_see(&topic.name));
        seen.map(|topic| described(access, topic, request, place))
            .collect()
    } else {
        let makes_topics = makes_topics(context, request, parts);
        wanted_topics(request)
            .into_iter()
            .map(|wanted| wanted_topic((access, place), wanted, request, makes_topics, parts))
            .collect()
    };
    MetadataResponse {
        brokers: brokers(context, parts),
        cluster_id: Some(parts.image.cluster_id.to_string()),
        controller_id: parts.config().node_id,
        topics,
        cluster_authorized_operations: if request.include_cluster_authorized_operations {
            access.cluster_operations()
        } else {
            NOT_ASKED
        },
        ..Default::default()
    }
}

fn brokers(context: &RequestContext, parts: &Parts<'_>) -> Vec<MetadataResponseBroker> {
    let listener = parts.listener_name(context);
    let brokers = parts.image.brokers.values().filter(|broker| !broker.fenced);
    brokers
        .filter_map(|broker| {
            let endpoint = broker.endpoint(listener)?;
            Some(MetadataResponseBroker {
                node_id: broker.id,
                host: endpoint.host.clone(),
                port: i32::from(endpoint.port),
                rack: broker.rack.clone(),
                ..Default::default()
            })
        })
        .collect()
}

/// How a request names a topic.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
enum Wanted<'r> {
    Id(Uuid),
    Name(&'r str),
}

/// The topics that a request names, each once, in its order: by id if it names one by id.
fn wanted_topics(request: &MetadataRequest) -> Vec<Wanted<'_>> {
    let topics = || request.topics.iter().flatten();
    let uses_ids = topics().any(|topic| !topic.topic_id.is_zero());
    let mut seen = new_set();
    topics()
        .filter_map(|topic| match &topic.name {
            _ if uses_ids => Some(topic.topic_id)
                .filter(|id| !id.is_zero())
                .map(Wanted::Id),
            name => name.as_deref().map(Wanted::Name),
        })
        .filter(|wanted| seen.insert(*wanted))
        .collect()
}

fn wanted_topic(
    (access, place): (Access<'_>, (&MetadataImage, &str, i16)),
    wanted: Wanted<'_>,
    request: &MetadataRequest,
    makes_topics: bool,
    parts: &Parts<'_>,
) -> MetadataResponseTopic {
    let (found, named) = match wanted {
        Wanted::Name(name) => (parts.image.topic(name), (Uuid::ZERO, name)),
        Wanted::Id(id) => (parts.image.topics.get(&id), (id, "")),
    };
    if parts.refuses_topic(access, Operation::Describe, named) {
        return hidden(wanted);
    }
    if let Some(topic) = found {
        return described(access, topic, request, place);
    }
    let (error, name, topic_id) = match wanted {
        Wanted::Name(name) if makes_topics && !may_create(access, name) => {
            return hidden(wanted);
        }
        Wanted::Id(id) => (ErrorCode::UnknownTopicId, None, id),
        Wanted::Name(name) => {
            let error = match check_topic_name(name) {
                Ok(()) => ErrorCode::UnknownTopicOrPartition,
                Err(_) => ErrorCode::InvalidTopicException,
            };
            (error, Some(name.to_owned()), Uuid::ZERO)
        }
    };
    MetadataResponseTopic {
        error_code: error.code(),
        is_internal: name.as_deref().is_some_and(is_internal_topic),
        topic_authorized_operations: name
            .as_deref()
            .map_or(NOT_ASKED, |name| operations(access, request, name)),
        name,
        topic_id,
        ..Default::default()
    }
}

/// What the client may do with the topic, if it asks.
fn operations(access: Access<'_>, request: &MetadataRequest, name: &str) -> AuthorizedOperations {
    if request.include_topic_authorized_operations {
        access.operations(ResourceType::Topic, name)
    } else {
        NOT_ASKED
    }
}

/// The answer about a topic that the client may not see, as it named it.
fn hidden(wanted: Wanted<'_>) -> MetadataResponseTopic {
    let (name, topic_id) = match wanted {
        Wanted::Name(name) => (Some(name.to_owned()), Uuid::ZERO),
        Wanted::Id(id) => (None, id),
    };
    MetadataResponseTopic {
        error_code: ErrorCode::TopicAuthorizationFailed.code(),
        name,
        topic_id,
        topic_authorized_operations: NOT_ASKED,
        ..Default::default()
    }
}

fn described(
    access: Access<'_>,
    topic: &TopicImage,
    request: &MetadataRequest,
    place: (&MetadataImage, &str, i16),
) -> MetadataResponseTopic {
    let partitions = topic.partitions.iter();
    MetadataResponseTopic {
        error_code: ErrorCode::None.code(),
        name: Some(topic.name.to_string()),
        topic_id: topic.id,
        is_internal: is_internal_topic(&topic.name),
        partitions: partitions
            .map(|(index, partition)| described_partition(*index, partition, place))
            .collect(),
        topic_authorized_operations: operations(access, request, &topic.name),
        ..Default::default()
    }
}

fn described_partition(
    index: PartitionIndex,
    partition: &PartitionRegistration,
    (image, listener, version): (&MetadataImage, &str, i16),
) -> MetadataResponsePartition {
    let leader = image.leader_at(partition, listener);
    let mut error = match leader {
        Ok(_) => ErrorCode::None,
        Err(ErrorCode::ListenerNotFound) if version < LISTENERS_SINCE => {
            ErrorCode::LeaderNotAvailable
        }
        Err(error) => error,
    };
    // The oldest clients know a broker by its address alone, and are told of those that have one.
    let told = |brokers: &[BrokerId]| -> Vec<BrokerId> {
        let brokers = brokers.iter().copied();
        brokers
            .filter(|broker| version > 0 || image.is_reachable(*broker, listener))
            .collect()
    };
    let (replicas, isr) = (told(&partition.replicas), told(&partition.isr));
    let is_whole = replicas.len() == partition.replicas.len() && isr.len() == partition.isr.len();
    if error == ErrorCode::None && !is_whole {
        error = ErrorCode::ReplicaNotAvailable;
    }
    MetadataResponsePartition {
        error_code: error.code(),
        partition_index: index,
        leader_id: leader.unwrap_or(-1),
        leader_epoch: partition.leader_epoch,
        replica_nodes: replicas,
        isr_nodes: isr,
        offline_replicas: image.offline_replicas(partition, listener),
        ..Default::default()
    }
}
