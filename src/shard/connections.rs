//! The connections handed to this shard.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::connection::{
    BlockSupply, Charge, Complaint, Complaints, Connection, FrameError, Overlap, RequestBudget,
};
use crate::console::HttpConnection;
use crate::model::BrokerId;
use crate::protocol::ApiKey;
use crate::security::Client;
use crate::stdx::buffer::BlockPool;
use crate::stdx::{HashMap, Instant, Now, new_map};

use super::event::{ConnectionId, DisconnectReason, ListenerIndex, PeerAddress, RefusalReason};
use super::metering::SentAnswers;
use super::settings::RECEIVE_BLOCK_BYTES;
use super::{Effect, Effects, ListenerKind, ShardSettings};

/// Blocks kept for reuse, as a part of the shard's memory.
const KEPT_BLOCKS_MEMORY_DIVISOR: u64 = 8;

/// What connections may hold of requests that have not begun, as a part of the shard's memory.
/// [`BlockSupply::new`] tells which of them may hold as much again.
const HELD_MEMORY_DIVISOR: u64 = 4;

/// What requests in work may hold, as a part of the shard's memory. Small ones may hold as much
/// again, those of them that produce, too, and so may those of nodes.
const IN_WORK_MEMORY_DIVISOR: u64 = 8;

/// How soon after a connection was refused memory those that hold it are looked at.
const SHORTAGE_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// How long a request may be on its way while others wait for its memory: the default of a client's
/// `request.timeout.ms`, after which the client has given it up itself.
const PARTIAL_DURATION_MAX: Duration = Duration::from_secs(30);

/// Requests of one connection that one turn starts. The answers of a turn may start the next
/// requests in the same turn: a client that sends thousands ahead would have it for itself.
const REQUESTS_PER_TURN_MAX: usize = 16;

/// A connection and where it comes from.
#[derive(Debug)]
pub struct Peer {
    /// The listener.
    pub listener: ListenerIndex,
    /// The address.
    pub address: PeerAddress,
    /// Who is on the other side.
    pub client: Arc<Client>,
    /// Its bytes and answers.
    pub connection: Connection,
    /// Its bytes if it speaks HTTP; its answers are above.
    pub http: Option<Box<HttpConnection>>,
    /// What is known of its answers on their way to the network.
    pub sent: SentAnswers,
    /// What a turn has done for it.
    pub started: Started,
    /// The broker that tells on it that it lives, and in which epoch.
    pub heartbeats: Option<(BrokerId, i64)>,
    /// True once it has asked what only nodes ask.
    pub is_node: bool,
    /// It waits until requests of others make room for its own.
    waits_for_room: bool,
}

/// The requests of one connection that a turn has started.
#[derive(Clone, Copy, Debug, Default)]
pub struct Started {
    turn: u64,
    /// How many.
    pub requests: usize,
    is_postponed: bool,
}

/// The connections handed to this shard.
#[derive(Debug)]
pub struct Connections {
    open: HashMap<ConnectionId, Peer>,
    supply: BlockSupply,
    idle_max: Option<Duration>,
    /// The turn under way.
    turn: u64,
    /// Those that have had their share of the turn while more requests may wait.
    postponed: Vec<ConnectionId>,
    /// When a connection is to be looked at for idleness. It may have been active since.
    idle_checks: BTreeSet<(Instant, ConnectionId)>,
    /// When to see who holds the memory that others wait for.
    shortage_check: Instant,
    complaints: Complaints,
    budget: RequestBudget,
    /// Those whose requests wait for room, the first of which is the next.
    waiting_for_room: VecDeque<ConnectionId>,
    /// There may be room for the first of them.
    has_released: bool,
    /// The one that was the first and tries again.
    trying: Option<ConnectionId>,
}

impl Connections {
    /// None.
    pub fn new(settings: &ShardSettings) -> Self {
        let kept_bytes = settings.memory_bytes / KEPT_BLOCKS_MEMORY_DIVISOR;
        let kept_blocks = usize::try_from(kept_bytes).unwrap_or(usize::MAX) / RECEIVE_BLOCK_BYTES;
        let held_bytes = usize::try_from(settings.memory_bytes / HELD_MEMORY_DIVISOR);
        let pool = BlockPool::new(RECEIVE_BLOCK_BYTES, kept_blocks);
        let idle_ms = settings.config.connections_max_idle_ms;
        let in_work_bytes = usize::try_from(settings.memory_bytes / IN_WORK_MEMORY_DIVISOR);
        let queued_bytes = settings.config.queued_max_request_bytes;
        // Zero is Kafka's other way to say that there is no limit.
        let queued_bytes = queued_bytes.filter(|bytes| *bytes > 0);
        let queued_bytes = queued_bytes.map(|bytes| bytes / u64::from(settings.shards_count));
        let queued_bytes = queued_bytes.and_then(|bytes| usize::try_from(bytes).ok());
        Self {
            open: new_map(),
            turn: 0,
            postponed: Vec::new(),
            supply: BlockSupply::new(pool, held_bytes.unwrap_or(usize::MAX / 2)),
            idle_max: idle_ms
                .and_then(|ms| u64::try_from(ms).ok())
                .map(Duration::from_millis),
            idle_checks: BTreeSet::new(),
            shortage_check: Instant::MAX,
            complaints: Complaints::default(),
            budget: RequestBudget::new(in_work_bytes.unwrap_or(usize::MAX / 2), queued_bytes),
            waiting_for_room: VecDeque::new(),
            has_released: false,
            trying: None,
        }
    }

    /// Take in a connection.
    pub fn accept(
        &mut self,
        now: Now,
        id: ConnectionId,
        (listener, kind): (ListenerIndex, &ListenerKind),
        address: PeerAddress,
    ) {
        let connection = Connection::new(now.instant);
        let before = self.open.insert(
            id,
            Peer {
                listener,
                address,
                client: Arc::new(Client::anonymous(address.ip())),
                connection,
                http: (*kind == ListenerKind::Http).then(Box::default),
                sent: SentAnswers::default(),
                started: Started::default(),
                heartbeats: None,
                is_node: false,
                waits_for_room: false,
            },
        );
        assert!(
            before.is_none(),
            "the runtime never reuses a connection's number"
        );
        if let Some(idle_max) = self.idle_max {
            self.idle_checks.insert((now.instant + idle_max, id));
        }
    }

    /// The connection is gone.
    pub fn remove(&mut self, id: ConnectionId, reason: DisconnectReason) -> Option<Peer> {
        tracing::debug!(connection = id.0, ?reason, "disconnected");
        let mut peer = self.open.remove(&id)?;
        peer.connection.discard_received(&mut self.supply);
        Some(peer)
    }

    /// A node is on the other side of the connection: what it asks has room of its own.
    pub fn note_node(&mut self, id: ConnectionId) {
        if let Some(peer) = self.open.get_mut(&id) {
            peer.is_node = true;
            peer.connection.be_of_node();
        }
    }

    /// Memory for the next bytes of the connection; for Kafka's protocol only while the shard
    /// serves it.
    pub fn receive_buffer(&mut self, id: ConnectionId, serves_kafka: bool) -> Option<&mut [u8]> {
        let Peer {
            connection, http, ..
        } = self.open.get_mut(&id)?;
        match http {
            Some(http) if connection.has_room() && !connection.is_closing() => {
                http.receive_buffer()
            }
            None if serves_kafka => connection.receive_buffer(&mut self.supply),
            _ => None,
        }
    }

    /// The connection `id`, unless it is gone.
    pub fn find(&mut self, id: ConnectionId) -> Option<&mut Peer> {
        self.open.get_mut(&id)
    }

    /// Give back the memory that the connection does not need.
    pub fn release_block(&mut self, now: Now, id: ConnectionId) {
        if let Some(peer) = self.open.get_mut(&id) {
            let connection = &mut peer.connection;
            connection.release_block(now.instant, &mut self.supply);
        }
    }

    /// Send the answers whose turn has come. True if one left, so that a request which waited for
    /// it may start.
    pub fn send_answers(&mut self, id: ConnectionId, effects: &mut Effects) -> bool {
        let Some(peer) = self.open.get_mut(&id) else {
            return false;
        };
        let before = peer.connection.in_flight_count();
        let slices = peer.connection.drain_answers();
        if slices.iter().any(|slice| !slice.is_empty()) {
            effects.send(id, slices);
        }
        peer.connection.in_flight_count() < before
    }

    /// Close the connection: at once, or after what was sent has left.
    pub fn close(&mut self, id: ConnectionId, flush: bool, effects: &mut Effects) {
        if let Some(peer) = self.open.get_mut(&id)
            && !peer.connection.is_closing()
        {
            peer.connection.close();
            peer.connection.discard_received(&mut self.supply);
            effects.push(Effect::Disconnect {
                connection: id,
                flush,
            });
        }
    }

    /// Write that a client was turned away, unless that was written lately.
    pub fn complain_of_refused(&mut self, now: Now, peer: PeerAddress, reason: RefusalReason) {
        let complaint = Complaint::Refused;
        if let Some(left_out) = self.complaints.note(now.instant, complaint, peer.ip()) {
            tracing::warn!(%peer, "connection refused: {reason}{left_out}");
        }
    }

    /// Close the connection for this reason, which is written unless one of its kind was lately.
    pub fn close_for(
        &mut self,
        now: Now,
        id: ConnectionId,
        (complaint, reason): (Complaint, &dyn std::fmt::Display),
        effects: &mut Effects,
    ) {
        if let Some(peer) = self.open.get(&id) {
            let address = peer.address;
            if let Some(left_out) = self.complaints.note(now.instant, complaint, address.ip()) {
                tracing::warn!(peer = %address, "closing the connection: {reason}{left_out}");
            }
        }
        self.close(id, complaint != Complaint::Slow, effects);
    }

    /// Close every connection after what was sent has left.
    pub fn close_all(&mut self, effects: &mut Effects) {
        let mut ids: Vec<ConnectionId> = self.open.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            self.close(id, true, effects);
        }
    }

    /// Close those that were silent for `connections.max.idle.ms`. A request in work counts as
    /// activity: a group member may wait for long.
    pub fn close_idle(&mut self, now: Now, effects: &mut Effects) {
        let Some(idle_max) = self.idle_max else {
            return;
        };
        while let Some((due, id)) = self.idle_checks.first().copied() {
            if due > now.instant {
                return;
            }
            self.idle_checks.pop_first();
            let Some(peer) = self.open.get(&id) else {
                continue;
            };
            let idle_end = peer.connection.last_active() + idle_max;
            if peer.connection.in_flight_count() > 0 {
                self.idle_checks.insert((now.instant + idle_max, id));
            } else if idle_end > now.instant {
                self.idle_checks.insert((idle_end, id));
            } else {
                self.close(id, true, effects);
            }
        }
    }

    /// Close the connection that was silent longest, none of the listener `spared` and none that
    /// speaks HTTP.
    pub fn close_most_silent(&mut self, spared: Option<ListenerIndex>, effects: &mut Effects) {
        let candidates = self.open.iter().filter(|(_, peer)| {
            let is_spared = spared == Some(peer.listener) || peer.http.is_some();
            !is_spared && !peer.connection.is_closing()
        });
        let most_silent = candidates.min_by_key(|(id, peer)| (peer.connection.last_active(), **id));
        if let Some((id, peer)) = most_silent {
            tracing::debug!(
                peer = %peer.address,
                "closing the connection: there are more than max.connections"
            );
            self.close(*id, false, effects);
        }
    }

    /// A turn is over: if somebody was refused memory in it, see soon who holds it.
    pub fn note_shortage(&mut self, now: Now) {
        if self.supply.take_refusal() && self.shortage_check == Instant::MAX {
            self.shortage_check = now.instant + SHORTAGE_CHECK_INTERVAL;
        }
    }

    /// While others wait for memory, close the connection whose request has been on its way for
    /// longest, if that is too long. It ends one at a time, as the others may then go on.
    pub fn close_slowest(&mut self, now: Now, effects: &mut Effects) {
        if self.shortage_check > now.instant {
            return;
        }
        self.shortage_check = Instant::MAX;
        let partial = self
            .open
            .iter()
            .filter(|(_, peer)| !peer.connection.is_closing());
        let partial =
            partial.filter_map(|(id, peer)| Some((peer.connection.partial_since()?, *id)));
        let Some((since, id)) = partial.min() else {
            return;
        };
        if now.instant - since >= PARTIAL_DURATION_MAX {
            let reason = format!(
                "a request of which not all came in {} s holds memory that others wait for; \
                 forebay.memory.bytes raises the limit",
                PARTIAL_DURATION_MAX.as_secs()
            );
            self.close_for(now, id, (Complaint::Slow, &reason), effects);
        }
    }

    /// The connection `id`, unless it is gone or has started its share of requests in this turn.
    /// Then it is among those that go on in the next.
    fn find_with_share(&mut self, id: ConnectionId) -> Option<&mut Peer> {
        let peer = self.open.get_mut(&id)?;
        if peer.started.turn != self.turn {
            peer.started = Started {
                turn: self.turn,
                ..Started::default()
            };
        }
        if peer.started.requests < REQUESTS_PER_TURN_MAX {
            return Some(peer);
        }
        if !peer.started.is_postponed {
            peer.started.is_postponed = true;
            self.postponed.push(id);
        }
        None
    }

    /// The next whole request of the connection `id`, if there is one that may start now, and what
    /// it counts for. No request overtakes those that wait for room, but for small ones.
    ///
    /// # Errors
    /// The stream is not one of Kafka frames; the connection must be closed.
    pub fn next_frame(
        &mut self,
        id: ConnectionId,
        frame_bytes_max: usize,
        overlap_of: impl FnOnce(&[u8]) -> Overlap,
    ) -> Result<Option<(Bytes, Charge)>, FrameError> {
        if self.find_with_share(id).is_none() {
            return Ok(None);
        }
        let peer = self.open.get_mut(&id).expect("it was just found");
        let is_only = peer.connection.in_flight_count() == 0;
        let is_next = self.waiting_for_room.is_empty() || self.trying == Some(id);
        let is_node = peer.is_node;
        let (budget, mut has_room, mut charge) = (&self.budget, true, Charge::default());
        let frame = peer.connection.next_frame(frame_bytes_max, |frame| {
            let key = frame.first_chunk().map(|key| i16::from_be_bytes(*key));
            let produces = key == Some(ApiKey::Produce.code());
            charge = match is_node && !produces {
                true => RequestBudget::charge_of_node(frame.len()),
                false => budget.charge_of(frame.len(), is_only, produces),
            };
            has_room = budget.allows(charge) && (is_next || charge.has_own_room());
            has_room.then(|| overlap_of(frame))
        })?;
        if frame.is_some() {
            peer.started.requests += 1;
        }
        if !has_room && !std::mem::replace(&mut peer.waits_for_room, true) {
            self.waiting_for_room.push_back(id);
        }
        Ok(frame.map(|frame| (frame, charge)))
    }

    /// What the requests in work may hold.
    pub const fn budget_mut(&mut self) -> &mut RequestBudget {
        &mut self.budget
    }

    /// A request is answered that counted for `charge`.
    pub fn end_charge(&mut self, charge: Charge) {
        self.budget.end(charge);
        self.has_released |= charge != Charge::default() && !self.waiting_for_room.is_empty();
    }

    /// The connection that has waited longest for room, if it may try again. Nobody else is to try
    /// before it has its room.
    pub fn next_waiting_for_room(&mut self) -> Option<ConnectionId> {
        while self.has_released {
            let Some(id) = self.waiting_for_room.pop_front() else {
                break;
            };
            if let Some(peer) = self.open.get_mut(&id) {
                peer.waits_for_room = false;
                self.trying = Some(id);
                return Some(id);
            }
        }
        self.has_released = false;
        None
    }

    /// The connection `id`, which [`Connections::next_waiting_for_room`] gave, has tried. If it has
    /// no room still, it stays the first, and the others wait.
    pub fn settle_waiting_for_room(&mut self, id: ConnectionId) {
        self.trying = None;
        if self.waiting_for_room.back() == Some(&id) {
            self.waiting_for_room.pop_back();
            self.waiting_for_room.push_front(id);
            self.has_released = false;
        }
    }

    /// Bytes of the requests in work.
    pub fn in_work_bytes(&self) -> usize {
        self.budget.in_work_bytes()
    }

    /// Bytes that connections hold of requests that have not begun.
    pub fn waiting_bytes(&self) -> usize {
        self.supply.held_bytes()
    }

    /// The turn is over: everybody has a share of the next one.
    pub const fn end_turn(&mut self) {
        self.turn += 1;
    }

    /// Those whose requests had to wait for this turn.
    pub fn take_postponed(&mut self) -> Vec<ConnectionId> {
        std::mem::take(&mut self.postponed)
    }

    /// When the first connection is to be looked at.
    pub fn next_deadline(&self) -> Instant {
        if !self.postponed.is_empty() || self.has_released {
            return Instant::default();
        }
        let idle = self.idle_checks.first();
        idle.map_or(Instant::MAX, |(due, _)| *due)
            .min(self.shortage_check)
    }
}

/// The answer of a request, ready to be sent.
pub type Answer = Vec<Bytes>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ServeArguments;
    use crate::model::ShardId;
    use crate::stdx::Random;

    fn at(seconds: u64) -> Now {
        Now {
            instant: Instant::default() + Duration::from_secs(seconds),
            wall_ms: 0,
        }
    }

    fn connections(clients: u64) -> Connections {
        let startup = ServeArguments::default().resolve(None, "host");
        let startup = startup.expect("the defaults are sound");
        let kind = ListenerKind::Kafka("A".to_owned());
        let mut connections = Connections::new(&ShardSettings {
            id: ShardId(0),
            shards_count: 1,
            config: Arc::new(startup.config),
            settings: startup.settings,
            log_levels: Arc::default(),
            random: Random::from_seed(1),
            memory_bytes: 4 << 20,
            journal_bytes_max: 1 << 20,
            checkpoint_every_bytes: 1 << 20,
            open_files_max: 16,
            sync_methods: Vec::new(),
            listeners: vec![kind.clone()],
        });
        for client in 1..=clients {
            let listener = (ListenerIndex(0), &kind);
            let address = ([127, 0, 0, 1], 1).into();
            connections.accept(at(0), ConnectionId(client), listener, address);
        }
        connections
    }

    /// The client sends bytes of a request of 10 MB until it has sent `most`, or is not read from.
    fn sends_slowly(connections: &mut Connections, now: Now, client: u64, most: usize) -> usize {
        let id = ConnectionId(client);
        let mut sent = 0;
        while sent < most
            && let Some(memory) = connections.receive_buffer(id, true)
        {
            let length = memory.len().min(most - sent);
            memory[..length].fill(0);
            if sent == 0 {
                memory[..4].copy_from_slice(&10_000_000_i32.to_be_bytes());
            }
            sent += length;
            let peer = connections.find(id).expect("it is open");
            peer.connection.on_received(now.instant, length);
            let frame = peer
                .connection
                .next_frame(100 << 20, |_| Some(Overlap::Allowed));
            assert_eq!(frame, Ok(None));
            connections.release_block(now, id);
        }
        connections.note_shortage(now);
        sent
    }

    fn closed(connections: &mut Connections, now: Now) -> Vec<u64> {
        let mut effects = Effects::default();
        connections.close_slowest(now, &mut effects);
        std::iter::from_fn(|| effects.next_effect())
            .map(|effect| match effect {
                Effect::Disconnect { connection, .. } => connection.0,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn who_sends_a_large_request_too_slowly_makes_room_when_others_wait_for_it() {
        let mut connections = connections(3);
        assert_eq!(sends_slowly(&mut connections, at(1), 1, 900_000), 900_000);
        assert_eq!(connections.shortage_check, Instant::MAX, "nobody waits");
        assert!(sends_slowly(&mut connections, at(2), 2, 900_000) < 900_000);
        assert_eq!(connections.next_deadline(), at(3).instant);
        assert!(
            closed(&mut connections, at(3)).is_empty(),
            "it may still come"
        );
        connections.receive_buffer(ConnectionId(2), true);
        connections.note_shortage(at(31));
        assert_eq!(closed(&mut connections, at(32)), [1]);
        assert!(connections.receive_buffer(ConnectionId(2), true).is_some());
    }

    #[test]
    fn a_slow_request_is_let_be_while_nobody_waits_for_its_memory() {
        let mut connections = connections(1);
        sends_slowly(&mut connections, at(1), 1, 900_000);
        assert!(closed(&mut connections, at(100)).is_empty());
    }

    /// The client sends a request of `bytes`; true if it begins.
    fn sends(connections: &mut Connections, client: u64, bytes: usize) -> bool {
        let id = ConnectionId(client);
        let length = i32::try_from(bytes).expect("a small request").to_be_bytes();
        let mut sent = 0;
        while sent < bytes + 4 {
            let memory = connections.receive_buffer(id, true);
            let memory = memory.expect("what waits for room was received");
            let count = memory.len().min(bytes + 4 - sent);
            memory[..count].fill(0);
            if sent == 0 {
                memory[..4].copy_from_slice(&length);
            }
            let peer = connections.find(id).expect("it is open");
            peer.connection.on_received(at(0).instant, count);
            connections.release_block(at(0), id);
            sent += count;
        }
        begins(connections, client)
    }

    fn begins(connections: &mut Connections, client: u64) -> bool {
        let id = ConnectionId(client);
        let frame = connections.next_frame(id, 100 << 20, |_| Overlap::Allowed);
        let Some((_, charge)) = frame.expect("a sound stream") else {
            return false;
        };
        connections.budget_mut().begin(charge);
        let peer = connections.find(id).expect("it is open");
        peer.connection.open_slot();
        connections.release_block(at(0), id);
        true
    }

    #[test]
    fn requests_wait_for_room_in_the_order_in_which_they_came() {
        // A shard of 4 MiB has half a MiB for those that are not small.
        let mut connections = connections(5);
        let (large, medium, small) = (300 << 10, 200 << 10, 1000);
        assert!(sends(&mut connections, 1, large));
        assert!(!sends(&mut connections, 2, large));
        assert!(!sends(&mut connections, 3, medium), "it does not overtake");
        assert!(sends(&mut connections, 4, small), "a small one has room");
        assert_eq!(
            connections.next_waiting_for_room(),
            None,
            "none was answered"
        );
        let charge_of = |connections: &mut Connections, bytes| {
            let budget = connections.budget_mut();
            budget.charge_of(bytes, true, true)
        };
        let charge = charge_of(&mut connections, small);
        connections.end_charge(charge);
        assert_eq!(connections.next_deadline(), Instant::default());
        assert_eq!(connections.next_waiting_for_room(), Some(ConnectionId(2)));
        assert!(!begins(&mut connections, 2), "there is still no room");
        connections.settle_waiting_for_room(ConnectionId(2));
        assert_eq!(
            connections.next_waiting_for_room(),
            None,
            "none overtakes it"
        );
        let charge = charge_of(&mut connections, large);
        connections.end_charge(charge);
        for client in [2, 3] {
            let next = connections.next_waiting_for_room();
            assert_eq!(next, Some(ConnectionId(client)));
            assert!(begins(&mut connections, client));
            connections.settle_waiting_for_room(ConnectionId(client));
        }
        assert_eq!(connections.next_waiting_for_room(), None);
        assert_ne!(connections.next_deadline(), Instant::default());
    }

    #[test]
    fn what_nodes_ask_comes_in_and_begins_while_clients_hold_all_that_they_may() {
        let mut connections = connections(40);
        let large = 300 << 10;
        assert!(sends(&mut connections, 1, large), "it waits for followers");
        // Others fill the memory with what has not come whole.
        let mut client = 2;
        while sends_slowly(&mut connections, at(1), client, 200_000) == 200_000 {
            client += 1;
        }
        assert!(client < 30, "clients may hold {client} requests");
        let (fetcher, controller) = (client + 1, client + 2);
        connections.note_node(ConnectionId(fetcher));
        assert!(sends(&mut connections, fetcher, 100_000));
        // Nobody knows yet who this is, but it asks for little.
        assert!(sends(&mut connections, controller, 1000));
    }

    #[test]
    fn a_client_that_sends_thousands_ahead_gets_no_more_than_its_share_of_a_turn() {
        let mut connections = connections(2);
        let starts_all_it_may = |connections: &mut Connections, id| {
            let mut started = 0;
            while let Some(peer) = connections.find_with_share(ConnectionId(id)) {
                peer.started.requests += 1;
                started += 1;
            }
            started
        };
        let greedy = starts_all_it_may(&mut connections, 1);
        assert_eq!(greedy, REQUESTS_PER_TURN_MAX);
        assert_eq!(
            starts_all_it_may(&mut connections, 1),
            0,
            "its share is gone"
        );
        assert!(connections.find_with_share(ConnectionId(2)).is_some());
        assert_eq!(connections.next_deadline(), Instant::default(), "at once");
        connections.end_turn();
        assert_eq!(connections.take_postponed(), [ConnectionId(1)]);
        assert_eq!(starts_all_it_may(&mut connections, 1), greedy);
    }
}
