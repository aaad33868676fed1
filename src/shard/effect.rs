//! Everything a shard can ask of the world.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use crate::connection::ConnectionLimits;
use crate::log::storage::{StorageOutbox, StorageRequest, Ticket};
use crate::model::{NodeAddress, ShardId};

use super::event::ConnectionId;
use super::message::Message;

/// Something the shard wants done outside.
#[derive(Debug)]
pub enum Effect {
    /// Send these bytes on the connection, after what was sent before. The runtime queues what the
    /// network does not take at once and reports with `Event::Sent`; the shard bounds the queue.
    Send {
        connection: ConnectionId,
        slices: Vec<Bytes>,
    },
    /// Connect to another node under a new [`ConnectionId::dialed`]. The name is resolved anew; its
    /// addresses are tried in turn, for as long as `timeout` altogether. `Event::Dialed` tells how
    /// it ended, and only then may something be sent.
    Dial {
        connection: ConnectionId,
        address: NodeAddress,
        timeout: Duration,
    },
    /// Close the connection once all that was sent has left (`flush`), or at once. One that is
    /// being dialed is given up: `Event::Disconnected` tells its end instead of `Event::Dialed`.
    Disconnect {
        connection: ConnectionId,
        flush: bool,
    },
    /// Do something on the disk.
    Storage {
        ticket: Ticket,
        request: StorageRequest,
    },
    /// Put a message into another shard's inbox, behind those posted before.
    Post { to: ShardId, message: Message },
    /// Let as many clients connect from now on as this says.
    LimitConnections(ConnectionLimits),
    /// Write as much to the log from now on as this filter says.
    FilterLog(String),
    /// The broker serves: told once, by shard 0, when every shard has its partitions.
    Ready,
    /// Take no connections any more: the broker closes its partitions. While it hands over what it
    /// leads, others may have to reach it.
    StopAccepting,
    /// The shard has nothing left to do after `Event::Stopping`: its thread may end.
    Stopped,
    /// Stop the whole process: going on would endanger data.
    Halt(HaltReason),
}

/// Why the process must stop; each reason has its own exit status.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HaltReason {
    /// The data cannot be used as it is; the text says what was found, where, and what to do.
    UnusableData(String),
    /// The disk failed under data that every partition depends on.
    StorageFailed(String),
}

impl HaltReason {
    /// The exit status of the process.
    #[must_use]
    pub const fn exit_status(&self) -> i32 {
        match self {
            Self::UnusableData(_) => 3,
            Self::StorageFailed(_) => 4,
        }
    }

    /// One line for the operator.
    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Self::UnusableData(message) | Self::StorageFailed(message) => message,
        }
    }
}

/// The effects of a turn, in the order in which they were asked for.
#[derive(Debug, Default)]
pub struct Effects {
    queue: VecDeque<Effect>,
    /// Where the cores put their requests to the disk; [`Effects::take_storage`] turns them into
    /// effects.
    pub storage: StorageOutbox,
}

impl Effects {
    /// Ask for one more effect.
    pub fn push(&mut self, effect: Effect) {
        self.queue.push_back(effect);
    }

    /// Send `slices` on `connection`.
    pub fn send(&mut self, connection: ConnectionId, slices: Vec<Bytes>) {
        self.push(Effect::Send { connection, slices });
    }

    /// Post `message` to the shard `to`.
    pub fn post(&mut self, to: ShardId, message: Message) {
        self.push(Effect::Post { to, message });
    }

    /// Queue what the cores asked of the disk behind the other effects.
    pub fn take_storage(&mut self) {
        self.take_storage_noting(|_, _| {});
    }

    /// The same, showing each request to `note` first.
    pub fn take_storage_noting(&mut self, mut note: impl FnMut(Ticket, &StorageRequest)) {
        while let Some((ticket, request)) = self.storage.next_request() {
            note(ticket, &request);
            self.queue.push_back(Effect::Storage { ticket, request });
        }
    }

    /// The oldest effect not yet performed.
    pub fn next_effect(&mut self) -> Option<Effect> {
        self.queue.pop_front()
    }

    /// True if nothing is to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.storage.is_empty()
    }
}
