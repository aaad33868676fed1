//! `DeleteTopics`.

use std::collections::BTreeMap;

use crate::model::{ErrorCode, Uuid};
use crate::protocol::messages::delete_topics_response::DeletableTopicResult;
use crate::protocol::messages::{DeleteTopicsRequest, DeleteTopicsResponse, RemoveTopicRecord};
use crate::stdx::{HashSet, new_set};

use super::{Controller, Decision, Refusal, View};

/// From version 6 topics are named by id too (KIP-516).
const IDS_SINCE: i16 = 6;

/// From version 3 a client understands that deletion is switched off.
const DISABLED_SINCE: i16 = 3;

impl Controller {
    /// Decide on a request to delete topics.
    pub fn delete_topics(
        &mut self,
        view: View<'_>,
        request: &DeleteTopicsRequest,
        version: i16,
    ) -> Decision<DeleteTopicsResponse> {
        let mut decision = Decision {
            records: Vec::new(),
            response: DeleteTopicsResponse::default(),
        };
        let wishes = wishes(request, version);
        if !view.config.delete_topic_enable {
            let code = if version < DISABLED_SINCE {
                ErrorCode::InvalidRequest
            } else {
                ErrorCode::TopicDeletionDisabled
            };
            let refused = wishes.into_iter();
            decision.response.responses = refused
                .map(|(name, id)| answer(view, name, id, Err(Refusal::silent(code))))
                .collect();
            return decision;
        }
        let mut name_counts = BTreeMap::new();
        let mut id_counts = BTreeMap::new();
        for (name, id) in &wishes {
            match name {
                Some(name) => *name_counts.entry(name.as_str()).or_insert(0) += 1,
                None => *id_counts.entry(*id).or_insert(0) += 1,
            }
        }
        let mut answered_names = new_set();
        let mut answered_ids = new_set();
        let mut removed = new_set();
        for (name, id) in &wishes {
            let is_first = match name {
                Some(name) => answered_names.insert(name.as_str()),
                None => id.is_zero() || answered_ids.insert(*id),
            };
            if !is_first {
                continue;
            }
            let is_single = match name {
                Some(name) => name_counts.get(name.as_str()) == Some(&1),
                None => id.is_zero() || id_counts.get(id) == Some(&1),
            };
            let found = find(view, name.as_deref(), *id, is_single, &removed);
            if let Ok(topic_id) = found {
                removed.insert(topic_id);
                if let Some(topic) = view.image.topics.get(&topic_id) {
                    self.placement.on_topic_removed(topic, self.node_id);
                }
                decision.records.push(
                    RemoveTopicRecord {
                        topic_id,
                        ..RemoveTopicRecord::default()
                    }
                    .into(),
                );
            }
            let result = answer(view, name.clone(), *id, found);
            decision.response.responses.push(result);
        }
        decision
    }
}

/// Name and id of each topic that is to go; one of them is absent.
fn wishes(request: &DeleteTopicsRequest, version: i16) -> Vec<(Option<String>, Uuid)> {
    if version >= IDS_SINCE {
        let topics = request.topics.iter();
        topics
            .map(|topic| (topic.name.clone(), topic.topic_id))
            .collect()
    } else {
        let names = request.topic_names.iter();
        names.map(|name| (Some(name.clone()), Uuid::ZERO)).collect()
    }
}

fn find(
    view: View<'_>,
    name: Option<&str>,
    id: Uuid,
    is_single: bool,
    removed: &HashSet<Uuid>,
) -> Result<Uuid, Refusal> {
    let invalid = |text: &str| Refusal::new(ErrorCode::InvalidRequest, text);
    let topic_id = match name {
        None if id.is_zero() => return Err(invalid("Neither topic name nor id were specified.")),
        Some(_) if !id.is_zero() => {
            return Err(invalid("You may not specify both topic name and topic id."));
        }
        Some(_) if !is_single => return Err(invalid("Duplicate topic name.")),
        None if !is_single => return Err(invalid("Duplicate topic id.")),
        Some(name) => *view.image.topic_ids.get(name).ok_or_else(|| {
            Refusal::new(
                ErrorCode::UnknownTopicOrPartition,
                "This server does not host this topic-partition.",
            )
        })?,
        None if view.image.topics.contains_key(&id) => id,
        None => {
            return Err(Refusal::new(
                ErrorCode::UnknownTopicId,
                "This server does not host this topic ID.",
            ));
        }
    };
    if removed.contains(&topic_id) {
        return Err(invalid(
            "The provided topic name maps to an ID that was already supplied.",
        ));
    }
    Ok(topic_id)
}

fn answer(
    view: View<'_>,
    name: Option<String>,
    id: Uuid,
    found: Result<Uuid, Refusal>,
) -> DeletableTopicResult {
    match found {
        Ok(topic_id) => {
            let topic = view.image.topics.get(&topic_id);
            DeletableTopicResult {
                name: topic.map(|topic| topic.name.to_string()),
                topic_id,
                error_message: None,
                ..DeletableTopicResult::default()
            }
        }
        Err(refusal) => DeletableTopicResult {
            name,
            topic_id: id,
            error_code: refusal.code as i16,
            error_message: refusal.message,
            ..DeletableTopicResult::default()
        },
    }
}
