//! The journals of this shard, one in each log directory: what its logs offer goes in, what is
//! durable comes out, and logs are asked to write back what a journal is to let go of.
//!
//! The files of the last life's journals are read by shard 0, since partitions may lie on other
//! shards now, and removed by it once every shard has written back what they held.

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::journal::{
    Journal, JournalAppend, JournalIdentity, JournalLimits, JournalPart, JournalProgress,
    WriteBack, are_written_back, parse_file_name, replay,
};
use crate::log::storage::{DirectoryIndex, StorageOwner, StoragePath, StorageResult};
use crate::log::{JournalPlace, JournalledBatches, Log};
use crate::metrics::{MetricId, ShardMetrics};
use crate::model::{Offset, ShardId, TopicIdPartition, Uuid};
use crate::protocol::record_batch::Batches;
use crate::stdx::{HashMap, Instant, Now, new_map};

use super::core::Shard;
use super::files::Purpose;
use super::inherited::InheritedFiles;
use super::opening::slots_of;
use super::partition::{Partition, PartitionState, Partitions};
use super::placement::shard_of;
use super::{Effects, Message, ShardSettings};

/// Appends of one partition in one turn that are larger than this go to its segment at once: for
/// them a write of their own costs less than writing them twice.
pub const JOURNALLED_BYTES_MAX: u64 = 32 << 10;

/// Completions of journals are addressed to this place, which no partition takes, and to the log
/// directory as its incarnation.
const OWNER_SLOT: u32 = u32::MAX - 3;

/// The log directory of the journal that a completion belongs to.
pub fn journal_of(owner: StorageOwner) -> Option<DirectoryIndex> {
    let directory = u16::try_from(owner.incarnation).ok()?;
    (owner.slot == OWNER_SLOT).then_some(DirectoryIndex(directory))
}

/// True for the name of a journal's file.
pub fn is_journal(name: &str) -> bool {
    parse_file_name(name).is_some()
}

/// What the journals in one directory held when the broker started.
#[derive(Debug)]
pub struct InheritedJournals {
    files: Vec<(String, Bytes)>,
    /// Batches, in the order in which they were journalled.
    batches: HashMap<TopicIdPartition, Vec<JournalledBatches>>,
}

impl Default for InheritedJournals {
    fn default() -> Self {
        Self {
            files: Vec::new(),
            batches: new_map(),
        }
    }
}

impl InheritedJournals {
    /// A file was read.
    pub fn add_file(&mut self, name: String, contents: Bytes) {
        self.files.push((name, contents));
    }

    /// Find out what the files hold, the oldest first. The error says which cannot be used, why,
    /// and what to do.
    pub fn replay(&mut self, directory: Uuid) -> Result<(), String> {
        self.files
            .sort_by_key(|(name, _)| parse_file_name(name).map(|(shard, epoch)| (epoch, shard)));
        for (name, contents) in &mut self.files {
            let contents = std::mem::take(contents);
            let replayed = replay(&contents, directory)
                .map_err(|fault| format!("the journal {name} cannot be replayed: {fault}"))?;
            for (partition, batches) in replayed.parts {
                self.batches.entry(partition).or_default().push(batches);
            }
        }
        Ok(())
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|(name, _)| name.as_str())
    }

    /// The epoch of the newest file, zero if there is none.
    pub fn last_epoch(&self) -> u64 {
        let epochs = self.names().filter_map(parse_file_name);
        epochs.map(|(_, epoch)| epoch).max().unwrap_or(0)
    }
}

#[derive(Debug)]
struct OfDirectory {
    journal: Journal,
    /// What was replayed and has to be written back before the files go.
    inherited: Vec<JournalPart>,
}

/// The journals of this shard.
#[derive(Debug)]
pub struct Journals {
    limits: JournalLimits,
    /// Empty until the directories were read.
    directories: Vec<OfDirectory>,
    /// True if something happened since the journals were looked after last.
    is_stirred: bool,
    /// True until shard 0 was told that what was inherited is written back.
    has_inherited: bool,
    /// The partitions of which journals of the last life have something, while those may still be
    /// on the disk.
    inherited_of: BTreeSet<TopicIdPartition>,
    /// Where a journal or a checkpoint may have something of a partition. It stays so for as long
    /// as the broker runs: a replica that comes there later says whose that is not.
    told_of: BTreeSet<(DirectoryIndex, TopicIdPartition)>,
    /// Needed until every shard has written back what they held.
    inherited: InheritedFiles,
    /// On shard 0: how many of them are being removed.
    removals: usize,
}

impl Journals {
    /// The directories were not read yet.
    pub fn new(settings: &ShardSettings) -> Self {
        let bytes_min = JournalLimits::ring_bytes_min(JOURNALLED_BYTES_MAX);
        Self {
            limits: JournalLimits {
                ring_bytes_max: settings.journal_bytes_max.max(bytes_min),
                append_bytes_max: JOURNALLED_BYTES_MAX,
            },
            directories: Vec::new(),
            is_stirred: false,
            has_inherited: false,
            inherited_of: BTreeSet::new(),
            told_of: BTreeSet::new(),
            inherited: InheritedFiles::default(),
            removals: 0,
        }
    }

    /// Something was written, or has to be.
    pub const fn stir(&mut self) {
        self.is_stirred = true;
    }

    /// Put what the last flush of a partition's log offers into its journal.
    pub fn take_offer(&mut self, partition: &mut Partition) {
        if let Some(offer) = partition.log.take_offer() {
            let of = &mut self.directories[usize::from(partition.directory.0)];
            of.journal.append(JournalAppend {
                owner: partition.log.identity().owner,
                partition: partition.id,
                end_offset: offer.end_offset,
                slices: offer.slices,
            });
            self.is_stirred = true;
        }
    }

    /// When a journal has to be looked after.
    pub fn next_deadline(&self) -> Instant {
        let deadlines = self.directories.iter().map(|of| of.journal.next_deadline());
        deadlines.min().unwrap_or(Instant::MAX)
    }

    /// What the journals are and have done.
    pub fn collect(&self, metrics: &mut ShardMetrics) {
        let total = |of: fn(&Journal) -> u64| {
            let journals = self.directories.iter().map(|one| of(&one.journal));
            journals.sum()
        };
        metrics.add(MetricId::JournalEntries, total(Journal::entries_count));
        metrics.add(MetricId::JournalBytes, total(Journal::written_bytes));
        metrics.set(MetricId::JournalKeptBytes, total(Journal::kept_bytes));
    }

    /// Let go of what the log of `owner` has offered to the journal of a directory and that is not
    /// on its way to the disk.
    pub fn withdraw(&mut self, directory: DirectoryIndex, owner: StorageOwner) {
        if let Some(of) = self.directories.get_mut(usize::from(directory.0)) {
            of.journal.withdraw(owner);
        }
    }

    /// Have the journal of a directory let go of all entries that it has; the last of them, for
    /// [`Journals::has_passed`].
    pub fn pass_all(&mut self, directory: DirectoryIndex) -> u64 {
        self.is_stirred = true;
        let of = self.directories.get_mut(usize::from(directory.0));
        of.map_or(0, |of| of.journal.pass_all())
    }

    /// True if no start would replay entry `last` of the journal of a directory, nor those before
    /// it, nor for `partition` any journal of the last life.
    pub fn has_passed(
        &self,
        partition: TopicIdPartition,
        directory: DirectoryIndex,
        last: u64,
    ) -> bool {
        let of = self.directories.get(usize::from(directory.0));
        !self.inherited_of.contains(&partition) && of.is_none_or(|of| of.journal.has_passed(last))
    }

    /// A replica leaves a directory, and may come back there.
    pub fn note_departed(&mut self, directory: DirectoryIndex, partition: TopicIdPartition) {
        self.told_of.insert((directory, partition));
    }

    /// The topic is deleted: no replica of it comes back.
    pub fn forget_departed(&mut self, partition: TopicIdPartition) {
        for index in 0..self.directories.len() {
            let directory = DirectoryIndex::at(index);
            self.told_of.remove(&(directory, partition));
        }
    }

    /// How far the journal of a directory has come, and whether it or a checkpoint there may have
    /// something of an earlier replica of the partition.
    pub fn place_of(
        &self,
        directory: DirectoryIndex,
        partition: TopicIdPartition,
    ) -> (JournalPlace, bool) {
        let place = self.directories[usize::from(directory.0)].journal.place();
        (place, self.told_of.contains(&(directory, partition)))
    }

    /// Nothing that was inherited for the log of `owner` is that log's.
    pub fn disown(&mut self, directory: DirectoryIndex, owner: StorageOwner) {
        let of = &mut self.directories[usize::from(directory.0)];
        of.inherited.retain(|part| part.owner != owner);
        self.is_stirred = true;
    }

    /// Shard 0 has removed the journals of the last life.
    pub fn forget_inherited(&mut self) {
        self.inherited_of.clear();
    }

    pub fn journalled_bytes_max(&self, directory: DirectoryIndex) -> u64 {
        let of = self.directories.get(usize::from(directory.0));
        of.filter(|of| of.journal.is_usable())
            .map_or(0, |_| JOURNALLED_BYTES_MAX)
    }
}

impl Shard {
    /// The log directories were read.
    pub(super) fn begin_journals(&mut self) {
        let Some(contents) = &self.opening.contents else {
            return;
        };
        let journals = &mut self.journals;
        let directories = contents.iter().zip(&*self.opening.directories);
        for ((contents, directory), index) in directories.zip(0..) {
            let identity = JournalIdentity {
                directory: directory.id,
                shard: self.settings.id.0,
                epoch: contents.next_epoch(),
            };
            let owner = StorageOwner {
                slot: OWNER_SLOT,
                incarnation: u32::from(index),
            };
            let index = DirectoryIndex(index);
            journals.directories.push(OfDirectory {
                journal: Journal::new(identity, index, owner, journals.limits),
                inherited: Vec::new(),
            });
            let told_of = contents.journals.batches.keys();
            let told_of = told_of.chain(contents.checkpoints.partitions());
            let here = |id: &TopicIdPartition| {
                shard_of(*id, self.settings.shards_count) == self.settings.id
            };
            journals
                .told_of
                .extend(told_of.filter(|id| here(id)).map(|id| (index, *id)));
            for name in contents.journals.names() {
                journals.has_inherited = true;
                journals.inherited.add(StoragePath::new(index, name));
            }
        }
    }

    /// Let a log that is about to be opened use the journal of its directory, and give it what the
    /// last journals had of it. One that `is_new` has nothing of those: what they have is of an
    /// earlier replica.
    pub(super) fn connect_journal(
        &mut self,
        id: TopicIdPartition,
        directory: DirectoryIndex,
        is_new: bool,
        log: &mut Log,
    ) {
        log.use_journal(self.journals.journalled_bytes_max(directory));
        let (now, has_earlier) = self.journals.place_of(directory, id);
        log.begin_at(now, is_new && has_earlier);
        if is_new {
            return;
        }
        let place = usize::from(directory.0);
        let contents = self.opening.contents.as_ref();
        let Some(batches) = contents.and_then(|contents| contents[place].journals.batches.get(&id))
        else {
            return;
        };
        self.journals.inherited_of.insert(id);
        self.journals.directories[place]
            .inherited
            .push(JournalPart {
                owner: log.identity().owner,
                end_offset: end_of(batches),
            });
        log.inherit_journal(batches.to_vec());
    }

    /// A request of a journal to the disk has ended.
    pub(super) fn on_journal_storage(
        &mut self,
        now: Now,
        directory: DirectoryIndex,
        sequence: u64,
        result: StorageResult,
        effects: &mut Effects,
    ) {
        let of = &mut self.journals.directories[usize::from(directory.0)];
        of.journal
            .on_storage(now, sequence, result, &mut effects.storage);
        self.journals.stir();
    }

    /// Look after the journals, if anything happened. True if that led to more to do in this turn.
    pub(super) fn advance_journals(&mut self, now: Now, effects: &mut Effects) -> bool {
        let is_due = self.journals.next_deadline() <= now.instant;
        if !std::mem::take(&mut self.journals.is_stirred) && !is_due {
            return false;
        }
        let mut has_more = false;
        for index in 0..self.journals.directories.len() {
            let of = &mut self.journals.directories[index];
            let partitions = &self.partitions;
            let owners = of.journal.write_backs(now, |part| look(partitions, part));
            of.journal.advance(now, &mut effects.storage);
            for slot in owners
                .into_iter()
                .filter_map(|owner| partitions.slot_of_owner(owner))
                .collect::<Vec<_>>()
            {
                let partition = self.partitions.touch(slot);
                let partition = partition.expect("the slot was just found");
                partition.log.write_back();
                has_more = true;
            }
            has_more |= self.on_journal_progress(now, index, effects);
        }
        self.tell_written_back(effects);
        has_more
    }

    fn on_journal_progress(&mut self, now: Now, index: usize, effects: &mut Effects) -> bool {
        let directory = DirectoryIndex::at(index);
        let mut has_progressed = false;
        while let Some(progress) = self.journals.directories[index].journal.next_progress() {
            has_progressed = true;
            match progress {
                JournalProgress::Durable(parts) => {
                    for part in parts {
                        let slot = self.partitions.slot_of_owner(part.owner);
                        if let Some(slot) = slot
                            && let Some(partition) = self.partitions.at_mut(slot)
                        {
                            partition.on_journalled(index, part.end_offset);
                            self.on_log_progress(now, slot, effects);
                            self.note_following(slot);
                        }
                    }
                }
                JournalProgress::Retired(failure) => {
                    tracing::error!("appends go to their segments only: {failure}");
                    self.use_journal(directory);
                    self.report_failure(directory, &failure, effects);
                }
                JournalProgress::Usable => self.use_journal(directory),
            }
        }
        has_progressed
    }

    /// The journal of a directory takes appends again, or takes no more.
    fn use_journal(&mut self, directory: DirectoryIndex) {
        let bytes_max = self.journals.journalled_bytes_max(directory);
        for slot in slots_of(&self.partitions) {
            let partition = self.partitions.touch(slot);
            let partition = partition.expect("the slot was just found");
            if partition.directory == directory && partition.truncation.is_none() {
                partition.log.use_journal(bytes_max);
            }
        }
    }

    /// The directory is given up: its journal takes no more, and keeps what it holds for the next
    /// start.
    pub(super) fn retire_journal(&mut self, directory: DirectoryIndex) {
        let of = self.journals.directories.get_mut(usize::from(directory.0));
        if let Some(of) = of.filter(|of| of.journal.is_usable()) {
            of.journal.retire();
            self.use_journal(directory);
        }
    }

    /// A log has failed. What only the journal has of it stays there until the next start, and
    /// would soon leave no room for anything else: the journal takes no more.
    pub(super) fn spare_journal_of(&mut self, slot: u32) {
        let Some(partition) = self.partitions.at(slot) else {
            return;
        };
        let log = &partition.log;
        let directory = partition.directory;
        if log.written_end_offset() < log.durable_end_offset()
            && self.journals.journalled_bytes_max(directory) > 0
        {
            tracing::error!(
                "appends go to their segments only: the journal keeps records of {}",
                log.identity()
            );
            self.retire_journal(directory);
        }
    }

    /// Tell shard 0 when everything that was inherited is in segments.
    fn tell_written_back(&mut self, effects: &mut Effects) {
        let partitions = &self.partitions;
        let mut directories = self.journals.directories.iter_mut();
        if self.journals.has_inherited
            && self.opening.is_told()
            && directories
                .all(|of| are_written_back(&mut of.inherited, &mut |part| look(partitions, part)))
        {
            self.journals.has_inherited = false;
            effects.post(ShardId(0), Message::JournalsWrittenBack);
        }
    }

    /// On shard 0: another shard needs the journals of the last life no more.
    pub(super) fn on_journals_written_back(&mut self, from: ShardId, effects: &mut Effects) {
        let inherited = &mut self.journals.inherited;
        let Some(files) = inherited.take_after(from, self.settings.shards_count) else {
            return;
        };
        self.journals.removals = 1;
        for path in files {
            if !self.is_offline(path.directory) {
                self.journals.removals += 1;
                self.files.remove_for(Purpose::RemoveJournal, path, effects);
            }
        }
        self.on_inherited_removed(effects);
    }

    /// On shard 0: one journal less of the last life is there. With the last one all are told.
    pub(super) fn on_inherited_removed(&mut self, effects: &mut Effects) {
        self.journals.removals -= 1;
        if self.journals.removals == 0 {
            self.broadcast(effects, || Message::JournalsRemoved);
        }
    }

    /// With the partitions closed, close the journals; true once they are.
    pub(super) fn close_journals(&mut self, now: Now, effects: &mut Effects) -> bool {
        let mut are_closed = true;
        for of in &mut self.journals.directories {
            let partitions = &self.partitions;
            of.journal.write_backs(now, |part| look(partitions, part));
            of.journal.close();
            of.journal.advance(now, &mut effects.storage);
            are_closed &= of.journal.is_closed();
        }
        are_closed
    }
}

/// Whether the segments have a part of a journal.
fn look(partitions: &Partitions, part: JournalPart) -> WriteBack {
    let slot = partitions.slot_of_owner(part.owner);
    let Some(partition) = slot.and_then(|slot| partitions.at(slot)) else {
        return WriteBack::Done;
    };
    let is_done = partition.log.written_end_offset() >= part.end_offset
        || partition.state == PartitionState::Deleting;
    if is_done {
        WriteBack::Done
    } else {
        WriteBack::Missing
    }
}

/// The offset behind the last batch.
fn end_of(parts: &[JournalledBatches]) -> Offset {
    let last = parts.last().map(|last| last.batches.clone());
    let mut last = Batches::new(last.unwrap_or_default());
    let mut end = 0;
    while let Ok(Some(batch)) = last.next_whole() {
        end = batch.next_offset();
    }
    end
}
