//! The log's requests, performed one after the other on real files.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use bytes::Bytes;
use forebay::log::storage::{
    FileId, FolderEntry, IO_BLOCK_BYTES, StorageOutcome, StoragePath, StorageRequest,
};

/// A log directory.
pub struct Disk {
    pub root: PathBuf,
    files: BTreeMap<FileId, File>,
}

impl Disk {
    pub fn new(root: PathBuf) -> Self {
        Self {
            root,
            files: BTreeMap::new(),
        }
    }

    pub fn path(&self, path: &StoragePath) -> PathBuf {
        self.root.join(path.relative.as_ref())
    }

    pub fn perform(&mut self, request: StorageRequest) -> StorageOutcome {
        match request {
            StorageRequest::Open { file, path, create } => {
                let mut options = OpenOptions::new();
                options.read(true).write(true).create_new(create);
                let opened = options.open(self.path(&path)).expect("the file opens");
                let length = opened.metadata().expect("it has a length").len();
                self.files.insert(file, opened);
                return StorageOutcome::Opened { length };
            }
            StorageRequest::Allocate { file, length } => {
                let file = &self.files[&file];
                let known = file.metadata().expect("it has a length").len();
                file.set_len(known.max(length)).expect("it grows");
            }
            StorageRequest::Write {
                file,
                position,
                slices,
                ..
            } => {
                let mut block = slices.concat();
                let unit = usize::try_from(IO_BLOCK_BYTES).expect("a block fits");
                block.resize(block.len().next_multiple_of(unit), 0);
                let file = &self.files[&file];
                file.write_all_at(&block, position).expect("it is written");
            }
            StorageRequest::Sync { .. } => {}
            StorageRequest::Read {
                file,
                position,
                length,
            } => return self.read(file, position, length),
            StorageRequest::Truncate { file, length } => {
                self.files[&file].set_len(length).expect("it is cut");
            }
            StorageRequest::Close { file } => {
                self.files.remove(&file).expect("it was open");
            }
            StorageRequest::ReadFile { path } => {
                return match fs::read(self.path(&path)) {
                    Ok(bytes) => StorageOutcome::Data(Bytes::from(bytes)),
                    Err(error) if error.kind() == ErrorKind::NotFound => StorageOutcome::Missing,
                    Err(error) => panic!("{path}: {error}"),
                };
            }
            StorageRequest::ReplaceFile { path, contents } => {
                fs::write(self.path(&path), contents).expect("it is written");
            }
            StorageRequest::CreateFolder { path } => {
                fs::create_dir_all(self.path(&path)).expect("it is made");
            }
            StorageRequest::Rename { from, to } => {
                fs::rename(self.path(&from), self.path(&to)).expect("it is renamed");
            }
            StorageRequest::Remove { path } => {
                if let Err(error) = fs::remove_file(self.path(&path)) {
                    assert_eq!(error.kind(), ErrorKind::NotFound, "{path}");
                }
            }
            StorageRequest::List { path } => return self.list(&path),
            StorageRequest::Seal { .. }
            | StorageRequest::SyncAll { .. }
            | StorageRequest::DescribeRoom { .. } => {
                unreachable!("a log that is closed by itself does not ask")
            }
        }
        StorageOutcome::Done
    }

    fn read(&self, file: FileId, position: u64, length: u64) -> StorageOutcome {
        let mut bytes = vec![0; usize::try_from(length).expect("it fits")];
        let mut read = 0;
        loop {
            let at = position + read as u64;
            let more = self.files[&file].read_at(&mut bytes[read..], at);
            match more.expect("it is read") {
                0 => break,
                count => read += count,
            }
        }
        bytes.truncate(read);
        StorageOutcome::Data(Bytes::from(bytes))
    }

    fn list(&self, path: &StoragePath) -> StorageOutcome {
        let entries = fs::read_dir(self.path(path)).expect("it is a folder");
        let mut entries: Vec<FolderEntry> = entries
            .map(|entry| {
                let entry = entry.expect("it is listed");
                let metadata = entry.metadata().expect("it is known");
                FolderEntry {
                    name: entry.file_name().into_string().expect("names are text"),
                    is_folder: metadata.is_dir(),
                    length: metadata.len(),
                    modified_ms: 0,
                }
            })
            .collect();
        entries.sort();
        StorageOutcome::Entries(entries)
    }
}
