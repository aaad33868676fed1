//! Replicas that move from one log directory to another (`AlterReplicaLogDirs`, KIP-113).
//!
//! What a move does is told in [`super::future`]; here it is asked for, goes on, and ends. Its last
//! steps take shard 0: the name of the folder, which somebody else may have, and the record that
//! tells where the replica lies. A move is given up when it fails, and the replica stays where it
//! is, unharmed. A clean stop and a crash interrupt it; the next start goes on with what there is.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::log::storage::{DirectoryIndex, StoragePath};
use crate::log::{
    Log, LogFailure, LogIdentity, LogProgress, OpenMode, ReadId, future_folder,
    parse_future_folder, partition_folder,
};
use crate::model::{ErrorCode, ShardId, TopicIdPartition, TopicPartition};
use crate::stdx::{Instant, Now};

use super::checkpoints::FolderName;
use super::core::{Phase, Shard};
use super::deferring::allow_deferral;
use super::future::{FolderClaim, FutureReplica, MovePhase, MoveStep, OtherLog};
use super::message::MoveClaim;
use super::partition::{Partition, PartitionState};
use super::task::Reply;
use super::waiting::Acknowledge;
use super::{Effects, Message};

/// Replicas that are copied at the same time. A disk is not faster with more, and each holds a
/// slice in memory; the others wait.
const COPIES_AT_ONCE_MAX: usize = 2;

/// The moves of this shard.
#[derive(Debug, Default)]
pub struct Moves {
    /// The places of partitions that are being copied, and of those that wait until fewer are.
    copying: BTreeSet<u32>,
    waiting: VecDeque<u32>,
    /// The places of those that were slowed down, by when they go on.
    paused: BTreeSet<(Instant, u32)>,
    /// What the last life has left in the middle of a move.
    found: BTreeMap<(String, i32), Vec<StoragePath>>,
}

impl Moves {
    /// When a copy goes on that was slowed down.
    pub fn next_deadline(&self) -> Instant {
        self.paused.first().map_or(Instant::MAX, |(at, _)| *at)
    }

    /// Every partition of the start is open.
    pub fn forget_found(&mut self) {
        self.found.clear();
    }

    /// Whether the partition in `slot` may be copied now.
    fn may_copy(&mut self, slot: u32) -> bool {
        if self.copying.contains(&slot) {
            return true;
        }
        if self.copying.len() < COPIES_AT_ONCE_MAX {
            self.waiting.retain(|waiting| *waiting != slot);
            return self.copying.insert(slot);
        }
        if !self.waiting.contains(&slot) {
            self.waiting.push_back(slot);
        }
        false
    }

    /// The partition in `slot` is not copied any more: who goes on instead.
    fn end_copy(&mut self, slot: u32) -> Option<u32> {
        self.waiting.retain(|waiting| *waiting != slot);
        self.paused.retain(|(_, paused)| *paused != slot);
        self.copying.remove(&slot);
        self.waiting.front().copied()
    }
}

impl Shard {
    /// A client wants the partition in `slot` to lie in `directory`.
    pub(super) fn move_replica(
        &mut self,
        slot: u32,
        directory: DirectoryIndex,
    ) -> Result<(), ErrorCode> {
        if self.is_offline(directory) {
            return Err(ErrorCode::KafkaStorageError);
        }
        let partition = self.partitions.touch(slot);
        let partition = partition.expect("the slot was just found");
        partition.next_directory = None;
        if let Some(future) = partition.future.as_deref() {
            if future.directory == directory {
                return Ok(());
            }
            if future.phase == MovePhase::Committing {
                // Nobody can tell any more where it lies: once that is known it goes on.
                partition.next_directory = Some(directory);
                return Ok(());
            }
            self.end_move(slot, true);
        }
        self.begin_move(slot, directory, None);
        Ok(())
    }

    /// Have a future replica opened in `directory`: a new one, or what there is in a `folder`.
    pub(super) fn begin_move(
        &mut self,
        slot: u32,
        directory: DirectoryIndex,
        folder: Option<StoragePath>,
    ) {
        let unique = self.settings.random.next_bytes16();
        let random = self.settings.random.fork();
        let mode = folder.as_ref().map_or(OpenMode::Create, |_| {
            let found = &self.opening.directories[usize::from(directory.0)];
            OpenMode::Existing {
                is_clean: found.is_clean,
                log_start_offset: None,
                recovery_point: None,
            }
        });
        let partition = self.partitions.touch(slot);
        let partition = partition.expect("the partition is there");
        if partition.directory == directory {
            return;
        }
        let (topic, index) = (partition.topic.clone(), partition.index());
        let new_folder = || StoragePath::new(directory, &future_folder(&topic, index, unique));
        let identity = LogIdentity {
            folder: folder.unwrap_or_else(new_folder),
            ..partition.log.identity().clone()
        };
        let mut log = Log::open(identity, partition.log.config().clone(), mode, random);
        let (now, has_earlier) = self.journals.place_of(directory, partition.id);
        log.begin_at(now, has_earlier);
        log.count_from(partition.next_count());
        let first_dirty_offset = partition.log.first_dirty_offset();
        let from = partition.directory;
        let future = FutureReplica::new(directory, log, first_dirty_offset);
        partition.future = Some(Box::new(future));
        let (from, to) = (self.path_of(from), self.path_of(directory));
        tracing::info!("{topic}-{index} moves from {from} to {to}");
    }

    fn path_of(&self, directory: DirectoryIndex) -> &str {
        &self.settings.config.log_dirs[usize::from(directory.0)]
    }

    /// What a copy may read in a second: the limit is for all shards together.
    fn move_bytes_per_second(&self) -> u64 {
        let limit = self
            .configs
            .broker()
            .replica_alter_log_dirs_io_max_bytes_per_second;
        limit.unsigned_abs() / u64::from(self.settings.shards_count).max(1)
    }

    /// Take the move of the partition in `slot` further, if it is under way. To be called before
    /// its logs are flushed.
    pub(super) fn step_move(&mut self, now: Now, slot: u32, effects: &mut Effects) {
        let Some(partition) = self.partitions.at(slot) else {
            return;
        };
        let Some(future) = partition.future.as_deref() else {
            return;
        };
        let must_wait = future.phase == MovePhase::Copying && !self.moves.may_copy(slot);
        if must_wait || partition.truncation.is_some() {
            return;
        }
        let bytes_per_second = self.move_bytes_per_second();
        let partition = self.partitions.at_mut(slot).expect("it was just there");
        let step = partition.step_move(now, bytes_per_second);
        self.on_move_step(now, slot, step, effects);
    }

    fn on_move_step(&mut self, now: Now, slot: u32, step: MoveStep, effects: &mut Effects) {
        match step {
            MoveStep::GoesOn => self.pause_move(now, slot),
            MoveStep::CaughtUp => self.on_caught_up(now, slot, effects),
            MoveStep::Outrun => {
                let partition = self.partitions.at(slot);
                let directory = partition.and_then(|partition| partition.future.as_deref());
                let directory = directory.map(|future| future.directory);
                self.end_move(slot, true);
                if let Some(directory) = directory {
                    self.begin_move(slot, directory, None);
                }
            }
            MoveStep::Impossible(reason) => self.give_move_up(now, slot, &reason),
        }
    }

    fn pause_move(&mut self, now: Now, slot: u32) {
        let partition = self.partitions.at(slot);
        let Some(future) = partition.and_then(|partition| partition.future.as_deref()) else {
            return;
        };
        if future.phase == MovePhase::Copying && future.resume_at > now.instant {
            self.moves.paused.insert((future.resume_at, slot));
        }
    }

    /// Go on with copies that were slowed down.
    pub(super) fn resume_moves(&mut self, now: Now) {
        while let Some((at, slot)) = self.moves.paused.first().copied()
            && at <= now.instant
        {
            self.moves.paused.pop_first();
            self.partitions.touch(slot);
        }
    }

    /// The future replica has what is below the high watermark. Its folder's name comes first, so
    /// that what goes to both is a matter of milliseconds.
    fn on_caught_up(&mut self, now: Now, slot: u32, effects: &mut Effects) {
        let partition = self.partitions.at_mut(slot).expect("it was just there");
        let Some(future) = partition.future.as_deref_mut() else {
            return;
        };
        match future.claim {
            FolderClaim::Asked => {}
            FolderClaim::None => {
                future.claim = FolderClaim::Asked;
                let claim = MoveClaim {
                    partition: partition.id,
                    name: TopicPartition {
                        topic: partition.topic.clone(),
                        partition: partition.id.partition,
                    },
                    from: partition.directory,
                    to: future.directory,
                };
                effects.post(ShardId(0), Message::ClaimMove(claim));
            }
            FolderClaim::Granted => match partition.begin_mirroring(now) {
                MoveStep::GoesOn => self.end_copy(slot),
                step => self.on_move_step(now, slot, step, effects),
            },
        }
    }

    /// Shard 0 has given the folder's name in `directory` to a partition.
    pub(super) fn on_move_granted(&mut self, id: TopicIdPartition, directory: DirectoryIndex) {
        if let Some(slot) = self.partitions.slot_of(id)
            && let Some(partition) = self.partitions.touch(slot)
            && let Some(future) = partition.future.as_deref_mut()
            && future.directory == directory
        {
            future.claim = FolderClaim::Granted;
        }
    }

    fn end_copy(&mut self, slot: u32) {
        if let Some(next) = self.moves.end_copy(slot) {
            self.partitions.touch(next);
        }
    }

    /// End the move without having moved. The future replica goes, or stays for the next start.
    pub(super) fn end_move(&mut self, slot: u32, removes_folder: bool) {
        let unique = self.settings.random.next_bytes16();
        if let Some(partition) = self.partitions.touch(slot) {
            partition.drop_future(removes_folder.then_some(unique));
        }
        self.end_copy(slot);
    }

    /// The move failed: the replica stays where it is.
    fn give_move_up(&mut self, now: Now, slot: u32, reason: &str) {
        let Some(partition) = self.partitions.at(slot) else {
            return;
        };
        let Some(future) = partition.future.as_deref() else {
            return;
        };
        let (from, to) = (partition.directory, future.directory);
        let (from, to) = (self.path_of(from), self.path_of(to));
        let what = format!("stays in {from}, since its move to {to} failed");
        tracing::error!("{}", self.place_of(slot, &what, &reason));
        let keeps = self.is_offline(future.directory);
        self.end_move(slot, !keeps);
        // What waited for both needs to wait for one only.
        self.advance_high_watermark(now, slot);
    }

    /// Act on what happened to the logs beside the current one, and take the steps of the move that
    /// follow from it.
    pub(super) fn on_other_logs(&mut self, now: Now, slot: u32, effects: &mut Effects) {
        while let Some((which, progress)) = self
            .partitions
            .at_mut(slot)
            .and_then(Partition::next_other_progress)
        {
            match which {
                OtherLog::Future => self.on_future_progress(now, slot, progress, effects),
                OtherLog::Leaving(place) => {
                    self.on_leaving_progress(now, (slot, place), progress, effects);
                }
            }
        }
        self.advance_mirror(slot);
        self.let_idle_leave(slot, effects);
    }

    fn on_future_progress(
        &mut self,
        now: Now,
        slot: u32,
        progress: LogProgress,
        effects: &mut Effects,
    ) {
        let partition = self.partitions.touch(slot).expect("the log belongs to it");
        let high_watermark = partition.role.high_watermark();
        let id = partition.id;
        let Some(future) = partition.future.as_deref_mut() else {
            return;
        };
        match progress {
            LogProgress::Opened => {
                future.phase = MovePhase::Copying;
                if !future.agrees_with(&partition.log, high_watermark) {
                    self.on_move_step(now, slot, MoveStep::Outrun, effects);
                }
            }
            LogProgress::DurableAdvanced { .. } => self.advance_high_watermark(now, slot),
            LogProgress::FolderMoved => {
                future.phase = MovePhase::Committing;
                let directory = future.directory;
                let message = Message::AssignDirectory {
                    partition: id,
                    directory,
                };
                effects.post(ShardId(0), message);
            }
            LogProgress::Closed => future.phase = MovePhase::Closed,
            // What becomes of the replica is decided already; its log is judged when it is there.
            LogProgress::SpaceLacking(_) | LogProgress::Failed(_)
                if future.phase == MovePhase::Committing => {}
            LogProgress::SpaceLacking(failure) => {
                self.give_move_up(now, slot, &failure.to_string());
            }
            LogProgress::Failed(failure) => {
                let directory = future.directory;
                if let LogFailure::Storage(failure) = &failure {
                    self.report_failure(directory, failure, effects);
                }
                self.give_move_up(now, slot, &failure.to_string());
            }
            _ => {}
        }
    }

    fn on_leaving_progress(
        &mut self,
        now: Now,
        (slot, place): (u32, usize),
        progress: LogProgress,
        effects: &mut Effects,
    ) {
        match progress {
            LogProgress::ReadFinished { read, result } => {
                self.on_read_finished(now, slot, read, result, effects);
            }
            LogProgress::LookupFinished { read, result } => {
                self.on_lookup_finished(slot, read, result);
            }
            LogProgress::DeletionPutOff(failure) => {
                let what = "was moved, but its old folder keeps its name until the disk can \
                            rename it";
                tracing::error!("{}", self.place_of(slot, what, &failure));
                self.housekeeping.note_space(slot, false);
            }
            LogProgress::Deleted { folder } => {
                let partition = self.partitions.touch(slot).expect("the log belongs to it");
                let left = partition.leaving.remove(place);
                let delay_ms = left.log.config().file_delete_delay_ms;
                self.opening.remove_later(now, delay_ms, folder);
                self.release_claim(slot, left.ends_move_to, left.directory, effects);
            }
            _ => {}
        }
    }

    /// Tell shard 0 that a move does not hold the names of two folders any more, of which the one
    /// in `gone` is free.
    fn release_claim(
        &mut self,
        slot: u32,
        to: Option<DirectoryIndex>,
        gone: DirectoryIndex,
        effects: &mut Effects,
    ) {
        let Some(to) = to else { return };
        let found = self.partitions.at(slot).expect("it was just there");
        let partition = found.id;
        let gone = FolderName {
            directory: gone,
            partition: TopicPartition {
                topic: found.topic.clone(),
                partition: found.index(),
            },
        };
        // What the files are to say of it is known before the old name is free.
        self.send_checkpoints(false, effects);
        let message = Message::MoveEnded {
            partition,
            to,
            gone,
        };
        effects.post(ShardId(0), message);
    }

    /// Those whose folder stays are over once their files are closed.
    fn let_idle_leave(&mut self, slot: u32, effects: &mut Effects) {
        let Some(partition) = self.partitions.at_mut(slot) else {
            return;
        };
        let is_over = |partition: &Partition| {
            let mut leaving = partition.leaving.iter();
            leaving.position(|one| one.unique.is_none() && one.log.is_idle())
        };
        let mut over = Vec::new();
        while let Some(place) = is_over(partition) {
            over.push(partition.leaving.remove(place));
        }
        let is_deleted = partition.is_log_deleted && partition.leaving.is_empty();
        for left in over {
            if left.is_removed {
                let folder = left.log.identity().folder.clone();
                self.files.remove(folder, effects);
            }
            self.release_claim(slot, left.ends_move_to, left.directory, effects);
        }
        if is_deleted {
            self.forget_partition(slot);
        }
    }

    /// Once the mirror would survive a crash with all that was acknowledged, it gets the
    /// partition's name.
    fn advance_mirror(&mut self, slot: u32) {
        let Some(partition) = self.partitions.at_mut(slot) else {
            return;
        };
        let high_watermark = partition.role.high_watermark();
        let name = partition_folder(&partition.topic, partition.index());
        let Some(future) = partition.future.as_deref_mut() else {
            return;
        };
        if future.phase == MovePhase::Mirroring
            && future.log.is_inheritance_kept()
            && future.log.durable_end_offset() >= high_watermark
        {
            future.phase = MovePhase::Renaming;
            let folder = StoragePath::new(future.directory, &name);
            future.log.move_folder(folder);
            self.partitions.touch(slot);
        }
    }

    /// The registration of a partition has changed: its move may have come to its end.
    pub(super) fn on_directory_assigned(&mut self, now: Now, slot: u32, effects: &mut Effects) {
        let partition = self.partitions.at(slot).expect("the slot was just found");
        let id = partition.id;
        let Some(registration) = self.image.partition(id.topic_id, id.partition).cloned() else {
            return;
        };
        let registered = self.directory_of(&registration);
        let future = partition.future.as_deref();
        let is_assigned = future.is_some_and(|future| {
            future.phase == MovePhase::Committing && registered == Some(future.directory)
        });
        if !is_assigned {
            return;
        }
        let from = partition.directory;
        let unique = self.settings.random.next_bytes16();
        let partition = self.partitions.touch(slot).expect("it was just there");
        // What this turn has brought is not in the mirror yet.
        let step = partition.step_move(now, u64::MAX);
        let lost = partition.promote_future(unique);
        self.refuse_lost(now, slot, &step, lost);
        let partition = self.partitions.touch(slot).expect("it was just there");
        let (directory, next) = (partition.directory, partition.next_directory.take());
        partition.state = PartitionState::Open;
        let owner = partition.log.identity().owner;
        self.journals.withdraw(from, owner);
        self.journals.note_departed(from, id);
        let partition = self.partitions.touch(slot).expect("it was just there");
        let bytes_max = self.journals.journalled_bytes_max(directory);
        partition.log.use_journal(bytes_max);
        allow_deferral(&mut partition.log, &partition.role);
        let has_failed = !partition.log.is_open();
        let lacks_space = partition.log.lacks_space();
        let name = partition.log.identity().to_string();
        self.end_copy(slot);
        self.resuming.hurry(directory);
        let (from, to) = (self.path_of(from), self.path_of(directory));
        tracing::info!("{name} has moved from {from} to {to}");
        self.advance_high_watermark(now, slot);
        if has_failed || self.is_offline(directory) {
            // Both have what was acknowledged, and one of them can be read.
            self.keep_old_folder(slot);
            self.on_log_failed(now, slot, effects);
        } else if lacks_space {
            self.on_space_lacking(slot, effects);
        }
        if self.phase == Phase::Stopping {
            self.close_promoted(slot);
        } else if let Some(next) = next.filter(|next| !self.is_offline(*next)) {
            self.begin_move(slot, next, None);
        }
    }

    /// Appends of which the new log could not be told: nobody was told that they are safe.
    fn refuse_lost(&mut self, now: Now, slot: u32, step: &MoveStep, lost: Vec<Acknowledge>) {
        if !lost.is_empty() {
            let what = "did not take what came while it moved";
            tracing::error!("{}", self.place_of(slot, what, &format!("{step:?}")));
        }
        let partition = self.partitions.at(slot).expect("it was just there");
        let index = partition.index();
        for then in lost {
            match then {
                Acknowledge::Producer(asker, _) => {
                    let error = ErrorCode::KafkaStorageError;
                    self.reply(asker, Reply::Appended(Err(error.into())));
                }
                Acknowledge::Coordinator(token) => {
                    let error = ErrorCode::KafkaStorageError;
                    self.on_group_write_failed(now, index, token, error);
                }
            }
        }
    }

    fn keep_old_folder(&mut self, slot: u32) {
        let partition = self.partitions.touch(slot).expect("it was just there");
        if let Some(old) = partition.leaving.last_mut() {
            old.unique = None;
            old.log.abandon();
        }
    }

    /// The controller did not note the new directory of a partition.
    pub(super) fn on_assignment_refused(
        &mut self,
        now: Now,
        id: TopicIdPartition,
        directory: DirectoryIndex,
        error: ErrorCode,
    ) {
        let Some(slot) = self.partitions.slot_of(id) else {
            return;
        };
        let partition = self.partitions.at(slot).expect("the slot was just found");
        let future = partition.future.as_deref();
        let is_meant = future.is_some_and(|future| {
            future.directory == directory && future.phase == MovePhase::Committing
        });
        if is_meant {
            self.give_move_up(now, slot, &format!("the controller refused it: {error}"));
        }
    }

    /// A directory is given up: moves into it are, too.
    pub(super) fn give_moves_up(&mut self, now: Now, slot: u32, directory: DirectoryIndex) {
        let partition = self.partitions.at(slot).expect("the slot was just found");
        let future = partition.future.as_deref();
        let is_hit = future.is_some_and(|future| {
            future.directory == directory && future.phase != MovePhase::Committing
        });
        if is_hit {
            self.give_move_up(now, slot, "the directory is offline");
        }
    }

    /// The current log has failed: its future one stays for the next start, unless it is already
    /// decided that it takes its place.
    pub(super) fn interrupt_move(&mut self, slot: u32) {
        let partition = self.partitions.at(slot).expect("the slot was just found");
        let future = partition.future.as_deref();
        if future.is_some_and(|future| future.phase != MovePhase::Committing) {
            tracing::warn!(
                "the move of {} to another log directory waits for the next start",
                partition.log.identity()
            );
            self.end_move(slot, false);
        }
    }

    /// The topic is deleted: so is the future replica, unless its directory is offline.
    pub(super) fn delete_future(&mut self, slot: u32) {
        let partition = self.partitions.at(slot).expect("the slot was just found");
        if let Some(future) = partition.future.as_deref() {
            let is_kept = self.is_offline(future.directory);
            self.end_move(slot, !is_kept);
        }
    }

    /// True if the partition in `slot` has no log beside the current one.
    pub(super) fn has_no_other_logs(&self, slot: u32) -> bool {
        let partition = self.partitions.at(slot);
        partition.is_none_or(|partition| partition.leaving.is_empty())
    }

    /// What the last life has left of moves.
    pub(super) fn find_moves(&mut self) {
        let Some(contents) = &self.opening.contents else {
            return;
        };
        let directories = (0..).map(DirectoryIndex).zip(contents.iter());
        for (directory, contents) in directories {
            let folders = contents.entries.values().filter(|entry| entry.is_folder);
            for folder in folders {
                if let Some((topic, partition)) = parse_future_folder(&folder.name) {
                    let name = (topic.to_owned(), partition);
                    let path = StoragePath::new(directory, &folder.name);
                    self.moves.found.entry(name).or_default().push(path);
                }
            }
        }
    }

    /// A partition is open: go on with the move that was interrupted, if one was.
    pub(super) fn resume_move(&mut self, slot: u32, effects: &mut Effects) {
        let partition = self.partitions.at(slot).expect("the log belongs to it");
        let name = (partition.topic.to_string(), partition.index());
        let here = partition.directory;
        for folder in self.moves.found.remove(&name).unwrap_or_default() {
            let directory = folder.directory;
            let partition = self.partitions.at(slot).expect("it was just there");
            let is_first = partition.future.is_none();
            if self.is_offline(directory) {
                continue;
            }
            if is_first && directory != here && self.phase != Phase::Stopping {
                self.begin_move(slot, directory, Some(folder));
            } else {
                self.files.remove(folder, effects);
            }
        }
    }

    /// A clean stop closes the future replica too, unless its move is about to end by itself.
    pub(super) fn close_future(&mut self, slot: u32) {
        let partition = self
            .partitions
            .touch(slot)
            .expect("the slot was just found");
        partition.next_directory = None;
        let Some(future) = partition.future.as_deref_mut() else {
            return;
        };
        if matches!(future.phase, MovePhase::Renaming | MovePhase::Committing) {
            return;
        }
        future.was_closed_early = future.phase == MovePhase::Opening;
        future.phase = MovePhase::Closing;
        future.log.close(crate::log::storage::Durability::Later);
    }

    fn close_promoted(&mut self, slot: u32) {
        let partition = self.partitions.touch(slot).expect("it was just there");
        partition.was_closed_early |= partition.state == PartitionState::Failed;
        partition.log.close(crate::log::storage::Durability::Later);
    }

    /// The reads of the move have ended, too.
    pub(super) fn on_move_read(
        &mut self,
        now: Now,
        slot: u32,
        read: ReadId,
        result: Result<crate::log::FetchedRecords, ErrorCode>,
        effects: &mut Effects,
    ) {
        let bytes_per_second = self.move_bytes_per_second();
        let partition = self.partitions.touch(slot).expect("the log belongs to it");
        let step = partition.on_move_read(now, read, result, bytes_per_second);
        self.on_move_step(now, slot, step, effects);
    }
}
