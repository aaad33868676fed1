//! Which log directory a new replica goes to.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::model::{BrokerId, Uuid};

use super::super::image::{MetadataImage, TopicImage};

/// How many replicas each log directory of this broker holds, and how much room there is.
///
/// A new replica goes where there are the fewest for the room that is left: a disk with twice the
/// room of another gets twice as many, and a new disk all of them until it has caught up. By the
/// room alone all partitions of a large topic would go to one disk, since they take none of it yet.
/// Where the room is not known, or is that of one file system, the number of replicas decides, as
/// in Kafka.
#[derive(Clone, Debug, Default)]
pub(super) struct Placement {
    replicas: BTreeMap<Uuid, u64>,
    usable_bytes: BTreeMap<Uuid, u64>,
    cordoned: BTreeSet<Uuid>,
}

impl Placement {
    /// Take in the replicas of `broker` in `image` over its `directories`.
    pub(super) fn begin(&mut self, image: &MetadataImage, broker: BrokerId, directories: &[Uuid]) {
        let none = directories.iter().map(|directory| (*directory, 0));
        self.replicas = none.collect();
        for topic in image.topics.values() {
            self.count(topic, broker, 1);
        }
    }

    /// So much may be written to each directory; one that is not named does not tell.
    pub(super) fn on_room(&mut self, usable_bytes: BTreeMap<Uuid, u64>) {
        self.usable_bytes = usable_bytes;
    }

    /// New replicas do not go to these, unless there are no others (KIP-1066).
    pub(super) fn on_cordoned(&mut self, cordoned: BTreeSet<Uuid>) {
        self.cordoned = cordoned;
    }

    /// The directory for the next replica; `None` if the broker has none.
    pub(super) fn choose(&mut self) -> Option<Uuid> {
        let is_known = |id: &Uuid| self.usable_bytes.contains_key(id);
        let is_room_known = self.replicas.keys().all(is_known);
        let room = |id: &Uuid| {
            let usable_bytes = self.usable_bytes.get(id).copied();
            usable_bytes.filter(|_| is_room_known).unwrap_or(1)
        };
        let is_open = |id: &Uuid| !self.cordoned.contains(id);
        let are_all_cordoned = !self.replicas.keys().any(is_open);
        let candidates = self.replicas.iter();
        let candidates = candidates.filter(|(id, _)| are_all_cordoned || is_open(id));
        let candidates = candidates.map(|(id, replicas)| (*id, *replicas, room(id)));
        let (chosen, _, _) = candidates.min_by(compare)?;
        *self.replicas.entry(chosen).or_default() += 1;
        Some(chosen)
    }

    /// No new replica goes to this directory.
    pub(super) fn forget(&mut self, directory: Uuid) {
        self.replicas.remove(&directory);
    }

    /// A replica has moved.
    pub(super) fn on_moved(&mut self, from: Uuid, to: Uuid) {
        for (directory, sign) in [(from, -1), (to, 1)] {
            if let Some(replicas) = self.replicas.get_mut(&directory) {
                *replicas = replicas.saturating_add_signed(sign);
            }
        }
    }

    /// Forget the replicas of a topic that is deleted.
    pub(super) fn on_topic_removed(&mut self, topic: &TopicImage, broker: BrokerId) {
        self.count(topic, broker, -1);
    }

    fn count(&mut self, topic: &TopicImage, broker: BrokerId, sign: i64) {
        for partition in topic.partitions.values() {
            let directory = partition.directory_of(broker);
            if let Some(replicas) = directory.and_then(|id| self.replicas.get_mut(&id)) {
                *replicas = replicas.saturating_add_signed(sign);
            }
        }
    }
}

/// Which of two directories, with their replicas and room, has fewer replicas for its room once it
/// has one more. Of those without room it is the one with fewer.
fn compare(one: &(Uuid, u64, u64), other: &(Uuid, u64, u64)) -> Ordering {
    let load = |replicas: u64, room_of_other: u64| {
        (u128::from(replicas) + 1).saturating_mul(u128::from(room_of_other))
    };
    let (left, right) = (load(one.1, other.2), load(other.1, one.2));
    left.cmp(&right).then(one.1.cmp(&other.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: [Uuid; 3] = [
        Uuid::from_bytes([1; 16]),
        Uuid::from_bytes([2; 16]),
        Uuid::from_bytes([3; 16]),
    ];

    /// A placement over directories with so many replicas and so much room.
    fn placement(directories: &[(u64, Option<u64>)]) -> Placement {
        let directories = || IDS.into_iter().zip(directories);
        let room = directories().filter_map(|(id, (_, room))| Some((id, (*room)?)));
        Placement {
            replicas: directories().map(|(id, (count, _))| (id, *count)).collect(),
            usable_bytes: room.collect(),
            cordoned: BTreeSet::new(),
        }
    }

    /// How many of the next `count` replicas go to each directory.
    fn placed(placement: &mut Placement, count: usize) -> [usize; 3] {
        let chosen: Vec<Uuid> = (0..count).filter_map(|_| placement.choose()).collect();
        IDS.map(|id| chosen.iter().filter(|chosen| **chosen == id).count())
    }

    #[test]
    fn directories_of_the_same_room_get_the_same_number() {
        let mut placement = placement(&[(0, Some(500)), (2, Some(501)), (1, Some(499))]);
        assert_eq!(placed(&mut placement, 6), [3, 1, 2]);
    }

    #[test]
    fn a_directory_gets_as_many_as_it_has_room() {
        let mut placement = placement(&[(0, Some(100)), (0, Some(200)), (0, Some(300))]);
        assert_eq!(placed(&mut placement, 60), [10, 20, 30]);
    }

    #[test]
    fn a_new_disk_gets_all_until_it_has_caught_up() {
        let mut placement = placement(&[(30, Some(100)), (30, Some(100)), (0, Some(200))]);
        assert_eq!(placed(&mut placement, 60), [0, 0, 60]);
        assert_eq!(placed(&mut placement, 4), [1, 1, 2]);
    }

    #[test]
    fn a_directory_without_room_gets_none_unless_there_is_no_other() {
        let mut one = placement(&[(0, Some(0)), (50, Some(1)), (60, Some(0))]);
        assert_eq!(placed(&mut one, 10), [0, 10, 0]);
        let mut none = placement(&[(0, Some(0)), (2, Some(0)), (2, Some(0))]);
        assert_eq!(placed(&mut none, 5), [3, 1, 1]);
    }

    #[test]
    fn a_cordoned_directory_gets_none_unless_all_are_cordoned() {
        let mut placement = placement(&[(0, None), (5, None), (0, None)]);
        placement.on_cordoned([IDS[0], IDS[2]].into());
        assert_eq!(placed(&mut placement, 4), [0, 4, 0]);
        placement.on_cordoned(IDS.into());
        assert_eq!(placed(&mut placement, 4), [2, 0, 2]);
    }

    #[test]
    fn the_number_decides_while_the_room_of_one_is_not_known() {
        let mut placement = placement(&[(1, Some(0)), (2, None), (0, Some(9))]);
        assert_eq!(placed(&mut placement, 3), [1, 0, 2]);
    }
}
