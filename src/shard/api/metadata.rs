//! Metadata: brokers, topics, leaders; and the topics that come to be by being asked for.

use std::collections::BTreeSet;

use crate::metadata::ControllerRequest;
use crate::metadata::{PartitionRegistration, TopicImage, check_topic_name, is_internal_topic};
use crate::model::{ErrorCode, PartitionIndex, Uuid};
use crate::protocol::AnyRequest;
use crate::protocol::messages::metadata_request::MetadataRequestTopic;
use crate::protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use crate::protocol::messages::{MetadataRequest, MetadataResponse};
use crate::security::{CLUSTER_OPERATIONS, NOT_ASKED, TOPIC_OPERATIONS};
use crate::shard::request::RequestContext;

use super::{Attempt, ControllerGather, Gather, Parts, Plan};

/// Answer from the image, after the controller made the topics that are missing, if it may.
pub fn plan(
    context: &RequestContext,
    request: MetadataRequest,
    attempt: Attempt,
    parts: &Parts<'_>,
) -> Plan {
    let missing = missing_topics(context, &request, parts);
    if attempt == Attempt::First && !missing.is_empty() {
        let create = ControllerRequest::AutoCreate { topics: missing };
        let again = Some(Box::new(AnyRequest::Metadata(request)));
        let gather = ControllerGather {
            response: None,
            again,
        };
        return Plan::controller(create, Gather::Controller(gather));
    }
    Plan::answer(response(context, &request, parts))
}

/// The topics that are not there and may be made.
fn missing_topics(
    context: &RequestContext,
    request: &MetadataRequest,
    parts: &Parts<'_>,
) -> Vec<String> {
    // Versions before 4 cannot forbid it.
    let is_allowed = context.version < 4 || request.allow_auto_topic_creation;
    if !is_allowed || !parts.config().auto_create_topics_enable {
        return Vec::new();
    }
    let names: BTreeSet<&String> = request
        .topics
        .iter()
        .flatten()
        .filter_map(|topic| topic.name.as_ref())
        .filter(|name| parts.image.topic(name).is_none() && check_topic_name(name).is_ok())
        .collect();
    names.into_iter().cloned().collect()
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
    let topics = if is_all {
        parts
            .image
            .topics
            .values()
            .map(|topic| described(topic, request))
            .collect()
    } else {
        let wanted = request.topics.iter().flatten();
        wanted
            .map(|topic| wanted_topic(context, topic, request, parts))
            .collect()
    };
    MetadataResponse {
        brokers: brokers(context, parts),
        cluster_id: Some(parts.image.cluster_id.to_string()),
        controller_id: parts.config().node_id,
        topics,
        cluster_authorized_operations: if request.include_cluster_authorized_operations {
            CLUSTER_OPERATIONS
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

fn wanted_topic(
    context: &RequestContext,
    wanted: &MetadataRequestTopic,
    request: &MetadataRequest,
    parts: &Parts<'_>,
) -> MetadataResponseTopic {
    let by_id = wanted.name.is_none();
    let found = match &wanted.name {
        Some(name) => parts.image.topic(name),
        None => parts.image.topics.get(&wanted.topic_id),
    };
    if let Some(topic) = found {
        return described(topic, request);
    }
    let error = match &wanted.name {
        None => ErrorCode::UnknownTopicId,
        Some(name) if check_topic_name(name).is_err() => ErrorCode::InvalidTopicException,
        Some(_) => ErrorCode::UnknownTopicOrPartition,
    };
    // An id alone has no name to tell, which the versions before 12 could not say.
    let name = wanted
        .name
        .clone()
        .or_else(|| (context.version < 12).then(String::new));
    MetadataResponseTopic {
        error_code: error.code(),
        is_internal: name.as_deref().is_some_and(is_internal_topic),
        name,
        topic_id: if by_id { wanted.topic_id } else { Uuid::ZERO },
        topic_authorized_operations: NOT_ASKED,
        ..Default::default()
    }
}

fn described(topic: &TopicImage, request: &MetadataRequest) -> MetadataResponseTopic {
    MetadataResponseTopic {
        error_code: ErrorCode::None.code(),
        name: Some(topic.name.to_string()),
        topic_id: topic.id,
        is_internal: is_internal_topic(&topic.name),
        partitions: topic.partitions.iter().map(described_partition).collect(),
        topic_authorized_operations: if request.include_topic_authorized_operations {
            TOPIC_OPERATIONS
        } else {
            NOT_ASKED
        },
        ..Default::default()
    }
}

fn described_partition(
    (index, partition): (&PartitionIndex, &std::sync::Arc<PartitionRegistration>),
) -> MetadataResponsePartition {
    let error = match partition.leader {
        Some(_) => ErrorCode::None,
        None => ErrorCode::LeaderNotAvailable,
    };
    MetadataResponsePartition {
        error_code: error.code(),
        partition_index: *index,
        leader_id: partition.leader.unwrap_or(-1),
        leader_epoch: partition.leader_epoch,
        replica_nodes: partition.replicas.clone(),
        isr_nodes: partition.isr.clone(),
        ..Default::default()
    }
}
