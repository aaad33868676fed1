//! Brokers that may be dead: whether anybody listens where they did.
//!
//! A process that is killed takes its connections and its listeners along. So when the connection
//! on which a broker told that it lives ends, its listeners are dialed. Where every one of them
//! refuses, nobody is left to be waited for. Anything else proves nothing, and the session decides.
//!
//! No safety hangs on this: whoever is fenced though it lives, as where a firewall refuses in its
//! name, is as one whose session has ended. It acknowledges nothing that its successors lack, and
//! the next heartbeat lifts its fence.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::model::{BrokerId, NodeAddress};
use crate::stdx::Instant;

/// A process that dies closes one thing after the other, its listeners maybe last: so one that
/// still accepts is looked at again, after this pause and then after twice the one before.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// How often a broker is looked at: for a second and a quarter in all. What takes longer to die is
/// found by its session.
const LOOKS_MAX: u32 = 7;

/// Names a dial.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ProbeId {
    broker: BrokerId,
    look: u64,
}

impl ProbeId {
    pub(super) const fn broker(self) -> BrokerId {
        self.broker
    }
}

/// A dial that is to show whether anybody listens.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Probe {
    /// Names it.
    pub id: ProbeId,
    /// Where.
    pub address: NodeAddress,
    /// How long it may take.
    pub timeout: Duration,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ProbeOutcome {
    /// Nobody listens there.
    Refused,
    /// Somebody does, or that cannot be known from here.
    Unclear,
}

#[derive(Clone, Debug)]
struct Suspicion {
    /// The look under way, or the last one.
    look: u64,
    /// How many there were.
    looks: u32,
    /// The listeners that have not refused in this look.
    unrefused: usize,
    /// When to look next; `None` while a look is under way.
    look_at: Option<Instant>,
}

/// The brokers that may be dead.
#[derive(Clone, Debug, Default)]
pub(super) struct Suspicions {
    brokers: BTreeMap<BrokerId, Suspicion>,
    /// The number of the last look, never used again.
    last_look: u64,
    probes: VecDeque<Probe>,
}

impl Suspicions {
    /// Nobody is suspected any more.
    pub(super) fn forget_all(&mut self) {
        self.brokers.clear();
        self.probes.clear();
    }

    /// The broker may be dead: look now.
    pub(super) fn suspect(&mut self, now: Instant, broker: BrokerId) {
        let look = self.last_look;
        self.brokers.entry(broker).or_insert(Suspicion {
            look,
            looks: 0,
            unrefused: 0,
            look_at: Some(now),
        });
    }

    /// The broker was heard of, or is not to be looked for any more. What is under way has nothing
    /// to say.
    pub(super) fn forget(&mut self, broker: BrokerId) {
        self.brokers.remove(&broker);
        self.probes.retain(|probe| probe.id.broker != broker);
    }

    /// A broker that is to be looked at; [`Self::look`] or [`Self::forget`] follows.
    pub(super) fn next_due(&self, now: Instant) -> Option<BrokerId> {
        let is_due = |one: &Suspicion| one.look_at.is_some_and(|look_at| look_at <= now);
        let mut brokers = self.brokers.iter();
        brokers.find(|(_, one)| is_due(one)).map(|(id, _)| *id)
    }

    /// Look at a broker that listens at `addresses`, for `timeout` at most.
    pub(super) fn look(
        &mut self,
        broker: BrokerId,
        addresses: impl IntoIterator<Item = NodeAddress>,
        timeout: Duration,
    ) {
        let Some(suspicion) = self.brokers.get_mut(&broker) else {
            return;
        };
        self.last_look += 1;
        let look = self.last_look;
        let probes = addresses.into_iter().map(|address| Probe {
            id: ProbeId { broker, look },
            address,
            timeout,
        });
        let before = self.probes.len();
        self.probes.extend(probes);
        *suspicion = Suspicion {
            look,
            looks: suspicion.looks + 1,
            unrefused: self.probes.len() - before,
            look_at: None,
        };
        if suspicion.unrefused == 0 {
            // It has said nowhere that it listens.
            self.brokers.remove(&broker);
        }
    }

    /// The next dial.
    pub(super) fn next_probe(&mut self) -> Option<Probe> {
        self.probes.pop_front()
    }

    /// What came of a dial. True if the broker is dead: each of its listeners has refused, and
    /// nothing was heard of it meanwhile.
    pub(super) fn on_probed(&mut self, now: Instant, id: ProbeId, outcome: ProbeOutcome) -> bool {
        let Some(suspicion) = self.brokers.get_mut(&id.broker) else {
            return false;
        };
        if suspicion.look != id.look || suspicion.look_at.is_some() {
            return false;
        }
        match outcome {
            ProbeOutcome::Refused => suspicion.unrefused -= 1,
            ProbeOutcome::Unclear if suspicion.looks < LOOKS_MAX => {
                let pause = LOOK_AGAIN_AFTER * (1 << (suspicion.looks - 1));
                suspicion.look_at = Some(now + pause);
            }
            ProbeOutcome::Unclear => {
                self.brokers.remove(&id.broker);
                return false;
            }
        }
        let is_dead = suspicion.unrefused == 0;
        if is_dead {
            self.brokers.remove(&id.broker);
        }
        is_dead
    }

    /// When a broker is to be looked at.
    pub(super) fn next_deadline(&self) -> Instant {
        let due = self.brokers.values().filter_map(|one| one.look_at);
        due.min().unwrap_or(Instant::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    fn address(port: u16) -> NodeAddress {
        let host = "broker".to_owned();
        NodeAddress { host, port }
    }

    /// Broker 2, with these ports, is looked at.
    fn looks(suspicions: &mut Suspicions, now: Instant, ports: &[u16]) -> Vec<ProbeId> {
        assert_eq!(suspicions.next_due(now), Some(2));
        let addresses = ports.iter().map(|port| address(*port));
        suspicions.look(2, addresses, Duration::from_secs(9));
        let probes: Vec<Probe> = std::iter::from_fn(|| suspicions.next_probe()).collect();
        let told: Vec<u16> = probes.iter().map(|probe| probe.address.port).collect();
        assert_eq!(told, ports);
        assert_eq!(suspicions.next_due(now), None, "it is being looked at");
        probes.into_iter().map(|probe| probe.id).collect()
    }

    #[test]
    fn a_broker_is_dead_when_each_of_its_listeners_refuses() {
        let mut suspicions = Suspicions::default();
        suspicions.suspect(at(0), 2);
        let probes = looks(&mut suspicions, at(0), &[9092, 9094]);
        assert!(!suspicions.on_probed(at(1), probes[0], ProbeOutcome::Refused));
        assert!(suspicions.on_probed(at(1), probes[1], ProbeOutcome::Refused));
        assert_eq!(suspicions.next_deadline(), Instant::MAX);
    }

    #[test]
    fn a_broker_one_of_whose_listeners_accepts_is_looked_at_again_for_a_second() {
        let mut suspicions = Suspicions::default();
        suspicions.suspect(at(0), 2);
        let (mut now, mut looks_taken) = (at(0), 0);
        while suspicions.next_due(now).is_some() {
            let probes = looks(&mut suspicions, now, &[9092, 9094]);
            looks_taken += 1;
            assert!(!suspicions.on_probed(now, probes[0], ProbeOutcome::Unclear));
            let next = suspicions.next_deadline();
            assert!(!suspicions.on_probed(now, probes[1], ProbeOutcome::Refused));
            assert_eq!(suspicions.next_deadline(), next, "the look was over");
            now = now.max(next.min(at(5000)));
        }
        assert_eq!((looks_taken, now), (LOOKS_MAX, at(5000)));
        assert_eq!(suspicions.next_deadline(), Instant::MAX);
    }

    #[test]
    fn a_listener_that_closes_late_is_found_by_the_next_look() {
        let mut suspicions = Suspicions::default();
        suspicions.suspect(at(0), 2);
        let probes = looks(&mut suspicions, at(0), &[9092]);
        assert!(!suspicions.on_probed(at(0), probes[0], ProbeOutcome::Unclear));
        assert_eq!(suspicions.next_deadline(), at(20));
        let probes = looks(&mut suspicions, at(20), &[9092]);
        assert!(suspicions.on_probed(at(20), probes[0], ProbeOutcome::Refused));
    }

    #[test]
    fn whoever_is_heard_of_is_not_suspected_any_more() {
        let mut suspicions = Suspicions::default();
        suspicions.suspect(at(0), 2);
        let before = looks(&mut suspicions, at(0), &[9092]);
        suspicions.forget(2);
        assert!(!suspicions.on_probed(at(1), before[0], ProbeOutcome::Refused));
        suspicions.suspect(at(2), 2);
        assert!(!suspicions.on_probed(at(2), before[0], ProbeOutcome::Refused));
        let probes = looks(&mut suspicions, at(2), &[9092]);
        assert!(!suspicions.on_probed(at(3), before[0], ProbeOutcome::Refused));
        assert!(suspicions.on_probed(at(3), probes[0], ProbeOutcome::Refused));
    }

    #[test]
    fn a_broker_without_a_listener_is_not_looked_for() {
        let mut suspicions = Suspicions::default();
        suspicions.suspect(at(0), 2);
        looks(&mut suspicions, at(0), &[]);
        assert_eq!(suspicions.next_deadline(), Instant::MAX);
    }
}
