use std::collections::BTreeSet;

use crate::config::tables::{broker, group, topic};
use crate::config::value::parse_size;
use crate::config::*;

const SETTINGS: &str = include_str!("../fixtures/kafka-4.3.1-settings.tsv");

#[test]
fn the_tables_hold_what_kafka_says_of_its_settings() {
    let mut ours = BTreeSet::new();
    for (resource, table) in [
        ("broker", broker::KAFKA),
        ("topic", topic::TOPIC),
        ("group", group::GROUP),
        ("client-metrics", group::CLIENT_METRICS),
    ] {
        for setting in table {
            let default = match setting.default {
                DefaultValue::Required => "\\REQUIRED",
                DefaultValue::Null => "\\NULL",
                DefaultValue::Text(text) => text,
            };
            let mode = match setting.update {
                _ if resource != "broker" => "",
                UpdateMode::ReadOnly => "read-only",
                UpdateMode::PerBroker => "per-broker",
                UpdateMode::ClusterWide => "cluster-wide",
            };
            let (name, kind) = (setting.name, setting.kind.name());
            let line = format!("{resource}\t{name}\t{kind}\t{default}\t{mode}");
            ours.insert(line.trim_end().to_owned());
        }
    }
    let kafkas: BTreeSet<String> = SETTINGS
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(str::to_owned)
        .collect();
    assert!(kafkas.len() > 400);
    let missing: Vec<_> = kafkas.difference(&ours).collect();
    let invented: Vec<_> = ours.difference(&kafkas).collect();
    assert!(
        missing.is_empty() && invented.is_empty(),
        "{missing:#?} {invented:#?}"
    );
}

#[test]
fn the_tables_are_sorted_and_every_default_is_a_value() {
    for table in [
        broker::KAFKA,
        broker::KAFKA_DYNAMIC,
        broker::FOREBAY,
        topic::TOPIC,
        topic::FOREBAY,
        group::GROUP,
        group::CLIENT_METRICS,
    ] {
        assert!(table.is_sorted_by(|one, other| one.name < other.name));
        for setting in table {
            let value = setting.default_value();
            assert_eq!(
                value.text().as_deref(),
                setting.default.text(),
                "{}",
                setting.name
            );
            for synonym in setting.broker_synonyms {
                assert!(find_broker_setting(synonym).is_some(), "{synonym}");
            }
        }
    }
}

/// Settings that are obeyed without a field of the same name: several make one field.
const WITHOUT_FIELD: &[&str] = &[
    "advertised.listeners",
    "authorizer.class.name",
    "broker.id",
    "controller.listener.names",
    "controller.quorum.bootstrap.servers",
    "controller.quorum.voters",
    "cordoned.log.dirs",
    "forebay.cpus",
    "forebay.http.listen",
    "inter.broker.listener.name",
    "listener.security.protocol.map",
    "listeners",
    "log.dir",
    "log.dirs",
    "max.connections.per.ip.overrides",
    "metadata.log.dir",
    "node.id",
    "offsets.retention.minutes",
    "offsets.topic.compression.codec",
    "principal.builder.class",
    "process.roles",
    "replica.selector.class",
    "security.inter.broker.protocol",
    "socket.listen.backlog.size",
    "socket.receive.buffer.bytes",
    "socket.send.buffer.bytes",
];

#[test]
fn a_setting_is_called_obeyed_if_and_only_if_it_is_read() {
    let obeyed = |table: &[Setting]| -> BTreeSet<&'static str> {
        table
            .iter()
            .filter(|setting| matches!(setting.disposition, Disposition::Obeyed(_)))
            .map(|setting| setting.name)
            .collect()
    };
    let topic_read: BTreeSet<_> = TopicConfig::READ.iter().copied().collect();
    let mut topic_obeyed = obeyed(topic::TOPIC);
    topic_obeyed.extend(obeyed(topic::FOREBAY));
    assert_eq!(topic_obeyed, topic_read);

    let mut broker_read: BTreeSet<_> = BrokerConfig::READ.iter().copied().collect();
    broker_read.extend(WITHOUT_FIELD);
    broker_read.extend(
        topic::TOPIC
            .iter()
            .chain(topic::FOREBAY)
            .filter(|setting| topic_read.contains(setting.name))
            .flat_map(|setting| setting.broker_synonyms),
    );
    let mut broker_obeyed = obeyed(broker::KAFKA);
    broker_obeyed.extend(obeyed(broker::KAFKA_DYNAMIC));
    broker_obeyed.extend(obeyed(broker::FOREBAY));
    assert_eq!(broker_obeyed, broker_read);
}

#[test]
fn sizes_and_doubles_are_read_and_shown() {
    for (text, bytes) in [
        ("1048576", Some(1 << 20)),
        ("512MiB", Some(512 << 20)),
        ("4 GiB", Some(4 << 30)),
        ("4g", Some(4 << 30)),
        ("1GB", Some(1_000_000_000)),
        ("7B", Some(7)),
        ("", None),
        ("GiB", None),
        ("9999999999GiB", None),
        ("4PiB", None),
    ] {
        assert_eq!(parse_size(text).ok(), bytes, "{text}");
    }
    for (number, text) in [
        (0.5, "0.5"),
        (1.0, "1.0"),
        (0.0, "0.0"),
        (f64::MAX, "1.7976931348623157E308"),
        (1e7, "1.0E7"),
        (0.0005, "5.0E-4"),
    ] {
        assert_eq!(Value::Double(number).text().as_deref(), Some(text));
    }
}
