//! Access control entries: what is refused, what is made twice, how much at once.

use super::*;
use crate::protocol::messages::create_acls_request::AclCreation;
use crate::protocol::messages::delete_acls_request::DeleteAclsFilter;
use crate::protocol::messages::{
    CreateAclsRequest, CreateAclsResponse, DeleteAclsRequest, DeleteAclsResponse,
};

const ANY: i8 = 1;

impl Cluster {
    fn create_acls(&mut self, creations: Vec<AclCreation>) -> CreateAclsResponse {
        let view = View {
            image: &self.image,
            settings: &self.startup.settings,
            config: &self.startup.config,
        };
        let request = CreateAclsRequest {
            creations,
            ..CreateAclsRequest::default()
        };
        let decision = self.controller.create_acls(view, &request);
        self.replay(&decision.records);
        decision.response
    }

    fn delete_acls(&mut self, filters: Vec<DeleteAclsFilter>) -> DeleteAclsResponse {
        let view = View {
            image: &self.image,
            settings: &self.startup.settings,
            config: &self.startup.config,
        };
        let request = DeleteAclsRequest {
            filters,
            ..DeleteAclsRequest::default()
        };
        let decision = Controller::delete_acls(view, &request);
        self.replay(&decision.records);
        decision.response
    }
}

fn read(topic: &str) -> AclCreation {
    AclCreation {
        resource_type: 2,
        resource_name: topic.to_owned(),
        resource_pattern_type: 3,
        principal: "User:alice".to_owned(),
        host: "*".to_owned(),
        operation: 3,
        permission_type: 3,
        ..AclCreation::default()
    }
}

fn about(topic: Option<&str>) -> DeleteAclsFilter {
    DeleteAclsFilter {
        resource_type_filter: ANY,
        resource_name_filter: topic.map(str::to_owned),
        pattern_type_filter: ANY,
        principal_filter: None,
        host_filter: None,
        operation: ANY,
        permission_type: ANY,
        ..DeleteAclsFilter::default()
    }
}

fn codes(response: &CreateAclsResponse) -> Vec<i16> {
    let results = response.results.iter();
    results.map(|result| result.error_code).collect()
}

#[test]
fn an_entry_is_made_once_however_often_it_is_asked_for() {
    let mut cluster = Cluster::new();
    let response = cluster.create_acls(vec![read("a"), read("b"), read("a")]);
    assert_eq!(codes(&response), [0, 0, 0]);
    assert_eq!(codes(&cluster.create_acls(vec![read("b")])), [0]);
    assert_eq!(cluster.image.acls.len(), 2);
}

#[test]
fn a_bad_entry_is_refused_and_does_not_hinder_the_others() {
    let mut cluster = Cluster::new();
    let bad = |change: fn(&mut AclCreation)| {
        let mut creation = read("a");
        change(&mut creation);
        creation
    };
    let response = cluster.create_acls(vec![
        bad(|acl| acl.resource_name.clear()),
        bad(|acl| acl.resource_type = 4),
        bad(|acl| acl.resource_type = 77),
        bad(|acl| acl.resource_pattern_type = 77),
        bad(|acl| acl.operation = 77),
        bad(|acl| acl.permission_type = 77),
        bad(|acl| acl.principal = "alice".to_owned()),
        read("a"),
    ]);
    let invalid = ErrorCode::InvalidRequest.code();
    assert_eq!(codes(&response), [[invalid; 7].as_slice(), &[0]].concat());
    assert_eq!(cluster.image.acls.len(), 1);
}

#[test]
fn a_number_that_stands_for_several_values_fails_the_whole_request() {
    let mut cluster = Cluster::new();
    let mut any = read("a");
    any.operation = ANY;
    let response = cluster.create_acls(vec![read("b"), any]);
    assert_eq!(codes(&response), [-1, -1]);
    assert!(cluster.image.acls.is_empty());
}

#[test]
fn a_request_for_too_many_entries_changes_none() {
    let mut cluster = Cluster::new();
    let many = |count: usize| {
        let names = (0..count).map(|number| format!("t{number}"));
        names.map(|name| read(&name)).collect()
    };
    let response = cluster.create_acls(many(RECORDS_MAX + 1));
    assert!(codes(&response).iter().all(|code| *code == -1));
    assert!(cluster.image.acls.is_empty());
    let response = cluster.create_acls(many(RECORDS_MAX));
    assert!(codes(&response).iter().all(|code| *code == 0));
    cluster.create_acls(vec![read("one more")]);

    let response = cluster.delete_acls(vec![about(None), about(Some("t1"))]);
    let invalid = ErrorCode::InvalidRequest.code();
    for result in &response.filter_results {
        let told = (result.error_code, result.matching_acls.len());
        assert_eq!(told, (invalid, 0));
    }
    assert_eq!(cluster.image.acls.len(), RECORDS_MAX + 1);
}

#[test]
fn what_two_filters_match_is_told_by_both_and_deleted_once() {
    let mut cluster = Cluster::new();
    cluster.create_acls(vec![read("a"), read("b")]);
    let response = cluster.delete_acls(vec![about(Some("a")), about(None), about(Some("c"))]);
    let results = response.filter_results.iter();
    let counts: Vec<_> = results.map(|result| result.matching_acls.len()).collect();
    assert_eq!(counts, [1, 2, 0]);
    assert!(cluster.image.acls.is_empty());
}
