//! The cluster image, its deltas, and the controller that writes the records of both.
//!
//! Owns: what is known of the cluster ([`MetadataImage`]), what changed ([`MetadataDelta`]), the
//! decisions of the controller, the identity of the log directories (`meta.properties`).
//! Promises: an image never changes; replaying the same records gives the same image; nothing is
//! published or answered before its records are on the disk.
//! Knows nothing of: connections, partition logs, who reads the images.
//! Lives on: shard 0; images go to the others as messages.
//! Start at [`MetadataNode`], which is all that the shard talks to, and [`MetadataImage`].

mod controller;
mod delta;
mod features;
mod image;
mod lifecycle;
mod node;
mod record;

pub(crate) use controller::refuse_elections;
pub use controller::{
    CLUSTER_METADATA, CONSUMER_OFFSETS, PRODUCER_ID_BLOCK_LENGTH, Probe, ProbeId, ProbeOutcome,
    Refusal, TRANSACTION_STATE, check_broker_alterations, check_broker_replacement,
    check_topic_name, is_internal_topic, log_level_changes, topic_owner,
};
pub use delta::MetadataDelta;
pub(crate) use features::is_forebay;
pub use features::{FeatureRange, IMPLEMENTED_FEATURES};
pub(crate) use image::is_directory_chosen;
pub use image::{
    BrokerRegistration, ConfigKind, ConfigResource, ControllerRegistration, Endpoint,
    MetadataImage, PartitionRegistration, SupportedFeature, TopicImage,
};
pub(crate) use node::{
    BOOTSTRAP, CLEAN_MARK, FormatPlan, Founding, META_PROPERTIES, MetaProperties, TAKEOVER,
    Takeover, WorkingImage, assignment_request, decode_bootstrap, encode_bootstrap,
    encode_clean_mark, plan_format, plan_format_with,
};
pub use node::{
    ControllerRequest, ControllerResponse, HaltCause, MetadataEvent, MetadataLogSettings,
    MetadataNode, NodeSettings, OpenDirectory, Outgoing, OutgoingId, RequestToken, membership_of,
};
pub(crate) use record::{
    METADATA_VERSION_MAX, check_metadata_version, decode_record, metadata_version_name,
    metadata_version_of,
};
