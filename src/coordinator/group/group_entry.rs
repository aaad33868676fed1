//! One group: who is in it, what it has committed, and whether it exists.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::model::TimestampMs;

use super::kept::KeptGroup;
use super::membership::{GroupState, Membership};
use super::offsets::GroupOffsets;
use super::{GroupId, WriteToken};

/// A group.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) id: GroupId,
    pub(super) membership: Membership,
    pub(super) offsets: GroupOffsets,
    /// The records of a group that follows another protocol.
    pub(super) kept: Option<KeptGroup>,
    existence: Existence,
}

/// Whether a group exists, for readers (what is committed) and for writers (what is written).
#[derive(Clone, Debug, Default)]
struct Existence {
    committed: bool,
    /// What writes that are on their way make of it, in their order.
    uncommitted: VecDeque<(WriteToken, bool)>,
}

impl Group {
    /// A group that does not exist yet.
    pub(super) fn new(id: &str, now_ms: Option<TimestampMs>) -> Self {
        Self {
            id: Arc::from(id),
            membership: Membership::new(now_ms),
            offsets: GroupOffsets::default(),
            kept: None,
            existence: Existence::default(),
        }
    }

    /// True if readers see the group.
    pub(super) const fn is_committed(&self) -> bool {
        self.existence.committed
    }

    /// True if writers see the group.
    pub(super) fn is_written(&self) -> bool {
        let last = self.existence.uncommitted.back();
        last.map_or(self.existence.committed, |(_, exists)| *exists)
    }

    /// The write `token`, just begun, leaves the group there, or not.
    pub(super) fn note_write(&mut self, token: WriteToken, exists: bool) {
        let existence = &mut self.existence;
        if !existence.uncommitted.is_empty() || existence.committed != exists {
            existence.uncommitted.push_back((token, exists));
        }
    }

    /// The write `token` is committed.
    pub(super) fn commit(&mut self, token: WriteToken) {
        self.offsets.commit(token);
        while let Some((written, exists)) = self.existence.uncommitted.front().copied() {
            if written > token {
                break;
            }
            // Offsets that a failed write was to delete keep the group alive, as in a replay.
            self.existence.committed = exists || self.offsets.has_committed();
            self.existence.uncommitted.pop_front();
        }
    }

    /// The write `token` has failed: what it changed is as before.
    pub(super) fn roll_back(&mut self, token: WriteToken) {
        self.offsets.roll_back(token);
        self.existence
            .uncommitted
            .retain(|(written, _)| *written != token);
    }

    /// True if a write on its way has begun the group anew.
    pub(super) fn is_begun_anew(&self) -> bool {
        !self.existence.uncommitted.is_empty()
    }

    /// The group was found in the log, or its tombstone.
    pub(super) fn set_replayed(&mut self, exists: bool) {
        self.existence.committed = exists;
    }

    /// True if nothing is left of the group, so that it need not be remembered.
    pub(super) fn is_forgettable(&self) -> bool {
        !self.existence.committed
            && self.existence.uncommitted.is_empty()
            && self.kept.is_none()
            && self.offsets.is_empty()
            && self.membership.is_vacant()
            && self.membership.state == GroupState::Empty
    }

    /// True if no member holds the group, whatever its protocol.
    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_some() || self.membership.state == GroupState::Empty
    }

    /// Whatever must hold between two calls.
    pub(super) fn check(&self) {
        self.membership.check();
        self.offsets.check();
        if self.kept.is_some() {
            assert!(
                self.membership.is_vacant(),
                "members of two protocols are not mixed"
            );
        }
        if !self.is_written() {
            assert!(
                self.membership.is_vacant(),
                "a group that does not exist has no members"
            );
        }
        assert!(!self.is_forgettable(), "what is over is forgotten");
    }
}
