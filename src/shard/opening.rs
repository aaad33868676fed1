//! Partitions come, change and go as the cluster image says.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::connection::ConnectionLimits;
use crate::log::partition_folder;
use crate::log::storage::{DirectoryIndex, StorageFailure, StoragePath};
use crate::log::{Log, LogIdentity, OpenFiles, OpenMode};
use crate::metadata::{
    ConfigKind, MetadataDelta, MetadataImage, OpenDirectory, PartitionRegistration,
};
use crate::model::{
    ErrorCode, Offset, PartitionIndex, ShardId, TopicIdPartition, TopicPartition, Uuid,
};
use crate::replication::{Follower, Role};
use crate::stdx::{Instant, Now};

use super::checkpoints::FolderName;
use super::core::{Phase, Shard};
use super::deferring::{Deferred, allow_deferral};
use super::files::DirectoryContents;
use super::message::{FolderClaim, MetadataUpdate};
use super::owning::refusal;
use super::partition::{Asker, Partition, PartitionState, Partitions};
use super::placement::{place, shard_of};
use super::task::Task;
use super::waiting::WaitingAppends;
use super::{Effect, Effects, Message};

/// Logs that are opened at the same time. Each asks for a few files; more would not make the disk
/// faster, and every one of them may need descriptors.
const OPENING_MAX: usize = 128;

/// Partitions on their way to being open or removed.
#[derive(Debug, Default)]
pub struct Opening {
    /// The log directories, in the order of `log.dirs`.
    pub directories: Arc<[OpenDirectory]>,
    /// What the directories held at the start; says nothing of partitions that come later.
    pub contents: Option<Arc<[DirectoryContents]>>,
    /// What was known of the cluster when that was told: folders of all other partitions were about
    /// to be set aside.
    image_of_contents: Option<Arc<MetadataImage>>,
    are_directories_read: bool,
    waiting: VecDeque<TopicIdPartition>,
    /// The partitions being opened, by their place in the table.
    underway: BTreeSet<u32>,
    /// The partitions whose replicas have left since [`Opening::contents`] was read.
    gone: BTreeSet<TopicIdPartition>,
    is_told: bool,
    /// On shard 0: the shards that have opened their partitions.
    shards_opened: BTreeSet<ShardId>,
    /// Folders of deleted partitions, by when they are to be removed.
    removals: BTreeMap<Instant, Vec<StoragePath>>,
    /// The folders to be asked for at the end of the turn.
    pub claims: Vec<FolderClaim>,
    /// The partitions of which shard 0 is to be told that they do not have their folder any more,
    /// false for one whose folder the disk fails to rename.
    pub left: Vec<(TopicIdPartition, bool)>,
}

impl Opening {
    /// True once shard 0 was told that the partitions of the start are open.
    pub const fn is_told(&self) -> bool {
        self.is_told
    }

    /// Remove a folder when its `file.delete.delay.ms` have passed.
    pub fn remove_later(&mut self, now: Now, delay_ms: i64, folder: StoragePath) {
        let delay_ms = u64::try_from(delay_ms).unwrap_or(0);
        let due = now.instant + Duration::from_millis(delay_ms);
        self.removals.entry(due).or_default().push(folder);
    }

    /// When the first folder is to be removed.
    pub fn next_deadline(&self) -> Instant {
        self.removals
            .first_key_value()
            .map_or(Instant::MAX, |(due, _)| *due)
    }
}

impl Shard {
    /// The cluster image changed.
    pub(super) fn on_metadata(&mut self, now: Now, update: &MetadataUpdate, effects: &mut Effects) {
        let MetadataUpdate {
            image,
            delta,
            directories,
        } = update;
        let is_first = self.opening.directories.is_empty();
        self.opening.directories = directories.clone();
        let departed = self.departed_from(image, delta);
        if self.controller.is_some() {
            self.count_elections(image, delta);
        }
        self.image = Arc::clone(image);
        self.configs.on_metadata(image, delta);
        // One shard takes the clients of all.
        if has_broker_settings(delta) && self.settings.id == ShardId(0) {
            let limits = ConnectionLimits::new(self.configs.broker());
            effects.push(Effect::LimitConnections(limits));
        }
        self.groups.on_metadata(image);
        let removed: Vec<(Uuid, &str)> = delta
            .topics_removed
            .iter()
            .map(|(id, topic)| (*id, &*topic.name))
            .collect();
        for (topic_id, topic) in &delta.topics_removed {
            for (partition, registration) in topic.partitions.iter() {
                let id = place(*topic_id, *partition);
                let error = ErrorCode::UnknownTopicOrPartition;
                self.let_go(id, &topic.name, registration, error);
            }
        }
        for (id, topic, registration) in departed {
            self.let_go(id, &topic, &registration, ErrorCode::NotLeaderOrFollower);
        }
        if !removed.is_empty() {
            self.on_topics_removed(now, &removed);
            for (_, topic) in &removed {
                self.meter.metrics.forget_topic(topic);
            }
        }
        for (topic_id, partition) in &delta.partitions_changed {
            self.on_partition_changed(now, place(*topic_id, *partition), effects);
        }
        self.change_log_configs(now, delta);
        self.review_throttles(delta);
        self.tell_of_neighbours(delta);
        if !delta.brokers_changed.is_empty() {
            self.on_brokers_changed(now, |id| delta.brokers_changed.contains(&id));
        }
        if is_first && self.controller.is_some() {
            for directory in self.files.directories() {
                if self.is_offline(directory) {
                    self.files.checkpoints.give_up(directory);
                }
            }
            self.files.read(effects);
        }
        self.open_waiting(effects);
        self.perform_reached(now);
    }

    /// The partitions of which this broker had a replica, by the image before, and has none.
    fn departed_from(
        &self,
        image: &MetadataImage,
        delta: &MetadataDelta,
    ) -> Vec<(TopicIdPartition, Arc<str>, Arc<PartitionRegistration>)> {
        let node = self.settings.config.node_id;
        let has_left = |(topic_id, partition): &(Uuid, PartitionIndex)| {
            let now = image.partition(*topic_id, *partition)?;
            let topic = self.image.topics.get(topic_id)?;
            let before = topic.partitions.get(partition)?;
            let has_left = before.replicas.contains(&node) && !now.replicas.contains(&node);
            let id = place(*topic_id, *partition);
            has_left.then(|| (id, topic.name.clone(), before.clone()))
        };
        delta
            .partitions_changed
            .iter()
            .filter_map(has_left)
            .collect()
    }

    /// The broker has no replica of the partition any more, which was registered so before.
    fn let_go(
        &mut self,
        id: TopicIdPartition,
        topic: &Arc<str>,
        registration: &PartitionRegistration,
        error: ErrorCode,
    ) {
        if self.controller.is_some()
            && let Some(directory) = self.directory_of(registration)
        {
            let partition = TopicPartition {
                topic: topic.clone(),
                partition: id.partition,
            };
            let name = FolderName {
                directory,
                partition,
            };
            self.note_deleted(id, name);
        }
        if shard_of(id, self.settings.shards_count) == self.settings.id {
            self.delete_partition(id, error);
        }
    }

    fn on_partition_changed(&mut self, now: Now, id: TopicIdPartition, effects: &mut Effects) {
        if shard_of(id, self.settings.shards_count) != self.settings.id {
            return;
        }
        if let Some(slot) = self.partitions.slot_of(id) {
            self.on_directory_assigned(now, slot, effects);
            return self.follow_registration(now, slot);
        }
        let node = self.settings.config.node_id;
        let registration = self.image.partition(id.topic_id, id.partition);
        if registration.is_some_and(|registration| registration.replicas.contains(&node)) {
            self.opening.waiting.push_back(id);
        }
    }

    fn change_log_configs(&mut self, now: Now, delta: &MetadataDelta) {
        let all = has_broker_settings(delta);
        let changed: BTreeSet<&str> = delta
            .configs_changed
            .iter()
            .filter(|resource| resource.kind == ConfigKind::Topic)
            .map(|resource| &*resource.name)
            .collect();
        if !all && changed.is_empty() {
            return;
        }
        let slots: Vec<u32> = self
            .partitions
            .iter()
            .filter(|(_, partition)| all || changed.contains(&*partition.topic))
            .map(|(slot, _)| slot)
            .collect();
        for slot in slots {
            let partition = self
                .partitions
                .touch(slot)
                .expect("the slot was just found");
            let config = self.configs.topic(&self.image, &partition.topic);
            if let Some(future) = partition.future.as_deref_mut() {
                future.log.change_config(Arc::clone(&config));
            }
            partition.log.change_config(config);
            allow_deferral(&mut partition.log, &partition.role);
            self.change_leader_rules(now, slot);
        }
    }

    /// Every directory was read: what is there is known, and partitions can be opened.
    pub(super) fn on_directories_read(
        &mut self,
        contents: Arc<[DirectoryContents]>,
        effects: &mut Effects,
    ) {
        self.opening.contents = Some(contents);
        self.opening.image_of_contents = Some(Arc::clone(&self.image));
        self.opening.are_directories_read = true;
        self.begin_journals();
        self.begin_checkpoints();
        self.find_moves();
        self.open_waiting(effects);
    }

    pub(super) fn open_waiting(&mut self, effects: &mut Effects) {
        if !self.opening.are_directories_read || self.phase == Phase::Stopping {
            return;
        }
        while self.opening.underway.len() < OPENING_MAX
            && let Some(id) = self.opening.waiting.pop_front()
        {
            self.open_partition(id);
        }
        let is_done = self.opening.waiting.is_empty() && self.opening.underway.is_empty();
        if is_done && !std::mem::replace(&mut self.opening.is_told, true) {
            effects.post(ShardId(0), Message::PartitionsOpened);
            // There may be nothing here that has to be written back.
            self.journals.stir();
        }
    }

    fn open_partition(&mut self, id: TopicIdPartition) {
        // It waits twice if it changed while it waited.
        if self.partitions.slot_of(id).is_some() {
            return;
        }
        // The topic may have been deleted while its partition waited.
        let Some(topic) = self.image.topics.get(&id.topic_id) else {
            return;
        };
        let Some(registration) = topic.partitions.get(&id.partition) else {
            return;
        };
        // Its directory may be gone: another one has nothing to do with it.
        let Some(directory) = self.directory_of(registration) else {
            return;
        };
        let name = FolderName {
            directory,
            partition: TopicPartition {
                topic: topic.name.clone(),
                partition: id.partition,
            },
        };
        if self.is_offline(directory) {
            return self.insert_failed(id, name);
        }
        let existing = self.existing_mode(&name);
        let existing = existing.filter(|_| !self.opening.gone.contains(&id));
        if existing.is_none() {
            self.claim_folder(id, name.clone(), false);
        }
        self.insert_partition(id, name, existing, Vec::new());
    }

    /// The directory of a partition is given up: so is the partition.
    fn insert_failed(&mut self, id: TopicIdPartition, name: FolderName) {
        self.insert_partition(id, name, None, Vec::new());
        if let Some(slot) = self.partitions.slot_of(id)
            && let Some(partition) = self.partitions.at_mut(slot)
        {
            partition.state = PartitionState::Failed;
            partition.log.abandon();
            self.opening.underway.remove(&slot);
        }
    }

    /// Have a partition opened: at once if there is a folder, and else when its shard may make one.
    fn insert_partition(
        &mut self,
        id: TopicIdPartition,
        name: FolderName,
        existing: Option<OpenMode>,
        queued_tasks: Vec<(Asker, Task)>,
    ) {
        let cleaned_offset = existing.and_then(|_| self.cleaned_offset(&name));
        let FolderName {
            directory,
            partition: TopicPartition { topic, partition },
        } = name;
        let owner = self.partitions.next_owner();
        let identity = LogIdentity {
            topic: topic.clone(),
            topic_id: id.topic_id,
            partition,
            folder: StoragePath::new(directory, &partition_folder(&topic, partition)),
            owner,
        };
        let config = self.configs.topic(&self.image, &topic);
        let random = self.settings.random.fork();
        let (mode, state) = match existing {
            Some(mode) => (mode, PartitionState::Opening),
            None => (OpenMode::Create, PartitionState::Claiming),
        };
        let mut log = Log::open(identity, config, mode, random);
        // Before it is open nobody asks what it is.
        let role = Role::Follower(Follower::new(None, -1, 0));
        allow_deferral(&mut log, &role);
        log.inherit_first_dirty_offset(cleaned_offset.unwrap_or(0));
        self.connect_journal(id, directory, existing.is_none(), &mut log);
        if existing.is_some() {
            self.inherit_point(id, directory, &mut log);
        }
        let partition = Partition {
            id,
            topic,
            directory,
            log,
            future: None,
            next_directory: None,
            leaving: Vec::new(),
            truncation: None,
            logs_count: 0,
            role,
            waiting_appends: WaitingAppends::new(),
            waiting_deletions: Vec::new(),
            waiting_fetches: BTreeSet::new(),
            waiting_replicas: BTreeSet::new(),
            woken_at: (0, 0),
            fetched_by: None,
            leading_due: None,
            reads: BTreeMap::new(),
            queued_tasks,
            deferred: Deferred::default(),
            cached_bytes: 0,
            open_files: OpenFiles::default(),
            waits_for_files: false,
            state,
            has_opened: false,
            was_closed_early: false,
            is_log_deleted: false,
        };
        self.partitions.insert(owner, partition);
        self.opening.underway.insert(owner.slot);
    }

    /// How to open what was in a folder when the broker started; `None` if it was not there.
    fn existing_mode(&self, name: &FolderName) -> Option<OpenMode> {
        let directory = usize::from(name.directory.0);
        let contents = &self.opening.contents.as_ref()?[directory];
        let TopicPartition { topic, partition } = &name.partition;
        let folder = partition_folder(topic, *partition);
        contents.entries.get(&folder)?;
        // Another topic may have the name since.
        let then = self.opening.image_of_contents.as_ref()?.topic(topic)?;
        let now = self.image.topic(topic).filter(|now| now.id == then.id)?;
        now.partitions.get(partition)?;
        if !self.is_here(then.partitions.get(partition)?, name.directory) {
            return None;
        }
        let said = &contents.checkpoint;
        Some(OpenMode::Existing {
            is_clean: self.opening.directories[directory].is_clean,
            log_start_offset: said.log_start_offsets.get(&name.partition).copied(),
            recovery_point: said.recovery_points.get(&name.partition).copied(),
        })
    }

    /// Up to where a log was compacted when the broker started.
    fn cleaned_offset(&self, name: &FolderName) -> Option<Offset> {
        let directory = usize::from(name.directory.0);
        let contents = &self.opening.contents.as_ref()?[directory];
        let said = &contents.checkpoint.cleaned_offsets;
        said.get(&name.partition).copied()
    }

    /// The high watermark of a log when that was noted last before the broker started.
    fn noted_high_watermark(
        &self,
        directory: DirectoryIndex,
        name: &TopicPartition,
    ) -> Option<Offset> {
        let contents = self.opening.contents.as_ref()?;
        let said = &contents[usize::from(directory.0)].checkpoint;
        said.high_watermarks.get(name).copied()
    }

    fn claim_folder(&mut self, partition: TopicIdPartition, name: FolderName, is_foreign: bool) {
        self.opening.claims.push(FolderClaim {
            partition,
            name,
            is_foreign,
        });
    }

    /// What is in a partition's folder belongs to another topic: the partition begins anew once
    /// that was set aside.
    pub(super) fn reclaim_folder(&mut self, slot: u32) {
        let removed = self.partitions.remove(slot);
        let partition = *removed.expect("the log belongs to a partition");
        self.opening.underway.remove(&slot);
        self.housekeeping.forget_cache(partition.cached_bytes);
        self.file_limit.forget(partition.open_files);
        self.deferring.forget(slot, partition.deferred);
        self.leading.forget(slot, partition.leading_due);
        self.following.forget(partition.id, partition.fetched_by);
        let name = FolderName {
            directory: partition.directory,
            partition: TopicPartition {
                topic: partition.topic,
                partition: partition.id.partition,
            },
        };
        self.claim_folder(partition.id, name.clone(), true);
        self.insert_partition(partition.id, name, None, partition.queued_tasks);
    }

    /// Shard 0 has answered what was asked by [`Shard::post_folder_news`].
    pub(super) fn on_claims_answered(
        &mut self,
        answers: &[(TopicIdPartition, bool)],
        effects: &mut Effects,
    ) {
        for (id, is_granted) in answers {
            let slot = self.partitions.slot_of(*id);
            let Some(slot) = slot.filter(|_| self.phase != Phase::Stopping) else {
                continue;
            };
            let partition = self
                .partitions
                .touch(slot)
                .expect("the slot was just found");
            if !partition.state.is_without_folder() {
                continue;
            }
            if *is_granted {
                partition.state = PartitionState::Opening;
                continue;
            }
            partition.state = PartitionState::Barred;
            let name = partition.log.identity();
            tracing::error!(
                "{name} is offline until the folder of a deleted topic of its name is renamed, \
                 which the disk fails to do"
            );
            for (asker, task) in std::mem::take(&mut partition.queued_tasks) {
                self.reply(asker, refusal(&task, ErrorCode::KafkaStorageError));
            }
            self.on_partition_settled(slot, effects);
        }
    }

    /// The directory of this broker's replica; `None` if it is not among those that there are.
    pub(super) fn directory_of(
        &self,
        registration: &PartitionRegistration,
    ) -> Option<DirectoryIndex> {
        let id = registration.directory_of(self.settings.config.node_id)?;
        let mut directories = self.opening.directories.iter();
        let index = directories.position(|directory| directory.id == id && !id.is_zero())?;
        Some(DirectoryIndex::at(index))
    }

    pub(super) fn on_log_opened(&mut self, now: Now, slot: u32, effects: &mut Effects) {
        let partition = self
            .partitions
            .touch(slot)
            .expect("the log belongs to a partition");
        partition.state = PartitionState::Open;
        partition.has_opened = true;
        let (name, log) = (partition.name(), &partition.log);
        let (start, end) = (log.log_start_offset(), log.log_end_offset());
        let directory = partition.directory;
        if log.has_disowned_journal() {
            self.journals.disown(directory, log.identity().owner);
        }
        let queued = std::mem::take(&mut partition.queued_tasks);
        let known = match self.end_truncation(slot) {
            Some(high_watermark) => high_watermark,
            None => self.noted_high_watermark(directory, &name).unwrap_or(start),
        };
        self.take_role(now, slot, known.clamp(start, end));
        self.resume_move(slot, effects);
        for (asker, task) in queued {
            self.perform(now, asker, task);
        }
        self.on_partition_settled(slot, effects);
    }

    /// The partition is open, or never will be.
    pub(super) fn on_partition_settled(&mut self, slot: u32, effects: &mut Effects) {
        self.opening.underway.remove(&slot);
        self.open_waiting(effects);
    }

    /// On shard 0: another shard has its partitions. With the last one the broker serves.
    pub(super) fn on_partitions_opened(&mut self, now: Now, from: ShardId, effects: &mut Effects) {
        self.opening.shards_opened.insert(from);
        let count = usize::from(self.settings.shards_count);
        if self.opening.shards_opened.len() == count && self.phase == Phase::Starting {
            if let Some(contents) = self.opening.contents.clone() {
                self.settle_contents(now, &contents);
            }
            self.broadcast(effects, || Message::Serve);
            match &mut self.controller {
                // Its fence has yet to be lifted.
                Some(host) if self.settings.config.is_broker_that_joins() => host.on_serving(now),
                _ => effects.push(Effect::Ready),
            }
        }
    }

    /// Every shard has its partitions: connections are read from.
    pub(super) fn on_serve(&mut self, now: Now) {
        self.opening.contents = None;
        self.opening.gone.clear();
        self.moves.forget_found();
        if self.controller.is_some() {
            self.room.start(now);
        }
        if self.phase == Phase::Starting {
            self.phase = Phase::Serving;
        }
        self.opening.image_of_contents = None;
    }

    /// Tasks whose senders knew more than the image here did: it may have caught up.
    fn perform_reached(&mut self, now: Now) {
        let end_offset = self.image.end_offset;
        for (asker, needed, task) in std::mem::take(&mut self.ahead_of_image) {
            if needed <= end_offset {
                self.perform(now, asker, task);
            } else {
                self.ahead_of_image.push_back((asker, needed, task));
            }
        }
    }

    fn delete_partition(&mut self, id: TopicIdPartition, error: ErrorCode) {
        self.opening.waiting.retain(|waiting| *waiting != id);
        let may_come_back = self.image.partition(id.topic_id, id.partition).is_some();
        if !may_come_back {
            self.journals.forget_departed(id);
        }
        let Some(slot) = self.partitions.slot_of(id) else {
            return self.opening.left.push((id, true));
        };
        let partition = self.partitions.at(slot);
        if partition.is_some_and(|partition| partition.state == PartitionState::Deleting) {
            return;
        }
        let unique = self.settings.random.next_bytes16();
        let partition = self.partitions.at(slot);
        let directory = partition.expect("the slot was just found").directory;
        // The folder stays in a directory that was given up, to be set aside when it is back.
        let is_given_up = self.is_offline(directory);
        let partition = self
            .partitions
            .touch(slot)
            .expect("the slot was just found");
        let has_folder = !partition.state.is_without_folder() && !is_given_up;
        partition.state = PartitionState::Deleting;
        partition.truncation = None;
        let owner = partition.log.identity().owner;
        partition.log.delete(unique);
        partition.is_log_deleted = !has_folder;
        self.journals.withdraw(directory, owner);
        if may_come_back {
            self.journals.note_departed(directory, id);
        }
        self.fetches.wake(partition.take_waiting_fetches());
        let queued = std::mem::take(&mut partition.queued_tasks);
        self.refuse_waiting(slot, error);
        for (asker, task) in queued {
            self.reply(asker, refusal(&task, error));
        }
        self.unload_groups(slot);
        self.delete_future(slot);
        if !has_folder && self.has_no_other_logs(slot) {
            self.forget_partition(slot);
        }
    }

    /// A partition is gone; its folder, if it had one, has another name.
    pub(super) fn forget_partition(&mut self, slot: u32) -> Option<Box<Partition>> {
        let partition = self.partitions.remove(slot)?;
        self.housekeeping.forget_cache(partition.cached_bytes);
        self.file_limit.forget(partition.open_files);
        self.deferring.forget(slot, partition.deferred);
        self.leading.forget(slot, partition.leading_due);
        self.following.forget(partition.id, partition.fetched_by);
        self.opening.underway.remove(&slot);
        self.opening.left.push((partition.id, true));
        // A replica may have come back while the one before was on its way out.
        let id = partition.id;
        if self.opening.contents.is_some() {
            self.opening.gone.insert(id);
        }
        let registration = self.image.partition(id.topic_id, id.partition);
        let node = self.settings.config.node_id;
        if registration.is_some_and(|registration| registration.replicas.contains(&node)) {
            self.opening.waiting.push_back(id);
        }
        Some(partition)
    }

    /// The disk fails to rename the folder: the log asks it again.
    pub(super) fn put_deletion_off(&mut self, slot: u32, failure: &StorageFailure) {
        let what = "is deleted, but its folder keeps its name until the disk can rename it";
        tracing::error!("{}", self.place_of(slot, what, failure));
        self.housekeeping.note_space(slot, false);
        let partition = self.partitions.at(slot);
        let partition = partition.expect("the log belongs to a partition");
        self.opening.left.push((partition.id, false));
    }

    /// The folder has its new name: the partition is gone, the folder goes when the topic's
    /// `file.delete.delay.ms` have passed.
    pub(super) fn on_log_deleted(&mut self, now: Now, slot: u32, folder: StoragePath) {
        let Some(partition) = self.partitions.at_mut(slot) else {
            return;
        };
        partition.is_log_deleted = true;
        let delay_ms = partition.log.config().file_delete_delay_ms;
        self.opening.remove_later(now, delay_ms, folder);
        if self.has_no_other_logs(slot) {
            self.forget_partition(slot);
        }
    }

    /// Remove the folders whose time has come.
    pub(super) fn remove_due_folders(&mut self, now: Now, effects: &mut Effects) {
        while let Some(entry) = self.opening.removals.first_entry()
            && *entry.key() <= now.instant
        {
            for folder in entry.remove() {
                self.files.remove(folder, effects);
            }
        }
    }
}

/// The places of all partitions, for a step over each.
pub fn slots_of(partitions: &Partitions) -> Vec<u32> {
    partitions.iter().map(|(slot, _)| slot).collect()
}

/// True if settings of this broker, or of all, have changed.
fn has_broker_settings(delta: &MetadataDelta) -> bool {
    let mut changed = delta.configs_changed.iter();
    changed.any(|resource| resource.kind == ConfigKind::Broker)
}
