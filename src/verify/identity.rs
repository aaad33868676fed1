//! The files of a log directory that say whose it is and how it was left.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde_json::Value;

use crate::metadata::{
    BOOTSTRAP, CLEAN_MARK, META_PROPERTIES, MetaProperties, MetadataImage, decode_bootstrap,
};
use crate::model::LeaderEpoch;
use crate::protocol::record_batch::Batches;

use super::finding::{Finding, Mending, Told};

/// What only the operator knows.
const RESTORE_PROPERTIES: Mending =
    Mending::ByHand("restore it from a copy, or write it anew with the ids of the cluster");

/// Read a small file; `None` if there is none. One that cannot be read is a fault.
pub fn read_small(directory: usize, path: &Path, told: &mut Told) -> Option<Bytes> {
    match std::fs::read(path) {
        Ok(bytes) => Some(Bytes::from(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            let what = format!("it cannot be read: {error}");
            let by_hand = Mending::ByHand("see the kernel's log about the disk");
            told.find(Finding::new(directory, path.to_owned(), what).fault(by_hand));
            None
        }
    }
}

/// What each directory says of itself, and whether they belong together.
pub fn check_properties(paths: &[PathBuf], told: &mut Told) -> Vec<Option<MetaProperties>> {
    let mut found: Vec<Option<MetaProperties>> = Vec::new();
    let mut ids = BTreeSet::new();
    for (directory, path) in paths.iter().enumerate() {
        let path = path.join(META_PROPERTIES);
        let mut fault = |what: String, mending: Mending| {
            let finding = Finding::new(directory, path.clone(), what);
            told.find(finding.fault(mending));
        };
        let file = match std::fs::read(&path) {
            Ok(file) => file,
            Err(error) => {
                fault(format!("it cannot be read: {error}"), RESTORE_PROPERTIES);
                found.push(None);
                continue;
            }
        };
        match MetaProperties::decode(&file) {
            Err(reason) => {
                let mending = match MetaProperties::without_changed_bit(&file) {
                    Some(_) => Mending::Properties,
                    None => RESTORE_PROPERTIES,
                };
                fault(format!("it {reason}"), mending);
                found.push(None);
            }
            Ok(properties) => {
                if let Some(first) = found.iter().flatten().next()
                    && (&first.cluster_id, first.node_id)
                        != (&properties.cluster_id, properties.node_id)
                {
                    let what = format!(
                        "it is of node {} of cluster {}, but another log directory is of node {} \
                         of cluster {}",
                        properties.node_id, properties.cluster_id, first.node_id, first.cluster_id
                    );
                    fault(what, RESTORE_PROPERTIES);
                }
                if let Some(id) = properties.directory_id
                    && !ids.insert(id)
                {
                    let what = format!("another log directory has the directory id {id}, too");
                    fault(what, RESTORE_PROPERTIES);
                }
                found.push(Some(properties));
            }
        }
    }
    found
}

/// Whether the cluster's metadata know the directories.
pub fn check_registration(
    paths: &[PathBuf],
    properties: &[Option<MetaProperties>],
    image: &MetadataImage,
    told: &mut Told,
) {
    for (directory, properties) in properties.iter().enumerate() {
        let Some(properties) = properties else {
            continue;
        };
        let path = paths[directory].join(META_PROPERTIES);
        let Some(broker) = image.brokers.get(&properties.node_id) else {
            let what = format!("the metadata do not know a node {}", properties.node_id);
            told.find(Finding::new(directory, path, what).fault(RESTORE_PROPERTIES));
            continue;
        };
        // One that failed while the broker ran is not registered, either.
        if let Some(id) = properties.directory_id
            && !broker.has_online(id)
        {
            let what = format!(
                "when the broker last told of its log directories, {id} was none that worked"
            );
            told.find(Finding::new(directory, path, what));
        }
    }
}

/// The mark of a clean stop; the broker's epoch in it, and true if there is one.
pub fn check_clean_mark(
    directory: usize,
    path: &Path,
    broker_epoch: Option<i64>,
    told: &mut Told,
) -> bool {
    let path = path.join(CLEAN_MARK);
    let Some(file) = read_small(directory, &path, told) else {
        return false;
    };
    // Apache Kafka before 3.8 left it empty.
    if file.is_empty() {
        return true;
    }
    let value: Option<Value> = serde_json::from_slice(&file).ok();
    let number = |name: &str| value.as_ref()?.get(name)?.as_i64();
    let what = match (number("version"), number("brokerEpoch")) {
        (Some(0), Some(-1)) => return true,
        (Some(0), Some(epoch)) if broker_epoch.is_none_or(|known| known == epoch) => return true,
        (Some(0), Some(epoch)) => format!(
            "it has broker epoch {epoch}, but the metadata have {}",
            broker_epoch.unwrap_or(-1)
        ),
        _ => "it is not what a clean stop writes".to_owned(),
    };
    told.find(Finding::new(directory, path, what).fault(Mending::CleanMark));
    true
}

/// What checksums do not cover in a snapshot: its batches have offsets from 0 on without gaps, and
/// one epoch.
pub fn check_layout(file: &Bytes, epoch: Option<LeaderEpoch>) -> Result<(), String> {
    let mut next_offset = 0;
    let mut epoch = epoch;
    for batch in Batches::new(file.clone()) {
        let batch = batch.map_err(|error| error.to_string())?;
        let found = batch.header().partition_leader_epoch;
        if batch.base_offset() != next_offset {
            let base = batch.base_offset();
            return Err(format!(
                "offset {base} stands where {next_offset} is expected"
            ));
        }
        if *epoch.get_or_insert(found) != found {
            return Err(format!("a batch of it has epoch {found}"));
        }
        next_offset = batch.next_offset();
    }
    Ok(())
}

/// The features that the cluster began with.
pub fn check_bootstrap(
    directory: usize,
    path: &Path,
    image: Option<&MetadataImage>,
    told: &mut Told,
) {
    let path = path.join(BOOTSTRAP);
    let Some(file) = read_small(directory, &path, told) else {
        return;
    };
    if let Err(reason) = decode_bootstrap(&file)
        .and_then(|_| check_layout(&file, None).map_err(|reason| format!("is damaged: {reason}")))
    {
        let mending = match image {
            Some(_) => Mending::Bootstrap,
            None => Mending::ByHand("restore it from a copy"),
        };
        let what = format!("it {reason}");
        told.find(Finding::new(directory, path, what).fault(mending));
    }
}
