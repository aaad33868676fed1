//! The topics in requests about groups: what the client may not use is cut from the request and
//! refused in the answer; what it may not see is not told of.

use crate::coordinator::group::{GroupRequest, GroupResponse, refuse_offset_fetch};
use crate::model::{ErrorCode, Uuid};
use crate::protocol::messages::offset_delete_response::{
    OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use crate::protocol::messages::offset_fetch_response::OffsetFetchResponseGroup;
use crate::protocol::messages::{OffsetCommitRequest, OffsetDeleteResponse};
use crate::security::{Access, Operation, ResourceType};

use super::Parts;

const REFUSED: ErrorCode = ErrorCode::TopicAuthorizationFailed;

/// Cut the topics that the client may not use from `request`. They come back as a part of its
/// answer; `None` if there are none.
pub fn cut_topics(
    access: Access<'_>,
    parts: &Parts<'_>,
    version: i16,
    request: &mut GroupRequest,
) -> Option<GroupResponse> {
    if !access.is_controlled() {
        return None;
    }
    let may_not =
        |operation, id: Uuid, name: &str| parts.refuses_topic(access, operation, (id, name));
    match request {
        GroupRequest::OffsetCommit(request) => {
            let cut = request.topics.extract_if(.., |topic| {
                may_not(Operation::Read, topic.topic_id, &topic.name)
            });
            let topics: Vec<_> = cut.collect();
            (!topics.is_empty()).then(|| {
                let cut = GroupRequest::OffsetCommit(OffsetCommitRequest {
                    topics,
                    ..Default::default()
                });
                cut.error_response(version, REFUSED)
            })
        }
        GroupRequest::OffsetDelete(request) => {
            let cut = request.topics.extract_if(.., |topic| {
                may_not(Operation::Read, Uuid::ZERO, &topic.name)
            });
            let topics: Vec<_> = cut
                .map(|topic| OffsetDeleteResponseTopic {
                    name: topic.name,
                    partitions: topic
                        .partitions
                        .into_iter()
                        .map(|partition| OffsetDeleteResponsePartition {
                            partition_index: partition.partition_index,
                            error_code: REFUSED.code(),
                        })
                        .collect(),
                })
                .collect();
            (!topics.is_empty()).then(|| {
                GroupResponse::OffsetDelete(OffsetDeleteResponse {
                    topics,
                    ..Default::default()
                })
            })
        }
        GroupRequest::OffsetFetch { group, .. } => {
            let cut = group.topics.as_mut()?.extract_if(.., |topic| {
                may_not(Operation::Describe, topic.topic_id, &topic.name)
            });
            let topics: Vec<_> = cut
                .map(|topic| refuse_offset_fetch(&topic, REFUSED))
                .collect();
            (!topics.is_empty()).then(|| {
                GroupResponse::OffsetFetch(OffsetFetchResponseGroup {
                    group_id: group.group_id.clone(),
                    topics,
                    ..Default::default()
                })
            })
        }
        _ => None,
    }
}

/// False if nothing is left that a coordinator would have to do.
pub const fn asks_something(request: &GroupRequest) -> bool {
    match request {
        GroupRequest::OffsetCommit(request) => !request.topics.is_empty(),
        GroupRequest::OffsetDelete(request) => !request.topics.is_empty(),
        _ => true,
    }
}

/// Put refused topics into the answer of the coordinator, unless that refuses everything.
pub fn add_topics(response: &mut GroupResponse, refused: GroupResponse) {
    match (response, refused) {
        (GroupResponse::OffsetCommit(response), GroupResponse::OffsetCommit(refused)) => {
            response.topics.extend(refused.topics);
        }
        (GroupResponse::OffsetDelete(response), GroupResponse::OffsetDelete(refused))
            if response.error_code == ErrorCode::None.code() =>
        {
            response.topics.extend(refused.topics);
        }
        (GroupResponse::OffsetFetch(response), GroupResponse::OffsetFetch(refused))
            if response.error_code == ErrorCode::None.code() =>
        {
            response.topics.extend(refused.topics);
        }
        _ => {}
    }
}

/// Take out of an answer what the client may not see: groups in a list, topics of a group all of
/// whose offsets it asked for.
pub fn hide(access: Access<'_>, parts: &Parts<'_>, response: &mut GroupResponse) {
    if !access.is_controlled() {
        return;
    }
    match response {
        GroupResponse::ListGroups(response) if !access.would_allow_cluster(Operation::Describe) => {
            response.groups.retain(|group| {
                access.would_allow(Operation::Describe, ResourceType::Group, &group.group_id)
            });
        }
        GroupResponse::OffsetFetch(response) if response.error_code == ErrorCode::None.code() => {
            response.topics.retain(|topic| {
                !parts.refuses_topic(access, Operation::Describe, (topic.topic_id, &topic.name))
            });
        }
        _ => {}
    }
}
