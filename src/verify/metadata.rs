//! The metadata log of the cluster: checked like any log, and read for what the partitions are.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde_json::Value;

use crate::log::storage::FolderEntry;
use crate::metadata::WorkingImage;
use crate::model::{BrokerId, LeaderEpoch, Offset, Uuid};
use crate::protocol::record_batch::{BatchHeader, LOG_OVERHEAD_BYTES, RecordBatch};
use crate::quorum::{
    ControlRecord, ELECTION_STATE, ElectionState, METADATA_FOLDER, RecordBlock, SnapshotId, Voter,
    decode_snapshot,
};

use super::finding::{Finding, Mending, Told};
use super::identity::{check_layout, read_small};
use super::partition::{PartitionCheck, PartitionContext, PartitionFacts};
use super::transactions::TransactionWalk;

/// What a batch of the metadata log unpacks to at most: what the broker takes.
const DECOMPRESSED_BYTES_MAX: usize = 64 << 20;

/// The metadata as they are on the disk.
#[derive(Debug, Default)]
pub struct Metadata {
    pub facts: PartitionFacts,
    /// The image, if all of it could be read.
    pub working: Option<WorkingImage>,
    /// The epoch of the last leader of the quorum.
    pub epoch: LeaderEpoch,
    /// The snapshot that the image begins with.
    pub snapshot: Option<SnapshotId>,
    /// The level of `metadata.version`, also where records of a newer one could not be read.
    pub version: Option<i16>,
    pub quorum: QuorumFacts,
}

/// What the log says of the quorum.
#[derive(Debug, Default)]
pub struct QuorumFacts {
    /// Who votes, where the log says so.
    pub voters: Option<Vec<Voter>>,
    /// Who elected the last leader.
    pub electors: Vec<BrokerId>,
}

impl QuorumFacts {
    /// Take in a control batch.
    fn note(&mut self, batch: &RecordBatch) -> Result<(), String> {
        for record in control_records(batch)? {
            match record {
                ControlRecord::Voters(voters) => self.voters = Some(voters),
                ControlRecord::LeaderChange { voters } => self.electors = voters,
                _ => {}
            }
        }
        Ok(())
    }
}

/// Check the metadata log in the log directory at `root`.
pub fn check_metadata(
    directory: usize,
    root: &Path,
    is_clean: bool,
    entries: &[FolderEntry],
    told: &mut Told,
) -> Metadata {
    let path = root.join(METADATA_FOLDER);
    let mut metadata = Metadata::default();
    let mut working = WorkingImage::default();
    let mut problem: Option<(Offset, String)> = None;
    let unusable = read_snapshots(directory, &path, entries, &mut metadata, &mut working, told);
    let from = metadata.snapshot.map_or(0, |id| id.end_offset);
    let election = std::fs::read(path.join(ELECTION_STATE)).ok();
    let election = election.and_then(|file| ElectionState::decode(&file).ok());
    let context = PartitionContext {
        is_clean,
        topic_id: Some(Uuid::METADATA_TOPIC),
        leader_epoch: election.map(|state| state.leader_epoch),
        is_start_doubtful: true,
        ..PartitionContext::default()
    };
    let mut epoch = metadata.snapshot.map_or(0, |id| id.epoch);
    let mut quorum = std::mem::take(&mut metadata.quorum);
    let mut on_batch = |file: &File, header: &BatchHeader, position: u64| {
        epoch = epoch.max(header.partition_leader_epoch);
        if problem.is_some() {
            return;
        }
        let replayed = read_batch(file, header, position).and_then(|batch| {
            if batch.is_control() {
                return quorum.note(&batch);
            }
            if header.base_offset < from {
                return Ok(());
            }
            working.replay_block(&block_of(&batch)?)
        });
        problem = replayed.err().map(|reason| (header.base_offset, reason));
    };
    let mut check = PartitionCheck {
        directory,
        folder: METADATA_FOLDER,
        path: path.clone(),
        context,
        told,
        are_epochs_told: false,
        transactions: TransactionWalk::default(),
    };
    metadata.facts = check.run(entries, &mut on_batch);
    // No journal has what was cut off here.
    if let Some(cut_off) = metadata.facts.cut_off.take() {
        told.find(cut_off);
    }
    metadata.epoch = epoch;
    metadata.quorum = quorum;
    metadata.version = working.image.metadata_version().or(metadata.version);
    let facts = &metadata.facts;
    let by_hand = Mending::ByHand("restore the folder from a copy");
    let start = facts.first_offset.unwrap_or(0);
    if facts.is_damaged {
        // What lies behind a damaged batch need not fit to what lies before it.
    } else if let Some((offset, reason)) = problem {
        let finding = Finding::new(directory, path.clone(), reason).of(METADATA_FOLDER);
        told.find(finding.offset(offset).fault(by_hand.clone()));
    } else if start > from || facts.end_offset < from {
        let what = format!(
            "the log has offsets {start} to {}, but its snapshot ends at {from}",
            facts.end_offset
        );
        told.find(
            Finding::new(directory, path.clone(), what)
                .of(METADATA_FOLDER)
                .fault(by_hand),
        );
    } else {
        metadata.working = Some(working);
    }
    tell_unusable(directory, &path, unusable, &metadata, told);
    check_election(directory, &path, is_clean, &metadata, told);
    metadata
}

/// Begin with the newest snapshot that is whole. Returns those that are not.
fn read_snapshots(
    directory: usize,
    path: &Path,
    entries: &[FolderEntry],
    metadata: &mut Metadata,
    working: &mut WorkingImage,
    told: &mut Told,
) -> Vec<(SnapshotId, String)> {
    let mut ids: Vec<SnapshotId> = entries
        .iter()
        .filter_map(|entry| SnapshotId::parse(&entry.name))
        .collect();
    ids.sort_unstable_by(|one, other| other.cmp(one));
    let mut unusable = Vec::new();
    for id in ids {
        let Some(file) = read_small(directory, &path.join(id.file_name()), told) else {
            continue;
        };
        let layout = check_layout(&file, Some(id.epoch));
        match layout.and_then(|()| decode_snapshot(&file)) {
            Err(reason) => unusable.push((id, reason)),
            Ok(_) if metadata.snapshot.is_some() => {}
            Ok(contents) => match working.replay_snapshot(id, &contents) {
                Ok(()) => {
                    metadata.snapshot = Some(id);
                    metadata.quorum.voters = contents.voters;
                }
                Err(reason) => {
                    metadata.version = working.image.metadata_version();
                    *working = WorkingImage::default();
                    unusable.push((id, reason));
                }
            },
        }
    }
    unusable
}

/// Tell of the snapshots that are not whole.
fn tell_unusable(
    directory: usize,
    path: &Path,
    unusable: Vec<(SnapshotId, String)>,
    metadata: &Metadata,
    told: &mut Told,
) {
    for (id, reason) in unusable {
        let what = format!("it is not a whole snapshot: {reason}");
        let mending = match &metadata.working {
            Some(_) => Mending::MetadataSnapshot,
            None => Mending::ByHand("restore it from a copy"),
        };
        let finding = Finding::new(directory, path.join(id.file_name()), what);
        told.find(finding.of(METADATA_FOLDER).fault(mending));
    }
}

/// The batch with this `header`.
pub fn read_batch(file: &File, header: &BatchHeader, position: u64) -> Result<RecordBatch, String> {
    let length = usize::try_from(header.batch_length).unwrap_or(0) + LOG_OVERHEAD_BYTES;
    let mut bytes = vec![0; length];
    let read = file.read_exact_at(&mut bytes, position);
    read.map_err(|error| format!("it cannot be read: {error}"))?;
    RecordBatch::decode(&Bytes::from(bytes)).map_err(|error| error.to_string())
}

fn control_records(batch: &RecordBatch) -> Result<Vec<ControlRecord>, String> {
    let records = batch.records(DECOMPRESSED_BYTES_MAX);
    let records = records.map_err(|error| error.to_string())?;
    let decoded = records.iter().map(|record| {
        let record = record.map_err(|error| error.to_string())?;
        ControlRecord::decode(record.key, record.value)
    });
    decoded.collect()
}

fn block_of(batch: &RecordBatch) -> Result<RecordBlock, String> {
    let records = batch.records(DECOMPRESSED_BYTES_MAX);
    let records = records.map_err(|error| error.to_string())?;
    let mut values = Vec::new();
    for record in records.iter() {
        let record = record.map_err(|error| error.to_string())?;
        values.push(Bytes::copy_from_slice(record.value.unwrap_or_default()));
    }
    Ok(RecordBlock {
        end_offset: batch.next_offset(),
        epoch: batch.leader_epoch().unwrap_or(0),
        timestamp_ms: batch.max_timestamp().unwrap_or(0),
        values,
        size_bytes: batch.size_bytes() as u64,
    })
}

fn check_election(
    directory: usize,
    path: &Path,
    is_clean: bool,
    metadata: &Metadata,
    told: &mut Told,
) {
    let path: PathBuf = path.join(ELECTION_STATE);
    let Some(file) = read_small(directory, &path, told) else {
        return;
    };
    if let Err(what) = judge_election(&file, is_clean, metadata) {
        let mending = match &metadata.working {
            Some(_) => Mending::ElectionState,
            None => Mending::ByHand("restore it from a copy"),
        };
        let finding = Finding::new(directory, path, what).of(METADATA_FOLDER);
        told.find(finding.fault(mending));
    }
}

fn judge_election(file: &[u8], is_clean: bool, metadata: &Metadata) -> Result<(), String> {
    let state = ElectionState::decode(file).map_err(|reason| format!("it {reason}"))?;
    let (said, known) = (state.leader_epoch, metadata.epoch);
    if metadata.facts.is_damaged {
        return Ok(());
    }
    if said < known || (is_clean && said != known) {
        return Err(format!(
            "it has epoch {said}, but the last records of the log are of epoch {known}"
        ));
    }
    if let Some(leader) = state
        .leader_id
        .filter(|leader| !is_known(metadata, *leader))
    {
        return Err(format!(
            "it has leader {leader}, whom the metadata do not know"
        ));
    }
    // One who voted for another node, or in an older form, has more to say than is read here.
    let value: Value = serde_json::from_slice(file).unwrap_or_default();
    let has_voted = value["votedId"].as_i64() >= Some(0) || value["data_version"] == 0;
    if !has_voted && state.encode() != file {
        return Err("it is not what a voter writes".to_owned());
    }
    Ok(())
}

fn is_known(metadata: &Metadata, leader: BrokerId) -> bool {
    metadata.working.as_ref().is_none_or(|working| {
        let image = &working.image;
        image.brokers.contains_key(&leader) || image.controllers.contains_key(&leader)
    })
}
