//! Requests from text, and text from answers and records.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;

use forebay::coordinator::group::{CoordinatorRecord, GroupRequest, GroupResponse};
use forebay::model::{ErrorCode, Uuid};
use forebay::protocol::messages::join_group_request::JoinGroupRequestProtocol;
use forebay::protocol::messages::leave_group_request::MemberIdentity;
use forebay::protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use forebay::protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use forebay::protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use forebay::protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use forebay::protocol::messages::{
    ConsumerProtocolSubscription, DeleteGroupsRequest, DescribeGroupsRequest, GroupMetadataKey,
    GroupMetadataValue, HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest, ListGroupsRequest,
    OffsetCommitKey, OffsetCommitRequest, OffsetCommitValue, OffsetDeleteRequest, SyncGroupRequest,
};
use forebay::protocol::{
    Message as _, RecordContent as _, decode_record_type, decode_versioned, encode_versioned,
};

/// The words of a command: `key=value` ones by key, the others in their order.
pub struct Words {
    pub plain: Vec<String>,
    pub named: BTreeMap<String, String>,
}

impl Words {
    pub fn parse(line: &str) -> Self {
        let (mut plain, mut named) = (Vec::new(), BTreeMap::new());
        for word in line.split_whitespace() {
            match word.split_once('=') {
                Some((key, value)) => {
                    named.insert(key.to_owned(), value.to_owned());
                }
                None => plain.push(word.to_owned()),
            }
        }
        Self { plain, named }
    }

    pub fn take(&mut self, key: &str) -> Option<String> {
        self.named.remove(key)
    }

    pub fn number<T: std::str::FromStr>(&mut self, key: &str, default: T) -> T {
        let text = self.take(key);
        text.map_or(default, |text| {
            text.parse().unwrap_or_else(|_| panic!("{key}={text}"))
        })
    }
}

/// What a consumer of these topics says.
pub fn subscription(topics: &[&str]) -> Bytes {
    let subscription = ConsumerProtocolSubscription {
        topics: topics.iter().map(|&topic| topic.to_owned()).collect(),
        ..Default::default()
    };
    encode_versioned(&subscription, 1).unwrap()
}

/// The names by which a trace calls member ids.
#[derive(Default)]
pub struct Names {
    names: Vec<String>,
}

impl Names {
    /// The member id called `name`: `M1` is the first that was seen.
    pub fn id(&self, name: &str) -> String {
        let number = name.strip_prefix('M').and_then(|n| n.parse::<usize>().ok());
        match number {
            Some(number) => self.names.get(number - 1).cloned().unwrap_or_default(),
            None => name.to_owned(),
        }
    }

    pub fn name(&mut self, id: &str) -> String {
        // A name and a random id of 36 characters.
        if id.len() < 37 {
            return format!("'{id}'");
        }
        let index = self.names.iter().position(|known| known == id);
        let index = index.unwrap_or_else(|| {
            self.names.push(id.to_owned());
            self.names.len() - 1
        });
        format!("M{}", index + 1)
    }
}

/// `t1-0` is partition 0 of topic `t1`.
fn place(text: &str) -> (String, i32) {
    let (topic, partition) = text.rsplit_once('-').unwrap();
    (topic.to_owned(), partition.parse().unwrap())
}

/// The request that a command asks, and its version.
pub fn request(words: &mut Words, names: &Names) -> (i16, GroupRequest) {
    let verb = words.plain.remove(0);
    let instance = words.take("instance");
    let generation = words.number("generation", -1);
    let version = words.take("v").map(|v| v.parse::<i16>().unwrap());
    let mut group = || {
        let is_named = !words.plain.is_empty();
        if is_named {
            words.plain.remove(0)
        } else {
            String::new()
        }
    };
    match verb.as_str() {
        "join" => {
            let group_id = group();
            (version.unwrap_or(9), join(words, names, group_id, instance))
        }
        "sync" => {
            let group_id = group();
            let member_id = names.id(&words.plain.remove(0));
            let request = SyncGroupRequest {
                group_id,
                generation_id: generation,
                member_id,
                group_instance_id: instance,
                protocol_type: Some(words.take("type").unwrap_or("consumer".to_owned())),
                protocol_name: Some(words.take("protocol").unwrap_or("range".to_owned())),
                assignments: std::mem::take(&mut words.named)
                    .into_iter()
                    .map(|(member, assignment)| SyncGroupRequestAssignment {
                        member_id: names.id(&member),
                        assignment: Bytes::from(assignment),
                        ..Default::default()
                    })
                    .collect(),
                ..Default::default()
            };
            (version.unwrap_or(5), GroupRequest::SyncGroup(request))
        }
        "heartbeat" => {
            let request = HeartbeatRequest {
                group_id: group(),
                generation_id: generation,
                member_id: names.id(&words.plain.remove(0)),
                group_instance_id: instance,
                ..Default::default()
            };
            (version.unwrap_or(4), GroupRequest::Heartbeat(request))
        }
        "leave" => {
            let group_id = group();
            let mut members: Vec<MemberIdentity> = Vec::new();
            for member in &words.plain {
                members.push(MemberIdentity {
                    member_id: names.id(member),
                    group_instance_id: instance.clone(),
                    ..Default::default()
                });
            }
            if members.is_empty() {
                members.push(MemberIdentity {
                    group_instance_id: instance,
                    ..Default::default()
                });
            }
            let request = LeaveGroupRequest {
                group_id,
                member_id: members[0].member_id.clone(),
                members,
                ..Default::default()
            };
            (version.unwrap_or(5), GroupRequest::LeaveGroup(request))
        }
        "commit" => {
            let group_id = group();
            let version = version.unwrap_or(9);
            let member = words.plain.first().map(|name| names.id(name));
            let request = OffsetCommitRequest {
                group_id,
                generation_id_or_member_epoch: generation,
                member_id: member.unwrap_or_default(),
                group_instance_id: instance,
                retention_time_ms: words.number("retention", -1),
                topics: commit_topics(words),
                ..Default::default()
            };
            (version, GroupRequest::OffsetCommit(request))
        }
        "fetch" => {
            let group_id = group();
            let require_stable = words.take("stable").is_some();
            let topics = words.plain.iter().map(|text| {
                let (name, partition) = place(text);
                OffsetFetchRequestTopics {
                    name,
                    partition_indexes: vec![partition],
                    ..Default::default()
                }
            });
            let group = OffsetFetchRequestGroup {
                group_id,
                topics: (!words.plain.is_empty()).then(|| topics.collect()),
                ..Default::default()
            };
            let request = GroupRequest::OffsetFetch {
                group,
                require_stable,
            };
            (version.unwrap_or(9), request)
        }
        "delete-offsets" => {
            let group_id = group();
            let topics = words.plain.iter().map(|text| {
                let (name, partition_index) = place(text);
                OffsetDeleteRequestTopic {
                    name,
                    partitions: vec![OffsetDeleteRequestPartition { partition_index }],
                }
            });
            let request = OffsetDeleteRequest {
                group_id,
                topics: topics.collect(),
            };
            (0, GroupRequest::OffsetDelete(request))
        }
        "list" => {
            let words_of = |text: Option<String>| {
                let text = text.unwrap_or_default();
                let words = text.split(',').filter(|word| !word.is_empty());
                words.map(str::to_owned).collect()
            };
            let request = ListGroupsRequest {
                states_filter: words_of(words.take("states")),
                types_filter: words_of(words.take("types")),
                ..Default::default()
            };
            (version.unwrap_or(5), GroupRequest::ListGroups(request))
        }
        "describe" => {
            let request = DescribeGroupsRequest {
                groups: words.plain.clone(),
                ..Default::default()
            };
            (version.unwrap_or(6), GroupRequest::DescribeGroups(request))
        }
        "delete-groups" => {
            let request = DeleteGroupsRequest {
                groups_names: words.plain.clone(),
                ..Default::default()
            };
            (version.unwrap_or(2), GroupRequest::DeleteGroups(request))
        }
        other => panic!("no command is called {other}"),
    }
}

/// `join GROUP [MEMBER] protocols=range:t1+t2,roundrobin:t1`
fn join(
    words: &mut Words,
    names: &Names,
    group_id: String,
    group_instance_id: Option<String>,
) -> GroupRequest {
    let member_id = words.plain.first().map(|name| names.id(name));
    let protocols = words.take("protocols").unwrap_or("range:t1".to_owned());
    let protocols = protocols.split(',').filter(|text| !text.is_empty());
    GroupRequest::JoinGroup(JoinGroupRequest {
        group_id,
        session_timeout_ms: words.number("session", 10_000),
        rebalance_timeout_ms: words.number("rebalance", 60_000),
        member_id: member_id.unwrap_or_default(),
        group_instance_id,
        protocol_type: words.take("type").unwrap_or("consumer".to_owned()),
        protocols: protocols
            .map(|text| {
                let (name, topics) = text.split_once(':').unwrap_or((text, ""));
                let topics: Vec<&str> = topics.split('+').collect();
                JoinGroupRequestProtocol {
                    name: name.to_owned(),
                    metadata: subscription(&topics),
                    ..Default::default()
                }
            })
            .collect(),
        ..Default::default()
    })
}

/// Every remaining `t1-0=5` or `t1-0=5:metadata`.
fn commit_topics(words: &mut Words) -> Vec<OffsetCommitRequestTopic> {
    let places = std::mem::take(&mut words.named).into_iter();
    let topics = places.map(|(text, value)| {
        let (name, partition_index) = place(&text);
        let (offset, metadata) = value.split_once(':').unwrap_or((&value, ""));
        OffsetCommitRequestTopic {
            name,
            partitions: vec![OffsetCommitRequestPartition {
                partition_index,
                committed_offset: offset.parse().unwrap(),
                committed_metadata: Some(metadata.to_owned()),
                ..Default::default()
            }],
            ..Default::default()
        }
    });
    topics.collect()
}

fn error(code: i16) -> &'static str {
    ErrorCode::from_code(code).unwrap().name()
}

fn text_of(bytes: &Bytes) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// One line for an answer.
pub fn answer(response: &GroupResponse, names: &mut Names) -> String {
    let mut line = String::new();
    match response {
        GroupResponse::JoinGroup(r) => {
            let member = names.name(&r.member_id);
            write!(line, "JoinGroup {} member={member}", error(r.error_code)).unwrap();
            if r.error_code == 0 {
                let (leader, protocol) = (names.name(&r.leader), r.protocol_name.as_deref());
                let (generation, protocol) = (r.generation_id, protocol.unwrap_or("-"));
                write!(line, " generation={generation} {protocol} leader={leader}").unwrap();
                let members = r.members.iter().map(|m| names.name(&m.member_id));
                let members: Vec<String> = members.collect();
                write!(line, " members=[{}]", members.join(" ")).unwrap();
            }
            if r.skip_assignment {
                line.push_str(" skip-assignment");
            }
        }
        GroupResponse::SyncGroup(r) => {
            let assignment = text_of(&r.assignment);
            write!(line, "SyncGroup {} '{assignment}'", error(r.error_code)).unwrap();
        }
        GroupResponse::Heartbeat(r) => {
            write!(line, "Heartbeat {}", error(r.error_code)).unwrap();
        }
        GroupResponse::LeaveGroup(r) => {
            write!(line, "LeaveGroup {}", error(r.error_code)).unwrap();
            for member in &r.members {
                let name = names.name(&member.member_id);
                let instance = member.group_instance_id.as_deref().unwrap_or("");
                write!(line, " {name}{instance}:{}", error(member.error_code)).unwrap();
            }
        }
        GroupResponse::OffsetCommit(r) => {
            line.push_str("OffsetCommit");
            for topic in &r.topics {
                for p in &topic.partitions {
                    let code = error(p.error_code);
                    write!(line, " {}-{}:{code}", topic.name, p.partition_index).unwrap();
                }
            }
        }
        GroupResponse::OffsetFetch(r) => {
            write!(line, "OffsetFetch {}", error(r.error_code)).unwrap();
            for topic in &r.topics {
                for p in &topic.partitions {
                    let (index, offset) = (p.partition_index, p.committed_offset);
                    write!(line, " {}-{index}={offset}", topic.name).unwrap();
                    if let Some(metadata) = p.metadata.as_deref().filter(|m| !m.is_empty()) {
                        write!(line, ":{metadata}").unwrap();
                    }
                    if p.error_code != 0 {
                        write!(line, ":{}", error(p.error_code)).unwrap();
                    }
                }
            }
        }
        GroupResponse::OffsetDelete(r) => {
            write!(line, "OffsetDelete {}", error(r.error_code)).unwrap();
            for topic in &r.topics {
                for p in &topic.partitions {
                    let code = error(p.error_code);
                    write!(line, " {}-{}:{code}", topic.name, p.partition_index).unwrap();
                }
            }
        }
        GroupResponse::ListGroups(r) => {
            write!(line, "ListGroups {}", error(r.error_code)).unwrap();
            for g in &r.groups {
                let (id, protocol) = (&g.group_id, &g.protocol_type);
                write!(line, " {id}({protocol} {} {})", g.group_state, g.group_type).unwrap();
            }
        }
        GroupResponse::DescribeGroups(r) => {
            line.push_str("DescribeGroups");
            for g in &r.groups {
                let (id, code, state) = (&g.group_id, error(g.error_code), &g.group_state);
                write!(line, " {id}:{code} {state} type={}", g.protocol_type).unwrap();
                write!(line, " protocol={} members=[", g.protocol_data).unwrap();
                for member in &g.members {
                    let (name, assignment) = (
                        names.name(&member.member_id),
                        text_of(&member.member_assignment),
                    );
                    let instance = member.group_instance_id.as_deref().unwrap_or("");
                    let host = &member.client_host;
                    write!(line, " {name}{instance}@{host}='{assignment}'").unwrap();
                }
                line.push_str(" ]");
            }
        }
        GroupResponse::DeleteGroups(r) => {
            line.push_str("DeleteGroups");
            for result in &r.results {
                write!(line, " {}:{}", result.group_id, error(result.error_code)).unwrap();
            }
        }
    }
    line
}

/// One line for a record.
pub fn record(record: &CoordinatorRecord, names: &mut Names) -> String {
    let (record_type, mut reader) = decode_record_type(record.key.clone()).unwrap();
    if record_type == OffsetCommitKey::TYPE {
        let key = OffsetCommitKey::decode(&mut reader, 0).unwrap();
        let key = format!("{}/{}-{}", key.group, key.topic, key.partition);
        let Some(value) = record.value.clone() else {
            return format!("offset {key}: deleted");
        };
        let value: OffsetCommitValue = decode_versioned(value).unwrap();
        let expiry = if value.expire_timestamp < 0 {
            String::new()
        } else {
            format!(" expires={}", value.expire_timestamp)
        };
        let id = if value.topic_id == Uuid::ZERO {
            ""
        } else {
            " id"
        };
        let (offset, time) = (value.offset, value.commit_timestamp);
        return format!(
            "offset {key}: {offset} '{}' at={time}{expiry}{id}",
            value.metadata
        );
    }
    assert_eq!(record_type, GroupMetadataKey::TYPE);
    let key = GroupMetadataKey::decode(&mut reader, 0).unwrap().group;
    let Some(value) = record.value.clone() else {
        return format!("group {key}: deleted");
    };
    let value: GroupMetadataValue = decode_versioned(value).unwrap();
    let mut line = format!(
        "group {key}: generation={} type='{}' protocol={} since={}",
        value.generation,
        value.protocol_type,
        value.protocol.as_deref().unwrap_or("-"),
        value.current_state_timestamp,
    );
    if let Some(leader) = &value.leader {
        write!(line, " leader={}", names.name(leader)).unwrap();
    }
    for member in &value.members {
        let (name, assignment) = (names.name(&member.member_id), text_of(&member.assignment));
        write!(line, " {name}='{assignment}'").unwrap();
    }
    line
}
