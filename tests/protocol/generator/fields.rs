//! Rust's expressions for one field: name, type, default, reading, writing.

use super::sizes::fixed_kind;
use crate::schema::{Base, Field, Message, Struct, snake_case};

/// How lengths are written where a field stands.
pub struct Context {
    flexible: &'static str,
    is_tagged: bool,
}

impl Context {
    pub fn of(message: &Message, one: &Struct) -> Self {
        let (first, last) = (
            message.is_flexible(one.versions.0),
            message.is_flexible(one.versions.1),
        );
        let flexible = match (first, last) {
            (true, _) => "true",
            (false, true) => "flexible",
            (false, false) => "false",
        };
        Self {
            flexible,
            is_tagged: false,
        }
    }

    pub fn tagged() -> Self {
        Self {
            flexible: "true",
            is_tagged: true,
        }
    }

    pub fn flexible(&self, field: &Field) -> &'static str {
        if field.is_inflexible {
            "false"
        } else {
            self.flexible
        }
    }

    /// The expression that reads the field.
    pub fn read(&self, field: &Field) -> String {
        let flexible = self.flexible(field);
        let nullable = if field.nullable_since.is_some() {
            "nullable_"
        } else {
            ""
        };
        if field.is_array {
            let Some((kind, bytes)) = fixed_kind(&field.base) else {
                return match &field.base {
                    Base::Struct(_) => {
                        format!("reader.read_{nullable}structs({flexible}, version)?")
                    }
                    Base::String => format!("reader.read_{nullable}strings({flexible})?"),
                    other => panic!("arrays of {other:?} do not occur"),
                };
            };
            return format!(
                "reader.read_{nullable}array({flexible}, {bytes}, Reader::read_{kind})?"
            );
        }
        match (&field.base, field.nullable_since, self.is_tagged) {
            (Base::Struct(_), None, _) => "Struct::decode_fields(reader, version)?".to_owned(),
            (Base::Struct(_), Some(_), true) => {
                "reader.read_nullable_tagged_struct(version)?".to_owned()
            }
            (Base::Struct(_), Some(_), false) => "reader.read_nullable_struct(version)?".to_owned(),
            (Base::String, ..) => format!("reader.read_{nullable}string({flexible})?"),
            (Base::Bytes, ..) => format!("reader.read_{nullable}bytes({flexible})?"),
            (Base::Records, ..) => format!("reader.read_{nullable}records({flexible})?"),
            (fixed, ..) => {
                let (kind, _) = fixed_kind(fixed).expect("the rest has a fixed length");
                format!("reader.read_{kind}()?")
            }
        }
    }

    /// The expression that writes the field, and whether it can fail.
    pub fn write(&self, field: &Field) -> (String, bool) {
        let flexible = self.flexible(field);
        let place = format!("self.{}", rust_name(field));
        let is_nullable = field.nullable_since.is_some();
        let nullable = if is_nullable { "nullable_" } else { "" };
        if field.is_array {
            let slice = if is_nullable {
                format!("{place}.as_deref()")
            } else {
                format!("&{place}")
            };
            let write = match &field.base {
                Base::Struct(_) => {
                    format!("writer.put_{nullable}structs({flexible}, {slice}, version)")
                }
                Base::String => format!("writer.put_{nullable}strings({flexible}, {slice})"),
                fixed => {
                    let (kind, _) = fixed_kind(fixed).expect("the rest has a fixed length");
                    format!("writer.put_{nullable}array({flexible}, {slice}, Writer::put_{kind})")
                }
            };
            return (write, true);
        }
        let write = match (&field.base, is_nullable) {
            (Base::Struct(_), false) => format!("{place}.encode_fields(writer, version)"),
            (Base::Struct(_), true) => {
                let tagged = if self.is_tagged { "tagged_" } else { "" };
                format!("writer.put_nullable_{tagged}struct({place}.as_ref(), version)")
            }
            (Base::String, false) => format!("writer.put_string({flexible}, &{place})"),
            (Base::String, true) => {
                format!("writer.put_nullable_string({flexible}, {place}.as_deref())")
            }
            (Base::Bytes, false) => format!("writer.put_bytes({flexible}, &{place})"),
            (Base::Records, false) => format!("writer.put_records({flexible}, &{place})"),
            (Base::Bytes, true) => {
                format!("writer.put_nullable_bytes({flexible}, {place}.as_ref())")
            }
            (Base::Records, true) => {
                format!("writer.put_nullable_records({flexible}, {place}.as_ref())")
            }
            (fixed, _) => {
                let (kind, _) = fixed_kind(fixed).expect("the rest has a fixed length");
                return (format!("writer.put_{kind}({place})"), false);
            }
        };
        (write, true)
    }
}

pub fn rust_name(field: &Field) -> String {
    let name = snake_case(&field.name);
    match name.as_str() {
        "type" | "match" => format!("r#{name}"),
        _ => name,
    }
}

pub fn rust_type(field: &Field) -> String {
    let base = match &field.base {
        Base::String => "String",
        Base::Bytes => "Bytes",
        Base::Records => "Records",
        Base::Uuid => "Uuid",
        Base::Struct(name) => name,
        fixed => fixed_kind(fixed).expect("the rest has a fixed length").0,
    };
    match (field.is_array, field.nullable_since.is_some()) {
        (false, false) => base.to_owned(),
        (false, true) => format!("Option<{base}>"),
        (true, false) => format!("Vec<{base}>"),
        (true, true) => format!("Option<Vec<{base}>>"),
    }
}

/// True if the schema's default is the one of the Rust type.
pub fn has_natural_default(field: &Field) -> bool {
    if field.nullable_since.is_some() {
        return field.is_null_by_default() || field.base == Base::Records;
    }
    field.default.is_none()
}

pub fn default_value(field: &Field) -> String {
    if has_natural_default(field) {
        let base = rust_type(field);
        return match base.split_once('<') {
            Some(("Option", _)) => "None".to_owned(),
            Some(_) => "Vec::new()".to_owned(),
            None => natural_value(&field.base),
        };
    }
    let value = match (&field.default, &field.base) {
        _ if field.is_array => "Vec::new()".to_owned(),
        (None, base) => natural_value(base),
        (Some(text), Base::String) => format!("\"{text}\".to_owned()"),
        (Some(text), Base::Float64) => format!("{text:?}_f64"),
        (Some(text), _) if text == "9223372036854775807" => "i64::MAX".to_owned(),
        (Some(text), _) if text == "2147483647" => "i32::MAX".to_owned(),
        (Some(text), _) => text.clone(),
    };
    if field.nullable_since.is_some() {
        format!("Some({value})")
    } else {
        value
    }
}

pub fn natural_value(base: &Base) -> String {
    match base {
        Base::Bool => "false".to_owned(),
        Base::Float64 => "0.0".to_owned(),
        Base::String => "String::new()".to_owned(),
        Base::Bytes => "Bytes::new()".to_owned(),
        Base::Records => "Records::default()".to_owned(),
        Base::Uuid => "Uuid::ZERO".to_owned(),
        Base::Struct(name) => format!("{name}::default()"),
        _ => "0".to_owned(),
    }
}

/// The condition that a field's value is not its default.
pub fn is_not_default(field: &Field) -> String {
    let place = format!("self.{}", rust_name(field));
    let default = default_value(field);
    let is_empty_natural =
        field.is_array || matches!(field.base, Base::String | Base::Bytes | Base::Records);
    match (default.as_str(), &field.base) {
        ("None", _) => format!("{place}.is_some()"),
        ("false", _) => place,
        ("true", _) => format!("!{place}"),
        (_, Base::String) if !field.is_array && field.default.is_some() => {
            let text = field.default.as_deref().unwrap_or_default();
            if field.nullable_since.is_some() {
                format!("{place}.as_deref() != Some(\"{text}\")")
            } else {
                format!("{place} != \"{text}\"")
            }
        }
        _ if is_empty_natural && field.nullable_since.is_some() => {
            format!("{place}.as_ref().is_none_or(|value| !value.is_empty())")
        }
        _ if is_empty_natural => format!("!{place}.is_empty()"),
        _ => format!("{place} != {default}"),
    }
}
