//! The order in which the log directories of a broker are checked, and what is known at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::PathBuf;

use crate::config::{BrokerSettings, Overrides, Startup, TopicConfig};
use crate::log::storage::{
    DirectoryIndex, FolderEntry, StorageOutcome, StoragePath, StorageRequest,
};
use crate::log::{
    FOLDER_DELETED, FOLDER_STRAY, parse_future_folder, parse_partition_folder, partition_folder,
};
use crate::metadata::{
    CLEAN_MARK, ConfigKind, ConfigResource, MetaProperties, MetadataImage, MetadataLogSettings,
    PartitionRegistration, is_forebay, topic_owner,
};
use crate::model::{BrokerId, Offset, TopicIdPartition, TopicPartition};
use crate::protocol::record_batch::BatchHeader;
use crate::quorum::METADATA_FOLDER;
use crate::runtime::PlainDisk;

use super::Directories;
use super::checkpoints::{Checkpoints, LogRange};
use super::finding::{Finding, Mending, Told};
use super::identity::{check_bootstrap, check_clean_mark, check_properties, check_registration};
use super::journals::{Held, Journals};
use super::metadata::{Metadata, check_metadata};
use super::partition::{PartitionCheck, PartitionContext, PartitionFacts};
use super::transactions::TransactionWalk;

/// What is to be checked.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The directories in use, those of `log.dirs` first.
    pub paths: Vec<PathBuf>,
    /// How many of them are of `log.dirs`.
    pub log_directories: usize,
    /// Which one holds the metadata log.
    pub metadata_directory: usize,
    /// `metadata.log.segment.bytes` and `metadata.log.segment.ms`
    pub metadata_log: (u32, i64),
    pub settings: BrokerSettings,
    /// This node.
    pub node_id: BrokerId,
    /// The directories that are checked as if they had a mark of a clean stop.
    pub strict: BTreeSet<usize>,
}

impl Scope {
    /// The `directories` of the broker with these settings.
    pub fn new(startup: &Startup, directories: Directories) -> Self {
        let log = MetadataLogSettings::new(&startup.config);
        Self {
            log_directories: startup.config.log_dirs.len(),
            metadata_directory: directories.metadata,
            metadata_log: (log.segment_bytes, log.segment_ms),
            settings: startup.settings.clone(),
            node_id: startup.config.node_id,
            strict: BTreeSet::new(),
            paths: directories.paths,
        }
    }
}

/// One log directory.
#[derive(Debug, Default)]
pub struct DirectoryFacts {
    /// True if it has the mark of a clean stop.
    pub is_clean: bool,
    pub entries: Vec<FolderEntry>,
    pub checkpoints: Checkpoints,
    /// By the names of their folders.
    pub partitions: BTreeMap<String, PartitionFacts>,
    /// How far the logs reach, with what the journals have.
    pub logs: BTreeMap<TopicPartition, LogRange>,
    pub journals: Journals,
}

/// What was found out.
#[derive(Debug, Default)]
pub struct Survey {
    pub properties: Vec<Option<MetaProperties>>,
    pub metadata: Metadata,
    pub directories: Vec<DirectoryFacts>,
    pub bytes: u64,
}

/// Someone who is shown every sound batch while it is checked.
pub trait Visitor {
    /// The batch with this `header` is in the folder of a partition, in `file` at `position`.
    fn on_batch(&mut self, folder: &str, file: &File, header: &BatchHeader, position: u64);
}

/// Nobody.
impl Visitor for () {
    fn on_batch(&mut self, _: &str, _: &File, _: &BatchHeader, _: u64) {}
}

impl Survey {
    /// Check everything, and tell what is found.
    pub fn run(scope: &Scope, told: &mut Told) -> Self {
        let mut survey = Self::begin(scope, told);
        survey.check_logs(scope, &mut (), told);
        survey
    }

    /// Check whose the directories are and what the cluster's metadata say, and tell what is found.
    pub fn begin(scope: &Scope, told: &mut Told) -> Self {
        let mut disk = PlainDisk::new(scope.paths.clone());
        let mut survey = Self::default();
        for directory in 0..scope.paths.len() {
            let entries = list(&mut disk, directory, "", told);
            survey.bytes += survey.sizes(&mut disk, directory, &entries, told);
            let is_clean = entries.iter().any(|entry| entry.name == CLEAN_MARK);
            survey.directories.push(DirectoryFacts {
                is_clean,
                entries,
                ..DirectoryFacts::default()
            });
        }
        // A directory that has the metadata log for itself has no mark of its own.
        let mut log_directories = survey.directories[..scope.log_directories].iter();
        let are_clean = log_directories.all(|of| of.is_clean);
        for of in &mut survey.directories[scope.log_directories..] {
            of.is_clean = are_clean;
        }
        told.begin_progress(survey.bytes);
        survey.properties = check_properties(&scope.paths, told);
        survey.check_metadata(scope, &mut disk, told);
        let image = survey.image().cloned();
        if let Some(image) = &image {
            // A directory that has the metadata log for itself is not registered.
            let properties = &survey.properties[..scope.log_directories];
            check_registration(&scope.paths, properties, image, told);
        }
        survey
    }

    /// Check all the rest, while `visitor` is shown the batches.
    pub fn check_logs(&mut self, scope: &Scope, visitor: &mut dyn Visitor, told: &mut Told) {
        let mut disk = PlainDisk::new(scope.paths.clone());
        let image = self.image().cloned();
        for directory in 0..scope.paths.len() {
            let path = &scope.paths[directory];
            check_bootstrap(directory, path, image.as_ref(), told);
            if directory < scope.log_directories {
                check_clean_mark(directory, path, self.broker_epoch(), told);
                self.check_directory(scope, directory, &mut disk, visitor, told);
            }
        }
        self.check_missing_folders(scope, told);
        told.end_progress();
    }

    /// The directories with the mark of a clean stop.
    pub fn marked(&self) -> BTreeSet<usize> {
        let directories = self.directories.iter().enumerate();
        let marked = directories.filter(|(_, of)| of.is_clean);
        marked.map(|(directory, _)| directory).collect()
    }

    /// The cluster's metadata, if they could be read.
    pub fn image(&self) -> Option<&MetadataImage> {
        let working = self.metadata.working.as_ref()?;
        Some(&working.image)
    }

    /// This node.
    pub fn node_id(&self) -> Option<BrokerId> {
        let properties = self.properties.iter().flatten().next()?;
        Some(properties.node_id)
    }

    /// The epoch that this node is registered with.
    pub fn broker_epoch(&self) -> Option<i64> {
        let registration = self.image()?.brokers.get(&self.node_id()?)?;
        Some(registration.epoch)
    }

    /// True if it was Forebay that registered last, and not Apache Kafka.
    pub fn is_forebays(&self) -> bool {
        let registration = self
            .node_id()
            .and_then(|node| self.image()?.brokers.get(&node));
        registration.is_some_and(|registration| is_forebay(registration))
    }

    /// The topic and partition of a folder, and how it is registered.
    pub fn registration(&self, at: &TopicPartition) -> Option<&PartitionRegistration> {
        let topic = self.image()?.topic(&at.topic)?;
        topic.partitions.get(&at.partition).map(|found| &**found)
    }

    /// Where a log is to begin: where a checkpoint and the leader epochs contradict each other, at
    /// the earlier offset, so that nothing is lost.
    pub fn log_start(&self, directory: usize, folder: &str, at: &TopicPartition) -> Option<Offset> {
        let of = &self.directories[directory];
        let facts = of.partitions.get(folder);
        let epochs_start = facts.and_then(|facts| facts.epochs_start);
        let said = of.checkpoints.log_start_offsets.get(at).copied();
        match (said, epochs_start) {
            (Some(said), Some(start)) => Some(said.min(start)),
            (None, start) if of.checkpoints.is_start_doubtful => start,
            (said, _) => said,
        }
    }

    /// The settings that apply to a topic.
    pub fn topic_config(&self, scope: &Scope, topic: &str) -> TopicConfig {
        let mut settings = scope.settings.clone();
        let overrides = |name: &str, kind| -> Overrides {
            let resource = ConfigResource::new(kind, name);
            let found = self.image().and_then(|image| image.config(&resource));
            found.map_or_else(Overrides::new, |values| values.as_ref().clone())
        };
        let node = self.node_id().map_or_else(String::new, |id| id.to_string());
        settings.set_dynamic(
            overrides("", ConfigKind::Broker),
            overrides(&node, ConfigKind::Broker),
        );
        let own = overrides(topic, ConfigKind::Topic);
        // A cluster of Apache Kafka may have settings that are not known here.
        let resolve = |own: &Overrides| TopicConfig::resolve(&settings, topic_owner(topic), own);
        resolve(&own)
            .or_else(|_| resolve(&Overrides::new()))
            .unwrap_or_default()
    }

    /// How many bytes there are to be looked at.
    fn sizes(
        &self,
        disk: &mut PlainDisk,
        directory: usize,
        entries: &[FolderEntry],
        told: &mut Told,
    ) -> u64 {
        let mut total = 0;
        for entry in entries {
            if !entry.is_folder {
                total += entry.length;
            } else if parse_partition_folder(&entry.name).is_some() {
                let inside = list(disk, directory, &entry.name, told);
                total += inside.iter().map(|entry| entry.length).sum::<u64>();
            }
        }
        total
    }

    fn check_metadata(&mut self, scope: &Scope, disk: &mut PlainDisk, told: &mut Told) {
        let directory = scope.metadata_directory;
        let path = &scope.paths[directory];
        let entries = list(disk, directory, METADATA_FOLDER, told);
        if entries.is_empty() {
            let by_hand = Mending::ByHand("restore it from a copy, or name its directory");
            let finding = Finding::new(directory, path.join(METADATA_FOLDER), "it is missing");
            told.find(finding.fault(by_hand));
            return;
        }
        let is_clean = self.directories[directory].is_clean || scope.strict.contains(&directory);
        self.metadata = check_metadata(directory, path, is_clean, &entries, told);
    }

    fn check_directory(
        &mut self,
        scope: &Scope,
        directory: usize,
        disk: &mut PlainDisk,
        visitor: &mut dyn Visitor,
        told: &mut Told,
    ) {
        let path = &scope.paths[directory];
        let is_clean = self.directories[directory].is_clean || scope.strict.contains(&directory);
        let entries = std::mem::take(&mut self.directories[directory].entries);
        let is_there = |at: &TopicPartition| {
            let folder = partition_folder(&at.topic, at.partition);
            // Apache Kafka notes also of a replica that moves here how far it has come.
            let is_of_it = |name: &str| {
                let coming = parse_future_folder(name);
                name == folder || coming == Some((&*at.topic, at.partition))
            };
            !is_clean || entries.iter().any(|entry| is_of_it(&entry.name))
        };
        let checkpoints = Checkpoints::read(directory, path, is_there, told);
        self.directories[directory].checkpoints = checkpoints;
        for entry in entries.iter().filter(|entry| entry.is_folder) {
            let name = &entry.name;
            let at = (directory, is_clean);
            if let Some(facts) = self.check_folder(scope, at, name, disk, visitor, told) {
                let partitions = &mut self.directories[directory].partitions;
                partitions.insert(entry.name.clone(), facts);
            }
        }
        let id = self.properties[directory].as_ref();
        let id = id.and_then(|properties| properties.directory_id);
        let journals = Journals::read(directory, path, id, &entries, told);
        let held = self.held(directory);
        let reached = journals.check(directory, path, &held, told);
        journals.check_reach(directory, path, &held, &reached, told);
        let logs = self.log_ranges(directory, &reached);
        self.tell_cut_off(scope, directory, &reached, told);
        let of = &mut self.directories[directory];
        of.journals = journals;
        of.entries = entries;
        of.checkpoints.check(directory, path, is_clean, &logs, told);
        of.logs = logs;
    }

    /// Check the folder of a partition; `None` if it is none.
    fn check_folder(
        &self,
        scope: &Scope,
        (directory, is_clean): (usize, bool),
        name: &str,
        disk: &mut PlainDisk,
        visitor: &mut dyn Visitor,
        told: &mut Told,
    ) -> Option<PartitionFacts> {
        let path = scope.paths[directory].join(name);
        for (end, what) in [
            (
                FOLDER_DELETED,
                "a deleted partition that waits for its removal",
            ),
            (
                FOLDER_STRAY,
                "a partition of no topic that there is, which was set aside",
            ),
        ] {
            if name.ends_with(end) {
                told.find(Finding::new(directory, path, what));
                return None;
            }
        }
        let (topic, partition) = parse_partition_folder(name)?;
        if name == METADATA_FOLDER {
            return None;
        }
        let at = TopicPartition {
            topic: topic.into(),
            partition,
        };
        let registration = self.registration(&at);
        if self.image().is_some() && registration.is_none() {
            let what = "the cluster has no such partition: the broker sets the folder aside";
            told.find(Finding::new(directory, path.clone(), what).of(name));
        }
        let checkpoints = &self.directories[directory].checkpoints;
        let may_have_gaps = self.topic_config(scope, topic).cleanup_policy.compact
            || checkpoints.cleaned_offsets.contains_key(&at);
        // What a follower copies has the gaps of its leader from the start.
        let is_alone = registration.is_none_or(|registration| registration.replicas.len() == 1);
        let context = PartitionContext {
            is_clean,
            may_have_gaps,
            may_have_gaps_at_end: may_have_gaps && !is_alone,
            topic_id: self
                .image()
                .and_then(|image| image.topic_ids.get(topic).copied()),
            leader_epoch: registration.map(|registration| registration.leader_epoch),
            log_start_offset: checkpoints.log_start_offsets.get(&at).copied(),
            is_start_doubtful: checkpoints.is_start_doubtful,
        };
        let entries = list(disk, directory, name, told);
        let mut check = PartitionCheck {
            directory,
            folder: name,
            path,
            context,
            told,
            are_epochs_told: false,
            transactions: TransactionWalk::default(),
        };
        let mut on_batch = |file: &File, header: &BatchHeader, position: u64| {
            visitor.on_batch(name, file, header, position);
        };
        Some(check.run(&entries, &mut on_batch))
    }

    fn held(&self, directory: usize) -> BTreeMap<TopicIdPartition, Held> {
        let partitions = self.directories[directory].partitions.iter();
        partitions
            .filter_map(|(folder, facts)| {
                let (_, partition) = parse_partition_folder(folder)?;
                let id = TopicIdPartition {
                    topic_id: facts.topic_id?,
                    partition,
                };
                let held = Held {
                    folder: folder.clone(),
                    end_offset: facts.first_offset.map(|_| facts.end_offset),
                    is_damaged: facts.is_damaged,
                    predecessor: facts.predecessor,
                };
                Some((id, held))
            })
            .collect()
    }

    fn log_ranges(
        &self,
        directory: usize,
        reached: &BTreeMap<TopicIdPartition, Offset>,
    ) -> BTreeMap<TopicPartition, LogRange> {
        let partitions = self.directories[directory].partitions.iter();
        partitions
            .filter_map(|(folder, facts)| {
                let (topic, partition) = parse_partition_folder(folder)?;
                let at = TopicPartition {
                    topic: topic.into(),
                    partition,
                };
                let id = facts.topic_id.map(|topic_id| TopicIdPartition {
                    topic_id,
                    partition,
                });
                let with_journal = id.and_then(|id| reached.get(&id).copied());
                let registration = self.registration(&at);
                let range = LogRange {
                    first_offset: facts.first_offset.unwrap_or(0),
                    end_offset: with_journal.unwrap_or(facts.end_offset),
                    is_damaged: facts.is_damaged || facts.is_cut_off,
                    is_alone: registration.is_some_and(|found| found.replicas.len() == 1),
                };
                Some((at, range))
            })
            .collect()
    }

    /// What a crash cut off is no fault where the journal has it.
    fn tell_cut_off(
        &mut self,
        scope: &Scope,
        directory: usize,
        reached: &BTreeMap<TopicIdPartition, Offset>,
        told: &mut Told,
    ) {
        let path = &scope.paths[directory];
        for (folder, facts) in &mut self.directories[directory].partitions {
            let Some(cut_off) = facts.cut_off.take() else {
                continue;
            };
            let id = facts.topic_id.zip(parse_partition_folder(folder));
            let id = id.map(|(topic_id, (_, partition))| TopicIdPartition {
                topic_id,
                partition,
            });
            let has_it = id.is_some_and(|id| reached.get(&id) > Some(&facts.end_offset));
            if has_it {
                facts.is_cut_off = false;
                let what = "a write was cut off by a crash; the journal has what it wrote";
                told.find(Finding::new(directory, path.join(folder), what).of(folder));
            } else {
                told.find(cut_off);
            }
        }
    }

    /// Partitions that this node has, and no folder for.
    fn check_missing_folders(&self, scope: &Scope, told: &mut Told) {
        let (Some(image), Some(node)) = (self.image(), self.node_id()) else {
            return;
        };
        let mut log_directories = (0..scope.log_directories).map(|at| (at, &self.directories[at]));
        let are_clean = log_directories.all(|(at, of)| of.is_clean || scope.strict.contains(&at));
        if !are_clean {
            // One may have been made just before the crash.
            return;
        }
        for (_, topic) in image.topics.iter() {
            for (partition, registration) in topic.partitions.iter() {
                let folder = partition_folder(&topic.name, *partition);
                let mut directories = self.directories.iter();
                let is_there = directories.any(|of| of.partitions.contains_key(&folder));
                if is_there || !registration.replicas.contains(&node) {
                    continue;
                }
                let by_hand = Mending::ByHand("restore it from a copy, or mount its disk");
                let path = scope.paths[0].join(&folder);
                let finding = Finding::new(0, path, "the folder of the partition is missing");
                told.find(finding.of(&folder).fault(by_hand));
            }
        }
    }
}

/// What a folder of a log directory holds.
pub fn list(
    disk: &mut PlainDisk,
    directory: usize,
    folder: &str,
    told: &mut Told,
) -> Vec<FolderEntry> {
    let path = StoragePath::new(DirectoryIndex::at(directory), folder);
    let full = disk.full_path(&path);
    match disk.perform(StorageRequest::List { path }) {
        Ok(StorageOutcome::Entries(entries)) => entries,
        Ok(_) => Vec::new(),
        Err(failure) => {
            let by_hand = Mending::ByHand("see the kernel's log about the disk");
            told.find(Finding::new(directory, full, failure.to_string()).fault(by_hand));
            Vec::new()
        }
    }
}
