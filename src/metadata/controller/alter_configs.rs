//! `IncrementalAlterConfigs` and the older `AlterConfigs`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::{
    AlterOperation, Alteration, ConfigResource as Scope, Overrides, PlannedUpdate,
    plan_dynamic_replacement, plan_dynamic_update, validate_topic_settings,
};
use crate::model::{BrokerId, ErrorCode};
use crate::protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use crate::protocol::messages::create_topics_response::CreatableTopicConfigs;
use crate::protocol::messages::incremental_alter_configs_request::AlterableConfig;
use crate::protocol::messages::{
    AlterConfigsRequest, AlterConfigsResponse, ConfigRecord, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse, MetadataRecord, alter_configs_response,
    incremental_alter_configs_response,
};

use super::super::image::{ConfigKind, ConfigResource};
use super::topic_name::check_topic_name;
use super::{Controller, Decision, Refusal, View};

impl From<crate::config::Refusal> for Refusal {
    fn from(refusal: crate::config::Refusal) -> Self {
        Self::new(refusal.error, refusal.message)
    }
}

impl Controller {
    /// Decide on a request to change single settings (KIP-339).
    #[must_use]
    pub fn incremental_alter_configs(
        &self,
        view: View<'_>,
        request: &IncrementalAlterConfigsRequest,
    ) -> Decision<IncrementalAlterConfigsResponse> {
        let mut decision = Decision {
            records: Vec::new(),
            response: IncrementalAlterConfigsResponse::default(),
        };
        let keys = request.resources.iter();
        let counts = count(keys.map(|of| (of.resource_type, of.resource_name.as_str())));
        for wish in &request.resources {
            let (kind, name) = (wish.resource_type, wish.resource_name.as_str());
            let planned = check_once(&counts, kind, name).and_then(|()| {
                let alterations = alterations(&wish.configs)?;
                let found = self.resource(view, kind, name)?;
                let current = current(view, &found.resource);
                let update =
                    plan_dynamic_update(view.settings, found.scope, &current, &alterations)?;
                Ok(records(&found.resource, update))
            });
            let answer = incremental_alter_configs_response::AlterConfigsResourceResponse {
                error_code: code(&planned),
                error_message: message(&planned),
                resource_type: kind,
                resource_name: name.to_owned(),
                ..Default::default()
            };
            decision.response.responses.push(answer);
            decision.records.extend(planned.unwrap_or_default());
        }
        if request.validate_only {
            decision.records.clear();
        }
        decision
    }

    /// Decide on a request to replace all settings of some resources.
    #[must_use]
    pub fn alter_configs(
        &self,
        view: View<'_>,
        request: &AlterConfigsRequest,
    ) -> Decision<AlterConfigsResponse> {
        let mut decision = Decision {
            records: Vec::new(),
            response: AlterConfigsResponse::default(),
        };
        let keys = request.resources.iter();
        let counts = count(keys.map(|of| (of.resource_type, of.resource_name.as_str())));
        for wish in &request.resources {
            let (kind, name) = (wish.resource_type, wish.resource_name.as_str());
            let planned = check_once(&counts, kind, name).and_then(|()| {
                let configs = wish.configs.iter();
                let nulls = configs.filter(|config| config.value.is_none());
                check_nulls(nulls.map(|config| config.name.as_str()))?;
                if kind == ConfigKind::BrokerLogger.code() {
                    return Err(unknown_kind(kind));
                }
                let found = self.resource(view, kind, name)?;
                let wanted: Vec<_> = wish
                    .configs
                    .iter()
                    .map(|config| (config.name.clone(), config.value.clone()))
                    .collect();
                let current = current(view, &found.resource);
                let update =
                    plan_dynamic_replacement(view.settings, found.scope, &current, &wanted)?;
                Ok(records(&found.resource, update))
            });
            let answer = alter_configs_response::AlterConfigsResourceResponse {
                error_code: code(&planned),
                error_message: message(&planned),
                resource_type: kind,
                resource_name: name.to_owned(),
                ..Default::default()
            };
            decision.response.responses.push(answer);
            decision.records.extend(planned.unwrap_or_default());
        }
        if request.validate_only {
            decision.records.clear();
        }
        decision
    }

    /// The resource that a request names, if its settings can be changed here.
    fn resource(&self, view: View<'_>, kind: i8, name: &str) -> Result<Found, Refusal> {
        let invalid = |text: &str| Err(Refusal::new(ErrorCode::InvalidRequest, text));
        let known = ConfigKind::from_code(kind).ok_or_else(|| unknown_kind(kind))?;
        let scope = match known {
            ConfigKind::Topic if name.is_empty() => {
                return invalid("Default topic resources are not allowed.");
            }
            ConfigKind::Topic => {
                check_topic_name(name)?;
                if !view.image.topic_ids.contains_key(name) {
                    return Err(Refusal::new(
                        ErrorCode::UnknownTopicOrPartition,
                        format!("The topic '{name}' does not exist."),
                    ));
                }
                Scope::Topic
            }
            ConfigKind::Broker if name.is_empty() => Scope::ClusterDefault,
            ConfigKind::Broker => {
                self.check_node(name, "Unexpected broker id, expected")?;
                Scope::Broker
            }
            ConfigKind::BrokerLogger => {
                self.check_node(name, "Unexpected node id. Expected")?;
                return invalid("The levels of loggers cannot be changed at run time.");
            }
            ConfigKind::ClientMetrics if name.is_empty() => {
                return invalid("Subscription name can't be empty");
            }
            ConfigKind::ClientMetrics => Scope::ClientMetrics,
            ConfigKind::Group if name.is_empty() => {
                return invalid("Default group resources are not allowed.");
            }
            ConfigKind::Group => Scope::Group,
        };
        Ok(Found {
            resource: ConfigResource::new(known, name),
            scope,
        })
    }

    /// Each broker knows its own settings only.
    fn check_node(&self, name: &str, expected: &str) -> Result<(), Refusal> {
        let text = match name.parse::<BrokerId>() {
            Ok(id) if id == self.node_id => return Ok(()),
            Ok(id) => format!("{expected} {}, but received {id}", self.node_id),
            Err(_) => format!("Node id must be an integer, but it is: {name}"),
        };
        Err(Refusal::new(ErrorCode::InvalidRequest, text))
    }
}

/// A resource whose settings can be changed.
struct Found {
    resource: ConfigResource,
    scope: Scope,
}

type Counts<'a> = BTreeMap<(i8, &'a str), usize>;

fn count<'a>(keys: impl Iterator<Item = (i8, &'a str)>) -> Counts<'a> {
    let mut counts = BTreeMap::new();
    for key in keys {
        *counts.entry(key).or_insert(0) += 1;
    }
    counts
}

fn code(planned: &Result<Vec<MetadataRecord>, Refusal>) -> i16 {
    planned
        .as_ref()
        .map_or_else(|refusal| refusal.code as i16, |_| 0)
}

fn message(planned: &Result<Vec<MetadataRecord>, Refusal>) -> Option<String> {
    planned.as_ref().err()?.message.clone()
}

fn unknown_kind(kind: i8) -> Refusal {
    Refusal::new(
        ErrorCode::InvalidRequest,
        format!("Unknown resource type {kind}"),
    )
}

fn check_once(counts: &Counts<'_>, kind: i8, name: &str) -> Result<(), Refusal> {
    if counts.get(&(kind, name)) == Some(&1) {
        return Ok(());
    }
    Err(Refusal::new(
        ErrorCode::InvalidRequest,
        "Each resource must appear at most once.",
    ))
}

/// A value that is missing is the first thing that Kafka looks at.
fn check_nulls<'a>(nulls: impl Iterator<Item = &'a str>) -> Result<(), Refusal> {
    let nulls: Vec<&str> = nulls.collect();
    if nulls.is_empty() {
        return Ok(());
    }
    Err(Refusal::new(
        ErrorCode::InvalidRequest,
        format!("Null value not supported for : {}", nulls.join(",")),
    ))
}

fn alterations(configs: &[AlterableConfig]) -> Result<Vec<Alteration>, Refusal> {
    let is_deleted = |config: &AlterableConfig| {
        AlterOperation::from_code(config.config_operation) == Some(AlterOperation::Delete)
    };
    let nulls = configs
        .iter()
        .filter(|config| config.value.is_none() && !is_deleted(config));
    check_nulls(nulls.map(|config| config.name.as_str()))?;
    let alteration = |config: &AlterableConfig| {
        Some(Alteration {
            name: config.name.clone(),
            operation: AlterOperation::from_code(config.config_operation)?,
            value: config.value.clone(),
        })
    };
    let known: Option<Vec<Alteration>> = configs.iter().map(alteration).collect();
    // Kafka 4.3 stumbles over an operation that it does not know, without a word.
    known.ok_or(Refusal::silent(ErrorCode::UnknownServerError))
}

fn current(view: View<'_>, resource: &ConfigResource) -> Arc<Overrides> {
    view.image.config(resource).cloned().unwrap_or_default()
}

fn records(resource: &ConfigResource, update: PlannedUpdate) -> Vec<MetadataRecord> {
    let record = |(name, value)| {
        MetadataRecord::from(ConfigRecord {
            resource_type: resource.kind.code(),
            resource_name: resource.name.to_string(),
            name,
            value,
            ..ConfigRecord::default()
        })
    };
    update.into_iter().map(record).collect()
}

/// Check the settings of a topic that is to be.
pub(super) fn check_topic_config(configs: &BTreeMap<&str, &str>) -> Result<(), Refusal> {
    validate_topic_settings(&overrides(configs))
        .map_err(|reason| Refusal::new(ErrorCode::InvalidConfig, reason))
}

/// All settings of a topic that is created, for the answer.
pub(super) fn describe_new_topic(
    view: View<'_>,
    topic: &CreatableTopic,
) -> Vec<CreatableTopicConfigs> {
    let set = |config: &CreatableTopicConfig| Some((config.name.clone(), config.value.clone()?));
    let overrides: Overrides = topic.configs.iter().filter_map(set).collect();
    let described = view.settings.describe_topic(&overrides);
    described
        .into_iter()
        .map(|setting| CreatableTopicConfigs {
            name: setting.name,
            value: setting.value,
            read_only: setting.read_only,
            config_source: setting.source.code(),
            is_sensitive: setting.is_sensitive,
            ..CreatableTopicConfigs::default()
        })
        .collect()
}

fn overrides(configs: &BTreeMap<&str, &str>) -> Overrides {
    let owned = |(name, value): (&&str, &&str)| ((*name).to_owned(), (*value).to_owned());
    configs.iter().map(owned).collect()
}
