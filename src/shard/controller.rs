//! Shard 0's part of the cluster metadata: the node that writes it, and who asked it for what.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::client::{AskFailure, DialFailure, Lane, PeerId};
use crate::config::{BrokerConfig, LevelChange, LogLevels};
use crate::log::storage::{DirectoryIndex, StorageOutbox, StorageOwner, StorageResult, Ticket};
use crate::metadata::{
    ControllerRequest, ControllerResponse, HaltCause, MetadataEvent, MetadataLogSettings,
    MetadataNode, NodeSettings, OpenDirectory, Outgoing, OutgoingId, ProbeId, ProbeOutcome,
    RequestToken, assignment_request, log_level_changes, membership_of,
};
use crate::metrics::MetricId;
use crate::model::{BrokerId, ErrorCode, LeaderEpoch, ShardId, TopicIdPartition};
use crate::protocol::AnyResponse;
use crate::quorum::{QuorumRequest, QuorumToken};
use crate::stdx::{Instant, Now};

use super::connections::Peer;
use super::core::Shard;
use super::event::DisconnectReason;
use super::message::{MetadataUpdate, ProposedIsr};
use super::partition::Asker;
use super::peers::PeerAsker;
use super::proposing::{self, alter_partition_request, decided_by};
use super::task::Reply;
use super::{Effect, Effects, HaltReason, Message, ShardSettings};

/// Completions of the metadata are addressed to places that no partition takes.
const FILES_OWNER: StorageOwner = StorageOwner {
    slot: u32::MAX - 1,
    incarnation: 0,
};
const LOG_OWNER: StorageOwner = StorageOwner {
    slot: u32::MAX - 2,
    incarnation: 0,
};

/// The metadata node and who asked it for what.
#[derive(Debug)]
pub struct ControllerHost {
    node: MetadataNode,
    askers: BTreeMap<RequestToken, Asker>,
    /// Who asked the quorum.
    quorum_askers: BTreeMap<QuorumToken, Asker>,
    /// Who told where a replica lies now.
    assigners: BTreeMap<RequestToken, (ShardId, TopicIdPartition, DirectoryIndex)>,
    /// Whose leaders proposed which in-sync sets.
    proposers: BTreeMap<RequestToken, (ShardId, Vec<ProposedIsr>)>,
    next_token: u64,
    directories: Arc<[OpenDirectory]>,
    /// True once the fence of this broker was lifted, where another node may be the controller.
    was_unfenced: bool,
    /// Changes of log levels that nobody was told of yet.
    level_changes: Vec<LevelChange>,
}

impl ControllerHost {
    /// The metadata of this node.
    pub const fn node(&self) -> &MetadataNode {
        &self.node
    }

    /// A node that has yet to start.
    pub fn new(settings: &mut ShardSettings) -> Self {
        let config = &settings.config;
        let mut log_dirs = config.log_dirs.iter();
        let metadata_directory = log_dirs
            .position(|dir| *dir == config.metadata_log_dir)
            .unwrap_or(config.log_dirs.len());
        let node_settings = NodeSettings {
            settings: settings.settings.clone(),
            config: BrokerConfig::clone(config),
            metadata_directory: DirectoryIndex::at(metadata_directory),
            cluster_id: None,
            log: MetadataLogSettings::new(config),
            membership: membership_of(config),
            files_owner: FILES_OWNER,
            log_owner: LOG_OWNER,
            random: settings.random.fork(),
        };
        Self {
            node: MetadataNode::new(node_settings),
            askers: BTreeMap::new(),
            quorum_askers: BTreeMap::new(),
            assigners: BTreeMap::new(),
            proposers: BTreeMap::new(),
            next_token: 0,
            directories: Arc::from([]),
            was_unfenced: false,
            level_changes: Vec::new(),
        }
    }

    /// True for completions that [`ControllerHost::on_storage`] takes.
    pub fn owns(owner: StorageOwner) -> bool {
        owner == FILES_OWNER || owner == LOG_OWNER
    }

    /// The epoch in which this node leads the metadata quorum, if it does.
    pub fn led_quorum_epoch(&self) -> Option<LeaderEpoch> {
        self.node.led_quorum_epoch()
    }

    /// Read what was written before, or format an empty directory.
    pub fn start(&mut self, now: Now, outbox: &mut StorageOutbox) {
        self.node.start(now, outbox);
    }

    /// A request to the disk has ended.
    pub fn on_storage(
        &mut self,
        now: Now,
        ticket: Ticket,
        result: StorageResult,
        outbox: &mut StorageOutbox,
    ) {
        self.node.on_storage(now, ticket, result, outbox);
    }

    /// So much may be written to each log directory, in the order of `log.dirs`; `None` for one
    /// that does not tell.
    pub fn on_room(&mut self, usable_bytes: impl IntoIterator<Item = Option<u64>>) {
        let ids = self.directories.iter().map(|directory| directory.id);
        let told = ids.zip(usable_bytes);
        let told = told.filter_map(|(id, usable)| Some((id, usable?)));
        self.node.on_room(told.collect());
    }

    /// A log directory is given up; they are now so.
    pub fn give_up(
        &mut self,
        now: Now,
        directory: DirectoryIndex,
        directories: Arc<[OpenDirectory]>,
    ) {
        self.directories = directories;
        self.node.give_up(now, directory);
    }

    /// Serve a request to the active controller.
    pub fn on_request(&mut self, now: Now, asker: Asker, request: &ControllerRequest) {
        let token = self.token_for(asker);
        self.node.on_request(now, token, request);
    }

    /// Serve a request to the controller of this node.
    pub fn on_controller_request(&mut self, now: Now, asker: Asker, request: &ControllerRequest) {
        let token = self.token_for(asker);
        self.node.on_controller_request(now, token, request);
    }

    fn token_for(&mut self, asker: Asker) -> RequestToken {
        self.next_token += 1;
        let token = RequestToken(self.next_token);
        self.askers.insert(token, asker);
        token
    }

    /// Ask the quorum; false if it does not work.
    pub fn on_quorum_request(&mut self, now: Now, asker: Asker, request: &QuorumRequest) -> bool {
        self.next_token += 1;
        let token = QuorumToken(self.next_token);
        let is_taken = self.node.on_quorum_request(now, token, request);
        if is_taken {
            self.quorum_askers.insert(token, asker);
        }
        is_taken
    }

    /// A shard tells that a replica of this broker lies in `directory` now.
    fn assign(
        &mut self,
        now: Now,
        assigner: (ShardId, TopicIdPartition, DirectoryIndex),
        broker_id: BrokerId,
    ) {
        let (_, id, directory) = assigner;
        let directory = self.directories[usize::from(directory.0)].id;
        let broker_epoch = self.node.broker_epoch().unwrap_or(-1);
        let replica = (id.topic_id, id.partition);
        let request = assignment_request((broker_id, broker_epoch), [(replica, directory)]);
        self.next_token += 1;
        let token = RequestToken(self.next_token);
        self.assigners.insert(token, assigner);
        let request = ControllerRequest::AssignReplicasToDirs(request);
        self.node.on_request(now, token, &request);
    }

    /// Leaders of a shard propose in-sync sets.
    fn propose(
        &mut self,
        now: Now,
        from: ShardId,
        proposed: Vec<ProposedIsr>,
        broker_id: BrokerId,
    ) {
        let broker_epoch = self.node.broker_epoch().unwrap_or(-1);
        let request = ControllerRequest::AlterPartition {
            request: alter_partition_request(broker_id, broker_epoch, &proposed),
            version: proposing::VERSION,
        };
        self.next_token += 1;
        let token = RequestToken(self.next_token);
        self.proposers.insert(token, (from, proposed));
        self.node.on_request(now, token, &request);
    }

    /// Every shard has its partitions.
    pub fn on_serving(&mut self, now: Now) {
        self.node.on_serving(now);
    }

    /// The broker wants to stop.
    pub fn stop(&mut self, now: Now) {
        self.node.stop(now);
    }

    /// When the node has something to do.
    pub fn next_deadline(&self) -> Instant {
        self.node.next_deadline()
    }
}

impl Shard {
    /// Note what a request changes of the log levels. The controller, which writes no record of
    /// it, answers.
    pub(super) fn note_log_levels(&mut self, request: &ControllerRequest) {
        let ControllerRequest::IncrementalAlterConfigs(request) = request else {
            return;
        };
        let controller = self.controller.as_mut().expect("the request is its own");
        let node_id = self.settings.config.node_id;
        controller
            .level_changes
            .extend(log_level_changes(node_id, request));
    }

    /// Tell every shard, and the process, of log levels that have changed: before the answers
    /// leave, so that a client that was answered is told the new ones.
    pub(super) fn spread_log_levels(&mut self, effects: &mut Effects) {
        let Some(controller) = &mut self.controller else {
            return;
        };
        if controller.level_changes.is_empty() {
            return;
        }
        let mut levels = LogLevels::clone(self.configs.log_levels());
        for change in controller.level_changes.drain(..) {
            levels.change(change);
        }
        effects.push(Effect::FilterLog(levels.to_filter()));
        let levels = Arc::new(levels);
        for shard in 1..self.settings.shards_count {
            let message = Message::LogLevels(Arc::clone(&levels));
            effects.post(crate::model::ShardId(shard), message);
        }
        self.configs.set_log_levels(levels);
    }

    /// On shard 0: a replica lies in `directory` now, unless that is offline.
    pub(super) fn assign_directory(
        &mut self,
        now: Now,
        from: ShardId,
        partition: TopicIdPartition,
        directory: DirectoryIndex,
        effects: &mut Effects,
    ) {
        if self.is_offline(directory) {
            let message = Message::AssignmentRefused {
                partition,
                directory,
                error: ErrorCode::KafkaStorageError,
            };
            return effects.post(from, message);
        }
        let node_id = self.settings.config.node_id;
        let controller = self.controller.as_mut();
        let controller = controller.expect("shard 0 is told where replicas lie");
        controller.assign(now, (from, partition, directory), node_id);
    }

    /// On shard 0: leaders want other in-sync sets.
    pub(super) fn on_isr_proposed(&mut self, now: Now, from: ShardId, proposed: Vec<ProposedIsr>) {
        let node_id = self.settings.config.node_id;
        let controller = self.controller.as_mut();
        let controller = controller.expect("shard 0 asks the controller");
        controller.propose(now, from, proposed, node_id);
    }

    /// Send the node's writes on their way and act on what it has to tell. True if there was
    /// something.
    pub(super) fn advance_controller(&mut self, now: Now, effects: &mut Effects) -> bool {
        let Some(controller) = &mut self.controller else {
            return false;
        };
        controller.node.flush(now, &mut effects.storage);
        for took in controller.node.take_election_times() {
            let metrics = &mut self.meter.metrics;
            metrics.record(MetricId::QuorumElectionSeconds, took);
        }
        self.ask_for_node(now);
        let mut has_events = false;
        while let Some(event) = self
            .controller
            .as_mut()
            .and_then(|host| host.node.next_event())
        {
            has_events = true;
            self.on_controller_event(now, event, effects);
        }
        has_events
    }

    /// Ask other nodes what the metadata node wants to know.
    fn ask_for_node(&mut self, now: Now) {
        while let Some(Outgoing {
            id,
            to: address,
            request,
            timeout,
        }) = self
            .controller
            .as_mut()
            .and_then(|host| host.node.next_outgoing(now))
        {
            let lane = match id {
                OutgoingId::Quorum(_) => Lane::Quorum,
                OutgoingId::Lifecycle => Lane::Heartbeat,
                OutgoingId::Forwarded(_) => Lane::Controller,
            };
            let to = PeerId { address, lane };
            self.ask_peer(now, PeerAsker::Metadata(id), to, request, timeout);
        }
        while let Some(probe) = self
            .controller
            .as_mut()
            .and_then(|host| host.node.next_probe(now))
        {
            self.probe(probe);
        }
    }

    /// On shard 0: a connection with heartbeats of a broker has ended.
    pub(super) fn on_heartbeats_ended(&mut self, now: Now, broker: BrokerId, epoch: i64) {
        let controller = self.controller.as_mut();
        let controller = controller.expect("shard 0 is told of brokers");
        controller.node.on_heartbeats_ended(now, broker, epoch);
    }

    /// Whether somebody listens where the metadata node had it looked.
    pub(super) fn on_probed(&mut self, now: Now, id: ProbeId, outcome: ProbeOutcome) {
        let controller = self.controller.as_mut();
        let controller = controller.expect("shard 0 looks for brokers");
        controller.node.on_probed(now, id, outcome);
    }

    /// Another node has answered the metadata node, or did not.
    pub(super) fn on_node_outcome(
        &mut self,
        now: Now,
        id: OutgoingId,
        outcome: Result<AnyResponse, AskFailure>,
        effects: &mut Effects,
    ) {
        let controller = self.controller.as_mut();
        let controller = controller.expect("shard 0 asks for the metadata");
        let outbox = &mut effects.storage;
        if let Err(AskFailure::Refused(DialFailure::Refused { .. })) = outcome {
            return controller.node.on_refused(now, id, outbox);
        }
        controller.node.on_outcome(now, id, outcome.ok(), outbox);
    }

    fn on_controller_event(&mut self, now: Now, event: MetadataEvent, effects: &mut Effects) {
        match event {
            MetadataEvent::DirectoriesOpened { directories, .. } => {
                let controller = self.controller.as_mut().expect("the event came from it");
                controller.directories = Arc::from(directories);
            }
            MetadataEvent::Published {
                image,
                delta,
                decided_at,
            } => {
                let controller = self.controller.as_ref().expect("the event came from it");
                let directories = Arc::clone(&controller.directories);
                let update = MetadataUpdate {
                    image,
                    delta,
                    directories,
                };
                for shard in 1..self.settings.shards_count {
                    let message = Message::MetadataPublished(update.clone());
                    effects.post(crate::model::ShardId(shard), message);
                }
                let elections_before = self.meter.metrics.number(MetricId::LeaderElections);
                self.on_metadata(now, &update, effects);
                if let Some(decided_at) = decided_at {
                    let took = now.instant.saturating_since(decided_at);
                    let metrics = &mut self.meter.metrics;
                    metrics.record(MetricId::QuorumCommitSeconds, took);
                    if metrics.number(MetricId::LeaderElections) > elections_before {
                        metrics.record(MetricId::LeaderElectionSeconds, took);
                    }
                }
            }
            MetadataEvent::Answer { token, response } => {
                let controller = self.controller.as_mut().expect("the event came from it");
                if let Some((shard, proposed)) = controller.proposers.remove(&token) {
                    let decided = decided_by(proposed, &response);
                    return effects.post(shard, Message::IsrDecided(decided));
                }
                if let Some(assigner) = controller.assigners.remove(&token) {
                    return answer_assigner(assigner, &response, effects);
                }
                let asker = controller
                    .askers
                    .remove(&token)
                    .expect("a request is answered once");
                self.reply(asker, Reply::Controller(Box::new(response)));
            }
            MetadataEvent::QuorumAnswer { token, response } => {
                let controller = self.controller.as_mut().expect("the event came from it");
                let asker = controller.quorum_askers.remove(&token);
                let asker = asker.expect("a request is answered once");
                self.reply(asker, Reply::Quorum(Some(response)));
            }
            MetadataEvent::Halt(HaltCause::UnusableData(reason)) => {
                effects.push(Effect::Halt(HaltReason::UnusableData(reason)));
            }
            MetadataEvent::Halt(HaltCause::StorageFailed(reason)) => {
                effects.push(Effect::Halt(HaltReason::StorageFailed(reason)));
            }
            MetadataEvent::Unfenced => {
                let controller = self.controller.as_mut().expect("the event came from it");
                if !std::mem::replace(&mut controller.was_unfenced, true) {
                    effects.push(Effect::Ready);
                }
            }
            MetadataEvent::MayStop => self.broadcast(effects, || Message::Stop),
            MetadataEvent::Closed => Self::stopped(effects),
        }
    }

    /// Everything else is on the disk: close the metadata log, the last thing before the end.
    pub(super) fn close_controller(&mut self, now: Now, unclean: BTreeSet<DirectoryIndex>) {
        let controller = self
            .controller
            .as_mut()
            .expect("shard 0 writes the last files");
        controller.node.leave_unmarked(unclean);
        controller.node.close(now);
    }
}

/// The connection of `peer` has ended: tell shard 0 if a broker told on it that it lives. What this
/// node has closed itself says nothing of the broker.
pub(super) fn tell_of_heartbeats(peer: &Peer, reason: DisconnectReason, effects: &mut Effects) {
    if let Some((broker, epoch)) = peer.heartbeats
        && reason != DisconnectReason::ByShard
    {
        effects.post(ShardId(0), Message::HeartbeatsEnded { broker, epoch });
    }
}

/// Tell a shard that the controller did not note what it told; that it did, the image has told.
fn answer_assigner(
    (shard, partition, directory): (ShardId, TopicIdPartition, DirectoryIndex),
    response: &ControllerResponse,
    effects: &mut Effects,
) {
    let error = match response {
        ControllerResponse::AssignReplicasToDirs(response) => {
            let directories = response.directories.iter();
            let partitions = directories.flat_map(|one| one.topics.iter());
            let partitions = partitions.flat_map(|topic| topic.partitions.iter());
            let codes = partitions.map(|partition| partition.error_code);
            let mut codes = std::iter::once(response.error_code).chain(codes);
            let code = codes.find(|code| *code != ErrorCode::None.code());
            code.map(|code| ErrorCode::from_code(code).unwrap_or(ErrorCode::UnknownServerError))
        }
        ControllerResponse::Unavailable(error) => Some(*error),
        response => unreachable!("{response:?} is no answer to where a replica lies"),
    };
    if let Some(error) = error {
        let message = Message::AssignmentRefused {
            partition,
            directory,
            error,
        };
        effects.post(shard, message);
    }
}
