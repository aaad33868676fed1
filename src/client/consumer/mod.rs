//! Consuming: records in the order of their partitions, and a place in a group.
//!
//! Owns: positions and the fetching from leaders ([`Fetcher`]), membership of a classic group with
//! its committed offsets ([`Membership`]), the assignment of partitions to members
//! ([`assign_ranges`]).
//! Promises: records of a partition come in order, each once, from the position on; a batch whose
//! checksum does not match its bytes is never delivered.
//! Knows nothing of: connections; transactions (it reads uncommitted records as well).
//! Start at [`Fetcher`].

mod assignment;
mod fetcher;
mod membership;

#[cfg(test)]
mod tests;

pub use assignment::assign_ranges;
pub use fetcher::{
    ConsumedRecord, FetchFailure, FetchFailureReason, FetchSettings, Fetched, Fetcher, Start,
};
pub use membership::{GroupEvent, Membership, MembershipSettings};
