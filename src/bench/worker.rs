//! The threads that clients share.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use crate::admin::Failure;

use super::consumer::Consumer;
use super::link::Link;
use super::producer::Producer;
use super::schedule::Nanoseconds;
use super::tally::{Sample, Tally, Window};
use super::wait::Waiter;

/// How often a thread looks whether the run is over though nothing happens.
const TICK: Nanoseconds = 50_000_000;

/// The time of a run, for all of its threads.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// A clock that begins now.
    pub fn new() -> Self {
        Self {
            origin: Instant::now(),
        }
    }

    pub fn now(&self) -> Nanoseconds {
        u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// A client.
pub enum Client {
    Producer(Box<Producer>),
    Consumer(Box<Consumer>),
}

impl Client {
    fn links(&mut self) -> Vec<&mut Link> {
        match self {
            Self::Producer(producer) => producer.links().collect(),
            Self::Consumer(consumer) => consumer.links().collect(),
        }
    }

    fn mark_ready(&mut self, link: usize) {
        let link = match self {
            Self::Producer(producer) => producer.link(link),
            Self::Consumer(consumer) => consumer.link(link),
        };
        link.is_ready = true;
    }

    fn advance(&mut self, now: Nanoseconds, tally: &mut Tally) -> Result<(), Failure> {
        match self {
            Self::Producer(producer) => producer.advance(now, tally),
            Self::Consumer(consumer) => consumer.advance(now, tally),
        }
    }

    fn next_due(&self, now: Nanoseconds) -> Nanoseconds {
        match self {
            Self::Producer(producer) => producer.next_due(now),
            Self::Consumer(_) => u64::MAX,
        }
    }

    fn end(&mut self) {
        match self {
            Self::Producer(producer) => producer.end(),
            Self::Consumer(consumer) => consumer.end(),
        }
    }

    fn is_done(&self) -> bool {
        match self {
            Self::Producer(producer) => producer.is_done(),
            Self::Consumer(consumer) => consumer.is_done(),
        }
    }
}

/// What the threads of a run tell each other.
#[derive(Debug, Default)]
pub struct Signals {
    /// Somebody wants an end at once: a person, or a client that cannot go on.
    pub is_stopped: AtomicBool,
    /// Consumers have nothing more to wait for.
    pub is_consumed: AtomicBool,
    /// Producers that are still at work.
    pub producers_left: AtomicUsize,
    /// There were some: what they have sent is to be read to its end.
    pub has_producers: bool,
}

/// One thread and its clients.
pub struct Worker {
    pub clients: Vec<Client>,
    pub clock: Clock,
    pub window: Window,
    pub signals: Arc<Signals>,
    pub samples: Sender<Sample>,
    /// How long answers to the last requests are waited for.
    pub patience: Duration,
}

/// How a thread ended.
pub struct Ended {
    /// When the last record was acknowledged or received.
    pub last_at: Nanoseconds,
    pub result: Result<(), Failure>,
}

impl Worker {
    /// Does the work of all its clients until they are done.
    pub fn run(mut self) -> Ended {
        let mut tally = Tally::new(self.window, 0, self.samples.clone());
        let result = self.work(&mut tally);
        if result.is_err() {
            self.signals.is_stopped.store(true, Ordering::Relaxed);
        }
        tally.finish();
        Ended {
            last_at: tally.last_at,
            result,
        }
    }

    fn work(&mut self, tally: &mut Tally) -> Result<(), Failure> {
        let failed = |error: io::Error| Failure::Failed(format!("cannot wait: {error}"));
        let mut waiter = Waiter::new().map_err(failed)?;
        // Which link of which client a token stands for.
        let mut watched = Vec::new();
        for (index, client) in self.clients.iter_mut().enumerate() {
            for (number, link) in client.links().into_iter().enumerate() {
                let token = watched.len() as u64;
                waiter.add(link.socket(), token).map_err(failed)?;
                watched.push((index, number));
            }
        }
        let mut has_told = vec![false; self.clients.len()];
        let mut ending_since = None;
        loop {
            let now = self.clock.now();
            tally.roll(now);
            let mut deadline = tally.next_deadline(now).min(now + TICK);
            let mut is_done = true;
            for (client, has_told) in self.clients.iter_mut().zip(&mut has_told) {
                end_if_wanted(client, &self.signals, self.window, now);
                client.advance(now, tally)?;
                if !client.is_done() {
                    is_done = false;
                    deadline = deadline.min(client.next_due(now));
                } else if !*has_told && matches!(client, Client::Producer(_)) {
                    *has_told = true;
                    self.signals.producers_left.fetch_sub(1, Ordering::Relaxed);
                }
            }
            if is_done {
                return Ok(());
            }
            let is_ending = now >= self.window.end || self.is_stopped();
            let since = *ending_since.get_or_insert(now);
            if !is_ending {
                ending_since = None;
            } else if now.saturating_sub(since) > self.patience.as_nanos() as u64 {
                return Err(Failure::Failed(format!(
                    "a broker left requests without an answer for {} ms",
                    self.patience.as_millis()
                )));
            }
            let wait = Duration::from_nanos(deadline.saturating_sub(self.clock.now()));
            for token in waiter.wait(wait).map_err(failed)? {
                let (client, link) = watched[token as usize];
                self.clients[client].mark_ready(link);
            }
        }
    }

    fn is_stopped(&self) -> bool {
        self.signals.is_stopped.load(Ordering::Relaxed)
    }
}

fn end_if_wanted(client: &mut Client, signals: &Signals, window: Window, now: Nanoseconds) {
    let is_stopped = signals.is_stopped.load(Ordering::Relaxed);
    let is_wanted = match client {
        Client::Producer(_) => is_stopped,
        Client::Consumer(_) => {
            let is_over = !signals.has_producers && now >= window.end;
            is_stopped || is_over || signals.is_consumed.load(Ordering::Relaxed)
        }
    };
    if is_wanted {
        client.end();
    }
}
