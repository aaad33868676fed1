//! Plans that only change the order of replicas, and so who leads: no record is copied.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{BrokerId, TopicPartition};

use super::{Change, Layout, Placement};

/// How a broker gets rid of what it leads.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Drain {
    /// The broker is the last of the replicas afterwards, and another one is preferred.
    pub changes: Vec<Change>,
    /// Partitions with no other replica.
    pub alone: Vec<TopicPartition>,
}

/// The plan after which `broker` is the preferred leader of nothing, and the last to be chosen.
///
/// Of each partition that it is to lead no more, the replica in sync is preferred that is preferred
/// for the fewest, so that all share its work.
pub fn plan_drain(layout: &Layout, broker: BrokerId) -> Drain {
    let mut preferred = preferred_counts(layout.partitions.values());
    let mut drain = Drain::default();
    let mut planned = BTreeMap::new();
    for (partition, placement) in layout.on(broker) {
        let others = placement.replicas.iter().copied();
        let mut replicas: Vec<_> = others.filter(|id| *id != broker).collect();
        if replicas.is_empty() {
            drain.alone.push(partition.clone());
            continue;
        }
        let may_lead = |id: &BrokerId| placement.in_sync.contains(id) && is_alive(layout, *id);
        if !may_lead(&replicas[0]) || placement.replicas[0] == broker {
            let candidates = replicas.iter().enumerate();
            let chosen = candidates
                .filter(|(_, id)| may_lead(id))
                .min_by_key(|(place, id)| (preferred.get(id).copied().unwrap_or(0), *place));
            // Where none is in sync the next one leads when it is.
            if let Some(place) = chosen.map(|(place, _)| place) {
                replicas[..=place].rotate_right(1);
            }
        }
        *preferred.entry(placement.replicas[0]).or_default() -= 1;
        *preferred.entry(replicas[0]).or_default() += 1;
        replicas.push(broker);
        planned.insert(partition.clone(), replicas);
    }
    drain.changes = layout.changes_to(planned);
    drain
}

/// The changes after which preferred leaders are spread evenly over `leaders`; with `onto`, only
/// that broker gets more to lead.
///
/// A partition's preferred leader changes only if it is preferred for at least two more than the
/// replica that takes its place, so no change makes anything less even.
pub fn plan_leaders(
    layout: &Layout,
    leaders: &BTreeSet<BrokerId>,
    onto: Option<BrokerId>,
) -> Vec<Change> {
    let mut preferred = preferred_counts(layout.partitions.values());
    let movable = layout.partitions.iter();
    let movable = movable.filter(|(_, one)| !one.is_moving && one.replicas.len() > 1);
    let mut replicas: BTreeMap<_, _> = movable
        .map(|(partition, placement)| (partition.clone(), placement.replicas.clone()))
        .collect();
    // Every change lowers the sum of the squares of the counts, so there is an end.
    loop {
        let mut is_done = true;
        for replicas in replicas.values_mut() {
            let count = |id: &BrokerId| preferred.get(id).copied().unwrap_or(0);
            let candidates = replicas
                .iter()
                .enumerate()
                .skip(1)
                .filter(|(_, id)| leaders.contains(id) && onto.is_none_or(|onto| onto == **id));
            let least = candidates.min_by_key(|(place, id)| (count(id), *place));
            let Some((place, least)) = least else {
                continue;
            };
            if count(&replicas[0]) >= count(least) + 2 {
                *preferred.entry(*least).or_default() += 1;
                *preferred.entry(replicas[0]).or_default() -= 1;
                replicas[..=place].rotate_right(1);
                is_done = false;
            }
        }
        if is_done {
            return layout.changes_to(replicas);
        }
    }
}

/// Of how many partitions each broker is the preferred leader.
pub fn preferred_counts<'a>(
    placements: impl Iterator<Item = &'a Placement>,
) -> BTreeMap<BrokerId, i64> {
    let mut counts = BTreeMap::new();
    for placement in placements {
        if let Some(first) = placement.replicas.first() {
            *counts.entry(*first).or_default() += 1;
        }
    }
    counts
}

fn is_alive(layout: &Layout, broker: BrokerId) -> bool {
    let broker = layout.brokers.get(&broker);
    broker.is_some_and(|broker| broker.is_alive)
}
