//! A controller that does not lead tells the one that does where it is reached and at which levels
//! of features it works (KIP-919): a level is changed only when all controllers are known to have
//! it.
//!
//! It does so in every life of its process, until the metadata tell of that life. The one that
//! leads writes the record itself.

use std::time::Duration;

use crate::model::{ErrorCode, Uuid};
use crate::protocol::messages::ControllerRegistrationRequest;
use crate::protocol::messages::controller_registration_request::{Feature, Listener};
use crate::stdx::{Instant, Now};

use super::super::features::supported_features;
use super::{ControllerRequest, ControllerResponse, MetadataNode, Phase, RequestToken};

/// The pause after it was told for the first time, as in Apache Kafka. It doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause, as in Apache Kafka: a leader that refuses will do so until it is upgraded.
const PAUSE_MAX: Duration = Duration::from_secs(120);

/// What this controller has told of itself.
#[derive(Debug)]
pub(super) struct Registering {
    /// Names the life of this process, once it was named.
    incarnation_id: Option<Uuid>,
    is_asking: bool,
    tell_at: Instant,
    pause: Duration,
}

impl Default for Registering {
    fn default() -> Self {
        Self {
            incarnation_id: None,
            is_asking: false,
            tell_at: Instant::default(),
            pause: FIRST_PAUSE,
        }
    }
}

impl Registering {
    /// Another controller leads now: what the last one said counts no more.
    pub(super) fn begin_anew(&mut self, now: Instant) {
        self.tell_at = now;
        self.pause = FIRST_PAUSE;
    }
}

impl MetadataNode {
    /// The id of this life of the controller.
    pub(super) fn controller_incarnation(&mut self) -> Uuid {
        let known = self.joining.registering.incarnation_id;
        let id = known.unwrap_or_else(|| self.controller.draw_id());
        self.joining.registering.incarnation_id = Some(id);
        id
    }

    /// When the controller that leads is told of this one.
    pub(super) fn registration_deadline(&self) -> Instant {
        match self.lacks_registration() {
            true => self.joining.registering.tell_at,
            false => Instant::MAX,
        }
    }

    /// True if this controller stands by and the one that leads has to be told of it.
    fn lacks_registration(&self) -> bool {
        let config = &self.settings.config;
        let own = config.node_id;
        let registering = &self.joining.registering;
        let stands_by = config.roles.controller && matches!(self.phase, Phase::Following);
        if !stands_by || registering.is_asking || !self.joining.is_led_by_another(own) {
            return false;
        }
        let image = &self.working.image;
        let known = image.controllers.get(&own).map(|one| one.incarnation_id);
        image.metadata_version().is_some()
            && (known.is_none() || known != registering.incarnation_id)
    }

    /// Tell the controller that leads of this one, unless the metadata do already.
    pub(super) fn register_as_controller(&mut self, now: Now) {
        if !self.lacks_registration() || self.joining.registering.tell_at > now.instant {
            return;
        }
        let listeners = self.settings.controller_endpoints().into_iter();
        let listeners = listeners.map(|endpoint| Listener {
            name: endpoint.listener,
            host: endpoint.host,
            port: endpoint.port,
            security_protocol: endpoint.security_protocol,
            ..Listener::default()
        });
        let features = supported_features().into_iter().map(|feature| Feature {
            name: feature.name,
            min_supported_version: feature.min_level,
            max_supported_version: feature.max_level,
            ..Feature::default()
        });
        let request = ControllerRegistrationRequest {
            controller_id: self.settings.config.node_id,
            incarnation_id: self.controller_incarnation(),
            listeners: listeners.collect(),
            features: features.collect(),
            ..ControllerRegistrationRequest::default()
        };
        self.joining.registering.is_asking = true;
        let request = ControllerRequest::RegisterController(request);
        let forwarding = &mut self.joining.forwarding;
        forwarding.ask(now.instant, RequestToken::OWN_CONTROLLER, request);
    }

    /// The controller that leads has answered. Where it agreed the metadata tell so soon, unless it
    /// is none any more.
    pub(super) fn on_registered_as_controller(&mut self, now: Now, response: &ControllerResponse) {
        let refused = match response {
            ControllerResponse::RegisterController(response) => {
                let code = ErrorCode::from_code(response.error_code);
                let code = code.unwrap_or(ErrorCode::UnknownServerError);
                let reason = response.error_message.as_deref().unwrap_or_default();
                (code != ErrorCode::None).then(|| format!("{code}: {reason}"))
            }
            ControllerResponse::Unavailable(error) => Some(error.to_string()),
            other => unreachable!("{other:?} is no answer to a registration"),
        };
        if let Some(reason) = refused {
            tracing::warn!("not registered as a controller: {reason}");
        }
        let registering = &mut self.joining.registering;
        registering.is_asking = false;
        registering.tell_at = now.instant + registering.pause;
        registering.pause = (registering.pause * 2).min(PAUSE_MAX);
    }
}
