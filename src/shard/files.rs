//! The files of the log directories that belong to no partition: Kafka's checkpoints, and folders
//! to be renamed or removed. Shard 0 alone reads and changes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::log::checkpoint::{
    CLEANED_OFFSETS, HIGH_WATERMARKS, LOG_START_OFFSETS, RECOVERY_POINTS, decode_offsets,
    decode_partition_metadata, encode_offsets,
};
use crate::log::storage::{
    DirectoryIndex, FolderEntry, StorageOutcome, StorageOwner, StoragePath, StorageRequest,
    StorageResult, Ticket,
};
use crate::log::{FOLDER_DELETED, PARTITION_METADATA, parse_future_folder};
use crate::model::{Offset, PartitionIndex, ShardId, TopicPartition, Uuid};
use crate::stdx::{HashMap, Now, new_map};

use super::checkpoints::{Checkpoints, FolderName};
use super::core::Shard;
use super::folders::FolderNames;
use super::journaling::{InheritedJournals, is_journal};
use super::message::DirectoryCheckpoint;
use super::resuming::{InheritedCheckpoints, is_checkpoint};
use super::{Effect, Effects, HaltReason, Message, ShardSettings};

/// Completions of these files are addressed to a place that no partition takes.
const OWNER: StorageOwner = StorageOwner {
    slot: u32::MAX,
    incarnation: 0,
};

/// True for a completion that [`Shard::on_broker_file`] takes.
pub fn is_file_owner(owner: StorageOwner) -> bool {
    owner == OWNER
}

/// What a request was made for.
#[derive(Debug)]
pub enum Purpose {
    /// To know what is in a log directory.
    List,
    /// To know what one of the checkpoint files says.
    ReadCheckpoint(Checkpoint),
    /// To know what a journal, or a checkpoint of resume points, holds; its file's name.
    ReadInherited(String),
    /// To know of which topic a folder is that lies where the partition does not.
    ReadTopicId(FolderName),
    /// To give the partition's name to the only folder there is of it where it lies.
    TakeUp(FolderName),
    /// To write one of the checkpoint files.
    WriteCheckpoint,
    /// To write a checkpoint of resume points.
    WritePoints,
    /// To free the name of a folder, which gets this path.
    SetAside(FolderName, StoragePath),
    /// To make room. Only its failure matters.
    Remove,
    /// To have nobody read a journal of the last life again.
    RemoveJournal,
    /// To have on the disk what the logs were closed with.
    SyncAll,
    /// To tell how much room there is.
    DescribeRoom,
}

/// One of Kafka's checkpoint files.
#[derive(Clone, Copy, Debug)]
pub enum Checkpoint {
    /// Up to where logs were compacted.
    CleanedOffsets,
    /// Where logs start.
    LogStartOffsets,
    /// Up to where logs are on the disk.
    RecoveryPoints,
    /// High watermarks.
    HighWatermarks,
}

impl Checkpoint {
    const ALL: [Self; 4] = [
        Self::CleanedOffsets,
        Self::LogStartOffsets,
        Self::RecoveryPoints,
        Self::HighWatermarks,
    ];

    const fn file_name(self) -> &'static str {
        match self {
            Self::CleanedOffsets => CLEANED_OFFSETS,
            Self::LogStartOffsets => LOG_START_OFFSETS,
            Self::RecoveryPoints => RECOVERY_POINTS,
            Self::HighWatermarks => HIGH_WATERMARKS,
        }
    }

    const fn part(self, of: &mut DirectoryCheckpoint) -> &mut BTreeMap<TopicPartition, Offset> {
        match self {
            Self::CleanedOffsets => &mut of.cleaned_offsets,
            Self::LogStartOffsets => &mut of.log_start_offsets,
            Self::RecoveryPoints => &mut of.recovery_points,
            Self::HighWatermarks => &mut of.high_watermarks,
        }
    }
}

/// What a log directory held when the broker started.
#[derive(Debug)]
pub struct DirectoryContents {
    /// Its entries.
    pub entries: HashMap<String, FolderEntry>,
    /// What its checkpoint files said.
    pub checkpoint: DirectoryCheckpoint,
    /// What the journals of the broker's last life hold.
    pub journals: InheritedJournals,
    /// From where its logs are read if they were not closed.
    pub checkpoints: InheritedCheckpoints,
}

impl DirectoryContents {
    /// Of the journals and checkpoints of this life: larger than that of all others.
    pub fn next_epoch(&self) -> u64 {
        let journals = self.journals.last_epoch();
        journals.max(self.checkpoints.last_epoch()) + 1
    }
}

impl Default for DirectoryContents {
    fn default() -> Self {
        Self {
            entries: new_map(),
            checkpoint: DirectoryCheckpoint::default(),
            journals: InheritedJournals::default(),
            checkpoints: InheritedCheckpoints::default(),
        }
    }
}

/// The files of the log directories that belong to no partition.
#[derive(Debug)]
pub struct BrokerFiles {
    directories_count: u16,
    pending: BTreeMap<u64, (DirectoryIndex, Purpose)>,
    next_sequence: u64,
    /// What is being read at the start.
    reading: Vec<DirectoryContents>,
    reads_missing: usize,
    /// Of folders that lie where their partitions do not, of which topics they are; `None` until
    /// that was asked.
    topic_ids: Option<BTreeMap<FolderName, Uuid>>,
    /// The checkpoint files.
    pub checkpoints: Checkpoints,
    /// The names of partitions' folders.
    pub names: FolderNames,
    last_checkpoints_missing: u16,
    /// At a stop, the directories of which not all is on the disk.
    syncs_missing: u16,
}

impl BrokerFiles {
    /// Nothing was read yet.
    pub fn new(settings: &ShardSettings) -> Self {
        let count = settings.config.log_dirs.len();
        let directories_count = u16::try_from(count).expect("log directories are few");
        Self {
            directories_count,
            pending: BTreeMap::new(),
            next_sequence: 0,
            reading: Vec::new(),
            reads_missing: 0,
            topic_ids: None,
            checkpoints: Checkpoints::new(directories_count),
            names: FolderNames::default(),
            last_checkpoints_missing: settings.shards_count,
            syncs_missing: 0,
        }
    }

    /// What the directories held, once all was read.
    pub fn read_contents(&self) -> impl Iterator<Item = (DirectoryIndex, &DirectoryContents)> {
        (0..).map(DirectoryIndex).zip(&self.reading)
    }

    /// The log directories.
    pub fn directories(&self) -> impl Iterator<Item = DirectoryIndex> + use<> {
        (0..self.directories_count).map(DirectoryIndex)
    }

    /// Those that were not given up.
    pub fn online(&self) -> Vec<DirectoryIndex> {
        let is_online = |directory: &DirectoryIndex| !self.checkpoints.is_given_up(*directory);
        self.directories().filter(is_online).collect()
    }

    /// Ask for `request` in `directory`.
    pub fn submit(
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

    /// Read what each directory holds; [`Shard::on_directories_read`] follows on every shard.
    pub fn read(&mut self, effects: &mut Effects) {
        for directory in self.directories() {
            self.reading.push(DirectoryContents::default());
            if self.checkpoints.is_given_up(directory) {
                continue;
            }
            let root = StoragePath::new(directory, "");
            self.reads_missing += Checkpoint::ALL.len() + 1;
            for checkpoint in Checkpoint::ALL {
                let path = root.join(checkpoint.file_name());
                let request = StorageRequest::ReadFile { path };
                let purpose = Purpose::ReadCheckpoint(checkpoint);
                self.submit(directory, purpose, request, effects);
            }
            let list = StorageRequest::List { path: root };
            self.submit(directory, Purpose::List, list, effects);
        }
    }

    fn take_read(
        &mut self,
        directory: DirectoryIndex,
        purpose: Purpose,
        outcome: StorageOutcome,
        effects: &mut Effects,
    ) {
        let contents = &mut self.reading[usize::from(directory.0)];
        match (purpose, outcome) {
            (Purpose::List, StorageOutcome::Entries(entries)) => {
                let files = entries.iter().filter(|entry| !entry.is_folder);
                let names = files.map(|entry| entry.name.clone());
                let is_inherited = |name: &String| is_journal(name) || is_checkpoint(name);
                let inherited: Vec<String> = names.filter(is_inherited).collect();
                let named = entries.into_iter().map(|entry| (entry.name.clone(), entry));
                contents.entries = named.collect();
                for name in inherited {
                    let path = StoragePath::new(directory, &name);
                    self.reads_missing += 1;
                    let request = StorageRequest::ReadFile { path };
                    self.submit(directory, Purpose::ReadInherited(name), request, effects);
                }
            }
            (Purpose::ReadInherited(name), StorageOutcome::Data(file)) if is_journal(&name) => {
                contents.journals.add_file(name, file);
            }
            (Purpose::ReadInherited(name), StorageOutcome::Data(file)) => {
                contents.checkpoints.add_file(name, file);
            }
            (Purpose::ReadTopicId(name), StorageOutcome::Data(file)) => {
                let id = decode_partition_metadata(&file);
                self.topic_ids
                    .get_or_insert_default()
                    .extend(id.map(|id| (name, id)));
            }
            (Purpose::TakeUp(name), StorageOutcome::Done) => {
                let entry = FolderEntry {
                    name: name.folder(),
                    is_folder: true,
                    length: 0,
                    modified_ms: 0,
                };
                contents.entries.insert(entry.name.clone(), entry);
            }
            (Purpose::ReadCheckpoint(checkpoint), StorageOutcome::Data(file)) => {
                let read = decoded(checkpoint.file_name(), &file);
                *checkpoint.part(&mut contents.checkpoint) = read;
            }
            _ => {}
        }
        self.reads_missing -= 1;
    }

    /// Remove a file or folder.
    pub fn remove(&mut self, path: StoragePath, effects: &mut Effects) {
        self.remove_for(Purpose::Remove, path, effects);
    }

    /// Remove a file or folder for this `purpose`.
    pub fn remove_for(&mut self, purpose: Purpose, path: StoragePath, effects: &mut Effects) {
        let directory = path.directory;
        let request = StorageRequest::Remove { path };
        self.submit(directory, purpose, request, effects);
    }

    /// Write the checkpoint files that are to be written and are not being written.
    pub fn write_due_checkpoints(&mut self, effects: &mut Effects) {
        for directory in self.directories() {
            let count = Checkpoint::ALL.len();
            let Some(mut said) = self.checkpoints.begin_write(directory, count) else {
                continue;
            };
            for checkpoint in Checkpoint::ALL {
                let path = StoragePath::new(directory, checkpoint.file_name());
                let contents = encode_offsets(checkpoint.part(&mut said));
                let request = StorageRequest::ReplaceFile { path, contents };
                self.submit(directory, Purpose::WriteCheckpoint, request, effects);
            }
        }
    }

    /// The logs of all shards are closed: have it on the disk how their files are.
    fn sync_all(&mut self, effects: &mut Effects) {
        for directory in self.online() {
            self.syncs_missing += 1;
            let request = StorageRequest::SyncAll { directory };
            self.submit(directory, Purpose::SyncAll, request, effects);
        }
    }

    const fn are_logs_synced(&self) -> bool {
        self.last_checkpoints_missing == 0 && self.syncs_missing == 0
    }

    fn is_last_write_done(&self) -> bool {
        self.are_logs_synced() && self.checkpoints.is_idle()
    }
}

/// The folders of deleted partitions that a stop kept from being removed.
fn deleted_folders(contents: &[DirectoryContents]) -> Vec<StoragePath> {
    let mut folders = Vec::new();
    for (directory, contents) in (0..).map(DirectoryIndex).zip(contents) {
        let names = contents.entries.keys();
        let deleted = names.filter(|name| name.ends_with(FOLDER_DELETED));
        folders.extend(deleted.map(|name| StoragePath::new(directory, name)));
    }
    folders.sort_unstable();
    folders
}

/// The folders that were being filled for partitions that are gone.
fn abandoned_moves(
    contents: &[DirectoryContents],
    is_known: impl Fn(&str, PartitionIndex) -> bool,
) -> Vec<StoragePath> {
    let mut folders = Vec::new();
    for (directory, contents) in (0..).map(DirectoryIndex).zip(contents) {
        let names = contents.entries.keys();
        let abandoned = names.filter(|name| {
            let parsed = parse_future_folder(name);
            parsed.is_some_and(|(topic, partition)| !is_known(topic, partition))
        });
        folders.extend(abandoned.map(|name| StoragePath::new(directory, name)));
    }
    folders.sort_unstable();
    folders
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
        match (purpose, result) {
            (Purpose::WritePoints, result) => {
                self.on_points_written(now, directory, &result, effects);
            }
            (Purpose::DescribeRoom, result) => self.on_room(directory, result, effects),
            (Purpose::Remove, Ok(_)) => {}
            (Purpose::RemoveJournal, Ok(_)) => self.on_inherited_removed(effects),
            (Purpose::Remove | Purpose::RemoveJournal, Err(failure)) => {
                tracing::warn!("a file was left behind: {failure}")
            }
            (Purpose::SetAside(name, to), result) => {
                self.on_set_aside(now, (name, to), result.err().as_ref(), effects);
            }
            // The files as they were hold too: logs are then scanned from further back.
            (Purpose::WriteCheckpoint, Err(failure))
                if failure.is_lack_of_space() && self.files.last_checkpoints_missing > 0 =>
            {
                tracing::warn!("a checkpoint is put off: {failure}");
                self.files.checkpoints.on_written(directory, false);
            }
            (purpose, Err(failure)) if !self.holds_metadata(directory) => {
                self.give_up(now, directory, &failure.to_string(), effects);
                self.go_on_without(now, directory, &purpose, effects);
            }
            (_, Err(failure)) => {
                effects.push(Effect::Halt(HaltReason::StorageFailed(failure.to_string())));
            }
            (Purpose::SyncAll, Ok(_)) => self.on_synced(effects),
            (Purpose::WriteCheckpoint, Ok(_)) => {
                self.files.checkpoints.on_written(directory, true);
                self.advance_claims(effects);
                self.close_after_last_write(now);
            }
            (purpose, Ok(outcome)) => {
                self.files.take_read(directory, purpose, outcome, effects);
                if self.files.reads_missing == 0 {
                    self.on_contents_read(effects);
                }
            }
        }
    }

    /// A directory was given up for what was asked there for this `purpose`: the others go on.
    fn go_on_without(
        &mut self,
        now: Now,
        directory: DirectoryIndex,
        purpose: &Purpose,
        effects: &mut Effects,
    ) {
        match purpose {
            Purpose::List
            | Purpose::ReadCheckpoint(_)
            | Purpose::ReadInherited(_)
            | Purpose::ReadTopicId(_)
            | Purpose::TakeUp(_) => {
                self.files.reads_missing -= 1;
                if self.files.reads_missing == 0 {
                    self.on_contents_read(effects);
                }
            }
            Purpose::WriteCheckpoint => {
                self.files.checkpoints.on_written(directory, false);
                self.close_after_last_write(now);
            }
            Purpose::SyncAll => self.on_synced(effects),
            Purpose::SetAside(..)
            | Purpose::Remove
            | Purpose::RemoveJournal
            | Purpose::WritePoints
            | Purpose::DescribeRoom => {
                unreachable!("these may fail without more ado")
            }
        }
    }

    /// All that is to be synced at a stop is so in one more directory.
    fn on_synced(&mut self, effects: &mut Effects) {
        self.files.syncs_missing -= 1;
        if self.files.syncs_missing == 0 {
            self.write_checkpoints(effects);
        }
    }

    /// With the last checkpoint of a stop written, the metadata log is closed.
    fn close_after_last_write(&mut self, now: Now) {
        if self.files.is_last_write_done() {
            let unclean = self.files.directories();
            let checkpoints = &self.files.checkpoints;
            let unclean = unclean.filter(|directory| checkpoints.is_unclean(*directory));
            self.close_controller(now, unclean.collect());
        }
    }

    /// On shard 0: every directory was read.
    fn on_contents_read(&mut self, effects: &mut Effects) {
        for (directory, contents) in (0..).map(DirectoryIndex).zip(&mut self.files.reading) {
            if self.files.checkpoints.is_given_up(directory) {
                *contents = DirectoryContents::default();
            }
        }
        if self.files.topic_ids.is_none() {
            self.look_at_moves(effects);
            if self.files.reads_missing > 0 {
                return;
            }
        }
        self.set_strays_aside(effects);
        let mut contents = std::mem::take(&mut self.files.reading);
        for (contents, directory) in contents.iter_mut().zip(&*self.opening.directories) {
            let mut read = contents.journals.replay(directory.id);
            // After a clean stop the logs need none, whoever wrote them.
            if read.is_ok() && !directory.is_clean {
                read = contents.checkpoints.decode(directory.id);
            }
            if let Err(reason) = read {
                return effects.push(Effect::Halt(HaltReason::UnusableData(reason)));
            }
        }
        let contents: Arc<[DirectoryContents]> = contents.into();
        for (directory, contents) in self.files.directories().zip(contents.iter()) {
            let said = contents.checkpoint.clone();
            self.files.checkpoints.inherit(directory, said);
        }
        self.broadcast(effects, || Message::DirectoriesRead(Arc::clone(&contents)));
    }

    /// On shard 0: where a crash has interrupted a move, find out what it left. Kafka gives the
    /// folder its name only once the metadata say where the replica lies, so there it may lack it.
    fn look_at_moves(&mut self, effects: &mut Effects) {
        self.files.topic_ids = Some(BTreeMap::new());
        let (copies, unnamed) = self.interrupted_moves();
        for name in copies {
            let directory = name.directory;
            let path = StoragePath::new(directory, &name.folder()).join(PARTITION_METADATA);
            let request = StorageRequest::ReadFile { path };
            self.files.reads_missing += 1;
            self.files
                .submit(directory, Purpose::ReadTopicId(name), request, effects);
        }
        for (name, from) in unnamed {
            let directory = name.directory;
            let to = StoragePath::new(directory, &name.folder());
            tracing::warn!("{from} is called {to} now: its move had come to its end");
            let entries = &mut self.files.reading[usize::from(directory.0)].entries;
            entries.remove(&*from.relative);
            let request = StorageRequest::Rename { from, to };
            self.files.reads_missing += 1;
            self.files
                .submit(directory, Purpose::TakeUp(name), request, effects);
        }
    }

    /// Of which topic a folder is that lies where its partition does not, if that was asked.
    pub(super) fn topic_id_of(&self, name: &FolderName) -> Option<Uuid> {
        self.files.topic_ids.as_ref()?.get(name).copied()
    }

    /// On shard 0: every partition of the start is open, or never will be.
    pub(super) fn settle_contents(&mut self, now: Now, contents: &[DirectoryContents]) {
        for folder in deleted_folders(contents) {
            let delay_ms = self.configs.broker().topic.file_delete_delay_ms;
            self.opening.remove_later(now, delay_ms, folder);
        }
        let image = Arc::clone(&self.image);
        let is_known = |topic: &str, partition| {
            let topic = image.topic(topic);
            topic.is_some_and(|topic| topic.partitions.contains_key(&partition))
        };
        for folder in abandoned_moves(contents, is_known) {
            self.opening.remove_later(now, 0, folder);
        }
        let (directories, node) = (
            Arc::clone(&self.opening.directories),
            self.settings.config.node_id,
        );
        // A move may have taken it elsewhere.
        let is_there = |name: &FolderName| {
            let topic = image.topic(&name.partition.topic);
            let found = topic.and_then(|topic| topic.partitions.get(&name.partition.partition));
            let id = directories[usize::from(name.directory.0)].id;
            found.is_some_and(|found| found.directory_of(node) == Some(id))
        };
        self.files.checkpoints.retain_inherited(is_there);
    }

    /// Tell shard 0 what the checkpoint files are to say of the partitions here. Of one that was
    /// never open they go on to say what they said.
    pub(super) fn send_checkpoints(&self, is_last: bool, effects: &mut Effects) {
        let count = usize::from(self.files.directories_count);
        let mut directories = vec![DirectoryCheckpoint::default(); count];
        for (_, partition) in self.partitions.iter() {
            if let Some(future) = partition.future.as_deref() {
                let of_future = &mut directories[usize::from(future.directory.0)];
                of_future.is_unclean |= future.was_closed_early;
            }
            let checkpoint = &mut directories[usize::from(partition.directory.0)];
            checkpoint.is_unclean |= partition.is_unclean();
            if !partition.has_opened {
                continue;
            }
            let name = TopicPartition {
                topic: partition.topic.clone(),
                partition: partition.index(),
            };
            let log = &partition.log;
            if log.first_dirty_offset() > 0 {
                checkpoint
                    .cleaned_offsets
                    .insert(name.clone(), log.first_dirty_offset());
            }
            // A start takes a log that ends before these for a damaged one.
            let durable = log.durable_end_offset();
            let start = log.log_start_offset().min(durable);
            if start > 0 {
                checkpoint.log_start_offsets.insert(name.clone(), start);
            }
            checkpoint
                .recovery_points
                .insert(name.clone(), log.written_end_offset());
            checkpoint
                .high_watermarks
                .insert(name, partition.role.high_watermark().min(durable));
        }
        let message = Message::Checkpoints {
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
        self.files.checkpoints.on_told(from, directories);
        self.files.last_checkpoints_missing -= u16::from(is_last);
        if self.files.last_checkpoints_missing == 0 {
            self.files.sync_all(effects);
        }
    }

    /// Write what the shards told last.
    pub(super) fn write_checkpoints(&mut self, effects: &mut Effects) {
        for directory in self.files.directories() {
            self.files.checkpoints.mark_due(directory);
        }
        self.files.write_due_checkpoints(effects);
    }
}
