//! Groups that follow another protocol, of which only the records are kept (KIP-848, KIP-932,
//! KIP-1071).

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::protocol::RecordContent;
use crate::protocol::messages::{
    ConsumerGroupCurrentMemberAssignmentKey, ConsumerGroupMemberMetadataKey,
    ConsumerGroupMetadataKey, ConsumerGroupPartitionMetadataKey, ConsumerGroupRegularExpressionKey,
    ConsumerGroupTargetAssignmentMemberKey, ConsumerGroupTargetAssignmentMetadataKey,
    ShareGroupCurrentMemberAssignmentKey, ShareGroupMemberMetadataKey, ShareGroupMetadataKey,
    ShareGroupStatePartitionMetadataKey, ShareGroupTargetAssignmentMemberKey,
    ShareGroupTargetAssignmentMetadataKey, StreamsGroupCurrentMemberAssignmentKey,
    StreamsGroupMemberMetadataKey, StreamsGroupMetadataKey, StreamsGroupTargetAssignmentMemberKey,
    StreamsGroupTargetAssignmentMetadataKey, StreamsGroupTopologyKey,
};

/// Which protocol a group follows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum GroupKind {
    Consumer,
    Share,
    Streams,
}

impl GroupKind {
    /// The kind of group that has records of this type; `None` for other types.
    pub(super) const fn of_record_type(record_type: i16) -> Option<Self> {
        match record_type {
            ConsumerGroupMetadataKey::TYPE
            | ConsumerGroupPartitionMetadataKey::TYPE
            | ConsumerGroupMemberMetadataKey::TYPE
            | ConsumerGroupTargetAssignmentMetadataKey::TYPE
            | ConsumerGroupTargetAssignmentMemberKey::TYPE
            | ConsumerGroupCurrentMemberAssignmentKey::TYPE
            | ConsumerGroupRegularExpressionKey::TYPE => Some(Self::Consumer),
            ShareGroupMetadataKey::TYPE
            | ShareGroupMemberMetadataKey::TYPE
            | ShareGroupTargetAssignmentMetadataKey::TYPE
            | ShareGroupTargetAssignmentMemberKey::TYPE
            | ShareGroupCurrentMemberAssignmentKey::TYPE
            | ShareGroupStatePartitionMetadataKey::TYPE => Some(Self::Share),
            StreamsGroupMetadataKey::TYPE
            | StreamsGroupMemberMetadataKey::TYPE
            | StreamsGroupTargetAssignmentMetadataKey::TYPE
            | StreamsGroupTargetAssignmentMemberKey::TYPE
            | StreamsGroupCurrentMemberAssignmentKey::TYPE
            | StreamsGroupTopologyKey::TYPE => Some(Self::Streams),
            _ => None,
        }
    }

    /// True if records of this type say that a group has a member.
    pub(super) const fn is_member_record_type(record_type: i16) -> bool {
        matches!(
            record_type,
            ConsumerGroupMemberMetadataKey::TYPE
                | ShareGroupMemberMetadataKey::TYPE
                | StreamsGroupMemberMetadataKey::TYPE
        )
    }

    /// Kafka's name of the kind, which is also the group's protocol type.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Consumer => "consumer",
            Self::Share => "share",
            Self::Streams => "streams",
        }
    }
}

/// The records of one group. The log keeps what they say; which ones there are is known here, so
/// that the group can be listed and deleted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct KeptGroup {
    pub(super) kind: GroupKind,
    /// The keys, and whether a record stands for a member.
    records: BTreeMap<Bytes, bool>,
}

impl KeptGroup {
    /// A group without records.
    pub(super) const fn new(kind: GroupKind) -> Self {
        Self {
            kind,
            records: BTreeMap::new(),
        }
    }

    /// There is a record `key`. It is copied: a slice would keep the whole buffer it was read in.
    pub(super) fn put(&mut self, key: &[u8], is_member: bool) {
        self.records.insert(Bytes::copy_from_slice(key), is_member);
    }

    /// The record `key` is deleted.
    pub(super) fn delete(&mut self, key: &[u8]) {
        self.records.remove(key);
    }

    /// True if no record is left.
    pub(super) fn is_over(&self) -> bool {
        self.records.is_empty()
    }

    /// True if the group has no members.
    pub(super) fn is_empty(&self) -> bool {
        !self.records.values().any(|is_member| *is_member)
    }

    /// The keys of the group's records.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Bytes> {
        self.records.keys()
    }
}
