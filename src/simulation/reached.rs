//! What a cluster went through: without it nothing would have been tried.

use std::collections::BTreeMap;

macro_rules! reached {
    ($($variant:ident $description:literal;)*) => {
        /// Something that a cluster came to.
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub enum Reached {
            $(#[doc = $description] $variant,)*
        }

        impl Reached {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// One line.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self {
                    $(Self::$variant => $description,)*
                }
            }
        }
    };
}

reached! {
    QuorumElection "a node leads the metadata quorum";
    PartitionElection "another broker leads a partition";
    NoLeader "nobody leads a partition";
    Shrunk "a replica is no longer in sync";
    Expanded "a replica is in sync again";
    UnderMinimum "fewer replicas are in sync than have to be";
    Fenced "a broker is fenced";
    Unfenced "the fence of a broker is lifted";
    ControlledShutdown "a broker tells that it is about to stop";
    Reassigned "the replicas of a partition are others";
    TopicDeleted "a topic is deleted";
    GroupMoved "a group goes on at another coordinator";
    Truncated "a follower gives up the end of its log";
    Returned "a replica is back where journals may have something of the one before";
}

/// How often each was come to.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ReachedCounts(BTreeMap<Reached, u64>);

impl ReachedCounts {
    /// Once more.
    pub fn add(&mut self, what: Reached) {
        *self.0.entry(what).or_default() += 1;
    }

    /// How often.
    #[must_use]
    pub fn count(&self, what: Reached) -> u64 {
        self.0.get(&what).copied().unwrap_or(0)
    }

    /// How often somebody was elected, of the quorum's voters or of a partition's replicas.
    #[must_use]
    pub fn elections(&self) -> u64 {
        self.count(Reached::QuorumElection) + self.count(Reached::PartitionElection)
    }

    /// Add what was counted elsewhere.
    pub fn merge(&mut self, other: &Self) {
        for (what, count) in &other.0 {
            *self.0.entry(*what).or_default() += count;
        }
    }
}
