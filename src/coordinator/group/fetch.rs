//! `OffsetFetch`, one group at a time.

use std::sync::Arc;

use crate::metadata::MetadataImage;
use crate::model::{ErrorCode, Uuid};
use crate::protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use crate::protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use crate::protocol::messages::{OffsetFetchRequest, OffsetFetchResponse};
use crate::stdx::Now;

use super::coordinator::GroupCoordinator;
use super::group_entry::Group;
use super::offsets::OffsetEntry;
use super::output::{Output, RequestToken};
use super::request::{GroupResponse, RequestContext};

/// From this version a request asks for several groups.
const VERSION_WITH_GROUPS: i16 = 8;

/// From this version topics are named by their ids.
const VERSION_WITH_TOPIC_IDS: i16 = 10;

/// From this version an answer has a code of its own, beside those of the partitions.
const VERSION_WITH_ERROR_CODE: i16 = 2;

/// The groups that `request` asks for, each for the coordinator of its partition.
#[must_use]
pub fn split_offset_fetch(
    request: OffsetFetchRequest,
    api_version: i16,
) -> Vec<OffsetFetchRequestGroup> {
    if api_version >= VERSION_WITH_GROUPS {
        return request.groups;
    }
    let topics = request.topics.map(|topics| {
        let topics = topics.into_iter().map(|topic| OffsetFetchRequestTopics {
            name: topic.name,
            partition_indexes: topic.partition_indexes,
            ..Default::default()
        });
        topics.collect()
    });
    vec![OffsetFetchRequestGroup {
        group_id: request.group_id,
        topics,
        ..Default::default()
    }]
}

/// The answer to a request of which [`split_offset_fetch`] made the groups that `groups` answer.
#[must_use]
pub fn merge_offset_fetch(
    mut groups: Vec<OffsetFetchResponseGroup>,
    api_version: i16,
) -> OffsetFetchResponse {
    if api_version >= VERSION_WITH_GROUPS {
        return OffsetFetchResponse {
            groups,
            ..Default::default()
        };
    }
    let group = groups.pop().unwrap_or_default();
    let topics = group.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.into_iter();
        OffsetFetchResponseTopic {
            name: topic.name,
            partitions: partitions
                .map(|partition| OffsetFetchResponsePartition {
                    partition_index: partition.partition_index,
                    committed_offset: partition.committed_offset,
                    committed_leader_epoch: partition.committed_leader_epoch,
                    metadata: partition.metadata,
                    error_code: partition.error_code,
                    ..Default::default()
                })
                .collect(),
            ..Default::default()
        }
    });
    OffsetFetchResponse {
        topics: topics.collect(),
        error_code: group.error_code,
        ..Default::default()
    }
}

/// No offset, for a reason or because there is none.
fn absent(partition: i32, error: ErrorCode) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        partition_index: partition,
        committed_offset: -1,
        committed_leader_epoch: -1,
        metadata: Some(String::new()),
        error_code: error.code(),
        ..Default::default()
    }
}

/// The whole group cannot be served. The oldest version can only say so of each partition.
pub(super) fn fetch_error(
    api_version: i16,
    group: &OffsetFetchRequestGroup,
    error: ErrorCode,
) -> OffsetFetchResponseGroup {
    let mut topics = Vec::new();
    if api_version < VERSION_WITH_ERROR_CODE {
        for topic in group.topics.iter().flatten() {
            topics.push(refuse_offset_fetch(topic, error));
        }
    }
    OffsetFetchResponseGroup {
        group_id: group.group_id.clone(),
        topics,
        error_code: error.code(),
        ..Default::default()
    }
}

/// The answer about a topic of which nothing is told, for this reason.
#[must_use]
pub fn refuse_offset_fetch(
    topic: &OffsetFetchRequestTopics,
    error: ErrorCode,
) -> OffsetFetchResponseTopics {
    let partitions = topic.partition_indexes.iter();
    OffsetFetchResponseTopics {
        name: topic.name.clone(),
        topic_id: topic.topic_id,
        partitions: partitions.map(|index| absent(*index, error)).collect(),
        ..Default::default()
    }
}

/// What one request sees of a group's offsets.
struct View<'group> {
    /// Absent if the group does not exist for this request.
    group: Option<&'group Group>,
    require_stable: bool,
}

impl View<'_> {
    fn partition(
        &self,
        topic: &str,
        topic_id: Option<Uuid>,
        index: i32,
    ) -> OffsetFetchResponsePartitions {
        let Some(group) = self.group else {
            return absent(index, ErrorCode::None);
        };
        let entry = if self.require_stable {
            if group.offsets.is_in_transaction(topic, index) {
                return absent(index, ErrorCode::UnstableOffsetCommit);
            }
            group.offsets.find_written(topic, index)
        } else {
            group.offsets.find(topic, index)
        };
        match entry.filter(|entry| is_of_topic(entry, topic_id)) {
            Some(entry) => OffsetFetchResponsePartitions {
                partition_index: index,
                committed_offset: entry.offset,
                committed_leader_epoch: entry.leader_epoch.unwrap_or(-1),
                metadata: Some(entry.metadata.as_ref().to_owned()),
                ..Default::default()
            },
            None => absent(index, ErrorCode::None),
        }
    }

    /// Every partition with an offset, by topic.
    fn places(&self) -> Vec<(Arc<str>, Vec<i32>)> {
        let Some(group) = self.group else {
            return Vec::new();
        };
        let mut topics: Vec<(Arc<str>, Vec<i32>)> = Vec::new();
        if !self.require_stable {
            let committed = group.offsets.committed();
            topics.extend(committed.map(|(topic, partitions)| {
                (Arc::clone(topic), partitions.keys().copied().collect())
            }));
            return topics;
        }
        for (topic, partition) in group.offsets.written_places() {
            match topics.last_mut() {
                Some((last, partitions)) if *last == topic => partitions.push(partition),
                _ => topics.push((topic, vec![partition])),
            }
        }
        topics
    }
}

/// False if the offset was committed for an earlier topic of the same name.
fn is_of_topic(entry: &OffsetEntry, topic_id: Option<Uuid>) -> bool {
    match (entry.topic_id, topic_id) {
        (Some(committed), Some(asked)) => committed == asked,
        _ => true,
    }
}

impl GroupCoordinator {
    /// A client reads offsets: the committed ones, or what is written once it is committed.
    pub(super) fn fetch(
        &mut self,
        now: Now,
        token: RequestToken,
        context: &RequestContext,
        request: OffsetFetchRequestGroup,
        require_stable: bool,
        image: &MetadataImage,
        output: &mut Output,
    ) {
        let by_id = context.api_version >= VERSION_WITH_TOPIC_IDS;
        let group = self.groups.get(request.group_id.as_str());
        let group = group.filter(|group| {
            if require_stable {
                group.is_written()
            } else {
                group.is_committed()
            }
        });
        let view = View {
            group,
            require_stable,
        };
        let write = group.filter(|_| require_stable);
        let write = write.and_then(|group| group.offsets.last_write());
        let found = match &request.topics {
            Some(requested) => fetch_topics(&view, requested, by_id, image),
            None => fetch_all(&view, by_id, image),
        };
        let response = GroupResponse::OffsetFetch(OffsetFetchResponseGroup {
            group_id: request.group_id.clone(),
            topics: found,
            ..Default::default()
        });
        match write {
            Some(write) => self.with_group(now, &request.group_id, output, |turn, _| {
                turn.answer_after(Some(write), token, response);
            }),
            None => output.answer(token, response),
        }
    }
}

/// The topics asked for, then those that do not exist.
fn fetch_topics(
    view: &View<'_>,
    requested: &[OffsetFetchRequestTopics],
    by_id: bool,
    image: &MetadataImage,
) -> Vec<OffsetFetchResponseTopics> {
    let (mut found, mut refused) = (Vec::new(), Vec::new());
    for topic in requested {
        let (name, id) = if by_id {
            let Some(there) = image.topics.get(&topic.topic_id) else {
                refused.push(refuse_offset_fetch(topic, ErrorCode::UnknownTopicId));
                continue;
            };
            (Arc::clone(&there.name), Some(topic.topic_id))
        } else {
            (Arc::from(topic.name.as_str()), None)
        };
        let partitions = topic.partition_indexes.iter();
        found.push(OffsetFetchResponseTopics {
            name: topic.name.clone(),
            topic_id: topic.topic_id,
            partitions: partitions
                .map(|index| view.partition(&name, id, *index))
                .collect(),
            ..Default::default()
        });
    }
    found.append(&mut refused);
    found
}

/// Every topic with an offset; one that is gone has no id to be named by.
fn fetch_all(
    view: &View<'_>,
    by_id: bool,
    image: &MetadataImage,
) -> Vec<OffsetFetchResponseTopics> {
    let mut found = Vec::new();
    for (name, partitions) in view.places() {
        let id = image.topic_ids.get(&name).copied();
        if by_id && id.is_none() {
            continue;
        }
        let id = id.filter(|_| by_id);
        let partitions = partitions.into_iter();
        found.push(OffsetFetchResponseTopics {
            name: if by_id {
                String::new()
            } else {
                name.as_ref().to_owned()
            },
            topic_id: id.unwrap_or(Uuid::ZERO),
            partitions: partitions
                .map(|index| view.partition(&name, id, index))
                .collect(),
            ..Default::default()
        });
    }
    found
}
