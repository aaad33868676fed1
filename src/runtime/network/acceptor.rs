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

use crate::connection::ConnectionLimits;
use crate::shard::ListenerIndex;

use super::admission::{Admission, Admitted};
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

/// The listening sockets of the broker.
pub(in crate::runtime) struct Acceptor {
    listeners: Vec<Listener>,
    admission: Arc<Admission>,
    /// Held back so that a client can be turned away when no descriptor is left. Without it the
    /// client stays in the queue and the listener reports it for ever.
    spare: Option<File>,
}

impl Acceptor {
    pub fn new(listeners: Vec<Listener>, admission: Arc<Admission>) -> Self {
        Self {
            listeners,
            admission,
            spare: open_spare(),
        }
    }

    /// Whoever connects from now on meets these limits.
    pub(super) fn limit(&self, limits: ConnectionLimits) {
        self.admission.limit(limits);
    }

    /// Watch the listening sockets, each under `tokens_from` and its index.
    pub(super) fn register(&self, poller: &Poller, tokens_from: u64) -> io::Result<()> {
        let numbered = self.listeners.iter().zip(tokens_from..);
        numbered
            .into_iter()
            .try_for_each(|(listener, token)| poller.add_listener(listener.socket.as_fd(), token))
    }

    /// Take the clients that wait at the listener `index`.
    pub(super) fn accept(&mut self, index: u64, accepted: &mut impl FnMut(Accepted)) {
        let index = usize::try_from(index).expect("listeners are few");
        for _ in 0..ACCEPTS_PER_TURN_MAX {
            match accept_one(&self.listeners[index]) {
                Ok((socket, peer)) => {
                    // Without a place the socket is closed here: the client is turned away.
                    if let Some(admitted) = self.admission.admit(peer.ip()) {
                        accepted(Accepted {
                            socket,
                            listener: ListenerIndex(
                                u16::try_from(index).expect("listeners are few"),
                            ),
                            peer,
                            admitted,
                        });
                    }
                }
                Err(error) => match error.raw_os_error() {
                    Some(libc::EAGAIN) => return,
                    Some(libc::EMFILE | libc::ENFILE) if !self.turn_one_away(index) => return,
                    // A client that is gone again, or an error of its network: the next may do.
                    _ => {}
                },
            }
        }
    }

    /// Close one waiting client with the help of the spare descriptor.
    fn turn_one_away(&mut self, index: usize) -> bool {
        let had_spare = self.spare.take().is_some();
        let turned_away = had_spare && accept_one(&self.listeners[index]).is_ok();
        if turned_away {
            tracing::warn!("connection refused: no descriptor is left, raise nofile");
        }
        self.spare = open_spare();
        turned_away
    }
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
