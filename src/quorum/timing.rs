//! How often a leader was elected, and how long that took, as far as this node has seen it.

use std::time::Duration;

use crate::model::{BrokerId, LeaderEpoch};
use crate::stdx::Instant;

use super::core::Quorum;
use super::raft::{Raft, Role};

/// The elections that this node has seen.
#[derive(Debug, Default)]
pub(super) struct Elections {
    /// Since when it, or another one, is to be elected, while it stands.
    began_at: Option<Instant>,
    /// How long those took that nobody has asked for yet.
    times: Vec<Duration>,
    /// Who was elected last, and how many were.
    last: Option<(LeaderEpoch, BrokerId)>,
    count: u64,
}

impl Elections {
    /// The node is in this role, and may know who leads.
    pub(super) fn note(&mut self, now: Instant, raft: &Raft) {
        if matches!(raft.role(), Role::Prospective(_) | Role::Candidate(_)) {
            self.began_at.get_or_insert(now);
        }
        let Some(leader) = raft.leader() else {
            return;
        };
        let elected = Some((raft.epoch(), leader));
        if self.last == elected {
            return;
        }
        self.last = elected;
        self.count += 1;
        if let Some(began_at) = self.began_at.take() {
            self.times.push(now.saturating_since(began_at));
        }
    }
}

impl Quorum {
    /// Note what the machine has come to.
    pub(super) fn note_election(&mut self, now: Instant) {
        if let Some(raft) = &self.raft {
            self.elections.note(now, raft);
        }
    }

    /// How long the elections took that ended since this was asked last, and in which this node
    /// stood: from when it first asked for votes until it knew who leads.
    pub fn take_election_times(&mut self) -> Vec<Duration> {
        std::mem::take(&mut self.elections.times)
    }

    /// How often this node has learned of a leader that was elected.
    #[must_use]
    pub const fn leader_changes(&self) -> u64 {
        self.elections.count
    }
}
