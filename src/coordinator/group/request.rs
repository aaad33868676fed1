//! What groups are asked and what they answer.

use std::sync::Arc;

use ::core::net::IpAddr;

use crate::model::ErrorCode;
use crate::protocol::messages::delete_groups_response::DeletableGroupResult;
use crate::protocol::messages::describe_groups_response::DescribedGroup;
use crate::protocol::messages::offset_commit_request::OffsetCommitRequestTopic;
use crate::protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use crate::protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use crate::protocol::messages::offset_fetch_response::OffsetFetchResponseGroup;
use crate::protocol::messages::{
    DeleteGroupsRequest, DeleteGroupsResponse, DescribeGroupsRequest, DescribeGroupsResponse,
    HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest,
    LeaveGroupResponse, ListGroupsRequest, ListGroupsResponse, OffsetCommitRequest,
    OffsetCommitResponse, OffsetDeleteRequest, OffsetDeleteResponse, SyncGroupRequest,
    SyncGroupResponse,
};

use super::fetch::fetch_error;
use super::join::join_error;

/// Who asks, and how.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// The client's name for itself; empty if it has none.
    pub client_id: Arc<str>,
    /// Where the client connects from.
    pub client_address: IpAddr,
    /// The version of the API that the client speaks.
    pub api_version: i16,
}

/// A request to the groups of one partition. Requests about several groups are cut by partition
/// before, and their answers put together after.
#[derive(Clone, Debug)]
pub enum GroupRequest {
    /// Become or remain a member.
    JoinGroup(JoinGroupRequest),
    /// Learn the assignment; the leader brings all of them.
    SyncGroup(SyncGroupRequest),
    /// Say that a member lives, learn of rebalances.
    Heartbeat(HeartbeatRequest),
    /// Members leave.
    LeaveGroup(LeaveGroupRequest),
    /// Store offsets.
    OffsetCommit(OffsetCommitRequest),
    /// Read offsets of one group.
    OffsetFetch {
        /// The group and what of it.
        group: OffsetFetchRequestGroup,
        /// Wait for what is not yet committed.
        require_stable: bool,
    },
    /// Delete offsets.
    OffsetDelete(OffsetDeleteRequest),
    /// List groups.
    ListGroups(ListGroupsRequest),
    /// Describe groups of this partition.
    DescribeGroups(DescribeGroupsRequest),
    /// Delete groups of this partition.
    DeleteGroups(DeleteGroupsRequest),
}

/// The answer to a [`GroupRequest`], of the variant of the same name.
#[derive(Clone, Debug, PartialEq)]
pub enum GroupResponse {
    /// To [`GroupRequest::JoinGroup`].
    JoinGroup(JoinGroupResponse),
    /// To [`GroupRequest::SyncGroup`].
    SyncGroup(SyncGroupResponse),
    /// To [`GroupRequest::Heartbeat`].
    Heartbeat(HeartbeatResponse),
    /// To [`GroupRequest::LeaveGroup`].
    LeaveGroup(LeaveGroupResponse),
    /// To [`GroupRequest::OffsetCommit`].
    OffsetCommit(OffsetCommitResponse),
    /// To [`GroupRequest::OffsetFetch`].
    OffsetFetch(OffsetFetchResponseGroup),
    /// To [`GroupRequest::OffsetDelete`].
    OffsetDelete(OffsetDeleteResponse),
    /// To [`GroupRequest::ListGroups`].
    ListGroups(ListGroupsResponse),
    /// To [`GroupRequest::DescribeGroups`].
    DescribeGroups(DescribeGroupsResponse),
    /// To [`GroupRequest::DeleteGroups`].
    DeleteGroups(DeleteGroupsResponse),
}

impl GroupRequest {
    /// The answer to this request where the broker cannot serve it at all: the coordinator is not
    /// here, is still loading, or the client may not use the group.
    #[must_use]
    pub fn error_response(&self, api_version: i16, error: ErrorCode) -> GroupResponse {
        let error_code = error.code();
        match self {
            Self::JoinGroup(request) => {
                GroupResponse::JoinGroup(join_error(api_version, &request.member_id, error))
            }
            Self::SyncGroup(_) => GroupResponse::SyncGroup(SyncGroupResponse {
                error_code,
                ..Default::default()
            }),
            Self::Heartbeat(_) => GroupResponse::Heartbeat(HeartbeatResponse {
                error_code,
                ..Default::default()
            }),
            Self::LeaveGroup(_) => GroupResponse::LeaveGroup(LeaveGroupResponse {
                error_code,
                ..Default::default()
            }),
            Self::OffsetCommit(request) => GroupResponse::OffsetCommit(OffsetCommitResponse {
                topics: commit_errors(&request.topics, error),
                ..Default::default()
            }),
            Self::OffsetFetch { group, .. } => {
                GroupResponse::OffsetFetch(fetch_error(api_version, group, error))
            }
            Self::OffsetDelete(_) => GroupResponse::OffsetDelete(OffsetDeleteResponse {
                error_code,
                ..Default::default()
            }),
            Self::ListGroups(_) => GroupResponse::ListGroups(ListGroupsResponse {
                error_code,
                ..Default::default()
            }),
            Self::DescribeGroups(request) => {
                let groups = request.groups.iter().map(|id| described_error(id, error));
                GroupResponse::DescribeGroups(DescribeGroupsResponse {
                    groups: groups.collect(),
                    ..Default::default()
                })
            }
            Self::DeleteGroups(request) => {
                let results = request.groups_names.iter().map(|id| DeletableGroupResult {
                    group_id: id.clone(),
                    error_code,
                    ..Default::default()
                });
                GroupResponse::DeleteGroups(DeleteGroupsResponse {
                    results: results.collect(),
                    ..Default::default()
                })
            }
        }
    }
}

impl GroupResponse {
    /// The records behind the answer could not be written. What failed before keeps its code where
    /// a client could tell the difference: topics that do not exist were not part of the write.
    pub(super) fn set_error(&mut self, error: ErrorCode) {
        let error_code = error.code();
        match self {
            Self::JoinGroup(response) => response.error_code = error_code,
            Self::SyncGroup(response) => {
                *response = SyncGroupResponse {
                    error_code,
                    ..Default::default()
                };
            }
            Self::Heartbeat(response) => response.error_code = error_code,
            Self::LeaveGroup(response) => {
                response.error_code = error_code;
                response.members.clear();
            }
            Self::OffsetCommit(response) => {
                let topics = response.topics.iter_mut();
                for partition in topics.flat_map(|topic| &mut topic.partitions) {
                    if !is_unknown_topic(partition.error_code) {
                        partition.error_code = error_code;
                    }
                }
            }
            Self::OffsetFetch(response) => {
                response.error_code = error_code;
                response.topics.clear();
            }
            Self::OffsetDelete(response) => {
                response.error_code = error_code;
                response.topics.clear();
            }
            Self::ListGroups(response) => response.error_code = error_code,
            Self::DescribeGroups(response) => {
                for group in &mut response.groups {
                    *group = described_error(&group.group_id, error);
                }
            }
            Self::DeleteGroups(response) => {
                for result in &mut response.results {
                    if result.error_code == ErrorCode::None.code() {
                        result.error_code = error_code;
                    }
                }
            }
        }
    }
}

fn is_unknown_topic(error_code: i16) -> bool {
    error_code == ErrorCode::UnknownTopicOrPartition.code()
        || error_code == ErrorCode::UnknownTopicId.code()
}

fn commit_errors(
    topics: &[OffsetCommitRequestTopic],
    error: ErrorCode,
) -> Vec<OffsetCommitResponseTopic> {
    let failed = topics.iter().map(|topic| OffsetCommitResponseTopic {
        name: topic.name.clone(),
        topic_id: topic.topic_id,
        partitions: topic
            .partitions
            .iter()
            .map(|partition| OffsetCommitResponsePartition {
                partition_index: partition.partition_index,
                error_code: error.code(),
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    });
    failed.collect()
}

fn described_error(group_id: &str, error: ErrorCode) -> DescribedGroup {
    DescribedGroup {
        group_id: group_id.to_owned(),
        error_code: error.code(),
        ..Default::default()
    }
}
