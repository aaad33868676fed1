//! The decision.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use ::core::net::IpAddr;

use crate::config::AuthorizerConfig;
use crate::model::ErrorCode;
use crate::stdx::{HashSet, new_set};

use super::acl::{PatternType, Permission, ResourceType};
use super::acl_set::AclSet;
use super::operations::{AuthorizedOperations, Operation};

/// In an entry, the name of every resource and the address of every client.
pub(super) const WILDCARD: &str = "*";

/// In an entry, everybody.
const EVERYBODY: &str = "User:*";

/// The name of the one resource of the type [`ResourceType::Cluster`].
pub const CLUSTER_NAME: &str = "kafka-cluster";

/// A name for the question whether somebody may do something with any topic at all. It is
/// Kafka's, and shows in what entries about this very name decide.
const ANY_NAME: &str = "hardcode";

/// What a person is told who may not do something, in the words of Kafka's own tools.
#[must_use]
pub const fn refusal_text(error: ErrorCode) -> &'static str {
    match error {
        ErrorCode::TopicAuthorizationFailed => "Topic authorization failed.",
        ErrorCode::GroupAuthorizationFailed => "Group authorization failed.",
        ErrorCode::ClusterAuthorizationFailed => "Cluster authorization failed.",
        ErrorCode::TransactionalIdAuthorizationFailed => "Transactional Id authorization failed.",
        _ => "Authorization failed.",
    }
}

/// Somebody, as `TYPE:NAME`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Principal(Arc<str>);

impl Principal {
    /// Whoever connects without saying who it is.
    #[must_use]
    pub fn anonymous() -> Self {
        Self(Arc::from("User:ANONYMOUS"))
    }

    /// The user called `name`.
    #[must_use]
    pub fn user(name: &str) -> Self {
        Self::new("User", name)
    }

    /// Who is called `name` among those of a `kind`, of which Apache Kafka itself has users only.
    #[must_use]
    pub fn new(kind: &str, name: &str) -> Self {
        Self(Arc::from(format!("{kind}:{name}")))
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Who is on the other side of a connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Client {
    /// Who it is.
    pub principal: Principal,
    /// Where it connects from, in the form of [`host_text`].
    pub host: String,
}

impl Client {
    /// Somebody unknown who connects from `address`.
    #[must_use]
    pub fn anonymous(address: IpAddr) -> Self {
        Self {
            principal: Principal::anonymous(),
            host: host_text(address),
        }
    }
}

/// An address as entries name it, which is as Java writes it: without `::` in version 6.
#[must_use]
pub fn host_text(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let groups = address.segments().map(|group| format!("{group:x}"));
            groups.join(":")
        }
    }
}

/// What the decision rests on beside the entries: Kafka's `StandardAuthorizer` as it is set up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Authorizer {
    super_users: BTreeSet<String>,
    allows_without_acls: bool,
}

impl Authorizer {
    /// The authorizer of a broker with these settings.
    #[must_use]
    pub fn new(config: &AuthorizerConfig) -> Self {
        Self {
            super_users: config.super_users.iter().cloned().collect(),
            allows_without_acls: config.allow_everyone_if_no_acl_found,
        }
    }
}

/// What one client may do.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a>(Option<Subject<'a>>);

/// Why a question is asked. It decides at which level the answer is written to the log, as Apache
/// Kafka's `kafka.authorizer.logger` does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Purpose {
    /// Somebody wants to do just this: who may not is worth a line.
    Attempt,
    /// Something else may allow the same, or what may not be seen is left out.
    Filter,
    /// Somebody wants to know what it may do.
    Listing,
}

/// Who asks, and what decides.
#[derive(Clone, Copy, Debug)]
struct Subject<'a> {
    authorizer: &'a Authorizer,
    acls: &'a AclSet,
    client: &'a Client,
}

impl<'a> Access<'a> {
    /// What `client` may do by these entries; without an authorizer everything.
    #[must_use]
    pub fn new(authorizer: Option<&'a Authorizer>, acls: &'a AclSet, client: &'a Client) -> Self {
        Self(authorizer.map(|authorizer| Subject {
            authorizer,
            acls,
            client,
        }))
    }

    /// True if there is an authorizer: something may be refused.
    #[must_use]
    pub const fn is_controlled(&self) -> bool {
        self.0.is_some()
    }

    /// True if the client may do this with the resource of this type and name.
    #[must_use]
    pub fn allows(&self, operation: Operation, resource_type: ResourceType, name: &str) -> bool {
        self.decide(Purpose::Attempt, operation, resource_type, name)
    }

    /// The same where a denial is not an attempt that failed: something else may allow the same,
    /// or what the client may not see is left out of an answer.
    #[must_use]
    pub fn would_allow(
        &self,
        operation: Operation,
        resource_type: ResourceType,
        name: &str,
    ) -> bool {
        self.decide(Purpose::Filter, operation, resource_type, name)
    }

    fn decide(
        &self,
        purpose: Purpose,
        operation: Operation,
        resource_type: ResourceType,
        name: &str,
    ) -> bool {
        self.0
            .as_ref()
            .is_none_or(|subject| subject.decide(purpose, operation, resource_type, name))
    }

    /// True if the client may do this with the topic.
    #[must_use]
    pub fn allows_topic(&self, operation: Operation, name: &str) -> bool {
        self.allows(operation, ResourceType::Topic, name)
    }

    /// True if the client may do this with the group.
    #[must_use]
    pub fn allows_group(&self, operation: Operation, name: &str) -> bool {
        self.allows(operation, ResourceType::Group, name)
    }

    /// True if the client may do this with the cluster.
    #[must_use]
    pub fn allows_cluster(&self, operation: Operation) -> bool {
        self.allows(operation, ResourceType::Cluster, CLUSTER_NAME)
    }

    /// As [`Access::would_allow`], with the cluster.
    #[must_use]
    pub fn would_allow_cluster(&self, operation: Operation) -> bool {
        self.would_allow(operation, ResourceType::Cluster, CLUSTER_NAME)
    }

    /// True if there may be a resource of this type with which the client may do this: some entry
    /// allows it that is not denied as a whole by another.
    #[must_use]
    pub fn allows_any(&self, operation: Operation, resource_type: ResourceType) -> bool {
        match &self.0 {
            None => true,
            Some(subject) => {
                subject.decide(Purpose::Filter, operation, resource_type, ANY_NAME)
                    || subject.is_allowed_some(operation, resource_type)
            }
        }
    }

    /// What the client may do with the resource.
    #[must_use]
    pub fn operations(&self, resource_type: ResourceType, name: &str) -> AuthorizedOperations {
        let allowed = resource_type
            .operations()
            .iter()
            .filter(|operation| self.decide(Purpose::Listing, **operation, resource_type, name));
        allowed.fold(0, |set, operation| set | operation.bit())
    }

    /// What the client may do with the cluster: nothing that it is told unless it may see it.
    #[must_use]
    pub fn cluster_operations(&self) -> AuthorizedOperations {
        if self.allows_cluster(Operation::Describe) {
            self.operations(ResourceType::Cluster, CLUSTER_NAME)
        } else {
            0
        }
    }
}

impl Subject<'_> {
    /// The decision, written to the log.
    fn decide(
        &self,
        purpose: Purpose,
        operation: Operation,
        resource_type: ResourceType,
        name: &str,
    ) -> bool {
        macro_rules! tell {
            ($level:ident, $told:literal) => {{
                let Client { principal, host } = self.client;
                tracing::$level!(%principal, host, ?operation, ?resource_type, name, $told);
            }};
        }
        let is_allowed = self.allows(operation, resource_type, name);
        match (is_allowed, purpose) {
            (false, Purpose::Attempt) => tell!(info, "denied"),
            (false, Purpose::Filter | Purpose::Listing) => tell!(trace, "denied"),
            (true, Purpose::Attempt | Purpose::Filter) => tell!(debug, "allowed"),
            (true, Purpose::Listing) => tell!(trace, "allowed"),
        }
        is_allowed
    }

    fn allows(&self, operation: Operation, resource_type: ResourceType, name: &str) -> bool {
        if self.is_super_user() {
            return true;
        }
        let (mut has_acls, mut is_allowed) = (false, false);
        for acl in self.acls.about(resource_type, name) {
            has_acls = true;
            if !self.is_meant(&acl.principal, &acl.host) {
                continue;
            }
            match acl.permission {
                Permission::Deny if acl.operation.covers(operation) => return false,
                Permission::Allow if acl.operation.implies(operation) => is_allowed = true,
                Permission::Deny | Permission::Allow => {}
            }
        }
        is_allowed || (!has_acls && self.authorizer.allows_without_acls)
    }

    /// True if an entry allows the operation by name or prefix and no other denies all that it
    /// allows. Implied operations do not count here, as in Kafka.
    fn is_allowed_some(&self, operation: Operation, resource_type: ResourceType) -> bool {
        let (mut denied_names, mut denied_prefixes) = (new_set(), new_set());
        let mut allowed = Vec::new();
        let meant = self.acls.about_type(resource_type).filter(|acl| {
            self.is_meant(&acl.principal, &acl.host) && acl.operation.covers(operation)
        });
        for acl in meant {
            let name = acl.resource_name.as_str();
            match (acl.permission, acl.pattern_type) {
                (Permission::Deny, PatternType::Literal) if name == WILDCARD => return false,
                (Permission::Deny, PatternType::Literal) => _ = denied_names.insert(name),
                (Permission::Deny, PatternType::Prefixed) => _ = denied_prefixes.insert(name),
                (Permission::Allow, pattern) => allowed.push((pattern, name)),
            }
        }
        allowed.iter().any(|(pattern, name)| match pattern {
            PatternType::Literal if *name == WILDCARD => true,
            PatternType::Literal => {
                !denied_names.contains(name) && !has_prefix_in(name, &denied_prefixes)
            }
            PatternType::Prefixed => !has_prefix_in(name, &denied_prefixes),
        })
    }

    fn is_super_user(&self) -> bool {
        self.authorizer
            .super_users
            .contains(&*self.client.principal.0)
    }

    fn is_meant(&self, principal: &str, host: &str) -> bool {
        (principal == EVERYBODY || *principal == *self.client.principal.0)
            && (host == WILDCARD || host == self.client.host)
    }
}

/// True if a beginning of `name`, or all of it, is among `prefixes`.
fn has_prefix_in(name: &str, prefixes: &HashSet<&str>) -> bool {
    !prefixes.is_empty()
        && name
            .char_indices()
            .any(|(at, letter)| prefixes.contains(&name[..at + letter.len_utf8()]))
}
