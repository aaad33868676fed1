//! From the schema tables to the Rust code in `src/protocol/generated`.

use std::collections::BTreeMap;

use crate::schema::{Kind, Message, Struct};

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

mod decode;
mod encode;
mod fields;
mod indexes;
mod sizes;
mod versions;

use decode::decode_function;
use encode::encode_function;
use fields::{default_value, has_natural_default, rust_name, rust_type};
use indexes::{any_file, api_key_file, api_name, index_file, metadata_record_file};
use sizes::struct_bytes_min;

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
