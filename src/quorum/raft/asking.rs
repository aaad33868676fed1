//! Timers, and what other nodes answer about elections.

use crate::model::{BrokerId, LeaderEpoch};

use super::super::request::ReplicaKey;
use super::state::{Fetching, Raft, Role};
use super::vocabulary::{EpochAnswer, LogView, Output, Timer, VoteAnswer, VoteAsk};

impl Raft {
    /// The time of a timer has come.
    pub fn on_timer(&mut self, timer: Timer, log: &impl LogView) {
        match (timer, &self.role) {
            (Timer::Election, Role::Prospective(_) | Role::Candidate(_)) if !self.is_voter() => {
                // It has lost its vote, maybe: it asks for votes and who leads in turns.
                self.leave_role(Role::Unattached);
                self.seek_leader(log);
            }
            (
                Timer::Election,
                Role::Unattached | Role::Prospective(_) | Role::Candidate(_) | Role::Resigned,
            ) if self.may_stand() => self.become_prospective(log),
            (Timer::Succession, Role::Unattached) if self.is_voter() => {
                self.become_prospective(log);
            }
            (Timer::Election, Role::Resigned) => {
                // It has no vote any more, and follows whoever leads the next epoch.
                if let Some(epoch) = self.epoch().checked_add(1) {
                    self.become_unattached(epoch, log);
                }
            }
            (Timer::Fetch, Role::Follower { .. }) => {
                if self.may_stand() {
                    self.become_prospective(log);
                } else {
                    self.leave_role(Role::Unattached);
                    self.fetch(log);
                }
            }
            (Timer::CheckQuorum, Role::Leader(_)) => self.resign(),
            (Timer::BeginEpoch, Role::Leader(_)) => self.begin_epoch(),
            (Timer::Retry, _) => self.fetch(log),
            _ => {}
        }
    }

    /// What was sent to `to` cannot be answered.
    pub fn on_unreachable(&mut self, was_fetch: bool) {
        if was_fetch && matches!(self.fetching, Fetching::Asked(_)) {
            self.fetching = Fetching::Idle;
            self.push(Output::Start(Timer::Retry));
        }
    }

    /// Nobody listens where `leader` of this epoch does: its process is gone, and one that is
    /// started again does not go on leading. So nothing is waited for.
    ///
    /// A refusal may lie, as where a firewall gives it. That is safe, since a voter only asks
    /// whether it would be elected, as it does when it hears nothing for a while: no epoch begins,
    /// and those who are served by their leader say no, and name it, so that it is followed again.
    pub fn on_leader_gone(&mut self, leader: BrokerId, epoch: LeaderEpoch, log: &impl LogView) {
        let is_followed = matches!(self.role, Role::Follower { .. })
            && self.election.leader_id == Some(leader)
            && self.epoch() == epoch;
        if !is_followed {
            return;
        }
        if !self.is_voter() {
            self.leave_role(Role::Unattached);
            return self.seek_leader(log);
        }
        // All of them find it at about the same time. Who stands together is not elected.
        let left = self.voters().iter().map(|voter| voter.id);
        let first = left.filter(|id| *id != leader).min();
        if first == Some(self.me.id) {
            self.become_prospective(log);
        } else {
            self.leave_role(Role::Unattached);
            self.push(Output::Start(Timer::Succession));
        }
    }

    /// Learn of a newer epoch, or of the leader of this one; false if nothing was new.
    pub(super) fn learn(&mut self, known: EpochAnswer, log: &impl LogView) -> bool {
        if known.epoch < self.epoch() {
            return false;
        }
        match known.leader {
            Some(leader) if leader != self.me.id => {
                let is_known = known.epoch == self.epoch()
                    && (matches!(self.role, Role::Follower { .. } | Role::Leader(_))
                        || self.election.leader_id.is_some_and(|known| known != leader));
                if is_known {
                    return false;
                }
                self.become_follower(leader, known.epoch, log);
                true
            }
            _ if known.epoch > self.epoch() => {
                self.become_unattached(known.epoch, log);
                true
            }
            _ => false,
        }
    }

    /// The voter `from` has answered `asked`.
    pub fn on_vote_answer(
        &mut self,
        from: BrokerId,
        asked: &VoteAsk,
        answer: &VoteAnswer,
        log: &impl LogView,
    ) {
        // A node that asks for votes has lost its leader: it does not go back to it by hearsay
        // while the others may be about to elect it.
        let is_older = answer.known.epoch <= self.epoch();
        let is_asking = matches!(self.role, Role::Prospective(_) | Role::Candidate(_));
        if !(is_older && is_asking && answer.is_granted) && self.learn(answer.known, log) {
            return;
        }
        if asked.epoch != self.epoch() || !self.voters().iter().any(|voter| voter.id == from) {
            return;
        }
        let majority = self.majority();
        let election = match &mut self.role {
            Role::Prospective(election) if asked.is_pre_vote => election,
            Role::Candidate(election) if !asked.is_pre_vote => election,
            _ => return,
        };
        if answer.is_granted {
            election.granted.insert(from);
        } else if answer.known.refusal.is_none() {
            election.rejected.insert(from);
        }
        let voters = &self.voting.voters;
        let votes = |id: &&BrokerId| voters.iter().any(|voter| voter.id == **id);
        if election.granted.iter().filter(votes).count() >= majority {
            if asked.is_pre_vote {
                self.stand(log);
            } else {
                self.lead(log);
            }
        }
    }

    /// The voter `from` has answered that this node leads.
    pub fn on_begin_epoch_answer(
        &mut self,
        from: ReplicaKey,
        answer: EpochAnswer,
        log: &impl LogView,
    ) {
        if self.learn(answer, log) {
            return;
        }
        if let Role::Leader(leading) = &mut self.role
            && answer.refusal.is_none()
            && answer.epoch == self.election.leader_epoch
        {
            leading.informed.insert(from);
        }
    }

    /// A node has answered that this one leads no more.
    pub fn on_end_epoch_answer(&mut self, answer: EpochAnswer, log: &impl LogView) {
        self.learn(answer, log);
    }
}
