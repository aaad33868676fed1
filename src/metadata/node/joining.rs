//! The node as a broker of a cluster that another node may control: it registers with the
//! controller and lives by what it is told, and asks it for what clients want changed.
//!
//! Where this node leads the quorum, the same is decided here, without a connection: nothing that
//! could fail lies between the two halves of a node, and its broker is let in and fenced by the
//! rules for all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::log::storage::StorageOutbox;
use crate::model::{BrokerId, NodeAddress, Offset, PartitionIndex, Uuid};
use crate::protocol::messages::AssignReplicasToDirsRequest;
use crate::protocol::messages::assign_replicas_to_dirs_request::{
    DirectoryData, PartitionData, TopicData,
};
use crate::protocol::{AnyRequest, AnyResponse};
use crate::quorum::{Quorum, QuorumRequest, QuorumResponse, QuorumToken};
use crate::stdx::{Instant, Now, duration_of_ms};

use super::super::features::supported_features;
use super::super::image::{MetadataImage, is_directory_chosen};
use super::super::lifecycle::{BrokerIdentity, Lifecycle, LifecycleEvent, LifecycleTimes};
use super::forwarding::{Answered, Forwarding};
use super::registering::Registering;
use super::told_places::ToldPlaces;
use super::{
    ControllerRequest, HaltCause, MetadataDelta, MetadataEvent, MetadataNode, Phase, RequestToken,
    Source,
};

/// How long the image may take to tell of what the controller has noted, before it is told again.
const PLACE_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The version of `BrokerRegistration` that says all that this broker knows of itself.
const REGISTRATION_VERSION: i16 = 4;

/// The version of `DescribeQuorum` that tells all there is; the client's decides what it is sent.
const DESCRIPTION_VERSION: i16 = 2;

/// Tokens from here on are of what the broker of this node asks its quorum.
const OWN_TOKENS: u64 = 1 << 63;

/// The most replicas whose directories are told in one request, as in Apache Kafka.
const ASSIGNMENTS_MAX: usize = 2_250;

/// A request to another node.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Names it.
    pub id: OutgoingId,
    /// Whom it is for.
    pub to: NodeAddress,
    /// What is asked.
    pub request: AnyRequest,
    /// How long an answer is waited for.
    pub timeout: Duration,
}

/// What a request to another node is for. Requests of one kind wait for each other, and for no
/// others: a fetch of the metadata log that waits for records must not hold up a heartbeat.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum OutgoingId {
    /// The metadata log, and who leads it.
    Quorum(u64),
    /// The broker's registration, and that it lives.
    Lifecycle,
    /// What somebody here wants of the controller.
    Forwarded(u64),
}

/// The broker in a cluster that another node may control.
#[derive(Debug, Default)]
pub(super) struct Joining {
    pub(super) lifecycle: Option<Lifecycle>,
    pub(super) forwarding: Forwarding,
    controller: Option<(BrokerId, NodeAddress)>,
    /// The replicas of this broker for which nobody has chosen a directory.
    unplaced: BTreeSet<(Uuid, PartitionIndex)>,
    /// Those whose directories the controller is being told.
    placing: Vec<(Uuid, PartitionIndex)>,
    /// When it is told of others.
    place_at: Instant,
    /// Where it was told that they lie.
    told: ToldPlaces,
    /// What this node tells of itself as a controller.
    pub(super) registering: Registering,
}

impl Joining {
    /// The controller, and where it is reached.
    pub(super) fn on_controller_changed(
        &mut self,
        now: Instant,
        controller: Option<(BrokerId, NodeAddress)>,
    ) {
        if controller.is_some() && controller != self.controller {
            self.registering.begin_anew(now);
            if let Some(lifecycle) = &mut self.lifecycle {
                lifecycle.on_controller_known(now);
            }
        }
        self.controller = controller;
    }

    /// True if another node than `own` is the controller, and it is known where.
    pub(super) fn is_led_by_another(&self, own: BrokerId) -> bool {
        self.other_controller(own).is_some()
    }

    /// Where the controller is reached, unless it is the node `own`.
    fn other_controller(&self, own: BrokerId) -> Option<&NodeAddress> {
        let controller = self.controller.as_ref();
        let (_, address) = controller.filter(|(id, _)| *id != own)?;
        Some(address)
    }

    /// True if images are given out.
    pub(super) fn is_let_in(&self) -> bool {
        let lifecycle = self.lifecycle.as_ref();
        lifecycle.is_none_or(Lifecycle::has_caught_up)
    }

    /// True if the image that ends at this offset may be given out. Before a broker has seen its
    /// own registration it is told of a past that others have gone on from.
    pub(super) fn may_show(&mut self, now: Instant, end_offset: Offset) -> bool {
        self.lifecycle.as_mut().is_none_or(|lifecycle| {
            if !lifecycle.has_caught_up() {
                lifecycle.on_metadata(now, end_offset - 1);
            }
            lifecycle.has_caught_up()
        })
    }

    /// When something has to be asked, or is given up, on the node `own`, which may be the
    /// controller and may know the features of the cluster.
    pub(super) fn next_deadline(
        &self,
        own: BrokerId,
        (is_controller, knows_features): (bool, bool),
    ) -> Instant {
        let is_known = is_controller || self.other_controller(own).is_some();
        let lifecycle = self.lifecycle.as_ref();
        let can_tell = is_known && knows_features;
        let lifecycle = lifecycle.map_or(Instant::MAX, |one| one.next_deadline(can_tell));
        let placing = match self.placing.is_empty() && !self.unplaced.is_empty() {
            true => self.place_at,
            false => Instant::MAX,
        };
        let forwarding = self.forwarding.next_deadline(is_known);
        lifecycle.min(forwarding).min(placing)
    }
}

impl MetadataNode {
    /// What is there of the metadata is read: the broker begins to register.
    pub(super) fn join(&mut self, now: Now) {
        let Some(directories) = &self.directories else {
            return;
        };
        let config = &self.settings.config;
        let identity = BrokerIdentity {
            id: config.node_id,
            cluster_id: Arc::clone(&directories.cluster_id),
            incarnation_id: self.controller.draw_id(),
            endpoints: self.settings.broker_endpoints(),
            features: supported_features(),
            rack: config.broker_rack.clone(),
            directories: directories.online(),
            previous_epoch: directories.clean_epoch,
        };
        let times = LifecycleTimes {
            heartbeat: duration_of_ms(config.broker_heartbeat_interval_ms),
            session: duration_of_ms(config.broker_session_timeout_ms),
            registration: duration_of_ms(config.initial_broker_registration_timeout_ms),
        };
        self.joining.lifecycle = Some(Lifecycle::new(now.instant, identity, times));
    }

    /// The next request to another node; [`MetadataNode::on_outcome`] follows each.
    pub fn next_outgoing(&mut self, now: Now) -> Option<Outgoing> {
        if let Some(asked) = self
            .quorum
            .as_mut()
            .and_then(|quorum| quorum.next_outgoing())
        {
            return Some(Outgoing {
                id: OutgoingId::Quorum(asked.id),
                to: asked.to,
                request: asked.request,
                timeout: asked.timeout,
            });
        }
        let config = &self.settings.config;
        let joining = &mut self.joining;
        let to = joining.other_controller(config.node_id)?.clone();
        // One that is refused for the cluster's features is to say which of them it lacks.
        let knows_features = self.working.image.metadata_version().is_some();
        let lifecycle = joining.lifecycle.as_mut().filter(|_| knows_features);
        if let Some(request) = lifecycle.and_then(|one| one.next_request(now.instant)) {
            return Some(Outgoing {
                id: OutgoingId::Lifecycle,
                to,
                request,
                // A heartbeat that is answered later is none.
                timeout: duration_of_ms(config.broker_session_timeout_ms) / 2,
            });
        }
        let config = &self.broker_config;
        let (id, request) = joining.forwarding.next_request(now.instant, config)?;
        Some(Outgoing {
            id: OutgoingId::Forwarded(id),
            to,
            request,
            timeout: duration_of_ms(self.settings.config.controller_socket_timeout_ms),
        })
    }

    /// This node is the controller: what its broker, and the clients of that, ask of it.
    pub(super) fn ask_self(&mut self, now: Now) {
        let lifecycle = self.joining.lifecycle.as_mut();
        let request = lifecycle.and_then(|one| one.next_request(now.instant));
        let request = match request {
            Some(AnyRequest::BrokerRegistration(request)) => {
                let version = REGISTRATION_VERSION;
                Some(ControllerRequest::RegisterBroker { request, version })
            }
            Some(AnyRequest::BrokerHeartbeat(request)) => {
                Some(ControllerRequest::BrokerHeartbeat(request))
            }
            _ => None,
        };
        if let Some(request) = request {
            self.decide_on(now, Source::Lifecycle, &request);
        }
        let forwarding = &mut self.joining.forwarding;
        while let (Some(quorum), Some((id, call))) =
            (&mut self.quorum, forwarding.next_of_quorum(now.instant))
        {
            let request = QuorumRequest {
                call,
                version: DESCRIPTION_VERSION,
                listener: String::new(),
                received_at: now.instant,
            };
            quorum.on_request(now, QuorumToken(OWN_TOKENS | id), &request);
        }
        while let Some((token, request)) = self.joining.forwarding.take_back() {
            self.decide_on(now, Source::Broker(token), &request);
        }
    }

    /// A request to another node is answered, or was not: it could not be sent, or nobody answered
    /// in time.
    pub fn on_outcome(
        &mut self,
        now: Now,
        id: OutgoingId,
        response: Option<AnyResponse>,
        outbox: &mut StorageOutbox,
    ) {
        match id {
            OutgoingId::Quorum(id) => self.on_quorum_outcome(now, id, response, outbox),
            OutgoingId::Lifecycle => {
                if let Some(lifecycle) = &mut self.joining.lifecycle {
                    lifecycle.on_answer(now.instant, response.as_ref());
                }
            }
            OutgoingId::Forwarded(id) => {
                let answered = self.joining.forwarding.on_answer(now.instant, id, response);
                if let Some(answered) = answered {
                    self.on_forwarded(now, answered);
                }
            }
        }
    }

    /// The quorum has answered: whoever asked it is told.
    pub(super) fn on_quorum_answer(
        &mut self,
        now: Now,
        token: QuorumToken,
        response: Box<QuorumResponse>,
    ) {
        if token.0 < OWN_TOKENS {
            let answer = MetadataEvent::QuorumAnswer { token, response };
            return self.events.push_back(answer);
        }
        let forwarding = &mut self.joining.forwarding;
        let id = token.0 & !OWN_TOKENS;
        if let Some(answered) = forwarding.on_answer(now.instant, id, Some(*response)) {
            self.on_forwarded(now, answered);
        }
    }

    /// The same as no answer, where it is known why: nobody listens at the node's addresses.
    pub fn on_refused(&mut self, now: Now, id: OutgoingId, outbox: &mut StorageOutbox) {
        match id {
            OutgoingId::Quorum(id) => self.on_quorum_refused(now, id, outbox),
            other => self.on_outcome(now, other, None, outbox),
        }
    }

    /// The controller has answered what this broker asked.
    pub(super) fn on_forwarded(&mut self, now: Now, (token, response): Answered) {
        if token == RequestToken::OWN_CONTROLLER {
            return self.on_registered_as_controller(now, &response);
        }
        if token == RequestToken::OWN {
            // What was noted the image will tell; the rest is told again.
            let placing = std::mem::take(&mut self.joining.placing);
            self.joining.unplaced.extend(placing);
            self.joining.place_at = now.instant + PLACE_AGAIN_AFTER;
            return;
        }
        self.events
            .push_back(MetadataEvent::Answer { token, response });
    }

    /// Every partition of this broker is open.
    pub fn on_serving(&mut self, now: Now) {
        if let Some(lifecycle) = &mut self.joining.lifecycle {
            lifecycle.on_ready(now.instant);
        }
    }

    /// The broker wants to stop: [`MetadataEvent::MayStop`] follows, at once where nobody has to be
    /// asked.
    pub fn stop(&mut self, now: Now) {
        match &mut self.joining.lifecycle {
            Some(lifecycle) => lifecycle.stop(now.instant),
            None => self.events.push_back(MetadataEvent::MayStop),
        }
    }

    /// Act on what became of the broker; true if there was anything.
    pub(super) fn advance_joining(&mut self, now: Now) -> bool {
        let mut has_news = false;
        if let Some(lifecycle) = &mut self.joining.lifecycle {
            lifecycle.give_up(now.instant);
        }
        while let Some(event) = self
            .joining
            .lifecycle
            .as_mut()
            .and_then(Lifecycle::next_event)
        {
            has_news = true;
            match event {
                LifecycleEvent::Registered { epoch } => {
                    tracing::info!("registered with the controller, in epoch {epoch}");
                }
                LifecycleEvent::CaughtUp => {
                    self.publish_followed(now);
                    self.prepare_publication(now.instant);
                }
                LifecycleEvent::Unfenced => self.events.push_back(MetadataEvent::Unfenced),
                LifecycleEvent::Fenced => {
                    tracing::warn!("the controller has fenced this broker");
                }
                LifecycleEvent::MayStop => self.events.push_back(MetadataEvent::MayStop),
                LifecycleEvent::Refused(reason) => {
                    let complaint = self.quorum.as_ref().and_then(Quorum::complaint);
                    let complaint = complaint.map(|why| format!(" (when last asked: {why})"));
                    let features = self.unknown_features();
                    let reason = format!("{reason}{features}{}", complaint.unwrap_or_default());
                    self.halt(HaltCause::UnusableData(reason));
                }
            }
        }
        while let Some(given_up) = self.joining.forwarding.expire(now.instant) {
            self.on_forwarded(now, given_up);
        }
        if matches!(self.phase, Phase::Following | Phase::Active) {
            self.place_replicas(now);
        }
        self.register_as_controller(now);
        has_news
    }

    /// The features of the cluster that this node does not have, for a person.
    fn unknown_features(&self) -> String {
        let own = supported_features();
        let can = |name: &str, level: i16| {
            let mut own = own.iter();
            own.any(|one| one.name == name && (one.min_level..=one.max_level).contains(&level))
        };
        let features = self.working.image.features.iter();
        let unknown = features.filter(|(name, level)| **level > 0 && !can(name, **level));
        let unknown: Vec<String> = unknown
            .map(|(name, level)| format!("{name}={level}"))
            .collect();
        match unknown.is_empty() {
            true => String::new(),
            false => format!(
                ": of the cluster's features it lacks {}",
                unknown.join(", ")
            ),
        }
    }

    /// An image is given out: the broker works by it.
    pub(super) fn on_shown(&mut self, now: Now, image: &MetadataImage, delta: &MetadataDelta) {
        let own = self.settings.config.node_id;
        let cordoned = image.has_cordoned_directories().then(|| self.cordoned());
        let Some(lifecycle) = &mut self.joining.lifecycle else {
            return;
        };
        lifecycle.on_metadata(now.instant, image.end_offset - 1);
        lifecycle.on_cordoned(now.instant, cordoned);
        for (topic_id, index) in &delta.partitions_changed {
            let replica = (*topic_id, *index);
            match is_unplaced(image, own, replica) {
                true => self.joining.unplaced.insert(replica),
                false => self.joining.unplaced.remove(&replica),
            };
        }
    }

    /// Choose directories for the replicas that have none, and tell the controller. The replicas
    /// are made when the image says where.
    fn place_replicas(&mut self, now: Now) {
        let lifecycle = self.joining.lifecycle.as_ref();
        let Some(broker_epoch) = lifecycle.and_then(Lifecycle::epoch) else {
            return;
        };
        let joining = &mut self.joining;
        let is_due = joining.placing.is_empty() && joining.place_at <= now.instant;
        if !is_due || joining.unplaced.is_empty() {
            return;
        }
        let (Some(image), Some(directories)) = (&self.published, &self.directories) else {
            return;
        };
        let unplaced = std::mem::take(&mut joining.unplaced);
        let own = self.settings.config.node_id;
        let unplaced = unplaced.into_iter();
        let unplaced = unplaced.filter(|replica| is_unplaced(image, own, *replica));
        let mut unplaced: Vec<(Uuid, PartitionIndex)> = unplaced.collect();
        let rest = unplaced.split_off(unplaced.len().min(ASSIGNMENTS_MAX));
        joining.unplaced.extend(rest);
        let online = directories.online();
        let told = &mut joining.told;
        told.retain(|(topic_id, index), directory| {
            image.partition(topic_id, index).is_some() && online.contains(&directory)
        });
        let controller = &mut self.controller;
        let placed = told.places_of(&unplaced, |count| {
            controller.choose_directories(image, &online, count)
        });
        if placed.is_empty() {
            return;
        }
        let request = assignment_request((own, broker_epoch), placed);
        joining.placing = unplaced;
        let request = ControllerRequest::AssignReplicasToDirs(request);
        let forwarding = &mut joining.forwarding;
        forwarding.ask(now.instant, RequestToken::OWN, request);
    }
}

/// True if nobody has chosen a directory for this replica of the broker `own`.
fn is_unplaced(
    image: &MetadataImage,
    own: BrokerId,
    (topic_id, index): (Uuid, PartitionIndex),
) -> bool {
    let registration = image.partition(topic_id, index);
    let directory = registration.and_then(|one| one.directory_of(own));
    directory.is_some_and(|directory| !is_directory_chosen(directory))
}

/// The request by which a broker, in this registration, tells in which directories its replicas
/// lie.
pub(crate) fn assignment_request(
    (broker_id, broker_epoch): (BrokerId, i64),
    placed: impl IntoIterator<Item = ((Uuid, PartitionIndex), Uuid)>,
) -> AssignReplicasToDirsRequest {
    let mut by_directory = BTreeMap::<Uuid, BTreeMap<Uuid, Vec<PartitionData>>>::new();
    for ((topic_id, partition_index), directory) in placed {
        let topics = by_directory.entry(directory).or_default();
        topics.entry(topic_id).or_default().push(PartitionData {
            partition_index,
            ..Default::default()
        });
    }
    let topic_of = |(topic_id, partitions)| TopicData {
        topic_id,
        partitions,
        ..Default::default()
    };
    let directories = by_directory.into_iter();
    let directories = directories.map(|(id, topics)| DirectoryData {
        id,
        topics: topics.into_iter().map(topic_of).collect(),
        ..Default::default()
    });
    AssignReplicasToDirsRequest {
        broker_id,
        broker_epoch,
        directories: directories.collect(),
        ..Default::default()
    }
}
