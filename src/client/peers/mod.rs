//! Links to other nodes of the cluster: a request in, exactly one outcome out.
//!
//! Owns: a [`Connection`] for each node and purpose, its making and its loss, the requests that
//! wait for it, the pause before a node that was not reached is tried again.
//! Promises: each [`Peers::ask`] has exactly one outcome, at the latest when its time is up; the
//! requests to one [`PeerId`] are sent in the order in which they were asked, each at most once.
//! Knows nothing of: sockets, clocks, what the answers mean. Nothing is asked again by itself.
//! Lives in: each shard. Start at [`Peers::ask`].

mod failure;
mod probing;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use crate::model::NodeAddress;
use crate::protocol::{AnyRequest, AnyResponse};
use crate::stdx::{Instant, Random};

use super::{Connection, ConnectionError, RequestId};

pub use failure::{AskFailure, DialFailure};

/// The pause after the first loss of a connection, and the longest after many: the defaults of
/// `reconnect.backoff.ms` and `reconnect.backoff.max.ms` in Kafka's clients, which its nodes use
/// among each other. They are no settings of a broker.
const RECONNECT_BACKOFF: Duration = Duration::from_millis(50);
const RECONNECT_BACKOFF_MAX: Duration = Duration::from_secs(1);

/// Pauses and limits differ by up to this part, in a hundred, so that the nodes of a cluster do not
/// all come at the same moment to one that starts. Kafka's clients have the same.
const JITTER_PERCENT: u64 = 20;

/// Requests of one link that are sent before the first is answered. A node does one after the other
/// anyway; this keeps it busy, and the others can still run into their own time limits.
const IN_FLIGHT_MAX: usize = 16;

/// How long a node to which there is no connection is remembered once nobody asks it: longer than
/// any pause.
const FORGET_AFTER: Duration = Duration::from_secs(10);

/// What the connection is for. What waits long, as a fetch does, must not hold up a heartbeat.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Lane {
    /// The quorum of the metadata log: elections, and fetches of the log.
    Quorum,
    /// Requests to the controller.
    Controller,
    /// Heartbeats of this broker to the controller.
    Heartbeat,
    /// One of several fetchers of partitions.
    Fetch(u32),
}

/// A node, and for what it is asked: there is one connection for each.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PeerId {
    /// Where the node listens.
    pub address: NodeAddress,
    /// What for.
    pub lane: Lane,
}

/// Which outcome belongs to which [`Peers::ask`]; never used again.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AskToken(u64);

/// One connection; never used again.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LinkId(pub u64);

/// A connection to be made. It ends with [`Peers::on_dialed`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Dial {
    /// Its number.
    pub link: LinkId,
    /// To where.
    pub address: NodeAddress,
    /// How long it may take, names included.
    pub timeout: Duration,
}

/// How links are made and kept.
#[derive(Clone, Debug)]
pub struct PeersSettings {
    /// As whom to ask.
    pub client_id: String,
    /// `socket.connection.setup.timeout.ms`
    pub setup_timeout: Duration,
    /// `socket.connection.setup.timeout.max.ms`: the former doubles with each failure up to this.
    pub setup_timeout_max: Duration,
    /// `connections.max.idle.ms`: a connection on which nothing was asked for so long is closed;
    /// `None` keeps it.
    pub idle_max: Option<Duration>,
}

/// The links of one shard to other nodes.
#[derive(Debug)]
pub struct Peers {
    settings: PeersSettings,
    random: Random,
    peers: BTreeMap<PeerId, Peer>,
    /// Whose the connections are that are there or being made.
    links: BTreeMap<LinkId, PeerId>,
    /// Those that are only to show whether anybody listens.
    probes: BTreeSet<LinkId>,
    next_link: u64,
    next_token: u64,
    /// Nothing is due before this. What was to be due then may have happened by itself.
    deadline: Instant,
    wishes: Wishes,
}

/// What the driver is to do and to know.
#[derive(Debug, Default)]
struct Wishes {
    dials: VecDeque<Dial>,
    sends: VecDeque<(LinkId, Vec<Bytes>)>,
    closes: VecDeque<LinkId>,
    outcomes: VecDeque<(AskToken, Result<AnyResponse, AskFailure>)>,
    probed: VecDeque<(LinkId, Result<(), DialFailure>)>,
}

#[derive(Debug)]
struct Peer {
    state: LinkState,
    /// Not sent yet.
    waiting: VecDeque<Waiting>,
    /// Connections in a row that were not made, or lost before the node said what it speaks.
    failures: u32,
    /// The next connection may be made.
    pause_ends: Instant,
    /// Something was asked or answered last.
    used_at: Instant,
}

#[derive(Debug)]
enum LinkState {
    Down,
    Dialing,
    Up(Box<Link>),
}

#[derive(Debug)]
struct Link {
    id: LinkId,
    connection: Connection,
    in_flight: VecDeque<Asked>,
    /// That the node does not speak something was written.
    has_complained: bool,
}

#[derive(Debug)]
struct Waiting {
    token: AskToken,
    request: AnyRequest,
    deadline: Instant,
}

#[derive(Debug)]
struct Asked {
    token: AskToken,
    id: RequestId,
    deadline: Instant,
}

impl Peers {
    /// How many connections there are, or are being made.
    #[must_use]
    pub fn links_count(&self) -> usize {
        self.links.len()
    }

    /// No links.
    #[must_use]
    pub fn new(settings: PeersSettings, random: Random) -> Self {
        Self {
            settings,
            random,
            peers: BTreeMap::new(),
            links: BTreeMap::new(),
            probes: BTreeSet::new(),
            next_link: 0,
            next_token: 0,
            deadline: Instant::MAX,
            wishes: Wishes::default(),
        }
    }

    /// Ask a node. [`Self::next_outcome`] gives the answer, or why there is none, within `timeout`.
    /// The request goes out in the newest version that both sides know.
    ///
    /// # Panics
    /// For a Produce with acks=0, which has no answer.
    pub fn ask(
        &mut self,
        now: Instant,
        to: PeerId,
        request: AnyRequest,
        timeout: Duration,
    ) -> AskToken {
        assert!(
            !matches!(&request, AnyRequest::Produce(produce) if produce.acks == 0),
            "what is asked has an answer"
        );
        self.next_token += 1;
        let token = AskToken(self.next_token);
        let deadline = now + timeout;
        self.deadline = self.deadline.min(deadline);
        let peer = self.peers.entry(to.clone()).or_insert_with(|| Peer {
            state: LinkState::Down,
            waiting: VecDeque::new(),
            failures: 0,
            pause_ends: now,
            used_at: now,
        });
        peer.used_at = now;
        peer.waiting.push_back(Waiting {
            token,
            request,
            deadline,
        });
        self.advance(now, &to);
        token
    }

    /// The next outcome. Each [`Self::ask`] has one.
    pub fn next_outcome(&mut self) -> Option<(AskToken, Result<AnyResponse, AskFailure>)> {
        self.wishes.outcomes.pop_front()
    }

    /// True if there is a next outcome.
    #[must_use]
    pub fn has_outcomes(&self) -> bool {
        !self.wishes.outcomes.is_empty()
    }

    /// The next connection to make.
    pub fn next_dial(&mut self) -> Option<Dial> {
        self.wishes.dials.pop_front()
    }

    /// The next bytes to send, behind those before on the same connection.
    pub fn next_send(&mut self) -> Option<(LinkId, Vec<Bytes>)> {
        self.wishes.sends.pop_front()
    }

    /// The next connection to close at once. Nobody waits for its end.
    pub fn next_close(&mut self) -> Option<LinkId> {
        self.wishes.closes.pop_front()
    }

    /// True while bytes are wanted from the connection.
    #[must_use]
    pub fn is_open(&self, link: LinkId) -> bool {
        self.links.contains_key(&link)
    }

    /// The connection was made, or why not.
    pub fn on_dialed(&mut self, now: Instant, link: LinkId, result: Result<(), DialFailure>) {
        if self.probes.remove(&link) {
            return self.end_probe(link, result);
        }
        let Some(id) = self.links.get(&link).cloned() else {
            return;
        };
        let peer = peer_of(&mut self.peers, &id);
        match result {
            Ok(()) => {
                let mut connection = Connection::new(&self.settings.client_id);
                self.wishes
                    .sends
                    .push_back((link, connection.drain_output()));
                peer.state = LinkState::Up(Box::new(Link {
                    id: link,
                    connection,
                    in_flight: VecDeque::new(),
                    has_complained: false,
                }));
            }
            Err(failure) => {
                if peer.failures == 0 {
                    tracing::warn!(node = %id.address, lane = ?id.lane, "not connected: {failure}");
                }
                self.links.remove(&link);
                peer.fail_waiting(&AskFailure::Refused(failure), &mut self.wishes);
                self.pause(now, &id, false);
            }
        }
    }

    /// Bytes came from the node.
    pub fn on_received(&mut self, now: Instant, link: LinkId, bytes: &[u8]) {
        let Some(id) = self.links.get(&link).cloned() else {
            return;
        };
        let peer = peer_of(&mut self.peers, &id);
        let LinkState::Up(up) = &mut peer.state else {
            unreachable!("bytes come on connections that were made");
        };
        let was_ready = up.connection.is_ready();
        up.connection.on_received(bytes);
        loop {
            match up.connection.next_response() {
                Ok(None) => break,
                Ok(Some(response)) => {
                    let asked = up.in_flight.pop_front();
                    let asked = asked.expect("a connection takes answers to what was asked only");
                    assert_eq!(asked.id, response.id, "a connection matches the answers");
                    let outcome = (asked.token, Ok(response.body));
                    self.wishes.outcomes.push_back(outcome);
                    peer.used_at = now;
                }
                Err(error) => return self.lose_malformed(now, &id, error),
            }
        }
        if up.connection.is_ready() && !was_ready {
            if peer.failures > 0 {
                tracing::info!(node = %id.address, lane = ?id.lane, "connected again");
            }
            peer.failures = 0;
        }
        self.advance(now, &id);
    }

    /// The connection is gone.
    pub fn on_disconnected(&mut self, now: Instant, link: LinkId) {
        if let Some(id) = self.links.remove(&link) {
            self.lose(now, &id, AskFailure::Disconnected);
        }
    }

    /// When [`Self::on_time`] may have something to do; [`Instant::MAX`] for never.
    #[must_use]
    pub const fn next_deadline(&self) -> Instant {
        self.deadline
    }

    /// The time has come that [`Self::next_deadline`] named.
    pub fn on_time(&mut self, now: Instant) {
        if now < self.deadline {
            return;
        }
        let ids: Vec<PeerId> = self.peers.keys().cloned().collect();
        for id in &ids {
            self.end_late_asks(now, id);
            self.close_idle(now, id);
            self.advance(now, id);
        }
        let due = self.peers.values().map(|peer| peer.due(&self.settings));
        self.deadline = due.min().unwrap_or(Instant::MAX);
    }

    /// What has waited too long gets its outcome; a link that owes an answer is given up, since
    /// answers come in order and none would come before that one.
    fn end_late_asks(&mut self, now: Instant, id: &PeerId) {
        let peer = peer_of(&mut self.peers, id);
        let mut are_late = false;
        peer.waiting.retain(|waiting| {
            let is_late = waiting.deadline <= now;
            if is_late {
                are_late = true;
                self.wishes.fail(waiting.token, AskFailure::TimedOut);
            }
            !is_late
        });
        let LinkState::Up(up) = &mut peer.state else {
            return;
        };
        let mut owes_answer = are_late && !up.connection.is_ready();
        up.in_flight.retain(|asked| {
            let is_late = asked.deadline <= now;
            if is_late {
                owes_answer = true;
                self.wishes.fail(asked.token, AskFailure::TimedOut);
            }
            !is_late
        });
        if owes_answer {
            tracing::debug!(node = %id.address, lane = ?id.lane, "closing: it does not answer");
            self.lose(now, id, AskFailure::Disconnected);
        }
    }

    /// Close what nobody has used for long, and forget who is not asked any more.
    fn close_idle(&mut self, now: Instant, id: &PeerId) {
        let peer = peer_of(&mut self.peers, id);
        if peer.idle_ends(&self.settings).is_none_or(|ends| ends > now) {
            return;
        }
        if let LinkState::Up(up) = &peer.state {
            tracing::debug!(node = %id.address, lane = ?id.lane, "closing: nobody asks it");
            self.links.remove(&up.id);
            self.wishes.closes.push_back(up.id);
        }
        self.peers.remove(id);
    }

    /// The node sent what cannot be understood.
    fn lose_malformed(&mut self, now: Instant, id: &PeerId, error: ConnectionError) {
        tracing::warn!(node = %id.address, lane = ?id.lane, "closing the connection: {error}");
        self.lose(now, id, AskFailure::Malformed(error));
    }

    /// The connection is of no use any more, for this reason: who asked is told. What was not sent
    /// yet waits for the next connection, unless this one was lost before anything could be asked
    /// on it: then the next is not likely to fare better.
    fn lose(&mut self, now: Instant, id: &PeerId, reason: AskFailure) {
        let peer = peer_of(&mut self.peers, id);
        let LinkState::Up(up) = std::mem::replace(&mut peer.state, LinkState::Down) else {
            unreachable!("only a connection that was made can be lost");
        };
        if self.links.remove(&up.id).is_some() {
            self.wishes.closes.push_back(up.id);
        }
        let was_ready = up.connection.is_ready();
        if !was_ready {
            peer.fail_waiting(&reason, &mut self.wishes);
        }
        // The bytes that were wrong belong to the oldest.
        let mut reason = Some(reason);
        for asked in up.in_flight {
            let why = reason.take().unwrap_or(AskFailure::Disconnected);
            self.wishes.fail(asked.token, why);
        }
        self.pause(now, id, was_ready);
        self.advance(now, id);
    }

    /// The connection was lost, or not made: the next one is made after a pause. Those that could
    /// be used are no reason for a longer one.
    fn pause(&mut self, now: Instant, id: &PeerId, was_ready: bool) {
        let peer = peer_of(&mut self.peers, id);
        peer.state = LinkState::Down;
        let pause = doubled(RECONNECT_BACKOFF, peer.failures, RECONNECT_BACKOFF_MAX);
        peer.failures = peer.failures.saturating_add(u32::from(!was_ready));
        peer.pause_ends = now + jittered(&mut self.random, pause);
        peer.used_at = now;
        self.deadline = self.deadline.min(peer.due(&self.settings));
    }

    /// Send what waits, or make the connection for it.
    fn advance(&mut self, now: Instant, id: &PeerId) {
        let Some(peer) = self.peers.get_mut(id) else {
            return;
        };
        match &mut peer.state {
            LinkState::Down if !peer.waiting.is_empty() && peer.pause_ends <= now => {
                peer.state = LinkState::Dialing;
                self.next_link += 1;
                let link = LinkId(self.next_link);
                self.links.insert(link, id.clone());
                let (first, most) = (self.settings.setup_timeout, self.settings.setup_timeout_max);
                let timeout = doubled(first, peer.failures, most);
                self.wishes.dials.push_back(Dial {
                    link,
                    address: id.address.clone(),
                    timeout: jittered(&mut self.random, timeout),
                });
            }
            LinkState::Down | LinkState::Dialing => {}
            LinkState::Up(up) => {
                up.send_waiting(id, &mut peer.waiting, &mut self.wishes);
                let output = up.connection.drain_output();
                if !output.is_empty() {
                    self.wishes.sends.push_back((up.id, output));
                }
            }
        }
        self.deadline = self.deadline.min(peer.due(&self.settings));
    }
}

impl Link {
    fn send_waiting(&mut self, to: &PeerId, waiting: &mut VecDeque<Waiting>, wishes: &mut Wishes) {
        while self.connection.is_ready()
            && self.in_flight.len() < IN_FLIGHT_MAX
            && let Some(next) = waiting.pop_front()
        {
            match self.connection.send(&next.request) {
                Ok(id) => self.in_flight.push_back(Asked {
                    token: next.token,
                    id,
                    deadline: next.deadline,
                }),
                Err(error) => {
                    if !std::mem::replace(&mut self.has_complained, true) {
                        tracing::warn!(node = %to.address, lane = ?to.lane, "not asked: {error}");
                    }
                    wishes.fail(next.token, AskFailure::Unsupported(error));
                }
            }
        }
    }
}

impl Peer {
    fn fail_waiting(&mut self, reason: &AskFailure, wishes: &mut Wishes) {
        for waiting in self.waiting.drain(..) {
            wishes.fail(waiting.token, reason.clone());
        }
    }

    /// When there is something to do for it.
    fn due(&self, settings: &PeersSettings) -> Instant {
        let in_flight = match &self.state {
            LinkState::Up(up) => up.in_flight.iter().map(|asked| asked.deadline).min(),
            LinkState::Down | LinkState::Dialing => None,
        };
        let late = self.waiting.iter().map(|waiting| waiting.deadline).min();
        let is_paused = matches!(self.state, LinkState::Down) && !self.waiting.is_empty();
        let pause = is_paused.then_some(self.pause_ends);
        [in_flight, late, pause, self.idle_ends(settings)]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(Instant::MAX)
    }

    /// When it has been idle for long enough; `None` while something is asked of it.
    fn idle_ends(&self, settings: &PeersSettings) -> Option<Instant> {
        if !self.waiting.is_empty() {
            return None;
        }
        match &self.state {
            LinkState::Down => Some(self.used_at + FORGET_AFTER),
            LinkState::Dialing => None,
            LinkState::Up(up) if up.in_flight.is_empty() => {
                settings.idle_max.map(|idle_max| self.used_at + idle_max)
            }
            LinkState::Up(_) => None,
        }
    }
}

impl Wishes {
    fn fail(&mut self, token: AskToken, reason: AskFailure) {
        self.outcomes.push_back((token, Err(reason)));
    }
}

fn peer_of<'a>(peers: &'a mut BTreeMap<PeerId, Peer>, id: &PeerId) -> &'a mut Peer {
    let peer = peers.get_mut(id);
    peer.expect("a node is remembered while there is a connection to it")
}

/// `first`, doubled `times` times, but not above `most`.
fn doubled(first: Duration, times: u32, most: Duration) -> Duration {
    let factor = 1_u32.checked_shl(times).unwrap_or(u32::MAX);
    first.saturating_mul(factor).min(most.max(first))
}

fn jittered(random: &mut Random, duration: Duration) -> Duration {
    let percent = 100 - JITTER_PERCENT + random.below(2 * JITTER_PERCENT + 1);
    duration.saturating_mul(u32::try_from(percent).expect("a small number")) / 100
}
