//! DescribeAcls, CreateAcls, DeleteAcls: the entries of the image, and what the controller makes
//! of changes to them.

use std::collections::BTreeMap;

use crate::metadata::ControllerRequest;
use crate::model::ErrorCode;
use crate::protocol::messages::create_acls_response::AclCreationResult;
use crate::protocol::messages::delete_acls_response::DeleteAclsFilterResult;
use crate::protocol::messages::describe_acls_response::{AclDescription, DescribeAclsResource};
use crate::protocol::messages::{
    CreateAclsRequest, CreateAclsResponse, DeleteAclsRequest, DeleteAclsResponse,
    DescribeAclsRequest, DescribeAclsResponse,
};
use crate::security::{AclFilter, FilterCodes, Operation, refusal_text};
use crate::shard::request::RequestContext;

use super::{Parts, Plan, forward};

/// In place of a number that says something.
const UNKNOWN: i8 = 0;

/// A request whose numbers stand for nothing is not understood: its connection is closed, as
/// Apache Kafka does.
const NOTHING_MEANT: &str = "a request about access control entries has a 0 in place of a type, \
                             an operation or a permission";

/// Why the client is not served at all.
fn refusal(
    context: &RequestContext,
    operation: Operation,
    parts: &Parts<'_>,
) -> Option<(ErrorCode, String)> {
    if !parts.access(context).allows_cluster(operation) {
        let error = ErrorCode::ClusterAuthorizationFailed;
        return Some((error, refusal_text(error).to_owned()));
    }
    parts.authorizer.is_none().then(|| {
        let text = "access control is off: authorizer.class.name is not set";
        (ErrorCode::SecurityDisabled, text.to_owned())
    })
}

/// Tell the entries that the filter matches, by resource.
pub fn plan_describe(
    context: &RequestContext,
    request: &DescribeAclsRequest,
    parts: &Parts<'_>,
) -> Plan {
    let codes = FilterCodes {
        resource_type: request.resource_type_filter,
        pattern_type: request.pattern_type_filter,
        operation: request.operation,
        permission: request.permission_type,
    };
    if has_unknown([
        codes.resource_type,
        codes.pattern_type,
        codes.operation,
        codes.permission,
    ]) {
        return Plan::Close(NOTHING_MEANT.to_owned());
    }
    if let Some((error, message)) = refusal(context, Operation::Describe, parts) {
        return Plan::answer(DescribeAclsResponse {
            error_code: error.code(),
            error_message: Some(message),
            ..Default::default()
        });
    }
    let filter = AclFilter::new(
        codes,
        request.resource_name_filter.as_deref(),
        request.principal_filter.as_deref(),
        request.host_filter.as_deref(),
    );
    let mut resources = BTreeMap::<_, Vec<AclDescription>>::new();
    for (_, acl) in parts.image.acls.iter() {
        if filter.matches(acl) {
            let resource = (acl.resource_type, &acl.resource_name, acl.pattern_type);
            resources.entry(resource).or_default().push(AclDescription {
                principal: acl.principal.clone(),
                host: acl.host.clone(),
                operation: acl.operation.code(),
                permission_type: acl.permission.code(),
                ..Default::default()
            });
        }
    }
    let resources = resources.into_iter();
    Plan::answer(DescribeAclsResponse {
        resources: resources
            .map(|((kind, name, pattern), acls)| DescribeAclsResource {
                resource_type: kind.code(),
                resource_name: name.clone(),
                pattern_type: pattern.code(),
                acls,
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    })
}

/// Create entries.
pub fn plan_create(
    context: &RequestContext,
    request: CreateAclsRequest,
    parts: &Parts<'_>,
) -> Plan {
    let is_unknown = request.creations.iter().any(|creation| {
        has_unknown([
            creation.resource_type,
            creation.resource_pattern_type,
            creation.operation,
            creation.permission_type,
        ])
    });
    if is_unknown {
        return Plan::Close(NOTHING_MEANT.to_owned());
    }
    let Some((error, message)) = refusal(context, Operation::Alter, parts) else {
        return forward::plan(ControllerRequest::CreateAcls(request), None);
    };
    let creations = request.creations.iter();
    Plan::answer(CreateAclsResponse {
        results: creations
            .map(|_| AclCreationResult {
                error_code: error.code(),
                error_message: Some(message.clone()),
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    })
}

/// Delete entries.
pub fn plan_delete(
    context: &RequestContext,
    request: DeleteAclsRequest,
    parts: &Parts<'_>,
) -> Plan {
    let is_unknown = request.filters.iter().any(|filter| {
        has_unknown([
            filter.resource_type_filter,
            filter.pattern_type_filter,
            filter.operation,
            filter.permission_type,
        ])
    });
    if is_unknown {
        return Plan::Close(NOTHING_MEANT.to_owned());
    }
    let Some((error, message)) = refusal(context, Operation::Alter, parts) else {
        return forward::plan(ControllerRequest::DeleteAcls(request), None);
    };
    let filters = request.filters.iter();
    Plan::answer(DeleteAclsResponse {
        filter_results: filters
            .map(|_| DeleteAclsFilterResult {
                error_code: error.code(),
                error_message: Some(message.clone()),
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    })
}

fn has_unknown(codes: [i8; 4]) -> bool {
    codes.contains(&UNKNOWN)
}
