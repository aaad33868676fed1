//! A file system with one file, which is the device: so that the kernel can make a disk of it.
//!
//! Speaks to the kernel through `/dev/fuse` itself: a file of a fixed size that is never listed
//! needs ten of its operations. Structures and numbers are those of `linux/fuse.h`.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;

use super::device::{Device, Life};

/// The name of the file.
pub const FILE_NAME: &str = "disk";

/// The most bytes of one read or write, which is the most that the kernel asks for.
const TRANSFER_BYTES_MAX: usize = 1 << 20;

/// The kernel wants room for a request's header and arguments beside its bytes.
const REQUEST_ROOM: usize = TRANSFER_BYTES_MAX + 8192;
const REQUEST_HEADER_BYTES: usize = 40;

/// The protocol of which the structures here are.
const VERSION: [u32; 2] = [7, 31];

/// Flags of INIT: reads at once, writes and reads of more than a page, more than 32 of them.
const ASYNC_READ: u32 = 1;
const BIG_WRITES: u32 = 1 << 5;
const MAX_PAGES: u32 = 1 << 22;

/// A flag of OPEN: nothing of the file is kept in the kernel's memory.
const DIRECT_IO: u32 = 1;

const ROOT: u64 = 1;
const FILE: u64 = 2;

/// Seconds for which the kernel may remember a name or an attribute: none of them ever changes.
const VALID_SECONDS: u64 = 3600;

const ENOENT: i32 = 2;
const EIO: i32 = 5;
const ENOSYS: i32 = 38;

/// Mounts the file system at `path` and serves it until it is unmounted.
pub fn mount(device: &Arc<Device>, path: &Path) -> Result<(), String> {
    let kernel = File::options().read(true).write(true).open("/dev/fuse");
    let kernel = kernel.map_err(|error| format!("/dev/fuse cannot be opened: {error}"))?;
    let options = "fd=0,rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions";
    let mount = ["mount", "-i", "-t", "fuse", "-o", options, "forebay-disk"];
    let is_mounted = [&mount[..], &[&["sudo", "-n"], &mount[..]].concat()]
        .iter()
        .any(|words| {
            let kernel = kernel.try_clone().expect("a file can be opened twice");
            let mut command = Command::new(words[0]);
            command
                .args(&words[1..])
                .arg(path)
                .stdin(Stdio::from(kernel));
            let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
            status.is_ok_and(|status| status.success())
        });
    if !is_mounted {
        return Err("a FUSE file system cannot be mounted: that needs root".to_owned());
    }
    let device = Arc::clone(device);
    thread::spawn(move || serve(kernel, &device));
    Ok(())
}

fn serve(mut kernel: File, device: &Device) {
    let mut memory = vec![0; REQUEST_ROOM];
    loop {
        let length = match kernel.read(&mut memory) {
            Ok(length) => length,
            // The kernel took back what it had asked.
            Err(error) if error.raw_os_error() == Some(ENOENT) => continue,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // It was unmounted.
            Err(_) => return,
        };
        let (header, body) = memory[..length].split_at(REQUEST_HEADER_BYTES);
        let mut header = Fields(header);
        let (_length, operation) = (header.u32(), header.u32());
        let (unique, node) = (header.u64(), header.u64());
        let Some(answer) = answer(device, operation, node, body) else {
            continue;
        };
        let (error, answer) = match answer {
            Ok(answer) => (0, answer),
            Err(errno) => (-errno, Vec::new()),
        };
        let mut bytes = Bytes::default();
        bytes
            .u32(16 + answer.len() as u32)
            .u32(error as u32)
            .u64(unique);
        bytes.0.extend(answer);
        // An answer is refused where nobody waits for it any more.
        drop(kernel.write(&bytes.0));
    }
}

/// The answer to an operation, or an error number; `None` where the kernel waits for none.
fn answer(device: &Device, operation: u32, node: u64, body: &[u8]) -> Option<Result<Vec<u8>, i32>> {
    const LOOKUP: u32 = 1;
    const FORGET: u32 = 2;
    const GETATTR: u32 = 3;
    const OPEN: u32 = 14;
    const READ: u32 = 15;
    const WRITE: u32 = 16;
    const STATFS: u32 = 17;
    const RELEASE: u32 = 18;
    const FSYNC: u32 = 20;
    const FLUSH: u32 = 25;
    const INIT: u32 = 26;
    const INTERRUPT: u32 = 36;
    const DESTROY: u32 = 38;
    const BATCH_FORGET: u32 = 42;
    let mut fields = Fields(body);
    let done = |result: io::Result<Vec<u8>>| Some(result.map_err(|_| EIO));
    match operation {
        INIT => {
            let (_major, _minor) = (fields.u32(), fields.u32());
            Some(Ok(init(fields.u32(), fields.u32())))
        }
        LOOKUP if body.strip_suffix(&[0]) == Some(FILE_NAME.as_bytes()) => {
            let mut bytes = Bytes::default();
            // The node, its generation, how long name and attributes hold, in seconds and more.
            bytes
                .u64(FILE)
                .u64(0)
                .u64(VALID_SECONDS)
                .u64(VALID_SECONDS)
                .u64(0);
            Some(Ok(bytes.attributes(device, FILE).0))
        }
        LOOKUP => Some(Err(ENOENT)),
        GETATTR => {
            let mut bytes = Bytes::default();
            bytes.u64(VALID_SECONDS).u64(0);
            Some(Ok(bytes.attributes(device, node).0))
        }
        OPEN => {
            let mut bytes = Bytes::default();
            bytes.u64(device.open().0).u32(DIRECT_IO).u32(0);
            Some(Ok(bytes.0))
        }
        READ => {
            let (life, offset, length) = (Life(fields.u64()), fields.u64(), fields.u32());
            done(device.read(life, offset, length as usize))
        }
        WRITE => {
            let (life, offset, length) = (Life(fields.u64()), fields.u64(), fields.u32());
            let bytes = &body[body.len() - length as usize..];
            let mut written = Bytes::default();
            written.u32(length).u32(0);
            done(device.write(life, offset, bytes).map(|()| written.0))
        }
        FSYNC => done(device.sync(Life(fields.u64())).map(|()| Vec::new())),
        STATFS => Some(Ok(vec![0; 80])),
        RELEASE | FLUSH | DESTROY => Some(Ok(Vec::new())),
        FORGET | BATCH_FORGET | INTERRUPT => None,
        _ => Some(Err(ENOSYS)),
    }
}

fn init(readahead: u32, offered: u32) -> Vec<u8> {
    const PAGES_MAX: u32 = (TRANSFER_BYTES_MAX >> 12) as u32;
    let mut bytes = Bytes::default();
    bytes.u32(VERSION[0]).u32(VERSION[1]).u32(readahead);
    bytes.u32(offered & (ASYNC_READ | BIG_WRITES | MAX_PAGES));
    // Requests in the background, and how many of them are many: two small numbers.
    bytes.u32(12 | 10 << 16);
    bytes.u32(TRANSFER_BYTES_MAX as u32);
    // Times are in nanoseconds.
    bytes.u32(1);
    bytes.u32(PAGES_MAX);
    bytes.0.resize(64, 0);
    bytes.0
}

/// Numbers at the start of a structure, one after the other.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn u32(&mut self) -> u32 {
        let (number, rest) = self
            .0
            .split_first_chunk()
            .expect("the kernel sends all of it");
        self.0 = rest;
        u32::from_ne_bytes(*number)
    }

    fn u64(&mut self) -> u64 {
        let (number, rest) = self
            .0
            .split_first_chunk()
            .expect("the kernel sends all of it");
        self.0 = rest;
        u64::from_ne_bytes(*number)
    }
}

/// The same for an answer.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn u32(&mut self, number: u32) -> &mut Self {
        self.0.extend(number.to_ne_bytes());
        self
    }

    fn u64(&mut self, number: u64) -> &mut Self {
        self.0.extend(number.to_ne_bytes());
        self
    }

    fn attributes(mut self, device: &Device, node: u64) -> Self {
        const FOLDER_MODE: u32 = 0o040_755;
        const FILE_MODE: u32 = 0o100_666;
        let (mode, size) = match node {
            ROOT => (FOLDER_MODE, 0),
            _ => (FILE_MODE, device.bytes()),
        };
        // The node, its size and blocks, three times in seconds and then in nanoseconds.
        self.u64(node)
            .u64(size)
            .u64(0)
            .u64(0)
            .u64(0)
            .u64(0)
            .u32(0)
            .u32(0)
            .u32(0);
        // Its mode, one link, user and group, no device, the size of a block, no flags.
        self.u32(mode).u32(1).u32(0).u32(0).u32(0).u32(4096).u32(0);
        self
    }
}
