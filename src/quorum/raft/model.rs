//! Every behaviour of a few nodes within bounds: messages are lost, come late, twice and in any
//! order; nodes crash and lose what is not synced; timers go off whenever they want to; nodes get a
//! vote and lose it.
//!
//! A world is explored from a beginning that a script of actions leads to, so that deep histories
//! are in reach. The same exploration must find each bug that is planted in what surrounds the
//! machine, or in what it counts.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use stateright::{Model, Property};

use super::state::Leading;
use super::toy_log::{Entry, Journal, NodeSet, place_of};
use super::*;
use crate::model::{BrokerId, LeaderEpoch, Offset, Uuid};
use crate::quorum::request::ReplicaKey;
use crate::quorum::state::ElectionState;

/// The names of the properties that hold always.
pub(super) const SOUND: &str = "nothing is wrong";
pub(super) const MATCHING: &str = "logs match";

#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) enum Message {
    Request(Request),
    Vote(VoteAsk, VoteAnswer),
    Fetch(FetchAsk, FetchAnswer, Option<Entry>),
}

impl Message {
    /// The epoch that it is about. What its receiver knows to be over is lost.
    fn epoch(&self) -> LeaderEpoch {
        match self {
            Self::Request(Request::Vote(ask)) => ask.epoch,
            Self::Request(Request::Fetch(ask)) => ask.epoch,
            Self::Request(Request::BeginEpoch { epoch, .. } | Request::EndEpoch { epoch, .. }) => {
                *epoch
            }
            Self::Vote(_, answer) => answer.known.epoch,
            Self::Fetch(_, answer, _) => answer.known.epoch,
        }
    }
}

/// A message on its way.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct Envelope {
    from: BrokerId,
    to: BrokerId,
    message: Message,
}

/// What a node has yet to do, in order.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Step {
    Output(Output),
    Answer(Envelope),
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Node {
    raft: Raft,
    log: Journal,
    election: ElectionState,
    steps: VecDeque<Step>,
    timers: BTreeSet<Timer>,
}

impl Node {
    /// Write a record as the leader.
    fn append(&mut self, value: u8, voters: Option<NodeSet>) {
        let epoch = self.raft.epoch();
        self.log.entries.push(Entry {
            epoch,
            value,
            voters,
        });
    }
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct World {
    nodes: Vec<Node>,
    network: BTreeSet<Envelope>,
    committed: Vec<Entry>,
    /// In which epoch each of them was committed.
    committed_in: Vec<LeaderEpoch>,
    leaders: BTreeMap<LeaderEpoch, BrokerId>,
    crashes: u8,
    appends: u8,
    changes: u8,
    timeouts: u8,
    refusals: u8,
    duplicates: u8,
    wrong: Option<&'static str>,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum Action {
    Deliver(Envelope),
    DeliverAndKeep(Envelope),
    Persist(usize),
    Sync(usize),
    Time(usize, Timer),
    /// A follower is refused by its leader, be that gone or not.
    Refuse(usize),
    Append(usize),
    /// The leader has other voters from here on.
    Change(usize, NodeSet),
    Crash(usize),
}

/// What is done wrongly.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Bug {
    None,
    /// A crash makes a node forget for whom it voted.
    VotesTwice,
    /// A vote is given before it is on the disk.
    VotesUnsynced,
    /// What the leader does not have stays, as if it agreed.
    KeepsDivergence,
    /// What a majority has is committed, though it is of an earlier epoch.
    CommitsEarlierEpochs,
    /// What is not synced is acknowledged.
    AcknowledgesUnsynced,
    /// A vote is given to a log that lacks something.
    VotesForShorterLogs,
    /// Voters are changed again before the change before is committed.
    ChangesOverlap,
    /// Voters are changed before the leader has committed something of its epoch.
    ChangesBeforeCommitting,
    /// A majority of those that voted at the beginning commits.
    CountsOldVoters,
}

/// The bounds, and where the exploration begins.
#[derive(Clone, Debug)]
pub(super) struct Bounds {
    pub bug: Bug,
    pub crashes: u8,
    pub appends: u8,
    /// How often voters may be changed.
    pub changes: u8,
    pub timeouts: u8,
    /// How often a follower is refused by its leader.
    pub refusals: u8,
    pub duplicates: u8,
    /// The logs and the epoch that the nodes begin with; synced, and told to nobody.
    pub logs: &'static [&'static [LogItem]],
    /// Who votes where the log does not say it.
    pub voters: NodeSet,
    pub epoch: LeaderEpoch,
    pub epoch_max: LeaderEpoch,
    /// The nodes that ask for votes already.
    pub standing: &'static [usize],
    /// How far that has come.
    pub start: Start,
}

/// A record of this epoch, and the voters that it names.
pub(super) type LogItem = (LeaderEpoch, Option<NodeSet>);

/// What has happened before the exploration.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Start {
    /// Nothing was said.
    Silent,
    /// One leads, which only these nodes will hear.
    Elected(NodeSet),
    /// One leads, and so many records are committed.
    Committed(usize),
}

fn key(index: usize) -> ReplicaKey {
    ReplicaKey {
        id: BrokerId::try_from(index).unwrap(),
        directory_id: Uuid::ZERO,
    }
}

fn members(nodes: NodeSet) -> impl Iterator<Item = usize> {
    (0..8).filter(move |index| nodes & (1 << index) != 0)
}

fn keys(nodes: NodeSet) -> Vec<ReplicaKey> {
    members(nodes).map(key).collect()
}

fn index_of(id: BrokerId) -> usize {
    usize::try_from(id).unwrap()
}

impl Bounds {
    /// Who votes, as this log names them.
    fn voting(&self, log: &Journal) -> Voting {
        let mut named = log.voters().chain([(self.voters, 0)]);
        let (voters, named_at) = named.next().unwrap();
        Voting {
            voters: keys(voters),
            named_at,
            before: named.next().map_or(Vec::new(), |(before, _)| keys(before)),
        }
    }

    fn node(&self, index: usize, log: Journal, election: ElectionState) -> Node {
        let mut node = Node {
            raft: Raft::new(key(index), self.voting(&log), election),
            log,
            election,
            steps: VecDeque::new(),
            timers: BTreeSet::new(),
        };
        node.raft.start(&node.log);
        node
    }

    /// Do what a node has to do, as far as it has not to wait for the disk.
    fn settle(&self, world: &mut World, index: usize) {
        // Where nothing crashes any more, a slow disk is a slow network.
        let waits = world.crashes > 0;
        loop {
            let node = &mut world.nodes[index];
            node.raft.set_voters(self.voting(&node.log), &node.log);
            while let Some(output) = node.raft.next_output() {
                node.steps.push_back(Step::Output(output));
            }
            if !waits && !node.log.claims_all && node.log.synced != node.log.entries {
                node.log.synced.clone_from(&node.log.entries);
                node.raft.on_log_synced(&node.log);
                continue;
            }
            let Some(step) = node.steps.front().cloned() else {
                return;
            };
            if let Step::Output(Output::Persist(election)) = step
                && waits
                && self.bug != Bug::VotesUnsynced
            {
                let _ = election;
                return;
            }
            node.steps.pop_front();
            self.perform(world, index, step);
        }
    }

    fn has_begun(&self, world: &World) -> bool {
        match self.start {
            Start::Silent => true,
            Start::Elected(_) => !world.leaders.is_empty(),
            Start::Committed(count) => world.committed.len() >= count,
        }
    }

    /// Have what is said heard, until all has happened that is to come before the exploration.
    fn begin(&self, world: &mut World) {
        while !self.has_begun(world) {
            let first = world.network.pop_first();
            let first = first.expect("something is said until there is a leader");
            self.deliver(world, &first);
            self.settle(world, index_of(first.to));
        }
        if let Start::Elected(nodes) = self.start {
            let network = &mut world.network;
            network.retain(|one| members(nodes).any(|index| index == index_of(one.to)));
        }
    }

    fn perform(&self, world: &mut World, index: usize, step: Step) {
        let node = &mut world.nodes[index];
        match step {
            Step::Answer(envelope) => {
                world.network.insert(envelope);
            }
            Step::Output(Output::Persist(election)) => {
                if world.crashes == 0 || self.bug != Bug::VotesUnsynced {
                    node.election = election;
                }
            }
            Step::Output(Output::Start(timer)) => {
                node.timers.insert(timer);
            }
            Step::Output(Output::Stop(timer)) => {
                node.timers.remove(&timer);
            }
            Step::Output(Output::Send { to, request }) => {
                // Whoever asks anybody has no luck.
                if let Target::Node(to) = to {
                    world.network.insert(Envelope {
                        from: key(index).id,
                        to,
                        message: Message::Request(request),
                    });
                }
            }
            Step::Output(Output::Lead { epoch, .. }) => {
                if !node.raft.is_leader() || node.raft.epoch() != epoch {
                    return;
                }
                let before = world.leaders.insert(epoch, key(index).id);
                if before.is_some_and(|before| before != key(index).id) {
                    world.wrong = Some("two nodes lead one epoch");
                }
                // A leader may be late: another of a later epoch may have committed more.
                let earlier = world
                    .committed_in
                    .iter()
                    .filter(|one| **one < epoch)
                    .count();
                if !node.log.entries.starts_with(&world.committed[..earlier]) {
                    world.wrong = Some("a leader lacks what was committed before");
                }
                node.log.entries.push(Entry::leader_change(epoch));
            }
            Step::Output(Output::Unseated) => {}
            Step::Output(Output::Committed(offset)) => commit(world, index, offset),
        }
    }

    fn deliver(&self, world: &mut World, envelope: &Envelope) {
        let index = index_of(envelope.to);
        let node = &mut world.nodes[index];
        let answer = match &envelope.message {
            Message::Request(Request::Vote(ask)) => {
                let mut ask = *ask;
                if self.bug == Bug::VotesForShorterLogs {
                    ask.end = ask.end.max(node.log.end());
                }
                let answer = node.raft.on_vote(&ask, &node.log);
                Some(Message::Vote(ask, answer))
            }
            Message::Request(Request::BeginEpoch {
                leader,
                epoch,
                voter,
            }) => {
                node.raft
                    .on_begin_epoch(*leader, *epoch, Some(*voter), &node.log);
                None
            }
            Message::Request(Request::EndEpoch {
                leader,
                epoch,
                successors,
            }) => {
                node.raft
                    .on_end_epoch(*leader, *epoch, successors, &node.log);
                None
            }
            Message::Request(Request::Fetch(ask)) => Some(self.serve(world, index, ask)),
            Message::Vote(asked, answer) => {
                node.raft
                    .on_vote_answer(envelope.from, asked, answer, &node.log);
                None
            }
            Message::Fetch(asked, answer, record) => {
                self.take(world, index, (asked, answer), *record);
                None
            }
        };
        let node = &mut world.nodes[index];
        while let Some(output) = node.raft.next_output() {
            node.steps.push_back(Step::Output(output));
        }
        if let Some(message) = answer {
            node.steps.push_back(Step::Answer(Envelope {
                from: envelope.to,
                to: envelope.from,
                message,
            }));
        }
    }

    /// What a majority of those has that voted at the beginning, whichever epoch it is of.
    fn held_at_first(&self, own: usize, leading: &Leading, log: &Journal) -> Offset {
        let held = members(self.voters).map(|index| match index == own {
            true => log.synced_end_offset(),
            false => leading.synced.get(&key(index)).copied().unwrap_or(0),
        });
        let mut held: Vec<Offset> = held.collect();
        held.sort_unstable();
        held[(held.len() - 1) / 2]
    }

    fn may_change(&self, node: &Node) -> bool {
        match node.raft.check_change() {
            Ok(()) => true,
            Err(ChangeRefusal::NotLeader) => false,
            Err(ChangeRefusal::EpochUncommitted) => self.bug == Bug::ChangesBeforeCommitting,
            Err(ChangeRefusal::ChangeUncommitted) => self.bug == Bug::ChangesOverlap,
        }
    }

    fn serve(&self, world: &mut World, index: usize, ask: &FetchAsk) -> Message {
        let node = &mut world.nodes[index];
        let verdict = node.raft.on_fetch(ask, &node.log);
        if matches!(self.bug, Bug::CommitsEarlierEpochs | Bug::CountsOldVoters)
            && let Role::Leader(leading) = node.raft.role()
        {
            let offset = self.held_at_first(index, leading, &node.log);
            commit(world, index, offset);
        }
        let node = &world.nodes[index];
        let known = |refusal| EpochAnswer {
            refusal,
            epoch: node.raft.epoch(),
            leader: node.raft.leader(),
        };
        let mut answer = FetchAnswer {
            known: known(None),
            found: FetchFound::Nothing,
            high_watermark: node.raft.high_watermark(),
        };
        let mut record = None;
        match verdict {
            // One at a time: what comes behind it has another turn.
            FetchVerdict::Records => {
                record = node.log.entries.get(place_of(ask.end.offset)).copied();
                if record.is_some() {
                    answer.found = FetchFound::Records;
                }
            }
            FetchVerdict::Diverging(agreed) => answer.found = FetchFound::Diverging(agreed),
            FetchVerdict::Snapshot(id) => answer.found = FetchFound::Snapshot(id),
            FetchVerdict::Refused(refusal) => answer.known = known(Some(refusal)),
        }
        Message::Fetch(*ask, answer, record)
    }

    fn take(
        &self,
        world: &mut World,
        index: usize,
        (asked, answer): (&FetchAsk, &FetchAnswer),
        record: Option<Entry>,
    ) {
        let node = &mut world.nodes[index];
        match node.raft.on_fetch_answer(asked, answer, &node.log) {
            FetchFound::Nothing | FetchFound::Snapshot(_) => {}
            FetchFound::Records => {
                if node.log.end() != asked.end {
                    world.wrong = Some("records are appended where they do not belong");
                }
                node.log.entries.extend(record);
            }
            FetchFound::Diverging(agreed) => {
                if place_of(agreed.offset) < world.committed.len()
                    && node.log.entries.starts_with(&world.committed)
                {
                    world.wrong = Some("what is committed is truncated");
                }
                if self.bug == Bug::KeepsDivergence {
                    let behind = &mut node.log.entries[place_of(agreed.offset)..];
                    behind.iter_mut().for_each(|one| one.epoch = agreed.epoch);
                } else {
                    node.log.entries.truncate(place_of(agreed.offset));
                }
            }
        }
        if self.bug == Bug::AcknowledgesUnsynced || node.log.entries == node.log.synced {
            node.raft.on_log_synced(&node.log);
        }
    }
}

/// The node says that all below `offset` is committed.
fn commit(world: &mut World, index: usize, offset: Offset) {
    let node = &world.nodes[index];
    let (entries, epoch) = (&node.log.entries, node.raft.epoch());
    let Some(committed) = entries.get(..place_of(offset)) else {
        world.wrong = Some("what is not there is committed");
        return;
    };
    let shared = committed.len().min(world.committed.len());
    if committed[..shared] != world.committed[..shared] {
        world.wrong = Some("what was committed is changed");
    }
    if committed.len() > world.committed.len() {
        world.committed = committed.to_vec();
        world.committed_in.resize(world.committed.len(), epoch);
    }
}

impl Model for Bounds {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let election = ElectionState {
            leader_epoch: self.epoch,
            ..ElectionState::default()
        };
        let logs = self.logs.iter().map(|items| {
            let entry = |(place, (epoch, voters)): (usize, &LogItem)| {
                let mut entry = Entry::leader_change(*epoch);
                entry.value += 10 * u8::try_from(place).unwrap();
                entry.voters = *voters;
                entry
            };
            let entries: Vec<Entry> = items.iter().enumerate().map(entry).collect();
            Journal {
                synced: entries.clone(),
                entries,
                claims_all: self.bug == Bug::AcknowledgesUnsynced,
            }
        });
        let nodes = logs.enumerate();
        let nodes = nodes.map(|(index, log)| self.node(index, log, election));
        let mut world = World {
            nodes: nodes.collect(),
            network: BTreeSet::new(),
            committed: Vec::new(),
            committed_in: Vec::new(),
            leaders: BTreeMap::new(),
            crashes: match self.start {
                Start::Silent => self.crashes,
                _ => 0,
            },
            appends: self.appends,
            changes: self.changes,
            timeouts: self.timeouts,
            refusals: self.refusals,
            duplicates: self.duplicates,
            wrong: None,
        };
        for index in 0..world.nodes.len() {
            let node = &mut world.nodes[index];
            if self.standing.contains(&index) {
                node.raft.stand(&node.log);
            }
            self.settle(&mut world, index);
        }
        self.begin(&mut world);
        world.crashes = self.crashes;
        vec![world]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        for envelope in &world.network {
            actions.push(Action::Deliver(envelope.clone()));
            if world.duplicates > 0 {
                actions.push(Action::DeliverAndKeep(envelope.clone()));
            }
        }
        for (index, node) in world.nodes.iter().enumerate() {
            if matches!(node.steps.front(), Some(Step::Output(Output::Persist(_)))) {
                actions.push(Action::Persist(index));
            }
            if node.log.synced != node.log.entries {
                actions.push(Action::Sync(index));
            }
            if world.crashes > 0 {
                actions.push(Action::Crash(index));
            }
            if world.timeouts > 0 && node.raft.epoch() < self.epoch_max {
                // Those that only send the same again are left out: what is sent is not lost unless
                // it has to be.
                let timers = node.timers.iter().filter(|timer| {
                    matches!(
                        timer,
                        Timer::Election | Timer::Fetch | Timer::CheckQuorum | Timer::Succession
                    )
                });
                actions.extend(timers.map(|timer| Action::Time(index, *timer)));
            }
            let is_follower = matches!(node.raft.role(), Role::Follower { .. });
            if world.refusals > 0 && is_follower && node.raft.epoch() < self.epoch_max {
                actions.push(Action::Refuse(index));
            }
            let is_seated = world.leaders.get(&node.raft.epoch()) == Some(&key(index).id);
            if world.appends > 0 && node.raft.is_leader() && is_seated {
                actions.push(Action::Append(index));
            }
            if world.changes > 0 && is_seated && self.may_change(node) {
                let voters = self.voting(&node.log).voters;
                let voters = voters
                    .iter()
                    .fold(0, |set, one| set | 1 << index_of(one.id));
                let others = (0..world.nodes.len()).map(|other| voters ^ (1 << other));
                let others = others.filter(|voters| *voters != 0);
                actions.extend(others.map(|voters| Action::Change(index, voters)));
            }
        }
    }

    fn next_state(&self, last: &World, action: Action) -> Option<World> {
        let mut world = last.clone();
        let index = match action {
            Action::Deliver(envelope) => {
                world.network.remove(&envelope);
                self.deliver(&mut world, &envelope);
                index_of(envelope.to)
            }
            Action::DeliverAndKeep(envelope) => {
                world.duplicates -= 1;
                self.deliver(&mut world, &envelope);
                index_of(envelope.to)
            }
            Action::Persist(index) => {
                let step = world.nodes[index].steps.pop_front()?;
                self.perform(&mut world, index, step);
                index
            }
            Action::Sync(index) => {
                let node = &mut world.nodes[index];
                node.log.synced.clone_from(&node.log.entries);
                node.raft.on_log_synced(&node.log);
                index
            }
            Action::Time(index, timer) => {
                world.timeouts -= 1;
                let node = &mut world.nodes[index];
                node.timers.remove(&timer);
                node.raft.on_timer(timer, &node.log);
                index
            }
            Action::Refuse(index) => {
                world.refusals -= 1;
                let node = &mut world.nodes[index];
                let epoch = node.raft.epoch();
                let leader = node.raft.leader()?;
                node.raft.on_leader_gone(leader, epoch, &node.log);
                index
            }
            Action::Append(index) => {
                world.appends -= 1;
                let value = 1 + world.appends;
                world.nodes[index].append(value, None);
                index
            }
            Action::Change(index, voters) => {
                world.changes -= 1;
                let value = 200 + world.changes;
                world.nodes[index].append(value, Some(voters));
                index
            }
            Action::Crash(index) => {
                world.crashes -= 1;
                let node = &world.nodes[index];
                let mut election = node.election;
                if self.bug == Bug::VotesTwice {
                    election.voted = None;
                }
                let log = Journal {
                    entries: node.log.synced.clone(),
                    ..node.log.clone()
                };
                world.nodes[index] = self.node(index, log, election);
                index
            }
        };
        self.settle(&mut world, index);
        if world.crashes == 0 && last.crashes > 0 {
            (0..world.nodes.len()).for_each(|index| self.settle(&mut world, index));
        }
        let epochs: Vec<LeaderEpoch> = world.nodes.iter().map(|node| node.raft.epoch()).collect();
        world
            .network
            .retain(|one| one.message.epoch() >= epochs[index_of(one.to)]);
        (world != *last).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(SOUND, |_, world: &World| world.wrong.is_none()),
            Property::always(MATCHING, |_, world: &World| {
                let logs: Vec<&[Entry]> =
                    world.nodes.iter().map(|node| &*node.log.entries).collect();
                logs.iter()
                    .all(|one| logs.iter().all(|other| match_up(one, other)))
            }),
            Property::sometimes("something is committed", |_, world: &World| {
                world.committed.len() > 1
            }),
        ]
    }
}

/// Two logs that have a record of one epoch at one offset have the same before it.
fn match_up(one: &[Entry], other: &[Entry]) -> bool {
    let shared = one.len().min(other.len());
    let last = (0..shared)
        .rev()
        .find(|place| one[*place].epoch == other[*place].epoch);
    last.is_none_or(|last| one[..=last] == other[..=last])
}
