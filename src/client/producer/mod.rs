//! Producing: records into batches, batches into requests, in order whatever fails between.
//!
//! Owns: the batches that no broker has acknowledged ([`Producer`]), their sequence numbers.
//! Promises: with idempotence every record is stored once and in the order of its partition, or
//! its [`Delivery`] says that it failed; deliveries of a partition come in that order too; memory
//! is bounded by `buffer_bytes_max`.
//! Knows nothing of: connections, which partition a record should go to.
//! Start at [`Producer`].

mod answers;
mod batch;
mod core;

#[cfg(test)]
mod tests;

pub use batch::OutgoingRecord;
pub use core::{BufferFull, Producer, ProducerSettings};

use crate::model::{ErrorCode, Offset, TopicPartition};

/// What became of one batch of records.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Delivery {
    /// Where the records were to go.
    pub partition: TopicPartition,
    /// How many there were: the next so many of this partition, in the order of their appending.
    pub records_count: u32,
    /// The offset of the first, if the broker told; or why they were not delivered.
    pub result: Result<Option<Offset>, DeliveryFailure>,
}

/// Why records were not delivered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DeliveryFailure {
    /// The broker refused them, in its own words where it sent some.
    Refused(ErrorCode, Option<String>),
    /// They were not acknowledged in time; they may have been stored all the same.
    TimedOut,
    /// They may or may not have been stored: the producer had to start anew meanwhile.
    Unknown,
}
