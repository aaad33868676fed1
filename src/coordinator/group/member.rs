//! One member of a group.

use std::sync::Arc;

use bytes::Bytes;

use super::timers::TimerId;
use super::{MemberId, RequestToken};

/// A way to share out the work that a member can follow, with what it tells the leader for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Protocol {
    pub(super) name: Arc<str>,
    pub(super) metadata: Bytes,
}

/// A request whose answer waits for the group.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Parked {
    pub(super) request: RequestToken,
    pub(super) api_version: i16,
}

/// A member of a group.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) id: MemberId,
    /// The name by which a static member is known across restarts (KIP-345).
    pub(super) instance_id: Option<Arc<str>>,
    pub(super) client_id: Arc<str>,
    pub(super) client_host: Arc<str>,
    pub(super) rebalance_timeout_ms: i32,
    pub(super) session_timeout_ms: i32,
    /// In the member's order of preference.
    pub(super) protocols: Vec<Protocol>,
    pub(super) assignment: Bytes,
    pub(super) parked_join: Option<Parked>,
    pub(super) parked_sync: Option<Parked>,
    /// True until the member's first rebalance is over.
    pub(super) is_new: bool,
    pub(super) session_timer: Option<TimerId>,
}

impl Member {
    /// What the member says for the protocol `name`; nothing if it does not know the protocol.
    pub(super) fn metadata(&self, name: &str) -> Bytes {
        self.protocols
            .iter()
            .find(|protocol| protocol.name.as_ref() == name)
            .map_or_else(Bytes::new, |protocol| protocol.metadata.clone())
    }

    /// True if a missing heartbeat is not this member's fault: it waits for the group.
    pub(super) const fn is_excused(&self) -> bool {
        !self.is_new && (self.parked_join.is_some() || self.parked_sync.is_some())
    }
}
