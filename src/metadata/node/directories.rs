//! The log directories at the start: whose they are, what new ones need.
//!
//! The metadata log may have a directory for itself. It is formatted like the others, but it is no
//! log directory: it is not registered, and has no mark of a clean stop, since Apache Kafka, which
//! knows none there, would leave a mark of ours while it writes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use crate::log::parse_partition_folder;
use crate::log::storage::{
    DirectoryIndex, FolderEntry, StorageFailure, StorageOutbox, StorageOutcome, StoragePath,
    StorageRequest, StorageResult,
};
use crate::model::{TimestampMs, Uuid};
use crate::protocol::messages::{FeatureLevelRecord, MetadataRecord};
use crate::quorum::{METADATA_FOLDER, SnapshotId, Voter, decode_snapshot, encode_snapshot};
use crate::stdx::Now;

use super::super::controller::Controller;
use super::super::features::METADATA_VERSION;
use super::super::record::{METADATA_VERSION_MAX, decode_record, encode_record};
use super::properties::{self, MetaProperties};
use super::takeover::{FILE_NAME as TAKEOVER, Takeover};
use super::{Founding, HaltCause, MetadataNode, NodeSettings, OpenDirectory, Phase};

/// The features that a cluster begins with, as records.
pub(crate) const BOOTSTRAP: &str = "bootstrap.checkpoint";

/// Kafka's mark of a clean stop.
pub(crate) const CLEAN_MARK: &str = ".kafka_cleanshutdown";

/// What may lie in a directory that is not formatted: a lock, what `mkfs` leaves, what a format
/// that was interrupted left, what the runtime noted of the disk.
const HARMLESS: [&str; 4] = [".lock", "lost+found", BOOTSTRAP, "forebay-sync-method"];

/// Files with which the runtime tries out the disk begin so.
const PROBE: &str = ".direct-io-";

/// Files that Kafka makes empty before it has anything to put there.
const CHECKPOINTS: [&str; 4] = [
    "cleaner-offset-checkpoint",
    "log-start-offset-checkpoint",
    "recovery-point-offset-checkpoint",
    "replication-offset-checkpoint",
];

/// The directories as they are used from now on.
#[derive(Debug)]
pub(super) struct Directories {
    pub cluster_id: Arc<str>,
    /// The log directories, in the order of `log.dirs`.
    pub open: Vec<OpenDirectory>,
    /// The directory of the metadata log, which may be one of them.
    pub metadata: OpenDirectory,
    /// The features that the cluster begins with; what is wrong with the file that says so
    /// matters only if it did not begin yet.
    pub bootstrap_features: Result<Vec<(String, i16)>, String>,
    /// The directory of each partition's folder.
    pub folders: BTreeMap<String, Uuid>,
    /// The note that what Apache Kafka left was checked.
    pub takeover: Option<Takeover>,
    /// The epoch of the broker when it stopped, if all log directories tell of the same clean stop.
    pub clean_epoch: Option<i64>,
}

impl Directories {
    /// The ids of those that are not given up.
    pub(super) fn online(&self) -> Vec<Uuid> {
        let online = self.open.iter().filter(|open| !open.is_offline);
        online.map(|open| open.id).collect()
    }
}

/// What the directories need before they are used.
#[derive(Debug)]
pub(super) struct Plan {
    pub directories: Directories,
    /// One after the other: each may rely on those before.
    pub steps: VecDeque<StorageRequest>,
    /// What is done before the first write to data that are there, once it is known that they can
    /// be used.
    pub claims: VecDeque<StorageRequest>,
    /// The places of the directories that are formatted by the steps.
    pub formatted: Vec<usize>,
}

/// What was found in one directory.
#[derive(Debug, Default)]
struct Report {
    entries: Vec<FolderEntry>,
    properties: Option<Bytes>,
    clean_mark: Option<Bytes>,
    metadata_folder: Vec<FolderEntry>,
    bootstrap: Option<Bytes>,
    takeover: Option<Bytes>,
    /// Why it cannot be used.
    failure: Option<StorageFailure>,
}

#[derive(Clone, Copy, Debug)]
enum Question {
    Entries,
    Properties,
    CleanMark,
    MetadataFolder,
    Bootstrap,
    Takeover,
}

/// Looking at all directories.
#[derive(Debug)]
pub(super) struct Inspection {
    metadata_index: usize,
    reports: Vec<Report>,
    /// What is still to be asked, then what was asked and not answered.
    questions: VecDeque<(usize, Question)>,
    asked: BTreeMap<u64, (usize, Question)>,
}

impl Inspection {
    pub(super) fn new(settings: &NodeSettings) -> Self {
        let count = settings.directories_count();
        let all = [
            Question::Entries,
            Question::Properties,
            Question::CleanMark,
            Question::MetadataFolder,
            Question::Bootstrap,
            Question::Takeover,
        ];
        let questions = (0..count)
            .flat_map(|index| all.into_iter().map(move |question| (index, question)))
            .collect();
        Self {
            metadata_index: usize::from(settings.metadata_directory.0),
            reports: (0..count).map(|_| Report::default()).collect(),
            questions,
            asked: BTreeMap::new(),
        }
    }

    /// The requests to make, in the order in which [`Inspection::on_submitted`] is told of them.
    pub(super) fn requests(&self) -> Vec<StorageRequest> {
        let request = |(index, question): &(usize, Question)| {
            let root = root(*index);
            match question {
                Question::Entries => StorageRequest::List { path: root },
                Question::Properties => StorageRequest::ReadFile {
                    path: root.join(properties::FILE_NAME),
                },
                Question::CleanMark => StorageRequest::ReadFile {
                    path: root.join(CLEAN_MARK),
                },
                Question::MetadataFolder => StorageRequest::List {
                    path: root.join(METADATA_FOLDER),
                },
                Question::Bootstrap => StorageRequest::ReadFile {
                    path: root.join(BOOTSTRAP),
                },
                Question::Takeover => StorageRequest::ReadFile {
                    path: root.join(TAKEOVER),
                },
            }
        };
        self.questions.iter().map(request).collect()
    }

    /// The next request got this number.
    pub(super) fn on_submitted(&mut self, sequence: u64) {
        if let Some(question) = self.questions.pop_front() {
            self.asked.insert(sequence, question);
        }
    }

    /// An answer came; true if it was the last one.
    ///
    /// # Errors
    /// If the directory of the metadata log cannot be read. Any other is left out then.
    pub(super) fn on_result(
        &mut self,
        sequence: u64,
        result: StorageResult,
    ) -> Result<bool, StorageFailure> {
        let asked = self.asked.remove(&sequence);
        let (index, question) =
            asked.expect("a request completes once, and only what was asked for");
        let report = &mut self.reports[index];
        let outcome = match result {
            Ok(outcome) => outcome,
            Err(failure) if index == self.metadata_index => return Err(failure),
            Err(failure) => {
                report.failure.get_or_insert(failure);
                return Ok(self.asked.is_empty());
            }
        };
        match (question, outcome) {
            (Question::Entries, StorageOutcome::Entries(entries)) => report.entries = entries,
            (Question::MetadataFolder, StorageOutcome::Entries(entries)) => {
                report.metadata_folder = entries;
            }
            (Question::Properties, StorageOutcome::Data(file)) => report.properties = Some(file),
            (Question::CleanMark, StorageOutcome::Data(file)) => report.clean_mark = Some(file),
            (Question::Bootstrap, StorageOutcome::Data(file)) => report.bootstrap = Some(file),
            (Question::Takeover, StorageOutcome::Data(file)) => report.takeover = Some(file),
            _ => {}
        }
        Ok(self.asked.is_empty())
    }

    /// Whether a node that starts may make the directories those of a cluster, if they are of none:
    /// one whose settings tell of no quorum does. Where they do, an operator has to say so, for a
    /// disk that is not mounted, or a wrong path, would else become a node without its past, which
    /// votes and is asked for records as if it were the one that had them.
    ///
    /// # Errors
    /// One line that says what to do.
    fn check_formatted(&self, settings: &NodeSettings, founding: &Founding) -> Result<(), String> {
        let identities = self.identities(settings);
        let is_new = identities.is_ok_and(|all| all.iter().all(Option::is_none));
        let is_told = settings.cluster_id.is_some() || !settings.config.quorum.are_given();
        if !is_new || is_told {
            return Ok(());
        }
        let config = &settings.config;
        let begins = match config.roles.controller && !config.quorum.are_several() {
            true => {
                founding.check(settings)?;
                ", or without `--cluster-id ID` to begin one"
            }
            false => "",
        };
        Err(format!(
            "{} is not formatted: if it is the right directory, and its disk is mounted, run \
             `forebay format --cluster-id ID --config {}` with the id of the cluster{begins}",
            settings.metadata_directory_name(),
            settings.settings.file_name().unwrap_or("FILE")
        ))
    }

    /// What to do with the directories.
    ///
    /// # Errors
    /// One line that says which of them cannot be used, and why.
    pub(super) fn conclude(
        self,
        settings: &NodeSettings,
        (founding, features): (&Founding, &[(String, i16)]),
        controller: &mut Controller,
        now_ms: TimestampMs,
    ) -> Result<Plan, String> {
        let identities = self.identities(settings)?;
        let metadata_index = usize::from(settings.metadata_directory.0);
        let found = identities.iter().flatten().next().cloned();
        if found.is_none() {
            founding.check(settings)?;
        }
        let cluster_id = match (&found, &settings.cluster_id) {
            (Some(found), _) => found.cluster_id.clone(),
            (None, Some(given)) => given.clone(),
            (None, None) => controller.draw_id().to_string(),
        };
        if let (Some(other), Some(None)) = (
            identities.iter().position(Option::is_some),
            identities.get(metadata_index),
        ) {
            return Err(format!(
                "{} holds data of cluster {cluster_id}, but {}, where its metadata should be, is \
                 empty: was a disk not mounted, or were metadata.log.dir or the order of log.dirs \
                 changed?",
                settings.directory_name(other),
                settings.metadata_directory_name(),
            ));
        }
        let (mut steps, mut claims) = (VecDeque::new(), VecDeque::new());
        let (mut open, mut formatted) =
            self.open_all((settings, founding), controller, identities, &mut claims);
        // The metadata's directory comes first: a format that is interrupted behind it goes on as
        // one that has got new directories.
        formatted.sort_by_key(|(index, _, _)| *index != metadata_index);
        for (index, id, has_data) in formatted.iter().copied() {
            if !has_data {
                let is_metadata = index == metadata_index;
                let voters = is_metadata.then(|| founding.voters(settings, id)).flatten();
                format_steps(&mut steps, index, (voters, features), now_ms);
            }
            let properties = MetaProperties {
                cluster_id: cluster_id.clone(),
                node_id: settings.config.node_id,
                directory_id: Some(id),
            };
            steps.push_back(StorageRequest::ReplaceFile {
                path: root(index).join(properties::FILE_NAME),
                contents: properties.encode(),
            });
        }
        let bootstrap = self.reports[metadata_index].bootstrap.as_ref();
        let bootstrap_features = match bootstrap.filter(|_| found.is_some()) {
            Some(file) => decode_bootstrap(file).map_err(|why| format!("{BOOTSTRAP} {why}")),
            None => Ok(features.to_vec()),
        };
        let metadata = open[metadata_index];
        open.truncate(settings.config.log_dirs.len());
        if open.iter().all(|open| open.is_offline) {
            return Err("no log directory can be used".to_owned());
        }
        let folders = self.folders(&open);
        let takeover = self.reports[metadata_index].takeover.as_ref();
        Ok(Plan {
            directories: Directories {
                cluster_id: Arc::from(cluster_id),
                open,
                metadata,
                bootstrap_features,
                folders,
                takeover: takeover.and_then(|file| Takeover::decode(file)),
                clean_epoch: self.clean_epoch(settings.config.log_dirs.len()),
            },
            steps,
            claims,
            formatted: formatted.into_iter().map(|(index, _, _)| index).collect(),
        })
    }

    /// The directories as they are used from now on, and the places, ids and whether there is data
    /// of those that lack something of a format. `claims` takes what each needs before it is
    /// written to.
    fn open_all(
        &self,
        (settings, founding): (&NodeSettings, &Founding),
        controller: &mut Controller,
        identities: Vec<Option<MetaProperties>>,
        claims: &mut VecDeque<StorageRequest>,
    ) -> (Vec<OpenDirectory>, Vec<(usize, Uuid, bool)>) {
        let mut open = Vec::new();
        let mut formatted = Vec::new();
        for (index, identity) in identities.into_iter().enumerate() {
            if let Some(failure) = &self.reports[index].failure {
                let name = settings.directory_name(index);
                tracing::error!(
                    "log directory {name} is offline until the next start, with all its \
                     partitions: {failure}"
                );
                open.push(OpenDirectory {
                    id: Uuid::ZERO,
                    is_clean: false,
                    is_offline: true,
                });
                continue;
            }
            let known = identity.as_ref().and_then(|identity| identity.directory_id);
            let is_metadata = index == usize::from(settings.metadata_directory.0);
            let given = founding.directory_of(settings.config.node_id);
            let given = given.filter(|_| is_metadata && identity.is_none());
            let id = known.or(given).unwrap_or_else(|| controller.draw_id());
            if known.is_none() {
                formatted.push((index, id, identity.is_some()));
            }
            let has_mark = self.reports[index].clean_mark.is_some();
            if has_mark {
                // From the first write on the mark is a lie.
                let path = root(index).join(CLEAN_MARK);
                claims.push_back(StorageRequest::Remove { path });
            }
            let is_clean = has_mark && settings.is_log_directory(index);
            open.push(OpenDirectory {
                id,
                is_clean,
                is_offline: false,
            });
        }
        (open, formatted)
    }

    /// What each directory says of itself; `None` for one that is to be formatted.
    fn identities(&self, settings: &NodeSettings) -> Result<Vec<Option<MetaProperties>>, String> {
        let mut identities: Vec<Option<MetaProperties>> = Vec::new();
        let mut ids = BTreeSet::new();
        for (index, report) in self.reports.iter().enumerate() {
            let name = settings.directory_name(index);
            if report.failure.is_some() {
                identities.push(None);
                continue;
            }
            let Some(file) = &report.properties else {
                report.check_unformatted(name)?;
                identities.push(None);
                continue;
            };
            let found = MetaProperties::decode(file)
                .map_err(|why| format!("{name}/{} {why}", properties::FILE_NAME))?;
            let node_id = settings.config.node_id;
            if found.node_id != node_id {
                return Err(format!(
                    "{name} belongs to node {}, but this is node {node_id}: set node.id={} or use \
                     another directory",
                    found.node_id, found.node_id
                ));
            }
            if let Some(given) = &settings.cluster_id
                && *given != found.cluster_id
            {
                return Err(format!(
                    "{name} belongs to cluster {}, but this node is of cluster {given}",
                    found.cluster_id
                ));
            }
            if let Some((other, earlier)) = identities
                .iter()
                .enumerate()
                .find_map(|(other, identity)| Some((other, identity.as_ref()?)))
                && earlier.cluster_id != found.cluster_id
            {
                return Err(format!(
                    "{name} belongs to cluster {}, but {} to cluster {}: the log directories of a \
                     node belong to one cluster",
                    found.cluster_id,
                    settings.directory_name(other),
                    earlier.cluster_id
                ));
            }
            if let Some(id) = found.directory_id
                && !ids.insert(id)
            {
                return Err(format!(
                    "{name} has the directory id {id} of another log directory: one is a copy of \
                     the other"
                ));
            }
            identities.push(Some(found));
        }
        Ok(identities)
    }

    /// The epoch in which the broker stopped, if it stopped cleanly in all log directories.
    fn clean_epoch(&self, log_dirs: usize) -> Option<i64> {
        let marks = self.reports.iter().take(log_dirs);
        let mut epochs = marks.map(|report| decode_clean_mark(report.clean_mark.as_ref()?));
        let first = epochs.next()??;
        epochs.all(|epoch| epoch == Some(first)).then_some(first)
    }

    fn folders(&self, open: &[OpenDirectory]) -> BTreeMap<String, Uuid> {
        let mut folders = BTreeMap::new();
        let directories = self.reports.iter().zip(open);
        for (report, open) in directories.filter(|(_, open)| !open.is_offline) {
            for entry in &report.entries {
                if entry.is_folder && parse_partition_folder(&entry.name).is_some() {
                    folders.insert(entry.name.clone(), open.id);
                }
            }
        }
        folders
    }
}

/// What a node's directories need to be used, of which none is in use.
#[derive(Debug)]
pub(crate) struct FormatPlan {
    /// The id of the cluster that they belong to.
    pub cluster_id: String,
    /// The places of those that are not formatted.
    pub formatted: Vec<usize>,
    /// One after the other.
    pub steps: VecDeque<StorageRequest>,
}

/// What is to be done to format the directories of the node in `settings`, whose quorum begins as
/// `founding` says, where `perform` looks at them.
///
/// # Errors
/// One line that says which of them cannot be used, and why.
pub(crate) fn plan_format(
    settings: &mut NodeSettings,
    founding: &Founding,
    now_ms: TimestampMs,
    perform: impl FnMut(StorageRequest) -> StorageResult,
) -> Result<FormatPlan, String> {
    plan_format_with(settings, (founding, &default_features()), now_ms, perform)
}

/// The same for a cluster that begins with these features, if it is a new one.
///
/// # Errors
/// As there.
pub(crate) fn plan_format_with(
    settings: &mut NodeSettings,
    begins: (&Founding, &[(String, i16)]),
    now_ms: TimestampMs,
    mut perform: impl FnMut(StorageRequest) -> StorageResult,
) -> Result<FormatPlan, String> {
    let mut inspection = Inspection::new(settings);
    for (request, sequence) in inspection.requests().into_iter().zip(0..) {
        inspection.on_submitted(sequence);
        let result = perform(request);
        let answered = inspection.on_result(sequence, result);
        answered.map_err(|failure| failure.to_string())?;
    }
    let node_id = settings.config.node_id;
    let mut controller = Controller::new(node_id, settings.random.fork());
    let plan = inspection.conclude(settings, begins, &mut controller, now_ms)?;
    Ok(FormatPlan {
        cluster_id: plan.directories.cluster_id.to_string(),
        formatted: plan.formatted,
        steps: plan.steps,
    })
}

impl MetadataNode {
    /// Every directory was looked at: go on with them, or say why not.
    pub(super) fn prepare(&mut self, now: Now, outbox: &mut StorageOutbox) {
        let Phase::Inspecting(inspection) = std::mem::replace(&mut self.phase, Phase::New) else {
            return;
        };
        let founding = Founding::AsConfigured;
        if let Err(reason) = inspection.check_formatted(&self.settings, &founding) {
            return self.halt(HaltCause::UnusableData(reason));
        }
        let controller = &mut self.controller;
        let begins = (&founding, &default_features()[..]);
        match inspection.conclude(&self.settings, begins, controller, now.wall_ms) {
            Ok(Plan {
                directories,
                steps,
                claims,
                ..
            }) => {
                self.directories = Some(directories);
                self.phase = Phase::Preparing(steps, claims);
                self.next_step(now, outbox);
            }
            Err(reason) => self.halt(HaltCause::UnusableData(reason)),
        }
    }

    pub(super) fn mark_clean(&mut self, now: Now, outbox: &mut StorageOutbox) {
        let epoch = self.broker_epoch();
        let count = self.settings.config.log_dirs.len();
        let steps = clean_marks(count, &self.unclean, epoch);
        self.phase = Phase::Marking(steps);
        self.next_step(now, outbox);
    }

    /// So much may be written to each log directory; one that is not named does not tell.
    pub fn on_room(&mut self, usable_bytes: BTreeMap<Uuid, u64>) {
        self.controller.on_room(usable_bytes);
    }

    /// The log directory at `index` is given up until the next start: nobody leads its partitions
    /// any more.
    pub fn give_up(&mut self, now: Now, index: DirectoryIndex) {
        let Some(directories) = &mut self.directories else {
            return;
        };
        let directory = &mut directories.open[usize::from(index.0)];
        directory.is_offline = true;
        let (failed, online) = (directory.id, directories.online());
        if let Some(lifecycle) = &mut self.joining.lifecycle {
            return lifecycle.on_directory_failed(now.instant, failed);
        }
        // Before it registers, the node tells with that which directories it has.
        if matches!(self.phase, Phase::Active) {
            let (controller, view) = self.deciding();
            let records = controller.failure_records(view, failed, online);
            self.append_parts(now, &records);
        }
    }
}

impl Report {
    /// A directory without `meta.properties` must not hold what somebody may miss.
    fn check_unformatted(&self, name: &str) -> Result<(), String> {
        let is_harmless = |entry: &&FolderEntry| {
            HARMLESS.contains(&entry.name.as_str())
                || (entry.name == METADATA_FOLDER && self.is_metadata_folder_unused())
                || (CHECKPOINTS.contains(&entry.name.as_str()) && entry.length == 0)
                || entry.name.ends_with(".tmp")
                || entry.name.starts_with(PROBE)
        };
        match self.entries.iter().find(|entry| !is_harmless(entry)) {
            None => Ok(()),
            Some(entry) => Err(format!(
                "{name} has no {} but is not empty, it holds {}: restore the file, or use an \
                 empty directory",
                properties::FILE_NAME,
                entry.name
            )),
        }
    }

    /// True if nothing but the format's snapshot is there.
    fn is_metadata_folder_unused(&self) -> bool {
        let first = SnapshotId::default().file_name();
        self.metadata_folder
            .iter()
            .all(|entry| entry.name == first || entry.name.ends_with(".tmp"))
    }
}

/// The requests that mark every directory but the `unclean` as closed cleanly. Kafka finds the
/// broker's epoch in the mark, by which it knows that no stop in between was unclean (KIP-966).
fn clean_marks(
    count: usize,
    unclean: &BTreeSet<DirectoryIndex>,
    broker_epoch: Option<i64>,
) -> VecDeque<StorageRequest> {
    let contents = encode_clean_mark(broker_epoch);
    let is_clean = |index: &usize| !unclean.iter().any(|one| usize::from(one.0) == *index);
    (0..count)
        .filter(is_clean)
        .map(|index| StorageRequest::ReplaceFile {
            path: root(index).join(CLEAN_MARK),
            contents: contents.clone(),
        })
        .collect()
}

/// The mark of a clean stop.
pub(crate) fn encode_clean_mark(broker_epoch: Option<i64>) -> Bytes {
    let epoch = broker_epoch.unwrap_or(-1);
    Bytes::from(format!("{{\"version\":0,\"brokerEpoch\":{epoch}}}"))
}

/// The broker's epoch in the mark of a clean stop, if it has one.
fn decode_clean_mark(file: &Bytes) -> Option<i64> {
    let mark: serde_json::Value = serde_json::from_slice(file).ok()?;
    mark["brokerEpoch"].as_i64().filter(|epoch| *epoch >= 0)
}

/// What a new directory gets before its `meta.properties`, which says that it is complete.
fn format_steps(
    steps: &mut VecDeque<StorageRequest>,
    index: usize,
    (voters, features): (Option<Vec<Voter>>, &[(String, i16)]),
    now_ms: TimestampMs,
) {
    if let Some(voters) = voters {
        let folder = root(index).join(METADATA_FOLDER);
        let contents = encode_snapshot(0, now_ms, now_ms, Some(&voters), std::iter::empty());
        steps.push_back(StorageRequest::CreateFolder {
            path: folder.clone(),
        });
        steps.push_back(StorageRequest::ReplaceFile {
            path: folder.join(&SnapshotId::default().file_name()),
            contents,
        });
    }
    steps.push_back(StorageRequest::ReplaceFile {
        path: root(index).join(BOOTSTRAP),
        contents: encode_bootstrap(features.to_vec(), now_ms),
    });
}

/// The file of the features that a cluster begins with.
pub(crate) fn encode_bootstrap(features: Vec<(String, i16)>, now_ms: TimestampMs) -> Bytes {
    let values = features.into_iter().map(|(name, feature_level)| {
        let record = FeatureLevelRecord {
            name,
            feature_level,
            ..FeatureLevelRecord::default()
        };
        encode_record(&MetadataRecord::from(record), METADATA_VERSION_MAX)
    });
    encode_snapshot(0, now_ms, 0, None, values)
}

/// The features that a new cluster begins with.
fn default_features() -> Vec<(String, i16)> {
    vec![(METADATA_VERSION.to_owned(), METADATA_VERSION_MAX)]
}

/// The features in a `bootstrap.checkpoint`, which may be Kafka's.
pub(crate) fn decode_bootstrap(file: &Bytes) -> Result<Vec<(String, i16)>, String> {
    let contents = decode_snapshot(file).map_err(|why| format!("cannot be used: {why}"))?;
    let mut features = Vec::new();
    for value in &contents.values {
        let record = decode_record(value).map_err(|error| error.to_string())?;
        if let MetadataRecord::FeatureLevel(record) = record {
            features.push((record.name, record.feature_level));
        }
    }
    if features.iter().any(|(name, _)| name == METADATA_VERSION) {
        Ok(features)
    } else {
        Err(format!("has no level of {METADATA_VERSION}"))
    }
}

fn root(index: usize) -> StoragePath {
    let index = u16::try_from(index).expect("log directories are counted in 16 bits");
    StoragePath::new(DirectoryIndex(index), "")
}
