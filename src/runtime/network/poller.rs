//! Which sockets are ready, and a way to sleep until one is.
//!
//! Sockets are watched by an epoll instance, edge-triggered and registered once for their life, so
//! a receive costs no re-arming whatever the number of connections. The shard sleeps on its ring,
//! so the ring watches the epoll instance: one poll armed per sleep. The alternative, a poll on
//! the ring for every connection and short read, costs two ring entries and an allocation each.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::AsyncRead;
use glommio::net::TcpStream;

/// Sockets reported by one look; those left over are reported by the next.
const READY_MAX: usize = 256;

/// What is known of a socket that became ready.
#[derive(Clone, Copy, Debug)]
pub(super) struct Readiness {
    /// The number under which the socket was added.
    pub token: u64,
    flags: u32,
}

impl Readiness {
    /// There are bytes, or the peer has sent its last.
    pub const fn is_readable(self) -> bool {
        self.flags & (libc::EPOLLIN | libc::EPOLLRDHUP) as u32 != 0 || self.is_broken()
    }

    /// There is room for bytes.
    pub const fn is_writable(self) -> bool {
        self.flags & libc::EPOLLOUT as u32 != 0 || self.is_broken()
    }

    /// The peer has sent its last byte.
    pub const fn is_half_closed(self) -> bool {
        self.flags & libc::EPOLLRDHUP as u32 != 0 || self.is_broken()
    }

    /// Nothing can be received or sent any more.
    pub const fn is_broken(self) -> bool {
        self.flags & (libc::EPOLLERR | libc::EPOLLHUP) as u32 != 0
    }
}

/// The sockets of one shard.
pub(super) struct Poller {
    epoll: OwnedFd,
    found: Vec<libc::epoll_event>,
    /// The ring's poll of `epoll`, while one is armed.
    armed: Option<TcpStream>,
}

impl Poller {
    /// A poller that watches nothing. Call on the shard's executor.
    pub fn new() -> io::Result<Self> {
        // SAFETY: no memory is involved.
        let epoll = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if epoll < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self {
            // SAFETY: the kernel made this descriptor for us, and nobody else knows it.
            epoll: unsafe { OwnedFd::from_raw_fd(epoll) },
            found: Vec::with_capacity(READY_MAX),
            armed: None,
        })
    }

    /// Watch a connection: each change to readable or writable is reported once.
    pub fn add_connection(&self, socket: BorrowedFd<'_>, token: u64) -> io::Result<()> {
        let edges = libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLET;
        self.add(socket, token, edges)
    }

    /// Watch a listening socket: reported as long as somebody waits to be accepted.
    pub fn add_listener(&self, socket: BorrowedFd<'_>, token: u64) -> io::Result<()> {
        self.add(socket, token, libc::EPOLLIN)
    }

    /// Report a listening socket that is watched, or do not for a while.
    pub fn heed_listener(&self, socket: BorrowedFd<'_>, token: u64, is_heeded: bool) {
        let flags = if is_heeded { libc::EPOLLIN } else { 0 };
        let mut event = libc::epoll_event {
            events: flags.cast_unsigned(),
            u64: token,
        };
        let (epoll, socket) = (self.epoll.as_raw_fd(), socket.as_raw_fd());
        // SAFETY: the kernel reads one event.
        let status = unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_MOD, socket, &raw mut event) };
        assert_eq!(status, 0, "a listener is watched until it is closed");
    }

    /// Watch a bell: every ringing is reported once.
    pub fn add_bell(&self, bell: BorrowedFd<'_>, token: u64) -> io::Result<()> {
        self.add(bell, token, libc::EPOLLIN | libc::EPOLLET)
    }

    fn add(&self, socket: BorrowedFd<'_>, token: u64, flags: i32) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: flags.cast_unsigned(),
            u64: token,
        };
        let (epoll, socket) = (self.epoll.as_raw_fd(), socket.as_raw_fd());
        // SAFETY: the kernel reads one event. It forgets the socket when that is closed: its
        // descriptor is never duplicated.
        let status = unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, socket, &raw mut event) };
        match status {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// The sockets that became ready since the last look, without waiting.
    pub fn look(&mut self) -> impl Iterator<Item = Readiness> {
        let room = i32::try_from(READY_MAX).expect("a small constant");
        self.found.clear();
        // SAFETY: the kernel writes at most `room` events, which the vector has room for.
        let count = unsafe {
            let found = self.found.as_mut_ptr();
            libc::epoll_wait(self.epoll.as_raw_fd(), found, room, 0)
        };
        // The only failure of a look that does not wait is an interruption by a signal: the next
        // look finds what this one did not.
        let count = usize::try_from(count).unwrap_or(0);
        // SAFETY: the kernel has written the first `count` events.
        unsafe { self.found.set_len(count) };
        self.found.drain(..).map(|event| Readiness {
            token: event.u64,
            flags: event.events,
        })
    }

    /// Ready if a look will find something; otherwise the task is woken when one will.
    pub fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.armed.is_none() {
            let Ok(duplicate) = self.epoll.try_clone() else {
                // No descriptor is free: look again at once, which closes connections one by one.
                return Poll::Ready(());
            };
            // SAFETY: the stream owns the duplicate and closes it. It polls it on the ring for
            // readability, which works for an epoll instance as for a socket.
            self.armed = Some(unsafe { TcpStream::from_raw_fd(duplicate.into_raw_fd()) });
        }
        let armed = self.armed.as_mut().expect("it was armed above");
        // When the poll has fired, the stream goes on to receive, which fails since this is no
        // socket: any answer but "pending" means that something is ready.
        let answer = Pin::new(armed).poll_read(context, &mut [0]);
        if answer.is_pending() {
            return Poll::Pending;
        }
        self.armed = None;
        Poll::Ready(())
    }
}
