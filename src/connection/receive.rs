//! Received bytes on their way to whole frames, without copying those that arrive whole.

use bytes::Bytes;

use crate::stdx::buffer::{Block, BlockPool};

/// Most bytes taken from one connection at a time, so that a fast one cannot hold up the others.
const LEND_BYTES_MAX: usize = 256 << 10;

/// A partly filled block with less room than this is not lent again.
const SPARE_ROOM_MIN: usize = 16 << 10;

/// Partly filled blocks kept for the next connection that becomes readable.
const SPARE_BLOCKS_MAX: usize = 4;

/// The length field before every frame.
const LENGTH_BYTES: usize = 4;

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
                formatter.write_str(other_protocol(*claimed).unwrap_or_default())
            }
        }
    }
}

/// What the client may be speaking instead, by the bytes in the place of the length.
fn other_protocol(claimed: usize) -> Option<&'static str> {
    let bytes = u32::try_from(claimed).ok()?.to_be_bytes();
    match &bytes {
        b"GET " | b"HEAD" | b"POST" | b"PUT " => {
            Some(" (this looks like HTTP: metrics are on the address of --http-listen)")
        }
        // A TLS record with a handshake begins with its type and its version.
        [0x16, 0x03, ..] => Some(" (this looks like TLS: the listener is a plain one)"),
        _ => None,
    }
}

/// The blocks that a shard's connections receive into, and those with room left.
#[derive(Debug)]
pub struct BlockSupply {
    pool: BlockPool,
    spare: Vec<Block>,
}

impl BlockSupply {
    /// A supply from `pool`.
    #[must_use]
    pub const fn new(pool: BlockPool) -> Self {
        Self {
            pool,
            spare: Vec::new(),
        }
    }

    fn take(&mut self) -> Block {
        self.spare.pop().unwrap_or_else(|| self.pool.take())
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
    /// Where in the block the first byte stands that belongs to no taken frame.
    start: usize,
    /// The end of the whole frame that was peeked at.
    peeked_end: usize,
}

impl ReceiveBuffer {
    /// Memory for the next bytes; `None` while whole frames that were not taken fill the block.
    pub fn lend(&mut self, supply: &mut BlockSupply) -> Option<&mut [u8]> {
        let wanted = self.wanted_bytes();
        let block = match self.block.take() {
            None => {
                let block = supply.take();
                self.start = block.filled();
                block
            }
            Some(block) if block.capacity() - self.start >= wanted => block,
            Some(block) => self.moved(&block, wanted, supply),
        };
        let unfilled = self.block.insert(block).unfilled_mut();
        let length = unfilled.len().min(LEND_BYTES_MAX);
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
        let block = self
            .block
            .as_ref()
            .expect("a length was read from the block");
        let (start, end) = (
            self.start + LENGTH_BYTES,
            self.start + LENGTH_BYTES + length,
        );
        if end > block.filled() {
            return Ok(None);
        }
        self.peeked_end = end;
        Ok(Some(block.written(start, end)))
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
        let block = self
            .block
            .as_ref()
            .expect("the peeked frame is in the block");
        let frame = block.slice(self.start + LENGTH_BYTES, self.peeked_end);
        self.start = self.peeked_end;
        self.peeked_end = 0;
        frame
    }

    /// Give the block back if no byte of this connection waits in it.
    pub fn release(&mut self, supply: &mut BlockSupply) {
        if let Some(block) = self.block.take_if(|block| block.filled() == self.start) {
            supply.give_back(block);
        }
    }

    fn claimed_length(&self) -> Option<i32> {
        let block = self.block.as_ref()?;
        let field_end = self.start + LENGTH_BYTES;
        let field = (field_end <= block.filled()).then(|| block.written(self.start, field_end))?;
        Some(i32::from_be_bytes(
            field.try_into().expect("the length field has four bytes"),
        ))
    }

    /// Room that the frame at hand needs now, more than was received of a frame that is not whole.
    /// A block grows at most twofold per copy, so that a client cannot reserve memory by claiming
    /// a length.
    fn wanted_bytes(&self) -> usize {
        let received = self
            .block
            .as_ref()
            .map_or(0, |block| block.filled() - self.start);
        let claimed = self
            .claimed_length()
            .and_then(|length| usize::try_from(length).ok());
        match claimed {
            None => LENGTH_BYTES,
            Some(length) => (LENGTH_BYTES + length).min(2 * received.max(LEND_BYTES_MAX)),
        }
    }

    /// A block of at least `wanted` bytes with what was received of the frame at hand.
    fn moved(&mut self, block: &Block, wanted: usize, supply: &BlockSupply) -> Block {
        let mut larger = supply.pool.take_at_least(wanted);
        larger.append(block.written(self.start, block.filled()));
        self.start = 0;
        larger
    }
}
