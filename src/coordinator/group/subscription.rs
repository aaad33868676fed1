//! The one part of a consumer's metadata that the broker reads: the topics it subscribes to.

use bytes::Bytes;

use crate::protocol::messages::ConsumerProtocolSubscription;
use crate::protocol::{Message, Reader};

/// The topics of a consumer's subscription; `None` if it is not one. Newer versions only append
/// fields, so that the oldest reads them all.
pub(super) fn decode_topics(metadata: Bytes) -> Option<Vec<String>> {
    let mut reader = Reader::new(metadata);
    let version = reader.read_i16().ok()?;
    if version < 0 {
        return None;
    }
    let subscription = ConsumerProtocolSubscription::decode(&mut reader, 0).ok()?;
    Some(subscription.topics)
}
