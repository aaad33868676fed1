//! FindCoordinator, and every request that goes to the coordinator of a group.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::coordinator::group::{
    GroupRequest, GroupResponse, RequestContext as GroupContext, merge_offset_fetch, partition_for,
    split_offset_fetch,
};
use crate::metadata::{
    CONSUMER_OFFSETS, ControllerRequest, TRANSACTION_STATE, TopicImage, is_forebay,
};
use crate::model::{BrokerId, ErrorCode, PartitionIndex, ShardId, Uuid};
use crate::protocol::AnyRequest;
use crate::protocol::messages::find_coordinator_response::Coordinator;
use crate::protocol::messages::{
    DeleteGroupsRequest, DeleteGroupsResponse, DescribeGroupsRequest, DescribeGroupsResponse,
    FindCoordinatorRequest, FindCoordinatorResponse, ListGroupsResponse, OffsetFetchRequest,
};
use crate::security::{Access, Operation, ResourceType, refusal_text};
use crate::shard::placement::{place, shard_of};
use crate::shard::request::RequestContext;
use crate::shard::task::{Task, TaskIndex};

use super::group_topics::{add_topics, asks_something, cut_topics, hide};
use super::leaders::{LeaderNode, Leaders};
use super::{Attempt, ControllerGather, Gather, Parts, Plan, Tasks};

/// The key is a group's id.
const GROUP_KEY: i8 = 0;
/// The key is a transactional id.
const TRANSACTION_KEY: i8 = 1;
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
    /// By its place among them, what the client may not use of the topics that it named.
    refused_topics: BTreeMap<usize, GroupResponse>,
    /// The client wants to know what it may do with the groups that it has described.
    includes_operations: bool,
}

/// Answer with who leads the group's partition, after the controller made the offsets topic if it
/// is missing.
pub fn plan_find(
    context: &RequestContext,
    request: FindCoordinatorRequest,
    attempt: Attempt,
    parts: &Parts<'_>,
) -> Plan {
    let is_missing = parts.image.topic(CONSUMER_OFFSETS).is_none();
    let access = parts.access(context);
    let has_list = context.version >= VERSION_WITH_KEYS;
    let may_ask = |request: &FindCoordinatorRequest| {
        let keys = match has_list {
            true => &*request.coordinator_keys,
            false => std::slice::from_ref(&request.key),
        };
        let mut groups = keys.iter();
        groups.any(|group| access.would_allow(Operation::Describe, ResourceType::Group, group))
    };
    let is_first = attempt == Attempt::First;
    if is_missing && is_first && request.key_type == GROUP_KEY && may_ask(&request) {
        let create = ControllerRequest::AutoCreate {
            topics: vec![CONSUMER_OFFSETS.to_owned()],
        };
        let gather = ControllerGather::again(AnyRequest::FindCoordinator(request));
        return Plan::controller(create, Gather::Controller(gather));
    }
    let keys = if has_list {
        request.coordinator_keys
    } else {
        vec![request.key]
    };
    let found: Vec<Coordinator> = keys
        .into_iter()
        .map(|key| coordinator_of(context, request.key_type, key, parts))
        .collect();
    if has_list {
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
    if let Some(error) = find_refusal(context, parts, key_type, &key) {
        let message = match error {
            ErrorCode::ClusterAuthorizationFailed => refusal_text(error),
            // The code says all in a list: Kafka has no words for it.
            _ if context.version >= VERSION_WITH_KEYS => "",
            _ => refusal_text(error),
        };
        return refused(key, error, message);
    }
    if key_type == SHARE_GROUP_KEY && !is_share_key(context.version, &key) {
        let message = match context.version {
            ..VERSION_WITH_KEYS => "share groups have no coordinator in this version",
            VERSION_WITH_KEYS.. => "",
        };
        return refused(key, ErrorCode::InvalidRequest, message);
    }
    if !(GROUP_KEY..=SHARE_GROUP_KEY).contains(&key_type) {
        let message = "there is no such kind of coordinator";
        return refused(key, ErrorCode::InvalidRequest, message);
    }
    // Clients try COORDINATOR_NOT_AVAILABLE again for minutes; UNSUPPORTED_VERSION ends them.
    let topic = match key_type {
        GROUP_KEY => CONSUMER_OFFSETS,
        TRANSACTION_KEY if has_others(parts) => TRANSACTION_STATE,
        _ => {
            let message = "only groups have a coordinator here; transactions are not served yet";
            return refused(key, ErrorCode::UnsupportedVersion, message);
        }
    };
    match leader_for(context, topic, &key, parts) {
        Some(leader) if key_type == TRANSACTION_KEY && is_ours(leader.id, parts) => {
            let message = "a broker of Forebay leads the transactional id's partition of \
                           __transaction_state, and does not coordinate transactions yet: move the \
                           partition to a broker of Apache Kafka";
            refused(key, ErrorCode::UnsupportedVersion, message)
        }
        Some(leader) => Coordinator {
            key,
            node_id: leader.id,
            host: leader.host,
            port: leader.port,
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
            match key_type {
                GROUP_KEY => "nobody leads the group's partition of the offsets topic",
                _ => "nobody leads the transactional id's partition of __transaction_state",
            },
        ),
    }
}

/// True if some broker of the cluster is not of Forebay, and may coordinate transactions.
fn has_others(parts: &Parts<'_>) -> bool {
    let mut brokers = parts.image.brokers.values();
    brokers.any(|broker| !is_forebay(broker))
}

fn is_ours(broker: BrokerId, parts: &Parts<'_>) -> bool {
    let registration = parts.image.brokers.get(&broker);
    registration.is_none_or(|registration| is_forebay(registration))
}

/// Why the client may not know who coordinates this.
fn find_refusal(
    context: &RequestContext,
    parts: &Parts<'_>,
    key_type: i8,
    key: &str,
) -> Option<ErrorCode> {
    let access = parts.access(context);
    let (is_allowed, error) = match key_type {
        GROUP_KEY => (
            access.allows_group(Operation::Describe, key),
            ErrorCode::GroupAuthorizationFailed,
        ),
        TRANSACTION_KEY => (
            access.allows(Operation::Describe, ResourceType::TransactionalId, key),
            ErrorCode::TransactionalIdAuthorizationFailed,
        ),
        SHARE_GROUP_KEY if context.version >= VERSION_WITH_SHARE_KEYS => (
            access.allows_cluster(Operation::ClusterAction),
            ErrorCode::ClusterAuthorizationFailed,
        ),
        _ => return None,
    };
    (!is_allowed).then_some(error)
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
        access: parts.access(context),
        context: group_context,
        tasks: Tasks::default(),
        refused: Vec::new(),
        refused_topics: BTreeMap::new(),
        includes_operations: false,
    };
    match request {
        AnyRequest::JoinGroup(request) => {
            let group = request.group_id.clone();
            asks.ask(&group, Operation::Read, GroupRequest::JoinGroup(request));
        }
        AnyRequest::SyncGroup(request) => {
            let group = request.group_id.clone();
            asks.ask(&group, Operation::Read, GroupRequest::SyncGroup(request));
        }
        AnyRequest::Heartbeat(request) => {
            let group = request.group_id.clone();
            asks.ask(&group, Operation::Read, GroupRequest::Heartbeat(request));
        }
        AnyRequest::LeaveGroup(request) => {
            let group = request.group_id.clone();
            asks.ask(&group, Operation::Read, GroupRequest::LeaveGroup(request));
        }
        AnyRequest::OffsetCommit(request) => {
            let group = request.group_id.clone();
            asks.ask(&group, Operation::Read, GroupRequest::OffsetCommit(request));
        }
        AnyRequest::OffsetDelete(request) => {
            let group = request.group_id.clone();
            asks.ask(
                &group,
                Operation::Delete,
                GroupRequest::OffsetDelete(request),
            );
        }
        AnyRequest::OffsetFetch(request) => asks.ask_offsets(request),
        AnyRequest::DescribeGroups(request) => asks.ask_descriptions(request),
        AnyRequest::DeleteGroups(request) => asks.ask_deletions(request),
        AnyRequest::ListGroups(request) => asks.ask_all(&GroupRequest::ListGroups(request)),
        request => return Plan::Close(format!("{} is not served", request.key().name())),
    }
    asks.plan(context, parts)
}

/// The tasks of a request about groups.
/// Who leads the partition of the internal `topic` that `key` belongs to, and where it is reached.
fn leader_for(
    context: &RequestContext,
    topic: &str,
    key: &str,
    parts: &Parts<'_>,
) -> Option<LeaderNode> {
    let topic = parts.image.topic(topic)?;
    let registration = topic.partitions.get(&partition_of(topic, key));
    let mut leaders = Leaders::new(parts.image, parts.listener_name(context));
    leaders.name(registration.map(AsRef::as_ref));
    leaders.into_nodes().next()
}

/// The partition of the offsets topic that a group belongs to.
fn partition_of(topic: &TopicImage, group: &str) -> PartitionIndex {
    let count = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
    partition_for(group, count)
}

struct GroupAsks<'a> {
    parts: &'a Parts<'a>,
    access: Access<'a>,
    context: GroupContext,
    tasks: Tasks,
    /// The answers so far: those that no coordinator has to give.
    refused: Vec<Option<GroupResponse>>,
    /// By its place among the answers, a part of an answer that the coordinator does not give.
    refused_topics: BTreeMap<usize, GroupResponse>,
    includes_operations: bool,
}

impl GroupAsks<'_> {
    /// Ask the coordinator of a group, if the client may do this with the group.
    fn ask(&mut self, group_id: &str, operation: Operation, mut request: GroupRequest) {
        let version = self.context.api_version;
        if !self.access.allows_group(operation, group_id) {
            let error = ErrorCode::GroupAuthorizationFailed;
            let response = request.error_response(version, error);
            return self.refused.push(Some(response));
        }
        if let Some(cut) = cut_topics(self.access, self.parts, version, &mut request) {
            if !asks_something(&request) {
                return self.refused.push(Some(cut));
            }
            self.refused_topics.insert(self.refused.len(), cut);
        }
        let Some(topic) = self.parts.image.topic(CONSUMER_OFFSETS) else {
            let error = ErrorCode::CoordinatorNotAvailable;
            let response = request.error_response(version, error);
            return self.refused.push(Some(response));
        };
        let partition = partition_of(topic, group_id);
        let shard = shard_of(place(topic.id, partition), self.parts.shards_count);
        self.send(shard, partition, request);
    }

    fn ask_offsets(&mut self, request: OffsetFetchRequest) {
        let require_stable = request.require_stable;
        for group in split_offset_fetch(request, self.context.api_version) {
            let id = group.group_id.clone();
            let one = GroupRequest::OffsetFetch {
                group,
                require_stable,
            };
            self.ask(&id, Operation::Describe, one);
        }
    }

    fn ask_descriptions(&mut self, request: DescribeGroupsRequest) {
        self.includes_operations = request.include_authorized_operations;
        for group in request.groups {
            let one = DescribeGroupsRequest {
                groups: vec![group.clone()],
                include_authorized_operations: request.include_authorized_operations,
                ..Default::default()
            };
            let one = GroupRequest::DescribeGroups(one);
            self.ask(&group, Operation::Describe, one);
        }
    }

    fn ask_deletions(&mut self, request: DeleteGroupsRequest) {
        for group in request.groups_names {
            let one = DeleteGroupsRequest {
                groups_names: vec![group.clone()],
                ..Default::default()
            };
            self.ask(&group, Operation::Delete, GroupRequest::DeleteGroups(one));
        }
    }

    fn ask_all(&mut self, request: &GroupRequest) {
        let Some(topic) = self.parts.image.topic(CONSUMER_OFFSETS) else {
            return;
        };
        let own = self.parts.config().node_id;
        let led = topic.partitions.iter();
        let led = led.filter(|(_, registration)| registration.leader == Some(own));
        for (partition, _) in led {
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

    fn plan(self, context: &RequestContext, parts: &Parts<'_>) -> Plan {
        let gather = GroupGather {
            responses: self.refused,
            refused_topics: self.refused_topics,
            includes_operations: self.includes_operations,
        };
        if self.tasks.is_empty() {
            return gather.finish(context, parts);
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
    pub fn finish(mut self, context: &RequestContext, parts: &Parts<'_>) -> Plan {
        let access = parts.access(context);
        let includes_operations = self.includes_operations;
        for (place, response) in self.responses.iter_mut().enumerate() {
            if let Some(response) = response {
                hide(access, parts, response);
                if let Some(refused) = self.refused_topics.remove(&place) {
                    add_topics(response, refused);
                }
            }
        }
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
                        let kind = ResourceType::Group;
                        group.authorized_operations = access.operations(kind, &group.group_id);
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
