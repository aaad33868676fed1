//! Which member of a group reads which partitions.

use std::collections::BTreeMap;

use crate::model::{PartitionIndex, TopicPartition};

/// Kafka's range assignment: of every topic, each member that wants it gets a run of consecutive
/// partitions, the first ones one more where they do not divide evenly. `wanted` has the topics of
/// each member, `counts` the number of partitions of each topic that exists.
#[must_use]
pub fn assign_ranges(
    wanted: &BTreeMap<String, Vec<String>>,
    counts: &BTreeMap<String, PartitionIndex>,
) -> BTreeMap<String, Vec<TopicPartition>> {
    let mut assigned: BTreeMap<String, Vec<TopicPartition>> = wanted
        .keys()
        .map(|member| (member.clone(), Vec::new()))
        .collect();
    for (topic, count) in counts {
        let members = wanted.iter().filter(|(_, topics)| topics.contains(topic));
        let members: Vec<&String> = members.map(|(member, _)| member).collect();
        let Ok(members_count) = PartitionIndex::try_from(members.len()) else {
            continue;
        };
        if members_count == 0 {
            continue;
        }
        let mut next = 0;
        for (place, member) in (0..).zip(members) {
            let share = count / members_count + PartitionIndex::from(place < count % members_count);
            let name: std::sync::Arc<str> = topic.as_str().into();
            let run = (next..next + share).map(|partition| TopicPartition {
                topic: name.clone(),
                partition,
            });
            assigned.entry(member.clone()).or_default().extend(run);
            next += share;
        }
    }
    assigned
}
