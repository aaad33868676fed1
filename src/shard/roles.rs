//! Whether a partition here leads or follows, as the cluster image says.

use std::time::Duration;

use crate::metadata::PartitionRegistration;
use crate::model::{BrokerId, ErrorCode, Offset};
use crate::replication::{Follower, Leader, LeaderRules, LeaderTerm, Role};
use crate::stdx::{Now, duration_of_ms};

use super::core::Shard;
use super::deferring::allow_deferral;
use super::opening::slots_of;
use super::partition::{Partition, PartitionState};
use super::task::Reply;
use super::waiting::Acknowledge;

impl Shard {
    /// The registration of an open partition may have changed: it begins to lead or to follow, or
    /// goes on as it is with what is new.
    pub(super) fn follow_registration(&mut self, now: Now, slot: u32) {
        let partition = self.partitions.at(slot).expect("the slot was just found");
        let id = partition.id;
        let registration = self.image.partition(id.topic_id, id.partition);
        let Some(registration) = registration.cloned() else {
            return;
        };
        if partition.state != PartitionState::Open {
            return;
        }
        let leads = registration.leader == Some(self.settings.config.node_id);
        let is_as_before = partition.role.epoch() == registration.leader_epoch
            && partition.role.leader().is_some() == leads;
        if !is_as_before {
            let high_watermark = partition.role.high_watermark();
            return self.take_role(now, slot, high_watermark);
        }
        let partition = self.partitions.touch(slot).expect("it was just there");
        let (isr, epoch) = (&registration.isr, registration.partition_epoch);
        if let Role::Leader(leader) = &mut partition.role {
            leader.on_registration(now.instant, &registration.replicas, isr, epoch);
        }
        self.tell_of_brokers(now, slot, |_| true);
        self.advance_high_watermark(now, slot);
    }

    /// Begin to lead or to follow. What is committed is below `high_watermark` at least.
    pub(super) fn take_role(&mut self, now: Now, slot: u32, high_watermark: Offset) {
        let partition = self.partitions.at(slot).expect("the slot was just found");
        let id = partition.id;
        let registration = self.image.partition(id.topic_id, id.partition);
        let Some(registration) = registration.cloned() else {
            return;
        };
        let led = partition.role.leader().is_some();
        if registration.leader == Some(self.settings.config.node_id) {
            self.begin_leading(now, slot, &registration, high_watermark);
            if !led && self.groups.is_host(id) {
                self.load_groups(now, slot);
            }
        } else {
            self.begin_following(slot, &registration, high_watermark);
            if led {
                self.refuse_waiting(slot, ErrorCode::NotLeaderOrFollower);
                self.unload_groups(slot);
            }
        }
        let partition = self.partitions.touch(slot).expect("it was just there");
        allow_deferral(&mut partition.log, &partition.role);
        self.fetches.wake(partition.take_waiting_fetches());
        self.advance_high_watermark(now, slot);
    }

    fn begin_leading(
        &mut self,
        now: Now,
        slot: u32,
        registration: &PartitionRegistration,
        high_watermark: Offset,
    ) {
        let node = self.settings.config.node_id;
        let lag_max = self.lag_max();
        let partition = self.partitions.touch(slot).expect("it was just there");
        let end = partition.log.log_end_offset();
        let term = LeaderTerm {
            node,
            epoch: registration.leader_epoch,
            partition_epoch: registration.partition_epoch,
            start_offset: end,
            high_watermark: high_watermark.min(end),
            safe_end_offset: partition.safe_end_offset(false),
            replicas: registration.replicas.clone(),
            isr: registration.isr.clone(),
        };
        let rules = rules_of(partition, lag_max);
        let leader = Leader::new(now.instant, term, rules);
        partition
            .log
            .on_leader_epoch(registration.leader_epoch, end);
        partition.role = Role::Leader(Box::new(leader));
        self.tell_of_brokers(now, slot, |_| true);
    }

    fn begin_following(
        &mut self,
        slot: u32,
        registration: &PartitionRegistration,
        high_watermark: Offset,
    ) {
        let partition = self.partitions.touch(slot).expect("it was just there");
        let high_watermark = high_watermark.min(partition.log.log_end_offset());
        let epoch = registration.leader_epoch;
        let follower = Follower::new(registration.leader, epoch, high_watermark);
        partition.role = Role::Follower(follower);
    }

    /// Nobody is told any more that what was appended is safe.
    pub(super) fn refuse_waiting(&mut self, slot: u32, error: ErrorCode) {
        self.refuse_deletions(slot, error);
        let Some(partition) = self.partitions.touch(slot) else {
            return;
        };
        let topic = partition.topic.clone();
        for then in partition.waiting_appends.take_all() {
            // The coordinator goes with its partition.
            if let Acknowledge::Producer(asker, _) = then {
                self.meter.metrics.topic_mut(&topic).produce_failures += 1;
                self.reply(asker, Reply::Appended(Err(error.into())));
            }
        }
    }

    fn lag_max(&self) -> Duration {
        duration_of_ms(self.configs.broker().replica_lag_time_max_ms)
    }

    /// The settings of a topic or of the broker have changed.
    pub(super) fn change_leader_rules(&mut self, now: Now, slot: u32) {
        let lag_max = self.lag_max();
        let partition = self
            .partitions
            .touch(slot)
            .expect("the slot was just found");
        let rules = rules_of(partition, lag_max);
        if let Some(leader) = partition.role.leader_mut() {
            leader.change_rules(now.instant, rules);
        }
        self.advance_high_watermark(now, slot);
    }

    /// Tell the leader of a partition which of the brokers that are `meant` may be in sync.
    fn tell_of_brokers(&mut self, now: Now, slot: u32, is_meant: impl Fn(BrokerId) -> bool) {
        let image = &self.image;
        let Some(partition) = self.partitions.at_mut(slot) else {
            return;
        };
        let Some(leader) = partition.role.leader_mut() else {
            return;
        };
        let meant: Vec<BrokerId> = leader.followers().filter(|id| is_meant(*id)).collect();
        for id in meant {
            let broker = image.brokers.get(&id);
            let broker = broker.filter(|one| !one.fenced && !one.in_controlled_shutdown);
            leader.on_broker(now.instant, id, broker.map(|one| one.epoch));
        }
    }

    /// Brokers came, went, or are about to.
    pub(super) fn on_brokers_changed(&mut self, now: Now, is_changed: impl Fn(BrokerId) -> bool) {
        self.on_leaders_changed(&is_changed);
        for slot in slots_of(&self.partitions) {
            let partition = self.partitions.at(slot);
            let leader = partition.and_then(|partition| partition.role.leader());
            if leader.is_some_and(|leader| leader.followers().any(&is_changed)) {
                self.tell_of_brokers(now, slot, &is_changed);
                self.partitions.touch(slot);
                self.advance_high_watermark(now, slot);
            }
        }
    }
}

fn rules_of(partition: &Partition, lag_max: Duration) -> LeaderRules {
    LeaderRules {
        in_sync_min: partition.log.config().min_insync_replicas as usize,
        lag_max,
    }
}
