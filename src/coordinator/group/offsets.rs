//! The offsets of one group: what is committed, and what writes and transactions will make of it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::model::{LeaderEpoch, Offset, PartitionIndex, ProducerId, TimestampMs, Uuid};

use super::WriteToken;

/// What was committed for one partition.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct OffsetEntry {
    pub(super) offset: Offset,
    pub(super) leader_epoch: Option<LeaderEpoch>,
    /// Whatever the client wanted to keep beside the offset.
    pub(super) metadata: Arc<str>,
    pub(super) committed_ms: TimestampMs,
    /// When the entry ends by itself; only old clients ask for it.
    pub(super) expires_ms: Option<TimestampMs>,
    /// The topic's id at the time; unknown in records of old brokers.
    pub(super) topic_id: Option<Uuid>,
    /// Where its record stands, which decides between a transaction's offset and another.
    pub(super) position: RecordPosition,
}

/// Where a record stands in the partition of `__consumer_offsets`.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum RecordPosition {
    /// It was read from there.
    At(Offset),
    /// It was written since, behind all that was read.
    BehindLoaded,
}

/// A partition that an offset belongs to.
pub(super) type Place = (Arc<str>, PartitionIndex);

/// What a write makes of one partition's offset; `None` deletes it.
pub(super) type Change = (Place, Option<OffsetEntry>);

type ByTopic = BTreeMap<Arc<str>, BTreeMap<PartitionIndex, OffsetEntry>>;

/// The offsets of a group.
#[derive(Clone, Debug, Default)]
pub(super) struct GroupOffsets {
    committed: ByTopic,
    /// Changes by writes on their way, in their order.
    uncommitted: VecDeque<(WriteToken, Vec<Change>)>,
    /// Offsets of transactions that have not ended.
    transactional: BTreeMap<ProducerId, BTreeMap<Place, OffsetEntry>>,
}

impl GroupOffsets {
    /// True if nothing is or may be committed.
    pub(super) fn is_empty(&self) -> bool {
        self.committed.is_empty() && self.uncommitted.is_empty() && self.transactional.is_empty()
    }

    /// True if there is an offset that a replay would find.
    pub(super) fn has_committed(&self) -> bool {
        !self.committed.is_empty() || !self.transactional.is_empty()
    }

    /// The committed offsets by topic.
    pub(super) fn committed(
        &self,
    ) -> impl Iterator<Item = (&Arc<str>, &BTreeMap<PartitionIndex, OffsetEntry>)> {
        self.committed.iter()
    }

    /// The committed offset of a partition.
    pub(super) fn find(&self, topic: &str, partition: PartitionIndex) -> Option<&OffsetEntry> {
        self.committed.get(topic)?.get(&partition)
    }

    /// The offset of a partition once all writes are committed.
    pub(super) fn find_written(
        &self,
        topic: &str,
        partition: PartitionIndex,
    ) -> Option<&OffsetEntry> {
        let changes = self.uncommitted.iter().rev();
        let mut changes = changes.flat_map(|(_, changes)| changes.iter().rev());
        changes
            .find(|(place, _)| *place.0 == *topic && place.1 == partition)
            .map_or_else(|| self.find(topic, partition), |(_, entry)| entry.as_ref())
    }

    /// The partitions that have an offset once all writes are committed.
    pub(super) fn written_places(&self) -> Vec<Place> {
        let mut places: BTreeMap<Place, bool> = BTreeMap::new();
        for (topic, partitions) in &self.committed {
            for partition in partitions.keys() {
                places.insert((Arc::clone(topic), *partition), true);
            }
        }
        for (place, entry) in self.uncommitted.iter().flat_map(|(_, changes)| changes) {
            places.insert(place.clone(), entry.is_some());
        }
        let there = places.into_iter().filter(|(_, is_there)| *is_there);
        there.map(|(place, _)| place).collect()
    }

    /// The partitions that have an offset, or get one when a transaction is committed.
    pub(super) fn all_places(&self) -> Vec<Place> {
        let mut places = self.written_places();
        places.extend(self.transactional_places().cloned());
        places.sort_unstable();
        places.dedup();
        places
    }

    /// Those of [`GroupOffsets::all_places`] that belong to the topic with this name and id.
    pub(super) fn places_of_topic(&self, name: &str, id: Uuid) -> Vec<Place> {
        let in_committed = self
            .committed
            .get(name)
            .map_or_else(Vec::new, |partitions| {
                let place = |index: &PartitionIndex| (Arc::from(name), *index);
                partitions.keys().map(place).collect()
            });
        let uncommitted = self.uncommitted.iter().flat_map(|(_, changes)| changes);
        let others = uncommitted
            .map(|(place, _)| place)
            .chain(self.transactional_places())
            .filter(|place| *place.0 == *name);
        let mut places: Vec<Place> = in_committed.into_iter().chain(others.cloned()).collect();
        places.sort_unstable();
        places.dedup();
        places.retain(|place| {
            let entry = self.find_written(name, place.1);
            let is_there = entry.is_some() || self.is_in_transaction(name, place.1);
            let other_id = entry
                .and_then(|entry| entry.topic_id)
                .is_some_and(|of| of != id);
            is_there && !other_id
        });
        places
    }

    fn transactional_places(&self) -> impl Iterator<Item = &Place> {
        self.transactional.values().flat_map(BTreeMap::keys)
    }

    /// True if a transaction that has not ended may change the offset.
    pub(super) fn is_in_transaction(&self, topic: &str, partition: PartitionIndex) -> bool {
        self.transactional_places()
            .any(|place| *place.0 == *topic && place.1 == partition)
    }

    /// True if a transaction has not ended.
    pub(super) fn has_transactions(&self) -> bool {
        !self.transactional.is_empty()
    }

    /// The last write on its way that changes an offset.
    pub(super) fn last_write(&self) -> Option<WriteToken> {
        self.uncommitted.back().map(|(token, _)| *token)
    }

    /// The write `token`, just begun, makes these changes.
    pub(super) fn note_write(&mut self, token: WriteToken, changes: Vec<Change>) {
        assert!(
            self.last_write().is_none_or(|last| last < token),
            "writes are noted in their order"
        );
        self.uncommitted.push_back((token, changes));
    }

    /// The write `token` is committed.
    pub(super) fn commit(&mut self, token: WriteToken) {
        let index = self.uncommitted.iter().position(|(t, _)| *t == token);
        let Some((_, changes)) = index.and_then(|index| self.uncommitted.remove(index)) else {
            return;
        };
        for (place, entry) in changes {
            match entry {
                Some(entry) => self.put(place, entry),
                None => self.delete(&place),
            }
        }
    }

    /// The write `token` changes nothing.
    pub(super) fn roll_back(&mut self, token: WriteToken) {
        self.uncommitted.retain(|(written, _)| *written != token);
    }

    /// `entry` is committed.
    pub(super) fn put(&mut self, place: Place, entry: OffsetEntry) {
        let (topic, partition) = place;
        self.committed
            .entry(topic)
            .or_default()
            .insert(partition, entry);
    }

    /// The offset is deleted, and what transactions would make of it.
    pub(super) fn delete(&mut self, place: &Place) {
        if let Some(partitions) = self.committed.get_mut(&place.0) {
            partitions.remove(&place.1);
            if partitions.is_empty() {
                self.committed.remove(&place.0);
            }
        }
        for places in self.transactional.values_mut() {
            places.remove(place);
        }
        self.transactional.retain(|_, places| !places.is_empty());
    }

    /// `entry` becomes the offset if the transaction of `producer_id` is committed.
    pub(super) fn put_transactional(
        &mut self,
        producer_id: ProducerId,
        place: Place,
        entry: OffsetEntry,
    ) {
        let places = self.transactional.entry(producer_id).or_default();
        places.insert(place, entry);
    }

    /// The transaction of `producer_id` has ended.
    pub(super) fn end_transaction(&mut self, producer_id: ProducerId, is_committed: bool) {
        let Some(places) = self.transactional.remove(&producer_id) else {
            return;
        };
        if !is_committed {
            return;
        }
        for (place, entry) in places {
            let current = self.find(&place.0, place.1);
            if current.is_none_or(|current| current.position < entry.position) {
                self.put(place, entry);
            }
        }
    }

    /// Whatever must hold between two calls.
    pub(super) fn check(&self) {
        assert!(
            self.committed
                .values()
                .all(|partitions| !partitions.is_empty()),
            "a topic without offsets is not remembered"
        );
        let tokens = self.uncommitted.iter().map(|(token, _)| *token);
        assert!(tokens.is_sorted(), "writes stand in their order");
    }
}
