//! Voters that come and go while the quorum works (KIP-853).

use super::*;
use crate::protocol::messages::api_versions_response::SupportedFeatureKey;
use crate::protocol::messages::describe_quorum_request::{PartitionData, TopicData};
use crate::protocol::messages::describe_quorum_response::ReplicaState;
use crate::protocol::messages::{
    AddRaftVoterRequest, ApiVersionsResponse, DescribeQuorumRequest, RemoveRaftVoterRequest,
    UpdateRaftVoterRequest, add_raft_voter_request, update_raft_voter_request,
};

/// What a controller says of itself.
pub(super) fn versions(levels: (i16, i16)) -> ApiVersionsResponse {
    ApiVersionsResponse {
        supported_features: vec![SupportedFeatureKey {
            name: "kraft.version".to_owned(),
            min_version: levels.0,
            max_version: levels.1,
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// A controller that finds the quorum at node 1, and has no vote.
fn newcomer() -> Membership {
    Membership {
        bootstrap: vec![address(1), address(2)],
        ..Membership::default()
    }
}

fn addition(id: BrokerId, disk: u8) -> AddRaftVoterRequest {
    let endpoint = endpoint(id);
    AddRaftVoterRequest {
        cluster_id: Some(CLUSTER.to_owned()),
        voter_id: id,
        voter_directory_id: directory(id, disk),
        listeners: vec![add_raft_voter_request::Listener {
            name: endpoint.listener,
            host: endpoint.host,
            port: endpoint.port,
            ..Default::default()
        }],
        ..Default::default()
    }
}

fn removal(id: BrokerId, disk: u8) -> RemoveRaftVoterRequest {
    RemoveRaftVoterRequest {
        cluster_id: Some(CLUSTER.to_owned()),
        voter_id: id,
        voter_directory_id: directory(id, disk),
        ..Default::default()
    }
}

fn code(answer: &AnyResponse) -> ErrorCode {
    let code = match answer {
        AnyResponse::AddRaftVoter(answer) => answer.error_code,
        AnyResponse::RemoveRaftVoter(answer) => answer.error_code,
        AnyResponse::UpdateRaftVoter(answer) => answer.error_code,
        other => panic!("{other:?}"),
    };
    ErrorCode::from_code(code).unwrap()
}

impl World {
    /// What becomes of a change that the node `to` is asked for, within some time.
    fn change(&mut self, to: BrokerId, call: QuorumCall) -> ErrorCode {
        let token = self.next_token + 1;
        if let Some(answer) = self.request(to, call) {
            return code(&answer);
        }
        for _ in 0..40 {
            self.pass(100);
            if let Some(answer) = self.answers.remove(&token) {
                return code(&answer);
            }
        }
        panic!("nobody answers");
    }

    fn add_voter(&mut self, to: BrokerId, id: BrokerId) -> ErrorCode {
        self.change(to, QuorumCall::AddRaftVoter(addition(id, 1)))
    }

    fn remove_voter(&mut self, to: BrokerId, id: BrokerId) -> ErrorCode {
        self.change(to, QuorumCall::RemoveRaftVoter(removal(id, 1)))
    }

    /// Who votes, as this node knows.
    fn voters_of(&mut self, id: BrokerId) -> Vec<BrokerId> {
        let voters = self.quorum(id).voters_at(Offset::MAX).unwrap_or_default();
        voters.iter().map(|voter| voter.id).collect()
    }
}

/// Node 1 alone, and the others as controllers without a vote that follow it.
fn one_and_newcomers(seed: u64, others: &[BrokerId]) -> World {
    let mut world = World::of_voters(seed, &[1]);
    world.append_all(1, "a", 3);
    for id in others {
        world.add(*id, newcomer(), Disk::default());
    }
    world.pass(2_000);
    world
}

#[test]
fn one_voter_becomes_three_and_they_go_on_without_the_first() {
    let mut world = one_and_newcomers(1, &[2, 3]);
    for id in [2, 3] {
        assert_eq!(world.texts(id), ["a0", "a1", "a2"], "it observes");
        assert_eq!(world.add_voter(1, id), ErrorCode::None);
    }
    world.append(1, "b");
    world.pass(1_000);
    for id in 1..=3 {
        assert_eq!(world.voters_of(id), [1, 2, 3], "node {id}");
    }
    world.crash(1);
    world.pass(20_000);
    let leader = world.leader().expect("the two elect one of them");
    world.append(leader, "c");
    world.start(1, false);
    world.pass(20_000);
    for id in 1..=3 {
        assert_eq!(world.texts(id), ["a0", "a1", "a2", "b", "c"], "node {id}");
    }
    world.check();
}

#[test]
fn a_leader_that_is_removed_is_followed_by_another_and_observes() {
    let mut world = World::of_voters(2, &[1, 2, 3]);
    world.pass(10_000);
    let first = world.leader().expect("they elect one");
    assert_eq!(world.remove_voter(first, first), ErrorCode::None);
    world.pass(10_000);
    let second = world.leader().expect("they elect another");
    assert_ne!(second, first);
    world.append(second, "a");
    world.pass(1_000);
    assert_eq!(world.texts(first), ["a"]);
    assert_eq!(world.node(first).was_unseated, 1);
    // Without it, both others are needed.
    let others: Vec<BrokerId> = (1..=3).filter(|id| *id != first).collect();
    assert_eq!(world.voters_of(first), others);
    world.crash(second);
    world.pass(30_000);
    assert_eq!(world.leader(), None);
    world.check();
}

#[test]
fn a_new_voter_must_have_all_of_the_log_and_speak_the_protocol() {
    let mut world = one_and_newcomers(3, &[2]);
    world.cut.insert((1, 3));
    world.add(3, newcomer(), Disk::default());
    world.pass(2_000);
    assert_eq!(world.add_voter(1, 3), ErrorCode::RequestTimedOut);
    world.cut.clear();
    // It is up, but has never fetched with this directory.
    let other_disk = QuorumCall::AddRaftVoter(addition(2, 2));
    assert_eq!(world.change(1, other_disk), ErrorCode::RequestTimedOut);
    world.spoken = (0, 0);
    assert_eq!(world.add_voter(1, 2), ErrorCode::InvalidRequest);
    assert_eq!(world.voters_of(1), [1]);
    world.spoken = (0, 1);
    assert_eq!(world.add_voter(1, 2), ErrorCode::None);
    world.check();
}

#[test]
fn a_change_waits_for_its_commit_and_no_other_begins_before() {
    let mut world = one_and_newcomers(4, &[2, 3]);
    world.nodes.get_mut(&2).unwrap().is_stalled = true;
    let add = world.request(1, QuorumCall::AddRaftVoter(addition(2, 1)));
    assert_eq!(add, None, "the new voter has not written it");
    assert_eq!(world.add_voter(1, 3), ErrorCode::RequestTimedOut);
    assert_eq!(world.remove_voter(1, 2), ErrorCode::RequestTimedOut);
    world.pass(5_000);
    assert_eq!(world.leader(), None, "one of two cannot lead");
    world.nodes.get_mut(&2).unwrap().is_stalled = false;
    world.pass(20_000);
    let leader = world.leader().expect("the two lead again");
    assert_eq!(world.voters_of(leader), [1, 2]);
    assert_eq!(world.add_voter(leader, 3), ErrorCode::None);
    world.check();
}

#[test]
fn what_cannot_be_a_change_is_refused_as_by_kafka() {
    let mut world = one_and_newcomers(5, &[2]);
    let add = |change: fn(&mut AddRaftVoterRequest)| {
        let mut request = addition(2, 1);
        change(&mut request);
        QuorumCall::AddRaftVoter(request)
    };
    for (call, error) in [
        (
            add(|request| request.cluster_id = Some("another".to_owned())),
            ErrorCode::InconsistentClusterId,
        ),
        (
            add(|request| request.voter_id = -1),
            ErrorCode::InvalidRequest,
        ),
        (
            add(|request| request.voter_directory_id = Uuid::ZERO),
            ErrorCode::InvalidRequest,
        ),
        (
            add(|request| request.listeners.clear()),
            ErrorCode::InvalidRequest,
        ),
        (
            add(|request| request.voter_id = 1),
            ErrorCode::DuplicateVoter,
        ),
        (
            QuorumCall::RemoveRaftVoter(removal(1, 1)),
            ErrorCode::VoterNotFound,
        ),
        (
            QuorumCall::RemoveRaftVoter(removal(1, 2)),
            ErrorCode::VoterNotFound,
        ),
        (
            QuorumCall::RemoveRaftVoter(removal(2, 1)),
            ErrorCode::VoterNotFound,
        ),
    ] {
        assert_eq!(world.change(1, call.clone()), error, "{call:?}");
    }
    let to_follower = world.add_voter(2, 2);
    assert_eq!(to_follower, ErrorCode::NotLeaderOrFollower);
    assert_eq!(world.voters_of(1), [1]);
    world.check();
}

#[test]
fn a_node_that_can_only_be_alone_gives_nobody_a_vote() {
    let mut world = one_and_newcomers(9, &[2]);
    world.crash(1);
    world.nodes.get_mut(&1).unwrap().membership.stays_alone = true;
    world.start(1, false);
    world.pass(2_000);
    assert_eq!(world.add_voter(1, 2), ErrorCode::InvalidRequest);
    assert_eq!(world.voters_of(1), [1]);
    world.check();
}

#[test]
fn static_voters_are_never_changed() {
    let mut world = World::new(6);
    let static_voters = voters(&[1]).into_iter().map(|voter| Voter {
        directory_id: Uuid::ZERO,
        ..voter
    });
    let membership = Membership {
        static_voters: Some(static_voters.collect()),
        ..Membership::default()
    };
    world.add(1, membership, Disk::default());
    world.pass(2_000);
    assert_eq!(world.add_voter(1, 2), ErrorCode::UnsupportedVersion);
    assert_eq!(world.remove_voter(1, 1), ErrorCode::UnsupportedVersion);
    world.check();
}

/// Three voters of settings, which run.
fn three_static(seed: u64) -> World {
    let mut world = World::new(seed);
    for id in 1..=3 {
        let static_voters = voters(&[1, 2, 3]).into_iter().map(|voter| Voter {
            directory_id: Uuid::ZERO,
            ..voter
        });
        let membership = Membership {
            static_voters: Some(static_voters.collect()),
            bootstrap: (1..=3).map(address).collect(),
            ..Membership::default()
        };
        world.add(id, membership, Disk::default());
    }
    world
}

#[test]
fn static_voters_tell_their_directories_so_that_the_log_can_name_them() {
    let mut world = three_static(11);
    world.pass(1_900);
    let leader = world.leader().expect("they elect one");
    let reason = world.quorum(leader).check_upgrade().unwrap_err();
    assert!(reason.contains("has not told"), "{reason}");
    world.pass(5_000);
    let asked = |world: &World| {
        let asked = world.asked.iter();
        let updates = asked.filter(|(_, one)| matches!(one, AnyRequest::UpdateRaftVoter(_)));
        updates.count()
    };
    assert_eq!(asked(&world), 2, "each tells it once");
    world.pass(20_000);
    assert_eq!((world.leader(), asked(&world)), (Some(leader), 2));
    world.append(leader, "before");
    let named = world.quorum(leader).check_upgrade().unwrap();
    assert_eq!(world.quorum(leader).kraft_version(), 0);
    let now = world.now();
    world.quorum(leader).upgrade(now, named);
    world.pass(1_000);
    world.append(leader, "after");
    world.pass(1_000);
    for id in 1..=3 {
        assert_eq!(world.quorum(id).kraft_version(), 1);
        assert_eq!(
            world.quorum(id).voters_at(Offset::MAX),
            Some(&*voters(&[1, 2, 3]))
        );
        assert_eq!(world.texts(id), ["before", "after"]);
    }
    // From now on voters change, and a start believes the log before the settings.
    world.crash(leader);
    world.pass(10_000);
    let next = world.leader().expect("they elect another one");
    world.start(leader, false);
    world.pass(5_000);
    let gone = (1..=3).find(|id| *id != next).unwrap();
    assert_eq!(world.remove_voter(next, gone), ErrorCode::None);
    world.pass(5_000);
    assert_eq!(world.voters_of(next).len(), 2);
    for id in 1..=3 {
        let is_clean = false;
        world.crash(id);
        world.start(id, is_clean);
    }
    world.pass(20_000);
    let leader = world.leader().expect("the two that are left elect one");
    assert_ne!(leader, gone);
    world.append(leader, "last");
    world.pass(5_000);
    assert_eq!(world.texts(gone), ["before", "after", "last"]);
    world.check();
}

#[test]
fn an_upgrade_that_a_leader_did_not_commit_is_undone_by_the_next() {
    let mut world = three_static(12);
    world.pass(20_000);
    let old = world.leader().expect("they elect one");
    let others = (1..=3).filter(|id| *id != old);
    world.cut.extend(others.map(|id| (old, id)));
    let named = world.quorum(old).check_upgrade().unwrap();
    let now = world.now();
    world.quorum(old).upgrade(now, named);
    assert_eq!(world.quorum(old).kraft_version(), 1);
    world.pass(20_000);
    let new = world.leader().expect("the others elect one");
    assert_ne!(new, old);
    world.append(new, "a");
    world.cut.clear();
    world.pass(20_000);
    for id in 1..=3 {
        assert_eq!(world.quorum(id).kraft_version(), 0);
        assert_eq!(world.texts(id), ["a"]);
    }
    // The new leader was told anew.
    assert!(world.quorum(new).check_upgrade().is_ok());
    world.check();
}

#[test]
fn a_leader_that_has_lost_its_vote_is_told_of_among_those_who_follow() {
    let mut world = World::of_voters(13, &[1, 2, 3]);
    world.pass(10_000);
    let leader = world.leader().expect("they elect one");
    for id in (1..=3).filter(|id| *id != leader) {
        world.nodes.get_mut(&id).unwrap().is_stalled = true;
    }
    let removed = world.request(leader, QuorumCall::RemoveRaftVoter(removal(leader, 1)));
    assert_eq!(removed, None, "nobody commits it");
    assert_eq!(world.leader(), Some(leader));
    let topic = TopicData {
        topic_name: "__cluster_metadata".to_owned(),
        partitions: vec![PartitionData::default()],
        ..TopicData::default()
    };
    let describe = DescribeQuorumRequest {
        topics: vec![topic],
        ..DescribeQuorumRequest::default()
    };
    let told = world.request(leader, QuorumCall::DescribeQuorum(describe));
    let Some(AnyResponse::DescribeQuorum(told)) = told else {
        panic!("{told:?}");
    };
    let partition = &told.topics[0].partitions[0];
    assert_eq!(partition.leader_id, leader);
    let ids = |states: &[ReplicaState]| -> Vec<i32> {
        states.iter().map(|state| state.replica_id).collect()
    };
    assert!(!ids(&partition.current_voters).contains(&leader));
    assert!(ids(&partition.observers).contains(&leader));
}

#[test]
fn a_voter_that_has_moved_is_known_by_its_new_address_and_another_may_not_say_so() {
    let mut world = World::of_voters(7, &[1, 2, 3]);
    world.pass(10_000);
    let leader = world.leader().expect("they elect one");
    let moved = (1..=3).find(|id| *id != leader).unwrap();
    let epoch = world.quorum(leader).epoch();
    let update = |disk, epoch| {
        QuorumCall::UpdateRaftVoter(UpdateRaftVoterRequest {
            cluster_id: Some(CLUSTER.to_owned()),
            current_leader_epoch: epoch,
            voter_id: moved,
            voter_directory_id: directory(moved, disk),
            listeners: vec![update_raft_voter_request::Listener {
                name: LISTENER.to_owned(),
                host: "elsewhere".to_owned(),
                port: endpoint(moved).port,
                ..Default::default()
            }],
            kraft_version_feature: update_raft_voter_request::KRaftVersionFeature {
                max_supported_version: 1,
                ..Default::default()
            },
            ..Default::default()
        })
    };
    let answer = world.change(leader, update(2, epoch));
    assert_eq!(answer, ErrorCode::VoterNotFound);
    let answer = world.change(leader, update(1, epoch + 1));
    assert_eq!(answer, ErrorCode::UnknownLeaderEpoch);
    assert_eq!(world.change(leader, update(1, epoch)), ErrorCode::None);
    let host = |world: &mut World| {
        let voters = world.quorum(leader).voters_at(Offset::MAX).unwrap();
        let voter = voters.iter().find(|voter| voter.id == moved).unwrap();
        voter.endpoints[0].host.clone()
    };
    assert_eq!(host(&mut world), "elsewhere");
    // It is where it was, and says so itself.
    world.pass(10_000);
    assert_eq!(host(&mut world), "node");
    world.check();
}

#[test]
fn a_controller_that_may_join_by_itself_replaces_the_vote_of_its_lost_disk() {
    let mut world = World::of_voters(8, &[1, 2, 3]);
    world.pass(10_000);
    let leader = world.leader().expect("they elect one");
    world.append(leader, "a");
    let lost = (1..=3).find(|id| *id != leader).unwrap();
    world.crash(lost);
    let node = world.nodes.get_mut(&lost).unwrap();
    node.directory = 2;
    node.disk = Disk::default();
    node.membership = Membership {
        joins: true,
        bootstrap: (1..=3).map(address).collect(),
        ..Membership::default()
    };
    world.start(lost, false);
    world.pass(20_000);
    let voters = world.quorum(leader).voters_at(Offset::MAX).unwrap();
    let mut directories = voters.iter();
    let found = directories.find(|voter| voter.id == lost).unwrap();
    assert_eq!(found.directory_id, directory(lost, 2));
    assert_eq!(voters.len(), 3);
    world.append(leader, "b");
    world.pass(1_000);
    assert_eq!(world.texts(lost), ["a", "b"]);
    world.check();
}

#[test]
fn voters_that_come_and_go_among_crashes_lose_nothing_that_was_committed() {
    let mut changes = 0;
    for seed in 1..=25 {
        let mut world = World::of_voters(seed, &[1, 2]);
        for id in [3, 4] {
            world.add(id, newcomer(), Disk::default());
        }
        // They may lose their votes, and then have to find the others.
        let nodes = world.nodes.values_mut();
        nodes.for_each(|node| node.membership.bootstrap = (1..=4).map(address).collect());
        let mut random = Random::from_seed(seed);
        let mut count = 0;
        let mut lasting = Vec::new();
        for _ in 0..100 {
            let id = 1 + i32::try_from(random.below(4)).unwrap();
            let is_up = world.node(id).quorum.is_some();
            match random.below(12) {
                0 if is_up => world.crash(id),
                0..=3 if !is_up => world.start(id, false),
                4 => {
                    let other = 1 + i32::try_from(random.below(4)).unwrap();
                    world.cut.insert((id, other));
                }
                5..=6 => world.cut.clear(),
                7..=9 => {
                    if let Some(leader) = world.leader() {
                        let votes = world.voters_of(leader).contains(&id);
                        let call = match votes {
                            true => QuorumCall::RemoveRaftVoter(removal(id, 1)),
                            false => QuorumCall::AddRaftVoter(addition(id, 1)),
                        };
                        let answer = world.request(leader, call);
                        let is_done = |answer| code(&answer) == ErrorCode::None;
                        changes += usize::from(answer.is_some_and(is_done));
                    }
                }
                10 if world.may_snapshot(id) => {
                    world.snapshot(id);
                }
                _ => {}
            }
            world.pass(random.below(3_000));
            if let Some(leader) = world.leader() {
                count += 1;
                let text = format!("{count:0>100}");
                if world.append_lasting(leader, &text) {
                    lasting.push(text);
                }
            }
            world.check();
        }
        world.cut.clear();
        for id in 1..=4 {
            if world.node(id).quorum.is_none() {
                world.start(id, false);
            }
        }
        world.pass(60_000);
        let leader = world.leader().expect("all is well again");
        world.append(leader, "last");
        world.pass(5_000);
        world.check();
        let texts = world.texts(leader);
        for id in 1..=4 {
            assert_eq!(world.texts(id), texts, "seed {seed}, node {id}");
        }
        let lost = lasting
            .iter()
            .find(|value| !texts.contains(&value.as_str()));
        assert_eq!(lost, None, "seed {seed}");
    }
    assert!(changes > 100, "{changes}");
}
