//! The folder of one partition: its segments one behind the other, and the files beside them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::PathBuf;

use crate::admin::counted;
use crate::log::checkpoint::{LOG_START_OFFSETS, decode_partition_metadata};
use crate::log::storage::FolderEntry;
use crate::log::{
    AbortedTransactions, CLEANED, DELETED, FileKind, JournalPlace, LEADER_EPOCHS, LeaderEpochs,
    PARTITION_METADATA, PREDECESSOR, SWAP, decode_predecessor, decode_snapshot,
};
use crate::model::{LeaderEpoch, Offset, ProducerId, Uuid};
use crate::protocol::record_batch::BatchHeader;

use super::finding::{Finding, Mending, Told};
use super::indexes::{OffsetWalk, TimeWalk};
use super::segment::{Expected, Follow, SegmentCheck, SegmentFacts, SegmentFault, Tail};
use super::transactions::TransactionWalk;
use super::window::Window;

/// A batch that is not what was written is nobody's to mend: what it held is not known.
const DAMAGED_RECORDS: Mending = Mending::ByHand(
    "it is left as it is: the broker serves what is sound, restore the rest from a copy",
);

/// The bytes behind the last whole batch, after a crash.
const CUT_OFF: Mending = Mending::ByHand(
    "if a crash cut off a write that nobody was told to be durable, start the broker and stop it: \
     it cuts the file there",
);

/// What is known of a partition besides its folder.
#[derive(Clone, Debug, Default)]
pub struct PartitionContext {
    /// True after a clean stop: every file then has its last form.
    pub is_clean: bool,
    /// True if records may have been compacted away.
    pub may_have_gaps: bool,
    /// True if that may be so in the last segment too.
    pub may_have_gaps_at_end: bool,
    /// What the cluster's metadata say is the topic's id.
    pub topic_id: Option<Uuid>,
    /// The epoch of its leader according to them.
    pub leader_epoch: Option<LeaderEpoch>,
    /// From `log-start-offset-checkpoint`.
    pub log_start_offset: Option<Offset>,
    /// True if that file is damaged, so that it may have said something.
    pub is_start_doubtful: bool,
}

/// What was found of a partition.
#[derive(Clone, Debug, Default)]
pub struct PartitionFacts {
    pub topic_id: Option<Uuid>,
    /// Up to where journals and checkpoints tell of an earlier replica.
    pub predecessor: Option<JournalPlace>,
    /// The base offset of the first segment; `None` if there is none.
    pub first_offset: Option<Offset>,
    /// The offset behind the last batch of the segments.
    pub end_offset: Offset,
    pub batches: u64,
    /// Where `leader-epoch-checkpoint` begins, which is where the log does.
    pub epochs_start: Option<Offset>,
    /// True if a batch is damaged, so that nothing is to be changed.
    pub is_damaged: bool,
    /// True if the end of the last segment is no batch.
    pub is_cut_off: bool,
    /// What is to be told of that, unless the journal has what was cut off.
    pub cut_off: Option<Finding>,
}

/// A visitor of the batches of a partition; the file is where they can be read from.
pub type OnBatch<'a> = &'a mut dyn FnMut(&File, &BatchHeader, u64);

#[derive(Clone, Copy, Debug, Default)]
struct Files {
    log_bytes: Option<u64>,
    has_offset_index: bool,
    has_time_index: bool,
    has_transaction_index: bool,
}

impl Files {
    const fn is_sealed(self) -> bool {
        self.has_offset_index && self.has_time_index
    }
}

/// The check of one folder.
pub struct PartitionCheck<'a> {
    pub directory: usize,
    pub folder: &'a str,
    pub path: PathBuf,
    pub context: PartitionContext,
    pub told: &'a mut Told,
    /// True once `leader-epoch-checkpoint` was told to be wrong.
    pub are_epochs_told: bool,
    pub transactions: TransactionWalk,
}

impl PartitionCheck<'_> {
    /// Check all that `entries` lists.
    pub fn run(&mut self, entries: &[FolderEntry], on_batch: OnBatch<'_>) -> PartitionFacts {
        let (segments, snapshots) = self.sort(entries);
        let mut facts = PartitionFacts {
            topic_id: self.check_metadata(entries),
            predecessor: self.read_predecessor(entries),
            ..PartitionFacts::default()
        };
        let has_records = segments.values().any(|files| files.log_bytes > Some(0));
        let epochs = self.read_epochs(entries, has_records);
        let is_interrupted = entries.iter().any(|entry| entry.name.ends_with(SWAP));
        let bases: Vec<Offset> = segments.keys().copied().collect();
        let mut reached: Option<Offset> = None;
        for (index, (base_offset, files)) in segments.iter().enumerate() {
            let next = bases.get(index + 1).copied();
            if !is_interrupted {
                self.check_place(*base_offset, reached, &mut facts, || {
                    segments
                        .range(*base_offset..)
                        .all(|(_, files)| files.log_bytes == Some(0))
                });
            }
            let next = next.filter(|_| !is_interrupted);
            let is_last = index + 1 == bases.len();
            let found = self.check_segment(*base_offset, *files, next, is_last, &epochs, on_batch);
            let Some(found) = found else {
                facts.is_damaged = true;
                reached = None;
                continue;
            };
            facts.batches += found.batches;
            facts.is_damaged |= found.is_damaged;
            if let Tail::NoBatch(reason) = &found.tail {
                facts.is_cut_off = true;
                facts.cut_off = Some(self.cut_off(*base_offset, &found, reason));
            }
            facts.first_offset = facts.first_offset.or(Some(*base_offset));
            facts.end_offset = found.next_offset;
            reached = (!found.is_damaged).then_some(found.next_offset);
        }
        self.check_snapshots(&snapshots, &facts);
        if let Some(epochs) = &epochs {
            facts.epochs_start = epochs.first().map(|first| first.start_offset);
            self.check_epoch_ends(epochs, &facts);
        }
        facts
    }

    fn finding(&self, name: &str, what: impl Into<String>) -> Finding {
        Finding::new(self.directory, self.path.join(name), what).of(self.folder)
    }

    /// Tell the files of segments from each other, and say what is left of work that a crash or a
    /// stop interrupted.
    fn sort(&mut self, entries: &[FolderEntry]) -> (BTreeMap<Offset, Files>, Vec<Offset>) {
        let mut segments: BTreeMap<Offset, Files> = BTreeMap::new();
        let mut snapshots = Vec::new();
        let names = entries.iter().map(|entry| &entry.name);
        let deleted = names.filter(|name| name.ends_with(DELETED)).count();
        if deleted > 0 {
            let what = format!("{} still to be removed", counted(deleted, "deleted file"));
            let note = Finding::new(self.directory, self.path.clone(), what).of(self.folder);
            self.told.find(note);
        }
        for entry in entries.iter().filter(|entry| !entry.is_folder) {
            for (end, what) in [
                (CLEANED, "what a compaction wrote before it was interrupted"),
                (SWAP, "what an interrupted compaction is to put in place"),
            ] {
                if entry.name.ends_with(end) {
                    let note = self.finding(&entry.name, what);
                    self.told.find(note);
                }
            }
            let Some((base_offset, kind)) = FileKind::parse(&entry.name) else {
                continue;
            };
            if kind == FileKind::Snapshot {
                snapshots.push(base_offset);
                continue;
            }
            let files = segments.entry(base_offset).or_default();
            match kind {
                FileKind::Log => files.log_bytes = Some(entry.length),
                FileKind::OffsetIndex => files.has_offset_index = true,
                FileKind::TimeIndex => files.has_time_index = true,
                FileKind::TransactionIndex => files.has_transaction_index = true,
                FileKind::Snapshot => {}
            }
        }
        let orphans: Vec<Offset> = segments
            .iter()
            .filter(|(_, files)| files.log_bytes.is_none())
            .map(|(base_offset, _)| *base_offset)
            .collect();
        for base_offset in orphans {
            let name = FileKind::Log.name(base_offset);
            let note = self.finding(&name, "an index is there without this segment");
            self.told.find(note);
        }
        segments.retain(|_, files| files.log_bytes.is_some());
        (segments, snapshots)
    }

    fn read(&mut self, name: &str) -> Option<Vec<u8>> {
        match std::fs::read(self.path.join(name)) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                let what = format!("it cannot be read: {error}");
                let by_hand = Mending::ByHand("see the kernel's log about the disk");
                let fault = self.finding(name, what).fault(by_hand);
                self.told.find(fault);
                None
            }
        }
    }

    /// The topic's id, if the folder says it and it is the right one.
    fn check_metadata(&mut self, entries: &[FolderEntry]) -> Option<Uuid> {
        let name = PARTITION_METADATA;
        let mending = |is_known: bool| match is_known {
            true => Mending::PartitionMetadata,
            false => Mending::ByHand("restore it: the topic's id is known nowhere else"),
        };
        let expected = self.context.topic_id;
        if !has(entries, name) {
            // Nothing is written to a folder before it says whose it is.
            if entries
                .iter()
                .any(|entry| FileKind::parse(&entry.name).is_some())
            {
                let fault = self
                    .finding(name, "it is missing")
                    .fault(mending(expected.is_some()));
                self.told.find(fault);
            }
            return expected;
        }
        let file = self.read(name)?;
        let Some(found) = decode_partition_metadata(&file) else {
            let fault = self.finding(name, "it does not say of which topic the folder is");
            self.told.find(fault.fault(mending(expected.is_some())));
            return expected;
        };
        let text = String::from_utf8_lossy(&file);
        if !text.trim_end().ends_with(&found.to_string()) {
            let fault = self.finding(name, "the topic's id is not written as ids are");
            self.told.find(fault.fault(mending(expected.is_some())));
            return Some(expected.unwrap_or(found));
        }
        match expected {
            Some(expected) if expected != found => {
                let what = format!("it has topic id {found}, but the topic has id {expected}");
                // An id that differs in one place was changed; another one is of another topic.
                let is_changed = differences(&found.to_string(), &expected.to_string()) == 1;
                let mending = match is_changed {
                    true => Mending::PartitionMetadata,
                    false => Mending::ByHand(
                        "the records are of another topic: the broker sets the folder aside",
                    ),
                };
                let fault = self.finding(name, what).fault(mending);
                self.told.find(fault);
                is_changed.then_some(expected)
            }
            _ => Some(found),
        }
    }

    fn read_predecessor(&mut self, entries: &[FolderEntry]) -> Option<JournalPlace> {
        let name = PREDECESSOR;
        let file = has(entries, name).then(|| self.read(name))??;
        let place = decode_predecessor(&file);
        if place.is_none() {
            let by_hand = Mending::ByHand(
                "nobody knows what in the journals is of this replica: if other brokers have the \
                 partition, move the folder away",
            );
            let fault = self.finding(name, "it is none").fault(by_hand);
            self.told.find(fault);
        }
        place
    }

    fn read_epochs(&mut self, entries: &[FolderEntry], has_records: bool) -> Option<LeaderEpochs> {
        let name = LEADER_EPOCHS;
        if !has(entries, name) {
            if has_records && self.context.is_clean {
                let fault = self
                    .finding(name, "it is missing")
                    .fault(Mending::LeaderEpochs);
                self.told.find(fault);
            }
            return None;
        }
        let file = self.read(name)?;
        match LeaderEpochs::decode(&file) {
            Ok(epochs) => Some(epochs),
            Err(error) => {
                let fault = self.finding(name, error.to_string());
                self.told.find(fault.fault(Mending::LeaderEpochs));
                None
            }
        }
    }

    /// Whether the segment at `base_offset` goes on where the one before ended.
    fn check_place(
        &mut self,
        base_offset: Offset,
        reached: Option<Offset>,
        facts: &mut PartitionFacts,
        is_rest_empty: impl FnOnce() -> bool,
    ) {
        let Some(reached) = reached else {
            return;
        };
        let name = FileKind::Log.name(base_offset);
        let what = if reached > base_offset {
            format!("it begins at offset {base_offset}, but the segment before reaches {reached}")
        } else if reached < base_offset && !self.context.may_have_gaps {
            // A crash may leave segments that nothing was written to yet.
            if !self.context.is_clean && is_rest_empty() {
                return;
            }
            format!("the records from offset {reached} to {base_offset} are missing before it")
        } else {
            return;
        };
        facts.is_damaged = true;
        let fault = self.finding(&name, what).offset(reached);
        self.told.find(fault.fault(DAMAGED_RECORDS));
    }

    fn check_segment(
        &mut self,
        base_offset: Offset,
        files: Files,
        next_base_offset: Option<Offset>,
        is_last: bool,
        epochs: &Option<LeaderEpochs>,
        on_batch: OnBatch<'_>,
    ) -> Option<SegmentFacts> {
        let length = files.log_bytes.unwrap_or(0);
        let is_clean = self.context.is_clean;
        let is_final = is_clean || (files.is_sealed() && !is_last);
        let offset_index = self.index(base_offset, FileKind::OffsetIndex, files, is_final);
        let offset_walk = offset_index.map(|file| OffsetWalk::new(&file, base_offset, length));
        let time_index = self.index(base_offset, FileKind::TimeIndex, files, is_final);
        let time_walk = time_index.map(|file| TimeWalk::new(&file, base_offset));
        let gaps = self.context.may_have_gaps && (!is_last || self.context.may_have_gaps_at_end);
        let expected = Expected {
            base_offset,
            length,
            is_dense: !gaps,
            next_base_offset,
            ends_exactly: is_final,
            epochs: epochs.as_ref(),
            may_have_newer_epochs: !is_clean,
            leader_epoch: self.context.leader_epoch,
        };
        let name = FileKind::Log.name(base_offset);
        let path = self.path.join(&name);
        let found = File::open(&path).and_then(|file| {
            let mut following = Following {
                check: self,
                name: &name,
                base_offset,
                file: &file,
                on_batch,
            };
            let check = SegmentCheck::new(expected, Window::new(&file), offset_walk, time_walk);
            check.run(&mut following)
        });
        let aborted = self.transactions.take_aborted();
        let is_sound = found.as_ref().is_ok_and(|found| !found.is_damaged);
        // Of what was compacted fewer may be left to tell of.
        let must_tell_all = is_final && is_sound && !self.context.may_have_gaps;
        let aborted = if must_tell_all { &*aborted } else { &[] };
        self.check_transaction_index(base_offset, files, aborted);
        match found {
            Ok(found) => Some(found),
            Err(error) => {
                let what = format!("it cannot be read: {error}");
                let fault = self.finding(&name, what).fault(DAMAGED_RECORDS);
                self.told.find(fault);
                None
            }
        }
    }

    fn cut_off(&self, base_offset: Offset, found: &SegmentFacts, reason: &str) -> Finding {
        let what = format!("behind the last batch that is whole, {reason}");
        let finding = self.finding(&FileKind::Log.name(base_offset), what);
        finding
            .at(found.end)
            .offset(found.next_offset)
            .fault(CUT_OFF)
    }

    /// An index that is to be checked: one of a segment that nothing is written to any more.
    fn index(
        &mut self,
        base_offset: Offset,
        kind: FileKind,
        files: Files,
        is_final: bool,
    ) -> Option<Vec<u8>> {
        let is_there = match kind {
            FileKind::OffsetIndex => files.has_offset_index,
            _ => files.has_time_index,
        };
        let name = kind.name(base_offset);
        if is_final && !is_there && files.log_bytes > Some(0) {
            let fault = self.finding(&name, "it is missing");
            self.told.find(fault.fault(Mending::Indexes(base_offset)));
        }
        (is_final && is_there).then(|| self.read(&name)).flatten()
    }

    /// The index of aborted transactions, which is to tell of those that are `aborted`.
    fn check_transaction_index(
        &mut self,
        base_offset: Offset,
        files: Files,
        aborted: &[(ProducerId, Offset)],
    ) {
        let name = FileKind::TransactionIndex.name(base_offset);
        let mut told = AbortedTransactions::default();
        if files.has_transaction_index {
            let Some(file) = self.read(&name) else {
                return;
            };
            if let Err(at) = told.push_file(base_offset, &file) {
                let fault = self.finding(&name, "no entry of an aborted transaction is there");
                let fault = fault.at(at as u64);
                self.told.find(fault.fault(Mending::Indexes(base_offset)));
                return;
            }
        }
        let told = told.ended_in(base_offset, Offset::MAX).iter();
        let told: BTreeSet<_> = told.map(|one| (one.producer_id, one.last_offset)).collect();
        if let Some((producer_id, last)) = aborted.iter().find(|one| !told.contains(one)) {
            let what = format!("it does not tell of what producer {producer_id} aborted there");
            let fault = self.finding(&name, what).offset(*last);
            self.told.find(fault.fault(Mending::Indexes(base_offset)));
        }
    }

    fn check_snapshots(&mut self, snapshots: &[Offset], facts: &PartitionFacts) {
        for offset in snapshots {
            let name = FileKind::Snapshot.name(*offset);
            let Some(file) = self.read(&name) else {
                continue;
            };
            if decode_snapshot(&file).is_none() {
                let fault = self.finding(&name, "its checksum or its form is wrong");
                let fault = fault.offset(*offset);
                self.told.find(fault.fault(Mending::Snapshot(*offset)));
            } else if self.context.is_clean && *offset > facts.end_offset && !facts.is_damaged {
                let what = format!("the log ends at offset {}, before it", facts.end_offset);
                let fault = self.finding(&name, what).offset(*offset);
                self.told.find(fault.fault(Mending::Snapshot(*offset)));
            }
        }
    }

    /// The ends of the list of epochs, of which no batch tells.
    fn check_epoch_ends(&mut self, epochs: &LeaderEpochs, facts: &PartitionFacts) {
        let (Some(first), Some(latest)) = (epochs.first(), epochs.latest()) else {
            return;
        };
        if !self.context.is_clean || facts.is_damaged || self.are_epochs_told {
            return;
        }
        let first_offset = facts.first_offset.unwrap_or(0);
        let said = self.context.log_start_offset;
        let start = said.unwrap_or(0).max(first_offset);
        if (first_offset..start).contains(&first.start_offset) && said <= Some(facts.end_offset) {
            // Records that may have been deleted or not are kept.
            let what = format!(
                "it has offset {start} for {}, whose leader epochs begin at {}",
                self.folder, first.start_offset
            );
            let root = self.path.with_file_name(LOG_START_OFFSETS);
            let fault = Finding::new(self.directory, root, what).of(self.folder);
            self.told
                .find(fault.offset(start).fault(Mending::Checkpoints));
            return;
        }
        let starts_late = first.start_offset > start && !self.context.is_start_doubtful;
        let what = if latest.start_offset > facts.end_offset {
            format!(
                "epoch {} begins at offset {}, but the log ends at {}",
                latest.epoch, latest.start_offset, facts.end_offset
            )
        } else if first.start_offset < first_offset || starts_late {
            format!(
                "epoch {} begins at offset {}, but the log at {start}",
                first.epoch, first.start_offset
            )
        } else if self
            .context
            .leader_epoch
            .is_some_and(|epoch| latest.epoch > epoch)
        {
            format!("no leader had epoch {} yet", latest.epoch)
        } else {
            return;
        };
        let fault = self.finding(LEADER_EPOCHS, what);
        self.told.find(fault.fault(Mending::LeaderEpochs));
    }
}

/// What the check of a segment tells goes on from here.
struct Following<'a, 'b, 'c> {
    check: &'a mut PartitionCheck<'b>,
    name: &'a str,
    base_offset: Offset,
    file: &'a File,
    on_batch: OnBatch<'c>,
}

impl Follow for Following<'_, '_, '_> {
    fn on_batch(&mut self, header: &BatchHeader, position: u64) {
        let transactions = &mut self.check.transactions;
        transactions.on_batch(self.file, header, position);
        (self.on_batch)(self.file, header, position);
    }

    fn on_fault(&mut self, fault: SegmentFault) {
        let indexes = Mending::Indexes(self.base_offset);
        let name = |kind: FileKind| kind.name(self.base_offset);
        let finding = match fault {
            SegmentFault::Batch { byte, offset, what } => {
                let finding = self.check.finding(self.name, what).at(byte);
                finding.offset(offset).fault(DAMAGED_RECORDS)
            }
            SegmentFault::LeaderEpoch {
                byte,
                offset,
                what,
                is_of_batches,
            } => {
                let finding = self.check.finding(self.name, what).at(byte).offset(offset);
                if is_of_batches {
                    finding.fault(DAMAGED_RECORDS)
                } else if std::mem::replace(&mut self.check.are_epochs_told, true) {
                    // One number in that file is about many batches.
                    return;
                } else {
                    finding.fault(Mending::LeaderEpochs)
                }
            }
            SegmentFault::OffsetIndex(fault) => {
                let finding = self.check.finding(&name(FileKind::OffsetIndex), fault.what);
                finding.at(fault.byte).fault(indexes)
            }
            SegmentFault::TimeIndex(fault) => {
                let finding = self.check.finding(&name(FileKind::TimeIndex), fault.what);
                finding.at(fault.byte).fault(indexes)
            }
        };
        self.check.told.find(finding);
    }

    fn on_progress(&mut self, bytes: u64) {
        self.check.told.progress.advance(bytes, self.check.folder);
    }
}

fn has(entries: &[FolderEntry], name: &str) -> bool {
    entries.iter().any(|entry| entry.name == name)
}

/// In how many characters two texts of one length differ.
fn differences(one: &str, other: &str) -> usize {
    one.bytes()
        .zip(other.bytes())
        .filter(|(a, b)| a != b)
        .count()
}
