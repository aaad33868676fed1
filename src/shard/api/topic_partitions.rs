//! DescribeTopicPartitions: topics page by page, for clusters with very many (KIP-966).

use std::collections::BTreeSet;

use crate::metadata::{
    MetadataImage, PartitionRegistration, TopicImage, check_topic_name, is_internal_topic,
};
use crate::model::ErrorCode;
use crate::protocol::messages::describe_topic_partitions_request::Cursor as AskedCursor;
use crate::protocol::messages::describe_topic_partitions_response::{
    Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use crate::protocol::messages::{DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse};
use crate::security::{Access, NOT_ASKED, Operation, ResourceType};
use crate::shard::request::RequestContext;

use super::{Parts, Plan};

/// Partitions of one answer, whatever the client allows; Kafka's
/// `max.request.partition.size.limit`.
fn partitions_max(request: &DescribeTopicPartitionsRequest, parts: &Parts<'_>) -> usize {
    let broker_max = parts.config().max_request_partition_size_limit;
    let asked = u32::try_from(request.response_partition_limit)
        .unwrap_or(0)
        .max(1);
    usize::try_from(asked.min(broker_max)).unwrap_or(usize::MAX)
}

/// Answer one page from the image, topics by name.
pub fn plan(
    context: &RequestContext,
    request: &DescribeTopicPartitionsRequest,
    parts: &Parts<'_>,
) -> Plan {
    if let Some(cursor) = &request.cursor
        && !is_sound(cursor, request)
    {
        return Plan::answer(refused(request));
    }
    let start = request
        .cursor
        .as_ref()
        .map_or("", |cursor| &cursor.topic_name);
    let is_all = request.topics.is_empty();
    let names: BTreeSet<&str> = if is_all {
        parts.image.topic_ids.keys().map(|name| &**name).collect()
    } else {
        request.topics.iter().map(|topic| &*topic.name).collect()
    };
    let access = parts.access(context);
    // Whoever names a topic learns that it may not see it, nobody that it exists.
    let (names, hidden): (BTreeSet<&str>, BTreeSet<&str>) = names
        .into_iter()
        .partition(|name| access.allows_topic(Operation::Describe, name));
    let place = (parts.image.as_ref(), parts.listener_name(context));
    let mut left = partitions_max(request, parts);
    let (mut topics, mut next_cursor) = (Vec::new(), None);
    for name in names.range(start..) {
        if left == 0 {
            next_cursor = Some(Cursor {
                topic_name: (*name).to_owned(),
                ..Default::default()
            });
            break;
        }
        let cursor = request
            .cursor
            .as_ref()
            .filter(|cursor| cursor.topic_name == *name);
        let first = cursor.map_or(0, |cursor| cursor.partition_index);
        let Some(topic) = parts.image.topic(name) else {
            topics.push(unknown(access, name));
            continue;
        };
        let (described, rest) = describe((access, place), topic, first, left);
        left -= described.partitions.len();
        topics.push(described);
        if let Some(partition_index) = rest {
            let topic_name = (*name).to_owned();
            next_cursor = Some(Cursor {
                topic_name,
                partition_index,
                ..Default::default()
            });
            break;
        }
    }
    if !is_all {
        topics.extend(hidden.into_iter().map(refused_topic));
    }
    Plan::answer(DescribeTopicPartitionsResponse {
        topics,
        next_cursor,
        ..Default::default()
    })
}

/// True if the cursor points into a topic that is asked for.
fn is_sound(cursor: &AskedCursor, request: &DescribeTopicPartitionsRequest) -> bool {
    let mut topics = request.topics.iter();
    let is_asked = request.topics.is_empty() || topics.any(|topic| topic.name == cursor.topic_name);
    cursor.partition_index >= 0 && is_asked
}

/// The answer to a request that makes no sense.
fn refused(request: &DescribeTopicPartitionsRequest) -> DescribeTopicPartitionsResponse {
    let topics = request.topics.iter();
    let topics = topics.map(|topic| DescribeTopicPartitionsResponseTopic {
        error_code: ErrorCode::InvalidRequest.code(),
        name: Some(topic.name.clone()),
        topic_authorized_operations: NOT_ASKED,
        ..Default::default()
    });
    DescribeTopicPartitionsResponse {
        topics: topics.collect(),
        ..Default::default()
    }
}

/// The answer about a topic that the client may not see.
fn refused_topic(name: &str) -> DescribeTopicPartitionsResponseTopic {
    DescribeTopicPartitionsResponseTopic {
        error_code: ErrorCode::TopicAuthorizationFailed.code(),
        name: Some(name.to_owned()),
        topic_authorized_operations: NOT_ASKED,
        ..Default::default()
    }
}

fn unknown(access: Access<'_>, name: &str) -> DescribeTopicPartitionsResponseTopic {
    let error = if check_topic_name(name).is_err() {
        ErrorCode::InvalidTopicException
    } else {
        ErrorCode::UnknownTopicOrPartition
    };
    DescribeTopicPartitionsResponseTopic {
        error_code: error.code(),
        name: Some(name.to_owned()),
        is_internal: is_internal_topic(name),
        topic_authorized_operations: access.operations(ResourceType::Topic, name),
        ..Default::default()
    }
}

/// The topic with at most `count_max` partitions from `first` on, and where the rest begins.
fn describe(
    (access, place): (Access<'_>, (&MetadataImage, &str)),
    topic: &TopicImage,
    first: i32,
    count_max: usize,
) -> (DescribeTopicPartitionsResponseTopic, Option<i32>) {
    let mut indices = topic
        .partitions
        .iter()
        .filter(|(index, _)| **index >= first);
    let partitions = indices
        .by_ref()
        .take(count_max)
        .map(|(index, partition)| described(*index, partition, place))
        .collect();
    let rest = indices.next().map(|(index, _)| *index);
    let described = DescribeTopicPartitionsResponseTopic {
        error_code: ErrorCode::None.code(),
        name: Some(topic.name.to_string()),
        topic_id: topic.id,
        is_internal: is_internal_topic(&topic.name),
        partitions,
        topic_authorized_operations: access.operations(ResourceType::Topic, &topic.name),
        ..Default::default()
    };
    (described, rest)
}

fn described(
    partition_index: i32,
    partition: &PartitionRegistration,
    (image, listener): (&MetadataImage, &str),
) -> DescribeTopicPartitionsResponsePartition {
    let leader = image.leader_at(partition, listener);
    let error = leader.err().unwrap_or(ErrorCode::None);
    DescribeTopicPartitionsResponsePartition {
        error_code: error.code(),
        partition_index,
        leader_id: leader.unwrap_or(-1),
        leader_epoch: partition.leader_epoch,
        replica_nodes: partition.replicas.clone(),
        isr_nodes: partition.isr.clone(),
        offline_replicas: image.offline_replicas(partition, listener),
        eligible_leader_replicas: Some(partition.eligible_leader_replicas.clone()),
        last_known_elr: Some(partition.last_known_elr.clone()),
        ..Default::default()
    }
}
