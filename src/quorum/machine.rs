//! Driving the state machine: it is told of one thing after the other, and what it decides is done
//! in its order.

use crate::log::storage::{StorageOutbox, StorageRequest};
use crate::model::{BrokerId, ErrorCode, LeaderEpoch, Offset};
use crate::protocol::AnyResponse;
use crate::protocol::messages::{
    AddRaftVoterResponse, BeginQuorumEpochRequest, BeginQuorumEpochResponse, EndQuorumEpochRequest,
    EndQuorumEpochResponse, RemoveRaftVoterResponse, UpdateRaftVoterResponse, VoteRequest,
    VoteResponse,
};
use crate::stdx::Now;

use super::control::VoterEndpoint;
use super::core::{Pending, Phase, Quorum};
use super::event::QuorumEvent;
use super::raft::{EpochAnswer, Output, Raft, Refusal, Role, VoteAnswer};
use super::replicas::Replicas;
use super::request::{QuorumCall, QuorumRequest, QuorumResponse, QuorumToken};
use super::state::{self, ElectionState};
use super::view::LogAndSnapshots;
use super::wire::{self, LeaderAddress};

/// Since this version of Vote, `BeginQuorumEpoch` and `EndQuorumEpoch` answers name the leader's
/// address (KIP-853).
const VERSION_WITH_ENDPOINTS: i16 = 1;

/// Something that the machine is to be told.
#[derive(Debug)]
pub(super) enum Input {
    /// Another node asks.
    Request(QuorumToken, Box<QuorumRequest>),
    /// What this node asked with this number is answered, or never will be.
    Outcome(u64, Option<Box<AnyResponse>>),
    /// Nobody listens where what was asked with this number was to go.
    Refused(u64),
    /// More of the log is on the disk.
    LogSynced,
}

/// Something that is to be done, in its order.
#[derive(Debug)]
pub(super) enum Step {
    Output(Output),
    Answer(QuorumToken, Box<QuorumResponse>),
}

/// The place of a leader.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat {
    /// The offset behind the batch that begins the epoch.
    begun: Offset,
    /// True once all up to there is committed and told: it may append.
    is_taken: bool,
}

/// Who leads, as it was told last.
pub(super) type ToldLeader = Option<(LeaderEpoch, Option<(BrokerId, Vec<VoterEndpoint>)>)>;

impl Quorum {
    /// True while the machine waits for the disk.
    pub(super) const fn is_busy(&self) -> bool {
        self.is_persisting || self.rewriting.is_some()
    }

    /// True while this node leads and may append.
    pub(super) fn is_seated(&self) -> bool {
        self.seat.is_some_and(|seat| seat.is_taken)
    }

    /// Have `what` done by the machine.
    pub(super) fn tell<R>(
        &mut self,
        what: impl FnOnce(&mut Raft, &LogAndSnapshots<'_>) -> R,
    ) -> Option<R> {
        let (Some(raft), Some(log)) = (&mut self.raft, &self.log) else {
            return None;
        };
        let snapshots = &self.snapshots;
        let told = what(raft, &LogAndSnapshots { log, snapshots });
        while let Some(output) = raft.next_output() {
            self.steps.push_back(Step::Output(output));
        }
        Some(told)
    }

    /// Go on until there is nothing to be done, or the disk has to be waited for. True if anything
    /// was done.
    pub(super) fn drive(&mut self, now: Now, outbox: &mut StorageOutbox) -> bool {
        let mut has_acted = false;
        while matches!(self.phase, Phase::Running | Phase::Closing) && !self.is_busy() {
            if let Some(step) = self.steps.pop_front() {
                self.perform(now, step, outbox);
            } else if let Some(input) = self.inputs.pop_front() {
                self.take_input(now, input);
            } else if let Some(timer) = self.timers.take_due(now.instant)
                && matches!(self.phase, Phase::Running)
            {
                self.tell(|raft, log| raft.on_timer(timer, log));
            } else {
                break;
            }
            has_acted = true;
        }
        self.store_download(outbox);
        if has_acted {
            self.note_election(now.instant);
            self.tell_leader();
        }
        let has_told = self.advance_telling();
        self.take_seat();
        has_acted || has_told
    }

    fn take_input(&mut self, now: Now, input: Input) {
        let is_running = matches!(self.phase, Phase::Running);
        match input {
            Input::LogSynced => {
                self.tell(|raft, log| raft.on_log_synced(log));
            }
            Input::Outcome(id, response) if is_running => self.take_outcome(now, id, response),
            Input::Refused(id) if is_running => self.take_refusal(now, id),
            Input::Outcome(..) | Input::Refused(_) => {}
            Input::Request(token, request) => match &request.call {
                QuorumCall::Fetch(fetch) => self.on_fetch(now, token, &request, fetch),
                QuorumCall::Vote(vote) => self.on_vote(token, &request, vote),
                QuorumCall::BeginQuorumEpoch(begin) => self.on_begin_epoch(token, &request, begin),
                QuorumCall::EndQuorumEpoch(end) => self.on_end_epoch(token, &request, end),
                QuorumCall::AddRaftVoter(add) => self.on_add_voter(now, token, add),
                QuorumCall::RemoveRaftVoter(remove) => self.on_remove_voter(now, token, remove),
                QuorumCall::UpdateRaftVoter(update) => {
                    self.on_update_voter(now, token, &request, update);
                }
                QuorumCall::FetchSnapshot(_)
                | QuorumCall::DescribeQuorum(_)
                | QuorumCall::DescribeCluster(_) => {
                    unreachable!("these are served without the machine")
                }
            },
        }
    }

    /// Answer a request that the machine cannot be told of, now or any more.
    pub(super) fn refuse_unready(&mut self, now: Now, token: QuorumToken, request: &QuorumRequest) {
        let error_code = ErrorCode::NotLeaderOrFollower.code();
        match &request.call {
            QuorumCall::Fetch(fetch) => self.on_fetch(now, token, request, fetch),
            QuorumCall::Vote(_) => self.answer(
                token,
                VoteResponse {
                    error_code,
                    ..Default::default()
                },
            ),
            QuorumCall::BeginQuorumEpoch(_) => self.answer(
                token,
                BeginQuorumEpochResponse {
                    error_code,
                    ..Default::default()
                },
            ),
            QuorumCall::EndQuorumEpoch(_) => self.answer(
                token,
                EndQuorumEpochResponse {
                    error_code,
                    ..Default::default()
                },
            ),
            QuorumCall::AddRaftVoter(_) => self.answer(
                token,
                AddRaftVoterResponse {
                    error_code,
                    ..Default::default()
                },
            ),
            QuorumCall::RemoveRaftVoter(_) => self.answer(
                token,
                RemoveRaftVoterResponse {
                    error_code,
                    ..Default::default()
                },
            ),
            QuorumCall::UpdateRaftVoter(_) => self.answer(
                token,
                UpdateRaftVoterResponse {
                    error_code,
                    ..Default::default()
                },
            ),
            QuorumCall::FetchSnapshot(_)
            | QuorumCall::DescribeQuorum(_)
            | QuorumCall::DescribeCluster(_) => {}
        }
    }

    fn perform(&mut self, now: Now, step: Step, outbox: &mut StorageOutbox) {
        match step {
            Step::Answer(token, response) => {
                let event = QuorumEvent::Answer { token, response };
                self.events.push_back(event);
            }
            Step::Output(Output::Persist(election)) => self.persist(election, outbox),
            Step::Output(Output::Send { to, request }) => self.send(to, &request),
            Step::Output(Output::Start(timer)) => self.timers.start(now.instant, timer),
            Step::Output(Output::Stop(timer)) => self.timers.stop(timer),
            Step::Output(Output::Lead { epoch, granting }) => {
                let is_running = matches!(self.phase, Phase::Running);
                let raft = self.raft.as_ref().filter(|_| is_running);
                if raft.is_some_and(|raft| raft.is_leader() && raft.epoch() == epoch) {
                    self.lead(now, &granting);
                }
            }
            Step::Output(Output::Unseated) => {
                self.refuse_change(ErrorCode::NotLeaderOrFollower);
                if self.seat.take().is_some_and(|seat| seat.is_taken) {
                    self.telling.begin_at(self.high_watermark);
                    self.events.push_back(QuorumEvent::Unseated);
                }
            }
            Step::Output(Output::Committed(offset)) => {
                self.high_watermark = self.high_watermark.max(offset);
                if self.is_seated() {
                    let end_offset = self.high_watermark;
                    self.events.push_back(QuorumEvent::Committed { end_offset });
                }
                self.end_committed_change();
            }
        }
    }

    /// Have `election` on the disk before anything else is done.
    fn persist(&mut self, election: ElectionState, outbox: &mut StorageOutbox) {
        let mut steps = self.steps.iter();
        let next =
            steps.find(|step| !matches!(step, Step::Output(Output::Start(_) | Output::Stop(_))));
        // Nothing is done by this state before the next one.
        let is_passing = matches!(next, Some(Step::Output(Output::Persist(_))));
        if is_passing || self.state == Some(election) {
            return;
        }
        self.state = Some(election);
        self.is_persisting = true;
        let request = StorageRequest::ReplaceFile {
            path: self.folder.join(state::FILE_NAME),
            contents: election.encode(),
        };
        self.submit(outbox, Pending::StateWritten, request);
    }

    /// This node leads from the batch on that lies between `before` and `begun`.
    pub(super) fn begin_seat(&mut self, before: Offset, begun: Offset) {
        // Whoever is alone knows at its start all that there is; what it has appended itself and
        // not committed before it lost its seat, it is told first, as others are.
        let is_taken = self.is_alone() && self.telling.told() == before;
        self.seat = Some(Seat { begun, is_taken });
        self.replicas = Replicas::default();
        if is_taken {
            self.announce_seat();
        }
    }

    /// A leader of others may append once it knows everything that is committed before its epoch,
    /// which its first batch tells.
    fn take_seat(&mut self) {
        let told = self.telling.told();
        if let Some(seat) = &mut self.seat
            && !seat.is_taken
            && seat.begun <= told
            && matches!(self.phase, Phase::Running)
        {
            seat.is_taken = true;
            self.announce_seat();
        }
    }

    fn announce_seat(&mut self) {
        self.events.push_back(QuorumEvent::Elected {
            epoch: self.epoch(),
            next_offset: self.next_offset(),
        });
    }

    /// Give the leadership up, if there are others to take it.
    pub(super) fn resign(&mut self) {
        if matches!(self.phase, Phase::Running) && !self.is_alone() {
            self.tell(|raft, _| raft.resign());
        }
    }

    /// Tell who leads, if that is news.
    fn tell_leader(&mut self) {
        if !matches!(self.phase, Phase::Running) || self.is_busy() {
            return;
        }
        let leader = self.leader_id().map(|id| (id, self.endpoints_of(id)));
        let told = Some((self.epoch(), leader));
        if told == self.told_leader {
            return;
        }
        self.told_leader.clone_from(&told);
        if let Some((epoch, leader)) = told {
            let event = QuorumEvent::LeaderChanged { epoch, leader };
            self.events.push_back(event);
        }
    }

    pub(super) fn later(&mut self, token: QuorumToken, response: impl Into<QuorumResponse>) {
        let response = Box::new(response.into());
        self.steps.push_back(Step::Answer(token, response));
    }

    fn address_for(&self, asked: &QuorumRequest) -> LeaderAddress<'_> {
        let has_place = asked.version >= VERSION_WITH_ENDPOINTS;
        self.leader_endpoint(&asked.listener).filter(|_| has_place)
    }

    fn refused(&self, refusal: Refusal) -> EpochAnswer {
        EpochAnswer {
            refusal: Some(refusal),
            epoch: self.epoch(),
            leader: self.leader_id(),
        }
    }

    fn on_vote(&mut self, token: QuorumToken, asked: &QuorumRequest, request: &VoteRequest) {
        let checked = self.check_cluster(request.cluster_id.as_deref());
        let ask = match checked.and_then(|()| wire::vote_asked(request)) {
            Ok(ask) => ask,
            Err(error) => {
                let response = VoteResponse {
                    error_code: error.code(),
                    ..Default::default()
                };
                return self.answer(token, response);
            }
        };
        let answer = match wire::is_sensible(&ask) {
            true => self.tell(|raft, log| raft.on_vote(&ask, log)),
            false => None,
        };
        let answer = answer.unwrap_or_else(|| VoteAnswer {
            known: self.refused(Refusal::Invalid),
            is_granted: false,
        });
        let response = wire::encode_vote(&answer, self.address_for(asked));
        self.later(token, response);
    }

    fn on_begin_epoch(
        &mut self,
        token: QuorumToken,
        asked: &QuorumRequest,
        request: &BeginQuorumEpochRequest,
    ) {
        let checked = self.check_cluster(request.cluster_id.as_deref());
        let begun = match checked.and_then(|()| wire::begin_asked(request)) {
            Ok(begun) => begun,
            Err(error) => {
                let response = BeginQuorumEpochResponse {
                    error_code: error.code(),
                    ..Default::default()
                };
                return self.answer(token, response);
            }
        };
        let (leader, epoch, voter) = (begun.leader, begun.epoch, begun.voter);
        let is_sensible = leader >= 0 || epoch < self.epoch();
        let told = match is_sensible {
            true => self.tell(|raft, log| raft.on_begin_epoch(leader, epoch, voter, log)),
            false => None,
        };
        let answer = told.unwrap_or_else(|| self.refused(Refusal::Invalid));
        if answer.refusal.is_none() {
            self.learn_endpoints(leader, &begun.endpoints);
        }
        let response = wire::encode_begin_epoch(&answer, self.address_for(asked));
        self.later(token, response);
    }

    fn on_end_epoch(
        &mut self,
        token: QuorumToken,
        asked: &QuorumRequest,
        request: &EndQuorumEpochRequest,
    ) {
        let checked = self.check_cluster(request.cluster_id.as_deref());
        let ended = match checked.and_then(|()| wire::end_asked(request)) {
            Ok(ended) => ended,
            Err(error) => {
                let response = EndQuorumEpochResponse {
                    error_code: error.code(),
                    ..Default::default()
                };
                return self.answer(token, response);
            }
        };
        let (leader, epoch) = (ended.leader, ended.epoch);
        let is_sensible = leader >= 0 || epoch < self.epoch();
        let told = match is_sensible {
            true => self.tell(|raft, log| raft.on_end_epoch(leader, epoch, &ended.successors, log)),
            false => None,
        };
        let answer = told.unwrap_or_else(|| self.refused(Refusal::Invalid));
        let response = wire::encode_end_epoch(&answer, self.address_for(asked));
        self.later(token, response);
    }

    /// True if this node follows the leader of this epoch.
    pub(super) fn is_following(&self, leader: BrokerId, epoch: LeaderEpoch) -> bool {
        self.raft.as_ref().is_some_and(|raft| {
            matches!(raft.role(), Role::Follower { .. })
                && raft.leader() == Some(leader)
                && raft.epoch() == epoch
        })
    }
}
