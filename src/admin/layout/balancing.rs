//! The plan by which brokers carry the same.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{BrokerId, TopicPartition};

use super::{Change, Layout, Loads};

/// Brokers whose loads differ by less than this part of the mean are even enough: to mend the rest
/// would copy much for little.
const TOLERANCE_PERCENT: u128 = 10;

/// The changes after which `brokers` carry about the same, by at most `moves_max` replicas that
/// are copied, each of them once.
///
/// One replica after the other goes from the broker that carries the most to the one that carries
/// the least: the one that evens these two the most, if it leaves its partition in as many racks
/// as it was in. No step makes the receiver carry more than the giver did, so the greatest load
/// never grows and the least never shrinks. Partitions that are being reassigned or that nobody
/// leads stay as they are, and so do replicas on other brokers.
pub fn plan_balance(
    layout: &Layout,
    brokers: &BTreeSet<BrokerId>,
    moves_max: usize,
) -> Vec<Change> {
    let mut board = Board::of(layout, brokers);
    while board.moves.len() < moves_max && !board.is_even() {
        let Some(step) = board.best_step() else {
            break;
        };
        board.take(step);
    }
    layout.changes_to(board.replicas)
}

/// The plan as far as it is made.
struct Board<'a> {
    layout: &'a Layout,
    loads: Loads,
    replicas: BTreeMap<TopicPartition, Vec<BrokerId>>,
    /// What each broker still has of what it had at first: only that may go.
    own: BTreeMap<BrokerId, BTreeSet<TopicPartition>>,
    /// What went from where: it does not come back.
    moves: BTreeSet<(TopicPartition, BrokerId)>,
}

/// One replica goes to another broker.
struct Step {
    partition: TopicPartition,
    from: BrokerId,
    to: BrokerId,
}

impl<'a> Board<'a> {
    fn of(layout: &'a Layout, brokers: &BTreeSet<BrokerId>) -> Self {
        let movable = layout.partitions.iter();
        let movable = movable.filter(|(_, one)| one.leader.is_some() && !one.is_moving);
        let mut replicas = BTreeMap::new();
        let mut own: BTreeMap<_, BTreeSet<_>> =
            brokers.iter().map(|id| (*id, BTreeSet::new())).collect();
        for (partition, placement) in movable {
            for id in &placement.replicas {
                if let Some(own) = own.get_mut(id) {
                    own.insert(partition.clone());
                }
            }
            replicas.insert(partition.clone(), placement.replicas.clone());
        }
        Self {
            layout,
            loads: Loads::of(layout, brokers),
            replicas,
            own,
            moves: BTreeSet::new(),
        }
    }

    fn is_even(&self) -> bool {
        let ascending = self.loads.ascending();
        let (Some(least), Some(most)) = (ascending.first(), ascending.last()) else {
            return true;
        };
        let gap = self.loads.load(*most) - self.loads.load(*least);
        gap * 100 <= self.loads.mean() * TOLERANCE_PERCENT
    }

    /// The best step between the two that differ most, of which there is one.
    fn best_step(&self) -> Option<Step> {
        let ascending = self.loads.ascending();
        for from in ascending.iter().rev() {
            for to in &ascending {
                let gap = self.loads.load(*from).saturating_sub(self.loads.load(*to));
                if gap == 0 {
                    break;
                }
                if let Some(partition) = self.best_replica(*from, *to, gap) {
                    return Some(Step {
                        partition,
                        from: *from,
                        to: *to,
                    });
                }
            }
        }
        None
    }

    /// The replica whose move brings the two closest together.
    fn best_replica(&self, from: BrokerId, to: BrokerId, gap: u128) -> Option<TopicPartition> {
        let own = self.own.get(&from)?.iter();
        let weighed = own.map(|partition| {
            let weight = self.loads.weight(self.layout.partitions[partition].bytes);
            (weight.abs_diff(gap - weight.min(gap)), weight, partition)
        });
        // A heavier one than the gap would only change which of the two carries more; one of just
        // the gap would change nothing.
        let useful = weighed.filter(|(_, weight, _)| *weight < gap);
        let mut useful: Vec<_> = useful.collect();
        useful.sort_unstable();
        let best = useful.into_iter().find(|(_, _, partition)| {
            let replicas = &self.replicas[*partition];
            let is_free =
                !replicas.contains(&to) && !self.moves.contains(&((*partition).clone(), to));
            is_free && self.keeps_racks(replicas, from, to)
        });
        best.map(|(_, _, partition)| partition.clone())
    }

    fn keeps_racks(&self, replicas: &[BrokerId], from: BrokerId, to: BrokerId) -> bool {
        let then = replaced(replicas, from, to);
        self.layout.racks_of(&then) >= self.layout.racks_of(replicas)
    }

    fn take(&mut self, step: Step) {
        let weight = self
            .loads
            .weight(self.layout.partitions[&step.partition].bytes);
        self.loads.take(step.from, weight);
        self.loads.give(step.to, weight);
        if let Some(own) = self.own.get_mut(&step.from) {
            own.remove(&step.partition);
        }
        let replicas = self.replicas.get_mut(&step.partition);
        let replicas = replicas.expect("a step is of a partition on the board");
        *replicas = replaced(replicas, step.from, step.to);
        self.moves.insert((step.partition, step.from));
    }
}

fn replaced(replicas: &[BrokerId], from: BrokerId, to: BrokerId) -> Vec<BrokerId> {
    let replicas = replicas.iter();
    replicas
        .map(|id| if *id == from { to } else { *id })
        .collect()
}
