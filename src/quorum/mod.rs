//! `KRaft`: elections, and the metadata log and its replication.
//!
//! Owns: `__cluster_metadata-0` with its log, snapshots and `quorum-state`; the epoch; who votes.
//! Promises: an epoch is on the disk before it is used and never used twice; records are told
//! committed only when they are durable where they have to be, and are never taken back; a snapshot
//! that is not whole is never used.
//! Knows nothing of: what the records mean, connections: it says what is to be asked of whom.
//! Lives on: shard 0, inside of `metadata`. Start at [`Quorum`], which drives the state machine in
//! [`raft`].

mod asking;
mod changing;
mod control;
mod core;
mod describing;
mod downloads;
mod election;
mod enrolling;
mod event;
mod fetching;
mod kept_snapshots;
mod machine;
pub mod raft;
mod replay;
mod replicas;
mod request;
mod rewriting;
mod serving;
mod settings;
mod snapshot;
mod snapshot_fetching;
mod state;
mod telling;
mod timing;
mod upgrading;
mod view;
mod voters;
mod wire;

#[cfg(test)]
mod tests;

pub use self::core::Quorum;
pub(crate) use control::ControlRecord;
pub use control::{Voter, VoterEndpoint};
pub use event::{BatchTooLarge, QuorumEvent, QuorumFailure, QuorumOutgoing, RecordBlock};
pub use request::{QuorumCall, QuorumRequest, QuorumResponse, QuorumToken, ReplicaKey};
pub(crate) use settings::metadata_log_config;
pub use settings::{METADATA_FOLDER, Membership, QuorumSettings, QuorumTimeouts};
pub use snapshot::{SnapshotContents, SnapshotId, decode_snapshot, encode_snapshot};
pub use state::ElectionState;
pub(crate) use state::FILE_NAME as ELECTION_STATE;
