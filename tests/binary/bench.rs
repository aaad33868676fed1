//! `forebay bench` against the binary: what it tells is what was done.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Command, Output};

use serde_json::Value;

use crate::broker::Broker;

/// Runs `forebay` with these words.
fn forebay(words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forebay"));
    command.args(words).output().expect("the binary is there")
}

/// Runs a bench against `broker`, quick and quiet.
fn bench(broker: &Broker, words: &[&str]) -> Output {
    let server = broker.kafka.to_string();
    let mut all = vec!["bench"];
    all.extend(words);
    all.extend(["--bootstrap-server", &server, "--quiet"]);
    forebay(&all)
}

#[track_caller]
fn json(broker: &Broker, words: &[&str]) -> Value {
    let mut all = words.to_vec();
    all.push("--json");
    let output = bench(broker, &all);
    assert!(output.status.success(), "{words:?}: {output:?}");
    serde_json::from_slice(&output.stdout).expect("one document")
}

#[track_caller]
fn topics(broker: &Broker) -> Value {
    let server = broker.kafka.to_string();
    let output = forebay(&["topic", "list", "--json", "--bootstrap-server", &server]);
    serde_json::from_slice(&output.stdout).expect("one document")
}

/// Status and what is said on standard error.
fn refusal(output: &Output) -> (Option<i32>, String) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), said)
}

#[test]
fn every_record_that_is_counted_is_in_the_topic() {
    let broker = Broker::start("bench-counts");
    let server = broker.kafka.to_string();
    let created = forebay(&["topic", "create", "t", "-p", "3", "-b", &server]);
    assert!(created.status.success(), "{created:?}");
    let mut expected = 0;
    for (words, count) in [
        (&["--record-size", "100"][..], 5000),
        (
            &[
                "--record-size",
                "10..3000",
                "--keys",
                "zipf",
                "--linger-ms",
                "0",
            ],
            4001,
        ),
        (
            &[
                "--keys",
                "uniform",
                "--producers",
                "7",
                "--compression",
                "lz4",
            ],
            3000,
        ),
        (
            &["--acks", "1", "--in-flight", "20", "--compression", "zstd"],
            2000,
        ),
        (
            &[
                "--throughput",
                "5000",
                "--producers",
                "2",
                "--keys",
                "uniform",
            ],
            1000,
        ),
        (
            &["--batch-bytes", "1", "--in-flight", "1", "--linger-ms", "0"],
            300,
        ),
    ] {
        let count_text = format!("{count}");
        let mut all = vec!["produce", "--topic", "t", "--num-records", &count_text];
        all.extend(["--warm-up", "0"]);
        all.extend(words);
        let told = json(&broker, &all);
        let produced = &told["runs"][0]["produced"];
        assert_eq!(produced["records"], count, "{words:?}: {told}");
        assert_eq!(produced["latency_ms"]["count"], count, "{words:?}: {told}");
        assert_eq!(told["runs"][0]["failed"], serde_json::json!({}));
        expected += count;
    }
    let consumed = forebay(&[
        "consume",
        "t",
        "--to-end",
        "--json",
        "--bootstrap-server",
        &server,
    ]);
    let records = consumed.stdout.split(|byte| *byte == b'\n');
    assert_eq!(records.filter(|line| !line.is_empty()).count(), expected);
}

#[test]
fn topics_that_were_made_are_gone_afterwards() {
    let broker = Broker::start("bench-topics");
    let told = json(
        &broker,
        &[
            "produce",
            "--duration",
            "500ms",
            "--warm-up",
            "0",
            "--topics",
            "3",
            "--partitions",
            "2",
        ],
    );
    assert_eq!(
        (&told["topics"], &told["partitions"]),
        (&3.into(), &6.into())
    );
    assert_eq!(topics(&broker), serde_json::json!([]));
    json(
        &broker,
        &[
            "produce",
            "--duration",
            "200ms",
            "--warm-up",
            "0",
            "--keep-topics",
        ],
    );
    assert_eq!(topics(&broker).as_array().map(Vec::len), Some(1));
}

#[test]
fn a_schedule_is_kept_and_its_latencies_are_those_of_all_records() {
    let broker = Broker::start("bench-rate");
    let told = json(
        &broker,
        &[
            "produce",
            "--throughput",
            "2000",
            "--duration",
            "2s",
            "--warm-up",
            "500ms",
            "--record-size",
            "100",
            "--producers",
            "3",
        ],
    );
    let produced = &told["runs"][0]["produced"];
    // Every record that was due in the two seconds, and none besides.
    assert_eq!(produced["latency_ms"]["count"], 4000, "{told}");
    let rate = produced["records_per_second"].as_f64().expect("a number");
    assert!((1500.0..2100.0).contains(&rate), "{told}");
    let seconds = told["runs"][0]["seconds"].as_array().expect("a list");
    assert_eq!(seconds.len(), 2, "{told}");
}

#[test]
fn a_broker_that_pauses_is_charged_for_all_that_was_due_meanwhile() {
    let broker = Broker::start("bench-pause");
    let pid = broker.pid().to_string();
    let signal = |name: &str| {
        let sent = Command::new("kill").args([name, &pid]).status();
        assert!(sent.expect("kill is there").success());
    };
    let told = std::thread::scope(|scope| {
        let bench = scope.spawn(|| {
            let words = ["--throughput", "1000", "--duration", "4s", "--warm-up", "0"];
            let mut all = vec!["produce", "--record-size", "100"];
            all.extend(words);
            json(&broker, &all)
        });
        std::thread::sleep(std::time::Duration::from_millis(1500));
        signal("-STOP");
        std::thread::sleep(std::time::Duration::from_secs(1));
        signal("-CONT");
        bench.join().expect("the bench ends")
    });
    let latency = &told["runs"][0]["produced"]["latency_ms"];
    assert_eq!(latency["count"], 4000, "{told}");
    // A quarter of the records was due in the pause: a client that waited would have sent one.
    let p90 = latency["p90"].as_f64().expect("a number");
    assert!(p90 > 400.0, "{latency}");
}

#[test]
fn what_was_filled_in_is_read_by_every_group() {
    let broker = Broker::start("bench-consume");
    let told = json(
        &broker,
        &[
            "consume",
            "--fill",
            "5MB",
            "--record-size",
            "1000",
            "--consumers",
            "2",
            "--groups",
            "3",
            "--num-records",
            "60000",
            "--warm-up",
            "0",
            "--compression",
            "lz4",
        ],
    );
    let consumed = &told["runs"][0]["consumed"];
    let records = consumed["records"].as_u64().expect("a number");
    assert!(
        records >= 60_000,
        "each group begins again at the end: {told}"
    );
    assert!(consumed["latency_ms"]["p50"].as_f64() > Some(0.0), "{told}");
    assert_eq!(topics(&broker), serde_json::json!([]));
}

#[test]
fn a_process_is_asked_what_it_took() {
    let broker = Broker::start("bench-process");
    let pid = broker.pid().to_string();
    let hdr = broker.dir().with_extension("hgrm");
    let path = hdr.display().to_string();
    let output = bench(
        &broker,
        &[
            "produce",
            "--duration",
            "1s",
            "--warm-up",
            "0",
            "--pid",
            &pid,
            "--hdr",
            &path,
            "--repeat",
            "2",
            "--print-metrics",
        ],
    );
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    assert_eq!(text.matches("\nbroker ").count(), 2, "{text}");
    for part in [
        "CPU-s/GB",
        " MB resident",
        "p99.99",
        "2 runs: median",
        "requests/s",
    ] {
        assert!(text.contains(part), "{part} in: {text}");
    }
    let percentiles = std::fs::read_to_string(&hdr).expect("it was written");
    assert!(percentiles.contains("1/(1-Percentile)"), "{percentiles}");
    drop(std::fs::remove_file(hdr));
}

#[test]
fn what_makes_no_sense_is_one_clear_line() {
    let broker = Broker::start_with("bench-refusals", &["auto.create.topics.enable=false"]);
    let unknown = bench(&broker, &["produce", "--topic", "nowhere"]);
    let expected = "forebay: cannot use topic \"nowhere\": UNKNOWN_TOPIC_OR_PARTITION: \
                    there is no such topic or partition\n";
    assert_eq!(refusal(&unknown), (Some(1), expected.to_owned()));
    let gone = bench(&broker, &["produce", "--pid", "4294967295"]);
    let expected = "forebay: there is no process 4294967295 here\n";
    assert_eq!(refusal(&gone), (Some(1), expected.to_owned()));
    assert_eq!(topics(&broker), serde_json::json!([]));
    let twice = bench(&broker, &["produce", "--idempotent", "true", "--acks", "1"]);
    let expected = "forebay: --idempotent true needs --acks all and --in-flight of at most 5\n";
    assert_eq!(refusal(&twice), (Some(2), expected.to_owned()));
    let large = bench(
        &broker,
        &[
            "produce",
            "--record-size",
            "2MiB",
            "--num-records",
            "5",
            "--warm-up",
            "0",
        ],
    );
    let (status, said) = refusal(&large);
    assert_eq!(
        (status, said.as_str()),
        (Some(1), "forebay: 5 records were refused\n")
    );
    let told = String::from_utf8_lossy(&large.stdout).into_owned();
    assert!(told.contains("5 records: MESSAGE_TOO_LARGE"), "{told}");
}

#[test]
fn a_place_where_nobody_listens_is_named() {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    let place = free.expect("a port is free").to_string();
    let output = forebay(&["bench", "produce", "--bootstrap-server", &place]);
    let expected =
        format!("forebay: cannot connect to {place}: nothing listens there (connection refused)\n");
    assert_eq!(refusal(&output), (Some(1), expected));
}

#[test]
fn a_rate_of_nothing_is_refused_by_name() {
    let (status, said) = refusal(&forebay(&["bench", "produce", "--throughput", "0"]));
    assert_eq!(status, Some(2));
    assert!(
        said.contains("--throughput") && said.contains("at least 1"),
        "{said}"
    );
}

#[test]
fn every_record_that_is_produced_reaches_each_group() {
    let broker = Broker::start("bench-end-to-end");
    for words in [
        &[
            "end-to-end",
            "--throughput",
            "4000",
            "--keys",
            "uniform",
            "--groups",
            "3",
        ][..],
        &[
            "mixed",
            "--num-records",
            "8000",
            "--groups",
            "3",
            "--compression",
            "lz4",
        ],
    ] {
        let mut all = words.to_vec();
        all.extend(["--warm-up", "0", "--record-size", "100", "--consumers", "2"]);
        if words[0] == "end-to-end" {
            all.extend(["--duration", "2s"]);
        }
        let told = json(&broker, &all);
        let run = &told["runs"][0];
        assert_eq!(
            run["produced"]["latency_ms"]["count"], 8000,
            "{words:?}: {told}"
        );
        let reached = &run["end_to_end_latency_ms"];
        assert_eq!(reached["count"], 24_000, "{words:?}: {told}");
        assert!(reached["max"].as_f64() >= run["produced"]["latency_ms"]["p50"].as_f64());
    }
    assert_eq!(topics(&broker), serde_json::json!([]));
}

#[test]
fn consumers_that_are_behind_catch_up_beside_producers() {
    let broker = Broker::start("bench-drain");
    let told = json(
        &broker,
        &[
            "drain",
            "--fill",
            "20MB",
            "--record-size",
            "1000",
            "--groups",
            "2",
            "--consumers",
            "2",
            "--throughput",
            "1000",
        ],
    );
    let run = &told["runs"][0];
    assert_eq!(run["drained"]["backlog_records"], 40_000, "{told}");
    let after = run["drained"]["after_ms"].as_u64().expect("it was drained");
    assert_eq!(run["elapsed_ms"], after, "{told}");
    assert!(
        run["consumed"]["records"].as_u64() >= Some(40_000),
        "{told}"
    );
    assert!(run["produced"]["records"].as_u64() > Some(0), "{told}");
}

#[test]
fn a_workload_is_run_by_its_name_with_other_options() {
    let broker = Broker::start("bench-workloads");
    let told = json(
        &broker,
        &[
            "workload",
            "omb-1-topic-16-partitions-1kb",
            "--duration",
            "1s",
            "--warm-up",
            "0",
            "--throughput",
            "500",
        ],
    );
    assert_eq!(
        (&told["bench"], &told["partitions"]),
        (&"end-to-end".into(), &16.into())
    );
    assert_eq!(
        told["runs"][0]["produced"]["latency_ms"]["count"], 500,
        "{told}"
    );

    let list = forebay(&["bench", "--list-workloads"]);
    let text = String::from_utf8_lossy(&list.stdout).into_owned();
    assert!(text.contains("linkedin-2014-one-producer\n"), "{text}");
    let unknown = forebay(&["bench", "workload", "no-such"]);
    let expected = "forebay: there is no workload \"no-such\": \
                    forebay bench --list-workloads tells which there are\n";
    assert_eq!(refusal(&unknown), (Some(2), expected.to_owned()));
    let small = bench(&broker, &["end-to-end", "--record-size", "15"]);
    let expected = "forebay: records of end-to-end say when they were due: \
                    --record-size is at least 16\n";
    assert_eq!(refusal(&small), (Some(2), expected.to_owned()));
}

#[test]
fn a_client_meets_its_own_limit_at_a_sink() {
    // No broker runs: whatever is asked is answered inside of the program.
    let run = |words: &[&str]| {
        let mut all = vec!["bench"];
        all.extend(words);
        all.extend(["--null-sink", "--quiet", "--json", "--warm-up", "0"]);
        let output = forebay(&all);
        assert!(output.status.success(), "{words:?}: {output:?}");
        let told: Value = serde_json::from_slice(&output.stdout).expect("one document");
        told["runs"][0].clone()
    };
    let told = run(&["produce", "--num-records", "30000", "--keys", "uniform"]);
    assert_eq!(told["produced"]["records"], 30_000, "{told}");
    let told = run(&["produce", "--num-records", "3000", "--acks", "0"]);
    assert_eq!(told["produced"]["records"], 3000, "{told}");
    let told = run(&[
        "consume",
        "--fill",
        "10MB",
        "--num-records",
        "50000",
        "--groups",
        "2",
    ]);
    assert!(
        told["consumed"]["records"].as_u64() >= Some(50_000),
        "{told}"
    );
}

#[test]
fn a_result_is_a_page_that_stands_alone() {
    let broker = Broker::start("bench-page");
    let path = broker.dir().with_extension("html");
    let page = path.display().to_string();
    let words = [
        "end-to-end",
        "--throughput",
        "1000",
        "--duration",
        "3s",
        "--warm-up",
        "0",
        "--html",
    ];
    let mut all = words.to_vec();
    all.push(&page);
    let output = bench(&broker, &all);
    assert!(output.status.success(), "{output:?}");
    let text = std::fs::read_to_string(&path).expect("it was written");
    assert_eq!(text.matches("<svg ").count(), 5, "{text}");
    for part in ["Latency by percentile", "end to end", "--throughput 1000"] {
        assert!(text.contains(part), "{part} in: {text}");
    }
    assert!(
        !text.contains("http") && !text.contains("<script"),
        "{text}"
    );
    drop(std::fs::remove_file(path));
    let nowhere = bench(
        &broker,
        &["produce", "--duration", "100ms", "--html", "/no/such/file"],
    );
    let expected = "forebay: cannot write /no/such/file: No such file or directory (os error 2)\n";
    assert_eq!(refusal(&nowhere), (Some(1), expected.to_owned()));
}

#[test]
fn a_bench_that_is_interrupted_tells_what_it_has_and_tidies_up() {
    let broker = Broker::start("bench-interrupt");
    let mut bench = Command::new(env!("CARGO_BIN_EXE_forebay"))
        .args(["bench", "produce", "--duration", "1h", "--warm-up", "0"])
        .args(["--json", "--bootstrap-server", &broker.kafka.to_string()])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the binary is there");
    // The first line says that the first second is over.
    let mut lines = BufReader::new(bench.stderr.take().expect("it is piped")).lines();
    let line = lines.next().expect("a line").expect("it is text");
    assert!(line.contains("1 s  produced"), "{line}");
    let pid = bench.id().to_string();
    let sent = Command::new("kill").args(["-INT", &pid]).status();
    assert!(sent.expect("kill is there").success());
    let output = bench.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{output:?}");
    let told: Value = serde_json::from_slice(&output.stdout).expect("one document");
    let run = &told["runs"][0];
    assert_eq!(run["cut_short"], true);
    assert!(run["elapsed_ms"].as_u64() < Some(60_000), "{run}");
    assert!(run["produced"]["records"].as_u64() > Some(0), "{run}");
    assert_eq!(topics(&broker), serde_json::json!([]));
}

#[test]
fn each_second_has_a_line_of_its_own() {
    let words = ["--null-sink", "--warm-up", "1s", "--duration", "2s"];
    let mut all = vec!["bench", "produce", "--throughput", "500"];
    all.extend(words);
    let output = forebay(&all);
    assert!(output.status.success(), "{output:?}");
    let (_, said) = refusal(&output);
    let begins: Vec<&str> = said
        .lines()
        .filter_map(|line| Some(line.split_once("  produced")?.0.trim()))
        .collect();
    assert_eq!(begins, ["warm-up", "1 s", "2 s"], "{said}");
}
