//! Nodes that are brokers and voters of one quorum: any of them may lead it, and the brokers go on.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::metadata::features::supported_features;
use crate::model::BrokerId;
use crate::protocol::messages::describe_quorum_request::{
    PartitionData as AskedPartition, TopicData as AskedTopic,
};
use crate::protocol::messages::{ControllerRegistrationResponse, DescribeQuorumRequest};
use crate::protocol::{AnyRequest, AnyResponse};
use crate::quorum::{QuorumCall, QuorumRequest};

const NODES: [BrokerId; 3] = [1, 2, 3];

/// How far the clock goes in a step.
const STEP_MS: i64 = 10;

/// Tokens from here on are of clients, those before of other nodes.
const CLIENTS: u64 = 1 << 32;

/// Longer than anything but a session may take.
const SOON_MS: i64 = 8_000;

struct Host {
    /// `None` while the process does not run.
    node: Option<MetadataNode>,
    disk: Disk,
    outbox: StorageOutbox,
    image: Arc<MetadataImage>,
    answers: BTreeMap<u64, ControllerResponse>,
    is_unfenced: bool,
    may_stop: bool,
    is_closed: bool,
}

/// Three nodes, and what is on its way between them.
struct Trio {
    hosts: BTreeMap<BrokerId, Host>,
    time_ms: i64,
    seed: u64,
    /// Whoever asked another node, by the token that is known there.
    waiting: BTreeMap<u64, (BrokerId, BrokerId, OutgoingId)>,
    next_token: u64,
    /// These reach nobody.
    isolated: BTreeSet<BrokerId>,
    /// Quorum requests that are dropped: of the metadata log, which nobody gets then.
    is_log_held: bool,
    /// How many registrations of controllers were sent,
    registrations: usize,
    /// and whether whoever leads refuses them.
    are_registrations_refused: bool,
}

fn combined(id: BrokerId, seed: u64) -> NodeSettings {
    let text = format!(
        "process.roles=broker,controller\nnode.id={id}\n\
         listeners=PLAINTEXT://kafka{id}:9092,CONTROLLER://kafka{id}:{port}\n\
         controller.listener.names=CONTROLLER\nlog.dirs=/data\n\
         controller.quorum.voters=1@kafka1:9001,2@kafka2:9002,3@kafka3:9003\n",
        port = 9000 + id,
    );
    let startup = ServeArguments::default().resolve(Some(&text), "host");
    let Startup {
        settings, config, ..
    } = startup.expect("these fit");
    NodeSettings {
        membership: membership_of(&config),
        log: MetadataLogSettings::new(&config),
        settings,
        config,
        cluster_id: Some("cluster".to_owned()),
        ..super::settings(1, seed, small_log())
    }
}

impl Trio {
    fn new() -> Self {
        let host = || Host {
            node: None,
            disk: Disk::default(),
            outbox: StorageOutbox::default(),
            image: Arc::default(),
            answers: BTreeMap::new(),
            is_unfenced: false,
            may_stop: false,
            is_closed: false,
        };
        let mut trio = Self {
            hosts: NODES.map(|id| (id, host())).into(),
            time_ms: 1_000_000,
            seed: 0,
            waiting: BTreeMap::new(),
            next_token: 0,
            isolated: BTreeSet::new(),
            is_log_held: false,
            registrations: 0,
            are_registrations_refused: false,
        };
        NODES.iter().for_each(|id| trio.launch(*id));
        trio.until(SOON_MS, "all are unfenced", |trio| {
            trio.hosts.values().all(|host| host.is_unfenced)
        });
        trio
    }

    fn now(&self) -> Now {
        Now {
            instant: Instant::from_nanos(u64::try_from(self.time_ms).unwrap() * 1_000_000),
            wall_ms: self.time_ms,
        }
    }

    fn launch(&mut self, id: BrokerId) {
        self.seed += 1;
        let seed = self.seed * 10 + u64::try_from(id).unwrap();
        let now = self.now();
        let host = self.hosts.get_mut(&id).unwrap();
        let mut node = MetadataNode::new(combined(id, seed));
        node.start(now, &mut host.outbox);
        host.node = Some(node);
        host.image = Arc::default();
        (host.is_unfenced, host.may_stop, host.is_closed) = (false, false, false);
    }

    fn kill(&mut self, id: BrokerId) {
        let host = self.hosts.get_mut(&id).unwrap();
        host.node = None;
        host.outbox = StorageOutbox::default();
        host.disk.crash();
        self.drop_waiting(id);
    }

    /// Nobody reaches this node, which runs.
    fn isolate(&mut self, id: BrokerId) {
        self.isolated.insert(id);
        self.drop_waiting(id);
    }

    fn drop_waiting(&mut self, id: BrokerId) {
        let waiting = std::mem::take(&mut self.waiting);
        for (token, (from, to, asked)) in waiting {
            match from == id || to == id {
                true => self.tell(from, asked, None),
                false => drop(self.waiting.insert(token, (from, to, asked))),
            }
        }
    }

    fn tell(&mut self, to: BrokerId, asked: OutgoingId, response: Option<AnyResponse>) {
        let now = self.now();
        let host = self.hosts.get_mut(&to).unwrap();
        if let Some(node) = &mut host.node {
            node.on_outcome(now, asked, response, &mut host.outbox);
        }
    }

    #[track_caller]
    fn until(&mut self, limit_ms: i64, what: &str, is_so: impl Fn(&Self) -> bool) {
        let end_ms = self.time_ms + limit_ms;
        while !is_so(self) {
            assert!(self.time_ms < end_ms, "not within {limit_ms} ms: {what}");
            self.step();
        }
    }

    fn pass(&mut self, millis: i64) {
        let end_ms = self.time_ms + millis;
        while self.time_ms < end_ms {
            self.step();
        }
    }

    fn step(&mut self) {
        self.time_ms += STEP_MS;
        for id in NODES {
            self.turn(id);
        }
    }

    fn turn(&mut self, id: BrokerId) {
        let now = self.now();
        loop {
            let host = self.hosts.get_mut(&id).unwrap();
            let Some(node) = &mut host.node else {
                return;
            };
            node.flush(now, &mut host.outbox);
            let outgoing: Vec<_> = std::iter::from_fn(|| node.next_outgoing(now)).collect();
            let events: Vec<_> = std::iter::from_fn(|| node.next_event()).collect();
            let mut is_quiet = events.is_empty();
            while let Some((ticket, request)) = host.outbox.next_request() {
                is_quiet = false;
                let result = host.disk.perform(request);
                node.on_storage(now, ticket, result, &mut host.outbox);
            }
            for event in events {
                self.on_event(id, event);
            }
            for asked in outgoing {
                self.ask(id, asked);
            }
            if is_quiet {
                return;
            }
        }
    }

    fn on_event(&mut self, id: BrokerId, event: MetadataEvent) {
        let now = self.now();
        let host = self.hosts.get_mut(&id).unwrap();
        match event {
            MetadataEvent::Published { image, .. } => {
                let (before, after) = (host.image.end_offset, image.end_offset);
                assert!(
                    after > before,
                    "images of node {id} go from {before} to {after}"
                );
                host.image = image;
                if !host.is_unfenced {
                    // Its partitions are open at once.
                    host.node.as_mut().unwrap().on_serving(now);
                }
            }
            MetadataEvent::Answer { token, response } if token.0 >= CLIENTS => {
                let before = host.answers.insert(token.0, response);
                assert!(before.is_none(), "a request is answered once");
            }
            MetadataEvent::Answer { token, response } => {
                let response = match response {
                    ControllerResponse::Unavailable(_) => None,
                    response => Some(to_any(response)),
                };
                self.answer(token.0, response);
            }
            MetadataEvent::QuorumAnswer { token, response } => {
                self.answer(token.0, Some(*response));
            }
            MetadataEvent::Unfenced => host.is_unfenced = true,
            MetadataEvent::MayStop => host.may_stop = true,
            MetadataEvent::Closed => host.is_closed = true,
            MetadataEvent::Halt(cause) => panic!("node {id} halts: {cause:?}"),
            MetadataEvent::DirectoriesOpened { .. } => {}
        }
    }

    fn answer(&mut self, token: u64, response: Option<AnyResponse>) {
        if let Some((from, _, asked)) = self.waiting.remove(&token) {
            self.tell(from, asked, response);
        }
    }

    fn ask(&mut self, from: BrokerId, outgoing: Outgoing) {
        let Outgoing {
            id, to, request, ..
        } = outgoing;
        let to = BrokerId::from(to.port) - 9000;
        assert_ne!(from, to, "a node does not ask itself over the network");
        let now = self.now();
        let is_cut = self.isolated.contains(&from) || self.isolated.contains(&to);
        let is_held = self.is_log_held && matches!(request, AnyRequest::Fetch(_));
        let node = self.hosts.get_mut(&to).unwrap().node.as_mut();
        let Some(node) = node.filter(|_| !is_cut && !is_held) else {
            return self.tell(from, id, None);
        };
        self.next_token += 1;
        let token = self.next_token;
        self.waiting.insert(token, (from, to, id));
        let (call, version) = match request {
            AnyRequest::Fetch(request) => (QuorumCall::Fetch(request), 17),
            AnyRequest::FetchSnapshot(request) => (QuorumCall::FetchSnapshot(request), 1),
            AnyRequest::Vote(request) => (QuorumCall::Vote(request), 2),
            AnyRequest::BeginQuorumEpoch(request) => (QuorumCall::BeginQuorumEpoch(request), 1),
            AnyRequest::EndQuorumEpoch(request) => (QuorumCall::EndQuorumEpoch(request), 1),
            AnyRequest::UpdateRaftVoter(request) => (QuorumCall::UpdateRaftVoter(request), 0),
            AnyRequest::ControllerRegistration(_) if self.are_registrations_refused => {
                self.registrations += 1;
                let response = ControllerRegistrationResponse {
                    error_code: ErrorCode::UnsupportedVersion.code(),
                    ..ControllerRegistrationResponse::default()
                };
                return self.answer(token, Some(response.into()));
            }
            request => {
                let is_registration = matches!(request, AnyRequest::ControllerRegistration(_));
                self.registrations += usize::from(is_registration);
                let request = of_any(request);
                return node.on_controller_request(now, RequestToken(token), &request);
            }
        };
        let request = QuorumRequest {
            call,
            version,
            listener: "CONTROLLER".to_owned(),
            received_at: now.instant,
        };
        if !node.on_quorum_request(now, QuorumToken(token), &request) {
            self.answer(token, None);
        }
    }

    /// A client asks the broker `id`; the token of its request.
    fn request(&mut self, id: BrokerId, request: &ControllerRequest) -> u64 {
        self.next_token += 1;
        let token = CLIENTS + self.next_token;
        let now = self.now();
        let node = self.hosts.get_mut(&id).unwrap().node.as_mut().unwrap();
        node.on_request(now, RequestToken(token), request);
        token
    }

    /// The error code of the topic that a client of `id` wanted to create.
    #[track_caller]
    fn created(&mut self, id: BrokerId, token: u64) -> ErrorCode {
        self.until(SOON_MS, "an answer", |trio| {
            trio.hosts[&id].answers.contains_key(&token)
        });
        match &self.hosts[&id].answers[&token] {
            ControllerResponse::CreateTopics(response) => {
                ErrorCode::from_code(response.topics[0].error_code).unwrap()
            }
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn create(&mut self, id: BrokerId, name: &str) {
        let token = self.request(id, &create(name));
        assert_eq!(self.created(id, token), ErrorCode::None, "{name}");
    }

    fn leads(&self, id: BrokerId) -> bool {
        let node = self.hosts[&id].node.as_ref();
        node.is_some_and(|node| matches!(node.phase, Phase::Active))
    }

    /// The node that leads, and is reached.
    fn leader(&self) -> Option<BrokerId> {
        let reached = |id: &BrokerId| !self.isolated.contains(id);
        NODES.into_iter().find(|id| self.leads(*id) && reached(id))
    }

    #[track_caller]
    fn await_leader(&mut self) -> BrokerId {
        self.until(SOON_MS, "a leader", |trio| trio.leader().is_some());
        self.leader().unwrap()
    }

    /// Waits until the broker `asked` has seen that `id` is fenced, or not.
    #[track_caller]
    fn await_fence(&mut self, asked: BrokerId, id: BrokerId, is_fenced: bool) {
        // A session, and the time of an election.
        self.until(20_000, "a fence", |trio| {
            let broker = trio.hosts[&asked].image.brokers.get(&id);
            broker.is_some_and(|broker| broker.fenced == is_fenced)
        });
    }

    fn topics(&self, id: BrokerId) -> Vec<String> {
        let names = self.hosts[&id].image.topic_ids.keys();
        names.map(ToString::to_string).collect()
    }
}

fn of_any(request: AnyRequest) -> ControllerRequest {
    match request {
        AnyRequest::BrokerRegistration(request) => ControllerRequest::RegisterBroker {
            request,
            version: 4,
        },
        AnyRequest::BrokerHeartbeat(request) => ControllerRequest::BrokerHeartbeat(request),
        AnyRequest::CreateTopics(request) => ControllerRequest::CreateTopics(request),
        AnyRequest::ControllerRegistration(request) => {
            ControllerRequest::RegisterController(request)
        }
        AnyRequest::AssignReplicasToDirs(request) => {
            ControllerRequest::AssignReplicasToDirs(request)
        }
        other => panic!("nobody asks {other:?} here"),
    }
}

fn to_any(response: ControllerResponse) -> AnyResponse {
    match response {
        ControllerResponse::RegisterBroker(response) => response.into(),
        ControllerResponse::BrokerHeartbeat(response) => response.into(),
        ControllerResponse::CreateTopics(response) => response.into(),
        ControllerResponse::RegisterController(response) => response.into(),
        ControllerResponse::AssignReplicasToDirs(response) => response.into(),
        other => panic!("nobody asked for {other:?}"),
    }
}

#[test]
fn three_nodes_make_a_cluster_whose_brokers_are_let_in_whoever_leads() {
    let mut trio = Trio::new();
    let leader = trio.await_leader();
    for (id, name) in NODES.into_iter().zip(["a", "b", "c"]) {
        trio.create(id, name);
    }
    trio.pass(1_000);
    for id in NODES {
        assert_eq!(trio.topics(id), ["a", "b", "c"]);
        let brokers = trio.hosts[&id].image.brokers.values();
        assert_eq!(brokers.filter(|broker| !broker.fenced).count(), 3);
    }
    assert_eq!(trio.leader(), Some(leader), "nothing disturbs it");
}

#[test]
fn each_node_may_die_while_it_leads_and_comes_back_as_a_broker_too() {
    let mut trio = Trio::new();
    for round in 0..4 {
        let dead = trio.await_leader();
        let next = dead % 3 + 1;
        // The clients of others wait for the next leader.
        trio.kill(dead);
        trio.create(next, &format!("topic-{round}"));
        trio.await_fence(next, dead, true);
        trio.launch(dead);
        trio.await_fence(next, dead, false);
    }
    trio.pass(1_000);
    for id in NODES {
        assert_eq!(trio.topics(id).len(), 4);
    }
}

#[test]
fn a_node_that_comes_back_and_leads_lets_its_own_broker_in_at_once() {
    let mut trio = Trio::new();
    let leader = trio.await_leader();
    let others: Vec<BrokerId> = NODES.into_iter().filter(|id| *id != leader).collect();
    trio.create(leader, "before");
    trio.pass(1_000);
    NODES.iter().for_each(|id| trio.kill(*id));
    trio.launch(leader);
    trio.launch(others[0]);
    let begun = trio.time_ms;
    let first = trio.await_leader();
    trio.until(SOON_MS, "its broker", |trio| trio.hosts[&first].is_unfenced);
    assert!(
        trio.time_ms - begun < 5_000,
        "nobody waits for the session of an earlier life: {} ms",
        trio.time_ms - begun
    );
}

/// A leader decides what the others do not get, and loses its office.
fn undecided() -> (Trio, BrokerId, BrokerId, u64) {
    let mut trio = Trio::new();
    let old = trio.await_leader();
    trio.create(old, "before");
    trio.pass(1_000);
    trio.isolate(old);
    let waiting = trio.request(old, &create("waiting"));
    let new = trio.await_leader();
    trio.until(SOON_MS, "it learns that nobody follows", |trio| {
        !trio.leads(old)
    });
    assert!(!trio.hosts[&old].answers.contains_key(&waiting));
    (trio, old, new, waiting)
}

#[test]
fn what_a_leader_decided_in_vain_its_broker_asks_of_the_next_one() {
    let (mut trio, old, new, waiting) = undecided();
    trio.create(new, "after");
    assert!(!trio.hosts[&old].answers.contains_key(&waiting));
    trio.isolated.clear();
    assert_eq!(trio.created(old, waiting), ErrorCode::None);
    trio.pass(1_000);
    for id in NODES {
        assert_eq!(trio.topics(id), ["after", "before", "waiting"]);
    }
}

#[test]
fn an_answer_that_the_next_leader_makes_wrong_is_not_given() {
    let (mut trio, old, new, waiting) = undecided();
    trio.create(new, "waiting");
    trio.isolated.clear();
    assert_eq!(trio.created(old, waiting), ErrorCode::TopicAlreadyExists);
}

#[test]
fn what_a_leader_decided_and_the_next_one_has_is_done_once_and_answered_so() {
    let mut trio = Trio::new();
    let old = trio.await_leader();
    trio.create(old, "before");
    trio.pass(1_000);
    let waiting = trio.request(old, &create("waiting"));
    // The others get it, and the leader does not hear so.
    let others: Vec<BrokerId> = NODES.into_iter().filter(|id| *id != old).collect();
    trio.turn(old);
    others.iter().for_each(|id| trio.turn(*id));
    assert!(!trio.hosts[&old].answers.contains_key(&waiting));
    trio.isolate(old);
    trio.await_leader();
    trio.until(SOON_MS, "it is led by another", |trio| !trio.leads(old));
    trio.isolated.clear();
    assert_eq!(trio.created(old, waiting), ErrorCode::None);
    trio.pass(1_000);
    for id in NODES {
        assert_eq!(trio.topics(id), ["before", "waiting"]);
    }
}

#[test]
fn a_node_that_stops_hands_over_as_a_broker_and_then_as_a_controller() {
    let mut trio = Trio::new();
    let leader = trio.await_leader();
    let next = leader % 3 + 1;
    let now = trio.now();
    let host = trio.hosts.get_mut(&leader).unwrap();
    host.node.as_mut().unwrap().stop(now);
    trio.until(SOON_MS, "it may stop", |trio| trio.hosts[&leader].may_stop);
    assert!(trio.leads(leader), "until its logs are closed");
    trio.await_fence(next, leader, true);
    let now = trio.now();
    let host = trio.hosts.get_mut(&leader).unwrap();
    host.node.as_mut().unwrap().close(now);
    let begun = trio.time_ms;
    trio.until(SOON_MS, "it has stopped", |trio| {
        trio.hosts[&leader].is_closed
    });
    trio.kill(leader);
    trio.await_leader();
    assert!(
        trio.time_ms - begun < 2_000,
        "the others are told that it goes: {} ms",
        trio.time_ms - begun
    );
    trio.create(next, "after");
}

#[test]
fn every_broker_tells_who_votes_as_the_leader_knows_it() {
    let mut trio = Trio::new();
    let leader = trio.await_leader();
    trio.pass(1_000);
    let topic = AskedTopic {
        topic_name: "__cluster_metadata".to_owned(),
        partitions: vec![AskedPartition::default()],
        ..AskedTopic::default()
    };
    let request = DescribeQuorumRequest {
        topics: vec![topic],
        ..DescribeQuorumRequest::default()
    };
    let token = trio.request(leader, &ControllerRequest::DescribeQuorum(request));
    trio.step();
    match &trio.hosts[&leader].answers[&token] {
        ControllerResponse::DescribeQuorum(response) => {
            let partition = &response.topics[0].partitions[0];
            assert_eq!(partition.leader_id, leader);
            assert_eq!(partition.current_voters.len(), 3);
            assert_eq!(partition.observers, []);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_asks_the_controller_of_a_node_that_does_not_lead_is_told_so() {
    let mut trio = Trio::new();
    let leader = trio.await_leader();
    let other = leader % 3 + 1;
    let now = trio.now();
    let token = CLIENTS + 1;
    let node = trio.hosts.get_mut(&other).unwrap().node.as_mut().unwrap();
    node.on_controller_request(now, RequestToken(token), &create("elsewhere"));
    trio.step();
    let ControllerResponse::CreateTopics(refused) = &trio.hosts[&other].answers[&token] else {
        panic!("it is answered as what it is");
    };
    let topic = &refused.topics[0];
    assert_eq!(topic.name, "elsewhere");
    assert_eq!(topic.error_code, ErrorCode::NotController.code());
    let reason = format!("The active controller appears to be node {leader}.");
    assert_eq!(topic.error_message, Some(reason));
}

/// The life in which the node `id` is registered as a controller, as the node `asked` was told.
fn life(trio: &Trio, asked: BrokerId, id: BrokerId) -> Option<Uuid> {
    let controllers = &trio.hosts[&asked].image.controllers;
    controllers.get(&id).map(|one| one.incarnation_id)
}

#[test]
fn controllers_that_stand_by_register_once_in_each_of_their_lives() {
    let mut trio = Trio::new();
    let leader = trio.await_leader();
    let knows_all = |trio: &Trio| {
        let knows = |(asked, id)| life(trio, asked, id).is_some();
        let all = NODES
            .into_iter()
            .flat_map(|asked| NODES.map(|id| (asked, id)));
        all.into_iter().all(knows)
    };
    trio.until(SOON_MS, "all know all controllers", knows_all);
    let standby = leader % 3 + 1;
    let controller = trio.hosts[&leader].image.controllers.get(&standby).unwrap();
    assert_eq!(controller.endpoints[0].host, format!("kafka{standby}"));
    assert_eq!(controller.features, supported_features());
    let first = NODES.map(|id| life(&trio, leader, id));
    let asked = trio.registrations;
    trio.pass(SOON_MS);
    assert_eq!(NODES.map(|id| life(&trio, leader, id)), first);
    assert_eq!(trio.registrations, asked, "what is known is not told again");

    trio.kill(standby);
    trio.launch(standby);
    trio.until(SOON_MS, "its next life is known", |trio| {
        trio.leader().is_some_and(|leader| {
            let known = life(trio, leader, standby);
            known.is_some() && !first.contains(&known)
        })
    });
}

#[test]
fn a_controller_that_nobody_answers_registers_when_somebody_does() {
    let mut trio = Trio::new();
    let leader = trio.await_leader();
    let standby = leader % 3 + 1;
    trio.pass(1_000);
    let first = life(&trio, leader, standby);
    trio.kill(standby);
    trio.are_registrations_refused = true;
    trio.launch(standby);
    let before = trio.registrations;
    trio.pass(10_000);
    let asked = trio.registrations - before;
    assert!(
        (3..=8).contains(&asked),
        "it asks more and more rarely: {asked}"
    );
    assert_eq!(life(&trio, trio.leader().unwrap(), standby), first);
    trio.are_registrations_refused = false;
    trio.until(20_000, "it has registered", |trio| {
        life(trio, trio.leader().unwrap(), standby) != first
    });
}
