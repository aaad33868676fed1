//! Kafka's own tools, typed against both brokers: the same output, the same exit status.

use std::fs;

use crate::support::{Broker, Kind, Lab, assert_equal, needs, on_both};
use crate::transcript::Transcript;

const TOPICS: &str = "TopicCommand";
const CONFIGS: &str = "kafka.admin.ConfigCommand";
const GROUPS: &str = "consumer.group.ConsumerGroupCommand";
const PRODUCER: &str = "ConsoleProducer";
const CONSUMER: &str = "consumer.ConsoleConsumer";
const OFFSETS: &str = "GetOffsetShell";

#[test]
fn kafka_topics_creates_lists_describes_alters_and_deletes_the_same() {
    let lab = needs!(Java);
    on_both(&lab, |broker| {
        let mut session = Transcript::new(broker);
        let one = ["--topic", "tools.topics"];
        let create = [&one[..], &["--create", "--partitions", "3"]].concat();
        let config = [
            "--config",
            "retention.ms=86400000",
            "--config",
            "cleanup.policy=compact",
        ];
        session
            .run(TOPICS, &[&create[..], &config].concat())
            .run(TOPICS, &create)
            .run(TOPICS, &[&create[..], &["--if-not-exists"]].concat())
            .run(TOPICS, &[&one[..], &["--describe"]].concat())
            .run_for(TOPICS, &["--list"], "tools.topics")
            .run_for(
                TOPICS,
                &["--describe", "--topics-with-overrides"],
                "tools.topics",
            )
            .run(
                TOPICS,
                &[&one[..], &["--alter", "--partitions", "5"]].concat(),
            )
            .run(TOPICS, &[&one[..], &["--describe"]].concat())
            .run(
                TOPICS,
                &[&one[..], &["--alter", "--partitions", "2"]].concat(),
            )
            .run(TOPICS, &["--create", "--topic", "tools_topics"])
            .run(TOPICS, &["--create", "--topic", "tools/topics"])
            .run(
                TOPICS,
                &[
                    "--create",
                    "--topic",
                    "tools.wide",
                    "--replication-factor",
                    "3",
                ],
            )
            .run(TOPICS, &["--describe", "--topic", "tools.nowhere"])
            .run(TOPICS, &[&one[..], &["--delete"]].concat())
            .run_for(TOPICS, &["--list"], "tools.topics")
            .run(TOPICS, &[&one[..], &["--delete"]].concat());
        session.finish()
    });
}

#[test]
fn kafka_configs_alters_and_describes_the_same() {
    let lab = needs!(Java);
    on_both(&lab, |broker| {
        let mut session = Transcript::new(broker);
        let topic = ["--entity-type", "topics", "--entity-name", "tools.configs"];
        let of_topic = |more: &[&'static str]| [&topic[..], more].concat();
        let node = ["--entity-type", "brokers", "--entity-name", "1"];
        let of_node = |more: &[&'static str]| [&node[..], more].concat();
        let all = ["--entity-type", "brokers", "--entity-default"];
        let of_all = |more: &[&'static str]| [&all[..], more].concat();
        session
            .run(TOPICS, &["--create", "--topic", "tools.configs"])
            .run(CONFIGS, &of_topic(&["--describe"]))
            .run(
                CONFIGS,
                &of_topic(&["--alter", "--add-config", "retention.ms=7200000"]),
            )
            .run(
                CONFIGS,
                &of_topic(&["--alter", "--add-config", "retention.ms=soon"]),
            )
            .run(
                CONFIGS,
                &of_topic(&["--alter", "--add-config", "no.such.setting=1"]),
            )
            .run(CONFIGS, &of_topic(&["--describe"]))
            .run_and(CONFIGS, &of_topic(&["--describe", "--all"]), |line| {
                let is_kafkas = !line.trim_start().starts_with("forebay.");
                is_kafkas.then(|| line.to_owned())
            })
            .run(
                CONFIGS,
                &of_topic(&["--alter", "--delete-config", "retention.ms"]),
            )
            .run(CONFIGS, &of_topic(&["--describe"]))
            .run(
                CONFIGS,
                &of_node(&["--alter", "--add-config", "log.cleaner.backoff.ms=14000"]),
            )
            .run(
                CONFIGS,
                &of_all(&["--alter", "--add-config", "log.cleaner.backoff.ms=13000"]),
            )
            .run(CONFIGS, &of_node(&["--describe"]))
            .run(CONFIGS, &of_all(&["--describe"]))
            .run(
                CONFIGS,
                &of_node(&["--alter", "--delete-config", "log.cleaner.backoff.ms"]),
            )
            .run(
                CONFIGS,
                &of_all(&["--alter", "--delete-config", "log.cleaner.backoff.ms"]),
            )
            .run(CONFIGS, &of_node(&["--alter", "--add-config", "node.id=7"]));
        session.finish()
    });
}

#[test]
fn kafka_configs_shows_and_changes_the_level_of_a_logger_the_same() {
    let lab = needs!(Java);
    // Each broker has loggers of its own beside the root.
    on_both(&lab, |broker| {
        let mut session = Transcript::new(broker);
        let own = match broker.kind {
            Kind::Kafka => "kafka.server.KafkaApis",
            Kind::Forebay => "forebay.shard",
        };
        let of_loggers = |more: &[&str]| {
            let node = ["--entity-type", "broker-loggers", "--entity-name", "1"];
            let args = node.iter().chain(more);
            args.map(|arg| arg.to_string()).collect::<Vec<_>>()
        };
        for change in [
            ["--add-config", &format!("{own}=TRACE")],
            ["--delete-config", own],
            ["--add-config", "root=LOUD"],
            ["--add-config", "no.such.logger=INFO"],
            ["--delete-config", "root"],
        ] {
            let args = of_loggers(&["--alter", change[0], change[1]]);
            let output = session
                .tool(
                    CONFIGS,
                    &args.iter().map(String::as_str).collect::<Vec<_>>(),
                )
                .run();
            let title = change.join(" ").replace(own, "its own logger");
            session.note(&title, &output, |line| {
                Some(line.replace(own, "its own logger"))
            });
        }
        session.finish()
    });
}

/// Types `lines` (`key:value` each) into a console producer.
fn type_in(session: &mut Transcript<'_>, topic: &str, lines: &str) {
    let keyed = [
        "--reader-property",
        "parse.key=true",
        "--reader-property",
        "key.separator=:",
    ];
    let args = [&["--topic", topic][..], &keyed].concat();
    let output = session.tool(PRODUCER, &args).input(lines).run();
    session.note("console-producer", &output, |line| Some(line.to_owned()));
}

/// Reads `count` records from the start with a console consumer, all their parts shown.
fn read_out(session: &mut Transcript<'_>, topic: &str, count: &str, more: &[&str]) {
    let args = [
        "--topic",
        topic,
        "--from-beginning",
        "--max-messages",
        count,
    ];
    let shown = ["partition", "offset", "key", "headers", "value"]
        .map(|part| {
            [
                "--formatter-property".to_owned(),
                format!("print.{part}=true"),
            ]
        })
        .concat();
    let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
    let limit = ["--timeout-ms", "30000"];
    session.run(CONSUMER, &[&args[..], &limit, &shown, more].concat());
}

#[test]
fn what_the_console_producer_is_typed_the_console_consumer_shows() {
    let lab = needs!(Java);
    on_both(&lab, |broker| {
        let mut session = Transcript::new(broker);
        type_in(&mut session, "tools.console", "a:one\nb:two\na:three\nc:\n");
        read_out(&mut session, "tools.console", "4", &[]);
        session.finish()
    });
}

#[test]
fn kafka_get_offsets_and_delete_records_show_the_same() {
    let lab = needs!(Java);
    on_both(&lab, |broker| {
        let mut session = Transcript::new(broker);
        let one = ["--topic", "tools.offsets"];
        type_in(&mut session, "tools.offsets", "a:one\na:two\na:three\n");
        let deletion = broker.data().with_extension("delete-records.json");
        let json = r#"{"partitions": [{"topic": "tools.offsets", "partition": 0, "offset": 2}],
            "version": 1}"#;
        fs::write(&deletion, json).expect("target/ can be written");
        let deletion = deletion.display().to_string();
        session
            .run(OFFSETS, &one)
            .run(OFFSETS, &[&one[..], &["--time", "earliest"]].concat())
            .run(OFFSETS, &[&one[..], &["--time", "0"]].concat())
            .run(OFFSETS, &["--topic-partitions", "tools.offsets:0-1"])
            .run(OFFSETS, &["--topic", "tools.nowhere"])
            .run_and(
                "DeleteRecordsCommand",
                &["--offset-json-file", &deletion],
                |line| Some(line.to_owned()),
            )
            .run(OFFSETS, &[&one[..], &["--time", "earliest"]].concat())
            .run(OFFSETS, &one);
        read_out(&mut session, "tools.offsets", "1", &[]);
        session.finish().replace(&deletion, "FILE")
    });
}

#[test]
fn kafka_consumer_groups_lists_describes_resets_and_deletes_the_same() {
    let lab = needs!(Java);
    on_both(&lab, |broker| {
        let mut session = Transcript::new(broker);
        let group = ["--group", "tools-group"];
        let of = |more: &[&'static str]| [&group[..], more].concat();
        let reset = |more: &[&'static str]| {
            [
                &group[..],
                &["--topic", "tools.groups", "--reset-offsets"],
                more,
            ]
            .concat()
        };
        type_in(&mut session, "tools.groups", "a:1\na:2\na:3\na:4\na:5\n");
        read_out(&mut session, "tools.groups", "5", &group);
        session
            .run_for(GROUPS, &["--list"], "tools-group")
            .run(GROUPS, &of(&["--describe"]))
            .run(GROUPS, &of(&["--describe", "--state"]))
            .run(GROUPS, &of(&["--describe", "--members"]))
            .run(GROUPS, &reset(&["--to-earliest", "--dry-run"]))
            .run(GROUPS, &reset(&["--shift-by", "-2", "--execute"]))
            .run(GROUPS, &of(&["--describe", "--offsets"]))
            .run(GROUPS, &reset(&["--to-offset", "99", "--execute"]))
            .run(GROUPS, &reset(&["--to-latest", "--execute"]))
            .run(GROUPS, &of(&["--describe"]))
            .run(
                GROUPS,
                &of(&["--delete-offsets", "--topic", "tools.groups"]),
            )
            .run(GROUPS, &of(&["--describe"]))
            .run(GROUPS, &reset(&["--to-earliest", "--execute"]))
            .run(GROUPS, &of(&["--delete"]))
            .run(GROUPS, &of(&["--describe"]))
            .run(GROUPS, &of(&["--delete"]));
        session.finish()
    });
}

#[test]
fn kafka_log_dirs_and_broker_api_versions_show_the_same() {
    let lab = needs!(Java);
    on_both(&lab, |broker| {
        let mut session = Transcript::new(broker);
        type_in(&mut session, "tools.dirs", "a:one\n");
        session.run_and(
            "LogDirsCommand",
            &["--describe", "--topic-list", "tools.dirs"],
            |line| Some(without_number(line, "\"size\":")),
        );
        session.run_and("BrokerApiVersionsCommand", &[], |line| {
            let api = line.trim().split('(').next().unwrap_or("");
            (!line.starts_with('\t') || SERVED.contains(&api)).then(|| line.to_owned())
        });
        session.finish()
    });
}

/// The APIs whose versions must be exactly those of Kafka; what is not served is not advertised.
const SERVED: &[&str] = &[
    "ApiVersions",
    "Metadata",
    "DescribeTopicPartitions",
    "DescribeCluster",
    "Produce",
    "Fetch",
    "ListOffsets",
    "OffsetForLeaderEpoch",
    "CreateTopics",
    "DeleteTopics",
    "CreatePartitions",
    "DeleteRecords",
    "DescribeConfigs",
    "AlterConfigs",
    "IncrementalAlterConfigs",
    "ListConfigResources",
    "DescribeLogDirs",
    "FindCoordinator",
    "JoinGroup",
    "SyncGroup",
    "Heartbeat",
    "LeaveGroup",
    "OffsetCommit",
    "OffsetFetch",
    "OffsetDelete",
    "ListGroups",
    "DescribeGroups",
    "DeleteGroups",
    "InitProducerId",
    "DescribeProducers",
];

fn without_number(line: &str, before: &str) -> String {
    let Some((start, rest)) = line.split_once(before) else {
        return line.to_owned();
    };
    let end = rest
        .find(|byte: char| !byte.is_ascii_digit())
        .unwrap_or(rest.len());
    format!("{start}{before}N{}", &rest[end..])
}

#[test]
fn the_perf_tests_and_the_verifiable_clients_move_every_record() {
    let lab = needs!(Java);
    on_both(&lab, moved);
}

fn moved(broker: &Broker) -> String {
    let mut session = Transcript::new(broker);
    let one = ["--topic", "tools.moved"];
    let perf = [
        "--num-records",
        "20000",
        "--record-size",
        "200",
        "--throughput",
        "-1",
    ];
    session.run_and("ProducerPerformance", &[&one[..], &perf].concat(), |line| {
        let (count, rest) = line.split_once(" records sent, ")?;
        (rest.contains("99.9th")).then(|| format!("{count} records sent"))
    });
    let perf = ["--num-records", "20000", "--timeout", "30000"];
    session.run_and("ConsumerPerformance", &[&one[..], &perf].concat(), |line| {
        // start.time, end.time, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, ...
        line.split(", ").nth(4).map(str::to_owned)
    });
    let some = ["--topic", "tools.verified", "--max-messages", "1000"];
    session.run_and("VerifiableProducer", &some, |line| {
        line.contains("\"tool_data\"").then(|| {
            let (_, sent) = line.split_once("\"sent\":").unwrap_or(("", line));
            sent.split(',').next().unwrap_or("").to_owned()
        })
    });
    let group = ["--group-id", "tools-verified", "--reset-policy", "earliest"];
    let output = session
        .tool("VerifiableConsumer", &[&some[..], &group].concat())
        .run();
    let read: u64 = output
        .stdout
        .lines()
        .filter(|line| line.contains("\"records_consumed\""))
        .filter_map(|line| {
            line.split_once("\"count\":")?
                .1
                .split([',', '}'])
                .next()?
                .parse::<u64>()
                .ok()
        })
        .sum();
    assert_eq!(read, 1000, "{}", output.stdout);
    session.run(OFFSETS, &["--topic", "tools.moved"]);
    session.run(OFFSETS, &["--topic", "tools.verified"]);
    session.finish()
}

#[test]
fn kafka_dump_log_reads_the_segment_files_of_both() {
    let lab = needs!(Java);
    let [kafka, forebay] = Kind::BOTH.map(|kind| dumped(&lab, Broker::start(&lab, kind, &[])));
    assert_equal(&kafka, &forebay);
}

fn dumped(lab: &Lab, mut broker: Broker) -> String {
    let mut session = Transcript::new(&broker);
    type_in(&mut session, "tools.dumped", "a:one\n");
    type_in(&mut session, "tools.dumped", "b:two\n");
    broker.stop();
    let segment = broker
        .data()
        .join("tools.dumped-0/00000000000000000000.log");
    let output = lab
        .java("org.apache.kafka.tools.DumpLogSegments", 60)
        .args(["--deep-iteration", "--print-data-log", "--files"])
        .args([segment.display().to_string()])
        .run();
    let mut session = Transcript::new(&broker);
    session.note("dump-log", &output, |line| {
        let mut kept = Vec::new();
        let mut changing = false;
        for field in line.split(' ') {
            // What follows these names is of this run.
            kept.push(if std::mem::take(&mut changing) {
                "N"
            } else {
                field
            });
            changing = matches!(field, "CreateTime:" | "crc:" | "producerId:");
        }
        Some(kept.join(" "))
    });
    session.finish()
}
