//! What can be done, and the form in which answers tell what somebody may do.

use super::acl::{ResourceType, codes};

/// A set of operations, one bit for each operation's number (KIP-430).
pub type AuthorizedOperations = i32;

/// The place of the set in answers to clients that did not ask for it.
pub const NOT_ASKED: AuthorizedOperations = i32::MIN;

codes! {
    /// Something that can be done with a resource.
    pub enum Operation {
        /// Every operation, those to come included. Nobody asks for it; entries name it.
        All = 2,
        /// Read records; use a group.
        Read = 3,
        /// Write records; use a transactional id.
        Write = 4,
        /// Create topics.
        Create = 5,
        /// Delete topics, records, groups.
        Delete = 6,
        /// Change topics; change entries.
        Alter = 7,
        /// See that something exists.
        Describe = 8,
        /// What brokers ask of each other.
        ClusterAction = 9,
        /// See settings.
        DescribeConfigs = 10,
        /// Change settings.
        AlterConfigs = 11,
        /// Produce with a producer id to any topic.
        IdempotentWrite = 12,
        /// Create delegation tokens.
        CreateTokens = 13,
        /// See delegation tokens.
        DescribeTokens = 14,
        /// Begin transactions that are committed in two phases (KIP-939).
        TwoPhaseCommit = 15,
    }
}

impl Operation {
    /// This operation's bit in [`AuthorizedOperations`].
    #[must_use]
    pub const fn bit(self) -> AuthorizedOperations {
        1 << self.code()
    }

    /// True if who is allowed this operation is allowed `asked` by it: whoever may change or use
    /// something may see it. A denial implies nothing.
    #[must_use]
    pub const fn implies(self, asked: Self) -> bool {
        match asked {
            Self::Describe => matches!(
                self,
                Self::All | Self::Describe | Self::Read | Self::Write | Self::Delete | Self::Alter
            ),
            Self::DescribeConfigs => {
                matches!(self, Self::All | Self::DescribeConfigs | Self::AlterConfigs)
            }
            _ => self.covers(asked),
        }
    }

    /// True if `asked` is this operation, or this is all of them.
    #[must_use]
    pub const fn covers(self, asked: Self) -> bool {
        matches!(self, Self::All) || self as i8 == asked as i8
    }
}

impl ResourceType {
    /// Every operation that exists for a resource of this type, of those that answers tell of.
    #[must_use]
    pub const fn operations(self) -> &'static [Operation] {
        use Operation::*;
        match self {
            Self::Topic => &[
                Read,
                Write,
                Create,
                Delete,
                Alter,
                Describe,
                DescribeConfigs,
                AlterConfigs,
            ],
            Self::Group => &[Read, Delete, Describe, DescribeConfigs, AlterConfigs],
            Self::Cluster => &[
                Create,
                Alter,
                Describe,
                ClusterAction,
                DescribeConfigs,
                AlterConfigs,
                IdempotentWrite,
            ],
            Self::TransactionalId => &[Describe, Write, TwoPhaseCommit],
            Self::DelegationToken => &[Describe],
            Self::User => &[CreateTokens, DescribeTokens],
        }
    }
}
