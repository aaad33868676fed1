//! Kafka's message definitions, read from the JSON files that its clients' jar carries.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use crate::support::Lab;

/// Inclusive bounds of versions; `None` is no version at all.
pub type Versions = Option<(i16, i16)>;

/// One field of a message.
#[derive(Clone, Debug)]
pub struct Field {
    pub name: String,
    pub kind: Kind,
    pub versions: Versions,
    pub nullable: Versions,
    pub tagged: Versions,
    pub tag: u32,
    pub default: Value,
    /// False for the one field that keeps its old form in flexible versions.
    pub may_be_compact: bool,
}

/// The type of a field.
#[derive(Clone, Debug)]
pub enum Kind {
    Bool,
    Int8,
    Int16,
    Uint16,
    Int32,
    Uint32,
    Int64,
    Float64,
    Uuid,
    String,
    Bytes,
    Records,
    Array(Box<Self>),
    Struct(Arc<[Field]>),
}

/// One request or response.
#[derive(Clone, Debug)]
pub struct Message {
    pub key: i16,
    pub valid: Versions,
    pub flexible: Versions,
    pub fields: Arc<[Field]>,
}

/// Every request and response, by the name of its file (`FetchRequest`).
#[derive(Debug)]
pub struct Schema {
    messages: BTreeMap<String, Message>,
}

impl Message {
    /// True if `version` of the message is flexible (KIP-482).
    pub fn is_flexible(&self, version: i16) -> bool {
        holds(self.flexible, version)
    }
}

impl Schema {
    /// The definitions in the lab, read once a process.
    pub fn of(lab: &Lab) -> &'static Self {
        static SCHEMA: OnceLock<Schema> = OnceLock::new();
        SCHEMA.get_or_init(|| Self::read(&lab.messages()))
    }

    /// The request or response called `name`.
    #[track_caller]
    pub fn message(&self, name: &str) -> &Message {
        self.messages
            .get(name)
            .unwrap_or_else(|| panic!("Kafka knows no {name}"))
    }

    /// The names of all requests, without their `Request`.
    pub fn requests(&self) -> impl Iterator<Item = &str> {
        self.messages
            .keys()
            .filter_map(|name| name.strip_suffix("Request"))
    }

    fn read(directory: &Path) -> Self {
        let mut messages = BTreeMap::new();
        let files = fs::read_dir(directory).expect("the lab holds the definitions");
        let files = files.flatten().map(|file| file.path());
        for path in files.filter(|path| path.extension().is_some_and(|end| end == "json")) {
            let text = fs::read_to_string(&path).expect("a definition is text");
            let json: String = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .collect();
            let json: Value = serde_json::from_str(&json)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let name = json["name"]
                .as_str()
                .expect("a message has a name")
                .to_owned();
            if name.ends_with("Request") || name.ends_with("Response") {
                messages.insert(name, read_message(&json));
            }
        }
        Self { messages }
    }
}

fn read_message(json: &Value) -> Message {
    let mut common = BTreeMap::new();
    for one in json["commonStructs"].as_array().into_iter().flatten() {
        common.insert(one["name"].as_str().expect("a struct has a name"), one);
    }
    Message {
        key: i16::try_from(json["apiKey"].as_i64().unwrap_or(-1)).expect("keys are small"),
        valid: read_versions(&json["validVersions"]),
        flexible: read_versions(&json["flexibleVersions"]),
        fields: read_fields(&json["fields"], &common),
    }
}

fn read_fields(json: &Value, common: &BTreeMap<&str, &Value>) -> Arc<[Field]> {
    json.as_array()
        .into_iter()
        .flatten()
        .map(|field| read_field(field, common))
        .collect()
}

fn read_field(json: &Value, common: &BTreeMap<&str, &Value>) -> Field {
    let kind = json["type"].as_str().expect("a field has a type");
    let kind = read_kind(kind, json, common);
    let default = read_default(&json["default"], &kind);
    Field {
        name: json["name"]
            .as_str()
            .expect("a field has a name")
            .to_owned(),
        versions: read_versions(&json["versions"]),
        nullable: read_versions(&json["nullableVersions"]),
        tagged: read_versions(&json["taggedVersions"]),
        tag: u32::try_from(json["tag"].as_u64().unwrap_or(0)).expect("tags are small"),
        may_be_compact: json["flexibleVersions"] != "none",
        kind,
        default,
    }
}

fn read_kind(name: &str, field: &Value, common: &BTreeMap<&str, &Value>) -> Kind {
    match name {
        "bool" => Kind::Bool,
        "int8" => Kind::Int8,
        "int16" => Kind::Int16,
        "uint16" => Kind::Uint16,
        "int32" => Kind::Int32,
        "uint32" => Kind::Uint32,
        "int64" => Kind::Int64,
        "float64" => Kind::Float64,
        "uuid" => Kind::Uuid,
        "string" => Kind::String,
        "bytes" => Kind::Bytes,
        "records" => Kind::Records,
        _ => match name.strip_prefix("[]") {
            Some(element) => Kind::Array(Box::new(read_kind(element, field, common))),
            None => {
                let own = &field["fields"];
                let fields = if own.is_array() {
                    own
                } else {
                    &common[name]["fields"]
                };
                Kind::Struct(read_fields(fields, common))
            }
        },
    }
}

/// Defaults are written as text ("-1", "0x7fffffff", "null") or not at all.
fn read_default(json: &Value, kind: &Kind) -> Value {
    let text = match json {
        Value::String(text) => text.as_str(),
        Value::Null => "",
        other => return other.clone(),
    };
    match kind {
        _ if text == "null" => Value::Null,
        Kind::Bool => Value::Bool(text == "true"),
        Kind::String => Value::String(text.to_owned()),
        Kind::Array(_) => Value::Array(Vec::new()),
        Kind::Struct(_) => Value::Object(serde_json::Map::new()),
        Kind::Bytes | Kind::Records => Value::String(String::new()),
        Kind::Uuid => Value::String("A".repeat(22)),
        _ => match text.strip_prefix("0x") {
            Some(hex) => i64::from_str_radix(hex, 16)
                .expect("a hexadecimal number")
                .into(),
            None => text.parse::<i64>().unwrap_or(0).into(),
        },
    }
}

fn read_versions(json: &Value) -> Versions {
    let text = json.as_str()?;
    if text == "none" {
        return None;
    }
    let number = |text: &str| text.parse::<i16>().expect("a version is a number");
    Some(match (text.strip_suffix('+'), text.split_once('-')) {
        (Some(from), _) => (number(from), i16::MAX),
        (None, Some((from, to))) => (number(from), number(to)),
        (None, None) => (number(text), number(text)),
    })
}

/// True if `version` is within `versions`.
pub fn holds(versions: Versions, version: i16) -> bool {
    versions.is_some_and(|(from, to)| (from..=to).contains(&version))
}
