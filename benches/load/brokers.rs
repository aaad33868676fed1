//! Forebay and Apache Kafka as brokers on a folder of their own, formatted and ready to start.
#![allow(dead_code, reason = "each bench uses its own part of it")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::load::server::{Server, free_address, make_empty};
use crate::support::Lab;

/// What Kafka's start script gives a broker.
pub const JVM: [&str; 7] = [
    "-Xms1g",
    "-Xmx1g",
    "-server",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
];

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    Forebay,
    Kafka,
}

/// A broker that can be started, and started again.
pub struct Broker {
    command: Command,
    folder: PathBuf,
    address: SocketAddr,
}

impl Broker {
    /// A broker of this kind on an empty `folder`, which it has formatted, with `settings`.
    pub fn format(kind: Kind, lab: &Lab, folder: &Path, settings: &[(&str, &str)]) -> Self {
        make_empty(folder);
        let address = free_address();
        let command = match kind {
            Kind::Forebay => forebay(&own_program(), folder, address, settings),
            Kind::Kafka => kafka(lab, folder, address, settings),
        };
        Self::new(command, folder, address)
    }

    /// The same of another build of Forebay.
    pub fn format_other(program: &Path, folder: &Path, settings: &[(&str, &str)]) -> Self {
        make_empty(folder);
        let address = free_address();
        let command = forebay(program, folder, address, settings);
        Self::new(command, folder, address)
    }

    fn new(mut command: Command, folder: &Path, address: SocketAddr) -> Self {
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Self {
            command,
            folder: folder.to_owned(),
            address,
        }
    }

    /// Start it, and wait until it listens.
    pub fn start(&mut self) -> Server {
        let process = self.command.spawn().expect("the broker starts");
        Server::await_answer(process, self.folder.clone(), self.address)
    }

    /// End `server`, which this broker has started, and start it again on what it has left.
    pub fn restart(&mut self, server: &mut Server) {
        server.end();
        server.replace(self.command.spawn().expect("the broker starts again"));
        server.await_listening();
    }

    /// Start it, wait until it listens, kill it with what `work` has left, and start it again.
    pub fn start_and_kill(&mut self, work: impl FnOnce(&Server)) -> Server {
        let mut server = self.start();
        work(&server);
        server.kill();
        let process = self.command.spawn().expect("the broker starts again");
        server.replace(process);
        server
    }
}

fn own_program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_forebay"))
}

fn forebay(
    program: &Path,
    folder: &Path,
    address: SocketAddr,
    settings: &[(&str, &str)],
) -> Command {
    let data = folder.join("data").display().to_string();
    // The first start formats the directory.
    let first = free_address();
    let mut command = command_of_forebay(program, &data, first, settings);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let process = command.spawn().expect("the broker starts");
    let server = Server::await_answer(process, folder.join("first"), first);
    server.stop();
    command_of_forebay(program, &data, address, settings)
}

fn command_of_forebay(
    program: &Path,
    data: &str,
    address: SocketAddr,
    settings: &[(&str, &str)],
) -> Command {
    let address = address.to_string();
    let mut command = Command::new(program);
    command.args(["serve", "--data-dir", data, "--listen", &address]);
    if settings.iter().all(|(key, _)| *key != "forebay.shards") {
        command.args(["--shards", "2"]);
    }
    for (key, value) in settings {
        command.args(["--set", &format!("{key}={value}")]);
    }
    command
}

/// Apache Kafka with the settings it is shipped with.
fn kafka(lab: &Lab, folder: &Path, address: SocketAddr, settings: &[(&str, &str)]) -> Command {
    let controller = free_address();
    let properties = folder.join("server.properties");
    let mut text = format!(
        "process.roles=broker,controller\nnode.id=1\n\
         controller.quorum.bootstrap.servers={controller}\n\
         listeners=PLAINTEXT://{address},CONTROLLER://{controller}\n\
         advertised.listeners=PLAINTEXT://{address}\n\
         controller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\n\
         num.network.threads=3\nnum.io.threads=8\n\
         socket.send.buffer.bytes=102400\nsocket.receive.buffer.bytes=102400\n\
         log.dirs={}\noffsets.topic.replication.factor=1\n\
         transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n",
        folder.join("data").display()
    );
    for (key, value) in settings {
        text.push_str(&format!("{key}={value}\n"));
    }
    std::fs::write(&properties, text).expect("the folder can be written");
    let properties = properties.display().to_string();
    lab.java("kafka.tools.StorageTool", 60)
        .args(["format", "--standalone", "--cluster-id"])
        .args(["Rm9yZWJheVRlc3RzTGFiMQ", "--config", &properties])
        .run()
        .succeeded();
    let mut command = Command::new("java");
    command.args(JVM).args([&lab.logging(), "-cp"]);
    command.args([&lab.class_path(), "kafka.Kafka", &properties]);
    command
}
