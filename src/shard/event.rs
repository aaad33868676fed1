//! Everything that can happen to a shard. What is not in this list cannot happen.

use ::core::net::SocketAddr;

use crate::client::DialFailure;
use crate::log::storage::{StorageResult, Ticket};
use crate::model::ShardId;

use super::message::Message;

/// A connection of this shard; a number is never used again. Of one that a client made the runtime
/// chooses it, below `1 << 61`; of one that the shard dials the shard does, and that bit is set. So
/// neither asks the other for a number, and which end this is shows from the number alone.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ConnectionId(pub u64);

impl ConnectionId {
    /// What the numbers of dialed connections have.
    const DIALED: u64 = 1 << 61;

    /// The dialed connection `number` of this shard.
    ///
    /// # Panics
    /// If the number has more than 61 bits.
    #[must_use]
    pub const fn dialed(number: u64) -> Self {
        assert!(number < Self::DIALED, "connection numbers do not run out");
        Self(Self::DIALED | number)
    }

    /// The number of a dialed connection; `None` for one that a client made.
    #[must_use]
    pub const fn dialed_number(self) -> Option<u64> {
        if self.0 & Self::DIALED == 0 {
            return None;
        }
        Some(self.0 & !Self::DIALED)
    }
}

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
    /// A connection that the shard asked for with [`super::Effect::Dial`] was made, or why not. The
    /// number of one that was not made means nothing from now on.
    Dialed {
        connection: ConnectionId,
        result: Result<(), DialFailure>,
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

impl Event {
    /// The number of the dialed connection that this is about.
    pub(super) const fn dialed_number(&self) -> Option<u64> {
        match self {
            Self::Dialed { connection, .. }
            | Self::Received { connection, .. }
            | Self::Sent { connection, .. }
            | Self::Disconnected { connection, .. } => connection.dialed_number(),
            _ => None,
        }
    }
}
