//! Record batches, format v2: what producers send, what lies on disk, what consumers read.
//!
//! Owns: the header ([`BatchHeader`]), a batch as header and body ([`RecordBatch`]), cutting bytes
//! into batches ([`Batches`]), reading records ([`RecordSet`]), making batches
//! ([`RecordBatchBuilder`]), the records of control batches.
//! Promises: a batch that is received is never copied to be stamped, only its header is; nothing
//! here panics on bytes from network or disk; records are read without an allocation each.
//! Knows nothing of: partitions, producers' state, whether a batch may be appended
//! (`log::validation` knows).
//! Start at [`RecordBatch`].

mod batch;
mod batches;
mod builder;
mod control;
mod error;
mod header;
mod record;
mod retained;
mod varint;

#[cfg(test)]
mod tests;

pub use batch::{RecordBatch, sequence_after};
pub use batches::Batches;
pub use builder::RecordBatchBuilder;
pub use control::{ControlType, EndTransactionMarker};
pub use error::BatchError;
pub use header::{
    Attributes, BatchHeader, HEADER_BYTES, LOG_OVERHEAD_BYTES, MAGIC_V2, NO_LEADER_EPOCH,
    NO_TIMESTAMP, PREFIX_BYTES, TimestampType,
};
pub use record::{Record, RecordHeader, RecordHeaders, RecordIterator, RecordSet};
