//! Quorums of controllers of Apache Kafka and a node of this package, which votes, follows and
//! leads as they do, or observes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use forebay::log::storage::{DirectoryIndex, StorageOutbox, StorageOwner, StoragePath};
use forebay::model::{BrokerId, LeaderEpoch, NodeAddress, Uuid};
use forebay::protocol::messages::ApiVersionsResponse;
use forebay::protocol::messages::api_versions_response::ApiVersion;
use forebay::protocol::{
    AnyRequest, AnyResponse, ApiKey, Writer, decode_request_header, decode_response_header,
    encode_request_header, encode_response_header,
};
use forebay::quorum::{
    METADATA_FOLDER, Membership, Quorum, QuorumCall, QuorumEvent, QuorumFailure, QuorumOutgoing,
    QuorumRequest, QuorumSettings, QuorumToken, SnapshotId, VoterEndpoint,
};
use forebay::stdx::{Instant, Now, Random};

use crate::memory_disk::MemoryDisk;
use crate::support::{Lab, free_port, needs, resident, spawn};

const CLUSTER: &str = "Rm9yZWJheVRlc3RzTGFiMQ";
const US: BrokerId = 3;
const FORMATTED: &str = "00000000000000000000-0000000000.checkpoint";

/// How long an election may take: Kafka waits for its own timeouts, one after the other.
const LIMIT: Duration = Duration::from_secs(60);

/// What the quorum asks and is asked in: the newest versions.
const SPOKEN: [(ApiKey, i16); 6] = [
    (ApiKey::Fetch, 18),
    (ApiKey::FetchSnapshot, 1),
    (ApiKey::Vote, 2),
    (ApiKey::BeginQuorumEpoch, 1),
    (ApiKey::EndQuorumEpoch, 1),
    (ApiKey::UpdateRaftVoter, 0),
];

fn directory(id: BrokerId) -> Uuid {
    Uuid::from_bytes([u8::try_from(id).unwrap() + 0x40; 16])
}

/// A controller of Kafka, without a broker.
struct Controller {
    lab: Lab,
    dir: PathBuf,
    child: Option<Child>,
}

impl Controller {
    /// One of the voters at these `ports`, with `settings` of its own.
    fn format(lab: &Lab, id: BrokerId, ports: &BTreeMap<BrokerId, u16>, settings: &str) -> Self {
        let name = format!("voters-{}-{id}", ports.len());
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        drop(fs::remove_dir_all(&dir));
        fs::create_dir_all(&dir).expect("target/ can be written");
        let listener = format!("CONTROLLER://127.0.0.1:{}", ports[&id]);
        let bootstrap: Vec<String> = ports
            .values()
            .map(|port| format!("127.0.0.1:{port}"))
            .collect();
        let properties = format!(
            "node.id={id}\nprocess.roles=controller\nlisteners={listener}\n\
             advertised.listeners={listener}\ncontroller.listener.names=CONTROLLER\n\
             listener.security.protocol.map=CONTROLLER:PLAINTEXT\n\
             controller.quorum.bootstrap.servers={}\nlog.dirs={}\n{settings}\n",
            bootstrap.join(","),
            dir.join("data").display()
        );
        let config = dir.join("server.properties");
        fs::write(&config, properties).expect("target/ can be written");
        let voters = ports
            .iter()
            .map(|(id, port)| format!("{id}@127.0.0.1:{port}:{}", directory(*id)));
        let voters = voters.collect::<Vec<_>>().join(",");
        lab.java("kafka.tools.StorageTool", 60)
            .args(["format", "--cluster-id", CLUSTER])
            .args(["--initial-controllers", &voters])
            .args(["--config", &config.display().to_string()])
            .run()
            .succeeded();
        Self {
            lab: lab.clone(),
            dir,
            child: None,
        }
    }

    fn start(&mut self) {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.dir.join("log"));
        let log = log.expect("target/ can be written");
        let mut command = resident(Path::new("java"));
        command.args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
        command.args([&self.lab.logging(), "-cp", &self.lab.class_path()]);
        command
            .arg("kafka.Kafka")
            .arg(self.dir.join("server.properties"));
        let errors = log.try_clone().expect("a file can be opened twice");
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        self.child = Some(spawn(command).expect("java is there"));
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("a child can be killed");
            child.wait().expect("a child can be waited for");
        }
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        self.kill();
        if !thread::panicking() {
            drop(fs::remove_dir_all(&self.dir));
        }
    }
}

/// What reaches the node from outside.
enum Incoming {
    Asked(QuorumRequest, Sender<AnyResponse>),
    Outcome(u64, Option<AnyResponse>),
}

fn read_frame(stream: &mut TcpStream) -> io::Result<Bytes> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut frame = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut frame)?;
    Ok(Bytes::from(frame))
}

fn write_frame(stream: &mut TcpStream, writer: Writer) -> io::Result<()> {
    let frame = writer.into_bytes();
    let length = u32::try_from(frame.len()).expect("frames are small");
    stream.write_all(&length.to_be_bytes())?;
    stream.write_all(&frame)
}

fn ask(outgoing: &QuorumOutgoing) -> io::Result<AnyResponse> {
    let key = outgoing.request.key();
    let (_, version) = SPOKEN.iter().find(|(known, _)| *known == key).unwrap();
    let mut stream = TcpStream::connect((outgoing.to.host.as_str(), outgoing.to.port))?;
    stream.set_read_timeout(Some(outgoing.timeout))?;
    let mut writer = Writer::new();
    encode_request_header(&mut writer, key, *version, 7, Some("tests")).unwrap();
    outgoing.request.encode(&mut writer, *version).unwrap();
    write_frame(&mut stream, writer)?;
    let frame = read_frame(&mut stream)?;
    let (_, mut reader) = decode_response_header(frame, key, *version).unwrap();
    Ok(AnyResponse::decode(key, *version, &mut reader).unwrap())
}

/// Answer whoever connects, for as long as the process lives.
fn serve(listener: TcpListener, node: Sender<Incoming>, started: std::time::Instant) {
    for stream in listener.incoming() {
        let (mut stream, node) = (stream.expect("it is accepted"), node.clone());
        thread::spawn(move || {
            while let Ok(frame) = read_frame(&mut stream) {
                let (key, header, mut reader) = decode_request_header(frame).unwrap();
                let version = header.request_api_version;
                let mut writer = Writer::new();
                let id = header.correlation_id;
                encode_response_header(&mut writer, key, version, id).unwrap();
                let response = if key == ApiKey::ApiVersions {
                    Some(AnyResponse::from(spoken()))
                } else {
                    let request = AnyRequest::decode(key, version, &mut reader).unwrap();
                    let request = QuorumRequest {
                        call: call(request),
                        version,
                        listener: "CONTROLLER".to_owned(),
                        received_at: now(started).instant,
                    };
                    let (answer, answers) = mpsc::channel();
                    drop(node.send(Incoming::Asked(request, answer)));
                    answers.recv().ok()
                };
                let Some(response) = response else {
                    return;
                };
                response.encode(&mut writer, version).unwrap();
                if write_frame(&mut stream, writer).is_err() {
                    return;
                }
            }
        });
    }
}

fn spoken() -> ApiVersionsResponse {
    let versions = SPOKEN.iter().chain([&(ApiKey::ApiVersions, 4)]);
    ApiVersionsResponse {
        api_keys: versions
            .map(|(key, max_version)| ApiVersion {
                api_key: key.code(),
                min_version: 0,
                max_version: *max_version,
                ..ApiVersion::default()
            })
            .collect(),
        ..ApiVersionsResponse::default()
    }
}

fn call(request: AnyRequest) -> QuorumCall {
    match request {
        AnyRequest::Fetch(request) => QuorumCall::Fetch(request),
        AnyRequest::FetchSnapshot(request) => QuorumCall::FetchSnapshot(request),
        AnyRequest::Vote(request) => QuorumCall::Vote(request),
        AnyRequest::BeginQuorumEpoch(request) => QuorumCall::BeginQuorumEpoch(request),
        AnyRequest::EndQuorumEpoch(request) => QuorumCall::EndQuorumEpoch(request),
        other => panic!("nobody said that {other:?} is spoken"),
    }
}

fn now(started: std::time::Instant) -> Now {
    let nanos = u64::try_from(started.elapsed().as_nanos()).unwrap();
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Now {
        instant: Instant::from_nanos(nanos),
        wall_ms: i64::try_from(since_epoch.as_millis()).unwrap(),
    }
}

/// The node of this package.
struct Node {
    quorum: Quorum,
    disk: MemoryDisk,
    outbox: StorageOutbox,
    started: std::time::Instant,
    incoming: Receiver<Incoming>,
    outcomes: Sender<Incoming>,
    askers: BTreeMap<u64, Sender<AnyResponse>>,
    next_token: u64,
    /// The leader, and the epoch that it leads.
    leader: Option<(LeaderEpoch, BrokerId)>,
    leads: bool,
    values: usize,
    /// The snapshot that these began with.
    snapshot: Option<SnapshotId>,
}

impl Node {
    /// A node that listens on `port` and begins with these files of the metadata log.
    fn start(port: u16, membership: Membership, files: &[(&str, Vec<u8>)]) -> Self {
        let owner = |slot| StorageOwner {
            slot,
            incarnation: 0,
        };
        let mut disk = MemoryDisk::default();
        disk.folders.insert(METADATA_FOLDER.to_owned());
        let files = files.iter();
        let files = files.map(|(name, file)| (format!("{METADATA_FOLDER}/{name}"), file.clone()));
        disk.files.extend(files);
        let settings = QuorumSettings {
            node_id: US,
            cluster_id: CLUSTER.into(),
            directory_id: directory(US),
            directory: StoragePath::new(DirectoryIndex(0), ""),
            endpoints: vec![VoterEndpoint {
                listener: "CONTROLLER".to_owned(),
                host: "127.0.0.1".to_owned(),
                port,
            }],
            listener: "CONTROLLER".to_owned(),
            membership,
            files_owner: owner(1),
            log_owner: owner(2),
            is_clean: false,
            segment_bytes: 1 << 30,
            segment_ms: i64::MAX,
            retention_bytes: None,
            retention_ms: None,
        };
        let (outcomes, incoming) = mpsc::channel();
        let started = std::time::Instant::now();
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port was free");
        let node = outcomes.clone();
        thread::spawn(move || serve(listener, node, started));
        let mut outbox = StorageOutbox::default();
        let mut quorum = Quorum::new(settings, Random::from_seed(1));
        quorum.start(&mut outbox);
        Self {
            quorum,
            disk,
            outbox,
            started,
            incoming,
            outcomes,
            askers: BTreeMap::new(),
            next_token: 0,
            leader: None,
            leads: false,
            values: 0,
            snapshot: None,
        }
    }

    /// Work until `is_done`.
    #[track_caller]
    fn until(&mut self, what: &str, is_done: impl Fn(&Self) -> bool) {
        let begun = std::time::Instant::now();
        while !is_done(self) {
            assert!(
                begun.elapsed() < LIMIT,
                "{what} does not come: {:?} leads, high watermark {}",
                self.leader,
                self.quorum.high_watermark()
            );
            self.turn();
        }
    }

    fn turn(&mut self) {
        let now = now(self.started);
        if let Ok(incoming) = self.incoming.recv_timeout(Duration::from_millis(2)) {
            match incoming {
                Incoming::Asked(request, asker) => {
                    self.next_token += 1;
                    self.askers.insert(self.next_token, asker);
                    let token = QuorumToken(self.next_token);
                    self.quorum.on_request(now, token, &request);
                }
                Incoming::Outcome(id, response) => {
                    self.quorum.on_outcome(now, id, response, &mut self.outbox);
                }
            }
        }
        self.quorum.flush(now, &mut self.outbox);
        while let Some((ticket, request)) = self.outbox.next_request() {
            let result = self.disk.perform(request);
            if ticket.owner.slot == 2 {
                self.quorum.on_log_storage(now, ticket.sequence, result);
            } else {
                self.quorum
                    .on_file_storage(now, ticket.sequence, result, &mut self.outbox);
            }
            self.quorum.flush(now, &mut self.outbox);
        }
        while let Some(event) = self.quorum.next_event() {
            self.on_event(now, event);
        }
        while let Some(outgoing) = self.quorum.next_outgoing() {
            let outcomes = self.outcomes.clone();
            thread::spawn(move || {
                let outcome = ask(&outgoing).ok();
                drop(outcomes.send(Incoming::Outcome(outgoing.id, outcome)));
            });
        }
    }

    fn on_event(&mut self, now: Now, event: QuorumEvent) {
        match event {
            QuorumEvent::Loaded => self.quorum.begin(now, &mut self.outbox),
            QuorumEvent::Records(block) => self.values += block.values.len(),
            QuorumEvent::Snapshot { id, contents } => {
                self.snapshot = Some(id);
                self.values = contents.values.len();
            }
            QuorumEvent::Elected { .. } => self.leads = true,
            QuorumEvent::Unseated => self.leads = false,
            QuorumEvent::LeaderChanged { epoch, leader } => {
                self.leader = leader.map(|(id, _)| (epoch, id));
            }
            QuorumEvent::Answer { token, response } => {
                let asker = self.askers.remove(&token.0).expect("it asked");
                drop(asker.send(*response));
            }
            QuorumEvent::Failed(QuorumFailure::Unusable(reason)) => panic!("{reason}"),
            QuorumEvent::Failed(failure) => panic!("{failure:?}"),
            QuorumEvent::Committed { .. }
            | QuorumEvent::SnapshotWritten { .. }
            | QuorumEvent::SnapshotLacksSpace(_)
            | QuorumEvent::Closed => {}
        }
    }

    /// True if somebody leads an epoch that is later than `before`, and something of it is
    /// committed here.
    fn is_led_after(&self, before: LeaderEpoch) -> bool {
        let is_later = self.leader.is_some_and(|(epoch, _)| epoch > before);
        is_later && (self.leads || self.leader.is_some_and(|(_, id)| id != US))
    }
}

#[test]
fn a_node_votes_follows_and_leads_among_controllers_of_kafka() {
    let lab = needs!(Java);
    let ports: BTreeMap<BrokerId, u16> = [1, 2, US].map(|id| (id, free_port())).into();
    let mut kafkas: BTreeMap<BrokerId, Controller> = [1, 2]
        .map(|id| (id, Controller::format(&lab, id, &ports, "")))
        .into();
    let formatted = kafkas[&1].dir.join("data").join(METADATA_FOLDER);
    let formatted = fs::read(formatted.join(FORMATTED)).expect("it was formatted");
    kafkas.values_mut().for_each(Controller::start);
    let mut node = Node::start(ports[&US], Membership::default(), &[(FORMATTED, formatted)]);
    node.until("the first leader", |node| node.is_led_after(0));
    if !node.leads {
        // The controller of Kafka begins with the features of the cluster.
        node.until("what is committed", |node| node.values > 0);
    }

    // Each that leads goes, and comes again when another does: all of them have led at some time,
    // or at least this node, by whose vote the others were elected.
    let mut has_led = node.leads;
    let mut others = 0;
    for _ in 0..12 {
        let (epoch, leader) = node.leader.expect("somebody leads");
        if let Some(kafka) = kafkas.get_mut(&leader) {
            others += 1;
            kafka.kill();
            node.until("another leader", |node| node.is_led_after(epoch));
            kafkas.get_mut(&leader).expect("it was there").start();
        } else {
            has_led = true;
            if others > 0 {
                break;
            }
            let hushed = std::time::Instant::now();
            // It says nothing for a while, and nobody waits for it.
            while hushed.elapsed() < Duration::from_secs(6) {
                thread::sleep(Duration::from_millis(100));
            }
            node.until("another leader", |node| node.is_led_after(epoch));
        }
        assert!(node.quorum.high_watermark() > 0);
    }
    assert!(others > 0, "no controller of Kafka has led");
    assert!(has_led, "this node has never led");
}

/// Kafka looks once a minute for snapshots, and parts of the log, that are too old.
const CLEANING_LIMIT: Duration = Duration::from_secs(120);

#[test]
fn an_observer_takes_the_snapshot_of_a_controller_of_kafka_and_follows_it() {
    let lab = needs!(Java);
    let ports: BTreeMap<BrokerId, u16> = [(1, free_port())].into();
    let settings = "metadata.log.max.snapshot.interval.ms=2000\nmetadata.max.retention.ms=1000";
    let mut kafka = Controller::format(&lab, 1, &ports, settings);
    kafka.start();
    let folder = kafka.dir.join("data").join(METADATA_FOLDER);
    let begun = std::time::Instant::now();
    while folder.join(FORMATTED).exists() {
        assert!(begun.elapsed() < CLEANING_LIMIT, "its log keeps its start");
        thread::sleep(Duration::from_millis(500));
    }
    let observer = Membership {
        votes: false,
        bootstrap: vec![NodeAddress {
            host: "127.0.0.1".to_owned(),
            port: ports[&1],
        }],
        ..Membership::default()
    };
    let mut node = Node::start(free_port(), observer, &[]);
    node.until("a snapshot", |node| node.snapshot.is_some());
    let id = node.snapshot.unwrap();
    assert!(id.end_offset > 0 && node.values > 0);
    // Kafka commits a record of its idleness twice a second.
    node.until("what comes behind it", |node| {
        node.quorum.high_watermark() > id.end_offset + 2
    });
    let file = fs::read(folder.join(id.file_name()));
    if let Ok(file) = file {
        let name = format!("{METADATA_FOLDER}/{id}");
        assert_eq!(node.disk.files[&name], file);
    }
}
