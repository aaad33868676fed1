//! Clusters of three brokers of either kind, with the settings that they are shipped with and those
//! that a bench adds.
#![allow(dead_code, reason = "each bench uses its own part of it")]

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use forebay::protocol::messages::{
    CreateTopicsRequest, CreateTopicsResponse, DescribeQuorumRequest, DescribeQuorumResponse,
    ElectLeadersRequest, ElectLeadersResponse, MetadataRequest, MetadataResponse,
    create_topics_request, describe_quorum_request, metadata_request,
};
use forebay::protocol::{Message, Request, Writer, decode_response_header, encode_request_header};

use crate::brokers::{JVM, Kind};
use crate::load::server::{
    Target, cpu_seconds, free_address, make_empty, status_bytes, written_bytes,
};
use crate::support::Lab;

/// The topic under load.
pub const TOPIC: &str = "load";
/// Two for each broker: each leads those that follow each other.
pub const PARTITIONS: i32 = 6;

const CLUSTER_ID: &str = "Rm9yZWJheVRlc3RzTGFiMQ";

/// Where a cluster has not come by then, it never will.
const LIMIT: Duration = Duration::from_secs(120);

/// Which processes there are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Shape {
    /// Three controllers, and three brokers.
    Apart,
    /// Three nodes that are both.
    Combined,
}

/// A process of the cluster.
pub struct Node {
    pub id: i32,
    pub is_broker: bool,
    address: SocketAddr,
    folder: PathBuf,
    command: Vec<String>,
    process: Option<Child>,
}

impl Node {
    /// The memory that it holds now, in bytes; `None` if it does not run.
    pub fn resident_bytes(&self) -> Option<f64> {
        let id = self.process.as_ref()?.id();
        let text = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kibibytes: f64 = line.trim_end_matches("kB").trim().parse().ok()?;
        Some(kibibytes * 1024.0)
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("it runs");
        process.kill().expect("it can be killed");
        process.wait().expect("it ends");
    }

    /// Ends it as an operator would.
    pub fn stop(&mut self) {
        self.signal("-TERM");
        let mut process = self.process.take().expect("it runs");
        process.wait().expect("it ends");
    }

    pub fn signal(&self, signal: &str) {
        let process = self.process.as_ref().expect("it runs");
        let id = process.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status();
        assert!(sent.expect("kill is there").success(), "it runs");
    }

    pub fn start(&mut self) {
        let mut options = File::options();
        let log = options.create(true).append(true);
        let log = log.open(self.folder.join("log")).expect("a log");
        let errors = log.try_clone().expect("a file can be opened twice");
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).stdin(Stdio::null());
        let process = command.stdout(log).stderr(errors).spawn();
        self.process = Some(process.expect("it starts"));
    }
}

/// The nodes, the controllers first where they are apart.
pub struct Cluster {
    pub nodes: Vec<Node>,
    folder: PathBuf,
}

impl Cluster {
    /// A new cluster in `folder` with `settings`, whose topic is there.
    pub fn start(
        kind: Kind,
        shape: Shape,
        lab: &Lab,
        folder: &Path,
        settings: &[(&str, &str)],
    ) -> Self {
        let cluster = Self::start_empty((kind, shape), lab, folder, settings);
        cluster.create_topic();
        cluster
    }

    /// A new cluster in `folder` with `settings`, without topics.
    pub fn start_empty(
        (kind, shape): (Kind, Shape),
        lab: &Lab,
        folder: &Path,
        settings: &[(&str, &str)],
    ) -> Self {
        make_empty(folder);
        let roles: &[(i32, &str)] = match shape {
            Shape::Apart => &[
                (11, "controller"),
                (12, "controller"),
                (13, "controller"),
                (1, "broker"),
                (2, "broker"),
                (3, "broker"),
            ],
            Shape::Combined => &[
                (1, "broker,controller"),
                (2, "broker,controller"),
                (3, "broker,controller"),
            ],
        };
        let placed: Vec<_> = roles
            .iter()
            .map(|(id, roles)| (*id, *roles, free_address(), free_address()))
            .collect();
        let voters = placed.iter().filter(|one| one.1.contains("controller"));
        let voters = voters.map(|(id, _, _, controller)| format!("{id}@{controller}"));
        let voters = voters.collect::<Vec<_>>().join(",");
        let nodes = placed.iter().map(|(id, roles, address, controller)| {
            let folder = folder.join(id.to_string());
            make_empty(&folder);
            let at = (*address, *controller);
            write_properties(&folder, (*id, roles), at, &voters, settings);
            format(kind, lab, &folder);
            let is_broker = roles.contains("broker");
            Node {
                id: *id,
                is_broker,
                address: if is_broker { *address } else { *controller },
                command: command(kind, lab, &folder),
                folder,
                process: None,
            }
        });
        let mut cluster = Self {
            nodes: nodes.collect(),
            folder: folder.to_owned(),
        };
        cluster.nodes.iter_mut().for_each(Node::start);
        cluster
    }

    /// `bootstrap.servers`
    pub fn servers(&self) -> String {
        let brokers = self.nodes.iter().filter(|node| node.is_broker);
        let addresses = brokers.map(|node| node.address.to_string());
        addresses.collect::<Vec<_>>().join(",")
    }

    /// What the brokers have had the kernel write to the device so far, in bytes.
    pub fn written_bytes(&self) -> u64 {
        self.running().map(written_bytes).sum()
    }

    /// The memory that the brokers hold now, in bytes.
    pub fn resident_bytes(&self) -> f64 {
        self.running().map(|id| status_bytes(id, "VmRSS:")).sum()
    }

    /// The ids of the processes.
    fn running(&self) -> impl Iterator<Item = u32> {
        let running = self.nodes.iter().filter_map(|node| node.process.as_ref());
        running.map(Child::id)
    }

    pub fn node(&mut self, id: i32) -> &mut Node {
        let found = self.nodes.iter_mut().find(|node| node.id == id);
        found.expect("a node has this number")
    }

    /// Who leads the first partition of the topic.
    pub fn leader(&self) -> i32 {
        let partitions = self.await_some("a leader", || self.partitions());
        partitions[0].0
    }

    /// Who leads the metadata quorum.
    pub fn controller(&self) -> i32 {
        self.await_some("a controller", || self.told_controller())
    }

    /// Who leads the metadata quorum, if a broker knows.
    pub fn told_controller(&self) -> Option<i32> {
        let topic = describe_quorum_request::TopicData {
            topic_name: "__cluster_metadata".to_owned(),
            partitions: vec![describe_quorum_request::PartitionData::default()],
            ..Default::default()
        };
        let request = DescribeQuorumRequest {
            topics: vec![topic],
            ..Default::default()
        };
        let response: DescribeQuorumResponse = self.ask(&request, 2)?;
        let partition = response.topics.first()?.partitions.first()?;
        Some(partition.leader_id).filter(|id| *id >= 0)
    }

    /// Waits until every replica of every partition is in sync, and has a leader.
    pub fn await_whole(&self) {
        self.await_some("every replica in sync", || {
            let partitions = self.partitions()?;
            let is_whole = |(leader, in_sync): &(i32, usize)| *leader >= 0 && *in_sync == 3;
            partitions.iter().all(is_whole).then_some(())
        });
    }

    /// Has the first replica of each partition lead it.
    pub fn elect_preferred(&self) {
        let request = ElectLeadersRequest {
            timeout_ms: 30_000,
            ..Default::default()
        };
        let response: Option<ElectLeadersResponse> = self.ask(&request, 2);
        assert!(response.is_some_and(|response| response.error_code == 0));
    }

    /// The leader of each partition, and how many are in sync.
    fn partitions(&self) -> Option<Vec<(i32, usize)>> {
        let topic = metadata_request::MetadataRequestTopic {
            name: Some(TOPIC.to_owned()),
            ..Default::default()
        };
        let request = MetadataRequest {
            topics: Some(vec![topic]),
            ..Default::default()
        };
        let response: MetadataResponse = self.ask(&request, 4)?;
        let mut partitions = response.topics.into_iter().next()?.partitions;
        partitions.sort_by_key(|partition| partition.partition_index);
        let told = partitions.iter();
        let told: Vec<_> = told
            .map(|partition| (partition.leader_id, partition.isr_nodes.len()))
            .collect();
        (told.len() == PARTITIONS as usize).then_some(told)
    }

    fn create_topic(&self) {
        let placed = (0..PARTITIONS).map(|partition| {
            let brokers = (0..3).map(|turn| (partition / 2 + turn) % 3 + 1);
            create_topics_request::CreatableReplicaAssignment {
                partition_index: partition,
                broker_ids: brokers.collect(),
                ..Default::default()
            }
        });
        let topic = create_topics_request::CreatableTopic {
            name: TOPIC.to_owned(),
            num_partitions: -1,
            replication_factor: -1,
            assignments: placed.collect(),
            ..Default::default()
        };
        let request = CreateTopicsRequest {
            timeout_ms: 30_000,
            topics: vec![topic],
            ..Default::default()
        };
        self.await_some("the topic", || {
            let response: CreateTopicsResponse = self.ask(&request, 4)?;
            // It may have come into being though its answer did not come.
            [0, 36]
                .contains(&response.topics.first()?.error_code)
                .then_some(())
        });
        self.await_whole();
    }

    pub fn await_some<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(
                started.elapsed() < LIMIT,
                "no sign of {what}: see the logs in {}",
                self.folder.display()
            );
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// The answer of a broker; `None` if none answers.
    pub fn ask<Q: Request, R: Message>(&self, request: &Q, version: i16) -> Option<R> {
        let brokers = self.nodes.iter().filter(|node| node.is_broker);
        let mut running = brokers.filter(|node| node.process.is_some());
        running.find_map(|node| ask(node.address, request, version))
    }
}

impl Target for Cluster {
    /// The n-th connection is to the broker that leads the n-th pair of partitions.
    fn address(&self, connection: usize) -> SocketAddr {
        let mut brokers = self.nodes.iter().filter(|node| node.is_broker);
        let found = brokers.nth(connection % 3);
        found.expect("there are three brokers").address
    }

    fn cpu_seconds(&self) -> f64 {
        self.running().map(cpu_seconds).sum()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            if node.process.is_some() {
                node.kill();
            }
        }
        if !thread::panicking() {
            drop(std::fs::remove_dir_all(&self.folder));
        }
    }
}

fn ask<Q: Request, R: Message>(address: SocketAddr, request: &Q, version: i16) -> Option<R> {
    let patience = Duration::from_secs(5);
    let mut stream = TcpStream::connect_timeout(&address, patience).ok()?;
    stream.set_read_timeout(Some(patience)).ok()?;
    let mut writer = Writer::new();
    writer.start_frame();
    encode_request_header(&mut writer, Q::KEY, version, 0, Some("bench")).ok()?;
    request.encode(&mut writer, version).ok()?;
    writer.finish_frame().ok()?;
    stream.write_all(&writer.into_bytes()).ok()?;
    let mut prefix = [0; 4];
    stream.read_exact(&mut prefix).ok()?;
    let mut answer = vec![0; u32::from_be_bytes(prefix) as usize];
    stream.read_exact(&mut answer).ok()?;
    let (_, mut reader) = decode_response_header(Bytes::from(answer), Q::KEY, version).ok()?;
    R::decode(&mut reader, version).ok()
}

fn write_properties(
    folder: &Path,
    (id, roles): (i32, &str),
    (address, controller): (SocketAddr, SocketAddr),
    voters: &str,
    settings: &[(&str, &str)],
) {
    let both = format!("PLAINTEXT://{address},CONTROLLER://{controller}");
    let (listeners, advertised) = match roles {
        "broker" => (
            format!("PLAINTEXT://{address}"),
            format!("PLAINTEXT://{address}"),
        ),
        "controller" => {
            let only = format!("CONTROLLER://{controller}");
            (only.clone(), only)
        }
        _ => (both.clone(), both),
    };
    let mut text = format!(
        "process.roles={roles}\nnode.id={id}\ncontroller.quorum.voters={voters}\n\
         listeners={listeners}\nadvertised.listeners={advertised}\n\
         controller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\n\
         log.dirs={}\n",
        folder.join("data").display()
    );
    for (key, value) in settings {
        text.push_str(&format!("{key}={value}\n"));
    }
    std::fs::write(folder.join("server.properties"), text).expect("the folder can be written");
}

fn format(kind: Kind, lab: &Lab, folder: &Path) {
    let properties = folder.join("server.properties").display().to_string();
    let args = [
        "format",
        "--cluster-id",
        CLUSTER_ID,
        "--config",
        &properties,
    ];
    match kind {
        Kind::Kafka => {
            let tool = lab.java("kafka.tools.StorageTool", 60);
            tool.args(args).run().succeeded();
        }
        Kind::Forebay => {
            let mut program = Command::new(env!("CARGO_BIN_EXE_forebay"));
            let formatted = program.args(args).stdout(Stdio::null()).status();
            assert!(formatted.expect("it starts").success(), "it is formatted");
        }
    }
}

fn command(kind: Kind, lab: &Lab, folder: &Path) -> Vec<String> {
    let properties = folder.join("server.properties").display().to_string();
    match kind {
        Kind::Forebay => {
            let program = env!("CARGO_BIN_EXE_forebay");
            [program, "serve", "--config", &properties]
                .map(str::to_owned)
                .to_vec()
        }
        Kind::Kafka => {
            let mut command = vec!["java".to_owned()];
            command.extend(JVM.map(str::to_owned));
            command.extend([lab.logging(), "-cp".to_owned(), lab.class_path()]);
            command.extend(["kafka.Kafka".to_owned(), properties]);
            command
        }
    }
}
