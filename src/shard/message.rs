//! What shards tell each other. Owned data and shared immutable images only.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::LogLevels;
use crate::log::storage::DirectoryIndex;
use crate::metadata::{MetadataDelta, MetadataImage, OpenDirectory};
use crate::model::{BrokerId, ErrorCode, LeaderEpoch, Offset, TopicIdPartition, TopicPartition};
use crate::replication::{IsrOutcome, IsrProposal, ProposalNumber};

use super::checkpoints::FolderName;
use super::files::DirectoryContents;
use super::task::{Reply, RequestId, Task, TaskIndex};

/// A message from one shard to another.
#[derive(Debug)]
pub enum Message {
    /// Do these tasks. `image_end_offset` is how far the sender's image reaches: what it knows of
    /// a partition is known here, too, once the image here reaches as far.
    Tasks {
        request: RequestId,
        image_end_offset: Offset,
        tasks: Vec<(TaskIndex, Task)>,
    },
    /// What tasks brought.
    Replies {
        replies: Vec<(RequestId, TaskIndex, Reply)>,
    },
    /// The request has enough: answer its fetch with what there is.
    HurryFetch { request: RequestId },
    /// The cluster image changed. From shard 0 to every shard.
    MetadataPublished(MetadataUpdate),
    /// The parts of the broker write as much to the log as this. From shard 0 to every other one.
    LogLevels(Arc<LogLevels>),
    /// What the log directories held when the broker started. From shard 0 to every shard.
    DirectoriesRead(Arc<[DirectoryContents]>),
    /// The shard wants to make folders for partitions. To shard 0.
    ClaimFolders(Vec<FolderClaim>),
    /// Of partitions that claimed a folder: true if they may make it, false if that may take long,
    /// since the disk fails to free its name. From shard 0.
    ClaimsAnswered(Vec<(TopicIdPartition, bool)>),
    /// A move wants the name of a folder in another directory. To shard 0.
    ClaimMove(MoveClaim),
    /// It has it. From shard 0.
    MoveGranted {
        partition: TopicIdPartition,
        directory: DirectoryIndex,
    },
    /// A move into the directory `to` is over, and this folder is gone. To shard 0.
    MoveEnded {
        partition: TopicIdPartition,
        to: DirectoryIndex,
        gone: FolderName,
    },
    /// The cluster is to know that a replica lies in this directory. To shard 0; that it does, the
    /// image tells.
    AssignDirectory {
        partition: TopicIdPartition,
        directory: DirectoryIndex,
    },
    /// The controller did not note that. From shard 0.
    AssignmentRefused {
        partition: TopicIdPartition,
        directory: DirectoryIndex,
        error: ErrorCode,
    },
    /// Partitions of deleted topics whose folders have other names now, or that had none; false
    /// for one that the disk fails to rename: the other follows when it could. To shard 0.
    FoldersLeft(Vec<(TopicIdPartition, bool)>),
    /// The segments of the shard have what the journals of the last life held. To shard 0.
    JournalsWrittenBack,
    /// The journals of the last life are not there any more. From shard 0 to every shard.
    JournalsRemoved,
    /// The shard has written checkpoints of its own in place of those of the last life. To shard 0.
    CheckpointsReplaced,
    /// A shard has opened all partitions placed on it. To shard 0.
    PartitionsOpened,
    /// Every shard has opened its partitions: serve. From shard 0 to every shard.
    Serve,
    /// Stop cleanly: nobody needs this broker any more.
    Stop,
    /// The connection is gone, and not closed here, on which a broker told in this epoch that it
    /// lives. To shard 0.
    HeartbeatsEnded { broker: BrokerId, epoch: i64 },
    /// Leaders ask the controller for other in-sync sets. To shard 0.
    ProposeIsr(Vec<ProposedIsr>),
    /// What became of that. From shard 0.
    IsrDecided(Vec<DecidedIsr>),
    /// Something in a log directory failed. To shard 0.
    DirectoryFailed {
        directory: DirectoryIndex,
        reason: String,
    },
    /// A log directory is given up until the next start. From shard 0 to every shard.
    DirectoryOffline(DirectoryIndex),
    /// Which log directories take no records of producers. From shard 0 to every shard.
    DirectoriesFull(Arc<[bool]>),
    /// Where logs start and how far they reach, for the checkpoint files. To shard 0, from time to
    /// time and, with `is_last`, once the shard has closed its partitions.
    Checkpoints {
        directories: Vec<DirectoryCheckpoint>,
        is_last: bool,
    },
}

/// A new image, what changed in it, and which directories this broker has.
#[derive(Clone, Debug)]
pub struct MetadataUpdate {
    /// The image.
    pub image: Arc<MetadataImage>,
    /// What changed since the one before.
    pub delta: Arc<MetadataDelta>,
    /// The log directories, in the order of `log.dirs`.
    pub directories: Arc<[OpenDirectory]>,
}

/// The in-sync set that the leader of a partition asks for.
#[derive(Clone, Debug)]
pub struct ProposedIsr {
    /// The partition.
    pub partition: TopicIdPartition,
    /// What it asks for.
    pub proposal: IsrProposal,
}

/// What became of it.
#[derive(Clone, Debug)]
pub struct DecidedIsr {
    /// The partition.
    pub partition: TopicIdPartition,
    /// The epoch of the leader that asked.
    pub leader_epoch: LeaderEpoch,
    /// What it had asked for.
    pub number: ProposalNumber,
    /// What became of it.
    pub outcome: IsrOutcome,
    /// True if the set was to become larger.
    pub is_expansion: bool,
}

/// A partition that wants to make its folder.
#[derive(Clone, Debug)]
pub struct FolderClaim {
    /// The partition.
    pub partition: TopicIdPartition,
    /// The folder.
    pub name: FolderName,
    /// True if there is a folder of the name that belongs to another topic.
    pub is_foreign: bool,
}

/// A move that wants the partition's name for its folder in another directory, and holds it in both
/// until one of them is gone.
#[derive(Clone, Debug)]
pub struct MoveClaim {
    /// The partition.
    pub partition: TopicIdPartition,
    /// Its name.
    pub name: TopicPartition,
    /// Where it lies.
    pub from: DirectoryIndex,
    /// Where it is to lie.
    pub to: DirectoryIndex,
}

impl MoveClaim {
    /// Its folder in a directory.
    #[must_use]
    pub fn folder_in(&self, directory: DirectoryIndex) -> FolderName {
        FolderName {
            directory,
            partition: self.name.clone(),
        }
    }
}

/// What the checkpoint files of one log directory say of one shard's partitions.
#[derive(Clone, Debug, Default)]
pub struct DirectoryCheckpoint {
    /// Up to where logs were compacted.
    pub cleaned_offsets: BTreeMap<TopicPartition, Offset>,
    /// Where logs start that do not start at their first segment.
    pub log_start_offsets: BTreeMap<TopicPartition, Offset>,
    /// Up to where logs are in their segments, synced.
    pub recovery_points: BTreeMap<TopicPartition, Offset>,
    /// True if a partition here was not closed as a clean stop closes it.
    pub is_unclean: bool,
    /// High watermarks.
    pub high_watermarks: BTreeMap<TopicPartition, Offset>,
}
