//! What the nodes of a cluster have to agree on, seen from above all of them: no client could tell.
//!
//! The world shows what each node believes after each of its turns. What a node believed counts for
//! good, also when it is gone: two leaders of one epoch need not live at the same time.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::metadata::{BrokerRegistration, MetadataImage, PartitionRegistration};
use crate::model::{BrokerId, LeaderEpoch, Offset, TopicIdPartition};
use crate::shard::ReplicaView;

use super::oracle::{Rule, Violation};
use super::reached::{Reached, ReachedCounts};

/// The replicas in sync that topics of a cluster ask for.
pub const IN_SYNC_MIN: usize = 2;

/// What was seen of all nodes so far.
#[derive(Debug, Default)]
pub struct Agreement {
    leaders: BTreeMap<(TopicIdPartition, LeaderEpoch), BrokerId>,
    quorum_leaders: BTreeMap<LeaderEpoch, BrokerId>,
    /// The epoch and the high watermark of each replica, by the life of its broker.
    watermarks: BTreeMap<(BrokerId, u64, TopicIdPartition), (LeaderEpoch, Offset)>,
    /// The epochs of the leaders that appended records which somebody held for committed, by their
    /// offsets: with one leader in an epoch, logs are the same up to where they agree in that.
    committed: BTreeMap<TopicIdPartition, BTreeMap<Offset, LeaderEpoch>>,
    /// What somebody knew of the cluster, by how far in the metadata log that was.
    images: BTreeMap<Offset, Arc<MetadataImage>>,
    reached: ReachedCounts,
    facts: u64,
}

impl Agreement {
    /// What the cluster came to.
    #[must_use]
    pub const fn reached(&self) -> &ReachedCounts {
        &self.reached
    }

    /// The cluster came to it once more.
    pub fn note(&mut self, what: Reached) {
        self.reached.add(what);
    }

    /// How many facts were checked.
    #[must_use]
    pub const fn facts(&self) -> u64 {
        self.facts
    }

    /// A replica of `node`, in this life of its broker. True if its high watermark moved.
    ///
    /// # Errors
    /// Another node leads in this epoch, too, or the high watermark went back within one.
    pub fn on_replica(
        &mut self,
        (node, life): (BrokerId, u64),
        replica: &ReplicaView,
    ) -> Result<bool, Violation> {
        let ReplicaView {
            partition,
            epoch,
            high_watermark,
            leads,
            ..
        } = *replica;
        let seen = self
            .watermarks
            .insert((node, life, partition), (epoch, high_watermark));
        if seen == Some((epoch, high_watermark)) {
            return Ok(false);
        }
        self.facts += 1;
        if let Some((_, before)) = seen.filter(|(before, _)| *before == epoch)
            && before > high_watermark
        {
            return Err(Violation {
                rule: Rule::HighWatermarkStays,
                what: format!(
                    "{partition:?} on {node} in epoch {epoch}: from {before} to {high_watermark}"
                ),
            });
        }
        let known = self.leaders.get(&(partition, epoch));
        let leader = known.copied().filter(|_| leads).unwrap_or(node);
        if leads {
            self.leaders.insert((partition, epoch), leader);
        }
        if leader != node {
            return Err(Violation {
                rule: Rule::OneLeaderPerEpoch,
                what: format!("{partition:?} in epoch {epoch}: {leader} and {node} lead"),
            });
        }
        Ok(true)
    }

    /// The last record of a replica of `node` that it holds for committed was appended by the
    /// leader of `epoch`.
    ///
    /// # Errors
    /// Another replica has another record there, now or before.
    pub fn on_committed(
        &mut self,
        node: BrokerId,
        replica: &ReplicaView,
        epoch: LeaderEpoch,
    ) -> Result<(), Violation> {
        self.facts += 1;
        let last = replica.high_watermark - 1;
        let known = self.committed.entry(replica.partition).or_default();
        let before = known.range(..=last).next_back();
        let after = known.range(last..).next();
        let is_wrong = before
            .is_some_and(|(at, known)| *known > epoch || *at == last && *known != epoch)
            || after.is_some_and(|(_, known)| *known < epoch);
        if is_wrong {
            return Err(Violation {
                rule: Rule::LogsAreEqual,
                what: format!(
                    "{:?} at {last}: {node} has a record of epoch {epoch}, known are {before:?} \
                     and {after:?}",
                    replica.partition
                ),
            });
        }
        known.insert(last, epoch);
        Ok(())
    }

    /// A replica leads with this high watermark, and this one of another broker is in sync.
    ///
    /// # Errors
    /// It has not all that is committed, or a crash could take some of that.
    pub fn on_in_sync(
        &mut self,
        leader: &ReplicaView,
        (node, follower): (BrokerId, &ReplicaView),
    ) -> Result<(), Violation> {
        // One that has moved on to another epoch knows better what is committed.
        if follower.epoch != leader.epoch || follower.safe_end_offset >= leader.high_watermark {
            self.facts += 1;
            return Ok(());
        }
        Err(Violation {
            rule: Rule::InSyncReplicasHaveAll,
            what: format!(
                "{:?} in epoch {}: {} is committed, but {node} has synced up to {} only",
                leader.partition, leader.epoch, leader.high_watermark, follower.safe_end_offset
            ),
        })
    }

    /// A node leads the metadata quorum in this epoch.
    ///
    /// # Errors
    /// Another node does, too.
    pub fn on_quorum_leader(
        &mut self,
        node: BrokerId,
        epoch: LeaderEpoch,
    ) -> Result<(), Violation> {
        let leader = *self.quorum_leaders.entry(epoch).or_insert_with(|| {
            self.facts += 1;
            self.reached.add(Reached::QuorumElection);
            node
        });
        if leader == node {
            return Ok(());
        }
        Err(Violation {
            rule: Rule::OneLeaderPerEpoch,
            what: format!("the metadata quorum in epoch {epoch}: {leader} and {node} lead"),
        })
    }

    /// A node shows this of the cluster.
    ///
    /// # Errors
    /// Another node showed something else at the same place of the metadata log.
    pub fn on_image(
        &mut self,
        node: BrokerId,
        image: &Arc<MetadataImage>,
    ) -> Result<(), Violation> {
        self.facts += 1;
        let Some(other) = self.images.get(&image.end_offset) else {
            let newest = self
                .images
                .last_key_value()
                .map(|(_, newest)| Arc::clone(newest));
            self.images.insert(image.end_offset, Arc::clone(image));
            if let Some(before) = newest.filter(|newest| newest.end_offset < image.end_offset) {
                self.count_changes(&before, image);
            }
            return Ok(());
        };
        if Arc::ptr_eq(other, image) || other == image {
            return Ok(());
        }
        Err(Violation {
            rule: Rule::ImagesAreEqual,
            what: format!(
                "at {} {node} shows {}",
                image.end_offset,
                first_difference(other, image)
            ),
        })
    }

    /// What changed in the newest image that there is.
    fn count_changes(&mut self, before: &MetadataImage, after: &MetadataImage) {
        for (id, topic) in before.topics.iter() {
            let Some(now) = after.topics.get(id) else {
                self.reached.add(Reached::TopicDeleted);
                continue;
            };
            for (index, then) in topic.partitions.iter() {
                if let Some(now) = now.partitions.get(index).filter(|now| *now != then) {
                    self.count_change(then, now);
                }
            }
        }
        for (id, then) in before.brokers.iter() {
            if let Some(now) = after.brokers.get(id).filter(|now| *now != then) {
                self.count_broker(then, now);
            }
        }
    }

    fn count_change(&mut self, then: &PartitionRegistration, now: &PartitionRegistration) {
        let lacks = |one: &PartitionRegistration| one.isr.len() < IN_SYNC_MIN;
        let is_elected = now.leader.is_some() && now.leader != then.leader;
        let is_done = then.is_reassigned() && !now.is_reassigned();
        for (what, is_so) in [
            (Reached::PartitionElection, is_elected),
            (
                Reached::NoLeader,
                then.leader.is_some() && now.leader.is_none(),
            ),
            (Reached::Shrunk, now.isr.len() < then.isr.len()),
            (Reached::Expanded, now.isr.len() > then.isr.len()),
            (Reached::UnderMinimum, lacks(now) && !lacks(then)),
            (Reached::Reassigned, is_done),
        ] {
            if is_so {
                self.reached.add(what);
            }
        }
    }

    fn count_broker(&mut self, then: &BrokerRegistration, now: &BrokerRegistration) {
        for (what, is_so) in [
            (Reached::Fenced, now.fenced && !then.fenced),
            (Reached::Unfenced, then.fenced && !now.fenced),
            (
                Reached::ControlledShutdown,
                now.in_controlled_shutdown && !then.in_controlled_shutdown,
            ),
        ] {
            if is_so {
                self.reached.add(what);
            }
        }
    }
}

/// In what two images differ, for whoever looks for the reason.
fn first_difference(one: &MetadataImage, other: &MetadataImage) -> String {
    let parts = [
        ("epoch", one.epoch == other.epoch),
        ("timestamp", one.timestamp_ms == other.timestamp_ms),
        ("cluster id", one.cluster_id == other.cluster_id),
        ("kraft.version", one.kraft_version == other.kraft_version),
        ("features", one.features == other.features),
        ("brokers", one.brokers == other.brokers),
        ("controllers", one.controllers == other.controllers),
        ("topics", one.topics == other.topics),
        ("topic ids", one.topic_ids == other.topic_ids),
        ("configs", one.configs == other.configs),
        (
            "producer ids",
            one.next_producer_id == other.next_producer_id,
        ),
        ("acls", one.acls == other.acls),
        ("kept records", one.kept_records == other.kept_records),
    ];
    let others: Vec<&str> = parts
        .iter()
        .filter(|(_, is_equal)| !is_equal)
        .map(|(name, _)| *name)
        .collect();
    format!("other {}: {one:?} and {other:?}", others.join(", "))
}
