//! `OffsetCommit` and `OffsetDelete`.

use std::sync::Arc;

use crate::metadata::{MetadataImage, TopicImage};
use crate::model::{ErrorCode, TimestampMs, Uuid};
use crate::protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use crate::protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use crate::protocol::messages::offset_delete_response::{
    OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use crate::protocol::messages::{
    OffsetCommitRequest, OffsetCommitResponse, OffsetDeleteRequest, OffsetDeleteResponse,
};
use crate::stdx::Now;

use super::coordinator::{GroupCoordinator, Turn};
use super::group_entry::Group;
use super::java::string_length;
use super::membership::GroupState;
use super::offsets::{OffsetEntry, RecordPosition};
use super::output::{Output, RequestToken};
use super::records::{offset_key, offset_record, tombstone};
use super::request::{GroupResponse, RequestContext};
use super::settings::{GROUPS_MAX, GroupSettings};

/// From this version topics are named by their ids.
const VERSION_WITH_TOPIC_IDS: i16 = 10;

/// From this version a client can be told that the group does not exist.
const VERSION_WITH_GROUP_ID_NOT_FOUND: i16 = 9;

/// A topic of a commit that exists, with those of its partitions that do.
struct Accepted {
    topic: Arc<TopicImage>,
    partitions: Vec<OffsetCommitRequestPartition>,
}

/// Topics of an answer, each once. Kafka answers what it refused first, then the rest; only if it
/// refused nothing it leaves a topic that was named twice as it is.
#[derive(Default)]
struct CommitAnswer {
    topics: Vec<OffsetCommitResponseTopic>,
}

impl CommitAnswer {
    fn refuse(&mut self, topic: &OffsetCommitRequestTopic, partition: i32, error: ErrorCode) {
        let partition = OffsetCommitResponsePartition {
            partition_index: partition,
            error_code: error.code(),
            ..Default::default()
        };
        self.append(OffsetCommitResponseTopic {
            name: topic.name.clone(),
            topic_id: topic.topic_id,
            partitions: vec![partition],
            ..Default::default()
        });
    }

    fn append(&mut self, topic: OffsetCommitResponseTopic) {
        let mut known = self.topics.iter_mut();
        match known.find(|known| known.name == topic.name && known.topic_id == topic.topic_id) {
            Some(known) => known.partitions.extend(topic.partitions),
            None => self.topics.push(topic),
        }
    }

    fn with(mut self, served: Vec<OffsetCommitResponseTopic>) -> OffsetCommitResponse {
        if self.topics.is_empty() {
            self.topics = served;
        } else {
            for topic in served {
                self.append(topic);
            }
        }
        OffsetCommitResponse {
            topics: self.topics,
            ..Default::default()
        }
    }
}

/// Sort out the topics and partitions that do not exist.
fn accept_topics(
    api_version: i16,
    requested: Vec<OffsetCommitRequestTopic>,
    image: &MetadataImage,
) -> (Vec<Accepted>, CommitAnswer) {
    let (mut accepted, mut answer) = (Vec::new(), CommitAnswer::default());
    for mut topic in requested {
        let by_id = api_version >= VERSION_WITH_TOPIC_IDS;
        let found = if by_id {
            image.topics.get(&topic.topic_id)
        } else {
            image.topic(&topic.name)
        };
        let partitions = std::mem::take(&mut topic.partitions);
        let Some(found) = found else {
            let error = if by_id {
                ErrorCode::UnknownTopicId
            } else {
                ErrorCode::UnknownTopicOrPartition
            };
            for partition in partitions {
                answer.refuse(&topic, partition.partition_index, error);
            }
            continue;
        };
        let (there, missing): (Vec<_>, Vec<_>) = partitions
            .into_iter()
            .partition(|partition| found.partitions.contains_key(&partition.partition_index));
        for partition in missing {
            let error = ErrorCode::UnknownTopicOrPartition;
            answer.refuse(&topic, partition.partition_index, error);
        }
        if !there.is_empty() {
            accepted.push(Accepted {
                topic: Arc::clone(found),
                partitions: there,
            });
        }
    }
    (accepted, answer)
}

/// The topics as the answer names them, every partition with the code that `decide` gives.
fn served_topics(
    api_version: i16,
    accepted: &[Accepted],
    decide: impl Fn(&OffsetCommitRequestPartition) -> ErrorCode,
) -> Vec<OffsetCommitResponseTopic> {
    let by_id = api_version >= VERSION_WITH_TOPIC_IDS;
    let served = accepted.iter().map(|accepted| OffsetCommitResponseTopic {
        name: if by_id {
            String::new()
        } else {
            accepted.topic.name.as_ref().to_owned()
        },
        topic_id: if by_id { accepted.topic.id } else { Uuid::ZERO },
        partitions: accepted
            .partitions
            .iter()
            .map(|partition| OffsetCommitResponsePartition {
                partition_index: partition.partition_index,
                error_code: decide(partition).code(),
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    });
    served.collect()
}

/// What is stored for `partition`; an error if it says too much.
fn entry_of(
    partition: &OffsetCommitRequestPartition,
    topic_id: Uuid,
    now_ms: TimestampMs,
    expires_ms: Option<TimestampMs>,
) -> OffsetEntry {
    let epoch = partition.committed_leader_epoch;
    OffsetEntry {
        offset: partition.committed_offset,
        leader_epoch: (epoch >= 0).then_some(epoch),
        metadata: Arc::from(partition.committed_metadata.as_deref().unwrap_or("")),
        committed_ms: now_ms,
        expires_ms,
        topic_id: Some(topic_id),
        position: RecordPosition::BehindLoaded,
    }
}

fn says_too_much(settings: &GroupSettings, partition: &OffsetCommitRequestPartition) -> bool {
    let metadata = partition.committed_metadata.as_deref().unwrap_or("");
    string_length(metadata) > settings.offset_metadata_length_max
}

/// Whether the client may commit for `group` as whom it claims to be.
fn validate_commit(group: &Group, request: &OffsetCommitRequest) -> Result<(), ErrorCode> {
    let membership = &group.membership;
    let generation = request.generation_id_or_member_epoch;
    let instance_id = request.group_instance_id.as_deref();
    if generation < 0 && group.is_empty() {
        // An administrator, or a consumer that only keeps its offsets here.
        return Ok(());
    }
    if generation < 0 && request.member_id.is_empty() && instance_id.is_none() {
        // The same, while members hold the group.
        return Err(ErrorCode::UnknownMemberId);
    }
    membership.validate_member(&request.member_id, instance_id)?;
    if generation != membership.generation {
        return Err(ErrorCode::IllegalGeneration);
    }
    if membership.state == GroupState::CompletingRebalance {
        // Its client knows the new generation; it is told to finish the rebalance first.
        return Err(ErrorCode::RebalanceInProgress);
    }
    Ok(())
}

impl GroupCoordinator {
    /// A client stores offsets.
    pub(super) fn commit(
        &mut self,
        now: Now,
        token: RequestToken,
        context: &RequestContext,
        mut request: OffsetCommitRequest,
        image: &MetadataImage,
        output: &mut Output,
    ) {
        let api_version = context.api_version;
        let requested = std::mem::take(&mut request.topics);
        let (accepted, answer) = accept_topics(api_version, requested, image);
        let is_simple = request.generation_id_or_member_epoch < 0;
        let refusal = if self.has_group(&request.group_id) {
            None
        } else if !is_simple && api_version >= VERSION_WITH_GROUP_ID_NOT_FOUND {
            Some(ErrorCode::GroupIdNotFound)
        } else if !is_simple {
            Some(ErrorCode::IllegalGeneration)
        } else if self.groups.len() >= GROUPS_MAX {
            Some(ErrorCode::CoordinatorNotAvailable)
        } else {
            None
        };
        if accepted.is_empty() || refusal.is_some() {
            let error = refusal.unwrap_or_default();
            let response = answer.with(served_topics(api_version, &accepted, |_| error));
            output.answer(token, GroupResponse::OffsetCommit(response));
            return;
        }
        if !self.groups.contains_key(request.group_id.as_str()) {
            let group = Group::new(&request.group_id, Some(now.wall_ms));
            self.groups.insert(Arc::clone(&group.id), group);
        }
        let group_id = request.group_id.clone();
        self.with_group(now, &group_id, output, |turn, group| {
            if let Err(error) = validate_commit(group, &request) {
                let response = answer.with(served_topics(api_version, &accepted, |_| error));
                turn.output
                    .answer(token, GroupResponse::OffsetCommit(response));
                return;
            }
            let settings = turn.settings;
            let response = answer.with(served_topics(api_version, &accepted, |partition| {
                if says_too_much(settings, partition) {
                    ErrorCode::OffsetMetadataTooLarge
                } else {
                    ErrorCode::None
                }
            }));
            turn.keep_session_of_committer(group, &request.member_id);
            turn.write_offsets(group, &request, accepted);
            let write = turn.last_write;
            turn.answer_after(write, token, GroupResponse::OffsetCommit(response));
        });
    }

    /// A client deletes offsets.
    pub(super) fn delete_offsets(
        &mut self,
        now: Now,
        token: RequestToken,
        request: OffsetDeleteRequest,
        image: &MetadataImage,
        output: &mut Output,
    ) {
        let mut error = if request.group_id.is_empty() {
            ErrorCode::InvalidGroupId
        } else {
            ErrorCode::GroupIdNotFound
        };
        if !request.group_id.is_empty() && self.has_group(&request.group_id) {
            let group_id = request.group_id.clone();
            self.with_group(now, &group_id, output, |turn, group| {
                error = validate_delete(group).err().unwrap_or_default();
                if !error.is_error() {
                    turn.delete_offsets(group, token, request, image);
                }
            });
        }
        if error.is_error() {
            let response = OffsetDeleteResponse {
                error_code: error.code(),
                ..Default::default()
            };
            output.answer(token, GroupResponse::OffsetDelete(response));
        }
    }
}

/// Offsets of consumers can be deleted topic by topic; of other groups only when nobody is in.
fn validate_delete(group: &Group) -> Result<(), ErrorCode> {
    if group.is_empty() || (group.kept.is_none() && group.membership.is_of_consumers()) {
        Ok(())
    } else {
        Err(ErrorCode::NonEmptyGroup)
    }
}

impl Turn<'_> {
    /// Whoever commits lives.
    fn keep_session_of_committer(&mut self, group: &mut Group, member_id: &str) {
        let membership = &group.membership;
        let counts = matches!(
            membership.state,
            GroupState::Stable | GroupState::PreparingRebalance
        );
        if counts && membership.members.contains_key(member_id) {
            self.restart_session(group, member_id);
        }
    }

    fn write_offsets(
        &mut self,
        group: &mut Group,
        request: &OffsetCommitRequest,
        accepted: Vec<Accepted>,
    ) {
        let now_ms = self.now.wall_ms;
        let retention_ms = request.retention_time_ms;
        let expires_ms = (retention_ms != -1).then(|| now_ms.saturating_add(retention_ms));
        let (mut records, mut changes) = (Vec::new(), Vec::new());
        for Accepted { topic, partitions } in accepted {
            for partition in &partitions {
                if says_too_much(self.settings, partition) {
                    continue;
                }
                let place = (Arc::clone(&topic.name), partition.partition_index);
                let entry = entry_of(partition, topic.id, now_ms, expires_ms);
                records.push(offset_record(&group.id, &place, &entry));
                changes.push((place, Some(entry)));
            }
        }
        if !records.is_empty() {
            let write = self.write(group, true, records);
            group.offsets.note_write(write, changes);
        }
    }

    fn delete_offsets(
        &mut self,
        group: &mut Group,
        token: RequestToken,
        request: OffsetDeleteRequest,
        image: &MetadataImage,
    ) {
        let mut refused: Vec<OffsetDeleteResponseTopic> = Vec::new();
        let mut served: Vec<OffsetDeleteResponseTopic> = Vec::new();
        let (mut records, mut changes) = (Vec::new(), Vec::new());
        for topic in request.topics {
            let is_subscribed =
                group.kept.is_none() && group.membership.is_subscribed_to(&topic.name);
            let name: Arc<str> = Arc::from(topic.name.as_str());
            let there = image.topic(&name);
            for partition in topic.partitions {
                let index = partition.partition_index;
                if !there.is_some_and(|topic| topic.partitions.contains_key(&index)) {
                    let error = ErrorCode::UnknownTopicOrPartition;
                    append_deleted(&mut refused, &name, index, error);
                } else if is_subscribed {
                    let error = ErrorCode::GroupSubscribedToTopic;
                    append_deleted(&mut served, &name, index, error);
                } else {
                    append_deleted(&mut served, &name, index, ErrorCode::None);
                    let place = (Arc::clone(&name), index);
                    if group.offsets.find_written(&name, index).is_some()
                        || group.offsets.is_in_transaction(&name, index)
                    {
                        records.push(tombstone(offset_key(&group.id, &place)));
                        changes.push((place, None));
                    }
                }
            }
        }
        for topic in served {
            for partition in topic.partitions {
                let error = ErrorCode::from_code(partition.error_code).unwrap_or_default();
                append_deleted(&mut refused, &topic.name, partition.partition_index, error);
            }
        }
        let response = OffsetDeleteResponse {
            topics: refused,
            ..Default::default()
        };
        if !records.is_empty() {
            let write = self.write(group, true, records);
            group.offsets.note_write(write, changes);
        }
        let write = self.last_write;
        self.answer_after(write, token, GroupResponse::OffsetDelete(response));
    }
}

fn append_deleted(
    topics: &mut Vec<OffsetDeleteResponseTopic>,
    name: &str,
    partition: i32,
    error: ErrorCode,
) {
    let partition = OffsetDeleteResponsePartition {
        partition_index: partition,
        error_code: error.code(),
    };
    match topics.iter_mut().find(|topic| topic.name == name) {
        Some(topic) => topic.partitions.push(partition),
        None => topics.push(OffsetDeleteResponseTopic {
            name: name.to_owned(),
            partitions: vec![partition],
        }),
    }
}
