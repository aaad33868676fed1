//! Brokers that come, tell that they live, and go: `BrokerRegistration`, `BrokerHeartbeat`,
//! `UnregisterBroker`, and what happens to one that is not heard of (KIP-631).

use std::collections::BTreeSet;

use crate::model::{BrokerId, ErrorCode, Offset, Uuid};
use crate::protocol::messages::{
    BrokerHeartbeatRequest, BrokerHeartbeatResponse, BrokerRegistrationRequest,
    BrokerRegistrationResponse, ControllerRegistrationRequest, ControllerRegistrationResponse,
    MetadataRecord, UnregisterBrokerRecord, UnregisterBrokerRequest, UnregisterBrokerResponse,
    broker_registration_request,
};
use crate::stdx::Instant;

use super::super::features::{KRAFT_VERSION, METADATA_VERSION};
use super::super::image::{
    BrokerRegistration, ControllerRegistration, Endpoint, MetadataImage, SupportedFeature,
    is_directory_chosen, register_broker_record, register_controller_record,
};
use super::super::record::METADATA_VERSION_MAX;
use super::registration::{broker_change, cordon_record};
use super::{Controller, Decision, Refusal, View};

/// Since this version a broker says with which epoch it stopped cleanly (KIP-966).
const CLEAN_STOPS_SINCE: i16 = 3;

/// What a broker that sends heartbeats is in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Standing {
    Fenced,
    Unfenced,
    /// It hands over what it leads.
    Stopping,
    /// Nobody needs it any more.
    Stopped,
}

impl Controller {
    /// Decide on the registration of another broker. The records of what its earlier life led come
    /// first, so that they can be committed in parts.
    pub(crate) fn register_broker(
        &mut self,
        view: View<'_>,
        now: Instant,
        (request, version): (&BrokerRegistrationRequest, i16),
        next_offset: Offset,
    ) -> Decision<BrokerRegistrationResponse> {
        match self.registration_of(view, now, (request, version), next_offset) {
            Ok((records, broker_epoch)) => Decision {
                records,
                response: BrokerRegistrationResponse {
                    broker_epoch,
                    ..BrokerRegistrationResponse::default()
                },
            },
            Err(refusal) => {
                let message = refusal.message.as_deref().unwrap_or_default();
                let id = request.broker_id;
                tracing::warn!("broker {id} is not registered: {}: {message}", refusal.code);
                Decision::refused(BrokerRegistrationResponse {
                    error_code: refusal.code.code(),
                    ..BrokerRegistrationResponse::default()
                })
            }
        }
    }

    fn registration_of(
        &self,
        view: View<'_>,
        now: Instant,
        (request, version): (&BrokerRegistrationRequest, i16),
        next_offset: Offset,
    ) -> Result<(Vec<MetadataRecord>, i64), Refusal> {
        let image = view.image;
        let id = request.broker_id;
        if request.cluster_id != *image.cluster_id {
            let text = format!(
                "Expected cluster ID {}, but got cluster ID {}",
                image.cluster_id, request.cluster_id
            );
            return Err(Refusal::new(ErrorCode::InconsistentClusterId, text));
        }
        let known = image.brokers.get(&id);
        let same = known.filter(|known| known.incarnation_id == request.incarnation_id);
        let is_alive = |known: &BrokerRegistration| {
            self.staying == Some(known.id) || self.sessions.is_valid(now, known)
        };
        if same.is_none() && known.is_some_and(|known| is_alive(known)) {
            let text = "Another broker is registered with that broker id. If the broker was \
                        recently restarted this should self-resolve once the heartbeat manager \
                        expires the broker's session.";
            return Err(Refusal::new(ErrorCode::DuplicateBrokerRegistration, text));
        }
        if request.is_migrating_zk_broker {
            let text = "Controller does not support registering ZK brokers.";
            return Err(Refusal::new(ErrorCode::BrokerIdNotRegistered, text));
        }
        check_directories(image, id, &request.log_dirs)?;
        check_features(image, &request.features)?;
        let mut registration = registration(request, next_offset);
        if let Some(same) = same {
            registration.epoch = same.epoch;
            registration.fenced = same.fenced;
            registration.in_controlled_shutdown = same.in_controlled_shutdown;
        }
        let previous = known.map(|known| known.epoch);
        let is_clean =
            version >= CLEAN_STOPS_SINCE && previous == Some(request.previous_broker_epoch);
        let mut records = match same {
            Some(_) => Vec::new(),
            None if image.has_eligible_replicas() && !is_clean => Self::unclean_records(view, id),
            None => Self::removal_records(view, id),
        };
        let metadata_version = image.metadata_version().unwrap_or(METADATA_VERSION_MAX);
        records.push(register_broker_record(&registration, metadata_version));
        Ok((records, registration.epoch))
    }

    /// The records of a registration are in the log, the last of them at this offset.
    pub(crate) fn on_registered(&mut self, broker: BrokerId, epoch: i64, offset: Offset) {
        self.suspicions.forget(broker);
        self.sessions.register(broker, epoch, offset);
    }

    /// Decide on what a broker tells of itself.
    pub(crate) fn broker_heartbeat(
        &mut self,
        view: View<'_>,
        now: Instant,
        request: &BrokerHeartbeatRequest,
    ) -> Decision<BrokerHeartbeatResponse> {
        let id = request.broker_id;
        let registration = view.image.brokers.get(&id);
        let registration = registration.filter(|known| known.epoch == request.broker_epoch);
        let (Some(registration), Some(session)) = (registration, self.sessions.get(id)) else {
            return Decision::refused(BrokerHeartbeatResponse {
                error_code: ErrorCode::StaleBrokerEpoch.code(),
                ..BrokerHeartbeatResponse::default()
            });
        };
        let is_caught_up = request.current_metadata_offset >= session.registered_at;
        let before = match registration {
            _ if self.sessions.is_stopping(id) => Standing::Stopping,
            registration if registration.fenced => Standing::Fenced,
            _ => Standing::Unfenced,
        };
        let after = self.next_standing(view, request, before, is_caught_up);
        let mut records = match after {
            after if after == before => Vec::new(),
            Standing::Fenced | Standing::Stopped => self.fence_records(view, id),
            Standing::Unfenced => Self::unfence_records(view, registration),
            Standing::Stopping => Self::handover_records(view, registration),
        };
        self.suspicions.forget(id);
        self.sessions
            .touch(now, id, request.current_metadata_offset);
        if matches!(after, Standing::Fenced | Standing::Stopped) {
            self.sessions.fence(id);
        }
        if after == Standing::Stopped {
            self.sessions.end(id);
        }
        records.extend(Self::offline_records(view, registration, request));
        // A broker that has not caught up yet tells of none.
        let cordoned = request.cordoned_log_dirs.as_ref();
        records.extend(cordoned.and_then(|told| cordon_record(view.image, registration, told)));
        Decision {
            records,
            response: BrokerHeartbeatResponse {
                is_caught_up,
                is_fenced: matches!(after, Standing::Fenced | Standing::Stopped),
                should_shut_down: after == Standing::Stopped,
                ..BrokerHeartbeatResponse::default()
            },
        }
    }

    fn next_standing(
        &self,
        view: View<'_>,
        request: &BrokerHeartbeatRequest,
        before: Standing,
        is_caught_up: bool,
    ) -> Standing {
        let id = request.broker_id;
        let (wants_fence, wants_stop) = (request.want_fence, request.want_shut_down);
        match before {
            Standing::Fenced if wants_stop => Standing::Stopped,
            Standing::Fenced if !wants_fence && is_caught_up => Standing::Unfenced,
            Standing::Unfenced if wants_fence && wants_stop => Standing::Stopped,
            Standing::Unfenced if wants_fence => Standing::Fenced,
            Standing::Unfenced if wants_stop && Self::leads_any(view, id) => Standing::Stopping,
            Standing::Unfenced if wants_stop => Standing::Stopped,
            Standing::Stopping
                if !Self::leads_any(view, id) && self.sessions.is_replaced(view.image, id) =>
            {
                Standing::Stopped
            }
            before => before,
        }
    }

    /// The records of a heartbeat are in the log, the last of all records at `offset`: by then a
    /// broker that wants to stop has handed over.
    pub(crate) fn on_heartbeat_noted(
        &mut self,
        request: &BrokerHeartbeatRequest,
        response: &BrokerHeartbeatResponse,
        offset: Offset,
    ) {
        let is_stopping = request.want_shut_down && !request.want_fence;
        if response.error_code == 0 && is_stopping && !response.is_fenced {
            self.sessions.stop(request.broker_id, offset);
        }
    }

    /// The records by which a broker is fenced; none if it is.
    pub(super) fn fence_records(&self, view: View<'_>, id: BrokerId) -> Vec<MetadataRecord> {
        let Some(broker) = view.image.brokers.get(&id).filter(|broker| !broker.fenced) else {
            return Vec::new();
        };
        let mut records = Self::removal_records(view, id);
        records.push(broker_change(broker, |record| record.fenced = 1));
        records
    }

    fn unfence_records(view: View<'_>, broker: &BrokerRegistration) -> Vec<MetadataRecord> {
        let mut records = vec![broker_change(broker, |record| record.fenced = -1)];
        records.extend(Self::return_records(view, broker.id));
        records
    }

    fn handover_records(view: View<'_>, broker: &BrokerRegistration) -> Vec<MetadataRecord> {
        let first = (!broker.in_controlled_shutdown)
            .then(|| broker_change(broker, |record| record.in_controlled_shutdown = 1));
        let mut records: Vec<_> = first.into_iter().collect();
        records.extend(Self::removal_records(view, broker.id));
        records
    }

    /// The records that tell of log directories that failed. Their replicas leave the in-sync sets,
    /// for the broker cannot tell what they hold.
    fn offline_records(
        view: View<'_>,
        broker: &BrokerRegistration,
        request: &BrokerHeartbeatRequest,
    ) -> Vec<MetadataRecord> {
        let offline = &request.offline_log_dirs;
        let (failed, online): (Vec<Uuid>, Vec<Uuid>) = broker
            .directories
            .iter()
            .copied()
            .partition(|directory| offline.contains(directory));
        if failed.is_empty() {
            return Vec::new();
        }
        let mut records = Self::directory_records(view, broker.id, &failed);
        records.push(broker_change(broker, |record| record.log_dirs = online));
        records
    }

    /// Decide on the wish that a broker that will not come back is forgotten.
    pub(crate) fn unregister_broker(
        &mut self,
        view: View<'_>,
        request: &UnregisterBrokerRequest,
    ) -> Decision<UnregisterBrokerResponse> {
        let id = request.broker_id;
        let refuse = |code: ErrorCode, text: String| {
            Decision::refused(UnregisterBrokerResponse {
                error_code: code.code(),
                error_message: Some(text),
                ..UnregisterBrokerResponse::default()
            })
        };
        let Some(broker) = view.image.brokers.get(&id) else {
            let text = format!("Broker ID {id} is not currently registered");
            return refuse(ErrorCode::BrokerIdNotRegistered, text);
        };
        if self.staying == Some(id) {
            let text =
                format!("Broker {id} is the node that would have to forget it: stop it first");
            return refuse(ErrorCode::InvalidRequest, text);
        }
        let mut records = Self::removal_records(view, id);
        let record = UnregisterBrokerRecord {
            broker_id: id,
            broker_epoch: broker.epoch,
            ..UnregisterBrokerRecord::default()
        };
        records.push(record.into());
        self.suspicions.forget(id);
        self.sessions.remove(id);
        Decision {
            records,
            response: UnregisterBrokerResponse::default(),
        }
    }

    /// The records by which the next broker is fenced that was not heard of in time; `None` if
    /// there is no other. One at a time: each election must know of those before.
    pub(crate) fn fence_next(
        &mut self,
        view: View<'_>,
        now: Instant,
    ) -> Option<Vec<MetadataRecord>> {
        let id = self.sessions.expire(now)?;
        self.suspicions.forget(id);
        self.sessions.fence(id);
        let records = self.fence_records(view, id);
        if !records.is_empty() {
            tracing::warn!("broker {id} is fenced: it was not heard of in time");
        }
        Some(records)
    }

    /// When the next broker is fenced unless it is heard of, or looked for, or leaders are elected
    /// unasked.
    pub(crate) fn next_deadline(&self) -> Instant {
        let elections = self.elections.next_deadline();
        let brokers = self.sessions.next_deadline();
        brokers.min(self.suspicions.next_deadline()).min(elections)
    }

    /// Decide on the registration of another controller.
    pub(crate) fn register_controller(
        request: &ControllerRegistrationRequest,
    ) -> Decision<ControllerRegistrationResponse> {
        let endpoints = request.listeners.iter().map(|listener| Endpoint {
            listener: listener.name.clone(),
            host: listener.host.clone(),
            port: listener.port,
            security_protocol: listener.security_protocol,
        });
        let features = request.features.iter().map(|feature| SupportedFeature {
            name: feature.name.clone(),
            min_level: feature.min_supported_version,
            max_level: feature.max_supported_version,
        });
        let registration = ControllerRegistration {
            id: request.controller_id,
            incarnation_id: request.incarnation_id,
            endpoints: endpoints.collect(),
            features: features.collect(),
        };
        Decision {
            records: vec![register_controller_record(&registration)],
            response: ControllerRegistrationResponse::default(),
        }
    }
}

/// Whether the broker with this epoch is the one that is registered.
///
/// # Errors
/// `STALE_BROKER_EPOCH`.
pub(super) fn check_epoch(image: &MetadataImage, id: BrokerId, epoch: i64) -> Result<(), Refusal> {
    let stale = |text: String| Err(Refusal::new(ErrorCode::StaleBrokerEpoch, text));
    match image.brokers.get(&id) {
        None => stale(format!("No broker registration found for broker id {id}")),
        Some(broker) if broker.epoch != epoch => stale(format!(
            "Expected broker epoch {}, but got broker epoch {epoch}",
            broker.epoch
        )),
        Some(_) => Ok(()),
    }
}

/// A directory belongs to one broker, and has an id of its own.
fn check_directories(
    image: &MetadataImage,
    id: BrokerId,
    directories: &[Uuid],
) -> Result<(), Refusal> {
    let invalid = |text: String| Err(Refusal::new(ErrorCode::InvalidRegistration, text));
    if directories.is_empty() {
        return invalid("No directories specified in request".to_owned());
    }
    if !directories.iter().all(|one| is_directory_chosen(*one)) {
        return invalid("Reserved directory ID in request".to_owned());
    }
    let distinct: BTreeSet<_> = directories.iter().collect();
    if distinct.len() != directories.len() {
        return invalid("Duplicate directory ID in request".to_owned());
    }
    for broker in image.brokers.values().filter(|broker| broker.id != id) {
        let mut theirs = broker.directories.iter();
        if let Some(directory) = theirs.find(|directory| distinct.contains(directory)) {
            return invalid(format!(
                "Broker {} is already registered with directory {directory}",
                broker.id
            ));
        }
    }
    Ok(())
}

/// A broker must work at every level that the cluster has agreed on.
fn check_features(
    image: &MetadataImage,
    told: &[broker_registration_request::Feature],
) -> Result<(), Refusal> {
    let level = |name: &str| match name {
        KRAFT_VERSION => image.kraft_version,
        _ => image.features.get(name).copied().unwrap_or(0),
    };
    let check = |name: &str, min: i16, max: i16| {
        let level = level(name);
        if (min..=max).contains(&level) {
            return Ok(());
        }
        let text = format!(
            "Unable to register because the broker does not support finalized version {level} of \
             {name}. The broker wants a version between {min} and {max}, inclusive."
        );
        Err(Refusal::new(ErrorCode::UnsupportedVersion, text))
    };
    for feature in told {
        let (min, max) = (feature.min_supported_version, feature.max_supported_version);
        check(&feature.name, min, max)?;
    }
    let is_told = |name: &str| told.iter().any(|feature| feature.name == name);
    if !is_told(METADATA_VERSION) {
        let text = format!("Request features do not contain '{METADATA_VERSION}'");
        return Err(Refusal::new(ErrorCode::InvalidRegistration, text));
    }
    let finalized = image.features.keys().map(String::as_str);
    let mut untold = finalized
        .chain([KRAFT_VERSION])
        .filter(|name| !is_told(name));
    untold.try_for_each(|name| check(name, 0, 0))
}

/// The registration that a request asks for, fenced.
fn registration(request: &BrokerRegistrationRequest, epoch: i64) -> BrokerRegistration {
    let endpoints = request.listeners.iter().map(|listener| Endpoint {
        listener: listener.name.clone(),
        host: listener.host.clone(),
        port: listener.port,
        security_protocol: listener.security_protocol,
    });
    let features = request.features.iter().map(|feature| SupportedFeature {
        name: feature.name.clone(),
        min_level: feature.min_supported_version,
        max_level: feature.max_supported_version,
    });
    BrokerRegistration {
        id: request.broker_id,
        epoch,
        incarnation_id: request.incarnation_id,
        endpoints: endpoints.collect(),
        features: features.collect(),
        rack: request.rack.clone(),
        fenced: true,
        in_controlled_shutdown: false,
        directories: request.log_dirs.clone(),
        cordoned_directories: Vec::new(),
    }
}
