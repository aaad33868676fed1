//! The room in a journal's file: where the next entry goes, and which entries may be overwritten.

use std::collections::VecDeque;

use super::format::RING_START;

/// An entry that may not be overwritten.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Kept {
    number: u64,
    position: u64,
    bytes: u64,
}

/// The ring of a journal: entries one behind the other, at the end of the file from the start
/// again.
#[derive(Debug)]
pub struct Ring {
    /// How long the file is.
    length: u64,
    /// Where the next entry goes, if there is room.
    head: u64,
    /// From the oldest that the durable header has replay begin with.
    kept: VecDeque<Kept>,
    kept_bytes: u64,
}

impl Ring {
    /// A ring without room.
    pub const fn new() -> Self {
        Self {
            length: RING_START,
            head: RING_START,
            kept: VecDeque::new(),
            kept_bytes: 0,
        }
    }

    /// How long the file is.
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// The file is as long as this now.
    pub fn grow(&mut self, length: u64) {
        assert!(length >= self.length, "a ring does not shrink");
        self.length = length;
    }

    /// Bytes of entries that may not be overwritten.
    pub const fn kept_bytes(&self) -> u64 {
        self.kept_bytes
    }

    /// Where an entry of `bytes` can go: `None` if there is no room for it.
    pub fn place(&self, bytes: u64) -> Option<u64> {
        let Some(oldest) = self.kept.front() else {
            let at_head = self.head + bytes <= self.length;
            let at_start = RING_START + bytes <= self.length;
            return match (at_head, at_start) {
                (true, _) => Some(self.head),
                (false, true) => Some(RING_START),
                (false, false) => None,
            };
        };
        if self.head <= oldest.position {
            // The entries go round the end: between the newest and the oldest is what is free.
            return (self.head + bytes <= oldest.position).then_some(self.head);
        }
        if self.head + bytes <= self.length {
            return Some(self.head);
        }
        (RING_START + bytes <= oldest.position).then_some(RING_START)
    }

    /// Entry `number` goes to where [`Ring::place`] said.
    pub fn keep(&mut self, number: u64, position: u64, bytes: u64) {
        self.head = position + bytes;
        self.kept_bytes += bytes;
        self.kept.push_back(Kept {
            number,
            position,
            bytes,
        });
    }

    /// Where replay finds entry `number`, or the one that comes next.
    pub fn position_of(&self, number: u64) -> u64 {
        let kept = self.kept.iter().find(|kept| kept.number == number);
        kept.map_or(self.head, |kept| kept.position)
    }

    /// How many bytes of entries lie below entry `number`.
    pub fn bytes_below(&self, number: u64) -> u64 {
        let below = self.kept.iter().take_while(|kept| kept.number < number);
        below.map(|kept| kept.bytes).sum()
    }

    /// The durable header has replay begin with entry `number`: those below may be overwritten.
    pub fn free_below(&mut self, number: u64) {
        while let Some(oldest) = self.kept.pop_front_if(|kept| kept.number < number) {
            self.kept_bytes -= oldest.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_go_round_the_ring_and_never_over_one_that_is_kept() {
        let mut ring = Ring::new();
        assert_eq!(ring.place(4096), None);
        ring.grow(RING_START + 5 * 4096);
        for number in 1..=5 {
            let position = ring.place(4096).unwrap();
            assert_eq!(position, RING_START + (number - 1) * 4096);
            ring.keep(number, position, 4096);
        }
        assert_eq!(ring.place(4096), None);
        ring.free_below(3);
        assert_eq!(ring.place(3 * 4096), None);
        assert_eq!(ring.place(2 * 4096), Some(RING_START));
        ring.keep(6, RING_START, 2 * 4096);
        assert_eq!(ring.place(4096), None);
        assert_eq!(ring.bytes_below(6), 3 * 4096);
        assert_eq!(ring.position_of(6), RING_START);
        assert_eq!(ring.position_of(7), RING_START + 2 * 4096);
        ring.free_below(7);
        assert_eq!(ring.kept_bytes(), 0);
        assert_eq!(ring.place(3 * 4096), Some(RING_START + 2 * 4096));
        assert_eq!(ring.place(4 * 4096), Some(RING_START));
    }

    #[test]
    fn a_ring_that_grew_uses_the_new_room_first() {
        let mut ring = Ring::new();
        ring.grow(RING_START + 4096);
        ring.keep(1, RING_START, 4096);
        ring.grow(RING_START + 3 * 4096);
        assert_eq!(ring.place(2 * 4096), Some(RING_START + 4096));
    }
}
