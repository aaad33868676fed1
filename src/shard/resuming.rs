//! From where a start after a crash reads the logs of this shard: a checkpoint in each log
//! directory, written anew whenever enough was appended.
//!
//! What a start reads of segments is thus bounded by what is appended between two checkpoints,
//! however long the logs are. Those of the last life are read by shard 0, since partitions may lie
//! on other shards now, and removed by it once every shard has written one of its own.

use std::time::Duration;

use bytes::Bytes;

use crate::journal::{
    CheckpointFault, JournalIdentity, checkpoint_epoch, checkpoint_name, decode_checkpoint,
    encode_checkpoint,
};
use crate::log::storage::{
    DirectoryIndex, StorageOwner, StoragePath, StorageRequest, StorageResult,
};
use crate::log::{Log, TakenPoint};
use crate::model::{ShardId, TopicIdPartition, Uuid};
use crate::stdx::{HashMap, Instant, Now, new_map};

use super::core::{Phase, Shard};
use super::files::Purpose;
use super::inherited::InheritedFiles;
use super::partition::Partition;
use super::{Effects, Message};

/// After so many bytes a checkpoint is written: a start after a crash reads at most this and what
/// is appended while one is made, for each shard, which takes a tenth of a second.
pub const CHECKPOINT_EVERY_BYTES: u64 = 64 << 20;

/// And after so many times its own size, so that checkpoints of many partitions, or of many
/// producers, are a small part of what is written.
const CHECKPOINT_EVERY_TIMES: u64 = 8;

/// How soon a full disk is asked again.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// What the checkpoints in one directory held when the broker started.
#[derive(Debug)]
pub struct InheritedCheckpoints {
    files: Vec<(String, Bytes)>,
    /// With the epoch of the file.
    points: HashMap<TopicIdPartition, (u64, Bytes)>,
}

impl Default for InheritedCheckpoints {
    fn default() -> Self {
        Self {
            files: Vec::new(),
            points: new_map(),
        }
    }
}

/// True for the name of a checkpoint's file.
pub fn is_checkpoint(name: &str) -> bool {
    checkpoint_epoch(name).is_some()
}

impl InheritedCheckpoints {
    /// A file was read.
    pub fn add_file(&mut self, name: String, contents: Bytes) {
        self.files.push((name, contents));
    }

    /// Find out what the files hold; the newest counts. The error names one that must not be
    /// ignored, and says what to do.
    pub fn decode(&mut self, directory: Uuid) -> Result<(), String> {
        self.files
            .sort_by_key(|(name, _)| (checkpoint_epoch(name), name.clone()));
        for (name, contents) in &mut self.files {
            let epoch = checkpoint_epoch(name).unwrap_or(0);
            let of_epoch = |(partition, point)| (partition, (epoch, point));
            match decode_checkpoint(&std::mem::take(contents), directory) {
                Ok(points) => self.points.extend(points.into_iter().map(of_epoch)),
                Err(fault @ CheckpointFault::Newer(_)) => {
                    return Err(format!("the checkpoint {name} cannot be used: {fault}"));
                }
                Err(fault) => tracing::warn!("the checkpoint {name} is not used: {fault}"),
            }
        }
        Ok(())
    }

    /// The partitions that they name.
    pub fn partitions(&self) -> impl Iterator<Item = &TopicIdPartition> {
        self.points.keys()
    }

    /// The epoch of the newest file, zero if there is none.
    pub fn last_epoch(&self) -> u64 {
        let epochs = self
            .files
            .iter()
            .filter_map(|(name, _)| checkpoint_epoch(name));
        epochs.max().unwrap_or(0)
    }
}

/// A checkpoint on its way.
#[derive(Debug)]
struct Round {
    /// The logs whose points may not be good yet.
    waiting: Vec<StorageOwner>,
    points: Vec<(TopicIdPartition, Bytes)>,
    is_being_written: bool,
}

#[derive(Debug)]
struct OfDirectory {
    identity: JournalIdentity,
    /// Bytes appended since the points of the last checkpoint were taken.
    appended_bytes: u64,
    /// With so many the next checkpoint is due.
    due_bytes: u64,
    /// When it is tried again, if the disk had no room for it.
    retry_at: Option<Instant>,
    round: Option<Round>,
    /// True once the checkpoints of the last life are not needed any more.
    has_one: bool,
    /// True if the disk has failed to write one: no other is tried.
    is_given_up: bool,
}

/// The checkpoints of this shard.
#[derive(Debug)]
pub struct ResumeCheckpoints {
    every_bytes: u64,
    /// Empty until the directories were read.
    directories: Vec<OfDirectory>,
    /// True once shard 0 was told that each directory has a checkpoint of this life.
    is_told: bool,
    /// Needed until every shard has checkpoints of this life.
    inherited: InheritedFiles,
}

impl ResumeCheckpoints {
    /// The directories were not read yet.
    pub fn new(every_bytes: u64) -> Self {
        Self {
            every_bytes,
            directories: Vec::new(),
            is_told: false,
            inherited: InheritedFiles::default(),
        }
    }

    /// Count what was appended to a partition since it was last counted.
    pub fn note_appended(&mut self, partition: &mut Partition) {
        let bytes = partition.log.take_appended_bytes();
        if let Some(of) = self.directories.get_mut(usize::from(partition.directory.0)) {
            of.appended_bytes += bytes;
        }
    }

    /// There is a log in this directory of which the checkpoints know nothing: the next one is due.
    pub fn hurry(&mut self, directory: DirectoryIndex) {
        if let Some(of) = self.directories.get_mut(usize::from(directory.0)) {
            of.appended_bytes = of.appended_bytes.max(of.due_bytes);
        }
    }

    /// When a checkpoint has to be begun that the disk had no room for.
    pub fn next_deadline(&self) -> Instant {
        let waiting = self.directories.iter().filter_map(|of| of.retry_at);
        waiting.min().unwrap_or(Instant::MAX)
    }
}

impl OfDirectory {
    fn is_due(&self, instant: Instant) -> bool {
        self.round.is_none()
            && !self.is_given_up
            && (!self.has_one || self.appended_bytes >= self.due_bytes)
            && self.retry_at.is_none_or(|retry_at| instant >= retry_at)
    }
}

impl Shard {
    /// The log directories were read.
    pub(super) fn begin_checkpoints(&mut self) {
        let Some(contents) = &self.opening.contents else {
            return;
        };
        let directories = contents.iter().zip(&*self.opening.directories);
        for ((contents, directory), index) in directories.zip(0..) {
            self.resuming.directories.push(OfDirectory {
                identity: JournalIdentity {
                    directory: directory.id,
                    shard: self.settings.id.0,
                    epoch: contents.next_epoch(),
                },
                appended_bytes: 0,
                due_bytes: self.resuming.every_bytes,
                retry_at: None,
                round: None,
                has_one: false,
                is_given_up: false,
            });
            let names = contents.checkpoints.files.iter().map(|(name, _)| name);
            for name in names {
                let path = StoragePath::new(DirectoryIndex(index), name);
                self.resuming.inherited.add(path);
            }
        }
        for index in self.files.directories() {
            if self.is_offline(index) {
                self.give_up_checkpoints(index);
            }
        }
    }

    /// Give a log that is about to be opened what the last checkpoints say of it.
    pub(super) fn inherit_point(
        &self,
        id: TopicIdPartition,
        directory: DirectoryIndex,
        log: &mut Log,
    ) {
        let contents = self.opening.contents.as_ref();
        let of = contents.map(|contents| &contents[usize::from(directory.0)]);
        if let Some((epoch, point)) = of.and_then(|of| of.checkpoints.points.get(&id))
            && !log.inherit_resume_point(*epoch, point)
        {
            tracing::warn!("what the checkpoint says of {} is not used", log.identity());
        }
    }

    /// Begin checkpoints that are due, and go on with those that are begun.
    pub(super) fn advance_checkpoints(&mut self, now: Now, effects: &mut Effects) {
        for index in 0..self.resuming.directories.len() {
            if self.opening.is_told()
                && self.phase != Phase::Stopping
                && self.resuming.directories[index].is_due(now.instant)
            {
                self.begin_round(index);
            }
            self.advance_round(index, effects);
        }
        let mut all = self.resuming.directories.iter();
        if !self.resuming.is_told
            && !self.resuming.directories.is_empty()
            && all.all(|of| of.has_one)
        {
            self.resuming.is_told = true;
            effects.post(ShardId(0), Message::CheckpointsReplaced);
        }
    }

    fn begin_round(&mut self, index: usize) {
        let of = &mut self.resuming.directories[index];
        let mut waiting = Vec::new();
        let mut next = self.partitions.next_slot(0);
        while let Some(slot) = next
            && let Some(partition) = self.partitions.at_mut(slot)
        {
            if usize::from(partition.directory.0) == index {
                partition.log.take_resume_point();
                waiting.push(partition.log.identity().owner);
            }
            next = self.partitions.next_slot(slot + 1);
        }
        of.appended_bytes = 0;
        of.retry_at = None;
        of.round = Some(Round {
            waiting,
            points: Vec::new(),
            is_being_written: false,
        });
    }

    fn advance_round(&mut self, index: usize, effects: &mut Effects) {
        let every_bytes = self.resuming.every_bytes;
        let of = &mut self.resuming.directories[index];
        let Some(round) = of.round.as_mut().filter(|round| !round.is_being_written) else {
            return;
        };
        while let Some(owner) = round.waiting.last() {
            let slot = self.partitions.slot_of_owner(*owner);
            if let Some(partition) = slot.and_then(|slot| self.partitions.at_mut(slot)) {
                match partition.log.taken_resume_point() {
                    TakenPoint::Waiting => return,
                    TakenPoint::Good(point) => round.points.push((partition.id, point)),
                    TakenPoint::Nothing => {}
                }
            }
            round.waiting.pop();
        }
        let points = std::mem::take(&mut round.points);
        if points.is_empty() && !of.has_one {
            // There is nothing yet of which a start could know more.
            of.has_one = true;
            of.round = None;
            return;
        }
        let contents = encode_checkpoint(&of.identity, &points);
        round.is_being_written = true;
        let size = contents.len() as u64;
        of.due_bytes = every_bytes.max(CHECKPOINT_EVERY_TIMES * size);
        let directory = DirectoryIndex::at(index);
        let path = StoragePath::new(directory, &checkpoint_name(&of.identity));
        let request = StorageRequest::ReplaceFile { path, contents };
        self.files
            .submit(directory, Purpose::WritePoints, request, effects);
    }

    /// A checkpoint was written, or could not be.
    pub(super) fn on_points_written(
        &mut self,
        now: Now,
        directory: DirectoryIndex,
        result: &StorageResult,
        effects: &mut Effects,
    ) {
        let of = &mut self.resuming.directories[usize::from(directory.0)];
        of.round = None;
        match result {
            Ok(_) => of.has_one = true,
            // The one before holds too: logs are then read from further back.
            Err(failure) if failure.is_lack_of_space() => {
                tracing::warn!("a checkpoint is put off: {failure}");
                of.appended_bytes = of.appended_bytes.max(of.due_bytes);
                of.retry_at = Some(now.instant + RETRY_INTERVAL);
            }
            Err(failure) => {
                tracing::error!("no more checkpoints, so that a start takes longer: {failure}");
                of.is_given_up = true;
                self.report_failure(directory, failure, effects);
            }
        }
    }

    /// The directory is given up: nothing is written there any more, and nobody waits for it.
    pub(super) fn give_up_checkpoints(&mut self, directory: DirectoryIndex) {
        let index = usize::from(directory.0);
        if let Some(of) = self.resuming.directories.get_mut(index) {
            of.is_given_up = true;
            of.has_one = true;
            of.retry_at = None;
            of.round = of.round.take().filter(|round| round.is_being_written);
        }
    }

    /// On shard 0: another shard needs the checkpoints of the last life no more.
    pub(super) fn on_checkpoints_replaced(&mut self, from: ShardId, effects: &mut Effects) {
        let inherited = &mut self.resuming.inherited;
        let files = inherited.take_after(from, self.settings.shards_count);
        for path in files.unwrap_or_default() {
            // Where a directory fails the next start may need them.
            if !self.is_offline(path.directory) {
                self.files.remove(path, effects);
            }
        }
    }
}
