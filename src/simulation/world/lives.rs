//! The lives of a world's broker: how each begins and how it ends.

use std::time::Duration;

use crate::model::ShardId;
use crate::shard::{HaltReason, Shard};

use super::super::clock::between;
use super::super::faults::Fault;
use super::super::oracle::{LifeEnd, Rule};
use super::broker::Broker;
use super::{Occurrence, Stage, World};

/// Shards of a broker.
const SHARDS_MAX: u64 = 4;

/// Effects between the decision that the power goes and its going.
const EFFECTS_UNTIL_CRASH_MAX: u64 = 40;

/// How long a clean stop may take, with a slow disk and starved shards.
const STOP_DURATION_MAX: Duration = Duration::from_secs(60);

/// How long a stopped broker's processes let the network take the last answers.
const LAST_SENDS_DURATION: Duration = Duration::from_millis(20);

impl World {
    pub(super) fn start_broker(&mut self) {
        if self.broker.is_some() {
            return;
        }
        let before = self.plan.shards_count;
        let after = 1 + self.schedule.below(SHARDS_MAX);
        let after = u16::try_from(after).expect("small");
        if self.starts > 0 && before != after {
            self.counts.add(Fault::OtherShardsCount);
        }
        self.plan.shards_count = after;
        self.starts += 1;
        let shards = (0..after).map(|id| {
            let random = self.shards.fork();
            Shard::new(self.plan.shard_settings(ShardId(id), random))
        });
        let shards: Vec<Shard> = shards.collect();
        self.trace.note(self.now, "start", &[u64::from(after)], || {
            format!("{after} shards")
        });
        self.broker = Some(Broker::new(shards, &self.disk));
        for id in 0..after {
            self.wake_shard(ShardId(id));
        }
        if self.stage == Stage::Working {
            let life = self.life;
            let mean = self.chaos.life_ms;
            let lasts = between(
                &mut self.schedule,
                Duration::from_millis(1),
                Duration::from_millis(2 * mean),
            );
            self.plan_for(self.now.plus_nanos(lasts), Occurrence::LifeEnds { life });
        }
    }

    /// A crash or a stop, while there are faults.
    pub(super) fn end_life(&mut self) {
        if self.stage != Stage::Working || self.broker.is_none() {
            return;
        }
        if self.schedule.chance(self.chaos.clean_stops, 100) {
            return self.stop();
        }
        if self.schedule.chance(1, 4) {
            return self.crash();
        }
        self.effects_until_crash = Some(self.schedule.below(EFFECTS_UNTIL_CRASH_MAX));
        let life = self.life;
        self.plan_within(Duration::from_millis(200), Occurrence::PowerGoes { life });
    }

    /// The last life but one ends, in one way or the other.
    pub(super) fn end_last_life(&mut self) {
        // A broker that is down already begins its last life with its next start.
        self.is_last_life_due = self.broker.is_some();
        if self.schedule.chance(1, 2) {
            self.stop();
        } else {
            self.crash();
        }
    }

    /// True in the life in which the auditor reads.
    pub(super) fn is_last_life(&self) -> bool {
        !self.is_last_life_due
    }

    /// The operator stops the broker.
    fn stop(&mut self) {
        let Some(broker) = &mut self.broker else {
            return;
        };
        if std::mem::replace(&mut broker.is_stopping, true) {
            return;
        }
        self.counts.add(Fault::CleanStop);
        self.trace.note(self.now, "stop", &[], String::new);
        let shards = broker.hosts.len();
        for host in &mut broker.hosts {
            host.wants_stop = true;
        }
        for id in 0..shards {
            self.wake_shard(ShardId(u16::try_from(id).expect("small")));
        }
        let life = self.life;
        let due = self.now.plus(STOP_DURATION_MAX);
        self.plan_for(due, Occurrence::StopIsDue { life });
    }

    /// If every shard has stopped and the disk rests, the processes end soon.
    pub(super) fn check_stopped(&mut self) {
        let is_over = self.broker.as_ref().is_some_and(|broker| {
            broker.hosts.iter().all(|host| host.is_stopped) && self.disk.is_idle()
        });
        if is_over {
            let life = self.life;
            self.plan_for(
                self.now.plus(LAST_SENDS_DURATION),
                Occurrence::Stopped { life },
            );
        }
    }

    pub(super) fn on_stopped(&mut self) {
        self.trace.note(self.now, "all stopped", &[], String::new);
        self.end(LifeEnd::Stopped);
    }

    /// The power goes.
    pub(super) fn crash(&mut self) {
        if self.broker.is_none() {
            return;
        }
        self.counts.add(Fault::Crash);
        self.trace.note(self.now, "crash", &[], String::new);
        self.end(LifeEnd::Crashed);
    }

    /// The broker wants its process to end.
    pub(super) fn on_halt(&mut self, reason: &HaltReason) {
        let broker = self.broker.as_ref();
        let may_halt = broker.is_some_and(|broker| broker.may_halt(&self.disk));
        self.trace
            .note(self.now, "halt", &[], || reason.message().to_owned());
        if !may_halt {
            let what = format!("the broker halts: {}", reason.message());
            self.oracle.violate(Rule::BrokerRuns, what);
        }
        self.counts.add(Fault::Halt);
        self.end(LifeEnd::Hurt);
    }

    /// A life of the broker is over; another follows.
    fn end(&mut self, how: LifeEnd) {
        let broker = self.broker.take();
        let is_hurt = broker.is_some_and(|broker| broker.is_hurt(&self.disk));
        let how = if is_hurt { LifeEnd::Hurt } else { how };
        self.oracle.on_life_ended(self.now, how);
        self.life += 1;
        self.effects_until_crash = None;
        self.is_last_life_due = false;
        self.network.lose_broker(self.now);
        self.disk.crash(self.now, &mut self.counts);
        let pause = between(
            &mut self.schedule,
            Duration::from_millis(1),
            Duration::from_millis(100),
        );
        self.plan_for(self.now.plus_nanos(pause), Occurrence::Start);
    }
}
