//! What a shard believes of its cluster, for the simulator's oracle, which compares it with what
//! other nodes believe. Nothing is changed by it.

use std::sync::Arc;

use crate::metadata::MetadataImage;
use crate::model::{BrokerId, LeaderEpoch, Offset, TopicIdPartition};
use crate::replication::Role;

use super::core::Shard;
use super::partition::{Partition, PartitionState};

/// A replica that is open.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReplicaView {
    /// Of which partition.
    pub partition: TopicIdPartition,
    /// The leader epoch.
    pub epoch: LeaderEpoch,
    /// True if it leads in this epoch.
    pub leads: bool,
    /// Everything below is committed, as far as is known here.
    pub high_watermark: Offset,
    /// Everything below survives a crash.
    pub safe_end_offset: Offset,
}

impl ReplicaView {
    fn new(partition: &Partition) -> Self {
        Self {
            partition: partition.id,
            epoch: partition.role.epoch(),
            leads: matches!(partition.role, Role::Leader(_)),
            high_watermark: partition.role.high_watermark(),
            safe_end_offset: partition.safe_end_offset(true),
        }
    }
}

impl Shard {
    /// The replicas here that are open.
    pub fn replicas(&self) -> impl Iterator<Item = ReplicaView> {
        let all = self.partitions.iter().map(|(_, partition)| partition);
        let open = all.filter(|partition| partition.state == PartitionState::Open);
        open.map(ReplicaView::new)
    }

    /// The replica of `partition` here, if it is open.
    #[must_use]
    pub fn replica(&self, partition: TopicIdPartition) -> Option<ReplicaView> {
        let partition = self.partitions.find(partition)?;
        (partition.state == PartitionState::Open).then(|| ReplicaView::new(partition))
    }

    /// The other brokers whose replicas of `partition` are in sync, if it is led here.
    #[must_use]
    pub fn in_sync_of(&self, partition: TopicIdPartition) -> Vec<BrokerId> {
        let found = self.partitions.find(partition);
        let Some(leader) = found.and_then(|found| found.role.leader()) else {
            return Vec::new();
        };
        let followers = leader.followers();
        followers.filter(|id| leader.is_in_sync(*id)).collect()
    }

    /// The epoch of the leader that appended the last record of `partition` that is committed as
    /// far as is known here; `None` if there is none, or the log does not begin before it. Nor is
    /// it known of a compacted log: a follower takes an epoch to begin with the first of its
    /// records that the leader still has.
    #[must_use]
    pub fn committed_epoch(&self, partition: TopicIdPartition) -> Option<LeaderEpoch> {
        let partition = self.partitions.find(partition)?;
        let (log, last) = (&partition.log, partition.role.high_watermark() - 1);
        if log.log_start_offset() > last || log.config().cleanup_policy.compact {
            return None;
        }
        log.epoch_of(last)
    }

    /// What is known here of the cluster.
    #[must_use]
    pub const fn image(&self) -> &Arc<MetadataImage> {
        &self.image
    }

    /// The epoch in which this node leads the metadata quorum, if it does.
    #[must_use]
    pub fn led_quorum_epoch(&self) -> Option<LeaderEpoch> {
        self.controller.as_ref()?.led_quorum_epoch()
    }
}
