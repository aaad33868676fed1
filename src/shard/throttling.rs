//! Throttled replication (KIP-73): which partitions of this shard are throttled, and how much of
//! the broker's quotas the shard has.
//!
//! A quota is the broker's and the shards share nothing, so each has the part of it that goes with
//! how many of the throttled partitions are its own: together they move no more than is allowed,
//! and one partition alone has all of it.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::config::{BrokerConfig, ThrottledReplicas, TopicConfig};
use crate::metadata::{ConfigKind, MetadataDelta};
use crate::model::TopicIdPartition;
use crate::replication::{QuotaRules, ReplicationQuota};
use crate::stdx::Instant;

use super::core::Shard;
use super::placement::{place, shard_of};

/// One direction: what leaders here give, or what followers here take.
#[derive(Debug)]
struct Side {
    quota: ReplicationQuota,
    /// The partitions of this shard that count.
    partitions: BTreeSet<TopicIdPartition>,
}

/// What is throttled on this shard.
#[derive(Debug)]
pub struct Throttling {
    leading: Side,
    following: Side,
    /// True if a partition of the broker is throttled, whichever shard has it.
    is_needed: bool,
    /// How often it was looked what is throttled.
    version: u64,
}

/// What a fetcher was told of the throttled partitions, so that it is told again when that changes.
pub type ToldThrottle = Option<u64>;

impl Throttling {
    /// Nothing is throttled.
    pub fn new(config: &BrokerConfig) -> Self {
        let side = || Side {
            quota: ReplicationQuota::new(rules(config, u64::MAX)),
            partitions: BTreeSet::new(),
        };
        Self {
            leading: side(),
            following: side(),
            is_needed: false,
            version: 0,
        }
    }

    /// True if followers of this partition that are not in sync get nothing for now.
    pub fn is_leader_held(&mut self, now: Instant, partition: TopicIdPartition) -> bool {
        let side = &mut self.leading;
        side.partitions.contains(&partition) && side.quota.is_exceeded(now)
    }

    /// A follower of this partition got so much.
    pub fn note_given(&mut self, now: Instant, partition: TopicIdPartition, bytes: usize) {
        note(&mut self.leading, now, partition, bytes as u64);
    }

    /// The leader of this partition gave so much.
    pub fn note_taken(&mut self, now: Instant, partition: TopicIdPartition, bytes: u64) {
        note(&mut self.following, now, partition, bytes);
    }

    /// What a fetcher that was `told` this is to leave out from now on; `None` if it knows.
    pub fn news_for(
        &mut self,
        now: Instant,
        told: &mut ToldThrottle,
    ) -> Option<BTreeSet<TopicIdPartition>> {
        let side = &mut self.following;
        let is_held = !side.partitions.is_empty() && side.quota.is_exceeded(now);
        let news = is_held.then_some(self.version);
        if *told == news {
            return None;
        }
        *told = news;
        Some(match is_held {
            true => side.partitions.clone(),
            false => BTreeSet::new(),
        })
    }

    /// When followers may go on that are held back now.
    pub fn next_deadline(&self) -> Instant {
        match self.following.partitions.is_empty() {
            true => Instant::MAX,
            false => self.following.quota.relaxes_at(),
        }
    }
}

fn note(side: &mut Side, now: Instant, partition: TopicIdPartition, bytes: u64) {
    if side.partitions.contains(&partition) {
        side.quota.record(now, bytes);
    }
}

fn rules(config: &BrokerConfig, bytes_per_second: u64) -> QuotaRules {
    QuotaRules {
        bytes_per_second,
        window: Duration::from_secs(config.replication_quota_window_size_seconds.into()),
        windows: config.replication_quota_window_num,
    }
}

impl Shard {
    /// The image changed: other partitions may be throttled, or at other rates.
    pub(super) fn review_throttles(&mut self, delta: &MetadataDelta) {
        let is_due = !delta.configs_changed.is_empty() || self.throttling.is_needed;
        if !is_due {
            return;
        }
        let node = self.settings.config.node_id;
        let shards = self.settings.shards_count;
        let mut own = [BTreeSet::new(), BTreeSet::new()];
        let mut counts = [0_u64; 2];
        let configured = self.image.configs.keys();
        let topics = configured.filter(|resource| resource.kind == ConfigKind::Topic);
        for resource in topics {
            let Some(topic) = self.image.topic(&resource.name) else {
                continue;
            };
            let config = self.configs.topic(&self.image, &topic.name);
            let lists = throttled(&config);
            if lists.iter().all(|list| list.is_empty()) {
                continue;
            }
            for (index, registration) in topic.partitions.iter() {
                let is_here = registration.replicas.contains(&node);
                let side = usize::from(registration.leader != Some(node));
                if !is_here || !lists[side].contains(*index, node) {
                    continue;
                }
                let id = place(topic.id, *index);
                counts[side] += 1;
                if shard_of(id, shards) == self.settings.id {
                    own[side].insert(id);
                }
            }
        }
        let config = self.configs.broker();
        let throttling = &mut self.throttling;
        throttling.is_needed = counts != [0, 0];
        throttling.version += 1;
        let rates = [
            config.leader_replication_throttled_rate,
            config.follower_replication_throttled_rate,
        ];
        let sides = [&mut throttling.leading, &mut throttling.following];
        for (((side, own), count), rate) in sides.into_iter().zip(own).zip(counts).zip(rates) {
            let share = u128::from(rate) * own.len() as u128 / u128::from(count.max(1));
            let share = u64::try_from(share).expect("a part is not more than the whole");
            side.quota.change_rules(rules(config, share));
            side.partitions = own;
        }
    }
}

/// The throttled leaders and followers of a topic.
const fn throttled(config: &TopicConfig) -> [&ThrottledReplicas; 2] {
    [
        &config.leader_replication_throttled_replicas,
        &config.follower_replication_throttled_replicas,
    ]
}
