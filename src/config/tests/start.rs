use super::{lab, start, started, table};
use crate::config::*;
use crate::protocol::compression::Compression;

#[test]
fn a_broker_without_arguments_listens_on_this_machine_only() {
    let config = BrokerConfig::default();
    assert_eq!(
        config.listeners,
        [Listener {
            name: "PLAINTEXT".to_owned(),
            host: Some("127.0.0.1".to_owned()),
            port: 9092,
            security_protocol: SecurityProtocol::Plaintext,
            advertised: Some(("127.0.0.1".to_owned(), 9092)),
            is_controller: false,
            is_inter_broker: true,
            max_connections: i32::MAX as u32,
            max_connection_creation_rate: i32::MAX as u32,
        }]
    );
    assert_eq!(config.node_id, 1);
    assert_eq!(config.log_dirs, ["./forebay-data"]);
    assert_eq!(config.metadata_log_dir, "./forebay-data");
    assert_eq!(config.offsets_topic_replication_factor, 1);
    assert_eq!(config.offsets_topic_compression, Compression::None);
    assert_eq!(config.offsets_retention_ms, 7 * 24 * 3_600_000);
    assert_eq!(config.connections_max_idle_ms, Some(600_000));
    assert_eq!(config.topic, TopicConfig::default());
    let started = ServeArguments::default().resolve(None, "kafka.example");
    assert_eq!(started.expect("the defaults are good").warnings, []);
}

#[test]
fn a_file_of_kafka_means_what_it_means_there() {
    let Startup { config, .. } = lab();
    let told = |host: &str, port| Some((host.to_owned(), port));
    let listeners: Vec<_> = config
        .listeners
        .iter()
        .map(|listener| {
            (
                listener.name.as_str(),
                listener.port,
                listener.is_controller,
            )
        })
        .collect();
    assert_eq!(
        listeners,
        [("PLAINTEXT", 19392, false), ("CONTROLLER", 19393, true)]
    );
    assert_eq!(config.listeners[0].advertised, told("127.0.0.1", 19392));
    assert_eq!(config.log_dirs, ["/data"]);
    assert_eq!(config.group_initial_rebalance_delay_ms, 0);

    let Startup { config, .. } = started("broker.id=7");
    assert_eq!(config.node_id, 7);
    assert_eq!(config.log_dirs, ["/tmp/kafka-logs"]);
    assert_eq!(config.listeners[0].host, None);
    assert_eq!(config.listeners[0].advertised, told("kafka.example", 9092));
    assert_eq!(config.offsets_topic_replication_factor, 3);
}

#[test]
fn the_finest_unit_of_a_time_wins_wherever_it_stands() {
    let cases: &[(&str, Option<i64>, i64)] = &[
        ("", Some(604_800_000), 604_800_000),
        (
            "log.retention.hours=2\nlog.roll.hours=3",
            Some(7_200_000),
            10_800_000,
        ),
        (
            "log.retention.minutes=5\nlog.retention.hours=2",
            Some(300_000),
            604_800_000,
        ),
        (
            "log.retention.ms=9\nlog.retention.minutes=5",
            Some(9),
            604_800_000,
        ),
        (
            "log.retention.hours=-1\nlog.roll.ms=8\nlog.roll.hours=3",
            None,
            8,
        ),
        ("log.retention.ms=-1", None, 604_800_000),
        (
            "log.retention.hours=2147483647",
            Some(2_147_483_647 * 3_600_000),
            604_800_000,
        ),
    ];
    for (text, retention_ms, segment_ms) in cases {
        let topic = started(text).config.topic;
        assert_eq!(
            (topic.retention_ms, topic.segment_ms),
            (*retention_ms, *segment_ms),
            "{text}"
        );
    }
}

#[test]
fn what_cannot_be_is_named_with_file_line_and_reason() {
    for [lines, expected] in table::<2>(include_str!("../fixtures/start-errors.tsv")) {
        let text = lines.replace('|', "\n");
        let errors = start(&text).map(|startup| startup.config).expect_err(&text);
        let expected = format!("server.properties:{expected}");
        assert!(errors.contains(&expected), "{text}: {errors:#?}");
    }
}

#[test]
fn several_mistakes_are_all_named_at_once() {
    let errors = start("num.partitions=x\nlog.segment.bytes=1\nlisteners=A").expect_err("two");
    assert_eq!(errors.len(), 2, "{errors:?}");
    let errors = start("log.retention.ms=0\nlisteners=A").expect_err("two more");
    assert_eq!(errors.len(), 2, "{errors:?}");
}

#[test]
fn what_has_no_effect_is_named_in_one_line() {
    for [line, expected] in table::<2>(include_str!("../fixtures/warnings.tsv")) {
        let expected = format!("server.properties:{expected}");
        let text = format!("node.id=1\noffsets.topic.replication.factor=1\n{line}\n");
        let warnings: Vec<_> = started(&text)
            .warnings
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(warnings, [expected.as_str()], "{line}");
        let strict = ServeArguments {
            config: Some("server.properties".to_owned()),
            strict_config: true,
            ..ServeArguments::default()
        };
        let errors = strict
            .resolve(Some(&text), "")
            .expect_err("strict means none");
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].to_string(), expected);
    }
}

#[test]
fn replication_factors_that_one_broker_cannot_give_are_one_line() {
    for (file, expected) in [
        (
            "node.id=1",
            "default: offsets.topic.replication.factor=3 (consumer groups will not work): there \
             is only one broker, so set it to 1",
        ),
        (
            "default.replication.factor=2\nnode.id=1\noffsets.topic.replication.factor=3",
            "server.properties:3: offsets.topic.replication.factor=3 (consumer groups will not \
             work) and default.replication.factor=2 (no topic can be created without a factor of \
             its own): there is only one broker, so set both to 1",
        ),
    ] {
        let warnings = started(file).warnings;
        let lines: Vec<String> = warnings.iter().map(ToString::to_string).collect();
        assert_eq!(lines, [expected]);
    }
    assert_eq!(
        started("node.id=1\noffsets.topic.replication.factor=1").warnings,
        []
    );
}

#[test]
fn options_count_more_than_assignments_and_those_more_than_the_file() {
    let arguments = ServeArguments {
        data_dir: Some("/option".to_owned()),
        shards: Some(2),
        cpus: Some("0-1,5".to_owned()),
        memory: Some("1GiB".to_owned()),
        http_listen: Some("[::1]:9090".to_owned()),
        listen: Some("0.0.0.0:1".to_owned()),
        advertise: Some("me.example:2".to_owned()),
        set: vec![
            ("log.dirs".to_owned(), "/set".to_owned()),
            ("num.partitions".to_owned(), "4".to_owned()),
        ],
        ..ServeArguments::default()
    };
    let file = "log.dirs=/file\nnum.partitions=3\ndefault.replication.factor=1\n\
                listeners=A://:7\nadvertised.listeners=A://a:7\n\
                listener.security.protocol.map=PLAINTEXT:PLAINTEXT,A:PLAINTEXT";
    let config = arguments
        .resolve(Some(file), "")
        .expect("all are good")
        .config;
    assert_eq!(config.log_dirs, ["/option"]);
    assert_eq!(config.num_partitions, 4);
    assert_eq!(config.forebay_shards, Some(2));
    assert_eq!(config.forebay_cpus, [0, 1, 5]);
    assert_eq!(config.forebay_memory_bytes, Some(1 << 30));
    assert_eq!(config.forebay_http_listen, Some(("::1".to_owned(), 9090)));
    assert_eq!(config.listeners.len(), 1);
    assert_eq!(
        config.listeners[0].advertised,
        Some(("me.example".to_owned(), 2))
    );

    let wrong = ServeArguments {
        set: vec![("num.partitions".to_owned(), "x".to_owned())],
        ..ServeArguments::default()
    };
    let errors = wrong.resolve(None, "").expect_err("x is no number");
    assert!(
        errors[0].to_string().starts_with("--set: Invalid value x"),
        "{}",
        errors[0]
    );
}

#[test]
fn several_listeners_have_each_its_own_address() {
    let config = started(
        "listeners=INTERNAL://10.0.0.1:9094,EXTERNAL://:9092, CONTROLLER://:0, V6://[::1]:9094\n\
         advertised.listeners=INTERNAL://10.0.0.1:9094,EXTERNAL://kafka.com:30092\n\
         listener.security.protocol.map=INTERNAL:PLAINTEXT,EXTERNAL:plaintext,V6:PLAINTEXT,\
         CONTROLLER:PLAINTEXT\n\
         controller.listener.names=CONTROLLER\ninter.broker.listener.name=internal",
    )
    .config;
    let told: Vec<_> = config
        .listeners
        .iter()
        .map(|l| l.advertised.clone())
        .collect();
    assert_eq!(
        told,
        [
            Some(("10.0.0.1".to_owned(), 9094)),
            Some(("kafka.com".to_owned(), 30092)),
            Some(("kafka.example".to_owned(), 0)),
            None,
        ]
    );
    assert_eq!(config.listeners[3].host.as_deref(), Some("::1"));
}

#[test]
fn the_command_line_is_what_the_help_says() {
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        serve: ServeArguments,
    }
    let parse =
        |line: &str| <Line as clap::Parser>::try_parse_from(line.split(' ')).map(|line| line.serve);
    <Line as clap::CommandFactory>::command().debug_assert();
    let arguments =
        parse("serve --listen :9092 --memory 4GiB --set a=b=c --set d= --strict-config");
    let expected = ServeArguments {
        listen: Some(":9092".to_owned()),
        memory: Some("4GiB".to_owned()),
        set: vec![
            ("a".to_owned(), "b=c".to_owned()),
            ("d".to_owned(), String::new()),
        ],
        strict_config: true,
        ..ServeArguments::default()
    };
    assert_eq!(arguments.ok(), Some(expected));
    for line in [
        "serve --memory lots",
        "serve --set a",
        "serve --set =b",
        "serve --shards x",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
    let help = <Line as clap::CommandFactory>::command()
        .render_long_help()
        .to_string();
    for option in [
        "--data-dir",
        "--listen",
        "--advertise",
        "--http-listen",
        "--config",
    ] {
        assert!(help.contains(option), "{option}");
    }
}
