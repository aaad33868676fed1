//! `AlterPartitionReassignments`: which brokers hold a partition, as a client chooses (KIP-455).
//!
//! A reassignment takes two changes: first those that come are replicas beside those that go; when
//! all that come are in sync, those that go are no replicas any more. The second is made where an
//! in-sync set changes, by the rules of [`PartitionChange`].

use crate::model::{BrokerId, ErrorCode};
use crate::protocol::messages::alter_partition_reassignments_request::ReassignablePartition;
use crate::protocol::messages::alter_partition_reassignments_response::{
    ReassignablePartitionResponse, ReassignableTopicResponse,
};
use crate::protocol::messages::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, MetadataRecord,
    PartitionChangeRecord,
};

use super::super::image::{PartitionRegistration, TopicImage};
use super::elections::{ElectionRules, placed};
use super::partition_change::PartitionChange;
use super::{Controller, Decision, RECORDS_MAX, Refusal, View};

impl Controller {
    /// Decide on the brokers that a client wants for partitions.
    pub(crate) fn alter_partition_reassignments(
        &mut self,
        view: View<'_>,
        request: &AlterPartitionReassignmentsRequest,
    ) -> Decision<AlterPartitionReassignmentsResponse> {
        // Kafka answers to nothing without looking, with an empty text instead of none.
        if request.topics.is_empty() {
            return Decision::refused(AlterPartitionReassignmentsResponse::default());
        }
        let mut records = Vec::new();
        let mut response = AlterPartitionReassignmentsResponse {
            allow_replication_factor_change: request.allow_replication_factor_change,
            error_message: None,
            ..AlterPartitionReassignmentsResponse::default()
        };
        for topic in &request.topics {
            let mut answers = ReassignableTopicResponse {
                name: topic.name.clone(),
                ..ReassignableTopicResponse::default()
            };
            for partition in &topic.partitions {
                let may_resize = request.allow_replication_factor_change;
                let decided = self.reassign(view, &topic.name, (partition, may_resize));
                let (code, error_message) = match decided {
                    Ok(record) if records.len() < RECORDS_MAX => {
                        records.extend(record);
                        (ErrorCode::None, None)
                    }
                    Ok(_) => (ErrorCode::UnknownServerError, None),
                    Err(refusal) => (refusal.code, refusal.message),
                };
                answers.partitions.push(ReassignablePartitionResponse {
                    partition_index: partition.partition_index,
                    error_code: code.code(),
                    error_message,
                    ..ReassignablePartitionResponse::default()
                });
            }
            response.responses.push(answers);
        }
        Decision { records, response }
    }

    fn reassign(
        &mut self,
        view: View<'_>,
        topic: &str,
        (wanted, may_resize): (&ReassignablePartition, bool),
    ) -> Result<Option<MetadataRecord>, Refusal> {
        let unknown = |text: String| Refusal::new(ErrorCode::UnknownTopicOrPartition, text);
        let found = view.image.topic(topic);
        let found =
            found.ok_or_else(|| unknown(format!("Unable to find a topic named {topic}.")))?;
        let index = wanted.partition_index;
        let partition = found.partitions.get(&index);
        let partition = partition
            .ok_or_else(|| unknown(format!("Unable to find partition {topic}:{index}.")))?;
        let record = match &wanted.replicas {
            None => cancel(view, (found, index), partition)?,
            Some(replicas) => {
                self.check_assignment(view, replicas, None)?;
                if !may_resize {
                    check_size(partition, replicas)?;
                }
                self.move_to(view, found, partition, replicas)
            }
        };
        Ok(record.map(|record| placed(record, found, index)))
    }

    /// The change by which the partition is on its way to `wanted`.
    fn move_to(
        &mut self,
        view: View<'_>,
        topic: &TopicImage,
        partition: &PartitionRegistration,
        wanted: &[BrokerId],
    ) -> Option<PartitionChangeRecord> {
        let without = |all: &[BrokerId], taken: &dyn Fn(&BrokerId) -> bool| {
            let mut left: Vec<_> = all.iter().copied().filter(|one| !taken(one)).collect();
            left.sort_unstable();
            left
        };
        let removing = without(&partition.replicas, &|one| wanted.contains(one));
        // One that an earlier reassignment has added, and that may not be in sync yet, still comes.
        let adding = without(wanted, &|one| {
            partition.replicas.contains(one) && !partition.adding_replicas.contains(one)
        });
        let mut replicas = wanted.to_vec();
        replicas.extend(&removing);
        let rules = ElectionRules::of(view, topic);
        let mut change = PartitionChange::of(partition, rules.min_isr);
        for broker in &adding {
            if !partition.replicas.contains(broker) {
                change = change.directory(*broker, self.directory_for(view, *broker));
            }
        }
        let change = change.reassign(replicas, adding, removing);
        change.record(&|broker| view.may_lead(partition, broker))
    }
}

/// The change that undoes a reassignment that is on its way.
fn cancel(
    view: View<'_>,
    (topic, index): (&TopicImage, i32),
    partition: &PartitionRegistration,
) -> Result<Option<PartitionChangeRecord>, Refusal> {
    if !partition.is_reassigned() {
        return Err(Refusal::silent(ErrorCode::NoReassignmentInProgress));
    }
    let stays = |broker: &BrokerId| !partition.adding_replicas.contains(broker);
    let replicas = partition.replicas.iter().copied();
    let replicas: Vec<_> = replicas.filter(stays).collect();
    let mut isr: Vec<_> = partition.isr.iter().copied().filter(stays).collect();
    let rules = ElectionRules::of(view, topic);
    if isr.is_empty() {
        // Whoever was in sync goes again: who stays may lack records.
        let Some(first) = replicas.first().copied() else {
            let text = "Invalid replica assignment: addingReplicas contains all replicas.";
            return Err(Refusal::new(ErrorCode::InvalidReplicaAssignment, text));
        };
        if !rules.is_unclean {
            let text = format!(
                "Unable to revert partition assignment for {}:{index} because it would require an \
                 unclean leader election.",
                topic.name
            );
            return Err(Refusal::new(ErrorCode::InvalidReplicaAssignment, text));
        }
        isr.push(first);
    }
    let change = PartitionChange::of(partition, rules.min_isr)
        .elect(rules.election())
        .isr(isr)
        .reassign(replicas, Vec::new(), Vec::new());
    Ok(change.record(&|broker| view.may_lead(partition, broker)))
}

/// A client that does not want to change how many replicas there are must name as many.
fn check_size(partition: &PartitionRegistration, wanted: &[BrokerId]) -> Result<(), Refusal> {
    let removing = &partition.removing_replicas;
    let replicas = partition.replicas.iter();
    let count = replicas.filter(|one| !removing.contains(one)).count();
    if count == wanted.len() {
        return Ok(());
    }
    let text = format!(
        "The replication factor is changed from {count} to {}",
        wanted.len()
    );
    Err(Refusal::new(ErrorCode::InvalidReplicationFactor, text))
}
