//! The kernel's own trace of a broker: no answer leaves before a write for it is complete and
//! synced, in both ways of syncing.
//!
//! System calls show what a broker received and sent; what it wrote goes through io_uring, whose
//! requests and completions are trace points of their own. They need root and tracefs; where one is
//! missing the test says so and is listed as not run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use forebay::config::SyncMethod;
use serde_json::json;

use crate::support::{Broker, Kind, Lab, as_root, needs, not_possible, test_name};

const REQUESTS: u64 = 100;

/// What is traced: of every thread of the broker but for completions, which come in any context.
const EVENTS_OF_THREADS: [&str; 4] = [
    "syscalls/sys_enter_recvfrom",
    "syscalls/sys_exit_recvfrom",
    "syscalls/sys_enter_sendmsg",
    "io_uring/io_uring_submit_req",
];
const EVENTS_OF_ALL: [&str; 1] = ["io_uring/io_uring_complete"];

/// The kernel's buffer for each CPU: some ten thousand events.
const BUFFER_KIB: &str = "16384";

/// A part of tracefs that is this process's own; gone when dropped.
struct Tracer {
    instance: PathBuf,
    mounted: Option<PathBuf>,
    _alone: MutexGuard<'static, ()>,
}

impl Tracer {
    /// A tracer of some threads, or why this machine cannot have it. There is one at a time.
    fn new(threads: &[String]) -> Result<Self, String> {
        static TRACING: Mutex<()> = Mutex::new(());
        let alone = TRACING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut root = PathBuf::from("/sys/kernel/tracing");
        let mut mounted = None;
        if !root.join("instances").exists() {
            root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tracefs");
            fs::create_dir_all(&root).expect("target/ can be written");
            let path = root.display().to_string();
            let done = as_root(&["mount", "-t", "tracefs", "forebay-trace", &path]);
            if done.status != Some(0) {
                return Err(format!("tracefs cannot be mounted: {}", done.stderr.trim()));
            }
            mounted = Some(root.clone());
        }
        let instance = root.join(format!("instances/forebay-{}", std::process::id()));
        let tracer = Self {
            instance,
            mounted,
            _alone: alone,
        };
        let begun = tracer.begin(threads);
        begun.map_err(|error| format!("the kernel's trace points cannot be used: {error}"))?;
        Ok(tracer)
    }

    fn begin(&self, threads: &[String]) -> io::Result<()> {
        fs::create_dir_all(&self.instance)?;
        let set = |name: &str, value: &str| fs::write(self.instance.join(name), value);
        set("trace_clock", "mono")?;
        set("buffer_size_kb", BUFFER_KIB)?;
        let is_of_thread = |thread: &String| format!("common_pid=={thread}");
        let filter: Vec<String> = threads.iter().map(is_of_thread).collect();
        for event in EVENTS_OF_THREADS {
            set(&format!("events/{event}/filter"), &filter.join("||"))?;
        }
        for event in EVENTS_OF_THREADS.iter().chain(&EVENTS_OF_ALL) {
            set(&format!("events/{event}/enable"), "1")?;
        }
        Ok(())
    }

    /// All that was traced.
    fn end(self) -> String {
        fs::write(self.instance.join("tracing_on"), "0").expect("it could be written before");
        fs::read_to_string(self.instance.join("trace")).expect("a trace is text")
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        drop(fs::remove_dir(&self.instance));
        if let Some(path) = &self.mounted {
            as_root(&["umount", &path.display().to_string()]);
        }
    }
}

/// What a trace tells of a broker.
#[derive(Debug, Default)]
struct Findings {
    /// Answers that left.
    answers: usize,
    /// Writes that were complete.
    writes: usize,
    /// The line of an answer for which no write was complete and synced that had begun after its
    /// request.
    early: Vec<String>,
}

/// How far the request of a connection has come on its way to the disk: the kernel's requests that
/// are under way for it, and what is done.
#[derive(Debug, Default)]
struct Progress<'a> {
    /// Begun since it came.
    writes: BTreeSet<&'a str>,
    is_written: bool,
    /// Begun since a write was complete.
    syncs: BTreeSet<&'a str>,
    is_synced: bool,
}

/// Reads the trace of a broker that syncs in this way. A connection has one request under way at a
/// time, and each is to be synced.
fn findings(method: SyncMethod, trace: &str) -> Findings {
    let mut findings = Findings::default();
    // The descriptor from which a thread receives just now, by its first column.
    let mut receiving = BTreeMap::new();
    // By the descriptor of the connection.
    let mut requests: BTreeMap<&str, Progress<'_>> = BTreeMap::new();
    for line in trace.lines().filter(|line| !line.starts_with('#')) {
        // `NAME-ID [CPU] FLAGS TIME: EVENT`.
        let Some((thread, _)) = line.split_once('[') else {
            continue;
        };
        if let Some(descriptor) = between(line, "sys_recvfrom(fd: ", ",") {
            receiving.insert(thread, descriptor);
        } else if let Some((_, result)) = line.split_once("sys_recvfrom -> 0x") {
            // What is negative is an error, or that there is nothing.
            let is_received = u64::from_str_radix(result, 16).is_ok_and(|count| count as i64 > 0);
            if let Some(descriptor) = receiving.remove(thread).filter(|_| is_received) {
                requests.insert(descriptor, Progress::default());
            }
        } else if let Some(request) = between(line, "io_uring_submit_req: ", ", user_data") {
            for progress in requests.values_mut() {
                if line.contains("opcode WRITE") {
                    progress.writes.insert(request);
                } else if line.contains("opcode FSYNC") && progress.is_written {
                    progress.syncs.insert(request);
                }
            }
        } else if let Some(request) = between(line, "io_uring_complete: ", ", user_data") {
            let is_good = between(line, "result ", ",").is_some_and(|it| !it.starts_with('-'));
            let mut is_write = false;
            for progress in requests.values_mut() {
                if progress.writes.remove(request) && is_good {
                    progress.is_written = true;
                    is_write = true;
                }
                progress.is_synced |= progress.syncs.remove(request) && is_good;
            }
            findings.writes += usize::from(is_write);
        } else if let Some(descriptor) = between(line, "sys_sendmsg(fd: ", ",")
            && let Some(progress) = requests.remove(descriptor)
        {
            findings.answers += 1;
            let is_durable = match method {
                SyncMethod::Dsync => progress.is_written,
                SyncMethod::Fdatasync => progress.is_synced,
            };
            if !is_durable {
                findings.early.push(line.to_owned());
            }
        }
    }
    findings
}

/// What stands between two others in a line.
fn between<'a>(line: &'a str, before: &str, behind: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(before)?;
    Some(rest.split_once(behind)?.0)
}

/// The names of the broker's files with records that it writes to: those that it has open so that
/// each write is synced by itself, and the others.
fn files_written_to(broker: &Broker) -> (Vec<String>, Vec<String>) {
    const WRITES: u32 = 3;
    const SYNCED: u32 = 0o10_000;
    let process = PathBuf::from(format!("/proc/{}", broker.pid()));
    let mut synced = BTreeSet::new();
    let mut others = BTreeSet::new();
    for entry in fs::read_dir(process.join("fd"))
        .expect("the broker runs")
        .flatten()
    {
        let Ok(path) = fs::read_link(entry.path()) else {
            continue;
        };
        let name = path.display().to_string();
        let holds_records = name.ends_with(".log") || name.contains("forebay-journal");
        if !holds_records || !path.starts_with(broker.data()) {
            continue;
        }
        let about = fs::read_to_string(process.join("fdinfo").join(entry.file_name()));
        let about = about.unwrap_or_default();
        let flags = between(&about, "flags:\t", "\n").unwrap_or_default();
        let flags = u32::from_str_radix(flags, 8).expect("the kernel tells flags in octal");
        if flags & WRITES > 0 && flags & SYNCED > 0 {
            synced.insert(name);
        } else {
            others.insert(name);
        }
    }
    let others = others.difference(&synced).cloned().collect();
    (synced.into_iter().collect(), others)
}

/// Runs a broker that syncs in this way, and looks at its trace.
#[track_caller]
fn no_answer_leaves_before_its_sync(lab: &Lab, method: SyncMethod, test_name: &str) {
    let settings = [
        ("num.partitions", "2"),
        ("forebay.sync.method", method.name()),
    ];
    let broker = Broker::start(lab, Kind::Forebay, &settings);
    let mut client = broker.connect();
    let topic = json!({ "Name": "traced", "NumPartitions": 2, "ReplicationFactor": 1 });
    let topics = json!({ "Topics": [topic], "timeoutMs": 30000 });
    let created = client.ask("CreateTopics", 4, &topics).expect("an answer");
    assert_eq!(created["Topics"][0]["ErrorCode"], 0, "{created}");
    let tasks = fs::read_dir(format!("/proc/{}/task", broker.pid())).expect("the broker runs");
    let threads = tasks
        .flatten()
        .map(|task| task.file_name().display().to_string());
    let tracer = match Tracer::new(&threads.collect::<Vec<_>>()) {
        Ok(tracer) => tracer,
        Err(reason) => return not_possible(test_name, &reason),
    };
    for number in 0..REQUESTS {
        // One in four is too large for the journal.
        let times = if number % 4 == 0 { 100_000 } else { 100 };
        let batch = json!({ "$batch": { "values": [{ "repeat": "x", "times": times }] } });
        let partition = json!({ "Index": number % 2, "Records": batch });
        let topic = json!({ "Name": "traced", "PartitionData": [partition] });
        let body = json!({ "Acks": -1, "TimeoutMs": 30000, "TopicData": [topic] });
        let answer = client.ask("Produce", 9, &body).expect("an answer");
        let partition = &answer["Responses"][0]["PartitionResponses"][0];
        assert_eq!(partition["ErrorCode"], 0, "{answer}");
    }
    let trace = tracer.end();
    let findings = findings(method, &trace);
    assert!(findings.early.is_empty(), "{findings:#?}");
    assert!(
        findings.answers as u64 >= REQUESTS,
        "{findings:#?}\n{trace}"
    );
    assert!(findings.writes as u64 >= REQUESTS, "{findings:#?}");
    let (synced, others) = files_written_to(&broker);
    let (expected, unexpected) = match method {
        SyncMethod::Dsync => (synced, others),
        SyncMethod::Fdatasync => (others, synced),
    };
    assert_eq!(unexpected, [""; 0], "these are written in the other way");
    assert!(
        expected.len() >= 3,
        "a journal and two segments: {expected:?}"
    );
}

#[test]
fn no_answer_leaves_before_a_synced_write_for_it_is_complete() {
    let lab = needs!(Java);
    no_answer_leaves_before_its_sync(&lab, SyncMethod::Dsync, test_name!());
}

#[test]
fn no_answer_leaves_before_the_fdatasync_behind_its_write_is_complete() {
    let lab = needs!(Java);
    no_answer_leaves_before_its_sync(&lab, SyncMethod::Fdatasync, test_name!());
}

/// A trace in which a request is answered in some order of things.
fn trace(events: &[&str]) -> String {
    let line = |(number, event): (usize, &&str)| {
        let what = match *event {
            "asks to receive" => "sys_recvfrom(fd: 1f, ubuf: 7f00, size: 100)",
            "receives" => "sys_recvfrom -> 0x64",
            "receives nothing" => "sys_recvfrom -> 0xfffffffffffffff5",
            "writes" => "io_uring_submit_req: ring 0a, req 0b, user_data 0x1, opcode WRITE, flags",
            "has written" => "io_uring_complete: ring 0a, req 0b, user_data 0x1, result 4096, c",
            "fails" => "io_uring_complete: ring 0a, req 0b, user_data 0x1, result -5, cflags",
            "writes more" => "io_uring_submit_req: ring 0a, req 0c, user_data 0x1, opcode WRITE,",
            "syncs" => "io_uring_submit_req: ring 0a, req 0d, user_data 0x1, opcode FSYNC, flags",
            "has synced" => "io_uring_complete: ring 0a, req 0d, user_data 0x1, result 0, cflags",
            "fails to sync" => "io_uring_complete: ring 0a, req 0d, user_data 0x1, result -5, c",
            "answers" => "sys_sendmsg(fd: 1f, msg: 7f00, flags: 4000)",
            _ => unreachable!("{event} is none of these"),
        };
        format!("  shard-0-77      [000] ..... 10.00{number}: {what}\n")
    };
    let head = "# tracer: nop\n".to_owned();
    head + &events.iter().enumerate().map(line).collect::<String>()
}

#[track_caller]
fn assert_is_early(method: SyncMethod, events: &[&str], is_early: bool) {
    let findings = findings(method, &trace(events));
    assert_eq!(findings.answers, 1);
    assert_eq!(
        !findings.early.is_empty(),
        is_early,
        "{method:?} {events:?}"
    );
}

const REQUEST: [&str; 2] = ["asks to receive", "receives"];

#[test]
fn an_answer_behind_the_completion_of_a_write_is_in_time() {
    let is_in_time = |method, rest: &[&str]| {
        assert_is_early(method, &[&REQUEST[..], rest].concat(), false);
        let twice = ["asks to receive", "receives nothing"];
        assert_is_early(method, &[&REQUEST[..], &twice, rest].concat(), false);
    };
    let dsync = SyncMethod::Dsync;
    is_in_time(dsync, &["writes", "has written", "answers"]);
    is_in_time(dsync, &["writes", "writes more", "has written", "answers"]);
    let synced = ["writes", "has written", "syncs", "has synced", "answers"];
    is_in_time(SyncMethod::Fdatasync, &synced);
}

#[test]
fn an_answer_before_the_completion_of_a_write_is_early() {
    let is_early = |rest: &[&str]| {
        for method in SyncMethod::ALL {
            assert_is_early(method, &[&REQUEST[..], rest].concat(), true);
        }
    };
    is_early(&["answers"]);
    is_early(&["writes", "answers", "has written"]);
    is_early(&["writes", "fails", "answers"]);
    // This write had begun before the request came.
    let before = [&["writes"], &REQUEST[..], &["has written", "answers"]].concat();
    for method in SyncMethod::ALL {
        assert_is_early(method, &before, true);
    }
}

#[test]
fn an_answer_before_the_completion_of_the_sync_behind_its_write_is_early() {
    for rest in [
        &["writes", "has written", "answers"][..],
        &["writes", "has written", "syncs", "answers", "has synced"],
        &["writes", "has written", "syncs", "fails to sync", "answers"],
        // This sync need not cover the write.
        &["writes", "syncs", "has written", "has synced", "answers"],
    ] {
        let events = [&REQUEST[..], rest].concat();
        assert_is_early(SyncMethod::Fdatasync, &events, true);
    }
}
