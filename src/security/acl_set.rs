//! The entries of a cluster, found by the resources that they are about.

use std::sync::Arc;

use crate::model::Uuid;
use crate::stdx::SharedMap;

use super::acl::{Acl, PatternType, ResourceType};
use super::authorizer::WILDCARD;

/// The entries about one name, sorted, so that equal sets are equal however they came to be.
type Entries = Arc<Vec<Arc<Acl>>>;

/// The entries about resources of one type.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct OfType {
    literal: SharedMap<Arc<str>, Entries>,
    prefixed: SharedMap<Arc<str>, Entries>,
}

impl OfType {
    fn of_pattern_mut(&mut self, pattern: PatternType) -> &mut SharedMap<Arc<str>, Entries> {
        match pattern {
            PatternType::Literal => &mut self.literal,
            PatternType::Prefixed => &mut self.prefixed,
        }
    }

    const fn of_pattern(&self, pattern: PatternType) -> &SharedMap<Arc<str>, Entries> {
        match pattern {
            PatternType::Literal => &self.literal,
            PatternType::Prefixed => &self.prefixed,
        }
    }
}

/// How many types of resources there are.
const TYPES: usize = 6;

/// The entries of a cluster. A copy shares its parts with the original.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AclSet {
    by_id: SharedMap<Uuid, Arc<Acl>>,
    by_type: [OfType; TYPES],
}

impl AclSet {
    /// How many entries there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.by_id.len()
    }

    /// True if there is no entry.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Every entry with its id.
    pub fn iter(&self) -> impl Iterator<Item = (&Uuid, &Arc<Acl>)> {
        self.by_id.iter()
    }

    /// True if `acl` is in the set, under whatever id.
    #[must_use]
    pub fn contains(&self, acl: &Acl) -> bool {
        let names = self.of_type(acl.resource_type).of_pattern(acl.pattern_type);
        names
            .get(acl.resource_name.as_str())
            .is_some_and(|entries| entries.binary_search_by(|entry| (**entry).cmp(acl)).is_ok())
    }

    /// Take in `acl` as `id`; false, and nothing is done, if the id is taken.
    pub fn insert(&mut self, id: Uuid, acl: Acl) -> bool {
        if self.by_id.contains_key(&id) {
            return false;
        }
        let acl = Arc::new(acl);
        let names = self.names_mut(&acl);
        match names.get_mut(acl.resource_name.as_str()) {
            Some(entries) => {
                let entries = Arc::make_mut(entries);
                let place = entries.partition_point(|entry| **entry < *acl);
                entries.insert(place, Arc::clone(&acl));
            }
            None => {
                let name = Arc::from(acl.resource_name.as_str());
                names.insert(name, Arc::new(vec![Arc::clone(&acl)]));
            }
        }
        self.by_id.insert(id, acl);
        true
    }

    /// Take the entry `id` out.
    pub fn remove(&mut self, id: Uuid) -> Option<Arc<Acl>> {
        let acl = self.by_id.remove(&id)?;
        let names = self.names_mut(&acl);
        let name = acl.resource_name.as_str();
        if let Some(entries) = names.get_mut(name) {
            let entries = Arc::make_mut(entries);
            if let Ok(place) = entries.binary_search(&acl) {
                entries.remove(place);
            }
            if entries.is_empty() {
                names.remove(name);
            }
        }
        Some(acl)
    }

    /// The entries that are about the resource `name`: by its name, by `*`, or by a prefix of its
    /// name. Costs lookups, one for each such prefix and each that looked like one.
    pub fn about<'a>(
        &'a self,
        resource_type: ResourceType,
        name: &'a str,
    ) -> impl Iterator<Item = &'a Acl> {
        let names = self.of_type(resource_type);
        let own = names.literal.get(name);
        let all = names.literal.get(WILDCARD).filter(|_| name != WILDCARD);
        let prefixed = Prefixes {
            names: &names.prefixed,
            bound: Some(name),
            name,
        };
        own.into_iter()
            .chain(all)
            .chain(prefixed)
            .flat_map(|entries| entries.iter().map(|entry| &**entry))
    }

    /// The entries about any resource of this type.
    pub fn about_type(&self, resource_type: ResourceType) -> impl Iterator<Item = &Acl> {
        let names = self.of_type(resource_type);
        let entries = names.literal.values().chain(names.prefixed.values());
        entries.flat_map(|entries| entries.iter().map(|entry| &**entry))
    }

    fn names_mut(&mut self, acl: &Acl) -> &mut SharedMap<Arc<str>, Entries> {
        self.by_type[place_of(acl.resource_type)].of_pattern_mut(acl.pattern_type)
    }

    const fn of_type(&self, resource_type: ResourceType) -> &OfType {
        &self.by_type[place_of(resource_type)]
    }
}

/// Where the entries of a type are kept.
const fn place_of(resource_type: ResourceType) -> usize {
    match resource_type {
        ResourceType::Topic => 0,
        ResourceType::Group => 1,
        ResourceType::Cluster => 2,
        ResourceType::TransactionalId => 3,
        ResourceType::DelegationToken => 4,
        ResourceType::User => 5,
    }
}

/// The entries whose name is a prefix of `name`, the longest first.
struct Prefixes<'a> {
    names: &'a SharedMap<Arc<str>, Entries>,
    name: &'a str,
    /// A prefix of `name`; those that are longer have been looked at.
    bound: Option<&'a str>,
}

impl<'a> Iterator for Prefixes<'a> {
    type Item = &'a Entries;

    fn next(&mut self) -> Option<&'a Entries> {
        while let Some(bound) = self.bound {
            let (candidate, entries) = self.names.last_up_to(bound)?;
            if self.name.starts_with(&**candidate) {
                self.bound = candidate
                    .char_indices()
                    .next_back()
                    .map(|(last, _)| &self.name[..last]);
                return Some(entries);
            }
            // Every prefix that sorts before the candidate is no longer than what both share.
            self.bound = Some(shared_beginning(self.name, candidate));
        }
        None
    }
}

/// What two texts begin with.
fn shared_beginning<'a>(one: &'a str, other: &str) -> &'a str {
    let characters = one.char_indices().zip(other.chars());
    let mut end = 0;
    for ((at, a), b) in characters {
        if a != b {
            break;
        }
        end = at + a.len_utf8();
    }
    &one[..end]
}
