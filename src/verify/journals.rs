//! The journals that a crash left in a log directory: whether they are whole, and what they hold
//! that no segment has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bytes::Bytes;

use crate::admin::counted;
use crate::journal::{
    CheckpointFault, JournalFault, checkpoint_epoch, decode_checkpoint, identity_of, inspect,
    parse_file_name,
};
use crate::log::storage::FolderEntry;
use crate::log::{JournalPlace, JournalledBatches, end_of_resume_point};
use crate::model::{Offset, TopicIdPartition, Uuid};
use crate::protocol::record_batch::Batches;

use super::finding::{Finding, Mending, Told};
use super::identity::read_small;

/// Of what a journal held there is no other copy.
const RESTORE: Mending = Mending::ByHand(
    "acknowledged records may be missing; move it away to start without what it holds",
);

/// An entry that may have been acknowledged, or not.
const UNFINISHED: Mending = Mending::ByHand(
    "if a crash cut off its write, nobody was told that it is durable: start the broker and stop \
     it, and it goes on without",
);

/// Of another broker, or a newer one.
const LEFT_AS_IT_IS: Mending = Mending::ByHand("it is left as it is");

/// The end of a log is lost.
const MISSING_RECORDS: Mending =
    Mending::ByHand("records are missing at the end of the log: restore it from a copy");

/// What the journals of one directory come to.
#[derive(Debug, Default)]
pub struct Journals {
    /// The files, the oldest first.
    pub names: Vec<String>,
    /// Batches of each partition, in the order of writing.
    pub batches: BTreeMap<TopicIdPartition, Vec<JournalledBatches>>,
    /// True if one of them cannot be relied upon.
    pub is_damaged: bool,
    /// The files that say from where a start reads the logs.
    pub checkpoints: Vec<String>,
    /// How far the logs reached in their segments when those were written, by the files that say
    /// so.
    points: BTreeMap<TopicIdPartition, Vec<(Offset, String)>>,
}

/// What the segments of a partition have.
#[derive(Clone, Debug)]
pub struct Held {
    pub folder: String,
    /// The offset behind their last record; `None` if there are no segments.
    pub end_offset: Option<Offset>,
    pub is_damaged: bool,
    /// What is said up to there is of an earlier replica.
    pub predecessor: Option<JournalPlace>,
}

impl Held {
    /// True if what is said there is of this log.
    fn owns(&self, place: JournalPlace) -> bool {
        self.predecessor.is_none_or(|before| place > before)
    }
}

impl Journals {
    /// Read the journals among `entries` of the log directory with the id `id`.
    pub fn read(
        directory: usize,
        path: &Path,
        id: Option<Uuid>,
        entries: &[FolderEntry],
        told: &mut Told,
    ) -> Self {
        let mut journals = Self::default();
        let files = entries.iter().filter(|entry| !entry.is_folder);
        let mut names: Vec<_> = files
            .filter_map(|entry| Some((parse_file_name(&entry.name)?, &entry.name)))
            .collect();
        names.sort_by_key(|((shard, epoch), _)| (*epoch, *shard));
        for (_, name) in names {
            journals.names.push(name.clone());
            let path = path.join(name);
            let Some(file) = read_small(directory, &path, told) else {
                journals.is_damaged = true;
                continue;
            };
            journals.add(directory, &path, id, &file, told);
            told.progress.advance(file.len() as u64, name);
        }
        for entry in entries {
            if checkpoint_epoch(&entry.name).is_some() {
                journals.read_checkpoint(directory, path, id, &entry.name, told);
            }
        }
        journals
    }

    fn read_checkpoint(
        &mut self,
        directory: usize,
        path: &Path,
        id: Option<Uuid>,
        name: &str,
        told: &mut Told,
    ) {
        self.checkpoints.push(name.to_owned());
        let path = path.join(name);
        let (Some(file), Some(id)) = (read_small(directory, &path, told), id) else {
            return;
        };
        let points = match decode_checkpoint(&file, id) {
            Ok(points) => points,
            Err(fault) => {
                let mending = match fault {
                    CheckpointFault::Damaged => Mending::ResumePoints,
                    CheckpointFault::Foreign(_) | CheckpointFault::Newer(_) => LEFT_AS_IT_IS,
                };
                let finding = Finding::new(directory, path, fault.to_string());
                told.find(finding.fault(mending));
                return;
            }
        };
        for (partition, point) in points {
            let Some(end_offset) = end_of_resume_point(&point) else {
                let what = "what it has of a partition cannot be read";
                let finding = Finding::new(directory, path.clone(), what);
                told.find(finding.fault(Mending::ResumePoints));
                continue;
            };
            let known = self.points.entry(partition).or_default();
            known.push((end_offset, name.to_owned()));
        }
    }

    /// How far a log is known to have reached in its segments.
    pub fn reached(&self, partition: &TopicIdPartition) -> Option<Offset> {
        let points = self.points.get(partition)?.iter();
        points.map(|(end_offset, _)| *end_offset).max()
    }

    /// Whether the logs reach as far as they did, with what the journals have.
    pub fn check_reach(
        &self,
        directory: usize,
        path: &Path,
        held: &BTreeMap<TopicIdPartition, Held>,
        reached: &BTreeMap<TopicIdPartition, Offset>,
        told: &mut Told,
    ) {
        for (partition, points) in &self.points {
            let Some(held) = held.get(partition).filter(|held| !held.is_damaged) else {
                continue;
            };
            let is_own = |(_, name): &&(Offset, String)| {
                let epoch = checkpoint_epoch(name).unwrap_or(0);
                held.owns(JournalPlace { epoch, entry: 0 })
            };
            let Some((end_offset, name)) = points.iter().filter(is_own).max() else {
                continue;
            };
            let end = reached.get(partition).copied().or(held.end_offset);
            if end.unwrap_or(0) < *end_offset {
                let what = format!(
                    "the log reached offset {end_offset}, but it ends at {}",
                    end.unwrap_or(0)
                );
                let finding = Finding::new(directory, path.join(name), what).of(&held.folder);
                told.find(finding.offset(end.unwrap_or(0)).fault(MISSING_RECORDS));
            }
        }
    }

    fn add(
        &mut self,
        directory: usize,
        path: &Path,
        id: Option<Uuid>,
        file: &Bytes,
        told: &mut Told,
    ) {
        let found = |what: String| Finding::new(directory, path.to_owned(), what);
        // Without the directory's id it is taken to be the right one.
        let own = identity_of(file).map(|identity| identity.directory);
        let inspected = inspect(file, id.or(own).unwrap_or(Uuid::ZERO));
        // What makes a replay impossible is told once.
        let stains = inspected.stains.iter();
        for (byte, what) in stains.filter(|_| inspected.replayed.is_ok()) {
            told.find(found((*what).to_owned()).at(*byte).fault(Mending::Journal));
        }
        if let Some(byte) = inspected.unfinished {
            self.is_damaged = true;
            told.find(
                found("an entry is not whole".to_owned())
                    .at(byte)
                    .fault(UNFINISHED),
            );
        }
        match inspected.replayed {
            Ok(replayed) => {
                for (partition, batches) in replayed.parts {
                    self.batches.entry(partition).or_default().push(batches);
                }
            }
            Err(fault) => {
                self.is_damaged = true;
                let finding = match &fault {
                    JournalFault::Damaged(byte, what) => {
                        found((*what).to_owned()).at(*byte).fault(RESTORE)
                    }
                    JournalFault::NewerFormat(_) | JournalFault::Foreign(_) => {
                        found(fault.to_string()).fault(LEFT_AS_IT_IS)
                    }
                };
                told.find(finding);
            }
        }
    }

    /// Compare what they hold with the segments. Returns where each partition's log ends with it.
    pub fn check(
        &self,
        directory: usize,
        path: &Path,
        held: &BTreeMap<TopicIdPartition, Held>,
        told: &mut Told,
    ) -> BTreeMap<TopicIdPartition, Offset> {
        let mut reached = BTreeMap::new();
        let mut records = 0;
        let mut partitions = BTreeSet::new();
        let file = path.join(self.names.last().map_or("", String::as_str));
        for (partition, parts) in &self.batches {
            // A topic that is deleted needs nothing any more.
            let Some(held) = held.get(partition) else {
                continue;
            };
            let (end, missing) = match reach(parts, held) {
                Ok(reached) => reached,
                Err((offset, what)) => {
                    if !held.is_damaged {
                        let fault = Finding::new(directory, file.clone(), what).of(&held.folder);
                        told.find(fault.offset(offset).fault(RESTORE));
                    }
                    continue;
                }
            };
            reached.insert(*partition, end);
            if missing > 0 {
                records += missing;
                partitions.insert(*partition);
            }
        }
        if records > 0 {
            let what = format!(
                "{} of {} are only in the journal: start the broker, or drain it with --repair \
                 before Apache Kafka opens the directory",
                counted(usize::try_from(records).unwrap_or(usize::MAX), "record"),
                counted(partitions.len(), "partition")
            );
            told.find(Finding::new(directory, file, what));
        }
        reached
    }
}

/// Where the log ends with `parts`, and how many records the segments lack; else where it cannot
/// go on, and why.
fn reach(parts: &[JournalledBatches], held: &Held) -> Result<(Offset, i64), (Offset, String)> {
    let mut end = held.end_offset;
    let mut missing = 0;
    for part in parts.iter().filter(|part| held.owns(part.place)) {
        let mut batches = Batches::new(part.batches.clone());
        while batches.remaining() > 0 {
            let unreadable = |reason: String| (end.unwrap_or(0), reason);
            let batch = match batches.next_whole() {
                Ok(Some(batch)) => batch,
                Ok(None) => return Err(unreadable("a batch in it ends early".to_owned())),
                Err(error) => return Err(unreadable(error.to_string())),
            };
            let at = end.unwrap_or(batch.base_offset());
            if batch.next_offset() <= at {
                continue;
            }
            if batch.base_offset() != at {
                let first = batch.base_offset();
                let what = format!("it goes on at offset {first}, but the log ends at {at}");
                return Err((at, what));
            }
            batch
                .verify_crc()
                .map_err(|error| unreadable(error.to_string()))?;
            missing += batch.next_offset() - batch.base_offset();
            end = Some(batch.next_offset());
        }
    }
    Ok((end.unwrap_or(0), missing))
}
