//! `JoinGroup`: who may be a member, and as whom.

use std::sync::Arc;

use bytes::Bytes;

use crate::model::ErrorCode;
use crate::protocol::messages::join_group_request::JoinGroupRequestProtocol;
use crate::protocol::messages::{JoinGroupRequest, JoinGroupResponse};
use crate::stdx::{Now, duration_of_ms};

use super::MemberId;
use super::coordinator::{GroupCoordinator, Turn};
use super::group_entry::Group;
use super::java::address_text;
use super::kept::KeptGroup;
use super::member::{Member, Parked, Protocol};
use super::membership::GroupState;
use super::output::{Output, RequestToken};
use super::rebalance::joined_response;
use super::records::{group_metadata_record, tombstone};
use super::request::{GroupResponse, RequestContext};
use super::settings::{GROUPS_MAX, NEW_MEMBER_JOIN_TIMEOUT, PENDING_MEMBERS_MAX};
use super::timers::Timer;
use super::writes::{Outcome, Replacement};

/// From this version a new member is first given an id and must come again with it (KIP-394).
const VERSION_WITH_MEMBER_ID_REQUIRED: i16 = 4;

/// From this version an absent protocol name may be said to be absent.
const VERSION_WITH_NULL_PROTOCOL_NAME: i16 = 7;

/// From this version a returning static leader learns the members and keeps the assignment
/// (KIP-814).
const VERSION_WITH_SKIP_ASSIGNMENT: i16 = 9;

/// A member id is a name of the member's and a random id, and no longer than any string may be.
const MEMBER_ID_PREFIX_BYTES_MAX: usize = 0x7fff - 37;

/// One client's wish to be a member.
struct Joining {
    parked: Parked,
    member_id: MemberId,
    instance_id: Option<Arc<str>>,
    client_id: Arc<str>,
    client_host: Arc<str>,
    session_timeout_ms: i32,
    rebalance_timeout_ms: i32,
    protocol_type: Arc<str>,
    protocols: Vec<Protocol>,
}

impl Joining {
    fn new(token: RequestToken, context: &RequestContext, request: JoinGroupRequest) -> Self {
        let session_timeout_ms = request.session_timeout_ms;
        Self {
            parked: Parked {
                request: token,
                api_version: context.api_version,
            },
            member_id: Arc::from(request.member_id),
            instance_id: request.group_instance_id.map(Arc::from),
            client_id: Arc::clone(&context.client_id),
            client_host: Arc::from(address_text(context.client_address)),
            session_timeout_ms,
            // Version 0 has one timeout for both.
            rebalance_timeout_ms: if context.api_version == 0 {
                session_timeout_ms
            } else {
                request.rebalance_timeout_ms
            },
            protocol_type: Arc::from(request.protocol_type),
            protocols: distinct_protocols(&request.protocols),
        }
    }

    fn member(&self, id: &MemberId) -> Member {
        Member {
            id: Arc::clone(id),
            instance_id: self.instance_id.clone(),
            client_id: Arc::clone(&self.client_id),
            client_host: Arc::clone(&self.client_host),
            rebalance_timeout_ms: self.rebalance_timeout_ms,
            session_timeout_ms: self.session_timeout_ms,
            protocols: self.protocols.clone(),
            assignment: Bytes::new(),
            parked_join: Some(self.parked),
            parked_sync: None,
            is_new: true,
            session_timer: None,
        }
    }
}

/// The protocols, each once. Their metadata is copied: a slice would keep the whole buffer that
/// the request was received in for as long as the member lives.
fn distinct_protocols(protocols: &[JoinGroupRequestProtocol]) -> Vec<Protocol> {
    let mut distinct: Vec<Protocol> = Vec::with_capacity(protocols.len());
    for protocol in protocols {
        if !distinct.iter().any(|known| *known.name == *protocol.name) {
            distinct.push(Protocol {
                name: Arc::from(protocol.name.as_str()),
                metadata: Bytes::copy_from_slice(&protocol.metadata),
            });
        }
    }
    distinct
}

/// A refusal to the member `member_id`.
pub(super) fn join_error(api_version: i16, member_id: &str, error: ErrorCode) -> JoinGroupResponse {
    let has_null = api_version >= VERSION_WITH_NULL_PROTOCOL_NAME;
    JoinGroupResponse {
        error_code: error.code(),
        protocol_name: (!has_null).then(String::new),
        member_id: member_id.to_owned(),
        ..Default::default()
    }
}

/// Answer a parked request, in its version's way to say that there is no protocol.
pub(super) fn answer_join(output: &mut Output, parked: Parked, mut response: JoinGroupResponse) {
    if parked.api_version < VERSION_WITH_NULL_PROTOCOL_NAME && response.protocol_name.is_none() {
        response.protocol_name = Some(String::new());
    }
    output.answer(parked.request, GroupResponse::JoinGroup(response));
}

fn refuse(output: &mut Output, parked: Parked, member_id: &str, error: ErrorCode) {
    answer_join(
        output,
        parked,
        join_error(parked.api_version, member_id, error),
    );
}

impl GroupCoordinator {
    /// A client wants to become or remain a member.
    pub(super) fn join(
        &mut self,
        now: Now,
        token: RequestToken,
        context: &RequestContext,
        request: JoinGroupRequest,
        output: &mut Output,
    ) {
        let parked = Parked {
            request: token,
            api_version: context.api_version,
        };
        let timeouts = self.settings.session_timeout_ms_min..=self.settings.session_timeout_ms_max;
        if request.group_id.is_empty() {
            return refuse(
                output,
                parked,
                &request.member_id,
                ErrorCode::InvalidGroupId,
            );
        }
        if !timeouts.contains(&request.session_timeout_ms) {
            let error = ErrorCode::InvalidSessionTimeout;
            return refuse(output, parked, &request.member_id, error);
        }
        let group_id = request.group_id.clone();
        let joining = Joining::new(token, context, request);
        let existing = self.groups.get(group_id.as_str());
        let is_there = existing.is_some_and(Group::is_written);
        if !is_there {
            if !joining.member_id.is_empty() {
                return refuse(
                    output,
                    parked,
                    &joining.member_id,
                    ErrorCode::UnknownMemberId,
                );
            }
            if existing.is_none() {
                if self.groups.len() >= GROUPS_MAX {
                    return refuse(output, parked, "", ErrorCode::CoordinatorNotAvailable);
                }
                let group = Group::new(&group_id, Some(now.wall_ms));
                self.groups.insert(Arc::clone(&group.id), group);
            }
        }
        self.with_group(now, &group_id, output, |turn, group| {
            if !is_there {
                // The group is made known before anything else is decided, as in Kafka: it also
                // remains if its first member is refused.
                let record = group_metadata_record(group, None);
                turn.write(group, true, vec![record]);
            }
            turn.join(group, joining);
        });
    }
}

impl Turn<'_> {
    fn join(&mut self, group: &mut Group, joining: Joining) {
        let parked = joining.parked;
        if group.kept.is_some() {
            self.convert_to_classic(group);
        }
        if !self.has_room_for(group, &joining.member_id) {
            let id = &joining.member_id;
            if group.membership.pending.contains_key(id) {
                self.remove_pending(group, id);
            } else {
                self.drop_member(group, id, ErrorCode::GroupMaxSizeReached);
            }
            return refuse(self.output, parked, "", ErrorCode::GroupMaxSizeReached);
        }
        let membership = &group.membership;
        if !membership.supports(&joining.protocol_type, &joining.protocols) {
            let error = ErrorCode::InconsistentGroupProtocol;
            return refuse(self.output, parked, &joining.member_id, error);
        }
        if joining.member_id.is_empty() {
            self.join_new(group, joining);
        } else {
            self.join_existing(group, joining);
        }
    }

    /// The group followed another protocol: it follows the classic one from now on.
    fn convert_to_classic(&mut self, group: &mut Group) {
        let kept = group.kept.take();
        let keys = kept.as_ref().map(KeptGroup::keys).into_iter().flatten();
        let mut records: Vec<_> = keys.map(|key| tombstone(key.clone())).collect();
        records.push(group_metadata_record(group, None));
        self.write(group, true, records);
    }

    /// Whether the group may hold one more, or `member_id` is among those it holds.
    fn has_room_for(&self, group: &Group, member_id: &str) -> bool {
        let membership = &group.membership;
        let member = membership.members.get(member_id);
        let members_max = self.settings.members_max;
        match membership.state {
            GroupState::Empty => true,
            // Only those who joined count: the others may stay away, and a group that is too large
            // since the limit was lowered shrinks to it.
            GroupState::PreparingRebalance => {
                member.is_some_and(|member| member.parked_join.is_some())
                    || membership.joined_count() < members_max
            }
            GroupState::CompletingRebalance | GroupState::Stable => {
                member.is_some() || membership.members.len() < members_max
            }
        }
    }

    fn join_new(&mut self, group: &mut Group, joining: Joining) {
        let prefix = joining.instance_id.as_ref().unwrap_or(&joining.client_id);
        if prefix.len() > MEMBER_ID_PREFIX_BYTES_MAX {
            let error = ErrorCode::InvalidRequest;
            return refuse(self.output, joining.parked, "", error);
        }
        let new_id = GroupCoordinator::member_id(self.random, prefix);
        if let Some(instance_id) = &joining.instance_id {
            match group.membership.static_member(instance_id).cloned() {
                Some(old_id) => self.replace_static(group, &old_id, &new_id, joining),
                None => self.add_member(group, &new_id, &joining),
            }
        } else if joining.parked.api_version >= VERSION_WITH_MEMBER_ID_REQUIRED {
            if group.membership.pending.len() >= PENDING_MEMBERS_MAX {
                let error = ErrorCode::GroupMaxSizeReached;
                return refuse(self.output, joining.parked, "", error);
            }
            let at = self.now.instant + duration_of_ms(joining.session_timeout_ms);
            let timer = Timer::Session(Arc::clone(&group.id), Arc::clone(&new_id));
            let timer = self.timers.schedule(at, timer);
            let error = ErrorCode::MemberIdRequired;
            refuse(self.output, joining.parked, &new_id, error);
            group.membership.pending.insert(new_id, timer);
        } else {
            self.add_member(group, &new_id, &joining);
        }
    }

    fn join_existing(&mut self, group: &mut Group, joining: Joining) {
        let id = Arc::clone(&joining.member_id);
        let parked = joining.parked;
        if group.membership.pending.contains_key(&id) {
            if joining.instance_id.is_some() {
                // No id is given out to a static member.
                let error = ErrorCode::UnknownServerError;
                return refuse(self.output, parked, &id, error);
            }
            return self.add_member(group, &id, &joining);
        }
        let membership = &group.membership;
        if let Err(error) = membership.validate_member(&id, joining.instance_id.as_deref()) {
            return refuse(self.output, parked, &id, error);
        }
        let is_unchanged = membership.members[&id].protocols == joining.protocols;
        let is_answered_at_once = match membership.state {
            // A member without a group is a contradiction; the client starts over.
            GroupState::Empty => {
                return refuse(self.output, parked, &id, ErrorCode::UnknownMemberId);
            }
            GroupState::PreparingRebalance => false,
            // It may have missed the answer to its first request.
            GroupState::CompletingRebalance => is_unchanged,
            // A leader joins again when something outside the group asks for new assignments.
            GroupState::Stable => is_unchanged && !membership.is_leader(&id),
        };
        if is_answered_at_once {
            let response = joined_response(membership, &id);
            answer_join(self.output, parked, response);
            return;
        }
        self.update_member(group, &id, joining);
        self.rebalance(group);
    }

    fn add_member(&mut self, group: &mut Group, id: &MemberId, joining: &Joining) {
        if let Some(timer) = group.membership.pending.remove(id) {
            self.timers.cancel(timer);
        }
        let membership = &mut group.membership;
        if membership.state == GroupState::PreparingRebalance
            && membership.previous_state == GroupState::Empty
        {
            membership.new_member_added = true;
        }
        membership.add(joining.member(id), &joining.protocol_type);
        self.restart_session_for(group, id, NEW_MEMBER_JOIN_TIMEOUT);
        self.rebalance(group);
    }

    /// The member `id` joins with what it says now. A request of it that still waits is answered:
    /// its client has given it up.
    fn update_member(&mut self, group: &mut Group, id: &str, joining: Joining) {
        group.membership.update(
            id,
            joining.protocols,
            joining.rebalance_timeout_ms,
            joining.session_timeout_ms,
        );
        let abandoned = group.membership.set_parked_join(id, Some(joining.parked));
        if let Some(abandoned) = abandoned {
            let error = ErrorCode::RebalanceInProgress;
            refuse(self.output, abandoned, id, error);
        }
    }

    /// A static member came back: the old id is fenced, the new one takes its place (KIP-345).
    fn replace_static(
        &mut self,
        group: &mut Group,
        old_id: &MemberId,
        new_id: &MemberId,
        joining: Joining,
    ) {
        let old_leader = group.membership.leader.clone();
        self.fence(group, old_id);
        group.membership.replace_static(old_id, new_id);
        let member = &group.membership.members[new_id];
        let replacement = Box::new(Replacement {
            request: joining.parked.request,
            old_id: Arc::clone(old_id),
            new_id: Arc::clone(new_id),
            old_leader,
            old_protocols: member.protocols.clone(),
            old_rebalance_timeout_ms: member.rebalance_timeout_ms,
            old_session_timeout_ms: member.session_timeout_ms,
        });
        self.restart_session(group, new_id);
        self.update_member(group, new_id, joining);
        let membership = &group.membership;
        match membership.state {
            GroupState::Stable if membership.select_protocol() == membership.protocol => {
                let record = group_metadata_record(group, None);
                let write = self.write(group, true, vec![record]);
                let group = Arc::clone(&group.id);
                self.writes
                    .attach(write, Outcome::Replaced { group, replacement });
            }
            // The leader may be working with the old id at this moment.
            _ => self.rebalance(group),
        }
    }

    /// Whatever the static member `id` waits for is answered: another took its place. Its session
    /// ends with it.
    fn fence(&mut self, group: &mut Group, id: &str) {
        let error = ErrorCode::FencedInstanceId;
        if let Some(parked) = group.membership.set_parked_join(id, None) {
            refuse(self.output, parked, id, error);
        }
        if let Some(parked) = group.membership.take_parked_sync(id) {
            let response = GroupResponse::SyncGroup(super::sync::sync_error(error));
            self.output.answer(parked.request, response);
        }
        if let Some(member) = group.membership.members.get_mut(id)
            && let Some(timer) = member.session_timer.take()
        {
            self.timers.cancel(timer);
        }
    }

    /// The returned static member is stored: it goes on in the generation that is there.
    pub(super) fn on_replacement_stored(&mut self, group: &mut Group, replacement: &Replacement) {
        let id = &replacement.new_id;
        let member = group.membership.members.get(id);
        let parked = member.and_then(|member| member.parked_join);
        let Some(parked) = parked.filter(|parked| parked.request == replacement.request) else {
            return;
        };
        group.membership.set_parked_join(id, None);
        self.restart_session(group, id);
        let mut response = joined_response(&group.membership, id);
        if parked.api_version >= VERSION_WITH_SKIP_ASSIGNMENT {
            response.skip_assignment = group.membership.is_leader(id);
        } else {
            // An older client that hears it leads would assign anew: it is told of the leader it
            // replaced.
            response.members.clear();
            response.leader = replacement.old_leader.as_deref().unwrap_or("").to_owned();
        }
        answer_join(self.output, parked, response);
    }

    /// The returned static member could not be stored: the old id is the member again.
    pub(super) fn on_replacement_lost(
        &mut self,
        group: &mut Group,
        replacement: Replacement,
        error: ErrorCode,
    ) {
        let new_id = &replacement.new_id;
        let member = group.membership.members.get(new_id);
        let Some(parked) = member.and_then(|member| member.parked_join) else {
            return;
        };
        if parked.request != replacement.request {
            // It was let into a later generation, which is stored under the new id.
            return;
        }
        group.membership.set_parked_join(new_id, None);
        refuse(self.output, parked, "", error);
        self.fence(group, new_id);
        group.membership.replace_static(new_id, &replacement.old_id);
        group.membership.update(
            &replacement.old_id,
            replacement.old_protocols,
            replacement.old_rebalance_timeout_ms,
            replacement.old_session_timeout_ms,
        );
        self.restart_session(group, &replacement.old_id);
    }
}
