//! A disk in memory that does at once what it is asked and never fails.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use forebay::log::storage::{
    FileId, FolderEntry, IO_BLOCK_BYTES, StorageFailure, StorageOutcome, StoragePath,
    StorageRequest, StorageResult,
};

const NO_ENTRY: i32 = 2;

#[derive(Default)]
pub struct MemoryDisk {
    pub files: BTreeMap<String, Vec<u8>>,
    pub folders: BTreeSet<String>,
    handles: BTreeMap<FileId, String>,
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).expect("what is in memory has a size")
}

impl MemoryDisk {
    fn file_mut(&mut self, file: FileId) -> &mut Vec<u8> {
        let name = self
            .handles
            .get(&file)
            .expect("a file is used while it is open");
        // A file that was removed lives on until nobody uses it.
        self.files.entry(name.clone()).or_default()
    }

    pub fn perform(&mut self, request: StorageRequest) -> StorageResult {
        Ok(match request {
            StorageRequest::Open { file, path, create } => return self.open(file, path, create),
            StorageRequest::Allocate { file, length } => {
                let bytes = self.file_mut(file);
                bytes.resize(bytes.len().max(size(length)), 0);
                StorageOutcome::Done
            }
            StorageRequest::Write {
                file,
                position,
                slices,
                ..
            } => {
                let mut block = slices.concat();
                block.resize(block.len().next_multiple_of(size(IO_BLOCK_BYTES)), 0);
                let (start, end) = (size(position), size(position) + block.len());
                let bytes = self.file_mut(file);
                bytes.resize(bytes.len().max(end), 0);
                bytes[start..end].copy_from_slice(&block);
                StorageOutcome::Done
            }
            StorageRequest::Sync { .. } => StorageOutcome::Done,
            StorageRequest::Read {
                file,
                position,
                length,
            } => {
                let bytes = self.file_mut(file);
                let start = size(position).min(bytes.len());
                let end = size(position + length).min(bytes.len());
                StorageOutcome::Data(Bytes::copy_from_slice(&bytes[start..end]))
            }
            StorageRequest::Truncate { file, length } => {
                self.file_mut(file).resize(size(length), 0);
                StorageOutcome::Done
            }
            StorageRequest::Seal {
                file,
                length,
                beside,
            } => self.seal(file, length, beside),
            StorageRequest::SyncAll { .. } => StorageOutcome::Done,
            StorageRequest::Close { file } => {
                self.handles.remove(&file).expect("a file is closed once");
                StorageOutcome::Done
            }
            StorageRequest::ReadFile { path } => match self.files.get(path.relative.as_ref()) {
                Some(bytes) => StorageOutcome::Data(Bytes::copy_from_slice(bytes)),
                None => StorageOutcome::Missing,
            },
            StorageRequest::ReplaceFile { path, contents } => {
                self.files
                    .insert(path.relative.to_string(), contents.to_vec());
                StorageOutcome::Done
            }
            StorageRequest::CreateFolder { path } => {
                self.folders.insert(path.relative.to_string());
                StorageOutcome::Done
            }
            StorageRequest::Rename { from, to } => {
                self.rename(&from.relative, &to.relative);
                StorageOutcome::Done
            }
            StorageRequest::Remove { path } => {
                let inside = format!("{}/", path.relative);
                let stays = |name: &str| name != &*path.relative && !name.starts_with(&inside);
                self.files.retain(|name, _| stays(name));
                self.folders.retain(|name| stays(name));
                StorageOutcome::Done
            }
            StorageRequest::List { path } => self.list(&path.relative),
            StorageRequest::DescribeRoom { .. } => StorageOutcome::Room {
                total_bytes: 1 << 40,
                usable_bytes: 1 << 39,
            },
        })
    }

    fn seal(
        &mut self,
        file: FileId,
        length: u64,
        beside: Vec<(StoragePath, Bytes)>,
    ) -> StorageOutcome {
        self.file_mut(file).resize(size(length), 0);
        for (path, contents) in beside {
            self.files
                .insert(path.relative.to_string(), contents.to_vec());
        }
        StorageOutcome::Done
    }

    fn open(&mut self, file: FileId, path: StoragePath, create: bool) -> StorageResult {
        let name = path.relative.to_string();
        if create {
            self.files.entry(name.clone()).or_default();
        }
        let Some(bytes) = self.files.get(&name) else {
            return Err(StorageFailure {
                operation: "open",
                path,
                position: 0,
                errno: NO_ENTRY,
            });
        };
        let length = bytes.len() as u64;
        self.handles.insert(file, name);
        Ok(StorageOutcome::Opened { length })
    }

    fn rename(&mut self, from: &str, to: &str) {
        let moved = |name: String| match name.strip_prefix(from) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("{to}{rest}"),
            _ => name,
        };
        let files = std::mem::take(&mut self.files);
        self.files = files
            .into_iter()
            .map(|(name, bytes)| (moved(name), bytes))
            .collect();
        self.folders = std::mem::take(&mut self.folders)
            .into_iter()
            .map(moved)
            .collect();
        for name in self.handles.values_mut() {
            *name = moved(std::mem::take(name));
        }
    }

    fn list(&self, folder: &str) -> StorageOutcome {
        if !folder.is_empty() && !self.folders.contains(folder) {
            return StorageOutcome::Missing;
        }
        let inside = if folder.is_empty() {
            String::new()
        } else {
            format!("{folder}/")
        };
        let here = |name: &str| {
            let rest = name.strip_prefix(&inside)?;
            (!rest.contains('/')).then(|| rest.to_owned())
        };
        let files = self
            .files
            .iter()
            .map(|(name, bytes)| (name, false, bytes.len() as u64));
        let folders = self.folders.iter().map(|name| (name, true, 0));
        let mut entries: Vec<FolderEntry> = files
            .chain(folders)
            .filter_map(|(name, is_folder, length)| {
                Some(FolderEntry {
                    name: here(name)?,
                    is_folder,
                    length,
                    modified_ms: 0,
                })
            })
            .collect();
        entries.sort();
        StorageOutcome::Entries(entries)
    }
}
