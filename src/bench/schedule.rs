//! When records are due.
//!
//! A schedule is made once and never waits for anything: a record that the broker keeps from going
//! out was due all the same, and its latency counts from then. So a pause of the broker shows in
//! every record that it should have taken meanwhile (no coordinated omission).

/// Nanoseconds since the clients of a bench began.
pub type Nanoseconds = u64;

pub const SECOND: Nanoseconds = 1_000_000_000;

/// The records of one of several producers that share a rate evenly.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// Records a second of all producers.
    rate: u64,
    producers: u64,
    /// Which of them this is.
    number: u64,
}

impl Schedule {
    /// The schedule of the producer `number` of `producers` that have `rate` records a second
    /// together.
    ///
    /// # Panics
    /// If there is no such producer, or no rate.
    pub fn new(rate: u64, producers: u64, number: u64) -> Self {
        assert!(rate > 0, "a schedule has records");
        assert!(number < producers, "the producers count from zero");
        Self {
            rate,
            producers,
            number,
        }
    }

    /// When the producer's n-th record is due. The producers take turns, so that they do not all
    /// send at the same moment.
    pub fn due(&self, n: u64) -> Nanoseconds {
        let of_all = u128::from(n) * u128::from(self.producers) + u128::from(self.number);
        let due = of_all * u128::from(SECOND) / u128::from(self.rate);
        u64::try_from(due).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn producers_take_turns_and_keep_the_rate_together() {
        let mut dues: Vec<Nanoseconds> = (0..3)
            .flat_map(|number| {
                let schedule = Schedule::new(300, 3, number);
                (0..100).map(move |n| schedule.due(n))
            })
            .collect();
        dues.sort_unstable();
        assert_eq!(dues.len(), 300);
        assert!(dues.last().is_some_and(|last| *last < SECOND));
        let gaps: Vec<u64> = dues.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps.iter().all(|gap| (3_333_333..=3_333_334).contains(gap)));
    }

    #[test]
    fn a_rate_that_does_not_divide_a_second_does_not_drift() {
        let schedule = Schedule::new(7, 1, 0);
        assert_eq!(schedule.due(7 * 86_400), 86_400 * SECOND);
    }
}
