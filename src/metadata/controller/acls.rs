//! `CreateAcls` and `DeleteAcls`.

use crate::model::{ErrorCode, Uuid};
use crate::protocol::messages::create_acls_request::AclCreation;
use crate::protocol::messages::create_acls_response::AclCreationResult;
use crate::protocol::messages::delete_acls_request::DeleteAclsFilter;
use crate::protocol::messages::delete_acls_response::{
    DeleteAclsFilterResult, DeleteAclsMatchingAcl,
};
use crate::protocol::messages::{
    CreateAclsRequest, CreateAclsResponse, DeleteAclsRequest, DeleteAclsResponse,
    RemoveAccessControlEntryRecord,
};
use crate::security::{
    Acl, AclFilter, CLUSTER_NAME, FilterCodes, Operation, PatternType, Permission, ResourceType,
};
use crate::stdx::new_set;

use super::super::image::access_control_entry_record;
use super::{Controller, Decision, RECORDS_MAX, Refusal, View};

impl Controller {
    /// Decide on a request to create access control entries. One that exists is not made again.
    pub fn create_acls(
        &mut self,
        view: View<'_>,
        request: &CreateAclsRequest,
    ) -> Decision<CreateAclsResponse> {
        if request.creations.iter().any(is_of_filter) {
            return unanswerable(request);
        }
        let mut made = new_set();
        let (mut records, mut results) = (Vec::new(), Vec::new());
        for creation in &request.creations {
            let mut result = AclCreationResult {
                error_message: Some(String::new()),
                ..AclCreationResult::default()
            };
            match checked(creation) {
                Ok(acl) if !view.image.acls.contains(&acl) && made.insert(acl.clone()) => {
                    let id = self.draw_id();
                    records.push(access_control_entry_record(id, &acl));
                }
                Ok(_) => {}
                Err(refusal) => {
                    result.error_code = refusal.code.code();
                    result.error_message = refusal.message;
                }
            }
            results.push(result);
        }
        if records.len() > RECORDS_MAX {
            return unanswerable(request);
        }
        Decision {
            records,
            response: CreateAclsResponse {
                results,
                ..CreateAclsResponse::default()
            },
        }
    }

    /// Decide on a request to delete the access control entries that filters match. What two of
    /// them match is told by both.
    #[must_use]
    pub fn delete_acls(
        view: View<'_>,
        request: &DeleteAclsRequest,
    ) -> Decision<DeleteAclsResponse> {
        let mut removed = new_set::<Uuid>();
        let (mut records, mut filter_results) = (Vec::new(), Vec::new());
        for filter in &request.filters {
            let wanted = filter_of(filter);
            if wanted.has_unknown() {
                let text = "the filter has a number that is not known";
                filter_results.push(refused(&Refusal::new(ErrorCode::InvalidRequest, text)));
                continue;
            }
            let mut result = DeleteAclsFilterResult {
                error_message: None,
                ..DeleteAclsFilterResult::default()
            };
            for (id, acl) in view
                .image
                .acls
                .iter()
                .filter(|(_, acl)| wanted.matches(acl))
            {
                result.matching_acls.push(matching(acl));
                if removed.insert(*id) {
                    let record = RemoveAccessControlEntryRecord {
                        id: *id,
                        ..RemoveAccessControlEntryRecord::default()
                    };
                    records.push(record.into());
                }
            }
            filter_results.push(result);
        }
        // A part of the deletions would easily be taken for all of them.
        if records.len() > RECORDS_MAX {
            records.clear();
            let text = format!("one request deletes at most {RECORDS_MAX} entries");
            let refusal = Refusal::new(ErrorCode::InvalidRequest, text);
            filter_results = request.filters.iter().map(|_| refused(&refusal)).collect();
        }
        Decision {
            records,
            response: DeleteAclsResponse {
                filter_results,
                ..DeleteAclsResponse::default()
            },
        }
    }
}

/// Kafka fails on the whole of such a request and has no better word for it.
fn unanswerable(request: &CreateAclsRequest) -> Decision<CreateAclsResponse> {
    let results = request.creations.iter().map(|_| AclCreationResult {
        error_code: ErrorCode::UnknownServerError.code(),
        error_message: None,
        ..AclCreationResult::default()
    });
    Decision {
        records: Vec::new(),
        response: CreateAclsResponse {
            results: results.collect(),
            ..CreateAclsResponse::default()
        },
    }
}

/// True if a number stands for several values, as in a filter.
fn is_of_filter(creation: &AclCreation) -> bool {
    creation.resource_type == FilterCodes::ANY
        || creation.operation == FilterCodes::ANY
        || creation.permission_type == FilterCodes::ANY
        || [FilterCodes::ANY, FilterCodes::MATCH].contains(&creation.resource_pattern_type)
}

/// The entry that is to be made.
fn checked(creation: &AclCreation) -> Result<Acl, Refusal> {
    let refuse = |text: &str| Refusal::new(ErrorCode::InvalidRequest, text);
    let resource_type = ResourceType::from_code(creation.resource_type)
        .ok_or_else(|| refuse("an entry is about one type of resource that exists"))?;
    if resource_type == ResourceType::Cluster && creation.resource_name != CLUSTER_NAME {
        let text = format!("the only name of the cluster is {CLUSTER_NAME}");
        return Err(refuse(&text));
    }
    if creation.resource_name.is_empty() {
        return Err(refuse("the name of a resource is not empty"));
    }
    if !creation.principal.contains(':') {
        let text = format!("{} is not of the form TYPE:NAME", creation.principal);
        return Err(refuse(&text));
    }
    Ok(Acl {
        resource_type,
        pattern_type: PatternType::from_code(creation.resource_pattern_type)
            .ok_or_else(|| refuse("the name of an entry is either literal or a prefix"))?,
        resource_name: creation.resource_name.clone(),
        principal: creation.principal.clone(),
        host: creation.host.clone(),
        operation: Operation::from_code(creation.operation)
            .ok_or_else(|| refuse("an entry is about one operation that exists, or about all"))?,
        permission: Permission::from_code(creation.permission_type)
            .ok_or_else(|| refuse("an entry either allows or denies"))?,
    })
}

fn filter_of(filter: &DeleteAclsFilter) -> AclFilter<'_> {
    AclFilter::new(
        FilterCodes {
            resource_type: filter.resource_type_filter,
            pattern_type: filter.pattern_type_filter,
            operation: filter.operation,
            permission: filter.permission_type,
        },
        filter.resource_name_filter.as_deref(),
        filter.principal_filter.as_deref(),
        filter.host_filter.as_deref(),
    )
}

fn matching(acl: &Acl) -> DeleteAclsMatchingAcl {
    DeleteAclsMatchingAcl {
        error_message: None,
        resource_type: acl.resource_type.code(),
        resource_name: acl.resource_name.clone(),
        pattern_type: acl.pattern_type.code(),
        principal: acl.principal.clone(),
        host: acl.host.clone(),
        operation: acl.operation.code(),
        permission_type: acl.permission.code(),
        ..DeleteAclsMatchingAcl::default()
    }
}

fn refused(refusal: &Refusal) -> DeleteAclsFilterResult {
    DeleteAclsFilterResult {
        error_code: refusal.code.code(),
        error_message: refusal.message.clone(),
        ..DeleteAclsFilterResult::default()
    }
}
