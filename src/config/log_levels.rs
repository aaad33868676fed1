//! What the broker writes to its log: a level for each of its parts, changed while it runs as
//! Kafka's are (KIP-412). They are kept by no record: a restart forgets them.

use std::collections::BTreeMap;
use std::fmt;

use crate::model::ErrorCode;

use super::describe::{ConfigSource, DescribedSetting};
use super::update::{AlterOperation, Refusal};

/// Kafka's name for what applies to every part that has no level of its own.
const ROOT: &str = "root";

/// The library of the runtime calls guesses about the device errors.
const SILENT: &str = "glommio=off";

/// The parts of the broker: the modules of `src/lib.rs`. Between their names stands a dot, since
/// `kafka-configs` takes no colon; in the log and in filters they have the two colons of Rust.
pub const LOGGERS: &[&str] = &[
    "forebay.admin",
    "forebay.bench",
    "forebay.client",
    "forebay.config",
    "forebay.connection",
    "forebay.console",
    "forebay.coordinator",
    "forebay.format",
    "forebay.import",
    "forebay.journal",
    "forebay.log",
    "forebay.metadata",
    "forebay.metrics",
    "forebay.model",
    "forebay.protocol",
    "forebay.quorum",
    "forebay.replication",
    "forebay.runtime",
    "forebay.security",
    "forebay.shard",
    "forebay.simulation",
    "forebay.stdx",
    "forebay.verify",
];

/// How much a part writes: this and all that is worse.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LogLevel {
    /// Everything.
    Trace,
    /// What a developer may want to know.
    Debug,
    /// What an operator may want to know.
    Info,
    /// What an operator should know.
    Warn,
    /// What went wrong.
    Error,
    /// What ends the process; it is told on standard error whatever the level, so: nothing.
    Fatal,
}

impl LogLevel {
    /// Each with Kafka's name and a filter's word, in the order of the variants.
    const ALL: [(&str, &str, Self); 6] = [
        ("TRACE", "trace", Self::Trace),
        ("DEBUG", "debug", Self::Debug),
        ("INFO", "info", Self::Info),
        ("WARN", "warn", Self::Warn),
        ("ERROR", "error", Self::Error),
        ("FATAL", "off", Self::Fatal),
    ];

    /// The level of this name of Kafka's.
    fn from_name(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        Some(all.find(|(known, ..)| *known == name)?.2)
    }

    /// The level of this word of a filter.
    fn from_word(word: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        Some(
            all.find(|(_, known, _)| known.eq_ignore_ascii_case(word))?
                .2,
        )
    }

    /// Kafka's name, and a filter's word.
    const fn words(self) -> (&'static str, &'static str) {
        let (name, word, _) = Self::ALL[self as usize];
        (name, word)
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.words().0)
    }
}

/// One change: the logger, and its level, or none for that of the root.
pub type LevelChange = (&'static str, Option<LogLevel>);

/// The level of each part.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogLevels {
    root: LogLevel,
    own: BTreeMap<&'static str, LogLevel>,
    /// What a filter says of others, in its own words.
    others: Vec<String>,
}

impl Default for LogLevels {
    fn default() -> Self {
        Self {
            root: LogLevel::Info,
            own: BTreeMap::new(),
            others: vec![SILENT.to_owned()],
        }
    }
}

impl LogLevels {
    /// The levels that a filter asks for: a level for all, `TARGET=LEVEL` for some, separated by
    /// commas. What is said of parts of parts, or in other ways, is kept as it is.
    #[must_use]
    pub fn from_filter(filter: &str) -> Self {
        let mut levels = Self {
            root: LogLevel::Error,
            own: BTreeMap::new(),
            others: Vec::new(),
        };
        for directive in filter.split(',').map(str::trim) {
            let (target, word) = directive.split_once('=').unwrap_or((ROOT, directive));
            let logger = known_logger(&target.replace("::", "."));
            match (logger, LogLevel::from_word(word)) {
                (Some(logger), Some(level)) => levels.change((logger, Some(level))),
                _ if directive.is_empty() => {}
                _ => levels.others.push(directive.to_owned()),
            }
        }
        levels
    }

    /// The same as a filter.
    #[must_use]
    pub fn to_filter(&self) -> String {
        let own = self.own.iter();
        let own = own.map(|(logger, level)| {
            let target = logger.replace('.', "::");
            format!("{target}={}", level.words().1)
        });
        let mut directives = vec![self.root.words().1.to_owned()];
        directives.extend(own);
        directives.extend(self.others.iter().cloned());
        directives.join(",")
    }

    /// Make one change.
    pub fn change(&mut self, (logger, level): LevelChange) {
        match level {
            Some(level) if logger == ROOT => self.root = level,
            Some(level) => drop(self.own.insert(logger, level)),
            None => drop(self.own.remove(logger)),
        }
    }

    /// Every logger with its level, by name.
    #[must_use]
    pub fn describe(&self) -> Vec<DescribedSetting> {
        let loggers = LOGGERS.iter().copied().chain([ROOT]);
        loggers
            .map(|logger| DescribedSetting {
                name: logger.to_owned(),
                value: Some(self.own.get(logger).unwrap_or(&self.root).to_string()),
                read_only: false,
                source: ConfigSource::DynamicBrokerLogger,
                is_sensitive: false,
                synonyms: Vec::new(),
                kind: None,
                documentation: String::new(),
            })
            .collect()
    }
}

/// The change that a client asks for.
///
/// # Errors
/// Kafka's code for what is no logger, no level, or cannot be done to a level.
pub fn plan_level_change(
    logger: &str,
    operation: AlterOperation,
    value: Option<&str>,
) -> Result<LevelChange, Refusal> {
    let refuse = |error, message: String| Err(Refusal { error, message });
    let known = || {
        known_logger(logger).ok_or_else(|| Refusal {
            error: ErrorCode::InvalidConfig,
            message: format!("there is no logger called {logger}"),
        })
    };
    match operation {
        AlterOperation::Set => {
            let (logger, name) = (known()?, value.unwrap_or_default());
            match LogLevel::from_name(name) {
                Some(level) => Ok((logger, Some(level))),
                None => refuse(
                    ErrorCode::InvalidConfig,
                    format!(
                        "{name} is no level of a log; it is one of DEBUG, ERROR, FATAL, INFO, \
                         TRACE, WARN"
                    ),
                ),
            }
        }
        AlterOperation::Delete => match known()? {
            ROOT => refuse(
                ErrorCode::InvalidRequest,
                "the root logger always has a level".to_owned(),
            ),
            logger => Ok((logger, None)),
        },
        AlterOperation::Append | AlterOperation::Subtract => refuse(
            ErrorCode::InvalidRequest,
            "the level of a logger can only be set or deleted".to_owned(),
        ),
    }
}

fn known_logger(name: &str) -> Option<&'static str> {
    let mut loggers = LOGGERS.iter().copied().chain([ROOT]);
    loggers.find(|logger| *logger == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level_of(levels: &LogLevels, logger: &str) -> String {
        let described = levels.describe();
        let found = described.into_iter().find(|one| one.name == logger);
        found
            .expect("it is a logger")
            .value
            .expect("it has a level")
    }

    #[test]
    fn a_part_has_the_level_of_the_root_until_it_gets_its_own() {
        let mut levels = LogLevels::default();
        assert_eq!(level_of(&levels, "forebay.log"), "INFO");
        levels.change(("forebay.log", Some(LogLevel::Trace)));
        levels.change(("root", Some(LogLevel::Warn)));
        assert_eq!(level_of(&levels, "forebay.log"), "TRACE");
        assert_eq!(level_of(&levels, "forebay.shard"), "WARN");
        assert_eq!(levels.to_filter(), "warn,forebay::log=trace,glommio=off");
        levels.change(("forebay.log", None));
        assert_eq!(level_of(&levels, "forebay.log"), "WARN");
    }

    #[test]
    fn a_filter_keeps_what_it_says_of_others() {
        let filter = "info,forebay::shard=debug,forebay::log::cache=trace,[span]=warn";
        let levels = LogLevels::from_filter(filter);
        assert_eq!(level_of(&levels, "forebay.shard"), "DEBUG");
        assert_eq!(level_of(&levels, "forebay.log"), "INFO");
        assert_eq!(levels.to_filter(), filter);
        assert_eq!(LogLevels::from_filter("off").to_filter(), "off");
    }

    #[test]
    fn every_level_has_the_place_of_its_variant() {
        for (index, (.., level)) in LogLevel::ALL.into_iter().enumerate() {
            assert_eq!(level as usize, index);
        }
    }
}
