//! The connections of a world: bytes that take time both ways, come in pieces, and get lost with
//! their connection.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use crate::model::ShardId;
use crate::shard::{ConnectionId, DisconnectReason};
use crate::stdx::Random;

use super::clock::{SimulatedTime, between};
use super::faults::{Chaos, Fault, FaultCounts};
use super::planted::PlantedBug;

/// The most that one packet carries.
const PACKET_BYTES_MAX: u64 = 16 << 10;

/// What the network takes of a connection before the client has to read.
const ON_THE_WAY_BYTES_MAX: usize = 64 << 10;

/// How often a planted bug of the network shows, in a hundred.
const PLANTED_PERCENT: u64 = 5;

/// Something that will happen to a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NetworkEvent {
    /// A packet reaches the broker.
    ReachesBroker(ConnectionId),
    /// A packet reaches the client.
    ReachesClient(ConnectionId),
    /// The network takes more of the broker's bytes.
    TakesMore(ConnectionId),
    /// The broker learns that the client is gone.
    BrokerLearns(ConnectionId),
    /// The client learns that the broker is gone.
    ClientLearns(ConnectionId),
}

/// The number of a client in its world.
pub type ClientIndex = usize;

/// The number of a node in its world.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct NodeIndex(pub usize);

impl fmt::Display for NodeIndex {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "node {}", self.0)
    }
}

#[derive(Debug)]
struct Connection {
    client: ClientIndex,
    shard: (NodeIndex, ShardId),
    to_broker: VecDeque<Bytes>,
    /// Packets keep their order.
    to_broker_after: SimulatedTime,
    arrived: VecDeque<u8>,
    outgoing: VecDeque<u8>,
    sent_unreported: usize,
    to_client: VecDeque<Bytes>,
    to_client_after: SimulatedTime,
    on_the_way: usize,
    stalled_until: SimulatedTime,
    /// Closed by the broker once all has left.
    is_closing: bool,
    is_client_gone: bool,
    is_broker_gone: bool,
    /// With [`PlantedBug::SwapsAnswers`]: what lets the next answer go first.
    held_answer: Option<Vec<u8>>,
}

/// All connections.
#[derive(Debug)]
pub struct Network {
    random: Random,
    connections: BTreeMap<ConnectionId, Connection>,
    next_id: u64,
    due: Vec<(SimulatedTime, NetworkEvent)>,
    planted: Option<PlantedBug>,
}

impl Network {
    /// No connections.
    #[must_use]
    pub const fn new(random: Random, planted: Option<PlantedBug>) -> Self {
        Self {
            random,
            connections: BTreeMap::new(),
            next_id: 0,
            due: Vec::new(),
            planted,
        }
    }

    /// What will happen, and when.
    pub fn drain_due(&mut self) -> Vec<(SimulatedTime, NetworkEvent)> {
        std::mem::take(&mut self.due)
    }

    fn strikes(&mut self, bug: PlantedBug) -> bool {
        self.planted == Some(bug) && self.random.chance(PLANTED_PERCENT, 100)
    }

    fn delay(&mut self) -> u64 {
        between(
            &mut self.random,
            Duration::from_micros(5),
            Duration::from_micros(300),
        )
    }

    /// A client connects to a shard.
    pub fn connect(
        &mut self,
        now: SimulatedTime,
        client: ClientIndex,
        shard: (NodeIndex, ShardId),
    ) -> ConnectionId {
        self.next_id += 1;
        let id = ConnectionId(self.next_id);
        let connection = Connection {
            client,
            shard,
            to_broker: VecDeque::new(),
            to_broker_after: now,
            arrived: VecDeque::new(),
            outgoing: VecDeque::new(),
            sent_unreported: 0,
            to_client: VecDeque::new(),
            to_client_after: now,
            on_the_way: 0,
            stalled_until: now,
            is_closing: false,
            is_client_gone: false,
            is_broker_gone: false,
            held_answer: None,
        };
        self.connections.insert(id, connection);
        id
    }

    /// The shard of a connection that the broker has not lost.
    #[must_use]
    pub fn shard_of(&self, id: ConnectionId) -> Option<(NodeIndex, ShardId)> {
        let connection = self.connections.get(&id)?;
        (!connection.is_broker_gone).then_some(connection.shard)
    }

    /// A client sends `bytes`.
    pub fn send_to_broker(&mut self, now: SimulatedTime, id: ConnectionId, bytes: &[u8]) {
        let repeats = self.strikes(PlantedBug::RepeatsRequest);
        for _ in 0..=u8::from(repeats) {
            let mut rest = Bytes::copy_from_slice(bytes);
            while !rest.is_empty() {
                let length = 1 + self.random.below(PACKET_BYTES_MAX);
                let length = rest.len().min(size(length));
                let packet = rest.split_to(length);
                let delay = self.delay();
                let Some(connection) = self.connections.get_mut(&id) else {
                    return;
                };
                let arrives = now.plus_nanos(delay).max(connection.to_broker_after);
                connection.to_broker_after = arrives;
                connection.to_broker.push_back(packet);
                self.due.push((arrives, NetworkEvent::ReachesBroker(id)));
            }
        }
    }

    /// A packet has reached the broker. True if there is something to receive.
    pub fn reach_broker(&mut self, id: ConnectionId) -> bool {
        let Some(connection) = self.connections.get_mut(&id) else {
            return false;
        };
        if let Some(packet) = connection.to_broker.pop_front() {
            connection.arrived.extend(packet);
        }
        !connection.is_broker_gone && !connection.arrived.is_empty()
    }

    /// True if the shard can receive something.
    #[must_use]
    pub fn has_arrived(&self, id: ConnectionId) -> bool {
        let found = self.connections.get(&id);
        found.is_some_and(|connection| {
            !connection.is_closing && !connection.is_broker_gone && !connection.arrived.is_empty()
        })
    }

    /// Put what has arrived into `memory`, or a part of it.
    pub fn receive(
        &mut self,
        id: ConnectionId,
        memory: &mut [u8],
        chaos: &Chaos,
        counts: &mut FaultCounts,
    ) -> usize {
        let connection = self.connections.get_mut(&id);
        let connection = connection.expect("the caller saw that something has arrived");
        let mut length = memory.len().min(connection.arrived.len());
        if length > 1 && chaos.strikes(&mut self.random, chaos.short_receives, 1000) {
            counts.add(Fault::ShortReceive);
            // A single byte is the hardest.
            let most = if self.random.chance(1, 2) { 1 } else { length };
            length = 1 + size(self.random.below(most as u64));
        }
        for (place, byte) in memory.iter_mut().zip(connection.arrived.drain(..length)) {
            *place = byte;
        }
        length
    }

    /// The broker sends `slices`.
    pub fn send_to_client(&mut self, id: ConnectionId, slices: &[Bytes]) {
        let swaps = self.strikes(PlantedBug::SwapsAnswers);
        let loses = self.strikes(PlantedBug::LosesAnswerBytes);
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if connection.is_broker_gone {
            return;
        }
        let mut bytes = slices.concat();
        if loses {
            bytes.pop();
        }
        if swaps && connection.held_answer.is_none() {
            connection.held_answer = Some(bytes);
            return;
        }
        connection.outgoing.extend(bytes);
        if let Some(held) = connection.held_answer.take() {
            connection.outgoing.extend(held);
        }
    }

    /// The broker closes the connection, with `flush` once all was sent. True if it is gone now.
    pub fn disconnect(&mut self, now: SimulatedTime, id: ConnectionId, flush: bool) -> bool {
        let Some(connection) = self.connections.get_mut(&id) else {
            return false;
        };
        if connection.is_broker_gone {
            return false;
        }
        connection.is_closing = true;
        if flush && !connection.outgoing.is_empty() {
            return false;
        }
        self.close_by_broker(now, id);
        true
    }

    /// The broker's end is gone; what has left still reaches the client.
    fn close_by_broker(&mut self, now: SimulatedTime, id: ConnectionId) {
        let delay = self.delay();
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        connection.is_broker_gone = true;
        let learns = now.plus_nanos(delay).max(connection.to_client_after);
        self.due.push((learns, NetworkEvent::ClientLearns(id)));
    }

    /// Let the network take what it takes. True if the connection was to be closed after this.
    pub fn take_outgoing(
        &mut self,
        now: SimulatedTime,
        id: ConnectionId,
        chaos: &Chaos,
        counts: &mut FaultCounts,
    ) -> bool {
        let delay = self.delay();
        let pause = self.delay();
        let Some(connection) = self.connections.get_mut(&id) else {
            return false;
        };
        let is_idle = connection.is_broker_gone || connection.outgoing.is_empty();
        if is_idle || connection.on_the_way >= ON_THE_WAY_BYTES_MAX {
            return false;
        }
        if connection.stalled_until > now {
            let until = connection.stalled_until;
            self.due.push((until, NetworkEvent::TakesMore(id)));
            return false;
        }
        let mut length = connection.outgoing.len().min(ON_THE_WAY_BYTES_MAX);
        if length > 1 && chaos.strikes(&mut self.random, chaos.short_sends, 1000) {
            counts.add(Fault::ShortSend);
            length = 1 + size(self.random.below(length as u64));
        }
        let packet: Vec<u8> = connection.outgoing.drain(..length).collect();
        connection.sent_unreported += length;
        connection.on_the_way += length;
        connection.to_client.push_back(Bytes::from(packet));
        let arrives = now.plus_nanos(delay).max(connection.to_client_after);
        connection.to_client_after = arrives;
        self.due.push((arrives, NetworkEvent::ReachesClient(id)));
        if !connection.outgoing.is_empty() {
            let more = now.plus_nanos(pause);
            self.due.push((more, NetworkEvent::TakesMore(id)));
            return false;
        }
        if connection.is_closing {
            self.close_by_broker(now, id);
            return true;
        }
        false
    }

    /// Bytes that have left since this was asked last.
    pub fn drain_sent(&mut self, id: ConnectionId) -> usize {
        let connection = self.connections.get_mut(&id);
        connection.map_or(0, |connection| {
            std::mem::take(&mut connection.sent_unreported)
        })
    }

    /// A packet reaches the client.
    pub fn reach_client(
        &mut self,
        now: SimulatedTime,
        id: ConnectionId,
        chaos: &Chaos,
        counts: &mut FaultCounts,
    ) -> Option<(ClientIndex, Bytes)> {
        let connection = self.connections.get_mut(&id)?;
        let packet = connection.to_client.pop_front()?;
        connection.on_the_way -= packet.len();
        if chaos.strikes(&mut self.random, chaos.stalls, 1000) {
            counts.add(Fault::StalledReader);
            let stall = between(
                &mut self.random,
                Duration::from_millis(10),
                Duration::from_millis(500),
            );
            connection.stalled_until = now.plus_nanos(stall);
        }
        if !connection.outgoing.is_empty() {
            let at = now.max(connection.stalled_until);
            self.due.push((at, NetworkEvent::TakesMore(id)));
        }
        (!connection.is_client_gone).then_some((connection.client, packet))
    }

    /// The client closes, or the network does: all that was on the way is lost.
    pub fn break_off(&mut self, now: SimulatedTime, id: ConnectionId, counts: &mut FaultCounts) {
        let delay = self.delay();
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if std::mem::replace(&mut connection.is_client_gone, true) {
            return;
        }
        counts.add(Fault::Disconnect);
        let on_the_way = connection.to_broker.len() + connection.to_client.len();
        if on_the_way > 0 || !connection.outgoing.is_empty() {
            counts.add(Fault::DisconnectInsideFrame);
        }
        connection.to_broker.clear();
        connection.to_client.clear();
        self.due
            .push((now.plus_nanos(delay), NetworkEvent::BrokerLearns(id)));
    }

    /// The broker learns that the client is gone; the reason for its shard, if it did not close the
    /// connection itself.
    pub fn broker_learns(
        &mut self,
        id: ConnectionId,
    ) -> Option<((NodeIndex, ShardId), DisconnectReason)> {
        let connection = self.connections.remove(&id)?;
        (!connection.is_broker_gone).then_some((connection.shard, DisconnectReason::ByPeer))
    }

    /// The client learns that the broker is gone, if it has not gone itself.
    pub fn client_learns(&mut self, id: ConnectionId) -> Option<ClientIndex> {
        let connection = self.connections.get_mut(&id)?;
        if connection.is_client_gone {
            return None;
        }
        let client = connection.client;
        self.connections.remove(&id);
        Some(client)
    }

    /// The broker of `node` is gone as a whole: every client of it learns it.
    pub fn lose_broker(&mut self, now: SimulatedTime, node: NodeIndex) {
        let of_node = self
            .connections
            .iter()
            .filter(|(_, one)| one.shard.0 == node);
        let ids: Vec<ConnectionId> = of_node.map(|(id, _)| *id).collect();
        for id in ids {
            let connection = self.connections.get_mut(&id).expect("it was just listed");
            connection.outgoing.clear();
            if !std::mem::replace(&mut connection.is_broker_gone, true) {
                self.close_by_broker(now, id);
            }
        }
    }

    /// The most bytes that wait on one connection to be sent.
    #[must_use]
    pub fn outgoing_bytes_max(&self) -> usize {
        let waiting = self.connections.values().map(|one| one.outgoing.len());
        waiting.max().unwrap_or(0)
    }
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).expect("simulated sizes fit into memory")
}
