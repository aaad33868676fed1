//! Durations, counted in buckets of bounded relative width.

use std::time::Duration;

/// Buckets to each power of two: a bucket is at most an eighth wide of what it holds.
const OCTAVE_BUCKETS: usize = 8;

/// From 2^37 µs, a day and a half, on everything is in the last bucket.
const OCTAVES: usize = 35;

const BUCKETS: usize = OCTAVE_BUCKETS * OCTAVES;

/// How many durations there were of each length, in microseconds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Histogram {
    buckets: Box<[u64; BUCKETS]>,
    count: u64,
    sum_micros: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            buckets: Box::new([0; BUCKETS]),
            count: 0,
            sum_micros: 0,
        }
    }
}

impl Histogram {
    /// Count one duration.
    pub fn record(&mut self, elapsed: Duration) {
        let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        self.buckets[bucket_of(micros)] += 1;
        self.count += 1;
        self.sum_micros = self.sum_micros.saturating_add(micros);
    }

    /// How many durations were counted.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// All of them together.
    #[must_use]
    pub const fn sum(&self) -> Duration {
        Duration::from_micros(self.sum_micros)
    }

    /// What they take on average; `None` if there are none.
    #[must_use]
    pub fn average(&self) -> Option<Duration> {
        let micros = self.sum_micros.checked_div(self.count)?;
        Some(Duration::from_micros(micros))
    }

    /// How many were shorter than 2^`exponent` microseconds.
    #[must_use]
    pub fn count_below(&self, exponent: u32) -> u64 {
        let end = bucket_of(1_u64.checked_shl(exponent).unwrap_or(u64::MAX));
        self.buckets[..end].iter().sum()
    }

    /// A duration that `quantile` of them, between zero and one, do not exceed; at most an eighth
    /// more than the least such. `None` if there are none.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Option<Duration> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "a rank within the count, exact up to 2^53 durations"
        )]
        let rank = ((self.count as f64 * quantile).ceil() as u64).max(1);
        let mut seen = 0;
        let bucket = self.buckets.iter().position(|count| {
            seen += count;
            seen >= rank
        })?;
        Some(Duration::from_micros(last_of(bucket)))
    }

    /// Count what `other` has counted as well.
    pub fn add(&mut self, other: &Self) {
        for (own, more) in self.buckets.iter_mut().zip(other.buckets.iter()) {
            *own += more;
        }
        self.count += other.count;
        self.sum_micros = self.sum_micros.saturating_add(other.sum_micros);
    }

    /// Forget what was counted when `earlier`, a copy of this histogram, was taken.
    pub fn subtract(&mut self, earlier: &Self) {
        for (own, less) in self.buckets.iter_mut().zip(earlier.buckets.iter()) {
            *own = own.saturating_sub(*less);
        }
        self.count = self.count.saturating_sub(earlier.count);
        self.sum_micros = self.sum_micros.saturating_sub(earlier.sum_micros);
    }
}

/// The bucket of a duration: below eight microseconds each has its own, above there are eight to
/// a power of two.
fn bucket_of(micros: u64) -> usize {
    let octave = micros.max(1).ilog2();
    let bucket = if octave < 3 {
        micros
    } else {
        u64::from(octave - 2) * 8 + ((micros >> (octave - 3)) & 7)
    };
    usize::try_from(bucket).map_or(BUCKETS - 1, |bucket| bucket.min(BUCKETS - 1))
}

/// The longest duration of a bucket, in microseconds.
fn last_of(bucket: usize) -> u64 {
    let (octave, step) = (bucket / OCTAVE_BUCKETS, (bucket % OCTAVE_BUCKETS) as u64);
    match octave {
        0 => step,
        octave => ((step + 9) << (octave - 1)) - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_what_lies_up_to_its_last() {
        let mut after_the_last = 0;
        for bucket in 0..BUCKETS - 1 {
            assert_eq!(bucket_of(after_the_last), bucket);
            assert_eq!(bucket_of(last_of(bucket)), bucket);
            after_the_last = last_of(bucket) + 1;
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn a_quantile_is_at_most_an_eighth_too_long() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), None);
        for micros in 1..=10_000 {
            histogram.record(Duration::from_micros(micros));
        }
        for (quantile, exact) in [(0.5, 5_000), (0.99, 9_900), (1.0, 10_000), (0.0, 1)] {
            let told = histogram.quantile(quantile).expect("there are durations");
            let exact = Duration::from_micros(exact);
            assert!(
                exact <= told && told <= exact + exact / 8,
                "{quantile}: {told:?}"
            );
        }
        assert_eq!(histogram.count(), 10_000);
        assert_eq!(histogram.average(), Some(Duration::from_micros(5_000)));
        assert_eq!(Histogram::default().average(), None);
        assert_eq!(histogram.sum(), Duration::from_micros(50_005_000));
        assert_eq!(histogram.count_below(10), 1023);
        assert_eq!(histogram.count_below(64), 10_000);
    }

    #[test]
    fn two_histograms_add_up_and_come_apart_again() {
        let mut one = Histogram::default();
        one.record(Duration::from_millis(1));
        let earlier = one.clone();
        let mut other = Histogram::default();
        other.record(Duration::from_secs(1));
        one.add(&other);
        assert_eq!(one.count(), 2);
        one.subtract(&earlier);
        assert_eq!(one, other);
    }
}
