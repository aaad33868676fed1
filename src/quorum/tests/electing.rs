//! Voters that elect one of them.

use std::time::Duration;

use super::*;
use crate::quorum::raft::{LogEnd, Request, VoteAsk};
use crate::quorum::wire::Sender;

/// Three voters, and who leads them.
fn elected(seed: u64) -> (World, BrokerId) {
    let mut world = World::of_voters(seed, &[1, 2, 3]);
    world.pass(10_000);
    let leader = world.leader().expect("they elect one");
    (world, leader)
}

fn others(leader: BrokerId) -> Vec<BrokerId> {
    (1..=3).filter(|id| *id != leader).collect()
}

#[test]
fn voters_elect_one_of_them_and_all_have_what_it_appends() {
    for seed in 1..=8 {
        let (mut world, leader) = elected(seed);
        world.append_all(leader, "a", 5);
        world.pass(1_000);
        for id in 1..=3 {
            assert_eq!(world.texts(id), ["a0", "a1", "a2", "a3", "a4"], "node {id}");
            let told = world.node(id).told_leader.clone();
            assert_eq!(told, Some((leader, vec![endpoint(leader)])));
        }
        world.check();
    }
}

#[test]
fn an_elected_leader_keeps_its_place() {
    let (mut world, leader) = elected(11);
    let epoch = world.quorum(leader).epoch();
    world.pass(60_000);
    assert_eq!(world.leader(), Some(leader));
    assert_eq!(world.quorum(leader).epoch(), epoch);
    world.check();
}

#[test]
fn the_others_go_on_without_the_leader_and_it_follows_when_it_is_back() {
    for seed in 1..=8 {
        let (mut world, first) = elected(seed);
        world.append_all(first, "a", 3);
        world.pass(1_000);
        for other in others(first) {
            world.cut.insert((first, other));
        }
        // These reach nobody.
        world.append_all(first, "lost", 3);
        world.pass(20_000);
        let unseated = world.node(first);
        assert_eq!((unseated.leads, unseated.was_unseated), (None, 1));
        let second = world.leader().expect("they elect another");
        assert_ne!(second, first);
        world.append_all(second, "b", 3);
        world.cut.clear();
        world.pass(20_000);
        let leader = world.leader().expect("somebody leads");
        world.append(leader, "c");
        world.pass(1_000);
        for id in 1..=3 {
            let texts = world.texts(id);
            assert_eq!(
                texts,
                ["a0", "a1", "a2", "b0", "b1", "b2", "c"],
                "node {id}"
            );
        }
        world.check();
    }
}

#[test]
fn a_leader_that_stops_is_followed_by_another_at_once() {
    let (mut world, first) = elected(21);
    world.append_all(first, "a", 3);
    world.pass(1_000);
    world.close(first);
    // Nobody has to notice its silence.
    let fetch_timeout = QuorumTimeouts::default().fetch;
    world.pass(u64::try_from(fetch_timeout.as_millis()).unwrap() / 2);
    let second = world.leader().expect("one of the others leads");
    assert_ne!(second, first);
    world.append(second, "b");
    world.start(first, true);
    world.pass(10_000);
    assert_eq!(world.texts(first), ["a0", "a1", "a2", "b"]);
    world.check();
}

#[test]
fn who_stood_tells_how_long_an_election_took_and_all_count_who_was_elected() {
    let (mut world, first) = elected(51);
    let times = world.quorum(first).take_election_times();
    let most = Duration::from_secs(10);
    assert!(
        !times.is_empty() && times.iter().all(|took| *took < most),
        "{times:?}"
    );
    assert_eq!(world.quorum(first).take_election_times(), []);
    assert_eq!(world.quorum(first).vote(), Some(first));
    let counts: Vec<u64> = (1..=3)
        .map(|id| world.quorum(id).leader_changes())
        .collect();
    world.pass(60_000);
    let later: Vec<u64> = (1..=3)
        .map(|id| world.quorum(id).leader_changes())
        .collect();
    assert_eq!(counts, later, "nobody is elected while a leader is there");
    world.crash(first);
    world.pass(20_000);
    let second = world.leader().expect("two are enough");
    assert_eq!(world.quorum(second).take_election_times().len(), 1);
    for id in others(first) {
        let before = counts[usize::try_from(id - 1).unwrap()];
        assert!(world.quorum(id).leader_changes() > before, "node {id}");
    }
}

#[test]
fn one_of_three_elects_nobody_and_commits_nothing() {
    let (mut world, leader) = elected(31);
    for other in others(leader) {
        world.crash(other);
    }
    world.append(leader, "a");
    world.pass(60_000);
    assert_eq!(world.leader(), None);
    assert_eq!(world.texts(leader), [""; 0]);
    world.start(others(leader)[0], false);
    world.pass(20_000);
    let next = world.leader().expect("two are enough");
    world.append(next, "b");
    world.pass(1_000);
    assert!(world.texts(next).ends_with(&["b"]));
    world.check();
}

#[test]
fn a_voter_whose_disk_was_swapped_has_no_vote() {
    let (mut world, leader) = elected(41);
    world.append_all(leader, "a", 3);
    world.pass(1_000);
    let [swapped, other] = others(leader)[..] else {
        unreachable!("there are three");
    };
    world.crash(swapped);
    let node = world.nodes.get_mut(&swapped).unwrap();
    node.directory = 2;
    node.disk = Disk::default();
    node.membership.bootstrap = vec![address(leader), address(other)];
    world.start(swapped, false);
    world.pass(5_000);
    assert_eq!(world.texts(swapped), ["a0", "a1", "a2"], "it observes");
    world.crash(leader);
    world.pass(60_000);
    assert_eq!(world.leader(), None, "one voter is left of three");
    world.start(leader, false);
    world.pass(20_000);
    assert!(world.leader().is_some());
    world.check();
}

#[test]
fn a_vote_is_on_the_disk_before_it_is_told() {
    let mut world = World::of_voters(51, &[1, 2, 3]);
    for id in 1..=3 {
        world.nodes.get_mut(&id).unwrap().is_stalled = true;
    }
    world.pass(60_000);
    let is_vote = |request: &AnyRequest| match request {
        AnyRequest::Vote(vote) => !vote.topics[0].partitions[0].pre_vote,
        _ => false,
    };
    let votes = world.asked.iter().filter(|(_, request)| is_vote(request));
    assert_eq!(
        votes.count(),
        0,
        "nobody stands for an epoch that it could forget"
    );
    assert_eq!(world.leader(), None);
    for id in 1..=3 {
        world.nodes.get_mut(&id).unwrap().is_stalled = false;
    }
    world.pass(10_000);
    assert!(world.leader().is_some());
    world.check();
}

#[test]
fn the_only_voter_leads_again_when_another_epoch_is_made_up_and_knows_what_it_has() {
    let mut world = World::of_voters(55, &[1]);
    world.append(1, "a");
    world.nodes.get_mut(&1).unwrap().is_stalled = true;
    world.append(1, "b");
    let made_up = world.quorum(1).epoch() + 5;
    let ask = VoteAsk {
        candidate: ReplicaKey {
            id: 2,
            directory_id: directory(2, 1),
        },
        epoch: made_up,
        end: LogEnd::default(),
        is_pre_vote: false,
        voter: None,
    };
    let sender = Sender {
        cluster_id: CLUSTER,
        me: ask.candidate,
        endpoints: &[],
    };
    let AnyRequest::Vote(vote) = sender.encode(&Request::Vote(ask)) else {
        unreachable!("a vote was asked for");
    };
    world.request(1, QuorumCall::Vote(vote));
    assert_eq!(world.node(1).was_unseated, 1);
    world.nodes.get_mut(&1).unwrap().is_stalled = false;
    world.pass(10_000);
    assert_eq!(world.leader(), Some(1));
    assert!(world.quorum(1).epoch() > made_up);
    assert_eq!(world.texts(1), ["a", "b"], "nothing took it away");
    world.append(1, "c");
    assert_eq!(world.texts(1), ["a", "b", "c"]);
    world.check();
}

#[test]
fn static_voters_elect_one_without_a_record_of_them() {
    let mut world = World::new(61);
    let static_voters: Vec<Voter> = voters(&[1, 2, 3])
        .into_iter()
        .map(|voter| Voter {
            directory_id: Uuid::ZERO,
            ..voter
        })
        .collect();
    for id in 1..=3 {
        let membership = Membership {
            static_voters: Some(static_voters.clone()),
            bootstrap: (1..=3).map(address).collect(),
            ..Membership::default()
        };
        world.add(id, membership, Disk::default());
    }
    world.pass(10_000);
    let leader = world.leader().expect("they elect one");
    world.append(leader, "a");
    world.pass(1_000);
    for id in 1..=3 {
        assert_eq!(world.texts(id), ["a"]);
        assert_eq!(world.quorum(id).kraft_version(), 0);
    }
    world.check();
}

#[test]
fn crashes_cuts_and_slow_disks_lose_nothing_that_was_committed() {
    let mut downloaded = 0;
    for seed in 1..=40 {
        let mut world = World::new(seed);
        // Their logs lose their starts, so that snapshots are downloaded.
        world.segment_bytes = 4096;
        world.retention_bytes = Some(1);
        world.add_voters(&[1, 2, 3]);
        world.add(9, observer_of(&[1, 2, 3]), Disk::default());
        let mut random = Random::from_seed(seed);
        let mut count = 0;
        let mut lasting = Vec::new();
        for _ in 0..120 {
            let id = [1, 2, 3, 9][usize::try_from(random.below(4)).unwrap()];
            let is_up = world.node(id).quorum.is_some();
            match random.below(12) {
                0 if is_up => world.crash(id),
                0..=2 if !is_up => world.start(id, false),
                3 => {
                    world
                        .cut
                        .insert((id, 1 + i32::try_from(random.below(3)).unwrap()));
                }
                4..=5 => world.cut.clear(),
                6 if is_up => world.nodes.get_mut(&id).unwrap().is_stalled = true,
                7 => {
                    let nodes = world.nodes.values_mut();
                    nodes.for_each(|node| node.is_stalled = false);
                }
                8 if world.may_snapshot(id) => {
                    world.snapshot(id);
                }
                _ => {}
            }
            world.pass(random.below(3_000));
            if let Some(leader) = world.leader() {
                count += 1;
                let text = format!("{count:0>200}");
                if world.append_lasting(leader, &text) {
                    lasting.push(text);
                }
            }
            world.check();
        }
        world.cut.clear();
        for id in [1, 2, 3, 9] {
            world.nodes.get_mut(&id).unwrap().is_stalled = false;
            if world.node(id).quorum.is_none() {
                world.start(id, false);
            }
        }
        world.pass(60_000);
        let leader = world.leader().expect("all is well again");
        world.append(leader, "last");
        world.pass(3_000);
        world.check();
        let texts = world.texts(leader);
        for id in [1, 2, 3, 9] {
            assert_eq!(world.texts(id), texts, "seed {seed}, node {id}");
        }
        let lost = lasting
            .iter()
            .find(|value| !texts.contains(&value.as_str()));
        assert_eq!(lost, None, "seed {seed}");
        assert!(lasting.len() > 20, "{}", lasting.len());
        let downloads = world.nodes.values().map(|node| node.snapshots_taken);
        downloaded += downloads.sum::<usize>();
    }
    assert!(downloaded > 10, "{downloaded}");
}
