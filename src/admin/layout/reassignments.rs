//! The reassignments that are on their way, and the asking for others (KIP-455).

use std::collections::BTreeMap;

use crate::admin::Failure;
use crate::admin::failure::explain;
use crate::admin::session::{Session, answer};
use crate::client::error_of;
use crate::model::{BrokerId, ErrorCode, TopicPartition};
use crate::protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use crate::protocol::messages::{
    AlterPartitionReassignmentsRequest, ListPartitionReassignmentsRequest,
};

/// A reassignment that is on its way.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Reassignment {
    /// All replicas, those that come and those that go.
    pub replicas: Vec<BrokerId>,
    pub adding: Vec<BrokerId>,
    pub removing: Vec<BrokerId>,
}

impl Reassignment {
    /// What the replicas will be.
    pub fn target(&self) -> Vec<BrokerId> {
        let replicas = self.replicas.iter().copied();
        replicas.filter(|id| !self.removing.contains(id)).collect()
    }
}

/// All reassignments that are on their way.
pub fn list_reassignments(
    session: &mut Session,
) -> Result<BTreeMap<TopicPartition, Reassignment>, Failure> {
    let request = ListPartitionReassignmentsRequest {
        topics: None,
        timeout_ms: session.timeout_ms(),
        ..ListPartitionReassignmentsRequest::default()
    };
    let listed = answer!(ListPartitionReassignments, session.ask_any(request)?);
    error_of(listed.error_code).map_err(|error| {
        let message = listed.error_message.as_deref();
        Failure::refused("cannot list reassignments", error, message)
    })?;
    let mut reassignments = BTreeMap::new();
    for topic in listed.topics {
        let name: std::sync::Arc<str> = topic.name.as_str().into();
        for partition in topic.partitions {
            let key = TopicPartition {
                topic: name.clone(),
                partition: partition.partition_index,
            };
            let reassignment = Reassignment {
                replicas: partition.replicas,
                adding: partition.adding_replicas,
                removing: partition.removing_replicas,
            };
            reassignments.insert(key, reassignment);
        }
    }
    Ok(reassignments)
}

/// Why a partition's reassignment was refused.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refused {
    pub partition: TopicPartition,
    /// The error's name and its meaning.
    pub reason: String,
}

/// Asks for these replicas, or for the end of what is on its way where there are none; tells what
/// was refused.
pub fn alter_reassignments(
    session: &mut Session,
    wanted: &BTreeMap<TopicPartition, Option<Vec<BrokerId>>>,
) -> Result<Vec<Refused>, Failure> {
    let mut topics = BTreeMap::<&str, Vec<ReassignablePartition>>::new();
    for (partition, replicas) in wanted {
        let partitions = topics.entry(&partition.topic).or_default();
        partitions.push(ReassignablePartition {
            partition_index: partition.partition,
            replicas: replicas.clone(),
            ..ReassignablePartition::default()
        });
    }
    let topics = topics
        .into_iter()
        .map(|(name, partitions)| ReassignableTopic {
            name: name.to_owned(),
            partitions,
            ..ReassignableTopic::default()
        });
    let request = AlterPartitionReassignmentsRequest {
        timeout_ms: session.timeout_ms(),
        topics: topics.collect(),
        ..AlterPartitionReassignmentsRequest::default()
    };
    let altered = answer!(AlterPartitionReassignments, session.ask_any(request)?);
    error_of(altered.error_code).map_err(|error| {
        let message = altered.error_message.as_deref();
        Failure::refused("cannot reassign partitions", error, message)
    })?;
    let mut refused = Vec::new();
    for topic in altered.responses {
        let name: std::sync::Arc<str> = topic.name.as_str().into();
        for partition in topic.partitions {
            match error_of(partition.error_code) {
                // What has ended needs no end.
                Ok(()) | Err(ErrorCode::NoReassignmentInProgress) => {}
                Err(error) => refused.push(Refused {
                    partition: TopicPartition {
                        topic: name.clone(),
                        partition: partition.partition_index,
                    },
                    reason: explain(error, partition.error_message.as_deref()),
                }),
            }
        }
    }
    Ok(refused)
}
