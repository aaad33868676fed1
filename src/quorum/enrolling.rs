//! What a follower asks the leader about its own vote: that the log names it where it is reached
//! now, and, with `controller.quorum.auto.join.enable`, that it gets one (KIP-853). Where the
//! settings say who votes, it tells the leader of its directory, so that the log may say it later.
//!
//! It looks once in the time of a fetch, as Apache Kafka does. What it asks, and the answer, are
//! lost now and then: what counts is what the log says.

use crate::model::{ErrorCode, LeaderEpoch, NodeAddress};
use crate::protocol::messages::{
    AddRaftVoterRequest, RemoveRaftVoterRequest, UpdateRaftVoterRequest, add_raft_voter_request,
    update_raft_voter_request,
};
use crate::protocol::{AnyRequest, AnyResponse};
use crate::stdx::{Instant, Now};

use super::asking::Asked;
use super::control::{KRAFT_VERSION, Voter, VoterEndpoint};
use super::core::{Phase, Quorum};
use super::raft::Role;

/// When to look next.
#[derive(Debug, Default)]
pub(super) struct Enrolling {
    /// While this node follows in this epoch.
    due: Option<(LeaderEpoch, Instant)>,
    /// The epoch whose leader was asked last,
    asked_in: LeaderEpoch,
    /// and the one whose leader knows this node's directory, or does not want to know it, where
    /// the settings say who votes.
    is_settled_in: Option<LeaderEpoch>,
}

impl Enrolling {
    pub(super) fn next_deadline(&self) -> Instant {
        self.due.map_or(Instant::MAX, |(_, due)| due)
    }
}

impl Quorum {
    /// See whether the log has this node as it is, if it is time to.
    pub(super) fn advance_enrolling(&mut self, now: Now) {
        let is_following = self.raft.as_ref().is_some_and(|raft| {
            matches!(raft.role(), Role::Follower { .. }) && matches!(self.phase, Phase::Running)
        });
        if !is_following || !self.settings.membership.votes {
            self.enrolling.due = None;
            return;
        }
        if self.is_busy() {
            return;
        }
        let epoch = self.epoch();
        let later = now.instant + self.settings.membership.timeouts.fetch;
        let due = self.enrolling.due.filter(|(of, _)| *of == epoch);
        if due.is_some_and(|(_, due)| due <= now.instant)
            && let Some(request) = self.wish()
            && let Some(address) = self.leader_address()
        {
            self.ask(address, request, Asked::Enrolling);
            self.enrolling.asked_in = epoch;
        }
        if due.is_none_or(|(_, due)| due <= now.instant) {
            self.enrolling.due = Some((epoch, later));
        }
    }

    /// The leader has answered.
    ///
    /// # Errors
    /// A line that says why it does not do what was asked.
    pub(super) fn on_enrolled(&mut self, response: &AnyResponse) -> Result<(), String> {
        let unsupported = ErrorCode::UnsupportedVersion.code();
        // A leader that cannot have the log name voters has no use for directories.
        let is_useless = match response {
            AnyResponse::UpdateRaftVoter(response) => response.error_code == unsupported,
            _ => false,
        };
        let is_useless = is_useless && self.kraft_version() < KRAFT_VERSION;
        if !is_useless {
            check_enrolled(response)?;
        }
        self.enrolling.is_settled_in = Some(self.enrolling.asked_in);
        Ok(())
    }

    fn leader_address(&self) -> Option<NodeAddress> {
        self.address_of(self.leader_id()?)
    }

    /// What this node wants to be otherwise in the log.
    fn wish(&self) -> Option<AnyRequest> {
        let me = self.me();
        let mut voters = self.known_voters().iter();
        let known = voters.find(|voter| voter.id == me.id);
        if self.kraft_version() < KRAFT_VERSION {
            let is_settled = self.enrolling.is_settled_in == Some(self.epoch());
            return (known.is_some() && !is_settled).then(|| self.update().into());
        }
        match known {
            Some(known) if known.directory_id == me.directory_id => {
                (!has_same_endpoints(known, &self.settings.endpoints)).then(|| self.update().into())
            }
            _ if !self.settings.membership.joins => None,
            // Its disk is a new one: the vote of the old one is given back first.
            Some(known) => Some(self.removal(known).into()),
            None => Some(self.addition().into()),
        }
    }

    fn update(&self) -> UpdateRaftVoterRequest {
        let me = self.me();
        let listeners = self.settings.endpoints.iter();
        UpdateRaftVoterRequest {
            cluster_id: Some(self.settings.cluster_id.to_string()),
            current_leader_epoch: self.epoch(),
            voter_id: me.id,
            voter_directory_id: me.directory_id,
            listeners: listeners
                .map(|one| update_raft_voter_request::Listener {
                    name: one.listener.clone(),
                    host: one.host.clone(),
                    port: one.port,
                    ..Default::default()
                })
                .collect(),
            kraft_version_feature: update_raft_voter_request::KRaftVersionFeature {
                min_supported_version: 0,
                max_supported_version: KRAFT_VERSION,
                ..Default::default()
            },
            ..Default::default()
        }
    }

    fn addition(&self) -> AddRaftVoterRequest {
        let me = self.me();
        let timeout_ms = self.settings.membership.timeouts.request.as_millis();
        let listeners = self.settings.endpoints.iter();
        AddRaftVoterRequest {
            cluster_id: Some(self.settings.cluster_id.to_string()),
            timeout_ms: i32::try_from(timeout_ms).unwrap_or(i32::MAX),
            voter_id: me.id,
            voter_directory_id: me.directory_id,
            listeners: listeners
                .map(|one| add_raft_voter_request::Listener {
                    name: one.listener.clone(),
                    host: one.host.clone(),
                    port: one.port,
                    ..Default::default()
                })
                .collect(),
            // The commit needs the fetches that wait behind this request.
            ack_when_committed: false,
            ..Default::default()
        }
    }

    fn removal(&self, voter: &Voter) -> RemoveRaftVoterRequest {
        RemoveRaftVoterRequest {
            cluster_id: Some(self.settings.cluster_id.to_string()),
            voter_id: voter.id,
            voter_directory_id: voter.directory_id,
            ..Default::default()
        }
    }
}

/// The leader's answer to one of these.
///
/// # Errors
/// A line that says why it does not do it.
fn check_enrolled(response: &AnyResponse) -> Result<(), String> {
    let (code, message) = match response {
        AnyResponse::AddRaftVoter(response) => (response.error_code, &response.error_message),
        AnyResponse::RemoveRaftVoter(response) => (response.error_code, &response.error_message),
        AnyResponse::UpdateRaftVoter(response) => (response.error_code, &None),
        _ => return Err("the answer is to something else".to_owned()),
    };
    if code == 0 {
        return Ok(());
    }
    let name = ErrorCode::from_code(code).map_or("an unknown code", ErrorCode::name);
    let why = message
        .as_deref()
        .map_or_else(String::new, |why| format!(" ({why})"));
    Err(format!("it does not change this node's vote: {name}{why}"))
}

/// True if the voter is reached where the log says, in whatever order.
pub(super) fn has_same_endpoints(known: &Voter, own: &[VoterEndpoint]) -> bool {
    let has = |one: &VoterEndpoint| known.endpoints.contains(one);
    known.endpoints.len() == own.len() && own.iter().all(has)
}
