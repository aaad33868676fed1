//! Mending what can be mended: each log is opened as the broker opens it after a crash, with what
//! the journals have of it, and closed as at a clean stop. What is rebuilt is removed before, so
//! that the opening makes it anew.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;

use crate::admin::counted;
use crate::config::TopicConfig;
use crate::log::checkpoint::{
    CLEANED_OFFSETS, HIGH_WATERMARKS, LOG_START_OFFSETS, RECOVERY_POINTS, encode_offsets,
    encode_partition_metadata,
};
use crate::log::storage::{
    DirectoryIndex, Durability, StorageOutbox, StorageOwner, StoragePath, StorageRequest,
};
use crate::log::{
    FileKind, LEADER_EPOCHS, Log, LogIdentity, LogProgress, OpenMode, PARTITION_METADATA,
    parse_partition_folder, partition_folder,
};
use crate::metadata::{
    BOOTSTRAP, CLEAN_MARK, META_PROPERTIES, MetaProperties, encode_bootstrap, encode_clean_mark,
};
use crate::model::{Offset, TopicIdPartition, TopicPartition, Uuid};
use crate::quorum::{ELECTION_STATE, ElectionState, METADATA_FOLDER, metadata_log_config};
use crate::runtime::{PlainDisk, wall_ms};
use crate::stdx::{Instant, Now, Random};

use super::checkpoints::Checkpoints;
use super::finding::{Finding, Mending, Told};
use super::survey::{Scope, Survey, list};

/// Where a log that was closed begins and ends.
struct Closed {
    start_offset: Offset,
    end_offset: Offset,
    first_dirty_offset: Offset,
}

/// The mending of what a survey has found.
pub struct Repair<'a> {
    scope: &'a Scope,
    survey: &'a Survey,
    /// By log directory and folder, or no folder.
    faults: BTreeMap<(usize, Option<String>), Vec<Finding>>,
    disk: PlainDisk,
    now: Now,
    told: &'a mut Told,
}

impl<'a> Repair<'a> {
    /// What `survey` has found is to be mended as far as it can be.
    pub fn new(
        scope: &'a Scope,
        survey: &'a Survey,
        faults: Vec<Finding>,
        told: &'a mut Told,
    ) -> Self {
        let mut by_place: BTreeMap<(usize, Option<String>), Vec<Finding>> = BTreeMap::new();
        for fault in faults {
            let place = (fault.directory, fault.folder.clone());
            by_place.entry(place).or_default().push(fault);
        }
        Self {
            scope,
            survey,
            faults: by_place,
            disk: PlainDisk::new(scope.paths.clone()),
            now: Now {
                instant: Instant::from_nanos(0),
                wall_ms: wall_ms(),
            },
            told,
        }
    }

    /// Mend. Returns the directories whose logs are all as a clean stop leaves them.
    pub fn run(mut self) -> BTreeSet<usize> {
        let mut whole = BTreeSet::new();
        for directory in 0..self.scope.paths.len() {
            if !self.is_to_be_changed(directory) {
                whole.insert(directory);
                continue;
            }
            // From the first change on the mark is a lie.
            self.remove(directory, CLEAN_MARK);
            self.mend_root(directory);
            let mut are_all_closed = true;
            if directory == self.scope.metadata_directory {
                are_all_closed &= self.mend_metadata(directory);
            }
            if directory < self.scope.log_directories {
                are_all_closed &= self.mend_partitions(directory);
            }
            if are_all_closed {
                whole.insert(directory);
            }
        }
        whole
    }

    fn is_to_be_changed(&self, directory: usize) -> bool {
        let of = &self.survey.directories[directory];
        let of_directory = self.faults.iter().filter(|((at, _), _)| *at == directory);
        let mut faults = of_directory.flat_map(|(_, faults)| faults);
        !of.is_clean || !of.journals.names.is_empty() || faults.any(Finding::is_repairable)
    }

    fn mendings(&self, directory: usize, folder: Option<&str>) -> Vec<Mending> {
        let place = (directory, folder.map(str::to_owned));
        let faults = self.faults.get(&place).into_iter().flatten();
        faults.filter_map(|fault| fault.mending.clone()).collect()
    }

    fn path(directory: usize, relative: &str) -> StoragePath {
        StoragePath::new(DirectoryIndex::at(directory), relative)
    }

    fn perform(&mut self, request: StorageRequest) -> bool {
        match self.disk.perform(request) {
            Ok(_) => true,
            Err(failure) => {
                let directory = usize::from(failure.path.directory.0);
                self.fail(directory, None, &failure.path.relative, failure.to_string());
                false
            }
        }
    }

    fn remove(&mut self, directory: usize, relative: &str) -> bool {
        let path = Self::path(directory, relative);
        self.perform(StorageRequest::Remove { path })
    }

    fn replace(&mut self, directory: usize, relative: &str, contents: Bytes) {
        let path = Self::path(directory, relative);
        let full = self.disk.full_path(&path);
        if self.perform(StorageRequest::ReplaceFile { path, contents }) {
            self.told
                .repaired(format!("{} is written anew", full.display()));
        }
    }

    /// Something could not be mended.
    fn fail(&mut self, directory: usize, folder: Option<&str>, relative: &str, what: String) {
        let by_hand = Mending::ByHand("see to it, and repair once more");
        let path = self.scope.paths[directory].join(relative);
        let mut finding = Finding::new(directory, path, what).fault(by_hand);
        finding.folder = folder.map(str::to_owned);
        self.told.find(finding);
    }

    fn mend_root(&mut self, directory: usize) {
        let mendings = self.mendings(directory, None);
        if mendings.contains(&Mending::Properties)
            && let Ok(file) = std::fs::read(self.scope.paths[directory].join(META_PROPERTIES))
            && let Some(before) = MetaProperties::without_changed_bit(&file)
        {
            self.replace(directory, META_PROPERTIES, before);
        }
        if mendings.contains(&Mending::CleanMark) {
            // It is when all that is to be repaired has been.
            let path = self.scope.paths[directory].join(CLEAN_MARK);
            self.told
                .repaired(format!("{} is written anew", path.display()));
        }
        if mendings.contains(&Mending::Bootstrap)
            && let Some(image) = self.survey.image()
        {
            let features = image.features.iter();
            let features = features.map(|(name, level)| (name.clone(), *level));
            let contents = encode_bootstrap(features.collect(), self.now.wall_ms);
            self.replace(directory, BOOTSTRAP, contents);
        }
    }

    fn mend_metadata(&mut self, directory: usize) -> bool {
        let mendings = self.mendings(directory, Some(METADATA_FOLDER));
        let faults = self
            .faults
            .get(&(directory, Some(METADATA_FOLDER.to_owned())));
        let snapshots: Vec<_> = faults
            .into_iter()
            .flatten()
            .filter(|fault| fault.mending == Some(Mending::MetadataSnapshot))
            .filter_map(|fault| Some(fault.file.file_name()?.to_str()?.to_owned()))
            .collect();
        for name in snapshots {
            if self.remove(directory, &format!("{METADATA_FOLDER}/{name}")) {
                self.told
                    .repaired(format!("{METADATA_FOLDER}/{name} is removed"));
            }
        }
        if mendings.contains(&Mending::ElectionState) {
            let state = ElectionState {
                leader_id: self.survey.node_id(),
                leader_epoch: self.survey.metadata.epoch,
                voted: None,
            };
            let relative = format!("{METADATA_FOLDER}/{ELECTION_STATE}");
            self.replace(directory, &relative, state.encode());
        }
        if !self.wants_opening(directory, METADATA_FOLDER, &mendings) {
            return true;
        }
        if is_blocked(&mendings) {
            return self.survey.directories[directory].is_clean;
        }
        let (segment_bytes, segment_ms) = self.scope.metadata_log;
        let config = metadata_log_config(segment_bytes, segment_ms);
        let mode = OpenMode::Existing {
            is_clean: false,
            log_start_offset: None,
            recovery_point: None,
        };
        let id = TopicIdPartition {
            topic_id: Uuid::METADATA_TOPIC,
            partition: 0,
        };
        self.prepare(directory, METADATA_FOLDER, id.topic_id, &mendings)
            && self
                .close_log(directory, METADATA_FOLDER, id, config, mode, 0)
                .is_some()
    }

    /// Mend the partitions of a log directory, then its checkpoint files.
    fn mend_partitions(&mut self, directory: usize) -> bool {
        let of = &self.survey.directories[directory];
        let mut are_all_closed = true;
        let mut closed = BTreeMap::new();
        let made = self.folders_to_make(directory);
        let folders = of.partitions.keys().cloned().chain(made);
        for folder in folders.collect::<Vec<_>>() {
            let mendings = self.mendings(directory, Some(&folder));
            if !self.wants_opening(directory, &folder, &mendings) {
                continue;
            }
            // How a log is opened depends on the settings of its topic.
            let is_sure = (of.is_clean || !of.journals.is_damaged) && self.survey.image().is_some();
            if is_blocked(&mendings) || !is_sure {
                // After a clean stop it stays as that left it.
                are_all_closed &= of.is_clean;
                continue;
            }
            match self.mend_partition(directory, &folder, &mendings) {
                Some(found) => drop(closed.insert(folder, found)),
                None => are_all_closed = false,
            }
        }
        let are_broken = self.faults.iter().any(|((at, _), faults)| {
            let mut faults = faults.iter();
            *at == directory && faults.any(|fault| fault.mending == Some(Mending::Checkpoints))
        });
        if are_broken || (are_all_closed && !of.is_clean) || !closed.is_empty() {
            self.write_checkpoints(directory, &closed);
        }
        are_all_closed
    }

    /// Partitions that belong here and have no folder: a crash came before it was made. One that
    /// is known to have had records is missing.
    fn folders_to_make(&self, directory: usize) -> Vec<String> {
        let of = &self.survey.directories[directory];
        let (Some(image), Some(node)) = (self.survey.image(), self.survey.node_id()) else {
            return Vec::new();
        };
        if of.is_clean {
            return Vec::new();
        }
        let own_id = self.survey.properties[directory].as_ref();
        let own_id = own_id.and_then(|properties| properties.directory_id);
        let mut folders = Vec::new();
        for (topic_id, topic) in image.topics.iter() {
            for (partition, registration) in topic.partitions.iter() {
                let folder = partition_folder(&topic.name, *partition);
                let mut directories = self.survey.directories.iter();
                let is_there = directories.any(|of| of.partitions.contains_key(&folder));
                let assigned = registration.directory_of(node);
                let is_alone = self.scope.log_directories == 1 && assigned.is_some();
                let id = TopicIdPartition {
                    topic_id: *topic_id,
                    partition: *partition,
                };
                let at = TopicPartition {
                    topic: topic.name.clone(),
                    partition: *partition,
                };
                let said = of.checkpoints.recovery_points.get(&at).copied();
                let reached = said.max(of.journals.reached(&id)).unwrap_or(0);
                let is_here = is_alone || (assigned.is_some() && assigned == own_id);
                if is_here && !is_there && reached == 0 {
                    folders.push(folder);
                }
            }
        }
        folders
    }

    fn wants_opening(&self, directory: usize, folder: &str, mendings: &[Mending]) -> bool {
        let of = &self.survey.directories[directory];
        let is_of_log = |mending: &Mending| {
            matches!(
                mending,
                Mending::Indexes(_)
                    | Mending::Snapshot(_)
                    | Mending::LeaderEpochs
                    | Mending::PartitionMetadata
            )
        };
        !of.is_clean
            || mendings.iter().any(is_of_log)
            || self
                .id_of(directory, folder)
                .is_some_and(|id| of.journals.batches.contains_key(&id))
    }

    fn id_of(&self, directory: usize, folder: &str) -> Option<TopicIdPartition> {
        let (topic, partition) = parse_partition_folder(folder)?;
        let of = &self.survey.directories[directory];
        let said = of.partitions.get(folder).and_then(|facts| facts.topic_id);
        let known = || self.survey.image()?.topic_ids.get(topic).copied();
        Some(TopicIdPartition {
            topic_id: said.or_else(known)?,
            partition,
        })
    }

    fn mend_partition(
        &mut self,
        directory: usize,
        folder: &str,
        mendings: &[Mending],
    ) -> Option<Closed> {
        let survey = self.survey;
        let of = &survey.directories[directory];
        let (topic, partition) = parse_partition_folder(folder)?;
        let at = TopicPartition {
            topic: topic.into(),
            partition,
        };
        let Some(id) = self.id_of(directory, folder) else {
            let what = "its topic's id is not known".to_owned();
            self.fail(directory, Some(folder), folder, what);
            return None;
        };
        let end = of.logs.get(&at).map(|log| log.end_offset);
        let within = |offsets: &BTreeMap<TopicPartition, Offset>| {
            let offset = offsets.get(&at).copied();
            offset.filter(|offset| *offset >= 0 && Some(*offset) <= end)
        };
        let said = &of.checkpoints;
        let mode = match of.partitions.contains_key(folder) {
            false => OpenMode::Create,
            true => OpenMode::Existing {
                is_clean: false,
                log_start_offset: survey
                    .log_start(directory, folder, &at)
                    .filter(|offset| *offset >= 0 && Some(*offset) <= end),
                recovery_point: within(&said.recovery_points),
            },
        };
        let first_dirty = within(&said.cleaned_offsets).unwrap_or(0);
        let config = survey.topic_config(self.scope, topic);
        if !self.prepare(directory, folder, id.topic_id, mendings) {
            return None;
        }
        self.close_log(directory, folder, id, config, mode, first_dirty)
    }

    /// Remove what is to be made anew.
    fn prepare(
        &mut self,
        directory: usize,
        folder: &str,
        topic_id: Uuid,
        mendings: &[Mending],
    ) -> bool {
        let entries = list(&mut self.disk, directory, folder, self.told);
        let found = entries
            .iter()
            .filter_map(|entry| FileKind::parse(&entry.name));
        let found: Vec<(Offset, FileKind)> = found.collect();
        let mut removed = BTreeSet::new();
        for mending in mendings {
            match mending {
                Mending::Indexes(base_offset) => {
                    removed.insert(FileKind::OffsetIndex.name(*base_offset));
                    removed.insert(FileKind::TimeIndex.name(*base_offset));
                    removed.insert(FileKind::TransactionIndex.name(*base_offset));
                }
                // It follows from an older one and the segments between; so do those behind it.
                Mending::Snapshot(offset) => {
                    let segment = found.iter().filter(|(base_offset, kind)| {
                        *kind == FileKind::Log && base_offset < offset
                    });
                    let first = segment.map(|(base_offset, _)| *base_offset).max();
                    for (at, kind) in &found {
                        let is_behind = match kind {
                            FileKind::Snapshot => at >= offset,
                            FileKind::OffsetIndex => Some(*at) >= first,
                            _ => false,
                        };
                        if is_behind {
                            removed.insert(kind.name(*at));
                        }
                    }
                }
                Mending::LeaderEpochs => {
                    removed.insert(LEADER_EPOCHS.to_owned());
                    let indexes = found
                        .iter()
                        .filter(|(_, kind)| *kind == FileKind::OffsetIndex);
                    removed.extend(indexes.map(|(at, kind)| kind.name(*at)));
                }
                Mending::PartitionMetadata => {
                    let relative = format!("{folder}/{PARTITION_METADATA}");
                    let contents = encode_partition_metadata(topic_id);
                    self.replace(directory, &relative, contents);
                }
                _ => {}
            }
        }
        let mut removed = removed.into_iter();
        removed.all(|name| self.remove(directory, &format!("{folder}/{name}")))
    }

    /// Open a log as after a crash, and close it.
    fn close_log(
        &mut self,
        directory: usize,
        folder: &str,
        id: TopicIdPartition,
        config: TopicConfig,
        mode: OpenMode,
        first_dirty_offset: Offset,
    ) -> Option<Closed> {
        let (topic, _) = parse_partition_folder(folder)?;
        let identity = LogIdentity {
            topic: Arc::from(topic),
            topic_id: id.topic_id,
            partition: id.partition,
            folder: Self::path(directory, folder),
            owner: StorageOwner::default(),
        };
        let mut log = Log::open(identity, Arc::new(config), mode, Random::from_seed(0));
        log.inherit_first_dirty_offset(first_dirty_offset);
        let batches = &self.survey.directories[directory].journals.batches;
        let inherited = batches.get(&id).cloned().unwrap_or_default();
        let found = self.survey.directories[directory].partitions.get(folder);
        let end_before = found.map_or(0, |facts| facts.end_offset);
        let has_journal = !inherited.is_empty();
        log.inherit_journal(inherited);
        let opened = self.settle(&mut log);
        if opened != Some(LogProgress::Opened) {
            self.fail_log(directory, folder, opened);
            return None;
        }
        let closed = Closed {
            start_offset: log.log_start_offset(),
            end_offset: log.log_end_offset(),
            first_dirty_offset: log.first_dirty_offset(),
        };
        log.close(Durability::Synced);
        let ended = self.settle(&mut log);
        if ended != Some(LogProgress::Closed) {
            self.fail_log(directory, folder, ended);
            return None;
        }
        let drained = closed.end_offset - end_before.max(closed.start_offset);
        let mut what = format!("{folder} is closed as at a clean stop");
        if has_journal && drained > 0 {
            let drained = counted(usize::try_from(drained).unwrap_or(usize::MAX), "record");
            what.push_str(&format!(", with {drained} that only the journal had"));
        }
        self.told.repaired(what);
        Some(closed)
    }

    fn fail_log(&mut self, directory: usize, folder: &str, progress: Option<LogProgress>) {
        let what = match progress {
            Some(LogProgress::Failed(failure)) => failure.to_string(),
            Some(LogProgress::SpaceLacking(failure)) => failure.to_string(),
            other => format!("it cannot be closed: {other:?}"),
        };
        self.fail(directory, Some(folder), folder, what);
    }

    /// Have the log do what it can. Returns the last thing that it told of itself.
    fn settle(&mut self, log: &mut Log) -> Option<LogProgress> {
        let mut outbox = StorageOutbox::default();
        let mut told = None;
        loop {
            log.flush(self.now, &mut outbox);
            while let Some(progress) = log.next_progress() {
                if !matches!(progress, LogProgress::DurableAdvanced { .. }) {
                    told = Some(progress);
                }
            }
            let Some((ticket, request)) = outbox.next_request() else {
                return told;
            };
            let result = self.disk.perform(request);
            log.on_storage(self.now, ticket.sequence, result);
        }
    }

    fn write_checkpoints(&mut self, directory: usize, closed: &BTreeMap<String, Closed>) {
        let survey = self.survey;
        let of = &survey.directories[directory];
        let said = &of.checkpoints;
        let mut written = Checkpoints::default();
        let folders = of.partitions.keys().chain(closed.keys());
        for folder in folders.collect::<BTreeSet<_>>() {
            let Some((topic, partition)) = parse_partition_folder(folder) else {
                continue;
            };
            let at = TopicPartition {
                topic: topic.into(),
                partition,
            };
            let is_left = is_blocked(&self.mendings(directory, Some(folder)));
            let (start, end, first_dirty) = match (closed.get(folder), of.logs.get(&at)) {
                (Some(log), _) => (log.start_offset, log.end_offset, log.first_dirty_offset),
                (None, Some(log)) if !is_left => {
                    let within = |offset: Option<&Offset>| {
                        let offset = offset.copied().filter(|offset| *offset <= log.end_offset);
                        offset.unwrap_or(0)
                    };
                    let start = survey.log_start(directory, folder, &at);
                    let start = within(start.as_ref()).max(log.first_offset);
                    (start, log.end_offset, within(said.cleaned_offsets.get(&at)))
                }
                _ => {
                    copy(&said.recovery_points, &mut written.recovery_points, &at);
                    copy(&said.high_watermarks, &mut written.high_watermarks, &at);
                    copy(&said.log_start_offsets, &mut written.log_start_offsets, &at);
                    copy(&said.cleaned_offsets, &mut written.cleaned_offsets, &at);
                    continue;
                }
            };
            let registration = survey.registration(&at);
            let is_alone = registration.is_none_or(|found| found.replicas.len() == 1);
            let said = said.high_watermarks.get(&at).copied().unwrap_or(start);
            let high_watermark = if is_alone {
                end
            } else {
                said.clamp(start, end)
            };
            written.recovery_points.insert(at.clone(), end);
            written.high_watermarks.insert(at.clone(), high_watermark);
            if start > 0 {
                written.log_start_offsets.insert(at.clone(), start);
            }
            if first_dirty > 0 {
                written.cleaned_offsets.insert(at, first_dirty);
            }
        }
        for (name, offsets) in [
            (CLEANED_OFFSETS, &written.cleaned_offsets),
            (LOG_START_OFFSETS, &written.log_start_offsets),
            (RECOVERY_POINTS, &written.recovery_points),
            (HIGH_WATERMARKS, &written.high_watermarks),
        ] {
            self.replace(directory, name, encode_offsets(offsets));
        }
    }
}

/// Where nothing is left to be mended, let the journals go and mark a log directory as closed
/// cleanly. Those that had the mark, the directories `marked`, get it back whatever is left.
pub fn finish(
    scope: &Scope,
    survey: &Survey,
    (whole, marked): (&BTreeSet<usize>, &BTreeSet<usize>),
    told: &mut Told,
) {
    let faulty: BTreeSet<usize> = told.faults.iter().map(|fault| fault.directory).collect();
    let mut disk = PlainDisk::new(scope.paths.clone());
    let is_to_be_finished = |at: &usize| !faulty.contains(at) || marked.contains(at);
    for directory in whole.iter().copied().filter(is_to_be_finished) {
        let journals = &survey.directories[directory].journals;
        let journals = journals.names.iter().chain(&journals.checkpoints);
        let is_marked = survey.directories[directory].is_clean;
        let journals = journals.filter(|_| !faulty.contains(&directory) && !is_marked);
        let journals = journals.map(|name| StorageRequest::Remove {
            path: StoragePath::new(DirectoryIndex::at(directory), name),
        });
        let mark = StorageRequest::ReplaceFile {
            path: StoragePath::new(DirectoryIndex::at(directory), CLEAN_MARK),
            contents: encode_clean_mark(survey.broker_epoch()),
        };
        let wants_mark = directory < scope.log_directories && !is_marked;
        for request in journals.chain(wants_mark.then_some(mark)) {
            if let Err(failure) = disk.perform(request) {
                let path = scope.paths[directory].clone();
                let by_hand = Mending::ByHand("see to it, and repair once more");
                told.find(Finding::new(directory, path, failure.to_string()).fault(by_hand));
                break;
            }
        }
        if wants_mark && !marked.contains(&directory) {
            let path = scope.paths[directory].display();
            told.repaired(format!(
                "{path} is marked as closed cleanly: Apache Kafka can open it"
            ));
        }
    }
}

/// True if something is for the operator alone to mend: then nothing is changed.
fn is_blocked(mendings: &[Mending]) -> bool {
    mendings
        .iter()
        .any(|mending| matches!(mending, Mending::ByHand(_)))
}

fn copy(
    from: &BTreeMap<TopicPartition, Offset>,
    to: &mut BTreeMap<TopicPartition, Offset>,
    at: &TopicPartition,
) {
    if let Some(offset) = from.get(at) {
        to.insert(at.clone(), *offset);
    }
}
