//! Two answers, field by field, and the list of what differs on purpose.

use std::cmp::Ordering;
use std::fmt::Write;

use serde_json::Value;

/// The meant differences, from lines `row pattern | path pattern | reason`.
pub struct Differences {
    entries: Vec<Entry>,
}

struct Entry {
    row: String,
    path: String,
    line: String,
    used: bool,
}

impl Differences {
    #[track_caller]
    pub fn read(text: &str) -> Self {
        let lines = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let entries = lines.map(|line| {
            let parts: Vec<&str> = line.split(" | ").collect();
            let [row, path, reason] = parts[..] else {
                panic!("not `row | path | reason`: {line}");
            };
            assert!(!reason.is_empty(), "a difference without a reason: {line}");
            Entry {
                row: row.into(),
                path: path.into(),
                line: line.into(),
                used: false,
            }
        });
        Self {
            entries: entries.collect(),
        }
    }

    /// True if a line allows what was `found` (`path: …`) in the row.
    pub fn allow(&mut self, row: &str, found: &str) -> bool {
        let path = found.split_once(": ").map_or(found, |(path, _)| path);
        let entry = self
            .entries
            .iter_mut()
            .find(|entry| matches(&entry.row, row) && matches(&entry.path, path));
        entry.is_some_and(|entry| {
            entry.used = true;
            true
        })
    }

    /// The lines that allowed nothing.
    pub fn unused(&self) -> String {
        self.entries
            .iter()
            .filter(|entry| !entry.used)
            .fold(String::new(), |mut all, entry| {
                writeln!(all, "{}", entry.line).expect("memory");
                all
            })
    }
}

/// True if `text` is `pattern`, where `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len())
                .filter(|&at| rest.is_char_boundary(at))
                .any(|at| matches(after, &rest[at..]))
        }),
    }
}

/// What differs between Kafka's answer and ours, as `path: Kafka's, ours`.
pub fn differences(judged: &Value, ours: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect("", judged, ours, &mut found);
    found
}

fn collect(path: &str, judged: &Value, ours: &Value, found: &mut Vec<String>) {
    match (judged, ours) {
        (Value::Object(a), Value::Object(b)) => {
            let names = a
                .keys()
                .chain(b.keys().filter(|name| !a.contains_key(*name)));
            for name in names {
                let (a, b) = (a.get(name), b.get(name));
                let path = format!("{path}/{name}");
                collect(
                    &path,
                    a.unwrap_or(&Value::Null),
                    b.unwrap_or(&Value::Null),
                    found,
                );
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
            for index in 0.. {
                // An element that only one of them has must not shift all that follow.
                let order = match (a.peek(), b.peek()) {
                    (None, None) => break,
                    (Some(_), None) => Ordering::Less,
                    (None, Some(_)) => Ordering::Greater,
                    (Some(a), Some(b)) => identity(a).cmp(&identity(b)),
                };
                match order {
                    Ordering::Less => found.extend(
                        a.next()
                            .map(|a| format!("{path}/{} (missing): {a}", name(a, index))),
                    ),
                    Ordering::Greater => found.extend(
                        b.next()
                            .map(|b| format!("{path}/{} (extra): {b}", name(b, index))),
                    ),
                    Ordering::Equal => {
                        let (Some(a), Some(b)) = (a.next(), b.next()) else {
                            break;
                        };
                        collect(&format!("{path}/{}", name(a, index)), a, b, found);
                    }
                }
            }
        }
        _ if judged == ours => {}
        _ => {
            let path = if path.is_empty() { "answer" } else { path };
            found.push(format!("{path}: Kafka {judged}, Forebay {ours}"));
        }
    }
}

/// What names an element of an array: names and ids, then numbers.
fn identity(element: &Value) -> (Vec<String>, Vec<i64>) {
    let names = [
        "Name",
        "TopicName",
        "Topic",
        "TopicId",
        "ResourceName",
        "GroupId",
        "Principal",
        "Host",
    ];
    let numbers = [
        "PartitionIndex",
        "Partition",
        "Index",
        "NodeId",
        "ApiKey",
        "ResourceType",
        "PatternType",
        "Operation",
        "PermissionType",
    ];
    let text = |name: &&str| element.get(name).and_then(Value::as_str).map(str::to_owned);
    let number = |name: &&str| element.get(name).and_then(Value::as_i64);
    (
        names.iter().filter_map(text).collect(),
        numbers.iter().filter_map(number).collect(),
    )
}

/// How a path names an element: by its identity, by its place if it has none.
fn name(element: &Value, index: usize) -> String {
    let (names, numbers) = identity(element);
    let mut parts = names;
    parts.extend(numbers.iter().map(i64::to_string));
    parts.retain(|part| !part.is_empty());
    if parts.is_empty() {
        index.to_string()
    } else {
        parts.join(",")
    }
}

/// Sorts the arrays of an answer by what names their elements, since Kafka's order comes from a
/// hash table wherever it does not come from the request.
pub fn sort_arrays(value: &mut Value) {
    match value {
        Value::Array(elements) => {
            elements.iter_mut().for_each(sort_arrays);
            elements.sort_by_key(identity);
        }
        Value::Object(fields) => fields.values_mut().for_each(sort_arrays),
        _ => {}
    }
}
