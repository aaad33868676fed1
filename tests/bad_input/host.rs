//! A host that cannot carry a broker is told so in one line that says what to do.
#![allow(
    unsafe_code,
    reason = "a filter on system calls must be set between fork and exec"
)]

use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::volume::Volume;
use crate::support::{Broker, Kind, Output, Program, free_port, needs, not_run};

const FOREBAY: &str = env!("CARGO_BIN_EXE_forebay");

/// A directory below `target/` that is not there.
fn fresh(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    drop(fs::remove_dir_all(&path));
    path
}

/// The arguments of `forebay serve` on these.
fn serve_on(data: &Path, port: u16) -> [String; 5] {
    let (data, listen) = (data.display().to_string(), format!("127.0.0.1:{port}"));
    [
        "serve".into(),
        "--data-dir".into(),
        data,
        "--listen".into(),
        listen,
    ]
}

/// `forebay serve` on these, which must not come up.
fn refused(data: &Path, port: u16) -> Output {
    Program::new(FOREBAY, 20).args(serve_on(data, port)).run()
}

/// Asserts a failure that is told in one line on stderr, with all of `words` in it.
#[track_caller]
fn says_in_one_line(output: &Output, words: &[&str]) {
    assert!(
        !matches!(output.status, Some(0 | 124 | 137) | None),
        "{output:?}"
    );
    let mut lines = output.stderr.lines().filter(|line| !line.is_empty());
    let (line, rest) = (lines.next().unwrap_or_default(), lines.count());
    let is_clear = words.iter().all(|word| line.contains(word));
    let has_advice = line.contains(": ") && !line.contains("panicked");
    assert!(rest == 0 && is_clear && has_advice, "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
}

#[test]
fn a_data_directory_in_use_is_refused_and_its_owner_goes_on_serving() {
    let lab = needs!();
    let mut broker = Broker::start(&lab, Kind::Forebay, &[]);
    let data = broker.data();
    let words = [&*data.display().to_string(), "in use", "stop that broker"];
    says_in_one_line(&refused(&data, free_port()), &words);
    assert!(broker.runs());
    broker.stop();
}

#[test]
fn a_port_in_use_is_refused() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let address = taken.local_addr().expect("a bound socket has an address");
    let data = fresh("port-in-use");
    let words = [&*address.to_string(), "in use", "choose another port"];
    says_in_one_line(&refused(&data, address.port()), &words);
    let output = Program::new(FOREBAY, 20)
        .args(serve_on(&data, free_port()))
        .args(["--http-listen", &address.to_string()])
        .run();
    says_in_one_line(
        &output,
        &["HTTP", &address.to_string(), "choose another port"],
    );
    drop(fs::remove_dir_all(&data));
}

#[test]
fn an_address_that_is_not_this_machines_is_refused() {
    let data = fresh("foreign-address");
    let output = Program::new(FOREBAY, 20)
        .args(["serve", "--data-dir", &data.display().to_string()])
        .args(["--listen", "192.0.2.1:9092"])
        .run();
    says_in_one_line(
        &output,
        &["192.0.2.1:9092", "not an address of this machine"],
    );
    drop(fs::remove_dir_all(&data));
}

#[test]
fn a_data_directory_on_tmpfs_is_named_in_one_line() {
    let data = Path::new("/dev/shm").join(format!("forebay-test-{}", std::process::id()));
    let output = Program::new(FOREBAY, 3)
        .args(serve_on(&data, free_port()))
        .run();
    drop(fs::remove_dir_all(&data));
    let mut lines = output.stderr.lines().filter(|line| line.contains("tmpfs"));
    let line = lines.next().unwrap_or_default();
    assert!(line.contains(&*data.display().to_string()), "{output:?}");
    assert_eq!(lines.count(), 0, "{output:?}");
}

#[test]
fn a_file_in_the_place_of_the_data_directory_or_above_it_is_refused() {
    let file = fresh("not-a-directory");
    fs::write(&file, "a file").expect("target/ can be written");
    let inside = file.join("data");
    for path in [&file, &inside] {
        let words = [
            &*path.display().to_string(),
            "not a directory",
            "another directory",
        ];
        says_in_one_line(&refused(path, free_port()), &words);
    }
    fs::remove_file(&file).expect("it was just written");
}

#[test]
fn a_data_directory_that_cannot_be_written_is_refused() {
    let Some(volume) = Volume::new("read-only", 16) else {
        return not_run("bad_input::read_only", "mounting a file needs root");
    };
    let data = volume.path().join("data");
    fs::create_dir(&data).expect("the volume is new");
    volume.remount("ro");
    for path in [&data, &volume.path().join("new")] {
        let words = [
            &*path.display().to_string(),
            "read-only",
            "mount it writable",
        ];
        says_in_one_line(&refused(path, free_port()), &words);
    }
}

#[test]
fn a_full_disk_is_refused_at_the_start() {
    let Some(volume) = Volume::new("full-at-start", 16) else {
        return not_run("bad_input::full_at_start", "mounting a file needs root");
    };
    let data = volume.path().join("data");
    // Nothing at all fits; a few files fit, but not the first records.
    for free in [4 << 10, 48 << 10] {
        volume.fill(free);
        let output = refused(&data, free_port());
        says_in_one_line(&output, &["No space left", "make room"]);
        volume.make_room();
        drop(fs::remove_dir_all(&data));
    }
    let mut broker = Program::new(FOREBAY, 3)
        .args(serve_on(&data, free_port()))
        .run();
    broker.stdout.truncate(16);
    assert_eq!(broker.stdout, "forebay is ready", "with room it serves");
}

#[test]
fn settings_that_cannot_be_read_are_refused() {
    let folder = fresh("settings");
    fs::create_dir_all(&folder).expect("target/ can be written");
    let binary = folder.join("binary.properties");
    fs::write(&binary, [0x7f, b'E', b'L', b'F', 0, 1]).expect("target/ can be written");
    for path in [&folder, &binary, &folder.join("missing.properties")] {
        let shown = path.display().to_string();
        let output = Program::new(FOREBAY, 20)
            .args(["serve", "--config", &shown])
            .run();
        says_in_one_line(&output, &[&shown, "--config"]);
    }
    drop(fs::remove_dir_all(&folder));
}

#[test]
fn settings_in_latin_1_are_read_as_java_reads_them() {
    let folder = fresh("latin-1");
    fs::create_dir_all(&folder).expect("target/ can be written");
    let path = folder.join("server.properties");
    let text = b"# f\xfcr alle\nnum.partitions=none\n";
    fs::write(&path, text).expect("target/ can be written");
    let output = Program::new(FOREBAY, 20)
        .args(["serve", "--config", &path.display().to_string()])
        .run();
    says_in_one_line(&output, &["num.partitions", "none"]);
    drop(fs::remove_dir_all(&folder));
}

/// `forebay serve` under a limit that `prlimit` sets, without the capability that lifts it.
fn limited(limit: &str, data: &Path) -> Output {
    let may_lock = fs::read_to_string("/proc/self/status").is_ok_and(|status| {
        let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
        let effective = effective.and_then(|text| u64::from_str_radix(text.trim(), 16).ok());
        effective.is_some_and(|capabilities| capabilities >> 14 & 1 == 1)
    });
    let drops = [
        "setpriv",
        "--bounding-set",
        "-ipc_lock",
        "--inh-caps",
        "-ipc_lock",
    ];
    Program::new("prlimit", 20)
        .args([limit])
        .args(if may_lock { &drops[..] } else { &[] })
        .args([FOREBAY])
        .args(serve_on(data, free_port()))
        .args(["--shards", "2"])
        .run()
}

#[test]
fn too_little_lockable_memory_is_refused() {
    let data = fresh("memlock");
    let output = limited("--memlock=65536:65536", &data);
    says_in_one_line(
        &output,
        &["only 64 KiB", "LimitMEMLOCK", "--ulimit memlock"],
    );
    // Kernels since 6.14 count the rings too; with older ones this much is enough.
    let output = limited("--memlock=524288:524288", &data);
    if !output.stdout.starts_with("forebay is ready") {
        says_in_one_line(&output, &["only 512 KiB", "needs 600 KiB", "fewer shards"]);
    }
    drop(fs::remove_dir_all(&data));
}

#[test]
fn too_few_descriptors_are_refused() {
    let data = fresh("nofile");
    for limit in ["--nofile=16:16", "--nofile=255:255"] {
        says_in_one_line(
            &limited(limit, &data),
            &["files may be open", "LimitNOFILE"],
        );
    }
    drop(fs::remove_dir_all(&data));
}

/// `forebay serve` in a process where the kernel answers `io_uring_setup` with `errno`.
fn without_io_uring(errno: i32, data: &Path) -> Output {
    let number = u32::try_from(libc::SYS_io_uring_setup).expect("a small number");
    let errno = u32::try_from(errno).expect("a small number");
    // Load the call's number; if it is this one, skip nothing: fail; else allow.
    let code = [
        (0x20, 0, 0, 0),
        (0x15, 0, 1, number),
        (0x06, 0, 0, 0x0005_0000 | errno),
        (0x06, 0, 0, 0x7fff_0000),
    ];
    let mut filter = code.map(|(code, jt, jf, k)| libc::sock_filter { code, jt, jf, k });
    let install = move || {
        let program = libc::sock_fprog {
            len: 4,
            filter: filter.as_mut_ptr(),
        };
        // SAFETY: both calls only read their arguments, which live until the calls end.
        let status = unsafe {
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            libc::prctl(libc::PR_SET_SECCOMP, 2, &raw const program)
        };
        match status {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    };
    let mut command = Command::new("timeout");
    command
        .args(["20", FOREBAY])
        .args(serve_on(data, free_port()));
    command.stdin(Stdio::null());
    // SAFETY: between fork and exec only system calls are made.
    let output = unsafe { command.pre_exec(install) }
        .output()
        .expect("it starts");
    Output {
        shown: "forebay without io_uring".to_owned(),
        status: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn io_uring_that_is_forbidden_or_hidden_is_told_with_the_way_out() {
    let data = fresh("no-io-uring");
    let way_out = "--security-opt seccomp=tuning/seccomp.json";
    for (errno, word) in [(libc::EPERM, "forbidden"), (libc::ENOSYS, "hidden")] {
        says_in_one_line(&without_io_uring(errno, &data), &[word, way_out]);
    }
    assert!(
        !data.exists(),
        "nothing is made before it is known to be of use"
    );
}
