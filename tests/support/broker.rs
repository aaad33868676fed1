//! A broker of either kind as a child process, on a free port, with its own directory.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::Lab;
use super::process::{Program, resident, spawn};
use super::wire::{Connection, frame};

/// Whose broker.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Apache Kafka, the judge.
    Kafka,
    /// The binary of this package.
    Forebay,
}

impl Kind {
    /// Both, the judge first.
    pub const BOTH: [Self; 2] = [Self::Kafka, Self::Forebay];
}

/// A running (or stopped) broker of one node. Its data stays when it is stopped or killed, and
/// goes with the handle unless the test failed.
pub struct Broker {
    pub kind: Kind,
    pub port: u16,
    /// The port of the controller's listener.
    pub controller: u16,
    /// The address of its listeners, as a URL has it.
    host: &'static str,
    dir: PathBuf,
    lab: Lab,
    child: Option<Child>,
}

/// What Kafka's `config/server.properties` sets, with one broker's worth of internal topics. A
/// classic group starts at once: no test waits for members that never come.
const SHIPPED: &str = "\
node.id=1
process.roles=broker,controller
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECOND:PLAINTEXT
controller.listener.names=CONTROLLER
num.partitions=1
offsets.topic.replication.factor=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
";

/// The cluster of nodes that begin together.
const CLUSTER: &str = "Rm9yZWJheVRlc3RzTGFiMQ";

/// Without eligible leader replicas (KIP-966), as a cluster of Forebay begins: with them Kafka sets
/// `min.insync.replicas` for the cluster and counts it otherwise.
const NO_ELIGIBLE_REPLICAS: &str = "eligible.leader.replicas.version=0";

/// What a cluster of Apache Kafka begins with so that nodes of Forebay can be in it.
const OF_FOREBAY: [&str; 5] = [
    NO_ELIGIBLE_REPLICAS,
    "transaction.version=0",
    "group.version=0",
    "share.version=0",
    "streams.version=0",
];

const LOOPBACK: &str = "127.0.0.1";

/// How long a broker may take until it answers.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

impl Broker {
    /// Starts a broker on an empty directory with `settings` beside the shipped ones, and returns
    /// when it answers.
    ///
    /// With `FOREBAY_TESTS_JUDGE_ALONE` set, a second Kafka stands in Forebay's place: what a test
    /// then finds different is its own noise.
    #[track_caller]
    pub fn start(lab: &Lab, kind: Kind, settings: &[(&str, &str)]) -> Self {
        Self::start_on(lab, kind, free_port(), settings)
    }

    /// The same on a `port` that the settings name too.
    #[track_caller]
    pub fn start_on(lab: &Lab, kind: Kind, port: u16, settings: &[(&str, &str)]) -> Self {
        let mut broker = Self::of_settings(lab, kind, port, settings);
        match broker.kind {
            Kind::Kafka => broker.format_storage(&[NO_ELIGIBLE_REPLICAS]),
            Kind::Forebay => broker.format(CLUSTER),
        }
        broker.resume();
        broker
    }

    /// A controller of Forebay without a broker, which nobody asks but brokers.
    #[track_caller]
    pub fn controller_alone(lab: &Lab) -> Self {
        let mut controller = Self::of_settings(lab, Kind::Forebay, free_port(), &[]);
        controller.be_no_broker();
        controller.format(CLUSTER);
        controller.launch();
        let started = Instant::now();
        while !controller
            .data()
            .join("__cluster_metadata-0/quorum-state")
            .exists()
        {
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "it does not start"
            );
            thread::sleep(Duration::from_millis(20));
        }
        controller
    }

    /// Three controllers of Forebay that vote, and are no brokers.
    #[track_caller]
    pub fn three_controllers(lab: &Lab) -> [Self; 3] {
        let mut controllers =
            [(); 3].map(|()| Self::of_settings(lab, Kind::Forebay, free_port(), &[]));
        let voters = Self::voters(&controllers);
        for (controller, id) in controllers.iter_mut().zip(1..) {
            controller.be_no_broker();
            controller.set(&[
                ("node.id", &id.to_string()),
                ("controller.quorum.voters", &voters),
                ("controller.quorum.bootstrap.servers", ""),
            ]);
            controller.format(CLUSTER);
            controller.launch();
        }
        controllers
    }

    /// Three nodes that are brokers and vote, of these kinds, in a cluster whose features Forebay
    /// has; returns when all of them answer.
    #[track_caller]
    pub fn three_combined(lab: &Lab, kinds: [Kind; 3], settings: &[(&str, &str)]) -> [Self; 3] {
        Self::three_combined_on(lab, LOOPBACK, kinds, settings)
    }

    /// The same with all listeners at one address of this machine, as a URL has it.
    #[track_caller]
    pub fn three_combined_on(
        lab: &Lab,
        host: &'static str,
        kinds: [Kind; 3],
        settings: &[(&str, &str)],
    ) -> [Self; 3] {
        let mut nodes = kinds.map(|kind| {
            let mut node = Self::of_settings(lab, kind, free_port(), &[]);
            node.host = host;
            node.write_properties(settings);
            node
        });
        let voters = Self::voters(&nodes);
        for (node, id) in nodes.iter_mut().zip(1..) {
            node.set(&[
                ("node.id", &id.to_string()),
                ("controller.quorum.voters", &voters),
                ("controller.quorum.bootstrap.servers", ""),
                ("offsets.topic.replication.factor", "3"),
            ]);
            let features = OF_FOREBAY.iter().filter(|_| node.kind == Kind::Kafka);
            let features: Vec<&str> = features.flat_map(|one| ["--feature", one]).collect();
            node.format_with(CLUSTER, &features);
            node.launch();
        }
        nodes
            .iter_mut()
            .for_each(|node| node.await_answer(STARTS_WITHIN));
        nodes
    }

    /// Controllers of these kinds that are no brokers and find each other, counted from one on.
    /// Their directories are not formatted.
    #[track_caller]
    pub fn unformatted_controllers(lab: &Lab, kinds: &[Kind]) -> Vec<Self> {
        let controllers = Self::unformatted_combined(lab, kinds);
        controllers.iter().for_each(Self::be_no_broker);
        controllers
    }

    /// The same of nodes that are brokers, too.
    #[track_caller]
    pub fn unformatted_combined(lab: &Lab, kinds: &[Kind]) -> Vec<Self> {
        let of_kind = |kind: &Kind| Self::of_settings(lab, *kind, free_port(), &[]);
        let nodes: Vec<Self> = kinds.iter().map(of_kind).collect();
        let servers = nodes
            .iter()
            .map(|one| format!("127.0.0.1:{}", one.controller));
        let servers = servers.collect::<Vec<_>>().join(",");
        for (node, id) in nodes.iter().zip(1..) {
            node.set(&[
                ("node.id", &id.to_string()),
                ("controller.quorum.bootstrap.servers", &servers),
            ]);
        }
        nodes
    }

    /// `forebay random-uuid`
    #[track_caller]
    pub fn random_uuid() -> String {
        let drawn = Program::new(env!("CARGO_BIN_EXE_forebay"), 60).args(["random-uuid"]);
        drawn.run().succeeded().stdout.trim().to_owned()
    }

    fn be_no_broker(&self) {
        let listeners = format!("CONTROLLER://127.0.0.1:{}", self.controller);
        self.set(&[
            ("process.roles", "controller"),
            ("listeners", &listeners),
            ("advertised.listeners", &listeners),
        ]);
    }

    /// Makes the directories of a node those of a cluster, with the tool of its kind.
    #[track_caller]
    pub fn format(&self, cluster_id: &str) {
        self.format_with(cluster_id, &[]);
    }

    /// Makes the directories of a controller those of a cluster with the features that Forebay has,
    /// whose quorum begins as `how` says: an argument that the tools of both kinds know.
    #[track_caller]
    pub fn format_quorum(&self, how: &[&str]) {
        let begins = self.kind == Kind::Kafka && how == ["--standalone"];
        let features = OF_FOREBAY.iter().filter(|_| begins);
        let features = features.flat_map(|one| ["--feature", one]);
        let args: Vec<&str> = how.iter().copied().chain(features).collect();
        self.format_with(CLUSTER, &args);
    }

    #[track_caller]
    fn format_with(&self, cluster_id: &str, more: &[&str]) {
        let format = match self.kind {
            Kind::Kafka => self.lab.java("kafka.tools.StorageTool", 60),
            Kind::Forebay => Program::new(env!("CARGO_BIN_EXE_forebay"), 60),
        };
        let config = self.properties().display().to_string();
        let args = ["format", "--cluster-id", cluster_id, "--config", &config];
        format.args(args).args(more).run().succeeded();
    }

    /// `controller.quorum.voters` of these controllers, which are counted from one on.
    pub fn voters(controllers: &[Self]) -> String {
        let voters = controllers.iter().zip(1..);
        let voters = voters.map(|(one, id)| format!("{id}@{}:{}", one.host, one.controller));
        voters.collect::<Vec<_>>().join(",")
    }

    /// A broker that has its settings and an empty directory.
    fn of_settings(lab: &Lab, kind: Kind, port: u16, settings: &[(&str, &str)]) -> Self {
        let alone = std::env::var_os("FOREBAY_TESTS_JUDGE_ALONE").is_some();
        let kind = if alone { Kind::Kafka } else { kind };
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{kind:?}-{number}", env!("CARGO_CRATE_NAME")).to_lowercase();
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        drop(fs::remove_dir_all(&dir));
        fs::create_dir_all(&dir).expect("target/ can be written");
        let broker = Self {
            kind,
            port,
            controller: free_port(),
            host: LOOPBACK,
            dir,
            lab: lab.clone(),
            child: None,
        };
        broker.write_properties(settings);
        broker
    }

    /// A node of Apache Kafka whose cluster begins with what Forebay has of features, so that a
    /// broker of Forebay can join it.
    #[track_caller]
    pub fn start_for_forebay(lab: &Lab, settings: &[(&str, &str)]) -> Self {
        let mut broker = Self::of_settings(lab, Kind::Kafka, free_port(), settings);
        broker.format_storage(&OF_FOREBAY);
        broker.resume();
        broker
    }

    /// A broker of `kind` without a controller, which joins the controller of `other`; returns when
    /// it answers.
    #[track_caller]
    pub fn joining(other: &Self, kind: Kind, node_id: u32) -> Self {
        let mut broker = Self::prepared_to_join(other, kind, node_id);
        broker.resume();
        broker
    }

    /// The same before it is started.
    #[track_caller]
    pub fn prepared_to_join(other: &Self, kind: Kind, node_id: u32) -> Self {
        let dir = other.dir.with_extension(format!("joining-{node_id}"));
        drop(fs::remove_dir_all(&dir));
        fs::create_dir_all(&dir).expect("target/ can be written");
        let broker = Self {
            kind,
            port: free_port(),
            controller: other.controller,
            host: other.host,
            dir,
            lab: other.lab.clone(),
            child: None,
        };
        let listeners = format!("PLAINTEXT://127.0.0.1:{}", broker.port);
        broker.write_properties(&[
            ("node.id", &node_id.to_string()),
            ("process.roles", "broker"),
            ("listeners", &listeners),
            ("advertised.listeners", &listeners),
        ]);
        let properties = fs::read_to_string(other.data().join("meta.properties"));
        let properties = properties.expect("the other node has data");
        let mut lines = properties.lines();
        let id = lines.find_map(|line| line.strip_prefix("cluster.id="));
        broker.format(id.expect("it has a cluster"));
        broker
    }

    /// A stopped broker of `kind` on a copy of a stopped broker's data.
    #[track_caller]
    pub fn on_copy_of(other: &Self, kind: Kind) -> Self {
        assert!(
            other.child.is_none(),
            "a copy of a running broker's data proves nothing"
        );
        let dir = other.dir.with_extension(format!("{kind:?}").to_lowercase());
        drop(fs::remove_dir_all(&dir));
        fs::create_dir_all(&dir).expect("target/ can be written");
        let broker = Self {
            kind,
            port: free_port(),
            controller: free_port(),
            host: other.host,
            dir,
            lab: other.lab.clone(),
            child: None,
        };
        broker.write_properties(&[]);
        let (from, to) = (
            other.data().display().to_string(),
            broker.data().display().to_string(),
        );
        Program::new("cp", 120)
            .args(["-a", &from, &to])
            .run()
            .succeeded();
        broker
    }

    /// The next start of the stopped broker is one of `kind`, on the same data.
    pub fn hand_to(&mut self, kind: Kind) {
        assert!(self.child.is_none(), "the broker still runs");
        self.kind = kind;
    }

    /// Starts a stopped or killed broker again on its data, and returns when it answers.
    #[track_caller]
    pub fn resume(&mut self) {
        self.launch();
        self.await_answer(STARTS_WITHIN);
    }

    /// The same without waiting.
    #[track_caller]
    pub fn launch(&mut self) {
        assert!(self.child.is_none(), "the broker already runs");
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_file());
        let log = log.expect("target/ can be written");
        let errors = log.try_clone().expect("a file can be opened twice");
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        self.child = Some(spawn(command).expect("the broker's program can be started"));
    }

    /// Starts a broker that cannot be, and returns its log when it has ended by itself.
    #[track_caller]
    pub fn fails_to_start(&mut self) -> String {
        self.launch();
        let started = Instant::now();
        while self.runs() {
            assert!(started.elapsed() < Duration::from_secs(60), "it runs on");
            thread::sleep(Duration::from_millis(20));
        }
        self.child = None;
        self.log()
    }

    /// Stops the broker by SIGTERM; the time until it was gone.
    #[track_caller]
    pub fn stop(&mut self) -> Duration {
        let mut child = self.child.take().expect("the broker runs");
        let started = Instant::now();
        let pid = child.id().to_string();
        Program::new("kill", 5)
            .args(["-TERM", &pid])
            .run()
            .succeeded();
        let limit = Duration::from_secs(60);
        while child
            .try_wait()
            .expect("a child can be waited for")
            .is_none()
        {
            if started.elapsed() > limit {
                drop((child.kill(), child.wait()));
                panic!(
                    "the broker did not stop within {limit:?}\n{}",
                    self.last_log()
                );
            }
            thread::sleep(Duration::from_millis(5));
        }
        started.elapsed()
    }

    /// Stops the broker and starts it on its data with other settings beside those it had.
    #[track_caller]
    pub fn restart_with(&mut self, settings: &[(&str, &str)]) {
        self.stop();
        self.set(settings);
        self.resume();
    }

    /// The next start is one with these settings beside those that the broker had.
    pub fn set(&self, settings: &[(&str, &str)]) {
        let mut text = fs::read_to_string(self.properties()).expect("it was written at the start");
        // A later line wins.
        for (key, value) in settings {
            text.push_str(&format!("{key}={value}\n"));
        }
        fs::write(self.properties(), text).expect("target/ can be written");
    }

    /// Ends the broker by SIGKILL, as a power cut of its process.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("a child can be killed");
            child.wait().expect("a child can be waited for");
        }
    }

    /// True until the process ended by itself or by us.
    pub fn runs(&mut self) -> bool {
        self.child
            .as_mut()
            .is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// The process id of the running broker.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("the broker runs").id()
    }

    /// `host:port` for clients.
    pub fn bootstrap(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// A new connection of the wire client.
    #[track_caller]
    pub fn connect(&self) -> Connection {
        Connection::open(&self.lab, self.port).expect("the broker accepts connections")
    }

    /// A new connection of the wire client from an address of this machine to one of the broker's
    /// ports.
    #[track_caller]
    pub fn connect_from(&self, host: &str, port: u16) -> Connection {
        Connection::open_from(&self.lab, host, port).expect("the broker accepts connections")
    }

    /// The log directory (`log.dirs`).
    pub fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// Everything that the broker printed so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Kafka's console tool `class` against this broker.
    pub fn tool(&self, class: &str, args: &[&str]) -> Program {
        let server = ["--bootstrap-server".to_owned(), self.bootstrap()];
        self.lab.java(class, 120).args(server).args(args)
    }

    /// The same of a tool that is told in its own way where the broker is.
    pub fn tool_alone(&self, class: &str, args: &[&str]) -> Program {
        self.lab.java(class, 120).args(args)
    }

    /// The same where the tool's command stands before its options.
    pub fn tool_first(&self, class: &str, command: &str, args: &[&str]) -> Program {
        let bootstrap = self.bootstrap();
        let server = [command, "--bootstrap-server", &bootstrap];
        self.lab.java(class, 120).args(server).args(args)
    }

    /// Kafka's console tool `class` against this controller.
    pub fn controller_tool(&self, class: &str, args: &[&str]) -> Program {
        let server = format!("127.0.0.1:{}", self.controller);
        let server = ["--bootstrap-controller", &server];
        self.lab.java(class, 120).args(server).args(args)
    }

    fn command(&self) -> Command {
        let properties = self.properties();
        if self.kind == Kind::Forebay {
            let mut command = resident(Path::new(env!("CARGO_BIN_EXE_forebay")));
            command.args(["serve", "--config"]).arg(properties);
            return command;
        }
        let mut command = resident(Path::new("java"));
        command.args([
            "-Xms512m",
            "-Xmx512m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
        ]);
        command.args([
            &self.lab.logging(),
            "-cp",
            &self.lab.class_path(),
            "kafka.Kafka",
        ]);
        command.arg(properties);
        command
    }

    /// The file of its settings.
    pub fn properties(&self) -> PathBuf {
        self.dir.join("server.properties")
    }

    fn log_file(&self) -> PathBuf {
        self.dir.join("log")
    }

    fn write_properties(&self, settings: &[(&str, &str)]) {
        let (host, port, controller) = (self.host, self.port, self.controller);
        let mut text = SHIPPED.to_owned();
        let listeners = format!("PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}");
        for (key, value) in [
            ("listeners", listeners.as_str()),
            ("advertised.listeners", listeners.as_str()),
            (
                "controller.quorum.bootstrap.servers",
                &format!("{host}:{controller}"),
            ),
            ("log.dirs", &self.data().display().to_string()),
        ] {
            text.push_str(&format!("{key}={value}\n"));
        }
        // A later line wins, so a test may replace any of them.
        for (key, value) in settings {
            text.push_str(&format!("{key}={value}\n"));
        }
        fs::write(self.properties(), text).expect("target/ can be written");
    }

    fn format_storage(&self, features: &[&str]) {
        let properties = self.properties().display().to_string();
        self.lab
            .java("kafka.tools.StorageTool", 60)
            .args(["format", "--standalone", "--cluster-id", CLUSTER])
            .args(features.iter().flat_map(|feature| ["--feature", feature]))
            .args(["--config", &properties])
            .run()
            .succeeded();
    }

    fn await_answer(&mut self, limit: Duration) {
        let started = Instant::now();
        while let Err(cause) = self.answers() {
            if !self.runs() || started.elapsed() > limit {
                panic!(
                    "{:?} does not answer ({cause})\n{}",
                    self.kind,
                    self.last_log()
                );
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ready is what a client needs: the broker lists itself. Asked in bytes (Metadata of no topic
    /// in version 1), so that a broker starts without Kafka's definitions too.
    fn answers(&self) -> io::Result<()> {
        let mut stream = TcpStream::connect(self.bootstrap())?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mut request = frame(3, 1, 1, false);
        request.extend([0; 4]);
        stream.write_all(&(request.len() as u32).to_be_bytes())?;
        stream.write_all(&request)?;
        // The length, the correlation id, the number of brokers.
        let mut answer = [0; 12];
        stream.read_exact(&mut answer)?;
        if answer[8..] != [0, 0, 0, 0] {
            return Ok(());
        }
        Err(io::Error::other("it lists no broker yet"))
    }

    fn last_log(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            let line = format!("the broker's directory is kept: {}\n", self.dir.display());
            drop(io::stderr().write_all(line.as_bytes()));
        } else {
            drop(fs::remove_dir_all(&self.dir));
        }
    }
}

/// Ports that the kernel gives to no connection by itself (`ip_local_port_range` begins behind
/// them): what is free of them is so until a broker takes it.
const PORTS: std::ops::Range<u16> = 10_000..32_000;

/// A port that nobody listens on, another one each time.
pub fn free_port() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    // Programs that run at the same time begin at different places.
    let first = std::process::id().wrapping_mul(997);
    let count = u32::from(PORTS.end - PORTS.start);
    (0..count)
        .find_map(|_| {
            let place = first.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed)) % count;
            let port = PORTS.start + u16::try_from(place).expect("a place among the ports");
            TcpListener::bind(("127.0.0.1", port))
                .is_ok()
                .then_some(port)
        })
        .expect("loopback has free ports")
}
