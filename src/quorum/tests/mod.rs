//! Nodes of a quorum that reach each other by the bytes of a toy network, each on a toy disk.
//!
//! Whatever happens: what one node is told to be committed at an offset, all are, and in the same
//! order.

mod changing;
mod electing;
mod observing;
mod wire;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::*;
use crate::log::storage::{DirectoryIndex, StorageOutbox, StorageOwner, StoragePath};
use crate::log::tests::disk::Disk;
use crate::model::{BrokerId, ErrorCode, LeaderEpoch, NodeAddress, Offset, Uuid};
use crate::protocol::{AnyRequest, AnyResponse, ApiKey, Reader, Writer};
use crate::stdx::{Instant, Now, Random};

const LISTENER: &str = "CONTROLLER";
const CLUSTER: &str = "cluster";
const FILES: u32 = 1;
const LOG: u32 = 2;

/// The state that a node's records make: their values in their order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct State {
    values: Vec<Bytes>,
    end_offset: Offset,
    epoch: LeaderEpoch,
}

impl State {
    fn take(&mut self, block: &RecordBlock) {
        assert!(block.end_offset > self.end_offset, "records go forward");
        self.values.extend(block.values.iter().cloned());
        self.end_offset = block.end_offset;
        self.epoch = block.epoch;
    }
}

struct Node {
    membership: Membership,
    directory: u8,
    quorum: Option<Quorum>,
    disk: Disk,
    outbox: StorageOutbox,
    /// The disk does nothing.
    is_stalled: bool,
    /// What it was told to be committed, and what it appended as the leader that it is.
    state: State,
    own: Vec<(Offset, Bytes)>,
    leads: Option<LeaderEpoch>,
    was_unseated: usize,
    snapshots_taken: usize,
    told_leader: Option<(BrokerId, Vec<VoterEndpoint>)>,
    failure: Option<QuorumFailure>,
    is_closed: bool,
}

/// A request on its way, or its answer.
struct Ask {
    from: BrokerId,
    to: BrokerId,
    id: u64,
    key: ApiKey,
    version: i16,
    deadline: Instant,
}

struct World {
    nodes: BTreeMap<BrokerId, Node>,
    random: Random,
    millis: u64,
    asks: BTreeMap<u64, Ask>,
    /// What nobody waits for.
    answers: BTreeMap<u64, AnyResponse>,
    next_token: u64,
    /// Pairs of nodes that cannot reach each other.
    cut: BTreeSet<(BrokerId, BrokerId)>,
    /// What was told at each offset, by whoever was told.
    committed: BTreeMap<Offset, Vec<Bytes>>,
    /// The requests that were made: by whom, and what.
    asked: Vec<(BrokerId, AnyRequest)>,
    segment_bytes: u32,
    retention_bytes: Option<u64>,
    /// The levels of `kraft.version` that nodes say they speak.
    spoken: (i16, i16),
}

fn address(id: BrokerId) -> NodeAddress {
    NodeAddress {
        host: "node".to_owned(),
        port: u16::try_from(id).unwrap(),
    }
}

fn endpoint(id: BrokerId) -> VoterEndpoint {
    let NodeAddress { host, port } = address(id);
    VoterEndpoint {
        listener: LISTENER.to_owned(),
        host,
        port,
    }
}

fn directory(id: BrokerId, disk: u8) -> Uuid {
    let mut bytes = [disk; 16];
    bytes[0] = u8::try_from(id).unwrap();
    Uuid::from_bytes(bytes)
}

fn voters(ids: &[BrokerId]) -> Vec<Voter> {
    let voter = |id: &BrokerId| Voter {
        id: *id,
        directory_id: directory(*id, 1),
        endpoints: vec![endpoint(*id)],
    };
    ids.iter().map(voter).collect()
}

fn observer_of(ids: &[BrokerId]) -> Membership {
    Membership {
        votes: false,
        bootstrap: ids.iter().map(|id| address(*id)).collect(),
        ..Membership::default()
    }
}

/// The name of the snapshot that a voter is formatted with.
fn formatted() -> String {
    format!("{METADATA_FOLDER}/{}", SnapshotId::default())
}

fn value(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            nodes: BTreeMap::new(),
            random: Random::from_seed(seed),
            millis: 1_000,
            asks: BTreeMap::new(),
            answers: BTreeMap::new(),
            next_token: 0,
            cut: BTreeSet::new(),
            committed: BTreeMap::new(),
            asked: Vec::new(),
            segment_bytes: 1 << 20,
            retention_bytes: None,
            spoken: (0, 1),
        }
    }

    /// Voters of a quorum, which run.
    fn of_voters(seed: u64, ids: &[BrokerId]) -> Self {
        let mut world = Self::new(seed);
        world.add_voters(ids);
        world
    }

    fn add_voters(&mut self, ids: &[BrokerId]) {
        for id in ids {
            let mut disk = Disk::default();
            let file = encode_snapshot(0, 0, 0, Some(&voters(ids)), std::iter::empty());
            disk.files.insert(formatted(), file.to_vec());
            self.add(*id, Membership::default(), disk);
        }
    }

    fn add(&mut self, id: BrokerId, membership: Membership, disk: Disk) {
        let node = Node {
            membership,
            directory: 1,
            quorum: None,
            disk,
            outbox: StorageOutbox::default(),
            is_stalled: false,
            state: State::default(),
            own: Vec::new(),
            leads: None,
            was_unseated: 0,
            snapshots_taken: 0,
            told_leader: None,
            failure: None,
            is_closed: false,
        };
        self.nodes.insert(id, node);
        self.start(id, false);
    }

    fn start(&mut self, id: BrokerId, is_clean: bool) {
        let owner = |slot| StorageOwner {
            slot,
            incarnation: 0,
        };
        let random = self.random.fork();
        let (segment_bytes, retention_bytes) = (self.segment_bytes, self.retention_bytes);
        let node = self.nodes.get_mut(&id).unwrap();
        let settings = QuorumSettings {
            node_id: id,
            cluster_id: CLUSTER.into(),
            directory_id: directory(id, node.directory),
            directory: StoragePath::new(DirectoryIndex(0), ""),
            endpoints: match node.membership.votes {
                true => vec![endpoint(id)],
                false => Vec::new(),
            },
            listener: LISTENER.to_owned(),
            membership: node.membership.clone(),
            files_owner: owner(FILES),
            log_owner: owner(LOG),
            is_clean,
            segment_bytes,
            segment_ms: i64::MAX,
            retention_bytes,
            retention_ms: None,
        };
        let mut quorum = Quorum::new(settings, random);
        quorum.start(&mut node.outbox);
        node.state = State::default();
        node.own.clear();
        node.leads = None;
        node.is_closed = false;
        node.quorum = Some(quorum);
        self.run();
    }

    /// The node is gone, with what its disk had not done.
    fn crash(&mut self, id: BrokerId) {
        let node = self.nodes.get_mut(&id).unwrap();
        node.quorum = None;
        node.leads = None;
        node.is_stalled = false;
        while node.outbox.next_request().is_some() {}
        node.disk.crash(&mut self.random);
        self.asks.retain(|_, ask| ask.from != id);
    }

    fn close(&mut self, id: BrokerId) {
        let now = self.now();
        let node = self.nodes.get_mut(&id).unwrap();
        node.quorum.as_mut().unwrap().close(now);
        self.run();
        let node = self.nodes.get_mut(&id).unwrap();
        assert!(node.is_closed);
        node.quorum = None;
        node.leads = None;
        self.asks.retain(|_, ask| ask.from != id);
    }

    fn now(&self) -> Now {
        Now {
            instant: Instant::from_nanos(self.millis * 1_000_000),
            wall_ms: i64::try_from(self.millis).unwrap(),
        }
    }

    fn node(&self, id: BrokerId) -> &Node {
        &self.nodes[&id]
    }

    fn quorum(&mut self, id: BrokerId) -> &mut Quorum {
        let node = self.nodes.get_mut(&id).unwrap();
        node.quorum.as_mut().expect("the node runs")
    }

    fn texts(&self, id: BrokerId) -> Vec<&str> {
        let values = self.node(id).state.values.iter();
        values.map(|value| str::from_utf8(value).unwrap()).collect()
    }

    /// Do all that can be done without waiting.
    fn run(&mut self) {
        loop {
            let mut has_acted = false;
            for id in self.nodes.keys().copied().collect::<Vec<_>>() {
                has_acted |= self.turn(id);
            }
            if !has_acted {
                return;
            }
        }
    }

    /// One turn of a node; true if anything happened in it.
    fn turn(&mut self, id: BrokerId) -> bool {
        let now = self.now();
        let node = self.nodes.get_mut(&id).unwrap();
        let Some(quorum) = &mut node.quorum else {
            return false;
        };
        quorum.flush(now, &mut node.outbox);
        let mut has_acted = self.take_events(id);
        has_acted |= self.take_outgoing(id);
        let node = self.nodes.get_mut(&id).unwrap();
        node.disk.take(&mut node.outbox);
        if node.is_stalled {
            return has_acted;
        }
        if let Some((ticket, result)) = node.disk.complete(&mut self.random) {
            let quorum = node.quorum.as_mut().expect("it ran a moment ago");
            if ticket.owner.slot == LOG {
                quorum.on_log_storage(now, ticket.sequence, result);
            } else {
                quorum.on_file_storage(now, ticket.sequence, result, &mut node.outbox);
            }
            self.take_events(id);
            return true;
        }
        has_acted
    }

    fn take_events(&mut self, id: BrokerId) -> bool {
        let mut has_acted = false;
        loop {
            let node = self.nodes.get_mut(&id).unwrap();
            let quorum = node.quorum.as_mut().expect("it runs");
            let Some(event) = quorum.next_event() else {
                return has_acted;
            };
            has_acted = true;
            self.take_event(id, event);
        }
    }

    fn take_event(&mut self, id: BrokerId, event: QuorumEvent) {
        let now = self.now();
        let node = self.nodes.get_mut(&id).unwrap();
        let quorum = node.quorum.as_mut().expect("it runs");
        match event {
            QuorumEvent::Snapshot { id, contents } => {
                assert!(id.end_offset >= node.state.end_offset, "it goes forward");
                node.snapshots_taken += 1;
                node.state = State {
                    values: contents.values,
                    end_offset: id.end_offset,
                    epoch: id.epoch,
                };
            }
            QuorumEvent::Records(block) => {
                assert!(node.leads.is_none(), "a leader knows what it appends");
                node.state.take(&block);
                self.note_committed(block.end_offset, block.values);
            }
            QuorumEvent::Loaded => quorum.begin(now, &mut node.outbox),
            QuorumEvent::Elected { epoch, .. } => {
                assert!(node.leads.replace(epoch).is_none());
                let others = self.nodes.iter();
                let mut others = others.filter(|(other, _)| **other != id);
                assert!(others.all(|(_, other)| other.leads != Some(epoch)));
            }
            QuorumEvent::Unseated => {
                node.leads = None;
                node.was_unseated += 1;
                node.own.clear();
                quorum.tell_from(node.state.end_offset);
            }
            QuorumEvent::LeaderChanged { leader, .. } => node.told_leader = leader,
            QuorumEvent::Committed { end_offset } => {
                let epoch = node.leads.expect("it leads");
                let own = std::mem::take(&mut node.own);
                let (done, left) = own.into_iter().partition(|(end, _)| *end <= end_offset);
                node.own = left;
                let done: Vec<(Offset, Bytes)> = done;
                for (end, value) in &done {
                    node.state.values.push(value.clone());
                    (node.state.end_offset, node.state.epoch) = (*end, epoch);
                }
                for (end, value) in done {
                    self.note_committed(end, vec![value]);
                }
            }
            QuorumEvent::Answer { token, response } => self.answer(token.0, &response),
            QuorumEvent::SnapshotWritten { .. } | QuorumEvent::SnapshotLacksSpace(_) => {}
            QuorumEvent::Failed(failure) => node.failure = Some(failure),
            QuorumEvent::Closed => node.is_closed = true,
        }
    }

    fn note_committed(&mut self, end_offset: Offset, values: Vec<Bytes>) {
        let known = self.committed.entry(end_offset).or_insert(values.clone());
        assert_eq!(*known, values, "what is committed stays as it is");
    }

    /// Send what the node wants to be sent.
    fn take_outgoing(&mut self, id: BrokerId) -> bool {
        let mut has_acted = false;
        while let Some(outgoing) = self.quorum(id).next_outgoing() {
            has_acted = true;
            let to = BrokerId::from(outgoing.to.port);
            let key = outgoing.request.key();
            let version = match key {
                ApiKey::Fetch => 18,
                ApiKey::Vote => 2,
                ApiKey::ApiVersions => 4,
                ApiKey::RemoveRaftVoter | ApiKey::UpdateRaftVoter => 0,
                _ => 1,
            };
            let mut writer = Writer::new();
            outgoing.request.encode(&mut writer, version).unwrap();
            let bytes = writer.into_bytes();
            self.asked.push((id, outgoing.request));
            let ask = Ask {
                from: id,
                to,
                id: outgoing.id,
                key,
                version,
                deadline: self.now().instant + outgoing.timeout,
            };
            if self.is_cut(id, to) || self.nodes.get(&to).is_none_or(|to| to.quorum.is_none()) {
                self.end(&ask, None);
                continue;
            }
            let request = AnyRequest::decode(key, version, &mut Reader::new(bytes)).unwrap();
            let call = match request {
                AnyRequest::ApiVersions(_) => {
                    let versions = changing::versions(self.spoken);
                    self.end(&ask, Some(versions.into()));
                    continue;
                }
                AnyRequest::AddRaftVoter(request) => QuorumCall::AddRaftVoter(request),
                AnyRequest::RemoveRaftVoter(request) => QuorumCall::RemoveRaftVoter(request),
                AnyRequest::UpdateRaftVoter(request) => QuorumCall::UpdateRaftVoter(request),
                AnyRequest::Fetch(request) => QuorumCall::Fetch(request),
                AnyRequest::FetchSnapshot(request) => QuorumCall::FetchSnapshot(request),
                AnyRequest::Vote(request) => QuorumCall::Vote(request),
                AnyRequest::BeginQuorumEpoch(request) => QuorumCall::BeginQuorumEpoch(request),
                AnyRequest::EndQuorumEpoch(request) => QuorumCall::EndQuorumEpoch(request),
                other => panic!("{other:?}"),
            };
            let now = self.now();
            let request = QuorumRequest {
                call,
                version,
                listener: LISTENER.to_owned(),
                received_at: now.instant,
            };
            self.next_token += 1;
            let token = self.next_token;
            self.asks.insert(token, ask);
            let quorum = self.quorum(to);
            quorum.on_request(now, QuorumToken(token), &request);
        }
        has_acted
    }

    fn is_cut(&self, one: BrokerId, other: BrokerId) -> bool {
        self.cut.contains(&(one, other)) || self.cut.contains(&(other, one))
    }

    /// A node has answered.
    fn answer(&mut self, token: u64, response: &QuorumResponse) {
        let Some(ask) = self.asks.remove(&token) else {
            self.answers.insert(token, response.clone());
            return;
        };
        let mut writer = Writer::new();
        response.encode(&mut writer, ask.version).unwrap();
        let bytes = writer.into_bytes();
        let response = AnyResponse::decode(ask.key, ask.version, &mut Reader::new(bytes));
        let response = response.unwrap();
        let is_lost = self.is_cut(ask.from, ask.to);
        self.end(&ask, (!is_lost).then_some(response));
    }

    fn end(&mut self, ask: &Ask, response: Option<AnyResponse>) {
        let now = self.now();
        let node = self.nodes.get_mut(&ask.from).unwrap();
        if let Some(quorum) = &mut node.quorum {
            quorum.on_outcome(now, ask.id, response, &mut node.outbox);
        }
    }

    /// Time goes by.
    fn pass(&mut self, millis: u64) {
        let until = self.millis + millis;
        self.run();
        loop {
            let nodes = self.nodes.values();
            let quorums = nodes.filter_map(|node| node.quorum.as_ref());
            let deadlines = quorums.map(Quorum::next_deadline);
            let answers = self.asks.values().map(|ask| ask.deadline);
            let next = deadlines.chain(answers).min().unwrap_or(Instant::MAX);
            let next = next.as_nanos().div_ceil(1_000_000).max(self.millis + 1);
            if next > until {
                break;
            }
            self.millis = next;
            let now = self.now().instant;
            let late = self.asks.iter().filter(|(_, ask)| ask.deadline <= now);
            let late: Vec<u64> = late.map(|(token, _)| *token).collect();
            for token in late {
                let ask = self.asks.remove(&token).unwrap();
                self.end(&ask, None);
            }
            self.run();
        }
        self.millis = until;
        self.run();
    }

    /// The node that leads.
    fn leader(&self) -> Option<BrokerId> {
        let leading = self.nodes.iter();
        let leading = leading.filter_map(|(id, node)| Some((node.leads?, *id)));
        leading.max().map(|(_, id)| id)
    }

    /// Ask a node for something that no other node asks; the answer, if it is there at once.
    fn request(&mut self, to: BrokerId, call: QuorumCall) -> Option<AnyResponse> {
        let now = self.now();
        let request = QuorumRequest {
            call,
            version: 2,
            listener: LISTENER.to_owned(),
            received_at: now.instant,
        };
        self.next_token += 1;
        let token = self.next_token;
        let quorum = self.quorum(to);
        quorum.on_request(now, QuorumToken(token), &request);
        self.run();
        self.answers.remove(&token)
    }

    /// The leader appends, and whatever follows is done.
    fn append(&mut self, id: BrokerId, text: &str) {
        let (now, value) = (self.now(), value(text));
        let values = std::slice::from_ref(&value);
        let (end_offset, _) = self.quorum(id).append(now, values).unwrap();
        let node = self.nodes.get_mut(&id).unwrap();
        node.own.push((end_offset, value));
        self.run();
    }

    /// The same; true if that is committed, and so has to last.
    fn append_lasting(&mut self, leader: BrokerId, text: &str) -> bool {
        self.append(leader, text);
        let node = self.node(leader);
        node.leads.is_some() && node.own.is_empty()
    }

    fn append_all(&mut self, id: BrokerId, prefix: &str, count: usize) {
        for number in 0..count {
            self.append(id, &format!("{prefix}{number}"));
        }
    }

    /// True if the node has something that no snapshot of it has, and may write one.
    fn may_snapshot(&self, id: BrokerId) -> bool {
        let node = self.node(id);
        let quorum = node.quorum.as_ref();
        let is_free = quorum.is_some_and(|quorum| !quorum.is_writing_snapshot());
        is_free && !node.is_stalled && node.state.end_offset > 0
    }

    /// The node writes a snapshot of its state.
    fn snapshot(&mut self, id: BrokerId) -> SnapshotId {
        let state = self.node(id).state.clone();
        let snapshot = SnapshotId {
            end_offset: state.end_offset,
            epoch: state.epoch,
        };
        let voters = self.quorum(id).voters_at(snapshot.end_offset);
        let voters = voters.map(<[Voter]>::to_vec);
        let values = state.values.into_iter();
        let file = encode_snapshot(snapshot.epoch, 0, 0, voters.as_deref(), values);
        let node = self.nodes.get_mut(&id).unwrap();
        let quorum = node.quorum.as_mut().unwrap();
        quorum.write_snapshot(snapshot, file, &mut node.outbox);
        self.run();
        snapshot
    }

    /// Nobody came to an end.
    fn check(&self) {
        for (id, node) in &self.nodes {
            assert_eq!(node.failure, None, "node {id}");
        }
    }
}
