//! The settings as they apply now: those of the start, changed by what the cluster image says.

use std::sync::Arc;

use crate::config::{BrokerConfig, BrokerSettings, LogLevels, Overrides, TopicConfig};
use crate::metadata::{ConfigKind, ConfigResource, MetadataDelta, MetadataImage, topic_owner};
use crate::stdx::{HashMap, new_map};

use super::ShardSettings;

/// The name under which the image keeps what is set for all brokers.
const CLUSTER_DEFAULT: &str = "";

/// The settings as they apply now.
#[derive(Debug)]
pub struct Configs {
    settings: BrokerSettings,
    broker: Arc<BrokerConfig>,
    topics: HashMap<Arc<str>, Arc<TopicConfig>>,
    log_levels: Arc<LogLevels>,
}

impl Configs {
    /// The settings of the start.
    #[must_use]
    pub fn new(settings: &ShardSettings) -> Self {
        Self {
            settings: settings.settings.clone(),
            broker: Arc::clone(&settings.config),
            topics: new_map(),
            log_levels: Arc::clone(&settings.log_levels),
        }
    }

    /// How much each part of the broker writes to the log.
    #[must_use]
    pub const fn log_levels(&self) -> &Arc<LogLevels> {
        &self.log_levels
    }

    /// The parts write as much as this from now on.
    pub fn set_log_levels(&mut self, levels: Arc<LogLevels>) {
        self.log_levels = levels;
    }

    /// The broker's settings.
    #[must_use]
    pub const fn broker(&self) -> &Arc<BrokerConfig> {
        &self.broker
    }

    /// The broker's settings with where each comes from.
    #[must_use]
    pub const fn settings(&self) -> &BrokerSettings {
        &self.settings
    }

    /// The settings of the topic `name`.
    pub fn topic(&mut self, image: &MetadataImage, name: &Arc<str>) -> Arc<TopicConfig> {
        if let Some(config) = self.topics.get(name) {
            return Arc::clone(config);
        }
        let overrides = overrides_of(image, ConfigKind::Topic, name);
        let owner = topic_owner(name);
        let resolve =
            |overrides: &Overrides| TopicConfig::resolve(&self.settings, owner, overrides);
        let config = resolve(&overrides).unwrap_or_else(|error| {
            // The controller checks what it writes; a directory that Apache Kafka wrote may hold
            // what we do not know.
            tracing::error!(
                topic = &**name,
                "the topic's settings are not used: {error}"
            );
            resolve(&Overrides::new()).expect("nothing is refused where nothing is set")
        });
        let config = Arc::new(config);
        self.topics.insert(Arc::clone(name), Arc::clone(&config));
        config
    }

    /// The image changed.
    pub fn on_metadata(&mut self, image: &MetadataImage, delta: &MetadataDelta) {
        for topic in delta.topics_removed.values() {
            self.topics.remove(&topic.name);
        }
        let mut is_broker_changed = false;
        for resource in &delta.configs_changed {
            match resource.kind {
                ConfigKind::Topic => drop(self.topics.remove(&resource.name)),
                ConfigKind::Broker => is_broker_changed = true,
                _ => {}
            }
        }
        if is_broker_changed {
            let node = self.broker.node_id.to_string();
            let cluster = overrides_of(image, ConfigKind::Broker, CLUSTER_DEFAULT);
            let broker = overrides_of(image, ConfigKind::Broker, &node);
            self.settings.set_dynamic(cluster, broker);
            for warning in self.settings.dynamic_warnings() {
                tracing::warn!("{warning}");
            }
            match self.settings.config() {
                Ok(config) => self.broker = Arc::new(config),
                Err(errors) => {
                    for error in errors {
                        tracing::error!("the broker's new settings are not used: {error}");
                    }
                }
            }
            self.topics.clear();
        }
    }
}

/// What was set at run time for a resource.
#[must_use]
pub fn overrides_of(image: &MetadataImage, kind: ConfigKind, name: &str) -> Overrides {
    let resource = ConfigResource::new(kind, name);
    image
        .config(&resource)
        .map(|settings| (**settings).clone())
        .unwrap_or_default()
}
