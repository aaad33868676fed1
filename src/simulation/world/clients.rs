//! The clients of a world and their connections.

use std::time::Duration;

use bytes::Bytes;

use crate::model::BrokerId;
use crate::shard::{ConnectionId, ListenerIndex};
use crate::stdx::Random;

use super::super::clients::{
    Administrator, Behaviour, Committer, Consumer, Inspector, Link, Membership, Mover, Producer,
    ProducerPlan, Reader, RelaxedPlan, RelaxedProducer, Session, SessionFailure, Steward, Writer,
    WriterPlan,
};
use super::super::clock::{SimulatedTime, between};
use super::super::network::{ClientIndex, NetworkEvent, NodeIndex};
use super::super::oracle::Rule;
use super::super::planted::PlantedBug;
use super::{Occurrence, World};

/// The topics that producers write to.
const TOPICS: [&str; 2] = ["orders", "lines"];

/// Who commits offsets: of which group, how, and of which topic.
const COMMITTERS: [(&str, Membership, &str); 3] = [
    ("team", Membership::Member, TOPICS[0]),
    ("team", Membership::Member, TOPICS[1]),
    ("loner", Membership::Alone, TOPICS[0]),
];

/// A client and its connection.
#[derive(Debug)]
pub(super) struct Client {
    pub behaviour: Box<dyn Behaviour>,
    session: Session,
    connection: Option<ConnectionId>,
    /// The node that it is connected to, or was last.
    node: BrokerId,
    wake_at: Option<SimulatedTime>,
}

impl Client {
    pub fn new(behaviour: Box<dyn Behaviour>) -> Self {
        Self {
            behaviour,
            session: Session::default(),
            connection: None,
            node: 0,
            wake_at: None,
        }
    }
}

/// The clients of a world.
pub(super) fn population(random: &mut Random, reuses_names: bool) -> Vec<Client> {
    let mut clients: Vec<Box<dyn Behaviour>> = Vec::new();
    let producers = 2 + u32::try_from(random.below(3)).expect("small");
    for number in 0..producers {
        let topic = TOPICS[usize::try_from(random.below(2)).expect("small")];
        let plan = ProducerPlan::from_random(random, number, topic);
        clients.push(Box::new(Producer::new(plan)));
    }
    for topic in TOPICS {
        let bytes = [1, 5_000, 1 << 20][usize::try_from(random.below(3)).expect("small")];
        clients.push(Box::new(Consumer::new(topic.to_owned(), bytes)));
    }
    let commits = 10 + u32::try_from(random.below(30)).expect("small");
    for (group, membership, topic) in COMMITTERS {
        // Offsets may be committed for partitions that nobody writes to.
        let partition = (topic.to_owned(), 0);
        let committer = Committer::new(group.to_owned(), membership, partition, commits);
        clients.push(Box::new(committer));
    }
    let rounds = 3 + u32::try_from(random.below(8)).expect("small");
    let topic = TOPICS[0].to_owned();
    let administrator = Administrator::new(topic, "churn".to_owned(), rounds, reuses_names);
    clients.push(Box::new(administrator));
    // Where there is one directory only, there is nothing to move.
    let moved = TOPICS.iter().chain(&["churn-0", "__consumer_offsets"]);
    let moved = moved.map(|topic| (*topic).to_owned()).collect();
    let moves = 3 + u32::try_from(random.below(30)).expect("small");
    clients.push(Box::new(Mover::new(moved, moves)));
    clients.into_iter().map(Client::new).collect()
}

/// The topics of a cluster that producers write to, and how many partitions each has.
const CLUSTER_TOPICS: [(&str, i32); 2] = [("orders", 2), ("lines", 1)];

/// The clients of a cluster.
pub(super) fn cluster_population(
    random: &mut Random,
    planted: Option<PlantedBug>,
    is_plain: bool,
) -> Vec<Client> {
    // What a leader does that has the bug can be had from one that has not.
    let acks = match planted {
        Some(PlantedBug::AcknowledgesAlone) => 1,
        _ => -1,
    };
    let mut clients: Vec<Box<dyn Behaviour>> = Vec::new();
    let partitions = CLUSTER_TOPICS.iter();
    let partitions = partitions.flat_map(|(topic, count)| (0..*count).map(move |at| (*topic, at)));
    for (number, (topic, partition)) in (0..).zip(partitions) {
        let partition = (topic.to_owned(), partition);
        for producer in [2 * number, 2 * number + 1] {
            let plan = WriterPlan::from_random(random, producer, partition.clone(), acks);
            clients.push(Box::new(Writer::new(plan)));
        }
        clients.push(Box::new(Reader::new(partition)));
    }
    let committers: &[_] = if is_plain { &[] } else { &COMMITTERS };
    for (group, membership, topic) in committers.iter().copied() {
        let commits = 10 + u32::try_from(random.below(60)).expect("small");
        let partition = (topic.to_owned(), 0);
        let committer = Committer::new(group.to_owned(), membership, partition, commits);
        clients.push(Box::new(committer.in_cluster()));
    }
    let rounds = 4 + u32::try_from(random.below(8)).expect("small");
    clients.push(Box::new(Steward::new(&CLUSTER_TOPICS, rounds)));
    clients.into_iter().map(Client::new).collect()
}

/// Who looks at a cluster in the end: at every replica, and at what every group has committed.
pub(super) fn cluster_auditors(is_plain: bool) -> Vec<Client> {
    let committers: &[_] = if is_plain { &[] } else { &COMMITTERS };
    let of_groups = committers.iter().map(|(group, _, topic)| {
        let partition = ((*topic).to_owned(), 0);
        let membership = Membership::Auditor;
        let auditor = Committer::new((*group).to_owned(), membership, partition, 0);
        Client::new(Box::new(auditor))
    });
    let of_replicas = Client::new(Box::new(Inspector::default()));
    std::iter::once(of_replicas).chain(of_groups).collect()
}

/// A client that some worlds have besides.
pub(super) fn relaxed_producer(apart: &mut Random, sets_bounds: bool) -> Option<Client> {
    let is_there = apart.chance(1, 3);
    let plan = RelaxedPlan::from_random(apart, sets_bounds);
    is_there.then(|| Client::new(Box::new(RelaxedProducer::new(plan))))
}

impl World {
    /// Let a client act, and see to what it wants.
    fn with_client(
        &mut self,
        index: ClientIndex,
        act: impl FnOnce(&mut dyn Behaviour, &mut Link<'_>),
    ) {
        let Some(client) = self.clients.get_mut(index) else {
            return;
        };
        let mut link = Link {
            now: self.now,
            node: client.node,
            starts: self.nodes.iter().map(|node| node.starts).sum(),
            random: &mut self.workload,
            oracle: &mut self.oracle,
            session: &mut client.session,
        };
        act(client.behaviour.as_mut(), &mut link);
        let outgoing = client.session.take_outgoing();
        if let Some(connection) = client.connection
            && !outgoing.is_empty()
        {
            self.network.send_to_broker(self.now, connection, &outgoing);
        }
        if let Some(at) = client.session.take_wake_at() {
            client.wake_at = Some(at);
            self.plan_for(at, Occurrence::Wake(index));
        }
    }

    pub(super) fn connect(&mut self, index: ClientIndex) {
        let client = self.clients.get(index);
        if client.is_none_or(|client| client.connection.is_some()) {
            return;
        }
        let wanted = client.and_then(|client| client.behaviour.wanted_node());
        let Some(node) = self.choose_node(wanted) else {
            return self.plan_within(Duration::from_millis(50), Occurrence::Connect(index));
        };
        let broker = self.nodes[node.0].broker.as_mut();
        let broker = broker.expect("a node was chosen for its broker");
        let shards = broker.hosts.len() as u64;
        let chosen = usize::try_from(self.schedule.below(shards)).expect("small");
        let host = &mut broker.hosts[chosen];
        let shard = host.shard.id();
        let connection = self.network.connect(self.now, index, (node, shard));
        host.accepted.push_back((connection, ListenerIndex(0)));
        let id = self.node(node).plan.node_id();
        let client = &mut self.clients[index];
        client.connection = Some(connection);
        client.node = id;
        client.session.restart();
        self.trace
            .note(self.now, "connect", &[index as u64, connection.0], || {
                format!("client {index} to {node}, shard {shard}, as {connection:?}")
            });
        self.wake_shard(node, shard);
        self.with_client(index, |behaviour, link| behaviour.on_connected(link));
    }

    /// A node whose broker takes clients, the wanted one if it can be.
    fn choose_node(&mut self, wanted: Option<BrokerId>) -> Option<NodeIndex> {
        let takes_clients = |index: &NodeIndex| {
            let node = self.node(*index);
            let broker = node.broker.as_ref();
            node.plan.takes_clients() && broker.is_some_and(|broker| broker.is_accepting)
        };
        let nodes: Vec<NodeIndex> = self.node_indexes().filter(takes_clients).collect();
        let is_wanted = |index: &&NodeIndex| Some(self.node(**index).plan.node_id()) == wanted;
        if let Some(found) = nodes.iter().find(is_wanted) {
            return Some(*found);
        }
        match nodes[..] {
            [] | [_] => nodes.first().copied(),
            _ => {
                let chosen = self.schedule.below(nodes.len() as u64);
                nodes.get(usize::try_from(chosen).expect("small")).copied()
            }
        }
    }

    pub(super) fn wake_client(&mut self, index: ClientIndex) {
        let due = self
            .clients
            .get_mut(index)
            .and_then(|client| client.wake_at.take_if(|at| *at <= self.now));
        if due.is_some() {
            self.with_client(index, |behaviour, link| behaviour.on_wake(link));
            self.see_off(index);
        }
    }

    fn on_bytes(&mut self, index: ClientIndex, bytes: &Bytes) {
        let Some(client) = self.clients.get_mut(index) else {
            return;
        };
        client.session.receive(bytes);
        while let Some(client) = self.clients.get_mut(index)
            && !client.session.wants_to_leave()
        {
            match client.session.next_answer() {
                Ok(None) => break,
                Ok(Some((request, response))) => {
                    self.with_client(index, |behaviour, link| {
                        behaviour.on_answer(link, request, response);
                    });
                }
                Err(SessionFailure(what)) => {
                    let what = format!("client {index}: {what}");
                    self.oracle.violate(Rule::AnswersInOrder, what);
                    break;
                }
            }
        }
    }

    /// Close the connection of a client that wants to leave.
    fn see_off(&mut self, index: ClientIndex) {
        let wants_to_leave = self
            .clients
            .get(index)
            .is_some_and(|client| client.session.wants_to_leave());
        if wants_to_leave {
            self.break_off(index);
        }
    }

    /// A client's connection is gone, with all that was on its way.
    pub(super) fn break_off(&mut self, index: ClientIndex) {
        let connection = self
            .clients
            .get_mut(index)
            .and_then(|client| client.connection.take());
        if let Some(connection) = connection {
            self.network
                .break_off(self.now, connection, &mut self.counts);
            self.on_client_disconnected(index);
        }
    }

    fn on_client_disconnected(&mut self, index: ClientIndex) {
        if let Some(client) = self.clients.get_mut(index) {
            client.session.restart();
            client.wake_at = None;
        }
        self.with_client(index, |behaviour, link| behaviour.on_disconnected(link));
        let pause = between(
            &mut self.schedule,
            Duration::from_millis(1),
            Duration::from_millis(60),
        );
        self.plan_for(self.now.plus_nanos(pause), Occurrence::Connect(index));
    }

    pub(super) fn on_network(&mut self, event: NetworkEvent) {
        match event {
            NetworkEvent::ReachesBroker(connection) => {
                if self.network.reach_broker(connection)
                    && let Some((node, shard)) = self.network.shard_of(connection)
                    && let Some(host) = self.node_mut(node).host(shard)
                {
                    if !host.paused.contains(&connection) {
                        host.readable.insert(connection);
                    }
                    self.wake_shard(node, shard);
                }
            }
            NetworkEvent::ReachesClient(connection) => {
                let came =
                    self.network
                        .reach_client(self.now, connection, &self.chaos, &mut self.counts);
                let Some((index, bytes)) = came else { return };
                let is_current = |client: &Client| client.connection == Some(connection);
                if !self.clients.get(index).is_some_and(is_current) {
                    return;
                }
                self.on_bytes(index, &bytes);
                self.see_off(index);
                if self
                    .chaos
                    .strikes(&mut self.schedule, self.chaos.disconnects, 10_000)
                {
                    self.break_off(index);
                }
            }
            NetworkEvent::TakesMore(connection) => self.take_outgoing(connection),
            NetworkEvent::BrokerLearns(connection) => {
                if let Some(((node, shard), reason)) = self.network.broker_learns(connection)
                    && let Some(host) = self.node_mut(node).host(shard)
                {
                    host.gone.push_back((connection, reason));
                    self.wake_shard(node, shard);
                }
            }
            NetworkEvent::ClientLearns(connection) => {
                if let Some(index) = self.network.client_learns(connection)
                    && let Some(client) = self.clients.get_mut(index)
                    && client.connection == Some(connection)
                {
                    client.connection = None;
                    self.on_client_disconnected(index);
                }
            }
        }
    }
}
