//! `SyncGroup` and `Heartbeat`: how the leader's assignments reach the members.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::model::ErrorCode;
use crate::protocol::messages::{
    HeartbeatRequest, HeartbeatResponse, SyncGroupRequest, SyncGroupResponse,
};
use crate::stdx::Now;

use super::MemberId;
use super::coordinator::{GroupCoordinator, Turn};
use super::group_entry::Group;
use super::member::Parked;
use super::membership::{GroupState, Membership};
use super::output::{Output, RequestToken};
use super::records::group_metadata_record;
use super::request::{GroupResponse, RequestContext};
use super::writes::Outcome;

/// From this version a member must say which protocol it believes to follow (KIP-559).
const VERSION_WITH_PROTOCOL: i16 = 5;

/// A refusal.
pub(super) fn sync_error(error: ErrorCode) -> SyncGroupResponse {
    SyncGroupResponse {
        error_code: error.code(),
        ..Default::default()
    }
}

fn assigned_response(membership: &Membership, assignment: Bytes) -> SyncGroupResponse {
    SyncGroupResponse {
        protocol_type: membership.protocol_type.as_deref().map(str::to_owned),
        protocol_name: membership.protocol.as_deref().map(str::to_owned),
        assignment,
        ..Default::default()
    }
}

fn answer(output: &mut Output, request: RequestToken, response: SyncGroupResponse) {
    output.answer(request, GroupResponse::SyncGroup(response));
}

/// Whether the member and the coordinator speak of the same generation and protocol.
fn validate_sync(membership: &Membership, request: &SyncGroupRequest) -> Result<(), ErrorCode> {
    let differs = |said: &Option<String>, is: &Option<Arc<str>>| {
        said.is_some() && said.as_deref() != is.as_deref()
    };
    membership.validate_member(&request.member_id, request.group_instance_id.as_deref())?;
    if request.generation_id != membership.generation {
        Err(ErrorCode::IllegalGeneration)
    } else if differs(&request.protocol_type, &membership.protocol_type)
        || differs(&request.protocol_name, &membership.protocol)
    {
        Err(ErrorCode::InconsistentGroupProtocol)
    } else {
        Ok(())
    }
}

impl GroupCoordinator {
    /// A member asks for its assignment; the leader brings everybody's.
    pub(super) fn sync(
        &mut self,
        now: Now,
        token: RequestToken,
        context: &RequestContext,
        request: SyncGroupRequest,
        output: &mut Output,
    ) {
        let names_protocol = request.protocol_type.is_some() && request.protocol_name.is_some();
        let error = if context.api_version >= VERSION_WITH_PROTOCOL && !names_protocol {
            Some(ErrorCode::InconsistentGroupProtocol)
        } else if request.group_id.is_empty() {
            Some(ErrorCode::InvalidGroupId)
        } else if !self.has_group(&request.group_id) {
            Some(ErrorCode::UnknownMemberId)
        } else {
            None
        };
        if let Some(error) = error {
            return answer(output, token, sync_error(error));
        }
        let parked = Parked {
            request: token,
            api_version: context.api_version,
        };
        let group_id = request.group_id.clone();
        self.with_group(now, &group_id, output, |turn, group| {
            turn.sync(group, parked, request);
        });
    }

    /// True if writers see the group `id`.
    pub(super) fn has_group(&self, id: &str) -> bool {
        self.groups.get(id).is_some_and(Group::is_written)
    }

    /// A member says that it lives.
    pub(super) fn heartbeat(
        &mut self,
        now: Now,
        token: RequestToken,
        request: &HeartbeatRequest,
        output: &mut Output,
    ) {
        let mut error = if request.group_id.is_empty() {
            ErrorCode::InvalidGroupId
        } else {
            ErrorCode::UnknownMemberId
        };
        self.with_group(now, &request.group_id, output, |turn, group| {
            if !request.group_id.is_empty() {
                error = turn.heartbeat(group, request).err().unwrap_or_default();
            }
        });
        let response = HeartbeatResponse {
            error_code: error.code(),
            ..Default::default()
        };
        output.answer(token, GroupResponse::Heartbeat(response));
    }
}

impl Turn<'_> {
    fn heartbeat(
        &mut self,
        group: &mut Group,
        request: &HeartbeatRequest,
    ) -> Result<(), ErrorCode> {
        let membership = &group.membership;
        membership.validate_member(&request.member_id, request.group_instance_id.as_deref())?;
        if request.generation_id != membership.generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        self.restart_session(group, &request.member_id);
        if group.membership.state == GroupState::PreparingRebalance {
            Err(ErrorCode::RebalanceInProgress)
        } else {
            Ok(())
        }
    }

    fn sync(&mut self, group: &mut Group, parked: Parked, request: SyncGroupRequest) {
        if let Err(error) = validate_sync(&group.membership, &request) {
            return answer(self.output, parked.request, sync_error(error));
        }
        let id = request.member_id.as_str();
        match group.membership.state {
            GroupState::Empty => {
                answer(
                    self.output,
                    parked.request,
                    sync_error(ErrorCode::UnknownMemberId),
                );
            }
            GroupState::PreparingRebalance => {
                let error = ErrorCode::RebalanceInProgress;
                answer(self.output, parked.request, sync_error(error));
            }
            GroupState::CompletingRebalance => {
                let member = group.membership.members.get_mut(id);
                let member = member.expect("a validated member is there");
                if let Some(abandoned) = member.parked_sync.replace(parked) {
                    let error = ErrorCode::RebalanceInProgress;
                    answer(self.output, abandoned.request, sync_error(error));
                }
                self.note_synced(group, id);
                // A leader that asks again must not leave two decisions in the log, of which the
                // members would hear the first and a restart would find the second.
                let membership = &group.membership;
                if membership.is_leader(id) && membership.assigning != Some(membership.generation) {
                    self.store_assignments(group, request);
                }
            }
            GroupState::Stable => {
                self.note_synced(group, id);
                let membership = &group.membership;
                let assignment = membership.members[id].assignment.clone();
                let response = assigned_response(membership, assignment);
                answer(self.output, parked.request, response);
            }
        }
    }

    /// The member `id` has asked; when all have, nobody has to leave for it.
    fn note_synced(&mut self, group: &mut Group, id: &str) {
        group.membership.unsynced.remove(id);
        if group.membership.unsynced.is_empty()
            && let Some(timer) = group.membership.sync_timer.take()
        {
            self.timers.cancel(timer);
        }
    }

    /// The leader has decided: members that it left out get nothing.
    fn store_assignments(&mut self, group: &mut Group, request: SyncGroupRequest) {
        let mut assignments: BTreeMap<MemberId, Bytes> = group
            .membership
            .members
            .keys()
            .map(|id| (Arc::clone(id), Bytes::new()))
            .collect();
        for entry in request.assignments {
            if let Some(assignment) = assignments.get_mut(entry.member_id.as_str()) {
                *assignment = Bytes::copy_from_slice(&entry.assignment);
            }
        }
        let record = group_metadata_record(group, Some(&assignments));
        let write = self.write(group, true, vec![record]);
        group.membership.assigning = Some(group.membership.generation);
        let outcome = Outcome::Assigned {
            group: Arc::clone(&group.id),
            generation: group.membership.generation,
            assignments,
        };
        self.writes.attach(write, outcome);
    }

    /// The assignments are committed: every member that asked gets its own.
    pub(super) fn on_assignments_stored(
        &mut self,
        group: &mut Group,
        generation: i32,
        assignments: BTreeMap<MemberId, Bytes>,
    ) {
        if !awaits_assignments(&group.membership, generation) {
            return;
        }
        for (id, assignment) in assignments {
            if let Some(member) = group.membership.members.get_mut(&id) {
                member.assignment = assignment;
            }
        }
        self.propagate_assignments(group, ErrorCode::None);
        group.membership.enter(GroupState::Stable, self.now.wall_ms);
    }

    /// The assignments could not be stored: the members join again.
    pub(super) fn on_assignments_lost(
        &mut self,
        group: &mut Group,
        generation: i32,
        error: ErrorCode,
    ) {
        if !awaits_assignments(&group.membership, generation) {
            return;
        }
        group.membership.assigning = None;
        group.membership.clear_assignments();
        self.propagate_assignments(group, error);
        self.rebalance(group);
    }

    /// Answer all that wait for an assignment, with it or with `error`.
    pub(super) fn propagate_assignments(&mut self, group: &mut Group, error: ErrorCode) {
        let ids: Vec<_> = group.membership.members.keys().cloned().collect();
        for id in ids {
            let Some(parked) = group.membership.take_parked_sync(&id) else {
                continue;
            };
            let membership = &group.membership;
            let response = if error.is_error() {
                sync_error(error)
            } else {
                assigned_response(membership, membership.members[&id].assignment.clone())
            };
            answer(self.output, parked.request, response);
            self.restart_session(group, &id);
        }
    }
}

/// True if the group is still in the phase that the assignments were made for: another member may
/// have come while they were on their way.
fn awaits_assignments(membership: &Membership, generation: i32) -> bool {
    membership.state == GroupState::CompletingRebalance && membership.generation == generation
}
