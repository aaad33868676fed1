//! Kafka's checkpoints, the files of a log directory that tell of all its partitions. Every shard
//! reads them when it starts; shard 0 writes them.

use std::collections::BTreeMap;

use crate::log::checkpoint::{decode_offsets, encode_offsets};
use crate::log::storage::{
    DirectoryIndex, FolderEntry, StorageOutcome, StorageOwner, StoragePath, StorageRequest,
    StorageResult, Ticket,
};
use crate::model::{Offset, ShardId, TopicPartition};
use crate::stdx::{HashMap, Now, new_map};

use super::core::Shard;
use super::message::DirectoryCheckpoint;
use super::partition::Asker;
use super::task::{DirectoryRoom, Reply};
use super::{Effect, Effects, HaltReason, ShardSettings};

/// Completions of these files are addressed to a place that no partition takes.
const OWNER: StorageOwner = StorageOwner {
    slot: u32::MAX,
    incarnation: 0,
};

const LOG_START_OFFSETS: &str = "log-start-offset-checkpoint";
const RECOVERY_POINTS: &str = "recovery-point-offset-checkpoint";
const HIGH_WATERMARKS: &str = "replication-offset-checkpoint";

/// The suffix of a partition's folder that waits for its removal.
const DELETED_SUFFIX: &str = "-delete";

/// True for a completion that [`Shard::on_broker_file`] takes.
pub fn is_file_owner(owner: StorageOwner) -> bool {
    owner == OWNER
}

#[derive(Clone, Copy, Debug)]
enum Purpose {
    List,
    ReadLogStartOffsets,
    ReadRecoveryPoints,
    /// Writing a checkpoint: `is_last` for a clean stop.
    Write {
        is_last: bool,
    },
    /// Only its failure matters.
    Remove,
    DescribeRoom,
}

/// How much room the log directories have: who asks next, and the answer that is being made.
#[derive(Debug, Default)]
struct Room {
    asking: Vec<Asker>,
    waiting: Vec<Asker>,
    found: Vec<Option<DirectoryRoom>>,
    missing: usize,
}

/// What a log directory held when the shard started.
#[derive(Debug, Default)]
pub struct DirectoryContents {
    /// Its entries.
    pub entries: HashMap<String, FolderEntry>,
    /// Where logs start.
    pub log_start_offsets: BTreeMap<TopicPartition, Offset>,
    /// Up to where logs were on the disk.
    pub recovery_points: BTreeMap<TopicPartition, Offset>,
}

/// The files of the log directories that belong to no partition.
#[derive(Debug)]
pub struct BrokerFiles {
    directories_count: u16,
    pending: BTreeMap<u64, (DirectoryIndex, Purpose)>,
    next_sequence: u64,
    contents: Vec<DirectoryContents>,
    reads_missing: usize,
    /// What the shards told last for the checkpoints, by directory. On shard 0.
    told: BTreeMap<ShardId, Vec<DirectoryCheckpoint>>,
    last_checkpoints_missing: u16,
    last_writes_missing: usize,
    room: Room,
}

impl BrokerFiles {
    /// Nothing was read yet.
    pub fn new(settings: &ShardSettings) -> Self {
        let count = settings.config.log_dirs.len();
        Self {
            directories_count: u16::try_from(count).expect("log directories are few"),
            pending: BTreeMap::new(),
            next_sequence: 0,
            contents: (0..count)
                .map(|_| DirectoryContents {
                    entries: new_map(),
                    ..Default::default()
                })
                .collect(),
            reads_missing: 0,
            told: BTreeMap::new(),
            last_checkpoints_missing: settings.shards_count,
            last_writes_missing: 0,
            room: Room::default(),
        }
    }

    /// `asker` wants to know how much room the directories have; the answer is made from now on.
    pub fn ask_for_room(&mut self, asker: Asker) {
        self.room.asking.push(asker);
    }

    /// Ask the disk for those who asked since the last time, unless an answer is being made.
    pub fn describe_room(&mut self, effects: &mut Effects) {
        if self.room.asking.is_empty() || self.room.missing > 0 {
            return;
        }
        self.room.waiting = std::mem::take(&mut self.room.asking);
        self.room.found = vec![None; usize::from(self.directories_count)];
        self.room.missing = self.room.found.len();
        for directory in self.directories() {
            let path = StoragePath::new(directory, "");
            let request = StorageRequest::DescribeRoom { path };
            self.submit(directory, Purpose::DescribeRoom, request, effects);
        }
    }

    /// What the directory held at the start.
    pub fn contents(&self, directory: DirectoryIndex) -> &DirectoryContents {
        &self.contents[usize::from(directory.0)]
    }

    /// Let go of what was read at the start: every partition is open.
    pub fn forget_contents(&mut self) {
        for contents in &mut self.contents {
            *contents = DirectoryContents::default();
        }
    }

    fn directories(&self) -> impl Iterator<Item = DirectoryIndex> + use<> {
        (0..self.directories_count).map(DirectoryIndex)
    }

    fn submit(
        &mut self,
        directory: DirectoryIndex,
        purpose: Purpose,
        request: StorageRequest,
        effects: &mut Effects,
    ) {
        self.next_sequence += 1;
        self.pending
            .insert(self.next_sequence, (directory, purpose));
        let ticket = Ticket {
            owner: OWNER,
            sequence: self.next_sequence,
        };
        effects.storage.submit(ticket, request);
    }

    /// Read what each directory holds; [`Shard::on_directories_read`] follows.
    pub fn read(&mut self, effects: &mut Effects) {
        for directory in self.directories() {
            let root = StoragePath::new(directory, "");
            let files = [
                (Purpose::ReadLogStartOffsets, LOG_START_OFFSETS),
                (Purpose::ReadRecoveryPoints, RECOVERY_POINTS),
            ];
            self.reads_missing += files.len() + 1;
            let list = StorageRequest::List { path: root.clone() };
            self.submit(directory, Purpose::List, list, effects);
            for (purpose, name) in files {
                let request = StorageRequest::ReadFile {
                    path: root.join(name),
                };
                self.submit(directory, purpose, request, effects);
            }
        }
    }

    /// Remove the folders of deleted partitions that a stop kept from being removed.
    pub fn remove_deleted_folders(&mut self, effects: &mut Effects) {
        for directory in self.directories() {
            let mut names: Vec<String> = self.contents(directory).entries.keys().cloned().collect();
            names.retain(|name| name.ends_with(DELETED_SUFFIX));
            names.sort_unstable();
            for name in names {
                self.remove_folder(StoragePath::new(directory, &name), effects);
            }
        }
    }

    /// Remove a folder.
    pub fn remove_folder(&mut self, path: StoragePath, effects: &mut Effects) {
        let directory = path.directory;
        self.submit(
            directory,
            Purpose::Remove,
            StorageRequest::Remove { path },
            effects,
        );
    }

    fn take_read(&mut self, directory: DirectoryIndex, purpose: Purpose, outcome: StorageOutcome) {
        let contents = &mut self.contents[usize::from(directory.0)];
        match (purpose, outcome) {
            (Purpose::List, StorageOutcome::Entries(entries)) => {
                let named = entries.into_iter().map(|entry| (entry.name.clone(), entry));
                contents.entries = named.collect();
            }
            (Purpose::ReadLogStartOffsets, StorageOutcome::Data(file)) => {
                contents.log_start_offsets = decoded(LOG_START_OFFSETS, &file);
            }
            (Purpose::ReadRecoveryPoints, StorageOutcome::Data(file)) => {
                contents.recovery_points = decoded(RECOVERY_POINTS, &file);
            }
            _ => {}
        }
        self.reads_missing -= 1;
    }

    /// True if some shard could not close its partitions in the directory cleanly.
    fn is_unclean(&self, directory: DirectoryIndex) -> bool {
        let mut told = self.told.values();
        told.any(|told| {
            told.get(usize::from(directory.0))
                .is_some_and(|checkpoint| checkpoint.is_unclean)
        })
    }

    fn write_checkpoints(&mut self, is_last: bool, effects: &mut Effects) {
        for directory in self.directories() {
            let mut gathered = DirectoryCheckpoint::default();
            for told in self
                .told
                .values()
                .filter_map(|told| told.get(usize::from(directory.0)))
            {
                gathered
                    .log_start_offsets
                    .extend(told.log_start_offsets.clone());
                gathered
                    .recovery_points
                    .extend(told.recovery_points.clone());
                gathered
                    .high_watermarks
                    .extend(told.high_watermarks.clone());
            }
            let files = [
                (
                    LOG_START_OFFSETS,
                    encode_offsets(&gathered.log_start_offsets),
                ),
                (RECOVERY_POINTS, encode_offsets(&gathered.recovery_points)),
                (HIGH_WATERMARKS, encode_offsets(&gathered.high_watermarks)),
            ];
            for (name, contents) in files {
                let path = StoragePath::new(directory, name);
                let request = StorageRequest::ReplaceFile { path, contents };
                self.last_writes_missing += usize::from(is_last);
                self.submit(directory, Purpose::Write { is_last }, request, effects);
            }
        }
    }
}

/// A checkpoint that cannot be read says nothing: logs are then scanned from further back.
fn decoded(name: &str, file: &[u8]) -> BTreeMap<TopicPartition, Offset> {
    decode_offsets(file).unwrap_or_else(|error| {
        tracing::warn!(
            file = name,
            "a checkpoint is not readable and not used: {error}"
        );
        BTreeMap::new()
    })
}

impl Shard {
    fn on_room(&mut self, directory: DirectoryIndex, result: StorageResult) {
        let room = &mut self.files.room;
        match result {
            Ok(StorageOutcome::Room {
                total_bytes,
                usable_bytes,
            }) => {
                room.found[usize::from(directory.0)] = Some(DirectoryRoom {
                    total_bytes,
                    usable_bytes,
                });
            }
            Ok(other) => unreachable!("{other:?} does not tell of room"),
            Err(failure) => tracing::warn!("the room of a log directory is not known: {failure}"),
        }
        room.missing -= 1;
        if room.missing > 0 {
            return;
        }
        let (waiting, found) = (
            std::mem::take(&mut room.waiting),
            std::mem::take(&mut room.found),
        );
        for asker in waiting {
            self.reply(asker, Reply::Room(found.clone()));
        }
    }

    pub(super) fn on_broker_file(
        &mut self,
        now: Now,
        ticket: Ticket,
        result: StorageResult,
        effects: &mut Effects,
    ) {
        let Some((directory, purpose)) = self.files.pending.remove(&ticket.sequence) else {
            return;
        };
        if matches!(purpose, Purpose::DescribeRoom) {
            return self.on_room(directory, result);
        }
        let outcome = match result {
            Ok(outcome) => outcome,
            Err(failure) if matches!(purpose, Purpose::Remove) => {
                return tracing::warn!("a file was left behind: {failure}");
            }
            // The files as they were hold too: logs are then scanned from further back.
            Err(failure)
                if matches!(purpose, Purpose::Write { is_last: false })
                    && failure.is_lack_of_space() =>
            {
                return tracing::warn!("a checkpoint is put off: {failure}");
            }
            Err(failure) => {
                return effects.push(Effect::Halt(HaltReason::StorageFailed(failure.to_string())));
            }
        };
        match purpose {
            Purpose::Remove | Purpose::Write { is_last: false } => {}
            Purpose::Write { is_last: true } => {
                self.files.last_writes_missing -= 1;
                if self.files.last_writes_missing == 0 {
                    let unclean = self.files.directories();
                    let unclean = unclean.filter(|directory| self.files.is_unclean(*directory));
                    self.close_controller(now, unclean.collect());
                }
            }
            purpose => {
                self.files.take_read(directory, purpose, outcome);
                if self.files.reads_missing == 0 {
                    self.on_directories_read(effects);
                }
            }
        }
    }

    /// Tell shard 0 what the checkpoint files are to say of the partitions here.
    pub(super) fn send_checkpoints(&self, is_last: bool, effects: &mut Effects) {
        let count = usize::from(self.files.directories_count);
        let mut directories = vec![DirectoryCheckpoint::default(); count];
        for (_, partition) in self.partitions.iter() {
            let checkpoint = &mut directories[usize::from(partition.directory.0)];
            let name = TopicPartition {
                topic: partition.topic.clone(),
                partition: partition.index(),
            };
            let log = &partition.log;
            if log.log_start_offset() > 0 {
                checkpoint
                    .log_start_offsets
                    .insert(name.clone(), log.log_start_offset());
            }
            checkpoint.is_unclean |= partition.is_unclean();
            checkpoint
                .recovery_points
                .insert(name.clone(), log.durable_end_offset());
            checkpoint
                .high_watermarks
                .insert(name, partition.leader.high_watermark());
        }
        let message = super::Message::Checkpoints {
            directories,
            is_last,
        };
        effects.post(ShardId(0), message);
    }

    pub(super) fn on_checkpoints(
        &mut self,
        from: ShardId,
        directories: Vec<DirectoryCheckpoint>,
        is_last: bool,
        effects: &mut Effects,
    ) {
        self.files.told.insert(from, directories);
        self.files.last_checkpoints_missing -= u16::from(is_last);
        if self.files.last_checkpoints_missing == 0 {
            self.files.write_checkpoints(true, effects);
        }
    }

    /// Write what the shards told last.
    pub(super) fn write_checkpoints(&mut self, effects: &mut Effects) {
        self.files.write_checkpoints(false, effects);
    }
}
