//! What leaders have to do by the clock, and the changes of in-sync sets that they propose.
//!
//! The controller is asked through shard 0, for all partitions of a turn at once. Nobody waits for
//! the answer: that a change was made the cluster image tells as well.

use std::collections::BTreeSet;

use crate::metrics::MetricId;
use crate::model::ShardId;
use crate::replication::IsrOutcome;
use crate::stdx::{Instant, Now};

use super::Effects;
use super::core::Shard;
use super::message::{DecidedIsr, Message, ProposedIsr};
use super::partition::Partition;

/// When which leader of this shard has something to do, and what leaders propose.
#[derive(Debug, Default)]
pub struct Leading {
    /// The places of partitions, by when they are to be looked at.
    due: BTreeSet<(Instant, u32)>,
    proposed: Vec<ProposedIsr>,
}

impl Leading {
    /// When the first partition is to be looked at.
    pub fn next_deadline(&self) -> Instant {
        self.due.first().map_or(Instant::MAX, |(due, _)| *due)
    }

    /// Something happened to the partition in `slot`.
    pub fn note(&mut self, now: Now, slot: u32, partition: &mut Partition) {
        let appends_due = partition.waiting_appends.next_deadline();
        let appends_due = (appends_due < Instant::MAX).then_some(appends_due);
        let mut due = appends_due
            .into_iter()
            .chain(partition.deletions_due())
            .min();
        let id = partition.id;
        if let Some(leader) = partition.role.leader_mut() {
            let proposal = leader.next_proposal(now.instant);
            let proposed = |proposal| ProposedIsr {
                partition: id,
                proposal,
            };
            self.proposed.extend(proposal.map(proposed));
            due = due.into_iter().chain(leader.next_deadline()).min();
        }
        let before = std::mem::replace(&mut partition.leading_due, due);
        if before != due {
            self.forget(slot, before);
            self.due.extend(due.map(|due| (due, slot)));
        }
    }

    /// The partition in `slot`, for which this was noted last, is gone.
    pub fn forget(&mut self, slot: u32, noted: Option<Instant>) {
        if let Some(due) = noted {
            self.due.remove(&(due, slot));
        }
    }
}

impl Shard {
    /// Leaders look who fell behind, and for how long producers wait. What follows from it comes
    /// with the flush of the turn.
    pub(super) fn look_at_followers(&mut self, now: Now) {
        let due = self.leading.due.iter();
        let due: Vec<u32> = due
            .take_while(|(due, _)| *due <= now.instant)
            .map(|(_, slot)| *slot)
            .collect();
        for slot in due {
            let partition = self.partitions.touch(slot);
            let leader = partition.and_then(|partition| partition.role.leader_mut());
            if let Some(leader) = leader {
                leader.on_time(now.instant);
            }
        }
    }

    /// Send what leaders propose.
    pub(super) fn post_proposals(&mut self, effects: &mut Effects) {
        let proposed = std::mem::take(&mut self.leading.proposed);
        if !proposed.is_empty() {
            effects.post(ShardId(0), Message::ProposeIsr(proposed));
        }
    }

    /// The controller has decided on what a leader here proposed, or cannot be asked.
    pub(super) fn on_isr_decided(&mut self, now: Now, decided: Vec<DecidedIsr>) {
        for one in decided {
            if matches!(one.outcome, IsrOutcome::Accepted { .. }) {
                let counted = match one.is_expansion {
                    true => MetricId::IsrExpands,
                    false => MetricId::IsrShrinks,
                };
                self.meter.metrics.add(counted, 1);
            }
            if matches!(one.outcome, IsrOutcome::Refused(_)) {
                self.meter.metrics.add(MetricId::IsrUpdateFailures, 1);
            }
            let slot = self.partitions.slot_of(one.partition);
            let Some(slot) = slot else { continue };
            let partition = self
                .partitions
                .touch(slot)
                .expect("the slot was just found");
            if let Some(leader) = partition.role.leader_mut()
                && leader.epoch() == one.leader_epoch
            {
                leader.on_outcome(now.instant, one.number, &one.outcome);
            }
        }
    }
}
