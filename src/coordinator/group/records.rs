//! The records of `__consumer_offsets`: their keys and values as bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::model::{Offset, Uuid};
use crate::protocol::messages::group_metadata_value::MemberMetadata;
use crate::protocol::messages::{
    GroupMetadataKey, GroupMetadataValue, LegacyOffsetCommitKey, OffsetCommitKey, OffsetCommitValue,
};
use crate::protocol::{
    DecodeError, EncodeError, Message, RecordContent, decode_record_type, decode_versioned,
    encode_record_key, encode_versioned,
};

use super::group_entry::Group;
use super::kept::GroupKind;
use super::member::Member;
use super::offsets::{OffsetEntry, Place, RecordPosition};
use super::output::CoordinatorRecord;
use super::{GroupId, MemberId};

/// The version of group metadata that Kafka writes: the last one that every release since 2.3
/// reads.
const GROUP_METADATA_VERSION: i16 = 3;

/// Versions of a committed offset: with an expiry, as Kafka writes it without a topic id, and with
/// one.
const OFFSET_VERSION_WITH_EXPIRY: i16 = 1;
const OFFSET_VERSION: i16 = 3;
const OFFSET_VERSION_WITH_TOPIC_ID: i16 = 4;

/// What a record is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum RecordKey {
    /// A committed offset.
    Offset { group: String, place: Place },
    /// A classic group.
    Group { group: String },
    /// Something of a group that follows another protocol.
    Kept { kind: GroupKind, group: String },
    /// Something that no broker up to Kafka 4.3 writes.
    Unknown,
}

impl RecordKey {
    /// What `key` says.
    pub(super) fn decode(key: Bytes) -> Result<Self, DecodeError> {
        let (record_type, mut reader) = decode_record_type(key)?;
        match record_type {
            LegacyOffsetCommitKey::TYPE | OffsetCommitKey::TYPE => {
                let key = OffsetCommitKey::decode(&mut reader, 0)?;
                Ok(Self::Offset {
                    group: key.group,
                    place: (Arc::from(key.topic), key.partition),
                })
            }
            GroupMetadataKey::TYPE => {
                let group = GroupMetadataKey::decode(&mut reader, 0)?.group;
                Ok(Self::Group { group })
            }
            _ => match GroupKind::of_record_type(record_type) {
                // Whatever else they name, these keys begin with the group.
                Some(kind) => Ok(Self::Kept {
                    kind,
                    group: reader.read_string(false)?,
                }),
                None => Ok(Self::Unknown),
            },
        }
    }
}

/// The value of a committed offset that was read at `offset`.
pub(super) fn decode_offset(value: Bytes, offset: Offset) -> Result<OffsetEntry, DecodeError> {
    let value: OffsetCommitValue = decode_versioned(value)?;
    Ok(OffsetEntry {
        offset: value.offset,
        leader_epoch: (value.leader_epoch >= 0).then_some(value.leader_epoch),
        metadata: Arc::from(value.metadata),
        committed_ms: value.commit_timestamp,
        expires_ms: (value.expire_timestamp >= 0).then_some(value.expire_timestamp),
        topic_id: (!value.topic_id.is_zero()).then_some(value.topic_id),
        position: RecordPosition::At(offset),
    })
}

/// The value of a classic group.
pub(super) fn decode_group(value: Bytes) -> Result<GroupMetadataValue, DecodeError> {
    decode_versioned(value)
}

/// A record that deletes what `key` is about.
pub(super) const fn tombstone(key: Bytes) -> CoordinatorRecord {
    CoordinatorRecord { key, value: None }
}

/// The record of a committed offset.
pub(super) fn offset_record(
    group: &GroupId,
    place: &Place,
    entry: &OffsetEntry,
) -> CoordinatorRecord {
    let version = match (entry.expires_ms, entry.topic_id) {
        (Some(_), _) => OFFSET_VERSION_WITH_EXPIRY,
        (None, None) => OFFSET_VERSION,
        (None, Some(_)) => OFFSET_VERSION_WITH_TOPIC_ID,
    };
    let value = OffsetCommitValue {
        offset: entry.offset,
        leader_epoch: entry.leader_epoch.unwrap_or(-1),
        metadata: entry.metadata.as_ref().to_owned(),
        commit_timestamp: entry.committed_ms,
        expire_timestamp: entry.expires_ms.unwrap_or(-1),
        topic_id: entry.topic_id.unwrap_or(Uuid::ZERO),
        ..Default::default()
    };
    CoordinatorRecord {
        key: offset_key(group, place),
        value: Some(encoded(encode_versioned(&value, version))),
    }
}

/// The key of a committed offset.
pub(super) fn offset_key(group: &GroupId, place: &Place) -> Bytes {
    let key = OffsetCommitKey {
        group: group.as_ref().to_owned(),
        topic: place.0.as_ref().to_owned(),
        partition: place.1,
    };
    encoded(encode_record_key(&key))
}

/// The key of a classic group.
pub(super) fn group_key(group: &GroupId) -> Bytes {
    let key = GroupMetadataKey {
        group: group.as_ref().to_owned(),
    };
    encoded(encode_record_key(&key))
}

/// The record of a classic group, with `assignments` in place of the ones that the members have.
pub(super) fn group_metadata_record(
    group: &Group,
    assignments: Option<&BTreeMap<MemberId, Bytes>>,
) -> CoordinatorRecord {
    let membership = &group.membership;
    let text = |text: &Option<Arc<str>>| text.as_deref().map(str::to_owned);
    let protocol = membership.protocol.as_deref().unwrap_or("");
    let members = membership.members.values().map(|member| {
        let assigned = assignments.and_then(|assignments| assignments.get(&member.id));
        member_metadata(member, protocol, assigned.unwrap_or(&member.assignment))
    });
    let value = GroupMetadataValue {
        protocol_type: text(&membership.protocol_type).unwrap_or_default(),
        generation: membership.generation,
        protocol: text(&membership.protocol),
        leader: text(&membership.leader),
        current_state_timestamp: membership.state_changed_ms.unwrap_or(-1),
        members: members.collect(),
        ..Default::default()
    };
    CoordinatorRecord {
        key: group_key(&group.id),
        value: Some(encoded(encode_versioned(&value, GROUP_METADATA_VERSION))),
    }
}

fn member_metadata(member: &Member, protocol: &str, assignment: &Bytes) -> MemberMetadata {
    MemberMetadata {
        member_id: member.id.as_ref().to_owned(),
        group_instance_id: member.instance_id.as_deref().map(str::to_owned),
        client_id: member.client_id.as_ref().to_owned(),
        client_host: member.client_host.as_ref().to_owned(),
        rebalance_timeout: member.rebalance_timeout_ms,
        session_timeout: member.session_timeout_ms,
        subscription: member.metadata(protocol),
        assignment: assignment.clone(),
        ..Default::default()
    }
}

/// What comes of requests has a form in records: the strings of both are of the same lengths.
fn encoded(result: Result<Bytes, EncodeError>) -> Bytes {
    result.expect("what requests carried fits into records")
}
