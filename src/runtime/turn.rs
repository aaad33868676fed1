//! The turn: what one shard's thread does over and over.
//!
//! Collect what happened, step the core for each event, perform all effects at once. The turn owns
//! the core by value, and nothing awaits while the core runs. When nothing is left to do the turn
//! looks once more, and then sleeps, until a socket, the disk, the time, another shard or the
//! operator wakes it: to fall asleep and to be woken costs more than to look.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use glommio::timer::Timer;

use crate::model::ShardId;
use crate::shard::{Effect, Event, HaltReason, Message};
use crate::stdx::Instant;

use super::clock::Clock;
use super::core::Core;
use super::disk::Disk;
use super::mailbox::{Inbox, Outbox};
use super::network::{Accepted, Connections, Resolved};
use super::step::Step;

/// Letters taken from the inbox per turn: others than messages must get their share too.
const LETTERS_PER_TURN_MAX: usize = 256;

/// Letters that wait for room in another shard's inbox before this shard reads no more from its
/// clients: they are what makes letters.
const LETTERS_WAITING_MAX: usize = 1024;

/// Turns in a row that ask nothing of the disk before the rings are looked at: a look costs four to
/// five system calls, and what the disk has finished must not wait for many turns.
const TURNS_PER_LOOK_MAX: u32 = 4;

/// How long a stopping shard waits for clients to take the last answers.
const LAST_SENDS_DURATION_MAX: Duration = Duration::from_millis(300);

/// The longest sleep while the disk works. The executor goes to sleep on a task that can run if
/// something that is to preempt tasks comes at just the wrong moment, and the end of a blocking
/// call is such a thing. It is rare, and this is what ends such a sleep.
const BUSY_SLEEP_DURATION_MAX: Duration = Duration::from_millis(20);

/// The longest sleep otherwise: nothing under way can preempt, so this is a second line of defence
/// that costs an idle shard nothing.
const SLEEP_DURATION_MAX: Duration = Duration::from_millis(500);

/// A wait that is over by the time the executor has looked at its rings, and not before the timer
/// is armed.
const YIELD_DURATION: Duration = Duration::from_nanos(500);

/// What comes to a shard from the other threads.
#[derive(Debug)]
pub(super) enum Letter {
    /// A client, from the acceptor.
    Client(Accepted),
    /// A message of the shard `from`.
    Message { from: ShardId, message: Message },
    /// The addresses of another node, from a resolver.
    Resolved(Resolved),
}

/// The operator's wish to stop, for all shards.
#[derive(Debug)]
pub(super) struct Stop {
    is_requested: AtomicBool,
    inboxes: Box<[Arc<Inbox<Letter>>]>,
}

impl Stop {
    pub fn new(inboxes: Box<[Arc<Inbox<Letter>>]>) -> Self {
        Self {
            is_requested: AtomicBool::new(false),
            inboxes,
        }
    }

    pub fn is_requested(&self) -> bool {
        self.is_requested.load(Ordering::SeqCst)
    }

    /// Tell every shard.
    pub fn request(&self) {
        self.is_requested.store(true, Ordering::SeqCst);
        self.inboxes.iter().for_each(|inbox| inbox.wake());
    }
}

/// Told once, when the core says that the broker serves.
pub(super) type OnReady = Box<dyn FnOnce()>;

/// One shard with all that its thread owns.
pub(super) struct Turn<C> {
    pub id: ShardId,
    pub step: Step<C>,
    pub clock: Clock,
    pub connections: Connections,
    pub disk: Disk,
    /// By shard, this one included.
    pub inboxes: Box<[Arc<Inbox<Letter>>]>,
    /// By shard, this one included.
    pub outboxes: Box<[Outbox<Letter>]>,
    pub stop: Arc<Stop>,
    pub on_ready: Option<OnReady>,
    /// Says how much is written to the log.
    pub filter_log: fn(&str),
    pub life: Life,
    pub alarm: Alarm,
    /// The last turn asked something of the disk, which the rings do not know yet.
    pub has_asked_disk: bool,
}

/// How far a shard's life has come.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Life {
    /// The core has not been told yet.
    #[default]
    New,
    Running,
    /// The core has been told to stop.
    Stopping,
    /// The core has stopped: what is queued may leave until then.
    Leaving(Instant),
}

impl<C: Core> Turn<C> {
    /// Turn until the core has stopped and everything it asked for is done.
    pub async fn run(mut self) {
        let mut turns = 0;
        let mut has_lingered = false;
        loop {
            self.turn();
            turns += 1;
            if self.is_over() {
                break;
            }
            if self.step.events() > 0 {
                has_lingered = false;
            }
            if !self.has_work() && has_lingered {
                self.sleep().await;
            } else if !self.has_work() {
                // Whoever shares the CPU with this thread goes first, a client of the same host
                // among them, whose next request then needs no wake-up.
                std::thread::yield_now();
                yield_to_rings().await;
                has_lingered = true;
            } else if turns < TURNS_PER_LOOK_MAX && !self.has_asked_disk {
                continue;
            } else {
                yield_to_rings().await;
            }
            turns = 0;
        }
        self.inbox().close();
        self.disk.close().await;
    }

    /// One turn.
    fn turn(&mut self) {
        self.step.begin();
        if let Life::Leaving(_) = self.life {
            self.leave();
            return;
        }
        self.note_life();
        self.connections.report(&mut self.step);
        self.take_completions();
        self.take_letters();
        self.look_at_sockets();
        self.connections.report_refused(&mut self.step);
        self.connections.report_dialed(&mut self.step);
        if self.life == Life::Running {
            self.connections.begin_eviction(&mut self.step);
        }
        let is_pressed = |outbox: &Outbox<_>| outbox.waiting() > LETTERS_WAITING_MAX;
        if !self.outboxes.iter().any(is_pressed) {
            self.connections.receive(&mut self.step);
        }
        if self.step.next_deadline() <= self.step.now().instant {
            self.step.on_event(Event::DeadlineReached);
        }
        if self.step.events() > 0 {
            self.step.end();
            self.connections.ask_paused_again();
        }
        self.perform_effects();
        self.disk.hand_over_calls();
        self.connections.end_eviction();
        self.outboxes.iter_mut().for_each(Outbox::flush);
        self.connections.flush();
    }

    fn note_life(&mut self) {
        if self.life == Life::New {
            self.life = Life::Running;
            self.step.on_event(Event::Started);
        }
        if self.life == Life::Running && self.stop.is_requested() {
            self.life = Life::Stopping;
            self.step.on_event(Event::Stopping);
        }
    }

    fn take_completions(&mut self) {
        while !self.step.is_over()
            && let Some((ticket, result)) = self.disk.next_completion()
        {
            self.step
                .on_event(Event::StorageFinished { ticket, result });
        }
    }

    fn take_letters(&mut self) {
        let own = usize::from(self.id.0);
        for _ in 0..LETTERS_PER_TURN_MAX {
            match self.inboxes[own].pop() {
                Some(Letter::Client(accepted)) => self.connections.open(accepted, &mut self.step),
                Some(Letter::Message { from, message }) => {
                    self.step.on_event(Event::MessageArrived { from, message });
                }
                Some(Letter::Resolved(resolved)) => {
                    let now = self.step.now().instant;
                    self.connections.on_resolved(now, resolved);
                }
                None => break,
            }
        }
        let inboxes = &self.inboxes;
        inboxes[own].drain_refused(|sender| inboxes[sender].wake());
    }

    fn look_at_sockets(&mut self) {
        let outboxes = &mut self.outboxes;
        let now = self.step.now().instant;
        self.connections.look(now, |accepted| {
            outboxes[accepted.shard()].post(Letter::Client(accepted));
        });
    }

    fn perform_effects(&mut self) {
        self.has_asked_disk = false;
        self.step.effects.take_storage();
        while let Some(effect) = self.step.effects.next_effect() {
            match effect {
                Effect::Send { connection, slices } => self.connections.send(connection, slices),
                Effect::Dial {
                    connection,
                    address,
                    timeout,
                } => {
                    let now = self.step.now().instant;
                    self.connections.dial(now, connection, (address, timeout));
                }
                Effect::Disconnect { connection, flush } => {
                    self.connections.disconnect(connection, flush);
                }
                Effect::Storage { ticket, request } => {
                    self.has_asked_disk = true;
                    self.disk.submit(ticket, request);
                }
                Effect::Post { to, message } => {
                    let from = self.id;
                    self.outboxes[usize::from(to.0)].post(Letter::Message { from, message });
                }
                Effect::LimitConnections(limits) => self.connections.limit(limits),
                Effect::FilterLog(filter) => (self.filter_log)(&filter),
                Effect::StopAccepting => self.connections.stop_accepting(),
                Effect::Ready => {
                    if let Some(on_ready) = self.on_ready.take() {
                        on_ready();
                    }
                }
                Effect::Stopped => {
                    let until = self.step.now().instant + LAST_SENDS_DURATION_MAX;
                    self.life = Life::Leaving(until);
                }
                Effect::Halt(reason) => halt(self.id, &reason),
            }
        }
    }

    /// The core has stopped: nothing is told to it any more.
    fn leave(&mut self) {
        while self.disk.next_completion().is_some() {}
        while self.inbox().pop().is_some() {}
        self.look_at_sockets();
        self.outboxes.iter_mut().for_each(Outbox::flush);
        self.connections.flush();
    }

    fn is_over(&self) -> bool {
        let Life::Leaving(until) = self.life else {
            return false;
        };
        !self.disk.is_busy()
            && self.outboxes.iter().all(|outbox| outbox.waiting() == 0)
            && (!self.connections.has_unsent() || self.step.now().instant >= until)
    }

    fn has_work(&self) -> bool {
        let has_connections_work = match self.life {
            Life::Leaving(_) => self.connections.wants_to_send(),
            _ => self.connections.has_work(),
        };
        has_connections_work
            || self.disk.has_completions()
            || self.inbox().has_letters()
            || self.next_deadline() <= self.step.now().instant
    }

    fn inbox(&self) -> &Inbox<Letter> {
        &self.inboxes[usize::from(self.id.0)]
    }

    fn next_deadline(&self) -> Instant {
        match self.life {
            Life::Leaving(until) => until,
            _ => {
                let now = self.step.now().instant;
                let connections = self.connections.next_deadline(now);
                self.step.next_deadline().min(connections)
            }
        }
    }

    /// Sleep until something happens.
    async fn sleep(&mut self) {
        let mut has_slept = false;
        poll_fn(|context| {
            // Whoever woke the task, the next turn finds out what happened.
            if has_slept || self.is_awaited(context) {
                return Poll::Ready(());
            }
            has_slept = true;
            Poll::Pending
        })
        .await;
        self.inbox().unpark();
    }

    /// True if something is to be done already. Otherwise the task will be woken.
    fn is_awaited(&mut self, context: &mut Context<'_>) -> bool {
        let sleep_max = if self.disk.is_busy() {
            BUSY_SLEEP_DURATION_MAX
        } else {
            SLEEP_DURATION_MAX
        };
        let latest = self.clock.instant() + sleep_max;
        let deadline = self.next_deadline().min(latest);
        self.disk.wake_at_completion(context.waker());
        self.disk.has_completions()
            || self.connections.poll_ready(context).is_ready()
            || self.alarm.poll(deadline, self.clock, context).is_ready()
            || !self.inbox().park()
            || (self.life == Life::Running && self.stop.is_requested())
    }
}

/// One timer, armed again only for an earlier time: a later deadline just lets it ring too early.
#[derive(Default)]
pub(super) struct Alarm {
    armed: Option<(Instant, Timer)>,
}

impl Alarm {
    fn poll(&mut self, deadline: Instant, clock: Clock, context: &mut Context<'_>) -> Poll<()> {
        let is_early_enough = |(at, _): &(Instant, Timer)| *at <= deadline;
        if !self.armed.as_ref().is_some_and(is_early_enough) {
            let wait = deadline.saturating_since(clock.instant());
            self.armed = Some((deadline, Timer::new(wait)));
        }
        let (_, timer) = self.armed.as_mut().expect("it was armed above");
        let rung = Pin::new(timer).poll(context).is_ready();
        if rung {
            self.armed = None;
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

/// Let the executor submit what was asked of the rings and see what they brought. It does so only
/// when no task can run, so a timer takes the turn's place for a moment.
async fn yield_to_rings() {
    Timer::new(YIELD_DURATION).await;
}

/// Going on would endanger data: the whole process ends here.
fn halt(shard: ShardId, reason: &HaltReason) -> ! {
    // Once: the log goes to the terminal too, unless it was switched off.
    if tracing::event_enabled!(tracing::Level::ERROR) {
        tracing::error!(%shard, "the broker stops: {}", reason.message());
    } else {
        eprintln!("forebay: {}", reason.message());
    }
    std::process::exit(reason.exit_status())
}
