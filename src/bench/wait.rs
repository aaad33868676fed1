//! Waiting for sockets or for a moment, to the nanosecond.

use std::io;
use std::num::NonZeroU64;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use rustix::thread::set_current_timer_slack;

/// Sockets reported by one look; those left over are reported by the next.
const READY_MAX: usize = 256;

/// How much later than asked the thread may be woken. By default it is 50 µs, and a record would
/// be as late.
const TIMER_SLACK_NS: NonZeroU64 = NonZeroU64::MIN;

/// The longest wait for a moment: one that never comes is further away than the kernel takes.
const WAIT_MAX: Duration = Duration::from_secs(3600);

/// The sockets of one thread.
pub struct Waiter {
    epoll: OwnedFd,
    found: Vec<epoll::Event>,
}

impl Waiter {
    /// One that waits for nothing yet, on this thread.
    pub fn new() -> io::Result<Self> {
        set_current_timer_slack(Some(TIMER_SLACK_NS))?;
        Ok(Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            found: Vec::with_capacity(READY_MAX),
        })
    }

    /// Watch a socket: each change to readable or writable is reported once, with its `token`.
    pub fn add(&self, socket: BorrowedFd<'_>, token: u64) -> io::Result<()> {
        use epoll::EventFlags as Flags;
        let edges = Flags::IN | Flags::OUT | Flags::RDHUP | Flags::ET;
        let token = epoll::EventData::new_u64(token);
        Ok(epoll::add(&self.epoll, socket, token, edges)?)
    }

    /// The tokens of sockets that changed, once there are some or `timeout` has passed.
    pub fn wait(&mut self, timeout: Duration) -> io::Result<impl Iterator<Item = u64>> {
        let timeout = Timespec::try_from(timeout.min(WAIT_MAX)).expect("an hour is few seconds");
        self.found.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.found), Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(self.found.iter().map(|event| event.data.u64()))
    }
}
