//! What other nodes ask about elections.

use crate::model::{BrokerId, LeaderEpoch};

use super::super::request::ReplicaKey;
use super::state::{Raft, Role, is_same, is_up_to_date};
use super::vocabulary::{EpochAnswer, LogView, Output, Refusal, Timer, VoteAnswer, VoteAsk};

impl Raft {
    /// Another node wants to lead, or to know whether it could.
    pub fn on_vote(&mut self, ask: &VoteAsk, log: &impl LogView) -> VoteAnswer {
        let refused = |raft: &Self, refusal| VoteAnswer {
            known: raft.told(Some(refusal)),
            is_granted: false,
        };
        if ask.epoch < self.epoch() {
            return refused(self, Refusal::FencedEpoch);
        }
        if !self.is_meant(ask.voter) {
            return refused(self, Refusal::InvalidVoterKey);
        }
        if ask.candidate.id == self.me.id {
            // A node that has this one's number.
            return VoteAnswer {
                known: self.told(None),
                is_granted: false,
            };
        }
        if ask.epoch > self.epoch() {
            self.become_unattached(ask.epoch, log);
        }
        let is_granted = if ask.is_pre_vote {
            self.would_vote(ask, log)
        } else {
            self.vote(ask, log)
        };
        VoteAnswer {
            known: self.told(None),
            is_granted,
        }
    }

    fn is_meant(&self, voter: Option<ReplicaKey>) -> bool {
        voter.is_none_or(|voter| is_same(&voter, &self.me))
    }

    /// Whoever hears of a leader needs no other.
    fn would_vote(&self, ask: &VoteAsk, log: &impl LogView) -> bool {
        let has_leader = match self.role {
            Role::Leader(_) => true,
            Role::Follower { has_fetched } => has_fetched,
            _ => false,
        };
        !has_leader && is_up_to_date(ask.end, log.end())
    }

    fn vote(&mut self, ask: &VoteAsk, log: &impl LogView) -> bool {
        if !matches!(self.role, Role::Unattached | Role::Prospective(_)) {
            return self.election.voted == Some(ask.candidate) && !self.is_leader();
        }
        if let Some(voted) = self.election.voted {
            return voted == ask.candidate;
        }
        if self.election.leader_id.is_some() || !is_up_to_date(ask.end, log.end()) {
            return false;
        }
        self.election.voted = Some(ask.candidate);
        self.leave_role(Role::Unattached);
        self.persist();
        self.seek_leader(log);
        true
    }

    /// Another node says that it leads.
    pub fn on_begin_epoch(
        &mut self,
        leader: BrokerId,
        epoch: LeaderEpoch,
        voter: Option<ReplicaKey>,
        log: &impl LogView,
    ) -> EpochAnswer {
        if epoch < self.epoch() {
            return self.told(Some(Refusal::FencedEpoch));
        }
        if !self.is_meant(voter) {
            return self.told(Some(Refusal::InvalidVoterKey));
        }
        if leader == self.me.id {
            return self.told_of_itself(epoch);
        }
        if epoch == self.epoch() {
            match self.election.leader_id {
                Some(known) if known != leader => return self.told(Some(Refusal::Invalid)),
                Some(_) if matches!(self.role, Role::Follower { .. }) => return self.told(None),
                _ => {}
            }
        }
        self.become_follower(leader, epoch, log);
        self.told(None)
    }

    /// Another node says of this one that it leads, or did: it knows better.
    fn told_of_itself(&self, epoch: LeaderEpoch) -> EpochAnswer {
        let is_known = self.is_leader() && epoch == self.epoch();
        self.told((!is_known).then_some(Refusal::Invalid))
    }

    /// The leader says that it leads no more.
    pub fn on_end_epoch(
        &mut self,
        leader: BrokerId,
        epoch: LeaderEpoch,
        successors: &[ReplicaKey],
        log: &impl LogView,
    ) -> EpochAnswer {
        if epoch < self.epoch() {
            return self.told(Some(Refusal::FencedEpoch));
        }
        if leader == self.me.id {
            return self.told_of_itself(epoch);
        }
        if epoch > self.epoch() {
            self.become_unattached(epoch, log);
        }
        match self.election.leader_id {
            Some(known) if known != leader => return self.told(Some(Refusal::Invalid)),
            _ => {}
        }
        if self.may_stand() && matches!(self.role, Role::Follower { .. } | Role::Unattached) {
            let is_first = successors
                .first()
                .is_some_and(|first| is_same(first, &self.me));
            if is_first {
                self.become_prospective(log);
            } else {
                // The first of them is given the time of an election.
                self.leave_role(Role::Unattached);
                self.push(Output::Start(Timer::Election));
            }
        }
        self.told(None)
    }
}
