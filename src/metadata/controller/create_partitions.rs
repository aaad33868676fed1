//! `CreatePartitions`.

use std::collections::BTreeMap;

use crate::model::ErrorCode;
use crate::protocol::messages::create_partitions_request::CreatePartitionsTopic;
use crate::protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use crate::protocol::messages::{
    CreatePartitionsRequest, CreatePartitionsResponse, MetadataRecord,
};

use super::create_topics::{all_stopped, none_runs};
use super::{Controller, Decision, RECORDS_MAX, Refusal, View};

impl Controller {
    /// Decide on a request to add partitions to topics.
    pub fn create_partitions(
        &mut self,
        view: View<'_>,
        request: &CreatePartitionsRequest,
    ) -> Decision<CreatePartitionsResponse> {
        let mut decision = Decision {
            records: Vec::new(),
            response: CreatePartitionsResponse::default(),
        };
        let mut counts = BTreeMap::new();
        for topic in &request.topics {
            *counts.entry(topic.name.as_str()).or_insert(0) += 1;
        }
        for topic in &request.topics {
            let result = match counts.remove(topic.name.as_str()) {
                None => continue,
                Some(1) => self.add_partitions(view, topic, decision.records.len()),
                Some(_) => Err(Refusal::new(
                    ErrorCode::InvalidRequest,
                    "Duplicate topic name.",
                )),
            };
            let mut answer = CreatePartitionsTopicResult {
                name: topic.name.clone(),
                error_message: None,
                ..CreatePartitionsTopicResult::default()
            };
            match result {
                Ok(records) => decision.records.extend(records),
                Err(refusal) => {
                    answer.error_code = refusal.code as i16;
                    answer.error_message = refusal.message;
                }
            }
            decision.response.results.push(answer);
        }
        if request.validate_only {
            decision.records.clear();
        }
        decision
    }

    /// The records of the new partitions; `records_before` were made for other topics.
    fn add_partitions(
        &mut self,
        view: View<'_>,
        request: &CreatePartitionsTopic,
        records_before: usize,
    ) -> Result<Vec<MetadataRecord>, Refusal> {
        let name = &request.name;
        let topic = view
            .image
            .topic(name)
            .ok_or(Refusal::silent(ErrorCode::UnknownTopicOrPartition))?;
        let present = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
        if request.count == present {
            return Err(Refusal::new(
                ErrorCode::InvalidPartitions,
                format!("Topic already has {present} partition(s)."),
            ));
        }
        if request.count < present {
            return Err(Refusal::new(
                ErrorCode::InvalidPartitions,
                format!(
                    "The topic {name} currently has {present} partition(s); {} would not be an \
                     increase.",
                    request.count
                ),
            ));
        }
        let additional = usize::try_from(request.count - present).unwrap_or(usize::MAX);
        if let Some(assignments) = &request.assignments
            && assignments.len() != additional
        {
            return Err(Refusal::new(
                ErrorCode::InvalidReplicaAssignment,
                format!(
                    "Attempted to add {additional} additional partition(s), but only {} \
                     assignment(s) were specified.",
                    assignments.len()
                ),
            ));
        }
        let first = topic.partitions.values().next();
        let replication = first.map_or(1, |partition| partition.replicas.len());
        if let Some(assignments) = &request.assignments {
            for assignment in assignments {
                self.check_assignment(view, &assignment.broker_ids, Some(replication))?;
            }
        }
        // Kafka runs into the bound of its list here and has no better word for it.
        if records_before.saturating_add(additional) > RECORDS_MAX {
            return Err(Refusal::silent(ErrorCode::UnknownServerError));
        }
        let is_manual = request.assignments.is_some();
        let replicas: Vec<_> = match &request.assignments {
            Some(assignments) => {
                let brokers = assignments.iter();
                brokers.map(|one| one.broker_ids.clone()).collect()
            }
            None => self.place(view, additional, replication)?,
        };
        let mut records = Vec::with_capacity(additional);
        for (index, replicas) in (present..).zip(replicas) {
            let record = self.new_partition(view, (topic.id, index), &replicas);
            records.push(record.ok_or_else(|| match is_manual {
                true => all_stopped(index),
                false => none_runs(replication),
            })?);
        }
        Ok(records)
    }
}
