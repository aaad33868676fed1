//! What this node asks of others, and whom.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::log::storage::StorageOutbox;
use crate::model::{BrokerId, NodeAddress};
use crate::protocol::{AnyRequest, AnyResponse};
use crate::stdx::{Instant, Now};

use super::control::{Voter, VoterEndpoint};
use super::core::Quorum;
use super::event::QuorumOutgoing;
use super::machine::Input;
use super::raft::{FetchAsk, Request, Target, VoteAsk};
use super::request::ReplicaKey;
use super::wire::{self, Sender, ToldAddresses};

/// How often it is said that other nodes do not serve: they are asked many times a second.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(10);

/// What was asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asked {
    Vote(BrokerId, VoteAsk),
    BeginEpoch(ReplicaKey),
    EndEpoch,
    /// Of this node, or of whoever may know who leads.
    Fetch(Option<BrokerId>, FetchAsk),
    SnapshotPart,
    /// Whether this node speaks what a voter has to.
    Versions(BrokerId),
    /// Something about this node's own vote.
    Enrolling,
}

/// What was asked and is not answered, and where the leader is.
#[derive(Debug, Default)]
pub(super) struct Asks {
    next_id: u64,
    under_way: BTreeMap<u64, (NodeAddress, Asked)>,
    outgoing: VecDeque<QuorumOutgoing>,
    /// The fetch that the machine waits for.
    latest_fetch: Option<u64>,
    /// Where other nodes say that the leader is.
    leader: Option<(BrokerId, NodeAddress)>,
    /// Whom of those to ask next that may know who leads.
    next_adviser: usize,
    /// When it was last said that an answer was of no use.
    complained_at: Option<Instant>,
    /// Why the last answer was of no use.
    complaint: Option<String>,
}

impl Quorum {
    /// The next request that is to be sent. [`Quorum::on_outcome`] has to be called once for each.
    pub fn next_outgoing(&mut self) -> Option<QuorumOutgoing> {
        self.asks.outgoing.pop_front()
    }

    /// The request with this `id` was answered, or failed, or is given up.
    pub fn on_outcome(
        &mut self,
        now: Now,
        id: u64,
        response: Option<AnyResponse>,
        outbox: &mut StorageOutbox,
    ) {
        let response = response.map(Box::new);
        self.inputs.push_back(Input::Outcome(id, response));
        self.drive(now, outbox);
    }

    /// The request with this `id` was not sent, since nobody listens where it was to go.
    pub fn on_refused(&mut self, now: Now, id: u64, outbox: &mut StorageOutbox) {
        self.inputs.push_back(Input::Refused(id));
        self.drive(now, outbox);
    }

    /// Why the last answer of another node was of no use; `None` if it was.
    #[must_use]
    pub fn complaint(&self) -> Option<&str> {
        self.asks.complaint.as_deref()
    }

    /// This node, as a replica.
    pub(super) fn me(&self) -> ReplicaKey {
        ReplicaKey {
            id: self.settings.node_id,
            directory_id: self.settings.directory_id,
        }
    }

    fn sender(&self) -> Sender<'_> {
        Sender {
            cluster_id: &self.settings.cluster_id,
            me: self.me(),
            endpoints: &self.settings.endpoints,
        }
    }

    /// Send what the machine wants to be sent.
    pub(super) fn send(&mut self, to: Target, request: &Request) {
        let is_fetch = matches!(request, Request::Fetch(_));
        let found = match to {
            Target::Node(id) => self.address_of(id).map(|address| (Some(id), address)),
            Target::Anybody => None,
        };
        let found = match found {
            // Whoever knows the leader tells where it is.
            None if is_fetch => self.next_adviser().map(|address| (None, address)),
            found => found,
        };
        let Some((node, address)) = found else {
            if is_fetch {
                self.tell(|raft, _| raft.on_unreachable(true));
            }
            return;
        };
        let message = self.sender().encode(request);
        let asked = match request {
            Request::Vote(ask) => {
                let to = ask.voter.map_or(-1, |voter| voter.id);
                Asked::Vote(to, *ask)
            }
            Request::BeginEpoch { voter, .. } => Asked::BeginEpoch(*voter),
            Request::EndEpoch { .. } => Asked::EndEpoch,
            Request::Fetch(ask) => Asked::Fetch(node, *ask),
        };
        let id = self.ask(address, message, asked);
        if is_fetch {
            self.asks.latest_fetch = Some(id);
        }
    }

    /// Ask `leader` for the part of a snapshot that is downloaded next; false if nobody knows where
    /// it is.
    pub(super) fn ask_for_part(&mut self) -> bool {
        let Some(download) = &self.download else {
            return false;
        };
        let Some(address) = self.address_of(download.leader) else {
            return false;
        };
        let (epoch, id, position) = (download.epoch, download.id, download.position());
        let message = self.sender().fetch_snapshot(epoch, id, position);
        self.ask(address, message.into(), Asked::SnapshotPart);
        true
    }

    pub(super) fn ask(&mut self, to: NodeAddress, request: AnyRequest, asked: Asked) -> u64 {
        let id = self.asks.next_id;
        self.asks.next_id += 1;
        self.asks.under_way.insert(id, (to.clone(), asked));
        self.asks.outgoing.push_back(QuorumOutgoing {
            id,
            to,
            request,
            timeout: self.settings.membership.timeouts.request,
        });
        id
    }

    /// Where the node `id` is reached, as far as is known.
    pub(super) fn address_of(&self, id: BrokerId) -> Option<NodeAddress> {
        let told = self.asks.leader.as_ref();
        if let Some((_, address)) = told.filter(|(leader, _)| *leader == id) {
            return Some(address.clone());
        }
        let voter = self.known_voters().iter().find(|voter| voter.id == id)?;
        self.address_among(&voter.endpoints)
    }

    /// The address on the listener that nodes use.
    fn address_among(&self, endpoints: &[VoterEndpoint]) -> Option<NodeAddress> {
        let mut found = endpoints.iter();
        let found = found.find(|one| one.listener == self.settings.listener);
        found.or(endpoints.first()).map(|endpoint| NodeAddress {
            host: endpoint.host.clone(),
            port: endpoint.port,
        })
    }

    /// Those that vote, as far as this node knows.
    pub(super) fn known_voters(&self) -> &[Voter] {
        let of_settings = self.settings.membership.static_voters.as_deref();
        self.voters.latest().or(of_settings).unwrap_or_default()
    }

    /// The next of those that may know who leads, in turns.
    fn next_adviser(&mut self) -> Option<NodeAddress> {
        let is_me = |address: &NodeAddress| {
            let mut own = self.settings.endpoints.iter();
            own.any(|one| one.host == address.host && one.port == address.port)
        };
        let mut advisers = self.settings.membership.bootstrap.clone();
        if advisers.is_empty() {
            let voters = self.known_voters().iter();
            let others = voters.filter(|voter| voter.id != self.settings.node_id);
            advisers.extend(others.filter_map(|voter| self.address_among(&voter.endpoints)));
        }
        advisers.retain(|address| !is_me(address));
        let place = self.asks.next_adviser.checked_rem(advisers.len())?;
        self.asks.next_adviser = place + 1;
        Some(advisers.swap_remove(place))
    }

    /// The leader says where it is.
    pub(super) fn learn_endpoints(&mut self, leader: BrokerId, endpoints: &[VoterEndpoint]) {
        if let Some(address) = self.address_among(endpoints) {
            self.asks.leader = Some((leader, address));
        }
    }

    /// Where the leader was told to be by an answer; `None` if it was not.
    pub(super) fn told_address(&self, id: BrokerId) -> Option<&NodeAddress> {
        let told = self.asks.leader.as_ref();
        let told = told.filter(|(leader, _)| *leader == id);
        told.map(|(_, address)| address)
    }

    fn learn_address(&mut self, leader: Option<BrokerId>, told: ToldAddresses) {
        let found = told.into_iter().find(|(id, _)| Some(*id) == leader);
        let is_other = leader.is_some_and(|leader| leader != self.settings.node_id);
        if let Some(found) = found.filter(|_| is_other) {
            self.asks.leader = Some(found);
        }
    }

    /// What was asked with this `id` has ended.
    pub(super) fn take_outcome(&mut self, now: Now, id: u64, response: Option<Box<AnyResponse>>) {
        let Some((to, asked)) = self.asks.under_way.remove(&id) else {
            return;
        };
        let taken = match response.map(|response| *response) {
            Some(response) => self.take_answer(now, asked, response),
            None => {
                let told = self.asks.leader.as_ref();
                if told.is_some_and(|(_, address)| *address == to) {
                    // It may be somewhere else by now.
                    self.asks.leader = None;
                }
                Err("there was no answer".to_owned())
            }
        };
        let Err(reason) = taken else {
            self.asks.complaint = None;
            return;
        };
        let said = self.asks.complained_at;
        if said.is_none_or(|said| now.instant - said >= COMPLAINT_INTERVAL) {
            tracing::warn!("{to} does not serve the metadata quorum: {reason}");
            self.asks.complained_at = Some(now.instant);
        }
        self.asks.complaint = Some(reason);
        match asked {
            Asked::Fetch(..) if self.asks.latest_fetch == Some(id) => {
                self.tell(|raft, _| raft.on_unreachable(true));
            }
            Asked::SnapshotPart => self.abandon_download(),
            Asked::Versions(id) => self.on_versions(now, id, None),
            _ => {}
        }
    }

    /// Nobody listens where what was asked with this `id` was to go.
    pub(super) fn take_refusal(&mut self, now: Now, id: u64) {
        let asked = self.asks.under_way.get(&id).map(|(_, asked)| *asked);
        let is_latest = self.asks.latest_fetch == Some(id);
        self.take_outcome(now, id, None);
        if let Some(Asked::Fetch(Some(leader), ask)) = asked.filter(|_| is_latest) {
            self.tell(|raft, log| raft.on_leader_gone(leader, ask.epoch, log));
        }
    }

    fn take_answer(&mut self, now: Now, asked: Asked, response: AnyResponse) -> Result<(), String> {
        match (asked, response) {
            (Asked::Fetch(_, ask), AnyResponse::Fetch(response)) => {
                let mut fetched = wire::decode_fetch(&response)?;
                let told = std::mem::take(&mut fetched.told);
                self.learn_address(fetched.answer.known.leader, told);
                self.on_fetched(now, &ask, fetched);
            }
            (Asked::Vote(from, ask), AnyResponse::Vote(response)) => {
                let (answer, told) = wire::decode_vote(&response)?;
                self.learn_address(answer.known.leader, told);
                self.tell(|raft, log| raft.on_vote_answer(from, &ask, &answer, log));
            }
            (Asked::BeginEpoch(voter), AnyResponse::BeginQuorumEpoch(response)) => {
                let (answer, told) = wire::decode_begin_epoch(&response)?;
                self.learn_address(answer.leader, told);
                self.tell(|raft, log| raft.on_begin_epoch_answer(voter, answer, log));
            }
            (Asked::EndEpoch, AnyResponse::EndQuorumEpoch(response)) => {
                let (answer, told) = wire::decode_end_epoch(&response)?;
                self.learn_address(answer.leader, told);
                self.tell(|raft, log| raft.on_end_epoch_answer(answer, log));
            }
            (Asked::SnapshotPart, AnyResponse::FetchSnapshot(response)) => {
                let part = wire::decode_part(&response)?;
                self.on_part(now, part)?;
            }
            (Asked::Versions(id), AnyResponse::ApiVersions(response)) => {
                self.on_versions(now, id, Some(&response));
            }
            (Asked::Enrolling, response) => self.on_enrolled(&response)?,
            _ => return Err("the answer is to something else".to_owned()),
        }
        Ok(())
    }
}
