//! One replica of one partition: its records, its files, what it knows of its producers.
//!
//! Owns: segments, offset and time indexes, leader epochs, producer state, retention, compaction,
//! recovery.
//! Promises: an offset is given once and without gaps; nothing is reported durable before the
//! disk said so; nothing durable is cut off but by who gives it up by name ([`Log::truncate`]).
//! Knows nothing of: replication, clients, other partitions, the way storage is reached. It asks
//! for work on the disk through [`storage`] and is told of the result.
//! Lives on: the shard that owns the partition. Start at [`Log`].

mod aborted;
mod append;
mod cache;
mod check;
pub mod checkpoint;
mod chunked_list;
mod cleaning;
mod close;
mod deferral;
mod file_names;
mod following;
mod journalled;
mod leader_epochs;
mod lookup;
mod offset_index;
mod partition_log;
mod predecessor;
mod producer_state;
mod read;
mod read_ahead;
mod recovery;
mod recovery_aborted;
mod recovery_scan;
mod recycling;
mod reindexing;
mod resume_point;
mod retention;
mod scan;
mod segment;
mod snapshot;
mod space;
pub mod storage;
mod time_index;
mod transactions;
mod truncation;
pub mod validation;
mod write;

#[cfg(test)]
pub(crate) mod tests;

pub use aborted::AbortedTransaction;
pub use append::Appended;
pub use cache::{FetchedRecords, ReadRequest};
pub use cleaning::{CleaningEnd, CleaningLimits, Dirtiness};
pub use file_names::{
    FOLDER_DELETED, deleted_folder, future_folder, parse_future_folder, parse_partition_folder,
    partition_folder, stray_folder,
};
pub use journalled::JournalOffer;
pub use leader_epochs::{EpochEnd, EpochStart};
pub use lookup::Lookup;
pub use partition_log::{
    Damage, FoundOffset, Log, LogFailure, LogIdentity, LogProgress, OpenFiles, OpenMode, ReadId,
};
pub use predecessor::{JournalPlace, JournalledBatches};
pub use producer_state::{ActiveProducer, AppendOrigin};
pub use read::{DiskRead, ReadPlan};
pub use resume_point::TakenPoint;

// What a stopped log's files are made of, for who checks them.
pub(crate) use aborted::AbortedTransactions;
pub(crate) use file_names::{
    CLEANED, DELETED, FOLDER_STRAY, FileKind, LEADER_EPOCHS, PARTITION_METADATA, PREDECESSOR, SWAP,
    TRUNCATION,
};
pub(crate) use leader_epochs::LeaderEpochs;
pub(crate) use offset_index::{ENTRY_BYTES as OFFSET_ENTRY_BYTES, OffsetIndex};
pub(crate) use predecessor::decode_predecessor;
pub(crate) use producer_state::ended_transaction;
pub(crate) use resume_point::end_of_resume_point;
pub(crate) use scan::check_header_order;
pub(crate) use snapshot::decode_snapshot;
pub(crate) use time_index::{ENTRY_BYTES as TIME_ENTRY_BYTES, TimeIndex};
pub(crate) use write::{END_MARKER_BYTES, end_marker};
