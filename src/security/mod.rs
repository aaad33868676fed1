//! Who may do what.
//!
//! Owns: principals, access control entries and the set of them ([`AclSet`]), the decision
//! ([`Access`]), the operations that exist for each kind of resource.
//! Promises: the decisions of Apache Kafka's `StandardAuthorizer`; without an authorizer everybody
//! may do everything, at the cost of one comparison.
//! Knows nothing of: connections, requests, where the entries are kept.
//! Start at [`Access`].

mod acl;
mod acl_set;
mod authorizer;
mod filter;
mod operations;

#[cfg(test)]
mod tests;

pub use acl::{Acl, PatternType, Permission, ResourceType};
pub use acl_set::AclSet;
pub use authorizer::{
    Access, Authorizer, CLUSTER_NAME, Client, Principal, host_text, refusal_text,
};
pub use filter::{AclFilter, FilterCodes, PatternFilter, Wanted};
pub use operations::{AuthorizedOperations, NOT_ASKED, Operation};
