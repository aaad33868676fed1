//! Where replicas lie: `AssignReplicasToDirs`, by which a broker tells in which log directory it
//! has one (KIP-858).

use crate::model::{BrokerId, ErrorCode, PartitionIndex, Uuid};
use crate::protocol::messages::assign_replicas_to_dirs_response::{
    DirectoryData, PartitionData, TopicData,
};
use crate::protocol::messages::{
    AssignReplicasToDirsRequest, AssignReplicasToDirsResponse, MetadataRecord,
};

use super::elections::{ElectionRules, placed};
use super::partition_change::PartitionChange;
use super::{Controller, Decision, View};

impl Controller {
    /// Decide on what a broker tells of the directories of its replicas.
    pub(crate) fn assign_replicas_to_dirs(
        &mut self,
        view: View<'_>,
        request: &AssignReplicasToDirsRequest,
    ) -> Decision<AssignReplicasToDirsResponse> {
        let mut decision = Decision {
            records: Vec::new(),
            response: AssignReplicasToDirsResponse::default(),
        };
        let broker = request.broker_id;
        let registered = view.image.brokers.get(&broker).map(|broker| broker.epoch);
        if registered != Some(request.broker_epoch) {
            decision.response.error_code = ErrorCode::StaleBrokerEpoch.code();
            return decision;
        }
        for directory in &request.directories {
            let mut told = DirectoryData {
                id: directory.id,
                ..DirectoryData::default()
            };
            for topic in &directory.topics {
                let mut answers = TopicData {
                    topic_id: topic.topic_id,
                    ..TopicData::default()
                };
                for partition in &topic.partitions {
                    let id = (topic.topic_id, partition.partition_index);
                    let assigned = assign(view, broker, directory.id, id);
                    let mut answer = PartitionData {
                        partition_index: partition.partition_index,
                        ..PartitionData::default()
                    };
                    match assigned {
                        Ok(None) => {}
                        Ok(Some((before, record))) => {
                            if self.staying == Some(broker) {
                                self.placement.on_moved(before, directory.id);
                            }
                            decision.records.push(record);
                        }
                        Err(error) => answer.error_code = error.code(),
                    }
                    answers.partitions.push(answer);
                }
                told.topics.push(answers);
            }
            decision.response.directories.push(told);
        }
        decision
    }
}

/// Where the replica of `broker` lay before, and the record by which it lies in `directory`; `None`
/// if it does already. It leaves the in-sync set if the directory is not known to work.
fn assign(
    view: View<'_>,
    broker: BrokerId,
    directory: Uuid,
    (topic_id, index): (Uuid, PartitionIndex),
) -> Result<Option<(Uuid, MetadataRecord)>, ErrorCode> {
    let topic = view.image.topics.get(&topic_id);
    let topic = topic.ok_or(ErrorCode::UnknownTopicId)?;
    let partition = topic.partitions.get(&index);
    let partition = partition.ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let before = partition.directory_of(broker);
    let before = before.ok_or(ErrorCode::NotLeaderOrFollower)?;
    let registration = view.image.brokers.get(&broker);
    let is_online = registration.is_some_and(|broker| broker.has_online(directory));
    let rules = ElectionRules::of(view, topic);
    let mut change = PartitionChange::of(partition, rules.min_isr)
        .elect(rules.election())
        .directory(broker, directory);
    if !is_online {
        let isr = partition.isr.iter().copied();
        change = change.isr(isr.filter(|one| *one != broker).collect());
    }
    let may_lead = |one| match one == broker {
        true => is_online && view.is_active(one),
        false => view.may_lead(partition, one),
    };
    let record = change.record(&may_lead);
    Ok(record.map(|record| (before, placed(record, topic, index))))
}
