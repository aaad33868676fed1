//! What a core can ask of the disk, and what it can be told.
//!
//! Everything that is stored (partition logs, the metadata log, checkpoints) speaks this
//! vocabulary: a request goes into a [`StorageOutbox`], its completion comes back with the same
//! [`Ticket`]. The runtime performs requests with direct IO, the simulator with a disk that fails.
//!
//! Rules of the contract:
//! - Requests may complete in any order, except that requests on one [`FileId`] start in the order
//!   in which they were made, and a later one starts only after [`StorageRequest::Open`] finished.
//!   Two writes on one file may still overtake each other: who needs an order waits.
//! - A request completes exactly once, also when it fails.
//! - A file is closed by whoever asked for it, also when opening it failed.
//! - A failed write or sync is never tried again: what is on the disk is then unknown.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

/// The unit of direct IO: positions of reads and writes are multiples of it.
///
/// 4096 covers every device in use; what a device claims below is not trusted, since the claim is
/// read from another device on multi-disk machines.
pub const IO_BLOCK_BYTES: u64 = 4096;

/// Linux' numbers of the errors that are told apart, most of which an operator can do something
/// about.
const NOT_FOUND: i32 = 2;
const IO_ERROR: i32 = 5;
const TOO_MANY_FILES: i32 = 24;
const NO_SPACE: i32 = 28;
const READ_ONLY: i32 = 30;
const QUOTA_EXCEEDED: i32 = 122;

/// One of the broker's log directories, by its position in `log.dirs`.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct DirectoryIndex(pub u16);

impl DirectoryIndex {
    /// The directory at this `place` in a list of all.
    ///
    /// # Panics
    /// If there are more of them than a broker can have.
    #[must_use]
    pub fn at(place: usize) -> Self {
        Self(u16::try_from(place).expect("log directories are few"))
    }
}

/// A file or folder inside a log directory.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct StoragePath {
    /// The log directory.
    pub directory: DirectoryIndex,
    /// The path below it, with `/` between its parts; empty for the log directory itself.
    pub relative: Arc<str>,
}

impl StoragePath {
    /// The path `relative` below `directory`.
    #[must_use]
    pub fn new(directory: DirectoryIndex, relative: &str) -> Self {
        Self {
            directory,
            relative: Arc::from(relative),
        }
    }

    /// The path of `name` inside this folder.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        if self.relative.is_empty() {
            Self::new(self.directory, name)
        } else {
            Self::new(self.directory, &format!("{}/{name}", self.relative))
        }
    }
}

impl fmt::Display for StoragePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.relative)
    }
}

/// A segment file that is open for direct IO. The core chooses the number and never reuses it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FileId(pub u64);

/// Whom a completion belongs to: a slot of the shard's tables and the slot's incarnation, so that
/// a completion for something gone is dropped instead of reaching its successor.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct StorageOwner {
    /// The place in the shard's table.
    pub slot: u32,
    /// How often the place was taken before.
    pub incarnation: u32,
}

/// Names one request for the one who made it.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Ticket {
    /// Who asked.
    pub owner: StorageOwner,
    /// The owner's own number of the request.
    pub sequence: u64,
}

/// How soon a write must survive a power cut.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Durability {
    /// Before it completes.
    Synced,
    /// When a later [`StorageRequest::Sync`] of the file, or [`StorageRequest::SyncAll`] of its log
    /// directory, completes.
    Later,
}

/// A piece of work for the disk.
#[derive(Clone, Debug)]
pub enum StorageRequest {
    /// Open a segment file for direct IO; with `create`, make it and make its name durable.
    /// Completes with [`StorageOutcome::Opened`].
    Open {
        file: FileId,
        path: StoragePath,
        create: bool,
    },
    /// Make the file at least `length` bytes long and reserve the blocks, so that a write below
    /// that end cannot meet a full disk. The new bytes read as zeros.
    Allocate { file: FileId, length: u64 },
    /// Write `slices` one after the other from `position`, a multiple of [`IO_BLOCK_BYTES`]. The
    /// last block is filled up with zeros; the file grows where needed.
    Write {
        file: FileId,
        position: u64,
        slices: Vec<Bytes>,
        durability: Durability,
    },
    /// Make every completed write of the file survive a power cut.
    Sync { file: FileId },
    /// Read `length` bytes from `position`, both multiples of [`IO_BLOCK_BYTES`]. Completes with
    /// [`StorageOutcome::Data`], shorter only where the file ends.
    Read {
        file: FileId,
        position: u64,
        length: u64,
    },
    /// Cut the file to exactly `length` bytes, durably.
    Truncate { file: FileId, length: u64 },
    /// Cut the file to exactly `length` bytes and put the small files `beside` in their places, so
    /// that a later [`StorageRequest::SyncAll`] makes all of it durable. Until then a crash may
    /// leave any part of it, of the contents of a small file too.
    Seal {
        file: FileId,
        length: u64,
        beside: Vec<(StoragePath, Bytes)>,
    },
    /// Close the file after what was asked of it before.
    Close { file: FileId },
    /// Read a small file whole. Completes with [`StorageOutcome::Data`] or
    /// [`StorageOutcome::Missing`].
    ReadFile { path: StoragePath },
    /// Put a small file in place of an older one or none, durably and at once: after a crash
    /// either the old contents are there or the new ones.
    ReplaceFile { path: StoragePath, contents: Bytes },
    /// Make a folder, durably; no error if it exists.
    CreateFolder { path: StoragePath },
    /// Give a file or folder another name in the same log directory, durably. The open files in a
    /// renamed folder stay open. It can be asked again for a folder after it failed.
    Rename { from: StoragePath, to: StoragePath },
    /// Remove a file, or a folder with all it holds, durably; no error if it does not exist.
    Remove { path: StoragePath },
    /// List a folder. Completes with [`StorageOutcome::Entries`] or [`StorageOutcome::Missing`].
    List { path: StoragePath },
    /// Make everything that has completed in the log directory survive a power cut.
    SyncAll { directory: DirectoryIndex },
    /// Tell how much room there is around a folder. Completes with [`StorageOutcome::Room`].
    DescribeRoom { path: StoragePath },
}

impl StorageRequest {
    /// The open file that it is about.
    #[must_use]
    pub const fn file(&self) -> Option<FileId> {
        match self {
            Self::Open { file, .. }
            | Self::Allocate { file, .. }
            | Self::Write { file, .. }
            | Self::Sync { file }
            | Self::Read { file, .. }
            | Self::Truncate { file, .. }
            | Self::Seal { file, .. }
            | Self::Close { file } => Some(*file),
            _ => None,
        }
    }

    /// True if it may find no room where there was some before: it makes names, or bytes that
    /// nothing was reserved for.
    #[must_use]
    pub const fn takes_room(&self) -> bool {
        matches!(
            self,
            Self::Open { create: true, .. }
                | Self::Allocate { .. }
                | Self::Seal { .. }
                | Self::ReplaceFile { .. }
                | Self::CreateFolder { .. }
                | Self::Rename { .. }
        )
    }

    /// What it does, in one word.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        match self {
            Self::Open { .. } => "open",
            Self::Allocate { .. } => "allocate",
            Self::Write { .. } => "write",
            Self::Sync { .. } => "sync",
            Self::Read { .. } => "read",
            Self::Truncate { .. } => "truncate",
            Self::Seal { .. } => "seal",
            Self::Close { .. } => "close",
            Self::ReadFile { .. } => "read file",
            Self::ReplaceFile { .. } => "replace file",
            Self::CreateFolder { .. } => "create folder",
            Self::Rename { .. } => "rename",
            Self::Remove { .. } => "remove",
            Self::List { .. } => "list",
            Self::SyncAll { .. } => "sync all",
            Self::DescribeRoom { .. } => "describe",
        }
    }
}

/// An entry of a listed folder.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct FolderEntry {
    /// The name within the folder.
    pub name: String,
    /// True for a folder.
    pub is_folder: bool,
    /// The size in bytes, zero for a folder.
    pub length: u64,
    /// When a file was last written, in milliseconds since the Unix epoch.
    pub modified_ms: i64,
}

/// What a request brought.
#[derive(Clone, Debug)]
pub enum StorageOutcome {
    /// It is done.
    Done,
    /// The file is open and has this many bytes.
    Opened { length: u64 },
    /// The bytes that were read.
    Data(Bytes),
    /// What the folder holds, sorted by name.
    Entries(Vec<FolderEntry>),
    /// The size of the file system that holds the folder, and what this process may still write.
    Room { total_bytes: u64, usable_bytes: u64 },
    /// The file or folder does not exist.
    Missing,
}

/// The environment failed: what could not be done, where, and the kernel's reason.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StorageFailure {
    /// What was tried: `write`, `sync`, `open`, ….
    pub operation: &'static str,
    /// The file or folder.
    pub path: StoragePath,
    /// Where in the file, in bytes.
    pub position: u64,
    /// The kernel's error number.
    pub errno: i32,
}

impl fmt::Display for StorageFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            operation,
            path,
            position,
            errno,
        } = self;
        let reason = std::io::Error::from_raw_os_error(*errno);
        let advice = match *errno {
            NO_SPACE | QUOTA_EXCEEDED => ": make room on its disk",
            TOO_MANY_FILES => ": raise the limit of open files",
            IO_ERROR => ": the disk may be failing, see the kernel's log",
            READ_ONLY => ": mount its disk writable",
            _ => "",
        };
        write!(
            formatter,
            "{operation} of {path} at byte {position} failed: {reason}{advice}"
        )
    }
}

impl StorageFailure {
    /// True if there is no such file or folder.
    #[must_use]
    pub const fn is_absence(&self) -> bool {
        self.errno == NOT_FOUND
    }

    /// True if the disk was full: nothing is broken, and there may be room again later.
    #[must_use]
    pub const fn is_lack_of_space(&self) -> bool {
        matches!(self.errno, NO_SPACE | QUOTA_EXCEEDED)
    }
}

/// How a request ended.
pub type StorageResult = Result<StorageOutcome, StorageFailure>;

/// The requests that a core has made and the runtime has not yet taken.
#[derive(Debug, Default)]
pub struct StorageOutbox {
    requests: VecDeque<(Ticket, StorageRequest)>,
    next_file: u64,
    files_left: Option<usize>,
}

impl StorageOutbox {
    /// From now on this many files may be opened; `None` for any number.
    pub const fn allow_files(&mut self, count: Option<usize>) {
        self.files_left = count;
    }

    /// A number for a file that is to be opened; `None` if no other may be opened now.
    pub const fn new_file(&mut self) -> Option<FileId> {
        match &mut self.files_left {
            Some(0) => return None,
            Some(left) => *left -= 1,
            None => {}
        }
        Some(self.new_reserved_file())
    }

    /// A number for a file that is to be opened and is not among those that are counted.
    pub const fn new_reserved_file(&mut self) -> FileId {
        self.next_file += 1;
        FileId(self.next_file)
    }

    /// Ask for `request`; its completion will carry `ticket`.
    pub fn submit(&mut self, ticket: Ticket, request: StorageRequest) {
        self.requests.push_back((ticket, request));
    }

    /// The oldest request not yet taken.
    pub fn next_request(&mut self) -> Option<(Ticket, StorageRequest)> {
        self.requests.pop_front()
    }

    /// True if nothing waits to be taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }
}
