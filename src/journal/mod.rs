//! The write-ahead journal of one shard in one log directory: one write makes the small appends of
//! all its partitions durable.
//!
//! Owns: the journal's file, a ring of entries, and the knowledge of which of them are needed.
//! Promises: an append is told to be durable when its entry and all before it are on the disk; an
//! entry is overwritten only when the segments have what it holds, and the file's header says that
//! replay begins behind it.
//! Knows nothing of: topics, segments, or what the bytes mean. Who owns the partitions says which
//! of them have been written back, and removes the file of a journal that was inherited.
//! Lives on: the shard whose partitions it serves. Start at [`Journal`]; [`format`] says what the
//! file looks like, [`replay`] reads it after a crash.
//!
//! A journal lives as long as its broker. It makes its file with the first append, and removes it
//! at a clean stop, so that the directory is then like one of Apache Kafka's. After a crash the
//! file is read, its records go to their logs, and it is removed when their segments have them.
//!
//! Beside it lies a checkpoint, which bounds what a start reads of the segments: its entries are
//! the logs' own, and mean nothing here.

mod checkpoint;
pub mod format;
mod replay;
mod ring;
mod write_ahead;

#[cfg(test)]
mod tests;

pub use checkpoint::{
    CheckpointFault, checkpoint_epoch, checkpoint_name, decode_checkpoint, encode_checkpoint,
};
pub use format::{JOURNAL_FILE_PREFIX, JournalIdentity, parse_file_name};
pub use replay::{Inspected, JournalFault, Replayed, identity_of, inspect, replay};
pub use write_ahead::{
    Journal, JournalAppend, JournalLimits, JournalPart, JournalProgress, WriteBack,
    are_written_back,
};
