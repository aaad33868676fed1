//! When the timers of the machine go off.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::stdx::{Instant, Random};

use super::vocabulary::Timer;

/// How long voters leave it to the first of them to stand when their leader is gone: longer than
/// they differ in finding that out, which hangs on the pauses before they dial again, and far less
/// than the time of an election.
const SUCCESSION: Duration = Duration::from_millis(50);

/// How long things may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timeouts {
    /// `controller.quorum.election.timeout.ms`
    pub election: Duration,
    /// `controller.quorum.fetch.timeout.ms`
    pub fetch: Duration,
    /// `controller.quorum.retry.backoff.ms`
    pub retry: Duration,
}

/// The timers that run.
#[derive(Debug)]
pub struct Timers {
    timeouts: Timeouts,
    random: Random,
    due: BTreeMap<Timer, Instant>,
}

impl Timers {
    /// None runs.
    #[must_use]
    pub const fn new(timeouts: Timeouts, random: Random) -> Self {
        Self {
            timeouts,
            random,
            due: BTreeMap::new(),
        }
    }

    /// Start `timer` anew.
    pub fn start(&mut self, now: Instant, timer: Timer) {
        let after = match timer {
            // Voters that lost their leader together do not stand for election together.
            Timer::Election => self.timeouts.election + self.jitter(self.timeouts.election),
            Timer::Fetch => self.timeouts.fetch,
            // A follower that has just fetched may be silent for the time of a fetch, and is heard
            // of later than it speaks.
            Timer::CheckQuorum => self.timeouts.fetch * 3 / 2,
            // A voter hears of its leader before it would stand for election.
            Timer::BeginEpoch => self.timeouts.fetch / 2,
            Timer::Retry => self.timeouts.retry,
            Timer::Succession => SUCCESSION + self.jitter(SUCCESSION),
        };
        self.due.insert(timer, now + after);
    }

    fn jitter(&mut self, most: Duration) -> Duration {
        let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.random.below(nanos.max(1)))
    }

    /// Stop `timer`.
    pub fn stop(&mut self, timer: Timer) {
        self.due.remove(&timer);
    }

    /// One whose time has come; it runs no more.
    pub fn take_due(&mut self, now: Instant) -> Option<Timer> {
        let found = self.due.iter().find(|(_, due)| **due <= now);
        let timer = *found?.0;
        self.due.remove(&timer);
        Some(timer)
    }

    /// When the first goes off.
    #[must_use]
    pub fn next_deadline(&self) -> Instant {
        self.due.values().min().copied().unwrap_or(Instant::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timers(seed: u64) -> Timers {
        let timeouts = Timeouts {
            election: Duration::from_secs(1),
            fetch: Duration::from_secs(2),
            retry: Duration::from_millis(20),
        };
        Timers::new(timeouts, Random::from_seed(seed))
    }

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn voters_stand_for_election_at_different_times_within_twice_the_timeout() {
        let mut deadlines = std::collections::BTreeSet::new();
        for seed in 0..20 {
            let mut timers = timers(seed);
            timers.start(at(0), Timer::Election);
            let deadline = timers.next_deadline();
            assert!((at(1000)..at(2000)).contains(&deadline));
            deadlines.insert(deadline);
        }
        assert!(deadlines.len() > 15);
    }

    #[test]
    fn a_timer_goes_off_once_and_not_if_it_was_stopped_or_started_anew() {
        let mut timers = timers(1);
        timers.start(at(0), Timer::Fetch);
        timers.start(at(0), Timer::Retry);
        timers.start(at(0), Timer::CheckQuorum);
        assert_eq!(timers.next_deadline(), at(20));
        assert_eq!(timers.take_due(at(20)), Some(Timer::Retry));
        assert_eq!(timers.take_due(at(20)), None);
        timers.start(at(1000), Timer::Fetch);
        assert_eq!(timers.take_due(at(2500)), None);
        timers.stop(Timer::CheckQuorum);
        assert_eq!(timers.take_due(at(5000)), Some(Timer::Fetch));
        assert_eq!(timers.next_deadline(), Instant::MAX);
    }
}
