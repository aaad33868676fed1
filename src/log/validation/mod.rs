//! Whether what a producer sent may enter a partition's log, and in which form it does.
//!
//! Owns: Kafka's rules for one batch: format, size, checksum, counts, timestamps, keys; and the
//! changes a topic's settings ask for (another compression, the leader's timestamp).
//! Promises: what passes can be appended as it is once its offset is stamped; what does not is
//! refused with Kafka's error code. A batch that needs no change is not copied, and its records
//! are read once, without an allocation each.
//! Knows nothing of: the log itself. Sequence numbers and epochs of producers are checked where
//! their state is, so this runs on whatever shard accepted the request.
//! Start at [`validate`].

mod refusal;
mod rules;
mod validate;

#[cfg(test)]
mod tests;

pub use refusal::{RecordError, Refusal};
pub use rules::{DECOMPRESSED_BYTES_MAX, Origin, ProduceRules, ValidatedBatch};
pub use validate::{peek_attributes, validate};
