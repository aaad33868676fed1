//! The journal itself: appends in, durable ends out, and what has to be written back.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use crate::log::JournalPlace;
use crate::log::storage::{
    DirectoryIndex, Durability, FileId, IO_BLOCK_BYTES, StorageFailure, StorageOutbox,
    StorageOwner, StoragePath, StorageRequest, StorageResult, Ticket,
};
use crate::model::{Offset, TopicIdPartition};
use crate::stdx::{Instant, Now};

use super::format::{
    EntryBuilder, EntryKey, FORMAT_VERSION, Header, JournalIdentity, RING_START, entry_bytes,
    part_bytes,
};
use super::ring::Ring;

/// The file grows in steps that double from here: an idle broker's journal stays small.
const FIRST_RING_BYTES: u64 = 1 << 20;

/// An entry is at most a quarter of the ring, so that there is one on its way while others are
/// written back, and at most this: a device takes no longer for two of them than for one twice as
/// large, and the first is acknowledged earlier.
const ENTRY_BYTES_MAX: u64 = 1 << 20;

/// How long a record waits in the journal for others of its partition, at most. So long a live
/// directory may lack it for tools that read segments.
const WRITE_BACK_AGE: Duration = Duration::from_secs(5);

/// Partitions that are asked to write back at once: enough to keep a device busy, few enough that
/// an append which goes to its segment does not wait behind them.
const WRITE_BACKS_MAX: usize = 64;

/// Parts of entries that are looked at in one turn: a few microseconds.
const PARTS_PER_TURN_MAX: usize = 1024;

/// How soon a disk that had no room for a journal, or for a longer one, is asked again.
const RETRY_INTERVAL: Duration = Duration::from_secs(10);

/// Bounds of a journal.
#[derive(Clone, Copy, Debug)]
pub struct JournalLimits {
    /// How long its ring becomes, in bytes, at most.
    pub ring_bytes_max: u64,
    /// The most bytes that one append brings.
    pub append_bytes_max: u64,
}

impl JournalLimits {
    /// The smallest ring: four entries, each with room for the largest append.
    #[must_use]
    pub const fn ring_bytes_min(append_bytes_max: u64) -> u64 {
        4 * entry_bytes(part_bytes(append_bytes_max))
    }
}

/// Whole batches of one partition, to be made durable.
#[derive(Clone, Debug)]
pub struct JournalAppend {
    /// Whose they are.
    pub owner: StorageOwner,
    /// The partition.
    pub partition: TopicIdPartition,
    /// The offset behind the last of them.
    pub end_offset: Offset,
    /// Their bytes, to be read one after the other.
    pub slices: Vec<Bytes>,
}

/// Something that happened to a journal, for its owner to act upon.
#[derive(Clone, Debug, PartialEq)]
pub enum JournalProgress {
    /// The appends of these owners are durable up to these offsets.
    Durable(Vec<JournalPart>),
    /// The disk failed or is full: nothing that was appended and is not durable will be. What is
    /// durable stays so, and has to be written back.
    Retired(StorageFailure),
    /// There may be room again: appends are taken.
    Usable,
}

/// What an entry has of one partition.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct JournalPart {
    /// Whose it is.
    pub owner: StorageOwner,
    /// The offset behind its last record.
    pub end_offset: Offset,
}

/// Where a part is besides the journal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WriteBack {
    /// In a segment, or nowhere that matters: its partition is deleted.
    Done,
    /// It is to be written to its segment.
    Missing,
}

/// True if all of `parts` are written back, as `look` says. Those of which that was seen are taken
/// out, so that none is looked at again.
pub fn are_written_back(
    parts: &mut Vec<JournalPart>,
    look: &mut impl FnMut(JournalPart) -> WriteBack,
) -> bool {
    while let Some(part) = parts.last() {
        if look(*part) == WriteBack::Missing {
            return false;
        }
        parts.pop();
    }
    true
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// There is no file.
    Absent,
    Making,
    Open,
    /// Nothing is written any more; with the time at which the disk may be asked again.
    Retired(Option<Instant>),
    Closing,
    Closed,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Pending {
    Opened,
    Allocated(u64),
    Header { first_entry: u64 },
    Entry,
    FileClosed,
    Removed,
}

#[derive(Debug)]
struct LiveEntry {
    number: u64,
    parts: Vec<JournalPart>,
    written_at: Instant,
}

/// The journal of a shard in a log directory.
///
/// It asks for work on the disk only in [`Journal::advance`]. Completions come in by
/// [`Journal::on_storage`]; what happened comes out of [`Journal::next_progress`].
#[derive(Debug)]
pub struct Journal {
    identity: JournalIdentity,
    path: StoragePath,
    /// Whom completions are for.
    owner: StorageOwner,
    limits: JournalLimits,
    state: State,
    file: Option<FileId>,
    ring: Ring,
    is_growing: bool,
    /// The disk has no room for a longer ring: until then it is not asked.
    grow_at: Option<Instant>,
    /// The number of the next entry, and the CRC of the one before.
    next_entry: u64,
    previous_crc: u32,
    waiting: VecDeque<JournalAppend>,
    /// The parts of the entry on its way to the disk, and its length.
    writing: Option<(Vec<JournalPart>, u64)>,
    /// Entries that are durable and not wholly written back.
    live: VecDeque<LiveEntry>,
    /// Everything up to this entry is being written back.
    goal: Option<u64>,
    /// Replay is to begin behind this entry as soon as it can.
    to_pass: Option<u64>,
    /// True if the disk has failed to remove the file: it is there, whatever it holds.
    is_left_behind: bool,
    entries_count: u64,
    written_bytes: u64,
    header_number: u64,
    /// What the durable header has replay begin with.
    durable_first_entry: u64,
    is_header_in_flight: bool,
    pending: BTreeMap<u64, Pending>,
    next_sequence: u64,
    progress: VecDeque<JournalProgress>,
}

impl Journal {
    /// A journal without a file, which is made with the first append.
    ///
    /// # Panics
    /// If the ring is smaller than [`JournalLimits::ring_bytes_min`].
    #[must_use]
    pub fn new(
        identity: JournalIdentity,
        directory: DirectoryIndex,
        owner: StorageOwner,
        limits: JournalLimits,
    ) -> Self {
        assert!(
            limits.ring_bytes_max >= JournalLimits::ring_bytes_min(limits.append_bytes_max),
            "every append has room in an entry"
        );
        Self {
            identity,
            path: StoragePath::new(directory, &identity.file_name()),
            owner,
            limits,
            state: State::Absent,
            file: None,
            ring: Ring::new(),
            is_growing: false,
            grow_at: None,
            next_entry: 1,
            previous_crc: 0,
            waiting: VecDeque::new(),
            writing: None,
            live: VecDeque::new(),
            goal: None,
            to_pass: None,
            is_left_behind: false,
            entries_count: 0,
            written_bytes: 0,
            header_number: 0,
            durable_first_entry: 1,
            is_header_in_flight: false,
            pending: BTreeMap::new(),
            next_sequence: 0,
            progress: VecDeque::new(),
        }
    }

    /// True while appends are taken.
    #[must_use]
    pub const fn is_usable(&self) -> bool {
        matches!(self.state, State::Absent | State::Making | State::Open)
    }

    /// Make `append` durable, behind all before it: [`JournalProgress::Durable`] follows, or
    /// [`JournalProgress::Retired`].
    ///
    /// # Panics
    /// If [`JournalProgress::Retired`] was told already, or [`Journal::retire`] called.
    pub fn append(&mut self, append: JournalAppend) {
        if self.is_usable() {
            self.waiting.push_back(append);
            return;
        }
        let is_to_be_told = |progress| matches!(progress, &JournalProgress::Retired(_));
        assert!(
            self.progress.iter().any(is_to_be_told),
            "nothing is appended to a journal that is known to be retired"
        );
    }

    /// Let go of what was appended for `owner` and is not on its way to the disk: it goes to the
    /// segments by itself.
    pub fn withdraw(&mut self, owner: StorageOwner) {
        self.waiting.retain(|append| append.owner != owner);
    }

    /// Have replay begin behind all entries that there are, as soon as what they hold is written
    /// back: what they say of some partition must not come back. [`Journal::has_passed`] tells of
    /// the entry that this returns when that is so.
    pub fn pass_all(&mut self) -> u64 {
        let last = self.next_entry - 1;
        if !self.has_passed(last) {
            self.to_pass = Some(last);
        }
        last
    }

    /// How far it has come: behind the last entry that was begun.
    #[must_use]
    pub const fn place(&self) -> JournalPlace {
        JournalPlace {
            epoch: self.identity.epoch,
            entry: self.next_entry - 1,
        }
    }

    /// True if a start after a crash would not replay entry `last`, nor those before it.
    #[must_use]
    pub fn has_passed(&self, last: u64) -> bool {
        let is_gone = self.file.is_none() && self.pending.is_empty() && !self.is_left_behind;
        is_gone || self.durable_first_entry > last
    }

    /// How many bytes of entries may not be overwritten.
    #[must_use]
    pub const fn kept_bytes(&self) -> u64 {
        self.ring.kept_bytes()
    }

    /// How many entries were made durable.
    #[must_use]
    pub const fn entries_count(&self) -> u64 {
        self.entries_count
    }

    /// How many bytes they have in the file.
    #[must_use]
    pub const fn written_bytes(&self) -> u64 {
        self.written_bytes
    }

    /// The oldest thing that happened and was not asked for yet.
    pub fn next_progress(&mut self) -> Option<JournalProgress> {
        self.progress.pop_front()
    }

    /// When [`Journal::write_backs`] and [`Journal::advance`] have to be called at the latest.
    #[must_use]
    pub fn next_deadline(&self) -> Instant {
        let age = self.live.front().filter(|_| self.goal.is_none());
        let aged = age.map(|oldest| oldest.written_at + WRITE_BACK_AGE);
        // Before the file is gone the disk is not asked for another.
        let retry = match self.state {
            State::Retired(retry_at) if self.file.is_none() && self.pending.is_empty() => retry_at,
            _ => None,
        };
        let first = [aged, retry].into_iter().flatten().min();
        first.unwrap_or(Instant::MAX)
    }

    /// Send on its way what this turn brought. Call it at the end of every turn in which anything
    /// else was called.
    pub fn advance(&mut self, now: Now, outbox: &mut StorageOutbox) {
        self.grow_at = self.grow_at.filter(|grow_at| *grow_at > now.instant);
        match self.state {
            State::Absent if !self.waiting.is_empty() => self.make(outbox),
            State::Absent | State::Making | State::Closed => {}
            State::Open => {
                self.write_entry(outbox);
                self.write_header(outbox);
            }
            State::Retired(retry_at) => {
                let is_over = self.live.is_empty() && self.dispose(outbox);
                if is_over && retry_at.is_some_and(|retry_at| retry_at <= now.instant) {
                    self.ring = Ring::new();
                    self.state = State::Absent;
                    self.progress.push_back(JournalProgress::Usable);
                }
            }
            State::Closing => {
                if self.dispose(outbox) {
                    self.state = State::Closed;
                }
            }
        }
    }

    /// Nothing is appended any more. The file is removed if everything in it was written back, else
    /// it stays to be replayed; [`Journal::is_closed`] tells when that is done.
    pub fn close(&mut self) {
        if !matches!(self.state, State::Closing | State::Closed) {
            self.waiting.clear();
            self.state = State::Closing;
        }
    }

    /// True once it is closed.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Let go of the entries that were written back, as `look` says of their parts, and find out
    /// whose parts have to be written back now.
    pub fn write_backs(
        &mut self,
        now: Now,
        mut look: impl FnMut(JournalPart) -> WriteBack,
    ) -> BTreeSet<StorageOwner> {
        let mut owners = BTreeSet::new();
        self.let_go(&mut look);
        if self.goal.is_none() && self.must_write_back(now) {
            self.goal = self.live.back().map(|newest| newest.number);
        }
        let Some(goal) = self.goal else {
            return owners;
        };
        let mut looked = 0;
        for entry in &mut self.live {
            if entry.number > goal || looked > PARTS_PER_TURN_MAX {
                break;
            }
            looked += entry.parts.len();
            entry.parts.retain(|part| look(*part) == WriteBack::Missing);
            for part in &entry.parts {
                if owners.len() < WRITE_BACKS_MAX {
                    owners.insert(part.owner);
                }
            }
            if owners.len() == WRITE_BACKS_MAX {
                break;
            }
        }
        self.let_go(&mut look);
        owners
    }

    fn let_go(&mut self, look: &mut impl FnMut(JournalPart) -> WriteBack) {
        while let Some(oldest) = self.live.front_mut() {
            if !are_written_back(&mut oldest.parts, look) {
                return;
            }
            if self.goal == Some(oldest.number) {
                self.goal = None;
            }
            self.live.pop_front();
        }
    }

    fn must_write_back(&self, now: Now) -> bool {
        let oldest = self.live.front();
        let is_due = oldest.is_some_and(|oldest| oldest.written_at + WRITE_BACK_AGE <= now.instant);
        let is_passed = |oldest: &LiveEntry| self.to_pass.is_some_and(|last| oldest.number <= last);
        is_due
            || self.ring.kept_bytes() >= self.ring_bytes_max() / 2
            || oldest.is_some_and(is_passed)
            || self.is_blocked()
    }

    /// How long the ring may become, as far as is known.
    const fn ring_bytes_max(&self) -> u64 {
        match self.grow_at {
            None => self.limits.ring_bytes_max,
            Some(_) => self.ring.length() - RING_START,
        }
    }

    fn entry_bytes_max(&self) -> u64 {
        ENTRY_BYTES_MAX.min(self.ring_bytes_max() / 4)
    }

    /// True if what waits finds no room in the ring.
    fn is_blocked(&self) -> bool {
        let Some(first) = self.waiting.front() else {
            return false;
        };
        let bytes: usize = first.slices.iter().map(Bytes::len).sum();
        let needed = entry_bytes(part_bytes(bytes as u64));
        self.state == State::Open && self.ring.place(needed).is_none()
    }

    fn first_needed(&self) -> u64 {
        let oldest = self.live.front().map(|oldest| oldest.number);
        // The entry on its way is the last one.
        let writing = self.writing.as_ref().map(|_| self.next_entry - 1);
        oldest.or(writing).unwrap_or(self.next_entry)
    }

    fn submit(&mut self, pending: Pending, request: StorageRequest, outbox: &mut StorageOutbox) {
        self.next_sequence += 1;
        self.pending.insert(self.next_sequence, pending);
        let ticket = Ticket {
            owner: self.owner,
            sequence: self.next_sequence,
        };
        outbox.submit(ticket, request);
    }

    fn make(&mut self, outbox: &mut StorageOutbox) {
        let file = outbox.new_reserved_file();
        self.file = Some(file);
        self.state = State::Making;
        let request = StorageRequest::Open {
            file,
            path: self.path.clone(),
            create: true,
        };
        self.submit(Pending::Opened, request, outbox);
    }

    fn open_file(&self) -> FileId {
        self.file.expect("a journal that is written to has a file")
    }

    fn allocate(&mut self, outbox: &mut StorageOutbox) {
        let ring = self.ring.length() - RING_START;
        let grown = (2 * ring).max(FIRST_RING_BYTES);
        let length = RING_START + grown.min(self.limits.ring_bytes_max);
        self.is_growing = true;
        let file = self.open_file();
        let request = StorageRequest::Allocate { file, length };
        self.submit(Pending::Allocated(length), request, outbox);
    }

    fn write_entry(&mut self, outbox: &mut StorageOutbox) {
        if self.writing.is_some() || self.waiting.is_empty() {
            return;
        }
        if self.is_blocked() {
            let may_grow = self.ring.length() - RING_START < self.ring_bytes_max();
            if may_grow && !self.is_growing {
                self.allocate(outbox);
            }
            return;
        }
        let mut entry = EntryBuilder::default();
        let mut parts = Vec::new();
        while let Some(append) = self.waiting.pop_front() {
            let bytes: usize = append.slices.iter().map(Bytes::len).sum();
            let needed = entry_bytes(entry.parts_bytes() + part_bytes(bytes as u64));
            let is_full = needed > self.entry_bytes_max() || self.ring.place(needed).is_none();
            if is_full && !parts.is_empty() {
                self.waiting.push_front(append);
                break;
            }
            entry.push(append.partition, append.slices);
            parts.push(JournalPart {
                owner: append.owner,
                end_offset: append.end_offset,
            });
        }
        let length = entry_bytes(entry.parts_bytes());
        let position = self.ring.place(length);
        let position = position.expect("an entry is not made longer than there is room");
        let key = EntryKey {
            epoch: self.identity.epoch,
            number: self.next_entry,
            previous_crc: self.previous_crc,
        };
        let (slices, crc) = entry.finish(key);
        self.ring.keep(self.next_entry, position, length);
        self.next_entry += 1;
        self.previous_crc = crc;
        self.writing = Some((parts, length));
        let request = StorageRequest::Write {
            file: self.open_file(),
            position,
            slices,
            durability: Durability::Synced,
        };
        self.submit(Pending::Entry, request, outbox);
    }

    /// Have replay begin later, once enough is gained by that, or somebody asks for it.
    fn write_header(&mut self, outbox: &mut StorageOutbox) {
        let first_entry = self.first_needed();
        if self.is_header_in_flight || first_entry <= self.durable_first_entry {
            return;
        }
        let gained = self.ring.bytes_below(first_entry);
        let is_asked_for = self.to_pass.is_some_and(|last| first_entry > last);
        let is_enough = gained >= (self.ring.length() - RING_START) / 4;
        if is_enough || is_asked_for || self.is_blocked() {
            self.put_header(first_entry, outbox);
        }
    }

    fn put_header(&mut self, first_entry: u64, outbox: &mut StorageOutbox) {
        self.header_number += 1;
        let header = Header {
            version: FORMAT_VERSION,
            identity: self.identity,
            number: self.header_number,
            first_entry,
            position: self.ring.position_of(first_entry),
        };
        self.is_header_in_flight = true;
        let request = StorageRequest::Write {
            file: self.open_file(),
            position: self.header_number % 2 * IO_BLOCK_BYTES,
            slices: vec![header.encode()],
            durability: Durability::Synced,
        };
        self.submit(Pending::Header { first_entry }, request, outbox);
    }

    /// Close and, if nothing in it is needed, remove the file; true once that is done.
    fn dispose(&mut self, outbox: &mut StorageOutbox) -> bool {
        if !self.pending.is_empty() {
            return false;
        }
        let Some(file) = self.file.take() else {
            return true;
        };
        self.submit(Pending::FileClosed, StorageRequest::Close { file }, outbox);
        if self.live.is_empty() {
            let path = self.path.clone();
            self.submit(Pending::Removed, StorageRequest::Remove { path }, outbox);
        }
        false
    }

    /// The request with this `sequence` in its ticket has ended.
    pub fn on_storage(
        &mut self,
        now: Now,
        sequence: u64,
        result: StorageResult,
        outbox: &mut StorageOutbox,
    ) {
        let pending = self.pending.remove(&sequence);
        let pending = pending.expect("a request completes once, and only what was asked for");
        match (pending, result) {
            // A journal that stays behind is replayed, and brings nothing that is not known.
            (Pending::Removed, Err(_)) => self.is_left_behind = true,
            (Pending::FileClosed | Pending::Removed, _) => {}
            (Pending::Allocated(_), Err(failure))
                if failure.is_lack_of_space() && self.state == State::Open =>
            {
                self.is_growing = false;
                self.grow_at = Some(now.instant + RETRY_INTERVAL);
            }
            (pending, Err(failure)) => {
                if pending == Pending::Entry {
                    self.writing = None;
                }
                self.fail(now, failure);
            }
            (Pending::Opened, Ok(_)) => {
                if self.state == State::Making {
                    self.allocate(outbox);
                }
            }
            (Pending::Allocated(length), Ok(_)) => {
                self.is_growing = false;
                self.ring.grow(length);
                if self.state == State::Making {
                    self.put_header(self.next_entry, outbox);
                }
            }
            (Pending::Header { first_entry }, Ok(_)) => {
                self.is_header_in_flight = false;
                self.durable_first_entry = first_entry;
                self.to_pass = self.to_pass.filter(|last| *last >= first_entry);
                self.ring.free_below(first_entry);
                if self.state == State::Making {
                    self.state = State::Open;
                }
            }
            (Pending::Entry, Ok(_)) => self.on_entry_written(now),
        }
    }

    fn on_entry_written(&mut self, now: Now) {
        let written = self.writing.take();
        let (parts, length) = written.expect("one entry is written at a time");
        self.entries_count += 1;
        self.written_bytes += length;
        self.live.push_back(LiveEntry {
            number: self.next_entry - 1,
            parts: parts.clone(),
            written_at: now.instant,
        });
        self.progress.push_back(JournalProgress::Durable(parts));
    }

    /// The disk is not to be trusted with this file any more: nothing is tried again.
    fn fail(&mut self, now: Now, failure: StorageFailure) {
        if !self.is_usable() {
            return;
        }
        self.retire();
        if failure.is_lack_of_space() {
            self.state = State::Retired(Some(now.instant + RETRY_INTERVAL));
        }
        self.progress.push_back(JournalProgress::Retired(failure));
    }

    /// Take no more appends: what was appended and is not durable will not be. What is durable
    /// stays in the file until it was written back.
    pub fn retire(&mut self) {
        if self.is_usable() {
            self.waiting.clear();
            self.state = State::Retired(None);
        }
    }
}
