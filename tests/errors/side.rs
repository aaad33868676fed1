//! One of the two brokers under comparison, and what was learned from it so far.

use std::collections::BTreeMap;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::compare::sort_arrays;
use crate::row::Row;
use crate::support::Broker;
use crate::support::wire::{Connection, Schema, encode, frame, hex_bytes};

/// How long an answer may take, and how long a row may be repeated.
const LIMIT: Duration = Duration::from_secs(5);
/// The name under which rows keep the epoch of the metadata quorum.
const QUORUM_EPOCH: &str = "quorum";
/// Stands for a value that no answer gave.
const UNKNOWN_ID: &str = "AAAAAAAAAAAAAAAAAAAB9w";
const UNTIL: Duration = Duration::from_secs(30);

/// A broker with the values that rows kept of its answers.
pub struct Side<'a> {
    broker: &'a Broker,
    schema: &'static Schema,
    /// One for each address that rows are sent from, and port that they are sent to.
    connections: BTreeMap<(String, u16), Connection>,
    kept: BTreeMap<String, Value>,
}

impl<'a> Side<'a> {
    pub fn new(broker: &'a Broker, schema: &'static Schema) -> Self {
        Self {
            broker,
            schema,
            connections: BTreeMap::new(),
            kept: BTreeMap::new(),
        }
    }

    /// Sends the row in `version`; what came of it, without what differs from run to run.
    #[track_caller]
    pub fn outcome(&mut self, row: &Row, version: i16) -> Value {
        let started = Instant::now();
        loop {
            let answer = match self.answer(row, version) {
                Ok(answer) => answer,
                Err(error) => return json!(what_happened(&error)),
            };
            let awaited = |(path, value): &(String, Value)| {
                answer.pointer(path) == Some(&self.filled(value, version))
            };
            if started.elapsed() < UNTIL && !row.until.iter().all(awaited) {
                thread::sleep(Duration::from_millis(50));
                continue;
            }
            self.keep(row, version, &answer);
            let mut answer = self.normal("", &answer);
            sort_arrays(&mut answer);
            return answer;
        }
    }

    fn answer(&mut self, row: &Row, version: i16) -> io::Result<Value> {
        let port = match row.to_controller {
            true => self.broker.controller,
            false => self.broker.port,
        };
        let place = (row.host.clone(), port);
        let mut connection = self
            .connections
            .remove(&place)
            .unwrap_or_else(|| self.broker.connect_from(&row.host, port));
        connection.wait_at_most(LIMIT);
        let answer = self.exchange(&mut connection, row, version)?;
        self.connections.insert(place, connection);
        Ok(answer)
    }

    fn exchange(&self, to: &mut Connection, row: &Row, version: i16) -> io::Result<Value> {
        if let Some(bytes) = &row.bytes {
            to.send_bytes(&hex_bytes(bytes))?;
        } else {
            to.send_frame(&self.frame(row, version))?;
        }
        if row.finish {
            to.finish()?;
        }
        if row.silent {
            // Answers come in order: the next request's tells that this one got none.
            to.ask("ApiVersions", 0, &json!({}))?;
            return Ok(json!("no answer, the connection lives"));
        }
        if row.api.is_empty() {
            to.receive()?;
            return Ok(json!("an answer"));
        }
        // What a broker cannot read of ApiVersions it answers in version 0 (KIP-511).
        let unknown = row.api == "ApiVersions" && version != row.body_version.unwrap_or(version);
        to.answer(&row.api, if unknown { 0 } else { version })
    }

    fn frame(&self, row: &Row, version: i16) -> Vec<u8> {
        if let Some(bytes) = &row.frame {
            return hex_bytes(bytes);
        }
        let message = self.schema.message(&format!("{}Request", row.api));
        let body_version = row.body_version.unwrap_or(version);
        let flexible = message.is_flexible(version);
        let mut bytes = frame(row.key.unwrap_or(message.key), version, 7, flexible);
        let body = self.filled(&row.body, version);
        bytes.extend(encode(message, body_version, &body));
        bytes.extend(hex_bytes(row.tail.as_deref().unwrap_or("")));
        bytes
    }

    /// The body with `{v}` (the version) and `$name` (a kept value) filled in.
    fn filled(&self, body: &Value, version: i16) -> Value {
        match body {
            Value::String(text) => match text.strip_prefix('$') {
                Some(name) => {
                    let name = name.replace("{v}", &version.to_string());
                    // A broker that failed to give the value has been found wrong already.
                    self.kept.get(&name).cloned().unwrap_or(json!(UNKNOWN_ID))
                }
                None => json!(text.replace("{v}", &version.to_string())),
            },
            Value::Array(elements) => elements
                .iter()
                .map(|element| self.filled(element, version))
                .collect(),
            Value::Object(fields) => {
                let filled =
                    |(name, value): (&String, &Value)| (name.clone(), self.filled(value, version));
                Value::Object(fields.iter().map(filled).collect())
            }
            other => other.clone(),
        }
    }

    #[track_caller]
    fn keep(&mut self, row: &Row, version: i16, answer: &Value) {
        for (name, path) in &row.keep {
            if let Some(value) = answer.pointer(path) {
                self.kept
                    .insert(name.replace("{v}", &version.to_string()), value.clone());
            }
        }
    }

    /// The value without what no two brokers share: ids, ports, the words of a message.
    fn normal(&self, name: &str, value: &Value) -> Value {
        if let Some(kept) = self.name_of(name, value) {
            return json!(kept);
        }
        match (name, value) {
            ("ErrorMessage" | "BatchIndexErrorMessage", Value::String(text))
                if !text.is_empty() =>
            {
                json!("words")
            }
            ("LogDir", Value::String(_)) => json!("the directory"),
            ("ClusterId", Value::String(_)) => json!("the cluster"),
            ("Port", Value::Number(_)) => json!("its port"),
            ("SubscriptionId", Value::Number(_)) => json!("some number"),
            ("UsableBytes", Value::Number(number)) if number.as_i64() > Some(0) => {
                json!("some number")
            }
            ("ProducerId" | "SessionId", Value::Number(number)) if number.as_i64() > Some(0) => {
                json!("some number")
            }
            ("FinalizedFeaturesEpoch" | "BrokerEpoch", Value::Number(number))
                if number.as_i64() > Some(0) =>
            {
                json!("an epoch")
            }
            (_, Value::String(text)) => json!(without_id(text, name.ends_with("Id"))),
            (_, Value::Array(elements)) => elements
                .iter()
                .map(|element| self.normal(name, element))
                .collect(),
            (_, Value::Object(fields)) => {
                let normal =
                    |(name, value): (&String, &Value)| (name.clone(), self.normal(name, value));
                Value::Object(fields.iter().map(normal).collect::<Map<_, _>>())
            }
            (_, other) => other.clone(),
        }
    }

    /// The `$name` under which an id was kept, or the epoch of the metadata quorum.
    fn name_of(&self, field: &str, value: &Value) -> Option<String> {
        if field == "LeaderEpoch" && self.kept.get(QUORUM_EPOCH) == Some(value) {
            return Some(format!("${QUORUM_EPOCH}"));
        }
        let id = field.ends_with("Id") || field == "Leader";
        let text = value.as_str().filter(|text| id && !text.is_empty())?;
        let name = self
            .kept
            .iter()
            .find(|(_, kept)| kept.as_str() == Some(text))?
            .0;
        Some(format!("${name}"))
    }
}

/// An exchange that failed, in words that both brokers share.
fn what_happened(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::BrokenPipe => "the connection is closed".into(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "no answer in time".into(),
        _ => format!("an answer that cannot be read: {error}"),
    }
}

/// The text without a random part: a UUID at its end (member ids), or a whole id of 22 digits.
fn without_id(text: &str, is_id: bool) -> String {
    let digits = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
    if let Some((before, end)) = text
        .len()
        .checked_sub(36)
        .and_then(|at| text.split_at_checked(at))
        && end.bytes().all(digits)
        && end.matches('-').count() == 4
    {
        return format!("{before}<uuid>");
    }
    let zero = text.bytes().all(|byte| byte == b'A');
    if is_id && text.len() == 22 && !zero {
        "some id".to_owned()
    } else {
        text.to_owned()
    }
}
