//! A node of a cluster on a host of its own.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use crate::network::{address, namespace};
use crate::support::wire::frame;
use crate::support::{Program, resident, spawn};

const FOREBAY: &str = env!("CARGO_BIN_EXE_forebay");
const CLUSTER_ID: &str = "Rm9yZWJheVRlc3RzTGFiMQ";

/// A node that is broker and controller.
pub struct Machine {
    pub host: &'static str,
    folder: PathBuf,
    child: Option<Child>,
}

impl Machine {
    /// The node of this number on its host `kafkaN`, formatted, with `settings` beside its own.
    pub fn new(host: &'static str, id: u32, settings: &[(&str, &str)]) -> Self {
        let voters = (1..=3).map(|one| format!("{one}@kafka{one}:9093"));
        let voters = voters.collect::<Vec<_>>().join(",");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("chaos-{host}"));
        drop(fs::remove_dir_all(&folder));
        fs::create_dir_all(&folder).expect("target/ can be written");
        let listeners = format!("PLAINTEXT://{host}:9092,CONTROLLER://{host}:9093");
        let mut text = format!(
            "node.id={id}\nprocess.roles=broker,controller\nlisteners={listeners}\n\
             controller.listener.names=CONTROLLER\ncontroller.quorum.voters={voters}\n\
             log.dirs={}\n",
            folder.join("data").display()
        );
        for (key, value) in settings {
            text.push_str(&format!("{key}={value}\n"));
        }
        let machine = Self {
            host,
            folder,
            child: None,
        };
        fs::write(machine.properties(), text).expect("target/ can be written");
        let properties = machine.properties().display().to_string();
        let format = [
            "format",
            "--cluster-id",
            CLUSTER_ID,
            "--config",
            &properties,
        ];
        Program::new(FOREBAY, 60).args(format).run().succeeded();
        machine
    }

    fn properties(&self) -> PathBuf {
        self.folder.join("server.properties")
    }

    pub fn start(&mut self) {
        let mut options = File::options();
        let log = options.create(true).append(true);
        let log = log.open(self.folder.join("log"));
        let log = log.expect("target/ can be written");
        let errors = log.try_clone().expect("a file can be opened twice");
        let program = resident(Path::new(FOREBAY));
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &namespace(self.host)]);
        command.arg(program.get_program()).args(program.get_args());
        command.args(["serve", "--config"]).arg(self.properties());
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        let child = spawn(command).expect("the program can be started");
        let before = self.child.replace(child);
        assert!(before.is_none(), "it already runs");
    }

    /// Ends it as a crash.
    pub fn kill(&mut self) {
        self.signal("-KILL");
        self.await_end();
    }

    /// Ends it as an operator does.
    pub fn stop(&mut self) {
        self.signal("-TERM");
        let status = self.await_end();
        assert!(status.success(), "{}: {status}", self.folder.display());
    }

    fn await_end(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it runs");
        child.wait().expect("a child can be waited for")
    }

    pub fn signal(&self, signal: &str) {
        let pid = self.child.as_ref().expect("it runs").id().to_string();
        let kill = Program::new("kill", 5).args([signal, &pid]);
        kill.run().succeeded();
    }

    /// How many brokers this one tells clients of.
    pub fn brokers_listed(&self) -> Option<i32> {
        let mut stream = TcpStream::connect((address(self.host), 9092)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        let mut request = frame(3, 1, 1, false);
        request.extend([0; 4]);
        stream
            .write_all(&(request.len() as u32).to_be_bytes())
            .ok()?;
        stream.write_all(&request).ok()?;
        // The length, the correlation id, the number of brokers.
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).ok()?;
        Some(i32::from_be_bytes(*answer.last_chunk()?))
    }

    /// Waits until the cluster has all of its brokers, as this one tells.
    #[track_caller]
    pub fn await_all(&self) {
        for _ in 0..600 {
            if self.brokers_listed() == Some(3) {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
        panic!("{} does not know of three brokers", self.host);
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop((child.kill(), child.wait()));
        }
        if thread::panicking() {
            eprintln!("kept: {}", self.folder.display());
        } else {
            drop(fs::remove_dir_all(&self.folder));
        }
    }
}
