//! The lab: what the tests need beyond Rust, set up once under `target/lab`.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::process::Program;

const SUPPORT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support");
/// Short runs want a quick start; nothing but the program itself may print on stdout.
const JVM: [&str; 4] = [
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xlog:disable",
];
const POM: &str = include_str!("pom.xml");
const REQUIREMENTS: &str = include_str!("requirements.txt");

/// Something that a test needs and a bare machine may lack.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tool {
    /// A virtual environment with kafka-python and confluent-kafka.
    Python,
    /// A JDK and Apache Kafka's jars.
    Java,
    /// kcat on the path.
    Kcat,
}

/// The tools, ready to use.
#[derive(Clone, Debug)]
pub struct Lab {
    dir: PathBuf,
}

impl Lab {
    /// The lab with `tools`; `None`, with a note for the list at the end, if one is missing.
    ///
    /// # Panics
    /// With `CI=true`, where a missing tool is a failure.
    #[track_caller]
    pub fn open(test: &str, tools: &[Tool]) -> Option<Self> {
        let lab = Self { dir: directory() };
        let missing = tools.iter().find_map(|&tool| ready(&lab, tool).err());
        let Some(reason) = missing else {
            return Some(lab);
        };
        not_run(test, reason);
        None
    }

    /// The Python of the virtual environment, about to run `tests/<script>`.
    pub fn python(&self, script: &str, seconds: u32) -> Program {
        let script = format!("{}/tests/{script}", env!("CARGO_MANIFEST_DIR"));
        Program::new(self.python_dir().join("bin/python"), seconds)
            .args(["-u", &script])
            .env("PYTHONDONTWRITEBYTECODE", "1")
    }

    /// A Java program: a class of Kafka's jars, or a source file of ours.
    pub fn java(&self, main: &str, seconds: u32) -> Program {
        let archive = format!("-XX:SharedArchiveFile={}", self.archive().display());
        Program::new("java", seconds)
            .args(JVM)
            .args([archive])
            .args([self.logging(), "-cp".into(), self.class_path(), main.into()])
    }

    /// kcat, which ends by itself with `-e` or `-c`.
    pub fn kcat(&self, seconds: u32) -> Program {
        Program::new("kcat", seconds)
    }

    /// The option that keeps Kafka's logs on stderr.
    pub fn logging(&self) -> String {
        format!("-Dlog4j2.configurationFile={SUPPORT}/log4j2.xml")
    }

    /// Every jar of Apache Kafka.
    pub fn class_path(&self) -> String {
        format!("{}/*", self.jars().display())
    }

    /// The directory of Kafka's message definitions, as its clients' jar carries them.
    pub fn messages(&self) -> PathBuf {
        self.dir.join("messages").join(digest(POM))
    }

    /// The classes of an admin client as the JVM keeps them: a tool starts in half the time. A JVM
    /// that cannot use the file does without.
    fn archive(&self) -> PathBuf {
        self.jars().with_extension("jsa")
    }

    fn jars(&self) -> PathBuf {
        self.dir.join("jars").join(digest(POM))
    }

    fn python_dir(&self) -> PathBuf {
        self.dir.join("python").join(digest(REQUIREMENTS))
    }
}

/// Notes `test` as not run, for `reason`, and says so at once, past the capture of test output.
///
/// # Panics
/// With `CI=true`.
#[track_caller]
pub fn not_run(test: &str, reason: &str) {
    let is_failure = std::env::var("CI").as_deref() == Ok("true");
    assert!(!is_failure, "{}", line_of(test, reason));
    not_possible(test, reason);
}

/// The same where the machine cannot run it, so that nothing could be installed: never a failure.
pub fn not_possible(test: &str, reason: &str) {
    let line = line_of(test, reason);
    std::io::stderr()
        .write_all(line.as_bytes())
        .expect("stderr takes a line");
    let list = not_run_list();
    fs::write(list.join(test.replace("::", ".")), line).expect("target/ can be written");
}

fn line_of(test: &str, reason: &str) -> String {
    format!("NOT RUN: {test}: {reason}\n")
}

/// The lines of all tests of the last run that could not run.
pub fn all_not_run() -> Vec<String> {
    let mut lines = Vec::new();
    let Ok(binaries) = fs::read_dir(directory().join("not-run")) else {
        return lines;
    };
    for binary in binaries.flatten() {
        for note in fs::read_dir(binary.path()).into_iter().flatten().flatten() {
            lines.push(fs::read_to_string(note.path()).unwrap_or_default());
        }
    }
    lines.sort();
    lines
}

/// This test binary's notes; those of its last run go when its first test asks.
fn not_run_list() -> &'static Path {
    static LIST: OnceLock<PathBuf> = OnceLock::new();
    LIST.get_or_init(|| {
        let list = directory().join("not-run").join(env!("CARGO_CRATE_NAME"));
        drop(fs::remove_dir_all(&list));
        fs::create_dir_all(&list).expect("target/ can be written");
        list
    })
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("tmp is below target")
        .join("lab")
}

/// Prepares `tool` once a process; the reason why it is missing otherwise.
fn ready(lab: &Lab, tool: Tool) -> Result<(), &'static str> {
    static PYTHON: OnceLock<Result<(), String>> = OnceLock::new();
    static JAVA: OnceLock<Result<(), String>> = OnceLock::new();
    static KCAT: OnceLock<Result<(), String>> = OnceLock::new();
    not_run_list();
    let state = match tool {
        Tool::Python => PYTHON.get_or_init(|| alone(lab, prepare_python)),
        Tool::Java => JAVA.get_or_init(|| alone(lab, prepare_java)),
        Tool::Kcat => KCAT.get_or_init(|| found("kcat", &["-V"], "kcat")),
    };
    state.as_ref().copied().map_err(String::as_str)
}

/// Runs `prepare` under the lab's lock: two test binaries may start at once.
fn alone(lab: &Lab, prepare: fn(&Lab) -> Result<(), String>) -> Result<(), String> {
    fs::create_dir_all(&lab.dir).map_err(|error| format!("{}: {error}", lab.dir.display()))?;
    let lock = File::create(lab.dir.join("lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    prepare(lab)
}

fn prepare_python(lab: &Lab) -> Result<(), String> {
    let environment = lab.python_dir();
    if environment.join("ready").exists() {
        return Ok(());
    }
    found(
        "python3",
        &["-c", "import ensurepip, venv"],
        "python3 with its venv module",
    )?;
    let path = environment.display().to_string();
    step("python3", &["-m", "venv", "--clear", &path])?;
    let pip = environment.join("bin/pip").display().to_string();
    let requirements = format!("{SUPPORT}/requirements.txt");
    step(
        &pip,
        &[
            "install",
            "-q",
            "--disable-pip-version-check",
            "-r",
            &requirements,
        ],
    )?;
    File::create(environment.join("ready")).map_err(|error| error.to_string())?;
    Ok(())
}

fn prepare_java(lab: &Lab) -> Result<(), String> {
    found("java", &["-version"], "java")?;
    found("jar", &["--version"], "a JDK (the program jar)")?;
    let jars = lab.jars();
    if !jars.exists() {
        found("mvn", &["--version"], "mvn")?;
        // Gathered beside its place and renamed: what has its final name is complete.
        let unfinished = lab.dir.join("jars/unfinished");
        drop(fs::remove_dir_all(&unfinished));
        let output = format!("-DoutputDirectory={}", unfinished.display());
        let pom = format!("{SUPPORT}/pom.xml");
        step(
            "mvn",
            &[
                "-q",
                "-B",
                "-f",
                &pom,
                "dependency:copy-dependencies",
                &output,
            ],
        )?;
        fs::rename(&unfinished, &jars).map_err(|error| error.to_string())?;
        archive_classes(lab)?;
    }
    let messages = lab.messages();
    if !messages.exists() {
        let unfinished = lab.dir.join("messages/unfinished");
        drop(fs::remove_dir_all(&unfinished));
        fs::create_dir_all(&unfinished).map_err(|error| error.to_string())?;
        let clients = fs::read_dir(&jars)
            .map_err(|error| error.to_string())?
            .flatten()
            .find(|jar| {
                jar.file_name()
                    .to_string_lossy()
                    .starts_with("kafka-clients-")
            })
            .ok_or("the jars lack kafka-clients")?;
        let clients = clients.path().display().to_string();
        let into = unfinished.display().to_string();
        step(
            "env",
            &["-C", &into, "jar", "xf", &clients, "common/message"],
        )?;
        fs::rename(unfinished.join("common/message"), &messages)
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Runs a tool against a port that nobody listens on, which loads what every tool loads.
fn archive_classes(lab: &Lab) -> Result<(), String> {
    let impatient = lab.dir.join("impatient.properties");
    fs::write(
        &impatient,
        "default.api.timeout.ms=1000\nrequest.timeout.ms=500\n",
    )
    .map_err(|error| error.to_string())?;
    Program::new("java", 60)
        .args(JVM)
        .args([format!(
            "-XX:ArchiveClassesAtExit={}",
            lab.archive().display()
        )])
        .args([lab.logging(), "-cp".into(), lab.class_path()])
        .args([
            "org.apache.kafka.tools.TopicCommand",
            "--bootstrap-server",
            "127.0.0.1:1",
        ])
        .args([
            "--list",
            "--command-config",
            &impatient.display().to_string(),
        ])
        .run();
    Ok(())
}

/// Whether `program` runs with `args`; the sentence for the list if not.
fn found(program: &str, args: &[&str], name: &str) -> Result<(), String> {
    let output = Program::new(program, 60).args(args).run();
    if output.status == Some(0) {
        Ok(())
    } else {
        Err(format!("{name} is missing"))
    }
}

fn step(program: &str, args: &[&str]) -> Result<(), String> {
    let output = Program::new(program, 900).args(args).run();
    if output.status == Some(0) {
        return Ok(());
    }
    let cause = output
        .stderr
        .lines()
        .chain(output.stdout.lines())
        .next_back()
        .unwrap_or("");
    Err(format!("`{}` failed: {cause}", output.shown))
}

/// A short name for the exact contents of a file, so that a change of it makes a new directory.
fn digest(text: &str) -> String {
    format!("{:08x}", crc32c::crc32c(text.as_bytes()))
}
