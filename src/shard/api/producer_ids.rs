//! InitProducerId: ids for idempotent producers, from blocks that the controller gives (KIP-360).

use crate::metadata::ControllerRequest;
use crate::model::{ErrorCode, ProducerId};
use crate::protocol::AnyRequest;
use crate::protocol::messages::{
    AllocateProducerIdsRequest, AllocateProducerIdsResponse, InitProducerIdRequest,
    InitProducerIdResponse,
};

use crate::security::{Access, Operation, ResourceType};
use crate::shard::request::RequestContext;

use super::{Attempt, ControllerGather, Gather, Parts, Plan};

const NO_PRODUCER_ID: i64 = -1;
const NO_PRODUCER_EPOCH: i16 = -1;

/// The producer ids that this shard may give out.
#[derive(Debug, Default)]
pub struct ProducerIds {
    next: ProducerId,
    end: ProducerId,
}

impl ProducerIds {
    fn take(&mut self) -> Option<ProducerId> {
        let id = (self.next < self.end).then_some(self.next)?;
        self.next += 1;
        Some(id)
    }
}

/// Give out an id, after fetching a block if none is left.
pub fn plan(
    context: &RequestContext,
    request: InitProducerIdRequest,
    attempt: Attempt,
    parts: &mut Parts<'_>,
) -> Plan {
    if let Some(error) = refusal(parts.access(context), &request) {
        return refuse(error);
    }
    // A producer that goes on with its id names both, one that begins neither (KIP-360).
    if (request.producer_id == NO_PRODUCER_ID) != (request.producer_epoch == NO_PRODUCER_EPOCH) {
        return refuse(ErrorCode::InvalidRequest);
    }
    if request.transactional_id.is_some() {
        // Retrying would not help, so the code is one that ends the producer at once.
        let is_empty = request.transactional_id.as_deref() == Some("");
        return refuse(if is_empty {
            ErrorCode::InvalidRequest
        } else {
            ErrorCode::UnsupportedVersion
        });
    }
    match parts.producer_ids.take() {
        Some(producer_id) => Plan::answer(InitProducerIdResponse {
            producer_id,
            producer_epoch: 0,
            ..Default::default()
        }),
        None if attempt == Attempt::First => {
            let gather = ControllerGather::again(AnyRequest::InitProducerId(request));
            let broker_id = parts.config().node_id;
            let broker = parts.image.brokers.get(&broker_id);
            let block = AllocateProducerIdsRequest {
                broker_id,
                broker_epoch: broker.map_or(-1, |broker| broker.epoch),
                ..Default::default()
            };
            Plan::controller(
                ControllerRequest::AllocateProducerIds(block),
                Gather::Controller(gather),
            )
        }
        None => refuse(ErrorCode::CoordinatorLoadInProgress),
    }
}

/// Why the client may not have an id: who may write to any topic at all may produce idempotently.
fn refusal(access: Access<'_>, request: &InitProducerIdRequest) -> Option<ErrorCode> {
    let (is_allowed, error) = match &request.transactional_id {
        Some(id) => (
            access.allows(Operation::Write, ResourceType::TransactionalId, id),
            ErrorCode::TransactionalIdAuthorizationFailed,
        ),
        None => (
            access.would_allow_cluster(Operation::IdempotentWrite)
                || access.allows_any(Operation::Write, ResourceType::Topic),
            ErrorCode::ClusterAuthorizationFailed,
        ),
    };
    (!is_allowed).then_some(error)
}

/// The controller gave a block, or could not.
pub fn on_block(parts: &mut Parts<'_>, block: &AllocateProducerIdsResponse) {
    if block.error_code == ErrorCode::None.code() {
        let first = block.producer_id_start;
        parts.producer_ids.next = first;
        parts.producer_ids.end = first.saturating_add(i64::from(block.producer_id_len));
    } else {
        let error = block.error_code;
        tracing::error!(error, "no producer ids are left to be given out");
    }
}

fn refuse(error: ErrorCode) -> Plan {
    Plan::answer(InitProducerIdResponse {
        error_code: error.code(),
        producer_id: -1,
        producer_epoch: -1,
        ..Default::default()
    })
}
