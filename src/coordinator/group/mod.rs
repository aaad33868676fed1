//! Groups of the classic protocol and the offsets that groups commit.
//!
//! Owns: all groups of one partition of `__consumer_offsets`: their members, generations and
//! assignments, their offsets, every timeout of theirs, and which requests wait for what.
//! Promises: answers and records are those of Apache Kafka 4.3; an answer that stands for a record
//! waits until the record is committed; reads see committed offsets only; replaying the records
//! gives the state again; records of other kinds of groups are kept as they are.
//! Knows nothing of: the log that keeps the records, connections, authorization.
//! Lives on: the shard that leads the partition. Start at [`GroupCoordinator`].

mod commit;
mod coordinator;
mod delete;
mod describe;
mod expiration;
mod fetch;
mod group_entry;
mod java;
mod join;
mod kept;
mod leave;
mod member;
mod membership;
mod offsets;
mod output;
mod rebalance;
mod records;
mod replay;
mod request;
mod settings;
mod subscription;
mod sync;
mod timers;
mod tombstones;
mod writes;

use std::sync::Arc;

pub use coordinator::GroupCoordinator;
pub use fetch::{merge_offset_fetch, refuse_offset_fetch, split_offset_fetch};
pub use java::partition_for;
pub use output::{CoordinatorRecord, Output, RequestToken, Write, WriteToken};
pub use replay::ReplayedRecord;
pub use request::{GroupRequest, GroupResponse, RequestContext};
pub use settings::GroupSettings;

/// A group's id.
type GroupId = Arc<str>;

/// A member's id, made up by the coordinator.
type MemberId = Arc<str>;
