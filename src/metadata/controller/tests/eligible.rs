//! Eligible leader replicas (KIP-966): who may lead without loss though it is not in sync.

use super::brokers::{after, registration};
use super::*;

/// Brokers 1 to 3, and a topic on them of which two replicas must be in sync.
fn cluster() -> Cluster {
    let mut cluster = Cluster::of_brokers(3);
    let level = ("eligible.leader.replicas.version".to_owned(), 1);
    cluster.replay(&Controller::bootstrap_records(&[level]));
    cluster.topic_on(&[2, 3], &[("min.insync.replicas", "2")]);
    cluster
}

/// In-sync set, eligible replicas, and who led last.
fn sets(cluster: &Cluster) -> [Vec<i32>; 3] {
    let partition = cluster.partition();
    [
        partition.isr,
        partition.eligible_leader_replicas,
        partition.last_known_elr,
    ]
}

#[test]
fn who_leaves_a_set_that_is_too_small_for_commits_stays_eligible() {
    let mut cluster = cluster();
    cluster.beat(2, after(5), |_| {});
    cluster.fence_late(after(9));
    assert_eq!(sets(&cluster), [vec![2], vec![3], vec![]]);
    cluster.fence_late(after(14));
    assert_eq!(cluster.partition().leader, None);
    assert_eq!(sets(&cluster), [vec![], vec![2, 3], vec![2]]);
    cluster.beat(3, after(15), |_| {});
    assert_eq!(cluster.partition().leader, Some(3));
    assert_eq!(sets(&cluster), [vec![3], vec![2], vec![]]);
    assert!(!cluster.partition().leader_recovering);
}

#[test]
fn nobody_is_eligible_beside_a_set_that_is_large_enough() {
    let mut cluster = cluster();
    cluster.beat(2, after(5), |_| {});
    cluster.fence_late(after(9));
    cluster.beat(3, after(10), |_| {});
    cluster.beat(2, after(10), |_| {});
    assert_eq!(sets(&cluster), [vec![2], vec![3], vec![]]);
    assert_eq!(cluster.tell((2, &[2, 3]), |_| {}).error_code, 0);
    assert_eq!(sets(&cluster), [vec![2, 3], vec![], vec![]]);
}

#[test]
fn an_eligible_replica_whose_directory_is_gone_leads_nothing() {
    for (lies_in, leader) in [(directory(1), Some(1)), (directory(9), None)] {
        let mut cluster = cluster();
        cluster.change(|change| {
            change.replicas = Some(vec![1]);
            change.directories = Some(vec![lies_in]);
            (change.leader, change.isr) = (-1, Some(Vec::new()));
            change.eligible_leader_replicas = Some(vec![1]);
        });
        let identity = identity();
        cluster.start(&identity, 500);
        assert_eq!(cluster.partition().leader, leader);
    }
}

#[test]
fn who_stopped_uncleanly_is_not_eligible_and_who_stopped_cleanly_is() {
    for is_clean in [true, false] {
        let mut cluster = cluster();
        cluster.beat(2, after(5), |_| {});
        let before = cluster.image.brokers.get(&3).unwrap().epoch;
        let mut request = registration(3, 33);
        request.previous_broker_epoch = if is_clean { before } else { -1 };
        assert_eq!(cluster.register(&request, after(10)).error_code, 0);
        let eligible = if is_clean { vec![3] } else { vec![] };
        assert_eq!(sets(&cluster), [vec![2], eligible, vec![]]);
    }
}

#[test]
fn the_last_leader_leads_again_when_nobody_has_all_records() {
    let mut cluster = cluster();
    cluster.beat(2, after(5), |_| {});
    cluster.register(&registration(3, 33), after(10));
    cluster.register(&registration(2, 22), after(20));
    assert_eq!(sets(&cluster), [vec![], vec![], vec![2]]);
    cluster.beat(3, after(21), |_| {});
    assert_eq!(cluster.partition().leader, None);
    cluster.beat(2, after(21), |_| {});
    assert_eq!(cluster.partition().leader, Some(2));
    assert!(cluster.partition().leader_recovering);
    assert_eq!(sets(&cluster), [vec![2], vec![], vec![]]);
}
