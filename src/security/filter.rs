//! Which entries a request is about.

use super::acl::{Acl, PatternType, Permission, ResourceType};
use super::authorizer::WILDCARD;
use super::operations::Operation;

/// Which values of one field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wanted<T> {
    /// All.
    Any,
    /// This one.
    Only(T),
    /// One that does not exist here.
    Unknown,
}

impl<T: Copy + PartialEq> Wanted<T> {
    fn from_code(code: i8, known: impl Fn(i8) -> Option<T>) -> Self {
        match (code, known(code)) {
            (FilterCodes::ANY, _) => Self::Any,
            (_, Some(value)) => Self::Only(value),
            (_, None) => Self::Unknown,
        }
    }

    fn matches(self, value: T) -> bool {
        match self {
            Self::Any => true,
            Self::Only(wanted) => wanted == value,
            Self::Unknown => false,
        }
    }
}

/// How the name in a filter is compared with those of entries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PatternFilter {
    /// The name is the same, however it stands for resources.
    Any,
    /// The entry is about the resource of this name.
    Match,
    /// The name is the same and stands for resources in this way.
    Only(PatternType),
    /// In a way that does not exist here.
    Unknown,
}

/// Which entries a request is about.
#[derive(Clone, Copy, Debug)]
pub struct AclFilter<'a> {
    /// Of which type of resource.
    pub resource_type: Wanted<ResourceType>,
    /// About which name; `None` for any.
    pub resource_name: Option<&'a str>,
    /// How the name is compared.
    pub pattern: PatternFilter,
    /// For whom; `None` for anybody.
    pub principal: Option<&'a str>,
    /// From which address; `None` for any.
    pub host: Option<&'a str>,
    /// About which operation.
    pub operation: Wanted<Operation>,
    /// That say what.
    pub permission: Wanted<Permission>,
}

/// The numbers of a filter on the wire.
#[derive(Clone, Copy, Debug)]
pub struct FilterCodes {
    /// Of the type of resource.
    pub resource_type: i8,
    /// Of the way in which names are compared.
    pub pattern_type: i8,
    /// Of the operation.
    pub operation: i8,
    /// Of the permission.
    pub permission: i8,
}

impl FilterCodes {
    /// In place of a number: any.
    pub const ANY: i8 = 1;
    /// In place of the way in which names are compared: see [`PatternFilter::Match`].
    pub const MATCH: i8 = 2;
}

impl<'a> AclFilter<'a> {
    /// The filter with these numbers that names a resource, a principal and a host.
    #[must_use]
    pub fn new(
        codes: FilterCodes,
        resource_name: Option<&'a str>,
        principal: Option<&'a str>,
        host: Option<&'a str>,
    ) -> Self {
        let pattern = match (
            codes.pattern_type,
            PatternType::from_code(codes.pattern_type),
        ) {
            (FilterCodes::ANY, _) => PatternFilter::Any,
            (FilterCodes::MATCH, _) => PatternFilter::Match,
            (_, Some(pattern)) => PatternFilter::Only(pattern),
            (_, None) => PatternFilter::Unknown,
        };
        Self {
            resource_type: Wanted::from_code(codes.resource_type, ResourceType::from_code),
            resource_name,
            pattern,
            principal,
            host,
            operation: Wanted::from_code(codes.operation, Operation::from_code),
            permission: Wanted::from_code(codes.permission, Permission::from_code),
        }
    }

    /// True if a field has a number that does not exist here.
    #[must_use]
    pub fn has_unknown(&self) -> bool {
        self.resource_type == Wanted::Unknown
            || self.pattern == PatternFilter::Unknown
            || self.operation == Wanted::Unknown
            || self.permission == Wanted::Unknown
    }

    /// True if the filter is about `acl`.
    #[must_use]
    pub fn matches(&self, acl: &Acl) -> bool {
        let is_same = |wanted: Option<&str>, value: &str| wanted.is_none_or(|name| name == value);
        self.resource_type.matches(acl.resource_type)
            && self.matches_pattern(acl)
            && is_same(self.principal, &acl.principal)
            && is_same(self.host, &acl.host)
            && self.operation.matches(acl.operation)
            && self.permission.matches(acl.permission)
    }

    fn matches_pattern(&self, acl: &Acl) -> bool {
        let Some(name) = self.resource_name else {
            return match self.pattern {
                PatternFilter::Any | PatternFilter::Match => true,
                PatternFilter::Only(pattern) => pattern == acl.pattern_type,
                PatternFilter::Unknown => false,
            };
        };
        match (self.pattern, acl.pattern_type) {
            (PatternFilter::Any, _) => name == acl.resource_name,
            (PatternFilter::Only(wanted), pattern) => {
                wanted == pattern && name == acl.resource_name
            }
            (PatternFilter::Match, PatternType::Literal) => {
                name == acl.resource_name || acl.resource_name == WILDCARD
            }
            (PatternFilter::Match, PatternType::Prefixed) => name.starts_with(&acl.resource_name),
            (PatternFilter::Unknown, _) => false,
        }
    }
}
