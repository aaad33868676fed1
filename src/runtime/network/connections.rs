//! The connections of one shard: whom to read from, whom to write to, who is gone.
//!
//! The turn itself receives, straight into memory that the core lends; there is no task per
//! connection. A connection is in at most one of the two reading queues: `ready` (the kernel has
//! bytes) or `paused` (it has, but the core lent no memory when asked last).

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use socket2::SockRef;

use crate::connection::ConnectionLimits;
use crate::model::NodeAddress;
use crate::runtime::core::Core;
use crate::runtime::step::Step;
use crate::shard::{ConnectionId, DisconnectReason, Event, RefusalReason};
use crate::stdx::Instant;

use super::acceptor::{Accepted, Acceptor};
use super::admission::{Admission, Admitted, Excess};
use super::dialing::{DeliverResolved, Dials, Resolved};
use super::outgoing::{Outgoing, SendOutcome};
use super::poller::{Poller, Readiness};
use super::table::Table;

/// A connection's share of a turn: then it is the others' turn.
const BYTES_PER_TURN_MAX: usize = 256 * 1024;

/// Marks the numbers of listening sockets.
const LISTENER_TOKEN: u64 = 1 << 63;

/// The number of the bell by which other threads wake the shard.
const BELL_TOKEN: u64 = 1 << 62;

/// Bytes thrown away unread when a connection is closed by us.
const DISCARD_BYTES_MAX: usize = 1 << 20;

/// All connections of one shard, and on shard 0 the listening sockets.
pub(in crate::runtime) struct Connections {
    poller: Poller,
    acceptor: Option<Acceptor>,
    admission: Arc<Admission>,
    /// The core was told to close a connection for others.
    is_evicting: bool,
    table: Table<Connection>,
    dials: Dials,
    ready: VecDeque<ConnectionId>,
    paused: VecDeque<ConnectionId>,
    to_send: VecDeque<ConnectionId>,
    /// Who has bytes to report with `Event::Sent`.
    sent: Vec<ConnectionId>,
    gone: VecDeque<(ConnectionId, DisconnectReason)>,
    pieces: Vec<libc::iovec>,
}

struct Connection {
    id: ConnectionId,
    socket: OwnedFd,
    outgoing: Outgoing,
    sent_bytes: usize,
    reading: Reading,
    /// In `to_send`.
    is_sending: bool,
    /// The network takes no more until it says so.
    is_blocked: bool,
    /// The peer has sent its last byte, though some may still wait to be received.
    is_half_closed: bool,
    /// Nothing can be received or sent any more.
    is_broken: bool,
    /// To be closed when all has been sent.
    is_closing: bool,
    /// The place of a client.
    _admitted: Option<Admitted>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Reading {
    /// The kernel has nothing.
    Idle,
    /// In `ready`.
    Ready,
    /// In `paused`.
    Paused,
}

impl Connections {
    /// No connections yet. The shard wakes when `bell` becomes readable, and is brought by
    /// `deliver` what it is to give to [`Connections::on_resolved`]. Call on its executor.
    pub fn new(
        acceptor: Option<Acceptor>,
        admission: Arc<Admission>,
        bell: BorrowedFd<'_>,
        deliver: DeliverResolved,
    ) -> io::Result<Self> {
        let poller = Poller::new()?;
        poller.add_bell(bell, BELL_TOKEN)?;
        if let Some(acceptor) = &acceptor {
            acceptor.register(&poller, LISTENER_TOKEN)?;
        }
        Ok(Self {
            poller,
            acceptor,
            admission,
            is_evicting: false,
            table: Table::new(),
            dials: Dials::new(deliver),
            ready: VecDeque::new(),
            paused: VecDeque::new(),
            to_send: VecDeque::new(),
            sent: Vec::new(),
            gone: VecDeque::new(),
            pieces: Vec::new(),
        })
    }

    /// Take over a client that was accepted for this shard.
    pub fn open<C: Core>(&mut self, accepted: Accepted, step: &mut Step<C>) {
        let id = self.table.next_id();
        if let Err(error) = self.poller.add_connection(accepted.socket.as_fd(), id.0) {
            step.on_event(Event::Refused {
                listener: accepted.listener,
                peer: accepted.peer,
                reason: RefusalReason::NotWatched(error.raw_os_error().unwrap_or(0)),
            });
            return;
        }
        let connection = Connection::new(id, accepted.socket, Some(accepted.admitted));
        self.table.insert(id, connection);
        step.on_event(Event::Accepted {
            connection: id,
            listener: accepted.listener,
            peer: accepted.peer,
        });
    }

    /// Begin to connect to another node.
    pub fn dial(&mut self, now: Instant, id: ConnectionId, to: (NodeAddress, Duration)) {
        self.dials.begin(now, id, to, &self.poller);
    }

    /// The addresses of a node were found, or not.
    pub fn on_resolved(&mut self, now: Instant, resolved: Resolved) {
        self.dials.on_resolved(now, resolved, &self.poller);
    }

    /// Tell the core how dials ended.
    pub fn report_dialed<C: Core>(&mut self, step: &mut Step<C>) {
        while let Some((id, dialed)) = self.dials.next_ended() {
            let result = dialed.map(|dialed| {
                let connection = Connection::new(id, dialed.socket, None);
                let connection = self.table.insert(id, connection);
                // The peer may have sent something before anybody knew that it was reached.
                connection.note(dialed.readiness, &mut self.ready, &mut self.to_send);
            });
            step.on_event(Event::Dialed {
                connection: id,
                result,
            });
        }
    }

    /// Whoever connects from now on meets these limits.
    pub fn limit(&self, limits: ConnectionLimits) {
        self.admission.limit(limits);
    }

    /// Tell the core who was turned away in this turn.
    pub fn report_refused<C: Core>(&mut self, step: &mut Step<C>) {
        let acceptor = self.acceptor.as_mut();
        for (listener, peer, reason) in acceptor.into_iter().flat_map(Acceptor::take_refused) {
            step.on_event(Event::Refused {
                listener,
                peer,
                reason,
            });
        }
    }

    /// If there are more connections than there may be, tell the core to close one.
    pub fn begin_eviction<C: Core>(&mut self, step: &mut Step<C>) {
        if let Some(Excess { spared }) = self.admission.begin_eviction() {
            self.is_evicting = true;
            step.on_event(Event::ConnectionsExceeded { spared });
        }
    }

    /// The connection that the core closed for it is gone.
    pub fn end_eviction(&mut self) {
        if std::mem::take(&mut self.is_evicting) {
            self.admission.end_eviction();
        }
    }

    /// When a client that waits to be accepted may be let in, or a dial takes too long.
    pub fn next_deadline(&self, now: Instant) -> Instant {
        let acceptor = self.acceptor.as_ref();
        let acceptor = acceptor.map_or(Instant::MAX, |acceptor| acceptor.next_deadline(now));
        acceptor.min(self.dials.next_deadline())
    }

    /// See which sockets became ready; new clients are given to `accepted`.
    pub fn look(&mut self, now: Instant, mut accepted: impl FnMut(Accepted)) {
        if let Some(acceptor) = &mut self.acceptor {
            acceptor.go_on(now, &self.poller, LISTENER_TOKEN, &mut accepted);
        }
        self.dials.on_time(now, &self.poller);
        let (mut ignored, mut dialing) = (Vec::new(), Vec::new());
        for readiness in self.poller.look() {
            if readiness.token == BELL_TOKEN {
                // It has done its work: the shard is awake and looks into its inbox every turn.
            } else if readiness.token & LISTENER_TOKEN == 0 {
                let id = ConnectionId(readiness.token);
                if let Some(connection) = self.table.find(id) {
                    connection.note(readiness, &mut self.ready, &mut self.to_send);
                } else if id.dialed_number().is_some() {
                    dialing.push((id, readiness));
                }
            } else if let Some(acceptor) = &mut self.acceptor {
                let index = usize::try_from(readiness.token & !LISTENER_TOKEN);
                let index = index.expect("listeners are few");
                if !acceptor.accept(now, index, &mut accepted) {
                    ignored.push((index, readiness.token));
                }
            }
        }
        for (id, readiness) in dialing {
            self.dials.on_ready(now, id, readiness, &self.poller);
        }
        for (index, token) in ignored {
            if let Some(acceptor) = &self.acceptor {
                acceptor.heed(index, &self.poller, token, false);
            }
        }
    }

    /// Tell the core what became of the connections since the last turn.
    pub fn report<C: Core>(&mut self, step: &mut Step<C>) {
        for connection in self.sent.drain(..) {
            // What a connection sent before it was lost is of no interest any more.
            if let Some(found) = self.table.find(connection) {
                let length = std::mem::take(&mut found.sent_bytes);
                step.on_event(Event::Sent { connection, length });
            }
        }
        for (connection, reason) in self.gone.drain(..) {
            step.on_event(Event::Disconnected { connection, reason });
        }
    }

    /// Receive from those that have bytes, each its share, until the turn is over.
    pub fn receive<C: Core>(&mut self, step: &mut Step<C>) {
        for _ in 0..self.ready.len() {
            if step.is_over() {
                return;
            }
            if let Some(id) = self.ready.pop_front() {
                self.receive_one(id, step);
            }
        }
    }

    /// The core's state has changed: it may lend memory now to those it lent none.
    pub fn ask_paused_again(&mut self) {
        for id in self.paused.drain(..) {
            if let Some(connection) = self.table.find(id) {
                connection.reading = Reading::Ready;
                self.ready.push_back(id);
            }
        }
    }

    /// Queue bytes behind those given before. Bytes for a connection that is gone go nowhere.
    pub fn send(&mut self, id: ConnectionId, slices: Vec<Bytes>) {
        if let Some(connection) = self.table.find(id) {
            connection.outgoing.push(slices);
            connection.want_to_send(&mut self.to_send);
        }
    }

    /// Close the connection, with `flush` once all bytes have left.
    pub fn disconnect(&mut self, id: ConnectionId, flush: bool) {
        if self.dials.give_up(id) {
            self.gone.push_back((id, DisconnectReason::ByShard));
        } else if let Some(connection) = self.table.find(id) {
            if flush && !connection.outgoing.is_empty() {
                connection.is_closing = true;
            } else {
                self.close(id, DisconnectReason::ByShard);
            }
        }
    }

    /// Give the network what it takes of everything queued, one call per connection.
    pub fn flush(&mut self) {
        for _ in 0..self.to_send.len() {
            if let Some(id) = self.to_send.pop_front() {
                self.send_one(id);
            }
        }
    }

    /// True if the next turn has something to do with connections right away.
    pub fn has_work(&self) -> bool {
        !(self.ready.is_empty()
            && self.to_send.is_empty()
            && self.sent.is_empty()
            && self.gone.is_empty()
            && !self.dials.has_ended())
    }

    /// True if the network may take bytes right away.
    pub fn wants_to_send(&self) -> bool {
        !self.to_send.is_empty()
    }

    /// True if bytes wait for the network.
    pub fn has_unsent(&self) -> bool {
        let unsent = |connection: &Connection| !connection.outgoing.is_empty();
        self.table.iter().any(unsent)
    }

    /// No more clients are accepted.
    pub fn stop_accepting(&mut self) {
        self.acceptor = None;
    }

    /// Ready if a look will find something; otherwise the task is woken when one will.
    pub fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.poller.poll_ready(context)
    }

    fn receive_one<C: Core>(&mut self, id: ConnectionId, step: &mut Step<C>) {
        let mut share = BYTES_PER_TURN_MAX;
        let Some(connection) = self.table.find(id) else {
            return;
        };
        connection.reading = Reading::Idle;
        if connection.is_closing {
            if connection.is_broken {
                self.close(id, DisconnectReason::ByPeer);
            }
            return;
        }
        loop {
            let Some(memory) = step.receive_buffer(id) else {
                if connection.is_broken {
                    let reason = broken_reason(connection.socket.as_fd());
                    self.close(id, reason);
                } else {
                    connection.reading = Reading::Paused;
                    self.paused.push_back(id);
                }
                return;
            };
            assert!(!memory.is_empty(), "a core lends at least one byte");
            let length = memory.len().min(share);
            match receive(connection.socket.as_fd(), &mut memory[..length]) {
                Ok(0) => return self.close(id, DisconnectReason::ByPeer),
                Ok(received) => {
                    step.on_event(Event::Received {
                        connection: id,
                        length: received,
                    });
                    share -= received;
                    // A short receive has emptied the socket, and news will be reported; but the
                    // end that a half-closed one is to report has been reported already.
                    if received < length && !connection.is_half_closed {
                        return;
                    }
                    if share == 0 || step.is_over() {
                        connection.reading = Reading::Ready;
                        self.ready.push_back(id);
                        return;
                    }
                }
                Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => return,
                Err(error) if error.raw_os_error() == Some(libc::EINTR) => {}
                Err(error) => return self.close(id, reason_of(&error)),
            }
        }
    }

    fn send_one(&mut self, id: ConnectionId) {
        let Some(connection) = self.table.find(id) else {
            return;
        };
        connection.is_sending = false;
        if connection.outgoing.is_empty() {
            return;
        }
        let socket = connection.socket.as_fd();
        match connection.outgoing.send(socket, &mut self.pieces) {
            Ok((length, outcome)) => {
                if length > 0 && connection.sent_bytes == 0 {
                    self.sent.push(id);
                }
                connection.sent_bytes += length;
                match outcome {
                    SendOutcome::Empty if connection.is_closing => {
                        self.close(id, DisconnectReason::ByShard);
                    }
                    SendOutcome::Empty => {}
                    SendOutcome::More => connection.want_to_send(&mut self.to_send),
                    SendOutcome::Blocked => connection.is_blocked = true,
                }
            }
            Err(error) => self.close(id, reason_of(&error)),
        }
    }

    /// The end of a connection, the only one: its place in the table is empty from here on.
    fn close(&mut self, id: ConnectionId, reason: DisconnectReason) {
        let connection = self.table.remove(id);
        let connection = connection.expect("a connection is closed once");
        if reason == DisconnectReason::ByShard {
            discard_incoming(connection.socket.as_fd());
        }
        self.gone.push_back((id, reason));
    }
}

impl Connection {
    fn new(id: ConnectionId, socket: OwnedFd, admitted: Option<Admitted>) -> Self {
        Self {
            id,
            socket,
            outgoing: Outgoing::default(),
            sent_bytes: 0,
            reading: Reading::Idle,
            is_sending: false,
            is_blocked: false,
            is_half_closed: false,
            is_broken: false,
            is_closing: false,
            _admitted: admitted,
        }
    }

    fn note(
        &mut self,
        readiness: Readiness,
        ready: &mut VecDeque<ConnectionId>,
        to_send: &mut VecDeque<ConnectionId>,
    ) {
        self.is_half_closed |= readiness.is_half_closed();
        self.is_broken |= readiness.is_broken();
        if readiness.is_readable() && self.reading == Reading::Idle {
            self.reading = Reading::Ready;
            ready.push_back(self.id);
        }
        if readiness.is_writable() && self.is_blocked {
            self.is_blocked = false;
            self.want_to_send(to_send);
        }
    }

    fn want_to_send(&mut self, to_send: &mut VecDeque<ConnectionId>) {
        if !self.is_sending && !self.is_blocked {
            self.is_sending = true;
            to_send.push_back(self.id);
        }
    }
}

fn receive(socket: BorrowedFd<'_>, memory: &mut [u8]) -> io::Result<usize> {
    let (start, length) = (memory.as_mut_ptr(), memory.len());
    // SAFETY: the kernel writes at most `length` bytes from `start`.
    let received =
        unsafe { libc::recv(socket.as_raw_fd(), start.cast(), length, libc::MSG_DONTWAIT) };
    usize::try_from(received).map_err(|_| io::Error::last_os_error())
}

/// Throw away what has come in and nobody will read. Closing a socket with unread bytes resets the
/// connection, and the reset can overtake the answer that was sent last.
fn discard_incoming(socket: BorrowedFd<'_>) {
    let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC;
    let nowhere = std::ptr::null_mut();
    // SAFETY: with MSG_TRUNC the kernel drops a TCP socket's bytes and writes none. Whether it had
    // any does not matter.
    unsafe { libc::recv(socket.as_raw_fd(), nowhere, DISCARD_BYTES_MAX, flags) };
}

fn broken_reason(socket: BorrowedFd<'_>) -> DisconnectReason {
    match SockRef::from(&socket).take_error() {
        Ok(Some(error)) | Err(error) => reason_of(&error),
        Ok(None) => DisconnectReason::ByPeer,
    }
}

fn reason_of(error: &io::Error) -> DisconnectReason {
    match error.raw_os_error() {
        Some(libc::ECONNRESET | libc::EPIPE) | None => DisconnectReason::ByPeer,
        Some(errno) => DisconnectReason::Failed(errno),
    }
}
