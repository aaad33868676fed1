//! Brokers whose connection ends: who is looked for, and who is fenced before its session ends.

use super::brokers::{after, registration};
use super::*;
use crate::model::NodeAddress;
use crate::stdx::Instant;

impl Cluster {
    fn epoch(&self, id: BrokerId) -> i64 {
        self.image.brokers.get(&id).expect("it is registered").epoch
    }

    fn is_fenced(&self, id: BrokerId) -> bool {
        self.image
            .brokers
            .get(&id)
            .expect("it is registered")
            .fenced
    }

    fn heartbeats_end(&mut self, id: BrokerId, epoch: i64, now: Instant) {
        let (controller, view) = self.deciding();
        controller.on_heartbeats_ended(view, now, (id, epoch));
    }

    fn probes(&mut self, now: Instant) -> Vec<Probe> {
        let next = || {
            let (controller, view) = self.deciding();
            controller.next_probe(view, now)
        };
        std::iter::from_fn(next).collect()
    }

    fn found(&mut self, now: Instant, probe: &Probe, outcome: ProbeOutcome) {
        let (controller, view) = self.deciding();
        let records = controller.on_probed(view, now, probe.id, outcome);
        self.replay(&records);
    }
}

#[test]
fn a_broker_that_nobody_listens_for_is_fenced_without_the_end_of_its_session() {
    let mut cluster = Cluster::of_brokers(3);
    cluster.topic_on(&[2, 3], &[]);
    cluster.heartbeats_end(2, cluster.epoch(2), after(1));
    assert_eq!(cluster.controller.next_deadline(), after(1));
    let probes = cluster.probes(after(1));
    let host = "host".to_owned();
    assert_eq!(probes.len(), 1);
    assert_eq!(probes[0].address, NodeAddress { host, port: 9092 });
    assert!(!cluster.is_fenced(2));
    cluster.found(after(1), &probes[0], ProbeOutcome::Refused);
    assert!(cluster.is_fenced(2) && !cluster.is_fenced(3));
    let (leader, _, isr, _) = cluster.told();
    assert_eq!((leader, isr), (Some(3), vec![3]));
    // It comes back at once, in another life.
    assert_eq!(
        cluster.register(&registration(2, 7), after(1)).error_code,
        0
    );
}

#[test]
fn a_broker_that_accepts_has_until_the_end_of_its_session() {
    let mut cluster = Cluster::of_brokers(2);
    cluster.heartbeats_end(2, cluster.epoch(2), after(1));
    for now in 1..9 {
        for probe in cluster.probes(after(now)) {
            cluster.found(after(now), &probe, ProbeOutcome::Unclear);
        }
    }
    assert!(!cluster.is_fenced(2));
    assert!(
        cluster.probes(after(8)).is_empty(),
        "it is not asked for ever"
    );
    cluster.fence_late(after(9));
    assert!(cluster.is_fenced(2));
}

#[test]
fn a_broker_that_is_heard_of_on_another_connection_is_not_fenced() {
    let mut cluster = Cluster::of_brokers(2);
    cluster.heartbeats_end(2, cluster.epoch(2), after(1));
    let probes = cluster.probes(after(1));
    assert!(!cluster.beat(2, after(1), |_| {}).is_fenced);
    cluster.found(after(1), &probes[0], ProbeOutcome::Refused);
    assert!(!cluster.is_fenced(2));
}

#[test]
fn the_connection_of_an_earlier_life_says_nothing_of_this_one() {
    let mut cluster = Cluster::of_brokers(2);
    let earlier = cluster.epoch(2);
    cluster.fence_late(after(20));
    cluster.join(2, 7, after(20));
    cluster.heartbeats_end(2, earlier, after(21));
    assert!(cluster.probes(after(21)).is_empty());
}

#[test]
fn a_broker_that_starts_is_not_looked_for_since_it_may_not_listen_yet() {
    let mut cluster = Cluster::begun();
    assert_eq!(
        cluster.register(&registration(2, 2), after(0)).error_code,
        0
    );
    cluster.beat(2, after(1), |beat| beat.want_fence = true);
    cluster.heartbeats_end(2, cluster.epoch(2), after(1));
    assert!(cluster.probes(after(1)).is_empty());
}

#[test]
fn a_broker_that_registers_meanwhile_is_not_fenced_for_its_earlier_life() {
    let mut cluster = Cluster::of_brokers(2);
    cluster.heartbeats_end(2, cluster.epoch(2), after(1));
    let probes = cluster.probes(after(1));
    cluster.fence_late(after(20));
    cluster.join(2, 7, after(20));
    cluster.found(after(20), &probes[0], ProbeOutcome::Refused);
    assert!(!cluster.is_fenced(2));
}

#[test]
fn a_controller_that_begins_looks_for_every_broker_but_its_own_and_those_fenced() {
    let mut cluster = Cluster::of_brokers(3);
    assert_eq!(
        cluster.register(&registration(4, 4), after(0)).error_code,
        0
    );
    let (controller, view) = cluster.deciding();
    controller.begin(view, after(5), OwnBroker::Stays);
    let probes = cluster.probes(after(5));
    assert_eq!(probes.len(), 2);
    for probe in &probes {
        cluster.found(after(5), probe, ProbeOutcome::Refused);
    }
    let fenced = [1, 2, 3].map(|id| cluster.is_fenced(id));
    assert_eq!(fenced, [false, true, true]);
}
