//! The Kafka wire: one type per request, response and stored message, in all their versions.
//!
//! Owns: the messages of Kafka 4.4, their headers, the table of APIs.
//! Promises: what a version cannot carry is an error or, where Kafka allows it, left out; decoding
//! takes any bytes without panic and with memory bounded by the bytes present; record batches are
//! never copied.
//! Knows nothing of: sockets and frames' borders, what a request means, error codes' meaning.
//! The messages are generated from `schema/`; its README explains the tables.
//! Start at [`decode_request_header`], then [`messages::AnyRequest`] or [`Message::decode`].

mod api;
pub mod compression;
mod header;
pub mod record_batch;
mod stored;
mod wire;

#[allow(
    unused_imports,
    unused_variables,
    clippy::all,
    clippy::pedantic,
    reason = "generated: regular rather than minimal"
)]
#[path = "generated/mod.rs"]
#[rustfmt::skip]
pub mod messages;

pub use api::{Api, Listeners};
pub use header::{
    HeaderError, decode_request_header, decode_response_header, encode_request_header,
    encode_response_header,
};
pub use messages::{AnyRequest, AnyResponse, ApiKey, MetadataRecord};
pub use stored::{decode_record_type, decode_versioned, encode_record_key, encode_versioned};
pub use wire::{
    DecodeError, ELEMENTS_MAX, EncodeError, LINKED_BYTES_MIN, Message, Reader, RecordContent,
    Records, Request, Struct, TaggedFields, UnknownTaggedFields, Writer,
};
