//! The function that writes a struct.

use super::fields::{Context, is_not_default, rust_name};
use super::versions::{
    conditional, flexible_variable, flexible_versions, inside, outside, tagged_fields,
    untagged_runs,
};
use crate::schema::{Message, Struct, Versions};

pub fn encode_function(out: &mut String, message: &Message, one: &Struct) {
    let signature = "fn encode_fields(&self, writer: &mut Writer, version: i16)";
    line!(out, 1, "{signature} -> Result<(), EncodeError> {{");
    refuse_what_cannot_be_said(out, message, one);
    flexible_variable(out, message, one);
    let context = Context::of(message, one);
    for (versions, fields) in untagged_runs(one) {
        let when = inside(versions, one.versions);
        conditional(out, when.as_deref(), |out, depth| {
            for field in fields {
                let (write, can_fail) = context.write(field);
                line!(out, depth, "{write}{};", if can_fail { "?" } else { "" });
            }
        });
    }
    if let Some(versions) = flexible_versions(message, one) {
        let when = inside(versions, one.versions);
        conditional(out, when.as_deref(), |out, depth| {
            encode_tagged(out, depth, versions, one);
        });
    }
    line!(out, 2, "Ok(())");
    line!(out, 1, "}}");
}

fn refuse_what_cannot_be_said(out: &mut String, message: &Message, one: &Struct) {
    for field in &one.fields {
        let place = format!("\"{}.{}\"", one.name, field.name);
        if let Some(outside) = outside(field.versions, one.versions)
            && !field.is_ignorable
        {
            let when = format!("{outside} && {}", is_not_default(field));
            refuse(
                out,
                &when,
                &format!("FieldUnsupported {{ field: {place}, version }}"),
            );
        }
        if let Some(since) = field.late_nullable() {
            let mut when = format!("version < {since} && self.{}.is_none()", rust_name(field));
            if field.versions.0 > one.versions.0 {
                when = format!("version >= {} && {when}", field.versions.0);
            }
            refuse(
                out,
                &when,
                &format!("NullUnsupported {{ field: {place}, version }}"),
            );
        }
    }
    if message.flexible_since.is_none() {
        return;
    }
    let has_unknown = "!self.unknown_tagged_fields.is_empty()".to_owned();
    let when = match flexible_versions(message, one) {
        None => Some(has_unknown),
        Some(versions) => {
            let outside = outside(versions, one.versions);
            outside.map(|outside| format!("{outside} && {has_unknown}"))
        }
    };
    if let Some(when) = when {
        refuse(out, &when, "TaggedFieldsUnsupported { version }");
    }
}

fn refuse(out: &mut String, when: &str, error: &str) {
    line!(out, 2, "if {when} {{");
    line!(out, 3, "return Err(EncodeError::{error});");
    line!(out, 2, "}}");
}

fn encode_tagged(out: &mut String, depth: usize, versions: Versions, one: &Struct) {
    let unknown = "&self.unknown_tagged_fields";
    let tagged = tagged_fields(one);
    if tagged.is_empty() {
        line!(out, depth, "writer.put_unknown_tagged_fields({unknown})?;");
        return;
    }
    line!(out, depth, "let mut tagged = TaggedFields::default();");
    for (tag, field) in tagged {
        let mut when = is_not_default(field);
        if let Some(inside) = inside(field.versions, versions) {
            when = format!("{inside} && {when}");
        }
        line!(out, depth, "if {when} {{");
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
    line!(out, depth, "tagged.put(writer, {unknown})?;");
}
