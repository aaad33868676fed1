//! Kafka's checkpoint files as shard 0 knows them: what they are to say, and what they may say on
//! the disk.
//!
//! They name partitions by their topics' names. So a name of a deleted topic must be gone from the
//! disk before a topic of the same name has a log: what was true of the one would be taken for a
//! fact about the other.

use std::collections::{BTreeMap, BTreeSet};

use crate::log::partition_folder;
use crate::log::storage::DirectoryIndex;
use crate::model::{ShardId, TopicPartition};

use super::message::DirectoryCheckpoint;

/// The folder of a partition in one of the log directories.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct FolderName {
    /// The log directory.
    pub directory: DirectoryIndex,
    /// The topic and partition that the folder is called by.
    pub partition: TopicPartition,
}

impl FolderName {
    /// The name within the log directory.
    #[must_use]
    pub fn folder(&self) -> String {
        partition_folder(&self.partition.topic, self.partition.partition)
    }
}

/// The checkpoint files of all log directories.
#[derive(Debug)]
pub struct Checkpoints {
    directories: Vec<OfDirectory>,
    /// What the shards told last, by directory.
    told: BTreeMap<ShardId, Vec<DirectoryCheckpoint>>,
}

#[derive(Debug, Default)]
struct OfDirectory {
    /// What the files said at the start of partitions that no shard has told of since.
    inherited: DirectoryCheckpoint,
    /// The names that the files on the disk may hold.
    on_disk: BTreeSet<TopicPartition>,
    writing: Option<Writing>,
    /// True if the files are to be written once more.
    is_due: bool,
    /// True if the disk had no room for them the last time.
    lacks_space: bool,
    /// True once the directory was given up: nothing is written there any more.
    is_given_up: bool,
}

#[derive(Debug)]
struct Writing {
    names: BTreeSet<TopicPartition>,
    files_missing: usize,
    is_whole: bool,
}

impl Checkpoints {
    /// Nothing was read yet.
    pub fn new(directories_count: u16) -> Self {
        Self {
            directories: (0..directories_count)
                .map(|_| OfDirectory::default())
                .collect(),
            told: BTreeMap::new(),
        }
    }

    fn at(&mut self, directory: DirectoryIndex) -> &mut OfDirectory {
        &mut self.directories[usize::from(directory.0)]
    }

    /// The files said this at the start.
    pub fn inherit(&mut self, directory: DirectoryIndex, read: DirectoryCheckpoint) {
        let of = self.at(directory);
        of.on_disk = read.names();
        of.inherited = read;
    }

    /// A shard tells what is so of its partitions.
    pub fn on_told(&mut self, from: ShardId, told: Vec<DirectoryCheckpoint>) {
        for (of, told) in self.directories.iter_mut().zip(&told) {
            for name in told.recovery_points.keys() {
                of.inherited.remove(name);
            }
        }
        self.told.insert(from, told);
    }

    /// Let go of what was read of partitions that are not there.
    pub fn retain_inherited(&mut self, is_there: impl Fn(&FolderName) -> bool) {
        for (directory, of) in (0..).map(DirectoryIndex).zip(&mut self.directories) {
            for partition in of.inherited.names() {
                let name = FolderName {
                    directory,
                    partition,
                };
                if !is_there(&name) {
                    of.inherited.remove(&name.partition);
                }
            }
        }
    }

    /// The folder has another name now: the next files do not name it.
    pub fn forget(&mut self, name: &FolderName) {
        let place = usize::from(name.directory.0);
        self.at(name.directory).inherited.remove(&name.partition);
        for told in self.told.values_mut() {
            if let Some(told) = told.get_mut(place) {
                told.remove(&name.partition);
            }
        }
    }

    /// True if the files on the disk may name the folder.
    pub fn may_name(&self, name: &FolderName) -> bool {
        let of = &self.directories[usize::from(name.directory.0)];
        of.on_disk.contains(&name.partition)
    }

    /// True if the directory was given up, or some shard could not close its partitions there
    /// cleanly.
    pub fn is_unclean(&self, directory: DirectoryIndex) -> bool {
        let mut told = self.told.values();
        self.is_given_up(directory)
            || told.any(|told| {
                told.get(usize::from(directory.0))
                    .is_some_and(|checkpoint| checkpoint.is_unclean)
            })
    }

    /// The directory is given up: nothing is written there any more.
    pub fn give_up(&mut self, directory: DirectoryIndex) {
        let of = self.at(directory);
        of.is_given_up = true;
        of.is_due = false;
    }

    /// True once the directory was given up.
    pub fn is_given_up(&self, directory: DirectoryIndex) -> bool {
        self.directories[usize::from(directory.0)].is_given_up
    }

    /// The files of the directory are to be written.
    pub fn mark_due(&mut self, directory: DirectoryIndex) {
        let of = self.at(directory);
        of.is_due = !of.is_given_up;
        of.lacks_space = false;
    }

    /// Somebody waits for the files of the directory: they are to be written, but on a full disk
    /// not before their time.
    pub fn hurry(&mut self, directory: DirectoryIndex) {
        let of = self.at(directory);
        of.is_due |= !of.lacks_space && !of.is_given_up;
    }

    /// What the files of the directory are to say, if they are to be written now: as `files_count`
    /// files, of each of which [`Checkpoints::on_written`] is to be told.
    pub fn begin_write(
        &mut self,
        directory: DirectoryIndex,
        files_count: usize,
    ) -> Option<DirectoryCheckpoint> {
        let of = self.at(directory);
        if of.writing.is_some() || !std::mem::take(&mut of.is_due) {
            return None;
        }
        let place = usize::from(directory.0);
        let mut gathered = self.directories[place].inherited.clone();
        for told in self.told.values().filter_map(|told| told.get(place)) {
            gathered.extend(told);
        }
        let names = gathered.names();
        let of = self.at(directory);
        of.on_disk.extend(names.iter().cloned());
        of.writing = Some(Writing {
            names,
            files_missing: files_count,
            is_whole: true,
        });
        Some(gathered)
    }

    /// One of the files is on the disk, or found no room there.
    pub fn on_written(&mut self, directory: DirectoryIndex, is_written: bool) {
        let of = self.at(directory);
        let writing = of.writing.as_mut().expect("the files are being written");
        writing.files_missing -= 1;
        writing.is_whole &= is_written;
        of.lacks_space |= !is_written;
        if writing.files_missing == 0
            && let Some(writing) = of.writing.take()
            && writing.is_whole
        {
            of.on_disk = writing.names;
        }
    }

    /// True if the files are as they are to be.
    pub fn is_idle(&self) -> bool {
        let mut all = self.directories.iter();
        all.all(|of| of.writing.is_none() && !of.is_due)
    }
}

impl DirectoryCheckpoint {
    fn names(&self) -> BTreeSet<TopicPartition> {
        let maps = [
            &self.cleaned_offsets,
            &self.log_start_offsets,
            &self.recovery_points,
            &self.high_watermarks,
        ];
        maps.into_iter()
            .flat_map(|map| map.keys().cloned())
            .collect()
    }

    fn remove(&mut self, name: &TopicPartition) {
        self.cleaned_offsets.remove(name);
        self.log_start_offsets.remove(name);
        self.recovery_points.remove(name);
        self.high_watermarks.remove(name);
    }

    fn extend(&mut self, other: &Self) {
        let copy = |map: &BTreeMap<_, _>| map.clone().into_iter();
        self.cleaned_offsets.extend(copy(&other.cleaned_offsets));
        self.log_start_offsets
            .extend(copy(&other.log_start_offsets));
        self.recovery_points.extend(copy(&other.recovery_points));
        self.high_watermarks.extend(copy(&other.high_watermarks));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const FIRST: DirectoryIndex = DirectoryIndex(0);

    fn name(topic: &str) -> FolderName {
        FolderName {
            directory: FIRST,
            partition: TopicPartition {
                topic: Arc::from(topic),
                partition: 0,
            },
        }
    }

    fn reaching(topics: &[(&str, i64)]) -> DirectoryCheckpoint {
        let mut checkpoint = DirectoryCheckpoint::default();
        for (topic, offset) in topics {
            let partition = name(topic).partition;
            checkpoint.recovery_points.insert(partition, *offset);
        }
        checkpoint
    }

    #[test]
    fn a_name_may_be_on_the_disk_until_files_without_it_are_written() {
        let mut checkpoints = Checkpoints::new(1);
        checkpoints.inherit(FIRST, reaching(&[("a", 7)]));
        checkpoints.mark_due(FIRST);
        assert!(checkpoints.begin_write(FIRST, 2).is_some());
        checkpoints.forget(&name("a"));
        checkpoints.mark_due(FIRST);
        assert!(checkpoints.begin_write(FIRST, 2).is_none());
        checkpoints.on_written(FIRST, true);
        checkpoints.on_written(FIRST, true);
        assert!(checkpoints.may_name(&name("a")), "that write held it");
        let said = checkpoints.begin_write(FIRST, 1).unwrap();
        assert_eq!(said.recovery_points, BTreeMap::new());
        assert!(checkpoints.may_name(&name("a")));
        checkpoints.on_written(FIRST, true);
        assert!(!checkpoints.may_name(&name("a")));
        assert!(checkpoints.is_idle());
    }

    #[test]
    fn files_that_find_no_room_are_not_hurried_again_and_may_name_what_they_named() {
        let mut checkpoints = Checkpoints::new(1);
        checkpoints.inherit(FIRST, reaching(&[("a", 7)]));
        checkpoints.forget(&name("a"));
        checkpoints.hurry(FIRST);
        assert!(checkpoints.begin_write(FIRST, 2).is_some());
        checkpoints.on_written(FIRST, true);
        checkpoints.on_written(FIRST, false);
        assert!(checkpoints.may_name(&name("a")));
        checkpoints.hurry(FIRST);
        assert!(checkpoints.begin_write(FIRST, 1).is_none());
        checkpoints.mark_due(FIRST);
        assert!(checkpoints.begin_write(FIRST, 1).is_some());
        checkpoints.on_written(FIRST, true);
        assert!(!checkpoints.may_name(&name("a")));
    }

    #[test]
    fn what_was_read_at_the_start_is_kept_until_a_shard_tells_more() {
        let mut checkpoints = Checkpoints::new(1);
        checkpoints.inherit(FIRST, reaching(&[("failed", 7), ("open", 3), ("gone", 1)]));
        checkpoints.on_told(ShardId(1), vec![reaching(&[("open", 9)])]);
        checkpoints.retain_inherited(|folder| *folder != name("gone"));
        checkpoints.mark_due(FIRST);
        let said = checkpoints.begin_write(FIRST, 1).unwrap();
        let expected = reaching(&[("failed", 7), ("open", 9)]);
        assert_eq!(said.recovery_points, expected.recovery_points);
    }
}
