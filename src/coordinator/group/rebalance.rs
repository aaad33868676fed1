//! The join phase: how it begins, who is in the next generation, and what ends it.

use std::sync::Arc;
use std::time::Duration;

use crate::model::ErrorCode;
use crate::protocol::messages::JoinGroupResponse;
use crate::protocol::messages::join_group_response::JoinGroupResponseMember;
use crate::stdx::duration_of_ms;

use super::coordinator::Turn;
use super::group_entry::Group;
use super::join::{answer_join, join_error};
use super::member::Parked;
use super::membership::{GroupState, JoinTimer, Membership};
use super::output::Output;
use super::records::group_metadata_record;
use super::request::GroupResponse;
use super::sync::sync_error;
use super::timers::{Timer, TimerId};

/// How long static members that have not come back are waited for at least before it is seen again
/// whether one has. Clients may claim a rebalance timeout of zero, and the same instant would
/// never end.
const STATIC_JOIN_DURATION_MIN: Duration = Duration::from_millis(100);

impl Turn<'_> {
    /// The loaded group is served from now on: its members have one session timeout to come back.
    pub(super) fn welcome(&mut self, group: &mut Group) {
        let ids: Vec<_> = group.membership.members.keys().cloned().collect();
        for id in ids {
            self.restart_session(group, &id);
        }
        if group.membership.members.len() > self.settings.members_max {
            self.prepare_rebalance(group);
        }
    }

    /// The member `id` was heard of: its session starts again.
    pub(super) fn restart_session(&mut self, group: &mut Group, id: &str) {
        let member = &group.membership.members[id];
        let timeout = duration_of_ms(member.session_timeout_ms);
        self.restart_session_for(group, id, timeout);
    }

    /// The member `id` is given up unless it is heard of within `timeout`.
    pub(super) fn restart_session_for(&mut self, group: &mut Group, id: &str, timeout: Duration) {
        let member = group.membership.members.get_mut(id);
        let member = member.expect("a session belongs to a member");
        if let Some(timer) = member.session_timer.take() {
            self.timers.cancel(timer);
        }
        let timer = Timer::Session(Arc::clone(&group.id), Arc::clone(&member.id));
        member.session_timer = Some(self.timers.schedule(self.now.instant + timeout, timer));
    }

    /// Something about the members changed: call everybody again, or see whether the call that is
    /// under way has been answered.
    pub(super) fn rebalance(&mut self, group: &mut Group) {
        if group.membership.state == GroupState::PreparingRebalance {
            self.complete_join_if_all_joined(group);
        } else {
            self.prepare_rebalance(group);
        }
    }

    /// Call the members to join the next generation.
    pub(super) fn prepare_rebalance(&mut self, group: &mut Group) {
        if group.membership.state == GroupState::CompletingRebalance {
            group.membership.clear_assignments();
            self.propagate_assignments(group, ErrorCode::RebalanceInProgress);
        }
        self.cancel_sync_timer(&mut group.membership);
        let was_empty = group.membership.state == GroupState::Empty;
        group
            .membership
            .enter(GroupState::PreparingRebalance, self.now.wall_ms);
        if was_empty {
            let delay = self.settings.initial_rebalance_delay;
            let remaining = group.membership.rebalance_timeout().saturating_sub(delay);
            self.schedule_initial_join(group, delay, remaining);
        } else if group.membership.all_joined() {
            self.complete_join(group);
        } else {
            self.schedule_join(group, Duration::ZERO);
        }
    }

    fn schedule_initial_join(&mut self, group: &mut Group, delay: Duration, remaining: Duration) {
        let timer = Timer::Join(Arc::clone(&group.id));
        let id = self.timers.schedule(self.now.instant + delay, timer);
        group.membership.join_timer = Some(JoinTimer::Initial {
            id,
            delay,
            remaining,
        });
    }

    fn schedule_join(&mut self, group: &mut Group, duration_min: Duration) {
        let at = self.now.instant + group.membership.rebalance_timeout().max(duration_min);
        let id = self.timers.schedule(at, Timer::Join(Arc::clone(&group.id)));
        group.membership.join_timer = Some(JoinTimer::Rebalance { id });
    }

    fn cancel_sync_timer(&mut self, membership: &mut Membership) {
        if let Some(timer) = membership.sync_timer.take() {
            self.timers.cancel(timer);
        }
    }

    /// End the join phase if nobody is missing. A group that was empty waits for its delay.
    fn complete_join_if_all_joined(&mut self, group: &mut Group) {
        if group.membership.previous_state != GroupState::Empty && group.membership.all_joined() {
            self.complete_join(group);
        }
    }

    /// The time of the join phase is over, or the initial delay.
    pub(super) fn on_join_timer(&mut self, group: &mut Group, timer: TimerId) {
        let Some(current) = group.membership.join_timer else {
            return;
        };
        if current.id() != timer {
            return;
        }
        match current {
            JoinTimer::Initial {
                delay, remaining, ..
            } if group.membership.new_member_added && !remaining.is_zero() => {
                group.membership.new_member_added = false;
                let next_delay = self.settings.initial_rebalance_delay.min(remaining);
                let next_remaining = remaining.saturating_sub(delay);
                self.schedule_initial_join(group, next_delay, next_remaining);
            }
            _ => self.complete_join(group),
        }
    }

    /// Form the next generation of those who have joined.
    fn complete_join(&mut self, group: &mut Group) {
        if let Some(timer) = group.membership.join_timer.take() {
            self.timers.cancel(timer.id());
        }
        let left_behind: Vec<_> = group
            .membership
            .members
            .values()
            .filter(|member| member.parked_join.is_none() && member.instance_id.is_none())
            .map(|member| Arc::clone(&member.id))
            .collect();
        for id in left_behind {
            self.drop_member(group, &id, ErrorCode::UnknownMemberId);
        }
        if !group.membership.elect_joined_leader() && !group.membership.members.is_empty() {
            // Static members only, and none has come back yet: their sessions decide.
            self.schedule_join(group, STATIC_JOIN_DURATION_MIN);
            return;
        }
        group.membership.new_member_added = false;
        group.membership.begin_generation(self.now.wall_ms);
        if group.membership.state == GroupState::Empty {
            let record = group_metadata_record(group, None);
            self.write(group, true, vec![record]);
            return;
        }
        let ids: Vec<_> = group.membership.members.keys().cloned().collect();
        for id in ids {
            if let Some(parked) = group.membership.set_parked_join(&id, None) {
                let response = joined_response(&group.membership, &id);
                answer_join(self.output, parked, response);
            }
            self.restart_session(group, &id);
            if let Some(member) = group.membership.members.get_mut(&id) {
                member.is_new = false;
            }
            group.membership.unsynced.insert(id);
        }
        let at = self.now.instant + group.membership.rebalance_timeout();
        let timer = Timer::Sync(Arc::clone(&group.id));
        group.membership.sync_timer = Some(self.timers.schedule(at, timer));
    }

    /// Members that have not asked for their assignment within the rebalance timeout leave.
    pub(super) fn on_sync_timer(&mut self, group: &mut Group, timer: TimerId) {
        if group.membership.sync_timer != Some(timer) {
            return;
        }
        group.membership.sync_timer = None;
        let unsynced = std::mem::take(&mut group.membership.unsynced);
        assert!(!unsynced.is_empty(), "a sync timer waits for somebody");
        for id in unsynced {
            self.drop_member(group, &id, ErrorCode::UnknownMemberId);
        }
        self.prepare_rebalance(group);
    }

    /// A session has ended: of a member, or of an id that was given out.
    pub(super) fn on_session_timer(&mut self, group: &mut Group, id: &str, timer: TimerId) {
        if group.membership.pending.get(id) == Some(&timer) {
            self.remove_pending(group, id);
            return;
        }
        let Some(member) = group.membership.members.get_mut(id) else {
            return;
        };
        if member.session_timer != Some(timer) {
            return;
        }
        member.session_timer = None;
        if !member.is_excused() {
            self.remove_member(group, id);
        }
    }

    /// Nobody joins with the id that was given out any more.
    pub(super) fn remove_pending(&mut self, group: &mut Group, id: &str) {
        if let Some(timer) = group.membership.pending.remove(id) {
            self.timers.cancel(timer);
        }
        if group.membership.state == GroupState::PreparingRebalance {
            self.complete_join_if_all_joined(group);
        }
    }

    /// The member `id` leaves or is given up, and the others rebalance.
    pub(super) fn remove_member(&mut self, group: &mut Group, id: &str) {
        self.drop_member(group, id, ErrorCode::UnknownMemberId);
        self.rebalance(group);
    }

    /// Forget the member `id`; what it waits for is answered with `error`.
    pub(super) fn drop_member(&mut self, group: &mut Group, id: &str, error: ErrorCode) {
        let Some(member) = group.membership.remove(id) else {
            return;
        };
        if let Some(timer) = member.session_timer {
            self.timers.cancel(timer);
        }
        if group.membership.unsynced.is_empty() {
            self.cancel_sync_timer(&mut group.membership);
        }
        if let Some(parked) = member.parked_join {
            // Without an id: the client may join again as a new member.
            answer_join(
                self.output,
                parked,
                join_error(parked.api_version, "", error),
            );
        }
        if let Some(parked) = member.parked_sync {
            let response = GroupResponse::SyncGroup(sync_error(error));
            self.output.answer(parked.request, response);
        }
    }

    /// The write that made the group has failed: whoever came in the meantime hears why.
    pub(super) fn on_never_created(&mut self, group: &mut Group, error: ErrorCode) {
        group.answer_everyone(error, self.output);
        self.reset_membership(group);
    }

    /// Members, pending ids and timers are gone, the generation starts at zero. Gives what was.
    pub(super) fn reset_membership(&mut self, group: &mut Group) -> Membership {
        let fresh = Membership::new(Some(self.now.wall_ms));
        let old = std::mem::replace(&mut group.membership, fresh);
        for timer in old.timers() {
            self.timers.cancel(timer);
        }
        old
    }
}

impl Group {
    /// Answer every request that waits in this group with `error`.
    pub(super) fn answer_everyone(&mut self, error: ErrorCode, output: &mut Output) {
        let ids: Vec<_> = self.membership.members.keys().cloned().collect();
        for id in ids {
            if let Some(parked) = self.membership.set_parked_join(&id, None) {
                answer_join(output, parked, join_error(parked.api_version, &id, error));
            }
            if let Some(parked) = self.membership.take_parked_sync(&id) {
                output.answer(parked.request, GroupResponse::SyncGroup(sync_error(error)));
            }
        }
    }
}

impl Membership {
    /// The member `id` no longer waits for its assignment. Gives what it waited with.
    pub(super) fn take_parked_sync(&mut self, id: &str) -> Option<Parked> {
        self.members.get_mut(id)?.parked_sync.take()
    }

    /// Every timer that is to fire for these members.
    pub(super) fn timers(&self) -> impl Iterator<Item = TimerId> {
        let sessions = self.members.values().filter_map(|m| m.session_timer);
        let join = self.join_timer.map(JoinTimer::id);
        sessions
            .chain(self.pending.values().copied())
            .chain(join)
            .chain(self.sync_timer)
    }

    /// How many timers are to fire for these members.
    pub(super) fn timer_count(&self) -> usize {
        self.timers().count()
    }
}

/// The generation as the member `id` is told of it: its leader learns of all members.
pub(super) fn joined_response(membership: &Membership, id: &str) -> JoinGroupResponse {
    let members = if membership.is_leader(id) {
        members_for_leader(membership)
    } else {
        Vec::new()
    };
    JoinGroupResponse {
        generation_id: membership.generation,
        protocol_type: membership.protocol_type.as_deref().map(str::to_owned),
        protocol_name: membership.protocol.as_deref().map(str::to_owned),
        leader: membership.leader.as_deref().unwrap_or("").to_owned(),
        member_id: id.to_owned(),
        members,
        ..Default::default()
    }
}

fn members_for_leader(membership: &Membership) -> Vec<JoinGroupResponseMember> {
    let protocol = membership.protocol.as_deref().unwrap_or("");
    let members = membership.members.values();
    members
        .map(|member| JoinGroupResponseMember {
            member_id: member.id.as_ref().to_owned(),
            group_instance_id: member.instance_id.as_deref().map(str::to_owned),
            metadata: member.metadata(protocol),
            ..Default::default()
        })
        .collect()
}
