//! Small files and folders, by plain blocking calls. Every change of a name is synced in its
//! folder before the call returns.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use bytes::Bytes;

use crate::config::SyncMethod;
use crate::log::storage::{FolderEntry, StorageOutcome};

use super::descriptor::open_direct;

/// More than this is no small file; reading it whole would take memory that nobody has granted.
const SMALL_FILE_BYTES_MAX: u64 = 256 << 20;

/// Open `path` for direct IO, synced in this way, and say how long it is.
pub(in crate::runtime) fn open_segment(
    path: &Path,
    create: bool,
    method: SyncMethod,
) -> io::Result<(OwnedFd, u64)> {
    let file = File::from(open_direct(path, create, method)?);
    if create {
        sync_parent(path)?;
    }
    let length = file.metadata()?.len();
    Ok((file.into(), length))
}

/// Read a small file whole.
pub(in crate::runtime) fn read_file(path: &Path) -> io::Result<StorageOutcome> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(StorageOutcome::Missing);
        }
        opened => opened?,
    };
    let mut contents = Vec::new();
    file.take(SMALL_FILE_BYTES_MAX + 1)
        .read_to_end(&mut contents)?;
    if contents.len() as u64 > SMALL_FILE_BYTES_MAX {
        return Err(io::Error::from_raw_os_error(libc::EFBIG));
    }
    Ok(StorageOutcome::Data(contents.into()))
}

/// Put `contents` at `path` so that a crash leaves either what was there or all of it.
pub(in crate::runtime) fn replace_file(
    path: &Path,
    contents: &Bytes,
) -> io::Result<StorageOutcome> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".tmp");
    let aside = Path::new(&aside);
    if let Err(error) = write_file(aside, contents) {
        // What a full disk has taken of it is room that others need.
        drop(fs::remove_file(aside));
        return Err(error);
    }
    fs::rename(aside, path)?;
    sync_parent(path)?;
    Ok(StorageOutcome::Done)
}

fn write_file(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(contents)?;
    file.sync_all()
}

/// Make a folder; no error if it is there.
pub(in crate::runtime) fn create_folder(path: &Path) -> io::Result<StorageOutcome> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
        made => made?,
    }
    sync_parent(path)?;
    Ok(StorageOutcome::Done)
}

/// Give a file or folder another name; no error if a folder has it already, from a try that failed
/// after the change.
pub(in crate::runtime) fn rename(from: &Path, to: &Path) -> io::Result<StorageOutcome> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && to.is_dir() => {}
        renamed => renamed?,
    }
    sync_parent(to)?;
    if from.parent() != to.parent() {
        sync_parent(from)?;
    }
    Ok(StorageOutcome::Done)
}

/// Remove a file, or a folder with all it holds; no error if it is not there.
pub(in crate::runtime) fn remove(path: &Path) -> io::Result<StorageOutcome> {
    let removed = fs::symlink_metadata(path).and_then(|facts| {
        if facts.is_dir() {
            fs::remove_dir_all(path)
        } else {
            fs::remove_file(path)
        }
    });
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        removed => {
            removed?;
            sync_parent(path)?;
        }
    }
    Ok(StorageOutcome::Done)
}

/// List a folder, sorted by name. Names that are not UTF-8 are none of ours and left out.
pub(in crate::runtime) fn list(path: &Path) -> io::Result<StorageOutcome> {
    let found = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(StorageOutcome::Missing);
        }
        found => found?,
    };
    let mut entries = Vec::new();
    for entry in found {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            // A log directory may hold ten thousand of them: they are not asked for more.
            entries.push(FolderEntry {
                name,
                is_folder: true,
                length: 0,
                modified_ms: 0,
            });
            continue;
        }
        match entry.metadata() {
            // Removed since it was found.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            facts => entries.push(folder_entry(name, &facts?)),
        }
    }
    entries.sort();
    Ok(StorageOutcome::Entries(entries))
}

/// The room of the file system that holds the folder. What root alone may still write does not
/// count as usable.
pub(in crate::runtime) fn describe_room(path: &Path) -> io::Result<StorageOutcome> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let mut facts = MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: the path ends with a zero, and the kernel fills all of `facts` or says that it did
    // not.
    let facts = unsafe {
        if libc::statvfs(path.as_ptr(), facts.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        facts.assume_init()
    };
    Ok(StorageOutcome::Room {
        total_bytes: facts.f_frsize * facts.f_blocks,
        usable_bytes: facts.f_frsize * facts.f_bavail,
    })
}

/// Cut an open file to exactly `length` bytes, durably.
pub(in crate::runtime) fn truncate(file: &File, length: u64) -> io::Result<()> {
    file.set_len(length)?;
    file.sync_all()
}

/// Cut an open file to exactly `length` bytes and write the small files `beside`, durable only with
/// [`sync_all`].
pub(in crate::runtime) fn seal(
    file: &File,
    length: u64,
    beside: &[(PathBuf, Bytes)],
) -> io::Result<()> {
    file.set_len(length)?;
    for (path, contents) in beside {
        fs::write(path, contents)?;
    }
    Ok(())
}

/// Make all that was done on the file system of a folder durable.
pub(in crate::runtime) fn sync_all(path: &Path) -> io::Result<StorageOutcome> {
    let folder = File::open(path)?;
    // SAFETY: the descriptor is open.
    match unsafe { libc::syncfs(folder.as_raw_fd()) } {
        0 => Ok(StorageOutcome::Done),
        _ => Err(io::Error::last_os_error()),
    }
}

fn folder_entry(name: String, facts: &fs::Metadata) -> FolderEntry {
    let modified = facts.modified().unwrap_or(UNIX_EPOCH);
    let modified = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    FolderEntry {
        name,
        is_folder: facts.is_dir(),
        length: if facts.is_dir() { 0 } else { facts.len() },
        modified_ms: i64::try_from(modified.as_millis()).unwrap_or(i64::MAX),
    }
}

fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path
        .parent()
        .expect("a path in a log directory has a parent");
    File::open(parent)?.sync_all()
}
