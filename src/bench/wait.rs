//! Waiting for sockets or for a moment, to the nanosecond.

#![expect(
    unsafe_code,
    reason = "system calls that std does not wrap; each says why it is sound"
)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// Sockets reported by one look; those left over are reported by the next.
const READY_MAX: usize = 256;

/// The sockets of one thread.
pub struct Waiter {
    epoll: OwnedFd,
    found: Vec<libc::epoll_event>,
}

impl Waiter {
    /// One that waits for nothing yet, on this thread. From now on the thread is woken when it
    /// asked to be, and not up to 50 µs later as threads are by default: a record would be as
    /// late.
    pub fn new() -> io::Result<Self> {
        // SAFETY: no memory is involved. A kernel that refuses leaves the default.
        unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1) };
        // SAFETY: no memory is involved.
        let epoll = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if epoll < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self {
            // SAFETY: the kernel made this descriptor for us, and nobody else knows it.
            epoll: unsafe { OwnedFd::from_raw_fd(epoll) },
            found: Vec::with_capacity(READY_MAX),
        })
    }

    /// Watch a socket: each change to readable or writable is reported once, with its `token`.
    pub fn add(&self, socket: BorrowedFd<'_>, token: u64) -> io::Result<()> {
        let edges = libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLET;
        let mut event = libc::epoll_event {
            events: edges.cast_unsigned(),
            u64: token,
        };
        let (epoll, socket) = (self.epoll.as_raw_fd(), socket.as_raw_fd());
        // SAFETY: the kernel reads one event, and forgets the socket when that is closed.
        let status = unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, socket, &raw mut event) };
        match status {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// The tokens of sockets that changed, once there are some or `timeout` has passed.
    pub fn wait(&mut self, timeout: Duration) -> io::Result<impl Iterator<Item = u64>> {
        let timeout = libc::timespec {
            tv_sec: timeout.as_secs().min(3600) as libc::time_t,
            tv_nsec: libc::c_long::from(timeout.subsec_nanos() as i32),
        };
        self.found.clear();
        // SAFETY: the kernel reads the timeout and writes at most `READY_MAX` events, which the
        // vector has room for. Without a mask of signals it wants no length of one.
        let count = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                self.epoll.as_raw_fd(),
                self.found.as_mut_ptr(),
                READY_MAX as libc::c_int,
                &raw const timeout,
                std::ptr::null::<libc::sigset_t>(),
                0_usize,
            )
        };
        let count = match usize::try_from(count) {
            Ok(count) => count,
            Err(_) => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
                0
            }
        };
        // SAFETY: the kernel has written the first `count` events.
        unsafe { self.found.set_len(count) };
        Ok(self.found.iter().map(|event| event.u64))
    }
}
