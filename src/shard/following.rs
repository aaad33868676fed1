//! Partitions that follow: from the broker that leads them they get what they lack, by one fetcher
//! for all that follow the same one.
//!
//! A fetcher has a number of its own, and a connection. When its leader registers anew, or
//! elsewhere, another fetcher takes its place, so that what the old one asked means nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use crate::client::{Lane, PeerId};
use crate::metadata::BrokerRegistration;
use crate::metrics::MetricId;
use crate::model::{BrokerId, LeaderEpoch, NodeAddress, Offset, TopicIdPartition};
use crate::protocol::AnyResponse;
use crate::protocol::record_batch::{BatchError, Batches};
use crate::replication::{
    FetchAnswer, FetchPosition, FetchRules, FetchWish, Fetcher, FetcherAnswer, FollowerStep,
    ReplicaLog, Role,
};
use crate::stdx::{Instant, Now, duration_of_ms};

use super::ShardSettings;
use super::core::{Phase, Shard};
use super::opening::slots_of;
use super::partition::{Partition, PartitionState};
use super::peers::PeerAsker;
use super::throttling::ToldThrottle;
use super::truncating::Cut;

/// The pause before a leader is asked again that has not heard yet that it leads: some times what
/// the controller's word takes to one broker longer than to another. `replica.fetch.backoff.ms` is
/// for what does not pass by itself.
const RETRY_SOON_AFTER: Duration = Duration::from_millis(50);

/// The fetches from one leader.
#[derive(Debug)]
struct OfLeader {
    leader: BrokerId,
    /// Where it listens, and its registration.
    address: NodeAddress,
    epoch: i64,
    fetcher: Fetcher,
    told_throttle: ToldThrottle,
}

/// Whom a partition is fetched from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FetchedBy {
    /// The number of the fetcher.
    fetcher: u32,
    /// The leader's epoch.
    epoch: LeaderEpoch,
}

/// The fetchers of this shard.
#[derive(Debug)]
pub struct Following {
    /// The name of the listener on which brokers talk to each other.
    listener: String,
    /// By their numbers, which are never used again.
    fetchers: BTreeMap<u32, OfLeader>,
    next_number: u32,
}

impl Following {
    /// No fetchers.
    pub fn new(settings: &ShardSettings) -> Self {
        let mut listeners = settings.config.listeners.iter();
        let found = listeners.find(|listener| listener.is_inter_broker);
        Self {
            listener: found.map_or_else(String::new, |listener| listener.name.clone()),
            fetchers: BTreeMap::new(),
            next_number: 0,
        }
    }

    /// When the first fetcher has something to ask.
    pub fn next_deadline(&self) -> Instant {
        let deadlines = self.fetchers.values().map(|of| of.fetcher.next_deadline());
        deadlines.min().unwrap_or(Instant::MAX)
    }

    /// The partition `id` is gone, which was fetched by this fetcher.
    pub fn forget(&mut self, id: TopicIdPartition, fetched_by: Option<FetchedBy>) {
        let fetcher = fetched_by.and_then(|by| self.fetchers.get_mut(&by.fetcher));
        if let Some(of) = fetcher {
            of.fetcher.unfollow(id);
        }
    }

    /// The fetcher for `leader`, whose registration is this one.
    fn fetcher_for(&mut self, leader: BrokerId, registration: &BrokerRegistration) -> Option<u32> {
        let known = self.fetchers.iter().find(|(_, of)| of.leader == leader);
        if let Some((number, _)) = known {
            return Some(*number);
        }
        let address = address_of(registration, &self.listener)?;
        self.next_number += 1;
        let of = OfLeader {
            leader,
            address,
            epoch: registration.epoch,
            fetcher: Fetcher::new(),
            told_throttle: None,
        };
        self.fetchers.insert(self.next_number, of);
        Some(self.next_number)
    }
}

/// Where a broker listens for others.
fn address_of(registration: &BrokerRegistration, listener: &str) -> Option<NodeAddress> {
    let endpoint = registration.endpoint(listener)?;
    Some(NodeAddress {
        host: endpoint.host.clone(),
        port: endpoint.port,
    })
}

impl Shard {
    fn fetch_rules(&self) -> FetchRules {
        let config = self.configs.broker();
        let replica = config.node_id;
        let registration = self.image.brokers.get(&replica);
        FetchRules {
            replica,
            broker_epoch: registration.map(|registration| registration.epoch),
            bytes_min: config.replica_fetch_min_bytes,
            bytes_max: config.replica_fetch_response_max_bytes,
            partition_bytes_max: config.replica_fetch_max_bytes,
            wait_max: duration_of_ms(config.replica_fetch_wait_max_ms),
            backoff: duration_of_ms(config.replica_fetch_backoff_ms),
            timeout: duration_of_ms(config.replica_socket_timeout_ms),
        }
    }

    /// Something happened to the partition in `slot`: it may follow another broker, or none, or
    /// want something else of it.
    pub(super) fn note_following(&mut self, slot: u32) {
        let Some(partition) = self.partitions.at(slot) else {
            return;
        };
        let leader = partition.followed_leader();
        if leader.is_none() && partition.fetched_by.is_none() {
            return;
        }
        let id = partition.id;
        let fetched_by = leader.and_then(|(leader, epoch)| {
            let registration = self.image.brokers.get(&leader)?;
            let fetcher = self.following.fetcher_for(leader, registration)?;
            Some(FetchedBy { fetcher, epoch })
        });
        let is_deferral_full = self.deferring.is_full();
        let partition = self.partitions.at_mut(slot).expect("it was just there");
        let before = std::mem::replace(&mut partition.fetched_by, fetched_by);
        if before != fetched_by {
            self.following.forget(id, before);
        }
        let fetcher = fetched_by.and_then(|by| self.following.fetchers.get_mut(&by.fetcher));
        let Some(of) = fetcher else {
            return;
        };
        if before != fetched_by {
            let directories = &self.opening.directories;
            let directory = directories[usize::from(partition.directory.0)].id;
            of.fetcher.follow(id, partition.topic.clone(), directory);
        }
        of.fetcher.wish(id, partition.fetch_wish(is_deferral_full));
    }

    /// Brokers have registered, or are gone: their followers ask them where they are now.
    pub(super) fn on_leaders_changed(&mut self, is_changed: impl Fn(BrokerId) -> bool) {
        let brokers = &self.image.brokers;
        let listener = &self.following.listener;
        self.following.fetchers.retain(|_, of| {
            let registration = brokers.get(&of.leader);
            registration.is_some_and(|registration| {
                let address = address_of(registration, listener);
                registration.epoch == of.epoch && address.as_ref() == Some(&of.address)
            })
        });
        for slot in slots_of(&self.partitions) {
            let partition = self.partitions.at(slot);
            let leader = partition.and_then(Partition::followed_leader);
            if leader.is_some_and(|(leader, _)| is_changed(leader)) {
                self.partitions.touch(slot);
            }
        }
    }

    /// Ask leaders for more, where that is due.
    pub(super) fn ask_leaders(&mut self, now: Now) {
        if self.phase == Phase::Stopping {
            self.following.fetchers.clear();
        }
        if self.following.fetchers.is_empty() {
            return;
        }
        let rules = self.fetch_rules();
        let fetchers = &mut self.following.fetchers;
        fetchers.retain(|_, of| !of.fetcher.is_empty());
        let mut asked = Vec::new();
        for (number, of) in fetchers {
            let throttling = &mut self.throttling;
            if let Some(throttled) = throttling.news_for(now.instant, &mut of.told_throttle) {
                of.fetcher.throttle(throttled);
            }
            if let Some(request) = of.fetcher.next_request(now.instant, &rules) {
                asked.push((*number, of.address.clone(), request));
            }
        }
        for (number, address, asked) in asked {
            let to = PeerId {
                address,
                lane: Lane::Fetch(number),
            };
            let asker = PeerAsker::Fetcher(number);
            self.ask_peer(now, asker, to, asked.request, asked.timeout);
        }
    }

    /// The leader that a fetcher asked has answered, or has not.
    pub(super) fn on_fetcher_outcome(
        &mut self,
        now: Now,
        number: u32,
        response: Option<AnyResponse>,
    ) {
        let rules = self.fetch_rules();
        let Some(of) = self.following.fetchers.get_mut(&number) else {
            return;
        };
        if response.is_none() {
            self.meter.metrics.add(MetricId::FetcherFailures, 1);
        }
        for answer in of.fetcher.on_response(now.instant, response, &rules) {
            match answer {
                FetcherAnswer::Fetched {
                    partition,
                    asked,
                    answer,
                } => self.on_fetched(now, (number, partition), asked, answer),
                FetcherAnswer::Bounds {
                    partition,
                    asked,
                    bounds,
                } => self.on_leader_bounds(now, (number, partition), asked, bounds),
            }
        }
    }

    /// The partition that a fetcher has asked for, if it still follows by that and is open.
    fn fetched_partition(&mut self, (number, id): (u32, TopicIdPartition)) -> Option<u32> {
        let slot = self.partitions.slot_of(id)?;
        let partition = self.partitions.at(slot)?;
        let fetched_by = partition.fetched_by?;
        let is_meant = fetched_by.fetcher == number && partition.state == PartitionState::Open;
        is_meant.then_some(slot)
    }

    fn on_fetched(
        &mut self,
        now: Now,
        of: (u32, TopicIdPartition),
        asked: FetchPosition,
        answer: FetchAnswer,
    ) {
        let Some(slot) = self.fetched_partition(of) else {
            return;
        };
        if answer.error.is_error() {
            self.meter.metrics.add(MetricId::FetcherFailures, 1);
            tracing::debug!(partition = ?of.1, "its leader answers with {}", answer.error);
        }
        let partition = self.partitions.touch(slot).expect("it was just found");
        let known = partition.replica_log();
        let (log, role) = (&partition.log, &mut partition.role);
        let Role::Follower(follower) = role else {
            return;
        };
        let end_of_epoch = |epoch| log.end_offset_for_epoch(epoch);
        let step = follower.on_answer(&asked, answer, &known, end_of_epoch);
        self.take_follower_step(now, (of.0, slot), asked, step);
    }

    fn on_leader_bounds(
        &mut self,
        now: Now,
        of: (u32, TopicIdPartition),
        asked: FetchPosition,
        bounds: (Offset, Offset),
    ) {
        let Some(slot) = self.fetched_partition(of) else {
            return;
        };
        let partition = self.partitions.touch(slot).expect("it was just found");
        let known = partition.replica_log();
        if let Role::Follower(follower) = &mut partition.role {
            let step = follower.on_leader_bounds(&asked, bounds, &known);
            self.take_follower_step(now, (of.0, slot), asked, step);
        }
    }

    fn take_follower_step(
        &mut self,
        now: Now,
        (number, slot): (u32, u32),
        asked: FetchPosition,
        step: FollowerStep,
    ) {
        let asks_bounds = step == FollowerStep::AskBounds;
        let is_soon = step == FollowerStep::RetrySoon;
        let is_done = match step {
            FollowerStep::Ignore | FollowerStep::AwaitImage => true,
            FollowerStep::Append(records) => self.append_fetched(now, slot, records),
            FollowerStep::Truncate(offset) => self.begin_truncation(slot, Cut::From(offset)),
            FollowerStep::StartAnew(offset) => {
                self.begin_truncation(slot, Cut::AllAndBeginAt(offset))
            }
            FollowerStep::AskBounds | FollowerStep::RetryLater | FollowerStep::RetrySoon => false,
        };
        let backoff = self.fetch_rules().backoff;
        let partition = self.partitions.at(slot).expect("it was just there");
        let fetcher = self.following.fetchers.get_mut(&number);
        let Some(of) = fetcher.filter(|_| !is_done) else {
            return;
        };
        if asks_bounds {
            of.fetcher.ask_bounds(partition.id, asked);
        } else {
            let pause = if is_soon {
                backoff.min(RETRY_SOON_AFTER)
            } else {
                backoff
            };
            of.fetcher.delay(now.instant, partition.id, pause);
        }
    }

    /// Append what the leader has. False if that is to be asked for again after a pause.
    fn append_fetched(&mut self, now: Now, slot: u32, fetched: Bytes) -> bool {
        let partition = self.partitions.touch(slot).expect("it was just there");
        if fetched.is_empty() {
            return true;
        }
        if partition.log.lacks_space() {
            return false;
        }
        let taken = leading_batches(&fetched, partition.role.epoch());
        let appended = taken.and_then(|records| {
            let bytes = records.len() as u64;
            partition.log.append_replicated(now, records)?;
            Ok(bytes)
        });
        match appended {
            Ok(0) => false,
            Ok(bytes) => {
                let id = partition.id;
                self.throttling.note_taken(now.instant, id, bytes);
                let metrics = &mut self.meter.metrics;
                metrics.add(MetricId::ReplicationBytesIn, bytes);
                true
            }
            Err(error) => {
                self.meter.metrics.add(MetricId::FetcherFailures, 1);
                let what = "takes nothing of what its leader sent";
                tracing::error!("{}", self.place_of(slot, what, &error));
                false
            }
        }
    }
}

/// What of `fetched` may be appended: whole batches, since the last one may be cut off, and none of
/// an epoch behind `epoch`, of which nothing is known here yet.
fn leading_batches(fetched: &Bytes, epoch: LeaderEpoch) -> Result<Bytes, BatchError> {
    let mut batches = Batches::new(fetched.clone());
    let mut end = 0;
    while let Some(batch) = batches.next_whole()? {
        if batch
            .leader_epoch()
            .is_some_and(|written_in| written_in > epoch)
        {
            break;
        }
        end = batches.position();
    }
    Ok(fetched.slice(..end))
}

impl Partition {
    /// Whom it follows, and in which epoch, as far as it may serve.
    fn followed_leader(&self) -> Option<(BrokerId, LeaderEpoch)> {
        let is_served = matches!(
            self.state,
            PartitionState::Open | PartitionState::Truncating | PartitionState::Opening
        );
        match &self.role {
            Role::Follower(follower) if is_served => Some((follower.leader()?, follower.epoch())),
            _ => None,
        }
    }

    /// What it wants of its leader. With `is_synced_only` memory does not count as safe.
    fn fetch_wish(&self, is_synced_only: bool) -> FetchWish {
        let Role::Follower(follower) = &self.role else {
            return FetchWish::Nothing;
        };
        if self.state != PartitionState::Open || self.log.lacks_space() {
            return FetchWish::Nothing;
        }
        let log = ReplicaLog {
            safe_end_offset: self.safe_end_offset(is_synced_only),
            ..self.replica_log()
        };
        let synced = ReplicaLog {
            safe_end_offset: log.end_offset,
            ..log
        };
        match (follower.plan_fetch(&log), follower.plan_fetch(&synced)) {
            (Some(position), _) => FetchWish::From {
                position,
                high_watermark: follower.high_watermark(),
                lag: self.lag(),
            },
            (None, Some(_)) => FetchWish::AfterSync,
            (None, None) => FetchWish::Nothing,
        }
    }

    /// How many committed records it lacks, if it follows.
    pub fn lag(&self) -> Offset {
        match &self.role {
            Role::Follower(follower) => follower.lag(self.log.log_end_offset()),
            Role::Leader(_) => 0,
        }
    }
}
