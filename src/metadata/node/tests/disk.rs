//! A disk in memory that loses what was not synced when it crashes.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::log::storage::{
    FileId, FolderEntry, StorageFailure, StorageOutcome, StoragePath, StorageRequest, StorageResult,
};

#[derive(Clone, Debug, Default)]
struct Contents {
    now: Vec<u8>,
    durable: Vec<u8>,
}

/// Files by path, folders by path.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    files: BTreeMap<StoragePath, Contents>,
    folders: BTreeSet<StoragePath>,
    open: BTreeMap<FileId, StoragePath>,
    /// Requests that were performed.
    pub performed: usize,
    /// From this request on everything fails.
    pub fails_from: Option<usize>,
    /// Nothing can be read in this directory.
    pub unreadable: Option<u16>,
    /// There is no room for files whose names end so.
    pub is_full_for: Option<&'static str>,
}

impl Disk {
    /// Lose power: what is not durable is gone, and nothing is open.
    pub fn crash(&mut self) {
        self.open.clear();
        for contents in self.files.values_mut() {
            contents.now.clone_from(&contents.durable);
        }
    }

    /// The file at `path`.
    pub fn file(&self, path: &StoragePath) -> Option<&[u8]> {
        Some(&self.files.get(path)?.now)
    }

    /// Put a file there, or take it away.
    pub fn set_file(&mut self, path: &StoragePath, contents: Option<&[u8]>) {
        match contents {
            Some(contents) => {
                let contents = Contents {
                    now: contents.to_vec(),
                    durable: contents.to_vec(),
                };
                self.files.insert(path.clone(), contents);
            }
            None => drop(self.files.remove(path)),
        }
    }

    /// The paths of all files.
    pub fn paths(&self) -> Vec<StoragePath> {
        self.files.keys().cloned().collect()
    }

    pub fn perform(&mut self, request: StorageRequest) -> StorageResult {
        self.performed += 1;
        if self.fails_from.is_some_and(|from| self.performed > from) {
            return Err(StorageFailure {
                operation: "write",
                path: StoragePath::new(crate::log::storage::DirectoryIndex(0), ""),
                position: 0,
                errno: 5,
            });
        }
        Ok(match request {
            StorageRequest::Open { file, path, create } => {
                if !create && !self.files.contains_key(&path) {
                    return Err(StorageFailure {
                        operation: "open",
                        path,
                        position: 0,
                        errno: 2,
                    });
                }
                let contents = self.files.entry(path.clone()).or_default();
                let length = contents.now.len() as u64;
                self.open.insert(file, path);
                StorageOutcome::Opened { length }
            }
            StorageRequest::Close { file } => {
                self.open.remove(&file);
                StorageOutcome::Done
            }
            StorageRequest::ReadFile { path } | StorageRequest::List { path }
                if self.unreadable == Some(path.directory.0) =>
            {
                return Err(StorageFailure {
                    operation: "read",
                    path,
                    position: 0,
                    errno: 5,
                });
            }
            StorageRequest::ReadFile { path } => match self.files.get(&path) {
                Some(contents) => StorageOutcome::Data(Bytes::from(contents.now.clone())),
                None => StorageOutcome::Missing,
            },
            StorageRequest::ReplaceFile { path, .. }
                if self
                    .is_full_for
                    .is_some_and(|suffix| path.relative.ends_with(suffix)) =>
            {
                return Err(StorageFailure {
                    operation: "replace file",
                    path,
                    position: 0,
                    errno: 28,
                });
            }
            StorageRequest::ReplaceFile { path, contents } => {
                self.set_file(&path, Some(&contents));
                StorageOutcome::Done
            }
            StorageRequest::CreateFolder { path } => {
                self.folders.insert(path);
                StorageOutcome::Done
            }
            StorageRequest::Rename { from, to } => {
                if let Some(contents) = self.files.remove(&from) {
                    self.files.insert(to, contents);
                }
                StorageOutcome::Done
            }
            StorageRequest::Remove { path } => {
                self.files.remove(&path);
                StorageOutcome::Done
            }
            StorageRequest::List { path } => self.list(&path),
            StorageRequest::DescribeRoom { .. } => unreachable!("a metadata log does not ask"),
            of_file => self.perform_open(of_file),
        })
    }

    fn perform_open(&mut self, request: StorageRequest) -> StorageOutcome {
        let (StorageRequest::Allocate { file, .. }
        | StorageRequest::Write { file, .. }
        | StorageRequest::Sync { file }
        | StorageRequest::Read { file, .. }
        | StorageRequest::Truncate { file, .. }) = &request
        else {
            unreachable!("the other requests name a path");
        };
        let path = &self.open[file];
        let contents = self.files.get_mut(path).expect("an open file exists");
        match request {
            StorageRequest::Allocate { length, .. } => {
                let length = usize::try_from(length).unwrap();
                let grown = length.max(contents.now.len());
                contents.now.resize(grown, 0);
                contents
                    .durable
                    .resize(grown.max(contents.durable.len()), 0);
            }
            StorageRequest::Write {
                position,
                slices,
                durability,
                ..
            } => {
                let mut bytes: Vec<u8> = slices.iter().flatten().copied().collect();
                bytes.resize(bytes.len().next_multiple_of(4096), 0);
                let start = usize::try_from(position).unwrap();
                let end = start + bytes.len();
                contents.now.resize(contents.now.len().max(end), 0);
                contents.now[start..end].copy_from_slice(&bytes);
                if durability == crate::log::storage::Durability::Synced {
                    contents.durable.resize(contents.durable.len().max(end), 0);
                    contents.durable[start..end].copy_from_slice(&bytes);
                }
            }
            StorageRequest::Sync { .. } => contents.durable.clone_from(&contents.now),
            StorageRequest::Read {
                position, length, ..
            } => {
                let start = usize::try_from(position).unwrap().min(contents.now.len());
                let end = (start + usize::try_from(length).unwrap()).min(contents.now.len());
                let bytes = Bytes::copy_from_slice(&contents.now[start..end]);
                return StorageOutcome::Data(bytes);
            }
            StorageRequest::Truncate { length, .. } => {
                let length = usize::try_from(length).unwrap();
                contents.now.resize(length, 0);
                contents.durable.clone_from(&contents.now);
            }
            _ => unreachable!("the other requests name a path"),
        }
        StorageOutcome::Done
    }

    fn list(&self, folder: &StoragePath) -> StorageOutcome {
        let prefix = if folder.relative.is_empty() {
            String::new()
        } else {
            format!("{}/", folder.relative)
        };
        let inside = |path: &StoragePath| {
            let rest = path.relative.strip_prefix(prefix.as_str())?;
            let is_inside = path.directory == folder.directory && !rest.is_empty();
            (is_inside && !rest.contains('/')).then(|| rest.to_owned())
        };
        let mut entries: Vec<FolderEntry> = Vec::new();
        for (path, contents) in &self.files {
            entries.extend(inside(path).map(|name| FolderEntry {
                name,
                is_folder: false,
                length: contents.now.len() as u64,
                modified_ms: 0,
            }));
        }
        for path in &self.folders {
            entries.extend(inside(path).map(|name| FolderEntry {
                name,
                is_folder: true,
                length: 0,
                modified_ms: 0,
            }));
        }
        let is_there = folder.relative.is_empty() || self.folders.contains(folder);
        entries.sort();
        if is_there {
            StorageOutcome::Entries(entries)
        } else {
            StorageOutcome::Missing
        }
    }
}
