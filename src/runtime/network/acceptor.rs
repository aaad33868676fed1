//! Takes new clients from the listening sockets, on shard 0, for all shards.
//!
//! One acceptor instead of a socket per shard: the kernel's spreading by SO_REUSEPORT puts a few
//! heavy clients on one shard, and the limits need one place that counts.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::sync::Arc;

use socket2::{SockAddr, SockRef};

use crate::shard::{ListenerIndex, RefusalReason};
use crate::stdx::Instant;

use super::admission::{Admission, Admitted, Answer};
use super::listener::Listener;
use super::poller::Poller;

/// Clients taken from one listener per turn; the rest wait for the next.
const ACCEPTS_PER_TURN_MAX: usize = 64;

/// A client that was accepted, on its way to its shard.
#[derive(Debug)]
pub(in crate::runtime) struct Accepted {
    pub(super) socket: OwnedFd,
    pub(super) listener: ListenerIndex,
    pub(super) peer: SocketAddr,
    pub(super) admitted: Admitted,
}

impl Accepted {
    /// The shard that the connection is for.
    pub fn shard(&self) -> usize {
        self.admitted.shard
    }
}

/// The client of a listener that has to wait. Those behind it wait in the kernel.
struct Waiting {
    socket: OwnedFd,
    peer: SocketAddr,
    /// When it may be let in, if there is a place then.
    due: Instant,
}

/// The listening sockets of the broker.
pub(in crate::runtime) struct Acceptor {
    listeners: Vec<Listener>,
    /// By listener.
    waiting: Vec<Option<Waiting>>,
    refused: Vec<(ListenerIndex, SocketAddr, RefusalReason)>,
    admission: Arc<Admission>,
    /// Held back so that a client can be turned away when no descriptor is left. Without it the
    /// client stays in the queue and the listener reports it for ever.
    spare: Option<File>,
}

impl Acceptor {
    pub fn new(listeners: Vec<Listener>, admission: Arc<Admission>) -> Self {
        Self {
            waiting: listeners.iter().map(|_| None).collect(),
            refused: Vec::new(),
            listeners,
            admission,
            spare: open_spare(),
        }
    }

    /// Watch the listening sockets, each under `tokens_from` and its index.
    pub(super) fn register(&self, poller: &Poller, tokens_from: u64) -> io::Result<()> {
        let numbered = self.listeners.iter().zip(tokens_from..);
        numbered
            .into_iter()
            .try_for_each(|(listener, token)| poller.add_listener(listener.socket.as_fd(), token))
    }

    /// Take the clients that wait at the listener `index`. False if one has to wait: the listener
    /// is to be ignored until it is let in.
    pub(super) fn accept(
        &mut self,
        now: Instant,
        index: usize,
        accepted: &mut impl FnMut(Accepted),
    ) -> bool {
        for _ in 0..ACCEPTS_PER_TURN_MAX {
            match accept_one(&self.listeners[index]) {
                Ok((socket, peer)) => {
                    let due = self.admission.note_arrival(now, listener_index(index));
                    self.waiting[index] = Some(Waiting { socket, peer, due });
                    if !self.let_in(now, index, accepted) {
                        return false;
                    }
                }
                Err(error) => match error.raw_os_error() {
                    Some(libc::EAGAIN) => return true,
                    Some(libc::EMFILE | libc::ENFILE) if !self.turn_one_away(index) => return true,
                    // A client that is gone again, or an error of its network: the next may do.
                    _ => {}
                },
            }
        }
        true
    }

    /// Let those in who have waited long enough and have a place now. Their listeners are heeded
    /// again, each under `tokens_from` and its index.
    pub(super) fn go_on(
        &mut self,
        now: Instant,
        poller: &Poller,
        tokens_from: u64,
        accepted: &mut impl FnMut(Accepted),
    ) {
        for (index, token) in (0..self.listeners.len()).zip(tokens_from..) {
            if self.waiting[index].is_some() && self.let_in(now, index, accepted) {
                self.heed(index, poller, token, true);
            }
        }
    }

    /// Heed the listener `index`, or do not for a while.
    pub(super) fn heed(&self, index: usize, poller: &Poller, token: u64, is_heeded: bool) {
        poller.heed_listener(self.listeners[index].socket.as_fd(), token, is_heeded);
    }

    /// Who was turned away since this was asked last.
    pub(super) fn take_refused(
        &mut self,
    ) -> impl Iterator<Item = (ListenerIndex, SocketAddr, RefusalReason)> {
        self.refused.drain(..)
    }

    /// When somebody will have waited long enough. A place that becomes free wakes the shard.
    pub(super) fn next_deadline(&self, now: Instant) -> Instant {
        let due = self.waiting.iter().flatten().map(|waiting| waiting.due);
        due.filter(|due| *due > now).min().unwrap_or(Instant::MAX)
    }

    /// Let the client in that waits at the listener `index`, or turn it away. True if none waits
    /// any more.
    fn let_in(&mut self, now: Instant, index: usize, accepted: &mut impl FnMut(Accepted)) -> bool {
        let waiting = self.waiting[index].take_if(|waiting| waiting.due <= now);
        let Some(waiting) = waiting else {
            return false;
        };
        let listener = listener_index(index);
        match self.admission.admit(listener, waiting.peer.ip()) {
            Answer::Admitted(admitted) => accepted(Accepted {
                socket: waiting.socket,
                listener,
                peer: waiting.peer,
                admitted,
            }),
            // The socket is closed here.
            Answer::Refused(reason) => self.refused.push((listener, waiting.peer, reason)),
            Answer::NoPlace => {
                self.waiting[index] = Some(waiting);
                return false;
            }
        }
        true
    }

    /// Close one waiting client with the help of the spare descriptor.
    fn turn_one_away(&mut self, index: usize) -> bool {
        let had_spare = self.spare.take().is_some();
        let turned_away = had_spare.then(|| accept_one(&self.listeners[index]).ok());
        let turned_away = turned_away.flatten().map(|(_, peer)| {
            let reason = RefusalReason::NoDescriptor;
            self.refused.push((listener_index(index), peer, reason));
        });
        self.spare = open_spare();
        turned_away.is_some()
    }
}

fn listener_index(index: usize) -> ListenerIndex {
    ListenerIndex(u16::try_from(index).expect("listeners are few"))
}

fn open_spare() -> Option<File> {
    File::open("/dev/null").ok()
}

fn accept_one(listener: &Listener) -> io::Result<(OwnedFd, SocketAddr)> {
    // SAFETY: the closure gives the kernel the storage that `try_init` made, with its length.
    let (fd, peer) = unsafe {
        SockAddr::try_init(|address, length| {
            let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
            match libc::accept4(listener.socket.as_raw_fd(), address.cast(), length, flags) {
                fd if fd >= 0 => Ok(OwnedFd::from_raw_fd(fd)),
                _ => Err(io::Error::last_os_error()),
            }
        })?
    };
    // Answers are written in one piece: waiting for more to send would only delay them.
    SockRef::from(&fd).set_tcp_nodelay(true)?;
    let peer = peer
        .as_socket()
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
    Ok((fd, peer))
}
