//! Bytes and fields: what every message of Kafka's protocol is made of.
//!
//! Owns: [`Reader`], [`Writer`], [`Records`], [`UnknownTaggedFields`], the traits of messages.
//! Promises: decoding never panics, never reads beyond its input and never allocates more than
//! the bytes present can fill; record bytes are neither copied on decode nor on encode.
//! Knows nothing of: which messages exist.
//! Start at [`Message`].

mod reader;
mod records;
mod writer;

#[cfg(test)]
mod tests;

use std::fmt;

use bytes::Bytes;

use super::ApiKey;

pub use reader::{ELEMENTS_MAX, Reader};
pub use records::Records;
pub use writer::{LINKED_BYTES_MIN, TaggedFields, Writer};

/// A group of fields. Its version is that of the message around it.
pub trait Struct: Clone + fmt::Debug + Default + PartialEq + Sized {
    /// No encoding, in any version, is shorter.
    const BYTES_MIN: usize;

    /// The fields at the reader's position; what `version` lacks has its default.
    ///
    /// # Errors
    /// If the bytes are not an encoding of this struct.
    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError>;

    /// Appends the fields.
    ///
    /// # Errors
    /// If a field has a value that `version` cannot carry and must not lose.
    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError>;
}

/// A message: a request, a response, a header, or the content of a record.
pub trait Message: Struct {
    /// Kafka's name of the message.
    const NAME: &'static str;
    /// The oldest and the newest version.
    const VERSIONS: (i16, i16);
    /// The first version with compact lengths and tagged fields.
    const FLEXIBLE_SINCE: Option<i16>;

    /// Decodes one message. Bytes behind it stay in the reader: whether they are an error is for
    /// the caller to say.
    ///
    /// # Errors
    /// If there is no such version or the bytes are not an encoding of this message.
    fn decode(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        if !Self::is_version(version) {
            return Err(reader.expected("a version that this message has"));
        }
        Self::decode_fields(reader, version)
    }

    /// Appends the message. What was written before a failure stays in the writer.
    ///
    /// # Errors
    /// If there is no such version, or a field has a value that it cannot carry and must not lose.
    fn encode(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if !Self::is_version(version) {
            return Err(EncodeError::VersionUnsupported {
                message: Self::NAME,
                version,
            });
        }
        self.encode_fields(writer, version)
    }

    /// True if the message has this version.
    #[must_use]
    fn is_version(version: i16) -> bool {
        (Self::VERSIONS.0..=Self::VERSIONS.1).contains(&version)
    }

    /// True if this version has compact lengths and tagged fields.
    #[must_use]
    fn is_flexible(version: i16) -> bool {
        Self::FLEXIBLE_SINCE.is_some_and(|since| version >= since)
    }
}

/// A message that asks.
pub trait Request: Message {
    /// The API it asks.
    const KEY: ApiKey;
    /// The message that answers.
    type Response: Message;
}

/// A message stored in an internal topic, found by its number.
pub trait RecordContent: Message {
    /// The number that stands in front of the message: a metadata record's type, or the version
    /// field of a coordinator's record key.
    const TYPE: i16;
}

/// Why bytes are not what they should be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DecodeError {
    /// Where in the reader's input, in bytes.
    pub position: usize,
    /// What should have stood there.
    pub expected: &'static str,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { position, expected } = self;
        write!(formatter, "expected {expected} at byte {position}")
    }
}

impl std::error::Error for DecodeError {}

/// Why a message has no bytes in the wanted version.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EncodeError {
    /// The message never had this version.
    VersionUnsupported {
        /// Kafka's name of the message.
        message: &'static str,
        /// The version asked for.
        version: i16,
    },
    /// The field has a value, the version lacks the field, and the receiver must not miss it.
    FieldUnsupported {
        /// Kafka's name of the struct and the field.
        field: &'static str,
        /// The version asked for.
        version: i16,
    },
    /// The field is absent, but the version has no way to say so.
    NullUnsupported {
        /// Kafka's name of the struct and the field.
        field: &'static str,
        /// The version asked for.
        version: i16,
    },
    /// A string, byte sequence, array or frame is longer than its length field can say.
    TooLong {
        /// What is too long.
        what: &'static str,
        /// Its length.
        length: usize,
    },
    /// A tagged field that is not known has the tag of another one.
    TagTaken {
        /// The tag.
        tag: u32,
    },
    /// There are unknown tagged fields, but the version has no place for tagged fields.
    TaggedFieldsUnsupported {
        /// The version asked for.
        version: i16,
    },
}

impl fmt::Display for EncodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::VersionUnsupported { message, version } => {
                write!(formatter, "{message} has no version {version}")
            }
            Self::FieldUnsupported { field, version } => {
                write!(
                    formatter,
                    "version {version} lacks {field}, which has a value"
                )
            }
            Self::NullUnsupported { field, version } => {
                write!(formatter, "{field} must not be null in version {version}")
            }
            Self::TooLong { what, length } => {
                write!(formatter, "{what} of length {length} is too long")
            }
            Self::TagTaken { tag } => write!(formatter, "tag {tag} is used twice"),
            Self::TaggedFieldsUnsupported { version } => {
                write!(formatter, "version {version} has no tagged fields")
            }
        }
    }
}

impl std::error::Error for EncodeError {}

/// Tagged fields whose tags this release does not know; kept so that they survive a copy.
#[expect(
    clippy::box_collection,
    reason = "nearly always absent: one word in every struct, not three"
)]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UnknownTaggedFields(Option<Box<Vec<(u32, Bytes)>>>);

impl UnknownTaggedFields {
    /// The fields, in the order of their tags.
    #[must_use]
    pub fn as_slice(&self) -> &[(u32, Bytes)] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }

    /// True if there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }
}

impl From<Vec<(u32, Bytes)>> for UnknownTaggedFields {
    /// The fields in any order: on the wire they stand in the order of their tags.
    fn from(mut fields: Vec<(u32, Bytes)>) -> Self {
        fields.sort_by_key(|(tag, _)| *tag);
        Self((!fields.is_empty()).then(|| Box::new(fields)))
    }
}
