//! Fetch and FetchSnapshot of the metadata log, Vote, BeginQuorumEpoch, EndQuorumEpoch,
//! DescribeQuorum, and changes of the voters: all asked of the quorum.

use crate::metadata::ControllerRequest;
use crate::model::{ErrorCode, ShardId};
use crate::protocol::AnyResponse;
use crate::protocol::messages::{
    AddRaftVoterRequest, AddRaftVoterResponse, BeginQuorumEpochRequest, BeginQuorumEpochResponse,
    DescribeClusterRequest, DescribeQuorumRequest, DescribeQuorumResponse, EndQuorumEpochRequest,
    EndQuorumEpochResponse, FetchRequest, FetchResponse, FetchSnapshotRequest,
    FetchSnapshotResponse, RemoveRaftVoterRequest, RemoveRaftVoterResponse, UpdateRaftVoterRequest,
    UpdateRaftVoterResponse, VoteRequest, VoteResponse,
};
use crate::quorum::{QuorumCall, QuorumRequest, QuorumResponse};
use crate::security::{Operation, refusal_text};
use crate::shard::request::RequestContext;
use crate::shard::task::Task;

use super::{Gather, Parts, Plan, Tasks, forward};

const REFUSED: ErrorCode = ErrorCode::ClusterAuthorizationFailed;

/// The one answer of the quorum.
#[derive(Debug, Default)]
pub struct QuorumGather {
    response: Option<Box<QuorumResponse>>,
    /// What the client may do with the cluster, for the answer that tells it.
    operations: Option<i32>,
}

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
    if is_for_leader(context, parts) {
        return forward::plan(ControllerRequest::DescribeQuorum(request), None);
    }
    ask(context, QuorumCall::DescribeQuorum(request), parts)
}

/// A node gets a vote.
pub fn plan_add_voter(
    context: &RequestContext,
    request: AddRaftVoterRequest,
    parts: &Parts<'_>,
) -> Plan {
    if !parts.access(context).allows_cluster(Operation::Alter) {
        return Plan::answer(AddRaftVoterResponse {
            error_code: REFUSED.code(),
            error_message: Some(refusal_text(REFUSED).to_owned()),
            ..Default::default()
        });
    }
    if is_for_leader(context, parts) {
        return forward::plan(ControllerRequest::AddRaftVoter(request), None);
    }
    ask(context, QuorumCall::AddRaftVoter(request), parts)
}

/// A node loses its vote.
pub fn plan_remove_voter(
    context: &RequestContext,
    request: RemoveRaftVoterRequest,
    parts: &Parts<'_>,
) -> Plan {
    if !parts.access(context).allows_cluster(Operation::Alter) {
        return Plan::answer(RemoveRaftVoterResponse {
            error_code: REFUSED.code(),
            error_message: Some(refusal_text(REFUSED).to_owned()),
            ..Default::default()
        });
    }
    if is_for_leader(context, parts) {
        return forward::plan(ControllerRequest::RemoveRaftVoter(request), None);
    }
    ask(context, QuorumCall::RemoveRaftVoter(request), parts)
}

/// A voter is reached elsewhere.
pub fn plan_update_voter(
    context: &RequestContext,
    request: UpdateRaftVoterRequest,
    parts: &Parts<'_>,
) -> Plan {
    let refused = UpdateRaftVoterResponse {
        error_code: REFUSED.code(),
        ..Default::default()
    };
    ask_as_node(
        (context, parts),
        QuorumCall::UpdateRaftVoter(request),
        refused,
    )
}

/// The controllers, as admin clients are told of them that ask one.
pub fn plan_describe_cluster(
    context: &RequestContext,
    request: DescribeClusterRequest,
    operations: i32,
    parts: &Parts<'_>,
) -> Plan {
    let gather = QuorumGather {
        operations: Some(operations),
        ..QuorumGather::default()
    };
    ask_for(context, QuorumCall::DescribeCluster(request), gather, parts)
}

/// True for clients of a broker whose node may only follow: who leads knows who follows, and
/// changes who votes. On a listener of controllers nothing is passed on.
fn is_for_leader(context: &RequestContext, parts: &Parts<'_>) -> bool {
    parts.config().is_broker_that_joins() && !parts.is_of_controller(context)
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
    ask_for(context, call, QuorumGather::default(), parts)
}

fn ask_for(
    context: &RequestContext,
    call: QuorumCall,
    gather: QuorumGather,
    parts: &Parts<'_>,
) -> Plan {
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
        gather: Box::new(Gather::Quorum(gather)),
    }
}

impl QuorumGather {
    /// The quorum answered, or it does not work.
    pub fn on_reply(&mut self, response: Option<Box<QuorumResponse>>) {
        self.response = response;
    }

    /// Pass the answer on.
    pub fn finish(self) -> Plan {
        let operations = self.operations;
        match self.response {
            Some(mut response) => {
                if let (AnyResponse::DescribeCluster(described), Some(operations)) =
                    (response.as_mut(), operations)
                {
                    described.cluster_authorized_operations = operations;
                }
                Plan::Answer(response)
            }
            None => Plan::Close("the metadata quorum does not answer".to_owned()),
        }
    }
}
