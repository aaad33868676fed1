//! Log directories whose disk fails while the broker runs.
//!
//! After a write that failed nobody knows what is on the disk, nor whether the next one fails too.
//! So, as in Kafka, the directory is given up until the next start: its partitions have no leader
//! and answer `KAFKA_STORAGE_ERROR`, no new ones go there, and the others go on as ever. The
//! directory of the metadata log is not given up: there a log that fails is offline by itself, and
//! the broker stops once it cannot write its metadata.

use std::sync::Arc;

use crate::log::LogFailure;
use crate::log::storage::{DirectoryIndex, StorageFailure};
use crate::model::ShardId;
use crate::stdx::Now;

use super::core::{Phase, Shard};
use super::opening::slots_of;
use super::partition::PartitionState;
use super::{Effect, Effects, HaltReason, Message};

impl Shard {
    /// True if the directory was given up.
    pub(super) fn is_offline(&self, directory: DirectoryIndex) -> bool {
        let found = self.opening.directories.get(usize::from(directory.0));
        found.is_some_and(|found| found.is_offline)
    }

    /// True if the broker cannot go on without the directory.
    pub(super) fn holds_metadata(&self, directory: DirectoryIndex) -> bool {
        let config = &self.settings.config;
        config.log_dirs[usize::from(directory.0)] == config.metadata_log_dir
    }

    /// Tell shard 0 of a directory in which something failed. A stop goes on without what failed.
    pub(super) fn report_failure(
        &self,
        directory: DirectoryIndex,
        failure: &StorageFailure,
        effects: &mut Effects,
    ) {
        let is_of_use = self.holds_metadata(directory) || failure.is_lack_of_space();
        if is_of_use || self.is_offline(directory) || self.phase == Phase::Stopping {
            return;
        }
        let reason = failure.to_string();
        effects.post(ShardId(0), Message::DirectoryFailed { directory, reason });
    }

    /// A log failed: so has its directory, if the disk was the reason.
    pub(super) fn report_log_failure(
        &self,
        slot: u32,
        failure: &LogFailure,
        effects: &mut Effects,
    ) {
        if let (LogFailure::Storage(failure), Some(partition)) = (failure, self.partitions.at(slot))
        {
            self.report_failure(partition.directory, failure, effects);
        }
    }

    /// On shard 0: give a directory up, on every shard and in the cluster's metadata.
    pub(super) fn give_up(
        &mut self,
        now: Now,
        directory: DirectoryIndex,
        reason: &str,
        effects: &mut Effects,
    ) {
        if self.is_offline(directory) {
            return;
        }
        let config = Arc::clone(&self.settings.config);
        let path = &config.log_dirs[usize::from(directory.0)];
        tracing::error!(
            "log directory {path} is offline until the next start, with all its partitions: \
             {reason}"
        );
        self.mark_offline(directory);
        self.files.checkpoints.give_up(directory);
        if self.opening.directories.iter().all(|one| one.is_offline) {
            let reason = format!("no log directory is left: {path}: {reason}");
            return effects.push(Effect::Halt(HaltReason::StorageFailed(reason)));
        }
        let directories = self.opening.directories.clone();
        let controller = self.controller.as_mut();
        let controller = controller.expect("shard 0 gives directories up");
        controller.give_up(now, directory, directories);
        self.broadcast(effects, || Message::DirectoryOffline(directory));
    }

    fn mark_offline(&mut self, directory: DirectoryIndex) {
        let mut directories = self.opening.directories.to_vec();
        directories[usize::from(directory.0)].is_offline = true;
        self.opening.directories = directories.into();
    }

    /// Shard 0 has given a directory up: so are the partitions in it, and its journal.
    pub(super) fn on_directory_offline(
        &mut self,
        now: Now,
        directory: DirectoryIndex,
        effects: &mut Effects,
    ) {
        self.mark_offline(directory);
        self.retire_journal(directory);
        self.give_up_checkpoints(directory);
        for slot in slots_of(&self.partitions) {
            self.give_moves_up(now, slot, directory);
            let partition = self.partitions.touch(slot);
            let partition = partition.expect("the slot was just found");
            let is_hit = partition.directory == directory
                && !matches!(
                    partition.state,
                    PartitionState::Failed | PartitionState::Deleting | PartitionState::Closed
                );
            if is_hit {
                partition.log.abandon();
                self.on_log_failed(now, slot, effects);
            }
        }
    }
}
