use super::{overrides, started, table};
use crate::config::*;

#[test]
fn a_topic_without_settings_has_kafkas_defaults() {
    let config = TopicConfig::default();
    assert_eq!(
        config.cleanup_policy,
        CleanupPolicy {
            delete: true,
            compact: false
        }
    );
    assert_eq!(config.compression_type, CompressionType::Producer);
    assert_eq!(config.max_message_bytes, 1_048_588);
    assert_eq!(config.message_timestamp_type, TimestampType::CreateTime);
    assert_eq!(config.message_timestamp_before_max_ms, i64::MAX);
    assert_eq!(config.retention_ms, Some(604_800_000));
    assert_eq!(config.retention_bytes, None);
    assert_eq!(config.segment_ms, 604_800_000);
    assert_eq!(config.segment_bytes, 1 << 30);
}

#[test]
fn a_topics_setting_is_accepted_or_refused_as_kafka_does() {
    let accepted: &[(&str, &str)] = &[
        ("retention.ms", " 5 "),
        ("retention.ms", "+5"),
        ("retention.bytes", "-5"),
        ("cleanup.policy", "delete,delete"),
        ("cleanup.policy", ""),
        ("cleanup.policy", " compact , delete "),
        ("preallocate", " TRUE "),
        ("min.cleanable.dirty.ratio", ".5f"),
        ("min.cleanable.dirty.ratio", "1e-1"),
        ("leader.replication.throttled.replicas", "*"),
        ("leader.replication.throttled.replicas", "0:1,1:2"),
        ("compression.gzip.level", "-1"),
        ("segment.jitter.ms", "9223372036854775807"),
        ("internal.segment.bytes", "100"),
    ];
    for (name, value) in accepted {
        assert_eq!(
            validate_topic_setting(name, value),
            Ok(()),
            "{name}={value}"
        );
    }
    for [name, value, message] in table::<3>(include_str!("../fixtures/topic-refusals.tsv")) {
        assert_eq!(validate_topic_setting(name, value), Err(message.to_owned()));
    }
    assert_eq!(
        validate_topic_settings(&overrides(&[
            ("min.compaction.lag.ms", "10"),
            ("max.compaction.lag.ms", "5")
        ])),
        Err(
            "conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (5)"
                .to_owned()
        )
    );
    assert_eq!(
        validate_topic_settings(&overrides(&[("remote.storage.enable", "true")])),
        Err(
            "Tiered Storage functionality is disabled in the broker. Topic cannot be configured \
             with remote log storage."
                .to_owned()
        )
    );
}

#[test]
fn a_topic_has_its_own_settings_over_those_of_the_broker() {
    let mut settings = started("log.segment.bytes=2097152\ncompression.type=lz4").settings;
    settings.set_dynamic(
        overrides(&[("log.retention.ms", "4000"), ("message.max.bytes", "12")]),
        overrides(&[
            ("log.retention.ms", "3000"),
            ("log.index.interval.bytes", "what?"),
        ]),
    );
    let own = overrides(&[
        ("compression.type", "zstd"),
        ("cleanup.policy", "compact,delete"),
    ]);
    let config = TopicConfig::resolve(&settings, TopicOwner::User, &own).expect("all are good");
    assert_eq!(config.segment_bytes, 2_097_152);
    assert_eq!(config.retention_ms, Some(3000));
    assert_eq!(config.max_message_bytes, 12);
    assert_eq!(config.compression_type, CompressionType::Zstd);
    assert_eq!(
        config.cleanup_policy,
        CleanupPolicy {
            delete: true,
            compact: true
        }
    );
    assert_eq!(
        config.index_interval_bytes, 4096,
        "what is no number is passed over"
    );
    let unknown = overrides(&[("foo", "1")]);
    assert!(TopicConfig::resolve(&settings, TopicOwner::User, &unknown).is_err());
}

#[test]
fn durability_is_the_topics_own_then_the_brokers_but_not_for_a_topic_of_the_broker() {
    let settings = started("forebay.durability=relaxed\nlog.flush.interval.messages=7").settings;
    let resolved = |owner, own: &[(&str, &str)]| {
        let config = TopicConfig::resolve(&settings, owner, &overrides(own)).expect("all are good");
        (config.forebay_durability, config.flush_messages)
    };
    let own = [
        ("forebay.durability", "replicated"),
        ("flush.messages", "3"),
    ];
    assert_eq!(
        TopicConfig::default().forebay_durability,
        DurabilityMode::Synced
    );
    assert_eq!(
        resolved(TopicOwner::User, &[]),
        (DurabilityMode::Relaxed, 7)
    );
    assert_eq!(
        resolved(TopicOwner::User, &own),
        (DurabilityMode::Replicated, 3)
    );
    assert_eq!(
        resolved(TopicOwner::Broker, &[]),
        (DurabilityMode::Synced, 7)
    );
    assert_eq!(
        resolved(TopicOwner::Broker, &own),
        (DurabilityMode::Replicated, 3)
    );
    assert_eq!(
        validate_topic_setting("forebay.durability", "fsync"),
        Err(
            "Invalid value fsync for configuration forebay.durability: String must be one of: \
             synced, replicated, relaxed"
                .to_owned()
        )
    );
}
