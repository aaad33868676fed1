//! Conditions on the version.

use super::sizes::has_length;
use crate::schema::{Field, Message, Struct, Versions};

/// When a version of `outer` lies in `inner`; `None` for always.
pub fn inside(inner: Versions, outer: Versions) -> Option<String> {
    let (first, last) = inner;
    match (first > outer.0, last < outer.1) {
        (false, false) => None,
        (true, false) => Some(format!("version >= {first}")),
        (false, true) => Some(format!("version <= {last}")),
        (true, true) if first == last => Some(format!("version == {first}")),
        (true, true) => Some(format!("({first}..={last}).contains(&version)")),
    }
}

/// When a version of `outer` lies outside of `inner`; `None` for never.
pub fn outside(inner: Versions, outer: Versions) -> Option<String> {
    let (first, last) = inner;
    match (first > outer.0, last < outer.1) {
        (false, false) => None,
        (true, false) => Some(format!("version < {first}")),
        (false, true) => Some(format!("version > {last}")),
        (true, true) if first == last => Some(format!("version != {first}")),
        (true, true) => Some(format!("!({first}..={last}).contains(&version)")),
    }
}

/// The body, inside an `if` where there is a condition.
pub fn conditional(out: &mut String, when: Option<&str>, body: impl FnOnce(&mut String, usize)) {
    let Some(when) = when else {
        return body(out, 2);
    };
    line!(out, 2, "if {when} {{");
    body(out, 3);
    line!(out, 2, "}}");
}

/// The untagged fields in runs that the same versions have.
pub fn untagged_runs(one: &Struct) -> Vec<(Versions, Vec<&Field>)> {
    let mut runs: Vec<(Versions, Vec<&Field>)> = Vec::new();
    for field in one.fields.iter().filter(|field| field.tag.is_none()) {
        match runs.last_mut() {
            Some((versions, run)) if *versions == field.versions => run.push(field),
            _ => runs.push((field.versions, vec![field])),
        }
    }
    runs
}

/// The tagged fields in the order of their tags.
pub fn tagged_fields(one: &Struct) -> Vec<(u32, &Field)> {
    let fields = one.fields.iter();
    let tagged = fields.filter_map(|field| Some((field.tag?, field)));
    let mut tagged: Vec<_> = tagged.collect();
    tagged.sort_by_key(|(tag, _)| *tag);
    tagged
}

/// The versions in which the struct has tagged fields.
pub fn flexible_versions(message: &Message, one: &Struct) -> Option<Versions> {
    let since = message.flexible_since?.max(one.versions.0);
    (since <= one.versions.1).then_some((since, one.versions.1))
}

/// The variable that the expressions of [`super::fields::Context`] name.
pub fn flexible_variable(out: &mut String, message: &Message, one: &Struct) {
    let mut untagged = one.fields.iter().filter(|field| field.tag.is_none());
    if let Some(versions) = flexible_versions(message, one)
        && let Some(when) = inside(versions, one.versions)
        && untagged.any(has_length)
    {
        line!(out, 2, "let flexible = {when};");
    }
}
