//! `LeaveGroup`: members go, or an administrator sends them.

use std::sync::Arc;

use crate::model::ErrorCode;
use crate::protocol::messages::leave_group_request::MemberIdentity;
use crate::protocol::messages::leave_group_response::MemberResponse;
use crate::protocol::messages::{LeaveGroupRequest, LeaveGroupResponse};
use crate::stdx::Now;

use super::coordinator::{GroupCoordinator, Turn};
use super::group_entry::Group;
use super::output::{Output, RequestToken};
use super::request::{GroupRequest, GroupResponse, RequestContext};

/// From this version several members leave in one request.
const VERSION_WITH_MEMBERS: i16 = 3;

impl GroupCoordinator {
    /// Members leave.
    pub(super) fn leave(
        &mut self,
        now: Now,
        token: RequestToken,
        context: &RequestContext,
        mut request: LeaveGroupRequest,
        output: &mut Output,
    ) {
        if request.group_id.is_empty() {
            let request = GroupRequest::LeaveGroup(request);
            let response = request.error_response(context.api_version, ErrorCode::InvalidGroupId);
            output.answer(token, response);
            return;
        }
        if context.api_version < VERSION_WITH_MEMBERS {
            request.members = vec![MemberIdentity {
                member_id: std::mem::take(&mut request.member_id),
                ..Default::default()
            }];
        }
        if !self.has_group(&request.group_id) {
            let unknown = Err(ErrorCode::UnknownMemberId);
            let members = request.members.into_iter();
            let members = members.map(|who| left_response(who, unknown)).collect();
            let response = leave_response(context.api_version, members);
            output.answer(token, GroupResponse::LeaveGroup(response));
            return;
        }
        let api_version = context.api_version;
        self.with_group(now, &request.group_id, output, |turn, group| {
            let mut members = Vec::with_capacity(request.members.len());
            for who in request.members {
                let result = turn.leave(group, &who);
                members.push(left_response(who, result));
            }
            let response = leave_response(api_version, members);
            let write = turn.last_write;
            turn.answer_after(write, token, GroupResponse::LeaveGroup(response));
        });
    }
}

fn left_response(who: MemberIdentity, result: Result<(), ErrorCode>) -> MemberResponse {
    MemberResponse {
        member_id: who.member_id,
        group_instance_id: who.group_instance_id,
        error_code: result.err().unwrap_or_default().code(),
        ..Default::default()
    }
}

/// The answer; old versions have one member and one code.
fn leave_response(api_version: i16, members: Vec<MemberResponse>) -> LeaveGroupResponse {
    if api_version < VERSION_WITH_MEMBERS {
        let only = members.first();
        return LeaveGroupResponse {
            error_code: only.map_or(0, |member| member.error_code),
            ..Default::default()
        };
    }
    LeaveGroupResponse {
        members,
        ..Default::default()
    }
}

impl Turn<'_> {
    fn leave(&mut self, group: &mut Group, who: &MemberIdentity) -> Result<(), ErrorCode> {
        let instance_id = who.group_instance_id.as_deref();
        let membership = &group.membership;
        let id = if who.member_id.is_empty() {
            // An administrator names a static member without knowing its id.
            let id = instance_id.and_then(|instance_id| membership.static_member(instance_id));
            Arc::clone(id.ok_or(ErrorCode::UnknownMemberId)?)
        } else if membership.pending.contains_key(who.member_id.as_str()) {
            self.remove_pending(group, &who.member_id);
            return Ok(());
        } else {
            membership.validate_member(&who.member_id, instance_id)?;
            Arc::from(who.member_id.as_str())
        };
        self.remove_member(group, &id);
        Ok(())
    }
}
