//! Random members, random timing, random failures: what a group promises holds all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use forebay::coordinator::group::{
    CoordinatorRecord, GroupRequest, GroupResponse, Output, RequestToken,
};
use forebay::model::ErrorCode;
use forebay::protocol::messages::join_group_request::JoinGroupRequestProtocol;
use forebay::protocol::messages::join_group_response::JoinGroupResponseMember;
use forebay::protocol::messages::leave_group_request::MemberIdentity;
use forebay::protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use forebay::protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use forebay::protocol::messages::{
    DeleteGroupsRequest, GroupMetadataKey, GroupMetadataValue, HeartbeatRequest, JoinGroupRequest,
    LeaveGroupRequest, OffsetCommitRequest, SyncGroupRequest,
};
use forebay::protocol::{Message as _, RecordContent as _, decode_record_type, decode_versioned};

use super::text::subscription;
use super::world::{Happened, World, WriteMode, observe};

/// Clients per group; the last ones are static members.
const CLIENTS: usize = 5;
const STATIC_CLIENTS: usize = 2;
const GROUPS: usize = 2;

/// What a client believes.
#[derive(Clone, Debug, Default)]
struct Client {
    member_id: String,
    generation: i32,
    /// The members, while it leads.
    members: Vec<JoinGroupResponseMember>,
}

/// What a client asked.
#[derive(Clone, Debug)]
enum Asked {
    Join(usize),
    Sync {
        client: usize,
        generation: i32,
        member_id: String,
    },
    Other,
}

struct Play {
    world: World,
    clients: Vec<Client>,
    asked: BTreeMap<RequestToken, Asked>,
    /// Who led each generation of each group.
    leaders: BTreeMap<(usize, i32), String>,
    /// Groups of which the last record is older than their state: it could not be written that
    /// they are empty.
    behind: BTreeSet<String>,
}

fn group_of(client: usize) -> usize {
    client / CLIENTS
}

fn group_name(group: usize) -> String {
    format!("group-{group}")
}

fn instance_of(client: usize) -> Option<String> {
    let number = client % CLIENTS;
    (number >= CLIENTS - STATIC_CLIENTS).then(|| format!("instance-{number}"))
}

/// What the leader gives a member: static members keep theirs under a new id.
fn assignment(generation: i32, member: &str, instance: Option<&str>) -> String {
    format!("{generation}/{}", instance.unwrap_or(member))
}

/// The group that a record of its members is about, and whether it says that there are none.
fn group_record(record: &CoordinatorRecord) -> Option<(String, bool)> {
    let (record_type, mut reader) = decode_record_type(record.key.clone()).unwrap();
    if record_type != GroupMetadataKey::TYPE {
        return None;
    }
    let group = GroupMetadataKey::decode(&mut reader, 0).unwrap().group;
    let value: Option<GroupMetadataValue> = record
        .value
        .clone()
        .map(|value| decode_versioned(value).unwrap());
    let is_empty = value.is_some_and(|value| value.members.is_empty());
    Some((group, is_empty))
}

impl Play {
    fn new() -> Self {
        let mut world = World::new(|config| {
            config.group_initial_rebalance_delay_ms = 500;
            config.group_max_size = 4;
        });
        world.mode = WriteMode::Hold;
        let unjoined = Client {
            generation: -1,
            ..Client::default()
        };
        Self {
            world,
            clients: vec![unjoined; CLIENTS * GROUPS],
            asked: BTreeMap::new(),
            leaders: BTreeMap::new(),
            behind: BTreeSet::new(),
        }
    }

    fn ask(&mut self, api_version: i16, request: GroupRequest, asked: Asked) {
        // The token is known only after the answer may have come.
        let token = self.world.ask("client", api_version, request);
        self.asked.insert(token, asked);
        self.learn();
    }

    fn step(&mut self, kind: u8, who: u8, how: u8) {
        let client = usize::from(who) % self.clients.len();
        match kind % 16 {
            0..=3 => self.join(client, how),
            4..=6 => self.sync(client, how),
            7 => self.heartbeat(client),
            8 => self.leave(client),
            9 => self.commit(client, how),
            10 => self.world.advance(Duration::from_millis(100 << (how % 8))),
            11 | 12 => self.world.commit_one(),
            13 => self.fail_write(),
            14 if how < 64 => self.delete_group(client),
            15 if how < 32 => self.restart(),
            _ => self.compare_replay(),
        }
        self.learn();
    }

    fn join(&mut self, client: usize, how: u8) {
        let instance = instance_of(client);
        let member_id = if how.is_multiple_of(8) {
            String::new()
        } else {
            self.clients[client].member_id.clone()
        };
        let names = match how % 3 {
            0 => vec!["range"],
            1 => vec!["range", "sticky"],
            _ => vec!["sticky", "range"],
        };
        let protocols = names.into_iter().map(|name| JoinGroupRequestProtocol {
            name: name.to_owned(),
            metadata: subscription(&["t1"]),
            ..Default::default()
        });
        let request = JoinGroupRequest {
            group_id: group_name(group_of(client)),
            session_timeout_ms: 10_000,
            rebalance_timeout_ms: 5_000,
            member_id,
            group_instance_id: instance,
            protocol_type: "consumer".to_owned(),
            protocols: protocols.collect(),
            ..Default::default()
        };
        let version = if how.is_multiple_of(5) { 8 } else { 9 };
        let request = GroupRequest::JoinGroup(request);
        self.ask(version, request, Asked::Join(client));
    }

    fn sync(&mut self, client: usize, how: u8) {
        let this = self.clients[client].clone();
        let members = this.members.iter().filter(|_| !how.is_multiple_of(16));
        let assignments = members.map(|member| {
            let instance = member.group_instance_id.as_deref();
            let assignment = assignment(this.generation, &member.member_id, instance);
            SyncGroupRequestAssignment {
                member_id: member.member_id.clone(),
                assignment: Bytes::from(assignment),
                ..Default::default()
            }
        });
        let request = SyncGroupRequest {
            group_id: group_name(group_of(client)),
            generation_id: this.generation,
            member_id: this.member_id.clone(),
            group_instance_id: instance_of(client),
            assignments: assignments.collect(),
            ..Default::default()
        };
        let asked = Asked::Sync {
            client,
            generation: this.generation,
            member_id: this.member_id,
        };
        self.ask(4, GroupRequest::SyncGroup(request), asked);
    }

    fn heartbeat(&mut self, client: usize) {
        let this = &self.clients[client];
        let request = HeartbeatRequest {
            group_id: group_name(group_of(client)),
            generation_id: this.generation,
            member_id: this.member_id.clone(),
            group_instance_id: instance_of(client),
            ..Default::default()
        };
        self.ask(4, GroupRequest::Heartbeat(request), Asked::Other);
    }

    fn leave(&mut self, client: usize) {
        let request = LeaveGroupRequest {
            group_id: group_name(group_of(client)),
            members: vec![MemberIdentity {
                member_id: self.clients[client].member_id.clone(),
                group_instance_id: instance_of(client),
                ..Default::default()
            }],
            ..Default::default()
        };
        self.ask(5, GroupRequest::LeaveGroup(request), Asked::Other);
    }

    fn commit(&mut self, client: usize, how: u8) {
        let this = &self.clients[client];
        let is_simple = how.is_multiple_of(4);
        let request = OffsetCommitRequest {
            group_id: group_name(group_of(client)),
            generation_id_or_member_epoch: if is_simple { -1 } else { this.generation },
            member_id: if is_simple {
                String::new()
            } else {
                this.member_id.clone()
            },
            topics: vec![OffsetCommitRequestTopic {
                name: "t1".to_owned(),
                partitions: vec![OffsetCommitRequestPartition {
                    partition_index: i32::from(how % 3),
                    committed_offset: i64::from(how),
                    ..Default::default()
                }],
                ..Default::default()
            }],
            ..Default::default()
        };
        self.ask(9, GroupRequest::OffsetCommit(request), Asked::Other);
    }

    fn delete_group(&mut self, client: usize) {
        let request = DeleteGroupsRequest {
            groups_names: vec![group_name(group_of(client))],
            ..Default::default()
        };
        self.leaders.clear();
        self.ask(2, GroupRequest::DeleteGroups(request), Asked::Other);
    }

    fn fail_write(&mut self) {
        self.leaders.clear();
        if let Some(write) = self.world.fail_one(ErrorCode::NotEnoughReplicas) {
            let records = write.records.iter().filter_map(group_record);
            let empty = records.filter(|(_, is_empty)| *is_empty);
            self.behind.extend(empty.map(|(group, _)| group));
        }
    }

    fn restart(&mut self) {
        // Generations that were not written come again, perhaps with other leaders.
        self.leaders.clear();
        self.behind.clear();
        self.world.restart();
    }

    /// Hear all answers, and see that they keep the promises.
    fn learn(&mut self) {
        let happened: Vec<_> = self.world.happened.drain(..).collect();
        for happened in happened {
            let Happened::Answered(token, response) = happened else {
                continue;
            };
            match (self.asked.remove(&token), *response) {
                (Some(Asked::Join(client)), GroupResponse::JoinGroup(response)) => {
                    let error = ErrorCode::from_code(response.error_code).unwrap();
                    let this = &mut self.clients[client];
                    this.members.clear();
                    match error {
                        ErrorCode::None => {
                            this.member_id = response.member_id.clone();
                            this.generation = response.generation_id;
                            if !response.skip_assignment && !response.members.is_empty() {
                                self.note_leader(client, response.generation_id);
                                self.clients[client].members = response.members;
                            }
                        }
                        ErrorCode::MemberIdRequired => this.member_id = response.member_id,
                        _ => this.member_id.clear(),
                    }
                }
                (
                    Some(Asked::Sync {
                        client,
                        generation,
                        member_id,
                    }),
                    GroupResponse::SyncGroup(response),
                ) => {
                    if response.error_code == 0 && !response.assignment.is_empty() {
                        let instance = instance_of(client);
                        let own = assignment(generation, &member_id, instance.as_deref());
                        assert_eq!(response.assignment, own, "not its own assignment");
                    }
                }
                (Some(Asked::Other), _) => {}
                (asked, response) => panic!("{asked:?} is answered by {response:?}"),
            }
        }
    }

    fn note_leader(&mut self, client: usize, generation: i32) {
        let this = instance_of(client).unwrap_or(self.clients[client].member_id.clone());
        let key = (group_of(client), generation);
        let leader = self.leaders.entry(key).or_insert_with(|| this.clone());
        assert_eq!(*leader, this, "generation {key:?} has two leaders");
    }

    /// Commit everything, and compare with what a restart would find.
    fn compare_replay(&mut self) {
        while !self.world.held.is_empty() {
            for record in &self.world.held[0].records {
                if let Some((group, _)) = group_record(record) {
                    self.behind.remove(&group);
                }
            }
            self.world.commit_one();
        }
        self.learn();
        let now = self.world.now();
        // Static members that stay away can make a group too large, which a restart would amend.
        let members_max = std::mem::replace(&mut self.world.settings.members_max, usize::MAX);
        let mut replayed = self.world.replayed();
        self.world.settings.members_max = members_max;
        replayed.on_loaded(now, &mut Output::default());
        replayed.check();
        let live = observe(&mut self.world.coordinator, now);
        let replayed = observe(&mut replayed, now);
        assert!(live.keys().eq(replayed.keys()), "other groups are there");
        for (group, live) in live {
            let replayed = &replayed[&group];
            assert_eq!(live.offsets, replayed.offsets, "offsets of {group}");
            let is_at_rest = live.state == "Stable" || live.state == "Empty";
            if is_at_rest && !self.behind.contains(&group) {
                assert_eq!(live, *replayed, "{group}");
            }
        }
    }

    /// Nobody says anything more: everybody is answered, everybody goes.
    fn end(&mut self) {
        self.compare_replay();
        self.world.mode = WriteMode::Commit;
        self.world.advance(Duration::from_hours(2));
        self.learn();
        assert!(self.asked.is_empty(), "not answered: {:?}", self.asked);
        let now = self.world.now();
        let seen = observe(&mut self.world.coordinator, now);
        assert!(seen.values().all(|seen| seen.state == "Empty"), "{seen:?}");
        self.compare_replay();
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        // What is found becomes a scenario, with its reason.
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn groups_keep_their_promises_whatever_happens(
        steps in prop::collection::vec(any::<(u8, u8, u8)>(), 1..200),
    ) {
        let mut play = Play::new();
        for (kind, who, how) in steps {
            play.step(kind, who, how);
        }
        play.end();
    }
}
