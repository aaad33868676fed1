//! The throttle of replicas that are being copied, by Kafka's settings (KIP-73).
//!
//! A throttle is two lists of each topic, which replicas of which partitions are throttled as
//! leaders and as followers, and two rates of each broker. They are set as
//! `kafka-reassign-partitions` sets them, so its `--verify` removes them, too.

use std::collections::{BTreeMap, BTreeSet};

use crate::admin::Failure;
use crate::admin::session::Session;
use crate::model::BrokerId;

use super::configs::{Alterations, Resource, alter, topic_values};
use super::{Change, Layout};

const LEADER_REPLICAS: &str = "leader.replication.throttled.replicas";
const FOLLOWER_REPLICAS: &str = "follower.replication.throttled.replicas";
const LEADER_RATE: &str = "leader.replication.throttled.rate";
const FOLLOWER_RATE: &str = "follower.replication.throttled.rate";

/// The value of a list that names all replicas: an operator's own, which no command touches.
const ALL_REPLICAS: &str = "*";

/// The lists of a topic: entries `PARTITION:BROKER`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Lists {
    pub leaders: BTreeSet<String>,
    pub followers: BTreeSet<String>,
}

/// Which replicas of each topic a plan throttles: who has one as a leader, who gets one as a
/// follower.
pub fn plan_lists(changes: &[Change]) -> BTreeMap<String, Lists> {
    let mut topics = BTreeMap::<String, Lists>::new();
    for change in changes
        .iter()
        .filter(|change| change.added().next().is_some())
    {
        let lists = topics
            .entry(change.partition.topic.to_string())
            .or_default();
        let entry = |id: BrokerId| format!("{}:{id}", change.partition.partition);
        lists
            .leaders
            .extend(change.from.iter().map(|id| entry(*id)));
        lists.followers.extend(change.added().map(entry));
    }
    topics
}

/// Holds the copying of `changes` to so many bytes a second for each broker that takes part.
pub fn set(
    session: &mut Session,
    layout: &Layout,
    changes: &[Change],
    bytes_per_second: u64,
) -> Result<(), Failure> {
    let mut planned = plan_lists(changes);
    let topics: Vec<String> = planned.keys().cloned().collect();
    let mut alterations = BTreeMap::new();
    // What an earlier command throttles stays throttled: its replicas may still be on their way.
    let names = [LEADER_REPLICAS, FOLLOWER_REPLICAS];
    for (topic, values) in topic_values(session, &topics, &names)? {
        let lists = planned.remove(&topic).unwrap_or_default();
        let mut changes = Alterations::new();
        for (name, entries) in [
            (LEADER_REPLICAS, lists.leaders),
            (FOLLOWER_REPLICAS, lists.followers),
        ] {
            let value = values.get(name).map_or("", |value| &value.text);
            if value != ALL_REPLICAS {
                changes.push((name, Some(merged(value, entries))));
            }
        }
        if !changes.is_empty() {
            alterations.insert(Resource::Topic(topic), changes);
        }
    }
    let takes_part = |id: &BrokerId| {
        let mut changes = changes.iter();
        changes.any(|change| change.from.contains(id) || change.to.contains(id))
    };
    let rate = Some(bytes_per_second.to_string());
    for id in alive(layout).filter(takes_part) {
        let rates = vec![(LEADER_RATE, rate.clone()), (FOLLOWER_RATE, rate.clone())];
        alterations.insert(Resource::Broker(id), rates);
    }
    let refused = alter(session, &alterations)?;
    match refused.into_iter().next() {
        None => Ok(()),
        Some((resource, reason)) => Err(Failure::Failed(format!(
            "cannot set the throttle of {}: {reason}",
            told(&resource)
        ))),
    }
}

/// The topics with lists of throttled replicas.
pub fn throttled_topics(session: &mut Session, layout: &Layout) -> Result<Vec<String>, Failure> {
    let topics: BTreeSet<String> = layout
        .partitions
        .keys()
        .map(|partition| partition.topic.to_string())
        .collect();
    let topics: Vec<String> = topics.into_iter().collect();
    let names = [LEADER_REPLICAS, FOLLOWER_REPLICAS];
    let values = topic_values(session, &topics, &names)?;
    let throttled = values.into_iter().filter(|(_, values)| {
        let mut lists = values.values();
        lists.any(|value| value.is_own && !value.text.is_empty() && value.text != ALL_REPLICAS)
    });
    Ok(throttled.map(|(topic, _)| topic).collect())
}

/// Ends the throttle of `topics`, and the rates of all brokers; tells what was refused.
pub fn remove(
    session: &mut Session,
    layout: &Layout,
    topics: &[String],
) -> Result<Vec<String>, Failure> {
    let names = [LEADER_REPLICAS, FOLLOWER_REPLICAS];
    let mut alterations = BTreeMap::new();
    for (topic, values) in topic_values(session, topics, &names)? {
        let lists = values.into_iter();
        let lists = lists.filter(|(_, value)| value.is_own && value.text != ALL_REPLICAS);
        let lists: BTreeSet<String> = lists.map(|(name, _)| name).collect();
        let changes = names.into_iter().filter(|name| lists.contains(*name));
        let changes: Alterations = changes.map(|name| (name, None)).collect();
        if !changes.is_empty() {
            alterations.insert(Resource::Topic(topic), changes);
        }
    }
    for id in alive(layout) {
        let rates = vec![(LEADER_RATE, None), (FOLLOWER_RATE, None)];
        alterations.insert(Resource::Broker(id), rates);
    }
    let refused = alter(session, &alterations)?;
    let refused = refused.into_iter();
    let told = refused.map(|(resource, reason)| format!("{}: {reason}", told(&resource)));
    Ok(told.collect())
}

fn alive(layout: &Layout) -> impl Iterator<Item = BrokerId> {
    let brokers = layout.brokers.iter();
    brokers
        .filter(|(_, broker)| broker.is_alive)
        .map(|(id, _)| *id)
}

/// A list with more entries, each of them once, in the order of their numbers.
fn merged(list: &str, entries: BTreeSet<String>) -> String {
    let old = list.split(',').map(str::trim);
    let old = old.filter(|entry| !entry.is_empty()).map(str::to_owned);
    let number = |entry: &str| -> (u64, u64) {
        let (partition, broker) = entry.split_once(':').unwrap_or((entry, ""));
        (
            partition.parse().unwrap_or(u64::MAX),
            broker.parse().unwrap_or(u64::MAX),
        )
    };
    let all: BTreeSet<String> = old.chain(entries).collect();
    let mut all: Vec<String> = all.into_iter().collect();
    all.sort_by_key(|entry| number(entry));
    all.join(",")
}

fn told(resource: &Resource) -> String {
    match resource {
        Resource::Topic(name) => format!("topic {name:?}"),
        Resource::Broker(id) => format!("broker {id}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TopicPartition;

    #[test]
    fn those_who_have_a_replica_are_throttled_as_leaders_and_those_who_get_one_as_followers() {
        let change = |partition, from: &[BrokerId], to: &[BrokerId]| Change {
            partition: TopicPartition {
                topic: "t".into(),
                partition,
            },
            from: from.to_vec(),
            to: to.to_vec(),
            bytes: 0,
        };
        let lists = plan_lists(&[change(0, &[1, 2], &[3, 2]), change(1, &[1, 2], &[2, 1])]);
        let list = |entries: &BTreeSet<String>| entries.iter().cloned().collect::<Vec<_>>();
        assert_eq!(list(&lists["t"].leaders), ["0:1", "0:2"]);
        assert_eq!(list(&lists["t"].followers), ["0:3"]);
    }

    #[test]
    fn a_list_keeps_what_it_has() {
        let entries = BTreeSet::from(["2:1".to_owned(), "10:1".to_owned()]);
        assert_eq!(merged("10:1, 3:2", entries), "2:1,3:2,10:1");
        assert_eq!(merged("", BTreeSet::new()), "");
    }
}
