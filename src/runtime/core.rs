//! The border at which the runtime drives a shard.

use crate::shard::{ConnectionId, Effects, Event, Shard};
use crate::stdx::{Instant, Now};

/// Anything that reacts to events with effects. The runtime knows a shard by this border only, so
/// nothing in it can come to depend on what a shard does with its events.
pub trait Core: 'static {
    /// React to `event`; what must be done outside is put into `effects`.
    fn on_event(&mut self, now: Now, event: Event, effects: &mut Effects);

    /// Memory for the next bytes of `connection`, at least one; `None` while none are wanted. It
    /// is asked again after later events.
    fn receive_buffer(&mut self, connection: ConnectionId) -> Option<&mut [u8]>;

    /// When [`Event::DeadlineReached`] is wanted; [`Instant::MAX`] for never.
    fn next_deadline(&self) -> Instant;
}

impl Core for Shard {
    fn on_event(&mut self, now: Now, event: Event, effects: &mut Effects) {
        Self::on_event(self, now, event, effects);
    }

    fn receive_buffer(&mut self, connection: ConnectionId) -> Option<&mut [u8]> {
        Self::receive_buffer(self, connection)
    }

    fn next_deadline(&self) -> Instant {
        Self::next_deadline(self)
    }
}
