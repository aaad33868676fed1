//! Why a directory cannot be served, as far as that is told before its records are read.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::config::{Overrides, TopicConfig};
use crate::log::{FileKind, parse_partition_folder};
use crate::metadata::{
    CLEAN_MARK, ConfigKind, ConfigResource, MetadataImage, check_metadata_version,
    is_directory_chosen, topic_owner,
};
use crate::model::BrokerId;
use crate::verify::{Scope, Survey};

/// Names that one line has at most; the others are counted.
const NAMES_MAX: usize = 5;

/// Where the format of a batch stands in it.
const FORMAT_AT: usize = 16;

/// The format of batches since Apache Kafka 0.11.
const FORMAT: u8 = 2;

/// `names` for a line, the first ones by name.
pub fn named(mut names: Vec<String>) -> String {
    let more = names.len().saturating_sub(NAMES_MAX);
    names.truncate(NAMES_MAX);
    let mut text = names.join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

/// Directories without the mark of a clean stop.
pub fn unclean(scope: &Scope, survey: &Survey) -> Vec<String> {
    let directories = survey.directories[..scope.log_directories].iter();
    let unclean = directories.zip(&scope.paths).filter(|(of, _)| !of.is_clean);
    unclean
        .map(|(_, path)| {
            format!(
                "{} was not stopped cleanly, it has no {CLEAN_MARK}: start Apache Kafka on it once \
                 more and stop it with kafka-server-stop.sh",
                path.display()
            )
        })
        .collect()
}

/// What the cluster's metadata say that does not work here.
pub fn metadata_refusals(scope: &Scope, survey: &Survey) -> Vec<String> {
    let version = check_metadata_version(survey.metadata.version);
    let mut refusals: Vec<String> = version.err().into_iter().collect();
    let (Some(image), Some(node)) = (survey.image(), survey.node_id()) else {
        return refusals;
    };
    if node != scope.node_id {
        refusals.push(format!(
            "{} belongs to node {node}, but the settings are of node {}: name Apache Kafka's \
             server.properties with --config, or set node.id={node}",
            scope.paths[0].display(),
            scope.node_id
        ));
    }
    refusals.extend(others(survey, image, node));
    refusals.extend(replicas_elsewhere(image, node));
    refusals.extend(missing_directories(scope, survey, image, node));
    refusals.extend(topic_settings(scope, image));
    refusals
}

/// Nodes beside this one.
fn others(survey: &Survey, image: &MetadataImage, node: BrokerId) -> Vec<String> {
    let quorum = &survey.metadata.quorum;
    let voters: Vec<BrokerId> = match &quorum.voters {
        Some(voters) => voters.iter().map(|voter| voter.id).collect(),
        None => quorum.electors.clone(),
    };
    let brokers: Vec<BrokerId> = image.brokers.keys().copied().collect();
    let mut refusals = Vec::new();
    for (what, ids, advice) in [
        (
            "voters of the metadata quorum",
            voters,
            "remove them with kafka-metadata-quorum.sh remove-controller",
        ),
        (
            "brokers",
            brokers,
            "move their partitions away with kafka-reassign-partitions.sh, stop them, and remove \
             them with kafka-cluster.sh unregister",
        ),
    ] {
        let others: Vec<String> = ids
            .into_iter()
            .filter(|id| *id != node)
            .map(|id| id.to_string())
            .collect();
        if !others.is_empty() {
            refusals.push(format!(
                "the cluster has other {what} than node {node}: {}; Forebay serves clusters of one \
                 node: {advice}",
                named(others)
            ));
        }
    }
    refusals
}

/// Partitions that are not this node's alone.
fn replicas_elsewhere(image: &MetadataImage, node: BrokerId) -> Option<String> {
    let mut names = Vec::new();
    for topic in image.topics.values() {
        for (partition, registration) in topic.partitions.iter() {
            if registration.replicas != [node] {
                let replicas: Vec<String> = registration
                    .replicas
                    .iter()
                    .map(ToString::to_string)
                    .collect();
                names.push(format!(
                    "{}-{partition} (on {})",
                    topic.name,
                    replicas.join(", ")
                ));
            }
        }
    }
    (!names.is_empty()).then(|| {
        format!(
            "partitions have replicas on other nodes than {node}: {}; have node {node} alone hold \
             them, with kafka-reassign-partitions.sh",
            named(names)
        )
    })
}

/// Partitions in log directories that were not given.
fn missing_directories(
    scope: &Scope,
    survey: &Survey,
    image: &MetadataImage,
    node: BrokerId,
) -> Option<String> {
    let given = survey.properties[..scope.log_directories].iter().flatten();
    let given: Vec<_> = given.filter_map(|one| one.directory_id).collect();
    let mut names = Vec::new();
    for topic in image.topics.values() {
        for (partition, registration) in topic.partitions.iter() {
            let directory = registration.directory_of(node);
            let missing = directory.filter(|id| is_directory_chosen(*id) && !given.contains(id));
            if let Some(id) = missing {
                names.push(format!("{}-{partition} (in {id})", topic.name));
            }
        }
    }
    (!names.is_empty()).then(|| {
        format!(
            "partitions are in log directories that were not given: {}; name all of log.dirs, by \
             --config or separated by commas",
            named(names)
        )
    })
}

/// Topics with settings without which their records would not be kept as they are to be.
fn topic_settings(scope: &Scope, image: &MetadataImage) -> Vec<String> {
    let (mut remote, mut unknown) = (Vec::new(), Vec::new());
    for topic in image.topics.values() {
        let resource = ConfigResource::new(ConfigKind::Topic, &topic.name);
        let own = image.config(&resource);
        let own = own.map_or_else(Overrides::new, |values| values.as_ref().clone());
        if own.get("remote.storage.enable").map(String::as_str) == Some("true") {
            remote.push(topic.name.to_string());
            continue;
        }
        let owner = topic_owner(&topic.name);
        if let Err(error) = TopicConfig::resolve(&scope.settings, owner, &own) {
            unknown.push(format!("{} ({error})", topic.name));
        }
    }
    let remote = (!remote.is_empty()).then(|| {
        format!(
            "topics have records in remote storage (remote.storage.enable): {}; Forebay has none: \
             bring them back with remote.storage.enable=false and \
             remote.log.delete.on.disable=true",
            named(remote)
        )
    });
    let unknown = (!unknown.is_empty()).then(|| {
        format!(
            "topics have settings that are not known here, without which records could be deleted \
             early: {}; remove them with kafka-configs.sh --alter --delete-config",
            named(unknown)
        )
    });
    remote.into_iter().chain(unknown).collect()
}

/// Partitions with segments from before Apache Kafka 0.11. A log never goes back to an older
/// format, so the first batch of each segment tells.
pub fn old_formats(scope: &Scope) -> Option<String> {
    let mut names = Vec::new();
    for path in &scope.paths[..scope.log_directories] {
        for folder in names_in(path) {
            if parse_partition_folder(&folder).is_none() {
                continue;
            }
            let folder_path = path.join(&folder);
            let files = names_in(&folder_path).into_iter();
            let format = files
                .filter(|name| matches!(FileKind::parse(name), Some((_, FileKind::Log))))
                .find_map(|name| old_format(&folder_path.join(name)));
            if let Some(format) = format {
                names.push(format!("{folder} (format {format})"));
            }
        }
    }
    names.sort_unstable();
    (!names.is_empty()).then(|| {
        format!(
            "partitions have records in message formats from before Apache Kafka 0.11: {}; let \
             retention delete them, or copy their topics with a consumer and a producer and delete \
             the old ones",
            named(names)
        )
    })
}

fn names_in(path: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}

fn old_format(path: &Path) -> Option<u8> {
    let mut front = [0; FORMAT_AT + 1];
    // What cannot be read is told when all of it is.
    File::open(path).ok()?.read_exact(&mut front).ok()?;
    Some(front[FORMAT_AT]).filter(|format| *format < FORMAT)
}
