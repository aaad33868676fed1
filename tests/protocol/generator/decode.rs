//! The function that reads a struct.

use super::fields::{Context, rust_name};
use super::versions::{
    conditional, flexible_variable, flexible_versions, inside, tagged_fields, untagged_runs,
};
use crate::schema::{Field, Message, Struct, Versions};

pub fn decode_function(out: &mut String, message: &Message, one: &Struct) {
    let signature = "fn decode_fields(reader: &mut Reader, version: i16)";
    line!(out, 1, "{signature} -> Result<Self, DecodeError> {{");
    flexible_variable(out, message, one);
    line!(out, 2, "let mut value = Self::default();");
    let context = Context::of(message, one);
    for (versions, fields) in untagged_runs(one) {
        let when = inside(versions, one.versions);
        conditional(out, when.as_deref(), |out, depth| {
            for field in fields {
                decode_field(out, depth, &context, one, field);
            }
        });
    }
    if let Some(versions) = flexible_versions(message, one) {
        let when = inside(versions, one.versions);
        conditional(out, when.as_deref(), |out, depth| {
            decode_tagged(out, depth, versions, one);
        });
    }
    line!(out, 2, "Ok(value)");
    line!(out, 1, "}}");
}

fn decode_field(out: &mut String, depth: usize, context: &Context, one: &Struct, field: &Field) {
    let name = rust_name(field);
    line!(out, depth, "value.{name} = {};", context.read(field));
    if let Some(since) = field.late_nullable() {
        let place = format!("{}.{}", one.name, field.name);
        let error = format!("reader.expected(\"{place}, not null\")");
        line!(
            out,
            depth,
            "if version < {since} && value.{name}.is_none() {{"
        );
        line!(out, depth + 1, "return Err({error});");
        line!(out, depth, "}}");
    }
}

fn decode_tagged(out: &mut String, depth: usize, versions: Versions, one: &Struct) {
    let place = "value.unknown_tagged_fields";
    let tagged = tagged_fields(one);
    if tagged.is_empty() {
        line!(
            out,
            depth,
            "{place} = reader.read_unknown_tagged_fields()?;"
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
        let assignment = format!("value.{} = {}", rust_name(field), context.read(field));
        match inside(field.versions, versions) {
            None => line!(out, depth + 2, "{tag} => {assignment},"),
            Some(when) => {
                let error = "reader.expected(\"a tag that this version has\")";
                line!(out, depth + 2, "{tag} if {when} => {assignment},");
                line!(out, depth + 2, "{tag} => return Err({error}),");
            }
        }
    }
    line!(out, depth + 2, "_ => return Ok(false),");
    line!(out, depth + 1, "}}");
    line!(out, depth + 1, "Ok(true)");
    line!(out, depth, "}})?;");
    line!(out, depth, "{place} = unknown;");
}
