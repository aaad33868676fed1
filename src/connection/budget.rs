//! How many bytes of requests may be in work at once.
//!
//! Every request counts from its start to its answer, so what clients can make a shard hold is
//! bounded however many they are. A request that finds no room stays where it was received, and its
//! connection is not read from. One request may always be in work, however large it is, so there is
//! always one that goes on and makes room.

/// A request of no more than this is small if it is the only one of its connection. Small ones have
/// room of their own, so that clients that send large requests cannot keep the others out. Those
/// that produce have another: they may wait for followers, which fetch by small requests. Requests
/// of nodes have theirs: replication and the controller go on whatever clients wait for.
const SMALL_REQUEST_BYTES_MAX: usize = 64 << 10;

/// The bytes of the requests in work on one shard.
#[derive(Debug)]
pub struct RequestBudget {
    used: [usize; ROOMS_COUNT],
    /// For each room.
    bytes_max: usize,
    has_room_for_small: bool,
}

/// Where requests have room.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Room {
    /// All that are large, or not the only one of their connection.
    #[default]
    Large,
    /// Small ones that produce.
    SmallProduce,
    /// All others of clients: nothing that they wait for waits for those in another room.
    Small,
    /// Those of other nodes, of every size.
    OfNodes,
}

const ROOMS_COUNT: usize = 4;

/// What one request counts for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Charge {
    bytes: usize,
    room: Room,
}

impl Charge {
    /// True for a request that has room besides that of large ones.
    #[must_use]
    pub const fn has_own_room(self) -> bool {
        !matches!(self.room, Room::Large)
    }
}

impl RequestBudget {
    /// Small requests may fill `bytes_max`, those of them that produce as much, those of nodes, and
    /// the others as much; but if there is a `queued_bytes_max` (`queued.max.request.bytes`, the
    /// shard's part) those that produce and the others together that, as in Apache Kafka.
    #[must_use]
    pub fn new(bytes_max: usize, queued_bytes_max: Option<usize>) -> Self {
        Self {
            used: [0; ROOMS_COUNT],
            bytes_max: queued_bytes_max.map_or(bytes_max, |queued| queued.min(bytes_max)),
            has_room_for_small: queued_bytes_max.is_none(),
        }
    }

    /// The bytes of the requests in work.
    #[must_use]
    pub fn in_work_bytes(&self) -> usize {
        self.used.iter().sum()
    }

    /// What a request of `bytes` counts for; `is_first` if it is the only one of its connection,
    /// `produces` if it is one to append records.
    #[must_use]
    pub const fn charge_of(&self, bytes: usize, is_first: bool, produces: bool) -> Charge {
        let is_small = is_first && bytes <= SMALL_REQUEST_BYTES_MAX;
        let room = match (is_small, produces) {
            (true, false) => Room::Small,
            (true, true) if self.has_room_for_small => Room::SmallProduce,
            _ => Room::Large,
        };
        Charge { bytes, room }
    }

    /// What a request of a node of `bytes` counts for.
    #[must_use]
    pub const fn charge_of_node(bytes: usize) -> Charge {
        let room = Room::OfNodes;
        Charge { bytes, room }
    }

    /// True if a request that counts for `charge` may begin.
    #[must_use]
    pub const fn allows(&self, charge: Charge) -> bool {
        let used = self.used[charge.room as usize];
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
        &mut self.used[charge.room as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    #[test]
    fn requests_begin_while_there_is_room_and_one_may_always() {
        let mut budget = RequestBudget::new(4 * MIB, None);
        let charge_of = |bytes| RequestBudget::new(0, None).charge_of(bytes, true, false);
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
        let large = budget.charge_of(100 * MIB, true, false);
        budget.begin(large);
        let small = budget.charge_of(SMALL_REQUEST_BYTES_MAX, true, false);
        for _ in 0..16 {
            assert!(budget.allows(small));
            budget.begin(small);
        }
        assert!(!budget.allows(small));
        budget.end(large);
        assert!(budget.allows(large), "however many small ones there are");
        let second = budget.charge_of(1000, false, false);
        assert!(!second.has_own_room(), "its connection has one in work");
    }

    #[test]
    fn those_that_produce_keep_no_small_request_out_that_they_may_wait_for() {
        for queued in [None, Some(MIB)] {
            let mut budget = RequestBudget::new(MIB, queued);
            let producing = budget.charge_of(SMALL_REQUEST_BYTES_MAX, true, true);
            while budget.allows(producing) {
                budget.begin(producing);
            }
            assert!(budget.allows(budget.charge_of(100, true, false)));
        }
    }

    #[test]
    fn requests_of_nodes_begin_whatever_clients_wait_for() {
        let mut budget = RequestBudget::new(MIB, Some(2000));
        for produces in [true, false] {
            for bytes in [1000, 100 * MIB] {
                let charge = budget.charge_of(bytes, true, produces);
                while budget.allows(charge) {
                    budget.begin(charge);
                }
            }
        }
        let of_node = RequestBudget::charge_of_node(1500);
        assert!(budget.allows(of_node) && of_node.has_own_room());
        budget.begin(of_node);
        assert!(!budget.allows(of_node), "theirs are bounded, too");
    }

    #[test]
    fn queued_max_request_bytes_counts_for_records_of_every_size() {
        let mut budget = RequestBudget::new(MIB, Some(2000));
        budget.begin(budget.charge_of(1500, true, true));
        assert!(budget.allows(budget.charge_of(500, true, true)));
        assert!(!budget.allows(budget.charge_of(501, true, true)));
    }
}
