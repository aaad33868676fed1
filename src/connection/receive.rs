//! Received bytes on their way to whole frames, without copying those that arrive whole.
//!
//! Memory follows the bytes that really came, never the length that a frame claims. What
//! connections hold between two receives is counted by their [`BlockSupply`]. Whole requests may
//! wait there until others are answered, and those until followers have fetched: so the requests of
//! nodes have room of their own, and small ones come in beside any number of large ones.

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::stdx::Instant;
use crate::stdx::buffer::{Block, BlockPool};

use super::complaints::Complaint;

/// Most bytes taken from one connection at a time, so that a fast one cannot hold up the others.
const LEND_BYTES_MAX: usize = 256 << 10;

/// A partly filled block with less room than this is not lent again.
const SPARE_ROOM_MIN: usize = 16 << 10;

/// Partly filled blocks kept for the next connection that becomes readable.
const SPARE_BLOCKS_MAX: usize = 4;

/// The length field before every frame.
const LENGTH_BYTES: usize = 4;

/// The beginning of a frame up to this size is parked: it waits in memory of its own instead of a
/// block, as copying it twice costs less than the block that it would keep from others.
pub(super) const PARKED_BYTES_MAX: usize = 4 << 10;

/// Why a stream of bytes is not one of Kafka frames.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FrameError {
    /// The frame claims a negative length.
    Negative(i32),
    /// The frame claims more than `socket.request.max.bytes`.
    TooLarge { claimed: usize, allowed: usize },
}

impl std::fmt::Display for FrameError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Negative(claimed) => write!(formatter, "a request of {claimed} bytes"),
            Self::TooLarge { claimed, allowed } => {
                write!(
                    formatter,
                    "a request of {claimed} bytes; socket.request.max.bytes allows {allowed}"
                )?;
                formatter.write_str(match self.complaint() {
                    Complaint::Http => {
                        " (this looks like HTTP: metrics are on the address of --http-listen)"
                    }
                    Complaint::Tls => " (this looks like TLS: the listener is a plain one)",
                    _ => "",
                })
            }
        }
    }
}

impl FrameError {
    /// What the client did: it may be speaking another protocol, by the bytes in the place of the
    /// length.
    #[must_use]
    pub fn complaint(&self) -> Complaint {
        let Self::TooLarge { claimed, .. } = self else {
            return Complaint::Frame;
        };
        match &u32::try_from(*claimed).unwrap_or(0).to_be_bytes() {
            b"GET " | b"HEAD" | b"POST" | b"PUT " => Complaint::Http,
            // A TLS record with a handshake begins with its type and its version.
            [0x16, 0x03, ..] => Complaint::Tls,
            _ => Complaint::Frame,
        }
    }
}

/// The blocks that a shard's connections receive into, those with room left, and how much memory
/// connections hold.
#[derive(Debug)]
pub struct BlockSupply {
    pool: BlockPool,
    spare: Vec<Block>,
    held_bytes: [usize; KINDS_COUNT],
    held_bytes_max: usize,
    /// Connections that hold a large frame's memory, in the order in which they came to.
    large: BTreeSet<u64>,
    large_ever: u64,
    /// A connection was refused memory since the last look.
    has_refused: bool,
}

/// What is counted together.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Kind {
    /// Beginnings of frames that wait outside of blocks, whoever sends them.
    #[default]
    Parked,
    /// Blocks.
    Blocks,
    /// Blocks for requests of nodes.
    BlocksOfNodes,
}

const KINDS_COUNT: usize = 3;

/// What the supply counts for one connection.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Held {
    bytes: usize,
    kind: Kind,
    /// Its place in the order of those with a large frame, if it has one.
    large: Option<u64>,
}

impl BlockSupply {
    /// A supply from `pool`. Large frames grow only while the blocks of connections hold less than
    /// `held_bytes_max`, though the oldest may always, so that they do not all wait for each other;
    /// others find room in blocks up to twice that. Requests of nodes may hold as much in blocks
    /// again. While there is no block for a connection, it may still have a frame that can be
    /// parked, as long as all those hold no more than `held_bytes_max`.
    #[must_use]
    pub const fn new(pool: BlockPool, held_bytes_max: usize) -> Self {
        Self {
            pool,
            spare: Vec::new(),
            held_bytes: [0; KINDS_COUNT],
            held_bytes_max,
            large: BTreeSet::new(),
            large_ever: 0,
            has_refused: false,
        }
    }

    /// Memory that connections hold now, in bytes.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.held_bytes.iter().sum()
    }

    /// True if a connection was refused memory since this was asked last.
    pub const fn take_refusal(&mut self) -> bool {
        std::mem::replace(&mut self.has_refused, false)
    }

    /// How many bytes may be received for a connection which holds `held`, and needs room for
    /// `wanted` in a block of this kind; `None` if it has to wait.
    fn lends(&mut self, held: Held, blocks: Kind, wanted: usize) -> Option<usize> {
        let own = if held.kind == blocks { held.bytes } else { 0 };
        let others = self.held_bytes[blocks as usize] - own;
        let has_block = if wanted <= LEND_BYTES_MAX {
            own > 0 || others == 0 || others + wanted <= 2 * self.held_bytes_max
        } else {
            let oldest = self.large.first();
            let is_oldest = oldest.is_none_or(|oldest| held.large == Some(*oldest));
            is_oldest || others + wanted <= self.held_bytes_max
        };
        if has_block {
            return Some(LEND_BYTES_MAX);
        }
        self.has_refused = true;
        let parked = self.held_bytes[Kind::Parked as usize];
        let room = PARKED_BYTES_MAX.saturating_sub(held.bytes);
        let may_park = room > 0 && parked + room <= self.held_bytes_max;
        may_park.then_some(room)
    }

    /// Who holds `held` holds `bytes` of this kind instead.
    fn count(&mut self, held: &mut Held, kind: Kind, bytes: usize) {
        self.held_bytes[held.kind as usize] -= held.bytes;
        self.held_bytes[kind as usize] += bytes;
        (held.kind, held.bytes) = (kind, bytes);
        if bytes <= LEND_BYTES_MAX {
            if let Some(place) = held.large.take() {
                self.large.remove(&place);
            }
        } else if held.large.is_none() {
            self.large_ever += 1;
            self.large.insert(self.large_ever);
            held.large = Some(self.large_ever);
        }
    }

    /// A block with room for `length` bytes.
    fn take(&mut self, length: usize) -> Block {
        let has_room = |block: &Block| block.capacity() - block.filled() >= length;
        match self.spare.iter().position(has_room) {
            Some(place) => self.spare.swap_remove(place),
            None => self.pool.take_at_least(length),
        }
    }

    fn give_back(&mut self, block: Block) {
        let room = block.capacity() - block.filled();
        if room >= SPARE_ROOM_MIN && self.spare.len() < SPARE_BLOCKS_MAX {
            self.spare.push(block);
        }
    }
}

/// The bytes of one connection that are not yet a whole frame. Holds memory only while there are
/// some.
#[derive(Debug, Default)]
pub struct ReceiveBuffer {
    block: Option<Block>,
    /// Where the first byte stands that belongs to no taken frame: in the block or in `parked`.
    start: usize,
    /// The end of the whole frame that was peeked at.
    peeked_end: usize,
    /// The few bytes that wait while there is no block.
    parked: Bytes,
    held: Held,
    /// True once it is known that a node is on the other side.
    is_of_node: bool,
    /// Since when the frame at hand is on its way.
    begun_at: Option<Instant>,
}

impl ReceiveBuffer {
    /// Memory for the next bytes; `None` while whole frames that were not taken fill the block, or
    /// while there is no memory for a frame like this one.
    pub fn lend(&mut self, supply: &mut BlockSupply) -> Option<&mut [u8]> {
        let wanted = self.wanted_bytes();
        let most = supply.lends(self.held, self.kind_of_blocks(), wanted)?;
        let wanted = match most < LEND_BYTES_MAX {
            true => wanted.min(self.waiting().len() + most),
            false => wanted,
        };
        let block = match self.block.take() {
            None => self.unparked(wanted, supply),
            Some(block) if block.capacity() - self.start >= wanted => block,
            Some(block) => self.moved(&block, wanted, supply),
        };
        let unfilled = self.block.insert(block).unfilled_mut();
        let length = unfilled.len().min(most);
        (length > 0).then(|| &mut unfilled[..length])
    }

    /// The first `length` bytes of the lent memory were filled.
    pub fn on_received(&mut self, length: usize) {
        self.block
            .as_mut()
            .expect("bytes arrive in lent memory")
            .advance(length);
    }

    /// The bytes of the next frame, without its length field, if it is whole.
    ///
    /// # Errors
    /// The claimed length is negative or above `frame_bytes_max`.
    pub fn peek_frame(&mut self, frame_bytes_max: usize) -> Result<Option<&[u8]>, FrameError> {
        let Some(length) = self.claimed_length() else {
            return Ok(None);
        };
        let length = usize::try_from(length).map_err(|_| FrameError::Negative(length))?;
        if length > frame_bytes_max {
            return Err(FrameError::TooLarge {
                claimed: length,
                allowed: frame_bytes_max,
            });
        }
        if self.waiting().len() - LENGTH_BYTES < length {
            return Ok(None);
        }
        self.peeked_end = self.start + LENGTH_BYTES + length;
        Ok(Some(&self.waiting()[LENGTH_BYTES..LENGTH_BYTES + length]))
    }

    /// The frame that was just peeked at.
    ///
    /// # Panics
    /// If none was.
    pub fn take_frame(&mut self) -> Bytes {
        assert!(
            self.peeked_end >= self.start + LENGTH_BYTES,
            "a frame is peeked at, then taken"
        );
        let (start, end) = (self.start + LENGTH_BYTES, self.peeked_end);
        let frame = match &self.block {
            Some(block) => block.slice(start, end),
            None => self.parked.slice(start..end),
        };
        self.start = self.peeked_end;
        self.peeked_end = 0;
        self.begun_at = None;
        frame
    }

    /// Keep no more memory than what waits in it needs, and have it counted.
    pub fn release(&mut self, now: Instant, supply: &mut BlockSupply) {
        let waiting = self.waiting().len();
        if let Some(block) = self.block.take_if(|_| waiting <= PARKED_BYTES_MAX) {
            self.parked = Bytes::copy_from_slice(block.written(self.start, block.filled()));
            self.start = 0;
            supply.give_back(block);
        }
        if waiting == 0 {
            self.parked = Bytes::new();
            self.start = 0;
        }
        // Whole frames that wait for an answer are not on their way.
        if waiting == 0 || self.is_whole() {
            self.begun_at = None;
        } else {
            self.begun_at.get_or_insert(now);
        }
        let (kind, bytes) = match &self.block {
            Some(block) => (self.kind_of_blocks(), block.capacity()),
            None => (Kind::Parked, self.parked.len()),
        };
        supply.count(&mut self.held, kind, bytes);
    }

    /// From now on what comes is counted as requests of a node are.
    pub const fn be_of_node(&mut self) {
        self.is_of_node = true;
    }

    const fn kind_of_blocks(&self) -> Kind {
        match self.is_of_node {
            true => Kind::BlocksOfNodes,
            false => Kind::Blocks,
        }
    }

    /// Give everything back: the connection is gone.
    pub fn discard(&mut self, supply: &mut BlockSupply) {
        self.block = None;
        self.parked = Bytes::new();
        self.start = 0;
        supply.count(&mut self.held, Kind::Parked, 0);
    }

    /// Since when a frame is on its way of which not all has come.
    pub const fn begun_at(&self) -> Option<Instant> {
        self.begun_at
    }

    /// True if all of the next frame is there.
    fn is_whole(&self) -> bool {
        let claimed = self.claimed_length().map(usize::try_from);
        claimed.is_some_and(|length| {
            length.is_ok_and(|length| self.waiting().len() - LENGTH_BYTES >= length)
        })
    }

    /// What was received and belongs to no taken frame.
    fn waiting(&self) -> &[u8] {
        match &self.block {
            Some(block) => block.written(self.start, block.filled()),
            None => &self.parked[self.start..],
        }
    }

    fn claimed_length(&self) -> Option<i32> {
        self.waiting()
            .first_chunk()
            .map(|field| i32::from_be_bytes(*field))
    }

    /// Room that the frame at hand needs now, more than was received of a frame that is not whole.
    /// A block grows at most twofold per copy, so that a client cannot reserve memory by claiming
    /// a length.
    fn wanted_bytes(&self) -> usize {
        let received = self.waiting().len();
        let claimed = self
            .claimed_length()
            .and_then(|length| usize::try_from(length).ok());
        match claimed {
            None => LENGTH_BYTES,
            Some(length) => (LENGTH_BYTES + length).min(2 * received.max(LEND_BYTES_MAX / 2)),
        }
    }

    /// A block of at least `wanted` bytes with what was parked.
    fn unparked(&mut self, wanted: usize, supply: &mut BlockSupply) -> Block {
        let parked = std::mem::take(&mut self.parked).split_off(self.start);
        let mut block = supply.take(wanted.max(parked.len() + 1));
        self.start = block.filled();
        block.append(&parked);
        block
    }

    /// A block of at least `wanted` bytes with what was received of the frame at hand.
    fn moved(&mut self, block: &Block, wanted: usize, supply: &BlockSupply) -> Block {
        let mut larger = supply.pool.take_at_least(wanted);
        larger.append(block.written(self.start, block.filled()));
        self.start = 0;
        larger
    }
}
