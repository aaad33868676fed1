//! One access control entry: who, from where, may or may not do what with which resource.

use super::operations::Operation;

/// An enumeration with Kafka's number for each variant; a number without one is unknown.
macro_rules! codes {
    ($(#[$meta:meta])* pub enum $name:ident {
        $($(#[$variant_meta:meta])* $variant:ident = $code:literal,)*
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[repr(i8)]
        pub enum $name {
            $($(#[$variant_meta])* $variant = $code,)*
        }

        impl $name {
            /// What has Kafka's number `code`.
            #[must_use]
            pub const fn from_code(code: i8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// Kafka's number of it.
            #[must_use]
            pub const fn code(self) -> i8 {
                self as i8
            }
        }
    };
}
pub(super) use codes;

codes! {
    /// A kind of thing that entries are about.
    pub enum ResourceType {
        /// A topic.
        Topic = 2,
        /// A group.
        Group = 3,
        /// The cluster; there is one, called [`super::CLUSTER_NAME`].
        Cluster = 4,
        /// The name of a transactional producer.
        TransactionalId = 5,
        /// A delegation token.
        DelegationToken = 6,
        /// Somebody for whom tokens are made.
        User = 7,
    }
}

codes! {
    /// How the name in an entry stands for the names of resources.
    pub enum PatternType {
        /// For itself; `*` for every name.
        Literal = 3,
        /// For every name that begins with it (KIP-290).
        Prefixed = 4,
    }
}

codes! {
    /// What an entry says.
    pub enum Permission {
        /// No, whatever others say.
        Deny = 2,
        /// Yes, unless another denies it.
        Allow = 3,
    }
}

/// An access control entry.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Acl {
    /// The kind of resource.
    pub resource_type: ResourceType,
    /// How the name stands for resources.
    pub pattern_type: PatternType,
    /// The name.
    pub resource_name: String,
    /// Who, such as `User:alice`; `User:*` is everybody.
    pub principal: String,
    /// From which address; `*` is any.
    pub host: String,
    /// What.
    pub operation: Operation,
    /// Whether it may be done.
    pub permission: Permission,
}
