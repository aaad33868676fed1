//! JSON to bytes and back, by the definitions. Decoding is strict: what the definition does not
//! allow, or bytes left over, is an error that the comparison shows.

use serde_json::{Map, Value, json};

use super::batch;
use super::schema::{Field, Kind, Message, holds};

/// The body of `message` in `version`.
#[track_caller]
pub fn encode(message: &Message, version: i16, body: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    let flexible = message.is_flexible(version);
    put_fields(&mut bytes, &message.fields, version, flexible, body);
    bytes
}

/// The body of `message` in `version`, as JSON.
pub fn decode(message: &Message, version: i16, bytes: &[u8]) -> Result<Value, String> {
    let mut reader = Reader {
        bytes,
        version,
        flexible: message.is_flexible(version),
    };
    let body = reader.fields(&message.fields)?;
    if reader.bytes.is_empty() {
        return Ok(body);
    }
    Err(format!(
        "{} bytes follow the last field",
        reader.bytes.len()
    ))
}

/// A uuid as Kafka writes it: URL-safe base64 without padding.
pub fn uuid_text(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for digit in 0..=chunk.len() {
            let index = bits >> (18 - 6 * digit) & 63;
            text.push(char::from(DIGITS[index as usize]));
        }
    }
    text
}

#[track_caller]
fn uuid_bytes(text: &str) -> [u8; 16] {
    let mut bits = 0u128;
    for digit in text.bytes().take(21) {
        bits = bits << 6 | u128::from(base64_digit(digit));
    }
    // The last digit of 22 carries two bits.
    let last = text
        .as_bytes()
        .get(21)
        .map_or(0, |digit| base64_digit(*digit));
    (bits << 2 | u128::from(last >> 4)).to_be_bytes()
}

#[track_caller]
fn base64_digit(digit: u8) -> u8 {
    match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'-' => 62,
        b'_' => 63,
        other => panic!("'{}' is no digit of a uuid", char::from(other)),
    }
}

/// Bytes from hexadecimal text.
#[track_caller]
pub fn hex_bytes(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let value = |digit: u8| char::from(digit).to_digit(16).expect("filtered above") as u8;
    digits
        .chunks(2)
        .map(|pair| value(pair[0]) << 4 | value(pair[1]))
        .collect()
}

fn hex_text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[track_caller]
fn put_fields(out: &mut Vec<u8>, fields: &[Field], version: i16, flexible: bool, body: &Value) {
    if let Some(object) = body.as_object() {
        for name in object.keys() {
            let known = fields.iter().any(|field| &field.name == name);
            assert!(known, "a request names the unknown field {name}");
        }
    }
    let here = fields.iter().filter(|field| holds(field.versions, version));
    let (tagged, plain): (Vec<_>, Vec<_>) =
        here.partition(|field| flexible && holds(field.tagged, version));
    for field in plain {
        let value = body.get(&field.name).unwrap_or(&field.default);
        put(
            out,
            field,
            &field.kind,
            version,
            flexible && field.may_be_compact,
            value,
        );
    }
    if !flexible {
        return;
    }
    let said: Vec<_> = tagged
        .iter()
        .filter_map(|field| Some((field, body.get(&field.name)?)))
        .collect();
    put_varint(out, said.len() as u32);
    for (field, value) in said {
        let mut content = Vec::new();
        put(&mut content, field, &field.kind, version, true, value);
        put_varint(out, field.tag);
        put_varint(out, content.len() as u32);
        out.extend(content);
    }
}

#[track_caller]
fn put(out: &mut Vec<u8>, field: &Field, kind: &Kind, version: i16, flexible: bool, value: &Value) {
    if let Some(hex) = value.get("$hex") {
        return out.extend(hex_bytes(hex.as_str().expect("$hex is text")));
    }
    let number = || match value {
        Value::Number(number) => number.as_i64().expect("a number fits 64 bits"),
        _ => panic!("{} wants a number, not {value}", field.name),
    };
    match kind {
        Kind::Bool => out.push(u8::from(value.as_bool().expect("a bool"))),
        Kind::Int8 => out.extend((number() as i8).to_be_bytes()),
        Kind::Int16 | Kind::Uint16 => out.extend((number() as i16).to_be_bytes()),
        Kind::Int32 | Kind::Uint32 => out.extend((number() as i32).to_be_bytes()),
        Kind::Int64 => out.extend(number().to_be_bytes()),
        Kind::Float64 => out.extend(value.as_f64().expect("a number").to_be_bytes()),
        Kind::Uuid => out.extend(uuid_bytes(value.as_str().expect("a uuid is text"))),
        Kind::String => {
            let text = value.as_str();
            put_length(out, text.map(str::len), flexible, 2);
            out.extend(text.unwrap_or_default().as_bytes());
        }
        Kind::Bytes | Kind::Records => {
            let content = content(value);
            put_length(out, content.as_ref().map(Vec::len), flexible, 4);
            out.extend(content.unwrap_or_default());
        }
        Kind::Array(element) => {
            if let Some(length) = value.get("$length") {
                let length = length.as_u64().expect("$length is a number") as usize;
                return put_length(out, Some(length), flexible, 4);
            }
            let elements = value.as_array();
            assert!(
                elements.is_some() || value.is_null(),
                "{} wants an array",
                field.name
            );
            put_length(out, elements.map(Vec::len), flexible, 4);
            for one in elements.into_iter().flatten() {
                put(out, field, element, version, flexible, one);
            }
        }
        Kind::Struct(fields) => {
            // Null may be the field itself, never an element of it.
            let nullable = holds(field.nullable, version) && is_struct(&field.kind);
            if nullable {
                out.push(if value.is_null() { 0xff } else { 1 });
            }
            if !(nullable && value.is_null()) {
                put_fields(out, fields, version, flexible, value);
            }
        }
    }
}

/// Bytes are text (as it stands), hexadecimal, a batch, or null.
#[track_caller]
fn content(value: &Value) -> Option<Vec<u8>> {
    if let Some(description) = value.get("$batch") {
        return Some(batch::build(description));
    }
    if let Some(hex) = value.get("$bytes") {
        return Some(hex_bytes(hex.as_str().expect("$bytes is text")));
    }
    value.as_str().map(|text| text.as_bytes().to_vec())
}

fn is_struct(kind: &Kind) -> bool {
    matches!(kind, Kind::Struct(_))
}

fn put_length(out: &mut Vec<u8>, length: Option<usize>, flexible: bool, width: usize) {
    match (flexible, length, width) {
        (true, length, _) => put_varint(out, length.map_or(0, |length| length as u32 + 1)),
        (false, length, 2) => out.extend(length.map_or(-1, |length| length as i16).to_be_bytes()),
        (false, length, _) => out.extend(length.map_or(-1, |length| length as i32).to_be_bytes()),
    }
}

fn put_varint(out: &mut Vec<u8>, mut value: u32) {
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

struct Reader<'a> {
    bytes: &'a [u8],
    version: i16,
    flexible: bool,
}

impl<'a> Reader<'a> {
    fn fields(&mut self, fields: &[Field]) -> Result<Value, String> {
        let mut object = Map::new();
        let mut tagged = Vec::new();
        let version = self.version;
        for field in fields.iter().filter(|field| holds(field.versions, version)) {
            if self.flexible && holds(field.tagged, self.version) {
                tagged.push(field);
                continue;
            }
            let value = self.value(field, &field.kind)?;
            object.insert(field.name.clone(), value);
        }
        if self.flexible {
            self.tagged(&tagged, &mut object)?;
        }
        Ok(Value::Object(object))
    }

    fn tagged(&mut self, known: &[&Field], object: &mut Map<String, Value>) -> Result<(), String> {
        for field in known {
            object.insert(field.name.clone(), field.default.clone());
        }
        for _ in 0..self.varint()? {
            let tag = self.varint()?;
            let length = self.varint()? as usize;
            let content = self.take(length)?;
            let Some(field) = known.iter().find(|field| field.tag == tag) else {
                return Err(format!("the tag {tag} is not defined"));
            };
            let mut inner = Reader {
                bytes: content,
                ..*self
            };
            object.insert(field.name.clone(), inner.value(field, &field.kind)?);
        }
        Ok(())
    }

    fn value(&mut self, field: &Field, kind: &Kind) -> Result<Value, String> {
        let in_field = |error| format!("{}: {error}", field.name);
        Ok(match kind {
            Kind::Bool => json!(self.int::<1>().map_err(in_field)? != 0),
            Kind::Int8 => json!(self.int::<1>().map_err(in_field)?),
            Kind::Int16 => json!(self.int::<2>().map_err(in_field)?),
            Kind::Uint16 => json!(self.int::<2>().map_err(in_field)? as u16),
            Kind::Int32 => json!(self.int::<4>().map_err(in_field)?),
            Kind::Uint32 => json!(self.int::<4>().map_err(in_field)? as u32),
            Kind::Int64 => json!(self.int::<8>().map_err(in_field)?),
            Kind::Float64 => {
                let bits = self.int::<8>().map_err(in_field)? as u64;
                json!(f64::from_bits(bits))
            }
            Kind::Uuid => json!(uuid_text(self.take(16).map_err(in_field)?)),
            Kind::String => match self.length(field, 2).map_err(in_field)? {
                None => Value::Null,
                Some(length) => {
                    let text = std::str::from_utf8(self.take(length).map_err(in_field)?);
                    json!(text.map_err(|error| format!("{}: {error}", field.name))?)
                }
            },
            Kind::Bytes | Kind::Records => match self.length(field, 4).map_err(in_field)? {
                None => Value::Null,
                Some(length) => json!(hex_text(self.take(length).map_err(in_field)?)),
            },
            Kind::Array(element) => match self.length(field, 4).map_err(in_field)? {
                None => Value::Null,
                Some(length) => {
                    let elements = (0..length).map(|_| self.value(field, element));
                    Value::Array(elements.collect::<Result<_, _>>().map_err(in_field)?)
                }
            },
            Kind::Struct(fields) => {
                let nullable = holds(field.nullable, self.version) && is_struct(&field.kind);
                if nullable && self.int::<1>().map_err(in_field)? < 0 {
                    return Ok(Value::Null);
                }
                self.fields(fields).map_err(in_field)?
            }
        })
    }

    fn length(&mut self, field: &Field, width: usize) -> Result<Option<usize>, String> {
        let length = match (self.flexible && field.may_be_compact, width) {
            (true, _) => i64::from(self.varint()?) - 1,
            (false, 2) => self.int::<2>()?,
            (false, _) => self.int::<4>()?,
        };
        if length >= 0 {
            return Ok(Some(length as usize));
        }
        // Kafka itself writes null records where the definition does not allow null.
        let null = holds(field.nullable, self.version) || matches!(field.kind, Kind::Records);
        if length == -1 && null {
            return Ok(None);
        }
        Err(format!("the length {length} is not allowed"))
    }

    fn int<const N: usize>(&mut self) -> Result<i64, String> {
        let bytes = self.take(N)?;
        let negative = bytes[0] & 0x80 != 0;
        let start = if negative { -1 } else { 0 };
        Ok(bytes
            .iter()
            .fold(start, |value, byte| value << 8 | i64::from(*byte)))
    }

    fn varint(&mut self) -> Result<u32, String> {
        let mut value = 0u32;
        for shift in (0..35).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("a varint of more than five bytes".into())
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self
            .bytes
            .split_at_checked(count)
            .ok_or_else(|| format!("{count} bytes wanted, {} left", self.bytes.len()))?;
        self.bytes = rest;
        Ok(taken)
    }
}
