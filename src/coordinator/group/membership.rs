//! The members of a group and the state they are in together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::model::{ErrorCode, TimestampMs};
use crate::stdx::duration_of_ms;

use super::MemberId;
use super::java::table_place;
use super::member::{Member, Protocol};
use super::subscription::decode_topics;
use super::timers::TimerId;

/// The protocol type of consumers: the only one whose metadata the broker looks into.
pub(super) const CONSUMER_PROTOCOL_TYPE: &str = "consumer";

/// Where a group is in its cycle.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum GroupState {
    /// It has no members.
    Empty,
    /// Its members are called to join the next generation.
    PreparingRebalance,
    /// The next generation is formed; the leader works out the assignments.
    CompletingRebalance,
    /// Every member can know its assignment.
    Stable,
}

impl GroupState {
    /// Kafka's name of the state.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
        }
    }
}

/// How the join phase ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum JoinTimer {
    /// The group was empty: it waits `delay`, and as long as new members come, again and again
    /// until `remaining` is used up.
    Initial {
        id: TimerId,
        delay: Duration,
        remaining: Duration,
    },
    /// Members that have not joined again by then are left behind.
    Rebalance { id: TimerId },
}

impl JoinTimer {
    /// The timer that fires.
    pub(super) const fn id(self) -> TimerId {
        match self {
            Self::Initial { id, .. } | Self::Rebalance { id } => id,
        }
    }
}

/// The members of a group, and the state and generation they share.
#[derive(Clone, Debug)]
pub(super) struct Membership {
    pub(super) state: GroupState,
    pub(super) previous_state: GroupState,
    /// When the state was entered; unknown in records of old brokers.
    pub(super) state_changed_ms: Option<TimestampMs>,
    pub(super) generation: i32,
    pub(super) protocol_type: Option<Arc<str>>,
    /// What all members of this generation follow.
    pub(super) protocol: Option<Arc<str>>,
    pub(super) leader: Option<MemberId>,
    pub(super) members: BTreeMap<MemberId, Member>,
    /// Ids that were given out and whose owners have yet to join with them, with the timer that
    /// forgets them.
    pub(super) pending: BTreeMap<MemberId, TimerId>,
    /// The generation whose assignments are on their way to the log.
    pub(super) assigning: Option<i32>,
    /// Members of this generation that have not asked for their assignment.
    pub(super) unsynced: BTreeSet<MemberId>,
    /// What the members of this generation consume, if they are consumers and say so.
    pub(super) subscribed_topics: Option<BTreeSet<String>>,
    /// A member came during the initial delay.
    pub(super) new_member_added: bool,
    pub(super) join_timer: Option<JoinTimer>,
    pub(super) sync_timer: Option<TimerId>,
    static_members: BTreeMap<Arc<str>, MemberId>,
    /// How many members know each protocol.
    supporters: BTreeMap<Arc<str>, usize>,
    joined_count: usize,
}

impl Membership {
    /// No members and no past.
    pub(super) const fn new(state_changed_ms: Option<TimestampMs>) -> Self {
        Self {
            state: GroupState::Empty,
            previous_state: GroupState::Empty,
            state_changed_ms,
            generation: 0,
            protocol_type: None,
            protocol: None,
            leader: None,
            members: BTreeMap::new(),
            pending: BTreeMap::new(),
            assigning: None,
            unsynced: BTreeSet::new(),
            subscribed_topics: None,
            new_member_added: false,
            join_timer: None,
            sync_timer: None,
            static_members: BTreeMap::new(),
            supporters: BTreeMap::new(),
            joined_count: 0,
        }
    }

    /// True if nobody is or is about to become a member.
    pub(super) fn is_vacant(&self) -> bool {
        self.members.is_empty() && self.pending.is_empty()
    }

    /// Enter `state`.
    pub(super) fn enter(&mut self, state: GroupState, now_ms: TimestampMs) {
        let allowed = match state {
            GroupState::PreparingRebalance => self.state != GroupState::PreparingRebalance,
            GroupState::CompletingRebalance | GroupState::Empty => {
                self.state == GroupState::PreparingRebalance
            }
            GroupState::Stable => self.state == GroupState::CompletingRebalance,
        };
        assert!(
            allowed,
            "a group does not go from {:?} to {state:?}",
            self.state
        );
        self.previous_state = self.state;
        self.state = state;
        self.state_changed_ms = Some(now_ms);
    }

    /// The member that is the static member `instance_id`.
    pub(super) fn static_member(&self, instance_id: &str) -> Option<&MemberId> {
        self.static_members.get(instance_id)
    }

    /// True if `id` leads the group.
    pub(super) fn is_leader(&self, id: &str) -> bool {
        self.leader.as_deref() == Some(id)
    }

    /// How many members wait in the join phase.
    pub(super) const fn joined_count(&self) -> usize {
        self.joined_count
    }

    /// True if nobody is missing in the join phase.
    pub(super) fn all_joined(&self) -> bool {
        self.members.len() == self.joined_count && self.pending.is_empty()
    }

    /// True if it is a group of consumers.
    pub(super) fn is_of_consumers(&self) -> bool {
        self.protocol_type.as_deref() == Some(CONSUMER_PROTOCOL_TYPE)
    }

    /// True if the members consume `topic`, or might: consumers whose subscription is unreadable
    /// keep the offsets of every topic.
    pub(super) fn is_subscribed_to(&self, topic: &str) -> bool {
        self.subscribed_topics
            .as_ref()
            .map_or_else(|| self.is_of_consumers(), |topics| topics.contains(topic))
    }

    /// The longest time that a member may take to join again.
    pub(super) fn rebalance_timeout(&self) -> Duration {
        let longest_ms = self
            .members
            .values()
            .map(|member| member.rebalance_timeout_ms)
            .max();
        duration_of_ms(longest_ms.unwrap_or(0))
    }

    /// Whether the caller is who it claims to be (KIP-345).
    pub(super) fn validate_member(
        &self,
        id: &str,
        instance_id: Option<&str>,
    ) -> Result<(), ErrorCode> {
        if let Some(instance_id) = instance_id {
            let current = self.static_member(instance_id);
            if current.ok_or(ErrorCode::UnknownMemberId)?.as_ref() != id {
                return Err(ErrorCode::FencedInstanceId);
            }
        }
        if self.members.contains_key(id) {
            Ok(())
        } else {
            Err(ErrorCode::UnknownMemberId)
        }
    }

    /// True if a member with these protocols can be in the group with the present members.
    pub(super) fn supports(&self, protocol_type: &str, protocols: &[Protocol]) -> bool {
        if self.state == GroupState::Empty {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        self.protocol_type.as_deref() == Some(protocol_type)
            && protocols
                .iter()
                .any(|protocol| self.is_supported_by_all(&protocol.name))
    }

    fn is_supported_by_all(&self, protocol: &str) -> bool {
        self.supporters.get(protocol).copied().unwrap_or(0) == self.members.len()
    }

    /// Take `member` in; the first one becomes the leader and says what type the group is of.
    pub(super) fn add(&mut self, member: Member, protocol_type: &Arc<str>) {
        assert!(
            !self.members.contains_key(&member.id),
            "a member is taken in once"
        );
        if self.members.is_empty() {
            self.protocol_type = Some(Arc::clone(protocol_type));
        }
        if self.leader.is_none() {
            self.leader = Some(Arc::clone(&member.id));
        }
        if let Some(instance_id) = &member.instance_id {
            let previous = self
                .static_members
                .insert(Arc::clone(instance_id), Arc::clone(&member.id));
            assert!(previous.is_none(), "a static member is taken in once");
        }
        self.count_supporters(&member.protocols);
        self.joined_count += usize::from(member.parked_join.is_some());
        self.pending.remove(&member.id);
        self.members.insert(Arc::clone(&member.id), member);
    }

    /// Let the member `id` go. Who leads instead is the next one; the next join phase asks again.
    pub(super) fn remove(&mut self, id: &str) -> Option<Member> {
        let member = self.members.remove(id)?;
        self.discount_supporters(&member.protocols);
        self.joined_count -= usize::from(member.parked_join.is_some());
        self.unsynced.remove(id);
        if let Some(instance_id) = &member.instance_id {
            self.static_members.remove(instance_id);
        }
        if self.is_leader(id) {
            self.leader = self.members.keys().next().cloned();
        }
        Some(member)
    }

    /// Let the static member `old_id` go on as `new_id`, with nothing parked.
    pub(super) fn replace_static(&mut self, old_id: &str, new_id: &MemberId) {
        let mut member = self
            .members
            .remove(old_id)
            .expect("a static member that is replaced is there");
        assert!(
            member.parked_join.is_none() && member.parked_sync.is_none(),
            "a replaced member was answered"
        );
        let instance_id = member
            .instance_id
            .clone()
            .expect("a replaced member is static");
        member.id = Arc::clone(new_id);
        if self.is_leader(old_id) {
            self.leader = Some(Arc::clone(new_id));
        }
        if self.unsynced.remove(old_id) {
            self.unsynced.insert(Arc::clone(new_id));
        }
        self.static_members.insert(instance_id, Arc::clone(new_id));
        self.members.insert(Arc::clone(new_id), member);
    }

    /// The member `id` says anew what it can do and how patient it is.
    pub(super) fn update(
        &mut self,
        id: &str,
        protocols: Vec<Protocol>,
        rebalance_timeout_ms: i32,
        session_timeout_ms: i32,
    ) {
        let member = self
            .members
            .get_mut(id)
            .expect("an updated member is there");
        let old = std::mem::replace(&mut member.protocols, protocols);
        member.rebalance_timeout_ms = rebalance_timeout_ms;
        member.session_timeout_ms = session_timeout_ms;
        let new = member.protocols.clone();
        self.discount_supporters(&old);
        self.count_supporters(&new);
    }

    /// The member `id` waits in the join phase, or no longer does. Gives what it waited with.
    pub(super) fn set_parked_join(
        &mut self,
        id: &str,
        parked: Option<super::member::Parked>,
    ) -> Option<super::member::Parked> {
        let member = self.members.get_mut(id).expect("a joining member is there");
        let before = std::mem::replace(&mut member.parked_join, parked);
        self.joined_count += usize::from(parked.is_some());
        self.joined_count -= usize::from(before.is_some());
        before
    }

    fn count_supporters(&mut self, protocols: &[Protocol]) {
        for protocol in protocols {
            *self
                .supporters
                .entry(Arc::clone(&protocol.name))
                .or_insert(0) += 1;
        }
    }

    fn discount_supporters(&mut self, protocols: &[Protocol]) {
        for protocol in protocols {
            if let Some(count) = self.supporters.get_mut(&protocol.name) {
                *count -= 1;
                if *count == 0 {
                    self.supporters.remove(&protocol.name);
                }
            }
        }
    }

    /// The protocol that most members prefer among those that all know. Of equals the one that
    /// Kafka's hash table lists first.
    pub(super) fn select_protocol(&self) -> Option<Arc<str>> {
        let mut votes: BTreeMap<&Arc<str>, usize> = BTreeMap::new();
        for member in self.members.values() {
            let mut preferred = member.protocols.iter().map(|protocol| &protocol.name);
            if let Some(name) = preferred.find(|name| self.is_supported_by_all(name)) {
                *votes.entry(name).or_insert(0) += 1;
            }
        }
        let names = votes.len();
        votes
            .into_iter()
            .min_by_key(|(name, count)| (std::cmp::Reverse(*count), table_place(name, names)))
            .map(|(name, _)| Arc::clone(name))
    }

    /// The leader if it has joined, else any member that has. None if nobody has.
    pub(super) fn elect_joined_leader(&mut self) -> bool {
        let Some(leader) = &self.leader else {
            return false;
        };
        if self.members[leader].parked_join.is_some() {
            return true;
        }
        let joined = self
            .members
            .values()
            .find(|member| member.parked_join.is_some());
        let Some(joined) = joined else { return false };
        self.leader = Some(Arc::clone(&joined.id));
        true
    }

    /// The next generation begins with the present members.
    pub(super) fn begin_generation(&mut self, now_ms: TimestampMs) {
        // A generation of 2^31 can only come from a record; Kafka goes on below zero, where its
        // own clients take it for no generation.
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        self.unsynced.clear();
        self.protocol = self.select_protocol();
        self.subscribed_topics = self.compute_subscribed_topics();
        let state = if self.members.is_empty() {
            GroupState::Empty
        } else {
            GroupState::CompletingRebalance
        };
        self.enter(state, now_ms);
    }

    /// What the members subscribe to, if all of them can be read.
    pub(super) fn compute_subscribed_topics(&self) -> Option<BTreeSet<String>> {
        if !self.is_of_consumers() {
            return None;
        }
        let mut topics = BTreeSet::new();
        if let Some(protocol) = &self.protocol {
            for member in self.members.values() {
                topics.extend(decode_topics(member.metadata(protocol))?);
            }
        }
        Some(topics)
    }

    /// The members give up their assignments.
    pub(super) fn clear_assignments(&mut self) {
        for member in self.members.values_mut() {
            member.assignment = Bytes::new();
        }
    }

    /// Whatever must hold between two calls.
    pub(super) fn check(&self) {
        let joined = self.members.values().filter(|m| m.parked_join.is_some());
        assert_eq!(
            joined.count(),
            self.joined_count,
            "joined members are counted"
        );
        assert_eq!(
            self.state == GroupState::Empty,
            self.members.is_empty() && self.state != GroupState::PreparingRebalance,
            "only an empty group has no members"
        );
        if let Some(leader) = &self.leader {
            assert!(self.members.contains_key(leader), "the leader is a member");
        }
        assert_eq!(
            self.leader.is_none(),
            self.members.is_empty(),
            "a group with members has one leader"
        );
        for (id, member) in &self.members {
            assert_eq!(id, &member.id, "a member is found by its id");
            assert!(
                !self.pending.contains_key(id),
                "a member is no longer pending"
            );
            if member.parked_join.is_some() {
                assert!(
                    matches!(
                        self.state,
                        GroupState::PreparingRebalance | GroupState::Stable
                    ),
                    "joining members wait for a rebalance or for their own replacement"
                );
            }
            if member.parked_sync.is_some() {
                assert_eq!(
                    self.state,
                    GroupState::CompletingRebalance,
                    "members wait for assignments while the leader works them out"
                );
            }
            if let Some(instance_id) = &member.instance_id {
                assert_eq!(self.static_members.get(instance_id), Some(id));
            }
        }
        let static_members = self.members.values().filter(|m| m.instance_id.is_some());
        assert_eq!(static_members.count(), self.static_members.len());
        assert!(
            self.unsynced.iter().all(|id| self.members.contains_key(id)),
            "only members owe a sync"
        );
        assert_eq!(
            self.join_timer.is_some(),
            self.state == GroupState::PreparingRebalance,
            "a join phase ends by itself"
        );
    }
}
