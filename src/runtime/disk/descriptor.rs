//! Descriptors of segment files, and how the ring gets to use them.
//!
//! The library's own way of opening a file asks for the file system by a name that may be gone by
//! then, and panics. So files are opened here, off the shard, and the ring gets a duplicate of a
//! file that it knows, with our descriptor in the place of that one.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use glommio::io::{DmaFile, OpenOptions as DmaOpenOptions};

use crate::config::SyncMethod;

const TEMPLATE_NAME: &str = ".direct-io-template";

/// A file that the ring knows, whose descriptor can be exchanged. Call on the shard's executor.
pub(super) async fn open_template(directory: &Path) -> io::Result<DmaFile> {
    if !has_device_facts(directory) {
        return open_memory_template().await;
    }
    let thread = unique_number();
    let path = directory.join(format!("{TEMPLATE_NAME}.{thread}"));
    // Opened for writing only: the library then finds out by a failing read that the device is not
    // to be polled. Polled devices would keep the shard spinning while any request is under way.
    let template = DmaOpenOptions::new()
        .write(true)
        .create(true)
        .dma_open(&path)
        .await;
    fs::remove_file(&path)?;
    Ok(template?)
}

/// A file like `template`, on `descriptor`.
pub(super) fn adopt(template: &DmaFile, descriptor: &OwnedFd) -> io::Result<DmaFile> {
    let file = template.dup()?;
    // SAFETY: both descriptors are open; the duplicate's is closed and taken over in one step.
    let status = unsafe { libc::dup3(descriptor.as_raw_fd(), file.as_raw_fd(), libc::O_CLOEXEC) };
    match status {
        0.. => Ok(file),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Open a segment file for direct IO; its writes are synced in this way.
pub(super) fn open_direct(path: &Path, create: bool, method: SyncMethod) -> io::Result<OwnedFd> {
    let synced = match method {
        SyncMethod::Dsync => libc::O_DSYNC,
        SyncMethod::Fdatasync => 0,
    };
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(create)
        .truncate(false)
        .custom_flags(libc::O_DIRECT | synced)
        .open(path)?;
    Ok(file.into())
}

/// Open the file of `descriptor` once more, without O_DSYNC.
pub(super) fn reopen_plain(descriptor: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let path = format!("/proc/self/fd/{}", descriptor.as_raw_fd());
    let file = OpenOptions::new()
        .write(true)
        .custom_flags(libc::O_DIRECT)
        .open(path)?;
    Ok(file.into())
}

/// A file in memory has no device whose facts could be missing, but its writes don't use the memory
/// that is registered with the ring: 0.24 instead of 0.20 CPU-s/GB for 64 KiB writes.
async fn open_memory_template() -> io::Result<DmaFile> {
    // SAFETY: the name is a C string.
    let memory = unsafe { libc::memfd_create(c"forebay".as_ptr(), libc::MFD_CLOEXEC) };
    if memory < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel made this descriptor for us, and nobody else knows it.
    let memory = unsafe { OwnedFd::from_raw_fd(memory) };
    let path = format!("/proc/self/fd/{}", memory.as_raw_fd());
    let opened = DmaOpenOptions::new()
        .read(true)
        .write(true)
        .dma_open(path)
        .await;
    Ok(opened?)
}

/// True if all that the library reads of a block device can be read; it panics if it cannot.
fn has_device_facts(directory: &Path) -> bool {
    const NUMBERS: [&str; 7] = [
        "rotational",
        "minimum_io_size",
        "optimal_io_size",
        "logical_block_size",
        "physical_block_size",
        "max_sectors_kb",
        "max_segment_size",
    ];
    let Ok(facts) = fs::metadata(directory) else {
        return false;
    };
    // The library looks at minor number 0 whatever the file's own is.
    let device = format!("/sys/dev/block/{}:0", libc::major(facts.dev()));
    let device = match fs::canonicalize(device) {
        Ok(device) => device,
        Err(error) => return error.kind() == io::ErrorKind::NotFound,
    };
    let read = |name: &str| fs::read_to_string(device.join("queue").join(name));
    let is_number =
        |name: &&str| read(name).is_ok_and(|text| text.trim_matches('\n').parse::<isize>().is_ok());
    let is_cache = |text: String| matches!(text.trim_matches('\n'), "write back" | "write through");
    NUMBERS.iter().all(is_number)
        && read("write_cache").is_ok_and(is_cache)
        && fs::read_dir(device.join("slaves")).is_ok()
}

/// Tells the templates of threads apart that start at the same time.
fn unique_number() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
