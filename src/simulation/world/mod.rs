//! The world itself: what happens next, and how long a world lives.

mod broker;
mod clients;
mod lives;
mod settings;
mod turn;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::ShardId;
use crate::stdx::Random;

use super::clients::{Auditor, Behaviour};
use super::clock::{SimulatedTime, between};
use super::disk::{Disk, DiskRequestId};
use super::faults::{Chaos, FaultCounts};
use super::network::{ClientIndex, Network, NetworkEvent};
use super::oracle::{Oracle, Rule, Violation};
use super::planted::PlantedBug;
use super::trace::Trace;

use broker::Broker;
use clients::Client;
use settings::BrokerPlan;

/// Things that may happen in a world; more of them mean that it goes round in circles.
const STEPS_MAX: u64 = 3_000_000;

/// How long clients may take once the faults have stopped. A group's session may have to end first.
const CALM_DURATION_MAX: Duration = Duration::from_secs(120);

/// Added to a world's seed for the settings of its broker that were thought of later, so that the
/// rest of the world stays as it was.
const APART_SEED: u64 = 0x0f11e5;

/// What a world is made of.
#[derive(Clone, Debug)]
pub struct WorldSettings {
    /// Everything follows from it.
    pub seed: u64,
    /// The bug that is put into it.
    pub planted: Option<PlantedBug>,
    /// True if topics are created again under names of deleted ones.
    pub reuses_names: bool,
    /// True if all that happens is to be told as text, too.
    pub keeps_trace: bool,
}

impl WorldSettings {
    /// The world of `seed`, without bugs of its own.
    #[must_use]
    pub const fn of_seed(seed: u64) -> Self {
        Self {
            seed,
            planted: None,
            reuses_names: true,
            keeps_trace: false,
        }
    }
}

/// What became of a world.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// A number that stands for all that happened.
    pub trace_hash: u64,
    /// How many things happened.
    pub steps: u64,
    /// How often the broker was started.
    pub starts: u64,
    /// How many facts were checked.
    pub facts: u64,
    /// The time that passed in the world, in milliseconds.
    pub lasted_ms: u64,
    /// How often which fault happened.
    pub faults: FaultCounts,
    /// What was broken.
    pub violations: Vec<Violation>,
    /// All that happened, if it was to be kept.
    pub trace: Vec<String>,
}

/// Something that is going to happen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Occurrence {
    /// A shard has its turn.
    Turn { life: u64, shard: ShardId },
    /// A request to the disk ends.
    DiskEnds { life: u64, request: DiskRequestId },
    /// A message between shards arrives.
    MailArrives {
        life: u64,
        from: ShardId,
        to: ShardId,
    },
    /// Something happens to a connection.
    Network(NetworkEvent),
    /// A client tries to connect.
    Connect(ClientIndex),
    /// A client has its time.
    Wake(ClientIndex),
    /// The end of a life of the broker draws near.
    LifeEnds { life: u64 },
    /// The power goes now, if it has not gone before.
    PowerGoes { life: u64 },
    /// The processes of a broker that stopped cleanly are gone.
    Stopped { life: u64 },
    /// A clean stop should be over.
    StopIsDue { life: u64 },
    /// The broker is started.
    Start,
    /// The faults stop.
    Calm,
}

/// How far a world has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// Clients work, and faults happen.
    Working,
    /// The faults are over; clients finish.
    Calm { until: SimulatedTime },
    /// All is done; the broker is started for the last time.
    LastStart { until: SimulatedTime },
    /// The auditor reads.
    Auditing { until: SimulatedTime },
    /// The end.
    Over,
}

/// A world.
#[derive(Debug)]
pub struct World {
    settings: WorldSettings,
    plan: BrokerPlan,
    now: SimulatedTime,
    agenda: BTreeMap<(SimulatedTime, u64), Occurrence>,
    next_entry: u64,
    /// The order of things.
    schedule: Random,
    /// What clients do.
    workload: Random,
    /// What the shards get as their randomness.
    shards: Random,
    chaos: Chaos,
    counts: FaultCounts,
    trace: Trace,
    oracle: Oracle,
    disk: Disk,
    network: Network,
    broker: Option<Broker>,
    clients: Vec<Client>,
    /// Which life of the broker this is; what belongs to an earlier one does not happen.
    life: u64,
    starts: u64,
    /// Effects until the power goes.
    effects_until_crash: Option<u64>,
    /// Planted bugs strike by a stream of their own, so that they change nothing else.
    plants: Random,
    stage: Stage,
    /// True while the life after which the auditor comes is not over.
    is_last_life_due: bool,
}

impl World {
    /// The world of `settings`.
    #[must_use]
    pub fn new(settings: WorldSettings) -> Self {
        let mut seeds = Random::from_seed(settings.seed);
        let mut plan_random = seeds.fork();
        let mut workload = seeds.fork();
        let mut apart = Random::from_seed(settings.seed.wrapping_add(APART_SEED));
        let plan = BrokerPlan::from_random(&mut plan_random, &mut apart, settings.planted);
        let chaos = Chaos::from_random(&mut plan_random);
        let planted = settings.planted;
        let mut clients = clients::population(&mut workload, settings.reuses_names);
        let sets_bounds = planted != Some(PlantedBug::IgnoresFlush);
        clients.extend(clients::relaxed_producer(&mut apart, sets_bounds));
        let keeps_trace = settings.keeps_trace;
        Self {
            disk: Disk::new(plan.directories_count, seeds.fork(), planted),
            network: Network::new(seeds.fork(), planted),
            settings,
            plan,
            now: SimulatedTime::default(),
            agenda: BTreeMap::new(),
            next_entry: 0,
            schedule: seeds.fork(),
            workload,
            shards: seeds.fork(),
            chaos,
            counts: FaultCounts::default(),
            trace: Trace::new(keeps_trace),
            oracle: Oracle::default(),
            broker: None,
            clients,
            life: 0,
            starts: 0,
            effects_until_crash: None,
            plants: seeds.fork(),
            stage: Stage::Working,
            is_last_life_due: false,
        }
    }

    /// Let everything happen, until all is done or a promise is broken.
    #[must_use]
    pub fn run(mut self) -> Outcome {
        self.plan_for(self.now, Occurrence::Start);
        for client in 0..self.clients.len() {
            self.plan_within(Duration::from_millis(20), Occurrence::Connect(client));
        }
        let faulty = between(
            &mut self.schedule,
            Duration::from_millis(500),
            Duration::from_secs(6),
        );
        self.plan_for(self.now.plus_nanos(faulty), Occurrence::Calm);
        while self.stage != Stage::Over && self.oracle.violations().is_empty() {
            let Some(((at, _), occurrence)) = self.agenda.pop_first() else {
                self.oracle
                    .violate(Rule::EverythingEnds, "nothing is left to happen".to_owned());
                break;
            };
            self.now = at;
            self.happen(occurrence);
            self.advance_stage();
            if self.trace.steps() > STEPS_MAX {
                let what = format!("more than {STEPS_MAX} things happened");
                self.oracle.violate(Rule::EverythingEnds, what);
            }
        }
        if self.oracle.violations().is_empty() {
            self.oracle.check_order();
        }
        Outcome {
            seed: self.settings.seed,
            trace_hash: self.trace.hash(),
            steps: self.trace.steps(),
            starts: self.starts,
            facts: self.oracle.facts(),
            lasted_ms: self.now.nanos() / 1_000_000,
            faults: self.counts,
            violations: self.oracle.violations().to_vec(),
            trace: self.trace.into_lines(),
        }
    }

    fn plan_for(&mut self, at: SimulatedTime, occurrence: Occurrence) {
        self.next_entry += 1;
        self.agenda.insert((at, self.next_entry), occurrence);
    }

    fn plan_within(&mut self, most: Duration, occurrence: Occurrence) {
        let nanos = between(&mut self.schedule, Duration::ZERO, most);
        self.plan_for(self.now.plus_nanos(nanos), occurrence);
    }

    fn happen(&mut self, occurrence: Occurrence) {
        match occurrence {
            Occurrence::Turn { life, shard } if life == self.life => self.turn(shard),
            Occurrence::DiskEnds { life, request } if life == self.life => {
                self.on_disk_ended(request);
            }
            Occurrence::MailArrives { life, from, to } if life == self.life => {
                self.on_mail(from, to);
            }
            Occurrence::Network(event) => self.on_network(event),
            Occurrence::Connect(client) => self.connect(client),
            Occurrence::Wake(client) => self.wake_client(client),
            Occurrence::LifeEnds { life } if life == self.life => self.end_life(),
            Occurrence::PowerGoes { life } if life == self.life => self.crash(),
            Occurrence::Stopped { life } if life == self.life => self.on_stopped(),
            Occurrence::StopIsDue { life } if life == self.life => {
                let what = "a clean stop does not end".to_owned();
                self.oracle.violate(Rule::EverythingEnds, what);
            }
            Occurrence::Start => self.start_broker(),
            Occurrence::Calm => self.calm_down(),
            // Of an earlier life.
            _ => {}
        }
        self.plan_disk_and_network();
    }

    fn plan_disk_and_network(&mut self) {
        let life = self.life;
        for (at, request) in self.disk.drain_started() {
            self.plan_for(at, Occurrence::DiskEnds { life, request });
        }
        for (at, event) in self.network.drain_due() {
            self.plan_for(at, Occurrence::Network(event));
        }
    }

    /// The faults stop.
    fn calm_down(&mut self) {
        self.trace.note(self.now, "calm", &[], String::new);
        self.chaos.is_on = false;
        self.stage = Stage::Calm {
            until: self.now.plus(CALM_DURATION_MAX),
        };
        // What failed on the disk stays out of service until the next start. What found it full
        // comes back by itself.
        let is_hurt = self
            .broker
            .as_ref()
            .is_some_and(|broker| self.disk.failures() > broker.failures_at_start);
        if is_hurt {
            self.crash();
        }
    }

    fn advance_stage(&mut self) {
        match self.stage {
            Stage::Calm { until } => {
                if self
                    .clients
                    .iter()
                    .all(|client| client.behaviour.is_finished())
                {
                    self.stage = Stage::LastStart { until };
                    self.clients.clear();
                    self.end_last_life();
                } else {
                    self.check_time(until);
                }
            }
            Stage::LastStart { until } => {
                if self.broker.as_ref().is_some_and(Broker::is_ready) && self.is_last_life() {
                    let until = until.plus(CALM_DURATION_MAX);
                    self.stage = Stage::Auditing { until };
                    let auditor: Box<dyn Behaviour> = Box::new(Auditor::default());
                    self.clients.push(Client::new(auditor));
                    self.plan_for(self.now, Occurrence::Connect(0));
                } else {
                    self.check_time(until);
                }
            }
            Stage::Auditing { until } => {
                if self
                    .clients
                    .iter()
                    .all(|client| client.behaviour.is_finished())
                {
                    self.stage = Stage::Over;
                } else {
                    self.check_time(until);
                }
            }
            Stage::Working | Stage::Over => {}
        }
    }

    fn check_time(&mut self, until: SimulatedTime) {
        if self.now <= until {
            return;
        }
        let waiting = self
            .clients
            .iter()
            .filter(|client| !client.behaviour.is_finished());
        let waiting: Vec<String> = waiting.map(|client| client.behaviour.progress()).collect();
        let what = format!(
            "{:?}: these are not done: {}",
            self.stage,
            waiting.join("; ")
        );
        self.oracle.violate(Rule::EverythingEnds, what);
    }
}
