//! The only clock of the broker, read once per turn.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::stdx::{Instant, Now};

/// Time since the start of the process. Copies agree, so shards can compare instants.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    origin: std::time::Instant,
}

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self {
            origin: std::time::Instant::now(),
        }
    }

    /// The monotonic time.
    pub fn instant(self) -> Instant {
        let nanos = u64::try_from(self.origin.elapsed().as_nanos());
        Instant::from_nanos(nanos.expect("a process lives less than 584 years"))
    }

    /// Both clocks.
    pub fn now(self) -> Now {
        Now {
            instant: self.instant(),
            wall_ms: wall_ms(),
        }
    }
}

/// The wall clock, in milliseconds since the Unix epoch.
#[must_use]
pub fn wall_ms() -> i64 {
    // One before 1970 is set wrong; records then carry the epoch itself.
    let wall = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(wall.as_millis()).unwrap_or(i64::MAX)
}
