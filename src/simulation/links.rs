//! The connections between nodes of a world: both ends are shards. As on those of clients, bytes
//! take time, come in pieces, and get lost with their connection.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use crate::model::{NodeAddress, ShardId};
use crate::shard::ConnectionId;
use crate::stdx::Random;

use super::clock::{SimulatedTime, between};
use super::faults::{Chaos, Fault, FaultCounts};
use super::network::NodeIndex;
use super::planted::PlantedBug;
use super::tampering::{Asked, tamper_with_answers, tamper_with_requests};

/// The numbers of connections that shards of other nodes made: clients make fewer.
const ACCEPTED: u64 = 1 << 60;

/// What the network takes of an end before the other has to read.
const ON_THE_WAY_BYTES_MAX: usize = 64 << 10;

/// While there are faults, dials to a node that is down that nobody answers, in a hundred: the
/// machine is gone. The others are refused by it.
const UNANSWERED_PERCENT: u64 = 25;

/// How much longer than others a packet is on its way that takes long, at most.
const LATENESS_MAX: Duration = Duration::from_millis(100);

/// When the last of those learn of a node's silent death who have connections with it.
const SILENCE_MAX: Duration = Duration::from_secs(5);

/// A shard's end of a connection.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct End {
    /// The node.
    pub node: NodeIndex,
    /// Its shard.
    pub shard: ShardId,
    /// What the shard calls the connection.
    pub connection: ConnectionId,
}

/// One connection in its world.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct LinkNumber(u64);

/// Who dialed, or who was.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Side {
    /// The end that was there first.
    Dialing,
    /// The other.
    Accepting,
}

impl Side {
    const fn other(self) -> Self {
        match self {
            Self::Dialing => Self::Accepting,
            Self::Accepting => Self::Dialing,
        }
    }
}

/// Something that will happen to a connection between nodes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LinkEvent {
    /// A dial comes to where it goes.
    Arrives(LinkNumber),
    /// Nobody has answered a dial in its time.
    Unanswered(LinkNumber),
    /// A packet reaches a side.
    Reaches(LinkNumber, Side),
    /// The network takes more of a side's bytes.
    TakesMore(LinkNumber, Side),
    /// A side learns that the other is gone.
    Learns(LinkNumber, Side),
}

#[derive(Debug)]
struct Link {
    address: NodeAddress,
    /// When the dial is given up.
    dialed_until: SimulatedTime,
    dialing: Half,
    accepting: Half,
    asked: Asked,
}

/// One side, with what it sends and what has arrived at it.
#[derive(Debug, Default)]
struct Half {
    /// `None` before it is there, and once it is gone.
    end: Option<End>,
    arrived: VecDeque<u8>,
    outgoing: VecDeque<u8>,
    sent_unreported: usize,
    packets: VecDeque<Bytes>,
    on_the_way: usize,
    /// Packets keep their order.
    arrives_after: SimulatedTime,
    stalled_until: SimulatedTime,
    /// To be closed once all has left.
    is_closing: bool,
}

impl Link {
    const fn half(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Dialing => &mut self.dialing,
            Side::Accepting => &mut self.accepting,
        }
    }

    const fn end_at(&self, side: Side) -> Option<End> {
        match side {
            Side::Dialing => self.dialing.end,
            Side::Accepting => self.accepting.end,
        }
    }

    const fn is_gone(&self) -> bool {
        self.dialing.end.is_none() && self.accepting.end.is_none()
    }
}

/// All connections between nodes.
#[derive(Debug)]
pub struct Links {
    random: Random,
    /// Until when nothing gets from the one to the other.
    cuts: BTreeMap<(NodeIndex, NodeIndex), SimulatedTime>,
    links: BTreeMap<LinkNumber, Link>,
    ends: BTreeMap<End, (LinkNumber, Side)>,
    planted: Option<PlantedBug>,
    count_ever: u64,
    due: Vec<(SimulatedTime, LinkEvent)>,
}

impl Links {
    /// No connections.
    #[must_use]
    pub const fn new(random: Random, planted: Option<PlantedBug>) -> Self {
        Self {
            random,
            cuts: BTreeMap::new(),
            links: BTreeMap::new(),
            ends: BTreeMap::new(),
            planted,
            count_ever: 0,
            due: Vec::new(),
        }
    }

    /// True for what a shard calls a connection with another node.
    #[must_use]
    pub const fn owns(connection: ConnectionId) -> bool {
        connection.dialed_number().is_some() || connection.0 & ACCEPTED != 0
    }

    /// What will happen, and when.
    pub fn drain_due(&mut self) -> Vec<(SimulatedTime, LinkEvent)> {
        std::mem::take(&mut self.due)
    }

    fn delay(&mut self) -> u64 {
        between(
            &mut self.random,
            Duration::from_micros(5),
            Duration::from_micros(300),
        )
    }

    /// A shard dials.
    pub fn dial(&mut self, now: SimulatedTime, end: End, address: NodeAddress, timeout: Duration) {
        self.count_ever += 1;
        let number = LinkNumber(self.count_ever);
        let dialing = Half {
            end: Some(end),
            ..Half::default()
        };
        let accepting = Half::default();
        self.links.insert(
            number,
            Link {
                address,
                dialed_until: now.plus(timeout),
                dialing,
                accepting,
                asked: Asked::default(),
            },
        );
        self.ends.insert(end, (number, Side::Dialing));
        let arrives = now.plus_nanos(self.delay());
        self.due.push((arrives, LinkEvent::Arrives(number)));
    }

    /// Who dials where, if the dial was not given up.
    #[must_use]
    pub fn dialing(&self, number: LinkNumber) -> Option<(End, &NodeAddress)> {
        let link = self.links.get(&number)?;
        Some((link.dialing.end?, &link.address))
    }

    /// A dial has come to a shard that takes it; what that calls the connection.
    pub fn accept(&mut self, number: LinkNumber, node: NodeIndex, shard: ShardId) -> ConnectionId {
        let connection = ConnectionId(ACCEPTED | number.0);
        let end = End {
            node,
            shard,
            connection,
        };
        let link = self.links.get_mut(&number);
        link.expect("the dial is under way").accepting.end = Some(end);
        self.ends.insert(end, (number, Side::Accepting));
        connection
    }

    /// A dial has come to a node that is down. True if that refuses it; otherwise nobody answers.
    pub fn refuse(&mut self, number: LinkNumber, chaos: &Chaos, counts: &mut FaultCounts) -> bool {
        if !chaos.strikes(&mut self.random, UNANSWERED_PERCENT, 100) {
            self.forget(number);
            return true;
        }
        self.leave_unanswered(number, counts);
        false
    }

    fn leave_unanswered(&mut self, number: LinkNumber, counts: &mut FaultCounts) {
        counts.add(Fault::UnansweredDial);
        let link = self.links.get(&number).expect("the dial is under way");
        let ends = (link.dialed_until, LinkEvent::Unanswered(number));
        self.due.push(ends);
    }

    /// True if a dial does not get through now: it comes again, or nobody answers it.
    pub fn holds_up(
        &mut self,
        now: SimulatedTime,
        number: LinkNumber,
        (from, to): (NodeIndex, NodeIndex),
        counts: &mut FaultCounts,
    ) -> bool {
        let until = self.cut_until(from, to).max(self.cut_until(to, from));
        if until <= now {
            return false;
        }
        let link = self.links.get(&number).expect("the dial is under way");
        if until < link.dialed_until {
            self.due.push((until, LinkEvent::Arrives(number)));
        } else {
            self.leave_unanswered(number, counts);
        }
        true
    }

    /// Nothing gets from one node to another before `until`. What is sent arrives later.
    pub fn cut(&mut self, from: NodeIndex, to: NodeIndex, until: SimulatedTime) {
        let cut = self.cuts.entry((from, to)).or_default();
        *cut = until.max(*cut);
    }

    /// What is sent from now on arrives.
    pub fn mend(&mut self) {
        self.cuts.clear();
    }

    fn cut_until(&self, from: NodeIndex, to: NodeIndex) -> SimulatedTime {
        self.cuts.get(&(from, to)).copied().unwrap_or_default()
    }

    /// When at the earliest something that an end sends now arrives.
    fn arrives_from(
        &mut self,
        now: SimulatedTime,
        end: End,
        chaos: &Chaos,
        counts: &mut FaultCounts,
    ) -> SimulatedTime {
        let mut arrives = now.plus_nanos(self.delay());
        if chaos.strikes(&mut self.random, chaos.between_nodes.late_packets, 1000) {
            counts.add(Fault::LatePacket);
            let late = between(&mut self.random, Duration::ZERO, LATENESS_MAX);
            arrives = arrives.plus_nanos(late);
        }
        let place = self.ends.get(&end);
        let link = place.and_then(|(number, side)| Some((self.links.get(number)?, side)));
        let other = link.and_then(|(link, side)| link.end_at(side.other()));
        other.map_or(arrives, |other| {
            arrives.max(self.cut_until(end.node, other.node))
        })
    }

    /// A dial has failed.
    pub fn forget(&mut self, number: LinkNumber) {
        if let Some(link) = self.links.remove(&number) {
            for end in [link.dialing.end, link.accepting.end].into_iter().flatten() {
                self.ends.remove(&end);
            }
        }
    }

    fn find(&mut self, end: End) -> Option<(LinkNumber, Side, &mut Link)> {
        let (number, side) = *self.ends.get(&end)?;
        let link = self.links.get_mut(&number);
        Some((number, side, link.expect("its ends are known")))
    }

    /// A shard sends `slices`.
    pub fn send(&mut self, end: End, slices: &[Bytes]) {
        let planted = self.planted.filter(|bug| bug.is_of_clusters());
        if let Some((_, side, link)) = self.find(end) {
            let bytes = slices.concat();
            let bytes = match (planted, side) {
                (None, _) => bytes,
                (Some(bug), Side::Dialing) => tamper_with_requests(bug, &mut link.asked, bytes),
                (Some(bug), Side::Accepting) => tamper_with_answers(bug, &mut link.asked, bytes),
            };
            link.half(side).outgoing.extend(bytes);
        }
    }

    /// Let the network take what it takes of an end's bytes. True if the connection was to be
    /// closed after this.
    pub fn take_outgoing(
        &mut self,
        now: SimulatedTime,
        end: End,
        chaos: &Chaos,
        counts: &mut FaultCounts,
    ) -> bool {
        let arrives = self.arrives_from(now, end, chaos, counts);
        let pause = self.delay();
        let is_short = chaos.strikes(&mut self.random, chaos.short_sends, 1000);
        let part = self.random.below(ON_THE_WAY_BYTES_MAX as u64);
        let Some((number, side, link)) = self.find(end) else {
            return false;
        };
        let half = link.half(side);
        if half.outgoing.is_empty() || half.on_the_way >= ON_THE_WAY_BYTES_MAX {
            return false;
        }
        if half.stalled_until > now {
            let until = half.stalled_until;
            self.due.push((until, LinkEvent::TakesMore(number, side)));
            return false;
        }
        let mut length = half.outgoing.len().min(ON_THE_WAY_BYTES_MAX);
        if is_short && length > 1 {
            counts.add(Fault::ShortSend);
            length = length.min(1 + size(part));
        }
        let packet: Vec<u8> = half.outgoing.drain(..length).collect();
        half.sent_unreported += length;
        half.on_the_way += length;
        half.packets.push_back(Bytes::from(packet));
        let arrives = arrives.max(half.arrives_after);
        half.arrives_after = arrives;
        let (is_empty, is_closing) = (half.outgoing.is_empty(), half.is_closing);
        let reaches = LinkEvent::Reaches(number, side.other());
        self.due.push((arrives, reaches));
        if !is_empty {
            let more = now.plus_nanos(pause);
            self.due.push((more, LinkEvent::TakesMore(number, side)));
            return false;
        }
        if is_closing {
            self.close(now, end);
        }
        is_closing
    }

    /// Bytes that have left since this was asked last.
    pub fn drain_sent(&mut self, end: End) -> usize {
        let found = self.find(end);
        found.map_or(0, |(_, side, link)| {
            std::mem::take(&mut link.half(side).sent_unreported)
        })
    }

    /// A packet reaches a side. The end there, if there is something to receive.
    pub fn reach(
        &mut self,
        now: SimulatedTime,
        (number, side): (LinkNumber, Side),
        chaos: &Chaos,
        counts: &mut FaultCounts,
    ) -> Option<End> {
        let stalls = chaos.strikes(&mut self.random, chaos.stalls, 1000);
        let stall = between(
            &mut self.random,
            Duration::from_millis(10),
            Duration::from_millis(500),
        );
        let link = self.links.get_mut(&number)?;
        let sender = link.half(side.other());
        let packet = sender.packets.pop_front()?;
        sender.on_the_way -= packet.len();
        if stalls {
            counts.add(Fault::StalledReader);
            sender.stalled_until = now.plus_nanos(stall);
        }
        if !sender.outgoing.is_empty() {
            let at = now.max(sender.stalled_until);
            let more = LinkEvent::TakesMore(number, side.other());
            self.due.push((at, more));
        }
        let receiver = link.half(side);
        let end = receiver.end?;
        receiver.arrived.extend(packet);
        Some(end)
    }

    /// True if the shard can receive something.
    #[must_use]
    pub fn has_arrived(&mut self, end: End) -> bool {
        self.find(end).is_some_and(|(_, side, link)| {
            let half = link.half(side);
            !half.is_closing && !half.arrived.is_empty()
        })
    }

    /// Put what has arrived into `memory`, or a part of it.
    pub fn receive(
        &mut self,
        end: End,
        memory: &mut [u8],
        chaos: &Chaos,
        counts: &mut FaultCounts,
    ) -> usize {
        let is_short = chaos.strikes(&mut self.random, chaos.short_receives, 1000);
        let part = self.random.below(memory.len() as u64);
        let found = self.find(end);
        let (_, side, link) = found.expect("the caller saw that something has arrived");
        let arrived = &mut link.half(side).arrived;
        let mut length = memory.len().min(arrived.len());
        if is_short && length > 1 {
            counts.add(Fault::ShortReceive);
            length = length.min(1 + size(part));
        }
        for (place, byte) in memory.iter_mut().zip(arrived.drain(..length)) {
            *place = byte;
        }
        length
    }

    /// A shard closes its end, with `flush` once all was sent. True if it is gone now.
    pub fn disconnect(&mut self, now: SimulatedTime, end: End, flush: bool) -> bool {
        let Some((_, side, link)) = self.find(end) else {
            return false;
        };
        let half = link.half(side);
        half.is_closing = true;
        if flush && !half.outgoing.is_empty() {
            return false;
        }
        self.close(now, end);
        true
    }

    /// An end is gone; what has left still reaches the other.
    fn close(&mut self, now: SimulatedTime, end: End) {
        let delay = self.delay();
        self.close_after(now.plus_nanos(delay), end);
    }

    /// The same, and the other learns it then.
    fn close_after(&mut self, learns: SimulatedTime, end: End) {
        let Some((number, side, link)) = self.find(end) else {
            return;
        };
        let half = link.half(side);
        half.end = None;
        let learns = learns.max(half.arrives_after);
        if link.is_gone() {
            self.links.remove(&number);
        } else {
            let event = LinkEvent::Learns(number, side.other());
            self.due.push((learns, event));
        }
        self.ends.remove(&end);
    }

    /// The network loses the connection, with all that is on its way, and both ends learn it.
    pub fn break_off(&mut self, now: SimulatedTime, number: LinkNumber, counts: &mut FaultCounts) {
        let delays = [self.delay(), self.delay()];
        let Some(link) = self.links.get_mut(&number) else {
            return;
        };
        counts.add(Fault::Disconnect);
        let mut is_inside = false;
        for (side, delay) in [Side::Dialing, Side::Accepting].into_iter().zip(delays) {
            let half = link.half(side);
            is_inside |= !half.packets.is_empty() || !half.outgoing.is_empty();
            half.packets.clear();
            let learns = LinkEvent::Learns(number, side);
            self.due.push((now.plus_nanos(delay), learns));
        }
        if is_inside {
            counts.add(Fault::DisconnectInsideFrame);
        }
    }

    /// A side learns that the other is gone: its end, if that is not gone itself.
    pub fn learn(&mut self, number: LinkNumber, side: Side) -> Option<End> {
        let link = self.links.get_mut(&number)?;
        let end = link.half(side).end.take()?;
        // It hears nothing more, and what it had to send goes nowhere.
        if link.is_gone() {
            self.links.remove(&number);
        }
        self.ends.remove(&end);
        Some(end)
    }

    /// The broker of `node` is gone as a whole: the other ends learn it, after a while if it said
    /// nothing.
    pub fn lose_node(&mut self, now: SimulatedTime, node: NodeIndex, is_silent: bool) {
        let of_node = self.ends.keys().filter(|end| end.node == node);
        for end in of_node.copied().collect::<Vec<_>>() {
            if is_silent {
                let silence = between(&mut self.random, Duration::ZERO, SILENCE_MAX);
                self.close_after(now.plus_nanos(silence), end);
            } else {
                self.close(now, end);
            }
        }
    }

    /// The end of a side, while it is there.
    #[must_use]
    pub fn end_of(&mut self, number: LinkNumber, side: Side) -> Option<End> {
        self.links.get_mut(&number)?.half(side).end
    }

    /// The most bytes that wait at one end to be sent.
    #[must_use]
    pub fn outgoing_bytes_max(&self) -> usize {
        let links = self.links.values();
        let waiting =
            links.flat_map(|one| [one.dialing.outgoing.len(), one.accepting.outgoing.len()]);
        waiting.max().unwrap_or(0)
    }
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).expect("simulated sizes fit into memory")
}
