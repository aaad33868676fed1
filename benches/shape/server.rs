//! Starting and ending the servers, each a process of its own, and the CPU time they took.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// Which server.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    Straight,
    Pure,
    Forebay,
}

/// A server that runs until dropped.
pub struct Server {
    process: Child,
    folder: PathBuf,
    /// Where the n-th connection connects to, counted around.
    pub addresses: Vec<SocketAddr>,
    pub kind: Kind,
}

impl Server {
    /// Start one on an empty folder.
    pub fn start(kind: Kind, shards: u16, synced: bool, folder: PathBuf) -> Self {
        drop(std::fs::remove_dir_all(&folder));
        std::fs::create_dir_all(&folder).expect("the folder can be made");
        let mut command = match kind {
            Kind::Forebay => forebay(),
            Kind::Straight | Kind::Pure => own(kind, synced),
        };
        command.arg("--data-dir").arg(&folder);
        command.args(["--shards", &shards.to_string()]);
        command.stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut process = command.spawn().expect("the server starts");
        let mut lines = BufReader::new(process.stdout.take().expect("it is piped")).lines();
        let line = lines.next().expect("it says when it is ready");
        let addresses = addresses_in(&line.expect("its output is text"));
        assert!(!addresses.is_empty(), "a server names its addresses");
        Self {
            process,
            folder,
            addresses,
            kind,
        }
    }

    /// The CPU time that the server has taken so far, in seconds.
    pub fn cpu_seconds(&self) -> f64 {
        let path = format!("/proc/{}/stat", self.process.id());
        let text = std::fs::read_to_string(path).expect("the server runs");
        // The fields behind the name, which may hold anything, count from the third on: user and
        // system time are the 14th and 15th, in hundredths of a second.
        let (_, fields) = text.rsplit_once(')').expect("a name in parentheses");
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let ticks = |at: usize| fields[at].parse::<f64>().expect("a number");
        (ticks(11) + ticks(12)) / 100.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

fn own(kind: Kind, synced: bool) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a program has a path"));
    let name = if kind == Kind::Straight {
        "straight"
    } else {
        "pure"
    };
    command.args([
        "server",
        name,
        "--synced",
        if synced { "yes" } else { "no" },
    ]);
    command
}

fn forebay() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forebay"));
    let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    let address = free.expect("a port is free").to_string();
    command.args(["serve", "--listen", &address]);
    command
}

/// Every address that stands in `line`.
fn addresses_in(line: &str) -> Vec<SocketAddr> {
    let is_outside = |c: char| !(c.is_ascii_digit() || c == '.' || c == ':');
    line.split(is_outside)
        .filter_map(|word| word.parse().ok())
        .collect()
}
