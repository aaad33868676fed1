//! A stream of bytes to requests, however the network cuts it and whenever answers come.

use std::collections::VecDeque;

use bytes::Bytes;
use forebay::connection::{BlockSupply, Connection, FrameError, Overlap, SlotNumber};
use forebay::stdx::Instant;
use forebay::stdx::buffer::BlockPool;

/// `socket.request.max.bytes` here: small, so that few bytes can break it.
const FRAME_BYTES_MAX: usize = 4096;

/// Smaller than a frame may be, so that frames outgrow their block.
const BLOCK_BYTES: usize = 1024;

/// Less than a frame may have: one connection may always go on.
const HELD_BYTES_MAX: usize = 2048;

/// How long the schedule is.
const SCHEDULE_BYTES: usize = 16;

/// `bytes` is a schedule, and a stream: the schedule says how much arrives at a time, and whether
/// answers are given before more is read.
pub fn check(bytes: &[u8]) {
    let Some((schedule, stream)) = bytes.split_at_checked(SCHEDULE_BYTES) else {
        return;
    };
    let (frames, end) = cut(stream);
    let mut reader = StreamReader::new();
    let mut steps = schedule.iter().cycle();
    let mut rest = stream;
    while !rest.is_empty() && reader.end.is_none() {
        let step = usize::from(*steps.next().expect("a cycle does not end"));
        let (piece, answers) = (1 + (step & 0x3f) * (step & 0x3f), step >> 6);
        let received = reader.receive(&rest[..piece.min(rest.len())]);
        rest = &rest[received..];
        // A connection that takes no bytes waits for answers: they come.
        let answers = if received == 0 { usize::MAX } else { answers };
        reader.answer(answers);
    }
    reader.answer(usize::MAX);
    assert_eq!(reader.frames, frames);
    assert_eq!(reader.end, end);
    assert_eq!(reader.numbers_answered, frames.len());
}

/// The frames of the stream, and why it ends before its last byte: read from one piece.
fn cut(mut stream: &[u8]) -> (Vec<Bytes>, Option<FrameError>) {
    let mut frames = Vec::new();
    while let Some((length, rest)) = stream.split_first_chunk::<4>() {
        let length = i32::from_be_bytes(*length);
        let Ok(claimed) = usize::try_from(length) else {
            return (frames, Some(FrameError::Negative(length)));
        };
        let allowed = FRAME_BYTES_MAX;
        if claimed > allowed {
            return (frames, Some(FrameError::TooLarge { claimed, allowed }));
        }
        let Some((frame, behind)) = rest.split_at_checked(claimed) else {
            break;
        };
        frames.push(Bytes::copy_from_slice(frame));
        stream = behind;
    }
    (frames, None)
}

struct StreamReader {
    connection: Connection,
    supply: BlockSupply,
    frames: Vec<Bytes>,
    unanswered: VecDeque<SlotNumber>,
    numbers_answered: usize,
    end: Option<FrameError>,
}

impl StreamReader {
    fn new() -> Self {
        Self {
            connection: Connection::new(Instant::default()),
            supply: BlockSupply::new(BlockPool::new(BLOCK_BYTES, 2), HELD_BYTES_MAX),
            frames: Vec::new(),
            unanswered: VecDeque::new(),
            numbers_answered: 0,
            end: None,
        }
    }

    /// How many of these bytes the connection took.
    fn receive(&mut self, bytes: &[u8]) -> usize {
        let Some(memory) = self.connection.receive_buffer(&mut self.supply) else {
            return 0;
        };
        let length = memory.len().min(bytes.len());
        memory[..length].copy_from_slice(&bytes[..length]);
        self.connection.on_received(Instant::default(), length);
        self.take_frames();
        length
    }

    fn take_frames(&mut self) {
        // As with real requests, the first bytes say whether one waits for those before it.
        let overlap_of = |frame: &[u8]| match frame.first() {
            Some(0) => Some(Overlap::Forbidden),
            _ => Some(Overlap::Allowed),
        };
        while self.end.is_none() {
            match self.connection.next_frame(FRAME_BYTES_MAX, overlap_of) {
                Ok(Some(frame)) => {
                    self.frames.push(frame);
                    self.unanswered.push_back(self.connection.open_slot());
                }
                Ok(None) => break,
                Err(error) => {
                    self.connection.close();
                    self.end = Some(error);
                }
            }
        }
        self.connection
            .release_block(Instant::default(), &mut self.supply);
    }

    /// Give at most so many answers, the newest request's first.
    fn answer(&mut self, count: usize) {
        for _ in 0..count {
            let Some(slot) = self.unanswered.pop_back() else {
                break;
            };
            let number = Bytes::copy_from_slice(&slot.0.to_be_bytes());
            self.connection.complete_slot(slot, vec![number]);
            for slice in self.connection.drain_answers() {
                let expected = (self.numbers_answered as u64).to_be_bytes();
                assert_eq!(slice, expected.as_slice(), "answers leave in order");
                self.numbers_answered += 1;
                self.connection.on_sent(Instant::default(), slice.len());
            }
            self.take_frames();
        }
    }
}
