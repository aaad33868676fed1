//! How many bytes of requests may be in work at once.
//!
//! Every request counts from its start to its answer, so what clients can make a shard hold is
//! bounded however many they are. A request that finds no room stays where it was received, and its
//! connection is not read from. One request may always be in work, however large it is, so there is
//! always one that goes on and makes room.

/// A request of no more than this is small if it is the only one of its connection. Small ones have
/// room of their own, so that clients that send large requests cannot keep the others out.
const SMALL_REQUEST_BYTES_MAX: usize = 64 << 10;

/// The bytes of the requests in work on one shard.
#[derive(Debug)]
pub struct RequestBudget {
    small_bytes: usize,
    other_bytes: usize,
    /// For the small ones and for the others, each.
    bytes_max: usize,
    has_room_for_small: bool,
}

/// What one request counts for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Charge {
    bytes: usize,
    is_small: bool,
}

impl Charge {
    /// True for a request that has room besides that of large ones.
    #[must_use]
    pub const fn is_small(self) -> bool {
        self.is_small
    }
}

impl RequestBudget {
    /// Small requests may fill `bytes_max`, and the others as much; but if there is a
    /// `queued_bytes_max` (`queued.max.request.bytes`, the shard's part) all together that, as in
    /// Apache Kafka.
    #[must_use]
    pub fn new(bytes_max: usize, queued_bytes_max: Option<usize>) -> Self {
        Self {
            small_bytes: 0,
            other_bytes: 0,
            bytes_max: queued_bytes_max.map_or(bytes_max, |queued| queued.min(bytes_max)),
            has_room_for_small: queued_bytes_max.is_none(),
        }
    }

    /// The bytes of the requests in work.
    #[must_use]
    pub const fn in_work_bytes(&self) -> usize {
        self.small_bytes + self.other_bytes
    }

    /// What a request of `bytes` counts for; `is_first` if it is the only one of its connection.
    #[must_use]
    pub const fn charge_of(&self, bytes: usize, is_first: bool) -> Charge {
        Charge {
            bytes,
            is_small: self.has_room_for_small && is_first && bytes <= SMALL_REQUEST_BYTES_MAX,
        }
    }

    /// True if a request that counts for `charge` may begin.
    #[must_use]
    pub const fn allows(&self, charge: Charge) -> bool {
        let used = if charge.is_small {
            self.small_bytes
        } else {
            self.other_bytes
        };
        used == 0 || used.saturating_add(charge.bytes) <= self.bytes_max
    }

    /// A request that counts for `charge` has begun.
    pub const fn begin(&mut self, charge: Charge) {
        *self.used_mut(charge) += charge.bytes;
    }

    /// A request in work that counts for `charge` holds at least `bytes`.
    #[must_use]
    pub const fn grow(&mut self, charge: Charge, bytes: usize) -> Charge {
        let more = bytes.saturating_sub(charge.bytes);
        *self.used_mut(charge) += more;
        Charge {
            bytes: charge.bytes + more,
            ..charge
        }
    }

    /// A request that counted for `charge` is answered.
    pub const fn end(&mut self, charge: Charge) {
        *self.used_mut(charge) -= charge.bytes;
    }

    const fn used_mut(&mut self, charge: Charge) -> &mut usize {
        if charge.is_small {
            &mut self.small_bytes
        } else {
            &mut self.other_bytes
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    #[test]
    fn requests_begin_while_there_is_room_and_one_may_always() {
        let mut budget = RequestBudget::new(4 * MIB, None);
        let charge_of = |bytes| RequestBudget::new(0, None).charge_of(bytes, true);
        assert!(budget.allows(charge_of(100 * MIB)), "it is the only one");
        let first = charge_of(3 * MIB);
        budget.begin(first);
        assert!(budget.allows(charge_of(MIB)));
        assert!(!budget.allows(charge_of(MIB + 1)));
        let grown = budget.grow(first, 4 * MIB);
        assert!(!budget.allows(charge_of(MIB)));
        budget.end(grown);
        assert!(budget.allows(charge_of(100 * MIB)));
        assert_eq!(budget.in_work_bytes(), 0);
    }

    #[test]
    fn small_requests_have_room_of_their_own_which_is_bounded() {
        let mut budget = RequestBudget::new(MIB, None);
        let large = budget.charge_of(100 * MIB, true);
        budget.begin(large);
        let small = budget.charge_of(SMALL_REQUEST_BYTES_MAX, true);
        for _ in 0..16 {
            assert!(budget.allows(small));
            budget.begin(small);
        }
        assert!(!budget.allows(small));
        budget.end(large);
        assert!(budget.allows(large), "however many small ones there are");
        let second = budget.charge_of(1000, false);
        assert!(!second.is_small(), "its connection has one in work");
    }

    #[test]
    fn queued_max_request_bytes_counts_for_requests_of_every_size() {
        let mut budget = RequestBudget::new(MIB, Some(2000));
        budget.begin(budget.charge_of(1500, true));
        assert!(budget.allows(budget.charge_of(500, true)));
        assert!(!budget.allows(budget.charge_of(501, true)));
    }
}
