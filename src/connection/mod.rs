//! One client connection: bytes in, requests out; responses in, bytes out in request order.
//!
//! Owns: the received bytes that are not yet a whole request, the order of answers, the limits on
//! what one client can make the broker hold.
//! Promises: answers leave in the order of their requests; a client that sends nonsense or does
//! not read costs a bounded amount of memory.
//! Knows nothing of: partitions, shards, sockets.
//! Lives on: the shard that the connection was handed to. Start at [`Connection::next_frame`].

mod budget;
mod complaints;
mod limits;
mod ordering;
mod quotas;
mod receive;

use bytes::Bytes;

use crate::stdx::Instant;

pub use budget::{Charge, RequestBudget};
pub use complaints::{Complaint, Complaints, LeftOut};
pub use limits::{ConnectionLimits, ListenerLimits};
pub use ordering::{ResponseOrder, SlotNumber};
pub use quotas::{ConnectionQuotas, TooManyOfAddress};
pub use receive::{BlockSupply, FrameError, ReceiveBuffer};

/// Requests of one connection that may be in work at once. Kafka's clients send at most five to a
/// few dozen; more only means that a client fills our memory ahead of our answers.
pub const REQUESTS_IN_FLIGHT_MAX: usize = 64;

/// Bytes of answers that may wait for a client to read them before its requests are left unread.
/// One full fetch answer (`fetch.max.bytes`) may always wait; this bounds what comes on top.
pub const UNSENT_BYTES_MAX: usize = 256 << 10;

/// How a request relates to the others of its connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Overlap {
    /// May be in work beside others of its kind: produce and fetch.
    Allowed,
    /// Waits for all requests before it, and those after it wait for it. Apache Kafka treats every
    /// request this way; clients rely on it where one request's effect is the next one's premise.
    Forbidden,
}

/// One client connection.
#[derive(Debug)]
pub struct Connection {
    receive: ReceiveBuffer,
    order: ResponseOrder,
    /// A request that forbids overlap is in work.
    is_exclusive: bool,
    unsent_bytes: usize,
    is_closing: bool,
    last_active: Instant,
    last_received: Instant,
}

impl Connection {
    /// A connection accepted at `now`.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            receive: ReceiveBuffer::default(),
            order: ResponseOrder::default(),
            is_exclusive: false,
            unsent_bytes: 0,
            is_closing: false,
            last_active: now,
            last_received: now,
        }
    }

    /// Memory for the next bytes; `None` while the connection must not be read from.
    pub fn receive_buffer<'a>(&'a mut self, supply: &mut BlockSupply) -> Option<&'a mut [u8]> {
        if self.is_closing || !self.has_room() {
            return None;
        }
        self.receive.lend(supply)
    }

    /// The first `length` bytes of the lent memory were filled.
    pub fn on_received(&mut self, now: Instant, length: usize) {
        self.note_received(now);
        self.receive.on_received(length);
    }

    /// Bytes of another protocol came: they are kept elsewhere, their answers leave in order here.
    pub const fn note_received(&mut self, now: Instant) {
        self.last_active = now;
        self.last_received = now;
    }

    /// The next whole request, if there is one and it may start now. `overlap_of` tells from a
    /// frame how its request relates to others; `None` where there is no room for it.
    ///
    /// # Errors
    /// The stream is not one of Kafka frames; the connection must be closed.
    pub fn next_frame(
        &mut self,
        frame_bytes_max: usize,
        overlap_of: impl FnOnce(&[u8]) -> Option<Overlap>,
    ) -> Result<Option<Bytes>, FrameError> {
        if self.is_closing || self.is_exclusive || !self.has_room() {
            return Ok(None);
        }
        let Some(frame) = self.receive.peek_frame(frame_bytes_max)? else {
            return Ok(None);
        };
        let Some(overlap) = overlap_of(frame) else {
            return Ok(None);
        };
        if overlap == Overlap::Forbidden && !self.order.is_empty() {
            return Ok(None);
        }
        self.is_exclusive = overlap == Overlap::Forbidden;
        Ok(Some(self.receive.take_frame()))
    }

    /// Keep no more memory than the bytes that wait need.
    pub fn release_block(&mut self, now: Instant, supply: &mut BlockSupply) {
        self.receive.release(now, supply);
    }

    /// Give all memory back; what was received and not taken is forgotten.
    pub fn discard_received(&mut self, supply: &mut BlockSupply) {
        self.receive.discard(supply);
    }

    /// A node is on the other side: its requests find memory where those of clients hold all of
    /// theirs.
    pub const fn be_of_node(&mut self) {
        self.receive.be_of_node();
    }

    /// Since when a request is on its way of which not all has come.
    #[must_use]
    pub const fn partial_since(&self) -> Option<Instant> {
        self.receive.begun_at()
    }

    /// Open the place of the answer to the request just taken.
    pub fn open_slot(&mut self) -> SlotNumber {
        self.order.open()
    }

    /// The answer to the request of `slot`; an empty one for a request that gets none.
    pub fn complete_slot(&mut self, slot: SlotNumber, slices: Vec<Bytes>) {
        self.order.complete(slot, slices);
    }

    /// The bytes of all answers whose turn has come.
    pub fn drain_answers(&mut self) -> Vec<Bytes> {
        let slices = self.order.drain_ready();
        self.unsent_bytes += slices.iter().map(Bytes::len).sum::<usize>();
        if self.order.is_empty() {
            self.is_exclusive = false;
        }
        slices
    }

    /// `length` bytes have left for the network.
    pub fn on_sent(&mut self, now: Instant, length: usize) {
        assert!(
            length <= self.unsent_bytes,
            "only what was to be sent can have been sent"
        );
        self.last_active = now;
        self.unsent_bytes -= length;
    }

    /// Nothing more is read or answered.
    pub const fn close(&mut self) {
        self.is_closing = true;
    }

    /// True after [`Connection::close`].
    #[must_use]
    pub const fn is_closing(&self) -> bool {
        self.is_closing
    }

    /// When bytes last went one way or the other.
    #[must_use]
    pub const fn last_active(&self) -> Instant {
        self.last_active
    }

    /// When bytes last came.
    #[must_use]
    pub const fn last_received(&self) -> Instant {
        self.last_received
    }

    /// Requests in work.
    #[must_use]
    pub fn in_flight_count(&self) -> usize {
        self.order.len()
    }

    /// True if another request may be taken.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.order.len() < REQUESTS_IN_FLIGHT_MAX && self.unsent_bytes <= UNSENT_BYTES_MAX
    }
}

#[cfg(test)]
mod tests;
