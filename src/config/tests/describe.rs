use std::collections::BTreeMap;

use super::{lab, overrides, started};
use crate::config::*;

const DESCRIBED_BROKER: &str = include_str!("../fixtures/kafka-4.3.1-describe-broker.txt");
const DESCRIBED_TOPIC: &str = include_str!("../fixtures/kafka-4.3.1-describe-topic.txt");

/// One line of `kafka-configs --describe --all`.
fn described_line(entry: &DescribedSetting) -> String {
    let synonyms: Vec<String> = entry
        .synonyms
        .iter()
        .map(|synonym| {
            let source = match synonym.source {
                ConfigSource::DynamicTopic => "DYNAMIC_TOPIC_CONFIG",
                ConfigSource::DynamicBroker => "DYNAMIC_BROKER_CONFIG",
                ConfigSource::DynamicDefaultBroker => "DYNAMIC_DEFAULT_BROKER_CONFIG",
                ConfigSource::StaticBroker => "STATIC_BROKER_CONFIG",
                ConfigSource::Default => "DEFAULT_CONFIG",
                ConfigSource::DynamicBrokerLogger => "DYNAMIC_BROKER_LOGGER_CONFIG",
                ConfigSource::ClientMetrics => "DYNAMIC_CLIENT_METRICS_CONFIG",
                ConfigSource::Group => "DYNAMIC_GROUP_CONFIG",
            };
            let value = synonym.value.as_deref().unwrap_or("null");
            format!("{source}:{}={value}", synonym.name)
        })
        .collect();
    format!(
        "{}={} sensitive={} synonyms={{{}}}",
        entry.name,
        entry.value.as_deref().unwrap_or("null"),
        entry.is_sensitive,
        synonyms.join(", ")
    )
}

#[test]
fn a_broker_is_described_as_kafka_describes_it() {
    let mut settings = lab().settings;
    // Kafka sets this itself when it formats a directory with eligible leader replicas.
    settings.set_dynamic(overrides(&[("min.insync.replicas", "1")]), Overrides::new());
    let ours: BTreeMap<String, String> = settings
        .describe_broker()
        .iter()
        .filter(|entry| !entry.name.starts_with("forebay."))
        .map(|entry| (entry.name.clone(), described_line(entry)))
        .collect();
    let kafkas: BTreeMap<String, String> = DESCRIBED_BROKER
        .lines()
        .map(|line| {
            (
                line.split('=').next().unwrap_or_default().to_owned(),
                line.to_owned(),
            )
        })
        .collect();
    assert!(kafkas.len() > 330);
    for (name, line) in &kafkas {
        assert_eq!(ours.get(name), Some(line));
    }
    assert_eq!(
        ours.keys().collect::<Vec<_>>(),
        kafkas.keys().collect::<Vec<_>>()
    );
}

#[test]
fn a_topic_is_described_as_kafka_describes_it() {
    let mut settings = lab().settings;
    settings.set_dynamic(overrides(&[("min.insync.replicas", "1")]), Overrides::new());
    let ours: Vec<String> = settings
        .describe_topic(TopicOwner::User, &overrides(&[("retention.ms", "1000")]))
        .iter()
        .filter(|entry| !entry.name.starts_with("forebay."))
        .map(described_line)
        .collect();
    assert_eq!(ours, DESCRIBED_TOPIC.lines().collect::<Vec<_>>());
}

#[test]
fn every_layer_of_a_dynamic_setting_is_told() {
    let mut settings = lab().settings;
    settings.set_dynamic(
        overrides(&[("log.retention.ms", "4000"), ("foo", "secret?")]),
        overrides(&[
            ("log.retention.ms", "3000"),
            ("listener.name.plaintext.max.connections", "10"),
            ("listener.name.plaintext.ssl.keystore.password", "secret!"),
        ]),
    );
    let entries = settings.describe_broker();
    let find = |name: &str| {
        entries
            .iter()
            .find(|entry| entry.name == name)
            .unwrap_or_else(|| panic!("{name} is described"))
    };
    let layers = "DYNAMIC_BROKER_CONFIG:log.retention.ms=3000, \
                  DYNAMIC_DEFAULT_BROKER_CONFIG:log.retention.ms=4000, \
                  DEFAULT_CONFIG:log.retention.hours=168";
    assert_eq!(
        described_line(find("log.retention.ms")),
        format!("log.retention.ms=3000 sensitive=false synonyms={{{layers}}}")
    );
    assert!(!find("log.retention.ms").read_only);
    assert!(find("log.retention.hours").read_only);
    assert_eq!(
        described_line(find("listener.name.plaintext.max.connections")),
        "listener.name.plaintext.max.connections=10 sensitive=false synonyms=\
         {DYNAMIC_BROKER_CONFIG:listener.name.plaintext.max.connections=10, \
         DEFAULT_CONFIG:max.connections=2147483647}"
    );
    assert_eq!(
        described_line(find("listener.name.plaintext.ssl.keystore.password")),
        "listener.name.plaintext.ssl.keystore.password=null sensitive=true synonyms=\
         {DYNAMIC_BROKER_CONFIG:listener.name.plaintext.ssl.keystore.password=null}"
    );
    assert_eq!(find("foo").value, None, "what is unknown may be a secret");
    assert_eq!(find("foo").kind, None);

    let topic = settings.describe_topic(TopicOwner::User, &overrides(&[("retention.ms", " 1000")]));
    let retention = topic
        .iter()
        .find(|entry| entry.name == "retention.ms")
        .map(described_line);
    assert_eq!(
        retention,
        Some(format!(
            "retention.ms=1000 sensitive=false synonyms={{DYNAMIC_TOPIC_CONFIG:retention.ms=1000, \
             {layers}}}"
        ))
    );
    let default: Vec<_> = settings
        .describe_cluster_default()
        .iter()
        .map(described_line)
        .collect();
    assert_eq!(
        default,
        [
            "foo=null sensitive=true synonyms={DYNAMIC_DEFAULT_BROKER_CONFIG:foo=null}",
            "log.retention.ms=4000 sensitive=false synonyms=\
             {DYNAMIC_DEFAULT_BROKER_CONFIG:log.retention.ms=4000}",
        ]
    );
}

#[test]
fn a_topic_of_the_broker_does_not_follow_the_brokers_durability() {
    let mut settings = lab().settings;
    settings.set_dynamic(
        overrides(&[("forebay.durability", "relaxed")]),
        Overrides::new(),
    );
    let told = |owner, own: &[(&str, &str)]| {
        let entries = settings.describe_topic(owner, &overrides(own));
        let durability = entries.iter().find(|one| one.name == "forebay.durability");
        described_line(durability.expect("it is described"))
    };
    assert_eq!(
        told(TopicOwner::User, &[]),
        "forebay.durability=relaxed sensitive=false synonyms=\
         {DYNAMIC_DEFAULT_BROKER_CONFIG:forebay.durability=relaxed, \
         DEFAULT_CONFIG:forebay.durability=synced}"
    );
    assert_eq!(
        told(TopicOwner::Broker, &[]),
        "forebay.durability=synced sensitive=false synonyms={}"
    );
    assert_eq!(
        told(TopicOwner::Broker, &[("forebay.durability", "relaxed")]),
        "forebay.durability=relaxed sensitive=false synonyms=\
         {DYNAMIC_TOPIC_CONFIG:forebay.durability=relaxed}"
    );
}

#[test]
fn groups_and_client_metrics_are_described_with_kafkas_defaults() {
    let settings = lab().settings;
    let groups = settings.describe_group(&overrides(&[("consumer.session.timeout.ms", "50000")]));
    let lines: Vec<_> = groups.iter().map(described_line).collect();
    assert_eq!(lines.len(), 17);
    for line in [
        "consumer.session.timeout.ms=50000 sensitive=false synonyms=\
         {DYNAMIC_GROUP_CONFIG:consumer.session.timeout.ms=50000, \
         DEFAULT_CONFIG:group.consumer.session.timeout.ms=45000}",
        "share.auto.offset.reset=latest sensitive=false synonyms=\
         {DEFAULT_CONFIG:share.auto.offset.reset=latest}",
        "streams.num.standby.replicas=0 sensitive=false synonyms=\
         {DEFAULT_CONFIG:group.streams.num.standby.replicas=0}",
    ] {
        assert!(lines.iter().any(|ours| ours == line), "{line}");
    }
    let metrics = describe_client_metrics(&overrides(&[("interval.ms", "1000")]));
    assert_eq!(
        metrics.iter().map(described_line).collect::<Vec<_>>(),
        [
            "interval.ms=1000 sensitive=false synonyms=\
             {DYNAMIC_CLIENT_METRICS_CONFIG:interval.ms=1000}",
            "match= sensitive=false synonyms={}",
            "metrics= sensitive=false synonyms={}",
        ]
    );
}

#[test]
fn the_numbers_of_the_wire_are_kafkas() {
    assert_eq!(ConfigSource::DynamicTopic.code(), 1);
    assert_eq!(ConfigSource::Group.code(), 8);
    assert_eq!(Kind::Boolean.code(), 1);
    assert_eq!(Kind::Password.code(), 9);
    assert_eq!(AlterOperation::from_code(3), Some(AlterOperation::Subtract));
    assert_eq!(AlterOperation::from_code(4), None);
}

#[test]
fn a_finer_unit_stands_before_a_coarser_one() {
    let mut settings = started("log.retention.hours=2\nlog.retention.minutes=5").settings;
    settings.set_dynamic(overrides(&[("log.retention.ms", "9")]), Overrides::new());
    let entries = settings.describe_broker();
    let retention = entries
        .iter()
        .find(|entry| entry.name == "log.retention.ms")
        .map(described_line);
    assert_eq!(
        retention.as_deref(),
        Some(
            "log.retention.ms=9 sensitive=false synonyms=\
             {DYNAMIC_DEFAULT_BROKER_CONFIG:log.retention.ms=9, \
             STATIC_BROKER_CONFIG:log.retention.minutes=5, \
             STATIC_BROKER_CONFIG:log.retention.hours=2, \
             DEFAULT_CONFIG:log.retention.hours=168}"
        )
    );
}

#[test]
fn what_is_only_ever_set_at_run_time_has_no_default_to_tell() {
    let mut settings = lab().settings;
    let name = "leader.replication.throttled.rate";
    settings.set_dynamic(Overrides::new(), overrides(&[(name, "5")]));
    let described = settings.describe_broker();
    let rate = described.iter().find(|setting| setting.name == name);
    let line = rate.map(described_line);
    let told = format!("{name}=5 sensitive=false synonyms={{DYNAMIC_BROKER_CONFIG:{name}=5}}");
    assert_eq!(line, Some(told));
}
