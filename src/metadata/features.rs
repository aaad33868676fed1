//! The features that are implemented.

use super::image::{BrokerRegistration, SupportedFeature};
use super::record::{METADATA_VERSION_MAX, METADATA_VERSION_MIN};

/// The feature whose level says which metadata records may be written.
pub(crate) const METADATA_VERSION: &str = "metadata.version";

/// The feature with which replicas that have left the in-sync set may lead without loss.
pub(crate) const ELIGIBLE_REPLICAS_VERSION: &str = "eligible.leader.replicas.version";

/// The feature whose level says how the quorum speaks.
pub(crate) const KRAFT_VERSION: &str = "kraft.version";

/// A feature and the levels of it that are implemented.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FeatureRange {
    /// The feature's name.
    pub name: &'static str,
    /// The lowest level.
    pub min_level: i16,
    /// The highest level.
    pub max_level: i16,
}

/// The features that are implemented, and nothing else: clients act on what they are told.
pub const IMPLEMENTED_FEATURES: [FeatureRange; 3] = [
    FeatureRange {
        name: ELIGIBLE_REPLICAS_VERSION,
        min_level: 0,
        max_level: 1,
    },
    FeatureRange {
        name: KRAFT_VERSION,
        min_level: 0,
        max_level: 1,
    },
    FeatureRange {
        name: METADATA_VERSION,
        min_level: METADATA_VERSION_MIN,
        max_level: METADATA_VERSION_MAX,
    },
];

/// True if it was Forebay that registered so. Apache Kafka says that it understands every
/// `metadata.version` since 3.3, and Forebay that it does since directories have ids.
pub(crate) fn is_forebay(registration: &BrokerRegistration) -> bool {
    let mut features = registration.features.iter();
    features.any(|one| one.name == METADATA_VERSION && one.min_level == METADATA_VERSION_MIN)
}

/// The implemented features as registrations tell them.
pub(crate) fn supported_features() -> Vec<SupportedFeature> {
    IMPLEMENTED_FEATURES
        .iter()
        .map(|feature| SupportedFeature {
            name: feature.name.to_owned(),
            min_level: feature.min_level,
            max_level: feature.max_level,
        })
        .collect()
}
