//! From the schema tables to the Rust code in `src/protocol/generated`.

use std::collections::BTreeMap;

use crate::schema::{Field, Kind, Message, Struct, Versions};

/// Appends a line: four spaces for each depth, then the text.
macro_rules! line {
    ($out:expr, $depth:expr, $($text:tt)*) => {{
        let text = format!($($text)*);
        let indentation = if text.is_empty() { 0 } else { $depth * 4 };
        $out.push_str(&" ".repeat(indentation));
        $out.push_str(&text);
        $out.push('\n');
    }};
}

mod fields;
mod indexes;
mod sizes;

use fields::{Context, default_value, has_natural_default, is_not_default, rust_name, rust_type};
use indexes::{any_file, api_key_file, api_name, index_file, metadata_record_file};
use sizes::{has_length, struct_bytes_min};

/// Every generated file: name and text.
pub fn generate(messages: &[Message]) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for message in messages {
        files.insert(format!("{}.rs", message.module()), message_file(message));
    }
    files.insert("mod.rs".to_owned(), index_file(messages));
    files.insert("api_key.rs".to_owned(), api_key_file(messages));
    files.insert("any.rs".to_owned(), any_file(messages));
    files.insert(
        "metadata_record.rs".to_owned(),
        metadata_record_file(messages),
    );
    files
}

fn message_file(message: &Message) -> String {
    let mut out = String::new();
    line!(
        out,
        0,
        "//! Generated from `schema/{}.txt`: do not edit.",
        message.file
    );
    line!(out, 0, "");
    line!(out, 0, "use super::super::wire::*;");
    line!(out, 0, "use crate::model::Uuid;");
    line!(out, 0, "use bytes::Bytes;");
    for one in message.structs.iter().rev() {
        line!(out, 0, "");
        struct_definition(&mut out, message, one);
        struct_default(&mut out, message, one);
        line!(out, 0, "");
        line!(out, 0, "impl Struct for {} {{", one.name);
        line!(
            out,
            1,
            "const BYTES_MIN: usize = {};",
            struct_bytes_min(message, one)
        );
        line!(out, 0, "");
        decode_function(&mut out, message, one);
        line!(out, 0, "");
        encode_function(&mut out, message, one);
        line!(out, 0, "}}");
    }
    line!(out, 0, "");
    message_traits(&mut out, message);
    out
}

fn message_traits(out: &mut String, message: &Message) {
    let name = &message.name;
    let (first, last) = message.versions;
    line!(out, 0, "impl Message for {name} {{");
    line!(out, 1, "const NAME: &'static str = \"{name}\";");
    line!(out, 1, "const VERSIONS: (i16, i16) = ({first}, {last});");
    line!(
        out,
        1,
        "const FLEXIBLE_SINCE: Option<i16> = {:?};",
        message.flexible_since
    );
    line!(out, 0, "}}");
    let numbered = message.number.filter(|_| message.kind != Kind::Response);
    let Some(number) = numbered else { return };
    line!(out, 0, "");
    if message.kind == Kind::Request {
        let api = api_name(message);
        line!(out, 0, "impl Request for {name} {{");
        line!(out, 1, "const KEY: super::ApiKey = super::ApiKey::{api};");
        line!(out, 1, "type Response = super::{api}Response;");
    } else {
        line!(out, 0, "impl RecordContent for {name} {{");
        line!(out, 1, "const TYPE: i16 = {number};");
    }
    line!(out, 0, "}}");
}

fn struct_definition(out: &mut String, message: &Message, one: &Struct) {
    if one.fields.iter().all(has_natural_default) {
        line!(out, 0, "#[derive(Clone, Debug, Default, PartialEq)]");
    } else {
        line!(out, 0, "#[derive(Clone, Debug, PartialEq)]");
    }
    line!(out, 0, "pub struct {} {{", one.name);
    for field in &one.fields {
        if field.versions != one.versions {
            let (first, last) = field.versions;
            if last == message.versions.1 {
                line!(out, 1, "/// {first}+");
            } else {
                line!(out, 1, "/// {first}-{last}");
            }
        }
        line!(out, 1, "pub {}: {},", rust_name(field), rust_type(field));
    }
    if message.flexible_since.is_some() {
        line!(out, 1, "pub unknown_tagged_fields: UnknownTaggedFields,");
    }
    line!(out, 0, "}}");
}

fn struct_default(out: &mut String, message: &Message, one: &Struct) {
    if one.fields.iter().all(has_natural_default) {
        return;
    }
    line!(out, 0, "");
    line!(out, 0, "impl Default for {} {{", one.name);
    line!(out, 1, "fn default() -> Self {{");
    line!(out, 2, "Self {{");
    for field in &one.fields {
        line!(out, 3, "{}: {},", rust_name(field), default_value(field));
    }
    if message.flexible_since.is_some() {
        line!(
            out,
            3,
            "unknown_tagged_fields: UnknownTaggedFields::default(),"
        );
    }
    line!(out, 2, "}}");
    line!(out, 1, "}}");
    line!(out, 0, "}}");
}

fn decode_function(out: &mut String, message: &Message, one: &Struct) {
    line!(
        out,
        1,
        "fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {{"
    );
    flexible_variable(out, message, one);
    let is_mutable = message.is_flexible(one.versions.1) || !one.fields.is_empty();
    line!(
        out,
        2,
        "let {}value = Self::default();",
        if is_mutable { "mut " } else { "" }
    );
    for field in one.fields.iter().filter(|field| field.tag.is_none()) {
        let context = Context::of(message, one);
        conditional(
            out,
            2,
            condition(field.versions, one.versions),
            |out, depth| {
                decode_field(out, depth, &context, one, field);
            },
        );
    }
    let tagged_since = message.flexible_since.map(|since| (since, i16::MAX));
    if message.is_flexible(one.versions.1) {
        let versions = tagged_since.expect("it is flexible");
        let when = condition(versions, one.versions);
        conditional(out, 2, when, |out, depth| {
            decode_tagged(out, depth, message, one)
        });
    }
    line!(out, 2, "Ok(value)");
    line!(out, 1, "}}");
}

fn decode_field(out: &mut String, depth: usize, context: &Context, one: &Struct, field: &Field) {
    let name = rust_name(field);
    line!(out, depth, "value.{name} = {};", context.read(field));
    if let Some(since) = field
        .nullable_since
        .filter(|since| *since > field.versions.0)
    {
        line!(
            out,
            depth,
            "if version < {since} && value.{name}.is_none() {{"
        );
        let place = format!("{}.{}", one.name, field.name);
        line!(
            out,
            depth + 1,
            "return Err(reader.expected(\"{place}, not null\"));"
        );
        line!(out, depth, "}}");
    }
}

fn decode_tagged(out: &mut String, depth: usize, message: &Message, one: &Struct) {
    let tagged: Vec<_> = tagged_fields(one);
    if tagged.is_empty() {
        line!(
            out,
            depth,
            "value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;"
        );
        return;
    }
    let context = Context::tagged();
    line!(
        out,
        depth,
        "let unknown = reader.read_tagged_fields(|reader, tag| {{"
    );
    line!(out, depth + 1, "match tag {{");
    for (tag, field) in tagged {
        let range = flexible_range(message, one);
        let (name, read) = (rust_name(field), context.read(field));
        match condition(field.versions, range) {
            None => line!(out, depth + 2, "{tag} => value.{name} = {read},"),
            Some(when) => {
                line!(out, depth + 2, "{tag} if {when} => value.{name} = {read},");
                let error = "reader.expected(\"a tag that this version has\")";
                line!(out, depth + 2, "{tag} => return Err({error}),");
            }
        }
    }
    line!(out, depth + 2, "_ => return Ok(false),");
    line!(out, depth + 1, "}}");
    line!(out, depth + 1, "Ok(true)");
    line!(out, depth, "}})?;");
    line!(out, depth, "value.unknown_tagged_fields = unknown;");
}

fn encode_function(out: &mut String, message: &Message, one: &Struct) {
    let signature = "fn encode_fields(&self, writer: &mut Writer, version: i16)";
    line!(out, 1, "{signature} -> Result<(), EncodeError> {{");
    flexible_variable(out, message, one);
    let context = Context::of(message, one);
    for field in &one.fields {
        let when = condition(field.versions, one.versions);
        if field.tag.is_none() {
            conditional(out, 2, when.clone(), |out, depth| {
                encode_field(out, depth, &context, one, field);
            });
        }
        if let (Some(when), false) = (when, field.is_ignorable) {
            let place = format!("{}.{}", one.name, field.name);
            line!(out, 2, "if !({when}) && {} {{", is_not_default(field));
            let error = format!("EncodeError::FieldUnsupported {{ field: \"{place}\", version }}");
            line!(out, 3, "return Err({error});");
            line!(out, 2, "}}");
        }
    }
    if message.flexible_since.is_some() {
        encode_tagged(out, message, one);
    }
    line!(out, 2, "Ok(())");
    line!(out, 1, "}}");
}

fn encode_field(out: &mut String, depth: usize, context: &Context, one: &Struct, field: &Field) {
    let name = rust_name(field);
    if let Some(since) = field
        .nullable_since
        .filter(|since| *since > field.versions.0)
    {
        line!(
            out,
            depth,
            "if version < {since} && self.{name}.is_none() {{"
        );
        let place = format!("{}.{}", one.name, field.name);
        let error = format!("EncodeError::NullUnsupported {{ field: \"{place}\", version }}");
        line!(out, depth + 1, "return Err({error});");
        line!(out, depth, "}}");
    }
    let (write, can_fail) = context.write(field);
    line!(out, depth, "{write}{};", if can_fail { "?" } else { "" });
}

fn encode_tagged(out: &mut String, message: &Message, one: &Struct) {
    let unsupported = |out: &mut String| {
        line!(
            out,
            3,
            "return Err(EncodeError::TaggedFieldsUnsupported {{ version }});"
        );
        line!(out, 2, "}}");
    };
    if !message.is_flexible(one.versions.1) {
        line!(out, 2, "if !self.unknown_tagged_fields.is_empty() {{");
        unsupported(out);
        return;
    }
    let range = flexible_range(message, one);
    let when = condition(range, one.versions);
    conditional(out, 2, when.clone(), |out, depth| {
        let tagged = tagged_fields(one);
        if tagged.is_empty() {
            let unknown = "&self.unknown_tagged_fields";
            line!(out, depth, "writer.put_unknown_tagged_fields({unknown})?;");
            return;
        }
        line!(out, depth, "let mut tagged = TaggedFields::default();");
        for (tag, field) in tagged {
            let is_not_default = is_not_default(field);
            match condition(field.versions, range) {
                None => line!(out, depth, "if {is_not_default} {{"),
                Some(when) => line!(out, depth, "if {when} && {is_not_default} {{"),
            }
            let (write, can_fail) = Context::tagged().write(field);
            if can_fail {
                line!(out, depth + 1, "tagged.add({tag}, |writer| {write})?;");
            } else {
                line!(out, depth + 1, "tagged.add({tag}, |writer| {{");
                line!(out, depth + 2, "{write};");
                line!(out, depth + 2, "Ok(())");
                line!(out, depth + 1, "}})?;");
            }
            line!(out, depth, "}}");
        }
        line!(
            out,
            depth,
            "tagged.put(writer, &self.unknown_tagged_fields)?;"
        );
    });
    if let Some(when) = when {
        line!(
            out,
            2,
            "if !({when}) && !self.unknown_tagged_fields.is_empty() {{"
        );
        unsupported(out);
    }
}

/// The tagged fields in the order of their tags.
fn tagged_fields(one: &Struct) -> Vec<(u32, &Field)> {
    let fields = one.fields.iter();
    let mut tagged: Vec<_> = fields
        .filter_map(|field| Some((field.tag?, field)))
        .collect();
    tagged.sort_by_key(|(tag, _)| *tag);
    tagged
}

fn flexible_range(message: &Message, one: &Struct) -> Versions {
    let since = message
        .flexible_since
        .expect("asked of flexible messages only");
    (since.max(one.versions.0), one.versions.1)
}

fn flexible_variable(out: &mut String, message: &Message, one: &Struct) {
    if let Some(since) = message.flexible_since
        && one.versions.0 < since
        && since <= one.versions.1
        && one
            .fields
            .iter()
            .any(|field| field.tag.is_none() && has_length(field))
    {
        line!(out, 2, "let flexible = version >= {since};");
    }
}

/// When a version of `outer` lies in `inner`; `None` for always.
fn condition(inner: Versions, outer: Versions) -> Option<String> {
    let (first, last) = inner;
    match (first > outer.0, last < outer.1) {
        (false, false) => None,
        (true, false) => Some(format!("version >= {first}")),
        (false, true) => Some(format!("version <= {last}")),
        (true, true) if first == last => Some(format!("version == {first}")),
        (true, true) => Some(format!("({first}..={last}).contains(&version)")),
    }
}

fn conditional(
    out: &mut String,
    depth: usize,
    when: Option<String>,
    body: impl FnOnce(&mut String, usize),
) {
    let Some(when) = when else {
        return body(out, depth);
    };
    line!(out, depth, "if {when} {{");
    body(out, depth + 1);
    line!(out, depth, "}}");
}
