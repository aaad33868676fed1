//! Files as the disk has them, and what of them a crash leaves.
//!
//! A device writes a sector as a whole or not at all. So after a crash a sector of a write that was
//! under way, or that was not synced, is as before or as written; where nothing had ever been
//! written it may also be garbage.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::journal::JOURNAL_FILE_PREFIX;
use crate::log::storage::{
    DirectoryIndex, FolderEntry, IO_BLOCK_BYTES, StorageOutcome, StoragePath,
};
use crate::stdx::Random;

use super::faults::{Fault, FaultCounts};

/// What a device writes at once or not at all.
const SECTOR_BYTES: usize = 512;

/// The least size of a simulated file system: 1 TiB.
const ROOM_BYTES_MIN: u64 = 1 << 40;

/// ENOENT: no such file or folder.
const NO_ENTRY: i32 = 2;

/// A file, whatever its name is or was.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct InodeId(u64);

type Sector = [u8; SECTOR_BYTES];

#[derive(Clone, Debug, Default)]
struct Inode {
    contents: Vec<u8>,
    /// What a crash may bring back, by the number of the sector.
    unsynced: BTreeMap<usize, Sector>,
    /// The lengths that a crash may bring back; the last is the file's.
    lengths: Vec<usize>,
    /// The contents before a cut that a crash may undo.
    before_cut: Option<Vec<u8>>,
    modified_ms: i64,
}

impl Inode {
    fn sector(&self, number: usize) -> Sector {
        let mut sector = [0; SECTOR_BYTES];
        let start = (number * SECTOR_BYTES).min(self.contents.len());
        let end = (start + SECTOR_BYTES).min(self.contents.len());
        sector[..end - start].copy_from_slice(&self.contents[start..end]);
        sector
    }

    fn put_sector(&mut self, number: usize, sector: &Sector) {
        let start = (number * SECTOR_BYTES).min(self.contents.len());
        let end = (start + SECTOR_BYTES).min(self.contents.len());
        self.contents[start..end].copy_from_slice(&sector[..end - start]);
    }

    fn grow(&mut self, length: usize) {
        if length > self.contents.len() {
            self.contents.resize(length, 0);
            self.lengths.push(length);
        }
    }

    fn write(&mut self, position: usize, bytes: &[u8], is_synced: bool) {
        let end = position + bytes.len();
        self.grow(end);
        for number in position / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES) {
            if is_synced {
                self.unsynced.remove(&number);
            } else {
                let before = self.sector(number);
                self.unsynced.entry(number).or_insert(before);
            }
        }
        self.contents[position..end].copy_from_slice(bytes);
        if is_synced {
            self.lengths.retain(|length| *length >= end);
        }
    }

    fn settle(&mut self) {
        self.before_cut = None;
        self.unsynced.clear();
        self.lengths = vec![self.contents.len()];
    }

    fn crash(&mut self, random: &mut Random, counts: &mut FaultCounts) {
        if let Some(before) = self.before_cut.take()
            && random.chance(1, 2)
        {
            counts.add(Fault::LostLength);
            self.contents = before;
            return self.settle();
        }
        for (number, before) in std::mem::take(&mut self.unsynced) {
            match random.below(8) {
                0..4 => counts.add(Fault::KeptSector),
                4 if before == [0; SECTOR_BYTES] => {
                    counts.add(Fault::GarbageSector);
                    let garbage = std::array::from_fn(|_| random.next_u64().to_le_bytes()[0]);
                    self.put_sector(number, &garbage);
                }
                _ => {
                    counts.add(Fault::LostSector);
                    self.put_sector(number, &before);
                }
            }
        }
        let place = random.below(self.lengths.len().max(1) as u64);
        let place = usize::try_from(place).expect("a small number");
        let length = self.lengths.get(place).copied().unwrap_or(0);
        if length < self.contents.len() {
            counts.add(Fault::LostLength);
            self.contents.truncate(length);
        }
        self.settle();
    }
}

/// All files and folders of all log directories.
#[derive(Clone, Debug, Default)]
pub struct Volume {
    inodes: BTreeMap<InodeId, Inode>,
    files: BTreeMap<String, InodeId>,
    folders: BTreeSet<String>,
    /// Small files that a crash may take back, the newest last: the name, and the file before.
    unsynced_files: Vec<(String, InodeId, Option<Inode>)>,
    next_inode: u64,
}

/// The name of a path among all log directories.
fn name_of(path: &StoragePath) -> String {
    let directory = path.directory.0;
    if path.relative.is_empty() {
        format!("{directory}")
    } else {
        format!("{directory}/{}", path.relative)
    }
}

fn parent_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(parent, _)| parent)
}

impl Volume {
    /// This many empty log directories, locked by the broker.
    #[must_use]
    pub fn new(directories_count: u16) -> Self {
        let mut volume = Self::default();
        for directory in 0..directories_count {
            volume.folders.insert(format!("{directory}"));
            volume.insert(format!("{directory}/.lock"), &[], 0);
        }
        volume
    }

    fn insert(&mut self, name: String, contents: &[u8], modified_ms: i64) -> InodeId {
        let id = InodeId(self.next_inode);
        self.next_inode += 1;
        let inode = Inode {
            contents: contents.to_vec(),
            unsynced: BTreeMap::new(),
            lengths: vec![contents.len()],
            before_cut: None,
            modified_ms,
        };
        self.inodes.insert(id, inode);
        if let Some(replaced) = self.files.insert(name, id) {
            self.inodes.remove(&replaced);
        }
        id
    }

    fn inode(&mut self, id: InodeId) -> &mut Inode {
        // A file that was removed while it is open lives on until nobody uses it.
        self.inodes.entry(id).or_default()
    }

    /// Open a file; with `create` it is made if it does not exist.
    ///
    /// # Errors
    /// There is no such file, or no folder for it.
    pub fn open(
        &mut self,
        path: &StoragePath,
        create: bool,
        now_ms: i64,
    ) -> Result<(InodeId, u64), i32> {
        let name = name_of(path);
        let id = match self.files.get(&name) {
            Some(id) => *id,
            None if create && self.folders.contains(parent_of(&name)) => {
                self.insert(name, &[], now_ms)
            }
            None => return Err(NO_ENTRY),
        };
        let length = self.inode(id).contents.len() as u64;
        Ok((id, length))
    }

    /// Make a file longer.
    pub fn allocate(&mut self, id: InodeId, length: u64) {
        self.inode(id).grow(size(length));
    }

    /// Write `bytes` and fill the last block with zeros.
    pub fn write(
        &mut self,
        id: InodeId,
        position: u64,
        bytes: &[u8],
        is_synced: bool,
        now_ms: i64,
    ) {
        let mut blocks = bytes.to_vec();
        blocks.resize(blocks.len().next_multiple_of(size(IO_BLOCK_BYTES)), 0);
        let inode = self.inode(id);
        inode.modified_ms = now_ms;
        inode.write(size(position), &blocks, is_synced);
    }

    /// What was written survives a crash from now on.
    pub fn sync(&mut self, id: InodeId) {
        self.inode(id).settle();
    }

    /// Up to `length` bytes from `position`.
    pub fn read(&mut self, id: InodeId, position: u64, length: u64) -> Bytes {
        let contents = &self.inode(id).contents;
        let start = size(position).min(contents.len());
        let end = size(position + length).min(contents.len());
        Bytes::copy_from_slice(&contents[start..end])
    }

    /// Cut a file, durably.
    pub fn truncate(&mut self, id: InodeId, length: u64, now_ms: i64) {
        let inode = self.inode(id);
        inode.contents.resize(size(length), 0);
        inode.modified_ms = now_ms;
        inode.settle();
    }

    /// Cut a file; a crash may undo it.
    pub fn truncate_later(&mut self, id: InodeId, length: u64, now_ms: i64) {
        let inode = self.inode(id);
        let before = inode.contents.clone();
        inode.contents.resize(size(length), 0);
        inode.modified_ms = now_ms;
        inode.settle();
        inode.before_cut = Some(before);
    }

    /// Put a small file in place; a crash may undo it, or leave the file empty.
    ///
    /// # Errors
    /// There is no folder for it.
    pub fn replace_file_later(
        &mut self,
        path: &StoragePath,
        contents: &[u8],
        now_ms: i64,
    ) -> Result<(), i32> {
        let name = name_of(path);
        let before = self.files.get(&name).and_then(|id| self.inodes.get(id));
        let before = before.cloned();
        self.replace_file(path, contents, now_ms)?;
        let id = self.files[&name];
        self.unsynced_files.push((name, id, before));
        Ok(())
    }

    /// All that was done in a log directory survives a crash from now on.
    pub fn sync_all(&mut self, directory: DirectoryIndex) {
        let inside = format!("{}/", directory.0);
        let is_inside = |name: &String| name.starts_with(&inside);
        let files = self.files.iter().filter(|(name, _)| is_inside(name));
        for id in files.map(|(_, id)| *id).collect::<Vec<_>>() {
            self.inode(id).settle();
        }
        self.unsynced_files.retain(|(name, ..)| !is_inside(name));
    }

    fn undo_some_files(&mut self, random: &mut Random, counts: &mut FaultCounts) {
        while let Some((name, id, before)) = self.unsynced_files.pop() {
            if self.files.get(&name) != Some(&id) || random.chance(1, 2) {
                continue;
            }
            counts.add(Fault::LostNameChange);
            match before {
                _ if random.chance(1, 2) => self.inode(id).contents.clear(),
                Some(before) => drop(self.inodes.insert(id, before)),
                None => drop(self.files.remove(&name)),
            }
        }
    }

    /// A small file's contents.
    #[must_use]
    pub fn read_file(&self, path: &StoragePath) -> Option<Bytes> {
        let id = self.files.get(&name_of(path))?;
        Some(Bytes::copy_from_slice(&self.inodes.get(id)?.contents))
    }

    /// Put a small file in place.
    ///
    /// # Errors
    /// There is no folder for it.
    pub fn replace_file(
        &mut self,
        path: &StoragePath,
        contents: &[u8],
        now_ms: i64,
    ) -> Result<(), i32> {
        let name = name_of(path);
        if !self.folders.contains(parent_of(&name)) {
            return Err(NO_ENTRY);
        }
        self.insert(name, contents, now_ms);
        Ok(())
    }

    /// Leave a part of the new contents beside the file, as an interrupted replacement does.
    pub fn abandon_replacement(&mut self, path: &StoragePath, contents: &[u8], now_ms: i64) {
        let name = format!("{}.tmp", name_of(path));
        if self.folders.contains(parent_of(&name)) {
            self.insert(name, contents, now_ms);
        }
    }

    /// Make a folder.
    ///
    /// # Errors
    /// The folder above it does not exist.
    pub fn create_folder(&mut self, path: &StoragePath) -> Result<(), i32> {
        let name = name_of(path);
        if !self.folders.contains(parent_of(&name)) {
            return Err(NO_ENTRY);
        }
        self.folders.insert(name);
        Ok(())
    }

    /// Give a file or folder another name.
    ///
    /// # Errors
    /// It does not exist.
    pub fn rename(&mut self, from: &StoragePath, to: &StoragePath) -> Result<(), i32> {
        let (from, to) = (name_of(from), name_of(to));
        if let Some(id) = self.files.remove(&from) {
            self.files.insert(to, id);
            return Ok(());
        }
        if !self.folders.remove(&from) {
            // From a try that failed after the change.
            let is_done = self.folders.contains(&to);
            return if is_done { Ok(()) } else { Err(NO_ENTRY) };
        }
        let inside = format!("{from}/");
        let moved = |name: &String| {
            let rest = name.strip_prefix(&inside)?;
            Some(format!("{to}/{rest}"))
        };
        self.files = std::mem::take(&mut self.files)
            .into_iter()
            .map(|(name, id)| (moved(&name).unwrap_or(name), id))
            .collect();
        self.folders = std::mem::take(&mut self.folders)
            .into_iter()
            .map(|name| moved(&name).unwrap_or(name))
            .collect();
        self.folders.insert(to);
        Ok(())
    }

    /// Remove a file, or a folder with all it holds.
    pub fn remove(&mut self, path: &StoragePath) {
        let name = name_of(path);
        let inside = format!("{name}/");
        self.files
            .retain(|file, _| *file != name && !file.starts_with(&inside));
        self.folders
            .retain(|folder| *folder != name && !folder.starts_with(&inside));
    }

    /// Remove some of what a folder holds, as an interrupted removal does.
    pub fn remove_some(&mut self, path: &StoragePath, random: &mut Random) {
        let inside = format!("{}/", name_of(path));
        self.files
            .retain(|file, _| !file.starts_with(&inside) || random.chance(1, 2));
    }

    /// Much room, or next to none: nobody fills a simulated disk by writing.
    pub fn room(is_low: bool, random: &mut Random) -> StorageOutcome {
        let total_bytes = ROOM_BYTES_MIN + random.below(ROOM_BYTES_MIN);
        let usable_bytes = if is_low {
            random.below(total_bytes / 100)
        } else {
            total_bytes / 2 + random.below(total_bytes / 2)
        };
        StorageOutcome::Room {
            total_bytes,
            usable_bytes,
        }
    }

    /// What a folder holds; `None` if it does not exist.
    #[must_use]
    pub fn list(&self, path: &StoragePath) -> Option<Vec<FolderEntry>> {
        let name = name_of(path);
        if !self.folders.contains(&name) {
            return None;
        }
        let inside = format!("{name}/");
        let within = |entry: &String| {
            let rest = entry.strip_prefix(&inside)?;
            (!rest.contains('/')).then(|| rest.to_owned())
        };
        let files = self.files.iter().filter_map(|(file, id)| {
            let inode = self.inodes.get(id)?;
            Some(FolderEntry {
                name: within(file)?,
                is_folder: false,
                length: inode.contents.len() as u64,
                modified_ms: inode.modified_ms,
            })
        });
        let folders = self.folders.iter().filter_map(|folder| {
            Some(FolderEntry {
                name: within(folder)?,
                is_folder: true,
                length: 0,
                modified_ms: 0,
            })
        });
        let mut entries: Vec<FolderEntry> = files.chain(folders).collect();
        entries.sort();
        Some(entries)
    }

    /// The power goes: what was not synced may be lost, sector by sector.
    pub fn crash(&mut self, random: &mut Random, counts: &mut FaultCounts) {
        self.undo_some_files(random, counts);
        for _ in self.files.keys().filter(|name| name.ends_with(".log.swap")) {
            counts.add(Fault::CrashBeforeNaming);
        }
        for inode in self.inodes.values_mut() {
            inode.crash(random, counts);
        }
        let named: BTreeSet<InodeId> = self.files.values().copied().collect();
        self.inodes.retain(|id, _| named.contains(id));
    }

    /// Cut off the end of a segment that holds something, against all that was promised.
    pub fn cut_a_segment(&mut self, random: &mut Random) {
        let named: Vec<InodeId> = self
            .files
            .iter()
            .filter(|(name, id)| {
                name.ends_with(".log")
                    && self.inodes.get(id).is_some_and(|inode| {
                        inode
                            .contents
                            .iter()
                            .take(SECTOR_BYTES)
                            .any(|byte| *byte != 0)
                    })
            })
            .map(|(_, id)| *id)
            .collect();
        if named.is_empty() {
            return;
        }
        let place = size(random.below(named.len() as u64));
        let inode = self.inode(named[place]);
        let length = size(random.below(inode.contents.len().div_ceil(2) as u64));
        inode.contents.truncate(length);
        inode.settle();
    }

    /// Undo the making of the journals, against all that was promised.
    pub fn lose_journals(&mut self) {
        self.files
            .retain(|file, _| !file.contains(JOURNAL_FILE_PREFIX));
    }

    /// Undo the making of a partition's folder, against all that was promised.
    pub fn lose_a_folder(&mut self, random: &mut Random) {
        let folders: Vec<String> = self
            .folders
            .iter()
            .filter(|name| name.contains('/') && !name.contains("__"))
            .cloned()
            .collect();
        if folders.is_empty() {
            return;
        }
        let place = size(random.below(folders.len() as u64));
        let inside = format!("{}/", folders[place]);
        self.folders.remove(&folders[place]);
        self.files.retain(|file, _| !file.starts_with(&inside));
    }
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).expect("a simulated file fits into memory")
}
