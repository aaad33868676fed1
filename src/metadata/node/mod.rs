//! The metadata of one node: its directories, the quorum, the image, the controller, as one thing.

mod answering;
mod asked;
mod cordoning;
mod directories;
mod following;
mod founding;
mod forwarding;
mod joining;
mod looking;
mod properties;
mod refusing;
mod registering;
mod requests;
mod settings;
mod snapshots;
mod state;
mod takeover;
mod taking_back;
mod told_places;
mod upgrading;

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::config::{BrokerConfig, BrokerSettings};
use crate::log::storage::{
    DirectoryIndex, StorageFailure, StorageOutbox, StorageRequest, StorageResult, Ticket,
};
use crate::model::{LeaderEpoch, Offset, Uuid};
use crate::protocol::messages::MetadataRecord;
use crate::quorum::{
    BatchTooLarge, Quorum, QuorumEvent, QuorumFailure, QuorumRequest, QuorumResponse, QuorumToken,
    SnapshotId, encode_snapshot,
};
use crate::stdx::{Instant, Now};

use super::controller::{Controller, NodeIdentity, OwnBroker, View};
use super::delta::MetadataDelta;
use super::image::MetadataImage;
use super::record::{check_metadata_version, encode_record};
use answering::{Source, WaitingAnswer};
use directories::{Directories, Inspection};
use joining::Joining;
use snapshots::SnapshotSchedule;
use state::Publication;

pub use asked::{ControllerRequest, ControllerResponse};
pub(crate) use directories::{
    BOOTSTRAP, CLEAN_MARK, FormatPlan, decode_bootstrap, encode_bootstrap, encode_clean_mark,
    plan_format, plan_format_with,
};
pub(crate) use founding::Founding;
pub(crate) use joining::assignment_request;
pub use joining::{Outgoing, OutgoingId};
pub(crate) use properties::{FILE_NAME as META_PROPERTIES, MetaProperties};
pub use settings::{MetadataLogSettings, NodeSettings, membership_of};
pub(crate) use state::WorkingImage;
pub(crate) use takeover::{FILE_NAME as TAKEOVER, Takeover};

/// Records of one batch, where more of them need not be committed together.
const RECORDS_PER_BATCH: usize = 10_000;

/// Names a request for the one who made it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RequestToken(pub u64);

impl RequestToken {
    /// What the node's broker asks the controller for itself.
    const OWN: Self = Self(0);

    /// What the node, as a controller that stands by, asks the one that leads.
    const OWN_CONTROLLER: Self = Self(u64::MAX);
}

/// A log directory that is part of the cluster.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OpenDirectory {
    /// Its id.
    pub id: Uuid,
    /// True if the logs in it were closed cleanly.
    pub is_clean: bool,
    /// True if it is given up until the next start, since its disk fails.
    pub is_offline: bool,
}

/// Why the node must stop.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HaltCause {
    /// The data cannot be used as it is; the text says what was found, where, and what to do.
    UnusableData(String),
    /// The disk failed under the metadata.
    StorageFailed(String),
}

/// Something that happened, for the shard to act upon.
#[derive(Clone, Debug)]
pub enum MetadataEvent {
    /// The log directories belong to this node; in the order of the settings. Comes first, once.
    DirectoriesOpened {
        cluster_id: Arc<str>,
        directories: Vec<OpenDirectory>,
    },
    /// A new image. The first one tells that the node is registered and leads its partitions.
    Published {
        image: Arc<MetadataImage>,
        delta: Arc<MetadataDelta>,
        /// When it was decided upon, if that was here.
        decided_at: Option<Instant>,
    },
    /// The answer to a request; the image that holds what it says was published before.
    Answer {
        token: RequestToken,
        response: ControllerResponse,
    },
    /// The quorum's answer to a request.
    QuorumAnswer {
        token: QuorumToken,
        response: Box<QuorumResponse>,
    },
    /// The controller has lifted the fence of this broker: clients are told of it. Only of a broker
    /// that joins, as another node may control it.
    Unfenced,
    /// The broker leads nothing any more, or nobody can be asked: it may stop.
    MayStop,
    /// Nothing more can be done.
    Halt(HaltCause),
    /// All files are as a clean stop leaves them.
    Closed,
}

#[derive(Debug)]
enum Phase {
    New,
    Inspecting(Inspection),
    /// Doing what new directories need, one step after the other, with what comes later.
    Preparing(VecDeque<StorageRequest>, VecDeque<StorageRequest>),
    /// The quorum reads what it has, with what is to be done before it goes on.
    Loading(VecDeque<StorageRequest>),
    /// Doing that, one step after the other.
    Claiming(VecDeque<StorageRequest>),
    /// Another node leads the quorum, or nobody yet: what is committed is taken in and shown.
    Following,
    /// The controller works.
    Active,
    /// The quorum closes its files.
    Closing,
    /// The directories are marked as clean, one after the other.
    Marking(VecDeque<StorageRequest>),
    Closed,
    Failed,
}

/// The metadata of one node. It lives on shard 0.
///
/// Call [`MetadataNode::flush`] at the end of every turn in which anything else was called, and
/// [`MetadataNode::next_event`] until nothing comes.
#[derive(Debug)]
pub struct MetadataNode {
    settings: NodeSettings,
    phase: Phase,
    next_sequence: u64,
    directories: Option<Directories>,
    quorum: Option<Quorum>,
    controller: Controller,
    working: WorkingImage,
    broker_settings: BrokerSettings,
    broker_config: BrokerConfig,
    published: Option<Arc<MetadataImage>>,
    /// What was decided and is to be published once it is committed, and when it was.
    publications: VecDeque<(Instant, Publication)>,
    answers: VecDeque<WaitingAnswer>,
    committed: Offset,
    /// While following: the image has records that were not shown.
    has_news: bool,
    /// The state as it was committed when this node was elected, until a later one is shown.
    settled: Option<WorkingImage>,
    joining: Joining,
    snapshots: SnapshotSchedule,
    events: VecDeque<MetadataEvent>,
    /// The directories that are not to be marked as clean.
    unclean: BTreeSet<DirectoryIndex>,
}

impl MetadataNode {
    /// The metadata of the node in `settings`; it does nothing before [`MetadataNode::start`].
    #[must_use]
    pub fn new(mut settings: NodeSettings) -> Self {
        let node_id = settings.config.node_id;
        let random = settings.random.fork();
        Self {
            controller: Controller::new(node_id, random),
            broker_settings: settings.settings.clone(),
            broker_config: settings.config.clone(),
            settings,
            phase: Phase::New,
            next_sequence: 0,
            directories: None,
            quorum: None,
            working: WorkingImage::default(),
            published: None,
            publications: VecDeque::new(),
            answers: VecDeque::new(),
            committed: 0,
            has_news: false,
            settled: None,
            joining: Joining::default(),
            snapshots: SnapshotSchedule::default(),
            events: VecDeque::new(),
            unclean: BTreeSet::new(),
        }
    }

    /// Begin: look at the log directories, format them if they are new, read the metadata, lead.
    pub fn start(&mut self, _now: Now, outbox: &mut StorageOutbox) {
        let mut inspection = Inspection::new(&self.settings);
        for request in inspection.requests() {
            let sequence = self.submit(outbox, request);
            inspection.on_submitted(sequence);
        }
        self.phase = Phase::Inspecting(inspection);
    }

    /// The oldest event that was not asked for yet.
    pub fn next_event(&mut self) -> Option<MetadataEvent> {
        self.events.pop_front()
    }

    /// When [`MetadataNode::flush`] has to be called at the latest.
    #[must_use]
    pub fn next_deadline(&self) -> Instant {
        let quorum = self
            .quorum
            .as_ref()
            .map_or(Instant::MAX, Quorum::next_deadline);
        let snapshot = match &self.phase {
            Phase::Active | Phase::Following if self.published.is_some() => {
                self.snapshots.next_deadline(&self.settings.log)
            }
            _ => Instant::MAX,
        };
        let controller = match &self.phase {
            Phase::Active => self.controller.next_deadline(),
            _ => Instant::MAX,
        };
        let is_controller = matches!(self.phase, Phase::Active);
        let own = self.settings.config.node_id;
        let knows_features = self.working.image.metadata_version().is_some();
        let standing = (is_controller, knows_features);
        let joining = self.joining.next_deadline(own, standing);
        let registration = self.registration_deadline();
        let own = controller.min(joining).min(registration);
        quorum.min(snapshot).min(own)
    }

    /// The epoch of the registration of this broker, once it has one.
    #[must_use]
    pub fn broker_epoch(&self) -> Option<i64> {
        if let Some(lifecycle) = &self.joining.lifecycle {
            return lifecycle.epoch();
        }
        let brokers = &self.working.image.brokers;
        Some(brokers.get(&self.settings.config.node_id)?.epoch)
    }

    /// The epoch in which this node leads the metadata quorum, if it does.
    #[must_use]
    pub fn led_quorum_epoch(&self) -> Option<LeaderEpoch> {
        let quorum = self.quorum.as_ref()?;
        let own = self.settings.config.node_id;
        (quorum.leader_id() == Some(own)).then(|| quorum.epoch())
    }

    /// The epoch that this node leads the metadata quorum in.
    #[must_use]
    pub fn leader_epoch(&self) -> LeaderEpoch {
        self.quorum.as_ref().map_or(0, Quorum::epoch)
    }

    /// True if this node is the active controller.
    #[must_use]
    pub const fn is_controller(&self) -> bool {
        matches!(self.phase, Phase::Active)
    }

    /// How long the elections of the quorum took that ended since this was asked last.
    pub fn take_election_times(&mut self) -> Vec<Duration> {
        let quorum = self.quorum.as_mut();
        quorum.map_or_else(Vec::new, Quorum::take_election_times)
    }

    /// The quorum, once its files are read.
    #[must_use]
    pub const fn quorum(&self) -> Option<&Quorum> {
        self.quorum.as_ref()
    }

    /// A request to the disk has ended.
    pub fn on_storage(
        &mut self,
        now: Now,
        ticket: Ticket,
        result: StorageResult,
        outbox: &mut StorageOutbox,
    ) {
        let is_of_log = ticket.owner == self.settings.log_owner;
        match (&mut self.phase, &mut self.quorum) {
            (Phase::Failed | Phase::Closed, _) => {}
            (_, Some(quorum)) if is_of_log => {
                quorum.on_log_storage(now, ticket.sequence, result);
            }
            (
                Phase::Loading(_) | Phase::Following | Phase::Active | Phase::Closing,
                Some(quorum),
            ) => {
                quorum.on_file_storage(now, ticket.sequence, result, outbox);
                self.drain_quorum(now, outbox);
            }
            (Phase::Inspecting(inspection), _) => {
                match inspection.on_result(ticket.sequence, result) {
                    Ok(true) => self.prepare(now, outbox),
                    Ok(false) => {}
                    Err(failure) => self.halt_by_storage(&failure),
                }
            }
            (Phase::Preparing(..) | Phase::Claiming(_) | Phase::Marking(_), _) => match result {
                Ok(_) => self.next_step(now, outbox),
                Err(failure) => self.halt_by_storage(&failure),
            },
            _ => {}
        }
    }

    fn next_step(&mut self, now: Now, outbox: &mut StorageOutbox) {
        let (Phase::Preparing(steps, _) | Phase::Claiming(steps) | Phase::Marking(steps)) =
            &mut self.phase
        else {
            return;
        };
        if let Some(request) = steps.pop_front() {
            self.submit(outbox, request);
            return;
        }
        match std::mem::replace(&mut self.phase, Phase::New) {
            Phase::Preparing(_, claims) => self.start_quorum(claims, outbox),
            Phase::Claiming(_) => {
                self.phase = Phase::Following;
                if let Some(quorum) = &mut self.quorum {
                    quorum.begin(now, outbox);
                }
                if self.settings.config.is_broker_that_joins() {
                    self.join(now);
                }
                self.drain_quorum(now, outbox);
            }
            _ => {
                self.phase = Phase::Closed;
                self.events.push_back(MetadataEvent::Closed);
            }
        }
    }

    fn start_quorum(&mut self, claims: VecDeque<StorageRequest>, outbox: &mut StorageOutbox) {
        let directories = self.directories.as_ref().expect("they were looked at");
        self.events.push_back(MetadataEvent::DirectoriesOpened {
            cluster_id: Arc::clone(&directories.cluster_id),
            directories: directories.open.clone(),
        });
        self.working.image.cluster_id = Arc::clone(&directories.cluster_id);
        let metadata = directories.metadata;
        let quorum_settings = self.settings.quorum(
            Arc::clone(&directories.cluster_id),
            metadata.id,
            metadata.is_clean,
        );
        let mut quorum = Quorum::new(quorum_settings, self.settings.random.fork());
        quorum.start(outbox);
        self.quorum = Some(quorum);
        self.phase = Phase::Loading(claims);
    }

    fn drain_quorum(&mut self, now: Now, outbox: &mut StorageOutbox) {
        while let Some(event) = self.quorum.as_mut().and_then(Quorum::next_event) {
            match event {
                QuorumEvent::Snapshot { id, contents } => {
                    let replayed = match self.phase {
                        Phase::Following => {
                            self.has_news = true;
                            let shown = self.published.as_deref();
                            self.working.begin_anew(shown, id, &contents)
                        }
                        _ => self.working.replay_snapshot(id, &contents),
                    };
                    self.check_replayed(replayed);
                    self.void_answers_before(now, id);
                }
                QuorumEvent::Records(block) => {
                    self.void_answers(now, &block);
                    self.snapshots.note_records(now, block.size_bytes);
                    self.has_news = matches!(self.phase, Phase::Following);
                    let replayed = self.working.replay_block(&block);
                    self.check_replayed(replayed);
                }
                QuorumEvent::Loaded => self.claim(now, outbox),
                QuorumEvent::Elected { .. } => {
                    self.settle(now);
                    self.activate(now);
                }
                QuorumEvent::Unseated => self.on_unseated(now),
                QuorumEvent::LeaderChanged { leader, .. } => self.on_leader_changed(now, leader),
                QuorumEvent::Committed { end_offset } => {
                    self.committed = self.committed.max(end_offset);
                    self.publish(now);
                }
                QuorumEvent::Answer { token, response } => {
                    self.on_quorum_answer(now, token, response);
                }
                QuorumEvent::SnapshotWritten { .. } => self.snapshots.on_written(),
                QuorumEvent::SnapshotLacksSpace(failure) => {
                    self.snapshots.on_space_lacking(now, &failure);
                }
                QuorumEvent::Failed(QuorumFailure::Storage(failure)) => {
                    self.halt_by_storage(&failure);
                }
                QuorumEvent::Failed(QuorumFailure::Unusable(reason)) => {
                    let place = self.settings.metadata_directory_name();
                    self.halt(HaltCause::UnusableData(format!("{place}: {reason}")));
                }
                QuorumEvent::Closed => self.mark_clean(now, outbox),
            }
        }
    }

    /// This node leads: it finishes what an earlier leader left, and joins, unless its broker does
    /// that by itself.
    fn activate(&mut self, now: Now) {
        if matches!(self.phase, Phase::Failed) {
            return;
        }
        self.refresh_settings();
        let controller_incarnation = self.controller_incarnation();
        let Some(directories) = &self.directories else {
            return;
        };
        let features = directories.bootstrap_features.clone();
        let own = match (&self.joining.lifecycle, self.settings.config.roles.broker) {
            (Some(lifecycle), _) => OwnBroker::Joins(lifecycle.incarnation_id()),
            (None, true) => OwnBroker::Stays,
            (None, false) => OwnBroker::None,
        };
        let identity = NodeIdentity {
            is_broker: own == OwnBroker::Stays,
            broker_endpoints: self.settings.broker_endpoints(),
            controller_endpoints: self.settings.controller_endpoints(),
            controller_incarnation,
            rack: self.settings.config.broker_rack.clone(),
            directories: directories.online(),
            cordoned: self.cordoned(),
            folders: directories.folders.clone(),
        };
        if let Some(quorum) = &self.quorum {
            self.working.image.kraft_version = quorum.kraft_version();
        }
        self.phase = Phase::Active;
        if self.working.is_in_transaction() {
            self.append_own(now, &[Controller::abort_record()]);
        }
        let begun = match (self.working.image.metadata_version(), features) {
            (Some(_), _) => Ok(()),
            (None, Ok(features)) => {
                let (_, view) = self.deciding();
                let records = Controller::founding_records(view, &features);
                self.append_own(now, &records);
                Ok(())
            }
            (None, Err(reason)) => Err(reason),
        };
        let version = || check_metadata_version(self.working.image.metadata_version());
        if let Err(reason) = begun.and_then(|()| version()) {
            let place = self.settings.metadata_directory_name();
            self.halt(HaltCause::UnusableData(format!("{place}: {reason}")));
            return;
        }
        let next_offset = self.quorum.as_ref().map_or(0, Quorum::next_offset);
        let (controller, view) = self.deciding();
        let records = controller.start_records(view, &identity, next_offset);
        self.append_parts(now, &records);
        let (controller, view) = self.deciding();
        controller.begin(view, now.instant, own);
    }

    /// Who decides, and on what.
    fn deciding(&mut self) -> (&mut Controller, View<'_>) {
        let view = View {
            image: &self.working.image,
            settings: &self.broker_settings,
            config: &self.broker_config,
        };
        (&mut self.controller, view)
    }

    /// Append records that need not be committed together.
    fn append_parts(&mut self, now: Now, records: &[MetadataRecord]) {
        for records in records.chunks(RECORDS_PER_BATCH) {
            self.append_own(now, records);
        }
    }

    /// Append records that no request asked for.
    fn append_own(&mut self, now: Now, records: &[MetadataRecord]) {
        let appended = self.append(now, records);
        assert!(
            appended.is_ok(),
            "{} records of the controller's own fit into a batch: {appended:?}",
            records.len()
        );
    }

    /// Append `records` as one batch and take them in; the offset behind them. Nothing is done
    /// with records that are too large for a batch.
    fn append(&mut self, now: Now, records: &[MetadataRecord]) -> Result<Offset, BatchTooLarge> {
        let (Some(quorum), false) = (&mut self.quorum, records.is_empty()) else {
            return Ok(self.working.image.end_offset);
        };
        // The first records say themselves which version they are of.
        let version = self
            .working
            .image
            .metadata_version()
            .unwrap_or(super::record::METADATA_VERSION_MAX);
        let values: Vec<Bytes> = records
            .iter()
            .map(|record| encode_record(record, version))
            .collect();
        let (end_offset, size_bytes) = quorum.append(now, &values)?;
        self.snapshots.note_records(now, size_bytes);
        let epoch = quorum.epoch();
        self.working
            .replay_own(records, &values, (end_offset, epoch, now.wall_ms));
        Ok(end_offset)
    }

    /// Ask the quorum; false if it does nothing yet, or no more.
    pub fn on_quorum_request(
        &mut self,
        now: Now,
        token: QuorumToken,
        request: &QuorumRequest,
    ) -> bool {
        let is_working = !matches!(
            self.phase,
            Phase::Marking(_) | Phase::Closed | Phase::Failed
        );
        match &mut self.quorum {
            Some(quorum) if is_working => {
                quorum.on_request(now, token, request);
                true
            }
            _ => false,
        }
    }

    /// Obey the settings of brokers that are in the working image.
    fn refresh_settings(&mut self) {
        let (cluster, broker) = self.working.broker_overrides(self.settings.config.node_id);
        self.broker_settings.set_dynamic(cluster, broker);
        if let Ok(config) = self.broker_settings.config() {
            self.broker_config = config;
        }
        let cordoned = self.cordoned();
        self.controller.on_cordoned(cordoned.into_iter().collect());
    }

    /// Send on its way what this turn brought. To be called at the end of every turn.
    pub fn flush(&mut self, now: Now, outbox: &mut StorageOutbox) {
        if matches!(self.phase, Phase::Active) {
            self.ask_self(now);
            self.fence_late(now);
            self.elect_due(now);
            self.prepare_publication(now.instant);
        }
        self.snapshot_if_due(now, outbox);
        if let Some(quorum) = &mut self.quorum {
            quorum.flush(now, outbox);
        }
        self.drain_quorum(now, outbox);
        self.publish_followed(now);
        // Answers without records of their own wait for those before them only. What the broker of
        // this node is told may let images out.
        self.publish(now);
        while self.advance_joining(now) {
            self.publish(now);
        }
    }

    fn show(&mut self, publication: Publication, decided_at: Option<Instant>) {
        let image = Arc::new(publication.image);
        self.published = Some(Arc::clone(&image));
        self.settled = None;
        self.events.push_back(MetadataEvent::Published {
            image,
            delta: Arc::new(publication.delta),
            decided_at,
        });
    }

    fn snapshot_if_due(&mut self, now: Now, outbox: &mut StorageOutbox) {
        let (Phase::Active | Phase::Following, Some(quorum), Some(image)) =
            (&self.phase, &mut self.quorum, &self.published)
        else {
            return;
        };
        if !self.snapshots.is_due(now, &self.settings.log) || quorum.is_writing_snapshot() {
            return;
        }
        let id = SnapshotId {
            end_offset: image.end_offset,
            epoch: image.epoch,
        };
        let file = encode_snapshot(
            id.epoch,
            now.wall_ms,
            image.timestamp_ms,
            quorum.voters_at(id.end_offset),
            image.to_record_values(),
        );
        quorum.write_snapshot(id, file, outbox);
        self.snapshots.on_begun(now);
    }

    /// Stop cleanly: leave the cluster, close all files, and mark the directories, whose other
    /// logs must be closed already. [`MetadataEvent::Closed`] follows.
    pub fn close(&mut self, now: Now) {
        match &self.phase {
            Phase::Active if self.published.is_some() => {
                // What the node says when it leaves is for its successor, not for its shards.
                self.prepare_publication(now.instant);
                let (controller, view) = self.deciding();
                let records = controller.stop_records(view);
                self.append_parts(now, &records);
                if let Some(quorum) = &mut self.quorum {
                    quorum.close(now);
                }
                self.phase = Phase::Closing;
            }
            // Without an image no log was opened: the directories stay as they are.
            Phase::Following if self.published.is_some() => {
                if let Some(quorum) = &mut self.quorum {
                    quorum.close(now);
                }
                self.phase = Phase::Closing;
            }
            Phase::Closing | Phase::Marking(_) | Phase::Closed => {}
            // It never came so far that there is something to close.
            _ => {
                self.phase = Phase::Closed;
                self.events.push_back(MetadataEvent::Closed);
            }
        }
    }

    /// Logs in these directories are not as a clean stop leaves them: [`MetadataNode::close`] does
    /// not mark them.
    pub fn leave_unmarked(&mut self, unclean: BTreeSet<DirectoryIndex>) {
        self.unclean = unclean;
    }

    fn halt_by_storage(&mut self, failure: &StorageFailure) {
        let index = usize::from(failure.path.directory.0);
        let place = self.settings.directory_name(index);
        self.halt(HaltCause::StorageFailed(format!("{place}: {failure}")));
    }

    fn halt(&mut self, cause: HaltCause) {
        if !matches!(self.phase, Phase::Failed) {
            self.phase = Phase::Failed;
            self.events.push_back(MetadataEvent::Halt(cause));
        }
    }

    fn submit(&mut self, outbox: &mut StorageOutbox, request: StorageRequest) -> u64 {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let ticket = Ticket {
            owner: self.settings.files_owner,
            sequence,
        };
        outbox.submit(ticket, request);
        sequence
    }
}
