//! How many bytes replication may move in a second, counted as Apache Kafka counts them (KIP-73).

use std::collections::VecDeque;
use std::time::Duration;

use crate::stdx::Instant;

/// What a quota allows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct QuotaRules {
    /// So much in a second, on the average of the windows.
    pub bytes_per_second: u64,
    /// `replication.quota.window.size.seconds`
    pub window: Duration,
    /// `replication.quota.window.num`: how many of them are remembered, the current one included.
    pub windows: u32,
}

impl QuotaRules {
    /// How long a byte is remembered.
    fn memory(&self) -> Duration {
        self.window * self.windows
    }
}

/// A window of time, and what was moved in it.
#[derive(Clone, Copy, Debug)]
struct Sample {
    begun_at: Instant,
    bytes: u64,
}

/// What was moved lately, and whether that is too much.
///
/// It is looked at before something is moved, and noted afterwards: one answer may go beyond it by
/// its own size, for which the following ones wait. So something always gets through.
#[derive(Debug)]
pub struct ReplicationQuota {
    rules: QuotaRules,
    samples: VecDeque<Sample>,
}

impl ReplicationQuota {
    /// A quota of which nothing was used.
    #[must_use]
    pub const fn new(rules: QuotaRules) -> Self {
        Self {
            rules,
            samples: VecDeque::new(),
        }
    }

    /// From now on it allows this.
    pub const fn change_rules(&mut self, rules: QuotaRules) {
        self.rules = rules;
    }

    /// So much was moved.
    pub fn record(&mut self, now: Instant, bytes: u64) {
        self.forget_old(now);
        match self.samples.back_mut() {
            Some(last) if now < last.begun_at + self.rules.window => last.bytes += bytes,
            _ => self.samples.push_back(Sample {
                begun_at: now,
                bytes,
            }),
        }
    }

    fn forget_old(&mut self, now: Instant) {
        let memory = self.rules.memory();
        while let Some(oldest) = self.samples.front()
            && oldest.begun_at + memory <= now
        {
            self.samples.pop_front();
        }
    }

    /// True while more was moved than is allowed.
    pub fn is_exceeded(&mut self, now: Instant) -> bool {
        self.forget_old(now);
        self.samples.front().is_some_and(|oldest| {
            let elapsed = now.saturating_since(oldest.begun_at);
            self.moved() > self.allowed_in(elapsed.max(self.rules.window))
        })
    }

    /// When it may not be exceeded any more, if nothing more is moved.
    #[must_use]
    pub fn relaxes_at(&self) -> Instant {
        let Some(oldest) = self.samples.front() else {
            return Instant::MAX;
        };
        let forgotten_at = oldest.begun_at + self.rules.memory();
        let rate = u128::from(self.rules.bytes_per_second);
        let nanos = (self.moved() * NANOS_PER_SECOND).checked_div(rate);
        let nanos = nanos.and_then(|nanos| u64::try_from(nanos).ok());
        nanos.map_or(forgotten_at, |nanos| {
            // One more, since what is left of the division still counts.
            let allowed_at = oldest.begun_at + Duration::from_nanos(nanos.saturating_add(1));
            allowed_at.min(forgotten_at)
        })
    }

    fn moved(&self) -> u128 {
        self.samples
            .iter()
            .map(|sample| u128::from(sample.bytes))
            .sum()
    }

    fn allowed_in(&self, time: Duration) -> u128 {
        u128::from(self.rules.bytes_per_second) * time.as_nanos() / NANOS_PER_SECOND
    }
}

const NANOS_PER_SECOND: u128 = 1_000_000_000;
