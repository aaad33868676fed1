//! One partition that this shard owns: its log, its leader's view, what waits for it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::log::storage::{DirectoryIndex, StorageOwner};
use crate::log::{Log, OpenFiles, ReadId};
use crate::model::{ErrorCode, Offset, PartitionIndex, ShardId, TopicIdPartition, TopicPartition};
use crate::replication::{ReplicaLog, Role};
use crate::stdx::{HashMap, Instant, new_map};

use super::deferring::Deferred;
use super::deleting::WaitingDeletion;
use super::fetches::FetchKey;
use super::following::FetchedBy;
use super::future::{FutureReplica, LeavingReplica};
use super::task::{RequestId, Task, TaskIndex};
use super::truncating::Truncation;
use super::waiting::WaitingAppends;

/// Tasks that may wait for a partition to open. More would only fill memory while a disk is slow;
/// clients try again.
pub const QUEUED_TASKS_MAX: usize = 1024;

/// Who is to be told what a task brought.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Asker {
    /// The shard of the connection.
    pub shard: ShardId,
    /// The request.
    pub request: RequestId,
    /// The task's place in it.
    pub index: TaskIndex,
}

/// What a read from the disk or a search is for.
#[derive(Clone, Copy, Debug)]
pub enum ReadPurpose {
    /// A place of a fetch.
    Fetch(FetchKey, usize),
    /// A ListOffsets task.
    Lookup(Asker),
    /// Loading the groups of this partition.
    GroupLoad,
    /// Filling the future replica.
    Move,
}

/// One partition that this shard owns.
#[derive(Debug)]
pub struct Partition {
    /// Its topic's id and its number.
    pub id: TopicIdPartition,
    /// Its topic's name.
    pub topic: Arc<str>,
    /// Where its log lies.
    pub directory: DirectoryIndex,
    /// Its log.
    pub log: Log,
    /// The replica that is to take the place of this one, in another log directory.
    pub future: Option<Box<FutureReplica>>,
    /// Where it is to go after the move that is about to end.
    pub next_directory: Option<DirectoryIndex>,
    /// Logs that are not the partition's any more.
    pub leaving: Vec<LeavingReplica>,
    /// What its log is about to give up.
    pub truncation: Option<Box<Truncation>>,
    /// How many logs it had besides the first.
    pub logs_count: u64,
    /// Whether it leads or follows.
    pub role: Role,
    /// Appends that are not safe enough yet.
    pub waiting_appends: WaitingAppends,
    /// Clients that wait until records are deleted everywhere.
    pub waiting_deletions: Vec<WaitingDeletion>,
    /// Fetches of clients that wait for the high watermark.
    pub waiting_fetches: BTreeSet<FetchKey>,
    /// Fetches of followers that wait for the end of the log.
    pub waiting_replicas: BTreeSet<FetchKey>,
    /// The high watermark and the end of the log when those that wait were woken last.
    pub woken_at: (Offset, Offset),
    /// Whom it is fetched from, while it follows.
    pub fetched_by: Option<FetchedBy>,
    /// When the leader, or what waits for its followers, has to be looked at.
    pub leading_due: Option<Instant>,
    /// What the log's reads are for.
    pub reads: BTreeMap<ReadId, ReadPurpose>,
    /// Tasks that came before the log was open.
    pub queued_tasks: Vec<(Asker, Task)>,
    /// What its log had to sync when that was last counted.
    pub deferred: Deferred,
    /// The bytes of its cache when they were last counted.
    pub cached_bytes: usize,
    /// The files of its log when they were last counted.
    pub open_files: OpenFiles,
    /// True if its log waits until others have closed files.
    pub waits_for_files: bool,
    /// Where it is in its life.
    pub state: PartitionState,
    /// True once its log was open.
    pub has_opened: bool,
    /// True if the stop came before it was open, or after its disk failed.
    pub was_closed_early: bool,
    /// True once its folder has the name of a deleted one; those of other logs may not yet.
    pub is_log_deleted: bool,
}

/// Where a partition is in its life.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PartitionState {
    /// It has to make its folder, and waits until it may; tasks wait, and its log does nothing.
    Claiming,
    /// The same, but the disk fails to free the folder's name, which may take long: tasks are
    /// refused until it is free.
    Barred,
    /// Its log is being opened; tasks wait.
    Opening,
    /// It serves.
    Open,
    /// Its log is being closed, to be opened again without its end; tasks wait.
    Truncating,
    /// The disk failed under it, or its files are not sound.
    Failed,
    /// Its topic is being deleted.
    Deleting,
    /// Its log was closed for a clean stop.
    Closed,
}

impl PartitionState {
    /// True if it will serve, unless the disk fails.
    pub const fn is_coming(self) -> bool {
        matches!(self, Self::Claiming | Self::Opening | Self::Truncating)
    }

    /// True while there is no folder and its log does nothing.
    pub const fn is_without_folder(self) -> bool {
        matches!(self, Self::Claiming | Self::Barred)
    }
}

impl Partition {
    /// Why the partition does not serve, if it does not.
    pub const fn check_open(&self) -> Result<(), ErrorCode> {
        match self.state {
            PartitionState::Open => Ok(()),
            PartitionState::Claiming | PartitionState::Opening if self.log.lacks_space() => {
                Err(ErrorCode::KafkaStorageError)
            }
            PartitionState::Claiming
            | PartitionState::Opening
            | PartitionState::Truncating
            | PartitionState::Closed => Err(ErrorCode::NotLeaderOrFollower),
            PartitionState::Barred | PartitionState::Failed => Err(ErrorCode::KafkaStorageError),
            PartitionState::Deleting => Err(ErrorCode::UnknownTopicOrPartition),
        }
    }

    /// True if a task may wait for it to open: for a disk that is full that could take for ever.
    pub const fn may_queue(&self) -> bool {
        self.state.is_coming()
            && !self.log.lacks_space()
            && self.queued_tasks.len() < QUEUED_TASKS_MAX
    }

    /// True if a clean stop need not wait for it: it is closed, or the disk fails to do its part.
    pub fn is_over(&self) -> bool {
        if !self.are_others_over() {
            return false;
        }
        match self.state {
            PartitionState::Closed | PartitionState::Failed => true,
            PartitionState::Deleting => self.log.lacks_space(),
            _ => false,
        }
    }

    /// True if its files are not as a clean stop leaves them.
    pub fn is_unclean(&self) -> bool {
        self.was_closed_early || self.state == PartitionState::Failed
    }

    /// Those that wait for data, which are to look again.
    pub fn take_waiting_fetches(&mut self) -> BTreeSet<FetchKey> {
        let mut waiting = std::mem::take(&mut self.waiting_fetches);
        waiting.append(&mut self.waiting_replicas);
        waiting
    }

    /// The log as a follower has to know it.
    pub fn replica_log(&self) -> ReplicaLog {
        ReplicaLog {
            start_offset: self.log.log_start_offset(),
            end_offset: self.log.log_end_offset(),
            safe_end_offset: self.safe_end_offset(false),
            latest_epoch: self.log.latest_epoch().map(|latest| latest.epoch),
        }
    }

    /// Its name.
    pub fn name(&self) -> TopicPartition {
        TopicPartition {
            topic: self.topic.clone(),
            partition: self.id.partition,
        }
    }

    /// The partition's number.
    pub const fn index(&self) -> PartitionIndex {
        self.id.partition
    }
}

#[derive(Debug, Default)]
struct Slot {
    incarnation: u32,
    partition: Option<Box<Partition>>,
}

/// The partitions that this shard owns. Their places in the table are what completions from the
/// disk are addressed to.
#[derive(Debug)]
pub struct Partitions {
    slots: Vec<Slot>,
    free: Vec<u32>,
    by_id: HashMap<TopicIdPartition, u32>,
    /// Those whose log was touched since the last flush.
    touched: BTreeSet<u32>,
}

impl Partitions {
    /// None.
    pub fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            by_id: new_map(),
            touched: BTreeSet::new(),
        }
    }

    /// The owner that the log of the next partition to be inserted must have.
    pub fn next_owner(&mut self) -> StorageOwner {
        let slot = self.free.last().copied().unwrap_or_else(|| {
            let slot = u32::try_from(self.slots.len()).expect("fewer partitions than a u32 counts");
            self.slots.push(Slot::default());
            self.free.push(slot);
            slot
        });
        StorageOwner {
            slot,
            incarnation: self.slots[slot as usize].incarnation,
        }
    }

    /// Take in a partition whose log has the owner that [`Partitions::next_owner`] gave.
    pub fn insert(&mut self, owner: StorageOwner, partition: Partition) {
        assert_eq!(
            self.free.pop(),
            Some(owner.slot),
            "a partition takes the place it asked for"
        );
        let before = self.by_id.insert(partition.id, owner.slot);
        assert!(before.is_none(), "a partition is inserted once");
        self.slots[owner.slot as usize].partition = Some(Box::new(partition));
        self.touched.insert(owner.slot);
    }

    /// Let go of the partition in `slot`; later completions for it are dropped.
    pub fn remove(&mut self, slot: u32) -> Option<Box<Partition>> {
        let place = self.slots.get_mut(slot as usize)?;
        let partition = place.partition.take()?;
        place.incarnation += 1;
        self.by_id.remove(&partition.id);
        self.touched.remove(&slot);
        self.free.push(slot);
        Some(partition)
    }

    /// The place of a partition.
    pub fn slot_of(&self, id: TopicIdPartition) -> Option<u32> {
        self.by_id.get(&id).copied()
    }

    /// The partition in `slot`, to be flushed at the end of the turn.
    pub fn touch(&mut self, slot: u32) -> Option<&mut Partition> {
        let partition = self
            .slots
            .get_mut(slot as usize)?
            .partition
            .as_deref_mut()?;
        self.touched.insert(slot);
        Some(partition)
    }

    /// The partition in `slot`.
    pub fn at(&self, slot: u32) -> Option<&Partition> {
        self.slots.get(slot as usize)?.partition.as_deref()
    }

    /// The place of the partition that `owner` names, unless it is gone.
    pub fn slot_of_owner(&self, owner: StorageOwner) -> Option<u32> {
        let place = self.slots.get(owner.slot as usize)?;
        (place.incarnation == owner.incarnation && place.partition.is_some()).then_some(owner.slot)
    }

    /// The partition `id`.
    pub fn find(&self, id: TopicIdPartition) -> Option<&Partition> {
        self.slot_of(id).and_then(|slot| self.at(slot))
    }

    /// The partition in `slot`, where nothing has to be flushed for what is done to it.
    pub fn at_mut(&mut self, slot: u32) -> Option<&mut Partition> {
        self.slots.get_mut(slot as usize)?.partition.as_deref_mut()
    }

    /// True if a partition is to be flushed.
    pub fn has_touched(&self) -> bool {
        !self.touched.is_empty()
    }

    /// The places of the partitions touched since the last call.
    pub fn drain_touched(&mut self) -> BTreeSet<u32> {
        std::mem::take(&mut self.touched)
    }

    /// Every partition, by place.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Partition)> {
        (0..)
            .zip(&self.slots)
            .filter_map(|(slot, place)| Some((slot, place.partition.as_deref()?)))
    }

    /// The next place at or after `slot` that holds a partition, for going round in steps.
    pub fn next_slot(&self, slot: u32) -> Option<u32> {
        let count = u32::try_from(self.slots.len()).expect("fewer partitions than a u32 counts");
        (slot..count).find(|slot| self.at(*slot).is_some())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }
}
