//! The disk of a world: requests take time, overtake one another, fail, and are torn by a crash.
//!
//! It keeps the contract of [`crate::log::storage`] and nothing beyond it: what the contract leaves
//! open is decided by chance.

mod power_cut;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use crate::journal::{JOURNAL_FILE_PREFIX, checkpoint_epoch};
use crate::log::checkpoint::RECOVERY_POINTS;
use crate::log::storage::{
    Durability, FileId, IO_BLOCK_BYTES, StorageFailure, StorageOutcome, StoragePath,
    StorageRequest, StorageResult, Ticket,
};
use crate::log::{FOLDER_DELETED, parse_future_folder};
use crate::model::ShardId;
use crate::quorum::METADATA_FOLDER;
use crate::stdx::Random;

use super::clock::{SimulatedTime, between};
use super::faults::{Chaos, Fault, FaultCounts, RequestCounts};
use super::planted::{PlantedBug, forgets, keeps_segment, snapshot_of_nobody, with_older_entries};
use super::request::check_contract;
use super::volume::{InodeId, Volume};

/// Linux' error numbers.
const EIO: i32 = 5;
const EBADF: i32 = 9;
const ENOSPC: i32 = 28;

/// How many contents of blocks a disk with [`PlantedBug::ReadsStale`] remembers.
const STALE_BLOCKS_MAX: usize = 4096;

/// How often a planted bug of the disk shows, in a hundred.
const PLANTED_PERCENT: u64 = 10;

/// Names a request that is under way.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct DiskRequestId(pub u64);

/// A request that has ended.
#[derive(Debug)]
pub struct DiskCompletion {
    /// Who asked.
    pub shard: ShardId,
    /// What names the request for the asker.
    pub ticket: Ticket,
    /// How it ended.
    pub result: StorageResult,
}

/// Something a request is about: its requests have an order.
#[derive(Debug)]
struct Handle {
    path: StoragePath,
    state: HandleState,
    waiting: VecDeque<(Ticket, StorageRequest)>,
    running: usize,
}

#[derive(Clone, Copy, Debug)]
enum HandleState {
    Opening,
    Open(InodeId),
    Failed(i32),
}

#[derive(Debug)]
struct UnderWay {
    shard: ShardId,
    ticket: Ticket,
    request: StorageRequest,
    /// The error with which it will end.
    fails: Option<i32>,
}

/// The disk of a broker. It outlives the broker's crashes.
#[derive(Debug)]
pub struct Disk {
    volume: Volume,
    random: Random,
    handles: BTreeMap<(ShardId, FileId), Handle>,
    under_way: BTreeMap<DiskRequestId, UnderWay>,
    /// Replacements that wait for an earlier one of the same file.
    replacing: BTreeMap<StoragePath, VecDeque<(ShardId, Ticket, StorageRequest)>>,
    next_id: u64,
    /// Started and not yet known to the world.
    started: Vec<(SimulatedTime, DiskRequestId)>,
    failures: u64,
    lacks: u64,
    has_low_room: bool,
    /// True if its requests never fail and always find room.
    is_sound: bool,
    planted: Option<PlantedBug>,
    /// What blocks held before they were written last, for a disk that reads stale.
    stale: BTreeMap<(InodeId, u64), Bytes>,
}

impl Disk {
    /// An empty disk with this many log directories.
    #[must_use]
    pub fn new(directories_count: u16, random: Random, planted: Option<PlantedBug>) -> Self {
        Self {
            volume: Volume::new(directories_count),
            random,
            handles: BTreeMap::new(),
            under_way: BTreeMap::new(),
            replacing: BTreeMap::new(),
            next_id: 0,
            started: Vec::new(),
            failures: 0,
            lacks: 0,
            has_low_room: false,
            is_sound: false,
            planted,
            stale: BTreeMap::new(),
        }
    }

    /// From now on its requests never fail, and always find room.
    pub const fn be_sound(&mut self) {
        self.is_sound = true;
    }

    /// True if nothing is under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.under_way.is_empty()
    }

    /// How many requests are under way or wait.
    #[must_use]
    pub fn requests_count(&self) -> usize {
        let waiting = self.handles.values().map(|handle| handle.waiting.len());
        let replacing = self.replacing.values().map(VecDeque::len);
        self.under_way.len() + waiting.sum::<usize>() + replacing.sum::<usize>()
    }

    /// How many files of partitions a shard has asked for and not closed.
    #[must_use]
    pub fn segments_count(&self, shard: ShardId) -> usize {
        let files = self
            .handles
            .range((shard, FileId(0))..=(shard, FileId(u64::MAX)));
        files
            .filter(|(_, handle)| {
                let path = &handle.path.relative;
                !path.starts_with(METADATA_FOLDER) && !path.starts_with(JOURNAL_FILE_PREFIX)
            })
            .count()
    }

    /// How many requests failed so far, but for those that found no room.
    #[must_use]
    pub const fn failures(&self) -> u64 {
        self.failures
    }

    /// How many requests found no room so far.
    #[must_use]
    pub const fn lacks(&self) -> u64 {
        self.lacks
    }

    /// Requests that were started since, and when they end.
    pub fn drain_started(&mut self) -> Vec<(SimulatedTime, DiskRequestId)> {
        std::mem::take(&mut self.started)
    }

    fn strikes(&mut self, bug: PlantedBug) -> bool {
        self.planted == Some(bug) && self.random.chance(PLANTED_PERCENT, 100)
    }

    /// Do what is asked, by name and without a fault: the disk of a broker that does not run.
    ///
    /// # Errors
    /// It cannot be done.
    pub fn perform_at_once(
        &mut self,
        now: SimulatedTime,
        request: &StorageRequest,
    ) -> StorageResult {
        let result = self.perform_by_name(request, now.wall_ms());
        result.map_err(|errno| self.failure(ShardId(0), request, errno))
    }

    /// Take a request.
    pub fn submit(
        &mut self,
        now: SimulatedTime,
        shard: ShardId,
        ticket: Ticket,
        request: StorageRequest,
        chaos: &Chaos,
        counts: &mut FaultCounts,
    ) {
        match &request {
            StorageRequest::Open { file, path, .. } => {
                let handle = Handle {
                    path: path.clone(),
                    state: HandleState::Opening,
                    waiting: VecDeque::new(),
                    running: 0,
                };
                let before = self.handles.insert((shard, *file), handle);
                assert!(before.is_none(), "a file's number is used once");
                self.start(now, shard, ticket, request, chaos, counts);
            }
            StorageRequest::ReplaceFile { path, .. } => {
                if let Some(waiting) = self.replacing.get_mut(path) {
                    waiting.push_back((shard, ticket, request));
                } else {
                    self.replacing.insert(path.clone(), VecDeque::new());
                    self.start(now, shard, ticket, request, chaos, counts);
                }
            }
            request_on_file => {
                let Some(file) = request_on_file.file() else {
                    return self.start(now, shard, ticket, request, chaos, counts);
                };
                let handle = self.handles.get_mut(&(shard, file));
                let handle = handle.expect("a file is used between its open and its close");
                handle.waiting.push_back((ticket, request));
                self.start_waiting(now, shard, file, chaos, counts);
            }
        }
    }

    fn start_waiting(
        &mut self,
        now: SimulatedTime,
        shard: ShardId,
        file: FileId,
        chaos: &Chaos,
        counts: &mut FaultCounts,
    ) {
        while let Some(handle) = self.handles.get_mut(&(shard, file)) {
            let Some((_, request)) = handle.waiting.front() else {
                return;
            };
            let is_close = matches!(request, StorageRequest::Close { .. });
            let must_wait = match handle.state {
                HandleState::Opening => true,
                HandleState::Open(_) | HandleState::Failed(_) => is_close && handle.running > 0,
            };
            if must_wait {
                return;
            }
            let (ticket, request) = handle.waiting.pop_front().expect("it was seen above");
            if is_close {
                assert!(
                    handle.waiting.is_empty(),
                    "a file is not used after its close"
                );
            }
            handle.running += 1;
            self.start(now, shard, ticket, request, chaos, counts);
            if is_close {
                return;
            }
        }
    }

    fn start(
        &mut self,
        now: SimulatedTime,
        shard: ShardId,
        ticket: Ticket,
        request: StorageRequest,
        chaos: &Chaos,
        counts: &mut FaultCounts,
    ) {
        check_contract(&request);
        let id = DiskRequestId(self.next_id);
        self.next_id += 1;
        let random = &mut self.random;
        let mut takes = between(
            random,
            Duration::from_micros(20),
            Duration::from_micros(400),
        );
        if chaos.strikes(random, chaos.slow_requests, 1000) {
            counts.add(Fault::SlowDisk);
            takes = between(random, Duration::from_millis(1), Duration::from_millis(200));
        }
        let fails = self.failure_of(&request, chaos, counts);
        let ends_at = now.plus_nanos(takes);
        self.started.push((ends_at, id));
        self.under_way.insert(
            id,
            UnderWay {
                shard,
                ticket,
                request,
                fails,
            },
        );
    }

    fn failure_of(
        &mut self,
        request: &StorageRequest,
        chaos: &Chaos,
        counts: &mut FaultCounts,
    ) -> Option<i32> {
        if matches!(request, StorageRequest::Close { .. }) {
            return None;
        }
        let takes_room = request.takes_room() || matches!(request, StorageRequest::Remove { .. });
        let mut became = RequestCounts {
            asked: 1,
            failed: 0,
            full: takes_room.then_some(0),
        };
        let (failed, full) = match self.is_sound {
            true => (0, 0),
            false => chaos.rates_of(request),
        };
        let mut errno = None;
        if takes_room && chaos.strikes(&mut self.random, full, 100_000) {
            counts.add(Fault::NoSpace);
            became.full = Some(1);
            self.lacks += 1;
            errno = Some(ENOSPC);
        } else if chaos.strikes(&mut self.random, failed, 100_000) {
            counts.add(if is_read(request) {
                Fault::FailedRead
            } else {
                Fault::FailedWrite
            });
            became.failed = 1;
            self.failures += 1;
            // A file system that promised room may have none all the same.
            let is_full =
                matches!(request, StorageRequest::Write { .. }) && self.random.chance(1, 4);
            errno = Some(if is_full { ENOSPC } else { EIO });
        }
        counts.note_request(request, became);
        if matches!(request, StorageRequest::DescribeRoom { .. }) {
            let low_rooms = if self.is_sound { 0 } else { chaos.low_rooms };
            self.has_low_room = chaos.strikes(&mut self.random, low_rooms, 10);
            if self.has_low_room {
                counts.add(Fault::LowRoom);
            }
        }
        errno
    }

    /// The time of a request has come: what it does is done. `None` if a crash came before.
    pub fn complete(
        &mut self,
        now: SimulatedTime,
        id: DiskRequestId,
        chaos: &Chaos,
        counts: &mut FaultCounts,
    ) -> Option<DiskCompletion> {
        let done = self.under_way.remove(&id)?;
        if let Some((older, _)) = self.under_way.first_key_value()
            && *older < id
        {
            counts.add(Fault::OvertakenRequest);
        }
        let UnderWay {
            shard,
            ticket,
            request,
            fails,
            ..
        } = done;
        let result = match fails {
            Some(errno) => {
                self.perform_in_part(shard, &request, now);
                Err(errno)
            }
            None => self.perform(shard, &request, now),
        };
        let result = result.map_err(|errno| self.failure(shard, &request, errno));
        self.settle(now, shard, &request, &result, chaos, counts);
        Some(DiskCompletion {
            shard,
            ticket,
            result,
        })
    }

    fn failure(&self, shard: ShardId, request: &StorageRequest, errno: i32) -> StorageFailure {
        StorageFailure {
            operation: request.operation(),
            path: self.path_of(shard, request),
            position: 0,
            errno,
        }
    }

    fn path_of(&self, shard: ShardId, request: &StorageRequest) -> StoragePath {
        match request {
            StorageRequest::Open { path, .. }
            | StorageRequest::ReadFile { path }
            | StorageRequest::ReplaceFile { path, .. }
            | StorageRequest::CreateFolder { path }
            | StorageRequest::Remove { path }
            | StorageRequest::List { path }
            | StorageRequest::DescribeRoom { path } => path.clone(),
            StorageRequest::SyncAll { directory } => StoragePath::new(*directory, ""),
            StorageRequest::Rename { from, .. } => from.clone(),
            on_file => {
                let file = on_file.file().expect("all others are about an open file");
                self.handles[&(shard, file)].path.clone()
            }
        }
    }

    /// What else changes when a request has ended.
    fn settle(
        &mut self,
        now: SimulatedTime,
        shard: ShardId,
        request: &StorageRequest,
        result: &StorageResult,
        chaos: &Chaos,
        counts: &mut FaultCounts,
    ) {
        match request {
            StorageRequest::Open { file, .. } => {
                if let Err(failure) = result {
                    let handle = self.handles.get_mut(&(shard, *file));
                    handle.expect("it is being opened").state = HandleState::Failed(failure.errno);
                }
                self.start_waiting(now, shard, *file, chaos, counts);
            }
            StorageRequest::Close { file } => drop(self.handles.remove(&(shard, *file))),
            StorageRequest::Rename { .. } | StorageRequest::Remove { .. } if result.is_ok() => {
                counts.note_compaction(request);
                counts.note_move(request);
            }
            StorageRequest::ReadFile { path }
                if path.relative.starts_with(JOURNAL_FILE_PREFIX) && result.is_ok() =>
            {
                counts.add(Fault::ReplayedJournal);
            }
            StorageRequest::List { path } if parse_future_folder(&path.relative).is_some() => {
                counts.add(Fault::InterruptedMove);
            }
            StorageRequest::ReadFile { path }
                if checkpoint_epoch(&path.relative).is_some() && result.is_ok() =>
            {
                counts.add(Fault::FoundCheckpoint);
            }
            StorageRequest::ReplaceFile { path, .. } => {
                let waiting = self.replacing.get_mut(path);
                let next = waiting
                    .expect("a replacement under way has its queue")
                    .pop_front();
                match next {
                    None => drop(self.replacing.remove(path)),
                    Some((shard, ticket, request)) => {
                        self.start(now, shard, ticket, request, chaos, counts);
                    }
                }
            }
            request => {
                if let Some(file) = request.file() {
                    let handle = self.handles.get_mut(&(shard, file));
                    handle.expect("a file in use is not closed").running -= 1;
                    self.start_waiting(now, shard, file, chaos, counts);
                }
            }
        }
    }

    fn inode_of(&self, shard: ShardId, file: FileId) -> Result<InodeId, i32> {
        match self.handles.get(&(shard, file)).map(|handle| handle.state) {
            Some(HandleState::Open(inode)) => Ok(inode),
            Some(HandleState::Failed(errno)) => Err(errno),
            Some(HandleState::Opening) | None => Err(EBADF),
        }
    }

    fn perform(
        &mut self,
        shard: ShardId,
        request: &StorageRequest,
        now: SimulatedTime,
    ) -> Result<StorageOutcome, i32> {
        let now_ms = now.wall_ms();
        match request {
            StorageRequest::Open { file, path, create } => {
                let (inode, length) = self.volume.open(path, *create, now_ms)?;
                let handle = self.handles.get_mut(&(shard, *file));
                handle.expect("it is being opened").state = HandleState::Open(inode);
                return Ok(StorageOutcome::Opened { length });
            }
            StorageRequest::Allocate { file, length } => {
                let inode = self.inode_of(shard, *file)?;
                self.volume.allocate(inode, *length);
            }
            StorageRequest::Write {
                file,
                position,
                slices,
                durability,
            } => {
                let inode = self.inode_of(shard, *file)?;
                if self.is_of_copy(shard, *file) && self.strikes(PlantedBug::LosesCopy) {
                    return Ok(StorageOutcome::Done);
                }
                self.write(inode, *position, &slices.concat(), *durability, now_ms);
            }
            StorageRequest::Sync { file } => {
                let inode = self.inode_of(shard, *file)?;
                self.volume.sync(inode);
            }
            StorageRequest::Read {
                file,
                position,
                length,
            } => {
                let inode = self.inode_of(shard, *file)?;
                return Ok(StorageOutcome::Data(self.read(inode, *position, *length)));
            }
            StorageRequest::Truncate { file, length } => {
                let inode = self.inode_of(shard, *file)?;
                self.volume.truncate(inode, *length, now_ms);
            }
            StorageRequest::Seal {
                file,
                length,
                beside,
            } => {
                let inode = self.inode_of(shard, *file)?;
                self.volume.truncate_later(inode, *length, now_ms);
                for (path, contents) in beside {
                    self.volume.replace_file_later(path, contents, now_ms)?;
                }
            }
            StorageRequest::Close { .. } => {}
            by_name => return self.perform_by_name(by_name, now_ms),
        }
        Ok(StorageOutcome::Done)
    }

    fn perform_by_name(
        &mut self,
        request: &StorageRequest,
        now_ms: i64,
    ) -> Result<StorageOutcome, i32> {
        match request {
            StorageRequest::ReadFile { path } => {
                return Ok(match self.volume.read_file(path) {
                    Some(contents) => StorageOutcome::Data(contents),
                    None => StorageOutcome::Missing,
                });
            }
            StorageRequest::List { path } => {
                return Ok(match self.volume.list(path) {
                    Some(entries) => StorageOutcome::Entries(entries),
                    None => StorageOutcome::Missing,
                });
            }
            StorageRequest::DescribeRoom { .. } => {
                return Ok(Volume::room(self.has_low_room, &mut self.random));
            }
            StorageRequest::ReplaceFile { path, contents } => {
                let mut contents = contents.clone();
                if self.planted == Some(PlantedBug::ForgetsProducers)
                    && path.relative.ends_with(".snapshot")
                {
                    contents = snapshot_of_nobody();
                }
                if self.planted == Some(PlantedBug::KeepsCheckpoints)
                    && path.relative.ends_with(RECOVERY_POINTS)
                {
                    let older = self.volume.read_file(path).unwrap_or_default();
                    contents = with_older_entries(&older, &contents);
                }
                let forgets = forgets(self.planted, path);
                if !forgets && !self.strikes(PlantedBug::SkipsReplacement) {
                    self.volume.replace_file(path, &contents, now_ms)?;
                }
            }
            StorageRequest::SyncAll { .. } if self.planted == Some(PlantedBug::SkipsSyncAll) => {}
            StorageRequest::SyncAll { directory } => self.volume.sync_all(*directory),
            StorageRequest::CreateFolder { path } => self.volume.create_folder(path)?,
            StorageRequest::Rename { .. } if self.loses_rename(request) => {}
            StorageRequest::Rename { from, to } => self.volume.rename(from, to)?,
            StorageRequest::Remove { path } if keeps_segment(self.planted, path) => {}
            StorageRequest::Remove { path } => self.volume.remove(path),
            other => unreachable!("{other:?} is performed above"),
        }
        Ok(StorageOutcome::Done)
    }

    /// True for a file of a replica that is being filled, to take another's place.
    fn is_of_copy(&self, shard: ShardId, file: FileId) -> bool {
        let path = &self.handles[&(shard, file)].path.relative;
        let folder = path.split('/').next();
        folder.is_some_and(|folder| parse_future_folder(folder).is_some())
    }

    /// True if a folder keeps its name against what is told.
    fn loses_rename(&mut self, request: &StorageRequest) -> bool {
        let StorageRequest::Rename { to, .. } = request else {
            return false;
        };
        self.planted == Some(PlantedBug::LosesRename) && to.relative.ends_with(FOLDER_DELETED)
    }

    fn write(
        &mut self,
        inode: InodeId,
        mut position: u64,
        bytes: &[u8],
        durability: Durability,
        now_ms: i64,
    ) {
        if self.strikes(PlantedBug::LosesWrite) {
            return;
        }
        if self.strikes(PlantedBug::MisdirectsWrite) {
            position += IO_BLOCK_BYTES;
        }
        if self.planted == Some(PlantedBug::ReadsStale) && self.stale.len() < STALE_BLOCKS_MAX {
            let before = self.volume.read(inode, position, IO_BLOCK_BYTES);
            self.stale.insert((inode, position), before);
        }
        let is_synced = durability == Durability::Synced
            && !matches!(self.planted, Some(PlantedBug::CompletesUnsynced));
        self.volume.write(inode, position, bytes, is_synced, now_ms);
    }

    fn read(&mut self, inode: InodeId, position: u64, length: u64) -> Bytes {
        let bytes = self.volume.read(inode, position, length);
        let mut changed = bytes.to_vec();
        if self.strikes(PlantedBug::CorruptsRead) && !changed.is_empty() {
            let place = self.random.below(changed.len() as u64);
            changed[usize::try_from(place).expect("it lies in memory")] ^= 0x40;
        }
        if self.planted == Some(PlantedBug::ReadsStale) {
            for (at, block) in (position..position + length)
                .step_by(usize::try_from(IO_BLOCK_BYTES).expect("a small number"))
                .filter_map(|at| Some((at, self.stale.get(&(inode, at))?)))
            {
                let start = usize::try_from(at - position).expect("it lies in memory");
                let end = (start + block.len()).min(changed.len());
                if start < end {
                    changed[start..end].copy_from_slice(&block[..end - start]);
                }
            }
        }
        Bytes::from(changed)
    }
}

/// True for a request that changes nothing.
const fn is_read(request: &StorageRequest) -> bool {
    matches!(
        request,
        StorageRequest::Read { .. }
            | StorageRequest::ReadFile { .. }
            | StorageRequest::List { .. }
            | StorageRequest::DescribeRoom { .. }
    )
}
