//! `IncrementalAlterConfigs` and the older `AlterConfigs`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::{
    AlterOperation, Alteration, BrokerSettings, CORDONED_LOG_DIRS, ConfigResource as Scope,
    LevelChange, Overrides, PlannedUpdate, plan_dynamic_replacement, plan_dynamic_update,
    plan_level_change, validate_topic_settings,
};
use crate::model::{BrokerId, ErrorCode};
use crate::protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use crate::protocol::messages::create_topics_response::CreatableTopicConfigs;
use crate::protocol::messages::incremental_alter_configs_request::AlterableConfig;
use crate::protocol::messages::{
    AlterConfigsRequest, AlterConfigsResponse, ConfigRecord, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse, MetadataRecord, alter_configs_request, alter_configs_response,
    incremental_alter_configs_request, incremental_alter_configs_response,
};

use super::super::image::{ConfigKind, ConfigResource, MetadataImage};
use super::internal_topics::topic_owner;
use super::topic_name::check_topic_name;
use super::update_features::{check_min_isr, clear_records};
use super::{Controller, Decision, Refusal, View};

/// What a broker says first to whoever asks it for another broker's settings.
const UNEXPECTED_BROKER: &str = "Unexpected broker id, expected";

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
        let (records, responses) = decide(
            &request.resources,
            |wish| (wish.resource_type, &wish.resource_name),
            |wish| self.plan_alterations(view, wish),
            |told| incremental_alter_configs_response::AlterConfigsResourceResponse {
                error_code: told.error_code,
                error_message: told.error_message,
                resource_type: told.kind,
                resource_name: told.name,
                ..Default::default()
            },
        );
        Decision {
            records: kept(view, records, request.validate_only),
            response: IncrementalAlterConfigsResponse {
                responses,
                ..Default::default()
            },
        }
    }

    /// Decide on a request to replace all settings of some resources.
    #[must_use]
    pub fn alter_configs(
        &self,
        view: View<'_>,
        request: &AlterConfigsRequest,
    ) -> Decision<AlterConfigsResponse> {
        let (records, responses) = decide(
            &request.resources,
            |wish| (wish.resource_type, &wish.resource_name),
            |wish| self.plan_replacement(view, wish),
            |told| alter_configs_response::AlterConfigsResourceResponse {
                error_code: told.error_code,
                error_message: told.error_message,
                resource_type: told.kind,
                resource_name: told.name,
                ..Default::default()
            },
        );
        Decision {
            records: kept(view, records, request.validate_only),
            response: AlterConfigsResponse {
                responses,
                ..Default::default()
            },
        }
    }

    fn plan_alterations(
        &self,
        view: View<'_>,
        wish: &incremental_alter_configs_request::AlterConfigsResource,
    ) -> Planned {
        let (kind, name) = (wish.resource_type, wish.resource_name.as_str());
        check_values(&wish.configs)?;
        if kind == ConfigKind::BrokerLogger.code() {
            check_node(self.node_id, name, "Unexpected node id. Expected")?;
            // Who runs the controller makes the changes, of which no record is kept.
            return level_changes(&wish.configs).map(|_| Vec::new());
        }
        let alterations = alterations(&wish.configs)?;
        let found = self.resource(view, kind, name)?;
        let current = current(view, &found.resource);
        let update = plan_dynamic_update(view.settings, found.scope, &current, &alterations)?;
        check_min_isr(view.image, &found.resource, &update)?;
        check_cordoned(view.image, &found.resource, &update)?;
        Ok(records(&found.resource, update))
    }

    fn plan_replacement(
        &self,
        view: View<'_>,
        wish: &alter_configs_request::AlterConfigsResource,
    ) -> Planned {
        let wanted = wanted(&wish.configs)?;
        let found = self.resource(view, wish.resource_type, &wish.resource_name)?;
        let current = current(view, &found.resource);
        let update = plan_dynamic_replacement(view.settings, found.scope, &current, &wanted)?;
        check_min_isr(view.image, &found.resource, &update)?;
        check_cordoned(view.image, &found.resource, &update)?;
        Ok(records(&found.resource, update))
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
            ConfigKind::Broker => match name.parse::<BrokerId>() {
                Ok(id) if id == self.node_id => Scope::Broker,
                Ok(_) => Scope::OtherBroker,
                Err(_) => return invalid("Unable to parse broker name as a base 10 number."),
            },
            // Levels of loggers are no settings: only single ones can be named.
            ConfigKind::BrokerLogger => return Err(unknown_kind(kind)),
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
}

/// Whether a broker can have the settings that a client asks it for: it looks at its own before it
/// asks the controller, which knows no other broker's.
///
/// # Errors
/// Kafka's refusal.
pub fn check_broker_alterations(
    (node_id, settings): (BrokerId, &BrokerSettings),
    image: &MetadataImage,
    wish: &incremental_alter_configs_request::AlterConfigsResource,
) -> Result<(), Refusal> {
    let Some(resource) = one_broker(wish.resource_type, &wish.resource_name) else {
        return Ok(());
    };
    check_values(&wish.configs)?;
    check_node(node_id, &resource.name, UNEXPECTED_BROKER)?;
    let alterations = alterations(&wish.configs)?;
    let current = image.config(&resource).cloned().unwrap_or_default();
    plan_dynamic_update(settings, Scope::Broker, &current, &alterations)?;
    Ok(())
}

/// The same for a request to replace all settings.
///
/// # Errors
/// Kafka's refusal.
pub fn check_broker_replacement(
    (node_id, settings): (BrokerId, &BrokerSettings),
    image: &MetadataImage,
    wish: &alter_configs_request::AlterConfigsResource,
) -> Result<(), Refusal> {
    let Some(resource) = one_broker(wish.resource_type, &wish.resource_name) else {
        return Ok(());
    };
    let wanted = wanted(&wish.configs)?;
    check_node(node_id, &resource.name, UNEXPECTED_BROKER)?;
    let current = image.config(&resource).cloned().unwrap_or_default();
    plan_dynamic_replacement(settings, Scope::Broker, &current, &wanted)?;
    Ok(())
}

/// The broker whose settings are named, if it is one and not all.
fn one_broker(kind: i8, name: &str) -> Option<ConfigResource> {
    let is_one = kind == ConfigKind::Broker.code() && !name.is_empty();
    is_one.then(|| ConfigResource::new(ConfigKind::Broker, name))
}

/// What the older request wants a resource to have.
fn wanted(
    configs: &[alter_configs_request::AlterableConfig],
) -> Result<Vec<(String, Option<String>)>, Refusal> {
    let nulls = configs.iter().filter(|config| config.value.is_none());
    check_nulls(nulls.map(|config| config.name.as_str()))?;
    let configs = configs.iter();
    Ok(configs
        .map(|config| (config.name.clone(), config.value.clone()))
        .collect())
}

/// Each broker knows its own settings only.
fn check_node(node_id: BrokerId, name: &str, expected: &str) -> Result<(), Refusal> {
    let text = match name.parse::<BrokerId>() {
        Ok(id) if id == node_id => return Ok(()),
        Ok(id) => format!("{expected} {node_id}, but received {id}"),
        Err(_) => format!("Node id must be an integer, but it is: {name}"),
    };
    Err(Refusal::new(ErrorCode::InvalidRequest, text))
}

/// A resource whose settings can be changed.
struct Found {
    resource: ConfigResource,
    scope: Scope,
}

/// The records that a resource's wish comes to.
type Planned = Result<Vec<MetadataRecord>, Refusal>;

/// What a client is told of one resource.
struct Told {
    kind: i8,
    name: String,
    error_code: i16,
    error_message: Option<String>,
}

/// The records of all wishes that are fulfilled, and the answers to all, in their order. Each
/// resource may be named once.
fn decide<W, A>(
    wishes: &[W],
    key: impl Fn(&W) -> (i8, &String),
    plan: impl Fn(&W) -> Planned,
    answer: impl Fn(Told) -> A,
) -> (Vec<MetadataRecord>, Vec<A>) {
    let mut counts = BTreeMap::new();
    for wish in wishes {
        *counts.entry(key(wish)).or_insert(0) += 1;
    }
    let (mut records, mut answers) = (Vec::new(), Vec::new());
    for wish in wishes {
        let (kind, name) = key(wish);
        let planned = if counts[&(kind, name)] == 1 {
            plan(wish)
        } else {
            let text = "Each resource must appear at most once.";
            Err(Refusal::new(ErrorCode::InvalidRequest, text))
        };
        let (error_code, error_message) = match planned {
            Ok(planned) => {
                records.extend(planned);
                (ErrorCode::None, None)
            }
            Err(refusal) => (refusal.code, refusal.message),
        };
        answers.push(answer(Told {
            kind,
            name: name.clone(),
            error_code: error_code.code(),
            error_message,
        }));
    }
    (records, answers)
}

/// The records of a request with what follows from them; nothing is written for one that only asks
/// whether it could be fulfilled.
fn kept(
    view: View<'_>,
    mut records: Vec<MetadataRecord>,
    validate_only: bool,
) -> Vec<MetadataRecord> {
    if validate_only {
        return Vec::new();
    }
    let cleared = clear_records(view.image, &records);
    records.extend(cleared);
    records
}

/// What a request changes of the log levels of the node: all that [`Controller`] does not refuse.
#[must_use]
pub fn log_level_changes(
    node_id: BrokerId,
    request: &IncrementalAlterConfigsRequest,
) -> Vec<LevelChange> {
    let kind = ConfigKind::BrokerLogger.code();
    let own = request.resources.iter().filter(|wish| {
        wish.resource_type == kind && check_node(node_id, &wish.resource_name, "").is_ok()
    });
    let mut own = own.filter(|_| !request.validate_only);
    match (own.next(), own.next()) {
        (Some(wish), None) => check_values(&wish.configs)
            .and_then(|()| level_changes(&wish.configs))
            .unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn level_changes(configs: &[AlterableConfig]) -> Result<Vec<LevelChange>, Refusal> {
    let change = |config: &AlterableConfig| {
        let operation = known_operation(config)?;
        plan_level_change(&config.name, operation, config.value.as_deref()).map_err(Refusal::from)
    };
    configs.iter().map(change).collect()
}

fn unknown_kind(kind: i8) -> Refusal {
    Refusal::new(
        ErrorCode::InvalidRequest,
        format!("Unknown resource type {kind}"),
    )
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

/// Only what is deleted needs no value.
fn check_values(configs: &[AlterableConfig]) -> Result<(), Refusal> {
    let is_deleted = |config: &AlterableConfig| {
        AlterOperation::from_code(config.config_operation) == Some(AlterOperation::Delete)
    };
    let nulls = configs
        .iter()
        .filter(|config| config.value.is_none() && !is_deleted(config));
    check_nulls(nulls.map(|config| config.name.as_str()))
}

fn alterations(configs: &[AlterableConfig]) -> Result<Vec<Alteration>, Refusal> {
    let alteration = |config: &AlterableConfig| {
        Ok(Alteration {
            name: config.name.clone(),
            operation: known_operation(config)?,
            value: config.value.clone(),
        })
    };
    configs.iter().map(alteration).collect()
}

/// Kafka 4.3 stumbles over an operation that it does not know, without a word.
fn known_operation(config: &AlterableConfig) -> Result<AlterOperation, Refusal> {
    AlterOperation::from_code(config.config_operation)
        .ok_or(Refusal::silent(ErrorCode::UnknownServerError))
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

/// Log directories are cordoned where the metadata have a place for that (KIP-1066).
fn check_cordoned(
    image: &MetadataImage,
    resource: &ConfigResource,
    changes: &PlannedUpdate,
) -> Result<(), Refusal> {
    let is_named = changes.contains_key(CORDONED_LOG_DIRS);
    if resource.kind != ConfigKind::Broker || !is_named || image.has_cordoned_directories() {
        return Ok(());
    }
    let text = "The cordoned.log.dirs configuration value cannot be set because it requires \
                metadata.version >= 4.3-IV0";
    Err(Refusal::new(ErrorCode::InvalidConfig, text))
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
    let described = view
        .settings
        .describe_topic(topic_owner(&topic.name), &overrides);
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
