//! What settings can be changed for.

use std::sync::Arc;

/// The kind of thing that settings belong to.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ConfigKind {
    /// A topic.
    Topic,
    /// A broker; with an empty name all of them.
    Broker,
    /// The levels of a broker's loggers.
    BrokerLogger,
    /// What clients are asked to report (KIP-714).
    ClientMetrics,
    /// A group.
    Group,
}

impl ConfigKind {
    /// The kind with Kafka's number `code`.
    #[must_use]
    pub const fn from_code(code: i8) -> Option<Self> {
        match code {
            2 => Some(Self::Topic),
            4 => Some(Self::Broker),
            8 => Some(Self::BrokerLogger),
            16 => Some(Self::ClientMetrics),
            32 => Some(Self::Group),
            _ => None,
        }
    }

    /// Kafka's number of the kind.
    #[must_use]
    pub const fn code(self) -> i8 {
        match self {
            Self::Topic => 2,
            Self::Broker => 4,
            Self::BrokerLogger => 8,
            Self::ClientMetrics => 16,
            Self::Group => 32,
        }
    }
}

/// Something that settings belong to.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ConfigResource {
    /// What it is.
    pub kind: ConfigKind,
    /// Its name; empty for the cluster-wide settings of brokers.
    pub name: Arc<str>,
}

impl ConfigResource {
    /// The resource of this kind and name.
    #[must_use]
    pub fn new(kind: ConfigKind, name: &str) -> Self {
        Self {
            kind,
            name: Arc::from(name),
        }
    }
}
