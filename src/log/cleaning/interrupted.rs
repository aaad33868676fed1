//! A replacement of segments that a crash interrupted: undone, or brought to its end.
//!
//! The names of the files say how far it has come, and are Apache Kafka's. What is to take the
//! place of segments is written into files `.cleaned`. Once it is whole and synced, these are
//! renamed to `.swap`. When none is called `.cleaned` any more, the segments go whose offsets the
//! new one covers, and then the files lose the `.swap`, the `.log` first.
//!
//! So at a start a file `.cleaned` says that what is to begin at its offset did not replace
//! anything yet: it goes, and with it each `.swap` from there on, since Kafka also splits a segment
//! into several this way, whose files it renames from the last to the first. All other files
//! `.swap` hold what is true. Their records are read, and are sound, before anything goes.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::log::file_names::{CLEANED, FileKind, SWAP};
use crate::log::partition_log::{Damage, Log, LogFailure};
use crate::log::recovery::{Asked, Recovery};
use crate::log::scan::check_order;
use crate::log::storage::{
    FolderEntry, IO_BLOCK_BYTES, StorageOutbox, StorageOutcome, StorageRequest,
};
use crate::log::write::block_start;
use crate::model::Offset;
use crate::protocol::record_batch::{BatchError, Batches};

/// How much is read in one step, unless one batch is larger.
const STEP_BYTES: u64 = 1 << 20;

/// What a crash has left of replacements, and how far their end has come.
#[derive(Debug)]
pub(in crate::log) struct Interrupted {
    /// Names of files that go at once, those of a group before those of the next.
    undone: VecDeque<Vec<String>>,
    /// The new `.log` files that have yet to be read, the front one from where it says.
    unread: VecDeque<SwapLog>,
    /// The first offset that a new segment covers, and the offset behind the last.
    covered: Option<(Offset, Offset)>,
    /// Files of segments, any of which may be covered.
    old: Vec<(Offset, FileKind)>,
    /// What is to get its name, the `.log` files before the others.
    swaps: VecDeque<Vec<String>>,
}

#[derive(Debug)]
struct SwapLog {
    base_offset: Offset,
    length: u64,
    position: u64,
    step_bytes: u64,
    next_offset: Offset,
}

impl Interrupted {
    /// What `entries` of a partition's folder hold of replacements that took place; `None` if
    /// there is no such file.
    pub(in crate::log) fn find(entries: &[FolderEntry]) -> Option<Self> {
        let files = || entries.iter().filter(|entry| !entry.is_folder);
        let of_segments = |suffix: &'static str| {
            files().filter_map(move |entry| {
                let (base_offset, kind) = FileKind::parse(entry.name.strip_suffix(suffix)?)?;
                Some((base_offset, kind, entry))
            })
        };
        of_segments(SWAP).next()?;
        let first_cleaned = of_segments(CLEANED).map(|(base_offset, ..)| base_offset);
        let first_cleaned = first_cleaned.min().unwrap_or(Offset::MAX);
        let name = |entry: &FolderEntry| entry.name.clone();
        let undone = of_segments(SWAP).filter(|(base_offset, ..)| *base_offset >= first_cleaned);
        let cleaned = files().filter(|entry| entry.name.ends_with(CLEANED));
        let valid = || of_segments(SWAP).filter(|(base_offset, ..)| *base_offset < first_cleaned);
        let logs = || valid().filter(|(_, kind, _)| *kind == FileKind::Log);
        let others = valid().filter(|(_, kind, _)| *kind != FileKind::Log);
        Some(Self {
            undone: [
                undone.map(|(.., entry)| name(entry)).collect(),
                cleaned.map(name).collect(),
            ]
            .into(),
            unread: logs()
                .map(|(base_offset, _, entry)| SwapLog::new(base_offset, entry.length))
                .collect(),
            covered: None,
            old: files()
                .filter_map(|entry| FileKind::parse(&entry.name))
                .filter(|(_, kind)| *kind != FileKind::Snapshot)
                .collect(),
            swaps: [
                logs().map(|(.., entry)| name(entry)).collect(),
                others.map(|(.., entry)| name(entry)).collect(),
            ]
            .into(),
        })
    }

    fn cover(&mut self, log: &SwapLog) {
        let (first, end) = self.covered.unwrap_or((log.base_offset, log.base_offset));
        let own_end = log.next_offset.max(log.base_offset + 1);
        self.covered = Some((first.min(log.base_offset), end.max(own_end)));
    }
}

impl SwapLog {
    const fn new(base_offset: Offset, length: u64) -> Self {
        Self {
            base_offset,
            length,
            position: 0,
            step_bytes: STEP_BYTES,
            next_offset: base_offset,
        }
    }

    /// Go through the batches of a piece that was read, which must be sound.
    fn take(&mut self, data: &Bytes) -> Result<(), BatchError> {
        let start = block_start(self.position);
        let known = (data.len() as u64).min(self.length - start);
        let skipped = (self.position - start).min(known);
        let index = |bytes: u64| usize::try_from(bytes).expect("what is in memory has a size");
        let mut batches = Batches::new(data.slice(index(skipped)..index(known)));
        let before = self.position;
        while let Some(batch) = batches.next_whole()? {
            check_order(&batch)?;
            batch.verify_crc()?;
            self.next_offset = batch.next_offset();
            self.position += batch.size_bytes() as u64;
        }
        let size = batches.next_size()?.unwrap_or_default() as u64;
        let is_cut_off = self.position + size > self.length;
        let is_stuck = self.position == before && size <= self.step_bytes;
        if self.position < self.length && (is_cut_off || is_stuck) {
            return Err(BatchError::Truncated);
        }
        self.step_bytes = STEP_BYTES.max(size);
        Ok(())
    }
}

impl Log {
    /// Take the next step towards the end of what was interrupted; true if nothing is left of it.
    pub(in crate::log) fn finish_interrupted(
        &mut self,
        recovery: &mut Recovery,
        interrupted: &mut Interrupted,
        outbox: &mut StorageOutbox,
    ) -> Result<bool, LogFailure> {
        let folder = self.identity.folder.clone();
        if let Some(names) = interrupted.undone.pop_front() {
            for name in names {
                let path = folder.join(&name);
                let request = StorageRequest::Remove { path };
                self.ask(recovery, Asked::Change, request, outbox);
            }
            return Ok(false);
        }
        if !interrupted.unread.is_empty() {
            self.read_swap(recovery, interrupted, outbox)?;
            return Ok(false);
        }
        if let Some((first, end)) = interrupted.covered.take() {
            for (base_offset, kind) in std::mem::take(&mut interrupted.old) {
                if (first..end).contains(&base_offset) {
                    let path = self.file_path(base_offset, kind);
                    let request = StorageRequest::Remove { path };
                    self.ask(recovery, Asked::Change, request, outbox);
                }
            }
            return Ok(false);
        }
        let Some(names) = interrupted.swaps.pop_front() else {
            return Ok(true);
        };
        for name in names {
            let to = folder.join(name.strip_suffix(SWAP).unwrap_or(&name));
            let from = folder.join(&name);
            let request = StorageRequest::Rename { from, to };
            self.ask(recovery, Asked::Change, request, outbox);
        }
        Ok(false)
    }

    fn read_swap(
        &mut self,
        recovery: &mut Recovery,
        interrupted: &mut Interrupted,
        outbox: &mut StorageOutbox,
    ) -> Result<(), LogFailure> {
        let log = interrupted.unread.front_mut().expect("one is unread");
        let name = format!("{}{SWAP}", FileKind::Log.name(log.base_offset));
        let path = self.identity.folder.join(&name);
        let Some(file) = self.cleaner.swap_file else {
            let Some(file) = outbox.new_file() else {
                self.is_short_of_files = true;
                return Ok(());
            };
            self.open_files.count += 1;
            self.cleaner.swap_file = Some(file);
            let create = false;
            let request = StorageRequest::Open { file, path, create };
            self.ask(recovery, Asked::FileOpened, request, outbox);
            return Ok(());
        };
        recovery.answers.remove(&Asked::FileOpened);
        if let Some(StorageOutcome::Data(data)) = recovery.answers.remove(&Asked::Piece) {
            log.take(&data).map_err(|error| {
                LogFailure::Damaged(Damage {
                    partition: self.identity.to_string(),
                    offset: log.next_offset,
                    path,
                    position: log.position,
                    reason: error.to_string(),
                })
            })?;
        }
        if log.position < log.length {
            let position = block_start(log.position);
            let end = log.length.min(log.position + log.step_bytes);
            let request = StorageRequest::Read {
                file,
                position,
                length: end.next_multiple_of(IO_BLOCK_BYTES) - position,
            };
            self.ask(recovery, Asked::Piece, request, outbox);
            return Ok(());
        }
        self.close_swap_file(outbox);
        if let Some(log) = interrupted.unread.pop_front() {
            interrupted.cover(&log);
        }
        Ok(())
    }

    pub(super) fn close_swap_file(&mut self, outbox: &mut StorageOutbox) {
        if let Some(file) = self.cleaner.swap_file.take() {
            self.close_file(file, outbox);
        }
    }
}
