//! Changes that do not fit into one batch of the metadata log.

use super::*;
use crate::protocol::messages::create_acls_request::AclCreation;

#[test]
fn a_change_that_is_too_large_for_a_batch_is_refused_and_others_go_on() {
    let mut world = World::start(Disk::default(), 1);
    let too_large = usize::try_from(small_log().segment_bytes).unwrap();
    let acl = |name: &str, name_bytes| AclCreation {
        resource_type: 2,
        resource_name: name.to_owned(),
        resource_pattern_type: 3,
        principal: format!("User:{}", "x".repeat(name_bytes)),
        host: "*".to_owned(),
        operation: 3,
        permission_type: 3,
        ..AclCreation::default()
    };
    let mut create = |acls: Vec<AclCreation>| {
        let request = CreateAclsRequest {
            creations: acls,
            ..CreateAclsRequest::default()
        };
        match world.ask(&ControllerRequest::CreateAcls(request)) {
            Some(ControllerResponse::CreateAcls(response)) => response.results,
            other => panic!("{other:?}"),
        }
    };
    let bad = acl("", 1);
    let results = create(vec![acl("t", 1), bad, acl("t", too_large)]);
    let codes: Vec<i16> = results.iter().map(|result| result.error_code).collect();
    let refused = ErrorCode::UnknownServerError.code();
    assert_eq!(codes, [refused, ErrorCode::InvalidRequest.code(), refused]);
    let text = results[2].error_message.as_deref().unwrap_or_default();
    assert!(text.contains("at most 4096"), "{text}");
    assert_eq!(create(vec![acl("u", 1)])[0].error_code, 0);
    assert!(world.create("after"));
    let names = |image: &MetadataImage| -> Vec<String> {
        let acls = image.acls.iter();
        acls.map(|(_, acl)| acl.resource_name.clone()).collect()
    };
    assert_eq!(names(&world.image), ["u"]);
    world.disk.crash();
    let world = World::start(world.disk, 2);
    assert_eq!(world.halted, None);
    assert_eq!(names(&world.image), ["u"]);
}
