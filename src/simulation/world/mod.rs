//! The world itself: what happens next, and how long a world lives.

mod broker;
mod clients;
mod cluster;
mod dials;
mod lives;
mod outages;
mod settings;
mod turn;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::ShardId;
use crate::stdx::Random;

use super::agreement::Agreement;
use super::clients::Auditor;
use super::clock::{SimulatedTime, between};
use super::disk::{Disk, DiskRequestId};
use super::faults::{Chaos, FaultCounts};
use super::links::{LinkEvent, Links};
use super::network::{ClientIndex, Network, NetworkEvent, NodeIndex};
use super::oracle::{Oracle, Rule, Violation};
use super::planted::PlantedBug;
use super::reached::ReachedCounts;
use super::trace::Trace;

use broker::{Node, Seat};
use clients::Client;
use settings::{BrokerPlan, Place};

/// Things that may happen in a world; more of them mean that it goes round in circles.
const STEPS_MAX: u64 = 3_000_000;

/// How long clients may take once the faults have stopped. A group's session may have to end first.
const CALM_DURATION_MAX: Duration = Duration::from_secs(120);

/// How long there are faults in a cluster: elections take their time.
const CLUSTER_FAULTS_DURATION: (Duration, Duration) =
    (Duration::from_secs(4), Duration::from_secs(12));

/// Faults go on in a cluster until shards were told this many events,
pub const CLUSTER_EVENTS_MIN: u64 = 20_000;

/// and this many times somebody was elected,
pub const CLUSTER_ELECTIONS_MIN: u64 = 3;

/// but no longer than this: then the world has too little in it.
const CLUSTER_FAULTS_DURATION_MAX: Duration = Duration::from_secs(120);

/// How much longer they go on at a time.
const CLUSTER_FAULTS_MORE: Duration = Duration::from_millis(500);

/// Added to a world's seed for the settings of its broker that were thought of later, so that the
/// rest of the world stays as it was.
const APART_SEED: u64 = 0x0f11e5;

/// What a world is made of.
#[derive(Clone, Debug)]
pub struct WorldSettings {
    /// Everything follows from it.
    pub seed: u64,
    /// Who lives in it.
    pub shape: Shape,
    /// The bug that is put into it.
    pub planted: Option<PlantedBug>,
    /// True if topics are created again under names of deleted ones.
    pub reuses_names: bool,
    /// True for a cluster of three brokers whose disks work, under one voter or three controllers,
    /// without groups: what needs many reassignments shows there sooner.
    pub is_plain: bool,
    /// True if all that happens is to be told as text, too.
    pub keeps_trace: bool,
}

/// Who lives in a world.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Shape {
    /// One broker, which is a cluster of its own.
    Alone,
    /// The nodes of one cluster, three of them brokers.
    Cluster,
}

impl WorldSettings {
    /// The world of `seed` with one broker, without bugs of its own.
    #[must_use]
    pub const fn of_seed(seed: u64) -> Self {
        Self {
            seed,
            shape: Shape::Alone,
            planted: None,
            reuses_names: true,
            is_plain: false,
            keeps_trace: false,
        }
    }

    /// The world of `seed` with a plain cluster, without bugs of its own.
    #[must_use]
    pub const fn plain_cluster_of_seed(seed: u64) -> Self {
        Self {
            is_plain: true,
            ..Self::cluster_of_seed(seed)
        }
    }

    /// The world of `seed` with a cluster, without bugs of its own.
    #[must_use]
    pub const fn cluster_of_seed(seed: u64) -> Self {
        Self {
            shape: Shape::Cluster,
            ..Self::of_seed(seed)
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
    /// How many events shards were told, but for the ends of their turns.
    pub events: u64,
    /// How often the broker was started.
    pub starts: u64,
    /// How many facts were checked.
    pub facts: u64,
    /// The time that passed in the world, in milliseconds.
    pub lasted_ms: u64,
    /// How often which fault happened.
    pub faults: FaultCounts,
    /// What a cluster went through.
    pub reached: ReachedCounts,
    /// What was broken.
    pub violations: Vec<Violation>,
    /// All that happened, if it was to be kept.
    pub trace: Vec<String>,
}

/// One life of the broker of a node: what belongs to an earlier one does not happen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Life {
    node: NodeIndex,
    number: u64,
}

/// Something that is going to happen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Occurrence {
    /// A shard has its turn.
    Turn { life: Life, shard: ShardId },
    /// A request to the disk ends.
    DiskEnds { life: Life, request: DiskRequestId },
    /// A message between shards arrives.
    MailArrives {
        life: Life,
        from: ShardId,
        to: ShardId,
    },
    /// Something happens to a connection of a client.
    Network(NetworkEvent),
    /// Something happens to a connection between nodes.
    Link(LinkEvent),
    /// A client tries to connect.
    Connect(ClientIndex),
    /// A client has its time.
    Wake(ClientIndex),
    /// The end of a life of the broker draws near.
    LifeEnds(Life),
    /// The power goes now, if it has not gone before.
    PowerGoes(Life),
    /// The processes of a broker that stopped cleanly are gone.
    Stopped(Life),
    /// A clean stop should be over.
    StopIsDue(Life),
    /// The broker of a node is started.
    Start(NodeIndex),
    /// Something happens to a machine, or to the network between two.
    Outage,
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
    now: SimulatedTime,
    /// Events that shards were told, but for the ends of their turns.
    events: u64,
    agenda: BTreeMap<(SimulatedTime, u64), Occurrence>,
    next_entry: u64,
    /// The order of things.
    schedule: Random,
    /// What clients do.
    workload: Random,
    chaos: Chaos,
    counts: FaultCounts,
    trace: Trace,
    oracle: Oracle,
    /// What the nodes of a cluster have to agree on.
    agreement: Agreement,
    network: Network,
    links: Links,
    nodes: Vec<Node>,
    clients: Vec<Client>,
    /// Planted bugs strike by a stream of their own, so that they change nothing else.
    plants: Random,
    /// So do the connections between nodes.
    dials: Random,
    stage: Stage,
}

impl World {
    /// The world of `settings`.
    #[must_use]
    pub fn new(settings: WorldSettings) -> Self {
        let mut seeds = Random::from_seed(settings.seed);
        let mut plan_random = seeds.fork();
        let mut workload = seeds.fork();
        let mut apart = Random::from_seed(settings.seed.wrapping_add(APART_SEED));
        let planted = settings.planted;
        let plan =
            BrokerPlan::from_random(&mut plan_random, &mut apart, planted, Place::Alone(None));
        let mut chaos = Chaos::from_random(&mut plan_random);
        let mut clients = clients::population(&mut workload, settings.reuses_names);
        let sets_bounds = planted != Some(PlantedBug::IgnoresFlush);
        clients.extend(clients::relaxed_producer(&mut apart, sets_bounds));
        let disk = Disk::new(plan.directories_count, seeds.fork(), planted);
        let network = Network::new(seeds.fork(), planted);
        let schedule = seeds.fork();
        let mut nodes = vec![Node::new(plan, disk, seeds.fork())];
        if settings.shape == Shape::Cluster {
            let is_plain = settings.is_plain;
            chaos.be_of_cluster(&mut apart, is_plain);
            nodes = cluster::nodes(&mut apart, planted, is_plain);
            clients = clients::cluster_population(&mut workload, planted, is_plain);
        }
        Self {
            nodes,
            network,
            now: SimulatedTime::default(),
            events: 0,
            agenda: BTreeMap::new(),
            next_entry: 0,
            schedule,
            workload,
            chaos,
            counts: FaultCounts::default(),
            trace: Trace::new(settings.keeps_trace),
            oracle: Oracle::default(),
            agreement: Agreement::default(),
            clients,
            plants: seeds.fork(),
            links: Links::new(seeds.fork(), planted),
            dials: seeds.fork(),
            stage: Stage::Working,
            settings,
        }
    }

    /// Let everything happen, until all is done or a promise is broken.
    #[must_use]
    pub fn run(mut self) -> Outcome {
        for node in self.node_indexes() {
            self.plan_for(self.now, Occurrence::Start(node));
        }
        for client in 0..self.clients.len() {
            self.plan_within(Duration::from_millis(20), Occurrence::Connect(client));
        }
        let (least, most) = match self.settings.shape {
            Shape::Alone => (Duration::from_millis(500), Duration::from_secs(6)),
            Shape::Cluster => CLUSTER_FAULTS_DURATION,
        };
        let faulty = between(&mut self.schedule, least, most);
        if self.settings.shape == Shape::Cluster {
            self.plan_outage();
        }
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
        let mut reached = self.agreement.reached().clone();
        reached.merge(self.oracle.reached());
        Outcome {
            seed: self.settings.seed,
            trace_hash: self.trace.hash(),
            steps: self.trace.steps(),
            events: self.events,
            starts: self.starts(),
            facts: self.oracle.facts() + self.agreement.facts(),
            lasted_ms: self.now.nanos() / 1_000_000,
            faults: self.counts,
            reached,
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

    fn node_indexes(&self) -> impl Iterator<Item = NodeIndex> + use<> {
        (0..self.nodes.len()).map(NodeIndex)
    }

    fn node(&self, index: NodeIndex) -> &Node {
        &self.nodes[index.0]
    }

    fn node_mut(&mut self, index: NodeIndex) -> &mut Node {
        &mut self.nodes[index.0]
    }

    /// The life at hand of the broker of a node.
    fn life(&self, node: NodeIndex) -> Life {
        let number = self.node(node).life;
        Life { node, number }
    }

    /// How often brokers were started.
    fn starts(&self) -> u64 {
        self.nodes.iter().map(|node| node.starts).sum()
    }

    fn happen(&mut self, occurrence: Occurrence) {
        let is_current = |life: Life| self.life(life.node) == life;
        match occurrence {
            Occurrence::Turn { life, shard } if is_current(life) => {
                self.turn(Seat {
                    node: life.node,
                    place: usize::from(shard.0),
                });
            }
            Occurrence::DiskEnds { life, request } if is_current(life) => {
                self.on_disk_ended(life.node, request);
            }
            Occurrence::MailArrives { life, from, to } if is_current(life) => {
                self.on_mail(life.node, from, to);
            }
            Occurrence::Network(event) => self.on_network(event),
            Occurrence::Link(event) => self.on_link(event),
            Occurrence::Connect(client) => self.connect(client),
            Occurrence::Wake(client) => self.wake_client(client),
            Occurrence::LifeEnds(life) if is_current(life) => self.end_life(life.node),
            Occurrence::PowerGoes(life) if is_current(life) => self.crash(life.node),
            Occurrence::Stopped(life) if is_current(life) => self.on_stopped(life.node),
            Occurrence::StopIsDue(life) if is_current(life) => {
                let what = "a clean stop does not end".to_owned();
                self.oracle.violate(Rule::EverythingEnds, what);
            }
            Occurrence::Start(node) => self.start_broker(node),
            Occurrence::Outage => self.happen_outage(),
            Occurrence::Calm if self.has_happened_enough() => self.calm_down(),
            Occurrence::Calm => {
                let later = self.now.plus(CLUSTER_FAULTS_MORE);
                self.plan_for(later, Occurrence::Calm);
            }
            // Of an earlier life.
            _ => {}
        }
        self.plan_disk_and_network();
    }

    fn plan_disk_and_network(&mut self) {
        for node in self.node_indexes() {
            let life = self.life(node);
            for (at, request) in self.node_mut(node).disk.drain_started() {
                self.plan_for(at, Occurrence::DiskEnds { life, request });
            }
        }
        for (at, event) in self.network.drain_due() {
            self.plan_for(at, Occurrence::Network(event));
        }
        for (at, event) in self.links.drain_due() {
            self.plan_for(at, Occurrence::Link(event));
        }
    }

    /// True once there was what a world is for, or there was too much time for it.
    fn has_happened_enough(&self) -> bool {
        let elections = self.agreement.reached().elections();
        let is_eventful = self.events >= CLUSTER_EVENTS_MIN && elections >= CLUSTER_ELECTIONS_MIN;
        let most = SimulatedTime::default().plus(CLUSTER_FAULTS_DURATION_MAX);
        let is_cluster = self.settings.shape == Shape::Cluster && !self.settings.is_plain;
        !is_cluster || is_eventful || self.now > most
    }

    /// The faults stop.
    fn calm_down(&mut self) {
        self.trace.note(self.now, "calm", &[], String::new);
        self.chaos.is_on = false;
        self.end_outages();
        self.stage = Stage::Calm {
            until: self.now.plus(CALM_DURATION_MAX),
        };
        // What failed on the disk stays out of service until the next start. What found it full
        // comes back by itself.
        for node in self.node_indexes() {
            if self.node(node).has_failed() {
                self.crash(node);
            }
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
                    for node in self.node_indexes() {
                        self.end_last_life(node);
                    }
                } else {
                    self.check_time(until);
                }
            }
            Stage::LastStart { until } => {
                if self.nodes.iter().all(Node::is_ready_for_audit) {
                    let until = until.plus(CALM_DURATION_MAX);
                    self.stage = Stage::Auditing { until };
                    self.clients = match self.settings.shape {
                        Shape::Alone => vec![Client::new(Box::new(Auditor::default()))],
                        Shape::Cluster => clients::cluster_auditors(self.settings.is_plain),
                    };
                    for client in 0..self.clients.len() {
                        self.plan_for(self.now, Occurrence::Connect(client));
                    }
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
