//! The place of one shard's write-ahead journal: group commit over all its partitions, replay.
//!
//! There is none yet. Until there is, each partition's appends are written to its segment and
//! synced there before they are acknowledged.
