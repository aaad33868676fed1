//! The bytes of one connection that wait to leave.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use bytes::{Buf, Bytes};

/// The kernel takes at most this many pieces in one call.
const SLICES_PER_SEND_MAX: usize = 1024;

/// Bytes given to the kernel in one call: about 100 µs of copying, so that one large answer does
/// not hold up the others.
const BYTES_PER_SEND_MAX: usize = 1 << 20;

/// What a send came to.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum SendOutcome {
    /// Everything left.
    Empty,
    /// This call's share left; there is more.
    More,
    /// The network takes no more for now.
    Blocked,
}

/// A queue of slices.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    slices: VecDeque<Bytes>,
}

impl Outgoing {
    /// Queue `slices` behind what waits.
    pub fn push(&mut self, slices: Vec<Bytes>) {
        let not_empty = |slice: &Bytes| !slice.is_empty();
        self.slices.extend(slices.into_iter().filter(not_empty));
    }

    /// True if nothing waits.
    pub fn is_empty(&self) -> bool {
        self.slices.is_empty()
    }

    /// Give the network what it takes in one call, and say how many bytes left.
    pub fn send(
        &mut self,
        socket: BorrowedFd<'_>,
        pieces: &mut Vec<libc::iovec>,
    ) -> io::Result<(usize, SendOutcome)> {
        let offered = self.offer(pieces);
        // SAFETY: all zeros is an empty message; the pieces point into `self.slices`, which are
        // not touched until the call is over.
        let sent = unsafe {
            let mut message: libc::msghdr = std::mem::zeroed();
            message.msg_iov = pieces.as_mut_ptr();
            message.msg_iovlen = pieces.len();
            let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
            libc::sendmsg(socket.as_raw_fd(), &raw const message, flags)
        };
        pieces.clear();
        let Ok(sent) = usize::try_from(sent) else {
            let error = io::Error::last_os_error();
            return match error.raw_os_error() {
                Some(libc::EAGAIN) => Ok((0, SendOutcome::Blocked)),
                Some(libc::EINTR) => Ok((0, SendOutcome::More)),
                _ => Err(error),
            };
        };
        self.drop_sent(sent);
        Ok((
            sent,
            if sent < offered {
                SendOutcome::Blocked
            } else if self.slices.is_empty() {
                SendOutcome::Empty
            } else {
                SendOutcome::More
            },
        ))
    }

    /// Fill `pieces` with the oldest slices; returns their bytes.
    fn offer(&self, pieces: &mut Vec<libc::iovec>) -> usize {
        let mut offered = 0;
        for slice in self.slices.iter().take(SLICES_PER_SEND_MAX) {
            let length = slice.len().min(BYTES_PER_SEND_MAX - offered);
            pieces.push(libc::iovec {
                iov_base: slice.as_ptr().cast_mut().cast(),
                iov_len: length,
            });
            offered += length;
            if offered == BYTES_PER_SEND_MAX {
                break;
            }
        }
        offered
    }

    fn drop_sent(&mut self, mut sent: usize) {
        while sent > 0 {
            let first = self.slices.front_mut().expect("only what waited was sent");
            if first.len() > sent {
                first.advance(sent);
                return;
            }
            sent -= first.len();
            self.slices.pop_front();
        }
    }
}
