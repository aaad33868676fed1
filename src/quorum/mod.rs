//! `KRaft`: elections and the metadata log; for now of the quorum that is this node alone.
//!
//! Owns: `__cluster_metadata-0` with its log, snapshots and `quorum-state`; the epoch; who votes.
//! Promises: an epoch is on the disk before it is used and never used twice; records are told
//! committed only when they are durable; a snapshot that is not whole is never used.
//! Knows nothing of: what the records mean.
//! Lives on: shard 0, inside of `metadata`. Start at [`Quorum`]. [`raft`] decides among several
//! voters, and [`Quorum`] does not use it yet.

mod control;
mod core;
mod describing;
mod downloads;
mod election;
mod kept_snapshots;
pub mod raft;
mod replay;
mod replicas;
mod request;
mod serving;
mod snapshot;
mod state;

pub(crate) use self::core::metadata_log_config;
pub use self::core::{
    BatchTooLarge, METADATA_FOLDER, Quorum, QuorumEvent, QuorumFailure, QuorumSettings, RecordBlock,
};
pub(crate) use control::ControlRecord;
pub use control::{Voter, VoterEndpoint};
pub use request::{QuorumCall, QuorumRequest, QuorumResponse, QuorumToken, ReplicaKey};
pub use snapshot::{SnapshotContents, SnapshotId, decode_snapshot, encode_snapshot};
pub use state::ElectionState;
pub(crate) use state::FILE_NAME as ELECTION_STATE;
