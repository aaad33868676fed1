//! The shard itself: the parts it owns and the one entry to them.

use crate::model::ShardId;
use crate::stdx::{Instant, Now};

use super::{ConnectionId, Effects, Event};

/// One core's state.
#[derive(Debug)]
pub struct Shard {
    id: ShardId,
}

impl Shard {
    /// A shard that owns nothing yet.
    #[must_use]
    pub const fn new(id: ShardId) -> Self {
        Self { id }
    }

    /// This shard's number.
    #[must_use]
    pub const fn id(&self) -> ShardId {
        self.id
    }

    /// React to `event`; what must be done outside is put into `effects`.
    pub fn on_event(&mut self, now: Now, event: Event, effects: &mut Effects) {
        let _ = (now, event, effects);
    }

    /// Memory for the next bytes of `connection`; `None` while the shard does not want to read
    /// from it. The runtime fills a prefix and says so with `Event::Received`.
    pub fn receive_buffer(&mut self, connection: ConnectionId) -> Option<&mut [u8]> {
        let _ = connection;
        None
    }

    /// When the shard wants `Event::DeadlineReached`; [`Instant::MAX`] for never.
    #[must_use]
    pub const fn next_deadline(&self) -> Instant {
        Instant::MAX
    }
}
