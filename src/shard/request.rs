//! The requests in work on the shard of their connection.

use std::sync::Arc;

use crate::connection::{Charge, SlotNumber};
use crate::protocol::ApiKey;
use crate::security::Client;
use crate::stdx::{HashMap, Instant, new_map};

use super::api::Gather;
use super::api::envelope::Envelope;
use super::event::{ConnectionId, ListenerIndex, PeerAddress};
use super::metering::Metered;
use super::task::RequestId;

/// Whose request it is and how it is to be answered.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// The connection.
    pub connection: ConnectionId,
    /// The place of the answer.
    pub slot: SlotNumber,
    /// The API.
    pub key: ApiKey,
    /// The version that the client speaks.
    pub version: i16,
    /// The client's number of the request.
    pub correlation_id: i32,
    /// The client's name for itself.
    pub client_id: Option<Arc<str>>,
    /// Where the client connects from.
    pub peer: PeerAddress,
    /// Who the client is.
    pub client: Arc<Client>,
    /// The listener that it connected to.
    pub listener: ListenerIndex,
    /// When the request was taken from the connection.
    pub received_at: Instant,
    /// The memory that it counts for until it is answered.
    pub charge: Charge,
    /// The envelope that it came in, if a broker passed it on.
    pub envelope: Option<Envelope>,
    /// What is known of it for the metrics.
    pub metered: Metered,
}

/// A request that waits for replies.
#[derive(Debug)]
pub struct OpenRequest {
    /// Whose it is.
    pub context: RequestContext,
    /// What came so far.
    pub gather: Gather,
    /// How many replies are still to come.
    pub missing: usize,
}

/// The requests that wait for replies. Bounded by the connections' own limits.
#[derive(Debug)]
pub struct Requests {
    next: u64,
    open: HashMap<RequestId, OpenRequest>,
}

impl Requests {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self {
            next: 0,
            open: new_map(),
        }
    }

    /// A number for a request.
    pub const fn next_id(&mut self) -> RequestId {
        self.next += 1;
        RequestId(self.next)
    }

    /// The request `id` waits for `missing` replies.
    pub fn open(&mut self, id: RequestId, request: OpenRequest) {
        assert!(
            request.missing > 0,
            "a request that waits for nothing is answered"
        );
        let before = self.open.insert(id, request);
        assert!(before.is_none(), "a request is opened once");
    }

    /// The request `id`, if it still waits.
    pub fn find(&mut self, id: RequestId) -> Option<&mut OpenRequest> {
        self.open.get_mut(&id)
    }

    /// The request `id` has all it waited for.
    pub fn close(&mut self, id: RequestId) -> Option<OpenRequest> {
        self.open.remove(&id)
    }

    /// Requests that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.open.len()
    }
}
