//! The lives of a world's brokers: how each begins and how it ends.

use std::time::Duration;

use crate::model::ShardId;
use crate::shard::{HaltReason, Shard};

use super::super::clock::between;
use super::super::faults::Fault;
use super::super::network::NodeIndex;
use super::super::oracle::{LifeEnd, Rule};
use super::broker::Broker;
use super::{Occurrence, Shape, Stage, World};

/// Shards of a broker.
const SHARDS_MAX: u64 = 4;

/// Shards of each node of a cluster.
const CLUSTER_SHARDS_MAX: u64 = 3;

/// Effects between the decision that the power goes and its going.
const EFFECTS_UNTIL_CRASH_MAX: u64 = 40;

/// How long a clean stop may take, with a slow disk and starved shards.
const STOP_DURATION_MAX: Duration = Duration::from_secs(60);

/// How long a stopped broker's processes let the network take the last answers.
const LAST_SENDS_DURATION: Duration = Duration::from_millis(20);

impl World {
    pub(super) fn start_broker(&mut self, index: NodeIndex) {
        if self.node(index).broker.is_some() {
            return;
        }
        let most = match self.settings.shape {
            Shape::Alone => SHARDS_MAX,
            Shape::Cluster => CLUSTER_SHARDS_MAX,
        };
        let after = 1 + self.schedule.below(most);
        let after = u16::try_from(after).expect("small");
        let node = &mut self.nodes[index.0];
        if node.starts > 0 && node.plan.shards_count != after {
            self.counts.add(Fault::OtherShardsCount);
        }
        node.plan.shards_count = after;
        node.starts += 1;
        let shards = (0..after).map(|id| {
            let random = node.shards.fork();
            Shard::new(node.plan.shard_settings(ShardId(id), random))
        });
        let shards: Vec<Shard> = shards.collect();
        self.trace.note(self.now, "start", &[u64::from(after)], || {
            format!("{index}: {after} shards")
        });
        node.broker = Some(Broker::new(shards, &node.disk));
        for id in 0..after {
            self.wake_shard(index, ShardId(id));
        }
        if self.stage == Stage::Working {
            let life = self.life(index);
            let mean = self.chaos.life_ms;
            let lasts = between(
                &mut self.schedule,
                Duration::from_millis(1),
                Duration::from_millis(2 * mean),
            );
            self.plan_for(self.now.plus_nanos(lasts), Occurrence::LifeEnds(life));
        }
    }

    /// A crash or a stop, while there are faults.
    pub(super) fn end_life(&mut self, node: NodeIndex) {
        if self.stage != Stage::Working || self.node(node).broker.is_none() {
            return;
        }
        if self.schedule.chance(self.chaos.clean_stops, 100) {
            return self.stop(node);
        }
        if self.schedule.chance(1, 4) {
            return self.crash(node);
        }
        let effects = self.schedule.below(EFFECTS_UNTIL_CRASH_MAX);
        self.node_mut(node).effects_until_crash = Some(effects);
        let life = self.life(node);
        self.plan_within(Duration::from_millis(200), Occurrence::PowerGoes(life));
    }

    /// The last life but one ends, in one way or the other.
    pub(super) fn end_last_life(&mut self, index: NodeIndex) {
        let node = self.node_mut(index);
        // A broker that is down already begins its last life with its next start.
        node.is_last_life_due = node.broker.is_some();
        if self.schedule.chance(1, 2) {
            self.stop(index);
        } else {
            self.crash(index);
        }
    }

    /// The operator stops the broker.
    fn stop(&mut self, node: NodeIndex) {
        let Some(broker) = &mut self.nodes[node.0].broker else {
            return;
        };
        if std::mem::replace(&mut broker.is_stopping, true) {
            return;
        }
        self.counts.add(Fault::CleanStop);
        self.trace.note(self.now, "stop", &[], || node.to_string());
        let shards = broker.hosts.len();
        for host in &mut broker.hosts {
            host.wants_stop = true;
        }
        for id in 0..shards {
            self.wake_shard(node, ShardId(u16::try_from(id).expect("small")));
        }
        let life = self.life(node);
        let due = self.now.plus(STOP_DURATION_MAX);
        self.plan_for(due, Occurrence::StopIsDue(life));
    }

    /// If every shard has stopped and the disk rests, the processes end soon.
    pub(super) fn check_stopped(&mut self, index: NodeIndex) {
        let node = self.node(index);
        let is_over = node.broker.as_ref().is_some_and(|broker| {
            broker.hosts.iter().all(|host| host.is_stopped) && node.disk.is_idle()
        });
        if is_over {
            let life = self.life(index);
            let at = self.now.plus(LAST_SENDS_DURATION);
            self.plan_for(at, Occurrence::Stopped(life));
        }
    }

    pub(super) fn on_stopped(&mut self, node: NodeIndex) {
        self.trace
            .note(self.now, "all stopped", &[], || node.to_string());
        self.end(node, LifeEnd::Stopped);
    }

    /// The power goes.
    pub(super) fn crash(&mut self, node: NodeIndex) {
        if self.node(node).broker.is_none() {
            return;
        }
        self.counts.add(Fault::Crash);
        self.trace.note(self.now, "crash", &[], || node.to_string());
        self.end(node, LifeEnd::Crashed);
    }

    /// The broker wants its process to end.
    pub(super) fn on_halt(&mut self, index: NodeIndex, reason: &HaltReason) {
        let node = self.node(index);
        let broker = node.broker.as_ref();
        let is_member = self.settings.shape == Shape::Cluster;
        let may_halt = broker.is_some_and(|broker| broker.may_halt(&node.disk, is_member));
        self.trace.note(self.now, "halt", &[], || {
            format!("{index}: {}", reason.message())
        });
        if !may_halt {
            let what = format!("{index}: the broker halts: {}", reason.message());
            self.oracle.violate(Rule::BrokerRuns, what);
        }
        self.counts.add(Fault::Halt);
        self.end(index, LifeEnd::Hurt);
    }

    /// A life of the broker is over; another follows.
    fn end(&mut self, index: NodeIndex, how: LifeEnd) {
        let node = &mut self.nodes[index.0];
        let broker = node.broker.take();
        let is_hurt = broker.is_some_and(|broker| broker.is_hurt(&node.disk));
        let how = if is_hurt { LifeEnd::Hurt } else { how };
        self.oracle.on_life_ended(self.now, how);
        node.life += 1;
        node.paused_until = self.now;
        node.effects_until_crash = None;
        node.is_last_life_due = false;
        self.network.lose_broker(self.now, index);
        let silent = self.chaos.between_nodes.silent_deaths;
        let is_silent = how == LifeEnd::Crashed && self.chaos.strikes(&mut self.dials, silent, 100);
        if is_silent {
            self.counts.add(Fault::SilentDeath);
        }
        self.links.lose_node(self.now, index, is_silent);
        node.disk.crash(self.now, &mut self.counts);
        let longest = Duration::from_millis(self.chaos.between_nodes.down_ms);
        let pause = between(
            &mut self.schedule,
            Duration::from_millis(1),
            Duration::from_millis(100).max(longest),
        );
        self.plan_for(self.now.plus_nanos(pause), Occurrence::Start(index));
    }
}
