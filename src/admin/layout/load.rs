//! How much each broker carries, in one number.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::BrokerId;

use super::Layout;

/// What a replica costs its broker at least, whatever is in it: in a cluster that is nearly empty
/// the few bytes of one partition are no reason to give a broker nothing else.
const REPLICA_BYTES_MIN: u128 = 16 << 20;

/// What brokers carry: a broker's load is its share of all bytes plus its share of all replicas,
/// so that neither a few large partitions nor many empty ones gather on one broker. A replica
/// weighs its bytes and as many as the mean replica has, at least [`REPLICA_BYTES_MIN`].
///
/// Weights are over a common denominator, without fractions: the same picture has the same loads
/// on every machine.
#[derive(Clone, Debug)]
pub struct Loads {
    replicas_total: u128,
    bytes_total: u128,
    by_broker: BTreeMap<BrokerId, u128>,
}

impl Loads {
    /// The loads of `brokers`, also of those that carry nothing.
    pub fn of(layout: &Layout, brokers: &BTreeSet<BrokerId>) -> Self {
        let mut loads = Self {
            replicas_total: 0,
            bytes_total: 0,
            by_broker: brokers.iter().map(|id| (*id, 0)).collect(),
        };
        for placement in layout.partitions.values() {
            let count = placement.replicas.iter();
            let count = count.filter(|id| brokers.contains(id)).count() as u128;
            loads.replicas_total += count;
            loads.bytes_total += count * u128::from(placement.bytes);
        }
        for placement in layout.partitions.values() {
            let weight = loads.weight(placement.bytes);
            for id in &placement.replicas {
                if let Some(load) = loads.by_broker.get_mut(id) {
                    *load += weight;
                }
            }
        }
        loads
    }

    /// What a replica of so many bytes adds to its broker's load.
    pub fn weight(&self, bytes: u64) -> u128 {
        let of_any = self
            .bytes_total
            .max(self.replicas_total * REPLICA_BYTES_MIN);
        u128::from(bytes) * self.replicas_total + of_any.max(1)
    }

    /// The load of a broker.
    pub fn load(&self, broker: BrokerId) -> u128 {
        self.by_broker.get(&broker).copied().unwrap_or(0)
    }

    /// A replica is to go from a broker.
    pub fn take(&mut self, broker: BrokerId, weight: u128) {
        if let Some(load) = self.by_broker.get_mut(&broker) {
            *load -= weight;
        }
    }

    /// A replica is to come to a broker.
    pub fn give(&mut self, broker: BrokerId, weight: u128) {
        *self.by_broker.entry(broker).or_default() += weight;
    }

    /// The brokers, the one with the least load first; by id among equals.
    pub fn ascending(&self) -> Vec<BrokerId> {
        let mut brokers: Vec<_> = self
            .by_broker
            .iter()
            .map(|(id, load)| (*load, *id))
            .collect();
        brokers.sort_unstable();
        brokers.into_iter().map(|(_, id)| id).collect()
    }

    /// What each would carry if all carried the same.
    pub fn mean(&self) -> u128 {
        let count = self.by_broker.len().max(1) as u128;
        self.by_broker.values().sum::<u128>() / count
    }
}
