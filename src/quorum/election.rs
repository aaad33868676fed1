//! From what was read to a node that takes part: who votes, in which epoch, and the first batch of
//! a leader.

use crate::log::Log;
use crate::log::storage::StorageOutbox;
use crate::model::{LeaderEpoch, Offset};
use crate::protocol::record_batch::{ControlType, RecordBatchBuilder};
use crate::stdx::Now;

use super::control::{Voter, encode_kraft_version, encode_leader_change, encode_voters};
use super::core::{Phase, Quorum};
use super::enrolling::has_same_endpoints;
use super::event::{QuorumEvent, QuorumFailure};
use super::raft::{Raft, Voting};
use super::request::ReplicaKey;
use super::settings::QuorumSettings;
use super::state::ElectionState;

/// True if this node is the only one of `voters`. Static voters have no directories.
pub(super) fn is_only(voters: &[Voter], settings: &QuorumSettings) -> bool {
    matches!(voters, [voter] if is_me(voter, settings))
}

fn is_me(voter: &Voter, settings: &QuorumSettings) -> bool {
    voter.id == settings.node_id
        && (voter.directory_id == settings.directory_id || voter.directory_id.is_zero())
}

impl Quorum {
    /// True if nobody else votes, as far as was read: what is here is committed then.
    pub(super) fn may_be_alone(&self) -> bool {
        let membership = &self.settings.membership;
        let is_alone = |voters: &[Voter]| is_only(voters, &self.settings);
        let known = self.voters.latest().or(membership.static_voters.as_deref());
        // Where nobody is named, and nobody could be asked, there is nobody else.
        membership.votes && known.map_or(membership.bootstrap.is_empty(), is_alone)
    }

    /// If everything was walked through, see whether this node has a place in the quorum.
    pub(super) fn finish_replay(&mut self) {
        let replay = match &self.phase {
            Phase::Replaying(replay) if replay.is_finished() => replay,
            _ => return,
        };
        let node_id = self.settings.node_id;
        let directory_id = self.settings.directory_id;
        let membership = &self.settings.membership;
        let voters = self.known_voters();
        let electors = replay.last_electors();
        let is_alone = self.may_be_alone()
            && (!voters.is_empty() || electors.is_none_or(|electors| electors == [node_id]));
        let is_one_of_them = membership.votes
            && voters.len() > 1
            && voters.iter().any(|voter| is_me(voter, &self.settings));
        if !is_alone && !is_one_of_them && membership.bootstrap.is_empty() {
            let known = if voters.is_empty() {
                format!("{:?}", electors.unwrap_or_default())
            } else {
                let text = voters
                    .iter()
                    .map(|voter| format!("{}:{}", voter.id, voter.directory_id));
                text.collect::<Vec<_>>().join(", ")
            };
            self.fail(QuorumFailure::Unusable(format!(
                "the metadata quorum in {} has the voters {known}, but this node is \
                 {node_id}:{directory_id} and can only lead a quorum of itself: to follow them it \
                 needs controller.quorum.bootstrap.servers",
                self.folder
            )));
            return;
        }
        if membership.stays_alone && voters.len() > 1 {
            let ids: Vec<String> = voters.iter().map(|one| one.id.to_string()).collect();
            self.fail(QuorumFailure::Unusable(format!(
                "the metadata quorum in {} has the voters {}, and the settings of this node, which \
                 is a broker, too, tell of no other: name them in \
                 controller.quorum.bootstrap.servers",
                self.folder,
                ids.join(", ")
            )));
            return;
        }
        self.telling.begin_at(replay.told());
        self.phase = Phase::Loaded;
        self.events.push_back(QuorumEvent::Loaded);
    }

    /// Take part: the only voter leads a new epoch, which is on the disk before anything is done in
    /// it; others stand for election, follow or observe. [`QuorumEvent::Elected`] follows whenever
    /// this node leads.
    ///
    /// # Panics
    /// If [`QuorumEvent::Loaded`] did not come yet.
    pub fn begin(&mut self, now: Now, outbox: &mut StorageOutbox) {
        assert!(
            matches!(self.phase, Phase::Loaded),
            "who takes part knows everything that is in the log"
        );
        let me = self.me();
        let voters = self.voter_keys();
        let latest = self.latest_epoch();
        if voters == [me] && latest == LeaderEpoch::MAX {
            self.fail(QuorumFailure::Unusable(format!(
                "the metadata quorum in {} is out of epochs",
                self.folder
            )));
            return;
        }
        let remembered = self.state.filter(|state| state.leader_epoch >= latest);
        let mut election = remembered.unwrap_or(ElectionState {
            leader_epoch: latest,
            ..ElectionState::default()
        });
        let mut known = self.known_voters().iter();
        let is_voter = voters == [me] || known.any(|voter| is_me(voter, &self.settings));
        if !is_voter && election.leader_id == Some(me.id) {
            // It led when it had a vote.
            election.leader_id = None;
        }
        self.raft = Some(Raft::new(me, self.voting(), election));
        self.phase = Phase::Running;
        self.tell(|raft, log| raft.start(log));
        self.drive(now, outbox);
    }

    /// The latest epoch that this node knows of.
    fn latest_epoch(&self) -> LeaderEpoch {
        let known = [
            self.state.map_or(0, |state| state.leader_epoch),
            self.loaded.map_or(0, |id| id.epoch),
            self.log
                .as_ref()
                .and_then(Log::latest_epoch)
                .map_or(0, |latest| latest.epoch),
        ];
        known.into_iter().max().unwrap_or(0)
    }

    /// Who votes, for the machine.
    fn voting(&self) -> Voting {
        let before = self.voters.before_latest().unwrap_or_default();
        Voting {
            voters: self.voter_keys(),
            named_at: self.voters.named_at(),
            before: self.keys_of(before),
        }
    }

    fn voter_keys(&self) -> Vec<ReplicaKey> {
        let voters = self.known_voters();
        if voters.is_empty() && self.may_be_alone() {
            return vec![self.me()];
        }
        self.keys_of(voters)
    }

    fn keys_of(&self, voters: &[Voter]) -> Vec<ReplicaKey> {
        let votes = self.settings.membership.votes;
        let keys = voters.iter().map(|voter| ReplicaKey {
            id: voter.id,
            directory_id: voter.directory_id,
        });
        // A node that may not vote has no vote, whatever the log says.
        keys.filter(|key| votes || key.id != self.settings.node_id)
            .collect()
    }

    /// The log names other voters, or the same.
    pub(super) fn adopt_voters(&mut self) {
        let voting = self.voting();
        self.tell(|raft, log| raft.set_voters(voting, log));
    }

    /// The epoch is on the disk: its first batch says who leads it.
    pub(super) fn lead(&mut self, now: Now, granting: &[ReplicaKey]) {
        let mut batch = RecordBatchBuilder::new().control();
        let voters: Vec<ReplicaKey> = self.voter_keys();
        let change = encode_leader_change(self.settings.node_id, &voters, granting);
        batch.append_control(now.wall_ms, ControlType::LeaderChange, &change);
        let named = self.voters_to_name();
        if let Some(voters) = &named {
            let version = encode_kraft_version();
            batch.append_control(now.wall_ms, ControlType::KraftVersion, &version);
            let voters = encode_voters(voters);
            batch.append_control(now.wall_ms, ControlType::KraftVoters, &voters);
        }
        let before = self.next_offset();
        let (begun, _) = self.append_batch(now, batch);
        if let Some(voters) = named {
            self.voters.note(begun, voters);
            self.adopt_voters();
        }
        self.changes.told.clear();
        self.begin_seat(before, begun);
    }

    /// The voters that the first batch of this leader has to name: the log does not yet, or this
    /// one has moved. They are the same nodes in any case.
    fn voters_to_name(&self) -> Option<Vec<Voter>> {
        let mut voters = self.voters.latest()?.to_vec();
        let endpoints = &self.settings.endpoints;
        let mut places = voters.iter_mut();
        let own = places.find(|voter| is_me(voter, &self.settings));
        let own = own.filter(|own| !endpoints.is_empty() && !has_same_endpoints(own, endpoints));
        let has_moved = own.is_some();
        if let Some(own) = own {
            own.endpoints.clone_from(endpoints);
        }
        (has_moved || !self.voters.are_in_log()).then_some(voters)
    }

    /// Who votes, as what lies below `offset` names them.
    #[must_use]
    pub fn voters_at(&self, offset: Offset) -> Option<&[Voter]> {
        self.voters.at(offset)
    }

    /// True if this node is the only voter.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.raft
            .as_ref()
            .is_some_and(|raft| raft.is_voter() && raft.voters().len() == 1)
    }
}
