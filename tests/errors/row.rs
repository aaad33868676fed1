//! One row: a request, the versions it is sent in, what is kept of its answer.

use std::fs;

use serde_json::Value;

use crate::support::wire::Schema;

/// One row of the table.
#[derive(Clone)]
pub struct Row {
    /// A sentence that says what is odd.
    pub name: String,
    /// The API's name; empty for a frame given as bytes.
    pub api: String,
    /// The versions it is sent in, in this order.
    pub versions: Vec<i16>,
    /// The version that the body is written in, if not the one that the header claims.
    pub body_version: Option<i16>,
    /// The API key that the header claims, if not that of the API.
    pub key: Option<i16>,
    /// The address of this machine that it is sent from.
    pub host: String,
    /// It is sent to the listener of the controller, not to that of the broker.
    pub to_controller: bool,
    pub body: Value,
    /// Bytes of a whole frame instead of a header and a body, as hexadecimal text.
    pub frame: Option<String>,
    /// Bytes sent as they stand, without the length before a frame.
    pub bytes: Option<String>,
    /// Bytes that follow the body within its frame.
    pub tail: Option<String>,
    /// The client says right after it that it will send no more.
    pub finish: bool,
    /// No answer is due: the row asks whether the connection lives.
    pub silent: bool,
    /// Values of the answer that later rows name as `$name`: the name, then a JSON pointer.
    pub keep: Vec<(String, String)>,
    /// JSON pointers and the values there that the row is repeated for, since brokers take a
    /// moment to learn what the controller decided.
    pub until: Vec<(String, Value)>,
}

impl Row {
    /// Every row of a folder, file by file in the order of their names.
    #[track_caller]
    pub fn all(schema: &Schema, folder: &str) -> Vec<Self> {
        let directory = format!("{}/tests/errors/{folder}", env!("CARGO_MANIFEST_DIR"));
        let mut files: Vec<_> = fs::read_dir(directory)
            .expect("the rows are part of the package")
            .map(|file| file.expect("a directory can be read").path())
            .collect();
        files.sort();
        let mut rows = Vec::new();
        for file in files {
            let text = fs::read_to_string(&file).expect("rows are text");
            for (number, line) in text.lines().enumerate() {
                if line.is_empty() || line.starts_with('#') {
                    continue;
                }
                let json: Value = serde_json::from_str(line).unwrap_or_else(|error| {
                    panic!("{}:{}: {error}", file.display(), number + 1);
                });
                rows.push(Self::read(&json, schema));
            }
        }
        rows
    }

    #[track_caller]
    fn read(json: &Value, schema: &Schema) -> Self {
        let text = |name: &str| json[name].as_str().map(str::to_owned);
        let number = |name: &str| json[name].as_i64().map(|number| number as i16);
        let api = text("api").unwrap_or_default();
        let valid = || {
            schema
                .message(&format!("{api}Request"))
                .valid
                .expect("a living API")
        };
        let versions = match json["versions"].as_str() {
            None if api.is_empty() => vec![0],
            None => (valid().0..=valid().1).collect(),
            Some(text) => read_versions(text, valid),
        };
        let keep = json["keep"].as_object().into_iter().flatten();
        let until = json["until"].as_object().into_iter().flatten();
        Self {
            name: text("row").unwrap_or_else(|| panic!("a row without a name: {json}")),
            versions,
            body_version: number("body_version"),
            key: number("key"),
            to_controller: json["to"] == "controller",
            host: text("host").unwrap_or_else(|| "127.0.0.1".to_owned()),
            body: json["body"].clone(),
            frame: text("frame"),
            bytes: text("bytes"),
            tail: text("tail"),
            finish: json["finish"] == true,
            silent: json["silent"] == true,
            keep: keep
                .map(|(name, path)| (name.clone(), path.as_str().unwrap_or("").to_owned()))
                .collect(),
            until: until
                .map(|(path, value)| (path.clone(), value.clone()))
                .collect(),
            api,
        }
    }
}

/// `3..7`, `5+`, `..4`, `1,9`, `last`; the open ends are those of the definition.
fn read_versions(text: &str, valid: impl Fn() -> (i16, i16)) -> Vec<i16> {
    let number = |text: &str| text.parse::<i16>().expect("a version is a number");
    let mut versions = Vec::new();
    for part in text.split(',') {
        if part == "last" {
            versions.push(valid().1);
        } else if let Some(from) = part.strip_suffix('+') {
            versions.extend(number(from)..=valid().1);
        } else if let Some(to) = part.strip_prefix("..") {
            versions.extend(valid().0..=number(to));
        } else if let Some((from, to)) = part.split_once("..") {
            versions.extend(number(from)..=number(to));
        } else {
            versions.push(number(part));
        }
    }
    versions
}
