//! One turn's dealings with the core: the time, the events so far, the effects they had.

use std::time::Duration;

use crate::shard::{ConnectionId, Effects, Event};
use crate::stdx::{Instant, Now};

use super::clock::Clock;
use super::core::Core;
use super::recent;

/// A turn ends after this long, so that disk completions, which only the ring brings, never wait
/// much longer. One event of 64 KiB costs about 20 µs.
const TURN_DURATION_MAX: Duration = Duration::from_micros(150);

/// A turn ends after so many events: the effects they ask for are held in memory until its end.
const TURN_EVENTS_MAX: usize = 512;

/// The core, and what the running turn has come to.
pub(super) struct Step<C> {
    core: C,
    clock: Clock,
    now: Now,
    over_at: Instant,
    events: usize,
    /// What is to be done at the end of the turn.
    pub effects: Effects,
}

impl<C: Core> Step<C> {
    pub fn new(core: C, clock: Clock) -> Self {
        Self {
            core,
            clock,
            now: clock.now(),
            over_at: Instant::MAX,
            events: 0,
            effects: Effects::default(),
        }
    }

    /// A turn begins: read the time that all its events but the last are given.
    pub fn begin(&mut self) {
        self.now = self.clock.now();
        self.over_at = self.now.instant + TURN_DURATION_MAX;
        self.events = 0;
    }

    /// The turn ends: tell the core, with the time as it is after the work of this turn.
    pub fn end(&mut self) {
        self.now = self.clock.now();
        self.on_event(Event::TurnEnded);
    }

    /// The time of this turn.
    pub const fn now(&self) -> Now {
        self.now
    }

    /// Tell the core.
    pub fn on_event(&mut self, event: Event) {
        recent::remember(&event);
        self.core.on_event(self.now, event, &mut self.effects);
        self.events += 1;
    }

    /// True if the turn has had its share of events or time.
    pub fn is_over(&self) -> bool {
        self.events >= TURN_EVENTS_MAX || self.clock.instant() >= self.over_at
    }

    /// Events of this turn so far.
    pub const fn events(&self) -> usize {
        self.events
    }

    /// The core's memory for bytes of `connection`.
    pub fn receive_buffer(&mut self, connection: ConnectionId) -> Option<&mut [u8]> {
        self.core.receive_buffer(connection)
    }

    /// When the core wants to be told of the time.
    pub fn next_deadline(&self) -> Instant {
        self.core.next_deadline()
    }
}
