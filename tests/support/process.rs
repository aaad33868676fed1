//! Child processes that end when the test process does, whatever ends it.

use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Sender};
use std::thread;

/// A program to run to its end, within a limit of time.
pub struct Program {
    command: Command,
    shown: String,
    input: Option<String>,
}

/// What a program left behind.
#[derive(Debug)]
pub struct Output {
    /// The command, for messages.
    pub shown: String,
    /// The exit status; `None` when a signal ended it (137 from the limit counts as a status).
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// The same output, after an assertion that the program succeeded.
    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert!(
            self.status == Some(0),
            "{} ended with {:?}\n--- stdout\n{}\n--- stderr\n{}",
            self.shown,
            self.status,
            self.stdout,
            self.stderr
        );
        self
    }
}

impl Program {
    /// `program` with a limit of `seconds`, after which it is killed.
    pub fn new(program: impl AsRef<Path>, seconds: u32) -> Self {
        let program = program.as_ref();
        let mut command = Command::new("timeout");
        command.args(["--kill-after=1", &seconds.to_string()]);
        command
            .args(["setpriv", "--pdeathsig", "KILL"])
            .arg(program);
        let shown = program
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        Self {
            command,
            shown,
            input: None,
        }
    }

    /// Adds arguments.
    pub fn args<I, A>(mut self, args: I) -> Self
    where
        I: IntoIterator<Item = A>,
        A: AsRef<str>,
    {
        for arg in args {
            self.shown.push(' ');
            self.shown.push_str(arg.as_ref());
            self.command.arg(arg.as_ref());
        }
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Has the program run in a network namespace, with the files that it has of its own under
    /// `/etc/netns`. Only root may.
    pub fn in_namespace(mut self, namespace: &str) -> Self {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace]);
        command.arg(self.command.get_program());
        command.args(self.command.get_args());
        for (name, value) in self.command.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        self.command = command;
        self
    }

    /// Gives the program this text as its standard input (nothing otherwise).
    pub fn input(mut self, text: &str) -> Self {
        self.input = Some(text.to_owned());
        self
    }

    /// Runs the program to its end.
    pub fn run(mut self) -> Output {
        let stdin = if self.input.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        };
        self.command
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = spawn(self.command).expect("coreutils and util-linux are installed");
        let feeder = self.input.map(|text| {
            let mut stdin = child.stdin.take().expect("standard input is piped");
            // A program may end without reading all of it: that is its affair.
            thread::spawn(move || drop(io::Write::write_all(&mut stdin, text.as_bytes())))
        });
        let output = child.wait_with_output().expect("a child can be waited for");
        if let Some(feeder) = feeder {
            feeder.join().expect("the feeder does not panic");
        }
        Output {
            shown: self.shown,
            status: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Runs a command as root, if this user is or may become it.
pub fn as_root(command: &[&str]) -> Output {
    let plain = Program::new(command[0], 60).args(&command[1..]).run();
    if plain.status == Some(0) {
        return plain;
    }
    let asked = Program::new("sudo", 60).args(["-n"]).args(command).run();
    if asked.status == Some(0) {
        asked
    } else {
        plain
    }
}

type Order = (Command, Sender<io::Result<Child>>);

/// Spawns from one thread that lives as long as the process: `--pdeathsig` ends a child with the
/// *thread* that started it, and the thread of a test ends before a broker that tests share.
pub fn spawn(command: Command) -> io::Result<Child> {
    static NURSERY: OnceLock<Sender<Order>> = OnceLock::new();
    let nursery = NURSERY.get_or_init(|| {
        let (sender, orders) = mpsc::channel::<Order>();
        thread::spawn(move || {
            for (mut command, answer) in orders {
                answer
                    .send(command.spawn())
                    .expect("who ordered a child waits for it");
            }
        });
        sender
    });
    let (answer, child) = mpsc::channel();
    nursery
        .send((command, answer))
        .expect("the nursery never ends");
    child.recv().expect("the nursery answers")
}

/// Starts `program` as a direct child whose pid is the program's own.
pub fn resident(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).arg(program);
    command
}
