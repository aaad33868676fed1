//! What is generated of all messages together: the list of modules, the enums, the table of APIs.

use crate::schema::{Kind, Message};

pub fn api_name(message: &Message) -> &str {
    let name = &message.name;
    let api = name
        .strip_suffix("Request")
        .or_else(|| name.strip_suffix("Response"));
    api.expect("requests and responses are named so")
}

pub fn index_file(messages: &[Message]) -> String {
    let mut out = String::new();
    line!(
        out,
        0,
        "//! Every message of Kafka's protocol, one module each."
    );
    line!(out, 0, "//!");
    line!(
        out,
        0,
        "//! A field has Kafka's name in small letters; a word of Rust is written raw (`r#type`)."
    );
    line!(out, 0, "//! Versions above a field are those that have it.");
    line!(
        out,
        0,
        "//! Generated from `src/protocol/schema` by `tests/protocol/generator`: do not edit."
    );
    line!(out, 0, "");
    let mut names: Vec<_> = messages
        .iter()
        .map(|message| (message.module(), &message.name))
        .collect();
    names.sort();
    line!(out, 0, "mod any;");
    line!(out, 0, "mod api_key;");
    line!(out, 0, "mod metadata_record;");
    line!(out, 0, "");
    for (module, _) in &names {
        line!(out, 0, "pub mod {module};");
    }
    line!(out, 0, "");
    line!(out, 0, "pub use any::{{AnyRequest, AnyResponse}};");
    line!(out, 0, "pub use api_key::ApiKey;");
    line!(out, 0, "pub(super) use api_key::APIS;");
    line!(out, 0, "pub use metadata_record::MetadataRecord;");
    line!(out, 0, "");
    for (module, name) in &names {
        line!(out, 0, "pub use {module}::{name};");
    }
    out
}

pub fn of_kind(messages: &[Message], kind: Kind) -> Vec<&Message> {
    let messages = messages.iter();
    let mut found: Vec<_> = messages.filter(|message| message.kind == kind).collect();
    found.sort_by_key(|message| message.number);
    found
}

pub fn api_key_file(messages: &[Message]) -> String {
    let requests = of_kind(messages, Kind::Request);
    let mut out = String::from("//! Generated from `schema`: do not edit.\n\n");
    line!(out, 0, "use super::super::api::{{Api, Listeners}};");
    line!(out, 0, "");
    line!(
        out,
        0,
        "/// One of Kafka's APIs. The variants have Kafka's names and numbers."
    );
    line!(
        out,
        0,
        "#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]"
    );
    line!(out, 0, "#[repr(i16)]");
    line!(out, 0, "pub enum ApiKey {{");
    for request in &requests {
        line!(
            out,
            1,
            "{} = {},",
            api_name(request),
            request.number.unwrap()
        );
    }
    line!(out, 0, "}}");
    line!(out, 0, "");
    line!(out, 0, "/// Every API, in the order of the numbers.");
    line!(out, 0, "pub const APIS: &[Api] = &[");
    for request in &requests {
        let name = api_name(request);
        let has = |listener: &str| request.listeners.iter().any(|one| one == listener);
        line!(out, 1, "Api {{");
        line!(out, 2, "key: ApiKey::{name},");
        line!(out, 2, "name: \"{name}\",");
        line!(out, 2, "versions: {:?},", request.versions);
        line!(out, 2, "flexible_since: {:?},", request.flexible_since);
        line!(
            out,
            2,
            "listeners: Listeners {{ broker: {}, controller: {} }},",
            has("broker"),
            has("controller")
        );
        line!(
            out,
            2,
            "is_latest_version_unstable: {},",
            request.latest_unstable
        );
        line!(out, 1, "}},");
    }
    line!(out, 0, "];");
    out
}

pub fn any_file(messages: &[Message]) -> String {
    let mut out = String::from("//! Generated from `schema`: do not edit.\n\n");
    line!(
        out,
        0,
        "use super::super::wire::{{DecodeError, EncodeError, Message, Reader, Writer}};"
    );
    line!(out, 0, "use super::ApiKey;");
    for (kind, name, what) in [
        (Kind::Request, "AnyRequest", "A request of any API."),
        (Kind::Response, "AnyResponse", "A response of any API."),
    ] {
        let of_kind = of_kind(messages, kind);
        line!(out, 0, "");
        line!(out, 0, "/// {what}");
        line!(out, 0, "#[derive(Clone, Debug, PartialEq)]");
        line!(out, 0, "pub enum {name} {{");
        for message in &of_kind {
            line!(out, 1, "{}(super::{}),", api_name(message), message.name);
        }
        line!(out, 0, "}}");
        line!(out, 0, "");
        line!(out, 0, "impl {name} {{");
        line!(out, 1, "/// The API that it belongs to.");
        line!(out, 1, "#[must_use]");
        line!(out, 1, "pub const fn key(&self) -> ApiKey {{");
        line!(out, 2, "match self {{");
        for message in &of_kind {
            let api = api_name(message);
            line!(out, 3, "Self::{api}(_) => ApiKey::{api},");
        }
        line!(out, 2, "}}");
        line!(out, 1, "}}");
        line!(out, 0, "");
        line!(out, 1, "/// Decodes the message of this API and version.");
        line!(out, 1, "///");
        line!(out, 1, "/// # Errors");
        line!(out, 1, "/// As [`Message::decode`].");
        line!(out, 1, "pub fn decode(");
        line!(out, 2, "key: ApiKey,");
        line!(out, 2, "version: i16,");
        line!(out, 2, "reader: &mut Reader,");
        line!(out, 1, ") -> Result<Self, DecodeError> {{");
        line!(out, 2, "match key {{");
        for message in &of_kind {
            let api = api_name(message);
            line!(
                out,
                3,
                "ApiKey::{api} => Message::decode(reader, version).map(Self::{api}),"
            );
        }
        line!(out, 2, "}}");
        line!(out, 1, "}}");
        line!(out, 0, "");
        any_encode(&mut out, &of_kind, api_name);
        line!(out, 0, "}}");
        for message in &of_kind {
            from_implementation(&mut out, name, api_name(message), &message.name);
        }
    }
    out
}

pub fn any_encode(out: &mut String, of_kind: &[&Message], variant: fn(&Message) -> &str) {
    line!(out, 1, "/// Appends the message.");
    line!(out, 1, "///");
    line!(out, 1, "/// # Errors");
    line!(out, 1, "/// As [`Message::encode`].");
    let signature = "pub fn encode(&self, writer: &mut Writer, version: i16)";
    line!(out, 1, "{signature} -> Result<(), EncodeError> {{");
    line!(out, 2, "match self {{");
    for message in of_kind {
        line!(
            out,
            3,
            "Self::{}(message) => message.encode(writer, version),",
            variant(message)
        );
    }
    line!(out, 2, "}}");
    line!(out, 1, "}}");
}

pub fn from_implementation(out: &mut String, target: &str, variant: &str, source: &str) {
    line!(out, 0, "");
    line!(out, 0, "impl From<super::{source}> for {target} {{");
    line!(out, 1, "fn from(message: super::{source}) -> Self {{");
    line!(out, 2, "Self::{variant}(message)");
    line!(out, 1, "}}");
    line!(out, 0, "}}");
}

pub fn metadata_record_file(messages: &[Message]) -> String {
    let records = of_kind(messages, Kind::MetadataRecord);
    let variant: fn(&Message) -> &str = |message| {
        let variant = message.name.strip_suffix("Record");
        variant.expect("metadata records are named so")
    };
    let mut out = String::from("//! Generated from `schema`: do not edit.\n\n");
    line!(
        out,
        0,
        "use super::super::wire::{{DecodeError, EncodeError, Message, Reader, Writer}};"
    );
    line!(out, 0, "use super::super::wire::RecordContent as _;");
    line!(out, 0, "");
    line!(
        out,
        0,
        "/// The content of a record in `__cluster_metadata`."
    );
    line!(out, 0, "#[derive(Clone, Debug, PartialEq)]");
    line!(out, 0, "pub enum MetadataRecord {{");
    for record in &records {
        line!(out, 1, "{}(super::{}),", variant(record), record.name);
    }
    line!(out, 0, "}}");
    line!(out, 0, "");
    line!(out, 0, "impl MetadataRecord {{");
    metadata_record_type(&mut out, &records, variant);
    metadata_record_decode(&mut out, &records, variant);
    any_encode(&mut out, &records, variant);
    line!(out, 0, "}}");
    for record in &records {
        from_implementation(&mut out, "MetadataRecord", variant(record), &record.name);
    }
    out
}

fn metadata_record_type(out: &mut String, records: &[&Message], variant: fn(&Message) -> &str) {
    line!(out, 1, "/// The number that says which record it is.");
    line!(out, 1, "#[must_use]");
    line!(out, 1, "pub const fn record_type(&self) -> i16 {{");
    line!(out, 2, "match self {{");
    for record in records {
        line!(
            out,
            3,
            "Self::{}(_) => super::{}::TYPE,",
            variant(record),
            record.name
        );
    }
    line!(out, 2, "}}");
    line!(out, 1, "}}");
    line!(out, 0, "");
}

fn metadata_record_decode(out: &mut String, records: &[&Message], variant: fn(&Message) -> &str) {
    line!(
        out,
        1,
        "/// Decodes the fields of the record of this type and version."
    );
    line!(out, 1, "///");
    line!(out, 1, "/// # Errors");
    line!(
        out,
        1,
        "/// If there is no such type, and as [`Message::decode`]."
    );
    line!(out, 1, "pub fn decode_content(");
    line!(out, 2, "record_type: i16,");
    line!(out, 2, "version: i16,");
    line!(out, 2, "reader: &mut Reader,");
    line!(out, 1, ") -> Result<Self, DecodeError> {{");
    line!(out, 2, "match record_type {{");
    for record in records {
        let (name, variant) = (&record.name, variant(record));
        line!(out, 3, "super::{name}::TYPE => {{");
        line!(
            out,
            4,
            "Message::decode(reader, version).map(Self::{variant})"
        );
        line!(out, 3, "}}");
    }
    line!(
        out,
        3,
        "_ => Err(reader.expected(\"a known type of metadata record\")),"
    );
    line!(out, 2, "}}");
    line!(out, 1, "}}");
    line!(out, 0, "");
}
