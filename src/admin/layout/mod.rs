//! Where replicas are, and where they are to be.
//!
//! Owns: [`Layout`], the picture of a cluster that plans are made from; the plans
//! ([`evacuating`], [`balancing`], [`leading`]: pure functions, one plan for one picture); their
//! execution ([`moving`]) within a throttle ([`throttle`]).
//! Promises: a plan keeps each partition's number of replicas and takes no rack from it that it
//! could keep; nothing is kept anywhere but in Kafka's own metadata.
//! Does not know: commands, and what they print.

pub mod balancing;
pub mod configs;
pub mod cordon;
pub mod electing;
pub mod evacuating;
pub mod leading;
mod load;
pub mod moving;
pub mod reading;
pub mod reassignments;
pub mod showing;
#[cfg(test)]
mod tests;
pub mod throttle;

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{BrokerId, TopicPartition};

pub use load::Loads;

/// What a plan is made from.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// Every broker that is registered or holds a replica.
    pub brokers: BTreeMap<BrokerId, BrokerState>,
    pub partitions: BTreeMap<TopicPartition, Placement>,
}

/// What counts of a broker.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct BrokerState {
    pub rack: Option<String>,
    /// It is registered and not fenced.
    pub is_alive: bool,
    /// It takes no new replicas: all its log directories are cordoned (KIP-1066).
    pub is_cordoned: bool,
}

/// What counts of a partition.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Placement {
    /// Who holds it, or will when its reassignment is done; the preferred leader first.
    pub replicas: Vec<BrokerId>,
    pub in_sync: Vec<BrokerId>,
    pub leader: Option<BrokerId>,
    /// The size of its largest replica.
    pub bytes: u64,
    /// It is being reassigned.
    pub is_moving: bool,
}

/// What a partition's replicas are to be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Change {
    pub partition: TopicPartition,
    pub from: Vec<BrokerId>,
    pub to: Vec<BrokerId>,
    /// The size of one replica.
    pub bytes: u64,
}

impl Change {
    /// Who gets a replica.
    pub fn added(&self) -> impl Iterator<Item = BrokerId> {
        let to = self.to.iter().copied();
        to.filter(|broker| !self.from.contains(broker))
    }

    /// What is to be copied.
    pub fn copied_bytes(&self) -> u64 {
        let copies = u64::try_from(self.added().count()).unwrap_or(u64::MAX);
        self.bytes.saturating_mul(copies)
    }
}

impl Layout {
    /// The brokers that may be given replicas.
    pub fn takers(&self) -> BTreeSet<BrokerId> {
        let brokers = self.brokers.iter();
        let takers = brokers.filter(|(_, broker)| broker.is_alive && !broker.is_cordoned);
        takers.map(|(id, _)| *id).collect()
    }

    /// In how many racks these brokers are. Those without one are in one together, so that a
    /// cluster without racks has no rule to keep.
    pub fn racks_of(&self, replicas: &[BrokerId]) -> usize {
        let racks = replicas.iter().map(|id| {
            let broker = self.brokers.get(id);
            broker.and_then(|broker| broker.rack.as_deref())
        });
        racks.collect::<BTreeSet<_>>().len()
    }

    /// The partitions of which `broker` holds a replica.
    pub fn on(&self, broker: BrokerId) -> impl Iterator<Item = (&TopicPartition, &Placement)> {
        let partitions = self.partitions.iter();
        partitions.filter(move |(_, placement)| placement.replicas.contains(&broker))
    }

    /// The partitions that `broker` leads.
    pub fn led_by(&self, broker: BrokerId) -> impl Iterator<Item = &TopicPartition> {
        let partitions = self.partitions.iter();
        let led = partitions.filter(move |(_, placement)| placement.leader == Some(broker));
        led.map(|(partition, _)| partition)
    }

    /// The changes after which the partitions have `replicas`, of those that have others now.
    pub fn changes_to(&self, replicas: BTreeMap<TopicPartition, Vec<BrokerId>>) -> Vec<Change> {
        let changes = replicas.into_iter().filter_map(|(partition, to)| {
            let placement = self.partitions.get(&partition)?;
            (placement.replicas != to).then(|| Change {
                from: placement.replicas.clone(),
                bytes: placement.bytes,
                partition,
                to,
            })
        });
        changes.collect()
    }

    /// The same cluster when `changes` are done.
    pub fn after(&self, changes: &[Change]) -> Self {
        let mut after = self.clone();
        for change in changes {
            if let Some(placement) = after.partitions.get_mut(&change.partition) {
                placement.replicas.clone_from(&change.to);
            }
        }
        after
    }
}
