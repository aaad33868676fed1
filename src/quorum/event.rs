//! What the quorum tells, and what it asks of others.

use std::time::Duration;

use bytes::Bytes;

use crate::log::storage::StorageFailure;
use crate::model::{BrokerId, LeaderEpoch, NodeAddress, Offset, TimestampMs};
use crate::protocol::AnyRequest;

use super::control::VoterEndpoint;
use super::request::{QuorumResponse, QuorumToken};
use super::snapshot::{SnapshotContents, SnapshotId};

/// Records of one batch, in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordBlock {
    /// The offset behind the last of them.
    pub end_offset: Offset,
    /// The epoch of the leader that appended them.
    pub epoch: LeaderEpoch,
    /// When they were appended.
    pub timestamp_ms: TimestampMs,
    /// Their values.
    pub values: Vec<Bytes>,
    /// The bytes that they take in the log.
    pub size_bytes: u64,
}

/// Records that take more room than can be committed at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BatchTooLarge {
    /// What they take.
    pub size_bytes: usize,
    /// What one batch may take.
    pub bytes_max: usize,
}

/// Why the quorum cannot go on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum QuorumFailure {
    /// The disk failed.
    Storage(StorageFailure),
    /// What is on the disk cannot be used; the text says what, and where.
    Unusable(String),
}

/// Something that happened in the quorum.
#[derive(Clone, Debug, PartialEq)]
pub enum QuorumEvent {
    /// The state begins with this snapshot, before all records. It may come again while another
    /// node leads, and then the state begins anew.
    Snapshot {
        id: SnapshotId,
        contents: SnapshotContents,
    },
    /// Committed records that this node did not append as the leader that it is, in their order.
    Records(RecordBlock),
    /// What can be known without others was told, and nothing was changed yet:
    /// [`super::Quorum::begin`] goes on.
    Loaded,
    /// This node leads the new epoch and may append; all before was told, and its first record will
    /// be at this offset.
    Elected {
        epoch: LeaderEpoch,
        next_offset: Offset,
    },
    /// This node leads no more: what it appended and was not told to be committed is void. It goes
    /// on with [`super::Quorum::tell_from`].
    Unseated,
    /// Who leads the epoch, and where it is reached, the listener first that nodes use.
    LeaderChanged {
        epoch: LeaderEpoch,
        leader: Option<(BrokerId, Vec<VoterEndpoint>)>,
    },
    /// Every record below this offset is committed; told to a leader only.
    Committed { end_offset: Offset },
    /// The answer to a request.
    Answer {
        token: QuorumToken,
        response: Box<QuorumResponse>,
    },
    /// The snapshot is on the disk.
    SnapshotWritten { id: SnapshotId },
    /// The disk has no room for the snapshot that was to be written.
    SnapshotLacksSpace(StorageFailure),
    /// Nothing more can be done.
    Failed(QuorumFailure),
    /// All files are as a clean stop leaves them.
    Closed,
}

/// A request to another node, which is answered by [`super::Quorum::on_outcome`].
#[derive(Clone, Debug)]
pub struct QuorumOutgoing {
    /// Names it.
    pub id: u64,
    /// Whom it is for.
    pub to: NodeAddress,
    /// What is asked.
    pub request: AnyRequest,
    /// How long an answer is waited for.
    pub timeout: Duration,
}
