//! Whether a replica leads or follows.

use crate::model::{ErrorCode, LeaderEpoch, Offset};

use super::follower::Follower;
use super::leader::Leader;

/// Replicas in sync that a follower takes for granted: itself, and its leader, which knows better.
const IN_SYNC_OF_FOLLOWER: usize = 2;

/// What a replica is in its partition.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Role {
    /// It takes the records of producers.
    Leader(Box<Leader>),
    /// It fetches from its leader, if there is one.
    Follower(Follower),
}

impl Role {
    /// The leader epoch.
    #[must_use]
    pub const fn epoch(&self) -> LeaderEpoch {
        match self {
            Self::Leader(leader) => leader.epoch(),
            Self::Follower(follower) => follower.epoch(),
        }
    }

    /// Everything below it is committed; consumers see no further.
    #[must_use]
    pub const fn high_watermark(&self) -> Offset {
        match self {
            Self::Leader(leader) => leader.high_watermark(),
            Self::Follower(follower) => follower.high_watermark(),
        }
    }

    /// How many replicas are in sync, as far as this one may know.
    #[must_use]
    pub fn in_sync_replicas(&self) -> usize {
        match self {
            Self::Leader(leader) => leader.in_sync_replicas(),
            Self::Follower(_) => IN_SYNC_OF_FOLLOWER,
        }
    }

    /// Compare the epoch that a client believes in with the real one (KIP-320).
    ///
    /// # Errors
    /// `FENCED_LEADER_EPOCH` if the client is behind, `UNKNOWN_LEADER_EPOCH` if it is ahead.
    pub const fn check_epoch(&self, current: Option<LeaderEpoch>) -> Result<(), ErrorCode> {
        match self {
            Self::Leader(leader) => leader.check_epoch(current),
            Self::Follower(follower) => follower.check_epoch(current),
        }
    }

    /// The leader, if the replica leads.
    #[must_use]
    pub fn leader(&self) -> Option<&Leader> {
        match self {
            Self::Leader(leader) => Some(leader),
            Self::Follower(_) => None,
        }
    }

    /// The leader, if the replica leads.
    pub fn leader_mut(&mut self) -> Option<&mut Leader> {
        match self {
            Self::Leader(leader) => Some(leader),
            Self::Follower(_) => None,
        }
    }
}
