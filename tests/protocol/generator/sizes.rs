//! How many bytes a field takes at least.

use crate::schema::{Base, Field, Message, Struct};

pub fn struct_bytes_min(message: &Message, one: &Struct) -> usize {
    let (first, last) = one.versions;
    let shortest = (first..=last).map(|version| {
        let fields = one.fields.iter().filter(|field| field.is_in(version));
        let untagged = fields.filter(|field| field.tag.is_none());
        let tags = usize::from(message.is_flexible(version));
        tags + untagged
            .map(|field| field_bytes_min(message, field, version))
            .sum::<usize>()
    });
    shortest.min().expect("a struct has a version")
}

pub fn field_bytes_min(message: &Message, field: &Field, version: i16) -> usize {
    let is_flexible = message.is_flexible(version) && !field.is_inflexible;
    match &field.base {
        _ if is_flexible && has_length(field) => 1,
        _ if field.is_array => 4,
        Base::String => 2,
        Base::Bytes | Base::Records => 4,
        Base::Struct(_) if field.nullable_since.is_some() => 1,
        Base::Struct(name) => struct_bytes_min(message, message.find(name)),
        fixed => fixed_kind(fixed).expect("the rest has a fixed length").1,
    }
}

pub fn has_length(field: &Field) -> bool {
    let has_length = matches!(field.base, Base::String | Base::Bytes | Base::Records);
    (has_length || field.is_array) && !field.is_inflexible
}

/// Rust's name and the length of a type of fixed length.
pub fn fixed_kind(base: &Base) -> Option<(&'static str, usize)> {
    match base {
        Base::Bool => Some(("bool", 1)),
        Base::Int8 => Some(("i8", 1)),
        Base::Int16 => Some(("i16", 2)),
        Base::Uint16 => Some(("u16", 2)),
        Base::Uint32 => Some(("u32", 4)),
        Base::Int32 => Some(("i32", 4)),
        Base::Int64 => Some(("i64", 8)),
        Base::Float64 => Some(("f64", 8)),
        Base::Uuid => Some(("uuid", 16)),
        Base::String | Base::Bytes | Base::Records | Base::Struct(_) => None,
    }
}
