//! The real binary as a child process, and a client of it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;

use forebay::client::Connection;
use forebay::protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use forebay::protocol::messages::metadata_request::MetadataRequestTopic;
use forebay::protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use forebay::protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use forebay::protocol::messages::{
    FindCoordinatorRequest, ListOffsetsRequest, MetadataRequest, OffsetCommitRequest,
    ProduceRequest,
};
use forebay::protocol::{AnyRequest, AnyResponse, Records};

/// How long a read may take before the broker counts as dead.
const LIMIT: Duration = Duration::from_secs(30);

/// How often something that comes about by itself is asked for.
const TRIES: u32 = 500;

/// A broker of two shards with one partition of the offsets topic, on ports that it chose.
pub struct Broker {
    child: Child,
    dir: PathBuf,
    settings: Vec<String>,
    pub kafka: SocketAddr,
    pub http: SocketAddr,
}

impl Broker {
    pub fn start(name: &str) -> Self {
        Self::start_with(name, &[])
    }

    /// The same with these settings, each as `KEY=VALUE`.
    pub fn start_with(name: &str, settings: &[&str]) -> Self {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("binary-{name}"));
        drop(std::fs::remove_dir_all(&dir));
        let settings = settings.iter().map(|setting| (*setting).to_owned());
        Self::start_on(dir, settings.collect())
    }

    /// Kills the broker and starts another one on its data.
    pub fn restart(mut self) -> Self {
        drop((self.child.kill(), self.child.wait()));
        let dir = std::mem::take(&mut self.dir);
        Self::start_on(dir, std::mem::take(&mut self.settings))
    }

    /// The same on what is in `dir`.
    pub fn start_at(dir: PathBuf) -> Self {
        Self::start_on(dir, Vec::new())
    }

    /// Has the broker stop by itself; its data directory, which stays.
    pub fn stop(mut self) -> PathBuf {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(sent.expect("kill is there").success());
        let ended = self.child.wait().expect("it ends");
        assert!(ended.success(), "{}", self.log());
        std::mem::take(&mut self.dir)
    }

    /// Kills the broker; its data directory, which stays.
    pub fn kill(mut self) -> PathBuf {
        drop((self.child.kill(), self.child.wait()));
        std::mem::take(&mut self.dir)
    }

    fn start_on(dir: PathBuf, settings: Vec<String>) -> Self {
        let log = File::create(dir.with_extension("log")).expect("target/ can be written");
        let mut child = Command::new(env!("CARGO_BIN_EXE_forebay"))
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(["--http-listen", "127.0.0.1:0", "--shards", "2"])
            .args(["--memory", "256MiB", "--data-dir"])
            .arg(&dir)
            .args(["--set", "offsets.topic.num.partitions=1"])
            .args(settings.iter().flat_map(|setting| ["--set", setting]))
            .stderr(log)
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
            settings,
            kafka: kafka.unwrap_or_else(|| panic!("no address in: {ready}")),
            http: http.unwrap_or_else(|| panic!("one address in: {ready}")),
        }
    }

    /// Its data directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How much it has read from the disk since it was started, in bytes.
    pub fn read_bytes(&self) -> u64 {
        let path = format!("/proc/{}/io", self.child.id());
        let text = std::fs::read_to_string(path).expect("it runs");
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("read_bytes: "));
        let bytes = line.expect("the kernel counts").parse();
        bytes.expect("a number")
    }

    /// What it has written to its log since it was started.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.with_extension("log")).expect("the log is there")
    }

    /// The body that is told at `path`, on a connection of its own.
    #[track_caller]
    pub fn told(&self, path: &str) -> String {
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
        if !self.dir.as_os_str().is_empty() {
            drop(std::fs::remove_dir_all(&self.dir));
        }
    }
}

/// A connection whose reads end.
pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the broker listens");
    stream.set_read_timeout(Some(LIMIT)).expect("a limit");
    stream
}

/// A client that asks one thing after the other.
pub struct Client {
    stream: TcpStream,
    connection: Connection,
}

impl Client {
    pub fn connect(address: SocketAddr, client_id: &str) -> Self {
        let mut client = Self {
            stream: connect(address),
            connection: Connection::new(client_id),
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

    pub fn ask(&mut self, request: impl Into<AnyRequest>) -> AnyResponse {
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
    pub fn ask_until(
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

    /// The offset behind the last record of partition 0 of the topic.
    pub fn end_of(&mut self, topic: &str) -> i64 {
        match self.ask(end_of(topic)) {
            AnyResponse::ListOffsets(listed) => listed.topics[0].partitions[0].offset,
            other => panic!("another answer: {other:?}"),
        }
    }

    /// Has the topic made by asking for it.
    pub fn create(&mut self, topic: &str) {
        let topic = MetadataRequestTopic {
            name: Some(topic.to_owned()),
            ..Default::default()
        };
        let metadata = MetadataRequest {
            topics: Some(vec![topic]),
            ..Default::default()
        };
        self.ask_until(metadata, |response| {
            matches!(response, AnyResponse::Metadata(metadata)
                if metadata.topics.iter().all(|topic| topic.error_code == 0))
        });
    }

    /// Commits `offset` for partition 0 of the topic, as a member of nothing.
    pub fn commit(&mut self, group: &str, topic: &str, offset: i64) {
        let find = FindCoordinatorRequest {
            coordinator_keys: vec![group.to_owned()],
            ..Default::default()
        };
        self.ask_until(find, |response| {
            matches!(response, AnyResponse::FindCoordinator(found)
                if found.coordinators.iter().all(|one| one.error_code == 0))
        });
        let partition = OffsetCommitRequestPartition {
            committed_offset: offset,
            ..Default::default()
        };
        let commit = OffsetCommitRequest {
            group_id: group.to_owned(),
            topics: vec![OffsetCommitRequestTopic {
                name: topic.to_owned(),
                partitions: vec![partition],
                ..Default::default()
            }],
            ..Default::default()
        };
        self.ask_until(commit, |response| {
            matches!(response, AnyResponse::OffsetCommit(commit)
                if commit.topics[0].partitions[0].error_code == 0)
        });
    }
}

/// A request that appends `batch` to partition 0 of the topic.
pub fn produce(topic: &str, batch: Bytes) -> ProduceRequest {
    let partition = PartitionProduceData {
        records: Some(Records::new(vec![batch])),
        ..Default::default()
    };
    ProduceRequest {
        acks: -1,
        timeout_ms: 10_000,
        topic_data: vec![TopicProduceData {
            name: topic.to_owned(),
            partition_data: vec![partition],
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// The code that one partition's append got.
pub fn produced_code(response: &AnyResponse) -> i16 {
    let AnyResponse::Produce(produced) = response else {
        panic!("another answer: {response:?}");
    };
    produced.responses[0].partition_responses[0].error_code
}

/// Asks for the offset behind the last record of partition 0 of the topic.
pub fn end_of(topic: &str) -> ListOffsetsRequest {
    let partition = ListOffsetsPartition {
        current_leader_epoch: -1,
        timestamp: -1,
        ..Default::default()
    };
    ListOffsetsRequest {
        replica_id: -1,
        topics: vec![ListOffsetsTopic {
            name: topic.to_owned(),
            partitions: vec![partition],
            ..Default::default()
        }],
        ..Default::default()
    }
}
