//! Every setting of the broker, its topics and groups: known, checked, resolved, explained.
//!
//! Owns: what Kafka's settings are called, mean, allow and default to; what Forebay adds.
//! Promises: a setting is obeyed, or whoever sets it is told that it is not.
//! Knows nothing of: files, the process, who reads a setting.
//! Start at [`ServeArguments::resolve`], which makes a [`BrokerConfig`], and at
//! [`TopicConfig::resolve`]. [`BrokerSettings`] keeps what was set, for `DescribeConfigs` and for
//! changes at run time; the tables themselves are in [`tables`].

mod arguments;
mod broker;
mod describe;
mod from_value;
mod listener;
mod log_levels;
mod properties;
mod quorum;
mod setting;
mod settings;
mod suggestion;
mod sync_method;
pub mod tables;
mod topic;
mod update;
mod value;

pub(crate) use arguments::parse_assignment;
pub use arguments::{ServeArguments, Startup};
pub use broker::{AuthorizerConfig, BrokerConfig, CORDONED_LOG_DIRS};
pub use describe::{ConfigSource, DescribedSetting, DescribedSynonym, describe_client_metrics};
pub use listener::{Listener, SecurityProtocol};
pub use log_levels::{LOGGERS, LevelChange, LogLevel, LogLevels, plan_level_change};
pub use quorum::{CONTROLLER_PORT, QuorumAddresses, QuorumVoter, Roles};
pub use setting::{Allowed, DefaultValue, Disposition, Importance, Kind, Setting, UpdateMode};
pub use settings::{BrokerSettings, ConfigError, Origin, Overrides, Warning, find_broker_setting};
pub use sync_method::SyncMethod;
pub use topic::{
    CleanupPolicy, CompressionType, DurabilityMode, ThrottledReplicas, TimestampType, TopicConfig,
    TopicOwner, find_topic_setting, validate_topic_setting, validate_topic_settings,
};
pub use update::{
    AlterOperation, Alteration, ConfigResource, PlannedUpdate, Refusal, plan_dynamic_replacement,
    plan_dynamic_update,
};
pub use value::Value;
pub(crate) use value::parse_size;

#[cfg(test)]
mod tests;
