//! The nodes of the cluster as they registered.

use crate::model::{BrokerId, Uuid};

use super::topics::DIRECTORY_UNASSIGNED;

/// An address that a node is reached at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Endpoint {
    /// The listener's name.
    pub listener: String,
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Kafka's number of the security protocol: 0 PLAINTEXT, 1 SSL, 2 `SASL_PLAINTEXT`,
    /// 3 `SASL_SSL`.
    pub security_protocol: i16,
}

/// The levels of a feature that a node can work at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SupportedFeature {
    /// The feature's name.
    pub name: String,
    /// The lowest level.
    pub min_level: i16,
    /// The highest level.
    pub max_level: i16,
}

/// A broker as it registered, and what became of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BrokerRegistration {
    /// The broker's number.
    pub id: BrokerId,
    /// The offset of the registration: a later one makes it stale.
    pub epoch: i64,
    /// Drawn anew at every start of the broker.
    pub incarnation_id: Uuid,
    /// The addresses that clients are told.
    pub endpoints: Vec<Endpoint>,
    /// What the broker can work at.
    pub features: Vec<SupportedFeature>,
    /// The broker's rack.
    pub rack: Option<String>,
    /// True while the broker may lead nothing and is not told to clients.
    pub fenced: bool,
    /// True from the broker's wish to stop until it has.
    pub in_controlled_shutdown: bool,
    /// Its log directories that work.
    pub directories: Vec<Uuid>,
    /// Its log directories that take no new partitions (KIP-1066).
    pub cordoned_directories: Vec<Uuid>,
}

impl BrokerRegistration {
    /// True if this log directory works, as far as is known of a replica that has none yet, or of a
    /// broker that told of none.
    #[must_use]
    pub fn has_online(&self, directory: Uuid) -> bool {
        let is_chosen = !directory.is_zero() && directory != DIRECTORY_UNASSIGNED;
        !is_chosen || self.directories.is_empty() || self.directories.contains(&directory)
    }

    /// True if a new replica can go to one of its log directories (KIP-1066).
    #[must_use]
    pub fn has_uncordoned(&self) -> bool {
        let cordoned = &self.cordoned_directories;
        let mut directories = self.directories.iter();
        self.directories.is_empty() || directories.any(|one| !cordoned.contains(one))
    }

    /// The address of the listener called `name`.
    #[must_use]
    pub fn endpoint(&self, name: &str) -> Option<&Endpoint> {
        self.endpoints
            .iter()
            .find(|endpoint| endpoint.listener == name)
    }
}

/// A controller as it registered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ControllerRegistration {
    /// The controller's number.
    pub id: BrokerId,
    /// Drawn anew at every start of the controller.
    pub incarnation_id: Uuid,
    /// The addresses of its listeners.
    pub endpoints: Vec<Endpoint>,
    /// What the controller can work at.
    pub features: Vec<SupportedFeature>,
}
