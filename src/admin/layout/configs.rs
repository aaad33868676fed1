//! Settings of topics and brokers that plans and their execution need.

use std::collections::BTreeMap;

use crate::admin::Failure;
use crate::admin::failure::explain;
use crate::admin::session::{Session, answer};
use crate::client::error_of;
use crate::model::BrokerId;
use crate::protocol::messages::describe_configs_request::DescribeConfigsResource;
use crate::protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use crate::protocol::messages::{DescribeConfigsRequest, IncrementalAlterConfigsRequest};

/// The kinds of resources in requests about settings.
const RESOURCE_TOPIC: i8 = 2;
const RESOURCE_BROKER: i8 = 4;

/// What to do with a setting, in Kafka's numbers.
const OPERATION_SET: i8 = 0;
const OPERATION_DELETE: i8 = 1;

/// Where a value comes from that was set for this topic, or for this broker while it ran.
const SOURCE_TOPIC: i8 = 1;
const SOURCE_BROKER: i8 = 2;

/// Resources in one request about settings, so that an answer stays small.
const RESOURCES_PER_REQUEST: usize = 200;

/// Whose settings.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Resource {
    Topic(String),
    Broker(BrokerId),
}

/// A value, and whether it was set for the very resource.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Value {
    pub text: String,
    pub is_own: bool,
}

/// What becomes of settings: a value, or the default again where there is none.
pub type Alterations = Vec<(&'static str, Option<String>)>;

/// The values of the settings `names` of each topic. A topic that is gone has none.
pub fn topic_values(
    session: &mut Session,
    topics: &[String],
    names: &[&str],
) -> Result<BTreeMap<String, BTreeMap<String, Value>>, Failure> {
    let mut values = BTreeMap::new();
    for topics in topics.chunks(RESOURCES_PER_REQUEST) {
        let resources = topics
            .iter()
            .map(|topic| resource(RESOURCE_TOPIC, topic, names));
        let request = DescribeConfigsRequest {
            resources: resources.collect(),
            ..DescribeConfigsRequest::default()
        };
        let described = answer!(DescribeConfigs, session.ask_any(request)?);
        for topic in described.results {
            if error_of(topic.error_code).is_err() {
                continue;
            }
            let settings = topic.configs.into_iter().filter_map(|one| {
                let is_own = one.config_source == SOURCE_TOPIC;
                let text = one.value?;
                Some((one.name, Value { text, is_own }))
            });
            values.insert(topic.resource_name, settings.collect());
        }
    }
    Ok(values)
}

/// The values of the settings `names` of a broker that runs.
pub fn broker_values(
    session: &mut Session,
    broker: BrokerId,
    names: &[&str],
) -> Result<BTreeMap<String, Value>, Failure> {
    let request = DescribeConfigsRequest {
        resources: vec![resource(RESOURCE_BROKER, &broker.to_string(), names)],
        ..DescribeConfigsRequest::default()
    };
    let described = answer!(DescribeConfigs, session.ask_broker(broker, request)?);
    let mut values = BTreeMap::new();
    for told in described.results {
        error_of(told.error_code).map_err(|error| {
            let action = format!("cannot read the settings of broker {broker}");
            Failure::refused(&action, error, told.error_message.as_deref())
        })?;
        values.extend(told.configs.into_iter().filter_map(|one| {
            let is_own = one.config_source == SOURCE_BROKER;
            let text = one.value?;
            Some((one.name, Value { text, is_own }))
        }));
    }
    Ok(values)
}

/// Changes settings; why not, of those that were refused. A broker takes its own settings only, so
/// brokers are asked one by one.
pub fn alter(
    session: &mut Session,
    changes: &BTreeMap<Resource, Alterations>,
) -> Result<BTreeMap<Resource, String>, Failure> {
    let mut refused = BTreeMap::new();
    let topics: Vec<_> = changes
        .iter()
        .filter(|(resource, _)| matches!(resource, Resource::Topic(_)))
        .collect();
    for topics in topics.chunks(RESOURCES_PER_REQUEST) {
        let resources = topics
            .iter()
            .map(|(resource, changes)| altered(resource, changes));
        let request = request_of(resources.collect());
        let told = answer!(IncrementalAlterConfigs, session.ask_any(request)?);
        for told in told.responses {
            if let Err(error) = error_of(told.error_code) {
                let reason = explain(error, told.error_message.as_deref());
                refused.insert(Resource::Topic(told.resource_name), reason);
            }
        }
    }
    for (resource, changes) in changes {
        let Resource::Broker(id) = resource else {
            continue;
        };
        let request = request_of(vec![altered(resource, changes)]);
        let told = answer!(IncrementalAlterConfigs, session.ask_broker(*id, request)?);
        for told in &told.responses {
            if let Err(error) = error_of(told.error_code) {
                let reason = explain(error, told.error_message.as_deref());
                refused.insert(resource.clone(), reason);
            }
        }
    }
    Ok(refused)
}

fn resource(kind: i8, name: &str, names: &[&str]) -> DescribeConfigsResource {
    DescribeConfigsResource {
        resource_type: kind,
        resource_name: name.to_owned(),
        configuration_keys: Some(names.iter().map(|name| (*name).to_owned()).collect()),
        ..DescribeConfigsResource::default()
    }
}

fn request_of(resources: Vec<AlterConfigsResource>) -> IncrementalAlterConfigsRequest {
    IncrementalAlterConfigsRequest {
        resources,
        ..IncrementalAlterConfigsRequest::default()
    }
}

fn altered(resource: &Resource, changes: &Alterations) -> AlterConfigsResource {
    let (resource_type, resource_name) = match resource {
        Resource::Topic(name) => (RESOURCE_TOPIC, name.clone()),
        Resource::Broker(id) => (RESOURCE_BROKER, id.to_string()),
    };
    let configs = changes.iter().map(|(name, value)| AlterableConfig {
        name: (*name).to_owned(),
        config_operation: if value.is_some() {
            OPERATION_SET
        } else {
            OPERATION_DELETE
        },
        value: value.clone(),
        ..AlterableConfig::default()
    });
    AlterConfigsResource {
        resource_type,
        resource_name,
        configs: configs.collect(),
        ..AlterConfigsResource::default()
    }
}
