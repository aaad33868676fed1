//! Which of the partitions that lack committed records are fetched: only so many at a time that an
//! answer has room for those that lack none, whose producers wait for them.
//!
//! Topics of the cluster itself come first, then whoever has waited longest. One for which nothing
//! comes, since its leader holds it back, lets the next one have its place.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::TopicIdPartition;

/// The place in the queue: smaller ones are let in first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Place {
    /// False for what comes before all others.
    is_ordinary: bool,
    number: u64,
}

/// Those that lack committed records and could be fetched.
#[derive(Debug, Default)]
pub(super) struct CatchingUp {
    admitted: BTreeSet<TopicIdPartition>,
    waiting: BTreeMap<TopicIdPartition, Place>,
    queue: BTreeSet<(Place, TopicIdPartition)>,
    next_number: u64,
}

impl CatchingUp {
    /// It lacks records and could be fetched; `is_first` lets it pass those that wait.
    pub(super) fn want(&mut self, partition: TopicIdPartition, is_first: bool) {
        if !self.admitted.contains(&partition) && !self.waiting.contains_key(&partition) {
            self.enqueue(partition, !is_first);
        }
    }

    fn enqueue(&mut self, partition: TopicIdPartition, is_ordinary: bool) {
        let place = Place {
            is_ordinary,
            number: self.next_number,
        };
        self.next_number += 1;
        self.waiting.insert(partition, place);
        self.queue.insert((place, partition));
    }

    /// It lacks nothing, or cannot be fetched.
    pub(super) fn leave(&mut self, partition: TopicIdPartition) {
        self.admitted.remove(&partition);
        if let Some(place) = self.waiting.remove(&partition) {
            self.queue.remove(&(place, partition));
        }
    }

    /// Nothing came for it, so it waits once more, behind all others; true if there are any.
    pub(super) fn pass_on(&mut self, partition: TopicIdPartition) -> bool {
        let has_others = !self.queue.is_empty();
        if has_others && self.admitted.remove(&partition) {
            self.enqueue(partition, true);
        }
        has_others
    }

    /// Let in whoever is next until `admitted_max` are.
    pub(super) fn admit(&mut self, admitted_max: usize) -> Vec<TopicIdPartition> {
        let mut admitted = Vec::new();
        while self.admitted.len() < admitted_max
            && let Some((_, partition)) = self.queue.pop_first()
        {
            self.waiting.remove(&partition);
            self.admitted.insert(partition);
            admitted.push(partition);
        }
        admitted
    }

    /// True if it may be fetched.
    pub(super) fn is_admitted(&self, partition: TopicIdPartition) -> bool {
        self.admitted.contains(&partition)
    }

    /// Those that may be fetched.
    pub(super) fn admitted(&self) -> impl Iterator<Item = TopicIdPartition> {
        self.admitted.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Uuid;

    fn id(partition: i32) -> TopicIdPartition {
        TopicIdPartition {
            topic_id: Uuid::from_bytes([1; 16]),
            partition,
        }
    }

    fn wanted(partitions: impl IntoIterator<Item = i32>) -> CatchingUp {
        let mut catching_up = CatchingUp::default();
        for partition in partitions {
            catching_up.want(id(partition), false);
        }
        catching_up
    }

    #[test]
    fn so_many_are_let_in_and_whoever_waited_longest_follows_who_leaves() {
        let mut catching_up = wanted([3, 2, 1, 0]);
        assert_eq!(catching_up.admit(2), [id(3), id(2)]);
        catching_up.want(id(3), false);
        assert_eq!(catching_up.admit(2), []);
        catching_up.leave(id(3));
        catching_up.leave(id(1));
        assert_eq!(catching_up.admit(2), [id(0)]);
        assert!(!catching_up.is_admitted(id(3)));
        assert_eq!(catching_up.admitted().collect::<Vec<_>>(), [id(0), id(2)]);
    }

    #[test]
    fn the_clusters_own_come_before_those_that_wait() {
        let mut catching_up = wanted([0, 1]);
        catching_up.want(id(5), true);
        assert_eq!(catching_up.admit(2), [id(5), id(0)]);
    }

    #[test]
    fn who_gets_nothing_makes_room_for_all_others_if_there_are_any() {
        let mut catching_up = wanted([0]);
        catching_up.want(id(5), true);
        catching_up.admit(2);
        assert!(!catching_up.pass_on(id(5)));
        assert!(catching_up.is_admitted(id(5)));
        catching_up.want(id(1), false);
        assert!(catching_up.pass_on(id(5)));
        assert_eq!(catching_up.admit(2), [id(1)]);
        catching_up.leave(id(0));
        assert_eq!(catching_up.admit(2), [id(5)]);
    }
}
