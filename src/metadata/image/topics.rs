//! Topics and where their partitions are.

use std::sync::Arc;

use crate::model::{BrokerId, LeaderEpoch, PartitionIndex, Uuid};

use crate::stdx::SharedMap;

/// In the place of a directory's id: the broker has not chosen one yet (KIP-858).
pub(crate) const DIRECTORY_UNASSIGNED: Uuid =
    Uuid::from_bytes([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);

/// The value of a change's leader that leaves the leader as it is.
pub(crate) const NO_LEADER_CHANGE: BrokerId = -2;

/// True if `directory` is the id of one: those below 100 have meanings of their own (KIP-858).
pub(crate) fn is_directory_chosen(directory: Uuid) -> bool {
    let (high, low) = directory.as_bytes().split_at(15);
    high.iter().any(|byte| *byte != 0) || low[0] >= 100
}

/// A topic.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TopicImage {
    /// The topic's name.
    pub name: Arc<str>,
    /// The topic's id.
    pub id: Uuid,
    /// Its partitions.
    pub partitions: SharedMap<PartitionIndex, Arc<PartitionRegistration>>,
}

/// Where a partition is and who leads it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PartitionRegistration {
    /// The brokers that hold it, the preferred leader first.
    pub replicas: Vec<BrokerId>,
    /// The log directory of each replica, in the order of `replicas`.
    pub directories: Vec<Uuid>,
    /// The replicas that have all that is committed.
    pub isr: Vec<BrokerId>,
    /// The replicas that a reassignment takes away.
    pub removing_replicas: Vec<BrokerId>,
    /// The replicas that a reassignment adds.
    pub adding_replicas: Vec<BrokerId>,
    /// Replicas outside of the in-sync set that may lead without loss (KIP-966).
    pub eligible_leader_replicas: Vec<BrokerId>,
    /// The eligible replicas that stopped without a clean end.
    pub last_known_elr: Vec<BrokerId>,
    /// Who leads it.
    pub leader: Option<BrokerId>,
    /// True while the leader was elected from outside of the in-sync set and has not said that it
    /// recovered (KIP-841).
    pub leader_recovering: bool,
    /// How often the leader changed.
    pub leader_epoch: LeaderEpoch,
    /// How often the registration changed.
    pub partition_epoch: i32,
}

impl PartitionRegistration {
    /// True while replicas are on their way to other brokers.
    #[must_use]
    pub const fn is_reassigned(&self) -> bool {
        !self.adding_replicas.is_empty() || !self.removing_replicas.is_empty()
    }

    /// The log directory in which `broker` keeps its replica.
    #[must_use]
    pub fn directory_of(&self, broker: BrokerId) -> Option<Uuid> {
        let index = self
            .replicas
            .iter()
            .position(|replica| *replica == broker)?;
        self.directories.get(index).copied()
    }
}
