//! Directories that Apache Kafka left, their copies, and the command on them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use crate::support::{Broker, Kind, Lab};

/// Few partitions of internal topics, and snapshots of the metadata early.
pub const SETTINGS: [(&str, &str); 7] = [
    ("offsets.topic.num.partitions", "3"),
    ("transaction.state.log.num.partitions", "3"),
    ("share.coordinator.state.topic.num.partitions", "2"),
    ("metadata.log.max.record.bytes.between.snapshots", "4000"),
    (
        "authorizer.class.name",
        "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    ),
    ("super.users", "User:ANONYMOUS"),
    ("allow.everyone.if.no.acl.found", "true"),
];

/// `tests/import/Directory.java` in this mode against the broker.
pub fn java(lab: &Lab, broker: &Broker, mode: &str) -> String {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/import/Directory.java");
    let program = lab.java(source, 240).args([mode, &broker.bootstrap()]);
    program.run().succeeded().stdout
}

/// What a start leaves before it has looked at the data.
const OF_A_START: [&str; 2] = [".lock", "forebay-sync-method"];

/// Every file below `path`, with what is in it, but for what any start leaves.
pub fn tree(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder that was listed") {
            let entry = entry.expect("an entry").path();
            if entry.is_dir() {
                folders.push(entry);
            } else if !OF_A_START.iter().any(|name| entry.ends_with(name)) {
                let name = entry.strip_prefix(path).expect("it is below").display();
                files.push((name.to_string(), fs::read(&entry).expect("a file")));
            }
        }
    }
    files.sort();
    files
}

/// What the command told a program, and how it ended.
#[derive(Debug)]
pub struct Told {
    pub document: Value,
    pub status: i32,
    pub errors: String,
}

impl Told {
    #[track_caller]
    pub fn succeeded(self) -> Value {
        assert_eq!(self.status, 0, "{self:?}");
        self.document
    }

    /// The only reason against it.
    #[track_caller]
    pub fn refused(&self) -> &str {
        assert_eq!(self.status, 1, "{self:?}");
        match self.document["refusals"].as_array().map(Vec::as_slice) {
            Some([Value::String(reason)]) => reason,
            _ => panic!("not one reason: {self:?}"),
        }
    }
}

/// Run a subcommand of the binary on its own.
pub fn forebay(arguments: &[&str]) -> (String, String, i32) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forebay"));
    let output = command.args(arguments).output();
    let output = output.expect("the binary can be started");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let status = output.status.code().unwrap_or(-1);
    (text(&output.stdout), text(&output.stderr), status)
}

/// Run `forebay import` on the directories `data`.
pub fn import(data: &str, arguments: &[&str]) -> Told {
    let all = [&["import", "--json", "--data-dir", data], arguments].concat();
    let (stdout, errors, status) = forebay(&all);
    Told {
        document: serde_json::from_str(&stdout).unwrap_or_default(),
        status,
        errors,
    }
}

/// A copy of a directory, which goes with the value.
pub struct Copy {
    pub path: PathBuf,
}

impl Copy {
    pub fn of(original: &Path) -> Self {
        static COPIES: AtomicU32 = AtomicU32::new(0);
        let number = COPIES.fetch_add(1, Ordering::Relaxed);
        let name = format!("import-copy-{}-{number}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        drop(fs::remove_dir_all(&path));
        let copied = Command::new("cp")
            .arg("-a")
            .args([original, &path])
            .status();
        assert!(copied.expect("cp is there").success());
        Self { path }
    }

    pub fn name(&self) -> String {
        self.path.display().to_string()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Change a file.
    pub fn edit(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let path = self.file(name);
        let mut file = fs::read(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        change(&mut file);
        fs::write(path, file).expect("target/ can be written");
    }

    pub fn import(&self) -> Told {
        import(&self.name(), &[])
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.path));
    }
}

/// What Apache Kafka left: once with everything ended, and once with a transaction open.
pub struct Left {
    pub ended: Copy,
    pub open: Copy,
    /// What the command said while it ran.
    pub while_it_ran: Told,
}

/// The directories of one Apache Kafka, for all tests.
pub fn left(lab: &Lab) -> &'static Left {
    static LEFT: OnceLock<Left> = OnceLock::new();
    LEFT.get_or_init(|| {
        let mut broker = Broker::start(lab, Kind::Kafka, &SETTINGS);
        java(lab, &broker, "little");
        let while_it_ran = import(&broker.data().display().to_string(), &[]);
        broker.stop();
        let ended = Copy::of(&broker.data());
        broker.resume();
        java(lab, &broker, "open");
        broker.stop();
        let open = Copy::of(&broker.data());
        Left {
            ended,
            open,
            while_it_ran,
        }
    })
}
