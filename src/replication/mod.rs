//! The roles of a replica: what a leader knows of its partition and of its followers, and what a
//! follower asks of its leader and makes of the answer; and the fetches of all followers of one
//! leader.
//!
//! Owns: the leader epoch and the high watermark, the in-sync set and the changes of it that a
//! leader proposes, what makes a record safe enough, and the sessions in which leaders are asked.
//! Promises: the high watermark never goes back within a leader epoch, and what is below it is
//! safe on every replica that may be in sync: synced, or where the topic asks for no more, in
//! memory. A follower whose answers are acted upon as told has, below its high watermark, what the
//! leader has.
//! Knows nothing of: the log's files, connections, clients.
//! Lives on: the shard that owns the partition. Start at [`Role`], or at [`Fetcher`].

mod catching_up;
mod fetch_session;
mod fetcher;
mod follower;
mod in_sync;
mod leader;
mod progress;
mod quota;
mod role;
mod safety;

#[cfg(test)]
mod tests;

pub use fetcher::{FetchRules, FetchWish, Fetcher, FetcherAnswer, FetcherRequest};
pub use follower::{FetchAnswer, FetchPosition, Follower, FollowerStep, ReplicaLog};
pub use in_sync::{IsrOutcome, IsrProposal, ProposalNumber};
pub use leader::{Leader, LeaderRules, LeaderTerm, ReplicaFetch};
pub use quota::{QuotaRules, ReplicationQuota};
pub use role::Role;
pub use safety::Safety;
