//! Answers leave in the order of their requests, whatever the order of their completion.

use std::collections::VecDeque;

use bytes::Bytes;

/// The place of an answer in its connection's order.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SlotNumber(pub u64);

/// The places of the answers that are still to come or to leave.
#[derive(Debug, Default)]
pub struct ResponseOrder {
    /// The number of the first slot.
    first: u64,
    /// `None` while the request is in work.
    slots: VecDeque<Option<Vec<Bytes>>>,
}

impl ResponseOrder {
    /// A place behind all others.
    pub fn open(&mut self) -> SlotNumber {
        self.slots.push_back(None);
        SlotNumber(self.first + self.slots.len() as u64 - 1)
    }

    /// The answer for `slot` is known.
    ///
    /// # Panics
    /// If the slot is not open or was completed before: a request is answered once.
    pub fn complete(&mut self, slot: SlotNumber, slices: Vec<Bytes>) {
        let index = slot
            .0
            .checked_sub(self.first)
            .expect("an answer that left is not given again");
        let index = usize::try_from(index).expect("a slot's index is below its count");
        let place = self
            .slots
            .get_mut(index)
            .expect("only an open slot is completed");
        assert!(place.is_none(), "a request is answered once");
        *place = Some(slices);
    }

    /// The bytes of all answers at the front that are known.
    pub fn drain_ready(&mut self) -> Vec<Bytes> {
        let mut ready = Vec::new();
        while let Some(slices) = self.slots.front_mut().and_then(Option::take) {
            self.slots.pop_front();
            self.first += 1;
            ready.extend(slices);
        }
        ready
    }

    /// Requests without an answer that left.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// True if every request was answered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }
}
