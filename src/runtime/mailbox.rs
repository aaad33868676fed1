//! The inbox of a shard: bounded, lock-free, filled from any thread.
//!
//! A sender never waits. What does not fit stays in the sender's [`Outbox`] for that shard, in
//! order, and the shard that drains its full inbox wakes those who found it full. So two shards
//! that fill each other's inboxes both go on draining, and no deadlock is possible.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};

use crossbeam::queue::ArrayQueue;

/// How many letters an inbox holds. A turn drains far less than this in one go, and a full inbox
/// costs order of a hundred KiB.
const LETTERS_MAX: usize = 1024;

/// What arrives at one shard, from all others.
#[derive(Debug)]
pub(super) struct Inbox<T> {
    letters: ArrayQueue<T>,
    /// True while the owner sleeps and nobody has woken it.
    parked: AtomicBool,
    /// What the owner sleeps on.
    bell: Bell,
    /// By sender: it found the inbox full and wants to be woken when there is room.
    refused: Box<[AtomicBool]>,
    /// True if any of `refused` may be.
    any_refused: AtomicBool,
    /// The owner is gone: letters are thrown away.
    closed: AtomicBool,
}

impl<T> Inbox<T> {
    /// An inbox that `senders` shards post to.
    pub fn new(senders: usize) -> io::Result<Self> {
        Self::with_capacity(senders, LETTERS_MAX)
    }

    fn with_capacity(senders: usize, letters_max: usize) -> io::Result<Self> {
        Ok(Self {
            letters: ArrayQueue::new(letters_max),
            parked: AtomicBool::new(false),
            bell: Bell::new()?,
            refused: (0..senders).map(|_| AtomicBool::new(false)).collect(),
            any_refused: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        })
    }

    /// Becomes readable when the owner is woken.
    pub fn bell(&self) -> BorrowedFd<'_> {
        self.bell.0.as_fd()
    }

    /// Put a letter in and wake the owner if it sleeps. A full inbox gives the letter back.
    pub fn push(&self, letter: T) -> Result<(), T> {
        if self.closed.load(Ordering::Acquire) {
            return Ok(());
        }
        self.letters.push(letter)?;
        self.wake();
        Ok(())
    }

    /// Wake the owner if it sleeps.
    pub fn wake(&self) {
        // Either this load sees that the owner parked, or the owner's look into the queue, which
        // comes after it parked and after the same fence, sees the letter.
        fence(Ordering::SeqCst);
        if self.parked.load(Ordering::SeqCst) && self.parked.swap(false, Ordering::SeqCst) {
            self.bell.ring();
        }
    }

    /// The oldest letter.
    pub fn pop(&self) -> Option<T> {
        self.letters.pop()
    }

    /// True if a letter waits.
    pub fn has_letters(&self) -> bool {
        !self.letters.is_empty()
    }

    /// The owner goes to sleep. False if a letter came in the meantime: it must not sleep then.
    pub fn park(&self) -> bool {
        self.parked.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        if self.has_letters() {
            self.parked.store(false, Ordering::SeqCst);
            return false;
        }
        true
    }

    /// The owner is awake: nobody needs to wake it.
    pub fn unpark(&self) {
        self.parked.store(false, Ordering::SeqCst);
    }

    /// The owner ends: what waits and what comes later is thrown away.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        while self.letters.pop().is_some() {}
    }

    /// `sender` wants to be woken when there is room. True if there is room by now.
    fn register_refused(&self, sender: usize) -> bool {
        self.refused[sender].store(true, Ordering::SeqCst);
        self.any_refused.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        !self.letters.is_full()
    }

    /// Call after draining: the senders that found the inbox full, to be woken.
    pub fn drain_refused(&self, mut wake: impl FnMut(usize)) {
        fence(Ordering::SeqCst);
        if !self.any_refused.load(Ordering::SeqCst) || self.letters.is_full() {
            return;
        }
        self.any_refused.store(false, Ordering::SeqCst);
        for (sender, refused) in self.refused.iter().enumerate() {
            if refused.swap(false, Ordering::SeqCst) {
                wake(sender);
            }
        }
    }
}

/// An event counter of the kernel. The shard's poller watches it like a socket.
///
/// glommio's own wakers can be woken from other threads too, but they go through the ring that
/// makes its executor believe that it is to be preempted, and then it may sleep on a task that can
/// run.
#[derive(Debug)]
struct Bell(File);

impl Bell {
    fn new() -> io::Result<Self> {
        // SAFETY: no memory is involved.
        let counter = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if counter < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel made this descriptor for us, and nobody else knows it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(counter) }.into()))
    }

    fn ring(&self) {
        // It can only fail when the counter is at 2^64 - 1, and then it is readable anyway.
        drop((&self.0).write(&1_u64.to_ne_bytes()));
    }
}

/// What one shard has to tell another and could not yet put into its inbox.
#[derive(Debug)]
pub(super) struct Outbox<T> {
    inbox: Arc<Inbox<T>>,
    sender: usize,
    waiting: VecDeque<T>,
}

impl<T> Outbox<T> {
    /// The way of `sender` to the owner of `inbox`.
    pub const fn new(inbox: Arc<Inbox<T>>, sender: usize) -> Self {
        Self {
            inbox,
            sender,
            waiting: VecDeque::new(),
        }
    }

    /// Queue a letter behind those before.
    pub fn post(&mut self, letter: T) {
        self.waiting.push_back(letter);
    }

    /// How many letters wait here because the inbox is full.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Put as much as fits into the inbox, and wake its owner once.
    pub fn flush(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        if self.inbox.closed.load(Ordering::Acquire) {
            self.waiting.clear();
            return;
        }
        loop {
            while let Some(letter) = self.waiting.pop_front() {
                if let Err(letter) = self.inbox.letters.push(letter) {
                    self.waiting.push_front(letter);
                    break;
                }
            }
            self.inbox.wake();
            if self.waiting.is_empty() || !self.inbox.register_refused(self.sender) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::sync::atomic::AtomicUsize;
    use std::thread;

    use super::*;

    /// Take letters until `count` have come, sleeping whenever there is none.
    fn receive<T>(inbox: &Inbox<T>, count: usize, mut wake_sender: impl FnMut(usize)) -> Vec<T> {
        let mut received = Vec::new();
        while received.len() < count {
            while let Some(letter) = inbox.pop() {
                received.push(letter);
            }
            inbox.drain_refused(&mut wake_sender);
            if received.len() < count && inbox.park() {
                // A lost wake-up would sleep here for ever, and the test would hang.
                wait_for(&inbox.bell);
                inbox.unpark();
            }
        }
        received
    }

    fn wait_for(bell: &Bell) {
        let mut count = [0; 8];
        while (&bell.0).read(&mut count).is_err() {
            let mut wanted = libc::pollfd {
                fd: std::os::fd::AsRawFd::as_raw_fd(&bell.0),
                events: libc::POLLIN,
                revents: 0,
            };
            // SAFETY: the kernel reads and writes one `pollfd`.
            unsafe { libc::poll(&raw mut wanted, 1, -1) };
        }
    }

    #[test]
    fn no_wake_up_is_lost_between_many_senders_and_a_sleeping_owner() {
        const SENDERS: usize = 3;
        const LETTERS: usize = 60_000;
        let inbox = Arc::new(Inbox::with_capacity(SENDERS, 4).unwrap());
        let threads: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let inbox = Arc::clone(&inbox);
                thread::spawn(move || {
                    for number in 0..LETTERS {
                        let mut letter = (sender, number);
                        while let Err(refused) = inbox.push(letter) {
                            letter = refused;
                            thread::yield_now();
                        }
                        // An idle receiver is the interesting one: let it fall asleep now and then.
                        if number % 64 == 0 {
                            thread::yield_now();
                        }
                    }
                })
            })
            .collect();
        let received = receive(&inbox, SENDERS * LETTERS, |_| ());
        for thread in threads {
            thread.join().unwrap();
        }
        for sender in 0..SENDERS {
            let numbers: Vec<_> = received
                .iter()
                .filter(|(from, _)| *from == sender)
                .collect();
            assert!(
                numbers
                    .iter()
                    .enumerate()
                    .all(|(at, (_, number))| at == *number)
            );
        }
    }

    #[test]
    fn letters_that_found_the_inbox_full_arrive_in_order_and_their_sender_is_woken() {
        const LETTERS: usize = 100_000;
        let inbox = Arc::new(Inbox::with_capacity(1, 8).unwrap());
        let full = Arc::new(AtomicUsize::new(0));
        let sender = {
            let (inbox, full) = (Arc::clone(&inbox), Arc::clone(&full));
            thread::spawn(move || {
                let mut outbox = Outbox::new(inbox, 0);
                let mut numbers = 0..LETTERS;
                while !numbers.is_empty() || outbox.waiting() > 0 {
                    for number in numbers.by_ref().take(20) {
                        outbox.post(number);
                    }
                    outbox.flush();
                    if outbox.waiting() > 0 {
                        full.fetch_add(1, Ordering::Relaxed);
                        // Only the receiver's wake-up ends this.
                        thread::park();
                    }
                }
            })
        };
        let received = receive(&inbox, LETTERS, |_| sender.thread().unpark());
        sender.join().unwrap();
        assert!(
            received
                .iter()
                .enumerate()
                .all(|(at, number)| at == *number)
        );
        assert!(full.load(Ordering::Relaxed) > 0, "the inbox was never full");
    }

    #[test]
    fn a_closed_inbox_swallows_what_it_is_sent() {
        let inbox = Arc::new(Inbox::with_capacity(1, 2).unwrap());
        inbox.push(1).unwrap();
        inbox.close();
        let mut outbox = Outbox::new(Arc::clone(&inbox), 0);
        (0..10).for_each(|number| outbox.post(number));
        outbox.flush();
        assert_eq!(outbox.waiting(), 0);
        assert_eq!(inbox.pop(), None);
    }
}
