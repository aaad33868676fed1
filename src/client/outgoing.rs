//! What the parts of a client ask a driver to send.

use crate::model::BrokerId;
use crate::protocol::AnyRequest;

/// Which answer belongs to which request of one part of a client.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Tag(pub(super) u64);

/// A request to send.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// To whom; any broker will do for `None`.
    pub broker: Option<BrokerId>,
    /// What to ask.
    pub request: AnyRequest,
    /// Comes back with the answer; `None` if there will be no answer.
    pub tag: Option<Tag>,
}
