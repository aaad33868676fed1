//! The broker's HTTP listener, with the real binary: health, and metrics of what was really done.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;

use forebay::metrics::table::{AliasForm, METRICS, MetricId};
use forebay::protocol::messages::FetchRequest;
use forebay::protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use forebay::protocol::record_batch::RecordBatchBuilder;

use crate::broker::{Broker, Client, connect, produce, produced_code};

/// Series that the usual dashboards for Kafka draw, with the labels that they select by. They are
/// written out here so that a change of the table cannot take them along.
const DRAWN: &[&str] = &[
    "kafka_server_brokertopicmetrics_messagesin_total",
    "kafka_server_brokertopicmetrics_messagesin_total{topic=\"flow\"}",
    "kafka_server_brokertopicmetrics_bytesin_total",
    "kafka_server_brokertopicmetrics_bytesin_total{topic=\"flow\"}",
    "kafka_server_brokertopicmetrics_bytesout_total",
    "kafka_server_brokertopicmetrics_totalproducerequests_total",
    "kafka_server_brokertopicmetrics_totalfetchrequests_total",
    "kafka_server_brokertopicmetrics_failedproducerequests_total",
    "kafka_server_brokertopicmetrics_failedfetchrequests_total",
    "kafka_network_requestmetrics_requests_total{request=\"Produce\"",
    "kafka_network_requestmetrics_totaltimems{request=\"Produce\",quantile=\"0.99\"}",
    "kafka_network_requestmetrics_totaltimems_count{request=\"Produce\"}",
    "kafka_network_requestmetrics_requestqueuetimems{request=\"Fetch\",quantile=\"0.99\"}",
    "kafka_network_requestmetrics_localtimems{request=\"Fetch\",quantile=\"0.99\"}",
    "kafka_network_requestmetrics_remotetimems{request=\"Fetch\",quantile=\"0.99\"}",
    "kafka_network_requestmetrics_responsesendtimems{request=\"Fetch\",quantile=\"0.99\"}",
    "kafka_server_socket_server_metrics_connection_count{listener=\"PLAINTEXT\"}",
    "kafka_server_delayedoperationpurgatory_purgatorysize{delayedOperation=\"Produce\"}",
    "kafka_server_delayedoperationpurgatory_purgatorysize{delayedOperation=\"Fetch\"}",
    "kafka_server_replicamanager_partitioncount",
    "kafka_server_replicamanager_leadercount",
    "kafka_server_replicamanager_offlinereplicacount",
    "kafka_server_replicamanager_underreplicatedpartitions",
    "kafka_controller_kafkacontroller_activecontrollercount",
    "kafka_controller_kafkacontroller_globaltopiccount",
    "kafka_controller_kafkacontroller_globalpartitioncount",
    "kafka_controller_kafkacontroller_offlinepartitionscount",
    "kafka_log_log_size{topic=\"flow\",partition=\"0\"}",
    "kafka_log_log_logendoffset{topic=\"flow\",partition=\"0\"}",
    "kafka_log_log_numlogsegments{topic=\"flow\",partition=\"0\"}",
    "kafka_log_logflushstats_logflushrateandtimems_count",
    "kafka_coordinator_group_groupmetadatamanager_numgroups",
    "kafka_consumergroup_current_offset{consumergroup=\"readers\",topic=\"flow\",partition=\"0\"}",
    "kafka_consumergroup_lag{consumergroup=\"readers\",topic=\"flow\",partition=\"0\"}",
];

/// Create the topic, write three records in one batch, read them, commit offset one.
fn work(client: &mut Client) {
    client.create("flow");
    let mut batch = RecordBatchBuilder::new();
    for value in [b"a", b"b", b"c"] {
        batch.append(1_700_000_000_000, None, Some(value), &[]);
    }
    let produced = client.ask(produce("flow", batch.finish().to_bytes()));
    assert_eq!(produced_code(&produced), 0);
    for fetch_offset in [0, 99] {
        client.ask(fetch(fetch_offset));
    }
    client.commit("readers", "flow", 1);
}

fn fetch(fetch_offset: i64) -> FetchRequest {
    let partition = FetchPartition {
        fetch_offset,
        partition_max_bytes: 1 << 20,
        ..Default::default()
    };
    FetchRequest {
        max_bytes: 1 << 20,
        session_epoch: -1,
        topics: vec![FetchTopic {
            topic: "flow".to_owned(),
            partitions: vec![partition],
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// The name of a series, once its line is found to be one of Prometheus.
#[track_caller]
fn name_of(line: &str) -> &str {
    let (series, value) = line.rsplit_once(' ').expect("a series and its value");
    assert!(value.parse::<f64>().is_ok(), "{line}");
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    assert!(labels.ends_with('}'), "{line}");
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    assert!(!name.is_empty() && name.bytes().all(is_plain), "{line}");
    name
}

#[test]
fn what_clients_did_is_told_over_http() {
    let broker = Broker::start("told");
    assert_eq!(broker.told("/health"), "{\"status\":\"ok\"}\n");
    assert!(broker.told("/").contains("href=\"/metrics\""));
    let mut client = Client::connect(broker.kafka, "test");
    work(&mut client);
    let text = broker.told("/metrics");
    for line in [
        "forebay_requests_total{api=\"Produce\",version=\"12\"} 1",
        "forebay_requests_total{api=\"Fetch\",version=\"12\"} 2",
        "forebay_request_errors_total{api=\"Fetch\",error=\"OFFSET_OUT_OF_RANGE\"} 1",
        "forebay_topic_records_in_total{topic=\"flow\"} 3",
        "forebay_topic_produce_requests_total{topic=\"flow\"} 1",
        "forebay_topic_fetch_requests_total{topic=\"flow\"} 2",
        "forebay_topic_fetch_failures_total{topic=\"flow\"} 1",
        "forebay_request_remote_seconds_count{api=\"Produce\"} 1",
        "forebay_connections{listener=\"PLAINTEXT\"} 1",
        "forebay_connections{listener=\"HTTP\"} 1",
        "forebay_log_end_offset{topic=\"flow\",partition=\"0\"} 3",
        "forebay_partitions 2",
        "forebay_cluster_topics 2",
        "forebay_groups 1",
        "forebay_group_lag{group=\"readers\",topic=\"flow\",partition=\"0\"} 2",
        "kafka_consumergroup_lag{consumergroup=\"readers\",topic=\"flow\",partition=\"0\"} 2",
        "kafka_server_brokertopicmetrics_messagesin_total{topic=\"flow\"} 3",
        "kafka_controller_kafkacontroller_activecontrollercount 1",
    ] {
        let is_told = text.lines().any(|told| told == line);
        assert!(is_told, "{line} is missing in\n{text}");
    }
    for series in DRAWN {
        let is_told = text.lines().any(|told| {
            let rest = told.strip_prefix(series);
            rest.is_some_and(|rest| rest.starts_with([' ', ',']))
        });
        assert!(is_told, "{series} is missing in\n{text}");
    }
    let bytes_in = value_of(&text, "forebay_topic_bytes_in_total{topic=\"flow\"}");
    let bytes_out = value_of(&text, "forebay_topic_bytes_out_total{topic=\"flow\"}");
    assert!(bytes_in > 60.0, "a batch has a header");
    assert_eq!(bytes_in, bytes_out, "it was read once");
    assert!(value_of(&text, "forebay_storage_writes_total") > 0.0);
    let names: BTreeSet<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(name_of)
        .collect();
    for metric in METRICS {
        // Nothing is left out, and nothing follows here.
        if [MetricId::SeriesLeftOut, MetricId::ReplicaLag].contains(&metric.id) {
            continue;
        }
        let is_told = |name: &str| {
            let ends = ["", "_count", "_max"].iter();
            ends.map(|end| format!("{name}{end}"))
                .any(|name| names.contains(&*name))
        };
        assert!(is_told(metric.name), "{}", metric.name);
        if let Some(alias) = metric
            .alias
            .filter(|alias| alias.form != AliasForm::Quantiles)
        {
            assert!(is_told(alias.name), "{}", alias.name);
        }
    }
}

#[track_caller]
fn value_of(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series));
    let value = line.unwrap_or_else(|| panic!("{series} is missing in\n{text}"));
    value.trim().parse().expect("a number")
}

#[test]
fn a_connection_is_kept_until_the_client_sends_nonsense() {
    let broker = Broker::start("kept");
    let mut stream = connect(broker.http);
    // Two at once, the second in two pieces; a path that is not there; then Kafka's protocol.
    let first = "HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\nGET /hea";
    stream.write_all(first.as_bytes()).expect("it is sent");
    assert!(head_of(&mut stream).starts_with("HTTP/1.1 200 OK\r\n"));
    let second = b"lth HTTP/1.1\r\nHost: a\r\n\r\n";
    stream.write_all(second).expect("it is sent");
    assert!(head_of(&mut stream).starts_with("HTTP/1.1 200 OK\r\n"));
    let mut body = [0; 16];
    stream.read_exact(&mut body).expect("the body follows");
    assert_eq!(&body, b"{\"status\":\"ok\"}\n");
    let missing = b"HEAD /nothing HTTP/1.1\r\nHost: a\r\n\r\n";
    stream.write_all(missing).expect("it is sent");
    assert!(head_of(&mut stream).starts_with("HTTP/1.1 404 "));
    let kafka = b"\0\0\0\x0e\0\x12\0\0\0\0\0\x01\0\x04test";
    stream.write_all(kafka).expect("it is sent");
    let mut rest = String::new();
    stream.read_to_string(&mut rest).expect("it is answered");
    assert!(rest.starts_with("HTTP/1.1 400 "), "{rest}");
}

/// The next head on the stream, byte by byte so that nothing behind it is taken.
fn head_of(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a head is whole");
        head.push(byte[0]);
    }
    String::from_utf8(head).expect("a head is text")
}
