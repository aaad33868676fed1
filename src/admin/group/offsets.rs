//! How far a group is: what it has committed, and where the partitions end.

use std::collections::{BTreeMap, BTreeSet};

use crate::admin::Failure;
use crate::admin::session::{Session, answer};
use crate::client::error_of;
use crate::model::{BrokerId, ErrorCode, Offset, TopicPartition};
use crate::protocol::AnyResponse;
use crate::protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use crate::protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use crate::protocol::messages::{ListOffsetsRequest, OffsetFetchRequest};

/// The timestamp that asks for the end of a log.
const LATEST: i64 = -1;

/// In a request: a client, and no replica.
const CLIENT: i32 = -1;

/// Everything that `group` has committed.
pub fn committed(
    session: &mut Session,
    coordinator: BrokerId,
    group: &str,
) -> Result<BTreeMap<TopicPartition, Offset>, Failure> {
    let request = OffsetFetchRequest {
        groups: vec![OffsetFetchRequestGroup {
            group_id: group.to_owned(),
            topics: None,
            ..OffsetFetchRequestGroup::default()
        }],
        ..OffsetFetchRequest::default()
    };
    let fetched = session.ask_until_settled(Some(coordinator), request, error_in)?;
    let fetched = answer!(OffsetFetch, fetched);
    let mut committed = BTreeMap::new();
    for answered in &fetched.groups {
        error_of(answered.error_code).map_err(|error| {
            Failure::refused(
                &format!("cannot read the offsets of group {group:?}"),
                error,
                None,
            )
        })?;
        for topic in &answered.topics {
            for found in &topic.partitions {
                if found.committed_offset >= 0 && error_of(found.error_code).is_ok() {
                    let partition = TopicPartition {
                        topic: topic.name.as_str().into(),
                        partition: found.partition_index,
                    };
                    committed.insert(partition, found.committed_offset);
                }
            }
        }
    }
    Ok(committed)
}

/// Where each of `partitions` ends; without those of which no leader tells.
pub fn ends(
    session: &mut Session,
    partitions: &BTreeSet<TopicPartition>,
) -> Result<BTreeMap<TopicPartition, Offset>, Failure> {
    let topics: BTreeSet<&str> = partitions.iter().map(|one| one.topic.as_ref()).collect();
    let topics: Vec<&str> = topics.into_iter().collect();
    session.refresh(Some(&topics), false)?;
    let mut by_leader: BTreeMap<BrokerId, Vec<ListOffsetsTopic>> = BTreeMap::new();
    for partition in partitions {
        let leader = session
            .cluster()
            .leader(&partition.topic, partition.partition);
        let Some(leader) = leader else { continue };
        let asked = by_leader.entry(leader).or_default();
        let name: &str = &partition.topic;
        if asked.last().is_none_or(|topic| topic.name != name) {
            asked.push(ListOffsetsTopic {
                name: name.to_owned(),
                ..ListOffsetsTopic::default()
            });
        }
        let topic = asked.last_mut().expect("the topic is there");
        topic.partitions.push(ListOffsetsPartition {
            partition_index: partition.partition,
            timestamp: LATEST,
            ..ListOffsetsPartition::default()
        });
    }
    let mut ends = BTreeMap::new();
    for (leader, topics) in by_leader {
        let request = ListOffsetsRequest {
            replica_id: CLIENT,
            topics,
            ..ListOffsetsRequest::default()
        };
        let listed = answer!(ListOffsets, session.ask_broker(leader, request)?);
        for topic in &listed.topics {
            let found = topic.partitions.iter();
            for found in found.filter(|found| error_of(found.error_code).is_ok()) {
                let partition = TopicPartition {
                    topic: topic.name.as_str().into(),
                    partition: found.partition_index,
                };
                ends.insert(partition, found.offset);
            }
        }
    }
    Ok(ends)
}

fn error_in(answer: &AnyResponse) -> Option<ErrorCode> {
    match answer {
        AnyResponse::OffsetFetch(answer) => error_of(answer.groups.first()?.error_code).err(),
        _ => None,
    }
}
