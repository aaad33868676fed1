//! A shard's turn: what the runtime's turn does, in the same order, with chance in every place
//! where the runtime depends on the machine.

use std::time::Duration;

use crate::log::storage::{Durability, StorageOutcome, StorageRequest, StorageResult, Ticket};
use crate::log::{PREDECESSOR, TRUNCATION};
use crate::model::ShardId;
use crate::shard::{ConnectionId, DisconnectReason, Effect, Event, HaltReason, Message};

use super::super::clock::{SimulatedTime, between};
use super::super::disk::DiskRequestId;
use super::super::faults::Fault;
use super::super::links::Links;
use super::super::network::NodeIndex;
use super::super::oracle::Rule;
use super::super::planted::PlantedBug;
use super::super::reached::Reached;
use super::super::trace::digest;
use super::broker::{Host, Seat};
use super::{Occurrence, Shape, World};

/// Events of one turn.
const TURN_EVENTS_MAX: u64 = 64;

/// Requests to the disk that a broker of this size may have at once.
const DISK_REQUESTS_MAX: usize = 20_000;

/// Messages between shards that may be on their way.
const LETTERS_MAX: usize = 20_000;

/// Bytes that may wait on one connection: what a connection may hold back, and a few answers.
const OUTGOING_BYTES_MAX: usize = 12 << 20;

/// How often a planted bug of the mail shows, in a hundred.
const PLANTED_PERCENT: u64 = 3;

/// What became of a turn.
#[derive(Clone, Debug, Eq, PartialEq)]
enum TurnEnd {
    Done,
    /// The power went after some of the effects.
    PowerGone,
    Halted(HaltReason),
}

impl World {
    /// See that the shard has a turn soon.
    pub(super) fn wake_shard(&mut self, node: NodeIndex, shard: ShardId) {
        let mut delay = between(
            &mut self.schedule,
            Duration::from_micros(1),
            Duration::from_micros(120),
        );
        if self
            .chaos
            .strikes(&mut self.schedule, self.chaos.starved_turns, 1000)
        {
            self.counts.add(Fault::StarvedShard);
            delay = between(
                &mut self.schedule,
                Duration::from_millis(1),
                Duration::from_millis(300),
            );
        }
        self.plan_turn(node, shard, self.now.plus_nanos(delay));
    }

    fn plan_turn(&mut self, node: NodeIndex, shard: ShardId, at: SimulatedTime) {
        let life = self.life(node);
        let at = at.max(self.node(node).paused_until);
        let Some(host) = self.node_mut(node).host(shard) else {
            return;
        };
        if !host.is_stopped && host.turn_at.is_none_or(|planned| planned > at) {
            host.turn_at = Some(at);
            self.plan_for(at, Occurrence::Turn { life, shard });
        }
    }

    /// A shard has its turn.
    pub(super) fn turn(&mut self, seat: Seat) {
        let Some(broker) = self.nodes[seat.node.0].broker.as_mut() else {
            return;
        };
        let host = &mut broker.hosts[seat.place];
        if host.turn_at != Some(self.now) || host.is_stopped {
            return;
        }
        host.turn_at = None;
        if self.nodes[seat.node.0].paused_until > self.now {
            let shard = self.host_at(seat).shard.id();
            return self.plan_turn(seat.node, shard, self.now);
        }
        let host = self.host_at(seat);
        host.events = 0;
        let budget = 1 + self.schedule.below(TURN_EVENTS_MAX);
        let budget = usize::try_from(budget).expect("small");
        self.report(seat);
        self.take_completions(seat, budget);
        self.take_letters(seat, budget);
        self.receive(seat, budget);
        let now = self.now;
        let host = self.host_at(seat);
        if host.shard.next_deadline() <= now.now().instant {
            self.tell(seat, Event::DeadlineReached);
        }
        if self.host_at(seat).events > 0 {
            self.tell(seat, Event::TurnEnded);
            let host = self.host_at(seat);
            let paused = std::mem::take(&mut host.paused);
            host.readable.extend(paused);
        }
        match self.perform_effects(seat) {
            TurnEnd::Done => self.end_turn(seat),
            TurnEnd::PowerGone => self.crash(seat.node),
            TurnEnd::Halted(reason) => self.on_halt(seat.node, &reason),
        }
    }

    fn host_at(&mut self, seat: Seat) -> &mut Host {
        let broker = self.node_mut(seat.node).broker.as_mut();
        &mut broker.expect("a turn is within a life").hosts[seat.place]
    }

    fn end_turn(&mut self, seat: Seat) {
        if self.settings.shape == Shape::Cluster {
            self.inspect(seat);
        }
        let now = self.now;
        let host = self.host_at(seat);
        let (shard, is_stopped) = (host.shard.id(), host.is_stopped);
        if is_stopped {
            return;
        }
        let deadline = SimulatedTime::of_deadline(host.shard.next_deadline());
        if host.has_work() {
            self.wake_shard(seat.node, shard);
        } else if let Some(deadline) = deadline {
            // A shard that is not content with its deadline must not stop the clock.
            let at = deadline.max(now.plus_nanos(1_000));
            self.plan_turn(seat.node, shard, at);
        }
        self.check_bounds(seat.node);
    }

    fn check_bounds(&mut self, index: NodeIndex) {
        let node = self.node(index);
        let broker = node.broker.as_ref();
        let letters = broker.map_or(0, |broker| broker.letters_count());
        let requests = node.disk.requests_count();
        let outgoing = self.network.outgoing_bytes_max();
        let outgoing = outgoing.max(self.links.outgoing_bytes_max());
        if letters > LETTERS_MAX || requests > DISK_REQUESTS_MAX || outgoing > OUTGOING_BYTES_MAX {
            let what = format!(
                "{letters} messages, {requests} requests to the disk, {outgoing} bytes to send"
            );
            self.oracle.violate(Rule::MemoryIsBounded, what);
        }
    }

    /// Tell the shard what happened.
    fn tell(&mut self, seat: Seat, event: Event) {
        let numbers = numbers_of(&event);
        self.events += u64::from(!matches!(event, Event::TurnEnded));
        let now = self.now;
        let told = now.now_with(self.node(seat.node).clock_error_ms);
        self.trace.note(
            now,
            kind_of(&event),
            &[seat.number(), numbers[0], numbers[1], numbers[2]],
            || {
                let mut text = format!("{seat}: {event:?}");
                truncate(&mut text);
                text
            },
        );
        let host = self.host_at(seat);
        host.events += 1;
        host.shard.on_event(told, event, &mut host.effects);
    }

    fn report(&mut self, seat: Seat) {
        let host = self.host_at(seat);
        if !std::mem::replace(&mut host.is_started, true) {
            self.tell(seat, Event::Started);
        }
        let host = self.host_at(seat);
        if host.wants_stop && !std::mem::replace(&mut host.is_told_to_stop, true) {
            self.tell(seat, Event::Stopping);
        }
        for (connection, listener) in std::mem::take(&mut self.host_at(seat).accepted) {
            self.tell(
                seat,
                Event::Accepted {
                    connection,
                    listener,
                    peer: ([127, 0, 0, 1], 40_000).into(),
                },
            );
        }
        for (connection, result) in std::mem::take(&mut self.host_at(seat).dialed) {
            self.tell(seat, Event::Dialed { connection, result });
        }
        for connection in std::mem::take(&mut self.host_at(seat).sent) {
            let length = self.drain_sent(seat, connection);
            if length > 0 {
                self.tell(seat, Event::Sent { connection, length });
            }
        }
        for (connection, reason) in std::mem::take(&mut self.host_at(seat).gone) {
            let host = self.host_at(seat);
            host.readable.remove(&connection);
            host.paused.remove(&connection);
            self.tell(seat, Event::Disconnected { connection, reason });
        }
    }

    fn take_completions(&mut self, seat: Seat, budget: usize) {
        while self.host_at(seat).events < budget
            && let Some((ticket, result)) = self.host_at(seat).completions.pop_front()
        {
            self.tell(seat, Event::StorageFinished { ticket, result });
        }
    }

    fn take_letters(&mut self, seat: Seat, budget: usize) {
        // Letters get their share also where completions took all.
        for _ in 0..budget {
            let Some((from, message)) = self.host_at(seat).letters.pop_front() else {
                return;
            };
            self.tell(seat, Event::MessageArrived { from, message });
        }
    }

    fn receive(&mut self, seat: Seat, budget: usize) {
        let readable: Vec<ConnectionId> = self.host_at(seat).readable.iter().copied().collect();
        for connection in readable {
            for _ in 0..budget {
                if !self.has_arrived(seat, connection) {
                    self.host_at(seat).readable.remove(&connection);
                    break;
                }
                let broker = self.nodes[seat.node.0].broker.as_mut();
                let host = &mut broker.expect("a turn is within a life").hosts[seat.place];
                let Some(memory) = host.shard.receive_buffer(connection) else {
                    host.readable.remove(&connection);
                    host.paused.insert(connection);
                    break;
                };
                let (chaos, counts) = (&self.chaos, &mut self.counts);
                let length = if Links::owns(connection) {
                    let end = seat.end(connection);
                    self.links.receive(end, memory, chaos, counts)
                } else {
                    self.network.receive(connection, memory, chaos, counts)
                };
                self.tell(seat, Event::Received { connection, length });
            }
        }
    }

    /// Do what the shard asked for, one thing after the other; the power may go in between.
    fn perform_effects(&mut self, seat: Seat) -> TurnEnd {
        self.host_at(seat).effects.take_storage();
        let mut performed = 0_u64;
        let mut touched = Vec::new();
        while let Some(effect) = self.host_at(seat).effects.next_effect() {
            if let Some(left) = &mut self.node_mut(seat.node).effects_until_crash {
                if *left == 0 {
                    if performed > 0 {
                        self.counts.add(Fault::CrashBetweenEffects);
                    }
                    return TurnEnd::PowerGone;
                }
                *left -= 1;
            }
            performed += 1;
            match effect {
                Effect::Send { connection, slices } => {
                    let bytes = slices.iter().map(|slice| slice.len() as u64).sum();
                    self.note_effect("send", seat, &[connection.0, bytes], String::new);
                    self.send(seat, connection, &slices);
                    touched.push(connection);
                }
                Effect::Disconnect { connection, flush } => {
                    self.note_effect(
                        "disconnect",
                        seat,
                        &[connection.0, u64::from(flush)],
                        String::new,
                    );
                    if self.disconnect(seat, connection, flush) {
                        let host = self.host_at(seat);
                        host.gone.push_back((connection, DisconnectReason::ByShard));
                    }
                }
                Effect::Dial {
                    connection,
                    address,
                    timeout,
                } => {
                    self.note_effect("dial", seat, &[connection.0], || address.to_string());
                    let end = seat.end(connection);
                    self.links.dial(self.now, end, address, timeout);
                }
                Effect::Storage { ticket, request } => self.submit(seat, ticket, request),
                Effect::Post { to, message } => self.post(seat, to, message),
                // Nobody here reads the log or counts connections.
                Effect::FilterLog(_) | Effect::LimitConnections(_) => {}
                Effect::StopAccepting => {
                    let broker = self.node_mut(seat.node).broker.as_mut();
                    broker.expect("a turn is within a life").is_accepting = false;
                }
                Effect::Ready => {
                    self.note_effect("ready", seat, &[], String::new);
                    let broker = self.node_mut(seat.node).broker.as_mut();
                    let broker = broker.expect("a turn is within a life");
                    broker.ready += 1;
                    if broker.ready > 1 {
                        let what = "the broker is ready a second time".to_owned();
                        self.oracle.violate(Rule::BrokerRuns, what);
                    }
                }
                Effect::Stopped => {
                    self.note_effect("stopped", seat, &[], String::new);
                    self.host_at(seat).is_stopped = true;
                    self.check_stopped(seat.node);
                }
                Effect::Halt(reason) => return TurnEnd::Halted(reason),
            }
        }
        for connection in touched {
            if Links::owns(connection) {
                self.take_outgoing_of(seat.end(connection));
            } else {
                self.take_outgoing(connection);
            }
        }
        TurnEnd::Done
    }

    fn note_effect(
        &mut self,
        kind: &'static str,
        seat: Seat,
        numbers: &[u64],
        describe: impl FnOnce() -> String,
    ) {
        self.trace.note(self.now, kind, numbers, || {
            format!("{seat}: {numbers:?} {}", describe())
        });
    }

    /// Let the network take what it wants of what a connection has to send.
    pub(super) fn take_outgoing(&mut self, connection: ConnectionId) {
        let Some((node, shard)) = self.network.shard_of(connection) else {
            return;
        };
        let is_closed =
            self.network
                .take_outgoing(self.now, connection, &self.chaos, &mut self.counts);
        if let Some(host) = self.node_mut(node).host(shard) {
            if is_closed {
                host.gone.push_back((connection, DisconnectReason::ByShard));
            } else {
                host.sent.insert(connection);
            }
            self.wake_shard(node, shard);
        }
    }

    fn submit(&mut self, seat: Seat, ticket: Ticket, request: StorageRequest) {
        let numbers = [u64::from(ticket.owner.slot), ticket.sequence];
        self.note_effect(request.operation(), seat, &numbers, || {
            let mut text = format!("{request:?}");
            truncate(&mut text);
            text
        });
        let shard = self.host_at(seat).shard.id();
        let is_open = matches!(&request, StorageRequest::Open { .. });
        let is_synced_write = matches!(
            &request,
            StorageRequest::Write {
                durability: Durability::Synced,
                ..
            }
        );
        if is_synced_write && self.settings.planted == Some(PlantedBug::CompletesBeforeWriting) {
            let broker = self.node_mut(seat.node).broker.as_mut();
            let broker = broker.expect("a turn is within a life");
            broker.told_early.insert((shard, ticket));
            let done = (ticket, Ok(StorageOutcome::Done));
            broker.hosts[seat.place].completions.push_back(done);
        }
        if let StorageRequest::ReplaceFile { path, .. } = &request {
            for (note, what) in [
                (TRUNCATION, Reached::Truncated),
                (PREDECESSOR, Reached::Returned),
            ] {
                if path.relative.ends_with(note) {
                    self.agreement.note(what);
                }
            }
        }
        self.nodes[seat.node.0].disk.submit(
            self.now,
            shard,
            ticket,
            request,
            &self.chaos,
            &mut self.counts,
        );
        if is_open {
            self.check_open_files(seat.node, shard);
        }
    }

    fn check_open_files(&mut self, index: NodeIndex, shard: ShardId) {
        let node = self.node(index);
        let (count, max) = (node.disk.segments_count(shard), node.plan.open_files_max);
        if count == max {
            self.counts.add(Fault::NoFileLeft);
        }
        if count > max {
            let what = format!("{shard} has {count} files open, and may have {max}");
            self.oracle.violate(Rule::MemoryIsBounded, what);
        }
    }

    fn post(&mut self, seat: Seat, to: ShardId, message: Message) {
        let from = self.host_at(seat).shard.id();
        self.note_effect("post", seat, &[u64::from(to.0)], || {
            let mut text = format!("to {to}: {message:?}");
            truncate(&mut text);
            text
        });
        if to == ShardId(0) && matches!(message, Message::DirectoryOffline(_)) {
            self.counts.add(Fault::GivenUp);
        }
        let planted = self.settings.planted;
        let strikes = planted.is_some() && self.plants.chance(PLANTED_PERCENT, 100);
        if strikes && planted == Some(PlantedBug::LosesMail) {
            return;
        }
        let mut delay = between(
            &mut self.schedule,
            Duration::from_nanos(300),
            Duration::from_micros(20),
        );
        if self
            .chaos
            .strikes(&mut self.schedule, self.chaos.late_mails, 1000)
        {
            self.counts.add(Fault::LateMail);
            delay = between(
                &mut self.schedule,
                Duration::from_millis(1),
                Duration::from_millis(100),
            );
        }
        let life = self.life(seat.node);
        let now = self.now;
        let broker = self.node_mut(seat.node).broker.as_mut();
        let broker = broker.expect("a turn is within a life");
        let after = broker.mail_after.entry((from, to)).or_default();
        let arrives = now.plus_nanos(delay).max(*after);
        *after = arrives;
        let queue = broker.mail.entry((from, to)).or_default();
        match queue.pop_back() {
            Some(last) if strikes && planted == Some(PlantedBug::SwapsMail) => {
                queue.extend([message, last]);
            }
            last => queue.extend(last.into_iter().chain([message])),
        }
        self.plan_for(arrives, Occurrence::MailArrives { life, from, to });
    }

    pub(super) fn on_mail(&mut self, node: NodeIndex, from: ShardId, to: ShardId) {
        let Some(broker) = &mut self.node_mut(node).broker else {
            return;
        };
        let message = broker
            .mail
            .get_mut(&(from, to))
            .and_then(|queue| queue.pop_front());
        if let Some(message) = message
            && let Some(host) = broker.host(to)
        {
            host.letters.push_back((from, message));
            self.wake_shard(node, to);
        }
    }

    pub(super) fn on_disk_ended(&mut self, node: NodeIndex, request: DiskRequestId) {
        let ended =
            self.nodes[node.0]
                .disk
                .complete(self.now, request, &self.chaos, &mut self.counts);
        let Some(ended) = ended else { return };
        let planted = self.settings.planted;
        let twice =
            planted == Some(PlantedBug::CompletesTwice) && self.plants.chance(PLANTED_PERCENT, 100);
        let Some(broker) = &mut self.node_mut(node).broker else {
            return;
        };
        let was_told = broker.told_early.remove(&(ended.shard, ended.ticket));
        if let Some(host) = broker.host(ended.shard) {
            if !was_told {
                if twice {
                    host.completions
                        .push_back((ended.ticket, ended.result.clone()));
                }
                host.completions.push_back((ended.ticket, ended.result));
            }
            self.wake_shard(node, ended.shard);
        }
        self.check_stopped(node);
    }
}

/// A line of a trace is read by people.
fn truncate(text: &mut String) {
    const CHARACTERS_MAX: usize = 400;
    if let Some((cut, _)) = text.char_indices().nth(CHARACTERS_MAX) {
        text.truncate(cut);
        text.push('…');
    }
}

const fn kind_of(event: &Event) -> &'static str {
    match event {
        Event::Started => "started",
        Event::Accepted { .. } => "accepted",
        Event::Dialed { .. } => "dialed",
        Event::Received { .. } => "received",
        Event::Sent { .. } => "sent",
        Event::Disconnected { .. } => "disconnected",
        Event::Refused { .. } => "refused",
        Event::ConnectionsExceeded { .. } => "connections exceeded",
        Event::StorageFinished { .. } => "storage finished",
        Event::MessageArrived { .. } => "message arrived",
        Event::DeadlineReached => "deadline reached",
        Event::TurnEnded => "turn ended",
        Event::Stopping => "stopping",
    }
}

/// What tells an event from others of its kind.
fn numbers_of(event: &Event) -> [u64; 3] {
    match event {
        Event::Accepted { connection, .. }
        | Event::Dialed { connection, .. }
        | Event::Disconnected { connection, .. } => [connection.0, 0, 0],
        Event::Received { connection, length } | Event::Sent { connection, length } => {
            [connection.0, *length as u64, 0]
        }
        Event::StorageFinished { ticket, result } => [
            u64::from(ticket.owner.slot),
            ticket.sequence,
            number_of(result),
        ],
        Event::MessageArrived { from, .. } => [u64::from(from.0), 0, 0],
        Event::Started
        | Event::Refused { .. }
        | Event::ConnectionsExceeded { .. }
        | Event::DeadlineReached
        | Event::TurnEnded
        | Event::Stopping => [0; 3],
    }
}

fn number_of(result: &StorageResult) -> u64 {
    match result {
        Ok(StorageOutcome::Data(bytes)) => digest(bytes),
        Ok(StorageOutcome::Opened { length }) => *length,
        Ok(StorageOutcome::Entries(entries)) => entries.len() as u64,
        Ok(StorageOutcome::Room { usable_bytes, .. }) => *usable_bytes,
        Ok(StorageOutcome::Done | StorageOutcome::Missing) => 1,
        Err(failure) => u64::from(failure.errno.unsigned_abs()),
    }
}
