//! What a person sees who types commands, without what differs from run to run.

use crate::support::{Broker, Output, Program};

const TOOLS: &str = "org.apache.kafka.tools";

/// The commands of one session against one broker and what they printed.
pub struct Transcript<'a> {
    broker: &'a Broker,
    text: String,
}

impl<'a> Transcript<'a> {
    pub fn new(broker: &'a Broker) -> Self {
        Self {
            broker,
            text: String::new(),
        }
    }

    /// The tool `class` (of Kafka's tools where it names no package), not yet run.
    pub fn tool(&self, class: &str, args: &[&str]) -> Program {
        let class = match class.starts_with("kafka.") {
            true => class.to_owned(),
            false => format!("{TOOLS}.{class}"),
        };
        self.broker.tool(&class, args)
    }

    /// Runs a tool and notes all it printed on stdout, and of an error its name.
    pub fn run(&mut self, class: &str, args: &[&str]) -> &mut Self {
        self.run_and(class, args, |line| Some(line.to_owned()))
    }

    /// Runs a tool and notes the lines that contain `part`: others share the broker.
    pub fn run_for(&mut self, class: &str, args: &[&str], part: &str) -> &mut Self {
        self.run_and(class, args, |line| {
            line.contains(part).then(|| line.to_owned())
        })
    }

    /// Runs a tool and notes what `keep` makes of each line.
    pub fn run_and(
        &mut self,
        class: &str,
        args: &[&str],
        keep: impl Fn(&str) -> Option<String>,
    ) -> &mut Self {
        let output = self.tool(class, args).run();
        self.note(&format!("{class} {}", args.join(" ")), &output, keep)
    }

    /// Notes a program that has run.
    pub fn note(
        &mut self,
        command: &str,
        output: &Output,
        keep: impl Fn(&str) -> Option<String>,
    ) -> &mut Self {
        self.push(&format!("$ {command}"));
        for line in output.stdout.lines() {
            if let Some(error) = error_name(line) {
                self.push(&error);
            } else if let Some(line) = keep(line) {
                self.push(&line);
            }
        }
        let mut errors: Vec<_> = output.stderr.lines().filter_map(error_name).collect();
        errors.dedup();
        for error in errors {
            self.push(&error);
        }
        self.push(&format!("exit {:?}", output.status));
        self
    }

    /// Notes a line.
    pub fn say(&mut self, line: &str) -> &mut Self {
        self.push(line);
        self
    }

    /// The whole session, normalised.
    pub fn finish(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    fn push(&mut self, line: &str) {
        let server = self.broker.bootstrap();
        let data = self.broker.data().display().to_string();
        let line = line.replace(&server, "SERVER").replace(&data, "DATA");
        self.text.push_str(without_ids(&line).trim_end());
        self.text.push('\n');
    }
}

/// The exception that a line tells of; its words are the broker's own, its class is Kafka's.
fn error_name(line: &str) -> Option<String> {
    let at = line.find("Exception")?;
    let name = line[..at]
        .rsplit(|byte: char| !byte.is_alphanumeric())
        .next()?;
    (!line.starts_with("\tat ")).then(|| format!("error {name}Exception"))
}

/// The line with UUIDs and Kafka's ids of 22 digits replaced.
fn without_ids(line: &str) -> String {
    let id = |byte: char| byte.is_ascii_alphanumeric() || byte == '-' || byte == '_';
    let mut out = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(id) {
        let length = rest[start..]
            .find(|byte| !id(byte))
            .unwrap_or(rest.len() - start);
        let word = &rest[start..start + length];
        out.push_str(&rest[..start]);
        out.push_str(&normal(word));
        rest = &rest[start + length..];
    }
    out + rest
}

fn normal(word: &str) -> String {
    let mixed = word.bytes().any(|byte| byte.is_ascii_uppercase())
        && word.bytes().any(|byte| byte.is_ascii_lowercase());
    if word.len() == 22 && mixed {
        return "<id>".into();
    }
    let uuid = |at: usize| {
        word.get(at..at + 36).is_some_and(|part| {
            part.bytes().enumerate().all(|(index, byte)| match index {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            })
        })
    };
    match (0..word.len()).find(|&at| uuid(at)) {
        Some(at) => format!("{}<uuid>{}", &word[..at], &word[at + 36..]),
        None => word.to_owned(),
    }
}
