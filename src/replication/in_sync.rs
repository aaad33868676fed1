//! The in-sync set as its leader knows it: what the controller has decided, and the one change that
//! the leader has proposed (KIP-497).
//!
//! Nobody knows what became of a proposal before the cluster's metadata or an answer tells. Until
//! then every replica that is in sync by either set counts as such.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::model::{BrokerId, ErrorCode, LeaderEpoch};
use crate::stdx::Instant;

/// A proposal that failed is not made again before this: the controller may have just moved, and
/// Apache Kafka's brokers wait as long.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// Tells one proposal of a leader from the others.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct ProposalNumber(pub u64);

/// A change of the in-sync set that the controller is asked for (AlterPartition).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IsrProposal {
    /// Which one.
    pub number: ProposalNumber,
    /// The proposing leader's epoch.
    pub leader_epoch: LeaderEpoch,
    /// The registration of the partition that is to be changed.
    pub partition_epoch: i32,
    /// The new set, each with the registration of its broker; `None` where that is not known, or is
    /// the leader itself.
    pub isr: Vec<(BrokerId, Option<i64>)>,
    /// True if it is larger than the set before.
    pub is_expansion: bool,
}

/// What became of a proposal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum IsrOutcome {
    /// The partition's registration is now this one.
    Accepted {
        /// The leader's epoch.
        leader_epoch: LeaderEpoch,
        /// How often the registration changed.
        partition_epoch: i32,
        /// The replicas in sync.
        isr: Vec<BrokerId>,
    },
    /// The controller refused it.
    Refused(ErrorCode),
    /// Nobody answered; it may have been accepted.
    Unanswered,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// To be sent, not before this.
    Due(Instant),
    /// Sent.
    Asked,
    /// Refused for a reason that only a newer registration of the partition can resolve.
    AwaitsImage,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Pending {
    proposal: IsrProposal,
    stage: Stage,
}

/// The in-sync set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct InSync {
    committed: BTreeSet<BrokerId>,
    partition_epoch: i32,
    pending: Option<Pending>,
    proposals_count: u64,
    /// After a refusal nothing is proposed before this.
    resume_at: Option<Instant>,
}

impl InSync {
    pub(super) fn new(isr: impl IntoIterator<Item = BrokerId>, partition_epoch: i32) -> Self {
        Self {
            committed: isr.into_iter().collect(),
            partition_epoch,
            pending: None,
            proposals_count: 0,
            resume_at: None,
        }
    }

    /// What the controller has decided.
    pub(super) const fn committed(&self) -> &BTreeSet<BrokerId> {
        &self.committed
    }

    /// True if `replica` is in sync by what is known or by what may be true.
    pub(super) fn may_contain(&self, replica: BrokerId) -> bool {
        let proposed = self.pending.iter().flat_map(|one| &one.proposal.isr);
        self.committed.contains(&replica) || { proposed }.any(|(member, _)| *member == replica)
    }

    /// True if a change may be proposed.
    pub(super) fn is_settled(&self, now: Instant) -> bool {
        self.pending.is_none() && self.resume_at.is_none_or(|at| at <= now)
    }

    /// Propose a change, of which there must be none under way.
    pub(super) fn propose(
        &mut self,
        now: Instant,
        leader_epoch: LeaderEpoch,
        isr: Vec<(BrokerId, Option<i64>)>,
    ) {
        assert!(self.pending.is_none(), "one change is proposed at a time");
        self.proposals_count += 1;
        let proposal = IsrProposal {
            number: ProposalNumber(self.proposals_count),
            leader_epoch,
            partition_epoch: self.partition_epoch,
            is_expansion: isr.len() > self.committed.len(),
            isr,
        };
        let stage = Stage::Due(now);
        self.pending = Some(Pending { proposal, stage });
    }

    /// The proposal to send now.
    pub(super) fn next_proposal(&mut self, now: Instant) -> Option<IsrProposal> {
        let pending = self.pending.as_mut()?;
        match pending.stage {
            Stage::Due(at) if at <= now => {
                pending.stage = Stage::Asked;
                Some(pending.proposal.clone())
            }
            _ => None,
        }
    }

    /// When a proposal is to be sent.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        match self.pending.as_ref()?.stage {
            Stage::Due(at) => Some(at),
            Stage::Asked | Stage::AwaitsImage => None,
        }
    }

    /// The registration of the partition, of the same leader epoch. False if it is not news.
    pub(super) fn on_registration(&mut self, isr: &[BrokerId], partition_epoch: i32) -> bool {
        if partition_epoch <= self.partition_epoch {
            return false;
        }
        self.committed = isr.iter().copied().collect();
        self.partition_epoch = partition_epoch;
        // Accepted or not, the controller would refuse it from here on.
        self.pending = None;
        true
    }

    /// What became of a proposal.
    pub(super) fn on_outcome(
        &mut self,
        now: Instant,
        number: ProposalNumber,
        leader_epoch: LeaderEpoch,
        outcome: &IsrOutcome,
    ) {
        let is_current = |pending: &&mut Pending| pending.proposal.number == number;
        let Some(pending) = self.pending.as_mut().filter(is_current) else {
            return;
        };
        match outcome {
            IsrOutcome::Accepted {
                leader_epoch: accepted_in,
                partition_epoch,
                isr,
            } if *accepted_in == leader_epoch => {
                if !self.on_registration(isr, *partition_epoch) {
                    // The same set as before.
                    self.pending = None;
                }
            }
            // It is not proposed again as it was, and nothing of it is true: the registration that
            // it would have changed is as it was.
            IsrOutcome::Refused(ErrorCode::IneligibleReplica) => {
                self.pending = None;
                self.resume_at = Some(now + RETRY_PAUSE);
            }
            IsrOutcome::Accepted { .. }
            | IsrOutcome::Refused(
                ErrorCode::FencedLeaderEpoch
                | ErrorCode::InvalidUpdateVersion
                | ErrorCode::UnknownTopicOrPartition
                | ErrorCode::UnknownTopicId
                | ErrorCode::NewLeaderElected
                | ErrorCode::InvalidRequest,
            ) => pending.stage = Stage::AwaitsImage,
            IsrOutcome::Refused(_) | IsrOutcome::Unanswered => {
                pending.stage = Stage::Due(now + RETRY_PAUSE);
            }
        }
    }
}
