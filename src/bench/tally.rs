//! What was done and how long it took, second by second.

use std::collections::BTreeMap;
use std::sync::mpsc::Sender;

use hdrhistogram::Histogram;

use super::schedule::{Nanoseconds, SECOND};

/// Latencies are told with three digits.
const DIGITS: u8 = 3;

/// The part of a run that counts.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Where the warm-up ends.
    pub start: Nanoseconds,
    /// Where nothing more is begun; the far future where the records are counted.
    pub end: Nanoseconds,
}

impl Window {
    pub fn contains(&self, at: Nanoseconds) -> bool {
        (self.start..self.end).contains(&at)
    }

    /// Which interval of a second this is: below zero in the warm-up, `None` after the end.
    pub fn interval(&self, at: Nanoseconds) -> Option<i64> {
        if at >= self.end {
            return None;
        }
        let since = i128::from(at) - i128::from(self.start);
        i64::try_from(since.div_euclid(i128::from(SECOND))).ok()
    }
}

/// Records that went one way.
#[derive(Clone, Debug)]
pub struct Flow {
    pub records: u64,
    /// Of keys and values.
    pub bytes: u64,
    pub requests: u64,
    /// In microseconds, of those that were due within the window.
    pub latencies: Histogram<u64>,
}

impl Default for Flow {
    fn default() -> Self {
        let latencies = Histogram::new(DIGITS).expect("three digits are allowed");
        Self {
            records: 0,
            bytes: 0,
            requests: 0,
            latencies,
        }
    }
}

impl Flow {
    pub fn add(&mut self, other: &Self) {
        self.records += other.records;
        self.bytes += other.bytes;
        self.requests += other.requests;
        let added = self.latencies.add(&other.latencies);
        added.expect("a histogram that grows holds what another one does");
    }

    pub fn is_empty(&self) -> bool {
        self.requests == 0 && self.latencies.is_empty()
    }
}

/// What one thread did in one interval.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// As [`Window::interval`] has it.
    pub interval: Option<i64>,
    pub produced: Flow,
    pub consumed: Flow,
    /// Only latencies: from when a record was due until a consumer had it.
    pub end_to_end: Flow,
    /// Records that were refused, by the name of the error.
    pub failures: BTreeMap<&'static str, u64>,
}

impl Sample {
    pub fn add(&mut self, other: &Self) {
        self.produced.add(&other.produced);
        self.consumed.add(&other.consumed);
        self.end_to_end.add(&other.end_to_end);
        for (name, count) in &other.failures {
            *self.failures.entry(name).or_default() += count;
        }
    }
}

/// One thread's count, which is handed over whenever an interval has passed.
#[derive(Debug)]
pub struct Tally {
    window: Window,
    current: Sample,
    sender: Sender<Sample>,
    /// When the last record was acknowledged or received.
    pub last_at: Nanoseconds,
}

impl Tally {
    pub fn new(window: Window, now: Nanoseconds, sender: Sender<Sample>) -> Self {
        Self {
            window,
            current: Sample {
                interval: window.interval(now),
                ..Sample::default()
            },
            sender,
            last_at: 0,
        }
    }

    /// When the interval ends at the latest that `now` is in.
    pub fn next_deadline(&self, now: Nanoseconds) -> Nanoseconds {
        match self.window.interval(now) {
            Some(interval) => {
                let end = i128::from(self.window.start) + i128::from(interval + 1) * 1_000_000_000;
                u64::try_from(end).unwrap_or(0).min(self.window.end)
            }
            None => u64::MAX,
        }
    }

    /// Hand over what was counted if its interval has passed.
    pub fn roll(&mut self, now: Nanoseconds) {
        let interval = self.window.interval(now);
        if interval != self.current.interval {
            self.hand_over(interval);
        }
    }

    /// Hand over what was counted so far.
    pub fn finish(&mut self) {
        self.hand_over(None);
    }

    fn hand_over(&mut self, next: Option<i64>) {
        let fresh = Sample {
            interval: next,
            ..Sample::default()
        };
        let past = std::mem::replace(&mut self.current, fresh);
        // Nobody listens when the bench was given up.
        drop(self.sender.send(past));
    }

    /// A batch was acknowledged, whose records were due at `dues`, or all of them at `made_at`.
    pub fn acknowledged(
        &mut self,
        now: Nanoseconds,
        count: usize,
        bytes: u64,
        made_at: Nanoseconds,
        dues: &[Nanoseconds],
    ) {
        self.last_at = now;
        let produced = &mut self.current.produced;
        produced.records += count as u64;
        produced.bytes += bytes;
        if dues.is_empty() {
            if self.window.contains(made_at) {
                let latency = microseconds(made_at, now);
                record(&mut produced.latencies, latency, count as u64);
            }
            return;
        }
        for due in dues {
            if self.window.contains(*due) {
                record(&mut produced.latencies, microseconds(*due, now), 1);
            }
        }
    }

    /// A produce request was answered.
    pub fn produced_one_request(&mut self) {
        self.current.produced.requests += 1;
    }

    /// Records were refused.
    pub fn failed(&mut self, error: &'static str, count: usize) {
        *self.current.failures.entry(error).or_default() += count as u64;
    }

    /// A fetch that was asked at `asked_at` has brought records.
    pub fn fetched(&mut self, now: Nanoseconds, asked_at: Nanoseconds, records: u64, bytes: u64) {
        let consumed = &mut self.current.consumed;
        consumed.requests += 1;
        consumed.records += records;
        consumed.bytes += bytes;
        // One that waited for records says nothing of the broker's speed.
        if records > 0 {
            self.last_at = now;
            if self.window.contains(asked_at) {
                record(&mut consumed.latencies, microseconds(asked_at, now), 1);
            }
        }
    }

    /// A record that was due then has reached a consumer.
    pub fn reached(&mut self, now: Nanoseconds, due: Nanoseconds) {
        if self.window.contains(due) {
            let latencies = &mut self.current.end_to_end.latencies;
            record(latencies, microseconds(due, now), 1);
        }
    }
}

fn microseconds(from: Nanoseconds, to: Nanoseconds) -> u64 {
    to.saturating_sub(from) / 1000
}

fn record(latencies: &mut Histogram<u64>, latency: u64, count: u64) {
    let recorded = latencies.record_n(latency, count);
    recorded.expect("a histogram that grows takes any number");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    const WINDOW: Window = Window {
        start: 2 * SECOND,
        end: 4 * SECOND + SECOND / 2,
    };

    #[test]
    fn intervals_count_from_the_end_of_the_warm_up() {
        let at = |seconds: f64| WINDOW.interval((seconds * 1e9) as u64);
        assert_eq!(at(0.0), Some(-2));
        assert_eq!(at(1.9), Some(-1));
        assert_eq!(at(2.0), Some(0));
        assert_eq!(at(4.4), Some(2));
        assert_eq!(at(4.5), None);
    }

    #[test]
    fn only_what_was_due_in_the_window_has_a_latency() {
        let (sender, samples) = channel();
        let mut tally = Tally::new(WINDOW, 0, sender);
        tally.acknowledged(3 * SECOND, 2, 200, 0, &[SECOND, 2 * SECOND]);
        // Answered late, and due in time: it counts, for all that it waited.
        tally.roll(9 * SECOND);
        tally.acknowledged(9 * SECOND, 1, 100, 0, &[4 * SECOND]);
        tally.finish();
        let samples: Vec<Sample> = samples.try_iter().collect();
        let counts: Vec<(Option<i64>, u64, u64)> = samples
            .iter()
            .map(|sample| {
                let produced = &sample.produced;
                (sample.interval, produced.records, produced.latencies.len())
            })
            .collect();
        assert_eq!(counts, [(Some(-2), 2, 1), (None, 1, 1)]);
        let waited = samples[1].produced.latencies.max();
        assert!((4_990_000..=5_010_000).contains(&waited), "{waited}");
    }

    #[test]
    fn an_interval_ends_with_its_second_or_the_window() {
        let (sender, _samples) = channel();
        let tally = Tally::new(WINDOW, 0, sender);
        assert_eq!(tally.next_deadline(0), SECOND);
        assert_eq!(tally.next_deadline(2 * SECOND), 3 * SECOND);
        assert_eq!(tally.next_deadline(4 * SECOND), WINDOW.end);
        assert_eq!(tally.next_deadline(5 * SECOND), u64::MAX);
    }
}
