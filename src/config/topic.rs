//! The settings of one topic, resolved: its own, over the broker's, over Kafka's defaults.

use crate::model::{BrokerId, PartitionIndex};

use super::from_value::FromValue;
use super::setting::{Kind, Setting};
use super::settings::{BrokerSettings, ConfigError, Origin, Overrides};
use super::tables::topic::{FOREBAY, TOPIC};
use super::value::Value;

macro_rules! topic_config {
    ($($setting:literal $(#[$meta:meta])* $field:ident: $type:ty;)*) => {
        /// The settings of one topic. Times are in milliseconds; `i64::MAX` is Kafka's "never"
        /// where Kafka has no other word for it, `None` stands for its `-1`. A field is called
        /// like Kafka's setting, with `_` for `.`.
        #[derive(Clone, Debug, PartialEq)]
        pub struct TopicConfig {
            $(#[doc = concat!("`", $setting, "`")] $(#[$meta])* pub $field: $type,)*
        }

        impl TopicConfig {
            /// The settings that have a field.
            #[cfg(test)]
            pub(super) const READ: &[&str] = &[$($setting,)*];

            fn from_values(value: impl Fn(&str) -> Value) -> Self {
                Self { $($field: <$type>::from_value(&value($setting)),)* }
            }
        }
    };
}

topic_config! {
    "cleanup.policy" cleanup_policy: CleanupPolicy;
    "compression.gzip.level"
    /// (`-1` is zlib's own default level)
    compression_gzip_level: i32;
    "compression.lz4.level" compression_lz4_level: i32;
    "compression.type" compression_type: CompressionType;
    "compression.zstd.level" compression_zstd_level: i32;
    "delete.retention.ms" delete_retention_ms: i64;
    "file.delete.delay.ms" file_delete_delay_ms: i64;
    "flush.messages" flush_messages: i64;
    "flush.ms" flush_ms: i64;
    "follower.replication.throttled.replicas"
    follower_replication_throttled_replicas: ThrottledReplicas;
    "forebay.durability" forebay_durability: DurabilityMode;
    "index.interval.bytes" index_interval_bytes: u32;
    "leader.replication.throttled.replicas"
    leader_replication_throttled_replicas: ThrottledReplicas;
    "max.compaction.lag.ms" max_compaction_lag_ms: i64;
    "max.message.bytes"
    /// (the largest record batch, its header included)
    max_message_bytes: u32;
    "message.timestamp.after.max.ms" message_timestamp_after_max_ms: i64;
    "message.timestamp.before.max.ms" message_timestamp_before_max_ms: i64;
    "message.timestamp.type" message_timestamp_type: TimestampType;
    "min.cleanable.dirty.ratio" min_cleanable_dirty_ratio: f64;
    "min.compaction.lag.ms" min_compaction_lag_ms: i64;
    "min.insync.replicas" min_insync_replicas: u32;
    "retention.bytes"
    /// (of one partition; `None` keeps all)
    retention_bytes: Option<i64>;
    "retention.ms"
    /// (`None` keeps all)
    retention_ms: Option<i64>;
    "segment.bytes" segment_bytes: u32;
    "segment.index.bytes" segment_index_bytes: u32;
    "segment.jitter.ms" segment_jitter_ms: i64;
    "segment.ms" segment_ms: i64;
    "unclean.leader.election.enable" unclean_leader_election_enable: bool;
}

/// What happens to old segments; both may happen, and neither keeps them for ever.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CleanupPolicy {
    /// Segments past `retention.ms` or `retention.bytes` are deleted.
    pub delete: bool,
    /// Only the last record of each key is kept.
    pub compact: bool,
}

/// Replicas of a topic that are throttled (KIP-73).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ThrottledReplicas {
    /// All of them.
    All,
    /// Those of these partitions on these brokers.
    These(Vec<(PartitionIndex, BrokerId)>),
}

impl ThrottledReplicas {
    /// True for the replica of `partition` on `broker`.
    #[must_use]
    pub fn contains(&self, partition: PartitionIndex, broker: BrokerId) -> bool {
        match self {
            Self::All => true,
            Self::These(these) => these.contains(&(partition, broker)),
        }
    }

    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::These(these) if these.is_empty())
    }
}

/// What an acknowledgement of records means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DurabilityMode {
    /// They are synced on every replica that the acknowledgement waits for.
    Synced,
    /// They are synced here, or in the memory of another in-sync replica, too; for `acks=all` of
    /// every one.
    Replicated,
    /// They are in the memory of the leader; for `acks=all` in that of every in-sync replica.
    Relaxed,
}

/// Whom a topic belongs to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TopicOwner {
    /// Users.
    User,
    /// The broker, which keeps in it what it has promised: it is synced unless the topic itself
    /// says otherwise.
    Broker,
}

/// The compression of the records that the broker stores.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CompressionType {
    /// As the producer sent them.
    Producer,
    /// None.
    Uncompressed,
    /// gzip
    Gzip,
    /// Snappy
    Snappy,
    /// LZ4
    Lz4,
    /// Zstandard
    Zstd,
}

/// Whose clock the timestamps of records come from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TimestampType {
    /// The producer's.
    CreateTime,
    /// The broker's, when it appends.
    LogAppendTime,
}

impl Default for TopicConfig {
    /// Kafka's defaults.
    fn default() -> Self {
        let settings = BrokerSettings::default();
        Self::from_values(|name| topic_value(&settings, TopicOwner::User, setting(name)))
    }
}

impl TopicConfig {
    /// The settings of a topic of `owner` with these `overrides` on a broker with these
    /// `settings`.
    ///
    /// # Errors
    /// The first override that is no setting of a topic, or has no value that it allows.
    pub fn resolve(
        settings: &BrokerSettings,
        owner: TopicOwner,
        overrides: &Overrides,
    ) -> Result<Self, ConfigError> {
        validate_topic_settings(overrides).map_err(|message| ConfigError {
            origin: Origin::Dynamic,
            message,
        })?;
        Ok(Self::from_values(|name| {
            resolve_topic_value(settings, owner, overrides, setting(name))
        }))
    }
}

/// The topic setting called `name`.
#[must_use]
pub fn find_topic_setting(name: &str) -> Option<&'static Setting> {
    [TOPIC, FOREBAY].into_iter().find_map(|table| {
        let index = table.binary_search_by(|setting| setting.name.cmp(name));
        table.get(index.ok()?)
    })
}

/// Whether a topic may have the setting `name` with this `value`; else Kafka's sentence on it,
/// which goes with `INVALID_CONFIG`.
///
/// # Errors
/// The name is unknown, or the value is not allowed.
pub fn validate_topic_setting(name: &str, value: &str) -> Result<(), String> {
    let setting =
        find_topic_setting(name).ok_or_else(|| format!("Unknown topic config name: {name}"))?;
    setting.parse(value).map(|_| ())
}

/// Whether a topic may have all of `overrides` together; else Kafka's sentence on them, which goes
/// with `INVALID_CONFIG`.
///
/// # Errors
/// A name is unknown, a value is not allowed, or two of them contradict each other.
pub fn validate_topic_settings(overrides: &Overrides) -> Result<(), String> {
    if let Some(unknown) = overrides
        .keys()
        .find(|name| find_topic_setting(name).is_none())
    {
        return Err(format!("Unknown topic config name: {unknown}"));
    }
    for (name, value) in overrides {
        validate_topic_setting(name, value)?;
    }
    let settings = BrokerSettings::default();
    let own = |name| resolve_topic_value(&settings, TopicOwner::User, overrides, setting(name));
    if let (Value::Integer(least), Value::Integer(most)) =
        (own("min.compaction.lag.ms"), own("max.compaction.lag.ms"))
        && least > most
    {
        return Err(format!(
            "conflict topic config setting min.compaction.lag.ms ({least}) > \
             max.compaction.lag.ms ({most})"
        ));
    }
    if own("remote.storage.enable") == Value::Boolean(true) {
        return Err(
            "Tiered Storage functionality is disabled in the broker. Topic cannot be \
                    configured with remote log storage."
                .to_owned(),
        );
    }
    Ok(())
}

/// The value of `setting` for a topic with these `overrides`.
pub(super) fn resolve_topic_value(
    settings: &BrokerSettings,
    owner: TopicOwner,
    overrides: &Overrides,
    setting: &'static Setting,
) -> Value {
    overrides
        .get(setting.name)
        .and_then(|text| setting.parse(text).ok())
        .unwrap_or_else(|| topic_value(settings, owner, setting))
}

/// The broker settings that `setting` follows for a topic that does not set it.
pub(super) fn broker_synonyms_of(
    setting: &'static Setting,
    owner: TopicOwner,
) -> &'static [&'static str] {
    match owner {
        TopicOwner::Broker if setting.name == "forebay.durability" => &[],
        TopicOwner::User | TopicOwner::Broker => setting.broker_synonyms,
    }
}

/// The value of `setting` for a topic that does not set it.
fn topic_value(settings: &BrokerSettings, owner: TopicOwner, setting: &'static Setting) -> Value {
    broker_synonyms_of(setting, owner)
        .iter()
        .find_map(|synonym| match settings.value(synonym) {
            Value::Null => None,
            Value::Integer(amount) => Some(Value::Integer(in_milliseconds(synonym, amount))),
            value => Some(value),
        })
        .unwrap_or_else(|| setting.default_value())
}

/// `amount` of the unit that the name of a setting ends in, if it is one of time.
pub(super) fn in_milliseconds(name: &str, amount: i64) -> i64 {
    let unit = match name.rsplit_once('.') {
        Some((_, "hours")) => 3_600_000,
        Some((_, "minutes")) => 60_000,
        _ => return amount,
    };
    // Any negative amount of retention means for ever.
    if amount < 0 {
        -1
    } else {
        amount.saturating_mul(unit)
    }
}

fn setting(name: &str) -> &'static Setting {
    let setting = find_topic_setting(name)
        .unwrap_or_else(|| panic!("{name} is in the table of topic settings"));
    assert!(setting.kind != Kind::Password, "a topic has no secrets");
    setting
}
