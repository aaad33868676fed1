//! A node of a world: its disk, which outlives the broker on it, and the broker in one of its
//! lives: its shards, and what lies before each of them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::client::DialFailure;
use crate::log::storage::{StorageResult, Ticket};
use crate::model::{Offset, ShardId};
use crate::shard::{ConnectionId, DisconnectReason, Effects, ListenerIndex, Message, Shard};

use crate::stdx::Random;

use super::super::clock::SimulatedTime;
use super::super::disk::Disk;
use super::super::links::End;
use super::super::network::NodeIndex;
use super::settings::BrokerPlan;

/// A shard of a node, by their places.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat {
    pub node: NodeIndex,
    pub place: usize,
}

impl Seat {
    /// What tells it from others in the trace.
    pub const fn number(self) -> u64 {
        (self.node.0 as u64) << 16 | self.place as u64
    }

    /// What its shard calls `connection`, in the whole world.
    pub fn end(self, connection: ConnectionId) -> End {
        End {
            node: self.node,
            shard: ShardId(u16::try_from(self.place).expect("a broker has few shards")),
            connection,
        }
    }
}

impl std::fmt::Display for Seat {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}, shard {}", self.node, self.place)
    }
}

/// A machine with a disk, on which a broker has one life after the other.
#[derive(Debug)]
pub(super) struct Node {
    pub plan: BrokerPlan,
    pub disk: Disk,
    /// What the shards get as their randomness.
    pub shards: Random,
    pub broker: Option<Broker>,
    /// Which life of the broker this is; what belongs to an earlier one does not happen.
    pub life: u64,
    pub starts: u64,
    /// It stands still until then.
    pub paused_until: SimulatedTime,
    /// How far its wall clock is from the world's, in milliseconds.
    pub clock_error_ms: i64,
    /// Effects until the power goes.
    pub effects_until_crash: Option<u64>,
    /// True while the life after which the auditor comes is not over.
    pub is_last_life_due: bool,
}

impl Node {
    pub fn new(plan: BrokerPlan, disk: Disk, shards: Random) -> Self {
        Self {
            plan,
            disk,
            shards,
            broker: None,
            life: 0,
            starts: 0,
            paused_until: SimulatedTime::default(),
            clock_error_ms: 0,
            effects_until_crash: None,
            is_last_life_due: false,
        }
    }

    /// True if its broker serves in the life in which the auditor reads.
    pub fn is_ready_for_audit(&self) -> bool {
        self.broker.as_ref().is_some_and(Broker::is_ready) && !self.is_last_life_due
    }

    /// True if the disk failed in this life of the broker.
    pub fn has_failed(&self) -> bool {
        let broker = self.broker.as_ref();
        broker.is_some_and(|broker| self.disk.failures() > broker.failures_at_start)
    }

    pub fn host(&mut self, shard: ShardId) -> Option<&mut Host> {
        self.broker.as_mut()?.host(shard)
    }
}

/// A shard and what waits for its next turn.
#[derive(Debug)]
pub(super) struct Host {
    pub shard: Shard,
    pub effects: Effects,
    pub completions: VecDeque<(Ticket, StorageResult)>,
    pub letters: VecDeque<(ShardId, Message)>,
    pub accepted: VecDeque<(ConnectionId, ListenerIndex)>,
    /// Connections that the shard dialed, and how that ended.
    pub dialed: VecDeque<(ConnectionId, Result<(), DialFailure>)>,
    pub gone: VecDeque<(ConnectionId, DisconnectReason)>,
    /// Connections with something to receive.
    pub readable: BTreeSet<ConnectionId>,
    /// The same, but the shard did not want to receive.
    pub paused: BTreeSet<ConnectionId>,
    /// Connections of which something was sent.
    pub sent: BTreeSet<ConnectionId>,
    pub turn_at: Option<SimulatedTime>,
    pub is_started: bool,
    pub is_told_to_stop: bool,
    pub wants_stop: bool,
    pub is_stopped: bool,
    /// Events of the turn.
    pub events: usize,
}

impl Host {
    pub fn new(shard: Shard) -> Self {
        Self {
            shard,
            effects: Effects::default(),
            completions: VecDeque::new(),
            letters: VecDeque::new(),
            accepted: VecDeque::new(),
            dialed: VecDeque::new(),
            gone: VecDeque::new(),
            readable: BTreeSet::new(),
            paused: BTreeSet::new(),
            sent: BTreeSet::new(),
            turn_at: None,
            is_started: false,
            is_told_to_stop: false,
            wants_stop: false,
            is_stopped: false,
            events: 0,
        }
    }

    /// True if another turn is due right away.
    pub fn has_work(&self) -> bool {
        let is_quiet = self.completions.is_empty()
            && self.letters.is_empty()
            && self.accepted.is_empty()
            && self.dialed.is_empty()
            && self.gone.is_empty()
            && self.readable.is_empty()
            && self.sent.is_empty();
        !is_quiet || !self.is_started || self.wants_stop != self.is_told_to_stop
    }
}

/// The broker in one of its lives.
#[derive(Debug)]
pub(super) struct Broker {
    pub hosts: Vec<Host>,
    /// Messages on their way, by sender and receiver. They keep their order.
    pub mail: BTreeMap<(ShardId, ShardId), VecDeque<Message>>,
    pub mail_after: BTreeMap<(ShardId, ShardId), SimulatedTime>,
    pub ready: u32,
    /// Failures of the disk before this life.
    pub failures_at_start: u64,
    /// Requests that found the disk full before this life.
    pub lacks_at_start: u64,
    /// The operator has told it to stop.
    pub is_stopping: bool,
    /// It takes connections.
    pub is_accepting: bool,
    /// How far in the metadata log the image of shard 0 was that was looked at last.
    pub image_seen: Option<Offset>,
    /// With a planted bug: completions that were told before their time.
    pub told_early: BTreeSet<(ShardId, Ticket)>,
}

impl Broker {
    pub fn new(shards: Vec<Shard>, disk: &Disk) -> Self {
        Self {
            hosts: shards.into_iter().map(Host::new).collect(),
            mail: BTreeMap::new(),
            mail_after: BTreeMap::new(),
            ready: 0,
            failures_at_start: disk.failures(),
            lacks_at_start: disk.lacks(),
            is_stopping: false,
            is_accepting: true,
            image_seen: None,
            told_early: BTreeSet::new(),
        }
    }

    /// True if it serves.
    pub const fn is_ready(&self) -> bool {
        self.ready > 0
    }

    /// True if the broker may halt: the disk failed, or had no room for what a start or a stop
    /// cannot do without, or a copy of the metadata log of others. While it serves alone, it waits
    /// for room.
    pub const fn may_halt(&self, disk: &Disk, is_member: bool) -> bool {
        let needs_room = is_member || self.is_stopping || !self.is_ready();
        disk.failures() > self.failures_at_start
            || (needs_room && disk.lacks() > self.lacks_at_start)
    }

    /// True if the disk failed in this life, or had no room for something.
    pub const fn is_hurt(&self, disk: &Disk) -> bool {
        disk.failures() > self.failures_at_start || disk.lacks() > self.lacks_at_start
    }

    pub fn host(&mut self, shard: ShardId) -> Option<&mut Host> {
        self.hosts.get_mut(usize::from(shard.0))
    }

    /// Messages on their way or not yet taken.
    pub fn letters_count(&self) -> usize {
        let on_the_way: usize = self.mail.values().map(VecDeque::len).sum();
        let arrived: usize = self.hosts.iter().map(|host| host.letters.len()).sum();
        on_the_way + arrived
    }
}
