//! The time, for the pure parts of a client.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::stdx;

/// Time since a command began.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// A clock that begins now.
    pub fn new() -> Self {
        Self {
            origin: Instant::now(),
        }
    }

    /// How long the command has run.
    pub fn elapsed(&self) -> Duration {
        self.origin.elapsed()
    }

    /// The time for pure code.
    pub fn now(&self) -> stdx::Instant {
        stdx::Instant::default() + self.elapsed()
    }

    /// A pure point of time as the system's.
    pub fn instant_of(&self, instant: stdx::Instant) -> Option<Instant> {
        self.origin.checked_add(instant - stdx::Instant::default())
    }

    /// Milliseconds since the Unix epoch, for records.
    pub fn wall_ms() -> i64 {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    /// A seed for choices that need no secrecy.
    pub fn seed() -> u64 {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        u64::from(since.subsec_nanos()) ^ (u64::from(std::process::id()) << 32)
    }
}
