//! The operator's commands: the same words to Apache Kafka and to Forebay, the same visible
//! answers.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::support::{Broker, Kind, Output, Program, free_port, needs};

/// A command of the binary under test, against `broker`.
fn forebay(broker: &Broker, args: &[&str]) -> Program {
    let server = ["--bootstrap-server".to_owned(), broker.bootstrap()];
    Program::new(Path::new(env!("CARGO_BIN_EXE_forebay")), 60)
        .args(args)
        .args(server)
}

/// What it prints for programs.
#[track_caller]
fn json(broker: &Broker, args: &[&str]) -> Value {
    let output = forebay(broker, args).args(["--json"]).run().succeeded();
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// What a person sees: status, both outputs, with what differs from run to run left out.
#[track_caller]
fn visible(broker: &Broker, args: &[&str], input: Option<&str>) -> String {
    let command = forebay(broker, args);
    let command = match input {
        Some(text) => command.input(text),
        None => command,
    };
    let Output {
        status,
        stdout,
        stderr,
        ..
    } = command.run();
    let text = format!("status {status:?}\n{stdout}{stderr}");
    let port = broker.port.to_string();
    let lines = text.lines().map(|line| {
        let line = line.replace(&port, "PORT");
        // Ids and durations are each broker's own.
        if line.starts_with("  id ") {
            return "  id".to_owned();
        }
        match line.split_once(" in ") {
            Some((before, after)) if after.contains("/s)") => before.to_owned(),
            _ => line,
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Runs the same conversation with both brokers and compares what is visible, step by step.
#[track_caller]
fn compare(brokers: &[Broker], steps: &[(&[&str], Option<&str>)]) {
    for (args, input) in steps {
        let [kafka, forebay] = [0, 1].map(|index: usize| visible(&brokers[index], args, *input));
        assert_eq!(kafka, forebay, "forebay {}", args.join(" "));
    }
}

macro_rules! both {
    () => {{
        let lab = needs!(Java);
        Kind::BOTH.map(|kind| Broker::start(&lab, kind, &[]))
    }};
}

#[test]
fn topics_are_created_shown_changed_and_deleted_alike() {
    let brokers = both!();
    compare(
        &brokers,
        &[
            (&["topic", "list"], None),
            (
                &[
                    "topic",
                    "create",
                    "a",
                    "-p",
                    "3",
                    "-c",
                    "retention.ms=60000",
                ],
                None,
            ),
            (&["topic", "create", "a"], None),
            (&["topic", "create", "a", "--if-not-exists"], None),
            (&["topic", "create", "b", "--validate-only"], None),
            (&["topic", "create", "no/name"], None),
            (&["topic", "create", "c", "--config", "no.such=1"], None),
            (&["topic", "create", "c", "--replication-factor", "3"], None),
            (&["topic", "list"], None),
            (&["topic", "describe"], None),
            (&["topic", "describe", "a", "nope"], None),
            (&["topic", "describe", "--under-replicated"], None),
            (
                &[
                    "topic",
                    "alter",
                    "a",
                    "-p",
                    "5",
                    "--set",
                    "cleanup.policy=compact",
                ],
                None,
            ),
            (
                &["topic", "alter", "a", "--delete-config", "retention.ms"],
                None,
            ),
            (&["topic", "alter", "a", "-p", "2"], None),
            (&["topic", "alter", "a", "--set", "retention.ms=soon"], None),
            (&["topic", "alter", "a"], None),
            (&["topic", "alter", "nope", "--set", "retention.ms=1"], None),
            (&["topic", "describe", "a"], None),
            (&["topic", "delete", "a"], None),
            (&["topic", "delete", "a", "nope", "--yes"], None),
            (&["topic", "list"], None),
        ],
    );
}

#[test]
fn records_come_back_as_they_were_written() {
    let brokers = both!();
    compare(
        &brokers,
        &[
            (
                &["produce", "plain", "--header", "a=b"],
                Some("one\ntwo\n\nfour\n"),
            ),
            (&["consume", "plain", "--from-beginning", "--to-end"], None),
            (
                &[
                    "consume",
                    "plain",
                    "--to-end",
                    "--print",
                    "partition,offset,headers",
                ],
                None,
            ),
            (
                &["consume", "plain", "-p", "0", "--offset", "2", "-n", "1"],
                None,
            ),
            (
                &[
                    "consume",
                    "plain",
                    "-p",
                    "0",
                    "--offset",
                    "9",
                    "--timeout",
                    "5000",
                ],
                None,
            ),
            (&["consume", "plain", "-p", "1"], None),
            (&["consume", "plain", "--offset", "1"], None),
            (&["consume", "nope"], None),
            (&["produce", "plain", "-p", "7"], Some("x\n")),
            (
                &["produce", "plain", "--key-separator", ":"],
                Some("no separator\n"),
            ),
            (&["produce", "no/name"], Some("x\n")),
        ],
    );
}

#[test]
fn keys_choose_the_same_partitions_in_every_compression() {
    let brokers = both!();
    let lines: String = (0..2000)
        .map(|number| format!("k{}:v{number}\n", number % 7))
        .collect();
    for compression in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let topic = format!("keyed-{compression}");
        let mut seen = Vec::new();
        for broker in &brokers {
            forebay(broker, &["topic", "create", &topic, "-p", "4"])
                .run()
                .succeeded();
            let produce = ["produce", &topic, "--key-separator", ":", "-c", compression];
            forebay(broker, &produce).input(&lines).run().succeeded();
            let consume = [
                "consume",
                &topic,
                "--from-beginning",
                "--to-end",
                "--print",
                "partition,key,value",
            ];
            let consumed = forebay(broker, &consume).run().succeeded().stdout;
            let mut partitions: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for line in consumed.lines() {
                let (partition, record) = line.split_once('\t').expect("three fields");
                partitions
                    .entry(partition.to_owned())
                    .or_default()
                    .push(record.to_owned());
            }
            seen.push(partitions);
        }
        assert_eq!(seen[0], seen[1], "{compression}");
        assert_eq!(seen[0].values().map(Vec::len).sum::<usize>(), 2000);
    }
}

#[test]
fn a_group_goes_on_where_it_committed_and_is_shown_and_deleted() {
    let brokers = both!();
    for broker in &brokers {
        let lines: String = (0..100).map(|number| format!("{number}\n")).collect();
        forebay(broker, &["produce", "t"])
            .input(&lines)
            .run()
            .succeeded();
        let read = |args: &[&str]| {
            let group = ["consume", "t", "--group", "g", "--from-beginning"];
            forebay(broker, &group).args(args).run().succeeded().stdout
        };
        let first = read(&["--max-records", "30"]);
        assert_eq!(first.lines().last(), Some("29"), "{:?}", broker.kind);
        let second = read(&["--to-end"]);
        assert_eq!(second.lines().next(), Some("30"), "{:?}", broker.kind);
        assert_eq!(second.lines().count(), 70);
        forebay(broker, &["produce", "t"])
            .input("x\ny\n")
            .run()
            .succeeded();
        let described = json(broker, &["group", "describe", "g"]);
        let partition = &described[0]["partitions"][0];
        assert_eq!(
            (&partition["committed"], &partition["end"]),
            (&100.into(), &102.into())
        );
        assert_eq!(partition["lag"], 2);
    }
    compare(
        &brokers,
        &[
            (&["group", "list"], None),
            (&["group", "describe", "g"], None),
            (&["group", "describe", "nope"], None),
            (&["group", "delete", "g", "nope", "--yes"], None),
            (&["group", "list"], None),
        ],
    );
}

#[test]
fn the_cluster_shows_its_brokers() {
    for broker in both!() {
        let cluster = json(&broker, &["cluster", "describe"]);
        assert_eq!(
            cluster["brokers"][0]["port"], broker.port,
            "{:?}",
            broker.kind
        );
        assert_eq!(cluster["brokers"].as_array().map(Vec::len), Some(1));
        assert_eq!(cluster["controller"], 1);
        let features = cluster["features"].as_array().expect("a list");
        let version = features
            .iter()
            .find(|one| one["feature"] == "metadata.version");
        assert!(
            version.is_some_and(|one| one["level"].as_i64() > Some(0)),
            "{cluster}"
        );
    }
}

#[test]
fn a_place_without_a_broker_is_one_clear_line() {
    let port = free_port();
    let run = |server: &str| {
        let program = Program::new(Path::new(env!("CARGO_BIN_EXE_forebay")), 20);
        let args = [
            "topic",
            "list",
            "--request-timeout-ms",
            "2000",
            "--bootstrap-server",
            server,
        ];
        program.args(args).run()
    };
    let refused = run(&format!("127.0.0.1:{port}"));
    let expected = format!(
        "forebay: cannot connect to 127.0.0.1:{port}: nothing listens there (connection refused)\n"
    );
    assert_eq!((refused.status, refused.stderr), (Some(1), expected));
    let misspelt = run("127.0.0.1:http");
    assert_eq!(misspelt.status, Some(2), "{misspelt:?}");

    let web = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let place = web
        .local_addr()
        .expect("a bound socket has an address")
        .to_string();
    let server = std::thread::spawn(move || {
        let (mut client, _) = web.accept().expect("the command connects");
        let reply = b"HTTP/1.1 400 Bad Request\r\n\r\n";
        std::io::Write::write_all(&mut client, reply).expect("the command reads");
    });
    let not_kafka = run(&place);
    server.join().expect("the server does not panic");
    let expected =
        format!("forebay: {place}: it is no Kafka broker: its answer begins with \"HTTP\"\n");
    assert_eq!((not_kafka.status, not_kafka.stderr), (Some(1), expected));
}
