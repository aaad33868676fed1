//! Worlds of three replicas and a controller, in which everything happens in any order: fetches and
//! proposals that are late, doubled or lost, images that come late, crashes that lose what was not
//! synced, elections. Whatever was acknowledged must stay.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{ErrorCode, LeaderEpoch, Offset};
use crate::stdx::Random;

use super::toy::{Record, ToyLog};
use super::*;

const SEEDS: u64 = 600;
const EVENTS: usize = 1000;
/// With more on their way, hardly any would arrive while it says something new.
const LETTERS_MAX: usize = 6;
const NODES: [BrokerId; 3] = [1, 2, 3];

/// What may be wrong in a world, to see that it is noticed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Bug {
    None,
    /// An answer is given once the leader alone has synced.
    AcknowledgesAlone,
    /// A follower counts what it has not synced.
    CountsUnsynced,
    /// A follower does not tell the epoch of its last record, so nobody sees that logs differ.
    TellsNoEpoch,
    /// A leader forgets its proposal when nobody answers.
    ForgetsProposals,
    /// Anybody is elected, not only those in sync.
    ElectsAnybody,
}

enum Role {
    Nothing,
    Leader(Leader),
    Follower(Follower),
}

struct Node {
    log: ToyLog,
    role: Role,
    image: Image,
    broker_epoch: i64,
    is_up: bool,
}

/// What the controller has decided.
#[derive(Clone, Debug, Default)]
struct Image {
    version: u64,
    leader: Option<BrokerId>,
    leader_epoch: LeaderEpoch,
    partition_epoch: i32,
    isr: Vec<BrokerId>,
    /// Those that run and are not fenced, with their registrations.
    brokers: BTreeMap<BrokerId, i64>,
}

#[derive(Clone, Debug)]
enum Letter {
    Fetch(BrokerId, BrokerId, FetchPosition, i64),
    Fetched(BrokerId, FetchPosition, ToyAnswer),
    Bounds(BrokerId, FetchPosition, (Offset, Offset)),
    Propose(BrokerId, IsrProposal),
    Proposed(BrokerId, LeaderEpoch, ProposalNumber, IsrOutcome),
}

#[derive(Clone, Debug)]
struct ToyAnswer {
    answer: FetchAnswer,
    records: Vec<Record>,
}

#[derive(Debug, Default)]
struct Reached {
    elections: usize,
    expansions: usize,
    shrinks: usize,
    truncations: usize,
    anew: usize,
    acknowledged: usize,
}

struct World {
    random: Random,
    bug: Bug,
    seconds: u64,
    nodes: BTreeMap<BrokerId, Node>,
    image: Image,
    letters: Vec<Letter>,
    acknowledged: BTreeMap<Offset, Record>,
    log_start: Offset,
    next_value: u64,
    next_broker_epoch: i64,
    reached: Reached,
}

impl World {
    fn new(seed: u64, bug: Bug) -> Self {
        let brokers = NODES.map(|id| (id, 1)).into_iter().collect();
        let image = Image {
            version: 1,
            leader: Some(1),
            leader_epoch: 0,
            partition_epoch: 0,
            isr: NODES.to_vec(),
            brokers,
        };
        let node = |id| {
            let node = Node {
                log: ToyLog::default(),
                role: Role::Nothing,
                image: Image::default(),
                broker_epoch: 1,
                is_up: true,
            };
            (id, node)
        };
        let mut world = Self {
            random: Random::from_seed(seed),
            bug,
            seconds: 0,
            nodes: NODES.map(node).into_iter().collect(),
            image,
            letters: Vec::new(),
            acknowledged: BTreeMap::new(),
            log_start: 0,
            next_value: 0,
            next_broker_epoch: 2,
            reached: Reached::default(),
        };
        for id in NODES {
            world.learn(id);
        }
        world
    }

    fn node(&mut self, id: BrokerId) -> &mut Node {
        self.nodes.get_mut(&id).expect("there are three")
    }

    fn now(&self) -> Instant {
        at(self.seconds)
    }

    /// The node learns what the controller has decided.
    fn learn(&mut self, id: BrokerId) {
        let (now, image, bug) = (self.now(), self.image.clone(), self.bug);
        let node = self.node(id);
        if !node.is_up || node.image.version == image.version {
            return;
        }
        let is_new_epoch =
            matches!(node.role, Role::Nothing) || node.image.leader_epoch != image.leader_epoch;
        if is_new_epoch {
            let high_watermark = match &node.role {
                Role::Nothing => node.log.start,
                Role::Leader(leader) => leader.high_watermark(),
                Role::Follower(follower) => follower.high_watermark(),
            };
            node.role = if image.leader == Some(id) {
                let term = LeaderTerm {
                    node: id,
                    epoch: image.leader_epoch,
                    partition_epoch: image.partition_epoch,
                    start_offset: node.log.end(),
                    high_watermark,
                    safe_end_offset: node.safe_end(bug),
                    replicas: NODES.to_vec(),
                    isr: image.isr.clone(),
                };
                node.log.begin_epoch(image.leader_epoch);
                let rules = LeaderRules {
                    in_sync_min: 1,
                    lag_max: LAG_MAX,
                };
                Role::Leader(Leader::new(now, term, rules))
            } else {
                let leader = image.leader;
                Role::Follower(Follower::new(leader, image.leader_epoch, high_watermark))
            };
        }
        if let Role::Leader(leader) = &mut node.role {
            leader.on_registration(now, &NODES, &image.isr, image.partition_epoch);
            for other in NODES {
                leader.on_broker(now, other, image.brokers.get(&other).copied());
            }
        }
        node.image = image;
        self.after(id);
    }

    /// What follows from anything that happened to a node.
    fn after(&mut self, id: BrokerId) {
        let (now, bug) = (self.now(), self.bug);
        let node = self.node(id);
        let log = node.view(bug);
        match &mut node.role {
            Role::Nothing => {}
            Role::Follower(follower) => {
                if let Some(start) = follower.on_appended(&log) {
                    node.log.cut_front(start);
                }
            }
            Role::Leader(leader) => {
                leader.on_log(now, log.end_offset, log.safe_end_offset);
                leader.on_time(now);
                let proposal = leader.next_proposal(now);
                let end = match bug {
                    Bug::AcknowledgesAlone => log.safe_end_offset,
                    _ => leader.high_watermark(),
                };
                let records: Vec<_> = (log.start_offset..end)
                    .filter_map(|offset| Some((offset, node.log.at(offset)?)))
                    .collect();
                self.letters
                    .extend(proposal.map(|proposal| Letter::Propose(id, proposal)));
                self.acknowledge(records);
            }
        }
    }

    fn acknowledge(&mut self, records: Vec<(Offset, Record)>) {
        for (offset, record) in records {
            let before = self.acknowledged.insert(offset, record);
            self.reached.acknowledged += usize::from(before.is_none());
            assert!(
                before.is_none_or(|before| before == record),
                "no other record"
            );
        }
    }

    fn step(&mut self) {
        let id = NODES[self.pick(NODES.len())];
        match self.random.below(100) {
            0..15 => self.produce(id),
            15..33 => self.sync(id),
            33..50 => self.fetch(id),
            50..83 => self.deliver(),
            83..90 => self.learn(id),
            90..92 => self.seconds += self.random.below(30),
            92 => self.crash(id),
            93 => self.restart(id),
            94 => self.fence(id),
            95..98 => self.unfence(id),
            98 => self.delete_front(id),
            _ => self.after(id),
        }
        self.check();
    }

    fn pick(&mut self, count: usize) -> usize {
        usize::try_from(self.random.below(count as u64)).expect("it is below a usize")
    }

    fn produce(&mut self, id: BrokerId) {
        self.next_value += 1;
        let value = self.next_value;
        let node = self.node(id);
        if let Role::Leader(leader) = &node.role {
            node.log.push((leader.epoch(), value));
            self.after(id);
        }
    }

    fn sync(&mut self, id: BrokerId) {
        let node = self.node(id);
        if node.is_up {
            node.log.synced = node.log.end();
            self.after(id);
        }
    }

    fn fetch(&mut self, id: BrokerId) {
        let bug = self.bug;
        let is_busy = self.letters.len() > LETTERS_MAX;
        let node = self.node(id);
        let log = node.view(bug);
        let Role::Follower(follower) = &node.role else {
            return;
        };
        if is_busy {
            return;
        }
        let Some((to, mut asked)) = follower.leader().zip(follower.plan_fetch(&log)) else {
            return;
        };
        if bug == Bug::TellsNoEpoch {
            asked.last_fetched_epoch = None;
        }
        let broker_epoch = node.broker_epoch;
        self.letters
            .push(Letter::Fetch(id, to, asked, broker_epoch));
    }

    /// A letter arrives, once or twice, or never.
    fn deliver(&mut self) {
        if self.letters.is_empty() {
            return;
        }
        let place = self.pick(self.letters.len());
        let letter = match self.random.below(10) {
            0 => self.letters[place].clone(),
            _ => self.letters.swap_remove(place),
        };
        if self.random.chance(1, 10) {
            return self.lose(letter);
        }
        match letter {
            Letter::Fetch(from, to, asked, broker_epoch) => {
                self.serve_fetch(from, to, asked, broker_epoch);
            }
            Letter::Fetched(to, asked, answer) => self.on_fetched(to, &asked, answer),
            Letter::Bounds(to, asked, bounds) => self.on_bounds(to, &asked, bounds),
            Letter::Propose(from, proposal) => self.decide(from, &proposal),
            Letter::Proposed(to, epoch, number, outcome) => {
                self.on_proposed(to, epoch, number, &outcome);
            }
        }
    }

    fn lose(&mut self, letter: Letter) {
        if let Letter::Propose(
            to,
            IsrProposal {
                leader_epoch,
                number,
                ..
            },
        )
        | Letter::Proposed(to, leader_epoch, number, _) = letter
        {
            self.on_proposed(to, leader_epoch, number, &IsrOutcome::Unanswered);
        }
    }

    fn serve_fetch(&mut self, from: BrokerId, to: BrokerId, asked: FetchPosition, epoch: i64) {
        let now = self.now();
        let count = self.pick(4);
        let node = self.node(to);
        let Role::Leader(leader) = &mut node.role else {
            return;
        };
        let mut answer = FetchAnswer::default();
        let mut records = Vec::new();
        let diverging = asked.last_fetched_epoch.and_then(|epoch| {
            let own = node.log.end_of(epoch)?;
            let differs = own.epoch < epoch || own.end_offset < asked.offset;
            differs.then_some((own.epoch, own.end_offset))
        });
        if let Err(error) = leader.check_epoch(Some(asked.leader_epoch)) {
            answer.error = error;
        } else if diverging.is_some() {
            answer.diverging = diverging;
        } else if asked.offset < node.log.start || asked.offset > node.log.end() {
            answer.error = ErrorCode::OffsetOutOfRange;
        } else {
            let fetch = ReplicaFetch {
                replica: from,
                broker_epoch: Some(epoch),
                offset: asked.offset,
                log_start_offset: asked.log_start_offset,
            };
            match leader.on_fetch(now, &fetch, true) {
                Ok(_) => records = node.log.from(asked.offset, count),
                Err(error) => answer.error = error,
            }
        }
        answer.high_watermark = Some(leader.high_watermark());
        answer.log_start_offset = Some(node.log.start);
        self.letters
            .push(Letter::Fetched(from, asked, ToyAnswer { answer, records }));
        self.after(to);
    }

    fn on_fetched(&mut self, to: BrokerId, asked: &FetchPosition, toy: ToyAnswer) {
        let bug = self.bug;
        let node = self.node(to);
        let log = node.view(bug);
        let Role::Follower(follower) = &mut node.role else {
            return;
        };
        let end_of_epoch = |epoch| node.log.end_of(epoch);
        let step = follower.on_answer(asked, toy.answer, &log, end_of_epoch);
        match (&step, follower.leader()) {
            (FollowerStep::Append(_), _) => {
                for record in toy.records {
                    node.log.push(record);
                }
                self.after(to);
            }
            (FollowerStep::AskBounds, Some(leader)) => {
                let asked = *asked;
                let leader = self.node(leader);
                if matches!(&leader.role, Role::Leader(role) if role.epoch() == asked.leader_epoch)
                {
                    let bounds = (leader.log.start, leader.log.end());
                    self.letters.push(Letter::Bounds(to, asked, bounds));
                }
            }
            _ => self.take_step(to, &step),
        }
    }

    fn on_bounds(&mut self, to: BrokerId, asked: &FetchPosition, bounds: (Offset, Offset)) {
        let bug = self.bug;
        let node = self.node(to);
        let log = node.view(bug);
        if let Role::Follower(follower) = &mut node.role {
            let step = follower.on_leader_bounds(asked, bounds, &log);
            self.take_step(to, &step);
        }
    }

    fn take_step(&mut self, id: BrokerId, step: &FollowerStep) {
        match step {
            FollowerStep::Truncate(to) => {
                self.node(id).log.truncate(*to);
                self.reached.truncations += 1;
            }
            FollowerStep::StartAnew(start) => {
                self.node(id).log.begin_anew(*start);
                self.reached.anew += 1;
            }
            _ => {}
        }
    }

    /// The controller decides on a proposal.
    fn decide(&mut self, from: BrokerId, proposal: &IsrProposal) {
        let image = &self.image;
        let is_registered = |(id, epoch): &(BrokerId, Option<i64>)| {
            let registered = image.brokers.get(id);
            registered.is_some_and(|registered| epoch.is_none_or(|told| told == *registered))
        };
        let is_stale = proposal.partition_epoch != image.partition_epoch;
        let outcome = if proposal.leader_epoch != image.leader_epoch {
            IsrOutcome::Refused(ErrorCode::FencedLeaderEpoch)
        } else if is_stale {
            IsrOutcome::Refused(ErrorCode::InvalidUpdateVersion)
        } else if !proposal.isr.iter().all(is_registered) {
            IsrOutcome::Refused(ErrorCode::IneligibleReplica)
        } else {
            let isr: Vec<BrokerId> = proposal.isr.iter().map(|(id, _)| *id).collect();
            match isr.len() > self.image.isr.len() {
                true => self.reached.expansions += 1,
                false => self.reached.shrinks += 1,
            }
            self.image.isr.clone_from(&isr);
            self.image.partition_epoch += 1;
            self.image.version += 1;
            IsrOutcome::Accepted {
                leader_epoch: self.image.leader_epoch,
                partition_epoch: self.image.partition_epoch,
                isr,
            }
        };
        let (epoch, number) = (proposal.leader_epoch, proposal.number);
        self.letters
            .push(Letter::Proposed(from, epoch, number, outcome));
    }

    fn on_proposed(
        &mut self,
        to: BrokerId,
        epoch: LeaderEpoch,
        number: ProposalNumber,
        outcome: &IsrOutcome,
    ) {
        let (now, bug) = (self.now(), self.bug);
        if let Role::Leader(leader) = &mut self.node(to).role
            && leader.epoch() == epoch
        {
            let forgotten = IsrOutcome::Refused(ErrorCode::IneligibleReplica);
            let is_forgotten = bug == Bug::ForgetsProposals && *outcome == IsrOutcome::Unanswered;
            let outcome = if is_forgotten { &forgotten } else { outcome };
            leader.on_outcome(now, number, outcome);
            self.after(to);
        }
    }

    fn crash(&mut self, id: BrokerId) {
        let mut random = self.random.fork();
        let node = self.node(id);
        if node.is_up {
            node.log.crash(&mut random);
            node.role = Role::Nothing;
            node.image = Image::default();
            node.is_up = false;
        }
    }

    /// A broker that registers anew is fenced until it knows what the controller does.
    fn restart(&mut self, id: BrokerId) {
        if self.node(id).is_up {
            return;
        }
        self.fence(id);
        let epoch = self.next_broker_epoch;
        self.next_broker_epoch += 1;
        let node = self.node(id);
        node.is_up = true;
        node.broker_epoch = epoch;
        self.learn(id);
    }

    fn fence(&mut self, id: BrokerId) {
        if self.image.brokers.remove(&id).is_none() {
            return;
        }
        self.image.version += 1;
        if self.image.isr.len() > 1 {
            self.image.isr.retain(|member| *member != id);
            self.image.partition_epoch += 1;
        }
        if self.image.leader == Some(id) {
            self.elect();
        }
    }

    fn unfence(&mut self, id: BrokerId) {
        let (is_up, epoch) = (self.nodes[&id].is_up, self.nodes[&id].broker_epoch);
        if !is_up || self.image.brokers.contains_key(&id) {
            return;
        }
        self.image.brokers.insert(id, epoch);
        self.image.version += 1;
        if self.image.leader.is_none() {
            self.elect();
        }
    }

    fn elect(&mut self) {
        let image = &mut self.image;
        let may_lead = |id: &BrokerId| image.isr.contains(id) || self.bug == Bug::ElectsAnybody;
        let leader = image.brokers.keys().copied().find(may_lead);
        if self.bug == Bug::ElectsAnybody
            && let Some(leader) = leader
        {
            image.isr = vec![leader];
        }
        image.leader = leader;
        image.leader_epoch += 1;
        image.partition_epoch += 1;
        image.version += 1;
        self.reached.elections += 1;
    }

    /// The leader deletes what is old.
    fn delete_front(&mut self, id: BrokerId) {
        let node = self.node(id);
        if let Role::Leader(leader) = &node.role
            && leader.epoch() == node.image.leader_epoch
        {
            let start = leader.high_watermark();
            node.log.cut_front(start);
            self.log_start = self.log_start.max(start);
        }
    }

    /// Every replica in sync has on its disk what was acknowledged, and two logs do not differ
    /// below both high watermarks.
    fn check(&self) {
        for id in &self.image.isr {
            let log = &self.nodes[id].log;
            for (offset, record) in self.acknowledged.range(log.start.max(self.log_start)..) {
                assert!(*offset < log.synced, "{id} lacks {offset}");
                assert_eq!(log.at(*offset), Some(*record), "{id} has another {offset}");
            }
        }
        for (place, one) in self.nodes.values().enumerate() {
            for other in self.nodes.values().skip(place + 1) {
                let end = one.high_watermark().min(other.high_watermark());
                let start = one.log.start.max(other.log.start);
                for offset in start..end {
                    assert_eq!(one.log.at(offset), other.log.at(offset));
                }
            }
        }
        let leaders = self.nodes.values().filter_map(|node| match &node.role {
            Role::Leader(leader) => Some(leader.epoch()),
            _ => None,
        });
        let epochs: Vec<_> = leaders.collect();
        let distinct: BTreeSet<_> = epochs.iter().collect();
        assert_eq!(epochs.len(), distinct.len(), "one leader in an epoch");
    }
}

impl Node {
    fn safe_end(&self, bug: Bug) -> Offset {
        match bug {
            Bug::CountsUnsynced => self.log.end(),
            _ => self.log.synced,
        }
    }

    fn view(&self, bug: Bug) -> ReplicaLog {
        ReplicaLog {
            start_offset: self.log.start,
            end_offset: self.log.end(),
            safe_end_offset: self.safe_end(bug),
            latest_epoch: self.log.latest_epoch(),
        }
    }

    fn high_watermark(&self) -> Offset {
        match &self.role {
            Role::Nothing => 0,
            Role::Leader(leader) => leader.high_watermark(),
            Role::Follower(follower) => follower.high_watermark(),
        }
    }
}

fn live(seed: u64, bug: Bug) -> Reached {
    let mut world = World::new(seed, bug);
    for _ in 0..EVENTS {
        world.step();
    }
    world.reached
}

#[test]
fn nothing_acknowledged_is_lost_and_logs_agree_below_their_high_watermarks() {
    let mut sum = Reached::default();
    for seed in 0..SEEDS {
        let reached = live(seed, Bug::None);
        sum.elections += reached.elections;
        sum.expansions += reached.expansions;
        sum.shrinks += reached.shrinks;
        sum.truncations += reached.truncations;
        sum.anew += reached.anew;
        sum.acknowledged += reached.acknowledged;
    }
    println!("{sum:?}");
    for count in [
        sum.elections,
        sum.expansions,
        sum.shrinks,
        sum.truncations,
        sum.anew,
    ] {
        assert!(count > 100, "{sum:?}");
    }
    assert!(sum.acknowledged > 5_000, "{sum:?}");
}

#[test]
fn planted_bugs_are_found() {
    let finds = |bug| (0..SEEDS).any(|seed| std::panic::catch_unwind(|| live(seed, bug)).is_err());
    let bugs = [
        Bug::AcknowledgesAlone,
        Bug::CountsUnsynced,
        Bug::TellsNoEpoch,
        Bug::ForgetsProposals,
        Bug::ElectsAnybody,
    ];
    let missed: Vec<Bug> = bugs.into_iter().filter(|bug| !finds(*bug)).collect();
    assert_eq!(missed, []);
}
