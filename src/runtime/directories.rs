//! The data directories: made, locked against a second broker, and tried for direct IO.

use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::failure::StartFailure;
use crate::log::storage::IO_BLOCK_BYTES;

/// The name that Kafka gives its lock as well, so that the two exclude each other.
const LOCK_NAME: &str = ".lock";
const PROBE_NAME: &str = ".direct-io-probe";

const RAMFS_MAGIC: i64 = 0x8584_58f6;

/// A data directory that this process owns while the value lives.
#[derive(Debug)]
pub(super) struct DataDirectory {
    /// The absolute path.
    pub path: PathBuf,
    /// One line for the operator if data here would not survive a power cut.
    pub warning: Option<String>,
    /// False if it cannot be used: every request there fails.
    pub is_usable: bool,
    _lock: Option<File>,
}

impl DataDirectory {
    /// A directory whose disk failed, for which a broker with others does not wait.
    pub(super) fn unusable(path: &Path, failure: &StartFailure) -> Self {
        Self {
            path: std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
            warning: Some(format!(
                "{failure}; until the next start the partitions there are offline"
            )),
            is_usable: false,
            _lock: None,
        }
    }
}

/// Why a data directory cannot be opened.
#[derive(Debug)]
pub(super) enum OpenFailure {
    /// Its disk fails, or is not there.
    Disk(StartFailure),
    /// It is not what a broker should use: somebody has to decide.
    Refused(StartFailure),
}

impl From<OpenFailure> for StartFailure {
    fn from(failure: OpenFailure) -> Self {
        match failure {
            OpenFailure::Disk(failure) | OpenFailure::Refused(failure) => failure,
        }
    }
}

/// Make `path` if needed, take it for this process, and check that it can be used.
pub(super) fn open_directory(path: &Path) -> Result<DataDirectory, OpenFailure> {
    create_directory(path).map_err(|error| unusable(path, &error))?;
    let path = fs::canonicalize(path).map_err(|error| unusable(path, &error))?;
    let lock = lock_directory(&path)?;
    let in_memory = is_in_memory(&path);
    probe_direct_io(&path).map_err(|error| probe_failure(&path, in_memory, &error))?;
    let warning = in_memory.then(|| {
        format!(
            "data directory {} is in memory (tmpfs): all records are lost when the host stops",
            path.display()
        )
    });
    Ok(DataDirectory {
        path,
        warning,
        is_usable: true,
        _lock: Some(lock),
    })
}

/// A data directory that no broker uses while the value lives.
#[derive(Debug)]
pub struct DirectoryLock {
    _file: File,
}

/// Take a data directory that is there already for this process, without a change in it other than
/// the lock's file.
///
/// # Errors
/// If there is no such directory, or a broker uses it.
pub fn lock_existing(path: &Path) -> Result<DirectoryLock, StartFailure> {
    let shown = path.display();
    match fs::metadata(path) {
        Ok(facts) if facts.is_dir() => {}
        Ok(_) => return Err(StartFailure::new(format!("{shown} is not a directory"))),
        Err(error) => {
            return Err(StartFailure::new(format!(
                "cannot read data directory {shown} ({error}): name one that exists"
            )));
        }
    }
    let file = lock_directory(path)?;
    Ok(DirectoryLock { _file: file })
}

/// Make `path` and what is missing above it, each with its name on the disk.
fn create_directory(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    create_directory(parent)?;
    fs::create_dir(path).or_else(|error| match error.kind() {
        io::ErrorKind::AlreadyExists if path.is_dir() => Ok(()),
        _ => Err(error),
    })?;
    File::open(parent)?.sync_all()
}

fn lock_directory(path: &Path) -> Result<File, OpenFailure> {
    let shown = path.display();
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path.join(LOCK_NAME));
    let file = opened.map_err(|error| unusable(path, &error))?;
    // SAFETY: all zeros is a valid `flock`: the whole file, from its start.
    let mut range: libc::flock = unsafe { std::mem::zeroed() };
    range.l_type = libc::F_WRLCK as libc::c_short;
    // A lock of the open file description: it meets the record lock that Kafka takes, and unlike
    // that one it survives another close of the file and excludes a second use in this process.
    // SAFETY: the kernel only reads `range`.
    let status = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &raw const range) };
    if status == 0 {
        return Ok(file);
    }
    let error = io::Error::last_os_error();
    Err(match error.raw_os_error() {
        Some(libc::EAGAIN | libc::EACCES) => OpenFailure::Refused(StartFailure::new(format!(
            "data directory {shown} is in use by another broker (its file {LOCK_NAME} is \
             locked): stop that broker, or use another directory"
        ))),
        _ => OpenFailure::Disk(StartFailure::new(format!(
            "cannot lock data directory {shown}: {error}"
        ))),
    })
}

fn is_in_memory(path: &Path) -> bool {
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else {
        return false;
    };
    // SAFETY: all zeros is a valid value to be overwritten.
    let mut facts: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: `path` ends with a zero byte and the kernel writes one `statfs`.
    let status = unsafe { libc::statfs(path.as_ptr(), &raw mut facts) };
    status == 0 && matches!(facts.f_type, libc::TMPFS_MAGIC | RAMFS_MAGIC)
}

/// Write and read one block past the page cache.
fn probe_direct_io(directory: &Path) -> io::Result<()> {
    #[repr(align(4096))]
    struct Aligned([u8; IO_BLOCK_BYTES as usize]);

    let path = directory.join(PROBE_NAME);
    let probe = || {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .custom_flags(libc::O_DIRECT)
            .open(&path)?;
        let written = Box::new(Aligned([0x5a; IO_BLOCK_BYTES as usize]));
        file.write_all_at(&written.0, 0)?;
        let mut read = Box::new(Aligned([0; IO_BLOCK_BYTES as usize]));
        file.read_exact_at(&mut read.0, 0)?;
        if read.0 == written.0 {
            Ok(())
        } else {
            Err(io::Error::other("what was written reads back differently"))
        }
    };
    let result = probe();
    // The probe may not exist if opening it failed; what matters is `result`.
    drop(fs::remove_file(&path));
    result
}

fn probe_failure(path: &Path, in_memory: bool, error: &io::Error) -> OpenFailure {
    let shown = path.display();
    let line = match error.raw_os_error() {
        Some(libc::EINVAL) if in_memory => format!(
            "data directory {shown} is on tmpfs, which on this kernel has no direct IO: put it \
             on a disk with ext4 or XFS"
        ),
        Some(libc::EINVAL) => format!(
            "the file system of data directory {shown} has no direct IO: put it on a disk with \
             ext4 or XFS"
        ),
        _ => return unusable(path, error),
    };
    OpenFailure::Refused(StartFailure::new(line))
}

/// Why the directory at `path` cannot be made or written to, and what to do about it.
fn unusable(path: &Path, error: &io::Error) -> OpenFailure {
    let shown = path.display();
    let line = match error.raw_os_error() {
        Some(libc::EROFS | libc::EACCES | libc::EPERM) => format!(
            "data directory {shown} is read-only for this user ({error}): mount it writable, or \
             give it to the user that runs the broker"
        ),
        Some(libc::EEXIST | libc::ENOTDIR) => format!(
            "data directory {shown} is not a directory ({error}): move away the file that stands \
             in its place, or use another directory"
        ),
        Some(libc::ENOSPC | libc::EDQUOT) => {
            format!("data directory {shown} is full ({error}): make room, or use another directory")
        }
        _ => format!("cannot use data directory {shown}: {error}"),
    };
    OpenFailure::Disk(StartFailure::new(line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::scratch::scratch;

    fn line_of(failure: OpenFailure) -> String {
        StartFailure::from(failure).to_string()
    }

    #[test]
    fn a_directory_is_made_with_all_above_it_and_locked() {
        let scratch = scratch();
        let path = scratch.path().join("a/b");
        let first = open_directory(&path).unwrap();
        assert_eq!(first.path, fs::canonicalize(&path).unwrap());
        assert!(!path.join(PROBE_NAME).exists());
        let second = line_of(open_directory(&path).unwrap_err());
        assert!(second.contains("in use by another broker"), "{second}");
        drop(first);
        open_directory(&path).unwrap();
    }

    #[test]
    fn a_record_lock_as_kafka_takes_it_keeps_us_out() {
        let scratch = scratch();
        let path = scratch.path().join(LOCK_NAME);
        let script = format!(
            "import fcntl,sys\nf=open({path:?},'w')\nfcntl.lockf(f,fcntl.LOCK_EX)\n\
             print('locked',flush=True)\nsys.stdin.read()\n"
        );
        let spawned = std::process::Command::new("python3")
            .args(["-c", &script])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn();
        let Ok(mut other) = spawned else {
            println!("not run: a_record_lock_as_kafka_takes_it_keeps_us_out needs python3");
            return;
        };
        let mut line = String::new();
        let mut said = io::BufReader::new(other.stdout.take().unwrap());
        io::BufRead::read_line(&mut said, &mut line).unwrap();
        let failure = line_of(open_directory(scratch.path()).unwrap_err());
        drop(other.stdin.take());
        other.wait().unwrap();
        assert!(failure.contains("in use by another broker"), "{failure}");
    }

    #[test]
    fn a_file_in_the_place_of_the_directory_is_one_clear_line() {
        let scratch = scratch();
        let path = scratch.path().join("file");
        fs::write(&path, b"").unwrap();
        let line = line_of(open_directory(&path).unwrap_err());
        assert!(line.contains("is not a directory"), "{line}");
        assert!(!line.contains('\n'), "{line}");
    }

    #[test]
    fn every_refusal_of_direct_io_says_what_to_do() {
        let path = Path::new("/data");
        let refused = io::Error::from_raw_os_error(libc::EINVAL);
        let full = io::Error::from_raw_os_error(libc::ENOSPC);
        for (in_memory, error, advice) in [
            (true, &refused, "tmpfs"),
            (false, &refused, "ext4 or XFS"),
            (false, &full, "make room"),
        ] {
            let line = line_of(probe_failure(path, in_memory, error));
            assert!(line.contains(advice), "{line}");
        }
    }
}
