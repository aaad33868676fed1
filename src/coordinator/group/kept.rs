//! Groups that follow another protocol, of which only the records are kept (KIP-848, KIP-932,
//! KIP-1071).
//!
//! Members that the records name are gone: they were Apache Kafka's when it stopped, and no request
//! with which they could say that they live is served here. So such a group is empty, as it would
//! be in Apache Kafka when their sessions have ended.

use std::collections::BTreeSet;

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

    /// The place of a record of this type when its group is deleted: Apache Kafka loads no
    /// partition where one goes that others of the group rely on, a group before its members for
    /// instance.
    const fn deletion_rank(record_type: i16) -> u8 {
        match record_type {
            ConsumerGroupCurrentMemberAssignmentKey::TYPE
            | ShareGroupCurrentMemberAssignmentKey::TYPE
            | StreamsGroupCurrentMemberAssignmentKey::TYPE => 0,
            ConsumerGroupTargetAssignmentMemberKey::TYPE
            | ShareGroupTargetAssignmentMemberKey::TYPE
            | StreamsGroupTargetAssignmentMemberKey::TYPE => 1,
            ConsumerGroupTargetAssignmentMetadataKey::TYPE
            | ShareGroupTargetAssignmentMetadataKey::TYPE
            | StreamsGroupTargetAssignmentMetadataKey::TYPE => 2,
            ConsumerGroupMemberMetadataKey::TYPE
            | ShareGroupMemberMetadataKey::TYPE
            | StreamsGroupMemberMetadataKey::TYPE => 3,
            ConsumerGroupMetadataKey::TYPE
            | ShareGroupMetadataKey::TYPE
            | StreamsGroupMetadataKey::TYPE => 5,
            _ => 4,
        }
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
    /// The keys, in the order in which they are deleted.
    records: BTreeSet<(u8, Bytes)>,
}

impl KeptGroup {
    /// A group without records.
    pub(super) const fn new(kind: GroupKind) -> Self {
        Self {
            kind,
            records: BTreeSet::new(),
        }
    }

    /// There is a record `key`. It is copied: a slice would keep the whole buffer it was read in.
    pub(super) fn put(&mut self, key: &[u8]) {
        self.records
            .insert((rank_of(key), Bytes::copy_from_slice(key)));
    }

    /// The record `key` is deleted.
    pub(super) fn delete(&mut self, key: &Bytes) {
        self.records.remove(&(rank_of(key), key.clone()));
    }

    /// True if no record is left.
    pub(super) fn is_over(&self) -> bool {
        self.records.is_empty()
    }

    /// The keys of the group's records, in the order in which they are to be deleted.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Bytes> {
        self.records.iter().map(|(_, key)| key)
    }
}

fn rank_of(key: &[u8]) -> u8 {
    let record_type = key.first_chunk::<2>().copied().map(i16::from_be_bytes);
    GroupKind::deletion_rank(record_type.unwrap_or_default())
}
