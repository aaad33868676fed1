//! A host that cannot carry a broker is told so in one line that says what to do.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use crate::support::{Broker, Kind, Output, Program, free_port, needs};

const FOREBAY: &str = env!("CARGO_BIN_EXE_forebay");

/// `forebay serve` on these, which must not come up.
fn refused(data: &Path, port: u16) -> Output {
    let (data, listen) = (data.display().to_string(), format!("127.0.0.1:{port}"));
    Program::new(FOREBAY, 20)
        .args(["serve", "--data-dir", &data, "--listen", &listen])
        .run()
}

/// Asserts a failure that is told in one line on stderr, naming `what`.
#[track_caller]
fn says_in_one_line(output: &Output, what: &str) {
    assert!(
        !matches!(output.status, Some(0 | 124 | 137) | None),
        "{output:?}"
    );
    let lines: Vec<&str> = output
        .stderr
        .lines()
        .filter(|line| !line.is_empty())
        .collect();
    assert!(lines.len() == 1 && lines[0].contains(what), "{output:?}");
}

#[test]
fn a_data_directory_in_use_is_refused_and_its_owner_goes_on_serving() {
    let lab = needs!();
    let mut broker = Broker::start(&lab, Kind::Forebay, &[]);
    let data = broker.data();
    says_in_one_line(&refused(&data, free_port()), &data.display().to_string());
    assert!(broker.runs());
    broker.stop();
}

#[test]
fn a_port_in_use_is_refused() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let port = taken
        .local_addr()
        .expect("a bound socket has an address")
        .port();
    let data = Path::new(env!("CARGO_TARGET_TMPDIR")).join("port-in-use");
    says_in_one_line(&refused(&data, port), &port.to_string());
    drop(fs::remove_dir_all(&data));
}

#[test]
fn a_data_directory_on_tmpfs_is_named_in_one_line() {
    let data = Path::new("/dev/shm").join(format!("forebay-test-{}", std::process::id()));
    let (directory, listen) = (
        data.display().to_string(),
        format!("127.0.0.1:{}", free_port()),
    );
    let args = ["serve", "--data-dir", &directory, "--listen", &listen];
    let output = Program::new(FOREBAY, 3).args(args).run();
    drop(fs::remove_dir_all(&data));
    let lines: Vec<&str> = output
        .stderr
        .lines()
        .filter(|line| line.contains("tmpfs"))
        .collect();
    assert!(
        lines.len() == 1 && lines[0].contains(&directory),
        "{output:?}"
    );
}

#[test]
fn a_data_directory_below_a_file_is_refused() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("not-a-directory");
    fs::write(&file, "a file").expect("target/ can be written");
    let output = refused(&file, free_port());
    fs::remove_file(&file).expect("it was just written");
    says_in_one_line(&output, &file.display().to_string());
}

#[test]
fn a_read_only_data_directory_is_refused() {
    // Root may write anywhere but into a file system that takes no writes.
    let data = Path::new("/proc/forebay-test");
    says_in_one_line(&refused(data, free_port()), "/proc/forebay-test");
}
