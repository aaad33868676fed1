//! What was set for a broker, where, and what applies of it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::describe::base_name;
use super::properties::{MalformedProperty, decode_properties};
use super::setting::{Disposition, Setting};
use super::suggestion::nearest_broker_setting;
use super::tables::broker::{FOREBAY, KAFKA, KAFKA_DYNAMIC, OTHER, OtherSetting};
use super::value::Value;

/// Texts of settings by name: what was set at run time for one resource.
pub type Overrides = BTreeMap<String, String>;

/// All that was set for one broker: at its start, and since then.
#[derive(Clone, Debug, Default)]
pub struct BrokerSettings {
    fixed: BTreeMap<String, Given>,
    dynamic_default: Overrides,
    dynamic_broker: Overrides,
    host_name: String,
}

/// A setting that was given at the start.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Given {
    pub value: String,
    pub origin: Origin,
}

/// Where a setting was given.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Origin {
    /// In the file that Kafka ships, which applies where there is no other.
    Shipped,
    /// In a file, on this line, from 1.
    File {
        /// The file's name.
        name: Arc<str>,
        /// The line.
        line: u32,
    },
    /// By this option of the command line.
    Option(&'static str),
    /// Nowhere: it is the default.
    Default,
    /// At run time.
    Dynamic,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shipped => formatter.write_str("Kafka's own server.properties"),
            Self::File { name, line } => write!(formatter, "{name}:{line}"),
            Self::Option(option) => formatter.write_str(option),
            Self::Default => formatter.write_str("default"),
            Self::Dynamic => formatter.write_str("set at run time"),
        }
    }
}

/// A setting with which the broker cannot start: where it was given, and what is wrong with it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigError {
    /// Where it was given.
    pub origin: Origin,
    /// What is wrong, with the name of the setting.
    pub message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.origin, self.message)
    }
}

/// A setting that has no effect, or not the one it may be thought to have.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Warning {
    /// Where it was given.
    pub origin: Origin,
    /// What to know, with the name of the setting.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.origin, self.message)
    }
}

/// What a file or the command line gives, in order; a later one of the same name counts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct GivenSetting {
    pub origin: Origin,
    pub name: String,
    pub value: String,
}

/// The settings in `text`, the contents of the file called `file_name`.
pub(super) fn decode_file(
    file_name: &str,
    text: &str,
) -> Result<Vec<GivenSetting>, Vec<ConfigError>> {
    let name: Arc<str> = Arc::from(file_name);
    let origin = |line| Origin::File {
        name: Arc::clone(&name),
        line,
    };
    match decode_properties(text) {
        Ok(properties) => Ok(properties
            .into_iter()
            .map(|property| GivenSetting {
                origin: origin(property.line),
                name: property.key,
                value: property.value,
            })
            .collect()),
        Err(malformed) => Err(malformed
            .into_iter()
            .map(|MalformedProperty { line, reason }| ConfigError {
                origin: origin(line),
                message: reason,
            })
            .collect()),
    }
}

/// The broker setting called `name`, Kafka's or Forebay's.
#[must_use]
pub fn find_broker_setting(name: &str) -> Option<&'static Setting> {
    [KAFKA, FOREBAY, KAFKA_DYNAMIC]
        .into_iter()
        .find_map(|table| {
            let index = table
                .binary_search_by(|setting| setting.name.cmp(name))
                .ok()?;
            table.get(index)
        })
}

/// The settings that give the value of `name`, the one that wins first.
#[must_use]
pub(super) fn broker_synonyms(name: &str) -> &[&str] {
    match name {
        "log.retention.ms" | "log.retention.minutes" | "log.retention.hours" => &[
            "log.retention.ms",
            "log.retention.minutes",
            "log.retention.hours",
        ],
        "log.roll.ms" | "log.roll.hours" => &["log.roll.ms", "log.roll.hours"],
        "log.roll.jitter.ms" | "log.roll.jitter.hours" => {
            &["log.roll.jitter.ms", "log.roll.jitter.hours"]
        }
        "log.flush.interval.ms" => &["log.flush.interval.ms", "log.flush.scheduler.interval.ms"],
        _ => &[],
    }
}

/// The settings that one listener can have a value of its own for.
const OF_LISTENERS: [&str; 2] = ["max.connection.creation.rate", "max.connections"];

/// The broker setting that `name` sets for one listener, if a listener can have its own.
pub(super) fn find_listener_setting(name: &str) -> Option<&'static Setting> {
    let base = base_name(name);
    let is_own = base != name && OF_LISTENERS.contains(&base);
    find_broker_setting(base).filter(|_| is_own)
}

impl BrokerSettings {
    /// The settings `given`, the last of each name, on a machine called `host_name`. What has no
    /// effect is put into `warnings`.
    ///
    /// # Errors
    /// Every setting with which the broker cannot start.
    pub(super) fn from_given(
        given: Vec<GivenSetting>,
        host_name: &str,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self, Vec<ConfigError>> {
        let mut settings = Self {
            host_name: host_name.to_owned(),
            ..Self::default()
        };
        for GivenSetting {
            origin,
            name,
            value,
        } in given
        {
            let earlier = settings.fixed.insert(name.clone(), Given { value, origin });
            let Some(now) = settings.fixed.get(&name) else {
                continue;
            };
            if let (
                Some(Given {
                    origin: Origin::File { line, .. },
                    ..
                }),
                Origin::File { .. },
            ) = (earlier, &now.origin)
            {
                warnings.push(Warning {
                    origin: now.origin.clone(),
                    message: format!("{name} takes the place of the one on line {line}"),
                });
            }
        }
        settings.complete_ids();
        let mut errors = Vec::new();
        for (name, given) in &settings.fixed {
            match judge(name, given) {
                Judgement::Fine => {}
                Judgement::Warn(message) => warnings.push(Warning {
                    origin: given.origin.clone(),
                    message,
                }),
                Judgement::Stop(message) => errors.push(ConfigError {
                    origin: given.origin.clone(),
                    message,
                }),
            }
        }
        if errors.is_empty() {
            Ok(settings)
        } else {
            Err(errors)
        }
    }

    /// Either name of the broker's number stands for the other. Kafka would not start without one;
    /// a quorum of one needs none chosen.
    fn complete_ids(&mut self) {
        let one = Given {
            value: "1".to_owned(),
            origin: Origin::Default,
        };
        let id = ["node.id", "broker.id"]
            .into_iter()
            .find_map(|name| self.fixed.get(name))
            .unwrap_or(&one)
            .clone();
        for name in ["node.id", "broker.id"] {
            self.fixed
                .entry(name.to_owned())
                .or_insert_with(|| id.clone());
        }
    }

    /// What was set at run time, for the whole cluster and for this broker, from now on.
    pub fn set_dynamic(&mut self, cluster: Overrides, broker: Overrides) {
        self.dynamic_default = cluster;
        self.dynamic_broker = broker;
    }

    /// One line for each setting of this broker, or of all brokers, that was set at run time and
    /// has no effect.
    #[must_use]
    pub fn dynamic_warnings(&self) -> Vec<Warning> {
        self.dynamic_default
            .iter()
            .chain(&self.dynamic_broker)
            .filter_map(|(name, value)| {
                let given = Given {
                    value: value.clone(),
                    origin: Origin::Dynamic,
                };
                match judge(name, &given) {
                    Judgement::Fine => None,
                    Judgement::Warn(message) | Judgement::Stop(message) => Some(Warning {
                        origin: Origin::Dynamic,
                        message,
                    }),
                }
            })
            .collect()
    }

    /// The value of the broker setting `name` that applies here.
    ///
    /// # Panics
    /// If there is no such setting: names are asked for by this program only.
    #[must_use]
    pub(super) fn value(&self, name: &str) -> Value {
        let setting = find_broker_setting(name)
            .unwrap_or_else(|| panic!("{name} is in the table of settings"));
        // A value in the metadata log may come from another version; what is no value here is
        // passed over.
        let dynamic = [&self.dynamic_broker, &self.dynamic_default]
            .into_iter()
            .filter(|_| setting.update != super::setting::UpdateMode::ReadOnly)
            .find_map(|layer| setting.parse(layer.get(name)?).ok());
        dynamic
            .or_else(|| setting.parse(&self.fixed.get(name)?.value).ok())
            .unwrap_or_else(|| setting.default_value())
    }

    /// The value of the broker setting `name` for the listener `listener`: its own, or else that
    /// of the broker.
    pub(super) fn value_of_listener(&self, listener: &str, name: &str) -> Value {
        let setting = find_broker_setting(name)
            .unwrap_or_else(|| panic!("{name} is in the table of settings"));
        let own = format!("listener.name.{}.{name}", listener.to_ascii_lowercase());
        let fixed = self.fixed.get(&own).map(|given| &given.value);
        [
            self.dynamic_broker.get(&own),
            self.dynamic_default.get(&own),
            fixed,
        ]
        .into_iter()
        .flatten()
        .find_map(|text| setting.parse(text).ok())
        .unwrap_or_else(|| self.value(name))
    }

    /// True if somebody set `name`, and not to nothing.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.fixed
            .get(name)
            .is_some_and(|given| !given.value.trim().is_empty())
    }

    /// What was given at the start, by name.
    pub(super) const fn fixed(&self) -> &BTreeMap<String, Given> {
        &self.fixed
    }

    /// The file that settings were read from, by the name that was given for it.
    #[must_use]
    pub fn file_name(&self) -> Option<&str> {
        let given = self.fixed.values();
        given.into_iter().find_map(|given| match &given.origin {
            Origin::File { name, .. } => Some(&**name),
            _ => None,
        })
    }

    /// What was set at run time for the whole cluster.
    pub(super) const fn dynamic_default(&self) -> &Overrides {
        &self.dynamic_default
    }

    /// What was set at run time for this broker.
    pub(super) const fn dynamic_broker(&self) -> &Overrides {
        &self.dynamic_broker
    }

    /// What the machine is called.
    pub(super) fn host_name(&self) -> &str {
        &self.host_name
    }

    /// The error that `name` has this reason to be refused.
    pub(super) fn error(&self, name: &str, reason: &str) -> ConfigError {
        ConfigError {
            origin: self.origin_of(name),
            message: format!("{name}: {reason}"),
        }
    }

    /// Where the value of `name` was given.
    pub(super) fn origin_of(&self, name: &str) -> Origin {
        let is_dynamic =
            self.dynamic_broker.contains_key(name) || self.dynamic_default.contains_key(name);
        match self.fixed.get(name) {
            _ if is_dynamic => Origin::Dynamic,
            Some(given) => given.origin.clone(),
            None => Origin::Default,
        }
    }
}

enum Judgement {
    Fine,
    Warn(String),
    Stop(String),
}

/// What becomes of `given`, a setting called `name`.
fn judge(name: &str, given: &Given) -> Judgement {
    if let Some(setting) = find_listener_setting(name) {
        return match setting.parse(&given.value) {
            Ok(_) => Judgement::Fine,
            Err(message) => Judgement::Stop(message),
        };
    }
    let Some(setting) = find_broker_setting(name) else {
        return judge_unknown(name);
    };
    if let Err(message) = setting.parse(&given.value) {
        return Judgement::Stop(message);
    }
    if given.origin == Origin::Shipped {
        return Judgement::Fine;
    }
    match setting.disposition {
        Disposition::Refused(reason) if !given.value.trim().is_empty() => Judgement::Stop(format!(
            "{name}: {reason}; remove the setting to go on without"
        )),
        Disposition::Obeyed(_) | Disposition::Refused(_) => Judgement::Fine,
        Disposition::NotNeeded(reason) => Judgement::Warn(not_needed(name, reason)),
        Disposition::NotYet(feature) => Judgement::Warn(not_yet(name, feature)),
    }
}

fn judge_unknown(name: &str) -> Judgement {
    let other = OTHER
        .iter()
        .find(|(pattern, _)| match pattern.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => *pattern == name,
        });
    Judgement::Warn(match other {
        Some((_, OtherSetting::Obeyed(_))) => return Judgement::Fine,
        Some((_, OtherSetting::NotNeeded(reason))) => not_needed(name, reason),
        Some((_, OtherSetting::NotYet(feature))) => not_yet(name, feature),
        None => match nearest_broker_setting(name) {
            Some(nearest) => format!("{name} is unknown; is {nearest} meant?"),
            None => format!("{name} is unknown"),
        },
    })
}

fn not_needed(name: &str, reason: &str) -> String {
    format!("{name} has no effect: {reason}")
}

fn not_yet(name: &str, feature: &str) -> String {
    format!("{name} has no effect yet: it belongs to {feature}, which Forebay does not have")
}
