//! DescribeConfigs, ListConfigResources, AlterConfigs, IncrementalAlterConfigs.

use crate::config::{DescribedSetting, describe_client_metrics};
use crate::metadata::{
    ConfigKind, ControllerRequest, ControllerResponse, Refusal, check_broker_alterations,
    check_broker_replacement, check_topic_name, topic_owner,
};
use crate::model::ErrorCode;
use crate::protocol::messages::describe_configs_request::DescribeConfigsResource;
use crate::protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use crate::protocol::messages::list_config_resources_response::ConfigResource;
use crate::protocol::messages::{
    AlterConfigsRequest, AlterConfigsResponse, DescribeConfigsRequest, DescribeConfigsResponse,
    IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, ListConfigResourcesRequest,
    ListConfigResourcesResponse, alter_configs_response, incremental_alter_configs_response,
};
use crate::security::{Access, Operation, refusal_text};
use crate::shard::configs::overrides_of;
use crate::shard::request::RequestContext;

use super::forward::counts_of;
use super::{Parts, Plan, forward};

/// The kinds that ListConfigResources tells of where a request names none, by number: client
/// metrics, and since version 1 all of them (KIP-1142).
const CLIENT_METRICS_ONLY: &[i8] = &[16];
const ALL_KINDS: &[i8] = &[2, 4, 8, 16, 32];

/// Describe the settings of each resource.
pub fn plan_describe(
    context: &RequestContext,
    request: &DescribeConfigsRequest,
    parts: &Parts<'_>,
) -> Plan {
    let access = parts.access(context);
    let results = request.resources.iter().map(|resource| {
        let (kind, name) = (resource.resource_type, &*resource.resource_name);
        let described = match refusal(access, Operation::DescribeConfigs, kind, name) {
            Some(error) => Err((error, refusal_text(error).to_owned())),
            None => describe(resource, parts),
        };
        let mut result = DescribeConfigsResult {
            resource_type: resource.resource_type,
            resource_name: resource.resource_name.clone(),
            ..Default::default()
        };
        match described {
            Ok(settings) => result.configs = select(settings, resource, request),
            Err((error, message)) => {
                result.error_code = error.code();
                result.error_message = Some(message);
            }
        }
        result
    });
    Plan::answer(DescribeConfigsResponse {
        results: results.collect(),
        ..Default::default()
    })
}

/// Why the client may not do this with the settings of a resource; those of brokers, of their
/// loggers and of subscriptions are the cluster's.
fn refusal(access: Access<'_>, operation: Operation, kind: i8, name: &str) -> Option<ErrorCode> {
    let (is_allowed, error) = match ConfigKind::from_code(kind)? {
        ConfigKind::Topic => (
            access.allows_topic(operation, name),
            ErrorCode::TopicAuthorizationFailed,
        ),
        ConfigKind::Group => (
            access.allows_group(operation, name),
            ErrorCode::GroupAuthorizationFailed,
        ),
        ConfigKind::Broker | ConfigKind::BrokerLogger | ConfigKind::ClientMetrics => (
            access.allows_cluster(operation),
            ErrorCode::ClusterAuthorizationFailed,
        ),
    };
    (!is_allowed).then_some(error)
}

/// Cut what the client may not change out of `resources`, each with the reason. What is named
/// twice is left for the controller, which refuses it whoever asks.
fn cut_refused<R>(
    access: Access<'_>,
    resources: &mut Vec<R>,
    name_of: impl Fn(&R) -> (i8, String),
) -> Vec<(i8, String, ErrorCode)> {
    let mut refused = Vec::new();
    if !access.is_controlled() {
        return refused;
    }
    let counts = counts_of(resources.iter().map(&name_of));
    resources.retain(|resource| {
        let named = name_of(resource);
        let is_single = counts[&named] == 1;
        let (kind, name) = named;
        let error = refusal(access, Operation::AlterConfigs, kind, &name);
        match error.filter(|_| is_single) {
            None => true,
            Some(error) => {
                refused.push((kind, name, error));
                false
            }
        }
    });
    refused
}

/// Cut what this broker cannot have, or what is another broker's, out of `resources`, each with the
/// reason. A controller that is asked itself decides alone, and so it does on what is named twice.
fn cut_unfit<R>(
    context: &RequestContext,
    parts: &Parts<'_>,
    resources: &mut Vec<R>,
    check: impl Fn(&R) -> (i8, String, Result<(), Refusal>),
) -> Vec<(i8, String, Refusal)> {
    let mut unfit = Vec::new();
    if parts.is_of_controller(context) {
        return unfit;
    }
    let name_of = |resource: &R| {
        let (kind, name, _) = check(resource);
        (kind, name)
    };
    let counts = counts_of(resources.iter().map(name_of));
    resources.retain(|resource| {
        let (kind, name, checked) = check(resource);
        let named = (kind, name);
        match checked {
            Err(refusal) if counts[&named] == 1 => {
                unfit.push((named.0, named.1, refusal));
                false
            }
            _ => true,
        }
    });
    unfit
}

/// Replace the settings of each resource.
pub fn plan_alter(
    context: &RequestContext,
    mut request: AlterConfigsRequest,
    parts: &Parts<'_>,
) -> Plan {
    let refused = cut_refused(parts.access(context), &mut request.resources, |resource| {
        (resource.resource_type, resource.resource_name.clone())
    });
    let unfit = cut_unfit(context, parts, &mut request.resources, |resource| {
        let own = (parts.config().node_id, parts.configs.settings());
        let checked = check_broker_replacement(own, parts.image, resource);
        (
            resource.resource_type,
            resource.resource_name.clone(),
            checked,
        )
    });
    let refused = refused.into_iter().map(|(kind, name, error)| {
        let text = refusal_text(error);
        (kind, name, Refusal::new(error, text))
    });
    let refused = refused.chain(unfit).map(|(kind, name, refusal)| {
        alter_configs_response::AlterConfigsResourceResponse {
            error_code: refusal.code.code(),
            error_message: refusal.message,
            resource_type: kind,
            resource_name: name,
            ..Default::default()
        }
    });
    let refused = ControllerResponse::AlterConfigs(AlterConfigsResponse {
        responses: refused.collect(),
        ..Default::default()
    });
    forward::plan(ControllerRequest::AlterConfigs(request), Some(refused))
}

/// Change settings of each resource.
pub fn plan_alter_incrementally(
    context: &RequestContext,
    mut request: IncrementalAlterConfigsRequest,
    parts: &Parts<'_>,
) -> Plan {
    let refused = cut_refused(parts.access(context), &mut request.resources, |resource| {
        (resource.resource_type, resource.resource_name.clone())
    });
    let unfit = cut_unfit(context, parts, &mut request.resources, |resource| {
        let own = (parts.config().node_id, parts.configs.settings());
        let checked = check_broker_alterations(own, parts.image, resource);
        (
            resource.resource_type,
            resource.resource_name.clone(),
            checked,
        )
    });
    let refused = refused.into_iter().map(|(kind, name, code)| {
        // Kafka has no words for a logger.
        let message = (ConfigKind::from_code(kind) != Some(ConfigKind::BrokerLogger))
            .then(|| refusal_text(code).to_owned());
        (kind, name, Refusal { code, message })
    });
    let refused = refused.chain(unfit).map(|(kind, name, refusal)| {
        incremental_alter_configs_response::AlterConfigsResourceResponse {
            error_code: refusal.code.code(),
            error_message: refusal.message,
            resource_type: kind,
            resource_name: name,
            ..Default::default()
        }
    });
    let refused = ControllerResponse::IncrementalAlterConfigs(IncrementalAlterConfigsResponse {
        responses: refused.collect(),
        ..Default::default()
    });
    let request = ControllerRequest::IncrementalAlterConfigs(request);
    forward::plan(request, Some(refused))
}

fn describe(
    resource: &DescribeConfigsResource,
    parts: &Parts<'_>,
) -> Result<Vec<DescribedSetting>, (ErrorCode, String)> {
    let name = &resource.resource_name;
    let settings = parts.configs.settings();
    let kind = ConfigKind::from_code(resource.resource_type).ok_or_else(|| {
        let text = format!(
            "there is no kind of resource with number {}",
            resource.resource_type
        );
        (ErrorCode::InvalidRequest, text)
    })?;
    let overrides = || overrides_of(parts.image, kind, name);
    match kind {
        ConfigKind::Topic => {
            if let Err(reason) = check_topic_name(name) {
                let text = reason.message.unwrap_or_default();
                return Err((ErrorCode::InvalidTopicException, text));
            }
            if parts.image.topic(name).is_none() {
                let error = ErrorCode::UnknownTopicOrPartition;
                // The code says all: Kafka has no words for it.
                return Err((error, String::new()));
            }
            Ok(settings.describe_topic(topic_owner(name), &overrides()))
        }
        ConfigKind::Broker if name.is_empty() => Ok(settings.describe_cluster_default()),
        ConfigKind::Broker => check_own_id(name, true, parts).map(|()| settings.describe_broker()),
        ConfigKind::BrokerLogger => {
            check_own_id(name, false, parts).map(|()| parts.configs.log_levels().describe())
        }
        ConfigKind::Group if name.is_empty() => Err((
            ErrorCode::InvalidRequest,
            "the name of a group is not empty".to_owned(),
        )),
        ConfigKind::Group => Ok(settings.describe_group(&overrides())),
        ConfigKind::ClientMetrics if name.is_empty() => Err((
            ErrorCode::InvalidRequest,
            "the name of a subscription is not empty".to_owned(),
        )),
        ConfigKind::ClientMetrics => Ok(describe_client_metrics(&overrides())),
    }
}

/// A broker knows its own settings only; the empty name stands for all brokers where that is
/// allowed.
fn check_own_id(
    name: &str,
    allows_empty: bool,
    parts: &Parts<'_>,
) -> Result<(), (ErrorCode, String)> {
    let own = parts.config().node_id;
    match name.parse::<i32>() {
        Ok(id) if id == own => Ok(()),
        Ok(id) => {
            let or_empty = if allows_empty { " or empty string" } else { "" };
            let text = format!("Unexpected broker id, expected {own}{or_empty}, but received {id}");
            Err((ErrorCode::InvalidRequest, text))
        }
        Err(_) => Err((
            ErrorCode::InvalidRequest,
            format!("Broker id must be an integer, but it is: {name}"),
        )),
    }
}

fn select(
    settings: Vec<DescribedSetting>,
    resource: &DescribeConfigsResource,
    request: &DescribeConfigsRequest,
) -> Vec<DescribeConfigsResourceResult> {
    let is_wanted = |setting: &DescribedSetting| {
        let keys = resource.configuration_keys.as_ref();
        // No names at all is what some clients send for "all".
        keys.is_none_or(|keys| keys.is_empty() || keys.contains(&setting.name))
    };
    settings
        .into_iter()
        .filter(is_wanted)
        .map(|setting| {
            let synonyms = setting
                .synonyms
                .into_iter()
                .map(|synonym| DescribeConfigsSynonym {
                    name: synonym.name,
                    value: synonym.value,
                    source: synonym.source.code(),
                    ..Default::default()
                });
            DescribeConfigsResourceResult {
                name: setting.name,
                value: setting.value,
                read_only: setting.read_only,
                config_source: setting.source.code(),
                is_sensitive: setting.is_sensitive,
                synonyms: synonyms.filter(|_| request.include_synonyms).collect(),
                config_type: setting.kind.map_or(0, crate::config::Kind::code),
                documentation: request
                    .include_documentation
                    .then_some(setting.documentation),
                ..Default::default()
            }
        })
        .collect()
}

/// Name the resources that have settings, or may have.
pub fn plan_list(
    context: &RequestContext,
    request: &ListConfigResourcesRequest,
    parts: &Parts<'_>,
) -> Plan {
    if !parts
        .access(context)
        .allows_cluster(Operation::DescribeConfigs)
    {
        return Plan::answer(ListConfigResourcesResponse {
            error_code: ErrorCode::ClusterAuthorizationFailed.code(),
            ..Default::default()
        });
    }
    let kinds = match (context.version, request.resource_types.as_slice()) {
        (0, _) => CLIENT_METRICS_ONLY,
        (_, []) => ALL_KINDS,
        (_, kinds) => kinds,
    };
    if kinds.iter().any(|kind| !ALL_KINDS.contains(kind)) {
        return Plan::answer(ListConfigResourcesResponse {
            error_code: ErrorCode::UnsupportedVersion.code(),
            ..Default::default()
        });
    }
    let mut found = Vec::new();
    for kind in ALL_KINDS.iter().filter(|kind| kinds.contains(kind)) {
        let brokers = || parts.image.brokers.keys().map(ToString::to_string);
        let names: Vec<String> = match ConfigKind::from_code(*kind) {
            Some(ConfigKind::Topic) => parts
                .image
                .topic_ids
                .keys()
                .map(|name| name.to_string())
                .collect(),
            Some(ConfigKind::Broker | ConfigKind::BrokerLogger) | None => brokers().collect(),
            Some(kind @ (ConfigKind::Group | ConfigKind::ClientMetrics)) => {
                let resources = parts.image.configs.keys();
                let of_kind = resources.filter(|resource| resource.kind == kind);
                of_kind.map(|resource| resource.name.to_string()).collect()
            }
        };
        found.extend(names.into_iter().map(|resource_name| ConfigResource {
            resource_name,
            resource_type: *kind,
            ..Default::default()
        }));
    }
    Plan::answer(ListConfigResourcesResponse {
        config_resources: found,
        ..Default::default()
    })
}
