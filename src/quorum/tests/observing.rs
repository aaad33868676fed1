//! Nodes that follow without a vote.

use super::*;
use crate::model::ErrorCode;
use crate::protocol::messages::VoteRequest;

/// A sole voter, and an observer of it.
fn observed(seed: u64) -> World {
    let mut world = World::of_voters(seed, &[1]);
    world.add(9, observer_of(&[1]), Disk::default());
    world
}

#[test]
fn an_observer_follows_from_nothing_and_has_all_that_is_committed() {
    let mut world = observed(1);
    world.append_all(1, "a", 5);
    world.pass(10);
    assert_eq!(world.texts(9), ["a0", "a1", "a2", "a3", "a4"]);
    assert_eq!(world.node(9).state, world.node(1).state);
    let (leader, endpoints) = world.node(9).told_leader.clone().unwrap();
    assert_eq!((leader, endpoints), (1, vec![endpoint(1)]));
    // The log is the leader's, byte by byte.
    let log = format!("{METADATA_FOLDER}/00000000000000000000.log");
    world.close(9);
    world.close(1);
    assert_eq!(
        world.node(9).disk.files[&log],
        world.node(1).disk.files[&log]
    );
    world.check();
}

#[test]
fn nothing_is_told_that_the_leader_has_not_on_its_disk() {
    let mut world = observed(2);
    world.pass(10);
    world.nodes.get_mut(&1).unwrap().is_stalled = true;
    world.append(1, "a");
    world.pass(1_000);
    let end = world.quorum(9).next_offset();
    assert_eq!(end, world.quorum(1).next_offset(), "it has it");
    assert_eq!(world.texts(9), [""; 0]);
    world.nodes.get_mut(&1).unwrap().is_stalled = false;
    world.pass(10);
    assert_eq!(world.texts(9), ["a"]);
    world.check();
}

#[test]
fn an_observer_goes_on_where_it_was_after_a_stop_and_after_a_crash() {
    for is_clean in [true, false] {
        let mut world = observed(3);
        world.append_all(1, "a", 5);
        world.pass(10);
        let end = world.quorum(9).next_offset();
        if is_clean {
            world.close(9);
        } else {
            world.crash(9);
        }
        world.append(1, "b");
        world.asked.clear();
        world.start(9, is_clean);
        world.pass(10);
        let first = world
            .asked
            .iter()
            .find_map(|(from, request)| match request {
                AnyRequest::Fetch(fetch) if *from == 9 => Some(fetch.clone()),
                _ => None,
            });
        let partition = &first.unwrap().topics[0].partitions[0];
        assert_eq!(partition.fetch_offset, end);
        assert_eq!(world.texts(9), ["a0", "a1", "a2", "a3", "a4", "b"]);
        world.check();
    }
}

/// An observer whose leader has nothing but a snapshot of what it lacks.
fn behind(seed: u64, before: usize) -> (World, SnapshotId) {
    let mut world = World::new(seed);
    world.segment_bytes = 4096;
    world.retention_bytes = Some(1);
    world.add_voters(&[1]);
    world.add(9, observer_of(&[1]), Disk::default());
    world.append_all(1, "a", before);
    world.pass(10);
    world.cut.insert((1, 9));
    world.append_all(1, "b", 150);
    let snapshot = world.snapshot(1);
    world.append_all(1, "c", 3);
    world.pass(100_000);
    (world, snapshot)
}

#[test]
fn an_observer_is_sent_to_a_snapshot_when_the_records_are_gone_and_goes_on_behind_it() {
    for before in [0, 3] {
        let (mut world, snapshot) = behind(4, before);
        world.cut.clear();
        world.pass(3_000);
        assert_eq!(world.node(9).snapshots_taken, 1);
        assert_eq!(world.node(9).state, world.node(1).state);
        let name = format!("{METADATA_FOLDER}/{snapshot}");
        let file = &world.node(1).disk.files[&name];
        assert_eq!(&world.node(9).disk.files[&name], file);
        world.append(1, "d");
        world.pass(10);
        assert_eq!(world.texts(9).last(), Some(&"d"));
        for is_clean in [true, false] {
            if is_clean {
                world.close(9);
            } else {
                world.crash(9);
            }
            world.start(9, is_clean);
            world.pass(3_000);
            assert_eq!(world.node(9).state, world.node(1).state);
        }
        world.check();
    }
}

/// End an observer at every moment of what it does next, and see that it follows after that.
fn end_at_any_moment(is_clean: bool, begin: impl Fn() -> World) {
    let mut ends = 0;
    for steps in 0.. {
        let mut world = begin();
        world.cut.clear();
        world.millis += 5_000;
        let mut is_done = false;
        for _ in 0..steps {
            is_done = !(world.turn(1) | world.turn(9));
        }
        if is_done {
            break;
        }
        ends += 1;
        if is_clean {
            world.close(9);
        } else {
            world.crash(9);
        }
        world.start(9, is_clean);
        world.pass(3_000);
        world.check();
        assert_eq!(world.node(9).state, world.node(1).state, "{steps}");
    }
    assert!(ends > 10, "{ends}");
}

#[test]
fn an_end_at_any_moment_of_a_download_leaves_an_observer_that_follows() {
    end_at_any_moment(true, || behind(5, 3).0);
    end_at_any_moment(false, || behind(5, 3).0);
}

/// An observer that has what its leader has lost, and is to hear of that.
fn diverged(seed: u64) -> World {
    let mut world = observed(seed);
    world.append_all(1, "a", 3);
    world.pass(10);
    world.nodes.get_mut(&1).unwrap().is_stalled = true;
    let disk = world.node(1).disk.files.clone();
    world.append_all(1, "lost", 3);
    world.pass(10);
    world.cut.insert((1, 9));
    world.crash(1);
    world.nodes.get_mut(&1).unwrap().disk.files = disk;
    world.start(1, false);
    world.append(1, "b");
    world
}

#[test]
fn an_end_at_any_moment_of_a_truncation_leaves_an_observer_that_follows() {
    end_at_any_moment(true, || diverged(10));
    end_at_any_moment(false, || diverged(10));
}

#[test]
fn a_leader_that_gave_up_what_its_snapshot_holds_agrees_with_its_followers_after_a_restart() {
    let mut world = World::new(12);
    // The snapshot ends within a segment, which stays.
    world.segment_bytes = 4096;
    world.retention_bytes = Some(1);
    world.add_voters(&[1]);
    world.add(9, observer_of(&[1]), Disk::default());
    world.append_all(1, "a", 70);
    let snapshot = world.snapshot(1);
    world.append_all(1, "b", 150);
    world.pass(10);
    for is_clean in [true, false] {
        if is_clean {
            world.close(1);
        } else {
            world.crash(1);
        }
        world.start(1, is_clean);
        let begins = world.quorum(1).log.as_ref().unwrap().log_start_offset();
        assert!((1..snapshot.end_offset).contains(&begins));
        world.append(1, "c");
        world.pass(3_000);
        world.check();
        assert_eq!(world.node(9).state, world.node(1).state);
    }
}

#[test]
fn what_the_leader_lost_before_it_was_committed_is_given_up() {
    let mut world = diverged(6);
    let longer = world.quorum(9).next_offset();
    world.cut.clear();
    world.pass(10_000);
    assert_eq!(world.texts(9), ["a0", "a1", "a2", "b"]);
    assert!(world.quorum(9).next_offset() < longer);
    world.append_all(1, "c", 5);
    world.pass(10);
    world.crash(9);
    world.start(9, false);
    world.pass(10_000);
    assert_eq!(world.node(9).state, world.node(1).state);
    world.check();
}

#[test]
fn a_leader_that_lost_what_was_committed_is_not_followed() {
    let mut world = observed(7);
    world.append_all(1, "a", 3);
    world.pass(10);
    let disk = world.node(1).disk.files.clone();
    world.append_all(1, "b", 3);
    world.pass(10);
    assert_eq!(world.texts(9).len(), 6);
    world.crash(1);
    world.nodes.get_mut(&1).unwrap().disk.files = disk;
    world.committed.clear();
    world.start(1, false);
    world.pass(10_000);
    let Some(QuorumFailure::Unusable(text)) = &world.node(9).failure else {
        panic!("it goes on with {:?}", world.texts(9));
    };
    assert!(text.contains("has lost what it had acknowledged"), "{text}");
}

#[test]
fn an_observer_finds_its_leader_again_and_asks_others_for_it() {
    let mut world = World::of_voters(8, &[1]);
    world.add(8, observer_of(&[1]), Disk::default());
    world.pass(10);
    // The first that it knows is nobody, the second no leader.
    world.add(9, observer_of(&[7, 8]), Disk::default());
    world.append(1, "a");
    world.pass(1_000);
    assert_eq!(world.texts(9), ["a"]);
    world.crash(1);
    world.pass(5_000);
    world.start(1, false);
    world.append(1, "b");
    world.pass(5_000);
    assert_eq!(world.texts(9), ["a", "b"]);
    world.check();
}

#[test]
fn a_node_of_another_cluster_is_refused_and_changes_nothing() {
    let mut world = observed(9);
    world.append(1, "a");
    world.pass(10);
    let vote = VoteRequest {
        cluster_id: Some("other".to_owned()),
        ..Default::default()
    };
    let epoch = world.quorum(1).epoch();
    let answer = world.request(1, QuorumCall::Vote(vote));
    let Some(AnyResponse::Vote(answer)) = answer else {
        panic!("{answer:?}");
    };
    let error = ErrorCode::InconsistentClusterId;
    assert_eq!(answer.error_code, error.code());
    assert_eq!(world.quorum(1).epoch(), epoch);
    assert_eq!(world.leader(), Some(1));
}
