//! The disk for one thread that has nothing else to do: each request is performed by plain calls
//! before the next one is looked at. For work on the directories of a broker that does not run.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::log::storage::{
    DirectoryIndex, Durability, FileId, IO_BLOCK_BYTES, StorageFailure, StorageOutcome,
    StoragePath, StorageRequest, StorageResult,
};

use super::disk::folders;

/// Log directories, and the files in them that are open.
#[derive(Debug)]
pub struct PlainDisk {
    directories: Vec<PathBuf>,
    files: BTreeMap<FileId, (File, StoragePath)>,
}

impl PlainDisk {
    /// The disk of these log directories.
    #[must_use]
    pub const fn new(directories: Vec<PathBuf>) -> Self {
        Self {
            directories,
            files: BTreeMap::new(),
        }
    }

    /// Where the file system has `path`.
    ///
    /// # Panics
    /// If it is in none of the directories.
    #[must_use]
    pub fn full_path(&self, path: &StoragePath) -> PathBuf {
        self.directories[usize::from(path.directory.0)].join(path.relative.as_ref())
    }

    /// Perform `request`. What is durable when it completes is durable when this returns.
    ///
    /// # Errors
    /// If the disk fails, or has no room.
    ///
    /// # Panics
    /// If a file is named that is not open.
    pub fn perform(&mut self, request: StorageRequest) -> StorageResult {
        let operation = request.operation();
        let (path, position) = self.place(&request);
        self.try_perform(request).map_err(|error| StorageFailure {
            operation,
            path,
            position,
            errno: error.raw_os_error().unwrap_or(libc::EIO),
        })
    }

    fn open_file(&self, file: FileId) -> &(File, StoragePath) {
        let open = self.files.get(&file);
        open.expect("what is asked of a file is asked while it is open")
    }

    fn place(&self, request: &StorageRequest) -> (StoragePath, u64) {
        match request {
            StorageRequest::Write { file, position, .. }
            | StorageRequest::Read { file, position, .. } => {
                (self.open_file(*file).1.clone(), *position)
            }
            StorageRequest::Allocate { file, .. }
            | StorageRequest::Sync { file }
            | StorageRequest::Truncate { file, .. }
            | StorageRequest::Seal { file, .. } => (self.open_file(*file).1.clone(), 0),
            // Also of a file that could not be opened; it does not fail.
            StorageRequest::Close { .. } => (StoragePath::new(DirectoryIndex(0), ""), 0),
            StorageRequest::Open { path, .. }
            | StorageRequest::ReadFile { path }
            | StorageRequest::ReplaceFile { path, .. }
            | StorageRequest::CreateFolder { path }
            | StorageRequest::Rename { from: path, .. }
            | StorageRequest::Remove { path }
            | StorageRequest::List { path }
            | StorageRequest::DescribeRoom { path } => (path.clone(), 0),
            StorageRequest::SyncAll { directory } => (StoragePath::new(*directory, ""), 0),
        }
    }

    fn try_perform(&mut self, request: StorageRequest) -> io::Result<StorageOutcome> {
        match request {
            StorageRequest::Open { file, path, create } => return self.open(file, path, create),
            StorageRequest::Allocate { file, length } => {
                let file = &self.open_file(file).0;
                if file.metadata()?.len() < length {
                    file.set_len(length)?;
                }
            }
            StorageRequest::Write {
                file,
                position,
                slices,
                durability,
            } => {
                let file = &self.open_file(file).0;
                file.write_all_at(&filled_up(&slices), position)?;
                if durability == Durability::Synced {
                    file.sync_data()?;
                }
            }
            StorageRequest::Sync { file } => self.open_file(file).0.sync_data()?,
            StorageRequest::Read {
                file,
                position,
                length,
            } => {
                let bytes = read_at(&self.open_file(file).0, position, length)?;
                return Ok(StorageOutcome::Data(bytes));
            }
            StorageRequest::Truncate { file, length } => {
                folders::truncate(&self.open_file(file).0, length)?;
            }
            StorageRequest::Seal {
                file,
                length,
                beside,
            } => {
                let beside = beside.into_iter();
                let beside: Vec<(PathBuf, Bytes)> = beside
                    .map(|(path, contents)| (self.full_path(&path), contents))
                    .collect();
                folders::seal(&self.open_file(file).0, length, &beside)?;
            }
            StorageRequest::Close { file } => drop(self.files.remove(&file)),
            StorageRequest::ReadFile { path } => return folders::read_file(&self.full_path(&path)),
            StorageRequest::ReplaceFile { path, contents } => {
                return folders::replace_file(&self.full_path(&path), &contents);
            }
            StorageRequest::CreateFolder { path } => {
                return folders::create_folder(&self.full_path(&path));
            }
            StorageRequest::Rename { from, to } => {
                return folders::rename(&self.full_path(&from), &self.full_path(&to));
            }
            StorageRequest::Remove { path } => return folders::remove(&self.full_path(&path)),
            StorageRequest::List { path } => return folders::list(&self.full_path(&path)),
            StorageRequest::SyncAll { directory } => {
                let path = StoragePath::new(directory, "");
                return folders::sync_all(&self.full_path(&path));
            }
            StorageRequest::DescribeRoom { path } => {
                return folders::describe_room(&self.full_path(&path));
            }
        }
        Ok(StorageOutcome::Done)
    }

    fn open(
        &mut self,
        file: FileId,
        path: StoragePath,
        create: bool,
    ) -> io::Result<StorageOutcome> {
        let full = self.full_path(&path);
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .create(create)
            .truncate(false)
            .open(&full)?;
        if create {
            sync_name(&full)?;
        }
        let length = opened.metadata()?.len();
        self.files.insert(file, (opened, path));
        Ok(StorageOutcome::Opened { length })
    }
}

fn sync_name(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// The slices one after the other, the last block filled up with zeros.
fn filled_up(slices: &[Bytes]) -> Vec<u8> {
    let mut bytes = slices.concat();
    let unit = usize::try_from(IO_BLOCK_BYTES).expect("a block fits into memory");
    bytes.resize(bytes.len().next_multiple_of(unit), 0);
    bytes
}

/// The bytes from `position`, fewer than `length` only where the file ends.
fn read_at(file: &File, position: u64, length: u64) -> io::Result<Bytes> {
    let length = usize::try_from(length).map_err(io::Error::other)?;
    let mut bytes = vec![0; length];
    let mut found = 0;
    while found < length {
        match file.read_at(&mut bytes[found..], position + found as u64) {
            Ok(0) => break,
            Ok(count) => found += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(found);
    Ok(Bytes::from(bytes))
}
