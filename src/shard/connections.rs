//! The connections handed to this shard.

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::connection::{BlockSupply, Connection};
use crate::console::HttpConnection;
use crate::stdx::buffer::BlockPool;
use crate::stdx::{HashMap, Instant, Now, new_map};

use super::event::{ConnectionId, DisconnectReason, ListenerIndex, PeerAddress};
use super::metering::SentAnswers;
use super::settings::RECEIVE_BLOCK_BYTES;
use super::{Effect, Effects, ListenerKind, ShardSettings};

/// Blocks kept for reuse, as a part of the shard's memory.
const KEPT_BLOCKS_MEMORY_DIVISOR: u64 = 8;

/// A connection and where it comes from.
#[derive(Debug)]
pub struct Peer {
    /// The listener.
    pub listener: ListenerIndex,
    /// The address.
    pub address: PeerAddress,
    /// Its bytes and answers.
    pub connection: Connection,
    /// Its bytes if it speaks HTTP; its answers are above.
    pub http: Option<Box<HttpConnection>>,
    /// What is known of its answers on their way to the network.
    pub sent: SentAnswers,
}

/// The connections handed to this shard.
#[derive(Debug)]
pub struct Connections {
    open: HashMap<ConnectionId, Peer>,
    supply: BlockSupply,
    idle_max: Option<std::time::Duration>,
    /// When a connection is to be looked at for idleness. It may have been active since.
    idle_checks: BTreeSet<(Instant, ConnectionId)>,
}

impl Connections {
    /// None.
    pub fn new(settings: &ShardSettings) -> Self {
        let kept_bytes = settings.memory_bytes / KEPT_BLOCKS_MEMORY_DIVISOR;
        let kept_blocks = usize::try_from(kept_bytes).unwrap_or(usize::MAX) / RECEIVE_BLOCK_BYTES;
        let idle_ms = settings.config.connections_max_idle_ms;
        Self {
            open: new_map(),
            supply: BlockSupply::new(BlockPool::new(RECEIVE_BLOCK_BYTES, kept_blocks)),
            idle_max: idle_ms
                .and_then(|ms| u64::try_from(ms).ok())
                .map(std::time::Duration::from_millis),
            idle_checks: BTreeSet::new(),
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
                connection,
                http: (*kind == ListenerKind::Http).then(Box::default),
                sent: SentAnswers::default(),
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
        self.open.remove(&id)
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
    pub fn release_block(&mut self, id: ConnectionId) {
        if let Some(peer) = self.open.get_mut(&id) {
            peer.connection.release_block(&mut self.supply);
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
            effects.push(Effect::Disconnect {
                connection: id,
                flush,
            });
        }
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

    /// When the first connection is to be looked at for idleness.
    pub fn next_deadline(&self) -> Instant {
        self.idle_checks
            .first()
            .map_or(Instant::MAX, |(due, _)| *due)
    }
}

/// The answer of a request, ready to be sent.
pub type Answer = Vec<Bytes>;
