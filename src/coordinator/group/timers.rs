//! Deadlines of one coordinator, the earliest first.

use std::collections::BTreeMap;

use crate::stdx::Instant;

use super::{GroupId, MemberId};

/// What is due at a deadline.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Timer {
    /// The join phase of a group ends, or gets more time.
    Join(GroupId),
    /// Members that have not asked for their assignment leave the group.
    Sync(GroupId),
    /// A member has not been heard of for its session timeout.
    Session(GroupId, MemberId),
    /// Offsets are looked through for expired ones.
    Expiration,
}

/// One scheduled timer. A timer that fired or was cancelled leaves an id that means nothing more.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct TimerId {
    at: Instant,
    sequence: u64,
}

/// The scheduled timers.
#[derive(Debug, Default)]
pub(super) struct Timers {
    queue: BTreeMap<TimerId, Timer>,
    next_sequence: u64,
}

impl Timers {
    /// `timer` fires at `at`; of several at one instant, the one scheduled first comes first.
    pub(super) fn schedule(&mut self, at: Instant, timer: Timer) -> TimerId {
        let id = TimerId {
            at,
            sequence: self.next_sequence,
        };
        self.next_sequence += 1;
        self.queue.insert(id, timer);
        id
    }

    /// The timer does not fire.
    pub(super) fn cancel(&mut self, id: TimerId) {
        self.queue.remove(&id);
    }

    /// When the next timer fires; [`Instant::MAX`] if there is none.
    pub(super) fn next_deadline(&self) -> Instant {
        self.queue
            .first_key_value()
            .map_or(Instant::MAX, |(id, _)| id.at)
    }

    /// The next timer that is due at `now`.
    pub(super) fn next_due(&mut self, now: Instant) -> Option<(TimerId, Timer)> {
        let entry = self.queue.first_entry()?;
        (entry.key().at <= now).then(|| entry.remove_entry())
    }

    /// The timer of `id`, if it is still to fire.
    pub(super) fn find(&self, id: TimerId) -> Option<&Timer> {
        self.queue.get(&id)
    }

    /// How many timers are to fire.
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }
}
