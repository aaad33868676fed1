//! The state, and the changes of role.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::model::{BrokerId, LeaderEpoch, Offset};

use super::super::request::ReplicaKey;
use super::super::state::ElectionState;
use super::vocabulary::{
    EpochAnswer, FetchAsk, LogEnd, LogView, Output, Refusal, Request, Target, Timer, VoteAsk,
    Voting,
};

/// What a node does in its epoch. Whoever does not vote is an observer, in the roles without votes.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Role {
    /// It knows no leader.
    Unattached,
    /// It asks whether it would be elected (KIP-996).
    Prospective(Election),
    /// It asks for votes.
    Candidate(Election),
    /// It leads.
    Leader(Leading),
    /// It follows the leader that the state names.
    Follower {
        /// True once the leader has served it.
        has_fetched: bool,
    },
    /// It led this epoch, and gave up, or was started anew.
    Resigned,
}

/// The votes that came.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Election {
    pub(super) granted: BTreeSet<BrokerId>,
    pub(super) rejected: BTreeSet<BrokerId>,
}

/// What a leader knows.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Leading {
    /// Where its log ended when it was elected: its first record is here.
    pub(super) epoch_start: Offset,
    /// What each other voter has synced.
    pub(super) synced: BTreeMap<ReplicaKey, Offset>,
    /// The voters that have fetched since a majority of them had.
    pub(super) fetched: BTreeSet<ReplicaKey>,
    /// The voters that know of the epoch.
    pub(super) informed: BTreeSet<ReplicaKey>,
}

/// Where a follower is in fetching: one thing at a time.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Fetching {
    /// Nothing is on its way.
    Idle,
    /// The answer to this is on its way.
    Asked(FetchAsk),
    /// What came is being written.
    Writing,
}

/// A node of the quorum.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Raft {
    pub(super) me: ReplicaKey,
    pub(super) voting: Voting,
    pub(super) election: ElectionState,
    pub(super) role: Role,
    pub(super) fetching: Fetching,
    pub(super) high_watermark: Option<Offset>,
    outputs: VecDeque<Output>,
}

impl Raft {
    /// The node `me` with what it remembers of elections.
    #[must_use]
    pub fn new(me: ReplicaKey, voting: Voting, election: ElectionState) -> Self {
        let role = match election.leader_id {
            Some(leader) if leader == me.id => Role::Resigned,
            Some(_) => Role::Follower { has_fetched: false },
            None => Role::Unattached,
        };
        Self {
            me,
            voting,
            election,
            role,
            fetching: Fetching::Idle,
            high_watermark: None,
            outputs: VecDeque::new(),
        }
    }

    /// Begin. A node that is the only voter leads at once.
    pub fn start(&mut self, log: &impl LogView) {
        if self.is_only_voter() {
            self.stand(log);
            return;
        }
        match self.role {
            Role::Follower { .. } => {
                self.push(Output::Start(Timer::Fetch));
                self.fetch(log);
            }
            _ if self.is_voter() => {
                self.push(Output::Start(Timer::Election));
            }
            _ => self.seek_leader(log),
        }
    }

    /// The next thing to be done.
    pub fn next_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub(super) fn push(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    /// The role.
    #[must_use]
    pub const fn role(&self) -> &Role {
        &self.role
    }

    /// The epoch.
    #[must_use]
    pub const fn epoch(&self) -> LeaderEpoch {
        self.election.leader_epoch
    }

    /// Who leads the epoch, once that is known; a node that resigned leads no more.
    #[must_use]
    pub fn leader(&self) -> Option<BrokerId> {
        match self.role {
            Role::Leader(_) => Some(self.me.id),
            Role::Resigned => None,
            _ => self.election.leader_id,
        }
    }

    /// Whom this node has voted for in the epoch; itself while it leads.
    #[must_use]
    pub fn voted_for(&self) -> Option<BrokerId> {
        match self.role {
            Role::Leader(_) => Some(self.me.id),
            _ => self.election.voted.map(|voted| voted.id),
        }
    }

    /// True if this node leads.
    #[must_use]
    pub const fn is_leader(&self) -> bool {
        matches!(self.role, Role::Leader(_))
    }

    /// Every record below this offset is committed.
    #[must_use]
    pub const fn high_watermark(&self) -> Option<Offset> {
        self.high_watermark
    }

    /// Who votes.
    #[must_use]
    pub fn voters(&self) -> &[ReplicaKey] {
        &self.voting.voters
    }

    /// True if this node votes.
    #[must_use]
    pub fn is_voter(&self) -> bool {
        self.voters().iter().any(|voter| is_same(voter, &self.me))
    }

    /// The voter that `replica` is.
    pub(super) fn voter_of(&self, replica: ReplicaKey) -> Option<ReplicaKey> {
        let mut voters = self.voters().iter();
        voters.find(|voter| is_same(voter, &replica)).copied()
    }

    pub(super) fn others(&self) -> Vec<ReplicaKey> {
        let others = self.voters().iter().filter(|voter| voter.id != self.me.id);
        others.copied().collect()
    }

    /// How many voters are a majority.
    pub(super) fn majority(&self) -> usize {
        self.voters().len() / 2 + 1
    }

    /// What every answer tells.
    pub(super) fn told(&self, refusal: Option<Refusal>) -> EpochAnswer {
        EpochAnswer {
            refusal,
            epoch: self.epoch(),
            leader: self.leader(),
        }
    }

    pub(super) fn persist(&mut self) {
        self.push(Output::Persist(self.election));
    }

    /// Leave the role that there is.
    pub(super) fn leave_role(&mut self, role: Role) {
        let before = std::mem::replace(&mut self.role, role);
        let timers = [
            Timer::Election,
            Timer::Fetch,
            Timer::Retry,
            Timer::Succession,
        ];
        for timer in timers {
            self.push(Output::Stop(timer));
        }
        if matches!(before, Role::Leader(_)) {
            self.push(Output::Stop(Timer::CheckQuorum));
            self.push(Output::Stop(Timer::BeginEpoch));
            self.push(Output::Unseated);
        }
        if matches!(self.fetching, Fetching::Asked(_)) {
            self.fetching = Fetching::Idle;
        }
    }

    /// The epoch is a new one, whose leader is not known.
    pub(super) fn become_unattached(&mut self, epoch: LeaderEpoch, log: &impl LogView) {
        assert!(epoch > self.epoch(), "epochs go forward");
        self.election = ElectionState {
            leader_id: None,
            leader_epoch: epoch,
            voted: None,
        };
        self.leave_role(Role::Unattached);
        self.persist();
        self.seek_leader(log);
    }

    /// Nobody leads, as far as is known: stand for election after a while, and ask around.
    pub(super) fn seek_leader(&mut self, log: &impl LogView) {
        if self.may_stand() {
            self.push(Output::Start(Timer::Election));
        }
        self.fetch(log);
    }

    /// `leader` leads `epoch`.
    pub(super) fn become_follower(
        &mut self,
        leader: BrokerId,
        epoch: LeaderEpoch,
        log: &impl LogView,
    ) {
        let voted = self.election.voted.filter(|_| epoch == self.epoch());
        let election = ElectionState {
            leader_id: Some(leader),
            leader_epoch: epoch,
            voted,
        };
        let is_new = election != self.election;
        self.election = election;
        self.leave_role(Role::Follower { has_fetched: false });
        if is_new {
            self.persist();
        }
        self.push(Output::Start(Timer::Fetch));
        self.fetch(log);
    }

    /// Ask whether this node would be elected.
    pub(super) fn become_prospective(&mut self, log: &impl LogView) {
        if self.is_only_voter() {
            return self.stand(log);
        }
        self.leave_role(Role::Prospective(Election::of(self.me.id)));
        self.push(Output::Start(Timer::Election));
        self.ask_for_votes(log, true);
    }

    /// Ask for votes in a new epoch.
    pub(super) fn stand(&mut self, log: &impl LogView) {
        let Some(epoch) = self.epoch().checked_add(1) else {
            return;
        };
        self.election = ElectionState {
            leader_id: None,
            leader_epoch: epoch,
            voted: Some(self.me),
        };
        self.leave_role(Role::Candidate(Election::of(self.me.id)));
        self.persist();
        if self.is_only_voter() {
            return self.lead(log);
        }
        self.push(Output::Start(Timer::Election));
        self.ask_for_votes(log, false);
    }

    fn ask_for_votes(&mut self, log: &impl LogView, is_pre_vote: bool) {
        for voter in self.others() {
            let ask = VoteAsk {
                candidate: self.me,
                epoch: self.epoch(),
                end: log.end(),
                is_pre_vote,
                voter: Some(voter),
            };
            self.push(Output::Send {
                to: Target::Node(voter.id),
                request: Request::Vote(ask),
            });
        }
    }

    /// A majority elected this node.
    pub(super) fn lead(&mut self, log: &impl LogView) {
        let granting = match &self.role {
            Role::Candidate(election) => election.granted.clone(),
            _ => BTreeSet::new(),
        };
        let voters = self.voters().iter();
        let granting = voters.filter(|voter| granting.contains(&voter.id));
        let granting = granting.copied().collect();
        // Whoever leads its epoch has nothing to vote on in it.
        self.election.leader_id = Some(self.me.id);
        self.election.voted = None;
        let leading = Leading {
            epoch_start: log.end().offset,
            synced: BTreeMap::new(),
            fetched: BTreeSet::new(),
            informed: BTreeSet::new(),
        };
        self.leave_role(Role::Leader(leading));
        self.fetching = Fetching::Idle;
        self.persist();
        self.push(Output::Lead {
            epoch: self.epoch(),
            granting,
        });
        if !self.is_only_voter() {
            self.push(Output::Start(Timer::CheckQuorum));
            self.begin_epoch();
        }
    }

    /// Tell voters that may not know of it that this node leads.
    pub(super) fn begin_epoch(&mut self) {
        let Role::Leader(leading) = &self.role else {
            return;
        };
        let informed = leading.informed.clone();
        for voter in self.others() {
            if !informed.contains(&voter) {
                let request = Request::BeginEpoch {
                    leader: self.me.id,
                    epoch: self.epoch(),
                    voter,
                };
                self.push(Output::Send {
                    to: Target::Node(voter.id),
                    request,
                });
            }
        }
        self.push(Output::Start(Timer::BeginEpoch));
    }

    /// Give the leadership up; those who have most of the log are to stand first.
    pub fn resign(&mut self) {
        let Role::Leader(leading) = &self.role else {
            return;
        };
        let mut successors = self.others();
        let synced = |key: &ReplicaKey| leading.synced.get(key).copied().unwrap_or(-1);
        successors.sort_by_key(|key| std::cmp::Reverse(synced(key)));
        let request = Request::EndEpoch {
            leader: self.me.id,
            epoch: self.epoch(),
            successors: successors.clone(),
        };
        self.leave_role(Role::Resigned);
        for voter in successors {
            self.push(Output::Send {
                to: Target::Node(voter.id),
                request: request.clone(),
            });
        }
        self.push(Output::Start(Timer::Election));
    }

    /// Ask for what comes next, unless an answer is on its way or being written.
    pub(super) fn fetch(&mut self, log: &impl LogView) {
        if self.fetching != Fetching::Idle {
            return;
        }
        let to = match self.role {
            Role::Follower { .. } => match self.election.leader_id {
                Some(leader) => Target::Node(leader),
                None => return,
            },
            Role::Unattached => Target::Anybody,
            _ => return,
        };
        let ask = FetchAsk {
            replica: Some(self.me),
            epoch: self.epoch(),
            end: log.end(),
            high_watermark: self.high_watermark,
        };
        self.fetching = Fetching::Asked(ask);
        self.push(Output::Send {
            to,
            request: Request::Fetch(ask),
        });
    }
}

impl Election {
    /// The one who stands votes for itself.
    fn of(candidate: BrokerId) -> Self {
        Self {
            granted: BTreeSet::from([candidate]),
            rejected: BTreeSet::new(),
        }
    }
}

/// True if both are the same replica; one without a directory is any with its number.
pub(super) fn is_same(one: &ReplicaKey, other: &ReplicaKey) -> bool {
    one.id == other.id
        && (one.directory_id == other.directory_id
            || one.directory_id.is_zero()
            || other.directory_id.is_zero())
}

/// Where `end` stands among the votes: the log with more in it.
pub(super) fn is_up_to_date(candidate: LogEnd, mine: LogEnd) -> bool {
    candidate >= mine
}
