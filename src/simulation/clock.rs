//! The time of a world: it stands still while something happens, then skips to what comes next.

use std::fmt;
use std::time::Duration;

use crate::stdx::{Instant, Now, Random};

/// The wall clock at the beginning of every world: 2026-01-01T00:00:00Z.
const WALL_MS_AT_START: i64 = 1_767_225_600_000;

const NANOS_PER_MS: u64 = 1_000_000;

/// A point in a world's time, which begins at zero.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct SimulatedTime(u64);

impl SimulatedTime {
    /// Nanoseconds since the beginning.
    #[must_use]
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// The point `nanos` later.
    #[must_use]
    pub const fn plus_nanos(self, nanos: u64) -> Self {
        Self(self.0.saturating_add(nanos))
    }

    /// The point `duration` later.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        self.plus_nanos(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
    }

    /// As a shard is told it.
    #[must_use]
    pub fn now(self) -> Now {
        Now {
            instant: Instant::from_nanos(self.0),
            wall_ms: self.wall_ms(),
        }
    }

    /// The same where the wall clock is wrong by this many milliseconds.
    #[must_use]
    pub fn now_with(self, clock_error_ms: i64) -> Now {
        Now {
            wall_ms: self.wall_ms() + clock_error_ms,
            ..self.now()
        }
    }

    /// The wall clock.
    #[must_use]
    pub fn wall_ms(self) -> i64 {
        let passed = i64::try_from(self.0 / NANOS_PER_MS).expect("a world does not last for ages");
        WALL_MS_AT_START + passed
    }

    /// A shard's deadline; `None` for one that never comes.
    #[must_use]
    pub fn of_deadline(deadline: Instant) -> Option<Self> {
        (deadline < Instant::MAX).then(|| Self(deadline.as_nanos()))
    }
}

impl fmt::Display for SimulatedTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:>12}ns", self.0)
    }
}

/// A random duration between the two, in nanoseconds.
pub fn between(random: &mut Random, from: Duration, to: Duration) -> u64 {
    let (from, to) = (from.as_nanos(), to.as_nanos());
    let (from, to) = (
        u64::try_from(from).unwrap_or(u64::MAX),
        u64::try_from(to).unwrap_or(u64::MAX),
    );
    from + random.below((to - from).max(1))
}
