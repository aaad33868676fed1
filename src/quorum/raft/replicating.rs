//! The log: what a leader gives out and commits, what a follower takes in.

use crate::model::Offset;

use super::super::request::ReplicaKey;
use super::state::{Fetching, Raft, Role, is_same};
use super::vocabulary::{
    FetchAnswer, FetchAsk, FetchFound, FetchVerdict, LogEnd, LogView, Output, Refusal, Timer,
};

impl Raft {
    /// What there is for a fetch. By it a voter acknowledges what is below its offset.
    pub fn on_fetch(&mut self, ask: &FetchAsk, log: &impl LogView) -> FetchVerdict {
        if ask.epoch < self.epoch() {
            return FetchVerdict::Refused(Refusal::FencedEpoch);
        }
        if ask.epoch > self.epoch() {
            return FetchVerdict::Refused(Refusal::UnknownEpoch);
        }
        if !self.is_leader() {
            return FetchVerdict::Refused(Refusal::NotLeader);
        }
        if ask.end.epoch > ask.epoch {
            return FetchVerdict::Refused(Refusal::Invalid);
        }
        if let Some(id) = log.snapshot_for(ask.end) {
            return FetchVerdict::Snapshot(id);
        }
        let agreed = log.end_of_epoch(ask.end.epoch);
        let is_prefix = agreed.epoch == ask.end.epoch && ask.end.offset <= agreed.offset;
        if !is_prefix && ask.end != LogEnd::default() {
            return FetchVerdict::Diverging(agreed);
        }
        match ask.replica {
            Some(replica) if replica.id == self.me.id => {
                return FetchVerdict::Refused(Refusal::IsMyself);
            }
            Some(replica) => self.note_fetch(replica, ask.end.offset, log),
            None => {}
        }
        FetchVerdict::Records
    }

    fn note_fetch(&mut self, replica: ReplicaKey, offset: Offset, log: &impl LogView) {
        let Some(voter) = self.voter_of(replica) else {
            return;
        };
        let own = usize::from(self.is_voter());
        let majority = self.majority();
        let Role::Leader(leading) = &mut self.role else {
            return;
        };
        leading.informed.insert(voter);
        // A voter's log grows only: an older fetch may come later.
        let synced = leading.synced.entry(voter).or_insert(offset);
        *synced = (*synced).max(offset);
        leading.fetched.insert(voter);
        if leading.fetched.len() + own >= majority {
            leading.fetched.clear();
            self.push(Output::Start(Timer::CheckQuorum));
        }
        self.advance_high_watermark(log);
    }

    /// Commit what a majority has synced, once that is something of this leader's own epoch: what
    /// a majority has of an earlier one may still be overwritten.
    pub(super) fn advance_high_watermark(&mut self, log: &impl LogView) {
        let Role::Leader(leading) = &self.role else {
            return;
        };
        let synced = |voter: &ReplicaKey| {
            if is_same(voter, &self.me) {
                log.synced_end_offset()
            } else {
                leading.synced.get(voter).copied().unwrap_or(0)
            }
        };
        let mut offsets: Vec<Offset> = self.voters().iter().map(synced).collect();
        offsets.sort_unstable();
        offsets.reverse();
        let Some(committed) = offsets.get(self.majority() - 1).copied() else {
            return;
        };
        if committed > leading.epoch_start {
            self.commit(committed);
            self.leave_if_removed();
        }
    }

    fn commit(&mut self, offset: Offset) {
        if self.high_watermark.is_none_or(|known| known < offset) {
            self.high_watermark = Some(offset);
            self.push(Output::Committed(offset));
        }
    }

    /// The log was written to, truncated or begun anew, and all of it is synced now, or a part more
    /// of it than before.
    pub fn on_log_synced(&mut self, log: &impl LogView) {
        if self.is_leader() {
            self.advance_high_watermark(log);
        } else if log.synced_end_offset() >= log.end().offset {
            if self.fetching == Fetching::Writing {
                self.fetching = Fetching::Idle;
            }
            self.fetch(log);
        }
    }

    /// What came with the last answer was not written: fetch again in a while.
    pub fn on_not_written(&mut self) {
        if self.fetching == Fetching::Writing {
            self.fetching = Fetching::Idle;
            self.push(Output::Start(Timer::Retry));
        }
    }

    /// The answer to a fetch: what is to be done with the log.
    pub fn on_fetch_answer(
        &mut self,
        asked: &FetchAsk,
        answer: &FetchAnswer,
        log: &impl LogView,
    ) -> FetchFound {
        if self.fetching != Fetching::Asked(*asked) {
            // It was asked in another role or with another log.
            self.learn(answer.known, log);
            return FetchFound::Nothing;
        }
        self.fetching = Fetching::Idle;
        if self.learn(answer.known, log) {
            return FetchFound::Nothing;
        }
        let is_of_leader = answer.known.refusal.is_none()
            && answer.known.epoch == self.epoch()
            && asked.epoch == self.epoch();
        let Role::Follower { has_fetched } = &mut self.role else {
            self.push(Output::Start(Timer::Retry));
            return FetchFound::Nothing;
        };
        if !is_of_leader {
            self.push(Output::Start(Timer::Retry));
            return FetchFound::Nothing;
        }
        *has_fetched = true;
        self.push(Output::Start(Timer::Fetch));
        match answer.found {
            FetchFound::Nothing => {
                self.follow_high_watermark(answer.high_watermark, log.end().offset);
                self.fetch(log);
                FetchFound::Nothing
            }
            FetchFound::Records => {
                self.fetching = Fetching::Writing;
                self.follow_high_watermark(answer.high_watermark, log.end().offset);
                FetchFound::Records
            }
            FetchFound::Diverging(agreed) => {
                let mine = log.end_of_epoch(agreed.epoch);
                let offset = if mine.epoch == agreed.epoch {
                    mine.offset.min(agreed.offset)
                } else {
                    mine.offset
                };
                self.fetching = Fetching::Writing;
                FetchFound::Diverging(LogEnd {
                    epoch: mine.epoch,
                    offset: offset.min(log.end().offset),
                })
            }
            FetchFound::Snapshot(id) => {
                self.fetching = Fetching::Writing;
                FetchFound::Snapshot(id)
            }
        }
    }

    /// Committed is what the leader says, as far as this log reaches.
    fn follow_high_watermark(&mut self, told: Option<Offset>, end_offset: Offset) {
        if let Some(told) = told {
            self.commit(told.min(end_offset));
        }
    }
}
