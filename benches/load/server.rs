//! Starting and ending the servers, each a process of its own, and the CPU time they took.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

/// What a load is put on.
pub trait Target: Sync {
    /// Where this connection connects to.
    fn address(&self, connection: usize) -> SocketAddr;

    /// The CPU time that it has taken so far, in seconds.
    fn cpu_seconds(&self) -> f64;
}

/// A server that runs until dropped.
pub struct Server {
    process: Child,
    folder: PathBuf,
    /// Where the n-th connection connects to, counted around.
    pub addresses: Vec<SocketAddr>,
    /// Whether a topic must be created before records are produced to it.
    pub has_topics: bool,
}

impl Server {
    /// Take over `process`, which works in `folder` and listens on `addresses`.
    pub fn new(process: Child, folder: PathBuf, addresses: Vec<SocketAddr>) -> Self {
        Self {
            process,
            folder,
            addresses,
            has_topics: true,
        }
    }

    /// Take over a broker that `process` is about to become, on `folder` and listening on
    /// `address`, once it answers there.
    pub fn await_answer(process: Child, folder: PathBuf, address: SocketAddr) -> Self {
        let server = Self::new(process, folder, vec![address]);
        server.await_listening();
        server
    }

    /// Wait until it answers.
    pub fn await_listening(&self) {
        while TcpStream::connect(self.addresses[0]).is_err() {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// End it as an operator would, and wait until it has ended.
    pub fn stop(mut self) {
        self.end();
    }

    /// The same, with what it has on the disk left there.
    pub fn end(&mut self) {
        let id = self.process.id().to_string();
        let signal = Command::new("kill").args(["-TERM", &id]).status();
        assert!(signal.expect("kill is there").success(), "the server runs");
        drop(self.process.wait());
    }

    /// End it as a crash would.
    pub fn kill(&mut self) {
        self.process.kill().expect("the server runs");
        self.process.wait().expect("it ends");
    }

    /// Go on with `process`, which takes the place of one that has ended.
    pub fn replace(&mut self, process: Child) {
        self.process = process;
    }

    /// The memory that the server holds now, in bytes.
    pub fn resident_bytes(&self) -> f64 {
        status_bytes(self.process.id(), "VmRSS:")
    }

    /// The most memory that the server has held so far, in bytes.
    pub fn resident_bytes_max(&self) -> f64 {
        status_bytes(self.process.id(), "VmHWM:")
    }

    /// What the server has had the kernel write to the device so far, in bytes.
    pub fn written_bytes(&self) -> u64 {
        written_bytes(self.process.id())
    }
}

impl Target for Server {
    fn address(&self, connection: usize) -> SocketAddr {
        self.addresses[connection % self.addresses.len()]
    }

    fn cpu_seconds(&self) -> f64 {
        cpu_seconds(self.process.id())
    }
}

/// What `/proc` says of the memory of the process `id` in the line `name`, in bytes.
pub fn status_bytes(id: u32, name: &str) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{id}/status")).expect("the server runs");
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kibibytes = line
        .expect("a process has memory")
        .trim_end_matches("kB")
        .trim();
    kibibytes.parse::<f64>().expect("a number") * 1024.0
}

/// What the process `id` has had the kernel write to the device so far, in bytes.
pub fn written_bytes(id: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{id}/io")).expect("the server runs");
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes: "));
    let bytes = line.expect("the kernel counts").parse();
    bytes.expect("a number")
}

/// The CPU time that the process `id` has taken so far, in seconds.
pub fn cpu_seconds(id: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).expect("the server runs");
    // The fields behind the name, which may hold anything, count from the third on: user and
    // system time are the 14th and 15th, in hundredths of a second.
    let (_, fields) = text.rsplit_once(')').expect("a name in parentheses");
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<f64>().expect("a number");
    (ticks(11) + ticks(12)) / 100.0
}

/// What the CPUs of this machine have done so far, in ticks.
pub struct CpuTimes {
    all: f64,
    idle: f64,
}

impl CpuTimes {
    pub fn now() -> Self {
        let text = std::fs::read_to_string("/proc/stat").expect("Linux has it");
        let line = text
            .lines()
            .next()
            .expect("its first line is about all CPUs");
        let ticks: Vec<f64> = line
            .split_whitespace()
            .skip(1)
            .map(|ticks| ticks.parse().expect("a number"))
            .collect();
        // user, nice, system, idle, waiting for IO, interrupts, soft interrupts, stolen; what
        // guests took is in user time already.
        Self {
            all: ticks.iter().take(8).sum(),
            idle: ticks[3] + ticks[4],
        }
    }

    /// The part of the time since then that was not idle.
    pub fn busy_since(&self) -> f64 {
        let now = Self::now();
        1.0 - (now.idle - self.idle) / (now.all - self.all)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

/// An empty `folder`, whatever was there.
pub fn make_empty(folder: &Path) {
    drop(std::fs::remove_dir_all(folder));
    std::fs::create_dir_all(folder).expect("the folder can be made");
}

/// An address of this machine that was free a moment ago.
pub fn free_address() -> SocketAddr {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    free.expect("a port is free")
}

/// A folder next to this program, on the disk of the build: one in memory would prove nothing.
pub fn beside_this_program(name: &str) -> PathBuf {
    let program = std::env::current_exe().expect("a program has a path");
    let folder = program.parent().expect("it lies in a folder");
    folder.join(name)
}
