//! The state machine of a node in a `KRaft` quorum: elections, and the replication of the log.
//!
//! Owns: the epoch, the vote, the role, what a leader knows of its voters, the high watermark.
//! Promises: a node votes once in an epoch, and says nothing of a vote or an epoch before that is
//! on its disk; one leader at most in each epoch; what is below the high watermark stays,
//! whoever votes.
//! Knows nothing of: disks, connections, clocks, the wire. It asks for all of that by [`Output`]s,
//! which are to be done in their order: what follows an [`Output::Persist`] waits until it is done.
//! Lives on: shard 0, inside of the quorum. Start at [`Raft`].

mod answering;
mod asking;
mod changing;
mod replicating;
mod state;
mod timers;
mod vocabulary;

#[cfg(test)]
mod behaviour;
#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod toy_log;

pub use state::{Raft, Role};
pub use timers::{Timeouts, Timers};
pub use vocabulary::{
    ChangeRefusal, EpochAnswer, FetchAnswer, FetchAsk, FetchFound, FetchVerdict, LogEnd, LogView,
    Output, Refusal, Request, Target, Timer, VoteAnswer, VoteAsk, Voting,
};
