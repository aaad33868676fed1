//! The broker's HTTP listener, with the real binary: health, and metrics of what was really done.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use forebay::client::Connection;
use forebay::metrics::table::{AliasForm, METRICS, MetricId};
use forebay::protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use forebay::protocol::messages::metadata_request::MetadataRequestTopic;
use forebay::protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use forebay::protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use forebay::protocol::messages::{
    FetchRequest, FindCoordinatorRequest, MetadataRequest, OffsetCommitRequest, ProduceRequest,
};
use forebay::protocol::record_batch::RecordBatchBuilder;
use forebay::protocol::{AnyRequest, AnyResponse, Records};

/// How long a read may take before the broker counts as dead.
const LIMIT: Duration = Duration::from_secs(30);

/// How often something that comes about by itself is asked for.
const TRIES: u32 = 500;

struct Broker {
    child: Child,
    dir: PathBuf,
    kafka: SocketAddr,
    http: SocketAddr,
}

impl Broker {
    fn start(name: &str) -> Self {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("console-{name}"));
        drop(std::fs::remove_dir_all(&dir));
        let mut child = Command::new(env!("CARGO_BIN_EXE_forebay"))
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(["--http-listen", "127.0.0.1:0", "--shards", "2"])
            .args(["--memory", "256MiB", "--data-dir"])
            .arg(&dir)
            .args(["--set", "offsets.topic.num.partitions=1"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary can be started");
        let stdout = child.stdout.take().expect("standard output is piped");
        let mut ready = String::new();
        BufReader::new(stdout)
            .read_line(&mut ready)
            .expect("the broker says when it is ready");
        let mut addresses = ready.split([' ', ',']).filter_map(|word| word.parse().ok());
        let (kafka, http) = (addresses.next(), addresses.next());
        Self {
            child,
            dir,
            kafka: kafka.unwrap_or_else(|| panic!("no address in: {ready}")),
            http: http.unwrap_or_else(|| panic!("one address in: {ready}")),
        }
    }

    /// The body that is told at `path`, on a connection of its own.
    #[track_caller]
    fn told(&self, path: &str) -> String {
        let mut stream = connect(self.http);
        let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("it is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it is answered");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        let length = format!("Content-Length: {}\r\n", body.len());
        assert!(head.contains(&length), "{head}");
        body.to_owned()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        drop((self.child.kill(), self.child.wait()));
        drop(std::fs::remove_dir_all(&self.dir));
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the broker listens");
    stream.set_read_timeout(Some(LIMIT)).expect("a limit");
    stream
}

struct Client {
    stream: TcpStream,
    connection: Connection,
}

impl Client {
    fn connect(address: SocketAddr) -> Self {
        let mut client = Self {
            stream: connect(address),
            connection: Connection::new("test"),
        };
        while !client.connection.is_ready() {
            client.exchange();
            let none = client.connection.next_response().expect("a sound answer");
            assert!(none.is_none());
        }
        client
    }

    fn exchange(&mut self) {
        for bytes in self.connection.drain_output() {
            self.stream.write_all(&bytes).expect("it is sent");
        }
        let mut bytes = [0; 4096];
        let count = self.stream.read(&mut bytes).expect("it is answered");
        assert!(count > 0, "the broker closed the connection");
        self.connection.on_received(&bytes[..count]);
    }

    fn ask(&mut self, request: impl Into<AnyRequest>) -> AnyResponse {
        let sent = self.connection.send(&request.into());
        sent.expect("the broker speaks it");
        loop {
            self.exchange();
            let response = self.connection.next_response().expect("a sound answer");
            if let Some(response) = response {
                return response.body;
            }
        }
    }

    /// Ask until `is_done` says that what comes about by itself has come about.
    fn ask_until(
        &mut self,
        request: impl Into<AnyRequest> + Clone,
        is_done: impl Fn(&AnyResponse) -> bool,
    ) {
        for _ in 0..TRIES {
            if is_done(&self.ask(request.clone())) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("it never came about");
    }
}

/// Create the topic, write three records in one batch, read them, commit offset one.
fn work(client: &mut Client) {
    let topic = MetadataRequestTopic {
        name: Some("flow".to_owned()),
        ..Default::default()
    };
    let metadata = MetadataRequest {
        topics: Some(vec![topic]),
        ..Default::default()
    };
    client.ask_until(metadata, |response| {
        matches!(response, AnyResponse::Metadata(metadata)
            if metadata.topics.iter().all(|topic| topic.error_code == 0))
    });
    let mut batch = RecordBatchBuilder::new();
    for value in [b"a", b"b", b"c"] {
        batch.append(1_700_000_000_000, None, Some(value), &[]);
    }
    let partition = PartitionProduceData {
        records: Some(Records::new(vec![batch.finish().to_bytes()])),
        ..Default::default()
    };
    let produce = ProduceRequest {
        acks: -1,
        timeout_ms: 10_000,
        topic_data: vec![TopicProduceData {
            name: "flow".to_owned(),
            partition_data: vec![partition],
            ..Default::default()
        }],
        ..Default::default()
    };
    let produced = client.ask(produce);
    assert!(
        matches!(&produced, AnyResponse::Produce(produce)
            if produce.responses[0].partition_responses[0].error_code == 0),
        "{produced:?}"
    );
    for fetch_offset in [0, 99] {
        client.ask(fetch(fetch_offset));
    }
    commit(client);
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

fn commit(client: &mut Client) {
    let find = FindCoordinatorRequest {
        coordinator_keys: vec!["readers".to_owned()],
        ..Default::default()
    };
    client.ask_until(find, |response| {
        matches!(response, AnyResponse::FindCoordinator(found)
            if found.coordinators.iter().all(|one| one.error_code == 0))
    });
    let partition = OffsetCommitRequestPartition {
        committed_offset: 1,
        ..Default::default()
    };
    let commit = OffsetCommitRequest {
        group_id: "readers".to_owned(),
        topics: vec![OffsetCommitRequestTopic {
            name: "flow".to_owned(),
            partitions: vec![partition],
            ..Default::default()
        }],
        ..Default::default()
    };
    client.ask_until(commit, |response| {
        matches!(response, AnyResponse::OffsetCommit(commit)
            if commit.topics[0].partitions[0].error_code == 0)
    });
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
    let mut client = Client::connect(broker.kafka);
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
        let is_told =
            |name: &str| names.contains(name) || names.contains(&*format!("{name}_count"));
        assert!(
            is_told(metric.name) || metric.id == MetricId::SeriesLeftOut,
            "{}",
            metric.name
        );
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
