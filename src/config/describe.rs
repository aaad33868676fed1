//! What `DescribeConfigs` answers: values, and where each comes from.

use std::collections::BTreeSet;

use super::setting::{Disposition, Kind, Setting, UpdateMode};
use super::settings::{BrokerSettings, Overrides, broker_synonyms, find_broker_setting};
use super::tables::broker::{FOREBAY, KAFKA, KAFKA_DYNAMIC};
use super::tables::group::{CLIENT_METRICS, GROUP};
use super::tables::topic;
use super::topic::{TopicOwner, broker_synonyms_of, resolve_topic_value};

/// One setting in an answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DescribedSetting {
    /// Its name.
    pub name: String,
    /// Its value; `None` if it has none or if it is a secret.
    pub value: Option<String>,
    /// True if it cannot be changed while the broker runs.
    pub read_only: bool,
    /// Where the value comes from.
    pub source: ConfigSource,
    /// True if the value is a secret.
    pub is_sensitive: bool,
    /// Everything that was set for it or for another name of it, the one that wins first.
    pub synonyms: Vec<DescribedSynonym>,
    /// The type of its value; `None` for a name that is unknown.
    pub kind: Option<Kind>,
    /// One sentence on it.
    pub documentation: String,
}

/// A value that applies, or would if those before it were not set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DescribedSynonym {
    /// The setting's name.
    pub name: String,
    /// Its value; `None` for a secret.
    pub value: Option<String>,
    /// Where it was set.
    pub source: ConfigSource,
}

/// Where a value was set. The numbers are those of the wire.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[repr(i8)]
pub enum ConfigSource {
    /// At run time, for the topic.
    DynamicTopic = 1,
    /// At run time, for this broker.
    DynamicBroker = 2,
    /// At run time, for all brokers.
    DynamicDefaultBroker = 3,
    /// At the start of this broker.
    StaticBroker = 4,
    /// Nowhere.
    Default = 5,
    /// At run time, for a logger of this broker.
    DynamicBrokerLogger = 6,
    /// At run time, for the client-metrics subscription.
    ClientMetrics = 7,
    /// At run time, for the group.
    Group = 8,
}

impl ConfigSource {
    /// The source's number on the wire.
    #[must_use]
    pub const fn code(self) -> i8 {
        self as i8
    }
}

impl BrokerSettings {
    /// Every setting of this broker, by name.
    #[must_use]
    pub fn describe_broker(&self) -> Vec<DescribedSetting> {
        let mut names: BTreeSet<&str> = KAFKA
            .iter()
            .chain(FOREBAY)
            .filter(|setting| !setting.is_internal())
            .map(|setting| setting.name)
            .collect();
        names.extend(self.fixed().keys().map(String::as_str));
        names.extend(self.dynamic_default().keys().map(String::as_str));
        names.extend(self.dynamic_broker().keys().map(String::as_str));
        names
            .into_iter()
            .map(|name| {
                let value = match find_broker_setting(name) {
                    Some(_) => self.value(name).text(),
                    None => self.raw(name).map(str::to_owned),
                };
                described_broker_setting(name, value, self.broker_layers(name))
            })
            .collect()
    }

    /// What was set at run time for all brokers of the cluster, by name.
    #[must_use]
    pub fn describe_cluster_default(&self) -> Vec<DescribedSetting> {
        self.dynamic_default()
            .iter()
            .map(|(name, value)| {
                let mut layers = self.broker_layers(name);
                layers.retain(|layer| layer.source == ConfigSource::DynamicDefaultBroker);
                described_broker_setting(name, Some(value.clone()), layers)
            })
            .collect()
    }

    /// Every setting of a topic of `owner` with these `overrides`, Kafka's by name before
    /// Forebay's.
    #[must_use]
    pub fn describe_topic(
        &self,
        owner: TopicOwner,
        overrides: &Overrides,
    ) -> Vec<DescribedSetting> {
        topic::TOPIC
            .iter()
            .chain(topic::FOREBAY)
            .filter(|setting| !setting.is_internal() || overrides.contains_key(setting.name))
            .map(|setting| {
                let value = resolve_topic_value(self, owner, overrides, setting).text();
                let mut synonyms = Vec::new();
                if overrides.contains_key(setting.name) {
                    synonyms.push(DescribedSynonym {
                        name: setting.name.to_owned(),
                        value: value.clone(),
                        source: ConfigSource::DynamicTopic,
                    });
                }
                if let Some(broker_name) = broker_synonyms_of(setting, owner).first() {
                    synonyms.extend(self.broker_layers(broker_name));
                }
                described_setting(setting, value, synonyms)
            })
            .collect()
    }

    /// Every setting of a group with these `overrides`, by name.
    #[must_use]
    pub fn describe_group(&self, overrides: &Overrides) -> Vec<DescribedSetting> {
        GROUP
            .iter()
            .map(|setting| {
                let own = overrides.get(setting.name).cloned();
                let mut synonyms: Vec<_> = own
                    .into_iter()
                    .map(|value| synonym(setting.name, value, ConfigSource::Group))
                    .collect();
                match setting.broker_synonyms.first() {
                    Some(broker_name) => synonyms.extend(self.broker_layers(broker_name)),
                    None => synonyms.extend(default_synonym(setting)),
                }
                let value = synonyms.first().and_then(|synonym| synonym.value.clone());
                described_setting(setting, value, synonyms)
            })
            .collect()
    }

    /// Every value set for the broker setting `name` or another name of it, the one that wins
    /// first, none before one of `name` itself.
    fn broker_layers(&self, name: &str) -> Vec<DescribedSynonym> {
        let own = [name, base_name(name)];
        let names = match broker_synonyms(name) {
            [] if own[0] == own[1] => &own[..1],
            [] => &own[..],
            names => names,
        };
        let layers = [
            (self.dynamic_broker(), ConfigSource::DynamicBroker),
            (self.dynamic_default(), ConfigSource::DynamicDefaultBroker),
        ];
        let dynamic = layers.into_iter().flat_map(|(layer, source)| {
            names
                .iter()
                .filter_map(move |name| Some(synonym(name, layer.get(*name)?.clone(), source)))
        });
        let fixed = names.iter().filter_map(|name| {
            let value = self.fixed().get(*name)?.value.clone();
            Some(synonym(name, value, ConfigSource::StaticBroker))
        });
        // As in Kafka, what is only ever set at run time has no default to tell.
        let is_dynamic = |name: &str| KAFKA_DYNAMIC.iter().any(|setting| setting.name == name);
        let default = names.iter().filter(|name| !is_dynamic(name));
        let default = default.filter_map(|name| default_synonym(find_broker_setting(name)?));
        dynamic
            .chain(fixed)
            .chain(default)
            .skip_while(|synonym| synonym.name != name)
            .map(|synonym| DescribedSynonym {
                value: synonym.value.filter(|_| !is_sensitive(name)),
                ..synonym
            })
            .collect()
    }

    /// The text that was set for `name`.
    fn raw(&self, name: &str) -> Option<&str> {
        let dynamic = [self.dynamic_broker(), self.dynamic_default()]
            .into_iter()
            .find_map(|layer| layer.get(name));
        dynamic
            .or_else(|| Some(&self.fixed().get(name)?.value))
            .map(String::as_str)
    }
}

/// Every setting of a client-metrics subscription with these `overrides`, by name.
#[must_use]
pub fn describe_client_metrics(overrides: &Overrides) -> Vec<DescribedSetting> {
    CLIENT_METRICS
        .iter()
        .map(|setting| {
            let own = overrides.get(setting.name);
            let synonyms = own
                .map(|value| synonym(setting.name, value.clone(), ConfigSource::ClientMetrics))
                .into_iter()
                .collect();
            let value = own.cloned().or_else(|| setting.default_value().text());
            described_setting(setting, value, synonyms)
        })
        .collect()
}

fn described_broker_setting(
    name: &str,
    value: Option<String>,
    synonyms: Vec<DescribedSynonym>,
) -> DescribedSetting {
    let exact = find_broker_setting(name);
    let setting = exact.or_else(|| find_broker_setting(base_name(name)));
    let is_sensitive = is_sensitive(name);
    DescribedSetting {
        name: name.to_owned(),
        value: value.filter(|_| !is_sensitive),
        // Kafka says so of a listener's own settings as well, though they can be changed.
        read_only: exact.is_none_or(|setting| setting.update == UpdateMode::ReadOnly),
        source: source_of(&synonyms),
        is_sensitive,
        synonyms,
        kind: setting.map(|setting| setting.kind),
        documentation: setting.map(documentation).unwrap_or_default(),
    }
}

fn described_setting(
    setting: &Setting,
    value: Option<String>,
    synonyms: Vec<DescribedSynonym>,
) -> DescribedSetting {
    DescribedSetting {
        name: setting.name.to_owned(),
        value,
        read_only: false,
        source: source_of(&synonyms),
        is_sensitive: setting.is_sensitive(),
        synonyms,
        kind: Some(setting.kind),
        documentation: documentation(setting),
    }
}

fn source_of(synonyms: &[DescribedSynonym]) -> ConfigSource {
    synonyms
        .first()
        .map_or(ConfigSource::Default, |synonym| synonym.source)
}

fn synonym(name: &str, value: String, source: ConfigSource) -> DescribedSynonym {
    DescribedSynonym {
        name: name.to_owned(),
        value: Some(value),
        source,
    }
}

fn default_synonym(setting: &Setting) -> Option<DescribedSynonym> {
    let value = setting.default.text()?.to_owned();
    Some(synonym(setting.name, value, ConfigSource::Default))
}

/// What Kafka does not know may be a secret, so nothing unknown is shown.
fn is_sensitive(name: &str) -> bool {
    find_broker_setting(base_name(name)).is_none_or(Setting::is_sensitive)
}

/// The setting that `name` sets for one listener; another name is its own base.
pub(super) fn base_name(name: &str) -> &str {
    name.strip_prefix("listener.name.")
        .and_then(|rest| rest.split_once('.'))
        .map_or(name, |(_, base)| base)
}

fn documentation(setting: &Setting) -> String {
    match setting.disposition {
        Disposition::Obeyed(sentence) => sentence.to_owned(),
        Disposition::NotNeeded(reason) => format!("It has no effect in Forebay: {reason}."),
        Disposition::NotYet(feature) => {
            format!("It belongs to {feature}, which Forebay does not have yet.")
        }
        Disposition::Refused(reason) => format!("Forebay does not start with it: {reason}."),
    }
}
