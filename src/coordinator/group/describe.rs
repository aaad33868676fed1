//! `ListGroups` and `DescribeGroups`.

use bytes::Bytes;

use crate::model::ErrorCode;
use crate::protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use crate::protocol::messages::list_groups_response::ListedGroup;
use crate::protocol::messages::{
    DescribeGroupsRequest, DescribeGroupsResponse, ListGroupsRequest, ListGroupsResponse,
};

use super::coordinator::GroupCoordinator;
use super::group_entry::Group;
use super::member::Member;
use super::membership::GroupState;

/// The type of groups that follow the classic protocol.
const CLASSIC: &str = "classic";

/// The state of a group that does not exist.
const DEAD: &str = "Dead";

/// From this version a client is told that a group does not exist; before, that it is dead.
const VERSION_WITH_NOT_FOUND: i16 = 6;

impl GroupCoordinator {
    /// The groups that pass the filters.
    pub(super) fn list(&self, request: &ListGroupsRequest) -> ListGroupsResponse {
        let passes = |filter: &[String], value: &str| {
            filter.is_empty() || filter.iter().any(|one| one.eq_ignore_ascii_case(value))
        };
        let committed = self.groups.values().filter(|group| group.is_committed());
        let listed = committed.map(listed_group).filter(|group| {
            passes(&request.states_filter, &group.group_state)
                && passes(&request.types_filter, &group.group_type)
        });
        ListGroupsResponse {
            groups: listed.collect(),
            ..Default::default()
        }
    }

    /// The groups asked for, dead ones included.
    pub(super) fn describe(
        &self,
        api_version: i16,
        request: &DescribeGroupsRequest,
    ) -> DescribeGroupsResponse {
        let groups = request.groups.iter().map(|id| {
            let group = self.groups.get(id.as_str());
            let group = group.filter(|group| group.is_committed());
            match group {
                Some(group) if group.kept.is_none() => described_group(group),
                Some(_) => not_found(id, api_version, "is not a classic group."),
                None => not_found(id, api_version, "not found."),
            }
        });
        DescribeGroupsResponse {
            groups: groups.collect(),
            ..Default::default()
        }
    }
}

fn listed_group(group: &Group) -> ListedGroup {
    let membership = &group.membership;
    let (protocol_type, state, group_type) = match &group.kept {
        None => (
            membership.protocol_type.as_deref().unwrap_or(""),
            membership.state,
            CLASSIC,
        ),
        Some(kept) => (kept.kind.name(), GroupState::Empty, kept.kind.name()),
    };
    ListedGroup {
        group_id: group.id.as_ref().to_owned(),
        protocol_type: protocol_type.to_owned(),
        group_state: state.name().to_owned(),
        group_type: group_type.to_owned(),
        ..Default::default()
    }
}

fn described_group(group: &Group) -> DescribedGroup {
    let membership = &group.membership;
    let is_stable = membership.state == GroupState::Stable;
    // Before that, what a member says and what the group follows may not fit each other.
    let protocol = membership.protocol.as_deref().filter(|_| is_stable);
    let members = membership.members.values();
    DescribedGroup {
        group_id: group.id.as_ref().to_owned(),
        group_state: membership.state.name().to_owned(),
        protocol_type: membership.protocol_type.as_deref().unwrap_or("").to_owned(),
        protocol_data: protocol.unwrap_or("").to_owned(),
        members: members
            .map(|member| described_member(member, protocol))
            .collect(),
        ..Default::default()
    }
}

fn described_member(member: &Member, protocol: Option<&str>) -> DescribedGroupMember {
    DescribedGroupMember {
        member_id: member.id.as_ref().to_owned(),
        group_instance_id: member.instance_id.as_deref().map(str::to_owned),
        client_id: member.client_id.as_ref().to_owned(),
        client_host: member.client_host.as_ref().to_owned(),
        member_metadata: protocol.map_or_else(Bytes::new, |protocol| member.metadata(protocol)),
        member_assignment: member.assignment.clone(),
        ..Default::default()
    }
}

fn not_found(group_id: &str, api_version: i16, reason: &str) -> DescribedGroup {
    let is_told = api_version >= VERSION_WITH_NOT_FOUND;
    let error = if is_told {
        ErrorCode::GroupIdNotFound
    } else {
        ErrorCode::None
    };
    DescribedGroup {
        error_code: error.code(),
        error_message: is_told.then(|| format!("Group {group_id} {reason}")),
        group_id: group_id.to_owned(),
        group_state: DEAD.to_owned(),
        ..Default::default()
    }
}
