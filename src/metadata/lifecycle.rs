//! A broker's life in a cluster that another node may control: it registers, tells that it lives,
//! and asks before it stops (KIP-631).
//!
//! Owns: the epoch of the broker's registration, and what the controller told of it last.
//! Promises: one request at a time; a broker is not unfenced before it said that it is ready; what
//! can never succeed is not tried again.
//! Knows nothing of: connections, who the controller is, what the metadata say.
//! Lives on: shard 0, inside of [`super::MetadataNode`].

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::model::{BrokerId, ErrorCode, Offset, Uuid};
use crate::protocol::messages::{
    BrokerHeartbeatRequest, BrokerHeartbeatResponse, BrokerRegistrationRequest,
    BrokerRegistrationResponse, broker_registration_request,
};
use crate::protocol::{AnyRequest, AnyResponse};
use crate::stdx::Instant;

use super::image::{Endpoint, SupportedFeature};

/// The first pause after a request that failed, as in Apache Kafka; it doubles up to the interval
/// of heartbeats.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// How long a broker asks to be let go before it stops all the same, as in Apache Kafka: by then
/// somebody has to look at the cluster.
const STOP_WITHIN: Duration = Duration::from_mins(5);

/// No broker has this epoch: it stands for an unknown one.
const NO_EPOCH: i64 = -1;

/// Who the broker is.
#[derive(Clone, Debug)]
pub(super) struct BrokerIdentity {
    /// The broker.
    pub id: BrokerId,
    /// The cluster whose data it has.
    pub cluster_id: Arc<str>,
    /// Drawn at the start: the controller tells by it one life of the broker from another.
    pub incarnation_id: Uuid,
    /// The addresses that clients are told.
    pub endpoints: Vec<Endpoint>,
    /// What it can work at.
    pub features: Vec<SupportedFeature>,
    /// Its rack.
    pub rack: Option<String>,
    /// The ids of its log directories.
    pub directories: Vec<Uuid>,
    /// The epoch that it had when it stopped, if it stopped cleanly (KIP-966).
    pub previous_epoch: Option<i64>,
}

/// How often, and how long, it asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct LifecycleTimes {
    /// `broker.heartbeat.interval.ms`
    pub heartbeat: Duration,
    /// `broker.session.timeout.ms`: without a heartbeat for so long it is fenced.
    pub session: Duration,
    /// `initial.broker.registration.timeout.ms`
    pub registration: Duration,
}

/// What became of the broker.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum LifecycleEvent {
    /// It is registered in this epoch, and fenced.
    Registered { epoch: i64 },
    /// It has seen its own registration: what it knows of the cluster is new enough to serve by.
    CaughtUp,
    /// It may lead, and clients are told of it.
    Unfenced,
    /// It is fenced, though it does not want to be: others lead what it led.
    Fenced,
    /// It leads nothing any more, or nobody is there to ask: it may stop.
    MayStop,
    /// It cannot be part of the cluster; the text says why, and what to do.
    Refused(String),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Standing {
    /// It is not registered, and gives up at this time.
    Registering {
        give_up_at: Instant,
    },
    /// It is, and has not seen so.
    CatchingUp,
    /// It has seen so, and is fenced.
    Fenced,
    Unfenced,
    /// It wants to stop, and does so at this time at the latest.
    Stopping {
        give_up_at: Instant,
    },
    Ended,
}

/// The broker's side of registration and heartbeats.
#[derive(Debug)]
pub(super) struct Lifecycle {
    identity: BrokerIdentity,
    times: LifecycleTimes,
    standing: Standing,
    epoch: Option<i64>,
    /// The last offset of the metadata log that the broker works by.
    metadata_offset: Offset,
    is_ready: bool,
    offline: BTreeSet<Uuid>,
    /// The directories that take no new partitions; `None` while the cluster has no such.
    cordoned: Option<Vec<Uuid>>,
    is_asking: bool,
    ask_at: Instant,
    pause: Duration,
    /// When the controller answered a heartbeat last.
    answered_at: Instant,
    /// The controller said last that another life of this broker, or another broker with its
    /// number, is there.
    is_taken: bool,
    events: VecDeque<LifecycleEvent>,
}

impl Lifecycle {
    /// A broker that begins to register.
    pub(super) fn new(now: Instant, identity: BrokerIdentity, times: LifecycleTimes) -> Self {
        Self {
            identity,
            times,
            standing: Standing::Registering {
                give_up_at: now + times.registration,
            },
            epoch: None,
            metadata_offset: -1,
            is_ready: false,
            offline: BTreeSet::new(),
            cordoned: None,
            is_asking: false,
            ask_at: now,
            pause: RETRY_AFTER,
            answered_at: now,
            is_taken: false,
            events: VecDeque::new(),
        }
    }

    /// The oldest event that was not asked for yet.
    pub(super) fn next_event(&mut self) -> Option<LifecycleEvent> {
        self.events.pop_front()
    }

    /// The epoch of the registration.
    pub(super) const fn epoch(&self) -> Option<i64> {
        self.epoch
    }

    /// Tells this life of the broker from another.
    pub(super) const fn incarnation_id(&self) -> Uuid {
        self.identity.incarnation_id
    }

    /// True once the broker has seen its own registration.
    pub(super) const fn has_caught_up(&self) -> bool {
        matches!(
            self.standing,
            Standing::Fenced | Standing::Unfenced | Standing::Stopping { .. }
        )
    }

    /// The metadata are taken in up to this offset, of the last record.
    pub(super) fn on_metadata(&mut self, now: Instant, offset: Offset) {
        let was_behind = self.metadata_offset < offset;
        self.metadata_offset = self.metadata_offset.max(offset);
        // Somebody waits for it: the broker itself, or another one that hands over to it.
        if was_behind && matches!(self.standing, Standing::CatchingUp) {
            self.ask_at = self.ask_at.min(now);
        }
    }

    /// All that the broker has is open: it can serve.
    pub(super) fn on_ready(&mut self, now: Instant) {
        self.is_ready = true;
        self.ask_at = self.ask_at.min(now);
    }

    /// A log directory is given up.
    pub(super) fn on_directory_failed(&mut self, now: Instant, directory: Uuid) {
        if self.offline.insert(directory) {
            self.ask_at = self.ask_at.min(now);
        }
    }

    /// These log directories take no new partitions; `None` where the metadata have no place for
    /// that (KIP-1066).
    pub(super) fn on_cordoned(&mut self, now: Instant, cordoned: Option<Vec<Uuid>>) {
        if self.cordoned != cordoned {
            self.cordoned = cordoned;
            self.ask_at = self.ask_at.min(now);
        }
    }

    /// The broker wants to stop: [`LifecycleEvent::MayStop`] follows.
    pub(super) fn stop(&mut self, now: Instant) {
        match self.standing {
            Standing::Stopping { .. } | Standing::Ended => {}
            Standing::Registering { .. } => self.end(LifecycleEvent::MayStop),
            _ => {
                self.standing = Standing::Stopping {
                    give_up_at: now + STOP_WITHIN,
                };
                self.ask_at = self.ask_at.min(now);
            }
        }
    }

    fn end(&mut self, event: LifecycleEvent) {
        self.standing = Standing::Ended;
        self.events.push_back(event);
    }

    /// Another controller is known than before: it has yet to hear of the broker, which does not
    /// have to wait as long as for the one that gave no answer.
    pub(super) fn on_controller_known(&mut self, now: Instant) {
        self.pause = RETRY_AFTER;
        self.ask_at = self.ask_at.min(now);
    }

    /// When [`Lifecycle::give_up`] or, if somebody can be asked, [`Lifecycle::next_request`] has to
    /// be called at the latest.
    pub(super) fn next_deadline(&self, can_ask: bool) -> Instant {
        let give_up_at = match self.standing {
            Standing::Ended => return Instant::MAX,
            Standing::Registering { give_up_at } => give_up_at,
            Standing::Stopping { give_up_at } => self.gives_up_stopping_at(give_up_at),
            _ => Instant::MAX,
        };
        match can_ask && !self.is_asking {
            true => give_up_at.min(self.ask_at),
            false => give_up_at,
        }
    }

    /// Without an answer for a session's length the controller has fenced the broker, or none is
    /// there: there is nothing left to hand over.
    fn gives_up_stopping_at(&self, give_up_at: Instant) -> Instant {
        give_up_at.min(self.answered_at + self.times.session)
    }

    /// End what took too long: to register, or to stop.
    pub(super) fn give_up(&mut self, now: Instant) {
        match self.standing {
            Standing::Registering { give_up_at } if give_up_at <= now => {
                let waited = self.times.registration.as_secs();
                let id = self.identity.id;
                if self.is_taken {
                    return self.end(LifecycleEvent::Refused(format!(
                        "another broker with node.id={id} is registered and lives, which the \
                         controller said for {waited} s (initial.broker.registration.timeout.ms): \
                         give this one a number of its own"
                    )));
                }
                self.end(LifecycleEvent::Refused(format!(
                    "no controller has registered broker {} for {waited} s \
                     (initial.broker.registration.timeout.ms): are the addresses in \
                     controller.quorum.voters or controller.quorum.bootstrap.servers right, and do \
                     most of the controllers run?",
                    id
                )));
            }
            Standing::Stopping { give_up_at } if self.gives_up_stopping_at(give_up_at) <= now => {
                tracing::warn!("the broker stops though the controller did not let it go");
                self.end(LifecycleEvent::MayStop);
            }
            _ => {}
        }
    }

    /// What to ask the controller now.
    pub(super) fn next_request(&mut self, now: Instant) -> Option<AnyRequest> {
        let is_over = matches!(self.standing, Standing::Ended);
        if is_over || self.is_asking || self.ask_at > now {
            return None;
        }
        self.is_asking = true;
        Some(match (self.standing, self.epoch) {
            (Standing::Registering { .. }, _) | (_, None) => self.registration().into(),
            (_, Some(epoch)) => self.heartbeat(epoch).into(),
        })
    }

    fn registration(&self) -> BrokerRegistrationRequest {
        let identity = &self.identity;
        let listeners = identity.endpoints.iter();
        let features = identity.features.iter();
        BrokerRegistrationRequest {
            broker_id: identity.id,
            cluster_id: identity.cluster_id.to_string(),
            incarnation_id: identity.incarnation_id,
            listeners: listeners
                .map(|endpoint| broker_registration_request::Listener {
                    name: endpoint.listener.clone(),
                    host: endpoint.host.clone(),
                    port: endpoint.port,
                    security_protocol: endpoint.security_protocol,
                    ..Default::default()
                })
                .collect(),
            features: features
                .map(|feature| broker_registration_request::Feature {
                    name: feature.name.clone(),
                    min_supported_version: feature.min_level,
                    max_supported_version: feature.max_level,
                    ..Default::default()
                })
                .collect(),
            rack: identity.rack.clone(),
            log_dirs: identity.directories.clone(),
            previous_broker_epoch: identity.previous_epoch.unwrap_or(NO_EPOCH),
            ..Default::default()
        }
    }

    fn heartbeat(&self, broker_epoch: i64) -> BrokerHeartbeatRequest {
        BrokerHeartbeatRequest {
            broker_id: self.identity.id,
            broker_epoch,
            current_metadata_offset: self.metadata_offset,
            want_fence: !self.is_ready,
            want_shut_down: matches!(self.standing, Standing::Stopping { .. }),
            offline_log_dirs: self.offline.iter().copied().collect(),
            cordoned_log_dirs: self.cordoned.clone().filter(|_| self.has_caught_up()),
            ..Default::default()
        }
    }

    /// The controller answered, or could not be asked.
    pub(super) fn on_answer(&mut self, now: Instant, response: Option<&AnyResponse>) {
        self.is_asking = false;
        match response {
            Some(AnyResponse::BrokerRegistration(response)) => self.on_registered(now, response),
            Some(AnyResponse::BrokerHeartbeat(response)) => self.on_heard(now, response),
            _ => self.retry(now),
        }
    }

    fn retry(&mut self, now: Instant) {
        self.ask_at = now + self.pause;
        self.pause = (self.pause * 2).min(self.times.heartbeat);
    }

    fn on_registered(&mut self, now: Instant, response: &BrokerRegistrationResponse) {
        if !matches!(self.standing, Standing::Registering { .. }) {
            return;
        }
        let error = error_of(response.error_code);
        self.is_taken = error == ErrorCode::DuplicateBrokerRegistration;
        let id = self.identity.id;
        match error {
            ErrorCode::None => {
                self.epoch = Some(response.broker_epoch);
                self.standing = Standing::CatchingUp;
                self.pause = RETRY_AFTER;
                self.ask_at = now;
                self.answered_at = now;
                let epoch = response.broker_epoch;
                self.events.push_back(LifecycleEvent::Registered { epoch });
            }
            ErrorCode::InconsistentClusterId => {
                self.end(LifecycleEvent::Refused(format!(
                    "the controller is of another cluster than broker {id}, whose data are of \
                     cluster {}: does controller.quorum.bootstrap.servers name the right one?",
                    self.identity.cluster_id
                )));
            }
            error @ (ErrorCode::UnsupportedVersion
            | ErrorCode::InvalidRegistration
            | ErrorCode::ClusterAuthorizationFailed) => {
                self.end(LifecycleEvent::Refused(format!(
                    "the controller does not register broker {id}: {error}{}",
                    advice(error)
                )));
            }
            // The one that is the controller now will soon be known.
            ErrorCode::NotController => self.retry(now),
            error => {
                let said = match error {
                    ErrorCode::DuplicateBrokerRegistration => {
                        ": its session of an earlier life, or another broker with its node.id, is \
                         still there"
                    }
                    _ => "",
                };
                tracing::warn!("broker {id} is not registered yet: {error}{said}");
                self.retry(now);
            }
        }
    }

    fn on_heard(&mut self, now: Instant, response: &BrokerHeartbeatResponse) {
        match error_of(response.error_code) {
            ErrorCode::None => {}
            ErrorCode::StaleBrokerEpoch | ErrorCode::BrokerIdNotRegistered => {
                return self.on_forgotten(now);
            }
            ErrorCode::NotController => return self.retry(now),
            error => {
                tracing::warn!("the controller did not take a heartbeat: {error}");
                return self.retry(now);
            }
        }
        self.answered_at = now;
        self.pause = RETRY_AFTER;
        self.ask_at = now + self.times.heartbeat;
        match self.standing {
            Standing::CatchingUp if response.is_caught_up => {
                self.come_to(Standing::Fenced, LifecycleEvent::CaughtUp);
            }
            // How far it has come is asked again soon, since it comes fast.
            Standing::CatchingUp => self.ask_at = now + RETRY_AFTER,
            Standing::Fenced if !response.is_fenced => {
                self.come_to(Standing::Unfenced, LifecycleEvent::Unfenced);
            }
            Standing::Fenced if self.is_ready => self.ask_at = now + RETRY_AFTER,
            Standing::Unfenced if response.is_fenced => {
                self.come_to(Standing::Fenced, LifecycleEvent::Fenced);
                self.ask_at = now;
            }
            Standing::Stopping { .. } if response.should_shut_down => {
                self.end(LifecycleEvent::MayStop);
            }
            // Somebody waits for the stop.
            Standing::Stopping { .. } => self.ask_at = now + RETRY_AFTER,
            _ => {}
        }
    }

    fn come_to(&mut self, standing: Standing, event: LifecycleEvent) {
        self.standing = standing;
        self.events.push_back(event);
    }

    /// The registration is gone: the broker was unregistered, or its cluster's metadata are not
    /// those that it registered in. One that does not want to stop registers anew.
    fn on_forgotten(&mut self, now: Instant) {
        let id = self.identity.id;
        self.answered_at = now;
        match self.standing {
            Standing::Stopping { .. } => self.end(LifecycleEvent::MayStop),
            Standing::Ended => {}
            before => {
                tracing::warn!("the controller does not know broker {id} any more: it registers");
                if before == Standing::Unfenced {
                    self.events.push_back(LifecycleEvent::Fenced);
                }
                self.standing = Standing::Registering {
                    give_up_at: now + self.times.registration,
                };
                self.epoch = None;
                self.retry(now);
            }
        }
    }
}

fn advice(error: ErrorCode) -> &'static str {
    match error {
        ErrorCode::UnsupportedVersion => {
            ": a feature of the cluster is finalized at a level that this release does not have \
             (see kafka-features describe)"
        }
        ErrorCode::InvalidRegistration => {
            ": one of its log directories has the id of another broker's, as a copied one has"
        }
        _ => "",
    }
}

/// An error that Apache Kafka has added since is not ours to understand.
fn error_of(code: i16) -> ErrorCode {
    ErrorCode::from_code(code).unwrap_or(ErrorCode::UnknownServerError)
}
