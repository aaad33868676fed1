//! What a value looks like in bytes, in Rust's debug text and in Kafka's JSON, from the schema
//! tables alone: a slow second opinion beside the generated code.

use bytes::Bytes;
use forebay::model::Uuid;
use serde_json::{Map, json};

use crate::sample::{Value, default_of, root};
use crate::schema::{Base, Field, Message, Struct, snake_case};

/// The bytes of the message in `version`.
pub fn encode(message: &Message, version: i16, value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    Encoder { message, version }.put_struct(&mut out, root(message), value);
    out
}

struct Encoder<'a> {
    message: &'a Message,
    version: i16,
}

impl Encoder<'_> {
    fn put_struct(&self, out: &mut Vec<u8>, one: &Struct, value: &Value) {
        let Value::Struct(values, unknown) = value else {
            panic!("{value:?} is no {}", one.name);
        };
        let mut tagged: Vec<(u32, Vec<u8>)> = unknown.clone();
        for (field, value) in one.fields.iter().zip(values) {
            if !field.is_in(self.version) {
                continue;
            }
            match field.tag {
                None => self.put_field(out, field, value),
                Some(_) if *value == default_of(self.message, field) => {}
                Some(tag) => {
                    let mut content = Vec::new();
                    self.put_field(&mut content, field, value);
                    tagged.push((tag, content));
                }
            }
        }
        if self.message.is_flexible(self.version) {
            tagged.sort();
            put_varint(out, tagged.len());
            for (tag, content) in &tagged {
                put_varint(out, *tag as usize);
                put_varint(out, content.len());
                out.extend(content);
            }
        }
    }

    fn put_field(&self, out: &mut Vec<u8>, field: &Field, value: &Value) {
        let Value::Array(elements) = value else {
            return self.put_value(out, field, value);
        };
        self.put_length(out, field, 4, Some(elements.len()));
        for element in elements {
            self.put_value(out, field, element);
        }
    }

    fn put_value(&self, out: &mut Vec<u8>, field: &Field, value: &Value) {
        let is_nullable_struct = !field.is_array && field.nullable_since.is_some();
        match (value, &field.base) {
            (Value::Null, Base::String) if !field.is_array => self.put_length(out, field, 2, None),
            (Value::Null, Base::Struct(_)) if !field.is_array => {
                out.push(if field.tag.is_some() { 0x00 } else { 0xff });
            }
            (Value::Null, _) => self.put_length(out, field, 4, None),
            (Value::Bool(value), _) => out.push(u8::from(*value)),
            (Value::Number(value), base) => {
                let width = match base {
                    Base::Int8 => 1,
                    Base::Int16 | Base::Uint16 => 2,
                    Base::Int32 | Base::Uint32 => 4,
                    _ => 8,
                };
                out.extend(&value.to_be_bytes()[8 - width..]);
            }
            (Value::Float(value), _) => out.extend(value.to_be_bytes()),
            (Value::Text(text), _) => {
                self.put_length(out, field, 2, Some(text.len()));
                out.extend(text.as_bytes());
            }
            (Value::Bytes(bytes), _) => {
                self.put_length(out, field, 4, Some(bytes.len()));
                out.extend(bytes);
            }
            (Value::Uuid(bytes), _) => out.extend(bytes),
            (Value::Struct(..), Base::Struct(name)) => {
                if is_nullable_struct {
                    out.push(1);
                }
                self.put_struct(out, self.message.find(name), value);
            }
            (value, base) => panic!("{value:?} is no {base:?}"),
        }
    }

    fn put_length(&self, out: &mut Vec<u8>, field: &Field, width: usize, length: Option<usize>) {
        if self.message.is_flexible(self.version) && !field.is_inflexible {
            put_varint(out, length.map_or(0, |length| length + 1));
        } else {
            let number = length.map_or(-1, usize::cast_signed);
            out.extend(&number.to_be_bytes()[8 - width..]);
        }
    }
}

fn put_varint(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// What `{:?}` prints of the generated type.
pub fn debug_text(message: &Message, value: &Value) -> String {
    debug_struct(message, root(message), value)
}

fn debug_struct(message: &Message, one: &Struct, value: &Value) -> String {
    let Value::Struct(values, unknown) = value else {
        panic!("{value:?} is no {}", one.name);
    };
    let mut fields = Vec::new();
    for (field, value) in one.fields.iter().zip(values) {
        let text = match (field.nullable_since, value) {
            (Some(_), Value::Null) => "None".to_owned(),
            (Some(_), value) => format!("Some({})", debug_value(message, field, value)),
            (None, value) => debug_value(message, field, value),
        };
        fields.push(format!("{}: {text}", snake_case(&field.name)));
    }
    if message.flexible_since.is_some() {
        let bytes = |content: &[u8]| Bytes::copy_from_slice(content);
        let unknown = unknown.iter().map(|(tag, content)| (*tag, bytes(content)));
        let unknown: Vec<_> = unknown.collect();
        let unknown = (!unknown.is_empty()).then_some(unknown);
        fields.push(format!(
            "unknown_tagged_fields: UnknownTaggedFields({unknown:?})"
        ));
    }
    if fields.is_empty() {
        return one.name.clone();
    }
    format!("{} {{ {} }}", one.name, fields.join(", "))
}

fn debug_value(message: &Message, field: &Field, value: &Value) -> String {
    match value {
        Value::Null => panic!("{} cannot be null", field.name),
        Value::Bool(value) => format!("{value:?}"),
        Value::Number(value) => format!("{value:?}"),
        Value::Float(value) => format!("{value:?}"),
        Value::Text(value) => format!("{value:?}"),
        Value::Bytes(value) => {
            let bytes = Bytes::copy_from_slice(value);
            match (&field.base, value.is_empty()) {
                (Base::Records, true) => "Records { slices: [] }".to_owned(),
                (Base::Records, false) => format!("Records {{ slices: [{bytes:?}] }}"),
                _ => format!("{bytes:?}"),
            }
        }
        Value::Uuid(value) => format!("{:?}", Uuid::from_bytes(*value)),
        Value::Array(elements) => {
            let elements = elements.iter();
            let texts: Vec<_> = elements
                .map(|one| debug_value(message, field, one))
                .collect();
            format!("[{}]", texts.join(", "))
        }
        Value::Struct(..) => {
            let Base::Struct(name) = &field.base else {
                panic!("{} is no struct", field.name);
            };
            debug_struct(message, message.find(name), value)
        }
    }
}

/// The JSON that Kafka's own converter makes of the message in `version`; bytes as their number.
pub fn json(message: &Message, version: i16, value: &Value) -> serde_json::Value {
    json_struct(message, root(message), version, value)
}

fn json_struct(message: &Message, one: &Struct, version: i16, value: &Value) -> serde_json::Value {
    let Value::Struct(values, _) = value else {
        panic!("{value:?} is no {}", one.name);
    };
    let mut object = Map::new();
    for (field, value) in one.fields.iter().zip(values) {
        let is_default = *value == default_of(message, field);
        if !field.is_in(version) || field.tag.is_some() && is_default {
            continue;
        }
        let (first, rest) = field.name.split_at(1);
        let name = first.to_lowercase() + rest;
        object.insert(name, json_value(message, field, version, value));
    }
    object.into()
}

fn json_value(message: &Message, field: &Field, version: i16, value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => json!(value),
        Value::Number(value) => json!(value),
        Value::Float(value) => json!(value),
        Value::Text(value) => json!(value),
        // Kafka's converter leaves the content of records out.
        Value::Bytes(_) if field.base == Base::Records => json!(0),
        Value::Bytes(value) => json!(value.len()),
        Value::Uuid(value) => json!(Uuid::from_bytes(*value).to_string()),
        Value::Array(elements) => {
            let elements = elements.iter();
            elements
                .map(|one| json_value(message, field, version, one))
                .collect()
        }
        Value::Struct(..) => {
            let Base::Struct(name) = &field.base else {
                panic!("{} is no struct", field.name);
            };
            json_struct(message, message.find(name), version, value)
        }
    }
}

/// What Kafka's classes print of a new object, from the first parenthesis on.
pub fn default_text(message: &Message, one: &Struct) -> String {
    let fields = one.fields.iter().map(|field| {
        let (first, rest) = field.name.split_at(1);
        let name = first.to_lowercase() + rest;
        let text = match (default_of(message, field), &field.base) {
            // Records have no empty value there.
            (Value::Null, _) | (_, Base::Records) => "null".to_owned(),
            (Value::Bool(value), _) => value.to_string(),
            (Value::Number(value), _) => value.to_string(),
            (Value::Float(value), _) => format!("{value:?}"),
            (Value::Text(value), _) => format!("'{value}'"),
            (Value::Uuid(value), _) => Uuid::from_bytes(value).to_string(),
            (Value::Bytes(_) | Value::Array(_), _) => "[]".to_owned(),
            (Value::Struct(..), Base::Struct(inner)) => {
                format!("{inner}{}", default_text(message, message.find(inner)))
            }
            (value, base) => panic!("{value:?} is no {base:?}"),
        };
        format!("{name}={text}")
    });
    format!("({})", fields.collect::<Vec<_>>().join(", "))
}
