//! `forebay bench` against Apache Kafka and Forebay: the same words, the same work.

use std::path::Path;

use serde_json::Value;

use crate::support::{Broker, Kind, Program, needs};

/// What a bench tells programs.
#[track_caller]
fn bench(broker: &Broker, args: &[&str]) -> Value {
    let output = Program::new(Path::new(env!("CARGO_BIN_EXE_forebay")), 60)
        .args(["bench"])
        .args(args)
        .args(["--quiet", "--json", "--warm-up", "0", "--bootstrap-server"])
        .args([broker.bootstrap()])
        .run()
        .succeeded();
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// The sum of the ends of a topic's partitions, by the tool of Kafka's that both brokers serve.
#[track_caller]
fn records_in(broker: &Broker, topic: &str) -> u64 {
    let output = broker
        .tool("org.apache.kafka.tools.GetOffsetShell", &["--topic", topic])
        .run()
        .succeeded();
    let ends = output.stdout.lines().filter_map(|line| {
        let (_, end) = line.rsplit_once(':')?;
        end.trim().parse::<u64>().ok()
    });
    ends.sum()
}

#[test]
fn records_that_were_acknowledged_are_there() {
    let lab = needs!(Java);
    for kind in Kind::BOTH {
        let broker = Broker::start(&lab, kind, &[]);
        let mut expected = 0;
        for words in [
            &[
                "--keys",
                "uniform",
                "--producers",
                "3",
                "--compression",
                "gzip",
            ][..],
            &[
                "--acks",
                "1",
                "--throughput",
                "20000",
                "--compression",
                "snappy",
            ],
            &["--idempotent", "true", "--record-size", "10..2000"],
        ] {
            let mut args = vec!["produce", "--topic", "t", "--num-records", "10000"];
            args.extend(words);
            let told = bench(&broker, &args);
            assert_eq!(
                told["runs"][0]["produced"]["records"], 10_000,
                "{kind:?}: {told}"
            );
            expected += 10_000;
        }
        assert_eq!(records_in(&broker, "t"), expected, "{kind:?}");
        let told = bench(
            &broker,
            &["consume", "--topic", "t", "--num-records", "100000"],
        );
        let read = told["runs"][0]["consumed"]["records"].as_u64();
        assert!(read >= Some(100_000), "{kind:?}: {told}");
    }
}

#[test]
fn topics_of_a_bench_come_and_go() {
    let lab = needs!(Java);
    for kind in Kind::BOTH {
        let broker = Broker::start(&lab, kind, &[]);
        let told = bench(
            &broker,
            &[
                "produce",
                "--topics",
                "2",
                "--partitions",
                "3",
                "--duration",
                "1s",
            ],
        );
        assert_eq!(told["partitions"], 6, "{kind:?}");
        assert!(
            told["runs"][0]["produced"]["records"].as_u64() > Some(0),
            "{kind:?}: {told}"
        );
        let left = Program::new(Path::new(env!("CARGO_BIN_EXE_forebay")), 60)
            .args(["topic", "list", "--json", "--bootstrap-server"])
            .args([broker.bootstrap()])
            .run()
            .succeeded();
        assert_eq!(left.stdout.trim(), "[]", "{kind:?}");
    }
}

#[test]
fn records_reach_consumers_and_a_backlog_is_drained() {
    let lab = needs!(Java);
    for kind in Kind::BOTH {
        let broker = Broker::start(&lab, kind, &[]);
        let told = bench(
            &broker,
            &[
                "end-to-end",
                "--throughput",
                "2000",
                "--duration",
                "2s",
                "--partitions",
                "3",
            ],
        );
        let reached = &told["runs"][0]["end_to_end_latency_ms"];
        assert_eq!(reached["count"], 4000, "{kind:?}: {told}");
        let told = bench(
            &broker,
            &["drain", "--fill", "20MB", "--throughput", "1000"],
        );
        let drained = &told["runs"][0]["drained"];
        assert!(drained["after_ms"].as_u64().is_some(), "{kind:?}: {told}");
    }
}
