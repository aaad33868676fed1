//! What is told of a directory, to a person and to a program.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::admin::counted;
use crate::log::{FOLDER_DELETED, FOLDER_STRAY};
use crate::metadata::{MetadataImage, decode_record, metadata_version_name};
use crate::protocol::messages::MetadataRecord;
use crate::verify::{Scope, Survey};

use super::contents::Contents;

/// The end of the name of a folder to which a partition is being moved between log directories.
const FOLDER_FUTURE: &str = "-future";

/// The type of a group that is served as any other broker of Kafka serves it.
const CLASSIC: &str = "classic";

/// What was found.
#[derive(Debug)]
pub struct Facts {
    directories: Vec<String>,
    cluster_id: Option<String>,
    node_id: Option<i32>,
    metadata_version: Option<i16>,
    bytes: u64,
    topics: usize,
    partitions: usize,
    batches: u64,
    groups: BTreeMap<String, usize>,
    acls: usize,
    kept: Kept,
    /// Folders that wait for something, by the end of their names.
    folders: BTreeMap<&'static str, usize>,
}

/// Metadata that are kept as they are and have no effect here.
#[derive(Debug, Default)]
struct Kept {
    scram_credentials: usize,
    client_quotas: usize,
    delegation_tokens: usize,
}

impl Kept {
    fn new(image: &MetadataImage) -> Self {
        let (mut scram, mut quotas, mut tokens) =
            (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for value in image.kept_records.iter() {
            match decode_record(value) {
                Ok(MetadataRecord::UserScramCredential(record)) => {
                    scram.insert((record.name, record.mechanism));
                }
                Ok(MetadataRecord::RemoveUserScramCredential(record)) => {
                    scram.remove(&(record.name, record.mechanism));
                }
                Ok(MetadataRecord::ClientQuota(record)) => {
                    let entity = record.entity.into_iter();
                    let entity: Vec<_> = entity
                        .map(|part| (part.entity_type, part.entity_name))
                        .collect();
                    match record.remove {
                        true => quotas.remove(&(entity, record.key)),
                        false => quotas.insert((entity, record.key)),
                    };
                }
                Ok(MetadataRecord::DelegationToken(record)) => {
                    tokens.insert(record.token_id);
                }
                Ok(MetadataRecord::RemoveDelegationToken(record)) => {
                    tokens.remove(&record.token_id);
                }
                _ => {}
            }
        }
        Self {
            scram_credentials: scram.len(),
            client_quotas: quotas.len(),
            delegation_tokens: tokens.len(),
        }
    }
}

impl Facts {
    /// What `survey` and `contents` found.
    pub fn new(scope: &Scope, survey: &Survey, contents: &mut Contents) -> Self {
        let image = survey.image();
        let properties = survey.properties[scope.metadata_directory].as_ref();
        let logs = || {
            let directories = survey.directories.iter();
            directories.flat_map(|directory| directory.partitions.values())
        };
        let mut folders = BTreeMap::new();
        let entries = survey.directories.iter().flat_map(|of| &of.entries);
        for entry in entries.filter(|entry| entry.is_folder) {
            for end in [FOLDER_DELETED, FOLDER_FUTURE, FOLDER_STRAY] {
                if entry.name.ends_with(end) {
                    *folders.entry(end).or_default() += 1;
                }
            }
        }
        let paths = scope.paths.iter();
        Self {
            directories: paths.map(|path| path.display().to_string()).collect(),
            cluster_id: properties.map(|one| one.cluster_id.clone()),
            node_id: properties.map(|one| one.node_id),
            metadata_version: survey.metadata.version,
            bytes: survey.bytes,
            topics: image.map_or(0, |image| image.topics.len()),
            partitions: logs().count(),
            batches: logs().map(|facts| facts.batches).sum(),
            groups: contents.groups(),
            acls: image.map_or(0, |image| image.acls.len()),
            kept: image.map_or_else(Kept::default, Kept::new),
            folders,
        }
    }

    /// For a person.
    pub fn lines(&self) -> Vec<String> {
        let unknown = || "?".to_owned();
        let version = self.metadata_version.map(metadata_version_name);
        let mut lines = vec![
            format!(
                "found: node {} of cluster {}, metadata.version {}",
                self.node_id.map_or_else(unknown, |id| id.to_string()),
                self.cluster_id.clone().unwrap_or_else(unknown),
                version.unwrap_or_else(unknown)
            ),
            format!(
                "found: {} in {} of {}",
                indicatif::HumanBytes(self.bytes),
                counted(self.partitions, "partition"),
                counted(self.topics, "topic")
            ),
        ];
        for (kind, count) in &self.groups {
            let count = counted(*count, &format!("{kind} group"));
            lines.push(match kind.as_str() {
                CLASSIC => format!("found: {count}"),
                "consumer" => format!(
                    "found: {count} (KIP-848), kept: their protocol is not there yet, but \
                     consumers with group.protocol=classic take over such a group with its offsets"
                ),
                _ => format!("found: {count}, kept: their protocol is not there yet"),
            });
        }
        for (count, what) in [
            (self.kept.scram_credentials, "SCRAM credential"),
            (self.kept.client_quotas, "client quota"),
            (self.kept.delegation_tokens, "delegation token"),
        ] {
            if count > 0 {
                let count = counted(count, what);
                lines.push(format!("found: {count}, kept, without effect here yet"));
            }
        }
        if self.acls > 0 {
            let entries = match self.acls {
                1 => "1 access control entry".to_owned(),
                count => format!("{count} access control entries"),
            };
            lines.push(format!(
                "found: {entries}, obeyed where authorizer.class.name is set"
            ));
        }
        for (end, count) in &self.folders {
            let what = match *end {
                FOLDER_DELETED => "of deleted partitions, removed at the first start",
                FOLDER_FUTURE => {
                    "of moves between log directories that were under way, which go on at the \
                     first start"
                }
                _ => "of partitions that Apache Kafka set aside, left as they are",
            };
            lines.push(format!("found: {} {what}", counted(*count, "folder")));
        }
        lines
    }

    /// For a program.
    pub fn document(&self) -> Value {
        let folders = |end: &str| self.folders.get(end).copied().unwrap_or(0);
        json!({
            "written_by": "Apache Kafka",
            "directories": self.directories,
            "cluster_id": self.cluster_id,
            "node_id": self.node_id,
            "metadata_version": {
                "level": self.metadata_version,
                "name": self.metadata_version.map(metadata_version_name),
            },
            "bytes": self.bytes,
            "topics": self.topics,
            "partitions": self.partitions,
            "batches": self.batches,
            "groups": self.groups,
            "acls": self.acls,
            "kept": {
                "scram_credentials": self.kept.scram_credentials,
                "client_quotas": self.kept.client_quotas,
                "delegation_tokens": self.kept.delegation_tokens,
            },
            "folders": {
                "deleted": folders(FOLDER_DELETED),
                "future": folders(FOLDER_FUTURE),
                "stray": folders(FOLDER_STRAY),
            },
        })
    }
}
