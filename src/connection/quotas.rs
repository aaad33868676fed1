//! Who may connect now, who has to wait, and who is turned away: Apache Kafka's rules.
//!
//! A client above a limit of its listener or of the broker waits, and with it all that come to the
//! same listener later. A client above the limit of its address is turned away.

use ::core::net::IpAddr;
use std::collections::VecDeque;
use std::time::Duration;

use crate::stdx::{HashMap, Instant, hash_map, new_map};

use super::limits::{ConnectionLimits, ListenerLimits};

/// The connections of the whole broker, counted, with their limits. A listener is named by its
/// position in [`ConnectionLimits::listeners`]; one that is not there has no limits.
#[derive(Debug)]
pub struct ConnectionQuotas {
    limits: ConnectionLimits,
    total: Measured,
    by_listener: Vec<Measured>,
    by_address: HashMap<IpAddr, usize>,
}

/// The connections on one listener, or on all.
#[derive(Clone, Debug, Default)]
struct Measured {
    count: usize,
    arrivals: Arrivals,
}

/// More connections from one address than it may have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TooManyOfAddress {
    /// How many it may have.
    pub allowed: usize,
}

impl ConnectionQuotas {
    /// Nobody is connected yet.
    #[must_use]
    pub fn new(limits: ConnectionLimits) -> Self {
        Self {
            total: Measured::default(),
            by_listener: vec![Measured::default(); limits.listeners.len()],
            by_address: new_map(),
            limits,
        }
    }

    /// What clients meet now.
    #[must_use]
    pub const fn limits(&self) -> &ConnectionLimits {
        &self.limits
    }

    /// Whoever connects from now on meets these limits, of the same listeners.
    pub fn set_limits(&mut self, limits: ConnectionLimits) {
        assert_eq!(
            limits.listeners.len(),
            self.by_listener.len(),
            "listeners stay"
        );
        self.limits = limits;
    }

    /// A client has come to `listener`: when it may be let in, as far as rates go. It never waits
    /// longer than a window, however far above its limit a rate is.
    pub fn note_arrival(&mut self, now: Instant, listener: usize) -> Instant {
        let Some(own) = self.by_listener.get_mut(listener) else {
            return now;
        };
        let windows = self.limits.rate_windows;
        let own_max = self.limits.listeners[listener].rate_max;
        let mut wait = own.arrivals.note(now, windows, own_max);
        if self.limits.protected != Some(listener) {
            let arrivals = &mut self.total.arrivals;
            wait = wait.max(arrivals.note(now, windows, self.limits.total.rate_max));
        }
        now + wait
    }

    /// True if there may be one more connection on `listener`.
    #[must_use]
    pub fn has_place(&self, listener: usize) -> bool {
        let Some(own) = self.by_listener.get(listener) else {
            return true;
        };
        let ListenerLimits { count_max, .. } = self.limits.listeners[listener];
        own.count < count_max
            && (self.limits.protected == Some(listener)
                || self.total.count < self.limits.total.count_max)
    }

    /// Count a connection on `listener` from `address`.
    ///
    /// # Errors
    /// The address has as many as it may have.
    pub fn take_place(&mut self, listener: usize, address: IpAddr) -> Result<(), TooManyOfAddress> {
        let Some(own) = self.by_listener.get_mut(listener) else {
            return Ok(());
        };
        let mut overrides = self.limits.per_address_overrides.iter();
        let allowed = overrides
            .find(|(one, _)| *one == address)
            .map_or(self.limits.per_address_max, |(_, max)| *max);
        if self.by_address.get(&address).copied().unwrap_or(0) >= allowed {
            return Err(TooManyOfAddress { allowed });
        }
        *self.by_address.entry(address).or_insert(0) += 1;
        own.count += 1;
        self.total.count += 1;
        Ok(())
    }

    /// A connection that was counted is gone.
    pub fn give_back(&mut self, listener: usize, address: IpAddr) {
        let Some(own) = self.by_listener.get_mut(listener) else {
            return;
        };
        own.count -= 1;
        self.total.count -= 1;
        if let hash_map::Entry::Occupied(mut count) = self.by_address.entry(address) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }

    /// True if there are more connections than there may be, and some of them may be closed for it.
    #[must_use]
    pub fn is_exceeded(&self) -> bool {
        let protected = self.limits.protected;
        let protected = protected.map_or(0, |listener| self.by_listener[listener].count);
        self.total.count > self.limits.total.count_max && self.total.count > protected
    }

    /// The listener whose connections are not closed when there are too many.
    #[must_use]
    pub const fn protected(&self) -> Option<usize> {
        self.limits.protected
    }
}

/// When connections were made, as far back as their rate is measured.
#[derive(Clone, Debug, Default)]
struct Arrivals {
    samples: VecDeque<Sample>,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    begun: Instant,
    last: Instant,
    count: u32,
}

impl Arrivals {
    /// One more came: how long it has to wait so that the rate is `rate_max` at most, measured as
    /// Apache Kafka does (`Rate`): over the time since the oldest sample, and at least over all
    /// windows but the one at hand. So as many as all windows allow may come at once.
    fn note(&mut self, now: Instant, windows: (usize, Duration), rate_max: u32) -> Duration {
        let (windows_count, window) = windows;
        let full_windows = u32::try_from(windows_count.saturating_sub(1)).unwrap_or(u32::MAX);
        let span = window.saturating_mul(full_windows.saturating_add(1));
        self.samples.retain(|sample| now - sample.last < span);
        match self.samples.back_mut() {
            Some(sample) if now - sample.begun < window => {
                sample.last = now;
                sample.count = sample.count.saturating_add(1);
            }
            _ => self.samples.push_back(Sample {
                begun: now,
                last: now,
                count: 1,
            }),
        }
        let count: u32 = self.samples.iter().map(|sample| sample.count).sum();
        let oldest = self.samples.front().map_or(now, |sample| sample.begun);
        let mut measured = now - oldest;
        let passed = measured.as_nanos() / window.as_nanos().max(1);
        let passed = u32::try_from(passed).unwrap_or(u32::MAX);
        measured += window.saturating_mul(full_windows.saturating_sub(passed));
        let measured = if measured.is_zero() { window } else { measured };
        if rate_max == 0 {
            return window;
        }
        // After this long the same count makes a rate of `rate_max`.
        let needed = Duration::from_secs(1).saturating_mul(count) / rate_max;
        needed.saturating_sub(measured).min(window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOWS: (usize, Duration) = (11, Duration::from_secs(1));

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    fn at(ms: u64) -> Instant {
        Instant::from_nanos(ms * 1_000_000)
    }

    fn most(count_max: usize) -> ListenerLimits {
        ListenerLimits {
            count_max,
            ..ListenerLimits::NONE
        }
    }

    fn quotas(total: usize, listeners: &[usize], protected: Option<usize>) -> ConnectionQuotas {
        ConnectionQuotas::new(ConnectionLimits {
            total: most(total),
            listeners: listeners.iter().copied().map(most).collect(),
            protected,
            rate_windows: WINDOWS,
            ..ConnectionLimits::default()
        })
    }

    #[test]
    fn a_listener_is_full_at_its_own_limit_or_at_that_of_all() {
        let mut quotas = quotas(3, &[2, 9], None);
        for _ in 0..2 {
            assert!(quotas.has_place(0));
            quotas.take_place(0, address(1)).unwrap();
        }
        assert!(!quotas.has_place(0), "its own limit is reached");
        assert!(quotas.has_place(1));
        quotas.take_place(1, address(1)).unwrap();
        assert!(!quotas.has_place(1), "the limit of all is reached");
        assert!(!quotas.is_exceeded());
        quotas.give_back(0, address(1));
        assert!(quotas.has_place(0) && quotas.has_place(1));
    }

    #[test]
    fn brokers_have_a_place_above_the_limit_of_all_which_others_make_room_for() {
        let mut quotas = quotas(1, &[1, 2], Some(1));
        quotas.take_place(0, address(1)).unwrap();
        assert!(quotas.has_place(1) && !quotas.has_place(0));
        quotas.take_place(1, address(2)).unwrap();
        assert!(quotas.is_exceeded());
        quotas.give_back(0, address(1));
        assert!(!quotas.is_exceeded());
        quotas.take_place(1, address(2)).unwrap();
        assert!(!quotas.is_exceeded(), "nobody is left who could make room");
        assert!(!quotas.has_place(1), "its own limit holds");
    }

    #[test]
    fn an_address_above_its_limit_is_turned_away_and_overrides_replace_the_limit() {
        let mut quotas = quotas(9, &[9], None);
        quotas.set_limits(ConnectionLimits {
            per_address_max: 1,
            per_address_overrides: vec![(address(2), 2), (address(3), 0)],
            ..quotas.limits.clone()
        });
        for (last, allowed) in [(1, 1), (2, 2), (3, 0)] {
            for _ in 0..allowed {
                quotas.take_place(0, address(last)).unwrap();
            }
            let refusal = quotas.take_place(0, address(last));
            assert_eq!(refusal, Err(TooManyOfAddress { allowed }));
        }
        quotas.give_back(0, address(1));
        quotas.take_place(0, address(1)).unwrap();
    }

    #[test]
    fn a_listener_that_is_not_kafkas_has_no_limit_and_fills_none() {
        let mut quotas = quotas(1, &[1], None);
        for _ in 0..3 {
            assert!(quotas.has_place(1));
            quotas.take_place(1, address(1)).unwrap();
            assert_eq!(quotas.note_arrival(at(0), 1), at(0));
        }
        assert!(quotas.has_place(0) && !quotas.is_exceeded());
        quotas.give_back(1, address(1));
        quotas.take_place(0, address(1)).unwrap();
    }

    /// Apache Kafka 4.3.1 with `max.connection.creation.rate=2` and the windows of its default,
    /// asked by a client that connects again as soon as it is let in.
    #[test]
    fn who_comes_too_fast_waits_as_long_as_in_kafka() {
        let mut arrivals = Arrivals::default();
        let mut now = at(0);
        let mut waits = Vec::new();
        for _ in 0..34 {
            let wait = arrivals.note(now, WINDOWS, 2);
            waits.push(wait.as_millis());
            now = now + wait;
        }
        assert_eq!(waits[..20], [0; 20]);
        assert_eq!(waits[20..22], [500, 500]);
        assert_eq!(waits[22..33], [1000; 11]);
        assert_eq!(waits[33..], [0], "the windows are over");
    }

    #[test]
    fn brokers_wait_for_the_rate_of_their_listener_alone() {
        let mut quotas = quotas(9, &[9, 9], Some(1));
        quotas.limits.total.rate_max = 1;
        for _ in 0..10 {
            assert_eq!(quotas.note_arrival(at(0), 0), at(0));
            assert_eq!(quotas.note_arrival(at(0), 1), at(0));
        }
        assert_eq!(quotas.note_arrival(at(0), 0), at(1000));
        assert_eq!(quotas.note_arrival(at(0), 1), at(0));
        quotas.limits.listeners[1].rate_max = 1;
        assert_eq!(quotas.note_arrival(at(0), 1), at(1000));
    }

    #[test]
    fn a_rate_of_zero_lets_one_in_per_window() {
        let mut arrivals = Arrivals::default();
        assert_eq!(arrivals.note(at(5), WINDOWS, 0), Duration::from_secs(1));
    }
}
