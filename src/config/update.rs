//! Changes of settings at run time: which are allowed, and what they come to.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::ErrorCode;

use super::broker::CORDONED_LOG_DIRS;
use super::describe::base_name;
use super::setting::{Kind, Setting, UpdateMode};
use super::settings::{BrokerSettings, Overrides, find_broker_setting, find_listener_setting};
use super::tables::group::{CLIENT_METRICS, GROUP};
use super::topic::{find_topic_setting, validate_topic_settings};
use super::value::Value;

/// What the settings belong to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ConfigResource {
    /// This broker.
    Broker,
    /// Another broker, which has checked what it is to have against the rest of its settings.
    OtherBroker,
    /// All brokers of the cluster.
    ClusterDefault,
    /// A topic.
    Topic,
    /// A group.
    Group,
    /// A client-metrics subscription.
    ClientMetrics,
}

/// One change.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Alteration {
    /// The setting.
    pub name: String,
    /// What is to happen to it.
    pub operation: AlterOperation,
    /// The new value; nothing where it is deleted.
    pub value: Option<String>,
}

/// What a change does (KIP-339).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AlterOperation {
    /// The value is this one.
    Set,
    /// There is no value, so that the default applies.
    Delete,
    /// The list has these entries as well.
    Append,
    /// The list does not have these entries.
    Subtract,
}

impl AlterOperation {
    /// The operation of this number on the wire.
    #[must_use]
    pub const fn from_code(code: i8) -> Option<Self> {
        match code {
            0 => Some(Self::Set),
            1 => Some(Self::Delete),
            2 => Some(Self::Append),
            3 => Some(Self::Subtract),
            _ => None,
        }
    }
}

/// Why a change is refused, as the client is told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// Kafka's code for it.
    pub error: ErrorCode,
    /// Kafka's sentence on it.
    pub message: String,
}

/// What an update comes to: a value for each name that changes, `None` for one that goes. The
/// records of the metadata log say the same.
pub type PlannedUpdate = BTreeMap<String, Option<String>>;

fn refuse<T>(error: ErrorCode, message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal {
        error,
        message: message.into(),
    })
}

/// What `alterations` make of the settings `current` of a resource.
///
/// # Errors
/// The first reason for which Kafka refuses them; nothing changes then.
pub fn plan_dynamic_update(
    settings: &BrokerSettings,
    resource: ConfigResource,
    current: &Overrides,
    alterations: &[Alteration],
) -> Result<PlannedUpdate, Refusal> {
    let mut names = BTreeSet::new();
    for Alteration {
        name,
        operation,
        value,
    } in alterations
    {
        if *operation != AlterOperation::Delete && value.is_none() {
            let message = format!("Null value not supported for : {name}");
            return refuse(ErrorCode::InvalidRequest, message);
        }
        if !names.insert(name) {
            return refuse(
                ErrorCode::InvalidRequest,
                "Error due to duplicate config keys",
            );
        }
    }
    let mut planned = PlannedUpdate::new();
    for alteration in alterations {
        let value = plan_alteration(resource, current, alteration)?;
        // Kafka writes a broker's settings anew even if nothing changes, so that it reads the
        // files that they name once more.
        if value.as_ref() != current.get(&alteration.name) || is_broker(resource) {
            planned.insert(alteration.name.clone(), value);
        }
    }
    let mut updated = current.clone();
    for (name, value) in &planned {
        match value {
            Some(value) => updated.insert(name.clone(), value.clone()),
            None => updated.remove(name),
        };
    }
    validate_resource(settings, resource, &updated)?;
    Ok(planned)
}

/// What remains of the settings `current` of a resource if it is to have `wanted` and no others,
/// as the older `AlterConfigs` wants it.
///
/// # Errors
/// The first reason for which Kafka refuses it; nothing changes then.
pub fn plan_dynamic_replacement(
    settings: &BrokerSettings,
    resource: ConfigResource,
    current: &Overrides,
    wanted: &[(String, Option<String>)],
) -> Result<PlannedUpdate, Refusal> {
    let kept: BTreeSet<&str> = wanted.iter().map(|(name, _)| name.as_str()).collect();
    let gone = current.keys().filter(|name| !kept.contains(name.as_str()));
    let alterations: Vec<Alteration> = wanted
        .iter()
        .map(|(name, value)| Alteration {
            name: name.clone(),
            operation: AlterOperation::Set,
            value: value.clone(),
        })
        .chain(gone.map(|name| Alteration {
            name: name.clone(),
            operation: AlterOperation::Delete,
            value: None,
        }))
        .collect();
    plan_dynamic_update(settings, resource, current, &alterations)
}

const fn is_broker(resource: ConfigResource) -> bool {
    matches!(
        resource,
        ConfigResource::Broker | ConfigResource::OtherBroker | ConfigResource::ClusterDefault
    )
}

fn find_setting(resource: ConfigResource, name: &str) -> Option<&'static Setting> {
    let find = |table: &'static [Setting]| table.iter().find(|setting| setting.name == name);
    match resource {
        ConfigResource::Broker | ConfigResource::OtherBroker | ConfigResource::ClusterDefault => {
            find_broker_setting(base_name(name))
        }
        ConfigResource::Topic => find_topic_setting(name),
        ConfigResource::Group => find(GROUP),
        ConfigResource::ClientMetrics => find(CLIENT_METRICS),
    }
}

/// The new value of the setting that `alteration` names.
fn plan_alteration(
    resource: ConfigResource,
    current: &Overrides,
    alteration: &Alteration,
) -> Result<Option<String>, Refusal> {
    let Alteration {
        name,
        operation,
        value,
    } = alteration;
    let value = value.as_deref().unwrap_or_default();
    let appends = match operation {
        AlterOperation::Set => return Ok(Some(value.to_owned())),
        AlterOperation::Delete => return Ok(None),
        AlterOperation::Append => true,
        AlterOperation::Subtract => false,
    };
    let setting = find_setting(resource, name).filter(|setting| setting.kind == Kind::List);
    let Some(setting) = setting else {
        let message = match (is_broker(resource), appends) {
            (true, true) => format!("Config value append is not allowed for config key: {name}"),
            (true, false) => format!("Config value subtract is not allowed for config key: {name}"),
            (false, true) => format!("Can't APPEND to key {name} because its type is not LIST."),
            (false, false) => format!("Can't SUBTRACT to key {name} because its type is not LIST."),
        };
        return refuse(ErrorCode::InvalidConfig, message);
    };
    let before = current
        .get(name)
        .map(String::as_str)
        .or(setting.default.text());
    let mut entries: Vec<&str> = before
        .filter(|before| !before.is_empty())
        .map(|before| before.split(',').collect())
        .unwrap_or_default();
    for entry in value.split(',') {
        if !appends {
            entries.retain(|kept| *kept != entry);
        } else if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    Ok(Some(entries.join(",")))
}

fn validate_resource(
    settings: &BrokerSettings,
    resource: ConfigResource,
    updated: &Overrides,
) -> Result<(), Refusal> {
    match resource {
        ConfigResource::OtherBroker => validate_broker_names(updated, true),
        ConfigResource::Broker | ConfigResource::ClusterDefault => {
            let per_broker = resource == ConfigResource::Broker;
            validate_broker_names(updated, per_broker)?;
            validate_broker(settings, updated, per_broker)
        }
        ConfigResource::Topic => validate_topic_settings(updated)
            .or_else(|message| refuse(ErrorCode::InvalidConfig, message)),
        ConfigResource::Group => validate_group(settings, updated),
        ConfigResource::ClientMetrics => validate_client_metrics(updated),
    }
}

/// A broker's settings have to be ones that can change.
fn validate_broker_names(updated: &Overrides, per_broker: bool) -> Result<(), Refusal> {
    let named = |matches: &dyn Fn(&Setting) -> bool| {
        let names: Vec<&str> = updated
            .keys()
            .filter(|name| find_broker_setting(base_name(name)).is_some_and(matches))
            .map(String::as_str)
            .collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    if let Some(names) = named(&|setting| setting.update == UpdateMode::ReadOnly) {
        let message = format!("Cannot update these configs dynamically: [{names}]");
        return refuse(ErrorCode::InvalidRequest, message);
    }
    for (name, value) in updated {
        if let Some(setting) = find_broker_setting(base_name(name)) {
            setting
                .parse(value)
                .or_else(|message| refuse(ErrorCode::InvalidRequest, message))?;
        }
    }
    // What is spoken on which address is settled at the start: to accept a change and not to make
    // it could leave a door open that the operator believes closed.
    let is_fixed =
        |name: &&String| base_name(name) != name.as_str() && find_listener_setting(name).is_none();
    if let Some(name) = updated.keys().find(is_fixed) {
        let message = format!("Forebay cannot change these configs while it runs: [{name}]");
        return refuse(ErrorCode::InvalidRequest, message);
    }
    let is_obeyed = |setting: &Setting| {
        // All others are about listeners.
        per_broker && setting.name == CORDONED_LOG_DIRS
    };
    let is_of_broker = |setting: &Setting| setting.update == UpdateMode::PerBroker;
    if let Some(names) = named(&|setting| is_of_broker(setting) && !is_obeyed(setting)) {
        let message = if per_broker {
            format!("Forebay cannot change these configs while it runs: [{names}]")
        } else {
            format!(
                "Cannot update these configs at default cluster level, broker id must be \
                 specified: [{names}]"
            )
        };
        return refuse(ErrorCode::InvalidRequest, message);
    }
    Ok(())
}

/// They have to make sense with the others.
fn validate_broker(
    settings: &BrokerSettings,
    updated: &Overrides,
    per_broker: bool,
) -> Result<(), Refusal> {
    let (mut cluster, mut broker) = (
        settings.dynamic_default().clone(),
        settings.dynamic_broker().clone(),
    );
    if per_broker {
        broker.clone_from(updated);
    } else {
        cluster.clone_from(updated);
    }
    let mut changed = settings.clone();
    changed.set_dynamic(cluster, broker);
    match changed.config() {
        Ok(_) => Ok(()),
        Err(errors) => {
            let messages: Vec<String> = errors.into_iter().map(|error| error.message).collect();
            refuse(ErrorCode::InvalidRequest, messages.join("; "))
        }
    }
}

/// The limits that the broker sets to the settings of groups: the group's, and the broker's.
const GROUP_LIMITS: &[(&str, Limit, &str)] = &[
    (
        "consumer.heartbeat.interval.ms",
        Limit::Least,
        "group.consumer.min.heartbeat.interval.ms",
    ),
    (
        "consumer.heartbeat.interval.ms",
        Limit::Most,
        "group.consumer.max.heartbeat.interval.ms",
    ),
    (
        "consumer.session.timeout.ms",
        Limit::Least,
        "group.consumer.min.session.timeout.ms",
    ),
    (
        "consumer.session.timeout.ms",
        Limit::Most,
        "group.consumer.max.session.timeout.ms",
    ),
    (
        "consumer.assignment.interval.ms",
        Limit::Least,
        "group.consumer.min.assignment.interval.ms",
    ),
    (
        "consumer.assignment.interval.ms",
        Limit::Most,
        "group.consumer.max.assignment.interval.ms",
    ),
    (
        "share.heartbeat.interval.ms",
        Limit::Least,
        "group.share.min.heartbeat.interval.ms",
    ),
    (
        "share.heartbeat.interval.ms",
        Limit::Most,
        "group.share.max.heartbeat.interval.ms",
    ),
    (
        "share.session.timeout.ms",
        Limit::Least,
        "group.share.min.session.timeout.ms",
    ),
    (
        "share.session.timeout.ms",
        Limit::Most,
        "group.share.max.session.timeout.ms",
    ),
    (
        "share.record.lock.duration.ms",
        Limit::Least,
        "group.share.min.record.lock.duration.ms",
    ),
    (
        "share.record.lock.duration.ms",
        Limit::Most,
        "group.share.max.record.lock.duration.ms",
    ),
    (
        "share.delivery.count.limit",
        Limit::Least,
        "group.share.min.delivery.count.limit",
    ),
    (
        "share.delivery.count.limit",
        Limit::Most,
        "group.share.max.delivery.count.limit",
    ),
    (
        "share.partition.max.record.locks",
        Limit::Least,
        "group.share.min.partition.max.record.locks",
    ),
    (
        "share.partition.max.record.locks",
        Limit::Most,
        "group.share.max.partition.max.record.locks",
    ),
    (
        "share.assignment.interval.ms",
        Limit::Least,
        "group.share.min.assignment.interval.ms",
    ),
    (
        "share.assignment.interval.ms",
        Limit::Most,
        "group.share.max.assignment.interval.ms",
    ),
    (
        "streams.heartbeat.interval.ms",
        Limit::Least,
        "group.streams.min.heartbeat.interval.ms",
    ),
    (
        "streams.heartbeat.interval.ms",
        Limit::Most,
        "group.streams.max.heartbeat.interval.ms",
    ),
    (
        "streams.session.timeout.ms",
        Limit::Least,
        "group.streams.min.session.timeout.ms",
    ),
    (
        "streams.session.timeout.ms",
        Limit::Most,
        "group.streams.max.session.timeout.ms",
    ),
    (
        "streams.num.standby.replicas",
        Limit::Most,
        "group.streams.max.standby.replicas",
    ),
    (
        "streams.assignment.interval.ms",
        Limit::Least,
        "group.streams.min.assignment.interval.ms",
    ),
    (
        "streams.assignment.interval.ms",
        Limit::Most,
        "group.streams.max.assignment.interval.ms",
    ),
];

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Limit {
    Least,
    Most,
}

fn validate_group(settings: &BrokerSettings, updated: &Overrides) -> Result<(), Refusal> {
    let mut values = BTreeMap::new();
    for (name, text) in updated {
        let Some(setting) = find_setting(ConfigResource::Group, name) else {
            let message = format!("Unknown group config name: {name}");
            return refuse(ErrorCode::InvalidConfig, message);
        };
        let value = setting
            .parse(text)
            .or_else(|message| refuse(ErrorCode::InvalidConfig, message))?;
        values.insert(name.as_str(), value);
    }
    for (name, limit, broker_name) in GROUP_LIMITS {
        let (Some(Value::Integer(own)), Value::Integer(bound)) =
            (values.get(name), settings.value(broker_name))
        else {
            continue;
        };
        let (is_kept, relation) = match limit {
            Limit::Least => (*own >= bound, "greater than or equal to"),
            Limit::Most => (*own <= bound, "less than or equal to"),
        };
        if !is_kept {
            let message = format!("{name} must be {relation} {broker_name}");
            return refuse(ErrorCode::InvalidConfig, message);
        }
    }
    Ok(())
}

/// What a client-metrics subscription can match clients by.
const MATCH_KEYS: &[&str] = &[
    "client_instance_id",
    "client_id",
    "client_software_name",
    "client_software_version",
    "client_source_address",
    "client_source_port",
];

fn validate_client_metrics(updated: &Overrides) -> Result<(), Refusal> {
    for (name, text) in updated {
        let Some(setting) = find_setting(ConfigResource::ClientMetrics, name) else {
            let message = format!("Unknown client metrics configuration: {name}");
            return refuse(ErrorCode::InvalidRequest, message);
        };
        match setting.parse(text) {
            Ok(Value::List(patterns)) if name == "match" => {
                let known = |pattern: &String| {
                    pattern
                        .split_once('=')
                        .is_some_and(|(key, _)| MATCH_KEYS.contains(&key.trim()))
                };
                if let Some(illegal) = patterns.iter().find(|pattern| !known(pattern)) {
                    let message = format!("Illegal client matching pattern: {illegal}");
                    return refuse(ErrorCode::InvalidConfig, message);
                }
            }
            Ok(_) => {}
            Err(_) if text.trim().parse::<i32>().is_ok() => {
                let message = format!(
                    "Invalid value {} for interval.ms, interval must be between 100 and 3600000 \
                     (1 hour)",
                    text.trim()
                );
                return refuse(ErrorCode::InvalidRequest, message);
            }
            Err(message) => return refuse(ErrorCode::InvalidConfig, message),
        }
    }
    Ok(())
}
