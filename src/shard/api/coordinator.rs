//! FindCoordinator, and every request that goes to the coordinator of a group.

use std::sync::Arc;

use crate::coordinator::group::{
    GroupRequest, GroupResponse, RequestContext as GroupContext, merge_offset_fetch, partition_for,
    split_offset_fetch,
};
use crate::metadata::{CONSUMER_OFFSETS, ControllerRequest};
use crate::model::{ErrorCode, ShardId, Uuid};
use crate::protocol::AnyRequest;
use crate::protocol::messages::find_coordinator_response::Coordinator;
use crate::protocol::messages::{
    DeleteGroupsRequest, DeleteGroupsResponse, DescribeGroupsRequest, DescribeGroupsResponse,
    FindCoordinatorRequest, FindCoordinatorResponse, ListGroupsResponse,
};
use crate::security::GROUP_OPERATIONS;
use crate::shard::placement::{place, shard_of};
use crate::shard::request::RequestContext;
use crate::shard::task::{Task, TaskIndex};

use super::{Attempt, ControllerGather, Gather, Parts, Plan, Tasks};

/// The key is a group's id.
const GROUP_KEY: i8 = 0;
/// The key is a partition of a share group.
const SHARE_GROUP_KEY: i8 = 2;

/// Since this version a key may be that of a share group.
const VERSION_WITH_SHARE_KEYS: i16 = 6;

/// Since this version a request names several keys (KIP-699).
const VERSION_WITH_KEYS: i16 = 4;

/// The answers of the coordinators so far.
#[derive(Debug)]
pub struct GroupGather {
    responses: Vec<Option<GroupResponse>>,
    /// The client wants to know what it may do with the groups that it has described.
    includes_operations: bool,
}

/// Answer with this broker, after the controller made the offsets topic if it is missing.
pub fn plan_find(
    context: &RequestContext,
    request: FindCoordinatorRequest,
    attempt: Attempt,
    parts: &Parts<'_>,
) -> Plan {
    let is_missing = parts.image.topic(CONSUMER_OFFSETS).is_none();
    if is_missing && request.key_type == GROUP_KEY && attempt == Attempt::First {
        let create = ControllerRequest::AutoCreate {
            topics: vec![CONSUMER_OFFSETS.to_owned()],
        };
        let again = Some(Box::new(AnyRequest::FindCoordinator(request)));
        let gather = ControllerGather {
            response: None,
            again,
        };
        return Plan::controller(create, Gather::Controller(gather));
    }
    let keys = if context.version >= VERSION_WITH_KEYS {
        request.coordinator_keys
    } else {
        vec![request.key]
    };
    let found: Vec<Coordinator> = keys
        .into_iter()
        .map(|key| coordinator_of(context, request.key_type, key, is_missing, parts))
        .collect();
    if context.version >= VERSION_WITH_KEYS {
        return Plan::answer(FindCoordinatorResponse {
            coordinators: found,
            ..Default::default()
        });
    }
    let only = found.into_iter().next().expect("there was one key");
    Plan::answer(FindCoordinatorResponse {
        error_code: only.error_code,
        error_message: only.error_message,
        node_id: only.node_id,
        host: only.host,
        port: only.port,
        ..Default::default()
    })
}

fn coordinator_of(
    context: &RequestContext,
    key_type: i8,
    key: String,
    is_missing: bool,
    parts: &Parts<'_>,
) -> Coordinator {
    let refused = |key, error: ErrorCode, message: &str| Coordinator {
        key,
        node_id: -1,
        port: -1,
        error_code: error.code(),
        error_message: Some(message.to_owned()),
        ..Default::default()
    };
    if key_type == SHARE_GROUP_KEY && !is_share_key(context.version, &key) {
        return refused(key, ErrorCode::InvalidRequest, "");
    }
    if !(GROUP_KEY..=SHARE_GROUP_KEY).contains(&key_type) {
        let message = "there is no such kind of coordinator";
        return refused(key, ErrorCode::InvalidRequest, message);
    }
    if key_type != GROUP_KEY {
        // Clients try COORDINATOR_NOT_AVAILABLE again for minutes; this one ends them at once.
        let message = "only groups have a coordinator here; transactions are not served yet";
        return refused(key, ErrorCode::UnsupportedVersion, message);
    }
    let own = parts.image.brokers.get(&parts.config().node_id);
    let endpoint = own.and_then(|broker| broker.endpoint(parts.listener_name(context)));
    match endpoint.filter(|_| !is_missing) {
        Some(endpoint) => Coordinator {
            key,
            node_id: parts.config().node_id,
            host: endpoint.host.clone(),
            port: i32::from(endpoint.port),
            error_code: ErrorCode::None.code(),
            error_message: Some(match context.version {
                ..VERSION_WITH_KEYS => "NONE".to_owned(),
                VERSION_WITH_KEYS.. => String::new(),
            }),
            ..Default::default()
        },
        None => refused(
            key,
            ErrorCode::CoordinatorNotAvailable,
            "the offsets topic is not there",
        ),
    }
}

/// True for a key of a share group's partition, as versions since 6 name one: the group, the
/// topic's id and the partition (KIP-932).
fn is_share_key(version: i16, key: &str) -> bool {
    let mut parts = key.rsplitn(3, ':');
    let is_partition = parts.next().is_some_and(|text| text.parse::<u32>().is_ok());
    let is_topic = parts.next().is_some_and(|text| Uuid::parse(text).is_some());
    let is_group = parts.next().is_some_and(|text| !text.is_empty());
    version >= VERSION_WITH_SHARE_KEYS && is_partition && is_topic && is_group
}

/// Send the request to the shard of the group.
pub fn plan_group(context: &RequestContext, request: AnyRequest, parts: &Parts<'_>) -> Plan {
    let group_context = GroupContext {
        client_id: context.client_id.clone().unwrap_or_else(|| Arc::from("")),
        client_address: context.peer.ip(),
        api_version: context.version,
    };
    let mut asks = GroupAsks {
        parts,
        context: group_context,
        tasks: Tasks::default(),
        refused: Vec::new(),
        includes_operations: false,
    };
    match request {
        AnyRequest::JoinGroup(request) => {
            let group = request.group_id.clone();
            asks.ask(&group, GroupRequest::JoinGroup(request));
        }
        AnyRequest::SyncGroup(request) => {
            let group = request.group_id.clone();
            asks.ask(&group, GroupRequest::SyncGroup(request));
        }
        AnyRequest::Heartbeat(request) => {
            let group = request.group_id.clone();
            asks.ask(&group, GroupRequest::Heartbeat(request));
        }
        AnyRequest::LeaveGroup(request) => {
            let group = request.group_id.clone();
            asks.ask(&group, GroupRequest::LeaveGroup(request));
        }
        AnyRequest::OffsetCommit(request) => {
            let group = request.group_id.clone();
            asks.ask(&group, GroupRequest::OffsetCommit(request));
        }
        AnyRequest::OffsetDelete(request) => {
            let group = request.group_id.clone();
            asks.ask(&group, GroupRequest::OffsetDelete(request));
        }
        AnyRequest::OffsetFetch(request) => {
            let require_stable = request.require_stable;
            for group in split_offset_fetch(request, context.version) {
                let id = group.group_id.clone();
                asks.ask(
                    &id,
                    GroupRequest::OffsetFetch {
                        group,
                        require_stable,
                    },
                );
            }
        }
        AnyRequest::DescribeGroups(request) => {
            asks.includes_operations = request.include_authorized_operations;
            for group in request.groups {
                let one = DescribeGroupsRequest {
                    groups: vec![group.clone()],
                    include_authorized_operations: request.include_authorized_operations,
                    ..Default::default()
                };
                asks.ask(&group, GroupRequest::DescribeGroups(one));
            }
        }
        AnyRequest::DeleteGroups(request) => {
            for group in request.groups_names {
                let groups_names = vec![group.clone()];
                let one = DeleteGroupsRequest {
                    groups_names,
                    ..Default::default()
                };
                asks.ask(&group, GroupRequest::DeleteGroups(one));
            }
        }
        AnyRequest::ListGroups(request) => asks.ask_all(&GroupRequest::ListGroups(request)),
        request => return Plan::Close(format!("{} is not served", request.key().name())),
    }
    asks.plan(context)
}

/// The tasks of a request about groups.
struct GroupAsks<'a> {
    parts: &'a Parts<'a>,
    context: GroupContext,
    tasks: Tasks,
    /// The answers so far: those that no coordinator has to give.
    refused: Vec<Option<GroupResponse>>,
    includes_operations: bool,
}

impl GroupAsks<'_> {
    fn ask(&mut self, group_id: &str, request: GroupRequest) {
        let Some(topic) = self.parts.image.topic(CONSUMER_OFFSETS) else {
            let error = ErrorCode::CoordinatorNotAvailable;
            let response = request.error_response(self.context.api_version, error);
            return self.refused.push(Some(response));
        };
        let count = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
        let partition = partition_for(group_id, count);
        let shard = shard_of(place(topic.id, partition), self.parts.shards_count);
        self.send(shard, partition, request);
    }

    fn ask_all(&mut self, request: &GroupRequest) {
        let Some(topic) = self.parts.image.topic(CONSUMER_OFFSETS) else {
            return;
        };
        for partition in topic.partitions.keys() {
            let shard = shard_of(place(topic.id, *partition), self.parts.shards_count);
            self.send(shard, *partition, request.clone());
        }
    }

    fn send(&mut self, shard: ShardId, partition: i32, request: GroupRequest) {
        let index = TaskIndex::try_from(self.refused.len()).expect("a request asks few groups");
        self.refused.push(None);
        let context = self.context.clone();
        self.tasks.push(
            shard,
            index,
            Task::Group {
                partition,
                context,
                request: Box::new(request),
            },
        );
    }

    fn plan(self, context: &RequestContext) -> Plan {
        let gather = GroupGather {
            responses: self.refused,
            includes_operations: self.includes_operations,
        };
        if self.tasks.is_empty() {
            return gather.finish(context);
        }
        Plan::Tasks {
            tasks: self.tasks,
            gather: Box::new(Gather::Group(gather)),
        }
    }
}

impl GroupGather {
    /// A coordinator answered.
    pub fn on_reply(&mut self, index: TaskIndex, response: GroupResponse) {
        self.responses[index as usize] = Some(response);
    }

    /// Every coordinator answered.
    pub fn finish(self, context: &RequestContext) -> Plan {
        let includes_operations = self.includes_operations;
        let mut responses = self.responses.into_iter().flatten();
        let Some(first) = responses.next() else {
            return empty(context);
        };
        match first {
            GroupResponse::JoinGroup(response) => Plan::answer(response),
            GroupResponse::SyncGroup(response) => Plan::answer(response),
            GroupResponse::Heartbeat(response) => Plan::answer(response),
            GroupResponse::LeaveGroup(response) => Plan::answer(response),
            GroupResponse::OffsetCommit(response) => Plan::answer(response),
            GroupResponse::OffsetDelete(response) => Plan::answer(response),
            GroupResponse::OffsetFetch(group) => {
                let others = responses.filter_map(|response| match response {
                    GroupResponse::OffsetFetch(group) => Some(group),
                    _ => None,
                });
                let groups = std::iter::once(group).chain(others).collect();
                Plan::answer(merge_offset_fetch(groups, context.version))
            }
            GroupResponse::DescribeGroups(mut all) => {
                for response in responses {
                    if let GroupResponse::DescribeGroups(response) = response {
                        all.groups.extend(response.groups);
                    }
                }
                for group in all.groups.iter_mut().filter(|group| group.error_code == 0) {
                    if includes_operations {
                        group.authorized_operations = GROUP_OPERATIONS;
                    }
                }
                Plan::answer(all)
            }
            GroupResponse::DeleteGroups(mut all) => {
                for response in responses {
                    if let GroupResponse::DeleteGroups(response) = response {
                        all.results.extend(response.results);
                    }
                }
                Plan::answer(all)
            }
            GroupResponse::ListGroups(mut all) => {
                for response in responses {
                    if let GroupResponse::ListGroups(response) = response {
                        all.groups.extend(response.groups);
                        all.error_code = if all.error_code == 0 {
                            response.error_code
                        } else {
                            all.error_code
                        };
                    }
                }
                Plan::answer(all)
            }
        }
    }
}

/// The answer to a request that names no group.
fn empty(context: &RequestContext) -> Plan {
    use crate::protocol::ApiKey;
    match context.key {
        ApiKey::ListGroups => Plan::answer(ListGroupsResponse::default()),
        ApiKey::DescribeGroups => Plan::answer(DescribeGroupsResponse::default()),
        ApiKey::DeleteGroups => Plan::answer(DeleteGroupsResponse::default()),
        ApiKey::OffsetFetch => Plan::answer(merge_offset_fetch(Vec::new(), context.version)),
        key => unreachable!("{} names a group", key.name()),
    }
}
