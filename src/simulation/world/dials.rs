//! The connections between nodes: who is reached where, and whose shards learn what.

use ::core::net::SocketAddr;

use bytes::Bytes;

use crate::client::DialFailure;
use crate::model::{NodeAddress, ShardId};
use crate::shard::{ConnectionId, DisconnectReason, ListenerIndex};

use super::super::links::{End, LinkEvent, LinkNumber, Links};
use super::super::network::NodeIndex;
use super::World;
use super::broker::{Host, Seat};

impl World {
    pub(super) fn on_link(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Arrives(number) => self.on_dial(number),
            LinkEvent::Unanswered(number) => {
                if let Some((end, address)) = self.links.dialing(number) {
                    let at = Some(socket_address(address));
                    self.links.forget(number);
                    self.tell_dialed(end, Err(DialFailure::TimedOut { at }));
                }
            }
            LinkEvent::Reaches(number, side) => {
                let reached =
                    self.links
                        .reach(self.now, (number, side), &self.chaos, &mut self.counts);
                if let Some(end) = reached {
                    self.tell_end(end, |host| {
                        if !host.paused.contains(&end.connection) {
                            host.readable.insert(end.connection);
                        }
                    });
                }
                if self
                    .chaos
                    .strikes(&mut self.dials, self.chaos.disconnects, 10_000)
                {
                    self.links.break_off(self.now, number, &mut self.counts);
                }
            }
            LinkEvent::TakesMore(number, side) => {
                if let Some(end) = self.links.end_of(number, side) {
                    self.take_outgoing_of(end);
                }
            }
            LinkEvent::Learns(number, side) => {
                if let Some(end) = self.links.learn(number, side) {
                    let gone = (end.connection, DisconnectReason::ByPeer);
                    self.tell_end(end, |host| host.gone.push_back(gone));
                }
            }
        }
    }

    /// A dial comes to where it goes.
    fn on_dial(&mut self, number: LinkNumber) {
        let Some((end, address)) = self.links.dialing(number) else {
            return;
        };
        let at = socket_address(address);
        let Some((node, listener)) = self.node_at(address) else {
            let host = address.host.clone();
            let reason = "no node of this world has it".to_owned();
            self.links.forget(number);
            return self.tell_dialed(end, Err(DialFailure::NotResolved { host, reason }));
        };
        let way = (end.node, node);
        if self.links.holds_up(self.now, number, way, &mut self.counts) {
            return;
        }
        let Some(shards) = self.shards_that_accept(node) else {
            if self.links.refuse(number, &self.chaos, &mut self.counts) {
                self.tell_dialed(end, Err(DialFailure::Refused { at }));
            }
            return;
        };
        let shard = ShardId(u16::try_from(self.dials.below(shards)).expect("small"));
        let accepted = self.links.accept(number, node, shard);
        self.trace.note(self.now, "dial", &[accepted.0], || {
            format!(
                "{}, shard {}, reaches {node}, shard {shard}",
                end.node, end.shard
            )
        });
        if let Some(host) = self.node_mut(node).host(shard) {
            host.accepted.push_back((accepted, listener));
        }
        self.wake_shard(node, shard);
        self.tell_dialed(end, Ok(()));
    }

    /// The node and its listener that an address leads to.
    fn node_at(&self, address: &NodeAddress) -> Option<(NodeIndex, ListenerIndex)> {
        self.node_indexes().find_map(|node| {
            let listener = self.node(node).plan.listener_at(address)?;
            Some((node, listener))
        })
    }

    /// How many shards the broker of a node has, if it takes connections.
    fn shards_that_accept(&self, node: NodeIndex) -> Option<u64> {
        let broker = self.node(node).broker.as_ref();
        let broker = broker.filter(|broker| broker.is_accepting)?;
        Some(broker.hosts.len() as u64)
    }

    fn tell_dialed(&mut self, end: End, result: Result<(), DialFailure>) {
        self.tell_end(end, |host| host.dialed.push_back((end.connection, result)));
    }

    /// Something happened at an end of a connection: its shard has a turn soon.
    fn tell_end(&mut self, end: End, note: impl FnOnce(&mut Host)) {
        if let Some(host) = self.node_mut(end.node).host(end.shard) {
            note(host);
            self.wake_shard(end.node, end.shard);
        }
    }

    /// Let the network take what it wants of what an end has to send.
    pub(super) fn take_outgoing_of(&mut self, end: End) {
        let is_closed = self
            .links
            .take_outgoing(self.now, end, &self.chaos, &mut self.counts);
        self.tell_end(end, |host| {
            if is_closed {
                let gone = (end.connection, DisconnectReason::ByShard);
                host.gone.push_back(gone);
            } else {
                host.sent.insert(end.connection);
            }
        });
    }

    /// True if the shard can receive something on the connection.
    pub(super) fn has_arrived(&mut self, seat: Seat, connection: ConnectionId) -> bool {
        if Links::owns(connection) {
            return self.links.has_arrived(seat.end(connection));
        }
        self.network.has_arrived(connection)
    }

    /// Bytes of the connection that have left since this was asked last.
    pub(super) fn drain_sent(&mut self, seat: Seat, connection: ConnectionId) -> usize {
        if Links::owns(connection) {
            return self.links.drain_sent(seat.end(connection));
        }
        let length = self.network.drain_sent(connection);
        match self.network.shard_of(connection) {
            Some(_) => length,
            None => 0,
        }
    }

    /// A shard sends `slices`.
    pub(super) fn send(&mut self, seat: Seat, connection: ConnectionId, slices: &[Bytes]) {
        if Links::owns(connection) {
            self.links.send(seat.end(connection), slices);
        } else {
            self.network.send_to_client(connection, slices);
        }
    }

    /// A shard closes a connection. True if it is gone now.
    pub(super) fn disconnect(&mut self, seat: Seat, connection: ConnectionId, flush: bool) -> bool {
        if Links::owns(connection) {
            let end = seat.end(connection);
            return self.links.disconnect(self.now, end, flush);
        }
        self.network.disconnect(self.now, connection, flush)
    }
}

/// The address of a host, as failures name it: nodes of a world have none.
fn socket_address(address: &NodeAddress) -> SocketAddr {
    ([192, 0, 2, 1], address.port).into()
}
