//! The plan by which brokers lose their replicas to others.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::model::{BrokerId, TopicPartition};

use super::{Change, Layout, Loads};

/// A partition that has more replicas than there are brokers left to hold them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TooFew {
    pub partition: TopicPartition,
    pub replicas: usize,
    /// How many brokers could hold it.
    pub brokers: usize,
}

/// The changes after which no partition has a replica on a broker that `leaves`.
///
/// Each replica that has to go is replaced, at its place in the order, by the one broker of `onto`
/// that leaves the partition in the most racks, then by the one that carries the least. Large
/// partitions choose first. All others stay where they are.
///
/// # Errors
/// The first partition that `onto` is too small for.
pub fn plan_evacuation(
    layout: &Layout,
    onto: &BTreeSet<BrokerId>,
    leaves: impl Fn(&BrokerId) -> bool,
) -> Result<Vec<Change>, TooFew> {
    let onto: BTreeSet<BrokerId> = onto.iter().copied().filter(|id| !leaves(id)).collect();
    let mut loads = Loads::of(layout, &onto);
    let partitions = layout.partitions.iter();
    let mut partitions: Vec<_> = partitions
        .filter(|(_, placement)| placement.replicas.iter().any(&leaves))
        .collect();
    partitions.sort_by_key(|(partition, placement)| (Reverse(placement.bytes), *partition));
    let mut planned = BTreeMap::new();
    for (partition, placement) in partitions {
        let weight = loads.weight(placement.bytes);
        let mut replicas = placement.replicas.clone();
        let staying: BTreeSet<_> = replicas.iter().copied().filter(|id| !leaves(id)).collect();
        let brokers = staying.union(&onto).count();
        if replicas.len() > brokers {
            return Err(TooFew {
                partition: partition.clone(),
                replicas: replicas.len(),
                brokers,
            });
        }
        for index in 0..replicas.len() {
            if !leaves(&replicas[index]) {
                continue;
            }
            let free = onto.iter().filter(|id| !replicas.contains(id));
            let chosen = free.min_by_key(|id| {
                let mut then: Vec<_> = replicas.iter().copied().filter(|id| !leaves(id)).collect();
                then.push(**id);
                (Reverse(layout.racks_of(&then)), loads.load(**id), **id)
            });
            let chosen = *chosen.expect("there are as many brokers as replicas");
            replicas[index] = chosen;
            loads.give(chosen, weight);
        }
        planned.insert(partition.clone(), replicas);
    }
    Ok(layout.changes_to(planned))
}
