//! The leader's view of one partition.

use crate::model::{ErrorCode, LeaderEpoch, Offset};

/// The leader's view of one partition whose in-sync set is the leader alone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Leader {
    epoch: LeaderEpoch,
    high_watermark: Offset,
}

impl Leader {
    /// A leader of `epoch` whose log is safe up to `safe_end_offset`.
    #[must_use]
    pub const fn new(epoch: LeaderEpoch, safe_end_offset: Offset) -> Self {
        Self {
            epoch,
            high_watermark: safe_end_offset,
        }
    }

    /// How many replicas are in sync, the leader among them: itself alone.
    #[must_use]
    pub const fn in_sync_replicas(&self) -> usize {
        1
    }

    /// The leader epoch.
    #[must_use]
    pub const fn epoch(&self) -> LeaderEpoch {
        self.epoch
    }

    /// Everything below it is safe on every in-sync replica; consumers see no further.
    #[must_use]
    pub const fn high_watermark(&self) -> Offset {
        self.high_watermark
    }

    /// The leader's own log is safe up to `safe_end_offset`. True if the high watermark moved.
    pub fn on_safe(&mut self, safe_end_offset: Offset) -> bool {
        let moved = safe_end_offset > self.high_watermark;
        self.high_watermark = self.high_watermark.max(safe_end_offset);
        moved
    }

    /// Compare the epoch that a client believes in with the real one (KIP-320).
    ///
    /// # Errors
    /// `FENCED_LEADER_EPOCH` if the client is behind, `UNKNOWN_LEADER_EPOCH` if it is ahead.
    pub const fn check_epoch(&self, current: Option<LeaderEpoch>) -> Result<(), ErrorCode> {
        match current {
            Some(epoch) if epoch < self.epoch => Err(ErrorCode::FencedLeaderEpoch),
            Some(epoch) if epoch > self.epoch => Err(ErrorCode::UnknownLeaderEpoch),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_watermark_follows_what_is_safe_and_never_goes_back() {
        let mut leader = Leader::new(3, 10);
        assert!(!leader.on_safe(10));
        assert!(leader.on_safe(15));
        assert!(!leader.on_safe(12));
        assert_eq!(leader.high_watermark(), 15);
    }

    #[test]
    fn a_client_with_another_epoch_is_told_which_side_is_behind() {
        let leader = Leader::new(3, 0);
        assert_eq!(leader.check_epoch(None), Ok(()));
        assert_eq!(leader.check_epoch(Some(3)), Ok(()));
        assert_eq!(
            leader.check_epoch(Some(2)),
            Err(ErrorCode::FencedLeaderEpoch)
        );
        assert_eq!(
            leader.check_epoch(Some(4)),
            Err(ErrorCode::UnknownLeaderEpoch)
        );
    }
}
