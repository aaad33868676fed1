//! Two nodes that ask each other, while brokers crash and connections are lost.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::client::{AskFailure, DialFailure, Lane, PeerId};
use crate::model::NodeAddress;
use crate::protocol::AnyRequest;
use crate::protocol::messages::ListGroupsRequest;
use crate::shard::PeerAsker;
use crate::simulation::Fault;
use crate::stdx::Random;

use super::super::clock::between;
use super::broker::{Node, Seat};
use super::settings::{BrokerPlan, Place};
use super::{Disk, Life, NodeIndex, Occurrence, Stage, World, WorldSettings};

const TIMEOUT: Duration = Duration::from_secs(1);

/// Outcomes by kind.
#[derive(Debug, Default)]
struct Tally {
    answered: u64,
    refused: u64,
    unreached: u64,
    disconnected: u64,
    late: u64,
}

struct Asking {
    world: World,
    random: Random,
    /// Who asked what, and nobody was told yet.
    open: BTreeMap<(NodeIndex, u64, usize), Vec<u64>>,
    asked: u64,
    tally: Tally,
}

/// Where the nodes are.
const HOSTS: [&str; 2] = ["127.0.0.1", "elsewhere"];

impl Asking {
    /// Two nodes, each the only one of its cluster.
    fn new(seed: u64) -> Self {
        let mut world = World::new(WorldSettings::of_seed(seed));
        let mut random = Random::from_seed(seed);
        let (mut plan, mut apart) = (random.fork(), random.fork());
        let plan =
            BrokerPlan::from_random(&mut plan, &mut apart, None, Place::Alone(Some(HOSTS[1])));
        let disk = Disk::new(plan.directories_count, random.fork(), None);
        world.nodes.push(Node::new(plan, disk, random.fork()));
        world.clients.clear();
        for node in world.node_indexes() {
            world.plan_for(world.now, Occurrence::Start(node));
        }
        Self {
            world,
            random,
            open: BTreeMap::new(),
            asked: 0,
            tally: Tally::default(),
        }
    }

    /// Let this much time pass; one shard or the other asks every few milliseconds when `asks`.
    fn pass(&mut self, time: Duration, asks: bool) {
        let until = self.world.now.plus(time);
        let mut next_ask = self.world.now;
        while self.world.now < until {
            if asks && next_ask <= self.world.now {
                self.ask();
                let pause = between(&mut self.random, Duration::ZERO, Duration::from_millis(5));
                next_ask = self.world.now.plus_nanos(pause);
            }
            let next = self.world.agenda.first_key_value();
            let ((at, _), _) = next.expect("a broker always has something to do");
            if asks && next_ask < *at {
                self.world.now = next_ask;
                continue;
            }
            let ((at, _), occurrence) = self.world.agenda.pop_first().expect("it was just seen");
            self.world.now = at;
            self.world.happen(occurrence);
            self.hear();
        }
        let violations = self.world.oracle.violations();
        assert!(violations.is_empty(), "{violations:?}");
    }

    fn ask(&mut self) {
        let asking = usize::from(self.random.chance(1, 2));
        let lane = [Lane::Quorum, Lane::Fetch(1)][usize::from(self.random.chance(1, 2))];
        let now = self.world.now.now();
        let node = NodeIndex(asking);
        let Life { number, .. } = self.world.life(node);
        let Some(broker) = &mut self.world.nodes[asking].broker else {
            return;
        };
        let shards = broker.hosts.len() as u64;
        let place = usize::try_from(self.random.below(shards)).unwrap();
        self.asked += 1;
        let host = HOSTS[1 - asking].to_owned();
        let address = NodeAddress { host, port: 9092 };
        let request = AnyRequest::ListGroups(ListGroupsRequest::default());
        let shard = &mut broker.hosts[place].shard;
        let (asker, to) = (PeerAsker::Test(self.asked), PeerId { address, lane });
        shard.ask_peer(now, asker, to, request, TIMEOUT);
        let shard = shard.id();
        self.world.wake_shard(node, shard);
        let open = self.open.entry((node, number, place)).or_default();
        open.push(self.asked);
    }

    fn hear(&mut self) {
        for node in self.world.node_indexes() {
            let Life { number, .. } = self.world.life(node);
            let Some(broker) = &mut self.world.nodes[node.0].broker else {
                continue;
            };
            for (place, host) in broker.hosts.iter_mut().enumerate() {
                for (id, outcome) in host.shard.told() {
                    let open = self.open.get_mut(&(node, number, place)).unwrap();
                    let waiting = open.iter().position(|open| *open == id);
                    open.remove(waiting.expect("an outcome is told once"));
                    let kind = match outcome {
                        Ok(_) => &mut self.tally.answered,
                        Err(AskFailure::Refused(DialFailure::Refused { .. })) => {
                            &mut self.tally.refused
                        }
                        Err(AskFailure::Refused(DialFailure::TimedOut { .. })) => {
                            &mut self.tally.unreached
                        }
                        Err(AskFailure::Disconnected) => &mut self.tally.disconnected,
                        Err(AskFailure::TimedOut) => &mut self.tally.late,
                        Err(other) => panic!("{}: {other}", Seat { node, place }),
                    };
                    *kind += 1;
                }
            }
        }
    }

    /// Requests of brokers that live still and were told nothing.
    fn unanswered(&self) -> usize {
        let of_life = |(node, number, _): &(NodeIndex, u64, usize)| {
            let is_there = self.world.node(*node).broker.is_some();
            is_there && self.world.life(*node).number == *number
        };
        let open = self.open.iter().filter(|(asker, _)| of_life(asker));
        open.map(|(_, open)| open.len()).sum()
    }
}

#[test]
fn each_request_to_another_node_has_one_outcome_whatever_is_lost() {
    let mut all = Tally::default();
    let mut faults = 0;
    for seed in 0..12 {
        let mut asking = Asking::new(seed);
        asking.pass(Duration::from_secs(2), true);
        asking.pass(2 * TIMEOUT, false);
        assert_eq!(asking.unanswered(), 0, "seed {seed}");
        // Without faults all are answered, once both nodes are there again and the dials are over
        // that nobody answers.
        asking.world.stage = Stage::Calm {
            until: asking.world.now,
        };
        asking.world.chaos.is_on = false;
        asking.pass(Duration::from_secs(40), false);
        let before = std::mem::take(&mut asking.tally);
        asking.pass(Duration::from_millis(50), true);
        asking.pass(TIMEOUT, false);
        let Tally { answered, .. } = asking.tally;
        assert!(answered > 0, "seed {seed}: {:?}", asking.tally);
        assert_eq!(asking.unanswered(), 0, "seed {seed}");
        let failed = asking.tally.refused + asking.tally.disconnected + asking.tally.late;
        assert_eq!(failed, 0, "seed {seed}: {:?}", asking.tally);
        all.answered += before.answered;
        all.refused += before.refused;
        all.disconnected += before.disconnected;
        all.late += before.late;
        faults += asking.world.counts.count(Fault::Disconnect);
    }
    let kinds = [all.answered, all.refused, all.disconnected, all.late];
    assert!(kinds.iter().all(|count| *count > 0), "{all:?}");
    assert!(faults > 0, "the network loses connections");
}

#[test]
fn one_seed_gives_one_world_of_two_nodes() {
    let trace_of = |seed| {
        let mut asking = Asking::new(seed);
        asking.pass(Duration::from_secs(1), true);
        (asking.world.trace.hash(), asking.world.trace.steps())
    };
    assert_eq!(trace_of(3), trace_of(3));
    assert_ne!(trace_of(3), trace_of(4));
}
