//! What the coordinator hands to its shard.

use bytes::Bytes;

use crate::model::TimestampMs;

use super::request::GroupResponse;

/// A request that waits for its answer. The shard chooses the number.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RequestToken(pub u64);

/// A write that waits to be committed. The coordinator chooses the number; later writes have
/// greater ones.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct WriteToken(pub u64);

/// One record of `__consumer_offsets`; without a value it is a tombstone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CoordinatorRecord {
    /// What the record is about.
    pub key: Bytes,
    /// What is said about it.
    pub value: Option<Bytes>,
}

/// Records to append as one batch, all or none.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Write {
    /// Comes back with the outcome, exactly once.
    pub token: WriteToken,
    /// Never empty.
    pub records: Vec<CoordinatorRecord>,
    /// The timestamp of the records.
    pub timestamp_ms: TimestampMs,
}

/// What one call gave: answers to send and writes to append, each in its order.
#[derive(Debug, Default)]
pub struct Output {
    /// Answers to requests of this and of earlier calls.
    pub answers: Vec<(RequestToken, GroupResponse)>,
    /// Writes to append, in this order.
    pub writes: Vec<Write>,
}

impl Output {
    /// Answer `request`.
    pub(super) fn answer(&mut self, request: RequestToken, response: GroupResponse) {
        self.answers.push((request, response));
    }
}
