//! Who votes: what the log names last (KIP-853), changed by one voter at a time.
//!
//! The majorities of two sets that differ by one voter share one. So it is safe that a change
//! counts as soon as it is in the log, as long as no other begins before it is committed.

use super::state::{Raft, Role, is_same};
use super::vocabulary::{ChangeRefusal, LogView, Output, Timer, Voting};

impl Raft {
    /// Who votes from now on.
    pub fn set_voters(&mut self, voting: Voting, log: &impl LogView) {
        let may_have_stood = self.may_stand();
        let before = std::mem::replace(&mut self.voting, voting);
        if self.voting.voters == before.voters {
            return;
        }
        let is_new = self.may_stand() && !may_have_stood;
        match &mut self.role {
            Role::Leader(leading) => {
                let voters = &self.voting.voters;
                leading.synced.retain(|key, _| voters.contains(key));
                leading.fetched.retain(|key| voters.contains(key));
                leading.informed.retain(|key| voters.contains(key));
                self.watch_voters();
                self.advance_high_watermark(log);
            }
            Role::Unattached if is_new => self.push(Output::Start(Timer::Election)),
            _ => {}
        }
    }

    /// A leader needs a majority of the others, if there are others, and tells them that it leads.
    fn watch_voters(&mut self) {
        if self.others().is_empty() {
            self.push(Output::Stop(Timer::CheckQuorum));
            self.push(Output::Stop(Timer::BeginEpoch));
        } else {
            self.push(Output::Start(Timer::CheckQuorum));
            self.begin_epoch();
        }
    }

    /// True if this node may be elected: it votes, or has lost its vote by something that may not
    /// be committed. Then it may be the only one that has it, and others vote for nobody else.
    pub(super) fn may_stand(&self) -> bool {
        let Voting {
            named_at, before, ..
        } = &self.voting;
        let is_leaving = || before.iter().any(|voter| is_same(voter, &self.me));
        self.is_voter() || (self.high_watermark < Some(*named_at) && is_leaving())
    }

    /// True if nobody else votes.
    pub(super) fn is_only_voter(&self) -> bool {
        self.is_voter() && self.voting.voters.len() == 1
    }

    /// Whether the voters may be changed now.
    ///
    /// # Errors
    /// Why they may not.
    pub fn check_change(&self) -> Result<(), ChangeRefusal> {
        let Role::Leader(leading) = &self.role else {
            return Err(ChangeRefusal::NotLeader);
        };
        // An earlier leader may have begun a change that this one has never heard of. What is
        // committed of this epoch makes sure that it never comes to anything.
        let committed = self.high_watermark;
        let committed = committed.filter(|offset| *offset > leading.epoch_start);
        let committed = committed.ok_or(ChangeRefusal::EpochUncommitted)?;
        if self.voting.named_at > committed {
            return Err(ChangeRefusal::ChangeUncommitted);
        }
        Ok(())
    }

    /// A leader that has no vote any more leads until that is committed.
    pub(super) fn leave_if_removed(&mut self) {
        let is_committed = self.high_watermark >= Some(self.voting.named_at);
        if self.is_leader() && !self.is_voter() && is_committed {
            self.resign();
        }
    }
}
