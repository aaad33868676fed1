//! What this shard asks other nodes: which of its parts asked, and the bytes on the connections
//! that it dials.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::client::{
    AskFailure, AskToken, Dial, DialFailure, LinkId, PeerId, Peers, PeersSettings,
};
use crate::metadata::{OutgoingId, Probe, ProbeId, ProbeOutcome};
use crate::protocol::{AnyRequest, AnyResponse};
use crate::stdx::{Instant, Now, Random};

use super::core::Shard;
use super::event::{ConnectionId, Event};
use super::{Effect, Effects, ShardSettings};

/// What is received from all nodes goes through this much memory: a few reads of a socket's buffer,
/// and no more than a core's cache holds.
const RECEIVE_BYTES: usize = 128 << 10;

/// Who asked another node, and is told the outcome.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PeerAsker {
    /// The metadata node, with its own name of the request.
    Metadata(OutgoingId),
    /// The fetcher of this number.
    Fetcher(u32),
    /// A test, likewise.
    #[cfg(test)]
    Test(u64),
}

/// The links of this shard to other nodes.
#[derive(Debug)]
pub struct PeerLinks {
    peers: Peers,
    askers: BTreeMap<AskToken, PeerAsker>,
    /// What the controller wants to know by dials.
    probes: BTreeMap<LinkId, ProbeId>,
    /// Empty until the first connection is there.
    memory: Vec<u8>,
    /// The outcomes of what tests asked.
    #[cfg(test)]
    pub(super) told: Vec<(u64, Result<AnyResponse, AskFailure>)>,
}

impl PeerLinks {
    /// How many connections there are, or are being made.
    pub fn links_count(&self) -> usize {
        self.peers.links_count()
    }

    /// No links.
    pub fn new(settings: &ShardSettings) -> Self {
        let config = &settings.config;
        let idle_ms = config.connections_max_idle_ms;
        let peers_settings = PeersSettings {
            client_id: format!("node-{}", config.node_id),
            setup_timeout: Duration::from_millis(config.socket_connection_setup_timeout_ms),
            setup_timeout_max: Duration::from_millis(config.socket_connection_setup_timeout_max_ms),
            idle_max: idle_ms
                .and_then(|ms| u64::try_from(ms).ok())
                .map(Duration::from_millis),
        };
        // It makes the pauses of nodes differ, for which their numbers are random enough.
        let seed = u64::from(config.node_id.cast_unsigned()) << 16 | u64::from(settings.id.0);
        Self {
            peers: Peers::new(peers_settings, Random::from_seed(seed)),
            askers: BTreeMap::new(),
            probes: BTreeMap::new(),
            memory: Vec::new(),
            #[cfg(test)]
            told: Vec::new(),
        }
    }

    /// Memory for the next bytes of a dialed connection; they are taken in with the next event.
    pub fn receive_buffer(&mut self, link: LinkId) -> Option<&mut [u8]> {
        if !self.peers.is_open(link) {
            return None;
        }
        self.memory.resize(RECEIVE_BYTES, 0);
        Some(&mut self.memory)
    }

    /// When there is something to do.
    pub fn next_deadline(&self) -> Instant {
        if self.peers.has_outcomes() {
            return Instant::default();
        }
        self.peers.next_deadline()
    }

    /// The time that was named has come.
    pub fn on_time(&mut self, now: Now) {
        self.peers.on_time(now.instant);
    }

    /// Something happened to a dialed connection.
    pub fn on_event(&mut self, now: Now, link: LinkId, event: Event) {
        let now = now.instant;
        match event {
            Event::Dialed { result, .. } => self.peers.on_dialed(now, link, result),
            Event::Received { length, .. } => {
                self.peers.on_received(now, link, &self.memory[..length]);
            }
            Event::Disconnected { .. } => self.peers.on_disconnected(now, link),
            // Requests are small, and few wait for an answer: what is sent is bounded by that.
            Event::Sent { .. } => {}
            other => unreachable!("{other:?} is not about a connection"),
        }
    }

    fn next_outcome(&mut self) -> Option<(PeerAsker, Result<AnyResponse, AskFailure>)> {
        let (token, outcome) = self.peers.next_outcome()?;
        let asker = self.askers.remove(&token);
        Some((asker.expect("each request has one outcome"), outcome))
    }
}

impl Shard {
    /// Ask another node. The outcome comes to whom `asker` names, in this turn or a later one, once
    /// for each request and within `timeout`.
    pub fn ask_peer(
        &mut self,
        now: Now,
        asker: PeerAsker,
        to: PeerId,
        request: AnyRequest,
        timeout: Duration,
    ) {
        let links = &mut self.peers;
        let token = links.peers.ask(now.instant, to, request, timeout);
        links.askers.insert(token, asker);
    }

    /// See for the controller whether anybody listens somewhere. The outcome comes to the metadata
    /// node.
    pub(super) fn probe(&mut self, probe: Probe) {
        let links = &mut self.peers;
        let link = links.peers.probe(probe.address, probe.timeout);
        links.probes.insert(link, probe.id);
    }

    /// The outcomes of what a test asked, in the order in which they came.
    #[cfg(test)]
    pub fn told(&mut self) -> Vec<(u64, Result<AnyResponse, AskFailure>)> {
        std::mem::take(&mut self.peers.told)
    }

    /// Tell those who asked other nodes what came of it. Who asks again at once is told in the next
    /// turn: a request that cannot be sent fails within this one, and could go on to do so.
    pub(super) fn tell_outcomes(&mut self, now: Now, effects: &mut Effects) {
        let outcomes: Vec<_> = std::iter::from_fn(|| self.peers.next_outcome()).collect();
        for (asker, outcome) in outcomes {
            if let Err(failure) = &outcome {
                tracing::debug!(?asker, "another node gives no answer: {failure}");
            }
            match asker {
                PeerAsker::Metadata(id) => self.on_node_outcome(now, id, outcome, effects),
                PeerAsker::Fetcher(number) => self.on_fetcher_outcome(now, number, outcome.ok()),
                #[cfg(test)]
                PeerAsker::Test(id) => self.peers.told.push((id, outcome)),
            }
        }
        while let Some((link, result)) = self.peers.peers.next_probed() {
            let id = self.peers.probes.remove(&link);
            let outcome = match result {
                Err(DialFailure::Refused { .. }) => ProbeOutcome::Refused,
                _ => ProbeOutcome::Unclear,
            };
            self.on_probed(now, id.expect("each probe has one outcome"), outcome);
        }
    }

    /// Make the connections that are wanted, send what is to be sent, close what is of no use.
    pub(super) fn drive_links(&mut self, effects: &mut Effects) {
        let peers = &mut self.peers.peers;
        while let Some(Dial {
            link,
            address,
            timeout,
        }) = peers.next_dial()
        {
            effects.push(Effect::Dial {
                connection: ConnectionId::dialed(link.0),
                address,
                timeout,
            });
        }
        while let Some((link, slices)) = peers.next_send() {
            effects.send(ConnectionId::dialed(link.0), slices);
        }
        while let Some(link) = peers.next_close() {
            effects.push(Effect::Disconnect {
                connection: ConnectionId::dialed(link.0),
                flush: false,
            });
        }
    }
}
