//! Random values of messages, made from the schema tables alone.

use forebay::stdx::Random;

use crate::schema::{Base, Field, Message, Struct};

/// A value of a field or a struct, in no particular version.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Number(i64),
    Float(f64),
    Text(String),
    /// Bytes or records.
    Bytes(Vec<u8>),
    Uuid([u8; 16]),
    Array(Vec<Self>),
    /// The fields in the order of the schema, absent ones with their defaults; then the unknown
    /// tagged fields in the order of their tags.
    Struct(Vec<Self>, Vec<(u32, Vec<u8>)>),
}

/// How values are drawn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fill {
    /// No field that the version has is null, empty or its default.
    Full,
    /// Some are.
    Mixed,
    /// As `Mixed`, and with tagged fields that nobody knows.
    WithUnknownTags,
}

/// Tags that Kafka is not going to use soon.
const UNKNOWN_TAG_MIN: u64 = 10_000;

/// The struct that is the message itself.
pub fn root(message: &Message) -> &Struct {
    message.structs.last().expect("a message is a struct")
}

/// A value of the message that `version` can carry.
pub fn draw(message: &Message, version: i16, fill: Fill, random: &mut Random) -> Value {
    let mut artist = Artist {
        message,
        version,
        random,
    };
    artist.draw_struct(root(message), fill)
}

/// The value that a field has where nothing says otherwise.
pub fn default_of(message: &Message, field: &Field) -> Value {
    if field.is_null_by_default() || is_nullable_records(field) {
        return Value::Null;
    }
    if field.is_array {
        return Value::Array(Vec::new());
    }
    let text = field.default.as_deref();
    match &field.base {
        Base::Bool => Value::Bool(text == Some("true")),
        Base::Float64 => Value::Float(text.map_or(0.0, |text| text.parse().unwrap())),
        Base::String => Value::Text(text.unwrap_or_default().to_owned()),
        Base::Bytes | Base::Records => Value::Bytes(Vec::new()),
        Base::Uuid => Value::Uuid([0; 16]),
        Base::Struct(name) => {
            let fields = message.find(name).fields.iter();
            let defaults = fields.map(|field| default_of(message, field)).collect();
            Value::Struct(defaults, Vec::new())
        }
        _ => Value::Number(text.map_or(0, |text| text.parse().unwrap())),
    }
}

/// Records that may be null are null unless set, whatever the schema says of other types.
fn is_nullable_records(field: &Field) -> bool {
    field.base == Base::Records && field.nullable_since.is_some()
}

struct Artist<'a> {
    message: &'a Message,
    version: i16,
    random: &'a mut Random,
}

impl Artist<'_> {
    fn draw_struct(&mut self, one: &Struct, fill: Fill) -> Value {
        let mut fields = Vec::new();
        for field in &one.fields {
            fields.push(if field.is_in(self.version) {
                self.draw_field(field, fill)
            } else {
                default_of(self.message, field)
            });
        }
        let mut unknown = Vec::new();
        if fill == Fill::WithUnknownTags && self.message.is_flexible(self.version) {
            let mut tag = UNKNOWN_TAG_MIN;
            while self.random.chance(1, 2) {
                tag += 1 + self.random.below(100);
                unknown.push((u32::try_from(tag).unwrap(), self.draw_bytes()));
            }
        }
        Value::Struct(fields, unknown)
    }

    fn draw_field(&mut self, field: &Field, fill: Fill) -> Value {
        let version = self.version;
        let is_nullable = field.nullable_since.is_some_and(|since| version >= since);
        if fill != Fill::Full {
            if is_nullable && self.random.chance(1, 4) {
                return Value::Null;
            }
            let default = default_of(self.message, field);
            if self.random.chance(1, 6) && (is_nullable || default != Value::Null) {
                return default;
            }
        }
        if !field.is_array {
            // What stands in a tagged field must differ from its default to be written.
            let fill = if field.tag.is_some() {
                Fill::Full
            } else {
                fill
            };
            return self.draw_value(field, fill);
        }
        let count = match fill {
            Fill::Full => 1 + self.random.below(3),
            _ => self.random.below(4),
        };
        Value::Array((0..count).map(|_| self.draw_value(field, fill)).collect())
    }

    fn draw_value(&mut self, field: &Field, fill: Fill) -> Value {
        let default = default_of(self.message, field);
        loop {
            let value = match &field.base {
                // A default that is true leaves only false to differ from it.
                Base::Bool => Value::Bool(default != Value::Bool(true)),
                Base::Int8 => self.draw_number(8),
                Base::Int16 => self.draw_number(16),
                Base::Int32 => self.draw_number(32),
                Base::Int64 => self.draw_number(64),
                Base::Uint16 => Value::Number(self.random.below(1 << 16).cast_signed()),
                Base::Uint32 => Value::Number(self.random.below(1 << 32).cast_signed()),
                // A quarter is exact in binary and prints the same everywhere.
                Base::Float64 => Value::Float(f64::from(self.random.below(1 << 20) as u32) / 4.0),
                Base::String => Value::Text(self.draw_text()),
                Base::Bytes | Base::Records => Value::Bytes(self.draw_bytes()),
                Base::Uuid => Value::Uuid(self.random.next_bytes16()),
                Base::Struct(name) => {
                    let message = self.message;
                    self.draw_struct(message.find(name), fill)
                }
            };
            if field.is_array || value != default {
                return value;
            }
        }
    }

    /// Small and large numbers of so many bits, both signs.
    fn draw_number(&mut self, bits: u64) -> Value {
        let width = 1 + self.random.below(bits);
        let number = self.random.next_u64() >> (64 - width);
        let shift = 64 - bits;
        Value::Number((number << shift).cast_signed() >> shift)
    }

    fn draw_text(&mut self) -> String {
        const LETTERS: [char; 8] = ['a', 'Z', '7', '-', '_', '.', 'ü', '語'];
        // Beyond 127 bytes a compact length has two bytes.
        let length = if self.random.chance(1, 20) {
            100 + self.random.below(100)
        } else {
            1 + self.random.below(12)
        };
        let letters = (0..length).map(|_| self.random.below(8) as usize);
        letters.map(|index| LETTERS[index]).collect()
    }

    fn draw_bytes(&mut self) -> Vec<u8> {
        let length = if self.random.chance(1, 20) {
            1000 + self.random.below(2000)
        } else {
            1 + self.random.below(20)
        };
        (0..length).map(|_| self.random.next_u64() as u8).collect()
    }
}
