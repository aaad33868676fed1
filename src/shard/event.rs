//! Everything that can happen to a shard. What is not in this list cannot happen.

use ::core::net::SocketAddr;

use crate::log::storage::{StorageResult, Ticket};
use crate::model::ShardId;

use super::message::Message;

/// A connection of this shard. The runtime chooses the number and never reuses it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ConnectionId(pub u64);

/// One of the broker's listeners, by its position in `listeners`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ListenerIndex(pub u16);

/// Where a client connects from.
pub type PeerAddress = SocketAddr;

/// Why a connection is gone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DisconnectReason {
    /// The peer closed its side or reset the connection.
    ByPeer,
    /// The shard asked for it with [`super::Effect::Disconnect`].
    ByShard,
    /// The network failed with this error number.
    Failed(i32),
}

/// Why a client was turned away.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RefusalReason {
    /// Its address has as many connections as it may have.
    AddressLimit { allowed: usize },
    /// There is no descriptor for one more.
    NoDescriptor,
    /// The system cannot watch one more; its error number.
    NotWatched(i32),
}

impl std::fmt::Display for RefusalReason {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AddressLimit { allowed } => write!(
                formatter,
                "its address has {allowed} connections, as many as it may have: see \
                 max.connections.per.ip"
            ),
            Self::NoDescriptor => formatter.write_str(
                "no descriptor is left: raise the limit of open files (ulimit -n, LimitNOFILE)",
            ),
            Self::NotWatched(errno) => write!(formatter, "it cannot be watched (errno {errno})"),
        }
    }
}

/// Something that happened outside, for the shard to react to.
#[derive(Debug)]
pub enum Event {
    /// The shard starts: the first event, and the only one of its kind.
    Started,
    /// A client connected and this shard owns the connection from now on.
    Accepted {
        connection: ConnectionId,
        listener: ListenerIndex,
        peer: PeerAddress,
    },
    /// A client connected and was turned away.
    Refused {
        listener: ListenerIndex,
        peer: PeerAddress,
        reason: RefusalReason,
    },
    /// The runtime put `length` bytes into the buffer that `Shard::receive_buffer` lent.
    Received {
        connection: ConnectionId,
        length: usize,
    },
    /// `length` more bytes of what the shard sent have left for the network.
    Sent {
        connection: ConnectionId,
        length: usize,
    },
    /// The connection is gone; nothing more happens on it.
    Disconnected {
        connection: ConnectionId,
        reason: DisconnectReason,
    },
    /// There are more connections than there may be: one of this shard's has to go, though none of
    /// the listener `spared`. Told again as long as there are too many.
    ConnectionsExceeded { spared: Option<ListenerIndex> },
    /// A request to the disk has ended.
    StorageFinished {
        ticket: Ticket,
        result: StorageResult,
    },
    /// Another shard posted a message. Messages of one shard arrive in the order of posting.
    MessageArrived { from: ShardId, message: Message },
    /// The time that `Shard::next_deadline` named has come.
    DeadlineReached,
    /// The last event of a turn: what the turn gathered is sent on its way (group commit).
    TurnEnded,
    /// The operator wants the broker to stop cleanly.
    Stopping,
}
