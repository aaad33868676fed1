//! Time as a value: the core is told what time it is, it never asks.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A monotonic point in time, in nanoseconds since an origin that only the runtime knows.
///
/// `std::time::Instant` cannot be made up, so a simulated world could not have it.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Instant(u64);

impl Instant {
    /// The latest representable point: a deadline that never comes.
    pub const MAX: Self = Self(u64::MAX);

    /// The point `nanos` nanoseconds after the origin.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the origin.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The time passed since `earlier`, zero if `earlier` is later.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// Saturates at [`Instant::MAX`]: a timeout of `i64::MAX` milliseconds is one that never ends.
    fn add(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

impl Sub<Instant> for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.saturating_since(earlier)
    }
}

/// A duration from the wire or from a file, in milliseconds; one below zero is none.
#[must_use]
pub fn duration_of_ms(ms: impl Into<i64>) -> Duration {
    Duration::from_millis(u64::try_from(ms.into()).unwrap_or(0))
}

/// The time at which an event is handled, read at the beginning of a turn and at its end.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Now {
    /// For deadlines and durations.
    pub instant: Instant,
    /// The wall clock in milliseconds since the Unix epoch, for record timestamps and retention.
    pub wall_ms: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_beyond_the_end_of_time_never_comes() {
        let start = Instant::from_nanos(5);
        assert_eq!(start + Duration::MAX, Instant::MAX);
    }

    #[test]
    fn time_passed_is_never_negative() {
        let (earlier, later) = (Instant::from_nanos(5), Instant::from_nanos(9));
        assert_eq!(later - earlier, Duration::from_nanos(4));
        assert_eq!(earlier - later, Duration::ZERO);
    }
}
