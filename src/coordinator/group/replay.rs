//! From records to groups, when the partition is loaded.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;

use crate::model::{Offset, ProducerId};
use crate::protocol::DecodeError;
use crate::protocol::messages::GroupMetadataValue;
use crate::protocol::messages::group_metadata_value::MemberMetadata;

use super::GroupId;
use super::coordinator::GroupCoordinator;
use super::group_entry::Group;
use super::kept::{GroupKind, KeptGroup};
use super::member::{Member, Protocol};
use super::membership::{GroupState, Membership};
use super::offsets::Place;
use super::records::{RecordKey, decode_group, decode_offset};

/// One record of the partition.
#[derive(Clone, Debug)]
pub struct ReplayedRecord {
    /// What the record is about.
    pub key: Bytes,
    /// What it says; nothing in a tombstone.
    pub value: Option<Bytes>,
    /// Its offset in the partition.
    pub offset: Offset,
    /// Whose transaction it is part of.
    pub transaction: Option<ProducerId>,
}

/// The groups whose offsets wait for the end of a transaction.
#[derive(Debug, Default)]
pub(super) struct OpenTransactions {
    groups: BTreeMap<ProducerId, BTreeSet<GroupId>>,
}

impl GroupCoordinator {
    /// Take in the next record. Records must come in their order, before
    /// [`GroupCoordinator::on_loaded`].
    ///
    /// # Errors
    /// If the record is not one of Kafka's; nothing has changed then.
    pub fn replay(&mut self, record: ReplayedRecord) -> Result<(), DecodeError> {
        assert!(
            !self.is_loaded,
            "records are replayed before they are served"
        );
        match RecordKey::decode(record.key.clone())? {
            RecordKey::Offset { group, place } => self.replay_offset(&group, place, record),
            RecordKey::Group { group } => self.replay_group(&group, record.value),
            RecordKey::Kept { kind, group } => {
                self.replay_kept(&group, kind, &record);
                Ok(())
            }
            RecordKey::Unknown => Ok(()),
        }
    }

    /// The transaction of `producer_id` has ended: a control record said so, which was read, or is
    /// appended now.
    pub fn replay_transaction_end(&mut self, producer_id: ProducerId, is_committed: bool) {
        let groups = self.transactions.groups.remove(&producer_id);
        for id in groups.unwrap_or_default() {
            if let Some(group) = self.groups.get_mut(&id) {
                group.offsets.end_transaction(producer_id, is_committed);
            }
        }
    }

    fn replayed_group(&mut self, id: &str) -> &mut Group {
        if !self.groups.contains_key(id) {
            let group = Group::new(id, None);
            self.groups.insert(Arc::clone(&group.id), group);
        }
        let group = self.groups.get_mut(id).expect("a group was put there");
        group.set_replayed(true);
        group
    }

    fn replay_offset(
        &mut self,
        group_id: &str,
        place: Place,
        record: ReplayedRecord,
    ) -> Result<(), DecodeError> {
        let Some(value) = record.value else {
            if let Some(group) = self.groups.get_mut(group_id) {
                group.offsets.delete(&place);
            }
            return Ok(());
        };
        let entry = decode_offset(value, record.offset)?;
        let group = self.replayed_group(group_id);
        match record.transaction {
            None => group.offsets.put(place, entry),
            Some(producer_id) => {
                group.offsets.put_transactional(producer_id, place, entry);
                let id = Arc::clone(&group.id);
                let groups = self.transactions.groups.entry(producer_id).or_default();
                groups.insert(id);
            }
        }
        Ok(())
    }

    fn replay_group(&mut self, group_id: &str, value: Option<Bytes>) -> Result<(), DecodeError> {
        match value {
            Some(value) => {
                let membership = membership_of(decode_group(value)?)?;
                let group = self.replayed_group(group_id);
                group.membership = membership;
                // The group followed another protocol before: the later record is what it is now.
                group.kept = None;
            }
            None => {
                if let Some(group) = self.groups.get_mut(group_id) {
                    group.membership = Membership::new(None);
                    self.replay_end(group_id);
                }
            }
        }
        Ok(())
    }

    fn replay_kept(&mut self, group_id: &str, kind: GroupKind, record: &ReplayedRecord) {
        if record.value.is_some() {
            let group = self.replayed_group(group_id);
            let kept = group.kept.get_or_insert_with(|| KeptGroup::new(kind));
            kept.kind = kind;
            kept.put(&record.key);
            group.membership = Membership::new(None);
        } else if let Some(group) = self.groups.get_mut(group_id)
            && let Some(kept) = &mut group.kept
        {
            kept.delete(&record.key);
            if kept.is_over() {
                group.kept = None;
                self.replay_end(group_id);
            }
        }
    }

    /// A group's own records are gone. Offsets that are still there keep it alive.
    fn replay_end(&mut self, group_id: &str) {
        if let Some(group) = self.groups.get_mut(group_id) {
            group.set_replayed(!group.offsets.is_empty() || group.kept.is_some());
            if group.is_forgettable() {
                self.groups.remove(group_id);
            }
        }
    }
}

/// The members that `value` names, in their last generation.
fn membership_of(value: GroupMetadataValue) -> Result<Membership, DecodeError> {
    let expected = |expected| DecodeError {
        position: 0,
        expected,
    };
    let timestamp_ms = value.current_state_timestamp;
    let mut membership = Membership::new((timestamp_ms >= 0).then_some(timestamp_ms));
    membership.generation = value.generation;
    membership.protocol = value.protocol.map(Arc::from);
    let protocol_type: Arc<str> = Arc::from(value.protocol_type);
    if !protocol_type.is_empty() {
        membership.protocol_type = Some(Arc::clone(&protocol_type));
    }
    if !value.members.is_empty() {
        membership.state = GroupState::Stable;
        let protocol = membership.protocol.clone();
        let protocol = protocol.ok_or(expected("a protocol that the members follow"))?;
        for member in value.members {
            let is_known = membership.members.contains_key(member.member_id.as_str())
                || member
                    .group_instance_id
                    .as_deref()
                    .is_some_and(|instance_id| membership.static_member(instance_id).is_some());
            if is_known {
                return Err(expected("members that are named once"));
            }
            membership.add(member_of(member, &protocol), &protocol_type);
        }
        let leader = value.leader.map(Arc::from);
        if leader
            .as_ref()
            .is_some_and(|leader| membership.members.contains_key(leader))
        {
            membership.leader = leader;
        }
    }
    membership.subscribed_topics = membership.compute_subscribed_topics();
    Ok(membership)
}

fn member_of(member: MemberMetadata, protocol: &Arc<str>) -> Member {
    // Records of the oldest brokers have one timeout for both.
    let rebalance_timeout_ms = if member.rebalance_timeout == -1 {
        member.session_timeout
    } else {
        member.rebalance_timeout
    };
    Member {
        id: Arc::from(member.member_id),
        instance_id: member.group_instance_id.map(Arc::from),
        client_id: Arc::from(member.client_id),
        client_host: Arc::from(member.client_host),
        rebalance_timeout_ms,
        session_timeout_ms: member.session_timeout,
        protocols: vec![Protocol {
            name: Arc::clone(protocol),
            metadata: Bytes::copy_from_slice(&member.subscription),
        }],
        assignment: Bytes::copy_from_slice(&member.assignment),
        parked_join: None,
        parked_sync: None,
        is_new: false,
        session_timer: None,
    }
}
