//! Fetch and FetchSnapshot of the metadata log, Vote, BeginQuorumEpoch, EndQuorumEpoch and
//! DescribeQuorum: all asked of the quorum.

use crate::metadata::ControllerRequest;
use crate::model::{ErrorCode, ShardId};
use crate::protocol::AnyResponse;
use crate::protocol::messages::{
    BeginQuorumEpochRequest, BeginQuorumEpochResponse, DescribeQuorumRequest,
    DescribeQuorumResponse, EndQuorumEpochRequest, EndQuorumEpochResponse, FetchRequest,
    FetchResponse, FetchSnapshotRequest, FetchSnapshotResponse, VoteRequest, VoteResponse,
};
use crate::quorum::{QuorumCall, QuorumRequest, QuorumResponse};
use crate::security::{Operation, refusal_text};
use crate::shard::request::RequestContext;
use crate::shard::task::Task;

use super::{Gather, Parts, Plan, Tasks, forward};

const REFUSED: ErrorCode = ErrorCode::ClusterAuthorizationFailed;

/// The one answer of the quorum.
#[derive(Debug)]
pub struct QuorumGather(Option<Box<QuorumResponse>>);

/// On a listener of the controller: the metadata log is all that there is to be fetched.
pub fn plan_fetch(context: &RequestContext, request: FetchRequest, parts: &Parts<'_>) -> Plan {
    let refused = FetchResponse {
        error_code: REFUSED.code(),
        ..Default::default()
    };
    ask_as_node((context, parts), QuorumCall::Fetch(request), refused)
}

/// A part of a snapshot of the metadata.
pub fn plan_fetch_snapshot(
    context: &RequestContext,
    request: FetchSnapshotRequest,
    parts: &Parts<'_>,
) -> Plan {
    let refused = FetchSnapshotResponse {
        error_code: REFUSED.code(),
        ..Default::default()
    };
    ask_as_node(
        (context, parts),
        QuorumCall::FetchSnapshot(request),
        refused,
    )
}

/// A vote.
pub fn plan_vote(context: &RequestContext, request: VoteRequest, parts: &Parts<'_>) -> Plan {
    let refused = VoteResponse {
        error_code: REFUSED.code(),
        ..Default::default()
    };
    ask_as_node((context, parts), QuorumCall::Vote(request), refused)
}

/// A node leads the quorum.
pub fn plan_begin_epoch(
    context: &RequestContext,
    request: BeginQuorumEpochRequest,
    parts: &Parts<'_>,
) -> Plan {
    let refused = BeginQuorumEpochResponse {
        error_code: REFUSED.code(),
        ..Default::default()
    };
    ask_as_node(
        (context, parts),
        QuorumCall::BeginQuorumEpoch(request),
        refused,
    )
}

/// A node leads the quorum no more.
pub fn plan_end_epoch(
    context: &RequestContext,
    request: EndQuorumEpochRequest,
    parts: &Parts<'_>,
) -> Plan {
    let refused = EndQuorumEpochResponse {
        error_code: REFUSED.code(),
        ..Default::default()
    };
    ask_as_node(
        (context, parts),
        QuorumCall::EndQuorumEpoch(request),
        refused,
    )
}

/// Who leads, who votes, who follows.
pub fn plan_describe(
    context: &RequestContext,
    request: DescribeQuorumRequest,
    parts: &Parts<'_>,
) -> Plan {
    if !parts.access(context).allows_cluster(Operation::Describe) {
        return Plan::answer(DescribeQuorumResponse {
            error_code: REFUSED.code(),
            error_message: Some(refusal_text(REFUSED).to_owned()),
            ..Default::default()
        });
    }
    if parts.config().is_broker_that_joins() && !parts.is_of_controller(context) {
        // Who leads knows who follows, and this node may only follow.
        return forward::plan(ControllerRequest::DescribeQuorum(request), None);
    }
    ask(context, QuorumCall::DescribeQuorum(request), parts)
}

/// Ask what nodes of the cluster ask, if the client is allowed to act as one; else answer
/// `refused`.
fn ask_as_node(
    (context, parts): (&RequestContext, &Parts<'_>),
    call: QuorumCall,
    refused: impl Into<AnyResponse>,
) -> Plan {
    let access = parts.access(context);
    match access.allows_cluster(Operation::ClusterAction) {
        true => ask(context, call, parts),
        false => Plan::answer(refused),
    }
}

fn ask(context: &RequestContext, call: QuorumCall, parts: &Parts<'_>) -> Plan {
    let request = QuorumRequest {
        call,
        version: context.version,
        listener: parts.listener_name(context).to_owned(),
        received_at: context.received_at,
    };
    let mut tasks = Tasks::default();
    tasks.push(ShardId(0), 0, Task::Quorum(Box::new(request)));
    Plan::Tasks {
        tasks,
        gather: Box::new(Gather::Quorum(QuorumGather(None))),
    }
}

impl QuorumGather {
    /// The quorum answered, or it does not work.
    pub fn on_reply(&mut self, response: Option<Box<QuorumResponse>>) {
        self.0 = response;
    }

    /// Pass the answer on.
    pub fn finish(self) -> Plan {
        match self.0 {
            Some(response) => Plan::Answer(response),
            None => Plan::Close("the metadata quorum does not answer".to_owned()),
        }
    }
}
