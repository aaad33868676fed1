//! CreateTopics, DeleteTopics, CreatePartitions: the controller decides on what the client may do.

use crate::metadata::{CLUSTER_METADATA, ControllerRequest, ControllerResponse};
use crate::model::{ErrorCode, Uuid};
use crate::protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use crate::protocol::messages::create_topics_response::CreatableTopicResult;
use crate::protocol::messages::delete_topics_response::DeletableTopicResult;
use crate::protocol::messages::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest, CreateTopicsResponse,
    DeleteTopicsRequest, DeleteTopicsResponse,
};
use crate::security::{Access, Operation, ResourceType, refusal_text};
use crate::shard::request::RequestContext;

use super::forward::counts_of;
use super::{Parts, Plan, forward};

const REFUSED: ErrorCode = ErrorCode::TopicAuthorizationFailed;

/// Since this version of DeleteTopics topics are named by id too (KIP-516).
const VERSION_WITH_IDS: i16 = 6;

/// Create topics.
pub fn plan_create(
    context: &RequestContext,
    mut request: CreateTopicsRequest,
    parts: &Parts<'_>,
) -> Plan {
    let access = parts.access(context);
    let mut refused = Vec::new();
    if access.is_controlled() && !access.would_allow_cluster(Operation::Create) {
        let counts = counts_of(request.topics.iter().map(|topic| topic.name.clone()));
        request.topics.retain(|topic| {
            // One that is named twice, or that nobody may make, is told so whoever names it.
            let is_kept = counts[&topic.name] > 1
                || topic.name == CLUSTER_METADATA
                || access.allows_topic(Operation::Create, &topic.name);
            if !is_kept {
                refused.push(CreatableTopicResult {
                    name: topic.name.clone(),
                    error_code: REFUSED.code(),
                    error_message: Some("Authorization failed.".to_owned()),
                    num_partitions: -1,
                    replication_factor: -1,
                    configs: Some(Vec::new()),
                    ..Default::default()
                });
            }
            is_kept
        });
    }
    let refused = (!refused.is_empty()).then(|| {
        ControllerResponse::CreateTopics(CreateTopicsResponse {
            topics: refused,
            ..Default::default()
        })
    });
    forward::plan(ControllerRequest::CreateTopics(request), refused)
}

/// Of the topics that were made, do not tell the settings to who may not see them.
pub fn hide_settings(access: Access<'_>, response: &mut CreateTopicsResponse) {
    for topic in &mut response.topics {
        let is_made = topic.error_code == ErrorCode::None.code();
        let may_see =
            |name| access.would_allow(Operation::DescribeConfigs, ResourceType::Topic, name);
        if is_made && !may_see(&topic.name) {
            topic.topic_config_error_code = REFUSED.code();
            topic.num_partitions = -1;
            topic.replication_factor = -1;
            topic.configs = Some(Vec::new());
        }
    }
}

/// Delete topics.
pub fn plan_delete(
    context: &RequestContext,
    mut request: DeleteTopicsRequest,
    parts: &Parts<'_>,
) -> Plan {
    let access = parts.access(context);
    let mut refused = Vec::new();
    // Where nothing is ever deleted everybody is told that alone. No entry can name this operation
    // of the cluster, but one about all operations means it too.
    if access.is_controlled()
        && parts.config().delete_topic_enable
        && !access.would_allow_cluster(Operation::Delete)
    {
        let names = |request: &DeleteTopicsRequest| {
            let topics = request.topics.iter();
            let of_topics = topics.map(|topic| (topic.name.clone(), topic.topic_id));
            let names = request.topic_names.iter();
            let by_name = names.map(|name| (Some(name.clone()), Uuid::ZERO));
            of_topics.chain(by_name).collect::<Vec<_>>()
        };
        let counts = counts_of(names(&request).into_iter());
        let mut judge = |name: &Option<String>, id: Uuid| {
            let is_single = counts[&(name.clone(), id)] == 1;
            let verdict = is_single.then(|| refuse_deletion(access, name, id, parts));
            match verdict.flatten() {
                None => true,
                Some(result) => {
                    refused.push(result);
                    false
                }
            }
        };
        if context.version >= VERSION_WITH_IDS {
            request
                .topics
                .retain(|topic| judge(&topic.name, topic.topic_id));
        } else {
            request
                .topic_names
                .retain(|name| judge(&Some(name.clone()), Uuid::ZERO));
        }
    }
    let refused = (!refused.is_empty()).then(|| {
        ControllerResponse::DeleteTopics(DeleteTopicsResponse {
            responses: refused,
            ..Default::default()
        })
    });
    let request = ControllerRequest::DeleteTopics {
        request,
        version: context.version,
    };
    forward::plan(request, refused)
}

/// Why the client may not delete a topic that it names in one of two ways; `None` if it may, or if
/// it makes no sense.
fn refuse_deletion(
    access: Access<'_>,
    name: &Option<String>,
    id: Uuid,
    parts: &Parts<'_>,
) -> Option<DeletableTopicResult> {
    let found = match name {
        Some(name) if id.is_zero() => name,
        None => &*parts.image.topics.get(&id)?.name,
        Some(_) => return None,
    };
    let may_see = access.allows_topic(Operation::Describe, found);
    if may_see && access.allows_topic(Operation::Delete, found) {
        return None;
    }
    Some(DeletableTopicResult {
        // An id is no secret, the name that goes with it may be one.
        name: name.clone().or_else(|| may_see.then(|| found.to_owned())),
        topic_id: id,
        error_code: REFUSED.code(),
        error_message: Some(refusal_text(REFUSED).to_owned()),
        ..Default::default()
    })
}

/// Add partitions.
pub fn plan_create_partitions(
    context: &RequestContext,
    mut request: CreatePartitionsRequest,
    parts: &Parts<'_>,
) -> Plan {
    let access = parts.access(context);
    let mut refused = Vec::new();
    if access.is_controlled() {
        let counts = counts_of(request.topics.iter().map(|topic| topic.name.clone()));
        request.topics.retain(|topic| {
            let is_kept =
                counts[&topic.name] > 1 || access.allows_topic(Operation::Alter, &topic.name);
            if !is_kept {
                refused.push(CreatePartitionsTopicResult {
                    name: topic.name.clone(),
                    error_code: REFUSED.code(),
                    error_message: None,
                    ..Default::default()
                });
            }
            is_kept
        });
    }
    let refused = (!refused.is_empty()).then(|| {
        ControllerResponse::CreatePartitions(CreatePartitionsResponse {
            results: refused,
            ..Default::default()
        })
    });
    forward::plan(ControllerRequest::CreatePartitions(request), refused)
}
