//! The schema tables (`src/protocol/schema`), parsed; their grammar stands in the README there.

use std::fs;
use std::path::Path;

/// First and last version.
pub type Versions = (i16, i16);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    Request,
    Response,
    Header,
    Data,
    MetadataRecord,
    RemoteLogRecord,
    CoordinatorKey,
    CoordinatorValue,
}

#[derive(Clone, Debug)]
pub struct Message {
    pub kind: Kind,
    pub number: Option<i16>,
    pub name: String,
    pub versions: Versions,
    pub flexible_since: Option<i16>,
    pub listeners: Vec<String>,
    pub latest_unstable: bool,
    /// Every struct of the message; the last one is the message itself.
    pub structs: Vec<Struct>,
    /// The file that holds it, without its ending.
    pub file: String,
}

#[derive(Clone, Debug)]
pub struct Struct {
    pub name: String,
    pub versions: Versions,
    pub fields: Vec<Field>,
}

#[derive(Clone, Debug)]
pub struct Field {
    pub name: String,
    pub base: Base,
    pub is_array: bool,
    /// The first version in which it may be null.
    pub nullable_since: Option<i16>,
    pub versions: Versions,
    pub tag: Option<u32>,
    pub is_ignorable: bool,
    pub is_inflexible: bool,
    pub default: Option<String>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Base {
    Bool,
    Int8,
    Int16,
    Uint16,
    Uint32,
    Int32,
    Int64,
    Float64,
    String,
    Bytes,
    Records,
    Uuid,
    Struct(String),
}

impl Message {
    pub fn find(&self, name: &str) -> &Struct {
        let mut structs = self.structs.iter();
        structs
            .find(|candidate| candidate.name == name)
            .unwrap_or_else(|| panic!("{} has no struct {name}", self.name))
    }

    pub fn is_flexible(&self, version: i16) -> bool {
        self.flexible_since.is_some_and(|since| version >= since)
    }

    /// The message's name in Rust's file names.
    pub fn module(&self) -> String {
        snake_case(&self.name)
    }
}

impl Field {
    pub fn is_in(&self, version: i16) -> bool {
        (self.versions.0..=self.versions.1).contains(&version)
    }

    /// The version from which it may be null, if it was there before.
    pub fn late_nullable(&self) -> Option<i16> {
        self.nullable_since.filter(|since| *since > self.versions.0)
    }

    pub fn is_null_by_default(&self) -> bool {
        self.default.as_deref() == Some("null")
    }
}

/// `TopicIds` to `topic_ids`; a run of capitals stays together: `KRaftVersion` to `kraft_version`.
pub fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    let mut after_small = false;
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && after_small {
            snake.push('_');
        }
        after_small = !letter.is_ascii_uppercase();
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// All messages of all tables, by file and then in the order of the file.
pub fn read_tables(folder: &Path) -> Vec<Message> {
    let entries = fs::read_dir(folder).expect("the schema tables are there");
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "txt"));
    paths.sort();
    let mut messages = Vec::new();
    for path in paths {
        let file = path.file_stem().unwrap().to_str().unwrap();
        parse_table(file, &fs::read_to_string(&path).unwrap(), &mut messages);
    }
    messages
}

struct Line<'a> {
    depth: usize,
    words: Vec<&'a str>,
}

fn parse_table(file: &str, text: &str, messages: &mut Vec<Message>) {
    let mut lines = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let words: Vec<_> = line.split_whitespace().collect();
        let depth = (line.len() - line.trim_start().len()) / 2;
        lines.push(Line { depth, words });
    }
    let mut rest = lines.as_slice();
    while let Some((head, below)) = rest.split_first() {
        let length = below.iter().take_while(|line| line.depth > 0).count();
        let (body, after) = below.split_at(length);
        messages.push(parse_message(file, head, body));
        rest = after;
    }
}

fn parse_message(file: &str, head: &Line<'_>, body: &[Line<'_>]) -> Message {
    let mut words = head.words.iter().copied().peekable();
    let kind = parse_kind(words.next().unwrap());
    let number = words.next_if(|word| word.parse::<i16>().is_ok());
    let name = words.next().unwrap().to_owned();
    let versions = parse_versions(words.next().unwrap(), (0, i16::MAX));
    let mut message = Message {
        kind,
        number: number.map(|number| number.parse().unwrap()),
        name,
        versions,
        flexible_since: None,
        listeners: Vec::new(),
        latest_unstable: false,
        structs: Vec::new(),
        file: file.to_owned(),
    };
    while let Some(word) = words.next() {
        match word {
            "flexible" => {
                let since = parse_versions(words.next().unwrap(), versions).0;
                message.flexible_since = Some(since);
            }
            "listeners" => {
                let listeners = words.next().unwrap().split(',');
                message.listeners = listeners.map(str::to_owned).collect();
            }
            "latest-unstable" => message.latest_unstable = true,
            _ => panic!("{}: what is {word}?", message.name),
        }
    }
    let fields = parse_fields(body, 1, versions, versions, &mut message.structs);
    message.structs.push(Struct {
        name: message.name.clone(),
        versions,
        fields,
    });
    check_message(&message);
    message
}

fn parse_fields(
    lines: &[Line<'_>],
    depth: usize,
    of_struct: Versions,
    of_message: Versions,
    structs: &mut Vec<Struct>,
) -> Vec<Field> {
    let mut fields = Vec::new();
    let mut rest = lines;
    while let Some((head, below)) = rest.split_first() {
        assert_eq!(head.depth, depth, "indentation of {:?}", head.words);
        let length = below.iter().take_while(|line| line.depth > depth).count();
        let (body, after) = below.split_at(length);
        rest = after;
        let (name, versions) = if head.words[0] == "struct" {
            let versions = head.words.get(2);
            let versions = versions.map_or(of_struct, |text| parse_versions(text, of_message));
            (head.words[1].to_owned(), versions)
        } else {
            let field = parse_field(&head.words, of_struct, of_message);
            let (base, versions) = (field.base.clone(), field.versions);
            fields.push(field);
            match base {
                Base::Struct(name) if !body.is_empty() => (name, versions),
                _ => continue,
            }
        };
        let inner = parse_fields(body, depth + 1, versions, of_message, structs);
        structs.push(Struct {
            name,
            versions,
            fields: inner,
        });
    }
    fields
}

fn parse_field(words: &[&str], of_struct: Versions, of_message: Versions) -> Field {
    let (text, nullable) = match words[1].split_once('?') {
        Some((text, since)) => (text, Some(since)),
        None => (words[1], None),
    };
    let (base, is_array) = match text.strip_prefix("[]") {
        Some(element) => (parse_base(element), true),
        None => (parse_base(text), false),
    };
    let mut field = Field {
        name: words[0].to_owned(),
        base,
        is_array,
        nullable_since: None,
        versions: of_struct,
        tag: None,
        is_ignorable: false,
        is_inflexible: false,
        default: None,
    };
    let mut words = words[2..].iter().copied();
    while let Some(word) = words.next() {
        match word {
            "tag" => field.tag = Some(words.next().unwrap().parse().unwrap()),
            "ignorable" => field.is_ignorable = true,
            // Which field tells elements apart matters to readers, not to bytes.
            "key" => {}
            "inflexible" => field.is_inflexible = true,
            "=" => field.default = Some(words.next().unwrap().to_owned()),
            versions => field.versions = parse_versions(versions, of_message),
        }
    }
    field.nullable_since = nullable.map(|since| match since {
        "" => field.versions.0,
        since => parse_versions(since, of_message).0,
    });
    field
}

fn parse_kind(word: &str) -> Kind {
    match word {
        "request" => Kind::Request,
        "response" => Kind::Response,
        "header" => Kind::Header,
        "data" => Kind::Data,
        "metadata-record" => Kind::MetadataRecord,
        "remote-log-record" => Kind::RemoteLogRecord,
        "coordinator-key" => Kind::CoordinatorKey,
        "coordinator-value" => Kind::CoordinatorValue,
        _ => panic!("{word} is no kind of message"),
    }
}

fn parse_base(word: &str) -> Base {
    match word {
        "bool" => Base::Bool,
        "int8" => Base::Int8,
        "int16" => Base::Int16,
        "uint16" => Base::Uint16,
        "uint32" => Base::Uint32,
        "int32" => Base::Int32,
        "int64" => Base::Int64,
        "float64" => Base::Float64,
        "string" => Base::String,
        "bytes" => Base::Bytes,
        "records" => Base::Records,
        "uuid" => Base::Uuid,
        name => {
            assert!(name.starts_with(char::is_uppercase), "{name} is no type");
            Base::Struct(name.to_owned())
        }
    }
}

/// `3+`, `4-12` or `5`.
fn parse_versions(word: &str, within: Versions) -> Versions {
    let number = |text: &str| {
        text.parse::<i16>()
            .unwrap_or_else(|_| panic!("versions {word}"))
    };
    if let Some(since) = word.strip_suffix('+') {
        (number(since), within.1)
    } else if let Some((first, last)) = word.split_once('-') {
        (number(first), number(last))
    } else {
        (number(word), number(word))
    }
}

/// What the generator relies on and the tables could break.
fn check_message(message: &Message) {
    let name = &message.name;
    for (index, one) in message.structs.iter().enumerate() {
        let twice = message.structs[..index]
            .iter()
            .any(|other| other.name == one.name);
        assert!(!twice, "{name} has two structs {}", one.name);
        for field in &one.fields {
            let place = format!("{name}, field {}.{}", one.name, field.name);
            assert!(is_within(field.versions, one.versions), "{place}: versions");
            if let Base::Struct(inner) = &field.base {
                let inner = message.find(inner);
                assert!(
                    is_within(field.versions, inner.versions),
                    "{place}: versions"
                );
                let since = field.nullable_since.unwrap_or(field.versions.0);
                assert!(
                    field.is_array || since == field.versions.0,
                    "{place}: a struct cannot become nullable, its first byte would change"
                );
            }
            if field.tag.is_some() {
                assert!(message.is_flexible(field.versions.0), "{place}: tags");
            }
        }
    }
}

fn is_within(inner: Versions, outer: Versions) -> bool {
    outer.0 <= inner.0 && inner.0 <= inner.1 && inner.1 <= outer.1
}
