//! One measurement: clients on threads, and what they tell put together.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::admin::Failure;

use super::consumer::{ConsumePlan, Consumer};
use super::figures::{Drained, Outcome, Used, live_line};
use super::live::Live;
use super::processes::{Observed, Taken};
use super::producer::{ProducePlan, Producer};
use super::schedule::{Nanoseconds, SECOND};
use super::tally::{Sample, Window};
use super::worker::{Client, Clock, Ended, Signals, Worker};

/// How long threads may take to tell of a second that has passed.
const TOLD_AFTER: Nanoseconds = 150_000_000;

/// How often it is looked for what no thread tells.
const TICK: Duration = Duration::from_millis(20);

/// How long consumers go on after the last record was acknowledged, if they do not get all.
const CONSUMED_AFTER: Nanoseconds = 5 * SECOND;

/// What is to be done.
pub struct Load {
    pub window: Window,
    pub produce: Option<Arc<ProducePlan>>,
    pub consume: Option<Arc<ConsumePlan>>,
    /// Consumers of all groups.
    pub consumers: usize,
    pub groups: u64,
    /// Records that consumers are behind, of all groups; the run ends when they have caught up.
    pub backlog: Option<u64>,
    /// As many as there are cores without.
    pub threads: Option<u32>,
    pub patience: Duration,
    pub observed: Observed,
}

impl Load {
    /// Put the load on, and measure. `is_interrupted` ends it before its time.
    pub fn run(&self, live: &mut Live, is_interrupted: &AtomicBool) -> Result<Outcome, Failure> {
        // What cannot be observed is told before the work.
        self.observed.look()?;
        let clients = self.open_clients()?;
        let producers = self.produce.as_ref().map_or(0, |plan| plan.producers);
        let signals = Arc::new(Signals {
            producers_left: AtomicUsize::new(producers as usize),
            has_producers: producers > 0,
            ..Signals::default()
        });
        let clock = Clock::new();
        let (samples, threads) = self.start(clients, clock, &signals);
        let mut gathering = Gathering {
            load: self,
            clock,
            signals: &signals,
            seconds: BTreeMap::new(),
            rest: Sample::default(),
            next_told: 0,
            before: None,
            after: None,
            idle_since: None,
            drained_at: None,
        };
        gathering.next_told = self.window.interval(0).unwrap_or(0);
        let gathered = gathering.until_ended(&samples, live, is_interrupted);
        let mut last_at = 0;
        let mut result = Ok(());
        for thread in threads {
            let ended: Ended = thread.join().expect("a thread of clients does not panic");
            last_at = last_at.max(ended.last_at);
            result = result.and(ended.result);
        }
        live.clear();
        gathered.and(result)?;
        let is_cut_short = is_interrupted.load(Ordering::Relaxed);
        gathering.outcome(last_at, is_cut_short)
    }

    fn open_clients(&self) -> Result<Vec<Client>, Failure> {
        let mut clients = Vec::new();
        if let Some(plan) = &self.consume {
            for number in 0..self.consumers {
                clients.push(Client::Consumer(Box::new(Consumer::open(plan, number)?)));
            }
        }
        if let Some(plan) = &self.produce {
            for number in 0..plan.producers {
                clients.push(Client::Producer(Box::new(Producer::open(plan, number)?)));
            }
        }
        Ok(clients)
    }

    fn start(
        &self,
        clients: Vec<Client>,
        clock: Clock,
        signals: &Arc<Signals>,
    ) -> (Receiver<Sample>, Vec<JoinHandle<Ended>>) {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let wanted = self.threads.map_or(cores, |threads| threads as usize);
        let count = wanted.min(clients.len()).max(1);
        let mut shares: Vec<Vec<Client>> = (0..count).map(|_| Vec::new()).collect();
        for (index, client) in clients.into_iter().enumerate() {
            shares[index % count].push(client);
        }
        let (sender, samples) = channel();
        let threads = shares.into_iter().enumerate().map(|(number, clients)| {
            let worker = Worker {
                clients,
                clock,
                window: self.window,
                signals: Arc::clone(signals),
                samples: sender.clone(),
                patience: self.patience,
            };
            std::thread::Builder::new()
                .name(format!("clients-{number}"))
                .spawn(move || worker.run())
                .expect("a thread can be started")
        });
        (samples, threads.collect())
    }
}

struct Gathering<'a> {
    load: &'a Load,
    clock: Clock,
    signals: &'a Signals,
    seconds: BTreeMap<i64, Sample>,
    /// What was told of no second: answers after the end.
    rest: Sample,
    next_told: i64,
    before: Option<Taken>,
    after: Option<Taken>,
    /// Since when no producer is at work.
    idle_since: Option<Nanoseconds>,
    /// When no consumer was behind any more.
    drained_at: Option<Nanoseconds>,
}

impl Gathering<'_> {
    /// Takes what threads tell until all have ended.
    fn until_ended(
        &mut self,
        samples: &Receiver<Sample>,
        live: &mut Live,
        is_interrupted: &AtomicBool,
    ) -> Result<(), Failure> {
        let window = self.load.window;
        loop {
            match samples.recv_timeout(TICK) {
                Ok(sample) => match sample.interval {
                    Some(interval) => self.seconds.entry(interval).or_default().add(&sample),
                    None => self.rest.add(&sample),
                },
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    // The last second, too, of which the threads told as they ended: a moment
                    // before its end where no further record was due.
                    let end = (self.clock.now() + TOLD_AFTER).min(window.end);
                    let end = end.saturating_sub(window.start);
                    self.tell_up_to(i64::try_from(end / SECOND).ok(), live);
                    return Ok(());
                }
            }
            let now = self.clock.now();
            if is_interrupted.load(Ordering::Relaxed) {
                self.signals.is_stopped.store(true, Ordering::Relaxed);
            }
            if self.before.is_none() && now >= window.start {
                self.before = Some(self.look()?);
            }
            if self.after.is_none() && now >= window.end {
                self.after = Some(self.look()?);
            }
            self.end_consumers(now);
            self.end_if_drained(now);
            self.tell_up_to(window.interval(now.saturating_sub(TOLD_AFTER)), live);
        }
    }

    /// A line for each second before this one that has none yet.
    fn tell_up_to(&mut self, interval: Option<i64>, live: &mut Live) {
        while self.next_told < interval.unwrap_or(self.next_told) {
            if let Some(sample) = self.seconds.get(&self.next_told) {
                live.tell(&live_line(self.next_told, sample));
            }
            self.next_told += 1;
        }
    }

    /// A process that ends while it is looked at ends the threads, too.
    fn look(&self) -> Result<Taken, Failure> {
        let taken = self.load.observed.look();
        if taken.is_err() {
            self.signals.is_stopped.store(true, Ordering::Relaxed);
        }
        taken
    }

    /// Consumers that read what is produced have done so when they have had all that was
    /// acknowledged, and get some time for it.
    fn end_consumers(&mut self, now: Nanoseconds) {
        let (Some(produce), Some(consume)) = (&self.load.produce, &self.load.consume) else {
            return;
        };
        if self.signals.producers_left.load(Ordering::Relaxed) > 0 {
            return;
        }
        let since = *self.idle_since.get_or_insert(now);
        let wanted = produce.acknowledged.load(Ordering::Relaxed) * self.load.groups;
        let has_all = consume.consumed.load(Ordering::Relaxed) >= wanted;
        if has_all || now - since > CONSUMED_AFTER {
            self.signals.is_consumed.store(true, Ordering::Relaxed);
        }
    }

    fn end_if_drained(&mut self, now: Nanoseconds) {
        let behind = self
            .load
            .consume
            .as_ref()
            .and_then(|plan| plan.behind.as_ref());
        let is_drained = behind.is_some_and(|behind| behind.load(Ordering::Relaxed) == 0);
        if is_drained && self.drained_at.is_none() {
            self.drained_at = Some(now);
            self.signals.is_stopped.store(true, Ordering::Relaxed);
        }
    }

    fn outcome(mut self, last_at: Nanoseconds, is_cut_short: bool) -> Result<Outcome, Failure> {
        let window = self.load.window;
        let after = match self.after {
            Some(after) => after,
            None => self.look()?,
        };
        let before = self.before.unwrap_or(after);
        let last_at = self.drained_at.unwrap_or(last_at);
        let end = window.end.min(last_at.max(window.start));
        let is_short = is_cut_short || self.drained_at.is_some();
        let measured = match is_short || window.end == Nanoseconds::MAX {
            true => end - window.start,
            false => window.end - window.start,
        };
        self.seconds.retain(|second, _| *second >= 0);
        let mut total = Sample::default();
        for sample in self.seconds.values() {
            total.add(sample);
        }
        // What was answered after the end is no part of the rate, but its latency counts.
        let late = self.rest;
        for (flow, late) in [
            (&mut total.produced, &late.produced),
            (&mut total.consumed, &late.consumed),
            (&mut total.end_to_end, &late.end_to_end),
        ] {
            let added = flow.latencies.add(&late.latencies);
            added.expect("a histogram that grows holds what another one does");
        }
        for (error, count) in &late.failures {
            *total.failures.entry(error).or_default() += count;
        }
        let has_processes = !self.load.observed.processes.is_empty();
        Ok(Outcome {
            elapsed: Duration::from_nanos(measured),
            total,
            seconds: self.seconds,
            used: Used::between(&before, &after, has_processes),
            is_cut_short,
            drained: self.load.backlog.map(|backlog| Drained {
                backlog,
                after: self.drained_at.map(Duration::from_nanos),
            }),
        })
    }
}
