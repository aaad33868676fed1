//! Requests to change who votes (KIP-853): a voter more, a voter less, or another address of one.
//!
//! The machine says whether the voters may be changed at all; here is what a request needs beyond
//! that. A new voter is first asked whether it speaks the quorum's protocol, and must have fetched
//! all there was lately: else nothing could be committed before it has.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{BrokerId, ErrorCode, NodeAddress, Offset, Uuid};
use crate::protocol::messages::update_raft_voter_request::KRaftVersionFeature;
use crate::protocol::messages::update_raft_voter_response::CurrentLeader;
use crate::protocol::messages::{
    AddRaftVoterRequest, AddRaftVoterResponse, ApiVersionsRequest, ApiVersionsResponse,
    RemoveRaftVoterRequest, RemoveRaftVoterResponse, UpdateRaftVoterRequest,
    UpdateRaftVoterResponse,
};
use crate::protocol::record_batch::{ControlType, RecordBatchBuilder};
use crate::stdx::{Instant, Now};

use super::asking::Asked;
use super::control::{KRAFT_VERSION, Voter, VoterEndpoint, encode_voters};
use super::core::Quorum;
use super::raft::{ChangeRefusal, Raft};
use super::request::{QuorumRequest, QuorumResponse, QuorumToken, ReplicaKey};

/// The feature whose level says how the quorum speaks.
const KRAFT_VERSION_FEATURE: &str = "kraft.version";

/// A new voter must have had all there was within this time, as in Kafka.
const CAUGHT_UP_WITHIN: Duration = Duration::from_hours(1);

/// Why voters are not changed: Kafka's code, and a line for people where Kafka has one.
#[derive(Debug)]
pub(super) struct Refused(pub ErrorCode, pub Option<String>);

impl Refused {
    fn because(code: ErrorCode, reason: impl Into<String>) -> Self {
        Self(code, Some(reason.into()))
    }
}

/// The change that a request has begun.
#[derive(Debug)]
struct Change {
    token: QuorumToken,
    is_addition: bool,
    stage: Stage,
    /// Then it is answered, whatever comes of the change.
    deadline: Instant,
}

#[derive(Debug)]
enum Stage {
    /// The new voter is asked what it speaks. Whether the commit is waited for then.
    Asking(Voter, bool),
    /// The record is in the log, which ends here.
    Appended(Offset),
}

/// The change that is under way: one at a time.
#[derive(Debug, Default)]
pub(super) struct Changes {
    current: Option<Change>,
    /// Where the settings say who votes: the directories and addresses that voters have told this
    /// leader, for the day when the log is to say it.
    pub(super) told: BTreeMap<BrokerId, Voter>,
}

impl Changes {
    /// When the one who asked is answered at the latest.
    pub(super) fn next_deadline(&self) -> Instant {
        let current = self.current.as_ref();
        current.map_or(Instant::MAX, |change| change.deadline)
    }
}

impl Quorum {
    pub(super) fn on_add_voter(
        &mut self,
        now: Now,
        token: QuorumToken,
        request: &AddRaftVoterRequest,
    ) {
        if let Err(refused) = self.begin_addition(now, token, request) {
            self.later(token, answer(true, refused));
        }
    }

    fn begin_addition(
        &mut self,
        now: Now,
        token: QuorumToken,
        request: &AddRaftVoterRequest,
    ) -> Result<(), Refused> {
        self.check_asked(request.cluster_id.as_deref())?;
        let listeners = request.listeners.iter();
        let voter = Voter {
            id: request.voter_id,
            directory_id: request.voter_directory_id,
            endpoints: listeners
                .map(|one| VoterEndpoint::at(&one.name, &one.host, one.port))
                .collect(),
        };
        check_named(voter.id, voter.directory_id)?;
        let Some(address) = self.default_address(&voter) else {
            return Err(Refused::because(
                ErrorCode::InvalidRequest,
                format!(
                    "a voter is reached on the listener {}, which the request has no address of",
                    self.settings.listener
                ),
            ));
        };
        self.check_changeable()?;
        let mut known = self.known_voters().iter();
        if known.any(|known| known.id == voter.id) {
            let reason = format!(
                "node {} votes already: if its disk is a new one, remove its old directory first",
                voter.id
            );
            return Err(Refused::because(ErrorCode::DuplicateVoter, reason));
        }
        if self.settings.membership.stays_alone {
            let reason = "this controller is a broker, too, and its settings tell of no other \
                          controller: name the others in controller.quorum.bootstrap.servers and \
                          start it again";
            return Err(Refused::because(ErrorCode::InvalidRequest, reason));
        }
        let question = ApiVersionsRequest {
            client_software_name: "forebay".to_owned(),
            client_software_version: env!("CARGO_PKG_VERSION").to_owned(),
            ..Default::default()
        };
        self.ask(address, question.into(), Asked::Versions(voter.id));
        self.changes.current = Some(Change {
            token,
            is_addition: true,
            stage: Stage::Asking(voter, request.ack_when_committed),
            deadline: now.instant + self.settings.membership.timeouts.request,
        });
        Ok(())
    }

    /// The new voter has said what it speaks, or never will.
    pub(super) fn on_versions(&mut self, now: Now, id: i32, found: Option<&ApiVersionsResponse>) {
        let is_awaited = |change: &mut Change| match &change.stage {
            Stage::Asking(voter, _) => voter.id == id,
            Stage::Appended(_) => false,
        };
        let Some(change) = self.changes.current.take_if(is_awaited) else {
            return;
        };
        let Stage::Asking(voter, acks_commit) = &change.stage else {
            return;
        };
        if let Err(refused) = self.check_addition(now, voter, found) {
            return self.later(change.token, answer(true, refused));
        }
        let mut voters = self.known_voters().to_vec();
        voters.push(voter.clone());
        let waits = *acks_commit;
        self.append_change(now, change, voters, waits);
    }

    fn check_addition(
        &self,
        now: Now,
        voter: &Voter,
        found: Option<&ApiVersionsResponse>,
    ) -> Result<(), Refused> {
        let Some(found) = found.filter(|found| found.error_code == 0) else {
            let reason = format!("node {} does not answer on its listener", voter.id);
            return Err(Refused::because(ErrorCode::RequestTimedOut, reason));
        };
        let mut features = found.supported_features.iter();
        let speaks = features.any(|feature| {
            let levels = feature.min_version..=feature.max_version;
            feature.name == KRAFT_VERSION_FEATURE && levels.contains(&KRAFT_VERSION)
        });
        if !speaks {
            let reason = format!(
                "node {} does not speak kraft.version {KRAFT_VERSION}",
                voter.id
            );
            return Err(Refused::because(ErrorCode::InvalidRequest, reason));
        }
        let key = ReplicaKey {
            id: voter.id,
            directory_id: voter.directory_id,
        };
        let within = i64::try_from(CAUGHT_UP_WITHIN.as_millis()).unwrap_or(i64::MAX);
        let known = self.replicas.latest(|replica| replica == key);
        let is_caught_up = known.is_some_and(|(_, progress)| {
            progress.last_caught_up_ms.is_some() && now.wall_ms - progress.last_fetch_ms < within
        });
        if !is_caught_up {
            let reason = format!(
                "node {} has not all of the metadata log yet in its directory {}",
                voter.id, voter.directory_id
            );
            return Err(Refused::because(ErrorCode::RequestTimedOut, reason));
        }
        self.check_changeable()
    }

    pub(super) fn on_remove_voter(
        &mut self,
        now: Now,
        token: QuorumToken,
        request: &RemoveRaftVoterRequest,
    ) {
        match self.without_voter(request) {
            Ok(voters) => {
                let change = Change {
                    token,
                    is_addition: false,
                    stage: Stage::Appended(Offset::MAX),
                    deadline: now.instant + self.settings.membership.timeouts.request,
                };
                self.append_change(now, change, voters, true);
            }
            Err(refused) => self.later(token, answer(false, refused)),
        }
    }

    fn without_voter(&self, request: &RemoveRaftVoterRequest) -> Result<Vec<Voter>, Refused> {
        self.check_asked(request.cluster_id.as_deref())?;
        let (id, directory_id) = (request.voter_id, request.voter_directory_id);
        check_named(id, directory_id)?;
        self.check_changeable()?;
        let known = self.known_voters();
        let is_it = |voter: &Voter| voter.id == id && voter.directory_id == directory_id;
        let others: Vec<Voter> = known.iter().filter(|one| !is_it(one)).cloned().collect();
        if others.len() == known.len() || others.is_empty() {
            let reason = match others.is_empty() {
                true => format!("node {id} is the only voter"),
                false => format!("node {id} does not vote with the directory {directory_id}"),
            };
            return Err(Refused::because(ErrorCode::VoterNotFound, reason));
        }
        Ok(others)
    }

    pub(super) fn on_update_voter(
        &mut self,
        now: Now,
        token: QuorumToken,
        asked: &QuorumRequest,
        request: &UpdateRaftVoterRequest,
    ) {
        let changed = self.check_update(request).and_then(|voter| {
            if self.kraft_version() < KRAFT_VERSION {
                return self.note_told(voter, &request.kraft_version_feature);
            }
            let voters = self.with_addresses(voter, &request.kraft_version_feature)?;
            self.append_voters(now, voters);
            Ok(())
        });
        let error = match changed {
            Ok(()) => ErrorCode::None,
            Err(Refused(error, _)) => error,
        };
        let leader = self.leader_endpoint(&asked.listener);
        let current_leader = CurrentLeader {
            leader_id: self.leader_id().unwrap_or(-1),
            leader_epoch: self.epoch(),
            host: leader.map_or_else(String::new, |(_, endpoint)| endpoint.host.clone()),
            port: leader.map_or(0, |(_, endpoint)| i32::from(endpoint.port)),
            ..Default::default()
        };
        let response = UpdateRaftVoterResponse {
            error_code: error.code(),
            current_leader,
            ..Default::default()
        };
        self.later(token, response);
    }

    /// The voter that tells of itself, if it may.
    fn check_update(&self, request: &UpdateRaftVoterRequest) -> Result<Voter, Refused> {
        let plain = |error| Refused(error, None);
        self.check_cluster(request.cluster_id.as_deref())
            .and_then(|()| self.check_leading(request.current_leader_epoch))
            .map_err(plain)?;
        check_named(request.voter_id, request.voter_directory_id)?;
        let listeners = request.listeners.iter();
        let voter = Voter {
            id: request.voter_id,
            directory_id: request.voter_directory_id,
            endpoints: listeners
                .map(|one| VoterEndpoint::at(&one.name, &one.host, one.port))
                .collect(),
        };
        let spoken = &request.kraft_version_feature;
        let (min, max) = (spoken.min_supported_version, spoken.max_supported_version);
        if self.default_address(&voter).is_none() || min < 0 || max < min {
            return Err(plain(ErrorCode::InvalidRequest));
        }
        Ok(voter)
    }

    fn with_addresses(
        &self,
        voter: Voter,
        spoken: &KRaftVersionFeature,
    ) -> Result<Vec<Voter>, Refused> {
        let plain = |error| Refused(error, None);
        self.check_changeable()?;
        let levels = spoken.min_supported_version..=spoken.max_supported_version;
        if !levels.contains(&KRAFT_VERSION) {
            return Err(plain(ErrorCode::InvalidRequest));
        }
        let mut voters = self.known_voters().to_vec();
        let mut places = voters.iter_mut();
        let known = places
            .find(|known| known.id == voter.id && known.directory_id == voter.directory_id)
            .ok_or(plain(ErrorCode::VoterNotFound))?;
        *known = voter;
        Ok(voters)
    }

    /// The request is for this cluster, and for the leader.
    fn check_asked(&self, cluster_id: Option<&str>) -> Result<(), Refused> {
        let own = &self.settings.cluster_id;
        self.check_cluster(cluster_id)
            .map_err(|error| Refused::because(error, format!("this is the cluster {own}")))?;
        self.check_leading(self.epoch())
            .map_err(|error| Refused(error, None))
    }

    /// Nothing forbids another change.
    fn check_changeable(&self) -> Result<(), Refused> {
        let wait = |reason| Refused::because(ErrorCode::RequestTimedOut, reason);
        if self.changes.current.is_some() {
            return Err(wait("another change of the voters is under way"));
        }
        let refusal = self.raft.as_ref().map(Raft::check_change);
        if refusal == Some(Err(ChangeRefusal::EpochUncommitted)) {
            return Err(wait(
                "the leader has not committed anything of its epoch yet",
            ));
        }
        if self.kraft_version() < KRAFT_VERSION {
            let reason = "the voters of this cluster are those of controller.quorum.voters \
                          (kraft.version 0), which never change";
            return Err(Refused::because(ErrorCode::UnsupportedVersion, reason));
        }
        match refusal {
            Some(Ok(())) => Ok(()),
            Some(Err(ChangeRefusal::ChangeUncommitted)) => {
                Err(wait("the latest change of the voters is not committed yet"))
            }
            _ => Err(Refused(ErrorCode::NotLeaderOrFollower, None)),
        }
    }

    /// Where a voter is reached by other nodes.
    fn default_address(&self, voter: &Voter) -> Option<NodeAddress> {
        let mut endpoints = voter.endpoints.iter();
        let found = endpoints.find(|one| one.listener == self.settings.listener)?;
        Some(NodeAddress {
            host: found.host.clone(),
            port: found.port,
        })
    }

    fn append_change(&mut self, now: Now, mut change: Change, voters: Vec<Voter>, waits: bool) {
        let names: Vec<String> = voters.iter().map(|voter| voter.id.to_string()).collect();
        tracing::info!(
            "the voters of the metadata quorum become {}",
            names.join(", ")
        );
        let end_offset = self.append_voters(now, voters);
        if !waits {
            let done = answer(change.is_addition, Refused(ErrorCode::None, None));
            return self.later(change.token, done);
        }
        change.stage = Stage::Appended(end_offset);
        self.changes.current = Some(change);
        // Whoever is alone may have committed it before.
        self.end_committed_change();
    }

    /// Append who votes from here on; the offset behind that.
    fn append_voters(&mut self, now: Now, voters: Vec<Voter>) -> Offset {
        self.append_with_voters(now, RecordBatchBuilder::new().control(), voters)
    }

    /// The same behind what is in the batch.
    pub(super) fn append_with_voters(
        &mut self,
        now: Now,
        mut batch: RecordBatchBuilder,
        voters: Vec<Voter>,
    ) -> Offset {
        let record = encode_voters(&voters);
        batch.append_control(now.wall_ms, ControlType::KraftVoters, &record);
        let (end_offset, _) = self.append_batch(now, batch);
        self.voters.note(end_offset, voters);
        self.adopt_voters();
        end_offset
    }

    /// More is committed: maybe the change that somebody waits for.
    pub(super) fn end_committed_change(&mut self) {
        let committed = self.high_watermark;
        let is_done = |change: &mut Change| match change.stage {
            Stage::Appended(end_offset) => end_offset <= committed,
            Stage::Asking(..) => false,
        };
        if let Some(change) = self.changes.current.take_if(is_done) {
            let done = answer(change.is_addition, Refused(ErrorCode::None, None));
            self.answer(change.token, done);
        }
    }

    /// Whoever waits for a change is told that its time is up.
    pub(super) fn expire_change(&mut self, now: Now) {
        if self.changes.next_deadline() <= now.instant {
            self.refuse_change(ErrorCode::RequestTimedOut);
        }
    }

    /// Whoever waits for a change is told why this node does not know what becomes of it.
    pub(super) fn refuse_change(&mut self, error: ErrorCode) {
        if let Some(change) = self.changes.current.take() {
            let refused = answer(change.is_addition, Refused(error, None));
            self.answer(change.token, refused);
        }
    }
}

/// A voter is named by its number and its directory.
fn check_named(id: i32, directory_id: Uuid) -> Result<(), Refused> {
    if id >= 0 && !directory_id.is_zero() {
        return Ok(());
    }
    let reason = "a voter is named by its node.id and the directory.id of its metadata log";
    Err(Refused::because(ErrorCode::InvalidRequest, reason))
}

fn answer(is_addition: bool, Refused(error, reason): Refused) -> QuorumResponse {
    let error_code = error.code();
    match is_addition {
        true => AddRaftVoterResponse {
            error_code,
            error_message: reason,
            ..Default::default()
        }
        .into(),
        false => RemoveRaftVoterResponse {
            error_code,
            error_message: reason,
            ..Default::default()
        }
        .into(),
    }
}
