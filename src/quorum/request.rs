//! What other nodes, and operators, ask the quorum.

use crate::model::{BrokerId, Uuid};
use crate::protocol::AnyResponse;
use crate::protocol::messages::{
    AddRaftVoterRequest, BeginQuorumEpochRequest, DescribeClusterRequest, DescribeQuorumRequest,
    EndQuorumEpochRequest, FetchRequest, FetchSnapshotRequest, RemoveRaftVoterRequest,
    UpdateRaftVoterRequest, VoteRequest,
};
use crate::stdx::Instant;

/// Names a request for the one who made it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct QuorumToken(pub u64);

/// A request, and what its answer depends on beside it.
#[derive(Clone, Debug)]
pub struct QuorumRequest {
    /// What is asked.
    pub call: QuorumCall,
    /// The version that the asker speaks.
    pub version: i16,
    /// The listener that it came by: the leader is named by its address on this one.
    pub listener: String,
    /// When it came.
    pub received_at: Instant,
}

/// What is asked.
#[derive(Clone, Debug)]
pub enum QuorumCall {
    /// The metadata log from an offset on.
    Fetch(FetchRequest),
    /// A part of a snapshot.
    FetchSnapshot(FetchSnapshotRequest),
    /// Who leads, who votes, who follows.
    DescribeQuorum(DescribeQuorumRequest),
    /// Where the controllers are, and which of them leads.
    DescribeCluster(DescribeClusterRequest),
    /// A vote, for an election or for a try.
    Vote(VoteRequest),
    /// A node says that it leads.
    BeginQuorumEpoch(BeginQuorumEpochRequest),
    /// A leader says that it leads no more.
    EndQuorumEpoch(EndQuorumEpochRequest),
    /// A node gets a vote.
    AddRaftVoter(AddRaftVoterRequest),
    /// A node loses its vote.
    RemoveRaftVoter(RemoveRaftVoterRequest),
    /// A voter is reached elsewhere.
    UpdateRaftVoter(UpdateRaftVoterRequest),
}

/// The answer.
pub type QuorumResponse = AnyResponse;

/// A node and its metadata log directory: a disk that was swapped is another replica.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ReplicaKey {
    /// The node.
    pub id: BrokerId,
    /// The directory's id, zero where the node did not say.
    pub directory_id: Uuid,
}
