//! `DeleteGroups`, and what the deletion of topics takes with it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::{ErrorCode, Uuid};
use crate::protocol::messages::delete_groups_response::DeletableGroupResult;
use crate::protocol::messages::{DeleteGroupsRequest, DeleteGroupsResponse};
use crate::stdx::Now;

use super::GroupId;
use super::coordinator::GroupCoordinator;
use super::output::{Output, RequestToken};
use super::request::GroupResponse;
use super::tombstones::Tombstones;
use super::writes::Outcome;

impl GroupCoordinator {
    /// Delete groups that nobody is in, each named once in the answer.
    pub(super) fn delete(
        &mut self,
        now: Now,
        token: RequestToken,
        request: DeleteGroupsRequest,
        output: &mut Output,
    ) {
        let names: BTreeSet<String> = request.groups_names.into_iter().collect();
        let mut batch = Tombstones::asked_by(token);
        let mut results = Vec::with_capacity(names.len());
        for name in names {
            let error = if !self.has_group(&name) {
                ErrorCode::GroupIdNotFound
            } else if !self.is_empty_group(&name) {
                ErrorCode::NonEmptyGroup
            } else {
                self.delete_group(now, &Arc::from(name.as_str()), &mut batch, output);
                ErrorCode::None
            };
            results.push(DeletableGroupResult {
                group_id: name,
                error_code: error.code(),
                ..Default::default()
            });
        }
        self.flush_tombstones(now, 1, &mut batch, output);
        let response = GroupResponse::DeleteGroups(DeleteGroupsResponse {
            results,
            ..Default::default()
        });
        match batch.last_write() {
            Some(write) => {
                let outcome = Outcome::Answer {
                    request: token,
                    response,
                };
                self.writes.attach(write, outcome);
            }
            None => output.answer(token, response),
        }
    }

    /// These topics are gone, and with them the offsets of every group. A topic that was created
    /// again under the same name keeps its own. While groups load, this waits for the last of them.
    pub fn on_topics_deleted(&mut self, now: Now, topics: &[(Uuid, &str)], output: &mut Output) {
        if !self.is_loaded {
            let topics = topics.iter().map(|(id, name)| (*id, Arc::from(*name)));
            self.topics_deleted_early.extend(topics);
            return;
        }
        let mut batch = Tombstones::default();
        let ids: Vec<GroupId> = self.groups.keys().cloned().collect();
        for id in ids {
            for (topic_id, name) in topics {
                let group = &self.groups[&id];
                if group.is_written() {
                    let places = group.offsets.places_of_topic(name, *topic_id);
                    self.delete_places(now, &id, places, &mut batch, output);
                }
            }
        }
        self.flush_tombstones(now, 1, &mut batch, output);
    }
}
