//! A disk in memory that completes requests in any order, fails when told to, and loses at a crash
//! what it may lose.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::log::storage::{
    DirectoryIndex, FileId, FolderEntry, IO_BLOCK_BYTES, StorageFailure, StorageOutbox,
    StorageOutcome, StoragePath, StorageRequest, StorageResult, Ticket,
};
use crate::stdx::Random;

/// What a device writes at once or not at all.
const SECTOR_BYTES: usize = 512;

#[derive(Debug, Default)]
pub struct Disk {
    pub files: BTreeMap<String, Vec<u8>>,
    folders: BTreeSet<String>,
    handles: BTreeMap<FileId, String>,
    queue: Vec<(Ticket, StorageRequest)>,
    /// The next request whose operation has this name fails.
    pub fails: Option<&'static str>,
    /// There is no room: files do not become longer, and no others are made.
    pub is_full: bool,
    /// There is no room for what the operation of this name does.
    pub is_full_for: Option<&'static str>,
    pub performed: BTreeMap<&'static str, usize>,
    /// How much of files that are open was read.
    pub read_bytes: usize,
}

impl Disk {
    pub fn take(&mut self, outbox: &mut StorageOutbox) {
        while let Some(request) = outbox.next_request() {
            self.queue.push(request);
        }
    }

    pub fn has_folder(&self, path: &str) -> bool {
        self.folders.contains(path)
    }

    pub fn folders(&self) -> impl Iterator<Item = &String> {
        self.folders.iter()
    }

    pub fn count(&self, operation: &str) -> usize {
        self.performed.get(operation).copied().unwrap_or(0)
    }

    pub fn open_files(&self) -> usize {
        self.handles.len()
    }

    /// Complete one of the requests that may be next.
    pub fn complete(&mut self, random: &mut Random) -> Option<(Ticket, StorageResult)> {
        let ready: Vec<usize> = (0..self.queue.len())
            .filter(|index| self.may_start(*index))
            .collect();
        let chosen =
            ready.get(usize::try_from(random.below(ready.len().max(1) as u64)).unwrap())?;
        let (ticket, request) = self.queue.remove(*chosen);
        let operation = request.operation();
        *self.performed.entry(operation).or_default() += 1;
        let is_full = (self.is_full || self.is_full_for == Some(operation)) && request.takes_room();
        if is_full || self.fails == Some(operation) {
            self.fails = None;
            if let StorageRequest::Open { file, .. } = request {
                self.handles.insert(file, "failed".to_owned());
            }
            let failure = StorageFailure {
                operation,
                path: StoragePath::new(DirectoryIndex(0), "failed"),
                position: 0,
                errno: if is_full { 28 } else { 5 },
            };
            return Some((ticket, Err(failure)));
        }
        if let StorageRequest::Rename { from, .. } = &request
            && !self.has_folder(&from.relative)
            && !self.files.contains_key(&*from.relative)
        {
            let failure = StorageFailure {
                operation,
                path: from.clone(),
                position: 0,
                errno: 2,
            };
            return Some((ticket, Err(failure)));
        }
        Some((ticket, Ok(self.perform(request))))
    }

    /// An open comes before what is done with the file, a close behind it.
    fn may_start(&self, index: usize) -> bool {
        let file = self.queue[index].1.file();
        let is_close = matches!(self.queue[index].1, StorageRequest::Close { .. });
        self.queue[..index].iter().all(|(_, earlier)| {
            let is_open = matches!(earlier, StorageRequest::Open { .. });
            file.is_none() || earlier.file() != file || !(is_open || is_close)
        })
    }

    fn file_mut(&mut self, file: FileId) -> &mut Vec<u8> {
        let path = self.handles.get(&file).expect("the file is open");
        self.files.get_mut(path).expect("an open file exists")
    }

    fn perform(&mut self, request: StorageRequest) -> StorageOutcome {
        match request {
            StorageRequest::Open { file, path, create } => {
                let path = path.relative.to_string();
                if create {
                    assert!(!self.files.contains_key(&path), "{path} was made before");
                    self.files.insert(path.clone(), Vec::new());
                }
                let length = self.files.get(&path).expect("the file exists").len() as u64;
                self.handles.insert(file, path);
                StorageOutcome::Opened { length }
            }
            StorageRequest::Allocate { file, length } => {
                let length = usize::try_from(length).unwrap();
                let bytes = self.file_mut(file);
                bytes.resize(bytes.len().max(length), 0);
                StorageOutcome::Done
            }
            StorageRequest::Write {
                file,
                position,
                slices,
                ..
            } => {
                let block = gathered(&slices);
                let bytes = self.file_mut(file);
                let start = usize::try_from(position).unwrap();
                let end = start + block.len();
                assert!(bytes.len() >= end, "a write extends no file");
                bytes[start..end].copy_from_slice(&block);
                StorageOutcome::Done
            }
            StorageRequest::Sync { .. } => StorageOutcome::Done,
            StorageRequest::Read {
                file,
                position,
                length,
            } => {
                assert!(position.is_multiple_of(IO_BLOCK_BYTES));
                assert!(length.is_multiple_of(IO_BLOCK_BYTES) && length > 0);
                let bytes = self.file_mut(file);
                let start = usize::try_from(position).unwrap().min(bytes.len());
                let end = usize::try_from(position + length).unwrap().min(bytes.len());
                let data = Bytes::copy_from_slice(&bytes[start..end]);
                self.read_bytes += data.len();
                StorageOutcome::Data(data)
            }
            StorageRequest::Truncate { file, length } => {
                let length = usize::try_from(length).unwrap();
                self.file_mut(file).truncate(length);
                StorageOutcome::Done
            }
            StorageRequest::Seal {
                file,
                length,
                beside,
            } => {
                self.perform(StorageRequest::Truncate { file, length });
                for (path, contents) in beside {
                    self.perform(StorageRequest::ReplaceFile { path, contents });
                }
                StorageOutcome::Done
            }
            StorageRequest::Close { file } => {
                self.handles.remove(&file).expect("the file is open");
                StorageOutcome::Done
            }
            other => self.perform_by_name(other),
        }
    }

    fn perform_by_name(&mut self, request: StorageRequest) -> StorageOutcome {
        match request {
            StorageRequest::ReadFile { path } => match self.files.get(path.relative.as_ref()) {
                Some(bytes) => StorageOutcome::Data(Bytes::copy_from_slice(bytes)),
                None => StorageOutcome::Missing,
            },
            StorageRequest::ReplaceFile { path, contents } => {
                if let Some((folder, _)) = path.relative.split_once('/') {
                    assert!(self.folders.contains(folder), "{path} lies in no folder");
                }
                self.files
                    .insert(path.relative.to_string(), contents.to_vec());
                StorageOutcome::Done
            }
            StorageRequest::DescribeRoom { .. } | StorageRequest::SyncAll { .. } => {
                unreachable!("a log does not ask")
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
                let folder = format!("{}/", path.relative);
                self.files
                    .retain(|name, _| *name != *path.relative && !name.starts_with(&folder));
                self.folders.remove(path.relative.as_ref());
                StorageOutcome::Done
            }
            StorageRequest::List { path } => {
                if !self.folders.contains(path.relative.as_ref()) {
                    return StorageOutcome::Missing;
                }
                let folder = format!("{}/", path.relative);
                let entries = self.files.iter().filter_map(|(name, bytes)| {
                    Some(FolderEntry {
                        name: name.strip_prefix(&folder)?.to_owned(),
                        is_folder: false,
                        length: bytes.len() as u64,
                        modified_ms: 0,
                    })
                });
                StorageOutcome::Entries(entries.collect())
            }
            other => unreachable!("{other:?} is performed above"),
        }
    }

    pub fn rename(&mut self, from: &str, to: &str) {
        let moved = |name: &str| {
            let rest = name.strip_prefix(from)?;
            (rest.is_empty() || rest.starts_with('/')).then(|| format!("{to}{rest}"))
        };
        if self.folders.remove(from) {
            self.folders.insert(to.to_owned());
        }
        let files = std::mem::take(&mut self.files);
        self.files = files
            .into_iter()
            .map(|(name, bytes)| (moved(&name).unwrap_or(name), bytes))
            .collect();
        for name in self.handles.values_mut() {
            if let Some(to) = moved(name) {
                *name = to;
            }
        }
    }

    /// The power goes: of what was under way, anything may have happened, sector by sector.
    pub fn crash(&mut self, random: &mut Random) {
        for (_, request) in std::mem::take(&mut self.queue) {
            if let Some(file) = request.file()
                && !self.handles.contains_key(&file)
                && !matches!(request, StorageRequest::Open { .. })
            {
                continue;
            }
            match request {
                StorageRequest::Write {
                    file,
                    position,
                    slices,
                    ..
                } => self.tear(file, usize::try_from(position).unwrap(), &slices, random),
                request if random.chance(1, 2) => {
                    self.perform(request);
                }
                _ => {}
            }
        }
        self.handles.clear();
    }

    fn tear(&mut self, file: FileId, position: usize, slices: &[Bytes], random: &mut Random) {
        let survives = random.below(4);
        let block = gathered(slices);
        let bytes = self.file_mut(file);
        for (index, sector) in block.chunks(SECTOR_BYTES).enumerate() {
            let start = position + index * SECTOR_BYTES;
            if start + sector.len() <= bytes.len() && random.chance(survives, 3) {
                bytes[start..start + sector.len()].copy_from_slice(sector);
            }
        }
    }

    pub fn names(&self, folder: &str) -> Vec<String> {
        let folder = format!("{folder}/");
        self.files
            .keys()
            .filter_map(|name| Some(name.strip_prefix(&folder)?.to_owned()))
            .collect()
    }
}

fn gathered(slices: &[Bytes]) -> Vec<u8> {
    let mut block = slices.concat();
    block.resize(
        block
            .len()
            .next_multiple_of(usize::try_from(IO_BLOCK_BYTES).unwrap()),
        0,
    );
    block
}
