//! What many worlds came to together, for whoever ran them.

use std::fmt;

use super::faults::{Fault, FaultCounts};
use super::reached::{Reached, ReachedCounts};
use super::world::Outcome;

/// What is told of one failure.
const FAILURE_CHARACTERS_MAX: usize = 900;

/// What many worlds came to together.
#[derive(Debug, Default)]
pub struct Totals {
    /// How often each fault happened.
    pub faults: FaultCounts,
    /// How often each was come to.
    pub reached: ReachedCounts,
    /// The seed, and what went wrong.
    pub failures: Vec<(u64, String)>,
    worlds: u64,
    events: u64,
    elections: u64,
    starts: u64,
    facts: u64,
    lasted_ms: u64,
    /// In the world that had the fewest.
    events_min: Option<u64>,
    elections_min: Option<u64>,
    fault_kinds_min: Option<u64>,
}

impl Totals {
    /// One more world.
    pub fn add(&mut self, outcome: &Outcome) {
        self.worlds += 1;
        self.faults.merge(&outcome.faults);
        self.reached.merge(&outcome.reached);
        self.events += outcome.events;
        self.elections += outcome.reached.elections();
        self.starts += outcome.starts;
        self.facts += outcome.facts;
        self.lasted_ms += outcome.lasted_ms;
        let least = |before: Option<u64>, now| Some(before.map_or(now, |before| before.min(now)));
        self.events_min = least(self.events_min, outcome.events);
        self.elections_min = least(self.elections_min, outcome.reached.elections());
        self.fault_kinds_min = least(self.fault_kinds_min, outcome.faults.kinds());
        for violation in &outcome.violations {
            let what = format!("{violation:?}");
            let what = what.chars().take(FAILURE_CHARACTERS_MAX).collect();
            self.failures.push((outcome.seed, what));
        }
    }

    /// One more world, in which the code panicked.
    pub fn add_panic(&mut self, seed: u64) {
        self.worlds += 1;
        self.failures.push((seed, "a panic, told above".to_owned()));
    }

    /// How many there were.
    #[must_use]
    pub const fn worlds(&self) -> u64 {
        self.worlds
    }

    /// The events of the world that had the fewest.
    #[must_use]
    pub fn events_min(&self) -> u64 {
        self.events_min.unwrap_or(0)
    }

    /// The elections of the world that had the fewest.
    #[must_use]
    pub fn elections_min(&self) -> u64 {
        self.elections_min.unwrap_or(0)
    }

    /// How many kinds of faults happened in the world that had the fewest.
    #[must_use]
    pub fn fault_kinds_min(&self) -> u64 {
        self.fault_kinds_min.unwrap_or(0)
    }

    /// The failures, one a line, in the order of their seeds; empty if there are none.
    #[must_use]
    pub fn told_failures(&self) -> String {
        let mut failures: Vec<&(u64, String)> = self.failures.iter().collect();
        failures.sort();
        let told = failures
            .iter()
            .map(|(seed, what)| format!("seed {seed}: {what}"));
        told.collect::<Vec<_>>().join("\n")
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "{} worlds that lasted {} s of their time: {} events, at least {} in each; \
             {} elections, at least {} in each; at least {} kinds of faults in each; {} starts; \
             {} facts checked",
            self.worlds,
            self.lasted_ms / 1000,
            self.events,
            self.events_min(),
            self.elections,
            self.elections_min(),
            self.fault_kinds_min(),
            self.starts,
            self.facts,
        )?;
        for fault in Fault::ALL {
            let times = self.faults.count(*fault);
            writeln!(formatter, "{times:>9} times {}", fault.description())?;
        }
        for what in Reached::ALL {
            let times = self.reached.count(*what);
            writeln!(formatter, "{times:>9} times {}", what.description())?;
        }
        Ok(())
    }
}
